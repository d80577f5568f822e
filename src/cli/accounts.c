// SPDX-License-Identifier: AGPL-3.0-or-later
// `heed workspace add`, `heed user add`, `heed user link`, `heed token add`: beside a running server or
// before the first.
#include "cli/accounts.h"
#include "base/arena.h"
#include "cli/open.h"
#include "desk/agent.h"
#include "desk/session.h"
#include "desk/workspace.h"
#include "sql_gen.h"
#include <stdio.h>

enum { LINE_MAX_BYTES = 2048 };

struct work {
    struct options *options;
    struct agent_draft draft;
    struct token_draft token;
    struct str hash, secret;
    i64 workspace_id, id;
    bool (*run)(struct tx *, struct work *, struct err *);
};

static bool write_work(struct tx *tx, void *arg, struct err *err)
{
    struct work *work = arg;
    return work->run(tx, work, err);
}

// Opens, writes, closes.
static bool do_work(struct work *work, struct arena *arena, struct err *err)
{
    struct store store = {};
    if (!store_open(work->options, true, 1, arena, &store, err))
        return false;
    bool done = db_write(store.db, WRITE_PEOPLE, write_work, work, err);
    store_close(&store);
    return done;
}

static bool add_workspace(struct tx *tx, struct work *work, struct err *err)
{
    return workspace_create(tx, work->options->name, &work->id, err);
}

int workspace_add(struct options *options, struct arena *arena)
{
    struct work work = {.options = options, .run = add_workspace};
    struct err err = {};
    if (!str_given(options->name)) {
        err_set(&err, ERR_INVALID, "workspace add needs --name.");
        return command_fail(&err);
    }
    if (!do_work(&work, arena, &err))
        return command_fail(&err);
    printf("%lld\n", (long long)work.id);
    return 0;
}

struct id_row {
    i64 id;
};
static const struct type id_row_type = {
    "IdRow",
    (const struct field[]){
        FIELD(id_row, FIELD_I64, id, 0),
        FIELD_END,
    },
    sizeof(struct id_row),
};

