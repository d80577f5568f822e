// SPDX-License-Identifier: AGPL-3.0-or-later
// Inside of the HTTP server, shared by server.c, connection.c, respond.c, stream.c and worker.c. All of it
// belongs to the net thread, except what says otherwise: the post list (under its lock), the counters
// (atomic) and an exchange between its dispatch and its answer (the worker's).
#pragma once
#include "base/thread.h"
#include "net/head.h"
#include "net/parse.h"
#include "net/wheel.h"
#include <stdatomic.h>
#include <sys/queue.h>
#include <uv.h>

struct connection;

// Work for the net thread, in the order it was posted.
struct post {
    struct post *next;
    void (*run)(struct http_server *server, struct post *post);
    // Instead of run when the net thread is gone; frees.
    void (*drop)(struct http_server *server, struct post *post);
};

// One request and what is needed to answer it. Lives in the request's arena; req is the first member.
struct exchange {
    struct http_request req;
    struct parse parse;
    size_t buffered; // counted in server->buffered
};

// A formatted answer on its way out.
struct answer {
    struct post post;
    uv_write_t write;
    struct connection *connection;
    bool close;
    size_t len, sent;
    char bytes[];
};

enum connection_state {
    CONNECTION_IDLE, // nothing of the next request has come
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_BUSY, // a worker has it
    CONNECTION_WRITE,
    CONNECTION_STREAM,
    CONNECTION_LINGER, // answered for the last time, waiting for the other side to read it and go
    CONNECTION_CLOSED,
};

struct connection {
    uv_tcp_t tcp;
    struct wheel_node timer; // by offset: connection_from_timer
    struct http_server *server;
    TAILQ_ENTRY(connection) link, idle_link;
    enum connection_state state;
    bool busy; // an exchange is out; memory stays until it comes back
    bool handle_closed;
    bool in_idle_list;
    bool reading;
    bool eof; // the other side has closed its half
    bool processing;
    struct head_scan scan;
    char *in; // bytes that wait: part of a head, or requests behind the one being answered
    size_t in_len, in_cap;
    size_t discarded;
    struct exchange *exchange; // while its body is read
    struct http_stream *stream;
    char peer[46];
};

struct http_stream {
    struct post post;
    struct connection *connection;
    void (*on_close)(void *arg);
    void *arg;
    size_t head_len;
    char head[];
};

struct tick {
    struct post post;
    TAILQ_ENTRY(tick) link;
    uv_timer_t timer;
    int ms;
    void (*fn)(void *arg);
    void *arg;
};

TAILQ_HEAD(connection_list, connection);
TAILQ_HEAD(tick_list, tick);

struct http_server {
    struct http_server_settings settings;
    char address[64];
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t wakeup;
    uv_timer_t wheel_timer, stop_timer;
    struct wheel wheel;
    pthread_t thread;
    pthread_t *workers;
    struct queue *queue;
    struct connection_list connections, idle;
    struct tick_list ticks;
    size_t n_open;    // connections not yet being closed
    _Atomic i64 refs; // 1 for the owner and one for each exchange out
    u64 last_id;
    bool stopping;
    bool cut;    // the stop deadline has passed
    bool ending; // the loop's own handles are being closed
    char read_buf[65536];

    pthread_mutex_t lock; // guards the rest
    struct post *posts, **posts_end;
    bool stopped; // the net thread takes no more posts

    _Atomic i64 buffered;
    _Atomic i64 stat_connections, stat_streams, stat_requests, stat_refused, stat_timed_out, stat_in,
        stat_out;
};

// ---- server.c
void server_post(struct http_server *server, struct post *post); // any thread
// Net thread: something ended; ends the loop when stopping and nothing is left.
void server_check_end(struct http_server *server);
void server_unref(struct http_server *server); // any thread; the last one frees

// ---- connection.c
void connection_accept(struct http_server *server);
void connection_close(struct connection *connection);
// Takes the answer, sends it or drops it when the other side is gone.
void connection_answer(struct connection *connection, struct answer *answer);
void connection_deliver(struct http_server *server, struct post *post);
void connection_drop_answer(struct http_server *server, struct post *post);
bool connection_become_stream(struct connection *connection, struct http_stream *stream);
void connection_fire(struct wheel_node *node);
void connection_set_deadline(struct connection *connection, int ms);
void connection_shed_idle(struct http_server *server);

// ---- respond.c
void exchange_free(struct exchange *exchange); // any thread
struct answer *answer_create(struct http_server *server, const struct exchange *exchange,
                             const struct http_response *response); // any thread
// An error of net's own. exchange may be NULL; close is forced then.
struct answer *answer_problem(struct http_server *server, const struct exchange *exchange, int status,
                              const char *detail, int retry_after_s, bool close);

// The given headers, then the defaults that are not among them.
void response_add_headers(struct buf *head, const struct http_server *server,
                          const struct http_header *headers, size_t n);

// ---- stream.c
void stream_ended(struct http_stream *stream); // the handle is closed: on_close, then freed

// ---- worker.c
void *worker_run(void *arg);
