// SPDX-License-Identifier: AGPL-3.0-or-later
// HTTP load from one thread: N keep-alive connections, each with one request under way. Signed webhooks of
// a custom channel (--channel, --secret) or GETs (--path, --token). Prints one line of JSON: requests a
// second, latencies in µs, answers by status.
//   load --port P --seconds 5 --connections 64 --channel 1 --secret whsec_… [--rate R] [--threads T]
//   load --port P --seconds 5 --connections 1 --path /api/v1/conversations?q=… --token T
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct options {
    int port, connections, channel, threads;
    double seconds, rate;
    const char *path, *token, *prefix;
    unsigned char key[64];
    size_t key_len;
};

struct connection {
    int fd;
    bool busy;
    int64_t sent_at;
    char in[1 << 18];
    size_t in_len;
};

struct result {
    uint32_t *latency;
    size_t n, cap;
    long status[600];
};

static int64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

// A customer's message, about 300 bytes of JSON, in one of 2,000 threads.
static size_t make_body(const struct options *o, long number, char *out, size_t room)
{
    time_t at = time(NULL);
    struct tm tm;
    char when[32];
    gmtime_r(&at, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return (size_t)snprintf(
        out, room,
        "{\"type\":\"message.created\",\"id\":\"%s%ld\",\"thread\":\"%st%ld\",\"visibility\":\"private\","
        "\"author\":{\"id\":\"u%ld\",\"name\":\"Customer %ld\"},\"text\":\"@%016lld@ Where is my order %ld? "
        "It was to "
        "come on Friday and nobody answers the phone, please help me soon.\",\"created_at\":\"%s\"}",
        o->prefix, number, o->prefix, number % 2000, number % 2000, number % 2000,
        (long long)clock_us(CLOCK_REALTIME), number, when);
}

static size_t make_request(const struct options *o, long number, char *out, size_t room)
{
    if (o->path)
        return (size_t)snprintf(out, room, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%s%s\r\n", o->path,
                                o->port, o->token ? "Authorization: Bearer " : "", o->token ? o->token : "",
                                o->token ? "\r\n" : "");
    char body[1024], id[64], signature[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    size_t len = make_body(o, number, body, sizeof body);
    long stamp = time(NULL);
    int id_len = snprintf(id, sizeof id, "%s%ld.%ld.", o->prefix, number, stamp);
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, o->key, o->key_len);
    crypto_auth_hmacsha256_update(&state, (unsigned char *)id, (unsigned long long)id_len);
    crypto_auth_hmacsha256_update(&state, (unsigned char *)body, len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2base64(signature, sizeof signature, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    return (size_t)snprintf(
        out, room,
        "POST /hooks/custom/%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        "webhook-id: %s%ld\r\nwebhook-timestamp: %ld\r\nwebhook-signature: v1,%s\r\nContent-Length: "
        "%zu\r\n\r\n%s",
        o->channel, o->port, o->prefix, number, stamp, signature, len, body);
}

static void send_next(const struct options *o, struct connection *c, long number)
{
    char request[4096];
    size_t len = make_request(o, number, request, sizeof request), off = 0;
    c->busy = true;
    c->in_len = 0;
    c->sent_at = now_us();
    while (off < len) {
        ssize_t n = write(c->fd, request + off, len - off);
        if (n <= 0) {
            perror("write");
            exit(1);
        }
        off += (size_t)n;
    }
}

// True when a whole answer is there; its status in *status.
static bool whole(struct connection *c, int *status)
{
    c->in[c->in_len] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return false;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    if (c->in_len < (size_t)(end + 4 - c->in) + body)
        return false;
    *status = (int)strtol(c->in + 9, NULL, 10);
    return true;
}

static void count(struct result *r, int status, int64_t took)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 1 << 16;
        r->latency = realloc(r->latency, r->cap * sizeof *r->latency);
    }
    r->latency[r->n++] = (uint32_t)took;
    r->status[status >= 0 && status < 600 ? status : 0]++;
}

static void run(const struct options *o, struct result *r)
{
    struct connection *all = calloc((size_t)o->connections, sizeof *all);
    int ep = epoll_create1(0);
    for (int i = 0; i < o->connections; i++) {
        all[i].fd = dial(o->port);
        epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = &all[i]});
    }
    int64_t begin = now_us(), end = begin + (int64_t)(o->seconds * 1e6);
    long number = 0;
    int busy = 0;
    for (;;) {
        int64_t now = now_us();
        for (int i = 0; i < o->connections && now < end; i++) {
            if (all[i].busy)
                continue;
            if (o->rate > 0 && (double)number > (double)(now - begin) / 1e6 * o->rate)
                break;
            send_next(o, &all[i], ++number);
            busy++;
        }
        if (!busy && now >= end)
            break;
        struct epoll_event events[256];
        int n = epoll_wait(ep, events, 256, o->rate > 0 ? 1 : 100);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            ssize_t got = read(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len);
            if (got <= 0) {
                fprintf(stderr, "connection lost\n");
                exit(1);
            }
            c->in_len += (size_t)got;
            int status;
            if (!whole(c, &status))
                continue;
            count(r, status, now_us() - c->sent_at);
            c->busy = false;
            busy--;
            if (o->rate <= 0 && now_us() < end) {
                send_next(o, c, ++number);
                busy++;
            }
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    struct options o = {.connections = 64, .seconds = 5, .prefix = "b", .threads = 1};
    static const struct option names[] = {{"port", 1, 0, 'p'},        {"seconds", 1, 0, 's'},
                                          {"connections", 1, 0, 'c'}, {"channel", 1, 0, 'n'},
                                          {"secret", 1, 0, 'k'},      {"rate", 1, 0, 'r'},
                                          {"path", 1, 0, 'u'},        {"token", 1, 0, 't'},
                                          {"prefix", 1, 0, 'x'},      {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 'p':
            o.port = (int)strtol(optarg, NULL, 10);
            break;
        case 's':
            o.seconds = strtod(optarg, NULL);
            break;
        case 'c':
            o.connections = (int)strtol(optarg, NULL, 10);
            break;
        case 'n':
            o.channel = (int)strtol(optarg, NULL, 10);
            break;
        case 'r':
            o.rate = strtod(optarg, NULL);
            break;
        case 'u':
            o.path = optarg;
            break;
        case 't':
            o.token = optarg;
            break;
        case 'x':
            o.prefix = optarg;
            break;
        case 'k':
            if (sodium_base642bin(o.key, sizeof o.key, optarg + 6, strlen(optarg + 6), NULL, &o.key_len, NULL,
                                  sodium_base64_VARIANT_ORIGINAL) != 0)
                return 2;
            break;
        default:
            return 2;
        }
    }
    struct result r = {0};
    int64_t begin = now_us();
    run(&o, &r);
    double seconds = (double)(now_us() - begin) / 1e6;
    if (r.n == 0)
        return 1;
    qsort(r.latency, r.n, sizeof *r.latency, by_size);
    printf("{\"requests\":%zu,\"seconds\":%.3f,\"rps\":%.0f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,"
           "\"status\":{",
           r.n, seconds, (double)r.n / seconds, r.latency[r.n / 2], r.latency[r.n * 99 / 100],
           r.latency[r.n - 1]);
    const char *comma = "";
    for (int i = 0; i < 600; i++) {
        if (r.status[i]) {
            printf("%s\"%d\":%ld", comma, i, r.status[i]);
            comma = ",";
        }
    }
    printf("}}\n");
    return 0;
}
