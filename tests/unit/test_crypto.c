// SPDX-License-Identifier: AGPL-3.0-or-later
// Hashes, encodings, passwords, the instance key and what it seals.
#include "base/arena.h"
#include "base/crypto.h"
#include "base/totp.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static char folder[] = "/tmp/heed-test-XXXXXX";

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

static int make_folder(void **state)
{
    (void)state;
    crypto_init();
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    return str_cstr(arena, str_printf(arena, "%s/%s", folder, name));
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static struct key *make_key(const char *name)
{
    struct key *key;
    struct err err;
    const char *path = path_of(name);
    assert_true(crypto_key_make(path, &key, &err));
    unlink(path);
    return key;
}

static void encodings_go_there_and_back(void **state)
{
    (void)state;
    for (size_t len = 0; len < 70; len++) {
        char bytes[70];
        random_bytes(bytes, len);
        struct str data = {bytes, len}, back;
        assert_true(base64_decode(arena, base64_encode(arena, data), &back));
        assert_true(str_eq(back, data));
        assert_true(base64url_decode(arena, base64url_encode(arena, data), &back));
        assert_true(str_eq(back, data));
        assert_int_equal(hex_encode(arena, data).len, len * 2);
    }
    assert_true(str_eq(base64_encode(arena, S("\xFB\xFF")), S("+/8=")));
    assert_true(str_eq(base64url_encode(arena, S("\xFB\xFF")), S("-_8")));
    assert_true(str_eq(sha256_hex(arena, S("")),
                       S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")));
}

static void bad_base64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "A", "AA", "AAA", "AA=A", "AAAA=", "A===", "AAA\n", " AAAA", "AA-_", "AAA=AAAA", "AB=="};
    struct str out;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(base64_decode(arena, str_from(bad[i]), &out));
    }
    assert_false(base64url_decode(arena, S("AA=="), &out));
    assert_false(base64url_decode(arena, S("+/8"), &out));
}

static void tokens_are_long_and_never_alike(void **state)
{
    (void)state;
    struct str a = random_token(arena, "heed_"), b = random_token(arena, "heed_");

    assert_int_equal(a.len, 5 + 43);
    assert_true(str_starts(a, S("heed_")));
    assert_false(str_eq(a, b));
    assert_true(random_u64() != random_u64());
}

static void secrets_are_compared_whole(void **state)
{
    (void)state;
    assert_true(secret_eq(S("abc"), S("abc")));
    assert_false(secret_eq(S("abc"), S("abd")));
    assert_false(secret_eq(S("abc"), S("abcd")));
    assert_true(secret_eq(S(""), STR_NONE));
}

static void only_the_right_password_opens(void **state)
{
    (void)state;
    struct str hash, again;

    assert_true(password_hash(arena, S("correct horse"), &hash));
    assert_true(password_hash(arena, S("correct horse"), &again));

    assert_true(str_starts(hash, S("$argon2id$")));
    assert_false(str_eq(hash, again));
    assert_true(password_verify(hash, S("correct horse")));
    assert_false(password_verify(hash, S("correct horsf")));
    assert_false(password_verify(hash, S("")));
    assert_false(password_verify(S("plain"), S("plain")));
}

