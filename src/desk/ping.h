// SPDX-License-Identifier: AGPL-3.0-or-later
// Pings: a reader of the log decides who is to be told of what, each person chose how, and what reaches
// nobody is passed on. One unseen row per person and conversation; what comes on top counts up.
#pragma once
#include "desk/actor.h"
#include "store/log.h"

enum ping_kind {      // by weight: the weightiest one stays when several meet in one row
    PING_ALL,         // a customer wrote, somewhere
    PING_TEAM,        // … in what nobody of my teams has taken
    PING_MINE,        // … in what I am assigned to
    PING_ASSIGNED,    // given to me
    PING_HANDED_OVER, // given to me by whoever had it
    PING_MENTION,     // named in a note
    PING_TARGET,      // soon it is late
    PING_PASSED_ON,   // it did not reach somebody else
    PING_CALLBACK,    // a call-back is due, was missed, or is mine at another time
    PING_KINDS
};
extern const char *const ping_kind_names[]; // NULL-terminated
enum ping_way { PING_PAGE = 1, PING_PUSH = 2, PING_MAIL = 4, PING_SOUND = 8 };

enum {
    PING_DEBOUNCE_MS = 5000,         // whoever looks at the page in this time is not pushed as well
    PING_PASS_MS = 15 * 60 * 1000,   // unreached for so long: passed on
    PING_QUIET_MS = 2 * 60 * 1000,   // … in somebody's quiet hours
    PING_NEAR_MS = 5 * 60 * 1000,    // before the moment it becomes late
    PING_ONLINE_MS = 10 * 60 * 1000, // seen here so lately counts as being here
};

// ---- Choices (ping_choice.c) ----
struct ping_ways {
    bool page, push, mail, sound;
};
struct ping_choice {
    struct ping_ways kind[PING_KINDS];
    bool push_text; // the push holds the customer's name and words
    bool quiet;     // no push and no sound from quiet_from to quiet_to
    bool quiet_weekend;
    i64 quiet_from, quiet_to; // minutes since midnight in time_zone
    struct str time_zone;     // "": the workspace's
    i64 mail_minutes;         // unseen for so long: into the digest
};
extern const struct type ping_choice_type;
void ping_choice_read(struct str stored, struct str workspace_zone, struct arena *arena,
                      struct ping_choice *out);
bool ping_choice_get(struct conn *conn, i64 workspace_id, i64 agent_id, struct arena *arena,
                     struct ping_choice *out, struct err *err) MUST_CHECK;
// What a body gives onto what holds; errors name the field.
bool ping_choice_patch(struct str body, struct arena *arena, struct ping_choice *choice,
                       struct err *err) MUST_CHECK;
bool ping_choice_set(struct tx *tx, const struct actor *actor, const struct ping_choice *choice,
                     struct err *err) MUST_CHECK;
bool ping_choice_quiet(const struct ping_choice *choice, i64 now);
unsigned ping_choice_ways(const struct ping_choice *choice, enum ping_kind kind);

// ---- Who is there (ping_people.c) ----
struct ping_person {
    i64 id;
    enum role role;
    bool disabled;
    i64 last_seen_at, devices;
    struct actor sees; // only for actor_sees
    struct ping_choice choice;
};
struct ping_people {
    i64 workspace_id;
    struct ping_person *items;
    size_t len, cap;
};
bool ping_people_load(struct conn *conn, i64 workspace_id, i64 now, struct arena *arena,
                      struct ping_people *out, struct err *err) MUST_CHECK;
const struct ping_person *ping_person_find(const struct ping_people *people, i64 id);
bool ping_person_in_team(const struct ping_person *person, i64 team_id);
bool ping_person_online(const struct ping_person *person, i64 now);
// A push or an open page would reach them now.
bool ping_person_reachable(const struct ping_person *person, i64 now);

// ---- The reader (ping.c) ----
bool ping_read(struct tx *tx, const struct event_list *events, void *arg, struct err *err) MUST_CHECK;
struct ping_draft {
    enum ping_kind kind;
    i64 conversation_id, message_id, by_id, from_id, passes;
};
// Writes one ping for the person, unless they chose to hear nothing of its kind. *ret_done: written.
bool ping_put(struct tx *tx, i64 workspace_id, const struct ping_person *person,
              const struct ping_draft *draft, bool *ret_done, struct err *err) MUST_CHECK;
// Tells open pages of these people to look.
bool ping_tell(struct tx *tx, i64 workspace_id, const struct id_list *agents, struct err *err) MUST_CHECK;

// ---- The clock (ping_pass.c) ----
// Conversations that are soon late are told once. *ret_n: how many.
bool ping_targets(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
// Passes on what reached nobody.
bool ping_pass(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;

// ---- One's own (ping_list.c) ----
struct ping {
    i64 id, conversation_id, n, created_at, updated_at, seen_at, channel_id, team_id, ways;
    struct str kind, contact_name, preview, channel_kind, visibility;
    i64 by_id, from_id;
    struct str by_name, from_name;
    struct ping_ref {
        i64 id;
        struct str name;
    } by, from;
    bool page, sound;
};
struct ping_list {
    struct ping *items;
    size_t len, cap;
};
extern const struct type ping_type;
bool ping_list(struct conn *conn, const struct actor *actor, i64 limit, struct str cursor,
               struct arena *arena, struct ping_list *out, struct str *ret_next, struct err *err) MUST_CHECK;
bool ping_unseen(struct conn *conn, i64 workspace_id, i64 agent_id, i64 *ret_n, i64 *ret_newest,
                 struct err *err) MUST_CHECK;
struct ping_marks { // what was seen: these, all of a conversation, or everything
    struct id_list ids;
    i64 conversation_id;
    bool all;
};
extern const struct type ping_marks_type;
bool ping_see(struct tx *tx, const struct actor *actor, const struct ping_marks *marks,
              struct err *err) MUST_CHECK;
struct ping_shown {
    struct id_list ids;
};
extern const struct type ping_shown_type;
bool ping_show(struct tx *tx, const struct actor *actor, const struct ping_shown *shown,
               struct err *err) MUST_CHECK;
