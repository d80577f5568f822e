// SPDX-License-Identifier: AGPL-3.0-or-later
// Restore: a private copy of the backup is checked, brought to today's schema and told what it has to
// forget; then it becomes the database (SQLite), or is loaded into one (PostgreSQL) in one transaction.
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "sql_gen.h"
#include "store/backup.h"
#include "store/internal.h"
#include "store/migrate.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_CHUNK = 256 * 1024 };

static void say(const struct progress *progress, const char *what, i64 done, i64 total)
{
    if (progress) {
        progress->step(progress->arg, what, done, total);
    }
}

// --- The copy -------------------------------------------------------------------------------------

static bool check_whole(struct conn *conn, const char *path, struct err *err)
{
    i64 exists = 0;
    if (!db_one_i64(conn, &SQL_schema_migration_exists, DB_NO_ARGS, &exists, err)) {
        return false;
    }
    if (!exists) {
        return err_set(err, ERR_INVALID, "%s is not a Heed backup", path);
    }
    struct rows *rows;
    if (!db_query(conn, &SQL_restore_quick_check, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    struct arena *arena = arena_take();
    bool ok = true;
    if (rows_next(rows) && !str_eq(row_str(rows, 0, arena), S("ok"))) {
        ok = err_set(err, ERR_INVALID, "%s is damaged: " STR_FMT, path, STR_ARG(row_str(rows, 0, arena)));
    }
    arena_give(arena);
    struct err reading = {0};
    if (!rows_end(rows, &reading)) {
        *err = reading;
        return false;
    }
    return ok;
}

static bool make_copy(const char *path, const char *copy, struct err *err)
{
    sqlite3 *handle;
    char magic[16] = {0};
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return err_set(err, ERR_INVALID, "%s cannot be read: %s", path, strerror(errno));
    }
    size_t n = fread(magic, 1, sizeof(magic), file);
    fclose(file);
    if (n != sizeof(magic) || memcmp(magic, "SQLite format 3", 16) != 0) {
        return err_set(err, ERR_INVALID, "%s is not a Heed backup", path);
    }
    if (!sqlite_open(path, SQLITE_OPEN_READONLY, &handle, err)) {
        return false;
    }
    sqlite3_stmt *stmt = NULL;
    bool ok = sqlite3_prepare_v2(handle, SQL_backup_into.text[DB_SQLITE], -1, &stmt, NULL) == SQLITE_OK &&
              sqlite3_bind_text(stmt, 1, copy, -1, SQLITE_STATIC) == SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_DONE;
    if (!ok) {
        sqlite_error(handle, path, err);
        if (err->code == ERR_INTERNAL) {
            struct err why = *err;
            err_set(err, ERR_INVALID, "%s cannot be read as a backup: %s", path, why.text);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return ok;
}

static bool set_meta(struct conn *conn, const char *key, i64 value, struct err *err)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return db_exec(conn, &SQL_meta_set, DB_ARGS(db_str(str_from(key)), db_str(str_from(text))), NULL, err);
}

// A new epoch: cursors from outside that saw more than the backup has know by it.
static bool raise_epoch(struct conn *conn, struct restore_summary *out, struct err *err)
{
    struct arena *arena = arena_take();
    struct str text = STR_NONE;
    i64 epoch = 0, last = 0;
    char key[40];
    bool ok = db_meta_get(conn, "epoch", arena, &text, err);
    if (ok && !str_to_i64(text, &epoch)) {
        ok = err_set(err, ERR_INVALID, "The backup has no epoch; it is damaged");
    }
    snprintf(key, sizeof(key), "epoch_start:%lld", (long long)epoch + 1);
    ok = ok && db_one_i64(conn, &SQL_event_last_id, DB_NO_ARGS, &last, err) &&
         db_exec(conn, &SQL_restore_leases, DB_ARGS(db_i64(epoch)), NULL, err) &&
         set_meta(conn, "epoch", epoch + 1, err) && set_meta(conn, key, last, err);
    out->epoch = epoch + 1;
    arena_give(arena);
    return ok;
}

static bool adjust(struct conn *conn, struct restore_summary *out, struct err *err)
{
    return conn_control(conn, CONTROL_BEGIN_WRITE, err) && raise_epoch(conn, out, err) &&
           db_exec(conn, &SQL_restore_doubt, DB_ARGS(db_i64(clock_now())), &out->in_doubt, err) &&
           db_exec(conn, &SQL_restore_doubt_messages, DB_NO_ARGS, NULL, err) &&
           db_exec(conn, &SQL_restore_hold, DB_NO_ARGS, &out->held, err) &&
           db_exec(conn, &SQL_restore_hold_messages, DB_NO_ARGS, NULL, err) &&
           db_exec(conn, &SQL_restore_drop_rest, DB_ARGS(db_i64(clock_now())), NULL, err) &&
           db_exec(conn, &SQL_restore_cursor_leases, DB_NO_ARGS, NULL, err) &&
           backup_count(conn, "workspace", &out->workspaces, err) &&
           backup_count(conn, "conversation", &out->conversations, err) &&
           backup_count(conn, "message", &out->messages, err) &&
           backup_count(conn, "event", &out->events, err) && conn_control(conn, CONTROL_COMMIT, err);
}

static bool prepare_copy(const char *path, const char *copy, const struct progress *progress,
                         struct restore_summary *out, struct err *err)
{
    say(progress, "checking", 0, 1);
    if (!make_copy(path, copy, err)) {
        return false;
    }
    struct db *bare = db_bare(DB_SQLITE, str_from(copy));
    struct conn *conn = conn_create(bare, true);
    bool ok = conn->ops->ready(conn, err) && check_whole(conn, path, err) && migrate_run(conn, true, err) &&
              adjust(conn, out, err) && sqlite_run(conn->lite, "PRAGMA journal_mode = DELETE", err);
    conn_destroy(conn);
    db_close(bare);
    say(progress, "checking", 1, 1);
    return ok;
}

// --- Into SQLite ----------------------------------------------------------------------------------

static bool refuse_full(i64 workspaces, struct err *err)
{
    return workspaces == 0 ||
           err_set(err, ERR_CONFLICT, "The target holds %lld workspace%s already: restore into an empty one",
                   (long long)workspaces, workspaces == 1 ? "" : "s");
}

static bool target_is_empty(const char *path, struct err *err)
{
    i64 n = 0;
    if (access(path, F_OK) < 0) {
        return true;
    }
    struct db *bare = db_bare(DB_SQLITE, str_from(path));
    struct conn *conn = conn_create(bare, true);
    i64 exists = 0;
    bool ok = conn->ops->ready(conn, err) &&
              db_one_i64(conn, &SQL_schema_migration_exists, DB_NO_ARGS, &exists, err) &&
              (!exists || backup_count(conn, "workspace", &n, err));
    conn_destroy(conn);
    db_close(bare);
    return ok && refuse_full(n, err);
}

static void remove_beside(struct arena *arena, struct str dir, const char *name)
{
    const char *tails[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        unlink(str_cstr(arena, str_printf(arena, STR_FMT "/%s%s", STR_ARG(dir), name, tails[i])));
    }
}

static bool restore_sqlite(struct str dir, struct str path, const struct progress *progress,
                           struct restore_summary *out, struct arena *arena, struct err *err)
{
    const char *target = str_cstr(arena, str_printf(arena, STR_FMT "/heed.db", STR_ARG(dir)));
    const char *copy = str_cstr(arena, str_printf(arena, STR_FMT "/heed.db.restoring", STR_ARG(dir)));
    if (!target_is_empty(target, err)) {
        return false;
    }
    remove_beside(arena, dir, "heed.db.restoring");
    if (!prepare_copy(str_cstr(arena, path), copy, progress, out, err) || !file_sync(copy, err)) {
        remove_beside(arena, dir, "heed.db.restoring");
        return false;
    }
    chmod(copy, 0600);
    // A WAL of the empty database must not be taken for the new one's; the index is made anew.
    remove_beside(arena, dir, "heed.db");
    remove_beside(arena, dir, "search.db");
    if (rename(copy, target) < 0) {
        return err_set(err, ERR_INVALID, "%s cannot be made: %s", target, strerror(errno));
    }
    return file_sync_dir_of(target, err);
}

// --- Into PostgreSQL ------------------------------------------------------------------------------

static void add_text(struct buf *out, struct str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        char escape = c == '\\' ? '\\' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
        if (escape) {
            buf_add(out, str_sub(text, from, i));
            buf_add_char(out, '\\');
            buf_add_char(out, escape);
            from = i + 1;
        }
    }
    buf_add(out, str_sub(text, from, text.len));
}

static void add_bytes(struct buf *out, struct str bytes)
{
    static const char hex[] = "0123456789abcdef";
    buf_add(out, S("\\\\x"));
    for (size_t i = 0; i < bytes.len; i++) {
        buf_add_char(out, hex[(u8)bytes.ptr[i] >> 4]);
        buf_add_char(out, hex[bytes.ptr[i] & 15]);
    }
}

static bool add_line(struct buf *out, const struct store_table *table, struct rows *rows, i64 old_epoch,
                     struct arena *arena, struct err *err)
{
    if (strcmp(table->name, "event") == 0) {
        buf_printf(out, "%lld\t0\t", (long long)old_epoch); // behind them comes the new epoch
    }
    for (int i = 0; i < table->n_columns; i++) {
        if (i > 0) {
            buf_add_char(out, '\t');
        }
        if (row_is_null(rows, i)) {
            buf_add(out, S("\\N"));
        } else if (table->columns[i].kind == DB_ARG_I64) {
            buf_add_i64(out, row_i64(rows, i));
        } else if (table->columns[i].kind == DB_ARG_BLOB) {
            add_bytes(out, row_blob(rows, i, arena));
        } else {
            struct str text = row_str(rows, i, arena);
            if (memchr(text.ptr, 0, text.len)) {
                return err_set(err, ERR_INVALID, "%s.%s holds a NUL character, which PostgreSQL cannot store",
                               table->name, table->columns[i].name);
            }
            add_text(out, text);
        }
    }
    buf_add_char(out, '\n');
    return true;
}

struct load {
    struct conn *from, *to;
    const struct progress *progress;
    struct buf out;
    i64 old_epoch;
};

static bool send_chunk(struct load *l, struct err *err)
{
    if (l->out.overflow) {
        return err_set(err, ERR_INTERNAL, "A row is larger than 64 MiB");
    }
    bool ok = PQputCopyData(l->to->pg, l->out.ptr, (int)l->out.len) == 1 ||
              postgres_error(l->to->pg, NULL, "copying", err);
    buf_reset(&l->out);
    return ok;
}

static bool send_rows(struct load *l, const struct store_table *table, i64 total, struct err *err)
{
    struct rows *rows;
    i64 done = 0;
    if (!db_query(l->from, table->read, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    struct arena *arena = arena_take();
    bool ok = true;
    while (ok && rows_next(rows)) {
        arena_reset(arena);
        ok = add_line(&l->out, table, rows, l->old_epoch, arena, err);
        if (ok && l->out.len > COPY_CHUNK) {
            ok = send_chunk(l, err);
        }
        if (++done % 4096 == 0) {
            say(l->progress, table->name, done, total);
        }
    }
    ok = ok && (l->out.len == 0 || send_chunk(l, err));
    arena_give(arena);
    struct err reading = {0};
    if (!rows_end(rows, &reading)) {
        *err = reading;
        return false;
    }
    say(l->progress, table->name, done, total);
    return ok;
}

static bool load_table(struct load *l, const struct store_table *table, struct err *err)
{
    i64 total = 0;
    if (!db_one_i64(l->from, table->count, DB_NO_ARGS, &total, err)) {
        return false;
    }
    PGresult *result = PQexec(l->to->pg, table->write->text[DB_POSTGRES]);
    bool ok = PQresultStatus(result) == PGRES_COPY_IN || postgres_error(l->to->pg, result, table->name, err);
    PQclear(result);
    if (!ok) {
        return false;
    }
    ok = send_rows(l, table, total, err);
    PQputCopyEnd(l->to->pg, ok ? NULL : "the rows could not be read");
    while ((result = PQgetResult(l->to->pg))) {
        if (ok && PQresultStatus(result) != PGRES_COMMAND_OK) {
            ok = postgres_error(l->to->pg, result, table->name, err);
        }
        PQclear(result);
    }
    return ok && (!table->identity || db_exec(l->to, table->identity, DB_NO_ARGS, NULL, err));
}

static bool clear_tables(struct conn *to, struct err *err)
{
    int n = 0;
    while (store_tables[n].name) {
        n++;
    }
    bool ok = true;
    while (ok && n-- > 0) { // those that refer first
        ok = db_exec(to, store_tables[n].clear, DB_NO_ARGS, NULL, err);
    }
    return ok;
}

static bool load_all(struct load *l, struct err *err)
{
    i64 n = 0;
    bool ok = conn_control(l->to, CONTROL_BEGIN_WRITE, err) &&
              postgres_run(l->to->pg, "LOCK TABLE workspace, meta", err) &&
              backup_count(l->to, "workspace", &n, err) && refuse_full(n, err) && clear_tables(l->to, err);
    for (const struct store_table *t = store_tables; ok && t->name; t++) {
        ok = load_table(l, t, err);
    }
    return ok && conn_control(l->to, CONTROL_COMMIT, err);
}

static bool load_postgres(struct str url, const char *copy, const struct progress *progress,
                          const struct restore_summary *sum, struct err *err)
{
    struct db *source = db_bare(DB_SQLITE, str_from(copy));
    struct db *target = db_bare(DB_POSTGRES, url);
    struct load l = {.from = conn_create(source, false),
                     .to = conn_create(target, true),
                     .progress = progress,
                     .old_epoch = sum->epoch - 1};
    buf_init(&l.out, NULL, 64 * 1024 * 1024);
    bool ok = l.from->ops->ready(l.from, err) && l.to->ops->ready(l.to, err) &&
              postgres_run(l.to->pg, "SET statement_timeout = 0", err) && migrate_run(l.to, true, err) &&
              load_all(&l, err);
    buf_finish(&l.out);
    conn_destroy(l.from);
    conn_destroy(l.to);
    db_close(source);
    db_close(target);
    return ok;
}

static bool restore_postgres(struct str url, struct str path, const struct progress *progress,
                             struct restore_summary *out, struct arena *arena, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = str_cstr(arena, str_printf(arena, "%s/heed-restore-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
    if (!mkdtemp(dir)) {
        return err_set(err, ERR_INVALID, "%s cannot be made: %s", dir, strerror(errno));
    }
    const char *copy = str_cstr(arena, str_printf(arena, "%s/copy", dir));
    bool ok = prepare_copy(str_cstr(arena, path), copy, progress, out, err) &&
              load_postgres(url, copy, progress, out, err);
    remove_beside(arena, str_from(dir), "copy");
    rmdir(dir);
    return ok;
}

bool restore_read(const struct db_settings *settings, struct str path, const struct progress *progress,
                  struct restore_summary *out, struct err *err)
{
    struct arena *arena = arena_take();
    struct restore_summary sum = {0};
    bool postgres = str_given(settings->url);
    struct db *target = db_bare(postgres ? DB_POSTGRES : DB_SQLITE, S(""));
    const char *lock = NULL; // made by us: a restore that is refused leaves nothing behind
    bool ok = true, locked = false;
    if (str_given(settings->data_dir) && settings->data_dir.len > 0) {
        target->data_dir = (char *)mem_copy(settings->data_dir).ptr;
        const char *file = str_cstr(arena, db_file_path(target, arena, "lock"));
        lock = access(file, F_OK) < 0 ? file : NULL;
        ok = locked = db_lock_dir(target, true, err);
    } else if (!postgres) {
        ok = err_set(err, ERR_INVALID, "SQLite needs a data folder");
    }
    ok = ok && (postgres ? restore_postgres(settings->url, path, progress, &sum, arena, err)
                         : restore_sqlite(settings->data_dir, path, progress, &sum, arena, err));
    if (ok) {
        *out = sum;
    } else if (locked && lock) {
        (void)unlink(lock);
    }
    db_close(target);
    arena_give(arena);
    return ok;
}
