// SPDX-License-Identifier: AGPL-3.0-or-later
// Who has which conversation open, and who is typing: in memory, told to whoever may see it. Processes on
// one PostgreSQL tell each other through a table whose rows age like the entries here.
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "live/internal.h"
#include "sql_gen.h"
#include "json/json.h"

enum { PRESENCE_MAX = 10000, CUSTOMER_MS = 10000 };

static void tell(struct feed *feed, i64 workspace_id, const struct whereabouts *where)
{
    i64 conversation_id = where->conversation_id;
    struct arena *arena = arena_take();
    struct buf json, frame;
    buf_init(&json, arena, 256 * 1024);
    buf_init(&frame, arena, 256 * 1024);
    struct json_writer w = json_writer(&json);
    json_open(&w, '{');
    json_key(&w, "conversation_id");
    json_put_i64(&w, conversation_id);
    json_key(&w, "agents");
    json_open(&w, '[');
    bool customer = false;
    for (size_t i = 0; i < feed->n_presence; i++) {
        const struct presence *p = &feed->presence[i];
        if (p->workspace_id != workspace_id || p->where.conversation_id != conversation_id)
            continue;
        customer |= p->agent_id < 0;
        if (p->agent_id < 0)
            continue;
        json_open(&w, '{');
        json_key(&w, "id");
        json_put_i64(&w, p->agent_id);
        json_key(&w, "name");
        json_put_str(&w, str_from(p->name));
        json_key(&w, "typing");
        json_put_bool(&w, p->where.typing != TYPING_NOTHING);
        json_key(&w, "kind");
        json_put_str(&w, p->where.typing == TYPING_NOTE ? S("note") : S("reply"));
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "customer_typing");
    json_put_bool(&w, customer);
    json_close(&w, '}');
    buf_add(&frame, frame_text(arena, "presence", buf_str(&json)));
    buf_add_char(&frame, '\n');
    for (struct audience *a = feed->audiences; a; a = a->next) {
        if (a->workspace_id == workspace_id && audience_sees(a, where->channel_id, where->team_id)) {
            ring_add(&a->ring, AUDIENCE_RING, buf_str(&frame));
            atomic_fetch_add(&feed->frames, 1);
            atomic_store(&feed->dirty, true);
        }
    }
    arena_give(arena);
}

// Forgets entry i and tells those who saw it.
static void forget(struct feed *feed, size_t i)
{
    struct presence was = feed->presence[i];
    feed->presence[i] = feed->presence[--feed->n_presence];
    tell(feed, was.workspace_id, &was.where);
}

void presence_expire(struct feed *feed, i64 now)
{
    for (size_t i = feed->n_presence; i-- > 0;) {
        if (feed->presence[i].until <= now)
            forget(feed, i);
    }
}

static void remember(struct feed *feed, const struct presence *entry)
{
    if (feed->n_presence == PRESENCE_MAX)
        return;
    if (feed->n_presence == feed->cap_presence) {
        feed->cap_presence = feed->cap_presence ? feed->cap_presence * 2 : 16;
        feed->presence = mem_resize(feed->presence, feed->cap_presence * sizeof(*feed->presence));
    }
    feed->presence[feed->n_presence++] = *entry;
    tell(feed, entry->workspace_id, &entry->where);
}

static void set_name(struct presence *entry, struct str name)
{
    size_t n = name.len < sizeof(entry->name) - 1 ? name.len : sizeof(entry->name) - 1;
    while (n > 0 && n < name.len && ((unsigned char)name.ptr[n] & 0xc0) == 0x80)
        n--; // not in the middle of a character
    if (n > 0)
        memcpy(entry->name, name.ptr, n);
}

static void put(struct feed *feed, const struct presence *entry)
{
    pthread_mutex_lock(&feed->lock);
    bool known = false;
    for (size_t i = feed->n_presence; i-- > 0;) {
        struct presence *p = &feed->presence[i];
        if (p->agent_id != entry->agent_id)
            continue;
        bool same = p->where.conversation_id == entry->where.conversation_id &&
                    p->where.team_id == entry->where.team_id;
        if (same && p->where.typing == entry->where.typing) {
            p->until = entry->until;
            known = true;
        } else {
            forget(feed, i);
        }
    }
    if (entry->where.conversation_id && !known)
        remember(feed, entry);
    pthread_mutex_unlock(&feed->lock);
}

// A customer is kept among the colleagues under a negative number, and told apart by it.
static void put_customer(struct feed *feed, const struct customer_typing *who, i64 until)
{
    struct presence entry = {
        .workspace_id = who->workspace_id,
        .agent_id = -who->visitor_id,
        .where = {.conversation_id = who->conversation_id,
                  .channel_id = who->channel_id,
                  .team_id = who->team_id},
        .until = until,
    };
    bool known = false;
    pthread_mutex_lock(&feed->lock);
    for (size_t i = feed->n_presence; i-- > 0;) {
        struct presence *p = &feed->presence[i];
        if (p->agent_id != entry.agent_id)
            continue;
        if (who->typing && p->where.conversation_id == who->conversation_id &&
            p->where.team_id == who->team_id) {
            p->until = entry.until;
            known = true;
        } else {
            forget(feed, i);
        }
    }
    if (who->typing && !known)
        remember(feed, &entry);
    pthread_mutex_unlock(&feed->lock);
}

