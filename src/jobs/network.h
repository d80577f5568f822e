// SPDX-License-Identifier: AGPL-3.0-or-later
// Runs a driver's operation: does its requests through the guarded fetcher, keeps renewed sessions sealed,
// and sees to it that only one at a time renews the session of a channel, over all threads and processes.
#pragma once
#include "desk/channel.h"
#include "jobs/jobs.h"

typedef enum step_result network_fn(struct step *step, const void *arg);

struct network_run {
    const struct jobs_settings *settings;
    struct channel_row row; // as loaded; its session follows when renewed
    struct channel_view view;
    i64 deadline;          // clock_mono; the run ends with STEP_RETRY behind it
    int requests;          // made so far
    struct dialog *dialog; // of a talk over lines; ended with the run
};
// Loads the channel and opens what is sealed of it; ERR_CONFLICT when that cannot be opened.
bool network_open(struct network_run *run, const struct jobs_settings *settings, i64 workspace_id,
                  i64 channel_id, struct arena *arena, struct err *err) MUST_CHECK;
// Until the operation ends; never STEP_REQUEST. On STEP_REAUTH the channel's state is set already.
enum step_result network_go(struct network_run *run, struct step *step, network_fn *fn, const void *arg);
