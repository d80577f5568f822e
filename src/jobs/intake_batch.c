// SPDX-License-Identifier: AGPL-3.0-or-later
// See intake_batch.h. The attempt is counted and committed first, the bytes are parsed outside any write,
// then one write applies a part and marks it done. What cannot be read goes to quarantine with its bytes;
// a batch that fails is tried row by row; after its third failed attempt a row is quarantined.
#include "jobs/intake_batch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "desk/channel.h"
#include "desk/events.h"
#include "desk/intake.h"
#include "jobs/mail_in.h"
#include "jobs/owners.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/language.h"

enum {
    BATCH_EVENTS = 500, // messages in one write, about
    ATTEMPTS = 3,
    LEASE_MS = 10000,
};

// ---- Claim ------------------------------------------------------------------------------------------

static bool log_quarantined(struct tx *tx, const struct intake_raw *raw, struct str why, struct err *err)
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

static bool quarantine(struct tx *tx, const struct intake_raw *raw, struct str why, struct err *err)
{
    i64 changed;
    if (!db_exec(tx->conn, &SQL_intake_quarantine,
                 DB_ARGS(db_str(why), db_i64(raw->workspace_id), db_i64(raw->id)), &changed, err)) {
        return false;
    }
    return changed == 0 || log_quarantined(tx, raw, why, err);
}

// One worker at a time per channel where several processes share a database.
static bool lease(struct tx *tx, struct intake_batch *batch, struct err *err)
{
    i64 changed;
    batch->leased = true;
    if (db_kind(tx->db) == DB_SQLITE) {
        return true;
    }
    const struct intake_raw *raw = &batch->raws[0];
    char process[OWNER_CAP];
    owner_name(tx->db, process);
    if (!db_exec(tx->conn, &SQL_intake_lease,
                 DB_ARGS(db_i64(raw->workspace_id), db_i64(raw->channel_id), db_str(str_from(batch->owner)),
                         db_i64(tx->now + LEASE_MS), db_str(str_from(process)), db_i64(tx->now)),
                 &changed, err)) {
        return false;
    }
    batch->leased = changed > 0;
    return true;
}

