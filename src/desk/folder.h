// SPDX-License-Identifier: AGPL-3.0-or-later
// Saved folders: a query with a name, icon, colour and order. One's own, a team's, or the workspace's;
// the latter two are made and changed by leads. Their counts are found by running the query, never
// further than to "more than 1,000" and never longer than a moment.
#pragma once
#include "desk/actor.h"
#include "query/query.h"

enum { FOLDER_COUNT_MAX = 1000, FOLDER_COUNT_MS = 20 };
// The built-in folder that only a query can count: where colleagues named one, until it is closed.
#define FOLDER_MENTIONS_Q "mentions:me -is:closed"

struct folder {
    i64 id;
    struct str whose; // own, team, workspace
    i64 agent_id, team_id;
    struct str name, q, icon, colour, sort;
    i64 position, created_at, updated_at;
    bool may_change;
};
struct folder_list {
    struct folder *items;
    size_t len, cap;
};
struct folder_draft {
    struct str name, q, whose, icon, colour, sort;
    i64 team_id, position;
};
extern const struct type folder_type, folder_draft_type, folder_patch_type, folder_order_type;
struct folder_order {
    struct id_list ids;
};

// A team's folder belongs to whoever sees the team's work.
bool folder_shown(const struct folder *folder, const struct actor *actor);
// What the actor sees, in order.
bool folder_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct folder_list *out,
                 struct err *err) MUST_CHECK;
// Everybody's, for counting.
bool folder_list_all(struct conn *conn, i64 workspace_id, struct arena *arena, struct folder_list *out,
                     struct err *err) MUST_CHECK;
bool folder_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct folder *out,
                struct err *err) MUST_CHECK;
// ERR_SYNTAX with field "q" when the query cannot be read.
bool folder_create(struct tx *tx, const struct actor *actor, const struct folder_draft *draft,
                   struct folder *out, struct err *err) MUST_CHECK;
bool folder_update(struct tx *tx, const struct actor *actor, i64 id, const struct folder_draft *patch,
                   field_set given, struct folder *out, struct err *err) MUST_CHECK;
bool folder_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
// The folders named come in this order, in the places they have now.
bool folder_order(struct tx *tx, const struct actor *actor, const struct id_list *ids,
                  struct err *err) MUST_CHECK;
// A team goes: so do its folders. Before the team's row is deleted.
bool folder_leave_team(struct tx *tx, i64 workspace_id, i64 team_id, struct err *err) MUST_CHECK;

struct folder_tally {
    struct id_list ids; // sorted; at most FOLDER_COUNT_MAX + 1 of them
    bool about;         // it took too long: there are at least this many
};
// Which conversations are in it, as far as is counted, within `budget_ms`.
bool folder_tally(struct conn *conn, const struct query *query, const struct query_context *context,
                  i64 budget_ms, struct arena *arena, struct folder_tally *out, struct err *err) MUST_CHECK;
// The same for what the actor sees in a query.
bool folder_count(struct conn *conn, const struct actor *actor, struct str q, struct arena *arena,
                  struct folder_tally *out, struct err *err) MUST_CHECK;
