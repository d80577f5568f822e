// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading CBOR (RFC 8949) as authenticators write it, and nothing else: definite lengths, numbers in their
// shortest form, keys that are numbers or texts and each there once, no tags, no floats. Bounded in depth
// and in number of values, whatever the bytes say.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { CBOR_DEPTH = 8, CBOR_VALUES = 256 };

enum cbor_kind { CBOR_NUMBER, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_BOOL, CBOR_NULL };
struct cbor {
    enum cbor_kind kind;
    i64 number;        // NUMBER; BOOL: 0 or 1
    struct str bytes;  // BYTES, TEXT: a part of what was read
    struct cbor *next; // in the array or map; in a map key, value, key, value
    struct cbor *first;
    size_t len; // members
};

// Reads the one value that *data begins with and moves *data behind it.
bool cbor_read(struct str *data, struct arena *arena, const struct cbor **ret_value,
               struct err *err) MUST_CHECK;
// The member of a map; NULL when it is not there or this is no map (or NULL).
const struct cbor *cbor_named(const struct cbor *map, struct str key);
const struct cbor *cbor_numbered(const struct cbor *map, i64 key);
// The bytes of a byte string; STR_NONE when it is none (or NULL).
struct str cbor_bytes(const struct cbor *value);
