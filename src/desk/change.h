// SPDX-License-Identifier: AGPL-3.0-or-later
// How conversations change. A write opens a `change`, opens the conversations it touches (locked where
// the database knows locks), edits their rows in memory, and finishes: whatever follows from the edits
// (waiting, urgency, preview, tags' copy of the sort key, events, counts) is worked out once, there.
#pragma once
#include "desk/counts.h"
#include "desk/urgency.h"

struct record { // the whole row of a conversation
    i64 id, workspace_id, channel_id;
    struct str channel_kind, kind, thread_key, visibility, status;
    bool spam;
    i64 contact_id;
    struct str contact_name, contact_handle;
    i64 assignee_id, team_id;
    struct str priority, language;
    i64 waiting_since, due_at, urgent_at, snoozed_until, last_message_at, last_in_at, last_out_at,
        answered_at, answered_id;
    struct str preview;
    i64 message_count, unread, version, created_at, updated_at, closed_at;
    i64 merged_into; // 0: it is itself
    i64 callback_at; // 0: no call-back is booked
};
struct name_refs {
    struct name_ref *items;
    size_t len, cap;
};
struct edit {
    struct record before, after;
    bool fresh;   // made in this write
    bool touched; // a new version even when no column of the row changed (its messages did)
    // What has to be asked of the messages' rows again at the end.
    bool renew_answered, renew_waiting, renew_preview, renew_language, renew_contact, renew_times;
    bool tags_given; // tags_after is what it shall have
    struct name_refs tags_before, tags_after;
};
struct edit_list {
    struct edit **items;
    size_t len, cap;
};
struct opened_route {
    i64 id, channel_id;
    struct str thread_key;
    struct edit *edit;
};
struct opened_routes {
    struct opened_route *items;
    size_t len, cap;
};
struct change {
    struct tx *tx;
    i64 workspace_id, agent_id; // agent_id: who does it, 0 the system
    struct str reason;          // put into conversation.updated, STR_NONE: none
    bool knows_allowances;
    struct allowance_table allowances;
    struct edit_list edits;
    struct count_deltas deltas;
    struct opened_routes routes; // threads that led into another conversation, as far as this write met them
    i64 looked_channel; // change_look_ahead was here: a thread of it that is not open is not there (yet)
};

void change_init(struct change *change, struct tx *tx, i64 workspace_id, i64 agent_id);
// The conversation's edit, loaded once per change. ERR_NOT_FOUND.
bool change_open(struct change *change, i64 id, struct edit **ret_edit, struct err *err) MUST_CHECK;
// By its thread, or by the route that leads from it into another conversation; made when it is not there
// yet. *ret_route: that route's id, 0 for its own thread.
struct thread_place {
    i64 channel_id;
    struct str channel_kind, thread_key, kind, visibility;
};
bool change_open_thread(struct change *change, const struct thread_place *place, struct edit **ret_edit,
                        i64 *ret_route, struct err *err) MUST_CHECK;
// Opens all conversations of these threads (a JSON array of keys) at once, locked in the order of their
// numbers; afterwards a thread of the channel that is not among them is taken for new.
bool change_look_ahead(struct change *change, i64 channel_id, struct str threads_json,
                       struct err *err) MUST_CHECK;
// Works out what follows, writes rows and events in the order of ids, then the counts. Last in a write.
bool change_finish(struct change *change, struct err *err) MUST_CHECK;
// Closes or opens a row in memory: what belongs to the status goes along.
bool change_close(struct change *change, struct edit *edit, struct err *err) MUST_CHECK;
void change_reopen(struct edit *edit);

// The tag of that name, made when there is none; `field` is named by errors.
bool change_tag_named(struct change *change, struct str name, const char *field, struct name_ref *ret_tag,
                      struct err *err) MUST_CHECK;
// Somebody it can be given to, a team that stays until the write ends; 0 is fine. `field` is named by errors.
bool change_check_agent(struct tx *tx, i64 workspace_id, i64 agent_id, const char *field,
                        struct err *err) MUST_CHECK;
bool change_check_team(struct tx *tx, i64 workspace_id, i64 team_id, const char *field,
                       struct err *err) MUST_CHECK;
// An event about a message or conversation, data "{}" when STR_NONE.
bool change_log(struct change *change, const char *kind, const struct record *record, i64 message_id,
                struct str data, struct err *err) MUST_CHECK;
// edit.c: one conversation's part of change_finish.
bool edit_finish(struct change *change, struct edit *edit, struct err *err) MUST_CHECK;
// The preview of a text, or of a message that is only a file of that name.
struct str edit_preview(struct arena *arena, struct str text, struct str file);
