// SPDX-License-Identifier: AGPL-3.0-or-later
// The sandbox from the inside: jobs that behave as an attacker would who took over a parser. Each is
// refused by its own layer too, and costs nobody else anything.
#include "base/arena.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/sandbox.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *environment_entry, *first_argument; // where the secrets of the start stood
static int inherited;                                  // open while the nursery is forked
static pid_t server;

enum kind {
    ECHO,
    REFUSE,
    OVERFLOWS,
    CRASH,
    SPIN,
    READ_INHERITED,
    FIND_START,
    LIE_ABOUT_LENGTH,
    ANSWER_THRICE,
    EAT_MEMORY,
    OPEN,
    OPENAT2,
    SOCKET,
    EXECVE,
    FORK,
    PTRACE,
    KILL,
    READ_MEMORY,
    MAKE_CODE,
    UNLOCK_CODE,
    MAP_A_FILE,
    RAISE_LIMITS,
    KINDS,
};

// --- Jobs that behave ---

static bool job_echo(struct str input, struct buf *output)
{
    buf_add(output, input);
    return true;
}

static bool job_refuse(struct str input, struct buf *output)
{
    (void)input;
    buf_add(output, S("no"));
    return false;
}

static bool job_overflow(struct str input, struct buf *output)
{
    (void)input;
    for (int i = 0; i < 40; i++) {
        char *room = buf_room(output, 1 << 20);
        if (room) {
            memset(room, 'x', 1 << 20);
            output->len += 1 << 20;
        }
    }
    return true;
}

// --- Jobs of an attacker; what returns at all has found a hole ---

static bool job_crash(struct str input, struct buf *output)
{
    (void)output;
    *(volatile char *)(uintptr_t)(input.len % 2) = 1;
    return true;
}

static bool job_spin(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    for (volatile u64 i = 0; i < UINT64_MAX; i++) {
    }
    return true;
}

static bool job_open(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    open("/etc/passwd", O_RDONLY);
    return true;
}

static bool job_openat2(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0);
    return true;
}

static bool job_socket(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    socket(AF_INET, SOCK_STREAM, 0);
    return true;
}

static bool job_execve(struct str input, struct buf *output)
{
    char *const args[] = {"/bin/true", NULL};
    (void)input;
    (void)output;
    execve(args[0], args, args + 1);
    return true;
}

static bool job_fork(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
        _exit(0);
    }
    return true;
}

static bool job_ptrace(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    ptrace(PTRACE_ATTACH, server, NULL, NULL);
    return true;
}

static bool job_kill(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    kill(server, SIGKILL);
    return true;
}

static bool job_read_memory(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    syscall(SYS_process_vm_readv, server, NULL, 0, NULL, 0, 0);
    return true;
}

static bool job_make_code(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return true;
}

static bool job_unlock_code(struct str input, struct buf *output)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)input;
    (void)output;
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    return true;
}

static bool job_map_file(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0);
    return true;
}

static bool job_raise_limits(struct str input, struct buf *output)
{
    (void)input;
    (void)output;
    syscall(SYS_prlimit64, 0, 0, NULL, NULL);
    return true;
}

// Reads every descriptor there could be but its own socket: all must be closed.
static bool job_read_inherited(struct str input, struct buf *output)
{
    char byte;
    (void)input;
    for (int fd = 0; fd < 1024; fd++) {
        if (fd != 3 && read(fd, &byte, 1) >= 0) {
            buf_printf(output, "%d ", fd);
        }
    }
    return true;
}

// Looks where the environment and the arguments stood when the nursery was forked.
static bool job_find_start(struct str input, struct buf *output)
{
    (void)input;
    buf_add(output, str_from(getenv("HEED_TEST_SECRET")));
    buf_add(output, str_from(environment_entry));
    buf_add(output, str_from(first_argument));
    return true;
}

// The frame that brought the input, found on the stack by its contents as an attacker would.
__attribute__((no_sanitize("address"))) static struct frame find_frame(u32 kind, size_t len)
{
    const volatile u32 *start = __builtin_frame_address(0);
    for (const volatile u32 *at = start; at < start + 1024; at++) {
        if (at[0] == kind && at[1] == (u32)len) {
            return (struct frame){.word = FRAME_OK, .job = at[2] | (u64)at[3] << 32};
        }
    }
    return (struct frame){};
}

