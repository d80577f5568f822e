// SPDX-License-Identifier: AGPL-3.0-or-later
// IMAP (RFC 3501, 9051) as pure functions: what a server says, taken apart. Every command of ours has the tag
// "heed", one at a time, so an answer is whole with the first line that begins with it.
#pragma once
#include "base/arena.h"

#define IMAP_TAG "heed"

// How many bytes of what was received make the answer, 0: more is needed. Literals are stepped over.
size_t imap_whole(struct str received);          // to the end of the tagged line, or of a "+" line
size_t imap_greeting_whole(struct str received); // the first line
size_t imap_idle_whole(struct str received);     // a line that tells of news, of the end, or the tagged line

enum imap_status { IMAP_NONE, IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH, IMAP_CONTINUE };
struct imap_end {
    enum imap_status status;
    struct str code; // within [ ], may be empty
    struct str text; // for people
};
// The last line of an answer (or the greeting).
struct imap_end imap_end(struct str answer);
// The next line with its literals, without the final CRLF; false at the end.
bool imap_line(struct str *rest, struct str *ret_line);

enum imap_kind { IMAP_ATOM, IMAP_STRING, IMAP_LIST, IMAP_NIL };
struct imap_item {
    enum imap_kind kind;
    struct str text; // of a list: what stands between its brackets; of a string: still with its escapes
    bool quoted;     // the string stood between quotes
};
// The next item of a line; false at its end or where it makes no sense.
bool imap_item(struct str *rest, struct imap_item *ret_item);
struct str imap_text(const struct imap_item *item, struct arena *arena); // escapes undone

struct imap_fetch {
    i64 uid, size, at; // at: INTERNALDATE in ms UTC; 0 where not said
    struct str body;   // STR_NONE: none
};
// Walks the FETCH answers; the others are stepped over.
bool imap_fetch(struct str *rest, struct imap_fetch *ret_fetch);
// Numbers of "* SEARCH …" lines, one after the other; *ret_number 0 never comes.
bool imap_search(struct str *rest, struct str *line, i64 *ret_number);
// "* OK [NAME 17]": the number, 0 when it is not said.
i64 imap_code_number(struct str answer, struct str name);
bool imap_has_capability(struct str answer, struct str name);
// INTERNALDATE: "17-Jul-1996 02:44:25 -0700"; 0: none.
i64 imap_date(struct str text);
// A mailbox's name or another text as a quoted string or a literal-free atom; STR_NONE when it holds what
// cannot be quoted. Names beyond ASCII become modified UTF-7.
struct str imap_quote(struct arena *arena, struct str text);
struct str imap_mailbox(struct arena *arena, struct str name);
