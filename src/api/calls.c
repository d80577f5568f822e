// SPDX-License-Identifier: AGPL-3.0-or-later
// Logged telephone calls, and call-backs.
#include "api/answer.h"
#include "api/routes.h"
#include "desk/call.h"

static bool prepare_call(struct request *req, struct err *err)
{
    struct call_body *body = arena_new(req->arena, struct call_body);
    req->data = body;
    return request_decode(req, &call_body_type, true, body, NULL, err);
}

static bool post_call(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct message message = {};
    if (!call_log(tx, &req->actor, req->data, &message, err))
        return false;
    struct json_writer w = json_writer(&reply->body);
    reply->status = 201;
    message_encode(&w, &message);
    return true;
}

static bool list(struct request *req, struct conn *conn, i64 conversation_id, struct reply *reply,
                 struct err *err)
{
    struct callback_list found = {};
    struct str next, cursor = STR_NONE;
    i64 limit;
    if (!request_limit(req, &limit, err) || !http_param(req->http, "cursor", &cursor, err) ||
        !callback_list(conn, &req->actor, conversation_id, cursor, limit, req->arena, &found, &next, err))
        return false;
    reply_list(reply, &callback_type, &found, next);
    return true;
}

static bool list_callbacks(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    return list(req, conn, 0, reply, err);
}

static bool list_callbacks_of(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    i64 id;
    return request_id(req, 0, &id, err) && list(req, conn, id, reply, err);
}

struct booking {
    struct callback_body body;
    field_set given;
};

static bool prepare_booking(struct request *req, struct err *err)
{
    struct booking *booking = arena_new(req->arena, struct booking);
    req->data = booking;
    return request_decode(req, &callback_body_type, true, &booking->body, NULL, err);
}

static bool prepare_patch(struct request *req, struct err *err)
{
    struct booking *booking = arena_new(req->arena, struct booking);
    req->data = booking;
    return request_decode(req, &callback_patch_type, false, &booking->body, &booking->given, err);
}

static bool post_callback(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct booking *booking = req->data;
    struct callback callback = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !callback_book(tx, &req->actor, id, &booking->body, &callback, err))
        return false;
    reply_value(reply, 201, &callback_type, &callback);
    return true;
}

static bool patch_callback(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct booking *booking = req->data;
    struct callback callback = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !callback_change(tx, &req->actor, id, &booking->body, booking->given, &callback, err))
        return false;
    reply_value(reply, 200, &callback_type, &callback);
    return true;
}

static const struct query_param page_params[] = {
    {"limit", "integer", "1 to 100, default 50"}, {"cursor", "string", "`next` of the page before"}, {}};

const struct route call_routes[] = {
    {HTTP_POST_, "/api/v1/calls", MAY_REPLY, "logCall",
     "Write down a call to or from a customer, and book a call-back with it", .in = &call_body_type,
     .out = &message_type, .success = 201, .prepare = prepare_call, .write = post_call},
    {HTTP_GET_, "/api/v1/callbacks", MAY_READ, "listCallbacks",
     "Call-backs that are booked, soonest first, as far as one sees their conversations",
     .out = &callback_type, .out_list = true, .success = 200, .params = page_params, .read = list_callbacks},
    {HTTP_GET_, "/api/v1/conversations/{id}/callbacks", MAY_READ, "listConversationCallbacks",
     "Call-backs of a conversation, also those that are over", .out = &callback_type, .out_list = true,
     .success = 200, .params = page_params, .read = list_callbacks_of},
    {HTTP_POST_, "/api/v1/conversations/{id}/callbacks", MAY_TRIAGE, "bookCallback",
     "Book a call-back: the conversation is snoozed until then. One is booked already: it is moved",
     .in = &callback_body_type, .out = &callback_type, .success = 201, .prepare = prepare_booking,
     .write = post_callback},
    {HTTP_PATCH_, "/api/v1/callbacks/{id}", MAY_TRIAGE, "updateCallback",
     "Move a call-back, give it to somebody else, or say that it is over", .in = &callback_patch_type,
     .out = &callback_type, .success = 200, .prepare = prepare_patch, .write = patch_callback},
    {},
};
