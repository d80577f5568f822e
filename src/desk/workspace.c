// SPDX-License-Identifier: AGPL-3.0-or-later
// The workspace's name and settings. Settings are one JSON text in the row, in the shape of the API.
#include "desk/workspace.h"
#include "channels/channel.h"
#include "desk/channel.h"
#include "desk/conversation.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

enum { ALLOWANCE_MAX_MIN = 366 * 24 * 60 };
static const struct workspace_settings defaults = {
    .allowance_min = {.urgent = 15, .high = 60, .normal = 240, .low = 1440},
    .time_zone = {"UTC", 3},
    .language = {"en", 2},
    .second_factor_from = {"none", 4},
};
static const char *const languages[] = {"en", "id", "et", "fi", "ko", NULL};

static const char *const factor_roles[] = {"none", "viewer", "collaborator", "agent",
                                           "lead", "admin",  "owner",        NULL};

static const struct type allowances_type = {
    "Allowances",
    (const struct field[]){
        FIELD(allowances, FIELD_I64, urgent, 0, .max = ALLOWANCE_MAX_MIN, .doc = "minutes"),
        FIELD(allowances, FIELD_I64, high, 0, .max = ALLOWANCE_MAX_MIN, .doc = "minutes"),
        FIELD(allowances, FIELD_I64, normal, 0, .max = ALLOWANCE_MAX_MIN, .doc = "minutes"),
        FIELD(allowances, FIELD_I64, low, 0, .max = ALLOWANCE_MAX_MIN, .doc = "minutes"),
        FIELD_END,
    },
    sizeof(struct allowances),
};

static const struct type settings_type = {
    "WorkspaceSettings",
    (const struct field[]){
        FIELD(workspace_settings, FIELD_STRUCT, allowance_min, 0, .type = &allowances_type,
              .doc = "minutes until somebody who waits counts as late, by priority"),
        FIELD(workspace_settings, FIELD_STR, time_zone, 0, .max = 64, .doc = "as in the tz database"),
        FIELD(workspace_settings, FIELD_ENUM, language, 0, .names = languages),
        FIELD(workspace_settings, FIELD_I64, mail_channel_id, 0,
              .doc = "the e-mail channel that mail to colleagues (digests of pings) goes out by; 0: none "
                     "goes out"),
        FIELD(workspace_settings, FIELD_ENUM, second_factor_from, 0, .names = factor_roles,
              .doc = "roles from this one on must sign in with a second factor; none: nobody must"),
        FIELD_END,
    },
    sizeof(struct workspace_settings),
};

const struct type workspace_type = {
    "Workspace",
    (const struct field[]){
        FIELD(workspace, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(workspace, FIELD_STR, name, 0),
        FIELD(workspace, FIELD_STRUCT, settings, FIELD_NO_ROW, .type = &settings_type),
        FIELD_END,
    },
    sizeof(struct workspace),
};

const struct type workspace_patch_type = {
    "WorkspacePatch",
    (const struct field[]){
        FIELD(workspace, FIELD_STR, name, 0, .max = 800),
        FIELD(workspace, FIELD_STRUCT, settings, 0, .type = &settings_type),
        FIELD_END,
    },
    sizeof(struct workspace),
};

static const struct type workspace_row_type = {
    "WorkspaceRow",
    (const struct field[]){
        FIELD(workspace, FIELD_I64, id, 0),
        FIELD(workspace, FIELD_STR, name, 0),
        {.name = "settings", .kind = FIELD_STR, .offset = offsetof(struct workspace, settings_text)},
        FIELD_END,
    },
    sizeof(struct workspace),
};

// Takes over what a settings object gives and leaves the rest.
static void merge_settings(struct workspace_settings *into, const struct workspace_settings *from,
                           const struct json *given)
{
    const struct {
        const char *path;
        i64 *into;
        i64 from;
    } minutes[] = {
        {"allowance_min.urgent", &into->allowance_min.urgent, from->allowance_min.urgent},
        {"allowance_min.high", &into->allowance_min.high, from->allowance_min.high},
        {"allowance_min.normal", &into->allowance_min.normal, from->allowance_min.normal},
        {"allowance_min.low", &into->allowance_min.low, from->allowance_min.low},
    };
    for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
        if (json_at(given, minutes[i].path))
            *minutes[i].into = minutes[i].from;
    }
    if (json_at(given, "time_zone"))
        into->time_zone = from->time_zone;
    if (json_at(given, "language"))
        into->language = from->language;
    if (json_at(given, "mail_channel_id"))
        into->mail_channel_id = from->mail_channel_id;
    if (json_at(given, "second_factor_from"))
        into->second_factor_from = from->second_factor_from;
}

