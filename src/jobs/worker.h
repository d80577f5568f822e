// SPDX-License-Identifier: AGPL-3.0-or-later
// A thread that takes turns: works while there is work, then sleeps until it is woken or its time has
// come. Every job is one of these, so all start, stop and report alike.
#pragma once
#include "base/str.h"

struct worker;
// One turn: returns ms until the next one, 0: at once. Looks at worker_stopping in long loops.
typedef i64 worker_turn(struct worker *worker, void *arg);

struct worker *worker_start(const char *name, worker_turn *turn, void *arg);
// The next turn begins now (or, when one is under way, right after it). Any thread; quick.
void worker_wake(struct worker *worker);
// Sleeps that long whoever wakes it; ends early only when it shall stop. For a turn that gathers.
void worker_rest(struct worker *worker, i64 ms);
bool worker_stopping(const struct worker *worker);
// clock_mono of the last time a turn ended or sleep was entered; for /readyz.
i64 worker_progress_at(const struct worker *worker);
// Asks it to end after its turn.
void worker_ask_stop(struct worker *worker);
// Waits for its end until the moment (clock_mono); false: still in its turn, the worker is left alone.
// True: freed. NULL is fine.
bool worker_join(struct worker *worker, i64 until_mono);
