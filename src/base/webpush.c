// SPDX-License-Identifier: AGPL-3.0-or-later
// See webpush.h. Only libcrypto's EVP interface; whatever fails there is a plain false here.
#include "base/webpush.h"
#include "base/crypto.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>

enum { RECORD = 4096, TAG = 16, HEAD = WEBPUSH_SALT + 4 + 1 + WEBPUSH_POINT, HALF = 32, DER_MAX = 80 };

// ---- Keys -----------------------------------------------------------------------------------------------

static EVP_PKEY *from_params(OSSL_PARAM_BLD *build, int selection)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    bool ok = params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
              EVP_PKEY_fromdata(ctx, &key, selection, params) == 1;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return ok ? key : NULL;
}

// NULL when it is no point of the curve.
static EVP_PKEY *public_key(struct str point)
{
    if (point.len != WEBPUSH_POINT || (u8)point.ptr[0] != 4) {
        return NULL;
    }
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len) == 1) {
        key = from_params(build, EVP_PKEY_PUBLIC_KEY);
    }
    OSSL_PARAM_BLD_free(build);
    return key;
}

static EVP_PKEY *private_key(const struct webpush_pair *pair)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *secret = BN_secure_new();
    EVP_PKEY *key = NULL;
    if (build && secret && BN_bin2bn(pair->secret, WEBPUSH_SECRET, secret) &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, pair->point, WEBPUSH_POINT) == 1) {
        key = from_params(build, EVP_PKEY_KEYPAIR);
    }
    BN_clear_free(secret);
    OSSL_PARAM_BLD_free(build);
    return key;
}

bool webpush_pair_make(struct webpush_pair *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIGNUM *secret = NULL;
    size_t len = 0;
    bool ok =
        key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1 &&
        BN_bn2binpad(secret, out->secret, WEBPUSH_SECRET) == WEBPUSH_SECRET &&
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out->point, WEBPUSH_POINT, &len) == 1 &&
        len == WEBPUSH_POINT && out->point[0] == 4;
    BN_clear_free(secret);
    EVP_PKEY_free(key);
    return ok;
}

bool webpush_pair_of(struct str secret, struct webpush_pair *out)
{
    if (secret.len != WEBPUSH_SECRET) {
        return false;
    }
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = group ? EC_POINT_new(group) : NULL;
    BIGNUM *number = BN_secure_new();
    bool ok = point && number && BN_bin2bn((const u8 *)secret.ptr, WEBPUSH_SECRET, number) &&
              !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(group)) < 0 &&
              EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1 &&
              EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out->point, WEBPUSH_POINT,
                                 NULL) == WEBPUSH_POINT;
    memcpy(out->secret, secret.ptr, WEBPUSH_SECRET);
    BN_clear_free(number);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return ok;
}

bool webpush_point_ok(struct str point)
{
    EVP_PKEY *key = public_key(point);
    EVP_PKEY_free(key);
    return key != NULL;
}

// ---- RFC 8291 -------------------------------------------------------------------------------------------

static bool agree(const struct webpush_pair *own, struct str point, u8 out[HALF])
{
    EVP_PKEY *mine = private_key(own), *theirs = public_key(point);
    EVP_PKEY_CTX *ctx = mine && theirs ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
    size_t len = HALF;
    bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
              EVP_PKEY_derive(ctx, out, &len) == 1 && len == HALF;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(theirs);
    return ok;
}

// HKDF of at most 32 bytes: extract and one round of expand are two HMACs.
static void hkdf(struct str salt, struct str key, struct str info, u8 *out, size_t len)
{
    u8 extracted[32], expanded[32], text[256];
    hmac_sha256(salt, key, extracted);
    memcpy(text, info.ptr, info.len);
    text[info.len] = 1;
    hmac_sha256((struct str){(const char *)extracted, 32}, (struct str){(const char *)text, info.len + 1},
                expanded);
    memcpy(out, expanded, len);
    secret_wipe(extracted, sizeof(extracted));
    secret_wipe(expanded, sizeof(expanded));
}

