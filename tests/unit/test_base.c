// SPDX-License-Identifier: AGPL-3.0-or-later
// Slices, UTF-8, arenas, buffers, errors, clocks, queues.
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sniff.h"
#include "base/str.h"
#include "base/thread.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_str(got, want)                                                                                \
    do {                                                                                                     \
        struct str got_ = (got), want_ = (want);                                                             \
        if (!str_eq(got_, want_)) {                                                                          \
            fail_msg("\"" STR_FMT "\" is not \"" STR_FMT "\"", STR_ARG(got_), STR_ARG(want_));               \
        }                                                                                                    \
    } while (0)

static struct arena *arena;

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

static void slices_compare_bytewise_and_shorter_first(void **state)
{
    (void)state;
    assert_true(str_cmp(S("a"), S("b")) < 0);
    assert_true(str_cmp(S("ab"), S("a")) > 0);
    assert_true(str_cmp(S("a\xFF"), S("a\x01")) > 0);
    assert_int_equal(str_cmp(S(""), STR_NONE), 0);
    assert_true(str_eq_nocase(S("Content-TYPE"), S("content-type")));
    assert_false(str_eq_nocase(S("\xC3\x84"), S("\xC3\xA4")));
    assert_false(str_given(STR_NONE));
    assert_true(str_given(S("")));
}

static void slices_are_searched_cut_and_trimmed(void **state)
{
    (void)state;
    struct str rest;

    assert_str(str_cut(S("a=b=c"), '=', &rest), S("a"));
    assert_str(rest, S("b=c"));
    assert_str(str_cut(S("abc"), '=', &rest), S("abc"));
    assert_false(str_given(rest));
    assert_str(str_cut(S("a="), '=', &rest), S("a"));
    assert_true(str_given(rest));
    assert_int_equal(rest.len, 0);
    assert_str(str_trim(S(" \t\r\na b\n ")), S("a b"));
    assert_str(str_trim(S(" \n")), S(""));
    assert_int_equal(str_find(S("hello"), S("llo")), 2);
    assert_int_equal(str_find(S("hello"), S("lll")), -1);
    assert_int_equal(str_find(S("he"), S("hello")), -1);
    assert_int_equal(str_find(S(""), S("")), 0);
    assert_true(str_starts(S("abc"), S("ab")) && !str_starts(S("a"), S("ab")));
    assert_true(str_ends(S("abc"), S("bc")) && !str_ends(S("c"), S("bc")));
}

static void only_plain_decimal_numbers_are_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-0",
                                      "00",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "1e3",
                                      "0x1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    i64 n = 77;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(str_to_i64(str_from(bad[i]), &n));
        assert_int_equal(n, 77);
    }
    assert_true(str_to_i64(S("0"), &n) && n == 0);
    assert_true(str_to_i64(S("-17"), &n) && n == -17);
    assert_true(str_to_i64(S("9223372036854775807"), &n) && n == INT64_MAX);
    assert_true(str_to_i64(S("-9223372036854775808"), &n) && n == INT64_MIN);
}

static void copies_live_in_the_arena(void **state)
{
    (void)state;
    char text[] = "abc";
    struct str copy = str_copy(arena, str_from(text));

    text[0] = 'x';

    assert_str(copy, S("abc"));
    assert_false(str_given(str_copy(arena, STR_NONE)));
    assert_str(str_concat(arena, S("ab"), STR_NONE), S("ab"));
    assert_str(str_printf(arena, "%d-%s", 7, "x"), S("7-x"));
    assert_str(str_lower_ascii(arena, S("ABCxyz\xC3\x84")), S("abcxyz\xC3\x84"));
    assert_string_equal(str_cstr(arena, S("abc")), "abc");
}

