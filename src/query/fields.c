// SPDX-License-Identifier: AGPL-3.0-or-later
// The fields of the query language, once: parser, matcher, SQL and completion all read this table. Each
// word of "is" and "has" has its SQL beside its C, and a property test holds the two together.
#include "base/log.h"
#include "query/tree.h"
#include "json/json.h"
#include <stddef.h>

static bool status_is(const struct query_item *item, struct str status)
{
    return !item->spam && str_eq(item->status, status);
}

static bool is_open(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return status_is(item, S("open"));
}

static bool is_snoozed(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return status_is(item, S("snoozed"));
}

static bool is_closed(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return status_is(item, S("closed"));
}

static bool is_any(const struct query_item *item, const struct query_context *context)
{
    (void)item;
    (void)context;
    return true;
}

static bool is_unanswered(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return status_is(item, S("open")) && item->waiting_since != 0;
}

static bool is_unread(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->unread > 0;
}

static bool is_spam(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->spam;
}

static bool is_assigned(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->assignee_id != 0;
}

static bool is_waiting(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->waiting_since != 0;
}

static bool is_late(const struct query_item *item, const struct query_context *context)
{
    return status_is(item, S("open")) && item->urgent_at <= context->now;
}

static bool has_attachment(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->has_attachment;
}

static bool has_note(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->has_note;
}

static bool has_reply(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->has_reply;
}

static bool has_call(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->has_call;
}

static bool has_callback(const struct query_item *item, const struct query_context *context)
{
    (void)context;
    return item->callback_at != 0;
}

#define STATUS(word) "(c.status = '" word "' AND c.spam = 0)"
static const struct query_word IS_WORDS[] = {
    {"open", STATUS("open"), is_open, false, "to be dealt with"},
    {"snoozed", STATUS("snoozed"), is_snoozed, false, "put off until later"},
    {"closed", STATUS("closed"), is_closed, false, "done"},
    {"any", "(c.id > 0)", is_any, false, "everything, spam too"},
    {"unanswered", "(c.status = 'open' AND c.spam = 0 AND c.waiting_since IS NOT NULL)", is_unanswered, false,
     "open, and a customer waits for an answer"},
    {"unread", "(c.unread > 0)", is_unread, false, "with messages nobody has looked at"},
    {"spam", "(c.spam <> 0)", is_spam, false, "marked as spam"},
    {"assigned", "(c.assignee_id <> 0)", is_assigned, false, "somebody has it"},
    {"waiting", "(c.waiting_since IS NOT NULL)", is_waiting, false, "a customer waits, whatever the status"},
    {"late", "(c.status = 'open' AND c.spam = 0 AND c.urgent_at <= @now)", is_late, true,
     "open, and past the moment it was to be answered"},
    {NULL},
};

#define MESSAGE_WITH(condition)                                                                              \
    "EXISTS (SELECT 1 FROM message m WHERE m.workspace_id = @workspace AND m.conversation_id = c.id AND "    \
    "m.deleted_at IS NULL AND " condition ")"
static const struct query_word HAS_WORDS[] = {
    {"attachment",
     MESSAGE_WITH("EXISTS (SELECT 1 FROM attachment a WHERE a.workspace_id = @workspace AND "
                  "a.message_id = m.id)"),
     has_attachment, false, "a picture or file"},
    {"note", MESSAGE_WITH("m.kind = 'note'"), has_note, false, "a note of a colleague"},
    {"reply", MESSAGE_WITH("m.kind = 'message' AND m.direction = 'out' AND m.call_result IS NULL"), has_reply,
     false, "an answer of ours"},
    {"call", MESSAGE_WITH("m.call_result IS NOT NULL"), has_call, false, "a logged telephone call"},
    {"callback", "(c.callback_at IS NOT NULL)", has_callback, false, "a call-back that is booked"},
    {NULL},
};

// Words without SQL and matcher are values of the field's column.
static const struct query_word KIND_WORDS[] = {{.name = "dm", .doc = "direct messages"},
                                               {.name = "thread", .doc = "a public thread"},
                                               {.name = "review", .doc = "a review"},
                                               {.name = "email", .doc = "e-mail"},
                                               {NULL}};
static const struct query_word VISIBILITY_WORDS[] = {{.name = "public", .doc = "everybody can read it"},
                                                     {.name = "private", .doc = "only the two sides"},
                                                     {NULL}};
