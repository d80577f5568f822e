// SPDX-License-Identifier: AGPL-3.0-or-later
// Group commit on SQLite: what gathered while the last COMMIT was on its way to the disk is the next
// group. Each member runs in a savepoint; answers are let go after COMMIT. No timer: an idle writer
// commits one write at once, a busy one many together.
#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"

enum {
    MAX_PEOPLE = 64,
    MAX_INTAKE = 256,
    MAX_READERS = 16,
    MAX_GROUP = MAX_PEOPLE + MAX_INTAKE + MAX_READERS
};
// A group takes no more members after this long, so that heavy members don't hold up the answers of
// light ones; one of each class that waits is always taken.
enum { GROUP_MS = 25, WARN_MS = 10000 };

struct group {
    struct db *db;
    struct conn *conn;
    struct arena *arena;
    struct hooks hooks;
    struct work *members[MAX_GROUP];
    int n;
    i64 warn_at;
    bool taken[3]; // a member of this class is in it
};

// False when the whole transaction was rolled back (disk full does that, whatever the savepoint).
static bool run_member(struct group *g, struct work *work)
{
    struct err ignored = {0};
    if (!conn_control(g->conn, CONTROL_SAVEPOINT, &work->err)) {
        work->ok = false;
        return !sqlite3_get_autocommit(g->conn->lite);
    }
    bool had_events = g->hooks.events;
    work_run(work, g->conn, g->arena, &g->hooks);
    if (sqlite3_get_autocommit(g->conn->lite)) {
        return false;
    }
    if (!work->ok) {
        g->hooks.events = had_events;
        if (!conn_control(g->conn, CONTROL_ROLLBACK_TO, &ignored)) {
            return false;
        }
    }
    if (!conn_control(g->conn, CONTROL_RELEASE, work->ok ? &work->err : &ignored)) {
        work->ok = false;
        return false;
    }
    return true;
}

static void roll_back(struct group *g)
{
    struct err err = {0};
    if (!sqlite3_get_autocommit(g->conn->lite) && !conn_control(g->conn, CONTROL_ROLLBACK, &err)) {
        die("rollback failed: %s", err.text);
    }
    g->hooks.len = 0;
    g->hooks.events = false;
}

static bool commit(struct group *g, struct err *err)
{
    if (conn_control(g->conn, CONTROL_COMMIT, err)) {
        atomic_fetch_add(&g->db->groups, 1);
        return true;
    }
    int code = sqlite3_extended_errcode(g->conn->lite);
    if ((code & 0xff) == SQLITE_IOERR && !sqlite_is_full(g->conn->lite)) {
        // Nobody knows now what is on the disk. A new process recovers from the WAL and knows.
        die("COMMIT failed with an input/output error (%d): %s", code, err->text);
    }
    roll_back(g);
    return false;
}

// One member in a transaction of its own, after the group's was lost.
static void run_alone(struct group *g, struct work *work)
{
    work->ok = false;
    if (!conn_control(g->conn, CONTROL_BEGIN_WRITE, &work->err)) {
        return;
    }
    work_run(work, g->conn, g->arena, &g->hooks);
    if (!work->ok) {
        roll_back(g);
    } else if (!commit(g, &work->err)) {
        work->ok = false;
    } else {
        hooks_fire(&g->hooks, g->db);
    }
}

static void finish_all(struct group *g)
{
    hooks_fire(&g->hooks, g->db);
    for (int i = 0; i < g->n; i++) {
        writer_finish(g->db->writer, g->members[i]);
    }
    g->n = 0;
    memset(g->taken, 0, sizeof(g->taken));
}

static void run_each_alone(struct group *g)
{
    roll_back(g);
    for (int i = 0; i < g->n; i++) {
        struct work *work = g->members[i];
        run_alone(g, work);
        // A full disk fails every write: one line in ten seconds says it as well as thousands.
        if (!work->ok && work->err.code == ERR_UNAVAILABLE && clock_mono() >= g->warn_at) {
            g->warn_at = clock_mono() + WARN_MS;
            log_event(LOG_WARN, "store.write_failed", LOG_C("error", work->err.text));
        }
    }
    finish_all(g);
}

static struct work *take_more(struct group *g, int room[3], i64 started)
{
    if (clock_mono() - started >= GROUP_MS) {
        for (int c = 0; c < 3; c++) {
            room[c] = g->taken[c] ? 0 : 1;
        }
    }
    return writer_take(g->db->writer, false, room);
}

static void add_member(struct group *g, struct work *work)
{
    g->members[g->n++] = work;
    g->taken[work->class_] = true;
}

static void run_group(struct group *g, struct work *first, int room[3])
{
    struct err err = {0};
    i64 started = clock_mono();
    add_member(g, first);
    if (!conn_control(g->conn, CONTROL_BEGIN_WRITE, &err)) {
        first->ok = false;
        first->err = err;
        finish_all(g);
        return;
    }
    for (struct work *work = first; work; work = take_more(g, room, started)) {
        if (work != first) {
            add_member(g, work);
        }
        if (!run_member(g, work)) {
            run_each_alone(g);
            return;
        }
    }
    if (!commit(g, &err)) {
        run_each_alone(g);
        return;
    }
    finish_all(g);
}

void *writer_run_sqlite(void *arg)
{
    struct db *db = arg;
    struct group *g = mem_alloc(sizeof(*g));
    g->db = db;
    g->conn = conn_create(db, true);
    g->arena = arena_create();
    struct err err = {0};
    if (!g->conn->ops->ready(g->conn, &err)) {
        die("%s", err.text);
    }
    for (;;) {
        int room[3] = {MAX_PEOPLE, MAX_INTAKE, MAX_READERS};
        struct work *first = writer_take(db->writer, true, room);
        if (!first) {
            break;
        }
        run_group(g, first, room);
    }
    conn_destroy(g->conn);
    arena_destroy(g->arena);
    mem_free(g->hooks.items);
    mem_free(g);
    return NULL;
}