// The rows of a batch that are still ours, as a JSON array; *ret_n: how many.
static struct str ids_json(const struct intake_batch *batch, struct arena *arena, i64 *ret_n)
{
    struct buf ids;
    i64 n = 0;
    buf_init(&ids, arena, 64 * 1024);
    buf_add_char(&ids, '[');
    for (size_t i = 0; i < batch->len; i++) {
        const struct intake_raw *raw = &batch->raws[i];
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
    struct intake_batch *batch = arg;
    i64 n;
    if (!lease(tx, batch, err)) {
        return false;
    }
    for (size_t i = 0; batch->leased && i < batch->len; i++) {
        struct intake_raw *raw = &batch->raws[i];
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

static bool end_lease(struct tx *tx, const struct intake_batch *batch, struct err *err)
{
    const struct intake_raw *raw = &batch->raws[0];
    return db_kind(tx->db) == DB_SQLITE || db_exec(tx->conn, &SQL_intake_lease_end,
                                                   DB_ARGS(db_i64(raw->workspace_id), db_i64(raw->channel_id),
                                                           db_str(str_from(batch->owner))),
                                                   NULL, err);
}

// ---- Read and parse ---------------------------------------------------------------------------------

static bool read_bodies(struct conn *conn, struct intake_batch *batch, struct err *err)
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
            struct intake_raw *raw = &batch->raws[i];
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

static void cannot(struct intake_batch *batch, struct intake_raw *raw, const struct err *why)
{
    raw->why = str_copy(batch->arena, why->text[0] ? str_from(why->text) : S("It cannot be read."));
}

// A mail is taken apart first; *body is what the driver reads.
static bool open_mail(struct intake_batch *batch, struct intake_raw *raw, struct str *body)
{
    struct err why = {};
    enum child_result how =
        mail_in_read(batch->settings, raw->workspace_id, raw->body, batch->arena, body, &why);
    raw->unreadable = how == CHILD_REFUSED;
    raw->died = how == CHILD_DIED;
    cannot(batch, raw, &why);
    return how == CHILD_OK;
}

static void parse(const struct channel_driver *driver, const struct channel_view *view,
                  struct intake_batch *batch, struct intake_raw *raw)
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

static bool read_and_parse(struct intake_batch *batch, struct err *err)
{
    struct db *db = batch->settings->db;
    struct conn *conn = db_take(db);
    struct channel_row row = {};
    struct channel_view view = {};
    const struct intake_raw *first = &batch->raws[0];
    bool ok = channel_load(conn, first->workspace_id, first->channel_id, batch->arena, &row, err);
    ok = ok && read_bodies(conn, batch, err);
    db_give(db, conn);
    if (!ok || !channel_view_open(&row, batch->settings->key, clock_now(), batch->arena, &view, err)) {
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

static bool keep_bad_parts(struct tx *tx, const struct intake_raw *raw, struct err *err)
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
static bool settle(struct tx *tx, const struct intake_batch *batch, struct err *err)
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
        const struct intake_raw *raw = &batch->raws[i];
        if (!raw->gone && !raw->died &&
            !(raw->unreadable ? quarantine(tx, raw, raw->why, err) : keep_bad_parts(tx, raw, err))) {
            return false;
        }
    }
    return true;
}

static bool apply(struct tx *tx, void *arg, struct err *err)
{
    struct intake_batch *batch = arg;
    struct inbound_list all = {};
    if (!settle(tx, batch, err)) {
        return false;
    }
    for (size_t i = 0; i < batch->len; i++) {
        const struct intake_raw *raw = &batch->raws[i];
        for (size_t k = 0; !raw->gone && k < raw->events.len; k++) {
            *list_push(&all, tx->arena) = raw->events.items[k];
        }
    }
    const struct intake_raw *first = &batch->raws[0];
    return (all.len == 0 ||
            intake_apply(tx, first->workspace_id, first->channel_id, batch->channel_kind, &all, err)) &&
           end_lease(tx, batch, err);
}

// ---- When it fails ----------------------------------------------------------------------------------

static bool forget_attempt(struct tx *tx, void *arg, struct err *err)
{
    struct intake_batch *batch = arg;
    i64 n;
    struct str ids = ids_json(batch, tx->arena, &n);
    return db_exec(tx->conn, &SQL_intake_unattempt, DB_ARGS(db_i64(batch->raws[0].workspace_id), db_str(ids)),
                   NULL, err) &&
           end_lease(tx, batch, err);
}

// The database is away: the attempt is taken back if that can be said; at worst it counts once too often.
static bool come_back_later(struct intake_batch *batch)
{
    struct err err = {};
    if (!db_write(batch->settings->db, WRITE_INTAKE, forget_attempt, batch, &err)) {
        log_event(LOG_WARN, "intake.waits", LOG_I("channel", batch->raws[0].channel_id),
                  LOG_C("error", err.text));
    }
    return false;
}

struct failure {
    struct intake_batch *batch; // of one row
    struct str why;
};

static bool note_failure(struct tx *tx, void *arg, struct err *err)
{
    struct failure *failure = arg;
    const struct intake_raw *raw = &failure->batch->raws[0];
    bool last = raw->attempts + 1 >= ATTEMPTS;
    bool ok =
        last ? quarantine(tx, raw, failure->why, err)
             : db_exec(tx->conn, &SQL_intake_failed,
                       DB_ARGS(db_str(failure->why), db_i64(raw->workspace_id), db_i64(raw->id)), NULL, err);
    return ok && end_lease(tx, failure->batch, err);
}

struct single { // one event of a body whose whole could not be applied
    const struct intake_batch *batch;
    struct inbound_list one;
};

static bool apply_single(struct tx *tx, void *arg, struct err *err)
{
    struct single *single = arg;
    const struct intake_raw *raw = &single->batch->raws[0];
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
static void save_what_can_be(struct intake_batch *batch, struct err *worst)
{
    const struct intake_raw *raw = &batch->raws[0];
    for (size_t i = 0; raw->events.len > 1 && i < raw->events.len; i++) {
        struct single single = {batch, {&raw->events.items[i], 1, 1}};
        struct err err = {};
        if (!db_write(batch->settings->db, WRITE_INTAKE, apply_single, &single, &err)) {
            *worst = err;
        }
    }
}

// False: the database is away, come back later.
static bool failed_row(struct intake_batch *batch, struct err *why)
{
    struct db *db = batch->settings->db;
    const struct intake_raw *raw = &batch->raws[0];
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
static void rest_comes_back_later(const struct intake_batch *batch, size_t from)
{
    struct intake_batch rest = *batch;
    rest.raws = &batch->raws[from];
    rest.len = batch->len - from;
    if (rest.len > 0) {
        come_back_later(&rest);
    }
}

static bool row_by_row(struct intake_batch *batch)
{
    struct db *db = batch->settings->db;
    for (size_t i = 0; i < batch->len; i++) {
        struct intake_batch one = *batch;
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

// False: the database is away.
static bool not_applied(struct intake_batch *batch, struct err *why)
{
    return why->code == ERR_UNAVAILABLE ? come_back_later(batch)
           : batch->len == 1            ? failed_row(batch, why)
                                        : row_by_row(batch);
}

static size_t count_events(const struct intake_batch *batch)
{
    size_t n = 0;
    for (size_t i = 0; i < batch->len; i++) {
        n += batch->raws[i].events.len;
    }
    return n;
}

// Applies what is too much for one write in several of about BATCH_EVENTS messages. False: the database is
// away.
static bool apply_slices(struct intake_batch *batch)
{
    for (size_t from = 0; from < batch->len;) {
        struct intake_batch slice = *batch;
        struct err err = {};
        slice.raws = &batch->raws[from];
        for (slice.len = 0; from < batch->len && (slice.len == 0 || count_events(&slice) < BATCH_EVENTS);
             slice.len++, from++) {
        }
        if (!db_write(batch->settings->db, WRITE_INTAKE, apply, &slice, &err) && !not_applied(&slice, &err)) {
            rest_comes_back_later(batch, from);
            return false;
        }
    }
    return true;
}

// Nothing of the batch could even be looked at: the channel is the trouble, each row counts it.
static bool failed_rows(struct intake_batch *batch, const struct err *why)
{
    for (size_t i = 0; i < batch->len; i++) {
        struct intake_batch one = *batch;
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
static bool failed_children(struct intake_batch *batch)
{
    for (size_t i = 0; i < batch->len; i++) {
        struct intake_batch one = *batch;
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

// ---- Part by part -----------------------------------------------------------------------------------

struct part {
    struct intake_batch batch;
    bool posted; // its write is on its way
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended, applied;
    struct err err;
};

static bool part_apply(struct tx *tx, void *arg, struct err *err)
{
    struct part *part = arg;
    return apply(tx, &part->batch, err);
}

static void part_applied(void *arg, bool ok, const struct err *err)
{
    struct part *part = arg;
    pthread_mutex_lock(&part->lock);
    part->ended = true;
    part->applied = ok;
    if (!ok) {
        part->err = *err;
    }
    pthread_cond_signal(&part->changed);
    pthread_mutex_unlock(&part->lock);
}

static void part_begin(struct part *part, const struct intake_batch *batch, size_t from)
{
    part->batch = *batch;
    part->batch.arena = arena_take();
    part->batch.raws = &batch->raws[from];
    part->batch.len = batch->len - from < INTAKE_PART ? batch->len - from : INTAKE_PART;
    part->err = (struct err){};
}

static bool part_post(struct part *part)
{
    if (count_events(&part->batch) > BATCH_EVENTS) {
        return apply_slices(&part->batch) && failed_children(&part->batch);
    }
    part->ended = false;
    part->posted =
        db_post(part->batch.settings->db, WRITE_INTAKE, part_apply, part_applied, part, &part->err);
    return part->posted || not_applied(&part->batch, &part->err);
}

// Waits for what was posted. False: the database is away.
static bool part_end(struct part *part)
{
    if (!part->posted) {
        return true;
    }
    pthread_mutex_lock(&part->lock);
    while (!part->ended) {
        pthread_cond_wait(&part->changed, &part->lock);
    }
    pthread_mutex_unlock(&part->lock);
    part->posted = false;
    return (part->applied || not_applied(&part->batch, &part->err)) && failed_children(&part->batch);
}

static void part_finish(struct part *part)
{
    arena_give(part->batch.arena);
    part->batch.arena = NULL;
}

static bool stopping(const struct intake_batch *batch)
{
    return batch->worker && worker_stopping(batch->worker);
}

// While a part is applied the next one is read and parsed; they are applied in their order.
static bool run_parts(const struct intake_batch *batch, struct part parts[2])
{
    bool here = true;
    size_t from = 0;
    for (size_t n = 0; here && from < batch->len && !stopping(batch); n++) {
        struct part *part = &parts[n % 2], *before = &parts[(n + 1) % 2];
        struct err err = {};
        part_begin(part, batch, from);
        bool parsed = read_and_parse(&part->batch, &err);
        here = part_end(before);
        part_finish(before);
        if (here) {
            from += part->batch.len;
            here = parsed ? part_post(part) : failed_rows(&part->batch, &err);
        }
    }
    for (int i = 0; i < 2; i++) {
        here = part_end(&parts[i]) && here;
        part_finish(&parts[i]);
    }
    if (from < batch->len) {
        rest_comes_back_later(batch, from);
    }
    return here;
}

bool intake_batch_run(struct intake_batch *batch, i64 *done)
{
    struct err err = {};
    if (!db_write(batch->settings->db, WRITE_INTAKE, claim, batch, &err)) {
        log_event(LOG_WARN, "intake.claim", LOG_C("error", err.text));
        return false;
    }
    if (!batch->leased) {
        return true;
    }
    *done += (i64)batch->len;
    struct part parts[2] = {};
    for (int i = 0; i < 2; i++) {
        pthread_mutex_init(&parts[i].lock, NULL);
        pthread_cond_init(&parts[i].changed, NULL);
    }
    bool here = run_parts(batch, parts);
    for (int i = 0; i < 2; i++) {
        pthread_cond_destroy(&parts[i].changed);
        pthread_mutex_destroy(&parts[i].lock);
    }
    return here;
}
