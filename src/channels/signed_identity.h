// SPDX-License-Identifier: AGPL-3.0-or-later
// Who a visitor is, said by the shop's own server: a JSON Web Token signed with the channel's secret.
// Strict: HS256 and nothing else, for this channel, of the next ten minutes, to be used once. What does not
// fit is refused; nobody is half somebody.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { IDENTITY_MAX = 4096, IDENTITY_LIFE_MS = 10 * 60 * 1000, IDENTITY_SKEW_MS = 60 * 1000 };

struct signed_identity {
    struct str subject;     // "sub": who, in the shop's own numbers; 1 to 200 bytes
    struct str name, email; // STR_NONE when not said
    struct str id;          // "jti": the caller sees to it that it is used once
    i64 expires_at;         // ms UTC
};
struct identity_check {
    struct str secrets[2]; // while they change both are good
    size_t n_secrets;
    struct str audience; // the channel's public key
    i64 now;
};
// ERR_UNAUTHENTICATED unless everything is right.
bool identity_verify(const struct identity_check *check, struct str token, struct arena *arena,
                     struct signed_identity *out, struct err *err) MUST_CHECK;
// A new secret: "heedchat_" and 43 characters; HS256's key is these bytes as they stand.
struct str identity_secret_make(struct arena *arena);
