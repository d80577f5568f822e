// SPDX-License-Identifier: AGPL-3.0-or-later
// One walk over the tags; each src of a picture is resolved byte by byte beside the wanted address, so that
// nothing is copied and no length costs more than itself.
#include "mail/pictures.h"
#include "base/arena.h"
#include "base/buf.h"
#include "mail/html_tag.h"

struct str picture_url_plain(struct arena *arena, struct str url)
{
    struct buf out;
    while (url.len && (u8)url.ptr[0] <= ' ') {
        url = str_sub(url, 1, url.len);
    }
    while (url.len && (u8)url.ptr[url.len - 1] <= ' ') {
        url.len--;
    }
    buf_init(&out, arena, url.len + 1);
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] != '\t' && url.ptr[i] != '\n' && url.ptr[i] != '\r') {
            buf_add_char(&out, url.ptr[i]);
        }
    }
    return buf_str(&out);
}

// --- One address ---

struct comparing {
    struct str url;
    size_t at; // so much of it was there
};

static bool take_byte(struct comparing *c, char byte)
{
    bool outside = c->at == 0 || c->at == c->url.len;
    if (byte == '\t' || byte == '\n' || byte == '\r' || (outside && (u8)byte <= ' ')) {
        return true;
    }
    if (c->at == c->url.len || byte != c->url.ptr[c->at]) {
        return false;
    }
    c->at++;
    return true;
}

// A name without its ';' counts in an attribute only when it is one of the old ones (Latin 1) and nothing
// follows that could be more of an address: "?a=1&copy=2" has no sign in it.
static bool stands_alone(struct str raw, size_t pos, size_t behind, u32 code)
{
    if (raw.ptr[behind - 1] == ';' || raw.ptr[pos + 1] == '#') {
        return true;
    }
    char next = behind < raw.len ? raw.ptr[behind] : 0;
    bool more = next == '=' || (next >= '0' && next <= '9') || ((next | 0x20) >= 'a' && (next | 0x20) <= 'z');
    bool old = (code >= 0xA0 && code <= 0xFF) || code == '&' || code == '<' || code == '>' || code == '"';
    return old && !more;
}

static bool value_is(struct str raw, struct str url)
{
    struct comparing c = {.url = url};
    for (size_t i = 0; i < raw.len;) {
        char bytes[4] = {raw.ptr[i]};
        size_t behind = i + 1, n = 1;
        u32 code = raw.ptr[i] == '&' ? html_reference(raw, i, &behind) : 0;
        if (code && stands_alone(raw, i, behind, code)) {
            n = utf8_encode(code, bytes);
        } else {
            behind = i + 1;
        }
        for (size_t b = 0; b < n; b++) {
            if (!take_byte(&c, bytes[b])) {
                return false;
            }
        }
        i = behind;
    }
    return c.at == url.len && url.len > 0;
}

// --- All of them ---

static bool is_one_of(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(name, str_from(names[i]))) {
            return true;
        }
    }
    return false;
}

// The tag at *pos; *pos moves behind it, and behind what it keeps browsers from reading as tags.
static bool tag_names(struct str html, size_t *pos, struct str url)
{
    static const char *const pictures[] = {"img", "image"};
    static const char *const words[] = {"script",  "style",    "title", "textarea",
                                        "noembed", "noframes", "xmp",   "iframe"};
    bool opens = html.ptr[*pos + 1] != '/', seen = false, named = false;
    struct str tag = html_tag_name(html, pos), name, value;
    bool picture = opens && is_one_of(tag, pictures, ARRAY_LEN(pictures));
    while (html_attribute(html, pos, &name, &value)) {
        if (picture && !seen && str_eq_nocase(name, S("src"))) { // the first one holds
            seen = true;
            named = value_is(value, url);
        }
    }
    *pos += *pos < html.len;
    if (opens && is_one_of(tag, words, ARRAY_LEN(words))) {
        *pos = html_behind_end_tag(html, *pos, tag);
    }
    return named;
}

bool html_names_picture(struct str html, struct str url)
{
    bool named = false;
    for (size_t pos = 0; pos < html.len && !named;) {
        const char *open = memchr(html.ptr + pos, '<', html.len - pos);
        if (!open) {
            break;
        }
        pos = (size_t)(open - html.ptr);
        switch (html_piece_at(html, pos)) {
        case HTML_TEXT:
            pos++;
            break;
        case HTML_TAG:
            named = tag_names(html, &pos, url);
            break;
        case HTML_DECLARATION:
            pos = html_behind_declaration(html, pos);
            break;
        }
    }
    return named;
}

// --- The way there and back ---

// The address, a line break, the HTML.
bool picture_named_job(struct str input, struct buf *output)
{
    struct str html;
    struct str url = str_cut(input, '\n', &html);
    bool named = str_given(html) && html_names_picture(html, url);
    buf_add_char(output, named ? 'y' : 'n');
    return true;
}

bool mail_names_picture(struct nursery *nursery, size_t kind, struct str html, struct str url,
                        struct arena *arena, struct err *err)
{
    struct str answer = S("");
    struct buf input;
    buf_init(&input, arena, url.len + html.len + 1);
    buf_add(&input, url);
    buf_add_char(&input, '\n');
    buf_add(&input, html);
    enum child_result result = nursery_run(nursery, kind, buf_str(&input), arena, &answer);
    if (result != CHILD_OK || (!str_eq(answer, S("y")) && !str_eq(answer, S("n")))) {
        return err_retry(err, ERR_UNAVAILABLE, 5, "The mail could not be looked at.");
    }
    return str_eq(answer, S("y")) ||
           err_field(err, "url", "not_named", "This mail names no picture at that address.");
}
