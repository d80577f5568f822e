// SPDX-License-Identifier: AGPL-3.0-or-later
// The end of one conversation's change: asks the messages' rows what it must, derives waiting, urgency
// and preview, writes the row, its tags and the event that says what is different now. Nothing
// different: nothing written, no event.
#include "desk/change.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "text/words.h"

enum { PREVIEW_GRAPHEMES = 160 };

struct str edit_preview(struct arena *arena, struct str text, struct str file)
{
    struct str preview = text_preview(arena, text, PREVIEW_GRAPHEMES);
    return preview.len > 0 ? preview : text_preview(arena, file, PREVIEW_GRAPHEMES);
}

// ---- What the messages say ------------------------------------------------------------------------

static bool renew_times(struct change *change, struct record *row, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_times,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        row->last_message_at = row_i64(rows, 0);
        row->last_in_at = row_i64(rows, 1);
        row->last_out_at = row_i64(rows, 2);
    }
    return rows_end(rows, err);
}

static bool renew_waiting(struct change *change, struct edit *edit, struct err *err)
{
    struct record *row = &edit->after;
    struct conn *conn = change->tx->conn;
    i64 workspace = change->workspace_id;
    if (edit->renew_answered &&
        !db_one_i64(conn, &SQL_conversation_answered_at, DB_ARGS(db_i64(workspace), db_i64(row->id)),
                    &row->answered_at, err)) {
        return false;
    }
    if (!edit->renew_answered && !edit->renew_waiting) {
        return true;
    }
    return db_one_i64(
        conn, &SQL_conversation_waiting_since,
        DB_ARGS(db_i64(workspace), db_i64(row->id), db_i64(row->answered_at), db_i64(row->answered_id)),
        &row->waiting_since, err);
}

static bool renew_preview(struct change *change, struct record *row, struct err *err)
{
    struct arena *arena = change->tx->arena;
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_newest_text,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &rows, err)) {
        return false;
    }
    row->preview = S("");
    if (rows_next(rows)) {
        row->preview = edit_preview(arena, row_str(rows, 0, arena), row_str(rows, 1, arena));
    }
    return rows_end(rows, err);
}

static bool renew_language(struct change *change, struct record *row, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_newest_language,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        row->language = row_str(rows, 0, change->tx->arena);
    }
    return rows_end(rows, err);
}

static bool renew_contact(struct change *change, struct record *row, struct err *err)
{
    struct arena *arena = change->tx->arena;
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_first_customer,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        row->contact_id = row_i64(rows, 0);
        row->contact_name = row_str(rows, 1, arena);
        row->contact_handle = row_str(rows, 2, arena);
    }
    return rows_end(rows, err);
}

static bool renew(struct change *change, struct edit *edit, struct err *err)
{
    struct record *row = &edit->after;
    return (!edit->renew_times || renew_times(change, row, err)) && renew_waiting(change, edit, err) &&
           (!edit->renew_preview || renew_preview(change, row, err)) &&
           (!edit->renew_language || renew_language(change, row, err)) &&
           (!edit->renew_contact || renew_contact(change, row, err));
}

static bool derive_urgency(struct change *change, struct record *row, struct err *err)
{
    if (row->waiting_since > 0 && !change->knows_allowances) {
        struct arena *arena = change->tx->arena;
        struct rows *rows;
        if (!db_query(change->tx->conn, &SQL_conversation_allowances, DB_ARGS(db_i64(change->workspace_id)),
                      &rows, err)) {
            return false;
        }
        change->allowances = allowances_default;
        if (rows_next(rows)) {
            change->allowances = allowances_read(row_str(rows, 0, arena), arena);
        }
        change->knows_allowances = true;
        if (!rows_end(rows, err)) {
            return false;
        }
    }
    row->urgent_at = urgency_at(&change->allowances, row->priority, row->waiting_since, row->due_at);
    return true;
}

// ---- What is different ----------------------------------------------------------------------------

// Columns that other indexes hold, or that only people change.
static bool same_place(const struct record *a, const struct record *b)
{
    return str_eq(a->status, b->status) && a->spam == b->spam && a->contact_id == b->contact_id &&
           str_eq(a->contact_name, b->contact_name) && str_eq(a->contact_handle, b->contact_handle) &&
           a->assignee_id == b->assignee_id && a->team_id == b->team_id && str_eq(a->priority, b->priority) &&
           a->due_at == b->due_at && a->snoozed_until == b->snoozed_until && a->closed_at == b->closed_at &&
           a->merged_into == b->merged_into && a->callback_at == b->callback_at;
}

