// SPDX-License-Identifier: AGPL-3.0-or-later
// E-mail as a driver: IMAP in, SMTP out, with passwords or XOAUTH2. Here: the settings, the sign-in in front
// of every operation, connect and test. docs/platforms: RFC 3501, 9051, 2177, 5321, 8314, 7628.
#include "channels/email.h"
#include "base/crypto.h"
#include <stdarg.h>
#include <stdio.h>

enum { TOKEN_MARGIN_MS = 600000, MAX_SESSION = 32 << 10 };

// ---- Settings -------------------------------------------------------------------------------------
static struct str setting(const struct json *object, const char *name)
{
    struct str text = json_str(json_at(object, name));
    return str_given(text) ? str_trim(text) : S("");
}

static void split(struct str text, struct arena *arena, bool lower, struct str_list *out)
{
    while (str_given(text)) {
        struct str rest, one = str_trim(str_cut(text, ',', &rest));
        if (one.len)
            *list_push(out, arena) = lower ? str_lower_ascii(arena, one) : one;
        text = rest;
    }
}

static struct str endpoint_of(struct str oauth, struct str given)
{
    if (given.len)
        return given;
    if (str_eq(oauth, S("google")))
        return S("https://oauth2.googleapis.com/token");
    return str_eq(oauth, S("microsoft")) ? S("https://login.microsoftonline.com/common/oauth2/v2.0/token")
                                         : S("");
}

void email_settings_read(const struct channel_view *view, struct arena *arena, struct email_settings *out)
{
    const struct json *s = view->settings, *secret = view->secret;
    *out = (struct email_settings){
        .address = setting(s, "address"),
        .name = setting(s, "from_name"),
        .imap = setting(s, "imap"),
        .smtp = setting(s, "smtp"),
        .login = setting(s, "login"),
        .password = json_str(json_at(secret, "password")),
        .smtp_login = setting(s, "smtp_login"),
        .smtp_password = json_str(json_at(secret, "smtp_password")),
        .oauth = setting(s, "oauth"),
        .client_id = setting(s, "client_id"),
        .client_secret = json_str(json_at(secret, "client_secret")),
        .refresh_token = json_str(json_at(secret, "refresh_token")),
        .sent_folder = setting(s, "sent_folder"),
        .server = setting(s, "authserv_id"),
        .copy_to_sent = json_bool(json_at(s, "copy_to_sent")),
        .plus = json_bool(json_at(s, "plus_addresses")),
        .verp = json_bool(json_at(s, "bounce_addresses")),
    };
    if (str_eq(out->oauth, S("password")))
        out->oauth = S("");
    out->token_url = endpoint_of(out->oauth, setting(s, "token_url"));
    if (!out->login.len)
        out->login = out->address;
    if (!out->smtp_login.len)
        out->smtp_login = out->login;
    if (!out->smtp_password.len)
        out->smtp_password = out->password;
    split(setting(s, "folders"), arena, false, &out->folders);
    if (out->folders.len == 0)
        *list_push(&out->folders, arena) = S("INBOX");
    *list_push(&out->aliases, arena) = str_lower_ascii(arena, out->address);
    split(setting(s, "aliases"), arena, true, &out->aliases);
    struct str days = setting(s, "days_back");
    if (str_eq_nocase(days, S("all")))
        out->days_back = -1;
    else if (!str_to_i64(days, &out->days_back) || out->days_back < 0)
        out->days_back = 0;
}

// support+anything@x is support@x.
bool email_is_ours(const struct email_settings *settings, struct str address)
{
    char plain[330];
    size_t n = 0;
    bool skipping = false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];
        skipping = (skipping || c == '+') && c != '@';
        if (skipping)
            continue;
        if (n >= sizeof plain)
            return false;
        plain[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    for (size_t i = 0; i < settings->aliases.len; i++)
        if (str_eq((struct str){plain, n}, settings->aliases.items[i]) ||
            str_eq_nocase(address, settings->aliases.items[i]))
            return true;
    return false;
}

