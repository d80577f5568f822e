// SPDX-License-Identifier: AGPL-3.0-or-later
// The demo's two sides: customers who write (a thread that posts signed events to our own hook) and their
// networks (a small server on loopback that takes the answers, and lets the customer read and reply).
#include "cli/demo.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "channels/standard_webhooks.h"
#include "cli/demo_script.h"
#include "net/http.h"
#include <assert.h>
#include <stdio.h>
#include <time.h>

enum {
    TURN_MS = 250,
    NEXT_FROM_MS = 10000,
    NEXT_TO_MS = 20000,
    COMING_MAX = 256, // events that are on their way
    EVENT_MAX = 4096,
    SETTLE_MS = 1500, // until the first stories have become conversations
};

struct coming { // an event that a customer will cause
    i64 at;     // clock_mono
    size_t channel;
    char json[EVENT_MAX];
    size_t len;
};
struct demo {
    struct app *app;
    struct arena *arena;
    struct http_server *receiver;
    struct str receiver_url, hook_base;
    struct demo_world world;
    pthread_t thread;
    bool running, stopping;
    pthread_mutex_t lock;
    struct coming *coming;
    size_t n_coming;
    u64 next_id;
    i64 next_line_at;
};

// ---- Events ----

struct said {
    const struct demo_person *person;
    struct str thread, text;
    bool is_public, out;
    i64 at;
};

static struct str event_json(struct demo *demo, const struct said *said, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, EVENT_MAX);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "type");
    json_put_str(&w, S("message.created"));
    json_key(&w, "id");
    json_put_str(&w, str_printf(arena, "m%llx", (unsigned long long)demo->next_id++));
    json_key(&w, "thread");
    json_put_str(&w, said->thread);
    json_key(&w, "direction");
    json_put_str(&w, said->out ? S("out") : S("in"));
    json_key(&w, "visibility");
    json_put_str(&w, said->is_public ? S("public") : S("private"));
    json_key(&w, "author");
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_str(&w, said->out ? S("saltmarsh") : str_from(said->person->slug));
    json_key(&w, "name");
    json_put_str(&w, said->out ? S("Saltmarsh") : str_from(said->person->name));
    json_key(&w, "handle");
    json_put_str(&w, said->out ? S("saltmarsh") : str_from(said->person->handle));
    json_close(&w, '}');
    json_key(&w, "text");
    json_put_str(&w, said->text);
    json_key(&w, "created_at");
    json_put_time(&w, said->at);
    json_close(&w, '}');
    return buf_str(&out);
}

// One signed POST to our own hook. False: not taken (starting, stopping, overloaded).
static bool post(struct demo *demo, size_t channel, struct str body, struct arena *arena)
{
    struct net_answer answer = {};
    struct net_request request = {.method = S("POST"), .body = body, .timeout_ms = 5000};
    struct webhook_secrets secrets = {.items = {demo->world.channels[channel].secret}, .len = 1};
    request.url = str_printf(arena, "%.*s/hooks/custom/%lld", STR_ARG(demo->hook_base),
                             (long long)demo->world.channels[channel].id);
    *list_push(&request.headers, arena) = (struct net_header){S("Content-Type"), S("application/json")};
    webhook_sign(&secrets, random_token(arena, "demo_"), clock_now(), arena, &request);
    client_fetch(demo->app->client, &request, 0, arena, &answer);
    if (answer.got_answer && answer.status == 202)
        return true;
    log_event(LOG_DEBUG, "demo.post", LOG_I("status", answer.status), LOG_C("error", answer.error));
    return false;
}

static void add_coming(struct demo *demo, i64 in_ms, size_t channel, struct str json)
{
    pthread_mutex_lock(&demo->lock);
    if (demo->n_coming < COMING_MAX && json.len <= EVENT_MAX) {
        struct coming *coming = &demo->coming[demo->n_coming++];
        coming->at = clock_mono() + in_ms;
        coming->channel = channel;
        coming->len = json.len;
        memcpy(coming->json, json.ptr, json.len);
    }
    pthread_mutex_unlock(&demo->lock);
}

static i64 between(i64 from, i64 to)
{
    return from + (i64)(random_u64() % (u64)(to - from));
}

// ---- Answers come back ----

