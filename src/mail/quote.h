// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: where the answer ends and what it quotes begins.
#pragma once
#include "base/str.h"

// Bytes of `text` before the quoted part and the signature; all of it when answers stand between the quoted
// lines, when the mail was passed on, or when nothing else would be left. tail_at: where the HTML says that a
// quoted mail begins, SIZE_MAX when it does not say.
size_t quote_visible(struct str text, size_t tail_at);
// format=flowed (RFC 3676): lines that end in a space are joined. delsp: that space goes.
struct str quote_unflow(struct str text, bool delsp, struct arena *arena);
