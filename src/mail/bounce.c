// SPDX-License-Identifier: AGPL-3.0-or-later
// Mail that came back. A server's report (RFC 3464) is read field by field; servers that write prose are
// guessed at. Read receipts and abuse reports name the mail they speak of in the same way.
#include "mail/charset.h"
#include "mail/parts.h"

enum {
    RECIPIENTS_MAX = 50,
    GROUPS_MAX = 200,
    DIAGNOSTIC_MAX = 1000,
    PROSE_MAX = 16 * 1024, // bytes of text in which a guess is made
};

static struct str one_line(struct str raw, struct arena *arena)
{
    return charset_cut(words_decode(raw.ptr ? raw : S(""), arena), DIAGNOSTIC_MAX);
}

// "rfc822; a@b" → "a@b".
static struct str without_type(struct str value, struct arena *arena)
{
    struct str rest;
    struct str first = str_cut(value, ';', &rest);
    return one_line(rest.ptr ? str_trim(rest) : first, arena);
}

// "rfc822;<a@b>" → a@b, or "" when it is no address.
static struct str recipient_of(struct str value, struct arena *arena)
{
    struct mail_address_list list = {};
    if (!value.len || !addresses_read(without_type(value, arena), arena, &list) || list.len == 0) {
        return S("");
    }
    return list.items[0].address;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The first "5.1.1" of the text; "" when there is none. Versions and addresses of machines are none.
static struct str find_status(struct str s)
{
    for (size_t i = 0; i + 4 < s.len; i++) {
        if ((s.ptr[i] != '5' && s.ptr[i] != '4' && s.ptr[i] != '2') || s.ptr[i + 1] != '.' ||
            (i > 0 && (is_digit(s.ptr[i - 1]) || s.ptr[i - 1] == '.'))) {
            continue;
        }
        size_t at = i + 2, second = at;
        while (at < s.len && at < second + 3 && is_digit(s.ptr[at])) {
            at++;
        }
        if (at == second || at >= s.len || s.ptr[at] != '.') {
            continue;
        }
        size_t third = ++at;
        while (at < s.len && at < third + 3 && is_digit(s.ptr[at])) {
            at++;
        }
        if (at > third && (at == s.len || (!is_digit(s.ptr[at]) && (s.ptr[at] != '.' || at + 1 == s.len ||
                                                                    !is_digit(s.ptr[at + 1]))))) {
            return str_sub(s, i, at);
        }
    }
    return S("");
}

// "550": a refusal of SMTP without the enhanced code.
static char find_reply_class(struct str s)
{
    for (size_t i = 0; i + 3 <= s.len; i++) {
        if ((s.ptr[i] == '5' || s.ptr[i] == '4') && is_digit(s.ptr[i + 1]) && is_digit(s.ptr[i + 2]) &&
            s.ptr[i + 1] <= '5' && (i == 0 || !(is_digit(s.ptr[i - 1]) || s.ptr[i - 1] == '.')) &&
            (i + 3 == s.len || s.ptr[i + 3] == ' ' || s.ptr[i + 3] == '-')) {
            return s.ptr[i];
        }
    }
    return 0;
}

static bool is_hard(const struct mail_bounced *bounced)
{
    if (!str_eq(bounced->action, S("failed"))) {
        return false;
    }
    if (bounced->status.len) {
        return bounced->status.ptr[0] == '5' && !str_eq(bounced->status, S("5.2.2"));
    }
    return find_reply_class(bounced->diagnostic) != '4';
}

// One group of a delivery report; without a recipient it speaks of the whole mail.
static void read_group(const struct header_list *fields, struct arena *arena, struct mail *mail)
{
    struct str action = headers_find(fields, "Action"), final = headers_find(fields, "Final-Recipient");
    struct str original = headers_find(fields, "Original-Recipient");
    if ((!action.ptr && !final.ptr && !original.ptr) || mail->bounce.recipients.len >= RECIPIENTS_MAX) {
        return;
    }
    struct mail_bounced *bounced = list_push(&mail->bounce.recipients, arena);
    struct str unused;
    bounced->original = recipient_of(original, arena);
    bounced->recipient = recipient_of(final, arena);
    bounced->recipient = bounced->recipient.len ? bounced->recipient : bounced->original;
    bounced->action = str_lower_ascii(
        arena, one_line(str_cut(str_trim(action.ptr ? action : S("failed")), ' ', &unused), arena));
    bounced->status = find_status(one_line(headers_find(fields, "Status"), arena));
    bounced->diagnostic = without_type(headers_find(fields, "Diagnostic-Code"), arena);
    bounced->remote = without_type(headers_find(fields, "Remote-MTA"), arena);
    if (!bounced->status.len) {
        bounced->status = find_status(bounced->diagnostic);
    }
    bounced->hard = is_hard(bounced);
}

static size_t skip_breaks(struct str s, size_t pos)
{
    while (pos < s.len && (s.ptr[pos] == '\n' || s.ptr[pos] == '\r')) {
        pos++;
    }
    return pos;
}

static void read_report(struct str report, struct arena *arena, struct mail *mail)
{
    size_t pos = 0;
    for (int group = 0; group < GROUPS_MAX && (pos = skip_breaks(report, pos)) < report.len; group++) {
        struct header_list fields = {};
        size_t used = headers_read(str_sub(report, pos, report.len), arena, &fields);
        read_group(&fields, arena, mail);
        if (used == 0) { // a line that is no field
            const char *end = memchr(report.ptr + pos, '\n', report.len - pos);
            used = end ? (size_t)(end - report.ptr) + 1 - pos : report.len - pos;
        }
        pos += used;
    }
}

static void ids_of_headers(struct str headers, struct arena *arena, struct mail *mail)
{
    struct header_list list = {};
    headers = str_sub(headers, 0, headers.len < HEADER_BYTES_MAX ? headers.len : HEADER_BYTES_MAX);
    headers_read(headers, arena, &list);
    struct str id = headers_find(&list, "Message-ID");
    if (id.ptr) {
        ids_read(id, arena, &mail->bounce.ids);
    }
}

static bool starts_any(struct str text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t at = 0; at + strlen(words[i]) <= text.len; at++) {
            if (str_eq_nocase(str_sub(text, at, at + strlen(words[i])), str_from(words[i]))) {
                return true;
            }
        }
    }
    return false;
}

