// SPDX-License-Identifier: AGPL-3.0-or-later
// See change.h: opening conversations in a write and finishing the write.
#include "desk/change.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"
#include <stdlib.h>

static const struct field record_fields[] = {
    FIELD(record, FIELD_I64, id, 0),
    FIELD(record, FIELD_I64, workspace_id, 0),
    FIELD(record, FIELD_I64, channel_id, 0),
    FIELD(record, FIELD_STR, channel_kind, 0),
    FIELD(record, FIELD_STR, kind, 0),
    FIELD(record, FIELD_STR, thread_key, 0),
    FIELD(record, FIELD_STR, visibility, 0),
    FIELD(record, FIELD_STR, status, 0),
    FIELD(record, FIELD_BOOL, spam, 0),
    FIELD(record, FIELD_I64, contact_id, 0),
    FIELD(record, FIELD_STR, contact_name, 0),
    FIELD(record, FIELD_STR, contact_handle, 0),
    FIELD(record, FIELD_I64, assignee_id, 0),
    FIELD(record, FIELD_I64, team_id, 0),
    FIELD(record, FIELD_STR, priority, 0),
    FIELD(record, FIELD_STR, language, 0),
    FIELD(record, FIELD_I64, waiting_since, 0),
    FIELD(record, FIELD_I64, due_at, 0),
    FIELD(record, FIELD_I64, urgent_at, 0),
    FIELD(record, FIELD_I64, snoozed_until, 0),
    FIELD(record, FIELD_I64, last_message_at, 0),
    FIELD(record, FIELD_I64, last_in_at, 0),
    FIELD(record, FIELD_I64, last_out_at, 0),
    FIELD(record, FIELD_I64, answered_at, 0),
    FIELD(record, FIELD_I64, answered_id, 0),
    FIELD(record, FIELD_STR, preview, 0),
    FIELD(record, FIELD_I64, message_count, 0),
    FIELD(record, FIELD_I64, unread, 0),
    FIELD(record, FIELD_I64, version, 0),
    FIELD(record, FIELD_I64, created_at, 0),
    FIELD(record, FIELD_I64, updated_at, 0),
    FIELD(record, FIELD_I64, closed_at, 0),
    FIELD(record, FIELD_I64, merged_into, 0),
    FIELD(record, FIELD_I64, callback_at, 0),
    FIELD_END,
};
static const struct type record_type = {"ConversationRecord", record_fields, sizeof(struct record)};

void change_init(struct change *change, struct tx *tx, i64 workspace_id, i64 agent_id)
{
    *change = (struct change){.tx = tx, .workspace_id = workspace_id, .agent_id = agent_id};
}

static struct edit *remember(struct change *change, const struct record *record)
{
    struct edit *edit = arena_new(change->tx->arena, struct edit);
    edit->before = *record;
    edit->after = *record;
    *list_push(&change->edits, change->tx->arena) = edit;
    return edit;
}

static struct edit *find_open(const struct change *change, i64 id)
{
    for (size_t i = 0; i < change->edits.len; i++) {
        if (change->edits.items[i]->after.id == id) {
            return change->edits.items[i];
        }
    }
    return NULL;
}

bool change_open(struct change *change, i64 id, struct edit **ret_edit, struct err *err)
{
    *ret_edit = find_open(change, id);
    if (*ret_edit) {
        return true;
    }
    struct record record = {};
    if (!db_one(change->tx->conn, &SQL_conversation_record, DB_ARGS(db_i64(change->workspace_id), db_i64(id)),
                &record_type, &record, change->tx->arena, err)) {
        if (err->code == ERR_NOT_FOUND) {
            err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
        }
        return false;
    }
    *ret_edit = remember(change, &record);
    return true;
}

static void remember_route(struct change *change, const struct opened_route *route)
{
    *list_push(&change->routes, change->tx->arena) = *route;
}

