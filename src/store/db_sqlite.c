// SPDX-License-Identifier: AGPL-3.0-or-later
// A connection to SQLite: opened with the settings durability needs, statements prepared once, results
// converted, errors turned into sentences.
#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

bool sqlite_is_full(sqlite3 *handle)
{
    int code = sqlite3_extended_errcode(handle);
    return (code & 0xff) == SQLITE_FULL ||
           (code == SQLITE_IOERR_SHMSIZE && sqlite3_system_errno(handle) == ENOSPC);
}

bool sqlite_error(sqlite3 *handle, const char *doing, struct err *err)
{
    int code = handle ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
    const char *why = handle ? sqlite3_errmsg(handle) : "out of memory";
    if (handle && sqlite_is_full(handle)) {
        return err_retry(err, ERR_UNAVAILABLE, 5, "The disk is full");
    }
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) {
            return err_set(err, ERR_CONFLICT, "This exists already");
        }
        return err_set(err, ERR_INTERNAL, "%s: %s", doing, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_retry(err, ERR_UNAVAILABLE, 1, "The database is busy");
    case SQLITE_INTERRUPT:
        return err_retry(err, ERR_UNAVAILABLE, 1, "The statement was stopped");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_INTERNAL, "The database file is damaged (%s): %s; run heed doctor", doing,
                       why);
    default:
        return err_set(err, ERR_INTERNAL, "%s: %s", doing, why);
    }
}

bool sqlite_run(sqlite3 *handle, const char *text, struct err *err)
{
    return sqlite3_exec(handle, text, NULL, NULL, NULL) == SQLITE_OK || sqlite_error(handle, text, err);
}

// SQLite's own statistics take a lock around each allocation of all connections.
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

bool sqlite_open(const char *path, int flags, sqlite3 **ret_handle, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sqlite3 *handle = NULL;
    pthread_once(&once, configure);
    if (sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK) {
        err_set(err, ERR_INTERNAL, "The database %s cannot be opened: %s", path, sqlite3_errmsg(handle));
        sqlite3_close(handle);
        return false;
    }
    sqlite3_busy_timeout(handle, BUSY_MS);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    *ret_handle = handle;
    return true;
}

db_sqlite_open_fn *sqlite_open_hook;

void db_on_sqlite_open(db_sqlite_open_fn *fn)
{
    sqlite_open_hook = fn;
}

// The busy handler is not asked while another process switches the same file to WAL or, as its last
// user, closes it.
static bool begin_wal(sqlite3 *handle, struct err *err)
{
    i64 until = clock_mono() + BUSY_MS;
    while (!sqlite_run(handle, "PRAGMA journal_mode = WAL", err)) {
        if (err->code != ERR_UNAVAILABLE || clock_mono() >= until) {
            return false;
        }
        usleep(5000);
    }
    return true;
}

static bool ready(struct conn *conn, struct err *err)
{
    if (conn->lite) {
        return true;
    }
    sqlite3 *handle;
    if (!sqlite_open(conn->db->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &handle, err)) {
        return false;
    }
    // The checkpoint thread does what autocheckpoint would do inside somebody's COMMIT. The WAL is kept:
    // overwriting is twice as fast as growing; journal_size_limit cuts it only after a rush.
    bool ok =
        begin_wal(handle, err) && sqlite_run(handle, "PRAGMA synchronous = FULL", err) &&
        sqlite_run(handle, "PRAGMA foreign_keys = ON", err) &&
        sqlite_run(handle, "PRAGMA wal_autocheckpoint = 0", err) &&
        sqlite_run(handle, "PRAGMA journal_size_limit = 134217728", err) &&
        sqlite_run(handle, "PRAGMA cell_size_check = ON", err) &&
        sqlite_run(handle, "PRAGMA temp_store = MEMORY", err) &&
        sqlite_run(handle, conn->writing ? "PRAGMA cache_size = -32768" : "PRAGMA cache_size = -8192", err) &&
        (conn->writing || sqlite_run(handle, "PRAGMA query_only = ON", err));
    if (!ok) {
        sqlite3_close(handle);
        return false;
    }
    conn->lite = handle;
    if (sqlite_open_hook && !conn->writing) {
        sqlite_open_hook(handle, str_from(conn->db->data_dir));
    }
    return true;
}

static void conn_close(struct conn *conn)
{
    for (int i = 0; i < N_CONTROLS; i++) {
        sqlite3_finalize(conn->controls[i]);
        conn->controls[i] = NULL;
    }
    if (sqlite3_close(conn->lite) != SQLITE_OK) {
        die("a SQLite connection was closed with open statements: %s", sqlite3_errmsg(conn->lite));
    }
    conn->lite = NULL;
}

static const char *name_of(const struct statement *statement)
{
    return statement->sql ? statement->sql->name : "query";
}