// ---- The run --------------------------------------------------------------------------------------
struct email *email_of(struct step *step)
{
    struct email *e = step->state;
    if (!e) {
        e = arena_new(step->arena, struct email);
        e->arena = step->arena;
        email_settings_read(step->channel, step->arena, &e->settings);
        e->access = json_str(json_at(step->channel->session, "access"));
        step->state = e;
    }
    e->step = step;
    step->renew = false;
    if (step->renewed) { // another one was quicker: its token is in the view
        step->renewed = false;
        e->access = json_str(json_at(step->channel->session, "access"));
        e->imap = EMAIL_FRESH;
        e->renewed = true;
    }
    e->answer = step->answer && step->answer->got_answer ? step->answer->body : STR_NONE;
    return e;
}

enum step_result email_say(struct email *e, enum step_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->step->reason, sizeof e->step->reason, format, args);
    va_end(args);
    for (char *c = e->step->reason; *c; c++) // servers' words are quoted in it
        if ((u8)*c < ' ' || *c == 0x7F)
            *c = ' ';
    // vsnprintf may have cut a character in two.
    size_t len = strlen(e->step->reason);
    while (len > 0 && !utf8_valid((struct str){e->step->reason, len}))
        e->step->reason[--len] = '\0';
    return result;
}

enum step_result email_talk(struct email *e, struct str url, struct str line, size_t (*whole)(struct str))
{
    e->step->request = (struct net_request){.method = S("TALK"), .url = url, .body = line, .whole = whole};
    return STEP_REQUEST;
}

enum step_result email_imap(struct email *e, struct str command)
{
    struct str line = str_printf(e->arena, IMAP_TAG " " STR_FMT "\r\n", STR_ARG(command));
    return email_talk(e, e->settings.imap, line, imap_whole);
}

enum step_result email_broke(struct email *e, const char *what)
{
    return email_say(e, STEP_RETRY, "%s: %s", what, e->step->answer ? e->step->answer->error : "no answer");
}

// ---- OAuth ----------------------------------------------------------------------------------------
static void add_form(struct buf *out, const char *name, struct str value)
{
    static const char hex[] = "0123456789ABCDEF";
    if (out->len)
        buf_add_char(out, '&');
    buf_add(out, str_from(name));
    buf_add_char(out, '=');
    for (size_t i = 0; i < value.len; i++) {
        u8 c = (u8)value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_' || c == '.' || c == '~';
        if (plain) {
            buf_add_char(out, (char)c);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, hex[c >> 4]);
            buf_add_char(out, hex[c & 15]);
        }
    }
}

static enum step_result ask_token(struct email *e)
{
    struct buf form;
    struct str kept = json_str(json_at(e->step->channel->session, "refresh"));
    buf_init(&form, e->arena, 32 << 10);
    add_form(&form, "grant_type", S("refresh_token"));
    add_form(&form, "refresh_token", kept.len ? kept : e->settings.refresh_token);
    add_form(&form, "client_id", e->settings.client_id);
    if (e->settings.client_secret.len)
        add_form(&form, "client_secret", e->settings.client_secret);
    if (str_eq(e->settings.oauth, S("microsoft")))
        add_form(&form, "scope",
                 S("https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send "
                   "offline_access"));
    e->step->request =
        (struct net_request){.method = S("POST"), .url = e->settings.token_url, .body = buf_str(&form)};
    *list_push(&e->step->request.headers, e->arena) =
        (struct net_header){S("content-type"), S("application/x-www-form-urlencoded")};
    *list_push(&e->step->request.headers, e->arena) = (struct net_header){S("accept"), S("application/json")};
    e->step->renew = true;
    e->imap = EMAIL_TOKEN;
    return STEP_REQUEST;
}

