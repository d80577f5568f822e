// SPDX-License-Identifier: AGPL-3.0-or-later
// The store where the world fails: a disk that is full, a WAL that grows, a connection that is cut
// between COMMIT and its answer.
#include "store_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct fact {
    char key[32];
    struct str value;
};

static bool write_fact(struct tx *tx, void *arg, struct err *err)
{
    struct fact *fact = arg;
    struct event event = {.workspace_id = 1, .kind = S("fact")};
    return db_meta_set(tx, fact->key, fact->value, err) && log_append(tx, &event, err);
}

static bool has_fact(struct fixture *f, const char *key)
{
    struct str value = STR_NONE;
    struct conn *conn = db_take(f->db);
    CHECK_OK(db_meta_get(conn, key, f->arena, &value, &f->err));
    db_give(f->db, conn);
    return str_given(value);
}

// --- A full disk ----------------------------------------------------------------------------------

#define MUST(expr)                                                                                           \
    do {                                                                                                     \
        if (!(expr)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expr);                                       \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

// In a process with a small disk of its own. 77: it may not have one here.
static _Noreturn void live_on_a_small_disk(struct fixture *f)
{
    static char kilobytes[6000];
    bool done[4000] = {0};
    struct fact fact;
    int refused = 0, n = 0;
    memset(kilobytes, 'x', sizeof(kilobytes));
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("small", f->dir, "tmpfs", 0, "size=4m,mode=700") < 0) {
        _exit(77);
    }
    // Something that can be thrown away later.
    char ballast[128];
    snprintf(ballast, sizeof(ballast), "%s/ballast", f->dir);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    MUST(fd >= 0 && posix_fallocate(fd, 0, 1000 * 1000) == 0);
    close(fd);
    struct db_settings settings = {.data_dir = str_from(f->dir), .n_readers = 2, .migrate = true};
    MUST(db_open(&settings, &f->db, &f->err));
    for (; n < 3000 && refused < 20; n++) {
        snprintf(fact.key, sizeof(fact.key), "f%d", n);
        fact.value = (struct str){kilobytes, sizeof(kilobytes) - (size_t)(n % 7) * 900};
        done[n] = db_write(f->db, n % 2 ? WRITE_PEOPLE : WRITE_INTAKE, write_fact, &fact, &f->err);
        if (!done[n]) {
            if (f->err.code != ERR_UNAVAILABLE || f->err.retry_after_s < 1) {
                fprintf(stderr, "full disk says: %d %s\n", f->err.code, f->err.text);
                _exit(2);
            }
            refused++;
        }
    }
    MUST(refused == 20 && n > 50);
    // Reading goes on, and with room so does writing, without a new start.
    MUST(has_fact(f, "f0"));
    MUST(unlink(ballast) == 0);
    snprintf(fact.key, sizeof(fact.key), "after");
    fact.value = S("1");
    i64 until = clock_mono() + 5000;
    while (!db_write(f->db, WRITE_PEOPLE, write_fact, &fact, &f->err)) {
        MUST(f->err.code == ERR_UNAVAILABLE && clock_mono() < until);
        usleep(10000);
    }
    db_close(f->db);
    MUST(db_open(&settings, &f->db, &f->err));
    for (int i = 0; i < n; i++) {
        char key[32];
        snprintf(key, sizeof(key), "f%d", i);
        MUST(has_fact(f, key) == done[i]);
    }
    MUST(has_fact(f, "after"));
    db_close(f->db);
    _exit(0);
}

