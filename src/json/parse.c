// SPDX-License-Identifier: AGPL-3.0-or-later
// From bytes to values, in one pass over a copy of the text that ends in NUL. Members and items are gathered
// on one stack and copied out when their bracket closes. Recursion ends at DEPTH_MAX levels.
#include "json/parse.h"
#include "base/arena.h"
#include "base/utf8.h"
#include "json/value.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum {
    DEPTH_MAX = 64,
    STACK_FIRST = 32,
    ESCAPE = 6, // length of \uXXXX
};

struct parser {
    enum parse_mode mode;
    struct arena *arena;
    char *text, *at;
    size_t len;
    int depth;
    struct {
        struct json_entry *items;
        size_t len, cap;
    } stack;
    struct err *err;
};

static bool parse_value(struct parser *p, struct json *out);

static bool wrong(struct parser *p, const char *what)
{
    return err_set(p->err, ERR_SYNTAX, "This is not JSON: %s (byte %zu).", what, (size_t)(p->at - p->text));
}

// Something else should stand here.
static bool unexpected(struct parser *p, const char *what)
{
    bool ended = p->at == p->text + p->len;
    return wrong(p, ended ? "it ends too early" : *p->at == 0 ? "it holds a NUL" : what);
}

static void skip_space(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t') {
        p->at++;
    }
}

// ---- Strings ----------------------------------------------------------------------------------------