static void keep_token(struct email *e, const struct json *json)
{
    struct buf out;
    struct str fresh = json_str(json_at(json, "refresh_token"));
    struct str kept = json_str(json_at(e->step->channel->session, "refresh"));
    i64 seconds = json_i64(json_at(json, "expires_in"));
    if (seconds <= 0 || seconds > 86400)
        seconds = 3600;
    buf_init(&out, e->arena, MAX_SESSION);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "access");
    json_put_str(&w, e->access);
    json_key(&w, "expires_at");
    json_put_i64(&w, e->step->channel->now + seconds * 1000);
    json_key(&w, "refresh");
    json_put_str(&w, fresh.len ? fresh : kept.len ? kept : e->settings.refresh_token);
    json_close(&w, '}');
    e->step->keep_session = buf_str(&out);
}

static enum step_result take_token(struct email *e)
{
    const struct net_answer *answer = e->step->answer;
    struct err ignored;
    e->imap = EMAIL_FRESH;
    if (!answer || !answer->got_answer)
        return email_broke(e, "The token endpoint could not be reached");
    const struct json *json = json_parse_lenient(answer->body, e->arena, &ignored);
    struct str error = json_str(json_at(json, "error")), words = json_str(json_at(json, "error_description"));
    e->access = json_str(json_at(json, "access_token"));
    if (answer->status == 200 && e->access.len) {
        e->renewed = true;
        keep_token(e, json);
        return STEP_DONE;
    }
    if (answer->status == 429 || answer->status >= 500 || answer->status == 200) {
        e->step->retry_at = net_answer_retry_at(answer, e->step->channel->now);
        return email_say(e, STEP_RETRY, "The token endpoint answered HTTP %d.", answer->status);
    }
    return email_say(e, STEP_REAUTH,
                     "The provider refuses to renew the sign-in (%.*s %.120s); connect again.",
                     (int)(error.len > 60 ? 60 : error.len), error.len ? error.ptr : "",
                     words.len ? str_cstr(e->arena, words) : "");
}

enum step_result email_token(struct email *e)
{
    if (e->imap == EMAIL_TOKEN)
        return take_token(e);
    if (!e->settings.oauth.len)
        return STEP_DONE;
    i64 end = json_i64(json_at(e->step->channel->session, "expires_at"));
    bool fresh = e->access.len && (e->renewed || end > e->step->channel->now + TOKEN_MARGIN_MS);
    return fresh ? STEP_DONE : ask_token(e);
}

enum step_result email_token_again(struct email *e)
{
    return e->settings.oauth.len && !e->renewed ? ask_token(e) : STEP_DONE;
}

struct str email_xoauth2(struct email *e, struct str login)
{
    struct str plain = str_printf(e->arena, "user=" STR_FMT "\001auth=Bearer " STR_FMT "\001\001",
                                  STR_ARG(login), STR_ARG(e->access));
    return base64_encode(e->arena, plain);
}

// ---- IMAP sign-in ---------------------------------------------------------------------------------
static bool is_imaps(struct str url)
{
    return str_starts(url, S("imaps://"));
}

static enum step_result send_auth(struct email *e)
{
    struct email_settings *s = &e->settings;
    e->imap = EMAIL_AUTH;
    if (s->oauth.len)
        return email_imap(
            e, str_printf(e->arena, "AUTHENTICATE XOAUTH2 " STR_FMT, STR_ARG(email_xoauth2(e, s->login))));
    if (!imap_has_capability(e->capabilities, S("AUTH=PLAIN")) ||
        !imap_has_capability(e->capabilities, S("SASL-IR"))) {
        struct str login = imap_quote(e->arena, s->login), password = imap_quote(e->arena, s->password);
        if (!str_given(login) || !str_given(password))
            return email_say(e, STEP_REAUTH,
                             "This server takes no letters beyond ASCII in login and password.");
        return email_imap(
            e, str_printf(e->arena, "LOGIN " STR_FMT " " STR_FMT, STR_ARG(login), STR_ARG(password)));
    }
    struct buf plain;
    buf_init(&plain, e->arena, 4096);
    buf_add_char(&plain, '\0');
    buf_add(&plain, s->login);
    buf_add_char(&plain, '\0');
    buf_add(&plain, s->password);
    return email_imap(
        e, str_concat(e->arena, S("AUTHENTICATE PLAIN "), base64_encode(e->arena, buf_str(&plain))));
}

