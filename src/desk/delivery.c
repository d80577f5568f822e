// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbox, first half: putting things in, what is due, claiming under a lease, a person's decisions.
// What became of a claimed row is delivery_finish.c; what the driver is told, delivery_load.c.
#include "desk/delivery.h"
#include "base/crypto.h"
#include "base/thread.h"
#include "desk/delivery_row.h"
#include "desk/message.h"
#include "sql_gen.h"

void delivery_row_fill(struct rows *rows, struct arena *arena, struct delivery_row *out)
{
    *out = (struct delivery_row){.id = row_i64(rows, 0),
                                 .workspace_id = row_i64(rows, 1),
                                 .channel_id = row_i64(rows, 2),
                                 .conversation_id = row_i64(rows, 3),
                                 .message_id = row_i64(rows, 4),
                                 .action = row_str(rows, 5, arena),
                                 .client_key = row_str(rows, 6, arena),
                                 .state = row_str(rows, 7, arena),
                                 .attempts = row_i64(rows, 8),
                                 .next_at = row_i64(rows, 9),
                                 .lease_until = row_i64(rows, 10),
                                 .lease_owner = row_str(rows, 11, arena),
                                 .doubt_since = row_i64(rows, 12),
                                 .error = row_str(rows, 13, arena),
                                 .created_at = row_i64(rows, 14)};
}

bool delivery_row_get(struct tx *tx, i64 id, struct delivery_row *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_outbox_get, DB_ARGS(db_i64(id)), &rows, err))
        return false;
    bool found = rows_next(rows);
    if (found)
        delivery_row_fill(rows, tx->arena, out);
    if (!rows_end(rows, err))
        return false;
    return found || err_set(err, ERR_NOT_FOUND, "There is no such outbox row.");
}

bool delivery_row_set(struct tx *tx, const struct delivery_row *row, const struct delivery_change *to,
                      struct err *err)
{
    struct str error = str_given(to->error) ? to->error : S("");
    return db_exec(tx->conn, &SQL_outbox_set,
                   DB_ARGS(db_str(to->state), db_i64(to->next_at ? to->next_at : tx->now),
                           db_opt(to->doubt_since), db_str(error), db_opt(to->done_at), db_i64(row->id)),
                   NULL, err);
}

// ---- Who is told ----------------------------------------------------------------------------------
static struct {
    pthread_mutex_t lock;
    void (*fn)(void *arg);
    void *arg;
} listener = {.lock = PTHREAD_MUTEX_INITIALIZER};

void delivery_watch(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&listener.lock);
    listener.fn = fn;
    listener.arg = arg;
    pthread_mutex_unlock(&listener.lock);
}

static void tell(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&listener.lock);
    if (listener.fn)
        listener.fn(listener.arg);
    pthread_mutex_unlock(&listener.lock);
}

bool delivery_wake_followers(struct tx *tx, const struct delivery_row *row, struct err *err)
{
    return db_exec(tx->conn, &SQL_outbox_wake_followers,
                   DB_ARGS(db_i64(tx->now), db_i64(row->workspace_id), db_i64(row->conversation_id),
                           db_i64(row->id), db_i64(row->channel_id)),
                   NULL, err);
}

// ---- Putting in -----------------------------------------------------------------------------------
static const char waits[] = "Waits until it is known what became of the message before it.";

bool delivery_enqueue(struct tx *tx, i64 workspace_id, const struct outbox_order *order, struct err *err)
{
    i64 id;
    u8 random[16];
    random_bytes(random, sizeof random);
    struct str key =
        str_printf(tx->arena, "%lld-" STR_FMT, (long long)order->message_id,
                   STR_ARG(hex_encode(tx->arena, (struct str){(const char *)random, sizeof random})));
    if (!db_one_i64(tx->conn, &SQL_outbox_insert,
                    DB_ARGS(db_i64(workspace_id), db_i64(order->channel_id), db_i64(order->conversation_id),
                            db_i64(order->message_id), db_str(order->action), db_str(key),
                            db_i64(order->not_before ? order->not_before : tx->now), db_i64(tx->now)),
                    &id, err))
        return false;
    tx_after_commit(tx, tell, NULL);
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_outbox_blocked_by,
                  DB_ARGS(db_i64(workspace_id), db_i64(order->conversation_id), db_i64(id),
                          db_i64(order->channel_id)),
                  &rows, err))
        return false;
    bool blocked = rows_next(rows);
    if (!rows_end(rows, err))
        return false;
    return !blocked || !str_eq(order->action, S("send")) ||
           message_set_state(tx, workspace_id, order->message_id, S("queued"), str_from(waits), err);
}

