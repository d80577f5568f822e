// SPDX-License-Identifier: AGPL-3.0-or-later
// See digest.h. An attempt is counted and committed before the first byte; a mail that may have been taken is
// sent again with the same Message-ID, by which receivers tell repeats.
#include "jobs/digest.h"
#include "base/clock.h"
#include "base/log.h"
#include "desk/digest.h"
#include "jobs/network.h"
#include "sql_gen.h"

enum { LOOK_MS = 2000, SEND_MS = 300000 };

struct digest_job {
    struct jobs_settings settings;
    struct worker *worker;
};

// ---- One mail -------------------------------------------------------------------------------------------

struct posting {
    const struct channel_driver *driver;
    struct notice notice;
};

static enum step_result notify_step(struct step *step, const void *arg)
{
    const struct posting *posting = arg;
    return posting->driver->notify(step, &posting->notice);
}

static struct mail_result outcome(const struct mail_letter *letter, enum mail_outcome how, i64 retry_at,
                                  struct str reason)
{
    return (struct mail_result){letter, how, retry_at, reason};
}

static bool works(const struct channel_row *row)
{
    return str_eq(row->state, S("active")) || str_eq(row->state, S("degraded"));
}

static struct mail_result send_one(struct digest_job *job, const struct mail_letter *letter,
                                   struct arena *arena)
{
    struct network_run run;
    struct step step = {.arena = arena};
    struct err err = {};
    if (letter->needless) {
        return outcome(letter, MAIL_NEEDLESS, 0, S(""));
    }
    if (!letter->channel_id) {
        return outcome(letter, MAIL_REFUSED, 0, S("No channel for mail to colleagues is chosen any more."));
    }
    if (!network_open(&run, &job->settings, letter->workspace_id, letter->channel_id, arena, &err)) {
        return outcome(letter, MAIL_AGAIN, 0, str_copy(arena, str_from(err.text)));
    }
    struct posting posting = {.driver = channel_driver_find(run.row.kind),
                              .notice = {letter->address, letter->subject, letter->text, letter->id,
                                         letter->created_at, letter->attempts}};
    if (!posting.driver || !posting.driver->notify) {
        return outcome(letter, MAIL_REFUSED, 0, S("The chosen channel sends no mail to colleagues."));
    }
    if (!works(&run.row)) {
        return outcome(letter, MAIL_AGAIN, 0, S("The chosen channel does not work just now."));
    }
    run.deadline = clock_mono() + SEND_MS;
    enum step_result result = network_go(&run, &step, notify_step, &posting);
    enum mail_outcome how = result == STEP_DONE      ? MAIL_TAKEN
                            : result == STEP_REFUSED ? MAIL_REFUSED
                                                     : MAIL_AGAIN;
    return outcome(letter, how, step.retry_at, str_copy(arena, str_from(step.reason)));
}

// ---- Turns ----------------------------------------------------------------------------------------------

static bool anything(struct db *db)
{
    struct conn *conn = db_take(db);
    struct err err = {};
    i64 n = 1;
    bool ok = db_one_i64(conn, &SQL_digest_anything, DB_ARGS(db_i64(clock_now())), &n, &err);
    db_give(db, conn);
    return !ok || n > 0;
}

struct claiming {
    struct digest_job *job;
    struct arena *arena; // what was claimed outlives the write
    struct mail_letter letter;
    bool found;
};

static bool claim(struct tx *tx, void *arg, struct err *err)
{
    struct claiming *c = arg;
    struct mail_letter letter = {};
    i64 n;
    if (!digest_gather(tx, c->job->settings.public_url, &n, err) ||
        !mail_letter_claim(tx, &letter, &c->found, err)) {
        return false;
    }
    c->letter = letter;
    if (c->found) {
        c->letter.address = str_copy(c->arena, letter.address);
        c->letter.subject = str_copy(c->arena, letter.subject);
        c->letter.text = str_copy(c->arena, letter.text);
    }
    return true;
}

static bool settle(struct tx *tx, void *arg, struct err *err)
{
    return mail_letter_settle(tx, arg, err);
}

static i64 turn_in(struct digest_job *job, struct arena *arena)
{
    struct claiming claiming = {.job = job, .arena = arena};
    struct err err = {};
    if (!db_write(job->settings.db, WRITE_READER, claim, &claiming, &err)) {
        log_event(LOG_WARN, "digest.claim_failed", LOG_C("error", err.text));
        return LOOK_MS;
    }
    if (!claiming.found) {
        return LOOK_MS;
    }
    struct mail_result result = send_one(job, &claiming.letter, arena);
    if (result.outcome == MAIL_REFUSED || result.outcome == MAIL_AGAIN) {
        log_event(LOG_WARN, "digest.not_sent", LOG_I("mail", claiming.letter.id),
                  LOG_S("reason", result.reason));
    }
    if (!db_write(job->settings.db, WRITE_READER, settle, &result, &err)) {
        log_event(LOG_WARN, "digest.settle_failed", LOG_C("error", err.text));
    }
    return 0;
}

static i64 turn(struct worker *worker, void *arg)
{
    struct digest_job *job = arg;
    (void)worker;
    if (!anything(job->settings.db)) {
        return LOOK_MS;
    }
    struct arena *arena = arena_take();
    i64 pause = turn_in(job, arena);
    arena_give(arena);
    return pause;
}

struct digest_job *digest_job_start(const struct jobs_settings *settings)
{
    struct digest_job *job = mem_alloc(sizeof(*job));
    job->settings = *settings;
    job->worker = worker_start("digest", turn, job);
    return job;
}

void digest_job_ask_stop(struct digest_job *job)
{
    worker_ask_stop(job->worker);
}

bool digest_job_join(struct digest_job *job, i64 until_mono)
{
    if (job && !worker_join(job->worker, until_mono)) {
        return false;
    }
    mem_free(job);
    return true;
}
