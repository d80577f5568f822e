// SPDX-License-Identifier: AGPL-3.0-or-later
// What people do to one message: like it, edit it, take an own answer back, say what became of one in doubt.
#include "desk/delivery.h"
#include "desk/events.h"
#include "desk/mail.h"
#include "desk/mark.h"
#include "desk/outbox.h"
#include "desk/together.h"
#include "sql_gen.h"

struct act {
    struct tx *tx;
    const struct actor *actor;
    struct change change;
    struct edit *edit;
    struct message_row row;
    struct {
        i64 id;
        struct str state;
    } outbox; // id 0: none
};

static bool begin_any(struct act *act, struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    *act = (struct act){.tx = tx, .actor = actor};
    change_init(&act->change, tx, actor->workspace_id, actor->agent_id);
    if (!message_row_load(&act->change, id, &act->row, &act->edit, err)) {
        return false;
    }
    if (!actor_sees(actor, act->edit->before.channel_id, act->edit->before.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such message.");
    }
    return true;
}

static bool begin(struct act *act, struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    return begin_any(act, tx, actor, id, err) &&
           (actor_may(actor, MAY_REPLY) || err_set(err, ERR_DENIED, "Your role may not do that."));
}

static bool finish(struct act *act, struct message *out, struct err *err)
{
    return change_finish(&act->change, err) &&
           message_get(act->tx->conn, act->actor, act->row.id, act->tx->arena, out, err);
}

static bool find_outbox(struct act *act, const char *action, struct err *err)
{
    struct rows *rows;
    act->outbox.id = 0;
    act->outbox.state = S("");
    if (!db_query(act->tx->conn, &SQL_message_outbox_of,
                  DB_ARGS(db_i64(act->actor->workspace_id), db_i64(act->row.id), db_str(str_from(action))),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        act->outbox.id = row_i64(rows, 0);
        act->outbox.state = row_str(rows, 1, act->tx->arena);
    }
    return rows_end(rows, err);
}

static bool outbox_is(const struct act *act, const char *state)
{
    return act->outbox.id > 0 && str_eq(act->outbox.state, str_from(state));
}

static bool order(struct act *act, struct str action, struct err *err)
{
    struct outbox_order order = {.channel_id = act->row.channel_id,
                                 .conversation_id = act->row.conversation_id,
                                 .message_id = act->row.id,
                                 .action = action};
    return outbox_add(&act->change, &order, err);
}

// ---- Like -------------------------------------------------------------------------------------------

static bool check_like(const struct act *act, struct err *err)
{
    const struct channel_driver *driver;
    if (!str_eq(act->row.direction, S("in")) || str_eq(act->row.kind, S("note"))) {
        return err_set(err, ERR_CONFLICT, "Only what others wrote can be liked.");
    }
    if (act->row.deleted_at > 0 || !str_given(act->row.external_id)) {
        return err_set(err, ERR_CONFLICT, "That message is gone.");
    }
    if (!outbox_channel(act->tx, act->actor->workspace_id, act->row.channel_id, &driver, NULL, err)) {
        return false;
    }
    return driver->can & CAN_LIKE || err_set(err, ERR_CONFLICT, "%s knows no likes.", driver->title);
}

// An order that nobody has begun is taken back instead of sending its opposite after it.
static bool order_like(struct act *act, bool like, struct err *err)
{
    const char *opposite = like ? "unlike" : "like";
    if (!find_outbox(act, opposite, err)) {
        return false;
    }
    if (outbox_is(act, "queued") || outbox_is(act, "held")) {
        return delivery_withdraw(act->tx, act->outbox.id, err);
    }
    return order(act, like ? S("like") : S("unlike"), err);
}

bool message_like(struct tx *tx, const struct actor *actor, i64 id, bool like, struct message *out,
                  struct err *err)
{
    struct act act;
    if (!begin(&act, tx, actor, id, err)) {
        return false;
    }
    if ((act.row.liked_at > 0) == like) {
        return finish(&act, out, err);
    }
    if ((like && !check_like(&act, err)) || !order_like(&act, like, err)) {
        return false;
    }
    act.edit->touched = true;
    return db_exec(tx->conn, &SQL_message_set_like,
                   DB_ARGS(db_opt(like ? tx->now : 0), db_str(act.row.like_external_id),
                           db_i64(actor->workspace_id), db_i64(id)),
                   NULL, err) &&
           change_log(&act.change, EVENT_MESSAGE_LIKED, &act.edit->after, id,
                      like ? S("{\"liked\":1}") : S("{\"liked\":0}"), err) &&
           finish(&act, out, err);
}

// ---- Delete own -------------------------------------------------------------------------------------

static bool is_state(const struct act *act, const char *state)
{
    return str_eq(act->row.send_state, str_from(state));
}

// It never left: nothing to ask of the network.
static bool take_back(struct act *act, struct err *err)
{
    bool waits = outbox_is(act, "queued") || outbox_is(act, "held") || outbox_is(act, "failed");
    if (waits && !delivery_resolve(act->tx, act->actor->workspace_id, act->row.id, S("cancel"), err)) {
        return false;
    }
    return message_row_state(&act->change, act->edit, &act->row, S("cancelled"), STR_NONE, err) &&
           message_row_delete(&act->change, act->edit, &act->row, act->tx->now, err);
}

static bool order_delete(struct act *act, struct err *err)
{
    const struct channel_driver *driver;
    if (!outbox_channel(act->tx, act->actor->workspace_id, act->row.channel_id, &driver, NULL, err)) {
        return false;
    }
    if (!(driver->can & CAN_DELETE_OWN)) {
        return err_set(err, ERR_CONFLICT, "%s does not let a sent message be deleted.", driver->title);
    }
    if (!find_outbox(act, "delete", err)) {
        return false;
    }
    if (act->outbox.id > 0 && !outbox_is(act, "failed") && !outbox_is(act, "cancelled") &&
        !outbox_is(act, "done")) {
        return true; // asked for already
    }
    return order(act, S("delete"), err);
}

static bool delete_answer(struct act *act, struct err *err)
{
    if (!find_outbox(act, "send", err)) {
        return false;
    }
    if (is_state(act, "sending") || outbox_is(act, "sending")) {
        return err_retry(err, ERR_CONFLICT, 5,
                         "It is being sent in this moment. Try again when it has arrived.");
    }
    if (is_state(act, "in_doubt")) {
        return err_set(err, ERR_CONFLICT, "It is not clear whether it was sent. Decide that first.");
    }
    if (is_state(act, "queued") || is_state(act, "failed") || is_state(act, "cancelled")) {
        return take_back(act, err);
    }
    return order_delete(act, err);
}

bool message_delete(struct tx *tx, const struct actor *actor, i64 id, struct message *out, struct err *err)
{
    struct act act;
    if (!begin(&act, tx, actor, id, err)) {
        return false;
    }
    bool call = str_given(act.row.call_result); // whoever logged it has it, also a customer's
    if (!str_eq(act.row.origin, S("agent")) && !call) {
        return err_set(err, ERR_DENIED, "Only what was written here can be deleted.");
    }
    if (act.row.agent_id != actor->agent_id && !actor_may(actor, MAY_LEAD)) {
        return err_set(err, ERR_DENIED, "A colleague wrote this. A lead may delete it.");
    }
    if (act.row.deleted_at > 0) {
        return finish(&act, out, err);
    }
    bool note = str_eq(act.row.kind, S("note"));
    bool done = note || call ? message_row_delete(&act.change, act.edit, &act.row, tx->now, err)
                             : delete_answer(&act, err);
    return done && finish(&act, out, err);
}

// ---- Undo -------------------------------------------------------------------------------------------

static bool load_files(struct act *act, i64 message_id, struct draft_attachments *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(act->tx->conn, &SQL_delivery_attachments,
                  DB_ARGS(db_i64(act->actor->workspace_id), db_i64(message_id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(out, act->tx->arena) =
            (struct draft_attachment){.sha256 = row_str(rows, 0, act->tx->arena),
                                      .name = row_str(rows, 2, act->tx->arena),
                                      .alt = row_str(rows, 3, act->tx->arena)};
    }
    return rows_end(rows, err);
}

static void addresses(const struct json *mail, const char *name, struct arena *arena, struct str_list *out)
{
    const struct json *list = json_at(mail, name);
    for (size_t i = 0; i < json_len(list); i++) {
        *list_push(out, arena) = str_copy(arena, json_str(json_at(json_item(list, i), "address")));
    }
}

// To whom it was to go; of what was passed on one's own words and files only, as they were given.
static bool remember_mail(struct act *act, struct message_draft *out, struct err *err)
{
    struct message message = {};
    struct draft_attachments theirs = {}, own = {};
    struct arena *arena = act->tx->arena;
    if (!message_get(act->tx->conn, act->actor, act->row.id, arena, &message, err)) {
        return false;
    }
    if (!str_given(message.mail)) {
        return true;
    }
    const struct json *mail = json_parse(message.mail, arena, err);
    if (!mail) {
        return false;
    }
    addresses(mail, "to", arena, &out->mail.to);
    addresses(mail, "cc", arena, &out->mail.cc);
    out->mail.subject = json_str(json_at(mail, "subject"));
    out->mail.forward = message.forward_of;
    if (!out->mail.forward) {
        return true;
    }
    i64 at = str_find(out->text, S(FORWARD_LINE));
    out->text = at < 0 ? out->text : str_trim(str_sub(out->text, 0, (size_t)at));
    if (!load_files(act, message.forward_of, &theirs, err)) {
        return false;
    }
    for (size_t i = 0; i < out->attachments.len; i++) {
        bool passed_on = false;
        for (size_t j = 0; j < theirs.len; j++) {
            passed_on |= str_eq(theirs.items[j].sha256, out->attachments.items[i].sha256);
        }
        if (!passed_on) {
            *list_push(&own, arena) = out->attachments.items[i];
        }
    }
    out->attachments = own;
    return true;
}

// Compare and set: the sender claims only what is queued, so one of the two happens, never both.
static bool withdraw(struct act *act, struct err *err)
{
    i64 changed = 0;
    if (!find_outbox(act, "send", err)) {
        return false;
    }
    if (act->outbox.id > 0 && str_eq(act->row.send_state, S("queued")) &&
        !db_exec(act->tx->conn, &SQL_outbox_undo,
                 DB_ARGS(db_i64(act->tx->now), db_i64(act->actor->workspace_id), db_i64(act->outbox.id)),
                 &changed, err)) {
        return false;
    }
    return changed > 0 || err_set(err, ERR_CONFLICT, "It is on its way already and cannot be taken back.");
}

bool message_undo(struct tx *tx, const struct actor *actor, i64 id, struct message_draft *out,
                  struct err *err)
{
    struct act act;
    struct message_draft draft = {.kind = S("reply")};
    if (!begin(&act, tx, actor, id, err)) {
        return false;
    }
    if (!str_eq(act.row.origin, S("agent")) || !str_eq(act.row.kind, S("message")) ||
        (act.row.agent_id != actor->agent_id && !actor_may(actor, MAY_LEAD))) {
        return err_set(err, ERR_DENIED, "Only who wrote an answer, or a lead, may take it back.");
    }
    draft.text = act.row.text;
    draft.route_id = act.row.route_id;
    if (!load_files(&act, act.row.id, &draft.attachments, err) || !remember_mail(&act, &draft, err) ||
        !withdraw(&act, err) ||
        !message_row_state(&act.change, act.edit, &act.row, S("cancelled"), STR_NONE, err) ||
        !message_row_delete(&act.change, act.edit, &act.row, tx->now, err) ||
        !delivery_free_way(tx, actor->workspace_id, act.outbox.id, err) || !change_finish(&act.change, err)) {
        return false;
    }
    *out = draft;
    return true;
}

// ---- Edit -------------------------------------------------------------------------------------------

static bool edit_answer(struct act *act, struct str text, struct err *err)
{
    const struct channel_driver *driver;
    if (!outbox_channel(act->tx, act->actor->workspace_id, act->row.channel_id, &driver, NULL, err)) {
        return false;
    }
    if (!(driver->can & CAN_EDIT_OWN)) {
        return err_set(err, ERR_CONFLICT, "%s does not let a sent message be edited.", driver->title);
    }
    if (!is_state(act, "sent") && !is_state(act, "delivered") && !is_state(act, "read")) {
        return err_set(err, ERR_CONFLICT, "Only what has been sent can be edited.");
    }
    bool public = str_eq(act->row.visibility, S("public"));
    struct text_limit limit = public ? driver->text_public : driver->text_private;
    if (!text_fits(limit, text)) {
        return err_field(err, "text", "too_long", "%s takes at most %zu characters; this text has %zu.",
                         driver->title, limit.max, text_length(limit, text));
    }
    return order(act, S("edit"), err);
}

bool message_edit(struct tx *tx, const struct actor *actor, i64 id, struct str text, struct message *out,
                  struct err *err)
{
    struct act act;
    if (!begin_any(&act, tx, actor, id, err)) {
        return false;
    }
    bool note = str_eq(act.row.kind, S("note"));
    if (!actor_may(actor, note ? MAY_NOTE : MAY_REPLY)) {
        return err_set(err, ERR_DENIED, "Your role may not do that.");
    }
    bool call = str_given(act.row.call_result);
    if ((!str_eq(act.row.origin, S("agent")) && !call) || act.row.agent_id != actor->agent_id) {
        return err_set(err, ERR_DENIED, "Only who wrote it may edit it.");
    }
    if (act.row.deleted_at > 0) {
        return err_set(err, ERR_CONFLICT, "That message is gone.");
    }
    if (str_trim(text).len == 0) {
        return err_field(err, "text", "required", "A message has a text; delete it instead.");
    }
    if (str_eq(text, act.row.text)) {
        return finish(&act, out, err);
    }
    struct mark mark = {.edited_at = tx->now, .edited_text = text};
    return (note   ? together_may_note(tx->conn, actor, act.row.conversation_id, err)
            : call ? true
                   : edit_answer(&act, text, err)) &&
           mark_apply(&act.change, act.edit, &act.row, &mark, err) && finish(&act, out, err);
}

// ---- Decide -----------------------------------------------------------------------------------------

bool message_resolve(struct tx *tx, const struct actor *actor, i64 id, struct str decision,
                     struct message *out, struct err *err)
{
    struct act act;
    const struct channel_driver *driver;
    if (!begin(&act, tx, actor, id, err)) {
        return false;
    }
    bool again = str_eq(decision, S("send_again"));
    if (again && !outbox_channel(tx, actor->workspace_id, act.row.channel_id, &driver, NULL, err)) {
        return false;
    }
    struct str state = again ? S("queued") : str_eq(decision, S("sent")) ? S("sent") : S("cancelled");
    return delivery_resolve(tx, actor->workspace_id, id, decision, err) &&
           message_row_state(&act.change, act.edit, &act.row, state, STR_NONE, err) && finish(&act, out, err);
}
