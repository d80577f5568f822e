// SPDX-License-Identifier: AGPL-3.0-or-later
// See tokens.h. What is written here decides what is in the indexes: raise SEARCH_FORMAT when it changes.
#include "query/tokens.h"
#include "base/buf.h"

enum {
    TOKEN_MAX = 2 * TEXT_WORD_MAX + 32,
    STREAM_MAX = 256 * 1024 * 1024,
    // A part of a PostgreSQL document; positions a lexeme may have there are 256.
    PART_POSITIONS = 8000,
    PART_REPEATS = 250,
    PART_BYTES = 300 * 1024, // a tsvector may have a megabyte
};
// Separators in a stream: no token contains them.
static const char NEXT = '\x1e', SAME = '\x1f';

static size_t put_workspace(char *out, i64 workspace_id)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char backwards[16];
    size_t n = 0, len = 0;
    for (u64 rest = (u64)workspace_id; n < sizeof(backwards) && (n == 0 || rest); rest /= 36)
        backwards[n++] = digits[rest % 36];
    while (n > 0)
        out[len++] = backwards[--n];
    out[len++] = ':';
    return len;
}

// The token of an item, or the one that joins it with the next.
static struct str make_token(char out[TOKEN_MAX], i64 workspace_id, const struct word *word,
                             const struct word *joined)
{
    size_t len = put_workspace(out, workspace_id);
    memcpy(out + len, word->text.ptr, word->text.len);
    len += word->text.len;
    if (joined) {
        memcpy(out + len, joined->text.ptr, joined->text.len);
        len += joined->text.len;
    }
    return (struct str){out, len};
}

static bool item_tokens(i64 workspace_id, const struct word_list *words, size_t i, token_fn *fn, void *arg)
{
    char token[TOKEN_MAX];
    const struct word *word = &words->items[i];
    if (!fn(arg, make_token(token, workspace_id, word, NULL), false))
        return false;
    if (i + 1 >= words->len || !words->items[i + 1].joined)
        return true;
    return fn(arg, make_token(token, workspace_id, word, &words->items[i + 1]), true);
}

bool tokens_of_text(i64 workspace_id, struct str text, struct arena *arena, token_fn *fn, void *arg)
{
    struct word_list words = {0};
    text_words(text, arena, &words);
    for (size_t i = 0; i < words.len; i++) {
        if (!item_tokens(workspace_id, &words, i, fn, arg))
            return false;
    }
    return true;
}

static bool add_to_stream(void *arg, struct str token, bool same)
{
    struct buf *out = arg;
    buf_add_char(out, same ? SAME : NEXT);
    buf_add(out, token);
    return true;
}

struct str tokens_stream(i64 workspace_id, struct str text, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, STREAM_MAX);
    (void)tokens_of_text(workspace_id, text, arena, add_to_stream, &out);
    return buf_str(&out);
}

bool tokens_split(struct str stream, token_fn *fn, void *arg)
{
    for (size_t pos = 0; pos < stream.len;) {
        bool same = stream.ptr[pos] == SAME;
        size_t from = ++pos;
        while (pos < stream.len && stream.ptr[pos] != NEXT && stream.ptr[pos] != SAME)
            pos++;
        if (pos > from && !fn(arg, str_sub(stream, from, pos), same))
            return false;
    }
    return true;
}

// The tokens of a phrase, one a position. The last of a run is already in the joined token before it.
static void phrase_tokens(i64 workspace_id, const struct node *term, void (*fn)(void *, struct str, bool),
                          void *arg)
{
    for (size_t i = 0; i < term->n_words; i++) {
        char token[TOKEN_MAX];
        bool last = i + 1 == term->n_words;
        bool joins = !last && term->words[i + 1].joined;
        if (last && i > 0 && term->words[i].joined)
            return;
        fn(arg, make_token(token, workspace_id, &term->words[i], joins ? &term->words[i + 1] : NULL),
           last && term->prefix);
    }
}

