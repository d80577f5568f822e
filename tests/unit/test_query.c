// SPDX-License-Identifier: AGPL-3.0-or-later
#include "base/buf.h"
#include "base/clock.h"
#include "query/tree.h"
#include "json/json.h"
// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>
// clang-format on

static struct arena *arena;
static struct err err;

static const struct query *parsed(struct str text)
{
    const struct query *query = NULL;
    if (!query_parse(text, arena, &query, &err))
        fail_msg("%.*s: %s (at %d, expected %s)", STR_ARG(text), err.text, err.position, err.expected);
    return query;
}

static const char *formatted(struct str text)
{
    return str_cstr(arena, query_format(parsed(text), arena));
}
#define formats_as(text, expected) assert_string_equal(formatted(S(text)), expected)

static void refused(struct str text, int position, const char *reason)
{
    const struct query *query = NULL;
    err = (struct err){0};
    if (query_parse(text, arena, &query, &err))
        fail_msg("%.*s was accepted", STR_ARG(text));
    assert_int_equal(err.code, ERR_SYNTAX);
    assert_string_equal(err.field, "q");
    assert_string_equal(err.reason, reason);
    assert_int_equal(err.position, position);
    assert_true(err.expected[0] != '\0' && err.text[0] != '\0');
}

static void terms_side_by_side_bind_tighter_than_or(void **state)
{
    (void)state;
    formats_as("a b OR c d", "(a b) OR (c d)");
    formats_as("(a OR b) c", "(a OR b) c");
    formats_as("a (b (c d))", "a b c d");
    formats_as("a OR (b OR c)", "a OR b OR c");
    formats_as("-(a b) -c", "-(a b) -c");
    formats_as("-(-a)", "-(-a)");
}

static void only_upper_case_or_is_an_operator_and_never_in_quotes(void **state)
{
    (void)state;
    formats_as("a or b", "a or b");
    formats_as("a \"OR\" b", "a or b");
    formats_as("a AND b", "a and b");
    formats_as("\"is:open\" is:open", "\"is open\" is:open");
    formats_as("tag:\"any\"", "tag:\"any\"");
}

static void an_empty_query_is_everything(void **state)
{
    (void)state;
    formats_as("", "is:any");
    formats_as(" \t\n\u3000", "is:any");
}

static void words_of_several_are_phrases(void **state)
{
    (void)state;
    formats_as("e-mail", "\"e mail\"");
    formats_as("iPhone을", "\"iphone 을\"");
    formats_as("배송지연", "\"배송지연\"");
    formats_as("가", "가");
    formats_as("\"배송 지연\"", "\"배송 지연\"");
    formats_as("parc*", "parc*");
    formats_as("pre-ord*", "pre-ord*");
    formats_as("\"parc*\"", "parc");
    formats_as("배송*", "\"배송\"");
    formats_as("https://example.org/x", "\"https example org x\"");
    formats_as("12:30", "\"12 30\"");
}

static void punctuation_beside_words_does_not_count(void **state)
{
    (void)state;
    formats_as("hello !", "hello");
    formats_as("hello - world", "hello world");
    formats_as("-- hello", "hello");
    formats_as("!", "\"\"");
    formats_as("\"\"", "\"\"");
    formats_as("a OR !", "a OR \"\"");
    formats_as("! ?", "\"\"");
}

static void every_field_takes_its_values(void **state)
{
    (void)state;
    formats_as("IS:Open,snoozed", "is:Open,snoozed");
    formats_as("is:open,snoozed,closed,any,unanswered,unread,spam,assigned,waiting,late",
               "is:open,snoozed,closed,any,unanswered,unread,spam,assigned,waiting,late");
    formats_as("channel:instagram,7,\"My \\\"Shop\\\"\",any", "channel:instagram,7,\"My \\\"Shop\\\"\",any");
    formats_as("kind:dm,thread,review,email,any", "kind:dm,thread,review,email,any");
    formats_as("visibility:public,private", "visibility:public,private");
    formats_as("tag:late,refund tag:환불 tag:\"two words\"",
               "tag:late,refund tag:\"환불\" tag:\"two words\"");
    formats_as("assigned:me,any,none,anna@example.org,12", "assigned:me,any,none,anna@example.org,12");
    formats_as("team:\"First line\",none", "team:\"First line\",none");
    formats_as("priority:urgent,high,normal,low", "priority:urgent,high,normal,low");
    formats_as("lang:ko from:@mia.test has:attachment,note,reply,call,callback",
               "lang:ko from:@mia.test has:attachment,note,reply,call,callback");
    formats_as("waiting:>30m due:<+2h created:>=2026-01-31 updated:<2026-01-31T10:00:00+02:00",
               "waiting:>30m due:<+2h created:>=2026-01-31 updated:<2026-01-31T10:00:00+02:00");
    formats_as("waiting:any due:2026-11-24 id:5,>10,<=3", "waiting:any due:2026-11-24 id:5,>10,<=3");
}

