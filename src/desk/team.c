// SPDX-License-Identifier: AGPL-3.0-or-later
// Teams and tags as the settings keep them: a unique folded name each.
#include "desk/conversation.h"
#include "desk/folder.h"
#include "desk/workspace.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

const struct type team_type = {
    "Team",
    (const struct field[]){
        FIELD(team, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(team, FIELD_STR, name, 0),
        FIELD(team, FIELD_IDS, member_ids, FIELD_READ_ONLY | FIELD_NO_ROW),
        FIELD_END,
    },
    sizeof(struct team),
};
const struct type label_type = {
    "Tag",
    (const struct field[]){
        FIELD(label, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(label, FIELD_STR, name, 0),
        FIELD(label, FIELD_I64, open_count, FIELD_READ_ONLY, .doc = "open conversations that carry it"),
        FIELD_END,
    },
    sizeof(struct label),
};
const struct type name_draft_type = {
    "NameDraft",
    (const struct field[]){
        FIELD(name_draft, FIELD_STR, name, FIELD_REQUIRED, .max = 200),
        FIELD_END,
    },
    sizeof(struct name_draft),
};

static bool clean_name(struct arena *arena, struct str name, struct str *ret_name, struct err *err)
{
    *ret_name = text_clean_name(arena, name);
    return ret_name->len > 0 || err_field(err, "name", "required", "A name cannot be empty.");
}

// The broken UNIQUE can only be the name.
static bool name_taken(struct err *err, const char *what)
{
    if (err->code == ERR_CONFLICT) {
        err_field(err, "name", "taken", "There is a %s of this name already.", what);
        err->code = ERR_CONFLICT;
    }
    return false;
}

static bool add_members(struct conn *conn, i64 workspace_id, struct arena *arena, struct team *teams,
                        size_t n, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_agent_teams_list, DB_ARGS(db_i64(workspace_id)), &rows, err))
        return false;
    while (rows_next(rows)) {
        i64 agent_id = row_i64(rows, 0), team_id = row_i64(rows, 1);
        for (size_t i = 0; i < n; i++) {
            if (teams[i].id == team_id)
                *list_push(&teams[i].member_ids, arena) = agent_id;
        }
    }
    return rows_end(rows, err);
}

bool team_list(struct conn *conn, i64 workspace_id, struct arena *arena, struct team_list *out,
               struct err *err)
{
    struct team_list list = {};
    if (!db_list(conn, &SQL_team_list, DB_ARGS(db_i64(workspace_id)), &team_type, &list, arena, err) ||
        !add_members(conn, workspace_id, arena, list.items, list.len, err))
        return false;
    *out = list;
    return true;
}

bool team_get(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct team *out,
              struct err *err)
{
    struct team team = {};
    if (!db_one(conn, &SQL_team_get, DB_ARGS(db_i64(workspace_id), db_i64(id)), &team_type, &team, arena,
                err) ||
        !add_members(conn, workspace_id, arena, &team, 1, err))
        return false;
    *out = team;
    return true;
}

bool team_create(struct tx *tx, const struct actor *actor, struct str name, i64 *ret_id, struct err *err)
{
    struct str clean;
    if (!actor_may(actor, MAY_LEAD))
        return err_set(err, ERR_DENIED, "Only leads make teams.");
    if (!clean_name(tx->arena, name, &clean, err))
        return false;
    if (!db_one_i64(tx->conn, &SQL_team_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_str(clean), db_str(text_fold(tx->arena, clean)),
                            db_i64(tx->now)),
                    ret_id, err))
        return name_taken(err, "team");
    return actor_log(tx, actor, "team.created", "id", *ret_id, err);
}

bool team_rename(struct tx *tx, const struct actor *actor, i64 id, struct str name, struct err *err)
{
    struct str clean;
    i64 n = 0;
    if (!actor_may(actor, MAY_LEAD))
        return err_set(err, ERR_DENIED, "Only leads rename teams.");
    if (!clean_name(tx->arena, name, &clean, err))
        return false;
    if (!db_exec(tx->conn, &SQL_team_rename,
                 DB_ARGS(db_str(clean), db_str(text_fold(tx->arena, clean)), db_i64(actor->workspace_id),
                         db_i64(id)),
                 &n, err))
        return name_taken(err, "team");
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such team.");
    return actor_log(tx, actor, "team.updated", "id", id, err);
}

bool team_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    i64 locked;
    if (!actor_may(actor, MAY_LEAD))
        return err_set(err, ERR_DENIED, "Only leads remove teams.");
    if (!db_one_i64(tx->conn, &SQL_team_lock, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &locked, err))
        return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "There is no such team.") : false;
    return conversation_leave_team(tx, actor->workspace_id, id, err) &&
           folder_leave_team(tx, actor->workspace_id, id, err) &&
           db_exec(tx->conn, &SQL_team_delete, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), NULL, err) &&
           actor_log(tx, actor, "team.deleted", "id", id, err);
}

// Counts tell too: a limited colleague's are of what they see.
static i64 limited(const struct actor *actor)
{
    return actor->all_channels && actor->all_teams ? 0 : actor->agent_id;
}

bool label_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct label_list *out,
                struct err *err)
{
    return db_list(conn, &SQL_tag_all,
                   DB_ARGS(db_i64(limited(actor)), db_i64(actor->workspace_id), db_i64(0)), &label_type, out,
                   arena, err);
}

bool label_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct label *out,
               struct err *err)
{
    return db_one(conn, &SQL_tag_all,
                  DB_ARGS(db_i64(limited(actor)), db_i64(actor->workspace_id), db_i64(id)), &label_type, out,
                  arena, err);
}

bool label_create(struct tx *tx, const struct actor *actor, struct str name, i64 *ret_id, struct err *err)
{
    struct str clean;
    if (!clean_name(tx->arena, name, &clean, err))
        return false;
    if (!db_one_i64(tx->conn, &SQL_tag_new,
                    DB_ARGS(db_i64(actor->workspace_id), db_str(clean), db_str(text_fold(tx->arena, clean)),
                            db_i64(tx->now)),
                    ret_id, err))
        return name_taken(err, "tag");
    return actor_log(tx, actor, "tag.created", "id", *ret_id, err);
}

bool label_rename(struct tx *tx, const struct actor *actor, i64 id, struct str name, struct err *err)
{
    struct str clean;
    i64 n = 0;
    if (!clean_name(tx->arena, name, &clean, err))
        return false;
    if (!db_exec(tx->conn, &SQL_tag_rename,
                 DB_ARGS(db_str(clean), db_str(text_fold(tx->arena, clean)), db_i64(actor->workspace_id),
                         db_i64(id)),
                 &n, err))
        return name_taken(err, "tag");
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "There is no such tag.");
    return actor_log(tx, actor, "tag.updated", "id", id, err);
}
