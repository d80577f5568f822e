// SPDX-License-Identifier: AGPL-3.0-or-later
// /me and one's own sessions.
#include "api/me.h"
#include "api/answer.h"
#include "api/app.h"
#include "api/limits.h"
#include "api/routes.h"
#include "api/version.h"
#include "desk/agent.h"
#include "desk/session.h"
#include "desk/workspace.h"

enum { PASSWORD_PER_MINUTE = 2, PASSWORD_BURST = 10 };

static const struct type named_type = {
    "WorkspaceRef",
    (const struct field[]){
        {.name = "id", .kind = FIELD_I64, .offset = 0},
        {.name = "name", .kind = FIELD_STR, .offset = sizeof(i64)},
        FIELD_END,
    },
    sizeof(((struct me *)0)->workspace),
};

const struct type me_type = {
    "Me",
    (const struct field[]){
        FIELD(me, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(me, FIELD_STR, name, 0),
        FIELD(me, FIELD_STR, email, FIELD_READ_ONLY),
        FIELD(me, FIELD_ENUM, role, FIELD_READ_ONLY, .names = role_names),
        FIELD(me, FIELD_STRS, rights, FIELD_READ_ONLY, .doc = "read, note, reply, triage, lead, admin, own"),
        FIELD(me, FIELD_STRUCT, workspace, FIELD_READ_ONLY, .type = &named_type),
        FIELD(me, FIELD_STR, language, 0, .doc = "of the page; empty follows the browser"),
        FIELD(me, FIELD_JSON, settings, 0, .doc = "the page's own"),
        FIELD(me, FIELD_STR, signature, 0, .doc = "below one's answers, where the channel allows"),
        FIELD(me, FIELD_BOOL, has_password, FIELD_READ_ONLY,
              .doc = "false after signing in by a link: a new one needs no old one"),
        FIELD(me, FIELD_BOOL, must_enroll, FIELD_READ_ONLY,
              .doc = "a second factor has to be set up before anything else"),
        FIELD(me, FIELD_BOOL, all_channels, FIELD_READ_ONLY),
        FIELD(me, FIELD_BOOL, all_teams, FIELD_READ_ONLY),
        FIELD(me, FIELD_IDS, channel_ids, FIELD_READ_ONLY),
        FIELD(me, FIELD_IDS, team_ids, FIELD_READ_ONLY),
        FIELD(me, FIELD_STR, version, FIELD_READ_ONLY, .doc = "of Heed"),
        FIELD_END,
    },
    sizeof(struct me),
};

static void put_rights(struct me *me, enum role role, struct arena *arena)
{
    static const struct {
        enum right right;
        const char *name;
    } rights[] = {{MAY_READ, "read"}, {MAY_NOTE, "note"},   {MAY_REPLY, "reply"}, {MAY_TRIAGE, "triage"},
                  {MAY_LEAD, "lead"}, {MAY_ADMIN, "admin"}, {MAY_OWN, "own"}};
    struct actor actor = {.role = role, .scopes = SCOPE_ALL};
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        if (actor_may(&actor, rights[i].right))
            *list_push(&me->rights, arena) = str_from(rights[i].name);
    }
}

bool me_load(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena, struct me *out,
             struct err *err)
{
    struct agent agent;
    struct workspace workspace;
    if (!agent_get(conn, workspace_id, agent_id, arena, &agent, err) ||
        !workspace_get(conn, workspace_id, arena, &workspace, err))
        return false;
    *out = (struct me){
        .id = agent.id,
        .name = agent.name,
        .email = agent.email,
        .role = agent.role,
        .language = agent.language,
        .settings = agent.settings,
        .signature = agent.signature,
        .version = S(HEED_VERSION),
        .workspace = {workspace.id, workspace.name},
        .has_password = str_given(agent.password_hash),
        .all_channels = agent.all_channels,
        .all_teams = agent.all_teams,
        .channel_ids = agent.channel_ids,
        .team_ids = agent.team_ids,
    };
    put_rights(out, role_find(agent.role), arena);
    struct actor actor = {};
    if (!actor_load(conn, agent_id, arena, &actor, err))
        return false;
    out->must_enroll = actor.must_enroll;
    return true;
}

