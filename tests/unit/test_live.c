// SPDX-License-Identifier: AGPL-3.0-or-later
// The live feed on a real database, through real sockets: who may see something is told, who may not is
// not, who was away gets what they missed, who is slow never gets half a frame.
#include "desk/session.h"
#include "desk_fixture.h"
#include "jobs/schedule.h"
#include "live/feed.h"
#include "live/internal.h"
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

struct live {
    struct desk desk;
    struct http_server *server;
    struct feed *feed;
    int port;
    struct actor actors[2]; // /0: the owner, /1: an agent
};

static void open_stream(struct http_request *req, void *arg)
{
    struct live *live = arg;
    struct err err = {};
    const struct actor *actor = &live->actors[req->path.ptr[1] - '0'];
    if (!feed_open(live->feed, req, actor, http_header(req, "last-event-id"), &err))
        http_respond(req, &(struct http_response){.status = 503});
}

struct signing {
    i64 workspace, agent, session;
};

static bool write_session(struct tx *tx, void *arg, struct err *err)
{
    struct signing *signing = arg;
    return session_create(tx, signing->workspace, signing->agent, random_token(tx->arena, ""), S("test"),
                          S("::1"), &signing->session, err);
}

static void sign_in(struct live *live, struct actor *actor)
{
    struct fixture *f = live->desk.f;
    struct signing signing = {.workspace = live->desk.workspace, .agent = actor->agent_id};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_session, &signing, &f->err));
    actor->session_id = signing.session;
    actor->scopes = SCOPE_ALL;
}

static struct live *live_make(void **state)
{
    struct live *live = calloc(1, sizeof(*live));
    live->desk = desk_make(state);
    struct fixture *f = live->desk.f;
    struct http_server_settings settings = {.listen = S("127.0.0.1:0"), .handler = open_stream, .arg = live};
    live->actors[0] = live->desk.owner;
    live->actors[1] = live->desk.agent;
    sign_in(live, &live->actors[0]);
    sign_in(live, &live->actors[1]);
    CHECK_OK(http_server_start(&settings, &live->server, &f->err));
    CHECK_OK(feed_start(f->db, live->server, &live->feed, &f->err));
    f->threads++;
    struct str address = http_server_address(live->server), port;
    i64 number;
    (void)str_cut(address, ':', &port);
    assert_true(str_to_i64(port, &number));
    live->port = (int)number;
    return live;
}

static void live_end(struct live *live)
{
    feed_goodbye(live->feed);
    http_server_stop(live->server, 2000);
    feed_stop(live->feed);
    live->desk.f->threads--;
    fixture_close(live->desk.f);
    feed_destroy(live->feed);
    desk_end(&live->desk);
    free(live);
}

// ---- A screen ----

struct eyes {
    int fd;
    char *text;
    size_t len;
    bool closed;
};

static struct eyes look(struct live *live, int who, const char *last_event_id, int receive_buffer)
{
    struct eyes eyes = {.fd = socket(AF_INET, SOCK_STREAM, 0), .text = calloc(1, 16 << 20)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)live->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char head[512];
    if (receive_buffer)
        setsockopt(eyes.fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    assert_int_equal(connect(eyes.fd, (struct sockaddr *)&to, sizeof(to)), 0);
    int n = snprintf(head, sizeof(head), "GET /%d HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", who,
                     last_event_id ? "Last-Event-ID: " : "", last_event_id ? last_event_id : "",
                     last_event_id ? "\r\n" : "");
    assert_int_equal(send(eyes.fd, head, (size_t)n, 0), n);
    return eyes;
}

static void read_some(struct eyes *eyes, int ms)
{
    struct pollfd wait = {.fd = eyes->fd, .events = POLLIN};
    if (eyes->closed || poll(&wait, 1, ms) <= 0)
        return;
    ssize_t n = recv(eyes->fd, eyes->text + eyes->len, (16 << 20) - eyes->len - 1, 0);
    if (n <= 0)
        eyes->closed = true;
    else
        eyes->len += (size_t)n;
}

// Reads until the words are there.
static bool sees(struct eyes *eyes, const char *words, int ms)
{
    i64 until = clock_mono() + ms;
    while (!strstr(eyes->text, words) && clock_mono() < until && !eyes->closed)
        read_some(eyes, 20);
    return strstr(eyes->text, words) != NULL;
}

static void shut(struct eyes *eyes)
{
    close(eyes->fd);
    free(eyes->text);
}

static void last_id(const struct eyes *eyes, char out[64])
{
    const char *found = NULL;
    for (const char *p = eyes->text; (p = strstr(p, "id: ")); p += 4) {
        if (p == eyes->text || p[-1] == '\n')
            found = p + 4;
    }
    assert_non_null(found);
    size_t n = strcspn(found, "\n");
    memcpy(out, found, n);
    out[n] = 0;
}

// A screen that is open: what is said from now on is told to it.
static struct eyes look_until_open(struct live *live)
{
    struct eyes eyes = look(live, 0, NULL, 0);
    assert_true(sees(&eyes, "event: counts", 20000));
    return eyes;
}

struct patching {
    const struct actor *actor;
    i64 id;
    const char *json;
};

static bool write_patch(struct tx *tx, void *arg, struct err *err)
{
    const struct patching *p = arg;
    struct conversation_patch patch = {};
    struct conversation out = {};
    field_set given;
    return json_decode(str_from(p->json), &conversation_patch_type, false, tx->arena, &patch, &given, err) &&
           conversation_update(tx, p->actor, p->id, &patch, given, &out, err);
}

static void change(struct live *live, i64 id, const char *json)
{
    struct fixture *f = live->desk.f;
    struct patching patching = {&live->desk.owner, id, json};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_patch, &patching, &f->err));
}