static bool job_lie_about_length(struct str input, struct buf *output)
{
    struct frame lie = find_frame(LIE_ABOUT_LENGTH, input.len);
    buf_add(output, lie.word ? S("found") : S("not found"));
    lie.len = FRAME_MAX + 1u;
    (void)!write(3, &lie, sizeof lie);
    return true;
}

// A right answer, and more of them for whoever comes next.
static bool job_answer_thrice(struct str input, struct buf *output)
{
    struct frame early = find_frame(ANSWER_THRICE, input.len);
    (void)output;
    early.len = 4;
    for (int i = 0; i < 3; i++) {
        (void)!write(3, &early, sizeof early);
        (void)!write(3, "evil", 4);
    }
    return true;
}

static bool job_eat_memory(struct str input, struct buf *output)
{
    (void)input;
    for (int i = 0; i < 1024; i++) {
        char *block = malloc(1 << 20);
        if (!block) {
            buf_printf(output, "%d", i);
            return true;
        }
        memset(block, 1, 1 << 20);
    }
    buf_add(output, S("1024"));
    return true;
}

static child_job *const kinds[KINDS] = {
    [ECHO] = job_echo,
    [REFUSE] = job_refuse,
    [OVERFLOWS] = job_overflow,
    [CRASH] = job_crash,
    [SPIN] = job_spin,
    [READ_INHERITED] = job_read_inherited,
    [FIND_START] = job_find_start,
    [LIE_ABOUT_LENGTH] = job_lie_about_length,
    [ANSWER_THRICE] = job_answer_thrice,
    [EAT_MEMORY] = job_eat_memory,
    [OPEN] = job_open,
    [OPENAT2] = job_openat2,
    [SOCKET] = job_socket,
    [EXECVE] = job_execve,
    [FORK] = job_fork,
    [PTRACE] = job_ptrace,
    [KILL] = job_kill,
    [READ_MEMORY] = job_read_memory,
    [MAKE_CODE] = job_make_code,
    [UNLOCK_CODE] = job_unlock_code,
    [MAP_A_FILE] = job_map_file,
    [RAISE_LIMITS] = job_raise_limits,
};

static struct nursery *nursery;
static struct arena *arena;

static int open_nursery(void **state)
{
    struct err err;
    (void)state;
    server = getpid();
    setenv("HEED_TEST_SECRET", "postgres://user:password@host", 1);
    environment_entry = getenv("HEED_TEST_SECRET");
    inherited = open("/etc/hostname", O_RDONLY);
    arena = arena_create();
    return inherited >= 0 && nursery_start(kinds, KINDS, false, &nursery, &err) ? 0 : -1;
}

static int close_nursery(void **state)
{
    (void)state;
    nursery_stop(nursery);
    nursery_stop(NULL);
    arena_destroy(arena);
    close(inherited);
    return 0;
}

static void assert_still_works(void)
{
    struct str answer;
    assert_int_equal(nursery_run(nursery, ECHO, S("still here"), arena, &answer), CHILD_OK);
    assert_true(str_eq(answer, S("still here")));
}

static void a_job_gives_back_bytes_of_any_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 4095, 65536, 25 * 1024 * 1024, FRAME_MAX};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        char *bytes = arena_alloc(arena, lengths[i]);
        memset(bytes, 'a' + (int)i, lengths[i]);
        struct str answer;
        assert_int_equal(nursery_run(nursery, ECHO, (struct str){bytes, lengths[i]}, arena, &answer),
                         CHILD_OK);
        assert_true(str_eq(answer, (struct str){bytes, lengths[i]}));
        arena_reset(arena);
    }
    struct str answer;
    assert_int_equal(nursery_run(nursery, ECHO, (struct str){"", FRAME_MAX + 1u}, arena, &answer),
                     CHILD_REFUSED);
}

static void a_refusal_is_an_answer(void **state)
{
    (void)state;
    struct str answer;
    assert_int_equal(nursery_run(nursery, REFUSE, S("x"), arena, &answer), CHILD_REFUSED);
    assert_true(str_eq(answer, S("no")));
    assert_int_equal(nursery_run(nursery, OVERFLOWS, S("x"), arena, &answer), CHILD_REFUSED);
    assert_still_works();
}

static void everything_an_attacker_tries_kills_only_the_child(void **state)
{
    (void)state;
    for (size_t kind = OPEN; kind < KINDS; kind++) {
        struct str answer;
        enum child_result result = nursery_run(nursery, kind, S("x"), arena, &answer);
        if (result != CHILD_DIED) {
            fail_msg("attack %zu went through", kind);
        }
        assert_still_works();
    }
}

