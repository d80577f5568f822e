// SPDX-License-Identifier: AGPL-3.0-or-later
// Call-backs: a moment at which a colleague or a team calls a customer. Until then the conversation is
// snoozed; then it is open and due, and whoever is to call is pinged. What nobody did is told once more.
#pragma once
#include "desk/change.h"

enum { CALLBACK_MISSED_MS = 15 * 60 * 1000 }; // so long after its moment it counts as missed

struct callback_body {
    i64 due_at;
    i64 agent_id, team_id; // both 0: whoever books it
    struct str note, state;
};
extern const struct type callback_body_type, callback_patch_type;

struct callback {
    i64 id, conversation_id, due_at, told_at, missed_at, moves, created_at, ended_at, version;
    struct str note, state;
    struct name_ref agent, team, booked_by;
    struct person contact;
    i64 channel_id, conversation_team; // who sees it
};
struct callback_list {
    struct callback *items;
    size_t len, cap;
};
extern const struct type callback_type;

// What is booked in the workspace as far as one sees, or all of one conversation (conversation_id > 0).
bool callback_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct str cursor,
                   i64 limit, struct arena *arena, struct callback_list *out, struct str *ret_next,
                   struct err *err) MUST_CHECK;
bool callback_book(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct callback_body *body, struct callback *out, struct err *err) MUST_CHECK;
// Another moment, person or note; or over (state done, cancelled).
bool callback_change(struct tx *tx, const struct actor *actor, i64 id, const struct callback_body *patch,
                     field_set given, struct callback *out, struct err *err) MUST_CHECK;
// Those whose moment has come, and those nobody made. *ret_n: how many.
bool callback_run(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;

// ---- Inside another write (call.c, merge.c) ----
// Books one, or moves the one that is booked.
bool callback_book_in(struct change *change, const struct actor *actor, struct edit *edit,
                      const struct callback_body *body, struct err *err) MUST_CHECK;
// Both have spoken: what was booked in this conversation is done.
bool callback_settle(struct change *change, struct edit *edit, struct err *err) MUST_CHECK;
// The conversation's copy of the earliest moment, and its due time that follows it.
bool callback_renew(struct change *change, struct edit *edit, struct err *err) MUST_CHECK;
