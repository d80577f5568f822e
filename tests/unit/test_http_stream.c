// SPDX-License-Identifier: AGPL-3.0-or-later
// Streams of the HTTP server: they carry what fits, cost little, and tell once when the reader is gone.
// Ticks, and a server that ends in order.
#include "http_life.h"

static void *open_gate(void *arg)
{
    pthread_mutex_lock(&t.lock);
    t.open = true;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
    return arg;
}

// ---- Streams ----------------------------------------------------------------------------------------------
struct job {
    int stream;
    struct str bytes;
    i64 result;
    _Atomic int done;
};

static void do_write(void *arg)
{
    struct job *job = arg;

    job->result = t.streams[job->stream] ? http_stream_write(t.streams[job->stream], job->bytes) : -1;
    job->done = 1;
}

static void do_close(void *arg)
{
    struct job *job = arg;

    if (t.streams[job->stream]) {
        http_stream_close(t.streams[job->stream]);
    }
    // Not from inside close: the stream is still there.
    job->result = t.streams[job->stream] ? http_stream_write(t.streams[job->stream], S("x")) : -2;
    job->done = 1;
}

static i64 run_job(void (*fn)(void *), int stream, struct str bytes)
{
    struct job job = {.stream = stream, .bytes = bytes};

    http_server_post(t.server, fn, &job);
    assert_true(becomes(&job.done, 1));
    return job.result;
}

static int open_stream(int rcvbuf)
{
    int n = t.n_streams;
    int fd = wire_connect(t.address, rcvbuf);
    char out[2000];
    bool closed;
    size_t len = 0;

    assert_true(wire_send(fd, GET("/stream")));
    while (str_find((struct str){out, len}, S("\r\n\r\n")) < 0) {
        size_t got = wire_read(fd, out + len, 1, 2000, &closed);

        assert_int_equal(got, 1);
        len += got;
    }
    assert_int_equal(wire_status(out, len), 200);
    assert_true(str_find((struct str){out, len}, S("Content-Type: text/event-stream\r\n")) > 0);
    assert_true(becomes(&t.n_streams, n + 1));
    return fd;
}

static void streams_carry_frames_and_tell_when_the_reader_is_gone(void **state)
{
    char out[100];
    bool closed;
    struct frame *frame = frame_create(S("data: 1\n\n"));

    (void)state;
    begin((struct http_server_settings){.n_workers = 2});
    int a = open_stream(0), b = open_stream(0), c = open_stream(0);

    assert_true(frame_ref(frame) == frame);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run_job(do_write, i, frame_bytes(frame)), 9);
    }
    frame_unref(frame);
    assert_int_equal(wire_read(a, out, 9, 2000, &closed), 9);
    assert_memory_equal(out, "data: 1\n\n", 9);
    assert_int_equal(stats().streams, 3);
    close(a);
    assert_true(becomes(&t.n_closed, 1));
    assert_int_equal(run_job(do_write, 0, S("x")), -1);
    assert_int_equal(run_job(do_close, 1, STR_NONE), -1);
    assert_true(becomes(&t.n_closed, 2));
    (void)wire_read(b, out, sizeof out, 2000, &closed);
    assert_true(closed);
    // Rubbish from a reader ends it.
    for (int i = 0; i < 100; i++) {
        (void)wire_send(c, S("rubbish rubbish rubbish rubbish rubbish rubbish rubbish rubbish "));
    }
    assert_true(becomes(&t.n_closed, 3));
    assert_int_equal(stats().streams, 0);
    frame_unref(frame);
    close(b);
    close(c);
    end();
}

static void a_reader_with_a_shut_window_takes_nothing_and_blocks_nobody(void **state)
{
    static char block[65536];
    char out[100];
    bool closed;
    i64 n = 0;
    int tries = 0;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    int shut = open_stream(4096), open = open_stream(0);

    while ((n = run_job(do_write, 0, (struct str){block, sizeof block})) > 0) {
        assert_true(++tries < 1000);
    }
    assert_int_equal(n, 0);
    assert_int_equal(run_job(do_write, 0, S("x")), 0);
    assert_int_equal(run_job(do_write, 1, S("data: 2\n\n")), 9);
    assert_int_equal(wire_read(open, out, 9, 2000, &closed), 9);
    close(shut);
    close(open);
    assert_true(becomes(&t.n_closed, 2));
    end();
}

// Keeps the net thread busy until a worker has opened a stream, and writes to it before it has begun.
static void write_too_early(void *arg)
{
    struct job *job = arg;

    while (!screens[0].opened) {
        pause_ms(1);
    }
    job->result = http_stream_write(screens[0].opened, S("early"));
    job->done = 1;
}

