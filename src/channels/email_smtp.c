// SPDX-License-Identifier: AGPL-3.0-or-later
// SMTP submission, and what became of a mail: refused with the server's words, later again, or in doubt when
// the connection ended behind the final dot. What is in doubt is looked for in the folder of sent mail; where
// nothing is found there it is sent once more with the same Message-ID, which receivers tell repeats by.
#include "base/crypto.h"
#include "channels/email.h"
#include <stdio.h>

enum { DATA_MS = 300000, MAX_RECIPIENTS = 100 };

// ---- Replies --------------------------------------------------------------------------------------
static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_last_line(struct str line)
{
    return line.len < 4 || !digit(line.ptr[0]) || !digit(line.ptr[1]) || !digit(line.ptr[2]) ||
           line.ptr[3] != '-';
}

size_t smtp_whole(struct str received)
{
    size_t at = 0;
    while (at < received.len) {
        const char *end = memchr(received.ptr + at, '\n', received.len - at);
        if (!end)
            return 0;
        size_t next = (size_t)(end - received.ptr) + 1;
        if (is_last_line(str_sub(received, at, next - 1)))
            return next;
        at = next;
    }
    return 0;
}

static struct str next_line(struct str *rest)
{
    struct str line = str_cut(*rest, '\n', rest);
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

struct smtp_reply smtp_reply(struct str answer)
{
    struct smtp_reply reply = {.text = S("")};
    struct str rest = answer;
    while (str_given(rest) && rest.len > 0) {
        struct str line = next_line(&rest);
        i64 code;
        if (line.len < 3 || !str_to_i64(str_sub(line, 0, 3), &code) || code < 200 || code > 599)
            return (struct smtp_reply){.text = S("an answer that makes no sense")};
        reply = (struct smtp_reply){(int)code, line.len > 4 ? str_trim(str_sub(line, 4, line.len)) : S("")};
    }
    return reply;
}

bool smtp_offers(struct str answer, struct str keyword, struct str *ret_arguments)
{
    struct str rest = answer;
    while (str_given(rest) && rest.len > 0) {
        struct str line = next_line(&rest), arguments;
        if (line.len < 5)
            continue;
        struct str word = str_cut(str_sub(line, 4, line.len), ' ', &arguments);
        if (str_eq_nocase(word, keyword)) {
            *ret_arguments = str_given(arguments) ? arguments : S("");
            return true;
        }
    }
    return false;
}

// ---- Signing in -----------------------------------------------------------------------------------
enum {
    S_FRESH,
    S_GREETING,
    S_EHLO,
    S_STARTTLS,
    S_AUTH,
    S_AUTH_STEP,   // LOGIN: the server asks for the name, then the password
    S_AUTH_FAILED, // XOAUTH2: an empty line brings the verdict
    S_READY,
};
struct smtp {
    int phase, login_asked;
    struct str offers;
};

static enum step_result say_smtp(struct email *e, struct smtp *s, int phase, struct str line)
{
    s->phase = phase;
    return email_talk(e, e->settings.smtp, line, smtp_whole);
}

static enum step_result ehlo(struct email *e, struct smtp *s)
{
    struct str domain;
    str_cut(e->settings.address, '@', &domain);
    return say_smtp(e, s, S_EHLO, str_printf(e->arena, "EHLO " STR_FMT "\r\n", STR_ARG(domain)));
}

static bool has_mechanism(struct str list, struct str name)
{
    while (str_given(list)) {
        struct str word = str_cut(list, ' ', &list);
        if (str_eq_nocase(word, name))
            return true;
    }
    return false;
}

static enum step_result authenticate(struct email *e, struct smtp *s)
{
    struct str mechanisms = S("");
    struct email_settings *set = &e->settings;
    if (!smtp_offers(s->offers, S("AUTH"), &mechanisms)) {
        if (set->oauth.len == 0 && !json_str(json_at(e->step->channel->secret, "smtp_password")).len &&
            e->step->answer->exempt) { // a relay of the house that asks for no name
            s->phase = S_READY;
            return STEP_DONE;
        }
        return email_say(e, STEP_REAUTH, "The outgoing server offers no way to sign in.");
    }
    if (set->oauth.len)
        return say_smtp(
            e, s, S_AUTH,
            str_printf(e->arena, "AUTH XOAUTH2 " STR_FMT "\r\n", STR_ARG(email_xoauth2(e, set->smtp_login))));
    if (!has_mechanism(mechanisms, S("PLAIN")) && has_mechanism(mechanisms, S("LOGIN"))) {
        s->login_asked = 0;
        return say_smtp(e, s, S_AUTH_STEP, S("AUTH LOGIN\r\n"));
    }
    struct buf plain;
    buf_init(&plain, e->arena, 4096);
    buf_add_char(&plain, '\0');
    buf_add(&plain, set->smtp_login);
    buf_add_char(&plain, '\0');
    buf_add(&plain, set->smtp_password);
    return say_smtp(e, s, S_AUTH,
                    str_printf(e->arena, "AUTH PLAIN " STR_FMT "\r\n",
                               STR_ARG(base64_encode(e->arena, buf_str(&plain)))));
}

static enum step_result on_ehlo(struct email *e, struct smtp *s)
{
    const struct net_answer *answer = e->step->answer;
    struct str none;
    s->offers = e->answer;
    if (!answer->secure && smtp_offers(e->answer, S("STARTTLS"), &none))
        return say_smtp(e, s, S_STARTTLS, S("STARTTLS\r\n"));
    if (!answer->secure && !answer->exempt)
        return email_say(e, STEP_REAUTH,
                         "The outgoing server offers no encryption (STARTTLS); use an smtps:// address.");
    return authenticate(e, s);
}

static enum step_result on_auth(struct email *e, struct smtp *s, struct smtp_reply reply)
{
    if (reply.code >= 200 && reply.code < 300) {
        s->phase = S_READY;
        return STEP_DONE;
    }
    if (reply.code >= 300 && reply.code < 400) {
        if (s->phase == S_AUTH_STEP && s->login_asked < 2) {
            struct str word = s->login_asked++ == 0 ? e->settings.smtp_login : e->settings.smtp_password;
            return say_smtp(e, s, S_AUTH_STEP,
                            str_printf(e->arena, STR_FMT "\r\n", STR_ARG(base64_encode(e->arena, word))));
        }
        return say_smtp(e, s, S_AUTH_FAILED, S("\r\n"));
    }
    if (reply.code < 500)
        return email_say(e, STEP_RETRY, "The outgoing server cannot sign us in now: %d " STR_FMT, reply.code,
                         STR_ARG(reply.text));
    if (e->settings.oauth.len) {
        enum step_result again = email_token_again(e);
        if (again != STEP_DONE) {
            s->phase = S_FRESH;
            return again;
        }
    }
    return email_say(e, STEP_REAUTH, "The outgoing server refuses login and password: %d " STR_FMT,
                     reply.code, STR_ARG(reply.text));
}

static enum step_result refuse_step(struct email *e, struct smtp_reply reply, const char *what)
{
    return email_say(e, STEP_RETRY, "The outgoing server %s: %d " STR_FMT, what, reply.code,
                     STR_ARG(reply.text));
}

static enum step_result sign_in_on(struct email *e, struct smtp *s)
{
    struct smtp_reply reply = smtp_reply(e->answer);
    bool fine = reply.code >= 200 && reply.code < 300;
    switch (s->phase) {
    case S_GREETING:
        return fine ? ehlo(e, s) : refuse_step(e, reply, "turns us away");
    case S_EHLO:
        return fine ? on_ehlo(e, s) : refuse_step(e, reply, "does not greet back");
    case S_STARTTLS: {
        if (!fine)
            return refuse_step(e, reply, "does not begin encryption");
        enum step_result result = ehlo(e, s);
        e->step->request.start_tls = true;
        return result;
    }
    default:
        return on_auth(e, s, reply);
    }
}

enum step_result email_smtp_sign_in(struct email *e, struct smtp **smtp)
{
    struct smtp *s = *smtp;
    if (!s)
        s = *smtp = arena_new(e->arena, struct smtp);
    if (s->phase == S_READY)
        return STEP_DONE;
    if (s->phase == S_FRESH) {
        enum step_result result = email_token(e);
        if (result != STEP_DONE)
            return result;
        result = say_smtp(e, s, S_GREETING, S(""));
        e->step->request.fresh = true;
        return result;
    }
    if (!str_given(e->answer))
        return email_broke(e, "The outgoing server could not be talked to");
    return sign_in_on(e, s);
}

// ---- The letter -----------------------------------------------------------------------------------
static void read_people(const struct json *list, struct arena *arena, struct email_address_list *out)
{
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *one = json_item(list, i);
        struct str address = json_str(json_at(one, "address")), name = json_str(json_at(one, "name"));
        if (address.len)
            *list_push(out, arena) = (struct email_address){str_given(name) ? name : S(""), address};
    }
}

