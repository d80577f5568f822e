// SPDX-License-Identifier: AGPL-3.0-or-later
// A server for tests of its life: handlers that wait, keep a request for somebody else, answer much, or
// open a stream. Included by test_http_life.c and test_http_stream.c.
#pragma once
#include "base/arena.h"
#include "base/thread.h"
#include "net/http.h"
#include "wire.h"
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define GET(path) S("GET " path " HTTP/1.1\r\nHost: a\r\n\r\n")

enum { MANY = 2000 };

static struct {
    struct http_server *server;
    struct str address;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;                     // requests for /wait go on
    struct http_request *kept[64]; // requests for /keep: somebody else answers
    size_t n_kept;
    _Atomic int n_waiting, n_done;
    struct http_stream *streams[MANY];
    _Atomic int n_opened, n_streams, n_closed;
    struct str big;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void answer(struct http_request *req, struct str body)
{
    http_respond(req, &(struct http_response){.status = 200, .content_type = S("text/plain"), .body = body});
    t.n_done++;
}

// How a layer above holds a stream: registered by a function posted behind the opening, unless the
// stream is closed by then. Net thread only, but for `opened`, which the post hands over.
struct screen {
    struct http_stream *_Atomic opened;
    bool closed;
};
static struct screen screens[MANY];

static inline void on_stream_closed(void *arg)
{
    struct screen *screen = arg;

    screen->closed = true;
    t.streams[screen - screens] = NULL;
    t.n_closed++;
}

static inline void register_stream(void *arg)
{
    struct screen *screen = arg;

    if (!screen->closed) {
        t.streams[screen - screens] = screen->opened;
    }
    t.n_streams++;
}

static inline void handle(struct http_request *req, void *arg)
{
    (void)arg;
    if (str_eq(req->path, S("/wait"))) {
        pthread_mutex_lock(&t.lock);
        t.n_waiting++;
        while (!t.open) {
            pthread_cond_wait(&t.changed, &t.lock);
        }
        t.n_waiting--;
        pthread_mutex_unlock(&t.lock);
    }
    if (str_eq(req->path, S("/keep"))) {
        pthread_mutex_lock(&t.lock);
        t.kept[t.n_kept++] = req;
        pthread_mutex_unlock(&t.lock);
        return;
    }
    if (str_eq(req->path, S("/stream"))) {
        struct screen *screen = &screens[t.n_opened++];
        struct http_server *server = req->server;

        screen->closed = false;
        screen->opened = http_stream_open(req, NULL, 0, on_stream_closed, screen);
        http_server_post(server, register_stream, screen);
        return;
    }
    answer(req, str_eq(req->path, S("/big")) ? t.big : S("ok"));
}

static inline void begin(struct http_server_settings settings)
{
    struct err err;

    settings.listen = S("127.0.0.1:0");
    settings.handler = handle;
    t.open = false;
    t.n_kept = 0;
    t.n_waiting = t.n_done = t.n_opened = t.n_streams = t.n_closed = 0;
    assert_true(http_server_start(&settings, &t.server, &err));
    t.address = http_server_address(t.server);
}

static inline void end(void)
{
    pthread_mutex_lock(&t.lock);
    t.open = true;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
    http_server_stop(t.server, 2000);
}

static inline void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

// Waits until *number has the value; false after 5 s.
static inline bool becomes(_Atomic int *number, int value)
{
    for (int i = 0; i < 500 && *number != value; i++) {
        pause_ms(10);
    }
    return *number == value;
}

static inline struct http_stats stats(void)
{
    struct http_stats s;

    http_stats(t.server, &s);
    return s;
}

static inline bool has_connections(i64 n)
{
    for (int i = 0; i < 500 && stats().connections != n; i++) {
        pause_ms(10);
    }
    return stats().connections == n;
}

static inline int status_of(int fd, int ms)
{
    char out[4000];
    bool closed;

    return wire_status(out, wire_read(fd, out, 12, ms, &closed));
}

static inline void *answer_kept(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&t.lock);
    for (size_t i = 0; i < t.n_kept; i++) {
        answer(t.kept[i], t.big.len > 0 ? t.big : S("late"));
    }
    t.n_kept = 0;
    pthread_mutex_unlock(&t.lock);
    return NULL;
}

static inline void wait_kept(size_t n)
{
    size_t have = 0;

    for (int i = 0; i < 500 && have < n; i++) {
        pause_ms(10);
        pthread_mutex_lock(&t.lock);
        have = t.n_kept;
        pthread_mutex_unlock(&t.lock);
    }
    assert_int_equal(have, n);
}
