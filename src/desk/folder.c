// SPDX-License-Identifier: AGPL-3.0-or-later
// See folder.h.
#include "desk/folder.h"
#include "base/clock.h"
#include "desk/change.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"
#include <stdlib.h>

enum { NAME_BYTES_MAX = 100, OWN_MAX = 100, SHARED_MAX = 200 };

static const char *const whose_names[] = {"own", "team", "workspace", NULL};
static const char *const sort_names[] = {"urgent", "newest", "oldest", "waiting", "created", NULL};
static const char *const colour_names[] = {"", "red", "orange", "yellow", "green", "blue", "purple", NULL};
static const char *const icon_names[] = {"folder", "star",  "flag", "bolt",   "heart",  "cart", "box",
                                         "globe",  "clock", "tag",  "people", "shield", NULL};

const struct type folder_type = {
    "Folder",
    (const struct field[]){
        FIELD(folder, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(folder, FIELD_ENUM, whose, FIELD_READ_ONLY, .names = whose_names,
              .doc = "own: only you see it; team and workspace: leads change it."),
        FIELD(folder, FIELD_I64, agent_id, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(folder, FIELD_I64, team_id, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD(folder, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(folder, FIELD_STR, q, FIELD_READ_ONLY, .doc = "The query."),
        FIELD(folder, FIELD_ENUM, icon, FIELD_READ_ONLY, .names = icon_names),
        FIELD(folder, FIELD_ENUM, colour, FIELD_READ_ONLY, .names = colour_names),
        FIELD(folder, FIELD_ENUM, sort, FIELD_READ_ONLY, .names = sort_names,
              .doc = "The order it opens in."),
        FIELD(folder, FIELD_I64, position, FIELD_READ_ONLY),
        FIELD(folder, FIELD_BOOL, may_change, FIELD_READ_ONLY | FIELD_NO_ROW,
              .doc = "Whether you may change it."),
        FIELD(folder, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(folder, FIELD_TIME, updated_at, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct folder),
};

#define DRAFT_FIELDS(required)                                                                               \
    FIELD(folder_draft, FIELD_STR, name, required, .max = NAME_BYTES_MAX),                                   \
        FIELD(folder_draft, FIELD_STR, q, required, .doc = "In the query language."),                        \
        FIELD(folder_draft, FIELD_ENUM, whose, 0, .names = whose_names, .doc = "Default own."),              \
        FIELD(folder_draft, FIELD_I64, team_id, FIELD_NULLABLE, .doc = "With whose: team."),                 \
        FIELD(folder_draft, FIELD_ENUM, icon, 0, .names = icon_names, .doc = "Default folder."),             \
        FIELD(folder_draft, FIELD_ENUM, colour, 0, .names = colour_names, .doc = "Default none."),           \
        FIELD(folder_draft, FIELD_ENUM, sort, 0, .names = sort_names, .doc = "Default urgent."),             \
        FIELD(folder_draft, FIELD_I64, position, 0, .max = 1000000, .doc = "Default behind all others."),    \
        FIELD_END
const struct type folder_draft_type = {"FolderDraft", (const struct field[]){DRAFT_FIELDS(FIELD_REQUIRED)},
                                       sizeof(struct folder_draft)};
const struct type folder_patch_type = {"FolderPatch", (const struct field[]){DRAFT_FIELDS(0)},
                                       sizeof(struct folder_draft)};
const struct type folder_order_type = {
    "FolderOrder",
    (const struct field[]){FIELD(folder_order, FIELD_IDS, ids, FIELD_REQUIRED, .max = 400), FIELD_END},
    sizeof(struct folder_order)};

// ---- Who sees and changes what ----

static bool has_id(const struct id_list *list, i64 id)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i] == id)
            return true;
    }
    return false;
}

bool folder_shown(const struct folder *folder, const struct actor *actor)
{
    if (str_eq(folder->whose, S("own")))
        return folder->agent_id == actor->agent_id;
    if (str_eq(folder->whose, S("team")))
        return actor->all_teams || has_id(&actor->teams, folder->team_id);
    return true;
}

static bool may_change(const struct folder *folder, const struct actor *actor)
{
    return str_eq(folder->whose, S("own")) ? folder->agent_id == actor->agent_id : actor_may(actor, MAY_LEAD);
}

bool folder_list_all(struct conn *conn, i64 workspace_id, struct arena *arena, struct folder_list *out,
                     struct err *err)
{
    return db_list(conn, &SQL_folder_all, DB_ARGS(db_i64(workspace_id)), &folder_type, out, arena, err);
}

bool folder_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct folder_list *out,
                 struct err *err)
{
    struct folder_list all = {}, shown = {};
    if (!folder_list_all(conn, actor->workspace_id, arena, &all, err))
        return false;
    for (size_t i = 0; i < all.len; i++) {
        struct folder *folder = &all.items[i];
        folder->may_change = may_change(folder, actor);
        if (folder_shown(folder, actor))
            *list_push(&shown, arena) = *folder;
    }
    *out = shown;
    return true;
}

bool folder_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct folder *out,
                struct err *err)
{
    struct folder folder = {};
    struct err why = {};
    if (!db_one(conn, &SQL_folder_one, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &folder_type,
                &folder, arena, &why) &&
        why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    if (folder.id == 0 || !folder_shown(&folder, actor))
        return err_set(err, ERR_NOT_FOUND, "There is no such folder.");
    folder.may_change = may_change(&folder, actor);
    *out = folder;
    return true;
}

// ---- Changing ----

static bool log_folder(struct tx *tx, const struct actor *actor, const char *kind,
                       const struct folder *folder, struct err *err)
{
    // For whose screens it is; what is one's own is told to nobody else.
    return log_append(tx,
                      &(struct event){.workspace_id = actor->workspace_id,
                                      .kind = str_from(kind),
                                      .agent_id = actor->agent_id,
                                      .data = str_printf(tx->arena, "{\"id\":%lld,\"of_agent\":%lld}",
                                                         (long long)folder->id, (long long)folder->agent_id)},
                      err);
}

// What holds together: whose it is, its name, a query that can be read.
static bool check(struct tx *tx, const struct actor *actor, struct folder *folder, struct err *err)
{
    const struct query *query;
    bool own = str_eq(folder->whose, S("own")), team = str_eq(folder->whose, S("team"));
    if (!own && !actor_may(actor, MAY_LEAD))
        return err_set(err, ERR_DENIED, "Only leads make and change folders that others see.");
    folder->agent_id = own ? actor->agent_id : 0;
    if (!team && folder->team_id != 0)
        return err_field(err, "team_id", "without_team", "Only a team's folder names a team.");
    if (team && folder->team_id == 0)
        return err_field(err, "team_id", "required", "A team's folder names the team.");
    if (team && !change_check_team(tx, actor->workspace_id, folder->team_id, "team_id", err))
        return false;
    folder->name = text_clean_name(tx->arena, folder->name);
    if (folder->name.len == 0)
        return err_field(err, "name", "required", "A folder has a name.");
    return query_parse(folder->q, tx->arena, &query, err);
}

static bool has_room(struct tx *tx, const struct actor *actor, const struct folder *folder, i64 *ret_last,
                     struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_folder_room,
                  DB_ARGS(db_str(folder->whose), db_i64(folder->agent_id), db_i64(folder->team_id),
                          db_i64(actor->workspace_id)),
                  &rows, err))
        return false;
    i64 n = 0, max = str_eq(folder->whose, S("own")) ? OWN_MAX : SHARED_MAX;
    if (rows_next(rows)) {
        n = row_i64(rows, 0);
        *ret_last = row_i64(rows, 1);
    }
    return rows_end(rows, err) &&
           (n < max || err_field(err, "whose", "too_many", "There are %lld such folders already; delete one.",
                                 (long long)n));
}

