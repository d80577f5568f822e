// SPDX-License-Identifier: AGPL-3.0-or-later
// heed: finds the command and runs it. For `serve` the nursery comes first of all, before any thread,
// any key and any open file: its children shall have nothing.
#include "base/arena.h"
#include "base/child.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/picture.h"
#include "cli/serve.h"
#include "jobs/jobs.h"
#include "mail/parse.h"
#include "mail/pictures.h"
#include <stdio.h>
#include <stdlib.h>

static child_job *const child_kinds[] = {
    [CHILD_PICTURE] = picture_job, [CHILD_MAIL] = mail_job, [CHILD_PICTURE_NAMED] = picture_named_job};

static const struct command *find_command(int argc, char **argv, int *ret_from)
{
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(argv[1], c->name) != 0)
            continue;
        if (!c->verb || (argc > 2 && strcmp(argv[2], c->verb) == 0)) {
            *ret_from = c->verb ? 3 : 2;
            return c;
        }
    }
    return NULL;
}

static bool wants_no_sandbox(int argc, char **argv)
{
    const char *env = getenv("HEED_INSECURE_NO_SANDBOX");
    if (env && env[0] && strcmp(env, "0") != 0)
        return true;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--insecure-no-sandbox") == 0)
            return true;
    }
    return false;
}

static bool start_nursery(int argc, char **argv, struct err *err)
{
    struct nursery *nursery;
    mail_prepare();
    if (!nursery_start(child_kinds, ARRAY_LEN(child_kinds), wants_no_sandbox(argc, argv), &nursery, err))
        return false;
    serve_set_nursery(nursery);
    return true;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct err err = {};
    struct options options = {};
    int from = 2;
    bool asked = false;
    char version[] = "version";
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_all();
        return argc < 2 ? 2 : 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = version;
    if (strcmp(argv[1], "help") == 0 && argc > 2) { // heed help serve
        argc--;
        argv++;
        argv[0] = argv[-1];
        asked = true;
    }
    const struct command *command = find_command(argc, argv, &from);
    if (!command) {
        fprintf(stderr, "heed: there is no command “%s”; see heed help.\n", argv[1]);
        return 2;
    }
    if (asked || wants_help(argc, argv)) {
        help_command(command);
        return 0;
    }
    if (command->run == serve_run && !start_nursery(argc, argv, &err))
        return command_fail(&err);
    crypto_init();
    if (command->run != serve_run)
        log_set_level(LOG_WARN); // a command's own words are enough
    struct arena *arena = arena_create();
    if (!options_read(command, argc, argv, from, arena, &options, &err)) {
        command_fail(&err);
        return 2;
    }
    int status = command->run(&options, arena);
    arena_destroy(arena);
    return status;
}