static void a_stream_that_has_not_begun_takes_nothing_yet(void **state)
{
    static struct job job;
    char out[2000];
    bool closed;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    screens[0].opened = NULL;
    int gate = wire_connect(t.address, 0), fd = wire_connect(t.address, 0);

    assert_true(wire_send(gate, GET("/wait")));
    assert_true(becomes(&t.n_waiting, 1));
    // Behind the one that waits: the worker takes it only when the net thread is already held.
    assert_true(wire_send(fd, GET("/stream")));
    for (int i = 0; i < 500 && stats().queue_len < 1; i++) {
        pause_ms(10);
    }
    http_server_post(t.server, write_too_early, &job);
    open_gate(NULL);
    assert_true(becomes(&job.done, 1));
    assert_int_equal(job.result, 0);
    assert_int_equal(wire_status(out, wire_read(fd, out, 100, 2000, &closed)), 200);
    close(gate);
    close(fd);
    assert_true(becomes(&t.n_closed, 1));
    end();
}

static void a_stream_whose_reader_left_before_it_opened_is_closed_once(void **state)
{
    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    for (int i = 0; i < 50; i++) {
        int fd = wire_connect(t.address, 0);

        assert_true(wire_send(fd, GET("/stream")));
        if (i % 2) {
            wire_reset(fd); // may take the request with it
        } else {
            close(fd);
        }
    }
    for (int i = 0; i < 500 && t.n_opened < 25; i++) {
        pause_ms(10);
    }
    assert_true(t.n_opened >= 25);
    assert_true(has_connections(0));
    end();
    assert_int_equal(t.n_opened, t.n_closed);
}

static void a_stream_costs_at_most_4_kb(void **state)
{
    static int fds[MANY];
    bool closed;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    fds[0] = open_stream(0); // pools and buffers are warm
    malloc_trim(0);
    struct mallinfo2 before = mallinfo2();

    for (int i = 1; i < MANY; i++) {
        fds[i] = wire_connect(t.address, 0);
        assert_true(wire_send(fds[i], GET("/stream")));
    }
    assert_true(becomes(&t.n_streams, MANY));
    for (int i = 1; i < MANY; i++) {
        char out[12];

        assert_int_equal(wire_read(fds[i], out, 12, 2000, &closed), 12);
    }
    struct mallinfo2 after = mallinfo2();
    size_t each = (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / (MANY - 1);

    if (!SANITIZED) {
        print_message("a stream costs %zu bytes\n", each);
        assert_in_range(each, 1, 4096);
    }
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    assert_true(becomes(&t.n_closed, MANY));
    end();
}

// ---- Ticks and the end ---
static void count_tick(void *arg)
{
    (*(_Atomic int *)arg)++;
}

static void ticks_come_regularly_until_the_end(void **state)
{
    static _Atomic int n;

    (void)state;
    begin((struct http_server_settings){.n_workers = 1});
    http_server_tick(t.server, 20, count_tick, &n);
    pause_ms(500);
    assert_in_range(n, 10, 27);
    end();
    int last = n;

    pause_ms(60);
    assert_int_equal(n, last);
}

static void *open_soon(void *arg)
{
    pause_ms(200);
    return open_gate(arg);
}

static void stopping_finishes_what_runs_and_ends_streams(void **state)
{
    (void)state;
    begin((struct http_server_settings){.n_workers = 2});
    int running = wire_connect(t.address, 0), idle = wire_connect(t.address, 0), stream = open_stream(0);

    assert_true(wire_send(running, GET("/wait")));
    assert_true(becomes(&t.n_waiting, 1));
    pthread_t opener = thread_start("opener", open_soon, NULL);
    i64 from = clock_mono();

    http_server_stop(t.server, 5000);
    assert_in_range(clock_mono() - from, 100, 3000);
    assert_int_equal(status_of(running, 100), 200);
    assert_int_equal(t.n_closed, 1);
    pthread_join(opener, NULL);
    close(running);
    close(idle);
    close(stream);
}

static void a_request_answered_after_the_end_is_dropped_quietly(void **state)
{
    (void)state;
    t.big = STR_NONE;
    begin((struct http_server_settings){.n_workers = 1});
    int fd = wire_connect(t.address, 0), other = wire_connect(t.address, 0);
    i64 from = clock_mono();

    assert_true(wire_send(fd, GET("/keep")));
    assert_true(wire_send(other, GET("/keep")));
    wait_kept(2);
    http_server_stop(t.server, 200);
    assert_in_range(clock_mono() - from, 100, 1500);
    // One as an answer, one as a stream: both find nobody.
    struct http_request *late = t.kept[1];

    t.n_kept = 1;
    answer_kept(NULL);
    (void)http_stream_open(late, NULL, 0, on_stream_closed, &screens[0]);
    assert_int_equal(t.n_closed, 1);
    close(fd);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_carry_frames_and_tell_when_the_reader_is_gone),
        cmocka_unit_test(a_reader_with_a_shut_window_takes_nothing_and_blocks_nobody),
        cmocka_unit_test(a_stream_that_has_not_begun_takes_nothing_yet),
        cmocka_unit_test(a_stream_whose_reader_left_before_it_opened_is_closed_once),
        cmocka_unit_test(a_stream_costs_at_most_4_kb),
        cmocka_unit_test(ticks_come_regularly_until_the_end),
        cmocka_unit_test(stopping_finishes_what_runs_and_ends_streams),
        cmocka_unit_test(a_request_answered_after_the_end_is_dropped_quietly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
