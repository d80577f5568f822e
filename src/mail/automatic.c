// SPDX-License-Identifier: AGPL-3.0-or-later
// Why no automatic answer may go out (RFC 3834 and what programs do instead), and what the receiving server
// found out about the sender.
#include "mail/parts.h"

static bool has_word(struct str value, struct str word)
{
    for (size_t i = 0; i + word.len <= value.len; i++) {
        if (str_eq_nocase(str_sub(value, i, i + word.len), word)) {
            return true;
        }
    }
    return false;
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_sub(s, 0, prefix.len), prefix);
}

static bool is_robot(struct str address)
{
    static const char *const names[] = {"mailer-daemon", "postmaster", "noreply",      "no-reply",
                                        "no_reply",      "donotreply", "do-not-reply", "do_not_reply",
                                        "nobody",        "bounce",     "bounces",      "bounce+",
                                        "bounces+",      "bounce-",    "bounces-",     "maildaemon",
                                        "mail-daemon",   "noreply-",   "no-reply-",    "notifications@"};
    const char *at = address.len ? memrchr(address.ptr, '@', address.len) : NULL;
    struct str local = at ? str_sub(address, 0, (size_t)(at - address.ptr)) : address;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str name = str_from(names[i]);
        bool prefix = strchr("+-", name.ptr[name.len - 1]);
        if (prefix ? starts_nocase(local, name) : str_eq_nocase(local, name)) {
            return true;
        }
    }
    return false;
}

static bool is_away_subject(struct str subject)
{
    static const char *const begins[] = {"Automatic reply",
                                         "Auto reply",
                                         "Auto-reply",
                                         "Autoreply",
                                         "Out of Office",
                                         "Out of the office",
                                         "Automatische Antwort",
                                         "Abwesenheit",
                                         "Réponse automatique",
                                         "Absence du bureau",
                                         "Respuesta automática",
                                         "Resposta automática",
                                         "Risposta automatica",
                                         "Automatisch antwoord",
                                         "Autosvar",
                                         "Automatisk svar",
                                         "Automaattinen vastaus",
                                         "Poissa",
                                         "Automaatvastus",
                                         "Automaatne vastus",
                                         "Balasan otomatis",
                                         "Autoodpowiedź",
                                         "Odpowiedź automatyczna",
                                         "Автоматический ответ",
                                         "Автоответ",
                                         "Automatická odpověď",
                                         "자동 회신",
                                         "부재중",
                                         "自動応答",
                                         "不在",
                                         "自动答复",
                                         "自动回复",
                                         "自動回覆",
                                         "رد تلقائي",
                                         "Vacation reply"};
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        if (starts_nocase(subject, str_from(begins[i]))) {
            return true;
        }
    }
    return false;
}

// What one header says.
static unsigned judge(struct str name, struct str value)
{
    if (str_eq_nocase(name, S("Auto-Submitted"))) {
        struct str rest;
        return str_eq_nocase(str_trim(str_cut(value, ';', &rest)), S("no")) ? 0 : MAIL_AUTO_SUBMITTED;
    }
    if (str_eq_nocase(name, S("Precedence"))) {
        bool bulk = str_eq_nocase(value, S("bulk")) || str_eq_nocase(value, S("list")) ||
                    str_eq_nocase(value, S("junk")) || str_eq_nocase(value, S("auto_reply"));
        return (bulk ? MAIL_AUTO_BULK : 0) | (str_eq_nocase(value, S("auto_reply")) ? MAIL_AUTO_REPLY : 0);
    }
    if (str_eq_nocase(name, S("List-Id")) || str_eq_nocase(name, S("List-Unsubscribe")) ||
        str_eq_nocase(name, S("List-Post")) || str_eq_nocase(name, S("Feedback-ID")) ||
        str_eq_nocase(name, S("Mailing-List")) || str_eq_nocase(name, S("X-Mailing-List"))) {
        return MAIL_AUTO_LIST;
    }
    if (str_eq_nocase(name, S("X-Auto-Response-Suppress"))) {
        return has_word(value, S("All")) || has_word(value, S("AutoReply")) || has_word(value, S("OOF"))
                   ? MAIL_AUTO_SUPPRESSED
                   : 0;
    }
    if (str_eq_nocase(name, S("X-Autoreply")) || str_eq_nocase(name, S("X-Autorespond")) ||
        str_eq_nocase(name, S("X-Autoresponder")) || str_eq_nocase(name, S("X-Autogenerated")) ||
        str_eq_nocase(name, S("X-AutoReply-From")) || str_eq_nocase(name, S("X-Mail-Autoreply"))) {
        return MAIL_AUTO_REPLY;
    }
    if (str_eq_nocase(name, S("X-Failed-Recipients")) || str_eq_nocase(name, S("X-Failure-Recipients"))) {
        return MAIL_AUTO_REPORT;
    }
    if (str_eq_nocase(name, S("X-Heed-Id")) ||
        (str_eq_nocase(name, S("X-Loop")) && has_word(value, S("heed")))) {
        return MAIL_AUTO_OURS;
    }
    return 0;
}

