// SPDX-License-Identifier: AGPL-3.0-or-later
// See schedule.h. Each entry is a bounded write that is repeated while it finds something, so a long
// neglected table never holds up the others' writes.
#include "jobs/schedule.h"
#include "base/clock.h"
#include "base/log.h"
#include "desk/callback.h"
#include "desk/conversation.h"
#include "desk/delivery.h"
#include "desk/ping.h"
#include "desk/scheduled.h"
#include "jobs/prune.h"
#include "sql_gen.h"

enum { AT_ONCE = 500 };
enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY ((i64)24 * HOUR)

typedef bool entry_fn(struct tx *tx, i64 *ret_n, struct err *err);

static bool wake_snoozes(struct tx *tx, i64 *ret_n, struct err *err)
{
    return conversation_wake(tx, ret_n, err);
}

static bool call_back(struct tx *tx, i64 *ret_n, struct err *err)
{
    return callback_run(tx, ret_n, err);
}

static bool prune_idempotency(struct tx *tx, i64 *ret_n, struct err *err)
{
    i64 n;
    *ret_n = 0; // all at once: an hour's worth is little
    return db_exec(tx->conn, &SQL_prune_idempotency, DB_ARGS(db_i64(tx->now - 72 * HOUR)), &n, err);
}

static bool prune_sessions(struct tx *tx, i64 *ret_n, struct err *err)
{
    *ret_n = 0;
    return db_exec(tx->conn, &SQL_prune_sessions, DB_ARGS(db_i64(tx->now)), NULL, err) &&
           db_exec(tx->conn, &SQL_prune_codes, DB_ARGS(db_i64(tx->now)), NULL, err);
}

static bool near_targets(struct tx *tx, i64 *ret_n, struct err *err)
{
    return ping_targets(tx, ret_n, err);
}

static bool pass_pings(struct tx *tx, i64 *ret_n, struct err *err)
{
    return ping_pass(tx, ret_n, err);
}

static bool prune_webhooks(struct tx *tx, i64 *ret_n, struct err *err)
{
    return db_exec(tx->conn, &SQL_webhook_prune, DB_ARGS(db_i64(tx->now - 30 * DAY), db_i64(AT_ONCE)), ret_n,
                   err);
}

static bool prune_pings(struct tx *tx, i64 *ret_n, struct err *err)
{
    i64 pushes = 0, mails = 0, pings = 0;
    bool fine =
        db_exec(tx->conn, &SQL_push_device_prune, DB_NO_ARGS, NULL, err) &&
        db_exec(tx->conn, &SQL_push_out_prune, DB_ARGS(db_i64(tx->now - 7 * DAY), db_i64(AT_ONCE)), &pushes,
                err) &&
        db_exec(tx->conn, &SQL_mail_out_prune, DB_ARGS(db_i64(tx->now - 30 * DAY), db_i64(AT_ONCE)), &mails,
                err) &&
        db_exec(tx->conn, &SQL_ping_prune, DB_ARGS(db_i64(tx->now - 90 * DAY), db_i64(AT_ONCE)), &pings, err);
    *ret_n = pushes + mails + pings;
    return fine;
}

static bool give_up_sending(struct tx *tx, i64 *ret_n, struct err *err)
{
    return delivery_give_up(tx, 50, ret_n, err);
}

static bool send_one(struct tx *tx, void *arg, struct err *err)
{
    return scheduled_send(tx, arg, err);
}

// One write each; what cannot be written now is told, and tried again in a second.
static bool send_scheduled(struct db *db, struct worker *worker, i64 *ret_n, struct err *err)
{
    struct scheduled_due due = {};
    bool found = true;
    i64 now = clock_now();
    for (*ret_n = 0; !(worker && worker_stopping(worker)); ++*ret_n) {
        struct err why = {};
        struct conn *conn = db_take(db);
        bool ok = scheduled_due_next(conn, now, &due, &found, err);
        db_give(db, conn);
        if (!ok || !found) {
            return ok;
        }
        if (!db_write(db, WRITE_READER, send_one, &due, &why)) {
            log_event(LOG_WARN, "schedule.answer_waits", LOG_I("scheduled", due.id),
                      LOG_I("workspace", due.workspace_id), LOG_C("error", why.text));
        }
    }
    return true;
}