static bool same_activity(const struct record *a, const struct record *b)
{
    return str_eq(a->language, b->language) && a->waiting_since == b->waiting_since &&
           a->urgent_at == b->urgent_at && a->last_message_at == b->last_message_at &&
           a->last_in_at == b->last_in_at && a->last_out_at == b->last_out_at &&
           a->answered_at == b->answered_at && a->answered_id == b->answered_id &&
           str_eq(a->preview, b->preview) && a->message_count == b->message_count && a->unread == b->unread;
}

static bool same_tags(const struct edit *edit)
{
    if (!edit->tags_given) {
        return true;
    }
    if (edit->tags_before.len != edit->tags_after.len) {
        return false;
    }
    for (size_t i = 0; i < edit->tags_before.len; i++) {
        if (edit->tags_before.items[i].id != edit->tags_after.items[i].id) {
            return false;
        }
    }
    return true;
}

static void put_before_after(struct json_writer *w, const char *key, struct str before, struct str after)
{
    json_key(w, key);
    json_open(w, '{');
    json_key(w, "before");
    json_put_str(w, before);
    json_key(w, "after");
    json_put_str(w, after);
    json_close(w, '}');
}

static void changed_str(struct json_writer *w, const char *key, struct str before, struct str after)
{
    if (!str_eq(before, after)) {
        put_before_after(w, key, before, after);
    }
}

static void changed_id(struct json_writer *w, const char *key, i64 before, i64 after)
{
    if (before != after) {
        json_key(w, key);
        json_open(w, '{');
        json_key(w, "before");
        json_put_i64(w, before);
        json_key(w, "after");
        json_put_i64(w, after);
        json_close(w, '}');
    }
}

static void changed_time(struct json_writer *w, const char *key, i64 before, i64 after)
{
    if (before != after) {
        json_key(w, key);
        json_open(w, '{');
        json_key(w, "before");
        json_put_time(w, before);
        json_key(w, "after");
        json_put_time(w, after);
        json_close(w, '}');
    }
}

static void put_names(struct json_writer *w, const char *key, const struct name_refs *refs)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < refs->len; i++) {
        json_put_str(w, refs->items[i].name);
    }
    json_close(w, ']');
}

static void put_changes(struct json_writer *w, const struct edit *edit)
{
    const struct record *a = &edit->before;
    const struct record *b = &edit->after;
    changed_str(w, "status", a->status, b->status);
    changed_id(w, "assignee_id", a->assignee_id, b->assignee_id);
    changed_id(w, "team_id", a->team_id, b->team_id);
    changed_str(w, "priority", a->priority, b->priority);
    changed_time(w, "snoozed_until", a->snoozed_until, b->snoozed_until);
    changed_time(w, "due_at", a->due_at, b->due_at);
    changed_id(w, "contact_id", a->contact_id, b->contact_id);
    changed_id(w, "merged_into", a->merged_into, b->merged_into);
    if (a->spam != b->spam) {
        changed_id(w, "spam", a->spam, b->spam);
    }
    if (!same_tags(edit)) {
        json_key(w, "tags");
        json_open(w, '{');
        put_names(w, "before", &edit->tags_before);
        put_names(w, "after", &edit->tags_after);
        json_close(w, '}');
    }
}

static struct str change_data(struct change *change, const struct edit *edit)
{
    struct buf buf;
    buf_init(&buf, change->tx->arena, 64 * 1024);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    json_key(&w, "changes");
    json_open(&w, '{');
    put_changes(&w, edit);
    json_close(&w, '}');
    if (str_given(change->reason)) {
        json_key(&w, "reason");
        json_put_str(&w, change->reason);
    }
    json_close(&w, '}');
    return buf_str(&buf);
}

// ---- Writing --------------------------------------------------------------------------------------

static bool write_all(struct change *change, const struct record *row, struct err *err)
{
    return db_exec(change->tx->conn, &SQL_conversation_set,
                   DB_ARGS(db_str(row->status), db_i64(row->spam), db_i64(row->contact_id),
                           db_str(row->contact_name), db_str(row->contact_handle), db_i64(row->assignee_id),
                           db_i64(row->team_id), db_str(row->priority), db_str(row->language),
                           db_opt(row->waiting_since), db_opt(row->due_at), db_i64(row->urgent_at),
                           db_opt(row->snoozed_until), db_i64(row->last_message_at), db_opt(row->last_in_at),
                           db_opt(row->last_out_at), db_i64(row->answered_at), db_i64(row->answered_id),
                           db_str(row->preview), db_i64(row->message_count), db_i64(row->unread),
                           db_i64(row->version), db_i64(row->updated_at), db_opt(row->closed_at),
                           db_opt(row->callback_at), db_i64(change->workspace_id), db_i64(row->id)),
                   NULL, err);
}

