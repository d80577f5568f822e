// SPDX-License-Identifier: AGPL-3.0-or-later
// What the files of store/ share and nobody else sees: a connection with its prepared statements, the
// database handle, the writer's queues, and the operations in which the two databases differ.
#pragma once
#include "store/db.h"
#include "store/log.h"
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

enum { TEXT_CACHE = 16, MAX_WATCHES = 16, MAX_EPOCHS = 64, PG_WRITERS = 4, MAX_DEFERRED = 256 };

// Statements that steer the connection itself.
enum control {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVEPOINT,
    CONTROL_RELEASE,
    CONTROL_ROLLBACK_TO,
    N_CONTROLS
};

// A statement prepared on one connection.
struct statement {
    const struct sql *sql; // NULL: a text of the query compiler
    struct str text;       // that text
    sqlite3_stmt *lite;
    bool prepared;           // PostgreSQL knows it
    bool busy;               // its rows are being read
    bool cached;             // else it ends with its rows
    u64 used;                // for the texts: when last
    const struct type *type; // `map` was made for this one
    int n_map;
    int *map; // column -> field, -1: none
};

struct rows {
    struct conn *conn;
    struct statement *statement;
    struct rows *next_free;
    int n_columns;
    bool failed; // reading failed, `err` says why
    struct err err;
    sqlite3_stmt *lite;
    i64 rowid; // SQLite, statements with sql->rowid: the one row's one value, 0 none yet
    PGresult *result;
    int row, n_rows;
};

struct conn_ops {
    // Connects when it is not connected; called before each statement.
    bool (*ready)(struct conn *conn, struct err *err);
    // Runs a statement; its rows are read with the functions below. keep: the arguments' texts live
    // until rows_end.
    bool (*run)(struct conn *conn, struct statement *statement, const struct db_arg *args, size_t n_args,
                bool keep, struct rows *rows, struct err *err);
    bool (*next)(struct rows *rows);
    void (*end)(struct rows *rows);
    i64 (*changed)(struct rows *rows); // rows changed by the finished statement
    const char *(*column_name)(struct rows *rows, int column);
    bool (*is_null)(struct rows *rows, int column);
    i64 (*get_i64)(struct rows *rows, int column);
    struct str (*get_str)(struct rows *rows, int column, struct arena *arena);
    bool (*control)(struct conn *conn, enum control what, struct err *err);
    // Sends a statement whose result nobody waits for; what goes wrong with it is told by the next one or
    // by COMMIT. NULL: this database answers at once anyway.
    bool (*defer)(struct conn *conn, struct statement *statement, const struct db_arg *args, size_t n_args,
                  struct err *err);
    void (*forget)(struct conn *conn, struct statement *statement); // ends the prepared one
    void (*close)(struct conn *conn);
};
extern const struct conn_ops sqlite_ops, postgres_ops;

struct conn {
    struct db *db;
    enum db_kind kind;
    const struct conn_ops *ops;
    bool writing; // may write
    bool in_tx;   // inside a transaction: a lost connection is not replaced
    struct conn *next_free;
    struct statement **statements; // by sql->index
    struct statement *texts[TEXT_CACHE];
    u64 clock; // counts uses of texts
    struct rows *free_rows;
    // SQLite
    sqlite3 *lite;
    sqlite3_stmt *controls[N_CONTROLS];
    // PostgreSQL
    PGconn *pg;
    struct arena *scratch; // arguments as text, for the length of a call
    bool lazy;             // statements without a result are deferred (a group that can be run again)
    int n_deferred;        // sent, not yet asked about
    const char *deferred[MAX_DEFERRED]; // their names
    bool retry;                         // the last failure asks for the transaction to be run again
    i64 xid;                            // of the current transaction when an event told it
};

struct work {
    struct work *next;
    enum write_class class_;
    write_fn *fn;
    write_done *done;
    void *arg;
    bool ok;
    struct err err;
};
struct work_list {
    struct work *first, *last;
    size_t len;
};

// What hangs on a write until its COMMIT (tx->hooks).
struct hook {
    void (*fn)(void *arg);
    void *arg;
};
struct hooks {
    struct hook *items;
    size_t len, cap;
    bool events; // an event was written
};

struct writer {
    struct db *db;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct work_list queues[3]; // by enum write_class
    struct work *free;
    bool closing;
    int n_threads;
    pthread_t threads[PG_WRITERS];
};

