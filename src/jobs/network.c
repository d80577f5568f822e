// SPDX-License-Identifier: AGPL-3.0-or-later
// See network.h. The right to renew a session is a lease in the table of cursors (stream "#session"), so
// it also holds between several processes over one PostgreSQL.
#include "jobs/network.h"
#include "base/clock.h"
#include "base/log.h"
#include "jobs/owners.h"
#include "sql_gen.h"
#include <stdio.h>
#include <time.h>

enum { MOST_REQUESTS = 400, RENEW_LEASE_MS = 90000, RENEW_WAIT_MS = 60000, RENEW_LOOK_MS = 100 };

bool network_open(struct network_run *run, const struct jobs_settings *settings, i64 workspace_id,
                  i64 channel_id, struct arena *arena, struct err *err)
{
    struct network_run opened = {.settings = settings, .deadline = clock_mono() + 300000};
    struct conn *conn = db_take(settings->db);
    bool ok = channel_load(conn, workspace_id, channel_id, arena, &opened.row, err);
    db_give(settings->db, conn);
    if (!ok)
        return false;
    if (!channel_view_open(&opened.row, settings->key, clock_now(), arena, &opened.view, err)) {
        log_event(LOG_ERROR, "network.sealed", LOG_I("channel", channel_id), LOG_C("error", err->text));
        return err_set(err, ERR_CONFLICT,
                       "What is sealed of this channel cannot be opened; enter its credentials again.");
    }
    *run = opened;
    return true;
}

// ---- Keeping what was renewed ---------------------------------------------------------------------
struct keeping {
    struct network_run *run;
    struct str session; // STR_NONE: nothing to keep
    i64 lease;          // to give back, 0: none
    struct str reauth;  // reason, when the credentials are refused for good
    bool refused;
};

static bool keep_write(struct tx *tx, void *arg, struct err *err)
{
    const struct keeping *k = arg;
    const struct channel_row *row = &k->run->row;
    if (k->session.len &&
        !channel_keep_session(tx, k->run->settings->key, row->workspace_id, row->id, k->session, err))
        return false;
    if (k->refused && !channel_report_state(tx, row->workspace_id, row->id, S("reauth"), k->reauth, err))
        return false;
    return !k->lease || db_exec(tx->conn, &SQL_channel_cursor_release,
                                DB_ARGS(db_i64(row->workspace_id), db_i64(row->id), db_str(S("#session")),
                                        db_i64(k->lease)),
                                NULL, err);
}

static bool keep(const struct keeping *k, struct err *err)
{
    if (!k->session.len && !k->lease && !k->refused)
        return true;
    return db_write(k->run->settings->db, WRITE_INTAKE, keep_write, (void *)k, err);
}

// ---- One at a time --------------------------------------------------------------------------------
struct leasing {
    struct network_run *run;
    i64 until;
    i64 taken;
};

