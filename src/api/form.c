// SPDX-License-Identifier: AGPL-3.0-or-later
// The public form: a page of ours, a form on somebody's own page, or a program that posts JSON. What is in
// doubt (no signed time, too quick, the trap filled in) is not thrown away: the form comes back filled in and
// asks to be sent once more, which costs a person one press and a program its run.
#include "api/answer.h"
#include "api/app.h"
#include "api/backlog.h"
#include "api/chat.h"
#include "api/form_body.h"
#include "api/form_page.h"
#include "api/limits.h"
#include "api/routes.h"
#include "api/visit.h"
#include "text/words.h"

enum {
    SENDS_PER_MINUTE = 6, // of one address
    SENDS_BURST = 6,
    CHANNEL_PER_MINUTE = 60, // of all
    CHANNEL_BURST = 60,
    TOKEN_YOUNG_MS = 3000,
    TOKEN_OLD_MS = 24 * 3600 * 1000,
    TOKEN_NONCE = 32, // hex
    RAW_MAX = 512 * 1024,
};

struct sending {
    struct form_entry entry;
    struct str token, trap, language;
    struct str id;     // of the message: sent twice it is one
    bool json, direct; // direct: from a page the settings name, which needs no second look
    bool stored;       // false: the page comes back instead
    int status;
    struct str body;
};

// ---- The signed moment --------------------------------------------------------------------------------

static struct str sign_token(const struct request *req, struct str key, struct str at, struct str nonce)
{
    u8 mac[32];
    key_sign(req->app->key, "form",
             str_printf(req->arena, "%.*s\n%.*s\n%.*s", STR_ARG(key), STR_ARG(at), STR_ARG(nonce)), mac);
    return base64url_encode(req->arena, (struct str){(const char *)mac, sizeof mac});
}

static struct str make_token(const struct request *req)
{
    u8 bytes[TOKEN_NONCE / 2];
    random_bytes(bytes, sizeof bytes);
    struct str nonce = hex_encode(req->arena, (struct str){(const char *)bytes, sizeof bytes});
    struct str at = str_printf(req->arena, "%lld", (long long)req->now);
    return str_printf(req->arena, "%.*s.%.*s.%.*s", STR_ARG(at), STR_ARG(nonce),
                      STR_ARG(sign_token(req, req->visit->channel.key, at, nonce)));
}

// *ret_nonce only when it is ours, neither too young nor too old.
static bool check_token(const struct request *req, struct str token, struct str *ret_nonce)
{
    struct str nonce, signature;
    i64 at;
    struct str moment = str_cut(token, '.', &nonce);
    if (!str_given(nonce))
        return false;
    nonce = str_cut(nonce, '.', &signature);
    if (!str_given(signature) || nonce.len != TOKEN_NONCE || !str_to_i64(moment, &at) ||
        !secret_eq(sign_token(req, req->visit->channel.key, moment, nonce), signature))
        return false;
    *ret_nonce = nonce;
    return req->now - at >= TOKEN_YOUNG_MS && req->now - at <= TOKEN_OLD_MS;
}

// ---- Reading what was sent ----------------------------------------------------------------------------

static struct str or_empty(struct str s)
{
    return str_given(s) ? s : S("");
}

static bool is_type(const struct request *req, const char *wanted)
{
    struct str rest;
    return str_eq_nocase(str_trim(str_cut(http_header(req->http, "content-type"), ';', &rest)),
                         str_from(wanted));
}

static bool is_question(struct str name, size_t *ret)
{
    *ret = name.len == 2 && name.ptr[0] == 'q' && name.ptr[1] >= '0' && name.ptr[1] <= '9'
               ? (size_t)(name.ptr[1] - '0')
               : VISITOR_MAX_QUESTIONS;
    return *ret < VISITOR_MAX_QUESTIONS;
}