struct str sign_in_url(const struct app *app, struct arena *arena, struct str code)
{
    return str_printf(arena, "%.*s/sign-in#%.*s", STR_ARG(app->public_url), STR_ARG(code));
}

static bool get_me(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct me me;
    if (!me_load(conn, req->actor.workspace_id, req->actor.agent_id, req->arena, &me, err))
        return false;
    reply_value(reply, 200, &me_type, &me);
    return true;
}

static struct str password_tries(const struct request *req)
{
    return str_printf(req->arena, "password|%lld", (long long)req->actor.agent_id);
}

void me_knew_password(struct request *req)
{
    limit_give(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT, password_tries(req));
}

bool me_may_try_password(struct request *req, struct err *err)
{
    int retry_s = 1;
    if (req->actor.session_id == 0)
        return err_set(err, ERR_DENIED, "A token cannot do this; sign in.");
    return limit_take(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT, password_tries(req), PASSWORD_PER_MINUTE,
                      PASSWORD_BURST, &retry_s) ||
           err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many passwords were tried for this account.");
}

struct me_change {
    struct me_patch patch;
    field_set given;
    struct str hash;
};

// A new password needs the old one (whoever has none signed in by a code, which forgets it).
static bool prepare_password(struct request *req, struct me_change *change, struct err *err)
{
    struct agent agent;
    if (!me_may_try_password(req, err))
        return false;
    struct conn *conn = db_take(req->app->db);
    bool found = agent_get(conn, req->actor.workspace_id, req->actor.agent_id, req->arena, &agent, err);
    db_give(req->app->db, conn);
    if (!found || !agent_check_password(change->patch.password, agent.email, err))
        return false;
    if (str_given(agent.password_hash) &&
        !password_verify(agent.password_hash, change->patch.current_password))
        return err_field(err, "current_password", "wrong", "This is not the current password.");
    me_knew_password(req);
    return password_hash(req->arena, change->patch.password, &change->hash) ||
           err_set(err, ERR_UNAVAILABLE, "There is no memory to hash a password right now.");
}

static bool prepare_me(struct request *req, struct err *err)
{
    struct me_change *change = arena_new(req->arena, struct me_change);
    req->data = change;
    if (!request_decode(req, &me_patch_type, false, &change->patch, &change->given, err))
        return false;
    return !field_given(&me_patch_type, change->given, "password") || prepare_password(req, change, err);
}

static bool patch_me(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct me_change *change = req->data;
    struct me me;
    if (!agent_update_me(tx, &req->actor, &change->patch, change->given, change->hash, err) ||
        !me_load(tx->conn, req->actor.workspace_id, req->actor.agent_id, tx->arena, &me, err))
        return false;
    reply_value(reply, 200, &me_type, &me);
    return true;
}

static bool list_sessions(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct session_list list = {};
    if (!session_list(conn, &req->actor, req->now, req->arena, &list, err))
        return false;
    reply_list(reply, &session_type, &list, STR_NONE);
    return true;
}

static bool end_session(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && session_end(tx, &req->actor, id, err);
}

static bool end_others(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    (void)reply;
    return session_end_others(tx, req->actor.workspace_id, req->actor.agent_id, req->actor.session_id, err);
}

const struct route me_routes[] = {
    {HTTP_GET_, "/api/v1/me", MAY_READ, "getMe", "Who is signed in, and what they may do", .out = &me_type,
     .success = 200, .flags = ROUTE_ENROLL, .read = get_me},
    {HTTP_PATCH_, "/api/v1/me", MAY_READ, "updateMe", "Change one's own name, language, settings or password",
     .in = &me_patch_type, .out = &me_type, .success = 200, .flags = ROUTE_HASH | ROUTE_ENROLL,
     .prepare = prepare_me, .write = patch_me},
    {HTTP_GET_, "/api/v1/sessions", MAY_READ, "listSessions", "Where one is signed in", .out = &session_type,
     .out_list = true, .success = 200, .read = list_sessions},
    {HTTP_DELETE_, "/api/v1/sessions", MAY_READ, "endOtherSessions", "Sign out everywhere but here",
     .success = 204, .write = end_others},
    {HTTP_DELETE_, "/api/v1/sessions/{id}", MAY_READ, "endSession", "Sign out somewhere", .success = 204,
     .write = end_session},
    {},
};
