// SPDX-License-Identifier: AGPL-3.0-or-later
// How the desk puts something into the outbox; delivery.c takes it from there.
#pragma once
#include "channels/channel.h"
#include "desk/change.h"
#include "desk/delivery.h"

// The network behind a channel that can still be written to; ERR_CONFLICT with the reason when it is
// dead, switched off or unknown to this version. ret_settings may be NULL.
bool outbox_channel(struct tx *tx, i64 workspace_id, i64 channel_id, const struct channel_driver **ret_driver,
                    const struct json **ret_settings, struct err *err) MUST_CHECK;
// A row behind what the conversation already waits for. action: send, edit, delete, like, unlike.
bool outbox_add(struct change *change, const struct outbox_order *order, struct err *err) MUST_CHECK;
