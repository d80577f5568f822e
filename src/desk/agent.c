// SPDX-License-Identifier: AGPL-3.0-or-later
// Colleagues: list, make, change. Every change writes an event, so that open screens notice within their
// next turn, and takes the workspace's lock where "the last owner" is at stake.
#include "desk/agent.h"
#include "base/crypto.h"
#include "desk/session.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

enum { EMAIL_MAX = 254, PASSWORD_MIN = 10, PASSWORD_MAX = 1024, SETTINGS_MAX = 16384 };

const struct type agent_type = {
    "Agent",
    (const struct field[]){
        FIELD(agent, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(agent, FIELD_STR, name, 0),
        FIELD(agent, FIELD_STR, email, 0),
        FIELD(agent, FIELD_ENUM, role, 0, .names = role_names),
        FIELD(agent, FIELD_BOOL, all_channels, 0, .doc = "false: only those in channel_ids"),
        FIELD(agent, FIELD_BOOL, all_teams, 0,
              .doc = "false: only those in team_ids, and work without a team"),
        FIELD(agent, FIELD_IDS, channel_ids, FIELD_NO_ROW),
        FIELD(agent, FIELD_IDS, team_ids, FIELD_NO_ROW),
        FIELD(agent, FIELD_BOOL, disabled, FIELD_NO_ROW),
        FIELD(agent, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(agent, FIELD_BOOL, online, FIELD_READ_ONLY | FIELD_NO_ROW),
        FIELD(agent, FIELD_STR, sign_in_url, FIELD_READ_ONLY | FIELD_NO_ROW | FIELD_OPTIONAL_OUT,
              .doc = "once, when the colleague was just added"),
        FIELD_END,
    },
    sizeof(struct agent),
};

const struct type agent_draft_type = {
    "AgentDraft",
    (const struct field[]){
        FIELD(agent_draft, FIELD_STR, name, FIELD_REQUIRED, .max = 800),
        FIELD(agent_draft, FIELD_STR, email, FIELD_REQUIRED, .max = EMAIL_MAX),
        FIELD(agent_draft, FIELD_ENUM, role, FIELD_REQUIRED, .names = role_names),
        FIELD(agent_draft, FIELD_STR, password, FIELD_WRITE_ONLY, .max = PASSWORD_MAX),
        FIELD(agent_draft, FIELD_BOOL, all_channels, 0),
        FIELD(agent_draft, FIELD_BOOL, all_teams, 0),
        FIELD(agent_draft, FIELD_IDS, channel_ids, 0, .max = 1000),
        FIELD(agent_draft, FIELD_IDS, team_ids, 0, .max = 1000),
        FIELD_END,
    },
    sizeof(struct agent_draft),
};

const struct type agent_patch_type = {
    "AgentPatch",
    (const struct field[]){
        FIELD(agent_patch, FIELD_STR, name, 0, .max = 800),
        FIELD(agent_patch, FIELD_ENUM, role, 0, .names = role_names),
        FIELD(agent_patch, FIELD_BOOL, disabled, 0),
        FIELD(agent_patch, FIELD_BOOL, all_channels, 0),
        FIELD(agent_patch, FIELD_BOOL, all_teams, 0),
        FIELD(agent_patch, FIELD_IDS, channel_ids, 0, .max = 1000),
        FIELD(agent_patch, FIELD_IDS, team_ids, 0, .max = 1000),
        FIELD_END,
    },
    sizeof(struct agent_patch),
};

const struct type me_patch_type = {
    "MePatch",
    (const struct field[]){
        FIELD(me_patch, FIELD_STR, name, 0, .max = 800),
        FIELD(me_patch, FIELD_STR, language, 0, .max = 16),
        FIELD(me_patch, FIELD_JSON, settings, 0, .max = SETTINGS_MAX),
        FIELD(me_patch, FIELD_STR, signature, 0, .max = 2000,
              .doc = "put below one's answers where the channel allows"),
        FIELD(me_patch, FIELD_STR, password, FIELD_WRITE_ONLY, .max = PASSWORD_MAX),
        FIELD(me_patch, FIELD_STR, current_password, FIELD_WRITE_ONLY, .max = PASSWORD_MAX),
        FIELD_END,
    },
    sizeof(struct me_patch),
};

// Columns only needed of oneself or inside.
static const struct type agent_row_type = {
    "AgentRow",
    (const struct field[]){
        FIELD(agent, FIELD_I64, id, 0),
        FIELD(agent, FIELD_STR, name, 0),
        FIELD(agent, FIELD_STR, email, 0),
        FIELD(agent, FIELD_STR, role, 0),
        FIELD(agent, FIELD_BOOL, all_channels, 0),
        FIELD(agent, FIELD_BOOL, all_teams, 0),
        FIELD(agent, FIELD_I64, disabled_at, 0),
        FIELD(agent, FIELD_I64, created_at, 0),
        FIELD(agent, FIELD_STR, language, 0),
        FIELD(agent, FIELD_STR, settings, 0),
        FIELD(agent, FIELD_STR, signature, 0),
        FIELD(agent, FIELD_STR, password_hash, 0),
        FIELD_END,
    },
    sizeof(struct agent),
};

static const struct type login_type = {
    "AgentLogin",
    (const struct field[]){
        FIELD(agent_login, FIELD_I64, id, 0),
        FIELD(agent_login, FIELD_I64, workspace_id, 0),
        FIELD(agent_login, FIELD_STR, password_hash, 0),
        FIELD_END,
    },
    sizeof(struct agent_login),
};

// The first guesses of everybody who tries passwords.
static const char *const usual_passwords[] = {
    "password", "password1",   "passw0rd", "12345678", "123456789",  "1234567890", "qwertyui",   "qwerty123",
    "iloveyou", "11111111",    "00000000", "abcd1234", "1q2w3e4r",   "sunshine",   "princess",   "football",
    "baseball", "welcome1",    "letmein1", "admin123", "adminadmin", "changeme",   "qwertyuiop", "asdfghjkl",
    "87654321", "password123", "trustno1", "superman", "88888888",   "secret123",  NULL,
};

bool agent_check_password(struct str password, struct str email, struct err *err)
{
    if (password.len < PASSWORD_MIN)
        return err_field(err, "password", "too_short", "A password has at least 10 characters.");
    if (password.len > PASSWORD_MAX)
        return err_field(err, "password", "too_long", "A password has at most 1,024 bytes.");
    if (email.len > 0 && str_eq_nocase(password, email))
        return err_field(err, "password", "guessable",
                         "The e-mail address is the first thing others would try.");
    for (size_t i = 0; usual_passwords[i]; i++) {
        if (str_eq_nocase(password, str_from(usual_passwords[i])))
            return err_field(err, "password", "guessable",
                             "This is one of the first passwords others would try.");
    }
    return true;
}

bool agent_check_email(struct str email, struct err *err)
{
    size_t at = 0, n_at = 0;
    for (size_t i = 0; i < email.len; i++) {
        unsigned char c = (unsigned char)email.ptr[i];
        if (c <= ' ' || c == 127 || c == '<' || c == '>' || c == ',' || c == ';' || c == '"')
            return err_field(err, "email", "invalid", "An e-mail address has no spaces, quotes or brackets.");
        if (c == '@') {
            at = i;
            n_at++;
        }
    }
    if (n_at != 1 || at == 0 || at + 1 == email.len || email.len > EMAIL_MAX)
        return err_field(err, "email", "invalid", "This is not an e-mail address.");
    return true;
}

static bool check_name(struct arena *arena, struct str name, struct str *ret_name, struct err *err)
{
    struct str clean = text_clean_name(arena, name);
    if (clean.len == 0)
        return err_field(err, "name", "required", "A name cannot be empty.");
    *ret_name = clean;
    return true;
}

static struct agent *find_agent(struct agent_list *list, i64 id)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i].id == id)
            return &list->items[i];
    }
    return NULL;
}

