// SPDX-License-Identifier: AGPL-3.0-or-later
// One's own passkeys, and signing in with one. A challenge is used up in a write of its own before what came
// with it is believed, so nothing can be tried twice.
#include "api/answer.h"
#include "api/app.h"
#include "api/enter.h"
#include "api/guard.h"
#include "api/limits.h"
#include "api/proof.h"
#include "api/routes.h"
#include "desk/factor.h"
#include "desk/passkey.h"

// ---- One's own ----

static bool list_passkeys(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct passkey_list list = {};
    if (!passkey_list(conn, &req->actor, req->arena, &list, err))
        return false;
    reply_list(reply, &passkey_type, &list, STR_NONE);
    return true;
}

struct self_proof {
    struct str current_password;
};
static const struct type self_proof_type = {
    "SelfProof",
    (const struct field[]){
        FIELD(self_proof, FIELD_STR, current_password, FIELD_WRITE_ONLY, .max = 1024,
              .doc = "needed when there is one"),
        FIELD_END,
    },
    sizeof(struct self_proof),
};

static bool prepare_proof(struct request *req, struct err *err)
{
    struct self_proof *proof = arena_new(req->arena, struct self_proof);
    bool has = false;
    if (!request_decode(req, &self_proof_type, true, proof, NULL, err) ||
        !proof_password(req, proof->current_password, &has, err))
        return false;
    if (has)
        return true;
    struct conn *conn = db_take(req->app->db);
    bool fresh = passkey_fresh(conn, &req->actor, req->now, err);
    db_give(req->app->db, conn);
    return fresh;
}

static bool begin(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct passkey_site site;
    struct passkey_ask ask;
    if (!passkey_site_of(tx->arena, req->app->public_url, &site, err) ||
        !passkey_begin(tx, &req->actor, req->app->key, &site, &ask, err))
        return false;
    reply_value(reply, 201, &passkey_ask_type, &ask);
    return true;
}

struct adding {
    struct actor actor;
    struct str challenge;
    struct passkey_new made;
};
struct passkey_made {
    struct passkey passkey;
    struct str_list recovery_codes;
};
static const struct type passkey_made_type = {
    "PasskeyMade",
    (const struct field[]){
        FIELD(passkey_made, FIELD_STRUCT, passkey, FIELD_READ_ONLY, .type = &passkey_type),
        FIELD(passkey_made, FIELD_STRS, recovery_codes, FIELD_READ_ONLY,
              .doc = "with the first second factor, shown once; each is good once"),
        FIELD_END,
    },
    sizeof(struct passkey_made),
};

static bool run_take_add(struct tx *tx, void *arg, struct err *err)
{
    const struct adding *adding = arg;
    return passkey_take_add(tx, &adding->actor, adding->challenge, err);
}

static bool prepare_add(struct request *req, struct err *err)
{
    struct adding *adding = arena_new(req->arena, struct adding);
    struct passkey_draft draft = {};
    struct passkey_site site;
    req->data = adding;
    adding->actor = req->actor;
    return request_decode(req, &passkey_draft_type, true, &draft, NULL, err) &&
           passkey_site_of(req->arena, req->app->public_url, &site, err) &&
           passkey_read_new(req->arena, &site, &draft, &adding->challenge, &adding->made, err) &&
           db_write(req->app->db, WRITE_PEOPLE, run_take_add, adding, err);
}

static bool add(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct adding *adding = req->data;
    struct passkey_made made = {};
    if (!passkey_add(tx, &req->actor, &adding->made, &made.passkey, &made.recovery_codes, err))
        return false;
    reply->secret = true;
    reply_value(reply, 201, &passkey_made_type, &made);
    return true;
}

struct new_name {
    struct str name;
};
static const struct type new_name_type = {
    "PasskeyPatch",
    (const struct field[]){
        FIELD(new_name, FIELD_STR, name, FIELD_REQUIRED, .max = 200),
        FIELD_END,
    },
    sizeof(struct new_name),
};

static bool prepare_rename(struct request *req, struct err *err)
{
    struct new_name *given = arena_new(req->arena, struct new_name);
    req->data = given;
    return request_decode(req, &new_name_type, true, given, NULL, err);
}

static bool rename_passkey(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct new_name *given = req->data;
    struct passkey passkey;
    i64 id;
    if (!request_id(req, 0, &id, err) || !passkey_rename(tx, &req->actor, id, given->name, &passkey, err))
        return false;
    reply_value(reply, 200, &passkey_type, &passkey);
    return true;
}

// A bad body is said first, as everywhere; then what is not there, before the password is asked for.
static bool prepare_remove(struct request *req, struct err *err)
{
    struct self_proof proof;
    struct passkey passkey;
    i64 id;
    if (!request_decode(req, &self_proof_type, true, &proof, NULL, err) || !request_id(req, 0, &id, err))
        return false;
    struct conn *conn = db_take(req->app->db);
    bool found = passkey_get(conn, &req->actor, id, req->arena, &passkey, err);
    db_give(req->app->db, conn);
    return found && prepare_proof(req, err);
}

static bool remove_passkey(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    reply->status = 204;
    return request_id(req, 0, &id, err) && passkey_remove(tx, &req->actor, id, err);
}

// ---- Signing in ----

