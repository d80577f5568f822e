// SPDX-License-Identifier: AGPL-3.0-or-later
// The limits that the figures stand beside, measured on the same disk in the same run:
//   bare commit DIR SECONDS GROUP BYTES   rows of raw events committed GROUP at a time (SQLite, WAL, FULL)
//   bare append DIR SECONDS BYTES         append + fdatasync of one row's bytes
//   bare http PORT ANSWER_BYTES           an HTTP answer of that size from one epoll loop, until killed
//   bare query DB SECONDS SQL             one statement over and over, rows read
//   bare sends PORT SCREENS BYTES         waits for so many screens (bench/screens.c), then sends each the
//                                         same stamped frame of that size, once, in one loop
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
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

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int rc, int want, sqlite3 *db)
{
    if (rc != want) {
        fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static int commit(const char *dir, double seconds, long group, int bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/bare.db", dir);
    unlink(path);
    sqlite3 *db = NULL;
    sqlite3_stmt *insert;
    must(sqlite3_open(path, &db), SQLITE_OK, db);
    must(sqlite3_exec(db,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                      "CREATE TABLE inbound (id INTEGER PRIMARY KEY AUTOINCREMENT, workspace_id INTEGER NOT "
                      "NULL, channel_id INTEGER NOT NULL,"
                      "source TEXT NOT NULL, stream TEXT NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL, "
                      "attempts INTEGER NOT NULL DEFAULT 0,"
                      "error TEXT NOT NULL DEFAULT '', received_at INTEGER NOT NULL, done_at INTEGER) STRICT;"
                      "CREATE INDEX inbound_waiting ON inbound (id) WHERE state = 'waiting'",
                      NULL, NULL, NULL),
         SQLITE_OK, db);
    must(sqlite3_prepare_v2(db,
                            "INSERT INTO inbound (workspace_id, channel_id, source, stream, body, state, "
                            "received_at) VALUES (1, 1, 'webhook', '', ?1, 'waiting', ?2)",
                            -1, &insert, NULL),
         SQLITE_OK, db);
    char *body = calloc(1, (size_t)bytes);
    double begin = now_s();
    long rows = 0;
    while (now_s() - begin < seconds) {
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        for (long i = 0; i < group; i++) {
            sqlite3_bind_blob(insert, 1, body, bytes, SQLITE_STATIC);
            sqlite3_bind_int64(insert, 2, rows);
            must(sqlite3_step(insert), SQLITE_DONE, db);
            sqlite3_reset(insert);
            rows++;
        }
        must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK, db);
    }
    printf("{\"per_s\":%.0f}\n", (double)rows / (now_s() - begin));
    sqlite3_finalize(insert);
    sqlite3_close(db);
    unlink(path);
    return 0;
}

static int append(const char *dir, double seconds, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/bare.log", dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
    char *row = calloc(1, bytes);
    double begin = now_s();
    long rows = 0;
    while (now_s() - begin < seconds) {
        if (write(fd, row, bytes) != (ssize_t)bytes || fdatasync(fd) != 0)
            return 1;
        rows++;
    }
    printf("{\"per_s\":%.0f}\n", (double)rows / (now_s() - begin));
    unlink(path);
    return 0;
}

static int http(int port, size_t bytes)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, ep = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1024) != 0)
        return 1;
    char *answer = malloc(bytes + 200);
    size_t len = (size_t)snprintf(
        answer, 200, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        bytes);
    memset(answer + len, 'x', bytes);
    len += bytes;
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(ep, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int c = accept(listener, NULL, NULL);
                setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                epoll_ctl(ep, EPOLL_CTL_ADD, c, &(struct epoll_event){.events = EPOLLIN, .data.fd = c});
                continue;
            }
            char in[8192];
            if (read(fd, in, sizeof in) <= 0 || write(fd, answer, len) != (ssize_t)len)
                close(fd);
        }
    }
}

// The limit of one event on many screens: one send() each, nothing else.
static int sends(int port, int n, size_t bytes)
{
    struct rlimit many = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &many);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0)
        return 1;
    int *fds = calloc((size_t)n, sizeof *fds);
    char in[4096];
    for (int i = 0; i < n; i++) {
        fds[i] = accept(listener, NULL, NULL);
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (fds[i] < 0 || read(fds[i], in, sizeof in) <= 0)
            return 1;
    }
    sleep(2);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    char *frame = malloc(bytes + 200);
    memset(frame, ' ', bytes);
    int len = snprintf(frame, 200, "data: {\"text\":\"@%016lld@\"",
                       (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    frame[len] = '}';
    memcpy(frame + bytes - 2, "\n\n", 2);
    double begin = now_s();
    for (int i = 0; i < n; i++) {
        if (send(fds[i], frame, bytes, 0) != (ssize_t)bytes)
            return 1;
    }
    printf("{\"per_s\":%.0f}\n", (double)n / (now_s() - begin));
    sleep(3);
    return 0;
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int query(const char *path, double seconds, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement;
    must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK, db);
    must(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, db);
    double begin = now_s();
    size_t n = 0, cap = 1 << 20, rows = 0;
    double *took = malloc(cap * sizeof *took);
    while (now_s() - begin < seconds && n < cap) {
        double start = now_s();
        while (sqlite3_step(statement) == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(statement); c++)
                (void)sqlite3_column_text(statement, c);
            rows++;
        }
        sqlite3_reset(statement);
        took[n++] = now_s() - start;
    }
    qsort(took, n, sizeof *took, by_time);
    printf("{\"runs\":%zu,\"rows\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", n, rows / n, took[n / 2] * 1e6,
           took[n * 99 / 100] * 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "commit") == 0)
        return commit(argv[2], strtod(argv[3], NULL), strtol(argv[4], NULL, 10),
                      (int)strtol(argv[5], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "append") == 0)
        return append(argv[2], strtod(argv[3], NULL), strtoul(argv[4], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "http") == 0)
        return http((int)strtol(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "sends") == 0)
        return sends((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
                     strtoul(argv[4], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "query") == 0)
        return query(argv[2], strtod(argv[3], NULL), argv[4]);
    fprintf(stderr, "see the head of bench/bare.c\n");
    return 2;
}
