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
        FIELD(file, FIELD_STR, mime, FIELD_READ_ONLY),
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
    for (; (size_t)keep.part * FILE_PART < bytes.len; keep.part++) {
        if (!db_write(db, WRITE_READER, write_part, &keep, err))
            return false;
    }
    return db_write(db, WRITE_PEOPLE, write_file, &keep, err);
}

bool file_read(struct conn *conn, i64 workspace_id, struct str sha256, struct arena *arena,
               struct str *ret_bytes, struct err *err)
{
    struct rows *rows;
    struct buf bytes;
    buf_init(&bytes, arena, FILE_MAX + 1);
    if (!db_query(conn, &SQL_file_parts, DB_ARGS(db_i64(workspace_id), db_str(sha256)), &rows, err))
        return false;
    while (rows_next(rows))
        buf_add(&bytes, row_blob(rows, 0, arena));
    if (!rows_end(rows, err))
        return false;
    if (bytes.len == 0)
        return err_set(err, ERR_NOT_FOUND, "The bytes of this file are not here.");
    *ret_bytes = buf_str(&bytes);
    return true;
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
