// SPDX-License-Identifier: AGPL-3.0-or-later
// Direct messages, in. Written to the contract of chat.bsky.convo (bluesky.md, section 5): the log is read
// from a cursor; the first time the newest place is taken from the list of conversations and what is recent
// is fetched. Where the network refuses, the channel stays well and its settings say why ("dm").
#include "base/clock.h"
#include "channels/bluesky.h"
#include <stdio.h>

enum {
    MOST_PAGES = 10,
    FIRST_CONVOS = 20,
    HOUR_MS = 3600000,
    LATER_MS = 300000,
    IDLE_MS = 30000,
    ACTIVE_MS = 6000
};
enum { FIRST_PAST_MS = 3 * 86400000 };
enum phase { LIST, MESSAGES, LOG, CONVO };

struct dm {
    struct str cursor; // where the log stands
    int pages;
    // first look
    const struct json *convos;
    size_t convo;
    // log
    const struct json *logs;
    size_t log;
    struct str next;
    struct {
        const struct json **items;
        size_t len, cap;
    } known; // convos asked for in this run
    bool heard;
};

static void fact(struct bsky *b, const char *text)
{
    struct buf out;
    buf_init(&out, b->arena, 4096);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "dm");
    json_put_str(&w, str_from(text));
    json_close(&w, '}');
    b->step->facts = buf_str(&out);
}

void bsky_dm_off(struct bsky *b)
{
    char text[240];
    struct str message = text_head(json_str(json_at(b->json, "message")), 100);
    if (!b->answer->got_answer)
        snprintf(text, sizeof text, "off: the network's chat service could not be reached");
    else if (bsky_error_is(b, "InvalidToken") || str_find(message, S("token")) >= 0)
        snprintf(text, sizeof text,
                 "off: this app password may not read direct messages; make one with that permission");
    else if (b->answer->status >= 500)
        snprintf(text, sizeof text, "off: the network's chat service fails (%d); it is tried again by itself",
                 b->answer->status);
    else
        snprintf(text, sizeof text, "off: the network refuses direct messages (%d " STR_FMT ")",
                 b->answer->status, STR_ARG(message));
    fact(b, text);
}

// Not a failure of the channel: mentions go on. Asked again later, sooner when it may be passing trouble.
static enum step_result refused(struct bsky *b, const struct dm *d)
{
    i64 now = b->step->channel->now;
    if (b->answer->got_answer && b->answer->status == 429)
        return bsky_problem(b);
    bsky_dm_off(b);
    b->step->cursor = d->cursor;
    b->step->next_at = now + (b->answer->got_answer && b->answer->status < 500 ? HOUR_MS : LATER_MS);
    return STEP_DONE;
}

static enum step_result finish(struct bsky *b, const struct dm *d, bool more)
{
    fact(b, "on");
    b->step->cursor = d->cursor;
    b->step->more = more;
    b->step->next_at = b->step->channel->now + (d->heard ? ACTIVE_MS : IDLE_MS);
    return STEP_DONE;
}

// ---- The first look -------------------------------------------------------------------------------
static bool is_recent(struct bsky *b, const struct json *convo)
{
    i64 at = bsky_time(json_at(convo, "lastMessage.sentAt"), 0);
    return at > b->step->channel->now - FIRST_PAST_MS;
}

static enum step_result next_convo(struct bsky *b, struct dm *d)
{
    for (; d->convo < json_len(d->convos) && d->convo < FIRST_CONVOS; d->convo++) {
        const struct json *convo = json_item(d->convos, d->convo);
        if (!is_recent(b, convo))
            continue;
        b->phase = MESSAGES;
        return bsky_chat_get(b, str_printf(b->arena, "chat.bsky.convo.getMessages?limit=50&convoId=" STR_FMT,
                                           STR_ARG(url_component(b->arena, json_str(json_at(convo, "id"))))));
    }
    return finish(b, d, true);
}

