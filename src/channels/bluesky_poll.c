// SPDX-License-Identifier: AGPL-3.0-or-later
// Mentions, replies and quotes, by polling. The list comes newest first, sorted by a time that the
// writing program chose, so "newer than the last one" would skip posts with a clock that is behind. The
// cursor therefore holds what the newest entries were ("seen"); one run reads one page, everything on it
// that is not among them is new, and pages are followed back until one holds something seen. A walk of
// many pages is kept in the cursor too: each page is stored with its own place, nothing is skipped by a
// stop in between, and what is stored twice is dropped by the intake.
#include "base/clock.h"
#include "base/crypto.h"
#include "channels/bluesky.h"

enum {
    PAGE = 50,
    KEPT = 300,              // seen entries in the cursor
    FIRST_MS = 3 * 86400000, // what of the past a new channel takes in
    HASH = 11,               // characters of an entry
    MAX_CURSOR = 64 << 10,
    LIVELY_MS = 15 * 60000, // so long after the last thing heard
    SOON_MS = 4000,         // it is asked more often
};

struct walk {
    struct str seen;  // hashes, HASH characters each
    struct str fresh; // of this walk, newest first
    struct str back;  // page to read, none: the newest
    i64 floor;        // a first walk stops here
    bool first;       // no poll was ever finished
    // of this run
    const struct json *page; // the list
    size_t at;               // entry being looked at
    struct str next;         // the network's cursor behind this page
    bool met;                // something known was on this page
    i64 newest;              // on this page
    struct buf added;        // hashes of new entries
};

static struct str hash_of(const struct json *entry, struct arena *arena)
{
    u8 out[32];
    struct str name = str_printf(arena, STR_FMT ":" STR_FMT, STR_ARG(json_str(json_at(entry, "reason"))),
                                 STR_ARG(json_str(json_at(entry, "uri"))));
    sha256(name, out);
    struct str text = base64url_encode(arena, (struct str){(const char *)out, 8});
    return text.len == HASH ? text : str_sub(text, 0, HASH);
}

static bool has(struct str hashes, struct str hash)
{
    for (size_t i = 0; i + HASH <= hashes.len; i += HASH)
        if (memcmp(hashes.ptr + i, hash.ptr, HASH) == 0)
            return true;
    return false;
}

static struct walk *read_cursor(struct bsky *b, struct str cursor)
{
    struct walk *w = arena_new(b->arena, struct walk);
    struct err err;
    const struct json *json = cursor.len ? json_parse(cursor, b->arena, &err) : NULL;
    w->seen = json_str(json_at(json, "seen"));
    w->fresh = json_str(json_at(json, "fresh"));
    w->back = json_str(json_at(json, "back"));
    w->first = !json_bool(json_at(json, "done"));
    w->floor = json_i64(json_at(json, "floor"));
    if (!w->floor)
        w->floor = b->step->channel->now - FIRST_MS;
    buf_init(&w->added, b->arena, PAGE * 4 * HASH);
    return w;
}

