// SPDX-License-Identifier: AGPL-3.0-or-later
// Customers' cards, and files: pictures put before they are sent, attachments as they came.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "base/picture.h"
#include "desk/contact.h"
#include "desk/file.h"

static bool get_contact(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct card card = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !card_get(conn, &req->actor, id, req->arena, &card, err))
        return false;
    reply_value(reply, 200, &card_type, &card);
    return true;
}

struct card_change {
    struct card_patch patch;
    field_set given;
};

static bool prepare_contact(struct request *req, struct err *err)
{
    struct card_change *change = arena_new(req->arena, struct card_change);
    req->data = change;
    return request_decode(req, &card_patch_type, false, &change->patch, &change->given, err);
}

static bool patch_contact(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct card_change *change = req->data;
    struct card card = {};
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !card_update(tx, &req->actor, id, &change->patch, change->given, err) ||
        !card_get(tx->conn, &req->actor, id, tx->arena, &card, err))
        return false;
    reply_value(reply, 200, &card_type, &card);
    return true;
}

static bool get_suggestions(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct contact_suggestion_list list = {};
    i64 id;
    if (!request_id(req, 0, &id, err) || !contact_suggest(conn, &req->actor, id, req->arena, &list, err))
        return false;
    reply_list(reply, &contact_suggestion_type, &list, STR_NONE);
    return true;
}

static bool prepare_ref(struct request *req, struct err *err)
{
    struct contact_ref *ref = arena_new(req->arena, struct contact_ref);
    req->data = ref;
    return request_decode(req, &contact_ref_type, true, ref, NULL, err);
}

static bool reply_card(struct request *req, struct tx *tx, i64 id, struct reply *reply, struct err *err)
{
    struct card card = {};
    if (!card_get(tx->conn, &req->actor, id, tx->arena, &card, err))
        return false;
    reply_value(reply, 200, &card_type, &card);
    return true;
}

static bool post_merge(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct contact_ref *ref = req->data;
    i64 id;
    return request_id(req, 0, &id, err) && contact_merge(tx, &req->actor, id, ref->contact_id, err) &&
           reply_card(req, tx, id, reply, err);
}

static bool post_unmerge(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct contact_ref *ref = req->data;
    i64 id;
    return request_id(req, 0, &id, err) && contact_unmerge(tx, &req->actor, id, ref->contact_id, err) &&
           reply_card(req, tx, id, reply, err);
}

static bool post_apart(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct contact_ref *ref = req->data;
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && contact_tell_apart(tx, &req->actor, id, ref->contact_id, err);
}

const struct route contact_routes[] = {
    {HTTP_GET_, "/api/v1/contacts/{id}", MAY_READ, "getContact", "A customer's card", .out = &card_type,
     .success = 200, .read = get_contact},
    {HTTP_PATCH_, "/api/v1/contacts/{id}", MAY_TRIAGE, "updateContact", "Correct a name, note something",
     .in = &card_patch_type, .out = &card_type, .success = 200, .prepare = prepare_contact,
     .write = patch_contact},
    {HTTP_GET_, "/api/v1/contacts/{id}/suggestions", MAY_READ, "suggestContacts",
     "Who might be the same person, and why; never on a name alone", .out = &contact_suggestion_type,
     .out_list = true, .success = 200, .read = get_suggestions},
    {HTTP_POST_, "/api/v1/contacts/{id}/merge", MAY_TRIAGE, "mergeContact",
     "Show another contact under this one, until it is taken out again", .in = &contact_ref_type,
     .out = &card_type, .success = 200, .prepare = prepare_ref, .write = post_merge},
    {HTTP_POST_, "/api/v1/contacts/{id}/unmerge", MAY_TRIAGE, "unmergeContact",
     "Take a merged contact out again, with all that is its own", .in = &contact_ref_type, .out = &card_type,
     .success = 200, .prepare = prepare_ref, .write = post_unmerge},
    {HTTP_POST_, "/api/v1/contacts/{id}/apart", MAY_TRIAGE, "tellContactsApart",
     "These are two people: not suggested again", .in = &contact_ref_type, .success = 204,
     .prepare = prepare_ref, .write = post_apart},
    {},
};

// ---- Files ----

// The picture is taken apart in a child; what comes back is kept in small writes of its own.
static bool prepare_file(struct request *req, struct err *err)
{
    struct file *file = arena_new(req->arena, struct file);
    struct picture picture = {};
    req->data = file;
    if (req->http->body.len == 0)
        return err_field(err, "body", "required", "The body is the picture itself.");
    if (picture_clean(req->app->nursery, 0, req->http->body, req->arena, &picture, err) != CHILD_OK)
        return false;
    *file = (struct file){.mime = picture.mime, .width = picture.width, .height = picture.height};
    return file_keep(req->app->db, req->actor.workspace_id, req->actor.agent_id, picture.bytes, file,
                     req->arena, err);
}

static bool put_file(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    (void)tx;
    (void)err;
    reply_value(reply, 201, &file_type, req->data);
    return true;
}

// Only what the picture child recognised is shown; everything else is downloaded.
static bool is_picture(struct str mime)
{
    return str_eq(mime, S("image/png")) || str_eq(mime, S("image/jpeg")) || str_eq(mime, S("image/gif")) ||
           str_eq(mime, S("image/webp"));
}

// RFC 8187: everything but plain letters and digits is percent-encoded.
static struct str encode_name(struct arena *arena, struct str name)
{
    struct buf out;
    buf_init(&out, arena, 4096);
    for (size_t i = 0; i < name.len && i < 600; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
        if (plain)
            buf_add_char(&out, (char)c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return buf_str(&out);
}

static bool get_attachment(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct file_attachment attachment = {};
    struct str bytes;
    i64 id;
    if (!request_id(req, 0, &id, err) ||
        !file_attachment(conn, &req->actor, id, req->arena, &attachment, err) ||
        !file_read(conn, req->actor.workspace_id, attachment.sha256, req->arena, &bytes, err))
        return false;
    bool shown = is_picture(attachment.mime);
    reply->content_type = shown ? attachment.mime : S("application/octet-stream");
    reply_header(
        reply, "content-disposition",
        str_printf(req->arena, "%s; filename*=UTF-8''%.*s", shown ? "inline" : "attachment",
                   STR_ARG(encode_name(req->arena, attachment.name.len ? attachment.name : S("file")))));
    reply_header(reply, "content-security-policy", S("default-src 'none'; sandbox; frame-ancestors 'none'"));
    reply_header(reply, "cache-control", S("private, max-age=86400, immutable"));
    buf_add(&reply->body, bytes);
    return true;
}

static const struct query_param name_params[] = {{"name", "string", "the file's name"}, {}};

const struct route file_routes[] = {
    {HTTP_PUT_, "/api/v1/files", MAY_REPLY, "putFile", "Put a picture, to be sent with an answer (raw body)",
     .out = &file_type, .success = 201, .params = name_params,
     .flags = ROUTE_RAW_BODY | ROUTE_BIG_BODY | ROUTE_SLOW, .prepare = prepare_file, .write = put_file},
    {HTTP_GET_, "/api/v1/attachments/{id}", MAY_READ, "getAttachment", "The bytes of an attachment",
     .success = 200, .flags = ROUTE_BYTES, .read = get_attachment},
    {},
};