static void utf8_is_checked_by_the_table_of_the_standard(void **state)
{
    (void)state;
    static const struct str good[] = {
        {"", 0},
        {"plain", 5},
        {"\xC2\x80", 2},
        {"\xE0\xA0\x80", 3},
        {"\xED\x9F\xBF", 3},
        {"\xEE\x80\x80", 3},
        {"\xEF\xBF\xBF", 3},
        {"\xF0\x90\x80\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"a\0b", 3},
        {"eight bytes \xEA\xB0\x80 and more than that", 34},
    };
    static const struct str bad[] = {
        {"\x80", 1},             // a continuation alone
        {"\xC0\xAF", 2},         // overlong
        {"\xC1\xBF", 2},         // overlong
        {"\xE0\x9F\xBF", 3},     // overlong
        {"\xF0\x8F\xBF\xBF", 4}, // overlong
        {"\xED\xA0\x80", 3},     // surrogate
        {"\xF4\x90\x80\x80", 4}, // beyond U+10FFFF
        {"\xF5\x80\x80\x80", 4}, // no such lead
        {"\xFF", 1},
        {"\xE2\x82", 2},             // cut off
        {"\xF0\x9F\x98", 3},         // cut off
        {"1234567\xC3", 8},          // cut off at the edge of a word
        {"12345678\xC3\x28tail", 14} // broken in the middle
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(utf8_valid(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(utf8_valid(bad[i]));
        assert_true(utf8_valid(utf8_clean(arena, bad[i])));
    }
}

static void each_maximal_invalid_part_becomes_one_replacement(void **state)
{
    (void)state;
    struct str clean = S("nothing \xC3\xB6 to do");
    // The example of the Unicode Standard, chapter 3.9.
    struct str example = S("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64");

    assert_str(utf8_clean(arena, example), S("a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                                             "b\xEF\xBF\xBD"
                                             "c\xEF\xBF\xBD\xEF\xBF\xBD"
                                             "d"));
    assert_str(utf8_clean(arena, S("a\0b")), S("a\xEF\xBF\xBD"
                                               "b"));
    assert_ptr_equal(utf8_clean(arena, clean).ptr, clean.ptr);
}

static void code_points_survive_encoding_and_decoding(void **state)
{
    (void)state;
    for (u32 c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
        if (c >= 0xD800 && c <= 0xDFFF) {
            continue;
        }
        char bytes[4];
        size_t len = utf8_encode(c, bytes), pos = 0;
        struct str s = {bytes, len};
        assert_true(utf8_valid(s));
        assert_int_equal(utf8_next(s, &pos), c);
        assert_int_equal(pos, len);
        assert_int_equal(utf8_count(s), 1);
    }
    char bytes[4];
    assert_int_equal(utf8_encode(0xD800, bytes), 3); // no surrogate leaves us
    assert_memory_equal(bytes, "\xEF\xBF\xBD", 3);
}

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    char *before = NULL;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            char *p = arena_alloc(arena, size);
            assert_int_equal((uintptr_t)p % 16, 0);
            assert_ptr_not_equal(p, before);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(p[i], 0);
            }
            memset(p, 0xAB, size);
            before = p;
        }
        assert_true(arena_used(arena) > 0);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    memset(arena_alloc(arena, 5 * 1024 * 1024), 1, 5 * 1024 * 1024);
}

static int order[4], n_order;

static void note(void *arg)
{
    order[n_order++] = *(int *)arg;
}

static void cleanups_run_newest_first_while_memory_stands(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        int *n = arena_new(arena, int);
        *n = i;
        arena_on_reset(arena, note, n);
    }
    n_order = 0;

    arena_reset(arena);
    arena_reset(arena); // once only

    assert_int_equal(n_order, 3);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[2], 0);
}

static void lists_grow_and_keep_what_they_hold(void **state)
{
    (void)state;
    struct {
        i64 *items;
        size_t len, cap;
    } list = {};
    for (i64 i = 0; i < 10000; i++) {
        i64 *slot = list_push(&list, arena);
        assert_int_equal(*slot, 0);
        *slot = i;
        if (i % 100 == 0) {
            arena_alloc(arena, 10); // so that it has to move
        }
    }
    for (i64 i = 0; i < 10000; i++) {
        assert_int_equal(list.items[i], i);
    }
}