struct disabling {
    const struct actor *actor;
    i64 id;
    const struct agent_patch *patch;
    field_set given;
};

static bool write_disable(struct tx *tx, void *arg, struct err *err)
{
    const struct disabling *d = arg;
    return agent_update(tx, d->actor, d->id, d->patch, d->given, err);
}

// Changes the agent as an administrator does, and reads anew what they may.
static void limit_agent(struct live *live, const char *json)
{
    struct fixture *f = live->desk.f;
    struct agent_patch patch = {};
    field_set given;
    i64 session = live->actors[1].session_id;
    CHECK_OK(json_decode(str_from(json), &agent_patch_type, false, f->arena, &patch, &given, &f->err));
    struct disabling disabling = {&live->desk.owner, live->desk.agent.agent_id, &patch, given};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_disable, &disabling, &f->err));
    struct conn *conn = db_take(f->db);
    CHECK_OK(actor_load(conn, live->desk.agent.agent_id, f->arena, &live->actors[1], &f->err));
    db_give(f->db, conn);
    live->actors[1].session_id = session;
}

struct teaming {
    const struct actor *actor;
    i64 id;
};

static bool write_team(struct tx *tx, void *arg, struct err *err)
{
    struct teaming *t = arg;
    return team_create(tx, t->actor, S("Returns"), &t->id, err);
}

// ---- What must hold ----

static void a_message_is_on_every_screen_that_may_see_it_and_on_no_other(void **state)
{
    struct live *live = live_make(state);
    limit_agent(live, "{\"all_channels\":false,\"channel_ids\":[]}");
    struct eyes owner = look(live, 0, NULL, 0), second = look(live, 0, NULL, 0),
                blind = look(live, 1, NULL, 0);
    assert_true(sees(&owner, "event: hello", 20000) && sees(&second, "event: hello", 20000) &&
                sees(&blind, "event: hello", 20000));

    desk_says(&live->desk, "m1", "t1", "Where is my order?", 1);

    assert_true(sees(&owner, "event: conversation", 20000) &&
                sees(&owner, "\"text\":\"Where is my order?\"", 20000));
    assert_true(sees(&second, "\"text\":\"Where is my order?\"", 20000));
    assert_true(sees(&owner, "\"unanswered\":1", 20000));
    assert_false(sees(&blind, "Where is my order?", 400));
    struct feed_stats stats;
    feed_stats(live->feed, &stats);
    assert_int_equal(stats.audiences, 2);
    assert_int_equal(stats.screens, 3);
    assert_false(blind.closed);
    shut(&owner), shut(&second), shut(&blind);
    live_end(live);
}

static void who_comes_back_gets_exactly_what_they_missed(void **state)
{
    struct live *live = live_make(state);
    struct eyes first = look_until_open(live);
    char id[64];
    desk_says(&live->desk, "m1", "t1", "before", 1);
    assert_true(sees(&first, "\"text\":\"before\"", 20000));
    last_id(&first, id);
    shut(&first);
    desk_says(&live->desk, "m2", "t2", "while away", 2);

    struct eyes again = look(live, 0, id, 0);

    assert_true(sees(&again, "\"text\":\"while away\"", 20000));
    assert_null(strstr(again.text, "\"text\":\"before\""));
    assert_null(strstr(again.text, "event: resync"));
    desk_says(&live->desk, "m3", "t3", "and on", 3);
    assert_true(sees(&again, "\"text\":\"and on\"", 20000));
    shut(&again);
    live_end(live);
}

