// SPDX-License-Identifier: AGPL-3.0-or-later
// Mails as programs really write them, taken apart: who, what, since when, what is attached, what is quoted.
#include "mail_fixture.h"

static void a_gmail_reply_gives_sender_ids_token_and_only_the_new_words(void **state)
{
    (void)state;
    struct mail mail = mail_in("gmail_reply");
    EXPECT(mail.from.name, "Zoë Müller");
    EXPECT(mail.from.address, "zoe.muller@gmail.example");
    assert_int_equal(mail.n_from, 1);
    EXPECT(mail.message_id, "CAF+Zb3=x_1@mail.gmail.example");
    assert_int_equal(mail.in_reply_to.len, 1);
    EXPECT(mail.in_reply_to.items[0], "m2.k9@shop.example");
    assert_int_equal(mail.references.len, 2);
    EXPECT(mail.references.items[1], "CAF+old@mail.gmail.example");
    EXPECT(mail.subject, "Re: Wo ist meine Bestellung? 😊");
    EXPECT(mail.to.items[0].name, "Shop, Support");
    assert_int_equal(mail.cc.len, 3);
    EXPECT(mail.cc.items[1].address, "a@example.org");
    EXPECT(mail.cc.items[2].name, "B. C.");
    assert_int_equal(mail.delivered_to.len, 1);
    EXPECT(mail.delivered_to.items[0].address, "support+c7k2.ab12cd34ef@shop.example");
    EXPECT(mail.return_path, "zoe.muller@gmail.example");
    assert_int_equal(mail.date_at, 1795510919000);
    assert_true(mail.date_sane);
    assert_int_equal(mail.received_at, 1795510923000);
    EXPECT(visible_of(&mail), "Danke, sie ist da! Grüße\nZoë");
    assert_true(str_find(mail.text, S("> die Bestellung ist unterwegs.")) > 0);
    assert_true(str_find(mail.html, S("gmail_quote")) > 0 && str_find(mail.html, S("Grüße")) > 0);
    assert_false(mail.text_from_html);
    assert_int_equal(mail.automatic, 0);
    assert_int_equal(mail.attachments.len, 0);
    EXPECT(mail.defects, "");
}

static void only_the_topmost_authentication_results_are_given_with_what_stands_above(void **state)
{
    (void)state;
    struct mail mail = mail_in("gmail_reply");
    EXPECT(mail.auth.server, "mx.shop.example");
    EXPECT(mail.auth.dmarc, "pass");
    EXPECT(mail.auth.dmarc_domain, "gmail.example");
    EXPECT(mail.auth.spf, "pass");
    EXPECT(mail.auth.dkim, "pass");
    assert_int_equal(mail.auth.below, 2);
    mail = mail_of(S("Authentication-Results: mx.ours.example 1;\r\n spf=fail (dmarc=pass header.from=x);"
                     " dkim=none; dkim=PASS\r\nAuthentication-Results: mx.ours.example; dmarc=pass\r\n"
                     "From: a@b.example\r\n\r\nx"));
    EXPECT(mail.auth.server, "mx.ours.example");
    EXPECT(mail.auth.spf, "fail");
    EXPECT(mail.auth.dkim, "pass");
    EXPECT(mail.auth.dmarc, "");
    assert_int_equal(mail.auth.below, 0);
    mail = mail_of(S("From: a@b.example\r\n\r\nx"));
    assert_false(str_given(mail.auth.raw));
}

static void an_outlook_reply_is_cut_at_its_header_block_and_latin_1_means_windows_1252(void **state)
{
    (void)state;
    struct mail mail = mail_in("outlook_reply");
    EXPECT(mail.from.name, "Virtanen, Aino");
    EXPECT(visible_of(&mail), "Hei,\n\nlasku on väärin, hinta oli 100 € ei 120 €.\n\nTerveisin\nAino");
    assert_int_equal(mail.attachments.len, 1);
    EXPECT(mail.attachments.items[0].name, "image001.png");
    EXPECT(mail.attachments.items[0].content_id, "logo01@firma");
    assert_true(mail.attachments.items[0].is_inline);
    assert_int_equal(mail.attachments.items[0].bytes.len, 70);
    assert_true(str_find(mail.html, S("cid:logo01@firma")) > 0 && str_find(mail.html, S("100 €")) > 0);
}

