// SPDX-License-Identifier: AGPL-3.0-or-later
// The way of every request, in this order: host, route, size, rate, session or token, query, CSRF, right,
// handler, log. Reads are answered at once; writes are posted (write.c) and no worker waits for them.
#include "api/dispatch.h"
#include "api/answer.h"
#include "api/app.h"
#include "api/guard.h"
#include "api/limits.h"
#include "api/match.h"
#include "api/metrics.h"
#include "api/pages.h"
#include "api/visit.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    BODY_SMALL = 256 * 1024,
    BODY_HOOK = 1024 * 1024,
    BODY_FILE = 25 * 1024 * 1024,
    STRANGER_PER_MINUTE = 600, // requests a minute of one address without a session
    STRANGER_BURST = 200,
};

size_t api_body_limit(enum http_method method, struct str path, void *arg)
{
    const struct route *route;
    struct str values[4];
    unsigned methods;
    (void)arg;
    if (route_match(method, path, &route, values, &methods) != MATCH_OK)
        return BODY_SMALL;
    if (route->flags & ROUTE_BIG_BODY)
        return route->flags & ROUTE_VISITOR ? VISITOR_FILE_MAX : BODY_FILE;
    return route->flags & ROUTE_INTAKE ? BODY_HOOK : BODY_SMALL;
}

void dispatch_finish(struct request *req, struct reply *reply, const struct err *err)
{
    struct http_request *http = req->http;
    const char *name = req->route ? req->route->name : "page";
    if (err)
        reply_problem(reply, err, http->id);
    visit_allow_reading(req, reply);
    int status = reply->status ? reply->status : 200;
    i64 ms = clock_mono() - http->started;
    bool ours = err && err->code == ERR_INTERNAL;
    const char *reason = ours ? err->text : "";
    // Hooks come by the thousand; what they bring is in the database.
    bool quiet = req->route && (req->route->flags & ROUTE_INTAKE) && status < 400;
    log_event(ours    ? LOG_ERROR
              : quiet ? LOG_DEBUG
                      : LOG_INFO,
              "http.request", LOG_I("request", (i64)http->id), LOG_C("method", method_name(http->method)),
              LOG_C("route", name), LOG_I("status", status), LOG_I("ms", ms), LOG_S("peer", req->peer),
              LOG_I("workspace", req->actor.workspace_id), LOG_I("agent", req->actor.agent_id),
              LOG_C("error", reason));
    metrics_request(req->route, status, ms);
    if (reply->take)
        reply->take(req, reply);
    else
        reply_send(http, reply);
}

static void refuse_host(struct request *req, struct reply *reply)
{
    struct err err = {};
    err_set(&err, ERR_DENIED, "This server does not answer to that Host.");
    reply_problem(reply, &err, req->http->id);
    reply->status = 421;
    buf_reset(&reply->body);
    buf_add(&reply->body,
            S("{\"type\":\"about:blank\",\"title\":\"Misdirected Request\",\"status\":421,\"detail\":"
              "\"This server does not answer to that Host.\",\"errors\":[]}"));
    dispatch_finish(req, reply, NULL);
}

static void refuse_method(struct request *req, struct reply *reply, unsigned methods)
{
    reply->status = req->http->method == HTTP_OPTIONS_ ? 204 : 405;
    reply_header(reply, "allow", route_allow(req->arena, methods));
    if (reply->status == 405) {
        reply->content_type = S("application/problem+json");
        buf_add(&reply->body,
                S("{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\",\"status\":405,"
                  "\"detail\":\"This address does not take that method; see Allow.\",\"errors\":[]}"));
    }
    dispatch_finish(req, reply, NULL);
}

// Strangers by address, people and programs by who they are.
static bool check_rate(struct request *req, bool known, struct err *err)
{
    struct app *app = req->app;
    int retry_s = 1;
    if (req->route->flags & (ROUTE_INTAKE | ROUTE_LOCAL))
        return true; // a hook's limit is its channel's backlog, and bad signatures (hooks.c)
    if (known && app->rate_limit == 0)
        return true;
    struct str who = known ? str_printf(req->arena, "%lld/%lld", (long long)req->actor.agent_id,
                                        (long long)req->actor.token_id)
                           : limit_peer_key(req->arena, req->peer);
    bool fine =
        known
            ? limit_take(app->limiter, LIMIT_ACTOR, who, app->rate_limit * 60, app->rate_limit * 5, &retry_s)
            : limit_take(app->limiter, LIMIT_PEER, who, STRANGER_PER_MINUTE, STRANGER_BURST, &retry_s);
    return fine || err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many requests; try again in a moment.");
}

