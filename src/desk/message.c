// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading messages as the contract shows them: one, and pages from the newest back.
#include "desk/message.h"
#include "desk/mail.h"
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
const char *const call_result_names[] = {"reached", "missed", "voicemail", NULL};
static const struct field call_fields[] = {
    FIELD(message_call, FIELD_ENUM, result, FIELD_READ_ONLY, .names = call_result_names,
          .doc = "reached: both spoke; missed, voicemail: who called did not reach the other."),
    FIELD(message_call, FIELD_STR, number, FIELD_READ_ONLY,
          .doc = "The customer's, E.164; empty: not known."),
    FIELD(message_call, FIELD_I64, seconds, FIELD_READ_ONLY, .doc = "How long they spoke; 0: not told."),
    FIELD_END,
};
static const struct type call_type = {"Call", call_fields, sizeof(struct message_call)};
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
    FIELD(message, FIELD_IDS, mentions, FIELD_READ_ONLY | FIELD_NO_ROW, .doc = "Colleagues named in a note."),
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
    FIELD(message, FIELD_I64, forward_of, FIELD_READ_ONLY | FIELD_NULLABLE,
          .doc = "The message it passes on to somebody outside."),
    FIELD(message, FIELD_STR, error, MAYBE, .doc = "Why it failed or is in doubt, in words."),
    FIELD(message, FIELD_JSON, mail, MAYBE | FIELD_NO_ROW,
          .doc =
              "Of a mail: subject, from, to, cc, reply_to (lists of {name, address}), verified (pass, fail, "
              "unknown), automatic, stranger, from_us, several_senders, has_html, visible (bytes of the text "
              "before what it quotes), inline (content_id and position of its attachments), cut, defects. "
              "null: no mail."),
    FIELD(message, FIELD_STRUCT, call, MAYBE | FIELD_NO_ROW, .type = &call_type,
          .doc = "Of a logged call; null: no call."),
    FIELD_END,
};
const struct type message_type = {"Message", message_fields, sizeof(struct message)};

void message_encode(struct json_writer *w, const struct message *message)
{
    json_encode(w, &message_type, message);
}

static const struct field draft_mail_fields[] = {
    FIELD(draft_mail, FIELD_STRS, to, 0, .max = 100,
          .doc = "Addresses; none: whom the answered mail came from."),
    FIELD(draft_mail, FIELD_STRS, cc, 0, .max = 100, .doc = "Addresses."),
    FIELD(draft_mail, FIELD_STR, subject, FIELD_NULLABLE, .max = 900, .doc = "null: Re: what it is about."),
    FIELD(draft_mail, FIELD_I64, forward, FIELD_NULLABLE,
          .doc = "Number of a message of the conversation that is passed on with its files to the addresses "
                 "in to, below the text. It answers nobody."),
    FIELD_END,
};
const struct type draft_mail_type = {"DraftMail", draft_mail_fields, sizeof(struct draft_mail)};
static const char *const draft_kind_names[] = {"reply", "note", NULL};
static const struct field draft_attachment_fields[] = {
    FIELD(draft_attachment, FIELD_STR, sha256, FIELD_REQUIRED, .max = 64, .doc = "Of a file put before."),
    FIELD(draft_attachment, FIELD_STR, name, 0, .max = 200),
    FIELD(draft_attachment, FIELD_STR, alt, 0, .max = 8000, .doc = "What it shows, in words."),
    FIELD_END,
};
const struct type draft_attachment_type = {"DraftAttachment", draft_attachment_fields,
                                           sizeof(struct draft_attachment)};
