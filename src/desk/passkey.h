// SPDX-License-Identifier: AGPL-3.0-or-later
// Passkeys (Web Authentication Level 2): a device's key instead of a password, or besides it. What was asked
// to be signed is good once and for five minutes, stored hashed; only public keys are kept.
#pragma once
#include "base/authenticator.h"
#include "base/crypto.h"
#include "desk/actor.h"

enum {
    PASSKEY_CHALLENGE_MS = 5 * 60 * 1000,
    PASSKEYS_MOST = 20,
    PASSKEY_FRESH_MS = 10 * 60 * 1000, // without a password: so long signing in counts as proof
};

struct passkey {
    i64 id, workspace_id, agent_id, counter, created_at, last_used_at, refused_at;
    struct str name, credential_id, public_key;
};
struct passkey_list {
    struct passkey *items;
    size_t len, cap;
};
extern const struct type passkey_type;

// For which page passkeys are: the name they are bound to, and where they may be used.
struct passkey_site {
    struct str rp_id;  // "desk.example"
    struct str origin; // "https://desk.example", as browsers write it
};
// ERR_CONFLICT when the public address is a number: no browser binds a passkey to one.
bool passkey_site_of(struct arena *arena, struct str public_url, struct passkey_site *out,
                     struct err *err) MUST_CHECK;

bool passkey_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct passkey_list *out,
                  struct err *err) MUST_CHECK;

// ---- Adding one ----
struct passkey_ask { // what the browser needs to let a device make a key
    struct str challenge, rp_id, user_id, user_name, user_display_name;
    struct id_list algorithms;
    struct str_list exclude; // devices that have one already
    i64 timeout_ms;
};
extern const struct type passkey_ask_type;
struct passkey_draft {
    struct str name, client_data, attestation_object; // the last two base64url
};
extern const struct type passkey_draft_type;
// What a browser handed in, read and checked against the challenge; still to be written.
struct passkey_new {
    struct str name;
    struct authenticator_data data;
};
// Without a password the session must be fresh: one that was left open must not let in another device.
bool passkey_fresh(struct conn *conn, const struct actor *actor, i64 now, struct err *err) MUST_CHECK;
bool passkey_begin(struct tx *tx, const struct actor *actor, const struct key *key,
                   const struct passkey_site *site, struct passkey_ask *out, struct err *err) MUST_CHECK;
// Uses up the challenge; in a write of its own, before anything else is looked at.
bool passkey_take_add(struct tx *tx, const struct actor *actor, struct str challenge,
                      struct err *err) MUST_CHECK;
bool passkey_read_new(struct arena *arena, const struct passkey_site *site, const struct passkey_draft *draft,
                      struct str *ret_challenge, struct passkey_new *out, struct err *err) MUST_CHECK;
// The first factor of a person answers with recovery codes, and ends all their other sessions.
bool passkey_add(struct tx *tx, const struct actor *actor, const struct passkey_new *made,
                 struct passkey *out, struct str_list *ret_codes, struct err *err) MUST_CHECK;
bool passkey_rename(struct tx *tx, const struct actor *actor, i64 id, struct str name, struct passkey *out,
                    struct err *err) MUST_CHECK;
bool passkey_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct passkey *out, struct err *err) MUST_CHECK;
bool passkey_remove(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;

// ---- Signing in ----
struct passkey_request { // what the browser needs to let a device sign
    struct str challenge, rp_id, user_verification;
    struct str_list allow; // empty: the device knows
    i64 timeout_ms;
};
extern const struct type passkey_request_type;
struct passkey_proof { // all base64url but the token
    struct str id, client_data, authenticator_data, signature, user_handle, token;
};
extern const struct type passkey_proof_type;
// token: of the second step of a sign-in (STR_NONE: a sign-in by passkey alone, whoever it is).
bool passkey_request(struct tx *tx, const struct passkey_site *site, struct str token,
                     struct passkey_request *out, struct err *err) MUST_CHECK;
// Read, but not believed yet.
struct passkey_claim {
    struct str challenge, credential_id, signature, signed_bytes, user_handle, token;
    struct authenticator_data data;
    i64 agent_id; // second step: whose passkey it must be
    struct passkey passkey;
};
bool passkey_read(struct arena *arena, const struct passkey_site *site, const struct passkey_proof *proof,
                  struct passkey_claim *out, struct err *err) MUST_CHECK;
// Uses up the challenge, and with a token a try of the sign-in; in a write of its own.
bool passkey_take(struct tx *tx, struct passkey_claim *claim, struct err *err) MUST_CHECK;
// Is it the signature of a passkey of that person, for this page? ERR_CONFLICT, reason "counter", when the
// counter went backwards: then passkey_refuse.
bool passkey_verify(struct conn *conn, const struct key *key, struct arena *arena,
                    struct passkey_claim *claim, struct err *err) MUST_CHECK;
bool passkey_refuse(struct tx *tx, const struct passkey *passkey, struct err *err) MUST_CHECK;
// In the write that lets in.
bool passkey_use(struct tx *tx, const struct passkey_claim *claim, struct err *err) MUST_CHECK;
bool passkey_clean(struct tx *tx, struct err *err) MUST_CHECK;