bool delivery_say_followers_wait(struct tx *tx, const struct delivery_row *row, i64 until, struct err *err)
{
    struct rows *rows;
    struct id_list messages = {};
    if (!db_query(tx->conn, &SQL_outbox_followers,
                  DB_ARGS(db_i64(row->workspace_id), db_i64(row->conversation_id), db_i64(row->id),
                          db_i64(row->channel_id)),
                  &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&messages, tx->arena) = row_i64(rows, 0);
    if (!rows_end(rows, err))
        return false;
    for (size_t i = 0; i < messages.len; i++)
        if (!message_set_state(tx, row->workspace_id, messages.items[i], S("queued"), str_from(waits), err))
            return false;
    return db_exec(tx->conn, &SQL_outbox_hold_followers,
                   DB_ARGS(db_i64(until), db_i64(row->workspace_id), db_i64(row->conversation_id),
                           db_i64(row->id), db_i64(row->channel_id)),
                   NULL, err);
}

// ---- A person decides -----------------------------------------------------------------------------
static bool undecided(const struct delivery_row *row, struct str decision)
{
    bool doubt = str_eq(row->state, S("in_doubt")) || str_eq(row->state, S("held"));
    if (str_eq(decision, S("sent")))
        return doubt;
    if (str_eq(decision, S("send_again")))
        return doubt || str_eq(row->state, S("failed"));
    return doubt || str_eq(row->state, S("failed")) || str_eq(row->state, S("queued"));
}

static bool rows_of_message(struct tx *tx, i64 workspace_id, i64 message_id, struct delivery_row *out,
                            size_t max, size_t *ret_len, struct err *err)
{
    struct rows *rows;
    *ret_len = 0;
    if (!db_query(tx->conn, &SQL_outbox_of_message, DB_ARGS(db_i64(workspace_id), db_i64(message_id)), &rows,
                  err))
        return false;
    while (rows_next(rows))
        if (*ret_len < max)
            delivery_row_fill(rows, tx->arena, &out[(*ret_len)++]);
    return rows_end(rows, err);
}

bool delivery_resolve(struct tx *tx, i64 workspace_id, i64 message_id, struct str decision, struct err *err)
{
    enum { MOST = 16 };
    struct delivery_row rows[MOST];
    size_t n;
    if (!str_eq(decision, S("sent")) && !str_eq(decision, S("send_again")) && !str_eq(decision, S("cancel")))
        return err_field(err, "decision", "invalid", "The decision is sent, send_again or cancel.");
    if (!rows_of_message(tx, workspace_id, message_id, rows, MOST, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(rows[i].action, S("send")) || !undecided(&rows[i], decision))
            continue;
        struct delivery_change to = {.state = S("cancelled"), .done_at = tx->now};
        if (str_eq(decision, S("sent")))
            to.state = S("done");
        if (str_eq(decision, S("send_again")))
            to = (struct delivery_change){.state = S("queued"), .next_at = tx->now};
        if (str_eq(to.state, S("queued")) &&
            !db_exec(tx->conn, &SQL_outbox_order_again, DB_ARGS(db_i64(tx->now), db_i64(rows[i].id)), NULL,
                     err))
            return false;
        tx_after_commit(tx, tell, NULL);
        return delivery_row_set(tx, &rows[i], &to, err) && delivery_wake_followers(tx, &rows[i], err);
    }
    return err_set(err, ERR_CONFLICT, "There is nothing to decide about this message.");
}

bool delivery_withdraw(struct tx *tx, i64 id, struct err *err)
{
    struct delivery_row row = {};
    struct delivery_change to = {.state = S("cancelled"), .done_at = tx->now};
    tx_after_commit(tx, tell, NULL);
    return delivery_row_get(tx, id, &row, err) && delivery_row_set(tx, &row, &to, err) &&
           delivery_wake_followers(tx, &row, err);
}

bool delivery_free_way(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    struct delivery_row row = {};
    tx_after_commit(tx, tell, NULL);
    return delivery_row_get(tx, id, &row, err) && row.workspace_id == workspace_id &&
           delivery_wake_followers(tx, &row, err);
}

// ---- What is due ----------------------------------------------------------------------------------
bool delivery_channels(struct conn *conn, struct arena *arena, struct delivery_channels *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_outbox_channels, DB_NO_ARGS, &rows, err))
        return false;
    while (rows_next(rows)) {
        struct delivery_channel *channel = list_push(out, arena);
        channel->id = row_i64(rows, 0);
        channel->workspace_id = row_i64(rows, 1);
        channel->kind = row_str(rows, 2, arena);
        channel->state = row_str(rows, 3, arena);
    }
    return rows_end(rows, err);
}