static void add_receipt(struct demo *demo, i64 in_ms, size_t channel, const char *type, struct str id,
                        struct str thread, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, EVENT_MAX);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "type");
    json_put_str(&w, str_from(type));
    json_key(&w, "id");
    json_put_str(&w, id);
    json_key(&w, "thread");
    json_put_str(&w, thread);
    json_key(&w, "at");
    json_put_time(&w, clock_now() + in_ms);
    json_close(&w, '}');
    add_coming(demo, in_ms, channel, buf_str(&out));
}

// Half of those who were answered write once more.
static void add_thanks(struct demo *demo, size_t channel, struct str thread, struct arena *arena)
{
    struct str rest;
    const struct demo_person *person = demo_person_find(str_cut(thread, '.', &rest));
    if (!person || random_u64() % 2)
        return;
    size_t at = (size_t)(random_u64() % demo_n_thanks);
    while (strcmp(demo_thanks[at].language, person->language) != 0)
        at = (at + 1) % demo_n_thanks;
    i64 in_ms = between(5000, 14000);
    struct said said = {.person = person,
                        .thread = thread,
                        .text = str_from(demo_thanks[at].text),
                        .is_public = channel == 1,
                        .at = clock_now() + in_ms};
    add_coming(demo, in_ms, channel, event_json(demo, &said, arena));
}

// An answer of ours arrived at the customer's network.
static void take_answer(struct demo *demo, const struct http_request *req, struct str *ret_id)
{
    struct err err = {};
    const struct json *event = json_parse(req->body, req->arena, &err);
    struct str type = json_str(json_at(event, "type"));
    struct str id = json_str(json_at(event, "id"));
    struct str thread = json_str(json_at(event, "thread"));
    size_t channel = str_eq(json_str(json_at(event, "visibility")), S("public")) ? 1 : 0;
    if (!str_eq(type, S("message.send")) || id.len == 0 || thread.len == 0)
        return;
    *ret_id = str_printf(req->arena, "s%.*s", STR_ARG(id));
    if (channel == 0) {
        add_receipt(demo, 900, channel, "receipt.delivered", id, thread, req->arena);
        add_receipt(demo, between(2500, 4500), channel, "receipt.read", id, thread, req->arena);
    }
    add_thanks(demo, channel, thread, req->arena);
}

static void receive(struct http_request *req, void *arg)
{
    struct demo *demo = arg;
    struct str id = STR_NONE, body = S("{}");
    if (req->method == HTTP_POST_)
        take_answer(demo, req, &id);
    if (str_given(id))
        body = str_printf(req->arena, "{\"id\":\"%.*s\"}", STR_ARG(id));
    http_respond(req,
                 &(struct http_response){.status = 200, .content_type = S("application/json"), .body = body});
}

// ---- The first stories ----

static void tell_story(struct demo *demo, const struct demo_story *story, struct arena *arena)
{
    i64 began = clock_now() - (i64)story->minutes_ago * 60000;
    struct str thread = str_printf(arena, "%s.1", story->slug);
    struct said said = {.person = demo_person_find(str_from(story->slug)),
                        .thread = thread,
                        .text = str_from(story->text),
                        .is_public = story->is_public,
                        .at = began};
    size_t channel = story->is_public ? 1 : 0;
    (void)post(demo, channel, event_json(demo, &said, arena), arena);
    if (story->more) {
        said.text = str_from(story->more);
        said.at = began + 4 * 60000;
        (void)post(demo, channel, event_json(demo, &said, arena), arena);
    }
    if (story->answer) {
        said.text = str_from(story->answer);
        said.out = true;
        said.at = began + 17 * 60000;
        (void)post(demo, channel, event_json(demo, &said, arena), arena);
    }
}

static const struct json *call_api(struct demo *demo, struct str method, struct str path, struct str body,
                                   struct arena *arena)
{
    struct net_answer answer = {};
    struct err err = {};
    struct net_request request = {.method = method, .body = body, .timeout_ms = 5000};
    request.url = str_printf(arena, "%.*s/api/v1/%.*s", STR_ARG(demo->hook_base), STR_ARG(path));
    *list_push(&request.headers, arena) =
        (struct net_header){S("Authorization"), str_printf(arena, "Bearer %.*s", STR_ARG(demo->world.token))};
    if (body.len > 0)
        *list_push(&request.headers, arena) = (struct net_header){S("Content-Type"), S("application/json")};
    client_fetch(demo->app->client, &request, 0, arena, &answer);
    if (!answer.got_answer || answer.status >= 300) {
        log_event(LOG_DEBUG, "demo.api", LOG_I("status", answer.status), LOG_S("path", path));
        return NULL;
    }
    return json_parse(answer.body, arena, &err);
}

