// SPDX-License-Identifier: AGPL-3.0-or-later
// What became of one turn of a stream, as one write: raw bodies, cursor, facts, the channel's state.
#pragma once
#include "desk/channel.h"

struct polled { // a leased row of channel_cursor
    i64 workspace_id, channel_id, failures;
    i64 lease, next_lease;
};
struct poll_outcome {
    const struct polled *polled;
    struct str stream;
    const struct channel_row *row; // NULL: it could not even be loaded
    const struct step *step;
    enum step_result result;
    bool ours; // failed for a reason of our own, the network is not to blame
};
// A write_fn; arg is a struct poll_outcome.
bool poll_result_write(struct tx *tx, void *arg, struct err *err);
