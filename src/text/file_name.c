// SPDX-License-Identifier: AGPL-3.0-or-later
// Names of files: brought into one form first and checked then, so that no later step can change what was
// checked. The stored name never touches a disk of ours; it is shown, and told to browsers and networks.
#include "base/buf.h"
#include "text/words.h"
#include <utf8proc.h>

enum { NAME_BYTES = 150, ENDING_BYTES = 16 };

// text_clean_name has cut towers of marks, so this is linear.
static struct str compose(struct arena *arena, struct str text)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_ssize_t room = (utf8proc_ssize_t)text.len * 4 + 4;
    utf8proc_int32_t *codes = arena_alloc(arena, (size_t)(room + 1) * sizeof(*codes));
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.ptr;
    utf8proc_ssize_t n = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.len, codes, room, options);
    if (n < 0 || n > room) {
        return text;
    }
    n = utf8proc_reencode(codes, n, options);
    return n < 0 ? text : (struct str){(const char *)codes, (size_t)n};
}

static bool is_forbidden(char c)
{
    return c == '/' || c == '\\' || c == ':' || c == '*' || c == '?' || c == '"' || c == '<' || c == '>' ||
           c == '|' || (unsigned char)c < ' ' || c == 0x7f;
}

static struct str trim_ends(struct str name)
{
    size_t from = 0, to = name.len;
    while (from < to && (name.ptr[from] == '.' || name.ptr[from] == ' ')) {
        from++;
    }
    while (to > from && (name.ptr[to - 1] == '.' || name.ptr[to - 1] == ' ')) {
        to--;
    }
    return str_sub(name, from, to);
}

// The byte offset of the last whole character within max.
static size_t whole(struct str text, size_t max)
{
    size_t end = text.len < max ? text.len : max;
    while (end > 0 && end < text.len && ((u8)text.ptr[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}

static struct str shorten(struct arena *arena, struct str name)
{
    if (name.len <= NAME_BYTES) {
        return name;
    }
    size_t dot = name.len;
    for (size_t i = name.len; i > 0 && name.len - i < ENDING_BYTES; i--) {
        if (name.ptr[i - 1] == '.') {
            dot = i - 1;
            break;
        }
    }
    struct str ending = str_sub(name, dot, name.len);
    struct str stem = str_sub(name, 0, dot);
    return str_concat(arena, str_sub(stem, 0, whole(stem, NAME_BYTES - ending.len)), ending);
}

struct str text_file_name(struct arena *arena, struct str name)
{
    if (!str_given(name)) {
        return S("");
    }
    struct str clean = compose(arena, text_clean_name(arena, name));
    struct buf out;
    buf_init(&out, arena, clean.len + 1);
    for (size_t i = 0; i < clean.len; i++) {
        buf_add_char(&out, is_forbidden(clean.ptr[i]) ? '_' : clean.ptr[i]);
    }
    return trim_ends(shorten(arena, trim_ends(buf_str(&out))));
}
