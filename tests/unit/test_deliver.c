// SPDX-License-Identifier: AGPL-3.0-or-later
// The sender against a receiver that behaves as receivers do: slow, broken, rude. On both databases, with
// the real HTTP client: nothing is lost, nothing is sent twice unasked, order within a conversation holds.
#include "desk/delivery.h"
#include "desk_fixture.h"
#include "jobs/deliver.h"
#include "jobs/schedule.h"
#include "receiver.h"

// Ten times as fast: waits for back-off are waits of the wall clock, which tests may move.
static bool fast;
static i64 moved;

static void hurry(void)
{
    if (fast) {
        clock_test_shift(180);
        moved += 180;
    }
}

struct rig {
    struct desk desk;
    struct receiver *receiver;
    struct outbound_client *client;
    struct deliver *deliver;
};

static void rig_allow(struct rig *rig, struct receiver *other)
{
    struct fixture *f = rig->desk.f;
    struct str_list hosts = {};
    *list_push(&hosts, f->arena) = str_printf(f->arena, "127.0.0.1:%d", rig->receiver->port);
    if (other)
        *list_push(&hosts, f->arena) = str_printf(f->arena, "127.0.0.1:%d", other->port);
    struct client_settings settings = {.allow_hosts = &hosts, .user_agent = S("Heed/test")};
    CHECK_OK(client_start(&settings, &rig->client, &f->err));
    rig->desk.jobs.client = rig->client;
}

struct setting {
    struct desk *desk;
    i64 channel;
    struct str json;
};

static bool set_write(struct tx *tx, void *arg, struct err *err)
{
    struct setting *s = arg;
    struct actor all = actor_system(s->desk->workspace);
    struct channel_patch patch = {};
    struct channel_row row = {};
    field_set given = 0;
    return json_decode(s->json, &channel_patch_type, false, tx->arena, &patch, &given, err) &&
           channel_update(tx, &all, s->desk->key, s->channel, &patch, given, &row, err);
}

static void patch_channel(struct rig *rig, i64 channel, struct str json)
{
    struct fixture *f = rig->desk.f;
    struct setting s = {&rig->desk, channel, json};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, set_write, &s, &f->err));
}

static void point(struct rig *rig, i64 channel, struct receiver *receiver, bool idempotent)
{
    patch_channel(
        rig, channel,
        str_printf(rig->desk.f->arena,
                   "{\"settings\":{\"deliver_url\":\"http://127.0.0.1:%d/hook\",\"idempotent\":%s}}",
                   receiver->port, idempotent ? "true" : "false"));
}

static struct rig make(void **state, bool idempotent)
{
    struct rig rig = {.desk = desk_make(state), .receiver = receiver_start()};
    point(&rig, rig.desk.channel, rig.receiver, idempotent);
    return rig;
}

static void start(struct rig *rig)
{
    struct fixture *f = rig->desk.f;
    if (!rig->client)
        rig_allow(rig, NULL);
    CHECK_OK(deliver_start(&rig->desk.jobs, &rig->deliver, &f->err));
    f->threads++;
}

static void stop(struct rig *rig)
{
    if (rig->deliver) {
        deliver_ask_stop(rig->deliver);
        client_stop(rig->client); // whoever still waits for an answer gets none
        assert_true(deliver_join(rig->deliver, clock_mono() + 5000));
        rig->desk.f->threads--;
    }
    receiver_stop(rig->receiver);
    desk_end(&rig->desk);
    clock_test_shift(-moved);
    moved = 0;
    fast = false;
}

static i64 talk(struct rig *rig, const char *thread)
{
    char id[64];
    snprintf(id, sizeof id, "m-%s", thread);
    desk_says(&rig->desk, id, thread, "Where is it?", 1);
    struct conversation_list found = desk_find(&rig->desk, &rig->desk.agent, "is:any");
    i64 newest = 0;
    for (size_t i = 0; i < found.len; i++)
        if (found.items[i].id > newest)
            newest = found.items[i].id;
    return newest;
}

static i64 answer(struct rig *rig, i64 conversation, const char *text)
{
    struct fixture *f = rig->desk.f;
    i64 id = desk_writes(&rig->desk, &rig->desk.agent, conversation, "reply", text);
    CHECK_OK(id > 0);
    return id;
}

