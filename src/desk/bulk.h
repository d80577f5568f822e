// SPDX-License-Identifier: AGPL-3.0-or-later
// One change to many conversations: a selection, or all that a query finds. Made by a person, done by a job
// (jobs/bulk.c) in small writes with that person's rights as they are then; each conversation's change is
// an ordinary one, with its event in the log. It can be watched, stopped, and taken back.
#pragma once
#include "desk/conversation.h"

enum { BULK_IDS_MAX = 1000 };

struct bulk_draft { // which, and what shall be different
    struct str q;
    struct id_list ids;
    struct str status, priority;
    i64 assignee_id, team_id, snoozed_until;
    bool spam, read;
    struct str_list add_tags, remove_tags;
};
struct bulk {
    i64 id, workspace_id, agent_id;
    struct str q, change, state;
    bool found_all;
    i64 found_to, total, done, failed;
    struct str error;
    i64 created_at, finished_at;
};
struct bulk_list {
    struct bulk *items;
    size_t len, cap;
};
extern const struct type bulk_type, bulk_draft_type;

bool bulk_create(struct tx *tx, const struct actor *actor, const struct bulk_draft *draft, field_set given,
                 struct bulk *out, struct err *err) MUST_CHECK;
bool bulk_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct bulk *out,
              struct err *err) MUST_CHECK;
bool bulk_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct bulk_list *out,
               struct err *err) MUST_CHECK;
// What has not been done yet stays as it is.
bool bulk_stop(struct tx *tx, const struct actor *actor, i64 id, struct bulk *out,
               struct err *err) MUST_CHECK;
// Everything it changed becomes what it was, except where somebody changed it again since.
bool bulk_undo(struct tx *tx, const struct actor *actor, i64 id, struct bulk *out,
               struct err *err) MUST_CHECK;

// The job's: what is under way; one step of it.
struct bulk_key {
    i64 workspace_id, id, agent_id;
};
struct bulk_keys {
    struct bulk_key *items;
    size_t len, cap;
};
bool bulk_under_way(struct conn *conn, struct arena *arena, struct bulk_keys *out,
                    struct err *err) MUST_CHECK;
// Follows the query a little further: ids behind found_to, on a reading connection.
struct bulk_found {
    struct bulk_key key;
    i64 behind; // found_to as it was
    struct id_list ids;
    i64 to;
    bool end;
    struct str refused; // given: it cannot go on
};
bool bulk_find(struct conn *conn, const struct bulk_key *key, struct arena *arena, struct bulk_found *out,
               struct err *err) MUST_CHECK;
// Writes what was found, then changes the next few. *ret_more: there is more to do.
bool bulk_step(struct tx *tx, const struct bulk_found *found, bool *ret_more, struct err *err) MUST_CHECK;
