// SPDX-License-Identifier: AGPL-3.0-or-later
// NFKC_Casefold in one linear pass. utf8proc's own decomposition sorts marks by swapping neighbours,
// which is quadratic on a hostile run of them, and says nothing about where a code point came from; so
// we decompose one code point at a time, sort runs of marks by counting, and let utf8proc compose each
// segment. Nothing is stripped but default ignorables (soft hyphen, joiners, variation selectors).
#include "text/fold.h"
#include "base/log.h"
#include "text/words.h"
#include <utf8proc.h>

// The longest decomposition of one code point is 18 (U+FDFA).
enum { MAX_PARTS = 64, SHORT_RUN = 24, CLASSES = 256 };

static const int FOLD_PARTS = UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_DECOMPOSE | UTF8PROC_IGNORE;

struct fold_walk fold_walk(struct arena *arena, struct str text)
{
    return (struct fold_walk){.text = text, .arena = arena};
}

static int combining_class(int32_t code)
{
    return utf8proc_get_property(code)->combining_class;
}

static bool is_mark(const utf8proc_property_t *property)
{
    return property->category == UTF8PROC_CATEGORY_MN || property->category == UTF8PROC_CATEGORY_MC ||
           property->category == UTF8PROC_CATEGORY_ME;
}

// A code point that never changes by what stands before it: a segment may begin with it. Marks and
// the vowels and finals of Hangul compose backwards.
static bool begins_segment(int32_t code)
{
    if (code < 0x300)
        return true;
    if ((code >= 0x1160 && code <= 0x11FF) || (code >= 0xD7B0 && code <= 0xD7FF))
        return false;
    const utf8proc_property_t *property = utf8proc_get_property(code);
    return property->combining_class == 0 && !is_mark(property);
}

static size_t decompose(u32 code, int32_t parts[MAX_PARTS])
{
    int last = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, MAX_PARTS, FOLD_PARTS, &last);
    if (n < 0 || n > MAX_PARTS)
        die("text: U+%04X has no decomposition (%d)", (unsigned)code, (int)n);
    return (size_t)n;
}

static void insertion_sort(int32_t *codes, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int32_t code = codes[i];
        size_t at = i;
        for (; at > 0 && combining_class(codes[at - 1]) > combining_class(code); at--)
            codes[at] = codes[at - 1];
        codes[at] = code;
    }
}

// Stable sort of a run of marks by class; linear for long runs.
static void sort_marks(int32_t *codes, size_t n, struct arena *arena)
{
    if (n <= SHORT_RUN) {
        insertion_sort(codes, n);
        return;
    }
    size_t from[CLASSES + 1] = {0};
    int32_t *sorted = arena_array(arena, int32_t, n);
    for (size_t i = 0; i < n; i++)
        from[(combining_class(codes[i]) & 255) + 1]++;
    for (size_t c = 1; c <= CLASSES; c++)
        from[c] += from[c - 1];
    for (size_t i = 0; i < n; i++)
        sorted[from[combining_class(codes[i]) & 255]++] = codes[i];
    memcpy(codes, sorted, n * sizeof(*codes));
}

static void compose(struct fold_walk *walk)
{
    for (size_t i = 0; i < walk->len;) {
        size_t end = i;
        while (end < walk->len && combining_class(walk->codes[end]) != 0)
            end++;
        if (end - i > 1)
            sort_marks(walk->codes + i, end - i, walk->arena);
        i = end + 1;
    }
    utf8proc_ssize_t n = utf8proc_normalize_utf32(walk->codes, (utf8proc_ssize_t)walk->len,
                                                  UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (n < 0)
        die("text: cannot compose a segment of %zu code points", walk->len);
    walk->len = (size_t)n;
}

static void push_parts(struct fold_walk *walk, const int32_t *parts, size_t n)
{
    if (n == 0)
        return; // an ignorable
    if (walk->len + n > walk->cap) {
        size_t cap = walk->cap ? walk->cap * 2 : 4 * MAX_PARTS;
        int32_t *codes = arena_array(walk->arena, int32_t, cap);
        if (walk->len)
            memcpy(codes, walk->codes, walk->len * sizeof(*codes));
        walk->codes = codes;
        walk->cap = cap;
    }
    memcpy(walk->codes + walk->len, parts, n * sizeof(*parts));
    walk->len += n;
}

// Reads source code points up to the next one that begins a segment. A segment may fold to nothing.
static void read_segment(struct fold_walk *walk)
{
    walk->len = walk->next = 0;
    walk->start = walk->pos;
    while (walk->pos < walk->text.len) {
        size_t pos = walk->pos;
        int32_t parts[MAX_PARTS];
        size_t n = decompose(utf8_next(walk->text, &pos), parts);
        if (walk->len > 0 && n > 0 && begins_segment(parts[0]))
            break;
        push_parts(walk, parts, n);
        walk->pos = pos;
    }
    walk->end = walk->pos;
    if (walk->len > 1)
        compose(walk);
}

static bool is_ascii_at(struct str text, size_t pos)
{
    return pos >= text.len || (unsigned char)text.ptr[pos] < 0x80;
}

bool fold_next(struct fold_walk *walk, struct fold_point *ret_point)
{
    while (walk->next >= walk->len) {
        if (walk->pos >= walk->text.len)
            return false;
        // ASCII followed by ASCII folds alone.
        if (is_ascii_at(walk->text, walk->pos) && is_ascii_at(walk->text, walk->pos + 1)) {
            u32 code = (unsigned char)walk->text.ptr[walk->pos++];
            code += code >= 'A' && code <= 'Z' ? 32 : 0;
            *ret_point = (struct fold_point){code, walk->pos - 1, walk->pos};
            return true;
        }
        read_segment(walk);
    }
    *ret_point = (struct fold_point){(u32)walk->codes[walk->next++], walk->start, walk->end};
    return true;
}

struct str text_fold(struct arena *arena, struct str text)
{
    struct fold_walk walk = fold_walk(arena, text);
    struct fold_point point;
    size_t len = 0, cap = text.len + 8;
    char *out = arena_alloc(arena, cap);
    while (fold_next(&walk, &point)) {
        if (len + 4 > cap) {
            char *bigger = arena_alloc(arena, cap * 2);
            memcpy(bigger, out, len);
            out = bigger;
            cap *= 2;
        }
        len += utf8_encode(point.code, out + len);
    }
    return (struct str){out, len};
}