static const struct query_word PRIORITY_WORDS[] = {{.name = "urgent", .doc = "first of all"},
                                                   {.name = "high", .doc = "before the others"},
                                                   {.name = "normal", .doc = "also when never set"},
                                                   {.name = "low", .doc = "when there is time"},
                                                   {NULL}};

#define ITEM(member)    offsetof(struct query_item, member)
#define MOMENTS         (TAKES(VALUE_ANY) | TAKES(VALUE_AGO) | TAKES(VALUE_AHEAD) | TAKES(VALUE_MOMENT))
#define MOMENT_EXPECTED ">30m, <2h, >=2026-01-31, a date, or any"

const struct query_field query_fields[] = {
    {QUERY_IS, "is", TAKES(VALUE_WORD), IS_WORDS,
     "open, snoozed, closed, any, unanswered, unread, spam, assigned, waiting or late", .doc = "The state"},
    {QUERY_CHANNEL, "channel", TAKES(VALUE_ANY) | TAKES(VALUE_NAME) | TAKES(VALUE_NUMBER),
     .expected = "a kind of channel, a channel's name or number, or any", .column = "c.channel_id",
     .offset = ITEM(channel_id), .folded = true, .doc = "Kind, name or number of the channel"},
    {QUERY_BRAND, "brand", TAKES(VALUE_ANY) | TAKES(VALUE_NONE) | TAKES(VALUE_NAME) | TAKES(VALUE_NUMBER),
     .expected = "a brand's name or number, any or none", .column = "c.channel_id",
     .offset = ITEM(channel_id), .folded = true, .doc = "Brand of the channel: its name or number"},
    {QUERY_KIND, "kind", TAKES(VALUE_ANY) | TAKES(VALUE_WORD), KIND_WORDS, "dm, thread, review, email or any",
     "c.kind", ITEM(kind), .doc = "What sort of conversation"},
    {QUERY_VISIBILITY, "visibility", TAKES(VALUE_ANY) | TAKES(VALUE_WORD), VISIBILITY_WORDS,
     "public, private or any", "c.visibility", ITEM(visibility), .doc = "Who can read it"},
    {QUERY_TAG, "tag", TAKES(VALUE_ANY) | TAKES(VALUE_NAME), .expected = "a tag's name or any",
     .folded = true, .doc = "A tag, by its whole name"},
    {QUERY_ASSIGNED, "assigned",
     TAKES(VALUE_ANY) | TAKES(VALUE_NONE) | TAKES(VALUE_ME) | TAKES(VALUE_NAME) | TAKES(VALUE_NUMBER),
     .expected = "me, any, none, an e-mail address or a number", .column = "c.assignee_id",
     .offset = ITEM(assignee_id), .folded = true, .doc = "Who has it: me, an e-mail address or a number"},
    {QUERY_MENTIONS, "mentions", TAKES(VALUE_ANY) | TAKES(VALUE_ME) | TAKES(VALUE_NAME) | TAKES(VALUE_NUMBER),
     .expected = "me, any, an e-mail address or a number", .folded = true,
     .doc = "A note names them: me, an e-mail address or a number"},
    {QUERY_TEAM, "team", TAKES(VALUE_ANY) | TAKES(VALUE_NONE) | TAKES(VALUE_NAME) | TAKES(VALUE_NUMBER),
     .expected = "a team's name or number, any or none", .column = "c.team_id", .offset = ITEM(team_id),
     .folded = true, .doc = "Name or number of the team"},
    {QUERY_PRIORITY, "priority", TAKES(VALUE_ANY) | TAKES(VALUE_WORD), PRIORITY_WORDS,
     "urgent, high, normal, low or any", "c.priority", ITEM(priority), .doc = "How pressing it is"},
    {QUERY_LANG, "lang", TAKES(VALUE_ANY) | TAKES(VALUE_NAME),
     .expected = "a language's code such as ko, or any", .column = "lower(c.language)",
     .offset = ITEM(language), .doc = "The language it is written in"},
    {QUERY_FROM, "from", TAKES(VALUE_ANY) | TAKES(VALUE_NAME), .expected = "a customer's handle or any",
     .column = "lower(ltrim(c.contact_handle, '@'))", .offset = ITEM(handle),
     .doc = "The customer's handle, with or without @"},
    {QUERY_HAS, "has", TAKES(VALUE_ANY) | TAKES(VALUE_WORD), HAS_WORDS,
     "attachment, note, reply, call, callback or any", .doc = "What it contains"},
    {QUERY_WAITING, "waiting", MOMENTS, .expected = MOMENT_EXPECTED, .column = "c.waiting_since",
     .offset = ITEM(waiting_since), .nullable = true, .doc = "Since when a customer waits"},
    {QUERY_DUE, "due", MOMENTS, .expected = ">30m, <+2h, >=2026-01-31, a date, or any", .column = "c.due_at",
     .offset = ITEM(due_at), .nullable = true, .doc = "When it is due"},
    {QUERY_CREATED, "created", MOMENTS, .expected = MOMENT_EXPECTED, .column = "c.created_at",
     .offset = ITEM(created_at), .doc = "When it began"},
    {QUERY_UPDATED, "updated", MOMENTS, .expected = MOMENT_EXPECTED, .column = "c.updated_at",
     .offset = ITEM(updated_at), .doc = "When it last changed"},
    {QUERY_ID, "id", TAKES(VALUE_ANY) | TAKES(VALUE_NUMBER), .expected = "a number, or one after > < >= <=",
     .column = "c.id", .offset = ITEM(id), .doc = "The conversation's number"},
};
const size_t query_n_fields = ARRAY_LEN(query_fields);

