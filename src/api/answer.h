// SPDX-License-Identifier: AGPL-3.0-or-later
// How an answer is made and sent: values as JSON, errors as RFC 9457 problems.
#pragma once
#include "api/route.h"

void reply_init(struct reply *reply, struct arena *arena);
// The body is these bytes, which live as long as the request; they are not copied here.
void reply_bytes(struct reply *reply, struct str bytes);
void reply_header(struct reply *reply, const char *name, struct str value);
// {"items":[…],"next":…}: each item of a {items,len,cap} list through its type.
void reply_list(struct reply *reply, const struct type *type, const void *list, struct str next);
// Begins {"items":[ … and ends it, for items that are written by hand.
struct json_writer reply_list_open(struct reply *reply);
void reply_list_close(struct reply *reply, struct json_writer *w, struct str next);
// Turns the reply into the problem that err tells of.
void reply_problem(struct reply *reply, const struct err *err, u64 request_id);
void reply_send(struct http_request *http, struct reply *reply);
