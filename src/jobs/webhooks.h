// SPDX-License-Identifier: AGPL-3.0-or-later
// Outgoing webhooks: one thread reads the log into rows, a few send them through the guarded client.
#pragma once
#include "jobs/jobs.h"

struct webhooks_job;
struct webhooks_job *webhooks_job_start(const struct jobs_settings *settings);
void webhooks_job_ask_stop(struct webhooks_job *job);
bool webhooks_job_join(struct webhooks_job *job, i64 until_mono);
