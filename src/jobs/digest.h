// SPDX-License-Identifier: AGPL-3.0-or-later
// Mails to colleagues: gathers the digests that are due and sends them through the channel that the workspace
// chose. Apart from the customers' outbox, so that neither holds up the other.
#pragma once
#include "jobs/jobs.h"
#include "jobs/worker.h"

struct digest_job;
struct digest_job *digest_job_start(const struct jobs_settings *settings);
void digest_job_ask_stop(struct digest_job *job);
bool digest_job_join(struct digest_job *job, i64 until_mono);
