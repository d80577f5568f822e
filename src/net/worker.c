// SPDX-License-Identifier: AGPL-3.0-or-later
// A worker: takes whole requests off the queue and hands them to the layer above. The answer may come
// later and from another thread, so a worker never waits for a write.
#include "net/server.h"

void *worker_run(void *arg)
{
    struct http_server *server = arg;

    for (;;) {
        struct exchange *exchange = queue_pop(server->queue, -1);

        if (!exchange) {
            return NULL;
        }
        server->settings.handler(&exchange->req, server->settings.arg);
    }
}
