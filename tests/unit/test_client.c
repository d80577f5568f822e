// SPDX-License-Identifier: AGPL-3.0-or-later
// The outbound client: no way to an address of our own (acceptance A-SF1, with canaries listening), limits
// on what an answer may take (A-SF2), and the truth about whether a request may have arrived.
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

static bool read_request(int fd, char *head, size_t size)
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

static void send_text(int fd, const char *text)
{
    (void)wire_send(fd, str_from(text));
}

static void send_bomb(int fd)
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

static void send_endless(int fd, const char *unit, int pause_ms)
{
    while (!peer.stop && wire_send(fd, str_from(unit))) {
        poll(NULL, 0, pause_ms);
    }
}

// Waits until the other side has had enough.
static void hold(int fd)
{
    char c;
    bool closed = false;

    while (!peer.stop && !closed) {
        (void)wire_read(fd, &c, 1, 50, &closed);
    }
}

static bool is_path(const char *head, const char *path)
{
    const char *at = strchr(head, ' ');

    return at && strncmp(at + 1, path, strlen(path)) == 0;
}

static void send_redirect(int fd, const char *head)
{
    const char *query = strchr(head, '?');
    const char *end = query ? strchr(query, ' ') : NULL;
    char answer[4000];

    snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %.*s\r\nContent-Length: 0\r\n\r\n",
             query ? (int)(end - query - 1) : 0, query ? query + 1 : "");
    send_text(fd, answer);
}

static void send_rest(int fd, const char *head)
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
static bool serve(struct peer *p, int fd, int nth)
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

static void *serve_connection(void *arg)
{
    int fd = (int)(size_t)arg >> 1;
    struct peer *p = (size_t)arg & 1 ? &second : &peer;
    int nth = 0;

    while (!p->stop && serve(p, fd, nth++)) {
    }
    close(fd);
    return NULL;
}

static void *run_peer(void *arg)
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

static int listen_on(const char *address, int port, int backlog, int *ret_port)
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

static void start_peer(struct peer *p)
{
    pthread_mutex_init(&p->lock, NULL);
    p->listener = listen_on("127.0.0.1", 0, 64, &p->port);
    p->thread = thread_start("peer", run_peer, p);
}

// ---- Canaries: everything on this machine that a web port could reach
// --------------------------------------
static int canaries[16];
static size_t n_canaries;

static size_t count_canary_connections(void)
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

static void start_canaries(void)
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

static size_t resolve(struct str host, char (*addresses)[46], size_t max, void *arg)
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

static struct outbound_client *begin(client_test_resolver *resolver, size_t n, const char *const *allowed)
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
static struct outbound_client *begin_to_peer(void)
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

static struct net_answer_view fetch(struct outbound_client *client, struct arena *arena, const char *method,
                                    struct str url, int timeout_ms, unsigned flags)
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

static struct str to_peer(struct arena *arena, const char *path)
{
    return str_printf(arena, "http://127.0.0.1:%d%s", peer.port, path);
}

// ---- A-SF1 ------------------------------------------------------------------------------------------------
static const char *const closed_hosts[] = {
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0x7f.0.0.1",
    "0x7F.0x0.0x0.0x1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "127.0.0.1.",
    "127.127.127.127",
    "127.255.255.254",
    "0.0.0.0",
    "0",
    "0x0",
    "00",
    "0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.1",
    "012.0.0.1",
    "0xa000001",
    "167772161",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.43518",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "169.254.0.1",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "0xac100001",
    "192.0.0.170",
    "192.0.2.2",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1",
    "0xc0a80001",
    "3232235521",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "0xffffffff",
    "4294967295",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0.0.0.0]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:192.168.0.1]",
    "[::ffff:0:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fd00::2]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::fc:ff:fe00:1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[4000::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "LocalHost.",
    "sub.localhost",
    "loopback.test",
    "LOOPBACK.test",
    "loopback6.test",
    "mapped.test",
    "ten.test",
    "metadata.test",
    "metadata.google.internal",
    "any.test",
    "any6.test",
    "nat64.test",
    "ula.test",
    "both.test",
    "127.0.0.1.nip.test",
    // Readings that parsers disagree about.
    "user@127.0.0.1",
    "user:pass@127.0.0.1",
    "8.8.8.8@127.0.0.1",
    "127.0.0.1@8.8.8.8",
    "8.8.8.8\\@127.0.0.1",
    "127.0.0.1\\@8.8.8.8",
    "8.8.8.8#@127.0.0.1",
    "127.0.0.1#@8.8.8.8",
    "8.8.8.8?@127.0.0.1",
    "%31%32%37.0.0.1",
    "127%2e0.0.1",
    "127.0.0.1%00.example.com",
    "127.0.0.1%2eexample.com",
    "[::1%25lo]",
    "[::1%lo]",
    "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
    "127\xe3\x80\x82"
    "0\xe3\x80\x82"
    "0\xe3\x80\x82"
    "1",
    "loc\xc3\xa5lhost",
    "127.0.0.1\t",
    "\t127.0.0.1",
    "127.0.0.1 ",
    " 127.0.0.1",
    "127.0.0.1,8.8.8.8",
    "127.0.0.1;8.8.8.8",
    "127.0.0.1:80:80",
    "[::1",
    "::1",
    "[[::1]]",
    "[127.0.0.1]",
    "0x7f.0.0.0x1.",
    "127.0.0.0x1",
    "1.1.1.1.1",
    "256.0.0.1",
    "127..0.0.1",
    ".127.0.0.1",
    "-127.0.0.1",
    "0x",
    "0x7g.1",
    "127.0.0.1/@8.8.8.8",
};

