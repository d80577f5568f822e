// SPDX-License-Identifier: AGPL-3.0-or-later
// Does what people asked for many conversations at once, a few in each write.
#pragma once
#include "jobs/jobs.h"

struct worker;
struct worker *bulk_job_start(const struct jobs_settings *settings);
