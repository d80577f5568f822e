// SPDX-License-Identifier: AGPL-3.0-or-later
// Figures for Prometheus, from one table of metrics.
#pragma once
#include "api/route.h"

// Counts one answered request; route NULL: a file of the page.
void metrics_request(const struct route *route, int status, i64 ms);
void metrics_count_hook(i64 events);
void metrics_print(struct app *app, struct conn *conn, struct buf *out);
// "name type help" of every metric, for docs/metrics.md.
void metrics_list(struct buf *out);
