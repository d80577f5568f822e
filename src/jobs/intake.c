// SPDX-License-Identifier: AGPL-3.0-or-later
// Waiting raw events become messages: per channel a batch is claimed (the attempt is counted and
// committed first), its bytes are parsed outside any write, then one write applies it and marks it done.
// What cannot be read goes to quarantine with its bytes; a batch that fails is tried row by row; after
// its third failed attempt a row is quarantined. Nothing stops the others.
#include "jobs/intake.h"
#include "base/clock.h"
#include "base/log.h"
#include "desk/channel.h"
#include "desk/events.h"
#include "desk/intake.h"
#include "jobs/mail_in.h"
#include "jobs/owners.h"
#include "jobs/worker.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/language.h"

enum {
    BATCH = 64,         // raw events in one write
    BATCH_EVENTS = 500, // and messages in it, about
    SHARE = 4 * BATCH,  // rows in one round over all channels, and at least a batch of each
    ATTEMPTS = 3,
    LEASE_MS = 10000,
    // After a small pass, wait so long for more before the next: each pass costs two commits, and the
    // networks' own requests wait for them.
    GATHER_MS = 4,
};

struct raw { // one stored body on its way
    i64 id, workspace_id, channel_id, attempts, received_at;
    struct str source, stream, body;
    struct inbound_list events;
    struct unreadable_list bad;
    bool gone;       // somebody else dealt with it
    bool unreadable; // nothing of it can be read
    bool died;       // reading it ended a child: tried again, by itself
    struct str why;
};
struct raw_list {
    struct raw *items;
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

struct batch { // of one channel
    const struct intake_job *job;
    struct arena *arena; // outlives the writes
    struct raw *raws;
    size_t len;
    struct str channel_kind;
    bool leased, given_up; // given_up: last attempt, message by message
};

// ---- Claim ------------------------------------------------------------------------------------------

static bool log_quarantined(struct tx *tx, const struct raw *raw, struct str why, struct err *err)
{
    struct buf buf;
    buf_init(&buf, tx->arena, 8192);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    json_key(&w, "inbound_id");
    json_put_i64(&w, raw->id);
    json_key(&w, "reason");
    json_put_str(&w, why);
    json_close(&w, '}');
    struct event event = {.workspace_id = raw->workspace_id,
                          .channel_id = raw->channel_id,
                          .kind = S(EVENT_INBOUND_QUARANTINED),
                          .data = buf_str(&buf)};
    return log_append(tx, &event, err);
}

static bool quarantine(struct tx *tx, const struct raw *raw, struct str why, struct err *err)
{
    i64 changed;
    if (!db_exec(tx->conn, &SQL_intake_quarantine,
                 DB_ARGS(db_str(why), db_i64(raw->workspace_id), db_i64(raw->id)), &changed, err)) {
        return false;
    }
    return changed == 0 || log_quarantined(tx, raw, why, err);
}

// One worker at a time per channel where several processes share a database.
static bool lease(struct tx *tx, struct batch *batch, struct err *err)
{
    i64 changed;
    batch->leased = true;
    if (db_kind(tx->db) == DB_SQLITE) {
        return true;
    }
    const struct raw *raw = &batch->raws[0];
    char process[OWNER_CAP];
    owner_name(tx->db, process);
    if (!db_exec(tx->conn, &SQL_intake_lease,
                 DB_ARGS(db_i64(raw->workspace_id), db_i64(raw->channel_id),
                         db_str(str_from(batch->job->owner)), db_i64(tx->now + LEASE_MS),
                         db_str(str_from(process)), db_i64(tx->now)),
                 &changed, err)) {
        return false;
    }
    batch->leased = changed > 0;
    return true;
}

// The rows of a batch that are still ours, as a JSON array; *ret_n: how many.
static struct str ids_json(const struct batch *batch, struct arena *arena, i64 *ret_n)
{
    struct buf ids;
    i64 n = 0;
    buf_init(&ids, arena, 64 * 1024);
    buf_add_char(&ids, '[');
    for (size_t i = 0; i < batch->len; i++) {
        const struct raw *raw = &batch->raws[i];
        if (!raw->gone && !raw->unreadable && !raw->died) {
            if (n++ > 0) {
                buf_add_char(&ids, ',');
            }
            buf_add_i64(&ids, raw->id);
        }
    }
    buf_add_char(&ids, ']');
    *ret_n = n;
    return buf_str(&ids);
}

static bool claim(struct tx *tx, void *arg, struct err *err)
{
    struct batch *batch = arg;
    i64 n;
    if (!lease(tx, batch, err)) {
        return false;
    }
    for (size_t i = 0; batch->leased && i < batch->len; i++) {
        struct raw *raw = &batch->raws[i];
        raw->gone = raw->attempts >= ATTEMPTS;
        if (raw->gone && !quarantine(tx, raw, S("Three attempts to read it ended without a result."), err)) {
            return false;
        }
    }
    struct str ids = ids_json(batch, tx->arena, &n);
    return !batch->leased || n == 0 ||
           db_exec(tx->conn, &SQL_intake_attempt, DB_ARGS(db_i64(batch->raws[0].workspace_id), db_str(ids)),
                   NULL, err);
}

static bool end_lease(struct tx *tx, const struct batch *batch, struct err *err)
{
    const struct raw *raw = &batch->raws[0];
    return db_kind(tx->db) == DB_SQLITE || db_exec(tx->conn, &SQL_intake_lease_end,
                                                   DB_ARGS(db_i64(raw->workspace_id), db_i64(raw->channel_id),
                                                           db_str(str_from(batch->job->owner))),
                                                   NULL, err);
}

// ---- Read and parse ---------------------------------------------------------------------------------

static bool read_bodies(struct conn *conn, struct batch *batch, struct err *err)
{
    struct rows *rows;
    i64 n;
    struct str ids = ids_json(batch, batch->arena, &n);
    if (!db_query(conn, &SQL_intake_bodies, DB_ARGS(db_i64(batch->raws[0].workspace_id), db_str(ids)), &rows,
                  err)) {
        return false;
    }
    for (size_t i = 0; i < batch->len; i++) {
        batch->raws[i].gone = true; // until it is seen to wait still
    }
    while (rows_next(rows)) {
        i64 id = row_i64(rows, 0);
        for (size_t i = 0; i < batch->len; i++) {
            struct raw *raw = &batch->raws[i];
            if (raw->id == id) {
                raw->gone = false;
                raw->source = row_str(rows, 1, batch->arena);
                raw->stream = row_str(rows, 2, batch->arena);
                raw->body = row_blob(rows, 3, batch->arena);
                raw->received_at = row_i64(rows, 4);
            }
        }
    }
    return rows_end(rows, err);
}

// Here, and not in the write, where everybody would wait for it.
static void guess_languages(struct inbound_list *events)
{
    for (size_t i = 0; i < events->len; i++) {
        struct inbound *event = &events->items[i];
        if (event->type == INBOUND_CREATED && event->language.len == 0 && !event->out) {
            event->language = language_guess(event->text);
        }
    }
}

static void cannot(struct batch *batch, struct raw *raw, const struct err *why)
{
    raw->why = str_copy(batch->arena, why->text[0] ? str_from(why->text) : S("It cannot be read."));
}

// A mail is taken apart first; *body is what the driver reads.
static bool open_mail(struct batch *batch, struct raw *raw, struct str *body)
{
    struct err why = {};
    enum child_result how =
        mail_in_read(&batch->job->settings, raw->workspace_id, raw->body, batch->arena, body, &why);
    raw->unreadable = how == CHILD_REFUSED;
    raw->died = how == CHILD_DIED;
    cannot(batch, raw, &why);
    return how == CHILD_OK;
}

static void parse(const struct channel_driver *driver, const struct channel_view *view, struct batch *batch,
                  struct raw *raw)
{
    struct err why = {};
    struct str body = raw->body;
    if (driver->can & CAN_MAIL && !open_mail(batch, raw, &body)) {
        return;
    }
    struct inbound_list events = {};
    struct unreadable_list bad = {};
    if (driver->receive(view, raw->stream, body, batch->arena, &events, &bad, &why)) {
        guess_languages(&events);
        raw->events = events;
        raw->bad = bad;
        return;
    }
    raw->unreadable = true;
    cannot(batch, raw, &why);
}

static bool read_and_parse(struct batch *batch, struct err *err)
{
    struct db *db = batch->job->settings.db;
    struct conn *conn = db_take(db);
    struct channel_row row = {};
    struct channel_view view = {};
    const struct raw *first = &batch->raws[0];
    bool ok = channel_load(conn, first->workspace_id, first->channel_id, batch->arena, &row, err);
    ok = ok && read_bodies(conn, batch, err);
    db_give(db, conn);
    if (!ok || !channel_view_open(&row, batch->job->settings.key, clock_now(), batch->arena, &view, err)) {
        return false;
    }
    const struct channel_driver *driver = channel_driver_find(row.kind);
    if (!driver) {
        return err_set(err, ERR_CONFLICT, "This version does not know the network “" STR_FMT "”.",
                       STR_ARG(row.kind));
    }
    batch->channel_kind = row.kind;
    for (size_t i = 0; i < batch->len; i++) {
        if (!batch->raws[i].gone) {
            parse(driver, &view, batch, &batch->raws[i]);
        }
    }
    return true;
}

// ---- Apply ------------------------------------------------------------------------------------------

static bool keep_bad_parts(struct tx *tx, const struct raw *raw, struct err *err)
{
    for (size_t i = 0; i < raw->bad.len; i++) {
        struct str why = str_from(raw->bad.items[i].reason);
        if (!db_exec(tx->conn, &SQL_intake_quarantine_part,
                     DB_ARGS(db_i64(raw->workspace_id), db_i64(raw->channel_id), db_str(raw->source),
                             db_str(raw->stream), db_blob(raw->bad.items[i].bytes), db_str(why),
                             db_i64(raw->received_at)),
                     NULL, err) ||
            !log_quarantined(tx, raw, why, err)) {
            return false;
        }
    }
    return true;
}

// The rows' part besides their messages.
static bool settle(struct tx *tx, const struct batch *batch, struct err *err)
{
    i64 changed;
    i64 n;
    struct str ids = ids_json(batch, tx->arena, &n);
    if (n > 0 &&
        !db_exec(tx->conn, &SQL_intake_done,
                 DB_ARGS(db_i64(tx->now), db_i64(batch->raws[0].workspace_id), db_str(ids)), &changed, err)) {
        return false;
    }
    if (n > 0 && changed != n) {
        return err_retry(err, ERR_UNAVAILABLE, 1,
                         "Another worker took over some raw events of this channel.");
    }
    for (size_t i = 0; i < batch->len; i++) {
        const struct raw *raw = &batch->raws[i];
        if (!raw->gone && !raw->died &&
            !(raw->unreadable ? quarantine(tx, raw, raw->why, err) : keep_bad_parts(tx, raw, err))) {
            return false;
        }
    }
    return true;
}

static bool apply(struct tx *tx, void *arg, struct err *err)
{
    struct batch *batch = arg;
    struct inbound_list all = {};
    if (!settle(tx, batch, err)) {
        return false;
    }
    for (size_t i = 0; i < batch->len; i++) {
        const struct raw *raw = &batch->raws[i];
        for (size_t k = 0; !raw->gone && k < raw->events.len; k++) {
            *list_push(&all, tx->arena) = raw->events.items[k];
        }
    }
    const struct raw *first = &batch->raws[0];
    return (all.len == 0 ||
            intake_apply(tx, first->workspace_id, first->channel_id, batch->channel_kind, &all, err)) &&
           end_lease(tx, batch, err);
}

// ---- When it fails ----------------------------------------------------------------------------------

static bool forget_attempt(struct tx *tx, void *arg, struct err *err)
{
    struct batch *batch = arg;
    i64 n;
    struct str ids = ids_json(batch, tx->arena, &n);
    return db_exec(tx->conn, &SQL_intake_unattempt, DB_ARGS(db_i64(batch->raws[0].workspace_id), db_str(ids)),
                   NULL, err) &&
           end_lease(tx, batch, err);
}

// The database is away: the attempt is taken back if that can be said; at worst it counts once too often.
static bool come_back_later(struct batch *batch)
{
    struct err err = {};
    if (!db_write(batch->job->settings.db, WRITE_INTAKE, forget_attempt, batch, &err)) {
        log_event(LOG_WARN, "intake.waits", LOG_I("channel", batch->raws[0].channel_id),
                  LOG_C("error", err.text));
    }
    return false;
}

struct failure {
    struct batch *batch; // of one row
    struct str why;
};

static bool note_failure(struct tx *tx, void *arg, struct err *err)
{
    struct failure *failure = arg;
    const struct raw *raw = &failure->batch->raws[0];
    bool last = raw->attempts + 1 >= ATTEMPTS;
    bool ok =
        last ? quarantine(tx, raw, failure->why, err)
             : db_exec(tx->conn, &SQL_intake_failed,
                       DB_ARGS(db_str(failure->why), db_i64(raw->workspace_id), db_i64(raw->id)), NULL, err);
    return ok && end_lease(tx, failure->batch, err);
}

struct single { // one event of a body whose whole could not be applied
    const struct batch *batch;
    struct inbound_list one;
};

static bool apply_single(struct tx *tx, void *arg, struct err *err)
{
    struct single *single = arg;
    const struct raw *raw = &single->batch->raws[0];
    return intake_apply(tx, raw->workspace_id, raw->channel_id, single->batch->channel_kind, &single->one,
                        err);
}

static struct str in_words(const struct err *err, struct arena *arena)
{
    if (err->code == ERR_INTERNAL) {
        return S("It could not be stored because of an internal error; the program's log says more.");
    }
    return str_copy(arena, str_from(err->text));
}

// The last attempt: what can be stored of it is, event by event; the row is set aside for a person, and
// repeating it later doubles nothing.
static void save_what_can_be(struct batch *batch, struct err *worst)
{
    const struct raw *raw = &batch->raws[0];
    for (size_t i = 0; raw->events.len > 1 && i < raw->events.len; i++) {
        struct single single = {batch, {&raw->events.items[i], 1, 1}};
        struct err err = {};
        if (!db_write(batch->job->settings.db, WRITE_INTAKE, apply_single, &single, &err)) {
            *worst = err;
        }
    }
}

// False: the database is away, come back later.
static bool failed_row(struct batch *batch, struct err *why)
{
    struct db *db = batch->job->settings.db;
    const struct raw *raw = &batch->raws[0];
    struct err err = {};
    if (why->code == ERR_UNAVAILABLE) {
        return come_back_later(batch);
    }
    log_event(LOG_WARN, "intake.failed", LOG_I("inbound", raw->id), LOG_I("channel", raw->channel_id),
              LOG_I("attempt", raw->attempts + 1), LOG_C("error", why->text));
    if (raw->attempts + 1 >= ATTEMPTS) {
        save_what_can_be(batch, why);
    }
    struct failure failure = {batch, in_words(why, batch->arena)};
    return db_write(db, WRITE_INTAKE, note_failure, &failure, &err);
}

// The rows behind the one that could not be finished were claimed with it and never looked at: it is not
// their fault either.
static void rest_comes_back_later(const struct batch *batch, size_t from)
{
    struct batch rest = *batch;
    rest.raws = &batch->raws[from];
    rest.len = batch->len - from;
    if (rest.len > 0) {
        come_back_later(&rest);
    }
}

static bool row_by_row(struct batch *batch)
{
    struct db *db = batch->job->settings.db;
    for (size_t i = 0; i < batch->len; i++) {
        struct batch one = *batch;
        struct err err = {};
        one.raws = &batch->raws[i];
        one.len = 1;
        if (!one.raws->gone && !db_write(db, WRITE_INTAKE, apply, &one, &err) && !failed_row(&one, &err)) {
            rest_comes_back_later(batch, i + 1);
            return false;
        }
    }
    return true;
}

// Applies a batch in writes of about BATCH_EVENTS messages. False: the database is away.
static bool apply_parts(struct batch *batch)
{
    struct db *db = batch->job->settings.db;
    for (size_t from = 0; from < batch->len;) {
        struct batch part = *batch;
        struct err err = {};
        size_t events = 0;
        part.raws = &batch->raws[from];
        for (part.len = 0; from < batch->len && (part.len == 0 || events < BATCH_EVENTS);
             part.len++, from++) {
            events += batch->raws[from].events.len;
        }
        if (db_write(db, WRITE_INTAKE, apply, &part, &err)) {
            continue;
        }
        bool here = err.code == ERR_UNAVAILABLE ? come_back_later(&part)
                    : part.len == 1             ? failed_row(&part, &err)
                                                : row_by_row(&part);
        if (!here) {
            rest_comes_back_later(batch, from);
            return false;
        }
    }
    return true;
}

// Nothing of the batch could even be looked at: the channel is the trouble, each row counts it.
static bool failed_rows(struct batch *batch, const struct err *why)
{
    for (size_t i = 0; i < batch->len; i++) {
        struct batch one = *batch;
        struct err err = *why;
        one.raws = &batch->raws[i];
        one.len = 1;
        if (!one.raws->gone && !failed_row(&one, &err)) {
            rest_comes_back_later(batch, i + 1);
            return false;
        }
    }
    return true;
}

// Those whose reading ended a child: the others have been stored already.
static bool failed_children(struct batch *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        struct batch one = *batch;
        struct err err = {};
        one.raws = &batch->raws[i];
        one.len = 1;
        if (!one.raws->died) {
            continue;
        }
        err_set(&err, ERR_INVALID, STR_FMT, STR_ARG(one.raws->why));
        if (!failed_row(&one, &err)) {
            return false;
        }
    }
    return true;
}