const struct query_field *query_field_find(struct str name)
{
    for (size_t i = 0; i < query_n_fields; i++) {
        if (str_eq_nocase(str_from(query_fields[i].name), name))
            return &query_fields[i];
    }
    return NULL;
}

static struct range_i64 compared(enum compare compare, i64 low, i64 high)
{
    switch (compare) {
    case COMPARE_EQ:
        return (struct range_i64){low, high};
    case COMPARE_LT:
        return (struct range_i64){INT64_MIN, low};
    case COMPARE_LE:
        return (struct range_i64){INT64_MIN, high};
    case COMPARE_GT:
        return (struct range_i64){high, INT64_MAX};
    case COMPARE_GE:
        return (struct range_i64){low, INT64_MAX};
    }
    return (struct range_i64){0, 0};
}

// Longer ago is earlier.
static enum compare turned(enum compare compare)
{
    switch (compare) {
    case COMPARE_LT:
        return COMPARE_GT;
    case COMPARE_LE:
        return COMPARE_GE;
    case COMPARE_GT:
        return COMPARE_LT;
    case COMPARE_GE:
        return COMPARE_LE;
    case COMPARE_EQ:
        break;
    }
    return compare;
}

struct range_i64 query_value_range(const struct query_value *value, i64 now)
{
    switch (value->kind) {
    case VALUE_AGO:
        return compared(turned(value->compare), now - value->number, now - value->number + 1);
    case VALUE_AHEAD:
        return compared(value->compare, now + value->number, now + value->number + 1);
    case VALUE_MOMENT:
        return compared(value->compare, value->number, value->end);
    case VALUE_NUMBER:
        return compared(value->compare, value->number, value->number + 1);
    default:
        return (struct range_i64){INT64_MIN, INT64_MAX};
    }
}

static const char *kind_of(const struct query_field *field)
{
    if (field->takes & TAKES(VALUE_MOMENT))
        return "time";
    if (field->words)
        return "words";
    return field->takes & TAKES(VALUE_NAME) ? "name" : "number";
}

// The fixed values of a field, or in the same order what they mean.
static void put_values(struct json_writer *w, const struct query_field *field, const char *key, bool docs)
{
    json_key(w, key);
    json_open(w, '[');
    for (const struct query_word *word = field->words; word && word->name; word++)
        json_put_str(w, str_from(docs ? word->doc : word->name));
    if (field->takes & TAKES(VALUE_ME))
        json_put_str(w, docs ? S("yourself") : S("me"));
    if (field->takes & TAKES(VALUE_ANY))
        json_put_str(w, docs ? S("has a value") : S("any"));
    if (field->takes & TAKES(VALUE_NONE))
        json_put_str(w, docs ? S("has no value") : S("none"));
    json_close(w, ']');
}

void query_fields_describe(struct json_writer *w)
{
    json_open(w, '[');
    for (size_t i = 0; i < query_n_fields; i++) {
        const struct query_field *field = &query_fields[i];
        json_open(w, '{');
        json_key(w, "name");
        json_put_str(w, str_from(field->name));
        json_key(w, "kind");
        json_put_str(w, str_from(kind_of(field)));
        put_values(w, field, "values", false);
        put_values(w, field, "value_docs", true);
        json_key(w, "doc");
        json_put_str(w, str_from(field->doc));
        json_close(w, '}');
    }
    json_close(w, ']');
}
