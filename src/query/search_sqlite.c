// SPDX-License-Identifier: AGPL-3.0-or-later
// The index on SQLite: DATA/search.db, written by the search thread alone over a connection of its own
// and attached to every reading connection. Everything in it can be built again, so whatever is wrong
// with it has one answer: a new file. Its statements are those of store/sql/search.sql.
#include "base/log.h"
#include "query/search_file.h"
#include "query/tokens.h"
#include "sql_gen.h"
#include <stdlib.h>

struct index {
    struct search_file file;
    const char *path;
    struct log_cursor cursor;
    i64 fill_next, fill_total;
};

static void describe(struct index *index, struct err *err)
{
    err_set(err, ERR_INTERNAL, "The search index: %s", search_file_error(&index->file));
}

static bool get(struct index *index, const char *key, i64 *ret_value)
{
    return search_file_number(&index->file, &SQL_search_state_read, key, ret_value);
}

static bool put(struct index *index, const char *key, i64 value)
{
    return search_file_set(&index->file, &SQL_search_state_write, key, value);
}

static bool put_place(struct index *index)
{
    return put(index, "epoch", index->cursor.epoch) && put(index, "position", index->cursor.id) &&
           put(index, "fill_next", index->fill_next) && put(index, "fill_total", index->fill_total);
}

// An empty index begins at the end of the log and is filled from the newest message back.
static bool begin_anew(struct search *search, struct conn *conn, struct err *err)
{
    struct index *index = search->index;
    i64 newest;
    if (!log_tail(conn, &index->cursor, err) ||
        !db_one_i64(conn, &SQL_search_newest_message, DB_NO_ARGS, &newest, err))
        return false;
    index->fill_next = index->fill_total = newest;
    bool ok = search_file_run(&index->file, "BEGIN IMMEDIATE") && put(index, "format", SEARCH_FORMAT) &&
              put_place(index) && search_file_set(&index->file, &SQL_search_text_set, "hashsize", 16000000) &&
              search_file_run(&index->file, "COMMIT");
    if (!ok) {
        describe(index, err);
        (void)search_file_run(&index->file, "ROLLBACK");
        return false;
    }
    search_progress(search, index->fill_next, index->fill_total);
    return true;
}

static bool replace_file(struct search *search, struct conn *conn, const char *why, struct err *err)
{
    struct index *index = search->index;
    log_event(LOG_WARN, "search.rebuild", LOG_C("why", why));
    search_file_close(&index->file);
    search_file_remove(index->path);
    if (!search_file_open(&index->file, index->path)) {
        describe(index, err);
        return false;
    }
    search_file_replaced();
    return begin_anew(search, conn, err);
}

static const char FORGOTTEN[] = "the log has forgotten where it stands";

// Why the index cannot go on from where it stands; NULL when it can.
static const char *find_fault(struct index *index, struct conn *conn, bool *ret_empty, struct err *err)
{
    i64 format = 0, oldest;
    struct log_cursor tail;
    *ret_empty = false;
    if (!log_tail(conn, &tail, err) || !db_one_i64(conn, &SQL_search_oldest_event, DB_NO_ARGS, &oldest, err))
        return err->text;
    if (!get(index, "format", &format)) {
        *ret_empty = true;
        return "it is new";
    }
    if (format != SEARCH_FORMAT)
        return "it has another format";
    if (!get(index, "epoch", &index->cursor.epoch) || !get(index, "position", &index->cursor.id) ||
        !get(index, "fill_next", &index->fill_next) || !get(index, "fill_total", &index->fill_total))
        return "its state is incomplete";
    if (index->cursor.epoch != db_epoch(conn_db(conn)))
        return "the database was restored";
    if (index->cursor.id > tail.id)
        return "it is ahead of the log";
    if (index->cursor.id + 1 < oldest)
        return FORGOTTEN;
    return NULL;
}

