// SPDX-License-Identifier: AGPL-3.0-or-later
// A reader of the log: customers who were asked over to a support account and have come there.
#pragma once
#include "jobs/jobs.h"
#include "jobs/worker.h"

struct worker *steering_job_start(const struct jobs_settings *settings);
