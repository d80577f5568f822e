// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: content transfer encodings. Each decoder takes what makes sense and passes over the rest.
#pragma once
#include "base/str.h"

// By the name in Content-Transfer-Encoding; unknown ones leave the bytes as they are.
struct str transfer_decode(struct str encoding, struct str bytes, struct arena *arena);
// Up to the padding; foreign characters are passed over, missing padding is none.
struct str transfer_base64(struct str text, struct arena *arena);
struct str transfer_quoted(struct str text, struct arena *arena);
// Value of two hexadecimal digits at p, or -1.
int transfer_hex(const char *p);
