// SPDX-License-Identifier: AGPL-3.0-or-later
// How many raw events wait at each channel: looked up at most twice a second, counted up in between, so
// that a flooded channel is told 429 without a query for each of its requests.
#pragma once
#include "store/db.h"

i64 backlog_of(struct db *db, i64 channel_id);
void backlog_add(i64 channel_id);
