// SPDX-License-Identifier: AGPL-3.0-or-later
// In which language a message is written, when the network does not say.
#pragma once
#include "base/str.h"

// ISO 639-1 (a few of three letters), or "" when it is not clear. Links, names (@, e-mail), hashtags, digits
// and emoji do not count. A script that only one language uses decides by itself, however short the text;
// otherwise CLD2 is asked. Cheap: looks at the first 400 bytes.
struct str language_guess(struct str text);
