// SPDX-License-Identifier: AGPL-3.0-or-later
// Where an answer ends and what it quotes begins, in the words of many mail programs.
#include "mail/html.h"
#include "mail/pictures.h"
#include "mail/quote.h"
#include "mail_fixture.h"

static void quotations_are_found_in_many_languages(void **state)
{
    (void)state;
    static const char *const openings[] = {
        "On Mon, 23 Nov 2026 at 10:00, Shop <s@shop.example> wrote:",
        "Le lun. 23 nov. 2026 à 10:00, Shop <s@shop.example> a écrit :",
        "Am Mo., 23. Nov. 2026 um 10:00 Uhr schrieb Shop <s@shop.example>:",
        "El lun, 23 nov 2026 a las 10:00, Shop (<s@shop.example>) escribió:",
        "Em seg., 23 de nov. de 2026 às 10:00, Shop <s@shop.example> escreveu:",
        "Il giorno lun 23 nov 2026 alle ore 10:00 Shop <s@shop.example> ha scritto:",
        "Op ma 23 nov 2026 om 10:00 schreef Shop <s@shop.example>:",
        "Den mån 23 nov. 2026 kl 10:00 skrev Shop <s@shop.example>:",
        "ma 23. marrask. 2026 klo 10.00 Shop (s@shop.example) kirjoitti:",
        "Kuupäeval E, 23. november 2026 kell 10:00 kirjutas Shop <s@shop.example>:",
        "Pada tanggal Sen, 23 Nov 2026 pukul 10.00 Shop <s@shop.example> menulis:",
        "pon., 23 lis 2026 o 10:00 Shop <s@shop.example> napisał(a):",
        "пн, 23 нояб. 2026 г. в 10:00, Shop <s@shop.example>:",
        "2026년 11월 23일 (월) 오전 10:00, Shop <s@shop.example>님이 작성:",
        "2026年11月23日(月) 10:00 Shop <s@shop.example>:",
        "Shop <s@shop.example> 于2026年11月23日周一 10:00写道：",
        "في الاثنين، 23 نوفمبر 2026 كتب Shop <s@shop.example>:",
        "On Mon, Nov 23, 2026 at 10:00 AM A Very Long Name Indeed Of Somebody\n<s@shop.example>\nwrote:",
        "-----Original Message-----\nFrom: Shop",
        "-----Ursprüngliche Nachricht-----\nVon: Shop",
        "-------- Alkuperäinen viesti --------\nLähettäjä: Shop",
        "-----원본 메시지-----\n보낸 사람: Shop",
        "From: Shop <s@shop.example>\nSent: Monday\nTo: Zoe\nSubject: x",
        "*Von:* Shop <s@shop.example>\n*Gesendet:* Montag\n*An:* Zoe\n*Betreff:* x",
        "________________________________\nSaatja: Shop\nSaadetud: esmaspäev\nSaaja: Zoe\nTeema: x",
        "보낸 사람: Shop\n보낸 날짜: 월요일\n받는 사람: Zoe\n제목: x",
        "差出人: Shop\n送信日時: 月曜日\n宛先: Zoe\n件名: x",
        "-- reply above this line --",
        "-- \nZoe, Berlin",
    };
    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        struct str text =
            str_printf(arena, "My answer.\nSecond line.\n\n%s\n\n> Their words\n> more", openings[i]);
        size_t visible = quote_visible(text, SIZE_MAX);
        if (visible != strlen("My answer.\nSecond line.")) {
            fail_msg("%s: visible is \"%.*s\"", openings[i], (int)visible, text.ptr);
        }
    }
}

static void what_only_looks_like_a_quotation_stays(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "On the box he wrote:\nfragile",                             // no date, no digits
        "From: Berlin\nI would like to go there.",                   // no header block
        "> all\n> is quoted",                                        // nothing else would be left
        "On 23 Nov 2026, Shop wrote:\n> a question?\nmy answer",     // answered below
        "On 23 Nov 2026, Shop wrote:\n> one\nmine\n> two\nmine too", // between
        "See below\n\n---------- Forwarded message ---------\nFrom: B\nDate: x\nTo: me\n\nText",
        "Begin forwarded message:\n\n> From: x\n> Date: y\n\n> text",
        "-- \nonly a signature",
        "a -- b\n--- c\n--",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = str_from(texts[i]);
        size_t visible = quote_visible(text, SIZE_MAX);
        if (visible < text.len - 3) {
            fail_msg("%s: visible is \"%.*s\"", texts[i], (int)visible, text.ptr);
        }
    }
}

