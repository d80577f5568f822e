// SPDX-License-Identifier: AGPL-3.0-or-later
// The demo's workspace: colleagues, teams, tags, two channels. Made once in an empty database; a database
// that somebody else filled is left alone.
#include "base/arena.h"
#include "base/clock.h"
#include "cli/demo.h"
#include "desk/agent.h"
#include "desk/channel.h"
#include "desk/session.h"
#include "desk/workspace.h"
#include "sql_gen.h"

static const struct {
    const char *name, *email, *role, *team;
} colleagues[] = {
    {"Mari Tamm", "mari@saltmarsh.example", "owner", "Orders"},
    {"Rina Wijaya", "rina@saltmarsh.example", "lead", "Orders"},
    {"Jiwoo Kim", "jiwoo@saltmarsh.example", "agent", "Returns"},
    {"Mikko Laine", "mikko@saltmarsh.example", "agent", "Returns"},
    {"Nora Haas", "nora@saltmarsh.example", "collaborator", "Workshop"},
    {"Sam Reyes", "sam@saltmarsh.example", "viewer", NULL},
};
static const char *const teams[] = {"Orders", "Returns", "Workshop"};
static const char *const channels[] = {"Shop chat", "Community wall"};

struct making {
    struct app *app;
    struct str deliver_url;
    struct arena *arena; // outlives the write
    struct demo_world *world;
};

static bool make_teams(struct tx *tx, const struct actor *actor, i64 ids[ARRAY_LEN(teams)], struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(teams); i++) {
        if (!team_create(tx, actor, str_from(teams[i]), &ids[i], err))
            return false;
    }
    return true;
}

static bool make_colleagues(struct tx *tx, const struct actor *actor, const i64 *team_ids,
                            struct demo_world *world, struct err *err)
{
    field_set given = 0;
    struct agent_draft probe = {};
    if (!json_decode(
            S("{\"name\":\"x\",\"email\":\"x@x\",\"role\":\"owner\",\"all_teams\":true,\"team_ids\":[]}"),
            &agent_draft_type, true, tx->arena, &probe, &given, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(colleagues); i++) {
        i64 team_id = 0, id;
        struct agent_draft draft = {.name = str_from(colleagues[i].name),
                                    .email = str_from(colleagues[i].email),
                                    .role = str_from(colleagues[i].role),
                                    .all_teams = true};
        for (size_t t = 0; t < ARRAY_LEN(teams); t++) {
            if (colleagues[i].team && strcmp(colleagues[i].team, teams[t]) == 0)
                team_id = team_ids[t];
        }
        if (team_id)
            draft.team_ids = (struct id_list){&team_id, 1, 1};
        if (!agent_create(tx, actor, &draft, given, STR_NONE, &id, err))
            return false;
        if (i == 0)
            world->owner_id = id;
    }
    return true;
}

static struct str channel_settings(const struct making *making, struct arena *arena)
{
    return str_printf(arena, "{\"deliver_url\":\"%.*s\",\"idempotent\":true}", STR_ARG(making->deliver_url));
}

static bool make_channels(struct tx *tx, const struct actor *actor, struct making *making, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
        struct channel_row row = {};
        struct str secret = STR_NONE;
        struct channel_draft draft = {.kind = S("custom"),
                                      .name = str_from(channels[i]),
                                      .settings = channel_settings(making, tx->arena)};
        if (!channel_create(tx, actor, making->app->key, &draft, &row, &secret, err))
            return false;
        making->world->channels[i].id = row.id;
        making->world->channels[i].secret = str_copy(making->arena, secret);
    }
    return true;
}

static const char chat_name[] = "Saltmarsh chat";

// The chat of the demo's shop page; made once, found again by its name.
static bool make_chat(struct tx *tx, const struct actor *actor, struct making *making, struct err *err)
{
    struct channel_row row = {};
    struct str secret;
    struct channel_draft draft = {
        .kind = S("chat"),
        .name = str_from(chat_name),
        .settings = S(
            "{\"title\":\"Saltmarsh\",\"colour\":\"#155a4c\",\"offline\":\"chat\",\"greeting\":\"Hello. Ask "
            "anything about orders, sizes or repairs. If you write your order number, we find it "
            "faster.\",\"hours_text\":\"Weekdays 9 to 18\",\"notice\":\"We keep this chat for 12 months to "
            "help you.\"}")};
    if (!channel_create(tx, actor, making->app->key, &draft, &row, &secret, err))
        return false;
    making->world->chat_key = str_copy(making->arena, row.external_account_id);
    return true;
}

