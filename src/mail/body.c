// SPDX-License-Identifier: AGPL-3.0-or-later
// Which parts are the message and which are attached. Bodies are taken in reading order, as Apple Mail writes
// text, picture, text; of alternatives, the text when it is one, else the HTML made into text.
#include "mail/charset.h"
#include "mail/html.h"
#include "mail/parts.h"
#include "mail/quote.h"

enum {
    RAW_BODY_MAX = 8 * 1024 * 1024, // of all bodies that are decoded to be shown; what is longer is attached
    STUB_MAX = 400,                 // bytes of "your program cannot show HTML"
    CONTENT_ID_MAX = 500,
};

struct body {
    struct reading *reading;
    struct mail *mail;
    struct buf text, html;
    bool any_html;
    size_t tail_at; // in text; SIZE_MAX: none
};

static bool is_text(const struct part *part)
{
    return part_is(part, "text/plain") || part_is(part, "text/html");
}

static struct str raw_name(const struct part *part, struct arena *arena)
{
    struct str name = params_find(&part->disposition, "filename", arena);
    return name.len ? name : params_find(&part->type, "name", arena);
}

// The same content in another form, or a signature's wrapping: not worth an attachment.
static bool is_other_form(const struct reading *reading, const struct part *part)
{
    static const char *const forms[] = {"text/x-amp-html", "text/watch-html", "text/enriched",
                                        "text/richtext"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (part_is(part, forms[i])) {
            return part_within(&reading->parts, part, "multipart/alternative") >= 0;
        }
    }
    return false;
}

static bool is_body(struct reading *reading, const struct part *part)
{
    return !part->container && is_text(part) && !str_eq(part->disposition.value, S("attachment")) &&
           raw_name(part, reading->arena).len == 0 &&
           part_within(&reading->parts, part, "multipart/report") < 0;
}

// In a report only the first leaf, the part for people, is the body.
static bool is_report_text(const struct reading *reading, size_t index)
{
    const struct part *part = &reading->parts.items[index];
    i64 report = part_within(&reading->parts, part, "multipart/report");
    if (report < 0 || part->container || !is_text(part)) {
        return false;
    }
    for (size_t i = (size_t)report + 1; i < index; i++) {
        const struct part *before = &reading->parts.items[i];
        if (!before->container && !is_text(before)) {
            return false;
        }
    }
    return part_within(&reading->parts, part, "multipart/alternative") >= 0 || part->parent == report;
}

// Line breaks as \n; a lone \r is one too.
static struct str unix_lines(struct str text, struct arena *arena)
{
    if (!memchr(text.ptr, '\r', text.len)) {
        return text;
    }
    char *out = arena_alloc(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\r') {
            out[len++] = text.ptr[i];
        } else if (i + 1 >= text.len || text.ptr[i + 1] != '\n') {
            out[len++] = '\n';
        }
    }
    return (struct str){out, len};
}

static struct str plain_text(struct reading *reading, const struct part *part)
{
    struct arena *arena = reading->arena;
    struct str charset = params_find(&part->type, "charset", arena);
    if (!charset_known(charset)) {
        reading_note(reading, "The text names a charset nobody knows; it was guessed.");
    }
    struct str text = unix_lines(part_text(part, arena, RAW_BODY_MAX), arena);
    struct str format = params_find(&part->type, "format", arena);
    if (str_eq_nocase(format, S("flowed"))) {
        struct str delsp = params_find(&part->type, "delsp", arena);
        text = quote_unflow(text, str_eq_nocase(delsp, S("yes")), arena);
    }
    return text;
}

static struct str html_source(struct reading *reading, const struct part *part)
{
    struct arena *arena = reading->arena;
    struct str bytes = part_bytes(part, arena), charset = params_find(&part->type, "charset", arena);
    if (!charset.len || !charset_known(charset)) {
        charset = html_charset(bytes);
    }
    return charset_text(arena, charset, bytes, RAW_BODY_MAX);
}

static bool is_blank(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((u8)s.ptr[i] > 0x20) {
            return false;
        }
    }
    return true;
}

