// SPDX-License-Identifier: AGPL-3.0-or-later
// One-time passwords by the clock (RFC 6238): six digits each thirty seconds, HMAC-SHA1, as every
// authenticator app takes them.
#pragma once
#include "base/arena.h"

enum { TOTP_STEP_MS = 30000, TOTP_KEY = 20 };

// The code of one step; six digits and a NUL.
void totp_code(struct str key, i64 step, char out[7]);
// The step (now or one beside it) whose code this is, if it is behind `after`; 0: none. Constant time.
i64 totp_step(struct str key, struct str code, i64 now_ms, i64 after);
// RFC 4648, without padding.
struct str base32_encode(struct arena *arena, struct str data);
