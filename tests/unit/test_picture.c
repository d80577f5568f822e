// SPDX-License-Identifier: AGPL-3.0-or-later
// Cleaning pictures: what tells about people is gone, every pixel is as before (decoded by the libraries that
// browsers use, too), and what is damaged or too much is refused.
#include "base/arena.h"
#include "base/buf.h"
#include "base/picture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gif_lib.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include <cmocka.h>

static struct arena *arena;
static struct nursery *nursery;
static child_job *const kinds[] = {picture_job};

static int set_up(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static int open_nursery(void **state)
{
    struct err err;
    (void)state;
    return nursery_start(kinds, 1, false, &nursery, &err) ? 0 : -1;
}

static int close_nursery(void **state)
{
    (void)state;
    nursery_stop(nursery);
    return 0;
}

static struct str fixture(const char *name)
{
    struct str path = str_printf(arena, "tests/fixtures/pictures/%s", name);
    FILE *file = fopen(path.ptr, "rb");
    if (!file) {
        fail_msg("no %s", path.ptr);
    }
    char *bytes = arena_alloc(arena, 1 << 20);
    size_t len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return (struct str){bytes, len};
}

static struct picture clean(struct str bytes)
{
    struct picture picture;
    struct err err;
    if (picture_clean(nursery, 0, bytes, arena, &picture, &err) != CHILD_OK) {
        fail_msg("%s", err.text);
    }
    return picture;
}

// Why the job refuses these bytes; "" when it does not. Here and now, without a child.
static struct str refusal(struct str bytes)
{
    struct buf out;
    buf_init(&out, arena, bytes.len + 1000);
    return picture_job(bytes, &out) ? S("") : buf_str(&out);
}

static void assert_refused(struct str bytes, const char *why)
{
    struct str reason = refusal(bytes);
    if (str_find(reason, str_from(why)) < 0 || reason.len == 0) {
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(reason), why);
    }
}

// A copy to damage.
static char *copy_of(struct str bytes)
{
    return str_cstr(arena, bytes);
}

// --- Decoding, to show that the picture is the same ---

static struct str decode_png(struct str bytes)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, bytes.ptr, bytes.len));
    image.format = PNG_FORMAT_RGBA;
    char *pixels = arena_alloc(arena, PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    return (struct str){pixels, PNG_IMAGE_SIZE(image)};
}

static struct str decode_jpeg(struct str bytes)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, (const u8 *)bytes.ptr, bytes.len);
    assert_int_equal(jpeg_read_header(&jpeg, TRUE), JPEG_HEADER_OK);
    jpeg_start_decompress(&jpeg);
    size_t row = (size_t)jpeg.output_width * (size_t)jpeg.output_components;
    char *pixels = arena_alloc(arena, row * jpeg.output_height);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW at = (JSAMPROW)(void *)(pixels + row * jpeg.output_scanline);
        jpeg_read_scanlines(&jpeg, &at, 1);
    }
    assert_int_equal(errors.num_warnings, 0);
    struct str decoded = {pixels, row * jpeg.output_height};
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    return decoded;
}

static int read_gif(GifFileType *gif, GifByteType *out, int len)
{
    struct str *rest = gif->UserData;
    size_t n = rest->len < (size_t)len ? rest->len : (size_t)len;
    memcpy(out, rest->ptr, n);
    *rest = str_sub(*rest, n, rest->len);
    return (int)n;
}

// All frames, one after the other.
static struct str decode_gif(struct str bytes)
{
    int problem;
    GifFileType *gif = DGifOpen(&bytes, read_gif, &problem);
    assert_non_null(gif);
    assert_int_equal(DGifSlurp(gif), GIF_OK);
    struct buf out;
    buf_init(&out, arena, 1 << 20);
    for (int i = 0; i < gif->ImageCount; i++) {
        SavedImage *frame = &gif->SavedImages[i];
        size_t n = (size_t)frame->ImageDesc.Width * (size_t)frame->ImageDesc.Height;
        buf_add(&out, (struct str){(const char *)frame->RasterBits, n});
    }
    DGifCloseFile(gif, &problem);
    return buf_str(&out);
}

static struct str decode_webp(struct str bytes)
{
    WebPData data = {(const u8 *)bytes.ptr, bytes.len};
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, NULL);
    WebPAnimInfo info;
    assert_non_null(decoder);
    assert_true(WebPAnimDecoderGetInfo(decoder, &info));
    struct buf out;
    buf_init(&out, arena, 1 << 22);
    while (WebPAnimDecoderHasMoreFrames(decoder)) {
        u8 *pixels;
        int at;
        assert_true(WebPAnimDecoderGetNext(decoder, &pixels, &at));
        buf_add(&out, (struct str){(const char *)pixels, (size_t)info.canvas_width * info.canvas_height * 4});
    }
    WebPAnimDecoderDelete(decoder);
    return buf_str(&out);
}

