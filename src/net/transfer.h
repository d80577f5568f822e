// SPDX-License-Identifier: AGPL-3.0-or-later
// One request on its way: what client.c hands to the curl thread and what comes back. Made, filled and
// read by the calling job; between client_submit and `done` it belongs to the curl thread.
#pragma once
#include "base/buf.h"
#include "base/thread.h"
#include "net/client.h"
#include "net/guard.h"
#include <curl/curl.h>
#include <sys/queue.h>

struct transfer {
    TAILQ_ENTRY(transfer) link;
    const struct url *url;
    const struct net_request *request;
    bool exempt;
    int timeout_ms;
    size_t max_answer;

    CURL *easy;
    struct curl_slist *headers, *resolve;
    char curl_error[CURL_ERROR_SIZE];
    char refused[160]; // the guard's words
    bool sent;         // the connection stood and the request was about to leave
    bool too_large;
    i64 first_byte_at; // clock_mono of the answer's first byte
    i64 n_received;
    struct buf body, head;
    size_t n_head_lines;
    bool head_whole; // curl takes a head cut short for an answer (7.88): looked at here

    CURLcode code;
    long status;
    bool stopped;
    bool done; // under the client's lock
    pthread_cond_t finished;
};

// Prepares the easy handle. False with a sentence when the request itself is not sendable.
bool transfer_init(struct transfer *transfer, struct arena *arena, const char *user_agent, char *error,
                   size_t error_size) MUST_CHECK;
void transfer_finish(struct transfer *transfer);
// Reads the outcome into an answer in the arena.
void transfer_read(const struct transfer *transfer, struct arena *arena, struct net_answer *answer);
