// SPDX-License-Identifier: AGPL-3.0-or-later
// Who asks: the page's cookie or a bearer token, looked up by hash on every request, so that what was
// ended a moment ago lets nobody in.
#include "api/app.h"
#include "api/guard.h"
#include "desk/session.h"

enum { SECRET_MAX = 128 };

const char *guard_cookie_name(const struct app *app)
{
    return app->secure ? "__Host-heed" : "heed";
}

struct str guard_cookie(const struct app *app, struct arena *arena, struct str secret)
{
    const char *secure = app->secure ? "; Secure" : "";
    if (!str_given(secret))
        return str_printf(arena, "%s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict%s",
                          guard_cookie_name(app), secure);
    return str_printf(arena, "%s=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                      guard_cookie_name(app), STR_ARG(secret), (long long)(SESSION_LONGEST_MS / 1000),
                      secure);
}

// Small writes that nobody waits for: when a session or token was last of use.
struct touch {
    struct arena *arena;
    struct session session;
    struct token token;
};

static bool run_touch(struct tx *tx, void *arg, struct err *err)
{
    struct touch *touch = arg;
    return touch->token.id ? token_touch(tx, &touch->token, err) : session_touch(tx, &touch->session, err);
}

static void touch_done(void *arg, bool ok, const struct err *err)
{
    struct touch *touch = arg;
    (void)ok; // The next use tries again.
    (void)err;
    arena_give(touch->arena);
}

static void post_touch(struct app *app, const struct session *session, const struct token *token)
{
    struct arena *arena = arena_take();
    struct touch *touch = arena_new(arena, struct touch);
    struct err err = {};
    touch->arena = arena;
    // Only numbers are used; the texts belong to the request.
    if (session)
        touch->session = (struct session){
            .id = session->id, .workspace_id = session->workspace_id, .created_at = session->created_at};
    if (token)
        touch->token = (struct token){.id = token->id, .workspace_id = token->workspace_id};
    if (!db_post(app->db, WRITE_READER, run_touch, touch_done, touch, &err))
        arena_give(arena);
}

static bool by_token(struct request *req, struct conn *conn, struct str secret, struct err *err)
{
    struct token token;
    if (secret.len == 0 || secret.len > SECRET_MAX || !str_starts(secret, S("heed_")))
        return err_set(err, ERR_UNAUTHENTICATED, "This token is unknown, over or revoked.");
    if (!token_find(conn, secret, req->now, req->arena, &token, err) ||
        !actor_load(conn, token.agent_id, req->arena, &req->actor, err))
        return false;
    req->actor.token_id = token.id;
    req->actor.scopes = token.scope_set;
    if (req->now - token.last_used_at > 60 * 1000)
        post_touch(req->app, NULL, &token);
    return true;
}

static bool by_cookie(struct request *req, struct conn *conn, struct str secret, struct err *err)
{
    struct session session;
    if (secret.len == 0 || secret.len > SECRET_MAX)
        return err_set(err, ERR_UNAUTHENTICATED, "This session is over; sign in again.");
    if (!session_find(conn, secret, req->now, req->arena, &session, err) ||
        !actor_load(conn, session.agent_id, req->arena, &req->actor, err))
        return false;
    req->actor.session_id = session.id;
    req->actor.scopes = SCOPE_ALL;
    if (req->now - session.last_seen_at > SESSION_TOUCH_MS)
        post_touch(req->app, &session, NULL);
    return true;
}

bool guard_identify(struct request *req, struct conn *conn, enum credential *ret_credential, struct err *err)
{
    struct str authorization = http_header(req->http, "authorization");
    struct str cookie = http_cookie(req->http, guard_cookie_name(req->app));
    *ret_credential = CREDENTIAL_NONE;
    for (size_t i = 0, n = 0; i < req->http->n_headers; i++) {
        n += str_eq(req->http->headers[i].name, S("authorization"));
        if (n > 1)
            return err_set(err, ERR_UNAUTHENTICATED, "There is more than one Authorization header.");
    }
    if (str_given(authorization)) {
        struct str secret;
        struct str scheme = str_cut(authorization, ' ', &secret);
        if (!str_eq_nocase(scheme, S("bearer")) || !str_given(secret))
            return err_set(err, ERR_UNAUTHENTICATED, "Authorization must be: Bearer TOKEN.");
        *ret_credential = CREDENTIAL_TOKEN;
        return by_token(req, conn, secret, err);
    }
    if (str_given(cookie)) {
        *ret_credential = CREDENTIAL_COOKIE;
        return by_cookie(req, conn, cookie, err);
    }
    return true;
}

bool guard_right(const struct request *req, struct err *err)
{
    const struct actor *actor = &req->actor;
    enum right right = req->route->right;
    if (right == MAY_ANYONE)
        return true;
    if (actor->agent_id == 0)
        return err_set(err, ERR_UNAUTHENTICATED, "Sign in first, or send a token.");
    bool safe = req->http->method == HTTP_GET_ || req->http->method == HTTP_HEAD_;
    unsigned needed = right == MAY_METRICS ? SCOPE_METRICS : safe ? SCOPE_READ : SCOPE_WRITE;
    if (right == MAY_ADMIN || right == MAY_OWN)
        needed = SCOPE_ADMIN;
    if ((actor->scopes & needed) != needed)
        return err_set(err, ERR_DENIED, "The token does not have the scope that this needs (%s).",
                       needed == SCOPE_ADMIN     ? "admin"
                       : needed == SCOPE_METRICS ? "metrics"
                       : needed == SCOPE_READ    ? "read"
                                                 : "write");
    if (!actor_may(actor, right))
        return err_set(err, ERR_DENIED, "Your role does not allow this.");
    if (actor->must_enroll && actor->session_id > 0 && !(req->route->flags & ROUTE_ENROLL)) {
        err_field(err, "second_factor", "required",
                  "This workspace wants a second factor of your role: set one up first.");
        err->code = ERR_DENIED;
        return false;
    }
    return true;
}