static void put(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

// The newest KEPT of both, newest first.
static struct str joined(struct arena *arena, struct str newer, struct str older)
{
    struct str all = str_concat(arena, newer, older);
    return all.len > (size_t)KEPT * HASH ? str_sub(all, 0, (size_t)KEPT * HASH) : all;
}

static struct str write_cursor(struct bsky *b, const struct walk *w, bool walking)
{
    struct buf out;
    buf_init(&out, b->arena, MAX_CURSOR);
    struct json_writer j = json_writer(&out);
    struct str fresh = joined(b->arena, w->fresh, buf_str(&w->added));
    json_open(&j, '{');
    json_key(&j, "floor");
    json_put_i64(&j, w->floor);
    json_key(&j, "done");
    json_put_bool(&j, !w->first || !walking);
    put(&j, "seen", walking ? w->seen : joined(b->arena, fresh, w->seen));
    if (walking) {
        put(&j, "fresh", fresh);
        put(&j, "back", w->next);
    }
    json_close(&j, '}');
    return buf_str(&out);
}

static enum step_result finish(struct bsky *b, struct walk *w)
{
    bool walking = !w->met && w->next.len > 0;
    b->step->cursor = write_cursor(b, w, walking);
    b->step->more = walking;
    if (w->newest > b->step->channel->now - LIVELY_MS)
        b->step->next_at = b->step->channel->now + SOON_MS;
    return STEP_DONE;
}

// ---- One page -------------------------------------------------------------------------------------
static enum step_result ask_page(struct bsky *b, const struct walk *w)
{
    struct str path =
        S("app.bsky.notification.listNotifications?limit=50&reasons=mention&reasons=reply&reasons=quote");
    if (w->back.len)
        path = str_printf(b->arena, STR_FMT "&cursor=" STR_FMT, STR_ARG(path),
                          STR_ARG(url_component(b->arena, w->back)));
    return bsky_get(b, path);
}

static bool is_wanted(struct str reason)
{
    return str_eq(reason, S("mention")) || str_eq(reason, S("reply")) || str_eq(reason, S("quote"));
}

// New, and to be stored? Everything looked at is remembered.
static bool is_new(struct bsky *b, struct walk *w, const struct json *entry)
{
    if (!is_wanted(json_str(json_at(entry, "reason"))))
        return false;
    struct str hash = hash_of(entry, b->arena);
    if (has(w->seen, hash)) {
        w->met = true;
        return false;
    }
    if (has(w->fresh, hash) || has(buf_str(&w->added), hash))
        return false;
    buf_add(&w->added, hash);
    if (bsky_time(json_at(entry, "indexedAt"), b->step->channel->now) >= w->floor)
        return true;
    // Older than a first look goes back; later it is a post with a false date, or all we knew is deleted.
    w->met |= w->first || w->back.len > 0;
    return !w->first;
}

// A post that stands alone and shows nothing has no thread to ask for.
static bool needs_thread(const struct json *entry)
{
    return !json_is_null(json_at(entry, "record.reply")) || !json_is_null(json_at(entry, "record.embed"));
}

// Goes on to the next new entry; asks for its thread when it has one.
static enum step_result next_entry(struct bsky *b, struct walk *w)
{
    for (; w->at < json_len(w->page); w->at++) {
        const struct json *entry = json_item(w->page, w->at);
        if (!is_new(b, w, entry))
            continue;
        if (!needs_thread(entry)) {
            bsky_store(b, "notification", entry, NULL, NULL);
            continue;
        }
        b->phase = 1;
        return bsky_get(b, str_printf(b->arena,
                                      "app.bsky.feed.getPostThread?depth=0&parentHeight=80&uri=" STR_FMT,
                                      STR_ARG(url_component(b->arena, json_str(json_at(entry, "uri"))))));
    }
    return finish(b, w);
}

static enum step_result got_page(struct bsky *b, struct walk *w)
{
    if (!bsky_ok(b) || json_kind(json_at(b->json, "notifications")) != JSON_ARRAY) {
        if (w->back.len && b->answer->got_answer && b->answer->status == 400) {
            // The place in the list is no longer known there: begin the walk again from the newest.
            w->next = STR_NONE;
            w->fresh = STR_NONE;
            w->back = STR_NONE;
            return ask_page(b, w);
        }
        return bsky_problem(b);
    }
    w->page = json_at(b->json, "notifications");
    w->newest = bsky_time(json_at(json_item(w->page, 0), "indexedAt"), 0);
    w->next = json_str(json_at(b->json, "cursor"));
    if (json_len(w->page) == 0)
        w->next = STR_NONE;
    return next_entry(b, w);
}

static enum step_result got_thread(struct bsky *b, struct walk *w)
{
    const struct json *entry = json_item(w->page, w->at);
    // A thread that is gone, or that the network cannot show, does not hold up the post itself.
    bool without = b->answer->got_answer && b->answer->status != 429 && b->answer->status != 401;
    if (!bsky_ok(b) && !without)
        return bsky_problem(b);
    bsky_store(b, "notification", entry, "thread", bsky_ok(b) ? json_at(b->json, "thread") : NULL);
    w->at++;
    return next_entry(b, w);
}

static enum step_result step_of(struct bsky *b, const void *arg)
{
    const struct str *cursor = arg;
    if (!b->answer) {
        struct walk *w = read_cursor(b, *cursor);
        b->own = w;
        return ask_page(b, w);
    }
    return b->phase == 0 ? got_page(b, b->own) : got_thread(b, b->own);
}

enum step_result bsky_poll_notifications(struct step *step, struct str cursor)
{
    return bsky_drive(step, false, step_of, &cursor);
}
