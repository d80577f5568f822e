// SPDX-License-Identifier: AGPL-3.0-or-later
// See visitors.h. Two threads meet under one lock, as in the feed: ours reads the log and hangs frames onto
// streams, the net thread writes them on its tick. A visitor is told little, so each stream has its own
// waiting bytes; who does not read them is closed and comes back with Last-Event-ID.
#include "live/visitors.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include <time.h>

enum {
    TICK_MS = 20,
    BATCH_EVENTS = 1000,
    CATCH_UP_EVENTS = 5000,
    WAITING_MAX = 256 * 1024, // of one stream
    CATCH_UP_BYTES = WAITING_MAX / 2,
    HEARTBEAT_MS = 15000,
    RECHECK_MS = 1200,
    ONLINE_MS = 4000,
    IDLE_MS = 1000,
    HEAR_MS = 700, // what colleagues type in other processes
    HEADERS_MAX = 4,
};

struct vstream {
    struct vstream *next, *prev;
    struct visitors *visitors;
    struct http_stream *stream;
    struct visitor who; // numbers and copies of thread, name policy
    struct visitor_naming naming;
    i64 conversation_id;
    char *out;
    size_t len, at, cap;
    i64 written_at;
    struct visitor_reach reach;
    bool closing;
};
struct vopening {
    struct vopening *next;
    struct http_request *req;
    struct visitor who;
    struct visitor_naming naming;
    struct str origin, last_event_id;
};
struct visitors {
    struct db *db;
    struct http_server *server;
    struct feed *feed;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool woken, stopping, leaving, started, dirty;
    struct vopening *openings, **openings_end;
    struct vstream *streams;
    size_t n_streams;
    struct log_cursor cursor; // the thread's own
    i64 recheck_at, online_at, heard_at, heard_to;
};

static void wake_visitors(void *arg)
{
    struct visitors *v = arg;
    pthread_mutex_lock(&v->lock);
    v->woken = true;
    pthread_cond_signal(&v->wake);
    pthread_mutex_unlock(&v->lock);
}

// ---- Streams (under the lock) -------------------------------------------------------------------------

static void add(struct vstream *s, struct str bytes)
{
    if (s->closing)
        return;
    if (s->at > 0) {
        memmove(s->out, s->out + s->at, s->len - s->at);
        s->len -= s->at;
        s->at = 0;
    }
    if (s->len + bytes.len > WAITING_MAX) {
        s->closing = true; // it comes back and says how far it was
        s->visitors->dirty = true;
        return;
    }
    if (s->len + bytes.len > s->cap) {
        s->cap = (s->len + bytes.len) * 2;
        s->out = mem_resize(s->out, s->cap);
    }
    memcpy(s->out + s->len, bytes.ptr, bytes.len);
    s->len += bytes.len;
    s->visitors->dirty = true;
}

static bool flush(struct vstream *s, i64 now)
{
    while (s->at < s->len) {
        i64 n = http_stream_write(s->stream, (struct str){s->out + s->at, s->len - s->at});
        if (n <= 0)
            return false;
        s->at += (size_t)n;
        s->written_at = now;
    }
    s->at = s->len = 0;
    if (s->cap > 4096) {
        mem_free(s->out);
        s->out = NULL;
        s->cap = 0;
    }
    return true;
}

static void tick(void *arg)
{
    struct visitors *v = arg;
    static i64 beat_at; // net thread only
    i64 now = clock_mono();
    bool beat = now - beat_at >= 1000;
    pthread_mutex_lock(&v->lock);
    if (v->dirty || beat) {
        bool left = false;
        beat_at = beat ? now : beat_at;
        for (struct vstream *s = v->streams, *next; s; s = next) {
            next = s->next;
            if (!s->stream)
                continue;
            bool done = flush(s, now);
            if (s->closing) {
                struct http_stream *stream = s->stream;
                s->stream = NULL; // on_close follows
                http_stream_close(stream);
                continue;
            }
            left |= !done;
            if (done && now - s->written_at >= HEARTBEAT_MS) {
                add(s, S(": \n\n"));
                s->written_at = now;
                left = true;
            }
        }
        v->dirty = left;
    }
    pthread_mutex_unlock(&v->lock);
}

