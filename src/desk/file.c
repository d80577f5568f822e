// SPDX-License-Identifier: AGPL-3.0-or-later
// Keeping and reading files. A part is written before the row that names the file, so a file that is
// there is whole; parts without a file are leftovers of a cut upload.
#include "desk/file.h"
#include "base/crypto.h"
#include "sql_gen.h"

const struct type file_type = {
    "File",
    (const struct field[]){
        FIELD(file, FIELD_STR, sha256, FIELD_READ_ONLY),
        FIELD(file, FIELD_STR, mime, FIELD_READ_ONLY, .doc = "told by its bytes"),
        FIELD(file, FIELD_STR, name, FIELD_READ_ONLY | FIELD_NO_ROW, .doc = "cleaned"),
        FIELD(file, FIELD_STR, url, FIELD_READ_ONLY | FIELD_NO_ROW,
              .doc = "a signed address, good for five minutes"),
        FIELD(file, FIELD_I64, size, FIELD_READ_ONLY, .doc = "bytes"),
        FIELD(file, FIELD_I64, width, FIELD_READ_ONLY),
        FIELD(file, FIELD_I64, height, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct file),
};

static const struct type attachment_row_type = {
    "FileAttachmentRow",
    (const struct field[]){
        FIELD(file_attachment, FIELD_STR, sha256, 0),
        FIELD(file_attachment, FIELD_STR, name, 0),
        FIELD(file_attachment, FIELD_STR, state, 0),
        FIELD(file_attachment, FIELD_STR, mime, 0),
        FIELD(file_attachment, FIELD_I64, size, 0),
        FIELD(file_attachment, FIELD_I64, channel_id, 0),
        FIELD(file_attachment, FIELD_I64, team_id, 0),
        FIELD(file_attachment, FIELD_I64, deleted_at, 0),
        FIELD_END,
    },
    sizeof(struct file_attachment),
};

struct keep {
    i64 workspace_id, uploaded_by, part;
    const struct file *file;
    struct str bytes;
};

static bool write_part(struct tx *tx, void *arg, struct err *err)
{
    const struct keep *keep = arg;
    size_t from = (size_t)keep->part * FILE_PART;
    size_t to = from + FILE_PART < keep->bytes.len ? from + FILE_PART : keep->bytes.len;
    return db_exec(tx->conn, &SQL_file_part_put,
                   DB_ARGS(db_i64(keep->workspace_id), db_str(keep->file->sha256), db_i64(keep->part),
                           db_blob(str_sub(keep->bytes, from, to))),
                   NULL, err);
}

static bool touch_file(struct tx *tx, void *arg, struct err *err)
{
    const struct keep *keep = arg;
    return db_exec(tx->conn, &SQL_file_touch,
                   DB_ARGS(db_i64(tx->now), db_i64(keep->workspace_id), db_str(keep->file->sha256)), NULL,
                   err);
}

static bool write_file(struct tx *tx, void *arg, struct err *err)
{
    const struct keep *keep = arg;
    const struct file *file = keep->file;
    return db_exec(tx->conn, &SQL_file_put,
                   DB_ARGS(db_i64(keep->workspace_id), db_str(file->sha256), db_str(file->mime),
                           db_i64(file->size), db_i64(file->width), db_i64(file->height),
                           db_i64(keep->uploaded_by), db_i64(tx->now)),
                   NULL, err);
}

bool file_keep(struct db *db, i64 workspace_id, i64 uploaded_by, struct str bytes, struct file *file,
               struct arena *arena, struct err *err)
{
    struct keep keep = {
        .workspace_id = workspace_id, .uploaded_by = uploaded_by, .file = file, .bytes = bytes};
    if (bytes.len > FILE_MAX)
        return err_set(err, ERR_TOO_LARGE, "A file has at most 25 MiB.");
    file->sha256 = sha256_hex(arena, bytes);
    file->size = (i64)bytes.len;
    if (!db_write(db, WRITE_READER, touch_file, &keep, err))
        return false;
    for (; (size_t)keep.part * FILE_PART < bytes.len; keep.part++) {
        if (!db_write(db, WRITE_READER, write_part, &keep, err))
            return false;
    }
    return db_write(db, WRITE_PEOPLE, write_file, &keep, err);
}

bool file_get(struct conn *conn, i64 workspace_id, struct str sha256, struct arena *arena, struct file *out,
              struct err *err)
{
    struct file file = {};
    if (!db_one(conn, &SQL_file_get, DB_ARGS(db_i64(workspace_id), db_str(sha256)), &file_type, &file, arena,
                err))
        return false;
    *out = file;
    return true;
}

bool file_read(struct conn *conn, i64 workspace_id, struct str sha256, i64 from, i64 len, struct arena *arena,
               struct str *ret_bytes, struct err *err)
{
    struct rows *rows;
    i64 first = from / FILE_PART, last = len > 0 ? (from + len - 1) / FILE_PART : first;
    char *bytes = arena_alloc(arena, (size_t)len + 1);
    i64 have = 0, skip = from % FILE_PART;
    if (!db_query(conn, &SQL_file_parts,
                  DB_ARGS(db_i64(workspace_id), db_str(sha256), db_i64(first), db_i64(last)), &rows, err))
        return false;
    while (rows_next(rows)) {
        struct arena *small = arena_take(); // a part at a time
        struct str part = row_blob(rows, 0, small);
        i64 n = (i64)part.len - skip;
        n = n < 0 ? 0 : n > len - have ? len - have : n;
        if (n > 0)
            memcpy(bytes + have, part.ptr + skip, (size_t)n);
        have += n;
        skip = 0;
        arena_give(small);
    }
    if (!rows_end(rows, err))
        return false;
    if (have != len)
        return err_set(err, ERR_NOT_FOUND, "The bytes of this file are not here.");
    *ret_bytes = (struct str){bytes, (size_t)len};
    return true;
}

// ---- Signed addresses ----

static struct str percent_encode(struct arena *arena, struct str text)
{
    struct buf out;
    buf_init(&out, arena, text.len * 3 + 1);
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
        if (plain)
            buf_add_char(&out, (char)c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return buf_str(&out);
}

static struct str link_signature(const struct key *key, struct arena *arena, const struct file_link *link)
{
    u8 mac[32];
    // The name comes last: nothing behind it could be read as part of it.
    struct str what =
        str_printf(arena, "%lld\n%.*s\n%lld\n%s\n%.*s", (long long)link->workspace_id, STR_ARG(link->sha256),
                   (long long)link->expires_at, link->shown ? "shown" : "download", STR_ARG(link->name));
    key_sign(key, "file address", what, mac);
    return base64url_encode(arena, (struct str){(const char *)mac, sizeof mac});
}

struct str file_address(const struct key *key, struct arena *arena, const struct file_link *link)
{
    return str_printf(arena, "/api/v1/files/%.*s?workspace=%lld&expires=%lld&as=%s&name=%.*s&signature=%.*s",
                      STR_ARG(link->sha256), (long long)link->workspace_id, (long long)link->expires_at,
                      link->shown ? "shown" : "download", STR_ARG(percent_encode(arena, link->name)),
                      STR_ARG(link_signature(key, arena, link)));
}

bool file_link_valid(const struct key *key, struct arena *arena, const struct file_link *link,
                     struct str signature, i64 now)
{
    bool same = secret_eq(link_signature(key, arena, link), signature);
    return same && link->expires_at > now;
}

bool file_attachment(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                     struct file_attachment *out, struct err *err)
{
    struct file_attachment row = {};
    if (!db_one(conn, &SQL_file_attachment, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)),
                &attachment_row_type, &row, arena, err))
        return false;
    if (!actor_sees(actor, row.channel_id, row.team_id) || row.deleted_at || !str_given(row.sha256) ||
        !str_eq(row.state, S("ready")))
        return err_set(err, ERR_NOT_FOUND, "There is nothing with this id.");
    *out = row;
    return true;
}
