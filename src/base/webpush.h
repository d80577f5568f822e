// SPDX-License-Identifier: AGPL-3.0-or-later
// Browser push: the bytes for a browser that subscribed (RFC 8291, aes128gcm of RFC 8188), and the header
// that says who sends (VAPID, RFC 8292). P-256 and AES-128-GCM come from OpenSSL's libcrypto.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum {
    WEBPUSH_POINT = 65,
    WEBPUSH_SECRET = 32,
    WEBPUSH_AUTH = 16,
    WEBPUSH_SALT = 16,
    WEBPUSH_TEXT_MAX = 3993
};

struct webpush_pair {
    u8 secret[WEBPUSH_SECRET];
    u8 point[WEBPUSH_POINT];
};
// A fresh pair; wipe it when it is no longer needed.
bool webpush_pair_make(struct webpush_pair *out) MUST_CHECK;
// The pair of a secret that was kept. False: it is none.
bool webpush_pair_of(struct str secret, struct webpush_pair *out) MUST_CHECK;
// 65 bytes that lie on the curve.
bool webpush_point_ok(struct str point);
// The body of the request. point, auth: the browser's. False: they are no keys, or the text is too long.
bool webpush_encrypt(struct str point, struct str auth, struct str text, struct arena *arena,
                     struct str *ret_body) MUST_CHECK;
// The same with a given pair and salt: for the vectors of the RFC.
bool webpush_encrypt_with(const struct webpush_pair *own, const u8 salt[WEBPUSH_SALT], struct str point,
                          struct str auth, struct str text, struct arena *arena,
                          struct str *ret_body) MUST_CHECK;
// "vapid t=…, k=…". audience: the origin of the endpoint; subject: mailto: or https:.
bool webpush_authorization(const struct webpush_pair *own, struct str audience, struct str subject,
                           i64 expires_s, struct arena *arena, struct str *ret_value) MUST_CHECK;
