// SPDX-License-Identifier: AGPL-3.0-or-later
// Token buckets by whatever is to be slowed down: an address, an actor, an account from one address. A
// fixed table: under a flood of strangers the longest unused bucket is forgotten, never memory grown.
#pragma once
#include "base/str.h"

enum limit_kind {
    LIMIT_PEER,            // an address (IPv6: its /64) without a session
    LIMIT_ACTOR,           // a session's or token's agent
    LIMIT_SIGN_IN_PEER,    // attempts to sign in from one address
    LIMIT_VISITOR,         // what one visitor of a channel does
    LIMIT_VISITOR_PEER,    // what comes to channels' public addresses from one address
    LIMIT_SIGN_IN_ACCOUNT, // attempts on one account from one address: others are not locked out
};
struct limiter;
struct limiter *limiter_create(void);
void limiter_destroy(struct limiter *limiter);
// Takes one token of a bucket that refills `per_minute` up to `burst`. False: nothing left, and in
// *ret_retry_s when there will be. Atomic: of a thousand at once exactly `burst` pass.
bool limit_take(struct limiter *limiter, enum limit_kind kind, struct str who, i64 per_minute, i64 burst,
                int *ret_retry_s);
// Gives a token back: signing in well costs nothing.
void limit_give(struct limiter *limiter, enum limit_kind kind, struct str who);
// "2001:db8:1:2::7" -> "2001:db8:1:2::/64"; IPv4 as it is (also in its IPv6 form). In the arena.
struct arena;
struct str limit_peer_key(struct arena *arena, struct str address);
