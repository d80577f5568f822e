// SPDX-License-Identifier: AGPL-3.0-or-later
// Streams begin here: hello, what somebody missed since their last frame (or that they must fetch anew),
// and the counts. Who missed much is served in parts, so that the screens that are open wait for nobody.
#include "base/clock.h"
#include "base/log.h"
#include "live/internal.h"

static void add_resync(const struct feed *feed, struct arena *arena, struct buf *out)
{
    buf_printf(out, "id: %.*s\nevent: resync\ndata: {}\n\n", STR_ARG(log_cursor_format(arena, feed->cursor)));
}

static bool resumed(const struct opening *opening)
{
    return opening->last_event_id.len > 0;
}

static void add_hello(const struct feed *feed, struct opening *opening, struct arena *arena)
{
    // Whoever continues keeps their own place until what they missed is here.
    if (!resumed(opening))
        buf_printf(&opening->own, "id: %.*s\n", STR_ARG(log_cursor_format(arena, feed->cursor)));
    buf_printf(
        &opening->own,
        "event: hello\ndata: {\"agent_id\":%lld,\"workspace_id\":%lld,\"now\":\"%.*s\",\"resumed\":%s}\n\n",
        (long long)opening->actor.agent_id, (long long)opening->actor.workspace_id,
        STR_ARG(clock_format(arena, clock_now())), resumed(opening) ? "true" : "false");
}

// Can they continue from where they were? The log may have been pruned, or be another one by now.
static bool can_continue(struct feed *feed, struct conn *conn, struct opening *opening, struct arena *arena,
                         bool *ret_can, struct err *err)
{
    struct log_cursor *at = &opening->cursor;
    *ret_can = false;
    if (!log_cursor_parse(opening->last_event_id, at) || at->epoch != db_epoch(feed->db))
        return true;
    if (!log_holds(conn, *at, ret_can, err))
        return false;
    bool here = at->xid == feed->cursor.xid && at->id == feed->cursor.id && at->epoch == feed->cursor.epoch;
    if (*ret_can || !here)
        return true;
    // Their event was pruned, and the feed is where they are. They missed nothing only if the log has nothing
    // behind it either: the feed may not have read yet what came since, nor what was pruned of that.
    struct log_cursor ahead = *at;
    struct event_list events = {};
    if (!log_read(conn, &ahead, 1, arena, &events, err))
        return false;
    *ret_can = events.len == 0;
    return true;
}

// A part of what somebody missed. *ret_done: all of it is told, or that they must fetch anew.
static bool catch_up(struct feed *feed, struct conn *conn, struct opening *opening, struct arena *arena,
                     bool *ret_done, struct err *err)
{
    // Only to ask what it sees; the lasting one is found when the stream opens.
    const struct audience seen = {
        .workspace_id = opening->actor.workspace_id,
        .all_channels = opening->actor.all_channels,
        .all_teams = opening->actor.all_teams,
        .channels = opening->actor.channels.items,
        .n_channels = opening->actor.channels.len,
        .teams = opening->actor.teams.items,
        .n_teams = opening->actor.teams.len,
    };
    i64 workspace_id = opening->actor.workspace_id;
    struct id_list workspaces = {&workspace_id, 1, 1};
    struct event_list events = {};
    struct item_list items = {};
    if (!log_read(conn, &opening->cursor, CATCH_UP_PART, arena, &events, err) ||
        !items_build(conn, &events, &workspaces, arena, &items, err))
        return false;
    (void)frames_for(&items, &seen, log_cursor_format(arena, opening->cursor), &opening->own);
    opening->n_told += events.len;
    *ret_done = events.len < CATCH_UP_PART;
    if (!opening->own.overflow && opening->own.len <= CATCH_UP_BYTES && opening->n_told < CATCH_UP_EVENTS)
        return true;
    buf_reset(&opening->own); // too much: all of it is fetched anew instead
    add_hello(feed, opening, arena);
    add_resync(feed, arena, &opening->own);
    *ret_done = true;
    return true;
}

