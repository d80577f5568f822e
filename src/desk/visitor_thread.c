// SPDX-License-Identifier: AGPL-3.0-or-later
// What a visitor may read: the messages whose id begins with the session's thread, and their files.
#include "desk/session.h"
#include "desk/visitor.h"
#include "sql_gen.h"
#include "text/words.h"

static const struct type attachment_type = {
    "VisitorFile",
    (const struct field[]){
        FIELD(visitor_attachment, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(visitor_attachment, FIELD_STR, mime, FIELD_READ_ONLY),
        FIELD(visitor_attachment, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(visitor_attachment, FIELD_STR, alt, FIELD_READ_ONLY),
        FIELD(visitor_attachment, FIELD_I64, size, FIELD_READ_ONLY, .doc = "bytes"),
        FIELD(visitor_attachment, FIELD_I64, width, FIELD_READ_ONLY),
        FIELD(visitor_attachment, FIELD_I64, height, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct visitor_attachment),
};
const struct type visitor_message_type = {
    "VisitorMessage",
    (const struct field[]){
        FIELD(visitor_message, FIELD_STR, id, FIELD_READ_ONLY,
              .doc = "m… of the team, c and the sender's own id of the visitor"),
        FIELD(visitor_message, FIELD_STR, from, FIELD_READ_ONLY, .doc = "visitor or team"),
        FIELD(visitor_message, FIELD_STR, author, FIELD_READ_ONLY,
              .doc = "who of the team, as the channel names them"),
        FIELD(visitor_message, FIELD_STR, text, FIELD_READ_ONLY),
        FIELD(visitor_message, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(visitor_message, FIELD_TIME, edited_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(visitor_message, FIELD_TIME, deleted_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(visitor_message, FIELD_LIST, files, FIELD_READ_ONLY, .type = &attachment_type),
        FIELD_END,
    },
    sizeof(struct visitor_message),
};

struct visitor_naming visitor_naming(const struct visitor_channel *channel)
{
    return (struct visitor_naming){visitor_setting(channel, "agent_names"), visitor_title(channel)};
}

struct str visitor_agent_name(struct visitor_naming naming, struct str name)
{
    struct str rest;
    if (name.len == 0 || str_eq(naming.how, S("brand")))
        return naming.brand;
    return str_eq(naming.how, S("full")) ? name : str_cut(name, ' ', &rest);
}

void visitor_message_name(struct visitor_message *message, struct visitor_naming naming)
{
    bool ours = str_eq(message->direction, S("out"));
    message->from = ours ? S("team") : S("visitor");
    message->author = ours ? visitor_agent_name(naming, message->agent_name) : S("");
}

static void fill(struct rows *rows, struct visitor_message *out, struct arena *arena)
{
    *out = (struct visitor_message){
        .number = row_i64(rows, 0),
        .external_id = row_str(rows, 1, arena),
        .direction = row_str(rows, 2, arena),
        .origin = row_str(rows, 3, arena),
        .text = row_str(rows, 4, arena),
        .created_at = row_i64(rows, 5),
        .edited_at = row_i64(rows, 6),
        .deleted_at = row_i64(rows, 7),
        .channel_id = row_i64(rows, 8),
        .agent_name = row_str(rows, 9, arena),
    };
    out->thread = str_cut(out->external_id, '/', &out->id);
    if (!str_given(out->id))
        out->id = S("");
}

static struct visitor_message *find(struct visitor_message_list *list, i64 number)
{
    for (size_t i = 0; i < list->len; i++)
        if (list->items[i].number == number)
            return &list->items[i];
    return NULL;
}

static bool load_files(struct conn *conn, i64 workspace_id, struct visitor_message_list *list,
                       struct arena *arena, struct err *err)
{
    struct buf ids;
    struct rows *rows;
    if (list->len == 0)
        return true;
    buf_init(&ids, arena, 64 * 1024);
    for (size_t i = 0; i < list->len; i++)
        buf_printf(&ids, "%c%lld", i ? ',' : '[', (long long)list->items[i].number);
    buf_add_char(&ids, ']');
    if (!db_query(conn, &SQL_visitor_attachments, DB_ARGS(db_i64(workspace_id), db_str(buf_str(&ids))), &rows,
                  err))
        return false;
    while (rows_next(rows)) {
        struct visitor_message *message = find(list, row_i64(rows, 0));
        if (!message)
            continue;
        *list_push(&message->files, arena) = (struct visitor_attachment){
            .id = row_i64(rows, 1),
            .mime = row_str(rows, 2, arena),
            .name = row_str(rows, 3, arena),
            .alt = row_str(rows, 4, arena),
            .size = row_i64(rows, 6),
            .width = row_i64(rows, 7),
            .height = row_i64(rows, 8),
        };
    }
    return rows_end(rows, err);
}

// "THREAD/" and the first text behind everything that begins so.
static struct str from_of(struct arena *arena, struct str thread)
{
    return str_concat(arena, thread, S("/"));
}

static struct str to_of(struct arena *arena, struct str thread)
{
    return str_concat(arena, thread, S("0")); // the character behind "/"
}

static bool read_cursor(struct str cursor, i64 *ret_at, i64 *ret_id, struct err *err)
{
    struct str id;
    *ret_at = *ret_id = ((i64)1 << 53) - 1;
    if (!str_given(cursor))
        return true;
    struct str at = str_cut(cursor, '.', &id);
    if (str_given(id) && str_to_i64(at, ret_at) && str_to_i64(id, ret_id))
        return true;
    err_field(err, "cursor", "invalid", "This is no cursor of this list.");
    err->code = ERR_SYNTAX;
    return false;
}

static void reverse(struct visitor_message_list *list)
{
    for (size_t i = 0, k = list->len; i + 1 < k; i++) {
        k--;
        struct visitor_message swap = list->items[i];
        list->items[i] = list->items[k];
        list->items[k] = swap;
    }
}

bool visitor_messages(struct conn *conn, const struct visitor *visitor, struct visitor_naming naming,
                      struct str cursor, i64 limit, struct arena *arena, struct visitor_message_list *out,
                      struct str *ret_next, struct err *err)
{
    struct visitor_message_list page = {};
    struct rows *rows;
    i64 at, id;
    *ret_next = STR_NONE;
    if (!read_cursor(cursor, &at, &id, err) ||
        !db_query(conn, &SQL_visitor_messages,
                  DB_ARGS(db_i64(visitor->workspace_id), db_i64(visitor->channel_id),
                          db_str(from_of(arena, visitor->thread_key)),
                          db_str(to_of(arena, visitor->thread_key)), db_i64(at), db_i64(id),
                          db_i64(limit + 1)),
                  &rows, err))
        return false;
    while (rows_next(rows))
        fill(rows, list_push(&page, arena), arena);
    if (!rows_end(rows, err))
        return false;
    if (page.items && (i64)page.len > limit) {
        const struct visitor_message *last = &page.items[--page.len - 1];
        *ret_next = str_printf(arena, "%lld.%lld", (long long)last->created_at, (long long)last->number);
    }
    for (size_t i = 0; i < page.len; i++)
        visitor_message_name(&page.items[i], naming);
    reverse(&page);
    *out = page;
    return load_files(conn, visitor->workspace_id, out, arena, err);
}

bool visitor_message_load(struct conn *conn, i64 workspace_id, i64 number, struct arena *arena,
                          struct visitor_message *out, struct err *err)
{
    struct visitor_message_list one = {};
    struct rows *rows;
    if (!db_query(conn, &SQL_visitor_message, DB_ARGS(db_i64(workspace_id), db_i64(number)), &rows, err))
        return false;
    if (rows_next(rows))
        fill(rows, list_push(&one, arena), arena);
    if (!rows_end(rows, err))
        return false;
    if (one.len == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such message.");
    if (!load_files(conn, workspace_id, &one, arena, err))
        return false;
    *out = one.items[0];
    return true;
}

// ---- Files --------------------------------------------------------------------------------------------

bool visitor_file_room(struct conn *conn, const struct visitor *visitor, i64 size, i64 now, struct err *err)
{
    struct rows *rows;
    i64 all = 0, own = 0;
    if (!db_query(conn, &SQL_visitor_file_total,
                  DB_ARGS(db_i64(visitor->id), db_i64(visitor->workspace_id), db_i64(visitor->channel_id),
                          db_i64(now - (i64)24 * 3600 * 1000)),
                  &rows, err))
        return false;
    if (rows_next(rows)) {
        all = row_i64(rows, 0);
        own = row_i64(rows, 1);
    }
    if (!rows_end(rows, err))
        return false;
    if (own + size > VISITOR_DAY_MAX || all + size > VISITOR_CHANNEL_MAX)
        return err_retry(err, ERR_RATE_LIMITED, 3600, "There is no room for more files today.");
    return true;
}

bool visitor_file_note(struct tx *tx, const struct visitor *visitor, const struct visitor_kept_file *file,
                       struct err *err)
{
    return db_exec(tx->conn, &SQL_visitor_file_put,
                   DB_ARGS(db_i64(visitor->workspace_id), db_i64(visitor->id), db_str(file->sha256),
                           db_i64(visitor->channel_id), db_str(file->name), db_i64(file->size),
                           db_i64(tx->now)),
                   NULL, err);
}

static bool read_file(struct rows *rows, struct str sha256, struct visitor_kept_file *out,
                      struct arena *arena)
{
    if (!rows_next(rows))
        return false;
    *out = (struct visitor_kept_file){.sha256 = sha256,
                                      .name = row_str(rows, 0, arena),
                                      .mime = row_str(rows, 1, arena),
                                      .size = row_i64(rows, 2),
                                      .width = row_i64(rows, 3),
                                      .height = row_i64(rows, 4)};
    return true;
}

bool visitor_file_get(struct conn *conn, const struct visitor *visitor, struct str sha256,
                      struct arena *arena, struct visitor_kept_file *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_visitor_file_get,
                  DB_ARGS(db_i64(visitor->workspace_id), db_i64(visitor->id), db_str(sha256)), &rows, err))
        return false;
    bool found = read_file(rows, sha256, out, arena);
    if (!rows_end(rows, err))
        return false;
    return found || err_set(err, ERR_NOT_FOUND, "There is no such file.");
}

bool visitor_attachment_get(struct conn *conn, const struct visitor *visitor, i64 id, struct arena *arena,
                            struct visitor_kept_file *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_visitor_attachment,
                  DB_ARGS(db_i64(visitor->workspace_id), db_i64(id), db_i64(visitor->channel_id),
                          db_str(from_of(arena, visitor->thread_key)),
                          db_str(to_of(arena, visitor->thread_key))),
                  &rows, err))
        return false;
    bool found = rows_next(rows);
    if (found)
        *out = (struct visitor_kept_file){.sha256 = row_str(rows, 0, arena),
                                          .mime = row_str(rows, 1, arena),
                                          .name = row_str(rows, 2, arena),
                                          .size = row_i64(rows, 3)};
    if (!rows_end(rows, err))
        return false;
    return found || err_set(err, ERR_NOT_FOUND, "There is no such file.");
}
