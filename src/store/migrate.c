// SPDX-License-Identifier: AGPL-3.0-or-later
// Brings a database to the schema of this program: numbered files, forward only, each in a transaction
// with the record of its hash. Two processes that start at once wait for each other.
#include "store/migrate.h"
#include "base/clock.h"
#include "base/log.h"
#include "sql_gen.h"
#include "store/internal.h"

enum { LOCK_NUMBER = 0x48656564 }; // "Heed"

static bool run_text(struct conn *conn, const char *text, struct err *err)
{
    return conn->kind == DB_SQLITE ? sqlite_run(conn->lite, text, err) : postgres_run(conn->pg, text, err);
}

static const struct migration *find(i64 version)
{
    return version >= 1 && version <= migration_count ? &migrations[version - 1] : NULL;
}

static bool check_applied(i64 version, struct str sha256, struct err *err)
{
    const struct migration *migration = find(version);
    if (!migration) {
        return err_set(err, ERR_CONFLICT,
                       "This database was made by a newer Heed (schema %lld, this one knows %d): use that or "
                       "a newer one",
                       (long long)version, migration_count);
    }
    if (!str_eq(sha256, str_from(migration->sha256))) {
        return err_set(err, ERR_CONFLICT,
                       "Schema file %04d_%s was applied to this database in another wording; this is not the "
                       "Heed that made it",
                       migration->version, migration->name);
    }
    return true;
}

// The newest applied file, 0 when there is none.
static bool read_version(struct conn *conn, i64 *ret_version, struct err *err)
{
    i64 exists, version = 0;
    struct rows *rows;
    if (!db_one_i64(conn, &SQL_schema_migration_exists, DB_NO_ARGS, &exists, err)) {
        return false;
    }
    if (!exists) {
        *ret_version = 0;
        return true;
    }
    if (!db_query(conn, &SQL_schema_migration_list, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    struct arena *arena = arena_take();
    bool ok = true;
    while (ok && rows_next(rows)) {
        version = row_i64(rows, 0);
        ok = check_applied(version, row_str(rows, 2, arena), err);
    }
    arena_give(arena);
    struct err reading = {0};
    if (!rows_end(rows, &reading)) {
        *err = reading;
        return false;
    }
    if (ok) {
        *ret_version = version;
    }
    return ok;
}

static bool apply_one(struct conn *conn, const struct migration *m, struct err *err)
{
    bool ok = run_text(conn, m->text[conn->kind], err) &&
              db_exec(conn, &SQL_schema_migration_add,
                      DB_ARGS(db_i64(m->version), db_str(str_from(m->name)), db_str(str_from(m->sha256)),
                              db_i64(clock_now())),
                      NULL, err) &&
              db_exec(conn, &SQL_meta_add, DB_ARGS(db_str(S("epoch")), db_str(S("1"))), NULL, err);
    if (ok && !conn->db->bare) {
        log_event(LOG_INFO, "store.migrated", LOG_I("version", m->version), LOG_C("name", m->name));
    }
    return ok;
}

// One transaction per file: *ret_more while another is left.
static bool apply_next(struct conn *conn, bool *ret_more, struct err *err)
{
    i64 version = 0;
    if (!conn_control(conn, CONTROL_BEGIN_WRITE, err)) {
        return false;
    }
    bool ok =
        conn->kind != DB_POSTGRES || db_exec(conn, &SQL_schema_lock, DB_ARGS(db_i64(LOCK_NUMBER)), NULL, err);
    ok = ok && db_exec(conn, &SQL_schema_migration_make, DB_NO_ARGS, NULL, err) &&
         read_version(conn, &version, err);
    const struct migration *next = ok ? find(version + 1) : NULL;
    ok = ok && (!next || apply_one(conn, next, err)) && conn_control(conn, CONTROL_COMMIT, err);
    if (!ok) {
        struct err ignored = {0};
        if (!conn_control(conn, CONTROL_ROLLBACK, &ignored)) {
            log_event(LOG_WARN, "store.rollback_failed", LOG_C("error", ignored.text));
        }
        return false;
    }
    *ret_more = find(version + 2) != NULL;
    return true;
}

bool migrate_run(struct conn *conn, bool apply, struct err *err)
{
    i64 version;
    if (!read_version(conn, &version, err)) {
        return false;
    }
    if (version == migration_count) {
        return true;
    }
    if (!apply) {
        return version == 0
                   ? err_set(err, ERR_CONFLICT, "There is no Heed database here yet: start heed serve once")
                   : err_set(err, ERR_CONFLICT,
                             "The database has schema %lld, this Heed needs %d: start heed serve once",
                             (long long)version, migration_count);
    }
    for (bool more = true; more;) {
        if (!apply_next(conn, &more, err)) {
            return false;
        }
    }
    return true;
}

static bool raise_epoch(struct conn *conn, struct arena *arena, struct err *err)
{
    struct str text = STR_NONE;
    i64 epoch = 0;
    if (!db_meta_get(conn, "epoch", arena, &text, err)) {
        return false;
    }
    if (!str_to_i64(text, &epoch)) {
        return err_set(err, ERR_INTERNAL, "The database has no epoch; run heed doctor");
    }
    struct str next = str_printf(arena, "%lld", (long long)epoch + 1);
    log_event(LOG_INFO, "store.new_cluster", LOG_I("epoch", epoch + 1));
    return db_exec(conn, &SQL_meta_set, DB_ARGS(db_str(S("epoch")), db_str(next)), NULL, err);
}

static bool note_inside(struct conn *conn, struct str cluster, struct arena *arena, struct err *err)
{
    struct str known = STR_NONE;
    if (!db_exec(conn, &SQL_schema_lock, DB_ARGS(db_i64(LOCK_NUMBER)), NULL, err) ||
        !db_meta_get(conn, "cluster", arena, &known, err)) {
        return false;
    }
    if (str_eq(known, cluster)) {
        return true;
    }
    return (!str_given(known) || raise_epoch(conn, arena, err)) &&
           db_exec(conn, &SQL_meta_set, DB_ARGS(db_str(S("cluster")), db_str(cluster)), NULL, err);
}

bool migrate_note_cluster(struct conn *conn, struct err *err)
{
    struct err ignored = {0};
    struct rows *rows;
    // A server that keeps its number to itself is taken for the same one.
    if (conn->kind == DB_SQLITE || !db_query(conn, &SQL_cluster_number, DB_NO_ARGS, &rows, &ignored)) {
        return true;
    }
    struct arena *arena = arena_take();
    struct str cluster = rows_next(rows) ? row_str(rows, 0, arena) : S("");
    bool ok = rows_end(rows, err) && conn_control(conn, CONTROL_BEGIN_WRITE, err);
    bool began = ok;
    ok = ok && note_inside(conn, cluster, arena, err) && conn_control(conn, CONTROL_COMMIT, err);
    if (began && !ok && !conn_control(conn, CONTROL_ROLLBACK, &ignored)) {
        log_event(LOG_WARN, "store.rollback_failed", LOG_C("error", ignored.text));
    }
    arena_give(arena);
    return ok;
}