static void says_many(struct live *live, int from, int n)
{
    struct buf body;
    buf_init(&body, live->desk.f->arena, 1 << 20);
    for (int i = from; i < from + n; i++)
        buf_printf(
            &body,
            "%s{\"type\":\"message.created\",\"id\":\"x%d\",\"thread\":\"t%d\",\"author\":{\"id\":"
            "\"u1\",\"name\":\"Mari\"},\"text\":\"number (%d)\",\"created_at\":\"2026-03-01T10:00:00Z\"}",
            i == from ? "[" : ",", i, i % 40, i);
    buf_add(&body, S("]"));
    desk_hear(&live->desk, str_cstr(live->desk.f->arena, buf_str(&body)));
}

// More than one part, and the stream goes on behind the last of them.
static void who_missed_much_gets_all_of_it_in_parts(void **state)
{
    struct live *live = live_make(state);
    struct eyes first = look_until_open(live);
    char id[64], words[64];
    desk_says(&live->desk, "m1", "t1", "before", 1);
    assert_true(sees(&first, "\"text\":\"before\"", 20000));
    last_id(&first, id);
    shut(&first);
    says_many(live, 0, 400);
    says_many(live, 400, 400);

    struct eyes again = look(live, 0, id, 0);

    assert_true(sees(&again, "event: counts", 20000));
    for (int i = 0; i < 800; i++) {
        snprintf(words, sizeof(words), "number (%d)", i);
        assert_non_null(strstr(again.text, words));
    }
    assert_null(strstr(again.text, "event: resync"));
    desk_says(&live->desk, "m3", "t3", "and on", 3);
    assert_true(sees(&again, "\"text\":\"and on\"", 20000));
    shut(&again);
    live_end(live);
}

// Until the feed has read this: what it has not read yet is in none of its frames.
static void says_and_is_heard(struct live *live, const char *id, const char *thread, const char *text, int n)
{
    char words[64];
    struct eyes eyes = look_until_open(live);
    desk_says(&live->desk, id, thread, text, n);
    snprintf(words, sizeof(words), "\"text\":\"%s\"", text);
    assert_true(sees(&eyes, words, 20000));
    shut(&eyes);
}

static void forget_log(struct live *live)
{
    struct fixture *f = live->desk.f;
    i64 n;
    clock_test_shift((i64)91 * 24 * 3600 * 1000);
    CHECK_OK(schedule_do(f->db, "prune_events", &n, &f->err));
    clock_test_shift(-(i64)91 * 24 * 3600 * 1000);
    assert_true(n > 0);
}

static void who_comes_back_to_a_log_that_forgot_is_told_to_fetch_anew(void **state)
{
    struct live *live = live_make(state);
    struct eyes first = look_until_open(live);
    char id[64];
    desk_says(&live->desk, "m1", "t1", "before", 1);
    assert_true(sees(&first, "\"text\":\"before\"", 20000));
    last_id(&first, id);
    shut(&first);
    says_and_is_heard(live, "m2", "t2", "while away", 2);
    forget_log(live);
    says_and_is_heard(live, "m3", "t3", "much later", 3);

    struct eyes again = look(live, 0, id, 0);

    assert_true(sees(&again, "event: resync", 20000));
    desk_says(&live->desk, "m4", "t4", "and on", 4);
    assert_true(sees(&again, "\"text\":\"and on\"", 20000));
    shut(&again);
    live_end(live);
}

// The feed may be as far behind as who comes back: it has not read what was forgotten either.
static void a_feed_that_is_behind_does_not_hide_that_the_log_forgot(void **state)
{
    struct live *live = live_make(state);
    struct eyes first = look_until_open(live);
    char id[64];
    struct log_cursor then;
    desk_says(&live->desk, "m1", "t1", "before", 1);
    assert_true(sees(&first, "\"text\":\"before\"", 20000));
    last_id(&first, id);
    shut(&first);
    assert_true(log_cursor_parse(str_from(id), &then));
    says_and_is_heard(live, "m2", "t2", "while away", 2);
    forget_log(live);
    says_and_is_heard(live, "m3", "t3", "much later", 3);
    live->feed->cursor = then; // it waits for something to do

    struct eyes again = look(live, 0, id, 0);

    assert_true(sees(&again, "event: resync", 20000));
    shut(&again);
    live_end(live);
}

