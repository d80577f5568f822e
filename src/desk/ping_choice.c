// SPDX-License-Identifier: AGPL-3.0-or-later
// How somebody wants to be pinged: kind by way, quiet hours in their time zone. Stored as JSON in the shape
// of the API, so an older row simply lacks what is newer and gets the default.
#include "base/zone.h"
#include "desk/ping.h"
#include "desk/workspace.h"
#include "sql_gen.h"

const char *const ping_kind_names[] = {"all",     "team",   "mine",      "assigned", "handed_over",
                                       "mention", "target", "passed_on", "callback", NULL};

static const struct ping_choice defaults = {
    .kind = {[PING_TEAM] = {.page = true},
             [PING_MINE] = {.page = true, .push = true, .sound = true},
             [PING_ASSIGNED] = {.page = true, .push = true, .mail = true, .sound = true},
             [PING_HANDED_OVER] = {.page = true, .push = true, .mail = true, .sound = true},
             [PING_MENTION] = {.page = true, .push = true, .mail = true, .sound = true},
             [PING_TARGET] = {.page = true, .push = true, .sound = true},
             [PING_PASSED_ON] = {.page = true, .push = true, .mail = true, .sound = true},
             [PING_CALLBACK] = {.page = true, .push = true, .mail = true, .sound = true}},
    .quiet_from = 22 * 60,
    .quiet_to = 7 * 60,
    .time_zone = {"", 0},
    .mail_minutes = 60,
};

static const struct type ways_type = {
    "PingWays",
    (const struct field[]){
        FIELD(ping_ways, FIELD_BOOL, page, FIELD_REQUIRED,
              .doc = "bell, title and icon badge, a word on the page"),
        FIELD(ping_ways, FIELD_BOOL, push, FIELD_REQUIRED,
              .doc = "by the browser, also when no page is open"),
        FIELD(ping_ways, FIELD_BOOL, mail, FIELD_REQUIRED,
              .doc = "in an e-mail digest, when it stays unseen"),
        FIELD(ping_ways, FIELD_BOOL, sound, FIELD_REQUIRED),
        FIELD_END,
    },
    sizeof(struct ping_ways),
};

#define KIND(kind_, name_, doc_)                                                                             \
    {                                                                                                        \
        .name = (name_), .kind = FIELD_STRUCT, .type = &ways_type, .doc = (doc_),                            \
        .offset = offsetof(struct ping_choice, kind) + sizeof(struct ping_ways) * (size_t)(kind_)            \
    }

const struct type ping_choice_type = {
    "PingChoice",
    (const struct field[]){
        KIND(PING_ALL, "all", "a customer wrote, in anything I may see"),
        KIND(PING_TEAM, "team", "a customer wrote in what nobody of my teams has taken"),
        KIND(PING_MINE, "mine", "a customer wrote in what I am assigned to"),
        KIND(PING_ASSIGNED, "assigned", "a conversation was given to me"),
        KIND(PING_HANDED_OVER, "handed_over", "it was given to me by whoever had it"),
        KIND(PING_MENTION, "mention", "I was named in a note"),
        KIND(PING_TARGET, "target", "soon a customer has waited too long"),
        KIND(PING_PASSED_ON, "passed_on", "a ping did not reach a colleague"),
        KIND(PING_CALLBACK, "callback", "a call-back of mine is due, was missed or moved"),
        FIELD(ping_choice, FIELD_BOOL, push_text, 0,
              .doc = "pushes hold the customer's name and words, also on a locked screen"),
        FIELD(ping_choice, FIELD_BOOL, quiet, 0, .doc = "no push and no sound in the quiet hours"),
        FIELD(ping_choice, FIELD_BOOL, quiet_weekend, 0, .doc = "Saturday and Sunday are quiet all day"),
        FIELD(ping_choice, FIELD_I64, quiet_from, 0, .max = 1439, .doc = "minutes since midnight"),
        FIELD(ping_choice, FIELD_I64, quiet_to, 0, .max = 1439, .doc = "minutes since midnight"),
        FIELD(ping_choice, FIELD_STR, time_zone, 0, .max = 64, .doc = "as in the tz database"),
        FIELD(ping_choice, FIELD_I64, mail_minutes, 0, .max = 1440,
              .doc = "unseen for so long it goes into a digest"),
        FIELD_END,
    },
    sizeof(struct ping_choice),
};