// *done counts rows dealt with, also those that failed. False: the database is away.
static bool run_batch(struct batch *batch, i64 *done)
{
    struct err err = {};
    if (!db_write(batch->job->settings.db, WRITE_INTAKE, claim, batch, &err)) {
        log_event(LOG_WARN, "intake.claim", LOG_C("error", err.text));
        return false;
    }
    if (!batch->leased) {
        return true;
    }
    *done += (i64)batch->len;
    return read_and_parse(batch, &err) ? apply_parts(batch) && failed_children(batch)
                                       : failed_rows(batch, &err);
}

// ---- What waits -------------------------------------------------------------------------------------

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
        *list_push(out, arena) = (struct raw){.id = row_i64(rows, 0),
                                              .workspace_id = row_i64(rows, 1),
                                              .channel_id = row_i64(rows, 2),
                                              .attempts = row_i64(rows, 3)};
    }
    ok = ok && rows_end(rows, err);
    db_give(db, conn);
    return ok;
}

// The next rows, oldest first. One that failed before goes alone: should it end the process, it takes no
// other with it.
static size_t gather(const struct raw_list *waiting, size_t from, struct raw *out)
{
    size_t n = 0;
    for (size_t i = from; i < waiting->len && n < BATCH; i++) {
        const struct raw *raw = &waiting->items[i];
        if (raw->attempts > 0 && n > 0) {
            break;
        }
        out[n++] = *raw;
        if (raw->attempts > 0) {
            break;
        }
    }
    return n;
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
    struct raw raws[BATCH];
    bool here = list_waiting(pass->job->settings.db, place, share, arena, &waiting, &err);
    place->ended = (i64)waiting.len < share;
    for (size_t i = 0; here && i < waiting.len && !stopping(pass);) {
        struct batch batch = {.job = pass->job, .arena = arena_take(), .raws = raws};
        batch.len = gather(&waiting, i, raws);
        i += batch.len;
        place->after = waiting.items[i - 1].id;
        here = run_batch(&batch, &pass->done);
        arena_give(batch.arena);
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
        i64 share = open > 0 && SHARE / open > BATCH ? SHARE / open : BATCH;
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
    if (job->last_done < BATCH) {
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
