// SPDX-License-Identifier: AGPL-3.0-or-later
// See deliver.h. One thread looks for what is due and claims it; a pool of senders does the talking, each
// blocked in its own request. A wake-up comes with each commit that put something into the outbox.
#include "jobs/deliver.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "desk/channel.h"
#include "desk/delivery.h"
#include "jobs/lane.h"
#include "jobs/network.h"
#include "jobs/owners.h"
#include "jobs/worker.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLOTS = 16, RENEW_MS = 30000, LOOK_MS = 500, IDLE_MS = 1000, DEGRADED_AFTER = 3, AFTER_MS = 300000 };

struct slot {
    struct deliver *deliver;
    bool used, confirm;
    i64 id, channel_id;
};
struct deliver {
    struct jobs_settings settings;
    struct worker *dispatcher;
    struct queue *queue; // of struct slot *
    pthread_t senders[SLOTS];
    pthread_mutex_t lock; // lanes, slots
    pthread_cond_t ended;
    int running; // senders alive
    struct lanes lanes;
    struct slot slots[SLOTS];
    char owner[OWNER_CAP];
    struct owners others;
    i64 renewed_at;
    bool crash_after_send; // HEED_TEST_CRASH=after_send: ends between the network's yes and our mark
    bool crash_after_mark; // =after_mark: ends between our mark and what the driver does behind it
};

// ---- A sender -------------------------------------------------------------------------------------
struct sending {
    struct deliver *deliver;
    const struct channel_driver *driver;
    struct network_run run;
    struct delivery delivery;
    struct step step;
    enum step_result result;
};

static enum step_result send_step(struct step *step, const void *arg)
{
    const struct sending *s = arg;
    return s->driver->send(step, &s->delivery.out);
}

static enum step_result sent_step(struct step *step, const void *arg)
{
    const struct sending *s = arg;
    return s->driver->sent(step, &s->delivery.out);
}

static enum step_result confirm_step(struct step *step, const void *arg)
{
    const struct sending *s = arg;
    return s->driver->confirm(step, &s->delivery.out);
}

static bool finish_write(struct tx *tx, void *arg, struct err *err)
{
    const struct sending *s = arg;
    bool can_ask = s->driver && s->driver->confirm;
    return delivery_finish(tx, &s->delivery, s->result, &s->step, can_ask, err) &&
           (!s->step.facts.len ||
            channel_put_facts(tx, s->delivery.workspace_id, s->delivery.channel_id, s->step.facts, err));
}

// Its database may be away for a while; what the network said must not be lost meanwhile.
static bool finish(struct sending *s)
{
    struct err err;
    for (int n = 0; n < 60; n++) {
        if (db_write(s->deliver->settings.db, WRITE_INTAKE, finish_write, s, &err))
            return true;
        log_event(LOG_ERROR, "deliver.mark_failed", LOG_I("outbox", s->delivery.id),
                  LOG_C("error", err.text));
        struct timespec t = {.tv_sec = n < 10 ? 0 : 1, .tv_nsec = n < 10 ? 200000000 : 0};
        nanosleep(&t, NULL);
    }
    return false; // the lease runs out: in doubt, read back
}

static enum step_result talk(struct sending *s)
{
    if (!s->driver) {
        snprintf(s->step.reason, sizeof s->step.reason,
                 "This version of the server does not know the network.");
        return s->delivery.confirm ? STEP_DOUBT : STEP_REFUSED;
    }
    if (!s->delivery.confirm)
        return network_go(&s->run, &s->step, send_step, s);
    if (!s->driver->confirm)
        return STEP_DOUBT;
    return network_go(&s->run, &s->step, confirm_step, s);
}

// What the driver needs. When it cannot be had nothing was sent, and that is what is said.
static bool load_files(struct sending *s, struct arena *arena, struct err *err)
{
    const struct jobs_settings *settings = &s->deliver->settings;
    struct delivery_links links = {settings->key, settings->public_url, clock_now()};
    struct conn *conn = db_take(settings->db);
    bool ok = delivery_load_files(conn, s->driver, &links, arena, &s->delivery, err);
    db_give(settings->db, conn);
    return ok;
}