static void free_texts(struct vstream *s)
{
    mem_free((char *)s->who.thread_key.ptr);
    mem_free((char *)s->naming.how.ptr);
    mem_free((char *)s->naming.brand.ptr);
    mem_free(s->out);
}

// Net thread, once per stream: the only place where one ends.
static void on_close(void *arg)
{
    struct vstream *s = arg;
    struct visitors *v = s->visitors;
    pthread_mutex_lock(&v->lock);
    if (s->prev)
        s->prev->next = s->next;
    else
        v->streams = s->next;
    if (s->next)
        s->next->prev = s->prev;
    v->n_streams--;
    pthread_mutex_unlock(&v->lock);
    free_texts(s);
    mem_free(s);
}

// ---- Frames -------------------------------------------------------------------------------------------

static struct str id_of(const struct event *event, struct arena *arena)
{
    return log_cursor_format(arena, (struct log_cursor){event->epoch, event->xid, event->id});
}

static bool concerns_message(const struct event *event)
{
    static const char *const kinds[] = {EVENT_MESSAGE_CREATED, EVENT_MESSAGE_STATE, EVENT_MESSAGE_EDITED,
                                        EVENT_MESSAGE_DELETED, EVENT_MESSAGE_ATTACHMENT};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (event->message_id && str_eq(event->kind, str_from(kinds[i])))
            return true;
    return false;
}

static struct str message_frame(const struct event *event, const struct visitor_message *message,
                                struct arena *arena)
{
    struct buf json;
    buf_init(&json, arena, 4 * 1024 * 1024);
    struct json_writer w = json_writer(&json);
    json_encode(&w, &visitor_message_type, message);
    return str_printf(arena, "id: %.*s\nevent: message\ndata: %.*s\n\n", STR_ARG(id_of(event, arena)),
                      STR_ARG(buf_str(&json)));
}

static bool hears(const struct vstream *s, const struct event *event, const struct visitor_message *message)
{
    return s->who.workspace_id == event->workspace_id && s->who.channel_id == message->channel_id &&
           str_eq(s->who.thread_key, message->thread);
}

static struct str seen_frame(const struct event *event, struct arena *arena)
{
    return str_printf(arena, "id: %.*s\nevent: seen\ndata: {}\n\n", STR_ARG(id_of(event, arena)));
}

// What one event means to one stream; "" when nothing. *ret_message keeps what was read for the next stream.
struct told {
    struct visitor_message message;
    bool loaded, visible;
};

static bool load(struct conn *conn, const struct event *event, struct arena *arena, struct told *told,
                 struct err *err)
{
    if (told->loaded)
        return true;
    struct err why = {};
    told->visible =
        visitor_message_load(conn, event->workspace_id, event->message_id, arena, &told->message, &why);
    if (!told->visible && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    told->loaded = true;
    return true;
}

static struct str frame_for(const struct vstream *s, const struct event *event, const struct told *told,
                            struct arena *arena)
{
    if (concerns_message(event) && told->visible && hears(s, event, &told->message)) {
        struct visitor_message message = told->message;
        visitor_message_name(&message, s->naming);
        return message_frame(event, &message, arena);
    }
    if (str_eq(event->kind, S(EVENT_CONVERSATION_READ)) && s->conversation_id &&
        event->conversation_id == s->conversation_id && event->workspace_id == s->who.workspace_id)
        return seen_frame(event, arena);
    return S("");
}

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
    if (!wanted || (concerns_message(event) && !load(conn, event, arena, &told, err)))
        return !wanted;
    pthread_mutex_lock(&v->lock);
    for (struct vstream *s = v->streams; s; s = s->next) {
        if (told.visible && hears(s, event, &told.message))
            s->conversation_id = event->conversation_id;
        struct str frame = frame_for(s, event, &told, arena);
        if (frame.len > 0)
            add(s, frame);
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

// ---- Opening ------------------------------------------------------------------------------------------

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
        if (concerns_message(event) && !load(conn, event, arena, &told, err))
            return false;
        buf_add(out, frame_for(as, event, &told, arena));
    }
    return true;
}

