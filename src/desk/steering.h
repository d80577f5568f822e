// SPDX-License-Identifier: AGPL-3.0-or-later
// Steering: a customer who wrote to a brand's main account is asked over to its support account on the same
// network. When they come there the two conversations are linked, and can be merged.
#pragma once
#include "desk/change.h"
#include "store/log.h"

struct steering {
    bool possible;      // this conversation's channel names a support account that works
    i64 channel_id;     // that account's channel
    struct str account; // as customers see it
    struct str text;    // the words, in the customer's language as far as known
    i64 asked_at;       // 0: not asked over
    i64 from_id, to_id; // the conversations, as far as one sees them; 0: not (yet)
    i64 linked_at;
};
extern const struct type steering_type;

bool steering_get(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                  struct steering *out, struct err *err) MUST_CHECK;
// An answer that asks the customer over has been written (message_reply).
bool steering_mark(struct change *change, const struct record *conversation, i64 message_id,
                   struct err *err) MUST_CHECK;
// The reader of the log: whoever was asked over and came.
bool steering_read(struct tx *tx, const struct event_list *events, void *arg, struct err *err) MUST_CHECK;