static void apple_mails_text_picture_text_becomes_one_message_with_a_named_picture(void **state)
{
    (void)state;
    struct mail mail = mail_in("apple_mail");
    EXPECT(visible_of(&mail), "Vaata pilti:\n\nKas saab raha tagasi? Õnne!");
    EXPECT(mail.attachments.items[0].name, "katki käepide.png");
    assert_true(mail.attachments.items[0].is_inline);
    assert_true(str_find(mail.html, S("Vaata pilti")) > 0 && str_find(mail.html, S("Õnne")) > 0);
    mail = mail_in("iphone");
    EXPECT(visible_of(&mail), "Still nothing here.\n\nSent from my iPhone");
}

static void charsets_of_the_world_are_read_as_what_they_are(void **state)
{
    (void)state;
    struct mail mail = mail_in("korean");
    EXPECT(mail.from.name, "김민수");
    EXPECT(mail.subject, "주문한 물건이 안 와요 똠");
    EXPECT(visible_of(&mail), "안녕하세요. 똠방각하 책을 주문했습니다.");
    mail = mail_in("japanese");
    EXPECT(mail.subject, "返品についてお問い合わせ");
    EXPECT(visible_of(&mail), "こんにちは、商品を返品したいです。\n① Ⅰ ｱ");
    mail = mail_in("chinese");
    EXPECT(mail.subject, "订单镕");
    EXPECT(visible_of(&mail), "朱镕基的书什么时候到？");
    mail = mail_in("arabic");
    EXPECT(mail.from.name, "فاطمة");
    EXPECT(mail.text, "مرحبا، لم يصل الطلب بعد.");
    mail = mail_in("russian");
    EXPECT(visible_of(&mail), "Где посылка?");
    assert_int_equal(mail.date_at, 1795513800000);
    mail = mail_in("eight_bit_headers");
    EXPECT(mail.from.name, "José");
    EXPECT(mail.subject, "Café €");
    EXPECT(mail.text, "Naïve “quoted”");
}

static struct str body_in(const char *charset, struct str bytes)
{
    struct str head = str_printf(arena, "From: a@b.example\r\nContent-Type: text/plain%s%s\r\n\r\n",
                                 charset[0] ? "; charset=" : "", charset);
    return mail_of(str_concat(arena, head, bytes)).text;
}

static void labels_that_lie_and_bytes_that_are_none_are_told_apart(void **state)
{
    (void)state;
    EXPECT(body_in("us-ascii", S("\x93x\x94")), "“x”");
    EXPECT(body_in("iso-8859-1", S("5\x80")), "5€");
    EXPECT(body_in("shift_jis", S("\x87\x40\x81\x60")), "①～");
    EXPECT(body_in("big5", S("\xA4\xA4\xA4\xE5")), "中文");
    EXPECT(body_in("euc-kr", S("\x8C\x63")), "똠");
    EXPECT(body_in("utf-7", S("+ADw-script+AD4-")), "+ADw-script+AD4-");
    EXPECT(body_in("unknown-8bit", S("caf\xE9")), "café");
    EXPECT(body_in("unknown-8bit", S("caf\xC3\xA9")), "café");
    EXPECT(body_in("", S("caf\xC3\xA9")), "café");
    EXPECT(body_in("", S("caf\xE9")), "café");
    EXPECT(body_in("utf-8", S("a\xFF\0b")), "a\xEF\xBF\xBD\xEF\xBF\xBD"
                                            "b");
    EXPECT(body_in("windows-1251", S("\xCF\xF0\xE8")), "При");
    EXPECT(body_in("iso-2022-kr", S("\x1b$)C\x0E\x30\x21\x0F")), "가");
    EXPECT(body_in("utf-16", S("\xFE\xFF\0A\0B")), "AB");
}

