// SPDX-License-Identifier: AGPL-3.0-or-later
// Two clocks. clock_now: wall time in ms UTC, what is stored and shown; may jump. clock_mono: ms that
// only grow, for every timeout and lease wait. Tests shift the wall clock (HEED_TEST_CLOCK_MS adds an
// offset read from the environment at start; clock_test_shift in process).
#pragma once
#include "base/str.h"

i64 clock_now(void);
i64 clock_now_us(void);
i64 clock_mono(void);
void clock_test_shift(i64 delta_ms);
// RFC 3339 UTC with ms: "2026-11-24T05:35:00.000Z". Result in the arena.
struct str clock_format(struct arena *arena, i64 at_ms);
// The same into memory of the caller, NUL-terminated.
enum { CLOCK_TEXT = 32 };
void clock_write(i64 at_ms, char out[CLOCK_TEXT]);
// Any RFC 3339 time with zone, or a date alone (midnight UTC); fractions to ms. Years 1970-9999.
bool clock_parse(struct str text, i64 *ret_at_ms) MUST_CHECK;
