// SPDX-License-Identifier: AGPL-3.0-or-later
// The store's promises, the same for both databases: what is read is what was written, a write is whole
// or absent, its answer comes after COMMIT, a failing one harms nobody else.
#include "store/migrate.h"
#include "store_fixture.h"
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

struct fact {
    const char *key;
    struct str value;
    bool fail, duplicate;
};

static bool write_fact(struct tx *tx, void *arg, struct err *err)
{
    struct fact *fact = arg;
    if (!db_meta_set(tx, fact->key, fact->value, err)) {
        return false;
    }
    return !fact->fail || err_set(err, ERR_INVALID, "wanted");
}

static struct str read_fact(struct fixture *f, const char *key)
{
    struct str value = STR_NONE;
    struct conn *conn = db_take(f->db);
    CHECK_OK(db_meta_get(conn, key, f->arena, &value, &f->err));
    db_give(f->db, conn);
    return value;
}

// --- Values ---------------------------------------------------------------------------------------

static bool write_channel(struct tx *tx, void *arg, struct err *err)
{
    struct str *secret = arg;
    const char *text[2] = {"INSERT INTO channel (workspace_id, kind, name, name_key, state, state_since, "
                           "secret, session, last_event_at, created_at) "
                           "VALUES (?1, 'custom', ?2, ?3, 'active', ?4, ?5, ?6, ?7, 5)",
                           "INSERT INTO channel (workspace_id, kind, name, name_key, state, state_since, "
                           "secret, session, last_event_at, created_at) "
                           "VALUES ($1, 'custom', $2, $3, 'active', $4, $5, $6, $7, 5)"};
    struct rows *rows;
    if (!db_query_text(tx->conn, str_from(text[conn_kind(tx->conn)]),
                       DB_ARGS(db_i64(7), db_str(S("Kauppa ä 가게")), db_str(S("")),
                               db_i64(-9007199254740991), db_blob(*secret), db_blob(S("")), db_opt(0)),
                       &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
    }
    return rows_end(rows, err);
}

static bool add_workspace(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    struct rows *rows;
    return db_query_text(tx->conn, S("INSERT INTO workspace (id, name, created_at) VALUES (7, 'W', 1)"),
                         DB_NO_ARGS, &rows, err) &&
           !rows_next(rows) && rows_end(rows, err);
}

struct channel_row {
    struct str name, name_key, secret, session, settings;
    i64 state_since, last_event_at;
    bool workspace_id;
};
static const struct field channel_fields[] = {
    FIELD(channel_row, FIELD_STR, name, 0),
    FIELD(channel_row, FIELD_STR, name_key, 0),
    FIELD(channel_row, FIELD_STR, secret, 0),
    FIELD(channel_row, FIELD_STR, session, 0),
    FIELD(channel_row, FIELD_JSON, settings, 0),
    FIELD(channel_row, FIELD_I64, state_since, 0),
    FIELD(channel_row, FIELD_TIME, last_event_at, 0),
    FIELD(channel_row, FIELD_BOOL, workspace_id, 0),
    FIELD_END,
};
static const struct type channel_row_type = {"Channel", channel_fields, sizeof(struct channel_row)};

static void what_was_written_is_read_back_whatever_the_kind(void **state)
{
    struct fixture *f = *state;
    char bytes[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    struct str secret = {bytes, sizeof(bytes)};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, add_workspace, NULL, &f->err));
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_channel, &secret, &f->err));

    struct conn *conn = db_take(f->db);
    struct rows *rows;
    struct channel_row row = {0};
    CHECK_OK(db_query_text(conn, S("SELECT * FROM channel"), DB_NO_ARGS, &rows, &f->err));
    assert_true(rows_next(rows));
    row_fill(rows, &channel_row_type, &row, f->arena);
    assert_false(rows_next(rows));
    CHECK_OK(rows_end(rows, &f->err));
    db_give(f->db, conn);
    assert_true(str_eq(row.name, S("Kauppa ä 가게")));
    assert_true(str_given(row.name_key) && row.name_key.len == 0);
    assert_true(str_given(row.session) && row.session.len == 0);
    assert_true(str_eq(row.secret, secret));
    assert_true(str_eq(row.settings, S("{}")));
    assert_int_equal(row.state_since, -9007199254740991);
    assert_int_equal(row.last_event_at, 0);
    assert_true(row.workspace_id);
}

