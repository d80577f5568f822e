// SPDX-License-Identifier: AGPL-3.0-or-later
// The event log: nothing is skipped, nothing is handled twice, whoever commits or dies in whatever order.
#include "store_fixture.h"
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static bool append(struct tx *tx, void *arg, struct err *err)
{
    int n = *(int *)arg;
    for (int i = 0; i < n; i++) {
        struct event event = {.workspace_id = 1, .kind = S("message.created"), .conversation_id = i + 1};
        if (!log_append(tx, &event, err)) {
            return false;
        }
    }
    return true;
}

static void append_events(struct fixture *f, int n)
{
    CHECK_OK(db_write(f->db, WRITE_INTAKE, append, &n, &f->err));
}

static size_t read_after(struct fixture *f, struct log_cursor *cursor, struct event_list *out)
{
    struct conn *conn = db_take(f->db);
    size_t before = out->len;
    CHECK_OK(log_read(conn, cursor, 1000, f->arena, out, &f->err));
    db_give(f->db, conn);
    return out->len - before;
}

static void events_are_read_in_order_and_once(void **state)
{
    struct fixture *f = *state;
    struct log_cursor cursor = {0}, tail, parsed;
    struct event_list events = {0};
    append_events(f, 3);
    append_events(f, 2);
    assert_int_equal(read_after(f, &cursor, &events), 5);
    assert_int_equal(read_after(f, &cursor, &events), 0);
    assert_int_equal(events.items[4].conversation_id, 2);
    assert_true(str_eq(events.items[0].data, S("{}")));
    assert_int_equal(events.items[0].epoch, 1);
    assert_true(events.items[0].at > 1700000000000);
    struct conn *conn = db_take(f->db);
    CHECK_OK(log_tail(conn, &tail, &f->err));
    db_give(f->db, conn);
    assert_memory_equal(&tail, &cursor, sizeof(tail));
    assert_true(log_cursor_parse(log_cursor_format(f->arena, cursor), &parsed));
    assert_memory_equal(&parsed, &cursor, sizeof(parsed));
    append_events(f, 1);
    assert_int_equal(read_after(f, &parsed, &events), 1);
}

static void a_cursor_that_is_none_is_refused(void **state)
{
    (void)state;
    struct log_cursor cursor;
    const char *bad[] = {"",      "1",      "1.2",  "1.2.",   "1.2.3.4",
                         "a.b.c", "-1.0.0", "1..2", "1.2.3 ", "99999999999999999999.1.1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(log_cursor_parse(str_from(bad[i]), &cursor));
    }
}

static bool append_and_fail(struct tx *tx, void *arg, struct err *err)
{
    return append(tx, arg, err) && err_set(err, ERR_INVALID, "wanted");
}

static void a_failed_write_leaves_no_event(void **state)
{
    struct fixture *f = *state;
    struct log_cursor cursor = {0};
    struct event_list events = {0};
    int n = 3;
    assert_false(db_write(f->db, WRITE_PEOPLE, append_and_fail, &n, &f->err));
    assert_int_equal(read_after(f, &cursor, &events), 0);
}

static _Atomic int wakes;

static void count_wake(void *arg)
{
    (void)arg;
    atomic_fetch_add(&wakes, 1);
}

static void watchers_in_other_processes_are_woken(void **state)
{
    struct fixture *f = *state;
    struct db *other;
    struct db_settings settings = {
        .data_dir = str_from(f->dir), .url = str_from(f->url), .n_readers = 1, .migrate = true};
    CHECK_OK(db_open(&settings, &other, &f->err));
    usleep(1200 * 1000); // let the start settle: PostgreSQL's listener wakes all when it connects
    atomic_store(&wakes, 0);
    log_watch(other, count_wake, NULL);
    append_events(f, 1);
    i64 until = clock_mono() + 2000;
    while (atomic_load(&wakes) == 0 && clock_mono() < until) {
        usleep(2000);
    }
    assert_true(atomic_load(&wakes) > 0);
    db_close(other);
}

// --- Out of order on PostgreSQL -------------------------------------------------------------------

static void do_sql(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    }
    PQclear(result);
}

#define ADD_EVENT "INSERT INTO event (epoch, workspace_id, at, kind) VALUES (1, 1, 1, 'x')"

