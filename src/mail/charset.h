// SPDX-License-Identifier: AGPL-3.0-or-later
// Foreign charsets to UTF-8, by what labels mean in practice rather than what they say.
#pragma once
#include "base/str.h"

struct buf;

// Opens every table once. Children inherit them; behind their walls no file can be opened.
void charset_prepare(void);
// Appends `bytes` as UTF-8. An empty or unknown label means UTF-8 when it is that, else windows-1252. What
// cannot be read becomes U+FFFD, also NUL. UTF-7 is never decoded: its text stays as it is.
void charset_decode(struct str label, struct str bytes, struct buf *out);
// The same into the arena, at most `max` bytes, cut between characters.
struct str charset_text(struct arena *arena, struct str label, struct str bytes, size_t max);
// Bytes of no stated charset, as in raw 8-bit headers.
struct str charset_guess(struct arena *arena, struct str bytes);
// False for labels nobody knows.
bool charset_known(struct str label);
// As many whole characters of s as fit into max bytes.
struct str charset_cut(struct str s, size_t max);