static const struct {
    const char *before, *after;
} url_forms[] = {
    {"http://", "/"}, {"http://", ":8080/x?y#z"}, {"https://", ":8443/"}, {"HTTP://", ":80"},
    {"http:/", "/"},  {"http:///", "/"},
};

static void nothing_on_this_machine_can_be_reached_by_any_form_of_address(void **state)
{
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();
    size_t n = 0;

    (void)state;
    assert_true(n_canaries > 0);
    for (size_t i = 0; i < ARRAY_LEN(closed_hosts); i++) {
        for (size_t j = 0; j < ARRAY_LEN(url_forms); j++) {
            struct str url =
                str_printf(arena, "%s%s%s", url_forms[j].before, closed_hosts[i], url_forms[j].after);
            struct err err = {0};

            // These two name a public host to every reader; only the hidden one must not be dialled.
            if (strstr(closed_hosts[i], "8.8.8.8#") || strstr(closed_hosts[i], "8.8.8.8?")) {
                continue;
            }
            struct net_answer_view v = fetch(client, arena, "GET", url, 2000, 0);

            if (v.answer.got_answer || v.answer.maybe_received || v.answer.error[0] == 0) {
                fail_msg(STR_FMT " got through", STR_ARG(url));
            }
            if (client_url_allowed(client, url, &err) || err.code != ERR_INVALID) {
                fail_msg(STR_FMT " counts as allowed", STR_ARG(url));
            }
            n++;
        }
        arena_reset(arena);
    }
    assert_true(n >= 250);
    assert_int_equal(count_canary_connections(), 0);
    client_stop(client);
    arena_destroy(arena);
}

static void other_ports_and_schemes_are_refused(void **state)
{
    static const char *const urls[] = {"http://8.8.8.8:22/",    "http://8.8.8.8:25/", "http://8.8.8.8:6379/",
                                       "https://8.8.8.8:8100/", "ftp://8.8.8.8/",     "file:///etc/passwd",
                                       "gopher://8.8.8.8/",     "http://8.8.8.8:81/"};
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct net_answer_view v = fetch(client, arena, "GET", str_from(urls[i]), 2000, 0);

        assert_false(v.answer.got_answer || v.answer.maybe_received);
        assert_true(v.ms < 200);
    }
    client_stop(client);
    arena_destroy(arena);
}

static void the_refusal_says_which_address_and_why(void **state)
{
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", S("http://ten.test/"), 2000, 0);
    assert_string_equal(v.answer.error, "Refused: 10.0.0.1 is not a public address.");
    v = fetch(client, arena, "GET", S("http://127.1:8080/"), 2000, 0);
    assert_string_equal(v.answer.error, "Refused: 127.0.0.1 is not a public address.");
    v = fetch(client, arena, "GET", S("http://8.8.8.8:25/"), 2000, 0);
    assert_string_equal(v.answer.error, "Refused: port 25; only 80, 443, 8080 and 8443 are dialled.");
    assert_false(client_url_allowed(client, S("http://nowhere.test/"), &err));
    assert_string_equal(err.text, "The name nowhere.test was not found.");
    client_stop(client);
    arena_destroy(arena);
}

