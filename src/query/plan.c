// SPDX-License-Identifier: AGPL-3.0-or-later
// From a query and an order to one statement. Built-in folders and their likes are read in order from an
// index that has the order, never sorted. SQLite is told which (it keeps no statistics here and would
// take an equality it likes better, then sort); PostgreSQL finds it by itself.
#include "query/plan.h"

void plan_required(const struct query *query, struct arena *arena, struct required *out)
{
    if (query->root->kind != NODE_AND) {
        *list_push(out, arena) = query->root;
        return;
    }
    for (const struct node *kid = query->root->first; kid; kid = kid->next)
        *list_push(out, arena) = kid;
}

bool plan_has_text(const struct node *node)
{
    bool has = node->kind == NODE_TEXT;
    for (const struct node *kid = node->first; kid; kid = kid->next)
        has |= plan_has_text(kid);
    return has;
}

void plan_leaves(const struct node *node, struct arena *arena, struct required *out)
{
    if (node->kind == NODE_FIELD)
        *list_push(out, arena) = node;
    for (const struct node *kid = node->first; kid; kid = kid->next)
        plan_leaves(kid, arena, out);
}

// What the required terms fix to one value.
struct fixed {
    bool open;          // open and not spam
    bool waits;         // waiting_since is there
    const char *status; // "open", "snoozed", "closed"
    i64 tag, assignee, team, channel, id;
    bool has_id, unassigned, no_team;
};

static void fix_state(struct fixed *fixed, const struct query_value *value)
{
    struct str name = str_from(value->word->name);
    if (str_eq(name, S("unanswered")) || str_eq(name, S("waiting")))
        fixed->waits = true;
    bool open = str_eq(name, S("open")) || str_eq(name, S("unanswered")) || str_eq(name, S("late"));
    if (fixed->status) // is:open is:closed finds nothing; one of them may still choose the index
        return;
    fixed->open = open;
    if (open)
        fixed->status = "open";
    else if (str_eq(name, S("snoozed")) || str_eq(name, S("closed")))
        fixed->status = value->word->name;
}

static void fix_id(struct fixed *fixed, const struct query_field *field, i64 id)
{
    if (field->id == QUERY_TAG)
        fixed->tag = id;
    if (field->id == QUERY_ASSIGNED)
        fixed->assignee = id;
    if (field->id == QUERY_TEAM)
        fixed->team = id;
    if (field->id == QUERY_CHANNEL)
        fixed->channel = id;
}

static void fix_field(struct fixed *fixed, const struct node *node, const struct query_context *context,
                      struct arena *arena)
{
    const struct query_field *field = node->field;
    const struct query_value *value = &node->values[0];
    if (field->id == QUERY_WAITING)
        fixed->waits = true;
    if (node->n_values != 1)
        return;
    if (field->id == QUERY_IS)
        fix_state(fixed, value);
    if (field->id == QUERY_ID && value->kind == VALUE_NUMBER && value->compare == COMPARE_EQ) {
        fixed->has_id = true;
        fixed->id = value->number;
    }
    if (value->kind == VALUE_NONE) {
        fixed->unassigned |= field->id == QUERY_ASSIGNED;
        fixed->no_team |= field->id == QUERY_TEAM;
    }
    if (value->kind == VALUE_NAME || value->kind == VALUE_ME) {
        struct id_list ids = {0};
        query_value_ids(field, value, context, arena, &ids);
        if (ids.len == 1)
            fix_id(fixed, field, ids.items[0]);
    }
}

// "-assigned:any" says the same as assigned:none.
static void fix_negated(struct fixed *fixed, const struct node *node)
{
    if (node->kind != NODE_FIELD)
        return;
    for (size_t i = 0; i < node->n_values; i++) {
        if (node->values[i].kind != VALUE_ANY)
            continue;
        fixed->unassigned |= node->field->id == QUERY_ASSIGNED;
        fixed->no_team |= node->field->id == QUERY_TEAM;
    }
}

static struct fixed find_fixed(const struct query *query, const struct query_context *context,
                               struct arena *arena)
{
    struct fixed fixed = {0};
    struct required required = {0};
    plan_required(query, arena, &required);
    for (size_t i = 0; i < required.len; i++) {
        if (required.items[i]->kind == NODE_FIELD)
            fix_field(&fixed, required.items[i], context, arena);
        if (required.items[i]->kind == NODE_NOT)
            fix_negated(&fixed, required.items[i]->first);
    }
    return fixed;
}

