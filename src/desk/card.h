// SPDX-License-Identifier: AGPL-3.0-or-later
// A customer's card: names on the networks, all they ever asked, what colleagues noted. Seen by whoever
// sees at least one of the customer's conversations. And what happened to a conversation, from the log.
#pragma once
#include "desk/actor.h"

struct card_identity {
    i64 id, contact_id; // the contact it belongs to when nothing is merged
    struct str kind, handle, name, external_id;
};
struct card_part { // a contact that is shown under this one
    i64 id, merged_at;
    struct str name, note, email, phone, consent, merged_by;
};
struct card_conversation {
    i64 id, channel_id, team_id, last_message_at, waiting_since;
    struct str status, channel_kind, preview;
};
struct card {
    i64 id, created_at, consent_at, merged_into;
    struct str name, language, note, email, phone, time_zone, consent, consent_note;
    struct str_list tags;
    struct {
        struct card_part *items;
        size_t len, cap;
    } parts;
    struct {
        struct card_identity *items;
        size_t len, cap;
    } identities;
    struct {
        struct card_conversation *items;
        size_t len, cap;
    } conversations;
};
extern const struct type card_type, card_identity_type;
struct card_patch {
    struct str name, note, language, email, phone, time_zone, consent, consent_note;
    struct str_list tags;
};
extern const struct type card_patch_type;
// The card of a contact that was merged is that of the one it is shown under.
bool card_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct card *out,
              struct err *err) MUST_CHECK;
bool card_update(struct tx *tx, const struct actor *actor, i64 id, const struct card_patch *patch,
                 field_set given, struct err *err) MUST_CHECK;
// An event for each conversation of the card that this actor sees, so that open screens follow.
bool card_tell(struct tx *tx, const struct actor *actor, const struct card *card, struct err *err) MUST_CHECK;
// A number as it is compared: its digits, with the '+' in front when there is one.
struct str contact_phone_key(struct arena *arena, struct str phone);

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
