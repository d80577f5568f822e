// SPDX-License-Identifier: AGPL-3.0-or-later
// Starts and stops all background work, in one table's order.
#include "jobs/jobs.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "jobs/attachments.h"
#include "jobs/bulk.h"
#include "jobs/deliver.h"
#include "jobs/digest.h"
#include "jobs/intake.h"
#include "jobs/listen.h"
#include "jobs/names.h"
#include "jobs/pings.h"
#include "jobs/poll.h"
#include "jobs/push.h"
#include "jobs/schedule.h"
#include "jobs/steering.h"
#include "jobs/webhooks.h"
#include "jobs/worker.h"
#include "store/log.h"

struct jobs {
    struct jobs_settings settings;
    struct intake_job *intake;
    struct schedule *schedule;
    struct pings_job *pings;
    struct worker *bulk, *names, *steering;
    struct webhooks_job *webhooks;
    struct push_job *push;
    struct digest_job *digest;
    struct attachments *attachments; // NULL: no nursery here
    struct deliver *deliver;
    struct poll *poll;
    struct listen *listen;
    struct worker *indexer; // NULL: no index kept here
    i64 indexed_at;         // clock_mono of the last turn that learnt something
    i64 index_pause;        // behind it
};
// At least, between two turns under load: larger batches cost less. After a turn that was large already a
// short one, so that millions of old messages are learnt in minutes.
enum { INDEX_PAUSE_MS = 250, INDEX_SHORT_PAUSE_MS = 10, INDEX_LARGE = 4000 };

// ---- The index learns -------------------------------------------------------------------------------

static i64 index_turn(struct worker *worker, void *arg)
{
    struct jobs *jobs = arg;
    struct err err = {};
    i64 n = 0;
    i64 since = clock_mono() - jobs->indexed_at;
    if (since < jobs->index_pause) {
        worker_rest(worker, jobs->index_pause - since);
    }
    if (!search_step(jobs->settings.search, &n, &err)) {
        log_event(LOG_WARN, "search.failed", LOG_C("error", err.text));
        return 1000;
    }
    if (n == 0) {
        return 1000;
    }
    jobs->indexed_at = clock_mono();
    jobs->index_pause = n >= INDEX_LARGE ? INDEX_SHORT_PAUSE_MS : INDEX_PAUSE_MS;
    return 1; // and look once more: more may have come meanwhile
}

// After each commit that wrote events. The watch outlives the jobs (there is no un-watch): it looks here.
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

static void start_indexer(struct jobs *jobs)
{
    if (!jobs->settings.search) {
        return;
    }
    jobs->indexer = worker_start("search", index_turn, jobs);
    watch(jobs->indexer);
    log_watch(jobs->settings.db, events_written, NULL);
}

// ---- All --------------------------------------------------------------------------------------------

bool jobs_start(const struct jobs_settings *settings, struct jobs **ret_jobs, struct err *err)
{
    struct jobs *jobs = mem_alloc(sizeof(*jobs));
    jobs->settings = *settings;
    jobs->intake = intake_job_start(settings);
    jobs->schedule = schedule_start(settings->db);
    jobs->pings = pings_job_start(settings);
    jobs->bulk = bulk_job_start(settings);
    jobs->names = names_job_start(settings);
    jobs->steering = steering_job_start(settings);
    jobs->webhooks = webhooks_job_start(settings);
    jobs->push = push_job_start(settings);
    jobs->digest = digest_job_start(settings);
    jobs->attachments = settings->nursery ? attachments_start(settings) : NULL;
    start_indexer(jobs);
    if (!deliver_start(settings, &jobs->deliver, err) || !poll_start(settings, &jobs->poll, err)) {
        bool ended = jobs_stop(jobs, 10000);
        (void)ended; // the program ends anyway
        return false;
    }
    jobs->listen = listen_start(settings);
    *ret_jobs = jobs;
    return true;
}

static void ask_all(struct jobs *jobs)
{
    if (jobs->listen) {
        listen_ask_stop(jobs->listen);
    }
    if (jobs->poll) {
        poll_ask_stop(jobs->poll);
    }
    if (jobs->deliver) {
        deliver_ask_stop(jobs->deliver);
    }
    if (jobs->attachments) {
        attachments_ask_stop(jobs->attachments);
    }
    intake_job_ask_stop(jobs->intake);
    schedule_ask_stop(jobs->schedule);
    pings_job_ask_stop(jobs->pings);
    worker_ask_stop(jobs->bulk);
    worker_ask_stop(jobs->names);
    worker_ask_stop(jobs->steering);
    webhooks_job_ask_stop(jobs->webhooks);
    push_job_ask_stop(jobs->push);
    digest_job_ask_stop(jobs->digest);
    if (jobs->indexer) {
        watch(NULL);
        worker_ask_stop(jobs->indexer);
    }
}

bool jobs_stop(struct jobs *jobs, int timeout_ms)
{
    if (!jobs) {
        return true;
    }
    i64 until = clock_mono() + timeout_ms;
    ask_all(jobs);
    bool ended = listen_join(jobs->listen, until);
    if (ended) {
        jobs->listen = NULL;
    }
    ended = intake_job_join(jobs->intake, until) && ended;
    ended = schedule_join(jobs->schedule, until) && ended;
    ended = pings_job_join(jobs->pings, until) && ended;
    ended = worker_join(jobs->bulk, until) && ended;
    ended = worker_join(jobs->names, until) && ended;
    ended = worker_join(jobs->steering, until) && ended;
    ended = webhooks_job_join(jobs->webhooks, until) && ended;
    ended = push_job_join(jobs->push, until) && ended;
    ended = digest_job_join(jobs->digest, until) && ended;
    ended = worker_join(jobs->indexer, until) && ended;
    ended = (!jobs->attachments || attachments_join(jobs->attachments, until)) && ended;
    ended = (!jobs->deliver || deliver_join(jobs->deliver, until)) && ended;
    ended = (!jobs->poll || poll_join(jobs->poll, until)) && ended;
    if (ended) {
        mem_free(jobs);
    }
    return ended;
}

i64 jobs_progress_at(const struct jobs *jobs)
{
    i64 intake = intake_job_progress_at(jobs->intake);
    i64 schedule = schedule_progress_at(jobs->schedule);
    return intake < schedule ? intake : schedule;
}