bool plan_has_parts(const struct query *query, enum query_sort sort)
{
    struct query_context nobody = {0};
    struct arena *arena = arena_take();
    struct fixed fixed = find_fixed(query, &nobody, arena);
    arena_give(arena);
    if (fixed.has_id)
        return false;
    return sort == SORT_WAITING ? !fixed.waits : sort == SORT_URGENT && !fixed.open;
}

bool query_is_open(const struct query *query)
{
    struct query_context nobody = {0};
    struct arena *arena = arena_take();
    struct fixed fixed = find_fixed(query, &nobody, arena);
    arena_give(arena);
    return fixed.open;
}

// The order as SQL.
struct order {
    const char *key, *id;
    bool newest_first;
};

static struct order find_order(const struct plan *plan, const struct fixed *fixed, bool by_tag)
{
    if (plan->walk)
        return (struct order){"x.rowid", "c.id", true};
    if (plan->newest)
        return (struct order){"x.key", "c.id", true};
    switch (plan->page->sort) {
    case SORT_URGENT:
        if (plan->part == PLAN_LACKING)
            return (struct order){URGENT_NEVER_SQL, "c.id", false};
        return by_tag ? (struct order){"t.urgent_at", "t.conversation_id", false}
                      : (struct order){"c.urgent_at", "c.id", false};
    case SORT_NEWEST:
        return (struct order){"c.last_message_at", "c.id", true};
    case SORT_OLDEST:
        return (struct order){"c.last_message_at", "c.id", false};
    case SORT_WAITING:
        if (plan->part == PLAN_HAVING || fixed->waits)
            return (struct order){"c.waiting_since", "c.id", false};
        if (plan->part == PLAN_LACKING)
            return (struct order){URGENT_NEVER_SQL, "c.id", false};
        return (struct order){"coalesce(c.waiting_since, " URGENT_NEVER_SQL ")", "c.id", false};
    case SORT_CREATED:
        return (struct order){"c.id", "c.id", true};
    }
    return (struct order){"c.id", "c.id", false};
}

static const char *urgent_index(const struct plan *plan, const struct fixed *fixed)
{
    if (!fixed->open)
        return plan->part == PLAN_LACKING ? "conversation_by_workspace" : "conversation_urgent_any";
    if (fixed->assignee || fixed->unassigned)
        return "conversation_mine";
    if (fixed->team || fixed->no_team)
        return "conversation_team_urgent";
    if (fixed->channel)
        return "conversation_channel_urgent";
    return "conversation_urgent";
}

static const char *find_index(const struct plan *plan, const struct fixed *fixed)
{
    if (plan->part == PLAN_ALL && plan_has_parts(plan->query, plan->page->sort))
        return NULL;
    switch (plan->page->sort) {
    case SORT_URGENT:
        return urgent_index(plan, fixed);
    case SORT_NEWEST:
    case SORT_OLDEST:
        if (fixed->channel)
            return "conversation_channel_newest";
        return fixed->status ? "conversation_status_newest" : "conversation_newest";
    case SORT_WAITING:
        return plan->part == PLAN_LACKING ? "conversation_by_workspace" : "conversation_waiting";
    case SORT_CREATED:
        return "conversation_by_workspace";
    }
    return NULL;
}

// Open work by whose it is, where it is, or that it waits: SQLite is told the index.
static const char *rare_index(const struct node *node)
{
    switch (node->field->id) {
    case QUERY_ASSIGNED:
        return "conversation_mine";
    case QUERY_TEAM:
        return "conversation_team_urgent";
    case QUERY_CHANNEL:
        return "conversation_channel_urgent";
    case QUERY_IS:
        return "conversation_urgent";
    default:
        return NULL;
    }
}

void plan_put_rare(struct compile *c, const struct node *node)
{
    const char *index = rare_index(node);
    bool mentions = node->field->id == QUERY_MENTIONS;
    if (node->field->id != QUERY_TAG && !mentions) {
        put_sql(c, "conversation c");
        if (index && c->kind == DB_SQLITE) {
            put_sql(c, " INDEXED BY ");
            put_sql(c, index);
        }
        put_sql(c, " WHERE c.workspace_id = @workspace AND ");
        if (index)
            put_sql(c, "c.status = 'open' AND c.spam = 0 AND ");
        if (node->field->id == QUERY_IS)
            put_sql(c, "c.urgent_at < " URGENT_NEVER_SQL " AND ");
        put_node(c, node);
        return;
    }
    struct id_list ids = {0};
    for (size_t i = 0; i < node->n_values; i++)
        query_value_ids(node->field, &node->values[i], c->context, c->arena, &ids);
    put_sql(c, mentions ? "mention g WHERE g.workspace_id = @workspace AND "
                        : "conversation_tag g WHERE g.workspace_id = @workspace AND ");
    put_in(c, mentions ? "g.agent_id" : "g.tag_id", &ids);
}

