// SPDX-License-Identifier: AGPL-3.0-or-later
// Brands of a workspace: a name with a sign, what stands below answers, links, and how customers are asked
// over to the support account. A channel belongs to at most one; rights stay with channels.
#pragma once
#include "desk/actor.h"

struct brand_link {
    struct str title, url;
};
struct brand {
    i64 id, created_at;
    struct str name, mark, colour, signature;
    struct {
        struct brand_link *items;
        size_t len, cap;
    } links;
    struct brand_texts { // by language; STR_NONE or "": Heed's own
        struct str en, id, et, fi, ko;
    } steer_texts;
};
struct brand_list {
    struct brand *items;
    size_t len, cap;
};
extern const struct type brand_type, brand_draft_type;

bool brand_list(struct conn *conn, i64 workspace_id, struct arena *arena, struct brand_list *out,
                struct err *err) MUST_CHECK;
bool brand_create(struct tx *tx, const struct actor *actor, const struct brand *draft, struct brand *out,
                  struct err *err) MUST_CHECK;
bool brand_update(struct tx *tx, const struct actor *actor, i64 id, const struct brand *patch,
                  field_set given, struct brand *out, struct err *err) MUST_CHECK;
// Its channels belong to none then.
bool brand_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;

// Whose a channel is, and to which channel of the same network its customers are steered.
struct brand_place {
    i64 brand_id, steer_to;
};
struct brand_change {
    struct brand_place place;
    bool brand, steer; // which of the two is given
};
bool brand_place_get(struct conn *conn, i64 workspace_id, i64 channel_id, struct brand_place *out,
                     struct err *err) MUST_CHECK;
bool brand_place_set(struct tx *tx, const struct actor *actor, i64 channel_id,
                     const struct brand_change *change, struct err *err) MUST_CHECK;
