// SPDX-License-Identifier: AGPL-3.0-or-later
// One-time passwords and recovery codes. Keys are sealed, recovery codes hashed; the step of a code is
// moved forward in one statement, so that of two who use it at once one is too late.
#include "desk/factor.h"
#include "base/totp.h"
#include "desk/agent.h"
#include "desk/events.h"
#include "desk/session.h"
#include "sql_gen.h"
#include "store/log.h"

enum { CODE_MAX = 40, RECOVERY_BYTES = 10 };

const struct type factor_state_type = {
    "SecondFactor",
    (const struct field[]){
        FIELD(factor_state, FIELD_BOOL, totp, FIELD_READ_ONLY, .doc = "signing in asks for a code of an app"),
        FIELD(factor_state, FIELD_I64, passkeys, FIELD_READ_ONLY, .doc = "how many there are"),
        FIELD(factor_state, FIELD_I64, recovery_codes_left, FIELD_READ_ONLY),
        FIELD(factor_state, FIELD_TIME, created_at, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "of the app's key"),
        FIELD(factor_state, FIELD_TIME, last_used_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD_END,
    },
    sizeof(struct factor_state),
};

struct row {
    i64 id, last_step, created_at, last_used_at;
    bool confirmed;
    struct str secret;
};

static bool load(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena, struct row *out,
                 struct err *err)
{
    struct rows *rows;
    *out = (struct row){};
    if (!db_query(conn, &SQL_factor_of, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &rows, err))
        return false;
    if (rows_next(rows))
        *out = (struct row){.id = row_i64(rows, 0),
                            .secret = row_blob(rows, 1, arena),
                            .confirmed = row_i64(rows, 2) != 0,
                            .last_step = row_i64(rows, 3),
                            .created_at = row_i64(rows, 4),
                            .last_used_at = row_i64(rows, 5)};
    return rows_end(rows, err);
}

bool factor_state(struct conn *conn, const struct actor *actor, struct factor_state *out, struct err *err)
{
    struct arena *arena = arena_take();
    struct row row;
    struct factor_state state = {};
    bool ok =
        load(conn, actor->workspace_id, actor->agent_id, arena, &row, err) &&
        db_one_i64(conn, &SQL_recovery_count, DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)),
                   &state.recovery_codes_left, err) &&
        db_one_i64(conn, &SQL_passkey_count, DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)),
                   &state.passkeys, err);
    arena_give(arena);
    if (ok && row.confirmed) {
        state.totp = true;
        state.created_at = row.created_at;
        state.last_used_at = row.last_used_at;
    }
    *out = state;
    return ok;
}

static struct str place(struct arena *arena, i64 agent_id)
{
    return str_printf(arena, "factor:%lld:totp", (long long)agent_id);
}

static bool own_session(const struct actor *actor, struct err *err)
{
    return actor->session_id > 0 || err_set(err, ERR_DENIED, "A token cannot do this; sign in.");
}

bool factor_begin(struct tx *tx, const struct actor *actor, const struct key *key, struct str *ret_base32,
                  struct err *err)
{
    u8 fresh[TOTP_KEY];
    struct row row;
    i64 id;
    if (!own_session(actor, err) ||
        !load(tx->conn, actor->workspace_id, actor->agent_id, tx->arena, &row, err))
        return false;
    if (row.confirmed)
        return err_set(err, ERR_CONFLICT, "There is an authenticator app already; take it away first.");
    random_bytes(fresh, sizeof fresh);
    struct str raw = {(const char *)fresh, sizeof fresh};
    struct str sealed = crypto_seal(key, tx->arena, place(tx->arena, actor->agent_id), raw);
    *ret_base32 = base32_encode(tx->arena, raw);
    secret_wipe(fresh, sizeof fresh);
    return db_one_i64(
        tx->conn, &SQL_factor_begin,
        DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_blob(sealed), db_i64(tx->now)), &id,
        err);
}

// ---- Codes ----

static bool wrong(struct err *err)
{
    return err_field(err, "code", "wrong", "This code is not right, was used before, or is over.");
}

static bool use_totp(struct tx *tx, const struct key *key, i64 workspace_id, i64 agent_id, struct str code,
                     bool first, struct err *err)
{
    struct row row;
    struct str secret;
    i64 n = 0;
    if (!load(tx->conn, workspace_id, agent_id, tx->arena, &row, err))
        return false;
    if (!row.id || row.confirmed == first)
        return first && row.id ? err_set(err, ERR_CONFLICT, "It is confirmed already.") : wrong(err);
    if (!crypto_open(key, tx->arena, place(tx->arena, agent_id), row.secret, &secret, err))
        return false;
    i64 step = totp_step(secret, code, tx->now, row.last_step);
    if (step == 0)
        return wrong(err);
    if (!db_exec(tx->conn, &SQL_factor_use,
                 DB_ARGS(db_i64(step), db_i64(tx->now), db_i64(workspace_id), db_i64(row.id)), &n, err))
        return false;
    return n == 1 || wrong(err);
}