static void errors_say_where_and_what_was_expected(void **state)
{
    (void)state;
    refused(S("colour:red"), 0, "unknown_field");
    refused(S("한국 colour:red"), 3, "unknown_field");
    refused(S("is:opened"), 3, "unknown_value");
    assert_string_equal(err.expected,
                        "open, snoozed, closed, any, unanswered, unread, spam, assigned, waiting or late");
    refused(S("is:"), 3, "missing_value");
    refused(S("tag:a,"), 6, "missing_value");
    refused(S("tag:a, b"), 6, "missing_value");
    refused(S("priority:none"), 9, "unknown_value");
    refused(S("waiting:30m"), 8, "missing_comparison");
    refused(S("waiting:>30y"), 8, "unknown_value");
    refused(S("waiting:>2026-13-01"), 8, "unknown_value");
    refused(S("waiting:>9999999999w"), 8, "unknown_value");
    refused(S("id:abc"), 3, "unknown_value");
    refused(S("id:-5"), 3, "unknown_value");
    refused(S("\"lost"), 0, "unclosed_quote");
    refused(S("tag:\"lost"), 4, "unclosed_quote");
    refused(S("a ()"), 3, "empty_group");
    refused(S("a ( )"), 4, "empty_group");
    refused(S("(a"), 0, "unclosed_group");
    refused(S("a)"), 1, "unexpected");
    refused(S(")"), 0, "unexpected");
    refused(S("OR a"), 0, "unexpected");
    refused(S("a OR"), 4, "unexpected");
    refused(S("a OR OR b"), 5, "unexpected");
    refused(S("(a OR)"), 5, "unexpected");
    refused(S("x*"), 0, "too_short");
    refused((struct str){"\xff", 1}, 0, "bad_encoding");
}

static struct str repeated(struct str unit, size_t n, struct str end)
{
    struct buf buf;
    buf_init(&buf, arena, 32 * 1024 * 1024);
    for (size_t i = 0; i < n; i++)
        buf_add(&buf, unit);
    buf_add(&buf, end);
    return buf_str(&buf);
}

static void the_limits_are_told_not_suffered(void **state)
{
    (void)state;
    refused(repeated(S("a"), 4097, S("")), 4096, "too_long");
    refused(repeated(S("가"), 1366, S("")), 1365, "too_long");
    refused(repeated(S("("), 33, S("a")), 32, "too_deep");
    refused(repeated(S("a "), 201, S("")), 400, "too_many_terms");
    refused(repeated(S("tag:a,a,a,a "), 60, S("")), 604, "too_many_terms");
    refused(repeated(S("a-"), 129, S("")), 0, "too_long");
    parsed(repeated(S("a "), 200, S("")));
    parsed(repeated(S("-("), 16, S("a))))))))))))))))")));
    parsed(str_concat(arena, repeated(S("("), 32, S("a")), repeated(S(")"), 32, S(""))));
}

static void nul_and_controls_are_white_space(void **state)
{
    (void)state;
    assert_string_equal(formatted((struct str){"a\0b\x01\x7f", 5}), "a b");
    assert_string_equal(formatted((struct str){"tag:\"a\0b\"", 9}), "tag:\"a b\"");
}

static bool matches_text(const char *q, const char *text)
{
    struct str texts[] = {str_from(text)};
    struct query_item item = {.id = 1, .texts = {texts, 1, 1}};
    struct query_context context = {.workspace_id = 1, .now = 1000, .all_channels = true, .all_teams = true};
    return query_match(parsed(str_from(q)), &context, &item, arena);
}

