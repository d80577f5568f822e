// SPDX-License-Identifier: AGPL-3.0-or-later
// Text to tree. One pass, no backtracking; groups and negations nest at most QUERY_MAX_DEPTH deep, so
// recursion is bounded. Errors say where (in code points) and what would have fitted.
//   or    := and ('OR' and)*
//   and   := term+
//   term  := '-'* (group | field | text)      group := '(' or ')'
//   field := name ':' value (',' value)*      text := '"' … '"' | word | word*
#include "base/clock.h"
#include "query/values.h"
#include <stdio.h>
#include <utf8proc.h>

struct parser {
    struct str text;
    size_t pos;
    struct arena *arena;
    struct query *query;
    int depth, n_terms;
    struct err *err;
};

bool query_error(struct parse_place place, struct err *err, const char *reason, const char *expected,
                 const char *detail)
{
    *err = (struct err){.code = ERR_SYNTAX};
    err->position = (int)utf8_count(str_sub(place.text, 0, place.pos));
    snprintf(err->field, sizeof(err->field), "q");
    snprintf(err->reason, sizeof(err->reason), "%s", reason);
    snprintf(err->expected, sizeof(err->expected), "%s", expected);
    snprintf(err->text, sizeof(err->text), "%s", detail);
    return false;
}

static bool fail(struct parser *p, size_t pos, const char *reason, const char *expected, const char *detail)
{
    return query_error((struct parse_place){p->text, pos}, p->err, reason, expected, detail);
}

// Bytes of the white space at pos, 0 when there is none.
static size_t space_at(struct str text, size_t pos)
{
    if (pos >= text.len)
        return 0;
    unsigned char c = (unsigned char)text.ptr[pos];
    if (c <= ' ' || c == 0x7F)
        return 1;
    if (c < 0x80)
        return 0;
    size_t next = pos;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)utf8_next(text, &next));
    bool space = category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
                 category == UTF8PROC_CATEGORY_ZP || category == UTF8PROC_CATEGORY_CC;
    return space ? next - pos : 0;
}

static void skip_spaces(struct parser *p)
{
    for (size_t n; (n = space_at(p->text, p->pos)) > 0;)
        p->pos += n;
}

static char peek(const struct parser *p)
{
    return p->pos < p->text.len ? p->text.ptr[p->pos] : '\0';
}

// The run of bytes up to white space, a quote or a parenthesis (and a comma in a value).
static struct str bare_at(const struct parser *p, bool in_value)
{
    size_t end = p->pos;
    while (end < p->text.len && !space_at(p->text, end)) {
        char c = p->text.ptr[end];
        if (c == '"' || c == '(' || c == ')' || (in_value && c == ','))
            break;
        end++;
        while (end < p->text.len && (p->text.ptr[end] & 0xC0) == 0x80)
            end++;
    }
    return str_sub(p->text, p->pos, end);
}

// Offset of the quote that closes the one at p->pos, or the end of the text.
static size_t closing_quote(const struct parser *p)
{
    size_t end = p->pos + 1;
    while (end < p->text.len && p->text.ptr[end] != '"') {
        bool escape = p->text.ptr[end] == '\\' && end + 1 < p->text.len &&
                      (p->text.ptr[end + 1] == '"' || p->text.ptr[end + 1] == '\\');
        end += escape ? 2 : 1;
    }
    return end;
}

// Stands on a quote; moves behind its end. Inside, \" and \\ are a quote and a backslash.
static bool quoted(struct parser *p, struct str *ret_text)
{
    size_t end = closing_quote(p);
    if (end >= p->text.len)
        return fail(p, p->pos, "unclosed_quote", "\" at the end of the quoted words",
                    "The quote is not closed");
    char *out = arena_alloc(p->arena, end - p->pos);
    size_t len = 0;
    for (size_t i = p->pos + 1; i < end; i++) {
        char next = p->text.ptr[i + 1];
        if (p->text.ptr[i] == '\\' && i + 1 < end && (next == '"' || next == '\\'))
            i++;
        out[len++] = p->text.ptr[i];
    }
    p->pos = end + 1;
    *ret_text = (struct str){out, len};
    return true;
}

static bool count_term(struct parser *p, size_t pos)
{
    if (++p->n_terms > QUERY_MAX_TERMS)
        return fail(p, pos, "too_many_terms", "at most 200 words and values", "The query has too many parts");
    return true;
}

static struct node *new_node(struct parser *p, enum node_kind kind)
{
    struct node *node = arena_new(p->arena, struct node);
    node->kind = kind;
    return node;
}

