// SPDX-License-Identifier: AGPL-3.0-or-later
// The e-mail driver's pure parts: what IMAP and SMTP servers say, our tokens, and the letters we write.
#include "base/crypto.h"
#include "channels/email.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h> // needs the ones above

static struct str key(void)
{
    return S("0123456789abcdef0123456789abcdef");
}

static void an_answer_is_whole_with_its_tagged_line_however_it_is_cut(void **state)
{
    struct str all = S("* 3 FETCH (UID 9 BODY[] {14}\r\nheed OK fake\r\n)\r\nheed OK done\r\nmore");
    size_t whole = all.len - 4;
    (void)state;
    for (size_t n = 0; n <= all.len; n++)
        assert_int_equal(imap_whole(str_sub(all, 0, n)), n < whole ? 0 : whole);
    assert_int_equal(imap_whole(S("+ idling\r\n")), 10);
    assert_int_equal(imap_whole(S("* OK [X] {99999999999999999999}\r\n")), 0);
    assert_int_equal(imap_idle_whole(S("* OK still here\r\n")), 0);
    assert_int_equal(imap_idle_whole(S("* OK still here\r\n* 4 EXISTS\r\n")), 29);
    assert_int_equal(imap_idle_whole(S("* 4 EXPUNGE\r\n* BYE away\r\n")), 25);
}

static void a_fetched_mail_is_taken_byte_for_byte(void **state)
{
    struct str rest =
        S("* 1 FETCH (FLAGS (\\Seen) UID 7 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 5 "
          "BODY[]<0> {5}\r\na)\r\n\")\r\n* 2 FETCH (UID 8 BODY[] \"quo\\\"ted\")\r\n"
          "* 3 FETCH (FLAGS ())\r\n* 4 FETCH (UID 9 BODY[] NIL)\r\nheed OK x\r\n");
    struct imap_fetch fetch;
    (void)state;
    assert_true(imap_fetch(&rest, &fetch));
    assert_int_equal(fetch.uid, 7);
    assert_int_equal(fetch.size, 5);
    assert_int_equal(fetch.at, INT64_C(837596665000));
    assert_true(str_eq(fetch.body, S("a)\r\n\"")));
    assert_true(imap_fetch(&rest, &fetch));
    assert_int_equal(fetch.uid, 8);
    assert_true(imap_fetch(&rest, &fetch));
    assert_int_equal(fetch.uid, 9);
    assert_int_equal(fetch.body.len, 0);
    assert_false(imap_fetch(&rest, &fetch));
}

static void numbers_and_words_of_a_server_are_read(void **state)
{
    struct str answer =
        S("* SEARCH 5 3\r\n* 2 EXISTS\r\n* SEARCH 9\r\n* OK [UIDVALIDITY 17] ok\r\n"
          "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE\r\nheed NO [AUTHENTICATIONFAILED] No such.\r\n");
    struct str rest = answer, line = S("");
    i64 uid, sum = 0;
    (void)state;
    while (imap_search(&rest, &line, &uid))
        sum = sum * 10 + uid;
    assert_int_equal(sum, 539);
    assert_int_equal(imap_code_number(answer, S("UIDVALIDITY")), 17);
    assert_true(imap_has_capability(answer, S("auth=plain")));
    assert_false(imap_has_capability(answer, S("AUTH=PLAI")));
    struct imap_end end = imap_end(answer);
    assert_int_equal(end.status, IMAP_NO);
    assert_true(str_eq(end.code, S("AUTHENTICATIONFAILED")));
    assert_true(str_eq(end.text, S("No such.")));
    assert_int_equal(imap_date(S("nonsense")), 0);
    struct arena *arena = arena_create();
    assert_true(str_eq(imap_mailbox(arena, S("Entwürfe & Co")), S("\"Entw&APw-rfe &- Co\"")));
    assert_false(str_given(imap_quote(arena, S("a\r\nb"))));
    arena_destroy(arena);
}

static void smtp_replies_end_with_their_last_line(void **state)
{
    struct str ehlo = S("250-mail.test\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n");
    struct str arguments;
    (void)state;
    for (size_t n = 0; n < ehlo.len; n++)
        assert_int_equal(smtp_whole(str_sub(ehlo, 0, n)), 0);
    assert_int_equal(smtp_whole(ehlo), ehlo.len);
    assert_true(smtp_offers(ehlo, S("auth"), &arguments));
    assert_true(str_eq(arguments, S("PLAIN LOGIN")));
    assert_false(smtp_offers(ehlo, S("STARTTLS"), &arguments));
    assert_int_equal(smtp_reply(S("550 5.1.1 no such mailbox\r\n")).code, 550);
    assert_true(str_eq(smtp_reply(S("550-a\r\n550 5.1.1 b\r\n")).text, S("5.1.1 b")));
    assert_int_equal(smtp_reply(S("garbage\r\n")).code, 0);
}

