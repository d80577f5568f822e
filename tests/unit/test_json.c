// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading JSON strictly and leniently, looking into it, writing it.
#include "base/arena.h"
#include "json/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static const struct json *parse(struct str text)
{
    struct err err;
    const struct json *value = json_parse(text, arena, &err);
    if (!value) {
        fail_msg(STR_FMT ": %s", STR_ARG(text), err.text);
    }
    return value;
}

static struct str dumped(const struct json *value)
{
    struct buf out;
    buf_init(&out, arena, 1 << 20);
    json_dump(&out, value);
    assert_false(out.overflow);
    return buf_str(&out);
}

static void assert_dump(struct str text, struct str want)
{
    struct str got = dumped(parse(text));
    if (!str_eq(got, want)) {
        fail_msg(STR_FMT " became " STR_FMT, STR_ARG(text), STR_ARG(got));
    }
}

static void what_is_read_is_written_back(void **state)
{
    (void)state;
    assert_dump(S(" {\"b\" : [1, -2, 0, true, false, null, \"x\"], \"a\":{} } "),
                S("{\"b\":[1,-2,0,true,false,null,\"x\"],\"a\":{}}"));
    assert_dump(S("9223372036854775807"), S("9223372036854775807"));
    assert_dump(S("-9223372036854775808"), S("-9223372036854775808"));
    assert_dump(S("[1.0,0.1,1e300,-2.5e-10]"), S("[1.0,0.1,1e+300,-2.5e-10]"));
    assert_dump(S("\"\\ud83d\\ude00\\u00f6\\n\\/\""), S("\"\xF0\x9F\x98\x80\xC3\xB6\\n/\""));
    assert_dump(S("[]"), S("[]"));
}

static void bad_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct str bad[] = {
        {"", 0},
        {" ", 1},
        {"{", 1},
        {"[1,]", 4},
        {"{\"a\":1,}", 8},
        {"{'a':1}", 7},
        {"{a:1}", 5},
        {"[1 2]", 5},
        {"01", 2},
        {"+1", 2},
        {".5", 2},
        {"1.", 2},
        {"0x10", 4},
        {"NaN", 3},
        {"Infinity", 8},
        {"True", 4},
        {"nul", 3},
        {"1 1", 3},
        {"{} x", 4},
        {"\"a", 2},
        {"\"\t\"", 3},
        {"\"\\x\"", 4},
        {"\"\\u12\"", 6},
        {"// c\n1", 6},
        {"\xEF\xBB\xBF"
         "1",
         4},
        {"1\0", 2},
        {"{}\0x", 4},
        {"\"a\0b\"", 5},
        {"\"\xFF\"", 3},
        {"\"\xC0\xAF\"", 4},
        {"\"\xED\xA0\x80\"", 5},
        {"\"\\ud800\"", 8},
        {"\"\\udc00\"", 8},
        {"\"\\ud800\\u0041\"", 14},
        {"\"\\u0000\"", 8},
        {"{\"a\":1,\"a\":2}", 13},
        {"{\"a\":1,\"\\u0061\":2}", 18},
        {"9223372036854775808", 19},
        {"-9223372036854775809", 20},
        {"1e999", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {};
        if (json_parse(bad[i], arena, &err)) {
            fail_msg("%zu was read", i);
        }
        assert_int_equal(err.code, ERR_SYNTAX);
        assert_true(strstr(err.text, "byte"));
    }
}

static struct str nested(size_t depth, char open, char close)
{
    char *text = arena_alloc(arena, depth * 2);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return (struct str){text, depth * 2};
}

static void nesting_ends_at_64(void **state)
{
    (void)state;
    struct err err;

    assert_non_null(parse(nested(64, '[', ']')));
    assert_null(json_parse(nested(65, '[', ']'), arena, &err));
    assert_true(strstr(err.text, "nested"));
    assert_null(json_parse(nested(1000000, '[', ']'), arena, &err));
    assert_null(json_parse(nested(1000000, '{', '}'), arena, &err));
    assert_null(json_parse_lenient(nested(1000000, '[', ']'), arena, &err));
    // Brackets within a text are no nesting, closed ones no more.
    assert_non_null(parse(str_printf(arena, "\"\\\"" STR_FMT "\"", STR_ARG(nested(1000, '[', '{')))));
    char many[3000] = "[[1]";
    for (size_t i = 4; i + 4 < sizeof many; i += 4) {
        memcpy(many + i, ",[1]", 4);
    }
    many[sizeof many - 4] = ']';
    assert_non_null(parse((struct str){many, sizeof many - 3}));
}