static bool make_letter(struct email *e, const struct outbound *out, struct email_letter *letter,
                        struct str *ret_mail, struct err *err)
{
    const struct channel_view *view = e->step->channel;
    struct email_settings *s = &e->settings;
    const struct json *mail = out->mail.len ? json_parse_lenient(out->mail, e->arena, err) : NULL;
    *letter = (struct email_letter){
        .message_id = email_message_id(view, e->arena, s, out->message_id),
        .from = {s->name, s->address},
        .subject = out->subject,
        .text = out->text,
        .references = out->refs,
        .at = out->created_at,
        .own_id = email_token_make(e->arena, view->mac_key, 'm', out->message_id),
        .files = out,
    };
    if (str_given(json_str(json_at(mail, "from"))) && email_is_ours(s, json_str(json_at(mail, "from"))))
        letter->from.address = json_str(json_at(mail, "from"));
    if (out->refs.len)
        letter->in_reply_to = out->refs.items[out->refs.len - 1];
    if (s->plus)
        letter->reply_to.address =
            email_plus(e->arena, letter->from.address,
                       email_token_make(e->arena, view->mac_key, 'c', out->conversation_id));
    letter->reply_to.name = s->name;
    read_people(json_at(mail, "to"), e->arena, &letter->to);
    read_people(json_at(mail, "cc"), e->arena, &letter->cc);
    if (letter->to.len == 0)
        return err_set(err, ERR_INVALID, "Nobody is named to whom this mail goes.");
    if (letter->to.len + letter->cc.len > MAX_RECIPIENTS)
        return err_set(err, ERR_INVALID, "A mail goes to at most %d addresses.", MAX_RECIPIENTS);
    return email_write(letter, e->arena, ret_mail, err);
}

