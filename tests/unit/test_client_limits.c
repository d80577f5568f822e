// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbound client's limits on what an answer may take (acceptance A-SF2), the truth about whether a
// request may have arrived, what goes out and comes back, and its end.
#include "client_peer.h"

// ---- A-SF2 ------------------------------------------------------------------------------------------------
static void what_is_too_large_or_too_slow_is_cut(void **state)
{
    static const struct {
        const char *path, *error;
        int timeout_ms, at_most_ms;
    } rows[] = {
        {"/endless", "The answer is larger than 4194304 bytes.", 10000, 6000},
        {"/large", "The answer is larger than 4194304 bytes.", 10000, 500},
        {"/bomb", "The answer is larger than 4194304 bytes.", 10000, 6000},
        {"/heads", "The answer is larger than 4194304 bytes.", 10000, 6000},
        {"/silent", "No whole answer within 700 ms.", 700, 1200},
        {"/slow", "No whole answer within 900 ms.", 900, 1500},
        {"/slow", "The answer came too slowly.", 20000, 9000},
    };
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_answer_view v =
            fetch(client, arena, "GET", to_peer(arena, rows[i].path), rows[i].timeout_ms, 0);

        assert_false(v.answer.got_answer);
        assert_true(v.answer.maybe_received);
        // The number is curl's own, a millisecond more or less.
        assert_memory_equal(v.answer.error, rows[i].error, strcspn(rows[i].error, "0123456789"));
        if (v.ms > rows[i].at_most_ms) {
            fail_msg("%s took %d ms", rows[i].path, (int)v.ms);
        }
    }
    client_stop(client);
    arena_destroy(arena);
}

static void a_smaller_limit_can_be_asked_for(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct net_request request = {.method = S("GET"), .url = to_peer(arena, "/ok"), .max_answer = 1};
    struct net_answer answer;

    (void)state;
    client_fetch(client, &request, 0, arena, &answer);
    assert_false(answer.got_answer);
    request.max_answer = 2;
    client_fetch(client, &request, 0, arena, &answer);
    assert_true(answer.got_answer);
    client_stop(client);
    arena_destroy(arena);
}

// ---- May it have arrived?
// -------------------------------------------------------------------------------------
static int closed_port(void)
{
    int port = 0, fd = listen_on("127.0.0.1", 0, 1, &port);

    close(fd);
    return port;
}

// A listener whose queue is full: connecting to it hangs.
static int full_listener(int *ret_port, int *fillers, size_t n)
{
    int fd = listen_on("127.0.0.1", 0, 0, ret_port);

    for (size_t i = 0; i < n; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)*ret_port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&to, sizeof to);
    }
    return fd;
}

static void whether_a_request_may_have_arrived_is_told_truly(void **state)
{
    enum { N = 4 };
    int full_port = 0, fillers[N], full = full_listener(&full_port, fillers, N), closed = closed_port();
    char a[32], b[32], c[32];
    const char *allowed[] = {a, b, c, "gone.test:80"};
    struct arena *arena = arena_create();

    (void)state;
    snprintf(a, sizeof a, "127.0.0.1:%d", peer.port);
    snprintf(b, sizeof b, "127.0.0.1:%d", full_port);
    snprintf(c, sizeof c, "127.0.0.1:%d", closed);
    struct outbound_client *client = begin(resolve, 4, allowed);
    const struct {
        struct str url;
        bool got, maybe;
        int status;
    } rows[] = {
        {str_printf(arena, "http://127.0.0.1:%d/", closed), false, false, 0},    // refused
        {str_printf(arena, "http://127.0.0.1:%d/", full_port), false, false, 0}, // no connection in time
        {S("http://gone.test/"), false, false, 0},                               // no such name
        {S("http://10.0.0.1/"), false, false, 0},                                // the guard
        {S("http://loopback.test/"), false, false, 0},                           // the guard, after the name
        {S("not a url"), false, false, 0},
        {str_printf(arena, "https://127.0.0.1:%d/ok", peer.port), false, false, 0}, // no TLS there
        {to_peer(arena, "/close"), false, true, 0},
        {to_peer(arena, "/silent"), false, true, 0},
        {to_peer(arena, "/half-head"), false, true, 0},
        {to_peer(arena, "/half-body"), false, true, 200},
        {to_peer(arena, "/banner"), false, true, 0},
        {to_peer(arena, "/endless"), false, true, 200},
        {to_peer(arena, "/ok"), true, true, 200},
        {to_peer(arena, "/error"), true, true, 500},
        {to_peer(arena, "/interim"), true, true, 200},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_answer_view v = fetch(client, arena, "POST", rows[i].url, 800, 0);

        if (v.answer.got_answer != rows[i].got || v.answer.maybe_received != rows[i].maybe ||
            v.answer.status != rows[i].status || (!rows[i].got && v.answer.error[0] == 0)) {
            fail_msg(STR_FMT ": got %d, maybe %d, status %d, %s", STR_ARG(rows[i].url), v.answer.got_answer,
                     v.answer.maybe_received, v.answer.status, v.answer.error);
        }
    }
    client_stop(client);
    arena_destroy(arena);
    for (size_t i = 0; i < N; i++) {
        close(fillers[i]);
    }
    close(full);
}

static void a_post_is_sent_once_even_when_a_kept_connection_dies(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/once"), 2000, 0);
    assert_true(v.answer.got_answer);
    peer.n_posts = 0;
    v = fetch(client, arena, "POST", to_peer(arena, "/close"), 2000, 0);
    assert_false(v.answer.got_answer);
    assert_true(v.answer.maybe_received);
    assert_int_equal(peer.n_posts, 1);
    // What has no effect may be sent again by itself.
    v = fetch(client, arena, "GET", to_peer(arena, "/once"), 2000, 0);
    assert_true(v.answer.got_answer);
    client_stop(client);
    arena_destroy(arena);
}

