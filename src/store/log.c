// SPDX-License-Identifier: AGPL-3.0-or-later
// The event log: appending in a write, reading in log order, and readers whose effect and cursor move
// in one transaction.
#include "store/log.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "sql_gen.h"
#include "store/internal.h"
#include <stdio.h>
#include <unistd.h>

// A step is a short write; a lease this old belongs to a process that is gone.
enum { LEASE_MS = 10000 };

static const struct field event_fields[] = {
    FIELD(event, FIELD_I64, epoch, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, xid, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, workspace_id, FIELD_READ_ONLY),
    FIELD(event, FIELD_TIME, at, FIELD_READ_ONLY),
    FIELD(event, FIELD_STR, kind, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, conversation_id, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, message_id, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, channel_id, FIELD_READ_ONLY),
    FIELD(event, FIELD_I64, agent_id, FIELD_READ_ONLY),
    FIELD(event, FIELD_JSON, data, FIELD_READ_ONLY),
    FIELD_END,
};
const struct type event_type = {"Event", event_fields, sizeof(struct event)};

bool log_append(struct tx *tx, const struct event *event, struct err *err)
{
    struct str data = event->data.len ? event->data : S("{}");
    const struct db_arg args[] = {db_i64(event->workspace_id), db_i64(tx->now),
                                  db_str(event->kind),         db_i64(event->conversation_id),
                                  db_i64(event->message_id),   db_i64(event->channel_id),
                                  db_i64(event->agent_id),     db_str(data),
                                  db_i64(db_epoch(tx->db))};
    struct hooks *hooks = tx->hooks;
    hooks->events = true; // a write that fails takes it back
    if (tx->conn->kind == DB_SQLITE || tx->conn->xid > 0) {
        return db_exec(tx->conn, &SQL_event_add, args, ARRAY_LEN(args), NULL, err);
    }
    // The first one tells the transaction's number, for a COMMIT whose answer is lost.
    return db_one_i64(tx->conn, &SQL_event_add, args, ARRAY_LEN(args), &tx->conn->xid, err);
}

// A cursor from before a restore may be ahead of the log that was restored: then what was written
// since would be skipped. It continues where its epoch ended here.
static i64 position_here(struct db *db, const struct log_cursor *cursor)
{
    i64 id = cursor->id;
    for (i64 e = cursor->epoch + 1; e > 0 && e <= db_epoch(db) && e < MAX_EPOCHS; e++) {
        if (cursor->epoch > 0 && db->epoch_starts[e] < id) {
            id = db->epoch_starts[e];
        }
    }
    return id;
}

bool log_read(struct conn *conn, struct log_cursor *cursor, i64 limit, struct arena *arena,
              struct event_list *out, struct err *err)
{
    size_t before = out->len;
    i64 id = conn->kind == DB_SQLITE ? position_here(conn->db, cursor) : cursor->id;
    if (!db_list(conn, &SQL_event_after,
                 DB_ARGS(db_i64(cursor->epoch), db_i64(cursor->xid), db_i64(id), db_i64(db_epoch(conn->db)),
                         db_i64(limit)),
                 &event_type, out, arena, err)) {
        return false;
    }
    if (out->len > before) {
        const struct event *last = &out->items[out->len - 1];
        *cursor = (struct log_cursor){last->epoch, last->xid, last->id};
    }
    return true;
}

bool log_holds(struct conn *conn, struct log_cursor cursor, bool *ret_holds, struct err *err)
{
    i64 found;
    if (!db_one_i64(conn, &SQL_event_exists,
                    DB_ARGS(db_i64(cursor.epoch), db_i64(cursor.xid), db_i64(cursor.id)), &found, err)) {
        return false;
    }
    *ret_holds = found != 0;
    return true;
}

