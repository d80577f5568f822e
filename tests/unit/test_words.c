// SPDX-License-Identifier: AGPL-3.0-or-later
#include "base/buf.h"
#include "text/words.h"
// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>
// clang-format on

static struct arena *arena;

// "word word 배+송 |x": words, '+' before what continues a run, '~' before what begins one.
static const char *shown(struct str text)
{
    struct word_list words = {0};
    struct buf out;
    text_words(text, arena, &words);
    buf_init(&out, arena, 1 << 20);
    for (size_t i = 0; i < words.len; i++) {
        if (i > 0)
            buf_add_char(&out, ' ');
        if (words.items[i].script == WORD_SUBSTRING)
            buf_add_char(&out, words.items[i].joined ? '+' : '~');
        buf_add(&out, words.items[i].text);
    }
    return str_cstr(arena, buf_str(&out));
}
#define words_are(text, expected) assert_string_equal(shown(S(text)), expected)
#define folds_to(text, expected)  assert_string_equal(str_cstr(arena, text_fold(arena, S(text))), expected)

static void words_of_alphabetic_scripts_are_whole_and_folded(void **state)
{
    (void)state;
    words_are("", "");
    words_are("Where is my PARCEL?", "where is my parcel");
    words_are("e-mail user_name don't 3.5", "e mail user name don t 3 5");
    words_are("Straße ÕUNAPUU Ääni", "strasse õunapuu ääni");
    words_are("Где моя ПОСЫЛКА?", "где моя посылка");
    words_are("ΟΔΟΣ οδός", "οδοσ οδόσ");
    words_are("שלום עולם", "שלום עולם");
    words_are("  --- !!! ", "");
}

static void accents_and_vowel_signs_stay(void **state)
{
    (void)state;
    words_are("cafe café cafe\u0301", "cafe café café");
    words_are("كَتَبَ كتب", "كَتَبَ كتب");
    words_are("שָׁלוֹם", "ש\u05b8\u05c1לו\u05b9ם");
    words_are("हिन्दी में", "हिन्दी में");
    folds_to("İI", "i\u0307i");
    folds_to("ıi", "ıi");
    words_are("İstanbul ISTANBUL ıslak", "i\u0307stanbul istanbul ıslak");
}

static void scripts_without_spaces_are_single_joined_items(void **state)
{
    (void)state;
    words_are("배송 지연", "~배 +송 ~지 +연");
    words_are("你好。世界", "~你 +好 ~世 +界");
    words_are("カタカナーひらがな", "~カ +タ +カ +ナ +ー +ひ +ら +が +な");
    words_are("ｶﾞｷﾞ", "~ガ +ギ");
    words_are("กิน น้ำ", "~กิ +น ~น้\u0e4d +า");
    words_are("iPhone을 샀어요", "iphone ~을 ~샀 +어 +요");
    words_are("5월3일", "5 ~월 3 ~일");
    words_are("ㅋㅋㅋ", "~\u110f +\u110f +\u110f");
    words_are("\u1112\u1161\u11ab", "~한");
}

static void emoji_are_found_and_skin_tones_are_not_counted(void **state)
{
    (void)state;
    words_are("great 👍🏽👍", "great ~👍 ~👍");
    words_are("👩‍💻", "~👩 ~💻");
    words_are("❤️!", "~❤");
}

static void compatibility_forms_and_invisible_characters_make_no_difference(void **state)
{
    (void)state;
    words_are("ﬁne ＡＢＣ １２", "fine abc 12");
    words_are("㎏ ①", "kg 1");
    words_are("re\u00adfund re\u200bfund re\u200dfund", "refund refund refund");
    words_are("it´s", "it s");
}

static void words_know_where_they_came_from(void **state)
{
    (void)state;
    struct str text = S("Ab, Straße 배송");
    struct word_list words = {0};
    text_words(text, arena, &words);
    assert_int_equal(words.len, 4);
    assert_int_equal(words.items[1].start, 4);
    assert_int_equal(words.items[1].end, 11);
    assert_int_equal(words.items[3].start, 15);
    assert_int_equal(words.items[3].end, 18);
}

static void long_words_are_compared_by_their_beginning(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena, 1 << 20);
    for (int i = 0; i < 5000; i++)
        buf_add(&buf, S("é"));
    struct word_list words = {0};
    text_words(buf_str(&buf), arena, &words);
    assert_int_equal(words.len, 1);
    assert_in_range(words.items[0].text.len, 100, TEXT_WORD_MAX);
    assert_true(utf8_valid(words.items[0].text));
    assert_int_equal(words.items[0].end, buf.len);
}

