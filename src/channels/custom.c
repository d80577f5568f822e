// SPDX-License-Identifier: AGPL-3.0-or-later
// The custom channel, in: any program is a network by posting signed events to /hooks/custom/ID. The
// contract is docs/channels/custom.md. One event or a list; what cannot be read of a list is set aside
// alone. Out is custom_send.c.
#include "channels/custom.h"
#include "base/buf.h"
#include "base/clock.h"
#include <stdio.h>

enum {
    MAX_ID = 512,
    MAX_NAME = 1000,
    MAX_TEXT = 200000,
    MAX_URL = 4096,
    MAX_ATTACHMENTS = 20,
    MAX_EVENT = 2 << 20,
};

struct webhook_secrets custom_secrets(const struct channel_view *channel)
{
    struct webhook_secrets secrets = {};
    struct str current = json_str(json_at(channel->secret, "secret"));
    struct str previous = json_str(json_at(channel->secret, "previous"));
    if (current.len)
        secrets.items[secrets.len++] = current;
    if (previous.len && json_i64(json_at(channel->secret, "previous_until")) > channel->now)
        secrets.items[secrets.len++] = previous;
    return secrets;
}

static bool custom_verify(const struct channel_view *channel, const struct hook_request *request,
                          struct arena *arena, struct err *err)
{
    struct webhook_secrets secrets = custom_secrets(channel);
    struct webhook_head head = {
        .id = request->header(request, "webhook-id"),
        .timestamp = request->header(request, "webhook-timestamp"),
        .signature = request->header(request, "webhook-signature"),
    };
    return webhook_verify(&secrets, &head, request->body, channel->now, arena, err);
}

// ---- One event ------------------------------------------------------------------------------------
// Reading a member notes the first thing that is wrong; what follows does nothing then.
struct reading {
    const struct json *event;
    char reason[160];
};

static void wrong(struct reading *r, const char *field, const char *what)
{
    if (!r->reason[0])
        snprintf(r->reason, sizeof r->reason, "%s %s", field, what);
}

static struct str text_of(struct reading *r, const struct json *object, const char *name, size_t max,
                          bool required)
{
    const struct json *value = json_at(object, name);
    if (json_is_null(value)) {
        if (required)
            wrong(r, name, "is missing");
        return STR_NONE;
    }
    struct str text = json_str(value);
    if (!str_given(text))
        wrong(r, name, "is not a string");
    else if (text.len > max)
        wrong(r, name, "is too long");
    else if (required && text.len == 0)
        wrong(r, name, "is empty");
    return text;
}

// An id may also come as a number: other programs' ids often are. It is kept as text.
static struct str id_of(struct reading *r, const char *path, bool required, struct arena *arena)
{
    const struct json *value = json_at(r->event, path);
    if (json_kind(value) == JSON_INT)
        return str_printf(arena, "%lld", (long long)json_i64(value));
    return text_of(r, r->event, path, MAX_ID, required);
}

static i64 time_of(struct reading *r, const char *name, i64 fallback)
{
    i64 at = 0;
    struct str text = text_of(r, r->event, name, 64, fallback == 0);
    if (!str_given(text))
        return fallback;
    if (!clock_parse(text, &at))
        wrong(r, name, "is not a time like 2026-11-24T05:35:00Z");
    return at ? at : 1; // 0 means "no time" further on; the first millisecond of 1970 is one
}

// One of two words; the first is the default.
static bool is_second(struct reading *r, const char *name, const char *first, const char *second)
{
    struct str word = text_of(r, r->event, name, 32, false);
    if (!str_given(word) || str_eq(word, str_from(first)))
        return false;
    if (str_eq(word, str_from(second)))
        return true;
    snprintf(r->reason, sizeof r->reason, "%s is neither %s nor %s", name, first, second);
    return false;
}

static i64 size_of(struct reading *r, const struct json *object, const char *name)
{
    const struct json *value = json_at(object, name);
    if (json_is_null(value))
        return 0;
    i64 size = json_i64(value);
    if (json_kind(value) != JSON_INT || size < 0)
        wrong(r, name, "is not a whole number");
    return size;
}