struct watch {
    void (*fn)(void *arg);
    void *arg;
};
extern db_sqlite_open_fn *sqlite_open_hook;

struct db {
    enum db_kind kind;
    char *data_dir;
    char *path; // SQLite's file
    char *url;
    bool bare;   // made by db_bare
    int lock_fd; // DATA/lock, shared by all who have the database open
    int n_readers;
    pthread_mutex_t lock; // readers, watches, backoff
    pthread_cond_t given;
    struct conn *free;
    int n_conns;
    struct watch watches[MAX_WATCHES];
    int n_watches;
    i64 process; // number of its advisory lock on PostgreSQL
    _Atomic i64 epoch;
    i64 epoch_starts[MAX_EPOCHS]; // SQLite: last event id before epoch i began
    struct writer *writer;
    // The helper thread: checkpoints (SQLite), NOTIFY and LISTEN (PostgreSQL).
    pthread_t helper;
    bool helper_runs;
    int wake_fd; // eventfd
    atomic_bool closing, notify_wanted;
    _Atomic i64 events_at; // clock_mono of the last write with events
    // Away from PostgreSQL: the next attempt, and how many failed.
    i64 retry_at;
    int failures;
    _Atomic i64 writes, groups, failed;
};

// rows.c
struct conn *conn_create(struct db *db, bool writing);
void conn_destroy(struct conn *conn);
// Forgets every prepared statement, after a lost connection.
void conn_forget_all(struct conn *conn);
bool conn_control(struct conn *conn, enum control what, struct err *err) MUST_CHECK;
extern const char *const control_texts[2][N_CONTROLS];

// db.c
void db_fire_watches(struct db *db);
bool db_load_epoch(struct db *db, struct conn *conn, struct err *err) MUST_CHECK;
// A database without threads, pool and migration: for backup, restore and doctor. Ends with db_close.
struct db *db_bare(enum db_kind kind, struct str place);
// Makes the data folder and takes its lock: shared by all that have it open, alone for restore.
bool db_lock_dir(struct db *db, bool alone, struct err *err) MUST_CHECK;

// db_sqlite.c
bool sqlite_error(sqlite3 *handle, const char *doing, struct err *err); // false
// The last failure was a full disk, also where SQLite calls it an input/output error: growing the
// WAL's index in shared memory, before anything was written.
bool sqlite_is_full(sqlite3 *handle);
bool sqlite_open(const char *path, int flags, sqlite3 **ret_handle, struct err *err) MUST_CHECK;
bool sqlite_run(sqlite3 *handle, const char *text, struct err *err) MUST_CHECK;

// db_postgres.c
bool postgres_connect(struct db *db, PGconn **ret_pg, struct err *err) MUST_CHECK;
bool postgres_error(PGconn *pg, const PGresult *result, const char *doing, struct err *err); // false
bool postgres_run(PGconn *pg, const char *text, struct err *err) MUST_CHECK;
bool conn_is_lost(const struct conn *conn);

// writer.c
void writer_start(struct db *db, int n_threads, void *(*run)(void *));
void writer_stop(struct db *db); // drains
// Takes the next piece of work, people first. room[class] is counted down; 0: none of this class.
// wait: until there is some; NULL then means closing and empty.
struct work *writer_take(struct writer *writer, bool wait, int room[3]);
void writer_finish(struct writer *writer, struct work *work); // tells the answer, frees
// Runs one member's function; hooks of a failed one are dropped.
void work_run(struct work *work, struct conn *conn, struct arena *arena, struct hooks *hooks);
void hooks_fire(struct hooks *hooks, struct db *db); // runs and empties
void *writer_run_sqlite(void *db);
void *writer_run_postgres(void *db);

// helper.c: starts the thread of checkpoint.c or notify.c
void helper_start(struct db *db);
void helper_stop(struct db *db);
void helper_wake(struct db *db);
// Waits for a wake, readability of fd (-1: none) or the time; then empties the wake.
void helper_wait(struct db *db, int fd, int timeout_ms);
void *checkpoint_run(void *db);
void *notify_run(void *db);

// backup.c, for restore.c
bool file_sync(const char *path, struct err *err) MUST_CHECK;
bool file_sync_dir_of(const char *path, struct err *err) MUST_CHECK;
// Rows of one table.
bool backup_count(struct conn *conn, const char *table, i64 *ret_n, struct err *err) MUST_CHECK;
