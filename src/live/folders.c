// SPDX-License-Identifier: AGPL-3.0-or-later
// Saved folders' counts on open screens. A folder is tallied once for all who see the same in it: for an
// audience, or for one person when it is their own or asks for "me". A conversation that changed is
// looked at in memory: whether it was counted before (the ids are kept) and whether it fits now. Only
// when the two differ, or when time alone can change the answer, the query is run again: once a second at
// most, to 1,001 and for 20 ms at most, and never so often that it takes more than a fiftieth of a core.
#include "base/clock.h"
#include "base/log.h"
#include "desk/folder.h"
#include "live/internal.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    TURN_MS = 25, // recounting in one turn of the feed's thread
    REST = 50,    // as many times as a count took is waited before the next
    AGAIN_MS = 1000,
    INDEX_MS = 1200, // words are found once the search index has read them
    INDEX_LATE_MS = 4000,
};

// A folder with its query, read; number 0 is the built-in one of mentions. A workspace's folders lie in one
// arena, read anew when one changes.
struct shelved {
    struct folder row;
    const struct query *query; // NULL: a newer version wrote what this one cannot read
    bool text, clock, me, names;
};
struct shelf {
    struct shelf *next;
    i64 workspace_id;
    struct arena *arena;
    struct shelved *items;
    size_t n;
    struct arena *fresh; // read, but the tallies still point into the old one
    struct shelved *fresh_items;
    size_t fresh_n;
    bool stale, used;
};
struct tally {
    struct tally *next;
    struct audience *audience;
    struct viewer *person; // NULL: the same for all of the audience
    const struct shelved *folder;
    i64 folder_id, folder_version; // updated_at of what was counted
    i64 *ids;                      // sorted, what was found
    size_t n;
    bool counted, about, dirty, used;
    i64 next_at, late_at; // not before; once more then (0: not)
    i64 told;             // n * 2 + about, -1: nothing yet
};

static bool is_full(const struct tally *tally)
{
    return tally->n > FOLDER_COUNT_MAX;
}

// ---- The shelves ----

static void shelf_drop(struct shelf *shelf)
{
    arena_destroy(shelf->arena);
    arena_destroy(shelf->fresh);
    mem_free(shelf);
}

static struct shelf *shelf_find(struct feed *feed, i64 workspace_id)
{
    for (struct shelf *s = feed->shelves; s; s = s->next) {
        if (s->workspace_id == workspace_id)
            return s;
    }
    struct shelf *shelf = mem_alloc(sizeof(*shelf));
    *shelf = (struct shelf){.next = feed->shelves, .workspace_id = workspace_id, .stale = true};
    feed->shelves = shelf;
    return shelf;
}

static bool shelf_read(struct shelf *shelf, struct conn *conn, struct err *err)
{
    struct arena *arena = arena_create();
    struct folder_list list = {};
    if (!folder_list_all(conn, shelf->workspace_id, arena, &list, err)) {
        arena_destroy(arena);
        return false;
    }
    *list_push(&list, arena) = (struct folder){.whose = S("own"), .q = S(FOLDER_MENTIONS_Q)};
    struct shelved *items = arena_array(arena, struct shelved, list.len);
    for (size_t i = 0; i < list.len; i++) {
        struct err unreadable = {};
        struct shelved *item = &items[i];
        item->row = list.items[i];
        if (!query_parse(item->row.q, arena, &item->query, &unreadable)) {
            item->query = NULL;
            continue;
        }
        item->text = query_uses_text(item->query);
        item->clock = query_uses_clock(item->query);
        item->me = query_uses_me(item->query);
        item->names = query_uses_names(item->query);
    }
    arena_destroy(shelf->fresh);
    shelf->fresh = arena;
    shelf->fresh_items = items;
    shelf->fresh_n = list.len;
    shelf->stale = false;
    return true;
}

// ---- The tallies ----

static void tally_free(struct tally *tally)
{
    mem_free(tally->ids);
    mem_free(tally);
}

static struct tally *tally_find(struct feed *feed, struct viewer *viewer, const struct shelved *folder)
{
    bool shared = !str_eq(folder->row.whose, S("own")) && !folder->me;
    struct viewer *person = shared ? NULL : viewer;
    for (struct tally *t = feed->tallies; t; t = t->next) {
        if (t->folder_id == folder->row.id && t->audience == viewer->audience && t->person == person)
            return t;
    }
    struct tally *tally = mem_alloc(sizeof(*tally));
    *tally = (struct tally){.next = feed->tallies,
                            .audience = viewer->audience,
                            .person = person,
                            .folder_id = folder->row.id,
                            .dirty = true,
                            .told = -1};
    feed->tallies = tally;
    return tally;
}

