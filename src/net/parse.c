// SPDX-License-Identifier: AGPL-3.0-or-later
// Request parsing, see parse.h. llhttp (strict mode) reads the head; the checks here are those it
// leaves to its user: exactly one plain length, exactly one Host, known version, form of target.
#include "net/parse.h"
#include "base/log.h"
#include "net/head.h"
#include "net/target.h"

static bool refuse(struct parse *parse, int status, const char *detail)
{
    parse->status = status;
    parse->detail = detail;
    return false;
}

// ---- llhttp's callbacks: spans point into the head, which is fed at once ----------------------------
static int on_url(llhttp_t *llhttp, const char *at, size_t len)
{
    struct parse *parse = llhttp->data;

    parse->req->target =
        (struct str){parse->req->target.ptr ? parse->req->target.ptr : at, parse->req->target.len + len};
    return 0;
}

static int on_field(llhttp_t *llhttp, const char *at, size_t len)
{
    struct parse *parse = llhttp->data;
    struct http_request *req = parse->req;

    if (parse->n_headers == 0 || parse->in_value) {
        if (parse->n_headers == HEAD_HEADER_COUNT_MAX) {
            return HPE_USER;
        }
        req->headers[parse->n_headers++].name = (struct str){at, len};
        parse->in_value = false;
        return 0;
    }
    req->headers[parse->n_headers - 1].name.len += len;
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t len)
{
    struct parse *parse = llhttp->data;
    struct str *value = &parse->req->headers[parse->n_headers - 1].value;

    if (!parse->in_value || !value->ptr) {
        *value = (struct str){at, len};
        parse->in_value = true;
        return 0;
    }
    if (value->ptr + value->len != at) {
        return HPE_USER; // not one piece: folded
    }
    value->len += len;
    return 0;
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct parse *parse = llhttp->data;
    struct str *value = &parse->req->headers[parse->n_headers - 1].value;

    parse->in_value = true;
    if (!value->ptr) {
        *value = S("");
    }
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    // Here llhttp has done its part, before bodies and upgrades: the latter are not spoken here, and RFC
    // 9110 section 7.8 lets a server ignore them.
    (void)llhttp;
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
};

// ---- The head ---------------------------------------------------------------------------------------
static bool run_llhttp(struct parse *parse, struct str head)
{
    llhttp_init(&parse->llhttp, HTTP_REQUEST, &callbacks);
    parse->llhttp.data = parse;
    llhttp_errno_t code = llhttp_execute(&parse->llhttp, head.ptr, head.len);

    if (code == HPE_PAUSED && llhttp_get_error_pos(&parse->llhttp) == head.ptr + head.len) {
        return true;
    }
    if (code == HPE_INVALID_METHOD) {
        return refuse(parse, 501, "This method is not known.");
    }
    if (code == HPE_INVALID_VERSION) {
        return refuse(parse, 505, "This version of HTTP is not spoken here.");
    }
    return refuse(parse, 400, "The head of the request is not valid HTTP.");
}

// The request line read by hand, for the errors that deserve a status of their own.
static bool check_line(struct parse *parse, struct str head)
{
    struct str rest = head;

    while (rest.len > 0 && (rest.ptr[0] == '\r' || rest.ptr[0] == '\n')) {
        rest = str_sub(rest, 1, rest.len);
    }
    struct str method = str_cut(rest, ' ', &rest);
    struct str target = str_cut(rest, ' ', &rest);

    if (str_eq(method, S("CONNECT"))) {
        return refuse(parse, 501, "This server is not a proxy.");
    }
    if (rest.len < 8 || !str_starts(rest, S("HTTP/")) || rest.ptr[6] != '.') {
        return refuse(parse, 400, "The request line must end in one HTTP version.");
    }
    struct str version = str_sub(rest, 5, 8);

    if (!str_eq(version, S("1.1")) && !str_eq(version, S("1.0"))) {
        return refuse(parse, 505, "This version of HTTP is not spoken here.");
    }
    return target.len > 0 || refuse(parse, 400, "The target is missing.");
}

static enum http_method method_from(u8 llhttp_method)
{
    switch (llhttp_method) {
    case HTTP_GET:
        return HTTP_GET_;
    case HTTP_HEAD:
        return HTTP_HEAD_;
    case HTTP_POST:
        return HTTP_POST_;
    case HTTP_PUT:
        return HTTP_PUT_;
    case HTTP_PATCH:
        return HTTP_PATCH_;
    case HTTP_DELETE:
        return HTTP_DELETE_;
    case HTTP_OPTIONS:
        return HTTP_OPTIONS_;
    default:
        return HTTP_OTHER_;
    }
}

static size_t count_headers(const struct parse *parse, struct str name, struct str *ret_value)
{
    size_t n = 0;

    for (size_t i = 0; i < parse->n_headers; i++) {
        if (str_eq(parse->req->headers[i].name, name)) {
            *ret_value = parse->req->headers[i].value;
            n++;
        }
    }
    return n;
}

// A host as a browser sends it: name or address, perhaps a port; nothing a path or a list could hide in.
static bool is_host(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!plain && (c == 0 || !strchr("-._~:[]", c))) {
            return false;
        }
    }
    return host.len > 0 && host.len <= 260;
}

