// SPDX-License-Identifier: AGPL-3.0-or-later
// Queries on PostgreSQL: its planner has statistics and chooses by itself, except in a search, where it
// may walk backwards through everything for a rare old word; there it gets slices of message ids.
#include "query/run.h"

enum {
    RARE_FIELD = 100,   // conversations: in a search, all of them are looked at
    RARE_SORTED = 1000, // conversations: listed and sorted
    COMMON_OF_SAMPLE = 10,
    WANTED = 150, // messages with the word in the slices behind the sample
};

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

// Messages with a text among the newest.
static bool count_sample(struct run *run, const struct node *term, i64 newest, i64 *ret_n, struct err *err)
{
    struct compile c;
    compile_begin(&c, DB_POSTGRES, run->context, run->arena);
    put_sql(&c, "SELECT count(*) FROM search_doc d WHERE d.workspace_id = @workspace AND d.message_id > ");
    put_i64(&c, newest - run_limits.sample);
    put_sql(&c, " AND ");
    put_text_test(&c, term, true);
    return run_number(run, &c, ret_n, err);
}

// Notes the texts below `node` that are common; required ones are the planner's business.
static bool find_common(struct run *run, const struct node *node, i64 newest, bool *common, struct err *err)
{
    i64 n;
    for (const struct node *kid = node->first; kid; kid = kid->next) {
        if (!find_common(run, kid, newest, common, err))
            return false;
    }
    if (!run_is_text(node))
        return true;
    if (!count_sample(run, node, newest, &n, err))
        return false;
    common[node->text_index] = n >= COMMON_OF_SAMPLE;
    return true;
}

static bool note_common(struct run *run, struct err *err)
{
    i64 newest = -1;
    if (run->plan.query->n_texts == 0)
        return true;
    bool *common = arena_array(run->arena, bool, (size_t)run->plan.query->n_texts);
    for (size_t i = 0; i < run->required.len; i++) {
        if (!plan_has_text(run->required.items[i]) || run_is_text(run->required.items[i]))
            continue;
        if ((newest < 0 && !newest_message(run, &newest, err)) ||
            !find_common(run, run->required.items[i], newest, common, err))
            return false;
    }
    run->plan.common = common;
    return true;
}

// The newest message with the text of each hit.
static bool find_keys(struct run *run, const struct node *term, struct query_hits *hits, struct err *err)
{
    struct compile c;
    struct query_sql sql;
    struct rows *rows;
    struct id_list ids = {0};
    for (size_t i = 0; i < hits->len; i++)
        *list_push(&ids, run->arena) = hits->items[i].id;
    compile_begin(&c, DB_POSTGRES, run->context, run->arena);
    put_sql(&c, "SELECT d.conversation_id, max(d.message_id) FROM search_doc d WHERE d.workspace_id = "
                "@workspace AND ");
    put_in(&c, "d.conversation_id", &ids);
    put_sql(&c, " AND ");
    put_text_test(&c, term, true);
    put_sql(&c, " GROUP BY d.conversation_id");
    if (!compile_end(&c, &sql, err) || !run_statement(run, &sql, &rows, err))
        return false;
    while (rows_next(rows)) {
        for (size_t i = 0; i < hits->len; i++) {
            if (hits->items[i].id == row_i64(rows, 0))
                hits->items[i].key = row_i64(rows, 1);
        }
    }
    return rows_end(rows, err);
}

static bool search_rare(struct run *run, struct err *err)
{
    struct query_hits all = {0};
    return run_list_rare(run, RARE_FIELD, collect, &all, err) &&
           find_keys(run, run->plan.newest, &all, err) && run_take_newest(run, &all);
}

// The newest messages are read one by one, without the index: enough for a common word, for which the
// index would hand over everything it has; and a sample that says how far to look for the others. Then the
// index, over a range that should hold enough messages with the word.
static bool search_back(struct run *run, struct err *err)
{
    i64 high = run->page.after_key, found;
    if (run->page.after_id == 0) {
        run->plan.newest = longest_text(run);
        if (!newest_message(run, &high, err))
            return false;
        high++;
    }
    if (!note_common(run, err) || !run_find_rare(run, RARE_FIELD, err))
        return false;
    if (run->plan.rare)
        return search_rare(run, err);
    run->plan.high = high;
    run->plan.low = high > run_limits.sample ? high - run_limits.sample : 0;
    run->plan.by_id = true;
    if (!collect(run, err))
        return false;
    run->plan.by_id = false;
    if (run_is_full(run) || run->plan.low == 0)
        return true;
    if (!count_sample(run, run->plan.newest, high - 1, &found, err))
        return false;
    i64 size = found > 0 ? run_limits.sample * WANTED / found : high;
    return run_slices(run, run->plan.low, size, collect, err);
}

bool run_postgres(struct run *run, bool search, struct err *err)
{
    if (search)
        return search_back(run, err);
    if (!note_common(run, err) || (!plan_is_in_order(run->plan.query, run->context, run->page.sort) &&
                                   !run_find_rare(run, RARE_SORTED, err)))
        return false;
    bool parts = !run->plan.rare && plan_has_parts(run->plan.query, run->page.sort);
    return parts ? run_parts(run, collect, err) : collect(run, err);
}
