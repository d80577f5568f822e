// SPDX-License-Identifier: AGPL-3.0-or-later
// Slices: comparing, cutting, numbers, copies into an arena.
#include "base/str.h"
#include "base/arena.h"
#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

i64 str_find(struct str s, struct str needle)
{
    if (needle.len == 0) {
        return 0;
    }
    if (s.len < needle.len) {
        return -1;
    }
    const char *at = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return at ? at - s.ptr : -1;
}

struct str str_cut(struct str s, char sep, struct str *rest)
{
    const char *at = s.len ? memchr(s.ptr, sep, s.len) : NULL;
    if (!at) {
        *rest = STR_NONE;
        return s;
    }
    size_t n = (size_t)(at - s.ptr);
    *rest = str_sub(s, n + 1, s.len);
    return str_sub(s, 0, n);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.ptr[0])) {
        s = str_sub(s, 1, s.len);
    }
    while (s.len && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool str_to_i64(struct str s, i64 *ret_value)
{
    bool negative = s.len && s.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    bool leading_zero = s.len > i && s.ptr[i] == '0';
    if (s.len == i || (leading_zero && s.len > 1)) { // also refuses "-0": there is one way to write 0
        return false;
    }
    i64 value = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        int digit = s.ptr[i] - '0';
        // Counted downwards, because the smallest i64 has no positive twin.
        if (__builtin_mul_overflow(value, (i64)10, &value) ||
            __builtin_sub_overflow(value, (i64)digit, &value)) {
            return false;
        }
    }
    if (!negative && __builtin_sub_overflow((i64)0, value, &value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

char *str_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

struct str str_copy(struct arena *arena, struct str s)
{
    if (!str_given(s)) {
        return STR_NONE;
    }
    return (struct str){str_cstr(arena, s), s.len};
}

struct str str_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    char small[192]; // nearly everything fits, and is printed once
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0) {
        die("bad format \"%s\"", format);
    }
    char *out = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len < sizeof small) {
        memcpy(out, small, (size_t)len);
    } else {
        vsnprintf(out, (size_t)len + 1, format, again);
    }
    va_end(again);
    return (struct str){out, (size_t)len};
}

struct str str_concat(struct arena *arena, struct str a, struct str b)
{
    char *out = arena_alloc(arena, a.len + b.len + 1);
    if (a.len) {
        memcpy(out, a.ptr, a.len);
    }
    if (b.len) {
        memcpy(out + a.len, b.ptr, b.len);
    }
    return (struct str){out, a.len + b.len};
}

struct str str_lower_ascii(struct arena *arena, struct str s)
{
    char *out = str_cstr(arena, s);
    for (size_t i = 0; i < s.len; i++) {
        out[i] = lower(out[i]);
    }
    return (struct str){out, s.len};
}
