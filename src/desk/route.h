// SPDX-License-Identifier: AGPL-3.0-or-later
// The ways into and out of a conversation: its own thread, and routes (table conversation_route) that lead
// from other threads here, because the customer was asked to move there or conversations were merged.
#pragma once
#include "channels/channel.h"
#include "desk/change.h"

struct way {
    i64 route_id; // 0: the conversation's own thread
    i64 channel_id;
    struct str channel_kind, thread_key, kind, visibility, address;
};
struct way_list {
    struct way *items;
    size_t len, cap;
};
// The conversation's own thread.
struct way way_home(const struct record *conversation);
// One way by its route's id (0: its own thread). ERR_NOT_FOUND when it leads elsewhere.
bool way_get(struct conn *conn, const struct record *conversation, i64 route_id, struct arena *arena,
             struct way *out, struct err *err) MUST_CHECK;
// The way the newest customer message came: where an answer goes that names none.
bool way_of_customer(struct conn *conn, const struct record *conversation, struct arena *arena,
                     struct way *out, struct err *err) MUST_CHECK;
// Until when the customer can be answered that way: their last words there and the network's window. 0:
// always; 1: they have not written there (yet), so it is over.
bool way_reply_until(struct conn *conn, i64 workspace_id, i64 conversation_id, const struct way *way,
                     const struct channel_driver *driver, const struct json *settings, i64 *ret_until,
                     struct err *err) MUST_CHECK;
struct way_view { // as the API shows it
    i64 route_id, channel_id, reply_until;
    struct str channel_kind, channel_name, kind, visibility, address, problem;
    bool can_reply, signs, current;
};
struct way_view_list {
    struct way_view *items;
    size_t len, cap;
};
extern const struct type way_view_type;
bool way_views(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
               struct way_view_list *out, struct err *err) MUST_CHECK;
// A new way into the conversation; when the thread leads into another one already, ERR_CONFLICT.
bool way_add(struct tx *tx, i64 workspace_id, i64 conversation_id, const struct way *way, i64 *ret_id,
             struct err *err) MUST_CHECK;