// ---- Sending --------------------------------------------------------------------------------------
enum { T_SIGN_IN, T_FROM, T_TO, T_DATA, T_BODY };
struct sending {
    struct smtp *smtp;
    struct email_letter letter;
    struct str mail;
    size_t to;           // recipients told so far
    i64 attempts;        // this one is counted
    struct str envelope; // where bounces go
};

static enum step_result say_send(struct email *e, int phase, struct str line)
{
    e->phase = phase;
    return email_talk(e, e->settings.smtp, line, smtp_whole);
}

static struct str recipient(const struct email_letter *letter, size_t i)
{
    return i < letter->to.len ? letter->to.items[i].address : letter->cc.items[i - letter->to.len].address;
}

// Where it comes back to when it does not arrive.
static struct str envelope_of(struct email *e, struct str from, i64 message_id)
{
    struct str back = STR_NONE;
    if (e->settings.verp)
        back = email_plus(e->arena, from,
                          email_token_make(e->arena, e->step->channel->mac_key, 'b', message_id));
    return str_given(back) ? back : from;
}

static enum step_result mail_from(struct email *e, const struct sending *s)
{
    struct str none;
    struct str size = smtp_offers(s->smtp->offers, S("SIZE"), &none)
                          ? str_printf(e->arena, " SIZE=%zu", s->mail.len)
                          : S("");
    return say_send(
        e, T_FROM,
        str_printf(e->arena, "MAIL FROM:<" STR_FMT ">" STR_FMT "\r\n", STR_ARG(s->envelope), STR_ARG(size)));
}

static enum step_result rcpt_to(struct email *e, const struct sending *s)
{
    return say_send(e, T_TO,
                    str_printf(e->arena, "RCPT TO:<" STR_FMT ">\r\n", STR_ARG(recipient(&s->letter, s->to))));
}

// Dots at the beginning of a line are doubled; the end is ours alone.
static struct str with_dots(struct email *e, struct str mail)
{
    struct buf out;
    buf_init(&out, e->arena, mail.len + mail.len / 2 + 64);
    bool start = true;
    for (size_t i = 0; i < mail.len;) {
        const char *end = memchr(mail.ptr + i, '\n', mail.len - i);
        size_t next = end ? (size_t)(end - mail.ptr) + 1 : mail.len;
        if (start && mail.ptr[i] == '.')
            buf_add_char(&out, '.');
        buf_add(&out, str_sub(mail, i, next));
        start = end != NULL;
        i = next;
    }
    buf_add(&out, S(".\r\n"));
    return buf_str(&out);
}

// 1, 5, 15, 60 minutes, then hourly; the core ends it after five days.
static i64 pause_of(i64 attempts)
{
    static const i64 minutes[] = {1, 5, 15};
    return (attempts >= 1 && attempts <= 3 ? minutes[attempts - 1] : 60) * 60000;
}

