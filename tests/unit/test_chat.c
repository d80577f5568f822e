// SPDX-License-Identifier: AGPL-3.0-or-later
// Live chat's pure parts: signed identities, what is stored raw and read back, origins, questions.
#include "base/arena.h"
#include "base/crypto.h"
#include "channels/signed_identity.h"
#include "channels/visitor.h"
// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#define NOW INT64_C(1795500000000)
static const char secret[] = "heedchat_0123456789abcdef0123456789abcdef";

static struct str sign(struct arena *arena, const char *head, const char *claims, const char *key)
{
    u8 mac[32];
    struct str text = str_printf(arena, "%.*s.%.*s", STR_ARG(base64url_encode(arena, str_from(head))),
                                 STR_ARG(base64url_encode(arena, str_from(claims))));
    hmac_sha256(str_from(key), text, mac);
    return str_printf(arena, "%.*s.%.*s", STR_ARG(text),
                      STR_ARG(base64url_encode(arena, (struct str){(const char *)mac, 32})));
}

static bool accepts(const char *head, const char *claims, const char *key, struct signed_identity *out)
{
    struct arena *arena = arena_create();
    struct identity_check check = {
        .secrets = {str_from(secret)}, .n_secrets = 1, .audience = S("0123abcd"), .now = NOW};
    struct err err = {};
    struct signed_identity identity;
    bool ok = identity_verify(&check, sign(arena, head, claims, key), arena, out ? out : &identity, &err);
    assert_true(ok || err.code == ERR_UNAUTHENTICATED);
    arena_destroy(arena);
    return ok;
}

#define HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define GOOD "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}"

static void a_good_identity_is_taken(void **state)
{
    (void)state;
    assert_true(accepts(HEAD, GOOD, secret, NULL));
    assert_true(accepts("{\"alg\":\"HS256\"}", GOOD, secret, NULL));
}