// "This message requires an HTML client": a text that is none.
static bool is_stub(struct str text)
{
    static const char *const words[] = {"html", "HTML"};
    static const char *const verbs[] = {"view",    "support", "display", "require",  "enable",
                                        "browser", "client",  "reader",  "anzeigen", "afficher"};
    bool named = false, asked = false;
    if (is_blank(text)) {
        return true;
    }
    if (text.len > STUB_MAX) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        named = named || str_find(text, str_from(words[i])) >= 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        asked = asked || str_find(text, str_from(verbs[i])) >= 0;
    }
    return named && asked && (str_find(text, S("mail")) >= 0 || str_find(text, S("message")) >= 0);
}

static void add_text(struct body *body, struct str text)
{
    struct str room = charset_cut(text, body->text.max - body->text.len);
    if (body->text.len && !is_blank(text) && body->text.ptr[body->text.len - 1] != '\n' && room.len) {
        buf_add_char(&body->text, '\n');
        room = charset_cut(text, body->text.max - body->text.len);
    }
    if (room.len < text.len) {
        reading_note(body->reading,
                     "The text is longer than 1 MiB; the rest of it is in the mail as it came.");
    }
    buf_add(&body->text, room);
}

static void add_text_of_html(struct body *body, struct str source)
{
    struct html_text made;
    html_to_text(source, MAIL_TEXT_MAX, body->reading->arena, &made);
    if (made.tail_at != SIZE_MAX && body->tail_at == SIZE_MAX) {
        body->tail_at = body->text.len + made.tail_at;
    }
    if (made.cut) {
        reading_note(body->reading,
                     "The text is longer than 1 MiB; the rest of it is in the mail as it came.");
    }
    body->mail->text_from_html = true;
    add_text(body, made.text);
}

static void add_plain_as_html(struct body *body, struct str text)
{
    buf_add(&body->html, S("<div style=\"white-space:pre-wrap\">"));
    html_add_escaped(&body->html, text);
    buf_add(&body->html, S("</div>\n"));
}

struct choice {
    struct str plain;
    struct str html;
};

// One body, or all of one alternative: into text and HTML.
static void add_choice(struct body *body, const struct choice *choice)
{
    bool stub = !choice->plain.ptr || (choice->html.ptr && is_stub(choice->plain));
    if (!stub) {
        add_text(body, choice->plain);
    } else if (choice->html.ptr) {
        add_text_of_html(body, choice->html);
    }
    if (choice->html.ptr) {
        buf_add(&body->html, choice->html);
    } else if (body->any_html && choice->plain.ptr) {
        add_plain_as_html(body, choice->plain);
    }
}

static struct str join(struct arena *arena, struct str a, struct str b)
{
    return !a.ptr ? b : str_concat(arena, str_concat(arena, a, S("\n")), b);
}

static bool *find_bodies(struct reading *reading, bool *ret_any_html)
{
    size_t n = reading->parts.len, taken = 0;
    bool *is = arena_array(reading->arena, bool, n), any = false;
    for (size_t i = 0; i < n; i++) {
        const struct part *part = &reading->parts.items[i];
        is[i] = is_body(reading, part) || is_report_text(reading, i);
        if (is[i] && part->raw.len > RAW_BODY_MAX - taken) {
            reading_note(reading, "A text of the mail is longer than 8 MiB and was attached.");
            is[i] = false;
        }
        taken += is[i] ? part->raw.len : 0;
        any = any || is[i];
        *ret_any_html = *ret_any_html || (is[i] && part_is(part, "text/html"));
    }
    for (size_t i = 0; !any && i < n; i++) { // a text with a file's name, when it is all there is
        const struct part *part = &reading->parts.items[i];
        if (!part->container && is_text(part) && !str_eq(part->disposition.value, S("attachment")) &&
            part->raw.len <= RAW_BODY_MAX) {
            is[i] = any = true;
            *ret_any_html = part_is(part, "text/html");
        }
    }
    return is;
}

static void add_bodies(struct body *body, const bool *is)
{
    struct reading *reading = body->reading;
    const struct part_list *parts = &reading->parts;
    i64 group = -1;
    struct choice choice = {};
    for (size_t i = 0; i < parts->len; i++) {
        const struct part *part = &parts->items[i];
        if (!is[i]) {
            continue;
        }
        i64 alternative = part_within(parts, part, "multipart/alternative");
        if (group >= 0 && alternative != group) {
            add_choice(body, &choice);
            choice = (struct choice){};
        }
        group = alternative;
        if (part_is(part, "text/html")) {
            choice.html = join(reading->arena, choice.html, html_source(reading, part));
        } else {
            choice.plain = join(reading->arena, choice.plain, plain_text(reading, part));
        }
        if (group < 0) {
            add_choice(body, &choice);
            choice = (struct choice){};
        }
    }
    add_choice(body, &choice);
}

