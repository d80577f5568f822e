// SPDX-License-Identifier: AGPL-3.0-or-later
// Raw bytes into the database, before the network gets its 2xx; then the intake job is woken.
#include "base/thread.h"
#include "desk/intake.h"
#include "sql_gen.h"

// One listener per process, set when the jobs start and taken away before they end.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*listener)(void *arg);
static void *listener_arg;

void intake_on_stored(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    listener = fn;
    listener_arg = arg;
    pthread_mutex_unlock(&lock);
}

static void stored(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    if (listener) {
        listener(listener_arg);
    }
    pthread_mutex_unlock(&lock);
}

bool intake_store(struct tx *tx, i64 workspace_id, i64 channel_id, struct str source, struct str stream,
                  struct str body, i64 *ret_id, struct err *err)
{
    i64 id;
    if (!db_one_i64(tx->conn, &SQL_intake_store,
                    DB_ARGS(db_i64(workspace_id), db_i64(channel_id), db_str(source), db_str(stream),
                            db_blob(body), db_i64(tx->now)),
                    &id, err)) {
        return false;
    }
    tx_after_commit(tx, stored, NULL);
    *ret_id = id;
    return true;
}
