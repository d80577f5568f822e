// SPDX-License-Identifier: AGPL-3.0-or-later
// One run of a query, shared by the two databases' ways. Private to query/.
#pragma once
#include "query/plan.h"

// How long a page may take and how much is looked at in one go. Tests make them small.
struct run_limits {
    i64 budget_ms;   // then a short page
    i64 patience_ms; // then an empty one
    i64 slice_ms;    // a slice of a search that took longer is followed by a smaller one
    i64 slice;       // messages in the first slice on SQLite
    i64 sample;      // newest messages read one by one on PostgreSQL
    i64 folder_rows; // rows of a folder, and of a search, between two looks at the clock
    i64 search_rows;
};
extern struct run_limits run_limits;

struct run {
    struct conn *conn;
    const struct query_context *context;
    struct arena *arena;
    struct required required;
    struct plan plan;
    struct query_page page; // after_key without the number of the text
    struct query_hits hits; // keys likewise; next_id 0: behind the last hit
    bool more;
    i64 began;
};
bool run_statement(struct run *run, const struct query_sql *sql, struct rows **ret_rows,
                   struct err *err) MUST_CHECK;
// A statement's only number.
bool run_number(struct run *run, struct compile *c, i64 *ret_value, struct err *err) MUST_CHECK;
// How long the page may take from now on: less once there is something to show.
i64 run_patience(const struct run *run);
bool run_is_full(const struct run *run);
bool run_has_hit(const struct run *run, i64 conversation_id);
void run_add_hit(struct run *run, i64 conversation_id, i64 key);
bool run_is_text(const struct node *node);
// A required tag or handle with at most `limit` conversations becomes plan.rare.
bool run_find_rare(struct run *run, i64 limit, struct err *err) MUST_CHECK;
// All conversations of plan.rare that fit, plan.newest checked like any other term; at most `limit`.
bool run_list_rare(struct run *run, i64 limit, bool (*collect)(struct run *, struct err *),
                   struct query_hits *out, struct err *err) MUST_CHECK;
// The page of hits whose keys are their newest messages with the text (0: none after all); true.
bool run_take_newest(struct run *run, struct query_hits *hits);
// Those who have a sort key, then those without, each by `collect`, until the page is full.
bool run_parts(struct run *run, bool (*collect)(struct run *, struct err *), struct err *err) MUST_CHECK;
// From message id `high` down in slices that grow, each by `collect`.
bool run_slices(struct run *run, i64 high, i64 size, bool (*collect)(struct run *, struct err *),
                struct err *err) MUST_CHECK;

bool run_sqlite(struct run *run, bool search, struct err *err) MUST_CHECK;
bool run_postgres(struct run *run, bool search, struct err *err) MUST_CHECK;
