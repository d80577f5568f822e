// SPDX-License-Identifier: AGPL-3.0-or-later
// See encode.h.
#include "channels/encode.h"
#include "base/buf.h"

static bool is_unreserved(u8 c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

struct str url_component(struct arena *arena, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    struct buf out;
    buf_init(&out, arena, text.len * 3 + 1);
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];
        if (is_unreserved(c)) {
            buf_add_char(&out, (char)c);
            continue;
        }
        buf_add_char(&out, '%');
        buf_add_char(&out, hex[c >> 4]);
        buf_add_char(&out, hex[c & 15]);
    }
    return buf_str(&out);
}

struct str text_head(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((u8)text.ptr[max] & 0xC0) == 0x80)
        max--;
    return (struct str){text.ptr, max};
}
