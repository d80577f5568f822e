// SPDX-License-Identifier: AGPL-3.0-or-later
// Live chat. Its network is Heed itself: api/chat.c stores what visitors say as raw bodies like those of any
// network, and an answer has arrived once it is in the log, where live/visitors.c finds it. A message is
// known by its thread and a part of its own, "THREAD/cID" for theirs and "THREAD/mKEY" for ours, so whoever
// may read a thread can be told by the beginning of the id alone, whatever conversation it is shown in.
#include "base/clock.h"
#include "channels/hours.h"
#include "channels/visitor.h"
#include <stdio.h>

// ---- In -------------------------------------------------------------------------------------------
static bool is_token(struct str text, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '_';
        if (!fits)
            return false;
    }
    return true;
}

bool visitor_id_valid(struct str id)
{
    return is_token(id, VISITOR_MAX_ID);
}

void visitor_put_message(struct json_writer *w, const struct visitor_said *said)
{
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"thread", said->thread},    {"author", said->author}, {"name", said->name},
                 {"handle", said->handle},    {"id", said->id},         {"text", said->text},
                 {"language", said->language}};
    json_open(w, '{');
    json_key(w, "type");
    json_put_str(w, S("message"));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        json_key(w, texts[i].name);
        json_put_str(w, str_given(texts[i].value) ? texts[i].value : S(""));
    }
    json_key(w, "at");
    json_put_i64(w, said->at);
    json_key(w, "files");
    json_open(w, '[');
    for (size_t i = 0; i < said->files.len; i++) {
        const struct visitor_file *file = &said->files.items[i];
        json_open(w, '{');
        json_key(w, "sha256");
        json_put_str(w, file->sha256);
        json_key(w, "mime");
        json_put_str(w, file->mime);
        json_key(w, "name");
        json_put_str(w, file->name);
        json_key(w, "size");
        json_put_i64(w, file->size);
        json_key(w, "width");
        json_put_i64(w, file->width);
        json_key(w, "height");
        json_put_i64(w, file->height);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

static struct str text_at(const struct json *body, const char *name, size_t max, char reason[160])
{
    struct str text = json_str(json_at(body, name));
    if (!str_given(text) || text.len > max) {
        snprintf(reason, 160, "%s is not a text of at most %zu bytes", name, max);
        return S("");
    }
    return text;
}

static bool read_file(const struct json *item, struct inbound_attachment *out)
{
    *out = (struct inbound_attachment){
        .sha256 = json_str(json_at(item, "sha256")),
        .mime = json_str(json_at(item, "mime")),
        .name = json_str(json_at(item, "name")),
        .size = json_i64(json_at(item, "size")),
        .width = json_i64(json_at(item, "width")),
        .height = json_i64(json_at(item, "height")),
    };
    return out->sha256.len == 64 && is_token(out->sha256, 64) && out->mime.len < 256 && out->name.len < 1000;
}

static bool read_files(const struct json *list, struct arena *arena, struct inbound *out, char reason[160])
{
    if (json_kind(list) != JSON_ARRAY || json_len(list) > VISITOR_MAX_FILES) {
        snprintf(reason, 160, "files is not a list of at most %d", VISITOR_MAX_FILES);
        return false;
    }
    for (size_t i = 0; i < json_len(list); i++) {
        struct inbound_attachment file;
        if (!read_file(json_item(list, i), &file)) {
            snprintf(reason, 160, "files holds something that is no file");
            return false;
        }
        *list_push(&out->attachments, arena) = file;
    }
    return true;
}

bool visitor_read_message(const struct json *body, struct arena *arena, struct inbound *out, char reason[160])
{
    struct str thread = text_at(body, "thread", VISITOR_MAX_THREAD, reason);
    struct str id = text_at(body, "id", VISITOR_MAX_ID, reason);
    *out = (struct inbound){
        .type = INBOUND_CREATED,
        .thread_key = thread,
        .conversation_kind = S("dm"),
        .visibility = S("private"),
        .author_id = text_at(body, "author", VISITOR_MAX_NAME + 100, reason),
        .author_name = text_at(body, "name", VISITOR_MAX_NAME, reason),
        .author_handle = text_at(body, "handle", VISITOR_MAX_NAME + 100, reason),
        .text = text_at(body, "text", VISITOR_MAX_TEXT * 4, reason),
        .at = json_i64(json_at(body, "at")),
    };
    if (reason[0])
        return false;
    if (!is_token(thread, VISITOR_MAX_THREAD) || !visitor_id_valid(id) || out->author_id.len == 0 ||
        out->at <= 0) {
        snprintf(reason, 160, "the thread, the id, the author or the time is missing");
        return false;
    }
    out->external_id = str_printf(arena, STR_FMT "/c" STR_FMT, STR_ARG(thread), STR_ARG(id));
    return read_files(json_at(body, "files"), arena, out, reason);
}

// {"type":"receipt","thread":…,"state":"delivered"|"read","ids":["m…"],"at":…}: of answers of this thread.
static bool read_receipts(const struct json *body, struct arena *arena, struct inbound_list *out,
                          char reason[160])
{
    struct str thread = text_at(body, "thread", VISITOR_MAX_THREAD, reason);
    bool read = str_eq(json_str(json_at(body, "state")), S("read"));
    const struct json *ids = json_at(body, "ids");
    i64 at = json_i64(json_at(body, "at"));
    if (reason[0] || !is_token(thread, VISITOR_MAX_THREAD) || at <= 0 || json_kind(ids) != JSON_ARRAY ||
        json_len(ids) > VISITOR_MAX_RECEIPTS) {
        snprintf(reason, 160, "the receipt has no thread, no time or too many ids");
        return false;
    }
    for (size_t i = 0; i < json_len(ids); i++) {
        struct str id = json_str(json_item(ids, i));
        if (!is_token(id, VISITOR_MAX_ID)) {
            snprintf(reason, 160, "an id of the receipt is none");
            return false;
        }
        *list_push(out, arena) = (struct inbound){
            .type = read ? INBOUND_READ : INBOUND_DELIVERED,
            .external_id = str_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(thread), STR_ARG(id)),
            .thread_key = thread,
            .at = at,
        };
    }
    return true;
}

