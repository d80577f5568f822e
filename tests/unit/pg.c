// SPDX-License-Identifier: AGPL-3.0-or-later
#include "pg.h"
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];  // of the cluster
static char server[1024]; // conninfo of the superuser, without a database
static pid_t postmaster;
static pid_t owner;
static int n_databases;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "PostgreSQL for tests: %s: %s\n", what, why);
    abort();
}

static const char *find_program(char *out, size_t size, const char *name)
{
    const char *folders[] = {"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin",
                             "/usr/lib/postgresql/16/bin", "/usr/local/bin", "/usr/bin"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(out, size, "%s/%s", folders[i], name);
        if (access(out, X_OK) == 0) {
            return out;
        }
    }
    return NULL;
}

// PostgreSQL refuses to run as root.
static void become_ordinary(void)
{
    if (geteuid() != 0) {
        return;
    }
    struct passwd *user = getpwnam("postgres");
    user = user ? user : getpwnam("nobody");
    if (!user || setgroups(0, NULL) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0) {
        _exit(126);
    }
}

static pid_t start_program(char *const argv[])
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    become_ordinary();
    prctl(PR_SET_PDEATHSIG, SIGQUIT); // ends with the test, also when that is killed
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    char log[300];
    snprintf(log, sizeof(log), "%s/log", folder);
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(file >= 0 ? file : null, 2);
    for (int fd = 3; fd < 256; fd++) {
        close(fd);
    }
    execv(argv[0], argv);
    _exit(127);
}

static void remove_tree(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", "--", path, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

// Folders of tests that were killed.
static void remove_leftovers(void)
{
    DIR *dir = opendir("/tmp");
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        long pid;
        char *end;
        // Ours end with the number of their owner and nothing more; other tests' folders begin alike.
        if (strncmp(entry->d_name, "heed-pg-", 8) == 0 && (pid = strtol(entry->d_name + 8, &end, 10)) > 0 &&
            *end == 0 && kill((pid_t)pid, 0) < 0) {
            char path[300];
            snprintf(path, sizeof(path), "/tmp/%s", entry->d_name);
            remove_tree(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static void stop_server(int how)
{
    if (postmaster > 0) {
        kill(postmaster, how);
        waitpid(postmaster, NULL, 0);
        postmaster = 0;
    }
}

static void stop_at_exit(void)
{
    if (getpid() == owner) { // not in a forked child of the test
        stop_server(SIGQUIT);
        remove_tree(folder);
    }
}

static bool wait_until_ready(void)
{
    for (int i = 0; i < 300; i++) {
        char info[1100];
        snprintf(info, sizeof(info), "%s dbname=postgres", server);
        PGconn *pg = PQconnectdb(info);
        bool ok = PQstatus(pg) == CONNECTION_OK;
        PQfinish(pg);
        if (ok) {
            return true;
        }
        if (waitpid(postmaster, NULL, WNOHANG) == postmaster) {
            return false;
        }
        usleep(50000);
    }
    return false;
}

static void start_server(void)
{
    char program[300], data[300];
    if (!find_program(program, sizeof(program), "postgres")) {
        fail("start", "postgres not found");
    }
    snprintf(data, sizeof(data), "%s/data", folder);
    char *argv[] = {program,
                    "-D",
                    data,
                    "-k",
                    folder,
                    "-c",
                    "listen_addresses=",
                    "-c",
                    "fsync=off",
                    "-c",
                    "shared_buffers=32MB",
                    "-c",
                    "max_connections=200",
                    "-c",
                    "max_prepared_transactions=0",
                    NULL};
    postmaster = start_program(argv);
    if (!wait_until_ready()) {
        fail("start", folder);
    }
}

static bool start_cluster(void)
{
    char program[300], data[300];
    if (!find_program(program, sizeof(program), "initdb")) {
        return false;
    }
    remove_leftovers();
    owner = getpid();
    snprintf(folder, sizeof(folder), "/tmp/heed-pg-%d", (int)owner);
    remove_tree(folder);
    if (mkdir(folder, 0777) < 0 || chmod(folder, 0777) < 0) {
        fail("mkdir", folder);
    }
    snprintf(data, sizeof(data), "%s/data", folder);
    char *argv[] = {program,     "-D",
                    data,        "-U",
                    "postgres",  "-A",
                    "trust",     "-E",
                    "UTF8",      "--locale=C.UTF-8",
                    "--no-sync", "--no-instructions",
                    NULL};
    int status = -1;
    waitpid(start_program(argv), &status, 0);
    if (status != 0) {
        fail("initdb failed, see its log", folder);
    }
    snprintf(server, sizeof(server), "host=%s user=postgres", folder);
    start_server();
    atexit(stop_at_exit);
    return true;
}

static void use_running(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options) {
        fail("HEED_TEST_POSTGRES", url);
    }
    for (PQconninfoOption *o = options; o->keyword; o++) {
        size_t len = strlen(server);
        if (o->val && strcmp(o->keyword, "dbname") != 0) {
            snprintf(server + len, sizeof(server) - len, "%s='%s' ", o->keyword, o->val);
        }
    }
    PQconninfoFree(options);
}

static bool started(void)
{
    const char *url = getenv("HEED_TEST_POSTGRES");
    if (!server[0] && url && *url) {
        use_running(url);
    }
    return server[0] || start_cluster();
}

static PGresult *ask(const char *info, const char *sql)
{
    PGconn *pg = PQconnectdb(info);
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail(sql, PQerrorMessage(pg));
    }
    PQfinish(pg);
    return result;
}

void pg_run(const char *url, const char *sql)
{
    PQclear(ask(url, sql));
}

long long pg_number(const char *url, const char *sql)
{
    PGresult *result = ask(url, sql);
    long long number = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    return number;
}

static void run_on_server(const char *sql)
{
    char info[1100];
    snprintf(info, sizeof(info), "%s dbname=postgres", server);
    pg_run(info, sql);
}

// A URL rather than key=value, since that is what Heed is given.
static char *make_url(const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    char *url = calloc(1, 4096);
    size_t len = (size_t)snprintf(url, 4096, "postgres:///%s", name);
    PQconninfoOption *options = PQconninfoParse(server, NULL);
    char mark = '?';
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        if (!o->val) {
            continue;
        }
        len += (size_t)snprintf(url + len, 4096 - len, "%c%s=", mark, o->keyword);
        mark = '&';
        for (const char *c = o->val; *c && len < 4000; c++) {
            url[len++] = '%';
            url[len++] = hex[(unsigned char)*c >> 4];
            url[len++] = hex[*c & 15];
        }
    }
    PQconninfoFree(options);
    return url;
}

const char *pg_fresh_database(void)
{
    if (!started()) {
        if (getenv("HEED_TEST_POSTGRES_REQUIRED")) {
            fail("start", "there is no PostgreSQL on this machine");
        }
        return NULL;
    }
    char name[64], sql[200];
    snprintf(name, sizeof(name), "heed_test_%d_%d", (int)getpid(), ++n_databases);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", name);
    run_on_server(sql);
    return make_url(name);
}

void pg_drop_database(const char *url)
{
    if (!url) {
        return;
    }
    char name[64], sql[200];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(url + 12, "?"), url + 12);
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
    run_on_server(sql);
    free((char *)url);
}

void pg_crash(void)
{
    stop_server(SIGQUIT);
}

void pg_start_again(void)
{
    start_server();
}