// Behind the mark: it arrived and is on record, so nothing that happens here sends it again.
static void after_mark(struct sending *s, struct arena *arena)
{
    struct step step = {.arena = arena};
    if (s->deliver->crash_after_mark)
        kill(getpid(), SIGKILL);
    if (!s->driver->sent)
        return;
    s->run.deadline = clock_mono() + AFTER_MS;
    if (network_go(&s->run, &step, sent_step, s) != STEP_DONE)
        log_event(LOG_WARN, "deliver.after_failed", LOG_I("channel", s->delivery.channel_id),
                  LOG_I("message", s->delivery.message_id), LOG_C("error", step.reason));
}

static bool load(struct sending *s, const struct slot *slot, struct arena *arena)
{
    const struct jobs_settings *settings = &s->deliver->settings;
    struct err err;
    struct conn *conn = db_take(settings->db);
    bool ok = delivery_load(conn, slot->id, slot->confirm, arena, &s->delivery, &err);
    db_give(settings->db, conn);
    if (!ok) {
        s->delivery.id = slot->id;
        s->delivery.confirm = slot->confirm;
    }
    s->delivery.owner = str_from(s->deliver->owner);
    bool opened =
        ok && network_open(&s->run, settings, s->delivery.workspace_id, s->delivery.channel_id, arena, &err);
    if (opened) {
        s->driver = channel_driver_find(s->run.row.kind);
        opened = !s->driver || load_files(s, arena, &err);
    }
    if (opened) {
        return true;
    }
    log_event(LOG_WARN, "deliver.load_failed", LOG_I("outbox", slot->id), LOG_C("error", err.text));
    snprintf(s->step.reason, sizeof s->step.reason, "%s", err.text);
    // Sealed with another key, or damaged: a person has to look. Anything else passes.
    s->result = ok && err.code == ERR_CONFLICT ? STEP_REAUTH : STEP_RETRY;
    return false;
}

// ---- How the channel does -------------------------------------------------------------------------
static const char sending_fails[] = "Sending fails: ";

struct health {
    const struct sending *s;
    struct str state, reason;
};

static bool health_write(struct tx *tx, void *arg, struct err *err)
{
    const struct health *h = arg;
    struct channel_row row;
    const struct channel_row *was = &h->s->run.row;
    if (!channel_load(tx->conn, was->workspace_id, was->id, tx->arena, &row, err))
        return false;
    if (!str_eq(row.state, was->state) || !str_eq(row.state_reason, was->state_reason))
        return true; // somebody knows better meanwhile
    return channel_set_state(tx, was->workspace_id, was->id, h->state, h->reason, err);
}

static void note_health(const struct sending *s, i64 failures, struct arena *arena)
{
    const struct channel_row *row = &s->run.row;
    struct health h = {.s = s};
    struct err err;
    if (s->result == STEP_DONE && str_eq(row->state, S("degraded")) &&
        str_starts(row->state_reason, str_from(sending_fails)))
        h.state = S("active");
    else if (failures >= DEGRADED_AFTER && str_eq(row->state, S("active"))) {
        h.state = S("degraded");
        h.reason = str_concat(arena, str_from(sending_fails), str_from(s->step.reason));
    }
    if (h.state.len && !db_write(s->deliver->settings.db, WRITE_INTAKE, health_write, &h, &err))
        log_event(LOG_WARN, "deliver.state_failed", LOG_I("channel", row->id), LOG_C("error", err.text));
}

static enum lane_outcome outcome_of(const struct sending *s)
{
    if (s->result == STEP_DONE || s->result == STEP_REFUSED || s->result == STEP_ABSENT || s->step.only_this)
        return LANE_WELL;
    return s->step.retry_at ? LANE_SLOW_DOWN : LANE_NO_ANSWER;
}

