// SPDX-License-Identifier: AGPL-3.0-or-later
// See push.h. Two senders; an attempt is counted and committed before the first byte. A push that is sent
// twice shows once: its topic and tag replace the one before.
#include "jobs/push.h"
#include "base/clock.h"
#include "base/log.h"
#include "desk/push.h"
#include "jobs/worker.h"
#include "net/url.h"
#include "sql_gen.h"

enum { SENDERS = 2, SEND_MS = 20000, JWT_S = 12 * 3600, ANSWER_MAX = 64 * 1024 };

struct push_job {
    struct jobs_settings settings;
    struct worker *workers[SENDERS];
};

// ---- One push -------------------------------------------------------------------------------------------

static void put_header(struct net_request *request, struct arena *arena, const char *name, struct str value)
{
    *list_push(&request->headers, arena) = (struct net_header){str_from(name), value};
}

static bool make_request(struct push_job *job, const struct push_letter *letter, i64 now, struct arena *arena,
                         struct net_request *request, struct err *err)
{
    struct webpush_pair pair;
    struct url url;
    struct str authorization;
    struct conn *conn = db_take(job->settings.db);
    bool ok = push_key_load(conn, job->settings.key, arena, &pair, err);
    db_give(job->settings.db, conn);
    if (!ok || !url_parse(arena, letter->endpoint, &url, err)) {
        return false;
    }
    bool usual = url.port == (str_eq(url.scheme, S("https")) ? 443 : 80);
    struct str origin =
        usual ? str_printf(arena, "%.*s://%.*s", STR_ARG(url.scheme), STR_ARG(url.host))
              : str_printf(arena, "%.*s://%.*s:%d", STR_ARG(url.scheme), STR_ARG(url.host), url.port);
    ok = webpush_authorization(&pair, origin, str_printf(arena, "mailto:%.*s", STR_ARG(letter->contact)),
                               now / 1000 + JWT_S, arena, &authorization) &&
         webpush_encrypt(letter->point, letter->auth, letter->text, arena, &request->body);
    secret_wipe(&pair, sizeof(pair));
    if (!ok) {
        return err_set(err, ERR_INTERNAL, "The push could not be encrypted.");
    }
    request->method = S("POST");
    request->url = letter->endpoint;
    request->timeout_ms = SEND_MS;
    request->max_answer = ANSWER_MAX;
    put_header(request, arena, "TTL", str_printf(arena, "%lld", (long long)letter->ttl_s));
    put_header(request, arena, "Urgency", letter->urgency);
    put_header(request, arena, "Topic", letter->topic);
    put_header(request, arena, "Content-Encoding", S("aes128gcm"));
    put_header(request, arena, "Content-Type", S("application/octet-stream"));
    put_header(request, arena, "Authorization", authorization);
    return true;
}

static struct push_result judge(const struct push_out *out, const struct net_answer *answer, i64 now,
                                struct arena *arena)
{
    int status = answer->got_answer ? answer->status : 0;
    struct push_result result = {.out = out, .outcome = PUSH_AGAIN};
    result.reason = status ? str_printf(arena, "The push service answered HTTP %d.", status)
                           : str_copy(arena, str_from(answer->error));
    if (status >= 200 && status < 300) {
        result.outcome = PUSH_TAKEN;
    } else if (status == 404 || status == 410) {
        result.outcome = PUSH_GONE;
    } else if (status == 429 || status >= 500 || status == 0) {
        result.retry_at = status ? net_answer_retry_at(answer, now) : 0;
    } else {
        result.outcome = PUSH_REFUSED; // our fault or theirs; never because the browser is gone
    }
    return result;
}

static struct push_result send_one(struct push_job *job, const struct push_out *out, struct arena *arena)
{
    struct push_letter letter;
    struct net_request request = {};
    struct net_answer answer = {};
    struct err err = {};
    i64 now = clock_now();
    struct conn *conn = db_take(job->settings.db);
    bool ok = push_letter_make(conn, job->settings.key, out, now, arena, &letter, &err);
    db_give(job->settings.db, conn);
    if (ok && letter.needless) {
        return (struct push_result){.out = out, .outcome = PUSH_NEEDLESS};
    }
    if (!ok || !make_request(job, &letter, now, arena, &request, &err)) {
        enum push_outcome outcome = err.code == ERR_UNAVAILABLE ? PUSH_AGAIN : PUSH_REFUSED;
        return (struct push_result){
            .out = out, .outcome = outcome, .reason = str_copy(arena, str_from(err.text))};
    }
    client_fetch(job->settings.client, &request, 0, arena, &answer);
    return judge(out, &answer, now, arena);
}

// ---- Turns ----------------------------------------------------------------------------------------------

static bool anything(struct db *db)
{
    struct conn *conn = db_take(db);
    struct err err = {};
    i64 n = 1;
    bool ok = db_one_i64(conn, &SQL_push_anything, DB_ARGS(db_i64(clock_now())), &n, &err);
    db_give(db, conn);
    return !ok || n > 0;
}

struct claiming {
    struct push_out out;
    bool found;
};

static bool claim(struct tx *tx, void *arg, struct err *err)
{
    struct claiming *claiming = arg;
    i64 n;
    return push_fan(tx, &n, err) && push_claim(tx, &claiming->out, &claiming->found, err);
}

static bool settle(struct tx *tx, void *arg, struct err *err)
{
    return push_settle(tx, arg, err);
}

static i64 turn(struct worker *worker, void *arg)
{
    struct push_job *job = arg;
    struct claiming claiming = {};
    struct err err = {};
    (void)worker;
    if (!anything(job->settings.db)) {
        return 1000;
    }
    if (!db_write(job->settings.db, WRITE_READER, claim, &claiming, &err)) {
        log_event(LOG_WARN, "push.claim_failed", LOG_C("error", err.text));
        return 2000;
    }
    if (!claiming.found) {
        return 1000;
    }
    struct arena *arena = arena_take();
    struct push_result result = send_one(job, &claiming.out, arena);
    if (result.outcome == PUSH_REFUSED) {
        log_event(LOG_WARN, "push.refused", LOG_I("device", claiming.out.device_id),
                  LOG_S("reason", result.reason));
    }
    if (!db_write(job->settings.db, WRITE_READER, settle, &result, &err)) {
        log_event(LOG_WARN, "push.settle_failed", LOG_C("error", err.text));
    }
    arena_give(arena);
    return 0;
}

static bool ensure_key(struct tx *tx, void *arg, struct err *err)
{
    return push_key_ensure(tx, arg, err);
}

struct push_job *push_job_start(const struct jobs_settings *settings)
{
    struct push_job *job = mem_alloc(sizeof(*job));
    struct err err = {};
    job->settings = *settings;
    if (!settings->key || !db_write(settings->db, WRITE_READER, ensure_key, (void *)settings->key, &err)) {
        log_event(LOG_WARN, "push.no_key", LOG_C("error", err.text));
    }
    for (int i = 0; i < SENDERS; i++) {
        job->workers[i] = worker_start("push", turn, job);
    }
    return job;
}

void push_job_ask_stop(struct push_job *job)
{
    for (int i = 0; i < SENDERS; i++) {
        worker_ask_stop(job->workers[i]);
    }
}

bool push_job_join(struct push_job *job, i64 until_mono)
{
    for (int i = 0; job && i < SENDERS; i++) {
        if (!worker_join(job->workers[i], until_mono)) {
            return false;
        }
        job->workers[i] = NULL; // a NULL is joined at once, when we are asked again
    }
    mem_free(job);
    return true;
}
