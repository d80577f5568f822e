// SPDX-License-Identifier: AGPL-3.0-or-later
// See check.h. Terms are evaluated as match.c does, but fields are answered by the row's columns and only
// texts are read, when they are needed at all.
#include "query/check.h"
#include "sql_gen.h"

enum { FIRST_COLUMN = 3 };

void check_begin(struct check *check, struct conn *conn, const struct plan *plan, i64 workspace_id,
                 struct arena *arena, struct err *err)
{
    struct required required = {0};
    *check = (struct check){.conn = conn, .workspace_id = workspace_id, .scratch = arena_take(), .err = err};
    plan_required(plan->query, arena, &required);
    for (size_t i = 0; i < required.len; i++) {
        const struct node *term = required.items[i];
        if (term == plan->newest || term == plan->rare || !plan_has_text(term))
            continue;
        *list_push(&check->terms, arena) = term;
        plan_leaves(term, arena, &check->leaves);
    }
}

void check_end(struct check *check)
{
    arena_give(check->scratch);
}

static void load(struct check *check, i64 conversation_id)
{
    struct rows *rows;
    if (check->loaded == conversation_id || check->failed)
        return;
    arena_reset(check->scratch);
    memset(&check->messages, 0, sizeof(check->messages));
    check->loaded = conversation_id;
    if (!db_query(check->conn, &SQL_query_item_messages,
                  DB_ARGS(db_i64(check->workspace_id), db_i64(conversation_id)), &rows, check->err)) {
        check->failed = true;
        return;
    }
    while (rows_next(rows)) {
        struct check_message *message = list_push(&check->messages, check->scratch);
        message->id = row_i64(rows, 0);
        message->text = row_str(rows, 1, check->scratch);
    }
    check->failed = !rows_end(rows, check->err);
}

static bool message_has(struct check *check, struct check_message *message, const struct node *term)
{
    if (!message->cut)
        text_words(message->text, check->scratch, &message->words);
    message->cut = true;
    return query_text_in(term, &message->words);
}

i64 check_newest(struct check *check, i64 conversation_id, const struct node *term)
{
    i64 newest = 0;
    load(check, conversation_id);
    for (size_t i = 0; i < check->messages.len; i++) {
        struct check_message *message = &check->messages.items[i];
        if (message->id > newest && message_has(check, message, term))
            newest = message->id;
    }
    return newest;
}

static bool any_has(struct check *check, i64 conversation_id, const struct node *term)
{
    load(check, conversation_id);
    for (size_t i = check->messages.len; i > 0; i--) {
        if (message_has(check, &check->messages.items[i - 1], term))
            return true;
    }
    return false;
}

static bool field_holds(struct check *check, struct rows *rows, const struct node *node)
{
    for (size_t i = 0; i < check->leaves.len; i++) {
        if (check->leaves.items[i] == node)
            return row_i64(rows, FIRST_COLUMN + (int)i) != 0;
    }
    return false;
}

static bool holds(struct check *check, struct rows *rows, i64 id, const struct node *node);

// Fields first: they are already here.
static bool list_holds(struct check *check, struct rows *rows, i64 id, const struct node *node)
{
    bool deciding = node->kind == NODE_OR;
    for (int texts = 0; texts < 2; texts++) {
        for (const struct node *kid = node->first; kid; kid = kid->next) {
            if (plan_has_text(kid) == (texts == 1) && holds(check, rows, id, kid) == deciding)
                return deciding;
        }
    }
    return !deciding;
}

// Depth is bounded by the parser.
static bool holds(struct check *check, struct rows *rows, i64 id, const struct node *node)
{
    switch (node->kind) {
    case NODE_NOT:
        return !holds(check, rows, id, node->first);
    case NODE_TEXT:
        return node->n_words > 0 && any_has(check, id, node);
    case NODE_FIELD:
        return field_holds(check, rows, node);
    case NODE_AND:
    case NODE_OR:
        return list_holds(check, rows, id, node);
    }
    return false;
}

bool check_row(struct check *check, struct rows *rows, i64 conversation_id)
{
    for (size_t i = 0; i < check->terms.len; i++) {
        if (!holds(check, rows, conversation_id, check->terms.items[i]))
            return false;
    }
    return true;
}
