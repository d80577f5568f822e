// SPDX-License-Identifier: AGPL-3.0-or-later
// The HTTP server against everything that is not quite HTTP, over real sockets: each request is refused and
// the connection ends, or it has exactly one meaning and the one behind it is still understood.
#include "http_table.h"
#include "net/http.h"
#include "wire.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define AFTER "GET /after HTTP/1.1\r\nHost: a\r\n\r\n"

// ---- A server that writes down what it was asked ------------------------------------------------------
static struct {
    struct http_server *server;
    struct str address;
    pthread_mutex_t lock;
    char seen[64][300]; // path and length of the body
    size_t n_seen;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void handle(struct http_request *req, void *arg)
{
    (void)arg;
    pthread_mutex_lock(&t.lock);
    if (t.n_seen < ARRAY_LEN(t.seen)) {
        snprintf(t.seen[t.n_seen++], sizeof t.seen[0], STR_FMT " %zu", STR_ARG(req->path), req->body.len);
    }
    pthread_mutex_unlock(&t.lock);
    http_respond(req, &(struct http_response){.status = 200,
                                              .content_type = S("text/plain"),
                                              .body = req->method == HTTP_POST_ ? req->body : req->path});
}

static struct http_header defaults[] = {{S("X-Content-Type-Options"), S("nosniff")}, {S("X-Test"), S("yes")}};

static int start(void **state)
{
    struct err err;
    struct http_server_settings settings = {
        .listen = S("127.0.0.1:0"),
        .n_workers = 2,
        .handler = handle,
        .default_headers = defaults,
        .n_default_headers = ARRAY_LEN(defaults),
    };

    (void)state;
    if (!http_server_start(&settings, &t.server, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    t.address = http_server_address(t.server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(t.server, 1000);
    return 0;
}

static void forget(void)
{
    pthread_mutex_lock(&t.lock);
    t.n_seen = 0;
    pthread_mutex_unlock(&t.lock);
}

static size_t count(const char *text, size_t len, struct str needle)
{
    struct str rest = {text, len};
    size_t n = 0;
    i64 at;

    while ((at = str_find(rest, needle)) >= 0) {
        rest = str_sub(rest, (size_t)at + needle.len, rest.len);
        n++;
    }
    return n;
}

static bool has(const char *text, size_t len, struct str needle)
{
    return count(text, len, needle) > 0;
}

// Sends bytes, whole or one by one, then a second request, and reads what comes back.
static size_t exchange(struct str bytes, bool one_by_one, size_t wanted_answers, char *out, size_t size,
                       bool *ret_closed)
{
    int fd = wire_connect(t.address, 0);
    bool open = true;

    forget();
    if (one_by_one) {
        for (size_t i = 0; i < bytes.len && open; i++) {
            open = wire_send(fd, str_sub(bytes, i, i + 1));
        }
    } else {
        open = wire_send(fd, bytes);
    }
    if (open) {
        (void)wire_send(fd, S(AFTER));
    }
    size_t len = 0;

    *ret_closed = false;
    for (int i = 0; i < 300 && !*ret_closed; i++) {
        len += wire_read(fd, out + len, size - len, 10, ret_closed);
        if (wanted_answers > 0 && count(out, len, S("HTTP/1.1 ")) >= wanted_answers &&
            has(out, len, S("/after"))) {
            break;
        }
    }
    close(fd);
    return len;
}

static bool is_refused_well(const char *out, size_t len, bool closed, int low, int high)
{
    int status = wire_status(out, len);

    return (status == low || status == high) && closed && t.n_seen == 0 &&
           count(out, len, S("HTTP/1.1 ")) == 1 &&
           has(out, len, S("Content-Type: application/problem+json\r\n")) &&
           has(out, len, S("Connection: close\r\n")) && has(out, len, S("X-Request-Id: ")) &&
           has(out, len, S("X-Test: yes\r\n")) && count(out, len, S("nosniff")) == 1;
}

static bool is_taken_well(const struct http_row *row, const char *out, size_t len)
{
    char expected[300];

    snprintf(expected, sizeof expected, "%s %zu", row->path, row->body);
    return wire_status(out, len) == 200 && count(out, len, S("HTTP/1.1 200 OK\r\n")) == 2 && t.n_seen == 2 &&
           strcmp(t.seen[0], expected) == 0 && strcmp(t.seen[1], "/after 0") == 0;
}

static bool check_row(const struct http_row *row, bool one_by_one)
{
    static char out[20000];
    bool closed;
    bool taken = row->status == 200;
    size_t len = exchange(row->bytes, one_by_one, taken ? 2 : 0, out, sizeof out, &closed);

    pthread_mutex_lock(&t.lock);
    bool good =
        taken ? is_taken_well(row, out, len) : is_refused_well(out, len, closed, row->status, row->or_status);

    if (!good) {
        fprintf(stderr, "%s (%s): wanted %d, got %d, closed %d, seen %zu \"%s\"\n", row->name,
                one_by_one ? "byte by byte" : "whole", row->status, wire_status(out, len), closed, t.n_seen,
                t.n_seen ? t.seen[0] : "");
    }
    pthread_mutex_unlock(&t.lock);
    return good;
}

static void each_malformed_request_is_refused_or_has_one_meaning(void **state)
{
    size_t n_wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(http_rows); i++) {
        n_wrong += !check_row(&http_rows[i], false);
    }
    assert_int_equal(n_wrong, 0);
}

static void the_same_holds_when_bytes_come_one_by_one(void **state)
{
    size_t n_wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(http_rows); i++) {
        n_wrong += !check_row(&http_rows[i], true);
    }
    assert_int_equal(n_wrong, 0);
}

static struct str repeat(struct arena *arena, struct str before, struct str unit, size_t n, struct str after)
{
    char *text = arena_alloc(arena, before.len + unit.len * n + after.len);
    char *at = text;

    memcpy(at, before.ptr, before.len);
    at += before.len;
    for (size_t i = 0; i < n; i++, at += unit.len) {
        memcpy(at, unit.ptr, unit.len);
    }
    memcpy(at, after.ptr, after.len);
    return (struct str){text, before.len + unit.len * n + after.len};
}

static void what_is_too_long_is_refused(void **state)
{
    struct arena *arena = arena_create();
    struct str end = S("\r\n\r\n"), get = S("GET /p HTTP/1.1\r\nHost: a\r\n"), a = S("a");
    struct str version = S(" HTTP/1.1\r\nHost: a\r\n\r\n");
    struct str chunked = S("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n");
    const struct http_row rows[] = {
        {431, 431, "a value of 33,000 bytes", repeat(arena, str_concat(arena, get, S("X: ")), a, 33000, end),
         NULL, 0},
        {431, 431, "a name of 33,000 bytes", repeat(arena, get, a, 33000, S(": 1\r\n\r\n")), NULL, 0},
        {431, 431, "70 headers of 500 bytes",
         repeat(arena, get, repeat(arena, S("X: "), a, 495, S("\r\n")), 70, S("\r\n")), NULL, 0},
        {431, 431, "101 headers", repeat(arena, get, S("X: 1\r\n"), 100, S("\r\n")), NULL, 0},
        {414, 414, "a target of 8,193 bytes", repeat(arena, S("GET /"), a, 8192, version), NULL, 0},
        {414, 414, "a target of 60,000 bytes", repeat(arena, S("GET /"), a, 60000, version), NULL, 0},
        {414, 414, "a query of 8,192 bytes", repeat(arena, S("GET /?"), a, 8191, version), NULL, 0},
        {413, 413, "a chunk over the limit", repeat(arena, chunked, a, 70000, end), NULL, 0},
        {400, 400, "50,000 chunks of one byte",
         repeat(arena, str_sub(chunked, 0, chunked.len - 8), S("1\r\na\r\n"), 50000, S("0\r\n\r\n")), NULL,
         0},
        {200, 200, "a target of 8,192 bytes", repeat(arena, S("GET /p?"), a, 8189, version), "/p", 0},
        {200, 200, "100 headers", repeat(arena, get, S("X: 1\r\n"), 99, S("\r\n")), "/p", 0},
    };
    size_t n_wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        n_wrong += !check_row(&rows[i], false);
    }
    assert_int_equal(n_wrong, 0);
    arena_destroy(arena);
}

// ---- Pipelines ------------------------------------------------------------------------------------------
static u32 seed = 1;

static u32 next_random(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

// A POST whose body is its own number, framed one way or the other, or a GET that names it.
static size_t write_request(char *out, size_t size, int id)
{
    char body[16];
    int len = snprintf(body, sizeof body, "/%d", id), n = 0;

    switch (next_random() % 4) {
    case 0:
        n = snprintf(out, size, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", body);
        break;
    case 1:
        n = snprintf(out, size, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len, body);
        break;
    case 2:
        n = snprintf(out, size,
                     "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n1\r\n/\r\n%x\r\n%s\r\n0\r\n\r\n",
                     len - 1, body + 1);
        break;
    default:
        n = snprintf(out, size, "\r\nGET %s?%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", body,
                     id);
    }
    return (size_t)n;
}

static void run_pipeline(int n_requests)
{
    static char out[65536], answers[65536];
    size_t len = 0, got = 0, expected = 0;
    char last[16];
    bool closed = false;
    int fd = wire_connect(t.address, 0);

    for (int i = 0; i < n_requests; i++) {
        len += write_request(out + len, sizeof out - len, 1000 + i);
    }
    for (size_t at = 0; at < len;) {
        size_t n = next_random() % 200 + 1;

        n = n > len - at ? len - at : n;
        assert_true(wire_send(fd, (struct str){out + at, n}));
        at += n;
    }
    snprintf(last, sizeof last, "\r\n\r\n/%d", 1000 + n_requests - 1);
    while (!has(answers, got, str_from(last)) && !closed) {
        size_t n = wire_read(fd, answers + got, sizeof answers - got, 20, &closed);

        got += n;
        assert_true(expected++ < 500);
    }
    assert_int_equal(count(answers, got, S("HTTP/1.1 200 OK\r\n")), n_requests);
    // Each answer carries its own number, in the order of the requests.
    struct str rest = {answers, got};

    for (int i = 0; i < n_requests; i++) {
        char mark[16];

        snprintf(mark, sizeof mark, "\r\n\r\n/%d", 1000 + i);
        i64 at = str_find(rest, str_from(mark)), any = str_find(rest, S("\r\n\r\n/"));

        assert_true(at >= 0 && at == any);
        rest = str_sub(rest, (size_t)at + 4, rest.len);
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order_however_they_are_cut(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        forget();
        run_pipeline(20);
    }
}

static void a_request_hidden_behind_a_refused_one_is_never_run(void **state)
{
    static char out[20000];
    bool closed;

    (void)state;
    for (int i = 0; i < 200; i++) {
        const struct http_row *row = &http_rows[next_random() % ARRAY_LEN(http_rows)];

        if (row->status == 200) {
            continue;
        }
        size_t len = exchange(row->bytes, false, 0, out, sizeof out, &closed);

        assert_int_equal(count(out, len, S("HTTP/1.1 ")), 1);
        assert_int_equal(t.n_seen, 0);
        assert_true(closed);
    }
}

// ---- Plain behaviour --------------------------------------------------------------------------------------
static size_t ask(struct str bytes, char *out, size_t size, int ms, bool *ret_closed)
{
    int fd = wire_connect(t.address, 0);

    assert_true(wire_send(fd, bytes));
    size_t len = wire_read(fd, out, size, ms, ret_closed);

    close(fd);
    return len;
}

static void head_gets_the_length_but_no_body(void **state)
{
    char out[2000];
    bool closed;
    size_t len =
        ask(S("HEAD /four HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), out, sizeof out, 2000, &closed);

    (void)state;
    assert_int_equal(wire_status(out, len), 200);
    assert_true(closed && has(out, len, S("Content-Length: 5\r\n")));
    assert_true(str_ends((struct str){out, len}, S("\r\n\r\n")));
}

static void a_connection_is_kept_unless_asked_otherwise(void **state)
{
    char out[2000];
    bool closed;

    (void)state;
    (void)ask(S("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), out, sizeof out, 200, &closed);
    assert_false(closed);
    (void)ask(S("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"), out, sizeof out, 2000, &closed);
    assert_true(closed);
    (void)ask(S("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n"), out, sizeof out, 2000, &closed);
    assert_true(closed);
    (void)ask(S("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), out, sizeof out, 2000, &closed);
    assert_true(closed);
}

static void continue_is_said_before_the_body_is_read(void **state)
{
    char out[2000];
    bool closed;
    int fd = wire_connect(t.address, 0);

    (void)state;
    forget();
    assert_true(
        wire_send(fd, S("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n")));
    size_t len = wire_read(fd, out, 25, 2000, &closed);

    assert_int_equal(len, 25);
    assert_memory_equal(out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    assert_true(wire_send(fd, S("hello")));
    len = wire_read(fd, out, 15, 2000, &closed);
    assert_int_equal(wire_status(out, len), 200);
    assert_string_equal(t.seen[0], "/p 5");
    close(fd);
}

static void half_a_goodbye_still_gets_its_answer(void **state)
{
    char out[2000];
    bool closed;
    int fd = wire_connect(t.address, 0);

    (void)state;
    assert_true(wire_send(fd, S("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")));
    shutdown(fd, SHUT_WR);
    size_t len = wire_read(fd, out, sizeof out, 2000, &closed);

    assert_int_equal(wire_status(out, len), 200);
    assert_true(closed);
    close(fd);
}

// ---- What handlers ask ------------------------------------------------------------------------------------
static void parameters_are_decoded_once_and_never_chosen_between(void **state)
{
    struct arena *arena = arena_create();
    struct http_request req = {.arena = arena,
                               .query = S("a=1&b=x+y%26&c&d=%C3%A9&e=%ff&a2=%00&f=1&%66=2&g=%2541")};
    struct str value;
    struct err err = {0};

    (void)state;
    assert_true(http_param(&req, "a", &value, &err) && str_eq(value, S("1")));
    assert_true(http_param(&req, "b", &value, &err) && str_eq(value, S("x y&")));
    assert_true(http_param(&req, "c", &value, &err) && str_given(value) && value.len == 0);
    assert_true(http_param(&req, "d", &value, &err) && str_eq(value, S("é")));
    assert_true(http_param(&req, "g", &value, &err) && str_eq(value, S("%41")));
    assert_true(http_param(&req, "z", &value, &err) && !str_given(value));
    assert_false(http_param(&req, "e", &value, &err));
    assert_int_equal(err.code, ERR_SYNTAX);
    assert_string_equal(err.field, "e");
    assert_false(http_param(&req, "a2", &value, &err));
    assert_false(http_param(&req, "f", &value, &err));
    assert_string_equal(err.reason, "doubled");
    arena_destroy(arena);
}

static void a_header_or_cookie_given_twice_counts_as_absent(void **state)
{
    struct http_header headers[] = {{S("x"), S("1")},
                                    {S("y"), S("1")},
                                    {S("y"), S("2")},
                                    {S("cookie"), S("a=1; heed=abc; b=; c=1; c=2; d")}};
    struct http_request req = {.headers = headers, .n_headers = ARRAY_LEN(headers)};

    (void)state;
    assert_true(str_eq(http_header(&req, "x"), S("1")));
    assert_false(str_given(http_header(&req, "y")));
    assert_false(str_given(http_header(&req, "z")));
    assert_true(str_eq(http_cookie(&req, "heed"), S("abc")));
    assert_true(str_given(http_cookie(&req, "b")));
    assert_false(str_given(http_cookie(&req, "c")));
    assert_false(str_given(http_cookie(&req, "d")));
    assert_false(str_given(http_cookie(&req, "hee")));
}

static void an_address_that_cannot_be_listened_on_says_why(void **state)
{
    static const char *const wrong[] = {
        "",       "8100",    "127.0.0.1:",   "127.0.0.1:x", "127.0.0.1:65536", "example.com:80",
        "::1:80", "[::1:80", "127.0.0.1:-1", "127.0.0.1:08"};
    struct http_server *server = NULL;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct http_server_settings settings = {.listen = str_from(wrong[i]), .handler = handle};

        assert_false(http_server_start(&settings, &server, &err));
        assert_string_equal(err.field, "listen");
    }
    struct http_server_settings taken = {.listen = t.address, .handler = handle};

    assert_false(http_server_start(&taken, &server, &err));
    assert_non_null(strstr(err.text, "already in use"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_malformed_request_is_refused_or_has_one_meaning),
        cmocka_unit_test(the_same_holds_when_bytes_come_one_by_one),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_however_they_are_cut),
        cmocka_unit_test(a_request_hidden_behind_a_refused_one_is_never_run),
        cmocka_unit_test(head_gets_the_length_but_no_body),
        cmocka_unit_test(a_connection_is_kept_unless_asked_otherwise),
        cmocka_unit_test(continue_is_said_before_the_body_is_read),
        cmocka_unit_test(half_a_goodbye_still_gets_its_answer),
        cmocka_unit_test(parameters_are_decoded_once_and_never_chosen_between),
        cmocka_unit_test(a_header_or_cookie_given_twice_counts_as_absent),
        cmocka_unit_test(an_address_that_cannot_be_listened_on_says_why),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
