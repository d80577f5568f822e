// SPDX-License-Identifier: AGPL-3.0-or-later
// Outgoing webhooks: endpoints, what was sent there, and sending it once more.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/webhook.h"

struct kind_doc {
    struct str kind, doc;
};
static const struct type kind_type = {
    "WebhookKind",
    (const struct field[]){
        FIELD(kind_doc, FIELD_STR, kind, FIELD_READ_ONLY),
        FIELD(kind_doc, FIELD_STR, doc, FIELD_READ_ONLY, .doc = "when it is sent"),
        FIELD_END,
    },
    sizeof(struct kind_doc),
};

static bool list_kinds(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct json_writer w = reply_list_open(reply);
    (void)req;
    (void)conn;
    (void)err;
    for (const struct webhook_kind *kind = webhook_kinds; kind->kind; kind++) {
        struct kind_doc doc = {str_from(kind->kind), str_from(kind->doc)};
        json_encode(&w, &kind_type, &doc);
    }
    reply_list_close(reply, &w, STR_NONE);
    return true;
}

static bool list_webhooks(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct webhook_list list = {};
    if (!webhook_list(conn, &req->actor, req->arena, &list, err))
        return false;
    reply_list(reply, &webhook_type, &list, STR_NONE);
    return true;
}

struct change {
    struct webhook_draft draft;
    field_set given;
};

// Asked here, before it is kept, and again at each connection.
static bool check_url(const struct request *req, struct str url, struct err *err)
{
    struct err why = {};
    if (!str_starts(url, S("https://")) && !client_url_exempt(req->app->client, url))
        return err_field(err, "url", "invalid", "The address must begin with https://");
    return client_url_allowed(req->app->client, url, &why) ||
           err_field(err, "url", "not_allowed", "Heed may not send there: %s", why.text);
}

static bool prepare_webhook(struct request *req, struct err *err)
{
    struct change *change = arena_new(req->arena, struct change);
    req->data = change;
    return request_decode(req, &webhook_draft_type, true, &change->draft, &change->given, err) &&
           check_url(req, change->draft.url, err);
}

static bool post_webhook(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct change *change = req->data;
    struct webhook webhook;
    if (!webhook_create(tx, &req->actor, req->app->key, &change->draft, &webhook, err))
        return false;
    reply->secret = true;
    reply_value(reply, 201, &webhook_type, &webhook);
    return true;
}

static bool get_webhook(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct webhook webhook;
    i64 id;
    if (!request_id(req, 0, &id, err) || !webhook_get(conn, &req->actor, id, req->arena, &webhook, err))
        return false;
    reply_value(reply, 200, &webhook_type, &webhook);
    return true;
}

static bool prepare_patch(struct request *req, struct err *err)
{
    struct change *change = arena_new(req->arena, struct change);
    req->data = change;
    return request_decode(req, &webhook_patch_type, false, &change->draft, &change->given, err) &&
           (!field_given(&webhook_patch_type, change->given, "url") ||
            check_url(req, change->draft.url, err));
}

static bool patch_webhook(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct change *change = req->data;
    struct webhook webhook;
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !webhook_update(tx, &req->actor, id, &change->draft, change->given, &webhook, err))
        return false;
    reply_value(reply, 200, &webhook_type, &webhook);
    return true;
}

static bool delete_webhook(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && webhook_delete(tx, &req->actor, id, err);
}

struct secret_made {
    struct str secret;
};
static const struct type secret_type = {
    "WebhookSecret",
    (const struct field[]){
        FIELD(secret_made, FIELD_STR, secret, FIELD_READ_ONLY,
              .doc = "shown once; the old one signs as well for 24 h more"),
        FIELD_END,
    },
    sizeof(struct secret_made),
};

static bool rotate(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct secret_made made = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !webhook_rotate(tx, &req->actor, req->app->key, id, &made.secret, err))
        return false;
    reply->secret = true;
    reply_value(reply, 200, &secret_type, &made);
    return true;
}

// ---- What was sent ----

static bool post_test(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct webhook_delivery delivery;
    i64 id, delivery_id;
    if (!request_id(req, 0, &id, err) || !webhook_test(tx, &req->actor, id, &delivery_id, err) ||
        !webhook_delivery_get(tx->conn, &req->actor, id, delivery_id, tx->arena, &delivery, err))
        return false;
    reply_value(reply, 202, &webhook_delivery_full_type, &delivery);
    return true;
}

