// SPDX-License-Identifier: AGPL-3.0-or-later
// Any text: folding twice is folding once, words lie in order inside the source, and the folded text
// has the same words.
#include "text/words.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = utf8_clean(arena, (struct str){(const char *)data, size});
    struct str once = text_fold(arena, text);
    check(utf8_valid(once));
    check(str_eq(text_fold(arena, once), once));

    struct word_list words = {0}, again = {0};
    text_words(text, arena, &words);
    text_words(once, arena, &again);
    check(words.len == again.len);
    for (size_t i = 0; i < words.len; i++) {
        const struct word *word = &words.items[i];
        check(word->start < word->end && word->end <= text.len && word->text.len > 0);
        check(word->text.len <= TEXT_WORD_MAX && utf8_valid(word->text));
        check(i == 0 || word->start >= words.items[i - 1].start);
        check(str_eq(word->text, again.items[i].text) && word->joined == again.items[i].joined);
        check(word->script == again.items[i].script);
    }

    size_t n = text_graphemes(text);
    check(text_grapheme_offset(text, n) == text.len);
    struct str preview = text_preview(arena, text, 20);
    check(utf8_valid(preview) && text_graphemes(preview) <= 20);
    struct str name = text_clean_name(arena, text);
    check(utf8_valid(name) && text_graphemes(name) <= 200);
    arena_give(arena);
    return 0;
}
