// SPDX-License-Identifier: AGPL-3.0-or-later
// The HTTP server under load and neglect: slow peers meet their deadlines, a full server says so at once,
// peers that vanish hurt nobody.
#include "http_life.h"

// ---- Deadlines ------------------------------------------------------------------------------------------
// Sends one byte each 40 ms for ever; returns after how many ms the other side ended it, and its status.
static i64 dribble(struct str first, struct str rest, int *ret_status)
{
    int fd = wire_connect(t.address, 0);
    i64 from = clock_mono();
    char out[4000];
    size_t len = 0;
    bool closed = false;

    (void)wire_send(fd, first);
    for (size_t i = 0; !closed && clock_mono() - from < 5000; i++) {
        (void)wire_send(fd, str_sub(rest, i % rest.len, i % rest.len + 1));
        len += wire_read(fd, out + len, sizeof out - len, 40, &closed);
    }
    close(fd);
    *ret_status = wire_status(out, len);
    return clock_mono() - from;
}

static void headers_that_dribble_are_cut_at_their_deadline(void **state)
{
    int status;

    (void)state;
    begin((struct http_server_settings){.header_ms = 400});
    i64 ms = dribble(S("GET / HTTP/1.1\r\nHost: a\r\nX: "), S("a"), &status);
    assert_int_equal(status, 408);
    assert_in_range(ms, 350, 1000);
    ms = dribble(S(""), S("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &status);
    assert_int_equal(status, 408);
    assert_in_range(ms, 350, 1000);
    assert_int_equal(stats().timed_out, 2);
    end();
}

static void bodies_that_dribble_are_cut_at_their_deadline(void **state)
{
    int status;

    (void)state;
    begin((struct http_server_settings){.body_ms = 400});
    i64 ms = dribble(S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"), S("a"), &status);
    assert_int_equal(status, 408);
    assert_in_range(ms, 350, 1000);
    ms = dribble(S("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), S("1\r\na\r\n"),
                 &status);
    assert_int_equal(status, 408);
    assert_in_range(ms, 350, 1000);
    assert_int_equal(t.n_done, 0);
    end();
}

static void silent_connections_are_closed_without_a_word(void **state)
{
    char out[400];
    bool closed;

    (void)state;
    begin((struct http_server_settings){.header_ms = 400, .idle_ms = 300});
    int silent = wire_connect(t.address, 0), idle = wire_connect(t.address, 0);
    i64 from = clock_mono();

    assert_true(wire_send(idle, GET("/")));
    assert_int_equal(wire_read(silent, out, sizeof out, 3000, &closed), 0);
    assert_true(closed);
    assert_in_range(clock_mono() - from, 350, 1000);
    assert_int_equal(status_of(idle, 100), 200);
    (void)wire_read(idle, out, sizeof out, 3000, &closed);
    assert_true(closed);
    assert_true(has_connections(0));
    close(silent);
    close(idle);
    end();
}

static void a_reader_that_stalls_is_cut_at_its_deadline(void **state)
{
    (void)state;
    t.big = (struct str){mem_alloc(12000000), 12000000};
    begin((struct http_server_settings){.write_ms = 300, .slow_bytes_per_ms = 20000});
    int fd = wire_connect(t.address, 4096);

    assert_true(wire_send(fd, GET("/big")));
    assert_true(becomes(&t.n_done, 1));
    i64 from = clock_mono();

    // At most 12 MB at 20 MB/s on top of the 300 ms; reading a byte now and then changes nothing.
    while (stats().connections > 0 && clock_mono() - from < 5000) {
        char c;

        pause_ms(40);
        (void)recv(fd, &c, 1, MSG_DONTWAIT);
    }
    assert_in_range(clock_mono() - from, 300, 2000);
    assert_int_equal(stats().timed_out, 1);
    close(fd);
    end();
    mem_free((void *)t.big.ptr);
}

// ---- Load -------------------------------------------------------------------------------------------------
static void a_full_queue_is_answered_503_at_once(void **state)
{
    enum { N = 30 };
    int fds[N];
    char out[2000];
    bool closed;
    int n_busy = 0;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1, .max_queue = 1});
    for (int i = 0; i < N; i++) {
        fds[i] = wire_connect(t.address, 0);
        assert_true(wire_send(fds[i], GET("/wait")));
        if (i == 0) {
            assert_true(becomes(&t.n_waiting, 1));
        }
    }
    i64 from = clock_mono();

    for (int i = 2; i < N; i++) {
        size_t len = wire_read(fds[i], out, 400, 1000, &closed);

        n_busy +=
            wire_status(out, len) == 503 && str_find((struct str){out, len}, S("Retry-After: 1\r\n")) > 0;
    }
    assert_int_equal(n_busy, N - 2);
    assert_in_range(clock_mono() - from, 0, 900);
    // The ones in front are still served, and who was told 503 may ask again on the same connection.
    pthread_mutex_lock(&t.lock);
    t.open = true;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
    assert_int_equal(status_of(fds[0], 2000), 200);
    assert_int_equal(status_of(fds[1], 2000), 200);
    (void)wire_read(fds[5], out, sizeof out, 50, &closed);
    assert_false(closed);
    assert_true(wire_send(fds[5], GET("/")));
    assert_int_equal(status_of(fds[5], 2000), 200);
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    end();
}

static void a_thousand_pipelined_requests_into_a_full_queue_do_not_nest(void **state)
{
    static char many[40000], out[600000];
    size_t len = 0, n = 0;
    bool closed;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1, .max_queue = 1});
    int first = wire_connect(t.address, 0), second = wire_connect(t.address, 0),
        fd = wire_connect(t.address, 0);

    assert_true(wire_send(first, GET("/wait")));
    assert_true(becomes(&t.n_waiting, 1));
    assert_true(wire_send(second, GET("/wait")));
    for (int i = 0; i < 500 && stats().queue_len < 1; i++) {
        pause_ms(10);
    }
    for (int i = 0; i < 1000; i++) {
        memcpy(many + len, GET("/").ptr, GET("/").len);
        len += GET("/").len;
    }
    assert_true(wire_send(fd, (struct str){many, len}));
    for (int i = 0; i < 100 && n < 1000; i++) {
        static size_t got;
        struct str rest;
        i64 at;

        got += wire_read(fd, out + got, sizeof out - got, 50, &closed);
        rest = (struct str){out, got};
        n = 0;
        while ((at = str_find(rest, S("HTTP/1.1 503"))) >= 0) {
            rest = str_sub(rest, (size_t)at + 12, rest.len);
            n++;
        }
    }
    assert_int_equal(n, 1000);
    close(first);
    close(second);
    close(fd);
    end();
}

