// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to base/: one step through bytes that may not be UTF-8. What others need is in str.h.
#pragma once
#include "base/str.h"

// Length of the well-formed sequence at pos (< s.len), or 0; then *ret_bad is the length of the maximal
// ill-formed part, which is to become one U+FFFD.
size_t utf8_sequence(struct str s, size_t pos, size_t *ret_bad);
