// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: a struct mail as bytes between the child and us. One function names the fields in order
// and serves both directions, so that the two cannot disagree.
#pragma once
#include "mail/parse.h"

struct buf;

void wire_write(const struct mail *mail, struct buf *out);
// False when anything is not as a child of ours would have written it: *ret is then not to be used. Slices
// point into `bytes`.
bool wire_read(struct str bytes, struct arena *arena, struct mail *ret) MUST_CHECK;