static void an_event_that_commits_late_is_not_skipped(void **state)
{
    struct fixture *f = *state;
    struct log_cursor cursor = {0};
    struct event_list events = {0};
    PGconn *slow = PQconnectdb(f->url);
    do_sql(slow, "BEGIN");
    do_sql(slow, ADD_EVENT); // the lower id, committed last
    append_events(f, 2);
    // A reader by id would see 2 and 3 now, move behind them and never see 1.
    assert_int_equal(pg_number(f->url, "SELECT min(id) FROM event"), 2);
    assert_int_equal(read_after(f, &cursor, &events), 0);
    do_sql(slow, "COMMIT");
    assert_int_equal(read_after(f, &cursor, &events), 3);
    assert_int_equal(events.items[0].id, 1);
    PQfinish(slow);
}

static void a_higher_id_with_a_lower_transaction_is_not_skipped(void **state)
{
    struct fixture *f = *state;
    struct log_cursor cursor = {0};
    struct event_list events = {0};
    PGconn *slow = PQconnectdb(f->url);
    do_sql(slow, "BEGIN");
    do_sql(slow, "SELECT pg_current_xact_id()"); // the lower xid
    append_events(f, 1);                         // id 1
    do_sql(slow, ADD_EVENT);                     // id 2
    assert_int_equal(read_after(f, &cursor, &events), 0);
    do_sql(slow, "COMMIT");
    assert_int_equal(read_after(f, &cursor, &events), 2);
    assert_int_equal(events.items[0].id, 2);
    assert_int_equal(events.items[1].id, 1);
    assert_int_equal(read_after(f, &cursor, &events), 0);
    PQfinish(slow);
}

