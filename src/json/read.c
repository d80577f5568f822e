// SPDX-License-Identifier: AGPL-3.0-or-later
// Looking into a parsed value.
#include "json/parse.h"
#include "json/value.h"

enum json_kind json_kind(const struct json *value)
{
    return value ? value->kind : JSON_ABSENT;
}

static const struct json *find_sorted(const struct json *object, struct str key)
{
    const struct json_place *places = json_places(object);
    u64 hash = json_hash(key);
    size_t low = 0, high = object->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = json_place_cmp(&places[middle], hash, key);
        if (order == 0) {
            return &places[middle].entry->value;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct json *json_get(const struct json *object, struct str key)
{
    if (json_kind(object) != JSON_OBJECT || !str_given(key)) {
        return NULL;
    }
    if (object->n_entries > ENTRIES_UNSORTED) {
        return find_sorted(object, key);
    }
    for (size_t i = 0; i < object->n_entries; i++) {
        if (str_eq(object->entries[i].key, key)) {
            return &object->entries[i].value;
        }
    }
    return NULL;
}

const struct json *json_item(const struct json *array, size_t index)
{
    return json_kind(array) == JSON_ARRAY && index < array->n_items ? &array->items[index] : NULL;
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
    return json_kind(value) == JSON_STRING ? value->text : STR_NONE;
}

i64 json_i64(const struct json *value)
{
    return json_kind(value) == JSON_INT ? value->number : 0;
}

double json_f64(const struct json *value)
{
    return json_kind(value) == JSON_REAL ? value->real : (double)json_i64(value);
}

bool json_bool(const struct json *value)
{
    return json_kind(value) == JSON_BOOL && value->truth;
}

bool json_is_null(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    return kind == JSON_ABSENT || kind == JSON_NULL;
}

size_t json_len(const struct json *value)
{
    enum json_kind kind = json_kind(value);
    return kind == JSON_ARRAY ? value->n_items : kind == JSON_OBJECT ? value->n_entries : 0;
}

bool json_member(const struct json *object, size_t *pos, struct str *ret_key, const struct json **ret_value)
{
    if (json_kind(object) != JSON_OBJECT || *pos >= object->n_entries) {
        return false;
    }
    const struct json_entry *entry = &object->entries[(*pos)++];
    *ret_key = entry->key;
    *ret_value = &entry->value;
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
