// SPDX-License-Identifier: AGPL-3.0-or-later
// Mails of tests/fixtures/mail, and short ways to say what is expected of them.
#pragma once
#include "base/arena.h"
#include "mail/parse.h"
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

static inline struct str mail_fixture(const char *name)
{
    struct str path = str_printf(arena, "tests/fixtures/mail/%s.eml", name);
    FILE *file = fopen(path.ptr, "rb");
    if (!file) {
        fail_msg("no %s", path.ptr);
    }
    char *bytes = arena_alloc(arena, 1 << 16);
    size_t len = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return (struct str){bytes, len};
}

static inline struct mail mail_of(struct str raw)
{
    struct mail mail;
    struct err err;
    if (!mail_parse(raw, arena, &mail, &err)) {
        fail_msg("%s", err.text);
    }
    return mail;
}

static inline struct mail mail_in(const char *name)
{
    return mail_of(mail_fixture(name));
}

static inline void expect_text(struct str got, const char *wanted, const char *file, int line)
{
    if (!str_eq(got, str_from(wanted))) {
        print_error("got  \"" STR_FMT "\"\nwant \"%s\"\n", STR_ARG(got), wanted);
        _fail(file, line);
    }
}
#define EXPECT(got, wanted) expect_text((got), (wanted), __FILE__, __LINE__)

static inline struct str visible_of(const struct mail *mail)
{
    return str_sub(mail->text, 0, mail->visible_len);
}
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