static const struct field draft_fields[] = {
    FIELD(message_draft, FIELD_ENUM, kind, FIELD_REQUIRED, .names = draft_kind_names),
    FIELD(message_draft, FIELD_STR, text, 0, .max = 256 * 1024),
    FIELD(message_draft, FIELD_I64, reply_to, FIELD_NULLABLE,
          .doc = "Number of the message it answers; null: the newest customer message."),
    FIELD(message_draft, FIELD_I64, route_id, 0,
          .doc = "By which way it goes out; 0: the conversation's own thread; without it: the way the "
                 "customer wrote last."),
    FIELD(message_draft, FIELD_STRUCT, mail, FIELD_NULLABLE, .type = &draft_mail_type,
          .doc = "To whom it goes, on channels of mail only."),
    FIELD(message_draft, FIELD_LIST, attachments, 0, .max = 20, .type = &draft_attachment_type),
    FIELD(message_draft, FIELD_IDS, mentions, 0, .max = 50,
          .doc = "Colleagues a note names; they are told. Collaborators among them are asked in."),
    FIELD(message_draft, FIELD_I64, undo_s, 0, .max = 30,
          .doc = "Seconds for which the answer waits and can be taken back; default 0."),
    FIELD(message_draft, FIELD_I64, seen_message_id, 0,
          .doc = "Newest message the writer has seen: when somebody answered since, or is writing an answer, "
                 "the request is refused with 409 and the code answered_meanwhile or being_answered."),
    FIELD(message_draft, FIELD_BOOL, without_signature, 0,
          .doc = "Do not put the writer's signature below, where the channel would."),
    FIELD(message_draft, FIELD_BOOL, steer, 0,
          .doc = "The answer asks the customer over to the support account that the channel names."),
    FIELD_END,
};
const struct type message_draft_type = {"MessageDraft", draft_fields, sizeof(struct message_draft)};

struct packed {
    struct draft_attachments attachments;
};
static const struct field packed_fields[] = {
    FIELD(packed, FIELD_LIST, attachments, 0, .max = 20, .type = &draft_attachment_type),
    FIELD_END,
};
static const struct type packed_type = {"DraftAttachments", packed_fields, sizeof(struct packed)};

struct str draft_attachments_pack(struct arena *arena, const struct draft_attachments *list)
{
    struct packed packed = {*list};
    struct buf buf;
    buf_init(&buf, arena, 512 * 1024);
    struct json_writer w = json_writer(&buf);
    json_encode(&w, &packed_type, &packed);
    return buf_str(&buf);
}

void draft_attachments_unpack(struct str text, struct arena *arena, struct draft_attachments *out)
{
    struct packed packed = {};
    struct err ignored = {};
    *out = (struct draft_attachments){};
    if (json_decode(text, &packed_type, false, arena, &packed, NULL, &ignored)) {
        *out = packed.attachments;
    }
}

bool draft_mail_is_usual(const struct draft_mail *mail)
{
    return mail->to.len == 0 && mail->cc.len == 0 && !str_given(mail->subject) && mail->forward == 0;
}

struct str draft_mail_pack(struct arena *arena, const struct draft_mail *mail)
{
    struct buf buf;
    if (draft_mail_is_usual(mail)) {
        return S("");
    }
    buf_init(&buf, arena, 2 * 1024 * 1024); // more than a request may hold
    struct json_writer w = json_writer(&buf);
    json_encode(&w, &draft_mail_type, mail);
    return buf_str(&buf);
}

void draft_mail_unpack(struct str text, struct arena *arena, struct draft_mail *out)
{
    struct draft_mail mail = {};
    struct err ignored = {};
    *out = text.len > 0 && json_decode(text, &draft_mail_type, false, arena, &mail, NULL, &ignored)
               ? mail
               : (struct draft_mail){};
}

static const struct field version_fields[] = {
    FIELD(message_version, FIELD_I64, version, FIELD_READ_ONLY),
    FIELD(message_version, FIELD_STR, text, FIELD_READ_ONLY),
    FIELD(message_version, FIELD_TIME, replaced_at, FIELD_READ_ONLY, .doc = "Until when it was the text."),
    FIELD_END,
};
const struct type message_version_type = {"MessageVersion", version_fields, sizeof(struct message_version)};

// ---- Reading ----------------------------------------------------------------------------------------

// message_view, message_page and message_page_on name the same columns, these at the same places.
enum { COLUMN_CALL = 20, COLUMN_CALL_S, COLUMN_AGENT, COLUMN_NAME, COLUMN_HANDLE, COLUMN_CONTACT };

