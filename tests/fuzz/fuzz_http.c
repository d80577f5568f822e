// SPDX-License-Identifier: AGPL-3.0-or-later
// A connection's bytes mean the same however they are cut; what is taken has one clean path; and where a
// chunked body is taken, llhttp reads the same bytes out of it and ends at the same place.
#include "net/head.h"
#include "net/parse.h"
#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 4096 };

// What came of it, as text: one line a request, and the status that ended it.
struct outcome {
    struct buf text;
    struct arena *arena;
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int on_llhttp_body(llhttp_t *llhttp, const char *at, size_t len)
{
    buf_add(llhttp->data, (struct str){at, len});
    return 0;
}

static int on_llhttp_complete(llhttp_t *llhttp)
{
    (void)llhttp;
    return HPE_PAUSED;
}

// The whole message again, by llhttp alone.
static void compare_with_llhttp(struct arena *arena, struct str message, struct str body)
{
    llhttp_settings_t settings = {.on_body = on_llhttp_body, .on_message_complete = on_llhttp_complete};
    struct buf other;
    llhttp_t llhttp;

    buf_init(&other, arena, LIMIT + 1);
    llhttp_init(&llhttp, HTTP_REQUEST, &settings);
    llhttp.data = &other;
    check(llhttp_execute(&llhttp, message.ptr, message.len) == HPE_PAUSED);
    check(llhttp_get_error_pos(&llhttp) == message.ptr + message.len);
    check(str_eq(buf_str(&other), body));
}

static void check_request(const struct http_request *req)
{
    struct str path = req->path;

    check(path.len > 0 && (path.ptr[0] == '/' || str_eq(path, S("*"))));
    check(utf8_valid(path) && !memchr(path.ptr, 0, path.len) && !memchr(path.ptr, '\\', path.len));
    check(str_find(path, S("//")) < 0 && str_find(path, S("/../")) < 0 && str_find(path, S("/./")) < 0);
    check(!str_ends(path, S("/..")) && !str_ends(path, S("/.")));
    check(str_given(http_header(req, "host")));
    for (size_t i = 0; i < req->n_headers; i++) {
        check(utf8_valid(req->headers[i].value));
    }
    struct str value;
    struct err err;

    if (http_param(req, "q", &value, &err) && str_given(value)) {
        check(utf8_valid(value) && !memchr(value.ptr, 0, value.len));
    }
    (void)http_cookie(req, "heed");
}

static void write_outcome(struct outcome *outcome, const struct http_request *req, struct str body)
{
    buf_printf(&outcome->text, "%d ", (int)req->method);
    buf_add(&outcome->text, req->path);
    buf_printf(&outcome->text, " %zu %zu ", req->n_headers, body.len);
    buf_add(&outcome->text, body);
    buf_add(&outcome->text, S("\n"));
}

// Bytes come in pieces of `step` (0: all at once). Returns false when the connection ends there.
static bool take_body(struct outcome *outcome, struct parse *parse, struct str *bytes, size_t step)
{
    while (!parse->done) {
        size_t n = step > 0 && step < bytes->len ? step : bytes->len, used = 0;

        if (n == 0) {
            return false;
        }
        if (!parse_body(parse, str_sub(*bytes, 0, n), &used)) {
            buf_printf(&outcome->text, "%d", parse->status);
            return false;
        }
        check(used <= n && (used == n || parse->done));
        *bytes = str_sub(*bytes, used, bytes->len);
    }
    return true;
}

static bool take_request(struct outcome *outcome, struct str *bytes, size_t step)
{
    struct http_request req = {.arena = outcome->arena};
    struct head_scan scan = {0};
    struct parse parse;
    struct str whole = *bytes;
    int status = 0;

    for (size_t n = 0; status == 0 && n < whole.len;) {
        n = step > 0 && n + step < whole.len ? n + step : whole.len;
        status = head_scan(&scan, whole.ptr, n);
    }
    if (status != 200) {
        buf_printf(&outcome->text, "%d", status);
        return false;
    }
    check(scan.at <= HEAD_MAX);
    *bytes = str_sub(whole, scan.at, whole.len);
    struct str head = str_copy(outcome->arena, str_sub(whole, 0, scan.at));

    if (!parse_head(&parse, &req, outcome->arena, head) || !parse_begin_body(&parse, LIMIT)) {
        check(parse.status >= 400 && parse.detail);
        buf_printf(&outcome->text, "%d", parse.status);
        return false;
    }
    bool taken = take_body(outcome, &parse, bytes, step);

    if (taken) {
        struct str body = buf_str(&parse.body);

        check(body.len <= LIMIT);
        check_request(&req);
        write_outcome(outcome, &req, body);
        if (parse.chunked) {
            compare_with_llhttp(outcome->arena, str_sub(whole, 0, whole.len - bytes->len), body);
        }
    }
    buf_finish(&parse.body);
    return taken;
}

static struct str run(struct arena *arena, struct str bytes, size_t step)
{
    struct outcome outcome = {.arena = arena};

    buf_init(&outcome.text, arena, 1 << 20);
    while (bytes.len > 0 && take_request(&outcome, &bytes, step)) {
    }
    return buf_str(&outcome.text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct arena *arena = arena_take();
    struct str bytes;

    // libFuzzer's own buffer has no byte behind it: reading past the end is found.
    bytes = (struct str){(const char *)data + 1, size - 1};
    struct str whole = run(arena, bytes, 0);

    check(str_eq(whole, run(arena, bytes, 1)));
    check(str_eq(whole, run(arena, bytes, data[0] % 64 + 1)));
    arena_give(arena);
    return 0;
}
