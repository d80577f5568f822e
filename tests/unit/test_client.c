// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbound client's reach: no form of address, no name and no redirect leads to this machine or its
// network (acceptance A-SF1, with canaries listening), except what the operator allowed.
#include "client_peer.h"

// ---- A-SF1 ------------------------------------------------------------------------------------------------
static const char *const closed_hosts[] = {
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0x7f.0.0.1",
    "0x7F.0x0.0x0.0x1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "127.0.0.1.",
    "127.127.127.127",
    "127.255.255.254",
    "0.0.0.0",
    "0",
    "0x0",
    "00",
    "0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.1",
    "012.0.0.1",
    "0xa000001",
    "167772161",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.43518",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "169.254.0.1",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "0xac100001",
    "192.0.0.170",
    "192.0.2.2",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1",
    "0xc0a80001",
    "3232235521",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "0xffffffff",
    "4294967295",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0.0.0.0]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:192.168.0.1]",
    "[::ffff:0:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fd00::2]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::fc:ff:fe00:1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[4000::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "LocalHost.",
    "sub.localhost",
    "loopback.test",
    "LOOPBACK.test",
    "loopback6.test",
    "mapped.test",
    "ten.test",
    "metadata.test",
    "metadata.google.internal",
    "any.test",
    "any6.test",
    "nat64.test",
    "ula.test",
    "both.test",
    "127.0.0.1.nip.test",
    // Readings that parsers disagree about.
    "user@127.0.0.1",
    "user:pass@127.0.0.1",
    "8.8.8.8@127.0.0.1",
    "127.0.0.1@8.8.8.8",
    "8.8.8.8\\@127.0.0.1",
    "127.0.0.1\\@8.8.8.8",
    "8.8.8.8#@127.0.0.1",
    "127.0.0.1#@8.8.8.8",
    "8.8.8.8?@127.0.0.1",
    "%31%32%37.0.0.1",
    "127%2e0.0.1",
    "127.0.0.1%00.example.com",
    "127.0.0.1%2eexample.com",
    "[::1%25lo]",
    "[::1%lo]",
    "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
    "127\xe3\x80\x82"
    "0\xe3\x80\x82"
    "0\xe3\x80\x82"
    "1",
    "loc\xc3\xa5lhost",
    "127.0.0.1\t",
    "\t127.0.0.1",
    "127.0.0.1 ",
    " 127.0.0.1",
    "127.0.0.1,8.8.8.8",
    "127.0.0.1;8.8.8.8",
    "127.0.0.1:80:80",
    "[::1",
    "::1",
    "[[::1]]",
    "[127.0.0.1]",
    "0x7f.0.0.0x1.",
    "127.0.0.0x1",
    "1.1.1.1.1",
    "256.0.0.1",
    "127..0.0.1",
    ".127.0.0.1",
    "-127.0.0.1",
    "0x",
    "0x7g.1",
    "127.0.0.1/@8.8.8.8",
};

static const struct {
    const char *before, *after;
} url_forms[] = {
    {"http://", "/"}, {"http://", ":8080/x?y#z"}, {"https://", ":8443/"}, {"HTTP://", ":80"},
    {"http:/", "/"},  {"http:///", "/"},
};

static void nothing_on_this_machine_can_be_reached_by_any_form_of_address(void **state)
{
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();
    size_t n = 0;

    (void)state;
    assert_true(n_canaries > 0);
    for (size_t i = 0; i < ARRAY_LEN(closed_hosts); i++) {
        for (size_t j = 0; j < ARRAY_LEN(url_forms); j++) {
            struct str url =
                str_printf(arena, "%s%s%s", url_forms[j].before, closed_hosts[i], url_forms[j].after);
            struct err err = {0};

            // These two name a public host to every reader; only the hidden one must not be dialled.
            if (strstr(closed_hosts[i], "8.8.8.8#") || strstr(closed_hosts[i], "8.8.8.8?")) {
                continue;
            }
            struct net_answer_view v = fetch(client, arena, "GET", url, 2000, 0);

            if (v.answer.got_answer || v.answer.maybe_received || v.answer.error[0] == 0) {
                fail_msg(STR_FMT " got through", STR_ARG(url));
            }
            if (client_url_allowed(client, url, &err) || err.code != ERR_INVALID) {
                fail_msg(STR_FMT " counts as allowed", STR_ARG(url));
            }
            n++;
        }
        arena_reset(arena);
    }
    assert_true(n >= 250);
    assert_int_equal(count_canary_connections(), 0);
    client_stop(client);
    arena_destroy(arena);
}

