// SPDX-License-Identifier: AGPL-3.0-or-later
// Telephone numbers as people write them, to E.164 ("+3726123456"). Numbers without a country are read as
// somebody in the channel's own country would dial them.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { PHONE_DIGITS_MIN = 7, PHONE_DIGITS_MAX = 15 };
// The countries' codes (ISO 3166-1, two capital letters), ends with NULL.
extern const char *const phone_countries[];
// err has no field: the caller knows what the number was given for.
bool phone_number_read(struct str written, struct str country, struct arena *arena, struct str *ret_number,
                       struct err *err);