static bool read_fields(struct request *req, struct sending *s, struct err *err)
{
    struct form_fields fields = {};
    const struct {
        const char *name;
        struct str *to;
    } known[] = {{"name", &s->entry.name},       {"email", &s->entry.email}, {"subject", &s->entry.subject},
                 {"message", &s->entry.message}, {"token", &s->token},       {"website", &s->trap},
                 {"consent", &s->entry.consent}};
    if (!form_body_parse(req->http->body, req->arena, &fields, err))
        return false;
    for (size_t i = 0; i < fields.len; i++) {
        size_t question, k = 0;
        if (is_question(fields.items[i].name, &question)) {
            s->entry.answers[question] = fields.items[i].value;
            continue;
        }
        while (k < ARRAY_LEN(known) && !str_eq(fields.items[i].name, str_from(known[k].name)))
            k++;
        if (k == ARRAY_LEN(known))
            return err_field(err, str_cstr(req->arena, fields.items[i].name), "unknown_field",
                             "This form has no such field.");
        *known[k].to = fields.items[i].value;
    }
    return true;
}

struct form_answer {
    struct str question, answer;
};
struct form_json {
    struct str name, email, subject, message;
    bool consent;
    struct {
        struct form_answer *items;
        size_t len, cap;
    } answers;
};
static const struct type form_answer_type = {
    "FormAnswer",
    (const struct field[]){
        FIELD(form_answer, FIELD_STR, question, FIELD_REQUIRED, .max = 200,
              .doc = "the label, as the settings have it"),
        FIELD(form_answer, FIELD_STR, answer, FIELD_REQUIRED, .max = 4000),
        FIELD_END,
    },
    sizeof(struct form_answer),
};
static const struct type form_json_type = {
    "FormMessage",
    (const struct field[]){
        FIELD(form_json, FIELD_STR, name, 0, .max = VISITOR_MAX_NAME),
        FIELD(form_json, FIELD_STR, email, 0, .max = VISITOR_MAX_NAME),
        FIELD(form_json, FIELD_STR, subject, 0, .max = 400),
        FIELD(form_json, FIELD_STR, message, FIELD_REQUIRED, .max = VISITOR_MAX_TEXT),
        FIELD(form_json, FIELD_BOOL, consent, 0),
        FIELD(form_json, FIELD_LIST, answers, 0, .max = VISITOR_MAX_QUESTIONS, .type = &form_answer_type),
        FIELD_END,
    },
    sizeof(struct form_json),
};

static bool read_json(struct request *req, struct sending *s, struct err *err)
{
    struct form_json json = {};
    const struct json *list = json_at(req->visit->channel.settings, "questions");
    if (!request_decode(req, &form_json_type, true, &json, NULL, err))
        return false;
    s->entry = (struct form_entry){.name = or_empty(json.name),
                                   .email = or_empty(json.email),
                                   .subject = or_empty(json.subject),
                                   .message = json.message,
                                   .consent = json.consent ? S("yes") : S("")};
    for (size_t i = 0; i < json.answers.len; i++) {
        size_t q = 0;
        while (q < json_len(list) &&
               !str_eq(json_str(json_at(json_item(list, q), "label")), json.answers.items[i].question))
            q++;
        if (q >= json_len(list) || q >= VISITOR_MAX_QUESTIONS)
            return err_field(err, "answers", "unknown", "The form has no such question.");
        s->entry.answers[q] = json.answers.items[i].answer;
    }
    return true;
}

// ---- Checking -----------------------------------------------------------------------------------------

static const char *wrong_text(struct str value, enum form_ask ask, size_t max)
{
    if (str_trim(value).len == 0)
        return ask == FORM_REQUIRED ? "needed" : NULL;
    return ask == FORM_OFF || value.len > max ? "long" : NULL;
}

static const char *wrong_answer(const struct json *question, struct str value)
{
    const struct json *choices = json_at(question, "choices");
    const char *wrong =
        wrong_text(value, json_bool(json_at(question, "required")) ? FORM_REQUIRED : FORM_OPTIONAL, 4000);
    if (wrong || value.len == 0 || json_is_null(choices))
        return wrong;
    for (size_t i = 0; i < json_len(choices); i++)
        if (str_eq(json_str(json_item(choices, i)), value))
            return NULL;
    return "bad_choice";
}

