// SPDX-License-Identifier: AGPL-3.0-or-later
// Looking ahead for a batch: what its events will ask of the database one by one is asked once for all
// of them. Worth it where a question costs a round trip; what the batch itself changes is noted here,
// so that a later event of the same batch sees it.
#pragma once
#include "channels/channel.h"
#include "desk/mark.h"
#include "desk/people.h"

struct seen { // what is known of one external id
    struct str external_id;
    i64 message_id; // 0: not here
    struct str kind;
    i64 conversation_id;
    struct mark mark;
};
struct ahead {
    struct seen *slots; // NULL: nothing was looked up, ask the database
    size_t mask;
};
// Fills ahead, the authors and the change's conversations for all events of a batch of one channel.
bool ahead_load(struct ahead *ahead, struct change *change, struct author_list *authors,
                const struct author_place *place, i64 channel_id, const struct inbound_list *events,
                struct err *err) MUST_CHECK;
// The entry of an id of the batch; NULL when nothing was looked up.
struct seen *ahead_find(const struct ahead *ahead, struct str external_id);
