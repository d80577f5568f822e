// SPDX-License-Identifier: AGPL-3.0-or-later
// A fresh database of one kind per test: a temporary folder, or a database on a real PostgreSQL.
#pragma once
#include "base/arena.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "pg.h"
#include "sql_gen.h"
#include "store/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h> // behind what it needs

struct fixture {
    enum db_kind kind;
    char dir[64];
    const char *url;
    struct db *db;
    struct arena *arena;
    struct err err;
    int threads; // what a test started and has not ended yet: they may still use the database
};

#define CHECK_OK(expr)                                                                                       \
    do {                                                                                                     \
        if (!(expr)) {                                                                                       \
            fail_msg("%s: %s", #expr, f->err.text);                                                          \
        }                                                                                                    \
    } while (0)

static inline void fixture_open(struct fixture *f)
{
    struct db_settings settings = {
        .data_dir = str_from(f->dir), .url = str_from(f->url), .n_readers = 4, .migrate = true};
    CHECK_OK(db_open(&settings, &f->db, &f->err));
}

static inline void fixture_close(struct fixture *f)
{
    db_close(f->db);
    f->db = NULL;
}

static inline int fixture_make(void **state, enum db_kind kind)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->kind = kind;
    f->arena = arena_create();
    snprintf(f->dir, sizeof(f->dir), "/tmp/heed-test-XXXXXX");
    if (!mkdtemp(f->dir)) {
        return -1;
    }
    if (kind == DB_POSTGRES && !(f->url = pg_fresh_database())) {
        fprintf(stderr, "no PostgreSQL here\n");
        return -1;
    }
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int make_sqlite(void **state)
{
    return fixture_make(state, DB_SQLITE);
}

static inline int make_postgres(void **state)
{
    return fixture_make(state, DB_POSTGRES);
}

static inline int unmake(void **state)
{
    struct fixture *f = *state;
    char command[128];
    if (f->threads > 0) { // it failed half-way: closing now would only hide where
        fprintf(stderr, "threads of a failed test go on; its database stays open\n");
        return 0;
    }
    db_close(f->db);
    pg_drop_database(f->url);
    arena_destroy(f->arena);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    int ignored = system(command);
    (void)ignored;
    free(f);
    return 0;
}

#define ON_SQLITE(test)                                                                                      \
    {                                                                                                        \
        "sqlite: " #test, test, make_sqlite, unmake, NULL                                                    \
    }
#define ON_POSTGRES(test)                                                                                    \
    {                                                                                                        \
        "postgres: " #test, test, make_postgres, unmake, NULL                                                \
    }
#define ON_BOTH(test) ON_SQLITE(test), ON_POSTGRES(test)