// The first field that is wrong, NULL when all is well.
static const char *check_entry(const struct visitor_channel *channel, struct form_entry *entry)
{
    static const char *const names[] = {"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"};
    const struct json *list = json_at(channel->settings, "questions");
    const char *first = NULL;
    entry->wrong_name = wrong_text(entry->name, form_asks(channel, "ask_name"), VISITOR_MAX_NAME);
    entry->wrong_email = wrong_text(entry->email, form_asks(channel, "ask_email"), VISITOR_MAX_NAME);
    if (!entry->wrong_email && entry->email.len && !chat_email_plausible(entry->email))
        entry->wrong_email = "bad_email";
    entry->wrong_subject = wrong_text(entry->subject, form_asks(channel, "ask_subject"), 400);
    entry->wrong_message = wrong_text(entry->message, FORM_REQUIRED, VISITOR_MAX_TEXT);
    entry->wrong_consent =
        visitor_setting_on(channel, "consent") && !str_eq(entry->consent, S("yes")) ? "needed" : NULL;
    for (size_t i = VISITOR_MAX_QUESTIONS; i-- > 0;) {
        entry->wrong_answers[i] = i < json_len(list) ? wrong_answer(json_item(list, i), entry->answers[i])
                                  : entry->answers[i].len > 0 ? "long"
                                                              : NULL;
        first = entry->wrong_answers[i] ? names[i] : first;
    }
    first = entry->wrong_consent ? "consent" : first;
    first = entry->wrong_message ? "message" : first;
    first = entry->wrong_subject ? "subject" : first;
    first = entry->wrong_email ? "email" : first;
    return entry->wrong_name ? "name" : first;
}

// ---- Storing ------------------------------------------------------------------------------------------

static struct str whole_text(const struct request *req, const struct form_entry *entry)
{
    const struct json *list = json_at(req->visit->channel.settings, "questions");
    struct buf text;
    bool lines = false;
    buf_init(&text, req->arena, RAW_MAX);
    if (entry->subject.len)
        buf_printf(&text, "%.*s\n\n", STR_ARG(entry->subject));
    for (size_t i = 0; i < json_len(list) && i < VISITOR_MAX_QUESTIONS; i++) {
        if (!entry->answers[i].len)
            continue;
        buf_printf(&text, "%.*s: %.*s\n", STR_ARG(json_str(json_at(json_item(list, i), "label"))),
                   STR_ARG(entry->answers[i]));
        lines = true;
    }
    if (lines)
        buf_add_char(&text, '\n');
    buf_add(&text, entry->message);
    // What was agreed to stays beside what was sent.
    if (str_eq(entry->consent, S("yes")))
        buf_printf(&text, "\n\n[x] %.*s", STR_ARG(visitor_setting(&req->visit->channel, "notice")));
    return buf_str(&text);
}

static bool make_body(struct request *req, struct sending *s, struct err *err)
{
    struct buf body;
    struct str name = text_clean_name(req->arena, s->entry.name);
    struct str handle =
        s->entry.email.len ? str_concat(req->arena, s->entry.email, S(" (unverified)")) : S("");
    // Each sending is a thread and a person of its own: an address somebody typed finds nobody.
    struct str thread = str_concat(req->arena, S("f"), s->id);
    struct visitor_said said = {.thread = thread,
                                .author = thread,
                                .name = name.len             ? name
                                        : s->entry.email.len ? s->entry.email
                                                             : S("Form"),
                                .handle = handle,
                                .id = s->id,
                                .text = whole_text(req, &s->entry),
                                .language = s->language,
                                .at = req->now};
    buf_init(&body, req->arena, RAW_MAX);
    struct json_writer w = json_writer(&body);
    visitor_put_message(&w, &said);
    s->body = buf_str(&body);
    return !body.overflow || err_field(err, "message", "too_long", "This is too long.");
}

static bool limited(struct request *req, struct err *err)
{
    int retry_s = 1;
    struct str peer = str_concat(req->arena, S("form:"), limit_peer_key(req->arena, req->peer));
    struct str channel = str_printf(req->arena, "form:%lld", (long long)req->visit->channel.id);
    if (limit_take(req->app->limiter, LIMIT_VISITOR_PEER, peer, SENDS_PER_MINUTE, SENDS_BURST, &retry_s) &&
        limit_take(req->app->limiter, LIMIT_VISITOR, channel, CHANNEL_PER_MINUTE, CHANNEL_BURST, &retry_s) &&
        backlog_of(req->app->db, req->visit->channel.id) < req->app->max_waiting)
        return true;
    return err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many messages at once; try again in a moment.");
}