static void a_broken_unique_is_a_conflict_and_undoes_its_write(void **state)
{
    struct fixture *f = *state;
    struct str secret = S("x");
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, add_workspace, NULL, &f->err));
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_channel, &secret, &f->err));
    assert_false(db_write(f->db, WRITE_PEOPLE, write_channel, &secret, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
}

static void a_missing_row_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct conn *conn = db_take(f->db);
    i64 value = 5;
    assert_false(db_one_i64(conn, &SQL_meta_get, DB_ARGS(db_str(S("nothing"))), &value, &f->err));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_int_equal(value, 5);
    assert_false(str_given(read_fact(f, "nothing")));
    db_give(f->db, conn);
}

static void a_statement_can_run_inside_the_loop_over_its_own_rows(void **state)
{
    struct fixture *f = *state;
    struct conn *conn = db_take(f->db);
    struct rows *outer, *inner;
    int n = 0;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(db_query(conn, &SQL_meta_get, DB_ARGS(db_str(S("epoch"))), &outer, &f->err));
        while (rows_next(outer)) {
            CHECK_OK(db_query(conn, &SQL_meta_get, DB_ARGS(db_str(S("epoch"))), &inner, &f->err));
            while (rows_next(inner)) {
                n += (int)row_i64(inner, 0);
            }
            CHECK_OK(rows_end(inner, &f->err));
            assert_int_equal(row_i64(outer, 0), 1);
        }
        CHECK_OK(rows_end(outer, &f->err));
    }
    assert_int_equal(n, 3);
    db_give(f->db, conn);
}

static void more_texts_than_the_cache_holds_are_all_answered(void **state)
{
    struct fixture *f = *state;
    struct conn *conn = db_take(f->db);
    for (int i = 0; i < 60; i++) {
        struct rows *rows;
        CHECK_OK(db_query_text(conn, str_printf(f->arena, "SELECT %d", i % 23), DB_NO_ARGS, &rows, &f->err));
        assert_true(rows_next(rows));
        assert_int_equal(row_i64(rows, 0), i % 23);
        CHECK_OK(rows_end(rows, &f->err));
    }
    db_give(f->db, conn);
}

static void reads_between_begin_and_end_see_one_snapshot(void **state)
{
    struct fixture *f = *state;
    struct fact fact = {.key = "a", .value = S("1")};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err));
    struct conn *conn = db_take(f->db);
    struct str value = STR_NONE;
    CHECK_OK(db_read_begin(conn, &f->err));
    CHECK_OK(db_meta_get(conn, "a", f->arena, &value, &f->err));
    assert_true(str_eq(value, S("1")));
    fact.value = S("2");
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err));
    CHECK_OK(db_meta_get(conn, "a", f->arena, &value, &f->err));
    assert_true(str_eq(value, S("1")));
    db_read_end(conn);
    CHECK_OK(db_meta_get(conn, "a", f->arena, &value, &f->err));
    assert_true(str_eq(value, S("2")));
    db_give(f->db, conn);
}

static void a_reading_connection_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct conn *conn = db_take(f->db);
    struct rows *rows;
    if (db_query_text(conn, S("DELETE FROM meta"), DB_NO_ARGS, &rows, &f->err)) {
        assert_false(rows_next(rows));
        assert_false(rows_end(rows, &f->err));
    }
    assert_int_equal(f->err.code, ERR_INTERNAL);
    db_give(f->db, conn);
    assert_true(str_eq(read_fact(f, "epoch"), S("1")));
}

// --- Groups ---------------------------------------------------------------------------------------

// A write that holds the writer until it is let go, so that the ones posted meanwhile form a group.
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t change;
    int entered;
    bool open;
};
static struct gate gate;

