// SPDX-License-Identifier: AGPL-3.0-or-later
// See merge.h. Conversations are opened in the order of their numbers, as every write does.
#include "desk/merge.h"
#include "desk/callback.h"
#include "desk/change.h"
#include "desk/events.h"
#include "desk/pair.h"
#include "desk/route.h"
#include "sql_gen.h"

const struct type merge_draft_type = {
    "MergeDraft",
    (const struct field[]){FIELD(merge_draft, FIELD_I64, from_id, FIELD_REQUIRED,
                                 .doc = "The conversation that goes into this one."),
                           FIELD_END},
    sizeof(struct merge_draft)};

struct kept { // of a conversation's row, to be taken back
    struct str status, priority;
    i64 snoozed_until, assignee_id, team_id, waiting_since, answered_id, answered_at, unread;
    struct str_list tags;
};
static const struct type kept_type = {
    "Kept",
    (const struct field[]){
        FIELD(kept, FIELD_STR, status, 0),
        FIELD(kept, FIELD_STR, priority, 0),
        FIELD(kept, FIELD_I64, snoozed_until, 0),
        FIELD(kept, FIELD_I64, assignee_id, 0),
        FIELD(kept, FIELD_I64, team_id, 0),
        FIELD(kept, FIELD_I64, waiting_since, 0),
        FIELD(kept, FIELD_I64, answered_id, 0),
        FIELD(kept, FIELD_I64, answered_at, 0),
        FIELD(kept, FIELD_I64, unread, 0),
        FIELD(kept, FIELD_STRS, tags, 0),
        FIELD_END,
    },
    sizeof(struct kept),
};

static bool is(struct str status, const char *name)
{
    return str_eq(status, str_from(name));
}

// ---- Tags ----

static bool read_tags(struct change *change, i64 id, struct name_refs *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_tags, DB_ARGS(db_i64(change->workspace_id), db_i64(id)),
                  &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, change->tx->arena) =
            (struct name_ref){row_i64(rows, 0), row_str(rows, 1, change->tx->arena)};
    return rows_end(rows, err);
}

static bool has_ref(const struct name_refs *refs, i64 id)
{
    for (size_t i = 0; i < refs->len; i++) {
        if (refs->items[i].id == id)
            return true;
    }
    return false;
}

static bool has_name(const struct str_list *names, struct str name)
{
    for (size_t i = 0; i < names->len; i++) {
        if (str_eq(names->items[i], name))
            return true;
    }
    return false;
}

// Keeps what a conversation's row and tags are.
static struct str keep(struct arena *arena, const struct record *row, const struct name_refs *tags)
{
    struct kept kept = {.status = row->status,
                        .priority = row->priority,
                        .snoozed_until = row->snoozed_until,
                        .assignee_id = row->assignee_id,
                        .team_id = row->team_id,
                        .waiting_since = row->waiting_since,
                        .answered_id = row->answered_id,
                        .answered_at = row->answered_at,
                        .unread = row->unread};
    struct buf buf;
    for (size_t i = 0; i < tags->len; i++)
        *list_push(&kept.tags, arena) = tags->items[i].name;
    buf_init(&buf, arena, 64 * 1024);
    struct json_writer w = json_writer(&buf);
    json_encode(&w, &kept_type, &kept);
    return buf_str(&buf);
}

// ---- Merging ----

static int weight(struct str priority)
{
    for (int i = 0; i < PRIORITIES; i++) {
        if (is(priority, priority_names[i]))
            return i;
    }
    return PRIORITY_NORMAL;
}

// What holds of either holds of both together.
static void join(struct edit *into, const struct record *from)
{
    struct record *row = &into->after;
    if (is(from->status, "open") || (is(row->status, "closed") && !is(from->status, "closed"))) {
        row->status = from->status;
        row->snoozed_until = from->snoozed_until;
        row->closed_at = 0;
    }
    if (weight(from->priority) < weight(row->priority))
        row->priority = from->priority;
    row->assignee_id = row->assignee_id ? row->assignee_id : from->assignee_id;
    row->team_id = row->team_id ? row->team_id : from->team_id;
    row->unread += from->unread;
    if (from->due_at && (!row->due_at || from->due_at < row->due_at))
        row->due_at = from->due_at;
    if (from->callback_at && (!row->callback_at || from->callback_at < row->callback_at))
        row->callback_at = from->callback_at;
    if (row->contact_id == 0) {
        row->contact_id = from->contact_id;
        row->contact_name = from->contact_name;
        row->contact_handle = from->contact_handle;
    }
    // Who waits goes on waiting; what was answered or closed in both stays so.
    if (row->waiting_since == 0 || (from->waiting_since && from->waiting_since < row->waiting_since))
        row->waiting_since = from->waiting_since ? from->waiting_since : row->waiting_since;
    if (row->waiting_since == 0)
        row->answered_id = row->answered_id > from->answered_id ? row->answered_id : from->answered_id;
    if (from->answered_at > row->answered_at)
        row->answered_at = from->answered_at;
}

