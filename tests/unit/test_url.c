// SPDX-License-Identifier: AGPL-3.0-or-later
// Web addresses read strictly, the address rule on binary addresses, HTTP dates, and the timer wheel.
#include "net/client.h"
#include "net/date.h"
#include "net/guard.h"
#include "net/url.h"
#include "net/wheel.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void addresses_that_are_not_public_are_known(void **state)
{
    static const char *const closed[] = {"0.0.0.0",
                                         "0.1.2.3",
                                         "0.255.255.255",
                                         "10.0.0.0",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.127.255.255",
                                         "127.0.0.0",
                                         "127.0.0.1",
                                         "127.255.255.254",
                                         "169.254.0.1",
                                         "169.254.169.254",
                                         "172.16.0.0",
                                         "172.31.255.255",
                                         "192.0.0.1",
                                         "192.0.0.170",
                                         "192.0.2.1",
                                         "192.88.99.1",
                                         "192.168.0.1",
                                         "192.168.255.255",
                                         "198.18.0.1",
                                         "198.19.255.255",
                                         "198.51.100.1",
                                         "203.0.113.1",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::2",
                                         "::127.0.0.1",
                                         "::8.8.8.8",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:169.254.169.254",
                                         "::ffff:0:127.0.0.1",
                                         "64:ff9b::127.0.0.1",
                                         "64:ff9b::10.1.2.3",
                                         "64:ff9b::169.254.169.254",
                                         "64:ff9b:1::8.8.8.8",
                                         "64:ff9b::1:808:808",
                                         "100::1",
                                         "2001::1",
                                         "2001:0:808:808::1",
                                         "2001:2::1",
                                         "2001:10::1",
                                         "2001:20::1",
                                         "2001:db8::1",
                                         "2002:7f00:1::",
                                         "2002:a00:1::1",
                                         "2002:a9fe:a9fe::",
                                         "2002:c0a8:1::1",
                                         "3fff::1",
                                         "4000::1",
                                         "5f00::1",
                                         "fc00::1",
                                         "fd00::1",
                                         "fd00:ec2::254",
                                         "fe80::1",
                                         "febf::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "ff0e::1"};
    static const char *const open[] = {
        "1.1.1.1",         "8.8.8.8",          "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",      "126.255.255.255", "128.0.0.1",
        "169.253.255.255", "169.255.0.0",      "172.15.255.255",  "172.32.0.0",
        "192.0.1.0",       "192.0.3.0",        "192.88.98.1",     "192.88.100.1",
        "192.167.255.255", "192.169.0.0",      "198.17.255.255",  "198.20.0.0",
        "198.51.99.255",   "203.0.112.255",    "203.0.114.0",     "223.255.255.255",
        "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2001:200::1",     "2001:4860:4860::8888",
        "2002:808:808::1", "2606:4700::1111",  "2a00:1450::1",    "3ffe::1"};
    u8 bytes[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
        bool v6 = strchr(closed[i], ':') != NULL;

        assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, closed[i], bytes), 1);
        if (address_is_public(bytes, v6 ? 16 : 4)) {
            fail_msg("%s counts as public", closed[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        bool v6 = strchr(open[i], ':') != NULL;

        assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, open[i], bytes), 1);
        if (!address_is_public(bytes, v6 ? 16 : 4)) {
            fail_msg("%s counts as closed", open[i]);
        }
    }
    assert_false(address_is_public(bytes, 0));
    assert_false(address_is_public(bytes, 8));
}

