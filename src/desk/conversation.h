// SPDX-License-Identifier: AGPL-3.0-or-later
// A conversation is a to-do: open, snoozed or closed. This file owns its row, its place in the folders'
// counts and its urgency; whoever changes one of these goes through here.
#pragma once
#include "desk/actor.h"
#include "query/query.h"

enum priority { PRIORITY_URGENT, PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITIES };
extern const char *const conversation_status_names[], *const conversation_kind_names[],
                                                          *const priority_names[];
#define NOT_WAITING ((i64)9007199254740991) // urgent_at in the row of a conversation that does not wait

struct person {
    i64 id;
    struct str name, handle;
}; // the contact of a conversation, id 0: none
struct name_ref {
    i64 id;
    struct str name;
}; // an agent or a team, id 0: none
struct conversation {
    i64 id, channel_id;
    struct str channel_kind, kind, visibility, status;
    bool spam;
    struct person contact;
    struct name_ref assignee, team;
    struct str priority;
    struct str_list tags; // names, sorted by fold
    struct str language;
    i64 waiting_since, due_at, urgent_at, // urgent_at 0: not waiting
        snoozed_until, last_message_at, created_at, updated_at, closed_at;
    i64 unread, message_count, version;
    i64 merged_into; // 0: it is itself
    i64 callback_at; // 0: no call-back is booked
    struct str preview, title;
};
struct conversation_list {
    struct conversation *items;
    size_t len, cap;
};
// JSON as in the contract: assignee {id,name}|null, team {id,name}|null, urgent_at null when not waiting.
extern const struct type conversation_type;
void conversation_encode(struct json_writer *w, const struct conversation *conversation);

struct conversation_patch {
    struct str status; // open, snoozed, closed
    i64 assignee_id;   // 0: nobody
    i64 team_id;
    struct str priority;
    i64 snoozed_until;    // required with status snoozed, in the future
    struct str_list tags; // replaces; unknown ones are made
    bool spam;
};
extern const struct type conversation_patch_type;

bool conversation_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                      struct conversation *out, struct err *err) MUST_CHECK;
struct conversation_page {
    struct str q;
    enum query_sort sort;
    i64 limit;
    struct str cursor;
};
// *ret_next: STR_NONE at the end.
bool conversation_find(struct conn *conn, const struct actor *actor, const struct conversation_page *page,
                       struct arena *arena, struct conversation_list *out, struct str *ret_next,
                       struct err *err) MUST_CHECK;
bool conversation_update(struct tx *tx, const struct actor *actor, i64 id,
                         const struct conversation_patch *patch, field_set given, struct conversation *out,
                         struct err *err) MUST_CHECK;
// Somebody opened it: unread falls to 0.
bool conversation_mark_read(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
// Snoozes that ran out; called every second. *ret_n woken.
bool conversation_wake(struct tx *tx, i64 *ret_n, struct err *err) MUST_CHECK;
// Everything the query language asks of one conversation.
bool conversation_query_item(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena,
                             struct query_item *out, struct err *err) MUST_CHECK;
struct folder_count {
    struct str folder;
    i64 n;
};
struct folder_counts {
    struct folder_count *items;
    size_t len, cap;
};
// unanswered, mine, unassigned, open, snoozed, closed, spam and channel:<id>, summed over what the actor
// sees.
bool conversation_counts(struct conn *conn, const struct actor *actor, struct arena *arena,
                         struct folder_counts *out, struct err *err) MUST_CHECK;
// The channel and team of a conversation allow the actor to see it; else ERR_NOT_FOUND.
bool conversation_visible(struct conn *conn, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
// A team goes: its conversations belong to no team, the counts move along. Before the team's row is deleted.
bool conversation_leave_team(struct tx *tx, i64 workspace_id, i64 team_id, struct err *err) MUST_CHECK;
// The workspace's allowances changed: every waiting conversation becomes late at another moment.
bool conversation_renew_urgency(struct tx *tx, i64 workspace_id, struct err *err) MUST_CHECK;