// Adds pairs (agent, id) to everybody's list.
static bool add_pairs(struct conn *conn, const struct sql *sql, i64 workspace_id, struct arena *arena,
                      struct agent_list *list, bool teams, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_i64(workspace_id)), &rows, err))
        return false;
    while (rows_next(rows)) {
        struct agent *agent = find_agent(list, row_i64(rows, 0));
        if (!agent)
            continue;
        struct id_list *ids = teams ? &agent->team_ids : &agent->channel_ids;
        *list_push(ids, arena) = row_i64(rows, 1);
    }
    return rows_end(rows, err);
}

bool agent_list(struct conn *conn, i64 workspace_id, struct arena *arena, struct agent_list *out,
                struct err *err)
{
    struct agent_list list = {};
    if (!db_list(conn, &SQL_agent_list, DB_ARGS(db_i64(workspace_id)), &agent_row_type, &list, arena, err) ||
        !add_pairs(conn, &SQL_agent_channels_list, workspace_id, arena, &list, false, err) ||
        !add_pairs(conn, &SQL_agent_teams_list, workspace_id, arena, &list, true, err))
        return false;
    for (size_t i = 0; i < list.len; i++)
        list.items[i].disabled = list.items[i].disabled_at != 0;
    *out = list;
    return true;
}