bool log_tail(struct conn *conn, struct log_cursor *ret_cursor, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_event_tail, DB_ARGS(db_i64(db_epoch(conn->db))), &rows, err)) {
        return false;
    }
    struct log_cursor cursor = {.epoch = db_epoch(conn->db)};
    if (rows_next(rows)) {
        cursor = (struct log_cursor){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    *ret_cursor = cursor;
    return true;
}

struct str log_cursor_format(struct arena *arena, struct log_cursor cursor)
{
    return str_printf(arena, "%lld.%lld.%lld", (long long)cursor.epoch, (long long)cursor.xid,
                      (long long)cursor.id);
}

bool log_cursor_parse(struct str text, struct log_cursor *ret_cursor)
{
    struct log_cursor cursor;
    struct str rest = text;
    struct str epoch = str_cut(rest, '.', &rest);
    struct str xid = str_given(rest) ? str_cut(rest, '.', &rest) : S("");
    if (!str_given(rest) || !str_to_i64(epoch, &cursor.epoch) || !str_to_i64(xid, &cursor.xid) ||
        !str_to_i64(rest, &cursor.id) || cursor.epoch < 0 || cursor.xid < 0 || cursor.id < 0) {
        return false;
    }
    *ret_cursor = cursor;
    return true;
}

// --- Readers that write --------------------------------------------------------------------------

// This process among all that share the database.
static struct str process_name(void)
{
    static char name[40];
    static pid_t pid; // a forked process is another one
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (pid != getpid()) {
        pid = getpid();
        snprintf(name, sizeof(name), "%d-%016llx", (int)pid, (unsigned long long)random_u64());
    }
    pthread_mutex_unlock(&lock);
    return str_from(name);
}

struct place {
    struct log_cursor cursor;
    bool mine; // nobody else holds the lease
};

static bool read_place(struct conn *conn, const struct sql *sql, const char *name, i64 now,
                       struct arena *arena, bool *ret_found, struct place *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_str(str_from(name))), &rows, err)) {
        return false;
    }
    bool found = rows_next(rows);
    struct place place = {0};
    if (found) {
        struct str owner = row_str(rows, 3, arena);
        place.cursor = (struct log_cursor){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2)};
        place.mine = str_eq(owner, process_name()) || row_i64(rows, 4) <= now;
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    *ret_found = found;
    *out = place;
    return true;
}

struct step {
    const struct log_reader *reader;
    i64 n;
};

static bool add_reader(struct tx *tx, void *arg, struct err *err)
{
    const struct log_reader *reader = arg;
    return db_exec(tx->conn, &SQL_reader_add, DB_ARGS(db_str(str_from(reader->name))), NULL, err);
}

static bool move_cursor(struct tx *tx, const char *name, struct log_cursor from, struct log_cursor to,
                        struct err *err)
{
    i64 changed;
    if (!db_exec(tx->conn, &SQL_reader_move,
                 DB_ARGS(db_i64(to.epoch), db_i64(to.xid), db_i64(to.id), db_str(process_name()),
                         db_i64(tx->now + LEASE_MS), db_str(str_from(name)), db_i64(from.epoch),
                         db_i64(from.xid), db_i64(from.id)),
                 &changed, err)) {
        return false;
    }
    return changed == 1 || err_retry(err, ERR_UNAVAILABLE, 1, "Another process moved the reader %s", name);
}

// The batch is read inside the transaction that acts on it, so that a step that runs twice acts once.
static bool run_step(struct tx *tx, void *arg, struct err *err)
{
    struct step *step = arg;
    const struct log_reader *reader = step->reader;
    struct event_list events = {0};
    struct place place;
    bool found;
    step->n = 0;
    if (!read_place(tx->conn, &SQL_reader_lock, reader->name, tx->now, tx->arena, &found, &place, err)) {
        return false;
    }
    if (!found || !place.mine) {
        return true;
    }
    struct log_cursor to = place.cursor;
    if (!log_read(tx->conn, &to, reader->batch, tx->arena, &events, err)) {
        return false;
    }
    if (events.len == 0) {
        return true;
    }
    if (!reader->run(tx, &events, reader->arg, err) ||
        !move_cursor(tx, reader->name, place.cursor, to, err)) {
        return false;
    }
    step->n = (i64)events.len;
    return true;
}

// A look by a reading connection, so that an idle reader costs the writer nothing.
static bool has_work(struct db *db, const struct log_reader *reader, bool *ret_found, bool *ret_work,
                     struct err *err)
{
    struct arena *arena = arena_take();
    struct conn *conn = db_take(db);
    struct event_list events = {0};
    struct place place;
    bool ok = read_place(conn, &SQL_reader_get, reader->name, clock_now(), arena, ret_found, &place, err);
    *ret_work = false;
    if (ok && *ret_found && place.mine) {
        ok = log_read(conn, &place.cursor, 1, arena, &events, err);
        *ret_work = ok && events.len > 0;
    }
    db_give(db, conn);
    arena_give(arena);
    return ok;
}

bool log_reader_step(struct db *db, const struct log_reader *reader, i64 *ret_n, struct err *err)
{
    bool found, work;
    if (!has_work(db, reader, &found, &work, err)) {
        return false;
    }
    if (!found && (!db_write(db, WRITE_READER, add_reader, (void *)reader, err) ||
                   !has_work(db, reader, &found, &work, err))) {
        return false;
    }
    struct step step = {.reader = reader};
    if (work && !db_write(db, WRITE_READER, run_step, &step, err)) {
        return false;
    }
    *ret_n = step.n;
    return true;
}
