// SPDX-License-Identifier: AGPL-3.0-or-later
// Which language customers write in: whole sentences, a word or two, links and names between, and what is
// no language at all.
#include "base/arena.h"
#include "base/clock.h"
#include "text/language.h"
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>

struct sample {
    const char *language, *text;
};

static const struct sample sentences[] = {
    {"en", "Hi, where is my parcel? I ordered it two weeks ago"},
    {"en", "I still have not received a refund for my order"},
    {"en", "The app crashes every time I open it on my phone"},
    {"en", "Can you please change the delivery address?"},
    {"id", "Kak, pesanan saya belum sampai sudah dua minggu"},
    {"id", "Kapan barang saya dikirim? Mohon dibantu"},
    {"id", "Saya mau tukar ukuran sepatu ini, apakah bisa?"},
    {"id", "Aplikasinya tidak bisa dibuka sejak tadi pagi"},
    {"et", "Tere, minu pakk ei ole ikka veel kohale jõudnud"},
    {"et", "Palun öelge, millal ma oma raha tagasi saan"},
    {"et", "Kas seda toodet on teistes värvides ka saadaval?"},
    {"et", "Rakendus jookseb pidevalt kokku, mida teha?"},
    {"fi", "Hei, pakettini ei ole vieläkään saapunut perille"},
    {"fi", "Milloin saan rahani takaisin palautuksesta?"},
    {"fi", "Onko tätä tuotetta saatavilla muissa väreissä?"},
    {"fi", "Sovellus kaatuu aina kun yritän kirjautua sisään"},
    {"ko", "주문한 상품이 아직 도착하지 않았어요"},
    {"ko", "환불은 언제 받을 수 있나요?"},
    {"ko", "앱이 자꾸 꺼져요 확인 부탁드립니다"},
    {"ko", "배송지를 변경하고 싶습니다"},
    {"zh", "你好，我的包裹还没到，请帮我查一下"},
    {"zh", "什么时候可以退款？"},
    {"zh", "這個商品有其他顏色嗎？"},
    {"zh", "应用程序一直闪退，怎么办"},
    {"ja", "注文した商品がまだ届きません"},
    {"ja", "返金はいつになりますか？"},
    {"ja", "アプリがすぐに落ちてしまいます"},
    {"ja", "住所を変更したいのですが"},
    {"es", "Hola, mi pedido no ha llegado todavía, ¿me pueden ayudar?"},
    {"es", "Quiero que me devuelvan el dinero de la compra"},
    {"es", "La aplicación se cierra cada vez que la abro"},
    {"es", "¿Cuándo estará disponible otra vez este producto?"},
    {"ar", "مرحبا، لم يصل طلبي حتى الآن"},
    {"ar", "متى سأحصل على استرداد المبلغ؟"},
    {"ar", "التطبيق لا يعمل على هاتفي"},
    {"ar", "أريد تغيير عنوان التوصيل"},
    {"hi", "मेरा ऑर्डर अभी तक नहीं आया है"},
    {"hi", "मुझे पैसे वापस कब मिलेंगे?"},
    {"hi", "ऐप बार बार बंद हो जाता है"},
    {"hi", "कृपया पता बदल दीजिए"},
};

static const struct sample words[] = {
    {"en", "thank you so much"},
    {"en", "any update?"},
    {"en", "hello??"},
    {"en", "where is it"},
    {"id", "oke makasih kak"},
    {"id", "belum sampai"},
    {"id", "terima kasih"},
    {"id", "kapan dikirim?"},
    {"et", "aitäh teile"},
    {"et", "tere päevast"},
    {"et", "kus mu pakk on"},
    {"et", "millal saabub?"},
    {"fi", "kiitos!"},
    {"fi", "missä paketti"},
    {"fi", "hyvää päivää"},
    {"fi", "milloin tulee?"},
    {"ko", "감사합니다"},
    {"ko", "네"},
    {"ko", "언제요?"},
    {"ko", "ㅠㅠ"},
    {"zh", "客服在吗"},
    {"zh", "谢谢"},
    {"zh", "好的"},
    {"zh", "什麼時候"},
    {"ja", "ありがとう"},
    {"ja", "はい"},
    {"ja", "届きません"},
    {"ja", "まだですか"},
    {"es", "muchas gracias"},
    {"es", "¿dónde está?"},
    {"es", "buenos días"},
    {"es", "no funciona"},
    {"ar", "شكرا"},
    {"ar", "متى؟"},
    {"ar", "أين طلبي"},
    {"ar", "نعم"},
    {"hi", "धन्यवाद"},
    {"hi", "कब?"},
    {"hi", "ठीक है"},
    {"hi", "नमस्ते"},
};

