// SPDX-License-Identifier: AGPL-3.0-or-later
// The feed's thread: reads the log as it grows, puts frames into the rings of those who may see them,
// recounts folders, and looks again at everybody's rights; opening.c opens streams between its batches.
#include "live/feed.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "desk/events.h"
#include "live/internal.h"
#include <stdio.h>
#include <time.h>

enum { BATCH_GAP_MS = 10, IDLE_MS = 1000 };

static void wake_feed(void *arg)
{
    struct feed *feed = arg;
    pthread_mutex_lock(&feed->lock);
    feed->woken = true;
    pthread_cond_signal(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
}

static void log_failure(const char *event, const struct err *err)
{
    log_event(LOG_WARN, event, LOG_C("error", err->text));
}

// ---- Batches ----

static void watched_workspaces(struct feed *feed, struct arena *arena, struct id_list *out)
{
    pthread_mutex_lock(&feed->lock);
    for (struct audience *a = feed->audiences; a; a = a->next) {
        bool known = false;
        for (size_t i = 0; i < out->len; i++)
            known = known || out->items[i] == a->workspace_id;
        if (!known)
            *list_push(out, arena) = a->workspace_id;
    }
    pthread_mutex_unlock(&feed->lock);
}

size_t frames_for(const struct item_list *items, const struct audience *audience, struct str id,
                  struct buf *out)
{
    size_t n = 0, last = 0;
    bool gone;
    for (size_t i = 0; i < items->len; i++) {
        if (item_shown(&items->items[i], audience, &gone)) {
            n++;
            last = i;
        }
    }
    for (size_t i = 0; n > 0 && i < items->len; i++) {
        if (item_shown(&items->items[i], audience, &gone))
            item_add(out, &items->items[i], gone, i == last ? id : STR_NONE);
    }
    return n;
}

static bool touches_rights(struct str kind)
{
    return str_starts(kind, S("agent.")) || str_starts(kind, S("session.")) ||
           str_starts(kind, S("token.")) || str_starts(kind, S("team.")) || str_starts(kind, S("channel."));
}

static void mark_pings(struct feed *feed, const struct event *event)
{
    struct arena *arena = arena_take();
    struct err ignored = {};
    const struct json *ids = json_at(json_parse(event->data, arena, &ignored), "agent_ids");
    for (struct viewer *p = feed->persons; p; p = p->next) {
        for (size_t i = 0; p->workspace_id == event->workspace_id && i < json_len(ids); i++)
            p->recount_pings = p->recount_pings || json_i64(json_item(ids, i)) == p->agent_id;
    }
    arena_give(arena);
}

static void mark(struct feed *feed, const struct event_list *events)
{
    for (size_t i = 0; i < events->len; i++) {
        const struct event *event = &events->items[i];
        bool counts = event->conversation_id || str_starts(event->kind, S("team.")) ||
                      str_starts(event->kind, S("channel."));
        if (touches_rights(event->kind))
            feed->recheck_now = true;
        if (str_eq(event->kind, S(EVENT_PINGS_CHANGED)))
            mark_pings(feed, event);
        if (!counts)
            continue;
        for (struct audience *a = feed->audiences; a; a = a->next)
            a->recount = a->recount || a->workspace_id == event->workspace_id;
        // Whose "mine" it is cannot be told from here; theirs is a sum over few cells.
        if (str_eq(event->kind, S("message.state")) || str_eq(event->kind, S("conversation.read")))
            continue;
        for (struct viewer *p = feed->persons; p; p = p->next)
            p->recount = p->recount || p->workspace_id == event->workspace_id;
    }
}

static void deliver(struct feed *feed, const struct item_list *items, const struct event_list *events,
                    struct str id, struct arena *arena)
{
    pthread_mutex_lock(&feed->lock);
    for (struct audience *a = feed->audiences; a; a = a->next) {
        struct buf out;
        buf_init(&out, arena, AUDIENCE_RING * 16);
        size_t n = frames_for(items, a, id, &out);
        if (n == 0)
            continue;
        ring_add(&a->ring, AUDIENCE_RING, buf_str(&out));
        atomic_fetch_add(&feed->frames, (long long)n);
        atomic_store(&feed->dirty, true);
    }
    for (struct viewer *p = feed->persons; p; p = p->next) {
        struct buf out;
        buf_init(&out, arena, PERSON_RING * 16);
        for (size_t i = 0; i < items->len; i++) {
            const struct item *item = &items->items[i];
            if (item->agent_id == p->agent_id && item->workspace_id == p->workspace_id)
                item_add(&out, item, false, STR_NONE);
        }
        if (buf_str(&out).len > 0) {
            ring_add(&p->ring, PERSON_RING, buf_str(&out));
            atomic_store(&feed->dirty, true);
        }
    }
    mark(feed, events);
    pthread_mutex_unlock(&feed->lock);
}

// One turn over the log; true: there may be more at once.
static bool read_batch(struct feed *feed)
{
    struct arena *arena = arena_take();
    struct event_list events = {};
    struct item_list items = {};
    struct id_list workspaces = {};
    struct err err = {};
    struct log_cursor cursor = feed->cursor;
    watched_workspaces(feed, arena, &workspaces);
    struct conn *conn = db_take(feed->db);
    bool fine = log_read(conn, &cursor, BATCH_EVENTS, arena, &events, &err) &&
                (events.len == 0 || items_build(conn, &events, &workspaces, arena, &items, &err));
    if (fine && events.len > 0)
        folders_note(feed, conn, &events, arena);
    db_give(feed->db, conn);
    if (!fine)
        log_failure("live.read", &err);
    if (fine && events.len > 0) {
        feed->cursor = cursor;
        deliver(feed, &items, &events, log_cursor_format(arena, cursor), arena);
        i64 lag = clock_now() - events.items[events.len - 1].at;
        atomic_store(&feed->lag_ms, lag > 0 ? lag : 0);
    }
    bool more = fine && events.len == BATCH_EVENTS;
    arena_give(arena);
    return more;
}

// ---- The thread ----

static void wait_until(struct feed *feed, i64 until)
{
    pthread_mutex_lock(&feed->lock);
    while (!feed->woken && !feed->stopping && cond_wait_until(&feed->wake, &feed->lock, until))
        ;
    feed->woken = false;
    pthread_mutex_unlock(&feed->lock);
}

static void turn(struct feed *feed)
{
    // Openings first: they begin at the cursor as it is before this turn's batch.
    openings_turn(feed);
    bool more = true;
    for (i64 until = clock_mono() + READ_MS; more && clock_mono() < until;)
        more = read_batch(feed);
    if (more)
        wake_feed(feed);
    i64 now = clock_mono();
    if (db_kind(feed->db) == DB_POSTGRES && now - feed->presence_at >= PRESENCE_LOOK_MS) {
        feed->presence_at = now;
        presence_hear(feed);
    }
    if (counts_wanted(feed) && now - feed->counts_at >= COUNTS_MS) {
        counts_tell(feed);
        feed->counts_at = now;
    }
    if (folders_wanted(feed)) {
        struct conn *conn = db_take(feed->db);
        folders_tell(feed, conn);
        db_give(feed->db, conn);
    }
    if (feed->recheck_now || now - feed->recheck_at >= RECHECK_MS) {
        feed->recheck_now = false;
        feed->recheck_at = now;
        rights_recheck(feed);
        pthread_mutex_lock(&feed->lock);
        presence_expire(feed, now);
        audience_sweep(feed);
        pthread_mutex_unlock(&feed->lock);
    }
}

static bool is_stopping(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    bool stopping = feed->stopping;
    pthread_mutex_unlock(&feed->lock);
    return stopping;
}

static void *run(void *arg)
{
    struct feed *feed = arg;
    while (!is_stopping(feed)) {
        i64 began = clock_mono();
        turn(feed);
        // Repeated changes of one conversation within the gap become one frame.
        i64 left = began + BATCH_GAP_MS - clock_mono();
        if (left > 0) {
            struct timespec rest = {0, left * 1000000};
            nanosleep(&rest, NULL);
        }
        wait_until(feed, began + (counts_wanted(feed) || folders_wanted(feed) ? COUNTS_MS : IDLE_MS));
    }
    openings_refuse(feed);
    return NULL;
}

bool feed_start(struct db *db, struct http_server *server, struct feed **ret_feed, struct err *err)
{
    struct feed *feed = mem_alloc(sizeof(*feed));
    feed->db = db;
    feed->server = server;
    feed->openings_end = &feed->openings;
    feed->pending_end = &feed->pending;
    snprintf(feed->process, sizeof feed->process, "%016llx", (unsigned long long)random_u64());
    pthread_mutex_init(&feed->lock, NULL);
    cond_init(&feed->wake);
    struct conn *conn = db_take(db);
    bool fine = log_tail(conn, &feed->cursor, err);
    db_give(db, conn);
    if (!fine) {
        feed_destroy(feed);
        return false;
    }
    log_watch(db, wake_feed, feed);
    http_server_tick(server, TICK_MS, screen_tick, feed);
    feed->started = true;
    feed->thread = thread_start("live", run, feed);
    *ret_feed = feed;
    return true;
}

void feed_goodbye(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->leaving = true;
    size_t i = 0;
    for (struct screen *s = feed->screens; s; s = s->next) {
        // Spread over five seconds, so that they do not all come back at once.
        char words[32] = "retry: 0000\n\n";
        size_t ms = (i++ * 997) % 5000;
        for (size_t digit = 4; digit-- > 0; ms /= 10)
            words[7 + digit] = (char)('0' + ms % 10);
        screen_close(s, str_from(words));
    }
    pthread_mutex_unlock(&feed->lock);
}

void feed_stop(struct feed *feed)
{
    if (!feed || !feed->started)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stopping = true;
    feed->leaving = true;
    pthread_cond_signal(&feed->wake);
    pthread_mutex_unlock(&feed->lock);
    pthread_join(feed->thread, NULL);
    feed->started = false;
}

void feed_destroy(struct feed *feed)
{
    if (!feed)
        return;
    audience_finish_all(feed);
    pthread_cond_destroy(&feed->wake);
    pthread_mutex_destroy(&feed->lock);
    mem_free(feed->presence);
    mem_free(feed);
}

bool feed_open(struct feed *feed, struct http_request *req, const struct actor *actor,
               struct str last_event_id, struct err *err)
{
    struct opening *opening = arena_new(req->arena, struct opening);
    opening->req = req;
    opening->actor = *actor;
    opening->last_event_id = last_event_id;
    pthread_mutex_lock(&feed->lock);
    bool leaving = feed->leaving;
    if (!leaving) {
        *feed->openings_end = opening;
        feed->openings_end = &opening->next;
        feed->woken = true;
        pthread_cond_signal(&feed->wake);
    }
    pthread_mutex_unlock(&feed->lock);
    return !leaving || err_retry(err, ERR_UNAVAILABLE, 2, "Heed is stopping.");
}

void feed_drop(struct feed *feed, i64 agent_id, i64 session_id)
{
    pthread_mutex_lock(&feed->lock);
    for (struct screen *s = feed->screens; s; s = s->next) {
        if (s->person->agent_id == agent_id && (session_id == 0 || s->session_id == session_id))
            screen_close(s, STR_NONE);
    }
    pthread_mutex_unlock(&feed->lock);
}

bool feed_online(struct feed *feed, i64 agent_id)
{
    bool online = false;
    pthread_mutex_lock(&feed->lock);
    for (struct viewer *p = feed->persons; p && !online; p = p->next)
        online = p->agent_id == agent_id && p->n_screens > 0;
    pthread_mutex_unlock(&feed->lock);
    return online;
}

void feed_stats(struct feed *feed, struct feed_stats *out)
{
    pthread_mutex_lock(&feed->lock);
    out->screens = (i64)feed->n_screens;
    out->audiences = (i64)feed->n_audiences;
    pthread_mutex_unlock(&feed->lock);
    out->frames = atomic_load(&feed->frames);
    out->dropped = atomic_load(&feed->dropped);
    out->lag_ms = atomic_load(&feed->lag_ms);
}