static struct actor actor_of(const struct viewer *viewer)
{
    const struct audience *audience = viewer->audience;
    return (struct actor){.workspace_id = viewer->workspace_id,
                          .agent_id = viewer->agent_id,
                          .role = ROLE_VIEWER,
                          .scopes = SCOPE_ALL,
                          .all_channels = audience->all_channels,
                          .all_teams = audience->all_teams,
                          .channels = {audience->channels, audience->n_channels, audience->n_channels},
                          .teams = {audience->teams, audience->n_teams, audience->n_teams}};
}

// Taken before anything is placed: a screen that opens meanwhile is the next turn's.
static bool take_fresh(struct feed *feed, struct viewer *viewer)
{
    pthread_mutex_lock(&feed->lock);
    bool fresh = viewer->fresh;
    viewer->fresh = false;
    pthread_mutex_unlock(&feed->lock);
    return fresh;
}

static void place(struct feed *feed, struct viewer *viewer, const struct shelf *shelf)
{
    struct actor actor = actor_of(viewer);
    bool anew = shelf->fresh != NULL, fresh = take_fresh(feed, viewer);
    for (size_t i = 0; i < (anew ? shelf->fresh_n : shelf->n); i++) {
        const struct shelved *folder = anew ? &shelf->fresh_items[i] : &shelf->items[i];
        if (!folder->query || (folder->row.id && !folder_shown(&folder->row, &actor)))
            continue;
        struct tally *tally = tally_find(feed, viewer, folder);
        tally->folder = folder;
        tally->used = true;
        if (tally->folder_version != folder->row.updated_at) {
            tally->folder_version = folder->row.updated_at;
            tally->dirty = true;
            tally->next_at = 0;
        }
        if (fresh)
            tally->told = -1;
    }
}

static void drop_unused(struct feed *feed)
{
    for (struct tally **t = &feed->tallies; *t;) {
        struct tally *tally = *t;
        if (tally->used) {
            tally->used = false;
            t = &tally->next;
            continue;
        }
        *t = tally->next;
        tally_free(tally);
    }
    for (struct shelf **s = &feed->shelves; *s;) {
        struct shelf *shelf = *s;
        if (shelf->used) {
            shelf->used = false;
            if (shelf->fresh) {
                arena_destroy(shelf->arena);
                shelf->arena = shelf->fresh;
                shelf->items = shelf->fresh_items;
                shelf->n = shelf->fresh_n;
                shelf->fresh = NULL;
            }
            s = &shelf->next;
            continue;
        }
        *s = shelf->next;
        shelf_drop(shelf);
    }
}

// Persons only come and go on the feed's thread, so they are walked without the lock (see counts.c); how
// many screens they have is the net thread's too.
static bool is_looking(struct feed *feed, const struct viewer *viewer)
{
    pthread_mutex_lock(&feed->lock);
    bool looking = viewer->n_screens > 0;
    pthread_mutex_unlock(&feed->lock);
    return looking;
}

static bool opened(struct feed *feed, const struct viewer *viewer)
{
    pthread_mutex_lock(&feed->lock);
    bool is = viewer->fresh && viewer->n_screens > 0;
    pthread_mutex_unlock(&feed->lock);
    return is;
}

static bool place_all(struct feed *feed, struct conn *conn, struct err *err)
{
    for (struct viewer *viewer = feed->persons; viewer; viewer = viewer->next) {
        if (!is_looking(feed, viewer))
            continue;
        struct shelf *shelf = shelf_find(feed, viewer->workspace_id);
        if (shelf->stale && !shelf_read(shelf, conn, err))
            return false;
        shelf->used = true;
    }
    // From here nothing fails: the tallies move over together, then the old shelves go. place_fresh leaves
    // marks.
    for (struct tally *tally = feed->tallies; tally; tally = tally->next)
        tally->used = false;
    for (struct viewer *viewer = feed->persons; viewer; viewer = viewer->next) {
        struct shelf *shelf = shelf_find(feed, viewer->workspace_id);
        if (shelf->used && is_looking(feed, viewer))
            place(feed, viewer, shelf);
    }
    return true;
}

// Only who just opened a screen. false: a shelf has to be read first, all are placed anew.
static bool place_fresh(struct feed *feed)
{
    for (struct viewer *viewer = feed->persons; viewer; viewer = viewer->next) {
        if (!opened(feed, viewer))
            continue;
        const struct shelf *shelf = shelf_find(feed, viewer->workspace_id);
        if (shelf->stale || !shelf->arena)
            return false;
        place(feed, viewer, shelf);
    }
    return true;
}

