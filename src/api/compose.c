// SPDX-License-Identifier: AGPL-3.0-or-later
// Writing together: drafts, answers for later, ways out, collaborators, handing over, edits and undo.
#include "api/answer.h"
#include "api/routes.h"
#include "desk/route.h"
#include "desk/scheduled.h"
#include "desk/start.h"
#include "desk/together.h"

// ---- Drafts ----

static bool list_drafts(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct draft_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !draft_list(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &draft_type, &list, STR_NONE);
    return true;
}

static bool prepare_draft(struct request *req, struct err *err)
{
    struct draft_body *body = arena_new(req->arena, struct draft_body);
    body->route_id = -1;
    req->data = body;
    return request_decode(req, &draft_body_type, true, body, NULL, err);
}

static bool put_draft(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct draft draft = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !draft_put(tx, &req->actor, id, req->path_values[1], req->data, &draft, err))
        return false;
    reply_value(reply, 200, &draft_type, &draft);
    return true;
}

struct taking {
    i64 agent_id;
    bool replace;
};
static const struct type taking_type = {
    "DraftTaking",
    (const struct field[]){
        FIELD(taking, FIELD_I64, agent_id, FIELD_REQUIRED, .doc = "whose shared draft"),
        FIELD(taking, FIELD_BOOL, replace, 0, .doc = "give up what one has begun oneself"),
        FIELD_END,
    },
    sizeof(struct taking),
};

static bool prepare_taking(struct request *req, struct err *err)
{
    struct taking *taking = arena_new(req->arena, struct taking);
    req->data = taking;
    return request_decode(req, &taking_type, true, taking, NULL, err);
}

static bool take_draft(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct taking *taking = req->data;
    struct draft draft = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !draft_take(tx, &req->actor, id, req->path_values[1], taking->agent_id, taking->replace, &draft, err))
        return false;
    reply_value(reply, 200, &draft_type, &draft);
    return true;
}

// ---- For later ----

static bool list_scheduled(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct scheduled_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !scheduled_list(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &scheduled_type, &list, STR_NONE);
    return true;
}

struct scheduling {
    struct scheduled_body body;
    field_set given;
};

static bool decode_scheduled(struct request *req, bool create, struct err *err)
{
    struct scheduling *s = arena_new(req->arena, struct scheduling);
    s->body.route_id = -1;
    s->body.seen_message_id = -1;
    req->data = s;
    return request_decode(req, &scheduled_body_type, create, &s->body, &s->given, err);
}

static bool prepare_scheduled(struct request *req, struct err *err)
{
    return decode_scheduled(req, true, err);
}

static bool prepare_scheduled_change(struct request *req, struct err *err)
{
    return decode_scheduled(req, false, err);
}

static bool post_scheduled(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct scheduling *s = req->data;
    struct scheduled scheduled = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !scheduled_add(tx, &req->actor, id, &s->body, &scheduled, err))
        return false;
    reply_value(reply, 201, &scheduled_type, &scheduled);
    return true;
}

static bool patch_scheduled(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct scheduling *s = req->data;
    struct scheduled scheduled = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !scheduled_change(tx, &req->actor, id, &s->body, s->given, &scheduled, err))
        return false;
    reply_value(reply, 200, &scheduled_type, &scheduled);
    return true;
}

static bool delete_scheduled(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && scheduled_cancel(tx, &req->actor, id, err);
}

static void put_message(struct reply *reply, int status, const struct message *message)
{
    struct json_writer w = json_writer(&reply->body);
    reply->status = status;
    message_encode(&w, message);
}

static bool send_scheduled(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !scheduled_send_now(tx, &req->actor, id, &message, err))
        return false;
    put_message(reply, 201, &message);
    return true;
}

// ---- Undo, edit, versions ----

static bool undo_message(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct message_draft draft = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_undo(tx, &req->actor, id, &draft, err))
        return false;
    reply_value(reply, 200, &message_draft_type, &draft);
    return true;
}

struct edit_body {
    struct str text;
};
static const struct type edit_type = {
    "MessageEdit",
    (const struct field[]){
        FIELD(edit_body, FIELD_STR, text, FIELD_REQUIRED, .max = 256 * 1024),
        FIELD_END,
    },
    sizeof(struct edit_body),
};