static void gate_close(void)
{
    gate = (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
}

static bool wait_at_gate(struct tx *tx, void *arg, struct err *err)
{
    (void)tx;
    (void)arg;
    (void)err;
    pthread_mutex_lock(&gate.lock);
    gate.entered++;
    pthread_cond_broadcast(&gate.change);
    while (!gate.open) {
        pthread_cond_wait(&gate.change, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
    return true;
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.change);
    pthread_mutex_unlock(&gate.lock);
}

static int n_writers(const struct fixture *f)
{
    return f->kind == DB_SQLITE ? 1 : 4;
}

static void hold_writers(struct fixture *f)
{
    gate_close();
    for (int i = 0; i < n_writers(f); i++) {
        CHECK_OK(db_post(f->db, WRITE_READER, wait_at_gate, NULL, NULL, &f->err));
    }
    pthread_mutex_lock(&gate.lock);
    while (gate.entered < n_writers(f)) {
        pthread_cond_wait(&gate.change, &gate.lock);
    }
    pthread_mutex_unlock(&gate.lock);
}

struct answers {
    pthread_mutex_t lock;
    pthread_cond_t change;
    int n, ok;
    enum err_code codes[600];
    int order[600];
};
static struct answers answers;
struct member {
    struct fact fact;
    int number;
    bool hooked;
};
static _Atomic int hooks_run;

static void count_hook(void *arg)
{
    (void)arg;
    hooks_run++;
}

static bool run_member(struct tx *tx, void *arg, struct err *err)
{
    struct member *member = arg;
    if (member->hooked) {
        tx_after_commit(tx, count_hook, NULL);
    }
    return write_fact(tx, &member->fact, err);
}

static void note_answer(void *arg, bool ok, const struct err *err)
{
    struct member *member = arg;
    pthread_mutex_lock(&answers.lock);
    answers.codes[member->number] = ok ? ERR_NONE : err->code;
    answers.order[answers.n++] = member->number;
    answers.ok += ok;
    pthread_cond_broadcast(&answers.change);
    pthread_mutex_unlock(&answers.lock);
}

static void expect_answers(int n)
{
    pthread_mutex_lock(&answers.lock);
    while (answers.n < n) {
        pthread_cond_wait(&answers.change, &answers.lock);
    }
    pthread_mutex_unlock(&answers.lock);
}

static struct member *make_members(struct fixture *f, int n)
{
    answers = (struct answers){.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    struct member *members = arena_array(f->arena, struct member, (size_t)n);
    for (int i = 0; i < n; i++) {
        members[i].number = i;
        members[i].fact =
            (struct fact){.key = str_cstr(f->arena, str_printf(f->arena, "k%d", i)), .value = S("v")};
    }
    return members;
}

static void one_failing_member_leaves_the_rest_of_its_group_alone(void **state)
{
    struct fixture *f = *state;
    struct member *members = make_members(f, 40);
    hooks_run = 0;
    members[17].fact.fail = true;
    hold_writers(f);
    for (int i = 0; i < 40; i++) {
        members[i].hooked = true;
        CHECK_OK(db_post(f->db, WRITE_INTAKE, run_member, note_answer, &members[i], &f->err));
    }
    gate_open();
    expect_answers(40);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(answers.codes[i], i == 17 ? ERR_INVALID : ERR_NONE);
        assert_int_equal(str_given(read_fact(f, members[i].fact.key)), i != 17);
    }
    fixture_close(f); // all hooks are through
    assert_int_equal(hooks_run, 39);
    fixture_open(f);
}

static void many_waiting_writes_share_a_commit(void **state)
{
    struct fixture *f = *state;
    struct db_stats before, after;
    struct member *members = make_members(f, 300);
    hold_writers(f);
    db_stats(f->db, &before);
    for (int i = 0; i < 300; i++) {
        CHECK_OK(db_post(f->db, WRITE_INTAKE, run_member, note_answer, &members[i], &f->err));
    }
    gate_open();
    expect_answers(300);
    db_stats(f->db, &after);
    assert_int_equal(answers.ok, 300);
    assert_true(after.groups - before.groups < 100);
}

static void people_go_before_intake(void **state)
{
    struct fixture *f = *state;
    struct member *members = make_members(f, 22);
    hold_writers(f);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(db_post(f->db, WRITE_INTAKE, run_member, note_answer, &members[i], &f->err));
    }
    CHECK_OK(db_post(f->db, WRITE_PEOPLE, run_member, note_answer, &members[20], &f->err));
    CHECK_OK(db_post(f->db, WRITE_PEOPLE, run_member, note_answer, &members[21], &f->err));
    gate_open();
    expect_answers(22);
    int first = 0;
    while (answers.order[first] < 20) {
        first++;
    }
    // On PostgreSQL four threads take at once: people are among the first that end, not the very first.
    assert_true(first <= (f->kind == DB_SQLITE ? 0 : 20));
}

static void a_full_queue_says_so_at_once(void **state)
{
    struct fixture *f = *state;
    struct fact fact = {.key = "q", .value = S("v")};
    hold_writers(f);
    int posted = 0;
    while (posted < 100000 && db_post(f->db, WRITE_PEOPLE, write_fact, NULL, &fact, &f->err)) {
        posted++;
    }
    assert_int_equal(posted, 4096);
    assert_int_equal(f->err.code, ERR_UNAVAILABLE);
    assert_true(f->err.retry_after_s > 0);
    gate_open();
    fixture_close(f); // drains: everything accepted is done
    fixture_open(f);
    assert_true(str_eq(read_fact(f, "q"), S("v")));
}

// --- Disk full (SQLite) ---------------------------------------------------------------------------

static bool limit_pages(struct tx *tx, void *arg, struct err *err)
{
    (void)err;
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA max_page_count = %d", *(int *)arg);
    return sqlite3_exec(conn_sqlite(tx->conn), text, NULL, NULL, NULL) == SQLITE_OK;
}

static void a_full_disk_refuses_only_what_does_not_fit(void **state)
{
    struct fixture *f = *state;
    int now = 1, unlimited = 1 << 30;
    char *big = arena_alloc(f->arena, 1000001);
    memset(big, 'x', 1000000);
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, limit_pages, &now, &f->err)); // no less than it has now
    struct member *members = make_members(f, 30);
    members[11].fact.value = (struct str){big, 1000000};
    hold_writers(f);
    for (int i = 0; i < 30; i++) {
        CHECK_OK(db_post(f->db, WRITE_INTAKE, run_member, note_answer, &members[i], &f->err));
    }
    gate_open();
    expect_answers(30);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(answers.codes[i], i == 11 ? ERR_UNAVAILABLE : ERR_NONE);
        assert_int_equal(str_given(read_fact(f, members[i].fact.key)), i != 11);
    }
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, limit_pages, &unlimited, &f->err));
    CHECK_OK(db_write(f->db, WRITE_INTAKE, write_fact, &members[11].fact, &f->err));
}