bool visitors_online(struct visitors *v, struct conn *conn, i64 workspace_id, i64 channel_id,
                     struct arena *arena, struct visitor_reach *out, struct err *err)
{
    struct id_list colleagues = {};
    bool open = false, online = false;
    i64 opens_at = 0;
    if (!visitor_hours(conn, workspace_id, channel_id, clock_now(), arena, &open, &opens_at, err) ||
        !visitor_colleagues(conn, workspace_id, channel_id, clock_now(), arena, &colleagues, &online, err))
        return false;
    for (size_t i = 0; i < colleagues.len && !online; i++)
        online = feed_online(v->feed, colleagues.items[i]);
    *out = (struct visitor_reach){open && online, opens_at};
    return true;
}

// {"online":…,"opens_at":…, without the last brace.
static struct str reach_json(const struct visitor_reach *reach, struct arena *arena)
{
    struct str at = reach->opens_at
                        ? str_printf(arena, "\"%.*s\"", STR_ARG(clock_format(arena, reach->opens_at)))
                        : S("null");
    return str_printf(arena, "{\"online\":%s,\"opens_at\":%.*s", reach->online ? "true" : "false",
                      STR_ARG(at));
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
                   STR_ARG(reach_json(&as->reach, arena)), place.seen ? "true" : "false",
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

static void refuse(struct http_request *req)
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

static void open_one(struct visitors *v, struct vopening *o)
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
        add(s, buf_str(&own));
        s->stream = http_stream_open(o->req, headers, n, on_close, s);
    }
    pthread_mutex_unlock(&v->lock);
    if (!fine || leaving) {
        free_texts(s);
        mem_free(s);
        refuse(o->req);
    }
    arena_give(arena);
}

static struct vopening *take_openings(struct visitors *v)
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

// ---- What is looked at again --------------------------------------------------------------------------

struct vgate {
    i64 visitor_id, workspace_id, channel_id;
    struct visitor_reach reach;
};
struct vgate_list {
    struct vgate *items;
    size_t len, cap;
};

static void collect(struct visitors *v, struct arena *arena, struct vgate_list *out)
{
    pthread_mutex_lock(&v->lock);
    for (struct vstream *s = v->streams; s; s = s->next)
        *list_push(out, arena) = (struct vgate){s->who.id, s->who.workspace_id, s->who.channel_id, {}};
    pthread_mutex_unlock(&v->lock);
}

static bool in_list(const struct id_list *ids, i64 id)
{
    for (size_t i = 0; i < ids->len; i++)
        if (ids->items[i] == id)
            return true;
    return false;
}

// Sessions that ended and channels that were switched off: their streams end within two seconds.
static void recheck(struct visitors *v)
{
    struct arena *arena = arena_take();
    struct vgate_list gates = {};
    struct id_list ids = {}, alive = {};
    struct err err = {};
    collect(v, arena, &gates);
    for (size_t i = 0; i < gates.len; i++)
        *list_push(&ids, arena) = gates.items[i].visitor_id;
    struct conn *conn = db_take(v->db);
    bool asked = ids.len > 0 && visitor_alive(conn, &ids, clock_now(), arena, &alive, &err);
    db_give(v->db, conn);
    pthread_mutex_lock(&v->lock);
    for (struct vstream *s = v->streams; asked && s; s = s->next) {
        if (in_list(&ids, s->who.id) && !in_list(&alive, s->who.id)) {
            s->closing = true;
            v->dirty = true;
        }
    }
    pthread_mutex_unlock(&v->lock);
    arena_give(arena);
}

