// SPDX-License-Identifier: AGPL-3.0-or-later
// Conversations that have to do with each other. See merge.h.
#include "desk/change.h"
#include "desk/events.h"
#include "desk/merge.h"
#include "desk/pair.h"
#include "sql_gen.h"

const struct type link_draft_type = {
    "LinkDraft",
    (const struct field[]){FIELD(link_draft, FIELD_I64, conversation_id, FIELD_REQUIRED), FIELD_END},
    sizeof(struct link_draft)};

static bool log_links(struct change *change, const char *kind, const struct edit *a, const struct edit *b,
                      struct err *err)
{
    return pair_log(change, kind, &a->after, b->after.id, err) &&
           pair_log(change, kind, &b->after, a->after.id, err);
}

static bool set_link(struct tx *tx, const struct actor *actor, i64 id, i64 other, bool on, struct err *err)
{
    struct change change;
    struct edit *here, *there;
    i64 a = id < other ? id : other, b = id < other ? other : id, changed = 0;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (id == other)
        return pair_open_one(&change, actor, id, &here, err) &&
               err_field(err, "conversation_id", "same", "A conversation is not linked with itself.");
    if (!pair_open(&change, actor, id, other, &here, &there, err) || !pair_may(actor, err))
        return false;
    bool done = on ? db_exec(tx->conn, &SQL_link_add,
                             DB_ARGS(db_i64(actor->workspace_id), db_i64(a), db_i64(b),
                                     db_i64(actor->agent_id), db_i64(tx->now)),
                             &changed, err)
                   : db_exec(tx->conn, &SQL_link_delete,
                             DB_ARGS(db_i64(actor->workspace_id), db_i64(a), db_i64(b)), &changed, err);
    return done &&
           (changed == 0 || log_links(&change, on ? EVENT_CONVERSATION_LINKED : EVENT_CONVERSATION_UNLINKED,
                                      here, there, err));
}

bool conversation_link(struct tx *tx, const struct actor *actor, i64 id, i64 other, struct err *err)
{
    return set_link(tx, actor, id, other, true, err);
}

bool conversation_unlink(struct tx *tx, const struct actor *actor, i64 id, i64 other, struct err *err)
{
    return set_link(tx, actor, id, other, false, err);
}

bool conversation_links(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                        struct conversation_list *out, struct err *err)
{
    struct rows *rows;
    struct id_list ids = {};
    if (!conversation_visible(conn, actor, id, err) ||
        !db_query(conn, &SQL_link_of, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&ids, arena) = row_i64(rows, 0);
    if (!rows_end(rows, err))
        return false;
    for (size_t i = 0; i < ids.len; i++) {
        struct conversation other = {};
        struct err why = {};
        if (conversation_get(conn, actor, ids.items[i], arena, &other, &why))
            *list_push(out, arena) = other;
        else if (why.code != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
    }
    return true;
}
