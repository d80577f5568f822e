// SPDX-License-Identifier: AGPL-3.0-or-later
// See together.h: who is named in a note, who was asked in, handing a conversation over.
#include "desk/together.h"
#include "desk/agent.h"
#include "desk/events.h"
#include "sql_gen.h"
#include <stdio.h>

static const struct field agent_fields[] = {
    FIELD(name_ref, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(name_ref, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type agent_ref_type = {"NameRef", agent_fields, sizeof(struct name_ref)};
static const struct field collaborator_fields[] = {
    FIELD(collaborator, FIELD_STRUCT, agent, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &agent_ref_type),
    FIELD(collaborator, FIELD_ENUM, role, FIELD_READ_ONLY, .names = role_names),
    FIELD(collaborator, FIELD_TIME, created_at, FIELD_READ_ONLY, .doc = "Since when."),
    FIELD_END,
};
const struct type collaborator_type = {"Collaborator", collaborator_fields, sizeof(struct collaborator)};

bool together_may_note(struct conn *conn, const struct actor *actor, i64 conversation_id, struct err *err)
{
    i64 invited = 0;
    if (actor->role != ROLE_COLLABORATOR) {
        return true;
    }
    if (!db_one_i64(conn, &SQL_collaborator_is,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(actor->agent_id)),
                    &invited, err)) {
        return false;
    }
    return invited ||
           err_set(err, ERR_DENIED, "Collaborators write notes where a colleague has asked them in.");
}

// The colleague, if there is one and they may see the conversation.
static bool load_colleague(struct tx *tx, const struct record *conversation, i64 id, const char *field,
                           struct actor *out, struct err *err)
{
    struct err why = {};
    bool found = id > 0 && actor_load(tx->conn, id, tx->arena, out, &why);
    if (!found && why.code != ERR_NONE && why.code != ERR_UNAUTHENTICATED) {
        *err = why;
        return false;
    }
    if (!found || out->workspace_id != conversation->workspace_id) {
        return err_field(err, field, "unknown", "There is no such colleague, or the account is closed.");
    }
    return actor_sees(out, conversation->channel_id, conversation->team_id) ||
           err_field(err, field, "sees_not", STR_FMT " may not see this conversation.", STR_ARG(out->name));
}

static bool invite(struct tx *tx, const struct actor *by, i64 conversation_id, i64 agent_id, struct err *err)
{
    return db_exec(tx->conn, &SQL_collaborator_add,
                   DB_ARGS(db_i64(by->workspace_id), db_i64(conversation_id), db_i64(agent_id),
                           db_i64(by->agent_id), db_i64(tx->now)),
                   NULL, err);
}

bool together_mention(struct change *change, const struct actor *actor, struct edit *edit, i64 message_id,
                      const struct id_list *agents, struct err *err)
{
    struct tx *tx = change->tx;
    struct buf data;
    if (agents->len == 0) {
        return true;
    }
    buf_init(&data, tx->arena, 4096);
    buf_add(&data, S("{\"agent_ids\":["));
    for (size_t i = 0; i < agents->len; i++) {
        char field[32];
        struct actor colleague = {};
        snprintf(field, sizeof field, "mentions.%zu", i);
        if (!load_colleague(tx, &edit->after, agents->items[i], field, &colleague, err) ||
            !db_exec(tx->conn, &SQL_mention_insert,
                     DB_ARGS(db_i64(actor->workspace_id), db_i64(message_id), db_i64(agents->items[i]),
                             db_i64(edit->after.id)),
                     NULL, err)) {
            return false;
        }
        if (colleague.role == ROLE_COLLABORATOR && actor_may(actor, MAY_TRIAGE) &&
            !invite(tx, actor, edit->after.id, agents->items[i], err)) {
            return false;
        }
        if (i > 0) {
            buf_add_char(&data, ',');
        }
        buf_add_i64(&data, agents->items[i]);
    }
    buf_add(&data, S("]}"));
    return change_log(change, EVENT_MENTION, &edit->after, message_id, buf_str(&data), err);
}

bool collaborator_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                       struct collaborator_list *out, struct err *err)
{
    struct rows *rows;
    struct collaborator_list list = {};
    if (!conversation_visible(conn, actor, conversation_id, err) ||
        !db_query(conn, &SQL_collaborator_list, DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct collaborator *one = list_push(&list, arena);
        row_fill(rows, &collaborator_type, one, arena);
        one->agent = (struct name_ref){row_i64(rows, 0), row_str(rows, 1, arena)};
    }
    *out = list;
    return rows_end(rows, err);
}

bool collaborator_set(struct tx *tx, const struct actor *actor, i64 conversation_id, i64 agent_id,
                      bool invited, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct actor colleague = {};
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!change_open(&change, conversation_id, &edit, err)) {
        return false;
    }
    if (!actor_sees(actor, edit->after.channel_id, edit->after.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    if (!actor_may(actor, MAY_TRIAGE)) {
        return err_set(err, ERR_DENIED, "Your role may not ask colleagues in.");
    }
    if (invited && !load_colleague(tx, &edit->after, agent_id, "agent_id", &colleague, err)) {
        return false;
    }
    bool done = invited
                    ? invite(tx, actor, conversation_id, agent_id, err)
                    : db_exec(tx->conn, &SQL_collaborator_remove,
                              DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(agent_id)),
                              NULL, err);
    struct str data = str_printf(tx->arena, "{\"agent_id\":%lld,\"invited\":%s}", (long long)agent_id,
                                 invited ? "true" : "false");
    return done && change_log(&change, EVENT_CONVERSATION_INVITED, &edit->after, 0, data, err);
}

bool together_hand_over(struct tx *tx, const struct actor *actor, i64 conversation_id, i64 agent_id,
                        i64 team_id, struct str summary, struct message *out, struct err *err)
{
    struct conversation after;
    struct conversation_patch patch = {.assignee_id = agent_id, .team_id = team_id};
    struct message_draft note = {
        .kind = S("note"), .text = summary, .seen_message_id = -1, .keep_draft = true};
    field_set given = 0;
    if (!actor_may(actor, MAY_TRIAGE)) {
        return err_set(err, ERR_DENIED, "Your role may not hand conversations over.");
    }
    if (agent_id == 0 && team_id == 0) {
        return err_field(err, "agent_id", "required", "Say to whom: a colleague, a team or both.");
    }
    for (size_t i = 0; conversation_patch_type.fields[i].name; i++) {
        const char *name = conversation_patch_type.fields[i].name;
        if (str_eq(str_from(name), S("assignee_id")) ||
            (team_id > 0 && str_eq(str_from(name), S("team_id")))) {
            given |= (field_set)1 << i;
        }
    }
    // The note first: afterwards it may no longer be seen by who hands over.
    return message_reply(tx, actor, conversation_id, &note, out, err) &&
           conversation_update(tx, actor, conversation_id, &patch, given, &after, err);
}
