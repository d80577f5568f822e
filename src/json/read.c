// SPDX-License-Identifier: AGPL-3.0-or-later
// Looking into a parsed value. struct json is jansson's json_t under another name, so that nobody above
// can use jansson's ways to change or free it.
#include "json/jansson_names.h"
#include "json/parse.h"

static json_t *raw(const struct json *value)
{
    // jansson wants even what it only reads as not const.
    return (json_t *)(uintptr_t)value;
}

static const struct json *ours(const json_t *value)
{
    return (const struct json *)value;
}

enum json_kind json_kind(const struct json *value)
{
    static const enum json_kind kinds[] = {
        [JANSSON_OBJECT] = JSON_OBJECT, [JANSSON_ARRAY] = JSON_ARRAY, [JANSSON_STRING] = JSON_STRING,
        [JANSSON_INTEGER] = JSON_INT,   [JANSSON_REAL] = JSON_REAL,   [JANSSON_TRUE] = JSON_BOOL,
        [JANSSON_FALSE] = JSON_BOOL,    [JANSSON_NULL] = JSON_NULL,
    };
    return value ? kinds[json_typeof(raw(value))] : JSON_ABSENT;
}

const struct json *json_get(const struct json *object, struct str key)
{
    if (json_kind(object) != JSON_OBJECT || !str_given(key)) {
        return NULL;
    }
    return ours(json_object_getn(raw(object), key.ptr, key.len));
}

const struct json *json_item(const struct json *array, size_t index)
{
    return json_kind(array) == JSON_ARRAY ? ours(json_array_get(raw(array), index)) : NULL;
}

const struct json *json_at(const struct json *value, const char *path)
{
    struct str rest = str_from(path);
    while (value && str_given(rest)) {
        struct str part = str_cut(rest, '.', &rest);
        i64 index;
        if (json_kind(value) == JSON_ARRAY) {
            value = str_to_i64(part, &index) && index >= 0 ? json_item(value, (size_t)index) : NULL;
        } else {
            value = json_get(value, part);
        }
    }
    return value;
}

struct str json_str(const struct json *value)
{
    if (json_kind(value) != JSON_STRING) {
        return STR_NONE;
    }
    return (struct str){json_string_value(raw(value)), json_string_length(raw(value))};
}

i64 json_i64(const struct json *value)
{
    return json_kind(value) == JSON_INT ? json_integer_value(raw(value)) : 0;
}

double json_f64(const struct json *value)
{
    return value ? json_number_value(raw(value)) : 0;
}

bool json_bool(const struct json *value)
{
    return value && json_typeof(raw(value)) == JANSSON_TRUE;
}

bool json_is_null(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    return kind == JSON_ABSENT || kind == JSON_NULL;
}

size_t json_len(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    return kind == JSON_ARRAY    ? json_array_size(raw(value))
           : kind == JSON_OBJECT ? json_object_size(raw(value))
                                 : 0;
}

bool json_member(const struct json *object, size_t *pos, struct str *ret_key, const struct json **ret_value)
{
    // *pos holds jansson's iterator; the end needs a mark of its own, or the walk would begin again.
    const size_t end = SIZE_MAX;
    if (json_kind(object) != JSON_OBJECT || *pos == end) {
        return false;
    }
    void *iter = *pos ? json_object_iter_next(raw(object), (void *)*pos) : json_object_iter(raw(object));
    if (!iter) {
        *pos = end;
        return false;
    }
    *pos = (size_t)iter;
    *ret_key = (struct str){json_object_iter_key(iter), json_object_iter_key_len(iter)};
    *ret_value = ours(json_object_iter_value(iter));
    return true;
}

// Recursion here and in json_dump is bounded by the depth that the parser let through.
bool json_holds_nul(const struct json *value)
{
    struct str text = json_str(value);
    if (text.len && memchr(text.ptr, 0, text.len)) {
        return true;
    }
    for (size_t i = 0; json_kind(value) == JSON_ARRAY && i < json_len(value); i++) {
        if (json_holds_nul(json_item(value, i))) {
            return true;
        }
    }
    size_t pos = 0;
    struct str key;
    const struct json *member;
    while (json_member(value, &pos, &key, &member)) {
        if (json_holds_nul(member)) {
            return true;
        }
    }
    return false;
}
