// SPDX-License-Identifier: AGPL-3.0-or-later
// For tests of the outbound client: a peer that behaves as the path says, canaries on the web ports of this
// machine, names that resolve as a table says. Included by test_client.c and test_client_limits.c.
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/thread.h"
#include "net/client.h"
#include "wire.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

// ---- A peer that behaves as the path says ---------------------------------------------------------------
static struct peer {
    int listener, port;
    _Atomic int n_connections, n_requests, n_posts;
    pthread_t thread;
    _Atomic bool stop;
    pthread_mutex_t lock;
    char head[8192]; // of the last request
} peer, second;

static inline bool read_request(int fd, char *head, size_t size)
{
    size_t len = 0;
    bool closed;

    while (len + 1 < size) {
        if (wire_read(fd, head + len, 1, 3000, &closed) != 1) {
            return false;
        }
        head[++len] = 0;
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0) {
            break;
        }
    }
    const char *length = strstr(head, "Content-Length: ");

    for (long n = length ? strtol(length + 16, NULL, 10) : 0; n > 0; n--) {
        char c;

        if (wire_read(fd, &c, 1, 3000, &closed) != 1) {
            return false;
        }
    }
    return true;
}

static inline void send_text(int fd, const char *text)
{
    (void)wire_send(fd, str_from(text));
}

static inline void send_bomb(int fd)
{
    enum { SIZE = 64 * 1024 * 1024 };
    static u8 packed[256 * 1024];
    static u8 zeros[65536];
    z_stream z = {.next_out = packed, .avail_out = sizeof packed};
    char head[200];

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    for (size_t i = 0; i < SIZE; i += sizeof zeros) {
        z.next_in = zeros;
        z.avail_in = sizeof zeros;
        deflate(&z, Z_NO_FLUSH);
    }
    deflate(&z, Z_FINISH);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
             z.total_out);
    send_text(fd, head);
    (void)wire_send(fd, (struct str){(char *)packed, z.total_out});
    deflateEnd(&z);
}

static inline void send_endless(int fd, const char *unit, int pause_ms)
{
    while (!peer.stop && wire_send(fd, str_from(unit))) {
        poll(NULL, 0, pause_ms);
    }
}

// Waits until the other side has had enough.
static inline void hold(int fd)
{
    char c;
    bool closed = false;

    while (!peer.stop && !closed) {
        (void)wire_read(fd, &c, 1, 50, &closed);
    }
}

static inline bool is_path(const char *head, const char *path)
{
    const char *at = strchr(head, ' ');

    return at && strncmp(at + 1, path, strlen(path)) == 0;
}

static inline void send_redirect(int fd, const char *head)
{
    const char *query = strchr(head, '?');
    const char *end = query ? strchr(query, ' ') : NULL;
    char answer[4000];

    snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %.*s\r\nContent-Length: 0\r\n\r\n",
             query ? (int)(end - query - 1) : 0, query ? query + 1 : "");
    send_text(fd, answer);
}

static inline void send_rest(int fd, const char *head)
{
    if (is_path(head, "/endless")) {
        send_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
        send_endless(fd, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0);
    } else if (is_path(head, "/large")) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n");
        send_endless(fd, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0);
    } else if (is_path(head, "/heads")) {
        send_text(fd, "HTTP/1.1 200 OK\r\n");
        send_endless(fd, "X: 0123456789abcdef0123456789abcdef\r\n", 0);
    } else if (is_path(head, "/slow")) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        send_endless(fd, "x", 100);
    } else if (is_path(head, "/bomb")) {
        send_bomb(fd);
    } else if (is_path(head, "/silent")) {
        hold(fd);
    } else if (is_path(head, "/half-head")) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Le");
    } else if (is_path(head, "/half-body")) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    } else if (is_path(head, "/banner")) {
        send_text(fd, "220 mail.example.com ESMTP\r\n");
    } else if (is_path(head, "/interim")) {
        send_text(fd, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-Early: 1\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nX-Late: a\xff"
                      "b\r\nContent-Length: 2\r\n\r\nok");
    } else if (is_path(head, "/error")) {
        send_text(fd, "HTTP/1.1 500 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno");
    }
}