static struct message read_message(struct rig *rig, i64 id)
{
    struct fixture *f = rig->desk.f;
    struct message out = {};
    struct actor all = actor_system(rig->desk.workspace);
    struct conn *conn = db_take(f->db);
    CHECK_OK(message_get(conn, &all, id, f->arena, &out, &f->err));
    db_give(f->db, conn);
    return out;
}

static struct channel_row read_channel(struct rig *rig, i64 id)
{
    struct fixture *f = rig->desk.f;
    struct channel_row out = {};
    struct conn *conn = db_take(f->db);
    CHECK_OK(channel_load(conn, rig->desk.workspace, id, f->arena, &out, &f->err));
    db_give(f->db, conn);
    return out;
}

static void nap(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

// Waits until the message is in a state; its row.
static struct message expect(struct rig *rig, i64 id, const char *wanted, int within_ms)
{
    struct message m = {};
    for (i64 end = clock_mono() + within_ms; clock_mono() < end; nap(20), hurry()) {
        m = read_message(rig, id);
        if (str_eq(m.send_state, str_from(wanted)))
            return m;
    }
    fail_msg("message is %.*s (%.*s), not %s", STR_ARG(m.send_state), STR_ARG(m.error), wanted);
    return m;
}

static void expect_channel(struct rig *rig, const char *wanted, int within_ms)
{
    struct channel_row row = {};
    for (i64 end = clock_mono() + within_ms; clock_mono() < end; nap(20), hurry()) {
        row = read_channel(rig, rig->desk.channel);
        if (str_eq(row.state, str_from(wanted)))
            return;
    }
    fail_msg("channel is %.*s (%.*s), not %s", STR_ARG(row.state), STR_ARG(row.state_reason), wanted);
}

static void script(struct receiver *r, const char *a, const char *b, const char *c)
{
    r->posts[0] = a;
    r->posts[1] = b;
    r->posts[2] = c;
    r->n_posts = 1 + !!b + !!c;
}

// ---- All is well ----------------------------------------------------------------------------------
static void answers_of_a_conversation_arrive_once_and_in_order(void **state)
{
    struct rig rig = make(state, true);
    char text[32];
    i64 ids[10];
    start(&rig);
    i64 conversation = talk(&rig, "t1");
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "Answer %d", i);
        ids[i] = answer(&rig, conversation, text);
    }
    for (int i = 0; i < 10; i++)
        expect(&rig, ids[i], "sent", 5000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 10);
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "%lld", (long long)ids[i]);
        assert_string_equal(rig.receiver->heard[i].id, text);
    }
    assert_true(str_eq(read_message(&rig, ids[0]).external_id,
                       str_printf(rig.desk.f->arena, "%lld", (long long)ids[0])));
    stop(&rig);
}

static void the_id_the_receiver_answers_with_is_kept(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "200 {\"id\":\"theirs-1\"}", NULL, NULL);
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "Hello");
    assert_true(str_eq(expect(&rig, id, "sent", 5000).external_id, S("theirs-1")));
    stop(&rig);
}

// ---- Retry ----------------------------------------------------------------------------------------
static void a_receiver_that_asks_to_wait_is_not_asked_again_before(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "429+Retry-After: 2", "200", NULL);
    start(&rig);
    i64 first = answer(&rig, talk(&rig, "t1"), "One");
    expect(&rig, first, "queued", 2000);
    nap(200);
    i64 second = answer(&rig, talk(&rig, "t2"), "Two"); // another conversation, the same network
    expect(&rig, first, "sent", 8000);
    expect(&rig, second, "sent", 8000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 429), 1);
    for (int i = 1; i < rig.receiver->n_heard; i++)
        assert_true(rig.receiver->heard[i].at - rig.receiver->heard[0].at >= 1990);
    assert_true(str_eq(read_channel(&rig, rig.desk.channel).state, S("active")));
    stop(&rig);
}

static void an_idempotent_receiver_gets_the_same_id_until_it_says_yes(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "500", "cut", "200 {\"id\":");
    fast = true;
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "Hello");
    expect(&rig, id, "sent", 15000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 3);
    assert_int_equal(receiver_count(rig.receiver, "GET", 0), 0);
    assert_string_equal(rig.receiver->heard[0].id, rig.receiver->heard[2].id);
    stop(&rig);
}

