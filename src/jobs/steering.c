// SPDX-License-Identifier: AGPL-3.0-or-later
// See steering.h.
#include "jobs/steering.h"
#include "base/log.h"
#include "desk/steering.h"

enum { IDLE_MS = 500, BATCH = 500, AFTER_FAILURE_MS = 5000 };

static i64 turn(struct worker *worker, void *arg)
{
    struct db *db = arg;
    const struct log_reader reader = {.name = "steering", .batch = BATCH, .run = steering_read};
    struct err err = {};
    i64 n = 0;
    (void)worker;
    if (!log_reader_step(db, &reader, &n, &err)) {
        log_event(LOG_WARN, "steering.failed", LOG_C("error", err.text));
        return AFTER_FAILURE_MS;
    }
    return n > 0 ? 1 : IDLE_MS;
}

struct worker *steering_job_start(const struct jobs_settings *settings)
{
    return worker_start("steering", turn, settings->db);
}
