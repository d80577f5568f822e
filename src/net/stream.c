// SPDX-License-Identifier: AGPL-3.0-or-later
// Streams of server-sent events, and the counted frames written to them. A stream costs its socket and
// one small block: arena, parser and waiting bytes are given back when it opens. Nothing is queued here;
// who reads slowly gets 0 bytes and the layer above decides.
#include "base/clock.h"
#include "base/log.h"
#include "net/date.h"
#include "net/server.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
    STREAM_HEAD_MAX = 16384,
    // Bytes unacknowledged for so long: the other side is gone (the heartbeat comes each 15 s).
    STREAM_USER_TIMEOUT_MS = 60000,
};

struct frame {
    _Atomic u32 refs;
    u32 len;
    char bytes[];
};

struct frame *frame_create(struct str bytes)
{
    if (bytes.len > UINT32_MAX) {
        die("a frame of %zu bytes is an error", bytes.len);
    }
    struct frame *frame = mem_alloc(sizeof *frame + bytes.len);

    frame->refs = 1;
    frame->len = (u32)bytes.len;
    if (bytes.len > 0) {
        memcpy(frame->bytes, bytes.ptr, bytes.len);
    }
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame && atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1) {
        mem_free(frame);
    }
}

struct str frame_bytes(const struct frame *frame)
{
    return (struct str){frame->bytes, frame->len};
}

// ---- Streams ----------------------------------------------------------------------------------------------
void stream_ended(struct http_stream *stream)
{
    stream->connection->server->stat_streams--;
    stream->on_close(stream->arg);
    mem_free(stream);
}

static struct http_stream *stream_from_post(struct post *post)
{
    return (struct http_stream *)(void *)((char *)post - offsetof(struct http_stream, post));
}

static void set_user_timeout(struct connection *connection)
{
    uv_os_fd_t fd;
    unsigned ms = STREAM_USER_TIMEOUT_MS;

    if (uv_fileno((uv_handle_t *)&connection->tcp, &fd) == 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    }
}

static void begin(struct http_server *server, struct post *post)
{
    struct http_stream *stream = stream_from_post(post);
    struct connection *connection = stream->connection;

    server->stat_streams++;
    if (!connection_become_stream(connection, stream)) {
        server->stat_streams--;
        stream->on_close(stream->arg);
        mem_free(stream);
        server_check_end(server);
        return;
    }
    if (connection->state != CONNECTION_STREAM) {
        return;
    }
    set_user_timeout(connection);
    struct str head = {stream->head, stream->head_len};

    // Nothing else is on its way out: a socket that cannot take the head at once is beyond help.
    if (http_stream_write(stream, head) != (i64)head.len || server->stopping) {
        connection_close(connection);
    }
}

// Posted after the net thread has ended; under the server's lock.
static void drop(struct http_server *server, struct post *post)
{
    struct http_stream *stream = stream_from_post(post);

    (void)connection_become_stream(stream->connection, stream);
    (void)server;
    stream->on_close(stream->arg);
    mem_free(stream);
}

static void add_head(struct buf *head, const struct http_server *server, const struct http_request *req,
                     const struct http_header *headers, size_t n)
{
    char date[HTTP_DATE_SIZE];

    buf_add(head, S("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nDate: "));
    buf_add(head, http_date_format(clock_now(), date));
    // X-Accel-Buffering: nginx would otherwise hold events back.
    buf_add(head, S("\r\nX-Accel-Buffering: no\r\nConnection: close\r\n"));
    response_add_headers(head, server, headers, n);
    buf_printf(head, "X-Request-Id: %llu\r\n\r\n", (unsigned long long)req->id);
}

struct http_stream *http_stream_open(struct http_request *req, const struct http_header *headers, size_t n,
                                     void (*on_close)(void *arg), void *arg)
{
    struct http_server *server = req->server;
    struct buf head;

    buf_init(&head, req->arena, STREAM_HEAD_MAX);
    add_head(&head, server, req, headers, n);
    if (head.overflow) {
        die("the head of a stream is longer than %d bytes", STREAM_HEAD_MAX);
    }
    struct http_stream *stream = mem_alloc(sizeof *stream + head.len);

    stream->connection = req->connection;
    stream->on_close = on_close;
    stream->arg = arg;
    stream->head_len = head.len;
    memcpy(stream->head, head.ptr, head.len);
    stream->post.run = begin;
    stream->post.drop = drop;
    exchange_free((struct exchange *)(void *)req);
    server_post(server, &stream->post);
    return stream;
}

i64 http_stream_write(struct http_stream *stream, struct str bytes)
{
    struct connection *connection = stream->connection;

    if (connection->state == CONNECTION_CLOSED) {
        return -1;
    }
    // Opened by another thread, but not yet begun here: nothing fits for now.
    if (connection->state != CONNECTION_STREAM || bytes.len == 0) {
        return 0;
    }
    uv_buf_t buf = uv_buf_init((char *)bytes.ptr, bytes.len > INT32_MAX ? INT32_MAX : (unsigned)bytes.len);
    int n = uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1);

    if (n == UV_EAGAIN) {
        return 0;
    }
    if (n < 0) {
        connection_close(connection);
        return -1;
    }
    connection->server->stat_out += n;
    return n;
}

void http_stream_close(struct http_stream *stream)
{
    connection_close(stream->connection);
}
