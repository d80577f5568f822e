// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading messages as the contract shows them: one, and pages from the newest back.
#include "desk/message.h"
#include "sql_gen.h"
#include <assert.h>

static const char *const direction_names[] = {"in", "out", NULL};
static const char *const kind_names[] = {"message", "note", "context", NULL};
static const char *const visibility_names[] = {"public", "private", "team", NULL};
static const char *const origin_names[] = {"customer", "agent", "elsewhere", "automation", NULL};
static const char *const send_state_names[] = {"queued", "sending",  "sent",      "delivered", "read",
                                               "failed", "in_doubt", "cancelled", NULL};
static const char *const attachment_state_names[] = {"waiting", "ready", "refused", "failed", NULL};

enum { MAYBE = FIELD_READ_ONLY | FIELD_NULLABLE };
static const struct field author_fields[] = {
    FIELD(message_author, FIELD_I64, id, FIELD_READ_ONLY, .doc = "Contact or agent; 0: not known here."),
    FIELD(message_author, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD(message_author, FIELD_STR, handle, FIELD_READ_ONLY),
    FIELD(message_author, FIELD_ENUM, kind, FIELD_READ_ONLY, .names = origin_names),
    FIELD_END,
};
static const struct type author_type = {"Author", author_fields, sizeof(struct message_author)};
static const struct field attachment_fields[] = {
    FIELD(attachment, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(attachment, FIELD_STR, mime, FIELD_READ_ONLY),
    FIELD(attachment, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD(attachment, FIELD_STR, alt, FIELD_READ_ONLY),
    FIELD(attachment, FIELD_ENUM, state, FIELD_READ_ONLY, .names = attachment_state_names),
    FIELD(attachment, FIELD_STR, reason, FIELD_READ_ONLY, .doc = "Why it was refused or failed."),
    FIELD(attachment, FIELD_STR, url, MAYBE | FIELD_NO_ROW, .doc = "Where to read it, once it is ready."),
    FIELD(attachment, FIELD_I64, size, FIELD_READ_ONLY, .doc = "Bytes."),
    FIELD(attachment, FIELD_I64, width, FIELD_READ_ONLY),
    FIELD(attachment, FIELD_I64, height, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type attachment_type = {"Attachment", attachment_fields, sizeof(struct attachment)};
static const struct field message_fields[] = {
    FIELD(message, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(message, FIELD_I64, conversation_id, FIELD_READ_ONLY),
    FIELD(message, FIELD_I64, channel_id, FIELD_READ_ONLY),
    FIELD(message, FIELD_STR, external_id, MAYBE,
          .doc = "The network's id; null for notes and answers not sent yet."),
    FIELD(message, FIELD_ENUM, direction, FIELD_READ_ONLY, .names = direction_names),
    FIELD(message, FIELD_ENUM, kind, FIELD_READ_ONLY, .names = kind_names,
          .doc = "context: somebody else's post above, shown and never counted."),
    FIELD(message, FIELD_ENUM, visibility, FIELD_READ_ONLY, .names = visibility_names),
    FIELD(message, FIELD_ENUM, origin, FIELD_READ_ONLY, .names = origin_names),
    FIELD(message, FIELD_STR, text, FIELD_READ_ONLY, .doc = "Empty once deleted."),
    FIELD(message, FIELD_STR, language, FIELD_READ_ONLY),
    FIELD(message, FIELD_STR, reply_to, MAYBE, .doc = "External id of the message it answers."),
    FIELD(message, FIELD_STRUCT, author, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &author_type),
    FIELD(message, FIELD_LIST, attachments, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &attachment_type),
    FIELD(message, FIELD_TIME, created_at, FIELD_READ_ONLY, .doc = "The network's time."),
    FIELD(message, FIELD_TIME, received_at, FIELD_READ_ONLY, .doc = "Ours."),
    FIELD(message, FIELD_TIME, edited_at, MAYBE),
    FIELD(message, FIELD_TIME, deleted_at, MAYBE),
    FIELD(message, FIELD_TIME, liked_at, MAYBE, .doc = "Our like."),
    FIELD(message, FIELD_BOOL, late, FIELD_READ_ONLY | FIELD_NO_ROW,
          .doc = "Arrived after something newer was already here."),
    FIELD(message, FIELD_ENUM, send_state, MAYBE, .names = send_state_names,
          .doc = "How far an answer has come."),
    FIELD(message, FIELD_I64, route_id, FIELD_READ_ONLY,
          .doc = "By which way it came or went; 0: the conversation's own thread."),
    FIELD(message, FIELD_TIME, undo_until, MAYBE, .doc = "Until then the answer can be taken back."),
    FIELD(message, FIELD_STR, error, MAYBE, .doc = "Why it failed or is in doubt, in words."),
    FIELD_END,
};
const struct type message_type = {"Message", message_fields, sizeof(struct message)};

void message_encode(struct json_writer *w, const struct message *message)
{
    json_encode(w, &message_type, message);
}

static const char *const draft_kind_names[] = {"reply", "note", NULL};
static const struct field draft_attachment_fields[] = {
    FIELD(draft_attachment, FIELD_STR, sha256, FIELD_REQUIRED, .max = 64, .doc = "Of a file put before."),
    FIELD(draft_attachment, FIELD_STR, name, 0, .max = 200),
    FIELD(draft_attachment, FIELD_STR, alt, 0, .max = 8000, .doc = "What it shows, in words."),
    FIELD_END,
};
static const struct type draft_attachment_type = {"DraftAttachment", draft_attachment_fields,
                                                  sizeof(struct draft_attachment)};
static const struct field draft_fields[] = {
    FIELD(message_draft, FIELD_ENUM, kind, FIELD_REQUIRED, .names = draft_kind_names),
    FIELD(message_draft, FIELD_STR, text, 0, .max = 256 * 1024),
    FIELD(message_draft, FIELD_I64, reply_to, FIELD_NULLABLE,
          .doc = "Number of the message it answers; null: the newest customer message."),
    FIELD(message_draft, FIELD_I64, route_id, 0,
          .doc = "By which way it goes out; 0: the conversation's own thread; without it: the way the "
                 "customer wrote last."),
    FIELD(message_draft, FIELD_LIST, attachments, 0, .max = 20, .type = &draft_attachment_type),
    FIELD_END,
};
const struct type message_draft_type = {"MessageDraft", draft_fields, sizeof(struct message_draft)};

// ---- Reading ----------------------------------------------------------------------------------------

// The statements message_view and message_page end with these four columns.
enum { COLUMN_AGENT = 20, COLUMN_NAME, COLUMN_HANDLE, COLUMN_CONTACT };

static void fill(struct rows *rows, struct message *out, struct arena *arena)
{
    row_fill(rows, &message_type, out, arena);
    i64 agent = row_i64(rows, COLUMN_AGENT);
    out->author = (struct message_author){.id = agent > 0 ? agent : row_i64(rows, COLUMN_CONTACT),
                                          .name = row_str(rows, COLUMN_NAME, arena),
                                          .handle = row_str(rows, COLUMN_HANDLE, arena),
                                          .kind = out->origin};
}

static void add_attachment(struct rows *rows, struct message *message, struct arena *arena)
{
    struct attachment *file = list_push(&message->attachments, arena);
    row_fill(rows, &attachment_type, file, arena);
    if (str_eq(file->state, S("ready"))) {
        file->url = str_printf(arena, "/api/v1/attachments/%lld", (long long)file->id);
    }
}

static bool load_attachments(struct conn *conn, i64 workspace_id, struct message_list *messages,
                             struct arena *arena, struct err *err)
{
    struct buf ids;
    bool sqlite = conn_kind(conn) == DB_SQLITE;
    if (messages->len == 0) {
        return true;
    }
    buf_init(&ids, arena, 16 * 1024);
    for (size_t i = 0; i < messages->len; i++) {
        buf_add_char(&ids, i > 0 ? ',' : sqlite ? '[' : '{');
        buf_add_i64(&ids, messages->items[i].id);
    }
    buf_add_char(&ids, sqlite ? ']' : '}');
    struct rows *rows;
    if (!db_query(conn, &SQL_message_attachments, DB_ARGS(db_i64(workspace_id), db_str(buf_str(&ids))), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        i64 id = row_i64(rows, 0);
        for (size_t i = 0; i < messages->len; i++) {
            struct message *message = &messages->items[i];
            if (message->id == id && message->deleted_at == 0) {
                add_attachment(rows, message, arena);
            }
        }
    }
    return rows_end(rows, err);
}

bool message_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct message *out, struct err *err)
{
    struct message_list one = {};
    struct rows *rows;
    if (!db_query(conn, &SQL_message_view, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        fill(rows, list_push(&one, arena), arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    struct err why = {};
    if (one.len == 0 || !conversation_visible(conn, actor, one.items[0].conversation_id, &why)) {
        if (why.code != ERR_NONE && why.code != ERR_NOT_FOUND) {
            *err = why;
            return false;
        }
        return err_set(err, ERR_NOT_FOUND, "There is no such message.");
    }
    struct message *message = &one.items[0];
    i64 late;
    if (!load_attachments(conn, actor->workspace_id, &one, arena, err) ||
        !db_one_i64(conn, &SQL_message_came_late,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(message->conversation_id),
                            db_i64(message->created_at), db_i64(id)),
                    &late, err)) {
        return false;
    }
    message->late = late != 0;
    *out = *message;
    return true;
}

// Where a page ends: time and number of its oldest message, and the lowest number seen so far: an older
// message with a higher number came late.
struct place {
    i64 at, id, lowest;
};

static bool read_cursor(struct str cursor, struct place *out, struct err *err)
{
    *out = (struct place){INT64_MAX, INT64_MAX, INT64_MAX};
    if (cursor.len == 0) {
        return true;
    }
    struct str rest;
    struct str lowest = STR_NONE;
    struct str at = str_cut(cursor, '.', &rest);
    struct str id = str_given(rest) ? str_cut(rest, '.', &lowest) : STR_NONE;
    if (str_to_i64(at, &out->at) && str_to_i64(id, &out->id) && str_to_i64(lowest, &out->lowest)) {
        return true;
    }
    err_set(err, ERR_SYNTAX, "The cursor is not one of ours.");
    memcpy(err->field, "cursor", sizeof("cursor"));
    return false;
}

static void mark_late(struct message_list *newest_first, struct place *place)
{
    for (size_t i = 0; i < newest_first->len; i++) {
        struct message *message = &newest_first->items[i];
        message->late = message->id > place->lowest;
        place->lowest = message->id < place->lowest ? message->id : place->lowest;
        place->at = message->created_at;
        place->id = message->id;
    }
}

static void reverse(struct message_list *list)
{
    for (size_t i = 0, k = list->len; i + 1 < k; i++) {
        k--;
        struct message swap = list->items[i];
        list->items[i] = list->items[k];
        list->items[k] = swap;
    }
}

bool message_page(struct conn *conn, const struct actor *actor, i64 conversation_id, struct str cursor,
                  i64 limit, struct arena *arena, struct message_list *out, struct str *ret_next,
                  struct err *err)
{
    struct place place;
    struct message_list page = {};
    struct rows *rows;
    assert(limit > 0);
    if (!conversation_visible(conn, actor, conversation_id, err) || !read_cursor(cursor, &place, err) ||
        !db_query(conn, &SQL_message_page,
                  DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(place.at),
                          db_i64(place.id), db_i64(limit + 1)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        fill(rows, list_push(&page, arena), arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    bool more = (i64)page.len > limit;
    page.len -= more;
    mark_late(&page, &place);
    reverse(&page);
    if (!load_attachments(conn, actor->workspace_id, &page, arena, err)) {
        return false;
    }
    *out = page;
    *ret_next = more ? str_printf(arena, "%lld.%lld.%lld", (long long)place.at, (long long)place.id,
                                  (long long)place.lowest)
                     : STR_NONE;
    return true;
}
