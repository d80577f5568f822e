// SPDX-License-Identifier: AGPL-3.0-or-later
// Saved folders, and how much is in one.
#include "api/answer.h"
#include "api/routes.h"
#include "base/clock.h"
#include "desk/folder.h"

struct folder_change {
    struct folder_draft draft;
    field_set given;
};

static bool list_folders(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct folder_list list = {};
    if (!folder_list(conn, &req->actor, req->arena, &list, err))
        return false;
    reply_list(reply, &folder_type, &list, STR_NONE);
    return true;
}

static bool get_folder(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct folder folder = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !folder_get(conn, &req->actor, id, req->arena, &folder, err))
        return false;
    reply_value(reply, 200, &folder_type, &folder);
    return true;
}

struct folder_count_doc {
    i64 n;
    bool about;
};
static const struct type folder_count_type = {
    "FolderCount",
    (const struct field[]){
        FIELD(folder_count_doc, FIELD_I64, n, FIELD_READ_ONLY, .doc = "1,001 means more than 1,000."),
        FIELD(folder_count_doc, FIELD_BOOL, about, FIELD_READ_ONLY,
              .doc = "Looking took too long: there are at least so many."),
        FIELD_END,
    },
    sizeof(struct folder_count_doc),
};

static bool count_folder(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct folder folder = {};
    struct folder_tally tally = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !folder_get(conn, &req->actor, id, req->arena, &folder, err) ||
        !folder_count(conn, &req->actor, folder.q, req->arena, &tally, err))
        return false;
    struct folder_count_doc doc = {(i64)tally.ids.len, tally.about};
    reply_value(reply, 200, &folder_count_type, &doc);
    return true;
}

static bool decode(struct request *req, const struct type *type, bool create, struct err *err)
{
    struct folder_change *change = arena_new(req->arena, struct folder_change);
    req->data = change;
    return request_decode(req, type, create, &change->draft, &change->given, err);
}

static bool prepare_new(struct request *req, struct err *err)
{
    return decode(req, &folder_draft_type, true, err);
}

static bool prepare_patch(struct request *req, struct err *err)
{
    return decode(req, &folder_patch_type, false, err);
}

static bool post_folder(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct folder_change *change = req->data;
    struct folder folder = {};
    if (!folder_create(tx, &req->actor, &change->draft, &folder, err))
        return false;
    reply_value(reply, 201, &folder_type, &folder);
    return true;
}

static bool patch_folder(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct folder_change *change = req->data;
    struct folder folder = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !folder_update(tx, &req->actor, id, &change->draft, change->given, &folder, err))
        return false;
    reply_value(reply, 200, &folder_type, &folder);
    return true;
}

static bool delete_folder(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && folder_delete(tx, &req->actor, id, err);
}

static bool prepare_order(struct request *req, struct err *err)
{
    struct folder_order *order = arena_new(req->arena, struct folder_order);
    req->data = order;
    return request_decode(req, &folder_order_type, true, order, NULL, err);
}

static bool post_order(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct folder_order *order = req->data;
    (void)reply;
    return folder_order(tx, &req->actor, &order->ids, err);
}

const struct route folder_routes[] = {
    {HTTP_GET_, "/api/v1/folders", MAY_READ, "listFolders",
     "Saved folders: one's own, one's teams', everybody's", .out = &folder_type, .out_list = true,
     .success = 200, .read = list_folders},
    {HTTP_POST_, "/api/v1/folders", MAY_READ, "createFolder",
     "Save a search as a folder; those that others see are made by leads", .in = &folder_draft_type,
     .out = &folder_type, .success = 201, .prepare = prepare_new, .write = post_folder},
    {HTTP_GET_, "/api/v1/folders/{id}", MAY_READ, "getFolder", "One saved folder", .out = &folder_type,
     .success = 200, .read = get_folder},
    {HTTP_PATCH_, "/api/v1/folders/{id}", MAY_READ, "updateFolder", "Change a saved folder",
     .in = &folder_patch_type, .out = &folder_type, .success = 200, .prepare = prepare_patch,
     .write = patch_folder},
    {HTTP_DELETE_, "/api/v1/folders/{id}", MAY_READ, "deleteFolder", "Remove a saved folder", .success = 204,
     .write = delete_folder},
    {HTTP_GET_, "/api/v1/folders/{id}/count", MAY_READ, "countFolder", "How much is in a saved folder",
     .out = &folder_count_type, .success = 200, .read = count_folder},
    {HTTP_POST_, "/api/v1/folder-order", MAY_READ, "orderFolders", "Put saved folders in order",
     .in = &folder_order_type, .success = 204, .prepare = prepare_order, .write = post_order},
    {},
};