static void a_name_that_changes_its_answer_is_judged_when_dialled(void **state)
{
    struct outbound_client *client = begin(resolve, 0, NULL);
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    n_flips = 0;
    assert_true(client_url_allowed(client, S("http://flip.test:8080/"), &err));
    for (int i = 0; i < 20; i++) {
        struct net_answer_view v = fetch(client, arena, "GET", S("http://flip.test:8080/"), 2000, 0);

        assert_false(v.answer.got_answer || v.answer.maybe_received);
        assert_string_equal(v.answer.error, "Refused: 127.0.0.1 is not a public address.");
    }
    assert_int_equal(count_canary_connections(), 0);
    client_stop(client);
    arena_destroy(arena);
}

static void names_the_system_itself_knows_are_refused_too(void **state)
{
    static const char *const urls[] = {"http://localhost/", "http://LOCALHOST:8080/",
                                       "http://localhost.:8080/"};
    struct outbound_client *client = begin(NULL, 0, NULL);
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct net_answer_view v = fetch(client, arena, "GET", str_from(urls[i]), 2000, 0);

        assert_false(v.answer.got_answer || v.answer.maybe_received);
    }
    assert_false(client_url_allowed(client, S("http://localhost/"), &err));
    assert_non_null(strstr(err.text, "is not a public address"));
    assert_int_equal(count_canary_connections(), 0);
    client_stop(client);
    arena_destroy(arena);
}

static void an_allowed_host_is_reached_and_its_neighbours_are_not(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct err err;

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/ok"), 2000, 0);
    assert_true(v.answer.got_answer);
    assert_int_equal(v.answer.status, 200);
    assert_true(str_eq(v.answer.body, S("ok")));
    assert_true(client_url_allowed(client, to_peer(arena, "/x"), &err));
    int before = peer.n_connections;

    v = fetch(client, arena, "GET", str_printf(arena, "http://localhost:%d/ok", peer.port), 2000, 0);
    assert_false(v.answer.got_answer);
    v = fetch(client, arena, "GET", str_printf(arena, "http://127.0.0.2:%d/ok", peer.port), 2000, 0);
    assert_false(v.answer.got_answer);
    v = fetch(client, arena, "GET", str_printf(arena, "http://127.0.0.1:%d/ok", second.port), 2000, 0);
    assert_false(v.answer.got_answer);
    assert_int_equal(peer.n_connections, before);
    assert_int_equal(second.n_connections, 0);
    client_stop(client);
    arena_destroy(arena);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"};
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        setenv(names[i], "http://127.0.0.1:8080", 1);
    }
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/ok"), 2000, 0);

    assert_true(v.answer.got_answer);
    assert_int_equal(count_canary_connections(), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        unsetenv(names[i]);
    }
    client_stop(client);
    arena_destroy(arena);
}

// ---- Redirects
// ----------------------------------------------------------------------------------------------
static void redirects_are_the_answer_unless_asked_for(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/ok"), 2000, 0);
    assert_true(v.answer.got_answer);
    assert_int_equal(v.answer.status, 302);
    v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/ok"), 2000, FETCH_REDIRECTS);
    assert_int_equal(v.answer.status, 200);
    v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/redirect?/redirect?/ok"), 2000,
              FETCH_REDIRECTS);
    assert_int_equal(v.answer.status, 200);
    v = fetch(client, arena, "GET", to_peer(arena, "/redirect?/redirect?/redirect?/redirect?/ok"), 2000,
              FETCH_REDIRECTS);
    assert_false(v.answer.got_answer);
    assert_string_equal(v.answer.error, "There are more than 3 redirects.");
    v = fetch(client, arena, "POST", to_peer(arena, "/redirect?/ok"), 2000, FETCH_REDIRECTS);
    assert_int_equal(v.answer.status, 302);
    client_stop(client);
    arena_destroy(arena);
}

static void a_redirect_leads_to_nothing_a_first_address_could_not(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(closed_hosts); i++) {
        struct str path = str_printf(arena, "/redirect?http://%s:8080/", closed_hosts[i]);

        // Not expressible in a request line as it is.
        if (strpbrk(closed_hosts[i], " \t#?") || strstr(closed_hosts[i], "%") || closed_hosts[i][0] < 0) {
            continue;
        }
        struct net_answer_view v =
            fetch(client, arena, "GET", to_peer(arena, str_cstr(arena, path)), 2000, FETCH_REDIRECTS);

        if (v.answer.got_answer) {
            fail_msg("%s got through", closed_hosts[i]);
        }
        arena_reset(arena);
        n++;
    }
    assert_true(n > 100);
    assert_int_equal(count_canary_connections(), 0);
    assert_int_equal(second.n_connections, 0);
    client_stop(client);
    arena_destroy(arena);
}

