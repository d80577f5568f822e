// SPDX-License-Identifier: AGPL-3.0-or-later
// API tokens: administrators see and end all, agents their own.
#include "api/answer.h"
#include "api/routes.h"
#include "base/crypto.h"
#include "desk/session.h"

struct new_token {
    struct token_draft draft;
    struct str secret;
};

static bool list_tokens(struct request *req, struct conn *conn, struct reply *reply, struct err *err)
{
    struct token_list list = {};
    if (!token_list(conn, &req->actor, req->arena, &list, err))
        return false;
    reply_list(reply, &token_type, &list, STR_NONE);
    return true;
}

static bool prepare_token(struct request *req, struct err *err)
{
    struct new_token *new_token = arena_new(req->arena, struct new_token);
    req->data = new_token;
    new_token->secret = random_token(req->arena, "heed_");
    return request_decode(req, &token_draft_type, true, &new_token->draft, NULL, err);
}

static bool post_token(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    struct new_token *new_token = req->data;
    struct token token;
    if (!token_create(tx, &req->actor, &new_token->draft, new_token->secret, &token, err))
        return false;
    token.secret = new_token->secret;
    reply->secret = true;
    reply_value(reply, 201, &token_type, &token);
    return true;
}

static bool delete_token(struct request *req, struct tx *tx, struct reply *reply, struct err *err)
{
    i64 id;
    (void)reply;
    return request_id(req, 0, &id, err) && token_delete(tx, &req->actor, id, err);
}

const struct route token_routes[] = {
    {HTTP_GET_, "/api/v1/tokens", MAY_REPLY, "listTokens", "API tokens, without their secrets",
     .out = &token_type, .out_list = true, .success = 200, .read = list_tokens},
    {HTTP_POST_, "/api/v1/tokens", MAY_REPLY, "createToken",
     "Make an API token; answers once with its secret", .in = &token_draft_type, .out = &token_type,
     .success = 201, .prepare = prepare_token, .write = post_token},
    {HTTP_DELETE_, "/api/v1/tokens/{id}", MAY_REPLY, "deleteToken", "Revoke a token", .success = 204,
     .write = delete_token},
    {},
};
