// SPDX-License-Identifier: AGPL-3.0-or-later
// The part of the store that is the same for both databases: opening, the pool of reading connections,
// the cache of prepared statements, and whole results. What differs is behind struct conn_ops.
#include "store/db.h"
#include "base/clock.h"
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

const char *const control_texts[2][N_CONTROLS] = {
    [DB_SQLITE] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT m", "RELEASE m", "ROLLBACK TO m"},
    [DB_POSTGRES] = {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "BEGIN", "COMMIT", "ROLLBACK",
                     "SAVEPOINT m", "RELEASE m", "ROLLBACK TO m"},
};

// --- Connections ---------------------------------------------------------------------------------

struct conn *conn_create(struct db *db, bool writing)
{
    struct conn *conn = mem_alloc(sizeof(*conn));
    conn->db = db;
    conn->kind = db->kind;
    conn->ops = db->kind == DB_SQLITE ? &sqlite_ops : &postgres_ops;
    conn->writing = writing;
    conn->statements = mem_alloc(sizeof(struct statement *) * (size_t)(sql_count + 1));
    conn->scratch = arena_create();
    return conn;
}

static void statement_free(struct conn *conn, struct statement *statement)
{
    if (!statement) {
        return;
    }
    conn->ops->forget(conn, statement);
    mem_free(statement->map);
    mem_free((char *)statement->text.ptr);
    mem_free(statement);
}

void conn_forget_all(struct conn *conn)
{
    for (int i = 0; i < sql_count; i++) {
        // A statement whose rows are still being read is freed by rows_end.
        if (conn->statements[i] && conn->statements[i]->busy) {
            conn->statements[i]->cached = false;
        } else {
            statement_free(conn, conn->statements[i]);
        }
        conn->statements[i] = NULL;
    }
    for (int i = 0; i < TEXT_CACHE; i++) {
        if (conn->texts[i] && conn->texts[i]->busy) {
            conn->texts[i]->cached = false;
        } else {
            statement_free(conn, conn->texts[i]);
        }
        conn->texts[i] = NULL;
    }
}

void conn_destroy(struct conn *conn)
{
    if (!conn) {
        return;
    }
    conn_forget_all(conn);
    conn->ops->close(conn);
    while (conn->free_rows) {
        struct rows *rows = conn->free_rows;
        conn->free_rows = rows->next_free;
        mem_free(rows);
    }
    arena_destroy(conn->scratch);
    mem_free(conn->statements);
    mem_free(conn);
}

enum db_kind conn_kind(const struct conn *conn)
{
    return conn->kind;
}

struct db *conn_db(const struct conn *conn)
{
    return conn->db;
}

void *conn_sqlite(struct conn *conn)
{
    struct err ignored = {0};
    return conn->kind == DB_SQLITE && conn->ops->ready(conn, &ignored) ? conn->lite : NULL;
}

bool conn_control(struct conn *conn, enum control what, struct err *err)
{
    return conn->ops->control(conn, what, err);
}

// --- Statements ----------------------------------------------------------------------------------

static struct statement *statement_new(const struct sql *sql, struct str text)
{
    struct statement *statement = mem_alloc(sizeof(*statement));
    statement->sql = sql;
    if (!sql) {
        statement->text = mem_copy(text);
    }
    statement->cached = true;
    return statement;
}

static struct statement *statement_for(struct conn *conn, const struct sql *sql)
{
    struct statement **place = &conn->statements[sql->index];
    if (!*place) {
        *place = statement_new(sql, STR_NONE);
    }
    if (!(*place)->busy) {
        return *place;
    }
    // The same statement inside a loop over its own rows.
    struct statement *once = statement_new(sql, STR_NONE);
    once->cached = false;
    return once;
}

// Texts of the query compiler: the last few are kept prepared.
static struct statement *statement_for_text(struct conn *conn, struct str text)
{
    int oldest = -1;
    for (int i = 0; i < TEXT_CACHE; i++) {
        struct statement *s = conn->texts[i];
        if (s && !s->busy && str_eq(s->text, text)) {
            s->used = ++conn->clock;
            return s;
        }
        bool older = oldest < 0 || !s || (conn->texts[oldest] && s->used < conn->texts[oldest]->used);
        if ((!s || !s->busy) && older) {
            oldest = i;
        }
    }
    struct statement *fresh = statement_new(NULL, text);
    fresh->used = ++conn->clock;
    if (oldest < 0) {
        fresh->cached = false;
        return fresh;
    }
    statement_free(conn, conn->texts[oldest]);
    conn->texts[oldest] = fresh;
    return fresh;
}

