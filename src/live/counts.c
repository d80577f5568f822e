// SPDX-License-Identifier: AGPL-3.0-or-later
// Folders' counts on open screens: recounted for each audience that something changed for, some times a
// second at most, and told only when a number is another than before.
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "desk/ping.h"
#include "live/counts_json.h"
#include "live/internal.h"
#include "sql_gen.h"

static struct actor actor_of(const struct audience *audience, i64 agent_id)
{
    return (struct actor){
        .workspace_id = audience->workspace_id,
        .agent_id = agent_id,
        .role = ROLE_VIEWER,
        .scopes = SCOPE_ALL,
        .all_channels = audience->all_channels,
        .all_teams = audience->all_teams,
        .channels = {audience->channels, audience->n_channels, audience->n_channels},
        .teams = {audience->teams, audience->n_teams, audience->n_teams},
    };
}

bool counts_frame(struct conn *conn, const struct actor *actor, bool without_own, struct arena *arena,
                  struct str *ret_frame, struct err *err)
{
    struct folder_counts counts = {};
    struct buf json;
    if (!conversation_counts(conn, actor, arena, &counts, err))
        return false;
    buf_init(&json, arena, 1024 * 1024);
    struct json_writer w = json_writer(&json);
    counts_encode(&w, &counts, without_own, -1);
    *ret_frame = str_concat(arena, frame_text(arena, "counts", buf_str(&json)), S("\n"));
    return true;
}

static bool count_mine(struct conn *conn, const struct viewer *person, struct arena *arena, i64 *ret_n,
                       struct err *err)
{
    struct rows *rows;
    i64 n = 0;
    struct str folder = str_printf(arena, "mine:%lld", (long long)person->agent_id);
    if (!db_query(conn, &SQL_live_mine, DB_ARGS(db_i64(person->workspace_id), db_str(folder)), &rows, err))
        return false;
    while (rows_next(rows)) {
        if (audience_sees(person->audience, row_i64(rows, 0), row_i64(rows, 1)))
            n += row_i64(rows, 2);
    }
    *ret_n = n;
    return rows_end(rows, err);
}

static void tell_audience(struct feed *feed, struct audience *audience, struct str frame)
{
    u8 hash[32];
    sha256(frame, hash);
    pthread_mutex_lock(&feed->lock);
    audience->recount = false;
    if (memcmp(hash, audience->counts_hash, sizeof(hash)) != 0) {
        memcpy(audience->counts_hash, hash, sizeof(hash));
        ring_add(&audience->ring, AUDIENCE_RING, frame);
        atomic_fetch_add(&feed->frames, 1);
        atomic_store(&feed->dirty, true);
    }
    pthread_mutex_unlock(&feed->lock);
}

static void tell_person(struct feed *feed, struct viewer *person, i64 mine, struct arena *arena)
{
    pthread_mutex_lock(&feed->lock);
    person->recount = false;
    if (mine != person->mine) {
        person->mine = mine;
        ring_add(&person->ring, PERSON_RING,
                 str_printf(arena, "event: counts\ndata: {\"mine\":%lld}\n\n", (long long)mine));
        atomic_store(&feed->dirty, true);
    }
    pthread_mutex_unlock(&feed->lock);
}

// How many wait at the bell, and when the newest came: the page then asks for the list.
static void tell_pings(struct feed *feed, struct conn *conn, struct viewer *person, struct arena *arena,
                       struct err *err)
{
    i64 n = 0, newest = 0;
    if (!ping_unseen(conn, person->workspace_id, person->agent_id, &n, &newest, err))
        return;
    pthread_mutex_lock(&feed->lock);
    person->recount_pings = false;
    if (n != person->pings || newest != person->newest_ping) {
        person->pings = n;
        person->newest_ping = newest;
        ring_add(&person->ring, PERSON_RING,
                 str_printf(arena, "event: pings\ndata: {\"unseen\":%lld,\"newest\":%lld}\n\n", (long long)n,
                            (long long)newest));
        atomic_store(&feed->dirty, true);
    }
    pthread_mutex_unlock(&feed->lock);
}

// Audiences and persons only go on this thread (audience_sweep), so they may be walked without the lock
// while nothing is taken out; only their rings are the net thread's too.
void counts_tell(struct feed *feed)
{
    struct arena *arena = arena_take();
    struct err err = {};
    struct conn *conn = db_take(feed->db);
    for (struct audience *a = feed->audiences; a; a = a->next) {
        struct str frame;
        struct actor actor = actor_of(a, 0);
        if (a->recount && counts_frame(conn, &actor, true, arena, &frame, &err))
            tell_audience(feed, a, frame);
        arena_reset(arena);
    }
    for (struct viewer *p = feed->persons; p; p = p->next) {
        i64 mine;
        if (p->recount && count_mine(conn, p, arena, &mine, &err))
            tell_person(feed, p, mine, arena);
        if (p->recount_pings)
            tell_pings(feed, conn, p, arena, &err);
        arena_reset(arena);
    }
    db_give(feed->db, conn);
    arena_give(arena);
    if (err.code != ERR_NONE)
        log_event(LOG_WARN, "live.counts", LOG_C("error", err.text));
}

bool counts_wanted(const struct feed *feed)
{
    for (const struct audience *a = feed->audiences; a; a = a->next) {
        if (a->recount)
            return true;
    }
    for (const struct viewer *p = feed->persons; p; p = p->next) {
        if (p->recount || p->recount_pings)
            return true;
    }
    return false;
}