static bool list_deliveries(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct webhook_delivery_list list = {};
    struct str state, cursor, next = STR_NONE;
    i64 id, limit, before = INT64_MAX;
    if (!request_id(req, 0, &id, err) || !request_limit(req, &limit, err) ||
        !http_param(req->http, "state", &state, err) || !http_param(req->http, "cursor", &cursor, err))
        return false;
    if (str_given(cursor) && (!str_to_i64(cursor, &before) || before < 1)) {
        err_field(err, "cursor", "invalid", "This is not a cursor that was given out here.");
        err->code = ERR_SYNTAX;
        return false;
    }
    if (!webhook_delivery_list(conn, &req->actor, id, str_given(state) ? state : S(""), before, limit,
                               req->arena, &list, err))
        return false;
    if ((i64)list.len == limit)
        next = str_printf(req->arena, "%lld", (long long)list.items[list.len - 1].id);
    reply_list(reply, &webhook_delivery_type, &list, next);
    return true;
}

static bool get_delivery(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct webhook_delivery delivery;
    i64 id, delivery_id;
    if (!request_id(req, 0, &id, err) || !request_id(req, 1, &delivery_id, err) ||
        !webhook_delivery_get(conn, &req->actor, id, delivery_id, req->arena, &delivery, err))
        return false;
    reply_value(reply, 200, &webhook_delivery_full_type, &delivery);
    return true;
}

static bool replay(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct webhook_delivery delivery;
    i64 id, delivery_id;
    if (!request_id(req, 0, &id, err) || !request_id(req, 1, &delivery_id, err) ||
        !webhook_delivery_replay(tx, &req->actor, id, delivery_id, err) ||
        !webhook_delivery_get(tx->conn, &req->actor, id, delivery_id, tx->arena, &delivery, err))
        return false;
    reply_value(reply, 202, &webhook_delivery_full_type, &delivery);
    return true;
}

static const struct query_param delivery_params[] = {
    {"state", "enum:waiting|done|failed|cancelled", "only these"},
    {"limit", "integer", "items of a page"},
    {"cursor", "string", "next of the page before"},
    {}};

const struct route webhook_routes[] = {
    {HTTP_GET_, "/api/v1/webhook-kinds", MAY_ADMIN, "listWebhookKinds", "Events that webhooks can tell of",
     .out = &kind_type, .out_list = true, .success = 200, .read = list_kinds},
    {HTTP_GET_, "/api/v1/webhooks", MAY_ADMIN, "listWebhooks", "Where other programs are told of events",
     .out = &webhook_type, .out_list = true, .success = 200, .read = list_webhooks},
    {HTTP_POST_, "/api/v1/webhooks", MAY_ADMIN, "createWebhook",
     "Tell another program of events; answers once with the secret", .in = &webhook_draft_type,
     .out = &webhook_type, .success = 201, .flags = ROUTE_SLOW, .prepare = prepare_webhook,
     .write = post_webhook},
    {HTTP_GET_, "/api/v1/webhooks/{id}", MAY_ADMIN, "getWebhook", "One webhook", .out = &webhook_type,
     .success = 200, .read = get_webhook},
    {HTTP_PATCH_, "/api/v1/webhooks/{id}", MAY_ADMIN, "updateWebhook", "Change it, switch it off or on",
     .in = &webhook_patch_type, .out = &webhook_type, .success = 200, .flags = ROUTE_SLOW,
     .prepare = prepare_patch, .write = patch_webhook},
    {HTTP_DELETE_, "/api/v1/webhooks/{id}", MAY_ADMIN, "deleteWebhook", "Remove it with its log",
     .success = 204, .write = delete_webhook},
    {HTTP_POST_, "/api/v1/webhooks/{id}/rotate-secret", MAY_ADMIN, "rotateWebhookSecret",
     "Sign with a new secret; answers with it once", .out = &secret_type, .success = 200, .write = rotate},
    {HTTP_POST_, "/api/v1/webhooks/{id}/test", MAY_ADMIN, "testWebhook", "Send a test event there",
     .out = &webhook_delivery_full_type, .success = 202, .write = post_test},
    {HTTP_GET_, "/api/v1/webhooks/{id}/deliveries", MAY_ADMIN, "listWebhookDeliveries",
     "What was sent there, newest first", .out = &webhook_delivery_type, .out_list = true, .success = 200,
     .params = delivery_params, .read = list_deliveries},
    {HTTP_GET_, "/api/v1/webhooks/{id}/deliveries/{delivery}", MAY_ADMIN, "getWebhookDelivery",
     "One of them, with what was sent and each attempt's answer", .out = &webhook_delivery_full_type,
     .success = 200, .read = get_delivery},
    {HTTP_POST_, "/api/v1/webhooks/{id}/deliveries/{delivery}/replay", MAY_ADMIN, "replayWebhookDelivery",
     "Send it once more, under the same id", .out = &webhook_delivery_full_type, .success = 202,
     .write = replay},
    {},
};
