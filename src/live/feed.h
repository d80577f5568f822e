// SPDX-License-Identifier: AGPL-3.0-or-later
// Live screens: one ring of frames per audience (equal set of visible channels and teams) plus a small
// one per person, an offset per screen, flushed on a tick. Frames are built once per audience that may
// see them, by a reader of the event log. Rights changed while open close the stream within 2 s.
#pragma once
#include "desk/actor.h"
#include "net/http.h"

struct feed;
bool feed_start(struct db *db, struct http_server *server, struct feed **ret_feed, struct err *err);
// Tells every screen when to come back (some seconds, spread) and closes it; opens none any more. Before
// http_server_stop.
void feed_goodbye(struct feed *feed);
// Joins the thread; after http_server_stop. The memory goes with feed_destroy, after db_close, whose last
// commits may still call us. NULL is fine for both.
void feed_stop(struct feed *feed);
void feed_destroy(struct feed *feed);
// Opens a stream for the actor; last_event_id STR_NONE or the opaque id to go on from (unknown or too
// old: the first frame after hello is resync).
bool feed_open(struct feed *feed, struct http_request *req, const struct actor *actor,
               struct str last_event_id, struct err *err) MUST_CHECK;
// Ends streams of a session (signed out) or agent (disabled, role changed). Also noticed from the log.
void feed_drop(struct feed *feed, i64 agent_id, i64 session_id);
// True while the agent has a stream open in this process.
bool feed_online(struct feed *feed, i64 agent_id);
// Where an agent is: shown to whoever may see the conversation (0: nowhere). Forgotten after 45 s. With
// several processes the others hear of it through the database.
enum typing_what { TYPING_NOTHING, TYPING_REPLY, TYPING_NOTE };
struct whereabouts {
    i64 conversation_id, channel_id, team_id;
    enum typing_what typing;
};
bool feed_presence(struct feed *feed, struct tx *tx, const struct actor *actor,
                   const struct whereabouts *where, struct err *err) MUST_CHECK;
// The name of a colleague who is writing an answer there; STR_NONE: nobody.
struct str feed_typing(struct feed *feed, const struct actor *actor, i64 conversation_id,
                       struct arena *arena);
// A customer writes (or not any more) in a conversation, told by their widget. Forgotten after 10 s. With
// several processes the others hear of it through the database.
struct customer_typing {
    i64 workspace_id, visitor_id, conversation_id, channel_id, team_id;
    bool typing;
};
bool feed_customer_typing(struct feed *feed, struct tx *tx, const struct customer_typing *who,
                          struct err *err) MUST_CHECK;
// What other processes know this one by.
struct str feed_process(const struct feed *feed);
struct feed_stats {
    i64 screens, audiences, frames, dropped, lag_ms;
};
void feed_stats(struct feed *feed, struct feed_stats *out);
