// SPDX-License-Identifier: AGPL-3.0-or-later
// Urgency is a moment, not a score: time alone never changes the order of a list.
#pragma once
#include "desk/conversation.h"

struct allowance_table { // how long a customer may wait, by enum priority, ms
    i64 ms[PRIORITIES];
};
extern const struct allowance_table allowances_default;
// From the workspace's settings ({"allowance_min": {"urgent": 15, …}}); what is absent or absurd keeps
// its default. Never fails: a bad setting must not stop messages from coming in.
struct allowance_table allowances_read(struct str settings_json, struct arena *arena);
// "normal" for anything unknown, as a priority that was never set.
enum priority priority_find(struct str name);
// The earliest of due_at (0: none) and waiting_since + the allowance; NOT_WAITING when nobody waits and
// nothing was promised.
i64 urgency_at(const struct allowance_table *allowances, struct str priority, i64 waiting_since, i64 due_at);
