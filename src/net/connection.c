// SPDX-License-Identifier: AGPL-3.0-or-later
// One connection's life: bytes in, one request at a time to the workers, its answer out, and a deadline
// in every state that waits for the other side. Net thread only.
#include "base/clock.h"
#include "base/log.h"
#include "net/server.h"
#include <sys/socket.h>

enum {
    LINGER_MS = 1000,
    LINGER_BYTES = 1024 * 1024, // discarded while an answer is being read by someone who still sends
    STREAM_BYTES = 4096,        // more than this from the reader of a stream is rubbish
    ARENA_BYTES = 16384,        // what a request costs besides its body
    REJECT_ROOM = 256,          // connections above the maximum that are told 503
};

static void process_waiting(struct connection *connection);

static struct connection *connection_from_timer(struct wheel_node *node)
{
    return (struct connection *)(void *)((char *)node - offsetof(struct connection, timer));
}

void connection_set_deadline(struct connection *connection, int ms)
{
    wheel_set(&connection->server->wheel, &connection->timer, clock_mono() + ms);
}

// What an honest but slow line needs for so many bytes, at most an hour.
static int slow_ms(const struct connection *connection, u64 bytes)
{
    u64 ms = bytes / (u64)connection->server->settings.slow_bytes_per_ms;

    return ms < 3600000 ? (int)ms : 3600000;
}

static void set_idle(struct connection *connection, bool idle)
{
    struct connection_list *list = &connection->server->idle;

    if (idle && !connection->in_idle_list) {
        TAILQ_INSERT_TAIL(list, connection, idle_link);
    } else if (!idle && connection->in_idle_list) {
        TAILQ_REMOVE(list, connection, idle_link);
    }
    connection->in_idle_list = idle;
}

// ---- The end ------------------------------------------------------------------------------------------
static void free_waiting(struct connection *connection)
{
    connection->server->buffered -= (i64)connection->in_cap;
    mem_free(connection->in);
    connection->in = NULL;
    connection->in_len = connection->in_cap = 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct http_server *server = connection->server;

    connection->handle_closed = true;
    TAILQ_REMOVE(&server->connections, connection, link);
    if (connection->stream) {
        stream_ended(connection->stream);
    }
    if (!connection->busy) {
        mem_free(connection);
    }
    server_check_end(server);
}

void connection_close(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    connection->state = CONNECTION_CLOSED;
    connection->server->n_open--;
    connection->server->stat_connections--;
    set_idle(connection, false);
    wheel_remove(&connection->timer);
    free_waiting(connection);
    if (connection->exchange) {
        exchange_free(connection->exchange);
        connection->exchange = NULL;
    }
    uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
}

// The exchange is back: the connection's memory is its own again, or goes.
static void returned(struct connection *connection)
{
    struct http_server *server = connection->server;

    connection->busy = false;
    if (connection->handle_closed) {
        mem_free(connection);
    }
    server_unref(server);
}

// Closing at once could reset the connection before the other side has read the answer (RFC 9112 9.6).
static void linger(struct connection *connection)
{
    uv_os_fd_t fd;

    if (connection->eof || uv_fileno((uv_handle_t *)&connection->tcp, &fd) != 0 ||
        shutdown(fd, SHUT_WR) != 0) {
        connection_close(connection);
        return;
    }
    connection->state = CONNECTION_LINGER;
    free_waiting(connection);
    connection_set_deadline(connection, LINGER_MS);
}

// ---- Answers out ----------------------------------------------------------------------------------------
static void start_reading(struct connection *connection);

static void answer_done(struct connection *connection, bool close)
{
    if (close || connection->eof || connection->server->stopping) {
        start_reading(connection);
        linger(connection);
        return;
    }
    connection->state = CONNECTION_IDLE;
    connection->scan = (struct head_scan){0};
    if (connection->in_len == 0) {
        free_waiting(connection);
        set_idle(connection, true);
        connection_set_deadline(connection, connection->server->settings.idle_ms);
        start_reading(connection);
    }
}

static void on_written(uv_write_t *write, int status)
{
    struct answer *answer = write->data;
    struct connection *connection = answer->connection;
    bool close = answer->close;

    if (status == 0) {
        connection->server->stat_out += (i64)(answer->len - answer->sent);
    }
    mem_free(answer);
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    if (status != 0) {
        connection_close(connection);
        return;
    }
    answer_done(connection, close);
    process_waiting(connection);
}

