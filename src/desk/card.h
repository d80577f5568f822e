// SPDX-License-Identifier: AGPL-3.0-or-later
// A customer's card: names on the networks, all they ever asked, what colleagues noted. Seen by whoever
// sees at least one of the customer's conversations. And what happened to a conversation, from the log.
#pragma once
#include "desk/actor.h"

struct card_identity {
    i64 id;
    struct str kind, handle, name, external_id;
};
struct card_conversation {
    i64 id, channel_id, team_id, last_message_at, waiting_since;
    struct str status, channel_kind, preview;
};
struct card {
    i64 id, created_at;
    struct str name, language, note;
    struct {
        struct card_identity *items;
        size_t len, cap;
    } identities;
    struct {
        struct card_conversation *items;
        size_t len, cap;
    } conversations;
};
extern const struct type card_type;
struct card_patch {
    struct str name, note, language;
};
extern const struct type card_patch_type;
bool card_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct card *out,
              struct err *err) MUST_CHECK;
bool card_update(struct tx *tx, const struct actor *actor, i64 id, const struct card_patch *patch,
                 field_set given, struct err *err) MUST_CHECK;

struct happening {
    i64 id, at, agent_id;
    struct str kind, agent_name, data;
    struct {
        i64 id;
        struct str name;
    } agent;
};
struct happening_list {
    struct happening *items;
    size_t len, cap;
};
extern const struct type happening_type;
void happening_encode(struct json_writer *w, const struct happening *happening);
// Newest `limit`, in time order. The caller has checked that the conversation may be seen.
bool happening_list(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 limit, struct arena *arena,
                    struct happening_list *out, struct err *err) MUST_CHECK;
