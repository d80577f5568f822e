// SPDX-License-Identifier: AGPL-3.0-or-later
// Opening and closing, the pool of reading connections, facts about the database itself.
#include "store/db.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "sql_gen.h"
#include "store/internal.h"
#include "store/migrate.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_MS = 5000 };

// --- The pool ------------------------------------------------------------------------------------

struct conn *db_take(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    while (!db->free && db->n_conns >= db->n_readers) {
        pthread_cond_wait(&db->given, &db->lock);
    }
    struct conn *conn = db->free;
    if (conn) {
        db->free = conn->next_free;
    } else {
        db->n_conns++;
    }
    pthread_mutex_unlock(&db->lock);
    if (!conn) {
        conn = conn_create(db, false);
    }
    return conn;
}

void db_give(struct db *db, struct conn *conn)
{
    if (!conn) {
        return;
    }
    if (conn->in_tx) {
        db_read_end(conn);
    }
    pthread_mutex_lock(&db->lock);
    conn->next_free = db->free;
    db->free = conn;
    pthread_cond_signal(&db->given);
    pthread_mutex_unlock(&db->lock);
}

bool db_read_begin(struct conn *conn, struct err *err)
{
    if (!conn->ops->ready(conn, err) || !conn_control(conn, CONTROL_BEGIN_READ, err)) {
        return false;
    }
    conn->in_tx = true;
    return true;
}

void db_read_end(struct conn *conn)
{
    struct err err = {0};
    conn->in_tx = false;
    if (!conn_control(conn, CONTROL_ROLLBACK, &err)) {
        log_event(LOG_WARN, "store.read_end_failed", LOG_C("error", err.text));
    }
}

// --- Events wake their readers -------------------------------------------------------------------

void log_watch(struct db *db, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&db->lock);
    if (db->n_watches == MAX_WATCHES) {
        die("too many log_watch functions");
    }
    db->watches[db->n_watches++] = (struct watch){fn, arg};
    pthread_mutex_unlock(&db->lock);
}

void db_fire_watches(struct db *db)
{
    struct watch watches[MAX_WATCHES];
    pthread_mutex_lock(&db->lock);
    int n = db->n_watches;
    memcpy(watches, db->watches, sizeof(watches));
    pthread_mutex_unlock(&db->lock);
    for (int i = 0; i < n; i++) {
        watches[i].fn(watches[i].arg);
    }
}

// --- Opening and closing -------------------------------------------------------------------------

enum db_kind db_kind(const struct db *db)
{
    return db->kind;
}

i64 db_epoch(const struct db *db)
{
    return atomic_load(&((struct db *)db)->epoch);
}

bool db_meta_get(struct conn *conn, const char *key, struct arena *arena, struct str *ret_value,
                 struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_meta_get, DB_ARGS(db_str(str_from(key))), &rows, err)) {
        return false;
    }
    struct str value = rows_next(rows) ? row_str(rows, 0, arena) : STR_NONE;
    if (!rows_end(rows, err)) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool db_meta_set(struct tx *tx, const char *key, struct str value, struct err *err)
{
    return db_exec(tx->conn, &SQL_meta_set, DB_ARGS(db_str(str_from(key)), db_str(value)), NULL, err);
}

struct str db_file_path(const struct db *db, struct arena *arena, const char *name)
{
    return db->data_dir ? str_printf(arena, "%s/%s", db->data_dir, name) : STR_NONE;
}

static bool read_epoch_starts(struct db *db, struct conn *conn, struct arena *arena, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_meta_epoch_starts, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct str number = row_str(rows, 0, arena);
        i64 epoch, start;
        str_cut(number, ':', &number);
        if (str_to_i64(number, &epoch) && str_to_i64(row_str(rows, 1, arena), &start) && epoch > 0 &&
            epoch < MAX_EPOCHS) {
            db->epoch_starts[epoch] = start;
        }
    }
    return rows_end(rows, err);
}

bool db_load_epoch(struct db *db, struct conn *conn, struct err *err)
{
    struct arena *arena = arena_take();
    struct str text = STR_NONE;
    i64 epoch = 1;
    bool ok = db_meta_get(conn, "epoch", arena, &text, err) && read_epoch_starts(db, conn, arena, err);
    if (ok && !str_to_i64(text, &epoch)) {
        ok = err_set(err, ERR_INTERNAL, "The database has no epoch; run heed doctor");
    }
    if (ok) {
        atomic_store(&db->epoch, epoch);
    }
    arena_give(arena);
    return ok;
}

