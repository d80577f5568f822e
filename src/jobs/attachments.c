// SPDX-License-Identifier: AGPL-3.0-or-later
// See attachments.h. The attempt is counted and committed before a byte is fetched, so a picture that
// ends a child or the process is not tried for ever. Three tries with growing pauses, then "failed" with
// the reason; what is too large, forbidden or a broken picture is "refused" at once. Pictures are cleaned,
// everything else is kept as it came, under the type its own bytes tell. Several threads fetch, at
// most half of them from one host: one that hangs holds up its own pictures only.
#include "jobs/attachments.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/picture.h"
#include "base/thread.h"
#include "desk/events.h"
#include "desk/file.h"
#include "jobs/worker.h"
#include "sql_gen.h"
#include "store/log.h"

enum {
    FETCHERS = 4,
    PER_HOST = FETCHERS / 2,
    LOOK_AT = 100,
    HOST_CAP = 256,
    TRIES = 3,
    FETCH_MS = 30000,
    LEASE_MS = 120000
};

struct wanted {
    i64 id, workspace_id, message_id, attempts;
    struct str url, mime;
};
struct wanted_list {
    struct wanted *items;
    size_t len, cap;
};
struct fetcher {
    struct attachments *job;
    struct worker *worker;
    char host[HOST_CAP]; // being asked now, "": none
};
struct attachments {
    struct jobs_settings settings;
    pthread_mutex_t lock; // the hosts
    struct fetcher fetchers[FETCHERS];
};
struct claiming {
    struct fetcher *fetcher;
    struct arena *arena;
    struct wanted_list list;
    const struct wanted *chosen; // NULL: none
};
struct result { // what became of one
    const struct wanted *wanted;
    const struct file *file; // NULL: not ready
    const char *state;       // waiting (again), refused, failed, ready
    struct str reason;
    bool busy; // no child looked at it
};

// ---- Claim ------------------------------------------------------------------------------------------

// What stands between "//" and the next slash; for telling hosts apart, no more.
static struct str host_of(struct str url)
{
    i64 at = str_find(url, S("//"));
    struct str rest = at < 0 ? url : str_sub(url, (size_t)at + 2, url.len), path;
    struct str host = str_cut(rest, '/', &path);
    return host.len < HOST_CAP ? host : str_sub(host, 0, HOST_CAP - 1);
}

static void set_host(struct fetcher *fetcher, struct str host)
{
    memcpy(fetcher->host, host.ptr, host.len);
    fetcher->host[host.len] = '\0';
}

static void leave_host(struct fetcher *fetcher)
{
    pthread_mutex_lock(&fetcher->job->lock);
    set_host(fetcher, S(""));
    pthread_mutex_unlock(&fetcher->job->lock);
}

// False when enough fetchers are at that host already. Looked at and taken under one lock, before the claim
// is committed: two that look at the same moment must not both find the last place free.
static bool take_host(struct fetcher *fetcher, struct str url)
{
    struct attachments *job = fetcher->job;
    struct str host = host_of(url);
    int n = 0;
    pthread_mutex_lock(&job->lock);
    for (int i = 0; i < FETCHERS; i++) {
        n += job->fetchers[i].host[0] != '\0' && str_eq(str_from(job->fetchers[i].host), host);
    }
    if (n < PER_HOST) {
        set_host(fetcher, host);
    }
    pthread_mutex_unlock(&job->lock);
    return n < PER_HOST;
}

