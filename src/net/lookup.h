// SPDX-License-Identifier: AGPL-3.0-or-later
// Names to addresses with an end: a name server may take its time, who asks may not.
#pragma once
#include "base/err.h"
#include <netdb.h>

// *ret is for freeaddrinfo. ERR_INVALID: not found or not in time; ERR_UNAVAILABLE: too many look-ups.
bool lookup_run(struct str host, int timeout_ms, struct addrinfo **ret, struct err *err) MUST_CHECK;
