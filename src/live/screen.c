// SPDX-License-Identifier: AGPL-3.0-or-later
// Screens on the net thread: on each tick every screen with something new is written to as far as its
// socket takes it. Nothing is queued per screen: what a slow one has not read is still in the ring, until
// the ring has moved on; then it is told to fetch anew.
#include "base/arena.h"
#include "base/clock.h"
#include "live/internal.h"

static void own_free(struct screen *screen)
{
    mem_free(screen->own);
    screen->own = NULL;
    screen->own_len = screen->own_at = 0;
}

static void own_set(struct screen *screen, struct str bytes)
{
    own_free(screen);
    screen->own = mem_alloc(bytes.len + 1);
    memcpy(screen->own, bytes.ptr, bytes.len);
    screen->own_len = bytes.len;
}

// True: all of it is out. False: the socket is full (or closed).
static bool write_own(struct screen *screen)
{
    while (screen->own_at < screen->own_len) {
        struct str rest = {screen->own + screen->own_at, screen->own_len - screen->own_at};
        i64 n = http_stream_write(screen->stream, rest);
        if (n <= 0)
            return false;
        screen->own_at += (size_t)n;
        screen->written_at = clock_mono();
    }
    own_free(screen);
    return true;
}

// Writes a ring up to its head. *at moves; *ret_behind: the ring no longer has what comes next.
static bool write_ring(struct screen *screen, const struct ring *ring, u64 *at, bool *ret_behind)
{
    while (*at != ring->head) {
        struct str bytes;
        if (!ring_read(ring, *at, &bytes)) {
            *ret_behind = true;
            return false;
        }
        i64 n = http_stream_write(screen->stream, bytes);
        if (n <= 0)
            return false;
        *at += (u64)n;
        screen->written_at = clock_mono();
    }
    return true;
}

// Behind the ring: at a frame's edge it is told to fetch anew; inside one only a new stream helps.
static void fell_behind(struct screen *screen)
{
    atomic_fetch_add(&screen->feed->dropped, 1);
    screen->at_audience = screen->audience->ring.head;
    screen->at_person = screen->person->ring.head;
    if (screen->mid != SOURCE_NONE) {
        screen->closing = true;
        return;
    }
    own_set(screen, S("event: resync\ndata: {}\n\n"));
}

static bool flush_source(struct screen *screen, enum source source)
{
    bool audience = source == SOURCE_AUDIENCE, behind = false;
    const struct ring *ring = audience ? &screen->audience->ring : &screen->person->ring;
    u64 *at = audience ? &screen->at_audience : &screen->at_person;
    u64 before = *at;
    if (write_ring(screen, ring, at, &behind)) {
        screen->mid = SOURCE_NONE;
        return true;
    }
    if (behind)
        fell_behind(screen);
    else if (*at != before || screen->mid == source)
        screen->mid = source; // the head is a frame's edge, anything before it may not be one
    return false;
}

// True: everything is out.
static bool flush(struct screen *screen)
{
    if (screen->mid != SOURCE_NONE && !flush_source(screen, screen->mid))
        return false;
    if (screen->own && !write_own(screen))
        return false;
    if (screen->closing)
        return true;
    return flush_source(screen, SOURCE_AUDIENCE) && flush_source(screen, SOURCE_PERSON);
}

static void heartbeat(struct screen *screen, i64 now)
{
    if (screen->mid == SOURCE_NONE && !screen->own && now - screen->written_at >= HEARTBEAT_MS) {
        i64 n = http_stream_write(screen->stream, S(": \n\n"));
        // Cut short it would spoil the next frame; four bytes hardly ever are.
        if (n > 0 && n < 4)
            screen->closing = true;
        screen->written_at = now;
    }
}

void screen_tick(void *arg)
{
    struct feed *feed = arg;
    static i64 beat_at; // net thread only
    i64 now = clock_mono();
    bool beat = now - beat_at >= 1000;
    if (!atomic_exchange(&feed->dirty, false) && !beat && feed->n_blocked == 0)
        return;
    if (beat)
        beat_at = now;
    pthread_mutex_lock(&feed->lock);
    size_t blocked = 0;
    for (struct screen *screen = feed->screens, *next; screen; screen = next) {
        next = screen->next;
        if (!screen->stream)
            continue;
        bool done = flush(screen);
        if (screen->closing) { // what its socket did not take is not waited for
            struct http_stream *stream = screen->stream;
            screen->stream = NULL; // on_close follows
            http_stream_close(stream);
            continue;
        }
        blocked += !done;
        if (beat && done)
            heartbeat(screen, now);
    }
    feed->n_blocked = blocked;
    feed->flushes++;
    pthread_mutex_unlock(&feed->lock);
}

// Net thread, exactly once per stream: the only place where a screen ends.
static void on_close(void *arg)
{
    struct screen *screen = arg;
    struct feed *feed = screen->feed;
    pthread_mutex_lock(&feed->lock);
    if (screen->prev)
        screen->prev->next = screen->next;
    else
        feed->screens = screen->next;
    if (screen->next)
        screen->next->prev = screen->prev;
    screen->audience->n_screens--;
    screen->person->n_screens--;
    feed->n_screens--;
    pthread_mutex_unlock(&feed->lock);
    own_free(screen);
    mem_free(screen);
}

void screen_open(struct feed *feed, struct opening *opening, struct str own)
{
    struct screen *screen = mem_alloc(sizeof(*screen));
    struct audience *audience = audience_find(feed, &opening->actor);
    *screen = (struct screen){
        .feed = feed,
        .next = feed->screens,
        .audience = audience,
        .person = viewer_find(feed, &opening->actor, audience),
        .session_id = opening->actor.session_id,
        .token_id = opening->actor.token_id,
        .written_at = clock_mono(),
    };
    screen->at_audience = audience->ring.head;
    screen->at_person = screen->person->ring.head;
    own_set(screen, own);
    // Its counts were read apart from the ring's: the next ones are told whatever they are.
    memset(audience->counts_hash, 0, sizeof(audience->counts_hash));
    screen->person->mine = -1;
    screen->person->pings = -1;
    screen->person->recount_pings = true;
    screen->person->fresh = true;
    feed->folders_fresh = true;
    if (feed->screens)
        feed->screens->prev = screen;
    feed->screens = screen;
    audience->n_screens++;
    screen->person->n_screens++;
    feed->n_screens++;
    // on_close waits for the lock, so the stream is set before it can run.
    screen->stream = http_stream_open(opening->req, NULL, 0, on_close, screen);
    atomic_store(&feed->dirty, true);
}

void screen_close(struct screen *screen, struct str last_words)
{
    if (screen->closing)
        return;
    screen->closing = true;
    if (screen->mid == SOURCE_NONE && !screen->own && last_words.len > 0)
        own_set(screen, last_words);
    atomic_store(&screen->feed->dirty, true);
}
