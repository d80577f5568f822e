// SPDX-License-Identifier: AGPL-3.0-or-later
// See start.h. The driver says in which thread it begins; that thread is a route with the address it
// reaches, which the driver is told with each message.
#include "desk/start.h"
#include "base/crypto.h"
#include "desk/events.h"
#include "desk/outbox.h"
#include "desk/people.h"
#include "desk/route.h"
#include "sql_gen.h"

static const struct field start_fields[] = {
    FIELD(start_body, FIELD_I64, channel_id, FIELD_REQUIRED, .doc = "One whose kind can start."),
    FIELD(start_body, FIELD_STR, address, FIELD_REQUIRED, .max = 1000, .doc = "Whom to write to, there."),
    FIELD(start_body, FIELD_STR, name, 0, .max = 800, .doc = "The customer's name, when not known yet."),
    FIELD(start_body, FIELD_STR, subject, 0, .max = 1000,
          .doc = "On channels of mail; else and without it the first line of the text."),
    FIELD(start_body, FIELD_STR, text, FIELD_REQUIRED, .max = 256 * 1024),
    FIELD(start_body, FIELD_LIST, attachments, 0, .max = 20, .type = &draft_attachment_type),
    FIELD_END,
};
const struct type start_body_type = {"ConversationStart", start_fields, sizeof(struct start_body)};
static const struct field way_body_fields[] = {
    FIELD(way_body, FIELD_I64, channel_id, FIELD_REQUIRED, .doc = "One whose kind can start."),
    FIELD(way_body, FIELD_STR, address, FIELD_REQUIRED, .max = 1000, .doc = "Whom to write to, there."),
    FIELD_END,
};
const struct type way_body_type = {"WayBody", way_body_fields, sizeof(struct way_body)};

struct beginning {
    const struct channel_driver *driver;
    struct started thread;
};

static bool begin(struct tx *tx, const struct actor *actor, i64 channel_id, struct str address,
                  struct beginning *out, struct err *err)
{
    struct err why = {};
    const struct json *settings = NULL;
    u8 random[12];
    if (!actor_may(actor, MAY_REPLY)) {
        return err_set(err, ERR_DENIED, "Your role may not write to customers.");
    }
    if (!actor_sees(actor, channel_id, 0) ||
        !outbox_channel(tx, actor->workspace_id, channel_id, &out->driver, &settings, &why)) {
        if (why.code != ERR_NONE && why.code != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
        return err_field(err, "channel_id", "unknown", "There is no such channel.");
    }
    if (!(out->driver->can & CAN_START) || !out->driver->start) {
        return err_field(err, "channel_id", "not_possible", "%s does not let us write first.",
                         out->driver->title);
    }
    random_bytes(random, sizeof random);
    struct channel_view view = {
        .id = channel_id, .kind = str_from(out->driver->kind), .settings = settings, .now = tx->now};
    return out->driver->start(&view, address,
                              hex_encode(tx->arena, (struct str){(const char *)random, sizeof random}),
                              tx->arena, &out->thread, err);
}

static struct way way_of(const struct beginning *b, i64 channel_id)
{
    return (struct way){.channel_id = channel_id,
                        .channel_kind = str_from(b->driver->kind),
                        .thread_key = b->thread.thread_key,
                        .kind = b->thread.conversation_kind,
                        .visibility = b->thread.visibility,
                        .address = b->thread.address};
}

// Who is written to: known by that id, or met now.
static bool set_contact(struct change *change, struct edit *edit, const struct beginning *b,
                        const struct start_body *body, struct err *err)
{
    struct author author = {};
    struct author_list authors = {};
    bool global = b->driver->can & CAN_GLOBAL_IDS;
    struct author_place place = {
        .kind = str_from(b->driver->kind),
        .scope = global ? S("") : str_printf(change->tx->arena, "%lld", (long long)body->channel_id)};
    if (!str_given(b->thread.external_id)) {
        return true;
    }
    struct author_word word = {b->thread.external_id, str_given(body->name) ? body->name : S(""),
                               b->thread.address, change->tx->now};
    if (!people_find(change, &authors, &place, &word, &author, err) ||
        !people_finish(change, &authors, err)) {
        return false;
    }
    edit->after.contact_id = author.contact_id;
    edit->after.contact_name = author.contact_name;
    edit->after.contact_handle = author.handle;
    return true;
}

bool start_conversation(struct tx *tx, const struct actor *actor, const struct start_body *body,
                        struct conversation *out, struct err *err)
{
    struct beginning b = {};
    struct change change;
    struct edit *edit;
    struct message sent;
    i64 route = 0;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!begin(tx, actor, body->channel_id, body->address, &b, err)) {
        return false;
    }
    bool subject = str_given(body->subject) && body->subject.len > 0;
    if (subject && !(b.driver->can & CAN_MAIL)) {
        return err_field(err, "subject", "not_possible", "%s has no subjects.", b.driver->title);
    }
    struct way way = way_of(&b, body->channel_id);
    struct thread_place place = {way.channel_id, way.channel_kind, way.thread_key, way.kind, way.visibility};
    if (!change_open_thread(&change, &place, &edit, &route, err)) {
        return false;
    }
    if (route == 0 && (!set_contact(&change, edit, &b, body, err) ||
                       !way_add(tx, actor->workspace_id, edit->after.id, &way, &route, err))) {
        return false;
    }
    struct message_draft draft = {.kind = S("reply"),
                                  .text = body->text,
                                  .route_id = route,
                                  .mail = {.subject = subject ? body->subject : STR_NONE},
                                  .attachments = body->attachments,
                                  .seen_message_id = -1};
    edit->after.assignee_id = edit->fresh ? actor->agent_id : edit->after.assignee_id;
    return change_finish(&change, err) && message_reply(tx, actor, edit->after.id, &draft, &sent, err) &&
           conversation_get(tx->conn, actor, edit->after.id, tx->arena, out, err);
}

bool start_way(struct tx *tx, const struct actor *actor, i64 conversation_id, const struct way_body *body,
               i64 *ret_route, struct err *err)
{
    struct beginning b = {};
    struct change change;
    struct edit *edit;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!change_open(&change, conversation_id, &edit, err)) {
        return false;
    }
    if (!actor_sees(actor, edit->after.channel_id, edit->after.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    if (!begin(tx, actor, body->channel_id, body->address, &b, err)) {
        return false;
    }
    struct way way = way_of(&b, body->channel_id);
    if (!way_add(tx, actor->workspace_id, conversation_id, &way, ret_route, err)) {
        return false;
    }
    struct str data = str_printf(tx->arena, "{\"route_id\":%lld,\"channel_id\":%lld}", (long long)*ret_route,
                                 (long long)body->channel_id);
    return change_log(&change, EVENT_CONVERSATION_WAY, &edit->after, 0, data, err);
}
