// SPDX-License-Identifier: AGPL-3.0-or-later
// Tree to text that parses to the same tree.
#include "base/buf.h"
#include "query/tree.h"

enum { FORMAT_MAX = 64 * 1024 };

static void format_words(struct buf *out, const struct node *node, char between)
{
    for (size_t i = 0; i < node->n_words; i++) {
        if (i > 0 && !node->words[i].joined)
            buf_add_char(out, between);
        buf_add(out, node->words[i].text);
    }
}

static void format_text(struct buf *out, const struct node *node)
{
    if (node->n_words == 1 || node->prefix) {
        format_words(out, node, '-'); // hyphens split, so this is a phrase too
        if (node->prefix)
            buf_add_char(out, '*');
        return;
    }
    buf_add_char(out, '"');
    format_words(out, node, ' ');
    buf_add_char(out, '"');
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && c < 0x80 && strchr("-_.@:+<>=#/", c));
        if (!plain)
            return false;
    }
    return text.len > 0;
}

static void format_value(struct buf *out, const struct query_value *value)
{
    bool keyword = str_eq_nocase(value->text, S("any")) || str_eq_nocase(value->text, S("none")) ||
                   str_eq_nocase(value->text, S("me"));
    bool bare = value->kind == VALUE_NAME ? is_plain(value->text) && !keyword : is_plain(value->text);
    if (bare) {
        buf_add(out, value->text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < value->text.len; i++) {
        if (value->text.ptr[i] == '"' || value->text.ptr[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, value->text.ptr[i]);
    }
    buf_add_char(out, '"');
}

static void format_node(struct buf *out, const struct node *node);

static void format_kids(struct buf *out, const struct node *node, const char *between)
{
    for (const struct node *kid = node->first; kid; kid = kid->next) {
        if (kid != node->first)
            buf_add(out, str_from(between));
        bool group = kid->kind == NODE_OR || kid->kind == NODE_AND;
        if (group)
            buf_add_char(out, '(');
        format_node(out, kid);
        if (group)
            buf_add_char(out, ')');
    }
}

static void format_not(struct buf *out, const struct node *inner)
{
    bool group = inner->kind != NODE_TEXT && inner->kind != NODE_FIELD;
    buf_add(out, group ? S("-(") : S("-"));
    format_node(out, inner);
    if (group)
        buf_add_char(out, ')');
}

// Depth is bounded by the parser.
static void format_node(struct buf *out, const struct node *node)
{
    switch (node->kind) {
    case NODE_AND:
        format_kids(out, node, " ");
        break;
    case NODE_OR:
        format_kids(out, node, " OR ");
        break;
    case NODE_NOT:
        format_not(out, node->first);
        break;
    case NODE_TEXT:
        format_text(out, node);
        break;
    case NODE_FIELD:
        buf_add(out, str_from(node->field->name));
        for (size_t i = 0; i < node->n_values; i++) {
            buf_add_char(out, i == 0 ? ':' : ',');
            format_value(out, &node->values[i]);
        }
        break;
    }
}

struct str query_format(const struct query *query, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, FORMAT_MAX);
    format_node(&out, query->root);
    return buf_str(&out);
}
