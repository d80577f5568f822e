// SPDX-License-Identifier: AGPL-3.0-or-later
// The second step of signing in: one-time passwords from an app, passkeys (passkey.h), recovery codes for
// when they are lost. A code is good once; whatever changes here ends all other sessions.
#pragma once
#include "base/crypto.h"
#include "desk/actor.h"

enum { RECOVERY_CODES = 10, SIGN_IN_TRIES = 5, SIGN_IN_STEP_MS = 5 * 60 * 1000 };

struct factor_state { // of oneself
    bool totp;
    i64 passkeys, recovery_codes_left, created_at, last_used_at;
};
extern const struct type factor_state_type;
bool factor_state(struct conn *conn, const struct actor *actor, struct factor_state *out,
                  struct err *err) MUST_CHECK;

// A fresh key; good from factor_confirm on. ERR_CONFLICT when there is one already.
bool factor_begin(struct tx *tx, const struct actor *actor, const struct key *key, struct str *ret_base32,
                  struct err *err) MUST_CHECK;
// The first code was right: from now on it is asked for. Answers with the recovery codes.
bool factor_confirm(struct tx *tx, const struct actor *actor, const struct key *key, struct str code,
                    struct str_list *ret_codes, struct err *err) MUST_CHECK;
// Of oneself, with a code: other recovery codes; no second step any more.
bool factor_renew_codes(struct tx *tx, const struct actor *actor, const struct key *key, struct str code,
                        struct str_list *ret_codes, struct err *err) MUST_CHECK;
bool factor_remove(struct tx *tx, const struct actor *actor, const struct key *key, struct str code,
                   struct err *err) MUST_CHECK;
// One of whatever kind was added: from now on signing in has a second step. The first one answers with
// recovery codes and ends all other sessions.
bool factor_gained(struct tx *tx, const struct actor *actor, struct str_list *ret_codes,
                   struct err *err) MUST_CHECK;
// One was taken away; the last one takes the recovery codes along.
bool factor_lost(struct tx *tx, i64 workspace_id, i64 agent_id, struct err *err) MUST_CHECK;
// Somebody else's, all of them, by an administrator (of owners: by an owner), on record. Ends their sessions.
bool factor_reset(struct tx *tx, const struct actor *actor, i64 agent_id, struct err *err) MUST_CHECK;

// ---- Signing in ----
bool factor_asked(struct conn *conn, i64 workspace_id, i64 agent_id, bool *ret_asked,
                  struct err *err) MUST_CHECK;
// What the second step of somebody may be: totp, passkey, recovery_code.
bool factor_kinds(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena,
                  struct str_list *out, struct err *err) MUST_CHECK;
bool sign_in_step_create(struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret,
                         struct err *err) MUST_CHECK;
// Takes one try away (in a write of its own: a wrong code must not give it back).
bool sign_in_step_try(struct tx *tx, struct str secret, i64 *ret_workspace, i64 *ret_agent,
                      struct err *err) MUST_CHECK;
// Whose step it is; takes nothing away.
bool sign_in_step_get(struct conn *conn, struct str secret, i64 now, i64 *ret_workspace, i64 *ret_agent,
                      struct err *err) MUST_CHECK;
// A code of the app, or a recovery code. ERR_INVALID, field "code", when it is not right.
bool factor_use(struct tx *tx, const struct key *key, i64 workspace_id, i64 agent_id, struct str code,
                struct err *err) MUST_CHECK;
bool sign_in_step_end(struct tx *tx, struct str secret, struct err *err) MUST_CHECK;
