// SPDX-License-Identifier: AGPL-3.0-or-later
// HTTP/1.1 server on libuv and llhttp, strict (RFC 9112): both lengths, bare LF, folded headers, NUL,
// space before a colon, none or two Hosts are answered 400 and closed. Absolute deadlines for headers
// and bodies, limits on everything, 503 with Retry-After when the workers' queue is full. The net thread
// owns the sockets and never touches the database: a whole request goes to a worker, an answer comes back.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum http_method {
    HTTP_GET_,
    HTTP_HEAD_,
    HTTP_POST_,
    HTTP_PUT_,
    HTTP_PATCH_,
    HTTP_DELETE_,
    HTTP_OPTIONS_,
    HTTP_OTHER_
};
struct http_header {
    struct str name, value;
}; // name lower-cased
struct http_request {
    u64 id; // unique in this process, in logs and X-Request-Id
    enum http_method method;
    struct str target; // as sent
    struct str path;   // decoded once, no "..", "//", NUL, backslash (else 400)
    struct str query;  // raw, behind '?'
    struct http_header *headers;
    size_t n_headers;
    struct str body;     // whole, within the route's limit
    struct str peer;     // address text
    i64 started;         // clock_mono
    struct arena *arena; // lives until the answer is written
    struct http_server *server;
    void *connection; // net/'s own
    void *user;       // the layer above's own
};
// STR_NONE when absent or present twice.
struct str http_header(const struct http_request *req, const char *lower_name);
// One decoded query parameter. False (ERR_SYNTAX, field = name) when doubled or not UTF-8; STR_NONE when
// absent.
bool http_param(const struct http_request *req, const char *name, struct str *ret_value,
                struct err *err) MUST_CHECK;
struct str http_cookie(const struct http_request *req, const char *name);

struct http_response {
    int status;
    struct http_header *headers;
    size_t n_headers; // besides Content-Length, Date, Connection, X-Request-Id
    struct str content_type;
    struct str body;
    bool close;
};
// Thread-safe; exactly once per request. Copies what it needs, then the request's arena is given back.
void http_respond(struct http_request *req, const struct http_response *response);

// Body limits are decided from the head, before the body is read.
typedef size_t http_body_limit(enum http_method method, struct str path, void *arg);
typedef void http_handler(struct http_request *req, void *arg); // on a worker thread

struct http_server_settings {
    struct str listen;                         // "127.0.0.1:8100", "[::1]:0"
    int n_workers;                             // 4
    size_t max_queue;                          // requests waiting for a worker, beyond: 503
    size_t max_connections;                    // 20,000
    int header_ms, body_ms, idle_ms, write_ms; // absolute deadlines: 10 s, 30 s, 60 s, 30 s
    int slow_bytes_per_ms;                     // 100: bodies get this much longer, either way
    http_body_limit *body_limit;               // NULL: 1 MiB for every route
    http_handler *handler;
    void *arg;
    // Put on every answer that does not set the same header itself, net/'s own errors included. Names and
    // values must outlive the server.
    const struct http_header *default_headers;
    size_t n_default_headers;
    size_t max_buffered; // bytes of heads and bodies being read, all together; 0: 256 MiB, beyond: 503
};
// Zero or negative numbers in the settings mean the defaults above.
struct http_server;
bool http_server_start(const struct http_server_settings *settings, struct http_server **ret,
                       struct err *err) MUST_CHECK;
// The address really bound ("127.0.0.1:43521").
struct str http_server_address(const struct http_server *server);
// Graceful: stop accepting, tell streams, finish what runs (at most timeout_ms), then join.
void http_server_stop(struct http_server *server, int timeout_ms);

// ---- Streams (server-sent events): the connection leaves request/response and belongs to a stream ----
// A frame is immutable, counted bytes shared by all its readers.
struct frame;
struct frame *frame_create(struct str bytes);
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame);
struct str frame_bytes(const struct frame *frame);

struct http_stream;
// Answers 200 text/event-stream and hands the connection over; on_close(arg) is called exactly once, on the
// net thread: when the other side is gone, was cut, or after http_stream_close (never from inside it). The
// stream is dead after on_close, which may come before a function posted after this call runs. Thread-safe.
// `req` and its arena are gone afterwards, as after http_respond. The way to hold a stream: write the result
// into your struct, then http_server_post a function that registers it unless on_close was there first.
struct http_stream *http_stream_open(struct http_request *req, const struct http_header *headers, size_t n,
                                     void (*on_close)(void *arg), void *arg);
// Runs fn(arg) on the net thread soon; the way in for everything that touches streams.
void http_server_post(struct http_server *server, void (*fn)(void *arg), void *arg);
// Runs fn(arg) on the net thread every `ms`. Before start of traffic.
void http_server_tick(struct http_server *server, int ms, void (*fn)(void *arg), void *arg);
// Net thread only. Writes what fits now without queueing: returns bytes taken (0: socket full), -1: closed.
i64 http_stream_write(struct http_stream *stream, struct str bytes);
void http_stream_close(struct http_stream *stream); // net thread only

struct http_stats {
    i64 connections, streams, requests, refused, timed_out, queue_len, bytes_in, bytes_out;
};
void http_stats(struct http_server *server, struct http_stats *out);
