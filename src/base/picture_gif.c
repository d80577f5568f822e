// SPDX-License-Identifier: AGPL-3.0-or-later
// GIF: keeps frames, their timing and how often to repeat; drops comments, plain text and other programs'
// extensions.
#include "base/picture_parts.h"

enum {
    EXTENSION = 0x21,
    IMAGE = 0x2C,
    TRAILER = 0x3B,
    TIMING = 0xF9,
    APPLICATION = 0xFF,
};

// Length of the colour table that the flags announce.
static size_t table_len(u8 flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

// Walks a chain of sub-blocks to behind its end.
static bool pass_blocks(struct scan *scan)
{
    struct str part;
    do {
        if (!scan_take(scan, 1, &part)) {
            return false;
        }
    } while (part.ptr[0] && scan_take(scan, (u8)part.ptr[0], &(struct str){}));
    return part.ptr[0] == 0;
}

static void put_since(struct scan *scan, size_t start)
{
    buf_add(scan->out, str_sub(scan->in, start, scan->at));
}

// How often a moving picture repeats, rewritten without what else the block may carry.
static void put_repeat(struct scan *scan, struct str block)
{
    if ((str_starts(block, S("\x0BNETSCAPE2.0\x03\x01")) || str_starts(block, S("\x0B"
                                                                                "ANIMEXTS1.0\x03\x01"))) &&
        block.len >= 17) {
        buf_add(scan->out, S("\x21\xFF"));
        buf_add(scan->out, str_sub(block, 0, 16));
        buf_add_char(scan->out, 0);
    }
}

static bool copy_extension(struct scan *scan)
{
    struct str label;
    size_t start = scan->at - 1;
    if (!scan_take(scan, 1, &label)) {
        return false;
    }
    size_t body = scan->at;
    if (!pass_blocks(scan)) {
        return false;
    }
    if ((u8)label.ptr[0] == TIMING) {
        if (scan->at - body != 6 || scan->in.ptr[body] != 4) {
            return scan_refuse(scan, "The picture is damaged.");
        }
        put_since(scan, start);
    } else if ((u8)label.ptr[0] == APPLICATION) {
        put_repeat(scan, str_sub(scan->in, body, scan->at));
    }
    return true;
}

static bool copy_image(struct scan *scan)
{
    struct str head, part;
    size_t start = scan->at - 1;
    if (!scan_take(scan, 9, &head) || !scan_take(scan, table_len((u8)head.ptr[8]), &part) ||
        !scan_frame(scan, read_le16(head.ptr + 4), read_le16(head.ptr + 6)) || !scan_take(scan, 1, &part)) {
        return false;
    }
    if (part.ptr[0] < 1 || part.ptr[0] > 8) { // bits of the first LZW code
        return scan_refuse(scan, "The picture is damaged.");
    }
    if (!pass_blocks(scan)) {
        return false;
    }
    put_since(scan, start);
    return true;
}

static bool copy_blocks(struct scan *scan)
{
    struct str kind;
    for (;;) {
        if (!scan_chunk(scan) || !scan_take(scan, 1, &kind)) {
            return false;
        }
        if (kind.ptr[0] == TRAILER) {
            buf_add_char(scan->out, TRAILER);
            return scan->frames || scan_refuse(scan, "The picture is empty.");
        }
        if (kind.ptr[0] != EXTENSION && kind.ptr[0] != IMAGE) {
            return scan_refuse(scan, "The picture is damaged.");
        }
        if (!(kind.ptr[0] == EXTENSION ? copy_extension(scan) : copy_image(scan))) {
            return false;
        }
    }
}

bool picture_gif(struct scan *scan)
{
    struct str head, part;
    if (!scan_take(scan, 13, &head)) {
        return false;
    }
    if (!str_starts(head, S("GIF87a")) && !str_starts(head, S("GIF89a"))) {
        return scan_refuse(scan, "The picture's header is damaged.");
    }
    scan->width = read_le16(head.ptr + 6);
    scan->height = read_le16(head.ptr + 8);
    if (!scan_size(scan, scan->width, scan->height) || !scan_take(scan, table_len((u8)head.ptr[10]), &part)) {
        return false;
    }
    put_since(scan, 0);
    return copy_blocks(scan);
}
