// SPDX-License-Identifier: AGPL-3.0-or-later
// Files are rows: parts of at most 256 KiB, each a small write, then the row that says it is whole. Named by
// the SHA-256 of their bytes, so the same picture twice is one file.
#pragma once
#include "desk/actor.h"

enum { FILE_MAX = 25 * 1024 * 1024, FILE_PART = 256 * 1024 };

struct file {
    struct str sha256, mime;
    i64 size, width, height;
};
extern const struct type file_type;

// Keeps it (blocking: several writes). bytes of a picture are cleaned before. uploaded_by 0: from a network.
bool file_keep(struct db *db, i64 workspace_id, i64 uploaded_by, struct str bytes, struct file *file,
               struct arena *arena, struct err *err) MUST_CHECK;
bool file_read(struct conn *conn, i64 workspace_id, struct str sha256, struct arena *arena,
               struct str *ret_bytes, struct err *err) MUST_CHECK;

struct file_attachment {
    struct str sha256, name, state, mime;
    i64 size, channel_id, team_id, deleted_at;
};
// ERR_NOT_FOUND when the actor may not see its conversation, its message is deleted or its bytes are not
// here.
bool file_attachment(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                     struct file_attachment *out, struct err *err) MUST_CHECK;
