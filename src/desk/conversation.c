// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading conversations as the contract shows them: one, and a page found by a query.
#include "desk/conversation.h"
#include "base/clock.h"
#include "sql_gen.h"

const char *const conversation_status_names[] = {"open", "snoozed", "closed", NULL};
const char *const conversation_kind_names[] = {"dm", "thread", "review", "email", NULL};
static const char *const visibility_names[] = {"public", "private", NULL};

static const struct field person_fields[] = {
    FIELD(person, FIELD_I64, id, FIELD_READ_ONLY, .doc = "Number of the contact."),
    FIELD(person, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD(person, FIELD_STR, handle, FIELD_READ_ONLY, .doc = "As the network shows it."),
    FIELD_END,
};
static const struct type person_type = {"ContactRef", person_fields, sizeof(struct person)};
static const struct field name_ref_fields[] = {
    FIELD(name_ref, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(name_ref, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type name_ref_type = {"NameRef", name_ref_fields, sizeof(struct name_ref)};

enum { NESTED = FIELD_READ_ONLY | FIELD_NULLABLE | FIELD_NO_ROW, MAYBE = FIELD_READ_ONLY | FIELD_NULLABLE };
static const struct field conversation_fields[] = {
    FIELD(conversation, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(conversation, FIELD_I64, channel_id, FIELD_READ_ONLY),
    FIELD(conversation, FIELD_STR, channel_kind, FIELD_READ_ONLY, .doc = "The network."),
    FIELD(conversation, FIELD_ENUM, kind, FIELD_READ_ONLY, .names = conversation_kind_names),
    FIELD(conversation, FIELD_ENUM, visibility, FIELD_READ_ONLY, .names = visibility_names,
          .doc = "Who sees an answer: everybody or the customer alone."),
    FIELD(conversation, FIELD_ENUM, status, FIELD_READ_ONLY, .names = conversation_status_names),
    FIELD(conversation, FIELD_BOOL, spam, FIELD_READ_ONLY),
    FIELD(conversation, FIELD_STRUCT, contact, NESTED, .type = &person_type,
          .doc = "Who asked; null until a customer wrote."),
    FIELD(conversation, FIELD_STRUCT, assignee, NESTED, .type = &name_ref_type,
          .doc = "Who takes care of it."),
    FIELD(conversation, FIELD_STRUCT, team, NESTED, .type = &name_ref_type),
    FIELD(conversation, FIELD_ENUM, priority, FIELD_READ_ONLY, .names = priority_names),
    FIELD(conversation, FIELD_STRS, tags, FIELD_READ_ONLY | FIELD_NO_ROW, .doc = "Names, sorted."),
    FIELD(conversation, FIELD_STR, language, FIELD_READ_ONLY, .doc = "ISO 639-1; empty: not known."),
    FIELD(conversation, FIELD_TIME, waiting_since, MAYBE,
          .doc = "When the first unanswered customer message was written; null: nobody waits."),
    FIELD(conversation, FIELD_TIME, due_at, MAYBE, .doc = "A moment promised: a call-back's."),
    FIELD(conversation, FIELD_TIME, urgent_at, MAYBE,
          .doc = "The moment at which it becomes late; null: nobody waits and nothing is promised."),
    FIELD(conversation, FIELD_TIME, snoozed_until, MAYBE),
    FIELD(conversation, FIELD_TIME, last_message_at, MAYBE),
    FIELD(conversation, FIELD_TIME, created_at, FIELD_READ_ONLY),
    FIELD(conversation, FIELD_TIME, updated_at, FIELD_READ_ONLY),
    FIELD(conversation, FIELD_TIME, closed_at, MAYBE),
    FIELD(conversation, FIELD_I64, unread, FIELD_READ_ONLY,
          .doc = "Customer messages since somebody last opened or answered it."),
    FIELD(conversation, FIELD_I64, message_count, FIELD_READ_ONLY),
    FIELD(conversation, FIELD_I64, version, FIELD_READ_ONLY, .doc = "Rises with each change."),
    FIELD(conversation, FIELD_I64, merged_into, MAYBE,
          .doc = "The conversation this one went into; it is empty and in no list then."),
    FIELD(conversation, FIELD_STR, title, FIELD_READ_ONLY,
          .doc = "What it is about: the first subject of its mails; empty where there are none."),
    FIELD(conversation, FIELD_TIME, callback_at, MAYBE,
          .doc = "When somebody is to call the customer back; null: no call-back is booked."),
    FIELD(conversation, FIELD_STR, preview, FIELD_READ_ONLY, .doc = "The beginning of the newest message."),
    FIELD_END,
};
const struct type conversation_type = {"Conversation", conversation_fields, sizeof(struct conversation)};

void conversation_encode(struct json_writer *w, const struct conversation *conversation)
{
    json_encode(w, &conversation_type, conversation);
}

static void split_names(struct str joined, struct str_list *out, struct arena *arena)
{
    for (struct str rest = joined; str_given(rest);) {
        *list_push(out, arena) = str_cut(rest, '\x1f', &rest);
    }
}

// The statements conversation_view and conversation_views begin with these eight columns.
static void fill(struct rows *rows, struct conversation *out, struct arena *arena)
{
    row_fill(rows, &conversation_type, out, arena);
    out->contact = (struct person){row_i64(rows, 0), row_str(rows, 1, arena), row_str(rows, 2, arena)};
    out->assignee = (struct name_ref){row_i64(rows, 3), row_str(rows, 4, arena)};
    out->team = (struct name_ref){row_i64(rows, 5), row_str(rows, 6, arena)};
    split_names(row_str(rows, 7, arena), &out->tags, arena);
    out->urgent_at = out->urgent_at == NOT_WAITING ? 0 : out->urgent_at;
}

static bool not_here(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
}

bool conversation_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                      struct conversation *out, struct err *err)
{
    struct conversation found = {};
    struct rows *rows;
    if (!db_query(conn, &SQL_conversation_view, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &rows,
                  err)) {
        return false;
    }
    if (rows_next(rows)) {
        fill(rows, &found, arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (found.id == 0 || !actor_sees(actor, found.channel_id, found.team.id)) {
        return not_here(err);
    }
    *out = found;
    return true;
}

bool conversation_visible(struct conn *conn, const struct actor *actor, i64 id, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_conversation_place, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &rows,
                  err)) {
        return false;
    }
    bool seen = rows_next(rows) && actor_sees(actor, row_i64(rows, 0), row_i64(rows, 1));
    return rows_end(rows, err) && (seen || not_here(err));
}

// ---- A page ---------------------------------------------------------------------------------------

// The cursor: sort, key and id of the last row. Opaque outside.
static bool read_cursor(struct str cursor, enum query_sort sort, struct query_page *page, struct err *err)
{
    if (cursor.len == 0) {
        return true;
    }
    i64 its_sort;
    struct str rest;
    struct str first = str_cut(cursor, '.', &rest);
    struct str id = STR_NONE;
    struct str key = str_given(rest) ? str_cut(rest, '.', &id) : STR_NONE;
    if (!str_to_i64(first, &its_sort) || !str_to_i64(key, &page->after_key) ||
        !str_to_i64(id, &page->after_id) || page->after_id <= 0) {
        err_set(err, ERR_SYNTAX, "The cursor is not one of ours.");
    } else if (its_sort != (i64)sort) {
        err_set(err, ERR_SYNTAX, "The cursor belongs to another order of the list.");
    } else {
        return true;
    }
    memcpy(err->field, "cursor", sizeof("cursor"));
    return false;
}

static struct query_context context_of(const struct actor *actor, const struct query_names *names)
{
    return (struct query_context){.workspace_id = actor->workspace_id,
                                  .now = clock_now(),
                                  .me = actor->agent_id,
                                  .names = names,
                                  .all_channels = actor->all_channels,
                                  .all_teams = actor->all_teams,
                                  .channels = actor->channels,
                                  .teams = actor->teams};
}

static bool load_views(struct conn *conn, i64 workspace_id, const struct query_hits *hits,
                       struct arena *arena, struct conversation_list *out, struct err *err)
{
    struct buf ids;
    bool sqlite = conn_kind(conn) == DB_SQLITE;
    buf_init(&ids, arena, 16 * 1024);
    for (size_t i = 0; i < hits->len; i++) {
        buf_add_char(&ids, i > 0 ? ',' : sqlite ? '[' : '{');
        buf_add_i64(&ids, hits->items[i].id);
    }
    buf_add_char(&ids, sqlite ? ']' : '}');
    struct rows *rows;
    if (!db_query(conn, &SQL_conversation_views, DB_ARGS(db_i64(workspace_id), db_str(buf_str(&ids))), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        fill(rows, list_push(out, arena), arena);
    }
    return rows_end(rows, err);
}

// The rows come in any order; the query's order stands. A row that went in between is left out.
static void order_like(const struct query_hits *hits, const struct conversation_list *rows,
                       const struct actor *actor, struct arena *arena, struct conversation_list *out)
{
    for (size_t i = 0; i < hits->len; i++) {
        for (size_t k = 0; k < rows->len; k++) {
            const struct conversation *row = &rows->items[k];
            if (row->id == hits->items[i].id && actor_sees(actor, row->channel_id, row->team.id)) {
                *list_push(out, arena) = *row;
                break;
            }
        }
    }
}

bool conversation_find(struct conn *conn, const struct actor *actor, const struct conversation_page *page,
                       struct arena *arena, struct conversation_list *out, struct str *ret_next,
                       struct err *err)
{
    const struct query *query;
    struct query_names names = {};
    struct query_page part = {.sort = page->sort, .limit = page->limit};
    struct query_hits hits = {};
    bool more = false;
    struct conversation_list rows = {};
    if (!query_parse(str_given(page->q) ? page->q : S(""), arena, &query, err) ||
        !read_cursor(page->cursor, page->sort, &part, err) ||
        (query_uses_names(query) && !query_names_load(conn, actor->workspace_id, arena, &names, err))) {
        return false;
    }
    struct query_context context = context_of(actor, &names);
    if (!query_run(conn, query, &context, &part, arena, &hits, &more, err)) {
        return false;
    }
    if (hits.len > 0 && !load_views(conn, actor->workspace_id, &hits, arena, &rows, err)) {
        return false;
    }
    struct conversation_list found = {};
    order_like(&hits, &rows, actor, arena, &found);
    *out = found;
    *ret_next = STR_NONE;
    if (more) { // perhaps of an empty page: looking took too long, and goes on behind it
        *ret_next = str_printf(arena, "%d.%lld.%lld", (int)page->sort, (long long)hits.next_key,
                               (long long)hits.next_id);
    }
    return true;
}

bool conversation_query_item(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena,
                             struct query_item *out, struct err *err)
{
    return query_item_load(conn, workspace_id, id, arena, out, err);
}
