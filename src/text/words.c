// SPDX-License-Identifier: AGPL-3.0-or-later
// What a word is. Everything that compares texts (both indexes, queries, rules, streams) asks here, so
// all agree. Words are read from the folded text; see words.h for the rules.
#include "text/words.h"
#include "text/fold.h"
#include <utf8proc.h>

enum point_class {
    POINT_BREAK,  // separates words
    POINT_SKIP,   // as if it were not there: skin tones
    POINT_MARK,   // belongs to what is before it
    POINT_LETTER, // letters and digits of alphabetic scripts
    POINT_SUB,    // scripts written without spaces: each one is an item, runs are joined
    POINT_EMOJI,  // each one is an item by itself
};

struct range {
    u32 first, last;
};
// Scripts whose words cannot be told apart by spaces, and Hangul, whose particles are written onto the
// word. Sorted.
static const struct range SUBSTRING_SCRIPTS[] = {
    {0x0E00, 0x0EFF},   // Thai, Lao
    {0x1000, 0x109F},   // Myanmar
    {0x1100, 0x11FF},   // Hangul jamo
    {0x1780, 0x17FF},   // Khmer
    {0x19E0, 0x19FF},   // Khmer symbols
    {0x2E80, 0x2FDF},   // Han radicals
    {0x3005, 0x3007},   // 々〆〇
    {0x3021, 0x3029},   // Hangzhou numerals
    {0x3031, 0x3035},   // kana repeat marks
    {0x3038, 0x303C},   //
    {0x3041, 0x318F},   // kana, Bopomofo, compatibility jamo
    {0x31A0, 0x31BF},   // Bopomofo extended
    {0x31F0, 0x31FF},   // Katakana extended
    {0x3400, 0x4DBF},   // Han A
    {0x4E00, 0x9FFF},   // Han
    {0xA960, 0xA97F},   // Hangul jamo A
    {0xA9E0, 0xA9FF},   // Myanmar B
    {0xAA60, 0xAA7F},   // Myanmar A
    {0xAC00, 0xD7FF},   // Hangul, jamo B
    {0xF900, 0xFAFF},   // Han compatibility
    {0x1AFF0, 0x1B16F}, // kana supplements
    {0x20000, 0x3FFFD}, // Han B and on
};

static bool is_substring_script(u32 code)
{
    size_t low = 0, high = ARRAY_LEN(SUBSTRING_SCRIPTS);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > SUBSTRING_SCRIPTS[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ARRAY_LEN(SUBSTRING_SCRIPTS) && code >= SUBSTRING_SCRIPTS[low].first;
}

static bool is_emoji(u32 code, const utf8proc_property_t *property)
{
    return (property->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC && code >= 0x2194) ||
           property->boundclass == UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR;
}

static enum point_class classify_wide(u32 code)
{
    const utf8proc_property_t *property = utf8proc_get_property((utf8proc_int32_t)code);
    switch (property->category) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return POINT_MARK;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return is_substring_script(code) ? POINT_SUB : POINT_LETTER;
    default:
        if (code >= 0x1F3FB && code <= 0x1F3FF)
            return POINT_SKIP;
        return is_emoji(code, property) ? POINT_EMOJI : POINT_BREAK;
    }
}

enum { ENCODED_MAX = 4 };

