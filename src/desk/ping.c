// SPDX-License-Identifier: AGPL-3.0-or-later
// The reader: from a batch of events to pings. Nobody is pinged for what they did themselves, nor for what
// they may not see, nor for what is old (an import, a reader that was down for hours).
#include "desk/ping.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "json/json.h"

enum { STALE_MS = 6 * 3600 * 1000, MENTIONS_MAX = 100 };

struct subject {
    i64 id, workspace_id, channel_id, team_id, assignee_id, last_in_at, waiting_since, urgent_at;
    i64 then_id; // the assignee at the event looked at: the row is as of now
    struct str status;
    bool spam;
};
struct subject_list {
    struct subject *items;
    size_t len, cap;
};
struct reading {
    struct tx *tx;
    struct subject_list subjects;
    struct ping_people people; // of one workspace at a time; events of one come together
    struct id_list touched;    // whose pings changed there
};

// ---- Writing one ----------------------------------------------------------------------------------------

static i64 pass_time(const struct ping_person *person, enum ping_kind kind, i64 now)
{
    bool asks = kind == PING_MINE || kind == PING_ASSIGNED || kind == PING_HANDED_OVER ||
                kind == PING_MENTION || kind == PING_TARGET || kind == PING_PASSED_ON ||
                kind == PING_CALLBACK;
    if (!asks) {
        return 0;
    }
    if (person->disabled || (person->last_seen_at == 0 && person->devices == 0)) {
        return now;
    }
    bool quiet = ping_choice_quiet(&person->choice, now) && !ping_person_online(person, now);
    return now + (quiet ? PING_QUIET_MS : PING_PASS_MS);
}

bool ping_put(struct tx *tx, i64 workspace_id, const struct ping_person *person,
              const struct ping_draft *draft, bool *ret_done, struct err *err)
{
    unsigned ways = ping_choice_ways(&person->choice, draft->kind);
    i64 now = tx->now;
    *ret_done = ways != 0;
    if (ways == 0) {
        return true;
    }
    bool quiet = ping_choice_quiet(&person->choice, now);
    if (quiet) {
        ways &= ~(unsigned)(PING_SOUND | PING_PUSH);
    }
    return db_exec(tx->conn, &SQL_ping_put,
                   DB_ARGS(db_i64(workspace_id), db_i64(person->id), db_i64(draft->conversation_id),
                           db_str(str_from(ping_kind_names[draft->kind])), db_i64(draft->kind), db_i64(ways),
                           db_i64(draft->message_id), db_i64(draft->by_id), db_i64(draft->from_id),
                           db_i64(draft->passes), db_i64(now),
                           db_opt(ways & PING_PUSH ? now + PING_DEBOUNCE_MS : 0),
                           db_opt(ways & PING_MAIL ? now + person->choice.mail_minutes * 60000 : 0),
                           db_opt(pass_time(person, draft->kind, now))),
                   NULL, err);
}

bool ping_tell(struct tx *tx, i64 workspace_id, const struct id_list *agents, struct err *err)
{
    struct buf data;
    if (agents->len == 0) {
        return true;
    }
    buf_init(&data, tx->arena, 256 * 1024);
    struct json_writer w = json_writer(&data);
    json_open(&w, '{');
    json_key(&w, "agent_ids");
    json_open(&w, '[');
    for (size_t i = 0; i < agents->len; i++) {
        json_put_i64(&w, agents->items[i]);
    }
    json_close(&w, ']');
    json_close(&w, '}');
    return log_append(
        tx,
        &(struct event){.workspace_id = workspace_id, .kind = S(EVENT_PINGS_CHANGED), .data = buf_str(&data)},
        err);
}

static void touch(struct reading *reading, i64 agent_id)
{
    for (size_t i = 0; i < reading->touched.len; i++) {
        if (reading->touched.items[i] == agent_id) {
            return;
        }
    }
    *list_push(&reading->touched, reading->tx->arena) = agent_id;
}

