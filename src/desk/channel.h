// SPDX-License-Identifier: AGPL-3.0-or-later
// Channels as the desk keeps them: settings, sealed secrets, state. Network facts come from channels/.
#pragma once
#include "channels/channel.h"
#include "desk/actor.h"
#include "base/crypto.h"

struct channel_row {
    i64 id, workspace_id;
    struct str kind, name, state, state_reason, external_account_id, handle;
    struct str settings;            // JSON
    struct str secret, session;     // sealed; never encoded to JSON
    i64 state_since, last_event_at, created_at;
};
struct channel_row_list { struct channel_row *items; size_t len, cap; };
extern const struct type channel_type; // without secrets
struct channel_draft { struct str kind, name, settings; /* settings: JSON object */ };
extern const struct type channel_draft_type;
struct channel_patch { struct str name; bool enabled; struct str settings; };
extern const struct type channel_patch_type;

// ret_secret: shown once (custom: whsec_…), STR_NONE when the network's own credentials were given.
bool channel_create(struct tx *tx, const struct actor *actor, const struct key *key, const struct channel_draft *draft,
                    struct channel_row *out, struct str *ret_secret, struct err *err) MUST_CHECK;
bool channel_update(struct tx *tx, const struct actor *actor, const struct key *key, i64 id, const struct channel_patch *patch,
                    field_set given, struct channel_row *out, struct err *err) MUST_CHECK;
bool channel_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct channel_row *out, struct err *err) MUST_CHECK;
bool channel_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct channel_row_list *out, struct err *err) MUST_CHECK;
// By id alone, for hooks; ERR_NOT_FOUND for unknown or disabled ones.
bool channel_for_hook(struct conn *conn, i64 id, struct arena *arena, struct channel_row *out, struct err *err) MUST_CHECK;
// Opens what is sealed, for one call of the driver.
bool channel_view_open(const struct channel_row *row, const struct key *key, i64 now, struct arena *arena,
                       struct channel_view *out, struct err *err) MUST_CHECK;
bool channel_set_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str reason, struct err *err) MUST_CHECK;
bool channel_keep_session(struct tx *tx, const struct key *key, i64 workspace_id, i64 id, struct str session_json, struct err *err) MUST_CHECK;
