// SPDX-License-Identifier: AGPL-3.0-or-later
// Stored raw bodies of the Bluesky streams become events. One conversation is one customer in one thread
// (root post and author), so two customers under one post stay two tickets; posts of others above are
// context, once per conversation.
#include "base/clock.h"
#include "channels/bluesky.h"
#include <stdio.h>

enum { MAX_ABOVE = 100, MAX_URI = 1000 };

struct thread { // what is the same for all events of one raw body
    struct arena *arena;
    struct inbound_list *out;
    struct str me, customer, root;
    i64 now;
    bool about_us; // a post of ours is above
};

static struct str key_of(const struct thread *t)
{
    return str_printf(t->arena, STR_FMT "|" STR_FMT, STR_ARG(t->root), STR_ARG(t->customer));
}

// A context post exists once per conversation, so its id names the conversation too.
static struct str context_id(const struct thread *t, struct str uri)
{
    return str_printf(t->arena, STR_FMT "#" STR_FMT, STR_ARG(uri), STR_ARG(key_of(t)));
}

static bool mentions(const struct json *record, struct str did)
{
    const struct json *facets = json_at(record, "facets");
    for (size_t i = 0; i < json_len(facets); i++) {
        const struct json *features = json_at(json_item(facets, i), "features");
        for (size_t k = 0; k < json_len(features); k++)
            if (str_eq(json_str(json_at(json_item(features, k), "did")), did))
                return true;
    }
    return false;
}

static bool quotes(const struct json *record, struct str did)
{
    struct str uri = json_str(json_at(record, "embed.record.uri"));
    if (!uri.len)
        uri = json_str(json_at(record, "embed.record.record.uri")); // with media
    return at_uri_is_of(uri, did);
}

// Would the network tell us of this post?
static bool is_for_us(const struct thread *t, const struct json *record)
{
    return t->about_us || mentions(record, t->me) || quotes(record, t->me) ||
           at_uri_is_of(json_str(json_at(record, "reply.parent.uri")), t->me) ||
           at_uri_is_of(json_str(json_at(record, "reply.root.uri")), t->me);
}

// ---- What a post holds ----------------------------------------------------------------------------
static void add_picture(const struct thread *t, struct inbound *in, struct str url, const struct json *image,
                        struct str mime)
{
    if (!str_starts(url, S("https://")) && !str_starts(url, S("http://")))
        return;
    *list_push(&in->attachments, t->arena) = (struct inbound_attachment){
        .url = url,
        .mime = mime,
        .alt = json_str(json_at(image, "alt")),
        .width = json_i64(json_at(image, "aspectRatio.width")),
        .height = json_i64(json_at(image, "aspectRatio.height")),
    };
}

// Pictures are in the view (with addresses), their kinds in the record (with blobs), in the same order.
static void add_pictures(const struct thread *t, struct inbound *in, const struct json *view,
                         const struct json *embed)
{
    const struct json *images = json_at(view, "images"), *blobs = json_at(embed, "images");
    for (size_t i = 0; i < json_len(images) && i < 20; i++) {
        const struct json *image = json_item(images, i);
        struct str mime = json_str(json_at(json_item(blobs, i), "image.mimeType"));
        add_picture(t, in, json_str(json_at(image, "fullsize")), image, mime.len ? mime : S("image/jpeg"));
    }
    if (str_eq(json_str(json_at(view, "$type")), S("app.bsky.embed.video#view")))
        add_picture(t, in, json_str(json_at(view, "thumbnail")), view, S("image/jpeg"));
}

static void add_embed(const struct thread *t, struct inbound *in, const struct json *view,
                      const struct json *record)
{
    const struct json *embed = json_at(record, "embed");
    add_pictures(t, in, view, embed);
    add_pictures(t, in, json_at(view, "media"), json_at(embed, "media")); // a quote with pictures
    // A link card says more than the text: without its address nobody could follow it.
    struct str card = json_str(json_at(embed, "external.uri"));
    if (!card.len)
        card = json_str(json_at(embed, "media.external.uri"));
    if (card.len && card.len < 2000 && str_find(in->text, card) < 0)
        in->text = str_printf(t->arena, STR_FMT "%s" STR_FMT, STR_ARG(in->text), in->text.len ? "\n" : "",
                              STR_ARG(card));
}