void folders_forget(struct feed *feed)
{
    for (struct tally **t = &feed->tallies; *t;) {
        struct tally *tally = *t;
        bool looked_at = tally->person ? tally->person->n_screens > 0 : tally->audience->n_screens > 0;
        if (looked_at) {
            t = &tally->next;
            continue;
        }
        *t = tally->next;
        tally_free(tally);
    }
}

void folders_finish(struct feed *feed)
{
    folders_forget(feed);
    for (struct shelf *shelf = feed->shelves, *next; shelf; shelf = next) {
        next = shelf->next;
        shelf_drop(shelf);
    }
    feed->shelves = NULL;
}

// ---- What changed ----

static struct query_context context_of(const struct tally *tally, const struct query_names *names)
{
    const struct audience *audience = tally->audience;
    return (struct query_context){
        .workspace_id = audience->workspace_id,
        .now = clock_now(),
        .me = tally->person ? tally->person->agent_id : 0,
        .names = names,
        .all_channels = audience->all_channels,
        .all_teams = audience->all_teams,
        .channels = {audience->channels, audience->n_channels, audience->n_channels},
        .teams = {audience->teams, audience->n_teams, audience->n_teams},
    };
}

static bool counts_id(const struct tally *tally, i64 id)
{
    size_t low = 0, high = tally->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tally->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tally->n && tally->ids[low] == id;
}

static void dirty_all(struct feed *feed, i64 workspace_id)
{
    for (struct tally *t = feed->tallies; t; t = t->next)
        t->dirty = t->dirty || t->audience->workspace_id == workspace_id;
}

static bool can_skip(const struct tally *tally, i64 workspace_id)
{
    return tally->audience->workspace_id != workspace_id || tally->dirty || tally->folder->clock;
}

static void look_at(struct feed *feed, struct conn *conn, const struct event *event,
                    const struct query_names *names, struct arena *arena)
{
    struct query_item item = {};
    bool loaded = false;
    struct err err = {};
    for (struct tally *t = feed->tallies; t; t = t->next) {
        if (can_skip(t, event->workspace_id))
            continue;
        if (t->folder->text || is_full(t) || t->about) {
            t->dirty = true; // words: the index is asked in a moment; full: one leaves, another is there
            if (t->folder->text) {
                i64 now = clock_mono();
                t->next_at = now + INDEX_MS;
                t->late_at = now + INDEX_LATE_MS;
            }
            continue;
        }
        if (!loaded &&
            !query_item_fields(conn, event->workspace_id, event->conversation_id, arena, &item, &err) &&
            err.code != ERR_NOT_FOUND) {
            t->dirty = true;
            continue;
        }
        loaded = true;
        struct query_context context = context_of(t, names);
        bool fits = item.id != 0 && query_match(t->folder->query, &context, &item, arena);
        t->dirty = fits != counts_id(t, event->conversation_id);
    }
}

static bool changes_names(struct str kind)
{
    return str_starts(kind, S("tag.")) || str_starts(kind, S("brand.")) || str_starts(kind, S("team.")) ||
           str_starts(kind, S("channel.")) || str_starts(kind, S("agent.")) ||
           str_starts(kind, S("workspace.")) || str_starts(kind, S("brand."));
}

static void shelve_anew(struct feed *feed, i64 workspace_id)
{
    for (struct shelf *s = feed->shelves; s; s = s->next)
        s->stale = s->stale || s->workspace_id == workspace_id;
    feed->folders_stale = true;
}

// The last event of a conversation in the batch stands for all of them.
static bool comes_again(const struct event_list *events, size_t at)
{
    for (size_t i = at + 1; i < events->len; i++) {
        if (events->items[i].conversation_id == events->items[at].conversation_id)
            return true;
    }
    return false;
}

static bool any_clean(const struct feed *feed, i64 workspace_id)
{
    for (const struct tally *t = feed->tallies; t; t = t->next) {
        if (!can_skip(t, workspace_id))
            return true;
    }
    return false;
}

void folders_note(struct feed *feed, struct conn *conn, const struct event_list *events, struct arena *arena)
{
    struct query_names names = {};
    struct err err = {};
    i64 named = 0;
    for (size_t i = 0; i < events->len; i++) {
        const struct event *event = &events->items[i];
        if (str_starts(event->kind, S("folder.")) || str_eq(event->kind, S("team.deleted")))
            shelve_anew(feed, event->workspace_id);
        if (changes_names(event->kind))
            dirty_all(feed, event->workspace_id);
        if (!event->conversation_id || !any_clean(feed, event->workspace_id) || comes_again(events, i))
            continue;
        if (named != event->workspace_id &&
            !query_names_load(conn, event->workspace_id, arena, &names, &err)) {
            dirty_all(feed, event->workspace_id);
            continue;
        }
        named = event->workspace_id;
        look_at(feed, conn, event, &names, arena);
    }
}