static void texts_are_found_in_every_script(void **state)
{
    (void)state;
    assert_true(matches_text("PARCEL", "where is my parcel?"));
    assert_false(matches_text("parc", "where is my parcel?"));
    assert_true(matches_text("parc*", "where is my parcel?"));
    assert_true(matches_text("\"my parcel\"", "Where is MY, parcel"));
    assert_false(matches_text("\"parcel my\"", "where is my parcel"));
    assert_true(matches_text("배송", "제 배송이 늦어요"));
    assert_true(matches_text("송", "제 배송이 늦어요"));
    assert_false(matches_text("배송이늦", "제 배송이 늦어요"));
    assert_true(matches_text("\"배송이 늦\"", "제 배송이 늦어요"));
    assert_true(matches_text("\"배송 지연\"", "배송지연"));
    assert_false(matches_text("好世", "你好。世界"));
    assert_true(matches_text("\"好 世\"", "你好。世界"));
    assert_true(matches_text("น้ำ", "กินน้ำแล้ว"));
    assert_true(matches_text("iphone을", "새 iPhone을 샀어요"));
    assert_false(matches_text("كتب", "كَتَبَ"));
    assert_false(matches_text("istanbul", "İstanbul"));
    assert_true(matches_text("İSTANBUL", "İstanbul"));
    assert_true(matches_text("👍", "thanks 👍🏽"));
    assert_false(matches_text("!", "!"));
    assert_true(matches_text("-\"!\"", "!"));
    assert_true(matches_text("hello !", "hello"));
}

static void a_negated_word_means_none_of_the_texts_has_it(void **state)
{
    (void)state;
    struct str texts[] = {S("lost parcel"), S("thank you")};
    struct query_item item = {.id = 1, .texts = {texts, 2, 2}};
    struct query_context context = {.workspace_id = 1, .all_channels = true, .all_teams = true};
    assert_true(query_match(parsed(S("parcel thank")), &context, &item, arena));
    assert_false(query_match(parsed(S("-parcel")), &context, &item, arena));
    assert_true(query_match(parsed(S("-refund")), &context, &item, arena));
    assert_false(query_match(parsed(S("\"parcel thank\"")), &context, &item, arena));
}

static bool matches_waiting(const char *q, i64 waiting_since, i64 now)
{
    struct query_item item = {.id = 1, .waiting_since = waiting_since, .created_at = 5};
    struct query_context context = {.workspace_id = 1, .now = now, .all_channels = true, .all_teams = true};
    return query_match(parsed(str_from(q)), &context, &item, arena);
}

static void longer_ago_is_greater_and_later_is_greater_with_dates(void **state)
{
    (void)state;
    i64 now = 0, day = 0;
    assert_true(clock_parse(S("2026-11-24T12:00:00Z"), &now));
    assert_true(clock_parse(S("2026-11-24"), &day));
    assert_true(matches_waiting("waiting:>30m", now - 31 * 60000, now));
    assert_false(matches_waiting("waiting:>30m", now - 30 * 60000, now));
    assert_true(matches_waiting("waiting:>=30m", now - 30 * 60000, now));
    assert_true(matches_waiting("waiting:<30m", now - 29 * 60000, now));
    assert_true(matches_waiting("waiting:<+1h", now + 59 * 60000, now));
    assert_false(matches_waiting("waiting:<+1h", now + 61 * 60000, now));
    assert_false(matches_waiting("waiting:>30m", 0, now));
    assert_true(matches_waiting("-waiting:>30m", 0, now));
    assert_false(matches_waiting("waiting:<30m", 0, now));
    assert_true(matches_waiting("waiting:2026-11-24", day, now));
    assert_true(matches_waiting("waiting:2026-11-24", day + 86399999, now));
    assert_false(matches_waiting("waiting:2026-11-24", day + 86400000, now));
    assert_false(matches_waiting("waiting:>2026-11-24", day + 86399999, now));
    assert_true(matches_waiting("waiting:>2026-11-24", day + 86400000, now));
    assert_true(matches_waiting("waiting:>=2026-11-24", day, now));
    assert_true(matches_waiting("waiting:<=2026-11-24", day + 86399999, now));
    assert_true(matches_waiting("waiting:>2026-11-24T11:00:00+01:00", day + 10 * 3600000 + 1000, now));
}

static void what_depends_on_the_clock_or_on_texts_is_known(void **state)
{
    (void)state;
    assert_true(query_uses_clock(parsed(S("a OR -(waiting:>30m)"))));
    assert_true(query_uses_clock(parsed(S("is:late"))));
    assert_false(query_uses_clock(parsed(S("is:open created:>2026-01-01"))));
    assert_true(query_uses_text(parsed(S("is:open -(a)"))));
    assert_false(query_uses_text(parsed(S("is:open tag:a"))));
    assert_true(query_uses_names(parsed(S("is:open OR -(lang:et -(channel:shop,7))"))));
    assert_true(query_uses_names(parsed(S("assigned:me,eva@example.test"))));
    assert_true(query_uses_names(parsed(S("tag:a"))) && query_uses_names(parsed(S("team:a"))));
    assert_false(query_uses_names(parsed(S("is:open refund assigned:me team:any lang:et"))));
}

