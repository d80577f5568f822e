// SPDX-License-Identifier: AGPL-3.0-or-later
// See poll.h. One thread leases streams that are due; a pool of pollers runs them. A lease is told by its
// end, so a poller that lost it (a new one has another end) cannot move the cursor.
#include "jobs/poll.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "jobs/network.h"
#include "jobs/owners.h"
#include "jobs/poll_result.h"
#include "jobs/worker.h"
#include "sql_gen.h"
#include <stdio.h>

enum {
    SLOTS = 8,
    LEASE_MS = 60000,
    RENEW_MS = 20000,
    LOOK_MS = 1000,
    DEADLINE_MS = 240000,
    WAITING_LOOK = 5000
};

struct slot {
    struct poll *poll;
    bool used, failing; // failing: its last turns had no answer
    struct polled polled;
    char stream[32], kind[32];
    struct buf cursor;    // heap
    pthread_mutex_t lock; // lease, and that nobody renews while the result is written
    bool finishing;
};
struct poll {
    struct jobs_settings settings;
    struct worker *dispatcher;
    struct queue *queue;
    pthread_t pollers[SLOTS];
    pthread_mutex_t lock; // slots' used, running
    pthread_cond_t ended;
    int running;
    struct slot slots[SLOTS];
    i64 renewed_at;
};

// ---- A poller -------------------------------------------------------------------------------------
struct reading {
    const struct channel_driver *driver;
    struct str stream, cursor;
};

static enum step_result poll_step(struct step *step, const void *arg)
{
    const struct reading *r = arg;
    return r->driver->poll(step, r->stream, r->cursor);
}

static enum step_result connect_step(struct step *step, const void *arg)
{
    const struct reading *r = arg;
    return r->driver->connect(step);
}

// Messages of open conversations, for the stream that looks at them again.
static bool load_watch(const struct jobs_settings *settings, const struct polled *p, struct arena *arena,
                       struct step *step, struct err *err)
{
    struct rows *rows;
    struct conn *conn = db_take(settings->db);
    bool ok = db_query(conn, &SQL_channel_watched,
                       DB_ARGS(db_i64(p->workspace_id), db_i64(p->channel_id), db_i64(300)), &rows, err);
    if (ok) {
        while (rows_next(rows))
            *list_push(&step->watch, arena) = row_str(rows, 0, arena);
        ok = rows_end(rows, err);
    }
    db_give(settings->db, conn);
    return ok;
}

// How much of a mailbox waits to be read: it decides whether older mail is fetched now.
static bool count_waiting(const struct jobs_settings *settings, const struct polled *p, struct step *step,
                          struct err *err)
{
    struct conn *conn = db_take(settings->db);
    bool ok = db_one_i64(conn, &SQL_intake_count_waiting,
                         DB_ARGS(db_i64(p->channel_id), db_i64(WAITING_LOOK)), &step->waiting, err);
    db_give(settings->db, conn);
    return ok;
}

static enum step_result no_driver(struct step *step)
{
    snprintf(step->reason, sizeof step->reason, "This version of the server does not know this network.");
    return STEP_REFUSED;
}

static bool read_network(struct slot *slot, struct network_run *run, struct step *step,
                         enum step_result *ret_result, struct err *err)
{
    const struct jobs_settings *settings = &slot->poll->settings;
    struct polled *p = &slot->polled;
    struct reading r = {.stream = str_from(slot->stream), .cursor = buf_str(&slot->cursor)};
    if (!network_open(run, settings, p->workspace_id, p->channel_id, step->arena, err))
        return false;
    run->deadline = clock_mono() + DEADLINE_MS;
    r.driver = channel_driver_find(run->row.kind);
    if (str_eq(r.stream, S("watch")) && !load_watch(settings, p, step->arena, step, err))
        return false;
    if (r.driver && r.driver->can & CAN_MAIL && !count_waiting(settings, p, step, err))
        return false;
    bool connecting = str_eq(r.stream, S("connect"));
    step->channel = &run->view;
    if (!r.driver || (connecting ? !r.driver->connect : !r.driver->poll))
        *ret_result = no_driver(step);
    else
        *ret_result = network_go(run, step, connecting ? connect_step : poll_step, &r);
    return true;
}

