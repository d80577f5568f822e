// SPDX-License-Identifier: AGPL-3.0-or-later
// A receiver on loopback that answers by a script, for tests of the sender: each connection takes the next
// line of the script (the last one for ever), and every request is remembered.
#pragma once
#include "base/str.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECEIVER_MOST = 512 };
struct heard {
    char method[8], id[80], body[2048];
    int answer; // status given, -1 cut, -2 no answer
    int64_t at;
};
struct receiver {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    int live;                        // connections being served
    const char *posts[16], *gets[4]; // "200 {\"id\":\"x\"}", "429+Retry-After: 1", "cut", "hang", "late 200"
    int n_posts, n_gets, post, get;
    struct heard heard[RECEIVER_MOST];
    int n_heard;
};

static inline int64_t receiver_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct receiver_call {
    struct receiver *r;
    int fd;
};

static inline void receiver_header(const char *head, const char *name, char *out, size_t size)
{
    const char *at = strcasestr(head, name);
    out[0] = '\0';
    if (!at)
        return;
    at += strlen(name);
    while (*at == ' ' || *at == ':')
        at++;
    size_t n = strcspn(at, "\r\n");
    snprintf(out, size, "%.*s", (int)n, at);
}

static inline void receiver_answer(int fd, const char *line)
{
    char out[1024], extra[256] = "";
    int status = atoi(line);
    const char *plus = strchr(line, '+'), *body = strchr(line, '{');
    if (plus)
        snprintf(extra, sizeof extra, "%s\r\n", plus + 1);
    int n = snprintf(out, sizeof out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
                     status, body ? strlen(body) : 0, extra, body ? body : "");
    if (write(fd, out, (size_t)n) != n)
        perror("receiver");
}

static inline void receiver_live(struct receiver *r, int change)
{
    pthread_mutex_lock(&r->lock);
    r->live += change;
    pthread_mutex_unlock(&r->lock);
}

static inline void receiver_serve(struct receiver *r, int fd)
{
    char in[65536];
    size_t n = 0;
    char *end = NULL;
    for (;;) {
        ssize_t got = read(fd, in + n, sizeof in - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        in[n] = '\0';
        end = strstr(in, "\r\n\r\n");
        char length[32];
        if (!end)
            continue;
        receiver_header(in, "Content-Length", length, sizeof length);
        if (n >= (size_t)(end + 4 - in) + (size_t)atoi(length))
            break;
    }
    if (!end) {
        close(fd);
        return;
    }
    pthread_mutex_lock(&r->lock);
    struct heard *h = &r->heard[r->n_heard < RECEIVER_MOST ? r->n_heard++ : RECEIVER_MOST - 1];
    snprintf(h->method, sizeof h->method, "%.*s", (int)strcspn(in, " "), in);
    receiver_header(in, "webhook-id", h->id, sizeof h->id);
    snprintf(h->body, sizeof h->body, "%s", end + 4);
    h->at = receiver_ms();
    bool get = strcmp(h->method, "GET") == 0;
    int *at = get ? &r->get : &r->post, most = get ? r->n_gets : r->n_posts;
    const char *line = most ? (get ? r->gets : r->posts)[*at < most ? *at : most - 1] : "200";
    ++*at;
    h->answer = strcmp(line, "cut") == 0 ? -1 : strcmp(line, "hang") == 0 ? -2 : atoi(line);
    pthread_mutex_unlock(&r->lock);
    if (strcmp(line, "hang") == 0) {
        for (char c; read(fd, &c, 1) > 0;)
            ;
    } else if (strcmp(line, "cut") == 0) {
        struct linger reset = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    } else {
        receiver_answer(fd, line);
    }
    close(fd);
}

static inline void *receiver_one(void *arg)
{
    struct receiver_call call = *(struct receiver_call *)arg;
    free(arg);
    receiver_serve(call.r, call.fd);
    receiver_live(call.r, -1);
    return NULL;
}

static inline void *receiver_run(void *arg)
{
    struct receiver *r = arg;
    for (;;) {
        int fd = accept(r->fd, NULL, NULL);
        pthread_t thread;
        if (fd < 0)
            return NULL;
        struct receiver_call *call = malloc(sizeof *call);
        *call = (struct receiver_call){r, fd};
        receiver_live(r, 1);
        pthread_create(&thread, NULL, receiver_one, call);
        pthread_detach(thread);
    }
}

static inline struct receiver *receiver_start(void)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    pthread_mutex_init(&r->lock, NULL);
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(r->fd, (struct sockaddr *)&at, size) || listen(r->fd, 64) ||
        getsockname(r->fd, (struct sockaddr *)&at, &size))
        abort();
    r->port = ntohs(at.sin_port);
    pthread_create(&r->thread, NULL, receiver_run, r);
    return r;
}

static inline void receiver_stop(struct receiver *r)
{
    shutdown(r->fd, SHUT_RDWR);
    close(r->fd);
    pthread_join(r->thread, NULL);
    for (bool busy = true; busy;) { // the other side is gone, so they end
        struct timespec t = {.tv_nsec = 5000000};
        pthread_mutex_lock(&r->lock);
        busy = r->live > 0;
        pthread_mutex_unlock(&r->lock);
        if (busy)
            nanosleep(&t, NULL);
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

// How many requests of a method were answered with this status; 0: with any.
static inline int receiver_count(struct receiver *r, const char *method, int answer)
{
    int n = 0;
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n_heard; i++)
        n += strcmp(r->heard[i].method, method) == 0 && (answer == 0 || r->heard[i].answer == answer);
    pthread_mutex_unlock(&r->lock);
    return n;
}
