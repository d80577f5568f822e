// SPDX-License-Identifier: AGPL-3.0-or-later
// Browser push by the RFCs' own vectors, and time zones.
#include "base/clock.h"
#include "base/crypto.h"
#include "base/webpush.h"
#include "base/zone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena *arena;

static struct str decoded(const char *text)
{
    struct str data;
    assert_true(base64url_decode(arena, str_from(text), &data));
    return data;
}

static void assert_text(struct str got, const char *wanted)
{
    struct str text = base64url_encode(arena, got);
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.ptr, wanted, text.len);
}

// RFC 8291, section 5 and appendix A.
static const char point[] =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
static const char auth[] = "BTBZMqHH6r4Tts7J_aSIgg";

static void the_example_of_rfc_8291_comes_out_byte_by_byte(void **state)
{
    (void)state;
    struct webpush_pair own;
    struct str body, salt = decoded("DGv6ra1nlYgDCS1FRnbzlw");
    assert_true(webpush_pair_of(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), &own));
    assert_true(webpush_encrypt_with(&own, (const u8 *)salt.ptr, decoded(point), decoded(auth),
                                     S("When I grow up, I want to be a watermelon"), arena, &body));
    assert_text(
        body,
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

static void each_push_has_keys_and_a_salt_of_its_own(void **state)
{
    (void)state;
    struct str a, b;
    assert_true(webpush_encrypt(decoded(point), decoded(auth), S("hello"), arena, &a));
    assert_true(webpush_encrypt(decoded(point), decoded(auth), S("hello"), arena, &b));
    assert_int_equal(a.len, b.len);
    assert_memory_not_equal(a.ptr, b.ptr, 16);
    assert_memory_not_equal(a.ptr + 21, b.ptr + 21, 65);
}

static void what_is_no_point_of_the_curve_is_refused(void **state)
{
    (void)state;
    char bytes[66];
    struct str body, good = decoded(point);
    memcpy(bytes, good.ptr, 65);
    bytes[66 - 1] = 0;
    assert_true(webpush_point_ok((struct str){bytes, 65}));
    assert_false(webpush_point_ok((struct str){bytes, 64}));
    assert_false(webpush_point_ok((struct str){bytes, 66}));
    bytes[64] ^= 1;
    assert_false(webpush_point_ok((struct str){bytes, 65}));
    assert_false(webpush_encrypt((struct str){bytes, 65}, decoded(auth), S("x"), arena, &body));
    memset(bytes, 0, sizeof(bytes));
    bytes[0] = 4;
    assert_false(webpush_point_ok((struct str){bytes, 65}));
    assert_false(webpush_point_ok(S("")));
}

static void a_text_too_long_for_one_record_and_a_short_secret_are_refused(void **state)
{
    (void)state;
    struct str body, text = {arena_alloc(arena, WEBPUSH_TEXT_MAX + 1), WEBPUSH_TEXT_MAX};
    assert_true(webpush_encrypt(decoded(point), decoded(auth), text, arena, &body));
    assert_int_equal(body.len, 4096);
    text.len++;
    assert_false(webpush_encrypt(decoded(point), decoded(auth), text, arena, &body));
    assert_false(webpush_encrypt(decoded(point), S("short"), S("x"), arena, &body));
}

static void a_kept_secret_gives_the_same_pair_and_no_secret_gives_none(void **state)
{
    (void)state;
    struct webpush_pair made, again;
    u8 none[WEBPUSH_SECRET] = {0};
    assert_true(webpush_pair_make(&made));
    assert_true(webpush_pair_of((struct str){(const char *)made.secret, WEBPUSH_SECRET}, &again));
    assert_memory_equal(made.point, again.point, WEBPUSH_POINT);
    assert_false(webpush_pair_of((struct str){(const char *)none, WEBPUSH_SECRET}, &again));
    memset(none, 0xff, sizeof(none)); // beyond the order of the curve
    assert_false(webpush_pair_of((struct str){(const char *)none, WEBPUSH_SECRET}, &again));
}

static void the_header_names_the_key_and_holds_a_signature_of_64_bytes(void **state)
{
    (void)state;
    struct webpush_pair own;
    struct str value, rest, token, signature;
    assert_true(webpush_pair_make(&own));
    for (int i = 0; i < 64; i++) { // short integers happen now and then
        assert_true(webpush_authorization(&own, S("https://push.example"), S("mailto:a@b.example"),
                                          1700000000 + i, arena, &value));
        assert_true(str_starts(value, S("vapid t=")));
        token = str_cut(str_sub(value, 8, value.len), ',', &rest);
        str_cut(token, '.', &token);
        str_cut(token, '.', &token);
        assert_true(base64url_decode(arena, token, &signature));
        assert_int_equal(signature.len, 64);
    }
}

// ---- Zones ----

static i64 at(const char *text)
{
    i64 ms;
    assert_true(clock_parse(str_from(text), &ms));
    return ms;
}

static void zones_follow_summer_time_also_behind_the_files_last_transition(void **state)
{
    (void)state;
    const struct {
        const char *zone, *at;
        i64 offset;
    } cases[] = {
        {"UTC", "2026-07-01T00:00:00Z", 0},
        {"Europe/Tallinn", "2026-01-15T12:00:00Z", 7200},
        {"Europe/Tallinn", "2026-03-29T00:59:59Z", 7200},
        {"Europe/Tallinn", "2026-03-29T01:00:00Z", 10800},
        {"Europe/Tallinn", "2026-10-25T00:59:59Z", 10800},
        {"Europe/Tallinn", "2026-10-25T01:00:00Z", 7200},
        {"Europe/Tallinn", "2061-07-01T00:00:00Z", 10800},
        {"Europe/Tallinn", "2061-12-01T00:00:00Z", 7200},
        {"America/New_York", "2099-07-04T12:00:00Z", -14400},
        {"America/New_York", "2099-12-24T12:00:00Z", -18000},
        {"Australia/Sydney", "2090-01-10T00:00:00Z", 39600},
        {"Australia/Sydney", "2090-07-10T00:00:00Z", 36000},
        {"Asia/Jakarta", "2026-07-01T00:00:00Z", 25200},
        {"Asia/Seoul", "2070-07-01T00:00:00Z", 32400},
        {"Asia/Kolkata", "2026-07-01T00:00:00Z", 19800},
        {"Nowhere/Atall", "2026-07-01T00:00:00Z", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        i64 got = zone_offset(str_from(cases[i].zone), at(cases[i].at));
        if (got != cases[i].offset) {
            fail_msg("%s %s: %lld", cases[i].zone, cases[i].at, (long long)got);
        }
    }
}

static void local_time_crosses_midnight_and_the_week(void **state)
{
    (void)state;
    int minute, weekday;
    zone_local(S("Europe/Tallinn"), at("2026-11-21T23:30:00Z"), &minute, &weekday); // a Saturday
    assert_int_equal(minute, 90);
    assert_int_equal(weekday, 0);
    zone_local(S("America/New_York"), at("2026-11-22T03:15:00Z"), &minute, &weekday);
    assert_int_equal(minute, 22 * 60 + 15);
    assert_int_equal(weekday, 6);
}

static void a_zones_name_never_leaves_its_folder(void **state)
{
    (void)state;
    const char *const bad[] = {"",        "/etc/passwd", "../passwd", "Europe/../../etc", "Europe//Tallinn",
                               "Europe/", "a b"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(zone_name_ok(str_from(bad[i])));
        assert_false(zone_known(str_from(bad[i])));
    }
    assert_true(zone_known(S("America/Argentina/Buenos_Aires")));
    assert_false(zone_known(S("Europe")));
}

static void damaged_zone_files_are_utc(void **state)
{
    (void)state;
    char bytes[200];
    memset(bytes, 0xff, sizeof(bytes));
    memcpy(bytes, "TZif2", 5);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        assert_int_equal(zone_offset_of((struct str){bytes, len}, 0), 0);
    }
}

static int setup(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_8291_comes_out_byte_by_byte),
        cmocka_unit_test(each_push_has_keys_and_a_salt_of_its_own),
        cmocka_unit_test(what_is_no_point_of_the_curve_is_refused),
        cmocka_unit_test(a_text_too_long_for_one_record_and_a_short_secret_are_refused),
        cmocka_unit_test(a_kept_secret_gives_the_same_pair_and_no_secret_gives_none),
        cmocka_unit_test(the_header_names_the_key_and_holds_a_signature_of_64_bytes),
        cmocka_unit_test(zones_follow_summer_time_also_behind_the_files_last_transition),
        cmocka_unit_test(local_time_crosses_midnight_and_the_week),
        cmocka_unit_test(a_zones_name_never_leaves_its_folder),
        cmocka_unit_test(damaged_zone_files_are_utc),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