static void anything_else_is_refused(void **state)
{
    static const char *const heads[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"hs256\"}",
        "{}",
        "{\"alg\":\"HS256\",\"kid\":\"1\"}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":\"HS256\",\"typ\":\"JWE\"}",
        "[]",
        "\"HS256\"",
        "",
    };
    static const char *const claims[] = {
        "{\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"\",\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "{\"sub\":7,\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"other\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":[\"0123abcd\"],\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795499999,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795503600,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":\"1795500300\",\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795500300.5,\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"jti\":\"abcdefgh\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795500300}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"short\"}",
        "{\"sub\":\"c-7\",\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"abcdefgh\",\"nbf\":1795510300}",
        "{\"sub\":\"c-7\",\"sub\":\"c-8\",\"aud\":\"0123abcd\",\"exp\":1795500300,\"jti\":\"abcdefgh\"}",
        "[]",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        assert_false(accepts(heads[i], GOOD, secret, NULL));
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        assert_false(accepts(HEAD, claims[i], secret, NULL));
    assert_false(accepts(HEAD, GOOD, "heedchat_another_secret_of_another_channel", NULL));
    assert_false(accepts(HEAD, GOOD, "", NULL));
}

static void a_token_that_was_changed_is_refused(void **state)
{
    struct arena *arena = arena_create();
    struct identity_check check = {
        .secrets = {str_from(secret)}, .n_secrets = 1, .audience = S("0123abcd"), .now = NOW};
    struct str good = sign(arena, HEAD, GOOD, secret);
    struct signed_identity out;
    struct err err = {};
    (void)state;
    for (size_t i = 0; i < good.len; i++) {
        char *bent = str_cstr(arena, good);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        // The last digit of a base64 text holds two bits that mean nothing; a strict reader refuses those
        // too.
        assert_false(identity_verify(&check, (struct str){bent, good.len}, arena, &out, &err));
        assert_false(identity_verify(&check, str_sub(good, 0, i), arena, &out, &err));
    }
    assert_false(identity_verify(&check, str_concat(arena, good, S(".x")), arena, &out, &err));
    check.n_secrets = 0;
    assert_false(identity_verify(&check, good, arena, &out, &err));
    arena_destroy(arena);
}

static void what_is_stored_is_read_back(void **state)
{
    struct arena *arena = arena_create();
    struct visitor_said said = {.thread = S("v0011"),
                                .author = S("v0011"),
                                .name = S("Kim \"K\""),
                                .id = S("a-1"),
                                .text = S("안녕 </script>"),
                                .at = NOW};
    struct buf body;
    struct inbound_list events = {};
    struct unreadable_list bad = {};
    struct channel_view view = {.id = 1, .now = NOW};
    struct err err = {};
    (void)state;
    *list_push(&said.files, arena) =
        (struct visitor_file){.sha256 = S("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                              .mime = S("image/png"),
                              .name = S("a.png"),
                              .size = 7};
    buf_init(&body, arena, 100000);
    struct json_writer w = json_writer(&body);
    visitor_put_message(&w, &said);
    assert_true(channel_chat.receive(&view, S(""), buf_str(&body), arena, &events, &bad, &err));
    assert_int_equal(events.len, 1);
    assert_true(str_eq(events.items[0].external_id, S("v0011/ca-1")));
    assert_true(str_eq(events.items[0].text, said.text));
    assert_true(str_eq(events.items[0].author_name, said.name));
    assert_int_equal(events.items[0].attachments.len, 1);
    arena_destroy(arena);
}

static void a_receipt_names_answers_of_its_own_thread_only(void **state)
{
    struct arena *arena = arena_create();
    struct inbound_list events = {};
    struct unreadable_list bad = {};
    struct channel_view view = {.id = 1, .now = NOW};
    struct err err = {};
    (void)state;
    assert_true(channel_chat.receive(
        &view, S(""),
        S("{\"type\":\"receipt\",\"thread\":\"v1\",\"state\":\"read\",\"ids\":[\"mab\"],\"at\":5}"), arena,
        &events, &bad, &err));
    assert_true(events.items[0].type == INBOUND_READ && str_eq(events.items[0].external_id, S("v1/mab")));
    assert_false(channel_chat.receive(
        &view, S(""),
        S("{\"type\":\"receipt\",\"thread\":\"v1\",\"state\":\"read\",\"ids\":[\"../v2/mab\"],\"at\":5}"),
        arena, &events, &bad, &err));
    arena_destroy(arena);
}

static void origins_are_whole_and_exact(void **state)
{
    struct err err = {};
    struct str lines = S("https://shop.example\n  http://localhost:3000 \n");
    (void)state;
    assert_true(visitor_check_origins(lines, "allowed_origins", &err));
    assert_true(visitor_origin_allowed(lines, S("https://shop.example")));
    assert_true(visitor_origin_allowed(lines, S("http://localhost:3000")));
    static const char *const foreign[] = {"null",
                                          "",
                                          "*",
                                          "https://shop.example.evil.example",
                                          "http://shop.example",
                                          "https://shop.example:443",
                                          "https://SHOP.example",
                                          "https://shop.example/",
                                          "https://evil.example\nhttps://shop.example"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        assert_false(visitor_origin_allowed(lines, str_from(foreign[i])));
    static const char *const wrong[] = {
        "*",        "https://*.shop.example",    "shop.example", "https://shop.example/x",
        "https://", "https://user@shop.example", "https://:80"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(visitor_check_origins(str_from(wrong[i]), "allowed_origins", &err));
    assert_string_equal(err.field, "settings.allowed_origins");
}

static bool questions_fit(const char *text)
{
    struct arena *arena = arena_create();
    struct err err = {};
    const struct json *list = json_parse(str_from(text), arena, &err);
    bool fit = visitor_check_questions(list, "questions", &err);
    assert_true(fit || strcmp(err.field, "settings.questions") == 0);
    arena_destroy(arena);
    return fit;
}

static void questions_have_one_form(void **state)
{
    (void)state;
    assert_true(questions_fit("[]"));
    assert_true(
        questions_fit("[{\"label\":\"Order\",\"required\":true},{\"label\":\"Size\",\"kind\":\"choice\","
                      "\"choices\":[\"S\",\"M\"]}]"));
    static const char *const wrong[] = {"{}",
                                        "[7]",
                                        "[{}]",
                                        "[{\"label\":\"\"}]",
                                        "[{\"label\":\"a\",\"kind\":\"date\"}]",
                                        "[{\"label\":\"a\",\"kind\":\"choice\"}]",
                                        "[{\"label\":\"a\",\"choices\":[\"b\"]}]",
                                        "[{\"label\":\"a\",\"required\":\"yes\"}]",
                                        "[{\"label\":\"a\",\"more\":1}]"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(questions_fit(wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_identity_is_taken),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(a_token_that_was_changed_is_refused),
        cmocka_unit_test(what_is_stored_is_read_back),
        cmocka_unit_test(a_receipt_names_answers_of_its_own_thread_only),
        cmocka_unit_test(origins_are_whole_and_exact),
        cmocka_unit_test(questions_have_one_form),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