static bool looks_like_bounce(const struct mail *mail, struct str failed)
{
    static const char *const senders[] = {"mailer-daemon@", "postmaster@", "maildaemon@", "mail-daemon@"};
    static const char *const names[] = {"mail delivery", "mailer-daemon", "postmaster",
                                        "system administrator"};
    static const char *const subjects[] = {"undeliver",
                                           "delivery status notification",
                                           "failure notice",
                                           "returned mail",
                                           "mail delivery",
                                           "delivery failure",
                                           "delivery has failed",
                                           "could not be delivered",
                                           "unzustellbar",
                                           "nicht zustellbar",
                                           "non remis",
                                           "échec de la remise",
                                           "no se puede entregar",
                                           "no entregado",
                                           "non recapitabile",
                                           "olevererbart",
                                           "ikke leveret",
                                           "toimittamaton",
                                           "kättetoimetamat",
                                           "tidak terkirim",
                                           "недоставлен",
                                           "배달되지 않",
                                           "반송",
                                           "配信不能",
                                           "配信できません",
                                           "退信",
                                           "无法送达",
                                           "delivery incomplete"};
    if (failed.len) {
        return true;
    }
    bool robot = starts_any(mail->from.address, senders, ARRAY_LEN(senders)) ||
                 starts_any(mail->from.name, names, ARRAY_LEN(names)) ||
                 (mail->automatic & MAIL_AUTO_NO_RETURN);
    return robot && !(mail->automatic & MAIL_AUTO_OUT_OF_OFFICE) &&
           starts_any(mail->subject, subjects, ARRAY_LEN(subjects));
}

// The line of prose that names why: it has a code in it.
static struct str find_reason(struct str text, struct arena *arena)
{
    struct str rest = text;
    while (rest.ptr) {
        struct str line = str_cut(rest, '\n', &rest);
        if (find_status(line).len || find_reply_class(line)) {
            return one_line(str_trim(line), arena);
        }
    }
    return S("");
}

// "<a@b>:" or "a@b" on a line of its own, above the copy of the mail.
static struct str find_recipient(const struct mail *mail, struct str text, struct arena *arena)
{
    struct str rest = text;
    while (rest.ptr) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        line = str_ends(line, S(":")) ? str_sub(line, 0, line.len - 1) : line;
        if (line.len < 5 || line.len > 330 || !memchr(line.ptr, '@', line.len)) {
            continue;
        }
        struct mail_address_list list = {};
        const char *open = memchr(line.ptr, '<', line.len), *close = memchr(line.ptr, '>', line.len);
        if (open && close && close > open) {
            line = str_sub(line, (size_t)(open - line.ptr), (size_t)(close - line.ptr) + 1);
        } else if (memchr(line.ptr, ' ', line.len)) {
            continue;
        }
        if (addresses_read(line, arena, &list) && list.len == 1 && list.items[0].address.len &&
            !str_eq(list.items[0].address, mail->from.address)) {
            return list.items[0].address;
        }
    }
    return S("");
}

