// SPDX-License-Identifier: AGPL-3.0-or-later
// CBOR, and what authenticators say: read strictly, believed only with the right signature.
#include "base/arena.h"
#include "base/authenticator.h"
#include "base/cbor.h"
#include "base/crypto.h"
#include "passkey_vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

static struct str unhex(const char *text)
{
    size_t len = strlen(text) / 2;
    char *out = arena_alloc(arena, len);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {text[i * 2], text[i * 2 + 1], 0};
        out[i] = (char)strtol(pair, NULL, 16);
    }
    return (struct str){out, len};
}

static const struct cbor *read_all(const char *hex)
{
    struct str bytes = unhex(hex);
    const struct cbor *value = NULL;
    struct err err = {};
    return cbor_read(&bytes, arena, &value, &err) && bytes.len == 0 ? value : NULL;
}

static void numbers_texts_and_maps_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        i64 number;
    } numbers[] = {{"00", 0},
                   {"17", 23},
                   {"1818", 24},
                   {"1903e8", 1000},
                   {"1a000f4240", 1000000},
                   {"20", -1},
                   {"3903e7", -1000},
                   {"1b000000e8d4a51000", 1000000000000},
                   {"1b7fffffffffffffff", INT64_MAX},
                   {"3b7fffffffffffffff", INT64_MIN}};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct cbor *value = read_all(numbers[i].hex);
        assert_non_null(value);
        assert_int_equal(value->kind, CBOR_NUMBER);
        assert_int_equal(value->number, numbers[i].number);
    }
    const struct cbor *map =
        read_all("a3016161206162617883f5f4f6"); // {1: "a", -1: "b", "x": [true, false, null]}
    assert_non_null(map);
    assert_int_equal(map->len, 3);
    assert_true(str_eq(cbor_numbered(map, 1)->bytes, S("a")));
    assert_true(str_eq(cbor_numbered(map, -1)->bytes, S("b")));
    assert_int_equal(cbor_named(map, S("x"))->len, 3);
    assert_null(cbor_numbered(map, 2));
    assert_null(cbor_named(map, S("y")));
    assert_null(cbor_named(cbor_numbered(map, 1), S("y")));
    assert_false(str_given(cbor_bytes(cbor_numbered(map, 1))));
    assert_true(str_eq(cbor_bytes(read_all("43010203")), S("\1\2\3")));
}

static void what_no_authenticator_writes_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     // nothing
        "18",   // half a number
        "1817", // longer than it has to be
        "190017",
        "1a0000ffff",
        "1b00000000ffffffff",
        "1bffffffffffffffff", // no i64
        "3bffffffffffffffff",
        "1c",
        "1f", // reserved; indefinite
        "5f4101ff",
        "7f6161ff",
        "9f01ff",
        "bf6161 01ff",
        "43 0102",            // ends too early
        "62c328",             // not UTF-8
        "9bffffffffffffffff", // more members than bytes
        "bb7fffffffffffffff",
        "82 01",
        "a101",
        "a201010102", // a key twice
        "a2616101616102",
        "a1f501", // keys that are neither number nor text
        "a18001",
        "a14101 01",
        "c000", // a tag
        "f97e00",
        "fa47c35000",
        "fb3ff199999999999a", // floats
        "f7",
        "f0",
        "f8ff", // undefined and other simple values
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char plain[64];
        size_t n = 0;
        for (const char *c = bad[i]; *c; c++) {
            if (*c != ' ')
                plain[n++] = *c;
        }
        plain[n] = 0;
        if (read_all(plain))
            fail_msg("“%s” was read", bad[i]);
    }
}

static void depth_and_number_of_values_are_bounded(void **state)
{
    (void)state;
    char hex[2 * (CBOR_VALUES + 20)];
    struct err err = {};
    for (int depth = CBOR_DEPTH - 2; depth <= CBOR_DEPTH + 1; depth++) {
        for (int i = 0; i < depth; i++)
            snprintf(hex + 2 * i, 3, "81");
        snprintf(hex + 2 * depth, 3, "00");
        bool read = read_all(hex) != NULL;
        assert_int_equal(read, depth < CBOR_DEPTH);
    }
    for (int n = CBOR_VALUES - 2; n <= CBOR_VALUES; n++) {
        char *bytes = arena_alloc(arena, (size_t)n + 3);
        bytes[0] = (char)0x99;
        bytes[1] = (char)(n >> 8);
        bytes[2] = (char)n;
        if (n < 256) {
            bytes[0] = (char)0x98;
            bytes[1] = (char)n;
            bytes[2] = 0;
        }
        struct str all = {bytes, (size_t)n + (n < 256 ? 2 : 3)};
        const struct cbor *value;
        assert_int_equal(cbor_read(&all, arena, &value, &err), n + 1 <= CBOR_VALUES);
    }
}

