// SPDX-License-Identifier: AGPL-3.0-or-later
// Endpoints of outgoing webhooks and the log of what was sent there. Only administrators have to do with
// them; each change is an event.
#include "desk/webhook.h"
#include "channels/standard_webhooks.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "text/words.h"
#include <stdio.h>

enum { OVERLAP_MS = 24 * 3600 * 1000, MOST = 50 };

static const struct type made_by_type = {
    "PersonRef",
    (const struct field[]){
        {.name = "id", .kind = FIELD_I64, .offset = 0},
        {.name = "name", .kind = FIELD_STR, .offset = sizeof(i64)},
        FIELD_END,
    },
    sizeof(((struct webhook *)0)->agent),
};

const struct type webhook_type = {
    "Webhook",
    (const struct field[]){
        FIELD(webhook, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(webhook, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(webhook, FIELD_STR, url, FIELD_READ_ONLY),
        FIELD(webhook, FIELD_STRS, kinds, FIELD_READ_ONLY, .doc = "as GET /webhook-kinds lists them"),
        FIELD(webhook, FIELD_STR, state, FIELD_READ_ONLY, .doc = "active, disabled"),
        FIELD(webhook, FIELD_STR, state_reason, FIELD_READ_ONLY, .doc = "a sentence a person can act on"),
        FIELD(webhook, FIELD_TIME, state_since, FIELD_READ_ONLY),
        FIELD(webhook, FIELD_TIME, failing_since, FIELD_READ_ONLY | FIELD_NULLABLE,
              .doc = "the first failure behind the last success; five days later it is disabled"),
        FIELD(webhook, FIELD_I64, waiting, FIELD_READ_ONLY, .doc = "events not yet delivered"),
        FIELD(webhook, FIELD_I64, failed, FIELD_READ_ONLY, .doc = "events given up on"),
        FIELD(webhook, FIELD_STRUCT, agent, FIELD_READ_ONLY, .type = &made_by_type,
              .doc = "who made it; told is only what they may see"),
        FIELD(webhook, FIELD_TIME, created_at, FIELD_READ_ONLY),
        {.name = "secret",
         .kind = FIELD_STR,
         .offset = offsetof(struct webhook, shown_secret),
         .flags = FIELD_READ_ONLY | FIELD_OPTIONAL_OUT,
         .doc = "once, when it was just made"},
        FIELD_END,
    },
    sizeof(struct webhook),
};

static const struct type webhook_row_type = {
    "WebhookRow",
    (const struct field[]){
        FIELD(webhook, FIELD_I64, id, 0),
        FIELD(webhook, FIELD_I64, workspace_id, 0),
        FIELD(webhook, FIELD_I64, agent_id, 0),
        FIELD(webhook, FIELD_STR, agent_name, 0),
        FIELD(webhook, FIELD_STR, name, 0),
        FIELD(webhook, FIELD_STR, url, 0),
        FIELD(webhook, FIELD_STR, kinds_text, 0),
        FIELD(webhook, FIELD_STR, state, 0),
        FIELD(webhook, FIELD_STR, state_reason, 0),
        FIELD(webhook, FIELD_I64, state_since, 0),
        FIELD(webhook, FIELD_I64, failing_since, 0),
        FIELD(webhook, FIELD_I64, failures, 0),
        FIELD(webhook, FIELD_I64, created_at, 0),
        FIELD(webhook, FIELD_I64, waiting, 0),
        FIELD(webhook, FIELD_I64, failed, 0),
        FIELD_END,
    },
    sizeof(struct webhook),
};

const struct type webhook_draft_type = {
    "WebhookDraft",
    (const struct field[]){
        FIELD(webhook_draft, FIELD_STR, name, 0, .max = 200),
        FIELD(webhook_draft, FIELD_STR, url, FIELD_REQUIRED, .max = 2048,
              .doc = "https, and not an address inside a private network"),
        FIELD(webhook_draft, FIELD_STRS, kinds, FIELD_REQUIRED, .max = 50,
              .doc = "which events, as GET /webhook-kinds lists them"),
        FIELD_END,
    },
    sizeof(struct webhook_draft),
};

const struct type webhook_patch_type = {
    "WebhookPatch",
    (const struct field[]){
        FIELD(webhook_draft, FIELD_STR, name, 0, .max = 200),
        FIELD(webhook_draft, FIELD_STR, url, 0, .max = 2048),
        FIELD(webhook_draft, FIELD_STRS, kinds, 0, .max = 50),
        FIELD(webhook_draft, FIELD_BOOL, enabled, 0),
        FIELD_END,
    },
    sizeof(struct webhook_draft),
};

#define DELIVERY_FIELDS                                                                                      \
    FIELD(webhook_delivery, FIELD_I64, id, FIELD_READ_ONLY),                                                 \
        FIELD(webhook_delivery, FIELD_I64, webhook_id, FIELD_READ_ONLY),                                     \
        FIELD(webhook_delivery, FIELD_STR, message_key, FIELD_READ_ONLY,                                     \
              .doc = "the header webhook-id, the same on each attempt"),                                     \
        FIELD(webhook_delivery, FIELD_STR, kind, FIELD_READ_ONLY),                                           \
        FIELD(webhook_delivery, FIELD_STR, state, FIELD_READ_ONLY,                                           \
              .doc = "waiting, done, failed, cancelled"),                                                    \
        FIELD(webhook_delivery, FIELD_I64, attempts, FIELD_READ_ONLY),                                       \
        FIELD(webhook_delivery, FIELD_TIME, next_at, FIELD_READ_ONLY),                                       \
        FIELD(webhook_delivery, FIELD_I64, status, FIELD_READ_ONLY,                                          \
              .doc = "HTTP status of the last answer; 0: none came"),                                        \
        FIELD(webhook_delivery, FIELD_STR, error, FIELD_READ_ONLY),                                          \
        FIELD(webhook_delivery, FIELD_TIME, created_at, FIELD_READ_ONLY),                                    \
        FIELD(webhook_delivery, FIELD_TIME, done_at, FIELD_READ_ONLY | FIELD_NULLABLE)

const struct type webhook_delivery_type = {
    "WebhookDelivery",
    (const struct field[]){DELIVERY_FIELDS, FIELD_END},
    sizeof(struct webhook_delivery),
};

static const struct type webhook_attempt_type = {
    "WebhookAttempt",
    (const struct field[]){
        FIELD(webhook_attempt, FIELD_I64, n, FIELD_READ_ONLY),
        FIELD(webhook_attempt, FIELD_TIME, at, FIELD_READ_ONLY),
        FIELD(webhook_attempt, FIELD_I64, ms, FIELD_READ_ONLY, .doc = "until the answer"),
        FIELD(webhook_attempt, FIELD_I64, status, FIELD_READ_ONLY, .doc = "0: no answer"),
        FIELD(webhook_attempt, FIELD_STR, error, FIELD_READ_ONLY),
        FIELD(webhook_attempt, FIELD_STR, answer, FIELD_READ_ONLY, .doc = "its first 2048 bytes"),
        FIELD_END,
    },
    sizeof(struct webhook_attempt),
};

const struct type webhook_delivery_full_type = {
    "WebhookDeliveryFull",
    (const struct field[]){
        DELIVERY_FIELDS,
        FIELD(webhook_delivery, FIELD_STR, body, FIELD_READ_ONLY, .doc = "what is sent"),
        FIELD(webhook_delivery, FIELD_LIST, tries, FIELD_READ_ONLY | FIELD_NO_ROW,
              .type = &webhook_attempt_type, .doc = "each attempt, the first one first"),
        FIELD_END,
    },
    sizeof(struct webhook_delivery),
};

// ---- Endpoints ----

static bool admin_only(const struct actor *actor, struct err *err)
{
    return actor_may(actor, MAY_ADMIN) || err_set(err, ERR_DENIED, "Webhooks are for administrators.");
}

static bool load(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct webhook_list *out,
                 struct err *err)
{
    struct webhook_list list = {};
    if (!db_list(conn, &SQL_webhook_list, DB_ARGS(db_i64(workspace_id), db_i64(id)), &webhook_row_type, &list,
                 arena, err))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        struct webhook *webhook = &list.items[i];
        struct str rest = webhook->kinds_text;
        while (rest.len > 0)
            *list_push(&webhook->kinds, arena) = str_cut(rest, ' ', &rest);
        webhook->agent.id = webhook->agent_id;
        webhook->agent.name = webhook->agent_name;
    }
    *out = list;
    return true;
}

bool webhook_given_up(struct conn *conn, const struct actor *actor, i64 *ret_n, struct err *err)
{
    *ret_n = 0;
    return !actor_may(actor, MAY_ADMIN) ||
           db_one_i64(conn, &SQL_webhook_given_up, DB_ARGS(db_i64(actor->workspace_id)), ret_n, err);
}

bool webhook_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct webhook_list *out,
                  struct err *err)
{
    return admin_only(actor, err) && load(conn, actor->workspace_id, 0, arena, out, err);
}

