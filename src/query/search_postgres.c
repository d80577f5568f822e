// SPDX-License-Identifier: AGPL-3.0-or-later
// The index on PostgreSQL: table search_doc, written by a reader of the log in the same transaction that
// moves its cursor. The tsvectors hold our own tokens; PostgreSQL's parser is never asked.
#include "base/log.h"
#include "query/search_internal.h"
#include "query/tokens.h"
#include "sql_gen.h"
#include "json/json.h"

enum { POSTGRES_BATCH = 500, PIECE = 4 * 1024 * 1024, JSON_MAX = 256 * 1024 * 1024 };

static struct str json_of(const struct search_messages *messages, struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, arena, JSON_MAX);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '[');
    for (size_t i = 0; i < messages->len; i++) {
        json_open(&w, '{');
        json_key(&w, "workspace_id");
        json_put_i64(&w, messages->items[i].workspace_id);
        json_key(&w, "id");
        json_put_i64(&w, messages->items[i].id);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    return buf_str(&buf);
}

static void put_part(struct json_writer *w, const struct search_message *message, i64 part, struct str words)
{
    const struct {
        const char *key;
        i64 value;
    } numbers[] = {{"w", message->workspace_id},
                   {"m", message->id},
                   {"p", part},
                   {"c", message->conversation_id},
                   {"v", message->version}};
    json_open(w, '{');
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(w, numbers[i].key);
        json_put_i64(w, numbers[i].value);
    }
    json_key(w, "t");
    json_put_str(w, words);
    json_close(w, '}');
}

// A message without words has one empty part: it is known to be indexed.
static void put_parts(struct json_writer *w, const struct search_message *message, struct arena *arena)
{
    struct str_list parts = tokens_tsvectors(message->workspace_id, message->text, arena);
    if (parts.len == 0)
        put_part(w, message, 0, S(""));
    for (size_t i = 0; i < parts.len; i++)
        put_part(w, message, (i64)i, parts.items[i]);
}

static struct search_message *find(struct search_messages *messages, i64 id)
{
    for (size_t i = 0; i < messages->len; i++) {
        if (messages->items[i].id == id)
            return &messages->items[i];
    }
    return NULL;
}

static void drop_current(struct search_messages *messages, const struct search_messages *current)
{
    size_t kept = 0;
    for (size_t i = 0; i < messages->len; i++) {
        if (!find((struct search_messages *)current, messages->items[i].id))
            messages->items[kept++] = messages->items[i];
    }
    messages->len = kept;
}

// Leaves in `messages` those to be indexed; fills `stale` with those to be taken out.
static bool compare(struct tx *tx, struct search_messages *messages, struct search_messages *stale,
                    struct err *err)
{
    struct search_messages current = {0};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_search_docs_of, DB_ARGS(db_str(json_of(messages, tx->arena))), &rows, err))
        return false;
    while (rows_next(rows)) {
        struct search_message *message = find(messages, row_i64(rows, 0));
        if (!message)
            continue;
        bool same = !message->deleted && message->conversation_id == row_i64(rows, 1) &&
                    message->version == row_i64(rows, 2);
        *list_push(same ? &current : stale, tx->arena) = *message;
    }
    if (!rows_end(rows, err))
        return false;
    drop_current(messages, &current);
    return true;
}

// The words of a few large messages can be ten times as long as their texts: they go piece by piece.
static bool add_all(struct tx *tx, const struct search_messages *messages, struct err *err)
{
    struct arena *piece = arena_take();
    bool ok = true;
    for (size_t i = 0; ok && i < messages->len;) {
        struct buf buf;
        arena_reset(piece);
        buf_init(&buf, piece, JSON_MAX);
        struct json_writer w = json_writer(&buf);
        json_open(&w, '[');
        for (; i < messages->len && buf.len < PIECE; i++) {
            if (!messages->items[i].deleted)
                put_parts(&w, &messages->items[i], piece);
        }
        json_close(&w, ']');
        ok = buf.overflow ? err_set(err, ERR_INTERNAL, "A message is too large for the search index")
                          : buf.len <= 2 || db_exec(tx->conn, &SQL_search_docs_add,
                                                    DB_ARGS(db_str(buf_str(&buf))), NULL, err);
    }
    arena_give(piece);
    return ok;
}

