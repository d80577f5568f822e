// SPDX-License-Identifier: AGPL-3.0-or-later
// The tree evaluated on one conversation in memory. It must say the same as to_sql.c: a property test
// compares them on both databases.
#include "query/tree.h"

struct matcher {
    const struct query_context *context;
    const struct query_item *item;
    struct arena *arena;
    struct word_list *texts; // words of each text, made when first needed
    bool ready;
};

static bool word_fits(const struct node *term, size_t at, const struct word *word)
{
    const struct word *wanted = &term->words[at];
    if (wanted->script != word->script || (wanted->joined && !word->joined))
        return false;
    if (term->prefix && at + 1 == term->n_words)
        return str_starts(word->text, wanted->text);
    return str_eq(word->text, wanted->text);
}

bool query_text_in(const struct node *term, const struct word_list *words)
{
    size_t n = term->n_words;
    if (n == 0 || words->len < n)
        return false;
    for (size_t from = 0; from + n <= words->len; from++) {
        size_t i = 0;
        while (i < n && (word_fits(term, i, &words->items[from + i])))
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static bool text_matches(struct matcher *m, const struct node *term)
{
    size_t n = m->item->texts.len;
    if (!m->ready) {
        m->texts = arena_array(m->arena, struct word_list, n);
        for (size_t i = 0; i < n; i++)
            text_words(m->item->texts.items[i], m->arena, &m->texts[i]);
        m->ready = true;
    }
    for (size_t i = 0; i < n; i++) {
        if (query_text_in(term, &m->texts[i]))
            return true;
    }
    return false;
}

static i64 item_i64(const struct query_field *field, const struct query_item *item)
{
    i64 value;
    memcpy(&value, (const char *)item + field->offset, sizeof(value));
    return value;
}

static struct str item_str(const struct query_field *field, const struct query_item *item)
{
    struct str value;
    memcpy(&value, (const char *)item + field->offset, sizeof(value));
    return value;
}

static bool id_in(const struct id_list *ids, i64 id)
{
    for (size_t i = 0; i < ids->len; i++) {
        if (ids->items[i] == id)
            return true;
    }
    return false;
}

static void push_id(struct id_list *ids, struct arena *arena, i64 id)
{
    *list_push(ids, arena) = id;
}

static void channel_ids(const struct query_value *value, const struct query_names *names, struct arena *arena,
                        struct id_list *out)
{
    for (size_t i = 0; names && i < names->n_channels; i++) {
        if (str_eq(names->channels[i].name_key, value->key) || str_eq(names->channels[i].kind, value->key))
            push_id(out, arena, names->channels[i].id);
    }
}

// The channels of a brand; "any": of one or another, "none": those without.
static void brand_channel_ids(const struct query_value *value, const struct query_names *names,
                              struct arena *arena, struct id_list *out)
{
    for (size_t i = 0; names && i < names->n_channels; i++) {
        i64 brand = names->channels[i].brand_id;
        bool fits = value->kind == VALUE_ANY    ? brand != 0
                    : value->kind == VALUE_NONE ? brand == 0
                                                : brand != 0 && brand == value->number;
        for (size_t b = 0; !fits && value->kind == VALUE_NAME && b < names->n_brands; b++)
            fits =
                brand != 0 && names->brands[b].id == brand && str_eq(names->brands[b].name_key, value->key);
        if (fits)
            push_id(out, arena, names->channels[i].id);
    }
}

void query_value_ids(const struct query_field *field, const struct query_value *value,
                     const struct query_context *context, struct arena *arena, struct id_list *out)
{
    const struct query_names *names = context->names;
    if (value->kind == VALUE_ME && context->me > 0)
        push_id(out, arena, context->me);
    if (field->id == QUERY_BRAND) {
        brand_channel_ids(value, names, arena, out);
        return;
    }
    if (value->kind != VALUE_NAME)
        return;
    if (value->number > 0)
        push_id(out, arena, value->number);
    if (field->id == QUERY_CHANNEL)
        channel_ids(value, names, arena, out);
    for (size_t i = 0; names && field->id == QUERY_TAG && i < names->n_tags; i++) {
        if (str_eq(names->tags[i].name_key, value->key))
            push_id(out, arena, names->tags[i].id);
    }
    for (size_t i = 0; names && field->id == QUERY_TEAM && i < names->n_teams; i++) {
        if (str_eq(names->teams[i].name_key, value->key))
            push_id(out, arena, names->teams[i].id);
    }
    bool person = field->id == QUERY_ASSIGNED || field->id == QUERY_MENTIONS;
    for (size_t i = 0; names && person && i < names->n_agents; i++) {
        if (str_eq(names->agents[i].email_key, value->key))
            push_id(out, arena, names->agents[i].id);
    }
}

static bool ids_match(struct matcher *m, const struct query_field *field, const struct query_value *value)
{
    const struct id_list *many = field->id == QUERY_TAG        ? &m->item->tag_ids
                                 : field->id == QUERY_MENTIONS ? &m->item->mention_ids
                                                               : NULL;
    if (many && value->kind == VALUE_ANY)
        return many->len > 0;
    i64 own = many ? 0 : item_i64(field, m->item);
    bool brand = field->id == QUERY_BRAND; // always a question of channels
    if (value->kind == VALUE_ANY && !brand)
        return own != 0;
    if (value->kind == VALUE_NONE && !brand)
        return own == 0;
    struct id_list ids = {0};
    query_value_ids(field, value, m->context, m->arena, &ids);
    if (!many)
        return id_in(&ids, own);
    for (size_t i = 0; i < many->len; i++) {
        if (id_in(&ids, many->items[i]))
            return true;
    }
    return false;
}

static bool word_matches(struct matcher *m, const struct query_field *field, const struct query_value *value)
{
    if (value->kind == VALUE_WORD && value->word->match)
        return value->word->match(m->item, m->context);
    if (value->kind == VALUE_WORD)
        return str_eq(item_str(field, m->item), str_from(value->word->name));
    for (const struct query_word *word = field->words; word->name; word++) {
        if (!word->match || word->match(m->item, m->context)) // any: a column always has a value
            return true;
    }
    return false;
}

static bool range_matches(struct matcher *m, const struct query_field *field, const struct query_value *value)
{
    i64 own = item_i64(field, m->item);
    if (field->nullable && own == 0)
        return false;
    if (value->kind == VALUE_ANY)
        return true;
    struct range_i64 range = query_value_range(value, m->context->now);
    return own >= range.low && own < range.high;
}

static bool name_matches(struct matcher *m, const struct query_field *field, const struct query_value *value)
{
    struct str own = str_lower_ascii(m->arena, item_str(field, m->item));
    while (field->id == QUERY_FROM && str_starts(own, S("@")))
        own = str_sub(own, 1, own.len);
    return value->kind == VALUE_ANY ? own.len > 0 : str_eq(own, value->key);
}

static bool value_matches(struct matcher *m, const struct query_field *field, const struct query_value *value)
{
    if (field->words)
        return word_matches(m, field, value);
    switch (field->id) {
    case QUERY_CHANNEL:
    case QUERY_BRAND:
    case QUERY_TAG:
    case QUERY_ASSIGNED:
    case QUERY_MENTIONS:
    case QUERY_TEAM:
        return ids_match(m, field, value);
    case QUERY_LANG:
    case QUERY_FROM:
        return name_matches(m, field, value);
    default:
        return range_matches(m, field, value);
    }
}

// Depth is bounded by the parser.
static bool matches(struct matcher *m, const struct node *node)
{
    switch (node->kind) {
    case NODE_NOT:
        return !matches(m, node->first);
    case NODE_TEXT:
        return text_matches(m, node);
    case NODE_AND:
    case NODE_OR:
        for (const struct node *kid = node->first; kid; kid = kid->next) {
            if (matches(m, kid) == (node->kind == NODE_OR))
                return node->kind == NODE_OR;
        }
        return node->kind == NODE_AND;
    case NODE_FIELD:
        for (size_t i = 0; i < node->n_values; i++) {
            if (value_matches(m, node->field, &node->values[i]))
                return true;
        }
        return false;
    }
    return false;
}

static bool may_see(const struct query_context *context, const struct query_item *item)
{
    bool channel = context->all_channels || id_in(&context->channels, item->channel_id);
    bool team = context->all_teams || item->team_id == 0 || id_in(&context->teams, item->team_id);
    return channel && team && !item->merged;
}

bool query_match(const struct query *query, const struct query_context *context,
                 const struct query_item *item, struct arena *arena)
{
    struct matcher m = {.context = context, .item = item, .arena = arena};
    return may_see(context, item) && matches(&m, query->root);
}