static bool prepare_edit(struct request *req, struct err *err)
{
    struct edit_body *body = arena_new(req->arena, struct edit_body);
    req->data = body;
    return request_decode(req, &edit_type, true, body, NULL, err);
}

static bool patch_message(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct edit_body *body = req->data;
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_edit(tx, &req->actor, id, body->text, &message, err))
        return false;
    put_message(reply, 200, &message);
    return true;
}

static bool list_versions(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct message_versions list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_versions(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &message_version_type, &list, STR_NONE);
    return true;
}

// ---- Ways, collaborators, handing over ----

static bool list_ways(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct way_view_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !way_views(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &way_view_type, &list, STR_NONE);
    return true;
}

static bool prepare_way(struct request *req, struct err *err)
{
    struct way_body *body = arena_new(req->arena, struct way_body);
    req->data = body;
    return request_decode(req, &way_body_type, true, body, NULL, err);
}

static bool post_way(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct way_view_list list = {};
    i64 id, route = 0;
    if (!request_id(req, 0, &id, err) || !start_way(tx, &req->actor, id, req->data, &route, err) ||
        !way_views(tx->conn, &req->actor, id, tx->arena, &list, err))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        if (list.items[i].route_id == route)
            reply_value(reply, 201, &way_view_type, &list.items[i]);
    }
    return true;
}

static bool prepare_start(struct request *req, struct err *err)
{
    struct start_body *body = arena_new(req->arena, struct start_body);
    req->data = body;
    return request_decode(req, &start_body_type, true, body, NULL, err);
}

static bool post_conversation(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct conversation conversation = {};
    if (!start_conversation(tx, &req->actor, req->data, &conversation, err))
        return false;
    struct json_writer w = json_writer(&reply->body);
    reply->status = 201;
    conversation_encode(&w, &conversation);
    return true;
}

static bool list_collaborators(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct collaborator_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !collaborator_list(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &collaborator_type, &list, STR_NONE);
    return true;
}

struct invitation {
    i64 agent_id;
};
static const struct type invitation_type = {
    "Invitation",
    (const struct field[]){
        FIELD(invitation, FIELD_I64, agent_id, FIELD_REQUIRED),
        FIELD_END,
    },
    sizeof(struct invitation),
};

static bool prepare_invitation(struct request *req, struct err *err)
{
    struct invitation *invitation = arena_new(req->arena, struct invitation);
    req->data = invitation;
    return request_decode(req, &invitation_type, true, invitation, NULL, err);
}

static bool post_collaborator(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct invitation *invitation = req->data;
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) &&
           collaborator_set(tx, &req->actor, id, invitation->agent_id, true, err);
}

static bool delete_collaborator(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id, agent;
    (void)reply;
    return request_id(req, 0, &id, err) && request_id(req, 1, &agent, err) &&
           collaborator_set(tx, &req->actor, id, agent, false, err);
}

struct hand_over {
    i64 agent_id, team_id;
    struct str summary;
};
static const struct type hand_over_type = {
    "HandOver",
    (const struct field[]){
        FIELD(hand_over, FIELD_I64, agent_id, FIELD_NULLABLE, .doc = "to whom; null: to the team"),
        FIELD(hand_over, FIELD_I64, team_id, FIELD_NULLABLE, .doc = "and to which team; null: as it is"),
        FIELD(hand_over, FIELD_STR, summary, FIELD_REQUIRED, .max = 64 * 1024,
              .doc = "what the next one must know; becomes a note"),
        FIELD_END,
    },
    sizeof(struct hand_over),
};

static bool prepare_hand_over(struct request *req, struct err *err)
{
    struct hand_over *body = arena_new(req->arena, struct hand_over);
    req->data = body;
    return request_decode(req, &hand_over_type, true, body, NULL, err);
}

static bool post_hand_over(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct hand_over *body = req->data;
    struct message message = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !together_hand_over(tx, &req->actor, id, body->agent_id, body->team_id, body->summary, &message, err))
        return false;
    put_message(reply, 201, &message);
    return true;
}

