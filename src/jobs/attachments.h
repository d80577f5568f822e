// SPDX-License-Identifier: AGPL-3.0-or-later
// Files that customers sent: fetched through the guarded client and kept; pictures are cleaned in a child.
#pragma once
#include "jobs/jobs.h"

struct attachments;
struct attachments *attachments_start(const struct jobs_settings *settings);
void attachments_ask_stop(struct attachments *job);
bool attachments_join(struct attachments *job, i64 until_mono);
