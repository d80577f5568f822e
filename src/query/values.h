// SPDX-License-Identifier: AGPL-3.0-or-later
// What may stand behind "field:", read into a value. Private to query/.
#pragma once
#include "query/tree.h"

struct parse_place {
    struct str text;
    size_t pos; // byte of the first code point at fault
};
// Fills err (ERR_SYNTAX, field q) and returns false.
bool query_error(struct parse_place place, struct err *err, const char *reason, const char *expected,
                 const char *detail);
// quoted: the text stood in quotes and is never an operator.
bool query_value_parse(const struct query_field *field, struct str text, bool quoted,
                       struct parse_place place, struct arena *arena, struct query_value *out,
                       struct err *err) MUST_CHECK;
