// SPDX-License-Identifier: AGPL-3.0-or-later
// See bulk.h. Several are done side by side, a step each, so that a small one does not wait for a large one.
#include "jobs/bulk.h"
#include "base/clock.h"
#include "base/log.h"
#include "desk/bulk.h"
#include "jobs/worker.h"
#include "sql_gen.h"

enum { IDLE_MS = 400, PRUNE_MS = 3600 * 1000, AFTER_FAILURE_MS = 2000 };
#define KEEP_MS ((i64)7 * 24 * 3600 * 1000)

struct bulk_job {
    struct db *db;
    i64 prune_at;
};
struct bulk_turn {
    struct bulk_found found;
    bool more;
};

static bool do_step(struct tx *tx, void *arg, struct err *err)
{
    struct bulk_turn *step = arg;
    return bulk_step(tx, &step->found, &step->more, err);
}

static bool do_prune(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return db_exec(tx->conn, &SQL_bulk_prune, DB_ARGS(db_i64(tx->now - KEEP_MS)), NULL, err);
}

static bool find(struct db *db, const struct bulk_key *key, struct arena *arena, struct bulk_found *out,
                 struct err *err)
{
    struct conn *conn = db_take(db);
    bool fine = bulk_find(conn, key, arena, out, err);
    db_give(db, conn);
    return fine;
}

static bool under_way(struct db *db, struct arena *arena, struct bulk_keys *out, struct err *err)
{
    struct conn *conn = db_take(db);
    bool fine = bulk_under_way(conn, arena, out, err);
    db_give(db, conn);
    return fine;
}

static i64 turn(struct worker *worker, void *arg)
{
    struct bulk_job *job = arg;
    struct arena *arena = arena_take();
    struct bulk_keys keys = {};
    struct err err = {};
    i64 next = IDLE_MS;
    bool fine = true;
    if (clock_mono() >= job->prune_at) {
        job->prune_at = clock_mono() + PRUNE_MS;
        fine = db_write(job->db, WRITE_READER, do_prune, NULL, &err);
    }
    fine = fine && under_way(job->db, arena, &keys, &err);
    if (!fine)
        log_event(LOG_WARN, "bulk.failed", LOG_C("error", err.text));
    for (size_t i = 0; i < keys.len && !worker_stopping(worker); i++) {
        struct bulk_turn step = {};
        struct err why = {};
        if (find(job->db, &keys.items[i], arena, &step.found, &why) &&
            db_write(job->db, WRITE_READER, do_step, &step, &why)) {
            next = step.more ? 0 : next;
            continue;
        }
        fine = false; // the others go on
        log_event(LOG_WARN, "bulk.failed", LOG_I("bulk", keys.items[i].id), LOG_C("error", why.text));
    }
    arena_give(arena);
    return fine ? next : AFTER_FAILURE_MS;
}

struct worker *bulk_job_start(const struct jobs_settings *settings)
{
    static struct bulk_job job; // one in a process
    job = (struct bulk_job){.db = settings->db};
    return worker_start("bulk", turn, &job);
}
