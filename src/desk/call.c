// SPDX-License-Identifier: AGPL-3.0-or-later
// See call.h. A call is a message like any other, with the word how it ended. When both spoke it answers, by
// its time, what the customer asked before it; a customer who did not reach us waits from then on.
#include "desk/call.h"
#include "channels/channel.h"
#include "desk/events.h"
#include "desk/outbox.h"
#include "desk/people.h"
#include "sql_gen.h"
#include "text/words.h"

enum { TEXT_MAX = 64 * 1024, LONGEST_S = 24 * 3600 };
static const i64 OLDEST_MS = (i64)366 * 24 * 3600 * 1000;
static const i64 AHEAD_MS = 60 * 1000; // clocks differ

static const char *const direction_names[] = {"in", "out", NULL};
static const struct field call_fields[] = {
    FIELD(call_body, FIELD_I64, channel_id, FIELD_REQUIRED, .doc = "One whose kind can log calls."),
    FIELD(call_body, FIELD_I64, conversation_id, FIELD_NULLABLE,
          .doc = "Where it belongs; null: the conversation of that number."),
    FIELD(call_body, FIELD_STR, number, 0, .max = 64,
          .doc =
              "The customer's; without a country it is read as dialled at the channel's place. May be left "
              "out when the conversation is named."),
    FIELD(call_body, FIELD_STR, name, 0, .max = 800, .doc = "The customer's name, when not known yet."),
    FIELD(call_body, FIELD_ENUM, direction, FIELD_REQUIRED, .names = direction_names,
          .doc = "in: the customer called; out: we did."),
    FIELD(call_body, FIELD_ENUM, result, FIELD_REQUIRED, .names = call_result_names),
    FIELD(call_body, FIELD_I64, seconds, 0, .max = LONGEST_S, .doc = "How long they spoke."),
    FIELD(call_body, FIELD_STR, text, 0, .max = TEXT_MAX, .doc = "What it was about."),
    FIELD(call_body, FIELD_TIME, at, FIELD_NULLABLE, .doc = "When it was; null: now."),
    FIELD(call_body, FIELD_STRUCT, callback, FIELD_NULLABLE, .type = &callback_body_type,
          .doc = "Books a call-back with it, or moves the one that is booked."),
    FIELD_END,
};
const struct type call_body_type = {"CallLog", call_fields, sizeof(struct call_body)};

struct logging {
    struct tx *tx;
    const struct actor *actor;
    const struct call_body *body;
    struct change change;
    struct edit *edit;
    struct started place; // thread_key: the number, as far as one was given
    i64 route_id, identity_id, at, message_id;
    bool in, reached;
};

static bool read_body(struct logging *l, struct err *err)
{
    const struct call_body *body = l->body;
    l->in = str_eq(body->direction, S("in"));
    l->reached = str_eq(body->result, S("reached"));
    l->at = body->at > 0 ? body->at : l->tx->now;
    if (l->at > l->tx->now + AHEAD_MS) {
        return err_field(err, "at", "in_the_future", "A call is logged after it took place.");
    }
    if (l->at < l->tx->now - OLDEST_MS) {
        return err_field(err, "at", "too_old", "A call is logged within a year.");
    }
    if (body->seconds < 0 || (body->seconds > 0 && !l->reached)) {
        return err_field(err, "seconds", "not_possible", "Only a call in which both spoke has a length.");
    }
    return true;
}