// Writes what the socket takes now; the rest waits under one absolute deadline.
void connection_answer(struct connection *connection, struct answer *answer)
{
    if (connection->state == CONNECTION_CLOSED) {
        mem_free(answer);
        return;
    }
    connection->state = CONNECTION_WRITE;
    uv_buf_t buf = uv_buf_init(answer->bytes, (unsigned)answer->len);
    int n = uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1);

    if (n < 0 && n != UV_EAGAIN) {
        mem_free(answer);
        connection_close(connection);
        return;
    }
    answer->sent = n < 0 ? 0 : (size_t)n;
    connection->server->stat_out += (i64)answer->sent;
    if (answer->sent == answer->len) {
        bool close = answer->close;

        mem_free(answer);
        answer_done(connection, close);
        return;
    }
    size_t rest = answer->len - answer->sent;
    connection_set_deadline(connection, connection->server->settings.write_ms + slow_ms(connection, rest));
    answer->connection = connection;
    answer->write.data = answer;
    buf = uv_buf_init(answer->bytes + answer->sent, (unsigned)rest);
    if (uv_write(&answer->write, (uv_stream_t *)&connection->tcp, &buf, 1, on_written) != 0) {
        mem_free(answer);
        connection_close(connection);
    }
}

// net's own error; what has been read of a request is forgotten and the connection ends.
static void refuse(struct connection *connection, int status, const char *detail)
{
    struct exchange *exchange = connection->exchange;
    struct answer *answer =
        answer_problem(connection->server, exchange, status, detail, status == 503 ? 1 : 0, true);

    connection->exchange = NULL;
    if (exchange) {
        exchange_free(exchange);
    }
    connection->server->stat_refused++;
    log_event(LOG_DEBUG, "http.refused", LOG_I("status", status), LOG_C("detail", detail),
              LOG_C("peer", connection->peer));
    set_idle(connection, false);
    connection_answer(connection, answer);
}

// ---- Requests in ----------------------------------------------------------------------------------------
// The whole request goes to a worker; a full queue is answered from here.
static void dispatch(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct exchange *exchange = connection->exchange;

    connection->exchange = NULL;
    exchange->req.body = buf_str(&exchange->parse.body);
    connection->state = CONNECTION_BUSY;
    wheel_set(&server->wheel, &connection->timer, WHEEL_NEVER);
    connection->busy = true;
    server->refs++;
    server->stat_requests++;
    if (!queue_push(server->queue, exchange)) {
        returned(connection);
        server->stat_refused++;
        struct answer *answer =
            answer_problem(server, exchange, 503, "The server is busy. Please try again.", 1, false);
        exchange_free(exchange);
        connection_answer(connection, answer);
    }
}

// Counts a body's memory as it arrives. False when everything together would be too much.
static bool account_body(struct exchange *exchange, struct http_server *server)
{
    size_t cap = exchange->parse.body.cap + ARENA_BYTES;

    server->buffered += (i64)cap - (i64)exchange->buffered;
    exchange->buffered = cap;
    return server->buffered <= (i64)server->settings.max_buffered;
}

static size_t limit_of(const struct http_server *server, const struct http_request *req)
{
    return server->settings.body_limit
               ? server->settings.body_limit(req->method, req->path, server->settings.arg)
               : 1024 * 1024;
}

static void begin_request(struct connection *connection, struct str head)
{
    struct http_server *server = connection->server;
    struct arena *arena = arena_take();
    struct exchange *exchange = arena_new(arena, struct exchange);
    struct http_request *req = &exchange->req;

    req->id = ++server->last_id;
    req->arena = arena;
    req->server = server;
    req->connection = connection;
    req->started = clock_mono();
    req->peer = str_copy(arena, str_from(connection->peer));
    connection->exchange = exchange;
    if (!parse_head(&exchange->parse, req, arena, str_copy(arena, head)) ||
        !parse_begin_body(&exchange->parse, limit_of(server, req))) {
        refuse(connection, exchange->parse.status, exchange->parse.detail);
        return;
    }
    if (exchange->parse.done) {
        dispatch(connection);
        return;
    }
    connection->state = CONNECTION_BODY;
    connection_set_deadline(connection,
                            server->settings.body_ms + slow_ms(connection, exchange->parse.content_length));
    if (exchange->parse.expect_continue) {
        uv_buf_t buf = uv_buf_init("HTTP/1.1 100 Continue\r\n\r\n", 25);

        // Nothing else is on its way out, so the socket takes 25 bytes, or it is dead and will say so.
        (void)uv_try_write((uv_stream_t *)&connection->tcp, &buf, 1);
    }
}