// The same words of the same page pressed twice are one message; other words are another.
static struct str id_of(const struct request *req, const struct form_entry *entry, struct str nonce)
{
    struct str all = str_printf(req->arena, "%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(nonce), STR_ARG(entry->name),
                                STR_ARG(entry->email), STR_ARG(whole_text(req, entry)));
    return str_sub(sha256_hex(req->arena, all), 0, 32);
}

static struct str fresh_id(struct arena *arena)
{
    u8 bytes[16];
    random_bytes(bytes, sizeof bytes);
    return hex_encode(arena, (struct str){(const char *)bytes, sizeof bytes});
}

// Where it comes from: a page of another origin that sends JSON must be named; forms of pages that are named
// need no second look.
static bool check_source(struct request *req, struct sending *s, struct err *err)
{
    bool sent = false;
    for (size_t i = 0; i < req->http->n_headers; i++)
        sent |= str_eq(req->http->headers[i].name, S("origin"));
    bool own = str_eq(req->cors_origin, req->app->public_url);
    s->direct = str_given(req->cors_origin) && !own;
    if (s->json && sent && !str_given(req->cors_origin))
        return err_set(err, ERR_DENIED,
                       "This page may not use the form: its origin is not among the allowed ones.");
    return true;
}

static bool prepare_form(struct request *req, struct err *err)
{
    struct sending *s = arena_new(req->arena, struct sending);
    struct str nonce = STR_NONE;
    req->data = s;
    s->json = is_type(req, "application/json");
    s->language = form_language(&req->visit->channel, req);
    if (!s->json && !is_type(req, "application/x-www-form-urlencoded"))
        return err_set(err, ERR_MEDIA_TYPE,
                       "Content-Type must be application/x-www-form-urlencoded or application/json.");
    if (!check_source(req, s, err) || !limited(req, err) ||
        !(s->json ? read_json(req, s, err) : read_fields(req, s, err)))
        return false;
    const char *wrong = check_entry(&req->visit->channel, &s->entry);
    if (wrong && s->json)
        return err_field(err, wrong, "invalid", "This is missing, too long or not possible here.");
    bool signed_ = check_token(req, s->token, &nonce);
    s->entry.again = !s->json && ((!signed_ && !s->direct) || s->trap.len > 0);
    s->stored = !wrong && !s->entry.again;
    s->status = wrong ? 422 : 200;
    s->id = str_given(nonce) ? id_of(req, &s->entry, nonce) : fresh_id(req->arena);
    return !s->stored || make_body(req, s, err);
}

static bool post_form(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct sending *s = req->data;
    if (!s->stored) {
        form_page(reply, req, &req->visit->channel, s->language, &s->entry, make_token(req));
        reply->status = s->status;
        return true;
    }
    if (!chat_store_raw(req, tx, s->body, err))
        return false;
    reply->status = s->json ? 202 : 303;
    if (!s->json)
        reply_header(reply, "location",
                     str_printf(tx->arena, "/form/%.*s?sent=1", STR_ARG(req->visit->channel.key)));
    return true;
}

static bool get_form(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct str sent, language = form_language(&req->visit->channel, req);
    (void)conn;
    if (!http_param(req->http, "sent", &sent, err))
        return false;
    if (str_given(sent))
        form_thanks(reply, req, &req->visit->channel, language);
    else
        form_page(reply, req, &req->visit->channel, language, NULL, make_token(req));
    return true;
}

static const struct query_param form_params[] = {{"sent", "string", "shows the thanks"}, {}};

const struct route form_routes[] = {
    {HTTP_GET_, "/form/{key}", MAY_ANYONE, "getForm", "The public form as a page without scripts",
     .success = 200, .params = form_params, .flags = ROUTE_VISITOR | ROUTE_BYTES, .read = get_form},
    {HTTP_POST_, "/form/{key}", MAY_ANYONE, "sendForm",
     "What was filled in: as a browser's form (answers 303, or the form again) or as JSON (answers 202)",
     .success = 202, .flags = ROUTE_VISITOR | ROUTE_RAW_BODY | ROUTE_BYTES, .prepare = prepare_form,
     .write = post_form},
    {},
};
