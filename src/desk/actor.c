// SPDX-License-Identifier: AGPL-3.0-or-later
// Rights: one table of who may what, one rule of who sees what. Loaded afresh for each request, so a
// change of role or team holds from the next request on.
#include "desk/actor.h"
#include "sql_gen.h"
#include "store/log.h"

const char *const role_names[] = {"viewer", "collaborator", "agent", "lead", "admin", "owner", NULL};

enum role role_find(struct str name)
{
    for (int i = 0; role_names[i]; i++) {
        if (str_eq(name, str_from(role_names[i]))) {
            return (enum role)(i + 1);
        }
    }
    return ROLE_NONE;
}

// The least role and the scope of a token that each right asks for.
static const struct {
    enum role role;
    unsigned scope;
} needs[] = {
    [MAY_ANYONE] = {ROLE_NONE, 0},
    [MAY_READ] = {ROLE_VIEWER, SCOPE_READ},
    [MAY_NOTE] = {ROLE_COLLABORATOR, SCOPE_WRITE},
    [MAY_REPLY] = {ROLE_AGENT, SCOPE_WRITE},
    [MAY_TRIAGE] = {ROLE_AGENT, SCOPE_WRITE},
    [MAY_LEAD] = {ROLE_LEAD, SCOPE_WRITE},
    [MAY_ADMIN] = {ROLE_ADMIN, SCOPE_ADMIN},
    [MAY_OWN] = {ROLE_OWNER, SCOPE_ADMIN},
    [MAY_METRICS] = {ROLE_ADMIN, SCOPE_METRICS},
    [MAY_VISIT] = {ROLE_OWNER + 1, SCOPE_ALL}, // no role reaches it
};

bool actor_may(const struct actor *actor, enum right right)
{
    if (right == MAY_ANYONE) {
        return true;
    }
    if ((size_t)right >= ARRAY_LEN(needs) || actor->role == ROLE_NONE) {
        return false;
    }
    if ((actor->scopes & needs[right].scope) == 0) {
        return false;
    }
    // A token made for the scraper needs no admin behind it; a session does.
    return actor->role >= needs[right].role || (right == MAY_METRICS && actor->token_id > 0);
}

static bool has(const struct id_list *list, i64 id)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i] == id) {
            return true;
        }
    }
    return false;
}

bool actor_sees(const struct actor *actor, i64 channel_id, i64 team_id)
{
    return (actor->all_channels || has(&actor->channels, channel_id)) &&
           (actor->all_teams || team_id == 0 || has(&actor->teams, team_id));
}

static bool load_ids(struct conn *conn, const struct sql *sql, i64 workspace_id, i64 agent_id,
                     struct arena *arena, struct id_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(out, arena) = row_i64(rows, 0);
    }
    return rows_end(rows, err);
}

bool actor_load(struct conn *conn, i64 agent_id, struct arena *arena, struct actor *out, struct err *err)
{
    struct actor actor = {.agent_id = agent_id, .scopes = SCOPE_ALL};
    struct rows *rows;
    if (!db_query(conn, &SQL_actor_load, DB_ARGS(db_i64(agent_id)), &rows, err)) {
        return false;
    }
    bool found = rows_next(rows);
    if (found) {
        actor.workspace_id = row_i64(rows, 1);
        actor.email = row_str(rows, 2, arena);
        actor.name = row_str(rows, 3, arena);
        actor.role = role_find(row_str(rows, 4, arena));
        actor.all_channels = row_i64(rows, 5) != 0;
        actor.all_teams = row_i64(rows, 6) != 0;
        i64 from = row_i64(rows, 8);
        actor.must_enroll = from > 0 && (i64)actor.role >= from && row_i64(rows, 7) == 0;
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (!found) {
        return err_set(err, ERR_UNAUTHENTICATED, "This account is closed.");
    }
    if (!actor.all_channels &&
        !load_ids(conn, &SQL_actor_channels, actor.workspace_id, agent_id, arena, &actor.channels, err)) {
        return false;
    }
    if (!load_ids(conn, &SQL_actor_teams, actor.workspace_id, agent_id, arena, &actor.teams, err)) {
        return false;
    }
    *out = actor;
    return true;
}

struct actor actor_system(i64 workspace_id)
{
    return (struct actor){.workspace_id = workspace_id,
                          .role = ROLE_OWNER,
                          .scopes = SCOPE_ALL,
                          .all_channels = true,
                          .all_teams = true,
                          .name = S("Heed"),
                          .email = S("")};
}

bool actor_log(struct tx *tx, const struct actor *actor, const char *kind, const char *member, i64 id,
               struct err *err)
{
    return log_append(tx,
                      &(struct event){.workspace_id = actor->workspace_id,
                                      .kind = str_from(kind),
                                      .agent_id = actor->agent_id,
                                      .data = str_printf(tx->arena, "{\"%s\":%lld}", member, (long long)id)},
                      err);
}