static void flowing_lines_are_joined_within_their_depth(void **state)
{
    (void)state;
    struct mail mail = mail_in("flowed");
    EXPECT(visible_of(&mail),
           "This is a long paragraph that was broken by the mail program into several lines.\n"
           "From here a stuffed line.\n> quoted text that was broken too\n\nAnd my answer below.");
    assert_true(str_ends(mail.text, S("\n-- \nTb")));
}

static void answers_between_the_quoted_lines_are_never_folded_away(void **state)
{
    (void)state;
    struct mail mail = mail_in("interleaved");
    assert_int_equal(mail.visible_len, mail.text.len);
}

static void a_mail_that_was_passed_on_is_attached_whole(void **state)
{
    (void)state;
    struct mail mail = mail_in("nested");
    EXPECT(mail.text, "I got this, is it real?");
    assert_int_equal(mail.attachments.len, 1);
    EXPECT(mail.attachments.items[0].name, "Verify your account_now.eml");
    EXPECT(mail.attachments.items[0].mime, "message/rfc822");
    assert_true(str_starts(mail.attachments.items[0].bytes, S("From: \"Bank\"")));
    assert_true(str_ends(mail.attachments.items[0].bytes, S("--inner--")));
    mail = mail_in("tnef");
    EXPECT(mail.attachments.items[0].name, "winmail.dat");
    assert_int_equal(mail.attachments.items[0].bytes.len, 8);
}

static void html_becomes_readable_text_without_what_is_hidden(void **state)
{
    (void)state;
    struct mail mail = mail_in("newsletter");
    EXPECT(mail.text,
           "Big sale\n\nOnly today: 50% & more — buy now <https://news.example/go?a=1&b=2>.\n\n- One\n"
           "- Two\n1. First\n2. Second\nA B\nC D\n[Logo]");
    assert_true(mail.text_from_html);
    assert_true(str_find(mail.html, S("<script>")) > 0); // as it came: whoever shows it cleans it
    EXPECT(mail_in("html_stub").text, "The real text");
    mail = mail_in("list_footer");
    EXPECT(mail.text, "Hello all\n___\nlist mailing list <list@shop.example>");
    assert_true(str_find(mail.html, S("pre-wrap\">___\nlist mailing list &lt;list@")) > 0);
}

static void the_sender_is_never_what_a_name_pretends(void **state)
{
    (void)state;
    struct mail mail = mail_in("spoofs");
    EXPECT(mail.from.address, "mallory@evil.example");
    EXPECT(mail.from.name, "Support <agent@shop.example>,<a@b.example>");
    assert_int_equal(mail.n_from, 2);
    EXPECT(mail.defects, "The mail names several senders.");
    EXPECT(mail.sender.address, "boss@evil.example");
    assert_int_equal(mail.to.len, 0);
    assert_int_equal(mail.reply_to.len, 1);
    EXPECT(mail.reply_to.items[0].address, "mallory@evil.example");
    assert_int_equal(mail.cc.len, 5);
    EXPECT(mail.cc.items[0].address, "");
    EXPECT(mail.cc.items[0].name, "a@b.example");
    EXPECT(mail.cc.items[1].address, "c@d.example");
    EXPECT(mail.cc.items[2].address, ""); // two signs: nobody
    EXPECT(mail.cc.items[3].name, "c Eff");
    EXPECT(mail.cc.items[4].address, "g@h.example");
    EXPECT(mail.subject, "evil");
    assert_false(str_given(mail.message_id));
    assert_int_equal(mail.date_at, 0);
    mail = mail_of(S("To: a@b.example\r\n\r\nx"));
    assert_int_equal(mail.n_from, 0);
    mail = mail_of(S("From: a@b.example, c@d.example\r\nSender: c@d.example\r\n\r\nx"));
    assert_int_equal(mail.n_from, 2);
    mail = mail_of(S("From: x: a@b.example;\r\n\r\nx"));
    assert_int_equal(mail.n_from, 1);
    EXPECT(mail.from.address, "a@b.example");
    EXPECT(mail_of(S("From: \"a@b\"@c.example\r\n\r\nx")).from.address, "\"a@b\"@c.example");
    EXPECT(mail_of(S("From: a@b.example\0.evil.example\r\n\r\nx")).from.address, "");
    EXPECT(mail_of(S("From: agent@shop.example <m@evil.example>\r\n\r\nx")).from.address, "m@evil.example");
    EXPECT(mail_of(S("From: <agent@shop.example> <m@evil.example>\r\n\r\nx")).from.address,
           "agent@shop.example");
}