// Message-IDs of a copy within the prose, as qmail and Exim append it.
static void ids_in_prose(struct str text, struct arena *arena, struct mail *mail)
{
    struct str rest = text;
    while (rest.ptr) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        while (str_starts(line, S(">")) || str_starts(line, S(" "))) {
            line = str_sub(line, 1, line.len);
        }
        if (line.len > 11 && str_eq_nocase(str_sub(line, 0, 11), S("Message-ID:"))) {
            ids_read(str_sub(line, 11, line.len), arena, &mail->bounce.ids);
        }
    }
}

static void guess(struct str failed, struct arena *arena, struct mail *mail)
{
    struct str text = charset_cut(mail->text, PROSE_MAX);
    struct mail_address_list named = {};
    addresses_read(failed, arena, &named);
    mail->bounce.kind = MAIL_BOUNCE_GUESSED;
    mail->automatic |= MAIL_AUTO_REPORT;
    for (size_t i = 0; i < named.len || i == 0; i++) {
        if (mail->bounce.recipients.len >= RECIPIENTS_MAX) {
            break;
        }
        struct mail_bounced *bounced = list_push(&mail->bounce.recipients, arena);
        static const char *const delays[] = {"delayed", "warning: message", "will be retried", "verzögert",
                                             "delivery incomplete"};
        bool delayed = starts_any(mail->subject, delays, ARRAY_LEN(delays));
        *bounced = (struct mail_bounced){
            .recipient = i < named.len ? named.items[i].address : find_recipient(mail, text, arena),
            .original = S(""),
            .action = delayed ? S("delayed") : S("failed"),
            .diagnostic = find_reason(text, arena),
            .remote = S(""),
        };
        bounced->status = find_status(bounced->diagnostic);
        bounced->hard = is_hard(bounced);
    }
    ids_in_prose(text, arena, mail);
}

void bounce_read(struct reading *reading, struct mail *mail)
{
    struct arena *arena = reading->arena;
    const struct part *whole = &reading->parts.items[0];
    struct str type = params_find(&whole->type, "report-type", arena);
    bool report = part_is(whole, "multipart/report");
    for (size_t i = 0; i < reading->parts.len; i++) {
        const struct part *part = &reading->parts.items[i];
        bool within = part->container ? false : i == 0 || report;
        if (!within) {
            continue;
        }
        if (part_is(part, "message/delivery-status") || part_is(part, "message/global-delivery-status")) {
            mail->bounce.kind = MAIL_BOUNCE_REPORT;
            mail->automatic |= MAIL_AUTO_REPORT;
            read_report(part_bytes(part, arena), arena, mail);
        } else if (part_is(part, "message/disposition-notification")) {
            struct header_list fields = {};
            headers_read(part_bytes(part, arena), arena, &fields);
            mail->automatic |= MAIL_AUTO_RECEIPT;
            struct str id = headers_find(&fields, "Original-Message-ID");
            if (id.ptr) {
                ids_read(id, arena, &mail->bounce.ids);
            }
        } else if (part_is(part, "message/feedback-report")) {
            mail->automatic |= MAIL_AUTO_COMPLAINT;
        } else if (report && (part_is(part, "message/rfc822") || part_is(part, "text/rfc822-headers") ||
                              part_is(part, "message/global") || part_is(part, "message/global-headers"))) {
            ids_of_headers(part_bytes(part, arena), arena, mail);
        }
    }
    if (report && str_eq_nocase(type, S("delivery-status"))) {
        mail->automatic |= MAIL_AUTO_REPORT;
    }
    struct str failed = headers_find(&whole->headers, "X-Failed-Recipients");
    if (mail->bounce.kind == MAIL_NO_BOUNCE &&
        !(mail->automatic & (MAIL_AUTO_RECEIPT | MAIL_AUTO_COMPLAINT)) && looks_like_bounce(mail, failed)) {
        for (size_t i = 1; i < reading->parts.len; i++) {
            if (part_is(&reading->parts.items[i], "message/rfc822")) {
                ids_of_headers(part_bytes(&reading->parts.items[i], arena), arena, mail);
            }
        }
        guess(failed.ptr ? failed : S(""), arena, mail);
    }
    if (mail->automatic & (MAIL_AUTO_REPORT | MAIL_AUTO_RECEIPT | MAIL_AUTO_COMPLAINT)) {
        mail->automatic &= ~(unsigned)MAIL_AUTO_OUT_OF_OFFICE; // a machine's word, not a person's program's
    }
    if (mail->bounce.kind != MAIL_NO_BOUNCE && mail->bounce.ids.len == 0) {
        mail->bounce.ids = mail->in_reply_to.len ? mail->in_reply_to : mail->references;
    }
}
