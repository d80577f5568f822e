// SPDX-License-Identifier: AGPL-3.0-or-later
// From bytes to a whole request, without a socket: head (llhttp, after head.h's scan), then body. What
// could be read in two ways is refused with a status and a sentence.
#pragma once
#include "base/buf.h"
#include "net/chunk.h"
#include "net/http.h"
#include <llhttp.h>

struct parse {
    struct http_request *req;
    struct arena *arena;
    llhttp_t llhttp;
    size_t n_headers; // llhttp's count, must equal the scan's
    bool in_value;
    bool chunked;
    bool keep_alive;
    bool expect_continue;
    bool done;          // the body is whole
    u64 content_length; // 0 when chunked or absent
    struct buf body;    // heap; the owner ends it with buf_finish
    size_t body_limit;
    struct chunk_scan chunk;
    int status; // why refused, with detail
    const char *detail;
};

// `head` is what head_scan found complete, in the arena. Fills req. False: parse->status, ->detail.
bool parse_head(struct parse *parse, struct http_request *req, struct arena *arena,
                struct str head) MUST_CHECK;
// Decided from the head: a declared length above the limit is refused (413).
bool parse_begin_body(struct parse *parse, size_t limit) MUST_CHECK;
// Takes body bytes; *ret_used tells how many belonged to this request. parse->done when whole.
bool parse_body(struct parse *parse, struct str bytes, size_t *ret_used) MUST_CHECK;