static void a_receiver_that_is_away_makes_the_channel_degraded_and_well_again(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "502", "502", "502");
    rig.receiver->posts[3] = "200";
    rig.receiver->n_posts = 4;
    fast = true;
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "Hello");
    expect_channel(&rig, "degraded", 20000);
    assert_true(str_find(read_channel(&rig, rig.desk.channel).state_reason, S("502")) > 0);
    expect(&rig, id, "sent", 20000);
    expect_channel(&rig, "active", 2000);
    stop(&rig);
}

// ---- No -------------------------------------------------------------------------------------------
static void a_refusal_is_shown_with_the_receivers_reason_and_blocks_nobody(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "422 {\"detail\":\"No such customer\"}", "200", NULL);
    start(&rig);
    i64 conversation = talk(&rig, "t1");
    i64 first = answer(&rig, conversation, "One");
    expect(&rig, first, "failed", 5000);
    i64 second = answer(&rig, conversation, "Two");
    assert_true(str_eq(read_message(&rig, first).error, S("No such customer")));
    expect(&rig, second, "sent", 5000);
    stop(&rig);
}

static void a_dead_channel_keeps_its_queue_until_it_is_started_again(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "410", "200", NULL);
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "Hello");
    expect_channel(&rig, "dead", 5000);
    expect(&rig, id, "queued", 1000);
    nap(1200);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 1); // nobody is bothered
    patch_channel(&rig, rig.desk.channel, S("{\"enabled\":true}"));
    expect(&rig, id, "sent", 5000);
    stop(&rig);
}

// ---- In doubt -------------------------------------------------------------------------------------
static void a_cut_answer_is_read_back_and_not_sent_again_when_it_arrived(void **state)
{
    struct rig rig = make(state, false);
    script(rig.receiver, "cut", NULL, NULL);
    rig.receiver->gets[0] = "500";
    rig.receiver->gets[1] = "200 {\"id\":\"theirs\"}";
    rig.receiver->n_gets = 2;
    fast = true;
    start(&rig);
    i64 conversation = talk(&rig, "t1");
    i64 first = answer(&rig, conversation, "One");
    expect(&rig, first, "in_doubt", 5000);
    i64 second = answer(&rig, conversation, "Two");
    assert_true(str_find(read_message(&rig, second).error, S("Waits")) == 0);
    pthread_mutex_lock(&rig.receiver->lock);
    rig.receiver->posts[0] = "200";
    pthread_mutex_unlock(&rig.receiver->lock);
    struct message m = expect(&rig, first, "sent", 25000);
    assert_true(str_eq(m.external_id, S("theirs")));
    expect(&rig, second, "sent", 5000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 2); // one for each
    assert_true(read_message(&rig, second).error.len == 0);
    stop(&rig);
}

static void a_doubt_is_sent_again_only_when_the_receiver_says_that_it_never_came(void **state)
{
    struct rig rig = make(state, false);
    script(rig.receiver, "cut", "200", NULL);
    rig.receiver->gets[0] = "404";
    rig.receiver->n_gets = 1;
    fast = true;
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "One");
    expect(&rig, id, "sent", 10000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 2);
    assert_int_equal(receiver_count(rig.receiver, "GET", 0), 1);
    stop(&rig);
}

struct deciding {
    struct desk *desk;
    i64 id;
    const char *decision;
};

static bool decide_write(struct tx *tx, void *arg, struct err *err)
{
    struct deciding *d = arg;
    struct message out = {};
    return message_resolve(tx, &d->desk->agent, d->id, str_from(d->decision), &out, err);
}

static bool decide(struct rig *rig, i64 id, const char *decision)
{
    struct deciding d = {&rig->desk, id, decision};
    return db_write(rig->desk.f->db, WRITE_PEOPLE, decide_write, &d, &rig->desk.f->err);
}

