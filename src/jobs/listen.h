// SPDX-License-Identifier: AGPL-3.0-or-later
// Waiting for news at networks that tell it over a standing connection (IMAP's IDLE): one thread per such
// channel. News only means that the channel's streams are polled now; whoever misses it is polled anyway.
#pragma once
#include "jobs/jobs.h"

struct listen;
struct listen *listen_start(const struct jobs_settings *settings);
void listen_ask_stop(struct listen *listen);
// False: somebody has not ended at that moment (clock_mono).
bool listen_join(struct listen *listen, i64 until_mono);
