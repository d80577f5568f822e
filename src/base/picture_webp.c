// SPDX-License-Identifier: AGPL-3.0-or-later
// WebP: a RIFF file. Keeps bitstreams, transparency, animation and the colour profile; drops EXIF, XMP and
// everything unknown, and takes their flags out of the extended header.
#include "base/picture_parts.h"

enum {
    FLAG_ANIMATION = 0x02,
    FLAG_METADATA = 0x08 | 0x04, // EXIF, XMP
    FRAME_HEAD = 16,
};

struct webp {
    u32 width, height; // of the canvas; 0 without an extended header
    bool extended, animated;
    u32 pictures; // bitstreams outside frames
};

struct chunk {
    struct str name, body;
};

// The next chunk before `end`; scan->at moves behind it and its padding.
static bool take_chunk(struct scan *scan, size_t end, struct chunk *ret)
{
    struct str head, pad;
    if (!scan_chunk(scan) || !scan_take(scan, 8, &head)) {
        return false;
    }
    u32 len = read_le32(head.ptr + 4);
    if (!scan_take(scan, len, &ret->body)) {
        return false;
    }
    if (scan->at > end || (len % 2 && (scan->at == end || !scan_take(scan, 1, &pad)))) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    ret->name = str_sub(head, 0, 4);
    return true;
}

static void put_le32(char *out, size_t value)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (char)(value >> 8 * i);
    }
}

static void put_chunk(struct scan *scan, const struct chunk *chunk)
{
    char len[4];
    put_le32(len, chunk->body.len);
    buf_add(scan->out, chunk->name);
    buf_add(scan->out, (struct str){len, 4});
    buf_add(scan->out, chunk->body);
    if (chunk->body.len % 2) {
        buf_add_char(scan->out, 0);
    }
}

static bool is_bitstream(const struct chunk *chunk)
{
    return str_eq(chunk->name, S("VP8 ")) || str_eq(chunk->name, S("VP8L"));
}

static bool read_size(struct scan *scan, const struct chunk *chunk, u32 *ret_width, u32 *ret_height)
{
    const char *p = chunk->body.ptr;
    if (str_eq(chunk->name, S("VP8L")) && chunk->body.len >= 5 && p[0] == 0x2F && ((u8)p[4] & 0xE0) == 0) {
        u32 bits = read_le32(p + 1);
        *ret_width = (bits & 0x3FFF) + 1;
        *ret_height = (bits >> 14 & 0x3FFF) + 1;
        return true;
    }
    // A key frame of VP8: the low bit of its tag is 0.
    if (str_eq(chunk->name, S("VP8 ")) && chunk->body.len >= 10 && !(p[0] & 1) &&
        str_eq(str_sub(chunk->body, 3, 6), S("\x9D\x01\x2A"))) {
        *ret_width = read_le16(p + 6) & 0x3FFF;
        *ret_height = read_le16(p + 8) & 0x3FFF;
        return true;
    }
    return scan_refuse(scan, "The picture is damaged.");
}

static bool copy_extended(struct scan *scan, struct webp *webp, const struct chunk *chunk)
{
    if (webp->extended || webp->pictures || chunk->body.len != 10) {
        return scan_refuse(scan, "The picture's header is damaged.");
    }
    char body[10];
    memcpy(body, chunk->body.ptr, sizeof body);
    webp->extended = true;
    webp->animated = body[0] & FLAG_ANIMATION;
    body[0] = (char)(body[0] & ~FLAG_METADATA);
    webp->width = scan->width = read_le24(body + 4) + 1;
    webp->height = scan->height = read_le24(body + 7) + 1;
    put_chunk(scan, &(struct chunk){chunk->name, {body, sizeof body}});
    return scan_size(scan, webp->width, webp->height);
}

