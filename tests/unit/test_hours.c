// SPDX-License-Identifier: AGPL-3.0-or-later
// Opening hours: days and times in a zone, over midnight, over clock changes, closed days.
#include "base/arena.h"
#include "base/clock.h"
#include "channels/hours.h"
// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

static struct arena *arena;

static const struct json *read(const char *text)
{
    struct err err = {};
    const struct json *value = json_parse(str_from(text), arena, &err);
    assert_int_equal(err.code, ERR_NONE);
    return value;
}
static i64 at(const char *text)
{
    i64 ms = 0;
    assert_true(clock_parse(str_from(text), &ms));
    return ms;
}
static const char WEEK[] =
    "[{\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"],\"from\":\"09:00\",\"to\":\"17:00\"}]";

static bool open_at(const char *hours, const char *closed, const char *zone, const char *when, i64 *opens)
{
    return hours_open(read(hours), read(closed), str_from(zone), at(when), opens);
}

static void it_is_open_from_the_first_minute_to_before_the_last_in_the_zone(void **state)
{
    i64 opens;
    (void)state;
    assert_true(open_at(WEEK, "[]", "Europe/Tallinn", "2026-06-01T06:00:00Z", &opens)); // Monday 09:00 there
    assert_int_equal(opens, 0);
    assert_false(open_at(WEEK, "[]", "Europe/Tallinn", "2026-06-01T05:59:59Z", &opens));
    assert_int_equal(opens, at("2026-06-01T06:00:00Z"));
    assert_true(open_at(WEEK, "[]", "Europe/Tallinn", "2026-06-01T13:59:59Z", &opens));
    assert_false(open_at(WEEK, "[]", "Europe/Tallinn", "2026-06-01T14:00:00Z", &opens));
    assert_int_equal(opens, at("2026-06-02T06:00:00Z"));
}

static void after_friday_comes_monday_and_a_closed_day_is_passed_over(void **state)
{
    i64 opens;
    (void)state;
    assert_false(open_at(WEEK, "[]", "UTC", "2026-06-05T17:00:00Z", &opens));
    assert_int_equal(opens, at("2026-06-08T09:00:00Z"));
    assert_false(open_at(WEEK, "[\"2026-06-08\"]", "UTC", "2026-06-05T17:00:00Z", &opens));
    assert_int_equal(opens, at("2026-06-09T09:00:00Z"));
    assert_false(open_at(WEEK, "[\"2026-06-08\"]", "UTC", "2026-06-08T10:00:00Z", &opens));
}

static void a_clock_change_moves_the_moment_and_not_the_hour(void **state)
{
    i64 opens;
    (void)state;
    // Summer time ends in Tallinn on Sunday 25 October 2026: 09:00 is 06:00 UTC before and 07:00 after.
    assert_false(open_at(WEEK, "[]", "Europe/Tallinn", "2026-10-23T15:00:00Z", &opens));
    assert_int_equal(opens, at("2026-10-26T07:00:00Z"));
    assert_false(open_at(WEEK, "[]", "Europe/Tallinn", "2026-03-27T16:00:00Z", &opens));
    assert_int_equal(opens, at("2026-03-30T06:00:00Z"));
}

static void a_night_goes_on_into_the_next_day_also_into_a_closed_one(void **state)
{
    static const char NIGHT[] = "[{\"days\":[\"fri\"],\"from\":\"22:00\",\"to\":\"02:00\"}]";
    i64 opens;
    (void)state;
    assert_true(open_at(NIGHT, "[]", "UTC", "2026-06-06T01:59:00Z", &opens));
    assert_false(open_at(NIGHT, "[]", "UTC", "2026-06-06T02:00:00Z", &opens));
    assert_true(open_at(NIGHT, "[\"2026-06-06\"]", "UTC", "2026-06-06T01:00:00Z", &opens));
    assert_false(open_at(NIGHT, "[\"2026-06-05\"]", "UTC", "2026-06-06T01:00:00Z", &opens));
    assert_int_equal(opens, at("2026-06-12T22:00:00Z"));
}

static void without_a_list_it_is_open_but_on_closed_days(void **state)
{
    i64 opens;
    (void)state;
    assert_true(open_at("[]", "[]", "UTC", "2026-06-06T03:00:00Z", &opens));
    assert_true(hours_open(NULL, NULL, S("UTC"), at("2026-06-06T03:00:00Z"), &opens));
    assert_false(open_at("[]", "[\"2026-06-06\",\"2026-06-07\"]", "UTC", "2026-06-06T03:00:00Z", &opens));
    assert_int_equal(opens, at("2026-06-08T00:00:00Z"));
    // A day to midnight, and never open again within the year.
    assert_true(open_at("[{\"days\":[\"sat\"],\"from\":\"00:00\",\"to\":\"24:00\"}]", "[]", "UTC",
                        "2026-06-06T23:59:00Z", &opens));
}

static void what_cannot_be_read_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *hours, *closed, *field;
    } cases[] = {
        {"{}", "[]", "settings.hours"},
        {"[{\"days\":[],\"from\":\"09:00\",\"to\":\"17:00\"}]", "[]", "settings.hours.0"},
        {"[{\"days\":[\"monday\"],\"from\":\"09:00\",\"to\":\"17:00\"}]", "[]", "settings.hours.0"},
        {"[{\"days\":[\"mon\"],\"from\":\"9:00\",\"to\":\"17:00\"}]", "[]", "settings.hours.0"},
        {"[{\"days\":[\"mon\"],\"from\":\"24:00\",\"to\":\"17:00\"}]", "[]", "settings.hours.0"},
        {"[{\"days\":[\"mon\"],\"from\":\"09:60\",\"to\":\"17:00\"}]", "[]", "settings.hours.0"},
        {"[{\"days\":[\"mon\"],\"from\":\"09:00\"}]", "[]", "settings.hours.0"},
        {"[7]", "[]", "settings.hours.0"},
        {"[]", "[\"24.12.2026\"]", "settings.closed_days.0"},
        {"[]", "[\"2026-12-24\",\"2026-13-01\"]", "settings.closed_days.1"},
        {"[]", "\"2026-12-24\"", "settings.closed_days"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {};
        assert_false(hours_check(read(cases[i].hours), read(cases[i].closed), &err));
        assert_string_equal(err.field, cases[i].field);
    }
    struct err err = {};
    assert_true(hours_check(read(WEEK), read("[\"2026-12-24\"]"), &err));
    assert_true(hours_check(NULL, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_open_from_the_first_minute_to_before_the_last_in_the_zone),
        cmocka_unit_test(after_friday_comes_monday_and_a_closed_day_is_passed_over),
        cmocka_unit_test(a_clock_change_moves_the_moment_and_not_the_hour),
        cmocka_unit_test(a_night_goes_on_into_the_next_day_also_into_a_closed_one),
        cmocka_unit_test(without_a_list_it_is_open_but_on_closed_days),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_its_line),
    };
    arena = arena_create();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