static const struct {
    const char *name, *mime;
    i64 width, height;
    struct str (*decode)(struct str bytes);
    bool private; // holds something to be removed
} pictures[] = {
    {"place.png", "image/png", 64, 48, decode_png, true},
    {"moving.png", "image/png", 24, 24, decode_png, true},
    {"place.jpg", "image/jpeg", 48, 64, decode_jpeg, true}, // on its side
    {"progressive.jpg", "image/jpeg", 64, 48, decode_jpeg, true},
    {"moving.gif", "image/gif", 24, 24, decode_gif, true},
    {"place.webp", "image/webp", 64, 48, decode_webp, true},
    {"lossless.webp", "image/webp", 64, 48, decode_webp, false},
    {"moving.webp", "image/webp", 24, 24, decode_webp, true},
};

static bool tells_about_people(struct str bytes)
{
    static const char *const marks[] = {"ecret", "GPS",  "Photoshop", "xmp",  "XMP",    "tEXt",
                                        "zTXt",  "iTXt", "eXIf",      "tIME", "Creator"};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (str_find(bytes, str_from(marks[i])) >= 0) {
            return true;
        }
    }
    return false;
}

static void what_tells_about_people_is_gone_and_every_pixel_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pictures); i++) {
        struct str before = fixture(pictures[i].name);
        assert_int_equal(tells_about_people(before), pictures[i].private);

        struct picture after = clean(before);

        assert_true(str_eq(after.mime, str_from(pictures[i].mime)));
        assert_int_equal(after.width, pictures[i].width);
        assert_int_equal(after.height, pictures[i].height);
        assert_false(tells_about_people(after.bytes));
        struct str pixels = pictures[i].decode(after.bytes);
        assert_true(pixels.len > 0 && str_eq(pixels, pictures[i].decode(before)));
        assert_true(str_eq(clean(after.bytes).bytes, after.bytes)); // nothing is left to do
    }
}

static void a_photograph_keeps_its_orientation_and_nothing_else_of_exif(void **state)
{
    (void)state;
    struct str before = fixture("place.jpg");
    struct picture after = clean(before);

    i64 exif = str_find(after.bytes, S("Exif"));
    assert_true(exif > 0);
    struct str rest = str_sub(after.bytes, (size_t)exif, after.bytes.len);
    assert_true(
        str_starts(rest, S("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0\xFF")));
    assert_int_equal(str_find(str_sub(rest, 4, rest.len), S("Exif")), -1);
    assert_int_equal(str_find(clean(fixture("progressive.jpg")).bytes, S("Exif")), -1);
}

static void animations_keep_their_frames_timing_and_repeats(void **state)
{
    (void)state;
    struct str gif = clean(fixture("moving.gif")).bytes, png = clean(fixture("moving.png")).bytes;
    struct str webp = clean(fixture("moving.webp")).bytes;

    assert_true(str_find(gif, S("NETSCAPE2.0\x03\x01\0\0\0")) > 0);
    assert_true(str_find(gif, S("\x21\xF9\x04")) > 0);
    assert_int_equal(decode_gif(gif).len, 3 * 24 * 24);
    assert_true(str_find(png, S("acTL")) > 0 && str_find(png, S("fcTL")) > 0 && str_find(png, S("fdAT")) > 0);
    assert_true(str_ends(png, S("IEND\xAE"
                                "B`\x82"))); // nothing hidden behind the end
    assert_int_equal(decode_webp(webp).len, 2 * 24 * 24 * 4);
}

static void what_is_cut_off_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pictures); i++) {
        struct str whole = clean(fixture(pictures[i].name)).bytes; // no trailing bytes that may be missing
        for (size_t len = 0; len < whole.len; len += len < 200 ? 1 : 7) {
            if (refusal(str_sub(whole, 0, len)).len == 0) {
                fail_msg("%s cut at %zu of %zu was taken", pictures[i].name, len, whole.len);
            }
        }
    }
}