static bool chat_receive(const struct channel_view *channel, struct str stream, struct str body,
                         struct arena *arena, struct inbound_list *out, struct unreadable_list *bad,
                         struct err *err)
{
    const struct json *value = json_parse_lenient(body, arena, err);
    char reason[160] = "";
    struct inbound message;
    (void)channel;
    (void)stream;
    (void)bad;
    if (!value)
        return false;
    bool receipt = str_eq(json_str(json_at(value, "type")), S("receipt"));
    if (receipt ? read_receipts(value, arena, out, reason)
                : visitor_read_message(value, arena, &message, reason)) {
        if (!receipt)
            *list_push(out, arena) = message;
        return true;
    }
    out->len = 0; // all of a body or nothing
    return err_set(err, ERR_INVALID, "%s.", reason);
}

// ---- Out ------------------------------------------------------------------------------------------
static enum step_result chat_send(struct step *step, const struct outbound *out)
{
    struct str key;
    (void)str_cut(out->client_key, '-', &key); // its own number stays ours
    if (out->action == OUT_DELETE)
        return STEP_DONE; // the log tells the widget
    if (out->action != OUT_SEND || !str_given(key)) {
        snprintf(step->reason, sizeof step->reason, "A chat has no likes.");
        return STEP_REFUSED;
    }
    step->external_id = str_printf(step->arena, STR_FMT "/m" STR_FMT, STR_ARG(out->thread_key), STR_ARG(key));
    return STEP_DONE;
}

// Nothing leaves the house, so what was not marked as sent was not sent.
static enum step_result chat_confirm(struct step *step, const struct outbound *out)
{
    (void)out;
    snprintf(step->reason, sizeof step->reason, "It is put into the chat again under the same id.");
    return STEP_ABSENT;
}

