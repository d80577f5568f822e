// SPDX-License-Identifier: AGPL-3.0-or-later
// Signing in and out, and the first owner. Attempts are slowed per address and per account from one
// address, so nobody can lock another out; what is checked takes as long for an unknown account.
#include "desk/session.h"
#include "api/answer.h"
#include "api/app.h"
#include "api/enter.h"
#include "api/guard.h"
#include "api/limits.h"
#include "api/me.h"
#include "api/routes.h"
#include "desk/agent.h"
#include "desk/factor.h"
#include "desk/workspace.h"
#include "text/words.h"

enum {
    PEER_PER_MINUTE = 30,
    PEER_BURST = 60,
    ACCOUNT_PER_MINUTE = 6,
    ACCOUNT_BURST = 10,
    SECOND_PER_MINUTE = 2,
    SECOND_BURST = 10,
};

struct sign_in {
    struct str email, password, code;
};
static const struct type sign_in_type = {
    "SignIn",
    (const struct field[]){
        FIELD(sign_in, FIELD_STR, email, 0, .max = 254),
        FIELD(sign_in, FIELD_STR, password, FIELD_WRITE_ONLY, .max = 1024),
        FIELD(sign_in, FIELD_STR, code, FIELD_WRITE_ONLY, .max = 128,
              .doc = "instead of address and password, which is forgotten then"),
        FIELD_END,
    },
    sizeof(struct sign_in),
};

// The password was right, and there is a second step.
struct second_step {
    struct str token;
    struct str_list kinds;
};
static const struct type second_step_type = {
    "SecondStep",
    (const struct field[]){
        FIELD(second_step, FIELD_STR, token, FIELD_READ_ONLY,
              .doc = "for POST /session/second or /session/passkey, within five minutes and five tries"),
        FIELD(second_step, FIELD_STRS, kinds, FIELD_READ_ONLY, .doc = "passkey, totp, recovery_code"),
        FIELD_END,
    },
    sizeof(struct second_step),
};

struct second {
    struct str token, code;
};
static const struct type second_type = {
    "SignInSecond",
    (const struct field[]){
        FIELD(second, FIELD_STR, token, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 128),
        FIELD(second, FIELD_STR, code, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 40,
              .doc = "six digits of the app, or a recovery code"),
        FIELD_END,
    },
    sizeof(struct second),
};

struct set_up {
    struct str code, workspace, name, email, password;
};
static const struct type set_up_type = {
    "SetUp",
    (const struct field[]){
        FIELD(set_up, FIELD_STR, code, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 128,
              .doc = "printed when Heed starts on an empty database"),
        FIELD(set_up, FIELD_STR, workspace, FIELD_REQUIRED, .max = 800),
        FIELD(set_up, FIELD_STR, name, FIELD_REQUIRED, .max = 800),
        FIELD(set_up, FIELD_STR, email, FIELD_REQUIRED, .max = 254),
        FIELD(set_up, FIELD_STR, password, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 1024),
        FIELD_END,
    },
    sizeof(struct set_up),
};

// Between prepare and write.
struct entry {
    struct sign_in in;
    struct set_up set_up;
    struct second second;
    i64 workspace_id, agent_id; // found by address and password
    struct str hash, secret;    // of the new password; the new session's
};

bool enter_slow_down(struct request *req, struct str name, struct err *err)
{
    int retry_s = 1;
    struct str peer = limit_peer_key(req->arena, req->peer);
    if (!limit_take(req->app->limiter, LIMIT_SIGN_IN_PEER, peer, PEER_PER_MINUTE, PEER_BURST, &retry_s))
        return err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many attempts from this address.");
    struct str account =
        str_printf(req->arena, "%.*s|%.*s", STR_ARG(text_fold(req->arena, name)), STR_ARG(peer));
    if (name.len > 0 && !limit_take(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT, account, ACCOUNT_PER_MINUTE,
                                    ACCOUNT_BURST, &retry_s))
        return err_retry(err, ERR_RATE_LIMITED, retry_s,
                         "Too many attempts on this account from this address.");
    return true;
}

void enter_speed_up(struct request *req, struct str name)
{
    struct str peer = limit_peer_key(req->arena, req->peer);
    struct str account =
        str_printf(req->arena, "%.*s|%.*s", STR_ARG(text_fold(req->arena, name)), STR_ARG(peer));
    limit_give(req->app->limiter, LIMIT_SIGN_IN_PEER, peer);
    if (name.len > 0)
        limit_give(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT, account);
}

