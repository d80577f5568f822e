// SPDX-License-Identifier: AGPL-3.0-or-later
// A customer's card and a conversation's happenings. Who sees none of a customer's conversations is told
// that there is no such customer.
#include "desk/card.h"
#include "desk/workspace.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

static const struct type identity_type = {
    "Identity",
    (const struct field[]){
        FIELD(card_identity, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_STR, kind, FIELD_READ_ONLY, .doc = "the network"),
        FIELD(card_identity, FIELD_STR, handle, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_STR, external_id, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct card_identity),
};
static const struct type card_conversation_type = {
    "ContactConversation",
    (const struct field[]){
        FIELD(card_conversation, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(card_conversation, FIELD_STR, status, FIELD_READ_ONLY),
        FIELD(card_conversation, FIELD_STR, channel_kind, FIELD_READ_ONLY),
        FIELD(card_conversation, FIELD_STR, preview, FIELD_READ_ONLY),
        FIELD(card_conversation, FIELD_TIME, last_message_at, FIELD_READ_ONLY),
        FIELD(card_conversation, FIELD_TIME, waiting_since, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD_END,
    },
    sizeof(struct card_conversation),
};
static const struct type card_conversation_row_type = {
    "ContactConversationRow",
    (const struct field[]){
        FIELD(card_conversation, FIELD_I64, id, 0),
        FIELD(card_conversation, FIELD_I64, channel_id, 0),
        FIELD(card_conversation, FIELD_I64, team_id, 0),
        FIELD(card_conversation, FIELD_STR, status, 0),
        FIELD(card_conversation, FIELD_STR, channel_kind, 0),
        FIELD(card_conversation, FIELD_STR, preview, 0),
        FIELD(card_conversation, FIELD_TIME, last_message_at, 0),
        FIELD(card_conversation, FIELD_TIME, waiting_since, 0),
        FIELD_END,
    },
    sizeof(struct card_conversation),
};
const struct type card_type = {
    "Contact",
    (const struct field[]){
        FIELD(card, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(card, FIELD_STR, name, 0),
        FIELD(card, FIELD_STR, language, 0),
        FIELD(card, FIELD_STR, note, 0),
        FIELD(card, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(card, FIELD_LIST, identities, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &identity_type),
        FIELD(card, FIELD_LIST, conversations, FIELD_READ_ONLY | FIELD_NO_ROW,
              .type = &card_conversation_type),
        FIELD_END,
    },
    sizeof(struct card),
};
const struct type card_patch_type = {
    "ContactPatch",
    (const struct field[]){
        FIELD(card_patch, FIELD_STR, name, 0, .max = 800),
        FIELD(card_patch, FIELD_STR, note, 0, .max = 16384),
        FIELD(card_patch, FIELD_STR, language, 0, .max = 16),
        FIELD_END,
    },
    sizeof(struct card_patch),
};
const struct type happening_type = {
    "Happening",
    (const struct field[]){
        FIELD(happening, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(happening, FIELD_TIME, at, FIELD_READ_ONLY),
        FIELD(happening, FIELD_STR, kind, FIELD_READ_ONLY),
        FIELD(happening, FIELD_STRUCT, agent, FIELD_READ_ONLY | FIELD_NULLABLE | FIELD_NO_ROW,
              .type =
                  &(const struct type){
                      "PersonRef",
                      (const struct field[]){
                          {.name = "id", .kind = FIELD_I64, .offset = 0},
                          {.name = "name", .kind = FIELD_STR, .offset = sizeof(i64)},
                          FIELD_END,
                      },
                      sizeof(((struct happening *)0)->agent),
                  }),
        FIELD(happening, FIELD_JSON, data, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct happening),
};
static const struct type happening_row_type = {
    "HappeningRow",
    (const struct field[]){
        FIELD(happening, FIELD_I64, id, 0),
        FIELD(happening, FIELD_TIME, at, 0),
        FIELD(happening, FIELD_STR, kind, 0),
        FIELD(happening, FIELD_I64, agent_id, 0),
        FIELD(happening, FIELD_STR, agent_name, 0),
        FIELD(happening, FIELD_STR, data, 0),
        FIELD_END,
    },
    sizeof(struct happening),
};

static bool card_read(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                      struct card *out, struct err *err)
{
    struct {
        struct card_conversation *items;
        size_t len, cap;
    } all = {};
    if (!db_one(conn, &SQL_contact_one, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &card_type, out,
                arena, err) ||
        !db_list(conn, &SQL_contact_conversations, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)),
                 &card_conversation_row_type, &all, arena, err))
        return false;
    for (size_t i = 0; i < all.len; i++) {
        if (actor_sees(actor, all.items[i].channel_id, all.items[i].team_id))
            *list_push(&out->conversations, arena) = all.items[i];
    }
    if (out->conversations.len == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such customer.");
    return db_list(conn, &SQL_contact_identities, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)),
                   &identity_type, &out->identities, arena, err);
}

bool card_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct card *out,
              struct err *err)
{
    struct card card = {};
    if (!card_read(conn, actor, id, arena, &card, err))
        return false;
    *out = card;
    return true;
}

bool card_update(struct tx *tx, const struct actor *actor, i64 id, const struct card_patch *patch,
                 field_set given, struct err *err)
{
    struct card card = {};
    if (!actor_may(actor, MAY_TRIAGE))
        return err_set(err, ERR_DENIED, "Your role does not change customers' cards.");
    if (!card_read(tx->conn, actor, id, tx->arena, &card, err))
        return false;
    bool renamed = field_given(&card_patch_type, given, "name");
    if (renamed) {
        card.name = text_clean_name(tx->arena, patch->name);
        if (card.name.len == 0)
            return err_field(err, "name", "required", "A name cannot be empty.");
    }
    if (field_given(&card_patch_type, given, "note"))
        card.note = patch->note;
    if (field_given(&card_patch_type, given, "language"))
        card.language = patch->language;
    if (!db_exec(tx->conn, &SQL_contact_set,
                 DB_ARGS(db_str(card.name), db_str(card.note), db_str(card.language), db_i64(tx->now),
                         db_i64(actor->workspace_id), db_i64(id)),
                 NULL, err))
        return false;
    if (renamed &&
        !db_exec(tx->conn, &SQL_contact_rename_conversations,
                 DB_ARGS(db_str(card.name), db_i64(tx->now), db_i64(actor->workspace_id), db_i64(id)), NULL,
                 err))
        return false;
    // One event per conversation that shows the name, so that open lists follow.
    for (size_t i = 0; i < card.conversations.len; i++) {
        if (!log_append(
                tx,
                &(struct event){.workspace_id = actor->workspace_id,
                                .kind = S("contact.updated"),
                                .conversation_id = card.conversations.items[i].id,
                                .channel_id = card.conversations.items[i].channel_id,
                                .agent_id = actor->agent_id,
                                .data = str_printf(tx->arena, "{\"contact_id\":%lld}", (long long)id)},
                err))
            return false;
    }
    return true;
}

void happening_encode(struct json_writer *w, const struct happening *happening)
{
    json_encode(w, &happening_type, happening);
}

bool happening_list(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 limit, struct arena *arena,
                    struct happening_list *out, struct err *err)
{
    struct happening_list list = {};
    if (!db_list(conn, &SQL_happening_list,
                 DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(limit)), &happening_row_type,
                 &list, arena, err))
        return false;
    for (size_t i = 0; i < list.len / 2; i++) {
        struct happening swap = list.items[i];
        list.items[i] = list.items[list.len - 1 - i];
        list.items[list.len - 1 - i] = swap;
    }
    for (size_t i = 0; i < list.len; i++) {
        list.items[i].agent.id = list.items[i].agent_id;
        list.items[i].agent.name = list.items[i].agent_name;
    }
    *out = list;
    return true;
}
