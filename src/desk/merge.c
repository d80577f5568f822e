// SPDX-License-Identifier: AGPL-3.0-or-later
// See merge.h. Conversations are opened in the order of their numbers, as every write does.
#include "desk/merge.h"
#include "desk/callback.h"
#include "desk/change.h"
#include "desk/events.h"
#include "desk/route.h"
#include "sql_gen.h"

const struct type merge_draft_type = {
    "MergeDraft",
    (const struct field[]){FIELD(merge_draft, FIELD_I64, from_id, FIELD_REQUIRED,
                                 .doc = "The conversation that goes into this one."),
                           FIELD_END},
    sizeof(struct merge_draft)};
const struct type split_draft_type = {
    "SplitDraft",
    (const struct field[]){
        FIELD(split_draft, FIELD_I64, message_id, FIELD_REQUIRED, .doc = "From this message on."), FIELD_END},
    sizeof(struct split_draft)};
const struct type link_draft_type = {
    "LinkDraft",
    (const struct field[]){FIELD(link_draft, FIELD_I64, conversation_id, FIELD_REQUIRED), FIELD_END},
    sizeof(struct link_draft)};

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

static bool not_here(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
}

static bool open_seen(struct change *change, const struct actor *actor, i64 id, struct edit **ret,
                      struct err *err)
{
    return change_open(change, id, ret, err) &&
           (actor_sees(actor, (*ret)->before.channel_id, (*ret)->before.team_id) || not_here(err));
}

static bool open_both(struct change *change, const struct actor *actor, i64 a, i64 b, struct edit **ret_a,
                      struct edit **ret_b, struct err *err)
{
    bool turned = b < a;
    return open_seen(change, actor, turned ? b : a, turned ? ret_b : ret_a, err) &&
           open_seen(change, actor, turned ? a : b, turned ? ret_a : ret_b, err);
}

static bool may_triage(const struct actor *actor, struct err *err)
{
    return actor_may(actor, MAY_TRIAGE) ||
           err_set(err, ERR_DENIED, "Your role may not change conversations.");
}

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

// ---- The log ----

struct moved {
    i64 id, channel_id, customers;
};
struct moved_list {
    struct moved *items;
    size_t len, cap;
};

static bool read_moved(struct change *change, const struct sql *sql, const struct db_arg *args, size_t n,
                       bool counts, struct moved_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, sql, args, n, &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, change->tx->arena) =
            (struct moved){row_i64(rows, 0), row_i64(rows, 1), counts ? row_i64(rows, 2) : 0};
    if (!rows_end(rows, err))
        return false;
    return out->len <= MERGE_MESSAGES_MAX ||
           err_set(err, ERR_TOO_LARGE, "More than %d messages cannot move at once.", MERGE_MESSAGES_MAX);
}

// Screens and the search index look at each message again.
static bool log_moved(struct change *change, const struct moved_list *moved, const struct record *from,
                      const struct record *to, struct err *err)
{
    struct str data = str_printf(change->tx->arena, "{\"from\":%lld}", (long long)from->id);
    for (size_t i = 0; i < moved->len; i++) {
        if (!change_log(change, EVENT_MESSAGE_MOVED, to, moved->items[i].id, data, err))
            return false;
    }
    return true;
}

static bool log_pair(struct change *change, const char *kind, const struct record *here, i64 other,
                     struct err *err)
{
    return change_log(change, kind, here, 0,
                      str_printf(change->tx->arena, "{\"other\":%lld}", (long long)other), err);
}

static void renew_all(struct edit *edit)
{
    edit->renew_answered = edit->renew_preview = edit->renew_language = edit->renew_times = true;
    edit->touched = true;
}

static bool renew_figures(struct change *change, struct record *row, i64 *ret_newest, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_merge_figures,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &rows, err))
        return false;
    if (rows_next(rows)) {
        row->message_count = row_i64(rows, 1);
        *ret_newest = row_i64(rows, 2);
    }
    return rows_end(rows, err);
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

