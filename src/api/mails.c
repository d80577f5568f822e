// SPDX-License-Identifier: AGPL-3.0-or-later
// The HTML of a mail, for the page to clean and show in a frame of its own.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "desk/mail.h"
#include "desk/message.h"

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

const struct route mail_routes[] = {
    {HTTP_GET_, "/api/v1/messages/{id}/html", MAY_READ, "getMessageHtml", "The HTML of a mail, uncleaned",
     .out = &mail_html_type, .success = 200, .read = get_html},
    {},
};
