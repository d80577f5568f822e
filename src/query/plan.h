// SPDX-License-Identifier: AGPL-3.0-or-later
// How a query is looked up: which index holds the order that was asked for, and whether something rare
// is better listed first. Private to query/.
#pragma once
#include "query/compile.h"

enum plan_part {
    PLAN_ALL,     // one statement for the whole order
    PLAN_HAVING,  // those who have a sort key (who wait), in its order
    PLAN_LACKING, // those without, by number, behind them
};
struct plan {
    const struct query *query;
    const struct query_page *page;
    enum plan_part part;
    const struct node *rare;   // a required tag, handle, number or text: its conversations are listed first
    const struct node *newest; // a required text: the order is by the newest message that has it
    i64 low, high;             // with newest: only messages in this range
    const bool *common;        // see struct compile
    bool by_id;                // with newest: read the messages of the range one by one; PostgreSQL only
    bool walk;                 // with newest: messages newest first, one row each; SQLite only
    // The caller looks at the rows: terms with texts are left to it (their fields are columns from the
    // fourth on), the third column says whether the rest holds, and there is no LIMIT. SQLite only.
    bool checked;
};
// Required by the query: its root, or a member of the AND that is its root.
struct required {
    const struct node **items;
    size_t len, cap;
};
bool plan_has_text(const struct node *node);
// The fields inside a term, in the order of their columns.
void plan_leaves(const struct node *node, struct arena *arena, struct required *out);
void plan_required(const struct query *query, struct arena *arena, struct required *out);
// The sort has rows without a key, which are read separately (PLAN_HAVING, PLAN_LACKING).
bool plan_has_parts(const struct query *query, enum query_sort sort);
// The order is read from an index that holds just the conversations asked for (an open tag's folder).
bool plan_is_in_order(const struct query *query, const struct query_context *context, enum query_sort sort);
// "conversation_tag g WHERE …" or "conversation c WHERE …": where a rare field's conversations are.
void plan_put_rare(struct compile *c, const struct node *node);
bool plan_to_sql(const struct plan *plan, const struct query_context *context, enum db_kind kind,
                 struct arena *arena, struct query_sql *out, struct err *err) MUST_CHECK;
