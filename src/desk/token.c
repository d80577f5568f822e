// SPDX-License-Identifier: AGPL-3.0-or-later
// API tokens: they act with their agent's rights, cut down to their scopes. Shown once, stored hashed.
#include "desk/session.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

const struct type token_type = {
    "Token",
    (const struct field[]){
        FIELD(token, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(token, FIELD_STR, name, 0),
        FIELD(token, FIELD_STRS, scopes, FIELD_NO_ROW, .doc = "read, write, admin, metrics"),
        FIELD(token, FIELD_STRUCT, agent, FIELD_READ_ONLY | FIELD_NO_ROW,
              .type =
                  &(const struct type){
                      "PersonRef",
                      (const struct field[]){
                          {.name = "id", .kind = FIELD_I64, .offset = 0},
                          {.name = "name", .kind = FIELD_STR, .offset = sizeof(i64)},
                          FIELD_END,
                      },
                      sizeof(((struct token *)0)->agent),
                  }),
        FIELD(token, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(token, FIELD_TIME, last_used_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(token, FIELD_TIME, expires_at, FIELD_NULLABLE),
        {.name = "token",
         .kind = FIELD_STR,
         .offset = offsetof(struct token, secret),
         .flags = FIELD_READ_ONLY | FIELD_OPTIONAL_OUT,
         .doc = "once, when it was just made"},
        FIELD_END,
    },
    sizeof(struct token),
};

const struct type token_draft_type = {
    "TokenDraft",
    (const struct field[]){
        FIELD(token_draft, FIELD_STR, name, FIELD_REQUIRED, .max = 200),
        FIELD(token_draft, FIELD_STRS, scopes, FIELD_REQUIRED, .max = 4,
              .doc = "read, write, admin, metrics"),
        FIELD(token_draft, FIELD_TIME, expires_at, FIELD_NULLABLE),
        FIELD_END,
    },
    sizeof(struct token_draft),
};

static const struct type token_row_type = {
    "TokenRow",
    (const struct field[]){
        FIELD(token, FIELD_I64, id, 0),
        FIELD(token, FIELD_I64, workspace_id, 0),
        FIELD(token, FIELD_I64, agent_id, 0),
        FIELD(token, FIELD_STR, name, 0),
        FIELD(token, FIELD_STR, scopes_text, 0),
        FIELD(token, FIELD_STR, agent_name, 0),
        FIELD(token, FIELD_I64, created_at, 0),
        FIELD(token, FIELD_I64, last_used_at, 0),
        FIELD(token, FIELD_I64, expires_at, 0),
        FIELD_END,
    },
    sizeof(struct token),
};

static const struct {
    const char *name;
    unsigned scope;
} scopes[] = {
    {"read", SCOPE_READ}, {"write", SCOPE_WRITE}, {"admin", SCOPE_ADMIN}, {"metrics", SCOPE_METRICS}};

unsigned scope_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (str_eq(name, str_from(scopes[i].name)))
            return scopes[i].scope;
    }
    return 0;
}

static void split_scopes(struct token *token, struct arena *arena)
{
    struct str rest = token->scopes_text;
    while (rest.len > 0) {
        struct str word = str_cut(rest, ' ', &rest);
        if (word.len == 0)
            continue;
        *list_push(&token->scopes, arena) = word;
        token->scope_set |= scope_find(word);
    }
    token->agent.id = token->agent_id;
    token->agent.name = token->agent_name;
}

bool token_find(struct conn *conn, struct str secret, i64 now, struct arena *arena, struct token *out,
                struct err *err)
{
    struct token token = {};
    if (!db_one(conn, &SQL_token_by_hash, DB_ARGS(db_blob(secret_hash(arena, secret)), db_i64(now)),
                &token_row_type, &token, arena, err)) {
        if (err->code == ERR_NOT_FOUND)
            return err_set(err, ERR_UNAUTHENTICATED, "This token is unknown, over or revoked.");
        return false;
    }
    split_scopes(&token, arena);
    *out = token;
    return true;
}

bool token_alive(struct conn *conn, i64 workspace_id, i64 id, i64 now, bool *ret_alive, struct err *err)
{
    i64 n;
    if (!db_one_i64(conn, &SQL_token_alive, DB_ARGS(db_i64(id), db_i64(workspace_id), db_i64(now)), &n, err))
        return false;
    *ret_alive = n > 0;
    return true;
}

static bool note_token(struct tx *tx, const struct actor *actor, const char *kind, i64 id, struct err *err)
{
    return log_append(tx,
                      &(struct event){.workspace_id = actor->workspace_id,
                                      .kind = str_from(kind),
                                      .agent_id = actor->agent_id,
                                      .data = str_printf(tx->arena, "{\"token_id\":%lld}", (long long)id)},
                      err);
}

// "read write", each once, in the order of the table.
static bool scopes_text(const struct token_draft *draft, const struct actor *actor, struct arena *arena,
                        struct str *ret_text, struct err *err)
{
    unsigned set = 0;
    for (size_t i = 0; i < draft->scopes.len; i++) {
        unsigned scope = scope_find(draft->scopes.items[i]);
        if (!scope)
            return err_field(err, "scopes", "unknown", "A scope is read, write, admin or metrics.");
        set |= scope;
    }
    if (!set)
        return err_field(err, "scopes", "required", "A token needs at least one scope.");
    if ((set & (SCOPE_ADMIN | SCOPE_METRICS)) && !actor_may(actor, MAY_ADMIN))
        return err_set(err, ERR_DENIED, "Only administrators make tokens with the scopes admin or metrics.");
    // A token cannot make one that is allowed more than itself; one that administers may anything.
    if ((set & ~actor->scopes) && !(actor->scopes & SCOPE_ADMIN))
        return err_set(err, ERR_DENIED, "A token cannot make another with more scopes than its own.");
    struct str text = S("");
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (set & scopes[i].scope)
            text = str_printf(arena, "%.*s%s%s", STR_ARG(text), text.len ? " " : "", scopes[i].name);
    }
    *ret_text = text;
    return true;
}