// --- Schema ---------------------------------------------------------------------------------------

static void run_raw(struct fixture *f, const char *sql)
{
    if (f->kind == DB_POSTGRES) {
        pg_run(f->url, sql);
        return;
    }
    sqlite3 *handle;
    char *path = str_cstr(f->arena, str_printf(f->arena, "%s/heed.db", f->dir));
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void expect_refusal(struct fixture *f, bool migrate, const char *word)
{
    struct db_settings settings = {
        .data_dir = str_from(f->dir), .url = str_from(f->url), .n_readers = 1, .migrate = migrate};
    assert_false(db_open(&settings, &f->db, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    assert_non_null(strstr(f->err.text, word));
    f->db = NULL;
}

static void a_newer_schema_is_refused_in_words(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    run_raw(f, "INSERT INTO schema_migration VALUES (999, 'future', 'x', 1)");
    expect_refusal(f, true, "newer Heed (schema 999");
}

static void a_changed_schema_file_is_refused(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    run_raw(f, "UPDATE schema_migration SET sha256 = 'other' WHERE version = 1");
    expect_refusal(f, true, "another wording");
}

static void an_empty_database_is_refused_by_who_may_not_make_it(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    if (f->kind == DB_POSTGRES) {
        pg_drop_database(f->url);
        f->url = pg_fresh_database();
    } else {
        snprintf(f->dir + strlen(f->dir), sizeof(f->dir) - strlen(f->dir), "-x");
    }
    expect_refusal(f, false, "no Heed database here");
}

static void *open_and_close(void *arg)
{
    struct fixture *f = arg;
    struct db_settings settings = {
        .data_dir = str_from(f->dir), .url = str_from(f->url), .n_readers = 1, .migrate = true};
    struct db *db = NULL;
    static __thread struct err err;
    if (!db_open(&settings, &db, &err)) {
        return err.text[0] ? strdup(err.text) : strdup("?");
    }
    db_close(db);
    return NULL;
}

static void several_that_start_at_once_make_one_schema(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    if (f->kind == DB_POSTGRES) {
        pg_drop_database(f->url);
        f->url = pg_fresh_database();
    } else {
        snprintf(f->dir + strlen(f->dir), sizeof(f->dir) - strlen(f->dir), "-x");
    }
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, open_and_close, f);
    }
    for (int i = 0; i < 4; i++) {
        void *why;
        pthread_join(threads[i], &why);
        if (why) {
            fail_msg("%s", (char *)why);
        }
    }
    fixture_open(f);
    assert_true(str_eq(read_fact(f, "epoch"), S("1")));
}

// --- Every statement ------------------------------------------------------------------------------

static void every_statement_is_accepted_by_the_database(void **state)
{
    struct fixture *f = *state;
    PGconn *pg = PQconnectdb(f->url);
    int bad = 0;
    for (int i = 0; sql_all[i]; i++) {
        assert_int_equal(sql_all[i]->index, i);
        if (!sql_all[i]->text[DB_POSTGRES] || strncmp(sql_all[i]->text[DB_POSTGRES], "COPY", 4) == 0) {
            continue; // COPY is no statement with arguments
        }
        PGresult *result = PQprepare(pg, sql_all[i]->name, sql_all[i]->text[DB_POSTGRES], 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            print_message("%s: %s", sql_all[i]->name, PQerrorMessage(pg));
            bad++;
        }
        PQclear(result);
        result = PQdescribePrepared(pg, sql_all[i]->name);
        if (PQresultStatus(result) == PGRES_COMMAND_OK && PQnparams(result) != sql_all[i]->n_args) {
            print_message("%s: PostgreSQL sees %d arguments, not %d\n", sql_all[i]->name, PQnparams(result),
                          sql_all[i]->n_args);
            bad++;
        }
        PQclear(result);
    }
    PQfinish(pg);
    assert_int_equal(bad, 0);
}

static void a_lost_connection_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct fact fact = {.key = "lost", .value = S("1")};
    assert_true(str_eq(read_fact(f, "epoch"), S("1")));
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err));
    pg_run(f->url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                   "datname = current_database()");
    // The idle writer notices at BEGIN and takes a fresh connection: nobody has to try again.
    fact.value = S("2");
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err));
    struct conn *conn = db_take(f->db);
    struct str value = STR_NONE;
    if (!db_meta_get(conn, "lost", f->arena, &value, &f->err)) {
        assert_int_equal(f->err.code, ERR_UNAVAILABLE);
        CHECK_OK(db_meta_get(conn, "lost", f->arena, &value, &f->err));
    }
    assert_true(str_eq(value, S("2")));
    db_give(f->db, conn);
}

