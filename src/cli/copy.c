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

static const char *plural(i64 n)
{
    return n == 1 ? "" : "s";
}

static void put_counts(i64 workspaces, i64 conversations, i64 messages)
{
    printf("%lld workspace%s, %lld conversation%s, %lld message%s", (long long)workspaces, plural(workspaces),
           (long long)conversations, plural(conversations), (long long)messages, plural(messages));
}

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
    printf("%.*s: ", STR_ARG(options->operand));
    put_counts(summary.workspaces, summary.conversations, summary.messages);
    printf(", %lld bytes.\nThe key is not in it: keep a copy of it elsewhere.\n", (long long)summary.bytes);
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
    printf("Restored ");
    put_counts(summary.workspaces, summary.conversations, summary.messages);
    printf(".\n");
    if (summary.in_doubt > 0)
        printf("On their way were %lld answer%s: what became of them is asked of their networks.\n",
               (long long)summary.in_doubt, plural(summary.in_doubt));
    if (summary.held > 0)
        printf("Waiting to be sent were %lld answer%s; they are held until somebody decides.\n",
               (long long)summary.held, plural(summary.held));
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
    // That the key fits is looked at by opening it; what has another schema was named already.
    if (doctor.strange) {
        printf("Only the schema was looked at.\n");
    } else if (store_open(options, false, 1, arena, &store, &err)) {
        store_close(&store);
    } else {
        show_found(NULL, true, str_from(err.text));
        doctor.n_damages++;
    }
    if (doctor.n_damages == 0)
        printf("No damage found.\n");
    return doctor.n_damages > 0 ? 1 : 0;
}
