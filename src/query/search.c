// SPDX-License-Identifier: AGPL-3.0-or-later
// What both indexes share: which messages a batch of events is about, and the texts they have and had.
// An event only says that a message changed; the index looks at the message itself and compares the
// version it has, so events may come twice or out of order.
#include "base/buf.h"
#include "query/search_internal.h"
#include "sql_gen.h"
#include <stdlib.h>

bool search_open(struct db *db, struct search **ret_search, struct err *err)
{
    struct arena *arena = arena_create();
    struct search *search = arena_new(arena, struct search);
    search->db = db;
    search->arena = arena;
    bool ok = db_kind(db) == DB_SQLITE ? search_sqlite_open(search, err) : search_postgres_open(search, err);
    if (!ok) {
        search_close(search);
        return false;
    }
    *ret_search = search;
    return true;
}

void search_close(struct search *search)
{
    if (!search)
        return;
    search_sqlite_close(search);
    arena_destroy(search->arena);
}

bool search_step(struct search *search, i64 *ret_n, struct err *err)
{
    return db_kind(search->db) == DB_SQLITE ? search_sqlite_step(search, ret_n, err)
                                            : search_postgres_step(search, ret_n, err);
}

void search_progress(struct search *search, i64 left, i64 total)
{
    atomic_store(&search->total, total);
    atomic_store(&search->left, left);
}

void search_state(struct search *search, struct search_state *out)
{
    i64 left = atomic_load(&search->left), total = atomic_load(&search->total);
    *out = (struct search_state){.indexing = left > 0, .done = total - left, .total = total};
}

static bool read_messages(struct rows *rows, struct arena *arena, struct search_messages *out,
                          size_t limit_bytes, bool *ret_cut, struct err *err)
{
    *ret_cut = false;
    while (!*ret_cut && rows_next(rows)) {
        *list_push(out, arena) = (struct search_message){.id = row_i64(rows, 0),
                                                         .workspace_id = row_i64(rows, 1),
                                                         .conversation_id = row_i64(rows, 2),
                                                         .version = row_i64(rows, 3),
                                                         .deleted = !row_is_null(rows, 4),
                                                         .text = row_str(rows, 5, arena)};
        out->bytes += out->items[out->len - 1].text.len;
        *ret_cut = out->bytes >= limit_bytes;
    }
    return rows_end(rows, err);
}

static int by_id(const void *a, const void *b)
{
    i64 x = ((const struct search_message *)a)->id, y = ((const struct search_message *)b)->id;
    return (x > y) - (x < y);
}

// A row that is no more (another sight of a message we have) leaves the index too. Its text is not known any
// more, so it has version 0: what is kept of it is that it does not count.
static void add_missing(const struct event_list *events, size_t from, struct arena *arena,
                        struct search_messages *out)
{
    size_t found = out->len - from;
    if (found > 0)
        qsort(out->items + from, found, sizeof(*out->items), by_id);
    for (size_t i = 0; i < events->len; i++) {
        const struct event *event = &events->items[i];
        struct search_message wanted = {.id = event->message_id, .workspace_id = event->workspace_id};
        if (wanted.id == 0 ||
            (found > 0 && bsearch(&wanted, out->items + from, found, sizeof(wanted), by_id)))
            continue;
        wanted.deleted = true;
        wanted.text = S("");
        *list_push(out, arena) = wanted;
    }
}

bool search_load_messages(struct conn *conn, const struct event_list *events, struct arena *arena,
                          struct search_messages *out, struct err *err)
{
    struct buf ids;
    buf_init(&ids, arena, 1024 * 1024);
    for (size_t i = 0; i < events->len; i++) {
        if (events->items[i].message_id == 0)
            continue;
        buf_add_char(&ids, ids.len ? ',' : '[');
        buf_add_i64(&ids, events->items[i].message_id);
    }
    if (ids.len == 0)
        return true;
    buf_add_char(&ids, ']');
    struct rows *rows;
    size_t before = out->len;
    bool cut;
    if (!db_query(conn, &SQL_search_messages, DB_ARGS(db_str(buf_str(&ids))), &rows, err) ||
        !read_messages(rows, arena, out, SIZE_MAX, &cut, err))
        return false;
    add_missing(events, before, arena, out);
    return true;
}

bool search_load_before(struct conn *conn, i64 newest, i64 limit, struct arena *arena,
                        struct search_messages *out, bool *ret_more, struct err *err)
{
    struct rows *rows;
    size_t before = out->len;
    bool cut;
    if (!db_query(conn, &SQL_search_messages_before, DB_ARGS(db_i64(newest), db_i64(limit)), &rows, err) ||
        !read_messages(rows, arena, out, SEARCH_BYTES, &cut, err))
        return false;
    *ret_more = cut || out->len - before == (size_t)limit;
    return true;
}

bool search_load_text(struct conn *conn, const struct search_message *message, i64 version,
                      struct arena *arena, struct str *ret_text, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_search_text_before,
                  DB_ARGS(db_i64(message->workspace_id), db_i64(message->id), db_i64(version)), &rows, err))
        return false;
    struct str text = rows_next(rows) ? row_str(rows, 0, arena) : message->text;
    if (!rows_end(rows, err))
        return false;
    *ret_text = text;
    return true;
}