static bool index_messages(struct tx *tx, struct search_messages *messages, struct err *err)
{
    struct search_messages stale = {0};
    if (messages->len == 0)
        return true;
    if (!compare(tx, messages, &stale, err))
        return false;
    if (stale.len > 0 &&
        !db_exec(tx->conn, &SQL_search_docs_remove, DB_ARGS(db_str(json_of(&stale, tx->arena))), NULL, err))
        return false;
    return add_all(tx, messages, err);
}

static bool fact(struct conn *conn, const struct sql *sql, const char *key, i64 *ret_value, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_str(str_from(key))), &rows, err))
        return false;
    *ret_value = rows_next(rows) ? row_i64(rows, 0) : -1;
    return rows_end(rows, err);
}

// All who write the index take turns, whatever process they are in: between reading a message and
// indexing it nobody else may index a newer version.
static bool run_events(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    struct search_messages messages = {0};
    i64 ignored;
    (void)arg;
    return fact(tx->conn, &SQL_search_fact_lock, "fill_next", &ignored, err) &&
           search_load_messages(tx->conn, events, tx->arena, &messages, err) &&
           index_messages(tx, &messages, err);
}

static bool set_fact(struct tx *tx, const char *key, i64 value, struct err *err)
{
    return db_exec(tx->conn, &SQL_search_fact_set, DB_ARGS(db_str(str_from(key)), db_i64(value)), NULL, err);
}

struct fill {
    i64 left, total, done;
};

// One chunk of what was there before the index was; processes take turns at the locked row.
static bool run_fill(struct tx *tx, void *arg, struct err *err)
{
    struct fill *fill = arg;
    struct search_messages messages = {0};
    i64 next;
    if (!fact(tx->conn, &SQL_search_fact_lock, "fill_next", &next, err) ||
        !fact(tx->conn, &SQL_search_fact, "fill_total", &fill->total, err))
        return false;
    fill->left = fill->done = 0;
    if (next <= 0)
        return true;
    bool more;
    if (!search_load_before(tx->conn, next, POSTGRES_BATCH, tx->arena, &messages, &more, err))
        return false;
    fill->left = more ? messages.items[messages.len - 1].id - 1 : 0;
    fill->done = next - fill->left;
    return index_messages(tx, &messages, err) && set_fact(tx, "fill_next", fill->left, err);
}

// Another format, a restored database or a new one: everything is indexed again.
static bool run_anew(struct tx *tx, void *arg, struct err *err)
{
    struct fill *fill = arg;
    i64 format, epoch;
    if (!fact(tx->conn, &SQL_search_fact_lock, "format", &format, err) ||
        !fact(tx->conn, &SQL_search_fact, "epoch", &epoch, err))
        return false;
    if (format == SEARCH_FORMAT && epoch == db_epoch(tx->db))
        return fact(tx->conn, &SQL_search_fact, "fill_next", &fill->left, err) &&
               fact(tx->conn, &SQL_search_fact, "fill_total", &fill->total, err);
    if (!db_one_i64(tx->conn, &SQL_search_newest_message, DB_NO_ARGS, &fill->total, err))
        return false;
    fill->left = fill->total;
    return db_exec(tx->conn, &SQL_search_docs_clear, DB_NO_ARGS, NULL, err) &&
           set_fact(tx, "format", SEARCH_FORMAT, err) && set_fact(tx, "epoch", db_epoch(tx->db), err) &&
           set_fact(tx, "fill_next", fill->left, err) && set_fact(tx, "fill_total", fill->total, err);
}

bool search_postgres_open(struct search *search, struct err *err)
{
    struct fill fill = {0};
    if (!db_write(search->db, WRITE_READER, run_anew, &fill, err))
        return false;
    search_progress(search, fill.left, fill.total);
    return true;
}

bool search_postgres_step(struct search *search, i64 *ret_n, struct err *err)
{
    const struct log_reader reader = {.name = "search", .batch = POSTGRES_BATCH, .run = run_events};
    struct fill fill = {0};
    i64 n = 0;
    if (!log_reader_step(search->db, &reader, &n, err))
        return false;
    if (atomic_load(&search->left) > 0) {
        if (!db_write(search->db, WRITE_READER, run_fill, &fill, err))
            return false;
        search_progress(search, fill.left, fill.total);
    }
    *ret_n = n + fill.done;
    return true;
}
