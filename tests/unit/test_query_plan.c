// SPDX-License-Identifier: AGPL-3.0-or-later
// Folders are read in order from an index that has the order: no plan of theirs sorts or scans, on a
// filled database, whatever SQLite thinks of its indexes.
#include "query_world.h"

static const char *plan_of(struct fixture *f, struct conn *conn, const char *q, enum query_sort sort,
                           i64 after_key)
{
    struct query_names names;
    CHECK_OK(query_names_load(conn, 1, f->arena, &names, &f->err));
    struct query_context context = {.workspace_id = 1,
                                    .now = WORLD_NOW,
                                    .me = 10,
                                    .names = &names,
                                    .all_channels = true,
                                    .all_teams = true};
    struct query_page page = {
        .sort = sort, .limit = 50, .after_key = after_key, .after_id = after_key ? 5 : 0};
    const struct query *query;
    struct query_sql sql;
    CHECK_OK(query_parse(str_from(q), f->arena, &query, &f->err));
    CHECK_OK(query_to_sql(query, &context, &page, DB_SQLITE, f->arena, &sql, &f->err));
    struct rows *rows;
    struct buf out;
    buf_init(&out, f->arena, 1 << 16);
    CHECK_OK(db_query_text(conn, str_concat(f->arena, S("EXPLAIN QUERY PLAN "), sql.text), sql.args,
                           sql.n_args, &rows, &f->err));
    while (rows_next(rows)) {
        buf_add(&out, row_str(rows, 3, f->arena));
        buf_add_char(&out, '\n');
    }
    CHECK_OK(rows_end(rows, &f->err));
    return str_cstr(f->arena, buf_str(&out));
}

static void uses(struct fixture *f, struct conn *conn, const char *q, enum query_sort sort, const char *index)
{
    for (int further = 0; further < 2; further++) {
        const char *plan = plan_of(f, conn, q, sort, further * WORLD_NOW);
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "INDEX %s (", index);
        if (!strstr(plan, wanted) || strstr(plan, "TEMP B-TREE") || strstr(plan, "SCAN "))
            fail_msg("%s (sort %d, page %d) is looked up by\n%s", q, (int)sort, further + 1, plan);
    }
}

static void folders_are_read_in_order(void **state)
{
    struct fixture *f = *state;
    world_state = 42;
    world_make(f, 400);
    struct conn *conn = db_take(f->db);

    uses(f, conn, "is:open", SORT_URGENT, "conversation_urgent");
    uses(f, conn, "is:unanswered", SORT_URGENT, "conversation_urgent");
    uses(f, conn, "is:unanswered -tag:late priority:high,urgent", SORT_URGENT, "conversation_urgent");
    uses(f, conn, "is:late", SORT_URGENT, "conversation_urgent");
    uses(f, conn, "is:open channel:10", SORT_URGENT, "conversation_channel_urgent");
    uses(f, conn, "is:open assigned:me", SORT_URGENT, "conversation_mine");
    uses(f, conn, "is:unanswered assigned:agent11@example.org", SORT_URGENT, "conversation_mine");
    uses(f, conn, "is:open -assigned:any", SORT_URGENT, "conversation_mine");
    uses(f, conn, "is:open assigned:none", SORT_URGENT, "conversation_mine");
    uses(f, conn, "is:open team:vip", SORT_URGENT, "conversation_team_urgent");
    uses(f, conn, "is:open team:none kind:dm", SORT_URGENT, "conversation_team_urgent");
    uses(f, conn, "is:open tag:late", SORT_URGENT, "conversation_tag_urgent");
    uses(f, conn, "tag:late is:unanswered lang:ko", SORT_URGENT, "conversation_tag_urgent");
    uses(f, conn, "is:any", SORT_NEWEST, "conversation_newest");
    uses(f, conn, "", SORT_NEWEST, "conversation_newest");
    uses(f, conn, "is:spam", SORT_NEWEST, "conversation_newest");
    uses(f, conn, "is:closed", SORT_NEWEST, "conversation_status_newest");
    uses(f, conn, "is:snoozed", SORT_NEWEST, "conversation_status_newest");
    uses(f, conn, "channel:10", SORT_NEWEST, "conversation_channel_newest");
    uses(f, conn, "is:any", SORT_OLDEST, "conversation_newest");
    uses(f, conn, "is:closed", SORT_OLDEST, "conversation_status_newest");
    uses(f, conn, "channel:10", SORT_OLDEST, "conversation_channel_newest");
    uses(f, conn, "is:any", SORT_CREATED, "conversation_by_workspace");
    uses(f, conn, "is:unanswered", SORT_WAITING, "conversation_waiting");
    uses(f, conn, "waiting:>30m", SORT_WAITING, "conversation_waiting");
    db_give(f->db, conn);
}