static void a_trailing_block_goes_with_the_line_that_introduces_it(void **state)
{
    (void)state;
    struct str text = S("Yes.\n\n23.11.2026 Someone@x.example:\n\n> one\n>\n> two\n");
    assert_int_equal(quote_visible(text, SIZE_MAX), 4);
    text = S("Yes.\n> one\n> two\n-- \nme");
    assert_int_equal(quote_visible(text, SIZE_MAX), 4);
}

static struct str text_of(const char *html)
{
    struct html_text made;
    html_to_text(str_from(html), 10000, arena, &made);
    return made.text;
}

static struct str visible_in(const char *html)
{
    struct html_text made;
    html_to_text(str_from(html), 10000, arena, &made);
    return str_sub(made.text, 0, quote_visible(made.text, made.tail_at));
}

static void containers_of_mail_programs_open_the_quotation(void **state)
{
    (void)state;
    EXPECT(visible_in("<div>Mine</div><div class=\"gmail_quote\"><div class=gmail_attr>Something new :</div>"
                      "<blockquote class=gmail_quote>Theirs</blockquote></div>"),
           "Mine");
    EXPECT(visible_in("<p>Mine</p><div id=appendonsend></div><div id=divRplyFwdMsg>x</div><div>Theirs</div>"),
           "Mine");
    EXPECT(visible_in("<p>Mine</p><div id=x_divRplyFwdMsg><b>Od:</b> x</div><div>Theirs</div>"), "Mine");
    EXPECT(visible_in("<p>Mine</p><div class=\"a yahoo_quoted b\"><div>Theirs</div></div>"), "Mine");
    EXPECT(visible_in("<p>Mine</p><div id=isForwardContent>Theirs</div>"), "Mine");
    EXPECT(visible_in("<p>Mine</p><blockquote type=cite>Theirs</blockquote>"), "Mine");
    EXPECT(visible_in(
               "<div class=gmail_quote><blockquote>Q1</blockquote><div>A1</div><blockquote>Q2</blockquote>"
               "<div>A2</div></div>"),
           "> Q1\nA1\n> Q2\nA2");
    EXPECT(visible_in("<div class=gmail_quote>Only theirs</div>"), "Only theirs");
}

static void html_is_read_as_people_see_it(void **state)
{
    (void)state;
    EXPECT(text_of("a<br>b<br/>c"), "a\nb\nc");
    EXPECT(text_of("<div>a</div><div><br></div><div>b</div>"), "a\n\nb");
    EXPECT(text_of("<p>a</p><p>b</p>"), "a\n\nb");
    EXPECT(text_of("  a \n\t b  <b> c</b>d "), "a b cd");
    EXPECT(text_of("&lt;&amp;&eacute;&#8364;&#x1F600;&#128;&nosuch;&"), "<&é€😀€&nosuch;&");
    EXPECT(text_of("<a href='https://x.example/'>x.example</a>"), "x.example");
    EXPECT(text_of("<a href='https://x.example/p?a=1&amp;b=2'>Here</a>"),
           "Here <https://x.example/p?a=1&b=2>");
    EXPECT(text_of("<a href='javascript:alert(1)'>Here</a>"), "Here");
    EXPECT(text_of("<a href='mailto:a@b.example'>a@b.example</a>"), "a@b.example");
    EXPECT(text_of("<blockquote>a<blockquote>b</blockquote></blockquote>c"), "> a\n>> b\nc");
    EXPECT(text_of("<pre>a\n  b</pre>c"), "a\n  b\nc");
    EXPECT(text_of("<script>if (a < b) x('</p>')</script>z<style>p{}</style>"), "z");
    EXPECT(text_of("a<!-- no --><!doctype html><?x y>b<!-->c"), "abc");
    EXPECT(text_of("<div style='display : none'>no<div>no</div></div>yes"), "yes");
    EXPECT(text_of("<div style='display:none'>never closed"), "never closed");
    EXPECT(text_of("1 < 2 <3 </> x"), "1 < 2 <3 x");
    EXPECT(text_of("<img alt='Logo' src=x><img alt=''>"), "[Logo]");
    EXPECT(text_of("<ol><li>a<ul><li>b</ul><li>c</ol>"), "1. a\n- b\n2. c");
    EXPECT(text_of("<p title='>'>a"), "a");
    EXPECT(text_of("a<p unfinished"), "a");
}

