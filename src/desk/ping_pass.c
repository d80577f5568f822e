// SPDX-License-Identifier: AGPL-3.0-or-later
// What the clock brings: customers who will soon have waited too long, and pings that reached nobody. Those
// go to the next person: somebody of the team who is here, then whoever leads; the leads are told of it too.
#include "desk/events.h"
#include "desk/ping.h"
#include "sql_gen.h"

enum { AT_ONCE = 50, PASSES_MAX = 3, LOOK_AGAIN_MS = 15 * 1000, GIVE_UP_MS = 12 * 3600 * 1000 };
enum { BEHIND_MS = 10 * 60 * 1000 }; // how long we may have been down and still tell what became late

struct near_list {
    struct near {
        i64 id, channel_id, urgent_at;
    } * items;
    size_t len, cap;
};

// ---- Soon late ------------------------------------------------------------------------------------------

static bool tell_near(struct tx *tx, i64 workspace_id, const struct near *near, i64 *ret_n, struct err *err)
{
    i64 changed;
    struct event event = {.workspace_id = workspace_id,
                          .kind = S(EVENT_TARGET_NEAR),
                          .conversation_id = near->id,
                          .channel_id = near->channel_id};
    if (!db_exec(tx->conn, &SQL_ping_target_mark,
                 DB_ARGS(db_i64(workspace_id), db_i64(near->id), db_i64(near->urgent_at)), &changed, err)) {
        return false;
    }
    if (changed == 0) {
        return true;
    }
    *ret_n += 1;
    event.data = str_printf(tx->arena, "{\"urgent_at\":%lld}", (long long)near->urgent_at);
    return log_append(tx, &event, err);
}

static bool targets_of(struct tx *tx, i64 workspace_id, i64 *ret_n, struct err *err)
{
    struct near_list list = {};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_ping_targets_near,
                  DB_ARGS(db_i64(workspace_id), db_i64(tx->now - BEHIND_MS), db_i64(tx->now + PING_NEAR_MS),
                          db_i64(AT_ONCE)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&list, tx->arena) = (struct near){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < list.len; i++) {
        if (!tell_near(tx, workspace_id, &list.items[i], ret_n, err)) {
            return false;
        }
    }
    return true;
}

bool ping_targets(struct tx *tx, i64 *ret_n, struct err *err)
{
    struct id_list workspaces = {};
    struct rows *rows;
    *ret_n = 0;
    if (!db_query(tx->conn, &SQL_ping_workspaces, DB_NO_ARGS, &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&workspaces, tx->arena) = row_i64(rows, 0);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < workspaces.len; i++) {
        if (!targets_of(tx, workspaces.items[i], ret_n, err)) {
            return false;
        }
    }
    return true;
}

// ---- Passed on ------------------------------------------------------------------------------------------

struct due {
    i64 id, workspace_id, agent_id, conversation_id, message_id, by_id, passes, alone, created_at;
    struct str kind;
};
struct due_list {
    struct due *items;
    size_t len, cap;
};
struct place {
    i64 channel_id, team_id, waiting_since;
    bool open;
};

static bool load_due(struct tx *tx, struct due_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_ping_pass_due, DB_ARGS(db_i64(tx->now), db_i64(AT_ONCE)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(out, tx->arena) = (struct due){.id = row_i64(rows, 0),
                                                  .workspace_id = row_i64(rows, 1),
                                                  .agent_id = row_i64(rows, 2),
                                                  .conversation_id = row_i64(rows, 3),
                                                  .kind = row_str(rows, 4, tx->arena),
                                                  .message_id = row_i64(rows, 5),
                                                  .by_id = row_i64(rows, 6),
                                                  .passes = row_i64(rows, 7),
                                                  .alone = row_i64(rows, 8),
                                                  .created_at = row_i64(rows, 9)};
    }
    return rows_end(rows, err);
}

static bool load_place(struct tx *tx, const struct due *due, struct place *out, struct err *err)
{
    struct rows *rows;
    struct str ids = str_printf(tx->arena, "[%lld]", (long long)due->conversation_id);
    *out = (struct place){};
    if (!db_query(tx->conn, &SQL_ping_subjects, DB_ARGS(db_str(ids)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *out = (struct place){row_i64(rows, 2), row_i64(rows, 3), row_i64(rows, 8),
                              str_eq(row_str(rows, 5, tx->arena), S("open")) && row_i64(rows, 6) == 0};
    }
    return rows_end(rows, err);
}

static bool load_asked(struct tx *tx, const struct due *due, struct id_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(
            tx->conn, &SQL_ping_passed_to,
            DB_ARGS(db_i64(due->workspace_id), db_i64(due->conversation_id), db_i64(tx->now - GIVE_UP_MS)),
            &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(out, tx->arena) = row_i64(rows, 0);
    }
    return rows_end(rows, err);
}

static bool in_list(const struct id_list *list, i64 id)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i] == id) {
            return true;
        }
    }
    return false;
}