// Serves one connection; true when it may carry another request.
static inline bool serve(struct peer *p, int fd, int nth)
{
    char head[8192];

    if (!read_request(fd, head, sizeof head)) {
        return false;
    }
    p->n_requests++;
    p->n_posts += strncmp(head, "POST", 4) == 0;
    pthread_mutex_lock(&p->lock);
    memcpy(p->head, head, sizeof head);
    pthread_mutex_unlock(&p->lock);
    if (is_path(head, "/redirect")) {
        send_redirect(fd, head);
        return true;
    }
    if (is_path(head, "/once")) { // the first request of a connection is answered, the second is not
        if (nth == 0) {
            send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        return nth == 0;
    }
    if (is_path(head, "/ok")) {
        send_text(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
        return true;
    }
    if (is_path(head, "/close")) {
        return false;
    }
    send_rest(fd, head);
    return false;
}

static inline void *serve_connection(void *arg)
{
    int fd = (int)(size_t)arg >> 1;
    struct peer *p = (size_t)arg & 1 ? &second : &peer;
    int nth = 0;

    while (!p->stop && serve(p, fd, nth++)) {
    }
    close(fd);
    return NULL;
}

static inline void *run_peer(void *arg)
{
    struct peer *p = arg;

    while (!p->stop) {
        struct pollfd poller = {.fd = p->listener, .events = POLLIN};

        if (poll(&poller, 1, 50) > 0) {
            int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

            p->n_connections++;
            pthread_detach(
                thread_start("peer", serve_connection, (void *)((size_t)fd << 1 | (p == &second))));
        }
    }
    return NULL;
}

static inline int listen_on(const char *address, int port, int backlog, int *ret_port)
{
    bool v6 = strchr(address, ':') != NULL;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    socklen_t len = sizeof v4;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (v6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        inet_pton(AF_INET6, address, &a6.sin6_addr);
    } else {
        inet_pton(AF_INET, address, &v4.sin_addr);
    }
    if (bind(fd, v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&v4, v6 ? sizeof a6 : sizeof v4) != 0 ||
        listen(fd, backlog) != 0) {
        close(fd);
        return -1;
    }
    if (!v6 && ret_port) {
        getsockname(fd, (struct sockaddr *)&v4, &len);
        *ret_port = ntohs(v4.sin_port);
    }
    return fd;
}

static inline void start_peer(struct peer *p)
{
    pthread_mutex_init(&p->lock, NULL);
    p->listener = listen_on("127.0.0.1", 0, 64, &p->port);
    p->thread = thread_start("peer", run_peer, p);
}

// ---- Canaries: everything on this machine that a web port could reach
// --------------------------------------
static int canaries[16];
static size_t n_canaries;

static inline size_t count_canary_connections(void)
{
    size_t n = 0;

    for (size_t i = 0; i < n_canaries; i++) {
        int fd;

        while ((fd = accept(canaries[i], NULL, NULL)) >= 0) {
            close(fd);
            n++;
        }
    }
    return n;
}

static inline void start_canaries(void)
{
    static const int ports[] = {80, 443, 8080, 8443};

    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        int v4 = listen_on("0.0.0.0", ports[i], 64, NULL), v6 = listen_on("::", ports[i], 64, NULL);

        // A port somebody else has, or that we may not have, gets no canary; the others remain.
        if (v4 >= 0) {
            canaries[n_canaries++] = v4;
        }
        if (v6 >= 0) {
            canaries[n_canaries++] = v6;
        }
    }
}

// ---- Clients ----------------------------------------------------------------------------------------------
// What names resolve to in these tests; "flip.test" answers differently each time.
static _Atomic int n_flips;

static inline size_t resolve(struct str host, char (*addresses)[46], size_t max, void *arg)
{
    static const struct {
        const char *name, *addresses[3];
    } table[] = {
        {"localhost", {"127.0.0.1", "::1"}},
        {"localhost.", {"127.0.0.1"}},
        {"sub.localhost", {"127.0.0.1"}},
        {"loopback.test", {"127.0.0.1"}},
        {"loopback6.test", {"::1"}},
        {"mapped.test", {"::ffff:127.0.0.1"}},
        {"ten.test", {"10.0.0.1"}},
        {"metadata.test", {"169.254.169.254"}},
        {"metadata.google.internal", {"169.254.169.254"}},
        {"any.test", {"0.0.0.0"}},
        {"any6.test", {"::"}},
        {"nat64.test", {"64:ff9b::7f00:1"}},
        {"ula.test", {"fd00:ec2::254"}},
        {"both.test", {"127.0.0.1", "::1", "10.0.0.1"}},
        {"127.0.0.1.nip.test", {"127.0.0.1"}},
    };

    (void)arg, (void)max;
    if (str_eq(host, S("flip.test"))) { // public when asked, ours when dialled
        snprintf(addresses[0], 46, "%s", n_flips++ == 0 ? "8.8.8.8" : "127.0.0.1");
        return 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (str_eq(host, str_from(table[i].name))) {
            size_t n = 0;

            for (; n < 3 && table[i].addresses[n]; n++) {
                snprintf(addresses[n], 46, "%s", table[i].addresses[n]);
            }
            return n;
        }
    }
    return 0;
}

static inline struct outbound_client *begin(client_test_resolver *resolver, size_t n,
                                            const char *const *allowed)
{
    struct outbound_client *client = NULL;
    struct str items[16];
    struct str_list list = {items, n, n};
    struct err err;

    for (size_t i = 0; i < n; i++) {
        items[i] = str_from(allowed[i]);
    }
    struct client_settings settings = {&list, S("Heed-test"), resolver, NULL};

    if (!client_start(&settings, &client, &err)) {
        fail_msg("%s", err.text);
    }
    return client;
}

// A client that may talk to the first peer only.
static inline struct outbound_client *begin_to_peer(void)
{
    char allowed[32];
    const char *list[] = {allowed};

    snprintf(allowed, sizeof allowed, "127.0.0.1:%d", peer.port);
    return begin(resolve, 1, list);
}

struct net_answer_view {
    struct net_answer answer;
    i64 ms;
};

static inline struct net_answer_view fetch(struct outbound_client *client, struct arena *arena,
                                           const char *method, struct str url, int timeout_ms, unsigned flags)
{
    struct net_answer_view view;
    struct net_request request = {.method = str_from(method), .url = url, .timeout_ms = timeout_ms};
    i64 from = clock_mono();

    if (strcmp(method, "POST") == 0) {
        request.body = S("hello");
    }
    client_fetch(client, &request, flags, arena, &view.answer);
    view.ms = clock_mono() - from;
    return view;
}

static inline struct str to_peer(struct arena *arena, const char *path)
{
    return str_printf(arena, "http://127.0.0.1:%d%s", peer.port, path);
}

static inline int start(void **state)
{
    (void)state;
    start_peer(&peer);
    start_peer(&second);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    peer.stop = second.stop = true;
    pthread_join(peer.thread, NULL);
    pthread_join(second.thread, NULL);
    return 0;
}
