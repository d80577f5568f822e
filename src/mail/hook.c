// SPDX-License-Identifier: AGPL-3.0-or-later
// Only children run this, only when the server was started for a test. What returns has found a hole in the
// sandbox and says so by a mark that the test looks for.
#include "mail/hook.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool armed;

void hook_prepare(void)
{
    const char *text = getenv("HEED_TEST_MAIL");
    armed = text && strcmp(text, "hostile") == 0;
}

static void crash(void)
{
    volatile uintptr_t nowhere = 1;
    *(volatile char *)nowhere = 1;
    abort();
}

static void hang(void)
{
    for (volatile u64 i = 0; i < UINT64_MAX; i++) {
    }
}

static void eat(void)
{
    for (int i = 0; i < 1024; i++) { // four times what a child may have
        char *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) {
            abort();
        }
        memset(page, 1, 1 << 20);
    }
    _exit(78);
}

static void open_file(void)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    _exit(fd >= 0 ? 77 : 78);
}

static void open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _exit(fd >= 0 ? 77 : 78);
}

static void run_program(void)
{
    char *const args[] = {"/bin/true", NULL};
    syscall(SYS_execve, args[0], args, args + 1);
    _exit(78);
}

static void trace(void)
{
    _exit(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0 ? 77 : 78);
}

static void kill_parent(void)
{
    _exit(kill(getppid(), SIGKILL) == 0 ? 77 : 78);
}

void hook_run(struct str raw)
{
    static const struct {
        const char *header;
        void (*act)(void);
    } acts[] = {
        {"X-Heed-Test: crash", crash},
        {"X-Heed-Test: hang", hang},
        {"X-Heed-Test: eat", eat},
        {"X-Heed-Test: open", open_file},
        {"X-Heed-Test: socket", open_socket},
        {"X-Heed-Test: execve", run_program},
        {"X-Heed-Test: ptrace", trace},
        {"X-Heed-Test: kill", kill_parent},
    };
    struct str head = str_sub(raw, 0, raw.len < 4096 ? raw.len : 4096);
    for (size_t i = 0; armed && i < ARRAY_LEN(acts); i++) {
        if (str_find(head, str_from(acts[i].header)) >= 0) {
            acts[i].act();
        }
    }
}
