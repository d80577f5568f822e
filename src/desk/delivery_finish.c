// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbox, second half: what became of one claimed row. Whoever lost the lease meanwhile may still
// report that it arrived (that is knowledge), but nothing else.
#include "base/crypto.h"
#include "desk/channel.h"
#include "desk/delivery_row.h"
#include "desk/events.h"
#include "desk/message.h"
#include "sql_gen.h"
#include "store/log.h"

static const i64 far_future = INT64_C(9007199254740991);

i64 delivery_backoff_ms(i64 attempts)
{
    const i64 most = 300000;
    i64 n = attempts < 1 ? 1 : attempts > 10 ? 10 : attempts;
    i64 wait = INT64_C(1000) << n;
    if (wait > most)
        wait = most;
    i64 spread = wait / 4; // ± a quarter, so that many do not come back together; never above the cap
    wait += (i64)(random_u64() % (u64)(2 * spread + 1)) - spread;
    return wait > most ? most : wait;
}

struct finish {
    struct tx *tx;
    const struct delivery *delivery;
    const struct step *step;
    struct delivery_row row;
    struct str reason;
    bool can_ask;
};

static bool is_send(const struct finish *f)
{
    return str_eq(f->row.action, S("send"));
}

static bool set_message(struct finish *f, const char *state, struct str error, struct err *err)
{
    return !is_send(f) ||
           message_set_state(f->tx, f->row.workspace_id, f->row.message_id, str_from(state), error, err);
}

// ---- It arrived -----------------------------------------------------------------------------------
static bool mark_message(struct finish *f, struct err *err)
{
    const struct delivery_row *row = &f->row;
    struct tx *tx = f->tx;
    if (str_eq(row->action, S("edit")))
        return true; // the text stands since it was asked for
    if (str_eq(row->action, S("delete")))
        return message_set_deleted(tx, row->workspace_id, row->message_id, tx->now, err);
    if (str_eq(row->action, S("like")))
        return message_set_like(tx, row->workspace_id, row->message_id, tx->now, f->step->external_id, err);
    if (str_eq(row->action, S("unlike")))
        return message_set_like(tx, row->workspace_id, row->message_id, 0, STR_NONE, err);
    return (!f->step->external_id.len ||
            db_exec(tx->conn, &SQL_mail_id_set,
                    DB_ARGS(db_str(f->step->external_id), db_i64(row->workspace_id), db_i64(row->message_id)),
                    NULL, err)) &&
           (!f->step->external_id.len ||
            message_merge_echo(tx, row->workspace_id, row->channel_id, row->message_id, f->step->external_id,
                               f->step->extra, err)) &&
           message_set_state(tx, row->workspace_id, row->message_id, S("sent"), STR_NONE, err);
}

static bool done(struct finish *f, struct err *err)
{
    struct delivery_change to = {.state = S("done"), .done_at = f->tx->now};
    return mark_message(f, err) && delivery_row_set(f->tx, &f->row, &to, err) &&
           delivery_wake_followers(f->tx, &f->row, err);
}

// ---- It never will --------------------------------------------------------------------------------
static bool note_refused_action(struct finish *f, struct err *err)
{
    struct event event = {.workspace_id = f->row.workspace_id,
                          .kind = S(EVENT_MESSAGE_STATE),
                          .conversation_id = f->row.conversation_id,
                          .message_id = f->row.message_id,
                          .channel_id = f->row.channel_id,
                          .data =
                              str_printf(f->tx->arena, "{\"action\":\"" STR_FMT "\",\"after\":\"failed\"}",
                                         STR_ARG(f->row.action))};
    return db_exec(f->tx->conn, &SQL_delivery_note_error,
                   DB_ARGS(db_str(f->reason), db_i64(f->row.workspace_id), db_i64(f->row.message_id)), NULL,
                   err) &&
           log_append(f->tx, &event, err);
}

static bool failed(struct finish *f, struct err *err)
{
    struct delivery_change to = {.state = S("failed"), .done_at = f->tx->now, .error = f->reason};
    if (str_eq(f->row.action, S("edit")) &&
        !message_unedit(f->tx, f->row.workspace_id, f->row.message_id, err))
        return false;
    bool noted = is_send(f) ? set_message(f, "failed", f->reason, err) : note_refused_action(f, err);
    return noted && delivery_row_set(f->tx, &f->row, &to, err) &&
           delivery_wake_followers(f->tx, &f->row, err);
}

// ---- Later ----------------------------------------------------------------------------------------
static bool queued(struct finish *f, i64 next_at, struct err *err)
{
    struct delivery_change to = {.state = S("queued"), .next_at = next_at, .error = f->reason};
    return set_message(f, "queued", f->reason, err) && delivery_row_set(f->tx, &f->row, &to, err) &&
           db_exec(f->tx->conn, &SQL_outbox_hold_followers,
                   DB_ARGS(db_i64(next_at), db_i64(f->row.workspace_id), db_i64(f->row.conversation_id),
                           db_i64(f->row.id), db_i64(f->row.channel_id)),
                   NULL, err);
}

static bool is_old(const struct finish *f)
{
    return f->tx->now - f->row.created_at > DELIVERY_MAX_AGE_MS;
}

static bool given_up(struct finish *f, struct err *err)
{
    f->reason = str_printf(f->tx->arena, "Given up after five days. Last: " STR_FMT, STR_ARG(f->reason));
    return failed(f, err);
}

