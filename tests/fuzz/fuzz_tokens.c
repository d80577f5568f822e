// SPDX-License-Identifier: AGPL-3.0-or-later
// What goes into the indexes: a stream of tokens comes apart as it was put together, positions match the
// words, and every part of a document keeps PostgreSQL's limits.
#include "query/tokens.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
    size_t tokens, positions, bytes;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool count(void *arg, struct str token, bool same)
{
    struct tally *tally = arg;
    check(token.len > 2 && token.len < 300 && utf8_valid(token));
    tally->tokens++;
    tally->positions += !same;
    tally->bytes += token.len + 1;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_take();
    struct str text = utf8_clean(arena, (struct str){(const char *)data, size});
    struct tally made = {0}, split = {0};
    struct word_list words = {0};
    text_words(text, arena, &words);
    check(tokens_of_text(1, text, arena, count, &made));
    struct str stream = tokens_stream(1, text, arena);
    check(tokens_split(stream, count, &split));
    check(made.tokens == split.tokens && made.positions == split.positions && made.bytes == stream.len);
    check(made.positions == words.len);

    // Every run of a few words of the text is found in it, and makes an expression for either index.
    size_t n = words.len < 5 ? words.len : 5;
    struct node term = {.kind = NODE_TEXT, .words = words.items, .n_words = n};
    check(n == 0 || query_text_in(&term, &words));
    check(n == 0 || (tokens_fts5(1, &term, arena).len > 0 && tokens_tsquery(1, &term, arena).len > 0));

    struct str_list parts = tokens_tsvectors(1, text, arena);
    check((parts.len > 0) == (words.len > 0));
    for (size_t i = 0; i < parts.len; i++)
        check(parts.items[i].len > 0 && parts.items[i].len < 1024 * 1024);
    arena_give(arena);
    return 0;
}