static enum step_result chat_health(struct step *step)
{
    struct str origins = json_str(json_at(step->channel->settings, "allowed_origins"));
    snprintf(step->reason, sizeof step->reason,
             str_trim(origins).len ? "The chat is open on the pages named in its settings."
                                   : "No page may show the chat yet: name its address in the settings.");
    return str_trim(origins).len ? STEP_DONE : STEP_REFUSED;
}

static const char *const positions[] = {"right", "left", NULL};
static const char *const schemes[] = {"auto", "light", "dark", NULL};
static const char *const offline_modes[] = {"form", "chat", "hide", NULL};
static const char *const languages[] = {"auto", "en", "et", "fi", "id", "ko", NULL};
static const char *const names[] = {"first", "full", "brand", NULL};
static const struct channel_setting settings[] = {
    {.name = "title", .kind = SETTING_TEXT, .max = 120, .fallback = ""},
    {.name = "allowed_origins", .kind = SETTING_TEXT, .max = 4000, .fallback = ""},
    {.name = "colour", .kind = SETTING_TEXT, .max = 7, .fallback = "#1d4ed8"},
    {.name = "scheme", .kind = SETTING_CHOICE, .choices = schemes, .fallback = "auto"},
    {.name = "position", .kind = SETTING_CHOICE, .choices = positions, .fallback = "right"},
    {.name = "language", .kind = SETTING_CHOICE, .choices = languages, .fallback = "auto"},
    {.name = "greeting", .kind = SETTING_TEXT, .max = 1000, .fallback = ""},
    {.name = "hours_text", .kind = SETTING_TEXT, .max = 300, .fallback = ""},
    {.name = "hours", .kind = SETTING_JSON, .max = 8000, .fallback = "[]"},
    {.name = "closed_days", .kind = SETTING_JSON, .max = 4000, .fallback = "[]"},
    {.name = "notice", .kind = SETTING_TEXT, .max = 1000, .fallback = ""},
    {.name = "privacy_url", .kind = SETTING_URL, .max = 2000},
    {.name = "ask_name", .kind = SETTING_BOOL, .fallback = "false"},
    {.name = "ask_email", .kind = SETTING_BOOL, .fallback = "false"},
    {.name = "questions", .kind = SETTING_JSON, .max = 16000, .fallback = "[]"},
    {.name = "offline", .kind = SETTING_CHOICE, .choices = offline_modes, .fallback = "form"},
    {.name = "agent_names", .kind = SETTING_CHOICE, .choices = names, .fallback = "first"},
    {.name = "files", .kind = SETTING_BOOL, .fallback = "true"},
    {.name = "require_identity", .kind = SETTING_BOOL, .fallback = "false"},
    {},
};

static bool chat_check(const struct json *given, struct err *err)
{
    return visitor_check_origins(json_str(json_at(given, "allowed_origins")), "allowed_origins", err) &&
           visitor_check_colour(json_str(json_at(given, "colour")), "colour", err) &&
           visitor_check_questions(json_at(given, "questions"), "questions", err) &&
           hours_check(json_at(given, "hours"), json_at(given, "closed_days"), err);
}

const struct channel_driver channel_chat = {
    .kind = "chat",
    .title = "Live chat",
    .can = CAN_VISITORS | CAN_DM | CAN_DELETE_OWN | CAN_CONFIRM | CAN_IDEMPOTENT,
    .text_private = {.unit = UNIT_CODE_POINTS, .max = 10000},
    .text_public = {.unit = UNIT_CODE_POINTS, .max = 10000},
    .files = FILE_ANY,
    .max_files = VISITOR_MAX_FILES,
    .max_file_bytes = 10 << 20,
    .settings = settings,
    .check_settings = chat_check,
    .receive = chat_receive,
    .health = chat_health,
    .send = chat_send,
    .confirm = chat_confirm,
};
