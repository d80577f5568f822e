// SPDX-License-Identifier: AGPL-3.0-or-later
// Where networks post to: verified over the raw bytes, stored, and only after COMMIT answered 202. Nothing
// is parsed here but what the signature and the count need; what it says is the reader's work.
#include "api/answer.h"
#include "api/app.h"
#include "api/backlog.h"
#include "api/limits.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "base/log.h"
#include "desk/channel.h"
#include "desk/intake.h"

enum {
    EVENTS_MAX = 1000,
    BAD_PER_MINUTE = 120, // requests of one address that no channel knows
    BAD_BURST = 120,
};

struct hook {
    struct channel_row channel;
    size_t count;
};

static struct str hook_header(const struct hook_request *hook, const char *name)
{
    return http_header(hook->http, name);
}

static bool refuse(struct request *req, const struct err *why, struct err *err)
{
    int retry_s = 1;
    if (!limit_take(req->app->limiter, LIMIT_PEER, limit_peer_key(req->arena, req->peer), BAD_PER_MINUTE,
                    BAD_BURST, &retry_s))
        return err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many requests that no channel accepts.");
    *err = *why;
    return false;
}

static bool find_channel(struct request *req, struct channel_view *view, struct hook *hook, struct err *err)
{
    i64 id;
    if (!request_id(req, 1, &id, err))
        return false;
    struct conn *conn = db_take(req->app->db);
    bool found = channel_for_hook(conn, id, req->arena, &hook->channel, err);
    db_give(req->app->db, conn);
    if (!found)
        return false;
    if (!str_eq(hook->channel.kind, req->path_values[0]))
        return err_set(err, ERR_NOT_FOUND, "There is no such channel.");
    if (channel_view_open(&hook->channel, req->app->key, req->now, req->arena, view, err))
        return true;
    // Moved, bent or of another key: nobody can sign for it until a person looks.
    log_event(LOG_ERROR, "hook.secret", LOG_I("channel", id), LOG_C("error", err->text));
    return err_retry(err, ERR_UNAVAILABLE, 60, "The secret of this channel cannot be opened.");
}

static bool prepare_hook(struct request *req, struct err *err)
{
    struct hook *hook = arena_new(req->arena, struct hook);
    struct channel_view view = {};
    struct err why = {};
    req->data = hook;
    if (!find_channel(req, &view, hook, &why))
        return why.code == ERR_NOT_FOUND ? refuse(req, &why, err) : (*err = why, false);
    const struct channel_driver *driver = channel_driver_find(hook->channel.kind);
    struct hook_request raw = {.method = S("POST"),
                               .query = req->http->query,
                               .body = req->http->body,
                               .header = hook_header,
                               .http = req->http};
    if (!driver || !driver->verify)
        return refuse(
            req, &(struct err){.code = ERR_NOT_FOUND, .text = "This channel takes no events by post."}, err);
    if (!driver->verify(&view, &raw, req->arena, &why))
        return refuse(req, &why, err);
    if (backlog_of(req->app->db, hook->channel.id) >= req->app->max_waiting)
        return err_retry(err, ERR_RATE_LIMITED, 5,
                         "This channel has too many events waiting; send again later.");
    hook->count = driver->count ? driver->count(req->http->body) : 1;
    if (hook->count > EVENTS_MAX)
        return err_set(err, ERR_TOO_LARGE, "A request holds at most 1,000 events.");
    return true;
}

// The write may run more than once and may be rolled back; what is counted is what was committed.
static void count_hook(void *arg)
{
    const struct hook *hook = arg;
    backlog_add(hook->channel.id);
    metrics_count_hook((i64)hook->count);
}

static bool store_hook(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct hook *hook = req->data;
    i64 id;
    if (!intake_store(tx, hook->channel.workspace_id, hook->channel.id, S("webhook"), S(""), req->http->body,
                      &id, err))
        return false;
    tx_after_commit(tx, count_hook, hook); // the request lives until its answer, which comes after that
    struct json_writer w = json_writer(&reply->body);
    reply->status = 202;
    json_open(&w, '{');
    json_key(&w, "accepted");
    json_put_i64(&w, (i64)hook->count);
    json_close(&w, '}');
    return true;
}

const struct route hook_routes[] = {
    {HTTP_POST_, "/hooks/{kind}/{channel_id}", MAY_ANYONE, "receiveHook",
     "Where a network posts its events, signed in its own way", .success = 202, .flags = ROUTE_INTAKE,
     .prepare = prepare_hook, .write = store_hook},
    {},
};
