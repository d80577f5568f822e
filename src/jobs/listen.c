// SPDX-License-Identifier: AGPL-3.0-or-later
// See listen.h. Over a shared database one process listens per channel: the lease "#listen" says who.
#include "jobs/listen.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "jobs/network.h"
#include "jobs/owners.h"
#include "jobs/worker.h"
#include "sql_gen.h"
#include <stdio.h>

enum { EARS = 64, LOOK_MS = 5000, LEASE_MS = 3600000, RUN_MS = 3500000, AFTER_TROUBLE_MS = 20000 };

struct ear { // one channel
    struct listen *listen;
    bool used, ended;
    i64 workspace_id, channel_id, lease;
    i64 not_before; // clock_now; after trouble, or where there is nothing to hear
    pthread_t thread;
};
struct listen {
    struct jobs_settings settings;
    struct worker *worker;
    pthread_mutex_t lock; // the ears
    pthread_cond_t changed;
    struct ear ears[EARS];
    bool stopping;
};

// ---- One channel ----------------------------------------------------------------------------------
struct hearing {
    struct ear *ear;
    const struct channel_driver *driver;
};

static bool nudge_write(struct tx *tx, void *arg, struct err *err)
{
    const struct hearing *h = arg;
    for (size_t i = 0; h->driver->streams && h->driver->streams[i]; i++)
        if (!db_exec(tx->conn, &SQL_channel_cursor_nudge,
                     DB_ARGS(db_i64(tx->now), db_i64(h->ear->workspace_id), db_i64(h->ear->channel_id),
                             db_str(str_from(h->driver->streams[i]))),
                     NULL, err))
            return false;
    return true;
}

static enum step_result listen_step(struct step *step, const void *arg)
{
    const struct hearing *h = arg;
    struct err err;
    enum step_result result = h->driver->listen(step);
    if (step->more && !db_write(h->ear->listen->settings.db, WRITE_INTAKE, nudge_write, (void *)h, &err))
        log_event(LOG_WARN, "listen.nudge", LOG_C("error", err.text));
    step->more = false;
    return result;
}

static bool lease_write(struct tx *tx, void *arg, struct err *err)
{
    struct ear *ear = arg;
    char owner[OWNER_CAP];
    i64 changed = 0;
    owner_name(ear->listen->settings.db, owner);
    ear->lease = tx->now + LEASE_MS + (i64)(random_u64() % 1000);
    if (!db_exec(tx->conn, &SQL_channel_cursor_lease_put,
                 DB_ARGS(db_i64(ear->workspace_id), db_i64(ear->channel_id), db_str(S("#listen")),
                         db_i64(ear->lease), db_str(str_from(owner)), db_i64(tx->now)),
                 &changed, err))
        return false;
    if (!changed)
        ear->lease = 0;
    return true;
}

static bool release_write(struct tx *tx, void *arg, struct err *err)
{
    const struct ear *ear = arg;
    return db_exec(
        tx->conn, &SQL_channel_cursor_release,
        DB_ARGS(db_i64(ear->workspace_id), db_i64(ear->channel_id), db_str(S("#listen")), db_i64(ear->lease)),
        NULL, err);
}

// *ret_next: when to come back, 0: soon.
static void hear(struct ear *ear, struct arena *arena, i64 *ret_next)
{
    struct network_run run;
    struct step step = {.arena = arena};
    struct hearing h = {.ear = ear};
    struct err err;
    *ret_next = clock_now() + AFTER_TROUBLE_MS;
    if (!network_open(&run, &ear->listen->settings, ear->workspace_id, ear->channel_id, arena, &err))
        return;
    h.driver = channel_driver_find(run.row.kind);
    if (!h.driver || !h.driver->listen)
        return;
    run.deadline = clock_mono() + RUN_MS;
    enum step_result result = network_go(&run, &step, listen_step, &h);
    if (result == STEP_DONE && step.next_at)
        *ret_next = step.next_at;
    else if (clock_mono() > run.deadline - AFTER_TROUBLE_MS)
        *ret_next = 0; // an hour is over
}