static void server_reports_name_who_why_and_which_mail(void **state)
{
    (void)state;
    struct mail mail = mail_in("dsn_postfix");
    assert_int_equal(mail.bounce.kind, MAIL_BOUNCE_REPORT);
    assert_int_equal(mail.bounce.recipients.len, 2);
    EXPECT(mail.bounce.recipients.items[0].recipient, "gone@example.net");
    EXPECT(mail.bounce.recipients.items[0].action, "failed");
    EXPECT(mail.bounce.recipients.items[0].status, "5.1.1");
    EXPECT(mail.bounce.recipients.items[0].remote, "mx.example.net");
    EXPECT(mail.bounce.recipients.items[0].diagnostic,
           "550 5.1.1 <gone@example.net>: Recipient address rejected: User unknown");
    assert_true(mail.bounce.recipients.items[0].hard);
    assert_false(mail.bounce.recipients.items[1].hard); // a full mailbox may empty
    EXPECT(mail.bounce.ids.items[0], "m77.x9@shop.example");
    assert_true(str_given(mail.return_path) && mail.return_path.len == 0);
    assert_int_equal(mail.automatic,
                     MAIL_AUTO_SUBMITTED | MAIL_AUTO_ROBOT | MAIL_AUTO_NO_RETURN | MAIL_AUTO_REPORT);
    EXPECT(mail.delivered_to.items[0].address, "bounce+m77.x9@shop.example");
    mail = mail_in("dsn_exchange");
    EXPECT(mail.bounce.recipients.items[0].status, "5.1.10");
    assert_true(mail.bounce.recipients.items[0].hard);
    EXPECT(mail.bounce.ids.items[0], "m78.x9@shop.example");
    EXPECT(mail.text, "Your message to ex.employee@firma.example couldn't be delivered.");
    mail = mail_in("dsn_delayed");
    EXPECT(mail.bounce.recipients.items[0].action, "delayed");
    assert_false(mail.bounce.recipients.items[0].hard);
}

static void bounces_in_prose_are_guessed_and_said_to_be(void **state)
{
    (void)state;
    struct mail mail = mail_in("bounce_qmail");
    assert_int_equal(mail.bounce.kind, MAIL_BOUNCE_GUESSED);
    EXPECT(mail.bounce.recipients.items[0].recipient, "nobody.here@qmail.example");
    EXPECT(mail.bounce.recipients.items[0].status, "5.1.1");
    assert_true(mail.bounce.recipients.items[0].hard);
    EXPECT(mail.bounce.ids.items[0], "m80.x9@shop.example");
    mail = mail_in("bounce_exim");
    EXPECT(mail.bounce.recipients.items[0].recipient, "weg@example.de");
    EXPECT(mail.bounce.recipients.items[0].status, "5.2.2");
    assert_false(mail.bounce.recipients.items[0].hard);
    EXPECT(mail.bounce.ids.items[0], "m81.x9@shop.example");
    mail = mail_of(
        S("From: Customer <c@example.org>\r\nSubject: failure notice on your site\r\n\r\n550 errors"));
    assert_int_equal(mail.bounce.kind, MAIL_NO_BOUNCE);
}

