// SPDX-License-Identifier: AGPL-3.0-or-later
// See dialog.h. The socket never blocks; one poll waits for it, for the interruption and for the clock.
#include "net/dialog.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/lookup.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TURN_MS = 30000,
    MAX_ANSWER = 4 * 1024 * 1024,
    CONNECT_MS = 10000,
    RESOLVE_MS = 5000,
    READ_CHUNK = 16 * 1024,
};

struct dialogs {
    const struct guard *guard;
    SSL_CTX *tls;
    int patient_fd, all_fd; // readable for ever once interrupted
};
struct dialog {
    const struct dialogs *dialogs;
    char url[600], host[256];
    bool literal, exempt;
    int fd;
    SSL *ssl;
    struct buf left; // read beyond the last answer
    char error[160];
};

struct dialogs *dialogs_create(const struct guard *guard)
{
    struct dialogs *dialogs = mem_alloc(sizeof *dialogs);
    dialogs->guard = guard;
    dialogs->tls = SSL_CTX_new(TLS_client_method());
    if (!dialogs->tls || SSL_CTX_set_default_verify_paths(dialogs->tls) != 1 ||
        SSL_CTX_set_min_proto_version(dialogs->tls, TLS1_2_VERSION) != 1)
        die("OpenSSL cannot be set up");
    SSL_CTX_set_verify(dialogs->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(dialogs->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    dialogs->patient_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    dialogs->all_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (dialogs->patient_fd < 0 || dialogs->all_fd < 0)
        die("eventfd failed");
    return dialogs;
}

void dialogs_destroy(struct dialogs *dialogs)
{
    if (!dialogs)
        return;
    SSL_CTX_free(dialogs->tls);
    close(dialogs->patient_fd);
    close(dialogs->all_fd);
    mem_free(dialogs);
}

void dialogs_interrupt(struct dialogs *dialogs, bool all)
{
    (void)eventfd_write(dialogs->patient_fd, 1);
    if (all)
        (void)eventfd_write(dialogs->all_fd, 1);
}

// ---- The address ----------------------------------------------------------------------------------
static const struct {
    const char *prefix;
    bool imap, tls;
    int port;
} schemes[] = {
    {"imaps://", true, true, 993},
    {"imap://", true, false, 143},
    {"smtps://", false, true, 465},
    {"smtp://", false, false, 587},
};

static bool has_port(struct str authority)
{
    size_t n = authority.len;
    while (n > 0 && authority.ptr[n - 1] >= '0' && authority.ptr[n - 1] <= '9')
        n--;
    return n > 0 && n < authority.len && authority.ptr[n - 1] == ':';
}

bool server_url_parse(struct arena *arena, struct str text, struct server_url *ret, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct str prefix = str_from(schemes[i].prefix);
        if (!str_starts(text, prefix))
            continue;
        struct str authority = str_sub(text, prefix.len, text.len);
        if (authority.len && authority.ptr[authority.len - 1] == '/')
            authority.len--;
        if (authority.len == 0 || memchr(authority.ptr, '/', authority.len) ||
            memchr(authority.ptr, '?', authority.len) || memchr(authority.ptr, '#', authority.len))
            return err_set(err, ERR_INVALID, "The server's address has a host and a port, nothing else.");
        // Bracketed IPv6 ends in digits too, but behind its own colons; a port stands behind the bracket.
        bool bracket = authority.ptr[authority.len - 1] == ']';
        struct str whole =
            bracket || !has_port(authority)
                ? str_printf(arena, "https://" STR_FMT ":%d/", STR_ARG(authority), schemes[i].port)
                : str_printf(arena, "https://" STR_FMT "/", STR_ARG(authority));
        *ret = (struct server_url){.imap = schemes[i].imap, .tls = schemes[i].tls};
        return url_parse(arena, whole, &ret->url, err);
    }
    return err_set(err, ERR_INVALID,
                   "A mail server's address begins with imaps://, imap://, smtps:// or smtp://.");
}

static bool is_mail_port(int port)
{
    return port == 143 || port == 993 || port == 465 || port == 587 || port == 2525;
}

// The guard's rule for literal addresses, with mail's ports in place of the web's.
static bool may_dial(const struct guard *guard, const struct server_url *server, struct err *err)
{
    if (guard_is_exempt(guard, &server->url))
        return true;
    if (!is_mail_port(server->url.port))
        return err_set(err, ERR_INVALID,
                       "Refused: port %d; only 143, 993, 465, 587 and 2525 are dialled for mail.",
                       server->url.port);
    struct url web = server->url;
    web.port = 443;
    return guard_check_url(guard, &web, err);
}

// ---- Waiting --------------------------------------------------------------------------------------
enum waited { WAIT_READY, WAIT_OVER, WAIT_STOPPED };

static enum waited wait_for(const struct dialog *d, short events, i64 deadline, bool patient)
{
    for (;;) {
        i64 left = deadline - clock_mono();
        struct pollfd fds[2] = {
            {.fd = d->fd, .events = events},
            {.fd = patient ? d->dialogs->patient_fd : d->dialogs->all_fd, .events = POLLIN}};
        if (left <= 0)
            return WAIT_OVER;
        int n = poll(fds, 2, left > 60000 ? 60000 : (int)left);
        if (n < 0 && errno != EINTR)
            return WAIT_STOPPED;
        if (n > 0 && fds[1].revents)
            return WAIT_STOPPED;
        if (n > 0 && fds[0].revents)
            return WAIT_READY;
    }
}

static bool fail(struct dialog *d, const char *text)
{
    snprintf(d->error, sizeof d->error, "%.150s", text);
    return false;
}

static bool not_ready(struct dialog *d, enum waited how, const char *what)
{
    if (how == WAIT_STOPPED)
        return fail(d, "The program is stopping.");
    snprintf(d->error, sizeof d->error, "The server did not %s in time.", what);
    return false;
}

// ---- Connecting -----------------------------------------------------------------------------------
static bool dial_one(struct dialog *d, const struct addrinfo *address, i64 deadline)
{
    int one = 1, code = 0;
    socklen_t size = sizeof code;
    if (!d->exempt && !guard_check_address(address->ai_addr, d->error, sizeof d->error))
        return false;
    d->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0)
        return fail(d, strerror(errno));
    (void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(d->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    if (connect(d->fd, address->ai_addr, address->ai_addrlen) == 0)
        return true;
    if (errno != EINPROGRESS)
        return fail(d, strerror(errno));
    enum waited how = wait_for(d, POLLOUT, deadline, false);
    if (how != WAIT_READY)
        return not_ready(d, how, "answer");
    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0)
        return fail(d, strerror(code ? code : errno));
    return true;
}

static bool dial(struct dialog *d, const struct server_url *server, i64 deadline)
{
    struct addrinfo *list = NULL;
    struct err err;
    char port[8];
    if (!lookup_run(server->url.host, RESOLVE_MS, &list, &err))
        return fail(d, err.text);
    snprintf(port, sizeof port, "%d", server->url.port);
    bool connected = false;
    for (const struct addrinfo *a = list; a && !connected; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        if (a->ai_socktype && a->ai_socktype != SOCK_STREAM)
            continue;
        if (a->ai_family == AF_INET)
            ((struct sockaddr_in *)a->ai_addr)->sin_port = htons((uint16_t)server->url.port);
        else
            ((struct sockaddr_in6 *)a->ai_addr)->sin6_port = htons((uint16_t)server->url.port);
        i64 until = clock_mono() + CONNECT_MS;
        connected = dial_one(d, a, until < deadline ? until : deadline);
        if (!connected && d->fd >= 0) {
            close(d->fd);
            d->fd = -1;
        }
    }
    freeaddrinfo(list);
    return connected || d->error[0] || fail(d, "The server has no address that can be dialled.");
}

static bool tls_failed(struct dialog *d)
{
    long verdict = SSL_get_verify_result(d->ssl);
    if (verdict != X509_V_OK) {
        snprintf(d->error, sizeof d->error, "The server's certificate is not accepted: %.100s.",
                 X509_verify_cert_error_string(verdict));
        return false;
    }
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(d->error, sizeof d->error, "Encryption could not be agreed on: %.100s.",
             reason ? reason : "the server closed the connection");
    return false;
}

static bool start_tls(struct dialog *d, i64 deadline)
{
    if (d->left.len > 0) // whatever came in the clear behind the answer is somebody's trick
        return fail(d, "The server sent more before encryption began.");
    ERR_clear_error();
    d->ssl = SSL_new(d->dialogs->tls);
    if (!d->ssl || SSL_set_fd(d->ssl, d->fd) != 1)
        return fail(d, "Encryption could not be set up.");
    if (d->literal) {
        if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(d->ssl), d->host) != 1)
            return fail(d, "Encryption could not be set up.");
    } else if (SSL_set1_host(d->ssl, d->host) != 1 || SSL_set_tlsext_host_name(d->ssl, d->host) != 1) {
        return fail(d, "Encryption could not be set up.");
    }
    for (;;) {
        ERR_clear_error();
        int code = SSL_connect(d->ssl);
        if (code == 1)
            return true;
        int why = SSL_get_error(d->ssl, code);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return tls_failed(d);
        enum waited how = wait_for(d, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline, false);
        if (how != WAIT_READY)
            return not_ready(d, how, "agree on encryption");
    }
}