static bool prepare(struct conn *conn, struct statement *statement, struct err *err)
{
    if (statement->lite) {
        return true;
    }
    const char *text = statement->sql ? statement->sql->text[DB_SQLITE] : statement->text.ptr;
    unsigned flags = statement->cached ? SQLITE_PREPARE_PERSISTENT : 0;
    if (sqlite3_prepare_v3(conn->lite, text, -1, flags, &statement->lite, NULL) != SQLITE_OK) {
        return sqlite_error(conn->lite, name_of(statement), err);
    }
    return true;
}

static int bind(sqlite3_stmt *stmt, int index, const struct db_arg *arg, bool keep)
{
    sqlite3_destructor_type life = keep ? SQLITE_STATIC : SQLITE_TRANSIENT;
    switch (arg->kind) {
    case DB_ARG_NULL:
        return sqlite3_bind_null(stmt, index);
    case DB_ARG_I64:
        return sqlite3_bind_int64(stmt, index, arg->number);
    case DB_ARG_STR:
        return sqlite3_bind_text64(stmt, index, arg->text.ptr, arg->text.len, life, SQLITE_UTF8);
    case DB_ARG_BLOB:
        return sqlite3_bind_blob64(stmt, index, arg->text.ptr, arg->text.len, life);
    }
    return SQLITE_MISUSE;
}

// RETURNING opens a temporary table at each run; for the usual INSERT … RETURNING id the generator took
// it away, and the one row is made here.
static bool gives_rowid(const struct rows *rows)
{
    return rows->statement->sql && rows->statement->sql->rowid;
}

static bool run(struct conn *conn, struct statement *statement, const struct db_arg *args, size_t n_args,
                bool keep, struct rows *rows, struct err *err)
{
    if (!prepare(conn, statement, err)) {
        return false;
    }
    for (size_t i = 0; i < n_args; i++) {
        if (bind(statement->lite, (int)i + 1, &args[i], keep) != SQLITE_OK) {
            return sqlite_error(conn->lite, name_of(statement), err);
        }
    }
    rows->lite = statement->lite;
    rows->n_columns = gives_rowid(rows) ? 1 : sqlite3_column_count(statement->lite);
    return true;
}

static bool next(struct rows *rows)
{
    if (rows->rowid) {
        return false;
    }
    int code = sqlite3_step(rows->lite);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE && gives_rowid(rows) && sqlite3_changes64(rows->conn->lite) > 0) {
        rows->rowid = sqlite3_last_insert_rowid(rows->conn->lite);
        return true;
    }
    if (code != SQLITE_DONE) {
        rows->failed = true;
        sqlite_error(rows->conn->lite, name_of(rows->statement), &rows->err);
    }
    return false;
}

static void end(struct rows *rows)
{
    if (rows->lite) {
        sqlite3_reset(rows->lite);
    }
}

static i64 changed(struct rows *rows)
{
    // The counter keeps its value over statements that change nothing by nature.
    return sqlite3_stmt_readonly(rows->lite) ? 0 : sqlite3_changes64(rows->conn->lite);
}

static const char *column_name(struct rows *rows, int column)
{
    return gives_rowid(rows) ? "id" : sqlite3_column_name(rows->lite, column);
}

static bool is_null(struct rows *rows, int column)
{
    return !gives_rowid(rows) && sqlite3_column_type(rows->lite, column) == SQLITE_NULL;
}

static i64 get_i64(struct rows *rows, int column)
{
    return gives_rowid(rows) ? rows->rowid : sqlite3_column_int64(rows->lite, column);
}

static struct str get_str(struct rows *rows, int column, struct arena *arena)
{
    if (gives_rowid(rows)) {
        return str_printf(arena, "%lld", (long long)rows->rowid);
    }
    if (is_null(rows, column)) {
        return STR_NONE;
    }
    const void *bytes = sqlite3_column_blob(rows->lite, column);
    size_t len = (size_t)sqlite3_column_bytes(rows->lite, column);
    return len ? str_copy(arena, (struct str){bytes, len}) : S("");
}

static bool control(struct conn *conn, enum control what, struct err *err)
{
    const char *text = control_texts[DB_SQLITE][what];
    if (!conn->controls[what] && sqlite3_prepare_v3(conn->lite, text, -1, SQLITE_PREPARE_PERSISTENT,
                                                    &conn->controls[what], NULL) != SQLITE_OK) {
        return sqlite_error(conn->lite, text, err);
    }
    int code = sqlite3_step(conn->controls[what]);
    bool ok = code == SQLITE_DONE || sqlite_error(conn->lite, text, err);
    sqlite3_reset(conn->controls[what]);
    return ok;
}

static void forget(struct conn *conn, struct statement *statement)
{
    (void)conn;
    sqlite3_finalize(statement->lite);
    statement->lite = NULL;
}

const struct conn_ops sqlite_ops = {
    .ready = ready,
    .run = run,
    .next = next,
    .end = end,
    .changed = changed,
    .column_name = column_name,
    .is_null = is_null,
    .get_i64 = get_i64,
    .get_str = get_str,
    .control = control,
    .forget = forget,
    .close = conn_close,
};