static bool run(struct conn *conn, const struct sql *sql, struct str text, const struct db_arg *args,
                size_t n_args, bool keep, struct rows **ret_rows, struct err *err)
{
    if (sql && n_args != (size_t)sql->n_args) {
        die("statement %s takes %d arguments, %zu were given", sql->name, sql->n_args, n_args);
    }
    if (sql && !sql->text[conn->kind]) {
        die("statement %s does not exist for this database", sql->name);
    }
    if (!conn->ops->ready(conn, err)) {
        return false;
    }
    struct rows *rows = conn->free_rows;
    if (rows) {
        conn->free_rows = rows->next_free;
        *rows = (struct rows){0};
    } else {
        rows = mem_alloc(sizeof(*rows));
    }
    struct statement *statement = sql ? statement_for(conn, sql) : statement_for_text(conn, text);
    rows->conn = conn;
    rows->statement = statement;
    statement->busy = true;
    if (conn->ops->run(conn, statement, args, n_args, keep, rows, err)) {
        *ret_rows = rows;
        return true;
    }
    struct err ignored;
    rows_end(rows, &ignored);
    return false;
}

bool db_query(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
              struct rows **ret_rows, struct err *err)
{
    return run(conn, sql, STR_NONE, args, n_args, false, ret_rows, err);
}

bool db_query_text(struct conn *conn, struct str text, const struct db_arg *args, size_t n_args,
                   struct rows **ret_rows, struct err *err)
{
    return run(conn, NULL, text, args, n_args, false, ret_rows, err);
}

bool rows_next(struct rows *rows)
{
    return !rows->failed && rows->conn->ops->next(rows);
}

bool rows_end(struct rows *rows, struct err *err)
{
    struct conn *conn = rows->conn;
    struct statement *statement = rows->statement;
    bool ok = !rows->failed;
    if (!ok) {
        *err = rows->err;
    }
    conn->ops->end(rows);
    statement->busy = false;
    if (!statement->cached) {
        statement_free(conn, statement);
    }
    rows->next_free = conn->free_rows;
    conn->free_rows = rows;
    return ok;
}

i64 row_i64(struct rows *rows, int column)
{
    return rows->conn->ops->get_i64(rows, column);
}

struct str row_str(struct rows *rows, int column, struct arena *arena)
{
    return rows->conn->ops->get_str(rows, column, arena);
}

struct str row_blob(struct rows *rows, int column, struct arena *arena)
{
    return rows->conn->ops->get_str(rows, column, arena);
}

bool row_is_null(struct rows *rows, int column)
{
    return rows->conn->ops->is_null(rows, column);
}

static bool from_a_column(const struct field *field)
{
    switch (field->kind) {
    case FIELD_I64:
    case FIELD_BOOL:
    case FIELD_STR:
    case FIELD_TIME:
    case FIELD_ENUM:
    case FIELD_JSON:
        return !(field->flags & FIELD_NO_ROW);
    case FIELD_STRUCT:
    case FIELD_LIST:
    case FIELD_STRS:
    case FIELD_IDS:
        return false;
    }
    return false;
}

// Resolves column names once per statement and struct.
static void make_map(struct rows *rows, const struct type *type)
{
    struct statement *statement = rows->statement;
    if (statement->type == type && statement->n_map == rows->n_columns) {
        return;
    }
    mem_free(statement->map);
    statement->map = mem_alloc(sizeof(int) * (size_t)(rows->n_columns + 1));
    statement->n_map = rows->n_columns;
    statement->type = type;
    for (int i = 0; i < rows->n_columns; i++) {
        const char *name = rows->conn->ops->column_name(rows, i);
        statement->map[i] = -1;
        for (int f = 0; type->fields[f].name; f++) {
            if (strcmp(type->fields[f].name, name) == 0 && from_a_column(&type->fields[f])) {
                statement->map[i] = f;
                break;
            }
        }
    }
}

