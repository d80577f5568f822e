// SPDX-License-Identifier: AGPL-3.0-or-later
// The feed's own parts. Two threads meet here under one lock: the feed's thread reads the log and fills
// rings; the net thread empties them into sockets on its tick.
#pragma once
#include "base/thread.h"
#include "live/feed.h"
#include "live/ring.h"
#include "store/log.h"
#include <stdatomic.h>

enum {
    TICK_MS = 15,
    BATCH_EVENTS = 1000,
    CATCH_UP_EVENTS = 5000, // further behind: resync
    CATCH_UP_PART = 250,    // at a time, between batches
    CATCH_UP_BYTES = 4 * 1024 * 1024,
    OPEN_MS = 20,  // at most so long for openings in one turn
    READ_MS = 200, // and for the log, before rights are looked at again
    AUDIENCE_RING = 1024 * 1024,
    PERSON_RING = 2048,
    HEARTBEAT_MS = 15000,
    RECHECK_MS = 1200, // a changed right closes the stream within 2 s
    COUNTS_MS = 200,   // folders are recounted at most so often
    PRESENCE_MS = 45000,
    PRESENCE_LOOK_MS = 700, // what other processes heard
};

// Everybody with the same workspace, channels and teams sees the same frames.
struct audience {
    struct audience *next;
    i64 workspace_id;
    bool all_channels, all_teams;
    i64 *channels, *teams; // sorted
    size_t n_channels, n_teams;
    struct ring ring;
    size_t n_screens;
    bool recount;
    u8 counts_hash[32]; // of the last counts told
};
struct viewer {
    struct viewer *next;
    i64 workspace_id, agent_id;
    struct audience *audience;
    struct ring ring;
    size_t n_screens;
    bool recount;
    i64 mine; // last told, -1: nothing yet
    bool recount_pings;
    i64 pings, newest_ping; // last told
    bool fresh;             // a screen opened: saved folders are told whatever was told before
    size_t unwritten; // bytes of folders' counts told since the flush of that number: no more than the ring
    u64 flush;        // holds for certain
};
enum source { SOURCE_NONE, SOURCE_OWN, SOURCE_AUDIENCE, SOURCE_PERSON };
struct screen {
    struct screen *next, *prev;
    struct feed *feed;
    struct http_stream *stream;
    struct audience *audience;
    struct viewer *person;
    u64 at_audience, at_person;
    char *own; // hello, resync: this screen's alone
    size_t own_len, own_at;
    i64 written_at; // clock_mono
    i64 session_id, token_id;
    enum source mid; // a frame of this source is half written
    bool closing;    // nothing more; close when `own` is out
};
struct opening {
    struct opening *next;
    struct http_request *req;
    struct actor actor;
    struct str last_event_id;
    // While it catches up (the feed thread's alone):
    bool begun;
    struct log_cursor cursor; // told so far
    size_t n_told;
    struct buf own; // heap: its first frames
};
struct presence {
    i64 workspace_id, agent_id, until; // clock_mono
    struct whereabouts where;
    char name[208];
};
struct feed {
    struct db *db;
    struct http_server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool woken, stopping, leaving, started;
    bool folders_stale; // a saved folder changed: all are placed anew
    bool folders_fresh; // a screen opened
    struct opening *openings, **openings_end;
    struct audience *audiences;
    struct viewer *persons;
    struct screen *screens;
    size_t n_screens, n_audiences, n_blocked;
    atomic_bool dirty; // a ring or a screen changed since the last tick
    u64 flushes;       // ticks that wrote out what the rings held
    struct presence *presence;
    size_t n_presence, cap_presence;
    char process[24]; // what other processes know us by
    // The feed thread's alone:
    struct opening *pending, **pending_end; // streams that are being opened
    struct log_cursor cursor;
    i64 recheck_at, counts_at, batch_at, presence_at, presence_seen;
    bool recheck_now;
    struct shelf *shelves;
    struct tally *tallies;
    // Figures
    atomic_llong frames, dropped, lag_ms;
};

// What may be shown, with what decides who sees it.
struct item {
    i64 workspace_id, channel_id, team_id;
    i64 before_team_id; // moved: who saw it there and does not see it here is told that it is gone
    i64 gone_id;
    bool moved, everybody, resync; // everybody: of the workspace
    i64 agent_id;                  // for this colleague's screens alone
    struct str frame;              // "event: …\ndata: …\n", without the empty line
};
struct item_list {
    struct item *items;
    size_t len, cap;
};

// ---- audience.c (under the lock) ----
struct audience *audience_find(struct feed *feed, const struct actor *actor);
bool audience_is(const struct audience *audience, const struct actor *actor);
bool audience_sees(const struct audience *audience, i64 channel_id, i64 team_id);
struct viewer *viewer_find(struct feed *feed, const struct actor *actor, struct audience *audience);
// Takes away what no screen uses any more.
void audience_sweep(struct feed *feed);
void audience_finish_all(struct feed *feed);

// ---- opening.c (feed thread) ----
// Opens streams for some ms; when some are left the next turn comes at once.
void openings_turn(struct feed *feed);
void openings_refuse(struct feed *feed);

// ---- feed.c ----
// The frames of one batch for one audience; the last one carries where the log then stood.
size_t frames_for(const struct item_list *items, const struct audience *audience, struct str id,
                  struct buf *out);

// ---- items.c (feed thread) ----
// Builds the frames of a batch of one or several workspaces; only of workspaces that somebody watches.
bool items_build(struct conn *conn, const struct event_list *events, const struct id_list *workspaces,
                 struct arena *arena, struct item_list *out, struct err *err) MUST_CHECK;
// "event: name\ndata: json\n"
struct str frame_text(struct arena *arena, const char *event, struct str json);
// True when the audience may see it; *ret_gone: it must be told instead that it left.
bool item_shown(const struct item *item, const struct audience *audience, bool *ret_gone);
// Adds the item, or that it is gone, to a screen's or ring's text. id given: the last frame of its batch.
void item_add(struct buf *out, const struct item *item, bool gone, struct str id);

// ---- screen.c (net thread, under the lock) ----
void screen_tick(void *arg);
void screen_open(struct feed *feed, struct opening *opening, struct str own);
void screen_close(struct screen *screen, struct str last_words);

// ---- presence.c (under the lock) ----
void presence_expire(struct feed *feed, i64 now);
// Feed thread, not under the lock: what other processes heard.
void presence_hear(struct feed *feed);

// ---- counts.c, recheck.c (feed thread) ----
bool counts_frame(struct conn *conn, const struct actor *actor, bool without_own, struct arena *arena,
                  struct str *ret_frame, struct err *err) MUST_CHECK;
bool counts_wanted(const struct feed *feed);
void counts_tell(struct feed *feed);
void rights_recheck(struct feed *feed);

// ---- folders.c (feed thread) ----
// Which tallies a batch of events makes uncertain.
void folders_note(struct feed *feed, struct conn *conn, const struct event_list *events, struct arena *arena);
void folders_tell(struct feed *feed, struct conn *conn);
bool folders_wanted(const struct feed *feed);
// Before audiences and persons go (under the lock): what nobody looks at any more.
void folders_forget(struct feed *feed);
void folders_finish(struct feed *feed);
