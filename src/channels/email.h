// SPDX-License-Identifier: AGPL-3.0-or-later
// What the parts of the e-mail driver share: settings read once, the sign-in in front of every operation, the
// tokens that prove that an answer is one to us, and the writer of mail.
#pragma once
#include "base/buf.h"
#include "channels/channel.h"
#include "channels/imap.h"

struct email_settings {
    struct str address, name; // whose mail it is
    struct str_list aliases;  // further addresses of ours, lower case
    struct str imap, smtp;    // imaps://host:port
    struct str login, password, smtp_login, smtp_password;
    struct str oauth; // "", google, microsoft
    struct str client_id, client_secret, refresh_token, token_url;
    struct str_list folders;
    struct str sent_folder, server; // server: whose Authentication-Results are believed
    i64 days_back;                  // -1: everything
    bool copy_to_sent, plus, verp;
};
void email_settings_read(const struct channel_view *view, struct arena *arena, struct email_settings *out);
bool email_is_ours(const struct email_settings *settings, struct str address);

enum email_phase {
    EMAIL_FRESH,
    EMAIL_TOKEN, // the answer of the token endpoint is awaited
    EMAIL_GREETING,
    EMAIL_STARTTLS,
    EMAIL_CAPABILITY,
    EMAIL_AUTH,
    EMAIL_AUTH_FAILED, // the server explains itself (XOAUTH2)
    EMAIL_READY,
};
struct email {
    struct step *step;
    struct arena *arena;
    struct email_settings settings;
    struct str answer; // of the server just now
    // IMAP
    enum email_phase imap;
    struct str capabilities;
    bool renewed; // the token was renewed in this run already
    struct str access;
    // The operation's own
    int phase;
    void *op;
};
// Begins or goes on: NULL when step->state was new.
struct email *email_of(struct step *step);
enum step_result email_say(struct email *e, enum step_result result, const char *format, ...) PRINTF(3, 4);
// One turn of talk.
enum step_result email_talk(struct email *e, struct str url, struct str line, size_t (*whole)(struct str));
// A command with our tag (CRLF is added).
enum step_result email_imap(struct email *e, struct str command);
// The connection broke or the server was silent: retry, with the words.
enum step_result email_broke(struct email *e, const char *what);
// Signs in at the mailbox: STEP_DONE once it is open, else what to do or how it failed.
enum step_result email_sign_in(struct email *e);
// The bearer token when there is OAuth: STEP_DONE once e->access holds (or none is needed).
enum step_result email_token(struct email *e);
// After the server refused the token: a new one, once a run. STEP_DONE: tried already.
enum step_result email_token_again(struct email *e);
struct str email_xoauth2(struct email *e, struct str login);

enum step_result email_connect(struct step *step);
enum step_result email_health(struct step *step);
enum step_result email_poll(struct step *step, struct str stream, struct str cursor);
enum step_result email_listen(struct step *step);
enum step_result email_send(struct step *step, const struct outbound *out);
enum step_result email_notify(struct step *step, const struct notice *notice);
enum step_result email_sent(struct step *step, const struct outbound *out);
enum step_result email_confirm(struct step *step, const struct outbound *out);
bool email_receive(const struct channel_view *view, struct str stream, struct str body, struct arena *arena,
                   struct inbound_list *out, struct unreadable_list *bad, struct err *err);
// SMTP up to a signed-in session, for send and for the test: STEP_DONE once it is.
struct smtp;
enum step_result email_smtp_sign_in(struct email *e, struct smtp **smtp);

// ---- SMTP replies ---------------------------------------------------------------------------------
struct smtp_reply {
    int code;        // 0: not one
    struct str text; // of the last line
};
size_t smtp_whole(struct str received);
struct smtp_reply smtp_reply(struct str answer);
bool smtp_offers(struct str answer, struct str keyword, struct str *ret_arguments);

// ---- Tokens ---------------------------------------------------------------------------------------
// What proves that an answer is one to us: kind, number and 128 bits of HMAC-SHA-256, in letters that survive
// case folding. kind: c a conversation's reply address, m a Message-ID, b a return path, n a mail
// to a colleague.
struct str email_token_make(struct arena *arena, struct str key, char kind, i64 number);
// The number, 0 when it is no token or not ours.
i64 email_token_read(struct str key, char kind, struct str token);
// support@x -> support+TOKEN@x; STR_NONE when the local part would be too long.
struct str email_plus(struct arena *arena, struct str address, struct str token);
// The token in an address of ours, STR_NONE: none.
struct str email_plus_token(const struct email_settings *settings, struct str address);
struct str email_message_id(const struct channel_view *view, struct arena *arena,
                            const struct email_settings *settings, i64 message_id);
// Of a mail to a colleague; with the name of the installation's own, so that it is known when it comes round.
bool email_is_notice(const struct channel_view *view, struct str id);
struct str email_notice_id(const struct channel_view *view, struct arena *arena,
                           const struct email_settings *settings, i64 notice_id);
// The number of our message a Message-ID names, 0: not one of ours.
i64 email_message_number(const struct channel_view *view, struct str id);

// ---- Writing --------------------------------------------------------------------------------------
struct email_address {
    struct str name, address;
};
struct email_address_list {
    struct email_address *items;
    size_t len, cap;
};
struct email_letter {
    struct str message_id;
    struct email_address from, reply_to; // reply_to.address STR_NONE: none
    struct email_address_list to, cc;
    struct str subject, text, html; // html STR_NONE: made from the text
    struct str in_reply_to;
    struct str_list references; // oldest first
    i64 at;
    struct str own_id;            // X-Heed-Id
    bool automatic, notice;       // an answer by itself; a mail to a colleague
    const struct outbound *files; // its attachments; NULL: none
};
// One RFC 5322 message with CRLF lines of at most 998 bytes, all ASCII. ERR_INVALID: an address or a header
// that cannot be written without harm.
bool email_write(const struct email_letter *letter, struct arena *arena, struct str *ret_mail,
                 struct err *err) MUST_CHECK;
// local@domain that can stand in an envelope: no controls, spaces, brackets; ASCII (domains beyond it are
// refused: write them as xn--).
bool email_address_valid(struct str address);
