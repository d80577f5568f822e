// SPDX-License-Identifier: AGPL-3.0-or-later
// A backup made while everything runs is whole, is restored into either database, and says what it had
// to put in doubt. The doctor finds damage that was planted, each kind, and nothing where there is none.
#include "store/backup.h"
#include "store/doctor.h"
#include "store/migrate.h"
#include "store_fixture.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

static const char *const seed_texts[] = {
    "INSERT INTO workspace (id, name, created_at) VALUES (1, 'Kauppa ä 가게', 5)",
    "INSERT INTO agent (id, workspace_id, email, email_key, name, role, created_at) VALUES (4, 1, 'a@b', "
    "'a@b', 'Ada', 'owner', 5)",
    "INSERT INTO channel (id, workspace_id, kind, name, name_key, state, state_since, secret, created_at) "
    "VALUES "
    "(2, 1, 'custom', 'Shop', 'shop', 'active', 5, %s, 5)",
    "INSERT INTO contact (id, workspace_id, name, created_at, updated_at) VALUES (3, 1, 'Zoë', 5, 5)",
    "INSERT INTO conversation (id, workspace_id, channel_id, channel_kind, kind, thread_key, visibility, "
    "contact_id, "
    "waiting_since, assignee_id, created_at, updated_at) VALUES (9, 1, 2, 'custom', 'dm', 't1', 'private', "
    "3, 7, 4, 5, 5)",
    "INSERT INTO message (id, workspace_id, conversation_id, channel_id, external_id, direction, kind, "
    "visibility, origin, "
    "text, created_at, received_at) VALUES (11, 1, 9, 2, 'm1', 'in', 'message', 'private', 'customer', "
    "'tab\there\nline \\ back\\N', 7, 7)",
    "INSERT INTO message (id, workspace_id, conversation_id, channel_id, direction, kind, visibility, "
    "origin, text, "
    "created_at, received_at, send_state) VALUES (12, 1, 9, 2, 'out', 'message', 'private', 'automation', "
    "'x', 8, "
    "8, 'sending')",
    "INSERT INTO message (id, workspace_id, conversation_id, channel_id, direction, kind, visibility, "
    "origin, text, "
    "created_at, received_at, send_state) VALUES (13, 1, 9, 2, 'out', 'message', 'private', 'automation', "
    "'', 8, "
    "8, 'queued')",
    "INSERT INTO outbox (workspace_id, channel_id, conversation_id, message_id, action, client_key, state, "
    "next_at, "
    "lease_until, lease_owner, created_at) VALUES (1, 2, 9, 12, 'send', 'k1', 'sending', 8, 99, 'somebody', "
    "8)",
    "INSERT INTO outbox (workspace_id, channel_id, conversation_id, message_id, action, client_key, state, "
    "next_at, "
    "created_at) VALUES (1, 2, 9, 13, 'send', 'k2', 'queued', 8, 8)",
    "INSERT INTO outbox (workspace_id, channel_id, conversation_id, message_id, action, client_key, state, "
    "next_at, "
    "created_at) VALUES (1, 2, 9, 11, 'like', 'k3', 'queued', 8, 8)",
    "INSERT INTO count_cell VALUES (1, 'open', 2, 0, 1)",
    "INSERT INTO count_cell VALUES (1, 'unanswered', 2, 0, 1)",
    "INSERT INTO count_cell VALUES (1, 'mine:4', 2, 0, 1)",
    "INSERT INTO file (workspace_id, sha256, mime, size, created_at) VALUES (1, 'ab', 'image/png', 4, 5)",
    "INSERT INTO file_part VALUES (1, 'ab', 0, %s)",
};

static bool seed(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(seed_texts); i++) {
        const char *bytes = conn_kind(tx->conn) == DB_SQLITE ? "x'00ff0a09'" : "'\\x00ff0a09'";
        struct str text = str_from(seed_texts[i]);
        i64 at = str_find(text, S("%s"));
        if (at >= 0) {
            text = str_printf(tx->arena, "%.*s%s%s", (int)at, text.ptr, bytes, text.ptr + at + 2);
        }
        struct rows *rows;
        if (!db_query_text(tx->conn, text, DB_NO_ARGS, &rows, err)) {
            return false;
        }
        rows_next(rows);
        if (!rows_end(rows, err)) {
            return false;
        }
    }
    for (int i = 0; i < 5; i++) {
        struct event event = {.workspace_id = 1, .kind = S("x"), .conversation_id = 9};
        if (!log_append(tx, &event, err)) {
            return false;
        }
    }
    return true;
}

