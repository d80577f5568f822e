// SPDX-License-Identifier: AGPL-3.0-or-later
// A workspace with an owner, an agent and a custom channel in a fresh database of either kind, and raw
// events of customers put through the real intake.
#pragma once
#include "base/log.h"
#include "desk/agent.h"
#include "desk/channel.h"
#include "desk/conversation.h"
#include "desk/intake.h"
#include "desk/message.h"
#include "desk/workspace.h"
#include "jobs/intake.h"
#include "store_fixture.h"

struct desk {
    struct fixture *f;
    struct key *key;
    i64 workspace, channel;
    struct actor owner, agent;
    struct jobs_settings jobs;
};

struct desk_making {
    struct desk *desk;
    i64 owner, agent;
    const char *channel_name;
};

static inline bool desk_make_people(struct tx *tx, void *arg, struct err *err)
{
    struct desk_making *making = arg;
    struct agent_draft owner = {.name = S("Olga Owner"), .email = S("olga@example.test"), .role = S("owner")};
    struct agent_draft agent = {.name = S("Anna Agent"), .email = S("anna@example.test"), .role = S("agent")};
    if (!workspace_create(tx, S("Shop"), &making->desk->workspace, err)) {
        return false;
    }
    struct actor system = actor_system(making->desk->workspace);
    return agent_create(tx, &system, &owner, 0, STR_NONE, &making->owner, err) &&
           agent_create(tx, &system, &agent, 0, STR_NONE, &making->agent, err);
}

static inline bool desk_make_channel(struct tx *tx, void *arg, struct err *err)
{
    struct desk_making *making = arg;
    struct actor system = actor_system(making->desk->workspace);
    struct channel_draft draft = {S("custom"), str_from(making->channel_name),
                                  S("{\"deliver_url\":\"http://127.0.0.1:9/\"}")};
    struct channel_row row = {};
    struct str secret;
    if (!channel_create(tx, &system, making->desk->key, &draft, &row, &secret, err)) {
        return false;
    }
    making->desk->channel = row.id;
    return true;
}

static inline i64 desk_add_channel(struct desk *d, const char *name)
{
    struct fixture *f = d->f;
    struct desk_making making = {.desk = d, .channel_name = name};
    i64 first = d->channel;
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, desk_make_channel, &making, &f->err));
    i64 made = d->channel;
    d->channel = first ? first : made;
    return made;
}

static inline struct desk desk_make(void **state)
{
    struct fixture *f = *state;
    struct desk d = {.f = f};
    struct desk_making making = {.desk = &d};
    char path[128];
    crypto_init();
    log_set_level(LOG_ERROR);
    snprintf(path, sizeof(path), "%s/key", f->dir);
    CHECK_OK(crypto_key_make(path, &d.key, &f->err));
    CHECK_OK(db_write(f->db, WRITE_PEOPLE, desk_make_people, &making, &f->err));
    desk_add_channel(&d, "Chat");
    struct conn *conn = db_take(f->db);
    CHECK_OK(actor_load(conn, making.owner, f->arena, &d.owner, &f->err));
    CHECK_OK(actor_load(conn, making.agent, f->arena, &d.agent, &f->err));
    db_give(f->db, conn);
    d.jobs = (struct jobs_settings){.db = f->db, .key = d.key};
    return d;
}

static inline void desk_end(struct desk *d)
{
    crypto_key_destroy(d->key);
}

struct desk_raw {
    struct desk *desk;
    i64 channel;
    struct str body;
    i64 id;
};

static inline bool desk_store_raw(struct tx *tx, void *arg, struct err *err)
{
    struct desk_raw *raw = arg;
    return intake_store(tx, raw->desk->workspace, raw->channel, S("webhook"), S(""), raw->body, &raw->id,
                        err);
}

// Stores one raw body, as the hook does.
static inline i64 desk_put(struct desk *d, const char *body)
{
    struct fixture *f = d->f;
    struct desk_raw raw = {.desk = d, .channel = d->channel, .body = str_from(body)};
    CHECK_OK(db_write(f->db, WRITE_INTAKE, desk_store_raw, &raw, &f->err));
    return raw.id;
}

// Lets the intake job take what waits.
static inline i64 desk_take_in(struct desk *d)
{
    struct fixture *f = d->f;
    i64 n;
    CHECK_OK(intake_job_pass(&d->jobs, &n, &f->err));
    return n;
}

static inline void desk_hear(struct desk *d, const char *body)
{
    desk_put(d, body);
    desk_take_in(d);
}