void row_fill(struct rows *rows, const struct type *type, void *out, struct arena *arena)
{
    make_map(rows, type);
    for (int i = 0; i < rows->n_columns; i++) {
        if (rows->statement->map[i] < 0) {
            continue;
        }
        const struct field *field = &type->fields[rows->statement->map[i]];
        void *place = (char *)out + field->offset;
        if (field->kind == FIELD_I64 || field->kind == FIELD_TIME) {
            *(i64 *)place = row_i64(rows, i);
        } else if (field->kind == FIELD_BOOL) {
            *(bool *)place = row_i64(rows, i) != 0;
        } else {
            *(struct str *)place = row_str(rows, i, arena);
        }
    }
}

// --- Whole results -------------------------------------------------------------------------------

static bool nothing_found(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "There is no such thing");
}

bool db_one(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
            const struct type *type, void *out, struct arena *arena, struct err *err)
{
    struct rows *rows;
    if (!run(conn, sql, STR_NONE, args, n_args, true, &rows, err)) {
        return false;
    }
    bool found = rows_next(rows);
    if (found) {
        row_fill(rows, type, out, arena);
    }
    return rows_end(rows, err) && (found || nothing_found(err));
}

bool db_list(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
             const struct type *type, void *out_list, struct arena *arena, struct err *err)
{
    struct list {
        char *items;
        size_t len, cap;
    } *list = out_list;
    struct list before = *list;
    struct rows *rows;
    if (!run(conn, sql, STR_NONE, args, n_args, true, &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        list->items = arena_grow(arena, list->items, list->len, &list->cap, type->size);
        void *item = list->items + list->len++ * type->size;
        memset(item, 0, type->size);
        row_fill(rows, type, item, arena);
    }
    if (!rows_end(rows, err)) {
        *list = before;
        return false;
    }
    return true;
}

bool db_one_i64(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
                i64 *ret_value, struct err *err)
{
    struct rows *rows;
    if (!run(conn, sql, STR_NONE, args, n_args, true, &rows, err)) {
        return false;
    }
    bool found = rows_next(rows);
    i64 value = found ? row_i64(rows, 0) : 0;
    if (!rows_end(rows, err)) {
        return false;
    }
    if (!found) {
        return nothing_found(err);
    }
    *ret_value = value;
    return true;
}

bool db_exec(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
             i64 *ret_changed, struct err *err)
{
    struct rows *rows;
    if (!run(conn, sql, STR_NONE, args, n_args, true, &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
    }
    i64 changed = rows->failed ? 0 : conn->ops->changed(rows);
    if (!rows_end(rows, err)) {
        return false;
    }
    if (ret_changed) {
        *ret_changed = changed;
    }
    return true;
}

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

bool db_meta_get(struct conn *conn, const char *key, struct arena *arena, struct str *ret_value, struct err *err)
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
        return err_set(err, ERR_INVALID, "The data folder %s cannot be made: %s", db->data_dir, strerror(errno));
    }
    struct arena *arena = arena_take();
    const char *path = str_cstr(arena, db_file_path(db, arena, "lock"));
    db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = true;
    if (db->lock_fd < 0) {
        ok = err_set(err, ERR_INVALID, "The data folder %s cannot be written to: %s", db->data_dir, strerror(errno));
    } else if (flock(db->lock_fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
        ok = alone ? err_set(err, ERR_CONFLICT, "A Heed uses %s: stop it first", db->data_dir)
                   : err_set(err, ERR_CONFLICT, "A restore into %s is running: wait for its end", db->data_dir);
    }
    arena_give(arena);
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
    struct conn *conn = conn_create(db, true);
    bool ok = conn->ops->ready(conn, err) && migrate_run(conn, settings->migrate, err) &&
              db_load_epoch(db, conn, err);
    conn_destroy(conn);
    if (!ok) {
        return false;
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

void db_stats(struct db *db, struct db_stats *out)
{
    struct db_stats stats = {
        .writes = atomic_load(&db->writes), .groups = atomic_load(&db->groups), .failed = atomic_load(&db->failed)};
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