static void automatic_mail_says_why_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        unsigned automatic;
    } kinds[] = {
        {"Auto-Submitted: no\r\n", 0},
        {"Auto-Submitted: auto-generated\r\n", MAIL_AUTO_SUBMITTED},
        {"Auto-Submitted: auto-replied; x=y\r\n", MAIL_AUTO_SUBMITTED | MAIL_AUTO_OUT_OF_OFFICE},
        {"Precedence: Bulk\r\n", MAIL_AUTO_BULK},
        {"Precedence: first-class\r\n", 0},
        {"Precedence: auto_reply\r\n", MAIL_AUTO_BULK | MAIL_AUTO_REPLY},
        {"List-Id: <x.y>\r\n", MAIL_AUTO_LIST},
        {"Feedback-ID: 1\r\n", MAIL_AUTO_LIST},
        {"X-Auto-Response-Suppress: DR, OOF\r\n", MAIL_AUTO_SUPPRESSED},
        {"X-Auto-Response-Suppress: None\r\n", 0},
        {"X-Autoreply: yes\r\n", MAIL_AUTO_REPLY},
        {"X-Failed-Recipients: a@b.example\r\n", MAIL_AUTO_REPORT},
        {"Return-Path: <>\r\n", MAIL_AUTO_NO_RETURN},
        {"Return-Path: <a@b.example>\r\n", 0},
        {"X-Heed-Id: 7\r\n", MAIL_AUTO_OURS},
        {"X-Loop: support@heed.example\r\n", MAIL_AUTO_OURS},
        {"Sender: no-reply@x.example\r\n", MAIL_AUTO_ROBOT},
        {"Sender: bounces+12@x.example\r\n", MAIL_AUTO_ROBOT},
        {"Sender: norman@x.example\r\n", 0},
        {"Subject: Automaattinen vastaus: x\r\n", MAIL_AUTO_REPLY | MAIL_AUTO_OUT_OF_OFFICE},
        {"Subject: automatic washing machine\r\n", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct mail mail = mail_of(str_printf(arena, "From: a@b.example\r\n%s\r\nx", kinds[i].headers));
        if (mail.automatic != kinds[i].automatic) {
            fail_msg("%s: %u, not %u", kinds[i].headers, mail.automatic, kinds[i].automatic);
        }
    }
    struct mail mail = mail_in("out_of_office");
    assert_int_equal(mail.automatic, MAIL_AUTO_SUBMITTED | MAIL_AUTO_BULK | MAIL_AUTO_SUPPRESSED |
                                         MAIL_AUTO_REPLY | MAIL_AUTO_OUT_OF_OFFICE);
    mail = mail_in("receipt");
    assert_int_equal(mail.automatic, MAIL_AUTO_RECEIPT);
    EXPECT(mail.bounce.ids.items[0], "m83.x9@shop.example");
}