static struct str extra_of(const struct thread *t, struct str uri, struct str cid, const struct json *record)
{
    struct buf out;
    struct str root_uri = json_str(json_at(record, "reply.root.uri"));
    struct str root_cid = json_str(json_at(record, "reply.root.cid"));
    buf_init(&out, t->arena, 16 << 10);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "cid");
    json_put_str(&w, cid);
    json_key(&w, "root");
    json_open(&w, '{');
    json_key(&w, "uri");
    json_put_str(&w, root_uri.len ? root_uri : uri);
    json_key(&w, "cid");
    json_put_str(&w, root_uri.len ? root_cid : cid);
    json_close(&w, '}');
    json_close(&w, '}');
    return out.overflow ? S("{}") : buf_str(&out);
}

static i64 not_future(i64 at, i64 now)
{
    return at > now ? now : at;
}

static void put_author(struct inbound *in, const struct json *author)
{
    in->author_id = json_str(json_at(author, "did"));
    in->author_handle = json_str(json_at(author, "handle"));
    in->author_name = json_str(json_at(author, "displayName"));
    if (!in->author_name.len)
        in->author_name = in->author_handle;
}

// A post as an event; `post` is a postView, a notification or the view of a quoted record: all have uri, cid,
// author, indexedAt, and the record under one of two names.
static struct inbound read_post(const struct thread *t, const struct json *post)
{
    const struct json *record = json_at(post, "record");
    if (json_kind(record) != JSON_OBJECT)
        record = json_at(post, "value");
    struct str uri = json_str(json_at(post, "uri"));
    struct inbound in = {
        .type = INBOUND_CREATED,
        .external_id = uri,
        .thread_key = key_of(t),
        .conversation_kind = S("thread"),
        .visibility = S("public"),
        .text = json_str(json_at(record, "text")),
        .reply_to = json_str(json_at(record, "reply.parent.uri")),
        .language = text_head(json_str(json_at(record, "langs.0")), 16),
    };
    if (!str_given(in.text))
        in.text = S("");
    put_author(&in, json_at(post, "author"));
    in.out = str_eq(in.author_id, t->me);
    in.at = not_future(bsky_time(json_at(post, "indexedAt"), bsky_time(json_at(record, "createdAt"), t->now)),
                       t->now);
    in.extra = extra_of(t, uri, json_str(json_at(post, "cid")), record);
    const struct json *view = json_at(post, "embed");
    add_embed(t, &in, view ? view : json_at(post, "embeds.0"), record);
    return in;
}

// ---- The posts above ------------------------------------------------------------------------------
// Ours and answering this customer: an answer given elsewhere. The customer's own, if we were told of it:
// a message. Everything else is shown, never counted.
static bool is_context(const struct thread *t, const struct json *post, const struct inbound *in)
{
    if (in->out)
        return !at_uri_is_of(json_str(json_at(post, "record.reply.parent.uri")), t->customer);
    return !str_eq(in->author_id, t->customer) || !is_for_us(t, json_at(post, "record"));
}

static void add_above(struct thread *t, const struct json *post)
{
    struct at_uri at;
    if (!at_uri_parse(json_str(json_at(post, "uri")), &at) || !json_str(json_at(post, "author.did")).len)
        return; // notFoundPost, blockedPost
    struct inbound in = read_post(t, post);
    in.context = is_context(t, post, &in);
    if (in.context)
        in.external_id = context_id(t, in.external_id);
    t->about_us |= in.out;
    *list_push(t->out, t->arena) = in;
}

static void add_parents(struct thread *t, const struct json *node)
{
    const struct json *above[MAX_ABOVE];
    size_t n = 0;
    for (const struct json *at = json_at(node, "parent"); json_kind(at) == JSON_OBJECT && n < MAX_ABOVE;
         at = json_at(at, "parent"))
        above[n++] = json_at(at, "post");
    while (n > 0)
        add_above(t, above[--n]); // the root first
}

// What a quote quotes.
static void add_quoted(struct thread *t, const struct json *post)
{
    const struct json *quoted = json_at(post, "embed.record");
    if (json_kind(json_at(quoted, "record")) == JSON_OBJECT)
        quoted = json_at(quoted, "record"); // with media
    struct at_uri at;
    if (!at_uri_parse(json_str(json_at(quoted, "uri")), &at) ||
        !json_str(json_at(quoted, "author.did")).len || json_kind(json_at(quoted, "value")) != JSON_OBJECT)
        return;
    struct inbound in = read_post(t, quoted);
    in.context = true;
    in.external_id = context_id(t, in.external_id);
    in.reply_to = STR_NONE;
    *list_push(t->out, t->arena) = in;
}

