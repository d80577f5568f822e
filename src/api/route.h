// SPDX-License-Identifier: AGPL-3.0-or-later
// The route table: one line per endpoint, read by the dispatcher, the OpenAPI document, the rights table
// and the test that walks routes x roles. A route without a declared right does not compile into a table
// (tested). Dispatch does, in this order: size limit, rate limit, session, CSRF, right, handler, log.
#pragma once
#include "desk/actor.h"
#include "net/http.h"

struct visiting;
struct app; // the running program: db, key, feed, client, settings
struct reply;
struct request {
    struct http_request *http;
    struct arena *arena;
    struct app *app;
    const struct route *route;
    struct actor actor; // zero for MAY_ANYONE without a session
    struct str path_values[4];
    struct str idempotency_key;
    void *data; // handler's own between prepare and write
    i64 now;
    struct str peer;        // the client's address, as a trusted proxy tells it
    struct visiting *visit; // routes with ROUTE_VISITOR: channel and visitor
    struct str cors_origin; // the page of another origin that may read the answer
};
struct reply {
    int status; // 0: 200
    struct buf body;
    struct str content_type; // default application/json
    struct {
        struct http_header *items;
        size_t len, cap;
    } headers;
    bool secret; // body holds a once-only secret: saved answers are sealed
    // Given: called last, after the log line, instead of sending; the request belongs to it from then on.
    void (*take)(struct request *, struct reply *);
};
struct query_param {
    const char *name, *kind, *doc;
}; // kind: string, integer, enum:a|b
struct route {
    enum http_method method;
    const char *path; // "/api/v1/conversations/{id}"
    enum right right;
    const char *name; // operationId: "listConversations"
    const char *summary;
    const struct type *in, *out; // body types; out_list: items of {items,next}
    bool out_list;
    int success;                      // 200, 201, 202, 204
    const struct type *accepted;      // besides success: 202 with this
    const struct query_param *params; // ends with name NULL
    unsigned flags;
    // Read routes: `read`, on a worker with a reading connection. Write routes: `prepare` (optional, on a
    // worker: decode and check the body) and `write` (in the write transaction; may run more than once).
    // Routes that ask the world and write nothing: `prepare`, then `read` without a connection; there is no
    // answer kept for an Idempotency-Key.
    bool (*read)(struct request *, struct conn *, struct reply *, struct err *);
    bool (*prepare)(struct request *, struct err *);
    bool (*write)(struct request *, struct tx *, struct reply *, struct err *);
};
// HASH, SLOW and FETCH: prepare hashes passwords, asks the network or a child, or waits for hosts that
// strangers name; each runs on a few threads of its own with a bounded queue (else 503), so that the workers
// stay free and who hangs holds up only others like it.
enum route_flags {
    ROUTE_NO_STORE = 1,
    ROUTE_RAW_BODY = 2,
    ROUTE_BIG_BODY = 4,
    ROUTE_INTAKE = 8,
    ROUTE_LOCAL = 16,
    ROUTE_HASH = 32,
    ROUTE_SLOW = 64,
    ROUTE_BYTES = 128, // the answer is not JSON
    ROUTE_FETCH = 512,
    ROUTE_ENROLL = 4096, // open to whoever still has to set up a second factor
    // Of a channel's visitors: channel by its key, origin by the channel's list, token of a visitor (visit.c)
    // instead of session, scopes and cookies.
    ROUTE_VISITOR = 256,
};
bool request_id(const struct request *req, int index, i64 *ret_id,
                struct err *err) MUST_CHECK; // strict: ERR_NOT_FOUND for rubbish
bool request_decode(struct request *req, const struct type *type, bool create, void *out, field_set *given,
                    struct err *err) MUST_CHECK;
bool request_limit(const struct request *req, i64 *ret_limit,
                   struct err *err) MUST_CHECK; // 1-100, default 50
void reply_value(struct reply *reply, int status, const struct type *type, const void *value);