bool webhook_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct webhook *out, struct err *err)
{
    struct webhook_list list = {};
    if (!admin_only(actor, err) || !load(conn, actor->workspace_id, id, arena, &list, err))
        return false;
    if (list.len == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such webhook.");
    *out = list.items[0];
    return true;
}

static const struct webhook_kind *kind_find(struct str name)
{
    for (const struct webhook_kind *kind = webhook_kinds; kind->kind; kind++) {
        if (str_eq(name, str_from(kind->kind)))
            return kind;
    }
    return NULL;
}

// Each once, in the order of the table.
static bool kinds_text(const struct str_list *kinds, struct arena *arena, struct str *ret, struct err *err)
{
    struct str text = S("");
    for (size_t i = 0; i < kinds->len; i++) {
        char field[32];
        snprintf(field, sizeof field, "kinds.%zu", i);
        if (!kind_find(kinds->items[i]))
            return err_field(err, field, "unknown",
                             "There is no such kind of event; GET /webhook-kinds lists them.");
    }
    for (const struct webhook_kind *kind = webhook_kinds; kind->kind; kind++) {
        bool wanted = false;
        for (size_t i = 0; i < kinds->len; i++)
            wanted = wanted || str_eq(kinds->items[i], str_from(kind->kind));
        if (wanted)
            text = str_printf(arena, "%.*s%s%s", STR_ARG(text), text.len ? " " : "", kind->kind);
    }
    if (text.len == 0)
        return err_field(err, "kinds", "required", "Choose at least one kind of event.");
    *ret = text;
    return true;
}

static struct str place(struct arena *arena, i64 id)
{
    return str_printf(arena, "webhook:%lld:secret", (long long)id);
}

static bool set_secret(struct tx *tx, const struct key *key, i64 workspace_id, i64 id, i64 until,
                       struct str *ret_secret, struct err *err)
{
    *ret_secret = webhook_secret_make(tx->arena);
    struct str sealed = crypto_seal(key, tx->arena, place(tx->arena, id), *ret_secret);
    return db_exec(tx->conn, &SQL_webhook_secret_set,
                   DB_ARGS(db_i64(until), db_blob(sealed), db_i64(workspace_id), db_i64(id)), NULL, err);
}

bool webhook_create(struct tx *tx, const struct actor *actor, const struct key *key,
                    const struct webhook_draft *draft, struct webhook *out, struct err *err)
{
    struct str kinds, secret, name = text_clean_name(tx->arena, str_given(draft->name) ? draft->name : S(""));
    struct webhook_list all = {};
    i64 id;
    if (!webhook_list(tx->conn, actor, tx->arena, &all, err) ||
        !kinds_text(&draft->kinds, tx->arena, &kinds, err))
        return false;
    if (all.len >= MOST)
        return err_set(err, ERR_CONFLICT, "A workspace has at most %d webhooks.", MOST);
    if (!db_one_i64(tx->conn, &SQL_webhook_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_str(name),
                            db_str(draft->url), db_str(kinds), db_i64(tx->now)),
                    &id, err) ||
        !set_secret(tx, key, actor->workspace_id, id, 0, &secret, err) ||
        !actor_log(tx, actor, EVENT_WEBHOOK_CREATED, "webhook_id", id, err) ||
        !webhook_get(tx->conn, actor, id, tx->arena, out, err))
        return false;
    out->shown_secret = secret;
    return true;
}

