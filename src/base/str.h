// SPDX-License-Identifier: AGPL-3.0-or-later
// Slices of bytes that know their length, and the short integer types. Everything above base/
// passes text as `struct str`, borrowed for the call; NUL-terminated strings exist only at library
// borders (str_cstr). Text is valid UTF-8 from the edge inwards.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef int64_t i64;
typedef uint32_t u32;
typedef uint64_t u64;
typedef uint8_t u8;

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(a, b) __attribute__((format(printf, a, b)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct str {
    const char *ptr; // may be NULL when absent; {NULL, 0} means "no value", {"", 0} an empty one
    size_t len;
};

struct arena;

#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""
#define STR_NONE   ((struct str){NULL, 0})

// True when there is a value, even an empty one.
static inline bool str_given(struct str s)
{
    return s.ptr != NULL;
}

static inline struct str str_from(const char *cstr)
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline struct str str_sub(struct str s, size_t from, size_t to)
{
    return (struct str){s.ptr + from, to - from};
}

// Bytewise order, shorter first on a common prefix; <0, 0, >0.
int str_cmp(struct str a, struct str b);
// ASCII case folded equality, for header names and schemes only (never for customers' text).
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
// Offset of the first occurrence, or -1.
i64 str_find(struct str s, struct str needle);
// Splits at the first `sep`: returns the part before it and leaves the rest in *rest (STR_NONE when
// there was no separator).
struct str str_cut(struct str s, char sep, struct str *rest);
// ASCII space, tab, CR, LF off both ends.
struct str str_trim(struct str s);
// Whole string is a decimal i64: optional '-', no '+', no leading zeros, no spaces.
bool str_to_i64(struct str s, i64 *ret_value) MUST_CHECK;
// Copies into the arena. The result of str_cstr is NUL-terminated; NULs inside are kept.
struct str str_copy(struct arena *arena, struct str s);
char *str_cstr(struct arena *arena, struct str s);
struct str str_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
// Joins two slices, in the arena.
struct str str_concat(struct arena *arena, struct str a, struct str b);
// Lower-case copy, ASCII only.
struct str str_lower_ascii(struct arena *arena, struct str s);

// True when the bytes are valid UTF-8 (no overlong forms, surrogates or > U+10FFFF).
bool utf8_valid(struct str s);
// A copy in which each maximal invalid sequence and each NUL became U+FFFD. Returns s itself when clean.
struct str utf8_clean(struct arena *arena, struct str s);
// Decodes one code point at s.ptr[*pos], moves *pos behind it. s must be valid and *pos < s.len.
u32 utf8_next(struct str s, size_t *pos);
// Appends one code point as UTF-8 to out (room for 4), returns its length.
size_t utf8_encode(u32 code_point, char out[4]);
// Number of code points.
size_t utf8_count(struct str s);
