// SPDX-License-Identifier: AGPL-3.0-or-later
// Sessions and one-time codes. Only hashes are stored; using a code deletes its row, so whoever deletes
// it has it and nobody else, however many try at once.
#include "desk/session.h"
#include "base/crypto.h"
#include "sql_gen.h"
#include "store/log.h"

const struct type session_type = {
    "Session",
    (const struct field[]){
        FIELD(session, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(session, FIELD_STR, user_agent, FIELD_READ_ONLY),
        FIELD(session, FIELD_STR, address, FIELD_READ_ONLY),
        FIELD(session, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(session, FIELD_TIME, last_seen_at, FIELD_READ_ONLY),
        FIELD(session, FIELD_TIME, expires_at, FIELD_READ_ONLY),
        FIELD(session, FIELD_BOOL, current, FIELD_READ_ONLY | FIELD_NO_ROW, .doc = "the one that asks"),
        FIELD_END,
    },
    sizeof(struct session),
};

static const struct type session_row_type = {
    "SessionRow",
    (const struct field[]){
        FIELD(session, FIELD_I64, id, 0),
        FIELD(session, FIELD_I64, workspace_id, 0),
        FIELD(session, FIELD_I64, agent_id, 0),
        FIELD(session, FIELD_I64, created_at, 0),
        FIELD(session, FIELD_I64, last_seen_at, 0),
        FIELD(session, FIELD_I64, expires_at, 0),
        FIELD(session, FIELD_STR, user_agent, 0),
        FIELD(session, FIELD_STR, address, 0),
        FIELD_END,
    },
    sizeof(struct session),
};

struct str secret_hash(struct arena *arena, struct str secret)
{
    u8 *hash = arena_alloc(arena, 32);
    sha256(secret, hash);
    return (struct str){(const char *)hash, 32};
}

bool session_find(struct conn *conn, struct str secret, i64 now, struct arena *arena, struct session *out,
                  struct err *err)
{
    struct session session = {};
    if (!db_one(conn, &SQL_session_by_hash, DB_ARGS(db_blob(secret_hash(arena, secret)), db_i64(now)),
                &session_row_type, &session, arena, err)) {
        if (err->code == ERR_NOT_FOUND)
            return err_set(err, ERR_UNAUTHENTICATED, "This session is over; sign in again.");
        return false;
    }
    *out = session;
    return true;
}

bool session_alive(struct conn *conn, const struct id_list *ids, i64 now, struct arena *arena,
                   struct id_list *ret_alive, struct err *err)
{
    struct id_list alive = {};
    struct buf json;
    struct rows *rows;
    buf_init(&json, arena, 4 * 1024 * 1024);
    for (size_t i = 0; i < ids->len; i++) {
        buf_add_char(&json, i > 0 ? ',' : '[');
        buf_add_i64(&json, ids->items[i]);
    }
    buf_add(&json, ids->len > 0 ? S("]") : S("[]"));
    if (!db_query(conn, &SQL_session_alive, DB_ARGS(db_i64(now), db_str(buf_str(&json))), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&alive, arena) = row_i64(rows, 0);
    if (!rows_end(rows, err))
        return false;
    *ret_alive = alive;
    return true;
}

bool session_create(struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret, struct str user_agent,
                    struct str address, i64 *ret_id, struct err *err)
{
    struct str agent_text = user_agent.len > 300 ? str_sub(user_agent, 0, 300) : user_agent;
    struct str hash = secret_hash(tx->arena, secret);
    return db_one_i64(tx->conn, &SQL_session_insert,
                      DB_ARGS(db_i64(workspace_id), db_i64(agent_id), db_blob(hash),
                              db_str(utf8_clean(tx->arena, agent_text.ptr ? agent_text : S(""))),
                              db_str(address.ptr ? address : S("")), db_i64(tx->now),
                              db_i64(tx->now + SESSION_SLIDE_MS)),
                      ret_id, err) &&
           log_append(
               tx,
               &(struct event){.workspace_id = workspace_id,
                               .kind = S("agent.signed_in"),
                               .agent_id = agent_id,
                               .data = str_printf(tx->arena, "{\"session_id\":%lld}", (long long)*ret_id)},
               err);
}

bool session_touch(struct tx *tx, const struct session *session, struct err *err)
{
    i64 expires_at = tx->now + SESSION_SLIDE_MS;
    i64 longest = session->created_at + SESSION_LONGEST_MS;
    return db_exec(tx->conn, &SQL_session_touch,
                   DB_ARGS(db_i64(tx->now), db_i64(expires_at < longest ? expires_at : longest),
                           db_i64(session->id), db_i64(session->workspace_id)),
                   NULL, err);
}

bool session_list(struct conn *conn, const struct actor *actor, i64 now, struct arena *arena,
                  struct session_list *out, struct err *err)
{
    struct session_list list = {};
    if (!db_list(conn, &SQL_session_list,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(now)),
                 &session_row_type, &list, arena, err))
        return false;
    for (size_t i = 0; i < list.len; i++)
        list.items[i].current = list.items[i].id == actor->session_id;
    *out = list;
    return true;
}

static bool note_end(struct tx *tx, i64 workspace_id, i64 agent_id, i64 id, i64 keep, struct err *err)
{
    struct str data =
        str_printf(tx->arena, "{\"session_id\":%lld,\"keep\":%lld}", (long long)id, (long long)keep);
    return log_append(
        tx,
        &(struct event){
            .workspace_id = workspace_id, .kind = S("session.ended"), .agent_id = agent_id, .data = data},
        err);
}

bool session_end(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    i64 n = 0;
    if (!db_exec(tx->conn, &SQL_session_delete,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_i64(id)), &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such session of yours.");
    return note_end(tx, actor->workspace_id, actor->agent_id, id, 0, err);
}

bool session_end_others(struct tx *tx, i64 workspace_id, i64 agent_id, i64 keep, struct err *err)
{
    i64 n = 0;
    return db_exec(tx->conn, &SQL_session_delete_others,
                   DB_ARGS(db_i64(workspace_id), db_i64(agent_id), db_i64(keep)), &n, err) &&
           (n == 0 || note_end(tx, workspace_id, agent_id, 0, keep, err));
}

// ---- One-time codes ----

bool code_create(struct tx *tx, struct str purpose, i64 workspace_id, i64 agent_id, struct str secret,
                 i64 lifetime_ms, struct err *err)
{
    i64 never = 253402300799000; // the end of the year 9999
    return db_exec(tx->conn, &SQL_code_insert,
                   DB_ARGS(db_blob(secret_hash(tx->arena, secret)), db_str(purpose), db_opt(workspace_id),
                           db_opt(agent_id), db_i64(lifetime_ms ? tx->now + lifetime_ms : never)),
                   NULL, err);
}

bool code_take(struct tx *tx, struct str purpose, struct str secret, i64 *ret_workspace, i64 *ret_agent,
               struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_code_take,
                  DB_ARGS(db_blob(secret_hash(tx->arena, secret)), db_str(purpose), db_i64(tx->now)), &rows,
                  err))
        return false;
    bool found = false;
    i64 workspace_id = 0, agent_id = 0;
    while (rows_next(rows)) {
        found = true;
        workspace_id = row_i64(rows, 0);
        agent_id = row_i64(rows, 1);
    }
    if (!rows_end(rows, err))
        return false;
    if (!found)
        return err_set(err, ERR_UNAUTHENTICATED, "This code is unknown, used or over; ask for a new one.");
    *ret_workspace = workspace_id;
    *ret_agent = agent_id;
    return true;
}

bool code_end_purpose(struct tx *tx, struct str purpose, struct err *err)
{
    return db_exec(tx->conn, &SQL_code_delete_purpose, DB_ARGS(db_str(purpose)), NULL, err);
}

bool session_clean(struct tx *tx, struct err *err)
{
    i64 kept_ms = (i64)72 * 3600 * 1000;
    return db_exec(tx->conn, &SQL_session_delete_expired, DB_ARGS(db_i64(tx->now)), NULL, err) &&
           db_exec(tx->conn, &SQL_code_delete_expired, DB_ARGS(db_i64(tx->now)), NULL, err) &&
           db_exec(tx->conn, &SQL_idempotency_delete_old, DB_ARGS(db_i64(tx->now - kept_ms)), NULL, err);
}