static void pooled_arenas_come_back_empty(void **state)
{
    (void)state;
    struct arena *a = arena_take();
    arena_alloc(a, 100000);
    arena_give(a);
    arena_give(NULL);

    struct arena *b = arena_take();

    assert_ptr_equal(a, b);
    assert_int_equal(arena_used(b), 0);
    arena_give(b);
}

static void a_buffer_stops_at_its_maximum_and_says_so(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, NULL, 10);

    buf_add(&buf, S("12345"));
    buf_add(&buf, S("678901"));
    assert_true(buf.overflow);
    assert_str(buf_str(&buf), S("12345"));
    buf_reset(&buf);
    buf_printf(&buf, "%s", "0123456789");
    assert_false(buf.overflow);
    buf_add_char(&buf, 'x');
    assert_true(buf.overflow);
    assert_str(buf_str(&buf), S("0123456789"));
    buf_finish(&buf);
    assert_str(buf_str(&buf), S(""));
}

static void a_fixed_buffer_never_allocates(void **state)
{
    (void)state;
    char mem[4];
    struct buf buf;
    buf_init_fixed(&buf, mem, sizeof mem);

    buf_add(&buf, S("abcd"));
    buf_add_char(&buf, 'e');

    assert_ptr_equal(buf.ptr, mem);
    assert_true(buf.overflow);
    assert_memory_equal(mem, "abcd", 4);
}

static void buffers_grow_on_heap_and_arena(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct buf buf;
        buf_init(&buf, i ? arena : NULL, 1000000);
        for (i64 n = -5000; n < 5000; n++) {
            buf_add_i64(&buf, n);
            arena_alloc(arena, 3);
        }
        assert_false(buf.overflow);
        assert_true(str_starts(buf_str(&buf), S("-5000-4999")));
        assert_true(str_ends(buf_str(&buf), S("49984999")));
        buf_finish(&buf);
    }
    struct buf buf;
    buf_init(&buf, arena, 100);
    buf_add_i64(&buf, INT64_MIN);
    assert_str(buf_str(&buf), S("-9223372036854775808"));
}

static void json_escapes_leave_nothing_dangerous(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena, 1000);

    buf_add_json(&buf, S("a\"b\\c\n\t\r\x01\x7F</script>/\xE2\x80\xA8\xC3\xB6\xFF\xED\xA0\x80\0z"));

    assert_str(buf_str(&buf), S("a\\\"b\\\\c\\n\\t\\r\\u0001\\u007f<\\/script>/\\u2028\xC3\xB6\xEF\xBF\xBD"
                                "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\u0000z"));
}

static void errors_name_the_whole_path(void **state)
{
    (void)state;
    struct err err;

    assert_false(err_field(&err, "sha256", "wrong_type", "This must be %s.", "a text"));
    err_prefix(&err, "attachments.0");
    assert_string_equal(err.field, "attachments.0.sha256");
    assert_string_equal(err.reason, "wrong_type");
    assert_string_equal(err.text, "This must be a text.");
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(err.position, -1);
    err_set(&err, ERR_CONFLICT, "x");
    assert_string_equal(err.field, "");
    err_prefix(&err, "body");
    assert_string_equal(err.field, "body");
    assert_false(err_retry(&err, ERR_RATE_LIMITED, 7, "Slow down."));
    assert_int_equal(err.retry_after_s, 7);
}

static void long_error_texts_are_cut_between_characters(void **state)
{
    (void)state;
    char text[700] = "";
    for (size_t i = 0; i + 3 < sizeof text - 1; i += 3) {
        memcpy(text + i, "\xEA\xB0\x80", 4);
    }
    struct err err;

    err_field(&err, text, text, "x%s", text);

    assert_true(utf8_valid(str_from(err.text)));
    assert_true(utf8_valid(str_from(err.field)));
    assert_true(utf8_valid(str_from(err.reason)));
    assert_true(strlen(err.text) > 200);
}