// Spaces and hyphens are for the eye.
static struct str plain(struct arena *arena, struct str code)
{
    char *out = arena_alloc(arena, code.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (c != ' ' && c != '-')
            out[n++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return (struct str){out, n};
}

bool factor_use(struct tx *tx, const struct key *key, i64 workspace_id, i64 agent_id, struct str code,
                struct err *err)
{
    struct str given = plain(tx->arena, code.len > CODE_MAX ? str_sub(code, 0, CODE_MAX) : code);
    i64 n = 0;
    if (given.len == 6)
        return use_totp(tx, key, workspace_id, agent_id, given, false, err);
    if (given.len != RECOVERY_BYTES * 8 / 5)
        return wrong(err);
    if (!db_exec(tx->conn, &SQL_recovery_take,
                 DB_ARGS(db_i64(workspace_id), db_i64(agent_id), db_blob(secret_hash(tx->arena, given))), &n,
                 err))
        return false;
    return n == 1 || wrong(err);
}

// ABCD-EFGH-IJKL-MNOP: 80 random bits each.
static bool make_codes(struct tx *tx, const struct actor *actor, struct str_list *out, struct err *err)
{
    if (!db_exec(tx->conn, &SQL_recovery_delete_all,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)), NULL, err))
        return false;
    for (int i = 0; i < RECOVERY_CODES; i++) {
        u8 raw[RECOVERY_BYTES];
        random_bytes(raw, sizeof raw);
        struct str code = base32_encode(tx->arena, (struct str){(const char *)raw, sizeof raw});
        if (!db_exec(tx->conn, &SQL_recovery_insert,
                     DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id),
                             db_blob(secret_hash(tx->arena, code))),
                     NULL, err))
            return false;
        *list_push(out, tx->arena) =
            str_printf(tx->arena, "%.4s-%.4s-%.4s-%.4s", code.ptr, code.ptr + 4, code.ptr + 8, code.ptr + 12);
    }
    return true;
}

static bool mark(struct tx *tx, i64 workspace_id, i64 agent_id, bool has, struct err *err)
{
    return db_exec(tx->conn, &SQL_factor_mark, DB_ARGS(db_i64(has), db_i64(workspace_id), db_i64(agent_id)),
                   NULL, err);
}

bool factor_confirm(struct tx *tx, const struct actor *actor, const struct key *key, struct str code,
                    struct str_list *ret_codes, struct err *err)
{
    return own_session(actor, err) &&
           use_totp(tx, key, actor->workspace_id, actor->agent_id, plain(tx->arena, code), true, err) &&
           mark(tx, actor->workspace_id, actor->agent_id, true, err) &&
           make_codes(tx, actor, ret_codes, err) &&
           session_end_others(tx, actor->workspace_id, actor->agent_id, actor->session_id, err) &&
           actor_log(tx, actor, EVENT_FACTOR_ADDED, "id", actor->agent_id, err);
}

bool factor_renew_codes(struct tx *tx, const struct actor *actor, const struct key *key, struct str code,
                        struct str_list *ret_codes, struct err *err)
{
    return own_session(actor, err) && factor_use(tx, key, actor->workspace_id, actor->agent_id, code, err) &&
           make_codes(tx, actor, ret_codes, err) &&
           actor_log(tx, actor, EVENT_FACTOR_CODES, "id", actor->agent_id, err);
}

bool factor_gained(struct tx *tx, const struct actor *actor, struct str_list *ret_codes, struct err *err)
{
    bool had;
    *ret_codes = (struct str_list){};
    if (!factor_asked(tx->conn, actor->workspace_id, actor->agent_id, &had, err))
        return false;
    return had || (mark(tx, actor->workspace_id, actor->agent_id, true, err) &&
                   make_codes(tx, actor, ret_codes, err) &&
                   session_end_others(tx, actor->workspace_id, actor->agent_id, actor->session_id, err));
}

bool factor_lost(struct tx *tx, i64 workspace_id, i64 agent_id, struct err *err)
{
    i64 left;
    return db_one_i64(tx->conn, &SQL_factor_count, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &left,
                      err) &&
           (left > 0 || (db_exec(tx->conn, &SQL_recovery_delete_all,
                                 DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), NULL, err) &&
                         mark(tx, workspace_id, agent_id, false, err)));
}

static bool delete_app(struct tx *tx, i64 workspace_id, i64 agent_id, struct err *err)
{
    return db_exec(tx->conn, &SQL_factor_delete, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), NULL, err);
}

