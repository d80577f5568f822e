// SPDX-License-Identifier: AGPL-3.0-or-later
// One table, four uses: a body is read strictly by it, a struct written by it, its schema told by it.
#include "base/arena.h"
#include "json/field.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct part {
    i64 id;
    struct str name;
};
struct part_list {
    struct part *items;
    size_t len, cap;
};
struct thing {
    i64 id, count;
    bool on;
    struct str name, state, settings, secret, note;
    i64 due_at;
    struct part part, owner;
    struct part_list parts;
    struct str_list words;
    struct id_list ids;
};

static const char *const states[] = {"open", "closed", NULL};
static const struct field part_fields[] = {
    FIELD(part, FIELD_I64, id, FIELD_REQUIRED, .doc = "Number of the part."),
    FIELD(part, FIELD_STR, name, 0, .max = 5),
    FIELD_END,
};
static const struct type part_type = {"Part", part_fields, sizeof(struct part)};
static const struct field thing_fields[] = {
    FIELD(thing, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(thing, FIELD_I64, count, FIELD_NULLABLE, .max = 10),
    FIELD(thing, FIELD_BOOL, on, 0),
    FIELD(thing, FIELD_STR, name, FIELD_REQUIRED, .max = 8),
    FIELD(thing, FIELD_ENUM, state, 0, .names = states),
    FIELD(thing, FIELD_JSON, settings, FIELD_OPTIONAL_OUT, .max = 20),
    FIELD(thing, FIELD_STR, secret, FIELD_WRITE_ONLY),
    FIELD(thing, FIELD_STR, note, FIELD_NULLABLE),
    FIELD(thing, FIELD_TIME, due_at, FIELD_NULLABLE),
    FIELD(thing, FIELD_STRUCT, part, 0, .type = &part_type),
    FIELD(thing, FIELD_STRUCT, owner, FIELD_NULLABLE, .type = &part_type),
    FIELD(thing, FIELD_LIST, parts, 0, .type = &part_type, .max = 2),
    FIELD(thing, FIELD_STRS, words, 0, .max = 3),
    FIELD(thing, FIELD_IDS, ids, FIELD_OPTIONAL_OUT),
    FIELD_END,
};
static const struct type thing_type = {"Thing", thing_fields, sizeof(struct thing)};

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

static void a_whole_body_fills_the_struct(void **state)
{
    (void)state;
    struct thing thing = {};
    struct err err;
    field_set given;
    struct str body =
        S("{\"count\":7,\"on\":true,\"name\":\"n\\u00f6\",\"state\":\"closed\",\"settings\":{\"a\":[1, 2]},"
          "\"secret\":\"s\",\"note\":null,\"due_at\":\"2025-12-01T00:00:00Z\",\"part\":{\"id\":3},"
          "\"owner\":null,\"parts\":[{\"id\":1,\"name\":\"x\"},{\"id\":2}],\"words\":[\"a\",\"\"],"
          "\"ids\":[5,9007199254740991]}");

    assert_true(json_decode(body, &thing_type, true, arena, &thing, &given, &err));

    assert_int_equal(thing.count, 7);
    assert_true(thing.on);
    assert_true(str_eq(thing.name, S("n\xC3\xB6")));
    assert_true(str_eq(thing.state, S("closed")));
    assert_true(str_eq(thing.settings, S("{\"a\":[1,2]}")));
    assert_true(str_eq(thing.secret, S("s")));
    assert_false(str_given(thing.note));
    assert_int_equal(thing.due_at, 1764547200000);
    assert_int_equal(thing.part.id, 3);
    assert_int_equal(thing.parts.len, 2);
    assert_true(str_eq(thing.parts.items[0].name, S("x")));
    assert_int_equal(thing.parts.items[1].id, 2);
    assert_int_equal(thing.words.len, 2);
    assert_true(str_given(thing.words.items[1]));
    assert_int_equal(thing.ids.items[1], 9007199254740991);
    assert_true(field_given(&thing_type, given, "note"));
    assert_false(field_given(&thing_type, given, "id"));
}

static void a_patch_tells_absent_from_null(void **state)
{
    (void)state;
    struct thing thing = {.count = 5, .due_at = 9, .owner = {.id = 1, .name = S("x")}};
    struct err err;
    field_set given;

    assert_true(
        json_decode(S("{\"count\":null,\"owner\":null}"), &thing_type, false, arena, &thing, &given, &err));

    assert_int_equal(thing.count, 0);
    assert_int_equal(thing.owner.id, 0);
    assert_false(str_given(thing.owner.name));
    assert_int_equal(thing.due_at, 9);
    assert_true(field_given(&thing_type, given, "count"));
    assert_false(field_given(&thing_type, given, "due_at"));
    assert_true(json_decode(S("{}"), &thing_type, false, arena, &thing, NULL, &err));
}

// The body is refused, with this field and reason, and leaves the struct as it was.
static void assert_refused(const char *body, const char *field, const char *reason)
{
    struct thing thing = {.count = 5}, before = thing;
    struct err err = {};
    field_set given = 77;
    if (json_decode(str_from(body), &thing_type, true, arena, &thing, &given, &err)) {
        fail_msg("%s was taken", body);
    }
    if (strcmp(err.field, field) != 0 || strcmp(err.reason, reason) != 0 || err.code != ERR_INVALID) {
        fail_msg("%s: field \"%s\" reason \"%s\"", body, err.field, err.reason);
    }
    assert_true(strlen(err.text) > 0);
    assert_memory_equal(&thing, &before, sizeof thing);
    assert_int_equal(given, 77);
}

static void every_wrong_type_of_every_kind_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"null",  "true",        "7",    "7.0",   "1e3",  "\"text\"",
                                         "[]",    "[7]",         "[[]]", "{}",    "[{}]", "[null]",
                                         "\"7\"", "{\"$ne\":1}", "-1",   "[\"\"]"};
    static const struct {
        const char *field;
        const char *taken; // values that are right, by first letters, space separated
    } cases[] = {
        {"count", "null 7"},
        {"on", "true"},
        {"name", "\"text\" \"7\""},
        {"state", ""},
        {"settings", "true 7 7.0 1e3 \"text\" [] [7] [[]] {} [{}] [null] \"7\" {\"$ne\":1} -1 [\"\"]"},
        {"secret", "\"text\" \"7\""},
        {"note", "null \"text\" \"7\""},
        {"due_at", "null"},
        {"part", ""},
        {"owner", "null"},
        {"parts", "[]"},
        {"words", "[] [\"\"]"},
        {"ids", "[] [7]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t v = 0; v < ARRAY_LEN(values); v++) {
            struct str taken = str_printf(arena, " %s ", cases[i].taken);
            bool right = str_find(taken, str_printf(arena, " %s ", values[v])) >= 0;
            struct str body = str_printf(arena, "{\"%s\":%s}", cases[i].field, values[v]);
            struct thing thing = {};
            struct err err = {};
            bool ok = json_decode(body, &thing_type, false, arena, &thing, NULL, &err);
            if (ok != right) {
                fail_msg(STR_FMT " was %s", STR_ARG(body), ok ? "taken" : "refused");
            }
            // The error names the field or what is inside it.
            if (!ok && (err.code != ERR_INVALID ||
                        strncmp(err.field, cases[i].field, strlen(cases[i].field)) != 0)) {
                fail_msg(STR_FMT " names \"%s\"", STR_ARG(body), err.field);
            }
        }
    }
}

