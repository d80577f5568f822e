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

// An object of more entries has, right behind them, one of these for each, sorted: by hash, and by key where
// that is the same. Whoever makes keys of one hash gains nothing but comparisons. Fewer entries are looked
// through one by one.
struct json_place {
    u64 hash;
    const struct json_entry *entry;
};
enum { ENTRIES_UNSORTED = 16 };

static inline const struct json_place *json_places(const struct json *object)
{
    return (const struct json_place *)(const void *)(object->entries + object->n_entries);
}

static inline u64 json_hash(struct str key)
{
    u64 hash = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (u8)key.ptr[i]) * 0x100000001b3u;
    }
    return hash;
}

static inline int json_place_cmp(const struct json_place *place, u64 hash, struct str key)
{
    return place->hash != hash ? (place->hash < hash ? -1 : 1) : str_cmp(place->entry->key, key);
}
