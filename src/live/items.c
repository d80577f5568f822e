// SPDX-License-Identifier: AGPL-3.0-or-later
// From a batch of events to frames. Each conversation and message is read once however often it changed,
// and built once however many see it.
#include "desk/channel.h"
#include "desk/events.h"
#include "desk/message.h"
#include "live/internal.h"

enum { ITEM_MAX = 8 * 1024 * 1024 };

struct str frame_text(struct arena *arena, const char *event, struct str json)
{
    return str_printf(arena, "event: %s\ndata: %.*s\n", event, STR_ARG(json));
}

static bool watched(const struct id_list *workspaces, i64 workspace_id)
{
    for (size_t i = 0; i < workspaces->len; i++) {
        if (workspaces->items[i] == workspace_id)
            return true;
    }
    return false;
}

// What of a batch is to be read: each thing once, in the order of its first event.
struct wanted {
    i64 workspace_id, id, conversation_id, before_team_id;
    bool moved, scheduled;
    i64 channel_id, team_id; // conversations: once read
    bool found;
};
struct wanted_list {
    struct wanted *items;
    size_t len, cap;
};

static struct wanted *want(struct wanted_list *list, i64 workspace_id, i64 id, struct arena *arena)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i].id == id)
            return &list->items[i];
    }
    struct wanted *wanted = list_push(list, arena);
    wanted->workspace_id = workspace_id;
    wanted->id = id;
    return wanted;
}

static struct str encode_conversation(const struct conversation *conversation, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, ITEM_MAX);
    struct json_writer w = json_writer(&out);
    conversation_encode(&w, conversation);
    return frame_text(arena, "conversation", buf_str(&out));
}

static bool add_conversation(struct conn *conn, struct wanted *wanted, struct arena *arena,
                             struct item_list *out, struct err *err)
{
    struct conversation conversation = {};
    struct actor system = actor_system(wanted->workspace_id);
    if (!conversation_get(conn, &system, wanted->id, arena, &conversation, err))
        return err->code == ERR_NOT_FOUND; // gone since then
    wanted->found = true;
    wanted->channel_id = conversation.channel_id;
    wanted->team_id = conversation.team.id;
    *list_push(out, arena) = (struct item){
        .workspace_id = wanted->workspace_id,
        .channel_id = conversation.channel_id,
        .team_id = conversation.team.id,
        .moved = wanted->moved,
        .before_team_id = wanted->before_team_id,
        .gone_id = conversation.id,
        .frame = encode_conversation(&conversation, arena),
    };
    return true;
}

static bool add_message(struct conn *conn, const struct wanted *wanted, const struct wanted *conversation,
                        struct arena *arena, struct item_list *out, struct err *err)
{
    struct message message = {};
    struct actor system = actor_system(wanted->workspace_id);
    if (!message_get(conn, &system, wanted->id, arena, &message, err))
        return err->code == ERR_NOT_FOUND;
    struct buf json;
    buf_init(&json, arena, ITEM_MAX);
    struct json_writer w = json_writer(&json);
    message_encode(&w, &message);
    *list_push(out, arena) = (struct item){
        .workspace_id = wanted->workspace_id,
        .channel_id = conversation->channel_id,
        .team_id = conversation->team_id,
        .frame = frame_text(arena, "message", buf_str(&json)),
    };
    return true;
}

// That a draft changed: to its writer's other screens, or to all who see the conversation when it is shared.
static bool add_draft(struct conn *conn, const struct event *event, struct arena *arena,
                      struct item_list *out, struct err *err)
{
    struct err ignored = {};
    struct conversation conversation = {};
    struct actor system = actor_system(event->workspace_id);
    const struct json *data = json_parse(event->data, arena, &ignored);
    struct item item = {.workspace_id = event->workspace_id,
                        .agent_id = event->agent_id,
                        .frame = frame_text(arena, "draft", event->data)};
    if (json_bool(json_at(data, "shared"))) {
        if (!conversation_get(conn, &system, json_i64(json_at(data, "conversation_id")), arena, &conversation,
                              err))
            return err->code == ERR_NOT_FOUND;
        item.agent_id = 0;
        item.channel_id = conversation.channel_id;
        item.team_id = conversation.team.id;
    }
    *list_push(out, arena) = item;
    return true;
}

static bool add_scheduled(const struct wanted *conversation, struct arena *arena, struct item_list *out)
{
    *list_push(out, arena) = (struct item){
        .workspace_id = conversation->workspace_id,
        .channel_id = conversation->channel_id,
        .team_id = conversation->team_id,
        .frame = frame_text(arena, "scheduled",
                            str_printf(arena, "{\"conversation_id\":%lld}", (long long)conversation->id)),
    };
    return true;
}

static bool add_channel(struct conn *conn, const struct wanted *wanted, struct arena *arena,
                        struct item_list *out, struct err *err)
{
    struct channel_row row = {};
    struct actor system = actor_system(wanted->workspace_id);
    if (!channel_get(conn, &system, wanted->id, arena, &row, err))
        return err->code == ERR_NOT_FOUND;
    struct buf json;
    buf_init(&json, arena, ITEM_MAX);
    struct json_writer w = json_writer(&json);
    json_encode(&w, &channel_type, &row);
    *list_push(out, arena) = (struct item){
        .workspace_id = wanted->workspace_id,
        .channel_id = row.id,
        .frame = frame_text(arena, "channel", buf_str(&json)),
    };
    return true;
}