static bool write_activity(struct change *change, const struct record *row, struct err *err)
{
    return db_exec(change->tx->conn, &SQL_conversation_set_activity,
                   DB_ARGS(db_str(row->language), db_opt(row->waiting_since), db_i64(row->urgent_at),
                           db_i64(row->last_message_at), db_opt(row->last_in_at), db_opt(row->last_out_at),
                           db_i64(row->answered_at), db_i64(row->answered_id), db_str(row->preview),
                           db_i64(row->message_count), db_i64(row->unread), db_i64(row->version),
                           db_i64(row->updated_at), db_i64(change->workspace_id), db_i64(row->id)),
                   NULL, err);
}

static bool is_open(const struct record *row)
{
    return str_eq(row->status, S("open")) && !row->spam;
}

static bool has_tag(const struct name_refs *refs, i64 id)
{
    for (size_t i = 0; i < refs->len; i++) {
        if (refs->items[i].id == id) {
            return true;
        }
    }
    return false;
}

static bool write_tags(struct change *change, const struct edit *edit, struct err *err)
{
    struct conn *conn = change->tx->conn;
    const struct record *row = &edit->after;
    for (size_t i = 0; edit->tags_given && i < edit->tags_before.len; i++) {
        i64 id = edit->tags_before.items[i].id;
        if (!has_tag(&edit->tags_after, id) &&
            !db_exec(conn, &SQL_conversation_tag_delete,
                     DB_ARGS(db_i64(change->workspace_id), db_i64(id), db_i64(row->id)), NULL, err)) {
            return false;
        }
    }
    for (size_t i = 0; edit->tags_given && i < edit->tags_after.len; i++) {
        i64 id = edit->tags_after.items[i].id;
        if (!has_tag(&edit->tags_before, id) &&
            !db_exec(conn, &SQL_conversation_tag_insert,
                     DB_ARGS(db_i64(change->workspace_id), db_i64(id), db_i64(row->id), db_i64(is_open(row)),
                             db_i64(row->urgent_at)),
                     NULL, err)) {
            return false;
        }
    }
    if (edit->fresh || (is_open(&edit->before) == is_open(row) && edit->before.urgent_at == row->urgent_at)) {
        return true;
    }
    return db_exec(
        conn, &SQL_conversation_tag_carry,
        DB_ARGS(db_i64(is_open(row)), db_i64(row->urgent_at), db_i64(change->workspace_id), db_i64(row->id)),
        NULL, err);
}

static bool write_event(struct change *change, const struct edit *edit, struct err *err)
{
    if (edit->fresh) {
        return change_log(change, EVENT_CONVERSATION_CREATED, &edit->after, 0, STR_NONE, err);
    }
    const struct record *a = &edit->before;
    const struct record *b = &edit->after;
    if (!same_tags(edit) || !str_eq(a->status, b->status) || a->assignee_id != b->assignee_id ||
        a->team_id != b->team_id || !str_eq(a->priority, b->priority) ||
        a->snoozed_until != b->snoozed_until || a->due_at != b->due_at || a->contact_id != b->contact_id ||
        a->spam != b->spam) {
        return change_log(change, EVENT_CONVERSATION_UPDATED, b, 0, change_data(change, edit), err);
    }
    if (a->unread > 0 && b->unread == 0 && !edit->touched) {
        return change_log(change, EVENT_CONVERSATION_READ, b, 0, STR_NONE, err);
    }
    return true; // the message's own event says it
}

bool edit_finish(struct change *change, struct edit *edit, struct err *err)
{
    struct record *row = &edit->after;
    if (!renew(change, edit, err) || !derive_urgency(change, row, err)) {
        return false;
    }
    bool place = same_place(&edit->before, row);
    if (!edit->fresh && !edit->touched && place && same_activity(&edit->before, row) && same_tags(edit)) {
        return true;
    }
    row->updated_at = change->tx->now;
    row->version = edit->before.version + 1;
    if (!(place ? write_activity(change, row, err) : write_all(change, row, err)) ||
        !write_tags(change, edit, err) || !write_event(change, edit, err)) {
        return false;
    }
    if (!edit->fresh) {
        counts_collect(&change->deltas, &edit->before, -1, change->tx->arena);
    }
    counts_collect(&change->deltas, row, 1, change->tx->arena);
    return true;
}
