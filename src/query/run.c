// SPDX-License-Identifier: AGPL-3.0-or-later
// Runs a query: looks which required part is rare, lists that first; reads a search from the newest
// message back in slices with a budget of time; else reads the order from its index. Nothing counts
// further than it must to choose.
#include "base/clock.h"
#include "query/plan.h"
#include "query/search_internal.h"

enum {
    RARE_FIELD = 100,    // conversations: looked up one by one
    RARE_SORTED = 1000,  // conversations: listed and sorted
    COMMON_TEXT = 20000, // messages: a text in more is checked conversation by conversation
    BUDGET_MS = 50,
    SLICE_MS = 20, // a slice that took longer is followed by a smaller one
    GROWTH = 8,
    FIRST_SLICE_SQLITE = 32768,
    FIRST_SLICE_POSTGRES = 4096,
    TERM_SHIFT = 54, // a search's key: which text, then the message id
};

struct run {
    struct conn *conn;
    const struct query_context *context;
    struct arena *arena;
    struct required required;
    struct plan plan;
    struct query_page page;
    struct query_hits hits;
    bool more;
};

static bool run_statement(struct run *r, const struct query_sql *sql, struct rows **ret_rows, struct err *err)
{
    return db_query_text(r->conn, sql->text, sql->args, sql->n_args, ret_rows, err);
}

// At most `limit` rows of a statement are counted.
static bool count_some(struct run *r, struct compile *c, i64 limit, i64 *ret_n, struct err *err)
{
    struct query_sql sql;
    struct rows *rows;
    put_sql(c, " LIMIT ");
    put_i64(c, limit);
    put_sql(c, ") x");
    if (!compile_end(c, &sql, err) || !run_statement(r, &sql, &rows, err))
        return false;
    i64 n = rows_next(rows) ? row_i64(rows, 0) : 0;
    if (!rows_end(rows, err))
        return false;
    *ret_n = n;
    return true;
}

// Messages with a text; cheap on SQLite only, where the index hands them out one by one.
static bool count_text(struct run *r, const struct node *term, i64 limit, i64 *ret_n, struct err *err)
{
    struct compile c;
    compile_begin(&c, DB_SQLITE, r->context, r->arena);
    put_sql(&c, "SELECT count(*) FROM (SELECT 1 FROM search.search_text WHERE search_text MATCH ");
    put_text_value(&c, term);
    return count_some(r, &c, limit, ret_n, err);
}

static bool count_field(struct run *r, const struct node *node, i64 limit, i64 *ret_n, struct err *err)
{
    struct compile c;
    compile_begin(&c, conn_kind(r->conn), r->context, r->arena);
    put_sql(&c, "SELECT count(*) FROM (SELECT 1 FROM ");
    plan_put_rare(&c, node);
    return count_some(r, &c, limit, ret_n, err);
}

static bool is_text(const struct node *node)
{
    return node->kind == NODE_TEXT && node->n_words > 0;
}

// Fields whose conversations an index lists: tags and handles by name.
static bool may_be_rare(const struct node *node)
{
    if (node->kind != NODE_FIELD || (node->field->id != QUERY_TAG && node->field->id != QUERY_FROM))
        return false;
    for (size_t i = 0; i < node->n_values; i++) {
        if (node->values[i].kind != VALUE_NAME)
            return false;
    }
    return true;
}

static bool find_rare_field(struct run *r, i64 limit, struct err *err)
{
    for (size_t i = 0; i < r->required.len && !r->plan.rare; i++) {
        i64 n = limit + 1;
        if (may_be_rare(r->required.items[i]) && !count_field(r, r->required.items[i], limit + 1, &n, err))
            return false;
        if (n <= limit)
            r->plan.rare = r->required.items[i];
    }
    return true;
}

static size_t text_bytes(const struct node *term)
{
    size_t bytes = 0;
    for (size_t i = 0; i < term->n_words; i++)
        bytes += term->words[i].text.len;
    return bytes;
}

// The required text to search by: on SQLite the rarest, else the longest. *ret_n: messages with it, or
// more than RARE_SORTED.
static bool choose_text(struct run *r, const struct node **ret_term, i64 *ret_n, struct err *err)
{
    const struct node *best = NULL;
    i64 fewest = INT64_MAX;
    bool counting = conn_kind(r->conn) == DB_SQLITE;
    for (size_t i = 0; i < r->required.len; i++) {
        const struct node *term = r->required.items[i];
        i64 n = RARE_SORTED + 1;
        if (!is_text(term))
            continue;
        if (counting && !count_text(r, term, RARE_SORTED + 1, &n, err))
            return false;
        if (!best || n < fewest || (n == fewest && text_bytes(term) > text_bytes(best))) {
            best = term;
            fewest = n;
        }
    }
    *ret_term = best;
    *ret_n = fewest;
    return true;
}

