// SPDX-License-Identifier: AGPL-3.0-or-later
// Browsers that take pushes: subscribe, list, try, remove.
#include "desk/push.h"
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "net/url.h"

static bool get_push(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct push_state state;
    if (!push_state_get(conn, &req->actor, req->now, req->arena, &state, err))
        return false;
    reply_value(reply, 200, &push_state_type, &state);
    return true;
}

// Where the browser says its pushes go: https, or an address that was allowed by hand (--allow-host).
static bool check_endpoint(struct request *req, struct push_draft *draft, struct err *err)
{
    struct url url;
    struct err why = {};
    if (!url_parse(req->arena, draft->endpoint, &url, &why))
        return err_field(err, "endpoint", "invalid", "%s", why.text);
    bool local = url.address_len > 0 && str_eq(url.scheme, S("http"));
    if (!str_eq(url.scheme, S("https")) && !local)
        return err_field(err, "endpoint", "invalid", "A push service has an https address.");
    if (!client_url_allowed(req->app->client, url.text, &why))
        return err_field(err, "endpoint", "refused", "%s", why.text);
    draft->endpoint = url.text;
    draft->service = url.host;
    return true;
}

static bool prepare_device(struct request *req, struct err *err)
{
    struct push_draft *draft = arena_new(req->arena, struct push_draft);
    req->data = draft;
    return request_decode(req, &push_draft_type, true, draft, NULL, err) &&
           push_draft_check(draft, req->arena, err) && check_endpoint(req, draft, err);
}

static bool post_device(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct push_device device;
    struct str agent = http_header(req->http, "user-agent");
    if (!str_given(agent))
        agent = S("");
    if (agent.len > 400)
        agent.len = 400;
    agent = utf8_clean(tx->arena, agent);
    if (!push_device_add(tx, req->app->key, &req->actor, req->data, agent, &device, err))
        return false;
    reply_value(reply, 201, &push_device_type, &device);
    return true;
}

static bool delete_device(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && push_device_remove(tx, &req->actor, id, err);
}

static bool post_test(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    reply->status = 202;
    return request_id(req, 0, &id, err) && push_device_try(tx, &req->actor, id, err);
}

const struct route push_routes[] = {
    {HTTP_GET_, "/api/v1/push", MAY_READ, "getPush", "This installation's push key and one's own devices",
     .out = &push_state_type, .success = 200, .read = get_push},
    {HTTP_POST_, "/api/v1/push/devices", MAY_READ, "addPushDevice", "Let this browser take pushes",
     .in = &push_draft_type, .out = &push_device_type, .success = 201, .flags = ROUTE_SLOW,
     .prepare = prepare_device, .write = post_device},
    {HTTP_DELETE_, "/api/v1/push/devices/{id}", MAY_READ, "removePushDevice", "Send it no more pushes",
     .success = 204, .write = delete_device},
    {HTTP_POST_, "/api/v1/push/devices/{id}/test", MAY_READ, "testPushDevice", "Send it a push now",
     .success = 202, .write = post_test},
    {},
};
