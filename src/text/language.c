// SPDX-License-Identifier: AGPL-3.0-or-later
// See language.h. A guess that is unsure says nothing: filters by language must not lie.
#include "text/language.h"
#include "text/cld2.h"

enum { LOOK_AT = 400, LONG_ENOUGH = 20, FEW = 3 };

enum script { OTHER, LATIN, CYRILLIC, HAN, KANA, ARABIC, DEVANAGARI, DECIDES };

// Scripts, and the language of those that decide by themselves.
static const struct range {
    u32 from, to;
    enum script script;
    const char *language;
} ranges[] = {
    {0x00C0, 0x024F, LATIN, NULL},   {0x0370, 0x03FF, DECIDES, "el"},    {0x0400, 0x052F, CYRILLIC, NULL},
    {0x0530, 0x058F, DECIDES, "hy"}, {0x0590, 0x05FF, DECIDES, "he"},    {0x0600, 0x06FF, ARABIC, NULL},
    {0x0750, 0x077F, ARABIC, NULL},  {0x0900, 0x097F, DEVANAGARI, NULL}, {0x0980, 0x09FF, DECIDES, "bn"},
    {0x0A00, 0x0A7F, DECIDES, "pa"}, {0x0A80, 0x0AFF, DECIDES, "gu"},    {0x0B80, 0x0BFF, DECIDES, "ta"},
    {0x0C00, 0x0C7F, DECIDES, "te"}, {0x0C80, 0x0CFF, DECIDES, "kn"},    {0x0D00, 0x0D7F, DECIDES, "ml"},
    {0x0D80, 0x0DFF, DECIDES, "si"}, {0x0E00, 0x0E7F, DECIDES, "th"},    {0x0E80, 0x0EFF, DECIDES, "lo"},
    {0x1000, 0x109F, DECIDES, "my"}, {0x10A0, 0x10FF, DECIDES, "ka"},    {0x1100, 0x11FF, DECIDES, "ko"},
    {0x1780, 0x17FF, DECIDES, "km"}, {0x1E00, 0x1EFF, LATIN, NULL},      {0x3040, 0x30FF, KANA, NULL},
    {0x3130, 0x318F, DECIDES, "ko"}, {0x3400, 0x9FFF, HAN, NULL},        {0xAC00, 0xD7A3, DECIDES, "ko"},
    {0xFF66, 0xFF9D, KANA, NULL},    {0x20000, 0x323AF, HAN, NULL},
};

struct look { // at a text without what says nothing about its language
    char text[LOOK_AT + 8];
    size_t len, letters;
    size_t of[DECIDES + 1];
    const char *decides; // the language of the script met last that decides
    bool persian, urdu;
};

static const struct range *range_of(u32 c)
{
    size_t low = 0, high = ARRAY_LEN(ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle].to) {
            low = middle + 1;
        } else if (c < ranges[middle].from) {
            high = middle;
        } else {
            return &ranges[middle];
        }
    }
    return NULL;
}

static bool is_ascii_letter(u32 c)
{
    return (c | 32) - 'a' < 26u;
}

static void count(struct look *look, u32 c)
{
    const struct range *range = is_ascii_letter(c) ? NULL : range_of(c);
    enum script script = is_ascii_letter(c) ? LATIN : range ? range->script : OTHER;
    look->letters++;
    look->of[script]++;
    if (script == DECIDES) {
        look->decides = range->language;
    }
    look->persian = look->persian || c == 0x067E || c == 0x0686 || c == 0x0698 || c == 0x06AF;
    look->urdu = look->urdu || c == 0x0679 || c == 0x0688 || c == 0x06D2 || c == 0x06BA;
}

// Letters and what may stand inside a word; everything else is a gap.
static bool is_letter(u32 c)
{
    if (c < 0x80) {
        return is_ascii_letter(c);
    }
    return c >= 0xC0 && c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x2BFF) &&
           !(c >= 0x3000 && c <= 0x303F) && !(c >= 0xFE00 && c <= 0xFE0F) && !(c >= 0xFF00 && c <= 0xFF20) &&
           !(c >= 0x1F000 && c <= 0x1FAFF) && !(c >= 0xE0000);
}

