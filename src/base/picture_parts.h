// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to base/: what the four formats share. A scan walks the input once, never back, and appends what
// is kept.
#pragma once
#include "base/buf.h"
#include "base/picture.h"

enum {
    PICTURE_CHUNKS_MAX = 20000,
    PICTURE_FRAMES_MAX = 2000,
};

struct scan {
    struct str in;
    size_t at;
    struct buf *out;
    const char *reason; // why it was refused
    u32 width, height;  // as shown
    u32 chunks, frames;
    u64 frame_pixels; // of all frames together
};

// Each sets the reason and returns false when it fails.
bool scan_refuse(struct scan *scan, const char *reason);
bool scan_take(struct scan *scan, size_t len, struct str *ret_part) MUST_CHECK; // "cut off" when not there
bool scan_size(struct scan *scan, u32 width, u32 height) MUST_CHECK;            // the limits of one picture
bool scan_frame(struct scan *scan, u32 width, u32 height) MUST_CHECK; // one more frame, within reason
bool scan_chunk(struct scan *scan) MUST_CHECK;                        // one more chunk

static inline u32 read_be16(const char *p)
{
    return (u32)(u8)p[0] << 8 | (u8)p[1];
}
static inline u32 read_be32(const char *p)
{
    return read_be16(p) << 16 | read_be16(p + 2);
}
static inline u32 read_le16(const char *p)
{
    return (u32)(u8)p[1] << 8 | (u8)p[0];
}
static inline u32 read_le24(const char *p)
{
    return (u32)(u8)p[2] << 16 | read_le16(p);
}
static inline u32 read_le32(const char *p)
{
    return read_le16(p + 2) << 16 | read_le16(p);
}

// Each copies a picture of its format without its metadata.
bool picture_png(struct scan *scan) MUST_CHECK;
bool picture_jpeg(struct scan *scan) MUST_CHECK;
bool picture_gif(struct scan *scan) MUST_CHECK;
bool picture_webp(struct scan *scan) MUST_CHECK;