// ---- Bytes ----------------------------------------------------------------------------------------
// > 0 bytes moved, 0 wait for *events, < 0 ended.
static i64 write_some(struct dialog *d, const char *bytes, size_t len, short *events)
{
    *events = POLLOUT;
    if (!d->ssl) {
        ssize_t n = send(d->fd, bytes, len, MSG_NOSIGNAL);
        return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    ERR_clear_error();
    int n = SSL_write(d->ssl, bytes, len > (1 << 30) ? 1 << 30 : (int)len);
    if (n > 0)
        return n;
    int why = SSL_get_error(d->ssl, n);
    *events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static i64 read_some(struct dialog *d, char *bytes, size_t len, short *events)
{
    *events = POLLIN;
    if (!d->ssl) {
        ssize_t n = recv(d->fd, bytes, len, 0);
        return n > 0 ? n : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    ERR_clear_error();
    int n = SSL_read(d->ssl, bytes, (int)len);
    if (n > 0)
        return n;
    int why = SSL_get_error(d->ssl, n);
    *events = why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static bool write_all(struct dialog *d, struct str bytes, i64 deadline, bool *ret_any)
{
    size_t at = 0;
    while (at < bytes.len) {
        short events;
        i64 n = write_some(d, bytes.ptr + at, bytes.len - at, &events);
        if (n < 0)
            return fail(d, "The server closed the connection.");
        at += (size_t)n;
        *ret_any |= n > 0;
        enum waited how = n > 0 ? WAIT_READY : wait_for(d, events, deadline, false);
        if (how != WAIT_READY)
            return not_ready(d, how, "take what was sent");
    }
    return true;
}

enum reading { READ_WHOLE, READ_FAILED, READ_SILENCE };

static enum reading read_whole(struct dialog *d, const struct net_request *request, i64 deadline,
                               size_t *ret_len)
{
    size_t max = request->max_answer ? request->max_answer : MAX_ANSWER;
    for (;;) {
        short events;
        *ret_len = d->left.len ? request->whole(buf_str(&d->left)) : 0;
        if (*ret_len > 0 && *ret_len <= d->left.len)
            return READ_WHOLE;
        d->left.max = max + READ_CHUNK;
        if (d->left.len > max) {
            snprintf(d->error, sizeof d->error, "The answer is larger than %zu bytes.", max);
            return READ_FAILED;
        }
        char *room = buf_room(&d->left, READ_CHUNK);
        i64 n = room ? read_some(d, room, READ_CHUNK, &events) : -1;
        if (n < 0) {
            fail(d, "The server closed the connection.");
            return READ_FAILED;
        }
        d->left.len += (size_t)n;
        enum waited how = n > 0 ? WAIT_READY : wait_for(d, events, deadline, request->patient);
        if (how == WAIT_OVER && request->patient)
            return READ_SILENCE;
        if (how != WAIT_READY) {
            not_ready(d, how, "answer");
            return READ_FAILED;
        }
    }
}

// ---- A turn ---------------------------------------------------------------------------------------
void dialog_close(struct dialog *d)
{
    if (!d)
        return;
    if (d->ssl) {
        ERR_clear_error();
        (void)SSL_shutdown(d->ssl); // one try; nobody waits for the answer
        SSL_free(d->ssl);
    }
    if (d->fd >= 0)
        close(d->fd);
    buf_finish(&d->left);
    mem_free(d);
}

static bool copy_text(char *to, size_t size, struct str from)
{
    if (from.len >= size)
        return false;
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return true;
}

static bool open_dialog(const struct dialogs *dialogs, struct dialog *d, struct str url, struct arena *arena,
                        i64 deadline)
{
    struct server_url server;
    struct err err;
    d->dialogs = dialogs;
    d->fd = -1;
    buf_init(&d->left, NULL, MAX_ANSWER);
    if (!server_url_parse(arena, url, &server, &err) || !may_dial(dialogs->guard, &server, &err))
        return fail(d, err.text);
    if (!copy_text(d->url, sizeof d->url, url) || !copy_text(d->host, sizeof d->host, server.url.host))
        return fail(d, "The server's address is too long.");
    d->literal = server.url.address_len > 0;
    d->exempt = guard_is_exempt(dialogs->guard, &server.url);
    return dial(d, &server, deadline) && (!server.tls || start_tls(d, deadline));
}

static bool same_url(const struct dialog *d, struct str url)
{
    return d && str_eq(str_from(d->url), url);
}

static void take_answer(struct dialog *d, size_t len, struct arena *arena, struct net_answer *answer)
{
    answer->got_answer = true;
    answer->status = 200;
    answer->body = str_copy(arena, str_sub(buf_str(&d->left), 0, len));
    memmove(d->left.ptr, d->left.ptr + len, d->left.len - len);
    d->left.len -= len;
}

static bool turn(struct dialogs *dialogs, struct dialog **dialog, const struct net_request *request,
                 struct arena *arena, struct net_answer *answer)
{
    i64 now = clock_mono(), ms = request->timeout_ms > 0 ? request->timeout_ms : TURN_MS;
    i64 deadline = now + ms;
    bool any = false;
    size_t len = 0;
    if (request->fresh || !same_url(*dialog, request->url)) {
        dialog_close(*dialog);
        *dialog = mem_alloc(sizeof **dialog);
        if (!open_dialog(dialogs, *dialog, request->url, arena, deadline))
            return false;
    }
    struct dialog *d = *dialog;
    d->error[0] = '\0';
    if (request->start_tls && !d->ssl && !start_tls(d, deadline))
        return false;
    answer->secure = d->ssl != NULL;
    answer->exempt = d->exempt;
    bool wrote = write_all(d, request->body, deadline, &any);
    answer->maybe_received = any;
    if (!wrote)
        return false;
    enum reading how = read_whole(d, request, deadline, &len);
    if (how == READ_WHOLE)
        take_answer(d, len, arena, answer);
    answer->got_answer = how != READ_FAILED;
    answer->waited = how == READ_SILENCE;
    return how != READ_FAILED;
}

void dialog_turn(struct dialogs *dialogs, struct dialog **dialog, const struct net_request *request,
                 struct arena *arena, struct net_answer *answer)
{
    *answer = (struct net_answer){};
    if (turn(dialogs, dialog, request, arena, answer))
        return;
    snprintf(answer->error, sizeof answer->error, "%s", (*dialog)->error);
    for (char *c = answer->error; *c; c++)
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    dialog_close(*dialog);
    *dialog = NULL;
}