static bool ids(struct conn *conn, const struct sql *sql, i64 channel_id, i64 now, i64 limit,
                struct arena *arena, struct id_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_i64(channel_id), db_i64(now), db_i64(limit)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, arena) = row_i64(rows, 0);
    return rows_end(rows, err);
}

bool delivery_due(struct conn *conn, i64 channel_id, i64 now, i64 limit, struct arena *arena,
                  struct delivery_due *out, struct err *err)
{
    return ids(conn, &SQL_outbox_lost, channel_id, now, limit, arena, &out->lost, err) &&
           ids(conn, &SQL_outbox_doubts, channel_id, now, limit, arena, &out->doubts, err) &&
           ids(conn, &SQL_outbox_due, channel_id, now, limit, arena, &out->queued, err);
}

// ---- Claiming -------------------------------------------------------------------------------------
static bool claim_one(struct tx *tx, struct str owner, i64 id, bool confirm, struct delivery_claims *out,
                      struct err *err)
{
    i64 changed = 0;
    struct delivery_row row;
    const struct sql *sql = confirm ? &SQL_outbox_claim_doubt : &SQL_outbox_claim;
    if (out->len == ARRAY_LEN(out->id))
        return true;
    if (!db_exec(tx->conn, sql,
                 DB_ARGS(db_i64(tx->now + DELIVERY_LEASE_MS), db_str(owner), db_i64(id), db_i64(tx->now)),
                 &changed, err))
        return false;
    if (changed == 0)
        return true;
    out->id[out->len] = id;
    out->confirm[out->len++] = confirm;
    if (confirm)
        return true;
    return delivery_row_get(tx, id, &row, err) &&
           (!str_eq(row.action, S("send")) ||
            message_set_state(tx, row.workspace_id, row.message_id, S("sending"), STR_NONE, err));
}

// Its sender is gone between "sending" and an answer: it may have arrived. Asked about at once.
static bool doubt_lost(struct tx *tx, i64 id, struct err *err)
{
    struct delivery_row row;
    const struct str why = S("The server stopped while sending; whether it arrived is being found out.");
    if (!delivery_row_get(tx, id, &row, err))
        return false;
    if (!str_eq(row.state, S("sending")) || row.lease_until >= tx->now)
        return true;
    struct delivery_change to = {
        .state = S("in_doubt"), .next_at = tx->now, .doubt_since = tx->now, .error = why};
    return delivery_row_set(tx, &row, &to, err) &&
           (!str_eq(row.action, S("send")) ||
            message_set_state(tx, row.workspace_id, row.message_id, S("in_doubt"), why, err)) &&
           delivery_say_followers_wait(tx, &row, tx->now + DELIVERY_ASK_MS, err);
}

bool delivery_claim(struct tx *tx, struct str owner, const struct delivery_due *due,
                    struct delivery_claims *out, struct err *err)
{
    out->len = 0; // a write may run more than once
    for (size_t i = 0; i < due->lost.len; i++)
        if (!doubt_lost(tx, due->lost.items[i], err))
            return false;
    for (size_t i = 0; i < due->doubts.len; i++)
        if (!claim_one(tx, owner, due->doubts.items[i], true, out, err))
            return false;
    for (size_t i = 0; i < due->queued.len; i++)
        if (!claim_one(tx, owner, due->queued.items[i], false, out, err))
            return false;
    return true;
}

bool delivery_renew(struct tx *tx, struct str owner, struct str ids_json, struct err *err)
{
    return db_exec(tx->conn, &SQL_outbox_renew,
                   DB_ARGS(db_i64(tx->now + DELIVERY_LEASE_MS), db_str(owner), db_str(ids_json)), NULL, err);
}

bool delivery_expire(struct tx *tx, struct err *err)
{
    struct delivery_channels channels = {};
    if (!delivery_channels(tx->conn, tx->arena, &channels, err))
        return false;
    for (size_t i = 0; i < channels.len; i++)
        if (!db_exec(tx->conn, &SQL_outbox_expire, DB_ARGS(db_i64(channels.items[i].id)), NULL, err))
            return false;
    return true;
}

bool delivery_owners(struct conn *conn, i64 channel_id, i64 now, struct str owner, struct arena *arena,
                     struct str_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_outbox_owners, DB_ARGS(db_i64(channel_id), db_i64(now), db_str(owner)), &rows,
                  err))
        return false;
    while (rows_next(rows))
        *list_push(out, arena) = row_str(rows, 0, arena);
    return rows_end(rows, err);
}

bool delivery_forsake(struct tx *tx, i64 channel_id, struct str owner, struct err *err)
{
    return db_exec(tx->conn, &SQL_outbox_forsake, DB_ARGS(db_i64(channel_id), db_str(owner)), NULL, err);
}