static void every_error_has_a_status_and_a_title(void **state)
{
    (void)state;
    for (int code = ERR_SYNTAX; code <= ERR_INTERNAL; code++) {
        assert_in_range(err_http_status((enum err_code)code), 400, 503);
        assert_true(strlen(err_title((enum err_code)code)) > 0);
    }
    assert_int_equal(err_http_status(ERR_INVALID), 422);
    assert_int_equal(err_http_status(ERR_NOT_FOUND), 404);
    assert_int_equal(err_http_status((enum err_code)99), 500);
}

static void times_are_written_as_rfc_3339(void **state)
{
    (void)state;
    assert_str(clock_format(arena, 0), S("1970-01-01T00:00:00.000Z"));
    assert_str(clock_format(arena, 951782400123), S("2000-02-29T00:00:00.123Z"));
    assert_str(clock_format(arena, 1764547200000), S("2025-12-01T00:00:00.000Z"));
    assert_str(clock_format(arena, 253402300799999), S("9999-12-31T23:59:59.999Z"));
}

static void times_of_every_zone_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        i64 at;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-12-01", 1764547200000},
        {"2025-12-01t00:00:00z", 1764547200000},
        {"2025-12-01 00:00:00Z", 1764547200000},
        {"2025-12-01T02:00:00+02:00", 1764547200000},
        {"2025-11-30T19:00:00.000-05:00", 1764547200000},
        {"2025-12-01T00:00:00.1Z", 1764547200100},
        {"2025-12-01T00:00:00.123456789Z", 1764547200123},
        {"2025-11-30T23:59:60Z", 1764547200000},
        {"2000-02-29T00:00:00.123Z", 951782400123},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        i64 at = -1;
        assert_true(clock_parse(str_from(good[i].text), &at));
        assert_int_equal(at, good[i].at);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2025",
        "2025-1-1",
        "2025-13-01",
        "2025-00-01",
        "2025-02-29",
        "1900-02-29",
        "2025-04-31",
        "2025-12-00",
        "2025-12-01T",
        "2025-12-01T00:00",
        "2025-12-01T00:00:00",
        "2025-12-01T24:00:00Z",
        "2025-12-01T00:60:00Z",
        "2025-12-01T00:00:61Z",
        "2025-12-01T00:00:00.Z",
        "2025-12-01T00:00:00+0200",
        "2025-12-01T00:00:00+24:00",
        "2025-12-01T00:00:00ZZ",
        "2025-12-01Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "-025-12-01",
        " 2025-12-01",
        "2025-12-01 ",
        "2025-12-01T-1:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        i64 at = 77;
        if (clock_parse(str_from(bad[i]), &at)) {
            fail_msg("%s was read", bad[i]);
        }
        assert_int_equal(at, 77);
    }
}

static void every_day_survives_writing_and_reading(void **state)
{
    (void)state;
    char before[CLOCK_TEXT] = "";
    for (i64 at = 0; at <= 253402300799999; at += 86400000LL * 13 + 12345) {
        char text[CLOCK_TEXT];
        i64 back;
        clock_write(at, text);
        assert_true(clock_parse(str_from(text), &back));
        assert_int_equal(back, at);
        assert_true(strcmp(before, text) < 0); // text sorts as time does
        memcpy(before, text, sizeof text);
    }
}

static void the_wall_clock_can_be_shifted_and_the_other_not(void **state)
{
    (void)state;
    i64 now = clock_now(), mono = clock_mono();

    clock_test_shift(3600000);

    assert_true(clock_now() - now >= 3600000 && clock_now() - now < 3700000);
    assert_true(clock_mono() - mono < 100000);
    clock_test_shift(-3600000);
}