static void the_oldest_idle_connection_makes_room_and_busy_ones_do_not(void **state)
{
    int fds[5], extra;
    char out[2000];
    bool closed;

    (void)state;
    begin((struct http_server_settings){.max_connections = 4, .n_workers = 4});
    for (int i = 0; i < 4; i++) {
        fds[i] = wire_connect(t.address, 0);
        assert_true(wire_send(fds[i], GET("/")));
        assert_int_equal(status_of(fds[i], 2000), 200);
    }
    fds[4] = wire_connect(t.address, 0);
    assert_true(wire_send(fds[4], GET("/")));
    assert_int_equal(status_of(fds[4], 2000), 200);
    (void)wire_read(fds[0], out, sizeof out, 1000, &closed);
    assert_true(closed);
    for (int i = 1; i < 5; i++) {
        assert_true(wire_send(fds[i], GET("/wait")));
    }
    assert_true(becomes(&t.n_waiting, 4));
    extra = wire_connect(t.address, 0);
    size_t len = wire_read(extra, out, sizeof out, 1000, &closed);
    assert_int_equal(wire_status(out, len), 503);
    assert_true(closed);
    for (int i = 0; i < 5; i++) {
        close(fds[i]);
    }
    close(extra);
    end();
}

static void bodies_together_cannot_take_more_memory_than_allowed(void **state)
{
    enum { N = 12 };
    static char body[200000];
    int fds[N], n_refused = 0;

    (void)state;
    begin((struct http_server_settings){.max_buffered = 1024 * 1024});
    for (int i = 0; i < N; i++) {
        fds[i] = wire_connect(t.address, 0);
        (void)wire_send(fds[i], S("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"));
        (void)wire_send(fds[i], (struct str){body, sizeof body});
    }
    for (int i = 0; i < N; i++) {
        n_refused += status_of(fds[i], 100) == 503;
    }
    assert_in_range(n_refused, 6, N - 2);
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    assert_true(has_connections(0));
    int fd = wire_connect(t.address, 0);

    assert_true(wire_send(fd, GET("/")));
    assert_int_equal(status_of(fd, 2000), 200);
    close(fd);
    end();
}