static enum step_result not_taken(struct email *e, const struct sending *s, struct smtp_reply reply,
                                  const char *what, struct str whom)
{
    if (reply.code >= 500)
        return email_say(e, STEP_REFUSED, "The mail server refused %s" STR_FMT ": %d " STR_FMT, what,
                         STR_ARG(whom), reply.code, STR_ARG(reply.text));
    e->step->only_this = reply.code != 421;
    e->step->retry_at = e->step->channel->now + pause_of(s->attempts);
    return email_say(e, STEP_RETRY, "The mail server does not take %s" STR_FMT " yet: %d " STR_FMT, what,
                     STR_ARG(whom), reply.code, STR_ARG(reply.text));
}

static enum step_result on_reply(struct email *e, struct sending *s)
{
    struct smtp_reply reply = smtp_reply(e->answer);
    bool fine = reply.code >= 200 && reply.code < 400;
    switch (e->phase) {
    case T_FROM:
        return fine ? rcpt_to(e, s) : not_taken(e, s, reply, "this mail", S(""));
    case T_TO:
        if (!fine) // nothing was sent yet, to nobody
            return not_taken(e, s, reply, "the recipient ", recipient(&s->letter, s->to));
        if (++s->to < s->letter.to.len + s->letter.cc.len)
            return rcpt_to(e, s);
        return say_send(e, T_DATA, S("DATA\r\n"));
    case T_DATA: {
        if (reply.code != 354)
            return not_taken(e, s, reply, "this mail", S(""));
        enum step_result result = say_send(e, T_BODY, with_dots(e, s->mail));
        e->step->request.timeout_ms = DATA_MS;
        return result;
    }
    default:
        if (!fine)
            return not_taken(e, s, reply, "this mail", S(""));
        e->step->external_id = s->letter.message_id; // the mail is out, whatever comes now
        return STEP_DONE;
    }
}

static enum step_result broke(struct email *e, const struct sending *s)
{
    if (e->phase == T_BODY && e->step->answer && e->step->answer->maybe_received)
        return email_say(e, STEP_DOUBT, "The connection ended behind the mail's last byte: %s",
                         e->step->answer->error);
    e->step->retry_at = e->step->channel->now + pause_of(s->attempts > 1 ? s->attempts - 1 : 1) / 2;
    return email_broke(e, "The outgoing server could not be talked to");
}

static enum step_result go_on(struct email *e, struct sending *s)
{
    if (e->phase == T_SIGN_IN) {
        enum step_result result = email_smtp_sign_in(e, &s->smtp);
        return result == STEP_DONE ? mail_from(e, s) : result;
    }
    return str_given(e->answer) ? on_reply(e, s) : broke(e, s);
}

enum step_result email_send(struct step *step, const struct outbound *out)
{
    struct email *e = email_of(step);
    struct sending *s = e->op;
    struct err err = {};
    if (out->action != OUT_SEND)
        return email_say(e, STEP_REFUSED, "Mail that is sent can be neither liked nor taken back.");
    if (!s) {
        e->op = s = arena_new(e->arena, struct sending);
        s->attempts = out->attempts;
        if (!make_letter(e, out, &s->letter, &s->mail, &err))
            return email_say(e, STEP_REFUSED, "%s", err.text);
        s->envelope = envelope_of(e, s->letter.from.address, out->message_id);
    }
    return go_on(e, s);
}

// ---- Mail to a colleague --------------------------------------------------------------------------
enum step_result email_notify(struct step *step, const struct notice *notice)
{
    struct email *e = email_of(step);
    struct sending *s = e->op;
    struct err err = {};
    if (!s) {
        e->op = s = arena_new(e->arena, struct sending);
        s->attempts = notice->attempts;
        s->letter = (struct email_letter){
            .message_id = email_notice_id(step->channel, e->arena, &e->settings, notice->id),
            .from = {e->settings.name, e->settings.address},
            .subject = notice->subject,
            .text = notice->text,
            .at = notice->created_at,
            .notice = true,
        };
        *list_push(&s->letter.to, e->arena) = (struct email_address){STR_NONE, notice->address};
        if (!email_write(&s->letter, e->arena, &s->mail, &err))
            return email_say(e, STEP_REFUSED, "%s", err.text);
        s->envelope = s->letter.from.address;
    }
    return go_on(e, s);
}

// ---- A copy for the folder of sent mail -----------------------------------------------------------
enum { C_SIGN_IN, C_APPEND, C_BYTES };
struct copying {
    struct str folder, mail;
};

static enum step_result no_copy(struct email *e, const char *why, struct str words)
{
    return email_say(e, STEP_REFUSED, "The copy among the sent mail could not be kept: %s" STR_FMT, why,
                     STR_ARG(words));
}

