// SPDX-License-Identifier: AGPL-3.0-or-later
// The running program, as the routes see it: one of these, made by `heed serve`, alive until it stops.
#pragma once
#include "base/child.h"
#include "base/crypto.h"
#include "live/feed.h"
#include "live/visitors.h"
#include "net/client.h"
#include "query/search.h"
#include "store/db.h"
#include <stdatomic.h>

struct jobs;
struct limiter;
struct slow_pool;
struct app {
    struct db *db;
    struct key *key;
    struct http_server *server;
    struct feed *feed;
    struct visitors *visitors;
    struct outbound_client *client;
    struct nursery *nursery;
    struct search *search; // NULL: this process does not index
    struct jobs *jobs;     // NULL: this process only serves
    struct limiter *limiter;
    struct slow_pool *hashing, *slow, *fetching;
    struct str public_url;           // "https://desk.example", no slash at the end
    struct str public_host;          // "desk.example", "127.0.0.1:8100"
    bool secure;                     // the public URL is https
    _Atomic(const char *) demo_chat; // public key of the demo's chat channel; NULL: no demo
    i64 started_at;
    i64 rate_limit;       // requests a second of one signed-in actor; 0: none
    i64 max_waiting;      // raw events a channel may have waiting before its hook answers 429
    bool only_works;      // --role work: health and figures only
    atomic_bool ready;    // everything is there; before, requests are told to wait
    atomic_bool stopping; // /readyz says so first
};

// The handler of the HTTP server and its body limits (net/http.h); arg is the app.
void api_handle(struct http_request *http, void *arg);
size_t api_body_limit(enum http_method method, struct str path, void *arg);
// What every answer carries, also those that net/ makes itself.
struct http_header *api_default_headers(const struct app *app, struct arena *arena, size_t *ret_n);