// To one person, if it concerns them at all.
static bool give(struct reading *reading, const struct event *event, const struct subject *subject,
                 enum ping_kind kind, const struct ping_person *person, struct err *err)
{
    bool done;
    if (!person || person->id == event->agent_id ||
        !actor_sees(&person->sees, subject->channel_id, subject->team_id)) {
        return true;
    }
    // Somebody who is gone is pinged only where it is theirs alone, so that it is passed on.
    if (person->disabled && (kind == PING_ALL || kind == PING_TEAM)) {
        return true;
    }
    struct ping_draft draft = {kind, subject->id, event->message_id, event->agent_id, 0, 0};
    if (!ping_put(reading->tx, subject->workspace_id, person, &draft, &done, err)) {
        return false;
    }
    if (done) {
        touch(reading, person->id);
    }
    return true;
}

// ---- Kinds of events ------------------------------------------------------------------------------------

static bool customer_wrote(struct reading *reading, const struct event *event, const struct subject *subject,
                           i64 assignee_id, struct err *err)
{
    if (subject->spam || subject->last_in_at < reading->tx->now - STALE_MS) {
        return true;
    }
    for (size_t i = 0; i < reading->people.len; i++) {
        const struct ping_person *person = &reading->people.items[i];
        bool mine = assignee_id == person->id;
        bool team =
            assignee_id == 0 && subject->team_id != 0 && ping_person_in_team(person, subject->team_id);
        enum ping_kind kind = mine ? PING_MINE : team ? PING_TEAM : PING_ALL;
        // Who chose everything hears of it by that choice when the narrower one says nothing.
        if (ping_choice_ways(&person->choice, kind) == 0) {
            kind = PING_ALL;
        }
        if (!give(reading, event, subject, kind, person, err)) {
            return false;
        }
    }
    return true;
}

static bool assigned(struct reading *reading, const struct event *event, const struct subject *subject,
                     const struct json *change, struct err *err)
{
    i64 before = json_i64(json_at(change, "before")), after = json_i64(json_at(change, "after"));
    // Given on in the meantime: the later event tells.
    if (after == 0 || after != subject->assignee_id || str_eq(subject->status, S("closed"))) {
        return true;
    }
    enum ping_kind kind = before != 0 && before == event->agent_id ? PING_HANDED_OVER : PING_ASSIGNED;
    return give(reading, event, subject, kind, ping_person_find(&reading->people, after), err);
}

static bool mentioned(struct reading *reading, const struct event *event, const struct subject *subject,
                      struct err *err)
{
    struct err ignored = {};
    const struct json *data = json_parse(event->data, reading->tx->arena, &ignored);
    const struct json *ids = json_at(data, "agent_ids");
    i64 one = json_i64(json_at(data, "agent_id"));
    if (one && !give(reading, event, subject, PING_MENTION, ping_person_find(&reading->people, one), err)) {
        return false;
    }
    for (size_t i = 0; i < json_len(ids) && i < MENTIONS_MAX; i++) {
        const struct ping_person *person = ping_person_find(&reading->people, json_i64(json_item(ids, i)));
        if (!give(reading, event, subject, PING_MENTION, person, err)) {
            return false;
        }
    }
    return true;
}

// Whose it is; else the team's; else those who lead.
static bool target_near(struct reading *reading, const struct event *event, const struct subject *subject,
                        struct err *err)
{
    if (subject->waiting_since == 0 || !str_eq(subject->status, S("open"))) {
        return true; // answered meanwhile
    }
    for (size_t i = 0; i < reading->people.len; i++) {
        const struct ping_person *person = &reading->people.items[i];
        bool concerned = subject->assignee_id ? subject->assignee_id == person->id
                         : subject->team_id   ? ping_person_in_team(person, subject->team_id)
                                              : person->role >= ROLE_LEAD && !person->disabled;
        if (concerned && !give(reading, event, subject, PING_TARGET, person, err)) {
            return false;
        }
    }
    return true;
}

