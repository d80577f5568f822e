// SPDX-License-Identifier: AGPL-3.0-or-later
// Request targets and query strings, see target.h.
#include "net/target.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool target_decode(struct arena *arena, struct str text, bool plus, struct str *ret)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            bool whole = text.len - i > 2;
            int high = whole ? hex_value(text.ptr[i + 1]) : -1;
            int low = whole ? hex_value(text.ptr[i + 2]) : -1;

            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    *ret = (struct str){out, n};
    return true;
}

// RFC 3986 pchar, '/' and '%'.
static bool is_path_byte(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != 0 && strchr("-._~!$&'()*+,;=:@/%", c) != NULL;
}

// Browsers leave a few more bytes bare in queries; what HTML or the fragment mark would need is refused.
static bool is_query_byte(char c)
{
    return c > ' ' && c < 0x7f && strchr("\"<>#", c) == NULL;
}

static const char *check_raw(struct str path, struct str query)
{
    for (size_t i = 0; i < path.len; i++) {
        if (!is_path_byte(path.ptr[i])) {
            return "The path holds a byte that must be percent-encoded.";
        }
        if (path.ptr[i] == '%' && path.len - i > 2) {
            struct str escape = str_sub(path, i, i + 3);

            if (str_eq_nocase(escape, S("%2f")) || str_eq_nocase(escape, S("%5c"))) {
                return "The path holds an encoded slash.";
            }
        }
    }
    for (size_t i = 0; i < query.len; i++) {
        if (!is_query_byte(query.ptr[i])) {
            return "The query holds a byte that must be percent-encoded.";
        }
    }
    return NULL;
}

static const char *check_segments(struct str path)
{
    struct str rest = str_sub(path, 1, path.len);

    while (str_given(rest)) {
        struct str segment = str_cut(rest, '/', &rest);

        if (segment.len == 0 && str_given(rest)) {
            return "The path holds an empty segment.";
        }
        if (str_eq(segment, S(".")) || str_eq(segment, S(".."))) {
            return "The path holds a dot segment.";
        }
    }
    return NULL;
}

static const char *check_decoded(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        u8 c = (u8)path.ptr[i];

        if (c < ' ' || c == 0x7f || c == '\\') {
            return "The path holds a control character or backslash.";
        }
    }
    return utf8_valid(path) ? check_segments(path) : "The path is not UTF-8.";
}

bool target_parse(struct arena *arena, struct str target, bool asterisk, struct str *ret_path,
                  struct str *ret_query, const char **ret_detail)
{
    if (asterisk && str_eq(target, S("*"))) {
        *ret_path = target;
        *ret_query = STR_NONE;
        return true;
    }
    if (target.len == 0 || target.ptr[0] != '/') {
        *ret_detail = "The target must start with a slash.";
        return false;
    }
    struct str query = STR_NONE, path;
    struct str raw = str_cut(target, '?', &query);

    *ret_detail = check_raw(raw, query);
    if (*ret_detail) {
        return false;
    }
    if (!target_decode(arena, raw, false, &path)) {
        *ret_detail = "The path holds a broken percent-escape.";
        return false;
    }
    *ret_detail = check_decoded(path);
    if (*ret_detail) {
        return false;
    }
    *ret_path = path;
    *ret_query = query;
    return true;
}
