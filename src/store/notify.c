// SPDX-License-Identifier: AGPL-3.0-or-later
// News between processes on PostgreSQL. NOTIFY inside a transaction takes a lock over COMMIT (19,000
// -> 3,500 transactions/s when tried), so it is sent afterwards, on a connection of its own, at most
// once in 10 ms. It is only a hint: watchers are also woken each second. The same connection holds the lock
// that tells the others that this process is there, and counts tables that are new to PostgreSQL.
#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"

enum { NOTIFY_MS = 10, LOOK_MS = 1000, RECONNECT_MS = 1000, ANALYZE_MS = 2000 };

struct notifier {
    struct db *db;
    PGconn *pg;
    i64 sent_at, looked_at, retry_at;
    i64 analyzed_at, analyzed_writes;
};

static void disconnect(struct notifier *n)
{
    PQfinish(n->pg);
    n->pg = NULL;
    n->retry_at = clock_mono() + RECONNECT_MS;
}

static bool connect(struct notifier *n)
{
    struct err err = {0};
    if (n->pg) {
        return true;
    }
    if (clock_mono() < n->retry_at) {
        return false;
    }
    struct arena *arena = arena_take();
    const char *present =
        str_cstr(arena, str_printf(arena, "SELECT pg_advisory_lock_shared(%lld)",
                                   (long long)n->db->process)); // until this connection ends
    bool ok = postgres_connect(n->db, &n->pg, &err) && postgres_run(n->pg, "LISTEN heed_event", &err) &&
              postgres_run(n->pg, present, &err);
    arena_give(arena);
    if (!ok) {
        log_event(LOG_WARN, "store.listen_failed", LOG_C("error", err.text));
        disconnect(n);
        return false;
    }
    db_fire_watches(n->db); // what came while nobody listened
    return true;
}

// Tells the others; true when something has still to be sent later.
static bool send_news(struct notifier *n)
{
    struct err err = {0};
    if (!atomic_load(&n->db->notify_wanted)) {
        return false;
    }
    if (clock_mono() - n->sent_at < NOTIFY_MS) {
        return true;
    }
    atomic_store(&n->db->notify_wanted, false);
    n->sent_at = clock_mono();
    if (!postgres_run(n->pg, "NOTIFY heed_event", &err)) {
        disconnect(n);
    }
    return false;
}

static void hear_news(struct notifier *n)
{
    bool heard = false;
    if (!PQconsumeInput(n->pg)) {
        disconnect(n);
        return;
    }
    PGnotify *notice;
    while ((notice = PQnotifies(n->pg))) {
        // Our own were told to our watchers at COMMIT already.
        heard = heard || notice->be_pid != PQbackendPID(n->pg);
        PQfreemem(notice);
    }
    if (heard || clock_mono() - n->looked_at >= LOOK_MS) {
        n->looked_at = clock_mono();
        db_fire_watches(n->db);
    }
}

// Before PostgreSQL has looked at a table it takes every index for equally good and may read a whole
// workspace for one row. Its own autovacuum comes after a minute or more; the first minute is ours.
static void analyze_new_tables(struct notifier *n)
{
    i64 now = clock_mono();
    i64 writes = atomic_load(&n->db->writes);
    if (now - n->analyzed_at < ANALYZE_MS || writes == n->analyzed_writes) {
        return;
    }
    n->analyzed_at = now;
    n->analyzed_writes = writes;
    PGresult *tables = PQexec(n->pg, "SELECT 'ANALYZE ' || quote_ident(relname) FROM pg_stat_user_tables "
                                     "WHERE schemaname = current_schema() AND n_mod_since_analyze > 100 "
                                     "AND last_analyze IS NULL AND last_autoanalyze IS NULL");
    for (int i = 0; i < PQntuples(tables) && !atomic_load(&n->db->closing); i++) {
        struct err err = {0};
        if (!postgres_run(n->pg, PQgetvalue(tables, i, 0), &err)) {
            log_event(LOG_WARN, "store.analyze_failed", LOG_C("error", err.text));
            break;
        }
    }
    PQclear(tables);
}

void *notify_run(void *arg)
{
    struct notifier n = {.db = arg};
    while (!atomic_load(&n.db->closing)) {
        bool later = connect(&n) && send_news(&n);
        helper_wait(n.db, n.pg ? PQsocket(n.pg) : -1, later ? NOTIFY_MS : LOOK_MS);
        if (n.pg) {
            hear_news(&n);
        }
        if (n.pg) {
            analyze_new_tables(&n);
        } else if (clock_mono() - n.looked_at >= LOOK_MS) {
            n.looked_at = clock_mono();
            db_fire_watches(n.db);
        }
    }
    PQfinish(n.pg);
    return NULL;
}