static void a_database_from_another_cluster_begins_a_new_epoch(void **state)
{
    struct fixture *f = *state;
    struct log_cursor cursor = {0}, middle;
    struct event_list events = {0};
    append_events(f, 2);
    assert_int_equal(read_after(f, &cursor, &events), 2);
    middle = cursor;
    append_events(f, 1);
    fixture_close(f);
    // Transaction numbers of a cluster that had run for long, beside a young one's.
    pg_run(
        f->url,
        "UPDATE event SET xid = CAST(CAST(CAST(CAST(xid AS TEXT) AS BIGINT) + 900000000 AS TEXT) AS xid8)");
    pg_run(f->url, "UPDATE meta SET value = '1' WHERE key = 'cluster'");
    fixture_open(f);
    assert_int_equal(db_epoch(f->db), 2);
    middle.xid += 900000000;
    append_events(f, 3);
    assert_int_equal(read_after(f, &middle, &events), 4);
    assert_int_equal(events.items[2].epoch, 1);
    assert_int_equal(events.items[5].epoch, 2);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(db_epoch(f->db), 2);
    assert_int_equal(read_after(f, &middle, &events), 0);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void a_reader_among_interleaved_transactions_sees_each_event_once(void **state)
{
    enum { CONNS = 8, STEPS = 1500 };
    struct fixture *f = *state;
    struct log_cursor cursor = {0};
    struct event_list events = {0};
    PGconn *pg[CONNS];
    bool open[CONNS] = {0};
    unsigned seed = 7;
    for (int i = 0; i < CONNS; i++) {
        pg[i] = PQconnectdb(f->url);
    }
    for (int step = 0; step < STEPS; step++) {
        unsigned c = next_random(&seed) % CONNS, what = next_random(&seed) % 8;
        if (!open[c]) {
            do_sql(pg[c], "BEGIN");
            open[c] = true;
        } else if (what < 5) {
            do_sql(pg[c], what == 0 ? "SELECT pg_current_xact_id()" : ADD_EVENT);
        } else {
            do_sql(pg[c], what == 5 ? "ROLLBACK" : "COMMIT");
            open[c] = false;
        }
        if (step % 7 == 0) {
            read_after(f, &cursor, &events);
        }
    }
    for (int i = 0; i < CONNS; i++) {
        PQfinish(pg[i]); // what is open is rolled back
    }
    i64 until = clock_mono() + 5000;
    long long count = pg_number(f->url, "SELECT count(*) FROM event");
    while ((long long)events.len < count && clock_mono() < until) {
        read_after(f, &cursor, &events);
    }
    assert_int_equal(events.len, count);
    assert_true(count > 200);
    // All different, and at least one pair out of id order, else the test showed nothing.
    bool *seen = arena_array(f->arena, bool, 10000);
    bool out_of_order = false;
    for (size_t i = 0; i < events.len; i++) {
        assert_false(seen[events.items[i].id]);
        seen[events.items[i].id] = true;
        out_of_order = out_of_order || (i > 0 && events.items[i].id < events.items[i - 1].id);
    }
    assert_true(out_of_order);
}

// --- Readers that write ---------------------------------------------------------------------------

static _Atomic int fail_every; // every n-th batch fails after its effect

// The effect: one row per event; a second one for the same event is a conflict.
static bool note_events(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    static _Atomic int runs;
    const char *text[2] = {"INSERT INTO meta (key, value) VALUES (?1, '')",
                           "INSERT INTO meta (key, value) VALUES ($1, '')"};
    for (size_t i = 0; i < events->len; i++) {
        const struct event *e = &events->items[i];
        struct str key = str_printf(tx->arena, "seen:%lld:%lld:%lld", (long long)e->epoch, (long long)e->xid,
                                    (long long)e->id);
        struct rows *rows;
        if (!db_query_text(tx->conn, str_from(text[conn_kind(tx->conn)]), DB_ARGS(db_str(key)), &rows, err)) {
            return false;
        }
        rows_next(rows);
        if (!rows_end(rows, err)) {
            return false;
        }
    }
    if (arg) {
        usleep(*(useconds_t *)arg);
    }
    int every = atomic_load(&fail_every);
    return !every || atomic_fetch_add(&runs, 1) % every != every - 1 || err_set(err, ERR_INVALID, "wanted");
}

static i64 count_seen(struct fixture *f)
{
    struct conn *conn = db_take(f->db);
    struct rows *rows;
    CHECK_OK(db_query_text(conn, S("SELECT count(*) FROM meta WHERE key LIKE 'seen:%'"), DB_NO_ARGS, &rows,
                           &f->err));
    assert_true(rows_next(rows));
    i64 n = row_i64(rows, 0);
    CHECK_OK(rows_end(rows, &f->err));
    db_give(f->db, conn);
    return n;
}

static void a_reader_that_fails_midway_acts_once_on_each_event(void **state)
{
    struct fixture *f = *state;
    struct log_reader reader = {.name = "test", .batch = 3, .run = note_events};
    int wanted = 0, steps = 0;
    append_events(f, 40);
    atomic_store(&fail_every, 3);
    for (i64 n = 1; n > 0 && steps < 1000; steps++) {
        if (!log_reader_step(f->db, &reader, &n, &f->err)) {
            assert_int_equal(f->err.code, ERR_INVALID);
            wanted++;
            n = 1;
        }
    }
    atomic_store(&fail_every, 0);
    assert_true(wanted > 2);
    assert_int_equal(count_seen(f), 40);
    append_events(f, 4);
    i64 n;
    CHECK_OK(log_reader_step(f->db, &reader, &n, &f->err));
    assert_int_equal(n, 3);
    CHECK_OK(log_reader_step(f->db, &reader, &n, &f->err));
    assert_int_equal(n, 1);
    assert_int_equal(count_seen(f), 44);
}

// In a process of its own: reads (or writes) until it is killed.
static _Noreturn void read_until_killed(struct fixture *f)
{
    useconds_t pause = 3000; // between the effect and the end of its transaction
    struct log_reader reader = {.name = "test", .batch = 5, .run = note_events, .arg = &pause};
    fixture_open(f);
    for (;;) {
        i64 n = 0;
        if (!log_reader_step(f->db, &reader, &n, &f->err) && f->err.code != ERR_UNAVAILABLE) {
            fprintf(stderr, "reader: %s\n", f->err.text);
            _exit(9);
        }
        if (n == 0) {
            usleep(1000);
        }
    }
}

static void readers_that_are_killed_miss_nothing_and_double_nothing(void **state)
{
    struct fixture *f = *state;
    unsigned seed = 3;
    i64 written = 0;
    for (int round = 0; round < 8; round++) {
        fixture_close(f); // threads don't survive a fork
        pid_t pids[2];
        for (int i = 0; i < 2; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                read_until_killed(f);
            }
        }
        fixture_open(f);
        // Leases of the killed run out by the clock; the shift spares the waiting.
        clock_test_shift(11000);
        for (int i = 0; i < 10; i++) {
            append_events(f, 7);
            written += 7;
            usleep(next_random(&seed) % 20000);
        }
        for (int i = 0; i < 2; i++) {
            int status;
            kill(pids[i], SIGKILL);
            waitpid(pids[i], &status, 0);
            assert_true(WIFSIGNALED(status));
        }
    }
    i64 before = count_seen(f);
    assert_true(before > 0);
    struct log_reader reader = {.name = "test", .batch = 50, .run = note_events};
    clock_test_shift(11000);
    i64 until = clock_mono() + 10000;
    while (count_seen(f) < written && clock_mono() < until) {
        i64 n;
        CHECK_OK(log_reader_step(f->db, &reader, &n, &f->err));
    }
    assert_int_equal(count_seen(f), written);
}

