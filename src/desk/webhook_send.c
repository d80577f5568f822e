// SPDX-License-Identifier: AGPL-3.0-or-later
// The sender's side of outgoing webhooks: what is due, what became of it, when it is tried again, and when
// an endpoint is given up.
#include "base/buf.h"
#include "desk/events.h"
#include "desk/webhook.h"
#include "sql_gen.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, LOOK_AT = 50 };

// At 0, 5 s, 5 min, 35 min, 2.6 h, 7.6 h, 17.6 h, 31.6 h, 51.6 h and 75.6 h.
i64 webhook_pause(i64 attempts)
{
    static const i64 pauses[] = {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR,
                                 10 * HOUR,  14 * HOUR,  20 * HOUR,   24 * HOUR};
    return attempts >= 1 && attempts <= (i64)ARRAY_LEN(pauses) ? pauses[attempts - 1] : 0;
}

bool webhook_is_due(struct conn *conn, i64 now, bool *ret_due, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_webhook_due, DB_ARGS(db_i64(now), db_i64(1)), &rows, err))
        return false;
    *ret_due = rows_next(rows);
    while (rows_next(rows))
        continue;
    return rows_end(rows, err);
}

struct due {
    i64 id, workspace_id, webhook_id;
};
struct due_list {
    struct due *items;
    size_t len, cap;
};

static bool find_due(struct tx *tx, struct due_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_webhook_due, DB_ARGS(db_i64(tx->now), db_i64(LOOK_AT)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, tx->arena) = (struct due){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2)};
    return rows_end(rows, err);
}

static bool lock(struct tx *tx, const struct due *due, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_webhook_lock, DB_ARGS(db_i64(due->workspace_id), db_i64(due->webhook_id)),
                  &rows, err))
        return false;
    while (rows_next(rows))
        continue;
    return rows_end(rows, err);
}

bool webhook_claim(struct tx *tx, i64 *ret_workspace, i64 *ret_webhook, i64 *ret_delivery, struct err *err)
{
    struct due_list list = {};
    *ret_delivery = 0;
    if (!find_due(tx, &list, err))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const struct due *due = &list.items[i];
        struct due_list again = {};
        i64 n = 0;
        // Behind the lock it may be another's; looked at once more, then left for the next turn.
        if (!lock(tx, due, err) || !find_due(tx, &again, err))
            return false;
        bool still = false;
        for (size_t k = 0; k < again.len; k++)
            still = still || again.items[k].id == due->id;
        if (still && !db_exec(tx->conn, &SQL_webhook_claim,
                              DB_ARGS(db_i64(tx->now + WEBHOOK_LEASE_MS), db_i64(due->workspace_id),
                                      db_i64(due->id), db_i64(tx->now)),
                              &n, err))
            return false;
        if (n > 0) {
            *ret_workspace = due->workspace_id;
            *ret_webhook = due->webhook_id;
            *ret_delivery = due->id;
        }
        return true;
    }
    return true;
}

static bool open_secret(const struct key *key, i64 webhook_id, struct str sealed, struct arena *arena,
                        struct str *ret, struct err *err)
{
    struct str place = str_printf(arena, "webhook:%lld:secret", (long long)webhook_id);
    *ret = STR_NONE;
    return sealed.len == 0 || crypto_open(key, arena, place, sealed, ret, err);
}

bool webhook_load(struct conn *conn, const struct key *key, i64 workspace_id, i64 delivery_id,
                  struct arena *arena, struct webhook_sending *out, struct err *err)
{
    struct webhook_sending s = *out;
    struct rows *rows;
    struct actor maker = {};
    i64 agent_id = 0;
    struct str secret = S(""), old_secret = S("");
    if (!db_query(conn, &SQL_webhook_delivery_send, DB_ARGS(db_i64(workspace_id), db_i64(delivery_id)), &rows,
                  err))
        return false;
    if (rows_next(rows)) {
        s.key = row_str(rows, 0, arena);
        s.kind = row_str(rows, 1, arena);
        s.body = row_str(rows, 2, arena);
        s.attempts = row_i64(rows, 3);
        s.url = row_str(rows, 4, arena);
        secret = row_blob(rows, 5, arena);
        old_secret = row_blob(rows, 6, arena);
        s.old_until = row_i64(rows, 7);
        agent_id = row_i64(rows, 8);
        s.failing_since = row_i64(rows, 9);
        s.failures = row_i64(rows, 10);
    }
    if (!rows_end(rows, err))
        return false;
    if (!agent_id)
        return err_set(err, ERR_NOT_FOUND, "The webhook is gone.");
    if (!open_secret(key, s.webhook_id, secret, arena, &s.secret, err) ||
        !open_secret(key, s.webhook_id, old_secret, arena, &s.old_secret, err))
        return false;
    if (!actor_load(conn, agent_id, arena, &maker, err)) {
        if (err->code != ERR_UNAUTHENTICATED)
            return false;
        s.stop = S("Whoever made this webhook is disabled. Make it anew.");
    } else {
        maker.scopes = SCOPE_ALL;
        if (!actor_may(&maker, MAY_ADMIN))
            s.stop = S("Whoever made this webhook is no administrator any more. Make it anew.");
    }
    *out = s;
    return true;
}

