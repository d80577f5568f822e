// SPDX-License-Identifier: AGPL-3.0-or-later
// The conditions of a query as SQL for both databases. Each is two-valued: no condition is ever NULL,
// so NOT means what the language says. What a value means is decided in match.c and fields.c alike.
#include "query/compile.h"
#include "query/tokens.h"

void compile_begin(struct compile *c, enum db_kind kind, const struct query_context *context,
                   struct arena *arena)
{
    *c = (struct compile){.kind = kind, .context = context, .arena = arena};
    buf_init(&c->text, arena, SQL_MAX_BYTES);
}

bool compile_end(struct compile *c, struct query_sql *out, struct err *err)
{
    if (c->text.overflow)
        return err_set(err, ERR_TOO_LARGE, "The query is too large to be looked up");
    *out = (struct query_sql){str_from(str_cstr(c->arena, buf_str(&c->text))), c->args.items, c->args.len};
    return true;
}

static void put_place(struct compile *c, struct db_arg arg)
{
    *list_push(&c->args, c->arena) = arg;
    if (c->kind == DB_SQLITE)
        buf_add_char(&c->text, '?');
    else
        buf_printf(&c->text, "$%zu", c->args.len);
}

void put_i64(struct compile *c, i64 value)
{
    put_place(c, db_i64(value));
}

void put_str(struct compile *c, struct str value)
{
    put_place(c, db_str(value));
}

void put_sql(struct compile *c, const char *text)
{
    struct str rest = str_from(text);
    while (str_given(rest)) {
        buf_add(&c->text, str_cut(rest, '@', &rest));
        if (!str_given(rest))
            break;
        if (str_starts(rest, S("workspace"))) {
            put_i64(c, c->context->workspace_id);
            rest = str_sub(rest, 9, rest.len);
        } else if (str_starts(rest, S("now"))) {
            put_i64(c, c->context->now);
            rest = str_sub(rest, 3, rest.len);
        } else {
            buf_add_char(&c->text, '@');
        }
    }
}

void put_in(struct compile *c, const char *column, const struct id_list *ids)
{
    if (ids->len == 0) {
        put_sql(c, "(1 = 0)");
        return;
    }
    put_sql(c, column);
    put_sql(c, " IN (");
    for (size_t i = 0; i < ids->len; i++) {
        if (i > 0)
            put_sql(c, ", ");
        put_i64(c, ids->items[i]);
    }
    put_sql(c, ")");
}

void put_scope(struct compile *c)
{
    const struct query_context *context = c->context;
    put_sql(c, "c.workspace_id = @workspace AND c.merged_into = 0");
    if (!context->all_channels) {
        put_sql(c, " AND ");
        put_in(c, "c.channel_id", &context->channels);
    }
    if (!context->all_teams) {
        put_sql(c, " AND (c.team_id = 0 OR ");
        put_in(c, "c.team_id", &context->teams);
        put_sql(c, ")");
    }
}

// Names of fields whose value is one of the workspace's own things.
static void put_ids(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    struct id_list ids = {0};
    query_value_ids(field, value, c->context, c->arena, &ids);
    put_in(c, field->column, &ids);
}

static void put_tag(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    put_sql(c, "EXISTS (SELECT 1 FROM conversation_tag g WHERE g.workspace_id = @workspace AND "
               "g.conversation_id = c.id");
    if (value->kind != VALUE_ANY) {
        struct id_list ids = {0};
        query_value_ids(field, value, c->context, c->arena, &ids);
        put_sql(c, " AND ");
        put_in(c, "g.tag_id", &ids);
    }
    put_sql(c, ")");
}

static void put_mention(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    put_sql(c, "EXISTS (SELECT 1 FROM mention n WHERE n.workspace_id = @workspace AND "
               "n.conversation_id = c.id");
    if (value->kind != VALUE_ANY) {
        struct id_list ids = {0};
        query_value_ids(field, value, c->context, c->arena, &ids);
        put_sql(c, " AND ");
        put_in(c, "n.agent_id", &ids);
    }
    put_sql(c, ")");
}

static void put_range(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    struct range_i64 range = query_value_range(value, c->context->now);
    put_sql(c, "(");
    put_sql(c, field->column);
    put_sql(c, " IS NOT NULL");
    if (range.low != INT64_MIN) {
        put_sql(c, " AND ");
        put_sql(c, field->column);
        put_sql(c, " >= ");
        put_i64(c, range.low);
    }
    if (range.high != INT64_MAX) {
        put_sql(c, " AND ");
        put_sql(c, field->column);
        put_sql(c, " < ");
        put_i64(c, range.high);
    }
    put_sql(c, ")");
}

// An own word with its condition, or one that is a value of the column.
static void put_word(struct compile *c, const struct query_field *field, const struct query_word *word)
{
    if (word->sql) {
        put_sql(c, word->sql);
        return;
    }
    put_sql(c, field->column);
    put_sql(c, " = '");
    put_sql(c, word->name);
    put_sql(c, "'");
}

static void put_any_word(struct compile *c, const struct query_field *field)
{
    if (!field->words->sql) { // a column that always has a value
        put_sql(c, "(1 = 1)");
        return;
    }
    put_sql(c, "(");
    for (const struct query_word *word = field->words; word->name; word++) {
        if (word != field->words)
            put_sql(c, " OR ");
        put_word(c, field, word);
    }
    put_sql(c, ")");
}

static void put_name(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    put_sql(c, field->column);
    if (value->kind == VALUE_ANY) {
        put_sql(c, " <> ''");
        return;
    }
    put_sql(c, " = ");
    put_str(c, value->key);
}