bool factor_remove(struct tx *tx, const struct actor *actor, const struct key *key, struct str code,
                   struct err *err)
{
    return own_session(actor, err) && factor_use(tx, key, actor->workspace_id, actor->agent_id, code, err) &&
           delete_app(tx, actor->workspace_id, actor->agent_id, err) &&
           factor_lost(tx, actor->workspace_id, actor->agent_id, err) &&
           session_end_others(tx, actor->workspace_id, actor->agent_id, actor->session_id, err) &&
           actor_log(tx, actor, EVENT_FACTOR_REMOVED, "id", actor->agent_id, err);
}

bool factor_reset(struct tx *tx, const struct actor *actor, i64 agent_id, struct err *err)
{
    struct agent agent;
    if (!actor_may(actor, MAY_ADMIN))
        return err_set(err, ERR_DENIED, "Only administrators do this.");
    if (!agent_get(tx->conn, actor->workspace_id, agent_id, tx->arena, &agent, err))
        return false;
    if (role_find(agent.role) == ROLE_OWNER && !actor_may(actor, MAY_OWN))
        return err_set(err, ERR_DENIED, "Only owners do this for an owner.");
    return delete_app(tx, actor->workspace_id, agent_id, err) &&
           db_exec(tx->conn, &SQL_passkey_delete_all, DB_ARGS(db_i64(actor->workspace_id), db_i64(agent_id)),
                   NULL, err) &&
           factor_lost(tx, actor->workspace_id, agent_id, err) &&
           session_end_others(tx, actor->workspace_id, agent_id,
                              agent_id == actor->agent_id ? actor->session_id : 0, err) &&
           actor_log(tx, actor, EVENT_FACTOR_RESET, "id", agent_id, err);
}

// ---- Signing in ----

bool factor_asked(struct conn *conn, i64 workspace_id, i64 agent_id, bool *ret_asked, struct err *err)
{
    i64 has;
    if (!db_one_i64(conn, &SQL_factor_required_of, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &has,
                    err))
        return false;
    *ret_asked = has != 0;
    return true;
}

bool factor_kinds(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena,
                  struct str_list *out, struct err *err)
{
    struct actor who = {.workspace_id = workspace_id, .agent_id = agent_id};
    struct factor_state state;
    if (!factor_state(conn, &who, &state, err))
        return false;
    if (state.passkeys > 0)
        *list_push(out, arena) = S("passkey");
    if (state.totp)
        *list_push(out, arena) = S("totp");
    *list_push(out, arena) = S("recovery_code");
    return true;
}

bool sign_in_step_create(struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret, struct err *err)
{
    return db_exec(tx->conn, &SQL_step_insert,
                   DB_ARGS(db_blob(secret_hash(tx->arena, secret)), db_i64(workspace_id), db_i64(agent_id),
                           db_i64(SIGN_IN_TRIES), db_i64(tx->now + SIGN_IN_STEP_MS)),
                   NULL, err);
}

bool sign_in_step_get(struct conn *conn, struct str secret, i64 now, i64 *ret_workspace, i64 *ret_agent,
                      struct err *err)
{
    struct arena *arena = arena_take();
    struct rows *rows;
    bool ok =
        db_query(conn, &SQL_step_get, DB_ARGS(db_blob(secret_hash(arena, secret)), db_i64(now)), &rows, err);
    *ret_agent = 0;
    if (ok && rows_next(rows)) {
        *ret_workspace = row_i64(rows, 0);
        *ret_agent = row_i64(rows, 1);
    }
    ok = ok && rows_end(rows, err);
    arena_give(arena);
    if (!ok)
        return false;
    return *ret_agent > 0 ||
           err_set(err, ERR_UNAUTHENTICATED, "This took too long or too many tries; sign in again.");
}

bool sign_in_step_try(struct tx *tx, struct str secret, i64 *ret_workspace, i64 *ret_agent, struct err *err)
{
    struct str hash = secret_hash(tx->arena, secret);
    i64 n = 0;
    if (!db_exec(tx->conn, &SQL_step_try, DB_ARGS(db_blob(hash), db_i64(tx->now)), &n, err) ||
        !sign_in_step_get(tx->conn, secret, tx->now, ret_workspace, ret_agent, err))
        return false;
    return n == 1 ||
           err_set(err, ERR_UNAUTHENTICATED, "This took too long or too many tries; sign in again.");
}

bool sign_in_step_end(struct tx *tx, struct str secret, struct err *err)
{
    return db_exec(tx->conn, &SQL_step_delete,
                   DB_ARGS(db_blob(secret_hash(tx->arena, secret)), db_i64(tx->now)), NULL, err);
}
