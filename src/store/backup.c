// SPDX-License-Identifier: AGPL-3.0-or-later
// Backup while everything runs: SQLite copies itself (VACUUM INTO, one read transaction); PostgreSQL is
// read table by table in one repeatable-read transaction into a SQLite file of the same schema.
#include "store/backup.h"
#include "base/log.h"
#include "sql_gen.h"
#include "store/internal.h"
#include "store/migrate.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct copying {
    const struct progress *progress;
    const char *part; // the file while it is being written
    i64 total;
};

static void say(const struct progress *progress, const char *what, i64 done, i64 total)
{
    if (progress) {
        progress->step(progress->arg, what, done, total);
    }
}

// --- SQLite ---------------------------------------------------------------------------------------

static int on_progress(void *arg)
{
    struct copying *c = arg;
    struct stat st;
    say(c->progress, "copying", stat(c->part, &st) == 0 ? (i64)st.st_size : 0, c->total);
    return 0;
}

static bool copy_sqlite(struct db *db, struct copying *c, struct err *err)
{
    struct stat st;
    struct db *bare = db_bare(DB_SQLITE, str_from(db->path));
    struct conn *conn = conn_create(bare, true);
    c->total = stat(db->path, &st) == 0 ? (i64)st.st_size : 0;
    bool ok = conn->ops->ready(conn, err);
    if (ok) {
        sqlite3_progress_handler(conn->lite, 1000000, on_progress, c);
        ok = db_exec(conn, &SQL_backup_into, DB_ARGS(db_str(str_from(c->part))), NULL, err);
    }
    conn_destroy(conn);
    db_close(bare);
    return ok;
}

// --- PostgreSQL -----------------------------------------------------------------------------------

// Rows come one at a time, whatever the size of the table.
static bool start_reading(struct conn *from, const struct store_table *table, struct err *err)
{
    if (!PQsendQueryParams(from->pg, table->read->text[DB_POSTGRES], 0, NULL, NULL, NULL, NULL, 0) ||
        !PQsetSingleRowMode(from->pg)) {
        return postgres_error(from->pg, NULL, table->name, err);
    }
    return true;
}

static struct db_arg cell(struct rows *row, int column, enum db_arg_kind kind, struct arena *arena)
{
    if (row_is_null(row, column)) {
        return db_opt(0);
    }
    switch (kind) {
    case DB_ARG_I64:
        return db_i64(row_i64(row, column));
    case DB_ARG_BLOB:
        return db_blob(row_blob(row, column, arena));
    case DB_ARG_STR:
    case DB_ARG_NULL:
        break;
    }
    return db_str(row_str(row, column, arena));
}

static bool copy_row(struct conn *from, PGresult *result, struct conn *to, const struct store_table *table,
                     struct arena *arena, struct err *err)
{
    struct rows row = {.conn = from, .result = result, .row = 0, .n_rows = 1};
    arena_reset(arena);
    struct db_arg *args = arena_array(arena, struct db_arg, (size_t)table->n_columns);
    for (int i = 0; i < table->n_columns; i++) {
        args[i] = cell(&row, i, table->columns[i].kind, arena);
    }
    return db_exec(to, table->write, args, (size_t)table->n_columns, NULL, err);
}

static bool copy_table(struct conn *from, struct conn *to, const struct store_table *table, struct copying *c,
                       struct err *err)
{
    i64 total = 0, done = 0;
    if (!db_one_i64(from, table->count, DB_NO_ARGS, &total, err) || !start_reading(from, table, err)) {
        return false;
    }
    struct arena *arena = arena_take();
    bool ok = true;
    PGresult *result;
    while ((result = PQgetResult(from->pg))) {
        ExecStatusType status = PQresultStatus(result);
        if (ok && status == PGRES_SINGLE_TUPLE) {
            ok = copy_row(from, result, to, table, arena, err);
            if (++done % 1024 == 0) {
                say(c->progress, table->name, done, total);
            }
        } else if (ok && status != PGRES_TUPLES_OK) {
            ok = postgres_error(from->pg, result, table->name, err);
        }
        PQclear(result);
    }
    say(c->progress, table->name, done, total);
    arena_give(arena);
    return ok;
}

static bool copy_tables(struct conn *from, struct conn *to, struct copying *c, struct err *err)
{
    // The epoch of the fresh file gives way to the one that is copied.
    bool ok = true;
    for (const struct store_table *t = store_tables; ok && t->name; t++) {
        ok = db_exec(to, t->clear, DB_NO_ARGS, NULL, err) && copy_table(from, to, t, c, err);
    }
    return ok;
}