// --- Attachments ---

static struct str content_id(const struct part *part, struct arena *arena)
{
    struct str id = str_trim(headers_find(&part->headers, "Content-ID"));
    if (str_starts(id, S("<")) && str_ends(id, S(">")) && id.len > 2) {
        id = str_sub(id, 1, id.len - 1);
    }
    id = words_one_line(utf8_clean(arena, id.ptr ? id : S("")), arena);
    return charset_cut(id, CONTENT_ID_MAX);
}

static bool is_shown_within(struct str html, struct str id, struct arena *arena)
{
    return id.len && html.len && str_find(html, str_concat(arena, S("cid:"), id)) >= 0;
}

static struct str subject_of(struct str mail, struct arena *arena)
{
    struct header_list headers = {};
    headers_read(str_sub(mail, 0, mail.len < HEADER_BYTES_MAX ? mail.len : HEADER_BYTES_MAX), arena,
                 &headers);
    struct str subject = headers_find(&headers, "Subject");
    return subject.len ? words_decode(subject, arena) : S("");
}

static struct str without_slashes(struct str s, struct arena *arena)
{
    char *out = arena_alloc(arena, s.len);
    for (size_t i = 0; i < s.len; i++) {
        out[i] = (char)(s.ptr[i] == '/' || s.ptr[i] == '\\' ? '_' : s.ptr[i]);
    }
    return (struct str){out, s.len};
}

static void add_attachment(struct body *body, const struct part *part, bool searched)
{
    struct arena *arena = body->reading->arena;
    struct mail_attachment *attachment = list_push(&body->mail->attachments, arena);
    struct str name = raw_name(part, arena);
    attachment->bytes = part_bytes(part, arena);
    if (!name.len && part_is(part, "message/rfc822")) {
        struct str subject = without_slashes(subject_of(attachment->bytes, arena), arena);
        name = subject.len ? str_concat(arena, charset_cut(subject, 150), S(".eml")) : name;
    }
    attachment->mime = part->type.value;
    attachment->name = name_tidy(name.ptr ? name : S(""), part->type.value, arena);
    attachment->content_id = content_id(part, arena);
    bool picture = str_starts(part->type.value, S("image/"));
    attachment->is_inline =
        searched ? is_shown_within(buf_str(&body->html), attachment->content_id, arena) : false;
    attachment->is_inline =
        attachment->is_inline || (picture && str_eq(part->disposition.value, S("inline")));
}

static void add_long_html(struct body *body)
{
    struct arena *arena = body->reading->arena;
    *list_push(&body->mail->attachments, arena) = (struct mail_attachment){.name = S("message.html"),
                                                                           .mime = S("text/html"),
                                                                           .content_id = S(""),
                                                                           .bytes = buf_str(&body->html)};
    body->mail->html = STR_NONE;
    reading_note(body->reading, "The formatted text is longer than 2 MiB and was attached.");
}

static struct str trim_end(struct str text)
{
    while (text.len && (u8)text.ptr[text.len - 1] <= 0x20) {
        text.len--;
    }
    return text;
}

void body_choose(struct reading *reading, struct mail *ret)
{
    enum { SEARCHED_MAX = 100 }; // attachments whose place in the HTML is looked for
    struct body body = {.reading = reading, .mail = ret, .tail_at = SIZE_MAX};
    bool *is = find_bodies(reading, &body.any_html);
    buf_init(&body.text, reading->arena, MAIL_TEXT_MAX);
    buf_init(&body.html, reading->arena, MAIL_RAW_MAX);
    add_bodies(&body, is);
    ret->text = trim_end(buf_str(&body.text));
    ret->html = body.any_html ? buf_str(&body.html) : STR_NONE;
    for (size_t i = 0, n = 0; i < reading->parts.len; i++) {
        const struct part *part = &reading->parts.items[i];
        if (!part->container && !is[i] && !is_other_form(reading, part) &&
            (part->raw.len || part->headers.len)) {
            add_attachment(&body, part, n++ < SEARCHED_MAX);
        }
    }
    if (body.any_html && body.html.len > MAIL_HTML_MAX) {
        add_long_html(&body);
    }
    ret->visible_len = quote_visible(ret->text, body.tail_at);
}
