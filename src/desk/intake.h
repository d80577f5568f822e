// SPDX-License-Identifier: AGPL-3.0-or-later
// Raw events become messages, in named steps. Any permutation of message, edit, deletion, receipts,
// echo and duplicates ends in the same state.
#pragma once
#include "channels/channel.h"
#include "desk/actor.h"

// Stores raw bytes; part of the write that is committed before the network gets its 2xx.
bool intake_store(struct tx *tx, i64 workspace_id, i64 channel_id, struct str source, struct str stream,
                  struct str body, i64 *ret_id, struct err *err) MUST_CHECK;
// Applies parsed events of one channel in the current write.
bool intake_apply(struct tx *tx, i64 workspace_id, i64 channel_id, struct str channel_kind,
                  const struct inbound_list *events, struct err *err) MUST_CHECK;
// fn(arg) runs after each commit that stored raw bytes; one listener (the intake job), NULL ends it.
void intake_on_stored(void (*fn)(void *arg), void *arg);
