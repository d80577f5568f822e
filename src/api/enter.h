// SPDX-License-Identifier: AGPL-3.0-or-later
// The door, for every way of signing in: attempts are slowed, and whoever is known gets a session.
#pragma once
#include "api/me.h"
#include "api/route.h"

// One attempt from this address, and (when given) on this account from this address.
bool enter_slow_down(struct request *req, struct str account, struct err *err) MUST_CHECK;
// It was a good one: costs nothing.
void enter_speed_up(struct request *req, struct str account);
// A session with this secret, its cookie, and who one is.
bool enter(struct request *req, struct tx *tx, i64 workspace_id, i64 agent_id, struct str secret,
           struct reply *reply, struct err *err) MUST_CHECK;