static void secrets_do_not_follow_a_redirect_to_another_site(void **state)
{
    char one[32], two[32];
    const char *allowed[] = {one, two};
    struct arena *arena = arena_create();
    struct net_header headers[] = {{S("Authorization"), S("Bearer secret")}, {S("Accept"), S("image/png")}};

    (void)state;
    snprintf(one, sizeof one, "127.0.0.1:%d", peer.port);
    snprintf(two, sizeof two, "127.0.0.1:%d", second.port);
    struct outbound_client *client = begin(resolve, 2, allowed);
    struct net_request request = {
        .method = S("GET"),
        .url = to_peer(arena, str_cstr(arena, str_printf(arena, "/redirect?http://%s/ok", two))),
        .timeout_ms = 2000};
    struct net_answer answer;

    request.headers.items = headers;
    request.headers.len = request.headers.cap = 2;
    client_fetch(client, &request, FETCH_REDIRECTS, arena, &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(peer.head, "Authorization: Bearer secret\r\n"));
    assert_null(strstr(second.head, "secret"));
    assert_non_null(strstr(second.head, "Accept: image/png\r\n"));
    assert_non_null(strstr(second.head, "User-Agent: Heed-test\r\n"));
    client_stop(client);
    arena_destroy(arena);
}

// ---- A-SF2 ------------------------------------------------------------------------------------------------
static void what_is_too_large_or_too_slow_is_cut(void **state)
{
    static const struct {
        const char *path, *error;
        int timeout_ms, at_most_ms;
    } rows[] = {
        {"/endless", "The answer is larger than 4194304 bytes.", 10000, 6000},
        {"/large", "The answer is larger than 4194304 bytes.", 10000, 500},
        {"/bomb", "The answer is larger than 4194304 bytes.", 10000, 6000},
        {"/heads", "The answer is larger than 4194304 bytes.", 10000, 6000},
        {"/silent", "No whole answer within 700 ms.", 700, 1200},
        {"/slow", "No whole answer within 900 ms.", 900, 1500},
        {"/slow", "The answer came too slowly.", 20000, 9000},
    };
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_answer_view v =
            fetch(client, arena, "GET", to_peer(arena, rows[i].path), rows[i].timeout_ms, 0);

        assert_false(v.answer.got_answer);
        assert_true(v.answer.maybe_received);
        assert_string_equal(v.answer.error, rows[i].error);
        if (v.ms > rows[i].at_most_ms) {
            fail_msg("%s took %d ms", rows[i].path, (int)v.ms);
        }
    }
    client_stop(client);
    arena_destroy(arena);
}

static void a_smaller_limit_can_be_asked_for(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct net_request request = {.method = S("GET"), .url = to_peer(arena, "/ok"), .max_answer = 1};
    struct net_answer answer;

    (void)state;
    client_fetch(client, &request, 0, arena, &answer);
    assert_false(answer.got_answer);
    request.max_answer = 2;
    client_fetch(client, &request, 0, arena, &answer);
    assert_true(answer.got_answer);
    client_stop(client);
    arena_destroy(arena);
}

// ---- May it have arrived?
// -------------------------------------------------------------------------------------
static int closed_port(void)
{
    int port = 0, fd = listen_on("127.0.0.1", 0, 1, &port);

    close(fd);
    return port;
}

// A listener whose queue is full: connecting to it hangs.
static int full_listener(int *ret_port, int *fillers, size_t n)
{
    int fd = listen_on("127.0.0.1", 0, 0, ret_port);

    for (size_t i = 0; i < n; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)*ret_port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&to, sizeof to);
    }
    return fd;
}