static void other_ports_and_schemes_are_refused(void **state)
{
    static const char *const urls[] = {"http://8.8.8.8:22/",    "http://8.8.8.8:25/", "http://8.8.8.8:6379/",
                                       "https://8.8.8.8:8100/", "ftp://8.8.8.8/",     "file:///etc/passwd",
                                       "gopher://8.8.8.8/",     "http://8.8.8.8:81/"};
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct net_answer_view v = fetch(client, arena, "GET", str_from(urls[i]), 2000, 0);

        assert_false(v.answer.got_answer || v.answer.maybe_received);
        assert_true(v.ms < 200);
    }
    client_stop(client);
    arena_destroy(arena);
}

static void the_refusal_says_which_address_and_why(void **state)
{
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", S("http://ten.test/"), 2000, 0);
    assert_string_equal(v.answer.error, "Refused: 10.0.0.1 is not a public address.");
    v = fetch(client, arena, "GET", S("http://127.1:8080/"), 2000, 0);
    assert_string_equal(v.answer.error, "Refused: 127.0.0.1 is not a public address.");
    v = fetch(client, arena, "GET", S("http://8.8.8.8:25/"), 2000, 0);
    assert_string_equal(v.answer.error, "Refused: port 25; only 80, 443, 8080 and 8443 are dialled.");
    assert_false(client_url_allowed(client, S("http://nowhere.test/"), &err));
    assert_string_equal(err.text, "The name nowhere.test was not found.");
    client_stop(client);
    arena_destroy(arena);
}

static void a_name_that_changes_its_answer_is_judged_when_dialled(void **state)
{
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    n_flips = 0;
    assert_true(client_url_allowed(client, S("http://flip.test:8080/"), &err));
    for (int i = 0; i < 20; i++) {
        struct net_answer_view v = fetch(client, arena, "GET", S("http://flip.test:8080/"), 2000, 0);

        assert_false(v.answer.got_answer || v.answer.maybe_received);
        assert_string_equal(v.answer.error, "Refused: 127.0.0.1 is not a public address.");
    }
    assert_int_equal(count_canary_connections(), 0);
    client_stop(client);
    arena_destroy(arena);
}

static void names_the_system_itself_knows_are_refused_too(void **state)
{
    static const char *const urls[] = {"http://localhost/", "http://LOCALHOST:8080/",
                                       "http://localhost.:8080/"};
    struct outbound_client *client = begin(NULL, 0, NULL);
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct net_answer_view v = fetch(client, arena, "GET", str_from(urls[i]), 2000, 0);

        assert_false(v.answer.got_answer || v.answer.maybe_received);
    }
    assert_false(client_url_allowed(client, S("http://localhost/"), &err));
    assert_non_null(strstr(err.text, "is not a public address"));
    assert_int_equal(count_canary_connections(), 0);
    client_stop(client);
    arena_destroy(arena);
}

static void an_allowed_host_is_reached_and_its_neighbours_are_not(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/ok"), 2000, 0);
    assert_true(v.answer.got_answer);
    assert_int_equal(v.answer.status, 200);
    assert_true(str_eq(v.answer.body, S("ok")));
    assert_true(client_url_allowed(client, to_peer(arena, "/x"), &err));
    int before = peer.n_connections;

    v = fetch(client, arena, "GET", str_printf(arena, "http://localhost:%d/ok", peer.port), 2000, 0);
    assert_false(v.answer.got_answer);
    v = fetch(client, arena, "GET", str_printf(arena, "http://127.0.0.2:%d/ok", peer.port), 2000, 0);
    assert_false(v.answer.got_answer);
    v = fetch(client, arena, "GET", str_printf(arena, "http://127.0.0.1:%d/ok", second.port), 2000, 0);
    assert_false(v.answer.got_answer);
    assert_int_equal(peer.n_connections, before);
    assert_int_equal(second.n_connections, 0);
    client_stop(client);
    arena_destroy(arena);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"};
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        setenv(names[i], "http://127.0.0.1:8080", 1);
    }
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/ok"), 2000, 0);

    assert_true(v.answer.got_answer);
    assert_int_equal(count_canary_connections(), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unsetenv(names[i]);
    }
    client_stop(client);
    arena_destroy(arena);
}