bool db_lock_dir(struct db *db, bool alone, struct err *err)
{
    if (mkdir(db->data_dir, 0700) < 0 && errno != EEXIST) {
        return err_set(err, ERR_INVALID, "The data folder %s cannot be made: %s", db->data_dir,
                       strerror(errno));
    }
    struct arena *arena = arena_take();
    const char *path = str_cstr(arena, db_file_path(db, arena, "lock"));
    db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = true;
    if (db->lock_fd < 0) {
        ok = err_set(err, ERR_INVALID, "The data folder %s cannot be written to: %s", db->data_dir,
                     strerror(errno));
    } else if (flock(db->lock_fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
        ok = alone
                 ? err_set(err, ERR_CONFLICT, "A Heed uses %s: stop it first", db->data_dir)
                 : err_set(err, ERR_CONFLICT, "A restore into %s is running: wait for its end", db->data_dir);
    }
    arena_give(arena);
    return ok;
}

bool db_serve_alone(const struct db *db, int *ret_fd, struct err *err)
{
    *ret_fd = -1;
    if (db->kind != DB_SQLITE) {
        return true;
    }
    struct arena *arena = arena_take();
    int fd = open(str_cstr(arena, db_file_path(db, arena, "serving")), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    arena_give(arena);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return true;
    }
    bool taken = fd >= 0 && errno == EWOULDBLOCK;
    const char *why = strerror(errno);
    if (fd >= 0) {
        close(fd);
    }
    return taken
               ? err_set(err, ERR_CONFLICT, "Another heed serve runs on %s", db->data_dir)
               : err_set(err, ERR_INVALID, "The data folder %s cannot be written to: %s", db->data_dir, why);
}

static bool prepare(struct db *db, const struct db_settings *settings, struct err *err)
{
    struct conn *conn = conn_create(db, true);
    bool ok = conn->ops->ready(conn, err) && migrate_run(conn, settings->migrate, err) &&
              (!settings->migrate || migrate_note_cluster(conn, err)) && db_load_epoch(db, conn, err);
    conn_destroy(conn);
    return ok;
}

static bool open_inside(struct db *db, const struct db_settings *settings, struct err *err)
{
    if (db->data_dir && !db_lock_dir(db, false, err)) {
        return false;
    }
    if (db->kind == DB_SQLITE && !db->data_dir) {
        return err_set(err, ERR_INVALID, "SQLite needs a data folder");
    }
    // Another process may be switching the file to WAL, or closing it as its last user.
    i64 until = clock_mono() + OPEN_MS;
    while (!prepare(db, settings, err)) {
        if (db->kind != DB_SQLITE || err->code != ERR_UNAVAILABLE || clock_mono() >= until) {
            return false;
        }
        usleep(10000);
    }
    helper_start(db);
    if (db->kind == DB_SQLITE) {
        writer_start(db, 1, writer_run_sqlite);
    } else {
        writer_start(db, PG_WRITERS, writer_run_postgres);
    }
    return true;
}

static struct db *db_create(enum db_kind kind, int n_readers)
{
    struct db *db = mem_alloc(sizeof(*db));
    db->kind = kind;
    db->process = (i64)(random_u64() >> 4);
    db->lock_fd = -1;
    db->wake_fd = -1;
    db->n_readers = n_readers > 0 ? n_readers : 4;
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->given, NULL);
    return db;
}

struct db *db_bare(enum db_kind kind, struct str place)
{
    struct db *db = db_create(kind, 1);
    char *copy = (char *)mem_copy(place).ptr;
    db->bare = true;
    if (kind == DB_SQLITE) {
        db->path = copy;
    } else {
        db->url = copy;
    }
    return db;
}

bool db_open(const struct db_settings *settings, struct db **ret_db, struct err *err)
{
    struct db *db = db_create(str_given(settings->url) ? DB_POSTGRES : DB_SQLITE, settings->n_readers);
    struct arena *arena = arena_take();
    if (str_given(settings->data_dir) && settings->data_dir.len > 0) {
        db->data_dir = (char *)mem_copy(str_from(str_cstr(arena, settings->data_dir))).ptr;
        db->path = (char *)mem_copy(str_printf(arena, "%s/heed.db", db->data_dir)).ptr;
    }
    if (str_given(settings->url)) {
        db->url = (char *)mem_copy(settings->url).ptr;
    }
    arena_give(arena);
    if (!open_inside(db, settings, err)) {
        db_close(db);
        return false;
    }
    *ret_db = db;
    return true;
}

void db_close(struct db *db)
{
    if (!db) {
        return;
    }
    writer_stop(db);
    helper_stop(db);
    while (db->free) {
        struct conn *conn = db->free;
        db->free = conn->next_free;
        conn_destroy(conn);
    }
    if (db->lock_fd >= 0) {
        close(db->lock_fd);
    }
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->given);
    mem_free(db->data_dir);
    mem_free(db->path);
    mem_free(db->url);
    mem_free(db);
}

i64 db_process(const struct db *db)
{
    return db->process;
}

void db_stats(struct db *db, struct db_stats *out)
{
    struct db_stats stats = {.writes = atomic_load(&db->writes),
                             .groups = atomic_load(&db->groups),
                             .failed = atomic_load(&db->failed)};
    struct stat st;
    struct arena *arena = arena_take();
    if (db->kind == DB_SQLITE && stat(str_cstr(arena, db_file_path(db, arena, "heed.db-wal")), &st) == 0) {
        stats.wal_bytes = st.st_size;
    }
    arena_give(arena);
    pthread_mutex_lock(&db->writer->lock);
    for (int i = 0; i < 3; i++) {
        stats.queue_len += (i64)db->writer->queues[i].len;
    }
    pthread_mutex_unlock(&db->writer->lock);
    *out = stats;
}