static bool claim(struct tx *tx, void *arg, struct err *err)
{
    struct claiming *claiming = arg;
    struct rows *rows;
    claiming->list.len = 0;
    claiming->chosen = NULL;
    leave_host(claiming->fetcher); // a write may run again
    if (!db_query(tx->conn, &SQL_attachment_due, DB_ARGS(db_i64(tx->now), db_i64(LOOK_AT)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&claiming->list, claiming->arena) =
            (struct wanted){.id = row_i64(rows, 0),
                            .workspace_id = row_i64(rows, 1),
                            .message_id = row_i64(rows, 2),
                            .url = row_str(rows, 3, claiming->arena),
                            .mime = row_str(rows, 4, claiming->arena),
                            .attempts = row_i64(rows, 5)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < claiming->list.len && !claiming->chosen; i++) {
        if (take_host(claiming->fetcher, claiming->list.items[i].url)) {
            claiming->chosen = &claiming->list.items[i];
        }
    }
    const struct wanted *chosen = claiming->chosen;
    return !chosen ||
           db_exec(tx->conn, &SQL_attachment_claim,
                   DB_ARGS(db_i64(tx->now + LEASE_MS), db_i64(chosen->workspace_id), db_i64(chosen->id)),
                   NULL, err);
}

static bool nothing_due(struct db *db)
{
    struct conn *conn = db_take(db);
    struct rows *rows;
    struct err err = {};
    bool nothing = true;
    if (db_query(conn, &SQL_attachment_waiting, DB_ARGS(db_i64(clock_now())), &rows, &err)) {
        nothing = !rows_next(rows);
        nothing = rows_end(rows, &err) && nothing;
    }
    db_give(db, conn);
    return nothing;
}

// ---- One file ------------------------------------------------------------------------------------

static struct result again(const struct wanted *wanted, struct str reason)
{
    bool last = wanted->attempts + 1 >= TRIES;
    return (struct result){.wanted = wanted, .state = last ? "failed" : "waiting", .reason = reason};
}

// No child looked at it: the attempt does not count.
static struct result later(const struct wanted *wanted)
{
    return (struct result){.wanted = wanted,
                           .state = "waiting",
                           .reason = S("Waits for its turn to be looked at."),
                           .busy = true};
}

static struct result refused(const struct wanted *wanted, struct str reason)
{
    return (struct result){.wanted = wanted, .state = "refused", .reason = reason};
}

static struct result keep(struct attachments *job, const struct wanted *wanted, struct str bytes,
                          struct file *file, struct arena *arena)
{
    struct err err = {};
    if (!file_keep(job->settings.db, wanted->workspace_id, 0, bytes, file, arena, &err)) {
        return again(wanted, S("It could not be stored."));
    }
    return (struct result){.wanted = wanted, .file = file, .state = "ready", .reason = S("")};
}

static struct result take(struct attachments *job, const struct wanted *wanted, struct str bytes,
                          struct arena *arena)
{
    struct file *file = arena_new(arena, struct file);
    struct picture picture = {};
    struct err err = {};
    *file = (struct file){.mime = sniff_mime(bytes)};
    if (bytes.len == 0) {
        return refused(wanted, S("The file is empty."));
    }
    if (file_kind_of(file->mime) != FILE_PICTURE) {
        return keep(job, wanted, bytes, file, arena);
    }
    enum child_result how =
        picture_clean(job->settings.nursery, job->settings.picture_kind, bytes, arena, &picture, &err);
    if (how != CHILD_OK) {
        struct str why = str_copy(arena, str_from(err.text));
        return how == CHILD_REFUSED ? refused(wanted, why)
               : how == CHILD_BUSY  ? later(wanted)
                                    : again(wanted, why);
    }
    *file = (struct file){.mime = picture.mime, .width = picture.width, .height = picture.height};
    return keep(job, wanted, picture.bytes, file, arena);
}

static struct result fetch(struct attachments *job, const struct wanted *wanted, struct arena *arena)
{
    struct net_request request = {
        .method = S("GET"), .url = wanted->url, .timeout_ms = FETCH_MS, .max_answer = FILE_MAX};
    struct net_answer answer = {};
    client_fetch(job->settings.client, &request, FETCH_REDIRECTS, arena, &answer);
    if (!answer.got_answer) {
        return again(wanted, str_copy(arena, str_from(answer.error)));
    }
    if (answer.status == 403 || answer.status == 404 || answer.status == 410) {
        return refused(wanted,
                       str_printf(arena, "The network does not give it out (HTTP %d).", answer.status));
    }
    if (answer.status != 200) {
        return again(wanted, str_printf(arena, "The network answered HTTP %d.", answer.status));
    }
    return take(job, wanted, answer.body, arena);
}

// ---- What became of it ------------------------------------------------------------------------------

static bool log_it(struct tx *tx, const struct result *result, struct err *err)
{
    const struct wanted *wanted = result->wanted;
    struct event event = {.workspace_id = wanted->workspace_id, .message_id = wanted->message_id};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_attachment_place, DB_ARGS(db_i64(wanted->workspace_id), db_i64(wanted->id)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        event.conversation_id = row_i64(rows, 0);
        event.channel_id = row_i64(rows, 1);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    event.kind = S(EVENT_MESSAGE_ATTACHMENT);
    event.data = str_printf(tx->arena, "{\"attachment_id\":%lld,\"state\":\"%s\"}", (long long)wanted->id,
                            result->state);
    return log_append(tx, &event, err);
}

static bool settle(struct tx *tx, void *arg, struct err *err)
{
    const struct result *result = arg;
    const struct wanted *wanted = result->wanted;
    const struct file *file = result->file;
    i64 changed;
    i64 pause = (i64)30000 << (2 * wanted->attempts); // 30 s, 2 min
    bool ok = file ? db_exec(tx->conn, &SQL_attachment_ready,
                             DB_ARGS(db_str(file->sha256), db_str(file->mime), db_i64(file->size),
                                     db_i64(file->width), db_i64(file->height), db_i64(wanted->workspace_id),
                                     db_i64(wanted->id)),
                             &changed, err)
                   : db_exec(tx->conn, &SQL_attachment_not,
                             DB_ARGS(db_str(str_from(result->state)), db_str(result->reason),
                                     db_i64(tx->now + pause), db_i64(result->busy),
                                     db_i64(wanted->workspace_id), db_i64(wanted->id)),
                             &changed, err);
    bool waits = strcmp(result->state, "waiting") == 0;
    return ok && (changed == 0 || waits || log_it(tx, result, err));
}

static void handle(struct attachments *job, const struct wanted *wanted)
{
    struct arena *arena = arena_take();
    struct err err = {};
    struct result result = wanted->attempts >= TRIES
                               ? refused(wanted, S("Three attempts to look at it ended without a result."))
                               : fetch(job, wanted, arena);
    if (!db_write(job->settings.db, WRITE_READER, settle, &result, &err)) {
        log_event(LOG_WARN, "attachment.failed", LOG_I("attachment", wanted->id), LOG_C("error", err.text));
    }
    arena_give(arena);
}

static i64 turn(struct worker *worker, void *arg)
{
    struct fetcher *fetcher = arg;
    struct attachments *job = fetcher->job;
    struct arena *arena = arena_take();
    struct claiming claiming = {.fetcher = fetcher, .arena = arena};
    struct err err = {};
    i64 pause = 1000;
    if (!nothing_due(job->settings.db) && db_write(job->settings.db, WRITE_READER, claim, &claiming, &err)) {
        pause = 300; // some wait, none of them for us
        if (claiming.chosen) {
            handle(job, claiming.chosen);
            pause = 0;
        }
    }
    leave_host(fetcher);
    arena_give(arena);
    (void)worker;
    return pause;
}

struct attachments *attachments_start(const struct jobs_settings *settings)
{
    struct attachments *job = mem_alloc(sizeof(*job));
    job->settings = *settings;
    pthread_mutex_init(&job->lock, NULL);
    for (int i = 0; i < FETCHERS; i++) {
        job->fetchers[i].job = job;
    }
    for (int i = 0; i < FETCHERS; i++) {
        job->fetchers[i].worker = worker_start("attachments", turn, &job->fetchers[i]);
    }
    return job;
}

void attachments_ask_stop(struct attachments *job)
{
    for (int i = 0; i < FETCHERS; i++) {
        worker_ask_stop(job->fetchers[i].worker);
    }
}

bool attachments_join(struct attachments *job, i64 until_mono)
{
    for (int i = 0; job && i < FETCHERS; i++) {
        if (!worker_join(job->fetchers[i].worker, until_mono)) {
            return false;
        }
        job->fetchers[i].worker = NULL; // a NULL is joined at once, when we are asked again
    }
    if (job) {
        pthread_mutex_destroy(&job->lock);
    }
    mem_free(job);
    return true;
}
