// SPDX-License-Identifier: AGPL-3.0-or-later
// See cose.h. A key is checked by building it: a point that is not on its curve is refused when it comes in.
#include "base/cose.h"
#include "base/authenticator.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

enum {
    LABEL_KIND = 1,
    LABEL_ALGORITHM = 3,
    KIND_OKP = 1,
    KIND_EC2 = 2,
    KIND_RSA = 3,
    CURVE_P256 = 1,
    CURVE_ED25519 = 6,
    COORDINATE = 32,
    RSA_LEAST = 256, // bytes: 2048 bits
    RSA_MOST = 512,
    EXPONENT_MOST = 4,
};

static EVP_PKEY *from_params(const char *name, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
    EVP_PKEY *key = NULL;
    bool ok = params && ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
              EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return ok ? key : NULL;
}

static EVP_PKEY *build_p256(const struct cose_key *key)
{
    u8 point[1 + 2 * COORDINATE] = {4};
    memcpy(point + 1, key->x.ptr, COORDINATE);
    memcpy(point + 1 + COORDINATE, key->y.ptr, COORDINATE);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *made = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) == 1)
        made = from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return made;
}

static EVP_PKEY *build_rsa(const struct cose_key *key)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn((const u8 *)key->n.ptr, (int)key->n.len, NULL);
    BIGNUM *e = BN_bin2bn((const u8 *)key->e.ptr, (int)key->e.len, NULL);
    EVP_PKEY *made = NULL;
    if (build && n && e && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        made = from_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return made;
}

// NULL when it is no key.
static EVP_PKEY *build_key(const struct cose_key *key)
{
    if (key->algorithm == COSE_ES256)
        return build_p256(key);
    if (key->algorithm == COSE_RS256)
        return build_rsa(key);
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const u8 *)key->x.ptr, key->x.len);
}

static i64 number(const struct cbor *map, i64 label)
{
    const struct cbor *value = cbor_numbered(map, label);
    return value && value->kind == CBOR_NUMBER ? value->number : 0;
}

static bool is_p256(const struct cbor *map, const struct cose_key *key)
{
    return map->len == 5 && number(map, LABEL_KIND) == KIND_EC2 && number(map, -1) == CURVE_P256 &&
           key->x.len == COORDINATE && key->y.len == COORDINATE;
}

static bool is_ed25519(const struct cbor *map, const struct cose_key *key)
{
    return map->len == 4 && number(map, LABEL_KIND) == KIND_OKP && number(map, -1) == CURVE_ED25519 &&
           key->x.len == COORDINATE;
}

static bool is_rsa(const struct cbor *map, const struct cose_key *key)
{
    return map->len == 4 && number(map, LABEL_KIND) == KIND_RSA && key->n.len >= RSA_LEAST &&
           key->n.len <= RSA_MOST && key->n.ptr[0] != 0 && key->e.len >= 1 && key->e.len <= EXPONENT_MOST;
}

bool cose_key_of(const struct cbor *map, struct cose_key *out, struct err *err)
{
    bool fits = false;
    struct cose_key key = {.algorithm = number(map, LABEL_ALGORITHM)};
    if (key.algorithm == COSE_RS256) {
        key.n = cbor_bytes(cbor_numbered(map, -1));
        key.e = cbor_bytes(cbor_numbered(map, -2));
        fits = is_rsa(map, &key);
    } else if (key.algorithm == COSE_ES256 || key.algorithm == COSE_EDDSA) {
        key.x = cbor_bytes(cbor_numbered(map, -2));
        key.y = cbor_bytes(cbor_numbered(map, -3));
        fits = key.algorithm == COSE_ES256 ? is_p256(map, &key) : is_ed25519(map, &key);
    }
    EVP_PKEY *made = fits ? build_key(&key) : NULL;
    EVP_PKEY_free(made);
    if (!made)
        return err_set(err, ERR_INVALID, "The passkey's key is none that Heed knows (ES256, EdDSA, RS256).");
    *out = key;
    return true;
}

bool cose_key_verify(const struct cose_key *key, struct str data, struct str signature)
{
    EVP_PKEY *made = build_key(key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *digest = key->algorithm == COSE_EDDSA ? NULL : EVP_sha256();
    bool ok =
        made && ctx && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, made) == 1 &&
        EVP_DigestVerify(ctx, (const u8 *)signature.ptr, signature.len, (const u8 *)data.ptr, data.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(made);
    return ok;
}
