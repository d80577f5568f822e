// SPDX-License-Identifier: AGPL-3.0-or-later
// What was written on the command line or in HEED_… variables; the command line wins.
#pragma once
#include "json/field.h"

struct arena;
struct options {
    struct str data, database, key_file, listen, public_url, role;
    struct str name, email, scope, workspace; // of workspace, user and token add
    struct str rate_limit, log_level, keep_raw, keep_log;
    struct str operand; // FILE
    struct str_list allow_hosts;
    bool demo, password_stdin, insecure, help;
};
enum option_id {
    OPTION_DATA,
    OPTION_DATABASE,
    OPTION_KEY,
    OPTION_LISTEN,
    OPTION_PUBLIC_URL,
    OPTION_ROLE,
    OPTION_DEMO,
    OPTION_ALLOW_HOST,
    OPTION_RATE_LIMIT,
    OPTION_LOG,
    OPTION_KEEP_RAW,
    OPTION_KEEP_LOG,
    OPTION_INSECURE,
    OPTION_NAME,
    OPTION_EMAIL,
    OPTION_USER_ROLE,
    OPTION_WORKSPACE,
    OPTION_PASSWORD,
    OPTION_SCOPE,
    OPTION_HELP,
};
#define OPT(id) (1u << (id))
enum { OPTS_STORE = OPT(OPTION_DATA) | OPT(OPTION_DATABASE) | OPT(OPTION_KEY) };

// One command: "serve", or two words: "user add".
struct command {
    const char *name, *verb;
    const char *summary; // for the list of commands
    const char *operand; // "FILE" when it takes one
    const char *text;    // the man page's description
    const char *examples;
    unsigned options;
    int (*run)(struct options *options, struct arena *arena);
};
extern const struct command commands[]; // ends with name NULL

// False: *err says what is wrong with which option.
bool options_read(const struct command *command, int argc, char **argv, int from, struct arena *arena,
                  struct options *out, struct err *err) MUST_CHECK;
void help_command(const struct command *command);
void help_all(void);
int command_fail(const struct err *err); // "heed: …" on stderr, 1
