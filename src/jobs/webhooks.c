// SPDX-License-Identifier: AGPL-3.0-or-later
// See webhooks.h. The attempt is counted and committed before a byte leaves; a process that dies in the
// middle leaves a lease that runs out, and the same id goes out once more. One at a time to an endpoint, and
// one that fails is left alone for a while: it holds up its own events only.
#include "jobs/webhooks.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "channels/standard_webhooks.h"
#include "desk/webhook.h"
#include "jobs/worker.h"

enum { SENDERS = 4, BATCH = 200, GATHER_MS = 50, SEND_MS = 20000, ANSWER_MAX = 64 * 1024 };

struct webhooks_job {
    struct jobs_settings settings;
    struct worker *reader;
    struct worker *senders[SENDERS];
};

// The watch outlives the job (there is no un-watch): it looks here.
static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static struct webhooks_job *watched;

static void events_written(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&watch_lock);
    if (watched) {
        worker_wake(watched->reader);
    }
    pthread_mutex_unlock(&watch_lock);
}

static void watch(struct webhooks_job *job)
{
    pthread_mutex_lock(&watch_lock);
    watched = job;
    pthread_mutex_unlock(&watch_lock);
}

static i64 read_turn(struct worker *worker, void *arg)
{
    struct webhooks_job *job = arg;
    const struct log_reader reader = {.name = "webhooks", .batch = BATCH, .run = webhook_read};
    struct err err = {};
    i64 n = 0;
    worker_rest(worker, GATHER_MS); // under load one turn for many events
    if (!log_reader_step(job->settings.db, &reader, &n, &err)) {
        log_event(LOG_WARN, "webhooks.failed", LOG_C("error", err.text));
        return 1000;
    }
    for (int i = 0; n > 0 && i < SENDERS; i++) {
        worker_wake(job->senders[i]);
    }
    return n > 0 ? 0 : 1000;
}

// ---- One delivery -----------------------------------------------------------------------------------

struct claiming {
    i64 workspace_id, webhook_id, delivery_id;
};

static bool claim(struct tx *tx, void *arg, struct err *err)
{
    struct claiming *claiming = arg;
    return webhook_claim(tx, &claiming->workspace_id, &claiming->webhook_id, &claiming->delivery_id, err);
}

// Nothing to write for a claim that finds nothing: looked at by reading first.
static bool something_due(struct db *db)
{
    struct conn *conn = db_take(db);
    struct err err = {};
    bool due = false;
    if (!webhook_is_due(conn, clock_now(), &due, &err)) {
        log_event(LOG_WARN, "webhooks.failed", LOG_C("error", err.text));
    }
    db_give(db, conn);
    return due;
}

static void send(struct webhooks_job *job, const struct webhook_sending *s, struct arena *arena,
                 struct webhook_answer *out)
{
    struct net_request request = {
        .method = S("POST"), .url = s->url, .body = s->body, .timeout_ms = SEND_MS, .max_answer = ANSWER_MAX};
    struct webhook_secrets secrets = {};
    struct net_answer answer = {};
    i64 began = clock_mono();
    secrets.items[secrets.len++] = s->secret;
    if (s->old_secret.len > 0 && s->old_until > clock_now()) {
        secrets.items[secrets.len++] = s->old_secret;
    }
    *list_push(&request.headers, arena) = (struct net_header){S("content-type"), S("application/json")};
    webhook_sign(&secrets, s->key, clock_now(), arena, &request);
    client_fetch(job->settings.client, &request, 0, arena, &answer); // a redirect is an answer like others
    out->ms = clock_mono() - began;
    if (!answer.got_answer) {
        out->error = utf8_clean(arena, str_copy(arena, str_from(answer.error)));
        return;
    }
    struct str body =
        answer.body.len > WEBHOOK_ANSWER_KEPT ? str_sub(answer.body, 0, WEBHOOK_ANSWER_KEPT) : answer.body;
    out->status = answer.status;
    out->body = utf8_clean(arena, body.ptr ? body : S(""));
    out->retry_at = net_answer_retry_at(&answer, clock_now());
    if (answer.status < 200 || answer.status > 299) {
        out->error = str_printf(arena, "The other side answered HTTP %d.", answer.status);
    }
}

struct finishing {
    const struct webhook_sending *sending;
    const struct webhook_answer *answer;
};

static bool finish(struct tx *tx, void *arg, struct err *err)
{
    const struct finishing *f = arg;
    return webhook_finish(tx, f->sending, f->answer, err);
}

static void deliver(struct webhooks_job *job, const struct claiming *claiming, struct arena *arena)
{
    struct db *db = job->settings.db;
    struct webhook_sending sending = {.workspace_id = claiming->workspace_id,
                                      .webhook_id = claiming->webhook_id,
                                      .delivery_id = claiming->delivery_id};
    struct webhook_answer answer = {.error = S(""), .body = S("")};
    struct err err = {};
    struct conn *conn = db_take(db);
    bool loaded = webhook_load(conn, job->settings.key, claiming->workspace_id, claiming->delivery_id, arena,
                               &sending, &err);
    db_give(db, conn);
    if (loaded && !str_given(sending.stop)) {
        send(job, &sending, arena, &answer);
    }
    struct finishing f = {&sending, &answer};
    if (!loaded || !db_write(db, WRITE_READER, finish, &f, &err)) {
        log_event(LOG_WARN, "webhooks.failed", LOG_I("delivery", claiming->delivery_id),
                  LOG_C("error", err.text)); // the lease runs out, then again
    }
}

static i64 send_turn(struct worker *worker, void *arg)
{
    struct webhooks_job *job = arg;
    struct claiming claiming = {};
    struct err err = {};
    (void)worker;
    if (!something_due(job->settings.db)) {
        return 1000;
    }
    if (!db_write(job->settings.db, WRITE_READER, claim, &claiming, &err)) {
        log_event(LOG_WARN, "webhooks.failed", LOG_C("error", err.text));
        return 1000;
    }
    if (claiming.delivery_id == 0) {
        return 100;
    }
    struct arena *arena = arena_take();
    deliver(job, &claiming, arena);
    arena_give(arena);
    return 0;
}

// ---- All --------------------------------------------------------------------------------------------

struct webhooks_job *webhooks_job_start(const struct jobs_settings *settings)
{
    struct webhooks_job *job = mem_alloc(sizeof(*job));
    job->settings = *settings;
    for (int i = 0; i < SENDERS; i++) {
        job->senders[i] = worker_start("webhook", send_turn, job);
    }
    job->reader = worker_start("webhooks", read_turn, job);
    watch(job);
    log_watch(settings->db, events_written, NULL);
    return job;
}

void webhooks_job_ask_stop(struct webhooks_job *job)
{
    watch(NULL);
    worker_ask_stop(job->reader);
    for (int i = 0; i < SENDERS; i++) {
        worker_ask_stop(job->senders[i]);
    }
}

bool webhooks_job_join(struct webhooks_job *job, i64 until_mono)
{
    if (job && !worker_join(job->reader, until_mono)) {
        return false;
    }
    for (int i = 0; job && i < SENDERS; i++) {
        if (i == 0) {
            job->reader = NULL; // a NULL is joined at once, when we are asked again
        }
        if (!worker_join(job->senders[i], until_mono)) {
            return false;
        }
        job->senders[i] = NULL;
    }
    mem_free(job);
    return true;
}