static void *listener(void *arg)
{
    struct ear *ear = arg;
    struct listen *listen = ear->listen;
    struct arena *arena = arena_create();
    struct err err;
    i64 next = 0;
    if (!db_write(listen->settings.db, WRITE_INTAKE, lease_write, ear, &err))
        ear->lease = 0;
    if (ear->lease) {
        hear(ear, arena, &next);
        if (!db_write(listen->settings.db, WRITE_INTAKE, release_write, ear, &err))
            log_event(LOG_WARN, "listen.release", LOG_C("error", err.text));
    } else {
        next = clock_now() + 60000;
    }
    arena_destroy(arena);
    pthread_mutex_lock(&listen->lock);
    ear->not_before = next;
    ear->ended = true;
    pthread_cond_broadcast(&listen->changed);
    pthread_mutex_unlock(&listen->lock);
    return NULL;
}

// ---- Who needs an ear -----------------------------------------------------------------------------
static void gather_ended(struct listen *listen)
{
    pthread_mutex_lock(&listen->lock);
    for (int i = 0; i < EARS; i++)
        if (listen->ears[i].used && listen->ears[i].ended) {
            pthread_join(listen->ears[i].thread, NULL);
            listen->ears[i].used = listen->ears[i].ended = false;
        }
    pthread_mutex_unlock(&listen->lock);
}

// A place that is this channel's own from before keeps its memory of when to come back.
static void open_ear(struct listen *listen, i64 workspace_id, i64 channel_id)
{
    struct ear *place = NULL;
    pthread_mutex_lock(&listen->lock);
    for (int i = 0; i < EARS; i++)
        if (listen->ears[i].channel_id == channel_id)
            place = &listen->ears[i];
    for (int i = 0; i < EARS && !place; i++)
        if (!listen->ears[i].used && !listen->ears[i].channel_id)
            place = &listen->ears[i];
    if (place && !place->used && place->not_before <= clock_now() && !listen->stopping) {
        *place = (struct ear){
            .listen = listen, .used = true, .workspace_id = workspace_id, .channel_id = channel_id};
        place->thread = thread_start("listener", listener, place);
    }
    pthread_mutex_unlock(&listen->lock);
}

static i64 turn(struct worker *worker, void *arg)
{
    struct listen *listen = arg;
    struct rows *rows;
    struct err err;
    gather_ended(listen);
    struct arena *arena = arena_take();
    struct conn *conn = db_take(listen->settings.db);
    bool ok = db_query(conn, &SQL_mail_listening, DB_NO_ARGS, &rows, &err);
    while (ok && rows_next(rows)) {
        const struct channel_driver *driver = channel_driver_find(row_str(rows, 2, arena));
        if (driver && driver->listen && !worker_stopping(worker))
            open_ear(listen, row_i64(rows, 1), row_i64(rows, 0));
    }
    ok = ok && rows_end(rows, &err);
    db_give(listen->settings.db, conn);
    arena_give(arena);
    if (!ok)
        log_event(LOG_WARN, "listen.turn", LOG_C("error", err.text));
    return LOOK_MS;
}

struct listen *listen_start(const struct jobs_settings *settings)
{
    struct listen *listen = mem_alloc(sizeof *listen);
    listen->settings = *settings;
    pthread_mutex_init(&listen->lock, NULL);
    cond_init(&listen->changed);
    listen->worker = worker_start("listen", turn, listen);
    return listen;
}

void listen_ask_stop(struct listen *listen)
{
    pthread_mutex_lock(&listen->lock);
    listen->stopping = true;
    pthread_mutex_unlock(&listen->lock);
    worker_ask_stop(listen->worker);
    client_interrupt(listen->settings.client);
}

static bool any_listening(const struct listen *listen)
{
    for (int i = 0; i < EARS; i++)
        if (listen->ears[i].used && !listen->ears[i].ended)
            return true;
    return false;
}

bool listen_join(struct listen *listen, i64 until_mono)
{
    if (!listen)
        return true;
    if (!worker_join(listen->worker, until_mono))
        return false;
    listen->worker = NULL;
    pthread_mutex_lock(&listen->lock);
    while (any_listening(listen))
        if (!cond_wait_until(&listen->changed, &listen->lock, until_mono))
            break;
    bool left = any_listening(listen);
    pthread_mutex_unlock(&listen->lock);
    if (left)
        return false;
    gather_ended(listen);
    pthread_mutex_destroy(&listen->lock);
    pthread_cond_destroy(&listen->changed);
    mem_free(listen);
    return true;
}