static i64 lane_done(struct deliver *d, const struct slot *slot, enum lane_outcome outcome, i64 pause_until)
{
    pthread_mutex_lock(&d->lock);
    struct lane *lane = lane_of(&d->lanes, slot->channel_id, 0);
    lane_end(lane, outcome, pause_until);
    i64 failures = lane->failures;
    pthread_mutex_unlock(&d->lock);
    return failures;
}

static void slot_free(struct slot *slot)
{
    struct deliver *d = slot->deliver;
    pthread_mutex_lock(&d->lock);
    slot->used = false;
    pthread_mutex_unlock(&d->lock);
    worker_wake(d->dispatcher);
}

static void send_one(struct slot *slot, struct arena *arena)
{
    struct sending s = {.deliver = slot->deliver, .step = {.arena = arena}};
    bool loaded = load(&s, slot, arena);
    if (loaded)
        s.result = talk(&s);
    if (slot->deliver->crash_after_send && s.result == STEP_DONE && !slot->confirm)
        kill(getpid(), SIGKILL);
    bool marked = finish(&s);
    bool asked = s.result == STEP_RETRY && !slot->confirm;
    i64 failures = lane_done(slot->deliver, slot, loaded ? outcome_of(&s) : LANE_WELL,
                             asked && !s.step.only_this ? s.step.retry_at : 0);
    if (loaded)
        note_health(&s, failures, arena);
    if (loaded && marked && s.driver && s.result == STEP_DONE && !slot->confirm)
        after_mark(&s, arena);
    slot_free(slot);
}