static bool check_host(struct parse *parse)
{
    struct str host = STR_NONE;

    if (count_headers(parse, S("host"), &host) != 1) {
        return refuse(parse, 400, "There must be exactly one Host header.");
    }
    return is_host(host) || refuse(parse, 400, "The Host header is not a host.");
}

// At most 15 digits, nothing else: no sign, no list, no hexadecimal.
static bool read_length(struct str text, u64 *ret_length)
{
    u64 length = 0;

    if (text.len == 0 || text.len > 15) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        length = length * 10 + (u64)(text.ptr[i] - '0');
    }
    *ret_length = length;
    return true;
}

static bool check_framing(struct parse *parse)
{
    struct str length = STR_NONE, coding = STR_NONE;
    size_t n_lengths = count_headers(parse, S("content-length"), &length);
    size_t n_codings = count_headers(parse, S("transfer-encoding"), &coding);

    if (n_lengths + n_codings > 1) {
        return refuse(parse, 400, "The length of the body is given twice.");
    }
    if (n_codings == 1) {
        if (parse->llhttp.http_minor == 0) {
            return refuse(parse, 400, "HTTP/1.0 has no Transfer-Encoding.");
        }
        if (!str_eq_nocase(coding, S("chunked"))) {
            return refuse(parse, 501, "The only transfer coding known here is chunked.");
        }
        parse->chunked = true;
    }
    if (n_lengths == 1 && !read_length(length, &parse->content_length)) {
        return refuse(parse, 400, "The Content-Length is not a plain number.");
    }
    return true;
}

static bool check_expect(struct parse *parse)
{
    struct str expect = STR_NONE;
    size_t n = count_headers(parse, S("expect"), &expect);

    if (n == 0 || parse->llhttp.http_minor == 0) {
        return true;
    }
    if (n > 1 || !str_eq_nocase(expect, S("100-continue"))) {
        return refuse(parse, 417, "The only expectation known here is 100-continue.");
    }
    parse->expect_continue = true;
    return true;
}

// Connection: a list of tokens, only close and keep-alive mean something here.
static bool wants_keep_alive(const struct parse *parse)
{
    bool keep = parse->llhttp.http_minor == 1;

    for (size_t i = 0; i < parse->n_headers; i++) {
        struct str rest = parse->req->headers[i].value;

        if (!str_eq(parse->req->headers[i].name, S("connection"))) {
            continue;
        }
        while (str_given(rest)) {
            struct str token = str_trim(str_cut(rest, ',', &rest));

            if (str_eq_nocase(token, S("close"))) {
                return false;
            }
            keep = keep || str_eq_nocase(token, S("keep-alive"));
        }
    }
    return keep;
}

static void clean_headers(struct parse *parse)
{
    for (size_t i = 0; i < parse->n_headers; i++) {
        struct http_header *header = &parse->req->headers[i];

        header->name = str_lower_ascii(parse->arena, header->name);
        header->value = utf8_clean(parse->arena, str_trim(header->value));
    }
    parse->req->n_headers = parse->n_headers;
}

bool parse_head(struct parse *parse, struct http_request *req, struct arena *arena, struct str head)
{
    *parse = (struct parse){.req = req, .arena = arena};
    req->headers = arena_array(arena, struct http_header, HEAD_HEADER_COUNT_MAX);
    if (!check_line(parse, head) || !run_llhttp(parse, head)) {
        return false;
    }
    req->method = method_from(parse->llhttp.method);
    clean_headers(parse);
    if (!check_host(parse) || !check_framing(parse) || !check_expect(parse)) {
        return false;
    }
    parse->keep_alive = wants_keep_alive(parse);
    return target_parse(arena, req->target, req->method == HTTP_OPTIONS_, &req->path, &req->query,
                        &parse->detail) ||
           refuse(parse, 400, parse->detail);
}

// ---- The body -----------------------------------------------------------------------------------------
bool parse_begin_body(struct parse *parse, size_t limit)
{
    if (parse->content_length > limit) {
        return refuse(parse, 413, "The body is larger than this address takes.");
    }
    parse->body_limit = limit;
    buf_init(&parse->body, NULL, limit + 1);
    parse->done = !parse->chunked && parse->content_length == 0;
    return true;
}

static bool read_chunks(struct parse *parse, struct str bytes, size_t *ret_used)
{
    switch (chunk_read(&parse->chunk, bytes, parse->body_limit, &parse->body, ret_used)) {
    case CHUNK_MORE:
        return true;
    case CHUNK_DONE:
        parse->done = true;
        return true;
    case CHUNK_TOO_LARGE:
        return refuse(parse, 413, "The body is larger than this address takes.");
    case CHUNK_BAD:
        break;
    }
    return refuse(parse, 400, "The chunks of the body are not valid.");
}

bool parse_body(struct parse *parse, struct str bytes, size_t *ret_used)
{
    if (parse->chunked) {
        return read_chunks(parse, bytes, ret_used);
    }
    size_t missing = (size_t)parse->content_length - parse->body.len;
    size_t n = bytes.len < missing ? bytes.len : missing;

    buf_add(&parse->body, str_sub(bytes, 0, n));
    parse->done = n == missing;
    *ret_used = n;
    return true;
}
