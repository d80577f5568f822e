// SPDX-License-Identifier: AGPL-3.0-or-later
// The intake job: waiting raw events become messages, in batches per channel.
#pragma once
#include "jobs/jobs.h"

struct intake_job;
struct intake_job *intake_job_start(const struct jobs_settings *settings);
void intake_job_ask_stop(struct intake_job *job);
bool intake_job_join(struct intake_job *job, i64 until_mono);
i64 intake_job_progress_at(const struct intake_job *job);
// One pass over what waits, in the calling thread; *ret_n raw events were dealt with. For tests and tools.
bool intake_job_pass(const struct jobs_settings *settings, i64 *ret_n, struct err *err) MUST_CHECK;
