// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: the tree of parts, flat and in reading order, and what is made of it.
#pragma once
#include "base/buf.h"
#include "mail/headers.h"

enum {
    PARTS_MAX = 500,
    DEPTH_MAX = 32,
};

struct part {
    struct header_list headers;
    struct params type;        // value "text/plain"
    struct params disposition; // value "attachment", "inline" or ""
    struct str encoding;
    struct str raw; // of the body, still encoded
    i64 parent;     // index, -1 for the mail itself
    bool container; // multipart with parts of its own
    size_t children;
};
struct part_list {
    struct part *items;
    size_t len, cap;
};

struct reading {
    struct arena *arena;
    struct part_list parts;
    struct buf defects;
};

// One more sentence about what is wrong; each is said once.
void reading_note(struct reading *reading, const char *sentence);

void parts_read(struct reading *reading, struct str raw);
bool part_is(const struct part *part, const char *type);
// Nearest ancestor of that type, its index; -1: none.
i64 part_within(const struct part_list *parts, const struct part *part, const char *type);
struct str part_bytes(const struct part *part, struct arena *arena);
struct str part_text(const struct part *part, struct arena *arena, size_t max);

// Text, HTML and attachments of the mail.
void body_choose(struct reading *reading, struct mail *ret);
// A file name that is only a name; `fallback` when nothing is left.
struct str name_tidy(struct str name, struct str mime, struct arena *arena);

// Why nothing automatic may answer.
unsigned automatic_find(const struct reading *reading, const struct mail *mail);
// Bounces, receipts and complaints; adds to mail->automatic.
void bounce_read(struct reading *reading, struct mail *mail);
void auth_read(const struct reading *reading, struct arena *arena, struct mail_auth *ret);
