// SPDX-License-Identifier: AGPL-3.0-or-later
// Time zones by name, from the system's tz database (TZif, RFC 9636). localtime() knows one zone per process;
// here each person has one.
#pragma once
#include "base/arena.h"

// "Europe/Tallinn" and nothing that would leave the folder; true also when this machine has no such file.
bool zone_name_ok(struct str name);
// True when the machine knows the zone.
bool zone_known(struct str name);
// Seconds east of UTC at a moment; 0 when the zone is not known here.
i64 zone_offset(struct str name, i64 at_ms);
// The same from the bytes of a TZif file; 0 when they are none. For tests and fuzzing.
i64 zone_offset_of(struct str tzif, i64 at_ms);
// Minutes since midnight and day of the week (0 Sunday) there.
void zone_local(struct str name, i64 at_ms, int *ret_minute, int *ret_weekday);
