// SPDX-License-Identifier: AGPL-3.0-or-later
// Random, hashes, encodings and passwords, over libsodium.
#include "base/crypto.h"
#include "base/arena.h"
#include "base/log.h"
#include <semaphore.h>
#include <sodium.h>

static sem_t password_slots;

// Answers known from RFC 6234, RFC 4231 (case 2) and draft-irtf-cfrg-xchacha (A.3.1).
static bool hashes_are_right(void)
{
    static const u8 want_hash[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                   0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                   0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    static const u8 want_mac[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                  0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                  0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    u8 got[32];
    sha256(S("abc"), got);
    if (memcmp(got, want_hash, 32) != 0) {
        return false;
    }
    hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), got);
    return memcmp(got, want_mac, 32) == 0;
}

static bool sealing_is_right(void)
{
    static const u8 aad[] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    static const u8 want_tag[] = {0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79,
                                  0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49};
    struct str text = S("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
                        "the future, sunscreen would be it.");
    u8 key[32], nonce[24], out[160];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (u8)(0x80 + i);
    }
    for (size_t i = 0; i < sizeof nonce; i++) {
        nonce[i] = (u8)(0x40 + i);
    }
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, (const u8 *)text.ptr, text.len, aad, sizeof aad,
                                               NULL, nonce, key);
    return memcmp(out + text.len, want_tag, sizeof want_tag) == 0;
}

void crypto_init(void)
{
    if (sodium_init() < 0) {
        die("libsodium cannot start");
    }
    if (!hashes_are_right() || !sealing_is_right()) {
        die("the cryptographic self-test failed");
    }
    static bool once;
    if (!once) {
        // Argon2 takes 64 MiB each time: two at once are enough, others wait.
        sem_init(&password_slots, 0, 2);
        once = true;
    }
}

void random_bytes(void *out, size_t len)
{
    randombytes_buf(out, len);
}

u64 random_u64(void)
{
    u64 value;
    randombytes_buf(&value, sizeof value);
    return value;
}

struct str random_token(struct arena *arena, const char *prefix)
{
    u8 secret[32];
    randombytes_buf(secret, sizeof secret);
    struct str text = base64url_encode(arena, (struct str){(const char *)secret, sizeof secret});
    sodium_memzero(secret, sizeof secret);
    return str_concat(arena, str_from(prefix), text);
}

void sha256(struct str data, u8 out[32])
{
    crypto_hash_sha256(out, (const u8 *)data.ptr, data.len);
}

struct str sha256_hex(struct arena *arena, struct str data)
{
    u8 hash[32];
    sha256(data, hash);
    return hex_encode(arena, (struct str){(const char *)hash, sizeof hash});
}

void hmac_sha256(struct str key, struct str data, u8 out[32])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const u8 *)key.ptr, key.len);
    crypto_auth_hmacsha256_update(&state, (const u8 *)data.ptr, data.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

bool secret_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void secret_wipe(void *ptr, size_t len)
{
    sodium_memzero(ptr, len);
}

struct str hex_encode(struct arena *arena, struct str data)
{
    char *out = arena_alloc_array(arena, data.len + 1, 2);
    sodium_bin2hex(out, data.len * 2 + 1, (const u8 *)data.ptr, data.len);
    return (struct str){out, data.len * 2};
}

static struct str encode(struct arena *arena, struct str data, int variant)
{
    size_t size = sodium_base64_encoded_len(data.len, variant);
    char *out = arena_alloc(arena, size);
    sodium_bin2base64(out, size, (const u8 *)data.ptr, data.len, variant);
    return (struct str){out, strlen(out)};
}

static bool decode(struct arena *arena, struct str text, int variant, struct str *ret_data)
{
    size_t len, room = text.len / 4 * 3 + 3;
    u8 *out = arena_alloc(arena, room);
    const char *end;
    if (text.len == 0) {
        *ret_data = S("");
        return true;
    }
    if (sodium_base642bin(out, room, text.ptr, text.len, NULL, &len, &end, variant) != 0 ||
        end != text.ptr + text.len) {
        return false;
    }
    *ret_data = (struct str){(const char *)out, len};
    return true;
}

struct str base64_encode(struct arena *arena, struct str data)
{
    return encode(arena, data, sodium_base64_VARIANT_ORIGINAL);
}

struct str base64url_encode(struct arena *arena, struct str data)
{
    return encode(arena, data, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool base64_decode(struct arena *arena, struct str text, struct str *ret_data)
{
    return decode(arena, text, sodium_base64_VARIANT_ORIGINAL, ret_data);
}

bool base64url_decode(struct arena *arena, struct str text, struct str *ret_data)
{
    return decode(arena, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret_data);
}

bool password_hash(struct arena *arena, struct str password, struct str *ret_hash)
{
    char *out = arena_alloc(arena, crypto_pwhash_STRBYTES);
    sem_wait(&password_slots);
    int failed = crypto_pwhash_str_alg(out, password.ptr ? password.ptr : "", password.len,
                                       crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                                       crypto_pwhash_ALG_ARGON2ID13);
    sem_post(&password_slots);
    if (failed) {
        return false;
    }
    *ret_hash = str_from(out);
    return true;
}

// The hash of a password nobody has, with the same limits.
static const char nobody[] =
    "$argon2id$v=19$m=65536,t=2,p=1$Fkd5jO79lsjEGy5HdmJ/Hw$rMH4nWAmkh8N74TpEoB5Z/OSHhhx1NqLTrlw+MLGKy0";

bool password_verify(struct str hash, struct str password)
{
    char text[crypto_pwhash_STRBYTES];
    bool usable = hash.len > 0 && hash.len < sizeof text && !memchr(hash.ptr, 0, hash.len);
    memcpy(text, usable ? hash.ptr : nobody, usable ? hash.len : sizeof nobody);
    text[usable ? hash.len : sizeof nobody - 1] = 0;
    sem_wait(&password_slots);
    bool same = crypto_pwhash_str_verify(text, password.ptr ? password.ptr : "", password.len) == 0;
    sem_post(&password_slots);
    return same && usable;
}
