// SPDX-License-Identifier: AGPL-3.0-or-later
// A small stand-in for the Bluesky network, for the driver's tests: it gives the answers the real network
// gave (tests/fixtures/bluesky/network.json) and can misbehave; and a core in small that does a driver's
// requests one after the other.
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "channels/bluesky.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> // needs the ones above

static const i64 now = INT64_C(1795501600000); // shortly after the fixture was made
static struct arena *arena;
static struct err err;

// ---- The stand-in ---------------------------------------------------------------------------------
struct net {
    const struct json *f;                    // the fixture
    const struct json *list;                 // notifications, newest first
    const char *access, *refresh, *password; // what it accepts
    int logins, refreshes, calls;
    bool login_429, down, no_did_doc, chat, forget_cursor;
    const char *fail; // method that fails with `status`
    int status;
    int page;              // notifications per page
    struct str_list made;  // bodies of createRecord
    const char *taken;     // rkey that exists
    bool lose_create;      // the record is made, the answer is cut
    struct str stored;     // rkey of a made record
    const char *hidden;    // name of a post that getPosts does not show
    int extra;             // so many more notifications in front
    struct str_list asked; // URLs
};
static struct net net;

static struct str text_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        fail_msg("%s is missing", path);
    struct buf out;
    buf_init(&out, arena, 4 << 20);
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, in)) > 0;)
        buf_add(&out, (struct str){part, n});
    fclose(in);
    return buf_str(&out);
}

