// SPDX-License-Identifier: AGPL-3.0-or-later
// See visitors_internal.h. A frame carries the place of its event in the log; what a stream may hear is
// decided by its thread, never by its conversation.
#include "desk/events.h"
#include "live/visitors_internal.h"

static struct str id_of(const struct event *event, struct arena *arena)
{
    return log_cursor_format(arena, (struct log_cursor){event->epoch, event->xid, event->id});
}

bool vframe_concerns_message(const struct event *event)
{
    static const char *const kinds[] = {EVENT_MESSAGE_CREATED, EVENT_MESSAGE_STATE, EVENT_MESSAGE_EDITED,
                                        EVENT_MESSAGE_DELETED, EVENT_MESSAGE_ATTACHMENT};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (event->message_id && str_eq(event->kind, str_from(kinds[i])))
            return true;
    return false;
}

static struct str message_frame(const struct event *event, const struct visitor_message *message,
                                struct arena *arena)
{
    struct buf json;
    buf_init(&json, arena, 4 * 1024 * 1024);
    struct json_writer w = json_writer(&json);
    json_encode(&w, &visitor_message_type, message);
    return str_printf(arena, "id: %.*s\nevent: message\ndata: %.*s\n\n", STR_ARG(id_of(event, arena)),
                      STR_ARG(buf_str(&json)));
}

bool vstream_hears(const struct vstream *s, const struct event *event, const struct visitor_message *message)
{
    return s->who.workspace_id == event->workspace_id && s->who.channel_id == message->channel_id &&
           str_eq(s->who.thread_key, message->thread);
}

static struct str seen_frame(const struct event *event, struct arena *arena)
{
    return str_printf(arena, "id: %.*s\nevent: seen\ndata: {}\n\n", STR_ARG(id_of(event, arena)));
}

bool vframe_load(struct conn *conn, const struct event *event, struct arena *arena, struct told *told,
                 struct err *err)
{
    if (told->loaded)
        return true;
    struct err why = {};
    told->visible =
        visitor_message_load(conn, event->workspace_id, event->message_id, arena, &told->message, &why);
    if (!told->visible && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    told->loaded = true;
    return true;
}

struct str vframe_for(const struct vstream *s, const struct event *event, const struct told *told,
                      struct arena *arena)
{
    if (vframe_concerns_message(event) && told->visible && vstream_hears(s, event, &told->message)) {
        struct visitor_message message = told->message;
        visitor_message_name(&message, s->naming);
        return message_frame(event, &message, arena);
    }
    if (str_eq(event->kind, S(EVENT_CONVERSATION_READ)) && s->conversation_id &&
        event->conversation_id == s->conversation_id && event->workspace_id == s->who.workspace_id)
        return seen_frame(event, arena);
    return S("");
}
