// SPDX-License-Identifier: AGPL-3.0-or-later
// Who wrote: identities (a person under one name on one network) and the contacts behind them, found
// or made while messages come in.
#pragma once
#include "desk/change.h"

struct author { // as remembered during one batch
    struct str external_id;
    i64 identity_id, contact_id;
    struct str contact_name, handle;
    struct str name; // as the network told last
    i64 told_at;     // when that was
    bool unsaved;    // told_at is newer than the row's
};
struct author_list {
    struct author *items;
    size_t len, cap;
    bool looked; // people_look_ahead was here: who is not in the list is new
};
struct author_place {
    struct str kind, scope; // scope: '' or the channel's id as text
};
// What the network says of its author at a moment; the newest word wins, whatever the order of arrival. At 0
// it is only claimed: it names who is new, and changes no known name.
struct author_word {
    struct str external_id, name, handle;
    i64 at;
};
bool people_find(struct change *change, struct author_list *known, const struct author_place *place,
                 const struct author_word *word, struct author *out, struct err *err) MUST_CHECK;
// Looks up all of these authors (a JSON array of external ids) at once; who is not found is new.
bool people_look_ahead(struct change *change, struct author_list *known, const struct author_place *place,
                       struct str names_json, struct err *err) MUST_CHECK;
// Saves when each author was last heard of; at the end of a batch.
bool people_finish(struct change *change, struct author_list *known, struct err *err) MUST_CHECK;
