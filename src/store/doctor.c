// SPDX-License-Identifier: AGPL-3.0-or-later
// heed doctor: reads everything, changes nothing, and says what it found in sentences.
#include "store/doctor.h"
#include "sql_gen.h"
#include "store/internal.h"
#include "store/migrate.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void look(struct doctor *d, const char *what)
{
    if (d->looking) {
        d->looking(d->arg, what);
    }
}

static void found(struct doctor *d, bool damage, struct str sentence)
{
    d->n_damages += damage;
    d->found(d->arg, damage, sentence);
}

// A check that cannot be made is damage too.
static void found_error(struct doctor *d, const char *what, const struct err *err)
{
    struct arena *arena = arena_take();
    found(d, true, str_printf(arena, "Looking at %s failed: %s", what, err->text));
    arena_give(arena);
}

// --- Checks that give sentences -------------------------------------------------------------------

struct check {
    const char *what;
    const struct sql *sql;
    bool damage;
};

static void run_check(struct doctor *d, struct conn *conn, const struct check *check)
{
    struct err err = {0};
    struct rows *rows;
    if (!check->sql->text[conn->kind]) {
        return;
    }
    look(d, check->what);
    if (!db_query(conn, check->sql, DB_NO_ARGS, &rows, &err)) {
        found_error(d, check->what, &err);
        return;
    }
    struct arena *arena = arena_take();
    while (rows_next(rows)) {
        found(d, check->damage, row_str(rows, 0, arena));
    }
    if (!rows_end(rows, &err)) {
        found_error(d, check->what, &err);
    }
    arena_give(arena);
}

enum { MOST = 20 }; // sentences of one kind

static void check_waiting(struct doctor *d, struct conn *conn)
{
    struct err err = {0};
    struct rows *rows;
    look(d, "waiting times");
    if (!db_query(conn, &SQL_check_waiting, DB_NO_ARGS, &rows, &err)) {
        found_error(d, "waiting times", &err);
        return;
    }
    struct arena *arena = arena_take();
    for (int n = 0; n < MOST && rows_next(rows); n++) {
        found(
            d, true,
            str_printf(arena,
                       "Conversation %lld of workspace %lld says that it waits since %lld, its messages say "
                       "since %lld (ms, 0: not waiting)",
                       (long long)row_i64(rows, 1), (long long)row_i64(rows, 0), (long long)row_i64(rows, 2),
                       (long long)row_i64(rows, 3)));
    }
    if (!rows_end(rows, &err)) {
        found_error(d, "waiting times", &err);
    }
    arena_give(arena);
}

