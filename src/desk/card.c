// SPDX-License-Identifier: AGPL-3.0-or-later
// A customer's card and a conversation's happenings. Who sees none of a customer's conversations is told
// that there is no such customer.
#include "desk/card.h"
#include "desk/change.h"
#include "desk/events.h"
#include "desk/workspace.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"
#include <stdio.h>

enum { MERGES_DEEP_MAX = 1000 }; // merge_contacts makes no circles; a broken row must not hang us

const struct type card_identity_type = {
    "Identity",
    (const struct field[]){
        FIELD(card_identity, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_STR, kind, FIELD_READ_ONLY, .doc = "the network"),
        FIELD(card_identity, FIELD_STR, handle, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_STR, external_id, FIELD_READ_ONLY),
        FIELD(card_identity, FIELD_I64, contact_id, FIELD_READ_ONLY,
              .doc = "the contact or part it belongs to when nothing is merged"),
        FIELD_END,
    },
    sizeof(struct card_identity),
};
static const char *const consents[] = {"unknown", "given", "refused", NULL};
static const struct type part_type = {
    "ContactPart",
    (const struct field[]){
        FIELD(card_part, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(card_part, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(card_part, FIELD_STR, note, FIELD_READ_ONLY),
        FIELD(card_part, FIELD_STR, email, FIELD_READ_ONLY),
        FIELD(card_part, FIELD_STR, phone, FIELD_READ_ONLY),
        FIELD(card_part, FIELD_ENUM, consent, FIELD_READ_ONLY, .names = consents),
        FIELD(card_part, FIELD_TIME, merged_at, FIELD_READ_ONLY),
        FIELD(card_part, FIELD_STR, merged_by, FIELD_READ_ONLY, .doc = "the colleague's name"),
        FIELD_END,
    },
    sizeof(struct card_part),
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
        FIELD(card, FIELD_STR, email, 0),
        FIELD(card, FIELD_STR, phone, 0),
        FIELD(card, FIELD_STR, time_zone, 0, .doc = "IANA name"),
        FIELD(card, FIELD_ENUM, consent, 0, .names = consents, .doc = "to be written to unasked"),
        FIELD(card, FIELD_STR, consent_note, 0, .doc = "where and how it was given or refused"),
        FIELD(card, FIELD_TIME, consent_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(card, FIELD_STRS, tags, FIELD_NO_ROW),
        FIELD(card, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(card, FIELD_LIST, parts, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &part_type,
              .doc = "contacts that were merged into this one, each as it was"),
        FIELD(card, FIELD_LIST, identities, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &card_identity_type),
        FIELD(card, FIELD_LIST, conversations, FIELD_READ_ONLY | FIELD_NO_ROW,
              .type = &card_conversation_type),
        FIELD_END,
    },
    sizeof(struct card),
};
static const struct type card_row_type = {
    "ContactRow",
    (const struct field[]){
        FIELD(card, FIELD_I64, id, 0),
        FIELD(card, FIELD_STR, name, 0),
        FIELD(card, FIELD_STR, language, 0),
        FIELD(card, FIELD_STR, note, 0),
        FIELD(card, FIELD_STR, email, 0),
        FIELD(card, FIELD_STR, phone, 0),
        FIELD(card, FIELD_STR, time_zone, 0),
        FIELD(card, FIELD_STR, consent, 0),
        FIELD(card, FIELD_STR, consent_note, 0),
        FIELD(card, FIELD_TIME, consent_at, 0),
        FIELD(card, FIELD_I64, merged_into, 0),
        FIELD(card, FIELD_TIME, created_at, 0),
        FIELD_END,
    },
    sizeof(struct card),
};
const struct type card_patch_type = {
    "ContactPatch",
    (const struct field[]){
        FIELD(card_patch, FIELD_STR, name, 0, .max = 800),
        FIELD(card_patch, FIELD_STR, note, 0, .max = 16384),
        FIELD(card_patch, FIELD_STR, language, 0, .max = 16, .doc = "BCP 47; '' none"),
        FIELD(card_patch, FIELD_STR, email, 0, .max = 254, .doc = "'' none"),
        FIELD(card_patch, FIELD_STR, phone, 0, .max = 40, .doc = "as it is dialled; '' none"),
        FIELD(card_patch, FIELD_STR, time_zone, 0, .max = 64, .doc = "IANA name; '' none"),
        FIELD(card_patch, FIELD_ENUM, consent, 0, .names = consents),
        FIELD(card_patch, FIELD_STR, consent_note, 0, .max = 1000),
        FIELD(card_patch, FIELD_STRS, tags, 0, .max = 50, .doc = "replaces; unknown names are made"),
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

// The contact's own row; of one that was merged, the row of the contact it is shown under.
static bool whole_read(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                       struct card *out, struct err *err)
{
    for (int steps = 0; steps < MERGES_DEEP_MAX; steps++) {
        *out = (struct card){};
        if (!db_one(conn, &SQL_contact_one, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &card_row_type,
                    out, arena, err))
            return false;
        if (out->merged_into == 0)
            return true;
        id = out->merged_into;
    }
    return err_set(err, ERR_INTERNAL, "The merges of customer %lld have no end.", (long long)id);
}

static bool tags_read(struct conn *conn, const struct actor *actor, struct arena *arena, struct card *card,
                      struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_contact_tags, DB_ARGS(db_i64(actor->workspace_id), db_i64(card->id)), &rows,
                  err))
        return false;
    while (rows_next(rows))
        *list_push(&card->tags, arena) = row_str(rows, 1, arena);
    return rows_end(rows, err);
}

static bool card_read(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                      struct card *out, struct err *err)
{
    struct {
        struct card_conversation *items;
        size_t len, cap;
    } all = {};
    if (!whole_read(conn, actor, id, arena, out, err) ||
        !db_list(conn, &SQL_contact_conversations, DB_ARGS(db_i64(actor->workspace_id), db_i64(out->id)),
                 &card_conversation_row_type, &all, arena, err))
        return false;
    for (size_t i = 0; i < all.len; i++) {
        if (actor_sees(actor, all.items[i].channel_id, all.items[i].team_id))
            *list_push(&out->conversations, arena) = all.items[i];
    }
    if (out->conversations.len == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such customer.");
    return db_list(conn, &SQL_contact_identities, DB_ARGS(db_i64(actor->workspace_id), db_i64(out->id)),
                   &card_identity_type, &out->identities, arena, err) &&
           db_list(conn, &SQL_contact_parts, DB_ARGS(db_i64(actor->workspace_id), db_i64(out->id)),
                   &part_type, &out->parts, arena, err) &&
           tags_read(conn, actor, arena, out, err);
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

static bool given(field_set set, const char *name)
{
    return field_given(&card_patch_type, set, name);
}

// What is kept is what was given, without the space around it.
static bool take_email(struct card *card, struct str email, struct err *err)
{
    struct str domain, local = str_cut(str_trim(email), '@', &domain);
    card->email = str_trim(email);
    if (card->email.len == 0)
        return true;
    if (local.len == 0 || !str_given(domain) || domain.len == 0 || str_find(domain, S("@")) >= 0 ||
        str_find(card->email, S(" ")) >= 0)
        return err_field(err, "email", "invalid", "This is no e-mail address.");
    return true;
}

struct str contact_phone_key(struct arena *arena, struct str phone)
{
    struct buf out;
    buf_init(&out, arena, 64);
    for (size_t i = 0; i < phone.len; i++) {
        if (phone.ptr[i] == '+' && buf_str(&out).len == 0)
            buf_add_char(&out, '+');
        else if (phone.ptr[i] >= '0' && phone.ptr[i] <= '9')
            buf_add_char(&out, phone.ptr[i]);
    }
    return buf_str(&out);
}

static bool take_phone(struct card *card, struct str phone, struct arena *arena, struct err *err)
{
    size_t digits = contact_phone_key(arena, phone).len;
    card->phone = str_trim(phone);
    return card->phone.len == 0 || digits >= 5 ||
           err_field(err, "phone", "invalid", "A telephone number has at least five digits.");
}

// "Europe/Tallinn": letters, digits, and what stands between them. Which of them there are, the page's
// own Intl knows.
static bool take_time_zone(struct card *card, struct str zone, struct err *err)
{
    for (size_t i = 0; i < zone.len; i++) {
        char c = zone.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '/' && c != '_' && c != '-' && c != '+')
            return err_field(err, "time_zone", "invalid", "A time zone is written like Europe/Tallinn.");
    }
    card->time_zone = zone;
    return true;
}

static bool apply(struct tx *tx, struct card *card, const struct card_patch *patch, field_set set,
                  struct err *err)
{
    if (given(set, "name")) {
        card->name = text_clean_name(tx->arena, patch->name);
        if (card->name.len == 0)
            return err_field(err, "name", "required", "A name cannot be empty.");
    }
    card->note = given(set, "note") ? patch->note : card->note;
    card->language = given(set, "language") ? patch->language : card->language;
    card->consent_note = given(set, "consent_note") ? patch->consent_note : card->consent_note;
    if (given(set, "consent") && !str_eq(patch->consent, card->consent)) {
        card->consent = patch->consent;
        card->consent_at = tx->now;
    }
    return (!given(set, "email") || take_email(card, patch->email, err)) &&
           (!given(set, "phone") || take_phone(card, patch->phone, tx->arena, err)) &&
           (!given(set, "time_zone") || take_time_zone(card, patch->time_zone, err));
}

static bool set_tags(struct tx *tx, const struct actor *actor, i64 id, const struct str_list *names,
                     struct err *err)
{
    struct change change;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!db_exec(tx->conn, &SQL_contact_tag_clear, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), NULL,
                 err))
        return false;
    for (size_t i = 0; i < names->len; i++) {
        char field[32];
        struct name_ref tag = {};
        snprintf(field, sizeof(field), "tags.%zu", i);
        if (!change_tag_named(&change, names->items[i], field, &tag, err) ||
            !db_exec(tx->conn, &SQL_contact_tag_add,
                     DB_ARGS(db_i64(actor->workspace_id), db_i64(id), db_i64(tag.id)), NULL, err))
            return false;
    }
    return true;
}

bool card_update(struct tx *tx, const struct actor *actor, i64 id, const struct card_patch *patch,
                 field_set set, struct err *err)
{
    struct card card = {};
    if (!actor_may(actor, MAY_TRIAGE))
        return err_set(err, ERR_DENIED, "Your role does not change customers' cards.");
    i64 merged;
    // Read again once it is locked: all of it is written, and a colleague may change another field just now.
    if (!card_read(tx->conn, actor, id, tx->arena, &card, err) ||
        !db_one_i64(tx->conn, &SQL_contact_merged_into, DB_ARGS(db_i64(actor->workspace_id), db_i64(card.id)),
                    &merged, err) ||
        !card_read(tx->conn, actor, id, tx->arena, &card, err) || !apply(tx, &card, patch, set, err))
        return false;
    if (!db_exec(tx->conn, &SQL_contact_set,
                 DB_ARGS(db_str(card.name), db_str(card.note), db_str(card.language), db_str(card.email),
                         db_str(text_fold(tx->arena, card.email)), db_str(card.phone),
                         db_str(contact_phone_key(tx->arena, card.phone)), db_str(card.time_zone),
                         db_str(card.consent), db_str(card.consent_note), db_opt(card.consent_at),
                         db_i64(tx->now), db_i64(actor->workspace_id), db_i64(card.id)),
                 NULL, err))
        return false;
    if (given(set, "name") &&
        !db_exec(tx->conn, &SQL_contact_rename_conversations,
                 DB_ARGS(db_str(card.name), db_i64(tx->now), db_i64(actor->workspace_id), db_i64(card.id)),
                 NULL, err))
        return false;
    return (!given(set, "tags") || set_tags(tx, actor, card.id, &patch->tags, err)) &&
           card_tell(tx, actor, &card, err);
}

bool card_tell(struct tx *tx, const struct actor *actor, const struct card *card, struct err *err)
{
    for (size_t i = 0; i < card->conversations.len; i++) {
        if (!log_append(
                tx,
                &(struct event){.workspace_id = actor->workspace_id,
                                .kind = S(EVENT_CONTACT_UPDATED),
                                .conversation_id = card->conversations.items[i].id,
                                .channel_id = card->conversations.items[i].channel_id,
                                .agent_id = actor->agent_id,
                                .data = str_printf(tx->arena, "{\"contact_id\":%lld}", (long long)card->id)},
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
