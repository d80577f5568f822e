// SPDX-License-Identifier: AGPL-3.0-or-later
// Answers as bytes: status line, headers, body, in one block that the net thread writes. Formatting is
// done on the thread that answers. Header values are checked here, so that nothing stored can split one.
#include "base/clock.h"
#include "base/log.h"
#include "net/date.h"
#include "net/server.h"

enum { HEAD_ROOM = 256 * 1024 };

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

void exchange_free(struct exchange *exchange)
{
    exchange->req.server->buffered -= (i64)exchange->buffered;
    buf_finish(&exchange->parse.body);
    arena_give(exchange->req.arena);
}

static bool is_clean_header(struct http_header header)
{
    for (size_t i = 0; i < header.name.len; i++) {
        if (!head_is_token((u8)header.name.ptr[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < header.value.len; i++) {
        u8 c = (u8)header.value.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return header.name.len > 0;
}

static bool are_clean_headers(const struct http_response *response)
{
    for (size_t i = 0; i < response->n_headers; i++) {
        if (!is_clean_header(response->headers[i])) {
            return false;
        }
    }
    return is_clean_header((struct http_header){S("content-type"), response->content_type});
}

static bool sets_header(const struct http_header *headers, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void add_header(struct buf *head, struct str name, struct str value)
{
    buf_add(head, name);
    buf_add(head, S(": "));
    buf_add(head, value);
    buf_add(head, S("\r\n"));
}

void response_add_headers(struct buf *head, const struct http_server *server,
                          const struct http_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add_header(head, headers[i].name, headers[i].value);
    }
    for (size_t i = 0; i < server->settings.n_default_headers; i++) {
        const struct http_header *header = &server->settings.default_headers[i];

        if (!sets_header(headers, n, header->name)) {
            add_header(head, header->name, header->value);
        }
    }
}

static struct answer *format(struct http_server *server, struct arena *arena, u64 id,
                             const struct http_response *response, bool close, bool head_only)
{
    bool has_body = response->status != 204 && response->status != 304;
    struct buf head;
    char date[HTTP_DATE_SIZE];

    buf_init(&head, arena, HEAD_ROOM);
    buf_printf(&head, "HTTP/1.1 %d %s\r\n", response->status, reason_of(response->status));
    add_header(&head, S("Date"), http_date_format(clock_now(), date));
    if (response->content_type.len > 0) {
        add_header(&head, S("Content-Type"), response->content_type);
    }
    response_add_headers(&head, server, response->headers, response->n_headers);
    if (has_body) {
        buf_printf(&head, "Content-Length: %zu\r\n", response->body.len);
    }
    buf_printf(&head, "X-Request-Id: %llu\r\n%s\r\n", (unsigned long long)id,
               close ? "Connection: close\r\n" : "");
    if (head.overflow) {
        die("the headers of an answer are longer than %d bytes", HEAD_ROOM);
    }
    size_t body_len = has_body && !head_only ? response->body.len : 0;
    struct answer *answer = mem_alloc(sizeof *answer + head.len + body_len);

    answer->len = head.len + body_len;
    answer->close = close;
    memcpy(answer->bytes, head.ptr, head.len);
    if (body_len > 0) {
        memcpy(answer->bytes + head.len, response->body.ptr, body_len);
    }
    return answer;
}

struct answer *answer_create(struct http_server *server, const struct exchange *exchange,
                             const struct http_response *response)
{
    bool close = response->close || !exchange->parse.keep_alive;

    if (!are_clean_headers(response)) {
        log_event(LOG_ERROR, "http.bad_header", LOG_I("request", (i64)exchange->req.id),
                  LOG_S("path", exchange->req.path));
        return answer_problem(server, exchange, 500, "The answer could not be written.", 0, close);
    }
    return format(server, exchange->req.arena, exchange->req.id, response, close,
                  exchange->req.method == HTTP_HEAD_);
}

struct answer *answer_problem(struct http_server *server, const struct exchange *exchange, int status,
                              const char *detail, int retry_after_s, bool close)
{
    struct arena *arena = exchange ? exchange->req.arena : arena_take();
    u64 id = exchange ? exchange->req.id : ++server->last_id;
    struct http_header headers[] = {
        {S("X-Content-Type-Options"), S("nosniff")},
        {S("Content-Security-Policy"), S("default-src 'none'; frame-ancestors 'none'")},
        {S("Referrer-Policy"), S("no-referrer")},
        {S("Cache-Control"), S("no-store")},
        {S("X-Frame-Options"), S("DENY")},
        {S("Retry-After"), str_printf(arena, "%d", retry_after_s)}, // last: left out when 0
    };
    struct http_response response = {
        .status = status,
        .content_type = S("application/problem+json"),
        .headers = headers,
        .n_headers = ARRAY_LEN(headers) - (retry_after_s > 0 ? 0 : 1),
        // Titles and details are sentences of this program: nothing in them needs escaping.
        .body =
            str_printf(arena, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}",
                       reason_of(status), status, detail),
    };
    bool keep = exchange && exchange->parse.keep_alive && !close;
    bool head_only = exchange && exchange->req.method == HTTP_HEAD_ && exchange->req.target.len > 0;
    struct answer *answer = format(server, arena, id, &response, !keep, head_only);

    if (!exchange) {
        arena_give(arena);
    }
    return answer;
}

void http_respond(struct http_request *req, const struct http_response *response)
{
    struct exchange *exchange = (struct exchange *)(void *)req;
    struct http_server *server = req->server;
    struct answer *answer = answer_create(server, exchange, response);

    answer->connection = req->connection;
    answer->post.run = connection_deliver;
    answer->post.drop = connection_drop_answer;
    exchange_free(exchange);
    server_post(server, &answer->post);
}
