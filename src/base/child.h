// SPDX-License-Identifier: AGPL-3.0-or-later
// The nursery: the only place that forks. nursery_start is called first thing in main, before threads
// and keys exist; the nursery process then forks sandboxed children on request (no network, no files,
// no secrets: seccomp, Landlock, rlimits; 2 s of processor and 256 MB each; a new child after 100
// jobs). A job is bytes in, bytes out, over a socketpair with length-checked frames.
#pragma once
#include "base/err.h"

struct nursery;
enum child_result {
    CHILD_OK,      // answer is valid
    CHILD_REFUSED, // the parser looked and said no; answer holds the reason
    CHILD_DIED,    // crashed, was killed by the sandbox, or overran its time; worth two more tries
    CHILD_BUSY,    // no child was free in time: the bytes were not looked at, so no attempt counts
};
// Runs inside a child: reads `input`, appends to `output`; false = refused, with reason in output.
struct buf;
typedef bool child_job(struct str input, struct buf *output);

// kinds: table of job functions by index, known to both sides. insecure: keep going when the kernel
// has no Landlock or seccomp (else an error).
bool nursery_start(child_job *const *kinds, size_t n_kinds, bool insecure, struct nursery **ret,
                   struct err *err) MUST_CHECK;
// Blocks the calling worker until the answer, at most 5 s. Thread-safe. Answer in the arena.
enum child_result nursery_run(struct nursery *nursery, size_t kind, struct str input, struct arena *arena,
                              struct str *ret_answer);
void nursery_stop(struct nursery *nursery);