// A customer's message: id, thread, author "u1"; second: of 2026-11-01T10:00.
static inline void desk_says(struct desk *d, const char *id, const char *thread, const char *text, int second)
{
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"type\":\"message.created\",\"id\":\"%s\",\"thread\":\"%s\",\"author\":{\"id\":\"u1\","
             "\"name\":\"Mari\","
             "\"handle\":\"@mari\"},\"text\":\"%s\",\"created_at\":\"2026-11-01T10:%02d:%02d.000Z\"}",
             id, thread, text, second / 60, second % 60);
    desk_hear(d, body);
}

// All conversations a query finds, most urgent first.
static inline struct conversation_list desk_find(struct desk *d, const struct actor *actor, const char *q)
{
    struct fixture *f = d->f;
    struct conversation_list found = {};
    struct str next = STR_NONE;
    struct conn *conn = db_take(f->db);
    struct conversation_page page = {.q = str_from(q), .sort = SORT_URGENT, .limit = 100};
    CHECK_OK(conversation_find(conn, actor, &page, f->arena, &found, &next, &f->err));
    db_give(f->db, conn);
    return found;
}

static inline struct conversation desk_get(struct desk *d, i64 id)
{
    struct fixture *f = d->f;
    struct conversation out = {};
    struct actor all = actor_system(d->workspace);
    struct conn *conn = db_take(f->db);
    CHECK_OK(conversation_get(conn, &all, id, f->arena, &out, &f->err));
    db_give(f->db, conn);
    return out;
}

static inline struct message_list desk_messages(struct desk *d, i64 conversation)
{
    struct fixture *f = d->f;
    struct message_list out = {};
    struct str next;
    struct actor all = actor_system(d->workspace);
    struct conn *conn = db_take(f->db);
    const struct message_start end = {.before = -1, .from = -1};
    CHECK_OK(message_page(conn, &all, conversation, &end, 100, f->arena, &out, &next, &f->err));
    db_give(f->db, conn);
    return out;
}

struct desk_reply {
    const struct actor *actor;
    i64 conversation;
    struct message_draft draft;
    struct message out;
};

static inline bool desk_reply_write(struct tx *tx, void *arg, struct err *err)
{
    struct desk_reply *reply = arg;
    return message_reply(tx, reply->actor, reply->conversation, &reply->draft, &reply->out, err);
}

// kind: reply or note. The new message's number; 0: refused, why in f->err.
static inline i64 desk_writes(struct desk *d, const struct actor *actor, i64 conversation, const char *kind,
                              const char *text)
{
    struct desk_reply reply = {
        .actor = actor,
        .conversation = conversation,
        .draft = {.kind = str_from(kind), .text = str_from(text), .seen_message_id = -1}};
    memset(&d->f->err, 0, sizeof(d->f->err));
    return db_write(d->f->db, WRITE_PEOPLE, desk_reply_write, &reply, &d->f->err) ? reply.out.id : 0;
}

struct desk_patch {
    const struct actor *actor;
    i64 id;
    struct conversation_patch patch;
    field_set given;
    struct conversation out;
};

static inline bool desk_patch_write(struct tx *tx, void *arg, struct err *err)
{
    struct desk_patch *patch = arg;
    return conversation_update(tx, patch->actor, patch->id, &patch->patch, patch->given, &patch->out, err);
}

// The patch as JSON, as the API takes it.
static inline bool desk_patch(struct desk *d, const struct actor *actor, i64 id, const char *json)
{
    struct fixture *f = d->f;
    struct desk_patch patch = {.actor = actor, .id = id};
    memset(&f->err, 0, sizeof(f->err));
    return json_decode(str_from(json), &conversation_patch_type, false, f->arena, &patch.patch, &patch.given,
                       &f->err) &&
           db_write(f->db, WRITE_PEOPLE, desk_patch_write, &patch, &f->err);
}

// How many events of this kind the log holds (NULL: of any kind).
static inline size_t desk_events(struct desk *d, const char *kind)
{
    struct fixture *f = d->f;
    struct log_cursor cursor = {};
    size_t n = 0;
    struct conn *conn = db_take(f->db);
    for (;;) {
        struct event_list events = {};
        CHECK_OK(log_read(conn, &cursor, 1000, f->arena, &events, &f->err));
        for (size_t i = 0; i < events.len; i++) {
            n += !kind || str_eq(events.items[i].kind, str_from(kind));
        }
        if (events.len == 0) {
            break;
        }
    }
    db_give(f->db, conn);
    return n;
}