static void a_url_is_taken_apart(void **state)
{
    static const struct {
        const char *text, *normal, *scheme, *host;
        int port;
        const char *target;
        size_t address_len;
    } rows[] = {
        {"http://example.com", "http://example.com/", "http", "example.com", 80, "/", 0},
        {"HTTPS://Example.COM/a?b=c#d", "https://example.com/a?b=c", "https", "example.com", 443, "/a?b=c",
         0},
        {"http://example.com:8080/x", "http://example.com:8080/x", "http", "example.com", 8080, "/x", 0},
        {"http://a_b.example-c.com/", "http://a_b.example-c.com/", "http", "a_b.example-c.com", 80, "/", 0},
        {"http://8.8.8.8/", "http://8.8.8.8/", "http", "8.8.8.8", 80, "/", 4},
        {"http://0x8.8.0x0808/", "http://8.8.8.8/", "http", "8.8.8.8", 80, "/", 4},
        {"http://134744072/", "http://8.8.8.8/", "http", "8.8.8.8", 80, "/", 4},
        {"http://[2606:4700::1111]:443/", "http://[2606:4700::1111]:443/", "http", "2606:4700::1111", 443,
         "/", 16},
        {"http://example.com./", "http://example.com./", "http", "example.com.", 80, "/", 0},
        {"https://xn--bcher-kva.example/%20", "https://xn--bcher-kva.example/%20", "https",
         "xn--bcher-kva.example", 443, "/%20", 0},
        {"http://h/@x:y", "http://h/@x:y", "http", "h", 80, "/@x:y", 0},
        {"http://h?q", "http://h/?q", "http", "h", 80, "/?q", 0},
    };
    struct arena *arena = arena_create();
    struct err err;
    struct url url;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!url_parse(arena, str_from(rows[i].text), &url, &err)) {
            fail_msg("%s: %s", rows[i].text, err.text);
        }
        assert_string_equal(str_cstr(arena, url.text), rows[i].normal);
        assert_string_equal(str_cstr(arena, url.scheme), rows[i].scheme);
        assert_string_equal(str_cstr(arena, url.host), rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_string_equal(str_cstr(arena, url.target), rows[i].target);
        assert_int_equal(url.address_len, rows[i].address_len);
    }
    arena_destroy(arena);
}

static void a_url_with_two_readings_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "http",
                                        "http:",
                                        "http:/",
                                        "http://",
                                        "http:///",
                                        "http:///example.com",
                                        "http:/example.com",
                                        "http:example.com",
                                        "//example.com",
                                        "example.com",
                                        "/x",
                                        "ftp://example.com/",
                                        "file:///etc/passwd",
                                        "gopher://example.com/",
                                        "dict://example.com/",
                                        "ws://example.com/",
                                        "javascript:alert(1)",
                                        "data:,x",
                                        "http://u@example.com/",
                                        "http://u:p@example.com/",
                                        "http://@example.com/",
                                        "http://:@example.com/",
                                        "http://example.com@evil.com/",
                                        "http://evil.com\\@example.com/",
                                        "http://example.com\\evil.com/",
                                        "http:\\\\example.com\\",
                                        "http://example.com:/",
                                        "http://example.com:0/",
                                        "http://example.com:65536/",
                                        "http://example.com:-1/",
                                        "http://example.com:80a/",
                                        "http://example.com:80:80/",
                                        "http://example.com:+80/",
                                        "http://ex ample.com/",
                                        " http://example.com/",
                                        "http://example.com/ ",
                                        "http://example.com/a b",
                                        "http://example.com/\n",
                                        "http://example.com/\r\nHost: x",
                                        "http://example.com/\t",
                                        "http://exa\tmple.com/",
                                        "http://ex%61mple.com/",
                                        "http://%31%32%37.0.0.1/",
                                        "http://example%00.com/",
                                        "http://example.com%2f.evil.com/",
                                        "http://m\xc3\xbcnze.example/",
                                        "http://example.com/\xc3\xbc",
                                        "http://\xe2\x91\xa0.example/",
                                        "http://.example.com/",
                                        "http://example..com/",
                                        "http://-example.com/",
                                        "http://.",
                                        "http://..",
                                        "http://exa,mple.com/",
                                        "http://exa;mple.com/",
                                        "http://exa!mple.com/",
                                        "http://exa$mple.com/",
                                        "http://[::1/",
                                        "http://::1/",
                                        "http://[::1]x/",
                                        "http://[::1%25lo]/",
                                        "http://[fe80::1%eth0]/",
                                        "http://[1.2.3.4]/",
                                        "http://[::gg]/",
                                        "http://[]/",
                                        "http://1.2.3.4.5/",
                                        "http://256.1.1.1/",
                                        "http://1.2.3.256/",
                                        "http://0x100000000/",
                                        "http://4294967296/",
                                        "http://a.1/",
                                        "http://a.0x1/",
                                        "http://example.123/",
                                        "http://<script>/",
                                        "http://example.com/\"x",
                                        "http://example.com/<x>",
                                        "http://example.com/`x",
                                        "http://example.com/^"};
    struct arena *arena = arena_create();
    struct err err;
    struct url url;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        err = (struct err){0};
        if (url_parse(arena, str_from(wrong[i]), &url, &err)) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
        assert_int_equal(err.code, ERR_INVALID);
        assert_true(strlen(err.text) > 10);
    }
    assert_false(url_parse(arena, S("http://example.com/\0x"), &url, &err));
    char *name = arena_alloc(arena, 400);

    memset(name, 'a', 300);
    memcpy(name, "http://", 7);
    assert_false(url_parse(arena, str_from(name), &url, &err));
    arena_destroy(arena);
}

