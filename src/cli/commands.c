// SPDX-License-Identifier: AGPL-3.0-or-later
// All commands, each with its manual.
#include "api/docs.h"
#include "api/metrics.h"
#include "api/version.h"
#include "base/arena.h"
#include "base/buf.h"
#include "cli/accounts.h"
#include "cli/copy.h"
#include "cli/serve.h"
#include <stdio.h>

enum { DOCUMENT_MAX = 8 * 1024 * 1024 };

static int put(const struct buf *out)
{
    size_t n = fwrite(out->ptr, 1, out->len, stdout);
    return n == out->len && fflush(stdout) == 0 ? 0 : 1;
}

static int print_openapi(struct options *options, struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, DOCUMENT_MAX);
    openapi_print(&out, str_given(options->public_url) ? options->public_url : S("http://127.0.0.1:8100"));
    buf_add_char(&out, '\n');
    return put(&out);
}

static int print_rights(struct options *options, struct arena *arena)
{
    struct buf out;
    (void)options;
    buf_init(&out, arena, DOCUMENT_MAX);
    rights_print(&out);
    return put(&out);
}

static int print_metrics(struct options *options, struct arena *arena)
{
    struct buf out;
    (void)options;
    buf_init(&out, arena, DOCUMENT_MAX);
    metrics_list(&out);
    return put(&out);
}

static int print_version(struct options *options, struct arena *arena)
{
    (void)options;
    (void)arena;
    printf("heed %s\n", HEED_VERSION);
    return 0;
}

static int print_help(struct options *options, struct arena *arena)
{
    (void)options;
    (void)arena;
    help_all();
    return 0;
}

const struct command commands[] = {
    {"serve", NULL, "run Heed", NULL,
     "Runs the server: the page and its API, the live stream, webhooks of networks, and everything that "
     "works in the "
     "background. On standard output: “Heed listens on URL”; on an empty database then “Set up: "
     "URL/setup#CODE”, with "
     "--demo “Sign in: URL/sign-in#CODE”, once, for 15 minutes. Everything else is one line of JSON per "
     "happening on "
     "standard error.\n\nSIGTERM and SIGINT stop it within ten seconds: /readyz says no first, open streams "
     "are told "
     "to come back, what runs is finished. Killing it loses nothing that was acknowledged.\n\nBehind a proxy "
     "on the same "
     "machine the client's address is the last one in X-Forwarded-For.",
     "heed serve --demo\nheed serve --data /var/lib/heed --public-url https://desk.example\nheed serve "
     "--role work "
     "--database postgres://heed@db/heed",
     OPTS_STORE | OPT(OPTION_LISTEN) | OPT(OPTION_PUBLIC_URL) | OPT(OPTION_ROLE) | OPT(OPTION_DEMO) |
         OPT(OPTION_ALLOW_HOST) | OPT(OPTION_RATE_LIMIT) | OPT(OPTION_KEEP_RAW) | OPT(OPTION_KEEP_LOG) |
         OPT(OPTION_LOG) | OPT(OPTION_INSECURE),
     serve_run},
    {"workspace", "add", "make a workspace", NULL,
     "Makes a workspace and prints its id. Each workspace is a world of its own: nothing is shared between "
     "two.",
     "heed workspace add --name Saltmarsh", OPTS_STORE | OPT(OPTION_NAME), workspace_add},
    {"user", "add", "add a colleague", NULL,
     "Adds somebody to a workspace. With --password-stdin prints the id; without, a sign-in link that works "
     "once, "
     "for 24 hours. Set-up closes with the first owner, however made; where there is no workspace yet, the "
     "first owner "
     "gets one.",
     "heed user add --email ada@example.com --name Ada --role owner",
     OPTS_STORE | OPT(OPTION_EMAIL) | OPT(OPTION_NAME) | OPT(OPTION_USER_ROLE) | OPT(OPTION_WORKSPACE) |
         OPT(OPTION_PASSWORD) | OPT(OPTION_PUBLIC_URL),
     user_add},
    {"user", "link", "let a colleague in again", NULL,
     "Prints a sign-in link for somebody who is here already, such as an owner who forgot the password. It "
     "works once, for 24 hours. Using it forgets the old password, which holds until then; the new one is "
     "set in the page's settings.",
     "heed user link --email ada@example.com --public-url https://desk.example",
     OPTS_STORE | OPT(OPTION_EMAIL) | OPT(OPTION_PUBLIC_URL), user_link},
    {"token", "add", "make an API token", NULL,
     "Makes an API token that acts with somebody's rights, and prints it, alone. It is shown only now.",
     "heed token add --email ada@example.com --scope read",
     OPTS_STORE | OPT(OPTION_EMAIL) | OPT(OPTION_SCOPE) | OPT(OPTION_NAME), token_add},
    {"backup", NULL, "copy everything into one file", "FILE",
     "Writes one SQLite file with everything, whichever database is behind, while the server runs. FILE must "
     "not "
     "exist. The key is not in it, and without the key the secrets in it cannot be opened: keep both, apart.",
     "heed backup --data /var/lib/heed /backup/heed-monday.db", OPTS_STORE, backup_run},
    {"restore", NULL, "fill an empty database from a backup", "FILE",
     "Fills an empty database of either kind from a backup; also the way to move from SQLite to PostgreSQL. "
     "No server "
     "may run on the target. Answers that were being sent are asked after; answers that waited are held "
     "until somebody "
     "decides.",
     "heed restore --data new /backup/heed-monday.db\nheed restore --database postgres://heed@db/heed "
     "heed-monday.db",
     OPTS_STORE, restore_run},
    {"doctor", NULL, "look for damage", NULL,
     "Looks at the database, its counts, its key, and names what is damaged. Changes nothing. Exit status 1 "
     "when "
     "there is damage.",
     NULL, OPTS_STORE, doctor_command},
    {"openapi", NULL, "print the API's document", NULL,
     "Prints the OpenAPI 3.1 document, as /api/v1/openapi.json.", NULL, OPT(OPTION_PUBLIC_URL),
     print_openapi},
    {"rights", NULL, "print who may what", NULL, "Prints every route with the right it needs, as Markdown.",
     NULL, 0, print_rights},
    {"metrics-list", NULL, "print the figures of /metrics", NULL,
     "Prints name, type and meaning of every figure.", NULL, 0, print_metrics},
    {"version", NULL, "print the version", NULL, "Prints the version.", NULL, 0, print_version},
    {"help", NULL, "print this", NULL, "Lists the commands; with a command, its manual.", "heed help serve",
     0, print_help},
    {},
};