static void a_server_that_is_away_is_unavailable_and_comes_back(void **state)
{
    struct fixture *f = *state;
    struct fact fact = {.key = "away", .value = S("1")};
    if (getenv("HEED_TEST_POSTGRES")) {
        skip();
    }
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err));
    pg_crash();
    fact.value = S("2");
    assert_false(db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err));
    assert_int_equal(f->err.code, ERR_UNAVAILABLE);
    assert_true(f->err.retry_after_s > 0);
    pg_start_again();
    i64 until = clock_mono() + 15000;
    while (!db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err)) {
        assert_int_equal(f->err.code, ERR_UNAVAILABLE);
        assert_true(clock_mono() < until);
        usleep(50000);
    }
    struct conn *conn = db_take(f->db);
    struct str value = STR_NONE;
    while (!db_meta_get(conn, "away", f->arena, &value, &f->err)) {
        assert_true(clock_mono() < until);
        usleep(50000);
    }
    db_give(f->db, conn);
    assert_true(str_eq(value, S("2")));
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_was_written_is_read_back_whatever_the_kind),
        ON_BOTH(a_broken_unique_is_a_conflict_and_undoes_its_write),
        ON_BOTH(a_missing_row_is_not_found),
        ON_BOTH(a_statement_can_run_inside_the_loop_over_its_own_rows),
        ON_BOTH(more_texts_than_the_cache_holds_are_all_answered),
        ON_BOTH(reads_between_begin_and_end_see_one_snapshot),
        ON_BOTH(a_reading_connection_cannot_write),
        ON_BOTH(one_failing_member_leaves_the_rest_of_its_group_alone),
        ON_BOTH(many_waiting_writes_share_a_commit),
        ON_BOTH(people_go_before_intake),
        ON_BOTH(a_full_queue_says_so_at_once),
        ON_SQLITE(a_full_disk_refuses_only_what_does_not_fit),
        ON_BOTH(a_newer_schema_is_refused_in_words),
        ON_BOTH(a_changed_schema_file_is_refused),
        ON_BOTH(an_empty_database_is_refused_by_who_may_not_make_it),
        ON_BOTH(several_that_start_at_once_make_one_schema),
        ON_POSTGRES(every_statement_is_accepted_by_the_database),
        ON_POSTGRES(a_lost_connection_is_replaced),
        ON_POSTGRES(a_server_that_is_away_is_unavailable_and_comes_back),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
