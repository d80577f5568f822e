// SPDX-License-Identifier: AGPL-3.0-or-later
// One table of options: read from arguments and environment, printed as help.
#include "cli/options.h"
#include "api/version.h"
#include "base/arena.h"
#include <stdio.h>
#include <stdlib.h>

enum kind { KIND_TEXT, KIND_FLAG, KIND_LIST };
static const struct option {
    enum option_id id;
    const char *name, *value, *env;
    enum kind kind;
    size_t offset;
    const char *doc;
} table[] = {
#define TEXT(id_, name_, value_, env_, member_, doc_)                                                        \
    {                                                                                                        \
        id_, name_, value_, env_, KIND_TEXT, offsetof(struct options, member_), doc_                         \
    }
#define FLAG(id_, name_, env_, member_, doc_)                                                                \
    {                                                                                                        \
        id_, name_, NULL, env_, KIND_FLAG, offsetof(struct options, member_), doc_                           \
    }
    TEXT(OPTION_DATA, "--data", "DIR", "HEED_DATA", data,
         "Folder of the data: database, key, search index. Made when it is not there. Default: data"),
    TEXT(OPTION_DATABASE, "--database", "URL", "HEED_DATABASE", database,
         "postgres://… to keep everything in PostgreSQL; without it, SQLite in the data folder"),
    TEXT(OPTION_KEY, "--key", "FILE", "HEED_KEY_FILE", key_file,
         "The key that secrets are sealed with. Default: DIR/key, made with a new database"),
    TEXT(OPTION_LISTEN, "--listen", "HOST:PORT", "HEED_LISTEN", listen,
         "Where to listen. Default: 127.0.0.1:8100. TLS is the work of a proxy in front"),
    TEXT(OPTION_PUBLIC_URL, "--public-url", "URL", "HEED_PUBLIC_URL", public_url,
         "What people type: https://desk.example. Requests for other hosts are refused. Default: the address "
         "listened on"),
    TEXT(OPTION_ROLE, "--role", "all|web|work", "HEED_ROLE", role,
         "What this process does; other than all needs PostgreSQL. Default: all"),
    FLAG(OPTION_DEMO, "--demo", "HEED_DEMO", demo,
         "A workspace with customers who keep writing, to look around in; prints a sign-in link"),
    {OPTION_ALLOW_HOST, "--allow-host", "HOST:PORT", "HEED_ALLOW_HOSTS", KIND_LIST,
     offsetof(struct options, allow_hosts),
     "A private address that channels may reach all the same; may be repeated (in the variable: commas)"},
    TEXT(OPTION_RATE_LIMIT, "--rate-limit", "N", "HEED_RATE_LIMIT", rate_limit,
         "Requests a second of one signed-in person or token; 0: any number. Default: 300"),
    TEXT(OPTION_KEEP_RAW, "--keep-raw-days", "N", "HEED_KEEP_RAW_DAYS", keep_raw,
         "For how many days the raw bytes from networks are kept behind the messages made of them. Default: "
         "30"),
    TEXT(OPTION_KEEP_LOG, "--keep-log-days", "N", "HEED_KEEP_LOG_DAYS", keep_log,
         "For how many days the log of events is kept: what was changed when and by whom, and how long a "
         "screen or a webhook may be away and still continue. Default: 90"),
    TEXT(OPTION_LOG, "--log", "LEVEL", "HEED_LOG", log_level, "debug, info, warn or error. Default: info"),
    FLAG(OPTION_INSECURE, "--insecure-no-sandbox", "HEED_INSECURE_NO_SANDBOX", insecure,
         "Go on where the kernel has no seccomp or Landlock for the parsers' children"),
    TEXT(OPTION_NAME, "--name", "NAME", NULL, name, "The name shown"),
    TEXT(OPTION_EMAIL, "--email", "ADDRESS", NULL, email, "The e-mail address that somebody signs in with"),
    TEXT(OPTION_USER_ROLE, "--role", "ROLE", NULL, role, "owner, admin, lead, agent, collaborator or viewer"),
    TEXT(OPTION_WORKSPACE, "--workspace", "ID", NULL, workspace,
         "The workspace's id; not needed while there is only one"),
    FLAG(OPTION_PASSWORD, "--password-stdin", NULL, password_stdin,
         "Read the password from the first line of standard input; without it, a sign-in code is printed"),
    TEXT(OPTION_SCOPE, "--scope", "SCOPES", NULL, scope,
         "read, write, admin, metrics, with commas between. Default: read,write,admin"),
    FLAG(OPTION_HELP, "--help", NULL, help, "This text"),
};

static void *member(struct options *options, const struct option *option)
{
    return (char *)options + option->offset;
}

static void add_list(struct str_list *list, struct str text, struct arena *arena)
{
    struct str rest = text;
    while (str_given(rest)) {
        struct str item = str_trim(str_cut(rest, ',', &rest));
        if (item.len > 0)
            *list_push(list, arena) = item;
    }
}

