// SPDX-License-Identifier: AGPL-3.0-or-later
// Writing on PostgreSQL: a few threads with a connection each. Intake is grouped without savepoints;
// when a member fails the group is rolled back and its members run one by one. Deadlocks and
// serialization failures are run again. A COMMIT whose answer was lost is asked about.
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "sql_gen.h"
#include "store/internal.h"
#include <unistd.h>

enum { MAX_GROUP = 256, GROUP_MS = 25, MAX_TRIES = 12, ASK_MS = 15000 };

struct worker {
    struct db *db;
    struct conn *conn;
    struct arena *arena;
    struct hooks hooks;
    struct work *members[MAX_GROUP];
    int n;
};

enum outcome { DONE, FAILED, AGAIN };

static void roll_back(struct worker *w)
{
    struct err ignored = {0};
    w->hooks.len = 0;
    w->hooks.events = false;
    if (w->conn->in_tx && !conn_is_lost(w->conn) && !conn_control(w->conn, CONTROL_ROLLBACK, &ignored)) {
        log_event(LOG_WARN, "store.rollback_failed", LOG_C("error", ignored.text));
    }
    w->conn->in_tx = false;
}

static bool begin(struct worker *w, struct err *err)
{
    w->conn->retry = false;
    w->conn->xid = 0;
    w->conn->in_tx = w->conn->ops->ready(w->conn, err) && conn_control(w->conn, CONTROL_BEGIN_WRITE, err);
    if (!w->conn->in_tx && conn_is_lost(w->conn) && w->conn->pg) {
        // The connection had died while idle; nothing was sent in vain, so try a fresh one at once.
        w->conn->in_tx = w->conn->ops->ready(w->conn, err) && conn_control(w->conn, CONTROL_BEGIN_WRITE, err);
    }
    return w->conn->in_tx;
}

// The connection was lost while COMMIT was on its way: the transaction's number tells what became of it.
static bool ask_outcome(struct worker *w, i64 xid, struct err *err)
{
    i64 until = clock_mono() + ASK_MS;
    while (xid && clock_mono() < until) {
        struct err ignored = {0};
        i64 state = 0;
        if (w->conn->ops->ready(w->conn, &ignored) &&
            db_one_i64(w->conn, &SQL_event_xid_state, DB_ARGS(db_i64(xid)), &state, &ignored) && state != 0) {
            return state == 1 || err_retry(err, ERR_UNAVAILABLE, 1, "The database was away");
        }
        usleep(100000);
    }
    return err_retry(err, ERR_UNAVAILABLE, 2,
                     "The database went away during the write; it may have been done");
}

static bool commit(struct worker *w, struct err *err)
{
    bool ok = conn_control(w->conn, CONTROL_COMMIT, err);
    w->conn->in_tx = false;
    if (!ok && conn_is_lost(w->conn)) {
        ok = ask_outcome(w, w->conn->xid, err);
    }
    if (ok) {
        atomic_fetch_add(&w->db->groups, 1);
    }
    return ok;
}

static enum outcome try_alone(struct worker *w, struct work *work)
{
    work->ok = false;
    work->err = (struct err){.position = -1};
    if (!begin(w, &work->err)) {
        return FAILED;
    }
    work_run(work, w->conn, w->arena, &w->hooks);
    if (!work->ok) {
        bool again = w->conn->retry;
        roll_back(w);
        return again ? AGAIN : FAILED;
    }
    if (commit(w, &work->err)) {
        hooks_fire(&w->hooks, w->db);
        return DONE;
    }
    work->ok = false;
    bool again = w->conn->retry;
    roll_back(w);
    return again ? AGAIN : FAILED;
}

static void run_alone(struct worker *w, struct work *work)
{
    for (int try = 0; try < MAX_TRIES; try++) {
        if (try_alone(w, work) != AGAIN) {
            break;
        }
        // Those who collided don't come back in step.
        usleep((useconds_t)(random_u64() % (u64)(1000 << (try < 6 ? try : 6))));
    }
}

// Takes and runs members until the queue is empty, the group full or its time over.
static bool try_group_waiting(struct worker *w);

// Its members' statements without results are not waited for: what fails is found by the next one that
// has a result or by COMMIT, and then all run again one by one, waiting.
static bool try_group(struct worker *w)
{
    w->conn->lazy = true;
    bool done = try_group_waiting(w);
    w->conn->lazy = false;
    return done;
}

static bool try_group_waiting(struct worker *w)
{
    struct err err = {0};
    int room[3] = {[WRITE_INTAKE] = MAX_GROUP - 1};
    i64 started = clock_mono();
    if (!begin(w, &err)) {
        return false;
    }
    for (struct work *work = w->members[0]; work;) {
        work_run(work, w->conn, w->arena, &w->hooks);
        if (!work->ok) {
            roll_back(w);
            return false;
        }
        bool more = work->class_ == WRITE_INTAKE && clock_mono() - started < GROUP_MS;
        work = more ? writer_take(w->db->writer, false, room) : NULL;
        if (work) {
            w->members[w->n++] = work;
        }
    }
    if (!commit(w, &err)) {
        roll_back(w);
        // Unknown is unknown for all: running them again could do everything twice.
        if (!w->conn->retry && err.code == ERR_UNAVAILABLE) {
            for (int i = 0; i < w->n; i++) {
                w->members[i]->ok = false;
                w->members[i]->err = err;
            }
            return true;
        }
        return false;
    }
    return true;
}

static void run_group(struct worker *w)
{
    if (w->members[0]->class_ != WRITE_INTAKE || !try_group(w)) {
        for (int i = 0; i < w->n; i++) {
            run_alone(w, w->members[i]);
        }
    }
    hooks_fire(&w->hooks, w->db);
    for (int i = 0; i < w->n; i++) {
        writer_finish(w->db->writer, w->members[i]);
    }
    w->n = 0;
}

void *writer_run_postgres(void *arg)
{
    struct db *db = arg;
    struct worker *w = mem_alloc(sizeof(*w));
    w->db = db;
    w->conn = conn_create(db, true);
    w->arena = arena_create();
    for (;;) {
        int room[3] = {1, 1, 1};
        struct work *first = writer_take(db->writer, true, room);
        if (!first) {
            break;
        }
        w->members[w->n++] = first;
        run_group(w);
    }
    conn_destroy(w->conn);
    arena_destroy(w->arena);
    mem_free(w->hooks.items);
    mem_free(w);
    return NULL;
}
