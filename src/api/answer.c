// SPDX-License-Identifier: AGPL-3.0-or-later
// Answers: JSON of values and lists, problems (RFC 9457), and the headers that everything carries.
#include "api/answer.h"
#include "api/app.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

void reply_init(struct reply *reply, struct arena *arena)
{
    *reply = (struct reply){};
    buf_init(&reply->body, arena, ANSWER_MAX);
}

void reply_header(struct reply *reply, const char *name, struct str value)
{
    struct http_header *header = list_push(&reply->headers, reply->body.arena);
    header->name = str_from(name);
    header->value = str_copy(reply->body.arena, value);
}

void reply_bytes(struct reply *reply, struct str bytes)
{
    reply->body.ptr = (char *)bytes.ptr;
    reply->body.len = reply->body.cap = bytes.len;
}

void reply_value(struct reply *reply, int status, const struct type *type, const void *value)
{
    struct json_writer w = json_writer(&reply->body);
    reply->status = status;
    json_encode(&w, type, value);
}

struct json_writer reply_list_open(struct reply *reply)
{
    struct json_writer w = json_writer(&reply->body);
    json_open(&w, '{');
    json_key(&w, "items");
    json_open(&w, '[');
    return w;
}

void reply_list_close(struct reply *reply, struct json_writer *w, struct str next)
{
    json_close(w, ']');
    json_key(w, "next");
    json_put_str(w, next);
    json_close(w, '}');
    if (!reply->status)
        reply->status = 200;
}

void reply_list(struct reply *reply, const struct type *type, const void *list, struct str next)
{
    const struct {
        const char *items;
        size_t len, cap;
    } *any = list;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; i < any->len; i++)
        json_encode(&w, type, any->items + i * type->size);
    reply_list_close(reply, &w, next);
}

static void put_errors(struct json_writer *w, const struct err *err)
{
    json_key(w, "errors");
    json_open(w, '[');
    if (err->field[0]) {
        json_open(w, '{');
        json_key(w, "field");
        json_put_str(w, str_from(err->field));
        json_key(w, "code");
        json_put_str(w, err->reason[0] ? str_from(err->reason) : S("invalid"));
        json_key(w, "detail");
        json_put_str(w, str_from(err->text));
        if (err->expected[0]) {
            json_key(w, "position");
            json_put_i64(w, err->position);
            json_key(w, "expected");
            json_put_str(w, str_from(err->expected));
        }
        json_close(w, '}');
    }
    json_close(w, ']');
}

void reply_problem(struct reply *reply, const struct err *err, u64 request_id)
{
    struct arena *arena = reply->body.arena;
    enum err_code code = err->code == ERR_NONE ? ERR_INTERNAL : err->code;
    struct str detail = str_from(err->text);
    if (code == ERR_INTERNAL)
        detail = str_printf(arena, "Something went wrong here. It is in the log as request %llu.",
                            (unsigned long long)request_id);
    struct err shown = *err;
    reply_init(reply, arena);
    reply->status = err_http_status(code);
    reply->content_type = S("application/problem+json");
    if (code == ERR_UNAUTHENTICATED)
        reply_header(reply, "www-authenticate", S("Bearer realm=\"heed\""));
    if (code == ERR_RATE_LIMITED || code == ERR_UNAVAILABLE || shown.retry_after_s > 0)
        reply_header(reply, "retry-after",
                     str_printf(arena, "%d", shown.retry_after_s > 0 ? shown.retry_after_s : 1));
    struct json_writer w = json_writer(&reply->body);
    json_open(&w, '{');
    json_key(&w, "type");
    json_put_str(&w, S("about:blank"));
    json_key(&w, "title");
    json_put_str(&w, str_from(err_title(code)));
    json_key(&w, "status");
    json_put_i64(&w, reply->status);
    json_key(&w, "detail");
    json_put_str(&w, detail);
    put_errors(&w, &shown);
    json_close(&w, '}');
}

void reply_send(struct http_request *http, struct reply *reply)
{
    struct http_response response = {
        .status = reply->status ? reply->status : 200,
        .headers = reply->headers.items,
        .n_headers = reply->headers.len,
        .content_type = reply->content_type,
        .body = buf_str(&reply->body),
    };
    if (!str_given(response.content_type) && response.body.len > 0)
        response.content_type = S("application/json");
    http_respond(http, &response);
}

struct http_header *api_default_headers(const struct app *app, struct arena *arena, size_t *ret_n)
{
    static const struct {
        const char *name, *value;
    } always[] = {
        {"x-content-type-options", "nosniff"},
        {"content-security-policy",
         "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
        {"x-frame-options", "DENY"},
        {"referrer-policy", "no-referrer"},
        {"cross-origin-opener-policy", "same-origin"},
        {"cross-origin-resource-policy", "same-origin"},
        {"permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"},
        {"cache-control", "no-store"},
    };
    struct {
        struct http_header *items;
        size_t len, cap;
    } list = {};
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        *list_push(&list, arena) = (struct http_header){str_from(always[i].name), str_from(always[i].value)};
    if (app->secure)
        *list_push(&list, arena) =
            (struct http_header){S("strict-transport-security"), S("max-age=31536000; includeSubDomains")};
    *ret_n = list.len;
    return list.items;
}
