// SPDX-License-Identifier: AGPL-3.0-or-later
// Renewing a session: one at a time over all threads, the others take it over; what is renewed is sealed on
// disk before it is used; a refusal tells the channel once, with the reason, and never undoes a person's
// stop.
#include "desk_fixture.h"
#include "jobs/network.h"
#include "jobs/owners.h"
#include "receiver.h"
#include "sql_gen.h"

enum { THREADS = 24 };

struct rig {
    struct desk desk;
    struct receiver *receiver;
    struct outbound_client *client;
};

static struct rig make(void **state)
{
    struct rig rig = {.desk = desk_make(state), .receiver = receiver_start()};
    struct fixture *f = rig.desk.f;
    struct str_list hosts = {};
    *list_push(&hosts, f->arena) = str_printf(f->arena, "127.0.0.1:%d", rig.receiver->port);
    struct client_settings settings = {.allow_hosts = &hosts, .user_agent = S("Heed/test")};
    CHECK_OK(client_start(&settings, &rig.client, &f->err));
    rig.desk.jobs.client = rig.client;
    return rig;
}

static void drop(struct rig *rig)
{
    client_stop(rig->client);
    receiver_stop(rig->receiver);
    desk_end(&rig->desk);
}

static enum step_result ask(struct step *step, int port, const char *what)
{
    step->request = (struct net_request){
        .method = S("POST"), .url = str_printf(step->arena, "http://127.0.0.1:%d/", port), .body = S("{}")};
    *list_push(&step->request.headers, step->arena) = (struct net_header){S("webhook-id"), str_from(what)};
    return STEP_REQUEST;
}

// An operation with a session as drivers have them: renew when it is not "new", then use it.
struct trying {
    int port;
    bool refused;
};

static enum step_result operation(struct step *step, const void *arg)
{
    const struct trying *t = arg;
    const char *doing = step->state;
    bool fresh = str_eq(json_str(json_at(step->channel->session, "token")), S("new"));
    step->renew = false;
    if (step->renewed) {
        step->renewed = false;
        step->state = (void *)"use";
        return ask(step, t->port, "use");
    }
    if (!doing && !fresh) {
        step->renew = true;
        step->state = (void *)"renew";
        return ask(step, t->port, "renew");
    }
    if (doing && strcmp(doing, "renew") == 0) {
        if (t->refused) {
            snprintf(step->reason, sizeof step->reason, "It was taken back.");
            return STEP_REAUTH;
        }
        step->keep_session = S("{\"token\":\"new\"}");
        step->state = (void *)"use";
        return ask(step, t->port, "use");
    }
    if (!doing) {
        step->state = (void *)"use";
        return ask(step, t->port, "use");
    }
    return STEP_DONE;
}

struct worker_arg {
    struct rig *rig;
    pthread_barrier_t *all_open;
    struct trying trying;
    enum step_result result;
};

static void *work(void *arg)
{
    struct worker_arg *w = arg;
    struct arena *arena = arena_create();
    struct network_run run;
    struct step step = {.arena = arena};
    struct err err;
    bool ok =
        network_open(&run, &w->rig->desk.jobs, w->rig->desk.workspace, w->rig->desk.channel, arena, &err);
    pthread_barrier_wait(w->all_open);
    if (ok)
        w->result = network_go(&run, &step, operation, &w->trying);
    arena_destroy(arena);
    return NULL;
}

static void run_all(struct rig *rig, struct worker_arg *args, int n, bool refused)
{
    pthread_t threads[THREADS];
    pthread_barrier_t all_open;
    pthread_barrier_init(&all_open, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        args[i] = (struct worker_arg){.rig = rig,
                                      .all_open = &all_open,
                                      .trying = {rig->receiver->port, refused},
                                      .result = STEP_REQUEST};
        pthread_create(&threads[i], NULL, work, &args[i]);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_open);
}

static int heard(struct receiver *r, const char *what)
{
    int n = 0;
    for (int i = 0; i < r->n_heard; i++)
        n += strcmp(r->heard[i].id, what) == 0;
    return n;
}

