// SPDX-License-Identifier: AGPL-3.0-or-later
// What a browser without scripts sends: application/x-www-form-urlencoded, read strictly.
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { FORM_FIELDS_MAX = 40 };
struct form_field {
    struct str name, value; // decoded, valid UTF-8 without NUL; line ends are \n
};
struct form_fields {
    struct form_field *items;
    size_t len, cap;
};
// ERR_SYNTAX for bad escapes, bytes that are no text, a name twice, or more fields than anybody needs.
bool form_body_parse(struct str body, struct arena *arena, struct form_fields *out,
                     struct err *err) MUST_CHECK;
// STR_NONE when there is none.
struct str form_body_get(const struct form_fields *fields, const char *name);