static void add_fts5(void *arg, struct str token, bool prefix)
{
    struct buf *out = arg;
    buf_add(out, out->len ? S(" + \"") : S("\""));
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, token.ptr[i]);
    }
    buf_add(out, prefix ? S("\" *") : S("\""));
}

static void add_lexeme(struct buf *out, struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] == '\'' || token.ptr[i] == '\\')
            buf_add_char(out, token.ptr[i]);
        buf_add_char(out, token.ptr[i]);
    }
}

static void add_tsquery(void *arg, struct str token, bool prefix)
{
    struct buf *out = arg;
    buf_add(out, out->len ? S(" <-> '") : S("'"));
    add_lexeme(out, token);
    buf_add(out, prefix ? S("':*") : S("'"));
}

struct str tokens_fts5(i64 workspace_id, const struct node *term, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, STREAM_MAX);
    phrase_tokens(workspace_id, term, add_fts5, &out);
    return buf_str(&out);
}

struct str tokens_tsquery(i64 workspace_id, const struct node *term, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, STREAM_MAX);
    phrase_tokens(workspace_id, term, add_tsquery, &out);
    return buf_str(&out);
}

// How often each word stood in the current part: a small open hash, emptied by raising `part`.
struct counter {
    struct {
        u32 hash, part, n;
        const struct word *word;
    } * slots;
    size_t size; // a power of two, at least twice the words of a part
    u32 part;
};

static u32 hash_str(struct str s)
{
    u32 hash = 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * 16777619u;
    return hash;
}

static u32 count_word(struct counter *counter, const struct word *word)
{
    u32 hash = hash_str(word->text);
    for (size_t i = hash;; i++) {
        typeof(&counter->slots[0]) slot = &counter->slots[i & (counter->size - 1)];
        if (slot->part != counter->part) {
            slot->part = counter->part;
            slot->hash = hash;
            slot->word = word;
            slot->n = 0;
        }
        if (slot->hash == hash && str_eq(slot->word->text, word->text))
            return ++slot->n;
    }
}

// Index behind the last word of the part that begins at `from`. A joined token repeats no more often
// than its first character does.
static size_t part_end(struct counter *counter, const struct word_list *words, size_t from)
{
    counter->part++;
    size_t end = from;
    for (size_t bytes = 0; end < words->len && end - from < PART_POSITIONS && bytes < PART_BYTES; end++) {
        if (count_word(counter, &words->items[end]) > PART_REPEATS)
            break;
        bytes += words->items[end].text.len + 16;
    }
    return end;
}

struct vector {
    struct buf text;
    size_t position;
};

static bool add_tsvector(void *arg, struct str token, bool same)
{
    struct vector *vector = arg;
    vector->position += same ? 0 : 1;
    buf_add(&vector->text, S(" '"));
    add_lexeme(&vector->text, token);
    buf_add(&vector->text, S("':"));
    buf_add_i64(&vector->text, (i64)vector->position);
    return true;
}

static struct str part_text(i64 workspace_id, const struct word_list *words, size_t from, size_t end,
                            struct arena *arena)
{
    struct vector vector = {0};
    buf_init(&vector.text, arena, STREAM_MAX);
    for (size_t i = from; i < end; i++)
        (void)item_tokens(workspace_id, words, i, add_tsvector, &vector);
    return buf_str(&vector.text);
}

struct str_list tokens_tsvectors(i64 workspace_id, struct str text, struct arena *arena)
{
    struct str_list parts = {0};
    struct word_list words = {0};
    struct counter counter = {.size = 64};
    text_words(text, arena, &words);
    while (counter.size < 2 * (words.len < PART_POSITIONS ? words.len : PART_POSITIONS))
        counter.size *= 2;
    counter.slots = arena_alloc_array(arena, counter.size, sizeof(*counter.slots));
    for (size_t from = 0; from < words.len;) {
        size_t end = part_end(&counter, &words, from);
        *list_push(&parts, arena) = part_text(workspace_id, &words, from, end, arena);
        if (end == words.len)
            break;
        from = end - (QUERY_MAX_PHRASE - 1);
    }
    return parts;
}