static void a_full_queue_refuses_and_a_closed_one_drains(void **state)
{
    (void)state;
    struct queue *queue = queue_create(2);
    int a, b;

    assert_true(queue_push(queue, &a));
    assert_true(queue_push(queue, &b));
    assert_false(queue_push(queue, &a));
    assert_int_equal(queue_len(queue), 2);
    queue_close(queue);
    assert_false(queue_push(queue, &a));
    assert_ptr_equal(queue_pop(queue, -1), &a);
    assert_ptr_equal(queue_pop(queue, -1), &b);
    assert_null(queue_pop(queue, -1));
    queue_destroy(queue);
}

static void an_empty_queue_waits_only_as_long_as_asked(void **state)
{
    (void)state;
    struct queue *queue = queue_create(2);
    i64 before = clock_mono();

    assert_null(queue_pop(queue, 30));

    assert_true(clock_mono() - before >= 29);
    queue_destroy(queue);
}

static void *push_thousand(void *arg)
{
    static int item;
    for (int i = 0; i < 1000;) {
        i += queue_push(arg, &item);
    }
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    (void)state;
    struct queue *queue = queue_create(16);
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        threads[i] = thread_start("pusher", push_thousand, queue);
    }
    for (int i = 0; i < 4000; i++) {
        assert_non_null(queue_pop(queue, 60000));
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(queue_len(queue), 0);
    queue_destroy(queue);
}

// What log_event writes when its fields hold `text`.
static struct str logged(struct str text)
{
    int pipe_fds[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    log_event(LOG_INFO, "test.happened", LOG_S("text", text), LOG_S("more", text), LOG_I("n", -5));
    log_event(LOG_DEBUG, "not.shown", LOG_I("n", 1));
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipe_fds[1]);
    char *line = arena_alloc(arena, 20000);
    ssize_t n = read(pipe_fds[0], line, 20000);
    close(pipe_fds[0]);
    return (struct str){line, n > 0 ? (size_t)n : 0};
}

static void no_text_can_forge_a_log_line(void **state)
{
    (void)state;
    struct str line = logged(S("\"}\n{\"level\":\"error\"\xFF"));

    assert_true(str_starts(line, S("{\"at\":\"2")));
    assert_true(str_find(line, S("\"event\":\"test.happened\",\"text\":\"\\\"}\\n{\\\"level\\\"")) > 0);
    assert_true(str_ends(line, S(",\"n\":-5}\n")));
    assert_int_equal(str_find(line, S("\n")), (i64)line.len - 1);
    assert_true(utf8_valid(line));
}

static void long_log_values_are_cut_and_the_line_stays_whole(void **state)
{
    (void)state;
    char *text = arena_alloc(arena, 6000);
    memset(text, 1, 6000);

    struct str line = logged((struct str){text, 6000});

    assert_true(line.len < 8192 && str_ends(line, S("}\n")));
    assert_true(str_find(line, S("\"cut\":true")) > 0);
}