// Letters (folded) and digits of ASCII; 0 separates.
static const char ASCII_WORD[256] = {
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7',
    ['8'] = '8', ['9'] = '9', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f',
    ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v',
    ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd',
    ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l',
    ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
    ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z'};

static enum point_class classify(u32 code)
{
    if (code < 0x80)
        return ASCII_WORD[code] ? POINT_LETTER : POINT_BREAK;
    return classify_wide(code);
}

// What is being built: the current word is the last item of `out`, its bytes end at `room`.
struct builder {
    struct arena *arena;
    struct word_list *out;
    char *bytes; // one block for all words' bytes
    size_t len, cap;
    bool open; // the last item may still grow
    bool run;  // the last item is of a substring run that has not been broken
};

// Room for n more bytes of the last word, which are to follow those it has.
static char *make_room(struct builder *b, struct word *word, size_t n)
{
    if (b->len + n > b->cap) {
        // The unfinished word moves to a new block; finished ones stay where they are.
        size_t cap = b->cap < 4096 ? 4096 : b->cap;
        char *block = arena_alloc(b->arena, cap);
        if (word->text.len)
            memcpy(block, word->text.ptr, word->text.len);
        b->bytes = block;
        b->cap = cap;
        b->len = word->text.len;
        word->text.ptr = block;
    }
    if (!word->text.ptr)
        word->text.ptr = b->bytes + b->len;
    return b->bytes + b->len;
}

// Once a word has no room for the longest code point it grows no more.
static void add_bytes(struct builder *b, u32 code)
{
    struct word *word = &b->out->items[b->out->len - 1];
    char encoded[ENCODED_MAX];
    size_t n = utf8_encode(code, encoded);
    if (word->text.len + ENCODED_MAX > TEXT_WORD_MAX)
        return;
    memcpy(make_room(b, word, n), encoded, n);
    b->len += n;
    word->text.len += n;
}

static void begin_word(struct builder *b, const struct fold_point *point, enum word_script script,
                       bool joined)
{
    struct word *word = list_push(b->out, b->arena);
    word->script = script;
    word->start = point->start;
    word->end = point->end;
    word->joined = joined;
    b->open = true;
}

// Continues or begins a word with bytes that are letters and digits of ASCII.
static void add_ascii_word(struct builder *b, size_t start, struct str bytes)
{
    if (!b->open || b->out->items[b->out->len - 1].script != WORD_ALPHABETIC)
        begin_word(b, &(struct fold_point){.start = start, .end = start}, WORD_ALPHABETIC, false);
    b->run = false;
    struct word *word = &b->out->items[b->out->len - 1];
    word->end = start + bytes.len;
    size_t room =
        word->text.len + ENCODED_MAX > TEXT_WORD_MAX ? 0 : TEXT_WORD_MAX - ENCODED_MAX + 1 - word->text.len;
    size_t n = bytes.len < room ? bytes.len : room;
    char *to = make_room(b, word, n);
    for (size_t i = 0; i < n; i++)
        to[i] = ASCII_WORD[(unsigned char)bytes.ptr[i]];
    b->len += n;
    word->text.len += n;
}

static void add_point(struct builder *b, const struct fold_point *point)
{
    switch (classify(point->code)) {
    case POINT_SKIP:
        return;
    case POINT_BREAK:
        b->open = b->run = false;
        return;
    case POINT_MARK:
        if (!b->open)
            return; // a mark on punctuation or on nothing
        break;
    case POINT_LETTER:
        if (!b->open || b->out->items[b->out->len - 1].script != WORD_ALPHABETIC)
            begin_word(b, point, WORD_ALPHABETIC, false);
        b->run = false;
        break;
    case POINT_SUB:
        begin_word(b, point, WORD_SUBSTRING, b->run);
        b->run = true;
        break;
    case POINT_EMOJI:
        begin_word(b, point, WORD_SUBSTRING, false);
        b->run = false;
        break;
    }
    b->out->items[b->out->len - 1].end = point->end;
    add_bytes(b, point->code);
}

// A run of ASCII is cut without folding it code point by code point: most texts are little else. Stops
// before the last ASCII byte in front of anything else, to which a mark may belong.
static void add_ascii(struct builder *b, struct fold_walk *walk)
{
    struct str text = walk->text;
    while (walk->pos < text.len && (unsigned char)text.ptr[walk->pos] < 0x80) {
        size_t from = walk->pos, end = from;
        while (end < text.len && ASCII_WORD[(unsigned char)text.ptr[end]])
            end++;
        bool before_other = end < text.len && (unsigned char)text.ptr[end] >= 0x80;
        if (end == from && end + 1 < text.len && (unsigned char)text.ptr[end + 1] >= 0x80)
            return;
        if (end == from) { // a separator
            b->open = b->run = false;
            walk->pos++;
            continue;
        }
        if (before_other && --end == from)
            return;
        add_ascii_word(b, from, str_sub(text, from, end));
        walk->pos = end;
        if (before_other)
            return;
    }
}

void text_words(struct str text, struct arena *arena, struct word_list *out)
{
    struct builder builder = {.arena = arena, .out = out, .cap = text.len < 4096 ? text.len + 16 : 4096};
    builder.bytes = arena_alloc(arena, builder.cap);
    struct fold_walk walk = fold_walk(arena, text);
    struct fold_point point;
    for (;;) {
        if (walk.next >= walk.len)
            add_ascii(&builder, &walk);
        if (!fold_next(&walk, &point))
            return;
        add_point(&builder, &point);
    }
}