bool folder_create(struct tx *tx, const struct actor *actor, const struct folder_draft *draft,
                   struct folder *out, struct err *err)
{
    struct folder folder = {.whose = str_given(draft->whose) ? draft->whose : S("own"),
                            .team_id = draft->team_id,
                            .name = draft->name,
                            .q = draft->q,
                            .icon = str_given(draft->icon) ? draft->icon : S("folder"),
                            .colour = str_given(draft->colour) ? draft->colour : S(""),
                            .sort = str_given(draft->sort) ? draft->sort : S("urgent"),
                            .created_at = tx->now,
                            .updated_at = tx->now,
                            .may_change = true};
    i64 last = 0;
    if (!check(tx, actor, &folder, err) || !has_room(tx, actor, &folder, &last, err))
        return false;
    folder.position = draft->position > 0 ? draft->position : last + 1;
    if (!db_one_i64(tx->conn, &SQL_folder_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_str(folder.whose), db_i64(folder.agent_id),
                            db_i64(folder.team_id), db_str(folder.name), db_str(folder.q),
                            db_str(folder.icon), db_str(folder.colour), db_str(folder.sort),
                            db_i64(folder.position), db_i64(tx->now)),
                    &folder.id, err))
        return false;
    *out = folder;
    return log_folder(tx, actor, EVENT_FOLDER_CREATED, &folder, err);
}

static bool write_folder(struct tx *tx, const struct actor *actor, const struct folder *folder,
                         struct err *err)
{
    return db_exec(tx->conn, &SQL_folder_set,
                   DB_ARGS(db_str(folder->whose), db_i64(folder->agent_id), db_i64(folder->team_id),
                           db_str(folder->name), db_str(folder->q), db_str(folder->icon),
                           db_str(folder->colour), db_str(folder->sort), db_i64(folder->position),
                           db_i64(tx->now), db_i64(actor->workspace_id), db_i64(folder->id)),
                   NULL, err) &&
           log_folder(tx, actor, EVENT_FOLDER_UPDATED, folder, err);
}

