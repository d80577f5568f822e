// SPDX-License-Identifier: AGPL-3.0-or-later
// Public keys as authenticators write them (COSE, RFC 9053): three kinds, each with exactly its members. The
// arithmetic is OpenSSL's libcrypto.
#pragma once
#include "base/cbor.h"

struct cose_key {
    i64 algorithm;   // COSE_ES256, COSE_EDDSA, COSE_RS256
    struct str x, y; // ES256: both; EdDSA: x
    struct str n, e; // RS256
};
// ERR_INVALID when it is of another kind, or no key.
bool cose_key_of(const struct cbor *map, struct cose_key *out, struct err *err) MUST_CHECK;
bool cose_key_verify(const struct cose_key *key, struct str data, struct str signature);