static void tokens_prove_their_number_and_survive_capitals(void **state)
{
    struct arena *arena = arena_create();
    (void)state;
    for (i64 n = 1; n < 100000; n = n * 3 + 1) {
        struct str token = email_token_make(arena, key(), 'c', n);
        char upper[64];
        assert_int_equal(email_token_read(key(), 'c', token), n);
        assert_int_equal(email_token_read(key(), 'm', token), 0);
        assert_int_equal(email_token_read(S("another key"), 'c', token), 0);
        for (size_t i = 0; i < token.len; i++)
            upper[i] = token.ptr[i] >= 'a' && token.ptr[i] <= 'z' ? (char)(token.ptr[i] - 32) : token.ptr[i];
        assert_int_equal(email_token_read(key(), 'c', (struct str){upper, token.len}), n);
        upper[token.len - 1] = upper[token.len - 1] == 'A' ? 'E' : 'A';
        assert_int_equal(email_token_read(key(), 'c', (struct str){upper, token.len}), 0);
        assert_int_equal(email_token_read(key(), 'c', str_sub(token, 0, token.len - 1)), 0);
    }
    assert_int_equal(email_token_read((struct str){"", 0}, 'c', email_token_make(arena, S(""), 'c', 1)), 0);
    arena_destroy(arena);
}

// A-EM3: whatever stands in names, subjects and texts, there is one message with the meant headers.
static void nothing_that_is_written_reaches_a_line_of_its_own(void **state)
{
    static const char *const evil[] = {"a\r\nBcc: x@y.test",
                                       "a\nBcc: x@y.test",
                                       "a\rBcc: x@y.test",
                                       "a\xe2\x80\xa8"
                                       "Bcc: x@y.test",
                                       "a\xe2\x80\xa9"
                                       "Bcc: x@y.test",
                                       "a\"\r\n.\r\nMAIL FROM:<x>",
                                       "=?utf-8?q?a=0d=0aBcc:_x?=",
                                       "\xc2\x85"
                                       "Bcc: x"};
    struct arena *arena = arena_create();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(evil); i++) {
        struct err err = {};
        struct str mail, text = str_from(evil[i]);
        struct email_letter letter = {.message_id = S("id@here.test"),
                                      .subject = text,
                                      .text = text,
                                      .own_id = text,
                                      .in_reply_to = text,
                                      .at = INT64_C(1795498500000)};
        letter.from = (struct email_address){text, S("desk@here.test")};
        *list_push(&letter.to, arena) = (struct email_address){text, S("a@b.test")};
        *list_push(&letter.references, arena) = text;
        struct outbound files = {};
        *list_push(&files.attachments, arena) =
            (struct outbound_attachment){.bytes = S("x"), .mime = text, .name = text};
        letter.files = &files;
        assert_true(email_write(&letter, arena, &mail, &err));
        size_t column = 0;
        for (size_t k = 0; k < mail.len; k++) {
            u8 c = (u8)mail.ptr[k];
            assert_true(c < 0x7F && c != 0);
            assert_true(c != '\n' || mail.ptr[k - 1] == '\r');
            assert_true(c != '\r' || mail.ptr[k + 1] == '\n');
            column = c == '\n' ? 0 : column + 1;
            assert_true(column <= 998);
        }
        struct str head = str_sub(mail, 0, (size_t)str_find(mail, S("\r\n\r\n")));
        assert_true(str_find(head, S("\r\nBcc:")) < 0);
        assert_true(str_find(head, S("\r\nMAIL")) < 0);
        assert_true(str_find(mail, S("\r\n.\r\n")) < 0);
    }
    arena_destroy(arena);
}

static void an_address_that_could_do_harm_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "a",
                                      "@b",
                                      "a@",
                                      "a@b\r\nRCPT TO:<c@d>",
                                      "a b@c.test",
                                      "<a@b.test>",
                                      "a@b.test>",
                                      "a@b@c.test",
                                      "\"a\"@b.test",
                                      "a@b.test\n",
                                      "a@-b.test",
                                      "ä@b.test",
                                      "a@b.test,c@d.test"};
    struct arena *arena = arena_create();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {};
        struct str mail;
        struct email_letter letter = {.message_id = S("i@h"), .from = {S(""), S("d@h.test")}};
        *list_push(&letter.to, arena) = (struct email_address){S(""), str_from(bad[i])};
        assert_false(email_address_valid(str_from(bad[i])));
        assert_false(email_write(&letter, arena, &mail, &err));
    }
    assert_true(email_address_valid(S("first.last+tag@mail.example.com")));
    assert_true(email_address_valid(S("o'brien@example.co.uk")));
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_whole_with_its_tagged_line_however_it_is_cut),
        cmocka_unit_test(a_fetched_mail_is_taken_byte_for_byte),
        cmocka_unit_test(numbers_and_words_of_a_server_are_read),
        cmocka_unit_test(smtp_replies_end_with_their_last_line),
        cmocka_unit_test(tokens_prove_their_number_and_survive_capitals),
        cmocka_unit_test(nothing_that_is_written_reaches_a_line_of_its_own),
        cmocka_unit_test(an_address_that_could_do_harm_is_refused),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
