// SPDX-License-Identifier: AGPL-3.0-or-later
// See mark.h. Also the life of an answer on its way: states that only move forward, echoes of our own
// answers that came before the network's answer to our send.
#include "desk/mark.h"
#include "desk/events.h"
#include "sql_gen.h"

static const struct field message_row_fields[] = {
    FIELD(message_row, FIELD_I64, id, 0),
    FIELD(message_row, FIELD_I64, workspace_id, 0),
    FIELD(message_row, FIELD_I64, conversation_id, 0),
    FIELD(message_row, FIELD_I64, channel_id, 0),
    FIELD(message_row, FIELD_STR, external_id, FIELD_NULLABLE),
    FIELD(message_row, FIELD_STR, direction, 0),
    FIELD(message_row, FIELD_STR, kind, 0),
    FIELD(message_row, FIELD_STR, visibility, 0),
    FIELD(message_row, FIELD_STR, origin, 0),
    FIELD(message_row, FIELD_I64, identity_id, 0),
    FIELD(message_row, FIELD_I64, agent_id, 0),
    FIELD(message_row, FIELD_STR, author_name, 0),
    FIELD(message_row, FIELD_STR, author_handle, 0),
    FIELD(message_row, FIELD_STR, text, 0),
    FIELD(message_row, FIELD_STR, language, 0),
    FIELD(message_row, FIELD_STR, reply_to, FIELD_NULLABLE),
    FIELD(message_row, FIELD_STR, extra, 0),
    FIELD(message_row, FIELD_I64, created_at, 0),
    FIELD(message_row, FIELD_I64, received_at, 0),
    FIELD(message_row, FIELD_I64, edited_at, 0),
    FIELD(message_row, FIELD_I64, deleted_at, 0),
    FIELD(message_row, FIELD_I64, version, 0),
    FIELD(message_row, FIELD_STR, send_state, FIELD_NULLABLE),
    FIELD(message_row, FIELD_STR, error, FIELD_NULLABLE),
    FIELD(message_row, FIELD_I64, liked_at, 0),
    FIELD(message_row, FIELD_STR, like_external_id, FIELD_NULLABLE),
    FIELD(message_row, FIELD_I64, route_id, 0),
    FIELD(message_row, FIELD_I64, undo_until, 0),
    FIELD(message_row, FIELD_STR, call_result, FIELD_NULLABLE),
    FIELD_END,
};
const struct type message_row_type = {"MessageRow", message_row_fields, sizeof(struct message_row)};

static const struct field mark_fields[] = {
    FIELD(mark, FIELD_I64, edited_at, 0),
    FIELD(mark, FIELD_STR, edited_text, FIELD_NULLABLE),
    FIELD(mark, FIELD_I64, deleted_at, 0),
    FIELD(mark, FIELD_I64, receipt, 0),
    FIELD_END,
};
const struct type mark_type = {"Mark", mark_fields, sizeof(struct mark)};

static bool is(struct str a, const char *b)
{
    return str_eq(a, str_from(b));
}

bool message_row_load(struct change *change, i64 id, struct message_row *out, struct edit **ret_edit,
                      struct err *err)
{
    struct conn *conn = change->tx->conn;
    i64 conversation;
    if (!db_one_i64(conn, &SQL_message_conversation, DB_ARGS(db_i64(change->workspace_id), db_i64(id)),
                    &conversation, err)) {
        return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "There is no such message.") : false;
    }
    struct message_row row = {};
    if (!change_open(change, conversation, ret_edit, err) ||
        !db_one(conn, &SQL_message_record, DB_ARGS(db_i64(change->workspace_id), db_i64(id)),
                &message_row_type, &row, change->tx->arena, err)) {
        return false;
    }
    // It may have moved to another conversation while we waited for the lock.
    if (row.conversation_id != conversation && !change_open(change, row.conversation_id, ret_edit, err)) {
        return false;
    }
    *out = row;
    return true;
}

