// SPDX-License-Identifier: AGPL-3.0-or-later
// base64, quoted-printable and uuencode, as lenient as mail readers are.
#include "mail/transfer.h"
#include "base/arena.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

int transfer_hex(const char *p)
{
    int high = hex_digit(p[0]);
    int low = high < 0 ? -1 : hex_digit(p[1]);
    return low < 0 ? -1 : high << 4 | low;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

struct str transfer_base64(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len / 4 * 3 + 3);
    size_t len = 0;
    u32 bits = 0;
    int n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '=' && n >= 2) {
            break; // what follows is a footer somebody added, not data
        }
        int digit = base64_digit(text.ptr[i]);
        if (digit < 0) {
            continue;
        }
        bits = bits << 6 | (u32)digit;
        if (++n == 4) {
            out[len++] = (char)(bits >> 16);
            out[len++] = (char)(bits >> 8);
            out[len++] = (char)bits;
            n = 0;
        }
    }
    if (n >= 2) {
        out[len++] = (char)(bits >> (6 * n - 8));
    }
    if (n == 3) {
        out[len++] = (char)(bits >> 2);
    }
    return (struct str){out, len};
}

// Behind a soft line break that begins at i (a '='), or 0.
static size_t soft_break(struct str text, size_t i)
{
    size_t at = i + 1;
    while (at < text.len && at < i + 80 && (text.ptr[at] == ' ' || text.ptr[at] == '\t')) {
        at++;
    }
    if (at < text.len && text.ptr[at] == '\r') {
        at++;
    }
    return at >= text.len ? text.len : text.ptr[at] == '\n' ? at + 1 : 0;
}

struct str transfer_quoted(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        if (text.ptr[i] != '=') {
            out[len++] = text.ptr[i++];
            continue;
        }
        int value = text.len - i > 2 ? transfer_hex(text.ptr + i + 1) : -1;
        size_t behind = value < 0 ? soft_break(text, i) : 0;
        if (value >= 0) {
            out[len++] = (char)value;
            i += 3;
        } else if (behind) {
            i = behind;
        } else {
            out[len++] = text.ptr[i++]; // a bare '='
        }
    }
    return (struct str){out, len};
}

static size_t line_end(struct str text, size_t pos)
{
    const char *end = memchr(text.ptr + pos, '\n', text.len - pos);
    return end ? (size_t)(end - text.ptr) : text.len;
}

static struct str uuencoded(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len);
    size_t len = 0;
    bool begun = false;
    for (size_t pos = 0; pos < text.len;) {
        size_t end = line_end(text, pos);
        struct str line = str_sub(text, pos, end);
        pos = end + 1;
        if (!begun) {
            begun = str_starts(line, S("begin "));
            continue;
        }
        size_t n = line.len ? ((u8)line.ptr[0] - 32u) & 63 : 0;
        if (n == 0 || str_starts(line, S("end"))) {
            break;
        }
        for (size_t i = 1, made = 0; made < n && i + 3 < line.len; i += 4, made += 3) {
            u32 bits = 0;
            for (size_t k = 0; k < 4; k++) {
                bits = bits << 6 | (((u8)line.ptr[i + k] - 32u) & 63);
            }
            for (size_t k = 0; k < 3 && made + k < n; k++) {
                out[len++] = (char)(bits >> (16 - 8 * k));
            }
        }
    }
    return (struct str){out, len};
}

struct str transfer_decode(struct str encoding, struct str bytes, struct arena *arena)
{
    encoding = str_trim(encoding);
    if (str_eq_nocase(encoding, S("base64"))) {
        return transfer_base64(bytes, arena);
    }
    if (str_eq_nocase(encoding, S("quoted-printable"))) {
        return transfer_quoted(bytes, arena);
    }
    if (str_eq_nocase(encoding, S("x-uuencode")) || str_eq_nocase(encoding, S("uuencode")) ||
        str_eq_nocase(encoding, S("x-uue"))) {
        return uuencoded(bytes, arena);
    }
    return bytes;
}