static void every_code_point_folds_to_something_that_stays(void **state)
{
    (void)state;
    for (u32 code = 1; code <= 0xE0FFF; code++) {
        if (code == 0x33480) // unassigned from here to the tags
            code = 0xE0000;
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        char encoded[4];
        struct str text = {encoded, utf8_encode(code, encoded)};
        struct str once = text_fold(arena, text);
        struct str twice = text_fold(arena, once);
        if (!str_eq(once, twice))
            fail_msg("U+%04X", (unsigned)code);
        if (code % 4096 == 0)
            arena_reset(arena);
    }
}

// Processor time of this thread: what else the machine does is not our time.
static i64 cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (i64)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static i64 time_words(struct str unit, size_t n)
{
    struct arena *own = arena_create();
    char *bytes = arena_alloc(own, n);
    size_t len = 0;
    for (; len + unit.len <= n; len += unit.len)
        memcpy(bytes + len, unit.ptr, unit.len);
    struct word_list words = {0};
    i64 from = cpu_us();
    text_words((struct str){bytes, len}, own, &words);
    (void)text_fold(own, (struct str){bytes, len});
    (void)text_clean_name(own, (struct str){bytes, len});
    (void)text_preview(own, (struct str){bytes, len}, 100);
    i64 took = cpu_us() - from;
    arena_destroy(own);
    return took;
}

static i64 fastest(struct str unit, size_t n)
{
    i64 best = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        i64 took = time_words(unit, n);
        best = took < best ? took : best;
    }
    return best;
}

static void doubling_a_hostile_text_at_most_doubles_the_time(void **state)
{
    (void)state;
    // Marks of falling class are the worst case for a sort that swaps neighbours.
    const struct str shapes[] = {S("\u0301\u0316\u0334"), S(" "),       S("a"), S("가"),
                                 S("\u1112\u1161"),       S("👩‍"), S("ﷺ"), S("\u200d")};
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        // A busy machine may spoil a measurement, but not eight of them.
        i64 small = 0, large = INT64_MAX / 100;
        for (int attempt = 0; attempt < 8 && large * 10 > small * 25 + 20000; attempt++) {
            small = fastest(shapes[i], 200 * 1000);
            large = fastest(shapes[i], 400 * 1000);
        }
        if (large * 10 > small * 25 + 20000)
            fail_msg("shape %zu: %lld us became %lld us", i, (long long)small, (long long)large);
    }
}

static void a_thousand_marks_are_one_word_and_one_grapheme(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena, 1 << 20);
    buf_add(&buf, S("a"));
    for (int i = 0; i < 1000; i++)
        buf_add(&buf, S("\u0301\u0316"));
    assert_int_equal(text_graphemes(buf_str(&buf)), 1);
    struct word_list words = {0};
    text_words(buf_str(&buf), arena, &words);
    assert_int_equal(words.len, 1);
    assert_in_range(text_clean_name(arena, buf_str(&buf)).len, 1, 100);
    assert_in_range(text_preview(arena, buf_str(&buf), 10).len, 1, 100);
}

static void a_rant_of_ten_thousand_characters_keeps_all_its_words(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena, 1 << 20);
    for (int i = 0; i < 2500; i++)
        buf_add(&buf, S("NO! "));
    struct word_list words = {0};
    text_words(buf_str(&buf), arena, &words);
    assert_int_equal(words.len, 2500);
    assert_string_equal(str_cstr(arena, words.items[2499].text), "no");
}

static void graphemes_are_counted_as_people_see_them(void **state)
{
    (void)state;
    assert_int_equal(text_graphemes(S("")), 0);
    assert_int_equal(text_graphemes(S("abc")), 3);
    assert_int_equal(text_graphemes(S("e\u0301")), 1);
    assert_int_equal(text_graphemes(S("👩‍👩‍👧‍👦")), 1);
    assert_int_equal(text_graphemes(S("👍🏽👍")), 2);
    assert_int_equal(text_graphemes(S("🇰🇷🇪🇪")), 2);
    assert_int_equal(text_graphemes(S("한\u1112\u1161\u11ab")), 2);
    assert_int_equal(text_graphemes(S("a\r\nb")), 3);
    assert_int_equal(text_grapheme_offset(S("👩‍💻x"), 1), 11);
    assert_int_equal(text_grapheme_offset(S("ab"), 5), 2);
}

