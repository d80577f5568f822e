// SPDX-License-Identifier: AGPL-3.0-or-later
// RFC 2047 words and RFC 2231 parameters. Words that stand side by side are joined as bytes before they are
// decoded when their charset is the same: senders cut within characters.
#include "base/buf.h"
#include "mail/charset.h"
#include "mail/headers.h"
#include "mail/transfer.h"

enum {
    WORD_MAX = 2000,    // bytes of one encoded word; the RFC says 75
    CHARSET_MAX = 40,   // of a charset's name
    SECTIONS_MAX = 100, // of one parameter cut into pieces
};

struct word {
    struct str charset, text;
    char encoding; // 'b' or 'q'
    size_t len;
};

// Length up to the '?' that ends the text: one before '='. Senders leave bare question marks inside.
static size_t text_length(struct str s)
{
    size_t end = s.len < WORD_MAX ? s.len : WORD_MAX;
    for (size_t i = 0; i + 1 < end; i++) {
        if (s.ptr[i] == '?' && s.ptr[i + 1] == '=') {
            return i;
        }
        // Padding ("==?=") looks like the beginning of another word, but for what follows.
        if (s.ptr[i] == '=' && s.ptr[i + 1] == '?' && i + 2 < end && s.ptr[i + 2] != '=') {
            return SIZE_MAX;
        }
    }
    return SIZE_MAX;
}

static bool match(struct str s, struct word *ret)
{
    if (!str_starts(s, S("=?"))) {
        return false;
    }
    size_t n = 2;
    while (n < s.len && n < CHARSET_MAX && (u8)s.ptr[n] > 0x20 && s.ptr[n] != '?') {
        n++;
    }
    if (n == 2 || n + 3 >= s.len || s.ptr[n] != '?' || s.ptr[n + 2] != '?') {
        return false;
    }
    char encoding = (char)(s.ptr[n + 1] | 0x20);
    if (encoding != 'b' && encoding != 'q') {
        return false;
    }
    struct str charset = str_sub(s, 2, n), rest = str_sub(s, n + 3, s.len);
    const char *language = memchr(charset.ptr, '*', charset.len); // RFC 2231: charset*language
    charset.len = language ? (size_t)(language - charset.ptr) : charset.len;
    size_t len = text_length(rest);
    if (len == SIZE_MAX) {
        return false;
    }
    *ret = (struct word){charset, str_sub(rest, 0, len), encoding, n + 3 + len + 2};
    return true;
}

size_t words_match(struct str s)
{
    struct word word;
    return match(s, &word) ? word.len : 0;
}

static void add_bytes(const struct word *word, struct arena *arena, struct buf *bytes)
{
    if (word->encoding == 'b') {
        buf_add(bytes, transfer_base64(word->text, arena));
        return;
    }
    for (size_t i = 0; i < word->text.len; i++) {
        char c = word->text.ptr[i];
        int value = c == '=' && i + 2 < word->text.len ? transfer_hex(word->text.ptr + i + 1) : -1;
        if (value >= 0) {
            buf_add_char(bytes, (char)value);
            i += 2;
        } else {
            buf_add_char(bytes, c == '_' ? ' ' : c);
        }
    }
}

// Decodes the words from *pos on that belong together; moves *pos behind them.
static void add_words(struct str raw, size_t *pos, struct word first, struct arena *arena, struct buf *out)
{
    struct buf bytes;
    struct word word = first;
    buf_init(&bytes, arena, raw.len + 16);
    for (;;) {
        add_bytes(&word, arena, &bytes);
        *pos += word.len;
        size_t next = *pos;
        while (next < raw.len && (raw.ptr[next] == ' ' || raw.ptr[next] == '\t')) {
            next++;
        }
        if (!match(str_sub(raw, next, raw.len), &word)) {
            break;
        }
        *pos = next; // the space between two words is none
        if (!str_eq_nocase(word.charset, first.charset)) {
            charset_decode(first.charset, buf_str(&bytes), out);
            buf_reset(&bytes);
            first = word;
        }
    }
    charset_decode(first.charset, buf_str(&bytes), out);
}

static bool is_direction(u32 c)
{
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

struct str words_one_line(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len);
    size_t len = 0, pos = 0;
    bool space = false;
    while (pos < text.len) {
        size_t start = pos;
        u32 c = utf8_next(text, &pos);
        if (c <= 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0x2028 || c == 0x2029) {
            space = len > 0;
        } else if (!is_direction(c)) {
            if (space) {
                out[len++] = ' ';
                space = false;
            }
            memcpy(out + len, text.ptr + start, pos - start);
            len += pos - start;
        }
    }
    return (struct str){out, len};
}

struct str words_decode(struct str raw, struct arena *arena)
{
    struct buf out;
    size_t pos = 0, plain = 0;
    buf_init(&out, arena, raw.len * 4 + 64);
    while (pos < raw.len) {
        struct word word;
        const char *mark = memchr(raw.ptr + pos, '=', raw.len - pos);
        pos = mark ? (size_t)(mark - raw.ptr) : raw.len;
        if (pos < raw.len && !match(str_sub(raw, pos, raw.len), &word)) {
            pos++;
            continue;
        }
        buf_add(&out, charset_guess(arena, str_sub(raw, plain, pos)));
        if (pos < raw.len) {
            add_words(raw, &pos, word, arena, &out);
        }
        plain = pos;
    }
    buf_add(&out, charset_guess(arena, str_sub(raw, plain, raw.len)));
    return words_one_line(utf8_clean(arena, buf_str(&out)), arena);
}

