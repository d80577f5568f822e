// SPDX-License-Identifier: AGPL-3.0-or-later
// A stored raw mail becomes what its driver reads: taken apart in a sandboxed child, its files kept, the rest
// written as JSON. Runs in the job's thread before the driver's receive, outside of any write.
#pragma once
#include "jobs/jobs.h"

// stored: a line of JSON that says where it lay, then the mail's bytes. CHILD_REFUSED: nothing of it can be
// read; CHILD_DIED: worth two more tries.
enum child_result mail_in_read(const struct jobs_settings *settings, i64 workspace_id, struct str stored,
                               struct arena *arena, struct str *ret_json, struct err *err) MUST_CHECK;
