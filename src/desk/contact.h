// SPDX-License-Identifier: AGPL-3.0-or-later
// One person under several contacts. A merge only shows one contact's identities and conversations under
// another, so that taking it out again restores both exactly. People decide; Heed suggests, with the
// reason, and never on a name alone.
#pragma once
#include "desk/card.h"

struct contact_ref {
    i64 contact_id;
};
extern const struct type contact_ref_type;

struct contact_reason {
    struct str kind;  // email, phone, handle
    struct str value; // what both have
};
struct contact_suggestion {
    i64 id;
    struct str name;
    struct {
        struct card_identity *items;
        size_t len, cap;
    } identities;
    struct {
        struct contact_reason *items;
        size_t len, cap;
    } reasons;
};
struct contact_suggestion_list {
    struct contact_suggestion *items;
    size_t len, cap;
};
extern const struct type contact_suggestion_type;

// Who might be the same person, of those this actor sees; not those that a colleague told apart.
bool contact_suggest(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                     struct contact_suggestion_list *out, struct err *err) MUST_CHECK;
// Shows `part_id` under `id`. ERR_INVALID names contact_id: the same, or merged already.
bool contact_merge(struct tx *tx, const struct actor *actor, i64 id, i64 part_id, struct err *err) MUST_CHECK;
// Takes `part_id` out from under `id` again, with all that belongs to it, and tells the two apart.
bool contact_unmerge(struct tx *tx, const struct actor *actor, i64 id, i64 part_id,
                     struct err *err) MUST_CHECK;
// They are two people: not suggested again.
bool contact_tell_apart(struct tx *tx, const struct actor *actor, i64 id, i64 other_id,
                        struct err *err) MUST_CHECK;