static void whether_a_request_may_have_arrived_is_told_truly(void **state)
{
    enum { N = 4 };
    int full_port, fillers[N], full = full_listener(&full_port, fillers, N), closed = closed_port();
    char a[32], b[32], c[32];
    const char *allowed[] = {a, b, c, "gone.test:80"};
    struct arena *arena = arena_create();

    (void)state;
    snprintf(a, sizeof a, "127.0.0.1:%d", peer.port);
    snprintf(b, sizeof b, "127.0.0.1:%d", full_port);
    snprintf(c, sizeof c, "127.0.0.1:%d", closed);
    struct outbound_client *client = begin(resolve, 4, allowed);
    const struct {
        struct str url;
        bool got, maybe;
        int status;
    } rows[] = {
        {str_printf(arena, "http://127.0.0.1:%d/", closed), false, false, 0},    // refused
        {str_printf(arena, "http://127.0.0.1:%d/", full_port), false, false, 0}, // no connection in time
        {S("http://gone.test/"), false, false, 0},                               // no such name
        {S("http://10.0.0.1/"), false, false, 0},                                // the guard
        {S("http://loopback.test/"), false, false, 0},                           // the guard, after the name
        {S("not a url"), false, false, 0},
        {str_printf(arena, "https://127.0.0.1:%d/ok", peer.port), false, false, 0}, // no TLS there
        {to_peer(arena, "/close"), false, true, 0},
        {to_peer(arena, "/silent"), false, true, 0},
        {to_peer(arena, "/half-head"), false, true, 0},
        {to_peer(arena, "/half-body"), false, true, 200},
        {to_peer(arena, "/banner"), false, true, 0},
        {to_peer(arena, "/endless"), false, true, 200},
        {to_peer(arena, "/ok"), true, true, 200},
        {to_peer(arena, "/error"), true, true, 500},
        {to_peer(arena, "/interim"), true, true, 200},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct net_answer_view v = fetch(client, arena, "POST", rows[i].url, 800, 0);

        if (v.answer.got_answer != rows[i].got || v.answer.maybe_received != rows[i].maybe ||
            v.answer.status != rows[i].status || (!rows[i].got && v.answer.error[0] == 0)) {
            fail_msg(STR_FMT ": got %d, maybe %d, status %d, %s", STR_ARG(rows[i].url), v.answer.got_answer,
                     v.answer.maybe_received, v.answer.status, v.answer.error);
        }
    }
    client_stop(client);
    arena_destroy(arena);
    for (size_t i = 0; i < N; i++) {
        close(fillers[i]);
    }
    close(full);
}

static void a_post_is_sent_once_even_when_a_kept_connection_dies(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/once"), 2000, 0);
    assert_true(v.answer.got_answer);
    peer.n_posts = 0;
    v = fetch(client, arena, "POST", to_peer(arena, "/close"), 2000, 0);
    assert_false(v.answer.got_answer);
    assert_true(v.answer.maybe_received);
    assert_int_equal(peer.n_posts, 1);
    // What has no effect may be sent again by itself.
    v = fetch(client, arena, "GET", to_peer(arena, "/once"), 2000, 0);
    assert_true(v.answer.got_answer);
    client_stop(client);
    arena_destroy(arena);
}

static void headers_come_back_clean_and_only_from_the_last_answer(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();

    (void)state;
    struct net_answer_view v = fetch(client, arena, "GET", to_peer(arena, "/interim"), 2000, 0);

    assert_true(v.answer.got_answer);
    assert_int_equal(v.answer.headers.len, 2);
    assert_true(str_eq(v.answer.headers.items[0].name, S("x-late")));
    assert_true(str_eq(v.answer.headers.items[0].value, S("a\xef\xbf\xbd"
                                                          "b")));
    client_stop(client);
    arena_destroy(arena);
}

static void headers_and_methods_that_would_forge_a_request_are_refused(void **state)
{
    static const struct net_header wrong[] = {
        {{"X\r\nY", 4}, {"1", 1}},
        {{"X", 1}, {"1\r\nY: 2", 7}},
        {{"X", 1},
         {"1\0"
          "2",
          3}},
        {{"X:", 2}, {"1", 1}},
        {{"", 0}, {"1", 1}},
        {{"Host", 4}, {"x", 1}},
        {{"content-length", 14}, {"5", 1}},
        {{"Transfer-Encoding", 17}, {"chunked", 7}},
        {{"Connection", 10}, {"x", 1}},
        {{"Proxy-Authorization", 19}, {"x", 1}},
    };
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct net_answer answer;

    (void)state;
    int before = peer.n_connections;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct net_header header = wrong[i];
        struct net_request request = {.method = S("GET"), .url = to_peer(arena, "/ok")};

        request.headers.items = &header;
        request.headers.len = request.headers.cap = 1;
        client_fetch(client, &request, 0, arena, &answer);
        assert_false(answer.got_answer || answer.maybe_received);
        assert_non_null(strstr(answer.error, "cannot be sent"));
    }
    struct net_request request = {.method = S("GET / HTTP/1.1\r\nX:"), .url = to_peer(arena, "/ok")};

    client_fetch(client, &request, 0, arena, &answer);
    assert_false(answer.got_answer || answer.maybe_received);
    assert_int_equal(peer.n_connections, before);
    client_stop(client);
    arena_destroy(arena);
}

