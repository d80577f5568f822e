// SPDX-License-Identifier: AGPL-3.0-or-later
// Request targets and query strings: decoded once, with one meaning or refused.
#pragma once
#include "base/arena.h"

// Splits an origin-form target into a decoded path and a raw query. Refused (false, *ret_detail says why):
// any other form, bad escapes, empty or dot segments, an encoded slash, backslash, control characters,
// bytes that are not UTF-8. asterisk: "*" is allowed (OPTIONS).
bool target_parse(struct arena *arena, struct str target, bool asterisk, struct str *ret_path,
                  struct str *ret_query, const char **ret_detail) MUST_CHECK;
// Percent-decoding, '+' as a space when asked. False on a broken escape. Result in the arena.
bool target_decode(struct arena *arena, struct str text, bool plus, struct str *ret) MUST_CHECK;
