// SPDX-License-Identifier: AGPL-3.0-or-later
// URL parsing over curl's own parser, so that there is no second reading; the checks around it refuse
// what parsers are known to disagree about.
#include "net/url.h"
#include <arpa/inet.h>
#include <curl/curl.h>

enum { URL_MAX = 8192 };

static bool is_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];

        if (c <= ' ' || c >= 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' || c == '^' || c == '`') {
            return false;
        }
    }
    return true;
}

// The part between "//" and the next '/', '?' or '#'; curl forgives one or three slashes, this does not.
static bool find_authority(struct str text, struct str *ret_authority)
{
    struct str rest;

    if (text.len > 7 && str_eq_nocase(str_sub(text, 0, 7), S("http://"))) {
        rest = str_sub(text, 7, text.len);
    } else if (text.len > 8 && str_eq_nocase(str_sub(text, 0, 8), S("https://"))) {
        rest = str_sub(text, 8, text.len);
    } else {
        return false;
    }
    size_t n = 0;

    while (n < rest.len && !memchr("/?#", rest.ptr[n], 3)) {
        n++;
    }
    *ret_authority = str_sub(rest, 0, n);
    return true;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// A last label that is a number makes programs read the name as an address, each in its own way.
static bool ends_in_number(struct str host)
{
    size_t from = host.len;

    if (host.len > 0 && host.ptr[host.len - 1] == '.') {
        host.len--;
        from--;
    }
    while (from > 0 && host.ptr[from - 1] != '.') {
        from--;
    }
    struct str label = str_sub(host, from, host.len);
    bool digits = label.len > 0;

    for (size_t i = 0; i < label.len; i++) {
        digits = digits && label.ptr[i] >= '0' && label.ptr[i] <= '9';
    }
    return digits || str_starts(label, S("0x"));
}

static bool read_host(struct url *url, struct err *err)
{
    struct str host = url->host;
    char name[256];

    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        url->host = host = str_sub(host, 1, host.len - 1);
        if (host.len < sizeof name) {
            memcpy(name, host.ptr, host.len);
            name[host.len] = 0;
            url->address_len = inet_pton(AF_INET6, name, url->address) == 1 ? 16 : 0;
        }
        return url->address_len == 16 || err_set(err, ERR_INVALID, "The IPv6 address is not valid.");
    }
    if (host.len == 0 || host.len > 253 || host.ptr[0] == '.' || host.ptr[0] == '-') {
        return err_set(err, ERR_INVALID, "The host name is not valid.");
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_byte(host.ptr[i]) || (i > 0 && host.ptr[i] == '.' && host.ptr[i - 1] == '.')) {
            return err_set(err, ERR_INVALID, "The host name is not valid.");
        }
    }
    memcpy(name, host.ptr, host.len);
    name[host.len] = 0;
    if (inet_pton(AF_INET, name, url->address) == 1) {
        url->address_len = 4;
        return true;
    }
    return !ends_in_number(host) || err_set(err, ERR_INVALID, "The host is not a valid IPv4 address.");
}

static bool get_part(struct arena *arena, CURLU *handle, CURLUPart part, unsigned flags, struct str *ret)
{
    char *text = NULL;

    if (curl_url_get(handle, part, &text, flags) != CURLUE_OK || !text) {
        return false;
    }
    *ret = str_copy(arena, str_from(text));
    curl_free(text);
    return true;
}

static bool read_parts(struct arena *arena, CURLU *handle, struct url *url, struct err *err)
{
    struct str port, path, query, host;
    i64 number;

    curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    if (!get_part(arena, handle, CURLUPART_SCHEME, 0, &url->scheme) ||
        !get_part(arena, handle, CURLUPART_HOST, 0, &host) ||
        !get_part(arena, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port) ||
        !get_part(arena, handle, CURLUPART_PATH, 0, &path)) {
        return err_set(err, ERR_INVALID, "The address is not a valid URL.");
    }
    if (!str_to_i64(port, &number) || number < 1 || number > 65535) {
        return err_set(err, ERR_INVALID, "The port is not valid.");
    }
    url->port = (int)number;
    url->target = path;
    if (get_part(arena, handle, CURLUPART_QUERY, 0, &query) && query.len > 0) {
        url->target = str_printf(arena, STR_FMT "?" STR_FMT, STR_ARG(path), STR_ARG(query));
    }
    url->host = str_lower_ascii(arena, host);
    if (!read_host(url, err)) {
        return false;
    }
    curl_url_set(handle, CURLUPART_HOST, str_cstr(arena, str_lower_ascii(arena, host)), 0);
    return get_part(arena, handle, CURLUPART_URL, 0, &url->text) ||
           err_set(err, ERR_INVALID, "The address is not a valid URL.");
}

static bool check_text(struct str text, struct err *err)
{
    struct str authority;

    if (text.len > URL_MAX) {
        return err_set(err, ERR_INVALID, "The address is longer than %d bytes.", URL_MAX);
    }
    if (!is_clean(text)) {
        return err_set(err, ERR_INVALID, "The address holds a byte that must be percent-encoded.");
    }
    if (!find_authority(text, &authority)) {
        return err_set(err, ERR_INVALID, "The address must begin with http:// or https://.");
    }
    if (memchr(authority.ptr, '@', authority.len)) {
        return err_set(err, ERR_INVALID, "The address must not hold a user name.");
    }
    if (authority.len == 0 || memchr(authority.ptr, '%', authority.len) ||
        authority.ptr[authority.len - 1] == ':') {
        return err_set(err, ERR_INVALID, "The host in the address is not valid.");
    }
    return true;
}

bool url_parse(struct arena *arena, struct str text, struct url *ret, struct err *err)
{
    struct url url = {.address_len = 0};
    CURLU *handle;

    if (!check_text(text, err)) {
        return false;
    }
    handle = curl_url();
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, str_cstr(arena, text), CURLU_DISALLOW_USER);
    bool done = code == CURLUE_OK ? read_parts(arena, handle, &url, err)
                                  : err_set(err, ERR_INVALID, "The address is not a valid URL.");

    curl_url_cleanup(handle);
    if (done) {
        *ret = url;
    }
    return done;
}

bool url_resolve(struct arena *arena, const struct url *base, struct str location, struct url *ret,
                 struct err *err)
{
    struct str text = STR_NONE;

    if (location.len > URL_MAX || !is_clean(location)) {
        return err_set(err, ERR_INVALID, "The redirect holds a byte that must be percent-encoded.");
    }
    CURLU *handle = curl_url();
    bool done =
        curl_url_set(handle, CURLUPART_URL, str_cstr(arena, base->text), 0) == CURLUE_OK &&
        curl_url_set(handle, CURLUPART_URL, str_cstr(arena, location), CURLU_DISALLOW_USER) == CURLUE_OK &&
        get_part(arena, handle, CURLUPART_URL, 0, &text);

    curl_url_cleanup(handle);
    return done ? url_parse(arena, text, ret, err)
                : err_set(err, ERR_INVALID, "The redirect does not lead to a valid URL.");
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return str_eq(a->scheme, b->scheme) && str_eq(a->host, b->host) && a->port == b->port;
}
