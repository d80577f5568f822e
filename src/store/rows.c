// SPDX-License-Identifier: AGPL-3.0-or-later
// What is the same for both databases on one connection: prepared statements kept by their number, rows
// one at a time, structs filled by column names, whole results. What differs is behind struct conn_ops.
#include "base/log.h"
#include "sql_gen.h"
#include "store/internal.h"

const char *const control_texts[2][N_CONTROLS] = {
    [DB_SQLITE] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT m", "RELEASE m",
                   "ROLLBACK TO m"},
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

static db_trace_fn *trace_fn; // set before any thread runs statements

void db_trace(db_trace_fn *fn)
{
    trace_fn = fn;
}

static void trace(const struct conn *conn, const struct sql *sql, struct str text, const struct db_arg *args,
                  size_t n_args, bool deferred)
{
    if (trace_fn) {
        trace_fn(&(struct db_trace){sql, text, args, n_args, conn->writing, deferred});
    }
}

bool conn_control(struct conn *conn, enum control what, struct err *err)
{
    trace(conn, NULL, str_from(control_texts[conn->kind][what]), DB_NO_ARGS, false);
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

static bool statement_is_busy(const struct conn *conn, const struct sql *sql)
{
    return conn->statements[sql->index] && conn->statements[sql->index]->busy;
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

static void check(const struct conn *conn, const struct sql *sql, size_t n_args)
{
    if (sql && n_args != (size_t)sql->n_args) {
        die("statement %s takes %d arguments, %zu were given", sql->name, sql->n_args, n_args);
    }
    if (sql && !sql->text[conn->kind]) {
        die("statement %s does not exist for this database", sql->name);
    }
}

static bool run(struct conn *conn, const struct sql *sql, struct str text, const struct db_arg *args,
                size_t n_args, bool keep, struct rows **ret_rows, struct err *err)
{
    check(conn, sql, n_args);
    if (!conn->ops->ready(conn, err)) {
        return false;
    }
    trace(conn, sql, text, args, n_args, false);
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

// Where nobody asks what a statement did, its answer need not be waited for.
static bool defer(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
                  struct err *err)
{
    check(conn, sql, n_args);
    trace(conn, sql, STR_NONE, args, n_args, true);
    return conn->ops->ready(conn, err) && conn->ops->defer(conn, statement_for(conn, sql), args, n_args, err);
}

bool db_exec(struct conn *conn, const struct sql *sql, const struct db_arg *args, size_t n_args,
             i64 *ret_changed, struct err *err)
{
    struct rows *rows;
    if (!ret_changed && conn->lazy && conn->ops->defer && !statement_is_busy(conn, sql)) {
        return defer(conn, sql, args, n_args, err);
    }
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
