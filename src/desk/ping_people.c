// SPDX-License-Identifier: AGPL-3.0-or-later
// The colleagues of a workspace as pings see them: what they may see, what they chose, whether they are
// there.
#include "desk/ping.h"
#include "desk/workspace.h"
#include "sql_gen.h"

static bool load_rows(struct conn *conn, i64 workspace_id, struct str zone, i64 now, struct arena *arena,
                      struct ping_people *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_ping_people, DB_ARGS(db_i64(now), db_i64(workspace_id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct ping_person *person = list_push(out, arena);
        *person = (struct ping_person){.id = row_i64(rows, 0),
                                       .role = role_find(row_str(rows, 1, arena)),
                                       .disabled = !row_is_null(rows, 4),
                                       .last_seen_at = row_i64(rows, 6),
                                       .devices = row_i64(rows, 7)};
        person->sees.all_channels = row_i64(rows, 2) != 0;
        person->sees.all_teams = row_i64(rows, 3) != 0;
        ping_choice_read(row_str(rows, 5, arena), zone, arena, &person->choice);
    }
    return rows_end(rows, err);
}

static bool load_places(struct conn *conn, const struct sql *sql, bool teams, struct arena *arena,
                        struct ping_people *people, struct err *err)
{
    struct rows *rows;
    size_t at = 0; // both are in the order of the colleagues
    if (!db_query(conn, sql, DB_ARGS(db_i64(people->workspace_id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        i64 agent = row_i64(rows, 0);
        while (at < people->len && people->items[at].id < agent) {
            at++;
        }
        if (at < people->len && people->items[at].id == agent) {
            struct actor *sees = &people->items[at].sees;
            *list_push(teams ? &sees->teams : &sees->channels, arena) = row_i64(rows, 1);
        }
    }
    return rows_end(rows, err);
}

bool ping_people_load(struct conn *conn, i64 workspace_id, i64 now, struct arena *arena,
                      struct ping_people *out, struct err *err)
{
    struct workspace workspace;
    out->workspace_id = workspace_id;
    out->len = 0;
    return workspace_get(conn, workspace_id, arena, &workspace, err) &&
           load_rows(conn, workspace_id, workspace.settings.time_zone, now, arena, out, err) &&
           load_places(conn, &SQL_agent_channels_list, false, arena, out, err) &&
           load_places(conn, &SQL_agent_teams_list, true, arena, out, err);
}

const struct ping_person *ping_person_find(const struct ping_people *people, i64 id)
{
    for (size_t i = 0; i < people->len; i++) {
        if (people->items[i].id == id) {
            return &people->items[i];
        }
    }
    return NULL;
}

bool ping_person_in_team(const struct ping_person *person, i64 team_id)
{
    for (size_t i = 0; i < person->sees.teams.len; i++) {
        if (person->sees.teams.items[i] == team_id) {
            return true;
        }
    }
    return false;
}

bool ping_person_online(const struct ping_person *person, i64 now)
{
    return !person->disabled && person->last_seen_at > now - PING_ONLINE_MS;
}

bool ping_person_reachable(const struct ping_person *person, i64 now)
{
    return !person->disabled && (ping_person_online(person, now) ||
                                 (person->devices > 0 && !ping_choice_quiet(&person->choice, now)));
}