static void nothing_inherited_is_left_to_read(void **state)
{
    (void)state;
    struct str answer;
    assert_int_equal(nursery_run(nursery, READ_INHERITED, S("x"), arena, &answer), CHILD_OK);
    // Under a sanitizer stderr stays open for its reports; a terminal there could be read.
    if (answer.len && !str_eq(answer, S("2 "))) {
        fail_msg("could read " STR_FMT, STR_ARG(answer));
    }
}

static void arguments_and_environment_are_forgotten(void **state)
{
    (void)state;
    struct str answer;
    assert_true(strlen(first_argument) > 0 && strlen(environment_entry) > 0); // not here, only there
    assert_int_equal(nursery_run(nursery, FIND_START, S("x"), arena, &answer), CHILD_OK);
    assert_int_equal(answer.len, 0);
}

static void a_crash_costs_one_job(void **state)
{
    (void)state;
    struct str answer;
    assert_int_equal(nursery_run(nursery, CRASH, S("x"), arena, &answer), CHILD_DIED);
    assert_still_works();
}

static void a_job_without_end_is_ended(void **state)
{
    (void)state;
    struct str answer;
    i64 before = clock_mono();

    assert_int_equal(nursery_run(nursery, SPIN, S("x"), arena, &answer), CHILD_DIED);

    assert_true(clock_mono() - before < 8000);
    assert_still_works();
}

static void a_lie_about_lengths_is_a_death(void **state)
{
    (void)state;
    char input[1237] = "x"; // of a length found nowhere else
    struct str answer;
    assert_int_equal(
        nursery_run(nursery, LIE_ABOUT_LENGTH, (struct str){input, sizeof input}, arena, &answer),
        CHILD_DIED);
    assert_still_works();
}

static void an_answer_kept_for_the_next_job_is_not_given_out(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        char input[1239] = "x";
        struct str answer;
        // Its own job may be answered as it likes.
        enum child_result result =
            nursery_run(nursery, ANSWER_THRICE, (struct str){input, sizeof input}, arena, &answer);
        assert_int_equal(result, CHILD_OK);
        assert_true(str_eq(answer, S("evil")));
        assert_still_works();
        assert_still_works();
    }
}

static void memory_ends_at_the_limit(void **state)
{
    (void)state;
    if (SANDBOX_HUGE_ADDRESS_SPACE) {
        skip();
    }
    struct str answer;
    i64 got;
    assert_int_equal(nursery_run(nursery, EAT_MEMORY, S("x"), arena, &answer), CHILD_OK);
    assert_true(str_to_i64(answer, &got));
    assert_in_range(got, 100, 256);
}

static void hundreds_of_jobs_pass_through_several_children(void **state)
{
    (void)state;
    for (int i = 0; i < 450; i++) {
        assert_still_works();
    }
}

static void *run_jobs(void *arg)
{
    struct arena *own = arena_create();
    size_t *failures = arg;
    for (int i = 0; i < 60; i++) {
        struct str input = str_printf(own, "%p %d", arg, i), answer;
        bool crash = i % 20 == 19;
        enum child_result result = nursery_run(nursery, crash ? CRASH : ECHO, input, own, &answer);
        *failures += crash ? result != CHILD_DIED : result != CHILD_OK || !str_eq(answer, input);
    }
    arena_destroy(own);
    return NULL;
}

