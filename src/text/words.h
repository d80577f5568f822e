// SPDX-License-Identifier: AGPL-3.0-or-later
// The one tokenizer: what a word is, in every script, for both databases' indexes, queries, rules and
// streams. NFKC and case-folded; accents, Arabic vowel signs and İ are never stripped. Latin-like words
// are whole tokens; Chinese, Japanese, Korean and Thai runs become overlapping bigrams (and single
// characters, so that one is findable too). Punctuation separates and does not count; hyphens split.
#pragma once
#include "base/arena.h"

enum word_script { WORD_ALPHABETIC, WORD_SUBSTRING };
struct word {
    struct str text; // folded, in the arena
    enum word_script script;
    size_t start, end; // bytes in the source
    bool joined;       // SUBSTRING: directly continues the run of the word before it
};
// Folded bytes of one word at most; what is longer is compared by its beginning (indexes have limits too).
enum { TEXT_WORD_MAX = 128 };
struct word_list {
    struct word *items;
    size_t len, cap;
};
// NFKC + case fold, as tags, names and words are compared. Never fails on valid UTF-8.
struct str text_fold(struct arena *arena, struct str text);
// All words of a text in order. Alphabetic: one item per word. Substring runs: one item per character
// (a base and its combining marks); the index makes bigrams of joined neighbours.
void text_words(struct str text, struct arena *arena, struct word_list *out);
// Number of user-perceived characters (UAX #29 extended grapheme clusters), as Bluesky counts.
size_t text_graphemes(struct str text);
// The byte offset behind the first n graphemes.
size_t text_grapheme_offset(struct str text, size_t n);
// A short preview: first line(s), whitespace folded, at most `graphemes`, with "…" when cut.
struct str text_preview(struct arena *arena, struct str text, size_t graphemes);
// Names as shown: bidi controls and zero-width characters dropped (ZWJ inside emoji kept), trimmed, at
// most 200 graphemes.
struct str text_clean_name(struct arena *arena, struct str text);
// Names of files as kept: as text_clean_name, composed (NFC), without what file systems or headers could read
// otherwise (separators, quotes, dots and spaces at the ends), at most 150 bytes with the ending kept. May
// be empty.
struct str text_file_name(struct arena *arena, struct str name);
