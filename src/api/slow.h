// SPDX-License-Identifier: AGPL-3.0-or-later
// Few threads for what takes long (hashing passwords, asking a network or a child), with a bounded queue:
// workers never wait for it, and beyond the queue the answer is 503.
#pragma once
#include "api/route.h"

struct slow_pool;
struct slow_pool *slow_create(const char *name, int n_threads, size_t capacity,
                              void (*run)(struct request *, struct reply *));
bool slow_push(struct slow_pool *pool, struct request *req, struct reply *reply) MUST_CHECK;
// Finishes what is queued, then joins. NULL is fine.
void slow_destroy(struct slow_pool *pool);