// ---- Counting and telling ----

static bool is_due(const struct tally *tally, i64 now)
{
    bool wanted = tally->dirty || tally->folder->clock || (tally->late_at && now >= tally->late_at);
    return wanted && now >= tally->next_at;
}

static void keep(struct tally *tally, const struct folder_tally *found)
{
    // Cut short it says little: what was known before stands, marked as uncertain.
    tally->about = found->about;
    if (found->about && tally->counted && found->ids.len <= tally->n)
        return;
    mem_free(tally->ids);
    tally->n = found->ids.len;
    tally->ids = mem_alloc((tally->n + 1) * sizeof(i64));
    if (tally->n > 0)
        memcpy(tally->ids, found->ids.items, tally->n * sizeof(i64));
    tally->counted = true;
}

static bool recount(struct tally *tally, struct conn *conn, struct err *err)
{
    struct arena *arena = arena_take();
    struct query_names names = {};
    struct folder_tally found = {};
    i64 began = clock_mono(), workspace_id = tally->audience->workspace_id;
    bool fine = !tally->folder->names || query_names_load(conn, workspace_id, arena, &names, err);
    if (fine) {
        struct query_context context = context_of(tally, &names);
        fine = folder_tally(conn, tally->folder->query, &context, FOLDER_COUNT_MS, arena, &found, err);
    }
    i64 now = clock_mono(), rest = (now - began) * REST;
    tally->next_at = now + (rest > AGAIN_MS ? rest : AGAIN_MS);
    if (fine) {
        keep(tally, &found);
        tally->dirty = found.about; // until it is known
        if (tally->late_at && now >= tally->late_at)
            tally->late_at = 0;
    }
    arena_give(arena);
    return fine;
}

// Many of one's own at once: some now, the others once these have been written out. Under the lock.
static bool has_room(const struct feed *feed, struct viewer *person)
{
    if (person->flush != feed->flushes) {
        person->flush = feed->flushes;
        person->unwritten = 0;
    }
    return person->unwritten <= PERSON_RING / 2;
}

static void tell(struct feed *feed, struct tally *tally)
{
    i64 value = (i64)tally->n * 2 + tally->about;
    char frame[160];
    if (!tally->counted || value == tally->told)
        return;
    int len = tally->folder_id == 0
                  ? snprintf(frame, sizeof(frame), "event: counts\ndata: {\"mentions\":%zu}\n\n", tally->n)
                  : snprintf(frame, sizeof(frame),
                             "event: counts\ndata: {\"folders\":{\"%lld\":{\"n\":%zu,\"about\":%s}}}\n\n",
                             (long long)tally->folder_id, tally->n, tally->about ? "true" : "false");
    pthread_mutex_lock(&feed->lock);
    if (!tally->person || has_room(feed, tally->person)) {
        tally->told = value;
        if (tally->person) {
            tally->person->unwritten += (size_t)len;
            ring_add(&tally->person->ring, PERSON_RING, (struct str){frame, (size_t)len});
        } else {
            ring_add(&tally->audience->ring, AUDIENCE_RING, (struct str){frame, (size_t)len});
        }
        atomic_fetch_add(&feed->frames, 1);
        atomic_store(&feed->dirty, true);
    }
    pthread_mutex_unlock(&feed->lock);
}

// New screens first get what is known; then as many are counted as a turn allows, the others next turn.
void folders_tell(struct feed *feed, struct conn *conn)
{
    struct err err = {};
    i64 began = clock_mono();
    pthread_mutex_lock(&feed->lock);
    bool stale = feed->folders_stale, fresh = feed->folders_fresh;
    feed->folders_stale = feed->folders_fresh = false;
    pthread_mutex_unlock(&feed->lock);
    if (fresh && !stale)
        stale = !place_fresh(feed);
    if (stale) {
        if (place_all(feed, conn, &err))
            drop_unused(feed);
        else
            feed->folders_stale = true;
    }
    for (struct tally *t = feed->tallies; t && err.code == ERR_NONE; t = t->next) {
        i64 now = clock_mono();
        if (now - began < TURN_MS && is_due(t, now) && !recount(t, conn, &err))
            break;
        tell(feed, t);
    }
    if (err.code != ERR_NONE)
        log_event(LOG_WARN, "live.folders", LOG_C("error", err.text));
}

bool folders_wanted(const struct feed *feed)
{
    for (const struct tally *t = feed->tallies; t; t = t->next) {
        bool untold = t->counted && t->told != (i64)t->n * 2 + t->about;
        if (t->dirty || t->late_at || t->folder->clock || untold)
            return true;
    }
    return feed->folders_stale || feed->folders_fresh;
}
