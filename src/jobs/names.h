// SPDX-License-Identifier: AGPL-3.0-or-later
// Learns customers' names for finding them: a reader of the log, and once all that were there before it.
#pragma once
#include "jobs/jobs.h"

struct worker;
struct worker *names_job_start(const struct jobs_settings *settings);
