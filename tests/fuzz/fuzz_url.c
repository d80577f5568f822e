// SPDX-License-Identifier: AGPL-3.0-or-later
// A URL that is taken reads the same in its normal form, hides no other host from other parsers, and a
// host that the system would read as an address was seen as that address. Dates go there and back.
#include "net/date.h"
#include "net/guard.h"
#include "net/url.h"
#include <arpa/inet.h>
#include <stdlib.h>

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_host(struct arena *arena, const struct url *url)
{
    struct in_addr v4;
    struct in6_addr v6;
    const char *host = str_cstr(arena, url->host);

    check(url->host.len > 0 && strlen(host) == url->host.len);
    check(strpbrk(host, "@/\\?#% \t\r\n") == NULL);
    if (url->address_len == 0) {
        check(inet_aton(host, &v4) == 0 && inet_pton(AF_INET6, host, &v6) == 0);
    } else if (url->address_len == 4) {
        check(inet_aton(host, &v4) == 1 && memcmp(&v4, url->address, 4) == 0);
    } else {
        check(inet_pton(AF_INET6, host, &v6) == 1 && memcmp(&v6, url->address, 16) == 0);
    }
}

static void check_url(struct arena *arena, struct str text)
{
    struct url url, again;
    struct err err;

    if (!url_parse(arena, text, &url, &err)) {
        check(err.code == ERR_INVALID && err.text[0]);
        return;
    }
    check(str_eq(url.scheme, S("http")) || str_eq(url.scheme, S("https")));
    check(url.port > 0 && url.port < 65536 && url.target.len > 0 && url.target.ptr[0] == '/');
    check_host(arena, &url);
    check(url_parse(arena, url.text, &again, &err));
    check(str_eq(url.text, again.text) && url_same_origin(&url, &again) && str_eq(url.target, again.target));
}

static void check_redirect(struct arena *arena, struct str location)
{
    struct url base, next;
    struct err err;

    check(url_parse(arena, S("https://example.com/a/b?c=d"), &base, &err));
    if (url_resolve(arena, &base, location, &next, &err)) {
        check_host(arena, &next);
    }
}

static void check_date(struct str text)
{
    char out[HTTP_DATE_SIZE];
    i64 at, again;

    if (http_date_parse(text, &at)) {
        check(http_date_parse(http_date_format(at, out), &again) && at == again);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = {(const char *)data, size};
    struct guard *guard;
    struct err err;

    check_url(arena, text);
    check_redirect(arena, text);
    check_date(text);
    if (guard_create(&text, 1, &guard, &err)) {
        guard_destroy(guard);
    }
    arena_give(arena);
    return 0;
}
