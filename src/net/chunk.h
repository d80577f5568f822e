// SPDX-License-Identifier: AGPL-3.0-or-later
// The chunked transfer coding, in the one form that nobody reads differently: size in hexadecimal, CRLF,
// data, CRLF, "0" CRLF CRLF. Extensions, trailers, blanks and bare LFs are refused.
#pragma once
#include "base/buf.h"

enum chunk_result {
    CHUNK_MORE, // all bytes taken, more to come
    CHUNK_DONE,
    CHUNK_BAD,
    CHUNK_TOO_LARGE, // the next chunk would not fit
};

struct chunk_scan { // zero at the start of a body
    u64 size;       // of this chunk; counts down in its data
    u8 state;
    u8 digits;
    size_t framing; // bytes spent on anything but data
};

// Appends data to body, which holds at most `limit`. *ret_used: bytes that belonged to this body.
enum chunk_result chunk_read(struct chunk_scan *scan, struct str bytes, size_t limit, struct buf *body,
                             size_t *ret_used);
