// SPDX-License-Identifier: AGPL-3.0-or-later
// seccomp-bpf and Landlock by hand, over the kernel's own interface: two small tables need no library.
#include "base/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "The sandbox is written for x86-64 and ARM64."
#endif

// --- Landlock: the interface of Linux 6.12 (ABI 6), more than Debian 12's header knows ---

enum { SYS_LANDLOCK_CREATE_RULESET = 444, SYS_LANDLOCK_RESTRICT_SELF = 446, LANDLOCK_VERSION = 1 };

struct landlock_rules {
    u64 files, network, scopes;
};

// Everything a version of Landlock can forbid, with no exception granted.
static struct landlock_rules forbid_all(long abi)
{
    static const int file_rights[] = {0, 13, 14, 15, 15, 16}; // by ABI
    int n = abi >= 5 ? file_rights[5] : file_rights[abi];
    return (struct landlock_rules){
        .files = ((u64)1 << n) - 1,
        .network = abi >= 4 ? 3 : 0, // bind and connect TCP
        .scopes = abi >= 6 ? 3 : 0,  // abstract sockets and signals to processes outside
    };
}

static long landlock_abi(void)
{
    return syscall(SYS_LANDLOCK_CREATE_RULESET, NULL, (size_t)0, LANDLOCK_VERSION);
}

static bool enter_landlock(void)
{
    long abi = landlock_abi();
    if (abi < 1) {
        return false;
    }
    struct landlock_rules rules = forbid_all(abi);
    long fd = syscall(SYS_LANDLOCK_CREATE_RULESET, &rules, sizeof rules, 0);
    if (fd < 0) {
        return false;
    }
    long failed = syscall(SYS_LANDLOCK_RESTRICT_SELF, (int)fd, 0);
    close((int)fd);
    return failed == 0;
}

// --- seccomp: what is not in the table ends the process ---

#define LOAD(member)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (u32)offsetof(struct seccomp_data, member))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ALLOW(name)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), RETURN(SECCOMP_RET_ALLOW)
// An allowed call when none of `bits` is set in the low half of its third argument (mmap, mprotect: prot).
#define ALLOW_WITHOUT(name, bits)                                                                            \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 4), LOAD(args[2]),                                   \
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 1, 0), RETURN(SECCOMP_RET_ALLOW),                       \
        RETURN(SECCOMP_RET_KILL_PROCESS)

// Deliberately absent: whatever opens, sends, signals, starts, sleeps or asks about others. An argument's low
// half comes first in memory on both supported machines, so a 32-bit load at its offset gets it.
static const struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    ALLOW(read),
    ALLOW(write),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(brk),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigprocmask),
    ALLOW(clock_gettime),
    ALLOW(getrandom),
    ALLOW(sched_yield),
    ALLOW_WITHOUT(mprotect, PROT_EXEC),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(args[2]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 2, 0),
    LOAD(args[3]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    RETURN(SECCOMP_RET_ALLOW),
};

static bool enter_seccomp(void)
{
    // The kernel only reads the filter; its struct merely lacks the const.
    struct sock_fprog program = {.len = ARRAY_LEN(filter), .filter = (struct sock_filter *)(uintptr_t)filter};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

unsigned sandbox_layers_available(void)
{
    u32 kill = SECCOMP_RET_KILL_PROCESS;
    unsigned layers = 0;
    if (landlock_abi() >= 1) {
        layers |= SANDBOX_LANDLOCK;
    }
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) == 0) {
        layers |= SANDBOX_SECCOMP;
    }
    return layers;
}

static bool limit(int what, u64 value)
{
    struct rlimit both = {value, value};
    return setrlimit((__rlimit_resource_t)what, &both) == 0;
}

bool sandbox_enter(unsigned layers)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return false;
    }
    if (layers & SANDBOX_LANDLOCK && !enter_landlock()) {
        return false;
    }
    // No new descriptors from here on; Landlock needed one. seccomp comes last, as it forbids the rest.
    return !(layers & SANDBOX_SECCOMP) || (limit(RLIMIT_NOFILE, 0) && enter_seccomp());
}

static u64 mapped_now(void)
{
    char text[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    return n > 0 ? strtoull(text, NULL, 10) * (u64)sysconf(_SC_PAGESIZE) : 0;
}

bool sandbox_limit(u64 cpu_s, u64 memory_bytes)
{
    if (!SANDBOX_HUGE_ADDRESS_SPACE && !limit(RLIMIT_AS, mapped_now() + memory_bytes)) {
        return false;
    }
    return limit(RLIMIT_CPU, cpu_s) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
           limit(RLIMIT_NPROC, 0);
}

// Where the kernel put arguments and environment: fields 48 to 51 of /proc/self/stat.
static bool find_start(u64 ret_bounds[4])
{
    char text[2048] = "";
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    char *at = n > 0 ? strrchr(text, ')') : NULL; // the name before may hold anything
    for (int field = 2; at && field < 48; field++) {
        at = strchr(at + 1, ' ');
    }
    for (int i = 0; i < 4; i++) {
        if (!at) {
            return false;
        }
        ret_bounds[i] = strtoull(at, &at, 10);
    }
    return true;
}

extern char **environ;

void sandbox_forget_start(void)
{
    u64 bounds[4];
    for (char **entry = environ; entry && *entry; entry++) {
        explicit_bzero(*entry, strlen(*entry));
    }
    if (find_start(bounds)) {
        for (int i = 0; i < 4; i += 2) {
            if (bounds[i] && bounds[i + 1] > bounds[i]) {
                explicit_bzero((void *)(uintptr_t)bounds[i], bounds[i + 1] - bounds[i]);
            }
        }
    }
    static char *nothing[] = {NULL};
    environ = nothing;
}
