// SPDX-License-Identifier: AGPL-3.0-or-later
// Any text as a query: it is refused with a place, or it is a tree that, written back, is the same tree
// and means the same for some item; and it compiles for both databases with as many values as places.
#include "query/query.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static size_t places(struct str sql, char sign)
{
    size_t n = 0;
    for (size_t i = 0; i < sql.len; i++)
        n += sql.ptr[i] == sign;
    return n;
}

static void compiles(const struct query *query, const struct query_context *context, struct arena *arena)
{
    for (int sort = SORT_URGENT; sort <= SORT_CREATED; sort++) {
        struct query_page page = {
            .sort = (enum query_sort)sort, .limit = 50, .after_key = 3, .after_id = sort};
        struct query_sql sql;
        struct err err;
        check(query_to_sql(query, context, &page, DB_SQLITE, arena, &sql, &err));
        check(places(sql.text, '?') == sql.n_args);
        check(query_to_sql(query, context, &page, DB_POSTGRES, arena, &sql, &err));
        check(places(sql.text, '$') == sql.n_args);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = {(const char *)data, size};
    const struct query *query = NULL, *again = NULL;
    struct err err = {0};
    if (!query_parse(text, arena, &query, &err)) {
        check(err.code == ERR_SYNTAX && err.position >= 0 && (size_t)err.position <= size && err.expected[0]);
        arena_give(arena);
        return 0;
    }
    struct str back = query_format(query, arena);
    if (back.len <= 4096) { // quotes and escapes may make it longer than a query may be
        check(query_parse(back, arena, &again, &err));
        check(str_eq(back, query_format(again, arena)));
    }

    // The query's own text is a text that has many of its words.
    struct str texts[] = {utf8_clean(arena, text), S("the lost parcel 배송 지연 你好 กิน")};
    i64 tags[] = {1};
    struct query_item item = {.id = 7,
                              .status = S("open"),
                              .kind = S("dm"),
                              .visibility = S("public"),
                              .priority = S("normal"),
                              .channel_kind = S("custom"),
                              .language = S("ko"),
                              .handle = S("@mia"),
                              .channel_id = 3,
                              .waiting_since = 900,
                              .urgent_at = 950,
                              .created_at = 800,
                              .updated_at = 900,
                              .tag_ids = {tags, 1, 1},
                              .texts = {texts, 2, 2}};
    struct query_context context = {.workspace_id = 1, .now = 1000, .all_channels = true, .all_teams = true};
    bool matches = query_match(query, &context, &item, arena);
    if (again)
        check(matches == query_match(again, &context, &item, arena));
    compiles(query, &context, arena);
    arena_give(arena);
    return 0;
}
