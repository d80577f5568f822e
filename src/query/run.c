// SPDX-License-Identifier: AGPL-3.0-or-later
// Runs a query. A search (words are required, newest first) goes from the newest message back in slices;
// everything else reads an order from its index, or lists what is rare and sorts it. Nothing is counted
// further than it must be to choose, and nothing runs longer than a budget: then the page is short.
#include "query/run.h"
#include "base/clock.h"
#include "query/search_internal.h"
#include <stdlib.h>

enum {
    GROWTH = 8,
    READ_STATEMENT_MS = 5000, // what store/ gives each reading connection
    TERM_SHIFT = 54,          // a search's key outside: which text, then the message id
};

struct run_limits run_limits = {.budget_ms = 50,
                                .patience_ms = 300,
                                .slice_ms = 20,
                                .slice = 65536,
                                .sample = 2048,
                                .folder_rows = 1000,
                                .search_rows = 100};

bool run_statement(struct run *run, const struct query_sql *sql, struct rows **ret_rows, struct err *err)
{
    return db_query_text(run->conn, sql->text, sql->args, sql->n_args, ret_rows, err);
}

bool run_number(struct run *run, struct compile *c, i64 *ret_value, struct err *err)
{
    struct query_sql sql;
    struct rows *rows;
    if (!compile_end(c, &sql, err) || !run_statement(run, &sql, &rows, err))
        return false;
    i64 value = rows_next(rows) ? row_i64(rows, 0) : 0;
    if (!rows_end(rows, err))
        return false;
    *ret_value = value;
    return true;
}

i64 run_patience(const struct run *run)
{
    if (run->page.budget_ms > 0)
        return run->page.budget_ms;
    return run->hits.len > 0 ? run_limits.budget_ms : run_limits.patience_ms;
}

bool run_is_full(const struct run *run)
{
    return (i64)run->hits.len >= run->page.limit;
}

bool run_has_hit(const struct run *run, i64 conversation_id)
{
    for (size_t i = 0; i < run->hits.len; i++) {
        if (run->hits.items[i].id == conversation_id)
            return true;
    }
    return false;
}

void run_add_hit(struct run *run, i64 conversation_id, i64 key)
{
    *list_push(&run->hits, run->arena) = (struct query_hit){conversation_id, key};
}

bool run_is_text(const struct node *node)
{
    return node->kind == NODE_TEXT && node->n_words > 0;
}

static bool has_only(const struct node *node, unsigned kinds)
{
    for (size_t i = 0; i < node->n_values; i++) {
        if (!(TAKES(node->values[i].kind) & kinds))
            return false;
    }
    return true;
}

// Fields whose conversations an index lists: tags and handles by name; and open work by whose it is, where
// it is, or that it waits, unless the order asked for is that index's own.
static bool may_be_rare(const struct run *run, const struct node *node)
{
    if (node->kind != NODE_FIELD)
        return false;
    switch (node->field->id) {
    case QUERY_TAG:
    case QUERY_FROM:
        return has_only(node, TAKES(VALUE_NAME));
    case QUERY_MENTIONS:
        return has_only(node, TAKES(VALUE_NAME) | TAKES(VALUE_ME));
    case QUERY_ASSIGNED:
    case QUERY_TEAM:
    case QUERY_CHANNEL:
        return run->page.sort != SORT_URGENT && query_is_open(run->plan.query) &&
               has_only(node, TAKES(VALUE_NAME) | TAKES(VALUE_ME) | TAKES(VALUE_NONE));
    case QUERY_IS:
        return run->page.sort != SORT_URGENT && run->page.sort != SORT_WAITING && node->n_values == 1 &&
               str_eq(str_from(node->values[0].word->name), S("unanswered"));
    default:
        return false;
    }
}

bool run_find_rare(struct run *run, i64 limit, struct err *err)
{
    for (size_t i = 0; i < run->required.len && !run->plan.rare; i++) {
        struct compile c;
        i64 n;
        if (!may_be_rare(run, run->required.items[i]))
            continue;
        compile_begin(&c, conn_kind(run->conn), run->context, run->arena);
        put_sql(&c, "SELECT count(*) FROM (SELECT 1 FROM ");
        plan_put_rare(&c, run->required.items[i]);
        put_sql(&c, " LIMIT ");
        put_i64(&c, limit + 1);
        put_sql(&c, ") x");
        if (!run_number(run, &c, &n, err))
            return false;
        if (n <= limit)
            run->plan.rare = run->required.items[i];
    }
    return true;
}

bool run_list_rare(struct run *run, i64 limit, bool (*collect)(struct run *, struct err *),
                   struct query_hits *out, struct err *err)
{
    struct query_page page = run->page;
    const struct node *newest = run->plan.newest;
    run->page.limit = limit;
    run->page.after_id = 0;
    run->plan.newest = NULL;
    bool ok = collect(run, err);
    run->plan.newest = newest;
    run->page = page;
    *out = run->hits;
    run->hits = (struct query_hits){0};
    return ok;
}

static int newest_first(const void *a, const void *b)
{
    const struct query_hit *x = a, *y = b;
    return (x->key < y->key) - (x->key > y->key);
}