static bool check_password(struct request *req, struct entry *entry, struct err *err)
{
    struct agent_login login = {};
    struct conn *conn = db_take(req->app->db);
    bool found = agent_by_email(conn, entry->in.email, req->arena, &login, err);
    db_give(req->app->db, conn);
    if (!found && err->code != ERR_NOT_FOUND)
        return false;
    // An empty hash takes as long to check as a real one.
    bool good =
        password_verify(str_given(login.password_hash) ? login.password_hash : S(""), entry->in.password);
    if (!good || !found)
        return err_set(err, ERR_UNAUTHENTICATED, "The e-mail address or the password is wrong.");
    entry->workspace_id = login.workspace_id;
    entry->agent_id = login.id;
    return true;
}

static bool prepare_sign_in(struct request *req, struct err *err)
{
    struct entry *entry = arena_new(req->arena, struct entry);
    field_set given;
    req->data = entry;
    if (!request_decode(req, &sign_in_type, true, &entry->in, &given, err))
        return false;
    bool by_code = str_given(entry->in.code);
    if (by_code && (str_given(entry->in.email) || str_given(entry->in.password)))
        return err_field(err, "code", "conflict", "Give either a code, or an address and a password.");
    if (!by_code && !str_given(entry->in.email))
        return err_field(err, "email", "required", "Give an address and a password, or a code.");
    if (!by_code && !str_given(entry->in.password))
        return err_field(err, "password", "required", "Give an address and a password, or a code.");
    if (!enter_slow_down(req, entry->in.email, err) || (!by_code && !check_password(req, entry, err)))
        return false;
    entry->secret = random_token(req->arena, "");
    return true;
}

bool enter(struct request *req, struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret,
           struct reply *reply, struct err *err)
{
    struct me me;
    struct actor actor;
    i64 session_id;
    if (!actor_load(tx->conn, agent_id, tx->arena, &actor, err) ||
        !session_create(tx, workspace_id, agent_id, secret, http_header(req->http, "user-agent"), req->peer,
                        &session_id, err) ||
        !me_load(tx->conn, workspace_id, agent_id, tx->arena, &me, err))
        return false;
    reply_value(reply, 201, &me_type, &me);
    reply_header(reply, "set-cookie", guard_cookie(req->app, req->arena, secret));
    return true;
}

static bool ask_second(struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret, struct reply *reply,
                       struct err *err)
{
    struct second_step step = {.token = secret};
    if (!sign_in_step_create(tx, workspace_id, agent_id, secret, err) ||
        !factor_kinds(tx->conn, workspace_id, agent_id, tx->arena, &step.kinds, err))
        return false;
    reply_value(reply, 202, &second_step_type, &step);
    return true;
}

static bool sign_in(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct entry *entry = req->data;
    i64 workspace_id = entry->workspace_id, agent_id = entry->agent_id;
    // In one write: the old password holds until the link is used, and not a moment longer.
    if (str_given(entry->in.code) &&
        (!code_take(tx, S("sign_in"), entry->in.code, &workspace_id, &agent_id, err) ||
         !agent_forget_password(tx, workspace_id, agent_id, err) ||
         // Whoever asked for a link may have lost a device: what is open elsewhere ends.
         !session_end_others(tx, workspace_id, agent_id, 0, err)))
        return false;
    bool second;
    if (!factor_asked(tx->conn, workspace_id, agent_id, &second, err))
        return false;
    if (second)
        return ask_second(tx, workspace_id, agent_id, entry->secret, reply, err);
    if (!enter(req, tx, workspace_id, agent_id, entry->secret, reply, err))
        return false;
    enter_speed_up(req, entry->in.email);
    return true;
}

// ---- The second step ----

static bool run_try(struct tx *tx, void *arg, struct err *err)
{
    struct entry *entry = arg;
    return sign_in_step_try(tx, entry->second.token, &entry->workspace_id, &entry->agent_id, err);
}