static void a_flood_of_warnings_is_cut_and_counted(void **state)
{
    (void)state;
    int pipe_fds[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    for (int i = 0; i < 400; i++) {
        log_event(LOG_WARN, "test.flood", LOG_I("i", i));
        log_event(LOG_ERROR, "test.error");
    }
    usleep(1100 * 1000);
    log_event(LOG_WARN, "test.flood", LOG_I("i", 400));
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(pipe_fds[1]);
    FILE *file = fdopen(pipe_fds[0], "r");
    char line[512];
    i64 floods = 0, errors = 0, left_out = 0;
    while (fgets(line, sizeof line, file)) {
        const char *number = strstr(line, "\"left_out\":");
        floods += strstr(line, "test.flood") != NULL;
        errors += strstr(line, "test.error") != NULL;
        left_out += number ? strtol(number + 11, NULL, 10) : 0;
    }
    fclose(file);
    assert_int_equal(errors, 400);
    assert_in_range(floods, 50, 151); // the second may turn once or twice meanwhile
    assert_int_equal(floods + left_out, 401);
}

static void files_are_what_their_first_bytes_say(void **state)
{
    (void)state;
    static const struct {
        struct str head;
        const char *mime;
        bool shown;
    } files[] = {
        {S("\x89PNG\r\n\x1a\n...."), "image/png", true},
        {S("\xff\xd8\xff\xe0"), "image/jpeg", true},
        {S("RIFF\x10\0\0\0WEBPVP8 "), "image/webp", true},
        {S("RIFF\x10\0\0\0WAVEfmt "), "audio/wav", true},
        {S("XXXX\x10\0\0\0WAVEfmt \x01"), "application/octet-stream", false},
        {S("\0\0\0\x18"
           "ftypisom"),
         "video/mp4", true},
        {S("\0\0\0\x18"
           "ftypqt  "),
         "video/quicktime", false},
        {S("\0\0\0\x18"
           "ftypM4A "),
         "audio/mp4", true},
        {S("\0\0\0\x18"
           "ftypheic"),
         "application/octet-stream", false},
        {S("\x1a\x45\xdf\xa3....\x42\x82\x84webm"), "video/webm", true},
        {S("OggS..........theora"), "video/ogg", true},
        {S("\xff\xfb\x90\x64"), "audio/mpeg", true},
        {S("\xff\xfe"
           "a\0"),
         "application/octet-stream", false},
        {S("%PDF-1.4"), "application/pdf", false},
        {S("PK\x03\x04..........................mimetypeapplication/vnd.oasis.opendocument.text"),
         "application/vnd.oasis.opendocument.text", false},
        {S("PK\x03\x04"), "application/zip", false},
        {S("<html><script>alert(1)</script>"), "text/plain", false},
        {S("<svg xmlns='http://www.w3.org/2000/svg'/>"), "text/plain", false},
        {S("õ cut in the middle of an \xc3"), "text/plain", false},
        {S("\xc3 not at its end"), "application/octet-stream", false},
        {S(""), "application/octet-stream", false},
        {S("\0"), "application/octet-stream", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_str(sniff_mime(files[i].head), str_from(files[i].mime));
        assert_int_equal(file_is_shown(str_from(files[i].mime)), files[i].shown);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_what_their_first_bytes_say),
        TEST(slices_compare_bytewise_and_shorter_first),
        TEST(slices_are_searched_cut_and_trimmed),
        TEST(only_plain_decimal_numbers_are_numbers),
        TEST(copies_live_in_the_arena),
        TEST(utf8_is_checked_by_the_table_of_the_standard),
        TEST(each_maximal_invalid_part_becomes_one_replacement),
        TEST(code_points_survive_encoding_and_decoding),
        TEST(arena_memory_is_zeroed_aligned_and_apart),
        TEST(cleanups_run_newest_first_while_memory_stands),
        TEST(lists_grow_and_keep_what_they_hold),
        TEST(pooled_arenas_come_back_empty),
        TEST(a_buffer_stops_at_its_maximum_and_says_so),
        TEST(a_fixed_buffer_never_allocates),
        TEST(buffers_grow_on_heap_and_arena),
        TEST(json_escapes_leave_nothing_dangerous),
        TEST(errors_name_the_whole_path),
        TEST(long_error_texts_are_cut_between_characters),
        TEST(every_error_has_a_status_and_a_title),
        TEST(times_are_written_as_rfc_3339),
        TEST(times_of_every_zone_are_read),
        TEST(what_is_no_time_is_refused),
        TEST(every_day_survives_writing_and_reading),
        TEST(the_wall_clock_can_be_shifted_and_the_other_not),
        TEST(a_full_queue_refuses_and_a_closed_one_drains),
        TEST(an_empty_queue_waits_only_as_long_as_asked),
        TEST(many_threads_lose_nothing),
        TEST(no_text_can_forge_a_log_line),
        TEST(long_log_values_are_cut_and_the_line_stays_whole),
        TEST(a_flood_of_warnings_is_cut_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
