// SPDX-License-Identifier: AGPL-3.0-or-later
// A connection to PostgreSQL over libpq: statements prepared once per connection, results whole and as
// text, a lost connection replaced with growing pauses, errors turned into sentences.
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "store/internal.h"
#include <stdio.h>
#include <stdlib.h>

enum { OID_BYTEA = 17, MAX_PAUSE_MS = 400, FIRST_PAUSE_MS = 100 };

static bool is_state(const char *state, const char *want)
{
    return state && strncmp(state, want, strlen(want)) == 0;
}

bool postgres_error(PGconn *pg, const PGresult *result, const char *doing, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *why = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (!why) {
        why = pg ? PQerrorMessage(pg) : "out of memory";
    }
    // 57P0x: shut down, 08: connection, 25006: this one became a read-only standby, unless it is a
    // connection for reading. No state at all: the words are libpq's own, which lost the server in the
    // middle of an answer and may not have called the connection bad yet.
    const char *only = pg ? PQparameterStatus(pg, "default_transaction_read_only") : NULL;
    bool reading = only && strcmp(only, "on") == 0;
    if (!pg || !state || PQstatus(pg) == CONNECTION_BAD || is_state(state, "57P0") || is_state(state, "08") ||
        (is_state(state, "25006") && !reading)) {
        return err_retry(err, ERR_UNAVAILABLE, 2, "The database is away");
    }
    if (is_state(state, "23505")) {
        return err_set(err, ERR_CONFLICT, "This exists already");
    }
    if (is_state(state, "40001") || is_state(state, "40P01") || is_state(state, "55P03")) {
        return err_retry(err, ERR_UNAVAILABLE, 1, "The database is busy");
    }
    if (is_state(state, "57014")) {
        return err_retry(err, ERR_UNAVAILABLE, 2, "The database took too long");
    }
    if (is_state(state, "53100")) {
        return err_retry(err, ERR_UNAVAILABLE, 5, "The disk of the database is full");
    }
    if (is_state(state, "53")) {
        return err_retry(err, ERR_UNAVAILABLE, 5, "The database has no room for more connections");
    }
    return err_set(err, ERR_INTERNAL, "%s: %s", doing, why);
}

bool conn_is_lost(const struct conn *conn)
{
    return !conn->pg || PQstatus(conn->pg) == CONNECTION_BAD;
}

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

bool postgres_run(PGconn *pg, const char *text, struct err *err)
{
    PGresult *result = PQexec(pg, text);
    ExecStatusType status = PQresultStatus(result);
    bool ok =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || postgres_error(pg, result, text, err);
    PQclear(result);
    return ok;
}

bool postgres_connect(struct db *db, PGconn **ret_pg, struct err *err)
{
    // What the URL says wins over what stands before it, and loses to what stands behind.
    const char *const names[] = {"connect_timeout",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "tcp_user_timeout",
                                 "target_session_attrs",
                                 "dbname",
                                 "client_encoding",
                                 "fallback_application_name",
                                 NULL};
    const char *const values[] = {"5", "10", "5", "3", "15000", "read-write", db->url, "UTF8", "heed", NULL};
    PGconn *pg = PQconnectdbParams(names, values, 1);
    if (PQstatus(pg) != CONNECTION_OK) {
        err_retry(err, ERR_UNAVAILABLE, 2, "PostgreSQL cannot be reached: %s", PQerrorMessage(pg));
        err->text[strcspn(err->text, "\n")] = 0;
        PQfinish(pg);
        return false;
    }
    PQsetNoticeReceiver(pg, ignore_notice, NULL);
    const char *encoding = PQparameterStatus(pg, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0) {
        err_set(err, ERR_INVALID, "The PostgreSQL database has the encoding %s; Heed needs UTF8",
                encoding ? encoding : "(unknown)");
        PQfinish(pg);
        return false;
    }
    *ret_pg = pg;
    return true;
}