static void read_attachment(struct reading *r, const struct json *item, struct inbound *in,
                            struct arena *arena)
{
    struct inbound_attachment a = {
        .url = text_of(r, item, "url", MAX_URL, true),
        .mime = text_of(r, item, "mime", 255, false),
        .name = text_of(r, item, "name", MAX_NAME, false),
        .alt = text_of(r, item, "alt", 10000, false),
        .size = size_of(r, item, "size"),
        .width = size_of(r, item, "width"),
        .height = size_of(r, item, "height"),
    };
    if (str_given(a.url) && !str_starts(a.url, S("https://")) && !str_starts(a.url, S("http://")))
        wrong(r, "attachments.url", "is not an http or https address");
    *list_push(&in->attachments, arena) = a;
}

static void read_attachments(struct reading *r, struct inbound *in, struct arena *arena)
{
    const struct json *list = json_at(r->event, "attachments");
    if (json_is_null(list))
        return;
    if (json_kind(list) != JSON_ARRAY || json_len(list) > MAX_ATTACHMENTS) {
        wrong(r, "attachments", "is not a list of at most 20");
        return;
    }
    for (size_t i = 0; i < json_len(list); i++)
        read_attachment(r, json_item(list, i), in, arena);
}

static void read_created(struct reading *r, const struct channel_view *channel, struct inbound *in,
                         struct arena *arena)
{
    in->type = INBOUND_CREATED;
    in->out = is_second(r, "direction", "in", "out");
    bool public_ = is_second(r, "visibility", "private", "public");
    in->visibility = public_ ? S("public") : S("private");
    in->conversation_kind = public_ ? S("thread") : S("dm");
    in->author_id = id_of(r, "author.id", !in->out, arena);
    in->author_name = text_of(r, r->event, "author.name", MAX_NAME, false);
    in->author_handle = text_of(r, r->event, "author.handle", MAX_NAME, false);
    in->text = text_of(r, r->event, "text", MAX_TEXT, json_len(json_at(r->event, "attachments")) == 0);
    if (!str_given(in->text))
        in->text = S("");
    in->reply_to = id_of(r, "reply_to", false, arena);
    in->at = time_of(r, "created_at", channel->now);
    read_attachments(r, in, arena);
}

static void read_kind(struct reading *r, struct str type, const struct channel_view *channel,
                      struct inbound *in, struct arena *arena)
{
    if (str_eq(type, S("message.created"))) {
        read_created(r, channel, in, arena);
    } else if (str_eq(type, S("message.edited"))) {
        in->type = INBOUND_EDITED;
        in->text = text_of(r, r->event, "text", MAX_TEXT, false);
        if (!str_given(in->text))
            wrong(r, "text", "is missing");
        in->at = time_of(r, "at", 0); // the repeat of an edit is told by it
    } else if (str_eq(type, S("message.deleted"))) {
        in->type = INBOUND_DELETED;
        in->at = time_of(r, "at", channel->now);
    } else if (str_eq(type, S("receipt.delivered")) || str_eq(type, S("receipt.read"))) {
        in->type = str_eq(type, S("receipt.read")) ? INBOUND_READ : INBOUND_DELIVERED;
        in->at = time_of(r, "at", channel->now);
    } else if (str_given(type)) {
        wrong(r, "type",
              "is none of message.created, message.edited, message.deleted, receipt.delivered, "
              "receipt.read");
    }
}

static bool read_event(const struct channel_view *channel, struct reading *r, struct inbound *in,
                       struct arena *arena)
{
    if (json_kind(r->event) != JSON_OBJECT) {
        wrong(r, "The event", "is not an object");
        return false;
    }
    struct str type = text_of(r, r->event, "type", 64, true);
    in->external_id = id_of(r, "id", true, arena);
    in->thread_key = id_of(r, "thread", true, arena);
    read_kind(r, type, channel, in, arena);
    return !r->reason[0];
}

