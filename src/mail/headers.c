// SPDX-License-Identifier: AGPL-3.0-or-later
// Header blocks: names and unfolded values. Lines end in LF or CRLF; what is no header ends the block, as
// senders forget the empty line.
#include "mail/headers.h"
#include "base/buf.h"

// The line at pos without its end; *ret_next behind it.
static struct str line_at(struct str raw, size_t pos, size_t *ret_next)
{
    const char *end = memchr(raw.ptr + pos, '\n', raw.len - pos);
    size_t stop = end ? (size_t)(end - raw.ptr) : raw.len;
    *ret_next = end ? stop + 1 : raw.len;
    if (end && stop > pos && raw.ptr[stop - 1] == '\r') {
        stop--;
    }
    return str_sub(raw, pos, stop);
}

// Length of the name before the colon; 0: this is no header.
static size_t name_length(struct str line)
{
    size_t n = 0;
    while (n < line.len && (u8)line.ptr[n] > 0x20 && (u8)line.ptr[n] < 0x7F && line.ptr[n] != ':') {
        n++;
    }
    size_t colon = n;
    while (colon < line.len && (line.ptr[colon] == ' ' || line.ptr[colon] == '\t')) {
        colon++;
    }
    return colon < line.len && line.ptr[colon] == ':' ? n : 0;
}

static bool is_folded(struct str line)
{
    return line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
}

// The value from `from` to `to`, which may span lines, as one: the breaks go, the spaces after them stay.
static struct str unfold(struct str raw, size_t from, size_t to, struct arena *arena)
{
    struct str value = str_trim(str_sub(raw, from, to));
    if (!memchr(value.ptr, '\n', value.len)) {
        return value;
    }
    char *out = arena_alloc(arena, value.len);
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n' || (c == '\r' && i + 1 < value.len && value.ptr[i + 1] == '\n')) {
            continue;
        }
        out[len++] = c;
    }
    return str_trim((struct str){out, len});
}

static void keep(struct str raw, size_t start, size_t name_len, size_t end, struct arena *arena,
                 struct header_list *list)
{
    size_t colon = start + name_len;
    while (raw.ptr[colon] != ':') {
        colon++;
    }
    *list_push(list, arena) = (struct header){
        .name = str_sub(raw, start, start + name_len),
        .value = unfold(raw, colon + 1, end, arena),
    };
}

size_t headers_read(struct str raw, struct arena *arena, struct header_list *ret)
{
    size_t pos = 0, next = 0;
    while (pos < raw.len) {
        size_t start = pos;
        struct str line = line_at(raw, pos, &next);
        if (line.len == 0) {
            return next;
        }
        size_t name_len = name_length(line);
        bool mailbox_line = str_starts(line, S("From ")) || str_starts(line, S(">From "));
        if (!name_len && !mailbox_line && !is_folded(line)) {
            return pos;
        }
        pos = next;
        while (pos < raw.len && (raw.ptr[pos] == ' ' || raw.ptr[pos] == '\t')) {
            // A line of spaces alone continues nothing, but it ends nothing either: some gateways make them.
            line_at(raw, pos, &next);
            pos = next;
        }
        if (!name_len) {
            continue;
        }
        if (ret->len >= HEADER_LINES_MAX || pos > HEADER_BYTES_MAX) {
            ret->cut = true;
        } else {
            keep(raw, start, name_len, pos, arena, ret);
        }
    }
    return raw.len;
}

struct str headers_find(const struct header_list *list, const char *name)
{
    for (size_t i = 0; i < list->len; i++) {
        if (str_eq_nocase(list->items[i].name, str_from(name))) {
            return list->items[i].value;
        }
    }
    return STR_NONE;
}

static void add_id(struct arena *arena, struct mail_id_list *list, struct str raw)
{
    char *out = arena_alloc(arena, raw.len);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if ((u8)raw.ptr[i] > 0x20 && raw.ptr[i] != 0x7F) {
            out[len++] = raw.ptr[i];
        }
    }
    struct str id = utf8_clean(arena, (struct str){out, len});
    for (size_t i = 0; i < list->len; i++) {
        if (str_eq(list->items[i], id)) {
            return;
        }
    }
    if (len == 0 || len > 1000) {
        return;
    }
    if (list->len >= IDS_MAX) { // the first and the last are worth most
        memmove(list->items + 1, list->items + 2, (list->len - 2) * sizeof *list->items);
        list->items[list->len - 1] = id;
        return;
    }
    *list_push(list, arena) = id;
}

void ids_read(struct str value, struct arena *arena, struct mail_id_list *list)
{
    size_t before = list->len;
    const char *open = NULL;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '<') {
            open = value.ptr + i + 1;
        } else if (value.ptr[i] == '>' && open) {
            add_id(arena, list, str_sub(value, (size_t)(open - value.ptr), i));
            open = NULL;
        }
    }
    value = str_trim(value);
    if (list->len == before && value.len && memchr(value.ptr, '@', value.len) &&
        !memchr(value.ptr, ' ', value.len) && !memchr(value.ptr, '<', value.len)) {
        add_id(arena, list, value); // forgotten brackets
    }
}