static bool join_tags(struct change *change, struct edit *into, const struct name_refs *more, struct err *err)
{
    into->tags_given = true;
    if (!read_tags(change, into->after.id, &into->tags_before, err))
        return false;
    for (size_t i = 0; i < into->tags_before.len; i++)
        *list_push(&into->tags_after, change->tx->arena) = into->tags_before.items[i];
    for (size_t i = 0; i < more->len; i++) {
        if (!has_ref(&into->tags_after, more->items[i].id))
            *list_push(&into->tags_after, change->tx->arena) = more->items[i];
    }
    return true;
}

static void empty(struct edit *from, i64 into_id, i64 now)
{
    struct record *row = &from->after;
    row->merged_into = into_id;
    row->status = S("closed");
    row->closed_at = now;
    row->snoozed_until = row->waiting_since = row->due_at = row->callback_at = 0;
    row->unread = row->message_count = 0;
    from->touched = true;
}

static bool move_all(struct change *change, const struct edit *into, const struct edit *from,
                     struct str into_before, struct str from_before, struct err *err)
{
    struct tx *tx = change->tx;
    i64 workspace = change->workspace_id, to = into->after.id, old = from->after.id, route = 0, merge = 0;
    struct way home = way_home(&from->before);
    // Its own thread may lead elsewhere already (after a split): then that stays, also when the merge is
    // taken back; what moved is told by its numbers.
    bool elsewhere = false;
    struct err why = {};
    if (!way_add(tx, workspace, to, &home, &route, &why)) {
        if (why.code != ERR_CONFLICT) {
            *err = why;
            return false;
        }
        elsewhere = true;
        if (!db_one_i64(tx->conn, &SQL_route_find,
                        DB_ARGS(db_i64(workspace), db_i64(home.channel_id), db_str(home.thread_key)), &route,
                        err))
            return false;
    }
    return db_one_i64(tx->conn, &SQL_merge_insert,
                      DB_ARGS(db_i64(workspace), db_i64(to), db_i64(old), db_i64(change->agent_id),
                              db_i64(elsewhere ? -1 : route), db_str(into_before), db_str(from_before),
                              db_i64(tx->now)),
                      &merge, err) &&
           db_exec(tx->conn, &SQL_merge_keep_routes, DB_ARGS(db_i64(merge), db_i64(workspace), db_i64(old)),
                   NULL, err) &&
           db_exec(tx->conn, elsewhere ? &SQL_merge_keep_all : &SQL_merge_keep_notes,
                   DB_ARGS(db_i64(merge), db_i64(workspace), db_i64(old)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_routes, DB_ARGS(db_i64(to), db_i64(workspace), db_i64(old)), NULL,
                   err) &&
           db_exec(tx->conn, &SQL_merge_move_messages,
                   DB_ARGS(db_i64(to), db_i64(route), db_i64(workspace), db_i64(old)), NULL, err) &&
           pair_follow(tx, workspace, to, old, err) &&
           db_exec(tx->conn, &SQL_merge_move_scheduled,
                   DB_ARGS(db_i64(to), db_i64(route), db_i64(workspace), db_i64(old)), NULL, err) &&
           db_exec(tx->conn, &SQL_callback_merge, DB_ARGS(db_i64(to), db_i64(workspace), db_i64(old)), NULL,
                   err) &&
           db_exec(tx->conn, &SQL_merge_mark, DB_ARGS(db_i64(to), db_i64(workspace), db_i64(old)), NULL, err);
}

bool conversation_merge(struct tx *tx, const struct actor *actor, i64 into_id, i64 from_id,
                        struct conversation *out, struct err *err)
{
    struct change change;
    struct edit *into, *from;
    struct name_refs from_tags = {};
    struct moved_list moved = {};
    i64 newest;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (into_id == from_id) // what is not seen is not there, whatever is asked of it
        return pair_open_one(&change, actor, into_id, &into, err) &&
               err_field(err, "from_id", "same", "A conversation cannot be merged with itself.");
    if (!pair_open(&change, actor, into_id, from_id, &into, &from, err) || !pair_may(actor, err))
        return false;
    if (into->before.merged_into || from->before.merged_into)
        return err_set(err, ERR_CONFLICT, "One of them has been merged already.");
    if (!read_tags(&change, from_id, &from_tags, err) || !join_tags(&change, into, &from_tags, err) ||
        !pair_read_moved(
            &change, &SQL_merge_messages,
            DB_ARGS(db_i64(actor->workspace_id), db_i64(from_id), db_i64(MERGE_MESSAGES_MAX + 1)), false,
            &moved, err) ||
        !move_all(&change, into, from, keep(tx->arena, &into->before, &into->tags_before),
                  keep(tx->arena, &from->before, &from_tags), err))
        return false;
    join(into, &from->before);
    empty(from, into_id, tx->now);
    into->renew_preview = into->renew_language = into->renew_times = into->touched = true;
    return pair_renew_figures(&change, &into->after, &newest, err) &&
           pair_log_moved(&change, &moved, &from->before, &into->after, err) &&
           pair_log(&change, EVENT_CONVERSATION_MERGED, &into->after, from_id, err) &&
           change_finish(&change, err) && pair_show(tx, actor, into_id, out, err);
}

// ---- Taking it back ----

struct merge_row {
    i64 id, into_id, route_id;
    struct kept into, from;
};

static bool find_merge(struct tx *tx, const struct actor *actor, i64 from_id, struct merge_row *out,
                       struct err *err)
{
    struct rows *rows;
    struct str into = STR_NONE, from = STR_NONE;
    if (!db_query(tx->conn, &SQL_merge_last, DB_ARGS(db_i64(actor->workspace_id), db_i64(from_id)), &rows,
                  err))
        return false;
    if (rows_next(rows)) {
        out->id = row_i64(rows, 0);
        out->into_id = row_i64(rows, 1);
        out->route_id = row_i64(rows, 2);
        into = row_str(rows, 3, tx->arena);
        from = row_str(rows, 4, tx->arena);
    }
    if (!rows_end(rows, err))
        return false;
    if (out->id == 0)
        return err_set(err, ERR_CONFLICT, "This conversation has not been merged into another.");
    return json_decode(into, &kept_type, false, tx->arena, &out->into, NULL, err) &&
           json_decode(from, &kept_type, false, tx->arena, &out->from, NULL, err);
}

// Tags that only the other one brought go with it.
static bool part_tags(struct change *change, struct edit *into, const struct merge_row *merge,
                      struct err *err)
{
    into->tags_given = true;
    if (!read_tags(change, into->after.id, &into->tags_before, err))
        return false;
    for (size_t i = 0; i < into->tags_before.len; i++) {
        struct name_ref tag = into->tags_before.items[i];
        if (has_name(&merge->into.tags, tag.name) || !has_name(&merge->from.tags, tag.name))
            *list_push(&into->tags_after, change->tx->arena) = tag;
    }
    return true;
}

// What the merge made of the rest, unless somebody changed it since.
static void part(struct record *row, const struct merge_row *merge)
{
    const struct kept *was = &merge->into, *other = &merge->from;
    if (was->assignee_id == 0 && row->assignee_id == other->assignee_id)
        row->assignee_id = 0;
    if (was->team_id == 0 && row->team_id == other->team_id)
        row->team_id = 0;
    if (str_eq(row->priority, other->priority))
        row->priority = was->priority;
    if (!str_eq(was->status, row->status) && str_eq(row->status, other->status)) {
        row->status = was->status;
        row->snoozed_until = was->snoozed_until;
        row->closed_at = is(was->status, "closed") ? row->updated_at : 0;
    }
    row->unread = row->unread > other->unread ? row->unread - other->unread : 0;
    row->answered_id = was->answered_id > row->answered_id || row->answered_id == other->answered_id
                           ? was->answered_id
                           : row->answered_id;
}

static void revive(struct edit *from, const struct merge_row *merge)
{
    struct record *row = &from->after;
    const struct kept *was = &merge->from;
    row->merged_into = 0;
    row->status = was->status;
    row->closed_at = is(was->status, "closed") ? from->before.closed_at : 0;
    row->snoozed_until = was->snoozed_until;
    row->unread = was->unread;
    row->answered_id = was->answered_id;
    row->answered_at = was->answered_at;
}

static bool move_back(struct change *change, const struct merge_row *merge, i64 from_id, struct err *err)
{
    struct tx *tx = change->tx;
    i64 workspace = change->workspace_id, to = merge->into_id;
    return db_exec(tx->conn, &SQL_merge_move_back,
                   DB_ARGS(db_i64(from_id), db_i64(merge->route_id), db_i64(workspace), db_i64(to),
                           db_i64(merge->id)),
                   NULL, err) &&
           pair_follow(tx, workspace, from_id, to, err) &&
           db_exec(tx->conn, &SQL_merge_scheduled_back,
                   DB_ARGS(db_i64(from_id), db_i64(merge->route_id), db_i64(workspace), db_i64(to),
                           db_i64(merge->id)),
                   NULL, err) &&
           db_exec(tx->conn, &SQL_callback_merge_back,
                   DB_ARGS(db_i64(from_id), db_i64(workspace), db_i64(to)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_routes_back,
                   DB_ARGS(db_i64(from_id), db_i64(workspace), db_i64(merge->id)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_route_delete, DB_ARGS(db_i64(workspace), db_i64(merge->route_id)),
                   NULL, err) &&
           db_exec(tx->conn, &SQL_merge_mark, DB_ARGS(db_i64(0), db_i64(workspace), db_i64(from_id)), NULL,
                   err) &&
           db_exec(tx->conn, &SQL_merge_undone,
                   DB_ARGS(db_i64(tx->now), db_i64(workspace), db_i64(merge->id)), NULL, err);
}

static bool in_turn(struct tx *tx, const struct actor *actor, const struct merge_row *merge, struct err *err)
{
    i64 later = 0;
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_merge_later,
                  DB_ARGS(db_i64(actor->workspace_id), db_i64(merge->into_id), db_i64(merge->id)), &rows,
                  err))
        return false;
    if (rows_next(rows))
        later = row_i64(rows, 0);
    return rows_end(rows, err) &&
           (later == 0 ||
            err_set(err, ERR_CONFLICT, "It was merged on into another one; take that back first."));
}

bool conversation_unmerge(struct tx *tx, const struct actor *actor, i64 from_id, struct conversation *out,
                          struct err *err)
{
    struct change change;
    struct edit *into, *from;
    struct merge_row merge = {};
    struct moved_list moved = {};
    i64 newest;
    if (!conversation_visible(tx->conn, actor, from_id, err) || !pair_may(actor, err) ||
        !find_merge(tx, actor, from_id, &merge, err) || !in_turn(tx, actor, &merge, err))
        return false;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!pair_open(&change, actor, merge.into_id, from_id, &into, &from, err))
        return false;
    // Looked at once more under the locks: somebody may have merged it on, or taken it back.
    if (from->before.merged_into != merge.into_id || into->before.merged_into)
        return err_set(err, ERR_CONFLICT, "Somebody was quicker.");
    if (!find_merge(tx, actor, from_id, &merge, err) || !in_turn(tx, actor, &merge, err))
        return false;
    if (!pair_read_moved(&change, &SQL_merge_messages_back,
                         DB_ARGS(db_i64(actor->workspace_id), db_i64(merge.into_id), db_i64(merge.route_id),
                                 db_i64(merge.id)),
                         false, &moved, err) ||
        !part_tags(&change, into, &merge, err) || !move_back(&change, &merge, from_id, err))
        return false;
    part(&into->after, &merge);
    revive(from, &merge);
    pair_renew(into);
    pair_renew(from);
    return callback_renew(&change, into, err) && callback_renew(&change, from, err) &&
           pair_renew_figures(&change, &into->after, &newest, err) &&
           pair_renew_figures(&change, &from->after, &newest, err) &&
           pair_log_moved(&change, &moved, &into->before, &from->after, err) &&
           pair_log(&change, EVENT_CONVERSATION_UNMERGED, &into->after, from_id, err) &&
           pair_log(&change, EVENT_CONVERSATION_UNMERGED, &from->after, merge.into_id, err) &&
           change_finish(&change, err) && pair_show(tx, actor, from_id, out, err);
}