static bool copy_picture(struct scan *scan, struct webp *webp, const struct chunk *chunk)
{
    u32 width = 0, height = 0;
    if (!read_size(scan, chunk, &width, &height) || !scan_size(scan, width, height)) {
        return false;
    }
    if (webp->pictures || webp->animated ||
        (webp->extended && (width != webp->width || height != webp->height))) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    webp->pictures = 1;
    scan->width = width;
    scan->height = height;
    put_chunk(scan, chunk);
    return true;
}

// A frame of an animation is a small file of chunks in itself. `frame` has been passed; its parts are walked.
static bool copy_frame(struct scan *scan, const struct webp *webp, const struct chunk *frame)
{
    if (!webp->animated || frame->body.len < FRAME_HEAD) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    const char *head = frame->body.ptr;
    u32 width = read_le24(head + 6) + 1, height = read_le24(head + 9) + 1;
    if ((u64)read_le24(head) * 2 + width > webp->width ||
        (u64)read_le24(head + 3) * 2 + height > webp->height) {
        return scan_refuse(scan, "A frame is larger than the picture.");
    }
    if (!scan_frame(scan, width, height)) {
        return false;
    }
    size_t start = scan->out->len, behind = scan->at;
    size_t begin = (size_t)(frame->body.ptr - scan->in.ptr), end = begin + frame->body.len;
    put_chunk(scan, &(struct chunk){frame->name, str_sub(frame->body, 0, FRAME_HEAD)});
    u32 pictures = 0;
    scan->at = begin + FRAME_HEAD;
    while (scan->at < end) {
        struct chunk part;
        u32 w, h;
        if (!take_chunk(scan, end, &part)) {
            return false;
        }
        if (is_bitstream(&part)) {
            if (!read_size(scan, &part, &w, &h)) {
                return false;
            }
            if (w != width || h != height || pictures++) {
                return scan_refuse(scan, "The picture is damaged.");
            }
        }
        if (is_bitstream(&part) || str_eq(part.name, S("ALPH"))) {
            put_chunk(scan, &part);
        }
    }
    scan->at = behind;
    if (!scan->out->overflow) {
        put_le32(scan->out->ptr + start + 4, scan->out->len - start - 8);
    }
    return pictures == 1 || scan_refuse(scan, "The picture is damaged.");
}

static bool copy_chunk(struct scan *scan, struct webp *webp, const struct chunk *chunk)
{
    if (str_eq(chunk->name, S("VP8X"))) {
        return copy_extended(scan, webp, chunk);
    }
    if (is_bitstream(chunk)) {
        return copy_picture(scan, webp, chunk);
    }
    if (str_eq(chunk->name, S("ANMF"))) {
        return copy_frame(scan, webp, chunk);
    }
    if (webp->extended && (str_eq(chunk->name, S("ALPH")) || str_eq(chunk->name, S("ANIM")) ||
                           str_eq(chunk->name, S("ICCP")))) {
        put_chunk(scan, chunk);
    }
    return true;
}

bool picture_webp(struct scan *scan)
{
    struct str head;
    struct webp webp = {};
    size_t start = scan->out->len;
    if (!scan_take(scan, 12, &head)) {
        return false;
    }
    if (!str_starts(head, S("RIFF"))) {
        return scan_refuse(scan, "The picture's header is damaged.");
    }
    size_t end = (size_t)read_le32(head.ptr + 4) + 8;
    if (end > scan->in.len) {
        return scan_refuse(scan, "The picture is cut off.");
    }
    buf_add(scan->out, head);
    while (scan->at < end) {
        struct chunk chunk;
        if (!take_chunk(scan, end, &chunk) || !copy_chunk(scan, &webp, &chunk)) {
            return false;
        }
    }
    if (!webp.pictures && !scan->frames) {
        return scan_refuse(scan, "The picture is empty.");
    }
    if (!scan->out->overflow) {
        put_le32(scan->out->ptr + start + 4, scan->out->len - start - 8);
    }
    return true;
}
