// SPDX-License-Identifier: AGPL-3.0-or-later
// Many open screens: N connections to /api/v1/events in one thread. Each `message` frame whose text holds
// "@<µs>@" (the sender's CLOCK_REALTIME) gives one latency. Prints one line of JSON at the end.
//   screens PORT TOKEN N SECONDS [EVERY]  (counts after all are open; says "open" on stderr when they are)
// EVERY: only each so-many-th screen looks at what it gets, the others only count bytes, so that the
// client is not what is measured; least_part says what part of a looking screen's bytes the poorest got.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t *latency;
static size_t n_latency, cap_latency;
static long frames, bytes, lost;

struct screen {
    int fd;
    size_t kept;
    long bytes;
    bool looks;
    char tail[96]; // enough of the last read to find a stamp cut in two
};

// Every "@…@" with 16 digits is one delivered message.
static void look(struct screen *s, const char *data, size_t len)
{
    static char joined[1 << 17];
    memcpy(joined, s->tail, s->kept);
    memcpy(joined + s->kept, data, len);
    size_t total = s->kept + len, from = 0;
    int64_t now = clock_us(CLOCK_REALTIME);
    for (char *p = joined; (p = memchr(p, '@', total - (size_t)(p - joined)));) {
        if ((size_t)(p - joined) + 18 > total)
            break;
        bool ours = p - joined >= 8 && memcmp(p - 8, "\"text\":\"", 8) == 0; // the message, not its preview
        if (!ours || p[17] != '@' || strspn(p + 1, "0123456789") < 16) {
            p++;
            continue;
        }
        int64_t at = strtoll(p + 1, NULL, 10);
        if (n_latency == cap_latency) {
            cap_latency = cap_latency ? cap_latency * 2 : 1 << 20;
            latency = realloc(latency, cap_latency * sizeof *latency);
        }
        latency[n_latency++] = (uint32_t)(now > at ? now - at : 0);
        p += 18;
        from = (size_t)(p - joined);
    }
    for (const char *p = data; (p = memchr(p, '\n', len - (size_t)(p - data))); p++) {
        frames += p + 1 < data + len && p[1] == '\n';
    }
    size_t keep = total - from < 25 ? total - from : 25;
    memcpy(s->tail, joined + total - keep, keep);
    s->kept = keep;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6)
        return 2;
    int every = argc == 6 ? (int)strtol(argv[5], NULL, 10) : 1;
    int port = (int)strtol(argv[1], NULL, 10), n = (int)strtol(argv[3], NULL, 10), ep = epoll_create1(0);
    struct rlimit many = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &many);
    struct screen *all = calloc((size_t)n, sizeof *all);
    for (int i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        char request[1024];
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
            perror("connect");
            return 1;
        }
        int len =
            snprintf(request, sizeof request,
                     "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n",
                     port, argv[2]);
        if (write(fd, request, (size_t)len) != len)
            return 1;
        all[i].fd = fd;
        all[i].looks = i % every == 0;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &all[i]});
    }
    usleep(300000);
    fprintf(stderr, "open\n");
    int64_t end = clock_us(CLOCK_MONOTONIC) + (int64_t)(strtod(argv[4], NULL) * 1e6);
    static char in[65536];
    while (clock_us(CLOCK_MONOTONIC) < end) {
        struct epoll_event events[512];
        int got = epoll_wait(ep, events, 512, 50);
        for (int i = 0; i < got; i++) {
            struct screen *s = events[i].data.ptr;
            ssize_t len = s->looks ? read(s->fd, in, sizeof in) : recv(s->fd, NULL, 1 << 22, MSG_TRUNC);
            if (len > 0) {
                bytes += len;
                s->bytes += len;
                if (s->looks)
                    look(s, in, (size_t)len);
            } else if (len == 0 || errno != EAGAIN) {
                lost++;
                epoll_ctl(ep, EPOLL_CTL_DEL, s->fd, NULL);
                close(s->fd);
            }
        }
    }
    long most = 0, least = -1;
    for (int i = 0; i < n; i++) {
        most = all[i].looks && all[i].bytes > most ? all[i].bytes : most;
        least = least < 0 || all[i].bytes < least ? all[i].bytes : least;
    }
    qsort(latency, n_latency, sizeof *latency, by_size);
    printf("{\"screens\":%d,\"frames\":%ld,\"bytes\":%ld,\"lost\":%ld,\"stamps\":%zu,\"p50_us\":%u,\"p99_"
           "us\":%u,\"min_us\":%u,\"max_us\":%u,\"least_part\":%.4f}\n",
           n, frames, bytes, lost, n_latency, n_latency ? latency[n_latency / 2] : 0,
           n_latency ? latency[n_latency * 99 / 100] : 0, n_latency ? latency[0] : 0,
           n_latency ? latency[n_latency - 1] : 0, most ? (double)least / (double)most : 0.0);
    return 0;
}