static void threads_share_the_nursery_and_mix_nothing_up(void **state)
{
    (void)state;
    pthread_t threads[8];
    static size_t failures[8];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        threads[i] = thread_start("jobs", run_jobs, &failures[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

// Runs `attack` in a process of the test's own behind the given layers only; its wait status.
static int behind(unsigned layers, int (*attack)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(sandbox_enter(layers) ? attack() : 99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 ? 1 : errno == EACCES ? 0 : 2;
}

static int make_file(void)
{
    return open("/tmp/heed-test-escape", O_WRONLY | O_CREAT, 0600) >= 0 ? 1 : errno == EACCES ? 0 : 2;
}

static int signal_outside(void)
{
    return kill(getppid(), 0) == 0 ? 1 : errno == EPERM ? 0 : 2;
}

static int make_thread(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) != 0;
}

static void landlock_alone_keeps_files_away(void **state)
{
    (void)state;
    assert_int_equal(sandbox_layers_available(), SANDBOX_LANDLOCK | SANDBOX_SECCOMP);
    assert_int_equal(behind(0, open_file), 1 << 8); // without a layer it can
    assert_int_equal(behind(SANDBOX_LANDLOCK, open_file), 0);
    assert_int_equal(behind(SANDBOX_LANDLOCK, make_file), 0);
    assert_int_equal(behind(SANDBOX_LANDLOCK, signal_outside), 0);
}

static void seccomp_alone_kills(void **state)
{
    (void)state;
    static int (*const attacks[])(void) = {open_file, make_file, signal_outside, make_thread};
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        int status = behind(SANDBOX_SECCOMP, attacks[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}

// A server killed outright leaves nobody behind. Plays the server in a process of its own.
static void the_nursery_and_its_children_die_with_the_server(void **state)
{
    (void)state;
    int alive[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, alive), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct nursery *own;
        struct err err;
        struct str answer;
        bool ok = nursery_start(kinds, KINDS, false, &own, &err) &&
                  nursery_run(own, ECHO, S("x"), arena, &answer) == CHILD_OK;
        (void)!write(alive[1], ok ? "y" : "n", 1);
        pause();
    }
    close(alive[1]);
    char byte = 0;
    assert_int_equal(read(alive[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "r");
    int nursery_pid = 0;
    assert_non_null(file);
    assert_int_equal(fread(path, 1, sizeof path - 1, file) > 0, 1);
    fclose(file);
    nursery_pid = (int)strtol(path, NULL, 10);
    assert_true(nursery_pid > 1);

    kill(pid, SIGTERM); // its default ends the server; the nursery ignores it and goes with its parent
    waitpid(pid, NULL, 0);

    i64 deadline = clock_mono() + 5000;
    char state_of[64] = "";
    do {
        snprintf(path, sizeof path, "/proc/%d/stat", nursery_pid);
        file = fopen(path, "r");
        size_t n = file ? fread(state_of, 1, sizeof state_of - 1, file) : 0;
        if (file) {
            fclose(file);
        }
        if (!n || strstr(state_of, ") Z") || !strstr(state_of, "heed-nursery")) {
            break;
        }
        usleep(10000);
    } while (clock_mono() < deadline);
    assert_true(clock_mono() < deadline);
    close(alive[0]);
}

// Makes this process believe that it runs on a kernel without Landlock.
static bool lose_landlock(void)
{
    struct sock_filter without[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = ARRAY_LEN(without), .filter = without};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int start_without_landlock(void)
{
    struct nursery *own;
    struct err err;
    struct str answer;
    if (!lose_landlock() || sandbox_layers_available() != SANDBOX_SECCOMP) {
        return 1;
    }
    if (nursery_start(kinds, KINDS, false, &own, &err) || !strstr(err.text, "Landlock")) {
        return 2; // it must not start
    }
    if (!nursery_start(kinds, KINDS, true, &own, &err)) {
        return 3; // unless told to
    }
    if (nursery_run(own, ECHO, S("x"), arena, &answer) != CHILD_OK) {
        return 4;
    }
    if (nursery_run(own, OPEN, S("x"), arena, &answer) != CHILD_DIED) {
        return 5; // what is left of the sandbox holds
    }
    nursery_stop(own);
    return 0;
}

static void a_kernel_without_landlock_is_refused_unless_told_otherwise(void **state)
{
    (void)state;
    assert_int_equal(behind(0, start_without_landlock), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    first_argument = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_gives_back_bytes_of_any_length),
        cmocka_unit_test(a_refusal_is_an_answer),
        cmocka_unit_test(everything_an_attacker_tries_kills_only_the_child),
        cmocka_unit_test(nothing_inherited_is_left_to_read),
        cmocka_unit_test(arguments_and_environment_are_forgotten),
        cmocka_unit_test(a_crash_costs_one_job),
        cmocka_unit_test(a_job_without_end_is_ended),
        cmocka_unit_test(a_lie_about_lengths_is_a_death),
        cmocka_unit_test(an_answer_kept_for_the_next_job_is_not_given_out),
        cmocka_unit_test(memory_ends_at_the_limit),
        cmocka_unit_test(hundreds_of_jobs_pass_through_several_children),
        cmocka_unit_test(threads_share_the_nursery_and_mix_nothing_up),
        cmocka_unit_test(landlock_alone_keeps_files_away),
        cmocka_unit_test(seccomp_alone_kills),
        cmocka_unit_test(a_kernel_without_landlock_is_refused_unless_told_otherwise),
        cmocka_unit_test(the_nursery_and_its_children_die_with_the_server),
    };
    return cmocka_run_group_tests(tests, open_nursery, close_nursery);
}
