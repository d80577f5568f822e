// SPDX-License-Identifier: AGPL-3.0-or-later
// What the API says about itself: its document, rights, the query language's fields, the networks; and how
// the day goes.
#include "api/answer.h"
#include "api/app.h"
#include "api/docs.h"
#include "api/routes.h"
#include "channels/channel.h"
#include "desk/webhook.h"
#include "desk/workspace.h"
#include "query/tree.h"
#include "sql_gen.h"
#include <stdlib.h>

enum { ANSWERS_MAX = 2000 };

static bool get_openapi(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)conn;
    (void)err;
    reply->status = 200;
    openapi_print(&reply->body, req->app->public_url);
    return true;
}

static bool get_rights(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)req;
    (void)conn;
    (void)err;
    reply->content_type = S("text/markdown; charset=utf-8");
    rights_print(&reply->body);
    return true;
}

// ---- Fields of the query language ----

struct query_field_doc {
    struct str name, kind, doc;
    struct str_list values;
};
static const struct type query_field_type = {
    "QueryField",
    (const struct field[]){
        FIELD(query_field_doc, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(query_field_doc, FIELD_STR, kind, FIELD_READ_ONLY, .doc = "word, name, number, time"),
        FIELD(query_field_doc, FIELD_STRS, values, FIELD_READ_ONLY,
              .doc = "all there are, when they are fixed"),
        FIELD(query_field_doc, FIELD_STR, doc, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct query_field_doc),
};

static struct str kind_of(const struct query_field *field)
{
    if (field->takes & TAKES(VALUE_WORD))
        return S("word");
    if (field->takes & (TAKES(VALUE_AGO) | TAKES(VALUE_AHEAD) | TAKES(VALUE_MOMENT)))
        return S("time");
    return field->takes & TAKES(VALUE_NAME) ? S("name") : S("number");
}

static bool list_query_fields(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)conn;
    (void)err;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; i < query_n_fields; i++) {
        const struct query_field *field = &query_fields[i];
        struct query_field_doc item = {
            .name = str_from(field->name), .kind = kind_of(field), .doc = str_from(field->doc)};
        for (const struct query_word *word = field->words; word && word->name; word++)
            *list_push(&item.values, req->arena) = str_from(word->name);
        if (field->takes & TAKES(VALUE_ME))
            *list_push(&item.values, req->arena) = S("me");
        if (field->takes & TAKES(VALUE_ANY))
            *list_push(&item.values, req->arena) = S("any");
        if (field->takes & TAKES(VALUE_NONE))
            *list_push(&item.values, req->arena) = S("none");
        json_encode(&w, &query_field_type, &item);
    }
    reply_list_close(reply, &w, STR_NONE);
    return true;
}

// ---- Networks ----

