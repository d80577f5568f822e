// SPDX-License-Identifier: AGPL-3.0-or-later
// See visitors.h. The thread that reads the log: what it means is in visitor_frame.c, streams in
// visitor_stream.c, their beginning in visitor_opening.c, what is looked at again in visitor_recheck.c.
#include "base/clock.h"
#include "base/log.h"
#include "live/visitors_internal.h"
#include <time.h>

enum {
    BATCH_EVENTS = 1000,
    RECHECK_MS = 1200,
    ONLINE_MS = 4000,
    IDLE_MS = 1000,
    HEAR_MS = 700, // what colleagues type in other processes
};

// ---- The log ------------------------------------------------------------------------------------------

static bool watched(struct visitors *v, i64 workspace_id)
{
    for (struct vstream *s = v->streams; s; s = s->next)
        if (s->who.workspace_id == workspace_id)
            return true;
    return false;
}

static bool tell(struct visitors *v, struct conn *conn, const struct event *event, struct arena *arena,
                 struct err *err)
{
    struct told told = {};
    pthread_mutex_lock(&v->lock);
    bool wanted = watched(v, event->workspace_id);
    pthread_mutex_unlock(&v->lock);
    if (!wanted || (vframe_concerns_message(event) && !vframe_load(conn, event, arena, &told, err)))
        return !wanted;
    pthread_mutex_lock(&v->lock);
    for (struct vstream *s = v->streams; s; s = s->next) {
        if (told.visible && vstream_hears(s, event, &told.message))
            s->conversation_id = event->conversation_id;
        struct str frame = vframe_for(s, event, &told, arena);
        if (frame.len > 0)
            vstream_add(s, frame);
    }
    pthread_mutex_unlock(&v->lock);
    return true;
}

// One turn over the log; true: there may be more at once.
static bool read_batch(struct visitors *v)
{
    struct arena *arena = arena_take();
    struct event_list events = {};
    struct log_cursor cursor = v->cursor;
    struct err err = {};
    struct conn *conn = db_take(v->db);
    bool fine = log_read(conn, &cursor, BATCH_EVENTS, arena, &events, &err);
    for (size_t i = 0; fine && i < events.len; i++)
        fine = tell(v, conn, &events.items[i], arena, &err);
    db_give(v->db, conn);
    if (fine)
        v->cursor = cursor; // a frame that comes twice changes nothing
    else
        log_event(LOG_WARN, "visitors.read", LOG_C("error", err.text));
    bool more = fine && events.len == BATCH_EVENTS;
    arena_give(arena);
    return more;
}

i64 visitors_open_streams(struct visitors *v)
{
    pthread_mutex_lock(&v->lock);
    i64 n = (i64)v->n_streams;
    pthread_mutex_unlock(&v->lock);
    return n;
}

// ---- The thread ---------------------------------------------------------------------------------------

static void wake_visitors(void *arg)
{
    struct visitors *v = arg;
    pthread_mutex_lock(&v->lock);
    v->woken = true;
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

static void wait_until(struct visitors *v, i64 until)
{
    pthread_mutex_lock(&v->lock);
    while (!v->woken && !v->stopping && cond_wait_until(&v->wake, &v->lock, until))
        ;
    v->woken = false;
    pthread_mutex_unlock(&v->lock);
}

// With nobody there the log is only followed, once a second, by its end.
static void follow(struct visitors *v)
{
    pthread_mutex_lock(&v->lock);
    bool nobody = !v->streams;
    pthread_mutex_unlock(&v->lock);
    if (!nobody) {
        while (read_batch(v))
            ;
        return;
    }
    struct log_cursor tail;
    struct err err = {};
    struct conn *conn = db_take(v->db);
    if (log_tail(conn, &tail, &err))
        v->cursor = tail;
    db_give(v->db, conn);
}

static void *run(void *arg)
{
    struct visitors *v = arg;
    for (;;) {
        pthread_mutex_lock(&v->lock);
        bool stopping = v->stopping;
        pthread_mutex_unlock(&v->lock);
        if (stopping)
            break;
        i64 began = clock_mono();
        follow(v);
        // Openings begin at the cursor as it is now; what comes later is told by the next turn.
        for (struct vopening *o = vopenings_take(v), *next; o; o = next) {
            next = o->next;
            vopening_open(v, o);
        }
        if (began - v->recheck_at >= RECHECK_MS) {
            v->recheck_at = began;
            visitors_recheck(v);
        }
        if (began - v->online_at >= ONLINE_MS) {
            v->online_at = began;
            visitors_tell_online(v);
        }
        if (db_kind(v->db) == DB_POSTGRES && visitors_open_streams(v) > 0 && began - v->heard_at >= HEAR_MS) {
            v->heard_at = began;
            visitors_hear(v);
        }
        struct timespec rest = {0, 10 * 1000000};
        nanosleep(&rest, NULL);
        wait_until(v, began + (db_kind(v->db) == DB_POSTGRES ? HEAR_MS : IDLE_MS));
    }
    for (struct vopening *o = vopenings_take(v), *next; o; o = next) {
        next = o->next;
        vopening_refuse(o->req);
    }
    return NULL;
}

bool visitors_start(struct db *db, struct http_server *server, struct feed *feed, struct visitors **ret,
                    struct err *err)
{
    struct visitors *v = mem_alloc(sizeof(*v));
    v->db = db;
    v->server = server;
    v->feed = feed;
    v->openings_end = &v->openings;
    pthread_mutex_init(&v->lock, NULL);
    cond_init(&v->wake);
    struct conn *conn = db_take(db);
    bool fine = log_tail(conn, &v->cursor, err);
    db_give(db, conn);
    if (!fine) {
        visitors_destroy(v);
        return false;
    }
    log_watch(db, wake_visitors, v);
    http_server_tick(server, VISITOR_TICK_MS, vstreams_tick, v);
    v->started = true;
    v->thread = thread_start("visitors", run, v);
    *ret = v;
    return true;
}

void visitors_goodbye(struct visitors *v)
{
    pthread_mutex_lock(&v->lock);
    v->leaving = true;
    for (struct vstream *s = v->streams; s; s = s->next)
        s->closing = true;
    v->dirty = true;
    pthread_mutex_unlock(&v->lock);
}

void visitors_stop(struct visitors *v)
{
    if (!v || !v->started)
        return;
    pthread_mutex_lock(&v->lock);
    v->stopping = v->leaving = true;
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL);
    v->started = false;
}

void visitors_destroy(struct visitors *v)
{
    if (!v)
        return;
    pthread_cond_destroy(&v->wake);
    pthread_mutex_destroy(&v->lock);
    mem_free(v);
}