static bool lease_write(struct tx *tx, void *arg, struct err *err)
{
    struct leasing *l = arg;
    const struct channel_row *row = &l->run->row;
    char owner[OWNER_CAP];
    owner_name(tx->db, owner);
    l->taken = 0;
    l->until = tx->now + RENEW_LEASE_MS + (i64)(random_u64() % 1000); // tells leases apart
    return db_exec(tx->conn, &SQL_channel_cursor_lease_put,
                   DB_ARGS(db_i64(row->workspace_id), db_i64(row->id), db_str(S("#session")),
                           db_i64(l->until), db_str(str_from(owner)), db_i64(tx->now)),
                   &l->taken, err);
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

enum renewal { RENEW_OURS, RENEW_DONE_BY_OTHER, RENEW_HOPELESS, RENEW_NOT_NOW };

// The session as it is now; "done" when it is another than ours.
static enum renewal look_again(struct network_run *run, struct arena *arena, struct err *err)
{
    struct channel_row fresh;
    struct conn *conn = db_take(run->settings->db);
    bool ok = channel_load(conn, run->row.workspace_id, run->row.id, arena, &fresh, err);
    db_give(run->settings->db, conn);
    if (!ok)
        return RENEW_NOT_NOW;
    if (!str_eq(fresh.session, run->row.session) && fresh.session.len) {
        run->row.session = fresh.session;
        if (!channel_view_open(&fresh, run->settings->key, clock_now(), arena, &run->view, err))
            return RENEW_NOT_NOW;
        return RENEW_DONE_BY_OTHER;
    }
    bool lost = !str_eq(fresh.state, run->row.state) &&
                (str_eq(fresh.state, S("reauth")) || str_eq(fresh.state, S("dead")) ||
                 str_eq(fresh.state, S("disabled")));
    return lost ? RENEW_HOPELESS : RENEW_OURS;
}

// Waits for the right to renew; whoever waits and sees a new session uses that.
static enum renewal may_renew(struct network_run *run, struct arena *arena, i64 *ret_lease, struct err *err)
{
    struct leasing l = {.run = run};
    i64 end = clock_mono() + RENEW_WAIT_MS;
    while (clock_mono() < end) {
        if (!db_write(run->settings->db, WRITE_INTAKE, lease_write, &l, err))
            return RENEW_NOT_NOW;
        enum renewal state = look_again(run, arena, err);
        if (l.taken)
            *ret_lease = l.until;
        if (l.taken || state != RENEW_OURS)
            return state;
        pause_ms(RENEW_LOOK_MS);
    }
    err_set(err, ERR_UNAVAILABLE, "The session is being renewed elsewhere.");
    return RENEW_NOT_NOW;
}

// ---- The run --------------------------------------------------------------------------------------
struct going {
    struct network_run *run;
    struct step *step;
    i64 lease;
    struct net_answer answer;
};

static enum step_result failed(struct step *step, const struct err *err)
{
    snprintf(step->reason, sizeof step->reason, "%s", err->text);
    log_event(LOG_WARN, "network.failed", LOG_I("channel", step->channel->id), LOG_C("error", err->text));
    return STEP_RETRY;
}

static void fetch(struct going *g)
{
    struct step *step = g->step;
    g->answer = (struct net_answer){};
    if (step->request.whole)
        client_talk(g->run->settings->client, &g->run->dialog, &step->request, step->arena, &g->answer);
    else
        client_fetch(g->run->settings->client, &step->request, 0, step->arena, &g->answer);
    step->answer = &g->answer;
    g->run->requests++;
}

// Before a request that renews: false when the operation goes on without making it.
static bool renew_first(struct going *g, enum step_result *ret_end, bool *ret_ended, struct err *err)
{
    *ret_ended = false;
    if (g->lease)
        return true; // the second request of one renewal
    switch (may_renew(g->run, g->step->arena, &g->lease, err)) {
    case RENEW_OURS:
        return true;
    case RENEW_DONE_BY_OTHER:
        g->step->renewed = true;
        g->step->answer = NULL;
        return false;
    case RENEW_HOPELESS:
        // Whoever was quicker has told the channel's state with its reason; this turn only ends.
        snprintf(g->step->reason, sizeof g->step->reason, "The channel is not connected any more.");
        g->step->retry_at = g->run->view.now + 5000;
        *ret_end = STEP_RETRY;
        break;
    case RENEW_NOT_NOW:
        *ret_end = failed(g->step, err);
        break;
    }
    *ret_ended = true;
    return false;
}

static bool keep_now(struct going *g, bool give_back, bool refused, struct err *err)
{
    struct keeping k = {.run = g->run, .session = g->step->keep_session, .refused = refused};
    if (give_back)
        k.lease = g->lease;
    if (refused)
        k.reauth = str_from(g->step->reason);
    if (!keep(&k, err))
        return false;
    if (give_back)
        g->lease = 0;
    g->step->keep_session = STR_NONE;
    return true;
}

static enum step_result ended(struct going *g, enum step_result result)
{
    struct err err;
    if (!keep_now(g, true, result == STEP_REAUTH, &err))
        log_event(LOG_ERROR, "network.keep_failed", LOG_I("channel", g->run->row.id),
                  LOG_C("error", err.text));
    g->step->answer = NULL;
    client_hang_up(g->run->dialog);
    g->run->dialog = NULL;
    return result;
}

static enum step_result too_much(struct step *step, const char *what)
{
    snprintf(step->reason, sizeof step->reason, "%s", what);
    return STEP_RETRY;
}

enum step_result network_go(struct network_run *run, struct step *step, network_fn *fn, const void *arg)
{
    struct going g = {.run = run, .step = step};
    struct err err;
    bool over;
    step->channel = &run->view;
    for (;;) {
        run->view.now = clock_now();
        step->request = (struct net_request){};
        enum step_result result = fn(step, arg);
        if (result != STEP_REQUEST)
            return ended(&g, result);
        if (run->requests >= MOST_REQUESTS)
            return ended(&g, too_much(step, "The network needs too many requests for this."));
        if (clock_mono() > run->deadline)
            return ended(&g, too_much(step, "The network is too slow."));
        // A renewed session is on disk before anything is done with it.
        if (!keep_now(&g, !step->renew, false, &err))
            return ended(&g, failed(step, &err));
        if (step->renew && !renew_first(&g, &result, &over, &err)) {
            if (over)
                return ended(&g, result);
            if (g.lease && !keep_now(&g, true, false, &err))
                return ended(&g, failed(step, &err));
            continue;
        }
        fetch(&g);
    }
}
