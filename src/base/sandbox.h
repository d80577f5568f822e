// SPDX-License-Identifier: AGPL-3.0-or-later
// Private to base/: the walls around a process that takes hostile bytes apart. Each layer alone should
// hold: no file or network by Landlock, next to no system call by seccomp, little time and memory by limits.
#pragma once
#include "base/err.h"

// Sanitizers reserve terabytes of addresses for themselves: no limit of memory under them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_HUGE_ADDRESS_SPACE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_HUGE_ADDRESS_SPACE 1
#endif
#endif
#ifndef SANDBOX_HUGE_ADDRESS_SPACE
#define SANDBOX_HUGE_ADDRESS_SPACE 0
#endif

enum sandbox_layers {
    SANDBOX_LANDLOCK = 1,
    SANDBOX_SECCOMP = 2,
};

// What this kernel offers.
unsigned sandbox_layers_available(void);
// Locks the calling process in, for good; it keeps what it has open. False when a layer cannot be put on.
bool sandbox_enter(unsigned layers) MUST_CHECK;
// Limits of processor seconds and of memory beyond what is mapped now; nothing else may grow at all.
bool sandbox_limit(u64 cpu_s, u64 memory_bytes) MUST_CHECK;
// Overwrites arguments and environment of the process, which may name secrets (a database URL).
void sandbox_forget_start(void);
