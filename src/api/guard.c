// SPDX-License-Identifier: AGPL-3.0-or-later
// Host, origin and query checks. Defaults of the router: no route can switch them off.
#include "api/guard.h"
#include "api/app.h"
#include "api/match.h"

// "127.0.0.1", "[::1]", "localhost", with or without a port: names that no foreign DNS can point at us.
static bool is_loopback(struct str host)
{
    if (str_starts(host, S("["))) {
        i64 end = str_find(host, S("]"));
        return end >= 0 && str_eq(str_sub(host, 0, (size_t)end + 1), S("[::1]"));
    }
    struct str port;
    struct str name = str_cut(host, ':', &port);
    if (str_eq_nocase(name, S("localhost")))
        return true;
    if (!str_starts(name, S("127.")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '.' && (name.ptr[i] < '0' || name.ptr[i] > '9'))
            return false;
    }
    return true;
}

bool guard_host(const struct app *app, const struct http_request *http)
{
    struct str host = http_header(http, "host");
    return host.len > 0 && (str_eq_nocase(host, app->public_host) || is_loopback(host));
}

// Of several the one nearest to the body: proxies add theirs behind what the client sent.
static bool last_header(const struct http_request *http, const char *name, struct str *ret_value)
{
    for (size_t i = http->n_headers; i > 0; i--) {
        if (str_eq(http->headers[i - 1].name, str_from(name))) {
            *ret_value = http->headers[i - 1].value;
            return true;
        }
    }
    return false;
}

static bool is_address(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
              c == '.'))
            return false;
    }
    return text.len > 0 && text.len <= 45;
}

struct str guard_peer(const struct http_request *http)
{
    struct str peer = http->peer;
    bool local = str_starts(peer, S("127.")) || str_eq(peer, S("::1")) || str_starts(peer, S("::ffff:127."));
    struct str forwarded;
    if (!local || !last_header(http, "x-forwarded-for", &forwarded))
        return peer;
    struct str last = forwarded, rest = forwarded;
    while (str_given(rest))
        last = str_cut(rest, ',', &rest);
    last = str_trim(last);
    return is_address(last) ? last : S("unknown");
}

static bool is_ours(const struct request *req, struct str origin)
{
    struct str host = http_header(req->http, "host");
    if (str_eq(origin, req->app->public_url))
        return true;
    // The page opened by another loopback name than the public URL's.
    return str_starts(origin, S("http://")) && is_loopback(host) &&
           str_eq_nocase(str_sub(origin, 7, origin.len), host);
}

static bool is_json(struct str content_type)
{
    struct str rest;
    return str_eq_nocase(str_trim(str_cut(content_type, ';', &rest)), S("application/json"));
}

static size_t count_header(const struct http_request *http, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < http->n_headers; i++)
        n += str_eq(http->headers[i].name, str_from(name));
    return n;
}

bool guard_csrf(const struct request *req, bool cookie, struct err *err)
{
    const struct http_request *http = req->http;
    if (req->route->flags & ROUTE_INTAKE)
        return true;
    struct str origin = http_header(http, "origin");
    bool sent = count_header(http, "origin") > 0;
    // Reading changes nothing and our own page's browser then sends no Origin; whoever sends another one
    // wants to read over somebody's shoulder (a sub-domain gets even a SameSite cookie sent along).
    if (http->method == HTTP_GET_ || http->method == HTTP_HEAD_) {
        if (cookie && sent && !(str_given(origin) && is_ours(req, origin)))
            return err_set(err, ERR_DENIED, "This request did not come from Heed's own page (Origin).");
        return true;
    }
    // Who signs in has no cookie yet; a foreign page must not sign our visitor in as somebody else either.
    if ((cookie || (sent && req->actor.token_id == 0)) && !(str_given(origin) && is_ours(req, origin)))
        return err_set(err, ERR_DENIED, "This request did not come from Heed's own page (Origin).");
    if (cookie && str_given(http_header(http, "sec-fetch-site")) &&
        !str_eq(http_header(http, "sec-fetch-site"), S("same-origin")))
        return err_set(err, ERR_DENIED, "This request did not come from Heed's own page (Sec-Fetch-Site).");
    if (req->route->flags & ROUTE_RAW_BODY)
        return true;
    bool typed = count_header(http, "content-type") > 0;
    if ((http->body.len > 0 || typed) && !is_json(http_header(http, "content-type")))
        return err_set(err, ERR_MEDIA_TYPE, "Content-Type must be application/json.");
    return true;
}

static bool known_param(const struct route *route, struct str name)
{
    for (const struct query_param *p = route->params; p && p->name; p++) {
        if (str_eq(name, str_from(p->name)))
            return true;
    }
    return false;
}

bool guard_query(const struct request *req, struct err *err)
{
    struct str rest = req->http->query;
    if (req->route->flags & ROUTE_INTAKE)
        return true; // networks add their own
    while (rest.len > 0) {
        struct str value, pair = str_cut(rest, '&', &rest);
        struct str name = str_cut(pair, '=', &value);
        if (pair.len == 0)
            continue;
        if (!known_param(req->route, name)) {
            err_field(
                err,
                str_cstr(req->arena, utf8_clean(req->arena, str_sub(name, 0, name.len < 40 ? name.len : 40))),
                "unknown_parameter", "This is not a parameter of this address.");
            err->code = ERR_SYNTAX;
            return false;
        }
    }
    for (const struct query_param *p = req->route->params; p && p->name; p++) {
        struct str value;
        if (!http_param(req->http, p->name, &value, err))
            return false;
    }
    return true;
}
