// SPDX-License-Identifier: AGPL-3.0-or-later
// Files: put before they are sent, read by whoever may see their conversation or holds a signed address.
// What a browser is told of them comes from their bytes and a fixed table; everything it could run is a
// download, under a policy that lets nothing run.
#include "api/answer.h"
#include "api/app.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/picture.h"
#include "desk/file.h"
#include "text/words.h"

// An open-ended range (as players ask) is answered with so much at most; they come back for the rest.
enum { RANGE_STEP = 4 * 1024 * 1024 };

// ---- Putting ----

// A picture is taken apart in a child; everything else is kept as it is, part by part, from the body itself.
static bool keep_body(struct request *req, struct file *file, struct err *err)
{
    struct str bytes = req->http->body;
    *file = (struct file){.mime = sniff_mime(bytes)};
    if (file_kind_of(file->mime) == FILE_PICTURE) {
        struct picture picture = {};
        if (picture_clean(req->app->nursery, 0, bytes, req->arena, &picture, err) != CHILD_OK)
            return false;
        *file = (struct file){.mime = picture.mime, .width = picture.width, .height = picture.height};
        bytes = picture.bytes;
    }
    return file_keep(req->app->db, req->actor.workspace_id, req->actor.agent_id, bytes, file, req->arena,
                     err);
}

static bool prepare_file(struct request *req, struct err *err)
{
    struct file *file = arena_new(req->arena, struct file);
    struct str name;
    req->data = file;
    if (req->http->body.len == 0)
        return err_field(err, "body", "required", "The body is the file itself.");
    if (!http_param(req->http, "name", &name, err) || !keep_body(req, file, err))
        return false;
    file->name = text_file_name(req->arena, name);
    struct file_link link = {.workspace_id = req->actor.workspace_id,
                             .sha256 = file->sha256,
                             .name = file->name,
                             .expires_at = req->now + FILE_LINK_MS,
                             .shown = true};
    file->url = file_address(req->app->key, req->arena, &link);
    return true;
}

static bool put_file(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    (void)tx;
    (void)err;
    reply_value(reply, 201, &file_type, req->data);
    return true;
}

// ---- Serving ----

struct serving {
    i64 workspace_id, size;
    struct str sha256, mime, name;
    bool shown; // wanted in its place
    bool open;  // by a signed address: a page of another origin may show it
};

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

static void put_head(struct request *req, struct reply *reply, const struct serving *s)
{
    bool shown = s->shown && file_is_shown(s->mime);
    struct str name = encode_name(req->arena, s->name.len ? s->name : S("file"));
    reply->content_type = shown ? s->mime : S("application/octet-stream");
    reply_header(
        reply, "content-disposition",
        str_printf(req->arena, "%s; filename*=UTF-8''%.*s", shown ? "inline" : "attachment", STR_ARG(name)));
    reply_header(reply, "content-security-policy", S("default-src 'none'; sandbox; frame-ancestors 'none'"));
    // By a session: kept, but asked for each time, so that it is not shown any more after signing out.
    reply_header(reply, "cache-control", s->open ? S("private, max-age=300") : S("private, no-cache"));
    reply_header(reply, "accept-ranges", S("bytes"));
    reply_header(reply, "etag", str_printf(req->arena, "\"%.*s\"", STR_ARG(s->sha256)));
    if (s->open)
        reply_header(reply, "cross-origin-resource-policy", S("cross-origin"));
}

enum range { RANGE_NONE, RANGE_PART, RANGE_OUTSIDE };

// One range of bytes. Several, other units and what cannot be read are answered with the whole (RFC 9110
// 14.2), as is a range of another file than the client thinks (If-Range).
static enum range read_range(const struct request *req, const struct serving *s, i64 *ret_from, i64 *ret_len)
{
    struct str range = http_header(req->http, "range"), last_text;
    struct str condition = http_header(req->http, "if-range");
    i64 first = 0, last = s->size - 1;
    if (!str_given(range) || !str_starts(range, S("bytes=")) || str_find(range, S(",")) >= 0)
        return RANGE_NONE;
    if (str_given(condition) && !str_eq(condition, str_printf(req->arena, "\"%.*s\"", STR_ARG(s->sha256))))
        return RANGE_NONE;
    struct str first_text = str_cut(str_sub(range, 6, range.len), '-', &last_text);
    if (!str_given(last_text) || (first_text.len == 0 && last_text.len == 0) ||
        (first_text.len > 0 && (!str_to_i64(first_text, &first) || first < 0)) ||
        (last_text.len > 0 && (!str_to_i64(last_text, &last) || last < 0)))
        return RANGE_NONE;
    if (first_text.len == 0) { // the last n bytes
        first = last >= s->size ? 0 : s->size - last;
        last = s->size - 1;
    } else if (last_text.len == 0) {
        last = first > s->size - RANGE_STEP ? s->size - 1 : first + RANGE_STEP - 1;
    } else if (last < first) {
        return RANGE_NONE;
    }
    if (first >= s->size)
        return RANGE_OUTSIDE;
    last = last >= s->size ? s->size - 1 : last;
    *ret_from = first;
    *ret_len = last - first + 1;
    return RANGE_PART;
}

