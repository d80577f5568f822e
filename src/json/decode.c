// SPDX-License-Identifier: AGPL-3.0-or-later
// From JSON to a struct by its field table. Nothing is guessed: a number is no string, null only where
// allowed, and each refusal names the field by its path.
#include "base/arena.h"
#include "base/clock.h"
#include "json/field.h"
#include "json/parse.h"
#include <assert.h>
#include <stdio.h>

enum {
    STR_MAX = 4096,
    JSON_MAX = 65536,
    LIST_MAX = 100,
};
static const i64 SAFE_INTEGER = 9007199254740991; // what JavaScript keeps exactly: 2^53 - 1

struct decoder {
    struct arena *arena;
    bool create;
    struct err *err;
};

// The common head of every list a table can describe.
struct any_list {
    void *items;
    size_t len, cap;
};

static bool decode_object(struct decoder *d, const struct json *value, const struct type *type, void *out,
                          field_set *ret_given);

static bool wrong_type(struct decoder *d, const char *name, const char *wanted)
{
    return err_field(d->err, name, "wrong_type", "This must be %s.", wanted);
}

static bool decode_i64(struct decoder *d, const char *name, const struct json *value, i64 low, i64 high,
                       i64 *out)
{
    if (json_kind(value) != JSON_INT) {
        return wrong_type(d, name, "a whole number");
    }
    i64 number = json_i64(value);
    if (number < low || number > high) {
        return err_field(d->err, name, "out_of_range", "This must be between %lld and %lld.", (long long)low,
                         (long long)high);
    }
    *out = number;
    return true;
}

static bool decode_str(struct decoder *d, const char *name, const struct json *value, size_t max,
                       struct str *out)
{
    if (json_kind(value) != JSON_STRING) {
        return wrong_type(d, name, "a text");
    }
    if (json_holds_nul(value)) {
        return err_field(d->err, name, "invalid_text", "This text holds something that is not a character.");
    }
    struct str text = json_str(value);
    if (text.len > max) {
        return err_field(d->err, name, "too_long", "This text may have %zu bytes at most.", max);
    }
    *out = text;
    return true;
}

static bool decode_time(struct decoder *d, const char *name, const struct json *value, i64 *out)
{
    struct str text = STR_NONE;
    i64 at;
    if (!decode_str(d, name, value, STR_MAX, &text)) {
        return false;
    }
    if (!clock_parse(text, &at)) {
        return err_field(d->err, name, "invalid_time", "This must be a time like 2026-11-24T05:35:00Z.");
    }
    *out = at;
    return true;
}

static bool decode_enum(struct decoder *d, const struct field *field, const struct json *value,
                        struct str *out)
{
    struct str text = STR_NONE;
    if (!decode_str(d, field->name, value, STR_MAX, &text)) {
        return false;
    }
    struct buf allowed;
    buf_init(&allowed, d->arena, sizeof d->err->text);
    for (const char *const *name = field->names; *name; name++) {
        if (str_eq(text, str_from(*name))) {
            *out = text;
            return true;
        }
        buf_printf(&allowed, "%s%s", allowed.len ? ", " : "", *name);
    }
    err_field(d->err, field->name, "unknown_value", "This must be one of: " STR_FMT ".",
              STR_ARG(buf_str(&allowed)));
    snprintf(d->err->expected, sizeof d->err->expected, STR_FMT, STR_ARG(buf_str(&allowed)));
    return false;
}

static bool decode_json(struct decoder *d, const struct field *field, const struct json *value,
                        struct str *out)
{
    if (json_holds_nul(value)) {
        return err_field(d->err, field->name, "invalid_text",
                         "A text in it holds something that is not a character.");
    }
    struct buf text;
    size_t max = field->max ? field->max : JSON_MAX;
    buf_init(&text, d->arena, max);
    json_dump(&text, value);
    if (text.overflow) {
        return err_field(d->err, field->name, "too_long", "This may have %zu bytes at most.", max);
    }
    *out = buf_str(&text);
    return true;
}

// What is nested always comes whole, also in a change: nobody could tell which of its members were given.
static bool decode_whole(struct decoder *d, const struct json *value, const struct type *type, void *out)
{
    struct decoder whole = {.arena = d->arena, .create = true, .err = d->err};
    field_set given;
    memset(out, 0, type->size);
    return decode_object(&whole, value, type, out, &given);
}

static bool decode_item(struct decoder *d, const struct field *field, const struct json *value, void *out)
{
    if (field->kind == FIELD_STRS) {
        return decode_str(d, "", value, STR_MAX, out);
    }
    if (field->kind == FIELD_IDS) {
        return decode_i64(d, "", value, 1, SAFE_INTEGER, out);
    }
    return decode_whole(d, value, field->type, out);
}

static size_t item_size(const struct field *field)
{
    return field->kind == FIELD_STRS  ? sizeof(struct str)
           : field->kind == FIELD_IDS ? sizeof(i64)
                                      : field->type->size;
}

static bool decode_list(struct decoder *d, const struct field *field, const struct json *value,
                        struct any_list *out)
{
    if (json_kind(value) != JSON_ARRAY) {
        return wrong_type(d, field->name, "a list");
    }
    size_t max = field->max ? field->max : LIST_MAX, n = json_len(value), size = item_size(field);
    if (n > max) {
        return err_field(d->err, field->name, "too_many", "This may have %zu items at most.", max);
    }
    char *items = arena_alloc_array(d->arena, n, size);
    for (size_t i = 0; i < n; i++) {
        if (!decode_item(d, field, json_item(value, i), items + i * size)) {
            char path[sizeof d->err->field];
            snprintf(path, sizeof path, "%s.%zu", field->name, i);
            err_prefix(d->err, path);
            return false;
        }
    }
    *out = (struct any_list){items, n, n};
    return true;
}

