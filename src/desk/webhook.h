// SPDX-License-Identifier: AGPL-3.0-or-later
// Outgoing webhooks: other programs are told of what happens, by the Standard Webhooks specification. A
// reader of the log writes one row per event and endpoint in the transaction that moves its cursor; a
// sender delivers each at least once, for days, under one id.
#pragma once
#include "base/crypto.h"
#include "desk/actor.h"
#include "store/log.h"

// ---- Kinds: events of the log that are public, each with what it carries ----
enum webhook_item { WEBHOOK_CONVERSATION = 1, WEBHOOK_MESSAGE = 2, WEBHOOK_CONTACT = 4, WEBHOOK_CHANNEL = 8 };
struct webhook_kind {
    const char *kind;
    unsigned items; // enum webhook_item
    const char *doc;
};
extern const struct webhook_kind webhook_kinds[]; // ends with kind NULL
#define WEBHOOK_TEST "webhook.test"

// ---- Endpoints ----
struct webhook {
    i64 id, workspace_id, agent_id, state_since, failing_since, failures, created_at, old_until, waiting,
        failed;
    struct str name, url, kinds_text, state, state_reason, agent_name, secret, old_secret;
    struct str_list kinds;
    struct {
        i64 id;
        struct str name;
    } agent;
    struct str shown_secret; // once
};
struct webhook_list {
    struct webhook *items;
    size_t len, cap;
};
extern const struct type webhook_type;
struct webhook_draft {
    struct str name, url;
    struct str_list kinds;
    bool enabled;
};
extern const struct type webhook_draft_type, webhook_patch_type;

// How many Heed gave up by itself. Only administrators are told; others: 0.
bool webhook_given_up(struct conn *conn, const struct actor *actor, i64 *ret_n, struct err *err) MUST_CHECK;
bool webhook_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct webhook_list *out,
                  struct err *err) MUST_CHECK;
bool webhook_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct webhook *out, struct err *err) MUST_CHECK;
bool webhook_create(struct tx *tx, const struct actor *actor, const struct key *key,
                    const struct webhook_draft *draft, struct webhook *out, struct err *err) MUST_CHECK;
bool webhook_update(struct tx *tx, const struct actor *actor, i64 id, const struct webhook_draft *patch,
                    field_set given, struct webhook *out, struct err *err) MUST_CHECK;
bool webhook_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
// The one before signs as well for another day.
bool webhook_rotate(struct tx *tx, const struct actor *actor, const struct key *key, i64 id,
                    struct str *ret_secret, struct err *err) MUST_CHECK;

// ---- Deliveries ----
struct webhook_attempt {
    i64 n, at, ms, status;
    struct str error, answer;
};
struct webhook_delivery {
    i64 id, webhook_id, attempts, next_at, status, created_at, done_at;
    struct str message_key, kind, state, error, body;
    struct {
        struct webhook_attempt *items;
        size_t len, cap;
    } tries;
};
struct webhook_delivery_list {
    struct webhook_delivery *items;
    size_t len, cap;
};
extern const struct type webhook_delivery_type, webhook_delivery_full_type;
bool webhook_delivery_list(struct conn *conn, const struct actor *actor, i64 webhook_id, struct str state,
                           i64 before, i64 limit, struct arena *arena, struct webhook_delivery_list *out,
                           struct err *err) MUST_CHECK;
bool webhook_delivery_get(struct conn *conn, const struct actor *actor, i64 webhook_id, i64 id,
                          struct arena *arena, struct webhook_delivery *out, struct err *err) MUST_CHECK;
bool webhook_delivery_replay(struct tx *tx, const struct actor *actor, i64 webhook_id, i64 id,
                             struct err *err) MUST_CHECK;
// Puts a webhook.test on its way.
bool webhook_test(struct tx *tx, const struct actor *actor, i64 id, i64 *ret_delivery,
                  struct err *err) MUST_CHECK;

// ---- The reader (webhook_read.c) ----
bool webhook_read(struct tx *tx, const struct event_list *events, void *arg, struct err *err) MUST_CHECK;
// A batch for tests and the test event: {"type","timestamp","data"}.
struct str webhook_body(struct arena *arena, struct str kind, i64 at, struct str data_json);

// ---- The sender (webhook_send.c) ----
enum {
    WEBHOOK_ATTEMPTS = 10,
    WEBHOOK_LEASE_MS = 60000,
    WEBHOOK_ANSWER_KEPT = 2048,
};
#define WEBHOOK_DISABLE_MS ((i64)5 * 24 * 3600 * 1000) // only failures for so long
struct webhook_sending {
    i64 workspace_id, webhook_id, delivery_id, attempts, old_until, failing_since, failures;
    struct str key, kind, body, url, secret, old_secret; // secrets opened
    struct str stop;                                     // given: not to be sent, and why
};
// *ret_delivery 0: nothing is due.
bool webhook_is_due(struct conn *conn, i64 now, bool *ret_due, struct err *err) MUST_CHECK;
bool webhook_claim(struct tx *tx, i64 *ret_workspace, i64 *ret_webhook, i64 *ret_delivery,
                   struct err *err) MUST_CHECK;
bool webhook_load(struct conn *conn, const struct key *key, i64 workspace_id, i64 delivery_id,
                  struct arena *arena, struct webhook_sending *out, struct err *err) MUST_CHECK;
struct webhook_answer {
    i64 status, ms, retry_at; // status 0: no answer
    struct str error, body;
};
bool webhook_finish(struct tx *tx, const struct webhook_sending *sending, const struct webhook_answer *answer,
                    struct err *err) MUST_CHECK;
// The pause behind the n-th attempt (from 1), without jitter; 0: there is none.
i64 webhook_pause(i64 attempts);
