// SPDX-License-Identifier: AGPL-3.0-or-later
// What a browser hands in from a device: attestation objects, authenticator data, keys with signatures, CBOR.
// What is read lies within what was given, and nothing is nested deeper than promised.
#include "base/authenticator.h"
#include "base/cbor.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void inside(struct str part, struct str whole)
{
    if (part.len > 0 && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len)) {
        abort();
    }
}

static size_t walk(const struct cbor *value, struct str whole, int depth)
{
    size_t n = 1, members = 0;
    if (depth > CBOR_DEPTH) {
        abort();
    }
    inside(value->bytes, whole);
    for (const struct cbor *member = value->first; member; member = member->next) {
        n += walk(member, whole, depth + 1);
        members++;
    }
    if (members != value->len * (value->kind == CBOR_MAP ? 2 : 1)) {
        abort();
    }
    return n;
}

static void read_cbor(struct str bytes, struct arena *arena)
{
    struct str rest = bytes;
    const struct cbor *value;
    struct err err = {};
    if (!cbor_read(&rest, arena, &value, &err)) {
        if (err.text[0] == '\0' || !str_eq(rest, bytes)) {
            abort();
        }
        return;
    }
    inside(rest, bytes);
    if (walk(value, bytes, 1) > CBOR_VALUES) {
        abort();
    }
}

static void check(bool ok, const struct authenticator_data *data, struct str bytes)
{
    if (!ok) {
        return;
    }
    inside(data->rp_id_hash, bytes);
    inside(data->credential_id, bytes);
    inside(data->key, bytes);
    if (data->rp_id_hash.len != AUTHENTICATOR_HASH || data->credential_id.len > CREDENTIAL_ID_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct arena *arena = arena_take();
    struct str bytes = {(const char *)data + 1, size - 1};
    struct authenticator_data out = {};
    struct err err = {};
    switch (data[0] & 3) {
    case 0:
        check(attestation_read(bytes, arena, &out, &err), &out, bytes);
        break;
    case 1:
        check(authenticator_data_read(bytes, arena, &out, &err), &out, bytes);
        break;
    case 2: {
        struct str rest = bytes;
        const struct cbor *key;
        if (cbor_read(&rest, arena, &key, &err)) {
            size_t half = rest.len / 2;
            bool good = cose_verify(str_sub(bytes, 0, bytes.len - rest.len), arena, str_sub(rest, 0, half),
                                    str_sub(rest, half, rest.len));
            (void)good;
        }
        break;
    }
    default:
        read_cbor(bytes, arena);
    }
    arena_give(arena);
    return 0;
}
