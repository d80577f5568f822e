// SPDX-License-Identifier: AGPL-3.0-or-later
// Pictures by container surgery, in a child of the nursery: PNG, JPEG, GIF and WebP are recognised by their
// bytes, checked chunk by chunk, and copied without what tells about people (place, camera, comments,
// thumbnails of what was cut off). No pixel is decoded.
#pragma once
#include "base/child.h"

enum {
    PICTURE_PIXELS_MAX = 40 * 1000 * 1000,
};

struct picture {
    struct str mime;   // "image/png", ...
    i64 width, height; // as shown: turned by the orientation a camera noted
    struct str bytes;  // cleaned
};

// The job; put it into the table given to nursery_start.
bool picture_job(struct str input, struct buf *output);
// Runs it as the given kind. CHILD_REFUSED: err says what is wrong with the picture (ERR_INVALID, field
// "file"); CHILD_DIED, CHILD_BUSY: ERR_UNAVAILABLE. *ret lives in the arena.
enum child_result picture_clean(struct nursery *nursery, size_t kind, struct str bytes, struct arena *arena,
                                struct picture *ret, struct err *err) MUST_CHECK;