static void tell_online(struct visitors *v)
{
    struct arena *arena = arena_take();
    struct vgate_list gates = {};
    struct id_list done = {};
    collect(v, arena, &gates);
    struct conn *conn = db_take(v->db);
    for (size_t i = 0; i < gates.len; i++) {
        struct vgate *gate = &gates.items[i];
        struct err err = {};
        if (in_list(&done, gate->channel_id) ||
            !visitors_online(v, conn, gate->workspace_id, gate->channel_id, arena, &gate->reach, &err))
            continue;
        *list_push(&done, arena) = gate->channel_id;
        pthread_mutex_lock(&v->lock);
        for (struct vstream *s = v->streams; s; s = s->next) {
            if (s->who.channel_id != gate->channel_id ||
                (s->reach.online == gate->reach.online && s->reach.opens_at == gate->reach.opens_at))
                continue;
            s->reach = gate->reach;
            add(s, str_printf(arena, "event: online\ndata: %.*s}\n\n",
                              STR_ARG(reach_json(&gate->reach, arena))));
        }
        pthread_mutex_unlock(&v->lock);
    }
    db_give(v->db, conn);
    arena_give(arena);
}

void visitors_typing(struct visitors *v, i64 workspace_id, i64 conversation_id, struct str agent_name,
                     bool typing)
{
    struct arena *arena = arena_take();
    pthread_mutex_lock(&v->lock);
    for (struct vstream *s = v->streams; conversation_id && s; s = s->next) {
        if (s->who.workspace_id != workspace_id || s->conversation_id != conversation_id)
            continue;
        struct buf json;
        buf_init(&json, arena, 8192);
        buf_add_json(&json, visitor_agent_name(s->naming, agent_name));
        add(s, str_printf(arena, "event: typing\ndata: {\"name\":\"%.*s\",\"typing\":%s}\n\n",
                          STR_ARG(buf_str(&json)), typing ? "true" : "false"));
    }
    pthread_mutex_unlock(&v->lock);
    arena_give(arena);
}

// Colleagues who write while connected to another process on the same database. Told twice it changes
// nothing; a little is looked at twice because rows may commit late.
static void hear(struct visitors *v)
{
    enum { AGAIN_MS = 2000, BEGIN_MS = 5000 };
    struct arena *arena = arena_take();
    struct err err = {};
    struct rows *rows;
    i64 since = v->heard_to ? v->heard_to - AGAIN_MS : clock_now() - BEGIN_MS;
    struct conn *conn = db_take(v->db);
    bool fine = db_query(conn, &SQL_presence_news, DB_ARGS(db_i64(since), db_str(feed_process(v->feed))),
                         &rows, &err);
    while (fine && rows_next(rows)) {
        i64 at = row_i64(rows, 7);
        visitors_typing(v, row_i64(rows, 0), row_i64(rows, 2), row_str(rows, 5, arena),
                        str_eq(row_str(rows, 6, arena), S("reply"))); // customers never hear of notes
        v->heard_to = at > v->heard_to ? at : v->heard_to;
    }
    if (!fine || !rows_end(rows, &err))
        log_event(LOG_WARN, "visitors.presence_not_read", LOG_C("error", err.text));
    db_give(v->db, conn);
    arena_give(arena);
}

i64 visitors_open_streams(struct visitors *v)
{
    pthread_mutex_lock(&v->lock);
    i64 n = (i64)v->n_streams;
    pthread_mutex_unlock(&v->lock);
    return n;
}

// ---- The thread ---------------------------------------------------------------------------------------

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
        for (struct vopening *o = take_openings(v), *next; o; o = next) {
            next = o->next;
            open_one(v, o);
        }
        if (began - v->recheck_at >= RECHECK_MS) {
            v->recheck_at = began;
            recheck(v);
        }
        if (began - v->online_at >= ONLINE_MS) {
            v->online_at = began;
            tell_online(v);
        }
        if (db_kind(v->db) == DB_POSTGRES && visitors_open_streams(v) > 0 && began - v->heard_at >= HEAR_MS) {
            v->heard_at = began;
            hear(v);
        }
        struct timespec rest = {0, 10 * 1000000};
        nanosleep(&rest, NULL);
        wait_until(v, began + (db_kind(v->db) == DB_POSTGRES ? HEAR_MS : IDLE_MS));
    }
    for (struct vopening *o = take_openings(v), *next; o; o = next) {
        next = o->next;
        refuse(o->req);
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
    http_server_tick(server, TICK_MS, tick, v);
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
