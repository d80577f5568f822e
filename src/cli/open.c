// SPDX-License-Identifier: AGPL-3.0-or-later
// Database and key. The database names its key (meta "key_id"); the key's file is made only together with
// a database that has none yet, so a lost key is noticed and never replaced by chance.
#include "cli/open.h"
#include "base/arena.h"
#include "query/search.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct db_settings store_settings(const struct options *options, bool migrate, int n_readers)
{
    return (struct db_settings){
        .data_dir = str_given(options->data) ? options->data : S("data"),
        .url = options->database,
        .n_readers = n_readers,
        .migrate = migrate,
    };
}

// --key, HEED_KEY_FILE, systemd's credential "key", DATA/key.
static struct str key_path(const struct options *options, struct arena *arena)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (str_given(options->key_file))
        return options->key_file;
    if (credentials) {
        struct str path = str_printf(arena, "%s/key", credentials);
        if (access(str_cstr(arena, path), R_OK) == 0)
            return path;
    }
    struct str data = str_given(options->data) ? options->data : S("data");
    return str_printf(arena, "%.*s/key", STR_ARG(data));
}

static bool write_key_id(struct tx *tx, void *arg, struct err *err)
{
    return db_meta_set(tx, "key_id", *(struct str *)arg, err);
}

static bool open_key(const struct options *options, struct db *db, struct arena *arena, struct key **ret_key,
                     struct err *err)
{
    struct str path = key_path(options, arena), stored = STR_NONE;
    const char *file = str_cstr(arena, path);
    bool there = access(file, F_OK) == 0;
    struct conn *conn = db_take(db);
    bool asked = db_meta_get(conn, "key_id", arena, &stored, err);
    db_give(db, conn);
    if (!asked)
        return false;
    if (str_given(stored) && !there)
        return err_set(err, ERR_NOT_FOUND,
                       "This database belongs to the key %.*s, and there is no key in %s. Put the key file "
                       "back; without it "
                       "its secrets cannot be opened.",
                       STR_ARG(stored), file);
    if (!there && str_given(options->data))
        (void)mkdir(str_cstr(arena, options->data), 0700); // with PostgreSQL only the key lives there
    else if (!there)
        (void)mkdir("data", 0700);
    if (!(there ? crypto_key_load(file, ret_key, err) : crypto_key_make(file, ret_key, err)))
        return false;
    struct str id = crypto_key_id(*ret_key);
    if (!str_given(stored))
        return db_write(db, WRITE_PEOPLE, write_key_id, &id, err);
    return str_eq(id, stored) ||
           err_set(err, ERR_CONFLICT, "This database belongs to the key %.*s, but %s holds %.*s.",
                   STR_ARG(stored), file, STR_ARG(id));
}

bool store_open(const struct options *options, bool migrate, int n_readers, struct arena *arena,
                struct store *out, struct err *err)
{
    struct db_settings settings = store_settings(options, migrate, n_readers);
    search_register();
    if (!db_open(&settings, &out->db, err))
        return false;
    if (open_key(options, out->db, arena, &out->key, err))
        return true;
    store_close(out);
    return false;
}

void store_close(struct store *store)
{
    db_close(store->db);
    crypto_key_destroy(store->key);
    *store = (struct store){};
}
