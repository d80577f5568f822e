// SPDX-License-Identifier: AGPL-3.0-or-later
// The route table and what is made of it; token buckets; addresses that share a bucket.
#include "api/docs.h"
#include "api/limits.h"
#include "api/match.h"
#include "api/metrics.h"
#include "base/arena.h"
#include "base/crypto.h"
#include "base/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_route_says_all_that_the_document_needs(void **state)
{
    (void)state;
    assert_true(route_count() > 50);
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *r = route_tables[t]; r->path; r++) {
            assert_non_null(r->name);
            assert_true(r->summary && r->summary[0]);
            assert_true(r->success >= 200 && r->success < 300);
            assert_true((r->read != NULL) != (r->write != NULL));
            assert_true(r->method == HTTP_GET_ ? r->read != NULL : true);
            assert_true(r->right == MAY_ANYONE || right_name(r->right)[0]);
            assert_true(!r->out_list || r->out);
        }
    }
}

static void no_two_routes_share_a_name_or_an_address(void **state)
{
    (void)state;
    const struct route *all[256];
    size_t n = 0;
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *r = route_tables[t]; r->path; r++)
            all[n++] = r;
    }
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(route_index(all[i]), i);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(all[i]->name, all[j]->name);
            assert_true(all[i]->method != all[j]->method || strcmp(all[i]->path, all[j]->path) != 0);
        }
    }
}

static enum match_result match(enum http_method method, const char *path, const char **ret_name,
                               struct str values[4], unsigned *ret_methods)
{
    const struct route *route = NULL;
    enum match_result result = route_match(method, str_from(path), &route, values, ret_methods);
    *ret_name = route ? route->name : "";
    return result;
}

static void paths_find_their_routes_and_nothing_else(void **state)
{
    (void)state;
    struct str values[4] = {};
    unsigned methods = 0;
    const char *name;
    assert_int_equal(match(HTTP_GET_, "/api/v1/conversations/17", &name, values, &methods), MATCH_OK);
    assert_string_equal(name, "getConversation");
    assert_true(str_eq(values[0], S("17")));
    assert_int_equal(match(HTTP_POST_, "/hooks/custom/7", &name, values, &methods), MATCH_OK);
    assert_true(str_eq(values[0], S("custom")) && str_eq(values[1], S("7")));
    assert_int_equal(match(HTTP_HEAD_, "/api/v1/me", &name, values, &methods), MATCH_OK);
    assert_string_equal(name, "getMe");
    assert_int_equal(match(HTTP_DELETE_, "/api/v1/me", &name, values, &methods), MATCH_METHOD);
    struct arena *arena = arena_create();
    assert_true(str_eq(route_allow(arena, methods), S("GET, HEAD, PATCH, OPTIONS")));
    arena_destroy(arena);
    static const char *const nothing[] = {"/api/v1/conversations/",
                                          "/api/v1/conversations//messages",
                                          "/api/v1",
                                          "/api/v1/me/",
                                          "/API/V1/me",
                                          "/api/v1/conversations/1/messages/2",
                                          ""};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
        assert_int_equal(match(HTTP_GET_, nothing[i], &name, values, &methods), MATCH_NONE);
}

static void the_document_is_json_and_names_every_route(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct buf out;
    struct err err = {};
    buf_init(&out, arena, 8 << 20);
    openapi_print(&out, S("https://desk.example"));
    assert_false(out.overflow);
    const struct json *doc = json_parse(buf_str(&out), arena, &err);
    assert_non_null(doc);
    size_t pos = 0, operations = 0;
    struct str path;
    const struct json *methods;
    while (json_member(json_at(doc, "paths"), &pos, &path, &methods)) {
        size_t at = 0;
        struct str method;
        const struct json *operation;
        while (json_member(methods, &at, &method, &operation)) {
            operations++;
            assert_true(json_str(json_at(operation, "operationId")).len > 0);
            assert_true(json_str(json_at(operation, "x-right")).len > 0);
            assert_int_equal(json_len(json_at(operation, "tags")), 1);
            assert_true(json_len(json_at(operation, "responses")) >= 3);
        }
    }
    assert_int_equal(operations, route_count());
    // Every reference leads somewhere.
    struct str rest = buf_str(&out);
    const struct str ref = S("\"#/components/schemas/");
    for (i64 at; (at = str_find(rest, ref)) >= 0;) {
        struct str after, name = str_cut(str_sub(rest, (size_t)at + ref.len, rest.len), '"', &after);
        assert_non_null(json_get(json_at(doc, "components.schemas"), name));
        rest = after;
    }
    arena_destroy(arena);
}

