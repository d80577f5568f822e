// SPDX-License-Identifier: AGPL-3.0-or-later
// See language.h. A guess that is unsure says nothing: filters by language must not lie.
#include "desk/language.h"
#include <pthread.h>

enum { LOOK_AT = 400, WORD_MAX = 16 };

static const struct {
    u32 from, to;
    const char *language;
} scripts[] = {
    {0xAC00, 0xD7A3, "ko"}, {0x1100, 0x11FF, "ko"}, {0x3040, 0x30FF, "ja"}, {0x0E00, 0x0E7F, "th"},
    {0x4E00, 0x9FFF, "zh"}, {0x0370, 0x03FF, "el"}, {0x0590, 0x05FF, "he"}, {0x10A0, 0x10FF, "ka"},
    {0x0530, 0x058F, "hy"}, {0x0900, 0x097F, "hi"}, {0x0980, 0x09FF, "bn"}, {0x0B80, 0x0BFF, "ta"},
    {0x0E80, 0x0EFF, "lo"}, {0x1780, 0x17FF, "km"}, {0x1000, 0x109F, "my"},
};

// Frequent words that the other four do not use.
static const struct {
    const char *language;
    const char *words[40];
} latin[] = {
    {"en", {"the", "is",  "my",   "and",   "you",   "have",   "not",    "with", "for",
            "are", "was", "what", "when",  "where", "please", "this",   "it",   "your",
            "can", "how", "been", "hello", "still", "order",  "thanks", "does", NULL}},
    {"id", {"yang", "saya", "tidak",  "dan",    "ini",   "itu",    "untuk",   "dengan", "belum", "sudah",
            "bisa", "apa",  "kapan",  "kak",    "mohon", "tolong", "pesanan", "barang", "dari",  "di",
            "ke",   "ada",  "kenapa", "terima", "kasih", "min",    "halo",    "nya",    NULL}},
    {"et", {"ei",    "ja",   "on",   "mul",  "minu",   "see",   "kas",   "aga",      "kui",
            "palun", "mis",  "ma",   "olen", "tere",   "teie",  "aitäh", "tellimus", "millal",
            "kus",   "saan", "pole", "veel", "kuidas", "mulle", NULL}},
    {"fi", {"ei",    "ja",      "on",   "minun", "se",     "että",    "mutta",  "kun",  "kiitos",
            "mikä",  "olen",    "hei",  "onko",  "tilaus", "milloin", "missä",  "saan", "vielä",
            "miten", "minulle", "tämä", "oli",   "ole",    "voi",     "teidän", NULL}},
};

static const char *script_of(u32 c)
{
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        if (c >= scripts[i].from && c <= scripts[i].to) {
            return scripts[i].language;
        }
    }
    return NULL;
}

// Kana anywhere makes it Japanese, though most of its characters may be Chinese ones.
static const char *by_script(struct str text)
{
    const char *found = NULL;
    size_t letters = 0;
    size_t foreign = 0;
    for (size_t pos = 0; pos < text.len;) {
        u32 c = utf8_next(text, &pos);
        const char *language = script_of(c);
        letters += language || ((c | 32) - 'a') < 26u;
        foreign += language != NULL;
        if (language && (!found || language[0] == 'j')) {
            found = language;
        }
    }
    return foreign * 3 >= letters ? found : NULL;
}

// All words in one table, made at the first question: bit i says that latin[i] has it.
enum { SLOTS = 512 };
static struct slot {
    struct str word;
    unsigned languages;
} slots[SLOTS];

static struct slot *slot_of(struct str word)
{
    u32 hash = 2166136261u;
    for (size_t i = 0; i < word.len; i++) {
        hash = (hash ^ (u8)word.ptr[i]) * 16777619u;
    }
    size_t at = (hash ^ hash >> 16) % SLOTS;
    while (slots[at].languages && !str_eq(slots[at].word, word)) {
        at = (at + 1) % SLOTS;
    }
    return &slots[at];
}

static void make_slots(void)
{
    for (size_t i = 0; i < ARRAY_LEN(latin); i++) {
        for (size_t k = 0; latin[i].words[k]; k++) {
            struct str word = str_from(latin[i].words[k]);
            struct slot *slot = slot_of(word);
            slot->word = word;
            slot->languages |= 1u << i;
        }
    }
}

static unsigned languages_of(struct str word)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_slots);
    return slot_of(word)->languages;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

// The next run of letters, ASCII lowered; empty at the end.
static size_t next_word(struct str text, size_t *pos, char out[WORD_MAX])
{
    size_t len = 0;
    while (*pos < text.len && !is_letter(text.ptr[*pos])) {
        (*pos)++;
    }
    for (; *pos < text.len && is_letter(text.ptr[*pos]); (*pos)++) {
        char c = text.ptr[*pos];
        if (len < WORD_MAX) {
            out[len] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
        }
        len++;
    }
    return len;
}

static struct str by_words(struct str text)
{
    size_t hits[ARRAY_LEN(latin)] = {};
    char word[WORD_MAX];
    size_t len;
    for (size_t pos = 0; (len = next_word(text, &pos, word)) > 0;) {
        unsigned languages = len <= WORD_MAX ? languages_of((struct str){word, len}) : 0;
        for (size_t i = 0; i < ARRAY_LEN(latin); i++) {
            hits[i] += languages >> i & 1;
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < ARRAY_LEN(latin); i++) {
        best = hits[i] > hits[best] ? i : best;
    }
    for (size_t i = 0; i < ARRAY_LEN(latin); i++) {
        if (hits[best] < 2 || (i != best && hits[i] + 1 > hits[best])) {
            return S("");
        }
    }
    return str_from(latin[best].language);
}

struct str language_guess(struct str text)
{
    size_t end = text.len < LOOK_AT ? text.len : LOOK_AT;
    while (end < text.len && end > 0 && ((unsigned char)text.ptr[end] & 0xC0) == 0x80) {
        end--;
    }
    struct str part = str_sub(text, 0, end);
    const char *script = by_script(part);
    return script ? str_from(script) : by_words(part);
}
