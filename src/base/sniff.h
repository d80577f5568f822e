// SPDX-License-Identifier: AGPL-3.0-or-later
// What a file is, told by its first bytes alone: what the sender says of it, and how it is named, counts
// for nothing. What is not recognised is "application/octet-stream"; nothing a browser could run is ever
// named by its real type.
#pragma once
#include "base/str.h"

enum {
    SNIFF_BYTES = 4096,                // worth giving; more are not looked at
    SNIFF_FILE_MAX = 25 * 1024 * 1024, // of any file, wherever it comes from
};

enum file_kind {
    FILE_PICTURE = 1,
    FILE_VIDEO = 2,
    FILE_AUDIO = 4,
    FILE_OTHER = 8, // documents, archives, whatever else
    FILE_ANY = 15,
};

// One of a fixed table of types; static.
struct str sniff_mime(struct str head);
enum file_kind file_kind_of(struct str mime);
// "picture", "video", "audio", "file"; of one kind.
const char *file_kind_name(enum file_kind kind);
// May a browser show it in its place? Cleaned pictures, and video and audio that only play.
bool file_is_shown(struct str mime);
