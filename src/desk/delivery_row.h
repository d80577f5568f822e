// SPDX-License-Identifier: AGPL-3.0-or-later
// Shared by the files of the outbox (delivery.c, delivery_load.c, delivery_finish.c), nobody else.
#pragma once
#include "desk/delivery.h"

struct delivery_row { // a row of table outbox
    i64 id, workspace_id, channel_id, conversation_id, message_id;
    struct str action, client_key, state;
    i64 attempts, next_at, lease_until;
    struct str lease_owner;
    i64 doubt_since;
    struct str error;
    i64 created_at;
};
struct delivery_change { // next_at 0: now
    struct str state, error;
    i64 next_at, doubt_since, done_at;
};
void delivery_row_fill(struct rows *rows, struct arena *arena, struct delivery_row *out);
// For the write that changes it. ERR_NOT_FOUND when erased.
bool delivery_row_get(struct tx *tx, i64 id, struct delivery_row *out, struct err *err) MUST_CHECK;
// The lease ends with it.
bool delivery_row_set(struct tx *tx, const struct delivery_row *row, const struct delivery_change *to,
                      struct err *err) MUST_CHECK;
// What waited behind this row in its conversation is due again.
bool delivery_wake_followers(struct tx *tx, const struct delivery_row *row, struct err *err) MUST_CHECK;
// Messages behind this row say that they wait for it, and are not looked at before `until`.
bool delivery_say_followers_wait(struct tx *tx, const struct delivery_row *row, i64 until,
                                 struct err *err) MUST_CHECK;
