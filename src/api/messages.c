// SPDX-License-Identifier: AGPL-3.0-or-later
// Messages of a conversation: pages back in time, answers and notes, likes, own deletions, decisions.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/message.h"

static bool id_param(const struct request *req, const char *name, i64 *ret_id, struct err *err)
{
    struct str text;
    *ret_id = -1;
    if (!http_param(req->http, name, &text, err))
        return false;
    if (!str_given(text) || (str_to_i64(text, ret_id) && *ret_id >= 0))
        return true;
    err_field(err, name, "invalid", "%s is the number of a message.", name);
    err->code = ERR_SYNTAX;
    return false;
}

static bool list_messages(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct message_list list = {};
    struct message_start start;
    struct str next = STR_NONE;
    i64 id, limit;
    if (!request_id(req, 0, &id, err) || !request_limit(req, &limit, err) ||
        !http_param(req->http, "cursor", &start.cursor, err) ||
        !id_param(req, "before", &start.before, err) || !id_param(req, "from", &start.from, err) ||
        !message_page(conn, &req->actor, id, &start, limit, req->arena, &list, &next, err))
        return false;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; i < list.len; i++)
        message_encode(&w, &list.items[i]);
    reply_list_close(reply, &w, next);
    return true;
}

static void put_message(struct reply *reply, int status, const struct message *message)
{
    struct json_writer w = json_writer(&reply->body);
    reply->status = status;
    message_encode(&w, message);
}

// Whoever tells what they have seen wants to know that a colleague is writing an answer, too.
static bool check_typing(struct request *req, const struct message_draft *draft, struct err *err)
{
    i64 id;
    if (draft->seen_message_id < 0 || !str_eq(draft->kind, S("reply")))
        return true;
    if (!request_id(req, 0, &id, err))
        return false;
    struct str name = feed_typing(req->app->feed, &req->actor, id, req->arena);
    if (!str_given(name))
        return true;
    err_field(err, "seen_message_id", "being_answered", STR_FMT " is writing an answer.", STR_ARG(name));
    err->code = ERR_CONFLICT;
    return false;
}

// The right of the route is to note; that a reply needs more is looked at with the conversation, so that
// what is not there is 404 for everybody.
static bool prepare_message(struct request *req, struct err *err)
{
    struct message_draft *draft = arena_new(req->arena, struct message_draft);
    draft->route_id = -1;
    draft->seen_message_id = -1;
    req->data = draft;
    return request_decode(req, &message_draft_type, true, draft, NULL, err) && check_typing(req, draft, err);
}

static bool post_message(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_reply(tx, &req->actor, id, req->data, &message, err))
        return false;
    put_message(reply, 201, &message);
    return true;
}

static bool like(struct request *req, struct tx *tx, bool on, struct reply *reply, struct err *err)
{
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_like(tx, &req->actor, id, on, &message, err))
        return false;
    put_message(reply, 200, &message);
    return true;
}

static bool post_like(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    return like(req, tx, true, reply, err);
}

static bool delete_like(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    return like(req, tx, false, reply, err);
}

static bool delete_message(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_delete(tx, &req->actor, id, &message, err))
        return false;
    put_message(reply, 200, &message);
    return true;
}

struct resolution {
    struct str decision;
};
static const char *const decisions[] = {"sent", "send_again", "cancel", NULL};
static const struct type resolution_type = {
    "Resolution",
    (const struct field[]){
        FIELD(resolution, FIELD_ENUM, decision, FIELD_REQUIRED, .names = decisions,
              .doc = "sent: it did arrive; send_again: it did not; cancel: let it be"),
        FIELD_END,
    },
    sizeof(struct resolution),
};

static bool prepare_resolution(struct request *req, struct err *err)
{
    struct resolution *resolution = arena_new(req->arena, struct resolution);
    req->data = resolution;
    return request_decode(req, &resolution_type, true, resolution, NULL, err);
}

static bool post_resolution(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct resolution *resolution = req->data;
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !message_resolve(tx, &req->actor, id, resolution->decision, &message, err))
        return false;
    put_message(reply, 200, &message);
    return true;
}

static const struct query_param list_params[] = {
    {"limit", "integer", "1 to 100, default 50"},
    {"cursor", "string", "`next` of the page before, in its direction"},
    {"before", "integer", "a message: the ones before it"},
    {"from", "integer", "a message: it and the ones that follow; 0: from the first on"},
    {},
};

const struct route message_routes[] = {
    {HTTP_GET_, "/api/v1/conversations/{id}/messages", MAY_READ, "listMessages",
     "Messages from the newest back, or on from one, each page in time order", .out = &message_type,
     .out_list = true, .success = 200, .params = list_params, .read = list_messages},
    {HTTP_POST_, "/api/v1/conversations/{id}/messages", MAY_NOTE, "createMessage",
     "Answer the customer, or write a note (answering needs the right reply)", .in = &message_draft_type,
     .out = &message_type, .success = 201, .prepare = prepare_message, .write = post_message},
    {HTTP_POST_, "/api/v1/messages/{id}/like", MAY_REPLY, "likeMessage", "Like a message on its network",
     .out = &message_type, .success = 200, .write = post_like},
    {HTTP_DELETE_, "/api/v1/messages/{id}/like", MAY_REPLY, "unlikeMessage", "Take a like back",
     .out = &message_type, .success = 200, .write = delete_like},
    {HTTP_DELETE_, "/api/v1/messages/{id}", MAY_REPLY, "deleteMessage",
     "Delete an own message on its network", .out = &message_type, .success = 200, .write = delete_message},
    {HTTP_POST_, "/api/v1/messages/{id}/resolve", MAY_REPLY, "resolveMessage",
     "Say what became of an answer in doubt or failed", .in = &resolution_type, .out = &message_type,
     .success = 200, .prepare = prepare_resolution, .write = post_resolution},
    {},
};
