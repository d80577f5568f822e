// SPDX-License-Identifier: AGPL-3.0-or-later
// Small encodings several drivers need.
#pragma once
#include "base/arena.h"

// Percent-encoding of one part of a query (RFC 3986: only unreserved characters stay).
struct str url_component(struct arena *arena, struct str text);
// At most max bytes of the text, never cut inside a character.
struct str text_head(struct str text, size_t max);
