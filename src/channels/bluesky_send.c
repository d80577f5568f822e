// SPDX-License-Identifier: AGPL-3.0-or-later
// Answers, likes and deletions on Bluesky. Every record is made under a key of our own (a TID from the
// outbox row), so a second try cannot make a second post: what is unclear is looked up under that key and
// then tried again.
#include "base/clock.h"
#include "channels/bluesky.h"
#include <stdio.h>

enum { MAX_RECORD = 256 << 10, MAX_MENTIONS = 10, MAX_PICTURES = 4, MAX_PICTURE = 2000000 };

enum phase { ASK_PARENT, RESOLVE, UPLOAD, CREATE, LOOK_UP, DELETE };
struct sending {
    const struct outbound *out;
    struct str rkey, collection;
    const struct json *parent; // a fresh view of the post we answer
    struct bsky_facets facets;
    size_t mention, mentions; // being resolved
    size_t picture;           // being uploaded
    const struct json *blobs[MAX_PICTURES];
    char unclear[200]; // why we look it up
};

static void put(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

static void put_ref(struct json_writer *w, const char *key, struct str uri, struct str cid)
{
    json_key(w, key);
    json_open(w, '{');
    put(w, "uri", uri);
    put(w, "cid", cid);
    json_close(w, '}');
}

// ---- The record -----------------------------------------------------------------------------------
static void put_reply(struct json_writer *w, const struct sending *s)
{
    struct str uri = json_str(json_at(s->parent, "uri")), cid = json_str(json_at(s->parent, "cid"));
    struct str root_uri = json_str(json_at(s->parent, "record.reply.root.uri"));
    struct str root_cid = json_str(json_at(s->parent, "record.reply.root.cid"));
    json_key(w, "reply");
    json_open(w, '{');
    if (root_uri.len && root_cid.len)
        put_ref(w, "root", root_uri, root_cid);
    else
        put_ref(w, "root", uri, cid); // the parent is the root
    put_ref(w, "parent", uri, cid);
    json_close(w, '}');
}

static void put_pictures(struct bsky *b, struct json_writer *w, const struct sending *s)
{
    if (s->out->attachments.len == 0)
        return;
    json_key(w, "embed");
    json_open(w, '{');
    put(w, "$type", S("app.bsky.embed.images"));
    json_key(w, "images");
    json_open(w, '[');
    for (size_t i = 0; i < s->out->attachments.len; i++) {
        const struct outbound_attachment *a = &s->out->attachments.items[i];
        json_open(w, '{');
        put(w, "alt", str_given(a->alt) ? a->alt : S(""));
        json_key(w, "image");
        json_put_raw(w, bsky_dump(b->arena, s->blobs[i]));
        if (a->width > 0 && a->height > 0) {
            json_key(w, "aspectRatio");
            json_open(w, '{');
            json_key(w, "width");
            json_put_i64(w, a->width);
            json_key(w, "height");
            json_put_i64(w, a->height);
            json_close(w, '}');
        }
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

static void put_post(struct bsky *b, struct json_writer *w, const struct sending *s)
{
    json_open(w, '{');
    put(w, "$type", S(BSKY_POST));
    put(w, "text", s->out->text);
    json_key(w, "createdAt");
    json_put_time(w, b->step->channel->now); // when it appears; hours in the queue must not bury it
    put_reply(w, s);
    bsky_put_facets(w, &s->facets);
    put_pictures(b, w, s);
    json_close(w, '}');
}

static void put_like(struct bsky *b, struct json_writer *w, const struct sending *s)
{
    struct err err;
    const struct json *extra =
        s->out->target_extra.len ? json_parse(s->out->target_extra, b->arena, &err) : NULL;
    json_open(w, '{');
    put(w, "$type", S(BSKY_LIKE));
    put_ref(w, "subject", s->out->target_id, json_str(json_at(extra, "cid")));
    json_key(w, "createdAt");
    json_put_time(w, b->step->channel->now);
    json_close(w, '}');
}

static enum step_result create(struct bsky *b, struct sending *s)
{
    struct buf body;
    buf_init(&body, b->arena, MAX_RECORD);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    put(&w, "repo", b->did);
    put(&w, "collection", s->collection);
    put(&w, "rkey", s->rkey);
    json_key(&w, "record");
    if (s->out->action == OUT_LIKE)
        put_like(b, &w, s);
    else
        put_post(b, &w, s);
    json_close(&w, '}');
    if (body.overflow)
        return bsky_say(b->step, STEP_REFUSED, "This message is too large.");
    b->phase = CREATE;
    return bsky_post(b, "com.atproto.repo.createRecord", buf_str(&body));
}

// ---- Was it made? ---------------------------------------------------------------------------------
static enum step_result made(struct bsky *b, const struct sending *s, struct str uri, struct str cid)
{
    struct buf extra;
    b->step->external_id = uri;
    if (s->out->action != OUT_SEND)
        return STEP_DONE;
    struct str root_uri = json_str(json_at(s->parent, "record.reply.root.uri"));
    struct str root_cid = json_str(json_at(s->parent, "record.reply.root.cid"));
    buf_init(&extra, b->arena, 16 << 10);
    struct json_writer w = json_writer(&extra);
    json_open(&w, '{');
    put(&w, "cid", cid);
    put_ref(&w, "root", root_uri.len ? root_uri : json_str(json_at(s->parent, "uri")),
            root_uri.len ? root_cid : json_str(json_at(s->parent, "cid")));
    json_close(&w, '}');
    b->step->extra = buf_str(&extra);
    return STEP_DONE;
}

static enum step_result created(struct bsky *b, struct sending *s)
{
    const struct net_answer *answer = b->answer;
    if (bsky_ok(b) && json_str(json_at(b->json, "uri")).len)
        return made(b, s, json_str(json_at(b->json, "uri")), json_str(json_at(b->json, "cid")));
    enum step_result problem = bsky_problem(b);
    // A record under this key exists already: some servers say 500 to that, some 400 or 409. And after a
    // cut connection nobody knows. Our own server does.
    bool may_exist = !answer->got_answer
                         ? answer->maybe_received
                         : answer->status >= 500 || answer->status == 409 || bsky_ok(b) ||
                               str_find(json_str(json_at(b->json, "message")), S("already")) >= 0;
    if (!may_exist || answer->status == 503)
        return problem;
    snprintf(s->unclear, sizeof s->unclear, "%.190s", b->step->reason);
    b->phase = LOOK_UP;
    return bsky_get(
        b, str_printf(b->arena,
                      "com.atproto.repo.getRecord?repo=" STR_FMT "&collection=" STR_FMT "&rkey=" STR_FMT,
                      STR_ARG(url_component(b->arena, b->did)), STR_ARG(s->collection), STR_ARG(s->rkey)));
}

static enum step_result looked_up(struct bsky *b, struct sending *s)
{
    if (bsky_ok(b) && json_str(json_at(b->json, "uri")).len)
        return made(b, s, json_str(json_at(b->json, "uri")), json_str(json_at(b->json, "cid")));
    // Not there, or not to be found out: the same key again later does no harm.
    b->step->retry_at = 0;
    return bsky_say(b->step, STEP_RETRY, "%s", s->unclear);
}

// ---- Before it: parent, mentions, pictures --------------------------------------------------------
static enum step_result upload_next(struct bsky *b, struct sending *s)
{
    if (s->picture >= s->out->attachments.len)
        return create(b, s);
    const struct outbound_attachment *a = &s->out->attachments.items[s->picture];
    if (!str_starts(a->mime, S("image/")))
        return bsky_say(b->step, STEP_REFUSED, "Only pictures can go with a post here.");
    if (a->bytes.len == 0 || a->bytes.len > MAX_PICTURE)
        return bsky_say(b->step, STEP_REFUSED, "A picture may have at most 2,000,000 bytes.");
    b->phase = UPLOAD;
    return bsky_upload(b, a->bytes, a->mime);
}

static enum step_result uploaded(struct bsky *b, struct sending *s)
{
    const struct json *blob = json_at(b->json, "blob");
    if (!bsky_ok(b) || json_kind(blob) != JSON_OBJECT)
        return bsky_problem(b);
    s->blobs[s->picture++] = blob;
    return upload_next(b, s);
}

static enum step_result resolve_next(struct bsky *b, struct sending *s)
{
    while (s->mention < s->facets.len &&
           (!s->facets.items[s->mention].mention || s->mentions >= MAX_MENTIONS)) {
        if (s->facets.items[s->mention].mention)
            s->facets.items[s->mention].value = STR_NONE;
        s->mention++;
    }
    if (s->mention >= s->facets.len)
        return upload_next(b, s);
    s->mentions++;
    b->phase = RESOLVE;
    return bsky_get(b, str_printf(b->arena, "com.atproto.identity.resolveHandle?handle=" STR_FMT,
                                  STR_ARG(url_component(b->arena, s->facets.items[s->mention].value))));
}

static enum step_result resolved(struct bsky *b, struct sending *s)
{
    struct str did = json_str(json_at(b->json, "did"));
    bool nobody = b->answer->got_answer && b->answer->status >= 400 && b->answer->status < 500 &&
                  b->answer->status != 429 && b->answer->status != 401;
    if (!bsky_ok(b) && !nobody)
        return bsky_problem(b);
    // A handle that nobody has stays plain text.
    s->facets.items[s->mention++].value = bsky_ok(b) && str_starts(did, S("did:")) ? did : STR_NONE;
    return resolve_next(b, s);
}

static enum step_result got_parent(struct bsky *b, struct sending *s)
{
    const struct json *post = json_at(b->json, "posts.0");
    if (!bsky_ok(b))
        return bsky_problem(b);
    if (!json_str(json_at(post, "uri")).len || !json_str(json_at(post, "cid")).len)
        return bsky_say(b->step, STEP_REFUSED,
                        "The post you answer is gone, or its author does not let this account see it.");
    if (json_bool(json_at(post, "viewer.replyDisabled")))
        return bsky_say(b->step, STEP_REFUSED, "The author does not allow answers to this post.");
    s->parent = post;
    bsky_find_facets(s->out->text, b->arena, &s->facets);
    return resolve_next(b, s);
}

static enum step_result ask_parent(struct bsky *b, struct sending *s)
{
    struct str rest,
        uri = str_cut(s->out->reply_to, '#', &rest); // a context post's id names the conversation too
    struct at_uri at;
    if (!at_uri_parse(uri, &at))
        return bsky_say(b->step, STEP_REFUSED, "There is no post to answer in this conversation.");
    if (!text_fits(bsky_limit_public, s->out->text))
        return bsky_say(b->step, STEP_REFUSED, "A post has at most 300 characters and 3,000 bytes.");
    if (s->out->text.len == 0 && s->out->attachments.len == 0)
        return bsky_say(b->step, STEP_REFUSED, "An empty post cannot be sent.");
    if (s->out->attachments.len > MAX_PICTURES)
        return bsky_say(b->step, STEP_REFUSED, "A post has at most 4 pictures.");
    b->phase = ASK_PARENT;
    return bsky_get(b, str_printf(b->arena, "app.bsky.feed.getPosts?uris=" STR_FMT,
                                  STR_ARG(url_component(b->arena, uri))));
}

// ---- Taking back ----------------------------------------------------------------------------------
static enum step_result ask_delete(struct bsky *b, struct sending *s, struct str uri)
{
    struct buf body;
    struct at_uri at;
    if (!at_uri_parse(uri, &at) || !str_eq(at.authority, b->did))
        return bsky_say(b->step, STEP_REFUSED, "Only what this account wrote can be taken back.");
    buf_init(&body, b->arena, MAX_RECORD);
    struct json_writer w = json_writer(&body);
    json_open(&w, '{');
    put(&w, "repo", b->did);
    put(&w, "collection", at.collection);
    put(&w, "rkey", at.rkey);
    json_close(&w, '}');
    (void)s;
    b->phase = DELETE;
    return bsky_post(b, "com.atproto.repo.deleteRecord", buf_str(&body));
}

static enum step_result begin(struct bsky *b, const struct outbound *out)
{
    struct sending *s = arena_new(b->arena, struct sending);
    b->own = s;
    s->out = out;
    s->rkey = bsky_tid(b->arena, out->created_at, out->client_key);
    s->collection = out->action == OUT_LIKE ? S(BSKY_LIKE) : S(BSKY_POST);
    switch (out->action) {
    case OUT_EDIT:
        return bsky_say(b->step, STEP_REFUSED, "Bluesky does not let a post be edited.");
    case OUT_SEND:
        return ask_parent(b, s);
    case OUT_LIKE:
        return create(b, s);
    case OUT_DELETE:
        return ask_delete(b, s, out->target_id);
    case OUT_UNLIKE:
        return ask_delete(b, s, out->like_external_id);
    }
    return bsky_say(b->step, STEP_REFUSED, "This is not known here.");
}

static enum step_result step_of(struct bsky *b, const void *arg)
{
    if (!b->answer)
        return begin(b, arg);
    switch ((enum phase)b->phase) {
    case ASK_PARENT:
        return got_parent(b, b->own);
    case RESOLVE:
        return resolved(b, b->own);
    case UPLOAD:
        return uploaded(b, b->own);
    case CREATE:
        return created(b, b->own);
    case LOOK_UP:
        return looked_up(b, b->own);
    case DELETE:
        return bsky_ok(b) ? STEP_DONE : bsky_problem(b); // deleting twice is no error there
    }
    return bsky_problem(b);
}

enum step_result bsky_send_public(struct step *step, const struct outbound *out)
{
    return bsky_drive(step, false, step_of, out);
}