static void headers_come_back_clean_and_only_from_the_last_answer(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/interim"), 2000, 0);

    assert_true(v.answer.got_answer);
    assert_int_equal(v.answer.headers.len, 2);
    assert_true(str_eq(v.answer.headers.items[0].name, S("x-late")));
    assert_true(str_eq(v.answer.headers.items[0].value, S("a\xef\xbf\xbd"
                                                          "b")));
    client_stop(client);
    arena_destroy(arena);
}

static void headers_and_methods_that_would_forge_a_request_are_refused(void **state)
{
    static const struct net_header wrong[] = {
        {{"X\r\nY", 4}, {"1", 1}},
        {{"X", 1}, {"1\r\nY: 2", 7}},
        {{"X", 1},
         {"1\0"
          "2",
          3}},
        {{"X:", 2}, {"1", 1}},
        {{"", 0}, {"1", 1}},
        {{"Host", 4}, {"x", 1}},
        {{"content-length", 14}, {"5", 1}},
        {{"Transfer-Encoding", 17}, {"chunked", 7}},
        {{"Connection", 10}, {"x", 1}},
        {{"Proxy-Authorization", 19}, {"x", 1}},
    };
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct net_answer answer;

    (void)state;
    int before = peer.n_connections;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct net_header header = wrong[i];
        struct net_request request = {.method = S("GET"), .url = to_peer(arena, "/ok")};

        request.headers.items = &header;
        request.headers.len = request.headers.cap = 1;
        client_fetch(client, &request, 0, arena, &answer);
        assert_false(answer.got_answer || answer.maybe_received);
        assert_non_null(strstr(answer.error, "cannot be sent"));
    }
    struct net_request request = {.method = S("GET / HTTP/1.1\r\nX:"), .url = to_peer(arena, "/ok")};

    client_fetch(client, &request, 0, arena, &answer);
    assert_false(answer.got_answer || answer.maybe_received);
    assert_int_equal(peer.n_connections, before);
    client_stop(client);
    arena_destroy(arena);
}

static void a_post_carries_its_body_and_headers(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct net_header headers[] = {{S("Content-Type"), S("application/json")}, {S("X-Empty"), S("")}};
    struct net_request request = {.method = S("POST"), .url = to_peer(arena, "/ok"), .body = S("{\"a\":1}")};
    struct net_answer answer;

    (void)state;
    request.headers.items = headers;
    request.headers.len = request.headers.cap = 2;
    client_fetch(client, &request, 0, arena, &answer);
    assert_true(answer.got_answer);
    assert_non_null(strstr(peer.head, "POST /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.head, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(peer.head, "X-Empty:\r\n"));
    assert_non_null(strstr(peer.head, "Content-Length: 7\r\n"));
    assert_null(strstr(peer.head, "Expect"));
    assert_null(strstr(peer.head, "Cookie"));
    client_stop(client);
    arena_destroy(arena);
}

// ---- Many at once, and the end
// ---------------------------------------------------------------------------------
static _Atomic int n_good;

static void *fetch_some(void *arg)
{
    struct arena *arena = arena_create();

    for (int i = 0; i < 10; i++) {
        struct net_answer_view v = fetch(arg, arena, i % 2 ? "POST" : "GET", to_peer(arena, "/ok"), 5000, 0);

        n_good += v.answer.got_answer && v.answer.status == 200;
    }
    arena_destroy(arena);
    return NULL;
}

static void many_jobs_fetch_at_once(void **state)
{
    enum { N = 16 };
    struct outbound_client *client = begin_to_peer();
    pthread_t threads[N];

    (void)state;
    n_good = 0;
    for (int i = 0; i < N; i++) {
        threads[i] = thread_start("job", fetch_some, client);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(n_good, N * 10);
    client_stop(client);
}

static struct net_answer_view last_view;

static void *fetch_silent(void *arg)
{
    struct arena *arena = arena_create();

    last_view = fetch(arg, arena, "POST", to_peer(arena, "/silent"), 20000, 0);
    arena_destroy(arena);
    return NULL;
}

static void stopping_ends_what_is_under_way(void **state)
{
    struct outbound_client *client = begin_to_peer();
    int before = peer.n_requests;
    pthread_t job = thread_start("job", fetch_silent, client);

    (void)state;
    for (int i = 0; i < 300 && peer.n_requests == before; i++) {
        poll(NULL, 0, 10);
    }
    i64 from = clock_mono();

    client_stop(client);
    pthread_join(job, NULL);
    assert_true(clock_mono() - from < 1000);
    assert_false(last_view.answer.got_answer);
    assert_true(last_view.answer.maybe_received);
    assert_string_equal(last_view.answer.error, "The program is stopping.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_large_or_too_slow_is_cut),
        cmocka_unit_test(a_smaller_limit_can_be_asked_for),
        cmocka_unit_test(whether_a_request_may_have_arrived_is_told_truly),
        cmocka_unit_test(a_post_is_sent_once_even_when_a_kept_connection_dies),
        cmocka_unit_test(headers_come_back_clean_and_only_from_the_last_answer),
        cmocka_unit_test(headers_and_methods_that_would_forge_a_request_are_refused),
        cmocka_unit_test(a_post_carries_its_body_and_headers),
        cmocka_unit_test(many_jobs_fetch_at_once),
        cmocka_unit_test(stopping_ends_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