static bool ids_of(struct conn *conn, const struct sql *sql, i64 workspace_id, i64 agent_id,
                   struct arena *arena, struct id_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, arena) = row_i64(rows, 0);
    return rows_end(rows, err);
}

bool agent_get(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct agent *out,
               struct err *err)
{
    struct agent agent = {};
    if (!db_one(conn, &SQL_agent_get, DB_ARGS(db_i64(workspace_id), db_i64(id)), &agent_row_type, &agent,
                arena, err) ||
        !ids_of(conn, &SQL_agent_channels_of, workspace_id, id, arena, &agent.channel_ids, err) ||
        !ids_of(conn, &SQL_agent_teams_of, workspace_id, id, arena, &agent.team_ids, err))
        return false;
    agent.disabled = agent.disabled_at != 0;
    *out = agent;
    return true;
}

bool agent_by_email(struct conn *conn, struct str email, struct arena *arena, struct agent_login *out,
                    struct err *err)
{
    return db_one(conn, &SQL_agent_by_email, DB_ARGS(db_str(text_fold(arena, email))), &login_type, out,
                  arena, err);
}

// Replaces the list of channels or teams; an id that is not of this workspace is refused by name.
static bool set_ids(struct tx *tx, i64 workspace_id, i64 agent_id, const struct id_list *ids, bool teams,
                    struct err *err)
{
    const struct sql *clear = teams ? &SQL_agent_teams_clear : &SQL_agent_channels_clear;
    const struct sql *add = teams ? &SQL_agent_team_add : &SQL_agent_channel_add;
    if (!db_exec(tx->conn, clear, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), NULL, err))
        return false;
    for (size_t i = 0; i < ids->len; i++) {
        for (size_t j = 0; j < i; j++) {
            if (ids->items[j] == ids->items[i])
                return err_field(err, teams ? "team_ids" : "channel_ids", "repeated", "%lld is named twice.",
                                 (long long)ids->items[i]);
        }
        i64 n = 0;
        // The order of the arguments is that of the statement: agent first.
        if (!db_exec(tx->conn, add, DB_ARGS(db_i64(agent_id), db_i64(workspace_id), db_i64(ids->items[i])),
                     &n, err))
            return false;
        if (n == 0)
            return err_field(err, teams ? "team_ids" : "channel_ids", "unknown", "There is no %s %lld here.",
                             teams ? "team" : "channel", (long long)ids->items[i]);
    }
    return true;
}