static void a_redirect_is_resolved_against_where_it_came_from(void **state)
{
    static const struct {
        const char *location, *result;
    } rows[] = {
        {"/x", "https://example.com/x"},
        {"x", "https://example.com/a/x"},
        {"?q=1", "https://example.com/a/b?q=1"},
        {"//other.com/x", "https://other.com/x"},
        {"https://other.com:8443/", "https://other.com:8443/"},
        {"../c", "https://example.com/c"},
        {"http://127.0.0.1/", "http://127.0.0.1/"},
        {"http://u@other.com/", NULL},
        {"//u:p@other.com/", NULL},
        {"file:///etc/passwd", NULL},
        {"ftp://other.com/", NULL},
        {"/a b", NULL},
        {"\\\\other.com\\x", NULL},
        {"/\\other.com", NULL},
        {"http:/\\other.com", NULL},
        {"http://", NULL},
    };
    struct arena *arena = arena_create();
    struct url base, url;
    struct err err;

    (void)state;
    assert_true(url_parse(arena, S("https://example.com/a/b?c=d"), &base, &err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool taken = url_resolve(arena, &base, str_from(rows[i].location), &url, &err);

        if (taken != (rows[i].result != NULL)) {
            fail_msg("%s: %s", rows[i].location, taken ? str_cstr(arena, url.text) : err.text);
        }
        if (taken) {
            assert_string_equal(str_cstr(arena, url.text), rows[i].result);
        }
    }
    arena_destroy(arena);
}

static void allowed_hosts_are_exactly_that(void **state)
{
    struct str entries[] = {S("127.0.0.1:2583"), S("Test.Local:81"), S("[::1]:8100")};
    static const struct {
        const char *url;
        bool exempt;
    } rows[] = {
        {"http://127.0.0.1:2583/x", true},
        {"https://127.0.0.1:2583/", true},
        {"http://127.1:2583/", true},
        {"http://127.0.0.1:2584/", false},
        {"http://127.0.0.2:2583/", false},
        {"http://localhost:2583/", false},
        {"http://test.local:81/", true},
        {"http://TEST.local:81/", true},
        {"http://test.local./", false},
        {"http://test.local:80/", false},
        {"http://a.test.local:81/", false},
        {"http://[::1]:8100/", true},
        {"http://[0:0::1]:8100/", true},
        {"http://[::1]:8101/", false},
        {"http://[::ffff:127.0.0.1]:2583/", false},
    };
    static const char *const wrong[] = {"",        "127.0.0.1",   ":80",   "a:",           "a:b",    "a:0",
                                        "a:99999", "http://a:80", "a:80/", "a b:80",       "u@a:80", "::1:80",
                                        "a:80?x",  "a:80#x",      "*:80",  "10.0.0.0/8:80"};
    struct arena *arena = arena_create();
    struct guard *guard;
    struct url url;
    struct err err;

    (void)state;
    assert_true(guard_create(entries, ARRAY_LEN(entries), &guard, &err));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(url_parse(arena, str_from(rows[i].url), &url, &err));
        if (guard_is_exempt(guard, &url) != rows[i].exempt) {
            fail_msg("%s", rows[i].url);
        }
    }
    guard_destroy(guard);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct str entry = str_from(wrong[i]);

        if (guard_create(&entry, 1, &guard, &err)) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
        assert_string_equal(err.field, "allow-host");
    }
    arena_destroy(arena);
}