static bool retry(struct finish *f, struct err *err)
{
    i64 now = f->tx->now, asked = f->step->retry_at;
    if (is_old(f))
        return given_up(f, err);
    // What the network asks for is never undercut; a little is added so that not all come back at once.
    i64 next_at =
        asked > now ? asked + (i64)(random_u64() % 1000) : now + delivery_backoff_ms(f->row.attempts);
    return queued(f, next_at, err);
}

// ---- Nobody knows ---------------------------------------------------------------------------------
static bool held(struct finish *f, struct err *err)
{
    struct str why = S("It may or may not have arrived, and the network could not tell. Look there, then "
                       "mark it as sent or send it again.");
    struct delivery_change to = {
        .state = S("held"), .next_at = far_future, .doubt_since = f->row.doubt_since, .error = why};
    return set_message(f, "in_doubt", why, err) && delivery_row_set(f->tx, &f->row, &to, err) &&
           delivery_say_followers_wait(f->tx, &f->row, far_future, err);
}

// Likes and deletions can be asked for again; nobody is asked about them, and no answer waits for them.
static bool let_be(struct finish *f, struct err *err)
{
    f->reason = S("It may or may not have arrived, and the network could not tell.");
    return failed(f, err);
}

static bool doubt(struct finish *f, struct err *err)
{
    i64 now = f->tx->now;
    if (!f->row.doubt_since)
        f->row.doubt_since = now;
    if (!f->can_ask || now - f->row.doubt_since >= DELIVERY_DOUBT_MS)
        return is_send(f) ? held(f, err) : let_be(f, err);
    i64 next_at = f->delivery->confirm ? now + DELIVERY_ASK_MS : now + 3000; // the first look soon
    struct delivery_change to = {
        .state = S("in_doubt"), .next_at = next_at, .doubt_since = f->row.doubt_since, .error = f->reason};
    return set_message(f, "in_doubt", f->reason, err) && delivery_row_set(f->tx, &f->row, &to, err) &&
           delivery_say_followers_wait(f->tx, &f->row, next_at, err);
}

// ---- The channel is unwell ------------------------------------------------------------------------
// The row goes back as it was: still queued, or still in doubt (never sent again unasked).
static bool channel_down(struct finish *f, const char *state, struct err *err)
{
    bool ok =
        channel_report_state(f->tx, f->row.workspace_id, f->row.channel_id, str_from(state), f->reason, err);
    if (!f->delivery->confirm)
        return ok && queued(f, f->tx->now, err);
    return ok && doubt(f, err);
}

// It never came: sent once more at once, then with growing pauses, and not for ever.
static bool absent(struct finish *f, struct err *err)
{
    f->reason = S("The network says each time that it never came.");
    if (is_old(f))
        return given_up(f, err);
    if (f->row.attempts > 1)
        return queued(f, f->tx->now + delivery_backoff_ms(f->row.attempts), err);
    f->reason = STR_NONE;
    return queued(f, f->tx->now, err);
}

static bool decide(struct finish *f, enum step_result result, struct err *err)
{
    switch (result) {
    case STEP_DONE:
        return done(f, err);
    case STEP_REFUSED:
        return f->delivery->confirm ? doubt(f, err) : failed(f, err);
    case STEP_RETRY:
        return f->delivery->confirm ? doubt(f, err) : retry(f, err);
    case STEP_ABSENT:
        return absent(f, err);
    case STEP_DEAD:
        return channel_down(f, "dead", err);
    case STEP_REAUTH:
        return channel_down(f, "reauth", err);
    case STEP_DOUBT:
    case STEP_REQUEST: // too many requests in one run
        return doubt(f, err);
    }
    return doubt(f, err);
}

bool delivery_finish(struct tx *tx, const struct delivery *delivery, enum step_result result,
                     const struct step *step, bool can_ask, struct err *err)
{
    struct finish f = {.tx = tx,
                       .delivery = delivery,
                       .step = step,
                       .reason = str_copy(tx->arena, str_from(step->reason)),
                       .can_ask = can_ask};
    if (!delivery_row_get(tx, delivery->id, &f.row, err))
        return err->code == ERR_NOT_FOUND; // erased meanwhile: nothing to mark
    bool mine =
        str_eq(f.row.lease_owner, delivery->owner) &&
        (str_eq(f.row.state, S("sending")) || (delivery->confirm && str_eq(f.row.state, S("in_doubt"))));
    if (!mine && (result != STEP_DONE || str_eq(f.row.state, S("done"))))
        return true; // somebody else holds it, or a person decided meanwhile
    return decide(&f, result, err);
}

// ---- Nobody could even try ------------------------------------------------------------------------
static bool give_up_one(struct tx *tx, i64 id, struct err *err)
{
    struct finish f = {.tx = tx};
    if (!delivery_row_get(tx, id, &f.row, err))
        return err->code == ERR_NOT_FOUND;
    if (!str_eq(f.row.state, S("queued")) || !is_old(&f))
        return true; // somebody was quicker
    f.reason = f.row.error.len ? f.row.error : S("The channel could not send all that time.");
    return given_up(&f, err);
}

bool delivery_give_up(struct tx *tx, i64 limit, i64 *ret_n, struct err *err)
{
    struct rows *rows;
    struct id_list old = {};
    if (!db_query(tx->conn, &SQL_outbox_old,
                  DB_ARGS(db_i64(tx->now - DELIVERY_MAX_AGE_MS - 1), db_i64(limit)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&old, tx->arena) = row_i64(rows, 0);
    if (!rows_end(rows, err))
        return false;
    for (size_t i = 0; i < old.len; i++) {
        if (!give_up_one(tx, old.items[i], err))
            return false;
    }
    *ret_n = (i64)old.len;
    return true;
}