static void a_flipped_bit_in_a_png_is_noticed(void **state)
{
    (void)state;
    struct str whole = clean(fixture("moving.png")).bytes;
    char *bytes = copy_of(whole);
    for (size_t bit = 0; bit < whole.len * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        // All but a few: a length that now runs on, a chunk that is now another.
        if (refusal((struct str){bytes, whole.len}).len == 0) {
            fail_msg("bit %zu", bit);
        }
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
}

static void no_damage_makes_the_cleaner_fall(void **state)
{
    (void)state;
    srandom(7);
    for (size_t i = 0; i < ARRAY_LEN(pictures); i++) {
        struct str whole = fixture(pictures[i].name);
        for (int round = 0; round < 400; round++) {
            struct arena *own = arena_create();
            char *bytes = str_cstr(own, whole);
            for (int n = 0; n < 1 + round % 8; n++) {
                bytes[(size_t)random() % whole.len] = (char)random();
            }
            struct buf out;
            buf_init(&out, own, whole.len * 2);
            bool taken = picture_job((struct str){bytes, whole.len}, &out);
            assert_true(out.len > 0 && (taken || out.len < 100));
            arena_destroy(own);
        }
    }
}

static void other_files_are_no_pictures(void **state)
{
    (void)state;
    static const struct str others[] = {
        {"", 0},
        {"\x89PNG", 4},
        {"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", 64},
        {"%PDF-1.7", 8},
        {"BM\0\0\0\0", 6},
        {"RIFF\0\0\0\0AVI ", 12},
        {"\xFF\xD8", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_refused(others[i], "not a PNG, JPEG, GIF or WebP");
    }
    struct picture picture;
    struct err err;
    assert_int_equal(picture_clean(nursery, 0, others[2], arena, &picture, &err), CHILD_REFUSED);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.field, "file");
    assert_string_equal(err.reason, "bad_picture");
}

static void put_be32(char *out, u32 value)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (char)(value >> (24 - 8 * i));
    }
}

static u32 crc(const char *bytes, size_t len)
{
    u32 c = ~0u;
    for (size_t i = 0; i < len; i++) {
        c ^= (u8)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
        }
    }
    return ~c;
}

static void put_chunk(struct buf *out, const char *name, struct str body)
{
    char *chunk = arena_alloc(arena, body.len + 12);
    put_be32(chunk, (u32)body.len);
    memcpy(chunk + 4, name, 4);
    if (body.len) {
        memcpy(chunk + 8, body.ptr, body.len);
    }
    put_be32(chunk + 8 + body.len, crc(chunk + 4, body.len + 4));
    buf_add(out, (struct str){chunk, body.len + 12});
}

// A PNG of this size, its data being n chunks of `len` bytes that no decoder would like.
static struct str make_png(u32 width, u32 height, size_t n, const char *name, size_t len)
{
    struct buf out;
    buf_init(&out, arena, 64 << 20);
    char head[13] = {[8] = 8, [9] = 2};
    put_be32(head, width);
    put_be32(head + 4, height);
    buf_add(&out, S("\x89PNG\r\n\x1a\n"));
    put_chunk(&out, "IHDR", (struct str){head, 13});
    char *body = arena_alloc(arena, len);
    for (size_t i = 0; i < n; i++) {
        put_chunk(&out, name, (struct str){body, len});
    }
    put_chunk(&out, "IDAT", S("x"));
    put_chunk(&out, "IEND", S(""));
    return buf_str(&out);
}

static void too_many_pixels_or_parts_are_refused(void **state)
{
    (void)state;
    assert_int_equal(refusal(make_png(8000, 5000, 1, "IDAT", 10)).len, 0);
    assert_refused(make_png(8000, 5001, 1, "IDAT", 10), "40 million");
    assert_refused(make_png(65500, 65500, 1, "IDAT", 10), "40 million");
    assert_refused(make_png(0xFFFFFFFF, 0xFFFFFFFF, 1, "IDAT", 10), "40 million");
    assert_refused(make_png(0, 5, 1, "IDAT", 10), "no size");
    assert_refused(make_png(5, 0, 1, "IDAT", 10), "no size");
    assert_int_equal(refusal(make_png(5, 5, 19000, "tEXt", 1)).len, 0);
    assert_refused(make_png(5, 5, 21000, "tEXt", 1), "too many parts");
    assert_refused(make_png(5, 5, 1, "ABCD", 1), "damaged"); // an unknown critical chunk

    char *jpeg = copy_of(fixture("progressive.jpg"));
    size_t len = fixture("progressive.jpg").len;
    i64 frame = str_find((struct str){jpeg, len}, S("\xFF\xC2"));
    memset(jpeg + frame + 5, 0xFF, 4);
    assert_refused((struct str){jpeg, len}, "40 million");
    memset(jpeg + frame + 5, 0, 4);
    assert_refused((struct str){jpeg, len}, "no size");

    char *gif = copy_of(fixture("moving.gif"));
    memset(gif + 6, 0xFF, 4);
    assert_refused((struct str){gif, fixture("moving.gif").len}, "40 million");

    char *webp = copy_of(fixture("moving.webp"));
    memset(webp + 24, 0xFF, 6);
    assert_refused((struct str){webp, fixture("moving.webp").len}, "40 million");
}