static void set_aside(const struct reading *r, struct arena *arena, struct unreadable_list *bad)
{
    struct buf bytes;
    buf_init(&bytes, arena, MAX_EVENT);
    json_dump(&bytes, r->event);
    struct unreadable *item = list_push(bad, arena);
    item->bytes = buf_str(&bytes);
    snprintf(item->reason, sizeof item->reason, "%s", r->reason);
}

static void receive_one(const struct channel_view *channel, const struct json *event, struct arena *arena,
                        struct inbound_list *out, struct unreadable_list *bad)
{
    struct reading r = {.event = event};
    struct inbound in = {};
    if (read_event(channel, &r, &in, arena))
        *list_push(out, arena) = in;
    else
        set_aside(&r, arena, bad);
}

static bool custom_receive(const struct channel_view *channel, struct str stream, struct str body,
                           struct arena *arena, struct inbound_list *out, struct unreadable_list *bad,
                           struct err *err)
{
    (void)stream;
    const struct json *value = json_parse_lenient(body, arena, err); // the raw bytes are kept beside it
    if (!value)
        return false;
    if (json_kind(value) != JSON_ARRAY) {
        receive_one(channel, value, arena, out, bad);
        return true;
    }
    if (json_len(value) > CUSTOM_MAX_EVENTS)
        return err_set(err, ERR_TOO_LARGE, "A list holds at most %d events.", CUSTOM_MAX_EVENTS);
    for (size_t i = 0; i < json_len(value); i++)
        receive_one(channel, json_item(value, i), arena, out, bad);
    return true;
}

// Commas at depth one, without parsing: the answer to the webhook must not cost more than storing it.
static size_t custom_count(struct str body)
{
    struct str text = str_trim(body);
    size_t n = 0, depth = 0;
    bool quoted = false, any = false;
    if (text.len == 0 || text.ptr[0] != '[')
        return text.len ? 1 : 0;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
            continue;
        }
        if (c == ']' && depth == 0)
            break;
        any |= c != ' ' && c != '\n' && c != '\r' && c != '\t';
        quoted = c == '"';
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        else if (c == ',' && depth == 0)
            n++;
    }
    return any ? n + 1 : 0;
}

// The receiver learns the thread from us; whom it is for stands in `to`.
static bool custom_start(const struct channel_view *channel, struct str address, struct str unique,
                         struct arena *arena, struct started *out, struct err *err)
{
    (void)channel;
    struct str to = str_trim(address);
    if (to.len == 0 || to.len > MAX_ID)
        return err_field(err, "address", "invalid", "The customer's id in the other program is needed.");
    *out = (struct started){.thread_key = str_printf(arena, "heed-" STR_FMT, STR_ARG(unique)),
                            .conversation_kind = S("dm"),
                            .visibility = S("private"),
                            .address = to,
                            .external_id = to};
    return true;
}

static const struct channel_setting custom_settings[] = {
    {.name = "deliver_url", .kind = SETTING_URL, .max = 2048, .dialled = true},
    {.name = "idempotent", .kind = SETTING_BOOL, .fallback = "true"},
    {.name = "signature", .kind = SETTING_BOOL, .fallback = "false"},
    {.name = "reply_window_hours", .kind = SETTING_NUMBER, .max = 24 * 365},
    {},
};

const struct channel_driver channel_custom = {
    .kind = "custom",
    .title = "Custom",
    .can = CAN_WEBHOOK | CAN_LIKE | CAN_DELETE_OWN | CAN_CONFIRM | CAN_DM | CAN_PUBLIC | CAN_EDIT_OWN |
           CAN_START,
    .text_public = {.unit = UNIT_CODE_POINTS, .max = 20000},
    .text_private = {.unit = UNIT_CODE_POINTS, .max = 20000},
    .files = FILE_ANY,
    .max_files = 10,
    .address_above = 1 << 20,
    .settings = custom_settings,
    .verify = custom_verify,
    .receive = custom_receive,
    .count = custom_count,
    .health = custom_health,
    .send = custom_send,
    .confirm = custom_confirm,
    .start = custom_start,
};