struct second_token {
    struct str token;
};
static const struct type second_token_type = {
    "PasskeyBegin",
    (const struct field[]){
        FIELD(second_token, FIELD_STR, token, FIELD_WRITE_ONLY | FIELD_NULLABLE, .max = 128,
              .doc = "of POST /session, when this is its second step"),
        FIELD_END,
    },
    sizeof(struct second_token),
};

static bool prepare_request(struct request *req, struct err *err)
{
    struct second_token *given = arena_new(req->arena, struct second_token);
    req->data = given;
    return request_decode(req, &second_token_type, true, given, NULL, err) &&
           enter_slow_down(req, STR_NONE, err);
}

static bool ask(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    const struct second_token *given = req->data;
    struct passkey_site site;
    struct passkey_request out;
    if (!passkey_site_of(tx->arena, req->app->public_url, &site, err) ||
        !passkey_request(tx, &site, given->token, &out, err))
        return false;
    reply_value(reply, 201, &passkey_request_type, &out);
    return true;
}

struct entry {
    struct passkey_claim claim;
    struct str account, secret;
};

static bool run_take(struct tx *tx, void *arg, struct err *err)
{
    return passkey_take(tx, arg, err);
}

static bool run_refuse(struct tx *tx, void *arg, struct err *err)
{
    return passkey_refuse(tx, arg, err);
}

static bool verify(struct request *req, struct passkey_claim *claim, struct err *err)
{
    struct err why = {};
    struct conn *conn = db_take(req->app->db);
    bool ok = passkey_verify(conn, req->app->key, req->arena, claim, err);
    db_give(req->app->db, conn);
    // Its owner shall see it in the list of passkeys, the administrators in the log.
    if (!ok && str_eq(str_from(err->reason), S("counter")) &&
        !db_write(req->app->db, WRITE_PEOPLE, run_refuse, &claim->passkey, &why))
        *err = why;
    return ok;
}

static bool prepare_proof_of_passkey(struct request *req, struct err *err)
{
    struct entry *entry = arena_new(req->arena, struct entry);
    struct passkey_proof proof = {};
    struct passkey_site site;
    req->data = entry;
    if (!request_decode(req, &passkey_proof_type, true, &proof, NULL, err))
        return false;
    entry->account = str_printf(req->arena, "passkey %.*s", STR_ARG(proof.id));
    if (!enter_slow_down(req, entry->account, err) ||
        !passkey_site_of(req->arena, req->app->public_url, &site, err) ||
        !passkey_read(req->arena, &site, &proof, &entry->claim, err) ||
        !db_write(req->app->db, WRITE_PEOPLE, run_take, &entry->claim, err) ||
        !verify(req, &entry->claim, err))
        return false;
    entry->secret = random_token(req->arena, "");
    return true;
}

static bool sign_in(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct entry *entry = req->data;
    const struct passkey *passkey = &entry->claim.passkey;
    if (!passkey_use(tx, &entry->claim, err) ||
        (str_given(entry->claim.token) && !sign_in_step_end(tx, entry->claim.token, err)) ||
        !enter(req, tx, passkey->workspace_id, passkey->agent_id, entry->secret, reply, err))
        return false;
    enter_speed_up(req, entry->account);
    return true;
}

const struct route passkey_routes[] = {
    {HTTP_GET_, "/api/v1/me/passkeys", MAY_READ, "listPasskeys", "One's own passkeys", .out = &passkey_type,
     .out_list = true, .success = 200, .flags = ROUTE_ENROLL, .read = list_passkeys},
    {HTTP_POST_, "/api/v1/me/passkeys/begin", MAY_READ, "beginPasskey",
     "What the browser needs to make a passkey; good for five minutes", .in = &self_proof_type,
     .out = &passkey_ask_type, .success = 201, .flags = ROUTE_HASH | ROUTE_ENROLL, .prepare = prepare_proof,
     .write = begin},
    {HTTP_POST_, "/api/v1/me/passkeys", MAY_READ, "addPasskey",
     "Keep the passkey that the browser made; from now on signing in has a second step",
     .in = &passkey_draft_type, .out = &passkey_made_type, .success = 201, .flags = ROUTE_SLOW | ROUTE_ENROLL,
     .prepare = prepare_add, .write = add},
    {HTTP_PATCH_, "/api/v1/me/passkeys/{id}", MAY_READ, "renamePasskey", "Rename a passkey",
     .in = &new_name_type, .out = &passkey_type, .success = 200, .flags = ROUTE_ENROLL,
     .prepare = prepare_rename, .write = rename_passkey},
    {HTTP_POST_, "/api/v1/me/passkeys/{id}/remove", MAY_READ, "removePasskey",
     "Remove a passkey; ends all other sessions", .in = &self_proof_type, .success = 204,
     .flags = ROUTE_HASH | ROUTE_ENROLL, .prepare = prepare_remove, .write = remove_passkey},
    {HTTP_POST_, "/api/v1/session/passkey/begin", MAY_ANYONE, "beginSignInPasskey",
     "What the browser needs to sign in with a passkey; good for five minutes", .in = &second_token_type,
     .out = &passkey_request_type, .success = 201, .prepare = prepare_request, .write = ask},
    {HTTP_POST_, "/api/v1/session/passkey", MAY_ANYONE, "signInPasskey",
     "Sign in with a passkey, or take the second step with one", .in = &passkey_proof_type, .out = &me_type,
     .success = 201, .flags = ROUTE_SLOW, .prepare = prepare_proof_of_passkey, .write = sign_in},
    {},
};