static bool open_index(struct search *search, struct conn *conn, struct err *err)
{
    struct index *index = search->index;
    if (!search_file_open(&index->file, index->path))
        return replace_file(search, conn, search_file_error(&index->file), err);
    bool empty;
    err->code = ERR_NONE;
    const char *fault = find_fault(index, conn, &empty, err);
    if (err->code != ERR_NONE)
        return false;
    if (fault && empty)
        return begin_anew(search, conn, err);
    if (fault)
        return replace_file(search, conn, fault, err);
    search_progress(search, index->fill_next, index->fill_total);
    return true;
}

bool search_sqlite_open(struct search *search, struct err *err)
{
    struct index *index = arena_new(search->arena, struct index);
    struct str path = db_file_path(search->db, search->arena, "search.db");
    if (!str_given(path))
        return err_set(err, ERR_INTERNAL, "There is no data folder for the search index");
    index->path = str_cstr(search->arena, path);
    search->index = index;
    struct conn *conn = db_take(search->db);
    bool ok = open_index(search, conn, err);
    db_give(search->db, conn);
    return ok;
}

void search_sqlite_close(struct search *search)
{
    struct index *index = search->index;
    if (index)
        search_file_close(&index->file);
}

// What became of one message.
enum outcome { DONE, FAILED, DATABASE_FAILED };

static bool unlearn(struct index *index, const struct search_message *message, struct str text,
                    struct arena *arena)
{
    struct str tokens = tokens_stream(message->workspace_id, text, arena);
    return tokens.len == 0 || search_file_text(&index->file, &SQL_search_text_remove, message->id, tokens);
}

static bool learn(struct index *index, const struct search_message *message, struct arena *arena)
{
    struct str tokens = tokens_stream(message->workspace_id, message->text, arena);
    return tokens.len == 0 || search_file_text(&index->file, &SQL_search_text_add, message->id, tokens);
}

static enum outcome index_message(struct index *index, struct conn *conn,
                                  const struct search_message *message, struct arena *arena, struct err *err)
{
    struct search_doc doc = {0};
    if (!search_file_doc(&index->file, message->id, &doc))
        return FAILED;
    if (!doc.found && message->deleted)
        return DONE;
    if (doc.found && !message->deleted && doc.version == message->version &&
        doc.conversation_id == message->conversation_id)
        return DONE;
    if (message->version == 0) // gone: its words stay behind, and lead nowhere
        return search_file_doc_drop(&index->file, message->id) ? DONE : FAILED;
    if (doc.found) {
        struct str old;
        if (!search_load_text(conn, message, doc.version, arena, &old, err))
            return DATABASE_FAILED;
        if ((message->deleted || !str_eq(old, message->text)) && !unlearn(index, message, old, arena))
            return FAILED;
        doc.found = !message->deleted && str_eq(old, message->text); // what stands may stay
    }
    if (message->deleted)
        return search_file_doc_drop(&index->file, message->id) ? DONE : FAILED;
    if (!doc.found && !learn(index, message, arena))
        return FAILED;
    doc = (struct search_doc){true, message->conversation_id, message->version};
    return search_file_doc_put(&index->file, message->id, &doc) ? DONE : FAILED;
}

static int by_id(const void *a, const void *b)
{
    i64 x = ((const struct search_message *)a)->id, y = ((const struct search_message *)b)->id;
    return (x > y) - (x < y);
}

// In the order of ids: FTS5 writes out what it has gathered whenever a smaller one comes.
static enum outcome index_all(struct index *index, struct conn *conn, const struct search_messages *messages,
                              struct arena *arena, struct err *err)
{
    if (messages->len > 0)
        qsort(messages->items, messages->len, sizeof(*messages->items), by_id);
    for (size_t i = 0; i < messages->len; i++) {
        enum outcome outcome = index_message(index, conn, &messages->items[i], arena, err);
        if (outcome != DONE)
            return outcome;
    }
    return DONE;
}

static bool read_batch(struct index *index, struct conn *conn, struct arena *arena, struct log_cursor *cursor,
                       struct search_messages *out, i64 *ret_n, struct err *err)
{
    *cursor = index->cursor;
    *ret_n = 0;
    // In small helpings, because messages can be large: what is held at once is bounded in bytes too.
    for (bool more = true; more && *ret_n < SEARCH_BATCH && out->bytes < SEARCH_BYTES;) {
        struct event_list events = {0};
        if (!log_read(conn, cursor, SEARCH_HELPING, arena, &events, err) ||
            !search_load_messages(conn, &events, arena, out, err))
            return false;
        *ret_n += (i64)events.len;
        more = events.len == SEARCH_HELPING;
    }
    return true;
}

