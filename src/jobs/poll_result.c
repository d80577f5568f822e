// SPDX-License-Identifier: AGPL-3.0-or-later
// See poll_result.h.
#include "jobs/poll_result.h"
#include "desk/delivery.h"
#include "desk/intake.h"
#include "sql_gen.h"

enum { DEGRADED_AFTER = 3, REFUSED_MS = 300000 };
static const char reading_fails[] = "Reading fails: ";

static bool set_state(struct tx *tx, const struct polled *p, const char *state, struct str reason,
                      struct err *err)
{
    return channel_report_state(tx, p->workspace_id, p->channel_id, str_from(state), reason, err);
}

// ---- It went well ---------------------------------------------------------------------------------
static bool store_raw(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    const struct polled *p = o->polled;
    for (size_t i = 0; i < o->step->raw.len; i++) {
        i64 id;
        if (!intake_store(tx, p->workspace_id, p->channel_id, S("poll"), o->stream, o->step->raw.items[i],
                          &id, err))
            return false;
    }
    return o->step->raw.len == 0 ||
           db_exec(tx->conn, &SQL_channel_touch,
                   DB_ARGS(db_i64(tx->now), db_i64(p->workspace_id), db_i64(p->channel_id)), NULL, err);
}

static i64 next_turn(struct tx *tx, const struct poll_outcome *o)
{
    const struct channel_driver *driver = channel_driver_find(o->row->kind);
    i64 usual = driver && driver->poll_ms ? driver->poll_ms : 30000;
    if (o->step->more)
        return tx->now;
    if (o->step->next_at > tx->now)
        return o->step->next_at;
    return tx->now + usual + (i64)(random_u64() % (u64)(usual / 10 + 1));
}

// The cursor only moves under the lease it was read with; without it, nothing of this turn counts.
static bool move_cursor(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    const struct polled *p = o->polled;
    i64 changed = 0;
    struct str value = str_given(o->step->cursor) ? o->step->cursor : S("");
    if (!db_exec(tx->conn, &SQL_channel_cursor_move,
                 DB_ARGS(db_str(value), db_i64(next_turn(tx, o)), db_i64(p->workspace_id),
                         db_i64(p->channel_id), db_str(o->stream), db_i64(p->lease)),
                 &changed, err))
        return false;
    return changed || err_set(err, ERR_CONFLICT, "Another poller has this stream now.");
}

static bool recover(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    bool down =
        str_eq(o->row->state, S("degraded")) && str_starts(o->row->state_reason, str_from(reading_fails));
    return !down || set_state(tx, o->polled, "active", S(""), err);
}

static bool read_well(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    return move_cursor(tx, o, err) && store_raw(tx, o, err) && recover(tx, o, err);
}

// Who we are there may be refused here: another channel has the account, or this one was another before.
static bool connected(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    const struct polled *p = o->polled;
    struct channel_row row;
    struct err why = {};
    if (!channel_load(tx->conn, p->workspace_id, p->channel_id, tx->arena, &row, err))
        return false;
    if (!str_eq(row.state, S("connecting")))
        return true; // stopped by a person meanwhile
    if (!channel_connected(tx, p->workspace_id, p->channel_id, o->step->account_id, o->step->handle, &why)) {
        if (why.code != ERR_CONFLICT) {
            *err = why;
            return false;
        }
        return set_state(tx, p, "reauth", str_copy(tx->arena, str_from(why.text)), err);
    }
    return true;
}

// ---- It did not -----------------------------------------------------------------------------------
static bool fail_cursor(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    const struct polled *p = o->polled;
    i64 failures = p->failures + 1, next_at = tx->now + delivery_backoff_ms(failures);
    if (o->result == STEP_REFUSED)
        next_at = tx->now + REFUSED_MS;
    if (o->step->retry_at > tx->now)
        next_at = o->step->retry_at + (i64)(random_u64() % 1000);
    return db_exec(tx->conn, &SQL_channel_cursor_fail,
                   DB_ARGS(db_i64(next_at), db_i64(failures), db_i64(p->workspace_id), db_i64(p->channel_id),
                           db_str(o->stream), db_i64(p->lease)),
                   NULL, err);
}

static bool say_failing(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    struct str reason = str_from(o->step->reason);
    bool connecting = str_eq(o->stream, S("connect"));
    if (o->ours || !o->row)
        return true;
    if (connecting)
        return set_state(tx, o->polled, o->result == STEP_REFUSED ? "reauth" : "connecting", reason, err);
    bool often = o->polled->failures + 1 >= DEGRADED_AFTER || o->result == STEP_REFUSED;
    if (!often || !str_eq(o->row->state, S("active")) || o->step->retry_at)
        return true; // once is nothing; being asked to slow down is no illness
    return set_state(tx, o->polled, "degraded", str_concat(tx->arena, str_from(reading_fails), reason), err);
}

static bool write_facts(struct tx *tx, const struct poll_outcome *o, struct err *err)
{
    return !o->step->facts.len ||
           channel_put_facts(tx, o->polled->workspace_id, o->polled->channel_id, o->step->facts, err);
}

bool poll_result_write(struct tx *tx, void *arg, struct err *err)
{
    const struct poll_outcome *o = arg;
    bool connecting = str_eq(o->stream, S("connect"));
    if (!write_facts(tx, o, err))
        return false;
    switch (o->result) {
    case STEP_DONE:
        if (connecting)
            return connected(tx, o, err) && fail_cursor(tx, o, err); // its lease ends; nobody looks any more
        return read_well(tx, o, err);
    case STEP_REAUTH:
        return set_state(tx, o->polled, "reauth", str_from(o->step->reason), err) && fail_cursor(tx, o, err);
    case STEP_DEAD:
        return set_state(tx, o->polled, "dead", str_from(o->step->reason), err) && fail_cursor(tx, o, err);
    default:
        return say_failing(tx, o, err) && fail_cursor(tx, o, err);
    }
}
