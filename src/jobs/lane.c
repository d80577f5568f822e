// SPDX-License-Identifier: AGPL-3.0-or-later
// See lane.h. A channel takes at most a quarter of the slots; all unwell channels together no more than a
// quarter either, and each of them one.
#include "jobs/lane.h"
#include "base/arena.h"

enum { BURST = 60 };

void lanes_init(struct lanes *lanes, int slots)
{
    *lanes = (struct lanes){.slots = slots};
}

void lanes_finish(struct lanes *lanes)
{
    mem_free(lanes->items);
    *lanes = (struct lanes){};
}

struct lane *lane_of(struct lanes *lanes, i64 channel_id, i64 per_hour)
{
    for (size_t i = 0; i < lanes->len; i++)
        if (lanes->items[i].channel_id == channel_id)
            return &lanes->items[i];
    if (lanes->len == lanes->cap) {
        lanes->cap = lanes->cap ? lanes->cap * 2 : 64;
        lanes->items = mem_resize(lanes->items, lanes->cap * sizeof *lanes->items);
    }
    struct lane *lane = &lanes->items[lanes->len++];
    *lane = (struct lane){.channel_id = channel_id, .per_hour = per_hour, .tokens = BURST, .filled_at = -1};
    return lane;
}

static void fill(struct lane *lane, i64 mono)
{
    if (lane->filled_at < 0)
        lane->filled_at = mono;
    lane->tokens += (double)(mono - lane->filled_at) * (double)lane->per_hour / 3600000.0;
    if (lane->tokens > BURST)
        lane->tokens = BURST;
    lane->filled_at = mono;
}

static int unwell_in_flight(const struct lanes *lanes)
{
    int n = 0;
    for (size_t i = 0; i < lanes->len; i++)
        if (lanes->items[i].failures > 0)
            n += lanes->items[i].in_flight;
    return n;
}

static int at_least_one(int n)
{
    return n > 1 ? n : 1;
}

int lane_room(struct lanes *lanes, struct lane *lane, i64 now, i64 mono)
{
    int quarter = at_least_one(lanes->slots / 4);
    if (lane->pause_until > now)
        return 0;
    int room = (lane->failures > 0 ? 1 : quarter) - lane->in_flight;
    if (lane->failures > 0 && room > quarter - unwell_in_flight(lanes))
        room = quarter - unwell_in_flight(lanes);
    if (lane->per_hour > 0) {
        fill(lane, mono);
        if (room > (int)lane->tokens)
            room = (int)lane->tokens;
    }
    return room > 0 ? room : 0;
}

void lane_begin(struct lane *lane)
{
    lane->in_flight++;
    if (lane->per_hour > 0)
        lane->tokens -= 1;
}

void lane_end(struct lane *lane, enum lane_outcome outcome, i64 pause_until)
{
    lane->in_flight--;
    if (pause_until > lane->pause_until)
        lane->pause_until = pause_until;
    if (outcome == LANE_NO_ANSWER)
        lane->failures++;
    else if (outcome == LANE_WELL)
        lane->failures = 0;
}