static void lenient_reading_replaces_what_is_no_text(void **state)
{
    (void)state;
    static const struct {
        struct str text, want;
    } cases[] = {
        {{"\"a\xFFz\"", 5}, {"a\xEF\xBF\xBDz", 5}},
        {{"\"\\ud800\"", 8}, {"\xEF\xBF\xBD", 3}},
        {{"\"\\udc00x\"", 9}, {"\xEF\xBF\xBDx", 4}},
        {{"\"\\ud800\\u0041\"", 14},
         {"\xEF\xBF\xBD"
          "A",
          4}},
        {{"\"\\ud800\\ud83d\\ude00\"", 20}, {"\xEF\xBF\xBD\xF0\x9F\x98\x80", 7}},
        {{"\"\\u0000\"", 8}, {"\xEF\xBF\xBD", 3}},
        {{"\"a\0b\"", 5},
         {"a\xEF\xBF\xBD"
          "b",
          5}},
        {{"\"\\\\u0000\"", 9}, {"\\u0000", 6}}, // an escaped backslash, not an escape
        {{"\"\\ud83d\\ude00\"", 14}, {"\xF0\x9F\x98\x80", 4}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err;
        struct str before = str_copy(arena, cases[i].text);
        const struct json *value = json_parse_lenient(before, arena, &err);
        if (!value || !str_eq(json_str(value), cases[i].want)) {
            fail_msg("case %zu", i);
        }
        assert_true(str_eq(before, cases[i].text)); // the raw bytes stay as they came
    }
    struct err err;
    assert_null(json_parse_lenient(S("{\"a\":1,\"a\":2}"), arena, &err));
    assert_null(json_parse_lenient(S("{\"a\":"), arena, &err));
    assert_null(json_parse_lenient(S("\"\\ud8"), arena, &err));
}

static void paths_lead_to_members_or_to_nothing(void **state)
{
    (void)state;
    const struct json *value = parse(
        S("{\"from\":{\"id\":9007199254740993},\"items\":[{\"uri\":\"u\"}],\"a.b\":1,\"n\":null,\"r\":2.5}"));

    assert_int_equal(json_i64(json_at(value, "from.id")), 9007199254740993);
    assert_true(str_eq(json_str(json_at(value, "items.0.uri")), S("u")));
    assert_null(json_at(value, "items.1.uri"));
    assert_null(json_at(value, "items.-1.uri"));
    assert_null(json_at(value, "items.x"));
    assert_null(json_at(value, "from.id.deeper"));
    assert_null(json_at(value, "a.b"));
    assert_int_equal(json_i64(json_get(value, S("a.b"))), 1);
    assert_null(json_at(NULL, "x"));
    assert_null(json_get(NULL, S("x")));
    assert_int_equal(json_kind(json_at(value, "n")), JSON_NULL);
    assert_true(json_is_null(json_at(value, "n")) && json_is_null(json_at(value, "m")));
    assert_true(json_f64(json_at(value, "r")) == 2.5);
    assert_int_equal(json_i64(json_at(value, "r")), 0);
    assert_false(str_given(json_str(json_at(value, "r"))));
    assert_int_equal(json_len(json_at(value, "items")), 1);
    assert_int_equal(json_len(value), 5);
    assert_int_equal(json_len(json_at(value, "r")), 0);
    assert_false(json_bool(json_at(value, "r")));
    assert_null(json_item(value, 0));
}

static void members_come_in_the_order_of_the_text(void **state)
{
    (void)state;
    const struct json *value = parse(S("{\"z\":1,\"a\":2,\"m\":3}"));
    struct str keys = S(""), key;
    const struct json *member;
    size_t pos = 0;

    while (json_member(value, &pos, &key, &member)) {
        keys = str_concat(arena, keys, key);
    }

    assert_true(str_eq(keys, S("zam")));
    assert_false(json_member(value, &pos, &key, &member)); // and does not begin again
    pos = 0;
    assert_false(json_member(parse(S("[1]")), &pos, &key, &member));
    pos = 0;
    assert_false(json_member(NULL, &pos, &key, &member));
}

static void the_writer_puts_commas_where_they_belong(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, arena, 1000);
    struct json_writer w = json_writer(&out);

    json_open(&w, '{');
    json_key(&w, "list");
    json_open(&w, '[');
    json_put_i64(&w, -1);
    json_open(&w, '{');
    json_close(&w, '}');
    json_put_bool(&w, true);
    json_close(&w, ']');
    json_key(&w, "at");
    json_put_time(&w, 1764547200000);
    json_key(&w, "none");
    json_put_str(&w, STR_NONE);
    json_key(&w, "text");
    json_put_str(&w, S("</script>\""));
    json_key(&w, "raw");
    json_put_raw(&w, S("[1]"));
    json_key(&w, "inf");
    json_put_f64(&w, 1e308 * 10);
    json_close(&w, '}');

    struct str want = S("{\"list\":[-1,{},true],\"at\":\"2025-12-01T00:00:00.000Z\",\"none\":null,"
                        "\"text\":\"<\\/script>\\\"\",\"raw\":[1],\"inf\":null}");
    assert_true(str_eq(buf_str(&out), want));
    parse(buf_str(&out));
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// The least of some runs: what else the machine does can only add.
static double seconds_to_parse(struct str unit, struct str end, size_t len)
{
    char *text = arena_alloc(arena, len + end.len);
    for (size_t i = 0; i < len; i++) {
        text[i] = unit.ptr[i % unit.len];
    }
    memcpy(text + len - len % unit.len, end.ptr, end.len);
    struct str whole = {text, len - len % unit.len + end.len};
    double least = 1e9;
    for (int i = 0; i < 3; i++) {
        struct arena *own = arena_create();
        struct err err;
        double before = cpu_seconds();
        (void)!json_parse_lenient(whole, own, &err);
        arena_destroy(own);
        double took = cpu_seconds() - before;
        least = took < least ? took : least;
    }
    return least;
}

static void twice_the_input_takes_about_twice_the_time(void **state)
{
    (void)state;
    static const struct {
        struct str unit, end;
    } shapes[] = {
        {{"[", 1}, {"", 0}},        {{"\"", 1}, {"", 0}},      {{"\"\\", 2}, {"", 0}},
        {{"{\"a\":", 5}, {"", 0}},  {{"\\ud800", 6}, {"", 0}}, {{" ", 1}, {"1", 1}},
        {{"\xE2\x82", 2}, {"", 0}}, {{"0", 1}, {"", 0}},       {{"9", 1}, {"", 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        for (size_t len = 1 << 20; len <= 4 << 20; len *= 4) {
            double once = 0, twice = 1e9;
            // A busy machine may spoil a measurement, but not eight of them. What takes no time (refused at
            // once) has no ratio.
            for (int attempt = 0; attempt < 8 && twice > 2.5 * once + 0.003; attempt++) {
                once = seconds_to_parse(shapes[i].unit, shapes[i].end, len);
                twice = seconds_to_parse(shapes[i].unit, shapes[i].end, len * 2);
            }
            if (twice > 2.5 * once + 0.003) {
                fail_msg("shape %zu: %zu bytes took %g s, twice as many %g s", i, len, once, twice);
            }
            arena_reset(arena);
        }
    }
}

static void time_members(double took[2])
{
    for (int round = 0; round < 2; round++) {
        took[round] = 1e9;
        for (int run = 0; run < 5; run++) {
            struct buf text;
            buf_init(&text, arena, 64 << 20);
            buf_add_char(&text, '{');
            for (int i = 0; i < 12500 << 2 * round; i++) {
                buf_printf(&text, "%s\"key%d\":[%d]", i ? "," : "", i, i);
            }
            buf_add_char(&text, '}');
            struct err err;
            double before = cpu_seconds();
            const struct json *value = json_parse(buf_str(&text), arena, &err);
            double spent = cpu_seconds() - before;
            assert_int_equal(json_len(value), 12500 << 2 * round);
            took[round] = spent < took[round] ? spent : took[round];
            arena_reset(arena);
        }
    }
}

static void many_members_take_linear_time(void **state)
{
    (void)state;
    double took[2] = {0, 1e9};
    // Four times as many: 4 when linear, more when they leave the cache, 16 when quadratic.
    for (int attempt = 0; attempt < 8 && took[1] > 9 * took[0] + 0.002; attempt++) {
        time_members(took);
    }
    assert_true(took[1] <= 9 * took[0] + 0.002);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_read_is_written_back),
        TEST(bad_json_is_refused_with_its_place),
        TEST(nesting_ends_at_64),
        TEST(lenient_reading_replaces_what_is_no_text),
        TEST(paths_lead_to_members_or_to_nothing),
        TEST(members_come_in_the_order_of_the_text),
        TEST(the_writer_puts_commas_where_they_belong),
        TEST(twice_the_input_takes_about_twice_the_time),
        TEST(many_members_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
