// SPDX-License-Identifier: AGPL-3.0-or-later
// The reader behind outgoing webhooks: from events to rows. What an endpoint is told is read with the eyes
// of whoever made it, in the transaction that moves the cursor, so each event is one row per endpoint.
#include "base/buf.h"
#include "base/clock.h"
#include "desk/card.h"
#include "desk/channel.h"
#include "desk/conversation.h"
#include "desk/events.h"
#include "desk/message.h"
#include "desk/webhook.h"
#include "sql_gen.h"

enum { BODY_MAX = 4 * 1024 * 1024 };

const struct webhook_kind webhook_kinds[] = {
    {EVENT_CONVERSATION_CREATED, WEBHOOK_CONVERSATION, "The first message of a thread came"},
    {EVENT_CONVERSATION_UPDATED, WEBHOOK_CONVERSATION,
     "Status, assignee, team, priority, tags or anything else of a conversation changed; changes says what"},
    {EVENT_MESSAGE_CREATED, WEBHOOK_CONVERSATION | WEBHOOK_MESSAGE, "A message, an answer or a note is here"},
    {EVENT_MESSAGE_EDITED, WEBHOOK_CONVERSATION | WEBHOOK_MESSAGE, "Its text changed"},
    {EVENT_MESSAGE_DELETED, WEBHOOK_CONVERSATION | WEBHOOK_MESSAGE, "It is gone"},
    {EVENT_MESSAGE_STATE, WEBHOOK_CONVERSATION | WEBHOOK_MESSAGE,
     "An answer came further, failed, is in doubt or was cancelled"},
    {EVENT_MESSAGE_LIKED, WEBHOOK_CONVERSATION | WEBHOOK_MESSAGE, "Our like was set or taken back"},
    {EVENT_MESSAGE_ATTACHMENT, WEBHOOK_CONVERSATION | WEBHOOK_MESSAGE,
     "A file is ready, was refused or failed"},
    {EVENT_CONTACT_CREATED, WEBHOOK_CONTACT, "A person wrote for the first time"},
    {EVENT_CONTACT_UPDATED, WEBHOOK_CONTACT, "A person's card changed"},
    {EVENT_CONTACT_MERGED, WEBHOOK_CONTACT, "Two contacts are shown as one"},
    {EVENT_CONTACT_UNMERGED, WEBHOOK_CONTACT, "… and are two again"},
    {EVENT_CHANNEL_UPDATED, WEBHOOK_CHANNEL, "Name, settings or state of a channel changed"},
    {},
};

struct endpoint {
    i64 id, agent_id, workspace_id, created_at;
    struct str kinds;
    struct actor actor;
    bool loaded, gone;
};
struct endpoint_list {
    struct endpoint *items;
    size_t len, cap;
};

struct str webhook_body(struct arena *arena, struct str kind, i64 at, struct str data_json)
{
    struct buf body;
    buf_init(&body, arena, BODY_MAX + 1024);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    json_key(&w, "type");
    json_put_str(&w, kind);
    json_key(&w, "timestamp");
    json_put_time(&w, at);
    json_key(&w, "data");
    json_put_raw(&w, data_json);
    json_close(&w, '}');
    return buf_str(&body);
}

static const struct webhook_kind *public_kind(struct str kind)
{
    for (const struct webhook_kind *k = webhook_kinds; k->kind; k++) {
        if (str_eq(kind, str_from(k->kind)))
            return k;
    }
    return NULL;
}

static bool wants(const struct endpoint *endpoint, struct str kind)
{
    struct str rest = endpoint->kinds;
    while (rest.len > 0) {
        if (str_eq(str_cut(rest, ' ', &rest), kind))
            return true;
    }
    return false;
}

// What is not there (any more) or not for these eyes: *ret_shown is false, and the event is not told.
static bool judge(bool got, bool *ret_shown, const struct err *err)
{
    *ret_shown = got;
    return got || err->code == ERR_NOT_FOUND || err->code == ERR_DENIED;
}

static bool put_conversation(struct tx *tx, const struct actor *actor, i64 id, struct json_writer *w,
                             bool *ret_shown, struct err *err)
{
    struct conversation conversation = {};
    if (!judge(conversation_get(tx->conn, actor, id, tx->arena, &conversation, err), ret_shown, err))
        return false;
    if (*ret_shown) {
        json_key(w, "conversation");
        conversation_encode(w, &conversation);
    }
    return true;
}

static bool put_message(struct tx *tx, const struct actor *actor, i64 id, struct json_writer *w,
                        bool *ret_shown, struct err *err)
{
    struct message message = {};
    if (!judge(message_get(tx->conn, actor, id, tx->arena, &message, err), ret_shown, err))
        return false;
    if (*ret_shown) {
        json_key(w, "message");
        message_encode(w, &message);
    }
    return true;
}

static bool put_contact(struct tx *tx, const struct actor *actor, struct str data, struct json_writer *w,
                        bool *ret_shown, struct err *err)
{
    struct card card = {};
    const struct json *json = json_parse(data, tx->arena, err);
    i64 id = json_i64(json_at(json, "contact_id"));
    if (!judge(card_get(tx->conn, actor, id, tx->arena, &card, err), ret_shown, err))
        return false;
    if (*ret_shown) {
        json_key(w, "contact");
        json_encode(w, &card_type, &card);
    }
    return true;
}