static void passkeys_of_each_kind_are_read_and_their_signatures_hold(void **state)
{
    (void)state;
    u8 name[32];
    sha256(S("desk.example"), name);
    for (size_t i = 0; i < ARRAY_LEN(passkey_vectors); i++) {
        struct authenticator_data made, used;
        struct err err = {};
        struct str text = unhex(passkey_vectors[i].bytes_signed);
        struct str signature = unhex(passkey_vectors[i].signature);
        assert_true(attestation_read(unhex(passkey_vectors[i].attestation), arena, &made, &err));
        assert_true(str_eq(made.rp_id_hash, (struct str){(const char *)name, 32}));
        assert_true(made.present && made.verified);
        assert_int_equal(made.credential_id.len, 32);
        assert_true(authenticator_data_read(str_sub(text, 0, text.len - 32), arena, &used, &err));
        assert_int_equal(used.counter, 7);
        assert_false(str_given(used.key));
        assert_true(cose_verify(made.key, arena, text, signature));
        // No bit of what was signed, nor of the signature, may be another.
        for (size_t at = 0; at < text.len; at += 5) {
            struct str other = str_copy(arena, text);
            ((char *)other.ptr)[at] ^= 1;
            assert_false(cose_verify(made.key, arena, other, signature));
        }
        for (size_t at = 0; at < signature.len; at += 3) {
            struct str other = str_copy(arena, signature);
            ((char *)other.ptr)[at] ^= 1;
            assert_false(cose_verify(made.key, arena, text, other));
        }
        assert_false(cose_verify(made.key, arena, text, S("")));
        assert_false(cose_verify(S(""), arena, text, signature));
    }
}

static void one_kind_of_key_believes_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(passkey_vectors); i++) {
        for (size_t j = 0; j < ARRAY_LEN(passkey_vectors); j++) {
            struct authenticator_data made;
            struct err err = {};
            assert_true(attestation_read(unhex(passkey_vectors[i].attestation), arena, &made, &err));
            assert_int_equal(cose_verify(made.key, arena, unhex(passkey_vectors[j].bytes_signed),
                                         unhex(passkey_vectors[j].signature)),
                             i == j);
        }
    }
}

static void what_is_cut_or_longer_is_refused_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(passkey_vectors); i++) {
        struct str whole = unhex(passkey_vectors[i].attestation);
        struct authenticator_data made;
        for (size_t len = 0; len < whole.len; len++) {
            struct err err = {};
            // A copy of its own, so that a read behind the end is seen by the sanitizer.
            char *part = malloc(len + 1);
            memcpy(part, whole.ptr, len);
            assert_false(attestation_read((struct str){part, len}, arena, &made, &err));
            assert_int_equal(err.code, ERR_INVALID);
            free(part);
        }
        struct err err = {};
        assert_false(attestation_read(str_concat(arena, whole, S("x")), arena, &made, &err));
        struct str data = unhex(passkey_vectors[i].bytes_signed);
        for (size_t len = 0; len < data.len; len++) {
            if (len != data.len - 32)
                assert_false(authenticator_data_read(str_sub(data, 0, len), arena, &made, &err));
        }
    }
}

static void a_point_off_the_curve_is_no_key(void **state)
{
    (void)state;
    struct authenticator_data made;
    struct err err = {};
    struct str whole = str_copy(arena, unhex(passkey_vectors[0].attestation));
    ((char *)whole.ptr)[whole.len - 1] ^= 1; // the last byte of y
    assert_false(attestation_read(whole, arena, &made, &err));
    assert_non_null(strstr(err.text, "key"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    crypto_init();
    const struct CMUnitTest tests[] = {
        TEST(numbers_texts_and_maps_are_read),
        TEST(what_no_authenticator_writes_is_refused),
        TEST(depth_and_number_of_values_are_bounded),
        TEST(passkeys_of_each_kind_are_read_and_their_signatures_hold),
        TEST(one_kind_of_key_believes_no_other),
        TEST(what_is_cut_or_longer_is_refused_at_every_byte),
        TEST(a_point_off_the_curve_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
