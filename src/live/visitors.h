// SPDX-License-Identifier: AGPL-3.0-or-later
// Streams of visitors: what is said in their one thread, who of the team is writing, whether somebody is
// there. A thread of its own reads the log; a stream is bound to its session and thread and sees nothing
// else, whatever is merged above it.
#pragma once
#include "desk/visitor.h"
#include "live/feed.h"

struct visitors;
bool visitors_start(struct db *db, struct http_server *server, struct feed *feed, struct visitors **ret,
                    struct err *err) MUST_CHECK;
// As feed_goodbye, feed_stop and feed_destroy; NULL is fine.
void visitors_goodbye(struct visitors *visitors);
void visitors_stop(struct visitors *visitors);
void visitors_destroy(struct visitors *visitors);
// Opens the stream of a visitor. origin: for the browser (STR_NONE: none asked). last_event_id as in feed.h.
bool visitors_open(struct visitors *visitors, struct http_request *req, const struct visitor *visitor,
                   struct visitor_naming naming, struct str origin, struct str last_event_id,
                   struct err *err) MUST_CHECK;
// A colleague writes (or not any more) in a conversation.
void visitors_typing(struct visitors *visitors, i64 workspace_id, i64 conversation_id, struct str agent_name,
                     bool typing);
// Is it open, and somebody there who may answer on this channel? opens_at: outside the opening hours, when
// they begin again; else 0.
struct visitor_reach {
    bool online;
    i64 opens_at;
};
bool visitors_online(struct visitors *visitors, struct conn *conn, i64 workspace_id, i64 channel_id,
                     struct arena *arena, struct visitor_reach *out, struct err *err) MUST_CHECK;
i64 visitors_open_streams(struct visitors *visitors);
