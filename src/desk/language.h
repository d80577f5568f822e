// SPDX-License-Identifier: AGPL-3.0-or-later
// In which language a message is written, when the network does not say.
#pragma once
#include "base/str.h"

// ISO 639-1, or "" when it is not clear: by script, and by frequent words for the Latin languages of
// our own page. Cheap: looks at the first 400 bytes.
struct str language_guess(struct str text);
