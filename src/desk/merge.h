// SPDX-License-Identifier: AGPL-3.0-or-later
// Two conversations become one, one becomes two, and conversations that have to do with each other are
// linked. What a customer writes later in the merged one's thread goes where it now lives (table
// conversation_route), answers leave by the way the customer wrote last, and all of it can be taken back.
#pragma once
#include "desk/conversation.h"

enum { MERGE_MESSAGES_MAX = 5000 };

struct merge_draft {
    i64 from_id;
};
struct split_draft {
    i64 message_id;
};
struct link_draft {
    i64 conversation_id;
};
extern const struct type merge_draft_type, split_draft_type, link_draft_type;

// draft.from_id goes into `into_id`.
bool conversation_merge(struct tx *tx, const struct actor *actor, i64 into_id, i64 from_id,
                        struct conversation *out, struct err *err) MUST_CHECK;
// Takes the merge back by which this one went: what came by its ways, also since, is its own again.
bool conversation_unmerge(struct tx *tx, const struct actor *actor, i64 from_id, struct conversation *out,
                          struct err *err) MUST_CHECK;
// From this message on it is a conversation of its own, and so is what the customer writes from now on.
bool conversation_split(struct tx *tx, const struct actor *actor, i64 id, i64 message_id,
                        struct conversation *out, struct err *err) MUST_CHECK;
bool conversation_link(struct tx *tx, const struct actor *actor, i64 id, i64 other,
                       struct err *err) MUST_CHECK;
bool conversation_unlink(struct tx *tx, const struct actor *actor, i64 id, i64 other,
                         struct err *err) MUST_CHECK;
bool conversation_links(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                        struct conversation_list *out, struct err *err) MUST_CHECK;