static void after_ten_minutes_of_doubt_a_person_decides_and_the_rest_waits(void **state)
{
    struct rig rig = make(state, false);
    script(rig.receiver, "cut", "200", NULL);
    rig.receiver->gets[0] = "500";
    rig.receiver->n_gets = 1;
    start(&rig);
    i64 conversation = talk(&rig, "t1");
    i64 first = answer(&rig, conversation, "One"), second = answer(&rig, conversation, "Two");
    expect(&rig, first, "in_doubt", 5000);
    clock_test_shift(601000);
    nap(1500);
    struct message m = expect(&rig, first, "in_doubt", 100);
    assert_true(str_find(m.error, S("mark it as sent or send it again")) > 0);
    assert_true(str_eq(read_message(&rig, second).send_state, S("queued")));
    int asked = receiver_count(rig.receiver, "GET", 0);
    nap(1500);
    assert_int_equal(receiver_count(rig.receiver, "GET", 0), asked); // no more questions
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 1);
    assert_true(decide(&rig, first, "sent"));
    expect(&rig, second, "sent", 5000);
    expect(&rig, first, "sent", 1000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 2);
    assert_false(decide(&rig, first, "send_again")); // it is decided
    clock_test_shift(-601000);
    stop(&rig);
}

static void send_again_and_cancel_are_the_other_decisions(void **state)
{
    struct rig rig = make(state, false);
    script(rig.receiver, "422 {\"detail\":\"no\"}", "422 {\"detail\":\"no\"}", "200");
    start(&rig);
    i64 one = answer(&rig, talk(&rig, "t1"), "One"), two = answer(&rig, talk(&rig, "t2"), "Two");
    expect(&rig, one, "failed", 5000);
    expect(&rig, two, "failed", 5000);
    assert_true(decide(&rig, one, "send_again"));
    assert_true(decide(&rig, two, "cancel"));
    expect(&rig, one, "sent", 5000);
    expect(&rig, two, "cancelled", 1000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 200), 1);
    stop(&rig);
}

struct liking {
    struct desk *desk;
    i64 id;
    bool like;
};

static bool like_write(struct tx *tx, void *arg, struct err *err)
{
    struct liking *l = arg;
    struct message out = {};
    return message_like(tx, &l->desk->agent, l->id, l->like, &out, err);
}

static void like(struct rig *rig, i64 conversation, bool on)
{
    struct fixture *f = rig->desk.f;
    struct liking l = {&rig->desk, desk_messages(&rig->desk, conversation).items[0].id, on};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, like_write, &l, &f->err));
}

// Nobody is asked about a like: it is not worth holding up an answer for ever.
static void a_like_in_doubt_for_ten_minutes_is_given_up_and_holds_no_answer_up(void **state)
{
    struct rig rig = make(state, false);
    script(rig.receiver, "cut", "200", NULL);
    rig.receiver->gets[0] = "500";
    rig.receiver->n_gets = 1;
    start(&rig);
    i64 conversation = talk(&rig, "t1");
    like(&rig, conversation, true);
    for (int i = 0; i < 100 && receiver_count(rig.receiver, "POST", -1) == 0; i++)
        nap(20);
    i64 reply = answer(&rig, conversation, "On its way");
    nap(300);
    assert_true(str_eq(read_message(&rig, reply).send_state, S("queued")));
    clock_test_shift(601000);
    expect(&rig, reply, "sent", 5000);
    struct message liked = desk_messages(&rig.desk, conversation).items[0];
    assert_true(str_find(liked.error, S("may or may not")) >= 0);
    clock_test_shift(-601000);
    stop(&rig);
}

static void what_was_tried_before_goes_on_when_a_person_decided_what_stood_in_its_way(void **state)
{
    struct rig rig = make(state, false);
    rig.receiver->posts[0] = "422";
    rig.receiver->posts[1] = "503+Retry-After: 30";
    rig.receiver->posts[2] = "cut";
    rig.receiver->posts[3] = "200";
    rig.receiver->n_posts = 4;
    rig.receiver->gets[0] = "500";
    rig.receiver->n_gets = 1;
    start(&rig);
    i64 conversation = talk(&rig, "t1");
    i64 first = answer(&rig, conversation, "One");
    expect(&rig, first, "failed", 5000);
    i64 second = answer(&rig, conversation, "Two");
    for (int i = 0; i < 100 && receiver_count(rig.receiver, "POST", 503) == 0; i++)
        nap(20);
    expect(&rig, second, "queued", 5000);
    assert_true(decide(&rig, first, "send_again"));
    clock_test_shift(32000);
    expect(&rig, first, "in_doubt", 5000);
    clock_test_shift(601000);
    nap(1500);
    assert_true(decide(&rig, first, "sent"));
    expect(&rig, second, "sent", 5000);
    clock_test_shift(-633000);
    stop(&rig);
}

