// SPDX-License-Identifier: AGPL-3.0-or-later
// Finding customers by the beginning of a name's word, of a handle or of an e-mail address. Names are kept as
// folded words in a table of their own, by a reader of the log (jobs/names.c); in scripts without spaces a
// name is found from any of its characters on.
#pragma once
#include "desk/actor.h"

struct contact_hit {
    i64 id;
    struct str name, email, handle, kind;
    i64 merged_into;
    i64 conversation_id, last_message_at; // the newest the actor sees
};
struct contact_hits {
    struct contact_hit *items;
    size_t len, cap;
};
extern const struct type contact_hit_type;

// Only customers of whom the actor sees a conversation; best first.
bool contact_find(struct conn *conn, const struct actor *actor, struct str q, i64 limit, struct arena *arena,
                  struct contact_hits *out, struct err *err) MUST_CHECK;
// The words of a customer's names, anew.
bool contact_learn(struct tx *tx, i64 workspace_id, i64 contact_id, struct err *err) MUST_CHECK;