static void fill(struct rows *rows, struct message *out, struct arena *arena)
{
    row_fill(rows, &message_type, out, arena);
    i64 agent = row_i64(rows, COLUMN_AGENT); // of a call from a customer: who wrote it down
    bool theirs = str_eq(out->origin, S("customer"));
    out->author = (struct message_author){.id = agent > 0 && !theirs ? agent : row_i64(rows, COLUMN_CONTACT),
                                          .name = row_str(rows, COLUMN_NAME, arena),
                                          .handle = row_str(rows, COLUMN_HANDLE, arena),
                                          .kind = out->origin};
    out->call = (struct message_call){.result = STR_NONE};
    if (!row_is_null(rows, COLUMN_CALL)) {
        out->call.result = row_str(rows, COLUMN_CALL, arena);
        out->call.number = out->author.handle;
        out->call.seconds = row_i64(rows, COLUMN_CALL_S);
    }
}

static void add_attachment(struct rows *rows, struct message *message, struct arena *arena)
{
    struct attachment *file = list_push(&message->attachments, arena);
    row_fill(rows, &attachment_type, file, arena);
    if (str_eq(file->state, S("ready"))) {
        file->url = str_printf(arena, "/api/v1/attachments/%lld", (long long)file->id);
    }
}

static struct str ids_of(struct conn *conn, const struct message_list *messages, bool notes_only,
                         struct arena *arena, size_t *ret_n)
{
    struct buf ids;
    bool sqlite = conn_kind(conn) == DB_SQLITE;
    *ret_n = 0;
    buf_init(&ids, arena, 16 * 1024);
    buf_add_char(&ids, sqlite ? '[' : '{');
    for (size_t i = 0; i < messages->len; i++) {
        if (notes_only && !str_eq(messages->items[i].kind, S("note"))) {
            continue;
        }
        if ((*ret_n)++ > 0) {
            buf_add_char(&ids, ',');
        }
        buf_add_i64(&ids, messages->items[i].id);
    }
    buf_add_char(&ids, sqlite ? ']' : '}');
    return buf_str(&ids);
}

static bool load_mentions(struct conn *conn, i64 workspace_id, struct message_list *messages,
                          struct arena *arena, struct err *err)
{
    size_t n;
    struct rows *rows;
    struct str ids = ids_of(conn, messages, true, arena, &n);
    if (n == 0) {
        return true;
    }
    if (!db_query(conn, &SQL_mention_list, DB_ARGS(db_i64(workspace_id), db_str(ids)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        for (size_t i = 0; i < messages->len; i++) {
            if (messages->items[i].id == row_i64(rows, 0)) {
                *list_push(&messages->items[i].mentions, arena) = row_i64(rows, 1);
            }
        }
    }
    return rows_end(rows, err);
}

static bool load_attachments(struct conn *conn, i64 workspace_id, struct message_list *messages,
                             struct arena *arena, struct err *err)
{
    size_t n;
    struct rows *rows;
    struct str ids = ids_of(conn, messages, false, arena, &n);
    if (n == 0) {
        return true;
    }
    if (!db_query(conn, &SQL_message_attachments, DB_ARGS(db_i64(workspace_id), db_str(ids)), &rows, err)) {
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
    return rows_end(rows, err) && mail_load_view(conn, workspace_id, ids, messages, arena, err);
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
        !load_mentions(conn, actor->workspace_id, &one, arena, err) ||
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

// Where a page begins or ends: time and number of a message, and the lowest number seen on its newer side:
// an older message with a higher number came late.
struct place {
    i64 at, id, lowest;
    bool on; // towards the newest
};

static bool bad_start(struct err *err, const char *field, const char *why)
{
    err_field(err, field, "invalid", "%s", why);
    err->code = ERR_SYNTAX;
    return false;
}

static bool read_cursor(struct str cursor, struct place *out, struct err *err)
{
    struct str rest;
    struct str lowest = STR_NONE;
    bool on = str_starts(cursor, S("on."));
    struct str at = str_cut(on ? str_sub(cursor, 3, cursor.len) : cursor, '.', &rest);
    struct str id = str_given(rest) ? str_cut(rest, '.', &lowest) : STR_NONE;
    out->on = on;
    if (str_to_i64(at, &out->at) && str_to_i64(id, &out->id) && str_to_i64(lowest, &out->lowest)) {
        return true;
    }
    return bad_start(err, "cursor", "The cursor is not one of ours.");
}

// The place of a message, and what is known of the newer side.
static bool find_place(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 id, const char *field,
                       struct place *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_message_moment,
                  DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(id)), &rows, err)) {
        return false;
    }
    bool found = rows_next(rows);
    if (found) {
        out->at = row_i64(rows, 0);
        out->id = row_i64(rows, 1);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (!found) {
        return bad_start(err, field, "There is no such message in this conversation.");
    }
    return db_one_i64(
        conn, &SQL_message_lowest_behind,
        DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(out->at), db_i64(out->id)),
        &out->lowest, err);
}

static bool find_start(struct conn *conn, i64 workspace_id, i64 conversation_id,
                       const struct message_start *start, struct place *out, struct err *err)
{
    *out = (struct place){INT64_MAX, INT64_MAX, INT64_MAX, false};
    if ((start->cursor.len > 0) + (start->before >= 0) + (start->from >= 0) > 1) {
        return bad_start(err, start->from >= 0 ? "from" : "before",
                         "A page begins at one place: a cursor, before a message, or from one on.");
    }
    if (start->cursor.len > 0) {
        return read_cursor(start->cursor, out, err);
    }
    if (start->from == 0) {
        *out = (struct place){INT64_MIN, INT64_MIN, INT64_MAX, true};
        return true;
    }
    if (start->from > 0) {
        out->on = true;
        return find_place(conn, workspace_id, conversation_id, start->from, "from", out, err);
    }
    return start->before < 0 ||
           find_place(conn, workspace_id, conversation_id, start->before, "before", out, err);
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

static bool read_page(struct conn *conn, i64 workspace_id, i64 conversation_id, const struct place *place,
                      i64 limit, struct arena *arena, struct message_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, place->on ? &SQL_message_page_on : &SQL_message_page,
                  DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(place->at), db_i64(place->id),
                          db_i64(limit)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        fill(rows, list_push(out, arena), arena);
    }
    return rows_end(rows, err);
}

// A page on towards the newest: the next one begins at the message that was read beyond it.
static bool end_on(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 limit,
                   struct message_list *page, struct place *place, bool *ret_more, struct err *err)
{
    i64 lowest = INT64_MAX;
    *ret_more = (i64)page->len > limit;
    if (*ret_more) {
        const struct message *beyond = &page->items[--page->len];
        place->at = beyond->created_at;
        place->id = beyond->id;
        if (!db_one_i64(
                conn, &SQL_message_lowest_behind,
                DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(place->at), db_i64(place->id)),
                &lowest, err)) {
            return false;
        }
    }
    struct place back = {.lowest = lowest};
    reverse(page);
    mark_late(page, &back);
    reverse(page);
    return true;
}

