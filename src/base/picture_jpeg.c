// SPDX-License-Identifier: AGPL-3.0-or-later
// JPEG: keeps tables, frame and scans, the JFIF head without its thumbnail, Adobe's colour note and the
// colour profile. EXIF goes, but for the orientation, without which the picture would lie on its side.
#include "base/picture_parts.h"

enum {
    SOF0 = 0xC0,
    SOF2 = 0xC2,
    DHT = 0xC4,
    JPG = 0xC8,
    DAC = 0xCC,
    SOF15 = 0xCF,
    RST0 = 0xD0,
    RST7 = 0xD7,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DNL = 0xDC,
    DRI = 0xDD,
    DHP = 0xDE,
    EXP = 0xDF,
    APP0 = 0xE0,
    APP1 = 0xE1,
    APP2 = 0xE2,
    APP14 = 0xEE,
    TEM = 0x01,
    SCANS_MAX = 200, // a progressive picture of thousands of scans keeps a browser busy for minutes
};

struct jpeg {
    u32 width, height;
    u32 scans;
    u32 orientation; // 1 to 8; 0: none met
};

static u32 read16(struct str s, size_t at, bool big)
{
    return big ? read_be16(s.ptr + at) : read_le16(s.ptr + at);
}

static u32 read32(struct str s, size_t at, bool big)
{
    return big ? read_be32(s.ptr + at) : read_le32(s.ptr + at);
}

// The orientation in a TIFF structure, as EXIF has it; 1 (upright) when there is none or it makes no sense.
static u32 find_orientation(struct str tiff)
{
    bool big = str_starts(tiff, S("MM"));
    if (tiff.len < 8 || (!big && !str_starts(tiff, S("II")))) {
        return 1;
    }
    size_t at = read32(tiff, 4, big);
    if (tiff.len < 2 || at > tiff.len - 2) {
        return 1;
    }
    u32 n = read16(tiff, at, big);
    at += 2;
    for (u32 i = 0; i < n && tiff.len - at >= 12; i++, at += 12) {
        if (read16(tiff, at, big) == 0x0112 && read16(tiff, at + 2, big) == 3) {
            u32 value = read16(tiff, at + 8, big);
            return value >= 1 && value <= 8 ? value : 1;
        }
    }
    return 1;
}

static void put_orientation(struct buf *out, u32 orientation)
{
    // EXIF with one entry: tag 0x0112, one 16-bit number.
    char segment[] = "\xFF\xE1\x00\x22"
                     "Exif\0\0"
                     "MM\0*\0\0\0\x08"
                     "\0\x01"
                     "\x01\x12\0\x03\0\0\0\x01\0\0\0\0"
                     "\0\0\0\0";
    segment[29] = (char)orientation;
    buf_add(out, (struct str){segment, sizeof segment - 1});
}

static void put_segment(struct buf *out, u32 marker, struct str body)
{
    char head[4] = {(char)0xFF, (char)marker, (char)((body.len + 2) >> 8), (char)(body.len + 2)};
    buf_add(out, (struct str){head, 4});
    buf_add(out, body);
}

static bool read_frame(struct scan *scan, struct jpeg *jpeg, u32 marker, struct str body)
{
    if (marker > SOF2) {
        return scan_refuse(scan, "The picture uses a form of JPEG that browsers cannot show.");
    }
    if (jpeg->width || body.len < 6 || body.len != 6 + 3 * (size_t)(u8)body.ptr[5] || body.ptr[5] == 0) {
        return scan_refuse(scan, "The picture's header is damaged.");
    }
    jpeg->height = read_be16(body.ptr + 1);
    jpeg->width = read_be16(body.ptr + 3);
    put_segment(scan->out, marker, body);
    return scan_size(scan, jpeg->width, jpeg->height);
}