// A link, a name or a hashtag.
static bool says_nothing(struct str token)
{
    return token.ptr[0] == '#' || memchr(token.ptr, '@', token.len) || str_starts(token, S("www.")) ||
           str_find(token, S("://")) >= 0;
}

static void gap(struct look *look)
{
    if (look->len > 0 && look->text[look->len - 1] != ' ') {
        look->text[look->len++] = ' ';
    }
}

// "sooooo" is as good as "soo".
static void add_token(struct look *look, struct str token)
{
    u32 last = 0, before = 0;
    for (size_t pos = 0; pos < token.len;) {
        size_t from = pos;
        u32 c = utf8_next(token, &pos);
        bool joins = c == '\'' || c == 0x2019;
        if (!is_letter(c) && !joins) {
            gap(look);
        } else if (!(c == last && c == before)) {
            memcpy(look->text + look->len, token.ptr + from, pos - from);
            look->len += pos - from;
            if (!joins) {
                count(look, c);
            }
        }
        before = last;
        last = c;
    }
    gap(look);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void look_at(struct look *look, struct str text)
{
    size_t end = text.len < LOOK_AT ? text.len : LOOK_AT;
    while (end < text.len && end > 0 && ((unsigned char)text.ptr[end] & 0xC0) == 0x80) {
        end--;
    }
    for (size_t from = 0; from < end;) {
        size_t to = from;
        while (to < end && !is_space(text.ptr[to])) {
            to++;
        }
        struct str token = str_sub(text, from, to);
        if (token.len > 0 && !says_nothing(token)) {
            add_token(look, token);
        }
        from = to + 1;
    }
    memset(look->text + look->len, 0, 4); // CLD2 looks ahead
}

// Its codes, as ISO 639-1 has them; "" for what is no language.
static const char *ask(const struct look *look, bool *ret_sure)
{
    int percent;
    const char *code = cld2_guess(look->text, look->len, &percent, ret_sure);
    static const struct {
        const char *theirs, *ours;
    } names[] = {{"iw", "he"}, {"jw", "jv"}, {"zh-Hant", "zh"}, {"un", ""}, {"xxx", ""}, {"no", "nb"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(code, names[i].theirs) == 0) {
            return names[i].ours;
        }
    }
    return strlen(code) <= 3 ? code : "";
}

// NULL: the script alone does not tell.
static const char *by_script(const struct look *look)
{
    const size_t *of = look->of;
    bool sure;
    if (of[KANA] > 0 && (of[KANA] + of[HAN]) * 3 >= look->letters) {
        return "ja";
    }
    if (of[HAN] * 3 >= look->letters && of[HAN] > 0) {
        return strcmp(ask(look, &sure), "ja") == 0 ? "ja" : "zh";
    }
    if (of[DECIDES] * 3 >= look->letters && of[DECIDES] > 0) {
        return look->decides;
    }
    if (of[ARABIC] * 3 >= look->letters && of[ARABIC] > 0) {
        return look->urdu ? "ur" : look->persian ? "fa" : "ar";
    }
    if (of[DEVANAGARI] * 3 >= look->letters && of[DEVANAGARI] > 0) {
        const char *code = look->letters >= LONG_ENOUGH ? ask(look, &sure) : "hi";
        return strcmp(code, "mr") == 0 || strcmp(code, "ne") == 0 ? code : "hi";
    }
    return NULL;
}

struct str language_guess(struct str text)
{
    struct look look = {.len = 0};
    bool sure = false;
    look_at(&look, text);
    if (look.letters == 0) {
        return S("");
    }
    const char *found = by_script(&look);
    if (found) {
        return str_from(found);
    }
    if (look.letters < FEW) {
        return S("");
    }
    found = ask(&look, &sure);
    return sure || look.letters > FEW ? str_from(found) : S("");
}