// ---- A sender that is gone ------------------------------------------------------------------------
struct stealing {
    struct delivery_due due;
    struct delivery_claims claims;
};

static bool steal_write(struct tx *tx, void *arg, struct err *err)
{
    struct stealing *s = arg;
    return delivery_claim(tx, S("somebody who dies"), &s->due, &s->claims, err);
}

// Claims what is due as a sender would that never comes back.
static void claim_and_die(struct rig *rig)
{
    struct fixture *f = rig->desk.f;
    struct stealing s = {};
    struct conn *conn = db_take(f->db);
    CHECK_OK(delivery_due(conn, rig->desk.channel, clock_now(), 10, f->arena, &s.due, &f->err));
    db_give(f->db, conn);
    CHECK_OK(db_write(f->db, WRITE_INTAKE, steal_write, &s, &f->err));
    assert_int_equal(s.claims.len, 1);
}

static void what_a_lost_sender_had_in_hand_is_asked_about_not_sent(void **state)
{
    struct rig rig = make(state, false);
    rig.receiver->gets[0] = "200 {\"id\":\"arrived\"}";
    rig.receiver->n_gets = 1;
    i64 id = answer(&rig, talk(&rig, "t1"), "One");
    claim_and_die(&rig);
    expect(&rig, id, "sending", 100);
    if (rig.desk.f->kind == DB_POSTGRES)
        clock_test_shift(DELIVERY_LEASE_MS + 1000); // others may live there: only the lease's end tells
    start(&rig);
    assert_true(str_eq(expect(&rig, id, "sent", 8000).external_id, S("arrived")));
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 0);
    if (rig.desk.f->kind == DB_POSTGRES)
        clock_test_shift(-DELIVERY_LEASE_MS - 1000);
    stop(&rig);
}

static void an_idempotent_receiver_is_simply_given_the_same_id_again(void **state)
{
    struct rig rig = make(state, true);
    i64 id = answer(&rig, talk(&rig, "t1"), "One");
    claim_and_die(&rig);
    if (rig.desk.f->kind == DB_POSTGRES)
        clock_test_shift(DELIVERY_LEASE_MS + 1000);
    start(&rig);
    expect(&rig, id, "sent", 8000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 1);
    assert_int_equal(receiver_count(rig.receiver, "GET", 0), 0);
    if (rig.desk.f->kind == DB_POSTGRES)
        clock_test_shift(-DELIVERY_LEASE_MS - 1000);
    stop(&rig);
}

static void after_five_days_it_is_given_up(void **state)
{
    struct rig rig = make(state, true);
    script(rig.receiver, "500", NULL, NULL);
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "One");
    expect(&rig, id, "queued", 3000);
    nap(300);
    clock_test_shift(DELIVERY_MAX_AGE_MS + 1000);
    struct message m = expect(&rig, id, "failed", 8000);
    assert_true(str_find(m.error, S("five days")) > 0);
    clock_test_shift(-DELIVERY_MAX_AGE_MS - 1000);
    stop(&rig);
}

static void what_a_channel_could_not_send_for_five_days_is_given_up_and_not_sent_late(void **state)
{
    struct rig rig = make(state, true);
    struct fixture *f = rig.desk.f;
    i64 n, conversation = talk(&rig, "t1");
    i64 first = answer(&rig, conversation, "One"), second = answer(&rig, conversation, "Two");
    patch_channel(&rig, rig.desk.channel, S("{\"enabled\":false}"));
    CHECK_OK(schedule_do(f->db, "give_up_sending", &n, &f->err));
    assert_int_equal(n, 0);
    clock_test_shift(DELIVERY_MAX_AGE_MS + 2000);

    CHECK_OK(schedule_do(f->db, "give_up_sending", &n, &f->err));

    struct message m = read_message(&rig, first);
    assert_true(str_eq(m.send_state, S("failed")));
    assert_true(str_find(m.error, S("five days")) > 0);
    assert_true(str_eq(read_message(&rig, second).send_state, S("failed")));
    // A person may order it once more; then it has its time again.
    patch_channel(&rig, rig.desk.channel, S("{\"enabled\":true}"));
    assert_true(decide(&rig, first, "send_again"));
    start(&rig);
    expect(&rig, first, "sent", 8000);
    assert_int_equal(receiver_count(rig.receiver, "POST", 0), 1);
    clock_test_shift(-DELIVERY_MAX_AGE_MS - 2000);
    stop(&rig);
}

