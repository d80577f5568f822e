// SPDX-License-Identifier: AGPL-3.0-or-later
// Signed identities from anybody: nothing that was not signed is taken, and what is signed keeps the
// promises. With an odd first byte the input is signed as it is, so that what lies behind the signature is
// reached too.
#include "base/arena.h"
#include "base/crypto.h"
#include "channels/signed_identity.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static bool ready;
    struct identity_check check = {.secrets = {S("heedchat_0123456789abcdef0123456789abcdef")},
                                   .n_secrets = 1,
                                   .audience = S("0123456789abcdef"),
                                   .now = INT64_C(1795500000000)};
    struct signed_identity identity = {};
    struct err err = {};
    u8 mac[32];
    if (!ready)
        crypto_init();
    ready = true;
    if (size == 0)
        return 0;
    struct arena *arena = arena_take();
    bool sign = data[0] & 1;
    struct str token = {(const char *)data + 1, size - 1};
    if (sign) { // head NUL claims
        struct str claims, head = str_cut(token, '\0', &claims);
        struct str text = str_printf(arena, STR_FMT "." STR_FMT, STR_ARG(base64url_encode(arena, head)),
                                     STR_ARG(base64url_encode(arena, str_given(claims) ? claims : S(""))));
        hmac_sha256(check.secrets[0], text, mac);
        token = str_printf(arena, STR_FMT "." STR_FMT, STR_ARG(text),
                           STR_ARG(base64url_encode(arena, (struct str){(const char *)mac, 32})));
    }
    bool taken = identity_verify(&check, token, arena, &identity, &err);
    if (taken && !sign)
        abort(); // nobody signs 32 bytes by chance
    if (taken && (identity.subject.len == 0 || identity.id.len < 8 || identity.expires_at <= check.now))
        abort();
    if (!taken && err.code != ERR_UNAUTHENTICATED)
        abort();
    arena_give(arena);
    return 0;
}