static struct str number_data(struct change *change, const char *key, i64 value)
{
    return str_printf(change->tx->arena, "{\"%s\":%lld}", key, (long long)value);
}

// ---- Texts ------------------------------------------------------------------------------------------

// The old text is kept under the version it had: the search index unlearns exactly it.
static bool replace_text(struct change *change, struct message_row *row, struct str text, struct err *err)
{
    if (!db_exec(change->tx->conn, &SQL_message_version_insert,
                 DB_ARGS(db_i64(change->workspace_id), db_i64(row->id), db_i64(row->version),
                         db_str(row->text), db_i64(change->tx->now)),
                 NULL, err)) {
        return false;
    }
    row->text = text;
    row->version++;
    return true;
}

static bool write_text(struct change *change, const struct message_row *row, struct err *err)
{
    return db_exec(change->tx->conn, &SQL_message_set_text,
                   DB_ARGS(db_str(row->text), db_opt(row->edited_at), db_opt(row->deleted_at),
                           db_i64(row->version), db_i64(change->workspace_id), db_i64(row->id)),
                   NULL, err);
}

// Unread counts customer messages since somebody looked; a deleted one among them counts no more.
static bool drop_unread(struct change *change, struct edit *edit, const struct message_row *row,
                        struct err *err)
{
    i64 behind;
    if (edit->after.unread == 0) {
        return true;
    }
    if (!db_one_i64(change->tx->conn, &SQL_conversation_unread_behind,
                    DB_ARGS(db_i64(change->workspace_id), db_i64(row->conversation_id), db_i64(row->id)),
                    &behind, err)) {
        return false;
    }
    edit->after.unread -= behind < edit->after.unread;
    return true;
}

bool message_row_delete(struct change *change, struct edit *edit, struct message_row *row, i64 at,
                        struct err *err)
{
    bool before = row->deleted_at > 0;
    if (before && row->deleted_at <= at) {
        return true;
    }
    row->deleted_at = at;
    if (before) {
        return write_text(change, row, err); // known to be gone even earlier: nothing to show
    }
    if (!replace_text(change, row, S(""), err) || !write_text(change, row, err) ||
        !db_exec(change->tx->conn, &SQL_message_attachments_delete,
                 DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), NULL, err)) {
        return false;
    }
    if (is(row->kind, "note") &&
        !db_exec(change->tx->conn, &SQL_mention_delete,
                 DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), NULL, err)) {
        return false;
    }
    edit->touched = true;
    if (is(row->kind, "message")) {
        edit->renew_preview = true;
        edit->renew_waiting = true;
        edit->renew_answered |= is(row->origin, "elsewhere") || str_given(row->call_result);
        if (is(row->direction, "in") && !str_given(row->call_result) &&
            !drop_unread(change, edit, row, err)) {
            return false;
        }
    }
    return change_log(change, EVENT_MESSAGE_DELETED, &edit->after, row->id,
                      number_data(change, "version", row->version), err);
}

static bool apply_edit(struct change *change, struct edit *edit, struct message_row *row,
                       const struct mark *mark, struct err *err)
{
    if (mark->edited_at < row->edited_at ||
        (mark->edited_at == row->edited_at && str_eq(mark->edited_text, row->text))) {
        return true;
    }
    row->edited_at = mark->edited_at;
    if (row->deleted_at > 0) {
        return write_text(change, row, err); // what is gone stays gone
    }
    if (!replace_text(change, row, str_given(mark->edited_text) ? mark->edited_text : S(""), err) ||
        !write_text(change, row, err)) {
        return false;
    }
    edit->touched = true;
    edit->renew_preview |= is(row->kind, "message");
    return change_log(change, EVENT_MESSAGE_EDITED, &edit->after, row->id,
                      number_data(change, "version", row->version), err);
}

