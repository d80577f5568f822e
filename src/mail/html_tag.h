// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: the pieces HTML is made of, read where they stand. Each function looks at a byte once and
// goes on behind what it read, so that a walk over the pieces costs as much as the HTML is long.
#pragma once
#include "base/str.h"

enum html_piece {
    HTML_TEXT,        // up to the next '<', or a '<' that begins nothing
    HTML_TAG,         // <a …>, </a>
    HTML_DECLARATION, // "<!-- … -->", "<!doctype>", "<?xml …>", "</>": nothing to see
};

bool html_is_space(char c);
enum html_piece html_piece_at(struct str html, size_t pos);
size_t html_behind_declaration(struct str html, size_t pos);
// The name of the tag whose '<' is at *pos, as written; *pos moves behind it.
struct str html_tag_name(struct str html, size_t *pos);
// One attribute from *pos on, its value as written; false at the end of the tag, *pos then at its '>' or at
// the end of all: a tag that never ends takes the rest, as in browsers.
bool html_attribute(struct str html, size_t *pos, struct str *ret_name, struct str *ret_value);
// Behind the next </name …>; the end of all when there is none.
size_t html_behind_end_tag(struct str html, size_t pos, struct str name);
// The character reference at pos ('&'); *ret_behind behind it. 0: only an ampersand.
u32 html_reference(struct str html, size_t pos, size_t *ret_behind);