static void *sender(void *arg)
{
    struct deliver *d = arg;
    struct slot *slot;
    while ((slot = queue_pop(d->queue, -1))) {
        struct arena *arena = arena_take();
        send_one(slot, arena);
        arena_give(arena);
    }
    pthread_mutex_lock(&d->lock);
    d->running--;
    pthread_cond_broadcast(&d->ended);
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

// ---- The dispatcher -------------------------------------------------------------------------------
struct claiming {
    struct deliver *deliver;
    struct delivery_due due;
    struct delivery_claims claims;
};

static bool claim_write(struct tx *tx, void *arg, struct err *err)
{
    struct claiming *c = arg;
    return delivery_claim(tx, str_from(c->deliver->owner), &c->due, &c->claims, err);
}

static bool is_well(struct str state)
{
    return str_eq(state, S("active")) || str_eq(state, S("degraded"));
}

static int free_slots(struct deliver *d)
{
    int n = 0;
    pthread_mutex_lock(&d->lock);
    for (int i = 0; i < SLOTS; i++)
        n += !d->slots[i].used;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static int room_of(struct deliver *d, const struct delivery_channel *channel)
{
    const struct channel_driver *driver = channel_driver_find(channel->kind);
    pthread_mutex_lock(&d->lock);
    struct lane *lane = lane_of(&d->lanes, channel->id, driver ? driver->sends_per_hour : 0);
    int room = lane_room(&d->lanes, lane, clock_now(), clock_mono());
    pthread_mutex_unlock(&d->lock);
    return room;
}

static void take(struct id_list *from, int *room, int *free_, struct id_list *into, i64 channel_id,
                 struct id_list *channels, struct arena *arena)
{
    for (size_t i = 0; i<from->len && * room> 0 && *free_ > 0; i++, (*room)--, (*free_)--) {
        *list_push(into, arena) = from->items[i];
        *list_push(channels, arena) = channel_id;
    }
}

// What may start now, channel by channel, from another one each time so that none always comes first.
static bool look(struct deliver *d, struct conn *conn, struct claiming *c, struct id_list *channels_of_doubts,
                 struct id_list *channels_of_queued, bool *ret_any, struct arena *arena, struct err *err)
{
    struct delivery_channels channels = {};
    int free_ = free_slots(d);
    i64 now = clock_now();
    if (!delivery_channels(conn, arena, &channels, err) ||
        !owners_look(&d->others, d->settings.db, conn, &channels, err))
        return false;
    *ret_any = channels.len > 0;
    size_t first = channels.len ? (size_t)(random_u64() % channels.len) : 0;
    for (size_t i = 0; i < channels.len && free_ > 0; i++) {
        const struct delivery_channel *channel = &channels.items[(first + i) % channels.len];
        struct delivery_due due = {};
        int room = is_well(channel->state) ? room_of(d, channel) : 0;
        if (!delivery_due(conn, channel->id, now, room > 0 ? room : 1, arena, &due, err))
            return false;
        for (size_t k = 0; k < due.lost.len; k++)
            *list_push(&c->due.lost, arena) = due.lost.items[k];
        take(&due.doubts, &room, &free_, &c->due.doubts, channel->id, channels_of_doubts, arena);
        take(&due.queued, &room, &free_, &c->due.queued, channel->id, channels_of_queued, arena);
    }
    return true;
}

static i64 channel_of(const struct id_list *ids, const struct id_list *channels, i64 id)
{
    for (size_t i = 0; i < ids->len && i < channels->len; i++)
        if (ids->items[i] == id)
            return channels->items[i];
    return 0;
}

static void start_one(struct deliver *d, i64 id, bool confirm, i64 channel_id)
{
    struct slot *slot = NULL;
    pthread_mutex_lock(&d->lock);
    for (int i = 0; i < SLOTS && !slot; i++)
        if (!d->slots[i].used)
            slot = &d->slots[i];
    if (slot) {
        *slot =
            (struct slot){.deliver = d, .used = true, .id = id, .confirm = confirm, .channel_id = channel_id};
        lane_begin(lane_of(&d->lanes, channel_id, 0));
    }
    pthread_mutex_unlock(&d->lock);
    if (slot &&
        !queue_push(d->queue, slot)) { // stopping: the claim's lease runs out, or the next start ends it
        lane_done(d, slot, LANE_WELL, 0);
        slot_free(slot);
    }
}

static bool claim_and_start(struct deliver *d, struct claiming *c, const struct id_list *doubts,
                            const struct id_list *queued, struct err *err)
{
    if (!db_write(d->settings.db, WRITE_INTAKE, claim_write, c, err))
        return false;
    for (size_t i = 0; i < c->claims.len; i++) {
        i64 id = c->claims.id[i];
        bool confirm = c->claims.confirm[i];
        i64 channel_id =
            confirm ? channel_of(&c->due.doubts, doubts, id) : channel_of(&c->due.queued, queued, id);
        start_one(d, id, confirm, channel_id);
    }
    return true;
}

// ---- Leases of what is under way ------------------------------------------------------------------
struct renewing {
    struct deliver *deliver;
    struct str ids;
};

static bool renew_write(struct tx *tx, void *arg, struct err *err)
{
    const struct renewing *r = arg;
    return delivery_renew(tx, str_from(r->deliver->owner), r->ids, err);
}

static void renew(struct deliver *d, struct arena *arena)
{
    struct buf ids;
    struct err err;
    if (clock_mono() - d->renewed_at < RENEW_MS)
        return;
    d->renewed_at = clock_mono();
    buf_init(&ids, arena, 4096);
    struct json_writer w = json_writer(&ids);
    bool any = false;
    json_open(&w, '[');
    pthread_mutex_lock(&d->lock);
    for (int i = 0; i < SLOTS; i++)
        if (d->slots[i].used) {
            json_put_i64(&w, d->slots[i].id);
            any = true;
        }
    pthread_mutex_unlock(&d->lock);
    json_close(&w, ']');
    struct renewing r = {.deliver = d, .ids = buf_str(&ids)};
    if (any && !db_write(d->settings.db, WRITE_INTAKE, renew_write, &r, &err))
        log_event(LOG_WARN, "deliver.renew_failed", LOG_C("error", err.text));
}

static i64 turn_in(struct deliver *d, struct arena *arena, struct err *err)
{
    struct claiming c = {.deliver = d};
    struct id_list doubts = {}, queued = {};
    bool any = false;
    int free_ = free_slots(d);
    renew(d, arena);
    if (free_ == 0)
        return LOOK_MS; // a sender that ends wakes us
    struct conn *conn = db_take(d->settings.db);
    bool ok = look(d, conn, &c, &doubts, &queued, &any, arena, err);
    db_give(d->settings.db, conn);
    if (!ok)
        return -1;
    if (c.due.lost.len + c.due.doubts.len + c.due.queued.len == 0)
        return any ? LOOK_MS : IDLE_MS;
    return claim_and_start(d, &c, &doubts, &queued, err) ? 5 : -1;
}

static i64 turn(struct worker *worker, void *arg)
{
    struct deliver *d = arg;
    struct err err;
    struct arena *arena = arena_take();
    i64 pause = turn_in(d, arena, &err);
    arena_give(arena);
    (void)worker;
    if (pause >= 0)
        return pause;
    log_event(LOG_ERROR, "deliver.turn_failed", LOG_C("error", err.text));
    return 1000;
}

// ---- Start and stop -------------------------------------------------------------------------------
static bool expire_write(struct tx *tx, void *arg, struct err *err)
{
    (void)arg;
    return delivery_expire(tx, err);
}

static void wake(void *arg)
{
    struct deliver *d = arg;
    worker_wake(d->dispatcher);
}

bool deliver_start(const struct jobs_settings *settings, struct deliver **ret_deliver, struct err *err)
{
    // On SQLite this is the only process: leases that are left belong to one that is gone.
    if (db_kind(settings->db) == DB_SQLITE && !db_write(settings->db, WRITE_INTAKE, expire_write, NULL, err))
        return false;
    struct deliver *d = mem_alloc(sizeof *d);
    const char *crash = getenv("HEED_TEST_CRASH");
    d->settings = *settings;
    d->crash_after_send = crash && strcmp(crash, "after_send") == 0;
    d->crash_after_mark = crash && strcmp(crash, "after_mark") == 0;
    if (d->crash_after_send || d->crash_after_mark)
        log_event(LOG_WARN, "deliver.test_crash", LOG_C("when", crash));
    owner_name(settings->db, d->owner);
    lanes_init(&d->lanes, SLOTS);
    pthread_mutex_init(&d->lock, NULL);
    cond_init(&d->ended);
    d->queue = queue_create(SLOTS);
    d->running = SLOTS;
    d->dispatcher = worker_start("deliver", turn, d);
    for (int i = 0; i < SLOTS; i++)
        d->senders[i] = thread_start("sender", sender, d);
    delivery_watch(wake, d);
    *ret_deliver = d;
    return true;
}

void deliver_ask_stop(struct deliver *deliver)
{
    if (!deliver)
        return;
    delivery_watch(NULL, NULL);
    worker_ask_stop(deliver->dispatcher);
    queue_close(deliver->queue);
}

static bool senders_ended(struct deliver *d, i64 until_mono)
{
    pthread_mutex_lock(&d->lock);
    while (d->running > 0)
        if (!cond_wait_until(&d->ended, &d->lock, until_mono))
            break;
    bool ended = d->running == 0;
    pthread_mutex_unlock(&d->lock);
    return ended;
}

bool deliver_join(struct deliver *deliver, i64 until_mono)
{
    if (!deliver)
        return true;
    // Senders wake the dispatcher when they end, so they end first.
    if (!senders_ended(deliver, until_mono) || !worker_join(deliver->dispatcher, until_mono))
        return false;
    for (int i = 0; i < SLOTS; i++)
        pthread_join(deliver->senders[i], NULL);
    queue_destroy(deliver->queue);
    lanes_finish(&deliver->lanes);
    pthread_mutex_destroy(&deliver->lock);
    pthread_cond_destroy(&deliver->ended);
    mem_free(deliver);
    return true;
}

i64 deliver_progress_at(const struct deliver *deliver)
{
    return worker_progress_at(deliver->dispatcher);
}