static void the_reader_sees_only_what_is_theirs(void **state)
{
    (void)state;
    i64 channels[] = {3}, teams[] = {8};
    struct query_context context = {.workspace_id = 1, .channels = {channels, 1, 1}, .teams = {teams, 1, 1}};
    struct query_item item = {.id = 1, .channel_id = 3, .team_id = 8};
    assert_true(query_match(parsed(S("")), &context, &item, arena));
    item.team_id = 0;
    assert_true(query_match(parsed(S("")), &context, &item, arena));
    item.team_id = 9;
    assert_false(query_match(parsed(S("")), &context, &item, arena));
    item.team_id = 8;
    item.channel_id = 4;
    assert_false(query_match(parsed(S("-tag:x")), &context, &item, arena));
}

static void the_fields_describe_themselves(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena, 1 << 16);
    struct json_writer w = json_writer(&buf);
    query_fields_describe(&w);
    const struct json *fields = json_parse(buf_str(&buf), arena, &err);
    assert_non_null(fields);
    assert_int_equal(json_len(fields), 18);
    assert_string_equal(str_cstr(arena, json_str(json_at(fields, "0.name"))), "is");
    assert_string_equal(str_cstr(arena, json_str(json_at(fields, "0.values.4"))), "unanswered");
    assert_string_equal(str_cstr(arena, json_str(json_at(fields, "13.kind"))), "time");
}

// Processor time of this thread: what else the machine does is not our time.
static i64 cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (i64)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static i64 parse_time(struct str unit, size_t n, struct str end)
{
    struct str text = repeated(unit, n, end);
    i64 best = INT64_MAX;
    for (int i = 0; i < 9; i++) {
        struct arena *own = arena_take();
        const struct query *query;
        struct err ignored;
        i64 from = cpu_us();
        for (int k = 0; k < 20; k++) {
            (void)!query_parse(text, own, &query, &ignored);
            arena_reset(own);
        }
        i64 took = cpu_us() - from;
        best = took < best ? took : best;
        arena_give(own);
    }
    return best;
}

static void doubling_a_hostile_query_at_most_doubles_the_time(void **state)
{
    (void)state;
    const struct str shapes[] = {S("("),  S("\""), S(" "), S("a OR "), S("-("), S("tag:a,"), S("a\""),
                                 S("\\"), S("-"),  S(","), S("é"),     S("가"), S("a-")};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        for (size_t n = 64; n * shapes[i].len * 2 <= QUERY_MAX_BYTES; n *= 2) {
            // A busy machine may spoil a measurement, but not eight of them.
            i64 small = 0, large = INT64_MAX / 100;
            for (int attempt = 0; attempt < 8 && large * 10 > small * 25 + 3000; attempt++) {
                small = parse_time(shapes[i], n, S("\""));
                large = parse_time(shapes[i], 2 * n, S("\""));
            }
            if (large * 10 > small * 25 + 3000)
                fail_msg("%.*s x %zu: %lld us became %lld us", STR_ARG(shapes[i]), n, (long long)small,
                         (long long)large);
        }
        // What is longer than a query may be is refused at once.
        assert_true(parse_time(shapes[i], 8 * 1024 * 1024 / shapes[i].len, S("")) < 100000);
    }
}

static int setup(void **state)
{
    (void)state;
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
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(terms_side_by_side_bind_tighter_than_or),
        T(only_upper_case_or_is_an_operator_and_never_in_quotes),
        T(an_empty_query_is_everything),
        T(words_of_several_are_phrases),
        T(punctuation_beside_words_does_not_count),
        T(every_field_takes_its_values),
        T(errors_say_where_and_what_was_expected),
        T(the_limits_are_told_not_suffered),
        T(nul_and_controls_are_white_space),
        T(texts_are_found_in_every_script),
        T(a_negated_word_means_none_of_the_texts_has_it),
        T(longer_ago_is_greater_and_later_is_greater_with_dates),
        T(what_depends_on_the_clock_or_on_texts_is_known),
        T(the_reader_sees_only_what_is_theirs),
        T(the_fields_describe_themselves),
        T(doubling_a_hostile_query_at_most_doubles_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
