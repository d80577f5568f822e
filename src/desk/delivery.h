// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbox: what still has to reach a network, in order within a conversation. `sending` is committed
// before the first byte; a lease lost there is in doubt and read back, never queued again.
//
//   queued → sending → done | failed | queued (later) | in_doubt
//   in_doubt → (read back) done | queued (the network says: never came) | held (10 minutes: a person decides)
//   held, failed → (delivery_resolve) done | queued | cancelled
#pragma once
#include "base/crypto.h"
#include "channels/channel.h"
#include "desk/actor.h"

enum {
    DELIVERY_DOUBT_MS = 600000, // read back that long, then held for a person
    DELIVERY_ASK_MS = 15000,    // between two questions
    DELIVERY_LEASE_MS = 90000,  // renewed while a sender lives
    DELIVERY_LINK_MS = 3600000, // networks fetch media in their own time
};
#define DELIVERY_MAX_AGE_MS INT64_C(432000000) // five days of trying

// Puts one more action of a message into the outbox; action: send, edit, delete, like, unlike. When an
// earlier answer of the conversation is in doubt the message says that it waits for it.
struct outbox_order {
    i64 channel_id, conversation_id, message_id;
    struct str action;
    i64 not_before; // 0: at once; it leaves not earlier than this
};
bool delivery_enqueue(struct tx *tx, i64 workspace_id, const struct outbox_order *order,
                      struct err *err) MUST_CHECK;
// The outbox's part of a person's decision about a message: "sent", "send_again" or "cancel". ERR_CONFLICT
// when nothing of it is undecided. The message's own state is the caller's.
bool delivery_resolve(struct tx *tx, i64 workspace_id, i64 message_id, struct str decision,
                      struct err *err) MUST_CHECK;
// Takes back an order nobody has begun; what waited behind it goes on.
bool delivery_withdraw(struct tx *tx, i64 id, struct err *err) MUST_CHECK;

// What waited behind a row that was taken back goes on.
bool delivery_free_way(struct tx *tx, i64 workspace_id, i64 id, struct err *err) MUST_CHECK;

// fn(arg) is called after each commit that put something into the outbox or woke something there; one
// listener per process, NULL ends it. fn must be quick.
void delivery_watch(void (*fn)(void *arg), void *arg);

// ---- For the sender (jobs/deliver.c) -------------------------------------------------------------
struct delivery_channel {
    i64 id, workspace_id;
    struct str kind, state;
};
struct delivery_channels {
    struct delivery_channel *items;
    size_t len, cap;
};
// Channels with anything in the outbox.
bool delivery_channels(struct conn *conn, struct arena *arena, struct delivery_channels *out,
                       struct err *err) MUST_CHECK;
// What of a channel could be claimed now, at most `limit` each.
struct delivery_due {
    struct id_list queued, doubts, lost;
};
bool delivery_due(struct conn *conn, i64 channel_id, i64 now, i64 limit, struct arena *arena,
                  struct delivery_due *out, struct err *err) MUST_CHECK;
// Claims rows found by delivery_due, under a lease; what somebody else took is left out of *out (which
// the caller's memory holds). Lost ones become in doubt.
struct delivery_claims {
    i64 id[64];
    bool confirm[64];
    size_t len;
};
bool delivery_claim(struct tx *tx, struct str owner, const struct delivery_due *due,
                    struct delivery_claims *out, struct err *err) MUST_CHECK;
bool delivery_renew(struct tx *tx, struct str owner, struct str ids_json, struct err *err) MUST_CHECK;
// Who else holds leases on a channel, and the end of the leases of one that is gone.
bool delivery_owners(struct conn *conn, i64 channel_id, i64 now, struct str owner, struct arena *arena,
                     struct str_list *out, struct err *err) MUST_CHECK;
bool delivery_forsake(struct tx *tx, i64 channel_id, struct str owner, struct err *err) MUST_CHECK;
// At the start of the only process on SQLite: whoever held a lease is gone.
bool delivery_expire(struct tx *tx, struct err *err) MUST_CHECK;

struct delivery { // one claimed outbox row with all the driver needs
    i64 id, workspace_id, channel_id, conversation_id, message_id, attempts, doubt_since, created_at,
        route_id;
    bool confirm; // true: ask the network whether it arrived; false: send
    struct str owner;
    struct outbound out;
};
// Everything the driver is told but its files. Not in the write.
bool delivery_load(struct conn *conn, i64 id, bool confirm, struct arena *arena, struct delivery *out,
                   struct err *err) MUST_CHECK;
// The files: bytes, or signed addresses for what the driver wants fetched.
struct delivery_links {
    const struct key *key;
    struct str public_url;
    i64 now;
};
bool delivery_load_files(struct conn *conn, const struct channel_driver *driver,
                         const struct delivery_links *links, struct arena *arena, struct delivery *delivery,
                         struct err *err) MUST_CHECK;
// What became of it. DONE, RETRY(retry_at), REFUSED, DOUBT, ABSENT, DEAD/REAUTH (back to queued, channel
// state told). can_ask: the driver can read back.
bool delivery_finish(struct tx *tx, const struct delivery *delivery, enum step_result result,
                     const struct step *step, bool can_ask, struct err *err) MUST_CHECK;
// Orders of a channel that could not send for five days end as failed, so that nobody believes they will
// still go out, and none goes out late by surprise when the channel is well again. *ret_n: how many.
bool delivery_give_up(struct tx *tx, i64 limit, i64 *ret_n, struct err *err) MUST_CHECK;
// When to try again after so many attempts: 2 s doubling to 5 minutes, with jitter.
i64 delivery_backoff_ms(i64 attempts);
