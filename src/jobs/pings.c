// SPDX-License-Identifier: AGPL-3.0-or-later
// See pings.h. What is pinged is decided in desk/ping.c, inside the write that moves the reader's cursor.
#include "jobs/pings.h"
#include "base/log.h"
#include "base/thread.h"
#include "desk/ping.h"
#include "jobs/worker.h"

enum { BATCH = 500, GATHER_MS = 50 };

struct pings_job {
    struct db *db;
    struct worker *worker;
};

// The watch outlives the job (there is no un-watch): it looks here.
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *watched;

static void events_written(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&watch_lock);
    if (watched) {
        worker_wake(watched);
    }
    pthread_mutex_unlock(&watch_lock);
}

static void watch(struct worker *worker)
{
    pthread_mutex_lock(&watch_lock);
    watched = worker;
    pthread_mutex_unlock(&watch_lock);
}

static i64 turn(struct worker *worker, void *arg)
{
    struct pings_job *job = arg;
    const struct log_reader reader = {.name = "pings", .batch = BATCH, .run = ping_read};
    struct err err = {};
    i64 n = 0;
    worker_rest(worker, GATHER_MS); // under load one turn for many events
    if (!log_reader_step(job->db, &reader, &n, &err)) {
        log_event(LOG_WARN, "pings.failed", LOG_C("error", err.text));
        return 1000;
    }
    return n > 0 ? 0 : 1000;
}

struct pings_job *pings_job_start(const struct jobs_settings *settings)
{
    struct pings_job *job = mem_alloc(sizeof(*job));
    job->db = settings->db;
    job->worker = worker_start("pings", turn, job);
    watch(job->worker);
    log_watch(settings->db, events_written, NULL);
    return job;
}

void pings_job_ask_stop(struct pings_job *job)
{
    watch(NULL);
    worker_ask_stop(job->worker);
}

bool pings_job_join(struct pings_job *job, i64 until_mono)
{
    if (job && !worker_join(job->worker, until_mono)) {
        return false;
    }
    mem_free(job);
    return true;
}
