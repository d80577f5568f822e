// SPDX-License-Identifier: AGPL-3.0-or-later
// Files are rows: parts of at most 256 KiB, each a small write, then the row that says it is whole. Named by
// the SHA-256 of their bytes, so the same picture twice is one file.
#pragma once
#include "base/crypto.h"
#include "base/sniff.h"
#include "desk/actor.h"

enum { FILE_MAX = SNIFF_FILE_MAX, FILE_PART = 256 * 1024 };

struct file {
    struct str sha256, mime, name, url; // url: a signed address, for a short time
    i64 size, width, height;
};
extern const struct type file_type;

// Keeps it (blocking: several writes, part by part from `bytes` as they are). A picture's bytes are cleaned
// before; of everything else mime is what sniff_mime says. uploaded_by 0: from a network.
bool file_keep(struct db *db, i64 workspace_id, i64 uploaded_by, struct str bytes, struct file *file,
               struct arena *arena, struct err *err) MUST_CHECK;
// ERR_NOT_FOUND when it is not here.
bool file_get(struct conn *conn, i64 workspace_id, struct str sha256, struct arena *arena, struct file *out,
              struct err *err) MUST_CHECK;
// `len` bytes from `from` on (within the file's size).
bool file_read(struct conn *conn, i64 workspace_id, struct str sha256, i64 from, i64 len, struct arena *arena,
               struct str *ret_bytes, struct err *err) MUST_CHECK;

// ---- Signed addresses: for networks, mail and widgets, which have no session here ----
// Bound to workspace, bytes, name, expiry and whether it is shown or downloaded; nothing is stored.
struct file_link {
    i64 workspace_id;
    struct str sha256, name; // name: as the other side shall see it, may be empty
    i64 expires_at;          // ms UTC
    bool shown;              // in its place, if its type is safe; else it is a download
};
enum { FILE_LINK_MS = 5 * 60 * 1000 }; // the usual life
// "/api/v1/files/…?…": the public URL goes in front where somebody outside shall use it.
struct str file_address(const struct key *key, struct arena *arena, const struct file_link *link);
// Constant time; false too when it is over.
bool file_link_valid(const struct key *key, struct arena *arena, const struct file_link *link,
                     struct str signature, i64 now);

struct file_attachment {
    struct str sha256, name, state, mime;
    i64 size, channel_id, team_id, deleted_at;
};
// ERR_NOT_FOUND when the actor may not see its conversation, its message is deleted or its bytes are not
// here.
bool file_attachment(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                     struct file_attachment *out, struct err *err) MUST_CHECK;