static bool make_text(struct parser *p, size_t at, struct str text, bool star, struct node **ret_node)
{
    struct word_list words = {0};
    text_words(text, p->arena, &words);
    if (!count_term(p, at))
        return false;
    if (words.len > QUERY_MAX_PHRASE)
        return fail(p, at, "too_long", "at most 128 words in a phrase", "The phrase has too many words");
    struct node *node = new_node(p, NODE_TEXT);
    node->words = words.items;
    node->n_words = words.len;
    node->prefix = star && words.len > 0 && words.items[words.len - 1].script == WORD_ALPHABETIC;
    if (node->prefix && utf8_count(words.items[words.len - 1].text) < 2)
        return fail(p, at, "too_short", "two letters before *", "A beginning of one letter finds too much");
    *ret_node = node;
    return true;
}

// Length of "name:" at the start of a bare word, or 0. An address (https://…) is text.
static size_t field_prefix(struct str bare)
{
    size_t n = 0;
    while (n < bare.len &&
           (((bare.ptr[n] | 32) >= 'a' && (bare.ptr[n] | 32) <= 'z') || (n && bare.ptr[n] == '_')))
        n++;
    if (n == 0 || n >= bare.len || bare.ptr[n] != ':')
        return 0;
    return str_starts(str_sub(bare, n, bare.len), S("://")) ? 0 : n + 1;
}

static bool one_value(struct parser *p, const struct query_field *field, struct query_value *out)
{
    struct parse_place place = {p->text, p->pos};
    if (!count_term(p, p->pos))
        return false;
    bool is_quoted = peek(p) == '"';
    struct str text = {0};
    if (is_quoted) {
        if (!quoted(p, &text))
            return false;
    } else {
        text = bare_at(p, true);
        p->pos += text.len;
    }
    return query_value_parse(field, text, is_quoted, place, p->arena, out, p->err);
}

static bool make_field(struct parser *p, struct str bare, size_t prefix, struct node **ret_node)
{
    const struct query_field *field = query_field_find(str_sub(bare, 0, prefix - 1));
    if (!field)
        return fail(p, p->pos, "unknown_field",
                    "is, channel, kind, tag, assigned, team, from, has, waiting … or \"…\" around it",
                    "There is no such field");
    p->pos += prefix;
    struct node *node = new_node(p, NODE_FIELD);
    node->field = field;
    struct {
        struct query_value *items;
        size_t len, cap;
    } values = {0};
    for (;;) {
        struct query_value value = {0};
        if (!one_value(p, field, &value))
            return false;
        *list_push(&values, p->arena) = value;
        if (peek(p) != ',')
            break;
        p->pos++;
    }
    node->values = values.items;
    node->n_values = values.len;
    *ret_node = node;
    return true;
}

static bool parse_or(struct parser *p, struct node **ret_node);

static bool deeper(struct parser *p, size_t pos)
{
    if (++p->depth > QUERY_MAX_DEPTH)
        return fail(p, pos, "too_deep", "at most 32 groups inside each other", "The query nests too deeply");
    return true;
}

static bool parse_group(struct parser *p, struct node **ret_node)
{
    size_t from = p->pos++;
    if (!deeper(p, from))
        return false;
    skip_spaces(p);
    if (peek(p) == ')')
        return fail(p, p->pos, "empty_group", "a term between the parentheses", "The group is empty");
    if (!parse_or(p, ret_node))
        return false;
    if (peek(p) != ')')
        return fail(p, from, "unclosed_group", ") at the end of the group", "The group is not closed");
    p->pos++;
    p->depth--;
    return true;
}

static const char TERM_EXPECTED[] = "a word, \"a phrase\", a field or a group";

static bool parse_primary(struct parser *p, struct node **ret_node)
{
    size_t from = p->pos;
    if (peek(p) == '(')
        return parse_group(p, ret_node);
    struct str text;
    if (peek(p) == '"')
        return quoted(p, &text) && make_text(p, from, text, false, ret_node);
    text = bare_at(p, false);
    if (text.len == 0)
        return fail(p, from, "unexpected", TERM_EXPECTED,
                    peek(p) == ')' ? "There is no group to close here" : "Something is missing here");
    if (str_eq(text, S("OR")))
        return fail(p, from, "unexpected", TERM_EXPECTED, "OR stands between two terms");
    size_t prefix = field_prefix(text);
    if (prefix > 0)
        return make_field(p, text, prefix, ret_node);
    p->pos += text.len;
    return make_text(p, from, text, str_ends(text, S("*")), ret_node);
}