// Which number it is, as the channel's driver reads it.
static bool read_number(struct logging *l, struct err *err)
{
    const struct call_body *body = l->body;
    const struct channel_driver *driver;
    const struct json *settings = NULL;
    struct err why = {};
    if (!actor_may(l->actor, MAY_REPLY)) {
        return err_set(err, ERR_DENIED, "Your role may not log calls.");
    }
    if (!actor_sees(l->actor, body->channel_id, 0) ||
        !outbox_channel(l->tx, l->actor->workspace_id, body->channel_id, &driver, &settings, &why)) {
        if (why.code != ERR_NONE && why.code != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
        return err_field(err, "channel_id", "unknown", "There is no such channel.");
    }
    if (!(driver->can & CAN_CALL)) {
        return err_field(err, "channel_id", "not_possible", "%s is no channel for calls.", driver->title);
    }
    if (!str_given(body->number) || str_trim(body->number).len == 0) {
        return body->conversation_id > 0 ||
               err_field(err, "number", "required", "Whose call was it? Give the number or a conversation.");
    }
    struct channel_view view = {
        .id = body->channel_id, .kind = str_from(driver->kind), .settings = settings, .now = l->tx->now};
    return driver->start(&view, body->number, S(""), l->tx->arena, &l->place, err);
}

static bool open_named(struct logging *l, struct err *err)
{
    if (!change_open(&l->change, l->body->conversation_id, &l->edit, err)) {
        return false;
    }
    if (!actor_sees(l->actor, l->edit->before.channel_id, l->edit->before.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    return l->edit->before.merged_into == 0 ||
           err_set(err, ERR_CONFLICT, "This conversation went into number %lld.",
                   (long long)l->edit->before.merged_into);
}

static bool open_by_number(struct logging *l, struct err *err)
{
    struct thread_place place = {l->body->channel_id, S("phone"), l->place.thread_key,
                                 l->place.conversation_kind, l->place.visibility};
    if (!change_open_thread(&l->change, &place, &l->edit, &l->route_id, err)) {
        return false;
    }
    // It is there, but in a team's hands one does not see: nothing of it may be told.
    return l->edit->fresh || actor_sees(l->actor, l->edit->before.channel_id, l->edit->before.team_id) ||
           err_field(err, "number", "not_seen",
                     "Calls of this number are in a conversation of a team you are not in.");
}

// The customer called before: their number is known. Else the named conversation's customer has it from now
// on, or somebody new is met.
static bool find_person(struct logging *l, struct err *err)
{
    struct record *row = &l->edit->after;
    struct author_list known = {};
    struct author author = {};
    struct rows *rows;
    struct author_place place = {.kind = S("phone"), .scope = S("")};
    struct str number = l->place.thread_key;
    i64 contact = 0;
    struct str name = S("");
    if (!str_given(number)) {
        return true;
    }
    if (!db_query(l->tx->conn, &SQL_call_identity,
                  DB_ARGS(db_i64(l->actor->workspace_id), db_str(place.kind), db_str(number)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        l->identity_id = row_i64(rows, 0);
        contact = row_i64(rows, 1);
        name = row_str(rows, 2, l->tx->arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (l->identity_id == 0 && row->contact_id > 0) {
        contact = row->contact_id;
        name = row->contact_name;
        struct err why = {};
        if (!db_one_i64(l->tx->conn, &SQL_intake_identity_insert,
                        DB_ARGS(db_i64(l->actor->workspace_id), db_str(place.kind), db_str(place.scope),
                                db_str(number), db_str(number), db_str(name), db_i64(contact),
                                db_i64(l->tx->now)),
                        &l->identity_id, &why) &&
            why.code != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
    }
    if (l->identity_id == 0) {
        struct author_word word = {number, str_given(l->body->name) ? l->body->name : S(""), number,
                                   l->tx->now};
        if (!people_find(&l->change, &known, &place, &word, &author, err) ||
            !people_finish(&l->change, &known, err)) {
            return false;
        }
        l->identity_id = author.identity_id;
        contact = author.contact_id;
        name = author.contact_name;
    }
    if (row->contact_id == 0) {
        row->contact_id = contact;
        row->contact_name = name;
        row->contact_handle = number;
    }
    return true;
}

static bool insert(struct logging *l, struct err *err)
{
    const struct record *row = &l->edit->after;
    bool in = l->in;
    struct str text = str_given(l->body->text) ? str_trim(l->body->text) : S("");
    struct str who = in ? row->contact_name : str_given(l->actor->name) ? l->actor->name : S("");
    return db_one_i64(l->tx->conn, &SQL_call_insert,
                      DB_ARGS(db_i64(l->actor->workspace_id), db_i64(row->id), db_i64(l->body->channel_id),
                              db_str(l->body->direction), db_str(in ? S("customer") : S("agent")),
                              db_i64(in ? l->identity_id : 0), db_i64(l->actor->agent_id), db_str(who),
                              db_str(str_given(l->place.thread_key) ? l->place.thread_key : S("")),
                              db_str(text), db_i64(l->at), db_i64(l->tx->now), db_i64(l->route_id),
                              db_str(l->body->result), db_i64(l->body->seconds)),
                      &l->message_id, err);
}

static i64 later(i64 a, i64 b)
{
    return a > b ? a : b;
}

static void heard(struct logging *l)
{
    struct record *row = &l->edit->after;
    l->edit->touched = true;
    l->edit->renew_answered = l->edit->renew_preview = true;
    row->message_count++;
    row->last_message_at = later(row->last_message_at, l->at);
    if (l->in) {
        row->last_in_at = later(row->last_in_at, l->at);
    }
    if (l->reached) {
        row->last_out_at = later(row->last_out_at, l->at);
        row->unread = 0;
    }
    if (l->in && !l->reached && !str_eq(row->status, S("open"))) {
        change_reopen(l->edit);
    }
    if (l->edit->fresh) {
        row->assignee_id = l->actor->agent_id;
    }
}

// Errors name the field as the body has it.
static bool book(struct logging *l, struct err *err)
{
    if (l->body->callback.due_at == 0 ||
        callback_book_in(&l->change, l->actor, l->edit, &l->body->callback, err)) {
        return true;
    }
    err_prefix(err, "callback");
    return false;
}

bool call_log(struct tx *tx, const struct actor *actor, const struct call_body *body, struct message *out,
              struct err *err)
{
    struct logging l = {.tx = tx, .actor = actor, .body = body};
    change_init(&l.change, tx, actor->workspace_id, actor->agent_id);
    if (!read_body(&l, err) || !read_number(&l, err) ||
        !(body->conversation_id > 0 ? open_named(&l, err) : open_by_number(&l, err)) ||
        !find_person(&l, err) || !insert(&l, err)) {
        return false;
    }
    heard(&l);
    struct str data =
        str_printf(tx->arena, "{\"direction\":\"%s\",\"kind\":\"call\",\"origin\":\"%s\",\"result\":\"%s\"}",
                   l.in ? "in" : "out", l.in ? "customer" : "agent", str_cstr(tx->arena, body->result));
    return change_log(&l.change, EVENT_MESSAGE_CREATED, &l.edit->after, l.message_id, data, err) &&
           (!l.reached || callback_settle(&l.change, l.edit, err)) && book(&l, err) &&
           change_finish(&l.change, err) && message_get(tx->conn, actor, l.message_id, tx->arena, out, err);
}
