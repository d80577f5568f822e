// SPDX-License-Identifier: AGPL-3.0-or-later
// Before what lets somebody in is changed: is it really they who sit there?
#pragma once
#include "api/route.h"

// The current password, if there is one; tries are slowed. *ret_has says whether there is.
bool proof_password(struct request *req, struct str given, bool *ret_has, struct err *err) MUST_CHECK;
