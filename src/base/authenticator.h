// SPDX-License-Identifier: AGPL-3.0-or-later
// What an authenticator says (Web Authentication Level 2, section 6): its data, the key it made, a signature.
// Bytes only: who may use what for which page is asked in desk/passkey.c.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum {
    CREDENTIAL_ID_MAX = 1023,
    AUTHENTICATOR_HASH = 32,
    COSE_ES256 = -7,
    COSE_EDDSA = -8,
    COSE_RS256 = -257,
};

struct authenticator_data {
    struct str rp_id_hash;
    bool present, verified; // somebody was there; who it is was checked (PIN, finger, face)
    u32 counter;
    // At registration only, else STR_NONE. The key is COSE, checked, as it came.
    struct str credential_id, key;
};

// The whole of it: bytes behind the end are refused.
bool authenticator_data_read(struct str data, struct arena *arena, struct authenticator_data *out,
                             struct err *err) MUST_CHECK;
// The attestation object of a registration. The statement about the device is not looked at: any format is
// taken as "none" is.
bool attestation_read(struct str object, struct arena *arena, struct authenticator_data *out,
                      struct err *err) MUST_CHECK;
// Is this the signature of the key over data? ES256, EdDSA (Ed25519), RS256.
bool cose_verify(struct str key, struct arena *arena, struct str data, struct str signature);
