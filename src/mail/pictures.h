// SPDX-License-Identifier: AGPL-3.0-or-later
// Whether a mail's HTML names a picture at an address. Looked up in a sandboxed child: its yes opens nothing
// by itself, for the address is the asker's, never the child's.
#pragma once
#include "base/child.h"

enum { PICTURE_URL_MAX = 8000 };

// As addresses are compared: without tabs, line breaks, and controls and spaces at both ends, which browsers
// do not read either.
struct str picture_url_plain(struct arena *arena, struct str url);
// Whether an <img> of the HTML has this address, as picture_url_plain gives it.
bool html_names_picture(struct str html, struct str url);
// The job; put it into the table given to nursery_start.
bool picture_named_job(struct str input, struct buf *output);
// Runs it as the given kind. False: ERR_INVALID (field "url") when the HTML does not name it, ERR_UNAVAILABLE
// when no child could look.
bool mail_names_picture(struct nursery *nursery, size_t kind, struct str html, struct str url,
                        struct arena *arena, struct err *err) MUST_CHECK;
