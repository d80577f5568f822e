// SPDX-License-Identifier: AGPL-3.0-or-later
// Everything secret goes through here, over libsodium: random, hashes, HMAC, passwords, sealed secrets.
#pragma once
#include "base/err.h"

struct key; // the instance key, see crypto_key_*; opaque, wiped on destroy

// Must be called once at start; runs a known-answer self-test, dies when it fails.
void crypto_init(void);
void random_bytes(void *out, size_t len);
u64 random_u64(void);
// A bearer secret: prefix + 43 characters of base64url (256 bit).
struct str random_token(struct arena *arena, const char *prefix);
void sha256(struct str data, u8 out[32]);
struct str sha256_hex(struct arena *arena, struct str data);
void hmac_sha256(struct str key, struct str data, u8 out[32]);
// Constant time; false when lengths differ.
bool secret_eq(struct str a, struct str b);
void secret_wipe(void *ptr, size_t len);
struct str hex_encode(struct arena *arena, struct str data);
struct str base64_encode(struct arena *arena, struct str data);    // standard, padded
struct str base64url_encode(struct arena *arena, struct str data); // no padding
bool base64_decode(struct arena *arena, struct str text, struct str *ret_data) MUST_CHECK;
bool base64url_decode(struct arena *arena, struct str text, struct str *ret_data) MUST_CHECK;
// Argon2id with the "interactive" limits (64 MiB, about 60 ms); the result is an encoded string.
bool password_hash(struct arena *arena, struct str password, struct str *ret_hash) MUST_CHECK;
// Takes as long for an empty hash (unknown account) as for a real one.
bool password_verify(struct str hash, struct str password);

// The instance key: DATA/key (32 bytes, base64, mode 0600).
bool crypto_key_load(const char *path, struct key **ret_key, struct err *err) MUST_CHECK;
bool crypto_key_make(const char *path, struct key **ret_key, struct err *err) MUST_CHECK;
void crypto_key_destroy(struct key *key);
// 16 hex digits that name the key without giving it away; stored beside sealed rows.
struct str crypto_key_id(const struct key *key);
// Signs what the server itself will be shown again (addresses of files): HMAC-SHA256 with a key derived for
// that purpose alone.
void key_sign(const struct key *key, const char *purpose, struct str data, u8 out[32]);
// XChaCha20-Poly1305; `place` ("channel:7:secret") is authenticated, so a sealed value moved to
// another row does not open. Layout: 1 version byte, 8 key id, 24 nonce, ciphertext.
struct str crypto_seal(const struct key *key, struct arena *arena, struct str place, struct str secret);
bool crypto_open(const struct key *key, struct arena *arena, struct str place, struct str sealed,
                 struct str *ret_secret, struct err *err) MUST_CHECK;
