// SPDX-License-Identifier: AGPL-3.0-or-later
// Channels: their settings and state, what waits at each, and what could not be read. Secrets go in and
// never come out again, but the one that Heed itself made, once.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/channel.h"
#include "jobs/poll.h"
#include "sql_gen.h"
#include "store/log.h"
#include <stdio.h>

enum { QUARANTINE_PREVIEW = 500 };

struct channel_item {
    struct channel_row row;
    struct channel_counts counts;
    struct str hook_url, secret;
};
static const struct type counts_type = {
    "ChannelCounts",
    (const struct field[]){
        FIELD(channel_counts, FIELD_I64, waiting_in, FIELD_READ_ONLY, .doc = "raw events not yet read"),
        FIELD(channel_counts, FIELD_I64, quarantined, FIELD_READ_ONLY,
              .doc = "raw events that could not be read"),
        FIELD(channel_counts, FIELD_I64, queued_out, FIELD_READ_ONLY),
        FIELD(channel_counts, FIELD_I64, in_doubt, FIELD_READ_ONLY),
        FIELD(channel_counts, FIELD_I64, failed, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct channel_counts),
};
#define ROW(kind_, member_, flags_, ...)                                                                     \
    {                                                                                                        \
        .name = #member_, .kind = (kind_), .offset = offsetof(struct channel_item, row.member_),             \
        .flags = (flags_), __VA_ARGS__                                                                       \
    }
static const struct type channel_item_type = {
    "Channel",
    (const struct field[]){
        ROW(FIELD_I64, id, FIELD_READ_ONLY),
        ROW(FIELD_STR, kind, FIELD_READ_ONLY, .doc = "the network, as GET /channel-kinds names it"),
        ROW(FIELD_STR, name, 0),
        ROW(FIELD_STR, state, FIELD_READ_ONLY, .doc = "connecting, active, degraded, reauth, dead, disabled"),
        ROW(FIELD_STR, state_reason, FIELD_READ_ONLY, .doc = "a sentence a person can act on"),
        ROW(FIELD_TIME, state_since, FIELD_READ_ONLY),
        ROW(FIELD_STR, handle, FIELD_READ_ONLY),
        ROW(FIELD_STR, external_account_id, FIELD_READ_ONLY | FIELD_NULLABLE),
        ROW(FIELD_JSON, settings, FIELD_READ_ONLY, .doc = "without secrets"),
        ROW(FIELD_TIME, last_event_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        ROW(FIELD_TIME, created_at, FIELD_READ_ONLY),
        ROW(FIELD_I64, brand_id, FIELD_READ_ONLY | FIELD_NULLABLE, .doc = "the brand it belongs to"),
        ROW(FIELD_I64, steer_to, FIELD_READ_ONLY | FIELD_NULLABLE,
            .doc = "the channel whose account customers are steered to"),
        FIELD(channel_item, FIELD_STRUCT, counts, FIELD_READ_ONLY, .type = &counts_type),
        FIELD(channel_item, FIELD_STR, hook_url, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "where the network posts to; null: it is polled"),
        FIELD(channel_item, FIELD_STR, secret, FIELD_READ_ONLY | FIELD_OPTIONAL_OUT,
              .doc = "once, when Heed just made it"),
        FIELD_END,
    },
    sizeof(struct channel_item),
};

static bool fill_item(struct request *req, struct conn *conn, const struct channel_row *row,
                      struct arena *arena, struct channel_item *out, struct err *err)
{
    const struct channel_driver *driver = channel_driver_find(row->kind);
    *out = (struct channel_item){.row = *row};
    if (driver && (driver->can & CAN_WEBHOOK))
        out->hook_url = str_printf(arena, "%.*s/hooks/%.*s/%lld", STR_ARG(req->app->public_url),
                                   STR_ARG(row->kind), (long long)row->id);
    return channel_counts(conn, req->actor.workspace_id, row->id, &out->counts, err);
}

static bool list_channels(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct channel_row_list rows = {};
    if (!channel_list(conn, &req->actor, req->arena, &rows, err))
        return false;
    struct json_writer w = reply_list_open(reply);
    for (size_t i = 0; i < rows.len; i++) {
        struct channel_item item;
        if (!fill_item(req, conn, &rows.items[i], req->arena, &item, err))
            return false;
        json_encode(&w, &channel_item_type, &item);
    }
    reply_list_close(reply, &w, STR_NONE);
    return true;
}

static bool reply_channel(struct request *req, struct conn *conn, const struct channel_row *row,
                          struct str secret, int status, struct arena *arena, struct reply *reply,
                          struct err *err)
{
    struct channel_item item;
    if (!fill_item(req, conn, row, arena, &item, err))
        return false;
    item.secret = secret;
    reply_value(reply, status, &channel_item_type, &item);
    return true;
}

static bool get_channel(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct channel_row row;
    i64 id;
    return request_id(req, 0, &id, err) && channel_get(conn, &req->actor, id, req->arena, &row, err) &&
           reply_channel(req, conn, &row, STR_NONE, 200, req->arena, reply, err);
}

// Addresses that Heed is to dial are judged when they are saved too, so that the mistake is named where it
// is made; the guard judges again at each connection.
static bool check_urls(const struct request *req, const struct channel_driver *driver, struct str settings,
                       struct err *err)
{
    struct err why = {};
    const struct json *given = settings.len ? json_parse(settings, req->arena, &why) : NULL;
    for (const struct channel_setting *s = driver ? driver->settings : NULL; s && s->name; s++) {
        struct str url = json_str(json_at(given, s->name));
        char field[64];
        snprintf(field, sizeof(field), "settings.%s", s->name);
        if (s->dialled && url.len > 0 && !client_url_allowed(req->app->client, url, &why))
            return err_field(err, field, "not_allowed", "Heed may not send there: %s", why.text);
    }
    return true;
}

static bool prepare_channel(struct request *req, struct err *err)
{
    struct channel_draft *draft = arena_new(req->arena, struct channel_draft);
    req->data = draft;
    return request_decode(req, &channel_draft_type, true, draft, NULL, err) &&
           check_urls(req, channel_driver_find(draft->kind), draft->settings, err);
}

static bool post_channel(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct channel_row row = {};
    struct str secret = STR_NONE;
    if (!channel_create(tx, &req->actor, req->app->key, req->data, &row, &secret, err) ||
        !reply_channel(req, tx->conn, &row, secret, 201, tx->arena, reply, err))
        return false;
    reply->secret = str_given(secret);
    return true;
}

struct channel_change {
    struct channel_patch patch;
    field_set given;
};

static bool prepare_channel_patch(struct request *req, struct err *err)
{
    struct channel_change *change = arena_new(req->arena, struct channel_change);
    struct channel_row row = {};
    i64 id;
    req->data = change;
    if (!request_decode(req, &channel_patch_type, false, &change->patch, &change->given, err) ||
        !request_id(req, 0, &id, err))
        return false;
    if (!field_given(&channel_patch_type, change->given, "settings"))
        return true;
    struct conn *conn = db_take(req->app->db);
    bool found = channel_get(conn, &req->actor, id, req->arena, &row, err);
    db_give(req->app->db, conn);
    return found && check_urls(req, channel_driver_find(row.kind), change->patch.settings, err);
}

static bool patch_channel(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct channel_change *change = req->data;
    struct channel_row row = {};
    i64 id;
    return request_id(req, 0, &id, err) &&
           channel_update(tx, &req->actor, req->app->key, id, &change->patch, change->given, &row, err) &&
           reply_channel(req, tx->conn, &row, STR_NONE, 200, tx->arena, reply, err);
}

// Stops it; its conversations stay.
static bool delete_channel(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct channel_row row = {};
    struct channel_patch patch = {.enabled = false};
    field_set given;
    i64 id;
    (void)reply;
    return json_decode(S("{\"enabled\":false}"), &channel_patch_type, false, tx->arena, &patch, &given,
                       err) &&
           request_id(req, 0, &id, err) &&
           channel_update(tx, &req->actor, req->app->key, id, &patch, given, &row, err);
}

struct secret_made {
    struct str secret;
};
static const struct type secret_made_type = {
    "Secret",
    (const struct field[]){
        FIELD(secret_made, FIELD_STR, secret, FIELD_READ_ONLY,
              .doc = "shown once; the old one is good for 24 h more"),
        FIELD_END,
    },
    sizeof(struct secret_made),
};

static bool rotate_secret(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct secret_made made = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !channel_rotate_secret(tx, &req->actor, req->app->key, id, &made.secret, err))
        return false;
    reply->secret = true;
    reply_value(reply, 200, &secret_made_type, &made);
    return true;
}

struct test_result {
    bool ok;
    struct str detail;
};
static const struct type test_result_type = {
    "ChannelTest",
    (const struct field[]){
        FIELD(test_result, FIELD_BOOL, ok, FIELD_READ_ONLY),
        FIELD(test_result, FIELD_STR, detail, FIELD_READ_ONLY, .doc = "what the network said, in words"),
        FIELD_END,
    },
    sizeof(struct test_result),
};

static bool prepare_test(struct request *req, struct err *err)
{
    struct test_result *result = arena_new(req->arena, struct test_result);
    struct channel_row row = {};
    const struct jobs_settings network = {
        .db = req->app->db, .key = req->app->key, .client = req->app->client};
    i64 id;
    req->data = result;
    if (!request_id(req, 0, &id, err))
        return false;
    struct conn *conn = db_take(req->app->db);
    bool found = channel_get(conn, &req->actor, id, req->arena, &row, err);
    db_give(req->app->db, conn);
    return found &&
           channel_test(&network, req->actor.workspace_id, id, req->arena, &result->ok, &result->detail, err);
}

static bool post_test(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    (void)tx;
    (void)err;
    reply_value(reply, 200, &test_result_type, req->data);
    return true;
}

// ---- What could not be read ----

struct quarantined {
    i64 id, received_at, attempts, size;
    struct str reason, body_preview;
};
static const struct type quarantined_type = {
    "Quarantined",
    (const struct field[]){
        FIELD(quarantined, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(quarantined, FIELD_TIME, received_at, FIELD_READ_ONLY),
        FIELD(quarantined, FIELD_STR, reason, FIELD_READ_ONLY),
        FIELD(quarantined, FIELD_I64, attempts, FIELD_READ_ONLY),
        FIELD(quarantined, FIELD_I64, size, FIELD_READ_ONLY, .doc = "bytes"),
        FIELD(quarantined, FIELD_STR, body_preview, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct quarantined),
};

static bool list_quarantine(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct channel_row row = {};
    struct rows *rows;
    i64 id, limit;
    if (!request_id(req, 0, &id, err) || !request_limit(req, &limit, err) ||
        !channel_get(conn, &req->actor, id, req->arena, &row, err) ||
        !db_query(conn, &SQL_quarantine_list,
                  DB_ARGS(db_i64(req->actor.workspace_id), db_i64(id), db_i64(limit)), &rows, err))
        return false;
    struct json_writer w = reply_list_open(reply);
    while (rows_next(rows)) {
        struct str body = row_blob(rows, 5, req->arena);
        struct quarantined item = {
            .id = row_i64(rows, 0),
            .received_at = row_i64(rows, 1),
            .reason = row_str(rows, 2, req->arena),
            .attempts = row_i64(rows, 3),
            .size = row_i64(rows, 4),
            .body_preview = utf8_clean(
                req->arena, str_sub(body, 0, body.len < QUARANTINE_PREVIEW ? body.len : QUARANTINE_PREVIEW)),
        };
        json_encode(&w, &quarantined_type, &item);
    }
    reply_list_close(reply, &w, STR_NONE);
    return rows_end(rows, err);
}

static bool decide_quarantine(struct request *req, struct tx *tx, const struct sql *sql, const char *kind,
                              struct err *err)
{
    struct channel_row row = {};
    i64 id, item, n = 0;
    if (!request_id(req, 0, &id, err) || !request_id(req, 1, &item, err) ||
        !channel_get(tx->conn, &req->actor, id, tx->arena, &row, err) ||
        !db_exec(tx->conn, sql, DB_ARGS(db_i64(req->actor.workspace_id), db_i64(id), db_i64(item)), &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "There is nothing with this id in quarantine.");
    struct event event = {.workspace_id = req->actor.workspace_id,
                          .kind = str_from(kind),
                          .channel_id = id,
                          .agent_id = req->actor.agent_id,
                          .data = str_printf(tx->arena, "{\"inbound_id\":%lld}", (long long)item)};
    return log_append(tx, &event, err);
}

static bool retry_quarantined(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    (void)reply;
    return decide_quarantine(req, tx, &SQL_quarantine_retry, "inbound.retried", err);
}

static bool discard_quarantined(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    (void)reply;
    return decide_quarantine(req, tx, &SQL_quarantine_discard, "inbound.discarded", err);
}

static const struct type hour_type = {
    "TrafficHour",
    (const struct field[]){
        FIELD(channel_hour, FIELD_TIME, at, FIELD_READ_ONLY),
        FIELD(channel_hour, FIELD_I64, in, FIELD_READ_ONLY),
        FIELD(channel_hour, FIELD_I64, out, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct channel_hour),
};
struct traffic {
    struct {
        struct channel_hour *items;
        size_t len, cap;
    } hours;
};
static const struct type traffic_type = {
    "Traffic",
    (const struct field[]){
        FIELD(traffic, FIELD_LIST, hours, FIELD_READ_ONLY, .type = &hour_type,
              .doc = "the last 24, oldest first"),
        FIELD_END,
    },
    sizeof(struct traffic),
};

static bool get_traffic(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct channel_row row = {};
    struct channel_hour *hours = arena_array(req->arena, struct channel_hour, 24);
    i64 id;
    if (!request_id(req, 0, &id, err) || !channel_get(conn, &req->actor, id, req->arena, &row, err) ||
        !channel_traffic(conn, req->actor.workspace_id, id, req->now, hours, err))
        return false;
    struct traffic traffic = {.hours = {hours, 24, 24}};
    reply_value(reply, 200, &traffic_type, &traffic);
    return true;
}

static const struct query_param limit_params[] = {{"limit", "integer", "1 to 100, default 50"}, {}};

const struct route channel_routes[] = {
    {HTTP_GET_, "/api/v1/channels", MAY_READ, "listChannels", "The channels one sees",
     .out = &channel_item_type, .out_list = true, .success = 200, .read = list_channels},
    {HTTP_POST_, "/api/v1/channels", MAY_ADMIN, "createChannel", "Connect a channel",
     .in = &channel_draft_type, .out = &channel_item_type, .success = 201, .flags = ROUTE_SLOW,
     .prepare = prepare_channel, .write = post_channel},
    {HTTP_GET_, "/api/v1/channels/{id}", MAY_READ, "getChannel", "One channel", .out = &channel_item_type,
     .success = 200, .read = get_channel},
    {HTTP_PATCH_, "/api/v1/channels/{id}", MAY_ADMIN, "updateChannel", "Change, stop or start a channel",
     .in = &channel_patch_type, .out = &channel_item_type, .success = 200, .flags = ROUTE_SLOW,
     .prepare = prepare_channel_patch, .write = patch_channel},
    {HTTP_DELETE_, "/api/v1/channels/{id}", MAY_ADMIN, "disableChannel",
     "Stop a channel; its conversations stay", .success = 204, .write = delete_channel},
    {HTTP_POST_, "/api/v1/channels/{id}/test", MAY_ADMIN, "testChannel", "Ask the network whether it works",
     .out = &test_result_type, .success = 200, .flags = ROUTE_SLOW, .prepare = prepare_test,
     .write = post_test},
    {HTTP_POST_, "/api/v1/channels/{id}/rotate-secret", MAY_ADMIN, "rotateChannelSecret",
     "A new secret for a custom channel", .out = &secret_made_type, .success = 200, .write = rotate_secret},
    {HTTP_GET_, "/api/v1/channels/{id}/quarantine", MAY_ADMIN, "listQuarantine",
     "Events that could not be read", .out = &quarantined_type, .out_list = true, .success = 200,
     .params = limit_params, .read = list_quarantine},
    {HTTP_POST_, "/api/v1/channels/{id}/quarantine/{item_id}/retry", MAY_ADMIN, "retryQuarantined",
     "Read an event again", .success = 202, .write = retry_quarantined},
    {HTTP_DELETE_, "/api/v1/channels/{id}/quarantine/{item_id}", MAY_ADMIN, "discardQuarantined",
     "Let an event go, on record", .success = 204, .write = discard_quarantined},
    {HTTP_GET_, "/api/v1/channels/{id}/traffic", MAY_READ, "getChannelTraffic", "Messages by the hour",
     .out = &traffic_type, .success = 200, .read = get_traffic},
    {},
};