static void copy_application(struct scan *scan, struct jpeg *jpeg, u32 marker, struct str body)
{
    if (marker == APP0 && str_starts(body, S("JFIF\0")) && body.len >= 14) {
        char head[14];
        memcpy(head, body.ptr, 12);
        head[12] = head[13] = 0; // no thumbnail
        put_segment(scan->out, APP0, (struct str){head, sizeof head});
    } else if (marker == APP1 && str_starts(body, S("Exif\0\0")) && !jpeg->orientation) {
        jpeg->orientation = find_orientation(str_sub(body, 6, body.len));
        if (jpeg->orientation > 1) {
            put_orientation(scan->out, jpeg->orientation);
        }
    } else if ((marker == APP2 && str_starts(body, S("ICC_PROFILE\0"))) ||
               (marker == APP14 && str_starts(body, S("Adobe")) && body.len == 12)) {
        put_segment(scan->out, marker, body);
    }
}

// Entropy-coded data: up to the next marker that is neither a stuffed zero nor a restart.
static bool copy_scan_data(struct scan *scan)
{
    size_t start = scan->at;
    for (;;) {
        size_t left = scan->in.len - scan->at;
        const char *ff = left ? memchr(scan->in.ptr + scan->at, 0xFF, left) : NULL;
        if (!ff || ff + 1 == scan->in.ptr + scan->in.len) {
            return scan_refuse(scan, "The picture is cut off.");
        }
        u8 next = (u8)ff[1];
        scan->at = (size_t)(ff - scan->in.ptr);
        if (next != 0 && (next < RST0 || next > RST7)) {
            break;
        }
        scan->at += 2;
    }
    buf_add(scan->out, str_sub(scan->in, start, scan->at));
    return true;
}

static bool copy_segment(struct scan *scan, struct jpeg *jpeg, u32 marker)
{
    struct str part, body;
    if (!scan_take(scan, 2, &part)) {
        return false;
    }
    u32 len = read_be16(part.ptr);
    if (len < 2) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    if (!scan_take(scan, len - 2, &body)) {
        return false;
    }
    if (marker == DHT || marker == DQT || marker == DRI) {
        put_segment(scan->out, marker, body);
    } else if (marker >= SOF0 && marker <= SOF15 && marker != JPG && marker != DAC) {
        return read_frame(scan, jpeg, marker, body);
    } else if (marker == SOS) {
        jpeg->scans++;
        if (!jpeg->width || jpeg->scans > SCANS_MAX) {
            return scan_refuse(scan,
                               jpeg->width ? "The picture has too many parts." : "The picture is damaged.");
        }
        put_segment(scan->out, SOS, body);
        return copy_scan_data(scan);
    } else if (marker >= APP0 && marker <= APP0 + 15) {
        copy_application(scan, jpeg, marker, body);
    } else if (marker == DAC || marker == DNL || marker == DHP || marker == EXP) {
        return scan_refuse(scan, "The picture uses a form of JPEG that browsers cannot show.");
    }
    return true; // comments and what is unknown are left out
}

// The next marker, past the 0xFF bytes that may fill before it.
static bool next_marker(struct scan *scan, u32 *ret_marker)
{
    struct str byte;
    if (!scan_take(scan, 1, &byte)) {
        return false;
    }
    if ((u8)byte.ptr[0] != 0xFF) {
        return scan_refuse(scan, "The picture is damaged.");
    }
    do {
        if (!scan_take(scan, 1, &byte)) {
            return false;
        }
    } while ((u8)byte.ptr[0] == 0xFF);
    *ret_marker = (u8)byte.ptr[0];
    return true;
}

bool picture_jpeg(struct scan *scan)
{
    struct jpeg jpeg = {};
    scan->at = 2;
    buf_add(scan->out, S("\xFF\xD8"));
    for (;;) {
        u32 marker = 0;
        if (!scan_chunk(scan) || !next_marker(scan, &marker)) {
            return false;
        }
        if (marker == EOI) {
            break;
        }
        if (marker == 0 || marker == SOI || marker == TEM || (marker >= RST0 && marker <= RST7)) {
            return scan_refuse(scan, "The picture is damaged.");
        }
        if (!copy_segment(scan, &jpeg, marker)) {
            return false;
        }
    }
    if (!jpeg.scans) {
        return scan_refuse(scan, "The picture is empty.");
    }
    buf_add(scan->out, S("\xFF\xD9"));
    bool turned = jpeg.orientation >= 5;
    scan->width = turned ? jpeg.height : jpeg.width;
    scan->height = turned ? jpeg.width : jpeg.height;
    return true;
}