static void what_never_comes_is_not_sent_for_ever(void **state)
{
    struct rig rig = make(state, false);
    script(rig.receiver, "cut", NULL, NULL);
    rig.receiver->gets[0] = "404";
    rig.receiver->n_gets = 1;
    fast = true;
    start(&rig);
    i64 id = answer(&rig, talk(&rig, "t1"), "One");
    for (i64 end = clock_mono() + 20000; clock_mono() < end && receiver_count(rig.receiver, "POST", 0) < 3;
         nap(20))
        hurry();
    assert_in_range(receiver_count(rig.receiver, "POST", 0), 3, 4);
    clock_test_shift(DELIVERY_MAX_AGE_MS);
    struct message m = expect(&rig, id, "failed", 20000);
    assert_true(str_find(m.error, S("never came")) > 0);
    clock_test_shift(-DELIVERY_MAX_AGE_MS);
    stop(&rig);
}

// ---- One dead network -----------------------------------------------------------------------------
static void a_network_that_hangs_does_not_hold_up_the_others(void **state)
{
    struct rig rig = make(state, true);
    struct receiver *well = receiver_start();
    char thread[16];
    script(rig.receiver, "hang", NULL, NULL);
    rig_allow(&rig, well);
    for (int i = 0; i < 20; i++) {
        snprintf(thread, sizeof thread, "dead%d", i);
        answer(&rig, talk(&rig, thread), "Never");
    }
    start(&rig);
    nap(600);
    assert_true(receiver_count(rig.receiver, "POST", -2) <= 4);
    i64 other = desk_add_channel(&rig.desk, "Other"), hanging = rig.desk.channel;
    rig.desk.channel = other;
    point(&rig, other, well, true);
    i64 begin = clock_mono(), ids[8];
    for (int i = 0; i < 8; i++) {
        snprintf(thread, sizeof thread, "well%d", i);
        ids[i] = answer(&rig, talk(&rig, thread), "Quick");
    }
    for (int i = 0; i < 8; i++)
        expect(&rig, ids[i], "sent", 3000);
    assert_true(clock_mono() - begin < 4000);
    rig.desk.channel = hanging;
    stop(&rig);
    receiver_stop(well);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(answers_of_a_conversation_arrive_once_and_in_order),
        ON_BOTH(the_id_the_receiver_answers_with_is_kept),
        ON_BOTH(a_receiver_that_asks_to_wait_is_not_asked_again_before),
        ON_BOTH(an_idempotent_receiver_gets_the_same_id_until_it_says_yes),
        ON_BOTH(a_receiver_that_is_away_makes_the_channel_degraded_and_well_again),
        ON_BOTH(a_refusal_is_shown_with_the_receivers_reason_and_blocks_nobody),
        ON_BOTH(a_dead_channel_keeps_its_queue_until_it_is_started_again),
        ON_BOTH(a_cut_answer_is_read_back_and_not_sent_again_when_it_arrived),
        ON_BOTH(a_doubt_is_sent_again_only_when_the_receiver_says_that_it_never_came),
        ON_BOTH(after_ten_minutes_of_doubt_a_person_decides_and_the_rest_waits),
        ON_BOTH(send_again_and_cancel_are_the_other_decisions),
        ON_BOTH(a_like_in_doubt_for_ten_minutes_is_given_up_and_holds_no_answer_up),
        ON_BOTH(what_was_tried_before_goes_on_when_a_person_decided_what_stood_in_its_way),
        ON_BOTH(what_a_lost_sender_had_in_hand_is_asked_about_not_sent),
        ON_BOTH(an_idempotent_receiver_is_simply_given_the_same_id_again),
        ON_BOTH(after_five_days_it_is_given_up),
        ON_BOTH(what_a_channel_could_not_send_for_five_days_is_given_up_and_not_sent_late),
        ON_BOTH(what_never_comes_is_not_sent_for_ever),
        ON_BOTH(a_network_that_hangs_does_not_hold_up_the_others),
    };
    return cmocka_run_group_tests_name("deliver", tests, NULL, NULL);
}
