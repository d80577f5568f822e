// SPDX-License-Identifier: AGPL-3.0-or-later
// Conversations, their happenings, and the folders' counts.
#include "api/answer.h"
#include "api/routes.h"
#include "desk/card.h"
#include "desk/conversation.h"
#include "desk/folder.h"
#include "desk/merge.h"
#include "live/counts_json.h"

static const char *const sort_names[] = {"urgent", "newest", "waiting", "created", "oldest", NULL};

static bool read_sort(const struct request *req, enum query_sort *ret_sort, struct err *err)
{
    struct str text;
    if (!http_param(req->http, "sort", &text, err))
        return false;
    if (!str_given(text))
        return true;
    for (int i = 0; sort_names[i]; i++) {
        if (str_eq(text, str_from(sort_names[i]))) {
            *ret_sort = (enum query_sort)i;
            return true;
        }
    }
    err_field(err, "sort", "unknown", "sort is one of urgent, newest, oldest, waiting, created.");
    err->code = ERR_SYNTAX;
    return false;
}

static bool list_conversations(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct conversation_page page = {.sort = SORT_URGENT};
    struct conversation_list list = {};
    struct str next = STR_NONE;
    if (!http_param(req->http, "q", &page.q, err) || !http_param(req->http, "cursor", &page.cursor, err) ||
        !read_sort(req, &page.sort, err) || !request_limit(req, &page.limit, err))
        return false;
    if (!str_given(page.q))
        page.q = S("");
    if (!conversation_find(conn, &req->actor, &page, req->arena, &list, &next, err))
        return false;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; i < list.len; i++)
        conversation_encode(&w, &list.items[i]);
    reply_list_close(reply, &w, next);
    return true;
}

static void put_conversation(struct reply *reply, const struct conversation *conversation)
{
    struct json_writer w = json_writer(&reply->body);
    reply->status = 200;
    conversation_encode(&w, conversation);
}

static bool get_conversation(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct conversation conversation = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !conversation_get(conn, &req->actor, id, req->arena, &conversation, err))
        return false;
    put_conversation(reply, &conversation);
    return true;
}

struct conversation_change {
    struct conversation_patch patch;
    field_set given;
};

static bool prepare_conversation(struct request *req, struct err *err)
{
    struct conversation_change *change = arena_new(req->arena, struct conversation_change);
    req->data = change;
    return request_decode(req, &conversation_patch_type, false, &change->patch, &change->given, err);
}

static bool patch_conversation(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct conversation_change *change = req->data;
    struct conversation conversation = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !conversation_update(tx, &req->actor, id, &change->patch, change->given, &conversation, err))
        return false;
    put_conversation(reply, &conversation);
    return true;
}

static bool prepare_merge(struct request *req, struct err *err)
{
    struct merge_draft *draft = arena_new(req->arena, struct merge_draft);
    req->data = draft;
    return request_decode(req, &merge_draft_type, true, draft, NULL, err);
}

static bool post_merge(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct merge_draft *draft = req->data;
    struct conversation conversation = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !conversation_merge(tx, &req->actor, id, draft->from_id, &conversation, err))
        return false;
    put_conversation(reply, &conversation);
    return true;
}

static bool post_unmerge(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct conversation conversation = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !conversation_unmerge(tx, &req->actor, id, &conversation, err))
        return false;
    put_conversation(reply, &conversation);
    return true;
}

static bool prepare_split(struct request *req, struct err *err)
{
    struct split_draft *draft = arena_new(req->arena, struct split_draft);
    req->data = draft;
    return request_decode(req, &split_draft_type, true, draft, NULL, err);
}

static bool post_split(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct split_draft *draft = req->data;
    struct conversation conversation = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !conversation_split(tx, &req->actor, id, draft->message_id, &conversation, err))
        return false;
    put_conversation(reply, &conversation);
    reply->status = 201;
    return true;
}

static bool list_links(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct conversation_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !conversation_links(conn, &req->actor, id, req->arena, &list, err))
        return false;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; i < list.len; i++)
        conversation_encode(&w, &list.items[i]);
    reply_list_close(reply, &w, STR_NONE);
    return true;
}

static bool prepare_link(struct request *req, struct err *err)
{
    struct link_draft *draft = arena_new(req->arena, struct link_draft);
    req->data = draft;
    return request_decode(req, &link_draft_type, true, draft, NULL, err);
}

static bool post_link(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct link_draft *draft = req->data;
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) &&
           conversation_link(tx, &req->actor, id, draft->conversation_id, err);
}

