// SPDX-License-Identifier: AGPL-3.0-or-later
// Conversations and ways that begin with us, where the network allows (driver flag CAN_START).
#pragma once
#include "desk/message.h"

struct start_body {
    i64 channel_id;
    struct str address; // as people write it: the customer's id, an e-mail address
    struct str name;    // of the customer, when nobody of that address is known
    struct str subject; // where it begins as a mail
    struct str text;
    struct draft_attachments attachments;
};
struct way_body {
    i64 channel_id;
    struct str address;
};
extern const struct type start_body_type, way_body_type;

// A conversation with its first message, in one write.
bool start_conversation(struct tx *tx, const struct actor *actor, const struct start_body *body,
                        struct conversation *out, struct err *err) MUST_CHECK;
// One more way out of a conversation; what the customer answers there comes in here.
bool start_way(struct tx *tx, const struct actor *actor, i64 conversation_id, const struct way_body *body,
               i64 *ret_route, struct err *err) MUST_CHECK;
