// SPDX-License-Identifier: AGPL-3.0-or-later
// The first look at a request: a byte-by-byte scanner that finds the end of the head and refuses what
// two programs could read differently (bare LF, NUL, folded lines, a space before the colon) before
// llhttp sees it. Counts against the limits while the bytes arrive, so nothing long is ever collected.
#pragma once
#include "base/str.h"

#define HEAD_TARGET_MAX       8192
#define HEAD_HEADERS_MAX      32768
#define HEAD_HEADER_COUNT_MAX 100
// Longest head that can be collected: empty line, method, target, version, headers.
#define HEAD_MAX (HEAD_TARGET_MAX + HEAD_HEADERS_MAX + 64)

struct head_scan {  // zero at the start of a message
    size_t at;      // bytes looked at
    size_t part;    // bytes in the current part
    size_t headers; // bytes in the header lines
    u8 state;
    u8 n_headers;
    const char *detail; // why it was refused
};

// Goes on from scan->at; `bytes` starts at the message's first byte. Returns 0 when more is needed, 200
// when the head is complete (scan->at is its length), else the status to refuse with.
int head_scan(struct head_scan *scan, const char *bytes, size_t len);
// True for a byte that may stand in a method or header name (RFC 9110 token).
bool head_is_token(u8 c);
