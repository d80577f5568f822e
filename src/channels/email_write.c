// SPDX-License-Identifier: AGPL-3.0-or-later
// Writing mail: RFC 5322 and MIME, everything in ASCII and short lines. A text and the same as HTML, files
// behind. Whatever could end a header early is refused or spelled out; nothing of an agent's or a customer's
// reaches a line of its own.
#include "base/clock.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "channels/email.h"
#include <stdio.h>

enum { MAIL_MAX = 40 << 20, WORD_BYTES = 42, LINE = 76, REFERENCES_MAX = 20 };

// ---- Headers --------------------------------------------------------------------------------------
static bool plain_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((u8)text.ptr[i] < ' ' || (u8)text.ptr[i] >= 0x7F)
            return false;
    return true;
}

// Line ends of every kind, NUL, other controls, and the marks that turn the direction of text around.
static struct str one_line(struct arena *arena, struct str text)
{
    struct buf out;
    size_t pos = 0;
    text = utf8_clean(arena, str_given(text) ? text : S(""));
    buf_init(&out, arena, text.len + 1);
    while (pos < text.len) {
        size_t from = pos;
        u32 c = utf8_next(text, &pos);
        bool line = c < ' ' || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
        bool mark =
            (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F;
        if (line)
            buf_add_char(&out, ' ');
        else if (!mark)
            buf_add(&out, str_sub(text, from, pos));
    }
    return str_trim(buf_str(&out));
}

// Words of RFC 2047 in base64, each at most 75 characters and split on whole characters, folded between.
static void add_words(struct buf *out, struct arena *arena, struct str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len) {
            size_t next = end;
            utf8_next(text, &next);
            if (next - at > WORD_BYTES)
                break;
            end = next;
        }
        if (at > 0)
            buf_add(out, S("\r\n "));
        buf_add(out, S("=?UTF-8?B?"));
        buf_add(out, base64_encode(arena, str_sub(text, at, end)));
        buf_add(out, S("?="));
        at = end;
    }
}

// Text without structure (Subject): plain where it can be, else words. Long plain text becomes words too: a
// line has its limit, and spaces to fold at may be missing.
static void add_text_header(struct buf *out, struct arena *arena, const char *name, struct str text)
{
    buf_printf(out, "%s: ", name);
    if (plain_ascii(text) && text.len < 900 && str_find(text, S("=?")) < 0)
        buf_add(out, text);
    else
        add_words(out, arena, text);
    buf_add(out, S("\r\n"));
}

bool email_address_valid(struct str address)
{
    struct str domain, local = str_cut(address, '@', &domain);
    if (!str_given(domain) || local.len == 0 || local.len > 64 || domain.len == 0 || domain.len > 253 ||
        memchr(domain.ptr, '@', domain.len))
        return false;
    for (size_t i = 0; i < local.len; i++) {
        char c = local.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c <= ' ' || (u8)c >= 0x7F || !strchr("!#$%&'*+-/=?^_`{|}~.", c)))
            return false;
    }
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '-')
            return false;
    }
    return domain.ptr[0] != '.' && domain.ptr[0] != '-' && domain.ptr[domain.len - 1] != '.';
}

static void add_person(struct buf *out, struct arena *arena, const struct email_address *person)
{
    struct str name = one_line(arena, person->name);
    if (name.len > 300)
        name.len = 0; // nobody is called so; the address is enough
    if (name.len && plain_ascii(name)) {
        buf_add_char(out, '"');
        for (size_t i = 0; i < name.len; i++) {
            if (name.ptr[i] == '"' || name.ptr[i] == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, name.ptr[i]);
        }
        buf_add(out, S("\"\r\n "));
    } else if (name.len) {
        add_words(out, arena, name);
        buf_add(out, S("\r\n "));
    }
    buf_printf(out, "<" STR_FMT ">", STR_ARG(person->address));
}

static bool check_people(const struct email_address_list *list, struct err *err)
{
    for (size_t i = 0; i < list->len; i++)
        if (!email_address_valid(list->items[i].address))
            return err_set(err, ERR_INVALID, "An address cannot be written to: " STR_FMT,
                           (int)(list->items[i].address.len > 100 ? 100 : list->items[i].address.len),
                           list->items[i].address.ptr ? list->items[i].address.ptr : "");
    return true;
}

static void add_people(struct buf *out, struct arena *arena, const char *name,
                       const struct email_address_list *list)
{
    if (list->len == 0)
        return;
    buf_printf(out, "%s: ", name);
    for (size_t i = 0; i < list->len; i++) {
        if (i > 0)
            buf_add(out, S(",\r\n "));
        add_person(out, arena, &list->items[i]);
    }
    buf_add(out, S("\r\n"));
}

