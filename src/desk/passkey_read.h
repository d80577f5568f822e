// SPDX-License-Identifier: AGPL-3.0-or-later
// What adding a passkey and signing in with one have in common: the browser's own account of what it did
// (clientDataJSON), and challenges.
#pragma once
#include "desk/passkey.h"

extern const struct type passkey_row_type;

struct passkey_challenge {
    bool found;
    i64 workspace_id, agent_id, session_id;
    struct str step_hash;
};
// Uses it up. Not found is no error here.
bool passkey_challenge_take(struct tx *tx, struct str purpose, struct str challenge,
                            struct passkey_challenge *out, struct err *err) MUST_CHECK;
// base64url of a member of a body.
bool passkey_bytes(struct arena *arena, const char *field, struct str text, struct str *ret_bytes,
                   struct err *err) MUST_CHECK;
// Type and origin are right, and it was this very page; answers with the challenge.
bool passkey_client_data(struct arena *arena, const struct passkey_site *site, const char *type,
                         struct str bytes, struct str *ret_challenge, struct err *err) MUST_CHECK;
// For our name, and somebody was there; `verified`: it was checked who.
bool passkey_check_data(const struct passkey_site *site, const char *field,
                        const struct authenticator_data *data, bool verified, struct err *err) MUST_CHECK;
// What devices call a person: stable, and nothing about them. base64url.
struct str passkey_user(const struct key *key, struct arena *arena, i64 workspace_id, i64 agent_id);
