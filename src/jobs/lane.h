// SPDX-License-Identifier: AGPL-3.0-or-later
// What the sender remembers of each channel: how much is under way, its budget (a token bucket), until when
// the network asked for quiet, and whether it is unwell. In memory: each process keeps its own.
#pragma once
#include "base/str.h"

struct lane {
    i64 channel_id;
    int in_flight;
    i64 failures;    // in a row, for want of an answer
    i64 pause_until; // wall clock, as the network said
    double tokens;
    i64 filled_at; // clock_mono
    i64 per_hour;  // 0: no budget known
};
struct lanes {
    struct lane *items;
    size_t len, cap;
    int slots; // altogether
};
void lanes_init(struct lanes *lanes, int slots);
void lanes_finish(struct lanes *lanes);
// The channel's lane; made when new. Valid until the next call.
struct lane *lane_of(struct lanes *lanes, i64 channel_id, i64 per_hour);
// How many more of this channel may start now.
int lane_room(struct lanes *lanes, struct lane *lane, i64 now, i64 mono);
void lane_begin(struct lane *lane);
enum lane_outcome { LANE_WELL, LANE_NO_ANSWER, LANE_SLOW_DOWN };
void lane_end(struct lane *lane, enum lane_outcome outcome, i64 pause_until);