static bool copy_postgres(struct db *db, struct copying *c, struct err *err)
{
    struct db *source = db_bare(DB_POSTGRES, str_from(db->url));
    struct db *target = db_bare(DB_SQLITE, str_from(c->part));
    struct conn *from = conn_create(source, false);
    struct conn *to = conn_create(target, true);
    bool ok = from->ops->ready(from, err) && postgres_run(from->pg, "SET statement_timeout = 0", err) &&
              migrate_run(from, false, err) && to->ops->ready(to, err) && migrate_run(to, true, err) &&
              sqlite_run(to->lite, "PRAGMA foreign_keys = OFF", err) &&
              sqlite_run(to->lite, "PRAGMA journal_mode = DELETE", err) && db_read_begin(from, err) &&
              conn_control(to, CONTROL_BEGIN_WRITE, err) && copy_tables(from, to, c, err) &&
              conn_control(to, CONTROL_COMMIT, err);
    conn_destroy(from);
    conn_destroy(to);
    db_close(source);
    db_close(target);
    return ok;
}

// --- The file -------------------------------------------------------------------------------------

static bool file_error(const char *doing, const char *path, struct err *err)
{
    return errno == ENOSPC ? err_retry(err, ERR_UNAVAILABLE, 5, "The disk is full")
                           : err_set(err, ERR_INVALID, "%s cannot be %s: %s", path, doing, strerror(errno));
}

bool file_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        bool ok = file_error("written to the disk", path, err);
        if (fd >= 0) {
            close(fd);
        }
        return ok;
    }
    close(fd);
    return true;
}

bool file_sync_dir_of(const char *path, struct err *err)
{
    struct arena *arena = arena_take();
    const char *slash = strrchr(path, '/');
    const char *dir = !slash          ? "."
                      : slash == path ? "/"
                                      : str_cstr(arena, (struct str){path, (size_t)(slash - path)});
    bool ok = file_sync(dir, err);
    arena_give(arena);
    return ok;
}

// Made readable for its owner only, before anything is in it.
static bool make_part(const char *path, const char *part, struct err *err)
{
    if (access(path, F_OK) == 0) {
        return err_set(err, ERR_CONFLICT, "%s exists already; a backup never overwrites", path);
    }
    unlink(part);
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return file_error("made", part, err);
    }
    close(fd);
    return true;
}

// link refuses an existing name where rename would replace it.
static bool put_in_place(const char *part, const char *path, struct err *err)
{
    if (!file_sync(part, err)) {
        return false;
    }
    if (link(part, path) < 0) {
        if (errno == EEXIST) {
            return err_set(err, ERR_CONFLICT, "%s exists already; a backup never overwrites", path);
        }
        if (rename(part, path) < 0) { // a file system without links
            return file_error("made", path, err);
        }
    }
    unlink(part);
    return file_sync_dir_of(path, err);
}

bool backup_count(struct conn *conn, const char *table, i64 *ret_n, struct err *err)
{
    for (const struct store_table *t = store_tables; t->name; t++) {
        if (strcmp(t->name, table) == 0) {
            return db_one_i64(conn, t->count, DB_NO_ARGS, ret_n, err);
        }
    }
    die("there is no table %s", table);
}

// Reads the finished file, which also shows that it can be read.
static bool summarize(const char *path, struct backup_summary *out, struct err *err)
{
    struct stat st;
    struct db *bare = db_bare(DB_SQLITE, str_from(path));
    struct conn *conn = conn_create(bare, true);
    struct backup_summary sum = {.bytes = stat(path, &st) == 0 ? (i64)st.st_size : 0};
    bool ok = conn->ops->ready(conn, err) && sqlite_run(conn->lite, "PRAGMA journal_mode = DELETE", err) &&
              migrate_run(conn, false, err) && backup_count(conn, "workspace", &sum.workspaces, err) &&
              backup_count(conn, "conversation", &sum.conversations, err) &&
              backup_count(conn, "message", &sum.messages, err) &&
              backup_count(conn, "event", &sum.events, err);
    conn_destroy(conn);
    db_close(bare);
    if (ok) {
        *out = sum;
    }
    return ok;
}

bool backup_write(struct db *db, struct str path_text, const struct progress *progress,
                  struct backup_summary *out, struct err *err)
{
    struct arena *arena = arena_take();
    const char *path = str_cstr(arena, path_text);
    const char *part = str_cstr(arena, str_printf(arena, "%s.part", path));
    struct copying c = {.progress = progress, .part = part};
    bool made = make_part(path, part, err);
    bool ok = made && (db->kind == DB_SQLITE ? copy_sqlite(db, &c, err) : copy_postgres(db, &c, err)) &&
              summarize(part, out, err) && put_in_place(part, path, err);
    if (made && !ok) {
        unlink(part);
    }
    arena_give(arena);
    return ok;
}