static i64 colleague(const struct json *agents, const char *email)
{
    for (size_t i = 0; i < json_len(json_at(agents, "items")); i++) {
        const struct json *agent = json_item(json_at(agents, "items"), i);
        if (str_eq(json_str(json_at(agent, "email")), str_from(email)))
            return json_i64(json_at(agent, "id"));
    }
    return 0;
}

static struct str story_patch(const struct demo_story *story, const struct json *agents, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, EVENT_MAX);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    if (story->priority) {
        json_key(&w, "priority");
        json_put_str(&w, str_from(story->priority));
    }
    if (story->assignee) {
        json_key(&w, "assignee_id");
        json_put_i64(&w, colleague(agents, story->assignee));
    }
    if (story->tags) {
        struct str rest = str_from(story->tags);
        json_key(&w, "tags");
        json_open(&w, '[');
        while (str_given(rest))
            json_put_str(&w, str_cut(rest, ',', &rest));
        json_close(&w, ']');
    }
    json_close(&w, '}');
    return buf_str(&out);
}

static void arrange_story(struct demo *demo, const struct demo_story *story, i64 conversation_id,
                          const struct json *agents, struct arena *arena)
{
    struct str path = str_printf(arena, "conversations/%lld", (long long)conversation_id);
    struct str patch = story_patch(story, agents, arena);
    if (patch.len > 2)
        (void)call_api(demo, S("PATCH"), path, patch, arena);
    if (!story->note)
        return;
    struct buf note;
    buf_init(&note, arena, EVENT_MAX);
    struct json_writer w = json_writer(&note);
    json_open(&w, '{');
    json_key(&w, "kind");
    json_put_str(&w, S("note"));
    json_key(&w, "text");
    json_put_str(&w, str_from(story->note));
    json_close(&w, '}');
    (void)call_api(demo, S("POST"), str_concat(arena, path, S("/messages")), buf_str(&note), arena);
}

// What colleagues did before the visitor came: tags, priorities, assignments, a note.
static void arrange(struct demo *demo, struct arena *arena)
{
    const struct json *agents = call_api(demo, S("GET"), S("agents"), STR_NONE, arena);
    const struct json *list =
        call_api(demo, S("GET"), S("conversations?q=is%3Aany&limit=100"), STR_NONE, arena);
    const struct json *items = json_at(list, "items");
    for (size_t i = 0; i < json_len(items); i++) {
        const struct json *conversation = json_item(items, i);
        struct str name = json_str(json_at(conversation, "contact.name"));
        for (const struct demo_story *story = demo_stories; story->slug; story++) {
            const struct demo_person *person = demo_person_find(str_from(story->slug));
            if (str_eq(name, str_from(person->name)))
                arrange_story(demo, story, json_i64(json_at(conversation, "id")), agents, arena);
        }
    }
}

// ---- The thread ----

static bool is_stopping(struct demo *demo)
{
    pthread_mutex_lock(&demo->lock);
    bool stopping = demo->stopping;
    pthread_mutex_unlock(&demo->lock);
    return stopping;
}

static void pause_ms(struct demo *demo, int ms)
{
    for (; ms > 0 && !is_stopping(demo); ms -= 50) {
        struct timespec time = {0, 50 * 1000000};
        nanosleep(&time, NULL);
    }
}

// Takes one event whose time has come. False: none.
static bool take_due(struct demo *demo, struct arena *arena, size_t *ret_channel, struct str *ret_json)
{
    bool found = false;
    pthread_mutex_lock(&demo->lock);
    for (size_t i = 0; i < demo->n_coming && !found; i++) {
        struct coming *coming = &demo->coming[i];
        if (coming->at > clock_mono())
            continue;
        found = true;
        *ret_channel = coming->channel;
        *ret_json = str_copy(arena, (struct str){coming->json, coming->len});
        demo->coming[i] = demo->coming[--demo->n_coming];
    }
    pthread_mutex_unlock(&demo->lock);
    return found;
}

