// SPDX-License-Identifier: AGPL-3.0-or-later
// The table of first bytes, and the few containers one has to look into.
#include "base/sniff.h"

static const struct {
    u8 at;
    u8 len;
    const char *bytes;
    const char *mime;
} magics[] = {
    {0, 8, "\x89PNG\r\n\x1a\n", "image/png"},
    {0, 3, "\xff\xd8\xff", "image/jpeg"},
    {0, 6, "GIF87a", "image/gif"},
    {0, 6, "GIF89a", "image/gif"},
    {8, 4, "WEBP", "image/webp"}, // behind RIFF
    {8, 4, "WAVE", "audio/wav"},
    {0, 3, "ID3", "audio/mpeg"},
    {0, 4, "fLaC", "audio/flac"},
    {0, 6, "#!AMR\n", "audio/amr"},
    {0, 5, "%PDF-", "application/pdf"},
    {0, 5, "{\\rtf", "application/rtf"},
    {0, 6, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
    {0, 6, "Rar!\x1a\x07", "application/vnd.rar"},
    {0, 2, "\x1f\x8b", "application/gzip"},
};

// Names of entries near the beginning of a zip tell which document it is.
static const struct {
    const char *part, *mime;
} zips[] = {
    {"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"},
    {"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
     "application/vnd.oasis.opendocument.spreadsheet"},
    {"mimetypeapplication/vnd.oasis.opendocument.presentation",
     "application/vnd.oasis.opendocument.presentation"},
    {"mimetypeapplication/epub+zip", "application/epub+zip"},
    {"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
};

static bool holds(struct str head, size_t at, struct str bytes)
{
    return head.len >= at + bytes.len && memcmp(head.ptr + at, bytes.ptr, bytes.len) == 0;
}

static const char *sniff_zip(struct str head)
{
    for (size_t i = 0; i < ARRAY_LEN(zips); i++) {
        if (str_find(head, str_from(zips[i].part)) >= 0) {
            return zips[i].mime;
        }
    }
    return "application/zip";
}

// ISO base media: the major brand says whether it is a film, a voice or a still picture.
static const char *sniff_iso(struct str head)
{
    static const char *const pictures[] = {"heic", "heix", "mif1", "avif", "avis", "msf1"};
    if (holds(head, 8, S("M4A ")) || holds(head, 8, S("M4B "))) {
        return "audio/mp4";
    }
    if (holds(head, 8, S("qt  "))) {
        return "video/quicktime";
    }
    if (holds(head, 8, S("3gp"))) {
        return "video/3gpp";
    }
    for (size_t i = 0; i < ARRAY_LEN(pictures); i++) {
        if (holds(head, 8, str_from(pictures[i]))) {
            return "application/octet-stream"; // a picture nobody here can clean
        }
    }
    return "video/mp4";
}

// A frame of an MP3: sync, layer III, a bit rate and a sampling rate that exist.
static bool is_mpeg_audio(struct str head)
{
    const u8 *b = (const u8 *)head.ptr;
    return head.len >= 4 && b[0] == 0xff && (b[1] & 0xe0) == 0xe0 && (b[1] & 0x18) != 0x08 &&
           (b[1] & 0x06) == 0x02 && (b[2] & 0xf0) != 0xf0 && (b[2] & 0xf0) != 0 && (b[2] & 0x0c) != 0x0c;
}

// Plain text: UTF-8 (the last character may be cut) without control characters.
static bool is_text(struct str head)
{
    size_t end = head.len;
    for (size_t i = 0; i < head.len; i++) {
        u8 c = (u8)head.ptr[i];
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7f) {
            return false;
        }
    }
    while (end > 0 && head.len - end < 3 && ((u8)head.ptr[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    if (end > 0 && (u8)head.ptr[end - 1] >= 0xc0) {
        end--;
    }
    return head.len > 0 && (utf8_valid(head) || utf8_valid(str_sub(head, 0, end)));
}

static const char *sniff(struct str head)
{
    if (holds(head, 4, S("ftyp"))) {
        return sniff_iso(head);
    }
    if (holds(head, 0, S("\x1a\x45\xdf\xa3"))) {
        return str_find(head, S("webm")) >= 0 ? "video/webm" : "video/x-matroska";
    }
    if (holds(head, 0, S("OggS"))) {
        return str_find(head, S("theora")) >= 0 ? "video/ogg" : "audio/ogg";
    }
    if (holds(head, 0, S("PK\x03\x04"))) {
        return sniff_zip(head);
    }
    for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
        struct str bytes = {magics[i].bytes, magics[i].len};
        if (holds(head, magics[i].at, bytes) && (magics[i].at == 0 || holds(head, 0, S("RIFF")))) {
            return magics[i].mime;
        }
    }
    if (is_mpeg_audio(head)) {
        return "audio/mpeg";
    }
    return is_text(head) ? "text/plain" : "application/octet-stream";
}

struct str sniff_mime(struct str head)
{
    struct str seen = head.len > SNIFF_BYTES ? str_sub(head, 0, SNIFF_BYTES) : head;
    return str_from(sniff(seen));
}

enum file_kind file_kind_of(struct str mime)
{
    if (str_starts(mime, S("image/"))) {
        return FILE_PICTURE;
    }
    if (str_starts(mime, S("video/"))) {
        return FILE_VIDEO;
    }
    return str_starts(mime, S("audio/")) ? FILE_AUDIO : FILE_OTHER;
}

const char *file_kind_name(enum file_kind kind)
{
    switch (kind) {
    case FILE_PICTURE:
        return "picture";
    case FILE_VIDEO:
        return "video";
    case FILE_AUDIO:
        return "audio";
    case FILE_OTHER:
    case FILE_ANY:
        break;
    }
    return "file";
}

bool file_is_shown(struct str mime)
{
    static const char *const shown[] = {"image/png",  "image/jpeg", "image/gif", "image/webp",
                                        "video/mp4",  "video/webm", "video/ogg", "audio/ogg",
                                        "audio/mpeg", "audio/mp4",  "audio/wav"};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        if (str_eq(mime, str_from(shown[i]))) {
            return true;
        }
    }
    return false;
}