static enum step_result got_list(struct bsky *b, struct dm *d)
{
    if (!bsky_ok(b))
        return refused(b, d);
    d->convos = json_at(b->json, "convos");
    for (size_t i = 0; i < json_len(d->convos); i++) {
        struct str rev = json_str(json_at(json_item(d->convos, i), "rev"));
        if (str_cmp(rev, d->cursor) > 0)
            d->cursor = rev; // revs are sortable
    }
    return next_convo(b, d);
}

static enum step_result got_messages(struct bsky *b, struct dm *d)
{
    const struct json *messages = json_at(b->json, "messages"), *convo = json_item(d->convos, d->convo);
    i64 since = b->step->channel->now - FIRST_PAST_MS;
    if (!bsky_ok(b))
        return refused(b, d);
    for (size_t i = json_len(messages); i > 0; i--) { // the oldest first
        const struct json *message = json_item(messages, i - 1);
        if (bsky_time(json_at(message, "sentAt"), 0) > since)
            bsky_store(b, "message", message, "convo", convo);
    }
    d->convo++;
    return next_convo(b, d);
}

// ---- The log --------------------------------------------------------------------------------------
static enum step_result ask_log(struct bsky *b, struct dm *d)
{
    b->phase = LOG;
    if (!d->cursor.len)
        return bsky_chat_get(b, S("chat.bsky.convo.getLog"));
    return bsky_chat_get(b, str_printf(b->arena, "chat.bsky.convo.getLog?cursor=" STR_FMT,
                                       STR_ARG(url_component(b->arena, d->cursor))));
}

static const struct json *known_convo(const struct dm *d, struct str id)
{
    for (size_t i = 0; i < d->known.len; i++)
        if (str_eq(json_str(json_at(d->known.items[i], "id")), id))
            return d->known.items[i];
    return NULL;
}

static bool has_message(const struct json *log)
{
    struct str type = json_str(json_at(log, "$type"));
    return str_eq(type, S("chat.bsky.convo.defs#logCreateMessage")) ||
           str_eq(type, S("chat.bsky.convo.defs#logDeleteMessage"));
}

static enum step_result next_log(struct bsky *b, struct dm *d)
{
    for (; d->log < json_len(d->logs); d->log++) {
        const struct json *log = json_item(d->logs, d->log);
        struct str id = json_str(json_at(log, "convoId"));
        if (!has_message(log))
            continue; // reads, reactions, joins and whatever comes one day
        const struct json *convo = known_convo(d, id);
        if (!convo) { // who is in it
            b->phase = CONVO;
            return bsky_chat_get(b, str_printf(b->arena, "chat.bsky.convo.getConvo?convoId=" STR_FMT,
                                               STR_ARG(url_component(b->arena, id))));
        }
        d->heard = true;
        bsky_store(b, "log", log, "convo", json_len(convo) ? convo : NULL);
    }
    bool moved = d->next.len && !str_eq(d->next, d->cursor);
    if (moved)
        d->cursor = d->next;
    if (moved && json_len(d->logs) > 0 && ++d->pages < MOST_PAGES)
        return ask_log(b, d);
    return finish(b, d, moved && json_len(d->logs) > 0);
}

static enum step_result got_log(struct bsky *b, struct dm *d)
{
    if (!bsky_ok(b))
        return refused(b, d);
    d->logs = json_at(b->json, "logs");
    d->log = 0;
    d->next = json_str(json_at(b->json, "cursor"));
    return next_log(b, d);
}

static enum step_result got_convo(struct bsky *b, struct dm *d)
{
    const struct json *convo = json_at(b->json, "convo"), *log = json_item(d->logs, d->log);
    bool left = b->answer->got_answer && b->answer->status == 400; // left or gone: the message has its text
    if (!bsky_ok(b) && !left)
        return refused(b, d);
    if (!bsky_ok(b) || !str_eq(json_str(json_at(convo, "id")), json_str(json_at(log, "convoId")))) {
        d->heard = true;
        bsky_store(b, "log", log, NULL, NULL);
        d->log++;
        return next_log(b, d);
    }
    *list_push(&d->known, b->arena) = convo;
    return next_log(b, d);
}