static void dates_are_written_and_read_as_http_has_them(void **state)
{
    static const struct {
        i64 at_ms;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777000, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400000, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {1764547199000, "Sun, 30 Nov 2025 23:59:59 GMT"},
        {1798761599000, "Thu, 31 Dec 2026 23:59:59 GMT"},
        {4107542400000, "Mon, 01 Mar 2100 00:00:00 GMT"},
    };
    char out[HTTP_DATE_SIZE];
    i64 at;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = http_date_format(rows[i].at_ms, out);

        assert_true(str_eq(text, str_from(rows[i].text)));
        assert_true(http_date_parse(text, &at));
        assert_int_equal(at, rows[i].at_ms);
    }
    assert_false(http_date_parse(S("Sunday, 06-Nov-94 08:49:37 GMT"), &at));
    assert_false(http_date_parse(S("Sun, 06 Nov 1994 08:49:37 UTC"), &at));
    assert_false(http_date_parse(S("Sun, 06 Foo 1994 08:49:37 GMT"), &at));
    assert_false(http_date_parse(S("Sun, 06 Nov 1994 24:49:37 GMT"), &at));
    assert_false(http_date_parse(S("Sun, -6 Nov 1994 08:49:37 GMT"), &at));
}

static struct {
    struct wheel_node node;
    i64 fired_at;
} things[3];
static i64 wheel_now;

static void on_fire(struct wheel_node *node)
{
    for (size_t i = 0; i < ARRAY_LEN(things); i++) {
        if (node == &things[i].node) {
            things[i].fired_at = wheel_now;
        }
    }
    // The first takes the second with it, both being due.
    if (node == &things[0].node) {
        wheel_remove(&things[1].node);
    } else if (node == &things[1].node) {
        wheel_remove(&things[0].node);
    }
}

static void run_wheel(struct wheel *wheel, i64 until)
{
    while (wheel_now < until) {
        wheel_now += 50;
        wheel_advance(wheel, wheel_now, on_fire);
    }
}

static void the_wheel_fires_once_at_the_last_deadline_set(void **state)
{
    struct wheel *wheel = mem_alloc(sizeof *wheel);

    (void)state;
    wheel_now = 1000000;
    wheel_init(wheel, wheel_now);
    wheel_set(wheel, &things[0].node, wheel_now + 500);
    wheel_set(wheel, &things[0].node, wheel_now + 3000); // later
    wheel_set(wheel, &things[2].node, wheel_now + 9000);
    wheel_set(wheel, &things[2].node, wheel_now + 700); // earlier
    run_wheel(wheel, 1000000 + 2000);
    assert_int_equal(things[0].fired_at, 0);
    assert_in_range(things[2].fired_at, 1000700, 1000850);
    run_wheel(wheel, 1000000 + 5000);
    assert_in_range(things[0].fired_at, 1003000, 1003150);
    // Beyond the horizon, never, and two at once of which the first removes the second.
    things[0].fired_at = things[1].fired_at = things[2].fired_at = 0;
    i64 from = wheel_now;

    wheel_set(wheel, &things[2].node, from + 500000);
    run_wheel(wheel, from + 499000);
    assert_int_equal(things[2].fired_at, 0);
    run_wheel(wheel, from + 501000);
    assert_in_range(things[2].fired_at, from + 500000, from + 500200);
    things[2].fired_at = 0;
    wheel_set(wheel, &things[2].node, wheel_now + 300);
    wheel_set(wheel, &things[2].node, WHEEL_NEVER);
    wheel_set(wheel, &things[0].node, wheel_now + 300);
    wheel_set(wheel, &things[1].node, wheel_now + 300);
    run_wheel(wheel, wheel_now + 1000);
    assert_true((things[0].fired_at == 0) != (things[1].fired_at == 0));
    assert_int_equal(things[2].fired_at, 0);
    mem_free(wheel);
}

static void a_long_sleep_makes_the_wheel_neither_slow_nor_forgetful(void **state)
{
    struct wheel *wheel = mem_alloc(sizeof *wheel);

    (void)state;
    things[2].node = (struct wheel_node){0};
    things[2].fired_at = 0;
    wheel_now = 5000000;
    wheel_init(wheel, wheel_now);
    wheel_set(wheel, &things[2].node, wheel_now + 60000);
    wheel_now += 1000000000000;
    wheel_advance(wheel, wheel_now, on_fire);
    assert_int_equal(things[2].fired_at, wheel_now);
    mem_free(wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_that_are_not_public_are_known),
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(a_url_with_two_readings_is_refused),
        cmocka_unit_test(a_redirect_is_resolved_against_where_it_came_from),
        cmocka_unit_test(allowed_hosts_are_exactly_that),
        cmocka_unit_test(dates_are_written_and_read_as_http_has_them),
        cmocka_unit_test(the_wheel_fires_once_at_the_last_deadline_set),
        cmocka_unit_test(a_long_sleep_makes_the_wheel_neither_slow_nor_forgetful),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