static void each_refusal_names_field_and_reason(void **state)
{
    (void)state;
    assert_refused("[]", "", "wrong_type");
    assert_refused("null", "", "wrong_type");
    assert_refused("{}", "name", "required");
    assert_refused("{\"name\":\"\"}", "name", "required");
    assert_refused("{\"name\":\"x\",\"nam\":1}", "nam", "unknown_field");
    assert_refused("{\"name\":\"x\",\"__proto__\":{}}", "__proto__", "unknown_field");
    assert_refused("{\"name\":\"x\",\"Name\":\"y\"}", "Name", "unknown_field");
    assert_refused("{\"name\":\"x\",\"id\":1}", "id", "read_only");
    assert_refused("{\"name\":\"123456789\"}", "name", "too_long");
    assert_refused("{\"name\":7}", "name", "wrong_type");
    assert_refused("{\"name\":\"\\ud800\"}", "name", "invalid_text");
    assert_refused("{\"name\":\"a\\u0000\"}", "name", "invalid_text");
    assert_refused("{\"name\":\"x\",\"count\":\"7\"}", "count", "wrong_type");
    assert_refused("{\"name\":\"x\",\"count\":11}", "count", "out_of_range");
    assert_refused("{\"name\":\"x\",\"count\":-1}", "count", "out_of_range");
    assert_refused("{\"name\":\"x\",\"state\":\"Open\"}", "state", "unknown_value");
    assert_refused("{\"name\":\"x\",\"due_at\":\"tomorrow\"}", "due_at", "invalid_time");
    assert_refused("{\"name\":\"x\",\"due_at\":1764547200}", "due_at", "wrong_type");
    assert_refused("{\"name\":\"x\",\"settings\":{\"a\":\"0123456789012345\"}}", "settings", "too_long");
    assert_refused("{\"name\":\"x\",\"settings\":{\"a\":[\"\\ud800\"]}}", "settings", "invalid_text");
    assert_refused("{\"name\":\"x\",\"part\":{}}", "part.id", "required");
    assert_refused("{\"name\":\"x\",\"part\":{\"id\":1,\"x\":2}}", "part.x", "unknown_field");
    assert_refused("{\"name\":\"x\",\"part\":{\"id\":9007199254740992}}", "part.id", "out_of_range");
    assert_refused("{\"name\":\"x\",\"parts\":[{\"id\":1},{\"id\":2,\"name\":\"123456\"}]}", "parts.1.name",
                   "too_long");
    assert_refused("{\"name\":\"x\",\"parts\":[{\"id\":1},{\"id\":2},{\"id\":3}]}", "parts", "too_many");
    assert_refused("{\"name\":\"x\",\"parts\":[7]}", "parts.0", "wrong_type");
    assert_refused("{\"name\":\"x\",\"words\":[\"a\",7]}", "words.1", "wrong_type");
    assert_refused("{\"name\":\"x\",\"words\":[\"a\",\"b\",\"c\",\"d\"]}", "words", "too_many");
    assert_refused("{\"name\":\"x\",\"ids\":[0]}", "ids.0", "out_of_range");
    assert_refused("{\"name\":\"x\",\"ids\":[9007199254740992]}", "ids.0", "out_of_range");
}

