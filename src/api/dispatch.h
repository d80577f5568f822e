// SPDX-License-Identifier: AGPL-3.0-or-later
// The two ends of a request: what runs a write, and what sends and logs the answer.
#pragma once
#include "api/route.h"

// Sends the reply, or the problem when err is given; logs and counts. Exactly once per request.
void dispatch_finish(struct request *req, struct reply *reply, const struct err *err);
// Runs prepare here, then posts the write; the answer goes out after COMMIT.
// Slow ones are first handed to their own threads, which call dispatch_write_now.
void dispatch_write(struct request *req, struct reply *reply);
void dispatch_write_now(struct request *req, struct reply *reply);
