// SPDX-License-Identifier: AGPL-3.0-or-later
// What messages are as mails, for those who read them: one question per page.
#include "base/buf.h"
#include "desk/mail.h"
#include "sql_gen.h"

// {"subject":…,"has_html":…,"stranger":…, then what was kept}
static struct str mail_json(struct rows *rows, struct arena *arena)
{
    struct buf out;
    struct str details = row_str(rows, 1, arena);
    buf_init(&out, arena, 512 << 10);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "subject");
    json_put_str(&w, row_str(rows, 4, arena));
    json_key(&w, "has_html");
    json_put_bool(&w, row_i64(rows, 3) != 0);
    json_key(&w, "stranger");
    json_put_bool(&w, row_i64(rows, 2) != 0);
    if (details.len > 2) {
        buf_add_char(&out, ',');
        buf_add(&out, str_sub(details, 1, details.len - 1));
    }
    buf_add_char(&out, '}');
    return out.overflow ? STR_NONE : buf_str(&out);
}

bool mail_load_view(struct conn *conn, i64 workspace_id, struct str ids, struct message_list *messages,
                    struct arena *arena, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_mail_of_page, DB_ARGS(db_i64(workspace_id), db_str(ids)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        i64 id = row_i64(rows, 0);
        for (size_t i = 0; i < messages->len; i++) {
            if (messages->items[i].id == id && messages->items[i].deleted_at == 0) {
                messages->items[i].mail = mail_json(rows, arena);
            }
        }
    }
    return rows_end(rows, err);
}

bool mail_html_get(struct conn *conn, i64 workspace_id, const struct message *message, struct arena *arena,
                   struct str *ret_html, struct err *err)
{
    struct rows *rows;
    struct str html = STR_NONE;
    if (!db_query(conn, &SQL_mail_html, DB_ARGS(db_i64(workspace_id), db_i64(message->id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        html = row_str(rows, 0, arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    *ret_html = html;
    return (str_given(html) && message->deleted_at == 0) ||
           err_set(err, ERR_NOT_FOUND, "This message has no HTML.");
}