static bool read_fill(struct index *index, struct conn *conn, struct arena *arena, i64 *ret_next,
                      struct search_messages *out, struct err *err)
{
    bool more;
    *ret_next = index->fill_next;
    if (index->fill_next == 0)
        return true;
    if (!search_load_before(conn, index->fill_next, SEARCH_FILL, arena, out, &more, err))
        return false;
    *ret_next = more ? out->items[out->len - 1].id - 1 : 0;
    return true;
}

// The log is pruned by its age, whether or not the index has followed: then only a new index knows all.
static bool log_reaches_back(const struct index *index, struct conn *conn, bool *ret_reaches, struct err *err)
{
    i64 oldest;
    if (!db_one_i64(conn, &SQL_search_oldest_event, DB_NO_ARGS, &oldest, err))
        return false;
    *ret_reaches = index->cursor.id + 1 >= oldest;
    return true;
}

struct step {
    struct search_messages messages;
    struct log_cursor cursor;
    i64 n, fill_next;
    bool reaches; // the log still begins where the index stands, or before
};

// All that is read at once, in one snapshot; it ends before the index is written, because the WAL of the
// database cannot begin anew while somebody looks at an old state.
static bool read_step(struct index *index, struct conn *conn, struct arena *arena, struct step *step,
                      struct err *err)
{
    if (!db_read_begin(conn, err))
        return false;
    bool ok =
        log_reaches_back(index, conn, &step->reaches, err) &&
        (!step->reaches || (read_batch(index, conn, arena, &step->cursor, &step->messages, &step->n, err) &&
                            read_fill(index, conn, arena, &step->fill_next, &step->messages, err)));
    db_read_end(conn);
    return ok;
}

static bool write_step(struct search *search, struct conn *conn, struct arena *arena, const struct step *step,
                       i64 *ret_n, bool *ret_damaged, struct err *err)
{
    struct index *index = search->index;
    *ret_n = 0;
    if (step->n == 0 && step->fill_next == index->fill_next)
        return true;
    struct index before = *index;
    index->cursor = step->cursor;
    index->fill_next = step->fill_next;
    enum outcome outcome = FAILED;
    if (search_file_run(&index->file, "BEGIN IMMEDIATE"))
        outcome = index_all(index, conn, &step->messages, arena, err);
    if (outcome == DONE && put_place(index) && search_file_run(&index->file, "COMMIT")) {
        *ret_n = step->n + (before.fill_next - step->fill_next);
        search_progress(search, index->fill_next, index->fill_total);
        return true;
    }
    *ret_damaged = outcome != DATABASE_FAILED && search_file_is_damaged(&index->file);
    if (outcome != DATABASE_FAILED)
        describe(index, err);
    index->cursor = before.cursor;
    index->fill_next = before.fill_next;
    (void)search_file_run(&index->file, "ROLLBACK");
    return false;
}

static bool look_over(struct search *search, struct conn *conn, struct err *err)
{
    struct index *index = search->index;
    if (search->checked && !search_file_take_suspicion())
        return true;
    search->checked = true;
    return search_file_is_sound(&index->file) || replace_file(search, conn, "the file is damaged", err);
}

bool search_sqlite_step(struct search *search, i64 *ret_n, struct err *err)
{
    struct conn *conn = db_take(search->db);
    struct arena *arena = arena_take();
    struct step step = {.reaches = true};
    bool damaged = false, ok = look_over(search, conn, err);
    ok = ok && read_step(search->index, conn, arena, &step, err) &&
         (!step.reaches || write_step(search, conn, arena, &step, ret_n, &damaged, err));
    if (damaged || (ok && !step.reaches)) {
        *ret_n = 1; // come again
        ok = replace_file(search, conn, damaged ? "it cannot be written any more" : FORGOTTEN, err);
    }
    arena_give(arena);
    db_give(search->db, conn);
    return ok;
}
