// SPDX-License-Identifier: AGPL-3.0-or-later
// CLD2 for C, and all the C++ there is here: one function over one function (text/cld2.cc).
#pragma once
#include <stdbool.h>
#include <stddef.h>

// The code CLD2 gives the likeliest language of valid UTF-8 ("en", "zh-Hant", "un"), from its own tables.
// *ret_percent: of how much of the text; *ret_sure: its own opinion. The text must end in three NULs, as
// CLD2 looks ahead. Thread-safe.
const char *cld2_guess(const char *text, size_t len, int *ret_percent, bool *ret_sure);