// false with ERR_NOT_FOUND: not here yet.
static bool load_thread_once(struct change *change, const struct thread_place *place, struct edit **ret_edit,
                             i64 *ret_route, struct err *err)
{
    struct record record = {};
    struct rows *rows;
    i64 route = 0;
    if (!db_query(change->tx->conn, &SQL_conversation_record_of_thread,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(place->channel_id), db_str(place->thread_key)),
                  &rows, err)) {
        return false;
    }
    bool found = rows_next(rows);
    if (found) {
        route = row_i64(rows, 0);
        row_fill(rows, &record_type, &record, change->tx->arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (!found) {
        return err_set(err, ERR_NOT_FOUND, "There is no such thread.");
    }
    *ret_edit = find_open(change, record.id);
    if (!*ret_edit) {
        *ret_edit = remember(change, &record);
    }
    if (route > 0) {
        remember_route(change,
                       &(struct opened_route){route, place->channel_id, place->thread_key, *ret_edit});
    }
    *ret_route = route;
    return true;
}

// While we waited for its lock it may have gone into another one: now the way there can be seen.
static bool load_thread(struct change *change, const struct thread_place *place, struct edit **ret_edit,
                        i64 *ret_route, struct err *err)
{
    return load_thread_once(change, place, ret_edit, ret_route, err) &&
           ((*ret_edit)->before.merged_into == 0 ||
            load_thread_once(change, place, ret_edit, ret_route, err));
}

static bool opened_before(const struct change *change, const struct thread_place *place,
                          struct edit **ret_edit, i64 *ret_route)
{
    for (size_t i = 0; i < change->routes.len; i++) {
        const struct opened_route *route = &change->routes.items[i];
        if (route->channel_id == place->channel_id && str_eq(route->thread_key, place->thread_key)) {
            *ret_edit = route->edit;
            *ret_route = route->id;
            return true;
        }
    }
    for (size_t i = 0; i < change->edits.len; i++) {
        const struct record *open = &change->edits.items[i]->after;
        if (open->channel_id == place->channel_id && str_eq(open->thread_key, place->thread_key)) {
            *ret_edit = change->edits.items[i];
            *ret_route = 0;
            return true;
        }
    }
    return false;
}

static struct record new_record(const struct change *change, const struct thread_place *place)
{
    return (struct record){
        .workspace_id = change->workspace_id,
        .channel_id = place->channel_id,
        .channel_kind = place->channel_kind,
        .kind = place->kind,
        .thread_key = place->thread_key,
        .visibility = place->visibility,
        .status = S("open"),
        .contact_name = S(""),
        .contact_handle = S(""),
        .priority = S("normal"),
        .language = S(""),
        .urgent_at = NOT_WAITING,
        .preview = S(""),
        .version = 1,
        .created_at = change->tx->now,
        .updated_at = change->tx->now,
    };
}

bool change_open_thread(struct change *change, const struct thread_place *place, struct edit **ret_edit,
                        i64 *ret_route, struct err *err)
{
    struct err why = {};
    *ret_route = 0;
    if (opened_before(change, place, ret_edit, ret_route)) {
        return true;
    }
    if (change->looked_channel != place->channel_id) {
        if (load_thread(change, place, ret_edit, ret_route, &why)) {
            return true;
        }
        if (why.code != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
    }
    struct record record = new_record(change, place);
    if (db_one_i64(change->tx->conn, &SQL_conversation_insert,
                   DB_ARGS(db_i64(change->workspace_id), db_i64(place->channel_id),
                           db_str(place->channel_kind), db_str(place->kind), db_str(place->thread_key),
                           db_str(place->visibility), db_i64(change->tx->now)),
                   &record.id, err)) {
        *ret_edit = remember(change, &record);
        (*ret_edit)->fresh = true;
        return true;
    }
    // Another process made it since we looked: now it is there.
    return err->code == ERR_NOT_FOUND && load_thread(change, place, ret_edit, ret_route, err);
}

static bool look_at_routes(struct change *change, i64 channel_id, struct str threads_json, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_intake_routes_many,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(channel_id), db_str(threads_json)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct edit *edit = find_open(change, row_i64(rows, 2));
        if (edit) {
            remember_route(change, &(struct opened_route){row_i64(rows, 1), channel_id,
                                                          row_str(rows, 0, change->tx->arena), edit});
        }
    }
    return rows_end(rows, err);
}

bool change_look_ahead(struct change *change, i64 channel_id, struct str threads_json, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_intake_threads_many,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(channel_id), db_str(threads_json)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct record record = {};
        row_fill(rows, &record_type, &record, change->tx->arena);
        if (record.merged_into == 0) { // merged while we waited: change_open_thread finds where to
            remember(change, &record);
        }
    }
    change->looked_channel = channel_id;
    return rows_end(rows, err) && look_at_routes(change, channel_id, threads_json, err);
}

bool change_log(struct change *change, const char *kind, const struct record *record, i64 message_id,
                struct str data, struct err *err)
{
    struct event event = {
        .workspace_id = change->workspace_id,
        .kind = str_from(kind),
        .conversation_id = record->id,
        .channel_id = record->channel_id,
        .message_id = message_id,
        .agent_id = change->agent_id,
        .data = str_given(data) ? data : S("{}"),
    };
    return log_append(change->tx, &event, err);
}

bool change_close(struct change *change, struct edit *edit, struct err *err)
{
    struct record *row = &edit->after;
    row->status = S("closed");
    row->closed_at = change->tx->now;
    row->snoozed_until = 0;
    row->waiting_since = 0;
    row->unread = 0;
    // Closing ends the wait of all that is here; a message id is its time of arrival.
    return db_one_i64(change->tx->conn, &SQL_conversation_newest_message,
                      DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &row->answered_id, err);
}

void change_reopen(struct edit *edit)
{
    edit->after.status = S("open");
    edit->after.closed_at = 0;
    edit->after.snoozed_until = 0;
}

static int by_id(const void *a, const void *b)
{
    i64 x = (*(struct edit *const *)a)->after.id;
    i64 y = (*(struct edit *const *)b)->after.id;
    return x < y ? -1 : x > y;
}

bool change_finish(struct change *change, struct err *err)
{
    if (change->edits.len > 1) {
        qsort(change->edits.items, change->edits.len, sizeof(change->edits.items[0]), by_id);
    }
    for (size_t i = 0; i < change->edits.len; i++) {
        if (!edit_finish(change, change->edits.items[i], err)) {
            return false;
        }
    }
    return counts_apply(change->tx, change->workspace_id, &change->deltas, err);
}

static bool exists(struct tx *tx, i64 workspace_id, const struct sql *sql, i64 id, const char *field,
                   const char *text, struct err *err)
{
    i64 found = 0;
    struct err why = {};
    if (id == 0 || db_one_i64(tx->conn, sql, DB_ARGS(db_i64(workspace_id), db_i64(id)), &found, &why)) {
        return true;
    }
    if (why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return err_field(err, field, "unknown", "%s", text);
}

bool change_check_agent(struct tx *tx, i64 workspace_id, i64 agent_id, const char *field, struct err *err)
{
    return exists(tx, workspace_id, &SQL_conversation_assignable, agent_id, field,
                  "There is no such colleague, or the account is closed.", err);
}

bool change_check_team(struct tx *tx, i64 workspace_id, i64 team_id, const char *field, struct err *err)
{
    return exists(tx, workspace_id, &SQL_conversation_team_exists, team_id, field, "There is no such team.",
                  err);
}