bool run_take_newest(struct run *run, struct query_hits *hits)
{
    if (hits->len > 0)
        qsort(hits->items, hits->len, sizeof(*hits->items), newest_first);
    for (size_t i = 0; i < hits->len && !run_is_full(run); i++) {
        bool behind = run->page.after_id == 0 || hits->items[i].key < run->page.after_key;
        if (behind && hits->items[i].key > 0)
            run_add_hit(run, hits->items[i].id, hits->items[i].key);
    }
    return true;
}

bool run_parts(struct run *run, bool (*collect)(struct run *, struct err *), struct err *err)
{
    bool lacking = run->page.after_id != 0 && run->page.after_key == URGENT_NEVER;
    if (!lacking) {
        run->plan.part = PLAN_HAVING;
        if (!collect(run, err))
            return false;
        if (run_is_full(run) || run->more)
            return true;
        run->page.after_id = 0;
    }
    struct query_page rest = run->page;
    rest.limit = run->page.limit - (i64)run->hits.len;
    run->plan.part = PLAN_LACKING;
    run->plan.page = &rest;
    bool ok = collect(run, err);
    run->plan.page = &run->page;
    return ok;
}

static i64 next_size(i64 size, i64 took_ms)
{
    if (took_ms > run_limits.slice_ms)
        return size / 2 > 0 ? size / 2 : 1;
    i64 factor = took_ms < 1 ? GROWTH : run_limits.slice_ms / took_ms;
    return size * (factor < 1 ? 1 : factor > GROWTH ? GROWTH : factor);
}

bool run_slices(struct run *run, i64 high, i64 size, bool (*collect)(struct run *, struct err *),
                struct err *err)
{
    while (high > 0) {
        i64 before = clock_mono();
        run->plan.high = high;
        run->plan.low = high > size ? high - size : 0;
        if (!collect(run, err))
            return false;
        if (run_is_full(run) || run->more)
            return true;
        high = run->plan.low;
        i64 now = clock_mono();
        if (high > 0 && now - run->began > run_patience(run)) {
            run->more = true;
            run->hits.next_key = high;
            run->hits.next_id = 1;
        }
        if (run->more)
            return true;
        size = next_size(size, now - before);
    }
    return true;
}

static const struct node *text_of_cursor(struct run *run)
{
    i64 index = run->page.after_key >> TERM_SHIFT;
    for (size_t i = 0; i < run->required.len; i++) {
        if (run_is_text(run->required.items[i]) && run->required.items[i]->text_index == index)
            return run->required.items[i];
    }
    return NULL;
}

// Where the cursor stands: which text the search goes by is part of it.
static bool read_cursor(struct run *run, struct err *err)
{
    if (run->page.after_id == 0)
        return true;
    run->plan.newest = text_of_cursor(run);
    run->page.after_key &= (INT64_C(1) << TERM_SHIFT) - 1;
    return run->plan.newest || err_set(err, ERR_SYNTAX, "The cursor belongs to another query");
}

static void set_next(struct run *run)
{
    i64 term = run->plan.newest ? (i64)run->plan.newest->text_index << TERM_SHIFT : 0;
    for (size_t i = 0; i < run->hits.len; i++)
        run->hits.items[i].key |= term;
    run->more |= run_is_full(run);
    if (run->hits.next_id != 0) {
        run->hits.next_key |= term;
    } else if (run->hits.len > 0) {
        run->hits.next_key = run->hits.items[run->hits.len - 1].key;
        run->hits.next_id = run->hits.items[run->hits.len - 1].id;
    }
}

// PostgreSQL looks at no clock of ours while it runs a statement: it gets one of its own.
static bool limit_statements(struct run *run, i64 ms, struct err *err)
{
    struct rows *rows;
    struct str text = str_printf(run->arena, "SET statement_timeout = %lld", (long long)ms);
    return db_query_text(run->conn, text, DB_NO_ARGS, &rows, err) && rows_end(rows, err);
}

static bool run_limited(struct run *run, bool search, struct err *err)
{
    struct err failed = {};
    if (run->page.budget_ms == 0)
        return run_postgres(run, search, err);
    if (!limit_statements(run, run->page.budget_ms, err))
        return false;
    bool done = run_postgres(run, search, err);
    return limit_statements(run, READ_STATEMENT_MS, done ? err : &failed) && done;
}

bool query_run(struct conn *conn, const struct query *query, const struct query_context *context,
               const struct query_page *page, struct arena *arena, struct query_hits *out, bool *ret_more,
               struct err *err)
{
    struct run run = {.conn = conn, .context = context, .arena = arena, .page = *page, .began = clock_mono()};
    bool sqlite = conn_kind(conn) == DB_SQLITE, search = false;
    run.plan = (struct plan){.query = query, .page = &run.page};
    plan_required(query, arena, &run.required);
    for (size_t i = 0; i < run.required.len; i++)
        search |= page->sort == SORT_NEWEST && run_is_text(run.required.items[i]);
    if (search && !read_cursor(&run, err))
        return false;
    if (sqlite && query->text)
        search_sqlite_ready(conn);
    if (!(sqlite ? run_sqlite(&run, search, err) : run_limited(&run, search, err))) {
        if (sqlite && query->text && err->code == ERR_INTERNAL)
            search_sqlite_suspect();
        return false;
    }
    set_next(&run);
    *out = run.hits;
    *ret_more = run.more;
    return true;
}