static bool may_give_role(const struct actor *actor, struct str role, struct err *err)
{
    if (role_find(role) == ROLE_OWNER && !actor_may(actor, MAY_OWN))
        return err_set(err, ERR_DENIED, "Only an owner makes owners.");
    return true;
}

bool agent_create(struct tx *tx, const struct actor *actor, const struct agent_draft *draft, field_set given,
                  struct str password_hash, i64 *ret_id, struct err *err)
{
    struct str name = STR_NONE;
    i64 id;
    if (!actor_may(actor, MAY_ADMIN))
        return err_set(err, ERR_DENIED, "Only administrators add colleagues.");
    if (!may_give_role(actor, draft->role, err) || !check_name(tx->arena, draft->name, &name, err) ||
        !agent_check_email(draft->email, err))
        return false;
    bool all_channels = field_given(&agent_draft_type, given, "all_channels")
                            ? draft->all_channels
                            : !field_given(&agent_draft_type, given, "channel_ids");
    bool all_teams = field_given(&agent_draft_type, given, "all_teams")
                         ? draft->all_teams
                         : !field_given(&agent_draft_type, given, "team_ids");
    if (!db_one_i64(tx->conn, &SQL_agent_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_str(draft->email),
                            db_str(text_fold(tx->arena, draft->email)), db_str(name), db_str(draft->role),
                            db_str(password_hash), db_i64(all_channels), db_i64(all_teams), db_i64(tx->now)),
                    &id, err)) {
        if (err->code == ERR_CONFLICT) {
            err_field(err, "email", "taken", "Somebody with this address is here already.");
            err->code = ERR_CONFLICT;
        }
        return false;
    }
    if (!set_ids(tx, actor->workspace_id, id, &draft->channel_ids, false, err) ||
        !set_ids(tx, actor->workspace_id, id, &draft->team_ids, true, err) ||
        !actor_log(tx, actor, "agent.created", "id", id, err))
        return false;
    *ret_id = id;
    return true;
}

// Somebody must be left who owns the workspace. The lock keeps two writes from each seeing the other.
static bool keep_an_owner(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    i64 n;
    if (!db_one_i64(tx->conn, &SQL_workspace_lock, DB_ARGS(db_i64(actor->workspace_id)), &n, err) ||
        !db_one_i64(tx->conn, &SQL_agent_other_owners, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &n,
                    err))
        return false;
    if (n == 0)
        return err_set(err, ERR_CONFLICT, "This is the last owner; make somebody else one first.");
    return true;
}

static bool end_everything(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    return session_end_others(tx, workspace_id, id, 0, err) &&
           db_exec(tx->conn, &SQL_token_delete_of_agent, DB_ARGS(db_i64(workspace_id), db_i64(id)), NULL,
                   err) &&
           db_exec(tx->conn, &SQL_code_delete_of_agent, DB_ARGS(db_i64(workspace_id), db_i64(id)), NULL, err);
}

