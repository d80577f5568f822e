// SPDX-License-Identifier: AGPL-3.0-or-later
// Telephone calls that colleagues write down, on channels whose driver can (CAN_CALL).
#pragma once
#include "desk/callback.h"
#include "desk/message.h"

struct call_body {
    i64 channel_id;
    i64 conversation_id;           // 0: the conversation of that number
    struct str number;             // as it was written; may be empty when the conversation is named
    struct str name;               // of the customer, when not known yet
    struct str direction, result;  // in, out; call_result_names
    i64 seconds;                   // how long they spoke
    struct str text;               // what was said
    i64 at;                        // 0: now
    struct callback_body callback; // due_at 0: none is booked
};
extern const struct type call_body_type;

// The call, and with it a call-back when one is to be booked, in one write.
bool call_log(struct tx *tx, const struct actor *actor, const struct call_body *body, struct message *out,
              struct err *err) MUST_CHECK;
