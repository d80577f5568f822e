// SPDX-License-Identifier: AGPL-3.0-or-later
// Address lists, read once from left to right. A name is decoded only after it has been told from the
// address, so an encoded word can never make an address; what is not clearly one address is none.
#include "base/buf.h"
#include "mail/charset.h"
#include "mail/headers.h"

enum { ADDRESS_MAX = 320, NAME_MAX = 1000 };

// One entry of the list while it is being read.
struct entry {
    struct buf name;    // words and quoted strings, still encoded
    struct buf bare;    // the same without comments: the address, when no < came
    struct buf comment; // (Zoë)
    struct buf angle;   // between < and >
    bool has_angle, anything;
};

static void entry_reset(struct entry *entry)
{
    buf_reset(&entry->name);
    buf_reset(&entry->bare);
    buf_reset(&entry->comment);
    buf_reset(&entry->angle);
    entry->has_angle = entry->anything = false;
}

static void entry_init(struct entry *entry, struct arena *arena)
{
    buf_init(&entry->name, arena, HEADER_BYTES_MAX);
    buf_init(&entry->bare, arena, HEADER_BYTES_MAX);
    buf_init(&entry->comment, arena, HEADER_BYTES_MAX);
    buf_init(&entry->angle, arena, HEADER_BYTES_MAX);
    entry_reset(entry);
}

static bool is_bad_in_address(char c)
{
    return (u8)c <= 0x20 || c == 0x7F || strchr("<>()[],;:\\\"", c);
}

// Position of the '@' between local part and domain; 0: this is no address.
static size_t find_at(struct str s)
{
    size_t i = 0;
    if (s.len && s.ptr[0] == '"') {
        for (i = 1; i < s.len && s.ptr[i] != '"'; i++) {
            i += s.ptr[i] == '\\' && i + 1 < s.len;
        }
        i++;
    } else {
        while (i < s.len && s.ptr[i] != '@' && !is_bad_in_address(s.ptr[i])) {
            i++;
        }
    }
    return i < s.len && s.ptr[i] == '@' ? i : 0;
}

static bool is_domain(struct str s)
{
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']') {
        s = str_sub(s, 1, s.len - 1);
        for (size_t i = 0; i < s.len; i++) {
            if (is_bad_in_address(s.ptr[i]) && s.ptr[i] != ':') {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (is_bad_in_address(s.ptr[i]) || s.ptr[i] == '@') {
            return false;
        }
    }
    return s.len > 0 && s.ptr[0] != '.';
}

// "local@Domain" → "local@domain"; "" when it is not one.
static struct str tidy_address(struct str raw, struct arena *arena)
{
    raw = str_trim(raw);
    if (raw.len && raw.ptr[0] == '@') { // an old route: <@relay,@relay:a@b>
        struct str rest;
        str_cut(raw, ':', &rest);
        raw = rest.ptr ? str_trim(rest) : raw;
    }
    if (raw.len > 1 && raw.ptr[raw.len - 1] == '.') {
        raw.len--;
    }
    size_t at = find_at(raw);
    if (!at || raw.len > ADDRESS_MAX || !utf8_valid(raw) || memchr(raw.ptr, 0, raw.len) ||
        !is_domain(str_sub(raw, at + 1, raw.len))) {
        return S("");
    }
    for (size_t i = 0; i < at; i++) {
        if ((u8)raw.ptr[i] < 0x20 || raw.ptr[i] == 0x7F) {
            return S("");
        }
    }
    return str_concat(arena, str_sub(raw, 0, at + 1), str_lower_ascii(arena, str_sub(raw, at + 1, raw.len)));
}

static void finish_entry(struct entry *entry, struct arena *arena, struct mail_address_list *list)
{
    struct mail_address found = {.name = S(""), .address = S("")};
    if (entry->has_angle) {
        found.address = tidy_address(buf_str(&entry->angle), arena);
        found.name = words_decode(str_trim(buf_str(&entry->name)), arena);
        if (!found.address.len && !found.name.len) {
            found.name = words_decode(buf_str(&entry->angle), arena);
        }
    } else if (entry->anything) {
        found.address = tidy_address(buf_str(&entry->bare), arena);
        found.name =
            words_decode(found.address.len ? buf_str(&entry->comment) : buf_str(&entry->name), arena);
    }
    found.name = charset_cut(found.name, NAME_MAX);
    if (found.address.len || found.name.len || entry->has_angle) {
        *list_push(list, arena) = found;
    }
    entry_reset(entry);
}

// Behind a quoted string that begins at i; its contents without quotes and backslashes go to the name.
static size_t read_quoted(struct str value, size_t i, struct entry *entry)
{
    size_t start = i++;
    while (i < value.len && value.ptr[i] != '"') {
        i += value.ptr[i] == '\\' && i + 1 < value.len;
        buf_add_char(&entry->name, value.ptr[i++]);
    }
    i = i < value.len ? i + 1 : i;
    buf_add(&entry->bare, str_sub(value, start, i));
    return i;
}

// Behind a comment that begins at i. Comments nest; one that never ends takes the rest.
static size_t read_comment(struct str value, size_t i, struct buf *out)
{
    size_t depth = 0;
    for (; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' && i + 1 < value.len) {
            i++;
            c = value.ptr[i];
        } else if (c == '(' && depth++ == 0) {
            continue;
        } else if (c == ')' && --depth == 0) {
            return i + 1;
        }
        if (out) {
            buf_add_char(out, c);
        }
    }
    return i;
}

