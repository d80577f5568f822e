// SPDX-License-Identifier: AGPL-3.0-or-later
// One small table for the whole process, renewed from the database when it is half a second old.
#include "api/backlog.h"
#include "base/clock.h"
#include "base/thread.h"
#include "sql_gen.h"

enum { CHANNELS_MAX = 4096, RENEW_MS = 500 };

static struct {
    pthread_mutex_t lock;
    struct {
        i64 channel_id, n;
    } items[CHANNELS_MAX]; // only channels with something waiting
    size_t len;
    i64 renewed_at;
    bool renewing;
} backlog = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void put(i64 channel_id, i64 n)
{
    for (size_t i = 0; i < backlog.len; i++) {
        if (backlog.items[i].channel_id == channel_id) {
            backlog.items[i].n += n;
            return;
        }
    }
    if (backlog.len < CHANNELS_MAX) {
        backlog.items[backlog.len].channel_id = channel_id;
        backlog.items[backlog.len++].n = n;
    }
}

static void renew(struct db *db)
{
    struct err err = {};
    struct rows *rows;
    struct conn *conn = db_take(db);
    if (db_query(conn, &SQL_inbound_backlog, DB_NO_ARGS, &rows, &err)) {
        pthread_mutex_lock(&backlog.lock);
        backlog.len = 0;
        while (rows_next(rows))
            put(row_i64(rows, 0), row_i64(rows, 1));
        pthread_mutex_unlock(&backlog.lock);
        rows_end(rows, &err); // a database that is away answers 503 where it matters
    }
    db_give(db, conn);
}

i64 backlog_of(struct db *db, i64 channel_id)
{
    i64 now = clock_mono(), n = 0;
    pthread_mutex_lock(&backlog.lock);
    bool mine = !backlog.renewing && (backlog.renewed_at == 0 || now - backlog.renewed_at > RENEW_MS);
    if (mine)
        backlog.renewing = true;
    pthread_mutex_unlock(&backlog.lock);
    if (mine)
        renew(db);
    pthread_mutex_lock(&backlog.lock);
    if (mine) {
        backlog.renewing = false;
        backlog.renewed_at = clock_mono();
    }
    for (size_t i = 0; i < backlog.len; i++) {
        if (backlog.items[i].channel_id == channel_id)
            n = backlog.items[i].n;
    }
    pthread_mutex_unlock(&backlog.lock);
    return n;
}

void backlog_add(i64 channel_id)
{
    pthread_mutex_lock(&backlog.lock);
    put(channel_id, 1);
    pthread_mutex_unlock(&backlog.lock);
}
