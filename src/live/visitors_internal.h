// SPDX-License-Identifier: AGPL-3.0-or-later
// The parts of visitors.c: streams, what their frames say, how they are opened, what is looked at again. Two
// threads meet under one lock: ours reads the log and hangs frames onto streams, the net thread writes them
// on its tick.
#pragma once
#include "base/thread.h"
#include "live/visitors.h"
#include "store/log.h"

enum {
    VISITOR_TICK_MS = 20,
    VISITOR_WAITING_MAX = 256 * 1024, // of one stream
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

// ---- visitor_stream.c: waiting bytes and sockets; under the lock, except the tick and the end ------------
void vstream_add(struct vstream *s, struct str bytes);
void vstream_free(struct vstream *s); // one that no stream of the server has
void vstream_on_close(void *arg);
void vstreams_tick(void *arg);

// ---- visitor_frame.c: what an event means to a stream ----------------------------------------------------
// What was read for an event is kept for the next stream.
struct told {
    struct visitor_message message;
    bool loaded, visible;
};
bool vframe_concerns_message(const struct event *event);
bool vframe_load(struct conn *conn, const struct event *event, struct arena *arena, struct told *told,
                 struct err *err) MUST_CHECK;
bool vstream_hears(const struct vstream *s, const struct event *event, const struct visitor_message *message);
// What one event means to one stream; "" when nothing.
struct str vframe_for(const struct vstream *s, const struct event *event, const struct told *told,
                      struct arena *arena);

// ---- visitor_opening.c -----------------------------------------------------------------------------------
struct vopening *vopenings_take(struct visitors *v);
void vopening_open(struct visitors *v, struct vopening *o);
void vopening_refuse(struct http_request *req);

// ---- visitor_recheck.c: what is looked at again ----------------------------------------------------------
void visitors_recheck(struct visitors *v);
void visitors_tell_online(struct visitors *v);
void visitors_hear(struct visitors *v);
// {"online":…,"opens_at":…, without the last brace.
struct str visitor_reach_json(const struct visitor_reach *reach, struct arena *arena);