static double seconds_of_verify(struct str hash)
{
    struct timespec a, b;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    assert_false(password_verify(hash, S("wrong")));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void an_unknown_account_takes_as_long_as_a_known_one(void **state)
{
    (void)state;
    struct str hash;
    assert_true(password_hash(arena, S("correct horse"), &hash));

    double known = 1e9, unknown = 1e9;
    for (int i = 0; i < 5; i++) {
        double k = seconds_of_verify(hash), u = seconds_of_verify(i % 2 ? STR_NONE : S(""));
        known = k < known ? k : known;
        unknown = u < unknown ? u : unknown;
    }

    assert_true(unknown > known / 2 && unknown < known * 2);
}

static void what_is_sealed_opens_in_its_place_only(void **state)
{
    (void)state;
    struct key *key = make_key("k1");
    struct err err;
    struct str out = S("untouched"), sealed = crypto_seal(key, arena, S("channel:7:secret"), S("whsec_abc"));

    assert_false(crypto_open(key, arena, S("channel:8:secret"), sealed, &out, &err));
    assert_true(str_eq(out, S("untouched")));
    assert_true(crypto_open(key, arena, S("channel:7:secret"), sealed, &out, &err));
    assert_true(str_eq(out, S("whsec_abc")));
    assert_false(str_eq(sealed, crypto_seal(key, arena, S("channel:7:secret"), S("whsec_abc"))));
    assert_int_equal(str_find(sealed, S("whsec")), -1);
    assert_true(crypto_open(key, arena, S("p"), crypto_seal(key, arena, S("p"), S("")), &out, &err));
    assert_int_equal(out.len, 0);
    crypto_key_destroy(key);
}

static void no_flipped_bit_goes_unnoticed(void **state)
{
    (void)state;
    struct key *key = make_key("k1");
    struct err err;
    struct str out, sealed = crypto_seal(key, arena, S("p"), S("secret"));

    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        struct str copy = str_copy(arena, sealed);
        ((char *)(uintptr_t)copy.ptr)[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(crypto_open(key, arena, S("p"), copy, &out, &err));
        assert_int_equal(err.code, ERR_INTERNAL);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        assert_false(crypto_open(key, arena, S("p"), str_sub(sealed, 0, len), &out, &err));
    }
    crypto_key_destroy(key);
}

static void another_key_opens_nothing_and_both_are_named(void **state)
{
    (void)state;
    struct key *a = make_key("k1"), *b = make_key("k2");
    struct err err;
    struct str out, sealed = crypto_seal(a, arena, S("p"), S("secret"));

    assert_false(crypto_open(b, arena, S("p"), sealed, &out, &err));

    assert_int_equal(crypto_key_id(a).len, 16);
    assert_true(str_find(str_from(err.text), crypto_key_id(a)) >= 0);
    assert_true(str_find(str_from(err.text), crypto_key_id(b)) >= 0);
    crypto_key_destroy(a);
    crypto_key_destroy(b);
}

static void a_key_file_is_private_and_reads_back(void **state)
{
    (void)state;
    struct key *made, *loaded, *none = NULL;
    struct err err;
    struct stat st;
    const char *path = path_of("key");
    struct str out;

    assert_true(crypto_key_make(path, &made, &err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_false(crypto_key_make(path, &none, &err)); // never over another key
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_true(crypto_key_load(path, &loaded, &err));
    assert_true(str_eq(crypto_key_id(made), crypto_key_id(loaded)));
    assert_true(crypto_open(loaded, arena, S("p"), crypto_seal(made, arena, S("p"), S("x")), &out, &err));
    crypto_key_destroy(made);
    crypto_key_destroy(loaded);
    crypto_key_destroy(NULL);
    unlink(path);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0644, 0640, 0604, 0660, 0601};
    struct key *key = NULL;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        const char *path = write_file("key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", modes[i]);
        assert_false(crypto_key_load(path, &key, &err));
        assert_true(str_find(str_from(err.text), S("chmod 600")) > 0);
        assert_null(key);
        unlink(path);
    }
}

static void a_file_that_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "short",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=AAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x",
                                        "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    struct key *key = NULL;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *path = write_file("key", texts[i], 0600);
        assert_false(crypto_key_load(path, &key, &err));
        assert_int_equal(err.code, ERR_INVALID);
        unlink(path);
    }
    assert_false(crypto_key_load(path_of("missing"), &key, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_false(crypto_key_load(folder, &key, &err));
    assert_null(key);
}

static void one_time_passwords_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        i64 seconds;
        const char *code;
    } vectors[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                   {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    struct str key = S("12345678901234567890");
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char code[7];
        totp_code(key, vectors[i].seconds / 30, code);
        assert_string_equal(code, vectors[i].code);
    }
    i64 now = (i64)1234567890 * 1000, step = 1234567890 / 30;
    assert_int_equal(totp_step(key, S("005924"), now, 0), step);
    assert_int_equal(totp_step(key, S("005924"), now + 30000, 0), step);
    assert_int_equal(totp_step(key, S("005924"), now - 30000, 0), step);
    assert_int_equal(totp_step(key, S("005924"), now + 60000, 0), 0);
    assert_int_equal(totp_step(key, S("005924"), now, step), 0);
    assert_int_equal(totp_step(key, S("00592"), now, 0), 0);
    struct arena *own = arena_take();
    assert_true(str_eq(base32_encode(own, S("foobar")), S("MZXW6YTBOI")));
    assert_true(str_eq(base32_encode(own, S("f")), S("MY")));
    assert_int_equal(base32_encode(own, S("")).len, 0);
    arena_give(own);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_time_passwords_are_those_of_the_rfc),
        TEST(encodings_go_there_and_back),
        TEST(bad_base64_is_refused),
        TEST(tokens_are_long_and_never_alike),
        TEST(secrets_are_compared_whole),
        TEST(only_the_right_password_opens),
        TEST(an_unknown_account_takes_as_long_as_a_known_one),
        TEST(what_is_sealed_opens_in_its_place_only),
        TEST(no_flipped_bit_goes_unnoticed),
        TEST(another_key_opens_nothing_and_both_are_named),
        TEST(a_key_file_is_private_and_reads_back),
        TEST(a_key_that_others_can_read_is_refused),
        TEST(a_file_that_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
