// SPDX-License-Identifier: AGPL-3.0-or-later
// Queries on PostgreSQL: its planner has statistics and chooses by itself, except in a search, where it
// may walk backwards through everything for a rare old word; there it gets slices of message ids.
#include "query/run.h"

enum { RARE_SORTED = 1000, FIRST_SLICE = 4096 };

static bool collect(struct run *run, struct err *err)
{
    struct query_sql sql;
    struct rows *rows;
    if (!plan_to_sql(&run->plan, run->context, DB_POSTGRES, run->arena, &sql, err) ||
        !run_statement(run, &sql, &rows, err))
        return false;
    while (!run_is_full(run) && rows_next(rows)) {
        i64 id = row_i64(rows, 0);
        if (!run->plan.newest || !run_has_hit(run, id))
            run_add_hit(run, id, row_i64(rows, 1));
    }
    return rows_end(rows, err);
}

// The longest required text: most often the rarest.
static const struct node *longest_text(const struct run *run)
{
    const struct node *best = NULL;
    size_t most = 0;
    for (size_t i = 0; i < run->required.len; i++) {
        const struct node *term = run->required.items[i];
        size_t bytes = 0;
        for (size_t k = 0; run_is_text(term) && k < term->n_words; k++)
            bytes += term->words[k].text.len;
        if (bytes > most) {
            best = term;
            most = bytes;
        }
    }
    return best;
}

static bool newest_message(struct run *run, i64 *ret_id, struct err *err)
{
    struct compile c;
    compile_begin(&c, DB_POSTGRES, run->context, run->arena);
    put_sql(&c, "SELECT max(message_id) FROM search_doc WHERE workspace_id = @workspace");
    return run_number(run, &c, ret_id, err);
}

static bool search_back(struct run *run, struct err *err)
{
    i64 high = run->page.after_key;
    if (run->page.after_id == 0) {
        run->plan.newest = longest_text(run);
        if (!newest_message(run, &high, err))
            return false;
        high++;
    }
    return run_slices(run, high, FIRST_SLICE, collect, err);
}

bool run_postgres(struct run *run, bool search, struct err *err)
{
    if (search)
        return search_back(run, err);
    if (!plan_is_in_order(run->plan.query, run->context, run->page.sort) &&
        !run_find_rare(run, RARE_SORTED, err))
        return false;
    bool parts = !run->plan.rare && plan_has_parts(run->plan.query, run->page.sort);
    return parts ? run_parts(run, collect, err) : collect(run, err);
}
