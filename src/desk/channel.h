// SPDX-License-Identifier: AGPL-3.0-or-later
// Channels as the desk keeps them: settings, sealed secrets, state. Network facts come from channels/.
#pragma once
#include "base/crypto.h"
#include "channels/channel.h"
#include "desk/actor.h"

struct channel_row {
    i64 id, workspace_id;
    struct str kind, name, state, state_reason, external_account_id, handle;
    struct str settings;        // JSON
    struct str secret, session; // sealed; never encoded to JSON
    i64 state_since, last_event_at, created_at;
    i64 brand_id, steer_to; // 0: none; see brand.h
};
struct channel_row_list {
    struct channel_row *items;
    size_t len, cap;
};
extern const struct type channel_type; // without secrets
struct channel_draft {
    struct str kind, name, settings; /* settings: JSON object */
};
extern const struct type channel_draft_type;
struct channel_patch {
    struct str name;
    bool enabled;
    struct str settings;
    i64 brand_id, steer_to;
};
extern const struct type channel_patch_type;

// ret_secret: shown once (custom: whsec_…), STR_NONE when the network's own credentials were given.
bool channel_create(struct tx *tx, const struct actor *actor, const struct key *key,
                    const struct channel_draft *draft, struct channel_row *out, struct str *ret_secret,
                    struct err *err) MUST_CHECK;
bool channel_update(struct tx *tx, const struct actor *actor, const struct key *key, i64 id,
                    const struct channel_patch *patch, field_set given, struct channel_row *out,
                    struct err *err) MUST_CHECK;
// Custom: a new secret, shown once; the old one stays good for 24 hours.
bool channel_rotate_secret(struct tx *tx, const struct actor *actor, const struct key *key, i64 id,
                           struct str *ret_secret, struct err *err) MUST_CHECK;
bool channel_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct channel_row *out, struct err *err) MUST_CHECK;
bool channel_list(struct conn *conn, const struct actor *actor, struct arena *arena,
                  struct channel_row_list *out, struct err *err) MUST_CHECK;
// By id alone, for hooks; ERR_NOT_FOUND for unknown or disabled ones.
bool channel_for_hook(struct conn *conn, i64 id, struct arena *arena, struct channel_row *out,
                      struct err *err) MUST_CHECK;
// By workspace and id, for jobs.
bool channel_load(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct channel_row *out,
                  struct err *err) MUST_CHECK;
// Opens what is sealed, for one call of the driver.
bool channel_view_open(const struct channel_row *row, const struct key *key, i64 now, struct arena *arena,
                       struct channel_view *out, struct err *err) MUST_CHECK;
bool channel_set_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str reason,
                       struct err *err) MUST_CHECK;
// The same for jobs: a channel that somebody stopped, or that is down already, stays as it is.
bool channel_report_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str reason,
                          struct err *err) MUST_CHECK;
bool channel_keep_session(struct tx *tx, const struct key *key, i64 workspace_id, i64 id,
                          struct str session_json, struct err *err) MUST_CHECK;
// What the driver found out at the network: who we are there. Starts the channel's streams and makes it
// active. ERR_CONFLICT when another channel is this account already, or this one was another account before.
bool channel_connected(struct tx *tx, i64 workspace_id, i64 id, struct str account_id, struct str handle,
                       struct err *err) MUST_CHECK;
// Facts of a driver join the settings (an event is written only when something changed).
bool channel_put_facts(struct tx *tx, i64 workspace_id, i64 id, struct str facts_json,
                       struct err *err) MUST_CHECK;

// What waits at a channel, for its settings page.
struct channel_counts {
    i64 waiting_in, quarantined, queued_out, in_doubt, failed;
};
bool channel_counts(struct conn *conn, i64 workspace_id, i64 id, struct channel_counts *out,
                    struct err *err) MUST_CHECK;
// Messages in and out in each of the last 24 hours, oldest first.
struct channel_hour {
    i64 at, in, out;
};
bool channel_traffic(struct conn *conn, i64 workspace_id, i64 id, i64 now, struct channel_hour out[24],
                     struct err *err) MUST_CHECK;

// ---- channel_settings.c --------------------------------------------------------------------------
// Checks settings against the driver's table: unknown members, wrong kinds, missing and too long ones are
// refused naming "settings.x". With `old` (an update) what is not given stays. Returns the public settings
// and the secret ones as JSON objects; *ret_credentials: something the connection depends on changed.
struct channel_settings_in {
    struct str given, old_settings, old_secret;
};
bool channel_settings_check(const struct channel_driver *driver, const struct channel_settings_in *in,
                            struct arena *arena, struct str *ret_settings, struct str *ret_secret,
                            bool *ret_credentials, struct err *err) MUST_CHECK;
// http or https, a host, no user, no spaces or control characters, no fragment.
bool channel_url_valid(struct str url);
