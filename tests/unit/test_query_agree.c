// SPDX-License-Identifier: AGPL-3.0-or-later
// The property that holds the language together: on thousands of random queries, what a query means in
// memory is what it finds in the database, on SQLite and on PostgreSQL, in every order, page by page.
#include "query/run.h"
#include "query_world.h"

enum { CONVERSATIONS = 130 };

struct world {
    struct query_names names;
    struct query_item items[CONVERSATIONS + 1]; // by id; id 0: of the other workspace
    i64 channels[3], teams[2];
};

static i64 n_queries(void)
{
    const char *given = getenv("HEED_TEST_QUERIES");
    return given ? strtoll(given, NULL, 10) : 1000;
}

static void load(struct fixture *f, struct conn *conn, struct world *world)
{
    *world = (struct world){0};
    CHECK_OK(query_names_load(conn, 1, f->arena, &world->names, &f->err));
    for (i64 id = 1; id <= CONVERSATIONS; id++) {
        if (!query_item_load(conn, 1, id, f->arena, &world->items[id], &f->err))
            assert_int_equal(f->err.code, ERR_NOT_FOUND);
    }
}

static struct query_context random_context(struct world *world)
{
    struct query_context context = {
        .workspace_id = 1, .now = WORLD_NOW, .me = 10 + world_random(3), .names = &world->names};
    context.all_channels = world_random(3) != 0;
    context.all_teams = world_random(3) != 0;
    for (u32 i = 0; i < world_random(3); i++)
        world->channels[context.channels.len++] = 10 + i;
    for (u32 i = 0; i < world_random(2); i++)
        world->teams[context.teams.len++] = 10 + i;
    context.channels.items = world->channels;
    context.teams.items = world->teams;
    return context;
}

static i64 expected_key(enum query_sort sort, const struct query_item *item)
{
    switch (sort) {
    case SORT_URGENT:
        return item->urgent_at;
    case SORT_NEWEST:
        return -item->last_message_at;
    case SORT_WAITING:
        return item->waiting_since ? item->waiting_since : WORLD_NEVER;
    case SORT_CREATED:
        return -item->id;
    case SORT_OLDEST:
        return item->last_message_at;
    }
    return 0;
}

static void check_order(struct world *world, struct str q, enum query_sort sort,
                        const struct query_hits *hits)
{
    for (size_t i = 1; i < hits->len; i++) {
        i64 before = hits->items[i - 1].id, after = hits->items[i].id;
        i64 a = expected_key(sort, &world->items[before]), b = expected_key(sort, &world->items[after]);
        bool up = sort == SORT_URGENT || sort == SORT_WAITING || sort == SORT_OLDEST;
        if (a > b || (a == b && (up ? before > after : before < after)))
            fail_msg("%.*s: sort %d: %lld stands before %lld", STR_ARG(q), (int)sort, (long long)before,
                     (long long)after);
    }
}

static void run_pages(struct fixture *f, struct conn *conn, const struct query *query,
                      const struct query_context *context, enum query_sort sort, struct arena *arena,
                      struct query_hits *out)
{
    struct query_page page = {.sort = sort, .limit = 1 + world_random(40)};
    for (bool more = true; more;) {
        struct query_hits hits = {0};
        CHECK_OK(query_run(conn, query, context, &page, arena, &hits, &more, &f->err));
        assert_true((i64)hits.len <= page.limit);
        for (size_t i = 0; i < hits.len; i++)
            *list_push(out, arena) = hits.items[i];
        page.after_key = hits.next_key;
        page.after_id = hits.next_id;
    }
}

static void compare(struct fixture *f, struct world *world, struct str q, const struct query *query,
                    const struct query_context *context, const struct query_hits *hits, const char *how)
{
    int found[CONVERSATIONS + 1] = {0};
    struct arena *arena = arena_take();
    for (size_t i = 0; i < hits->len; i++) {
        assert_in_range(hits->items[i].id, 1, CONVERSATIONS);
        found[hits->items[i].id]++;
    }
    for (i64 id = 1; id <= CONVERSATIONS; id++) {
        bool wanted = world->items[id].id && query_match(query, context, &world->items[id], arena);
        if (found[id] != wanted)
            fail_msg("%.*s: conversation %lld is found %d times by %s, memory says %d (now %lld)", STR_ARG(q),
                     (long long)id, found[id], how, wanted, (long long)context->now);
    }
    arena_give(arena);
    (void)f;
}

