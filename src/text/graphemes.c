// SPDX-License-Identifier: AGPL-3.0-or-later
// User-perceived characters (UAX #29), and the short and clean forms of text that lists and names show.
#include "base/buf.h"
#include "text/words.h"
#include <utf8proc.h>

// A cluster of more code points than any script needs is cut: no name or preview paints over others.
enum { CLUSTER_POINTS = 32, NAME_GRAPHEMES = 200, NAME_BYTES = 4096 };

// Byte offset behind the cluster that begins at pos.
static size_t cluster_end(struct str text, size_t pos)
{
    const u8 *at = (const u8 *)text.ptr + pos;
    if (at[0] < 0x80 && at[0] != '\r' && (pos + 1 == text.len || at[1] < 0x80))
        return pos + 1;
    utf8proc_int32_t state = 0;
    u32 last = utf8_next(text, &pos);
    while (pos < text.len) {
        size_t next = pos;
        u32 code = utf8_next(text, &next);
        if (last != '\r' && code < 0x80 && last < 0x80)
            return pos;
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)last, (utf8proc_int32_t)code, &state))
            return pos;
        last = code;
        pos = next;
    }
    return pos;
}

size_t text_graphemes(struct str text)
{
    size_t n = 0;
    for (size_t pos = 0; pos < text.len; n++)
        pos = cluster_end(text, pos);
    return n;
}

size_t text_grapheme_offset(struct str text, size_t n)
{
    size_t pos = 0;
    for (; n > 0 && pos < text.len; n--)
        pos = cluster_end(text, pos);
    return pos;
}

static bool is_space(u32 code)
{
    if (code < 0x80)
        return code == ' ' || (code >= '\t' && code <= '\r');
    if (code == 0x85)
        return true;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

static bool is_bidi_control(u32 code)
{
    return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

static bool is_zero_width(u32 code)
{
    return code == 0x00AD || code == 0x034F || code == 0x115F || code == 0x1160 || code == 0x17B4 ||
           code == 0x17B5 || code == 0x180E || code == 0x200B || (code >= 0x2060 && code <= 0x206F) ||
           code == 0x3164 || code == 0xFEFF || code == 0xFFA0 || (code >= 0xFFF0 && code <= 0xFFFB) ||
           (code >= 0xE0000 && code <= 0xE001F) || (code >= 0xE0080 && code <= 0xE0FFF);
}

static bool is_pictographic(u32 code)
{
    return utf8proc_get_property((utf8proc_int32_t)code)->boundclass ==
           UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

// Scripts that need joiners to be written right (Persian, Malayalam, Sinhala, Khmer …).
static bool needs_joiners(u32 code)
{
    return (code >= 0x0600 && code <= 0x08FF) || (code >= 0x0900 && code <= 0x0DFF) ||
           (code >= 0x1000 && code <= 0x109F) || (code >= 0x1780 && code <= 0x18AF) ||
           (code >= 0xFB50 && code <= 0xFEFC);
}

static bool keeps_joiner(u32 joiner, u32 before, u32 after)
{
    if (needs_joiners(before) && (after == 0 || needs_joiners(after)))
        return true;
    bool emoji_before =
        is_pictographic(before) || before == 0xFE0F || (before >= 0x1F3FB && before <= 0x1F3FF);
    return joiner == 0x200D && emoji_before && after != 0 && (is_pictographic(after));
}

static bool is_dropped(u32 code, u32 before, u32 after)
{
    if (code < 0x20 || (code >= 0x7F && code <= 0x9F))
        return true;
    if (code < 0xAD)
        return false;
    if (code == 0x200C || code == 0x200D)
        return !keeps_joiner(code, before, after);
    if (code >= 0xE0020 && code <= 0xE007F) // flags of regions: a black flag and tags
        return before != 0x1F3F4 && !(before >= 0xE0020 && before <= 0xE007F);
    return is_bidi_control(code) || is_zero_width(code);
}

// How many printable ASCII characters follow one another, at most max.
static size_t plain_run(struct str text, size_t pos, size_t max)
{
    size_t n = 0;
    while (n < max && pos + n < text.len && text.ptr[pos + n] > ' ' && text.ptr[pos + n] < 0x7F)
        n++;
    return n;
}

// One line: runs of white space become one space, none at the ends, invisible and control characters
// go. Reads no more than it needs for `graphemes` + 1 clusters.
static struct str one_line(struct arena *arena, struct str text, size_t max_bytes)
{
    struct buf out;
    buf_init(&out, arena, max_bytes + 8);
    u32 before = 0;
    bool space = false;
    size_t marks = 0;
    for (size_t pos = 0; pos < text.len && out.len < max_bytes;) {
        size_t plain = plain_run(text, pos, max_bytes - out.len);
        if (plain > 0) {
            if (space)
                buf_add_char(&out, ' ');
            buf_add(&out, str_sub(text, pos, pos + plain));
            pos += plain;
            before = (u8)text.ptr[pos - 1];
            space = false;
            marks = 0;
            continue;
        }
        u32 code = utf8_next(text, &pos);
        if (is_space(code)) {
            space = out.len > 0;
            continue;
        }
        size_t peek = pos;
        u32 after = pos < text.len ? utf8_next(text, &peek) : 0;
        if (is_dropped(code, before, after))
            continue;
        bool extends = code >= 0x300 && before != 0 && !space &&
                       !utf8proc_grapheme_break((utf8proc_int32_t)before, (utf8proc_int32_t)code);
        marks = extends ? marks + 1 : 0;
        if (marks >= CLUSTER_POINTS)
            continue;
        if (space)
            buf_add_char(&out, ' ');
        space = false;
        char encoded[4];
        size_t n = utf8_encode(code, encoded);
        buf_add(&out, (struct str){encoded, n});
        before = code;
    }
    return buf_str(&out);
}

struct str text_preview(struct arena *arena, struct str text, size_t graphemes)
{
    if (graphemes == 0)
        return S("");
    // Enough for any real text of that many clusters; one_line stops there.
    struct str line = one_line(arena, text, graphemes * 64 + 64);
    size_t end = text_grapheme_offset(line, graphemes);
    if (end == line.len)
        return line;
    end = text_grapheme_offset(line, graphemes - 1);
    return str_concat(arena, str_trim(str_sub(line, 0, end)), S("…"));
}

struct str text_clean_name(struct arena *arena, struct str text)
{
    struct str line = one_line(arena, text, NAME_BYTES);
    return str_trim(str_sub(line, 0, text_grapheme_offset(line, NAME_GRAPHEMES)));
}
