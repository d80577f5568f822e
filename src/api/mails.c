// SPDX-License-Identifier: AGPL-3.0-or-later
// The HTML of a mail, for the page to clean and show in a frame of its own, and the pictures from the net
// that it names, one at a time, when a colleague asks for them.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/mail.h"
#include "desk/message.h"
#include "jobs/remote_picture.h"

struct mail_html {
    struct str html;
};
static const struct type mail_html_type = {
    "MailHtml",
    (const struct field[]){
        FIELD(mail_html, FIELD_STR, html, FIELD_READ_ONLY,
              .doc = "As it came, uncleaned: never put it into a page as it is."),
        FIELD_END,
    },
    sizeof(struct mail_html),
};

static bool get_html(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct message message = {};
    struct mail_html out = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !message_get(conn, &req->actor, id, req->arena, &message, err) ||
        !mail_html_get(conn, req->actor.workspace_id, &message, req->arena, &out.html, err))
        return false;
    struct json_writer w = json_writer(&reply->body);
    json_encode(&w, &mail_html_type, &out);
    return true;
}

// ---- Pictures from the net ----

struct wanted_picture {
    struct str url;
};
static const struct type wanted_picture_type = {
    "RemotePictureOf",
    (const struct field[]){
        FIELD(wanted_picture, FIELD_STR, url, FIELD_REQUIRED, .max = REMOTE_PICTURE_URL_MAX,
              .doc = "as the src of an <img> in the mail's HTML, entities resolved; http, https or //"),
        FIELD_END,
    },
    sizeof(struct wanted_picture),
};
static const struct type remote_picture_type = {
    "RemotePicture",
    (const struct field[]){
        FIELD(remote_picture, FIELD_STR, mime, FIELD_READ_ONLY,
              .doc = "image/png, image/jpeg, image/gif or image/webp, told by its bytes"),
        FIELD(remote_picture, FIELD_I64, width, FIELD_READ_ONLY),
        FIELD(remote_picture, FIELD_I64, height, FIELD_READ_ONLY),
        FIELD(remote_picture, FIELD_I64, size, FIELD_READ_ONLY, .doc = "bytes"),
        FIELD(remote_picture, FIELD_STR, data_url, FIELD_READ_ONLY,
              .doc = "the cleaned picture as a data: address"),
        FIELD_END,
    },
    sizeof(struct remote_picture),
};

static bool load_html(struct request *req, i64 id, struct str *ret_html, struct err *err)
{
    struct message message = {};
    struct conn *conn = db_take(req->app->db);
    bool found = message_get(conn, &req->actor, id, req->arena, &message, err) &&
                 mail_html_get(conn, req->actor.workspace_id, &message, req->arena, ret_html, err);
    db_give(req->app->db, conn);
    return found;
}

static bool prepare_picture(struct request *req, struct err *err)
{
    struct remote_picture *picture = arena_new(req->arena, struct remote_picture);
    struct wanted_picture wanted = {};
    struct str html;
    i64 id;
    const struct remote_picture_settings settings = {
        .client = req->app->client, .nursery = req->app->nursery, .stopping = &req->app->stopping};
    req->data = picture;
    return request_id(req, 0, &id, err) &&
           request_decode(req, &wanted_picture_type, true, &wanted, NULL, err) &&
           load_html(req, id, &html, err) &&
           remote_picture_get(&settings, html, wanted.url, req->arena, picture, err);
}

static bool put_picture(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    (void)conn;
    (void)err;
    reply_value(reply, 200, &remote_picture_type, req->data);
    return true;
}

const struct route mail_routes[] = {
    {HTTP_GET_, "/api/v1/messages/{id}/html", MAY_READ, "getMessageHtml", "The HTML of a mail, uncleaned",
     .out = &mail_html_type, .success = 200, .read = get_html},
    {HTTP_POST_, "/api/v1/messages/{id}/remote-pictures", MAY_READ, "getRemotePicture",
     "Fetch one picture from the net that a mail names; its sender may learn that the mail was read",
     .in = &wanted_picture_type, .out = &remote_picture_type, .success = 200, .flags = ROUTE_FETCH,
     .prepare = prepare_picture, .read = put_picture},
    {},
};