static bool begin(struct thread *t, const struct json *post, struct err *err)
{
    const struct json *record = json_at(post, "record");
    struct str uri = json_str(json_at(post, "uri")), root = json_str(json_at(record, "reply.root.uri"));
    struct at_uri at;
    if (!at_uri_parse(uri, &at) || uri.len > MAX_URI || root.len > MAX_URI)
        return err_set(err, ERR_INVALID, "A post without a readable uri.");
    if (json_kind(record) != JSON_OBJECT || !json_str(json_at(post, "author.did")).len)
        return err_set(err, ERR_INVALID, "A post without record or author.");
    t->root = root.len ? root : uri;
    return true;
}

static bool receive_notification(struct thread *t, const struct json *raw, struct err *err)
{
    const struct json *entry = json_at(raw, "notification"), *node = json_at(raw, "thread");
    const struct json *post = json_at(node, "post");
    if (!begin(t, entry, err))
        return false;
    t->customer = json_str(json_at(entry, "author.did"));
    bool whole = str_eq(json_str(json_at(post, "uri")), json_str(json_at(entry, "uri")));
    if (whole) {
        add_parents(t, node);
        add_quoted(t, post);
    }
    struct inbound in = read_post(t, whole ? post : entry);
    put_author(&in, json_at(entry, "author")); // the one who is the customer here
    in.out = str_eq(in.author_id, t->me);
    in.at = not_future(bsky_time(json_at(entry, "indexedAt"), in.at), t->now);
    *list_push(t->out, t->arena) = in;
    return true;
}

// An answer a colleague gave in the network's own app, to a post that is in an open conversation.
static bool receive_own(struct thread *t, const struct json *raw, struct err *err)
{
    const struct json *item = json_at(raw, "own"), *post = json_at(item, "post");
    struct at_uri parent;
    if (!begin(t, post, err))
        return false;
    t->customer = json_str(json_at(item, "reply.parent.author.did"));
    if (str_eq(t->customer, t->me)) { // our second answer below our first: whom did that one answer?
        if (at_uri_parse(json_str(json_at(item, "reply.parent.record.reply.parent.uri")), &parent))
            t->customer = parent.authority;
    }
    if (!t->customer.len || str_eq(t->customer, t->me))
        return true; // a thread with ourselves
    *list_push(t->out, t->arena) = read_post(t, post);
    return true;
}

static bool receive_missing(struct thread *t, const struct json *raw)
{
    const struct json *list = json_at(raw, "missing");
    for (size_t i = 0; i < json_len(list) && i < 1000; i++) {
        struct str uri = json_str(json_item(list, i));
        struct at_uri at;
        if (at_uri_parse(uri, &at))
            *list_push(t->out, t->arena) = (struct inbound){
                .type = INBOUND_DELETED, .external_id = uri, .at = bsky_time(json_at(raw, "at"), t->now)};
    }
    return true;
}

static bool receive_json(const struct channel_view *channel, struct str stream, const struct json *raw,
                         struct arena *arena, struct inbound_list *out, struct err *err)
{
    struct thread t = {.arena = arena, .out = out, .me = json_str(json_at(raw, "me")), .now = channel->now};
    if (!t.me.len)
        t.me = channel->external_account_id;
    if (str_eq(stream, S("dm")))
        return bsky_receive_dm(channel, raw, arena, out, err);
    if (json_kind(json_at(raw, "notification")) == JSON_OBJECT)
        return receive_notification(&t, raw, err);
    if (json_kind(json_at(raw, "own")) == JSON_OBJECT)
        return receive_own(&t, raw, err);
    if (json_kind(json_at(raw, "missing")) == JSON_ARRAY)
        return receive_missing(&t, raw);
    return err_set(err, ERR_INVALID, "Neither a notification nor anything else that is known.");
}

bool bsky_receive(const struct channel_view *channel, struct str stream, struct str body, struct arena *arena,
                  struct inbound_list *out, struct unreadable_list *bad, struct err *err)
{
    (void)bad; // one raw body is one thing: it is read whole or not at all
    const struct json *raw = json_parse_lenient(body, arena, err);
    struct inbound_list got = {};
    if (!raw)
        return false;
    if (!receive_json(channel, stream, raw, arena, &got, err))
        return false;
    for (size_t i = 0; i < got.len; i++)
        *list_push(out, arena) = got.items[i];
    return true;
}