static void a_post_carries_its_body_and_headers(void **state)
{
    struct outbound_client *client = begin_to_peer();
    struct arena *arena = arena_create();
    struct net_header headers[] = {{S("Content-Type"), S("application/json")}, {S("X-Empty"), S("")}};
    struct net_request request = {.method = S("POST"), .url = to_peer(arena, "/ok"), .body = S("{\"a\":1}")};
    struct net_answer answer;

    (void)state;
    request.headers.items = headers;
    request.headers.len = request.headers.cap = 2;
    client_fetch(client, &request, 0, arena, &answer);
    assert_true(answer.got_answer);
    assert_non_null(strstr(peer.head, "POST /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.head, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(peer.head, "X-Empty:\r\n"));
    assert_non_null(strstr(peer.head, "Content-Length: 7\r\n"));
    assert_null(strstr(peer.head, "Expect"));
    assert_null(strstr(peer.head, "Cookie"));
    client_stop(client);
    arena_destroy(arena);
}

// ---- Many at once, and the end
// ---------------------------------------------------------------------------------
static _Atomic int n_good;

static void *fetch_some(void *arg)
{
    struct arena *arena = arena_create();

    for (int i = 0; i < 10; i++) {
        struct net_answer_view v = fetch(arg, arena, i % 2 ? "POST" : "GET", to_peer(arena, "/ok"), 5000, 0);

        n_good += v.answer.got_answer && v.answer.status == 200;
    }
    arena_destroy(arena);
    return NULL;
}

static void many_jobs_fetch_at_once(void **state)
{
    enum { N = 16 };
    struct outbound_client *client = begin_to_peer();
    pthread_t threads[N];

    (void)state;
    n_good = 0;
    for (int i = 0; i < N; i++) {
        threads[i] = thread_start("job", fetch_some, client);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(n_good, N * 10);
    client_stop(client);
}

static struct net_answer_view last_view;

static void *fetch_silent(void *arg)
{
    struct arena *arena = arena_create();

    last_view = fetch(arg, arena, "POST", to_peer(arena, "/silent"), 20000, 0);
    arena_destroy(arena);
    return NULL;
}

static void stopping_ends_what_is_under_way(void **state)
{
    struct outbound_client *client = begin_to_peer();
    int before = peer.n_requests;
    pthread_t job = thread_start("job", fetch_silent, client);

    (void)state;
    for (int i = 0; i < 300 && peer.n_requests == before; i++) {
        poll(NULL, 0, 10);
    }
    i64 from = clock_mono();

    client_stop(client);
    pthread_join(job, NULL);
    assert_true(clock_mono() - from < 1000);
    assert_false(last_view.answer.got_answer);
    assert_true(last_view.answer.maybe_received);
    assert_string_equal(last_view.answer.error, "The program is stopping.");
}

static int start(void **state)
{
    (void)state;
    start_canaries();
    start_peer(&peer);
    start_peer(&second);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    peer.stop = second.stop = true;
    pthread_join(peer.thread, NULL);
    pthread_join(second.thread, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_on_this_machine_can_be_reached_by_any_form_of_address),
        cmocka_unit_test(other_ports_and_schemes_are_refused),
        cmocka_unit_test(the_refusal_says_which_address_and_why),
        cmocka_unit_test(a_name_that_changes_its_answer_is_judged_when_dialled),
        cmocka_unit_test(names_the_system_itself_knows_are_refused_too),
        cmocka_unit_test(an_allowed_host_is_reached_and_its_neighbours_are_not),
        cmocka_unit_test(proxies_of_the_environment_are_not_used),
        cmocka_unit_test(redirects_are_the_answer_unless_asked_for),
        cmocka_unit_test(a_redirect_leads_to_nothing_a_first_address_could_not),
        cmocka_unit_test(secrets_do_not_follow_a_redirect_to_another_site),
        cmocka_unit_test(what_is_too_large_or_too_slow_is_cut),
        cmocka_unit_test(a_smaller_limit_can_be_asked_for),
        cmocka_unit_test(whether_a_request_may_have_arrived_is_told_truly),
        cmocka_unit_test(a_post_is_sent_once_even_when_a_kept_connection_dies),
        cmocka_unit_test(headers_come_back_clean_and_only_from_the_last_answer),
        cmocka_unit_test(headers_and_methods_that_would_forge_a_request_are_refused),
        cmocka_unit_test(a_post_carries_its_body_and_headers),
        cmocka_unit_test(many_jobs_fetch_at_once),
        cmocka_unit_test(stopping_ends_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
