// SPDX-License-Identifier: AGPL-3.0-or-later
// Tags, attributes and character references, as browsers cut them out of the bytes.
#include "mail/html_tag.h"
#include "mail/entities.h"

bool html_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

// --- Pieces ---

enum html_piece html_piece_at(struct str html, size_t pos)
{
    char next = pos + 1 < html.len ? html.ptr[pos + 1] : 0;
    char after = pos + 2 < html.len ? html.ptr[pos + 2] : 0;
    if (html.ptr[pos] != '<') {
        return HTML_TEXT;
    }
    if (is_letter(next) || (next == '/' && is_letter(after))) {
        return HTML_TAG;
    }
    return next == '!' || next == '?' || next == '/' ? HTML_DECLARATION : HTML_TEXT;
}

size_t html_behind_declaration(struct str html, size_t pos)
{
    struct str rest = str_sub(html, pos, html.len);
    bool comment = str_starts(rest, S("<!--"));
    i64 end;
    if (comment && (str_starts(rest, S("<!-->")) || str_starts(rest, S("<!--->")))) {
        end = str_find(rest, S(">"));
    } else {
        end = comment ? str_find(rest, S("-->")) : str_find(rest, S(">"));
        end += comment && end >= 0 ? 2 : 0;
    }
    return end < 0 ? html.len : pos + (size_t)end + 1;
}

size_t html_behind_end_tag(struct str html, size_t pos, struct str name)
{
    for (size_t i = pos; i < html.len;) {
        const char *open = memchr(html.ptr + i, '<', html.len - i);
        if (!open) {
            break;
        }
        i = (size_t)(open - html.ptr) + 1;
        if (html.len - i > name.len && html.ptr[i] == '/' &&
            str_eq_nocase(str_sub(html, i + 1, i + 1 + name.len), name)) {
            const char *end = memchr(open, '>', html.len - i);
            return end ? (size_t)(end - html.ptr) + 1 : html.len;
        }
    }
    return html.len;
}

// --- Tags ---

struct str html_tag_name(struct str html, size_t *pos)
{
    size_t i = *pos + 1;
    i += i < html.len && html.ptr[i] == '/';
    size_t start = i;
    while (i < html.len && !html_is_space(html.ptr[i]) && html.ptr[i] != '>' && html.ptr[i] != '/') {
        i++;
    }
    *pos = i;
    return str_sub(html, start, i);
}

bool html_attribute(struct str html, size_t *pos, struct str *ret_name, struct str *ret_value)
{
    size_t i = *pos;
    while (i < html.len && (html_is_space(html.ptr[i]) || html.ptr[i] == '/')) {
        i++;
    }
    if (i >= html.len || html.ptr[i] == '>') {
        *pos = i;
        return false;
    }
    size_t start = i++;
    while (i < html.len && !html_is_space(html.ptr[i]) && !strchr("/>=", html.ptr[i])) {
        i++;
    }
    *ret_name = str_sub(html, start, i);
    *ret_value = S("");
    while (i < html.len && html_is_space(html.ptr[i])) {
        i++;
    }
    if (i < html.len && html.ptr[i] == '=') {
        i++;
        while (i < html.len && html_is_space(html.ptr[i])) {
            i++;
        }
        char quote = i < html.len && (html.ptr[i] == '"' || html.ptr[i] == '\'') ? html.ptr[i] : 0;
        size_t from = quote ? ++i : i;
        while (i < html.len &&
               (quote ? html.ptr[i] != quote : !html_is_space(html.ptr[i]) && html.ptr[i] != '>')) {
            i++;
        }
        *ret_value = str_sub(html, from, i);
        i += quote && i < html.len;
    }
    *pos = i;
    return true;
}

// --- Characters ---

static u32 numeric(struct str digits, bool hex)
{
    static const u32 windows[32] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                    0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                    0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                    0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    u32 value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char c = (char)(digits.ptr[i] | 0x20);
        u32 digit = hex && c >= 'a' ? (u32)(c - 'a') + 10 : (u32)(digits.ptr[i] - '0');
        value = value > 0x10FFFF ? value : value * (hex ? 16 : 10) + digit;
    }
    if (value >= 0x80 && value < 0xA0) {
        value = windows[value - 0x80];
    }
    return value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000) ? 0xFFFD : value;
}

static bool is_digit(char c, bool hex)
{
    return (c >= '0' && c <= '9') || (hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

u32 html_reference(struct str s, size_t pos, size_t *ret_behind)
{
    size_t i = pos + 1;
    if (i < s.len && s.ptr[i] == '#') {
        bool hex = i + 1 < s.len && (s.ptr[i + 1] | 0x20) == 'x';
        size_t start = i += hex ? 2 : 1;
        while (i < s.len && is_digit(s.ptr[i], hex)) {
            i++;
        }
        if (i == start) {
            return 0;
        }
        *ret_behind = i < s.len && s.ptr[i] == ';' ? i + 1 : i;
        return numeric(str_sub(s, start, i), hex);
    }
    size_t start = i;
    while (i < s.len && i - start < ENTITY_NAME_MAX && (is_letter(s.ptr[i]) || is_digit(s.ptr[i], false))) {
        i++;
    }
    u32 c = entity_find(str_sub(s, start, i));
    *ret_behind = i < s.len && s.ptr[i] == ';' ? i + 1 : i;
    return c;
}
