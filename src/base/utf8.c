// SPDX-License-Identifier: AGPL-3.0-or-later
// UTF-8: checked once at the edge, trusted inwards. What is invalid is found by the table of well-formed
// byte sequences of the Unicode Standard (table 3-7).
#include "base/utf8.h"
#include "base/arena.h"

size_t utf8_sequence(struct str s, size_t pos, size_t *ret_bad)
{
    const u8 *p = (const u8 *)s.ptr + pos;
    size_t left = s.len - pos;
    u8 low = 0x80, high = 0xBF;
    size_t len;
    *ret_bad = 1;
    if (p[0] < 0x80) {
        return 1;
    } else if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        len = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        len = 3;
        low = p[0] == 0xE0 ? 0xA0 : low;
        high = p[0] == 0xED ? 0x9F : high;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        len = 4;
        low = p[0] == 0xF0 ? 0x90 : low;
        high = p[0] == 0xF4 ? 0x8F : high;
    } else {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return len;
}

// Bytes from pos on that are plain ASCII; eight at a time, as most text is.
static size_t skip_ascii(struct str s, size_t pos)
{
    while (pos + 8 <= s.len) {
        u64 word;
        memcpy(&word, s.ptr + pos, 8);
        if (word & 0x8080808080808080u) {
            break;
        }
        pos += 8;
    }
    while (pos < s.len && (u8)s.ptr[pos] < 0x80) {
        pos++;
    }
    return pos;
}

bool utf8_valid(struct str s)
{
    size_t bad;
    for (size_t pos = skip_ascii(s, 0); pos < s.len; pos = skip_ascii(s, pos)) {
        size_t len = utf8_sequence(s, pos, &bad);
        if (len == 0) {
            return false;
        }
        pos += len;
    }
    return true;
}

struct str utf8_clean(struct arena *arena, struct str s)
{
    if (s.len == 0 || (!memchr(s.ptr, 0, s.len) && utf8_valid(s))) {
        return s;
    }
    char *out = arena_alloc_array(arena, s.len + 1, 3); // a bad byte becomes three
    size_t at = 0, bad;
    for (size_t pos = 0; pos < s.len;) {
        size_t len = s.ptr[pos] ? utf8_sequence(s, pos, &bad) : 0;
        if (len) {
            memcpy(out + at, s.ptr + pos, len);
            at += len;
            pos += len;
        } else {
            memcpy(out + at, "\xEF\xBF\xBD", 3);
            at += 3;
            pos += s.ptr[pos] ? bad : 1;
        }
    }
    return (struct str){out, at};
}

u32 utf8_next(struct str s, size_t *pos)
{
    const u8 *p = (const u8 *)s.ptr + *pos;
    if (p[0] < 0x80) {
        *pos += 1;
        return p[0];
    }
    size_t left = s.len - *pos;
    size_t len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len > left) { // not valid text, against the contract: never read past its end
        *pos = s.len;
        return 0xFFFD;
    }
    u32 c = len == 2 ? p[0] & 0x1Fu : len == 3 ? p[0] & 0x0Fu : p[0] & 0x07u;
    for (size_t i = 1; i < len; i++) {
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *pos += len;
    return c;
}

size_t utf8_encode(u32 c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        c = 0xFFFD;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t utf8_count(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((u8)s.ptr[i] & 0xC0) != 0x80;
    }
    return n;
}
