// SPDX-License-Identifier: AGPL-3.0-or-later
// The built-in folders' counts: cells (workspace, folder, channel, team). A write collects what its
// conversations leave and enter, and moves the cells as its last statements, in key order, so that
// two writes never wait for each other in a circle.
#pragma once
#include "desk/actor.h"

struct record;
struct count_delta {
    struct str folder;
    i64 channel_id, team_id, n;
};
struct count_deltas {
    struct count_delta *items;
    size_t len, cap;
};
// The folders this row is in: spam alone; closed; snoozed; open, then unanswered, and unassigned or
// mine:<agent>. At most 4; returns how many.
size_t counts_folders(const struct record *record, struct arena *arena, struct str out[4]);
// by: +1 it enters, -1 it leaves.
void counts_collect(struct count_deltas *deltas, const struct record *record, i64 by, struct arena *arena);
bool counts_apply(struct tx *tx, i64 workspace_id, struct count_deltas *deltas, struct err *err) MUST_CHECK;
