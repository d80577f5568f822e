// SPDX-License-Identifier: AGPL-3.0-or-later
// Growable bytes with a maximum; each append is done whole or not at all.
#include "base/buf.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *buf, struct arena *arena, size_t max)
{
    *buf = (struct buf){.arena = arena, .max = max};
}

void buf_init_fixed(struct buf *buf, char *mem, size_t size)
{
    *buf = (struct buf){.ptr = mem, .cap = size, .max = size};
}

void buf_finish(struct buf *buf)
{
    if (!buf->arena) {
        mem_free(buf->ptr);
    }
    *buf = (struct buf){.max = buf->max, .arena = buf->arena};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
}

char *buf_room(struct buf *buf, size_t size)
{
    if (buf->max - buf->len < size) {
        buf->overflow = true;
        return NULL;
    }
    size_t need = buf->len + size;
    if (need > buf->cap || !buf->ptr) {
        size_t cap = buf->cap < 128 ? 256 : buf->cap * 2;
        cap = cap < need ? need : cap;
        cap = cap > buf->max ? buf->max : cap;
        buf->ptr = buf->arena ? arena_resize(buf->arena, buf->ptr, buf->cap, cap) : mem_resize(buf->ptr, cap);
        buf->cap = cap;
    }
    return buf->ptr + buf->len;
}

void buf_add(struct buf *buf, struct str s)
{
    char *room = buf_room(buf, s.len);
    if (room && s.len) {
        memcpy(room, s.ptr, s.len);
        buf->len += s.len;
    }
}

void buf_add_char(struct buf *buf, char c)
{
    char *room = buf_room(buf, 1);
    if (room) {
        *room = c;
        buf->len++;
    }
}

void buf_add_i64(struct buf *buf, i64 value)
{
    char digits[20];
    size_t at = sizeof digits;
    u64 rest = value < 0 ? 0 - (u64)value : (u64)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) {
        digits[--at] = '-';
    }
    buf_add(buf, (struct str){digits + at, sizeof digits - at});
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    // One byte more than is kept, for the NUL that vsnprintf insists on.
    char small[256];
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0) {
        die("bad format \"%s\"", format);
    }
    if ((size_t)len < sizeof small) {
        buf_add(buf, (struct str){small, (size_t)len});
    } else {
        char *text = mem_alloc((size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, format, again);
        buf_add(buf, (struct str){text, (size_t)len});
        mem_free(text);
    }
    va_end(again);
}

// What needs no escape whatever stands beside it.
static const bool plain[256] = {
    [0x20 ... 0x21] = true,
    [0x23 ... 0x2E] = true, // without "
    [0x30 ... 0x5B] = true,
    [0x5D ... 0x7E] = true, // without / and the backslash
};

size_t buf_json_plain(struct str s)
{
    size_t n = 0;
    while (n < s.len && plain[(u8)s.ptr[n]]) {
        n++;
    }
    return n;
}

static void add_ascii(struct buf *buf, char c, char before)
{
    switch (c) {
    case '"':
        buf_add(buf, S("\\\""));
        break;
    case '\\':
        buf_add(buf, S("\\\\"));
        break;
    case '\n':
        buf_add(buf, S("\\n"));
        break;
    case '\r':
        buf_add(buf, S("\\r"));
        break;
    case '\t':
        buf_add(buf, S("\\t"));
        break;
    case '/':
        buf_add(buf, before == '<' ? S("\\/") : S("/"));
        break;
    default:
        buf_printf(buf, "\\u%04x", (unsigned)(u8)c);
    }
}

void buf_add_json(struct buf *buf, struct str s)
{
    for (size_t pos = 0; pos < s.len;) {
        size_t from = pos, bad;
        pos += buf_json_plain(str_sub(s, from, s.len));
        if (pos > from) {
            buf_add(buf, str_sub(s, from, pos));
            continue;
        }
        size_t len = utf8_sequence(s, pos, &bad);
        struct str part = str_sub(s, pos, pos + (len ? len : bad));
        if (len == 1) {
            add_ascii(buf, s.ptr[pos], pos ? s.ptr[pos - 1] : 0);
        } else if (len == 0) {
            buf_add(buf, S("\xEF\xBF\xBD"));
        } else if (str_eq(part, S("\xE2\x80\xA8")) || str_eq(part, S("\xE2\x80\xA9"))) {
            buf_add(buf, part.ptr[2] == '\xA8' ? S("\\u2028") : S("\\u2029"));
        } else {
            buf_add(buf, part);
        }
        pos += part.len;
    }
}