static enum step_result step_of(struct bsky *b, const void *arg)
{
    const struct str *cursor = arg;
    struct dm *d = b->own;
    if (!b->answer) {
        d = b->own = arena_new(b->arena, struct dm);
        d->cursor = *cursor;
        if (cursor->len)
            return ask_log(b, d);
        b->phase = LIST;
        return bsky_chat_get(b, S("chat.bsky.convo.listConvos?limit=100"));
    }
    switch ((enum phase)b->phase) {
    case LIST:
        return got_list(b, d);
    case MESSAGES:
        return got_messages(b, d);
    case LOG:
        return got_log(b, d);
    case CONVO:
        return got_convo(b, d);
    }
    return bsky_problem(b);
}

enum step_result bsky_poll_dm(struct step *step, struct str cursor)
{
    return bsky_drive(step, false, step_of, &cursor);
}

// ---- Stored bodies --------------------------------------------------------------------------------
static const struct json *member_of(const struct json *convo, struct str did)
{
    const struct json *members = json_at(convo, "members");
    for (size_t i = 0; i < json_len(members); i++)
        if (str_eq(json_str(json_at(json_item(members, i), "did")), did))
            return json_item(members, i);
    return NULL;
}

static void put_author(struct inbound *in, const struct json *convo, struct str did)
{
    const struct json *member = member_of(convo, did);
    in->author_id = did;
    in->author_handle = json_str(json_at(member, "handle"));
    in->author_name = json_str(json_at(member, "displayName"));
    if (!in->author_name.len)
        in->author_name = in->author_handle.len ? in->author_handle : did;
}

bool bsky_receive_dm(const struct channel_view *channel, const struct json *raw, struct arena *arena,
                     struct inbound_list *out, struct err *err)
{
    const struct json *log = json_at(raw, "log"), *convo = json_at(raw, "convo");
    const struct json *message = log ? json_at(log, "message") : json_at(raw, "message");
    struct str type = json_str(json_at(log, "$type")), id = json_str(json_at(message, "id"));
    struct str convo_id = log ? json_str(json_at(log, "convoId")) : json_str(json_at(convo, "id"));
    struct str sender = json_str(json_at(message, "sender.did")), me = json_str(json_at(raw, "me"));
    bool deleted = str_eq(type, S("chat.bsky.convo.defs#logDeleteMessage")) ||
                   str_eq(json_str(json_at(message, "$type")), S("chat.bsky.convo.defs#deletedMessageView"));
    if (!id.len || !convo_id.len)
        return err_set(err, ERR_INVALID, "A direct message without an id or a conversation.");
    struct inbound in = {.type = deleted ? INBOUND_DELETED : INBOUND_CREATED,
                         .external_id =
                             str_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(convo_id), STR_ARG(id)),
                         .thread_key = convo_id,
                         .conversation_kind = S("dm"),
                         .visibility = S("private"),
                         .extra = S("{}"),
                         .at = bsky_time(json_at(message, "sentAt"), channel->now)};
    if (in.at > channel->now)
        in.at = channel->now;
    if (!deleted) {
        if (!sender.len)
            return true; // a system message of a group
        in.out = str_eq(sender, me.len ? me : channel->external_account_id);
        in.text = json_str(json_at(message, "text"));
        if (!str_given(in.text))
            in.text = S("");
        struct str answered = json_str(json_at(message, "replyTo.id"));
        if (answered.len)
            in.reply_to = str_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(convo_id), STR_ARG(answered));
        put_author(&in, convo, sender);
    }
    *list_push(out, arena) = in;
    return true;
}