static int begin(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_create();
    net = (struct net){.access = "A.B.C", .refresh = "R.B.C", .password = "pw", .page = 50};
    net.f = json_parse(text_file("tests/fixtures/bluesky/network.json"), arena, &err);
    assert_non_null(net.f);
    net.list = json_at(net.f, "list.notifications");
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static struct str name(const char *which, const char *part)
{
    char path[64];
    snprintf(path, sizeof path, "names.%s.%s", which, part);
    return json_str(json_at(net.f, path));
}

static struct str dump(const struct json *value)
{
    struct buf out;
    buf_init(&out, arena, 4 << 20);
    json_dump(&out, value);
    return buf_str(&out);
}

static struct net_answer answer(int status, struct str body)
{
    return (struct net_answer){.got_answer = true, .status = status, .body = body};
}

static struct net_answer error(int status, const char *word)
{
    return answer(status, str_printf(arena, "{\"error\":\"%s\",\"message\":\"%s happened\"}", word, word));
}

static struct str header(const struct net_request *request, const char *wanted)
{
    for (size_t i = 0; i < request->headers.len; i++)
        if (str_eq_nocase(request->headers.items[i].name, str_from(wanted)))
            return request->headers.items[i].value;
    return STR_NONE;
}

static struct str session_body(void)
{
    struct str doc = net.no_did_doc ? S("")
                                    : str_printf(arena, ",\"didDoc\":" STR_FMT,
                                                 STR_ARG(dump(json_at(net.f, "session.didDoc"))));
    return str_printf(arena,
                      "{\"accessJwt\":\"%s\",\"refreshJwt\":\"%s\",\"did\":\"" STR_FMT
                      "\",\"handle\":\"cups.test\"" STR_FMT "}",
                      net.access, net.refresh, STR_ARG(json_str(json_at(net.f, "me"))), STR_ARG(doc));
}

static struct net_answer log_in(const struct net_request *request)
{
    const struct json *body = json_parse(request->body, arena, &err);
    net.logins++;
    if (net.login_429) {
        struct net_answer a = error(429, "RateLimitExceeded");
        *list_push(&a.headers, arena) = (struct net_header){S("RateLimit-Reset"), S("1795501900")};
        return a;
    }
    if (!str_eq(json_str(json_at(body, "password")), str_from(net.password)))
        return error(401, "AuthenticationRequired");
    return answer(200, session_body());
}

static struct net_answer list_page(struct str url)
{
    struct buf out;
    i64 at = 0, cursor = str_find(url, S("cursor="));
    i64 total = (i64)json_len(net.list) + net.extra;
    if (net.forget_cursor && cursor > 0) {
        net.forget_cursor = false;
        return error(400, "InvalidRequest");
    }
    if (cursor > 0)
        assert_true(str_to_i64(str_sub(url, (size_t)cursor + 7, url.len), &at));
    buf_init(&out, arena, 8 << 20);
    buf_add(&out, S("{\"notifications\":["));
    i64 n = 0;
    for (; n < net.page && at + n < total; n++) {
        i64 i = at + n;
        if (n)
            buf_add_char(&out, ',');
        if (i < net.extra)
            buf_printf(
                &out,
                "{\"uri\":\"at://did:plc:zz/app.bsky.feed.post/x%lld\",\"cid\":\"c\",\"author\":{\"did\":"
                "\"did:plc:zz\",\"handle\":\"z.test\"},\"reason\":\"mention\",\"record\":{\"text\":\"hi\"},"
                "\"indexedAt\":\"2026-11-24T06:27:00.000Z\"}",
                (long long)(net.extra - i));
        else
            json_dump(&out, json_item(net.list, (size_t)(i - net.extra)));
    }
    buf_add(&out, S("]"));
    if (at + n < total)
        buf_printf(&out, ",\"cursor\":\"%lld\"", (long long)(at + n));
    buf_add(&out, S("}"));
    return answer(200, buf_str(&out));
}

static bool uri_in(struct str url, const char *which)
{
    return str_find(url, url_component(arena, name(which, "uri"))) >= 0;
}

static const char *const names[] = {"mention", "root",  "a1",    "b1",   "a2",
                                    "c1",      "quote", "other", "help", "gone"};

static struct net_answer thread_of(struct str url)
{
    char path[64];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (uri_in(url, names[i])) {
            snprintf(path, sizeof path, "threads.%s", names[i]);
            const struct json *thread = json_at(net.f, path);
            return answer(json_at(thread, "thread") ? 200 : 400, dump(thread));
        }
    return error(400, "NotFound");
}

static struct net_answer posts(struct str url)
{
    struct buf out;
    char path[64];
    bool any = false;
    buf_init(&out, arena, 4 << 20);
    buf_add(&out, S("{\"posts\":["));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "threads.%s.thread.post", names[i]);
        const struct json *post = json_at(net.f, path);
        if (!post || !uri_in(url, names[i]) || (net.hidden && strcmp(net.hidden, names[i]) == 0))
            continue;
        if (any)
            buf_add_char(&out, ',');
        any = true;
        json_dump(&out, post);
    }
    buf_add(&out, S("]}"));
    return answer(200, buf_str(&out));
}

static struct net_answer create(const struct net_request *request)
{
    const struct json *body = json_parse(request->body, arena, &err);
    struct str rkey = json_str(json_at(body, "rkey"));
    *list_push(&net.made, arena) = request->body;
    if ((net.taken && str_eq(rkey, str_from(net.taken))) || (net.stored.len && str_eq(rkey, net.stored)))
        return error(500, "InternalServerError"); // what the real server says to a key it has
    net.stored = rkey;
    if (net.lose_create)
        return (struct net_answer){.maybe_received = true, .error = "connection reset"};
    return answer(
        200, str_printf(arena, "{\"uri\":\"at://" STR_FMT "/" STR_FMT "/" STR_FMT "\",\"cid\":\"bafynew\"}",
                        STR_ARG(json_str(json_at(net.f, "me"))),
                        STR_ARG(json_str(json_at(body, "collection"))), STR_ARG(rkey)));
}

