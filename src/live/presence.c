// SPDX-License-Identifier: AGPL-3.0-or-later
// Who has which conversation open, and who is typing: in memory only, told to whoever may see it.
#include "base/arena.h"
#include "base/clock.h"
#include "live/internal.h"
#include "json/json.h"

enum { PRESENCE_MAX = 10000, CUSTOMER_MS = 10000 };

static void tell(struct feed *feed, i64 workspace_id, i64 conversation_id, i64 channel_id, i64 team_id)
{
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
        if (p->workspace_id != workspace_id || p->conversation_id != conversation_id)
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
        json_put_bool(&w, p->typing);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "customer_typing");
    json_put_bool(&w, customer);
    json_close(&w, '}');
    buf_add(&frame, frame_text(arena, "presence", buf_str(&json)));
    buf_add_char(&frame, '\n');
    for (struct audience *a = feed->audiences; a; a = a->next) {
        if (a->workspace_id == workspace_id && audience_sees(a, channel_id, team_id)) {
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
    tell(feed, was.workspace_id, was.conversation_id, was.channel_id, was.team_id);
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
    tell(feed, entry->workspace_id, entry->conversation_id, entry->channel_id, entry->team_id);
}

void feed_presence(struct feed *feed, const struct actor *actor, i64 conversation_id, i64 channel_id,
                   i64 team_id, bool typing)
{
    struct presence entry = {
        .workspace_id = actor->workspace_id,
        .agent_id = actor->agent_id,
        .conversation_id = conversation_id,
        .channel_id = channel_id,
        .team_id = team_id,
        .typing = typing,
        .until = clock_mono() + PRESENCE_MS,
    };
    size_t n = actor->name.len < sizeof(entry.name) - 1 ? actor->name.len : sizeof(entry.name) - 1;
    while (n > 0 && n < actor->name.len && ((unsigned char)actor->name.ptr[n] & 0xc0) == 0x80)
        n--; // not in the middle of a character
    if (n > 0)
        memcpy(entry.name, actor->name.ptr, n);
    pthread_mutex_lock(&feed->lock);
    bool known = false;
    for (size_t i = feed->n_presence; i-- > 0;) {
        struct presence *p = &feed->presence[i];
        if (p->agent_id != actor->agent_id)
            continue;
        bool same = p->conversation_id == conversation_id && p->team_id == team_id;
        if (same && p->typing == typing) {
            p->until = entry.until;
            known = true;
        } else {
            forget(feed, i);
        }
    }
    if (conversation_id && !known)
        remember(feed, &entry);
    pthread_mutex_unlock(&feed->lock);
}

// A customer is kept among the colleagues under a negative number, and told apart by it.
void feed_customer_typing(struct feed *feed, i64 workspace_id, i64 visitor_id, i64 conversation_id,
                          i64 channel_id, i64 team_id, bool typing)
{
    struct presence entry = {
        .workspace_id = workspace_id,
        .agent_id = -visitor_id,
        .conversation_id = conversation_id,
        .channel_id = channel_id,
        .team_id = team_id,
        .typing = true,
        .until = clock_mono() + CUSTOMER_MS,
    };
    bool known = false;
    pthread_mutex_lock(&feed->lock);
    for (size_t i = feed->n_presence; i-- > 0;) {
        struct presence *p = &feed->presence[i];
        if (p->agent_id != entry.agent_id)
            continue;
        if (typing && p->conversation_id == conversation_id && p->team_id == team_id) {
            p->until = entry.until;
            known = true;
        } else {
            forget(feed, i);
        }
    }
    if (typing && !known)
        remember(feed, &entry);
    pthread_mutex_unlock(&feed->lock);
}