static bool decode_struct(struct decoder *d, const struct field *field, const struct json *value, void *out)
{
    if (!decode_whole(d, value, field->type, out)) {
        err_prefix(d->err, field->name);
        return false;
    }
    return true;
}

static size_t field_size(const struct field *field)
{
    switch (field->kind) {
    case FIELD_I64:
    case FIELD_TIME:
        return sizeof(i64);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_STR:
    case FIELD_ENUM:
    case FIELD_JSON:
        return sizeof(struct str);
    case FIELD_STRUCT:
        return field->type->size;
    case FIELD_LIST:
    case FIELD_STRS:
    case FIELD_IDS:
        return sizeof(struct any_list);
    }
    return 0;
}

static bool decode_field(struct decoder *d, const struct field *field, const struct json *value, void *out)
{
    if (json_kind(value) == JSON_NULL && field->flags & FIELD_NULLABLE) {
        memset(out, 0, field_size(field));
        return true;
    }
    switch (field->kind) {
    case FIELD_I64:
        return decode_i64(d, field->name, value, field->max ? 0 : -SAFE_INTEGER,
                          field->max ? (i64)field->max : SAFE_INTEGER, out);
    case FIELD_BOOL:
        if (json_kind(value) != JSON_BOOL) {
            return wrong_type(d, field->name, "true or false");
        }
        *(bool *)out = json_bool(value);
        return true;
    case FIELD_STR:
        return decode_str(d, field->name, value, field->max ? field->max : STR_MAX, out);
    case FIELD_TIME:
        return decode_time(d, field->name, value, out);
    case FIELD_ENUM:
        return decode_enum(d, field, value, out);
    case FIELD_JSON:
        if (json_kind(value) == JSON_NULL) {
            return wrong_type(d, field->name, "a value other than null");
        }
        return decode_json(d, field, value, out);
    case FIELD_STRUCT:
        return decode_struct(d, field, value, out);
    case FIELD_LIST:
    case FIELD_STRS:
    case FIELD_IDS:
        return decode_list(d, field, value, out);
    }
    return false;
}

static int find_field(const struct type *type, struct str name)
{
    for (int i = 0; type->fields[i].name; i++) {
        assert(i < FIELDS_MAX);
        if (str_eq(str_from(type->fields[i].name), name)) {
            return i;
        }
    }
    return -1;
}

static bool decode_member(struct decoder *d, const struct type *type, struct str key,
                          const struct json *value, void *out, field_set *given)
{
    int n = find_field(type, key);
    if (n < 0) {
        return err_field(d->err, str_cstr(d->arena, key), "unknown_field", "There is no such field.");
    }
    const struct field *field = &type->fields[n];
    if (field->flags & FIELD_READ_ONLY) {
        return err_field(d->err, field->name, "read_only", "This cannot be set.");
    }
    char *member = (char *)out + field->offset;
    if (!decode_field(d, field, value, member)) {
        return false;
    }
    if (field->flags & FIELD_REQUIRED && field->kind == FIELD_STR &&
        ((struct str *)(void *)member)->len == 0) {
        return err_field(d->err, field->name, "required", "This must not be empty.");
    }
    *given |= (field_set)1 << n;
    return true;
}

static bool decode_object(struct decoder *d, const struct json *value, const struct type *type, void *out,
                          field_set *ret_given)
{
    if (json_kind(value) != JSON_OBJECT) {
        return wrong_type(d, "", "an object");
    }
    size_t pos = 0;
    struct str key;
    const struct json *member;
    field_set given = 0;
    while (json_member(value, &pos, &key, &member)) {
        if (!decode_member(d, type, key, member, out, &given)) {
            return false;
        }
    }
    for (int i = 0; d->create && type->fields[i].name; i++) {
        if (type->fields[i].flags & FIELD_REQUIRED && !(given >> i & 1)) {
            return err_field(d->err, type->fields[i].name, "required", "This is required.");
        }
    }
    *ret_given = given;
    return true;
}

bool json_decode_value(const struct json *value, const struct type *type, bool create, struct arena *arena,
                       void *out, field_set *ret_given, struct err *err)
{
    struct decoder d = {.arena = arena, .create = create, .err = err};
    field_set given = 0;
    void *copy = arena_alloc(arena, type->size); // so that *out is untouched on failure
    memcpy(copy, out, type->size);
    if (!decode_object(&d, value, type, copy, &given)) {
        return false;
    }
    memcpy(out, copy, type->size);
    if (ret_given) {
        *ret_given = given;
    }
    return true;
}

bool json_decode(struct str body, const struct type *type, bool create, struct arena *arena, void *out,
                 field_set *ret_given, struct err *err)
{
    const struct json *value = json_parse_as(PARSE_FIELDS, body, arena, err);
    return value && json_decode_value(value, type, create, arena, out, ret_given, err);
}

bool field_given(const struct type *type, field_set given, const char *name)
{
    int n = find_field(type, str_from(name));
    assert(n >= 0); // a name the table does not have is a mistake in the program
    return given >> n & 1;
}
