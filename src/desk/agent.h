// SPDX-License-Identifier: AGPL-3.0-or-later
// Colleagues: who they are, their role and what they may see. Whoever is disabled loses sessions, tokens
// and codes in the same write. The last owner cannot be removed.
#pragma once
#include "desk/actor.h"

struct agent {
    i64 id;
    struct str name, email, role;
    bool all_channels, all_teams, disabled, online;
    struct id_list channel_ids, team_ids;
    i64 created_at, disabled_at;
    // Of oneself only:
    struct str language, settings, signature, password_hash;
    struct str sign_in_url; // given once, when a code was made
};
struct agent_list {
    struct agent *items;
    size_t len, cap;
};
extern const struct type agent_type;

struct agent_draft {
    struct str name, email, role, password;
    bool all_channels, all_teams;
    struct id_list channel_ids, team_ids;
};
extern const struct type agent_draft_type;

struct agent_patch {
    struct str name, role;
    bool disabled, all_channels, all_teams;
    struct id_list channel_ids, team_ids;
};
extern const struct type agent_patch_type;

struct me_patch {
    struct str name, language, settings, signature, password, current_password;
};
extern const struct type me_patch_type;

// Rules for a password: 10 to 1,024 bytes, not one of the usual ones, not one's own address.
bool agent_check_password(struct str password, struct str email, struct err *err) MUST_CHECK;
// Spelling of an e-mail address: something@something, no spaces, at most 254 bytes.
bool agent_check_email(struct str email, struct err *err) MUST_CHECK;

bool agent_list(struct conn *conn, i64 workspace_id, struct arena *arena, struct agent_list *out,
                struct err *err) MUST_CHECK;
bool agent_get(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct agent *out,
               struct err *err) MUST_CHECK;
struct agent_login {
    i64 id, workspace_id;
    struct str password_hash;
};
// ERR_NOT_FOUND when nobody (enabled) has the address.
bool agent_by_email(struct conn *conn, struct str email, struct arena *arena, struct agent_login *out,
                    struct err *err) MUST_CHECK;
// password_hash: STR_NONE signs in by one-time codes only. Only owners make owners.
bool agent_create(struct tx *tx, const struct actor *actor, const struct agent_draft *draft, field_set given,
                  struct str password_hash, i64 *ret_id, struct err *err) MUST_CHECK;
bool agent_update(struct tx *tx, const struct actor *actor, i64 id, const struct agent_patch *patch,
                  field_set given, struct err *err) MUST_CHECK;
// Oneself. A new password ends all other sessions.
bool agent_update_me(struct tx *tx, const struct actor *actor, const struct me_patch *patch, field_set given,
                     struct str password_hash, struct err *err) MUST_CHECK;
// After signing in by a one-time code: whoever forgot the password may now set a new one without it.
bool agent_forget_password(struct tx *tx, i64 workspace_id, i64 id, struct err *err) MUST_CHECK;
// True in *ret while the instance has no owner: only then set-up is open.
bool agent_none_owns(struct conn *conn, bool *ret_none, struct err *err) MUST_CHECK;