static bool no_effect(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    (void)tx;
    (void)err;
    *(i64 *)arg += (i64)events->len;
    return true;
}

static void make_contents(struct fixture *f)
{
    i64 n, seen = 0;
    struct log_reader reader = {.name = "rules", .batch = 3, .run = no_effect, .arg = &seen};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, seed, NULL, &f->err));
    if (f->kind == DB_POSTGRES) { // ids were given by hand
        for (const struct store_table *t = store_tables; t->name; t++) {
            if (t->identity) {
                pg_run(f->url, t->identity->text[DB_POSTGRES]);
            }
        }
    }
    CHECK_OK(log_reader_step(f->db, &reader, &n, &f->err)); // stands behind the third of five
}

static struct str one(struct fixture *f, struct db *db, const char *text)
{
    struct conn *conn = db_take(db);
    struct rows *rows;
    CHECK_OK(db_query_text(conn, str_from(text), DB_NO_ARGS, &rows, &f->err));
    struct str value = rows_next(rows) ? row_str(rows, 0, f->arena) : STR_NONE;
    CHECK_OK(rows_end(rows, &f->err));
    db_give(db, conn);
    return value;
}

static void expect(struct fixture *f, struct db *db, const char *text, const char *want)
{
    struct str got = one(f, db, text);
    if (!str_eq(got, str_from(want))) {
        fail_msg("%s: " STR_FMT " instead of %s", text, STR_ARG(got), want);
    }
}

static char *backup_path(struct fixture *f)
{
    return str_cstr(f->arena, str_printf(f->arena, "%s/backup", f->dir));
}

static struct db_settings target_of(struct fixture *f, enum db_kind kind)
{
    struct db_settings target = {
        .data_dir = str_printf(f->arena, "%s/target", f->dir), .n_readers = 2, .migrate = true};
    if (kind == DB_POSTGRES) {
        target.url = str_from(pg_fresh_database());
    }
    return target;
}

static bool add_event(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    struct event event = {.workspace_id = 1, .kind = S("later")};
    return log_append(tx, &event, err);
}

static void check_restored(struct fixture *f, struct db *db)
{
    expect(f, db, "SELECT name FROM workspace", "Kauppa ä 가게");
    expect(f, db, "SELECT text FROM message WHERE id = 11", "tab\there\nline \\ back\\N");
    expect(f, db, "SELECT text FROM message WHERE id = 13", "");
    assert_false(str_given(one(f, db, "SELECT external_id FROM message WHERE id = 12")));
    assert_true(str_eq(one(f, db, "SELECT secret FROM channel"), ((struct str){"\0\xff\x0a\x09", 4})));
    assert_true(str_eq(one(f, db, "SELECT bytes FROM file_part"), ((struct str){"\0\xff\x0a\x09", 4})));
    expect(f, db, "SELECT state FROM outbox WHERE message_id = 12", "in_doubt");
    expect(f, db, "SELECT lease_owner FROM outbox WHERE message_id = 12", "");
    expect(f, db, "SELECT send_state FROM message WHERE id = 12", "in_doubt");
    expect(f, db, "SELECT state FROM outbox WHERE message_id = 13", "held");
    expect(f, db, "SELECT send_state FROM message WHERE id = 13", "in_doubt");
    expect(f, db, "SELECT state FROM outbox WHERE message_id = 11", "failed"); // a like is nobody's decision
    assert_int_equal(db_epoch(db), 2);
    // The reader goes on where it stood: two of the five events are left, and what comes now.
    i64 n = 0, seen = 0;
    struct log_reader reader = {.name = "rules", .batch = 100, .run = no_effect, .arg = &seen};
    CHECK_OK(db_write(db, WRITE_INTAKE, add_event, NULL, &f->err));
    CHECK_OK(log_reader_step(db, &reader, &n, &f->err));
    assert_int_equal(n, 3);
    // New rows get new ids.
    struct conn *conn = db_take(db);
    struct log_cursor tail;
    CHECK_OK(log_tail(conn, &tail, &f->err));
    db_give(db, conn);
    assert_int_equal(tail.epoch, 2);
    assert_int_equal(tail.id, 6);
}