static struct channel_row row_of(struct rig *rig)
{
    struct fixture *f = rig->desk.f;
    struct channel_row row = {};
    struct conn *conn = db_take(f->db);
    CHECK_OK(channel_load(conn, rig->desk.workspace, rig->desk.channel, f->arena, &row, &f->err));
    db_give(f->db, conn);
    return row;
}

static void many_at_once_renew_a_session_once(void **state)
{
    struct rig rig = make(state);
    struct fixture *f = rig.desk.f;
    struct worker_arg args[THREADS];
    run_all(&rig, args, THREADS, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(args[i].result, STEP_DONE);
    assert_int_equal(heard(rig.receiver, "renew"), 1);
    assert_int_equal(heard(rig.receiver, "use"), THREADS);
    struct channel_row row = row_of(&rig);
    struct channel_view view;
    assert_true(row.session.len > 0 && str_find(row.session, S("new")) < 0); // sealed
    CHECK_OK(channel_view_open(&row, rig.desk.key, clock_now(), f->arena, &view, &f->err));
    assert_true(str_eq(json_str(json_at(view.session, "token")), S("new")));
    run_all(&rig, args, 2, false); // it is used from now on
    assert_int_equal(heard(rig.receiver, "renew"), 1);
    drop(&rig);
}

static void a_refusal_is_told_once_with_its_reason(void **state)
{
    struct rig rig = make(state);
    struct worker_arg args[THREADS];
    int reauth = 0;
    run_all(&rig, args, 8, true);
    for (int i = 0; i < 8; i++) {
        assert_true(args[i].result == STEP_REAUTH || args[i].result == STEP_RETRY);
        reauth += args[i].result == STEP_REAUTH;
    }
    assert_int_equal(reauth, 1);
    assert_int_equal(heard(rig.receiver, "renew"), 1);
    struct channel_row row = row_of(&rig);
    assert_true(str_eq(row.state, S("reauth")));
    assert_true(str_eq(row.state_reason, S("It was taken back.")));
    drop(&rig);
}

static bool stop_write(struct tx *tx, void *arg, struct err *err)
{
    const struct rig *rig = arg;
    return channel_set_state(tx, rig->desk.workspace, rig->desk.channel, S("disabled"), S(""), err);
}

static void a_channel_that_a_person_stopped_stays_stopped(void **state)
{
    struct rig rig = make(state);
    struct fixture *f = rig.desk.f;
    struct worker_arg args[THREADS];
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, stop_write, &rig, &f->err));
    run_all(&rig, args, 1, true);
    assert_int_equal(args[0].result, STEP_REAUTH);
    assert_true(str_eq(row_of(&rig).state, S("disabled")));
    drop(&rig);
}

static enum step_result for_ever(struct step *step, const void *arg)
{
    const struct trying *t = arg;
    return ask(step, t->port, "more");
}

static void an_operation_that_never_ends_is_ended(void **state)
{
    struct rig rig = make(state);
    struct fixture *f = rig.desk.f;
    struct trying trying = {.port = rig.receiver->port};
    struct network_run run;
    struct step step = {.arena = f->arena};
    CHECK_OK(network_open(&run, &rig.desk.jobs, rig.desk.workspace, rig.desk.channel, f->arena, &f->err));
    run.requests = 395;
    assert_int_equal(network_go(&run, &step, for_ever, &trying), STEP_RETRY);
    assert_int_equal(heard(rig.receiver, "more"), 5);
    run.requests = 0;
    run.deadline = clock_mono() - 1;
    assert_int_equal(network_go(&run, &step, for_ever, &trying), STEP_RETRY);
    drop(&rig);
}

struct stream {
    struct desk *desk;
    i64 channel, next_at, failures;
    const char *name;
};

static bool make_stream(struct tx *tx, void *arg, struct err *err)
{
    const struct stream *s = arg;
    return db_exec(tx->conn, &SQL_channel_cursor_put,
                   DB_ARGS(db_i64(s->desk->workspace), db_i64(s->channel), db_str(str_from(s->name)),
                           db_i64(s->next_at)),
                   NULL, err) &&
           db_exec(tx->conn, &SQL_channel_cursor_fail,
                   DB_ARGS(db_i64(s->next_at), db_i64(s->failures), db_i64(s->desk->workspace),
                           db_i64(s->channel), db_str(str_from(s->name)), db_i64(0)),
                   NULL, err);
}

