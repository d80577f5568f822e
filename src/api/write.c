// SPDX-License-Identifier: AGPL-3.0-or-later
// Writing requests: prepared on a worker, run in the write transaction, answered after COMMIT. With an
// Idempotency-Key the answer is stored in the same transaction as the effect, so a repeat finds both or
// neither; a second one at the same time waits for the first in the database.
#include "api/answer.h"
#include "api/app.h"
#include "api/dispatch.h"
#include "api/slow.h"
#include "sql_gen.h"

struct pending {
    struct request *req;
    struct reply *reply;
    struct str fingerprint, actor;
};

struct saved {
    struct str fingerprint, body;
    i64 status;
    bool sealed;
};

static struct str seal_place(const struct pending *p)
{
    return str_printf(p->req->arena, "idempotency:%lld:%.*s:%.*s", (long long)p->req->actor.workspace_id,
                      STR_ARG(p->actor), STR_ARG(p->req->idempotency_key));
}

// A saved answer is everything of it: a line of headers' count is not needed, no keyed route sets any.
static bool replay(struct pending *p, const struct saved *saved, struct err *err)
{
    struct request *req = p->req;
    struct str body = saved->body;
    if (!secret_eq(saved->fingerprint, p->fingerprint))
        return err_field(err, "Idempotency-Key", "reused", "This key was used for another request.");
    if (saved->sealed && !crypto_open(req->app->key, req->arena, seal_place(p), saved->body, &body, err))
        return false;
    p->reply->status = (int)saved->status;
    buf_add(&p->reply->body, body);
    reply_header(p->reply, "idempotency-replayed", S("true"));
    return true;
}

static bool find_saved(struct pending *p, struct tx *tx, struct saved *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(
            tx->conn, &SQL_idempotency_get,
            DB_ARGS(db_i64(p->req->actor.workspace_id), db_str(p->actor), db_str(p->req->idempotency_key)),
            &rows, err))
        return false;
    if (rows_next(rows)) {
        out->fingerprint = row_blob(rows, 0, tx->arena);
        out->status = row_i64(rows, 1);
        out->body = row_blob(rows, 2, tx->arena);
        out->sealed = row_i64(rows, 3) != 0;
    }
    return rows_end(rows, err);
}

// *ret_first: this one acts. Else the reply is already filled with what was answered then.
static bool claim_key(struct pending *p, struct tx *tx, bool *ret_first, struct err *err)
{
    i64 claimed = 0;
    struct saved saved = {};
    if (!db_exec(tx->conn, &SQL_idempotency_claim,
                 DB_ARGS(db_i64(p->req->actor.workspace_id), db_str(p->actor),
                         db_str(p->req->idempotency_key), db_blob(p->fingerprint), db_i64(tx->now)),
                 &claimed, err))
        return false;
    *ret_first = claimed > 0;
    if (claimed)
        return true;
    if (!find_saved(p, tx, &saved, err))
        return false;
    if (saved.status == 0)
        return err_retry(err, ERR_CONFLICT, 1,
                         "The first request with this Idempotency-Key is still being done.");
    return replay(p, &saved, err);
}

static bool save_answer(struct pending *p, struct tx *tx, struct err *err)
{
    struct request *req = p->req;
    struct str body = buf_str(&p->reply->body);
    if (p->reply->secret)
        body = crypto_seal(req->app->key, tx->arena, seal_place(p), body);
    return db_exec(tx->conn, &SQL_idempotency_save,
                   DB_ARGS(db_i64(p->reply->status), db_blob(body), db_i64(p->reply->secret),
                           db_i64(req->actor.workspace_id), db_str(p->actor), db_str(req->idempotency_key)),
                   NULL, err);
}

static bool run_write(struct tx *tx, void *arg, struct err *err)
{
    struct pending *p = arg;
    bool first = true, keyed = p->fingerprint.len > 0;
    reply_init(p->reply, p->req->arena); // it may run more than once
    if (keyed && !claim_key(p, tx, &first, err))
        return false;
    if (!first)
        return true;
    if (!p->req->route->write(p->req, tx, p->reply, err))
        return false;
    if (!p->reply->status)
        p->reply->status = p->req->route->success;
    return !keyed || save_answer(p, tx, err);
}

static void write_finished(void *arg, bool ok, const struct err *err)
{
    struct pending *p = arg;
    dispatch_finish(p->req, p->reply, ok ? NULL : err);
}

void dispatch_write(struct request *req, struct reply *reply)
{
    struct err err = {.position = -1};
    unsigned flags = req->route->flags;
    struct slow_pool *pool = flags & ROUTE_HASH    ? req->app->hashing
                             : flags & ROUTE_SLOW  ? req->app->slow
                             : flags & ROUTE_FETCH ? req->app->fetching
                                                   : NULL;
    if (!pool) {
        dispatch_write_now(req, reply);
        return;
    }
    if (!slow_push(pool, req, reply)) {
        err_retry(&err, ERR_UNAVAILABLE, 2, "Too many of these at once; try again in a moment.");
        dispatch_finish(req, reply, &err);
    }
}

void dispatch_write_now(struct request *req, struct reply *reply)
{
    struct err err = {.position = -1};
    if (req->route->prepare && !req->route->prepare(req, &err)) {
        dispatch_finish(req, reply, &err);
        return;
    }
    if (req->route->read) {
        bool done = req->route->read(req, NULL, reply, &err);
        dispatch_finish(req, reply, done ? NULL : &err);
        return;
    }
    struct pending *p = arena_new(req->arena, struct pending);
    p->req = req;
    p->reply = reply;
    // Signing in and setting up have no actor to keep an answer for; repeating them is harmless.
    if (str_given(req->idempotency_key) && req->actor.agent_id > 0) {
        struct str target = str_printf(req->arena, "%d %.*s\n%.*s", (int)req->http->method,
                                       STR_ARG(req->http->target), STR_ARG(req->http->body));
        u8 *hash = arena_alloc(req->arena, 32);
        sha256(target, hash);
        p->fingerprint = (struct str){(const char *)hash, 32};
        p->actor = req->actor.token_id ? str_printf(req->arena, "token:%lld", (long long)req->actor.token_id)
                                       : str_printf(req->arena, "agent:%lld", (long long)req->actor.agent_id);
    }
    enum write_class class_ = req->route->flags & ROUTE_INTAKE ? WRITE_INTAKE : WRITE_PEOPLE;
    if (!db_post(req->app->db, class_, run_write, write_finished, p, &err))
        dispatch_finish(req, reply, &err);
}