struct params params_read(struct str value, struct arena *arena)
{
    struct str rest;
    struct str first = str_cut(value, ';', &rest);
    return (struct params){.value = str_lower_ascii(arena, str_trim(first)), .rest = rest};
}

// The next name=value of `*rest`; false at the end.
static bool next_param(struct str *rest, struct arena *arena, struct str *ret_name, struct str *ret_value)
{
    size_t i = 0;
    while (i < rest->len && (rest->ptr[i] == ';' || (u8)rest->ptr[i] <= 0x20)) {
        i++;
    }
    size_t start = i;
    while (i < rest->len && rest->ptr[i] != '=' && rest->ptr[i] != ';') {
        i++;
    }
    *ret_name = str_trim(str_sub(*rest, start, i));
    *ret_value = S("");
    if (i < rest->len && rest->ptr[i] == '=') {
        i++;
        while (i < rest->len && (u8)rest->ptr[i] <= 0x20) {
            i++;
        }
        bool quoted = i < rest->len && rest->ptr[i] == '"';
        i += quoted;
        size_t end = i;
        while (end < rest->len && rest->ptr[end] != (quoted ? '"' : ';')) {
            end += quoted && rest->ptr[end] == '\\' && end + 1 < rest->len ? 2 : 1;
        }
        end = end < rest->len ? end : rest->len;
        char *out = arena_alloc(arena, end - i);
        size_t len = 0;
        for (; i < end; i++) {
            i += quoted && rest->ptr[i] == '\\' && i + 1 < end;
            out[len++] = rest->ptr[i];
        }
        *ret_value = quoted ? (struct str){out, len} : str_trim((struct str){out, len});
        while (i < rest->len && rest->ptr[i] != ';') {
            i++;
        }
    }
    *rest = str_sub(*rest, i, rest->len);
    return start < i;
}

// "filename*2*" asked for as "filename": section 2, percent-encoded. False: another parameter.
static bool is_section(struct str name, struct str wanted, i64 *ret_section, bool *ret_encoded)
{
    *ret_section = -1;
    *ret_encoded = false;
    if (name.len < wanted.len || !str_eq_nocase(str_sub(name, 0, wanted.len), wanted)) {
        return false;
    }
    struct str rest = str_sub(name, wanted.len, name.len);
    if (rest.len == 0) {
        return true;
    }
    if (rest.ptr[0] != '*') {
        return false;
    }
    *ret_encoded = rest.ptr[rest.len - 1] == '*';
    struct str number = str_sub(rest, 1, rest.len > 1 && *ret_encoded ? rest.len - 1 : rest.len);
    if (number.len == 0) {
        *ret_section = 0;
        return true;
    }
    return str_to_i64(number, ret_section) && *ret_section >= 0 && *ret_section < SECTIONS_MAX;
}

static void add_percent(struct str value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        int byte = value.ptr[i] == '%' && i + 2 < value.len ? transfer_hex(value.ptr + i + 1) : -1;
        buf_add_char(out, byte >= 0 ? (char)byte : value.ptr[i]);
        i += byte >= 0 ? 2 : 0;
    }
}

struct section {
    struct str value;
    bool encoded;
};

// The sections in order; the first may begin with charset'language'.
static struct str join_sections(struct section *sections, struct arena *arena)
{
    struct buf bytes;
    struct str charset = STR_NONE, rest;
    if (sections[0].encoded) {
        struct str label = str_cut(sections[0].value, '\'', &rest), text;
        if (rest.ptr) {
            str_cut(rest, '\'', &text);
            if (text.ptr) {
                charset = label;
                sections[0].value = text;
            }
        }
    }
    buf_init(&bytes, arena, HEADER_BYTES_MAX);
    for (size_t i = 0; i < SECTIONS_MAX && sections[i].value.ptr; i++) {
        if (sections[i].encoded) {
            add_percent(sections[i].value, &bytes);
        } else {
            buf_add(&bytes, sections[i].value);
        }
    }
    return charset_text(arena, charset, buf_str(&bytes), HEADER_BYTES_MAX);
}

struct str params_find(const struct params *params, const char *name, struct arena *arena)
{
    struct str rest = params->rest, plain = STR_NONE, key, value;
    struct section sections[SECTIONS_MAX] = {};
    while (rest.ptr && next_param(&rest, arena, &key, &value)) {
        i64 section;
        bool encoded;
        if (!is_section(key, str_from(name), &section, &encoded)) {
            continue;
        }
        if (section < 0) {
            plain = plain.ptr ? plain : value;
        } else if (!sections[section].value.ptr) {
            sections[section] = (struct section){value, encoded};
        }
    }
    if (sections[0].value.ptr) {
        return words_one_line(join_sections(sections, arena), arena);
    }
    return plain.ptr ? words_decode(plain, arena) : STR_NONE;
}