static void put_value(struct options *options, const struct option *option, struct str value,
                      struct arena *arena)
{
    if (option->kind == KIND_FLAG)
        *(bool *)member(options, option) = !str_eq(value, S("0")) && !str_eq(value, S(""));
    else if (option->kind == KIND_LIST)
        add_list(member(options, option), value, arena);
    else
        *(struct str *)member(options, option) = value;
}

static const struct option *find_option(unsigned set, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if ((set & OPT(table[i].id)) && str_eq(name, str_from(table[i].name)))
            return &table[i];
    }
    return NULL;
}

static void read_environment(unsigned set, struct arena *arena, struct options *out)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *value = table[i].env && (set & OPT(table[i].id)) ? getenv(table[i].env) : NULL;
        if (value && value[0])
            put_value(out, &table[i], str_copy(arena, str_from(value)), arena);
    }
}

bool options_read(const struct command *command, int argc, char **argv, int from, struct arena *arena,
                  struct options *out, struct err *err)
{
    unsigned set = command->options | OPT(OPTION_HELP);
    read_environment(set, arena, out);
    for (int i = from; i < argc; i++) {
        struct str arg = str_from(argv[i]), value;
        if (!str_starts(arg, S("-"))) {
            if (!command->operand || str_given(out->operand))
                return err_set(err, ERR_SYNTAX, "“%s” is too much here; see heed %s --help.", argv[i],
                               command->name);
            out->operand = arg;
            continue;
        }
        struct str name = str_cut(arg, '=', &value);
        const struct option *option = find_option(set, name);
        if (!option)
            return err_set(err, ERR_SYNTAX, "There is no option “%.*s”; see heed %s --help.", STR_ARG(name),
                           command->name);
        if (option->kind == KIND_FLAG && str_given(value))
            return err_set(err, ERR_SYNTAX, "%s takes no value.", option->name);
        if (option->kind != KIND_FLAG && !str_given(value)) {
            if (i + 1 == argc)
                return err_set(err, ERR_SYNTAX, "%s needs a value: %s.", option->name, option->value);
            value = str_from(argv[++i]);
        }
        put_value(out, option, option->kind == KIND_FLAG ? S("1") : value, arena);
    }
    if (command->operand && !str_given(out->operand) && !out->help)
        return err_set(err, ERR_SYNTAX, "%s is missing; see heed %s --help.", command->operand,
                       command->name);
    return true;
}

int command_fail(const struct err *err)
{
    fprintf(stderr, "heed: %s\n", err->text);
    return 1;
}

// ---- Help ----

enum { WIDTH = 78 };

// Prints a paragraph folded at spaces, each line indented.
static void put_folded(const char *text, int indent)
{
    struct str rest = str_from(text);
    int column = 0;
    while (str_given(rest)) {
        struct str word = str_cut(rest, ' ', &rest);
        int width = (int)utf8_count(word);
        if (column == 0 || column + 1 + width > WIDTH) {
            printf("%s%*s", column ? "\n" : "", indent, "");
            column = indent;
        } else {
            putchar(' ');
            column++;
        }
        printf("%.*s", STR_ARG(word));
        column += width;
    }
    putchar('\n');
}

static void put_text(const char *text, int indent)
{
    struct str rest = str_from(text);
    while (str_given(rest)) {
        struct str line = str_cut(rest, '\n', &rest);
        char copy[2048];
        size_t n = line.len < sizeof(copy) - 1 ? line.len : sizeof(copy) - 1;
        memcpy(copy, line.ptr, n);
        copy[n] = 0;
        if (n > 0)
            put_folded(copy, indent);
        else
            putchar('\n');
    }
}

void help_command(const struct command *command)
{
    printf("NAME\n    heed %s%s%s - %s\n\nSYNOPSIS\n    heed %s%s%s [OPTION]...%s%s\n\nDESCRIPTION\n",
           command->name, command->verb ? " " : "", command->verb ? command->verb : "", command->summary,
           command->name, command->verb ? " " : "", command->verb ? command->verb : "",
           command->operand ? " " : "", command->operand ? command->operand : "");
    put_text(command->text, 4);
    printf("\nOPTIONS\n");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!((command->options | OPT(OPTION_HELP)) & OPT(table[i].id)))
            continue;
        printf("    %s%s%s\n", table[i].name, table[i].value ? " " : "",
               table[i].value ? table[i].value : "");
        put_folded(table[i].doc, 8);
        if (table[i].env)
            printf("        Variable: %s\n", table[i].env);
    }
    if (command->examples) {
        printf("\nEXAMPLES\n");
        put_text(command->examples, 4);
    }
    printf("\nEXIT STATUS\n    0: done. 1: it failed; the reason is on standard error. 2: wrong usage.\n");
}

void help_all(void)
{
    printf("Heed %s, social customer care\n\nUSAGE\n    heed COMMAND [OPTION]...\n\nCOMMANDS\n",
           HEED_VERSION);
    for (const struct command *c = commands; c->name; c++) {
        char name[40];
        snprintf(name, sizeof(name), "%s%s%s%s%s", c->name, c->verb ? " " : "", c->verb ? c->verb : "",
                 c->operand ? " " : "", c->operand ? c->operand : "");
        printf("    %-18s %s\n", name, c->summary);
    }
    printf("\n    heed COMMAND --help tells more about one.\n");
}