bool webhook_update(struct tx *tx, const struct actor *actor, i64 id, const struct webhook_draft *patch,
                    field_set given, struct webhook *out, struct err *err)
{
    struct webhook row;
    if (!webhook_get(tx->conn, actor, id, tx->arena, &row, err))
        return false;
    struct str kinds = row.kinds_text;
    if (field_given(&webhook_patch_type, given, "kinds") &&
        !kinds_text(&patch->kinds, tx->arena, &kinds, err))
        return false;
    struct str name =
        field_given(&webhook_patch_type, given, "name") ? text_clean_name(tx->arena, patch->name) : row.name;
    struct str url = field_given(&webhook_patch_type, given, "url") ? patch->url : row.url;
    if (!db_exec(tx->conn, &SQL_webhook_update,
                 DB_ARGS(db_str(name), db_str(url), db_str(kinds), db_i64(actor->workspace_id), db_i64(id)),
                 NULL, err))
        return false;
    if (field_given(&webhook_patch_type, given, "enabled") &&
        !db_exec(tx->conn, &SQL_webhook_state_set,
                 DB_ARGS(db_str(patch->enabled ? S("active") : S("disabled")), db_str(S("")), db_i64(tx->now),
                         db_i64(actor->workspace_id), db_i64(id)),
                 NULL, err))
        return false;
    return actor_log(tx, actor, EVENT_WEBHOOK_UPDATED, "webhook_id", id, err) &&
           webhook_get(tx->conn, actor, id, tx->arena, out, err);
}

