// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading and writing all of it or failing, with and without a deadline.
#include "base/frame.h"
#include "base/clock.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

bool frame_read(int fd, void *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = read(fd, (char *)out + at, len - at);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool frame_write(int fd, const void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, (const char *)data + at, len - at);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool wait_for(int fd, short events, i64 deadline)
{
    for (;;) {
        i64 left = deadline - clock_mono();
        if (left <= 0) {
            return false;
        }
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, (int)left);
        if (n > 0) {
            return true;
        }
        if (n < 0 && errno != EINTR) {
            return false;
        }
    }
}

bool frame_read_until(int fd, void *out, size_t len, i64 deadline)
{
    for (size_t at = 0; at < len;) {
        if (!wait_for(fd, POLLIN, deadline)) {
            return false;
        }
        ssize_t n = recv(fd, (char *)out + at, len - at, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool frame_write_until(int fd, const void *data, size_t len, i64 deadline)
{
    for (size_t at = 0; at < len;) {
        if (!wait_for(fd, POLLOUT, deadline)) {
            return false;
        }
        ssize_t n = send(fd, (const char *)data + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

bool frame_send_fd(int socket, int fd)
{
    char byte = 'f';
    struct iovec data = {&byte, 1};
    union control control = {};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head =
        (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    ssize_t n;
    do {
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n == 1;
}

int frame_receive_fd(int socket, i64 deadline, bool *ret_gone)
{
    char byte;
    struct iovec data = {&byte, 1};
    union control control = {};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    *ret_gone = false;
    if (!wait_for(socket, POLLIN, deadline)) {
        return -1;
    }
    ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (n == 1 && head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof fd)) {
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    }
    *ret_gone = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    return fd;
}