// Behind the '>' of an address that begins with the '<' at i.
static size_t read_angle(struct str value, size_t i, struct entry *entry)
{
    buf_reset(&entry->angle);
    entry->has_angle = true;
    for (i++; i < value.len && value.ptr[i] != '>';) {
        char c = value.ptr[i];
        if (c == '"') {
            size_t start = i++;
            while (i < value.len && value.ptr[i] != '"') {
                i += value.ptr[i] == '\\' && i + 1 < value.len ? 2 : 1;
            }
            i = i < value.len ? i + 1 : value.len;
            buf_add(&entry->angle, str_sub(value, start, i));
        } else if (c == '(') {
            i = read_comment(value, i, NULL);
        } else if (c == '<') { // "<<a@b>": begun anew
            buf_reset(&entry->angle);
            i++;
        } else {
            if (c != ' ' && c != '\t') {
                buf_add_char(&entry->angle, c);
            }
            i++;
        }
    }
    return i < value.len ? i + 1 : i;
}

// One word, encoded word or separator that is none of the above.
static size_t read_plain(struct str value, size_t i, struct entry *entry)
{
    size_t word = words_match(str_sub(value, i, value.len));
    if (word) { // opaque: a comma in it separates nothing
        buf_add(&entry->name, str_sub(value, i, i + word));
        buf_add(&entry->bare, str_sub(value, i, i + word));
        entry->anything = true;
        return i + word;
    }
    char c = value.ptr[i];
    buf_add_char(&entry->name, c);
    if (c != ' ' && c != '\t') {
        entry->anything = true;
    }
    buf_add_char(&entry->bare, c);
    return i + 1;
}

bool addresses_read(struct str value, struct arena *arena, struct mail_address_list *list)
{
    struct entry entry;
    size_t i = 0, limit = list->len + ADDRESSES_MAX;
    bool in_group = false;
    entry_init(&entry, arena);
    while (i < value.len && list->len < limit) {
        char c = value.ptr[i];
        if (c == '"') {
            entry.anything = true;
            i = read_quoted(value, i, &entry);
        } else if (c == '(') {
            buf_add(&entry.comment, entry.comment.len ? S(" ") : S(""));
            i = read_comment(value, i, &entry.comment);
        } else if (c == '<' && !entry.has_angle) {
            i = read_angle(value, i, &entry);
        } else if (c == ',' || c == ';') {
            finish_entry(&entry, arena, list);
            in_group = in_group && c == ',';
            i++;
        } else if (c == ':' && !entry.has_angle && !in_group &&
                   !memchr(entry.bare.ptr ? entry.bare.ptr : "", '@', entry.bare.len)) {
            entry_reset(&entry); // the name of a group
            in_group = true;
            i++;
        } else {
            i = read_plain(value, i, &entry);
        }
    }
    if (i < value.len) {
        return false;
    }
    finish_entry(&entry, arena, list);
    return true;
}
