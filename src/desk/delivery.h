// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbox: what still has to reach a network, in order within a conversation. `sending` is committed
// before the first byte; a lease lost there is in doubt and read back, never queued again.
#pragma once
#include "channels/channel.h"
#include "desk/actor.h"

struct delivery { // one claimed outbox row with all the driver needs
    i64 id, workspace_id, channel_id, conversation_id, message_id, attempts, doubt_since;
    bool confirm;               // true: ask the network whether it arrived; false: send
    struct outbound out;
};
struct delivery_list { struct delivery *items; size_t len, cap; };
// Claims due rows under a lease (state sending), at most `limit`, skipping channels in `busy` (over
// budget) and conversations with an earlier unfinished row. Also turns lost leases into in doubt.
bool delivery_claim(struct tx *tx, struct str owner, const struct id_list *busy, i64 limit, i64 lease_ms,
                    struct arena *arena, struct delivery_list *out, struct err *err) MUST_CHECK;
// What became of it. DONE, RETRY(retry_at), REFUSED, DOUBT, DEAD/REAUTH (back to queued, channel state told).
bool delivery_finish(struct tx *tx, const struct delivery *delivery, enum step_result result,
                     const struct step *step, struct err *err) MUST_CHECK;
