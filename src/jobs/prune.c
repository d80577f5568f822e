// SPDX-License-Identifier: AGPL-3.0-or-later
// See prune.h. Nothing is pruned that a reader of the log still needs.
#include "jobs/prune.h"
#include "base/clock.h"
#include "sql_gen.h"
#include <stdatomic.h>

enum { AT_ONCE = 500, FILES_AT_ONCE = 10, RAW_DAYS = 30, LOG_DAYS = 90 };
#define HOUR ((i64)3600 * 1000)
#define DAY  (24 * HOUR)

static atomic_llong raw_days = RAW_DAYS, log_days = LOG_DAYS;
static atomic_llong unlearnt_until; // 0: not known

void prune_keep(i64 raw, i64 log)
{
    atomic_store(&raw_days, raw > 0 ? raw : RAW_DAYS);
    atomic_store(&log_days, log > 0 ? log : LOG_DAYS);
}

bool prune_inbound(struct tx *tx, i64 *ret_n, struct err *err)
{
    return db_exec(tx->conn, &SQL_prune_inbound,
                   DB_ARGS(db_i64(tx->now - atomic_load(&raw_days) * DAY), db_i64(AT_ONCE)), ret_n, err);
}

bool prune_events(struct tx *tx, i64 *ret_n, struct err *err)
{
    return db_exec(tx->conn, &SQL_prune_events,
                   DB_ARGS(db_i64(AT_ONCE), db_i64(tx->now - atomic_load(&log_days) * DAY)), ret_n, err);
}

void prune_look(struct conn *conn)
{
    struct err ignored = {};
    i64 until = 0;
    if (!db_one_i64(conn, &SQL_prune_unlearnt, DB_ARGS(db_i64(clock_now())), &until, &ignored)) {
        until = 0; // no index here yet
    }
    atomic_store(&unlearnt_until, until);
}

// Clocks of several processes differ a little, and a person may still ask what was there an hour ago.
bool prune_versions(struct tx *tx, i64 *ret_n, struct err *err)
{
    i64 passed = atomic_load(&unlearnt_until) - HOUR, old = tx->now - DAY;
    return db_exec(tx->conn, &SQL_prune_versions,
                   DB_ARGS(db_i64(passed < old ? passed : old), db_i64(AT_ONCE)), ret_n, err);
}

struct unused {
    i64 workspace_id;
    struct str sha256;
};

bool prune_files(struct tx *tx, i64 *ret_n, struct err *err)
{
    struct unused unused[FILES_AT_ONCE];
    size_t n = 0;
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_prune_files_unused,
                  DB_ARGS(db_i64(tx->now - 7 * DAY), db_i64(FILES_AT_ONCE)), &rows, err)) {
        return false;
    }
    while (n < FILES_AT_ONCE && rows_next(rows)) {
        unused[n++] = (struct unused){row_i64(rows, 0), row_str(rows, 1, tx->arena)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct db_arg args[] = {db_i64(unused[i].workspace_id), db_str(unused[i].sha256),
                                      db_i64(tx->now - 7 * DAY)};
        i64 gone;
        if (!db_exec(tx->conn, &SQL_prune_file, args, 3, &gone, err) ||
            (gone > 0 && !db_exec(tx->conn, &SQL_prune_file_parts, args, 2, NULL, err))) {
            return false;
        }
    }
    *ret_n = (i64)n;
    return true;
}