// Whose call it is; else the team's; else those who lead. A missed one is told to those who lead, too.
static bool call_back(struct reading *reading, const struct event *event, const struct subject *subject,
                      struct err *err)
{
    struct err ignored = {};
    const struct json *data = json_parse(event->data, reading->tx->arena, &ignored);
    struct str what = json_str(json_at(data, "what"));
    i64 agent = json_i64(json_at(data, "agent_id")), team = json_i64(json_at(data, "team_id"));
    bool missed = str_eq(what, S("missed"));
    if (!str_given(what) || str_eq(what, S("done"))) {
        return true;
    }
    for (size_t i = 0; i < reading->people.len; i++) {
        const struct ping_person *person = &reading->people.items[i];
        bool leads = person->role >= ROLE_LEAD && !person->disabled;
        bool theirs = agent ? agent == person->id : team ? ping_person_in_team(person, team) : leads;
        if ((theirs || (missed && leads)) && !give(reading, event, subject, PING_CALLBACK, person, err)) {
            return false;
        }
    }
    return true;
}

// ---- What makes pings old news --------------------------------------------------------------------------

static bool settle(struct reading *reading, const struct sql *sql, const struct event *event, bool of_person,
                   struct err *err)
{
    i64 changed = 0, now = reading->tx->now;
    bool ok = of_person
                  ? db_exec(reading->tx->conn, sql,
                            DB_ARGS(db_i64(now), db_i64(event->workspace_id), db_i64(event->agent_id),
                                    db_i64(event->conversation_id)),
                            &changed, err)
                  : db_exec(reading->tx->conn, sql,
                            DB_ARGS(db_i64(now), db_i64(event->workspace_id), db_i64(event->conversation_id)),
                            &changed, err);
    if (ok && changed > 0 && of_person) {
        touch(reading, event->agent_id);
    }
    // Of many at once: everybody's bell is looked at.
    for (size_t i = 0; ok && changed > 0 && !of_person && i < reading->people.len; i++) {
        touch(reading, reading->people.items[i].id);
    }
    return ok;
}

// ---- The batch ------------------------------------------------------------------------------------------

static bool has(struct str data, struct str part)
{
    return str_find(data, part) >= 0;
}

static bool from_customer(const struct event *event)
{
    return str_eq(event->kind, S(EVENT_MESSAGE_CREATED)) && has(event->data, S("\"direction\":\"in\"")) &&
           has(event->data, S("\"kind\":\"message\""));
}

static bool concerns(const struct event *event)
{
    return event->conversation_id &&
           (event->agent_id || from_customer(event) || str_eq(event->kind, S(EVENT_CONVERSATION_UPDATED)) ||
            str_eq(event->kind, S(EVENT_MENTION)) || str_eq(event->kind, S(EVENT_TARGET_NEAR)) ||
            str_eq(event->kind, S(EVENT_CONVERSATION_CALLBACK)));
}

static bool load_subjects(struct reading *reading, const struct event_list *events, struct err *err)
{
    struct arena *arena = reading->tx->arena;
    struct buf ids;
    struct rows *rows;
    buf_init(&ids, arena, 1024 * 1024);
    for (size_t i = 0; i < events->len; i++) {
        if (concerns(&events->items[i]) && events->items[i].at > reading->tx->now - STALE_MS) {
            buf_add_char(&ids, ids.len ? ',' : '[');
            buf_add_i64(&ids, events->items[i].conversation_id);
        }
    }
    if (ids.len == 0) {
        return true;
    }
    buf_add_char(&ids, ']');
    if (!db_query(reading->tx->conn, &SQL_ping_subjects, DB_ARGS(db_str(buf_str(&ids))), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&reading->subjects, arena) = (struct subject){.id = row_i64(rows, 0),
                                                                 .workspace_id = row_i64(rows, 1),
                                                                 .channel_id = row_i64(rows, 2),
                                                                 .team_id = row_i64(rows, 3),
                                                                 .assignee_id = row_i64(rows, 4),
                                                                 .status = row_str(rows, 5, arena),
                                                                 .spam = row_i64(rows, 6) != 0,
                                                                 .last_in_at = row_i64(rows, 7),
                                                                 .waiting_since = row_i64(rows, 8),
                                                                 .urgent_at = row_i64(rows, 9)};
    }
    return rows_end(rows, err);
}

static struct subject *find_subject(const struct reading *reading, const struct event *event)
{
    for (size_t i = 0; i < reading->subjects.len; i++) {
        struct subject *subject = &reading->subjects.items[i];
        if (subject->id == event->conversation_id && subject->workspace_id == event->workspace_id) {
            return subject;
        }
    }
    return NULL;
}