// Higher is better; 0: not them.
static int fitness(const struct ping_person *person, const struct due *due, const struct place *place,
                   const struct id_list *asked, i64 now)
{
    if (person->id == due->agent_id || person->role < ROLE_AGENT || in_list(asked, person->id) ||
        !actor_sees(&person->sees, place->channel_id, place->team_id) ||
        !ping_person_reachable(person, now) || ping_choice_ways(&person->choice, PING_PASSED_ON) == 0) {
        return 0;
    }
    bool team = place->team_id && ping_person_in_team(person, place->team_id);
    return 1 + 8 * ping_person_online(person, now) + 4 * team + 2 * (person->role == ROLE_LEAD) +
           (person->role > ROLE_LEAD);
}

static bool log_it(struct tx *tx, const char *kind, const struct due *due, const struct place *place, i64 to,
                   struct err *err)
{
    struct event event = {.workspace_id = due->workspace_id,
                          .kind = str_from(kind),
                          .conversation_id = due->conversation_id,
                          .channel_id = place->channel_id};
    event.data = to ? str_printf(tx->arena, "{\"from\":%lld,\"to\":%lld,\"kind\":\"%.*s\"}",
                                 (long long)due->agent_id, (long long)to, STR_ARG(due->kind))
                    : str_printf(tx->arena, "{\"from\":%lld,\"kind\":\"%.*s\"}", (long long)due->agent_id,
                                 STR_ARG(due->kind));
    return log_append(tx, &event, err);
}

static bool set(struct tx *tx, const struct due *due, i64 pass_at, i64 alone, struct err *err)
{
    return db_exec(tx->conn, &SQL_ping_pass_set,
                   DB_ARGS(db_opt(pass_at), db_i64(alone), db_i64(due->workspace_id), db_i64(due->id)), NULL,
                   err);
}

// Nobody is there: told once, and looked at again until it is too old.
static bool nobody(struct tx *tx, const struct due *due, const struct place *place, struct err *err)
{
    bool again = tx->now - due->created_at < GIVE_UP_MS;
    return (due->alone || log_it(tx, EVENT_PING_ALONE, due, place, 0, err)) &&
           set(tx, due, again ? tx->now + LOOK_AGAIN_MS : 0, 1, err);
}

static bool hand_on(struct tx *tx, const struct due *due, const struct place *place,
                    const struct ping_people *people, const struct ping_person *next, struct err *err)
{
    struct ping_draft draft = {PING_PASSED_ON, due->conversation_id, due->message_id,
                               due->by_id,     due->agent_id,        due->passes + 1};
    struct id_list told = {};
    bool done;
    if (!ping_put(tx, due->workspace_id, next, &draft, &done, err) ||
        !log_it(tx, EVENT_PING_PASSED, due, place, next->id, err) || !set(tx, due, 0, due->alone, err)) {
        return false;
    }
    *list_push(&told, tx->arena) = next->id;
    // Whoever leads is told too; what they are told is not passed on further.
    draft.passes = PASSES_MAX;
    for (size_t i = 0; i < people->len && next->role < ROLE_LEAD; i++) {
        const struct ping_person *lead = &people->items[i];
        if (lead->role != ROLE_LEAD || lead->disabled || lead->id == due->agent_id ||
            !actor_sees(&lead->sees, place->channel_id, place->team_id)) {
            continue;
        }
        if (!ping_put(tx, due->workspace_id, lead, &draft, &done, err)) {
            return false;
        }
        *list_push(&told, tx->arena) = lead->id;
    }
    return ping_tell(tx, due->workspace_id, &told, err);
}

static bool pass_one(struct tx *tx, const struct due *due, const struct ping_people *people, struct err *err)
{
    struct place place;
    struct id_list asked = {};
    const struct ping_person *next = NULL;
    int best = 0;
    if (!load_place(tx, due, &place, err) || !load_asked(tx, due, &asked, err)) {
        return false;
    }
    // Closed, or the customer has an answer: there is nothing left to hurry for. A mention asks anyway.
    bool settled = !place.open || (place.waiting_since == 0 && !str_eq(due->kind, S("mention")));
    if (settled || due->passes >= PASSES_MAX) {
        return set(tx, due, 0, due->alone, err);
    }
    for (size_t i = 0; i < people->len; i++) {
        int fit = fitness(&people->items[i], due, &place, &asked, tx->now);
        if (fit > best) {
            best = fit;
            next = &people->items[i];
        }
    }
    return next ? hand_on(tx, due, &place, people, next, err) : nobody(tx, due, &place, err);
}

bool ping_pass(struct tx *tx, i64 *ret_n, struct err *err)
{
    struct due_list list = {};
    struct ping_people people = {};
    *ret_n = 0;
    if (!load_due(tx, &list, err)) {
        return false;
    }
    for (size_t i = 0; i < list.len; i++) {
        const struct due *due = &list.items[i];
        if (people.workspace_id != due->workspace_id &&
            !ping_people_load(tx->conn, due->workspace_id, tx->now, tx->arena, &people, err)) {
            return false;
        }
        if (!pass_one(tx, due, &people, err)) {
            return false;
        }
    }
    *ret_n = (i64)list.len;
    return true;
}