// Pauses grow from 0.1 to 0.4 s, a random half of them: we are back within half a second of the database, and
// an attempt that is refused costs it nothing. Connections that fail together count as one failure.
static void note_failure(struct db *db)
{
    pthread_mutex_lock(&db->lock);
    if (db->failures > 0 && clock_mono() < db->retry_at) {
        pthread_mutex_unlock(&db->lock);
        return;
    }
    i64 pause = FIRST_PAUSE_MS << (db->failures < 6 ? db->failures : 6);
    pause = pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS;
    db->failures++;
    db->retry_at = clock_mono() + pause / 2 + (i64)(random_u64() % (u64)(pause / 2 + 1));
    pthread_mutex_unlock(&db->lock);
}

static bool may_try(struct db *db, struct err *err)
{
    pthread_mutex_lock(&db->lock);
    bool wait = db->failures > 0 && clock_mono() < db->retry_at;
    pthread_mutex_unlock(&db->lock);
    return !wait || err_retry(err, ERR_UNAVAILABLE, 2, "The database is away");
}

static bool ready(struct conn *conn, struct err *err)
{
    if (!conn_is_lost(conn)) {
        return true;
    }
    if (conn->in_tx) {
        return err_retry(err, ERR_UNAVAILABLE, 2, "The database is away");
    }
    if (!may_try(conn->db, err)) {
        return false;
    }
    if (conn->pg) {
        conn_forget_all(conn);
        PQfinish(conn->pg);
        conn->pg = NULL;
        conn->n_deferred = 0;
    }
    // A plan made while a table was nearly empty is kept with the connection, and would go on reading the
    // whole table when it is large; every statement has its index. Compiling plans (jit) costs more than
    // any of ours takes, and the price of a scan that is avoided would set it off.
    const char *limits = conn->writing
                             ? "SET enable_seqscan = off; SET jit = off; SET statement_timeout = 30000; "
                               "SET lock_timeout = 10000; SET idle_in_transaction_session_timeout = 60000"
                             : "SET enable_seqscan = off; SET jit = off; SET statement_timeout = 5000; "
                               "SET idle_in_transaction_session_timeout = 60000; "
                               "SET default_transaction_read_only = on";
    if (!postgres_connect(conn->db, &conn->pg, err) || !postgres_run(conn->pg, limits, err)) {
        note_failure(conn->db);
        return false;
    }
    pthread_mutex_lock(&conn->db->lock);
    conn->db->failures = 0;
    pthread_mutex_unlock(&conn->db->lock);
    return true;
}

static void conn_close(struct conn *conn)
{
    PQfinish(conn->pg);
    conn->pg = NULL;
}

static const char *name_of(const struct statement *statement)
{
    return statement->sql ? statement->sql->name : "query";
}

static bool fail_named(struct conn *conn, const PGresult *result, const char *name, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    conn->retry = is_state(state, "40001") || is_state(state, "40P01");
    return postgres_error(conn->pg, result, name, err);
}

static bool fail(struct conn *conn, const PGresult *result, const struct statement *statement,
                 struct err *err)
{
    return fail_named(conn, result, name_of(statement), err);
}

struct params {
    const char **values;
    int *lengths, *formats;
};

static bool make_params(struct conn *conn, const struct statement *statement, const struct db_arg *args,
                        size_t n_args, struct params *out, struct err *err)
{
    struct arena *arena = conn->scratch;
    arena_reset(arena);
    out->values = arena_array(arena, const char *, n_args + 1);
    out->lengths = arena_array(arena, int, n_args + 1);
    out->formats = arena_array(arena, int, n_args + 1);
    for (size_t i = 0; i < n_args; i++) {
        struct str text = args[i].text;
        switch (args[i].kind) {
        case DB_ARG_NULL:
            break;
        case DB_ARG_I64: {
            char *digits = arena_alloc(arena, 24);
            snprintf(digits, 24, "%lld", (long long)args[i].number);
            out->values[i] = digits;
            break;
        }
        case DB_ARG_STR:
            if (memchr(text.ptr, 0, text.len)) {
                return err_set(err, ERR_INVALID, "%s: a text holds a NUL character", name_of(statement));
            }
            out->values[i] = str_cstr(arena, text);
            break;
        case DB_ARG_BLOB:
            out->values[i] = text.ptr;
            out->lengths[i] = (int)text.len;
            out->formats[i] = 1;
            break;
        }
    }
    return true;
}