static void restore_into(struct fixture *f, enum db_kind kind)
{
    struct backup_summary made = {0};
    struct restore_summary sum = {0};
    struct db_settings target = target_of(f, kind);
    struct db *db;
    make_contents(f);
    CHECK_OK(backup_write(f->db, str_from(backup_path(f)), NULL, &made, &f->err));
    assert_int_equal(made.messages, 3);
    assert_int_equal(made.events, 5);
    struct stat st;
    assert_int_equal(stat(backup_path(f), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    CHECK_OK(restore_read(&target, str_from(backup_path(f)), NULL, &sum, &f->err));
    assert_int_equal(sum.in_doubt, 1);
    assert_int_equal(sum.held, 1);
    assert_int_equal(sum.workspaces, 1);
    assert_int_equal(sum.epoch, 2);
    CHECK_OK(db_open(&target, &db, &f->err));
    check_restored(f, db);
    // Now it holds something.
    db_close(db);
    assert_false(restore_read(&target, str_from(backup_path(f)), NULL, &sum, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    // And moves back: into the other kind, from what was restored.
    CHECK_OK(db_open(&target, &db, &f->err));
    struct db_settings back = target_of(f, kind == DB_SQLITE ? DB_POSTGRES : DB_SQLITE);
    back.data_dir = str_printf(f->arena, "%s/back", f->dir);
    struct str second = str_printf(f->arena, "%s/second", f->dir);
    CHECK_OK(backup_write(db, second, NULL, &made, &f->err));
    db_close(db);
    CHECK_OK(restore_read(&back, second, NULL, &sum, &f->err));
    assert_int_equal(sum.epoch, 3);
    assert_int_equal(sum.in_doubt, 0);
    assert_int_equal(sum.held, 0);
    CHECK_OK(db_open(&back, &db, &f->err));
    i64 n = 0, seen = 0;
    struct log_reader reader = {.name = "rules", .batch = 100, .run = no_effect, .arg = &seen};
    CHECK_OK(log_reader_step(db, &reader, &n, &f->err));
    assert_int_equal(n, 0);
    CHECK_OK(db_write(db, WRITE_INTAKE, add_event, NULL, &f->err));
    CHECK_OK(log_reader_step(db, &reader, &n, &f->err));
    assert_int_equal(n, 1);
    db_close(db);
    struct db_settings *used[] = {&target, &back};
    for (int i = 0; i < 2; i++) {
        if (str_given(used[i]->url)) {
            pg_drop_database(used[i]->url.ptr);
        }
    }
}

static void a_backup_is_restored_into_sqlite(void **state)
{
    restore_into(*state, DB_SQLITE);
}

static void a_backup_is_restored_into_postgresql(void **state)
{
    restore_into(*state, DB_POSTGRES);
}

static void a_backup_never_overwrites(void **state)
{
    struct fixture *f = *state;
    struct backup_summary made;
    CHECK_OK(backup_write(f->db, str_from(backup_path(f)), NULL, &made, &f->err));
    assert_false(backup_write(f->db, str_from(backup_path(f)), NULL, &made, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
}

static atomic_bool stop;

// Pairs that are written together: a backup that has one without the other is torn.
static bool write_pair(struct tx *tx, void *arg, struct err *err)
{
    struct str text = str_printf(tx->arena, "%d", *(int *)arg);
    return db_meta_set(tx, "left", text, err) && db_meta_set(tx, "right", text, err) &&
           add_event(tx, NULL, err);
}

static void *write_pairs(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; !atomic_load(&stop); i++) {
        struct err err;
        if (!db_write(f->db, WRITE_INTAKE, write_pair, &i, &err)) {
            return NULL;
        }
    }
    return f;
}

static void a_backup_beside_a_busy_writer_is_one_moment(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    atomic_store(&stop, false);
    pthread_create(&thread, NULL, write_pairs, f);
    for (int i = 0; i < 5; i++) {
        struct backup_summary made;
        struct str path = str_printf(f->arena, "%s/b%d", f->dir, i);
        usleep(20000);
        CHECK_OK(backup_write(f->db, path, NULL, &made, &f->err));
        sqlite3 *handle;
        sqlite3_stmt *stmt;
        assert_int_equal(sqlite3_open(path.ptr, &handle), SQLITE_OK);
        assert_int_equal(
            sqlite3_prepare_v2(
                handle,
                "SELECT (SELECT value FROM meta WHERE key = 'left') IS (SELECT value FROM meta WHERE "
                "key = 'right'), coalesce((SELECT value + 1 FROM meta WHERE key = 'left'), 0) = "
                "(SELECT count(*) FROM event)",
                -1, &stmt, NULL),
            SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), 1);
        assert_int_equal(sqlite3_column_int(stmt, 1), 1);
        sqlite3_finalize(stmt);
        sqlite3_close(handle);
    }
    atomic_store(&stop, true);
    void *ok;
    pthread_join(thread, &ok);
    assert_non_null(ok);
}

static void expect_bad_backup(struct fixture *f, const char *word)
{
    struct db_settings target = target_of(f, DB_SQLITE);
    struct restore_summary sum;
    assert_false(restore_read(&target, str_from(backup_path(f)), NULL, &sum, &f->err));
    assert_int_equal(f->err.code, ERR_INVALID);
    if (!strstr(f->err.text, word)) {
        fail_msg("%s", f->err.text);
    }
    assert_int_equal(access(str_cstr(f->arena, str_printf(f->arena, "%s/target/heed.db", f->dir)), F_OK), -1);
}

static void what_is_no_backup_or_a_damaged_one_is_refused(void **state)
{
    struct fixture *f = *state;
    struct backup_summary made;
    expect_bad_backup(f, "cannot be read");
    FILE *file = fopen(backup_path(f), "w");
    fputs("hello", file);
    fclose(file);
    expect_bad_backup(f, "not a Heed backup");
    unlink(backup_path(f));
    make_contents(f);
    CHECK_OK(backup_write(f->db, str_from(backup_path(f)), NULL, &made, &f->err));
    file = fopen(backup_path(f), "r+");
    for (long at = 5000; at < made.bytes; at += 4096) {
        fseek(file, at, SEEK_SET);
        fputs("damage damage damage damage", file);
    }
    fclose(file);
    expect_bad_backup(f, "");
}

static void a_restore_waits_for_no_running_server(void **state)
{
    struct fixture *f = *state;
    struct backup_summary made;
    struct restore_summary sum;
    struct db_settings here = {.data_dir = str_from(f->dir)};
    CHECK_OK(backup_write(f->db, str_from(backup_path(f)), NULL, &made, &f->err));
    assert_false(restore_read(&here, str_from(backup_path(f)), NULL, &sum, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    assert_non_null(strstr(f->err.text, "stop it first"));
}

// --- Doctor ---------------------------------------------------------------------------------------

struct findings {
    char text[8192];
    size_t len;
};

static void note(void *arg, bool damage, struct str sentence)
{
    struct findings *f = arg;
    if (damage && f->len + sentence.len + 2 < sizeof(f->text)) {
        f->len +=
            (size_t)snprintf(f->text + f->len, sizeof(f->text) - f->len, STR_FMT "\n", STR_ARG(sentence));
    }
}

static struct findings examine(struct fixture *f)
{
    struct findings findings = {0};
    struct doctor doctor = {.found = note, .arg = &findings};
    struct db_settings here = {.data_dir = str_from(f->dir), .url = str_from(f->url)};
    CHECK_OK(doctor_run(&here, &doctor, &f->err));
    assert_int_equal(doctor.n_damages > 0, findings.len > 0);
    return findings;
}

static void run_raw(struct fixture *f, const char *sql)
{
    if (f->kind == DB_POSTGRES) {
        pg_run(f->url, sql);
        return;
    }
    sqlite3 *handle;
    char *why = NULL;
    char *path = str_cstr(f->arena, str_printf(f->arena, "%s/heed.db", f->dir));
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
    sqlite3_close(handle);
}

static void expect_damage(struct fixture *f, const char *harm, const char *heal, const char *word)
{
    run_raw(f, harm);
    struct findings findings = examine(f);
    if (!strstr(findings.text, word)) {
        fail_msg("after %s: %s", harm, findings.text);
    }
    run_raw(f, heal);
    findings = examine(f);
    if (findings.len) {
        fail_msg("after %s: %s", heal, findings.text);
    }
}

static void the_doctor_names_each_planted_damage_and_no_other(void **state)
{
    struct fixture *f = *state;
    make_contents(f);
    struct findings findings = examine(f);
    if (findings.len) {
        fail_msg("%s", findings.text);
    }
    expect_damage(f, "UPDATE count_cell SET n = 5 WHERE folder = 'unanswered'",
                  "UPDATE count_cell SET n = 1 WHERE folder = 'unanswered'",
                  "unanswered in workspace 1 (channel 2, team 0) says 5, but there are 1");
    expect_damage(f, "DELETE FROM count_cell WHERE folder = 'mine:4'",
                  "INSERT INTO count_cell VALUES (1, 'mine:4', 2, 0, 1)", "folder mine:4");
    expect_damage(f, "UPDATE file SET size = 5", "UPDATE file SET size = 4",
                  "File ab of workspace 1 should have 5 bytes, its parts have 4");
    expect_damage(f, "UPDATE file_part SET sha256 = 'cd'", "UPDATE file_part SET sha256 = 'ab'",
                  "belongs to no file");
    expect_damage(f, "UPDATE message SET workspace_id = 2 WHERE id = 11",
                  "UPDATE message SET workspace_id = 1 WHERE id = 11", "Message 11 is in workspace 2");
    expect_damage(f, "UPDATE outbox SET state = 'cancelled' WHERE message_id = 13",
                  "UPDATE outbox SET state = 'queued' WHERE message_id = 13", "Message 13 waits to be sent");
    expect_damage(f, "DROP INDEX conversation_urgent",
                  "CREATE INDEX conversation_urgent ON conversation (workspace_id, urgent_at, id) WHERE "
                  "status = 'open' AND spam = 0",
                  "conversation_urgent");
    expect_damage(f, "UPDATE conversation SET waiting_since = 6", "UPDATE conversation SET waiting_since = 7",
                  "says that it waits since 6, its messages say since 7");
    expect_damage(f, "UPDATE reader SET epoch = 7", "UPDATE reader SET epoch = 1", "Reader rules");
    expect_damage(f, "UPDATE schema_migration SET sha256 = sha256 || 'x' WHERE version = 1",
                  "UPDATE schema_migration SET sha256 = substr(sha256, 1, 64) WHERE version = 1",
                  "another wording");
    if (f->kind == DB_SQLITE) {
        expect_damage(f, "UPDATE reader SET position = 99", "UPDATE reader SET position = 3",
                      "ahead of the log, which ends at 5");
        expect_damage(f, "UPDATE conversation SET channel_id = 77 WHERE id = 9",
                      "UPDATE conversation SET channel_id = 2 WHERE id = 9", "points to a row of channel");
    }
}

static void the_doctor_names_a_damaged_file(void **state)
{
    struct fixture *f = *state;
    make_contents(f);
    fixture_close(f);
    char *path = str_cstr(f->arena, str_printf(f->arena, "%s/heed.db", f->dir));
    FILE *file = fopen(path, "r+");
    struct stat st;
    stat(path, &st);
    for (long at = st.st_size / 8192 * 4096; at < st.st_size; at += 4096) { // the heads of the later pages
        fseek(file, at, SEEK_SET);
        fputs("damage damage damage damage", file);
    }
    fclose(file);
    struct findings findings = examine(f);
    if (!strstr(findings.text, "damaged")) {
        fail_msg("%s", findings.text);
    }
    file = fopen(path, "w");
    fputs("this is not a database at all", file);
    fclose(file);
    findings = examine(f);
    assert_true(findings.len > 0);
    unlink(path);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_backup_is_restored_into_sqlite),
        ON_BOTH(a_backup_is_restored_into_postgresql),
        ON_BOTH(a_backup_never_overwrites),
        ON_BOTH(a_backup_beside_a_busy_writer_is_one_moment),
        ON_SQLITE(what_is_no_backup_or_a_damaged_one_is_refused),
        ON_SQLITE(a_restore_waits_for_no_running_server),
        ON_BOTH(the_doctor_names_each_planted_damage_and_no_other),
        ON_SQLITE(the_doctor_names_a_damaged_file),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