static bool disable(struct tx *tx, const struct webhook_sending *s, struct str reason, struct err *err)
{
    struct buf data;
    i64 n;
    buf_init(&data, tx->arena, 4096);
    struct json_writer w = json_writer(&data);
    json_open(&w, '{');
    json_key(&w, "webhook_id");
    json_put_i64(&w, s->webhook_id);
    json_key(&w, "reason");
    json_put_str(&w, reason);
    json_close(&w, '}');
    if (!db_exec(tx->conn, &SQL_webhook_state_set,
                 DB_ARGS(db_str(S("disabled")), db_str(reason), db_i64(tx->now), db_i64(s->workspace_id),
                         db_i64(s->webhook_id)),
                 &n, err))
        return false;
    return n == 0 || log_append(tx,
                                &(struct event){.workspace_id = s->workspace_id,
                                                .kind = S(EVENT_WEBHOOK_DISABLED),
                                                .data = buf_str(&data)},
                                err);
}

// +-20 %, so that what failed together does not come back together.
static i64 jitter(i64 pause)
{
    return pause - pause / 5 + (i64)(random_u64() % (u64)(pause / 5 * 2 + 1));
}

static bool went_wrong(struct tx *tx, const struct webhook_sending *s, const struct webhook_answer *answer,
                       struct err *err)
{
    i64 since = s->failing_since ? s->failing_since : tx->now;
    // A place that does not answer must not keep a sender busy: growing pauses, a minute at most.
    i64 pause = (i64)1000 << (s->failures < 6 ? s->failures : 6);
    i64 until = tx->now + (pause > MINUTE ? MINUTE : pause);
    if (answer->retry_at > until && answer->retry_at < tx->now + (i64)24 * HOUR)
        until = answer->retry_at;
    if (!db_exec(tx->conn, &SQL_webhook_went_wrong,
                 DB_ARGS(db_i64(since), db_i64(until), db_i64(s->workspace_id), db_i64(s->webhook_id)), NULL,
                 err))
        return false;
    if (answer->status == 410)
        return disable(tx, s, S("The other side says that this address is gone for good (HTTP 410)."), err);
    if (tx->now - since >= WEBHOOK_DISABLE_MS)
        return disable(tx, s, S("Nothing could be delivered there for five days."), err);
    return true;
}

static bool finish_row(struct tx *tx, const struct webhook_sending *s, const struct webhook_answer *answer,
                       struct str state, i64 next_at, struct err *err)
{
    bool over = !str_eq(state, S("waiting"));
    return db_exec(tx->conn, &SQL_webhook_delivery_finish,
                   DB_ARGS(db_str(state), db_i64(next_at), db_i64(answer->status), db_str(answer->error),
                           db_opt(over ? tx->now : 0), db_i64(s->workspace_id), db_i64(s->delivery_id)),
                   NULL, err);
}

bool webhook_finish(struct tx *tx, const struct webhook_sending *s, const struct webhook_answer *answer,
                    struct err *err)
{
    if (str_given(s->stop))
        return finish_row(tx, s, answer, S("cancelled"), tx->now, err) && disable(tx, s, s->stop, err);
    if (!db_exec(tx->conn, &SQL_webhook_attempt_insert,
                 DB_ARGS(db_i64(s->workspace_id), db_i64(s->delivery_id), db_i64(s->attempts),
                         db_i64(tx->now - answer->ms), db_i64(answer->ms), db_i64(answer->status),
                         db_str(answer->error), db_str(answer->body)),
                 NULL, err))
        return false;
    if (answer->status >= 200 && answer->status < 300)
        return finish_row(tx, s, answer, S("done"), tx->now, err) &&
               db_exec(tx->conn, &SQL_webhook_went_well,
                       DB_ARGS(db_i64(s->workspace_id), db_i64(s->webhook_id)), NULL, err);
    i64 pause = webhook_pause(s->attempts);
    i64 next_at = tx->now + jitter(pause);
    next_at = answer->retry_at > next_at ? answer->retry_at : next_at;
    bool last = pause == 0 || answer->status == 410;
    return finish_row(tx, s, answer, last ? S("failed") : S("waiting"), next_at, err) &&
           went_wrong(tx, s, answer, err);
}
