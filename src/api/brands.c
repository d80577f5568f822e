// SPDX-License-Identifier: AGPL-3.0-or-later
// Brands, and asking customers over to a brand's support account.
#include "api/answer.h"
#include "api/routes.h"
#include "desk/brand.h"
#include "desk/steering.h"

static bool list_brands(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct brand_list list = {};
    if (!brand_list(conn, req->actor.workspace_id, req->arena, &list, err))
        return false;
    reply_list(reply, &brand_type, &list, STR_NONE);
    return true;
}

struct brand_body {
    struct brand brand;
    field_set given;
};

static bool decode(struct request *req, bool create, struct err *err)
{
    struct brand_body *body = arena_new(req->arena, struct brand_body);
    req->data = body;
    return request_decode(req, &brand_draft_type, create, &body->brand, &body->given, err);
}

static bool prepare_brand(struct request *req, struct err *err)
{
    return decode(req, true, err);
}

static bool prepare_change(struct request *req, struct err *err)
{
    return decode(req, false, err);
}

static bool post_brand(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct brand_body *body = req->data;
    struct brand brand;
    if (!brand_create(tx, &req->actor, &body->brand, &brand, err))
        return false;
    reply_value(reply, 201, &brand_type, &brand);
    return true;
}

static bool patch_brand(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct brand_body *body = req->data;
    struct brand brand;
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !brand_update(tx, &req->actor, id, &body->brand, body->given, &brand, err))
        return false;
    reply_value(reply, 200, &brand_type, &brand);
    return true;
}

static bool delete_brand(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && brand_delete(tx, &req->actor, id, err);
}

static bool get_steering(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct steering steering;
    i64 id;
    if (!request_id(req, 0, &id, err) || !steering_get(conn, &req->actor, id, req->arena, &steering, err))
        return false;
    reply_value(reply, 200, &steering_type, &steering);
    return true;
}

const struct route brand_routes[] = {
    {HTTP_GET_, "/api/v1/brands", MAY_READ, "listBrands", "All brands by name", .out = &brand_type,
     .out_list = true, .success = 200, .read = list_brands},
    {HTTP_POST_, "/api/v1/brands", MAY_ADMIN, "createBrand", "Make a brand", .in = &brand_draft_type,
     .out = &brand_type, .success = 201, .prepare = prepare_brand, .write = post_brand},
    {HTTP_PATCH_, "/api/v1/brands/{id}", MAY_ADMIN, "updateBrand", "Change a brand", .in = &brand_draft_type,
     .out = &brand_type, .success = 200, .prepare = prepare_change, .write = patch_brand},
    {HTTP_DELETE_, "/api/v1/brands/{id}", MAY_ADMIN, "deleteBrand",
     "Remove a brand; its channels belong to none then", .success = 204, .write = delete_brand},
    {HTTP_GET_, "/api/v1/conversations/{id}/steering", MAY_READ, "getSteering",
     "Whether and how the customer can be asked over to a support account, and whether they came",
     .out = &steering_type, .success = 200, .read = get_steering},
    {},
};