static void read_settings(struct workspace *workspace, struct arena *arena)
{
    struct err ignored = {};
    struct workspace_settings stored = {};
    field_set given;
    const struct json *json = json_parse(workspace->settings_text, arena, &ignored);
    workspace->settings = defaults;
    // What an older version wrote and this one cannot read falls back to the defaults.
    if (json && json_decode_value(json, &settings_type, false, arena, &stored, &given, &ignored))
        merge_settings(&workspace->settings, &stored, json);
}

bool workspace_get(struct conn *conn, i64 id, struct arena *arena, struct workspace *out, struct err *err)
{
    struct workspace workspace = {};
    if (!db_one(conn, &SQL_workspace_get, DB_ARGS(db_i64(id)), &workspace_row_type, &workspace, arena, err))
        return false;
    read_settings(&workspace, arena);
    *out = workspace;
    return true;
}

bool workspace_create(struct tx *tx, struct str name, i64 *ret_id, struct err *err)
{
    struct str clean = text_clean_name(tx->arena, name);
    if (clean.len == 0)
        return err_field(err, "workspace", "required", "A workspace needs a name.");
    return db_one_i64(tx->conn, &SQL_workspace_insert,
                      DB_ARGS(db_str(clean), db_str(S("{}")), db_i64(tx->now)), ret_id, err) &&
           log_append(
               tx, &(struct event){.workspace_id = *ret_id, .kind = S("workspace.created"), .data = S("{}")},
               err);
}

static bool check_settings(const struct workspace_settings *settings, struct err *err)
{
    const struct allowances *a = &settings->allowance_min;
    if (a->urgent < 1 || a->high < 1 || a->normal < 1 || a->low < 1)
        return err_field(err, "settings.allowance_min", "too_small", "An allowance is at least one minute.");
    struct str zone = settings->time_zone;
    if (zone.len == 0)
        return err_field(err, "settings.time_zone", "required",
                         "The time zone is a name such as Europe/Tallinn.");
    for (size_t i = 0; i < zone.len; i++) {
        char c = zone.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '+' || c == '-' || c == '/';
        if (!fits)
            return err_field(err, "settings.time_zone", "invalid",
                             "The time zone is a name such as Europe/Tallinn.");
    }
    return true;
}

bool workspace_patch_decode(struct conn *conn, const struct actor *actor, struct str body,
                            struct arena *arena, struct workspace *out, field_set *ret_given, struct err *err)
{
    struct workspace now, patch = {};
    field_set given;
    const struct json *json = json_parse(body, arena, err);
    if (!json || !json_decode_value(json, &workspace_patch_type, false, arena, &patch, &given, err) ||
        !workspace_get(conn, actor->workspace_id, arena, &now, err))
        return false;
    if (field_given(&workspace_patch_type, given, "name"))
        now.name = patch.name;
    merge_settings(&now.settings, &patch.settings, json_at(json, "settings"));
    if (!check_settings(&now.settings, err))
        return false;
    *out = now;
    *ret_given = given;
    return true;
}

// A channel of this workspace whose network sends mail to colleagues.
static bool check_mail_channel(struct tx *tx, const struct actor *actor, i64 channel_id, struct err *err)
{
    struct channel_row row;
    struct err why = {};
    if (channel_id == 0)
        return true;
    bool found = channel_load(tx->conn, actor->workspace_id, channel_id, tx->arena, &row, &why);
    const struct channel_driver *driver = found ? channel_driver_find(row.kind) : NULL;
    if (!found && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return (driver && driver->notify) ||
           err_field(err, "settings.mail_channel_id", "invalid", "Choose one of the e-mail channels.");
}

bool workspace_update(struct tx *tx, const struct actor *actor, const struct workspace *patch,
                      field_set given, struct err *err)
{
    (void)given;
    if (!actor_may(actor, MAY_ADMIN))
        return err_set(err, ERR_DENIED, "Only administrators change the workspace.");
    struct str name = text_clean_name(tx->arena, patch->name);
    if (name.len == 0)
        return err_field(err, "name", "required", "A workspace needs a name.");
    if (!check_mail_channel(tx, actor, patch->settings.mail_channel_id, err))
        return false;
    struct buf text;
    buf_init(&text, tx->arena, 4096);
    struct json_writer w = json_writer(&text);
    json_encode(&w, &settings_type, &patch->settings);
    return db_exec(tx->conn, &SQL_workspace_set,
                   DB_ARGS(db_str(name), db_str(buf_str(&text)),
                           db_i64((i64)role_find(patch->settings.second_factor_from)),
                           db_i64(actor->workspace_id)),
                   NULL, err) &&
           conversation_renew_urgency(tx, actor->workspace_id, err) &&
           log_append(tx,
                      &(struct event){.workspace_id = actor->workspace_id,
                                      .kind = S("workspace.updated"),
                                      .agent_id = actor->agent_id,
                                      .data = S("{}")},
                      err);
}