// What hangs on messages goes where they now are: what waits to leave, who was named in them.
// What stood behind something that is elsewhere now waits for it no longer.
static bool follow(struct tx *tx, i64 workspace, i64 into, i64 other, struct err *err)
{
    return db_exec(tx->conn, &SQL_merge_move_outbox, DB_ARGS(db_i64(into), db_i64(workspace)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_wake_outbox,
                   DB_ARGS(db_i64(tx->now), db_i64(workspace), db_i64(into)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_wake_outbox,
                   DB_ARGS(db_i64(tx->now), db_i64(workspace), db_i64(other)), NULL, err) &&
           db_exec(tx->conn, &SQL_merge_move_mentions, DB_ARGS(db_i64(into), db_i64(workspace)), NULL, err);
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
           follow(tx, workspace, to, old, err) &&
           db_exec(tx->conn, &SQL_merge_move_scheduled,
                   DB_ARGS(db_i64(to), db_i64(route), db_i64(workspace), db_i64(old)), NULL, err) &&
           db_exec(tx->conn, &SQL_callback_merge, DB_ARGS(db_i64(to), db_i64(workspace), db_i64(old)), NULL,
                   err) &&
           db_exec(tx->conn, &SQL_merge_mark, DB_ARGS(db_i64(to), db_i64(workspace), db_i64(old)), NULL, err);
}

static bool show(struct tx *tx, const struct actor *actor, i64 id, struct conversation *out, struct err *err)
{
    struct actor all = actor_system(actor->workspace_id);
    return conversation_get(tx->conn, &all, id, tx->arena, out, err);
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
        return open_seen(&change, actor, into_id, &into, err) &&
               err_field(err, "from_id", "same", "A conversation cannot be merged with itself.");
    if (!open_both(&change, actor, into_id, from_id, &into, &from, err) || !may_triage(actor, err))
        return false;
    if (into->before.merged_into || from->before.merged_into)
        return err_set(err, ERR_CONFLICT, "One of them has been merged already.");
    if (!read_tags(&change, from_id, &from_tags, err) || !join_tags(&change, into, &from_tags, err) ||
        !read_moved(&change, &SQL_merge_messages,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(from_id), db_i64(MERGE_MESSAGES_MAX + 1)),
                    false, &moved, err) ||
        !move_all(&change, into, from, keep(tx->arena, &into->before, &into->tags_before),
                  keep(tx->arena, &from->before, &from_tags), err))
        return false;
    join(into, &from->before);
    empty(from, into_id, tx->now);
    into->renew_preview = into->renew_language = into->renew_times = into->touched = true;
    return renew_figures(&change, &into->after, &newest, err) &&
           log_moved(&change, &moved, &from->before, &into->after, err) &&
           log_pair(&change, EVENT_CONVERSATION_MERGED, &into->after, from_id, err) &&
           change_finish(&change, err) && show(tx, actor, into_id, out, err);
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
           follow(tx, workspace, from_id, to, err) &&
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
    if (!conversation_visible(tx->conn, actor, from_id, err) || !may_triage(actor, err) ||
        !find_merge(tx, actor, from_id, &merge, err) || !in_turn(tx, actor, &merge, err))
        return false;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!open_both(&change, actor, merge.into_id, from_id, &into, &from, err))
        return false;
    // Looked at once more under the locks: somebody may have merged it on, or taken it back.
    if (from->before.merged_into != merge.into_id || into->before.merged_into)
        return err_set(err, ERR_CONFLICT, "Somebody was quicker.");
    if (!find_merge(tx, actor, from_id, &merge, err) || !in_turn(tx, actor, &merge, err))
        return false;
    if (!read_moved(&change, &SQL_merge_messages_back,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(merge.into_id), db_i64(merge.route_id),
                            db_i64(merge.id)),
                    false, &moved, err) ||
        !part_tags(&change, into, &merge, err) || !move_back(&change, &merge, from_id, err))
        return false;
    part(&into->after, &merge);
    revive(from, &merge);
    renew_all(into);
    renew_all(from);
    return callback_renew(&change, into, err) && callback_renew(&change, from, err) &&
           renew_figures(&change, &into->after, &newest, err) &&
           renew_figures(&change, &from->after, &newest, err) &&
           log_moved(&change, &moved, &into->before, &from->after, err) &&
           log_pair(&change, EVENT_CONVERSATION_UNMERGED, &into->after, from_id, err) &&
           log_pair(&change, EVENT_CONVERSATION_UNMERGED, &from->after, merge.into_id, err) &&
           change_finish(&change, err) && show(tx, actor, from_id, out, err);
}

// ---- Splitting ----

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
    if (!open_seen(&change, actor, id, &old, err) || !may_triage(actor, err) ||
        !find_cut(tx, actor, id, message_id, &cut, err) ||
        !read_moved(&change, &SQL_split_messages,
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
        !follow(tx, actor->workspace_id, fresh->after.id, id, err))
        return false;
    for (size_t i = 0; i < moved.len; i++)
        customers += moved.items[i].customers;
    inherit(fresh, &old->before, customers);
    old->after.unread -= fresh->after.unread;
    renew_all(old);
    renew_all(fresh);
    old->renew_waiting = fresh->renew_waiting = true;
    if (!renew_figures(&change, &old->after, &newest, err) ||
        !renew_figures(&change, &fresh->after, &newest, err) ||
        !log_moved(&change, &moved, &old->before, &fresh->after, err) ||
        !log_pair(&change, EVENT_CONVERSATION_SPLIT, &old->after, fresh->after.id, err) ||
        !log_pair(&change, EVENT_CONVERSATION_SPLIT, &fresh->after, id, err) || !change_finish(&change, err))
        return false;
    return show(tx, actor, fresh->after.id, out, err);
}

// ---- Links ----

static bool log_links(struct change *change, const char *kind, const struct edit *a, const struct edit *b,
                      struct err *err)
{
    return log_pair(change, kind, &a->after, b->after.id, err) &&
           log_pair(change, kind, &b->after, a->after.id, err);
}

static bool set_link(struct tx *tx, const struct actor *actor, i64 id, i64 other, bool on, struct err *err)
{
    struct change change;
    struct edit *here, *there;
    i64 a = id < other ? id : other, b = id < other ? other : id, changed = 0;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (id == other)
        return open_seen(&change, actor, id, &here, err) &&
               err_field(err, "conversation_id", "same", "A conversation is not linked with itself.");
    if (!open_both(&change, actor, id, other, &here, &there, err) || !may_triage(actor, err))
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