static enum step_result begin_copy(struct email *e, const struct outbound *out)
{
    struct copying *c = arena_new(e->arena, struct copying);
    struct email_letter letter;
    struct err err = {};
    e->op = c;
    c->folder = imap_mailbox(e->arena, e->settings.sent_folder);
    if (!str_given(c->folder))
        return no_copy(e, "the folder's name cannot be said to the server.", S(""));
    return make_letter(e, out, &letter, &c->mail, &err) ? STEP_DONE : no_copy(e, err.text, S(""));
}

static enum step_result on_copy(struct email *e, const struct copying *c)
{
    struct imap_end end = imap_end(e->answer);
    if (!str_given(e->answer))
        return no_copy(e, e->step->answer ? e->step->answer->error : "no answer", S(""));
    if (e->phase == C_BYTES)
        return end.status == IMAP_OK ? STEP_DONE : no_copy(e, "", end.text);
    if (end.status != IMAP_CONTINUE)
        return no_copy(e, "", end.text);
    e->phase = C_BYTES;
    enum step_result result =
        email_talk(e, e->settings.imap, str_concat(e->arena, c->mail, S("\r\n")), imap_whole);
    e->step->request.timeout_ms = DATA_MS;
    return result;
}

// Only once it is on record that the mail is out: whatever becomes of the copy, it is not sent again.
enum step_result email_sent(struct step *step, const struct outbound *out)
{
    struct email *e = email_of(step);
    enum step_result result;
    if (out->action != OUT_SEND || !e->settings.copy_to_sent || !e->settings.sent_folder.len)
        return STEP_DONE;
    if (!e->op && (result = begin_copy(e, out)) != STEP_DONE)
        return result;
    const struct copying *c = e->op;
    if (e->phase != C_SIGN_IN)
        return on_copy(e, c);
    if ((result = email_sign_in(e)) != STEP_DONE)
        return result == STEP_REAUTH ? STEP_REFUSED : result; // reading tells the channel's state
    e->phase = C_APPEND;
    return email_imap(
        e, str_printf(e->arena, "APPEND " STR_FMT " (\\Seen) {%zu}", STR_ARG(c->folder), c->mail.len));
}

// ---- Did it arrive? -------------------------------------------------------------------------------
enum { Q_SIGN_IN, Q_EXAMINE, Q_SEARCH };
struct asking {
    size_t folder; // 0: sent mail, then those we read
};

static enum step_result ask_folder(struct email *e, const struct asking *a)
{
    struct str name = a->folder == 0 ? e->settings.sent_folder : e->settings.folders.items[a->folder - 1];
    e->phase = Q_EXAMINE;
    return email_imap(e, str_concat(e->arena, S("EXAMINE "), imap_mailbox(e->arena, name)));
}

// Found nowhere: once more with the same Message-ID; the second time a person decides.
static enum step_result not_found(struct email *e, const struct outbound *out)
{
    if (out->attempts <= 1)
        return email_say(e, STEP_ABSENT, "It is not among the sent mail; it is sent once more.");
    return email_say(e, STEP_DOUBT,
                     "It was sent twice and both times the connection ended behind its last byte.");
}

static enum step_result next_question(struct email *e, struct asking *a, const struct outbound *out)
{
    if (++a->folder <= e->settings.folders.len)
        return ask_folder(e, a);
    return not_found(e, out);
}

enum step_result email_confirm(struct step *step, const struct outbound *out)
{
    struct email *e = email_of(step);
    struct asking *a = e->op;
    struct str rest, line = S(""),
                     id = email_message_id(step->channel, e->arena, &e->settings, out->message_id);
    i64 number;
    if (!a)
        e->op = a = arena_new(e->arena, struct asking);
    if (out->action != OUT_SEND)
        return STEP_DOUBT;
    if (e->phase == Q_SIGN_IN) {
        enum step_result result = email_sign_in(e);
        if (result == STEP_DONE)
            return ask_folder(e, a);
        return result;
    }
    if (!str_given(e->answer))
        return email_broke(e, "The mailbox could not be asked");
    bool fine = imap_end(e->answer).status == IMAP_OK;
    if (e->phase == Q_EXAMINE) {
        if (!fine)
            return next_question(e, a, out);
        e->phase = Q_SEARCH;
        return email_imap(e,
                          str_printf(e->arena, "UID SEARCH HEADER Message-ID \"" STR_FMT "\"", STR_ARG(id)));
    }
    rest = e->answer;
    if (fine && imap_search(&rest, &line, &number)) {
        step->external_id = id;
        return STEP_DONE;
    }
    return next_question(e, a, out);
}
