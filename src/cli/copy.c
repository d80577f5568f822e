// SPDX-License-Identifier: AGPL-3.0-or-later
// `heed backup`, `heed restore`, `heed doctor`: the store does the work, this says what happens.
#include "cli/copy.h"
#include "base/arena.h"
#include "cli/open.h"
#include "store/backup.h"
#include "store/doctor.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void show_progress(void *arg, const char *what, i64 done, i64 total)
{
    (void)arg;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s: %lld of %lld   %s", what, (long long)done, (long long)total,
                done >= total ? "\n" : "");
}

static const struct progress progress = {.step = show_progress};

int backup_run(struct options *options, struct arena *arena)
{
    struct store store = {};
    struct backup_summary summary = {};
    struct err err = {};
    umask(077);
    if (!store_open(options, false, 2, arena, &store, &err))
        return command_fail(&err);
    bool done = backup_write(store.db, options->operand, &progress, &summary, &err);
    store_close(&store);
    if (!done)
        return command_fail(&err);
    printf("%.*s: %lld workspaces, %lld conversations, %lld messages, %lld bytes.\n"
           "The key is not in it: keep a copy of it elsewhere.\n",
           STR_ARG(options->operand), (long long)summary.workspaces, (long long)summary.conversations,
           (long long)summary.messages, (long long)summary.bytes);
    return 0;
}

int restore_run(struct options *options, struct arena *arena)
{
    struct restore_summary summary = {};
    struct err err = {};
    (void)arena;
    umask(077);
    struct db_settings settings = store_settings(options, true, 2);
    if (!restore_read(&settings, options->operand, &progress, &summary, &err))
        return command_fail(&err);
    printf("Restored %lld workspaces, %lld conversations, %lld messages.\n", (long long)summary.workspaces,
           (long long)summary.conversations, (long long)summary.messages);
    if (summary.in_doubt > 0)
        printf("%lld answers were on their way: what became of them is asked of their networks.\n",
               (long long)summary.in_doubt);
    if (summary.held > 0)
        printf("%lld answers waited to be sent; they are held until somebody decides.\n",
               (long long)summary.held);
    printf("Put the key that belongs to it into the data folder before you start.\n");
    return 0;
}

static void show_found(void *arg, bool damage, struct str sentence)
{
    (void)arg;
    printf("%s%.*s\n", damage ? "DAMAGE: " : "note: ", STR_ARG(sentence));
}

static void show_looking(void *arg, const char *what)
{
    (void)arg;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "looking at %s\n", what);
}

int doctor_command(struct options *options, struct arena *arena)
{
    struct doctor doctor = {.found = show_found, .looking = show_looking};
    struct db_settings settings = store_settings(options, false, 2);
    struct store store = {};
    struct err err = {};
    if (!doctor_run(&settings, &doctor, &err))
        return command_fail(&err);
    // That the key fits is looked at by opening it.
    if (store_open(options, false, 1, arena, &store, &err)) {
        store_close(&store);
    } else {
        show_found(NULL, true, str_from(err.text));
        doctor.n_damages++;
    }
    if (doctor.n_damages == 0)
        printf("No damage found.\n");
    return doctor.n_damages > 0 ? 1 : 0;
}
