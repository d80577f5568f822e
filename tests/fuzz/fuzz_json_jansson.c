// SPDX-License-Identifier: AGPL-3.0-or-later
// Strict reading takes what jansson takes and means the same by it. Jansson is asked with the rules of
// src/json/README.md: no NUL, no duplicates, 64 levels.
#include "base/arena.h"
#include "json_dumped.h"
#include "json/parse.h"
#include <stdlib.h>
// Both have kinds of these names.
#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_STRING  JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL    JANSSON_REAL
#define JSON_TRUE    JANSSON_TRUE
#define JSON_FALSE   JANSSON_FALSE
#define JSON_NULL    JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

static void same(const struct json *a, json_t *b);

static void same_text(struct str a, const char *b, size_t len)
{
    if (!str_eq(a, (struct str){b, len}) || a.ptr[a.len] != 0) {
        abort();
    }
}

static void same_object(const struct json *a, json_t *b)
{
    size_t pos = 0;
    struct str key;
    const struct json *value;
    void *iter = json_object_iter(b);
    while (json_member(a, &pos, &key, &value)) {
        if (!iter || json_get(a, key) != value) {
            abort();
        }
        same_text(key, json_object_iter_key(iter), json_object_iter_key_len(iter));
        same(value, json_object_iter_value(iter));
        iter = json_object_iter_next(b, iter);
    }
    if (iter || json_len(a) != json_object_size(b)) {
        abort();
    }
}

static void same(const struct json *a, json_t *b)
{
    static const enum json_kind kinds[] = {
        [JANSSON_OBJECT] = JSON_OBJECT, [JANSSON_ARRAY] = JSON_ARRAY, [JANSSON_STRING] = JSON_STRING,
        [JANSSON_INTEGER] = JSON_INT,   [JANSSON_REAL] = JSON_REAL,   [JANSSON_TRUE] = JSON_BOOL,
        [JANSSON_FALSE] = JSON_BOOL,    [JANSSON_NULL] = JSON_NULL,
    };
    if (json_kind(a) != kinds[json_typeof(b)]) {
        abort();
    }
    if (json_typeof(b) == JANSSON_STRING) {
        same_text(json_str(a), json_string_value(b), json_string_length(b));
    } else if (json_typeof(b) == JANSSON_OBJECT) {
        same_object(a, b);
    } else if (json_typeof(b) == JANSSON_ARRAY) {
        for (size_t i = 0; i < json_len(a); i++) {
            same(json_item(a, i), json_array_get(b, i));
        }
    }
    if ((json_typeof(b) == JANSSON_ARRAY && json_len(a) != json_array_size(b)) ||
        (json_typeof(b) == JANSSON_INTEGER && json_i64(a) != json_integer_value(b)) ||
        (json_typeof(b) == JANSSON_REAL && json_f64(a) != json_real_value(b)) ||
        json_bool(a) != (json_typeof(b) == JANSSON_TRUE)) {
        abort();
    }
}

static bool too_deep(const json_t *value, int left)
{
    size_t index;
    const char *key;
    json_t *member;
    // Not json_is_array(): that macro would now mean our own name.
    if (json_typeof(value) != JANSSON_ARRAY && json_typeof(value) != JANSSON_OBJECT) {
        return false;
    }
    if (left == 0) {
        return true;
    }
    json_array_foreach((json_t *)(uintptr_t)value, index, member)
    {
        if (too_deep(member, left - 1)) {
            return true;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        if (too_deep(member, left - 1)) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = {(const char *)data, size};
    struct err err = {};
    const struct json *ours = json_parse(text, arena, &err);
    bool nul = size && memchr(data, 0, size);
    json_t *theirs =
        nul ? NULL
            : json_loadb(text.ptr ? text.ptr : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (theirs && too_deep(theirs, 64)) {
        json_decref(theirs);
        theirs = NULL;
    }
    if (!ours != !theirs) {
        abort();
    }
    if (ours) {
        same(ours, theirs);
        struct str strict = dumped(arena, ours);
        const enum parse_mode others[] = {PARSE_LENIENT, PARSE_FIELDS};
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
            const struct json *other = json_parse_as(others[i], text, arena, &err);
            if (!other || !str_eq(dumped(arena, other), strict)) {
                abort();
            }
        }
    }
    json_decref(theirs);
    arena_give(arena);
    return 0;
}