static void who_missed_nothing_goes_on_though_all_of_the_log_was_forgotten(void **state)
{
    struct live *live = live_make(state);
    struct eyes first = look_until_open(live);
    char id[64];
    desk_says(&live->desk, "m1", "t1", "before", 1);
    assert_true(sees(&first, "\"text\":\"before\"", 20000));
    last_id(&first, id);
    shut(&first);
    forget_log(live);

    struct eyes again = look(live, 0, id, 0);

    assert_true(sees(&again, "event: counts", 20000));
    assert_null(strstr(again.text, "event: resync"));
    desk_says(&live->desk, "m2", "t2", "and on", 2);
    assert_true(sees(&again, "\"text\":\"and on\"", 20000));
    shut(&again);
    live_end(live);
}

static void an_id_that_means_nothing_here_is_answered_with_resync(void **state)
{
    struct live *live = live_make(state);
    static const char *const ids[] = {"rubbish", "9.9.9.9", "99999.0.1", "-1", "1.0.1 OR 1=1"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct eyes eyes = look(live, 0, ids[i], 0);
        assert_true(sees(&eyes, "event: resync", 20000));
        assert_true(strstr(eyes.text, "event: hello") < strstr(eyes.text, "event: resync"));
        shut(&eyes);
    }
    live_end(live);
}

static void what_moves_out_of_sight_is_gone(void **state)
{
    struct live *live = live_make(state);
    struct fixture *f = live->desk.f;
    desk_says(&live->desk, "m1", "t1", "for everybody", 1);
    i64 id = desk_find(&live->desk, &live->desk.owner, "is:any").items[0].id;
    struct teaming teaming = {.actor = &live->desk.owner};
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_team, &teaming, &f->err));
    i64 team = teaming.id;
    limit_agent(live, "{\"all_teams\":false,\"team_ids\":[]}"); // sees only what belongs to no team
    struct eyes outsider = look(live, 1, NULL, 0);
    assert_true(sees(&outsider, "event: counts", 20000));
    char json[64];
    snprintf(json, sizeof(json), "{\"team_id\":%lld}", (long long)team);

    change(live, id, json);

    char gone[64];
    snprintf(gone, sizeof(gone), "event: gone\ndata: {\"id\":%lld}", (long long)id);
    assert_true(sees(&outsider, gone, 20000));
    desk_says(&live->desk, "m2", "t1", "secret of a team", 2);
    desk_says(&live->desk, "m3", "t2", "the end", 3);
    assert_true(sees(&outsider, "the end", 20000));
    assert_null(strstr(outsider.text, "secret of a team"));
    shut(&outsider);
    live_end(live);
}

static void changed_rights_end_the_stream_within_two_seconds(void **state)
{
    struct live *live = live_make(state);
    struct fixture *f = live->desk.f;
    struct eyes agent = look(live, 1, NULL, 0), owner = look(live, 0, NULL, 0);
    assert_true(sees(&agent, "event: hello", 20000) && sees(&owner, "event: hello", 20000));
    struct agent_patch patch = {};
    field_set given;
    CHECK_OK(
        json_decode(S("{\"disabled\":true}"), &agent_patch_type, false, f->arena, &patch, &given, &f->err));
    struct disabling disabling = {&live->desk.owner, live->desk.agent.agent_id, &patch, given};
    i64 began = clock_mono();

    CHECK_OK(db_write(f->db, WRITE_PEOPLE, write_disable, &disabling, &f->err));

    while (!agent.closed && clock_mono() - began < 4000)
        read_some(&agent, 20);
    assert_true(agent.closed);
    assert_true(clock_mono() - began < 2000);
    read_some(&owner, 20);
    assert_false(owner.closed);
    shut(&agent), shut(&owner);
    live_end(live);
}

// Everything up to the last empty line must be whole frames.
static void check_frames(const char *text)
{
    const char *at = strstr(text, "\r\n\r\n");
    assert_non_null(at);
    at += 4;
    for (const char *end; (end = strstr(at, "\n\n")); at = end + 2) {
        bool starts = strncmp(at, "event: ", 7) == 0 || strncmp(at, "id: ", 4) == 0 || at[0] == ':' ||
                      strncmp(at, "retry: ", 7) == 0;
        assert_true(starts);
        const char *data = strstr(at, "data: ");
        if (at[0] == 'e')
            assert_true(data && data < end && data[6] == '{' && end[-1] == '}');
    }
}

