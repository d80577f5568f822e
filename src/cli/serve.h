// SPDX-License-Identifier: AGPL-3.0-or-later
// `heed serve`: starts everything in order, waits for SIGTERM, stops everything in order.
#pragma once
#include "cli/options.h"

struct nursery;
// Before anything else in the program, by main: the nursery that `serve` hands its parsers' work to.
void serve_set_nursery(struct nursery *nursery);
int serve_run(struct options *options, struct arena *arena);