static bool put_channel(struct tx *tx, const struct actor *actor, i64 id, struct json_writer *w,
                        bool *ret_shown, struct err *err)
{
    struct channel_row row = {};
    if (!judge(channel_get(tx->conn, actor, id, tx->arena, &row, err), ret_shown, err))
        return false;
    if (*ret_shown) {
        json_key(w, "channel");
        json_encode(w, &channel_type, &row);
    }
    return true;
}

// The event's own details, by whom, and the whole things it is about.
static bool put_items(struct tx *tx, const struct actor *actor, const struct webhook_kind *kind,
                      const struct event *event, struct json_writer *w, bool *ret_shown, struct err *err)
{
    bool shown = true;
    json_open(w, '{');
    json_key(w, "agent_id");
    json_put_i64(w, event->agent_id);
    json_key(w, "details");
    json_put_raw(w, event->data.len ? event->data : S("{}"));
    if ((kind->items & WEBHOOK_CONVERSATION) &&
        !put_conversation(tx, actor, event->conversation_id, w, &shown, err))
        return false;
    if (shown && (kind->items & WEBHOOK_MESSAGE) &&
        !put_message(tx, actor, event->message_id, w, &shown, err))
        return false;
    if ((kind->items & WEBHOOK_CONTACT) && !put_contact(tx, actor, event->data, w, &shown, err))
        return false;
    if ((kind->items & WEBHOOK_CHANNEL) && !put_channel(tx, actor, event->channel_id, w, &shown, err))
        return false;
    json_close(w, '}');
    *ret_shown = shown;
    return true;
}

static bool tell(struct tx *tx, const struct endpoint *endpoint, const struct webhook_kind *kind,
                 const struct event *event, struct err *err)
{
    struct buf data;
    bool shown;
    buf_init(&data, tx->arena, BODY_MAX);
    struct json_writer w = json_writer(&data);
    if (!put_items(tx, &endpoint->actor, kind, event, &w, &shown, err))
        return false;
    if (!shown || data.overflow)
        return true;
    struct str key = str_printf(tx->arena, "evt_%lld_%lld_%lld", (long long)event->epoch,
                                (long long)event->xid, (long long)event->id);
    return db_exec(
        tx->conn, &SQL_webhook_delivery_insert,
        DB_ARGS(db_i64(event->workspace_id), db_i64(endpoint->id), db_str(key), db_str(event->kind),
                db_str(webhook_body(tx->arena, event->kind, event->at, buf_str(&data))), db_i64(tx->now)),
        NULL, err);
}

static bool load_endpoints(struct tx *tx, i64 workspace_id, struct endpoint_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_webhook_active, DB_ARGS(db_i64(workspace_id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, tx->arena) = (struct endpoint){.id = row_i64(rows, 0),
                                                       .agent_id = row_i64(rows, 1),
                                                       .kinds = row_str(rows, 2, tx->arena),
                                                       .created_at = row_i64(rows, 3),
                                                       .workspace_id = workspace_id};
    return rows_end(rows, err);
}

// Its maker as they are now; whoever is disabled or no administrator any more hears nothing.
static bool ready(struct tx *tx, struct endpoint *endpoint, struct err *err)
{
    if (endpoint->loaded)
        return true;
    endpoint->loaded = true;
    if (!actor_load(tx->conn, endpoint->agent_id, tx->arena, &endpoint->actor, err)) {
        endpoint->gone = true;
        return err->code == ERR_UNAUTHENTICATED;
    }
    endpoint->actor.scopes = SCOPE_ALL;
    endpoint->gone = !actor_may(&endpoint->actor, MAY_ADMIN);
    return true;
}

static bool tell_all(struct tx *tx, struct endpoint_list *endpoints, const struct webhook_kind *kind,
                     const struct event *event, struct err *err)
{
    for (size_t i = 0; i < endpoints->len; i++) {
        struct endpoint *endpoint = &endpoints->items[i];
        if (endpoint->workspace_id != event->workspace_id || event->at < endpoint->created_at ||
            !wants(endpoint, event->kind))
            continue;
        if (!ready(tx, endpoint, err) || (!endpoint->gone && !tell(tx, endpoint, kind, event, err)))
            return false;
    }
    return true;
}

static bool known(const struct id_list *ids, i64 id)
{
    for (size_t i = 0; i < ids->len; i++) {
        if (ids->items[i] == id)
            return true;
    }
    return false;
}

bool webhook_read(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    struct endpoint_list endpoints = {};
    struct id_list workspaces = {};
    i64 any;
    (void)arg;
    if (!db_one_i64(tx->conn, &SQL_webhook_active_any, DB_NO_ARGS, &any, err))
        return false;
    for (size_t i = 0; any > 0 && i < events->len; i++) {
        const struct event *event = &events->items[i];
        const struct webhook_kind *kind = public_kind(event->kind);
        if (!kind)
            continue;
        if (!known(&workspaces, event->workspace_id)) {
            *list_push(&workspaces, tx->arena) = event->workspace_id;
            if (!load_endpoints(tx, event->workspace_id, &endpoints, err))
                return false;
        }
        if (!tell_all(tx, &endpoints, kind, event, err))
            return false;
    }
    return true;
}