static bool names(const char *html, const char *url)
{
    return html_names_picture(str_from(html), str_from(url));
}

static void the_address_of_a_picture_is_found_as_browsers_read_it(void **state)
{
    (void)state;
    assert_true(names("<p>x</p><img alt='>' src='https://a.example/1.png'>", "https://a.example/1.png"));
    assert_true(names("<IMG SRC=https://a.example/1.png>", "https://a.example/1.png"));
    assert_true(names("<image src=\"//a.example/1\">", "//a.example/1"));
    assert_true(names("<img src=' \n https://a.example/\n1.png\t '>", "https://a.example/1.png"));
    assert_true(names("<img src='https://a.example/a b'>", "https://a.example/a b"));
    assert_true(names("<img src='https://a.example/?a=1&amp;b=2'>", "https://a.example/?a=1&b=2"));
    assert_true(names("<img src='https://a.example/?a=1&b=2'>", "https://a.example/?a=1&b=2"));
    assert_true(names("<img src='https:&#x2f;&#47;a.example/&eacute;'>", "https://a.example/\xC3\xA9"));
    // A name without its semicolon is one only where nothing of an address follows.
    assert_true(names("<img src='https://a.example/?a&copy=2&reg=3'>", "https://a.example/?a&copy=2&reg=3"));
    assert_true(names("<img src='https://a.example/?a&copy&x'>", "https://a.example/?a\xC2\xA9&x"));
    assert_true(names("<img src='https://a.example/?a&alpha'>", "https://a.example/?a&alpha"));
    assert_true(
        names("<img src='https://a.example/?a&ampb=1&nosuch;'>", "https://a.example/?a&ampb=1&nosuch;"));
    // Behind what browsers do not read as tags.
    assert_true(
        names("<!-- > <x --><script>if (a<b && '</x') f()</script><style>a<b \"</style><img src=https://a/1>",
              "https://a/1"));
    assert_true(names("1 < 2 <3 </> <img src=https://a/1", "https://a/1"));
}

static void an_address_that_no_picture_has_is_not_named(void **state)
{
    (void)state;
    assert_false(names("<a href='https://a.example/1.png'>x</a>", "https://a.example/1.png"));
    assert_false(names("https://a.example/1.png", "https://a.example/1.png"));
    assert_false(names("<img alt='https://a.example/1.png'>", "https://a.example/1.png"));
    assert_false(names("<img src='https://a.example/1.png2'>", "https://a.example/1.png"));
    assert_false(names("<img src='https://a.example/1.pn'>", "https://a.example/1.png"));
    assert_false(names("<img src='https://a.example/A'>", "https://a.example/a"));
    assert_false(names("<img src='https://b/' src='https://a/'>", "https://a/")); // the first one holds
    assert_false(
        names("<!-- <img src='https://a/'> --><script><img src='https://a/'></script>", "https://a/"));
    assert_false(names("</img src='https://a/'>", "https://a/"));
    assert_false(names("<img src=''><img src><img>", ""));
    assert_false(names("", "https://a/"));
    assert_false(names("<img src='&", "&&"));
}

static void an_address_is_compared_without_what_browsers_drop(void **state)
{
    (void)state;
    EXPECT(picture_url_plain(arena, S(" \n\x01https://a/\tb\r\nc d\x1f ")), "https://a/bc d");
    EXPECT(picture_url_plain(arena, S(" \t")), "");
    EXPECT(picture_url_plain(arena, S("")), "");
}

static void the_charset_of_html_is_found_where_it_is_written(void **state)
{
    (void)state;
    EXPECT(html_charset(S("<meta charset=\"koi8-r\">")), "koi8-r");
    EXPECT(html_charset(S("<META http-equiv=x content='text/html; CHARSET=euc-kr'>")), "euc-kr");
    EXPECT(html_charset(S("\xEF\xBB\xBFx")), "utf-8");
    assert_false(str_given(html_charset(S("<p>charset="))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(quotations_are_found_in_many_languages),
        TEST(what_only_looks_like_a_quotation_stays),
        TEST(a_trailing_block_goes_with_the_line_that_introduces_it),
        TEST(containers_of_mail_programs_open_the_quotation),
        TEST(html_is_read_as_people_see_it),
        TEST(the_address_of_a_picture_is_found_as_browsers_read_it),
        TEST(an_address_that_no_picture_has_is_not_named),
        TEST(an_address_is_compared_without_what_browsers_drop),
        TEST(the_charset_of_html_is_found_where_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
