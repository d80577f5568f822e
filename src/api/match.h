// SPDX-License-Identifier: AGPL-3.0-or-later
// All routes, and which of them a path means.
#pragma once
#include "api/route.h"

// Each resource's routes, each table ending with path NULL; the list ends with NULL.
extern const struct route *const route_tables[];

enum match_result {
    MATCH_OK,
    MATCH_METHOD, // the path is known, the method is not: 405, with what is allowed
    MATCH_NONE,
};
// path_values: the parts behind {…}, borrowed from path. HEAD means GET.
enum match_result route_match(enum http_method method, struct str path, const struct route **ret_route,
                              struct str path_values[4], unsigned *ret_methods);
// "GET, HEAD, POST, OPTIONS" of a set of 1 << method.
struct str route_allow(struct arena *arena, unsigned methods);
const char *method_name(enum http_method method);
// Position of a route over all tables, for figures; and how many there are.
size_t route_index(const struct route *route);
size_t route_count(void);