static i64 processor_ms(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void running_out_of_files_neither_spins_nor_stays(void **state)
{
    enum { N = 20 };
    struct rlimit before, low;
    int fds[N], top;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct str port;
    i64 number;

    (void)str_cut(t.address, ':', &port);
    assert_true(str_to_i64(port, &number));
    to.sin_port = htons((uint16_t)number);
    for (int i = 0; i < N; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    // No file is free below the limit.
    while ((top = open("/dev/null", O_RDONLY | O_CLOEXEC)) < fds[N - 1]) {
        assert_true(top >= 0);
    }
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)top + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    i64 processor = processor_ms();

    for (int i = 0; i < N; i++) {
        assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
    }
    pause_ms(500);
    processor = processor_ms() - processor;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_in_range(processor, 0, 200);
    for (int i = 0; i < N; i++) {
        char c;
        bool closed;

        (void)wire_read(fds[i], &c, 1, 1000, &closed);
        assert_true(closed);
    }
    int fd = wire_connect(t.address, 0);

    assert_true(wire_send(fd, GET("/")));
    assert_int_equal(status_of(fd, 2000), 200);
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    close(fd);
    end();
}

// ---- Vanishing --------------------------------------------------------------------------------------------
static void a_request_may_be_answered_later_by_another_thread(void **state)
{
    enum { N = 20 };
    int fds[N];

    (void)state;
    t.big = STR_NONE;
    begin((struct http_server_settings){.n_workers = 1});
    for (int i = 0; i < N; i++) {
        fds[i] = wire_connect(t.address, 0);
        assert_true(wire_send(fds[i], GET("/keep")));
    }
    wait_kept(N); // one worker took them all: none is held
    pthread_join(thread_start("late", answer_kept, NULL), NULL);
    for (int i = 0; i < N; i++) {
        assert_int_equal(status_of(fds[i], 2000), 200);
        close(fds[i]);
    }
    end();
}

static void a_peer_that_vanishes_before_its_answer_hurts_nobody(void **state)
{
    enum { N = 20 };
    int fds[N];

    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    for (int i = 0; i < N; i++) {
        fds[i] = wire_connect(t.address, 0);
        assert_true(wire_send(fds[i], GET("/keep")));
    }
    wait_kept(N);
    for (int i = 0; i < N; i++) {
        wire_reset(fds[i]);
    }
    assert_true(has_connections(0));
    answer_kept(NULL);
    assert_true(becomes(&t.n_done, N));
    end();
}

static void a_peer_that_vanishes_in_the_middle_of_its_answer_hurts_nobody(void **state)
{
    enum { N = 10 };
    char out[1000];
    bool closed;

    (void)state;
    t.big = (struct str){mem_alloc(8000000), 8000000};
    begin((struct http_server_settings){.n_workers = 1});
    for (int i = 0; i < N; i++) {
        int fd = wire_connect(t.address, 4096);

        assert_true(wire_send(fd, GET("/big")));
        assert_int_equal(wire_read(fd, out, sizeof out, 2000, &closed), sizeof out);
        wire_reset(fd);
    }
    assert_true(has_connections(0));
    int fd = wire_connect(t.address, 0);

    assert_true(wire_send(fd, GET("/")));
    assert_int_equal(status_of(fd, 2000), 200);
    close(fd);
    end();
    mem_free((void *)t.big.ptr);
    t.big = STR_NONE;
}

static void a_large_answer_arrives_whole(void **state)
{
    static char out[3000000];
    bool closed;

    (void)state;
    char *big = mem_alloc(2500000);

    for (size_t i = 0; i < 2500000; i++) {
        big[i] = (char)('a' + i % 23);
    }
    t.big = (struct str){big, 2500000};
    begin((struct http_server_settings){.n_workers = 1});
    int fd = wire_connect(t.address, 8192);

    assert_true(wire_send(fd, S("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
    size_t len = wire_read(fd, out, sizeof out, 10000, &closed);

    assert_true(closed && len > 2500000);
    assert_memory_equal(out + len - 2500000, big, 2500000);
    close(fd);
    end();
    mem_free(big);
    t.big = STR_NONE;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_that_dribble_are_cut_at_their_deadline),
        cmocka_unit_test(bodies_that_dribble_are_cut_at_their_deadline),
        cmocka_unit_test(silent_connections_are_closed_without_a_word),
        cmocka_unit_test(a_reader_that_stalls_is_cut_at_its_deadline),
        cmocka_unit_test(a_full_queue_is_answered_503_at_once),
        cmocka_unit_test(a_thousand_pipelined_requests_into_a_full_queue_do_not_nest),
        cmocka_unit_test(the_oldest_idle_connection_makes_room_and_busy_ones_do_not),
        cmocka_unit_test(bodies_together_cannot_take_more_memory_than_allowed),
        cmocka_unit_test(running_out_of_files_neither_spins_nor_stays),
        cmocka_unit_test(a_request_may_be_answered_later_by_another_thread),
        cmocka_unit_test(a_peer_that_vanishes_before_its_answer_hurts_nobody),
        cmocka_unit_test(a_peer_that_vanishes_in_the_middle_of_its_answer_hurts_nobody),
        cmocka_unit_test(a_large_answer_arrives_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