// ---- Redirects
// ----------------------------------------------------------------------------------------------
static void redirects_are_the_answer_unless_asked_for(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/ok"), 2000, 0);
    assert_true(v.answer.got_answer);
    assert_int_equal(v.answer.status, 302);
    v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/ok"), 2000, FETCH_REDIRECTS);
    assert_int_equal(v.answer.status, 200);
    v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/redirect?/redirect?/ok"), 2000,
              FETCH_REDIRECTS);
    assert_int_equal(v.answer.status, 200);
    v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/redirect?/redirect?/redirect?/ok"), 2000,
              FETCH_REDIRECTS);
    assert_false(v.answer.got_answer);
    assert_string_equal(v.answer.error, "There are more than 3 redirects.");
    v = fetch(client, arena, "POST", to_peer(arena, "/redirect?/ok"), 2000, FETCH_REDIRECTS);
    assert_int_equal(v.answer.status, 302);
    client_stop(client);
    arena_destroy(arena);
}

static void a_redirect_leads_to_nothing_a_first_address_could_not(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed_hosts); i++) {
        struct str path = str_printf(arena, "/redirect?http://%s:8080/", closed_hosts[i]);

        // Not expressible in a request line as it is.
        if (strpbrk(closed_hosts[i], " \t#?") || strstr(closed_hosts[i], "%") || closed_hosts[i][0] < 0) {
            continue;
        }
        struct net_answer_view v =
            fetch(client, arena, "GET", to_peer(arena, str_cstr(arena, path)), 2000, FETCH_REDIRECTS);

        if (v.answer.got_answer) {
            fail_msg("%s got through", closed_hosts[i]);
        }
        arena_reset(arena);
        n++;
    }
    assert_true(n > 100);
    assert_int_equal(count_canary_connections(), 0);
    assert_int_equal(second.n_connections, 0);
    client_stop(client);
    arena_destroy(arena);
}

static void secrets_do_not_follow_a_redirect_to_another_site(void **state)
{
    char one[32], two[32];
    const char *allowed[] = {one, two};
    struct arena *arena = arena_create();
    struct net_header headers[] = {{S("Authorization"), S("Bearer secret")}, {S("Accept"), S("image/png")}};

    (void)state;
    snprintf(one, sizeof one, "127.0.0.1:%d", peer.port);
    snprintf(two, sizeof two, "127.0.0.1:%d", second.port);
    struct outbound_client *client = begin(resolve, 2, allowed);
    struct net_request request = {
        .method = S("GET"),
        .url = to_peer(arena, str_cstr(arena, str_printf(arena, "/redirect?http://%s/ok", two))),
        .timeout_ms = 2000};
    struct net_answer answer;

    request.headers.items = headers;
    request.headers.len = request.headers.cap = 2;
    client_fetch(client, &request, FETCH_REDIRECTS, arena, &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(peer.head, "Authorization: Bearer secret\r\n"));
    assert_null(strstr(second.head, "secret"));
    assert_non_null(strstr(second.head, "Accept: image/png\r\n"));
    assert_non_null(strstr(second.head, "User-Agent: Heed-test\r\n"));
    client_stop(client);
    arena_destroy(arena);
}

// Only here: two programs cannot listen on the same ports.
static int start_with_canaries(void **state)
{
    start_canaries();
    return start(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_on_this_machine_can_be_reached_by_any_form_of_address),
        cmocka_unit_test(other_ports_and_schemes_are_refused),
        cmocka_unit_test(the_refusal_says_which_address_and_why),
        cmocka_unit_test(a_name_that_changes_its_answer_is_judged_when_dialled),
        cmocka_unit_test(names_the_system_itself_knows_are_refused_too),
        cmocka_unit_test(an_allowed_host_is_reached_and_its_neighbours_are_not),
        cmocka_unit_test(proxies_of_the_environment_are_not_used),
        cmocka_unit_test(redirects_are_the_answer_unless_asked_for),
        cmocka_unit_test(a_redirect_leads_to_nothing_a_first_address_could_not),
        cmocka_unit_test(secrets_do_not_follow_a_redirect_to_another_site),
    };

    return cmocka_run_group_tests(tests, start_with_canaries, stop);
}
