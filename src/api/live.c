// SPDX-License-Identifier: AGPL-3.0-or-later
// The live stream and who is where.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/conversation.h"

static void take_events(struct request *req, struct reply *reply)
{
    struct err err = {};
    if (feed_open(req->app->feed, req->http, &req->actor, http_header(req->http, "last-event-id"), &err))
        return;
    reply_problem(reply, &err, req->http->id);
    reply_send(req->http, reply);
}

static bool open_events(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)conn;
    (void)err;
    reply->content_type = S("text/event-stream");
    if (req->http->method == HTTP_GET_)
        reply->take = take_events;
    return true;
}

struct presence {
    i64 conversation_id;
    bool typing;
    struct str kind;
};
static const char *const typing_kinds[] = {"reply", "note", NULL};
static const struct type presence_type = {
    "Presence",
    (const struct field[]){
        FIELD(presence, FIELD_I64, conversation_id, FIELD_NULLABLE,
              .doc = "the one that is open; null: none"),
        FIELD(presence, FIELD_BOOL, typing, 0),
        FIELD(presence, FIELD_ENUM, kind, 0, .names = typing_kinds,
              .doc = "what is being typed; default reply"),
        FIELD_END,
    },
    sizeof(struct presence),
};

static bool prepare_presence(struct request *req, struct err *err)
{
    struct presence *presence = arena_new(req->arena, struct presence);
    req->data = presence;
    return request_decode(req, &presence_type, true, presence, NULL, err);
}

// One process keeps it in memory alone; several tell each other through the database.
static bool post_presence(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct presence *presence = req->data;
    struct conversation conversation = {};
    if (presence->conversation_id &&
        !conversation_get(tx->conn, &req->actor, presence->conversation_id, req->arena, &conversation, err))
        return false;
    struct whereabouts where = {
        .conversation_id = presence->conversation_id,
        .channel_id = conversation.channel_id,
        .team_id = conversation.team.id,
        .typing = !presence->typing                   ? TYPING_NOTHING
                  : str_eq(presence->kind, S("note")) ? TYPING_NOTE
                                                      : TYPING_REPLY,
    };
    visitors_typing(req->app->visitors, req->actor.workspace_id, presence->conversation_id, req->actor.name,
                    where.typing == TYPING_REPLY); // customers never hear of notes
    reply->status = 204;
    return feed_presence(req->app->feed, tx, &req->actor, &where, err);
}

const struct route live_routes[] = {
    {HTTP_GET_, "/api/v1/events", MAY_READ, "streamEvents",
     "Server-sent events: hello, conversation, message, gone, counts, channel, presence, pings, resync",
     .success = 200, .flags = ROUTE_BYTES, .read = open_events},
    {HTTP_POST_, "/api/v1/presence", MAY_READ, "setPresence", "Which conversation one has open",
     .in = &presence_type, .success = 204, .prepare = prepare_presence, .write = post_presence},
    {},
};
