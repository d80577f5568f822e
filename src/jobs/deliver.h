// SPDX-License-Identifier: AGPL-3.0-or-later
// The sender: takes what is due from the outbox and brings it to the networks, several at once, in order
// within a conversation. One dead network never takes more than a quarter of the slots.
#pragma once
#include "jobs/jobs.h"

struct deliver;
bool deliver_start(const struct jobs_settings *settings, struct deliver **ret_deliver,
                   struct err *err) MUST_CHECK;
void deliver_ask_stop(struct deliver *deliver);
// False: somebody still waits for a network at that moment (clock_mono).
bool deliver_join(struct deliver *deliver, i64 until_mono);
i64 deliver_progress_at(const struct deliver *deliver);
