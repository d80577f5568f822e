// SPDX-License-Identifier: AGPL-3.0-or-later
// Opens what every command works on: the database and the key that belongs to it.
#pragma once
#include "base/crypto.h"
#include "cli/options.h"
#include "store/db.h"

struct store {
    struct db *db;
    struct key *key;
};
// The key is made with a new database. A database without its key, or with another, does not open.
bool store_open(const struct options *options, bool migrate, int n_readers, struct arena *arena,
                struct store *out, struct err *err) MUST_CHECK;
void store_close(struct store *store);
struct db_settings store_settings(const struct options *options, bool migrate, int n_readers);
