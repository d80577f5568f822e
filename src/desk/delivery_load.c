// SPDX-License-Identifier: AGPL-3.0-or-later
// All that a driver is told about one thing to send: the message, what it answers, its files.
// Read outside of any write, because files may be large.
#include "base/buf.h"
#include "desk/delivery_row.h"
#include "desk/file.h"
#include "desk/mail.h"
#include "sql_gen.h"

static int action_of(struct str word)
{
    if (str_eq(word, S("edit")))
        return OUT_EDIT;
    if (str_eq(word, S("delete")))
        return OUT_DELETE;
    if (str_eq(word, S("like")))
        return OUT_LIKE;
    return str_eq(word, S("unlike")) ? OUT_UNLIKE : OUT_SEND;
}

static void fill(struct rows *rows, struct arena *arena, struct delivery *out)
{
    struct str action = row_str(rows, 5, arena);
    out->id = row_i64(rows, 0);
    out->workspace_id = row_i64(rows, 1);
    out->channel_id = row_i64(rows, 2);
    out->conversation_id = row_i64(rows, 3);
    out->message_id = row_i64(rows, 4);
    out->attempts = row_i64(rows, 7);
    out->doubt_since = row_i64(rows, 8);
    out->created_at = row_i64(rows, 9);
    out->out.doubt_since = out->doubt_since;
    out->out.attempts = out->attempts;
    out->out.action = action_of(action);
    out->out.message_id = out->message_id;
    out->out.client_key = row_str(rows, 6, arena);
    out->out.thread_key = row_str(rows, 10, arena);
    out->out.visibility = row_str(rows, 11, arena);
    out->out.conversation_kind = row_str(rows, 12, arena);
    out->out.text = row_str(rows, 13, arena);
    out->out.reply_to = row_str(rows, 14, arena);
    out->out.target_id = row_str(rows, 15, arena);
    out->out.target_extra = row_str(rows, 16, arena);
    out->out.like_external_id = row_str(rows, 17, arena);
    out->route_id = row_i64(rows, 19);
    out->out.address = row_str(rows, 20, arena);
    // Answers go by the moment they were written; other actions by the moment they were asked for.
    out->out.created_at = out->out.action == OUT_SEND ? row_i64(rows, 18) : out->created_at;
}

static bool load_row(struct conn *conn, i64 id, struct arena *arena, struct delivery *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_delivery_load, DB_ARGS(db_i64(id)), &rows, err))
        return false;
    bool found = rows_next(rows);
    if (found)
        fill(rows, arena, out);
    if (!rows_end(rows, err))
        return false;
    return found || err_set(err, ERR_NOT_FOUND, "The message is gone.");
}

static bool load_answered(struct conn *conn, struct arena *arena, struct delivery *d, struct err *err)
{
    struct rows *rows;
    bool named = d->out.reply_to.len > 0;
    bool ok =
        named ? db_query(conn, &SQL_delivery_answered,
                         DB_ARGS(db_i64(d->workspace_id), db_i64(d->channel_id), db_str(d->out.reply_to)),
                         &rows, err)
              : db_query(conn, &SQL_delivery_newest_in,
                         DB_ARGS(db_i64(d->workspace_id), db_i64(d->conversation_id), db_i64(d->route_id)),
                         &rows, err);
    if (!ok)
        return false;
    if (rows_next(rows)) {
        if (!named)
            d->out.reply_to = row_str(rows, 0, arena);
        d->out.reply_extra = row_str(rows, named ? 0 : 1, arena);
    }
    return rows_end(rows, err);
}

static bool load_attachments(struct conn *conn, struct arena *arena, struct delivery *d, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_delivery_attachments, DB_ARGS(db_i64(d->workspace_id), db_i64(d->message_id)),
                  &rows, err))
        return false;
    while (rows_next(rows)) {
        struct str mime = row_str(rows, 7, arena);
        *list_push(&d->out.attachments, arena) = (struct outbound_attachment){
            .mime = mime.len ? mime : row_str(rows, 1, arena),
            .name = row_str(rows, 2, arena),
            .alt = row_str(rows, 3, arena),
            .width = row_i64(rows, 8) ? row_i64(rows, 8) : row_i64(rows, 5),
            .height = row_i64(rows, 9) ? row_i64(rows, 9) : row_i64(rows, 6),
            .sha256 = row_str(rows, 0, arena),
            .size = row_i64(rows, 10),
        };
    }
    return rows_end(rows, err);
}

bool delivery_load_files(struct conn *conn, const struct channel_driver *driver,
                         const struct delivery_links *links, struct arena *arena, struct delivery *delivery,
                         struct err *err)
{
    for (size_t i = 0; i < delivery->out.attachments.len; i++) {
        struct outbound_attachment *a = &delivery->out.attachments.items[i];
        if (!a->sha256.len)
            continue;
        struct file_link link = {.workspace_id = delivery->workspace_id,
                                 .sha256 = a->sha256,
                                 .name = a->name,
                                 .expires_at = links->now + DELIVERY_LINK_MS};
        if (driver->address_above > 0 && (size_t)a->size > driver->address_above)
            a->url = str_printf(arena, "%.*s%.*s", STR_ARG(links->public_url),
                                STR_ARG(file_address(links->key, arena, &link)));
        else if (!file_read(conn, delivery->workspace_id, a->sha256, 0, a->size, arena, &a->bytes, err))
            return false;
    }
    return true;
}

bool delivery_load(struct conn *conn, i64 id, bool confirm, struct arena *arena, struct delivery *out,
                   struct err *err)
{
    struct delivery d = {.confirm = confirm};
    if (!load_row(conn, id, arena, &d, err))
        return false;
    if (d.out.action == OUT_SEND &&
        (!load_answered(conn, arena, &d, err) || !load_attachments(conn, arena, &d, err) ||
         !mail_load_out(conn, d.workspace_id, d.conversation_id, d.message_id, arena, &d.out, err)))
        return false;
    *out = d;
    return true;
}