// --- kill -9 --------------------------------------------------------------------------------------

struct ack {
    struct fixture *f;
    int fd, thread, round;
};

static bool write_number(struct tx *tx, void *arg, struct err *err)
{
    struct event event = {.workspace_id = 1, .kind = S("n")};
    char key[32];
    snprintf(key, sizeof(key), "n%d", *(int *)arg);
    return db_meta_set(tx, key, S("1"), err) && log_append(tx, &event, err);
}

static void *write_and_acknowledge(void *arg)
{
    struct ack *ack = arg;
    for (int i = 0;; i++) {
        struct err err;
        int number = ack->round * 1000000 + ack->thread * 100000 + i;
        if (db_write(ack->f->db, ack->thread % 2 ? WRITE_PEOPLE : WRITE_INTAKE, write_number, &number,
                     &err) &&
            write(ack->fd, &number, sizeof(number)) != sizeof(number)) {
            return NULL;
        }
    }
}

static void a_killed_server_has_lost_nothing_it_acknowledged(void **state)
{
    struct fixture *f = *state;
    unsigned seed = 11;
    int total = 0;
    fixture_close(f);
    for (int round = 0; round < 6; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct ack acks[4];
            pthread_t threads[4];
            fixture_open(f);
            for (int i = 0; i < 4; i++) {
                acks[i] = (struct ack){f, fds[1], i, round};
                pthread_create(&threads[i], NULL, write_and_acknowledge, &acks[i]);
            }
            pause();
            _exit(0);
        }
        close(fds[1]);
        int *numbers = arena_array(f->arena, int, 400000);
        int n = 0;
        // Wait for the first answer, then strike at some moment.
        assert_int_equal(read(fds[0], &numbers[n++], sizeof(int)), sizeof(int));
        usleep(20000 + next_random(&seed) % 100000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (n < 400000 && read(fds[0], &numbers[n], sizeof(int)) == sizeof(int)) {
            n++;
        }
        close(fds[0]);
        fixture_open(f);
        struct conn *conn = db_take(f->db);
        for (int i = 0; i < n; i++) {
            struct str value = STR_NONE;
            char key[32];
            snprintf(key, sizeof(key), "n%d", numbers[i]);
            CHECK_OK(db_meta_get(conn, key, f->arena, &value, &f->err));
            if (!str_given(value)) {
                fail_msg("%s was acknowledged and is not there", key);
            }
        }
        db_give(f->db, conn);
        total += n;
        if (round < 5) {
            fixture_close(f);
        }
    }
    assert_true(total > 50);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        ON_BOTH(events_are_read_in_order_and_once),
        cmocka_unit_test(a_cursor_that_is_none_is_refused),
        ON_BOTH(a_failed_write_leaves_no_event),
        ON_BOTH(watchers_in_other_processes_are_woken),
        ON_POSTGRES(an_event_that_commits_late_is_not_skipped),
        ON_POSTGRES(a_higher_id_with_a_lower_transaction_is_not_skipped),
        ON_POSTGRES(a_database_from_another_cluster_begins_a_new_epoch),
        ON_POSTGRES(a_reader_among_interleaved_transactions_sees_each_event_once),
        ON_BOTH(a_reader_that_fails_midway_acts_once_on_each_event),
        ON_BOTH(readers_that_are_killed_miss_nothing_and_double_nothing),
        ON_BOTH(a_killed_server_has_lost_nothing_it_acknowledged),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