static void a_number_is_looked_up_by_itself(void **state)
{
    struct fixture *f = *state;
    world_state = 42;
    world_make(f, 40);
    struct conn *conn = db_take(f->db);

    const char *plan = plan_of(f, conn, "id:7", SORT_URGENT, 0);

    if (!strstr(plan, "INTEGER PRIMARY KEY") || strstr(plan, "SCAN "))
        fail_msg("%s", plan);
    db_give(f->db, conn);
}

// On PostgreSQL with statistics of a table that is worth an index.
static void postgres_reads_folders_in_order_too(void **state)
{
    struct fixture *f = *state;
    pg_run(
        f->url,
        "INSERT INTO workspace (id, name, created_at) VALUES (1, 'w', 1);"
        "INSERT INTO channel (id, workspace_id, kind, name, name_key, state, state_since, created_at) VALUES "
        "(10, 1, 'custom', 'n', 'n', 'active', 1, 1);"
        "INSERT INTO conversation (workspace_id, channel_id, channel_kind, kind, thread_key, visibility, "
        "status, "
        "urgent_at, last_message_at, created_at, updated_at, waiting_since, assignee_id) SELECT 1, 10, "
        "'custom', 'dm', "
        "CAST(n AS TEXT), 'public', CASE WHEN n % 10 = 0 THEN 'open' ELSE 'closed' END, CASE WHEN n % 10 = 0 "
        "THEN n "
        "ELSE 9007199254740991 END, n, n, n, CASE WHEN n % 10 = 0 THEN n END, n % 40 FROM generate_series(1, "
        "30000) n;"
        "ANALYZE conversation;");
    struct conn *conn = db_take(f->db);
    static const struct {
        const char *q;
        enum query_sort sort;
    } folders[] = {{"is:open", SORT_URGENT},
                   {"is:unanswered", SORT_URGENT},
                   {"is:any", SORT_NEWEST},
                   {"is:closed", SORT_NEWEST},
                   {"channel:10", SORT_NEWEST},
                   {"is:any", SORT_CREATED},
                   {"is:open assigned:me", SORT_URGENT}};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        struct query_context context = {
            .workspace_id = 1, .now = 50000, .me = 10, .all_channels = true, .all_teams = true};
        struct query_page page = {.sort = folders[i].sort, .limit = 50};
        const struct query *query;
        struct query_sql sql;
        struct rows *rows;
        CHECK_OK(query_parse(str_from(folders[i].q), f->arena, &query, &f->err));
        CHECK_OK(query_to_sql(query, &context, &page, DB_POSTGRES, f->arena, &sql, &f->err));
        CHECK_OK(db_query_text(conn, str_concat(f->arena, S("EXPLAIN "), sql.text), sql.args, sql.n_args,
                               &rows, &f->err));
        struct buf out;
        buf_init(&out, f->arena, 1 << 16);
        while (rows_next(rows)) {
            buf_add(&out, row_str(rows, 0, f->arena));
            buf_add_char(&out, '\n');
        }
        CHECK_OK(rows_end(rows, &f->err));
        const char *plan = str_cstr(f->arena, buf_str(&out));
        if ((!strstr(plan, "Index Scan") && !strstr(plan, "Index Only Scan")) || strstr(plan, "Seq Scan") ||
            strstr(plan, "Sort  ("))
            fail_msg("%s is looked up by\n%s", folders[i].q, plan);
    }
    db_give(f->db, conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {ON_SQLITE(folders_are_read_in_order),
                                       ON_SQLITE(a_number_is_looked_up_by_itself),
                                       ON_POSTGRES(postgres_reads_folders_in_order_too)};
    search_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