static enum step_result ask_capability(struct email *e)
{
    e->imap = EMAIL_CAPABILITY;
    return email_imap(e, S("CAPABILITY"));
}

static enum step_result on_capability(struct email *e)
{
    const struct net_answer *answer = e->step->answer;
    e->capabilities = e->answer;
    if (!answer->secure && imap_has_capability(e->answer, S("STARTTLS"))) {
        e->imap = EMAIL_STARTTLS;
        return email_imap(e, S("STARTTLS"));
    }
    if (!answer->secure && !answer->exempt)
        return email_say(e, STEP_REAUTH,
                         "The mailbox's server offers no encryption (STARTTLS); use an imaps:// address.");
    if (imap_has_capability(e->answer, S("LOGINDISABLED")) && !e->settings.oauth.len)
        return email_say(e, STEP_REAUTH, "The mailbox's server takes no passwords on this connection.");
    return send_auth(e);
}

// Words like "Temporary authentication failure" or [UNAVAILABLE] are no verdict on the password.
static bool is_passing(struct imap_end end)
{
    return str_eq_nocase(end.code, S("UNAVAILABLE")) || str_eq_nocase(end.code, S("INUSE")) ||
           str_eq_nocase(end.code, S("SERVERBUG")) || str_eq_nocase(end.code, S("LIMIT")) ||
           end.status == IMAP_BYE || end.status == IMAP_NONE;
}

static enum step_result on_auth(struct email *e)
{
    struct imap_end end = imap_end(e->answer);
    if (end.status == IMAP_OK) {
        e->imap = EMAIL_READY;
        return STEP_DONE;
    }
    if (end.status == IMAP_CONTINUE) { // XOAUTH2: base64 JSON; an empty line brings the verdict
        e->imap = EMAIL_AUTH_FAILED;
        return email_talk(e, e->settings.imap, S("\r\n"), imap_whole);
    }
    if (is_passing(end))
        return email_say(e, STEP_RETRY, "The mailbox's server cannot sign us in now: " STR_FMT,
                         STR_ARG(end.text));
    enum step_result again = email_token_again(e);
    if (again != STEP_DONE)
        return again;
    return email_say(e, STEP_REAUTH, "The mailbox's server refuses login and password: " STR_FMT,
                     STR_ARG(end.text));
}

static enum step_result on_greeting(struct email *e)
{
    struct imap_end end = imap_end(e->answer);
    if (end.status == IMAP_BYE || end.status == IMAP_NONE)
        return email_say(e, STEP_RETRY, "The mailbox's server turns us away: " STR_FMT, STR_ARG(end.text));
    return ask_capability(e);
}

static enum step_result on_starttls(struct email *e)
{
    struct imap_end end = imap_end(e->answer);
    if (end.status != IMAP_OK)
        return email_say(e, STEP_RETRY, "The mailbox's server does not begin encryption: " STR_FMT,
                         STR_ARG(end.text));
    enum step_result result = ask_capability(e); // told anew, inside
    e->step->request.start_tls = true;
    return result;
}

enum step_result email_sign_in(struct email *e)
{
    if (e->imap == EMAIL_READY)
        return STEP_DONE;
    if (e->imap == EMAIL_FRESH || e->imap == EMAIL_TOKEN) {
        enum step_result result = email_token(e);
        if (result != STEP_DONE)
            return result;
        e->imap = EMAIL_GREETING;
        result = email_talk(e, e->settings.imap, S(""), imap_greeting_whole);
        e->step->request.fresh = true;
        return result;
    }
    if (!e->step->answer || !e->step->answer->got_answer)
        return email_broke(e, "The mailbox's server could not be talked to");
    switch (e->imap) {
    case EMAIL_GREETING:
        return on_greeting(e);
    case EMAIL_CAPABILITY:
        return on_capability(e);
    case EMAIL_STARTTLS:
        return on_starttls(e);
    default:
        return on_auth(e);
    }
}

