// SPDX-License-Identifier: AGPL-3.0-or-later
// See authenticator.h. The layout is that of the specification, section 6.1; every length is checked before
// it is used and every byte must have a place.
#include "base/authenticator.h"
#include "base/cbor.h"
#include "base/cose.h"

enum {
    FLAG_PRESENT = 1,
    FLAG_VERIFIED = 4,
    FLAG_CREDENTIAL = 64,
    FLAG_EXTENSIONS = 128,
    HEAD = AUTHENTICATOR_HASH + 1 + 4,
    AAGUID = 16,
};

static bool refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_INVALID, "The authenticator's data cannot be read: %s.", why);
}

static struct str take(struct str *rest, size_t len)
{
    struct str part = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return part;
}

static bool read_credential(struct str *rest, struct arena *arena, struct authenticator_data *out,
                            struct err *err)
{
    const struct cbor *map;
    struct cose_key key;
    if (rest->len < AAGUID + 2)
        return refuse(err, "it ends too early");
    struct str head = take(rest, AAGUID + 2);
    size_t len = (size_t)(u8)head.ptr[AAGUID] << 8 | (u8)head.ptr[AAGUID + 1];
    if (len == 0 || len > CREDENTIAL_ID_MAX || len > rest->len)
        return refuse(err, "the length of the passkey's name does not fit");
    out->credential_id = take(rest, len);
    struct str before = *rest;
    if (!cbor_read(rest, arena, &map, err) || !cose_key_of(map, &key, err))
        return false;
    out->key = str_sub(before, 0, before.len - rest->len);
    return true;
}

bool authenticator_data_read(struct str data, struct arena *arena, struct authenticator_data *out,
                             struct err *err)
{
    struct str rest = data;
    const struct cbor *extensions;
    *out = (struct authenticator_data){};
    if (rest.len < HEAD)
        return refuse(err, "it ends too early");
    out->rp_id_hash = take(&rest, AUTHENTICATOR_HASH);
    u8 flags = (u8)take(&rest, 1).ptr[0];
    struct str counter = take(&rest, 4);
    for (size_t i = 0; i < 4; i++)
        out->counter = out->counter << 8 | (u8)counter.ptr[i];
    out->present = flags & FLAG_PRESENT;
    out->verified = flags & FLAG_VERIFIED;
    if ((flags & FLAG_CREDENTIAL) && !read_credential(&rest, arena, out, err))
        return false;
    if (flags & FLAG_EXTENSIONS) {
        if (!cbor_read(&rest, arena, &extensions, err))
            return false;
        if (extensions->kind != CBOR_MAP)
            return refuse(err, "its extensions are no map");
    }
    return rest.len == 0 || refuse(err, "there is something behind its end");
}

bool attestation_read(struct str object, struct arena *arena, struct authenticator_data *out, struct err *err)
{
    const struct cbor *map;
    struct str rest = object;
    if (!cbor_read(&rest, arena, &map, err))
        return false;
    const struct cbor *format = cbor_named(map, S("fmt")), *statement = cbor_named(map, S("attStmt"));
    struct str data = cbor_bytes(cbor_named(map, S("authData")));
    if (rest.len > 0 || map->kind != CBOR_MAP || map->len != 3 || !format || format->kind != CBOR_TEXT ||
        !statement || statement->kind != CBOR_MAP || !str_given(data))
        return refuse(err, "it needs fmt, attStmt and authData, and nothing else");
    if (str_eq(format->bytes, S("none")) && statement->len > 0)
        return refuse(err, "a statement of the format none is empty");
    if (!authenticator_data_read(data, arena, out, err))
        return false;
    return str_given(out->key) || refuse(err, "it holds no key");
}

bool cose_verify(struct str key, struct arena *arena, struct str data, struct str signature)
{
    const struct cbor *map;
    struct cose_key parts;
    struct err ignored = {}; // it was read when it came in
    return cbor_read(&key, arena, &map, &ignored) && key.len == 0 && cose_key_of(map, &parts, &ignored) &&
           cose_key_verify(&parts, data, signature);
}
