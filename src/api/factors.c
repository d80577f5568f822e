// SPDX-License-Identifier: AGPL-3.0-or-later
// One's own second factor, and taking away a colleague's.
#include "api/answer.h"
#include "api/app.h"
#include "api/limits.h"
#include "api/me.h"
#include "api/proof.h"
#include "api/routes.h"
#include "desk/agent.h"
#include "desk/factor.h"

struct proof {
    struct str current_password, code;
    bool has_password; // checked in prepare
};
static const struct type begin_type = {
    "TotpBegin",
    (const struct field[]){
        FIELD(proof, FIELD_STR, current_password, FIELD_WRITE_ONLY, .max = 1024,
              .doc = "needed when there is one"),
        FIELD_END,
    },
    sizeof(struct proof),
};
static const struct type code_type = {
    "FactorCode",
    (const struct field[]){
        FIELD(proof, FIELD_STR, code, FIELD_REQUIRED | FIELD_WRITE_ONLY, .max = 40,
              .doc = "six digits of the app, or a recovery code"),
        FIELD_END,
    },
    sizeof(struct proof),
};

struct totp_made {
    struct str secret, uri;
};
static const struct type totp_made_type = {
    "TotpSecret",
    (const struct field[]){
        FIELD(totp_made, FIELD_STR, secret, FIELD_READ_ONLY, .doc = "base32, to be typed into an app"),
        FIELD(totp_made, FIELD_STR, uri, FIELD_READ_ONLY, .doc = "otpauth:, to be shown as a QR code"),
        FIELD_END,
    },
    sizeof(struct totp_made),
};

struct codes_made {
    struct str_list recovery_codes;
};
static const struct type codes_made_type = {
    "RecoveryCodes",
    (const struct field[]){
        FIELD(codes_made, FIELD_STRS, recovery_codes, FIELD_READ_ONLY,
              .doc = "shown once; each is good once"),
        FIELD_END,
    },
    sizeof(struct codes_made),
};

static bool get_factor(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct factor_state state;
    if (!factor_state(conn, &req->actor, &state, err))
        return false;
    reply_value(reply, 200, &factor_state_type, &state);
    return true;
}

// Nor may somebody else's open session try all codes.
static bool slow_down(struct request *req, struct err *err)
{
    struct str who = str_printf(req->arena, "second|%lld", (long long)req->actor.agent_id);
    int retry_s = 1;
    return limit_take(req->app->limiter, LIMIT_SIGN_IN_ACCOUNT, who, 2, 10, &retry_s) ||
           err_retry(err, ERR_RATE_LIMITED, retry_s, "There were too many tries on this account.");
}

bool proof_password(struct request *req, struct str given, bool *ret_has, struct err *err)
{
    struct agent agent;
    if (!me_may_try_password(req, err))
        return false;
    struct conn *conn = db_take(req->app->db);
    bool found = agent_get(conn, req->actor.workspace_id, req->actor.agent_id, req->arena, &agent, err);
    db_give(req->app->db, conn);
    if (!found)
        return false;
    *ret_has = str_given(agent.password_hash);
    if (*ret_has && !password_verify(agent.password_hash, str_given(given) ? given : S("")))
        return err_field(err, "current_password", "wrong", "This is not the current password.");
    me_knew_password(req);
    return true;
}

// A session somebody left open is not enough to lock its owner out.
static bool prepare_begin(struct request *req, struct err *err)
{
    struct proof *proof = arena_new(req->arena, struct proof);
    bool has;
    req->data = proof;
    return request_decode(req, &begin_type, true, proof, NULL, err) &&
           proof_password(req, proof->current_password, &has, err);
}

static struct str encode(struct arena *arena, struct str text)
{
    struct buf out;
    buf_init(&out, arena, text.len * 3 + 1);
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                     c == '-' || c == '_';
        if (plain)
            buf_add_char(&out, (char)c);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return buf_str(&out);
}

static bool begin(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct totp_made made = {};
    if (!factor_begin(tx, &req->actor, req->app->key, &made.secret, err))
        return false;
    made.uri = str_printf(tx->arena, "otpauth://totp/Heed:%.*s?secret=%.*s&issuer=Heed",
                          STR_ARG(encode(tx->arena, req->actor.email)), STR_ARG(made.secret));
    reply->secret = true;
    reply_value(reply, 201, &totp_made_type, &made);
    return true;
}

static bool prepare_code(struct request *req, struct err *err)
{
    struct proof *proof = arena_new(req->arena, struct proof);
    req->data = proof;
    return request_decode(req, &code_type, true, proof, NULL, err) && slow_down(req, err);
}

static bool confirm(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct proof *proof = req->data;
    struct codes_made made = {};
    if (!factor_confirm(tx, &req->actor, req->app->key, proof->code, &made.recovery_codes, err))
        return false;
    reply->secret = true;
    reply_value(reply, 200, &codes_made_type, &made);
    return true;
}

static bool renew(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct proof *proof = req->data;
    struct codes_made made = {};
    if (!factor_renew_codes(tx, &req->actor, req->app->key, proof->code, &made.recovery_codes, err))
        return false;
    reply->secret = true;
    reply_value(reply, 200, &codes_made_type, &made);
    return true;
}

static bool take_away(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct proof *proof = req->data;
    reply->status = 204;
    return factor_remove(tx, &req->actor, req->app->key, proof->code, err);
}

static bool reset(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    reply->status = 204;
    return request_id(req, 0, &id, err) && factor_reset(tx, &req->actor, id, err);
}

const struct route factor_routes[] = {
    {HTTP_GET_, "/api/v1/me/second-factor", MAY_READ, "getSecondFactor",
     "Whether signing in has a second step", .out = &factor_state_type, .success = 200, .flags = ROUTE_ENROLL,
     .read = get_factor},
    {HTTP_POST_, "/api/v1/me/second-factor", MAY_READ, "beginTotp",
     "A key for an authenticator app; good once a first code is confirmed", .in = &begin_type,
     .out = &totp_made_type, .success = 201, .flags = ROUTE_HASH | ROUTE_ENROLL, .prepare = prepare_begin,
     .write = begin},
    {HTTP_POST_, "/api/v1/me/second-factor/confirm", MAY_READ, "confirmTotp",
     "Confirm it with a first code; answers once with recovery codes", .in = &code_type,
     .out = &codes_made_type, .success = 200, .flags = ROUTE_ENROLL, .prepare = prepare_code,
     .write = confirm},
    {HTTP_POST_, "/api/v1/me/second-factor/codes", MAY_READ, "renewRecoveryCodes",
     "Other recovery codes; the old ones end", .in = &code_type, .out = &codes_made_type, .success = 200,
     .flags = ROUTE_ENROLL, .prepare = prepare_code, .write = renew},
    {HTTP_POST_, "/api/v1/me/second-factor/remove", MAY_READ, "removeSecondFactor",
     "Take the authenticator app away", .in = &code_type, .success = 204, .prepare = prepare_code,
     .write = take_away},
    {HTTP_POST_, "/api/v1/agents/{id}/reset-second-factor", MAY_ADMIN, "resetSecondFactor",
     "Take a colleague's second factors away, who lost them; ends their sessions", .success = 204,
     .write = reset},
    {},
};