static bool conversation_changed(struct reading *reading, const struct event *event,
                                 const struct subject *subject, struct err *err)
{
    struct err ignored = {};
    if (!has(event->data, S("\"assignee_id\"")) && !has(event->data, S("\"after\":\"closed\""))) {
        return true;
    }
    const struct json *data = json_parse(event->data, reading->tx->arena, &ignored);
    const struct json *change = json_at(data, "changes.assignee_id");
    bool closed = str_eq(json_str(json_at(data, "changes.status.after")), S("closed"));
    if ((closed || json_i64(json_at(change, "after"))) &&
        !settle(reading, &SQL_ping_lapse, event, false, err)) {
        return false;
    }
    return !change || assigned(reading, event, subject, change, err);
}

// Who had the conversation when each event was written: told backwards, by what later events changed.
static i64 *assignees_then(struct reading *reading, const struct event_list *events)
{
    struct arena *arena = reading->tx->arena;
    struct err ignored = {};
    i64 *then = arena_array(arena, i64, events->len);
    for (size_t i = 0; i < reading->subjects.len; i++) {
        reading->subjects.items[i].then_id = reading->subjects.items[i].assignee_id;
    }
    for (size_t i = events->len; i-- > 0;) {
        const struct event *event = &events->items[i];
        struct subject *subject = event->conversation_id ? find_subject(reading, event) : NULL;
        if (!subject) {
            continue;
        }
        then[i] = subject->then_id;
        if (has(event->data, S("\"assignee_id\":{"))) {
            const struct json *data = json_parse(event->data, arena, &ignored);
            subject->then_id = json_i64(json_at(data, "changes.assignee_id.before"));
        }
    }
    return then;
}

static bool read_one(struct reading *reading, const struct event *event, i64 assignee_id, struct err *err)
{
    const struct subject *subject = find_subject(reading, event);
    if (!subject) {
        return true;
    }
    // Whoever did something there, or looked, needs not be told of what was before.
    if (event->agent_id && !settle(reading, &SQL_ping_see, event, true, err)) {
        return false;
    }
    if (from_customer(event)) {
        return customer_wrote(reading, event, subject, assignee_id, err);
    }
    if (str_eq(event->kind, S(EVENT_MESSAGE_CREATED)) &&
        (has(event->data, S("\"kind\":\"message\"")) || has(event->data, S("\"result\":\"reached\"")))) {
        return settle(reading, &SQL_ping_lapse, event, false, err);
    }
    if (str_eq(event->kind, S(EVENT_CONVERSATION_UPDATED))) {
        return conversation_changed(reading, event, subject, err);
    }
    if (str_eq(event->kind, S(EVENT_MENTION))) {
        return mentioned(reading, event, subject, err);
    }
    if (str_eq(event->kind, S(EVENT_CONVERSATION_CALLBACK))) {
        return call_back(reading, event, subject, err);
    }
    return !str_eq(event->kind, S(EVENT_TARGET_NEAR)) || target_near(reading, event, subject, err);
}

static bool enter_workspace(struct reading *reading, i64 workspace_id, struct err *err)
{
    if (reading->people.workspace_id == workspace_id) {
        return true;
    }
    if (reading->people.workspace_id &&
        !ping_tell(reading->tx, reading->people.workspace_id, &reading->touched, err)) {
        return false;
    }
    reading->touched.len = 0;
    return ping_people_load(reading->tx->conn, workspace_id, reading->tx->now, reading->tx->arena,
                            &reading->people, err);
}

bool ping_read(struct tx *tx, const struct event_list *events, void *arg, struct err *err)
{
    (void)arg;
    struct reading reading = {.tx = tx};
    if (!load_subjects(&reading, events, err)) {
        return false;
    }
    const i64 *then = assignees_then(&reading, events);
    for (size_t i = 0; i < events->len && reading.subjects.len > 0; i++) {
        const struct event *event = &events->items[i];
        if (concerns(event) && (!enter_workspace(&reading, event->workspace_id, err) ||
                                !read_one(&reading, event, then[i], err))) {
            return false;
        }
    }
    return !reading.people.workspace_id || ping_tell(tx, reading.people.workspace_id, &reading.touched, err);
}