static bool check_body(const struct request *req, struct err *err)
{
    if (req->route->in || (req->route->flags & (ROUTE_RAW_BODY | ROUTE_INTAKE)))
        return true;
    struct str body = str_trim(req->http->body);
    if (body.len == 0 || str_eq(body, S("{}")))
        return true;
    return err_set(err, ERR_SYNTAX, "This address takes no body.");
}

// Everything between the route and the handler, with one reading connection.
static bool admit(struct request *req, struct conn *conn, struct err *err)
{
    enum credential credential = CREDENTIAL_NONE;
    bool anyone = req->route->right == MAY_ANYONE;
    struct err identity = {};
    bool known = guard_identify(req, conn, &credential, &identity);
    if (!known && (!anyone || identity.code != ERR_UNAUTHENTICATED)) {
        // A stranger with a wrong secret is slowed down like any other stranger.
        if (identity.code == ERR_UNAUTHENTICATED && !check_rate(req, false, err))
            return false;
        *err = identity;
        return false;
    }
    if (!known)
        req->actor = (struct actor){}; // an old cookie does not keep anybody from signing in again
    return check_rate(req, req->actor.agent_id > 0, err) && guard_query(req, err) &&
           guard_csrf(req, credential == CREDENTIAL_COOKIE && known, err) && guard_right(req, err) &&
           check_body(req, err);
}

static bool admit_visit(struct request *req, struct conn *conn, struct err *err)
{
    return check_rate(req, false, err) && visit_admit(req, conn, err) && guard_query(req, err) &&
           check_body(req, err);
}

// Routes that look after themselves: no database before the handler (health, hooks).
static bool admit_bare(struct request *req, struct err *err)
{
    return guard_query(req, err);
}

static bool read_key(struct request *req, struct err *err)
{
    struct str key = http_header(req->http, "idempotency-key");
    if (req->http->method != HTTP_POST_ || !str_given(key))
        return true;
    if (key.len == 0 || key.len > 255 || !utf8_valid(key)) {
        err_field(err, "Idempotency-Key", "invalid", "Idempotency-Key has 1 to 255 bytes.");
        err->code = ERR_SYNTAX;
        return false;
    }
    req->idempotency_key = key;
    return true;
}

static void run_route(struct request *req, struct reply *reply)
{
    struct err err = {.position = -1};
    bool bare = req->route->flags & (ROUTE_LOCAL | ROUTE_INTAKE);
    if (!read_key(req, &err)) {
        dispatch_finish(req, reply, &err);
        return;
    }
    struct conn *conn = bare ? NULL : db_take(req->app->db);
    bool visit = req->route->flags & ROUTE_VISITOR;
    bool admitted = bare    ? admit_bare(req, &err)
                    : visit ? admit_visit(req, conn, &err)
                            : admit(req, conn, &err);
    if (admitted && req->route->read && !req->route->prepare) {
        bool done = req->route->read(req, conn, reply, &err);
        if (conn)
            db_give(req->app->db, conn);
        dispatch_finish(req, reply, done ? NULL : &err);
        return;
    }
    if (conn)
        db_give(req->app->db,
                conn); // a write holds no reading connection while it waits, nor who asks the world
    if (!admitted) {
        dispatch_finish(req, reply, &err);
        return;
    }
    dispatch_write(req, reply);
}

void api_handle(struct http_request *http, void *arg)
{
    struct request *req = arena_new(http->arena, struct request);
    struct reply *reply = arena_new(http->arena, struct reply);
    unsigned methods = 0;
    *req = (struct request){.http = http, .arena = http->arena, .app = arg, .now = clock_now()};
    req->peer = guard_peer(http);
    reply_init(reply, http->arena);
    if (!atomic_load(&req->app->ready)) {
        struct err err = {};
        err_retry(&err, ERR_UNAVAILABLE, 1, "Heed is starting.");
        reply_problem(reply, &err, http->id);
        reply_send(http, reply);
        return;
    }
    if (!guard_host(req->app, http)) {
        refuse_host(req, reply);
        return;
    }
    switch (route_match(http->method, http->path, &req->route, req->path_values, &methods)) {
    case MATCH_OK:
        if (req->app->only_works && !(req->route->flags & ROUTE_LOCAL))
            dispatch_finish(req, reply,
                            &(struct err){.code = ERR_NOT_FOUND, .text = "This process only works."});
        else
            run_route(req, reply);
        break;
    case MATCH_METHOD:
        if (visit_preflight(req, reply, methods))
            dispatch_finish(req, reply, NULL);
        else
            refuse_method(req, reply, methods);
        break;
    case MATCH_NONE:
        if (!req->app->only_works && page_answer(req, reply, &methods))
            dispatch_finish(req, reply, NULL);
        else if (methods)
            refuse_method(req, reply, methods);
        else
            dispatch_finish(req, reply,
                            &(struct err){.code = ERR_NOT_FOUND, .text = "There is nothing here."});
        break;
    }
}