static void the_tables_of_rights_and_metrics_are_whole(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct buf out;
    buf_init(&out, arena, 8 << 20);
    rights_print(&out);
    for (size_t t = 0; route_tables[t]; t++) {
        for (const struct route *r = route_tables[t]; r->path; r++)
            assert_true(str_find(buf_str(&out), str_from(r->path)) > 0);
    }
    buf_reset(&out);
    metrics_list(&out);
    assert_true(str_find(buf_str(&out), S("heed_inbound_oldest_seconds")) > 0);
    arena_destroy(arena);
}

// ---- Buckets ----

struct rush {
    struct limiter *limiter;
    _Atomic int passed;
};

static void *rush_in(void *arg)
{
    struct rush *rush = arg;
    int retry_s;
    for (int i = 0; i < 250; i++) {
        if (limit_take(rush->limiter, LIMIT_SIGN_IN_ACCOUNT, S("ada|192.0.2.1"), 0, 5, &retry_s))
            rush->passed++;
    }
    return NULL;
}

static void of_a_thousand_at_once_exactly_as_many_pass_as_the_bucket_holds(void **state)
{
    (void)state;
    struct rush rush = {.limiter = limiter_create()};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        threads[i] = thread_start("rush", rush_in, &rush);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(rush.passed, 5);
    int retry_s = 0;
    assert_true(
        limit_take(rush.limiter, LIMIT_SIGN_IN_ACCOUNT, S("ada|192.0.2.2"), 0, 5, &retry_s)); // nobody else
    assert_true(limit_take(rush.limiter, LIMIT_SIGN_IN_PEER, S("ada|192.0.2.1"), 0, 5, &retry_s));
    limit_give(rush.limiter, LIMIT_SIGN_IN_ACCOUNT, S("ada|192.0.2.1"));
    assert_true(limit_take(rush.limiter, LIMIT_SIGN_IN_ACCOUNT, S("ada|192.0.2.1"), 0, 5, &retry_s));
    assert_false(limit_take(rush.limiter, LIMIT_SIGN_IN_ACCOUNT, S("ada|192.0.2.1"), 6, 5, &retry_s));
    assert_in_range(retry_s, 1, 11);
    limiter_destroy(rush.limiter);
}

static void a_flood_of_strangers_neither_grows_memory_nor_frees_a_busy_one(void **state)
{
    (void)state;
    struct limiter *limiter = limiter_create();
    struct arena *arena = arena_create();
    int retry_s, passed = 0;
    for (int i = 0; i < 20000; i++) {
        arena_reset(arena);
        (void)limit_take(limiter, LIMIT_PEER, str_printf(arena, "2001:db8:%x::/64", i), 1, 10, &retry_s);
        passed += limit_take(limiter, LIMIT_PEER, S("198.51.100.7"), 0, 10, &retry_s);
    }
    assert_int_equal(passed, 10);
    arena_destroy(arena);
    limiter_destroy(limiter);
}

static void addresses_of_one_house_share_a_bucket(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    assert_true(str_eq(limit_peer_key(arena, S("2001:db8:1:2:3:4:5:6")), S("2001:db8:1:2::/64")));
    assert_true(str_eq(limit_peer_key(arena, S("2001:db8:1:2:ffff::1")), S("2001:db8:1:2::/64")));
    assert_true(str_eq(limit_peer_key(arena, S("::ffff:192.0.2.9")), S("192.0.2.9")));
    assert_true(str_eq(limit_peer_key(arena, S("192.0.2.9")), S("192.0.2.9")));
    assert_true(str_eq(limit_peer_key(arena, S("fe80::1%eth0")), S("fe80::/64")));
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_says_all_that_the_document_needs),
        cmocka_unit_test(no_two_routes_share_a_name_or_an_address),
        cmocka_unit_test(paths_find_their_routes_and_nothing_else),
        cmocka_unit_test(the_document_is_json_and_names_every_route),
        cmocka_unit_test(the_tables_of_rights_and_metrics_are_whole),
        cmocka_unit_test(of_a_thousand_at_once_exactly_as_many_pass_as_the_bucket_holds),
        cmocka_unit_test(a_flood_of_strangers_neither_grows_memory_nor_frees_a_busy_one),
        cmocka_unit_test(addresses_of_one_house_share_a_bucket),
    };
    crypto_init();
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
