// SPDX-License-Identifier: AGPL-3.0-or-later
// See visitors_internal.h. A stream that goes on is told what it missed before anything new; one that missed
// too much is told to begin anew.
#include "base/clock.h"
#include "base/log.h"
#include "live/visitors_internal.h"

enum { CATCH_UP_EVENTS = 5000, CATCH_UP_BYTES = VISITOR_WAITING_MAX / 2, HEADERS_MAX = 4 };

static bool catch_up(struct visitors *v, struct conn *conn, const struct vstream *as, struct str last,
                     struct arena *arena, struct buf *out, struct err *err)
{
    struct log_cursor cursor;
    struct event_list events = {};
    bool known = log_cursor_parse(last, &cursor) && cursor.epoch == db_epoch(v->db), held = known;
    // The log may have been pruned meanwhile; where it ends now is a place too, though nothing is behind it.
    bool newest = known && cursor.xid == v->cursor.xid && cursor.id == v->cursor.id;
    if (known && !newest && !log_holds(conn, cursor, &held, err))
        return false;
    if (!held) {
        buf_add(out, S("event: resync\ndata: {}\n\n"));
        return true;
    }
    if (!log_read(conn, &cursor, CATCH_UP_EVENTS, arena, &events, err))
        return false;
    if (events.len == CATCH_UP_EVENTS) {
        buf_add(out, S("event: resync\ndata: {}\n\n"));
        return true;
    }
    for (size_t i = 0; i < events.len; i++) {
        struct told told = {};
        const struct event *event = &events.items[i];
        if (event->workspace_id != as->who.workspace_id)
            continue;
        if (vframe_concerns_message(event) && !vframe_load(conn, event, arena, &told, err))
            return false;
        buf_add(out, vframe_for(as, event, &told, arena));
    }
    return true;
}

static bool first_frames(struct visitors *v, struct vopening *o, struct vstream *as, struct arena *arena,
                         struct buf *out, struct err *err)
{
    struct visitor_place place;
    struct conn *conn = db_take(v->db);
    bool resumed = str_given(o->last_event_id);
    bool fine = visitor_place(conn, o->who.workspace_id, o->who.channel_id, o->who.thread_key, &place, err) &&
                visitors_online(v, conn, o->who.workspace_id, o->who.channel_id, arena, &as->reach, err);
    if (fine) {
        as->conversation_id = place.id;
        // With its first id a new stream begins; one that goes on keeps its place until what it missed is
        // told.
        buf_printf(out, "retry: 1000\n");
        if (!resumed)
            buf_printf(out, "id: %.*s\n", STR_ARG(log_cursor_format(arena, v->cursor)));
        buf_printf(out, "event: hello\ndata: %.*s,\"seen\":%s,\"resumed\":%s}\n\n",
                   STR_ARG(visitor_reach_json(&as->reach, arena)), place.seen ? "true" : "false",
                   resumed ? "true" : "false");
    }
    if (fine && resumed) {
        size_t hello = out->len;
        fine = catch_up(v, conn, as, o->last_event_id, arena, out, err);
        if (out->overflow || out->len > CATCH_UP_BYTES) { // more than a stream may wait with
            out->len = hello;
            out->overflow = false;
            buf_add(out, S("event: resync\ndata: {}\n\n"));
        }
        buf_printf(out, "id: %.*s\nevent: ready\ndata: {}\n\n", STR_ARG(log_cursor_format(arena, v->cursor)));
    }
    db_give(v->db, conn);
    return fine;
}

void vopening_refuse(struct http_request *req)
{
    struct http_header headers[] = {{S("retry-after"), S("1")}};
    http_respond(req, &(struct http_response){.status = 503, .headers = headers, .n_headers = 1});
}

static struct vstream *make(struct visitors *v, const struct vopening *o)
{
    struct vstream *s = mem_alloc(sizeof(*s));
    s->visitors = v;
    s->who = (struct visitor){
        .id = o->who.id, .workspace_id = o->who.workspace_id, .channel_id = o->who.channel_id};
    s->who.thread_key = mem_copy(o->who.thread_key);
    s->naming = (struct visitor_naming){mem_copy(o->naming.how), mem_copy(o->naming.brand)};
    s->written_at = clock_mono();
    return s;
}

void vopening_open(struct visitors *v, struct vopening *o)
{
    struct arena *arena = arena_take();
    struct vstream *s = make(v, o);
    struct buf own;
    struct err err = {};
    buf_init(&own, arena, 8 * 1024 * 1024);
    bool fine = first_frames(v, o, s, arena, &own, &err);
    if (!fine)
        log_event(LOG_WARN, "visitors.open", LOG_C("error", err.text));
    pthread_mutex_lock(&v->lock);
    bool leaving = v->leaving;
    if (fine && !leaving) {
        struct http_header headers[HEADERS_MAX];
        size_t n = 0;
        if (str_given(o->origin)) {
            headers[n++] = (struct http_header){S("access-control-allow-origin"), o->origin};
            headers[n++] = (struct http_header){S("vary"), S("Origin")};
        }
        s->next = v->streams;
        if (v->streams)
            v->streams->prev = s;
        v->streams = s;
        v->n_streams++;
        vstream_add(s, buf_str(&own));
        s->stream = http_stream_open(o->req, headers, n, vstream_on_close, s);
    }
    pthread_mutex_unlock(&v->lock);
    if (!fine || leaving) {
        vstream_free(s);
        vopening_refuse(o->req);
    }
    arena_give(arena);
}

struct vopening *vopenings_take(struct visitors *v)
{
    pthread_mutex_lock(&v->lock);
    struct vopening *openings = v->openings;
    v->openings = NULL;
    v->openings_end = &v->openings;
    pthread_mutex_unlock(&v->lock);
    return openings;
}

bool visitors_open(struct visitors *v, struct http_request *req, const struct visitor *visitor,
                   struct visitor_naming naming, struct str origin, struct str last_event_id, struct err *err)
{
    struct vopening *o = arena_new(req->arena, struct vopening);
    *o = (struct vopening){
        .req = req, .who = *visitor, .naming = naming, .origin = origin, .last_event_id = last_event_id};
    pthread_mutex_lock(&v->lock);
    bool leaving = v->leaving;
    if (!leaving) {
        *v->openings_end = o;
        v->openings_end = &o->next;
        v->woken = true;
        pthread_cond_signal(&v->wake);
    }
    pthread_mutex_unlock(&v->lock);
    return !leaving || err_retry(err, ERR_UNAVAILABLE, 2, "Heed is stopping.");
}