static void check_query(struct fixture *f, struct conn *conn, struct world *world)
{
    struct arena *arena = arena_take();
    struct query_context context = random_context(world);
    struct str q = world_query(arena);
    const struct query *query;
    if (!query_parse(q, arena, &query, &f->err))
        fail_msg("%.*s: %s at %d", STR_ARG(q), f->err.text, f->err.position);

    // Written back it is the same query.
    struct str back = query_format(query, arena);
    const struct query *again;
    if (!query_parse(back, arena, &again, &f->err))
        fail_msg("%.*s became %.*s: %s at %d", STR_ARG(q), STR_ARG(back), f->err.text, f->err.position);
    if (!str_eq(back, query_format(again, arena)))
        fail_msg("%.*s became %.*s became %.*s", STR_ARG(q), STR_ARG(back),
                 STR_ARG(query_format(again, arena)));

    enum query_sort sort = (enum query_sort)world_random(5);
    struct query_hits hits = {0};
    run_pages(f, conn, query, &context, sort, arena, &hits);
    compare(f, world, q, query, &context, &hits, "query_run");
    if (sort != SORT_NEWEST || !query_uses_text(query))
        check_order(world, q, sort, &hits);
    compare(f, world, q, again, &context, &hits, "the query written back");

    // The statement alone, without the plans for what is rare.
    struct query_sql sql;
    struct query_page whole = {.sort = sort, .limit = 10000};
    struct rows *rows;
    struct query_hits all = {0};
    CHECK_OK(query_to_sql(query, &context, &whole, f->kind, arena, &sql, &f->err));
    CHECK_OK(db_query_text(conn, sql.text, sql.args, sql.n_args, &rows, &f->err));
    while (rows_next(rows))
        *list_push(&all, arena) = (struct query_hit){row_i64(rows, 0), row_i64(rows, 1)};
    CHECK_OK(rows_end(rows, &f->err));
    compare(f, world, q, query, &context, &all, "query_to_sql");
    arena_give(arena);
}

// Edits, deletions and new messages, as the desk writes them: old text kept, an event for each.
static void change_messages(struct fixture *f)
{
    struct buf out;
    buf_init(&out, f->arena, 16 << 20);
    buf_add(&out, S("BEGIN;\n"));
    for (int id = 1; id < 200; id += 1 + (int)world_random(6)) {
        struct buf text;
        buf_init(&text, f->arena, 1 << 16);
        world_sentence(&text, 1 + world_random(5));
        bool gone = world_random(3) == 0;
        buf_printf(&out,
                   "INSERT INTO message_version SELECT workspace_id, id, version, text, 9 FROM message WHERE "
                   "id = %d;\n"
                   "UPDATE message SET version = version + 1, deleted_at = %s, text = ",
                   id, gone ? "7" : "NULL");
        world_quote(&out, gone ? S("") : buf_str(&text));
        buf_printf(&out, " WHERE id = %d;\n", id);
        buf_printf(&out,
                   f->kind == DB_SQLITE
                       ? "INSERT INTO event (workspace_id, at, kind, message_id) VALUES (1, 1, 'x', %d);\n"
                       : "INSERT INTO event (epoch, workspace_id, at, kind, message_id) VALUES "
                         "((SELECT max(value) FROM (SELECT CAST(value AS BIGINT) AS value FROM meta "
                         "WHERE key = 'epoch') e), 1, 1, 'x', %d);\n",
                   id);
    }
    buf_add(&out, S("COMMIT;\n"));
    world_run(f, str_cstr(f->arena, buf_str(&out)));
}

static void random_queries_mean_the_same_in_memory_and_in_the_database(void **state)
{
    struct fixture *f = *state;
    struct world world;
    struct search *search;
    world_seed();
    world_make(f, CONVERSATIONS);
    CHECK_OK(search_open(f->db, &search, &f->err));
    world_index(f, search);

    const struct run_limits usual = run_limits;
    for (int round = 0; round < 2; round++) {
        // The second time no page has any time: each row may be the last, each slice is tiny.
        if (round == 1)
            run_limits = (struct run_limits){.budget_ms = -1,
                                             .patience_ms = -1,
                                             .slice_ms = 1,
                                             .slice = 7,
                                             .sample = 9,
                                             .folder_rows = 3,
                                             .search_rows = 1};
        struct conn *conn = db_take(f->db);
        load(f, conn, &world);
        for (i64 i = 0; i < n_queries() / 2; i++)
            check_query(f, conn, &world);
        db_give(f->db, conn);
        change_messages(f);
        world_index(f, search);
    }
    run_limits = usual;
    search_close(search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {ON_BOTH(random_queries_mean_the_same_in_memory_and_in_the_database)};
    search_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