unsigned automatic_find(const struct reading *reading, const struct mail *mail)
{
    const struct header_list *headers = &reading->parts.items[0].headers;
    unsigned found = 0;
    for (size_t i = 0; i < headers->len; i++) {
        found |= judge(headers->items[i].name, headers->items[i].value);
    }
    if (is_robot(mail->from.address) || is_robot(mail->sender.address)) {
        found |= MAIL_AUTO_ROBOT;
    }
    if (str_given(mail->return_path) && mail->return_path.len == 0) {
        found |= MAIL_AUTO_NO_RETURN;
    }
    if (is_away_subject(mail->subject)) {
        found |= MAIL_AUTO_REPLY | MAIL_AUTO_OUT_OF_OFFICE;
    }
    struct str submitted = headers_find(headers, "Auto-Submitted");
    if (starts_nocase(submitted, S("auto-replied")) && !(found & MAIL_AUTO_REPORT)) {
        found |= MAIL_AUTO_OUT_OF_OFFICE;
    }
    return found;
}

// --- Authentication-Results (RFC 8601) ---

// Off with comments; lower case.
static struct str without_comments(struct str value, struct arena *arena)
{
    char *out = arena_alloc(arena, value.len);
    size_t len = 0, depth = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '(') {
            depth++;
        } else if (c == ')' && depth) {
            depth--;
        } else if (depth == 0) {
            out[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
    }
    return (struct str){out, len};
}

static struct str word_behind(struct str s, struct str key)
{
    i64 at = str_find(s, key);
    if (at < 0 || (at > 0 && s.ptr[at - 1] != ' ' && s.ptr[at - 1] != '\t')) {
        return S("");
    }
    size_t start = (size_t)at + key.len, end = start;
    while (end < s.len && (u8)s.ptr[end] > 0x20 && s.ptr[end] != ';') {
        end++;
    }
    return str_sub(s, start, end);
}

void auth_read(const struct reading *reading, struct arena *arena, struct mail_auth *ret)
{
    const struct header_list *headers = &reading->parts.items[0].headers;
    *ret = (struct mail_auth){
        .server = S(""), .dmarc = S(""), .spf = S(""), .dkim = S(""), .dmarc_domain = S("")};
    for (size_t i = 0; i < headers->len && !ret->raw.ptr; i++) {
        ret->below += str_eq_nocase(headers->items[i].name, S("Received"));
        if (str_eq_nocase(headers->items[i].name, S("Authentication-Results"))) {
            ret->raw = words_one_line(utf8_clean(arena, headers->items[i].value), arena);
        }
    }
    if (!ret->raw.ptr) {
        ret->below = 0;
        return;
    }
    struct str rest = without_comments(ret->raw, arena), unused;
    ret->server = str_cut(str_trim(str_cut(rest, ';', &rest)), ' ', &unused);
    while (rest.ptr) {
        struct str result = str_trim(str_cut(rest, ';', &rest));
        if (str_starts(result, S("dmarc=")) && !ret->dmarc.len) {
            ret->dmarc = word_behind(result, S("dmarc="));
            ret->dmarc_domain = word_behind(result, S("header.from="));
        } else if (str_starts(result, S("spf=")) && !ret->spf.len) {
            ret->spf = word_behind(result, S("spf="));
        } else if (str_starts(result, S("dkim=")) && !str_eq(ret->dkim, S("pass"))) {
            ret->dkim = word_behind(result, S("dkim="));
        }
    }
}
