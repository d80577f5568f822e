// SPDX-License-Identifier: AGPL-3.0-or-later
// The one interface in front of SQLite and PostgreSQL. Statements are constants generated from
// store/sql/*.sql (SQL_conversation_get); arguments are given in the order in which a statement's
// :names first appear. Reads use a connection per worker thread; writes are posted to the writer,
// which commits many of them together and releases each one's answer after COMMIT.
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "json/field.h"

enum db_kind { DB_SQLITE, DB_POSTGRES };
struct db;
struct conn; // one connection, used by one thread at a time
struct key;

struct sql { // generated, see tools/sqlgen.py
    const char *name;
    int index; // position in the table of all statements; connections cache by it
    int n_args;
    const char *text[2]; // by enum db_kind
    bool rowid;          // SQLite: was INSERT … RETURNING id; answers with the last rowid
};

enum db_arg_kind { DB_ARG_NULL, DB_ARG_I64, DB_ARG_STR, DB_ARG_BLOB };
struct db_arg {
    enum db_arg_kind kind;
    i64 number;
    struct str text;
};
static inline struct db_arg db_i64(i64 value)
{
    return (struct db_arg){DB_ARG_I64, value, STR_NONE};
}
// STR_NONE is NULL.
static inline struct db_arg db_str(struct str s)
{
    return (struct db_arg){s.ptr ? DB_ARG_STR : DB_ARG_NULL, 0, s};
}
static inline struct db_arg db_blob(struct str s)
{
    return (struct db_arg){s.ptr ? DB_ARG_BLOB : DB_ARG_NULL, 0, s};
}
// 0 is NULL: for optional ids and times.
static inline struct db_arg db_opt(i64 value)
{
    return (struct db_arg){value ? DB_ARG_I64 : DB_ARG_NULL, value, STR_NONE};
}
#define DB_ARGS(...)                                                                                         \
    (const struct db_arg[]){__VA_ARGS__},                                                                    \
        (sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg))
#define DB_NO_ARGS NULL, 0

struct db_settings {
    struct str data_dir; // folder of the data; made when absent
    struct str url;      // "postgres://…" or STR_NONE for SQLite in data_dir/heed.db
    int n_readers;       // reading connections kept
    bool migrate;        // bring the schema up to date (serve does; others refuse an old schema)
};
bool db_open(const struct db_settings *settings, struct db **ret_db, struct err *err) MUST_CHECK;
// One `heed serve` per SQLite folder: the second gets ERR_CONFLICT. The lock is held until *ret_fd is closed
// or the process ends. PostgreSQL has room for many: nothing to do, -1.
bool db_serve_alone(const struct db *db, int *ret_fd, struct err *err) MUST_CHECK;
// Stops the writer after what is queued, closes everything. NULL is fine.
void db_close(struct db *db);
enum db_kind db_kind(const struct db *db);
// This database's epoch; rises on restore.
i64 db_epoch(const struct db *db);

// A reading connection; waits when all are in use. Give it back soon: no read over a second.
struct conn *db_take(struct db *db);
void db_give(struct db *db, struct conn *conn);
enum db_kind conn_kind(const struct conn *conn);
struct db *conn_db(const struct conn *conn);
// One snapshot for several reads.
bool db_read_begin(struct conn *conn, struct err *err) MUST_CHECK;
void db_read_end(struct conn *conn);

// Rows, one at a time. Texts are valid until the next call; the *_copy ones live in the arena.
struct rows;
bool db_query(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
              struct rows **ret_rows, struct err *err) MUST_CHECK;
// SQL text made by the query compiler (query/to_sql.c); nobody else may call it (tested).
bool db_query_text(struct conn *conn, struct str text, const struct db_arg *args, size_t n_args,
                   struct rows **ret_rows, struct err *err) MUST_CHECK;
// True while there is a row; false at the end or on an error, which rows_end reports.
bool rows_next(struct rows *rows);
// Always called once; false when reading failed midway.
bool rows_end(struct rows *rows, struct err *err);
i64 row_i64(struct rows *rows, int column);                             // NULL is 0
struct str row_str(struct rows *rows, int column, struct arena *arena); // copied; NULL is STR_NONE
struct str row_blob(struct rows *rows, int column, struct arena *arena);
bool row_is_null(struct rows *rows, int column);
// Fills a struct from the current row by column names (columns not in the table are skipped).
void row_fill(struct rows *rows, const struct type *type, void *out, struct arena *arena);

