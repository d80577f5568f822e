// SPDX-License-Identifier: AGPL-3.0-or-later
// Live chat, for the widget and for apps of one's own. What a visitor says is stored raw and answered after
// COMMIT like any network's event; jobs/intake.c makes a message of it. An id chosen by the visitor names it
// once and for all, so sending again after a lost answer changes nothing.
#include "api/chat.h"
#include "api/answer.h"
#include "api/app.h"
#include "api/backlog.h"
#include "api/limits.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "api/visit.h"
#include "base/log.h"
#include "desk/intake.h"
#include "text/words.h"

enum {
    SESSIONS_PER_MINUTE = 20, // of one address
    SESSIONS_BURST = 30,
    SAYS_PER_MINUTE = 30, // messages of one visitor
    SAYS_BURST = 40,
    RAW_MAX = 512 * 1024,
};

// ---- What the widget must know ------------------------------------------------------------------------
struct chat_config {
    struct str name, colour, scheme, position, language, greeting, hours_text, notice, privacy_url, questions,
        offline;
    bool ask_name, ask_email, files, require_identity, online;
    i64 opens_at;
    i64 max_text, max_file_bytes;
};
static const struct type config_type = {
    "ChatConfig",
    (const struct field[]){
        FIELD(chat_config, FIELD_STR, name, FIELD_READ_ONLY, .doc = "the brand"),
        FIELD(chat_config, FIELD_BOOL, online, FIELD_READ_ONLY,
              .doc = "it is open, and somebody of the team is there"),
        FIELD(chat_config, FIELD_TIME, opens_at, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "outside the opening hours: when they begin again"),
        FIELD(chat_config, FIELD_STR, colour, FIELD_READ_ONLY),
        FIELD(chat_config, FIELD_STR, scheme, FIELD_READ_ONLY, .doc = "auto, light, dark"),
        FIELD(chat_config, FIELD_STR, position, FIELD_READ_ONLY, .doc = "right, left"),
        FIELD(chat_config, FIELD_STR, language, FIELD_READ_ONLY, .doc = "auto, or one for all"),
        FIELD(chat_config, FIELD_STR, greeting, FIELD_READ_ONLY),
        FIELD(chat_config, FIELD_STR, hours_text, FIELD_READ_ONLY),
        FIELD(chat_config, FIELD_STR, notice, FIELD_READ_ONLY,
              .doc = "what happens with what is written here"),
        FIELD(chat_config, FIELD_STR, privacy_url, FIELD_READ_ONLY),
        FIELD(chat_config, FIELD_BOOL, ask_name, FIELD_READ_ONLY),
        FIELD(chat_config, FIELD_BOOL, ask_email, FIELD_READ_ONLY),
        FIELD(chat_config, FIELD_JSON, questions, FIELD_READ_ONLY,
              .doc = "list of {label, required, kind, choices}"),
        FIELD(chat_config, FIELD_STR, offline, FIELD_READ_ONLY,
              .doc = "form, chat, hide: when nobody is there"),
        FIELD(chat_config, FIELD_BOOL, files, FIELD_READ_ONLY, .doc = "files may be sent"),
        FIELD(chat_config, FIELD_BOOL, require_identity, FIELD_READ_ONLY,
              .doc = "only customers the shop vouches for may write"),
        FIELD(chat_config, FIELD_I64, max_text, FIELD_READ_ONLY, .doc = "bytes of a message"),
        FIELD(chat_config, FIELD_I64, max_file_bytes, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct chat_config),
};

static struct str dumped(const struct json *value, struct arena *arena)
{
    struct buf text;
    if (json_is_null(value))
        return S("[]");
    buf_init(&text, arena, 64 * 1024);
    json_dump(&text, value);
    return buf_str(&text);
}

static bool get_config(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    const struct visitor_channel *c = &req->visit->channel;
    struct chat_config config = {
        .name = visitor_title(c),
        .colour = visitor_setting(c, "colour"),
        .scheme = visitor_setting(c, "scheme"),
        .position = visitor_setting(c, "position"),
        .language = visitor_setting(c, "language"),
        .greeting = visitor_setting(c, "greeting"),
        .hours_text = visitor_setting(c, "hours_text"),
        .notice = visitor_setting(c, "notice"),
        .privacy_url = visitor_setting(c, "privacy_url"),
        .questions = dumped(json_at(c->settings, "questions"), req->arena),
        .offline = visitor_setting(c, "offline"),
        .ask_name = visitor_setting_on(c, "ask_name"),
        .ask_email = visitor_setting_on(c, "ask_email"),
        .files = visitor_setting_on(c, "files"),
        .require_identity = visitor_setting_on(c, "require_identity"),
        .max_text = VISITOR_MAX_TEXT,
        .max_file_bytes = VISITOR_FILE_MAX,
    };
    struct visitor_reach reach;
    if (!visitors_online(req->app->visitors, conn, c->workspace_id, c->id, req->arena, &reach, err))
        return false;
    config.online = reach.online;
    config.opens_at = reach.opens_at;
    reply_value(reply, 200, &config_type, &config);
    return true;
}

// ---- Sessions -----------------------------------------------------------------------------------------
struct session_start {
    struct str identity, language;
};
static const struct type session_start_type = {
    "ChatSessionStart",
    (const struct field[]){
        FIELD(session_start, FIELD_STR, identity, 0, .max = IDENTITY_MAX,
              .doc = "JSON Web Token (HS256) of a logged-in customer, signed by the shop's server; without: "
                     "anonymous"),
        FIELD(session_start, FIELD_STR, language, 0, .max = 35, .doc = "of the page, as in BCP 47"),
        FIELD_END,
    },
    sizeof(struct session_start),
};
struct session_started {
    struct str token, name, email;
    bool verified;
    i64 expires_at;
};
static const struct type session_started_type = {
    "ChatSession",
    (const struct field[]){
        FIELD(session_started, FIELD_STR, token, FIELD_READ_ONLY,
              .doc = "the visitor's bearer token, shown once"),
        FIELD(session_started, FIELD_BOOL, verified, FIELD_READ_ONLY, .doc = "the identity was accepted"),
        FIELD(session_started, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(session_started, FIELD_STR, email, FIELD_READ_ONLY),
        FIELD(session_started, FIELD_TIME, expires_at, FIELD_READ_ONLY, .doc = "moves on with use"),
        FIELD_END,
    },
    sizeof(struct session_started),
};

struct starting {
    struct session_start given;
    struct signed_identity identity;
    bool verified;
    struct str secret;
};

static bool limited(struct request *req, enum limit_kind kind, struct str who, i64 per_minute, i64 burst,
                    struct err *err)
{
    int retry_s = 1;
    return limit_take(req->app->limiter, kind, who, per_minute, burst, &retry_s) ||
           err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many at once; try again in a moment.");
}

static bool prepare_session(struct request *req, struct err *err)
{
    struct starting *s = arena_new(req->arena, struct starting);
    const struct visitor_channel *channel = &req->visit->channel;
    struct identity_check check;
    struct str who = str_concat(req->arena, S("session:"), limit_peer_key(req->arena, req->peer));
    req->data = s;
    if (!limited(req, LIMIT_VISITOR_PEER, who, SESSIONS_PER_MINUTE, SESSIONS_BURST, err) ||
        !request_decode(req, &session_start_type, true, &s->given, NULL, err))
        return false;
    s->secret = random_token(req->arena, "heedv_");
    if (!str_given(s->given.identity))
        return !visitor_setting_on(channel, "require_identity") ||
               err_set(err, ERR_UNAUTHENTICATED,
                       "This chat is for customers who are logged in: send an identity.");
    s->verified = true;
    return visitor_secrets(channel, req->app->key, req->now, req->arena, &check, err) &&
           identity_verify(&check, s->given.identity, req->arena, &s->identity, err);
}

static bool post_session(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct starting *s = req->data;
    struct visitor visitor;
    struct str language = str_given(s->given.language) ? s->given.language : S("");
    if (!visitor_create(tx, &req->visit->channel, s->verified ? &s->identity : NULL, language, s->secret,
                        &visitor, err))
        return false;
    const struct session_started started = {.token = s->secret,
                                            .verified = s->verified,
                                            .name = visitor.name,
                                            .email = visitor.email,
                                            .expires_at = visitor.expires_at};
    reply->secret = true;
    reply_value(reply, 201, &session_started_type, &started);
    return true;
}

static bool delete_session(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    reply->status = 204;
    return visitor_end(tx, &req->visit->visitor, err);
}

// ---- Messages -----------------------------------------------------------------------------------------
static bool list_messages(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    const struct visiting *visit = req->visit;
    struct visitor_message_list list = {};
    struct str cursor, next;
    i64 limit;
    if (!request_limit(req, &limit, err) || !http_param(req->http, "cursor", &cursor, err) ||
        !visitor_messages(conn, &visit->visitor, visitor_naming(&visit->channel), cursor, limit, req->arena,
                          &list, &next, err))
        return false;
    reply_list(reply, &visitor_message_type, &list, next);
    return true;
}

struct answer_in {
    struct str question, answer;
};
static const struct type answer_in_type = {
    "ChatAnswer",
    (const struct field[]){
        FIELD(answer_in, FIELD_STR, question, FIELD_REQUIRED, .max = 200,
              .doc = "the label, as the settings have it"),
        FIELD(answer_in, FIELD_STR, answer, FIELD_REQUIRED, .max = 4000),
        FIELD_END,
    },
    sizeof(struct answer_in),
};
struct file_in {
    struct str sha256;
};
static const struct type file_in_type = {
    "ChatFile",
    (const struct field[]){
        FIELD(file_in, FIELD_STR, sha256, FIELD_REQUIRED, .max = 64, .doc = "of a file put before"),
        FIELD_END,
    },
    sizeof(struct file_in),
};
struct say {
    struct str id, text, name, email;
    struct {
        struct answer_in *items;
        size_t len, cap;
    } answers;
    struct {
        struct file_in *items;
        size_t len, cap;
    } files;
};
static const struct type say_type = {
    "ChatMessageDraft",
    (const struct field[]){
        FIELD(say, FIELD_STR, id, FIELD_REQUIRED, .max = VISITOR_MAX_ID,
              .doc =
                  "chosen by the sender, for good: sent again it changes nothing. Letters, digits, - and _"),
        FIELD(say, FIELD_STR, text, 0, .max = VISITOR_MAX_TEXT),
        FIELD(say, FIELD_LIST, files, 0, .max = VISITOR_MAX_FILES, .type = &file_in_type),
        FIELD(say, FIELD_STR, name, 0, .max = VISITOR_MAX_NAME, .doc = "a label; kept for later messages"),
        FIELD(say, FIELD_STR, email, 0, .max = VISITOR_MAX_NAME, .doc = "a label; nobody is found by it"),
        FIELD(say, FIELD_LIST, answers, 0, .max = VISITOR_MAX_QUESTIONS, .type = &answer_in_type,
              .doc = "to the questions before the chat"),
        FIELD_END,
    },
    sizeof(struct say),
};
struct said {
    struct str id;
};
static const struct type said_type = {
    "ChatMessageAccepted",
    (const struct field[]){
        FIELD(said, FIELD_STR, id, FIELD_READ_ONLY, .doc = "under which it comes back in the thread"),
        FIELD_END,
    },
    sizeof(struct said),
};

struct saying {
    struct say say;
    struct visitor visitor; // with what it says of itself
    bool changed;
    struct visitor_said raw;
    struct str body;
};

static bool check_say(struct request *req, struct saying *s, struct err *err)
{
    if (!visitor_id_valid(s->say.id))
        return err_field(err, "id", "invalid", "An id is 1 to 64 letters, digits, - and _.");
    if (str_trim(s->say.text).len == 0 && s->say.files.len == 0 && s->say.answers.len == 0)
        return err_field(err, "text", "required", "A message has a text or a file.");
    if (s->say.files.len > 0 && !visitor_setting_on(&req->visit->channel, "files"))
        return err_field(err, "files", "not_possible", "This chat takes no files.");
    return !s->say.email.len || chat_email_plausible(s->say.email) ||
           err_field(err, "email", "invalid", "This is no e-mail address.");
}

bool chat_email_plausible(struct str email)
{
    struct str host;
    struct str local = str_cut(email, '@', &host);
    if (local.len == 0 || !str_given(host) || host.len < 3 || str_find(host, S("@")) >= 0 ||
        str_find(host, S(".")) < 1)
        return false;
    for (size_t i = 0; i < email.len; i++) {
        u8 c = (u8)email.ptr[i];
        if (c <= ' ' || c == 0x7F || c == '<' || c == '>' || c == '"' || c == ',' || c == ';' || c == '(' ||
            c == ')')
            return false;
    }
    return true;
}

// A signed name stays; an unsigned visitor is called what they say.
static void take_labels(struct request *req, struct saying *s)
{
    s->visitor = req->visit->visitor;
    if (s->visitor.subject.len)
        return;
    struct str name = text_clean_name(req->arena, str_given(s->say.name) ? s->say.name : S(""));
    if (name.len && !str_eq(name, s->visitor.name)) {
        s->visitor.name = name;
        s->changed = true;
    }
    if (s->say.email.len && !str_eq(s->say.email, s->visitor.email)) {
        s->visitor.email = s->say.email;
        s->changed = true;
    }
}

static bool take_files(struct request *req, struct saying *s, struct err *err)
{
    bool fine = true;
    struct conn *conn = s->say.files.len ? db_take(req->app->db) : NULL;
    for (size_t i = 0; fine && i < s->say.files.len; i++) {
        struct visitor_kept_file file;
        fine = visitor_file_get(conn, &req->visit->visitor, s->say.files.items[i].sha256, req->arena, &file,
                                err);
        if (fine)
            *list_push(&s->raw.files, req->arena) =
                (struct visitor_file){file.sha256, file.mime, file.name, file.size, file.width, file.height};
        else if (err->code == ERR_NOT_FOUND)
            err_field(err, "files", "unknown", "There is no such file. Put it first.");
    }
    if (conn)
        db_give(req->app->db, conn);
    return fine;
}

// What was asked before the chat comes first in the text, a line each.
static struct str whole_text(const struct saying *s, struct arena *arena)
{
    struct buf text;
    buf_init(&text, arena, RAW_MAX);
    for (size_t i = 0; i < s->say.answers.len; i++) {
        const struct answer_in *answer = &s->say.answers.items[i];
        buf_printf(&text, "%.*s: %.*s\n", STR_ARG(answer->question), STR_ARG(answer->answer));
    }
    if (s->say.answers.len && s->say.text.len)
        buf_add_char(&text, '\n');
    buf_add(&text, str_given(s->say.text) ? s->say.text : S(""));
    return buf_str(&text);
}

// A visitor nobody knows by name is called by a part of the thread's name, the same each time.
static struct str shown_name(const struct visitor *visitor, struct arena *arena)
{
    if (visitor->name.len)
        return visitor->name;
    return str_printf(arena, "Visitor %.*s", 4, visitor->thread_key.ptr + 1);
}

static bool make_body(struct request *req, struct saying *s, struct err *err)
{
    struct buf body;
    s->raw.thread = s->visitor.thread_key;
    s->raw.author = visitor_author(&s->visitor, req->arena);
    s->raw.name = shown_name(&s->visitor, req->arena);
    s->raw.handle = visitor_handle(&s->visitor, req->arena);
    s->raw.id = s->say.id;
    s->raw.text = whole_text(s, req->arena);
    s->raw.language = s->visitor.language;
    s->raw.at = req->now;
    buf_init(&body, req->arena, RAW_MAX);
    struct json_writer w = json_writer(&body);
    visitor_put_message(&w, &s->raw);
    s->body = buf_str(&body);
    return !body.overflow || err_field(err, "text", "too_long", "This is too long.");
}

static bool check_backlog(struct request *req, struct err *err)
{
    return backlog_of(req->app->db, req->visit->channel.id) < req->app->max_waiting ||
           err_retry(err, ERR_RATE_LIMITED, 5, "Too much is waiting here; send again later.");
}

static bool prepare_say(struct request *req, struct err *err)
{
    struct saying *s = arena_new(req->arena, struct saying);
    struct str who = str_printf(req->arena, "say:%lld", (long long)req->visit->visitor.id);
    req->data = s;
    if (!limited(req, LIMIT_VISITOR, who, SAYS_PER_MINUTE, SAYS_BURST, err) || !check_backlog(req, err) ||
        !request_decode(req, &say_type, true, &s->say, NULL, err) || !check_say(req, s, err))
        return false;
    take_labels(req, s);
    return take_files(req, s, err) && make_body(req, s, err);
}

static void count_one(void *arg)
{
    const struct request *req = arg;
    backlog_add(req->visit->channel.id);
    metrics_count_hook(1);
}

bool chat_store_raw(struct request *req, struct tx *tx, struct str body, struct err *err)
{
    const struct visitor_channel *channel = &req->visit->channel;
    i64 id;
    if (!intake_store(tx, channel->workspace_id, channel->id, S("webhook"), S(""), body, &id, err))
        return false;
    tx_after_commit(tx, count_one, req); // the request lives until its answer, which comes after that
    return true;
}

static bool post_message(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct saying *s = req->data;
    if ((s->changed && !visitor_set(tx, &s->visitor, err)) || !chat_store_raw(req, tx, s->body, err))
        return false;
    struct said said = {str_concat(tx->arena, S("c"), s->say.id)};
    reply_value(reply, 202, &said_type, &said);
    return true;
}

// ---- Receipts, typing, the stream ---------------------------------------------------------------------
struct receipt {
    struct str state;
    struct str_list ids;
};
static const char *const receipt_states[] = {"delivered", "read", NULL};
static const struct type receipt_type = {
    "ChatReceipt",
    (const struct field[]){
        FIELD(receipt, FIELD_ENUM, state, FIELD_REQUIRED, .names = receipt_states),
        FIELD(receipt, FIELD_STRS, ids, FIELD_REQUIRED, .max = VISITOR_MAX_RECEIPTS,
              .doc = "of the team's messages"),
        FIELD_END,
    },
    sizeof(struct receipt),
};

static bool prepare_receipt(struct request *req, struct err *err)
{
    struct receipt receipt = {};
    struct buf body;
    if (!check_backlog(req, err) || !request_decode(req, &receipt_type, true, &receipt, NULL, err))
        return false;
    buf_init(&body, req->arena, RAW_MAX);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    json_key(&w, "type");
    json_put_str(&w, S("receipt"));
    json_key(&w, "thread");
    json_put_str(&w, req->visit->visitor.thread_key);
    json_key(&w, "state");
    json_put_str(&w, receipt.state);
    json_key(&w, "ids");
    json_open(&w, '[');
    for (size_t i = 0; i < receipt.ids.len; i++) {
        if (!visitor_id_valid(receipt.ids.items[i]))
            return err_field(err, "ids", "invalid", "This is no id of a message.");
        json_put_str(&w, receipt.ids.items[i]);
    }
    json_close(&w, ']');
    json_key(&w, "at");
    json_put_i64(&w, req->now);
    json_close(&w, '}');
    req->data = arena_new(req->arena, struct str);
    *(struct str *)req->data = buf_str(&body);
    return true;
}

static bool post_receipt(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    reply->status = 202;
    return chat_store_raw(req, tx, *(struct str *)req->data, err);
}

struct typing {
    bool typing;
};
static const struct type typing_type = {
    "ChatTyping",
    (const struct field[]){
        FIELD(typing, FIELD_BOOL, typing, FIELD_REQUIRED, .doc = "true is forgotten after ten seconds"),
        FIELD_END,
    },
    sizeof(struct typing),
};

static bool prepare_typing(struct request *req, struct err *err)
{
    struct typing *typing = arena_new(req->arena, struct typing);
    req->data = typing;
    return request_decode(req, &typing_type, true, typing, NULL, err);
}

// One process keeps it in memory alone; several tell each other through the database.
static bool post_typing(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct visitor *visitor = &req->visit->visitor;
    const struct typing *typing = req->data;
    struct visitor_place place;
    reply->status = 204;
    if (!visitor_place(tx->conn, visitor->workspace_id, visitor->channel_id, visitor->thread_key, &place,
                       err))
        return false;
    struct customer_typing who = {visitor->workspace_id, visitor->id,   place.id,
                                  visitor->channel_id,   place.team_id, typing->typing};
    return place.id == 0 || feed_customer_typing(req->app->feed, tx, &who, err);
}

static void take_events(struct request *req, struct reply *reply)
{
    struct err err = {};
    const struct visiting *visit = req->visit;
    if (visitors_open(req->app->visitors, req->http, &visit->visitor, visitor_naming(&visit->channel),
                      req->cors_origin, http_header(req->http, "last-event-id"), &err))
        return;
    reply_problem(reply, &err, req->http->id);
    visit_allow_reading(req, reply);
    reply_send(req->http, reply);
}

static bool open_events(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)conn;
    (void)err;
    reply->content_type = S("text/event-stream");
    if (req->http->method == HTTP_GET_)
        reply->take = take_events;
    return true;
}

static const struct query_param list_params[] = {
    {"limit", "integer", "1 to 100, default 50"},
    {"cursor", "string", "`next` of the page before: goes back in time"},
    {},
};
static const struct query_param name_params[] = {{"name", "string", "the file's name"}, {}};

const struct route chat_routes[] = {
    {HTTP_GET_, "/api/chat/v1/{key}/config", MAY_ANYONE, "getChatConfig",
     "Look, words and state of the chat, before anybody is anybody", .out = &config_type, .success = 200,
     .flags = ROUTE_VISITOR, .read = get_config},
    {HTTP_POST_, "/api/chat/v1/{key}/session", MAY_ANYONE, "startChat",
     "Begin as a visitor: anonymous, or as a customer the shop's signature vouches for",
     .in = &session_start_type, .out = &session_started_type, .success = 201, .flags = ROUTE_VISITOR,
     .prepare = prepare_session, .write = post_session},
    {HTTP_DELETE_, "/api/chat/v1/{key}/session", MAY_VISIT, "endChat", "End the visitor's session",
     .success = 204, .flags = ROUTE_VISITOR, .write = delete_session},
    {HTTP_GET_, "/api/chat/v1/{key}/messages", MAY_VISIT, "listChatMessages",
     "The visitor's thread from the newest back, each page in time order", .out = &visitor_message_type,
     .out_list = true, .success = 200, .params = list_params, .flags = ROUTE_VISITOR, .read = list_messages},
    {HTTP_POST_, "/api/chat/v1/{key}/messages", MAY_VISIT, "sendChatMessage",
     "Say something; it is on disk when this is answered", .in = &say_type, .out = &said_type, .success = 202,
     .flags = ROUTE_VISITOR, .prepare = prepare_say, .write = post_message},
    {HTTP_POST_, "/api/chat/v1/{key}/receipts", MAY_VISIT, "sendChatReceipt",
     "What of the team's has arrived or was read", .in = &receipt_type, .success = 202,
     .flags = ROUTE_VISITOR, .prepare = prepare_receipt, .write = post_receipt},
    {HTTP_POST_, "/api/chat/v1/{key}/typing", MAY_VISIT, "sendChatTyping",
     "The visitor is writing, or not any more", .in = &typing_type, .success = 204, .flags = ROUTE_VISITOR,
     .prepare = prepare_typing, .write = post_typing},
    {HTTP_GET_, "/api/chat/v1/{key}/events", MAY_VISIT, "streamChat",
     "Server-sent events of the visitor's thread: hello, message, typing, seen, online, ready, resync",
     .success = 200, .flags = ROUTE_VISITOR | ROUTE_BYTES, .read = open_events},
    {HTTP_PUT_, "/api/chat/v1/{key}/files", MAY_VISIT, "putChatFile",
     "Put a file, to be sent with a message (raw body)", .out = &chat_file_type, .success = 201,
     .params = name_params, .flags = ROUTE_VISITOR | ROUTE_RAW_BODY | ROUTE_BIG_BODY | ROUTE_SLOW,
     .prepare = chat_file_prepare, .write = chat_file_put},
    {HTTP_GET_, "/api/chat/v1/{key}/files/{id}", MAY_VISIT, "getChatFile",
     "The bytes of a file in the visitor's thread", .success = 200, .flags = ROUTE_VISITOR | ROUTE_BYTES,
     .read = chat_file_get},
    {},
};
