// SPDX-License-Identifier: AGPL-3.0-or-later
// What notifications do not tell, for conversations that are open: posts that were deleted, and answers a
// colleague gave in the network's own app. The core names the messages of open conversations (step->watch).
// A post counts as deleted only when it is missing twice.
#include "base/clock.h"
#include "channels/bluesky.h"

enum { BATCH = 25, MOST = 300, SLOW_ABOVE = 100, MAX_CURSOR = 64 << 10 };
enum { AGAIN_MS = 20000, USUAL_MS = 60000, SLOW_MS = 300000 };

struct watch {
    const struct json *before; // uris that were missing the last time
    struct str_list asked;     // of the running request
    size_t at;                 // next of step->watch
    struct str_list missing;
    size_t sure; // our own missing posts, asked for at home one by one
};

static bool contains(const struct str_list *list, struct str uri)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->items[i], uri))
            return true;
    return false;
}

static bool was_missing(const struct watch *w, struct str uri)
{
    for (size_t i = 0; i < json_len(w->before); i++)
        if (str_eq(json_str(json_item(w->before, i)), uri))
            return true;
    return false;
}

// ---- Answers given elsewhere ----------------------------------------------------------------------
static void store_own(struct bsky *b, const struct json *item)
{
    struct str uri = json_str(json_at(item, "post.uri")),
               parent = json_str(json_at(item, "reply.parent.uri"));
    if (!at_uri_is_of(uri, b->did) || !contains(&b->step->watch, parent) || contains(&b->step->watch, uri))
        return;
    bsky_store(b, "own", item, NULL, NULL);
}

// ---- Deletions ------------------------------------------------------------------------------------
static enum step_result finish(struct bsky *b, struct watch *w)
{
    struct step *step = b->step;
    struct buf cursor, gone;
    buf_init(&cursor, b->arena, MAX_CURSOR);
    buf_init(&gone, b->arena, MAX_CURSOR);
    struct json_writer c = json_writer(&cursor), g = json_writer(&gone);
    bool once = false, twice = false;
    json_open(&c, '{');
    json_key(&c, "missing");
    json_open(&c, '[');
    json_open(&g, '[');
    for (size_t i = 0; i < w->missing.len; i++) {
        bool sure = was_missing(w, w->missing.items[i]);
        json_put_str(sure ? &g : &c, w->missing.items[i]);
        once |= !sure;
        twice |= sure;
    }
    json_close(&g, ']');
    json_close(&c, ']');
    json_close(&c, '}');
    if (twice) {
        char at[CLOCK_TEXT];
        clock_write(step->channel->now, at);
        *list_push(&step->raw, b->arena) =
            str_printf(b->arena, "{\"missing\":" STR_FMT ",\"at\":\"%s\"}", STR_ARG(buf_str(&gone)), at);
    }
    step->cursor = buf_str(&cursor);
    step->next_at = step->channel->now + (once                           ? AGAIN_MS
                                          : step->watch.len > SLOW_ABOVE ? SLOW_MS
                                                                         : USUAL_MS);
    return STEP_DONE;
}

// The view that others see may be behind; about our own posts our own server knows better.
static enum step_result ask_home(struct bsky *b, struct watch *w)
{
    for (; w->sure < w->missing.len; w->sure++) {
        struct str uri = w->missing.items[w->sure];
        struct at_uri at;
        if (!at_uri_is_of(uri, b->did) || !at_uri_parse(uri, &at))
            continue;
        b->phase = 3;
        return bsky_get(b, str_printf(b->arena,
                                      "com.atproto.repo.getRecord?repo=" STR_FMT "&collection=" STR_FMT
                                      "&rkey=" STR_FMT,
                                      STR_ARG(url_component(b->arena, at.authority)), STR_ARG(at.collection),
                                      STR_ARG(url_component(b->arena, at.rkey))));
    }
    return finish(b, w);
}

static enum step_result got_home(struct bsky *b, struct watch *w)
{
    if (!bsky_ok(b) && !bsky_error_is(b, "RecordNotFound"))
        return bsky_problem(b);
    if (bsky_ok(b))
        w->missing.items[w->sure] = w->missing.items[--w->missing.len]; // it is there
    else
        w->sure++;
    return ask_home(b, w);
}

static enum step_result ask_batch(struct bsky *b, struct watch *w)
{
    struct buf path;
    buf_init(&path, b->arena, 64 << 10);
    buf_add(&path, S("app.bsky.feed.getPosts?"));
    w->asked = (struct str_list){};
    for (; w->at < b->step->watch.len && w->at < MOST && w->asked.len < BATCH; w->at++) {
        struct str uri = b->step->watch.items[w->at];
        struct at_uri at;
        if (!at_uri_parse(uri, &at) || !str_eq(at.collection, S(BSKY_POST)))
            continue;
        buf_add(&path, w->asked.len ? S("&uris=") : S("uris="));
        buf_add(&path, url_component(b->arena, uri));
        *list_push(&w->asked, b->arena) = uri;
    }
    if (w->asked.len == 0)
        return ask_home(b, w);
    b->phase = 2;
    return bsky_get(b, buf_str(&path));
}

static enum step_result got_batch(struct bsky *b, struct watch *w)
{
    const struct json *posts = json_at(b->json, "posts");
    struct str_list there = {};
    if (!bsky_ok(b) || json_kind(posts) != JSON_ARRAY)
        return bsky_problem(b);
    for (size_t i = 0; i < json_len(posts); i++)
        *list_push(&there, b->arena) = json_str(json_at(json_item(posts, i), "uri"));
    for (size_t i = 0; i < w->asked.len; i++)
        if (!contains(&there, w->asked.items[i]))
            *list_push(&w->missing, b->arena) = w->asked.items[i];
    return ask_batch(b, w);
}

static enum step_result got_feed(struct bsky *b, struct watch *w)
{
    const struct json *feed = json_at(b->json, "feed");
    if (!bsky_ok(b) || json_kind(feed) != JSON_ARRAY)
        return bsky_problem(b);
    for (size_t i = 0; i < json_len(feed); i++)
        store_own(b, json_item(feed, i));
    return ask_batch(b, w);
}

static enum step_result step_of(struct bsky *b, const void *arg)
{
    const struct str *cursor = arg;
    struct err err;
    if (b->answer && b->phase == 1)
        return got_feed(b, b->own);
    if (b->answer)
        return b->phase == 2 ? got_batch(b, b->own) : got_home(b, b->own);
    struct watch *w = arena_new(b->arena, struct watch);
    b->own = w;
    if (cursor->len)
        w->before = json_at(json_parse(*cursor, b->arena, &err), "missing");
    if (b->step->watch.len == 0) // nothing is open: nothing to ask
        return finish(b, w);
    b->phase = 1;
    return bsky_get(
        b,
        str_printf(b->arena, "app.bsky.feed.getAuthorFeed?limit=30&filter=posts_with_replies&actor=" STR_FMT,
                   STR_ARG(url_component(b->arena, b->did))));
}

enum step_result bsky_poll_watch(struct step *step, struct str cursor)
{
    return bsky_drive(step, false, step_of, &cursor);
}