static size_t process_head(struct connection *connection, struct str bytes)
{
    if (connection->state == CONNECTION_IDLE) {
        connection->state = CONNECTION_HEAD;
        set_idle(connection, false);
        connection_set_deadline(connection, connection->server->settings.header_ms);
    }
    int status = head_scan(&connection->scan, bytes.ptr, bytes.len);

    if (status == 0) {
        return 0;
    }
    size_t used = connection->scan.at;

    if (status == 200) {
        begin_request(connection, str_sub(bytes, 0, used));
    } else {
        refuse(connection, status, connection->scan.detail);
    }
    return used;
}

static size_t process_body(struct connection *connection, struct str bytes)
{
    struct exchange *exchange = connection->exchange;
    size_t used = 0;

    if (!parse_body(&exchange->parse, bytes, &used)) {
        refuse(connection, exchange->parse.status, exchange->parse.detail);
        return bytes.len;
    }
    if (!account_body(exchange, connection->server)) {
        refuse(connection, 503, "The server is busy. Please try again.");
        return bytes.len;
    }
    if (exchange->parse.done) {
        dispatch(connection);
    }
    return used;
}

// Works through bytes while the connection may take a request. Returns what was used up.
static size_t process(struct connection *connection, struct str bytes)
{
    size_t used = 0;

    while (used < bytes.len) {
        struct str rest = str_sub(bytes, used, bytes.len);
        size_t n = 0;

        if (connection->state == CONNECTION_IDLE || connection->state == CONNECTION_HEAD) {
            n = process_head(connection, rest);
        } else if (connection->state == CONNECTION_BODY) {
            n = process_body(connection, rest);
        }
        if (n == 0) {
            break;
        }
        used += n;
    }
    return used;
}

static void keep_bytes(struct connection *connection, struct str bytes)
{
    size_t need = connection->in_len + bytes.len;

    if (need > connection->in_cap) {
        size_t cap = connection->in_cap * 2 > need ? connection->in_cap * 2 : need;

        connection->in = mem_resize(connection->in, cap);
        connection->server->buffered += (i64)(cap - connection->in_cap);
        connection->in_cap = cap;
    }
    memcpy(connection->in + connection->in_len, bytes.ptr, bytes.len);
    connection->in_len = need;
}

// Requests that waited behind an answer. `processing` keeps answers given from inside (503) from nesting.
static void process_waiting(struct connection *connection)
{
    if (connection->processing || connection->in_len == 0 || connection->state > CONNECTION_BODY) {
        return;
    }
    connection->processing = true;
    size_t used = process(connection, (struct str){connection->in, connection->in_len});
    connection->processing = false;
    if (connection->state == CONNECTION_CLOSED || connection->state == CONNECTION_LINGER) {
        free_waiting(connection);
        return;
    }
    connection->in_len -= used;
    memmove(connection->in, connection->in + used, connection->in_len);
    if (connection->in_len == 0) {
        free_waiting(connection);
    }
    if (connection->state <= CONNECTION_BODY) {
        start_reading(connection);
    }
    if (connection->state == CONNECTION_IDLE) {
        set_idle(connection, true);
        connection_set_deadline(connection, connection->server->settings.idle_ms);
    }
}

static void take_bytes(struct connection *connection, struct str bytes)
{
    if (connection->in_len > 0) {
        keep_bytes(connection, bytes);
        process_waiting(connection);
    } else {
        connection->processing = true;
        size_t used = process(connection, bytes);
        connection->processing = false;
        if (connection->state != CONNECTION_CLOSED && connection->state != CONNECTION_LINGER &&
            used < bytes.len) {
            keep_bytes(connection, str_sub(bytes, used, bytes.len));
        }
    }
    // Backpressure: who sends ahead of our answers waits in their own socket.
    if (connection->in_len > 0 && connection->reading &&
        (connection->state == CONNECTION_BUSY || connection->state == CONNECTION_WRITE)) {
        uv_read_stop((uv_stream_t *)&connection->tcp);
        connection->reading = false;
    }
    if (connection->state == CONNECTION_HEAD &&
        connection->server->buffered > (i64)connection->server->settings.max_buffered) {
        refuse(connection, 503, "The server is busy. Please try again.");
    }
}

// A worker's answer, back on the net thread.
void connection_deliver(struct http_server *server, struct post *post)
{
    struct answer *answer = (struct answer *)(void *)((char *)post - offsetof(struct answer, post));
    struct connection *connection = answer->connection;
    bool gone = connection->handle_closed;

    returned(connection);
    if (gone) {
        mem_free(answer);
        server_check_end(server);
        return;
    }
    connection_answer(connection, answer);
    process_waiting(connection);
    server_check_end(server);
}

// The loop has ended: nobody is left to read the answer. Under the server's lock.
void connection_drop_answer(struct http_server *server, struct post *post)
{
    (void)server;
    struct answer *answer = (struct answer *)(void *)((char *)post - offsetof(struct answer, post));

    returned(answer->connection);
    mem_free(answer);
}

