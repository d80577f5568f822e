// SPDX-License-Identifier: AGPL-3.0-or-later
// Documents made from the tables that serve the requests.
#pragma once
#include "api/route.h"

void openapi_print(struct buf *out, struct str server_url); // OpenAPI 3.1, JSON
void rights_print(struct buf *out);                         // docs/rights.md
const char *right_name(enum right right);                   // "read", "anyone", …