const struct route compose_routes[] = {
    {HTTP_GET_, "/api/v1/conversations/{id}/drafts", MAY_READ, "listDrafts",
     "What one has begun to write, and the drafts colleagues share", .out = &draft_type, .out_list = true,
     .success = 200, .read = list_drafts},
    {HTTP_PUT_, "/api/v1/conversations/{id}/drafts/{mode}", MAY_NOTE, "putDraft",
     "Keep what one has begun to write; mode is reply or note (a reply needs the right reply)",
     .in = &draft_body_type, .out = &draft_type, .success = 200, .prepare = prepare_draft,
     .write = put_draft},
    {HTTP_POST_, "/api/v1/conversations/{id}/drafts/{mode}/take", MAY_NOTE, "takeDraft",
     "Take a colleague's shared draft over", .in = &taking_type, .out = &draft_type, .success = 200,
     .prepare = prepare_taking, .write = take_draft},
    {HTTP_GET_, "/api/v1/conversations/{id}/scheduled", MAY_READ, "listScheduledSends",
     "Answers that go out later, or were stopped", .out = &scheduled_type, .out_list = true, .success = 200,
     .read = list_scheduled},
    {HTTP_POST_, "/api/v1/conversations/{id}/scheduled", MAY_REPLY, "createScheduledSend",
     "Answer at a later moment", .in = &scheduled_body_type, .out = &scheduled_type, .success = 201,
     .prepare = prepare_scheduled, .write = post_scheduled},
    {HTTP_PATCH_, "/api/v1/scheduled/{id}", MAY_REPLY, "updateScheduledSend",
     "Another text or moment for an answer that waits", .in = &scheduled_body_type, .out = &scheduled_type,
     .success = 200, .prepare = prepare_scheduled_change, .write = patch_scheduled},
    {HTTP_DELETE_, "/api/v1/scheduled/{id}", MAY_REPLY, "cancelScheduledSend", "Do not send it",
     .success = 204, .write = delete_scheduled},
    {HTTP_POST_, "/api/v1/scheduled/{id}/send", MAY_REPLY, "sendScheduledNow", "Send it now",
     .out = &message_type, .success = 201, .write = send_scheduled},
    {HTTP_POST_, "/api/v1/messages/{id}/undo", MAY_REPLY, "undoMessage",
     "Take an answer back before it leaves; answers what was written", .out = &message_draft_type,
     .success = 200, .write = undo_message},
    {HTTP_PATCH_, "/api/v1/messages/{id}", MAY_NOTE, "editMessage",
     "Another text for an own note or, where the network allows, an own answer", .in = &edit_type,
     .out = &message_type, .success = 200, .prepare = prepare_edit, .write = patch_message},
    {HTTP_GET_, "/api/v1/messages/{id}/versions", MAY_READ, "listMessageVersions",
     "The texts a message had before", .out = &message_version_type, .out_list = true, .success = 200,
     .read = list_versions},
    {HTTP_GET_, "/api/v1/conversations/{id}/ways", MAY_READ, "listWays",
     "The ways an answer can go out, and until when", .out = &way_view_type, .out_list = true, .success = 200,
     .read = list_ways},
    {HTTP_POST_, "/api/v1/conversations/{id}/ways", MAY_REPLY, "createWay",
     "One more way to the customer: what they answer there comes into this conversation",
     .in = &way_body_type, .out = &way_view_type, .success = 201, .prepare = prepare_way, .write = post_way},
    {HTTP_POST_, "/api/v1/conversations", MAY_REPLY, "startConversation",
     "Write first, where the network allows", .in = &start_body_type, .out = &conversation_type,
     .success = 201, .prepare = prepare_start, .write = post_conversation},
    {HTTP_GET_, "/api/v1/conversations/{id}/collaborators", MAY_READ, "listCollaborators", "Who was asked in",
     .out = &collaborator_type, .out_list = true, .success = 200, .read = list_collaborators},
    {HTTP_POST_, "/api/v1/conversations/{id}/collaborators", MAY_TRIAGE, "inviteCollaborator",
     "Ask a colleague in: collaborators may write notes then", .in = &invitation_type, .success = 204,
     .prepare = prepare_invitation, .write = post_collaborator},
    {HTTP_DELETE_, "/api/v1/conversations/{id}/collaborators/{agent_id}", MAY_TRIAGE, "removeCollaborator",
     "And no longer", .success = 204, .write = delete_collaborator},
    {HTTP_POST_, "/api/v1/conversations/{id}/hand-over", MAY_TRIAGE, "handOver",
     "Give it to a colleague or team with a summary, in one step", .in = &hand_over_type,
     .out = &message_type, .success = 201, .prepare = prepare_hand_over, .write = post_hand_over},
    {},
};