static const struct entry {
    const char *name;
    i64 every_ms;
    entry_fn *fn;
    bool (*walk)(struct db *db, struct worker *worker, i64 *ret_n, struct err *err); // instead of fn
} entries[] = {
    {"wake_snoozes", SECOND, wake_snoozes},
    {"near_targets", 10 * SECOND, near_targets},
    {"send_scheduled", SECOND, .walk = send_scheduled},
    {"call_back", SECOND, call_back},
    {"pass_pings", 2 * SECOND, pass_pings},
    {"prune_pings", HOUR, prune_pings},
    {"prune_webhooks", HOUR, prune_webhooks},
    {"give_up_sending", MINUTE, give_up_sending},
    {"prune_inbound", 10 * MINUTE, prune_inbound},
    {"prune_idempotency", 30 * MINUTE, prune_idempotency},
    {"prune_events", 10 * MINUTE, prune_events},
    {"prune_versions", 10 * MINUTE, prune_versions},
    {"prune_files", HOUR, prune_files},
    {"prune_sessions", HOUR, prune_sessions},
};

struct schedule {
    struct db *db;
    struct worker *worker;
    i64 next[ARRAY_LEN(entries)]; // clock_mono
};

struct doing {
    const struct entry *entry;
    i64 n;
};

static bool do_write(struct tx *tx, void *arg, struct err *err)
{
    struct doing *doing = arg;
    return doing->entry->fn(tx, &doing->n, err);
}

// Looked at on a reading connection first: the writer is not woken each second for nothing.
static bool anything_due(struct db *db, const struct entry *entry)
{
    if (entry->fn != wake_snoozes && entry->fn != pass_pings && entry->fn != call_back) {
        return true;
    }
    struct conn *conn = db_take(db);
    struct rows *rows;
    struct err err = {};
    i64 now = clock_now();
    bool snoozes = entry->fn == wake_snoozes, due = true;
    if (snoozes ? db_query(conn, &SQL_conversation_snoozed_due, DB_ARGS(db_i64(now), db_i64(1)), &rows, &err)
        : entry->fn == call_back
            ? db_query(conn, &SQL_callback_due,
                       DB_ARGS(db_i64(now), db_i64(now - CALLBACK_MISSED_MS), db_i64(1)), &rows, &err)
            : db_query(conn, &SQL_ping_pass_waiting, DB_ARGS(db_i64(now)), &rows, &err)) {
        due = rows_next(rows);
        due = !rows_end(rows, &err) || due;
    }
    db_give(db, conn);
    return due;
}

static bool do_entry(struct db *db, struct worker *worker, const struct entry *entry, i64 *ret_n,
                     struct err *err)
{
    struct doing doing = {entry, 0};
    *ret_n = 0;
    if (entry->walk) {
        return entry->walk(db, worker, ret_n, err);
    }
    if (entry->fn == prune_versions) {
        struct conn *conn = db_take(db);
        prune_look(conn);
        db_give(db, conn);
    }
    do {
        if (!anything_due(db, entry)) {
            return true;
        }
        if (!db_write(db, WRITE_READER, do_write, &doing, err)) {
            return false;
        }
        *ret_n += doing.n;
    } while (doing.n > 0 && !(worker && worker_stopping(worker)));
    return true;
}

static i64 turn(struct worker *worker, void *arg)
{
    struct schedule *schedule = arg;
    i64 now = clock_mono();
    i64 soonest = now + SECOND;
    for (size_t i = 0; i < ARRAY_LEN(entries) && !worker_stopping(worker); i++) {
        const struct entry *entry = &entries[i];
        struct err err = {};
        i64 n;
        if (schedule->next[i] <= now) {
            schedule->next[i] = now + entry->every_ms;
            if (!do_entry(schedule->db, worker, entry, &n, &err)) {
                log_event(LOG_WARN, "schedule.failed", LOG_C("entry", entry->name), LOG_C("error", err.text));
            }
        }
        soonest = schedule->next[i] < soonest ? schedule->next[i] : soonest;
    }
    i64 pause = soonest - clock_mono();
    return pause > 10 ? pause : 10;
}

struct schedule *schedule_start(struct db *db)
{
    struct schedule *schedule = mem_alloc(sizeof(*schedule));
    schedule->db = db;
    schedule->worker = worker_start("schedule", turn, schedule);
    return schedule;
}

void schedule_ask_stop(struct schedule *schedule)
{
    worker_ask_stop(schedule->worker);
}

bool schedule_join(struct schedule *schedule, i64 until_mono)
{
    if (schedule && !worker_join(schedule->worker, until_mono)) {
        return false;
    }
    mem_free(schedule);
    return true;
}

i64 schedule_progress_at(const struct schedule *schedule)
{
    return worker_progress_at(schedule->worker);
}

bool schedule_do(struct db *db, const char *name, i64 *ret_n, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (strcmp(entries[i].name, name) == 0) {
            return do_entry(db, NULL, &entries[i], ret_n, err);
        }
    }
    return err_set(err, ERR_NOT_FOUND, "There is no scheduled job “%s”.", name);
}