static void put_person(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    if (value->kind != VALUE_ANY && value->kind != VALUE_NONE) {
        put_ids(c, field, value);
        return;
    }
    put_sql(c, field->column);
    put_sql(c, value->kind == VALUE_ANY ? " <> 0" : " = 0");
}

static void put_value(struct compile *c, const struct query_field *field, const struct query_value *value)
{
    if (field->words) {
        if (value->kind == VALUE_WORD)
            put_word(c, field, value->word);
        else
            put_any_word(c, field);
        return;
    }
    switch (field->id) {
    case QUERY_TAG:
        put_tag(c, field, value);
        break;
    case QUERY_MENTIONS:
        put_mention(c, field, value);
        break;
    case QUERY_BRAND:
        put_ids(c, field, value);
        break;
    case QUERY_CHANNEL:
    case QUERY_ASSIGNED:
    case QUERY_TEAM:
        put_person(c, field, value);
        break;
    case QUERY_LANG:
    case QUERY_FROM:
        put_name(c, field, value);
        break;
    default:
        put_range(c, field, value);
        break;
    }
}

void put_text_value(struct compile *c, const struct node *term)
{
    struct str value = c->kind == DB_SQLITE ? tokens_fts5(c->context->workspace_id, term, c->arena)
                                            : tokens_tsquery(c->context->workspace_id, term, c->arena);
    put_str(c, value);
}

void put_text_test(struct compile *c, const struct node *term, bool by_id)
{
    put_sql(c, "(d.words @@ CAST(");
    put_text_value(c, term);
    put_sql(c, by_id ? " AS tsquery)) IS TRUE" : " AS tsquery))");
}

void put_text_set(struct compile *c, const struct node *term, i64 low, i64 high, bool by_id)
{
    if (c->kind == DB_SQLITE) {
        put_sql(c, "SELECT d.conversation_id AS id, max(f.rowid) AS key FROM search.search_text f CROSS JOIN "
                   "search.search_doc d WHERE d.message_id = f.rowid AND f.search_text MATCH ");
        put_text_value(c, term);
        put_sql(c, " AND f.rowid >= ");
        put_i64(c, low);
        put_sql(c, " AND f.rowid < ");
    } else {
        put_sql(c, "SELECT d.conversation_id AS id, max(d.message_id) AS key FROM search_doc d WHERE "
                   "d.workspace_id = @workspace AND ");
        put_text_test(c, term, by_id);
        put_sql(c, " AND d.message_id >= ");
        put_i64(c, low);
        put_sql(c, " AND d.message_id < ");
    }
    put_i64(c, high);
    put_sql(c, " GROUP BY d.conversation_id");
}

// Message ids of conversation c that have the text: the part behind SELECT.
static void put_text_of(struct compile *c, const struct node *term, const char *what, i64 low)
{
    put_sql(c, "(SELECT ");
    put_sql(c, what);
    if (c->kind == DB_SQLITE) {
        put_sql(c, " FROM message n CROSS JOIN search.search_text f WHERE n.workspace_id = @workspace AND "
                   "n.conversation_id = c.id AND f.rowid = n.id AND f.search_text MATCH ");
        put_text_value(c, term);
        put_sql(c, " AND n.id >= ");
    } else {
        put_sql(c, " FROM search_doc n WHERE n.workspace_id = @workspace AND n.conversation_id = c.id AND "
                   "n.words @@ CAST(");
        put_text_value(c, term);
        put_sql(c, " AS tsquery) AND n.message_id >= ");
    }
    put_i64(c, low);
    if (c->common && c->common[term->text_index])
        put_sql(c, " OFFSET 0"); // keeps the planner from listing all of them
    put_sql(c, ")");
}

void put_text_newest(struct compile *c, const struct node *term, i64 low)
{
    put_text_of(c, term, c->kind == DB_SQLITE ? "max(n.id)" : "max(n.message_id)", low);
}

static void put_text(struct compile *c, const struct node *term)
{
    if (term->n_words == 0) {
        put_sql(c, "(1 = 0)");
        return;
    }
    if (c->kind == DB_POSTGRES) {
        put_sql(c, "EXISTS ");
        put_text_of(c, term, "1", 0);
        return;
    }
    put_sql(c, "c.id IN (SELECT d.conversation_id FROM search.search_text f CROSS JOIN search.search_doc d "
               "WHERE d.message_id = f.rowid AND f.search_text MATCH ");
    put_text_value(c, term);
    put_sql(c, ")");
}

static void put_list(struct compile *c, const struct node *node, const char *between)
{
    put_sql(c, "(");
    for (const struct node *kid = node->first; kid; kid = kid->next) {
        if (kid != node->first)
            put_sql(c, between);
        put_node(c, kid);
    }
    put_sql(c, ")");
}

static void put_field(struct compile *c, const struct node *node)
{
    put_sql(c, "(");
    for (size_t i = 0; i < node->n_values; i++) {
        if (i > 0)
            put_sql(c, " OR ");
        put_value(c, node->field, &node->values[i]);
    }
    put_sql(c, ")");
}

// Depth is bounded by the parser.
void put_node(struct compile *c, const struct node *node)
{
    switch (node->kind) {
    case NODE_AND:
        put_list(c, node, " AND ");
        break;
    case NODE_OR:
        put_list(c, node, " OR ");
        break;
    case NODE_NOT:
        put_sql(c, "NOT (");
        put_node(c, node->first);
        put_sql(c, ")");
        break;
    case NODE_TEXT:
        put_text(c, node);
        break;
    case NODE_FIELD:
        put_field(c, node);
        break;
    }
}
