// SPDX-License-Identifier: AGPL-3.0-or-later
// One conversation becomes two. See merge.h.
#include "desk/change.h"
#include "desk/events.h"
#include "desk/merge.h"
#include "desk/pair.h"
#include "desk/route.h"
#include "sql_gen.h"

const struct type split_draft_type = {
    "SplitDraft",
    (const struct field[]){
        FIELD(split_draft, FIELD_I64, message_id, FIELD_REQUIRED, .doc = "From this message on."), FIELD_END},
    sizeof(struct split_draft)};

struct cut {
    i64 at, route_id;
    bool found, before;
};

static bool find_cut(struct tx *tx, const struct actor *actor, i64 id, i64 message_id, struct cut *out,
                     struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_split_first,
                  DB_ARGS(db_i64(actor->workspace_id), db_i64(id), db_i64(message_id)), &rows, err))
        return false;
    if (rows_next(rows))
        *out = (struct cut){row_i64(rows, 0), row_i64(rows, 1), true, row_i64(rows, 2) != 0};
    if (!rows_end(rows, err))
        return false;
    if (!out->found)
        return err_field(err, "message_id", "unknown", "There is no such message in this conversation.");
    return out->before || err_field(err, "message_id", "first", "Before the first message there is nothing.");
}

// The network's thread leads to the new conversation from now on.
static bool lead(struct change *change, const struct edit *old, const struct edit *fresh,
                 const struct cut *cut, i64 *ret_route, struct err *err)
{
    struct tx *tx = change->tx;
    i64 workspace = change->workspace_id;
    struct way home = way_home(&old->before);
    struct err why = {};
    *ret_route = cut->route_id;
    if (cut->route_id == 0 && way_add(tx, workspace, fresh->after.id, &home, ret_route, &why))
        return true;
    if (cut->route_id == 0 && why.code != ERR_CONFLICT) {
        *err = why;
        return false;
    }
    if (cut->route_id == 0 &&
        !db_one_i64(tx->conn, &SQL_route_find,
                    DB_ARGS(db_i64(workspace), db_i64(home.channel_id), db_str(home.thread_key)), ret_route,
                    err))
        return false;
    return db_exec(tx->conn, &SQL_split_route,
                   DB_ARGS(db_i64(fresh->after.id), db_i64(workspace), db_i64(*ret_route)), NULL, err);
}

static void inherit(struct edit *fresh, const struct record *old, i64 customers)
{
    struct record *row = &fresh->after;
    row->contact_id = old->contact_id;
    row->contact_name = old->contact_name;
    row->contact_handle = old->contact_handle;
    row->assignee_id = old->assignee_id;
    row->team_id = old->team_id;
    row->priority = old->priority;
    row->language = old->language;
    row->answered_id = old->answered_id;
    row->unread = customers < old->unread ? customers : old->unread;
}

bool conversation_split(struct tx *tx, const struct actor *actor, i64 id, i64 message_id,
                        struct conversation *out, struct err *err)
{
    struct change change;
    struct edit *old, *fresh;
    struct cut cut = {};
    struct moved_list moved = {};
    i64 route = 0, newest, customers = 0;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!pair_open_one(&change, actor, id, &old, err) || !pair_may(actor, err) ||
        !find_cut(tx, actor, id, message_id, &cut, err) ||
        !pair_read_moved(&change, &SQL_split_messages,
                         DB_ARGS(db_i64(actor->workspace_id), db_i64(id), db_i64(cut.at), db_i64(message_id),
                                 db_i64(MERGE_MESSAGES_MAX + 1)),
                         true, &moved, err))
        return false;
    struct thread_place place = {
        .channel_id = old->before.channel_id,
        .channel_kind = old->before.channel_kind,
        .thread_key = str_printf(tx->arena, "split:%lld:%lld", (long long)id, (long long)message_id),
        .kind = old->before.kind,
        .visibility = old->before.visibility};
    i64 by_route;
    if (!change_open_thread(&change, &place, &fresh, &by_route, err))
        return false;
    if (!fresh->fresh)
        return err_set(err, ERR_CONFLICT, "It was split here before; merge the two instead.");
    if (!lead(&change, old, fresh, &cut, &route, err) ||
        !db_exec(tx->conn, &SQL_split_move,
                 DB_ARGS(db_i64(fresh->after.id), db_i64(route), db_i64(actor->workspace_id), db_i64(id),
                         db_i64(cut.at), db_i64(message_id)),
                 NULL, err) ||
        !pair_follow(tx, actor->workspace_id, fresh->after.id, id, err))
        return false;
    for (size_t i = 0; i < moved.len; i++)
        customers += moved.items[i].customers;
    inherit(fresh, &old->before, customers);
    old->after.unread -= fresh->after.unread;
    pair_renew(old);
    pair_renew(fresh);
    old->renew_waiting = fresh->renew_waiting = true;
    if (!pair_renew_figures(&change, &old->after, &newest, err) ||
        !pair_renew_figures(&change, &fresh->after, &newest, err) ||
        !pair_log_moved(&change, &moved, &old->before, &fresh->after, err) ||
        !pair_log(&change, EVENT_CONVERSATION_SPLIT, &old->after, fresh->after.id, err) ||
        !pair_log(&change, EVENT_CONVERSATION_SPLIT, &fresh->after, id, err) || !change_finish(&change, err))
        return false;
    return pair_show(tx, actor, fresh->after.id, out, err);
}