static bool find_chat(struct tx *tx, const struct actor *actor, struct making *making, struct err *err)
{
    struct channel_row_list rows = {};
    if (!channel_list(tx->conn, actor, tx->arena, &rows, err))
        return false;
    for (size_t i = 0; i < rows.len; i++)
        if (str_eq(rows.items[i].kind, S("chat")))
            making->world->chat_key = str_copy(making->arena, rows.items[i].external_account_id);
    return making->world->chat_key.len > 0 || make_chat(tx, actor, making, err);
}

static bool make_world(struct tx *tx, struct making *making, struct err *err)
{
    struct demo_world *world = making->world;
    i64 team_ids[ARRAY_LEN(teams)];
    struct token token;
    struct token_draft draft = {.name = S("demo"), .expires_at = tx->now + 3600 * 1000};
    *list_push(&draft.scopes, tx->arena) = S("read");
    *list_push(&draft.scopes, tx->arena) = S("write");
    if (!workspace_create(tx, S("Saltmarsh"), &world->workspace_id, err))
        return false;
    struct actor system = actor_system(world->workspace_id);
    if (!make_teams(tx, &system, team_ids, err) || !make_colleagues(tx, &system, team_ids, world, err) ||
        !make_channels(tx, &system, making, err) || !make_chat(tx, &system, making, err))
        return false;
    system.agent_id = world->owner_id;
    world->fresh = true;
    return token_create(tx, &system, &draft, world->token, &token, err) &&
           db_meta_set(tx, "demo", str_printf(tx->arena, "%lld", (long long)world->workspace_id), err);
}

// The channels get the listener's new port, and their secrets are opened for signing.
static bool find_channels(struct tx *tx, const struct actor *actor, struct making *making, struct err *err)
{
    struct channel_row_list rows = {};
    if (!channel_list(tx->conn, actor, tx->arena, &rows, err))
        return false;
    for (size_t i = 0; i < rows.len; i++) {
        for (size_t c = 0; c < ARRAY_LEN(channels); c++) {
            struct channel_row row = {};
            struct channel_view view = {};
            struct channel_patch patch = {};
            field_set given;
            if (!str_eq(rows.items[i].name, str_from(channels[c])))
                continue;
            struct str body =
                str_printf(tx->arena, "{\"settings\":%.*s}", STR_ARG(channel_settings(making, tx->arena)));
            if (!json_decode(body, &channel_patch_type, false, tx->arena, &patch, &given, err) ||
                !channel_update(tx, actor, making->app->key, rows.items[i].id, &patch, given, &row, err) ||
                !channel_view_open(&rows.items[i], making->app->key, tx->now, tx->arena, &view, err))
                return false;
            making->world->channels[c].id = row.id;
            making->world->channels[c].secret =
                str_copy(making->arena, json_str(json_at(view.secret, "secret")));
        }
    }
    for (size_t c = 0; c < ARRAY_LEN(channels); c++) {
        if (!str_given(making->world->channels[c].secret))
            return err_set(err, ERR_NOT_FOUND,
                           "The demo's channel “%s” is gone; start the demo with an empty data folder.",
                           channels[c]);
    }
    return true;
}

static bool find_world(struct tx *tx, struct making *making, struct str id, struct err *err)
{
    struct demo_world *world = making->world;
    if (!str_to_i64(id, &world->workspace_id))
        return err_set(err, ERR_INTERNAL, "The demo's mark in the database is not a number.");
    struct actor system = actor_system(world->workspace_id);
    return db_one_i64(tx->conn, &SQL_agent_first_owner, DB_ARGS(db_i64(world->workspace_id)),
                      &world->owner_id, err) &&
           find_channels(tx, &system, making, err) && find_chat(tx, &system, making, err);
}

static bool write_world(struct tx *tx, void *arg, struct err *err)
{
    struct making *making = arg;
    struct demo_world *world = making->world;
    struct str id = STR_NONE;
    bool none = false;
    struct str token = world->token, code = world->code;
    *world = (struct demo_world){.token = token, .code = code}; // it may run more than once
    if (!db_meta_get(tx->conn, "demo", tx->arena, &id, err) || !agent_none_owns(tx->conn, &none, err))
        return false;
    if (!str_given(id) && !none)
        return err_set(err, ERR_CONFLICT,
                       "--demo needs an empty database, and this one is in use. Try: heed serve --demo "
                       "--data demo-data");
    if (!(str_given(id) ? find_world(tx, making, id, err) : make_world(tx, making, err)))
        return false;
    return code_create(tx, S("sign_in"), world->workspace_id, world->owner_id, world->code, CODE_SIGN_IN_MS,
                       err);
}

bool demo_world_open(struct app *app, struct str deliver_url, struct arena *arena, struct demo_world *out,
                     struct err *err)
{
    struct making making = {.app = app, .deliver_url = deliver_url, .arena = arena, .world = out};
    out->token = random_token(arena, "heed_");
    out->code = random_token(arena, "");
    return db_write(app->db, WRITE_PEOPLE, write_world, &making, err);
}