static void poll_one(struct slot *slot, struct arena *arena)
{
    struct network_run run;
    struct step step = {.arena = arena};
    struct poll_outcome outcome = {.polled = &slot->polled, .stream = str_from(slot->stream), .step = &step};
    struct err err;
    if (!read_network(slot, &run, &step, &outcome.result, &err)) {
        snprintf(step.reason, sizeof step.reason, "%s", err.text);
        // Sealed with another key, or damaged: a person has to look. Anything else passes.
        outcome.result = err.code == ERR_CONFLICT ? STEP_REAUTH : STEP_RETRY;
        outcome.ours = true;
    } else {
        outcome.row = &run.row;
    }
    pthread_mutex_lock(&slot->lock);
    slot->finishing = true;
    pthread_mutex_unlock(&slot->lock);
    if (!db_write(slot->poll->settings.db, WRITE_INTAKE, poll_result_write, &outcome, &err))
        log_event(LOG_ERROR, "poll.write_failed", LOG_I("channel", slot->polled.channel_id),
                  LOG_C("error", err.text)); // the lease runs out; the same is read again
}

static void slot_free(struct slot *slot)
{
    struct poll *p = slot->poll;
    pthread_mutex_lock(&p->lock);
    slot->used = false;
    pthread_mutex_unlock(&p->lock);
    worker_wake(p->dispatcher);
}

static void *poller(void *arg)
{
    struct poll *p = arg;
    struct slot *slot;
    while ((slot = queue_pop(p->queue, -1))) {
        struct arena *arena = arena_take();
        poll_one(slot, arena);
        arena_give(arena);
        slot_free(slot);
    }
    pthread_mutex_lock(&p->lock);
    p->running--;
    pthread_cond_broadcast(&p->ended);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

// ---- The dispatcher -------------------------------------------------------------------------------
static bool lease_write(struct tx *tx, void *arg, struct err *err)
{
    struct slot *slot = arg;
    struct polled *p = &slot->polled;
    char owner[OWNER_CAP];
    i64 changed = 0;
    owner_name(tx->db, owner);
    p->lease = tx->now + LEASE_MS + (i64)(random_u64() % 1000);
    if (!db_exec(tx->conn, &SQL_channel_cursor_lease,
                 DB_ARGS(db_i64(p->lease), db_str(str_from(owner)), db_i64(p->workspace_id),
                         db_i64(p->channel_id), db_str(str_from(slot->stream)), db_i64(tx->now)),
                 &changed, err))
        return false;
    if (!changed)
        p->lease = 0;
    return true;
}

static bool renew_write(struct tx *tx, void *arg, struct err *err)
{
    struct slot *slot = arg;
    struct polled *p = &slot->polled;
    i64 changed = 0, until = tx->now + LEASE_MS + (i64)(random_u64() % 1000);
    if (!db_exec(tx->conn, &SQL_channel_cursor_renew,
                 DB_ARGS(db_i64(until), db_i64(p->workspace_id), db_i64(p->channel_id),
                         db_str(str_from(slot->stream)), db_i64(p->lease)),
                 &changed, err))
        return false;
    p->next_lease = changed ? until : p->lease;
    return true;
}

static void renew(struct poll *p)
{
    struct err err;
    if (clock_mono() - p->renewed_at < RENEW_MS)
        return;
    p->renewed_at = clock_mono();
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &p->slots[i];
        pthread_mutex_lock(&slot->lock);
        if (slot->used && !slot->finishing) {
            if (db_write(p->settings.db, WRITE_INTAKE, renew_write, slot, &err))
                slot->polled.lease = slot->polled.next_lease;
            else
                log_event(LOG_WARN, "poll.renew_failed", LOG_C("error", err.text));
        }
        pthread_mutex_unlock(&slot->lock);
    }
}

static struct slot *free_slot(struct poll *p)
{
    struct slot *found = NULL;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < SLOTS && !found; i++)
        if (!p->slots[i].used)
            found = &p->slots[i];
    pthread_mutex_unlock(&p->lock);
    return found;
}

// Streams of this network that are under way and had no answer lately: at most a quarter of the slots.
static bool too_many_failing(struct poll *p, struct str kind)
{
    int n = 0;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < SLOTS; i++)
        n += p->slots[i].used && p->slots[i].failing && str_eq(str_from(p->slots[i].kind), kind);
    pthread_mutex_unlock(&p->lock);
    return n >= SLOTS / 4;
}

struct due {
    struct polled polled;
    struct str stream, cursor, kind;
};
struct due_list {
    struct due *items;
    size_t len, cap;
};

static bool load_due(struct poll *p, struct arena *arena, struct due_list *out, struct err *err)
{
    struct rows *rows;
    struct conn *conn = db_take(p->settings.db);
    bool ok =
        db_query(conn, &SQL_channel_cursor_due, DB_ARGS(db_i64(clock_now()), db_i64(2 * SLOTS)), &rows, err);
    if (ok) {
        while (rows_next(rows)) {
            struct due *d = list_push(out, arena);
            d->polled.workspace_id = row_i64(rows, 0);
            d->polled.channel_id = row_i64(rows, 1);
            d->stream = row_str(rows, 2, arena);
            d->cursor = row_str(rows, 3, arena);
            d->polled.failures = row_i64(rows, 4);
            d->kind = row_str(rows, 6, arena);
        }
        ok = rows_end(rows, err);
    }
    db_give(p->settings.db, conn);
    return ok;
}

