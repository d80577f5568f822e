// SPDX-License-Identifier: AGPL-3.0-or-later
// See cbor.h. One value after the other from the front; what is nested is read by the same function, down to
// a depth that is counted.
#include "base/cbor.h"

struct reader {
    struct str rest;
    struct arena *arena;
    size_t left; // values that may still come
    struct err *err;
};

static bool refuse(struct reader *r, const char *why)
{
    return err_set(r->err, ERR_INVALID, "This is not the CBOR of an authenticator: %s.", why);
}

// The head of a value: its major type and its argument, which must be in the shortest form.
static bool read_head(struct reader *r, unsigned *ret_major, u64 *ret_argument)
{
    if (r->rest.len == 0)
        return refuse(r, "it ends too early");
    u8 first = (u8)r->rest.ptr[0];
    unsigned info = first & 31;
    size_t size = info < 24 ? 0 : info == 24 ? 1 : info == 25 ? 2 : info == 26 ? 4 : info == 27 ? 8 : 99;
    if (size == 99)
        return refuse(r, "a length is missing");
    if (r->rest.len < 1 + size)
        return refuse(r, "it ends too early");
    u64 value = size == 0 ? info : 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (u8)r->rest.ptr[1 + i];
    u64 least = size == 1 ? 24 : size == 2 ? 256 : size == 4 ? 65536 : size == 8 ? (u64)1 << 32 : 0;
    if (value < least)
        return refuse(r, "a number is longer than it has to be");
    r->rest = str_sub(r->rest, 1 + size, r->rest.len);
    *ret_major = first >> 5;
    *ret_argument = value;
    return true;
}

static bool read_value(struct reader *r, int depth, struct cbor *out);

static bool same_key(const struct cbor *a, const struct cbor *b)
{
    return a->kind == b->kind &&
           (a->kind == CBOR_NUMBER ? a->number == b->number : str_eq(a->bytes, b->bytes));
}

static bool key_is_good(struct reader *r, const struct cbor *map, const struct cbor *key)
{
    if (key->kind != CBOR_NUMBER && key->kind != CBOR_TEXT)
        return refuse(r, "a key is neither number nor text");
    for (const struct cbor *old = map->first; old && old != key; old = old->next->next) {
        if (same_key(old, key))
            return refuse(r, "a key is there twice");
    }
    return true;
}

static bool read_members(struct reader *r, int depth, u64 count, struct cbor *out)
{
    struct cbor **end = &out->first;
    bool map = out->kind == CBOR_MAP;
    if (count > r->left) // also each member is at least one value
        return refuse(r, "it has too many values");
    out->len = (size_t)count;
    for (u64 i = 0; i < count * (map ? 2 : 1); i++) {
        struct cbor *member = arena_new(r->arena, struct cbor);
        if (!read_value(r, depth + 1, member))
            return false;
        *end = member;
        end = &member->next;
        if (map && i % 2 == 0 && !key_is_good(r, out, member))
            return false;
    }
    return true;
}

static bool read_text(struct reader *r, u64 len, struct cbor *out)
{
    if (len > r->rest.len)
        return refuse(r, "it ends too early");
    out->bytes = str_sub(r->rest, 0, (size_t)len);
    r->rest = str_sub(r->rest, (size_t)len, r->rest.len);
    return out->kind == CBOR_BYTES || utf8_valid(out->bytes) || refuse(r, "a text is not UTF-8");
}

static bool read_value(struct reader *r, int depth, struct cbor *out)
{
    unsigned major;
    u64 argument;
    if (depth > CBOR_DEPTH)
        return refuse(r, "it is nested too deep");
    if (r->left == 0)
        return refuse(r, "it has too many values");
    r->left--;
    if (!read_head(r, &major, &argument))
        return false;
    switch (major) {
    case 0:
    case 1:
        if (argument > INT64_MAX)
            return refuse(r, "a number is too large");
        out->kind = CBOR_NUMBER;
        out->number = major == 0 ? (i64)argument : -1 - (i64)argument;
        return true;
    case 2:
    case 3:
        out->kind = major == 2 ? CBOR_BYTES : CBOR_TEXT;
        return read_text(r, argument, out);
    case 4:
    case 5:
        out->kind = major == 4 ? CBOR_ARRAY : CBOR_MAP;
        return read_members(r, depth, argument, out);
    case 7:
        if (argument < 20 || argument > 22)
            return refuse(r, "it holds a kind of value that nobody needs here");
        out->kind = argument == 22 ? CBOR_NULL : CBOR_BOOL;
        out->number = argument == 21;
        return true;
    default:
        return refuse(r, "it holds a tag");
    }
}

bool cbor_read(struct str *data, struct arena *arena, const struct cbor **ret_value, struct err *err)
{
    struct reader r = {.rest = *data, .arena = arena, .left = CBOR_VALUES, .err = err};
    struct cbor *value = arena_new(arena, struct cbor);
    if (!read_value(&r, 1, value))
        return false;
    *data = r.rest;
    *ret_value = value;
    return true;
}

static const struct cbor *find(const struct cbor *map, const struct cbor *key)
{
    if (!map || map->kind != CBOR_MAP)
        return NULL;
    for (const struct cbor *member = map->first; member; member = member->next->next) {
        if (same_key(member, key))
            return member->next;
    }
    return NULL;
}

const struct cbor *cbor_named(const struct cbor *map, struct str key)
{
    return find(map, &(struct cbor){.kind = CBOR_TEXT, .bytes = key});
}

const struct cbor *cbor_numbered(const struct cbor *map, i64 key)
{
    return find(map, &(struct cbor){.kind = CBOR_NUMBER, .number = key});
}

struct str cbor_bytes(const struct cbor *value)
{
    if (!value || value->kind != CBOR_BYTES)
        return STR_NONE;
    return value->bytes;
}