static void previews_are_one_line_and_say_when_cut(void **state)
{
    (void)state;
    assert_string_equal(str_cstr(arena, text_preview(arena, S("  Hello\n\n  world  "), 20)), "Hello world");
    assert_string_equal(str_cstr(arena, text_preview(arena, S("Hello world"), 7)), "Hello…");
    assert_string_equal(str_cstr(arena, text_preview(arena, S("Hello world"), 11)), "Hello world");
    assert_string_equal(str_cstr(arena, text_preview(arena, S("배송지연입니다"), 4)), "배송지…");
    assert_string_equal(str_cstr(arena, text_preview(arena, S("a\u202Eb"), 9)), "ab");
}

static void names_lose_what_could_deceive_and_keep_what_is_needed(void **state)
{
    (void)state;
    assert_string_equal(str_cstr(arena, text_clean_name(arena, S(" Anna\u200b \u202e Kask\n"))), "Anna Kask");
    assert_string_equal(str_cstr(arena, text_clean_name(arena, S("Mia 👩‍💻"))), "Mia 👩‍💻");
    assert_string_equal(str_cstr(arena, text_clean_name(arena, S("ab\u200dcd"))), "abcd");
    assert_string_equal(str_cstr(arena, text_clean_name(arena, S("ශ්\u200dරී"))), "ශ්\u200dරී");
    assert_string_equal(str_cstr(arena, text_clean_name(arena, S("🏴󠁧󠁢󠁷󠁬󠁳󠁿"))),
                        "🏴󠁧󠁢󠁷󠁬󠁳󠁿");
    struct buf buf;
    buf_init(&buf, arena, 1 << 20);
    for (int i = 0; i < 300; i++)
        buf_add(&buf, S("ä"));
    assert_int_equal(text_graphemes(text_clean_name(arena, buf_str(&buf))), 200);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static void names_of_files_are_made_harmless_once_and_stay_so(void **state)
{
    (void)state;
    static const struct {
        const char *given, *kept;
    } names[] = {
        {"bill.pdf", "bill.pdf"},
        {"../../etc/passwd", "_.._etc_passwd"},
        {"C:\\temp\\a.txt", "C__temp_a.txt"},
        {" .. .hidden. . ", "hidden"},
        {"photo\u202egnp.exe", "photognp.exe"},
        {"a\r\nSet-Cookie: x=1\".txt", "a Set-Cookie_ x=1_.txt"},
        {"e\u0301t\u00e9.txt", "\u00e9t\u00e9.txt"},
        {"...", ""},
        {"", ""},
        {"보고서.hwp", "보고서.hwp"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str kept = text_file_name(arena, str_from(names[i].given));
        assert_string_equal(str_cstr(arena, kept), names[i].kept);
        assert_true(str_eq(text_file_name(arena, kept), kept));
    }
    struct buf name;
    buf_init(&name, arena, 4096);
    for (int i = 0; i < 100; i++)
        buf_add(&name, S("õ"));
    buf_add(&name, S(".jpeg"));
    struct str cut = text_file_name(arena, buf_str(&name));
    assert_true(cut.len <= 150 && utf8_valid(cut) && str_ends(cut, S(".jpeg")));
    assert_true(str_eq(text_file_name(arena, cut), cut));
    assert_int_equal(text_file_name(arena, STR_NONE).len, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(words_of_alphabetic_scripts_are_whole_and_folded),
        T(names_of_files_are_made_harmless_once_and_stay_so),
        T(accents_and_vowel_signs_stay),
        T(scripts_without_spaces_are_single_joined_items),
        T(emoji_are_found_and_skin_tones_are_not_counted),
        T(compatibility_forms_and_invisible_characters_make_no_difference),
        T(words_know_where_they_came_from),
        T(long_words_are_compared_by_their_beginning),
        T(every_code_point_folds_to_something_that_stays),
        T(doubling_a_hostile_text_at_most_doubles_the_time),
        T(a_thousand_marks_are_one_word_and_one_grapheme),
        T(a_rant_of_ten_thousand_characters_keeps_all_its_words),
        T(graphemes_are_counted_as_people_see_them),
        T(previews_are_one_line_and_say_when_cut),
        T(names_lose_what_could_deceive_and_keep_what_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