static bool seal_record(const u8 key[16], const u8 nonce[12], struct str text, u8 *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const u8 last = 2; // the only record, without padding
    int n = 0, more = 0, end = 0;
    bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
              EVP_EncryptUpdate(ctx, out, &n, (const u8 *)text.ptr, (int)text.len) == 1 &&
              EVP_EncryptUpdate(ctx, out + n, &more, &last, 1) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + n + more, &end) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, out + n + more + end) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool webpush_encrypt_with(const struct webpush_pair *own, const u8 salt[WEBPUSH_SALT], struct str point,
                          struct str auth, struct str text, struct arena *arena, struct str *ret_body)
{
    u8 shared[HALF], secret[HALF], key[16], nonce[12];
    struct str salt_text = {(const char *)salt, WEBPUSH_SALT};
    if (auth.len != WEBPUSH_AUTH || text.len > WEBPUSH_TEXT_MAX || !agree(own, point, shared)) {
        return false;
    }
    u8 info[14 + 2 * WEBPUSH_POINT] = "WebPush: info";
    memcpy(info + 14, point.ptr, WEBPUSH_POINT);
    memcpy(info + 14 + WEBPUSH_POINT, own->point, WEBPUSH_POINT);
    hkdf(auth, (struct str){(const char *)shared, HALF}, (struct str){(const char *)info, sizeof(info)},
         secret, HALF);
    struct str keying = {(const char *)secret, HALF};
    hkdf(salt_text, keying, (struct str){"Content-Encoding: aes128gcm", 28}, key, sizeof(key));
    hkdf(salt_text, keying, (struct str){"Content-Encoding: nonce", 24}, nonce, sizeof(nonce));
    size_t len = HEAD + text.len + 1 + TAG;
    u8 *body = arena_alloc(arena, len);
    memcpy(body, salt, WEBPUSH_SALT);
    body[WEBPUSH_SALT + 2] = RECORD >> 8;
    body[WEBPUSH_SALT + 4] = WEBPUSH_POINT;
    memcpy(body + WEBPUSH_SALT + 5, own->point, WEBPUSH_POINT);
    bool ok = seal_record(key, nonce, text, body + HEAD);
    secret_wipe(shared, sizeof(shared));
    secret_wipe(secret, sizeof(secret));
    secret_wipe(key, sizeof(key));
    *ret_body = (struct str){(const char *)body, len};
    return ok;
}

bool webpush_encrypt(struct str point, struct str auth, struct str text, struct arena *arena,
                     struct str *ret_body)
{
    struct webpush_pair own;
    u8 salt[WEBPUSH_SALT];
    random_bytes(salt, sizeof(salt));
    bool ok = webpush_pair_make(&own) && webpush_encrypt_with(&own, salt, point, auth, text, arena, ret_body);
    secret_wipe(&own, sizeof(own));
    return ok;
}

// ---- RFC 8292 -------------------------------------------------------------------------------------------

// One INTEGER of a DER signature as 32 bytes.
static bool take_integer(const u8 **at, const u8 *end, u8 out[HALF])
{
    if (end - *at < 2 || (*at)[0] != 2 || (*at)[1] > HALF + 1 || end - *at < 2 + (*at)[1]) {
        return false;
    }
    size_t len = (*at)[1];
    const u8 *from = *at + 2;
    *at += 2 + len;
    if (len == HALF + 1) { // a zero in front keeps it positive
        from++;
        len--;
    }
    memset(out, 0, HALF - len);
    memcpy(out + HALF - len, from, len);
    return true;
}

static bool sign(const struct webpush_pair *own, struct str text, u8 out[2 * HALF])
{
    EVP_PKEY *key = private_key(own);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    u8 der[DER_MAX];
    size_t len = sizeof(der);
    bool ok = key && ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, der, &len, (const u8 *)text.ptr, text.len) == 1 && len > 2 &&
              der[0] == 0x30;
    const u8 *at = der + 2;
    ok = ok && take_integer(&at, der + len, out) && take_integer(&at, der + len, out + HALF);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

bool webpush_authorization(const struct webpush_pair *own, struct str audience, struct str subject,
                           i64 expires_s, struct arena *arena, struct str *ret_value)
{
    struct str head = base64url_encode(arena, S("{\"typ\":\"JWT\",\"alg\":\"ES256\"}"));
    struct str claims = str_printf(arena, "{\"aud\":\"%.*s\",\"exp\":%lld,\"sub\":\"%.*s\"}",
                                   STR_ARG(audience), (long long)expires_s, STR_ARG(subject));
    claims = base64url_encode(arena, claims);
    struct str text = str_printf(arena, "%.*s.%.*s", STR_ARG(head), STR_ARG(claims));
    u8 signature[2 * HALF];
    if (!sign(own, text, signature)) {
        return false;
    }
    struct str tail = base64url_encode(arena, (struct str){(const char *)signature, sizeof(signature)});
    struct str key = base64url_encode(arena, (struct str){(const char *)own->point, WEBPUSH_POINT});
    *ret_value = str_printf(arena, "vapid t=%.*s.%.*s, k=%.*s", STR_ARG(text), STR_ARG(tail), STR_ARG(key));
    return true;
}