// Whole results. db_one: false with ERR_NOT_FOUND when there is no row. db_list: out is a
// {items,len,cap} list of type->size items.
bool db_one(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
            const struct type *type, void *out, struct arena *arena, struct err *err) MUST_CHECK;
bool db_list(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
             const struct type *type, void *out_list, struct arena *arena, struct err *err) MUST_CHECK;
// First column of the first row; false with ERR_NOT_FOUND when there is none.
bool db_one_i64(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
                i64 *ret_value, struct err *err) MUST_CHECK;
// A statement without rows. A broken UNIQUE is ERR_CONFLICT. ret_changed may be NULL: then, in a group of
// intake's writes on PostgreSQL, its answer is not waited for; should it fail, all of the group are run
// again one by one, waiting.
bool db_exec(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
             i64 *ret_changed, struct err *err) MUST_CHECK;

// --- Writing ---------------------------------------------------------------------------------
// A write is a function run inside a transaction (in a savepoint when grouped). It may run more than
// once (the group was rolled back, PostgreSQL asked for a retry), so it changes nothing but the
// database, *its own answer*, and what it hangs on tx_after_commit. No network, no parsing, no waiting.
struct tx {
    struct conn *conn;
    struct db *db;
    struct arena *arena; // reset for each run
    i64 now;             // one time for the whole write, ms UTC
    void *hooks;         // store's own
};
enum write_class { WRITE_PEOPLE, WRITE_INTAKE, WRITE_READER }; // in this order of precedence
typedef bool write_fn(struct tx *tx, void *arg, struct err *err);
// Called on the writer's thread after COMMIT (ok) or after the write failed (err says why).
typedef void write_done(void *arg, bool ok, const struct err *err);
// False with ERR_UNAVAILABLE (retry_after_s) when the queue is full or closing: done is not called then.
bool db_post(struct db *db, enum write_class class_, write_fn *fn, write_done *done, void *arg,
             struct err *err) MUST_CHECK;
// Posts and waits. For jobs, commands and tests; never on the net thread.
bool db_write(struct db *db, enum write_class class_, write_fn *fn, void *arg, struct err *err) MUST_CHECK;
// fn(arg) runs after COMMIT of this write, not at all when it is rolled back. arg must outlive the arena.
void tx_after_commit(struct tx *tx, void (*fn)(void *arg), void *arg);

// Facts about the database itself (table meta): the key's id, when it was set up. STR_NONE: not there.
bool db_meta_get(struct conn *conn, const char *key, struct arena *arena, struct str *ret_value,
                 struct err *err) MUST_CHECK;
bool db_meta_set(struct tx *tx, const char *key, struct str value, struct err *err) MUST_CHECK;

// SQLite only: fn is called for each reading connection as it is opened (the search index registers its
// tokenizer and attaches its file). One for the whole program, set before db_open; NULL: none.
typedef void db_sqlite_open_fn(void *sqlite3_handle, struct str data_dir);
void db_on_sqlite_open(db_sqlite_open_fn *fn);
// The sqlite3* of a connection (opens it when it has to); NULL on PostgreSQL or when it cannot be opened.
void *conn_sqlite(struct conn *conn);
// DATA/name, in the arena; STR_NONE when there is no data folder.
struct str db_file_path(const struct db *db, struct arena *arena, const char *name);

// This process as the others on one PostgreSQL know it. While it is connected it holds the shared advisory
// lock of that number, so that leases of a process that is gone can be told (jobs/owners.c).
i64 db_process(const struct db *db);

// Figures for /metrics.
struct db_stats {
    i64 writes, groups, failed, queue_len, wal_bytes;
};
void db_stats(struct db *db, struct db_stats *out);

// Watched by bench/whole.c: each statement as it is run, also BEGIN and COMMIT (sql NULL, text given), on
// whatever thread runs it. NULL, as always outside the bench: nobody watches.
struct db_trace {
    const struct sql *sql;
    struct str text;
    const struct db_arg *args;
    size_t n_args;
    bool writing;  // by a connection that writes
    bool deferred; // its answer is not waited for
};
typedef void db_trace_fn(const struct db_trace *trace);
void db_trace(db_trace_fn *fn);