static void a_refused_word_tells_the_allowed_ones(void **state)
{
    (void)state;
    struct thing thing = {};
    struct err err;

    assert_false(json_decode(S("{\"state\":\"gone\"}"), &thing_type, false, arena, &thing, NULL, &err));

    assert_string_equal(err.text, "This must be one of: open, closed.");
    assert_string_equal(err.expected, "open, closed");
}

static void what_is_no_json_is_bad_syntax(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"name\":\"a\",\"name\":\"b\"}",
                                      "{\"count\":18446744073709551616}",
                                      "{\"count\":01}",
                                      "{\"count\":+1}",
                                      "{\"a\\u0000b\":1}",
                                      "{\"\xFF\":1}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct thing thing = {};
        struct err err;
        assert_false(json_decode(str_from(bad[i]), &thing_type, false, arena, &thing, NULL, &err));
        assert_int_equal(err.code, ERR_SYNTAX);
    }
}

static struct str encoded(const struct thing *thing)
{
    struct buf out;
    buf_init(&out, arena, 10000);
    struct json_writer w = json_writer(&out);
    json_encode(&w, &thing_type, thing);
    return buf_str(&out);
}

static void an_empty_struct_is_written_with_its_nulls(void **state)
{
    (void)state;
    struct thing thing = {};

    struct str want = S("{\"id\":0,\"count\":null,\"on\":false,\"name\":\"\",\"state\":null,\"note\":null,"
                        "\"due_at\":null,\"part\":{\"id\":0,\"name\":\"\"},\"owner\":null,\"parts\":[],"
                        "\"words\":[]}");

    assert_true(str_eq(encoded(&thing), want));
}