struct limit_doc {
    struct str unit;
    i64 max, max_bytes;
};
struct setting_doc {
    struct str name, kind, fallback;
    bool required;
    struct str_list choices;
};
struct kind_doc {
    struct str kind, title;
    struct str_list can;
    struct limit_doc text_public, text_private;
    struct str_list files;
    i64 max_files, max_file_bytes, max_picture_bytes, max_total_bytes, reply_window_ms;
    struct {
        struct setting_doc *items;
        size_t len, cap;
    } settings;
};
static const struct type limit_type = {
    "TextLimit",
    (const struct field[]){
        FIELD(limit_doc, FIELD_STR, unit, FIELD_READ_ONLY, .doc = "code_points, graphemes, utf16, bytes"),
        FIELD(limit_doc, FIELD_I64, max, FIELD_READ_ONLY),
        FIELD(limit_doc, FIELD_I64, max_bytes, FIELD_READ_ONLY, .doc = "0: no limit of its own"),
        FIELD_END,
    },
    sizeof(struct limit_doc),
};
static const struct type setting_type = {
    "ChannelSetting",
    (const struct field[]){
        FIELD(setting_doc, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(setting_doc, FIELD_STR, kind, FIELD_READ_ONLY,
              .doc = "text, url, secret, bool, choice, json, number"),
        FIELD(setting_doc, FIELD_BOOL, required, FIELD_READ_ONLY),
        FIELD(setting_doc, FIELD_STRS, choices, FIELD_READ_ONLY,
              .doc = "the words that are possible (choice)"),
        {.name = "default",
         .kind = FIELD_STR,
         .offset = offsetof(struct setting_doc, fallback),
         .flags = FIELD_READ_ONLY | FIELD_NULLABLE},
        FIELD_END,
    },
    sizeof(struct setting_doc),
};
static const struct type kind_type = {
    "ChannelKind",
    (const struct field[]){
        FIELD(kind_doc, FIELD_STR, kind, FIELD_READ_ONLY),
        FIELD(kind_doc, FIELD_STR, title, FIELD_READ_ONLY),
        FIELD(kind_doc, FIELD_STRS, can, FIELD_READ_ONLY,
              .doc = "webhook, poll, like, delete_own, confirm, idempotent, dm, public, edit_own, start, "
                     "signature, call"),
        FIELD(kind_doc, FIELD_STRUCT, text_public, FIELD_READ_ONLY, .type = &limit_type),
        FIELD(kind_doc, FIELD_STRUCT, text_private, FIELD_READ_ONLY, .type = &limit_type),
        FIELD(kind_doc, FIELD_STRS, files, FIELD_READ_ONLY,
              .doc = "kinds of files that go with an answer: picture, video, audio, file; empty: none"),
        FIELD(kind_doc, FIELD_I64, max_files, FIELD_READ_ONLY, .doc = "with one answer"),
        FIELD(kind_doc, FIELD_I64, max_file_bytes, FIELD_READ_ONLY, .doc = "of each"),
        FIELD(kind_doc, FIELD_I64, max_picture_bytes, FIELD_READ_ONLY, .doc = "of each picture"),
        FIELD(kind_doc, FIELD_I64, max_total_bytes, FIELD_READ_ONLY,
              .doc = "of all together; 0: no limit of its own"),
        FIELD(kind_doc, FIELD_I64, reply_window_ms, FIELD_READ_ONLY,
              .doc = "how long after the customer's last words an answer is taken; 0: always"),
        FIELD(kind_doc, FIELD_LIST, settings, FIELD_READ_ONLY, .type = &setting_type),
        FIELD_END,
    },
    sizeof(struct kind_doc),
};

static struct limit_doc limit_of(struct text_limit limit)
{
    static const char *const units[] = {"code_points", "graphemes", "utf16", "bytes"};
    return (struct limit_doc){str_from(units[limit.unit]), (i64)limit.max, (i64)limit.max_bytes};
}

static void fill_kind(const struct channel_driver *driver, struct arena *arena, struct kind_doc *out)
{
    static const struct {
        unsigned can;
        const char *name;
    } cans[] = {{CAN_WEBHOOK, "webhook"},
                {CAN_POLL, "poll"},
                {CAN_LIKE, "like"},
                {CAN_DELETE_OWN, "delete_own"},
                {CAN_CONFIRM, "confirm"},
                {CAN_IDEMPOTENT, "idempotent"},
                {CAN_DM, "dm"},
                {CAN_PUBLIC, "public"},
                {CAN_EDIT_OWN, "edit_own"},
                {CAN_START, "start"},
                {CAN_MAIL, "mail"},
                {CAN_SIGNATURE, "signature"},
                {CAN_CALL, "call"}};
    static const char *const kinds[] = {"text", "url", "secret", "bool", "choice", "json", "number"};
    *out = (struct kind_doc){
        .kind = str_from(driver->kind),
        .title = str_from(driver->title),
        .text_public = limit_of(driver->text_public),
        .text_private = limit_of(driver->text_private),
        .max_files = (i64)driver->max_files,
        .max_file_bytes = (i64)channel_file_limit(driver, FILE_OTHER),
        .max_picture_bytes = (i64)channel_file_limit(driver, FILE_PICTURE),
        .max_total_bytes = (i64)driver->max_total_bytes,
        .reply_window_ms = driver->reply_window_ms,
    };
    for (unsigned kind = FILE_PICTURE; kind <= FILE_OTHER; kind <<= 1) {
        if (driver->files & kind)
            *list_push(&out->files, arena) = str_from(file_kind_name((enum file_kind)kind));
    }
    for (size_t i = 0; i < ARRAY_LEN(cans); i++) {
        if (driver->can & cans[i].can)
            *list_push(&out->can, arena) = str_from(cans[i].name);
    }
    for (const struct channel_setting *s = driver->settings; s && s->name; s++) {
        struct setting_doc *setting = list_push(&out->settings, arena);
        *setting = (struct setting_doc){
            str_from(s->name), str_from(kinds[s->kind]), str_from(s->fallback), s->required, {}};
        for (size_t i = 0; s->choices && s->choices[i]; i++)
            *list_push(&setting->choices, arena) = str_from(s->choices[i]);
    }
}

static bool list_channel_kinds(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)conn;
    (void)err;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; channel_drivers[i]; i++) {
        struct kind_doc kind;
        fill_kind(channel_drivers[i], req->arena, &kind);
        json_encode(&w, &kind_type, &kind);
    }
    reply_list_close(reply, &w, STR_NONE);
    return true;
}