static bool delete_link(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id, other;
    (void)reply;
    return request_id(req, 0, &id, err) && request_id(req, 1, &other, err) &&
           conversation_unlink(tx, &req->actor, id, other, err);
}

static bool mark_read(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && conversation_mark_read(tx, &req->actor, id, err);
}

static bool list_happenings(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct happening_list list = {};
    i64 id, limit;
    if (!request_id(req, 0, &id, err) || !request_limit(req, &limit, err) ||
        !conversation_visible(conn, &req->actor, id, err) ||
        !happening_list(conn, req->actor.workspace_id, id, limit, req->arena, &list, err))
        return false;
    reply_list(reply, &happening_type, &list, STR_NONE);
    return true;
}

static bool get_counts(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct folder_counts counts = {};
    struct folder_tally mentions = {};
    if (!conversation_counts(conn, &req->actor, req->arena, &counts, err) ||
        !folder_count(conn, &req->actor, S(FOLDER_MENTIONS_Q), req->arena, &mentions, err))
        return false;
    struct json_writer w = json_writer(&reply->body);
    reply->status = 200;
    counts_encode(&w, &counts, false, (i64)mentions.ids.len);
    return true;
}

static const struct query_param list_params[] = {
    {"q", "string", "the query language; empty: everything"},
    {"sort", "enum:urgent|newest|oldest|waiting|created", "default urgent"},
    {"limit", "integer", "1 to 100, default 50"},
    {"cursor", "string", "`next` of the page before"},
    {},
};
static const struct query_param limit_params[] = {{"limit", "integer", "1 to 100, default 50"}, {}};

const struct route conversation_routes[] = {
    {HTTP_GET_, "/api/v1/conversations", MAY_READ, "listConversations",
     "Find conversations, most urgent first", .out = &conversation_type, .out_list = true, .success = 200,
     .params = list_params, .read = list_conversations},
    {HTTP_GET_, "/api/v1/conversations/{id}", MAY_READ, "getConversation", "One conversation",
     .out = &conversation_type, .success = 200, .read = get_conversation},
    {HTTP_PATCH_, "/api/v1/conversations/{id}", MAY_TRIAGE, "updateConversation",
     "Close, snooze, assign, tag or prioritise", .in = &conversation_patch_type, .out = &conversation_type,
     .success = 200, .prepare = prepare_conversation, .write = patch_conversation},
    {HTTP_POST_, "/api/v1/conversations/{id}/read", MAY_READ, "markConversationRead", "Somebody opened it",
     .success = 204, .write = mark_read},
    {HTTP_GET_, "/api/v1/conversations/{id}/happenings", MAY_READ, "listHappenings",
     "What colleagues did with a conversation", .out = &happening_type, .out_list = true, .success = 200,
     .params = limit_params, .read = list_happenings},
    {HTTP_POST_, "/api/v1/conversations/{id}/merge", MAY_TRIAGE, "mergeConversation",
     "Another conversation goes into this one, and what comes in its thread later too",
     .in = &merge_draft_type, .out = &conversation_type, .success = 200, .prepare = prepare_merge,
     .write = post_merge},
    {HTTP_POST_, "/api/v1/conversations/{id}/unmerge", MAY_TRIAGE, "unmergeConversation",
     "Take back the merge by which this one went", .out = &conversation_type, .success = 200,
     .write = post_unmerge},
    {HTTP_POST_, "/api/v1/conversations/{id}/split", MAY_TRIAGE, "splitConversation",
     "From a message on it becomes a conversation of its own", .in = &split_draft_type,
     .out = &conversation_type, .success = 201, .prepare = prepare_split, .write = post_split},
    {HTTP_GET_, "/api/v1/conversations/{id}/links", MAY_READ, "listConversationLinks",
     "Conversations that have to do with this one", .out = &conversation_type, .out_list = true,
     .success = 200, .read = list_links},
    {HTTP_POST_, "/api/v1/conversations/{id}/links", MAY_TRIAGE, "linkConversation",
     "Link it with another one, both ways", .in = &link_draft_type, .success = 204, .prepare = prepare_link,
     .write = post_link},
    {HTTP_DELETE_, "/api/v1/conversations/{id}/links/{other}", MAY_TRIAGE, "unlinkConversation",
     "They have nothing to do with each other after all", .success = 204, .write = delete_link},
    {HTTP_GET_, "/api/v1/counts", MAY_READ, "getCounts", "How much is in each folder, as far as one sees",
     .out = &counts_doc_type, .success = 200, .read = get_counts},
    {},
};
