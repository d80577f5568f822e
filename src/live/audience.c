// SPDX-License-Identifier: AGPL-3.0-or-later
// Audiences and persons: found by what they may see, kept while a screen uses them.
#include "base/arena.h"
#include "live/internal.h"

static bool same_ids(const i64 *sorted, size_t n, const struct id_list *ids)
{
    if (n != ids->len)
        return false;
    for (size_t i = 0; i < ids->len; i++) {
        bool found = false;
        for (size_t j = 0; j < n && !found; j++)
            found = sorted[j] == ids->items[i];
        if (!found)
            return false;
    }
    return true;
}

bool audience_is(const struct audience *audience, const struct actor *actor)
{
    return audience->workspace_id == actor->workspace_id && audience->all_channels == actor->all_channels &&
           audience->all_teams == actor->all_teams &&
           (actor->all_channels || same_ids(audience->channels, audience->n_channels, &actor->channels)) &&
           (actor->all_teams || same_ids(audience->teams, audience->n_teams, &actor->teams));
}

static i64 *copy_ids(const struct id_list *ids)
{
    i64 *copy = mem_alloc((ids->len + 1) * sizeof(i64));
    if (ids->len > 0)
        memcpy(copy, ids->items, ids->len * sizeof(i64));
    return copy;
}

struct audience *audience_find(struct feed *feed, const struct actor *actor)
{
    for (struct audience *a = feed->audiences; a; a = a->next) {
        if (audience_is(a, actor))
            return a;
    }
    struct audience *audience = mem_alloc(sizeof(*audience));
    *audience = (struct audience){
        .next = feed->audiences,
        .workspace_id = actor->workspace_id,
        .all_channels = actor->all_channels,
        .all_teams = actor->all_teams,
        .channels = copy_ids(&actor->channels),
        .teams = copy_ids(&actor->teams),
        .n_channels = actor->channels.len,
        .n_teams = actor->teams.len,
    };
    feed->audiences = audience;
    feed->n_audiences++;
    return audience;
}

static bool has(const i64 *ids, size_t n, i64 id)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

bool audience_sees(const struct audience *audience, i64 channel_id, i64 team_id)
{
    return (audience->all_channels || has(audience->channels, audience->n_channels, channel_id)) &&
           (audience->all_teams || team_id == 0 || has(audience->teams, audience->n_teams, team_id));
}

struct viewer *viewer_find(struct feed *feed, const struct actor *actor, struct audience *audience)
{
    for (struct viewer *p = feed->persons; p; p = p->next) {
        if (p->agent_id == actor->agent_id && p->audience == audience)
            return p;
    }
    struct viewer *person = mem_alloc(sizeof(*person));
    *person = (struct viewer){.next = feed->persons,
                              .workspace_id = actor->workspace_id,
                              .agent_id = actor->agent_id,
                              .audience = audience,
                              .mine = -1};
    feed->persons = person;
    return person;
}

static void free_audience(struct audience *audience)
{
    ring_finish(&audience->ring);
    mem_free(audience->channels);
    mem_free(audience->teams);
    mem_free(audience);
}

void audience_sweep(struct feed *feed)
{
    folders_forget(feed);
    for (struct viewer **p = &feed->persons; *p;) {
        struct viewer *person = *p;
        if (person->n_screens > 0) {
            p = &person->next;
            continue;
        }
        *p = person->next;
        ring_finish(&person->ring);
        mem_free(person);
    }
    for (struct audience **a = &feed->audiences; *a;) {
        struct audience *audience = *a;
        if (audience->n_screens > 0) {
            a = &audience->next;
            continue;
        }
        *a = audience->next;
        feed->n_audiences--;
        free_audience(audience);
    }
}

void audience_finish_all(struct feed *feed)
{
    for (struct viewer *p = feed->persons; p; p = p->next)
        p->n_screens = 0;
    for (struct audience *a = feed->audiences; a; a = a->next)
        a->n_screens = 0;
    folders_finish(feed);
    audience_sweep(feed);
}