// ---- How the day goes ----

struct status_doc {
    i64 live_lag_ms, median_first_response_ms, p90_first_response_ms, kept_percent, answered,
        webhooks_given_up;
    bool indexing;
};
static const struct type status_type = {
    "Status",
    (const struct field[]){
        FIELD(status_doc, FIELD_I64, live_lag_ms, FIELD_READ_ONLY, .doc = "how far screens are behind"),
        FIELD(status_doc, FIELD_I64, answered, FIELD_READ_ONLY, .doc = "conversations answered in 24 hours"),
        FIELD(status_doc, FIELD_I64, median_first_response_ms, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(status_doc, FIELD_I64, p90_first_response_ms, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(status_doc, FIELD_I64, kept_percent, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "answered within their priority's allowance"),
        FIELD(status_doc, FIELD_BOOL, indexing, FIELD_READ_ONLY,
              .doc = "search does not find everything yet"),
        FIELD(status_doc, FIELD_I64, webhooks_given_up, FIELD_READ_ONLY,
              .doc = "webhooks that Heed switched off by itself; only administrators are told"),
        FIELD_END,
    },
    sizeof(struct status_doc),
};

static int compare_i64(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return (x > y) - (x < y);
}

static i64 allowance_ms(const struct workspace *workspace, struct str priority)
{
    const struct allowances *a = &workspace->settings.allowance_min;
    i64 minutes = str_eq(priority, S("urgent")) ? a->urgent
                  : str_eq(priority, S("high")) ? a->high
                  : str_eq(priority, S("low"))  ? a->low
                                                : a->normal;
    return minutes * 60000;
}

static bool read_answers(struct request *req, struct conn *conn, struct status_doc *status, struct err *err)
{
    struct workspace workspace;
    struct rows *rows;
    i64 *took = arena_array(req->arena, i64, ANSWERS_MAX);
    i64 since = req->now - (i64)24 * 3600 * 1000, kept = 0;
    size_t n = 0;
    if (!workspace_get(conn, req->actor.workspace_id, req->arena, &workspace, err) ||
        !db_query(conn, &SQL_status_answers, DB_ARGS(db_i64(req->actor.workspace_id), db_i64(since)), &rows,
                  err))
        return false;
    while (rows_next(rows) && n < ANSWERS_MAX) {
        if (row_is_null(rows, 0))
            continue; // written first by us
        if (!actor_sees(&req->actor, row_i64(rows, 2), row_i64(rows, 3)))
            continue;
        took[n] = row_i64(rows, 0);
        kept += took[n] <= allowance_ms(&workspace, row_str(rows, 1, req->arena));
        n++;
    }
    if (!rows_end(rows, err))
        return false;
    status->answered = (i64)n;
    if (n > 0) {
        qsort(took, n, sizeof(*took), compare_i64);
        status->median_first_response_ms = took[n / 2];
        status->p90_first_response_ms = took[n * 9 / 10 < n ? n * 9 / 10 : n - 1];
        status->kept_percent = kept * 100 / (i64)n;
    }
    return true;
}

static bool get_status(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct status_doc status = {};
    struct feed_stats feed = {};
    struct search_state search = {};
    if (!read_answers(req, conn, &status, err) ||
        !webhook_given_up(conn, &req->actor, &status.webhooks_given_up, err))
        return false;
    feed_stats(req->app->feed, &feed);
    status.live_lag_ms = feed.lag_ms;
    if (req->app->search)
        search_state(req->app->search, &search);
    status.indexing = search.indexing;
    reply_value(reply, 200, &status_type, &status);
    return true;
}

const struct route about_routes[] = {
    {HTTP_GET_, "/api/v1/channel-kinds", MAY_READ, "listChannelKinds",
     "Networks that Heed knows, and their limits", .out = &kind_type, .out_list = true, .success = 200,
     .read = list_channel_kinds},
    {HTTP_GET_, "/api/v1/query-fields", MAY_READ, "listQueryFields", "Fields of the query language",
     .out = &query_field_type, .out_list = true, .success = 200, .read = list_query_fields},
    {HTTP_GET_, "/api/v1/status", MAY_READ, "getStatus", "How the last 24 hours went", .out = &status_type,
     .success = 200, .read = get_status},
    {HTTP_GET_, "/api/v1/rights", MAY_READ, "getRights", "Who may what, as Markdown", .success = 200,
     .flags = ROUTE_BYTES, .read = get_rights},
    {HTTP_GET_, "/api/v1/openapi.json", MAY_ANYONE, "getOpenapi", "This document", .success = 200,
     .read = get_openapi},
    {},
};