static void endless_animations_and_scans_are_refused(void **state)
{
    (void)state;
    struct buf gif, jpeg;
    buf_init(&gif, arena, 1 << 20);
    buf_add(&gif, S("GIF89a\x01\0\x01\0\0\0\0"));
    for (int i = 0; i < 2001; i++) {
        buf_add(&gif, S("\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"));
    }
    buf_add(&gif, S(";"));
    assert_refused(buf_str(&gif), "too long");

    buf_init(&jpeg, arena, 1 << 20);
    buf_add(&jpeg, S("\xFF\xD8\xFF\xC2\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0"));
    for (int i = 0; i < 201; i++) {
        buf_add(&jpeg, S("\xFF\xDA\0\x08\x01\x01\0\0\0\0\x3F"));
    }
    buf_add(&jpeg, S("\xFF\xD9"));
    assert_refused(buf_str(&jpeg), "too many parts");
}

static void a_bomb_is_answered_within_a_second(void **state)
{
    (void)state;
    struct picture picture;
    struct err err;
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_int_equal(
        picture_clean(nursery, 0, make_png(65500, 65500, 20, "IDAT", 1 << 20), arena, &picture, &err),
        CHILD_REFUSED);
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true(b.tv_sec - a.tv_sec <= 1);
}

static double seconds_to_clean(const char *head, size_t head_len, const char *unit, size_t unit_len,
                               size_t len)
{
    char *bytes = arena_alloc(arena, len + head_len);
    memcpy(bytes, head, head_len);
    for (size_t i = 0; i < len; i++) {
        bytes[head_len + i] = unit[i % unit_len];
    }
    double least = 1e9;
    for (int run = 0; run < 3; run++) {
        struct timespec a, b;
        struct buf out;
        buf_init(&out, NULL, len * 2);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        picture_job((struct str){bytes, head_len + len}, &out);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        buf_finish(&out);
        double took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
        least = took < least ? took : least;
    }
    arena_reset(arena);
    return least;
}

static void twice_the_input_takes_about_twice_the_time(void **state)
{
    (void)state;
    // Shapes that make each walker take its smallest steps all the way to the end.
    static const struct {
        struct str head, unit;
    } shapes[] = {
        {{"\xFF\xD8\xFF\xC0\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\0\0\0\x3F", 26},
         {"\xFF\0", 2}},
        {{"\xFF\xD8", 2}, {"\xFF", 1}},
        {{"\xFF\xD8", 2}, {"\xFF\xE0\0\x02", 4}},
        {{"GIF89a\x01\0\x01\0\0\0\0\x21\xFE", 15}, {"\x01x", 2}},
        {{"GIF89a\x01\0\x01\0\0\0\0", 13}, {"\x21\xFE\0", 3}},
        {{"RIFF\xFF\xFF\x0F\0WEBP", 12}, {"EXIF\0\0\0\0", 8}},
        {{"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR\0\0\0\x05\0\0\0\x05\x08\x02\0\0\0\x02\x0D\xB1\xB2", 33},
         {"\0\0\0\0tEXt\x96\x42\xC5\x85", 12}},
    };
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        for (size_t len = 1 << 20; len <= 4 << 20; len *= 4) {
            double once = 0, twice = 1e9;
            // A busy machine may spoil a measurement, but not eight of them.
            for (int attempt = 0; attempt < 8 && twice > 2.5 * once + 0.003; attempt++) {
                once = seconds_to_clean(shapes[i].head.ptr, shapes[i].head.len, shapes[i].unit.ptr,
                                        shapes[i].unit.len, len);
                twice = seconds_to_clean(shapes[i].head.ptr, shapes[i].head.len, shapes[i].unit.ptr,
                                         shapes[i].unit.len, len * 2);
            }
            if (twice > 2.5 * once + 0.003) {
                fail_msg("shape %zu: %zu bytes took %g s, twice as many %g s", i, len, once, twice);
            }
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_tells_about_people_is_gone_and_every_pixel_stays),
        TEST(a_photograph_keeps_its_orientation_and_nothing_else_of_exif),
        TEST(animations_keep_their_frames_timing_and_repeats),
        TEST(what_is_cut_off_anywhere_is_refused),
        TEST(a_flipped_bit_in_a_png_is_noticed),
        TEST(no_damage_makes_the_cleaner_fall),
        TEST(other_files_are_no_pictures),
        TEST(too_many_pixels_or_parts_are_refused),
        TEST(endless_animations_and_scans_are_refused),
        TEST(a_bomb_is_answered_within_a_second),
        TEST(twice_the_input_takes_about_twice_the_time),
    };
    return cmocka_run_group_tests(tests, open_nursery, close_nursery);
}