static bool prepare(struct conn *conn, struct statement *statement, const char *name, struct err *err)
{
    if (statement->prepared) {
        return true;
    }
    PGresult *result = PQprepare(conn->pg, name, statement->sql->text[DB_POSTGRES], 0, NULL);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK || fail(conn, result, statement, err);
    PQclear(result);
    statement->prepared = ok;
    return ok;
}

// --- Deferred statements, in libpq's pipeline mode ------------------------------------------------

static bool went_well(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

// The next statement's answer, with what ends it taken off.
static PGresult *take_result(PGconn *pg)
{
    PGresult *result = PQgetResult(pg);
    PGresult *end = result ? PQgetResult(pg) : NULL;
    PQclear(end);
    return result;
}

// Asks how the deferred statements went, and for the answer of one more sent behind them (ret_last, NULL:
// none). The first that failed is the error; those behind it were not run.
static bool collect(struct conn *conn, PGresult **ret_last, struct err *err)
{
    PGconn *pg = conn->pg;
    bool ok = PQpipelineSync(pg) == 1 || postgres_error(pg, NULL, "pipeline", err);
    for (int i = 0; i < conn->n_deferred; i++) {
        PGresult *result = take_result(pg);
        if (ok && !went_well(result)) {
            ok = fail_named(conn, result, conn->deferred[i], err);
        }
        PQclear(result);
    }
    conn->n_deferred = 0;
    PGresult *last = ret_last ? take_result(pg) : NULL;
    PGresult *sync = PQgetResult(pg);
    PQclear(sync);
    if (PQexitPipelineMode(pg) != 1 && ok) {
        ok = postgres_error(pg, NULL, "pipeline", err);
    }
    if (!ok) {
        PQclear(last);
        return false;
    }
    if (ret_last) {
        *ret_last = last;
    }
    return true;
}

static bool settle(struct conn *conn, struct err *err)
{
    return conn->n_deferred == 0 || collect(conn, NULL, err);
}

// Statements are prepared outside of the pipeline, once per connection.
static bool prepared(struct conn *conn, struct statement *statement, char name[16], struct err *err)
{
    snprintf(name, 16, "s%d", statement->sql->index);
    return statement->prepared || (settle(conn, err) && prepare(conn, statement, name, err));
}

static bool defer(struct conn *conn, struct statement *statement, const struct db_arg *args, size_t n_args,
                  struct err *err)
{
    struct params p;
    char name[16];
    if (!prepared(conn, statement, name, err) || !make_params(conn, statement, args, n_args, &p, err) ||
        (conn->n_deferred == MAX_DEFERRED && !collect(conn, NULL, err))) {
        return false;
    }
    if ((conn->n_deferred == 0 && PQenterPipelineMode(conn->pg) != 1) ||
        PQsendQueryPrepared(conn->pg, name, (int)n_args, p.values, p.lengths, p.formats, 0) != 1) {
        return fail(conn, NULL, statement, err);
    }
    conn->deferred[conn->n_deferred++] = statement->sql->name;
    return true;
}

static bool run(struct conn *conn, struct statement *statement, const struct db_arg *args, size_t n_args,
                bool keep, struct rows *rows, struct err *err)
{
    (void)keep;
    PGconn *pg = conn->pg;
    struct params p;
    char name[16];
    // Texts of the query compiler are planned anew each time: their values decide the plan.
    bool known = statement->sql && statement->cached;
    const char *text = known            ? NULL
                       : statement->sql ? statement->sql->text[DB_POSTGRES]
                                        : statement->text.ptr;
    if ((known && !prepared(conn, statement, name, err)) ||
        !make_params(conn, statement, args, n_args, &p, err)) {
        return false;
    }
    if (conn->n_deferred > 0) {
        int sent = known ? PQsendQueryPrepared(pg, name, (int)n_args, p.values, p.lengths, p.formats, 0)
                         : PQsendQueryParams(pg, text, (int)n_args, NULL, p.values, p.lengths, p.formats, 0);
        if (!collect(conn, sent == 1 ? &rows->result : NULL, err)) {
            return false;
        }
    } else {
        rows->result = known ? PQexecPrepared(pg, name, (int)n_args, p.values, p.lengths, p.formats, 0)
                             : PQexecParams(pg, text, (int)n_args, NULL, p.values, p.lengths, p.formats, 0);
    }
    ExecStatusType status = PQresultStatus(rows->result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return fail(conn, rows->result, statement, err);
    }
    rows->row = -1;
    rows->n_rows = PQntuples(rows->result);
    rows->n_columns = PQnfields(rows->result);
    return true;
}

static bool next(struct rows *rows)
{
    return ++rows->row < rows->n_rows;
}

static void end(struct rows *rows)
{
    PQclear(rows->result);
    rows->result = NULL;
}

static i64 changed(struct rows *rows)
{
    i64 n = 0;
    const char *command = PQcmdStatus(rows->result);
    bool select = strncmp(command, "SELECT", 6) == 0;
    return !select && str_to_i64(str_from(PQcmdTuples(rows->result)), &n) ? n : 0;
}

static const char *column_name(struct rows *rows, int column)
{
    return PQfname(rows->result, column);
}

static bool is_null(struct rows *rows, int column)
{
    return PQgetisnull(rows->result, rows->row, column);
}

static i64 get_i64(struct rows *rows, int column)
{
    if (is_null(rows, column)) {
        return 0;
    }
    const char *text = PQgetvalue(rows->result, rows->row, column);
    if (text[0] == 't' || text[0] == 'f') { // a boolean
        return text[0] == 't';
    }
    return strtoll(text, NULL, 10); // stops at the fraction of a NUMERIC
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static struct str get_str(struct rows *rows, int column, struct arena *arena)
{
    if (is_null(rows, column)) {
        return STR_NONE;
    }
    struct str text = {PQgetvalue(rows->result, rows->row, column),
                       (size_t)PQgetlength(rows->result, rows->row, column)};
    if (PQftype(rows->result, column) != OID_BYTEA) {
        return text.len ? str_copy(arena, text) : S("");
    }
    if (text.len <= 2) { // "\x"
        return S("");
    }
    size_t len = (text.len - 2) / 2;
    char *bytes = arena_alloc(arena, len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(nibble(text.ptr[2 + 2 * i]) << 4 | nibble(text.ptr[3 + 2 * i]));
    }
    return (struct str){bytes, len};
}

static bool control(struct conn *conn, enum control what, struct err *err)
{
    if (conn_is_lost(conn)) {
        return err_retry(err, ERR_UNAVAILABLE, 2, "The database is away");
    }
    const char *text = control_texts[DB_POSTGRES][what];
    PGresult *result;
    if (conn->n_deferred == 0) {
        result = PQexec(conn->pg, text);
    } else if (what == CONTROL_COMMIT) {
        // Not run when a deferred statement failed. Then it is known that nothing was done.
        int sent = PQsendQueryParams(conn->pg, text, 0, NULL, NULL, NULL, NULL, 0);
        if (!collect(conn, sent == 1 ? &result : NULL, err)) {
            if (!conn_is_lost(conn)) {
                PQclear(PQexec(conn->pg, "ROLLBACK"));
                conn->retry = true;
            }
            return false;
        }
        if (sent != 1) {
            return fail_named(conn, NULL, text, err);
        }
    } else {
        struct err ignored;
        if (!settle(conn, &ignored) && what != CONTROL_ROLLBACK) {
            *err = ignored;
            return false;
        }
        result = PQexec(conn->pg, text);
    }
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK || fail_named(conn, result, text, err);
    // COMMIT of a failed transaction succeeds and says ROLLBACK.
    if (ok && what == CONTROL_COMMIT && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        ok = err_set(err, ERR_INTERNAL,
                     "The transaction was rolled back: a write went on after a failed statement");
    }
    PQclear(result);
    return ok;
}

static void forget(struct conn *conn, struct statement *statement)
{
    // Only with the connection itself do prepared statements end.
    (void)conn;
    statement->prepared = false;
}

const struct conn_ops postgres_ops = {
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
    .defer = defer,
    .forget = forget,
    .close = conn_close,
};
