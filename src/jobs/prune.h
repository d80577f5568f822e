// SPDX-License-Identifier: AGPL-3.0-or-later
// What is kept for a while only: raw events, the log, old texts, files nobody uses. Entries of the schedule's
// table; each is a bounded write that is repeated while it finds something.
#pragma once
#include "store/db.h"

// For how long raw events (after they were done) and the log are kept, in days; 0: 30 and 90. Set before the
// schedule starts.
void prune_keep(i64 raw_days, i64 log_days);

bool prune_inbound(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
bool prune_events(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
bool prune_files(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
bool prune_versions(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
// Before prune_versions, on a reading connection: up to which moment the search index has unlearnt old texts.
void prune_look(struct conn *conn);
