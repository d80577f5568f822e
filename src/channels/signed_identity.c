// SPDX-License-Identifier: AGPL-3.0-or-later
// See signed_identity.h. The signature is looked at before anything inside is believed, and the head may say
// only what we would have done anyway.
#include "channels/signed_identity.h"
#include "base/crypto.h"
#include "json/json.h"

enum { MAC = 32, MAX_SUBJECT = 200, MAX_NAME = 200, MIN_JTI = 8, MAX_JTI = 200 };

static bool refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_UNAUTHENTICATED, "This identity is not accepted: %s.", why);
}

struct parts {
    struct str head, claims, signature, signed_text;
};

static bool split(struct str token, struct parts *out, struct err *err)
{
    struct str rest;
    if (token.len > IDENTITY_MAX)
        return refuse(err, "it is too long");
    out->head = str_cut(token, '.', &rest);
    if (!str_given(rest))
        return refuse(err, "it is not a signed token");
    out->claims = str_cut(rest, '.', &rest);
    out->signature = rest;
    if (!str_given(rest) || str_find(rest, S(".")) >= 0 || out->head.len == 0 || out->claims.len == 0)
        return refuse(err, "it is not a signed token of three parts");
    out->signed_text = str_sub(token, 0, out->head.len + 1 + out->claims.len);
    return true;
}

static bool check_signature(const struct identity_check *check, const struct parts *parts,
                            struct arena *arena, struct err *err)
{
    struct str given;
    bool good = false;
    if (!base64url_decode(arena, parts->signature, &given) || given.len != MAC)
        return refuse(err, "its signature has the wrong form");
    for (size_t i = 0; i < check->n_secrets; i++) {
        u8 mac[MAC];
        hmac_sha256(check->secrets[i], parts->signed_text, mac);
        good |= check->secrets[i].len >= MAC && secret_eq(given, (struct str){(const char *)mac, MAC});
    }
    return good || refuse(err, "its signature is wrong");
}

static const struct json *decode(struct str part, struct arena *arena)
{
    struct str text;
    struct err ignored;
    if (!base64url_decode(arena, part, &text) || !utf8_valid(text))
        return NULL;
    const struct json *value = json_parse(text, arena, &ignored);
    return json_kind(value) == JSON_OBJECT ? value : NULL;
}

// {"alg":"HS256"} and perhaps {"typ":"JWT"}: no keys, no other ways.
static bool check_head(const struct json *head, struct err *err)
{
    size_t pos = 0;
    struct str name;
    const struct json *value;
    while (json_member(head, &pos, &name, &value))
        if (!str_eq(name, S("alg")) && !str_eq(name, S("typ")))
            return refuse(err, "its head holds more than alg and typ");
    if (!str_eq(json_str(json_get(head, S("alg"))), S("HS256")))
        return refuse(err, "alg must be HS256");
    const struct json *typ = json_get(head, S("typ"));
    return json_is_null(typ) || str_eq(json_str(typ), S("JWT")) || refuse(err, "typ must be JWT");
}

static bool read_text(const struct json *claims, struct str name, size_t max, struct str *ret,
                      struct err *err)
{
    const struct json *value = json_get(claims, name);
    *ret = STR_NONE;
    if (json_is_null(value))
        return true;
    *ret = json_str(value);
    if (!str_given(*ret) || ret->len > max)
        return refuse(err, "a claim has the wrong form");
    return true;
}

// Seconds; the contract says whole ones.
static bool check_times(const struct json *claims, i64 now, i64 *ret_expires, struct err *err)
{
    const struct json *exp = json_get(claims, S("exp")), *nbf = json_get(claims, S("nbf"));
    if (json_kind(exp) != JSON_INT || json_i64(exp) <= 0 || json_i64(exp) > INT64_C(9000000000))
        return refuse(err, "exp is missing or no whole number of seconds");
    i64 at = json_i64(exp) * 1000;
    if (at <= now)
        return refuse(err, "it is over");
    if (at > now + IDENTITY_LIFE_MS + IDENTITY_SKEW_MS)
        return refuse(err, "exp is more than ten minutes away");
    if (!json_is_null(nbf) && (json_kind(nbf) != JSON_INT || json_i64(nbf) > (now + IDENTITY_SKEW_MS) / 1000))
        return refuse(err, "it is not valid yet");
    *ret_expires = at;
    return true;
}

bool identity_verify(const struct identity_check *check, struct str token, struct arena *arena,
                     struct signed_identity *out, struct err *err)
{
    struct parts parts = {};
    struct signed_identity identity = {};
    if (!split(token, &parts, err) || !check_signature(check, &parts, arena, err))
        return false;
    const struct json *head = decode(parts.head, arena), *claims = decode(parts.claims, arena);
    if (!head || !claims)
        return refuse(err, "it does not hold JSON objects");
    if (!check_head(head, err) || !check_times(claims, check->now, &identity.expires_at, err))
        return false;
    struct str audience = json_str(json_get(claims, S("aud")));
    if (audience.len == 0 || !str_eq(audience, check->audience))
        return refuse(err, "aud is not this channel's key");
    if (!read_text(claims, S("sub"), MAX_SUBJECT, &identity.subject, err) ||
        !read_text(claims, S("jti"), MAX_JTI, &identity.id, err) ||
        !read_text(claims, S("name"), MAX_NAME, &identity.name, err) ||
        !read_text(claims, S("email"), MAX_NAME, &identity.email, err))
        return false;
    if (str_trim(identity.subject).len == 0)
        return refuse(err, "sub is missing");
    if (identity.id.len < MIN_JTI)
        return refuse(err, "jti is missing or shorter than 8 characters");
    *out = identity;
    return true;
}

struct str identity_secret_make(struct arena *arena)
{
    return random_token(arena, "heedchat_");
}