static void a_full_disk_costs_answers_but_no_data_and_no_process(void **state)
{
    struct fixture *f = *state;
    int status;
    fixture_close(f);
    pid_t pid = fork();
    if (pid == 0) {
        live_on_a_small_disk(f);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("no right to mount here: skipped\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

// --- The WAL --------------------------------------------------------------------------------------

static bool write_megabyte(struct tx *tx, void *arg, struct err *err)
{
    return db_meta_set(tx, "big", *(struct str *)arg, err);
}

static void the_wal_is_started_anew_before_it_grows_without_end(void **state)
{
    struct fixture *f = *state;
    struct db_stats stats;
    i64 most = 0;
    size_t size = 1024 * 1024;
    char *bytes = arena_alloc(f->arena, size);
    struct str big = {bytes, size};
    // A reader that stays open for a while, as a backup does, and then ends.
    struct conn *conn = db_take(f->db);
    struct str value;
    CHECK_OK(db_read_begin(conn, &f->err));
    CHECK_OK(db_meta_get(conn, "epoch", f->arena, &value, &f->err));
    for (int i = 0; i < 220; i++) {
        memset(bytes, 'a' + i % 26, size);
        CHECK_OK(db_write(f->db, WRITE_INTAKE, write_megabyte, &big, &f->err));
        if (i == 60) {
            db_read_end(conn);
            db_give(f->db, conn);
        }
        if (i % 10 == 0) {
            usleep(60000); // a tenth of the time for the checkpoint thread on a busy machine
            db_stats(f->db, &stats);
            most = stats.wal_bytes > most ? stats.wal_bytes : most;
        }
    }
    assert_true(most > 10 * 1024 * 1024);
    assert_true(most < 200 * 1024 * 1024);
}

// --- COMMIT whose answer is lost ------------------------------------------------------------------

// Stands between the store and PostgreSQL on a socket of its own and can cut the line right after a
// COMMIT was passed on (its answer is thrown away), or right before.
struct proxy {
    char dir[64], real[100];
    int listener;
    pthread_t thread;
    atomic_int cut; // 1: before COMMIT is passed on, 2: after it was carried out
    atomic_int n_cut;
    atomic_bool stop;
};

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    assert_true(len < sizeof(address.sun_path));
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

struct line {
    struct proxy *proxy;
    int client, server;
};

static bool pass(int from, int to, struct line *line, bool from_client)
{
    char bytes[65536];
    ssize_t n = read(from, bytes, sizeof(bytes));
    if (n <= 0) {
        return false;
    }
    bool commit = from_client && memmem(bytes, (size_t)n, "COMMIT", 6);
    int cut = commit ? atomic_exchange(&line->proxy->cut, 0) : 0;
    if (cut == 1) {
        atomic_fetch_add(&line->proxy->n_cut, 1);
        return false;
    }
    if (write(to, bytes, (size_t)n) != n) {
        return false;
    }
    if (cut == 2) {
        ssize_t ignored = read(line->server, bytes, sizeof(bytes)); // it is done, nobody hears
        (void)ignored;
        atomic_fetch_add(&line->proxy->n_cut, 1);
        return false;
    }
    return true;
}

static void *serve_line(void *arg)
{
    struct line *line = arg;
    struct pollfd fds[2] = {{.fd = line->client, .events = POLLIN}, {.fd = line->server, .events = POLLIN}};
    bool open = true;
    while (open && poll(fds, 2, -1) > 0) {
        if (fds[0].revents) {
            open = pass(line->client, line->server, line, true);
        }
        if (open && fds[1].revents) {
            open = pass(line->server, line->client, line, false);
        }
    }
    close(line->client);
    close(line->server);
    free(line);
    return NULL;
}

static void *serve_proxy(void *arg)
{
    struct proxy *proxy = arg;
    for (;;) {
        int client = accept(proxy->listener, NULL, NULL);
        if (client < 0 || atomic_load(&proxy->stop)) {
            return NULL;
        }
        struct line *line = calloc(1, sizeof(*line));
        *line = (struct line){proxy, client, dial(proxy->real)};
        pthread_t thread;
        pthread_create(&thread, NULL, serve_line, line);
        pthread_detach(thread);
    }
}

static bool proxy_start(struct proxy *proxy, const char *url)
{
    char dir[80] = "";
    // pg.c writes host=%2F… into the URL; a running server over TCP has no socket to stand before.
    const char *host = strstr(url, "host=");
    if (!host || strncmp(host + 5, "%2F", 3) != 0) {
        return false;
    }
    size_t len = 0;
    for (const char *c = host + 5; *c == '%' && len < sizeof(dir) - 1; c += 3) {
        char hex[3] = {c[1], c[2], 0};
        dir[len++] = (char)strtol(hex, NULL, 16);
    }
    snprintf(proxy->real, sizeof(proxy->real), "%s/.s.PGSQL.5432", dir);
    snprintf(proxy->dir, sizeof(proxy->dir), "/tmp/heed-proxy-XXXXXX");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (access(proxy->real, F_OK) < 0 || !mkdtemp(proxy->dir)) {
        return false;
    }
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", proxy->dir);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(proxy->listener, 32), 0);
    pthread_create(&proxy->thread, NULL, serve_proxy, proxy);
    return true;
}

static void proxy_stop(struct proxy *proxy)
{
    char path[128];
    atomic_store(&proxy->stop, true);
    shutdown(proxy->listener, SHUT_RDWR);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", proxy->dir);
    unlink(path);
    rmdir(proxy->dir);
}

static void a_commit_whose_answer_is_lost_is_asked_about(void **state)
{
    struct fixture *f = *state;
    static struct proxy proxy;
    if (!proxy_start(&proxy, f->url)) {
        skip();
    }
    fixture_close(f);
    struct str through = str_printf(f->arena, "postgres:///" STR_FMT "?host=%s&user=postgres",
                                    (int)strcspn(f->url + 12, "?"), f->url + 12, proxy.dir);
    struct db_settings settings = {
        .data_dir = str_from(f->dir), .url = through, .n_readers = 2, .migrate = true};
    CHECK_OK(db_open(&settings, &f->db, &f->err));
    struct fact fact = {.value = S("1")};
    for (int i = 0; i < 3; i++) {
        snprintf(fact.key, sizeof(fact.key), "done%d", i);
        atomic_store(&proxy.cut, 2);
        CHECK_OK(db_write(f->db, i % 2 ? WRITE_PEOPLE : WRITE_INTAKE, write_fact, &fact, &f->err));
        assert_int_equal(atomic_load(&proxy.n_cut), 2 * i + 1);
        assert_true(has_fact(f, fact.key));
        // Cut before it: rolled back, said so, not done later either.
        snprintf(fact.key, sizeof(fact.key), "not%d", i);
        atomic_store(&proxy.cut, 1);
        assert_false(db_write(f->db, i % 2 ? WRITE_PEOPLE : WRITE_INTAKE, write_fact, &fact, &f->err));
        assert_int_equal(f->err.code, ERR_UNAVAILABLE);
        assert_int_equal(atomic_load(&proxy.n_cut), 2 * i + 2);
        assert_false(has_fact(f, fact.key));
    }
    // Each effect once.
    assert_int_equal(pg_number(f->url, "SELECT count(*) FROM event"), 3);
    fixture_close(f);
    proxy_stop(&proxy);
}

int main(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        ON_SQLITE(a_full_disk_costs_answers_but_no_data_and_no_process),
        ON_SQLITE(the_wal_is_started_anew_before_it_grows_without_end),
        ON_POSTGRES(a_commit_whose_answer_is_lost_is_asked_about),
    };
    return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
