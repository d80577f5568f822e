// SPDX-License-Identifier: AGPL-3.0-or-later
// The tenant and what it is divided into: settings, teams, tags; and its customers' cards.
#pragma once
#include "desk/actor.h"

struct allowances {
    i64 urgent, high, normal, low; // minutes until somebody who waits counts as late
};
struct workspace_settings {
    struct allowances allowance_min;
    struct str time_zone, language;
    i64 mail_channel_id;           // by which mail to colleagues goes out; 0: none does
    struct str second_factor_from; // roles from this one on sign in with a second factor; "": nobody must
};
struct workspace {
    i64 id;
    struct str name;
    struct workspace_settings settings;
    struct str settings_text;
};
extern const struct type workspace_type, workspace_patch_type;

bool workspace_create(struct tx *tx, struct str name, i64 *ret_id, struct err *err) MUST_CHECK;
bool workspace_get(struct conn *conn, i64 id, struct arena *arena, struct workspace *out,
                   struct err *err) MUST_CHECK;
bool workspace_update(struct tx *tx, const struct actor *actor, const struct workspace *patch,
                      field_set given, struct err *err) MUST_CHECK;
// Fills the settings a body may change only in part with what holds now.
bool workspace_patch_decode(struct conn *conn, const struct actor *actor, struct str body,
                            struct arena *arena, struct workspace *out, field_set *ret_given,
                            struct err *err) MUST_CHECK;

struct team {
    i64 id;
    struct str name;
    struct id_list member_ids;
};
struct team_list {
    struct team *items;
    size_t len, cap;
};
struct name_draft {
    struct str name;
};
extern const struct type team_type, name_draft_type;
bool team_list(struct conn *conn, i64 workspace_id, struct arena *arena, struct team_list *out,
               struct err *err) MUST_CHECK;
bool team_get(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct team *out,
              struct err *err) MUST_CHECK;
bool team_create(struct tx *tx, const struct actor *actor, struct str name, i64 *ret_id,
                 struct err *err) MUST_CHECK;
bool team_rename(struct tx *tx, const struct actor *actor, i64 id, struct str name,
                 struct err *err) MUST_CHECK;
// Its conversations lose it; nobody's screen keeps it.
bool team_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;

struct label { // a tag as the settings show it
    i64 id, open_count;
    struct str name;
};
struct label_list {
    struct label *items;
    size_t len, cap;
};
extern const struct type label_type;
bool label_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct label_list *out,
                struct err *err) MUST_CHECK;
bool label_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct label *out,
               struct err *err) MUST_CHECK;
bool label_create(struct tx *tx, const struct actor *actor, struct str name, i64 *ret_id,
                  struct err *err) MUST_CHECK;
bool label_rename(struct tx *tx, const struct actor *actor, i64 id, struct str name,
                  struct err *err) MUST_CHECK;