bool agent_update(struct tx *tx, const struct actor *actor, i64 id, const struct agent_patch *patch,
                  field_set given, struct err *err)
{
    struct agent was;
    if (!actor_may(actor, MAY_ADMIN))
        return err_set(err, ERR_DENIED, "Only administrators change colleagues.");
    if (!agent_get(tx->conn, actor->workspace_id, id, tx->arena, &was, err))
        return false;
    struct agent now = was;
    if (field_given(&agent_patch_type, given, "name") && !check_name(tx->arena, patch->name, &now.name, err))
        return false;
    if (field_given(&agent_patch_type, given, "role"))
        now.role = patch->role;
    if (field_given(&agent_patch_type, given, "disabled") && patch->disabled != was.disabled)
        now.disabled_at = patch->disabled ? tx->now : 0;
    if (field_given(&agent_patch_type, given, "all_channels"))
        now.all_channels = patch->all_channels;
    if (field_given(&agent_patch_type, given, "all_teams"))
        now.all_teams = patch->all_teams;

    bool was_owner = role_find(was.role) == ROLE_OWNER;
    if (was_owner && !actor_may(actor, MAY_OWN))
        return err_set(err, ERR_DENIED, "Only an owner changes owners.");
    if (!may_give_role(actor, now.role, err))
        return false;
    if (was_owner && !was.disabled && (now.disabled_at || role_find(now.role) != ROLE_OWNER) &&
        !keep_an_owner(tx, actor, id, err))
        return false;

    if (!db_exec(tx->conn, &SQL_agent_set,
                 DB_ARGS(db_str(now.name), db_str(now.role), db_i64(now.all_channels), db_i64(now.all_teams),
                         db_opt(now.disabled_at), db_i64(actor->workspace_id), db_i64(id)),
                 NULL, err))
        return false;
    if (field_given(&agent_patch_type, given, "channel_ids") &&
        !set_ids(tx, actor->workspace_id, id, &patch->channel_ids, false, err))
        return false;
    if (field_given(&agent_patch_type, given, "team_ids") &&
        !set_ids(tx, actor->workspace_id, id, &patch->team_ids, true, err))
        return false;
    if (now.disabled_at && !was.disabled_at && !end_everything(tx, actor->workspace_id, id, err))
        return false;
    return actor_log(tx, actor, "agent.updated", "id", id, err);
}

static bool check_settings(struct str settings, struct arena *arena, struct err *err)
{
    const struct json *value = json_parse(settings, arena, err);
    if (!value || json_kind(value) != JSON_OBJECT)
        return err_field(err, "settings", "wrong_type", "settings is an object.");
    if (settings.len > SETTINGS_MAX)
        return err_field(err, "settings", "too_long", "settings holds at most 16 KiB.");
    return true;
}

bool agent_update_me(struct tx *tx, const struct actor *actor, const struct me_patch *patch, field_set given,
                     struct str password_hash, struct err *err)
{
    struct agent me;
    if (!agent_get(tx->conn, actor->workspace_id, actor->agent_id, tx->arena, &me, err))
        return false;
    if (field_given(&me_patch_type, given, "name") && !check_name(tx->arena, patch->name, &me.name, err))
        return false;
    if (field_given(&me_patch_type, given, "language"))
        me.language = patch->language;
    if (field_given(&me_patch_type, given, "settings")) {
        if (!check_settings(patch->settings, tx->arena, err))
            return false;
        me.settings = patch->settings;
    }
    if (field_given(&me_patch_type, given, "signature"))
        me.signature = str_trim(patch->signature);
    if (!db_exec(tx->conn, &SQL_agent_set_self,
                 DB_ARGS(db_str(me.name), db_str(me.language), db_str(me.settings), db_str(me.signature),
                         db_i64(actor->workspace_id), db_i64(actor->agent_id)),
                 NULL, err))
        return false;
    if (str_given(password_hash) &&
        (!db_exec(tx->conn, &SQL_agent_set_password,
                  DB_ARGS(db_str(password_hash), db_i64(actor->workspace_id), db_i64(actor->agent_id)), NULL,
                  err) ||
         !db_exec(tx->conn, &SQL_code_delete_of_agent,
                  DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)), NULL, err) ||
         !session_end_others(tx, actor->workspace_id, actor->agent_id, actor->session_id, err)))
        return false;
    return actor_log(tx, actor, "agent.updated", "id", actor->agent_id, err);
}

bool agent_forget_password(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    return db_exec(tx->conn, &SQL_agent_set_password,
                   DB_ARGS(db_str(STR_NONE), db_i64(workspace_id), db_i64(id)), NULL, err);
}

bool agent_none_owns(struct conn *conn, bool *ret_none, struct err *err)
{
    i64 n;
    if (!db_one_i64(conn, &SQL_agent_any_owner, DB_NO_ARGS, &n, err))
        return false;
    *ret_none = n == 0;
    return true;
}