// Takes over the members that were given.
static void merge(struct ping_choice *into, const struct ping_choice *from, field_set given)
{
    for (size_t i = 0; ping_choice_type.fields[i].name; i++) {
        const struct field *field = &ping_choice_type.fields[i];
        size_t size = field->kind == FIELD_STRUCT ? sizeof(struct ping_ways)
                      : field->kind == FIELD_BOOL ? sizeof(bool)
                      : field->kind == FIELD_STR  ? sizeof(struct str)
                                                  : sizeof(i64);
        if (given >> i & 1) {
            memcpy((char *)into + field->offset, (const char *)from + field->offset, size);
        }
    }
}

void ping_choice_read(struct str stored, struct str workspace_zone, struct arena *arena,
                      struct ping_choice *out)
{
    struct ping_choice choice = {};
    struct err ignored = {};
    field_set given = 0;
    *out = defaults;
    out->time_zone = workspace_zone;
    if (stored.len > 0 && json_decode(stored, &ping_choice_type, false, arena, &choice, &given, &ignored)) {
        merge(out, &choice, given);
    }
}

bool ping_choice_get(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena,
                     struct ping_choice *out, struct err *err)
{
    struct workspace workspace;
    struct rows *rows;
    if (!workspace_get(conn, workspace_id, arena, &workspace, err) ||
        !db_query(conn, &SQL_ping_choice_get, DB_ARGS(db_i64(workspace_id), db_i64(agent_id)), &rows, err)) {
        return false;
    }
    struct str stored = rows_next(rows) ? row_str(rows, 0, arena) : S("");
    if (!rows_end(rows, err)) {
        return false;
    }
    ping_choice_read(stored, workspace.settings.time_zone, arena, out);
    return true;
}

bool ping_choice_patch(struct str body, struct arena *arena, struct ping_choice *choice, struct err *err)
{
    struct ping_choice patch = {};
    field_set given;
    if (!json_decode(body, &ping_choice_type, false, arena, &patch, &given, err)) {
        return false;
    }
    if (field_given(&ping_choice_type, given, "time_zone") && !zone_known(patch.time_zone)) {
        return err_field(err, "time_zone", "unknown", "The time zone is a name such as Europe/Tallinn.");
    }
    if (field_given(&ping_choice_type, given, "mail_minutes") && patch.mail_minutes < 5) {
        return err_field(err, "mail_minutes", "too_small", "A digest gathers for at least 5 minutes.");
    }
    merge(choice, &patch, given);
    if (choice->quiet && choice->quiet_from == choice->quiet_to && !choice->quiet_weekend) {
        return err_field(err, "quiet_to", "invalid", "Quiet hours end at another time than they begin.");
    }
    return true;
}

bool ping_choice_set(struct tx *tx, const struct actor *actor, const struct ping_choice *choice,
                     struct err *err)
{
    struct buf text;
    buf_init(&text, tx->arena, 8192);
    struct json_writer w = json_writer(&text);
    json_encode(&w, &ping_choice_type, choice);
    return db_exec(tx->conn, &SQL_ping_choice_set,
                   DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id), db_str(buf_str(&text))),
                   NULL, err) &&
           actor_log(tx, actor, "agent.updated", "id", actor->agent_id, err);
}

bool ping_choice_quiet(const struct ping_choice *choice, i64 now)
{
    int minute, weekday;
    if (!choice->quiet) {
        return false;
    }
    zone_local(choice->time_zone, now, &minute, &weekday);
    if (choice->quiet_weekend && (weekday == 0 || weekday == 6)) {
        return true;
    }
    return choice->quiet_from <= choice->quiet_to ? minute >= choice->quiet_from && minute < choice->quiet_to
                                                  : minute >= choice->quiet_from || minute < choice->quiet_to;
}

unsigned ping_choice_ways(const struct ping_choice *choice, enum ping_kind kind)
{
    const struct ping_ways *ways = &choice->kind[kind];
    return (ways->page ? PING_PAGE : 0u) | (ways->push ? PING_PUSH : 0u) | (ways->mail ? PING_MAIL : 0u) |
           (ways->sound ? PING_SOUND : 0u);
}