static bool changeable(struct tx *tx, const struct actor *actor, i64 id, struct folder *out, struct err *err)
{
    struct rows *rows;
    return db_query(tx->conn, &SQL_folder_lock, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &rows,
                    err) &&
           rows_end(rows, err) && folder_get(tx->conn, actor, id, tx->arena, out, err) &&
           (out->may_change ||
            err_set(err, ERR_DENIED, "Only leads make and change folders that others see."));
}

bool folder_update(struct tx *tx, const struct actor *actor, i64 id, const struct folder_draft *patch,
                   field_set set, struct folder *out, struct err *err)
{
    struct folder folder;
    const struct type *type = &folder_patch_type;
    if (!changeable(tx, actor, id, &folder, err))
        return false;
    if (field_given(type, set, "name"))
        folder.name = patch->name;
    if (field_given(type, set, "q"))
        folder.q = patch->q;
    if (field_given(type, set, "icon"))
        folder.icon = patch->icon;
    if (field_given(type, set, "colour"))
        folder.colour = patch->colour;
    if (field_given(type, set, "sort"))
        folder.sort = patch->sort;
    if (field_given(type, set, "position"))
        folder.position = patch->position;
    if (field_given(type, set, "whose")) {
        folder.whose = patch->whose;
        folder.team_id = str_eq(patch->whose, S("team")) ? folder.team_id : 0;
    }
    if (field_given(type, set, "team_id"))
        folder.team_id = patch->team_id;
    if (!check(tx, actor, &folder, err))
        return false;
    folder.updated_at = tx->now;
    *out = folder;
    return write_folder(tx, actor, &folder, err);
}

bool folder_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    struct folder folder;
    return changeable(tx, actor, id, &folder, err) &&
           db_exec(tx->conn, &SQL_folder_delete, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), NULL,
                   err) &&
           log_folder(tx, actor, EVENT_FOLDER_DELETED, &folder, err);
}

static int by_number(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return (x > y) - (x < y);
}

bool folder_order(struct tx *tx, const struct actor *actor, const struct id_list *ids, struct err *err)
{
    struct folder *folders = arena_array(tx->arena, struct folder, ids->len);
    i64 *places = arena_array(tx->arena, i64, ids->len);
    for (size_t i = 0; i < ids->len; i++) {
        for (size_t k = 0; k < i; k++) {
            if (ids->items[k] == ids->items[i])
                return err_field(err, "ids", "twice", "Each folder is named once.");
        }
        if (!changeable(tx, actor, ids->items[i], &folders[i], err))
            return false;
        places[i] = folders[i].position;
    }
    if (ids->len > 1)
        qsort(places, ids->len, sizeof(*places), by_number);
    for (size_t i = 0; i < ids->len; i++) {
        // Two at one place (both made at once) come apart here.
        if (i > 0 && places[i] <= places[i - 1])
            places[i] = places[i - 1] + 1;
        if (folders[i].position == places[i])
            continue;
        folders[i].position = places[i];
        if (!write_folder(tx, actor, &folders[i], err))
            return false;
    }
    return true;
}

bool folder_leave_team(struct tx *tx, i64 workspace_id, i64 team_id, struct err *err)
{
    return db_exec(tx->conn, &SQL_folder_leave_team, DB_ARGS(db_i64(workspace_id), db_i64(team_id)), NULL,
                   err);
}

// ---- Counting ----

bool folder_tally(struct conn *conn, const struct query *query, const struct query_context *context,
                  i64 budget_ms, struct arena *arena, struct folder_tally *out, struct err *err)
{
    struct query_page page = {.sort = SORT_CREATED, .limit = FOLDER_COUNT_MAX + 1, .budget_ms = budget_ms};
    struct query_hits hits = {};
    struct err why = {};
    bool more = false;
    *out = (struct folder_tally){};
    if (query_uses_text(query))
        page.sort = SORT_NEWEST;
    else if (query_is_open(query))
        page.sort = SORT_URGENT;
    if (!query_run(conn, query, context, &page, arena, &hits, &more, &why)) {
        if (why.code != ERR_UNAVAILABLE) {
            *err = why;
            return false;
        }
        out->about = true; // its time was up
        return true;
    }
    for (size_t i = 0; i < hits.len; i++)
        *list_push(&out->ids, arena) = hits.items[i].id;
    if (out->ids.len > 1)
        qsort(out->ids.items, out->ids.len, sizeof(i64), by_number);
    out->about = more && hits.len <= FOLDER_COUNT_MAX;
    return true;
}

bool folder_count(struct conn *conn, const struct actor *actor, struct str q, struct arena *arena,
                  struct folder_tally *out, struct err *err)
{
    const struct query *query;
    struct query_names names = {};
    if (!query_parse(q, arena, &query, err) ||
        !query_names_load(conn, actor->workspace_id, arena, &names, err))
        return false;
    struct query_context context = {.workspace_id = actor->workspace_id,
                                    .now = clock_now(),
                                    .me = actor->agent_id,
                                    .names = &names,
                                    .all_channels = actor->all_channels,
                                    .all_teams = actor->all_teams,
                                    .channels = actor->channels,
                                    .teams = actor->teams};
    return folder_tally(conn, query, &context, FOLDER_COUNT_MS, arena, out, err);
}