static bool id_valid(struct str id)
{
    if (id.len == 0 || id.len > 400)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if ((u8)id.ptr[i] <= ' ' || (u8)id.ptr[i] >= 0x7F || id.ptr[i] == '<' || id.ptr[i] == '>')
            return false;
    return true;
}

// The first and the last ones; the middle of a long chain is left out.
static void add_references(struct buf *out, const struct str_list *refs)
{
    size_t from = refs->len > REFERENCES_MAX ? refs->len - REFERENCES_MAX + 1 : 1;
    bool any = false;
    for (size_t i = 0; i < refs->len; i++) {
        if ((i > 0 && i < from) || !id_valid(refs->items[i]))
            continue;
        buf_printf(out, "%s<" STR_FMT ">", any ? "\r\n " : "References: ", STR_ARG(refs->items[i]));
        any = true;
    }
    if (any)
        buf_add(out, S("\r\n"));
}

static void add_date(struct buf *out, i64 at)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char t[CLOCK_TEXT]; // 2026-11-24T05:35:00.000Z
    clock_write(at, t);
    int month = (t[5] - '0') * 10 + (t[6] - '0');
    buf_printf(out, "Date: %s, %.2s %s %.4s %.8s +0000\r\n", days[at / 86400000 % 7], t + 8,
               months[month >= 1 && month <= 12 ? month - 1 : 0], t, t + 11);
}

// ---- Bodies ---------------------------------------------------------------------------------------
// Quoted-printable: lines of at most 76, never a bare dot line, spaces at the end spelled out.
static void add_quoted(struct buf *out, struct str text)
{
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];
        if (c == '\r')
            continue;
        if (c == '\n') {
            buf_add(out, S("\r\n"));
            column = 0;
            continue;
        }
        bool last = i + 1 >= text.len || text.ptr[i + 1] == '\n' || text.ptr[i + 1] == '\r';
        bool plain = c >= ' ' && c < 0x7F && c != '=' && !((c == ' ') && last) &&
                     !(column == 0 && (c == '.' || c == 'F')); // "From " at a line's start is quoted by some
        size_t need = plain ? 1 : 3;
        if (column + need > LINE - 1) {
            buf_add(out, S("=\r\n"));
            column = 0;
            plain = plain && c != '.' && c != 'F';
            need = plain ? 1 : 3;
        }
        if (plain)
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "=%02X", c);
        column += need;
    }
    if (column > 0)
        buf_add(out, S("\r\n"));
}

static void add_base64(struct buf *out, struct arena *arena, struct str bytes)
{
    struct str text = base64_encode(arena, bytes);
    for (size_t at = 0; at < text.len; at += LINE) {
        buf_add(out, str_sub(text, at, at + LINE < text.len ? at + LINE : text.len));
        buf_add(out, S("\r\n"));
    }
}

static struct str html_of(struct arena *arena, struct str text)
{
    struct buf out;
    buf_init(&out, arena, text.len * 6 + 1024);
    buf_add(&out, S("<html><body><div dir=\"auto\">"));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '&')
            buf_add(&out, S("&amp;"));
        else if (c == '<')
            buf_add(&out, S("&lt;"));
        else if (c == '>')
            buf_add(&out, S("&gt;"));
        else if (c == '\n')
            buf_add(&out, S("<br>\n"));
        else if (c != '\r')
            buf_add_char(&out, c);
    }
    buf_add(&out, S("</div></body></html>\n"));
    return buf_str(&out);
}

static void add_text_part(struct buf *out, const char *kind, struct str text)
{
    buf_printf(out,
               "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
               kind);
    add_quoted(out, text);
}

// ---- Files ----------------------------------------------------------------------------------------
static bool mime_valid(struct str mime)
{
    bool slash = false;
    for (size_t i = 0; i < mime.len; i++) {
        char c = mime.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        slash |= c == '/';
        if (!letter && (c == 0 || !strchr("!#$&^_.+-/", c)))
            return false;
    }
    return slash && mime.len < 128;
}

// RFC 2231 beside a plain name for old programs.
static void add_file_name(struct buf *out, struct arena *arena, const char *parameter, struct str given)
{
    static const char hex[] = "0123456789ABCDEF";
    struct str name = one_line(arena, given);
    if (name.len == 0)
        name = S("file");
    if (name.len > 200) {
        size_t n = 200;
        while (n > 0 && ((u8)name.ptr[n] & 0xC0) == 0x80)
            n--;
        name.len = n;
    }
    buf_printf(out, ";\r\n %s=\"", parameter);
    for (size_t i = 0; i < name.len; i++) {
        u8 c = (u8)name.ptr[i];
        buf_add_char(out, c < 0x7F && c != '"' && c != '\\' && c != '/' ? (char)c : '_');
    }
    buf_add_char(out, '"');
    if (plain_ascii(name) && !memchr(name.ptr, '"', name.len) && !memchr(name.ptr, '\\', name.len))
        return;
    buf_printf(out, ";\r\n %s*=UTF-8''", parameter);
    for (size_t i = 0; i < name.len; i++) {
        u8 c = (u8)name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
        if (plain) {
            buf_add_char(out, (char)c);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, hex[c >> 4]);
            buf_add_char(out, hex[c & 15]);
        }
    }
}