// The conversations of something rare, as a set x.
static void put_rare_set(struct compile *c, const struct node *node)
{
    if (node->kind == NODE_TEXT) {
        put_text_set(c, node, 0, INT64_MAX, false);
        return;
    }
    put_sql(c, node->field->id == QUERY_TAG || node->field->id == QUERY_MENTIONS
                   ? "SELECT DISTINCT g.conversation_id AS id, 0 AS key FROM "
                   : "SELECT c.id AS id, 0 AS key FROM ");
    plan_put_rare(c, node);
}

bool plan_is_in_order(const struct query *query, const struct query_context *context, enum query_sort sort)
{
    struct arena *arena = arena_take();
    struct fixed fixed = find_fixed(query, context, arena);
    arena_give(arena);
    return fixed.has_id || (fixed.open && fixed.tag && sort == SORT_URGENT);
}

static bool from_set(const struct plan *plan)
{
    return plan->rare || (plan->newest && !plan->walk);
}

static void put_from_set(struct compile *c, const struct plan *plan)
{
    put_sql(c, " FROM (");
    if (plan->rare)
        put_rare_set(c, plan->rare);
    else
        put_text_set(c, plan->newest, plan->low, plan->high, plan->by_id);
    put_sql(c, ") x CROSS JOIN conversation c WHERE c.id = x.id AND ");
}

// Messages with the text, newest first, each with its conversation: SQLite hands them out one by one.
static void put_from_walk(struct compile *c, const struct plan *plan)
{
    put_sql(c, " FROM search.search_text x CROSS JOIN search.search_doc d CROSS JOIN conversation c WHERE "
               "x.search_text MATCH ");
    put_text_value(c, plan->newest);
    put_sql(c, " AND x.rowid >= ");
    put_i64(c, plan->low);
    put_sql(c, " AND x.rowid < ");
    put_i64(c, plan->high);
    put_sql(c, " AND d.message_id = x.rowid AND c.id = d.conversation_id AND ");
}

static void put_from_table(struct compile *c, const char *index)
{
    put_sql(c, " FROM conversation c");
    if (index && c->kind == DB_SQLITE) {
        put_sql(c, " INDEXED BY ");
        put_sql(c, index);
    }
    put_sql(c, " WHERE ");
}

static void put_from_tag(struct compile *c, i64 tag)
{
    put_sql(c, " FROM conversation_tag t");
    put_sql(c, c->kind == DB_SQLITE ? " INDEXED BY conversation_tag_urgent" : "");
    put_sql(c, " CROSS JOIN conversation c WHERE t.workspace_id = @workspace AND t.tag_id = ");
    put_i64(c, tag);
    put_sql(c, " AND t.open = 1 AND c.id = t.conversation_id AND ");
}

// What the chosen index needs to see word for word.
static void put_index_terms(struct compile *c, const struct plan *plan, const struct fixed *fixed)
{
    if (fixed->status) {
        put_sql(c, " AND c.status = '");
        put_sql(c, fixed->status);
        put_sql(c, "' AND c.spam = 0");
    }
    if (plan->page->sort == SORT_URGENT && plan->part == PLAN_HAVING)
        put_sql(c, " AND c.urgent_at < " URGENT_NEVER_SQL);
    if (plan->page->sort == SORT_URGENT && plan->part == PLAN_LACKING)
        put_sql(c, " AND c.urgent_at = " URGENT_NEVER_SQL);
    if (plan->page->sort == SORT_WAITING && (plan->part == PLAN_HAVING || fixed->waits))
        put_sql(c, " AND c.waiting_since IS NOT NULL");
    if (plan->page->sort == SORT_WAITING && plan->part == PLAN_LACKING)
        put_sql(c, " AND c.waiting_since IS NULL");
    if (fixed->assignee || fixed->unassigned) {
        put_sql(c, " AND c.assignee_id = ");
        put_i64(c, fixed->assignee);
    }
    if (fixed->team || fixed->no_team) {
        put_sql(c, " AND c.team_id = ");
        put_i64(c, fixed->team);
    }
    if (fixed->channel) {
        put_sql(c, " AND c.channel_id = ");
        put_i64(c, fixed->channel);
    }
    if (fixed->has_id) {
        put_sql(c, " AND c.id = ");
        put_i64(c, fixed->id);
    }
}

static bool key_is_constant(const struct plan *plan)
{
    return plan->part == PLAN_LACKING || (plan->page->sort == SORT_CREATED && !plan->newest);
}