static void check_contents(struct doctor *d, struct conn *conn)
{
    const struct check checks[] = {
        {"references", &SQL_doctor_foreign_keys, true},
        {"counts of the folders", &SQL_doctor_counts, true},
        {"workspaces", &SQL_doctor_strangers, true},
        {"lost rows", &SQL_doctor_lost, true},
        {"tags", &SQL_doctor_tags, true},
        {"files", &SQL_doctor_files, true},
        {"readers of the log", &SQL_doctor_readers, true},
        {"quarantine", &SQL_doctor_quarantine, false},
        {"outgoing messages", &SQL_doctor_held, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        run_check(d, conn, &checks[i]);
    }
    check_waiting(d, conn);
}

static void check_pages(struct doctor *d, struct conn *conn)
{
    struct err err = {0};
    struct rows *rows;
    look(d, "pages and indexes");
    if (!db_query(conn, &SQL_doctor_integrity, DB_NO_ARGS, &rows, &err)) {
        found_error(d, "the database file", &err);
        return;
    }
    struct arena *arena = arena_take();
    while (rows_next(rows)) {
        struct str line = row_str(rows, 0, arena);
        if (!str_eq(line, S("ok"))) {
            found(d, true, str_printf(arena, "The database file is damaged: " STR_FMT, STR_ARG(line)));
        }
    }
    if (!rows_end(rows, &err)) {
        found_error(d, "the database file", &err);
    }
    arena_give(arena);
}

// --- The schema -----------------------------------------------------------------------------------

static bool read_lines(struct conn *conn, const struct sql *sql, struct arena *arena, struct str_list *out,
                       struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(out, arena) = row_str(rows, 0, arena);
    }
    return rows_end(rows, err);
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

// The first line and no more than a sentence of a CREATE text.
static struct str shorten(struct str line)
{
    struct str rest = line;
    struct str first = str_cut(rest, '\n', &rest);
    return first.len > 200 ? str_sub(first, 0, 200) : first;
}

// Both in order: what only one of them has is a difference.
static void compare(struct doctor *d, struct str_list want, struct str_list have, struct arena *arena)
{
    if (want.len > 0)
        qsort(want.items, want.len, sizeof(struct str), by_bytes);
    if (have.len > 0)
        qsort(have.items, have.len, sizeof(struct str), by_bytes);
    size_t w = 0, h = 0;
    while (w < want.len || h < have.len) {
        int order = w == want.len ? 1 : h == have.len ? -1 : str_cmp(want.items[w], have.items[h]);
        if (order == 0) {
            w++;
            h++;
        } else if (order < 0) {
            found(d, true,
                  str_printf(arena, "The schema lacks or has differently: " STR_FMT,
                             STR_ARG(shorten(want.items[w]))));
            w++;
        } else {
            found(d, false,
                  str_printf(arena, "Not of this schema: " STR_FMT, STR_ARG(shorten(have.items[h]))));
            h++;
        }
    }
}

static bool wanted_sqlite(struct arena *arena, struct str_list *out, struct err *err)
{
    struct db *bare = db_bare(DB_SQLITE, S(":memory:"));
    struct conn *conn = conn_create(bare, true);
    bool ok = conn->ops->ready(conn, err) && migrate_run(conn, true, err) &&
              read_lines(conn, &SQL_doctor_objects, arena, out, err);
    conn_destroy(conn);
    db_close(bare);
    return ok;
}

// The schema files applied to temporary tables, in a transaction that is rolled back.
static bool wanted_postgres(struct db *db, struct arena *arena, struct str_list *out, struct err *err)
{
    struct conn *conn = conn_create(db, true);
    bool ok = conn->ops->ready(conn, err) && postgres_run(conn->pg, "SET search_path = pg_temp", err) &&
              migrate_run(conn, true, err) && read_lines(conn, &SQL_doctor_columns, arena, out, err);
    conn_destroy(conn); // and with it the temporary tables
    return ok;
}

// False: it is not this program's schema, so what is in it cannot be asked about.
static bool check_schema(struct doctor *d, struct conn *conn)
{
    struct err err = {0};
    struct arena *arena = arena_take();
    struct str_list want = {0}, have = {0};
    bool lite = conn->kind == DB_SQLITE;
    look(d, "the schema");
    bool known = migrate_run(conn, false, &err);
    if (!known) {
        found(d, true, str_printf(arena, "%s", err.text));
    } else if (!(lite ? wanted_sqlite(arena, &want, &err) : wanted_postgres(conn->db, arena, &want, &err)) ||
               !read_lines(conn, lite ? &SQL_doctor_objects : &SQL_doctor_columns, arena, &have, &err)) {
        found_error(d, "the schema", &err);
    } else {
        compare(d, want, have, arena);
    }
    arena_give(arena);
    return known;
}

// --- The search index -----------------------------------------------------------------------------

// Nothing in it is lost when it is lost: it is built anew from the messages.
static void check_search_file(struct doctor *d, const char *path)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *stmt = NULL;
    struct arena *arena = arena_take();
    const char *trouble = NULL;
    look(d, "the search index");
    bool asked = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
                 sqlite3_prepare_v2(handle, "PRAGMA quick_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
                 sqlite3_step(stmt) == SQLITE_ROW;
    if (!asked) {
        trouble = handle ? sqlite3_errmsg(handle) : "it cannot be opened";
    } else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
        trouble = (const char *)sqlite3_column_text(stmt, 0);
    }
    if (trouble) {
        found(
            d, true,
            str_printf(arena,
                       "The search index is damaged: %s. Nothing but the index is lost; stop the server and "
                       "delete search.db, and it is built anew",
                       trouble));
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    arena_give(arena);
}

bool doctor_run(const struct db_settings *settings, struct doctor *doctor, struct err *err)
{
    struct arena *arena = arena_take();
    bool postgres = str_given(settings->url);
    struct str place =
        postgres ? settings->url : str_printf(arena, STR_FMT "/heed.db", STR_ARG(settings->data_dir));
    doctor->n_damages = 0;
    doctor->strange = false;
    if (!postgres && access(str_cstr(arena, place), R_OK) < 0) {
        arena_give(arena);
        return err_set(err, ERR_NOT_FOUND, "There is no database in " STR_FMT, STR_ARG(settings->data_dir));
    }
    struct db *bare = db_bare(postgres ? DB_POSTGRES : DB_SQLITE, place);
    struct conn *conn = conn_create(bare, false);
    struct err opening = {0};
    bool ok = true;
    if (!conn->ops->ready(conn, &opening) ||
        (postgres && !postgres_run(conn->pg, "SET statement_timeout = 0", &opening))) {
        ok = postgres ? (*err = opening, false) : (found_error(doctor, "the database file", &opening), true);
    } else {
        if (!postgres) {
            check_pages(doctor, conn);
        }
        doctor->strange = !check_schema(doctor, conn);
        if (!doctor->strange) {
            check_contents(doctor, conn);
        }
    }
    const char *index =
        postgres ? NULL
                 : str_cstr(arena, str_printf(arena, STR_FMT "/search.db", STR_ARG(settings->data_dir)));
    if (index && access(index, F_OK) == 0) {
        check_search_file(doctor, index);
    }
    conn_destroy(conn);
    db_close(bare);
    arena_give(arena);
    return ok;
}