// "-" directly before a term negates it; alone it is punctuation and does not count.
static bool parse_term(struct parser *p, struct node **ret_node)
{
    if (peek(p) != '-')
        return parse_primary(p, ret_node);
    size_t from = p->pos;
    if (from + 1 >= p->text.len || space_at(p->text, from + 1) || p->text.ptr[from + 1] == ')') {
        p->pos++;
        return make_text(p, from, S(""), false, ret_node);
    }
    p->pos++;
    if (!deeper(p, from))
        return false;
    struct node *inner = NULL;
    if (!parse_primary(p, &inner))
        return false;
    p->depth--;
    struct node *node = new_node(p, NODE_NOT);
    node->first = inner;
    *ret_node = node;
    return true;
}

static bool has_no_word(const struct node *node)
{
    if (node->kind == NODE_NOT)
        return node->first->kind == NODE_TEXT && node->first->n_words == 0;
    return node->kind == NODE_TEXT && node->n_words == 0;
}

// Adds a child (or, when it is of the same kind, its children) and returns the new last.
static struct node *append(struct node *parent, struct node *last, struct node *kid)
{
    struct node *first = kid->kind == parent->kind ? kid->first : kid;
    if (last)
        last->next = first;
    else
        parent->first = first;
    last = first;
    while (last->next)
        last = last->next;
    return last;
}

// Punctuation beside other terms does not count; alone it is a term that finds nothing.
static struct node *without_wordless(struct node *parent)
{
    struct node *only = parent->first;
    struct node **link = &parent->first;
    while (*link) {
        if (has_no_word(*link))
            *link = (*link)->next;
        else
            link = &(*link)->next;
    }
    if (!parent->first) {
        if (only)
            only->next = NULL;
        return only;
    }
    return parent->first->next ? parent : parent->first;
}

static bool at_or(struct parser *p)
{
    return str_eq(bare_at(p, false), S("OR"));
}

static bool parse_and(struct parser *p, struct node **ret_node)
{
    struct node *parent = new_node(p, NODE_AND), *last = NULL;
    do {
        struct node *kid = NULL;
        if (!parse_term(p, &kid))
            return false;
        last = append(parent, last, kid);
        skip_spaces(p);
    } while (p->pos < p->text.len && peek(p) != ')' && !at_or(p));
    *ret_node = without_wordless(parent);
    return true;
}

static bool parse_or(struct parser *p, struct node **ret_node)
{
    struct node *parent = new_node(p, NODE_OR), *last = NULL;
    for (;;) {
        struct node *kid = NULL;
        skip_spaces(p);
        if (!parse_and(p, &kid))
            return false;
        last = append(parent, last, kid);
        if (!at_or(p))
            break;
        p->pos += 2;
    }
    *ret_node = parent->first->next ? parent : parent->first;
    return true;
}

// Numbers the texts and notes what the query depends on. Depth is bounded by the parser.
static void look_over(struct query *query, struct node *node)
{
    for (struct node *kid = node->first; kid; kid = kid->next)
        look_over(query, kid);
    if (node->kind == NODE_TEXT) {
        node->text_index = query->n_texts++;
        query->text = true;
    }
    for (size_t i = 0; i < node->n_values; i++) {
        const struct query_value *value = &node->values[i];
        query->clock |=
            value->kind == VALUE_AGO || value->kind == VALUE_AHEAD || (value->word && value->word->clock);
    }
}

static struct str without_nul(struct arena *arena, struct str text)
{
    if (text.len == 0 || !memchr(text.ptr, '\0', text.len))
        return text;
    char *copy = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.ptr[i] ? text.ptr[i] : ' ';
    return (struct str){copy, text.len};
}

bool query_parse(struct str text, struct arena *arena, const struct query **ret_query, struct err *err)
{
    struct parser p = {.text = text, .arena = arena, .query = arena_new(arena, struct query), .err = err};
    if (text.len > QUERY_MAX_BYTES) {
        p.text.len = QUERY_MAX_BYTES;
        while (p.text.len > 0 && (p.text.ptr[p.text.len] & 0xC0) == 0x80)
            p.text.len--;
        return fail(&p, p.text.len, "too_long", "at most 4096 bytes", "The query is too long");
    }
    if (!utf8_valid(text))
        return fail(&p, 0, "bad_encoding", "UTF-8", "The query is not valid UTF-8");
    p.text = str_copy(arena, without_nul(arena, text));
    skip_spaces(&p);
    if (p.pos == p.text.len)
        p.text = S("is:any"), p.pos = 0;
    if (!parse_or(&p, &p.query->root))
        return false;
    if (p.pos < p.text.len)
        return fail(&p, p.pos, "unexpected", TERM_EXPECTED, "There is no group to close here");
    look_over(p.query, p.query->root);
    *ret_query = p.query;
    return true;
}

bool query_uses_clock(const struct query *query)
{
    return query->clock;
}

bool query_uses_text(const struct query *query)
{
    return query->text;
}