static void what_is_over_a_limit_is_kept_and_said(void **state)
{
    (void)state;
    struct str piece = S("--b\r\n\r\nx\r\n"),
               head = S("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    char *raw = arena_alloc(arena, head.len + 1000 * piece.len);
    memcpy(raw, head.ptr, head.len);
    for (size_t i = 0; i < 1000; i++) {
        memcpy(raw + head.len + i * piece.len, piece.ptr, piece.len);
    }
    struct mail mail = mail_of((struct str){raw, head.len + 1000 * piece.len});
    assert_true(str_find(mail.defects, S("more than 500 parts")) >= 0);
    struct mail_attachment rest = mail.attachments.items[mail.attachments.len - 1];
    assert_int_equal(rest.bytes.len, (1000 - 498) * piece.len - S("--b\r\n").len);
    struct err err;
    assert_false(mail_parse((struct str){raw, (size_t)MAIL_RAW_MAX + 1}, arena, &mail, &err));
    EXPECT(str_from(err.field), "mail");
    assert_false(mail_parse(S(" \r\n\r\n"), arena, &mail, &err));
}

static void file_names_are_only_names(void **state)
{
    (void)state;
    static const struct {
        const char *given, *kept;
    } names[] = {
        {"\"../../etc/passwd\"", "passwd"},
        {"\"C:\\\\x\\\\evil.exe\"", "evil.exe"},
        {"\"...\"", "attachment.bin"},
        {"\".htaccess\"", "htaccess"},
        {"\"a\xE2\x80\xAEgpj.exe\"", "agpj.exe"},
        {"\"na\xC3\xAFve.pdf\"", "naïve.pdf"},
        {"\"na\xEFve.pdf\"", "naïve.pdf"},
        {"\"=?iso-8859-1?q?na=EFve?= =?utf-8?q?.pdf?=\"", "naïve.pdf"},
        {"x; filename*=utf-8'en'na%C3%AFve.pdf", "naïve.pdf"},
        {"x; filename*0*=utf-8''na%C3; filename*1*=%AFve; filename*2=\".pdf\"", "naïve.pdf"},
        {"\"a:b|c.txt\"", "a_b_c.txt"},
        {"\"unfinished", "unfinished"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct mail mail =
            mail_of(str_printf(arena,
                               "From: a@b.example\r\nContent-Type: application/octet-stream\r\n"
                               "Content-Disposition: attachment; filename=%s\r\n\r\nx",
                               names[i].given));
        EXPECT(mail.attachments.items[0].name, names[i].kept);
    }
}

static void dates_are_read_in_all_their_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        i64 at;
    } dates[] = {
        {"Tue, 24 Nov 2026 09:00:00 +0000", 1795510800000},
        {"24 Nov 2026 09:00 GMT", 1795510800000},
        {"Tue, 24 Nov 26 04:00:00 EST", 1795510800000},
        {"Tue Nov 24 09:00:00 2026", 1795510800000},
        {"Tue, 24 Nov 2026 14:30:00 +0530 (IST)", 1795510800000},
        {"24-Nov-2026 09:00:00 Z", 1795510800000},
        {"Tue, 24 Nov 2026 09:00:00", 1795510800000},
        {"Tue, 24 Nov 2026 25:00:00 +0000", 1795478400000},
        {"31 Feb 2026 09:00:00 +0000", 0},
        {"soon", 0},
        {"", 0},
        {"24 Nov 1969 09:00:00 +0000", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
        struct mail mail =
            mail_of(str_printf(arena, "From: a@b.example\r\nDate: %s\r\n\r\nx", dates[i].text));
        if (mail.date_at != dates[i].at) {
            fail_msg("%s: %lld", dates[i].text, (long long)mail.date_at);
        }
    }
    struct mail mail = mail_of(S("Received: by x; Tue, 24 Nov 2026 09:00:00 +0000\r\nFrom: a@b.example\r\n"
                                 "Date: Tue, 24 Nov 2099 09:00:00 +0000\r\n\r\nx"));
    assert_false(mail.date_sane);
    assert_int_equal(mail.received_at, 1795510800000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_gmail_reply_gives_sender_ids_token_and_only_the_new_words),
        TEST(only_the_topmost_authentication_results_are_given_with_what_stands_above),
        TEST(an_outlook_reply_is_cut_at_its_header_block_and_latin_1_means_windows_1252),
        TEST(apple_mails_text_picture_text_becomes_one_message_with_a_named_picture),
        TEST(charsets_of_the_world_are_read_as_what_they_are),
        TEST(labels_that_lie_and_bytes_that_are_none_are_told_apart),
        TEST(flowing_lines_are_joined_within_their_depth),
        TEST(answers_between_the_quoted_lines_are_never_folded_away),
        TEST(a_mail_that_was_passed_on_is_attached_whole),
        TEST(html_becomes_readable_text_without_what_is_hidden),
        TEST(the_sender_is_never_what_a_name_pretends),
        TEST(server_reports_name_who_why_and_which_mail),
        TEST(bounces_in_prose_are_guessed_and_said_to_be),
        TEST(automatic_mail_says_why_it_is),
        TEST(what_is_over_a_limit_is_kept_and_said),
        TEST(file_names_are_only_names),
        TEST(dates_are_read_in_all_their_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
