// SPDX-License-Identifier: AGPL-3.0-or-later
// HTML to plain text: a tokenizer that keeps counters instead of a tree, so that no depth costs anything.
// Blocks become lines, links keep their address, quotations get '>'. For reading, not for cleaning: what a
// browser shows is cleaned by the page.
#pragma once
#include "base/str.h"

struct html_text {
    struct str text;
    size_t tail_at; // where a container for a quoted mail begins in the text; SIZE_MAX: there is none
    bool cut;       // there was more than `max`
};

// html is valid UTF-8; the text is at most max bytes.
void html_to_text(struct str html, size_t max, struct arena *arena, struct html_text *ret);
// The charset that a <meta> of the first 1,024 bytes or a byte order mark names; STR_NONE: none.
struct str html_charset(struct str bytes);
// Escapes text so that it can stand in HTML.
struct buf;
void html_add_escaped(struct buf *out, struct str text);
