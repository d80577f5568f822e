// SPDX-License-Identifier: AGPL-3.0-or-later
// From the database: the names a query may use, and one conversation as query_match sees it.
#include "query/tree.h"
#include "sql_gen.h"

// Reads (id, name[, kind]) rows into a list of the names' own row type.
#define LOAD_NAMES(statement, list, count, key, more)                                                        \
    do {                                                                                                     \
        struct {                                                                                             \
            typeof((list)) items;                                                                            \
            size_t len, cap;                                                                                 \
        } found_ = {0};                                                                                      \
        struct rows *rows;                                                                                   \
        if (!db_query(conn, &(statement), DB_ARGS(db_i64(workspace_id)), &rows, err))                        \
            return false;                                                                                    \
        while (rows_next(rows)) {                                                                            \
            typeof((list)) item = list_push(&found_, arena);                                                 \
            item->id = row_i64(rows, 0);                                                                     \
            item->key = row_str(rows, 1, arena);                                                             \
            more;                                                                                            \
        }                                                                                                    \
        if (!rows_end(rows, err))                                                                            \
            return false;                                                                                    \
        (list) = found_.items;                                                                               \
        (count) = found_.len;                                                                                \
    } while (0)

static bool is_of_names(const struct query_field *field)
{
    return field->id == QUERY_CHANNEL || field->id == QUERY_BRAND || field->id == QUERY_TAG ||
           field->id == QUERY_TEAM || field->id == QUERY_ASSIGNED || field->id == QUERY_MENTIONS;
}

// No deeper than QUERY_MAX_DEPTH.
static bool names_in(const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next) {
        if (names_in(child))
            return true;
    }
    for (size_t i = 0; node->kind == NODE_FIELD && is_of_names(node->field) && i < node->n_values; i++) {
        // A brand is the channels it has, whatever is said of it.
        if (node->values[i].kind == VALUE_NAME || node->field->id == QUERY_BRAND)
            return true;
    }
    return false;
}

bool query_uses_names(const struct query *query)
{
    return names_in(query->root);
}

// No deeper than QUERY_MAX_DEPTH.
static bool me_in(const struct node *node)
{
    for (const struct node *child = node->first; child; child = child->next) {
        if (me_in(child))
            return true;
    }
    for (size_t i = 0; node->kind == NODE_FIELD && i < node->n_values; i++) {
        if (node->values[i].kind == VALUE_ME)
            return true;
    }
    return false;
}

bool query_uses_me(const struct query *query)
{
    return me_in(query->root);
}

bool query_names_load(struct conn *conn, i64 workspace_id, struct arena *arena, struct query_names *out,
                      struct err *err)
{
    struct query_names names = {0};
    LOAD_NAMES(SQL_query_agents, names.agents, names.n_agents, email_key, (void)0);
    LOAD_NAMES(SQL_query_teams, names.teams, names.n_teams, name_key, (void)0);
    LOAD_NAMES(SQL_query_tags, names.tags, names.n_tags, name_key, (void)0);
    LOAD_NAMES(SQL_query_channels, names.channels, names.n_channels, name_key,
               (void)(item->kind = row_str(rows, 2, arena), item->brand_id = row_i64(rows, 3)));
    LOAD_NAMES(SQL_query_brands, names.brands, names.n_brands, name_key, (void)0);
    *out = names;
    return true;
}

static void fill_item(struct rows *rows, struct query_item *item, struct arena *arena)
{
    *item = (struct query_item){
        .id = row_i64(rows, 0),
        .status = row_str(rows, 1, arena),
        .kind = row_str(rows, 2, arena),
        .visibility = row_str(rows, 3, arena),
        .priority = row_str(rows, 4, arena),
        .channel_kind = row_str(rows, 5, arena),
        .language = row_str(rows, 6, arena),
        .handle = row_str(rows, 7, arena),
        .channel_id = row_i64(rows, 8),
        .assignee_id = row_i64(rows, 9),
        .team_id = row_i64(rows, 10),
        .spam = row_i64(rows, 11) != 0,
        .waiting_since = row_i64(rows, 12),
        .due_at = row_i64(rows, 13),
        .urgent_at = row_i64(rows, 14),
        .created_at = row_i64(rows, 15),
        .updated_at = row_i64(rows, 16),
        .last_message_at = row_i64(rows, 17),
        .snoozed_until = row_i64(rows, 18),
        .unread = row_i64(rows, 19),
        .has_attachment = row_i64(rows, 20) != 0,
        .has_note = row_i64(rows, 21) != 0,
        .has_reply = row_i64(rows, 22) != 0,
        .merged = row_i64(rows, 23) != 0,
        .has_call = row_i64(rows, 24) != 0,
        .callback_at = row_i64(rows, 25),
    };
}

// Its tags and the colleagues named in its notes.
static bool load_tags(struct conn *conn, i64 workspace_id, struct arena *arena, struct query_item *item,
                      struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_query_item_tags, DB_ARGS(db_i64(workspace_id), db_i64(item->id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&item->tag_ids, arena) = row_i64(rows, 0);
    if (!rows_end(rows, err) || !db_query(conn, &SQL_query_item_mentions,
                                          DB_ARGS(db_i64(workspace_id), db_i64(item->id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&item->mention_ids, arena) = row_i64(rows, 0);
    return rows_end(rows, err);
}

bool query_item_fields(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena,
                       struct query_item *out, struct err *err)
{
    struct query_item item = {0};
    struct rows *rows;
    if (!db_query(conn, &SQL_query_item, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err))
        return false;
    bool found = rows_next(rows);
    if (found)
        fill_item(rows, &item, arena);
    if (!rows_end(rows, err))
        return false;
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation");
    if (!load_tags(conn, workspace_id, arena, &item, err))
        return false;
    *out = item;
    return true;
}

bool query_item_load(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct query_item *out,
                     struct err *err)
{
    struct query_item item = {0};
    struct rows *rows;
    if (!query_item_fields(conn, workspace_id, id, arena, &item, err) ||
        !db_query(conn, &SQL_query_item_texts, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&item.texts, arena) = row_str(rows, 0, arena);
    if (!rows_end(rows, err))
        return false;
    *out = item;
    return true;
}
