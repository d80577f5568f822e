// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to mail/: the header block of a mail or of a part, and what one header's value is made of.
#pragma once
#include "base/arena.h"
#include "mail/parse.h"

enum {
    HEADER_BYTES_MAX = 256 * 1024, // of one block; the rest is passed over
    HEADER_LINES_MAX = 1000,       // headers of one block
    ADDRESSES_MAX = 500,           // of one header
    IDS_MAX = 100,                 // of one header; first and last are kept
};

struct header {
    struct str name;
    struct str value; // unfolded, trimmed, raw bytes
};
struct header_list {
    struct header *items;
    size_t len, cap;
    bool cut; // there was more than the limits allow
};

// Reads the block at the beginning of `raw`; returns where the body begins (behind the empty line).
size_t headers_read(struct str raw, struct arena *arena, struct header_list *ret);
// First of that name; STR_NONE: none.
struct str headers_find(const struct header_list *list, const char *name);

// "text/plain; charset=utf-8": the value before the first ';' in lower case, and the parameters.
struct params {
    struct str value; // lower case
    struct str rest;  // behind the first ';'
};
struct params params_read(struct str value, struct arena *arena);
// One parameter, decoded (RFC 2231, RFC 2047, raw bytes); STR_NONE: not there.
struct str params_find(const struct params *params, const char *name, struct arena *arena);

// Encoded words (RFC 2047) and raw bytes to UTF-8, on one line.
struct str words_decode(struct str raw, struct arena *arena);
// Length of the encoded word at the beginning of s; 0: there is none.
size_t words_match(struct str s);
// Off with line breaks, control characters and what turns the direction of text.
struct str words_one_line(struct str text, struct arena *arena);

// Everything between < and >.
void ids_read(struct str value, struct arena *arena, struct mail_id_list *list);
// An address list; false when there were more than ADDRESSES_MAX.
bool addresses_read(struct str value, struct arena *arena, struct mail_address_list *list);
// RFC 5322 dates, obsolete forms too; 0: cannot be read.
i64 date_read(struct str value);