bool mark_apply(struct change *change, struct edit *edit, struct message_row *row, const struct mark *mark,
                struct err *err)
{
    if (mark->edited_at > 0 && !apply_edit(change, edit, row, mark, err)) {
        return false;
    }
    if (mark->deleted_at > 0 && !message_row_delete(change, edit, row, mark->deleted_at, err)) {
        return false;
    }
    if (mark->receipt == 0 || !is(row->direction, "out") || !is(row->kind, "message")) {
        return true;
    }
    return message_row_state(change, edit, row, mark->receipt == RECEIPT_READ ? S("read") : S("delivered"),
                             STR_NONE, err);
}

// ---- States -----------------------------------------------------------------------------------------

// 0: still in our hands, anything may follow; from sent on only up.
static int rank(struct str state)
{
    return is(state, "sent") ? 1 : is(state, "delivered") ? 2 : is(state, "read") ? 3 : 0;
}

static bool answers(struct str state)
{
    return !is(state, "failed") && !is(state, "cancelled");
}

static struct str state_data(struct change *change, struct str before, struct str after, struct str error)
{
    struct buf buf;
    buf_init(&buf, change->tx->arena, 16 * 1024);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    json_key(&w, "before");
    json_put_str(&w, before);
    json_key(&w, "after");
    json_put_str(&w, after);
    if (error.len > 0) {
        json_key(&w, "error");
        json_put_str(&w, error);
    }
    json_close(&w, '}');
    return buf_str(&buf);
}

bool message_row_state(struct change *change, struct edit *edit, struct message_row *row, struct str state,
                       struct str error, struct err *err)
{
    struct str before = row->send_state;
    struct str why = error.len > 0 ? error : STR_NONE;
    if (rank(before) > 0 && rank(state) <= rank(before)) {
        return true;
    }
    if (str_eq(before, state) && str_eq(row->error, why)) {
        return true;
    }
    if (!db_exec(change->tx->conn, &SQL_message_set_state,
                 DB_ARGS(db_str(state), db_str(why), db_i64(change->workspace_id), db_i64(row->id)), NULL,
                 err)) {
        return false;
    }
    if (answers(before) != answers(state)) {
        edit->renew_waiting = true;
    }
    if (is(before, "cancelled") != is(state, "cancelled")) {
        edit->renew_preview = true;
    }
    edit->touched = true;
    row->send_state = state;
    row->error = why;
    return change_log(change, EVENT_MESSAGE_STATE, &edit->after, row->id,
                      state_data(change, before, state, why), err);
}

bool message_set_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str error,
                       struct err *err)
{
    struct change change;
    struct edit *edit;
    struct message_row row;
    change_init(&change, tx, workspace_id, 0);
    return message_row_load(&change, id, &row, &edit, err) &&
           message_row_state(&change, edit, &row, state, error, err) && change_finish(&change, err);
}

bool message_set_deleted(struct tx *tx, i64 workspace_id, i64 id, i64 at, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct message_row row;
    change_init(&change, tx, workspace_id, 0);
    return message_row_load(&change, id, &row, &edit, err) &&
           message_row_delete(&change, edit, &row, at, err) && change_finish(&change, err);
}

