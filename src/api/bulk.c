// SPDX-License-Identifier: AGPL-3.0-or-later
// One change to many conversations: asked for, watched, stopped, taken back.
#include "desk/bulk.h"
#include "api/answer.h"
#include "api/routes.h"

struct asked {
    struct bulk_draft draft;
    field_set given;
};

static bool list_bulks(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct bulk_list list = {};
    if (!bulk_list(conn, &req->actor, req->arena, &list, err))
        return false;
    reply_list(reply, &bulk_type, &list, STR_NONE);
    return true;
}

static bool get_bulk(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct bulk bulk = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !bulk_get(conn, &req->actor, id, req->arena, &bulk, err))
        return false;
    reply_value(reply, 200, &bulk_type, &bulk);
    return true;
}

static bool prepare_bulk(struct request *req, struct err *err)
{
    struct asked *asked = arena_new(req->arena, struct asked);
    req->data = asked;
    return request_decode(req, &bulk_draft_type, true, &asked->draft, &asked->given, err);
}

static bool post_bulk(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct asked *asked = req->data;
    struct bulk bulk = {};
    if (!bulk_create(tx, &req->actor, &asked->draft, asked->given, &bulk, err))
        return false;
    reply_value(reply, 201, &bulk_type, &bulk);
    return true;
}

typedef bool act_fn(struct tx *, const struct actor *, i64, struct bulk *, struct err *);

static bool act(struct request *req, struct tx *tx, struct reply *reply, act_fn *fn, struct err *err)
{
    struct bulk bulk = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !fn(tx, &req->actor, id, &bulk, err))
        return false;
    reply_value(reply, 200, &bulk_type, &bulk);
    return true;
}

static bool stop_bulk(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    return act(req, tx, reply, bulk_stop, err);
}

static bool undo_bulk(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    return act(req, tx, reply, bulk_undo, err);
}

const struct route bulk_routes[] = {
    {HTTP_GET_, "/api/v1/bulk", MAY_TRIAGE, "listBulk", "One's last changes to many conversations",
     .out = &bulk_type, .out_list = true, .success = 200, .read = list_bulks},
    {HTTP_POST_, "/api/v1/bulk", MAY_TRIAGE, "createBulk",
     "Change many conversations: a selection, or all that a query finds", .in = &bulk_draft_type,
     .out = &bulk_type, .success = 201, .prepare = prepare_bulk, .write = post_bulk},
    {HTTP_GET_, "/api/v1/bulk/{id}", MAY_TRIAGE, "getBulk", "How far it has come", .out = &bulk_type,
     .success = 200, .read = get_bulk},
    {HTTP_POST_, "/api/v1/bulk/{id}/stop", MAY_TRIAGE, "stopBulk", "Leave the rest as it is",
     .out = &bulk_type, .success = 200, .write = stop_bulk},
    {HTTP_POST_, "/api/v1/bulk/{id}/undo", MAY_TRIAGE, "undoBulk",
     "Take it back, except where somebody changed it again since", .out = &bulk_type, .success = 200,
     .write = undo_bulk},
    {},
};