// A worker made a stream of it. False when the other side is already gone (the memory too, then).
bool connection_become_stream(struct connection *connection, struct http_stream *stream)
{
    bool gone = connection->state == CONNECTION_CLOSED;
    bool freed = connection->handle_closed;

    returned(connection);
    if (freed) {
        return false;
    }
    connection->stream = stream;
    if (gone) {
        return true; // on_handle_closed will tell the stream
    }
    connection->state = CONNECTION_STREAM;
    free_waiting(connection);
    start_reading(connection);
    if (connection->eof) {
        connection_close(connection);
    }
    return true;
}

// ---- libuv ------------------------------------------------------------------------------------------------
static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct connection *connection = handle->data;
    struct http_server *server = connection->server;

    (void)size;
    *buf = uv_buf_init(server->read_buf, sizeof server->read_buf);
}

static void on_eof(struct connection *connection)
{
    connection->eof = true;
    // Someone may close their half and still wait for the answer.
    if (connection->state != CONNECTION_BUSY && connection->state != CONNECTION_WRITE) {
        connection_close(connection);
        return;
    }
    uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->reading = false;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;

    if (n == 0 || connection->state == CONNECTION_CLOSED) {
        return;
    }
    if (n == UV_EOF) {
        on_eof(connection);
        return;
    }
    if (n < 0) {
        connection_close(connection);
        return;
    }
    connection->server->stat_in += n;
    if (connection->state == CONNECTION_LINGER || connection->state == CONNECTION_STREAM) {
        size_t most = connection->state == CONNECTION_LINGER ? LINGER_BYTES : STREAM_BYTES;

        connection->discarded += (size_t)n;
        if (connection->discarded > most) {
            connection_close(connection);
        }
        return;
    }
    take_bytes(connection, (struct str){buf->base, (size_t)n});
}

static void start_reading(struct connection *connection)
{
    if (!connection->reading && !connection->eof && connection->state != CONNECTION_CLOSED) {
        connection->reading = uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) == 0;
    }
}

// The deadline of whatever state it is in has passed.
void connection_fire(struct wheel_node *node)
{
    struct connection *connection = connection_from_timer(node);

    switch (connection->state) {
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        connection->server->stat_timed_out++;
        refuse(connection, 408, "The request took too long to arrive.");
        break;
    case CONNECTION_WRITE:
        connection->server->stat_timed_out++;
        connection_close(connection);
        break;
    case CONNECTION_IDLE:
    case CONNECTION_LINGER:
        connection_close(connection);
        break;
    case CONNECTION_BUSY:
    case CONNECTION_STREAM:
    case CONNECTION_CLOSED:
        break;
    }
}

void connection_shed_idle(struct http_server *server)
{
    struct connection *oldest = TAILQ_FIRST(&server->idle);

    if (oldest) {
        connection_close(oldest);
    }
}

static void name_peer(struct connection *connection)
{
    struct sockaddr_storage address;
    int len = sizeof address;

    if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &len) != 0) {
        return;
    }
    if (address.ss_family == AF_INET) {
        uv_ip4_name((struct sockaddr_in *)&address, connection->peer, sizeof connection->peer);
    } else if (address.ss_family == AF_INET6) {
        uv_ip6_name((struct sockaddr_in6 *)&address, connection->peer, sizeof connection->peer);
    }
}

static void admit(struct connection *connection)
{
    struct http_server *server = connection->server;
    size_t max = server->settings.max_connections;

    uv_tcp_nodelay(&connection->tcp, 1);
    // A peer that vanished without a word is found out in minutes, not hours.
    uv_tcp_keepalive(&connection->tcp, 1, 60);
    name_peer(connection);
    if (server->n_open > max) {
        connection_shed_idle(server);
    }
    if (server->n_open > max + REJECT_ROOM || server->stopping) {
        connection_close(connection);
        return;
    }
    if (server->n_open > max) {
        start_reading(connection);
        refuse(connection, 503, "The server is full. Please try again.");
        return;
    }
    set_idle(connection, true);
    connection_set_deadline(connection, server->settings.header_ms);
    start_reading(connection);
}

void connection_accept(struct http_server *server)
{
    struct connection *connection = mem_alloc(sizeof *connection);

    connection->server = server;
    uv_tcp_init(&server->loop, &connection->tcp);
    connection->tcp.data = connection;
    TAILQ_INSERT_TAIL(&server->connections, connection, link);
    server->n_open++;
    server->stat_connections++;
    if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp) != 0) {
        connection_close(connection);
        return;
    }
    admit(connection);
}
