// SPDX-License-Identifier: AGPL-3.0-or-later
// See visitors_internal.h. Sessions that ended, whether somebody of the team is there, and who of them is
// writing, here or connected to another process.
#include "base/clock.h"
#include "base/log.h"
#include "live/visitors_internal.h"
#include "sql_gen.h"

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

struct str visitor_reach_json(const struct visitor_reach *reach, struct arena *arena)
{
    struct str at = reach->opens_at
                        ? str_printf(arena, "\"%.*s\"", STR_ARG(clock_format(arena, reach->opens_at)))
                        : S("null");
    return str_printf(arena, "{\"online\":%s,\"opens_at\":%.*s", reach->online ? "true" : "false",
                      STR_ARG(at));
}

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
void visitors_recheck(struct visitors *v)
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

void visitors_tell_online(struct visitors *v)
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
            vstream_add(s, str_printf(arena, "event: online\ndata: %.*s}\n\n",
                                      STR_ARG(visitor_reach_json(&gate->reach, arena))));
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
        vstream_add(s, str_printf(arena, "event: typing\ndata: {\"name\":\"%.*s\",\"typing\":%s}\n\n",
                                  STR_ARG(buf_str(&json)), typing ? "true" : "false"));
    }
    pthread_mutex_unlock(&v->lock);
    arena_give(arena);
}

// Colleagues who write while connected to another process on the same database. Told twice it changes
// nothing; a little is looked at twice because rows may commit late.
void visitors_hear(struct visitors *v)
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