// The one given, or the only one there is.
static bool find_workspace(struct tx *tx, struct work *work, struct err *err)
{
    struct {
        struct id_row *items;
        size_t len, cap;
    } all = {};
    i64 wanted = 0;
    struct str text = work->options->workspace;
    if (str_given(text) && (!str_to_i64(text, &wanted) || wanted <= 0))
        return err_set(err, ERR_INVALID, "--workspace is a number, not “%.*s”.", STR_ARG(text));
    if (!db_list(tx->conn, &SQL_workspace_list, DB_NO_ARGS, &id_row_type, &all, tx->arena, err))
        return false;
    // The first owner of a new Heed needs no second command.
    if (all.len == 0 && !wanted && str_eq(work->draft.role, S("owner")))
        return workspace_create(tx, S("Workspace"), &work->workspace_id, err);
    if (all.len == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no workspace yet: heed workspace add --name NAME.");
    if (!wanted && all.len > 1)
        return err_set(err, ERR_INVALID, "There are %zu workspaces; say which with --workspace ID.", all.len);
    for (size_t i = 0; i < all.len; i++) {
        if (!wanted || all.items[i].id == wanted) {
            work->workspace_id = all.items[i].id;
            return true;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "There is no workspace %lld.", (long long)wanted);
}

static bool add_user(struct tx *tx, struct work *work, struct err *err)
{
    if (!find_workspace(tx, work, err))
        return false;
    struct actor system = actor_system(work->workspace_id);
    if (!agent_create(tx, &system, &work->draft, 0, work->hash, &work->id, err))
        return false;
    return str_given(work->hash) ||
           code_create(tx, S("sign_in"), work->workspace_id, work->id, work->secret, CODE_INVITE_MS, err);
}

static bool read_password(struct work *work, struct arena *arena, struct err *err)
{
    char line[LINE_MAX_BYTES];
    if (!fgets(line, sizeof(line), stdin))
        return err_set(err, ERR_INVALID, "--password-stdin: there is no line on standard input.");
    struct str password = str_copy(arena, str_from(line));
    while (password.len > 0 &&
           (password.ptr[password.len - 1] == '\n' || password.ptr[password.len - 1] == '\r'))
        password.len--;
    secret_wipe(line, sizeof(line));
    if (!agent_check_password(password, work->draft.email, err))
        return false;
    return password_hash(arena, password, &work->hash) ||
           err_set(err, ERR_UNAVAILABLE, "There is not enough memory to hash the password.");
}

static bool check_user(struct work *work, struct arena *arena, struct err *err)
{
    const struct options *options = work->options;
    if (!str_given(options->email) || !str_given(options->name) || !str_given(options->role))
        return err_set(err, ERR_INVALID, "user add needs --email, --name and --role.");
    if (role_find(options->role) == ROLE_NONE)
        return err_set(err, ERR_INVALID, "--role is owner, admin, lead, agent, collaborator or viewer.");
    if (!utf8_valid(options->name) || !utf8_valid(options->email))
        return err_set(err, ERR_INVALID, "--name and --email must be UTF-8.");
    work->draft = (struct agent_draft){.name = options->name, .email = options->email, .role = options->role};
    work->secret = random_token(arena, "");
    return !options->password_stdin || read_password(work, arena, err);
}

static void print_link(const struct work *work)
{
    const struct options *options = work->options;
    struct str url = str_given(options->public_url) ? options->public_url : S("http://127.0.0.1:8100");
    printf("Sign in: %.*s/sign-in#%.*s\n", STR_ARG(url), STR_ARG(work->secret));
}

int user_add(struct options *options, struct arena *arena)
{
    struct work work = {.options = options, .run = add_user};
    struct err err = {};
    if (!check_user(&work, arena, &err) || !do_work(&work, arena, &err))
        return command_fail(&err);
    if (str_given(work.hash))
        printf("%lld\n", (long long)work.id);
    else
        print_link(&work);
    return 0;
}

static bool find_login(struct tx *tx, struct str email, struct agent_login *out, struct err *err)
{
    if (agent_by_email(tx->conn, email, tx->arena, out, err))
        return true;
    return err->code == ERR_NOT_FOUND
               ? err_set(err, ERR_NOT_FOUND, "Nobody here has the address “%.*s”.", STR_ARG(email))
               : false;
}

static bool link_user(struct tx *tx, struct work *work, struct err *err)
{
    struct agent_login login = {};
    return find_login(tx, work->options->email, &login, err) &&
           code_create(tx, S("sign_in"), login.workspace_id, login.id, work->secret, CODE_INVITE_MS, err);
}

int user_link(struct options *options, struct arena *arena)
{
    struct work work = {.options = options, .run = link_user, .secret = random_token(arena, "")};
    struct err err = {};
    if (!str_given(options->email)) {
        err_set(&err, ERR_INVALID, "user link needs --email.");
        return command_fail(&err);
    }
    if (!utf8_valid(options->email)) {
        err_set(&err, ERR_INVALID, "--email must be UTF-8.");
        return command_fail(&err);
    }
    if (!do_work(&work, arena, &err))
        return command_fail(&err);
    print_link(&work);
    return 0;
}

static bool add_token(struct tx *tx, struct work *work, struct err *err)
{
    struct agent_login login = {};
    struct token token;
    struct actor actor;
    if (!find_login(tx, work->options->email, &login, err) ||
        !actor_load(tx->conn, login.id, tx->arena, &actor, err))
        return false;
    // Whoever runs commands on this machine may do everything; the token itself stays within its agent's
    // rights.
    actor.role = ROLE_OWNER;
    actor.scopes = SCOPE_ALL;
    return token_create(tx, &actor, &work->token, work->secret, &token, err);
}

int token_add(struct options *options, struct arena *arena)
{
    struct work work = {.options = options, .run = add_token};
    struct err err = {};
    if (!str_given(options->email)) {
        err_set(&err, ERR_INVALID, "token add needs --email.");
        return command_fail(&err);
    }
    work.secret = random_token(arena, "heed_");
    work.token.name = str_given(options->name) ? options->name : S("command line");
    struct str rest = str_given(options->scope) ? options->scope : S("read,write,admin");
    while (str_given(rest)) {
        struct str words = str_cut(rest, ',', &rest);
        while (str_given(words)) {
            struct str word = str_trim(str_cut(words, ' ', &words));
            if (word.len > 0)
                *list_push(&work.token.scopes, arena) = word;
        }
    }
    if (!do_work(&work, arena, &err))
        return command_fail(&err);
    printf("%.*s\n", STR_ARG(work.secret));
    return 0;
}
