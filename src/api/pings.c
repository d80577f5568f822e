// SPDX-License-Identifier: AGPL-3.0-or-later
// One's own pings and how one wants them.
#include "api/answer.h"
#include "api/routes.h"
#include "desk/ping.h"

static bool list_pings(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct ping_list list = {};
    struct str cursor, next;
    i64 limit;
    if (!request_limit(req, &limit, err) || !http_param(req->http, "cursor", &cursor, err) ||
        !ping_list(conn, &req->actor, limit, cursor, req->arena, &list, &next, err))
        return false;
    reply_list(reply, &ping_type, &list, next);
    return true;
}

static bool prepare_seen(struct request *req, struct err *err)
{
    struct ping_marks *marks = arena_new(req->arena, struct ping_marks);
    req->data = marks;
    return request_decode(req, &ping_marks_type, true, marks, NULL, err);
}

static bool post_seen(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    reply->status = 204;
    return ping_see(tx, &req->actor, req->data, err);
}

static bool prepare_shown(struct request *req, struct err *err)
{
    struct ping_shown *shown = arena_new(req->arena, struct ping_shown);
    req->data = shown;
    return request_decode(req, &ping_shown_type, true, shown, NULL, err);
}

static bool post_shown(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    reply->status = 204;
    return ping_show(tx, &req->actor, req->data, err);
}

static bool get_choice(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct ping_choice choice;
    if (!ping_choice_get(conn, req->actor.workspace_id, req->actor.agent_id, req->arena, &choice, err))
        return false;
    reply_value(reply, 200, &ping_choice_type, &choice);
    return true;
}

// What the body gives goes onto what holds when it is written: two tabs do not undo each other.
static bool patch_choice(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct ping_choice choice;
    if (!ping_choice_get(tx->conn, req->actor.workspace_id, req->actor.agent_id, tx->arena, &choice, err) ||
        !ping_choice_patch(req->http->body, tx->arena, &choice, err) ||
        !ping_choice_set(tx, &req->actor, &choice, err))
        return false;
    reply_value(reply, 200, &ping_choice_type, &choice);
    return true;
}

static bool prepare_choice(struct request *req, struct err *err)
{
    struct ping_choice choice = {.quiet_from = 0, .quiet_to = 1}; // only whether the body can be read
    return ping_choice_patch(req->http->body, req->arena, &choice, err);
}

const struct route ping_routes[] = {
    {HTTP_GET_, "/api/v1/pings", MAY_READ, "listPings", "One's own pings, newest first", .out = &ping_type,
     .out_list = true, .success = 200, .read = list_pings,
     .params = (const struct query_param[]){{"limit", "integer", "1-100, 50 when left out"},
                                            {"cursor", "string", "`next` of the page before"},
                                            {}}},
    {HTTP_POST_, "/api/v1/pings/seen", MAY_READ, "seePings", "Put pings away: some, a conversation's, or all",
     .in = &ping_marks_type, .success = 204, .prepare = prepare_seen, .write = post_seen},
    {HTTP_POST_, "/api/v1/pings/shown", MAY_READ, "showPings",
     "They were on a screen that is looked at: no push is needed, and they reached the person",
     .in = &ping_shown_type, .success = 204, .prepare = prepare_shown, .write = post_shown},
    {HTTP_GET_, "/api/v1/me/pings", MAY_READ, "getPingChoice", "How one wants to be pinged",
     .out = &ping_choice_type, .success = 200, .read = get_choice},
    {HTTP_PATCH_, "/api/v1/me/pings", MAY_READ, "updatePingChoice", "Choose how one is pinged",
     .in = &ping_choice_type, .out = &ping_choice_type, .success = 200, .prepare = prepare_choice,
     .write = patch_choice},
    {},
};
