// SPDX-License-Identifier: AGPL-3.0-or-later
// See scheduled.h.
#include "desk/scheduled.h"
#include "desk/change.h"
#include "desk/events.h"
#include "desk/together.h"
#include "sql_gen.h"

static const i64 LONGEST_MS = (i64)366 * 24 * 3600 * 1000;

static const char *const state_names[] = {"waiting", "stopped", "failed", NULL};
static const struct field agent_fields[] = {
    FIELD(name_ref, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(name_ref, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type agent_ref_type = {"NameRef", agent_fields, sizeof(struct name_ref)};
static const struct field scheduled_fields[] = {
    FIELD(scheduled, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_I64, conversation_id, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_STRUCT, agent, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &agent_ref_type,
          .doc = "In whose name it goes out."),
    FIELD(scheduled, FIELD_STR, text, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_LIST, attachments, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &draft_attachment_type),
    FIELD(scheduled, FIELD_STRUCT, mail, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &draft_mail_type,
          .doc = "As in POST messages."),
    FIELD(scheduled, FIELD_I64, reply_to, FIELD_READ_ONLY | FIELD_NULLABLE),
    FIELD(scheduled, FIELD_I64, route_id, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_TIME, send_at, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_BOOL, cancel_if_customer_writes, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_I64, seen_message_id, FIELD_READ_ONLY,
          .doc = "Newest message when it was written: what came later the writer did not know."),
    FIELD(scheduled, FIELD_ENUM, state, FIELD_READ_ONLY, .names = state_names,
          .doc = "stopped: the customer wrote first; failed: it was refused."),
    FIELD(scheduled, FIELD_STR, error, FIELD_READ_ONLY, .doc = "Why it was stopped or failed."),
    FIELD(scheduled, FIELD_I64, version, FIELD_READ_ONLY),
    FIELD(scheduled, FIELD_TIME, created_at, FIELD_READ_ONLY),
    FIELD_END,
};
const struct type scheduled_type = {"ScheduledSend", scheduled_fields, sizeof(struct scheduled)};
static const struct field body_fields[] = {
    FIELD(scheduled_body, FIELD_STR, text, 0, .max = 256 * 1024),
    FIELD(scheduled_body, FIELD_TIME, send_at, FIELD_REQUIRED, .doc = "In the future, within a year."),
    FIELD(scheduled_body, FIELD_LIST, attachments, 0, .max = 20, .type = &draft_attachment_type),
    FIELD(scheduled_body, FIELD_STRUCT, mail, FIELD_NULLABLE, .type = &draft_mail_type,
          .doc = "As in POST messages."),
    FIELD(scheduled_body, FIELD_I64, reply_to, FIELD_NULLABLE),
    FIELD(scheduled_body, FIELD_I64, route_id, 0, .doc = "As in POST messages."),
    FIELD(scheduled_body, FIELD_I64, seen_message_id, 0, .doc = "As in POST messages."),
    FIELD(scheduled_body, FIELD_BOOL, cancel_if_customer_writes, 0,
          .doc = "Do not send it when the customer writes before."),
    FIELD_END,
};
const struct type scheduled_body_type = {"ScheduledSendBody", body_fields, sizeof(struct scheduled_body)};

static void fill(struct rows *rows, struct scheduled *out, struct arena *arena)
{
    row_fill(rows, &scheduled_type, out, arena);
    out->agent = (struct name_ref){row_i64(rows, 2), row_str(rows, 3, arena)};
    draft_attachments_unpack(row_str(rows, 5, arena), arena, &out->attachments);
    draft_mail_unpack(row_str(rows, 6, arena), arena, &out->mail);
}

bool scheduled_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                    struct scheduled_list *out, struct err *err)
{
    struct rows *rows;
    struct scheduled_list list = {};
    if (!conversation_visible(conn, actor, conversation_id, err) ||
        !db_query(conn, &SQL_scheduled_list, DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        fill(rows, list_push(&list, arena), arena);
    }
    *out = list;
    return rows_end(rows, err);
}

static bool not_here(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "There is no such answer for later (any more).");
}

static bool find(struct tx *tx, i64 workspace_id, i64 id, struct scheduled *out, struct err *err)
{
    struct rows *rows;
    struct scheduled found = {};
    if (!db_query(tx->conn, &SQL_scheduled_get, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        fill(rows, &found, tx->arena);
    }
    *out = found;
    return rows_end(rows, err) && (found.id > 0 || not_here(err));
}

// Conversation first, then the row: the order of locks.
static bool open_one(struct tx *tx, const struct actor *actor, i64 id, struct scheduled *out,
                     struct change *change, struct edit **ret_edit, struct err *err)
{
    if (!find(tx, actor->workspace_id, id, out, err)) {
        return false;
    }
    change_init(change, tx, actor->workspace_id, actor->agent_id);
    if (!change_open(change, out->conversation_id, ret_edit, err)) {
        return false;
    }
    if (!actor_sees(actor, (*ret_edit)->after.channel_id, (*ret_edit)->after.team_id)) {
        return not_here(err);
    }
    return actor_may(actor, MAY_REPLY) || err_set(err, ERR_DENIED, "Your role may not answer customers.");
}

static bool tell(struct change *change, const struct record *conversation, const struct scheduled *s,
                 const char *what, struct err *err)
{
    struct buf buf;
    buf_init(&buf, change->tx->arena, 4096);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_i64(&w, s->id);
    json_key(&w, "what");
    json_put_str(&w, str_from(what));
    json_key(&w, "send_at");
    json_put_time(&w, s->send_at);
    json_close(&w, '}');
    return change_log(change, EVENT_CONVERSATION_SCHEDULED, conversation, 0, buf_str(&buf), err);
}

static struct message_draft draft_of(const struct scheduled *s)
{
    return (struct message_draft){.kind = S("reply"),
                                  .text = s->text,
                                  .reply_to = s->reply_to,
                                  .route_id = s->route_id,
                                  .mail = s->mail,
                                  .attachments = s->attachments,
                                  .seen_message_id = -1,
                                  .keep_draft = true};
}

static bool check_time(struct tx *tx, i64 send_at, struct err *err)
{
    if (send_at <= tx->now) {
        return err_field(err, "send_at", "in_the_past", "An answer for later goes out in the future.");
    }
    return send_at <= tx->now + LONGEST_MS ||
           err_field(err, "send_at", "too_far", "An answer waits for at most a year.");
}

static bool newest(struct tx *tx, i64 workspace_id, i64 conversation_id, i64 *ret, struct err *err)
{
    return db_one_i64(tx->conn, &SQL_conversation_newest_message,
                      DB_ARGS(db_i64(workspace_id), db_i64(conversation_id)), ret, err);
}

bool scheduled_add(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct scheduled_body *body, struct scheduled *out, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct scheduled s = {.text = str_given(body->text) ? body->text : S(""),
                          .attachments = body->attachments,
                          .mail = body->mail,
                          .reply_to = body->reply_to,
                          .route_id = body->route_id};
    struct message_draft draft = draft_of(&s);
    i64 seen = body->seen_message_id, id;
    if (!message_check(tx, actor, conversation_id, &draft, err) || !check_time(tx, body->send_at, err) ||
        (seen < 0 && !newest(tx, actor->workspace_id, conversation_id, &seen, err)) ||
        !db_one_i64(tx->conn, &SQL_scheduled_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(actor->agent_id),
                            db_str(s.text), db_str(draft_attachments_pack(tx->arena, &s.attachments)),
                            db_str(draft_mail_pack(tx->arena, &s.mail)), db_i64(s.reply_to),
                            db_i64(s.route_id), db_i64(body->send_at),
                            db_i64(body->cancel_if_customer_writes), db_i64(seen), db_i64(tx->now)),
                    &id, err)) {
        return false;
    }
    return open_one(tx, actor, id, out, &change, &edit, err) &&
           draft_forget(tx, actor, conversation_id, S("reply"), err) &&
           tell(&change, &edit->after, out, "created", err);
}

bool scheduled_change(struct tx *tx, const struct actor *actor, i64 id, const struct scheduled_body *body,
                      field_set given, struct scheduled *out, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct scheduled s;
    if (!open_one(tx, actor, id, &s, &change, &edit, err)) {
        return false;
    }
    if (field_given(&scheduled_body_type, given, "text")) {
        s.text = body->text;
    }
    if (field_given(&scheduled_body_type, given, "send_at")) {
        s.send_at = body->send_at;
    }
    if (field_given(&scheduled_body_type, given, "cancel_if_customer_writes")) {
        s.cancel_if_customer_writes = body->cancel_if_customer_writes;
    }
    static const char *const fixed[] = {"attachments", "mail", "reply_to", "route_id"};
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (field_given(&scheduled_body_type, given, fixed[i])) {
            return err_field(err, fixed[i], "not_possible", "This stays; cancel it and write it anew.");
        }
    }
    struct message_draft draft = draft_of(&s);
    return message_check(tx, actor, s.conversation_id, &draft, err) && check_time(tx, s.send_at, err) &&
           newest(tx, actor->workspace_id, s.conversation_id, &s.seen_message_id, err) &&
           db_exec(tx->conn, &SQL_scheduled_set,
                   DB_ARGS(db_str(s.text), db_i64(s.send_at), db_i64(s.cancel_if_customer_writes),
                           db_i64(s.seen_message_id), db_i64(actor->workspace_id), db_i64(id)),
                   NULL, err) &&
           find(tx, actor->workspace_id, id, out, err) && tell(&change, &edit->after, out, "changed", err);
}

static bool forget(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    i64 changed = 0;
    return db_exec(tx->conn, &SQL_scheduled_delete, DB_ARGS(db_i64(workspace_id), db_i64(id)), &changed,
                   err) &&
           (changed > 0 || not_here(err));
}

bool scheduled_cancel(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct scheduled s;
    return open_one(tx, actor, id, &s, &change, &edit, err) && forget(tx, actor->workspace_id, id, err) &&
           tell(&change, &edit->after, &s, "cancelled", err);
}

bool scheduled_send_now(struct tx *tx, const struct actor *actor, i64 id, struct message *out,
                        struct err *err)
{
    struct change change;
    struct edit *edit;
    struct scheduled s;
    if (!open_one(tx, actor, id, &s, &change, &edit, err)) {
        return false;
    }
    struct message_draft draft = draft_of(&s);
    return message_reply(tx, actor, s.conversation_id, &draft, out, err) &&
           forget(tx, actor->workspace_id, id, err) && tell(&change, &edit->after, &s, "sent", err);
}

// ---- The moment has come ----------------------------------------------------------------------------

static bool stop(struct tx *tx, const struct actor *actor, const struct scheduled *s, const char *state,
                 struct str why, struct err *err)
{
    struct change change;
    struct edit *edit;
    change_init(&change, tx, actor->workspace_id, 0);
    return change_open(&change, s->conversation_id, &edit, err) &&
           db_exec(tx->conn, &SQL_scheduled_stop,
                   DB_ARGS(db_str(str_from(state)), db_str(why), db_i64(actor->workspace_id), db_i64(s->id)),
                   NULL, err) &&
           tell(&change, &edit->after, s, state, err);
}

// What a person would be told; everything else is ours and is tried again.
static bool is_refusal(const struct err *err)
{
    return err->code == ERR_INVALID || err->code == ERR_CONFLICT || err->code == ERR_DENIED ||
           err->code == ERR_NOT_FOUND || err->code == ERR_UNAUTHENTICATED;
}

bool scheduled_send(struct tx *tx, const struct scheduled_due *due, struct err *err)
{
    i64 workspace_id = due->workspace_id, agent_id = due->agent_id, id = due->id;
    struct actor actor = {.workspace_id = workspace_id, .agent_id = agent_id};
    struct scheduled s;
    struct message sent;
    struct err why = {};
    struct change first;
    struct edit *conversation;
    i64 wrote = 0;
    change_init(&first, tx, workspace_id, agent_id);
    if (!change_open(&first, due->conversation_id, &conversation, err) ||
        !find(tx, workspace_id, id, &s, err)) {
        return err->code == ERR_NOT_FOUND;
    }
    if (!str_eq(s.state, S("waiting")) || s.send_at > tx->now) {
        return true; // changed meanwhile
    }
    if (s.cancel_if_customer_writes &&
        !db_one_i64(tx->conn, &SQL_compose_customer_wrote,
                    DB_ARGS(db_i64(workspace_id), db_i64(s.conversation_id), db_i64(s.seen_message_id)),
                    &wrote, err)) {
        return false;
    }
    if (wrote) {
        return stop(tx, &actor, &s, "stopped", S("The customer wrote before it went out."), err);
    }
    struct message_draft draft = draft_of(&s);
    if (actor_load(tx->conn, agent_id, tx->arena, &actor, &why) &&
        message_reply(tx, &actor, s.conversation_id, &draft, &sent, &why)) {
        struct change change;
        struct edit *edit;
        change_init(&change, tx, workspace_id, agent_id);
        return forget(tx, workspace_id, id, err) && change_open(&change, s.conversation_id, &edit, err) &&
               tell(&change, &edit->after, &s, "sent", err);
    }
    if (!is_refusal(&why)) {
        *err = why;
        return false;
    }
    return stop(tx, &actor, &s, "failed", str_copy(tx->arena, str_from(why.text)), err);
}

bool scheduled_due_next(struct conn *conn, i64 now, struct scheduled_due *due, bool *ret_found,
                        struct err *err)
{
    struct rows *rows;
    *ret_found = false;
    if (!db_query(conn, &SQL_scheduled_due, DB_ARGS(db_i64(now), db_i64(due->send_at), db_i64(due->id)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *ret_found = true;
        *due = (struct scheduled_due){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2), row_i64(rows, 3),
                                      row_i64(rows, 4)};
    }
    return rows_end(rows, err);
}