// True: a step was done; *ret_done: its first frames are complete.
static bool advance(struct feed *feed, struct conn *conn, struct opening *opening, struct arena *arena,
                    bool *ret_done, struct err *err)
{
    bool can = true;
    struct str counts;
    *ret_done = !resumed(opening);
    if (!opening->begun) {
        opening->begun = true;
        buf_init(&opening->own, NULL, CATCH_UP_BYTES + (1 << 20));
        add_hello(feed, opening, arena);
        if (resumed(opening) && !can_continue(feed, conn, opening, arena, &can, err))
            return false;
        if (!can) {
            add_resync(feed, arena, &opening->own);
            *ret_done = true;
        }
    }
    if (!*ret_done && !catch_up(feed, conn, opening, arena, ret_done, err))
        return false;
    if (*ret_done) {
        if (!counts_frame(conn, &opening->actor, false, arena, &counts, err))
            return false;
        buf_add(&opening->own, counts);
    }
    return true;
}

static void refuse(struct http_request *req)
{
    struct http_header headers[] = {{S("retry-after"), S("1")}};
    http_respond(
        req, &(struct http_response){.status = 503,
                                     .headers = headers,
                                     .n_headers = 1,
                                     .content_type = S("application/problem+json"),
                                     .body = S("{\"type\":\"about:blank\",\"title\":\"Service Unavailable\","
                                               "\"status\":503,\"detail\":\"Try again in a moment.\","
                                               "\"errors\":[]}")});
}

// True: it is open, or refused.
static bool open_one(struct feed *feed, struct opening *opening)
{
    struct arena *arena = arena_take();
    struct err err = {};
    bool done = false;
    struct conn *conn = db_take(feed->db);
    bool fine = advance(feed, conn, opening, arena, &done, &err);
    db_give(feed->db, conn);
    arena_give(arena);
    if (fine && !done)
        return false;
    if (!fine)
        log_event(LOG_WARN, "live.open", LOG_C("error", err.text));
    struct buf own = opening->own; // the opening ends with its request, which the stream takes over
    struct http_request *req = opening->req;
    pthread_mutex_lock(&feed->lock);
    bool leaving = feed->leaving;
    if (fine && !leaving)
        screen_open(feed, opening, buf_str(&own));
    pthread_mutex_unlock(&feed->lock);
    if (!fine || leaving)
        refuse(req);
    buf_finish(&own);
    return true;
}

static void take_openings(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    if (feed->openings) {
        *feed->pending_end = feed->openings;
        feed->pending_end = feed->openings_end;
        feed->openings = NULL;
        feed->openings_end = &feed->openings;
    }
    pthread_mutex_unlock(&feed->lock);
}

static struct opening *pop(struct feed *feed)
{
    struct opening *opening = feed->pending;
    if (opening) {
        feed->pending = opening->next;
        opening->next = NULL;
        if (!feed->pending)
            feed->pending_end = &feed->pending;
    }
    return opening;
}

void openings_turn(struct feed *feed)
{
    i64 until = clock_mono() + OPEN_MS;
    take_openings(feed);
    for (struct opening *opening; clock_mono() < until && (opening = pop(feed));) {
        if (!open_one(feed, opening)) { // to the end of the line: nobody waits for who missed much
            *feed->pending_end = opening;
            feed->pending_end = &opening->next;
        }
    }
    if (feed->pending) {
        pthread_mutex_lock(&feed->lock);
        feed->woken = true;
        pthread_mutex_unlock(&feed->lock);
    }
}

void openings_refuse(struct feed *feed)
{
    take_openings(feed);
    for (struct opening *opening; (opening = pop(feed));) {
        struct http_request *req = opening->req;
        struct buf own = opening->own;
        bool begun = opening->begun;
        refuse(req);
        if (begun)
            buf_finish(&own);
    }
}
