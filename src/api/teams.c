// SPDX-License-Identifier: AGPL-3.0-or-later
// Teams and tags.
#include "api/answer.h"
#include "api/routes.h"
#include "desk/workspace.h"

static bool prepare_name(struct request *req, struct err *err)
{
    struct name_draft *draft = arena_new(req->arena, struct name_draft);
    req->data = draft;
    return request_decode(req, &name_draft_type, true, draft, NULL, err);
}

static bool list_teams(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct team_list list = {};
    if (!team_list(conn, req->actor.workspace_id, req->arena, &list, err))
        return false;
    reply_list(reply, &team_type, &list, STR_NONE);
    return true;
}

static bool reply_team(struct request *req, struct tx *tx, i64 id, int status, struct reply *reply,
                       struct err *err)
{
    struct team team;
    if (!team_get(tx->conn, req->actor.workspace_id, id, tx->arena, &team, err))
        return false;
    reply_value(reply, status, &team_type, &team);
    return true;
}

static bool post_team(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct name_draft *draft = req->data;
    i64 id;
    return team_create(tx, &req->actor, draft->name, &id, err) && reply_team(req, tx, id, 201, reply, err);
}

static bool patch_team(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct name_draft *draft = req->data;
    i64 id;
    return request_id(req, 0, &id, err) && team_rename(tx, &req->actor, id, draft->name, err) &&
           reply_team(req, tx, id, 200, reply, err);
}

static bool delete_team(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && team_delete(tx, &req->actor, id, err);
}

const struct route team_routes[] = {
    {HTTP_GET_, "/api/v1/teams", MAY_READ, "listTeams", "All teams with their members", .out = &team_type,
     .out_list = true, .success = 200, .read = list_teams},
    {HTTP_POST_, "/api/v1/teams", MAY_LEAD, "createTeam", "Make a team", .in = &name_draft_type,
     .out = &team_type, .success = 201, .prepare = prepare_name, .write = post_team},
    {HTTP_PATCH_, "/api/v1/teams/{id}", MAY_LEAD, "renameTeam", "Rename a team", .in = &name_draft_type,
     .out = &team_type, .success = 200, .prepare = prepare_name, .write = patch_team},
    {HTTP_DELETE_, "/api/v1/teams/{id}", MAY_LEAD, "deleteTeam", "Remove a team; its conversations lose it",
     .success = 204, .write = delete_team},
    {},
};

static bool list_tags(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct label_list list = {};
    if (!label_list(conn, &req->actor, req->arena, &list, err))
        return false;
    reply_list(reply, &label_type, &list, STR_NONE);
    return true;
}

static bool reply_tag(struct request *req, struct tx *tx, i64 id, int status, struct reply *reply,
                      struct err *err)
{
    struct label label;
    if (!label_get(tx->conn, &req->actor, id, tx->arena, &label, err))
        return false;
    reply_value(reply, status, &label_type, &label);
    return true;
}

static bool post_tag(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct name_draft *draft = req->data;
    i64 id;
    return label_create(tx, &req->actor, draft->name, &id, err) && reply_tag(req, tx, id, 201, reply, err);
}

static bool patch_tag(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct name_draft *draft = req->data;
    i64 id;
    return request_id(req, 0, &id, err) && label_rename(tx, &req->actor, id, draft->name, err) &&
           reply_tag(req, tx, id, 200, reply, err);
}

const struct route tag_routes[] = {
    {HTTP_GET_, "/api/v1/tags", MAY_READ, "listTags", "All tags, with how much open work carries each",
     .out = &label_type, .out_list = true, .success = 200, .read = list_tags},
    {HTTP_POST_, "/api/v1/tags", MAY_TRIAGE, "createTag", "Make a tag", .in = &name_draft_type,
     .out = &label_type, .success = 201, .prepare = prepare_name, .write = post_tag},
    {HTTP_PATCH_, "/api/v1/tags/{id}", MAY_LEAD, "renameTag", "Rename a tag", .in = &name_draft_type,
     .out = &label_type, .success = 200, .prepare = prepare_name, .write = patch_tag},
    {},
};
