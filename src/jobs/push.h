// SPDX-License-Identifier: AGPL-3.0-or-later
// Sends pushes to browsers: an outbox of its own, so that a push service that hangs holds up nothing else.
#pragma once
#include "jobs/jobs.h"

struct push_job;
struct push_job *push_job_start(const struct jobs_settings *settings);
void push_job_ask_stop(struct push_job *job);
bool push_job_join(struct push_job *job, i64 until_mono);