static struct net_answer record(struct str url)
{
    if (!net.stored.len || str_find(url, net.stored) < 0)
        return error(400, "RecordNotFound");
    return answer(
        200,
        str_printf(
            arena,
            "{\"uri\":\"at://" STR_FMT "/app.bsky.feed.post/" STR_FMT
            "\",\"cid\":\"bafyold\",\"value\":{\"reply\":{\"root\":{\"uri\":\"at://r\",\"cid\":\"c\"}}}}",
            STR_ARG(json_str(json_at(net.f, "me"))), STR_ARG(net.stored)));
}

static struct net_answer chat(struct str url)
{
    if (!net.chat)
        return error(400, "InvalidToken");
    if (str_find(url, S("listConvos")) > 0)
        return answer(200, text_file("tests/fixtures/bluesky/chat_convos.json"));
    if (str_find(url, S("getMessages")) > 0)
        return answer(200, text_file("tests/fixtures/bluesky/chat_messages.json"));
    if (str_find(url, S("getLog")) > 0)
        return answer(200, str_find(url, S("cursor=rev9")) > 0
                               ? S("{\"cursor\":\"rev9\",\"logs\":[]}")
                               : text_file("tests/fixtures/bluesky/chat_log.json"));
    if (str_find(url, S("getConvo")) > 0)
        return answer(
            200, str_printf(arena, "{\"convo\":" STR_FMT "}",
                            STR_ARG(dump(json_at(
                                json_parse(text_file("tests/fixtures/bluesky/chat_convos.json"), arena, &err),
                                "convos.0")))));
    if (str_find(url, S("sendMessage")) > 0)
        return net.lose_create ? (struct net_answer){.maybe_received = true, .error = "timeout"}
                               : answer(200, S("{\"id\":\"m9\",\"rev\":\"rev9\"}"));
    return error(501, "MethodNotImplemented");
}

static struct net_answer serve(const struct net_request *request)
{
    struct str url = request->url;
    net.calls++;
    *list_push(&net.asked, arena) = url;
    if (net.down)
        return (struct net_answer){.error = "no route"};
    if (net.fail && str_find(url, str_from(net.fail)) >= 0)
        return error(net.status, net.status == 429 ? "RateLimitExceeded" : "UpstreamFailure");
    if (str_find(url, S("createSession")) >= 0)
        return log_in(request);
    if (str_starts(url, S("https://plc.example/did:plc:")))
        return answer(200, dump(json_at(net.f, "session.didDoc")));
    struct str bearer = header(request, "authorization");
    if (str_find(url, S("refreshSession")) >= 0) {
        net.refreshes++;
        if (!str_eq(bearer, str_printf(arena, "Bearer %s", net.refresh)))
            return error(400, "ExpiredToken");
        net.access = "A2.B.C";
        net.refresh = "R2.B.C";
        return answer(200, session_body());
    }
    assert_true(str_starts(url, S("https://pds.example/xrpc/"))); // everything else: the account's own host
    if (!str_eq(bearer, str_printf(arena, "Bearer %s", net.access)))
        return error(400, "ExpiredToken");
    if (str_find(url, S("chat.bsky")) > 0)
        return str_eq(header(request, "atproto-proxy"), S("did:web:api.bsky.chat#bsky_chat"))
                   ? chat(url)
                   : error(400, "NoProxy");
    if (str_find(url, S("listNotifications")) > 0)
        return list_page(url);
    if (str_find(url, S("getPostThread")) > 0)
        return thread_of(url);
    if (str_find(url, S("getPosts")) > 0)
        return posts(url);
    if (str_find(url, S("getAuthorFeed")) > 0)
        return answer(200, dump(json_at(net.f, "feed")));
    if (str_find(url, S("createRecord")) > 0)
        return create(request);
    if (str_find(url, S("deleteRecord")) > 0)
        return answer(200, S("{}"));
    if (str_find(url, S("getRecord")) > 0)
        return record(url);
    if (str_find(url, S("uploadBlob")) > 0)
        return answer(200, S("{\"blob\":{\"$type\":\"blob\",\"ref\":{\"$link\":\"bafkpic\"},\"mimeType\":"
                             "\"image/png\",\"size\":4}}"));
    if (str_find(url, S("resolveHandle?handle=kim.test")) > 0)
        return answer(
            200, str_printf(arena, "{\"did\":\"" STR_FMT "\"}", STR_ARG(json_str(json_at(net.f, "kim")))));
    if (str_find(url, S("getSession")) > 0)
        return answer(200, S("{\"handle\":\"cups.test\"}"));
    return error(400, "InvalidRequest");
}

