// SPDX-License-Identifier: AGPL-3.0-or-later
// Opening hours as they are set on a channel: a list of {"days":["mon",…],"from":"09:00","to":"17:00"}, and
// dates on which nobody is there. A line that ends at or before its beginning goes on into the next day. No
// list: always open.
#pragma once
#include "base/err.h"
#include "json/json.h"

enum { HOURS_LINES_MAX = 50, HOURS_CLOSED_MAX = 200 };

// false with err at the setting's field, when the list or the dates cannot be read.
bool hours_check(const struct json *hours, const struct json *closed_days, struct err *err) MUST_CHECK;
// Is it open at a moment, in a zone of the tz database? *ret_opens_at: when it next opens; 0: it is open now,
// or does not open within the year.
bool hours_open(const struct json *hours, const struct json *closed_days, struct str zone, i64 at_ms,
                i64 *ret_opens_at);