// {"changes":{"team_id":{"before":…}}}: remembers the first of the batch, that is where screens saw it.
static void note_move(struct wanted *wanted, const struct event *event, struct arena *arena)
{
    struct err ignored = {};
    if (wanted->moved || str_find(event->data, S("\"team")) < 0)
        return;
    const struct json *data = json_parse(event->data, arena, &ignored);
    const struct json *change = json_at(data, "changes.team_id");
    if (!change)
        change = json_at(data, "changes.team");
    if (!change)
        return;
    const struct json *before = json_at(change, "before");
    wanted->moved = true;
    wanted->before_team_id =
        json_kind(before) == JSON_OBJECT ? json_i64(json_at(before, "id")) : json_i64(before);
}

// Changes that touch more than single items: whoever looks fetches anew.
static bool changes_everything(struct str kind)
{
    static const char *const kinds[] = {"team.updated",  "team.deleted",      "tag.updated",
                                        "tag.deleted",   "workspace.updated", "brand.created",
                                        "brand.updated", "brand.deleted"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_eq(kind, str_from(kinds[i])))
            return true;
    }
    return false;
}

// Somebody's saved folders changed; which, the page asks.
static void add_folders(const struct event *event, struct arena *arena, struct item_list *out)
{
    struct err ignored = {};
    const struct json *data = json_parse(event->data, arena, &ignored);
    i64 of_agent = data ? json_i64(json_at(data, "of_agent")) : 0;
    *list_push(out, arena) = (struct item){
        .workspace_id = event->workspace_id,
        .everybody = true,
        .frame = frame_text(arena, "folders", str_printf(arena, "{\"of_agent\":%lld}", (long long)of_agent))};
}

static void add_resync(i64 workspace_id, struct arena *arena, struct item_list *out)
{
    for (size_t i = 0; i < out->len; i++) {
        if (out->items[i].resync && out->items[i].workspace_id == workspace_id)
            return;
    }
    *list_push(out, arena) = (struct item){.workspace_id = workspace_id,
                                           .everybody = true,
                                           .resync = true,
                                           .frame = frame_text(arena, "resync", S("{}"))};
}

bool items_build(struct conn *conn, const struct event_list *events, const struct id_list *workspaces,
                 struct arena *arena, struct item_list *out, struct err *err)
{
    struct wanted_list conversations = {}, messages = {}, channels = {};
    for (size_t i = 0; i < events->len; i++) {
        const struct event *event = &events->items[i];
        if (!watched(workspaces, event->workspace_id))
            continue;
        if (changes_everything(event->kind))
            add_resync(event->workspace_id, arena, out);
        if (str_starts(event->kind, S("folder.")))
            add_folders(event, arena, out);
        if (str_starts(event->kind, S("channel.")) && event->channel_id)
            want(&channels, event->workspace_id, event->channel_id, arena);
        if (str_eq(event->kind, S(EVENT_DRAFT_UPDATED)) && !add_draft(conn, event, arena, out, err))
            return false;
        if (!event->conversation_id)
            continue;
        if (str_eq(event->kind, S(EVENT_CONVERSATION_SCHEDULED)))
            want(&conversations, event->workspace_id, event->conversation_id, arena)->scheduled = true;
        note_move(want(&conversations, event->workspace_id, event->conversation_id, arena), event, arena);
        if (event->message_id)
            want(&messages, event->workspace_id, event->message_id, arena)->conversation_id =
                event->conversation_id;
    }
    for (size_t i = 0; i < channels.len; i++) {
        if (!add_channel(conn, &channels.items[i], arena, out, err))
            return false;
    }
    for (size_t i = 0; i < conversations.len; i++) {
        if (!add_conversation(conn, &conversations.items[i], arena, out, err))
            return false;
    }
    for (size_t i = 0; i < messages.len; i++) {
        const struct wanted *message = &messages.items[i];
        const struct wanted *conversation =
            want(&conversations, message->workspace_id, message->conversation_id, arena);
        if (conversation->found && !add_message(conn, message, conversation, arena, out, err))
            return false;
    }
    for (size_t i = 0; i < conversations.len; i++) {
        if (conversations.items[i].found && conversations.items[i].scheduled &&
            !add_scheduled(&conversations.items[i], arena, out))
            return false;
    }
    return true;
}

bool item_shown(const struct item *item, const struct audience *audience, bool *ret_gone)
{
    *ret_gone = false;
    if (item->workspace_id != audience->workspace_id || item->agent_id > 0)
        return false;
    if (item->everybody || audience_sees(audience, item->channel_id, item->team_id))
        return true;
    *ret_gone = item->moved && audience_sees(audience, item->channel_id, item->before_team_id);
    return *ret_gone;
}

void item_add(struct buf *out, const struct item *item, bool gone, struct str id)
{
    if (id.len > 0)
        buf_printf(out, "id: %.*s\n", STR_ARG(id));
    if (gone)
        buf_printf(out, "event: gone\ndata: {\"id\":%lld}\n\n", (long long)item->gone_id);
    else {
        buf_add(out, item->frame);
        buf_add_char(out, '\n');
    }
}