static void put_cursor(struct compile *c, const struct plan *plan, struct order order)
{
    const struct query_page *page = plan->page;
    if (page->after_id == 0 || plan->newest)
        return; // with slices the cursor is the range
    const char *sign = order.newest_first ? " < " : " > ";
    put_sql(c, " AND ");
    if (key_is_constant(plan)) {
        put_sql(c, order.id);
        put_sql(c, sign);
        put_i64(c, page->after_id);
        return;
    }
    put_sql(c, "(");
    put_sql(c, order.key);
    put_sql(c, ", ");
    put_sql(c, order.id);
    put_sql(c, ")");
    put_sql(c, sign);
    put_sql(c, "(");
    put_i64(c, page->after_key);
    put_sql(c, ", ");
    put_i64(c, page->after_id);
    put_sql(c, ")");
}

static void put_required(struct compile *c, const struct plan *plan, const struct required *required)
{
    for (size_t i = 0; i < required->len; i++) {
        if (required->items[i] == plan->newest || required->items[i] == plan->rare)
            continue; // the set or the walk says so already
        if (plan->checked && plan_has_text(required->items[i]))
            continue;
        put_sql(c, " AND ");
        put_node(c, required->items[i]);
    }
}

// Columns for the caller that looks at the rows itself.
static void put_checks(struct compile *c, const struct plan *plan, const struct required *required,
                       bool table)
{
    struct required leaves = {0};
    if (table) {
        put_sql(c, ", (");
        put_scope(c);
        put_required(c, plan, required);
        put_sql(c, ")");
    } else {
        put_sql(c, ", 1");
    }
    for (size_t i = 0; i < required->len; i++) {
        if (required->items[i] != plan->newest && required->items[i] != plan->rare &&
            plan_has_text(required->items[i]))
            plan_leaves(required->items[i], c->arena, &leaves);
    }
    for (size_t i = 0; i < leaves.len; i++) {
        put_sql(c, ", ");
        put_node(c, leaves.items[i]);
    }
}

// Further pages of a search: who has the text in a newer message was on an earlier page.
static void put_not_before(struct compile *c, const struct plan *plan)
{
    if (!plan->newest || plan->checked || plan->page->after_id == 0)
        return;
    put_sql(c, " AND ");
    put_text_newest(c, plan->newest, plan->page->after_key);
    put_sql(c, " IS NULL");
}

static void put_order(struct compile *c, const struct plan *plan, struct order order)
{
    const char *direction = order.newest_first ? " DESC" : "";
    put_sql(c, " ORDER BY ");
    if (!key_is_constant(plan)) {
        put_sql(c, order.key);
        put_sql(c, direction);
        put_sql(c, plan->walk ? "" : ", ");
    }
    if (!plan->walk) {
        put_sql(c, order.id);
        put_sql(c, direction);
    }
    if (plan->checked)
        return;
    put_sql(c, " LIMIT ");
    put_i64(c, plan->page->limit);
}

bool plan_to_sql(const struct plan *plan, const struct query_context *context, enum db_kind kind,
                 struct arena *arena, struct query_sql *out, struct err *err)
{
    struct compile c;
    struct required required = {0};
    struct fixed fixed = find_fixed(plan->query, context, arena);
    bool set = from_set(plan), table = !set && !plan->walk;
    bool by_tag = table && fixed.open && fixed.tag && plan->page->sort == SORT_URGENT;
    struct order order = find_order(plan, &fixed, by_tag);
    plan_required(plan->query, arena, &required);
    compile_begin(&c, kind, context, arena);
    c.common = plan->common;
    put_sql(&c, "SELECT c.id, ");
    put_sql(&c, order.key);
    if (plan->checked)
        put_checks(&c, plan, &required, table);
    if (set)
        put_from_set(&c, plan);
    else if (plan->walk)
        put_from_walk(&c, plan);
    else if (by_tag)
        put_from_tag(&c, fixed.tag);
    else
        put_from_table(&c, fixed.has_id ? NULL : find_index(plan, &fixed));
    if (table && plan->checked) {
        put_sql(&c, "c.workspace_id = @workspace");
    } else {
        put_scope(&c);
        put_required(&c, plan, &required);
    }
    put_index_terms(&c, plan, &fixed);
    put_not_before(&c, plan);
    put_cursor(&c, plan, order);
    put_order(&c, plan, order);
    return compile_end(&c, out, err);
}

bool query_to_sql(const struct query *query, const struct query_context *context,
                  const struct query_page *page, enum db_kind kind, struct arena *arena,
                  struct query_sql *out, struct err *err)
{
    return plan_to_sql(&(struct plan){.query = query, .page = page}, context, kind, arena, out, err);
}