static void say_something(struct demo *demo, struct arena *arena)
{
    const struct demo_line *line = &demo_lines[random_u64() % demo_n_lines];
    size_t n_people = 0;
    while (demo_people[n_people].slug)
        n_people++;
    assert(n_people > 0); // a table of the program
    size_t at = (size_t)(random_u64() % n_people);
    while (strcmp(demo_people[at].language, line->language) != 0)
        at = (at + 1) % n_people;
    struct said said = {.person = &demo_people[at],
                        .text = str_from(line->text),
                        .is_public = line->is_public,
                        .at = clock_now()};
    // Each thing asked is a thread of its own.
    said.thread =
        str_printf(arena, "%s.%llx", said.person->slug, (unsigned long long)(random_u64() & 0xffffffffff));
    (void)post(demo, line->is_public ? 1 : 0, event_json(demo, &said, arena), arena);
}

static void *run(void *arg)
{
    struct demo *demo = arg;
    struct arena *arena = arena_create();
    if (demo->world.fresh) {
        for (const struct demo_story *story = demo_stories; story->slug && !is_stopping(demo); story++) {
            tell_story(demo, story, arena);
            arena_reset(arena);
        }
        pause_ms(demo, SETTLE_MS);
        arrange(demo, arena);
    }
    demo->next_line_at = clock_mono() + 4000;
    while (!is_stopping(demo)) {
        size_t channel;
        struct str json;
        arena_reset(arena);
        while (!is_stopping(demo) && take_due(demo, arena, &channel, &json))
            (void)post(demo, channel, json, arena);
        if (clock_mono() >= demo->next_line_at) {
            say_something(demo, arena);
            demo->next_line_at = clock_mono() + between(NEXT_FROM_MS, NEXT_TO_MS);
        }
        pause_ms(demo, TURN_MS);
    }
    arena_destroy(arena);
    return NULL;
}

bool demo_listen(struct app *app, struct str_list *allow_hosts, struct arena *arena, struct demo **ret_demo,
                 struct err *err)
{
    struct demo *demo = arena_new(arena, struct demo);
    struct http_server_settings settings = {
        .listen = S("127.0.0.1:0"),
        .n_workers = 1,
        .max_queue = 64,
        .max_connections = 64,
        .handler = receive,
        .arg = demo,
    };
    demo->app = app;
    demo->arena = arena;
    demo->coming = arena_array(arena, struct coming, COMING_MAX);
    demo->next_id = random_u64();
    pthread_mutex_init(&demo->lock, NULL);
    if (!http_server_start(&settings, &demo->receiver, err))
        return false;
    struct str receiver = str_copy(arena, http_server_address(demo->receiver));
    struct str ours = http_server_address(app->server);
    if (str_starts(ours, S("0.0.0.0:")))
        ours = str_concat(arena, S("127.0.0.1"), str_sub(ours, 7, ours.len));
    else if (str_starts(ours, S("[::]:")))
        ours = str_concat(arena, S("[::1]"), str_sub(ours, 4, ours.len));
    demo->receiver_url = str_printf(arena, "http://%.*s/", STR_ARG(receiver));
    demo->hook_base = str_printf(arena, "http://%.*s", STR_ARG(ours));
    *list_push(allow_hosts, arena) = receiver;
    *list_push(allow_hosts, arena) = str_copy(arena, ours);
    *ret_demo = demo;
    return true;
}

bool demo_start(struct demo *demo, struct str *ret_code, struct err *err)
{
    if (!demo_world_open(demo->app, demo->receiver_url, demo->arena, &demo->world, err))
        return false;
    atomic_store(&demo->app->demo_chat, str_cstr(demo->arena, demo->world.chat_key));
    demo->running = true;
    demo->thread = thread_start("demo", run, demo);
    *ret_code = demo->world.code;
    return true;
}

void demo_stop(struct demo *demo)
{
    if (!demo)
        return;
    pthread_mutex_lock(&demo->lock);
    demo->stopping = true;
    pthread_mutex_unlock(&demo->lock);
    if (demo->running)
        pthread_join(demo->thread, NULL);
    if (demo->receiver)
        http_server_stop(demo->receiver, 1000);
}