static size_t right(const struct sample *samples, size_t n, const char *before, const char *behind)
{
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        char text[400];
        snprintf(text, sizeof(text), "%s%s%s", before, samples[i].text, behind);
        struct str found = language_guess(str_from(text));
        if (str_eq(found, str_from(samples[i].language)))
            good++;
        else
            print_message("%s, not %.*s: %s\n", samples[i].language, STR_ARG(found), samples[i].text);
    }
    return good;
}

static void sentences_are_known_by_their_language(void **state)
{
    (void)state;
    assert_true(right(sentences, ARRAY_LEN(sentences), "", "") >= 39);
}

static void a_word_or_two_are_known_nearly_always(void **state)
{
    (void)state;
    assert_true(right(words, ARRAY_LEN(words), "", "") >= 35);
}

static void links_names_and_hashtags_do_not_count(void **state)
{
    (void)state;
    size_t bare = right(sentences, ARRAY_LEN(sentences), "", "");
    assert_int_equal(
        right(sentences, ARRAY_LEN(sentences), "@acme_help ", " https://t.co/AbCdEfGh #help 12345 😀😀"), bare);
    assert_true(right(words, ARRAY_LEN(words), "@acme_help hello@shop.example ",
                      " www.shop.example/the #thanks ") >= 35);
}

static void what_has_no_language_is_not_given_one(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",      "12345",         "ok",          "😀😀", "@mari", "https://example.com/the/order", "...",
        "#sale", "+372 555 1234", "a@b.example", "?!"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str found = language_guess(str_from(texts[i]));
        if (found.len > 0)
            fail_msg("%s: %.*s", texts[i], STR_ARG(found));
    }
}

static void scripts_that_share_letters_are_told_apart(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"fa", "سفارش من هنوز نرسیده است، چه کار کنم؟ پول من را پس بدهید"},
        {"ur", "میرا آرڈر ابھی تک نہیں آیا ہے"},
        {"ja", "返品したい"},
        {"zh", "退貨"},
        {"ko", "ok 네"},
        {"th", "สวัสดีค่ะ"},
        {"el", "Πού είναι;"},
        {"ru", "Где мой заказ? Прошло уже две недели"},
        {"uk", "Де моє замовлення? Минуло вже два тижні"},
    };
    assert_int_equal(right(samples, ARRAY_LEN(samples), "", ""), ARRAY_LEN(samples));
}

static void a_long_text_costs_no_more_than_its_beginning(void **state)
{
    (void)state;
    static char text[1 << 20];
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 5; i < sizeof(text) - 1; i += 6)
        text[i] = ' ';
    i64 began = clock_mono();
    for (int i = 0; i < 200; i++)
        (void)language_guess(str_from(text));
    assert_true(clock_mono() - began < 2000);
    began = clock_mono();
    enum { TIMES = 4000 };
    for (size_t i = 0; i < TIMES; i++)
        (void)language_guess(str_from(sentences[i % ARRAY_LEN(sentences)].text));
    print_message("a guess takes about %lld us\n", (long long)(clock_mono() - began) * 1000 / TIMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_known_by_their_language),
        cmocka_unit_test(a_word_or_two_are_known_nearly_always),
        cmocka_unit_test(links_names_and_hashtags_do_not_count),
        cmocka_unit_test(what_has_no_language_is_not_given_one),
        cmocka_unit_test(scripts_that_share_letters_are_told_apart),
        cmocka_unit_test(a_long_text_costs_no_more_than_its_beginning),
    };
    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
