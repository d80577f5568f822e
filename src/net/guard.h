// SPDX-License-Identifier: AGPL-3.0-or-later
// Which addresses this program may dial: public ones that are not its own, on web ports, unless the
// operator allowed exactly that host and port.
#pragma once
#include "base/err.h"
#include "net/url.h"
#include <sys/socket.h>

struct guard;
// entries: "HOST:PORT" or "[IPv6]:PORT". ERR_INVALID names a wrong one.
bool guard_create(const struct str *entries, size_t n, struct guard **ret, struct err *err) MUST_CHECK;
void guard_destroy(struct guard *guard);
// True when the operator allowed this URL's host and port.
bool guard_is_exempt(const struct guard *guard, const struct url *url);
// What can be said before a name is resolved: port, literal address.
bool guard_check_url(const struct guard *guard, const struct url *url, struct err *err) MUST_CHECK;
// The address about to be dialled. reason: a sentence when false.
bool guard_check_address(const struct sockaddr *address, char *reason, size_t size) MUST_CHECK;
