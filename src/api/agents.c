// SPDX-License-Identifier: AGPL-3.0-or-later
// Colleagues and the workspace itself.
#include "api/answer.h"
#include "api/app.h"
#include "api/me.h"
#include "api/routes.h"
#include "desk/agent.h"
#include "desk/session.h"
#include "desk/workspace.h"

static bool get_workspace(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct workspace workspace;
    if (!workspace_get(conn, req->actor.workspace_id, req->arena, &workspace, err))
        return false;
    reply_value(reply, 200, &workspace_type, &workspace);
    return true;
}

static bool patch_workspace(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct workspace workspace = {};
    field_set given = 0;
    // Small, and what is not given stays as it is now: so it is read inside the write.
    if (!workspace_patch_decode(tx->conn, &req->actor, req->http->body, tx->arena, &workspace, &given, err) ||
        !workspace_update(tx, &req->actor, &workspace, given, err) ||
        !workspace_get(tx->conn, req->actor.workspace_id, tx->arena, &workspace, err))
        return false;
    reply_value(reply, 200, &workspace_type, &workspace);
    return true;
}

const struct route workspace_routes[] = {
    {HTTP_GET_, "/api/v1/workspace", MAY_READ, "getWorkspace", "The workspace's name and settings",
     .out = &workspace_type, .success = 200, .read = get_workspace},
    {HTTP_PATCH_, "/api/v1/workspace", MAY_ADMIN, "updateWorkspace",
     "Change the workspace's name or settings", .in = &workspace_patch_type, .out = &workspace_type,
     .success = 200, .write = patch_workspace},
    {},
};

static bool list_agents(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct agent_list list = {};
    if (!agent_list(conn, req->actor.workspace_id, req->arena, &list, err))
        return false;
    for (size_t i = 0; i < list.len; i++)
        list.items[i].online = feed_online(req->app->feed, list.items[i].id);
    reply_list(reply, &agent_type, &list, STR_NONE);
    return true;
}

static bool reply_agent(struct request *req, struct tx *tx, i64 id, int status, struct str url,
                        struct reply *reply, struct err *err)
{
    struct agent agent;
    if (!agent_get(tx->conn, req->actor.workspace_id, id, tx->arena, &agent, err))
        return false;
    agent.online = feed_online(req->app->feed, id);
    agent.sign_in_url = url;
    reply_value(reply, status, &agent_type, &agent);
    return true;
}

struct new_agent {
    struct agent_draft draft;
    field_set given;
    struct str hash, code;
};

static bool prepare_agent(struct request *req, struct err *err)
{
    struct new_agent *new_agent = arena_new(req->arena, struct new_agent);
    req->data = new_agent;
    if (!request_decode(req, &agent_draft_type, true, &new_agent->draft, &new_agent->given, err))
        return false;
    new_agent->code = random_token(req->arena, "");
    if (!str_given(new_agent->draft.password))
        return true;
    if (!agent_check_password(new_agent->draft.password, new_agent->draft.email, err))
        return false;
    return password_hash(req->arena, new_agent->draft.password, &new_agent->hash) ||
           err_retry(err, ERR_UNAVAILABLE, 1, "There is no memory to hash a password right now.");
}

static bool post_agent(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct new_agent *new_agent = req->data;
    i64 id;
    if (!agent_create(tx, &req->actor, &new_agent->draft, new_agent->given, new_agent->hash, &id, err) ||
        !code_create(tx, S("sign_in"), req->actor.workspace_id, id, new_agent->code, CODE_INVITE_MS, err))
        return false;
    reply->secret = true;
    return reply_agent(req, tx, id, 201, sign_in_url(req->app, tx->arena, new_agent->code), reply, err);
}

struct agent_change {
    struct agent_patch patch;
    field_set given;
};

static bool prepare_agent_patch(struct request *req, struct err *err)
{
    struct agent_change *change = arena_new(req->arena, struct agent_change);
    req->data = change;
    return request_decode(req, &agent_patch_type, false, &change->patch, &change->given, err);
}

static bool patch_agent(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct agent_change *change = req->data;
    i64 id;
    return request_id(req, 0, &id, err) &&
           agent_update(tx, &req->actor, id, &change->patch, change->given, err) &&
           reply_agent(req, tx, id, 200, STR_NONE, reply, err);
}

struct sign_in_link {
    struct str sign_in_url;
};
static const struct type sign_in_link_type = {
    "SignInLink",
    (const struct field[]){
        FIELD(sign_in_link, FIELD_STR, sign_in_url, FIELD_READ_ONLY,
              .doc = "works once, for 15 minutes; using it forgets the old password"),
        FIELD_END,
    },
    sizeof(struct sign_in_link),
};

static bool prepare_code(struct request *req, struct err *err)
{
    (void)err;
    struct str *code = arena_new(req->arena, struct str);
    *code = random_token(req->arena, "");
    req->data = code;
    return true;
}

static bool post_code(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct str *code = req->data;
    struct agent agent;
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !agent_get(tx->conn, req->actor.workspace_id, id, tx->arena, &agent, err))
        return false;
    if (agent.disabled)
        return err_set(err, ERR_CONFLICT, "This colleague is disabled.");
    if (role_find(agent.role) == ROLE_OWNER && !actor_may(&req->actor, MAY_OWN))
        return err_set(err, ERR_DENIED, "Only an owner lets an owner in.");
    if (!code_create(tx, S("sign_in"), req->actor.workspace_id, id, *code, CODE_SIGN_IN_MS, err))
        return false;
    struct sign_in_link link = {sign_in_url(req->app, tx->arena, *code)};
    reply->secret = true;
    reply_value(reply, 201, &sign_in_link_type, &link);
    return true;
}

const struct route agent_routes[] = {
    {HTTP_GET_, "/api/v1/agents", MAY_READ, "listAgents", "All colleagues", .out = &agent_type,
     .out_list = true, .success = 200, .read = list_agents},
    {HTTP_POST_, "/api/v1/agents", MAY_ADMIN, "createAgent",
     "Add a colleague; answers once with a sign-in link", .in = &agent_draft_type, .out = &agent_type,
     .success = 201, .flags = ROUTE_HASH, .prepare = prepare_agent, .write = post_agent},
    {HTTP_PATCH_, "/api/v1/agents/{id}", MAY_ADMIN, "updateAgent",
     "Change a colleague's name, role or limits", .in = &agent_patch_type, .out = &agent_type, .success = 200,
     .prepare = prepare_agent_patch, .write = patch_agent},
    {HTTP_POST_, "/api/v1/agents/{id}/sign-in-code", MAY_ADMIN, "createSignInCode",
     "A sign-in link for a colleague", .out = &sign_in_link_type, .success = 201, .prepare = prepare_code,
     .write = post_code},
    {},
};