bool message_unedit(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct message_row row;
    struct rows *rows;
    struct str before = STR_NONE;
    change_init(&change, tx, workspace_id, 0);
    if (!message_row_load(&change, id, &row, &edit, err) ||
        !db_query(tx->conn, &SQL_version_last, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        before = row_str(rows, 0, tx->arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    struct mark mark = {.edited_at = tx->now, .edited_text = before};
    return !str_given(before) || row.deleted_at > 0 ||
           (mark_apply(&change, edit, &row, &mark, err) && change_finish(&change, err));
}

bool message_set_like(struct tx *tx, i64 workspace_id, i64 id, i64 liked_at, struct str like_external_id,
                      struct err *err)
{
    struct change change;
    struct edit *edit;
    struct message_row row;
    change_init(&change, tx, workspace_id, 0);
    if (!message_row_load(&change, id, &row, &edit, err)) {
        return false;
    }
    if (row.liked_at == liked_at && str_eq(row.like_external_id, like_external_id)) {
        return true;
    }
    if (!db_exec(tx->conn, &SQL_message_set_like,
                 DB_ARGS(db_opt(liked_at), db_str(like_external_id), db_i64(workspace_id), db_i64(id)), NULL,
                 err)) {
        return false;
    }
    if ((row.liked_at > 0) == (liked_at > 0)) {
        return true;
    }
    edit->touched = true;
    return change_log(&change, EVENT_MESSAGE_LIKED, &edit->after, id,
                      number_data(&change, "liked", liked_at > 0), err) &&
           change_finish(&change, err);
}

// ---- Echoes -----------------------------------------------------------------------------------------

static bool row_of_external(struct change *change, i64 channel_id, struct str external_id,
                            struct message_row *out, struct err *err)
{
    struct err why = {};
    struct message_row row = {};
    if (!db_one(change->tx->conn, &SQL_message_record_external,
                DB_ARGS(db_i64(change->workspace_id), db_i64(channel_id), db_str(external_id)),
                &message_row_type, &row, change->tx->arena, &why) &&
        why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    *out = row;
    return true;
}

// The other sight of our answer goes; what it knew (a receipt) stays with ours. Edits and deletions are
// marks under the same id and come with them.
static bool fold(struct change *change, struct edit *edit, struct message_row *ours,
                 const struct message_row *echo, struct err *err)
{
    struct conn *conn = change->tx->conn;
    i64 workspace = change->workspace_id;
    if (!db_exec(conn, &SQL_message_versions_delete, DB_ARGS(db_i64(workspace), db_i64(echo->id)), NULL,
                 err) ||
        !db_exec(conn, &SQL_message_attachments_delete, DB_ARGS(db_i64(workspace), db_i64(echo->id)), NULL,
                 err) ||
        !db_exec(conn, &SQL_message_delete, DB_ARGS(db_i64(workspace), db_i64(echo->id)), NULL, err)) {
        return false;
    }
    edit->touched = edit->renew_answered = edit->renew_preview = edit->renew_times = true;
    edit->after.message_count -= is(echo->kind, "message");
    if (rank(echo->send_state) > 0 &&
        !message_row_state(change, edit, ours, echo->send_state, STR_NONE, err)) {
        return false;
    }
    return change_log(change, EVENT_MESSAGE_MERGED, &edit->after, echo->id,
                      number_data(change, "into", ours->id), err);
}

bool message_merge_echo(struct tx *tx, i64 workspace_id, i64 channel_id, i64 id, struct str external_id,
                        struct str extra, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct message_row ours;
    struct message_row other = {};
    change_init(&change, tx, workspace_id, 0);
    if (!message_row_load(&change, id, &ours, &edit, err)) {
        return false;
    }
    struct str its_id = external_id.len > 0 ? external_id : ours.external_id;
    if (str_given(its_id) && !str_eq(its_id, ours.external_id) &&
        !row_of_external(&change, channel_id, its_id, &other, err)) {
        return false;
    }
    if (other.id > 0 && other.id != id) {
        if (!is(other.origin, "elsewhere") || other.conversation_id != ours.conversation_id) {
            its_id = ours.external_id; // a customer's message has that id: ours stays known by its number
        } else if (!fold(&change, edit, &ours, &other, err)) {
            return false;
        }
    }
    if (!db_exec(tx->conn, &SQL_message_set_external,
                 DB_ARGS(db_str(its_id), db_str(str_given(extra) ? extra : ours.extra), db_i64(workspace_id),
                         db_i64(id)),
                 NULL, err)) {
        return false;
    }
    struct mark mark = {};
    struct err why = {};
    if (str_given(its_id) && db_one(tx->conn, &SQL_message_mark_hold,
                                    DB_ARGS(db_i64(workspace_id), db_i64(channel_id), db_str(its_id)),
                                    &mark_type, &mark, tx->arena, &why)) {
        if (!mark_apply(&change, edit, &ours, &mark, err)) {
            return false;
        }
    } else if (why.code != ERR_NONE && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return change_finish(&change, err);
}
