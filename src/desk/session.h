// SPDX-License-Identifier: AGPL-3.0-or-later
// What lets somebody in: sessions of the page, API tokens, one-time codes. Each is 256 random bits, shown
// once and stored as its SHA-256. Sessions slide; disabled colleagues have none.
#pragma once
#include "desk/actor.h"

enum {
    SESSION_SLIDE_MS = 14 * 24 * 3600 * 1000, // unused for so long: over
    SESSION_TOUCH_MS = 5 * 60 * 1000,         // last_seen_at is written at most so often
    CODE_SIGN_IN_MS = 15 * 60 * 1000,
    CODE_INVITE_MS = 24 * 3600 * 1000,
};
#define SESSION_LONGEST_MS ((i64)90 * 24 * 3600 * 1000) // however much it is used

// The SHA-256 of a secret, in the arena, as it is stored.
struct str secret_hash(struct arena *arena, struct str secret);

struct session {
    i64 id, workspace_id, agent_id, created_at, last_seen_at, expires_at;
    struct str user_agent, address;
    bool current;
};
struct session_list {
    struct session *items;
    size_t len, cap;
};
extern const struct type session_type;

// ERR_UNAUTHENTICATED when it is unknown, over, or its owner disabled.
bool session_find(struct conn *conn, struct str secret, i64 now, struct arena *arena, struct session *out,
                  struct err *err) MUST_CHECK;
// Those of the given sessions that are not over, sorted.
bool session_alive(struct conn *conn, const struct id_list *ids, i64 now, struct arena *arena,
                   struct id_list *ret_alive, struct err *err) MUST_CHECK;
bool session_create(struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret, struct str user_agent,
                    struct str address, i64 *ret_id, struct err *err) MUST_CHECK;
bool session_touch(struct tx *tx, const struct session *session, struct err *err) MUST_CHECK;
bool session_list(struct conn *conn, const struct actor *actor, i64 now, struct arena *arena,
                  struct session_list *out, struct err *err) MUST_CHECK;
bool session_end(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
// All of the agent's but `keep` (0: all).
bool session_end_others(struct tx *tx, i64 workspace_id, i64 agent_id, i64 keep, struct err *err) MUST_CHECK;

struct token {
    i64 id, agent_id, workspace_id, created_at, last_used_at, expires_at;
    struct str name, scopes_text, agent_name;
    struct str_list scopes;
    struct {
        i64 id;
        struct str name;
    } agent;
    unsigned scope_set;
    struct str secret; // given once, when it was made
};
struct token_list {
    struct token *items;
    size_t len, cap;
};
extern const struct type token_type;
struct token_draft {
    struct str name;
    struct str_list scopes;
    i64 expires_at;
};
extern const struct type token_draft_type;

// "read" -> SCOPE_READ; 0: unknown.
unsigned scope_find(struct str name);
bool token_find(struct conn *conn, struct str secret, i64 now, struct arena *arena, struct token *out,
                struct err *err) MUST_CHECK;
bool token_alive(struct conn *conn, i64 workspace_id, i64 id, i64 now, bool *ret_alive,
                 struct err *err) MUST_CHECK;
bool token_create(struct tx *tx, const struct actor *actor, const struct token_draft *draft,
                  struct str secret, struct token *out, struct err *err) MUST_CHECK;
bool token_touch(struct tx *tx, const struct token *token, struct err *err) MUST_CHECK;
// Administrators see all, others their own.
bool token_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct token_list *out,
                struct err *err) MUST_CHECK;
bool token_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;

// purpose: "setup" or "sign_in". lifetime_ms 0: until used.
bool code_create(struct tx *tx, struct str purpose, i64 workspace_id, i64 agent_id, struct str secret,
                 i64 lifetime_ms, struct err *err) MUST_CHECK;
// Uses it up. ERR_UNAUTHENTICATED when it is unknown, used or over.
bool code_take(struct tx *tx, struct str purpose, struct str secret, i64 *ret_workspace, i64 *ret_agent,
               struct err *err) MUST_CHECK;
bool code_end_purpose(struct tx *tx, struct str purpose, struct err *err) MUST_CHECK;
// Sessions, codes and saved answers that are over; called once an hour.
bool session_clean(struct tx *tx, struct err *err) MUST_CHECK;
