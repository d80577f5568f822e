// SPDX-License-Identifier: AGPL-3.0-or-later
// Standard Webhooks (standardwebhooks.com): how the custom channel and outgoing webhooks are signed.
// v1 = base64(HMAC-SHA256(key, id "." timestamp "." body)); a secret is "whsec_" + base64 of its key.
#pragma once
#include "channels/channel.h"

enum { WEBHOOK_TOLERANCE_S = 300, WEBHOOK_MAX_SIGNATURES = 16 };

struct webhook_secrets { // during a change of secrets both are good
    struct str items[2];
    size_t len;
};
// A new secret with a key of 32 random bytes.
struct str webhook_secret_make(struct arena *arena);
// True when the text is a secret with a key of 32 bytes.
bool webhook_secret_valid(struct arena *arena, struct str secret);

struct webhook_head { // the three headers, STR_NONE when absent
    struct str id, timestamp, signature;
};
// ERR_UNAUTHENTICATED unless one of the signatures is right under one of the secrets and the time is near.
bool webhook_verify(const struct webhook_secrets *secrets, const struct webhook_head *head, struct str body,
                    i64 now_ms, struct arena *arena, struct err *err) MUST_CHECK;
// Adds the three headers to a request; one signature per secret.
void webhook_sign(const struct webhook_secrets *secrets, struct str id, i64 now_ms, struct arena *arena,
                  struct net_request *request);