// ---- The core, in small ---------------------------------------------------------------------------
struct core {
    struct channel_view view;
    struct step step;
    struct str session; // kept
    enum step_result result;
};

static struct core core(const char *session)
{
    struct core c = {.view = {.id = 3, .kind = S("bluesky"), .now = now}};
    c.view.settings = json_parse(S("{\"identifier\":\"@cups.test\",\"service\":\"https://entry.example/\","
                                   "\"plc_url\":\"https://plc.example\"}"),
                                 arena, &err);
    c.view.secret = json_parse(S("{\"app_password\":\"pw\"}"), arena, &err);
    c.view.external_account_id = json_str(json_at(net.f, "me"));
    if (session)
        c.view.session =
            json_parse(str_printf(arena,
                                  "{\"did\":\"" STR_FMT "\",\"handle\":\"cups.test\",\"pds\":"
                                  "\"https://pds.example\",\"access\":\"%s\",\"refresh\":\"R.B.C\"}",
                                  STR_ARG(json_str(json_at(net.f, "me"))), session),
                       arena, &err);
    return c;
}

#define GO(c, call)                                                                                          \
    do {                                                                                                     \
        (c).step.channel = &(c).view;                                                                        \
        (c).step.arena = arena;                                                                              \
        for (int n_ = 0;; n_++) {                                                                            \
            static struct net_answer last_;                                                                  \
            struct step *step = &(c).step;                                                                   \
            step->request = (struct net_request){};                                                          \
            (c).result = (call);                                                                             \
            if (step->keep_session.len) {                                                                    \
                (c).session = step->keep_session;                                                            \
                step->keep_session = STR_NONE;                                                               \
            }                                                                                                \
            if ((c).result != STEP_REQUEST)                                                                  \
                break;                                                                                       \
            assert_true(n_ < 500);                                                                           \
            last_ = serve(&step->request);                                                                   \
            step->answer = &last_;                                                                           \
        }                                                                                                    \
    } while (0)

static struct core poll_from(struct str stream, struct str cursor)
{
    struct core c = core("A.B.C");
    c.view.session = json_parse(str_printf(arena,
                                           "{\"did\":\"" STR_FMT "\",\"handle\":\"cups.test\",\"pds\":"
                                           "\"https://pds.example\",\"access\":\"%s\",\"refresh\":\"%s\"}",
                                           STR_ARG(json_str(json_at(net.f, "me"))), net.access, net.refresh),
                                arena, &err);
    GO(c, channel_bluesky.poll(step, stream, cursor));
    return c;
}

static struct inbound_list read_raw(const struct core *c, struct str stream)
{
    struct inbound_list out = {};
    struct unreadable_list bad = {};
    for (size_t i = 0; i < c->step.raw.len; i++)
        if (!channel_bluesky.receive(&c->view, stream, c->step.raw.items[i], arena, &out, &bad, &err))
            fail_msg("%s", err.text);
    assert_int_equal(bad.len, 0);
    return out;
}

static const struct inbound *find_id(const struct inbound_list *list, struct str id)
{
    for (size_t i = 0; i < list->len; i++)
        if (str_eq(list->items[i].external_id, id))
            return &list->items[i];
    return NULL;
}

static struct str key(struct str root, const char *who)
{
    return str_printf(arena, STR_FMT "|" STR_FMT, STR_ARG(root), STR_ARG(json_str(json_at(net.f, who))));
}