static void copy_name(char *to, size_t size, struct str from)
{
    size_t len = from.len < size - 1 ? from.len : size - 1;
    memcpy(to, from.ptr, len);
    to[len] = '\0';
}

static bool start_one(struct poll *p, const struct due *due, struct err *err)
{
    struct slot *slot = free_slot(p);
    if (!slot)
        return true;
    slot->polled = due->polled;
    slot->finishing = false;
    slot->failing = due->polled.failures > 0;
    copy_name(slot->stream, sizeof slot->stream, due->stream);
    copy_name(slot->kind, sizeof slot->kind, due->kind);
    buf_reset(&slot->cursor);
    buf_add(&slot->cursor, due->cursor);
    if (!db_write(p->settings.db, WRITE_INTAKE, lease_write, slot, err))
        return false;
    if (!slot->polled.lease)
        return true; // somebody else has it
    pthread_mutex_lock(&p->lock);
    slot->used = true;
    pthread_mutex_unlock(&p->lock);
    if (!queue_push(p->queue, slot))
        slot->used = false; // stopping
    return true;
}

static i64 turn(struct worker *worker, void *arg)
{
    struct poll *p = arg;
    struct due_list due = {};
    struct err err;
    struct arena *arena = arena_take();
    renew(p);
    bool ok = !free_slot(p) || load_due(p, arena, &due, &err);
    for (size_t i = 0; ok && i < due.len && !worker_stopping(worker); i++)
        if (due.items[i].polled.failures == 0 || !too_many_failing(p, due.items[i].kind))
            ok = start_one(p, &due.items[i], &err);
    if (!ok)
        log_event(LOG_ERROR, "poll.turn_failed", LOG_C("error", err.text));
    arena_give(arena);
    return LOOK_MS;
}

// ---- Start and stop -------------------------------------------------------------------------------
static bool expire_write(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return db_exec(tx->conn, &SQL_channel_cursor_expire, DB_NO_ARGS, NULL, err);
}

bool poll_start(const struct jobs_settings *settings, struct poll **ret_poll, struct err *err)
{
    // On SQLite this is the only process: leases that are left belong to one that is gone.
    if (db_kind(settings->db) == DB_SQLITE && !db_write(settings->db, WRITE_INTAKE, expire_write, NULL, err))
        return false;
    struct poll *p = mem_alloc(sizeof *p);
    p->settings = *settings;
    p->renewed_at = clock_mono();
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->ended);
    p->queue = queue_create(SLOTS);
    p->running = SLOTS;
    for (int i = 0; i < SLOTS; i++) {
        p->slots[i].poll = p;
        buf_init(&p->slots[i].cursor, NULL, 256 << 10);
        pthread_mutex_init(&p->slots[i].lock, NULL);
    }
    p->dispatcher = worker_start("poll", turn, p);
    for (int i = 0; i < SLOTS; i++)
        p->pollers[i] = thread_start("poller", poller, p);
    *ret_poll = p;
    return true;
}

void poll_ask_stop(struct poll *poll)
{
    if (!poll)
        return;
    worker_ask_stop(poll->dispatcher);
    queue_close(poll->queue);
}

static bool pollers_ended(struct poll *p, i64 until_mono)
{
    pthread_mutex_lock(&p->lock);
    while (p->running > 0)
        if (!cond_wait_until(&p->ended, &p->lock, until_mono))
            break;
    bool ended = p->running == 0;
    pthread_mutex_unlock(&p->lock);
    return ended;
}

bool poll_join(struct poll *poll, i64 until_mono)
{
    if (!poll)
        return true;
    // Pollers wake the dispatcher when they end, so they end first.
    if (!pollers_ended(poll, until_mono) || !worker_join(poll->dispatcher, until_mono))
        return false;
    for (int i = 0; i < SLOTS; i++) {
        pthread_join(poll->pollers[i], NULL);
        buf_finish(&poll->slots[i].cursor);
        pthread_mutex_destroy(&poll->slots[i].lock);
    }
    queue_destroy(poll->queue);
    pthread_mutex_destroy(&poll->lock);
    pthread_cond_destroy(&poll->ended);
    mem_free(poll);
    return true;
}

i64 poll_progress_at(const struct poll *poll)
{
    return worker_progress_at(poll->dispatcher);
}
