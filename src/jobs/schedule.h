// SPDX-License-Identifier: AGPL-3.0-or-later
// Small things that come round by the clock: one thread, one table.
#pragma once
#include "jobs/worker.h"
#include "store/db.h"

struct schedule;
struct schedule *schedule_start(struct db *db);
void schedule_ask_stop(struct schedule *schedule);
bool schedule_join(struct schedule *schedule, i64 until_mono);
i64 schedule_progress_at(const struct schedule *schedule);
// Does one entry of the table by name ("wake_snoozes", "prune_inbound", …) until nothing is left of it;
// *ret_n rows. For tests and commands. ERR_NOT_FOUND for an unknown name.
bool schedule_do(struct db *db, const char *name, i64 *ret_n, struct err *err) MUST_CHECK;