bool message_page(struct conn *conn, const struct actor *actor, i64 conversation_id,
                  const struct message_start *start, i64 limit, struct arena *arena, struct message_list *out,
                  struct str *ret_next, struct err *err)
{
    struct place place;
    struct message_list page = {};
    i64 workspace_id = actor->workspace_id;
    bool more = false;
    assert(limit > 0);
    if (!conversation_visible(conn, actor, conversation_id, err) ||
        !find_start(conn, workspace_id, conversation_id, start, &place, err) ||
        !read_page(conn, workspace_id, conversation_id, &place, limit + 1, arena, &page, err)) {
        return false;
    }
    if (place.on) {
        if (!end_on(conn, workspace_id, conversation_id, limit, &page, &place, &more, err)) {
            return false;
        }
    } else {
        more = (i64)page.len > limit;
        page.len -= more;
        mark_late(&page, &place);
        reverse(&page);
    }
    if (!load_attachments(conn, workspace_id, &page, arena, err) ||
        !load_mentions(conn, workspace_id, &page, arena, err)) {
        return false;
    }
    *out = page;
    *ret_next = more ? str_printf(arena, "%s%lld.%lld.%lld", place.on ? "on." : "", (long long)place.at,
                                  (long long)place.id, (long long)place.lowest)
                     : STR_NONE;
    return true;
}

bool message_versions(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                      struct message_versions *out, struct err *err)
{
    struct message message = {};
    struct message_versions list = {};
    struct rows *rows;
    *out = list;
    if (!message_get(conn, actor, id, arena, &message, err)) {
        return false;
    }
    if (message.deleted_at > 0) {
        return true;
    }
    if (!db_query(conn, &SQL_version_list, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        row_fill(rows, &message_version_type, list_push(&list, arena), arena);
    }
    *out = list;
    return rows_end(rows, err);
}
