// SPDX-License-Identifier: AGPL-3.0-or-later
// Looks again at who may have a stream open: sessions and tokens that ended, colleagues that were disabled
// or see something else now. Their streams end; the page comes back with what it may see then.
#include "base/clock.h"
#include "desk/session.h"
#include "live/internal.h"
#include <stdlib.h>

static void close_viewer(struct feed *feed, const struct viewer *person)
{
    for (struct screen *s = feed->screens; s; s = s->next) {
        if (s->person == person)
            screen_close(s, S("event: resync\ndata: {}\n\n"));
    }
}

struct gate { // a session or token with open streams
    i64 workspace_id, session_id, token_id;
};
struct gate_list {
    struct gate *items;
    size_t len, cap;
};

static void collect_gates(struct feed *feed, struct arena *arena, struct gate_list *out)
{
    pthread_mutex_lock(&feed->lock);
    for (struct screen *s = feed->screens; s; s = s->next) {
        struct gate *last = out->len ? &out->items[out->len - 1] : NULL;
        if (last && last->session_id == s->session_id && last->token_id == s->token_id)
            continue;
        *list_push(out, arena) = (struct gate){s->audience->workspace_id, s->session_id, s->token_id};
    }
    pthread_mutex_unlock(&feed->lock);
}

static void close_gate(struct feed *feed, const struct gate *gate)
{
    pthread_mutex_lock(&feed->lock);
    for (struct screen *s = feed->screens; s; s = s->next) {
        if (s->session_id == gate->session_id && s->token_id == gate->token_id)
            screen_close(s, STR_NONE);
    }
    pthread_mutex_unlock(&feed->lock);
}

static int by_number(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return (x > y) - (x < y);
}

// All sessions with open streams at once: one question however many screens there are.
static void recheck_sessions(struct feed *feed, struct conn *conn, const struct gate_list *gates,
                             struct arena *arena)
{
    struct id_list ids = {}, alive = {};
    struct err err = {};
    for (size_t i = 0; i < gates->len; i++) {
        if (gates->items[i].session_id)
            *list_push(&ids, arena) = gates->items[i].session_id;
    }
    if (ids.len == 0 || !session_alive(conn, &ids, clock_now(), arena, &alive, &err))
        return; // a database that is away ends nobody's stream
    for (size_t i = 0; i < gates->len; i++) {
        const struct gate *gate = &gates->items[i];
        if (gate->session_id &&
            !(alive.len > 0 && bsearch(&gate->session_id, alive.items, alive.len, sizeof(i64), by_number)))
            close_gate(feed, gate);
    }
}

void rights_recheck(struct feed *feed)
{
    struct arena *arena = arena_take();
    struct gate_list gates = {};
    struct err err = {};
    collect_gates(feed, arena, &gates);
    struct conn *conn = db_take(feed->db);
    recheck_sessions(feed, conn, &gates, arena);
    for (size_t i = 0; i < gates.len; i++) {
        const struct gate *gate = &gates.items[i];
        bool alive = true;
        if (!gate->session_id &&
            token_alive(conn, gate->workspace_id, gate->token_id, clock_now(), &alive, &err) && !alive)
            close_gate(feed, gate);
    }
    for (struct viewer *p = feed->persons; p; p = p->next) {
        struct actor actor = {};
        struct err why = {};
        pthread_mutex_lock(&feed->lock);
        bool used = p->n_screens > 0;
        pthread_mutex_unlock(&feed->lock);
        if (!used)
            continue;
        bool loaded = actor_load(conn, p->agent_id, arena, &actor, &why);
        bool same = loaded && audience_is(p->audience, &actor) && actor_may(&actor, MAY_READ);
        if (same || (!loaded && why.code != ERR_UNAUTHENTICATED))
            continue; // a database that is away ends nobody's stream
        pthread_mutex_lock(&feed->lock);
        close_viewer(feed, p);
        pthread_mutex_unlock(&feed->lock);
    }
    db_give(feed->db, conn);
    arena_give(arena);
}
