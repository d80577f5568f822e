// SPDX-License-Identifier: AGPL-3.0-or-later
// Signing and checking as the Standard Webhooks specification 1.0 says. Checked over the raw bytes,
// before anything is parsed, in constant time.
#include "channels/standard_webhooks.h"
#include "base/buf.h"
#include "base/crypto.h"

enum { KEY_SIZE = 32, MAX_ID = 256 };

struct str webhook_secret_make(struct arena *arena)
{
    u8 key[KEY_SIZE];
    random_bytes(key, sizeof key);
    struct str text = base64_encode(arena, (struct str){(const char *)key, sizeof key});
    secret_wipe(key, sizeof key);
    return str_concat(arena, S("whsec_"), text);
}

static bool secret_key(struct arena *arena, struct str secret, struct str *ret_key)
{
    return str_starts(secret, S("whsec_")) && base64_decode(arena, str_sub(secret, 6, secret.len), ret_key) &&
           ret_key->len == KEY_SIZE;
}

bool webhook_secret_valid(struct arena *arena, struct str secret)
{
    struct str key;
    return secret_key(arena, secret, &key);
}

// id.timestamp.body under one key.
static void mac(struct str key, struct str id, struct str timestamp, struct str body, struct arena *arena,
                u8 out[32])
{
    struct buf content;
    buf_init(&content, arena, id.len + timestamp.len + body.len + 2);
    buf_add(&content, id);
    buf_add_char(&content, '.');
    buf_add(&content, timestamp);
    buf_add_char(&content, '.');
    buf_add(&content, body);
    hmac_sha256(key, buf_str(&content), out);
}

static bool time_is_near(struct str timestamp, i64 now_ms)
{
    i64 at;
    if (!str_to_i64(timestamp, &at) || at < 0 || at > INT64_C(1) << 40)
        return false;
    i64 apart = at - now_ms / 1000;
    return apart <= WEBHOOK_TOLERANCE_S && apart >= -WEBHOOK_TOLERANCE_S;
}

// True when one of the space-separated "v1,<base64>" is the expected one.
static bool one_matches(struct str signatures, struct str expected, struct arena *arena)
{
    bool found = false;
    struct str rest = signatures;
    for (int n = 0; n < WEBHOOK_MAX_SIGNATURES && str_given(rest) && rest.len; n++) {
        struct str one = str_cut(rest, ' ', &rest), given;
        if (!str_starts(one, S("v1,")) || !base64_decode(arena, str_sub(one, 3, one.len), &given))
            continue;
        found |= secret_eq(given, expected);
    }
    return found;
}

bool webhook_verify(const struct webhook_secrets *secrets, const struct webhook_head *head, struct str body,
                    i64 now_ms, struct arena *arena, struct err *err)
{
    if (head->id.len == 0 || head->id.len > MAX_ID || head->timestamp.len == 0 || head->signature.len == 0)
        return err_set(
            err, ERR_UNAUTHENTICATED,
            "The headers webhook-id, webhook-timestamp and webhook-signature are needed, once each.");
    if (!time_is_near(head->timestamp, now_ms))
        return err_set(err, ERR_UNAUTHENTICATED,
                       "webhook-timestamp is not within 300 seconds of now (seconds since 1970).");
    bool good = false;
    for (size_t i = 0; i < secrets->len; i++) {
        struct str key;
        u8 expected[32];
        if (!secret_key(arena, secrets->items[i], &key))
            continue;
        mac(key, head->id, head->timestamp, body, arena, expected);
        good |= one_matches(head->signature, (struct str){(const char *)expected, sizeof expected}, arena);
    }
    if (!good)
        return err_set(err, ERR_UNAUTHENTICATED, "No signature in webhook-signature fits these bytes.");
    return true;
}

static void add_header(struct net_request *request, struct arena *arena, struct str name, struct str value)
{
    struct net_header *header = list_push(&request->headers, arena);
    header->name = name;
    header->value = value;
}

void webhook_sign(const struct webhook_secrets *secrets, struct str id, i64 now_ms, struct arena *arena,
                  struct net_request *request)
{
    struct str timestamp = str_printf(arena, "%lld", (long long)(now_ms / 1000));
    struct str signature = S("");
    for (size_t i = 0; i < secrets->len; i++) {
        struct str key;
        u8 code[32];
        if (!secret_key(arena, secrets->items[i], &key))
            continue;
        mac(key, id, timestamp, request->body, arena, code);
        struct str text = base64_encode(arena, (struct str){(const char *)code, sizeof code});
        signature = str_printf(arena, STR_FMT "%sv1," STR_FMT, STR_ARG(signature), signature.len ? " " : "",
                               STR_ARG(text));
    }
    add_header(request, arena, S("webhook-id"), id);
    add_header(request, arena, S("webhook-timestamp"), timestamp);
    add_header(request, arena, S("webhook-signature"), signature);
}
