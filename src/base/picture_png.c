// SPDX-License-Identifier: AGPL-3.0-or-later
// PNG (third edition, with APNG): keeps what draws and what gives colours their meaning, drops text, time,
// EXIF and everything unknown. Checksums are checked, so nothing damaged is passed on.
#include "base/picture_parts.h"

enum {
    PROFILE_MAX = 1024 * 1024, // bytes of a compressed colour profile; larger ones are dropped
};

struct png {
    u32 width, height;
    bool data, data_ended;
};

static u32 checksum(struct str bytes)
{
    static u32 table[256];
    if (!table[1]) {
        for (u32 i = 0; i < 256; i++) {
            u32 c = i;
            for (int bit = 0; bit < 8; bit++) {
                c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
            }
            table[i] = c;
        }
    }
    u32 c = ~0u;
    for (size_t i = 0; i < bytes.len; i++) {
        c = table[(c ^ (u8)bytes.ptr[i]) & 0xFF] ^ c >> 8;
    }
    return ~c;
}

static bool is_kept(struct str name)
{
    static const char kept[][5] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM",
                                   "sRGB", "iCCP", "pHYs", "acTL", "fcTL", "fdAT"};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (str_eq(name, str_from(kept[i]))) {
            return true;
        }
    }
    return false;
}

// Colour type and bits per sample that go together.
static bool is_sound_format(u8 bits, u8 colour)
{
    static const u8 allowed[7] = {1 | 2 | 4 | 8 | 16, 0, 8 | 16, 1 | 2 | 4 | 8, 8 | 16, 0, 8 | 16};
    return colour < 7 && bits && (bits & (bits - 1)) == 0 && allowed[colour] & bits;
}

static bool read_header(struct scan *scan, struct png *png, struct str body)
{
    if (body.len != 13 || !is_sound_format((u8)body.ptr[8], (u8)body.ptr[9]) || body.ptr[10] ||
        body.ptr[11] || (u8)body.ptr[12] > 1) {
        return scan_refuse(scan, "The picture's header is damaged.");
    }
    png->width = scan->width = read_be32(body.ptr);
    png->height = scan->height = read_be32(body.ptr + 4);
    return scan_size(scan, png->width, png->height);
}

static bool read_frame(struct scan *scan, const struct png *png, struct str body)
{
    if (body.len != 26) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    u64 width = read_be32(body.ptr + 4), height = read_be32(body.ptr + 8);
    if (read_be32(body.ptr + 12) + width > png->width || read_be32(body.ptr + 16) + height > png->height) {
        return scan_refuse(scan, "A frame is larger than the picture.");
    }
    return scan_frame(scan, (u32)width, (u32)height);
}

// Looks at a chunk; *ret_keep says whether it goes along.
static bool judge(struct scan *scan, struct png *png, struct str name, struct str body, bool *ret_keep)
{
    bool data = str_eq(name, S("IDAT")), critical = !(name.ptr[0] & 0x20);
    *ret_keep = is_kept(name);
    if (str_eq(name, S("IHDR"))) {
        return png->width ? scan_refuse(scan, "The picture has two headers.") : read_header(scan, png, body);
    }
    if (!png->width || (critical && !*ret_keep)) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    if (data && png->data_ended) {
        return scan_refuse(scan, "The picture's data is in disorder.");
    }
    png->data_ended = png->data && !data;
    png->data = png->data || data;
    if (str_eq(name, S("fcTL"))) {
        return read_frame(scan, png, body);
    }
    if (str_eq(name, S("iCCP")) && body.len > PROFILE_MAX) {
        *ret_keep = false;
    }
    return true;
}

bool picture_png(struct scan *scan)
{
    struct str part, body, whole;
    struct png png = {};
    if (!scan_take(scan, 8, &part)) {
        return false;
    }
    buf_add(scan->out, part);
    for (;;) {
        size_t start = scan->at;
        if (!scan_chunk(scan) || !scan_take(scan, 8, &part)) {
            return false;
        }
        u32 len = read_be32(part.ptr);
        struct str name = str_sub(part, 4, 8);
        if (!scan_take(scan, len, &body) || !scan_take(scan, 4, &part)) {
            return false;
        }
        whole = str_sub(scan->in, start, scan->at);
        if (checksum(str_sub(whole, 4, 8 + (size_t)len)) != read_be32(part.ptr)) {
            return scan_refuse(scan, "The picture is damaged.");
        }
        bool keep;
        if (!judge(scan, &png, name, body, &keep)) {
            return false;
        }
        if (keep) {
            buf_add(scan->out, whole);
        }
        if (str_eq(name, S("IEND"))) { // what follows belongs to no picture
            return (png.data && len == 0) || scan_refuse(scan, "The picture is empty.");
        }
    }
}