static void is_at(struct live *live, i64 conversation, bool typing)
{
    struct err err = {};
    struct whereabouts where = {.conversation_id = conversation,
                                .channel_id = live->desk.channel,
                                .typing = typing ? TYPING_REPLY : TYPING_NOTHING};
    assert_true(feed_presence(live->feed, NULL, &live->desk.agent, &where, &err)); // SQLite: no write needed
}

static void a_slow_reader_gets_whole_frames_and_then_resync_or_the_end(void **state)
{
    struct live *live = live_make(state);
    struct eyes slow = look(live, 0, NULL, 4096);
    assert_true(sees(&slow, "event: hello", 20000));
    // 12 MiB of frames that nobody reads: far beyond ring and sockets.
    for (int i = 0; i < 60000; i++)
        is_at(live, 1 + i % 7, i % 2);
    struct feed_stats stats = {};
    for (i64 until = clock_mono() + 3000; clock_mono() < until && stats.dropped == 0;) {
        struct timespec rest = {0, 20000000};
        nanosleep(&rest, NULL);
        feed_stats(live->feed, &stats);
    }
    assert_true(stats.dropped > 0);

    for (i64 until = clock_mono() + 3000; clock_mono() < until && !slow.closed;)
        read_some(&slow, 50);

    check_frames(slow.text);
    assert_true(slow.closed || strstr(slow.text, "event: resync"));
    shut(&slow);
    live_end(live);
}

static void presence_is_told_and_forgotten(void **state)
{
    struct live *live = live_make(state);
    struct eyes owner = look(live, 0, NULL, 0);
    assert_true(sees(&owner, "event: counts", 20000));

    is_at(live, 7, true);
    assert_true(sees(&owner,
                     "{\"conversation_id\":7,\"agents\":[{\"id\":2,\"name\":\"Anna "
                     "Agent\",\"typing\":true,\"kind\":\"reply\"}],\"customer_typing\":false}",
                     20000));
    is_at(live, 0, false);

    assert_true(sees(&owner, "{\"conversation_id\":7,\"agents\":[],\"customer_typing\":false}", 20000));
    shut(&owner);
    live_end(live);
}

static void a_ring_gives_back_what_it_holds_and_says_what_it_lost(void **state)
{
    (void)state;
    struct ring ring = {};
    struct str bytes;
    u64 at = 0;
    char got[64];
    for (int round = 0; round < 100; round++) {
        ring_add(&ring, 16, S("seven b"));
        size_t n = 0;
        while (at != ring.head) {
            assert_true(ring_read(&ring, at, &bytes));
            memcpy(got + n, bytes.ptr, bytes.len);
            n += bytes.len;
            at += bytes.len;
        }
        assert_int_equal(n, 7);
        assert_memory_equal(got, "seven b", 7);
    }
    ring_add(&ring, 16, S("0123456789"));
    assert_true(ring_read(&ring, at, &bytes));
    ring_add(&ring, 16, S("0123456789"));
    assert_false(ring_read(&ring, at, &bytes));
    ring_add(&ring, 16, S("longer than the whole ring is"));
    assert_false(ring_read(&ring, at, &bytes));
    assert_true(ring_read(&ring, ring.head, &bytes));
    assert_int_equal(bytes.len, 0);
    ring_finish(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_gives_back_what_it_holds_and_says_what_it_lost),
        ON_BOTH(a_message_is_on_every_screen_that_may_see_it_and_on_no_other),
        ON_BOTH(who_comes_back_gets_exactly_what_they_missed),
        ON_BOTH(who_missed_much_gets_all_of_it_in_parts),
        ON_BOTH(who_comes_back_to_a_log_that_forgot_is_told_to_fetch_anew),
        ON_BOTH(a_feed_that_is_behind_does_not_hide_that_the_log_forgot),
        ON_BOTH(who_missed_nothing_goes_on_though_all_of_the_log_was_forgotten),
        ON_BOTH(an_id_that_means_nothing_here_is_answered_with_resync),
        ON_BOTH(what_moves_out_of_sight_is_gone),
        ON_BOTH(changed_rights_end_the_stream_within_two_seconds),
        ON_SQLITE(a_slow_reader_gets_whole_frames_and_then_resync_or_the_end),
        ON_SQLITE(presence_is_told_and_forgotten),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