static const struct node *text_of_cursor(struct run *r)
{
    i64 index = r->page.after_key >> TERM_SHIFT;
    for (size_t i = 0; i < r->required.len; i++) {
        if (is_text(r->required.items[i]) && r->required.items[i]->text_index == index)
            return r->required.items[i];
    }
    return NULL;
}

// Texts that are not what is listed first: those in very many messages are checked one by one.
static bool find_common(struct run *r, const struct node *node, bool *common, struct err *err)
{
    for (const struct node *kid = node->first; kid; kid = kid->next) {
        if (!find_common(r, kid, common, err))
            return false;
    }
    if (!is_text(node) || node == r->plan.newest || node == r->plan.rare)
        return true;
    i64 n;
    if (!count_text(r, node, COMMON_TEXT + 1, &n, err))
        return false;
    common[node->text_index] = n > COMMON_TEXT || r->plan.rare;
    return true;
}

static bool note_common(struct run *r, struct err *err)
{
    if (r->plan.query->n_texts == 0 || conn_kind(r->conn) != DB_SQLITE)
        return true;
    bool *common = arena_array(r->arena, bool, (size_t)r->plan.query->n_texts);
    r->plan.common = common;
    return find_common(r, r->plan.query->root, common, err);
}

static bool already_hit(const struct run *r, i64 id)
{
    for (size_t i = 0; i < r->hits.len; i++) {
        if (r->hits.items[i].id == id)
            return true;
    }
    return false;
}

// Runs the plan as it stands and adds what it finds, up to the page's limit.
static bool collect(struct run *r, struct err *err)
{
    struct query_sql sql;
    struct rows *rows;
    if (!plan_to_sql(&r->plan, r->context, conn_kind(r->conn), r->arena, &sql, err) ||
        !run_statement(r, &sql, &rows, err))
        return false;
    while ((i64)r->hits.len < r->page.limit && rows_next(rows)) {
        i64 id = row_i64(rows, 0);
        if (!r->plan.newest || !already_hit(r, id))
            *list_push(&r->hits, r->arena) = (struct query_hit){id, row_i64(rows, 1)};
    }
    return rows_end(rows, err);
}

static bool is_full(const struct run *r)
{
    return (i64)r->hits.len >= r->page.limit;
}

static bool newest_message(struct run *r, i64 *ret_id, struct err *err)
{
    struct compile c;
    struct query_sql sql;
    struct rows *rows;
    compile_begin(&c, conn_kind(r->conn), r->context, r->arena);
    if (c.kind == DB_SQLITE)
        put_sql(&c, "SELECT max(message_id) FROM search.search_doc");
    else
        put_sql(&c, "SELECT max(message_id) FROM search_doc WHERE workspace_id = @workspace");
    if (!compile_end(&c, &sql, err) || !run_statement(r, &sql, &rows, err))
        return false;
    *ret_id = rows_next(rows) ? row_i64(rows, 0) : 0;
    return rows_end(rows, err);
}

static i64 next_size(i64 size, i64 took_ms)
{
    if (took_ms > SLICE_MS)
        return size / 2 > 0 ? size / 2 : 1;
    i64 factor = took_ms < 1 ? GROWTH : SLICE_MS / took_ms;
    return size * (factor < 1 ? 1 : factor > GROWTH ? GROWTH : factor);
}

// From the newest message back, slice by slice, until the page is full or the time is up.
static bool run_slices(struct run *r, struct err *err)
{
    i64 from = clock_mono(), high = 0;
    bool sqlite = conn_kind(r->conn) == DB_SQLITE;
    if (r->page.after_id != 0)
        high = r->page.after_key;
    else if (!newest_message(r, &high, err))
        return false;
    else
        high++;
    r->plan.walk = sqlite;
    for (i64 size = sqlite ? FIRST_SLICE_SQLITE : FIRST_SLICE_POSTGRES; high > 0;) {
        i64 before = clock_mono();
        r->plan.high = high;
        r->plan.low = high > size ? high - size : 0;
        if (!collect(r, err))
            return false;
        if (is_full(r)) {
            r->more = true;
            return true;
        }
        high = r->plan.low;
        i64 now = clock_mono();
        if (high > 0 && now - from > BUDGET_MS) {
            r->more = true;
            r->hits.next_key = high;
            r->hits.next_id = 1;
            return true;
        }
        size = next_size(size, now - before);
    }
    return true;
}

