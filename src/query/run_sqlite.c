// SPDX-License-Identifier: AGPL-3.0-or-later
// Queries on SQLite. Rows come one by one, so we look at each: texts that are not what is walked by are
// looked up in the messages themselves (see check.h), and time is kept. What is rare is listed first.
#include "base/clock.h"
#include "query/check.h"
#include "query/run.h"

enum {
    RARE_FIELD = 100,   // conversations: in a search, all their messages are looked at
    RARE_SORTED = 4000, // conversations or messages: listed and sorted
    PROBE = 64,         // messages looked at to see how rare a text is
    REMEMBERED = 256,   // conversations that did not fit: a walk meets each once a message
};

static bool is_late(const struct run *run)
{
    return clock_mono() - run->began > run_patience(run);
}

static void stop_behind(struct run *run, i64 key, i64 id)
{
    run->more = true;
    run->hits.next_key = key;
    run->hits.next_id = id;
}

// Whoever has the text in a message at or behind the cursor was on an earlier page.
static bool was_before(struct run *run, struct check *check, i64 id)
{
    return run->plan.newest && run->page.after_id != 0 &&
           check_newest(check, id, run->plan.newest) >= run->page.after_key;
}

static void look_at_rows(struct run *run, struct check *check, struct rows *rows)
{
    i64 every = run->plan.walk ? run_limits.search_rows : run_limits.folder_rows, unfit[REMEMBERED] = {0};
    for (i64 n = 1; !run_is_full(run) && !check->failed && rows_next(rows); n++) {
        i64 id = row_i64(rows, 0), key = row_i64(rows, 1);
        bool known = run->plan.walk && (unfit[id % REMEMBERED] == id || run_has_hit(run, id));
        if (!known && row_i64(rows, 2) != 0 && check_row(check, rows, id) && !was_before(run, check, id))
            run_add_hit(run, id, key);
        else if (!known)
            unfit[id % REMEMBERED] = id;
        if (n % every == 0 && (!run->plan.rare || run->page.budget_ms > 0) && is_late(run) &&
            !run_is_full(run)) {
            stop_behind(run, key, id);
            return;
        }
    }
}

static bool collect(struct run *run, struct err *err)
{
    struct query_sql sql;
    struct rows *rows;
    struct check check;
    if (!plan_to_sql(&run->plan, run->context, DB_SQLITE, run->arena, &sql, err) ||
        !run_statement(run, &sql, &rows, err))
        return false;
    check_begin(&check, run->conn, &run->plan, run->context->workspace_id, run->arena, err);
    look_at_rows(run, &check, rows);
    struct err ignored;
    bool ok = rows_end(rows, check.failed ? &ignored : err) && !check.failed;
    check_end(&check);
    return ok;
}

// How far back the newest few messages with a text reach: the farther, the rarer. INT64_MAX: there are
// no more than these few.
static bool probe(struct run *run, const struct node *term, i64 *ret_oldest, struct err *err)
{
    struct compile c;
    compile_begin(&c, DB_SQLITE, run->context, run->arena);
    put_sql(&c, "SELECT CASE WHEN count(*) < ");
    put_i64(&c, PROBE);
    put_sql(&c, " THEN -count(*) ELSE min(id) END FROM (SELECT rowid AS id FROM search.search_text WHERE "
                "search_text MATCH ");
    put_text_value(&c, term);
    put_sql(&c, " ORDER BY rowid DESC LIMIT ");
    put_i64(&c, PROBE);
    put_sql(&c, ")");
    return run_number(run, &c, ret_oldest, err);
}

// The rarest required text, by which a search goes.
static bool choose_text(struct run *run, struct err *err)
{
    i64 best = 0;
    size_t n = 0;
    for (size_t i = 0; i < run->required.len; i++)
        n += run_is_text(run->required.items[i]);
    for (size_t i = 0; i < run->required.len; i++) {
        i64 oldest = 0;
        if (!run_is_text(run->required.items[i]))
            continue;
        if (n > 1 && !probe(run, run->required.items[i], &oldest, err))
            return false;
        bool few = oldest <= 0, fewer = few && oldest > best, farther = !few && best > 0 && oldest < best;
        if (!run->plan.newest || (few && best > 0) || (best <= 0 && fewer) || farther) {
            run->plan.newest = run->required.items[i];
            best = oldest;
        }
    }
    return true;
}

static bool newest_message(struct run *run, i64 *ret_id, struct err *err)
{
    struct compile c;
    compile_begin(&c, DB_SQLITE, run->context, run->arena);
    put_sql(&c, "SELECT max(message_id) FROM search.search_doc");
    return run_number(run, &c, ret_id, err);
}

// The few conversations of something rare: for each the newest message with the text.
static bool search_rare(struct run *run, struct err *err)
{
    struct query_hits all = {0};
    struct check check;
    if (!run_list_rare(run, RARE_FIELD, collect, &all, err))
        return false;
    check_begin(&check, run->conn, &run->plan, run->context->workspace_id, run->arena, err);
    for (size_t i = 0; !check.failed && i < all.len; i++)
        all.items[i].key = check_newest(&check, all.items[i].id, run->plan.newest);
    bool ok = !check.failed;
    check_end(&check);
    return ok && run_take_newest(run, &all);
}

static bool search_back(struct run *run, struct err *err)
{
    i64 high = run->page.after_key;
    if (run->page.after_id == 0 && !choose_text(run, err))
        return false;
    if (!run_find_rare(run, RARE_FIELD, err))
        return false;
    if (run->plan.rare)
        return search_rare(run, err);
    if (run->page.after_id == 0) {
        if (!newest_message(run, &high, err))
            return false;
        high++;
    }
    run->plan.walk = true;
    return run_slices(run, high, run_limits.slice, collect, err);
}

static bool count_text(struct run *run, const struct node *term, i64 limit, i64 *ret_n, struct err *err)
{
    struct compile c;
    compile_begin(&c, DB_SQLITE, run->context, run->arena);
    put_sql(&c, "SELECT count(*) FROM (SELECT 1 FROM search.search_text WHERE search_text MATCH ");
    put_text_value(&c, term);
    put_sql(&c, " LIMIT ");
    put_i64(&c, limit);
    put_sql(&c, ")");
    return run_number(run, &c, ret_n, err);
}

static bool find_rare_text(struct run *run, struct err *err)
{
    for (size_t i = 0; i < run->required.len && !run->plan.rare; i++) {
        i64 n = 0;
        if (!run_is_text(run->required.items[i]))
            continue;
        if (!count_text(run, run->required.items[i], RARE_SORTED + 1, &n, err))
            return false;
        if (n <= RARE_SORTED)
            run->plan.rare = run->required.items[i];
    }
    return true;
}

bool run_sqlite(struct run *run, bool search, struct err *err)
{
    run->plan.checked = true;
    if (search)
        return search_back(run, err);
    if (!plan_is_in_order(run->plan.query, run->context, run->page.sort) &&
        !run_find_rare(run, RARE_SORTED, err))
        return false;
    if (!run->plan.rare && !find_rare_text(run, err))
        return false;
    bool parts = !run->plan.rare && plan_has_parts(run->plan.query, run->page.sort);
    return parts ? run_parts(run, collect, err) : collect(run, err);
}