// The try is taken away before the code is looked at, in a write of its own.
static bool prepare_second(struct request *req, struct err *err)
{
    struct entry *entry = arena_new(req->arena, struct entry);
    int retry_s = 1;
    req->data = entry;
    if (!request_decode(req, &second_type, true, &entry->second, NULL, err) ||
        !enter_slow_down(req, STR_NONE, err) || !db_write(req->app->db, WRITE_PEOPLE, run_try, entry, err))
        return false;
    // Wherever they come from: whoever has the password must not be able to try all codes.
    struct str who = str_printf(req->arena, "second|%lld", (long long)entry->agent_id);
    if (!limit_take(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT, who, SECOND_PER_MINUTE, SECOND_BURST, &retry_s))
        return err_retry(err, ERR_RATE_LIMITED, retry_s, "Too many codes were tried for this account.");
    entry->secret = random_token(req->arena, "");
    return true;
}

static bool second_step(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct entry *entry = req->data;
    if (!factor_use(tx, req->app->key, entry->workspace_id, entry->agent_id, entry->second.code, err) ||
        !sign_in_step_end(tx, entry->second.token, err) ||
        !enter(req, tx, entry->workspace_id, entry->agent_id, entry->secret, reply, err))
        return false;
    limit_give(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT,
               str_printf(req->arena, "second|%lld", (long long)entry->agent_id));
    return true;
}

static bool sign_out(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    reply->status = 204;
    reply_header(reply, "set-cookie", guard_cookie(req->app, req->arena, STR_NONE));
    reply_header(reply, "clear-site-data", S("\"cache\"")); // what was read stays on no device
    return req->actor.session_id == 0 || session_end(tx, &req->actor, req->actor.session_id, err);
}

static bool still_open(struct conn *conn, struct err *err)
{
    bool none;
    if (!agent_none_owns(conn, &none, err))
        return false;
    return none || err_set(err, ERR_NOT_FOUND, "Set-up is over: this Heed has its owner.");
}

static bool prepare_set_up(struct request *req, struct err *err)
{
    struct entry *entry = arena_new(req->arena, struct entry);
    struct set_up *in = &entry->set_up;
    field_set given;
    req->data = entry;
    struct conn *conn = db_take(req->app->db);
    bool open = still_open(conn, err);
    db_give(req->app->db, conn);
    if (!open || !request_decode(req, &set_up_type, true, in, &given, err) ||
        !enter_slow_down(req, STR_NONE, err) || !agent_check_email(in->email, err) ||
        !agent_check_password(in->password, in->email, err))
        return false;
    if (!password_hash(req->arena, in->password, &entry->hash))
        return err_retry(err, ERR_UNAVAILABLE, 1, "There is no memory to hash a password right now.");
    entry->secret = random_token(req->arena, "");
    return true;
}

static bool set_up(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct entry *entry = req->data;
    const struct set_up *in = &entry->set_up;
    i64 workspace_id, agent_id, none;
    // Whoever takes the code is alone from here on.
    if (!still_open(tx->conn, err))
        return false;
    if (!code_take(tx, S("setup"), in->code, &none, &none, err))
        return err_field(err, "code", "wrong", "This is not the code that Heed printed when it started.");
    struct agent_draft draft = {.name = in->name, .email = in->email, .role = S("owner")};
    if (!workspace_create(tx, in->workspace, &workspace_id, err))
        return false;
    struct actor system = actor_system(workspace_id);
    if (!agent_create(tx, &system, &draft, 0, entry->hash, &agent_id, err) ||
        !enter(req, tx, workspace_id, agent_id, entry->secret, reply, err))
        return false;
    enter_speed_up(req, STR_NONE);
    return true;
}

const struct route session_routes[] = {
    {HTTP_POST_, "/api/v1/setup", MAY_ANYONE, "setUp", "Make the first workspace and its owner",
     .in = &set_up_type, .out = &me_type, .success = 201, .flags = ROUTE_HASH, .prepare = prepare_set_up,
     .write = set_up},
    {HTTP_POST_, "/api/v1/session", MAY_ANYONE, "signIn", "Sign in with a password or a one-time code",
     .in = &sign_in_type, .out = &me_type, .accepted = &second_step_type, .success = 201, .flags = ROUTE_HASH,
     .prepare = prepare_sign_in, .write = sign_in},
    {HTTP_POST_, "/api/v1/session/second", MAY_ANYONE, "signInSecond",
     "The second step of signing in: a code of the app or a recovery code", .in = &second_type,
     .out = &me_type, .success = 201, .flags = ROUTE_SLOW, .prepare = prepare_second, .write = second_step},
    {HTTP_DELETE_, "/api/v1/session", MAY_ANYONE, "signOut", "Sign out here", .success = 204,
     .write = sign_out},
    {},
};
