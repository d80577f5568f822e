// SPDX-License-Identifier: AGPL-3.0-or-later
// The poller: connects new channels, reads the streams of those that are well, stores what came raw in the
// same write that moves the cursor, and says how each channel does.
#pragma once
#include "jobs/jobs.h"

struct poll;
bool poll_start(const struct jobs_settings *settings, struct poll **ret_poll, struct err *err) MUST_CHECK;
void poll_ask_stop(struct poll *poll);
// False: somebody still waits for a network at that moment (clock_mono).
bool poll_join(struct poll *poll, i64 until_mono);
i64 poll_progress_at(const struct poll *poll);

// One real call to the network, for the button "test" of a channel. *ret_detail says what was seen.
bool channel_test(const struct jobs_settings *settings, i64 workspace_id, i64 channel_id, struct arena *arena,
                  bool *ret_ok, struct str *ret_detail, struct err *err) MUST_CHECK;
