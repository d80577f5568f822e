// SPDX-License-Identifier: AGPL-3.0-or-later
// See visitors_internal.h. A visitor is told little, so each stream has its own waiting bytes; who does not
// read them is closed and comes back with Last-Event-ID.
#include "base/clock.h"
#include "live/visitors_internal.h"

enum { HEARTBEAT_MS = 15000 };

void vstream_add(struct vstream *s, struct str bytes)
{
    if (s->closing)
        return;
    if (s->at > 0) {
        memmove(s->out, s->out + s->at, s->len - s->at);
        s->len -= s->at;
        s->at = 0;
    }
    if (s->len + bytes.len > VISITOR_WAITING_MAX) {
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

void vstreams_tick(void *arg)
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
                vstream_add(s, S(": \n\n"));
                s->written_at = now;
                left = true;
            }
        }
        v->dirty = left;
    }
    pthread_mutex_unlock(&v->lock);
}

void vstream_free(struct vstream *s)
{
    mem_free((char *)s->who.thread_key.ptr);
    mem_free((char *)s->naming.how.ptr);
    mem_free((char *)s->naming.brand.ptr);
    mem_free(s->out);
    mem_free(s);
}

// Net thread, once per stream: the only place where one ends.
void vstream_on_close(void *arg)
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
    vstream_free(s);
}
