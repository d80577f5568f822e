// SPDX-License-Identifier: AGPL-3.0-or-later
// Browsers that take pushes, this installation's key pair, and pushes that still have to leave. What is
// known of a browser is sealed: whoever has it can reach the person.
#pragma once
#include "base/crypto.h"
#include "base/webpush.h"
#include "desk/actor.h"

struct push_device {
    i64 id, created_at, last_ok_at, session_id;
    struct str user_agent, service, error;
    bool current;
};
struct push_device_list {
    struct push_device *items;
    size_t len, cap;
};
extern const struct type push_device_type;

struct push_draft {
    struct str endpoint;
    struct push_keys {
        struct str p256dh, auth;
    } keys;
    struct str service; // the endpoint's host, filled in by whoever parsed it
};
extern const struct type push_draft_type;

struct push_state {
    struct str public_key;
    struct push_device_list devices;
};
extern const struct type push_state_type;

// Makes the key pair when there is none that this instance's key opens.
bool push_key_ensure(struct tx *tx, const struct key *key, struct err *err) MUST_CHECK;
bool push_key_load(struct conn *conn, const struct key *key, struct arena *arena, struct webpush_pair *out,
                   struct err *err) MUST_CHECK;
bool push_state_get(struct conn *conn, const struct actor *actor, i64 now, struct arena *arena,
                    struct push_state *out, struct err *err) MUST_CHECK;
// Keys of the right form, a point on the curve.
bool push_draft_check(const struct push_draft *draft, struct arena *arena, struct err *err) MUST_CHECK;
bool push_device_add(struct tx *tx, const struct key *key, const struct actor *actor,
                     const struct push_draft *draft, struct str user_agent, struct push_device *out,
                     struct err *err) MUST_CHECK;
bool push_device_remove(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
bool push_device_try(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;

// ---- For the job ----
// Pushes for pings whose time has come. *ret_n: how many pings.
bool push_fan(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
struct push_out {
    i64 id, workspace_id, device_id, ping_id, attempts, until_at, created_at;
};
// Takes at most one push; *ret_found false: none is due.
bool push_claim(struct tx *tx, struct push_out *out, bool *ret_found, struct err *err) MUST_CHECK;
struct push_letter { // what is to be sent where
    struct str endpoint, point, auth, text, contact;
    struct str topic, urgency;
    i64 ttl_s;
    bool needless; // seen meanwhile
};
bool push_letter_make(struct conn *conn, const struct key *key, const struct push_out *out, i64 now,
                      struct arena *arena, struct push_letter *ret, struct err *err) MUST_CHECK;
enum push_outcome { PUSH_TAKEN, PUSH_AGAIN, PUSH_GONE, PUSH_REFUSED, PUSH_NEEDLESS };
struct push_result {
    const struct push_out *out;
    enum push_outcome outcome;
    i64 retry_at; // for PUSH_AGAIN, 0: our own backoff
    struct str reason;
};
bool push_settle(struct tx *tx, const struct push_result *result, struct err *err) MUST_CHECK;