// ---- Connect and test -----------------------------------------------------------------------------
static const char *wrong_setting(const struct email_settings *s)
{
    if (!email_address_valid(s->address))
        return "The address is not a mail address.";
    if (!is_imaps(s->imap) && !str_starts(s->imap, S("imap://")))
        return "The incoming server's address begins with imaps:// or imap://.";
    if (!str_starts(s->smtp, S("smtps://")) && !str_starts(s->smtp, S("smtp://")))
        return "The outgoing server's address begins with smtps:// or smtp://.";
    for (size_t i = 0; i < s->aliases.len; i++)
        if (!email_address_valid(s->aliases.items[i]))
            return "One of the further addresses is not a mail address.";
    if (s->oauth.len && !str_eq(s->oauth, S("google")) && !str_eq(s->oauth, S("microsoft")))
        return "Signing in with a provider is google or microsoft, or empty for a password.";
    if (s->oauth.len && (!s->client_id.len || !s->refresh_token.len))
        return "Signing in with a provider needs client id and refresh token.";
    if (!s->oauth.len && !s->password.len)
        return "A password is needed, or signing in with a provider.";
    return NULL;
}

// Both directions: the folders can be opened, and the outgoing server signs us in.
enum { TRY_IMAP, TRY_FOLDER, TRY_SMTP, TRY_BYE };
struct trying {
    size_t folder;
    struct smtp *smtp;
};

static enum step_result try_folder(struct email *e, const struct trying *t)
{
    struct str name = imap_mailbox(e->arena, e->settings.folders.items[t->folder]);
    if (!str_given(name))
        return email_say(e, STEP_REAUTH, "The folder's name cannot be said to the server.");
    e->phase = TRY_FOLDER;
    return email_imap(e, str_concat(e->arena, S("EXAMINE "), name));
}

static enum step_result on_folder(struct email *e, struct trying *t)
{
    if (!str_given(e->answer))
        return email_broke(e, "The mailbox's server could not be talked to");
    struct imap_end end = imap_end(e->answer);
    if (end.status != IMAP_OK)
        return email_say(e, STEP_REAUTH, "The folder “" STR_FMT "” cannot be opened: " STR_FMT,
                         STR_ARG(e->settings.folders.items[t->folder]), STR_ARG(end.text));
    if (++t->folder < e->settings.folders.len)
        return try_folder(e, t);
    e->phase = TRY_SMTP;
    return STEP_DONE;
}

static enum step_result try_both(struct email *e)
{
    struct trying *t = e->op;
    enum step_result result;
    if (!t) {
        const char *wrong = wrong_setting(&e->settings);
        if (wrong)
            return email_say(e, STEP_REAUTH, "%s", wrong);
        e->op = t = arena_new(e->arena, struct trying);
    }
    if (e->phase == TRY_IMAP) {
        if ((result = email_sign_in(e)) != STEP_DONE)
            return result;
        return try_folder(e, t);
    }
    if (e->phase == TRY_FOLDER && (result = on_folder(e, t)) != STEP_DONE)
        return result;
    return email_smtp_sign_in(e, &t->smtp);
}

enum step_result email_connect(struct step *step)
{
    struct email *e = email_of(step);
    enum step_result result = try_both(e);
    if (result == STEP_DONE) {
        step->account_id = str_lower_ascii(step->arena, e->settings.address);
        step->handle = e->settings.address;
    }
    return result;
}

