// SPDX-License-Identifier: AGPL-3.0-or-later
// Files of the page. Hashed names are kept by browsers for ever, index.html is asked for each time (with
// its ETag, so mostly 304). URLs of the page's own views all mean index.html.
#include "api/pages.h"
#include "api/answer.h"
#include "api/app.h"

// The one page that may run scripts: only its own files, nothing inline, framed by nobody.
static const char page_csp[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self'; frame-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

static const char missing_page[] = "<!doctype html><html lang=\"en\"><meta "
                                   "charset=\"utf-8\"><title>Heed</title><p>This Heed was built without its "
                                   "page. The API is at /api/v1. Build the page with: make build</p></html>";

static const struct asset *find_asset(struct str path)
{
    for (size_t i = 0; i < n_assets; i++) {
        if (str_eq(path, str_from(assets[i].path)))
            return &assets[i];
    }
    return NULL;
}

// Which paths are views of the page: those without a file name and outside the API.
static bool is_view(struct str path)
{
    static const char *const first[] = {"inbox", "conversations", "settings", "sign-in",
                                        "setup", "contacts",      NULL};
    if (str_eq(path, S("/")) || str_eq(path, S("/index.html")))
        return true;
    struct str rest;
    struct str head = str_cut(str_sub(path, 1, path.len), '/', &rest);
    for (size_t i = 0; first[i]; i++) {
        if (str_eq(head, str_from(first[i])))
            return true;
    }
    return false;
}

static bool accepts(const struct http_request *http, struct str coding)
{
    struct str rest = http_header(http, "accept-encoding");
    while (rest.len > 0) {
        struct str quality, item = str_trim(str_cut(rest, ',', &rest));
        struct str name = str_trim(str_cut(item, ';', &quality));
        if (str_eq_nocase(name, coding))
            return !str_eq(str_trim(quality), S("q=0"));
    }
    return false;
}

// The chat widget is other pages' script: any page may load it, and what it does there is that page's policy.
static bool is_widget(const struct asset *asset)
{
    return strcmp(asset->path, "/chat.js") == 0;
}

static void put_policy(struct reply *reply, const struct asset *asset)
{
    if (is_widget(asset)) {
        reply_header(reply, "cross-origin-resource-policy", S("cross-origin"));
        reply_header(reply, "access-control-allow-origin", S("*"));
        reply_header(reply, "cache-control", S("public, max-age=600, stale-while-revalidate=86400"));
        return;
    }
    reply_header(reply, "content-security-policy", str_from(page_csp));
    reply_header(reply, "cache-control",
                 asset->immutable ? S("public, max-age=31536000, immutable") : S("no-cache"));
}

static void put_asset(struct request *req, struct reply *reply, const struct asset *asset)
{
    struct str bytes = {(const char *)asset->plain.bytes, asset->plain.len};
    put_policy(reply, asset);
    reply_header(reply, "etag", str_from(asset->etag));
    reply_header(reply, "vary", S("Accept-Encoding"));
    reply->content_type = str_from(asset->mime);
    if (str_eq(http_header(req->http, "if-none-match"), str_from(asset->etag))) {
        reply->status = 304;
        return;
    }
    if (asset->brotli.len > 0 && accepts(req->http, S("br"))) {
        bytes = (struct str){(const char *)asset->brotli.bytes, asset->brotli.len};
        reply_header(reply, "content-encoding", S("br"));
    } else if (asset->gzip.len > 0 && accepts(req->http, S("gzip"))) {
        bytes = (struct str){(const char *)asset->gzip.bytes, asset->gzip.len};
        reply_header(reply, "content-encoding", S("gzip"));
    }
    buf_add(&reply->body, bytes);
}

// The demo's shop, with the chat of the demo's workspace; the page of somebody else in everything but name.
// Its policy allows what docs/channels/chat.md asks of a page, and nothing more.
static bool answer_shop(struct request *req, struct reply *reply)
{
    static const char csp[] = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
                              "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    const char *key = atomic_load(&req->app->demo_chat);
    const struct asset *asset = key ? find_asset(S("/demo-shop.html")) : NULL;
    struct str rest, mark = S("CHANNEL_KEY");
    if (!asset || (req->http->method != HTTP_GET_ && req->http->method != HTTP_HEAD_))
        return false;
    rest = (struct str){(const char *)asset->plain.bytes, asset->plain.len};
    for (i64 at = str_find(rest, mark); at >= 0; at = str_find(rest, mark)) {
        buf_add(&reply->body, str_sub(rest, 0, (size_t)at));
        buf_add(&reply->body, str_from(key));
        rest = str_sub(rest, (size_t)at + mark.len, rest.len);
    }
    buf_add(&reply->body, rest);
    reply->content_type = S("text/html; charset=utf-8");
    reply_header(reply, "content-security-policy", str_from(csp));
    return true;
}

bool page_answer(struct request *req, struct reply *reply, unsigned *ret_methods)
{
    const struct asset *asset = find_asset(req->http->path);
    bool view = is_view(req->http->path);
    *ret_methods = 0;
    if (str_starts(req->http->path, S("/demo-shop")) && !str_eq(req->http->path, S("/demo-shop.css")))
        return str_eq(req->http->path, S("/demo-shop")) && answer_shop(req, reply);
    if (!asset && !view)
        return false;
    if (req->http->method != HTTP_GET_ && req->http->method != HTTP_HEAD_) {
        *ret_methods = 1u << HTTP_GET_;
        return false;
    }
    if (!asset)
        asset = find_asset(S("/index.html"));
    if (asset) {
        put_asset(req, reply, asset);
        return true;
    }
    reply_header(reply, "content-security-policy", str_from(page_csp));
    reply->content_type = S("text/html; charset=utf-8");
    buf_add(&reply->body, str_from(missing_page));
    return true;
}
