// SPDX-License-Identifier: AGPL-3.0-or-later
// The reader of the log that pings people: one thread, woken by each commit that wrote events.
#pragma once
#include "jobs/jobs.h"

struct pings_job;
struct pings_job *pings_job_start(const struct jobs_settings *settings);
void pings_job_ask_stop(struct pings_job *job);
bool pings_job_join(struct pings_job *job, i64 until_mono);
