// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to json/: what a parsed value is. All of it lies in the arena it was parsed into: the text is
// copied once, strings point into that copy (unescaped in place, NUL-terminated).
#pragma once
#include "json/json.h"

struct json_entry;
struct json {
    enum json_kind kind;
    union {
        bool truth;
        i64 number;
        double real;
        struct str text;
        struct {
            const struct json *items;
            size_t n_items;
        };
        struct {
            const struct json_entry *entries; // in the order of the text
            size_t n_entries;
        };
    };
};
struct json_entry {
    struct json value;
    struct str key;
};

// An object of more entries has, right behind them, its order by key: n_entries pointers, sorted with
// json_entry_cmp. Fewer are looked through one by one.
enum { ENTRIES_UNSORTED = 16 };

static inline const struct json_entry *const *json_sorted(const struct json *object)
{
    return (const struct json_entry *const *)(const void *)(object->entries + object->n_entries);
}

static inline int json_key_cmp(struct str a, struct str b)
{
    return a.len != b.len ? (a.len < b.len ? -1 : 1) : a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}