bool webhook_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    struct webhook row;
    return webhook_get(tx->conn, actor, id, tx->arena, &row, err) &&
           db_exec(tx->conn, &SQL_webhook_delete, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), NULL,
                   err) &&
           actor_log(tx, actor, EVENT_WEBHOOK_DELETED, "webhook_id", id, err);
}

bool webhook_rotate(struct tx *tx, const struct actor *actor, const struct key *key, i64 id,
                    struct str *ret_secret, struct err *err)
{
    struct webhook row;
    return webhook_get(tx->conn, actor, id, tx->arena, &row, err) &&
           set_secret(tx, key, actor->workspace_id, id, tx->now + OVERLAP_MS, ret_secret, err) &&
           actor_log(tx, actor, EVENT_WEBHOOK_UPDATED, "webhook_id", id, err);
}

// ---- Deliveries ----

bool webhook_delivery_list(struct conn *conn, const struct actor *actor, i64 webhook_id, struct str state,
                           i64 before, i64 limit, struct arena *arena, struct webhook_delivery_list *out,
                           struct err *err)
{
    struct webhook row;
    return webhook_get(conn, actor, webhook_id, arena, &row, err) &&
           db_list(conn, &SQL_webhook_delivery_list,
                   DB_ARGS(db_i64(actor->workspace_id), db_i64(webhook_id), db_i64(before), db_str(state),
                           db_i64(limit)),
                   &webhook_delivery_type, out, arena, err);
}

bool webhook_delivery_get(struct conn *conn, const struct actor *actor, i64 webhook_id, i64 id,
                          struct arena *arena, struct webhook_delivery *out, struct err *err)
{
    struct webhook_delivery delivery = {};
    if (!admin_only(actor, err) ||
        !db_one(conn, &SQL_webhook_delivery_get,
                DB_ARGS(db_i64(actor->workspace_id), db_i64(webhook_id), db_i64(id)),
                &webhook_delivery_full_type, &delivery, arena, err) ||
        !db_list(conn, &SQL_webhook_attempts, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)),
                 &webhook_attempt_type, &delivery.tries, arena, err))
        return false;
    *out = delivery;
    return true;
}

bool webhook_delivery_replay(struct tx *tx, const struct actor *actor, i64 webhook_id, i64 id,
                             struct err *err)
{
    struct webhook_delivery delivery;
    i64 n;
    if (!webhook_delivery_get(tx->conn, actor, webhook_id, id, tx->arena, &delivery, err) ||
        !db_exec(tx->conn, &SQL_webhook_delivery_replay,
                 DB_ARGS(db_i64(tx->now), db_i64(actor->workspace_id), db_i64(webhook_id), db_i64(id)), &n,
                 err))
        return false;
    return n > 0 || err_set(err, ERR_CONFLICT, "It is being sent at this moment.");
}

bool webhook_test(struct tx *tx, const struct actor *actor, i64 id, i64 *ret_delivery, struct err *err)
{
    struct webhook row;
    if (!webhook_get(tx->conn, actor, id, tx->arena, &row, err))
        return false;
    if (!str_eq(row.state, S("active")))
        return err_set(err, ERR_CONFLICT, "This webhook is switched off; switch it on first.");
    struct str data = str_printf(tx->arena, "{\"webhook_id\":%lld}", (long long)id);
    return db_one_i64(tx->conn, &SQL_webhook_delivery_insert_one,
                      DB_ARGS(db_i64(actor->workspace_id), db_i64(id),
                              db_str(random_token(tx->arena, "test_")), db_str(S(WEBHOOK_TEST)),
                              db_str(webhook_body(tx->arena, S(WEBHOOK_TEST), tx->now, data)),
                              db_i64(tx->now)),
                      ret_delivery, err);
}
