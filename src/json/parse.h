// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to json/: one parser, three ways to treat text that no customer can have typed.
#pragma once
#include "json/json.h"

enum parse_mode {
    PARSE_STRICT,  // refused as bad syntax
    PARSE_LENIENT, // becomes U+FFFD
    PARSE_FIELDS,  // becomes NUL, which field decoding refuses and can name the field of
};

const struct json *json_parse_as(enum parse_mode mode, struct str text, struct arena *arena,
                                 struct err *err) MUST_CHECK;
// True when a string anywhere in the value holds NUL.
bool json_holds_nul(const struct json *value);