enum step_result email_health(struct step *step)
{
    struct email *e = email_of(step);
    enum step_result result = try_both(e);
    if (result == STEP_DONE)
        email_say(e, result, "Mail can be read and sent as " STR_FMT ".", STR_ARG(e->settings.address));
    return result;
}

// ---- Writing first --------------------------------------------------------------------------------
static bool email_start(const struct channel_view *view, struct str address, struct str unique,
                        struct arena *arena, struct started *out, struct err *err)
{
    struct email_settings settings;
    struct str to = str_trim(address);
    email_settings_read(view, arena, &settings);
    if (!email_address_valid(to))
        return err_field(err, "address", "invalid", "This is not a mail address.");
    if (email_is_ours(&settings, to))
        return err_field(err, "address", "invalid", "This is the mailbox's own address.");
    *out = (struct started){.thread_key = str_printf(arena, "heed-" STR_FMT, STR_ARG(unique)),
                            .conversation_kind = S("email"),
                            .visibility = S("private"),
                            .address = to,
                            .external_id = str_lower_ascii(arena, to)};
    return true;
}

// ---- The driver -----------------------------------------------------------------------------------
static const char *const sign_ins[] = {"password", "google", "microsoft", NULL};
static const struct channel_setting settings_of_email[] = {
    {"address", SETTING_TEXT, true, NULL, 254},
    {"from_name", SETTING_TEXT, false, NULL, 200},
    {"imap", SETTING_TEXT, true, NULL, 300, .bound = true},
    {"smtp", SETTING_TEXT, true, NULL, 300, .bound = true},
    {"login", SETTING_TEXT, false, NULL, 254},
    {"password", SETTING_SECRET, false, NULL, 500},
    {"smtp_login", SETTING_TEXT, false, NULL, 254},
    {"smtp_password", SETTING_SECRET, false, NULL, 500},
    {"oauth", SETTING_CHOICE, false, "password", 20, sign_ins, .bound = true},
    {"client_id", SETTING_TEXT, false, NULL, 500},
    {"client_secret", SETTING_SECRET, false, NULL, 1000},
    {"refresh_token", SETTING_SECRET, false, NULL, 8000},
    {"token_url", SETTING_URL, false, NULL, 1000, .bound = true},
    {"aliases", SETTING_TEXT, false, "", 2000},
    {"folders", SETTING_TEXT, false, "INBOX", 1000},
    {"days_back", SETTING_TEXT, false, "0", 5},
    {"authserv_id", SETTING_TEXT, false, "", 254},
    {"plus_addresses", SETTING_BOOL, false, "true", 0},
    {"bounce_addresses", SETTING_BOOL, false, "false", 0},
    {"copy_to_sent", SETTING_BOOL, false, "true", 0},
    {"sent_folder", SETTING_TEXT, false, "Sent", 300},
    {},
};
static const char *const streams[] = {"mail", NULL};

const struct channel_driver channel_email = {
    .kind = "email",
    .title = "E-mail",
    .can = CAN_POLL | CAN_CONFIRM | CAN_DM | CAN_GLOBAL_IDS | CAN_MAIL | CAN_START,
    .text_public = {UNIT_CODE_POINTS, 0, 0},
    .text_private = {UNIT_CODE_POINTS, 100000, 400000},
    .files = FILE_PICTURE | FILE_VIDEO | FILE_AUDIO | FILE_OTHER,
    .max_files = 20,
    .max_file_bytes = 18 * 1024 * 1024,
    .max_picture_bytes = 18 * 1024 * 1024,
    .max_total_bytes = 18 * 1024 * 1024, // 25 MB once written in base64
    .settings = settings_of_email,
    .streams = streams,
    .poll_ms = 60000,
    .receive = email_receive,
    .connect = email_connect,
    .health = email_health,
    .poll = email_poll,
    .listen = email_listen,
    .send = email_send,
    .sent = email_sent,
    .start = email_start,
    .notify = email_notify,
    .confirm = email_confirm,
};
