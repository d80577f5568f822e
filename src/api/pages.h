// SPDX-License-Identifier: AGPL-3.0-or-later
// The agents' page: files compiled into the program (assets.c, made by tools/embed.py from web/dist).
#pragma once
#include "api/route.h"

struct asset {
    const char *path; // "/assets/index-3f2a.js"
    const char *mime;
    const char *etag; // quoted
    bool immutable;   // its name has a hash of its content
    struct {
        const unsigned char *bytes;
        size_t len;
    } plain, gzip, brotli; // the packed ones may be absent (len 0)
};
extern const struct asset assets[];
extern const size_t n_assets;

// Answers GET and HEAD of the page's files and of its URLs. False: not the page's, or (*ret_methods set)
// not this method.
bool page_answer(struct request *req, struct reply *reply, unsigned *ret_methods);
