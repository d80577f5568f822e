// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: &eacute; and its like.
#pragma once
#include "base/str.h"

enum { ENTITY_NAME_MAX = 10 };

// Code point of a name without & and ;, or 0.
u32 entity_find(struct str name);