bool token_create(struct tx *tx, const struct actor *actor, const struct token_draft *draft,
                  struct str secret, struct token *out, struct err *err)
{
    struct str text, name = text_clean_name(tx->arena, draft->name);
    i64 id;
    if (name.len == 0)
        return err_field(err, "name", "required",
                         "A token needs a name, so that others know what it is for.");
    if (draft->expires_at && draft->expires_at <= tx->now)
        return err_field(err, "expires_at", "past", "A token cannot end in the past.");
    if (!scopes_text(draft, actor, tx->arena, &text, err) ||
        !db_one_i64(tx->conn, &SQL_token_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_str(name), db_str(text),
                            db_blob(secret_hash(tx->arena, secret)), db_i64(tx->now),
                            db_opt(draft->expires_at)),
                    &id, err) ||
        !note_token(tx, actor, "token.created", id, err))
        return false;
    struct token token = {.id = id,
                          .agent_id = actor->agent_id,
                          .workspace_id = actor->workspace_id,
                          .created_at = tx->now,
                          .expires_at = draft->expires_at,
                          .name = name,
                          .scopes_text = text,
                          .agent_name = actor->name};
    split_scopes(&token, tx->arena);
    *out = token;
    return true;
}

bool token_touch(struct tx *tx, const struct token *token, struct err *err)
{
    return db_exec(tx->conn, &SQL_token_touch,
                   DB_ARGS(db_i64(tx->now), db_i64(token->id), db_i64(token->workspace_id)), NULL, err);
}

bool token_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct token_list *out,
                struct err *err)
{
    struct token_list list = {};
    i64 only = actor_may(actor, MAY_ADMIN) ? 0 : actor->agent_id;
    if (!db_list(conn, &SQL_token_list, DB_ARGS(db_i64(actor->workspace_id), db_i64(only)), &token_row_type,
                 &list, arena, err))
        return false;
    for (size_t i = 0; i < list.len; i++)
        split_scopes(&list.items[i], arena);
    *out = list;
    return true;
}

bool token_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    i64 n = 0;
    i64 only = actor_may(actor, MAY_ADMIN) ? 0 : actor->agent_id;
    if (!db_exec(tx->conn, &SQL_token_delete, DB_ARGS(db_i64(actor->workspace_id), db_i64(id), db_i64(only)),
                 &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such token.");
    return note_token(tx, actor, "token.deleted", id, err);
}