static bool run_search(struct run *r, struct err *err)
{
    i64 n = RARE_SORTED + 1;
    if (r->page.after_id != 0) {
        r->plan.newest = text_of_cursor(r);
        if (!r->plan.newest)
            return err_set(err, ERR_SYNTAX, "The cursor belongs to another query");
        r->page.after_key &= (INT64_C(1) << TERM_SHIFT) - 1;
    } else if (!choose_text(r, &r->plan.newest, &n, err)) {
        return false;
    }
    if (!find_rare_field(r, RARE_FIELD, err))
        return false;
    if (!r->plan.rare && n <= RARE_SORTED)
        r->plan.rare = r->plan.newest;
    if (!note_common(r, err))
        return false;
    if (!r->plan.rare)
        return run_slices(r, err);
    if (!collect(r, err))
        return false;
    r->more = is_full(r);
    return true;
}

// A rare text or field is listed and sorted, unless an index holds the order of just what is asked.
static bool find_rare(struct run *r, struct err *err)
{
    const struct node *text = NULL;
    i64 n = RARE_SORTED + 1;
    if (conn_kind(r->conn) == DB_SQLITE && !choose_text(r, &text, &n, err))
        return false;
    if (text && n <= RARE_SORTED) {
        r->plan.rare = text;
        return true;
    }
    return plan_is_in_order(r->plan.query, r->context, r->page.sort) || find_rare_field(r, RARE_SORTED, err);
}

// Those who have a sort key, then those without.
static bool run_parts(struct run *r, struct err *err)
{
    bool lacking = r->page.after_id != 0 && r->page.after_key == URGENT_NEVER;
    if (!lacking) {
        r->plan.part = PLAN_HAVING;
        if (!collect(r, err))
            return false;
        if (is_full(r))
            return true;
        r->page.after_id = 0;
    }
    i64 limit = r->page.limit;
    struct query_page rest = r->page;
    rest.limit = limit - (i64)r->hits.len;
    r->plan.part = PLAN_LACKING;
    r->plan.page = &rest;
    bool ok = collect(r, err);
    r->plan.page = &r->page;
    return ok;
}

static bool run_ordered(struct run *r, struct err *err)
{
    if (!find_rare(r, err) || !note_common(r, err))
        return false;
    bool parts = !r->plan.rare && plan_has_parts(r->plan.query, r->page.sort);
    if (!(parts ? run_parts(r, err) : collect(r, err)))
        return false;
    r->more = is_full(r);
    return true;
}

static void set_next(struct run *r)
{
    i64 term = r->plan.newest ? (i64)r->plan.newest->text_index << TERM_SHIFT : 0;
    for (size_t i = 0; i < r->hits.len; i++)
        r->hits.items[i].key |= term;
    if (r->hits.next_id != 0) {
        r->hits.next_key |= term;
    } else if (r->hits.len > 0) {
        r->hits.next_key = r->hits.items[r->hits.len - 1].key;
        r->hits.next_id = r->hits.items[r->hits.len - 1].id;
    }
}

bool query_run(struct conn *conn, const struct query *query, const struct query_context *context,
               const struct query_page *page, struct arena *arena, struct query_hits *out, bool *ret_more,
               struct err *err)
{
    struct run r = {.conn = conn, .context = context, .arena = arena, .page = *page};
    r.plan = (struct plan){.query = query, .page = &r.page};
    plan_required(query, arena, &r.required);
    bool search = false;
    for (size_t i = 0; i < r.required.len; i++)
        search |= page->sort == SORT_NEWEST && is_text(r.required.items[i]);
    bool in_file = query->text && conn_kind(conn) == DB_SQLITE;
    if (in_file)
        search_sqlite_ready(conn);
    if (!(search ? run_search(&r, err) : run_ordered(&r, err))) {
        if (in_file && err->code == ERR_INTERNAL)
            search_sqlite_suspect();
        return false;
    }
    set_next(&r);
    *out = r.hits;
    *ret_more = r.more;
    return true;
}
