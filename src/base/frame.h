// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to base/: whole frames over a stream socket between us and a child that may be hostile.
#pragma once
#include "base/str.h"

enum {
    FRAME_MAX = 32 * 1024 * 1024, // bytes after the header, either way
};

// Header of both directions; `word` is the kind of job on the way in, a frame_answer on the way out.
struct frame {
    u32 word;
    u32 len;
    u64 job; // drawn by lot for each job and repeated in its answer, so that none can be given beforehand
};
enum frame_answer {
    FRAME_OK = 1,
    FRAME_REFUSED = 2,
    FRAME_MASK = 3,
    FRAME_LAST = 4 /* the child ends now */
};

// Blocking, for the child; false when the other side is gone.
bool frame_read(int fd, void *out, size_t len) MUST_CHECK;
bool frame_write(int fd, const void *data, size_t len) MUST_CHECK;
// For us: until the deadline (clock_mono).
bool frame_read_until(int fd, void *out, size_t len, i64 deadline) MUST_CHECK;
bool frame_write_until(int fd, const void *data, size_t len, i64 deadline) MUST_CHECK;
// Hands a file descriptor over a socket, and takes one; -1 when none came, *ret_gone when none will.
bool frame_send_fd(int socket, int fd) MUST_CHECK;
int frame_receive_fd(int socket, i64 deadline, bool *ret_gone);
