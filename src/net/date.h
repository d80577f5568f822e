// SPDX-License-Identifier: AGPL-3.0-or-later
// Dates as HTTP headers write them.
#pragma once
#include "base/str.h"

#define HTTP_DATE_SIZE 30
// "Tue, 24 Nov 2026 05:35:00 GMT" into out; years 1970-9999.
struct str http_date_format(i64 at_ms, char out[HTTP_DATE_SIZE]);
// The same form read back (IMF-fixdate). False for anything else.
bool http_date_parse(struct str text, i64 *ret_at_ms) MUST_CHECK;
