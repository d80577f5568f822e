// SPDX-License-Identifier: AGPL-3.0-or-later
// Which format it is, the limits all share, and the answer's way out of the child. Our side believes the
// child nothing: it may have been taken over by the picture it looked at.
#include "base/picture.h"
#include "base/arena.h"
#include "base/picture_parts.h"

enum { SLACK = 64 }; // a cleaned picture is no longer than what came, but for an orientation written anew
static const u64 MOVIE_PIXELS_MAX = 1000 * 1000 * 1000; // of all frames together

static const struct {
    const char *mime;
    struct str magic;
    size_t magic_at;
    bool (*copy)(struct scan *scan);
} formats[] = {
    {"image/png", {"\x89PNG\r\n\x1a\n", 8}, 0, picture_png},
    {"image/jpeg", {"\xFF\xD8\xFF", 3}, 0, picture_jpeg},
    {"image/gif", {"GIF8", 4}, 0, picture_gif},
    {"image/webp", {"WEBP", 4}, 8, picture_webp},
};

// What stands before the cleaned bytes in the answer.
struct answer {
    u32 format, width, height;
};

bool scan_refuse(struct scan *scan, const char *reason)
{
    scan->reason = reason;
    return false;
}

bool scan_take(struct scan *scan, size_t len, struct str *ret_part)
{
    if (scan->in.len - scan->at < len) {
        return scan_refuse(scan, "The picture is cut off.");
    }
    *ret_part = str_sub(scan->in, scan->at, scan->at + len);
    scan->at += len;
    return true;
}

bool scan_size(struct scan *scan, u32 width, u32 height)
{
    if (width == 0 || height == 0) {
        return scan_refuse(scan, "The picture has no size.");
    }
    if ((u64)width * height > PICTURE_PIXELS_MAX) {
        return scan_refuse(scan, "The picture has more than 40 million pixels.");
    }
    return true;
}

bool scan_frame(struct scan *scan, u32 width, u32 height)
{
    if (!scan_size(scan, width, height)) {
        return false;
    }
    scan->frames++;
    scan->frame_pixels += (u64)width * height;
    if (scan->frames > PICTURE_FRAMES_MAX || scan->frame_pixels > MOVIE_PIXELS_MAX) {
        return scan_refuse(scan, "The moving picture is too long.");
    }
    return true;
}

bool scan_chunk(struct scan *scan)
{
    scan->chunks++;
    return scan->chunks <= PICTURE_CHUNKS_MAX || scan_refuse(scan, "The picture has too many parts.");
}

static bool has_magic(size_t format, struct str bytes)
{
    struct str magic = formats[format].magic;
    size_t at = formats[format].magic_at;
    return bytes.len >= at + magic.len && str_eq(str_sub(bytes, at, at + magic.len), magic);
}

static int find_format(struct str input)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (has_magic(i, input)) {
            return (int)i;
        }
    }
    return -1;
}

bool picture_job(struct str input, struct buf *output)
{
    struct scan scan = {.in = input, .out = output};
    struct answer answer = {};
    int format = find_format(input);
    buf_add(output, (struct str){(const char *)&answer, sizeof answer});
    if (format < 0) {
        scan_refuse(&scan, "This is not a PNG, JPEG, GIF or WebP picture.");
    } else if (formats[format].copy(&scan) && output->overflow) {
        scan_refuse(&scan, "The picture is too large.");
    }
    if (scan.reason) {
        buf_reset(output);
        buf_add(output, str_from(scan.reason));
        return false;
    }
    answer = (struct answer){.format = (u32)format, .width = scan.width, .height = scan.height};
    memcpy(output->ptr, &answer, sizeof answer);
    return true;
}

static bool read_answer(struct str text, size_t input_len, struct picture *ret)
{
    struct answer answer;
    if (text.len < sizeof answer) {
        return false;
    }
    memcpy(&answer, text.ptr, sizeof answer);
    struct str bytes = str_sub(text, sizeof answer, text.len);
    if (answer.format >= ARRAY_LEN(formats) || !has_magic(answer.format, bytes) || answer.width == 0 ||
        answer.height == 0 || (u64)answer.width * answer.height > PICTURE_PIXELS_MAX ||
        bytes.len > input_len + SLACK) {
        return false;
    }
    *ret = (struct picture){
        .mime = str_from(formats[answer.format].mime),
        .width = answer.width,
        .height = answer.height,
        .bytes = bytes,
    };
    return true;
}

enum child_result picture_clean(struct nursery *nursery, size_t kind, struct str bytes, struct arena *arena,
                                struct picture *ret, struct err *err)
{
    struct str answer;
    enum child_result result = nursery_run(nursery, kind, bytes, arena, &answer);
    if (result == CHILD_OK && read_answer(answer, bytes.len, ret)) {
        return CHILD_OK;
    }
    if (result == CHILD_REFUSED) {
        answer = utf8_clean(arena, answer);
        answer.len = answer.len > 100 ? 100 : answer.len;
        err_field(err, "file", "bad_picture", STR_FMT, STR_ARG(answer));
        return CHILD_REFUSED;
    }
    err_retry(err, ERR_UNAVAILABLE, 5, "The picture could not be looked at.");
    return result == CHILD_BUSY ? CHILD_BUSY : CHILD_DIED;
}
