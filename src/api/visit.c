// SPDX-License-Identifier: AGPL-3.0-or-later
// See visit.h. Cross-origin rules: an Origin that is not on the channel's list is refused before anything is
// done; programs of one's own send none. Credentials of browsers (cookies) are never asked for.
#include "api/visit.h"
#include "api/answer.h"
#include "api/app.h"
#include "api/guard.h"
#include "api/limits.h"
#include "api/match.h"
#include "channels/visitor.h"

enum {
    PEER_PER_MINUTE = 300, // of one address, all its visitors together: an office is one address
    PEER_BURST = 150,
    VISITOR_PER_MINUTE = 120,
    VISITOR_BURST = 60,
};

static const char chat_path[] = "/api/chat/v1/";

// STR_NONE: no Origin at all. Two of them are none that anybody allows.
static struct str origin_of(const struct http_request *http, bool *ret_sent)
{
    *ret_sent = false;
    for (size_t i = 0; i < http->n_headers; i++)
        *ret_sent |= str_eq(http->headers[i].name, S("origin"));
    return http_header(http, "origin");
}

static bool may_read(const struct request *req, const struct visitor_channel *channel, struct str origin)
{
    return str_given(origin) && (str_eq(origin, req->app->public_url) ||
                                 visitor_origin_allowed(visitor_setting(channel, "allowed_origins"), origin));
}

static bool check_origin(struct request *req, const struct visitor_channel *channel, struct err *err)
{
    bool sent;
    struct str origin = origin_of(req->http, &sent);
    if (!sent)
        return true;
    if (!may_read(req, channel, origin) && str_eq(channel->kind, S("form")))
        return true; // a form has nothing to read; api/form.c looks at where it comes from
    if (!may_read(req, channel, origin))
        return err_set(err, ERR_DENIED,
                       "This page may not use the channel: its origin is not among the allowed ones.");
    req->cors_origin = origin;
    return true;
}

static bool is_json(struct str content_type)
{
    struct str rest;
    return str_eq_nocase(str_trim(str_cut(content_type, ';', &rest)), S("application/json"));
}

static bool check_type(const struct request *req, struct err *err)
{
    if (req->http->body.len == 0 || (req->route->flags & ROUTE_RAW_BODY))
        return true;
    return is_json(http_header(req->http, "content-type")) ||
           err_set(err, ERR_MEDIA_TYPE, "Content-Type must be application/json.");
}

static bool take(struct request *req, enum limit_kind kind, struct str who, i64 per_minute, i64 burst,
                 struct err *err)
{
    int retry_s = 1;
    return limit_take(req->app->limiter, kind, who, per_minute, burst, &retry_s) ||
           err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many requests; try again in a moment.");
}

static struct str bearer(const struct http_request *http)
{
    struct str secret, authorization = http_header(http, "authorization");
    if (!str_given(authorization) || !str_eq_nocase(str_cut(authorization, ' ', &secret), S("bearer")))
        return STR_NONE;
    return str_given(secret) && str_starts(secret, S("heedv_")) ? secret : STR_NONE;
}

struct touch {
    struct arena *arena;
    struct visitor visitor;
};

static bool run_touch(struct tx *tx, void *arg, struct err *err)
{
    const struct touch *touch = arg;
    return visitor_touch(tx, &touch->visitor, err);
}

static void touch_done(void *arg, bool ok, const struct err *err)
{
    struct touch *touch = arg;
    (void)ok; // the next use tries again
    (void)err;
    arena_give(touch->arena);
}

static void touch(struct app *app, const struct visitor *visitor)
{
    struct arena *arena = arena_take();
    struct touch *touch = arena_new(arena, struct touch);
    struct err err = {};
    *touch = (struct touch){arena,
                            {.id = visitor->id,
                             .workspace_id = visitor->workspace_id,
                             .subject = visitor->subject.len ? S("signed") : S("")}};
    if (!db_post(app->db, WRITE_READER, run_touch, touch_done, touch, &err))
        arena_give(arena);
}

static bool identify(struct request *req, struct conn *conn, struct err *err)
{
    struct visiting *visit = req->visit;
    struct str secret = bearer(req->http);
    if (!str_given(secret))
        return err_set(err, ERR_UNAUTHENTICATED,
                       "A visitor's token is needed: Authorization: Bearer heedv_….");
    if (!visitor_find(conn, &visit->channel, secret, req->now, req->arena, &visit->visitor, err))
        return false;
    if (req->now - visit->visitor.last_seen_at > VISITOR_TOUCH_MS)
        touch(req->app, &visit->visitor);
    return take(req, LIMIT_VISITOR, str_printf(req->arena, "%lld", (long long)visit->visitor.id),
                VISITOR_PER_MINUTE, VISITOR_BURST, err);
}

bool visit_admit(struct request *req, struct conn *conn, struct err *err)
{
    struct visiting *visit = arena_new(req->arena, struct visiting);
    const char *kind = str_starts(str_from(req->route->path), S("/form/")) ? "form" : "chat";
    req->visit = visit;
    if (!take(req, LIMIT_VISITOR_PEER, limit_peer_key(req->arena, req->peer), PEER_PER_MINUTE, PEER_BURST,
              err)) {
        // Before the channel is looked for: a page may read that it shall wait, and for how long.
        req->cors_origin = S("*");
        return false;
    }
    return visitor_channel_find(conn, kind, req->path_values[0], req->arena, &visit->channel, err) &&
           check_origin(req, &visit->channel, err) && check_type(req, err) &&
           (req->route->right != MAY_VISIT || identify(req, conn, err));
}

void visit_allow_reading(struct request *req, struct reply *reply)
{
    if (!str_given(req->cors_origin) || !reply->body.arena)
        return;
    reply_header(reply, "access-control-allow-origin", req->cors_origin);
    reply_header(reply, "access-control-expose-headers", S("retry-after"));
    reply_header(reply, "vary", S("Origin"));
}

bool visit_preflight(struct request *req, struct reply *reply, unsigned methods)
{
    struct visitor_channel channel;
    struct err err = {};
    struct str rest, path = req->http->path;
    bool sent;
    bool form = str_starts(path, S("/form/"));
    if (req->http->method != HTTP_OPTIONS_ || (!form && !str_starts(path, str_from(chat_path))))
        return false;
    struct str key = str_cut(str_sub(path, form ? 6 : sizeof chat_path - 1, path.len), '/', &rest);
    struct conn *conn = db_take(req->app->db);
    bool found = visitor_channel_find(conn, form ? "form" : "chat", key, req->arena, &channel, &err);
    db_give(req->app->db, conn);
    struct str origin = origin_of(req->http, &sent);
    if (!found || !may_read(req, &channel, origin))
        return false; // answered like any OPTIONS, without the words that let a page in
    req->cors_origin = origin;
    reply->status = 204;
    reply_header(reply, "access-control-allow-methods", route_allow(req->arena, methods));
    reply_header(reply, "access-control-allow-headers", S("authorization, content-type, last-event-id"));
    reply_header(reply, "access-control-max-age", S("7200"));
    return true;
}