static bool serve_file(struct request *req, struct conn *conn, const struct serving *s, struct reply *reply,
                       struct err *err)
{
    i64 from = 0, len = s->size;
    struct str bytes;
    enum range range = read_range(req, s, &from, &len);
    struct str known = http_header(req->http, "if-none-match");
    if (str_given(known) && str_eq(known, str_printf(req->arena, "\"%.*s\"", STR_ARG(s->sha256)))) {
        put_head(req, reply, s);
        reply->status = 304;
        return true;
    }
    if (range == RANGE_OUTSIDE) {
        err_set(err, ERR_INVALID, "The file has %lld bytes.", (long long)s->size);
        reply_problem(reply, err, req->http->id);
        reply->status = 416;
        reply_header(reply, "content-range", str_printf(req->arena, "bytes */%lld", (long long)s->size));
        return true;
    }
    if (!file_read(conn, s->workspace_id, s->sha256, from, len, req->arena, &bytes, err))
        return false;
    put_head(req, reply, s);
    if (range == RANGE_PART) {
        reply->status = 206;
        reply_header(reply, "content-range",
                     str_printf(req->arena, "bytes %lld-%lld/%lld", (long long)from,
                                (long long)(from + len - 1), (long long)s->size));
    }
    reply_bytes(reply, bytes);
    return true;
}

static bool read_shown(const struct request *req, bool *ret_shown, struct err *err)
{
    struct str as;
    if (!http_param(req->http, "as", &as, err))
        return false;
    *ret_shown = !str_eq(as, S("download"));
    if (!str_given(as) || !*ret_shown || str_eq(as, S("shown")))
        return true;
    err_field(err, "as", "invalid", "as is shown or download.");
    err->code = ERR_SYNTAX;
    return false;
}

static bool get_attachment(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct file_attachment attachment = {};
    bool shown;
    i64 id;
    if (!request_id(req, 0, &id, err) || !read_shown(req, &shown, err) ||
        !file_attachment(conn, &req->actor, id, req->arena, &attachment, err))
        return false;
    struct serving s = {.workspace_id = req->actor.workspace_id,
                        .size = attachment.size,
                        .sha256 = attachment.sha256,
                        .mime = attachment.mime,
                        .name = attachment.name,
                        .shown = shown};
    return serve_file(req, conn, &s, reply, err);
}

static bool read_number(const struct request *req, const char *name, i64 *ret, struct err *err)
{
    struct str text;
    if (!http_param(req->http, name, &text, err))
        return false;
    if (!str_given(text) || !str_to_i64(text, ret))
        *ret = 0;
    return true;
}

// No session: the signature is the right. Everything that does not hold looks the same.
static bool get_file(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct file_link link = {.sha256 = req->path_values[0]};
    struct str signature;
    struct file file;
    if (!read_shown(req, &link.shown, err) || !read_number(req, "workspace", &link.workspace_id, err) ||
        !read_number(req, "expires", &link.expires_at, err) ||
        !http_param(req->http, "name", &link.name, err) ||
        !http_param(req->http, "signature", &signature, err))
        return false;
    link.name = str_given(link.name) ? link.name : S("");
    signature = str_given(signature) ? signature : S("");
    if (!file_link_valid(req->app->key, req->arena, &link, signature, req->now))
        return err_set(err, ERR_DENIED, "This address is not valid, or not any more.");
    if (!file_get(conn, link.workspace_id, link.sha256, req->arena, &file, err))
        return false;
    struct serving s = {.workspace_id = link.workspace_id,
                        .size = file.size,
                        .sha256 = file.sha256,
                        .mime = file.mime,
                        .name = link.name,
                        .shown = link.shown,
                        .open = true};
    return serve_file(req, conn, &s, reply, err);
}

static const struct query_param name_params[] = {{"name", "string", "the file's name"}, {}};
static const struct query_param attachment_params[] = {
    {"as", "enum:shown|download", "shown: in its place, if its type is safe"}, {}};
static const struct query_param link_params[] = {
    {"workspace", "integer", "whose file it is"},
    {"expires", "integer", "until when the address holds, ms since 1970"},
    {"as", "enum:shown|download", "shown: in its place, if its type is safe"},
    {"name", "string", "the file's name"},
    {"signature", "string", "over all of the above"},
    {}};

const struct route file_routes[] = {
    {HTTP_PUT_, "/api/v1/files", MAY_NOTE, "putFile",
     "Put a file of any kind, to be sent with an answer (raw body)", .out = &file_type, .success = 201,
     .params = name_params, .flags = ROUTE_RAW_BODY | ROUTE_BIG_BODY | ROUTE_SLOW, .prepare = prepare_file,
     .write = put_file},
    {HTTP_GET_, "/api/v1/files/{sha256}", MAY_ANYONE, "getFile",
     "The bytes of a file, by a signed address; takes Range", .success = 200, .params = link_params,
     .flags = ROUTE_BYTES, .read = get_file},
    {HTTP_GET_, "/api/v1/attachments/{id}", MAY_READ, "getAttachment",
     "The bytes of an attachment; takes Range", .success = 200, .params = attachment_params,
     .flags = ROUTE_BYTES, .read = get_attachment},
    {},
};