bool feed_customer_typing(struct feed *feed, struct tx *tx, const struct customer_typing *who,
                          struct err *err)
{
    put_customer(feed, who, clock_mono() + CUSTOMER_MS);
    return db_kind(feed->db) == DB_SQLITE ||
           db_exec(tx->conn, &SQL_visitor_typing_put,
                   DB_ARGS(db_i64(who->workspace_id), db_i64(who->visitor_id),
                           db_str(str_from(feed->process)), db_i64(who->conversation_id),
                           db_i64(who->channel_id), db_i64(who->team_id), db_i64(who->typing),
                           db_i64(clock_now())),
                   NULL, err);
}

struct str feed_process(const struct feed *feed)
{
    return str_from(feed->process);
}

bool feed_presence(struct feed *feed, struct tx *tx, const struct actor *actor,
                   const struct whereabouts *where, struct err *err)
{
    static const char *const words[] = {"", "reply", "note"};
    struct presence entry = {.workspace_id = actor->workspace_id,
                             .agent_id = actor->agent_id,
                             .where = *where,
                             .until = clock_mono() + PRESENCE_MS};
    set_name(&entry, actor->name);
    put(feed, &entry);
    return db_kind(feed->db) == DB_SQLITE ||
           db_exec(tx->conn, &SQL_presence_put,
                   DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id),
                           db_str(str_from(feed->process)), db_i64(where->conversation_id),
                           db_i64(where->channel_id), db_i64(where->team_id), db_str(str_from(entry.name)),
                           db_str(str_from(words[where->typing])), db_i64(clock_now())),
                   NULL, err);
}

static struct presence heard(struct rows *rows, struct arena *arena)
{
    struct str typing = row_str(rows, 6, arena);
    struct presence entry = {.workspace_id = row_i64(rows, 0), .agent_id = row_i64(rows, 1)};
    entry.where = (struct whereabouts){.conversation_id = row_i64(rows, 2),
                                       .channel_id = row_i64(rows, 3),
                                       .team_id = row_i64(rows, 4),
                                       .typing = str_eq(typing, S("note"))    ? TYPING_NOTE
                                                 : str_eq(typing, S("reply")) ? TYPING_REPLY
                                                                              : TYPING_NOTHING};
    set_name(&entry, row_str(rows, 5, arena));
    entry.until = clock_mono() + PRESENCE_MS - (clock_now() - row_i64(rows, 7));
    return entry;
}

static bool hear_customers(struct feed *feed, struct conn *conn, i64 since, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_visitor_typing_news, DB_ARGS(db_i64(since), db_str(str_from(feed->process))),
                  &rows, err))
        return false;
    while (rows_next(rows)) {
        i64 at = row_i64(rows, 6), until = clock_mono() + CUSTOMER_MS - (clock_now() - at);
        struct customer_typing who = {
            .workspace_id = row_i64(rows, 0),
            .visitor_id = row_i64(rows, 1),
            .conversation_id = row_i64(rows, 2),
            .channel_id = row_i64(rows, 3),
            .team_id = row_i64(rows, 4),
            .typing = row_i64(rows, 5) != 0 && until > clock_mono(),
        };
        if (at > feed->presence_seen)
            feed->presence_seen = at;
        put_customer(feed, &who, until);
    }
    return rows_end(rows, err);
}

static bool hear_colleagues(struct feed *feed, struct conn *conn, i64 since, struct arena *arena,
                            struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_presence_news, DB_ARGS(db_i64(since), db_str(str_from(feed->process))), &rows,
                  err))
        return false;
    while (rows_next(rows)) {
        struct presence entry = heard(rows, arena);
        i64 at = row_i64(rows, 7);
        if (at > feed->presence_seen)
            feed->presence_seen = at;
        if (entry.until > clock_mono())
            put(feed, &entry);
    }
    return rows_end(rows, err);
}

// Rows that commit late would be behind what was seen, so a little is looked at twice; hearing it twice
// changes nothing.
void presence_hear(struct feed *feed)
{
    enum { AGAIN_MS = 3000 };
    struct arena *arena = arena_take();
    struct err err = {};
    i64 since = (feed->presence_seen ? feed->presence_seen : clock_now() - PRESENCE_MS) - AGAIN_MS;
    struct conn *conn = db_take(feed->db);
    if (!hear_colleagues(feed, conn, since, arena, &err) || !hear_customers(feed, conn, since, &err))
        log_event(LOG_WARN, "live.presence_not_read",
                  LOG_C("error", err.text)); // looked at again in a moment
    db_give(feed->db, conn);
    arena_give(arena);
}

struct str feed_typing(struct feed *feed, const struct actor *actor, i64 conversation_id, struct arena *arena)
{
    struct str name = STR_NONE;
    pthread_mutex_lock(&feed->lock);
    for (size_t i = 0; i < feed->n_presence; i++) {
        const struct presence *p = &feed->presence[i];
        if (p->workspace_id == actor->workspace_id && p->where.conversation_id == conversation_id &&
            p->where.typing == TYPING_REPLY && p->agent_id != actor->agent_id &&
            actor_sees(actor, p->where.channel_id, p->where.team_id))
            name = str_copy(arena, str_from(p->name));
    }
    pthread_mutex_unlock(&feed->lock);
    return name;
}