// What stands for itself in a string, but for UTF-8 of more than one byte.
static const bool plain[256] = {
    [0x20 ... 0x21] = true,
    [0x23 ... 0x5B] = true,
    [0x5D ... 0x7F] = true, // without " and the backslash
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// The number of the escape \uXXXX; -1 when there is none.
static int escape_at(const char *at)
{
    int code = 0;
    if (at[0] != '\\' || at[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < ESCAPE; i++) { // a digit of -1 ends it before it would read behind the NUL
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        code = code << 4 | digit;
    }
    return code;
}

static bool is_half(int code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

// \uXXXX, or two of them that are one character. What stands for none is refused, or becomes what the mode
// says.
static bool unescape_code(struct parser *p, char **out)
{
    int code = escape_at(p->at);
    if (code < 0) {
        return unexpected(p, "\\u needs four hexadecimal digits");
    }
    int next = is_half(code) && code < 0xDC00 ? escape_at(p->at + ESCAPE) : -1;
    if (next >= 0xDC00 && next <= 0xDFFF) {
        code = 0x10000 + ((code & 0x3FF) << 10 | (next & 0x3FF));
        p->at += ESCAPE;
    } else if (code == 0 || is_half(code)) {
        if (p->mode == PARSE_STRICT) {
            return wrong(p, "an escape that stands for no character");
        }
        code = p->mode == PARSE_LENIENT ? 0xFFFD : 0;
    }
    p->at += ESCAPE;
    *out += utf8_encode((u32)code, *out);
    return true;
}

static bool unescape(struct parser *p, char **out)
{
    static const char meant[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    u8 c = (u8)p->at[1];
    if (c == 'u') {
        return unescape_code(p, out);
    }
    if (!meant[c]) {
        p->at++;
        return unexpected(p, "an unknown escape");
    }
    *(*out)++ = meant[c];
    p->at += 2;
    return true;
}

// One byte that is not plain, with what belongs to it. Nothing becomes longer than it was.
static bool parse_special(struct parser *p, char **out)
{
    size_t bad;
    if (*p->at == '\\') {
        return unescape(p, out);
    }
    if ((u8)*p->at < 0x20) {
        return unexpected(p, "a control character in a text");
    }
    size_t len = utf8_sequence((struct str){p->text, p->len}, (size_t)(p->at - p->text), &bad);
    if (len == 0) {
        return wrong(p, "bytes that are not UTF-8");
    }
    memmove(*out, p->at, len);
    *out += len;
    p->at += len;
    return true;
}

// At the opening quote.
static bool parse_string(struct parser *p, struct str *out)
{
    char *begin = ++p->at, *end = begin;
    for (;;) {
        char *run = p->at;
        while (plain[(u8)*p->at]) {
            p->at++;
        }
        size_t n = (size_t)(p->at - run);
        if (end != run) {
            memmove(end, run, n);
        }
        end += n;
        if (*p->at == '"') {
            break;
        }
        if (!parse_special(p, &end)) {
            return false;
        }
    }
    p->at++;
    *end = 0;
    *out = (struct str){begin, (size_t)(end - begin)};
    return true;
}

// ---- Numbers ----------------------------------------------------------------------------------------

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(struct parser *p)
{
    if (!is_digit(*p->at)) {
        return unexpected(p, "a digit is missing");
    }
    while (is_digit(*p->at)) {
        p->at++;
    }
    return true;
}

static bool parse_real(struct parser *p, const char *from, struct json *out)
{
    if (*p->at == '.') {
        p->at++;
        if (!skip_digits(p)) {
            return false;
        }
    }
    if (*p->at == 'e' || *p->at == 'E') {
        p->at += p->at[1] == '+' || p->at[1] == '-' ? 2 : 1;
        if (!skip_digits(p)) {
            return false;
        }
    }
    *out = (struct json){.kind = JSON_REAL, .real = strtod(from, NULL)};
    return isfinite(out->real) || wrong(p, "a number that is too large");
}

static bool parse_whole(struct parser *p, const char *digits, bool negative, struct json *out)
{
    i64 number = 0;
    for (const char *c = digits; c < p->at; c++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, *c - '0', &number)) { // downwards, where there is one more
            return wrong(p, "a number of more than 64 bits");
        }
    }
    if (!negative && __builtin_sub_overflow(0, number, &number)) {
        return wrong(p, "a number of more than 64 bits");
    }
    *out = (struct json){.kind = JSON_INT, .number = number};
    return true;
}

static bool parse_number(struct parser *p, struct json *out)
{
    const char *from = p->at;
    bool negative = *p->at == '-';
    const char *digits = p->at += negative;
    if (!skip_digits(p)) {
        return false;
    }
    if (*digits == '0' && p->at > digits + 1) {
        return wrong(p, "a number that begins with 0");
    }
    if (*p->at == '.' || *p->at == 'e' || *p->at == 'E') {
        return parse_real(p, from, out);
    }
    return parse_whole(p, digits, negative, out);
}

// ---- What holds others ------------------------------------------------------------------------------

static struct json_entry *push(struct parser *p)
{
    return list_push(&p->stack, p->arena);
}

static bool enter(struct parser *p)
{
    if (++p->depth > DEPTH_MAX) {
        return err_set(p->err, ERR_SYNTAX, "The JSON is nested deeper than %d levels (byte %zu).", DEPTH_MAX,
                       (size_t)(p->at - p->text));
    }
    p->at++;
    skip_space(p);
    return true;
}

// Behind a member or item: true when another follows; *ret_ok false: neither comma nor end.
static bool another(struct parser *p, char close, bool *ret_ok)
{
    skip_space(p);
    *ret_ok = true;
    if (*p->at == ',') {
        p->at++;
        skip_space(p);
        return true;
    }
    if (*p->at != close) {
        *ret_ok = unexpected(p, close == ']' ? "',' or ']' is expected" : "',' or '}' is expected");
    }
    return false;
}

static bool parse_items(struct parser *p)
{
    bool ok;
    do {
        struct json value;
        if (!parse_value(p, &value)) {
            return false;
        }
        push(p)->value = value;
    } while (another(p, ']', &ok));
    return ok;
}

static bool parse_array(struct parser *p, struct json *out)
{
    size_t from = p->stack.len;
    if (!enter(p) || (*p->at != ']' && !parse_items(p))) {
        return false;
    }
    size_t n = p->stack.len - from;
    struct json *items = n ? arena_array(p->arena, struct json, n) : NULL;
    for (size_t i = 0; i < n; i++) {
        items[i] = p->stack.items[from + i].value;
    }
    *out = (struct json){.kind = JSON_ARRAY, .items = items, .n_items = n};
    p->stack.len = from;
    p->depth--;
    p->at++;
    return true;
}

// Among few; many are sorted at the end, which finds equal ones too.
static bool is_repeated(const struct parser *p, size_t from, struct str key)
{
    for (size_t i = from; i < p->stack.len && p->stack.len - from < ENTRIES_UNSORTED; i++) {
        if (str_eq(p->stack.items[i].key, key)) {
            return true;
        }
    }
    return false;
}

static bool parse_member(struct parser *p, size_t from)
{
    struct json_entry entry;
    if (*p->at != '"') {
        return unexpected(p, "a name in quotes is expected");
    }
    if (!parse_string(p, &entry.key)) {
        return false;
    }
    if (memchr(entry.key.ptr, 0, entry.key.len)) {
        return wrong(p, "a name that holds something that is not a character");
    }
    if (is_repeated(p, from, entry.key)) {
        return wrong(p, "a name that comes twice");
    }
    skip_space(p);
    if (*p->at != ':') {
        return unexpected(p, "':' is expected");
    }
    p->at++;
    skip_space(p);
    if (!parse_value(p, &entry.value)) {
        return false;
    }
    *push(p) = entry;
    return true;
}

static bool parse_members(struct parser *p, size_t from)
{
    bool ok;
    do {
        if (!parse_member(p, from)) {
            return false;
        }
    } while (another(p, '}', &ok));
    return ok;
}

static int by_hash(const void *a, const void *b)
{
    const struct json_place *left = a, *right = b;
    return json_place_cmp(left, right->hash, right->entry->key);
}

static bool sort_entries(struct parser *p, const struct json_entry *entries, size_t n)
{
    struct json_place *places = (struct json_place *)(uintptr_t)(entries + n);
    for (size_t i = 0; i < n; i++) {
        places[i] = (struct json_place){json_hash(entries[i].key), &entries[i]};
    }
    qsort(places, n, sizeof *places, by_hash);
    for (size_t i = 1; i < n; i++) {
        if (by_hash(&places[i - 1], &places[i]) == 0) {
            return wrong(p, "a name that comes twice");
        }
    }
    return true;
}

static bool parse_object(struct parser *p, struct json *out)
{
    size_t from = p->stack.len;
    if (!enter(p) || (*p->at != '}' && !parse_members(p, from))) {
        return false;
    }
    size_t n = p->stack.len - from;
    bool many = n > ENTRIES_UNSORTED;
    struct json_entry *entries =
        n ? arena_alloc_array(p->arena, n, sizeof *entries + (many ? sizeof(struct json_place) : 0)) : NULL;
    if (n) {
        memcpy(entries, p->stack.items + from, n * sizeof *entries);
    }
    if (many && !sort_entries(p, entries, n)) {
        return false;
    }
    *out = (struct json){.kind = JSON_OBJECT, .entries = entries, .n_entries = n};
    p->stack.len = from;
    p->depth--;
    p->at++;
    return true;
}

// ---- All --------------------------------------------------------------------------------------------

static bool parse_word(struct parser *p, const char *word, struct json value, struct json *out)
{
    size_t len = strlen(word);
    if (strncmp(p->at, word, len) != 0) {
        return unexpected(p, "a value is expected");
    }
    p->at += len;
    *out = value;
    return true;
}

static bool parse_value(struct parser *p, struct json *out)
{
    switch (*p->at) {
    case '{':
        return parse_object(p, out);
    case '[':
        return parse_array(p, out);
    case '"':
        *out = (struct json){.kind = JSON_STRING};
        return parse_string(p, &out->text);
    case 't':
        return parse_word(p, "true", (struct json){.kind = JSON_BOOL, .truth = true}, out);
    case 'f':
        return parse_word(p, "false", (struct json){.kind = JSON_BOOL}, out);
    case 'n':
        return parse_word(p, "null", (struct json){.kind = JSON_NULL}, out);
    default:
        if (*p->at != '-' && !is_digit(*p->at)) {
            return unexpected(p, "a value is expected");
        }
        return parse_number(p, out);
    }
}

const struct json *json_parse_as(enum parse_mode mode, struct str text, struct arena *arena, struct err *err)
{
    struct parser p = {.mode = mode, .arena = arena, .err = err};
    struct str clean = mode == PARSE_LENIENT ? utf8_clean(arena, text) : text;
    p.text = p.at = str_cstr(arena, clean);
    p.len = clean.len;
    p.stack.items = arena_array(arena, struct json_entry, STACK_FIRST);
    p.stack.cap = STACK_FIRST;
    struct json *value = arena_new(arena, struct json);
    skip_space(&p);
    if (!parse_value(&p, value)) {
        return NULL;
    }
    skip_space(&p);
    if (p.at < p.text + p.len) {
        (void)unexpected(&p, "something stands behind its end");
        return NULL;
    }
    return value;
}

const struct json *json_parse(struct str text, struct arena *arena, struct err *err)
{
    return json_parse_as(PARSE_STRICT, text, arena, err);
}

const struct json *json_parse_lenient(struct str text, struct arena *arena, struct err *err)
{
    return json_parse_as(PARSE_LENIENT, text, arena, err);
}
