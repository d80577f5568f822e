// SPDX-License-Identifier: AGPL-3.0-or-later
// Who is served when: passes over the raw events that wait, round by round, a share of each channel. What
// happens to a batch is in intake_batch.c. Nothing stops the others.
#include "jobs/intake.h"
#include "desk/intake.h"
#include "jobs/intake_batch.h"
#include "jobs/worker.h"
#include "sql_gen.h"

enum {
    SHARE = 4 * INTAKE_PART, // rows in one round over all channels, and at least a part of each
    // After a small pass, wait so long for more before the next: each pass costs two commits, and the
    // networks' own requests wait for them.
    GATHER_MS = 4,
};

struct raw_list {
    struct intake_raw *items;
    size_t len, cap;
};

struct intake_job {
    struct jobs_settings settings;
    struct worker *worker;
    char owner[33];
    i64 last_done; // rows of the last pass
};
struct place { // how far a pass is in a channel
    i64 channel_id, after;
    bool ended;
};
struct place_list {
    struct place *items;
    size_t len, cap;
};
struct pass { // one walk over what waits
    const struct intake_job *job;
    struct worker *worker; // NULL: in the caller's thread
    i64 done;
    struct arena *arena;
    struct place_list places;
};

static struct place *place_of(struct pass *pass, i64 channel_id)
{
    for (size_t i = 0; i < pass->places.len; i++) {
        if (pass->places.items[i].channel_id == channel_id) {
            return &pass->places.items[i];
        }
    }
    struct place *place = list_push(&pass->places, pass->arena);
    *place = (struct place){.channel_id = channel_id};
    return place;
}

// Channels that are new since the last round join the pass.
static bool list_channels(struct pass *pass, struct err *err)
{
    struct db *db = pass->job->settings.db;
    struct conn *conn = db_take(db);
    struct rows *rows;
    bool ok = db_query(conn, &SQL_intake_channels, DB_NO_ARGS, &rows, err);
    while (ok && rows_next(rows)) {
        (void)place_of(pass, row_i64(rows, 0));
    }
    ok = ok && rows_end(rows, err);
    db_give(db, conn);
    return ok;
}

static bool list_waiting(struct db *db, const struct place *place, i64 limit, struct arena *arena,
                         struct raw_list *out, struct err *err)
{
    struct conn *conn = db_take(db);
    struct rows *rows;
    bool ok = db_query(conn, &SQL_intake_waiting,
                       DB_ARGS(db_i64(place->channel_id), db_i64(place->after), db_i64(limit)), &rows, err);
    while (ok && rows_next(rows)) {
        *list_push(out, arena) = (struct intake_raw){.id = row_i64(rows, 0),
                                                     .workspace_id = row_i64(rows, 1),
                                                     .channel_id = row_i64(rows, 2),
                                                     .attempts = row_i64(rows, 3)};
    }
    ok = ok && rows_end(rows, err);
    db_give(db, conn);
    return ok;
}

// How many of the next rows, oldest first, are claimed at once. One that failed before goes alone: should it
// end the process, it takes no other with it.
static size_t gather(const struct raw_list *waiting, size_t from, size_t most)
{
    size_t n = 0;
    while (from + n < waiting->len && n < most && waiting->items[from + n].attempts == 0) {
        n++;
    }
    return n > 0 ? n : 1;
}

static bool stopping(const struct pass *pass)
{
    return pass->worker && worker_stopping(pass->worker);
}

// A channel's share of a round. False: the database is away.
static bool serve(struct pass *pass, struct place *place, i64 share)
{
    struct arena *arena = arena_take();
    struct raw_list waiting = {};
    struct err err = {};
    struct db *db = pass->job->settings.db;
    // Where other processes want the channel too, it is held for one part at a time.
    size_t most = db_kind(db) == DB_SQLITE ? SHARE : INTAKE_PART;
    bool here = list_waiting(db, place, share, arena, &waiting, &err);
    place->ended = (i64)waiting.len < share;
    for (size_t i = 0; here && i < waiting.len && !stopping(pass);) {
        struct intake_batch batch = {.settings = &pass->job->settings,
                                     .worker = pass->worker,
                                     .owner = pass->job->owner,
                                     .raws = &waiting.items[i],
                                     .len = gather(&waiting, i, most)};
        i += batch.len;
        place->after = waiting.items[i - 1].id;
        here = intake_batch_run(&batch, &pass->done);
        if (here && !batch.leased) { // another process has the channel
            place->ended = true;
            break;
        }
    }
    arena_give(arena);
    return here;
}

// Round by round, a share of each channel: whoever floods waits for themselves.
static bool walk(struct pass *pass)
{
    pass->arena = arena_take();
    struct err err = {};
    bool here = true, more = true;
    while (here && more && !stopping(pass)) {
        here = list_channels(pass, &err);
        i64 open = 0;
        for (size_t i = 0; i < pass->places.len; i++) {
            open += !pass->places.items[i].ended;
        }
        i64 share = open > 0 && SHARE / open > INTAKE_PART ? SHARE / open : INTAKE_PART;
        more = open > 0;
        for (size_t i = 0; here && i < pass->places.len && !stopping(pass); i++) {
            struct place *place = &pass->places.items[i];
            here = place->ended || serve(pass, place, share);
        }
    }
    arena_give(pass->arena);
    return here;
}

static i64 turn(struct worker *worker, void *arg)
{
    struct intake_job *job = arg;
    struct pass pass = {.job = job, .worker = worker};
    if (job->last_done < INTAKE_PART) {
        worker_rest(worker, GATHER_MS);
    }
    bool here = walk(&pass);
    job->last_done = pass.done;
    if (!here) {
        return 1000;
    }
    // Other processes store too, and only looking tells of it: look often where they may be.
    return pass.done > 0 ? 0 : db_kind(job->settings.db) == DB_SQLITE ? 1000 : 200;
}

static void wake(void *arg)
{
    worker_wake(arg);
}

static void name_owner(struct intake_job *job)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof(job->owner) - 1; i++) {
        job->owner[i] = digits[random_u64() & 15];
    }
}

struct intake_job *intake_job_start(const struct jobs_settings *settings)
{
    struct intake_job *job = mem_alloc(sizeof(*job));
    job->settings = *settings;
    name_owner(job);
    job->worker = worker_start("intake", turn, job);
    intake_on_stored(wake, job->worker);
    return job;
}

void intake_job_ask_stop(struct intake_job *job)
{
    intake_on_stored(NULL, NULL);
    worker_ask_stop(job->worker);
}

bool intake_job_join(struct intake_job *job, i64 until_mono)
{
    if (job && !worker_join(job->worker, until_mono)) {
        return false;
    }
    mem_free(job);
    return true;
}

i64 intake_job_progress_at(const struct intake_job *job)
{
    return worker_progress_at(job->worker);
}

bool intake_job_pass(const struct jobs_settings *settings, i64 *ret_n, struct err *err)
{
    struct intake_job job = {.settings = *settings};
    struct pass pass = {.job = &job};
    name_owner(&job);
    bool here = walk(&pass);
    *ret_n = pass.done;
    return here || err_retry(err, ERR_UNAVAILABLE, 1, "The database is away.");
}
