// SPDX-License-Identifier: AGPL-3.0-or-later
// Raw sockets for tests of the HTTP server: what a program that does not play by the rules would send.
#pragma once
#include "base/clock.h"
#include "base/str.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// "127.0.0.1:PORT" to a connected socket; rcvbuf 0: the system's.
static inline int wire_connect(struct str address, int rcvbuf)
{
    i64 port = 0;
    struct str rest, host = str_cut(address, ':', &rest);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (host.len == 0 || fd < 0 || !str_to_i64(rest, &port)) {
        abort();
    }
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (rcvbuf > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        abort();
    }
    return fd;
}

// Sends all it can; false when the other side has closed.
static inline bool wire_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return true;
}

// Reads until the other side closes, `want` bytes are there or ms have passed. Returns the length;
// *ret_closed tells whether the end was seen.
static inline size_t wire_read(int fd, char *out, size_t want, int ms, bool *ret_closed)
{
    i64 deadline = clock_mono() + ms;
    size_t len = 0;

    *ret_closed = false;
    while (len < want) {
        i64 left = deadline - clock_mono();
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
            break;
        }
        ssize_t n = recv(fd, out + len, want - len, 0);

        if (n <= 0) {
            *ret_closed = true;
            break;
        }
        len += (size_t)n;
    }
    return len;
}

// Closes with a reset instead of a goodbye.
static inline void wire_reset(int fd)
{
    struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static inline int wire_status(const char *answer, size_t len)
{
    if (len < 12 || memcmp(answer, "HTTP/1.1 ", 9) != 0) {
        return 0;
    }
    return (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0');
}