static void a_full_struct_is_written_without_its_secrets(void **state)
{
    (void)state;
    struct part parts[] = {{1, S("x")}, {2, STR_NONE}};
    struct str words[] = {S("a")};
    i64 ids[] = {5, 6};
    struct thing thing = {
        .id = 1,
        .count = 2,
        .on = true,
        .name = S("n"),
        .state = S("open"),
        .settings = S("{\"a\":1}"),
        .secret = S("hidden"),
        .note = S(""),
        .due_at = 1764547200000,
        .owner = {4, S("o")},
        .parts = {parts, 2, 2},
        .words = {words, 1, 1},
        .ids = {ids, 2, 2},
    };

    struct str want =
        S("{\"id\":1,\"count\":2,\"on\":true,\"name\":\"n\",\"state\":\"open\",\"settings\":{\"a\":1},"
          "\"note\":\"\",\"due_at\":\"2025-12-01T00:00:00.000Z\",\"part\":{\"id\":0,\"name\":\"\"},"
          "\"owner\":{\"id\":4,\"name\":\"o\"},\"parts\":[{\"id\":1,\"name\":\"x\"},"
          "{\"id\":2,\"name\":\"\"}],\"words\":[\"a\"],\"ids\":[5,6]}");

    assert_true(str_eq(encoded(&thing), want));
}

static struct str schema(bool body)
{
    struct buf out;
    buf_init(&out, arena, 100000);
    struct json_writer w = json_writer(&out);
    json_schema(&w, &thing_type, body);
    return buf_str(&out);
}

static void the_schema_of_an_answer_hides_what_is_write_only(void **state)
{
    (void)state;
    struct err err;
    const struct json *s = json_parse(schema(false), arena, &err);

    assert_non_null(s);
    assert_null(json_at(s, "properties.secret"));
    assert_true(json_bool(json_at(s, "properties.id.readOnly")));
    assert_true(str_eq(json_str(json_at(s, "properties.count.type.1")), S("null")));
    assert_true(str_eq(json_str(json_at(s, "properties.owner.type.1")), S("null")));
    assert_true(str_eq(json_str(json_at(s, "properties.parts.items.properties.id.description")),
                       S("Number of the part.")));
    assert_true(str_eq(json_str(json_at(s, "properties.due_at.format")), S("date-time")));
    assert_int_equal(json_len(json_at(s, "required")), 11); // all but settings, secret and ids
    assert_null(json_at(s, "additionalProperties"));
}

static void the_schema_of_a_body_tells_its_limits(void **state)
{
    (void)state;
    struct err err;
    const struct json *s = json_parse(schema(true), arena, &err);

    assert_non_null(s);
    assert_null(json_at(s, "properties.id"));
    assert_non_null(json_at(s, "properties.secret"));
    assert_int_equal(json_len(json_at(s, "required")), 1);
    assert_true(str_eq(json_str(json_at(s, "required.0")), S("name")));
    assert_int_equal(json_i64(json_at(s, "properties.name.maxLength")), 8);
    assert_int_equal(json_i64(json_at(s, "properties.count.maximum")), 10);
    assert_int_equal(json_i64(json_at(s, "properties.parts.maxItems")), 2);
    assert_true(str_eq(json_str(json_at(s, "properties.state.enum.1")), S("closed")));
    assert_int_equal(json_kind(json_at(s, "additionalProperties")), JSON_BOOL);
    assert_int_equal(json_kind(json_at(s, "properties.part.additionalProperties")), JSON_BOOL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_body_fills_the_struct),
        TEST(a_patch_tells_absent_from_null),
        TEST(every_wrong_type_of_every_kind_is_refused),
        TEST(each_refusal_names_field_and_reason),
        TEST(a_refused_word_tells_the_allowed_ones),
        TEST(what_is_no_json_is_bad_syntax),
        TEST(an_empty_struct_is_written_with_its_nulls),
        TEST(a_full_struct_is_written_without_its_secrets),
        TEST(the_schema_of_an_answer_hides_what_is_write_only),
        TEST(the_schema_of_a_body_tells_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