static void add_file(struct buf *out, struct arena *arena, const struct outbound_attachment *file)
{
    struct str mime = mime_valid(file->mime) ? file->mime : S("application/octet-stream");
    buf_printf(out, "Content-Type: " STR_FMT, STR_ARG(mime));
    add_file_name(out, arena, "name", file->name);
    buf_add(out, S("\r\nContent-Disposition: attachment"));
    add_file_name(out, arena, "filename", file->name);
    buf_add(out, S("\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
    add_base64(out, arena, file->bytes);
}

// ---- The whole ------------------------------------------------------------------------------------
// The same letter has the same boundaries each time; nobody who writes text knows them before.
static struct str boundary(const struct email_letter *letter, struct arena *arena, const char *which)
{
    struct str hash =
        sha256_hex(arena, str_printf(arena, "%s:" STR_FMT ":%zu:" STR_FMT, which, STR_ARG(letter->message_id),
                                     letter->text.len, STR_ARG(letter->own_id)));
    return str_printf(arena, "=_heed_%.32s", hash.ptr);
}

static void add_headers(struct buf *out, struct arena *arena, const struct email_letter *letter)
{
    struct email_address_list from = {(struct email_address *)&letter->from, 1, 1};
    struct email_address_list reply = {(struct email_address *)&letter->reply_to, 1, 1};
    add_date(out, letter->at);
    add_people(out, arena, "From", &from);
    if (letter->reply_to.address.len)
        add_people(out, arena, "Reply-To", &reply);
    add_people(out, arena, "To", &letter->to);
    add_people(out, arena, "Cc", &letter->cc);
    add_text_header(out, arena, "Subject", one_line(arena, letter->subject));
    buf_printf(out, "Message-ID: <" STR_FMT ">\r\n", STR_ARG(letter->message_id));
    if (id_valid(letter->in_reply_to))
        buf_printf(out, "In-Reply-To: <" STR_FMT ">\r\n", STR_ARG(letter->in_reply_to));
    add_references(out, &letter->references);
    if (id_valid(letter->own_id))
        buf_printf(out, "X-Heed-Id: " STR_FMT "\r\n", STR_ARG(letter->own_id));
    if (letter->notice)
        buf_add(out, S("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"));
    if (letter->automatic)
        buf_add(out, S("Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\n"));
    buf_add(out, S("MIME-Version: 1.0\r\n"));
}

static void add_alternative(struct buf *out, struct arena *arena, const struct email_letter *letter)
{
    struct str mark = boundary(letter, arena, "alternative");
    struct str text = utf8_clean(arena, letter->text);
    buf_printf(out, "Content-Type: multipart/alternative; boundary=\"" STR_FMT "\"\r\n\r\n--" STR_FMT "\r\n",
               STR_ARG(mark), STR_ARG(mark));
    add_text_part(out, "plain", text);
    buf_printf(out, "\r\n--" STR_FMT "\r\n", STR_ARG(mark));
    add_text_part(out, "html", str_given(letter->html) ? letter->html : html_of(arena, text));
    buf_printf(out, "\r\n--" STR_FMT "--\r\n", STR_ARG(mark));
}

bool email_write(const struct email_letter *letter, struct arena *arena, struct str *ret_mail,
                 struct err *err)
{
    struct buf out;
    size_t n = letter->files ? letter->files->attachments.len : 0;
    if (!email_address_valid(letter->from.address))
        return err_set(err, ERR_INVALID, "The channel's own address is not one mail can be sent from.");
    if (!check_people(&letter->to, err) || !check_people(&letter->cc, err))
        return false;
    buf_init(&out, arena, MAIL_MAX);
    add_headers(&out, arena, letter);
    if (n == 0) {
        add_alternative(&out, arena, letter);
    } else {
        struct str mark = boundary(letter, arena, "mixed");
        buf_printf(&out, "Content-Type: multipart/mixed; boundary=\"" STR_FMT "\"\r\n\r\n--" STR_FMT "\r\n",
                   STR_ARG(mark), STR_ARG(mark));
        add_alternative(&out, arena, letter);
        for (size_t i = 0; i < n; i++) {
            buf_printf(&out, "\r\n--" STR_FMT "\r\n", STR_ARG(mark));
            add_file(&out, arena, &letter->files->attachments.items[i]);
        }
        buf_printf(&out, "\r\n--" STR_FMT "--\r\n", STR_ARG(mark));
    }
    *ret_mail = buf_str(&out);
    return !out.overflow || err_set(err, ERR_TOO_LARGE, "This mail is too large to be sent.");
}
