// SPDX-License-Identifier: AGPL-3.0-or-later
// Files of visitors: pictures are taken apart in a child, everything else is kept as it came and only ever
// downloaded. A visitor may send only what that visitor put, and fetch only what is in that visitor's thread.
#include "api/answer.h"
#include "api/app.h"
#include "api/chat.h"
#include "api/limits.h"
#include "api/visit.h"
#include "base/picture.h"
#include "desk/file.h"
#include "text/words.h"

enum { FILES_PER_MINUTE = 10, FILES_BURST = 10 };

const struct type chat_file_type = {
    "ChatFileKept",
    (const struct field[]){
        FIELD(visitor_kept_file, FIELD_STR, sha256, FIELD_READ_ONLY, .doc = "names it in a message"),
        FIELD(visitor_kept_file, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(visitor_kept_file, FIELD_STR, mime, FIELD_READ_ONLY),
        FIELD(visitor_kept_file, FIELD_I64, size, FIELD_READ_ONLY, .doc = "bytes"),
        FIELD(visitor_kept_file, FIELD_I64, width, FIELD_READ_ONLY),
        FIELD(visitor_kept_file, FIELD_I64, height, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct visitor_kept_file),
};

static bool keep(struct request *req, struct str bytes, struct visitor_kept_file *kept, struct err *err)
{
    struct file file = {.mime = kept->mime, .width = kept->width, .height = kept->height};
    if (!file_keep(req->app->db, req->visit->channel.workspace_id, 0, bytes, &file, req->arena, err))
        return false;
    kept->sha256 = file.sha256;
    kept->size = file.size;
    return true;
}

static bool take(struct request *req, struct visitor_kept_file *kept, struct err *err)
{
    struct str bytes = req->http->body;
    struct picture picture = {};
    kept->mime = sniff_mime(bytes);
    if (file_kind_of(kept->mime) != FILE_PICTURE)
        return keep(req, bytes, kept, err);
    if (picture_clean(req->app->nursery, 0, bytes, req->arena, &picture, err) != CHILD_OK)
        return false;
    kept->mime = picture.mime;
    kept->width = picture.width;
    kept->height = picture.height;
    return keep(req, picture.bytes, kept, err);
}

bool chat_file_prepare(struct request *req, struct err *err)
{
    struct visitor_kept_file *kept = arena_new(req->arena, struct visitor_kept_file);
    const struct visitor *visitor = &req->visit->visitor;
    struct str name, who = str_printf(req->arena, "file:%lld", (long long)visitor->id);
    int retry_s = 1;
    req->data = kept;
    if (!visitor_setting_on(&req->visit->channel, "files"))
        return err_set(err, ERR_DENIED, "This chat takes no files.");
    if (req->http->body.len == 0)
        return err_field(err, "body", "required", "The body is the file itself.");
    if (!limit_take(req->app->limiter, LIMIT_VISITOR, who, FILES_PER_MINUTE, FILES_BURST, &retry_s))
        return err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many files at once; try again in a moment.");
    if (!http_param(req->http, "name", &name, err))
        return false;
    struct conn *conn = db_take(req->app->db);
    bool room = visitor_file_room(conn, visitor, (i64)req->http->body.len, req->now, err);
    db_give(req->app->db, conn);
    kept->name = text_file_name(req->arena, name);
    return room && take(req, kept, err);
}

bool chat_file_put(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct visitor_kept_file *kept = req->data;
    if (!visitor_file_note(tx, &req->visit->visitor, kept, err))
        return false;
    reply_value(reply, 201, &chat_file_type, kept);
    return true;
}

// RFC 8187: everything but plain letters and digits is percent-encoded.
static struct str encode_name(struct arena *arena, struct str name)
{
    struct buf out;
    buf_init(&out, arena, 4096);
    for (size_t i = 0; i < name.len && i < 600; i++) {
        u8 c = (u8)name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
        if (plain)
            buf_add_char(&out, (char)c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return buf_str(&out);
}

bool chat_file_get(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct visitor_kept_file file = {};
    struct str bytes;
    i64 id;
    if (!request_id(req, 1, &id, err) ||
        !visitor_attachment_get(conn, &req->visit->visitor, id, req->arena, &file, err) ||
        !file_read(conn, req->visit->channel.workspace_id, file.sha256, 0, file.size, req->arena, &bytes,
                   err))
        return false;
    reply->content_type = file_is_shown(file.mime) ? file.mime : S("application/octet-stream");
    reply_header(reply, "content-disposition",
                 str_printf(req->arena, "attachment; filename*=UTF-8''%.*s",
                            STR_ARG(encode_name(req->arena, file.name.len ? file.name : S("file")))));
    reply_header(reply, "content-security-policy", S("default-src 'none'; sandbox; frame-ancestors 'none'"));
    reply_bytes(reply, bytes);
    return true;
}