static void a_crowd_that_fails_hides_no_stream_that_is_well(void **state)
{
    struct rig rig = make(state);
    struct fixture *f = rig.desk.f;
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        struct stream failing = {&rig.desk, rig.desk.channel, 1 + i, 3, name};
        CHECK_OK(db_write(f->db, WRITE_INTAKE, make_stream, &failing, &f->err));
    }
    struct stream well = {&rig.desk, rig.desk.channel, 5000, 0, "well"};
    CHECK_OK(db_write(f->db, WRITE_INTAKE, make_stream, &well, &f->err));

    struct conn *conn = db_take(f->db);
    struct rows *rows;
    int n = 0;
    CHECK_OK(
        db_query(conn, &SQL_channel_cursor_due, DB_ARGS(db_i64(clock_now()), db_i64(16)), &rows, &f->err));
    for (; rows_next(rows); n++) {
        if (n == 0)
            assert_true(str_eq(row_str(rows, 2, f->arena), S("well")));
    }
    CHECK_OK(rows_end(rows, &f->err));
    db_give(f->db, conn);
    assert_int_equal(n, 17); // and of those that fail no more than asked for
    drop(&rig);
}

struct lost_lease {
    struct desk *desk;
    i64 taken;
};

static bool lease_of_the_dead(struct tx *tx, void *arg, struct err *err)
{
    struct lost_lease *l = arg;
    return db_exec(tx->conn, &SQL_channel_cursor_lease_put,
                   DB_ARGS(db_i64(l->desk->workspace), db_i64(l->desk->channel), db_str(S("#session")),
                           db_i64(tx->now + 60000), db_str(S("00000000deadbeef")), db_i64(tx->now)),
                   &l->taken, err);
}

// Its process was killed: nobody holds its lock any more.
static void a_lease_on_a_stream_ends_soon_after_its_process(void **state)
{
    struct rig rig = make(state);
    struct fixture *f = rig.desk.f;
    struct owners owners = {};
    struct delivery_channels none = {};
    struct lost_lease first = {&rig.desk, 0}, second = {&rig.desk, 0};
    CHECK_OK(db_write(f->db, WRITE_INTAKE, lease_of_the_dead, &first, &f->err));
    assert_int_equal(first.taken, 1);
    i64 began = clock_mono();
    while (second.taken == 0 && clock_mono() - began < 15000) {
        struct conn *conn = db_take(f->db);
        CHECK_OK(owners_look(&owners, f->db, conn, &none, &f->err));
        db_give(f->db, conn);
        CHECK_OK(db_write(f->db, WRITE_INTAKE, lease_of_the_dead, &second, &f->err));
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    assert_int_equal(second.taken, 1);
    drop(&rig);
}

static void a_channel_sealed_with_another_key_is_not_opened(void **state)
{
    struct rig rig = make(state);
    struct fixture *f = rig.desk.f;
    struct network_run run;
    char path[128];
    struct key *other;
    snprintf(path, sizeof path, "%s/other-key", f->dir);
    CHECK_OK(crypto_key_make(path, &other, &f->err));
    struct jobs_settings jobs = rig.desk.jobs;
    jobs.key = other;
    assert_false(network_open(&run, &jobs, rig.desk.workspace, rig.desk.channel, f->arena, &f->err));
    assert_int_equal(f->err.code, ERR_CONFLICT);
    crypto_key_destroy(other);
    drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(many_at_once_renew_a_session_once),
        ON_BOTH(a_refusal_is_told_once_with_its_reason),
        ON_BOTH(a_channel_that_a_person_stopped_stays_stopped),
        ON_BOTH(an_operation_that_never_ends_is_ended),
        ON_BOTH(a_crowd_that_fails_hides_no_stream_that_is_well),
        ON_POSTGRES(a_lease_on_a_stream_ends_soon_after_its_process),
        ON_BOTH(a_channel_sealed_with_another_key_is_not_opened),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
