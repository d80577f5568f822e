// SPDX-License-Identifier: AGPL-3.0-or-later
// Working together on one conversation: drafts that can be shared, colleagues named in notes, and those who
// were asked in.
#pragma once
#include "desk/change.h"
#include "desk/message.h"

// ---- Drafts ----
struct draft {
    struct name_ref agent;
    struct str mode; // reply, note
    struct str text;
    struct draft_attachments attachments;
    struct draft_mail mail;
    i64 reply_to, route_id, version, updated_at;
    bool shared;
};
struct draft_list {
    struct draft *items;
    size_t len, cap;
};
extern const struct type draft_type, draft_body_type;
struct draft_body {
    struct str text;
    struct draft_attachments attachments;
    struct draft_mail mail;
    i64 reply_to, route_id;
    bool shared;
};
// One's own, and what colleagues share.
bool draft_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                struct draft_list *out, struct err *err) MUST_CHECK;
// Kept for oneself; without text and files it goes. *out: as it is now.
bool draft_put(struct tx *tx, const struct actor *actor, i64 conversation_id, struct str mode,
               const struct draft_body *body, struct draft *out, struct err *err) MUST_CHECK;
// A colleague's shared draft becomes one's own. ERR_CONFLICT when one has begun oneself and `replace` is
// not said.
bool draft_take(struct tx *tx, const struct actor *actor, i64 conversation_id, struct str mode, i64 agent_id,
                bool replace, struct draft *out, struct err *err) MUST_CHECK;
// It was sent: nothing is left of it on any device.
bool draft_forget(struct tx *tx, const struct actor *actor, i64 conversation_id, struct str mode,
                  struct err *err) MUST_CHECK;

// ---- Mentions and collaborators ----
// Collaborators may write notes only where they were asked in; ERR_DENIED.
bool together_may_note(struct conn *conn, const struct actor *actor, i64 conversation_id,
                       struct err *err) MUST_CHECK;
// Keeps who is named in a note, asks collaborators among them in, and writes the event `mention`.
bool together_mention(struct change *change, const struct actor *actor, struct edit *edit, i64 message_id,
                      const struct id_list *agents, struct err *err) MUST_CHECK;
struct collaborator {
    struct name_ref agent;
    struct str role;
    i64 created_at;
};
struct collaborator_list {
    struct collaborator *items;
    size_t len, cap;
};
extern const struct type collaborator_type;
bool collaborator_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                       struct collaborator_list *out, struct err *err) MUST_CHECK;
bool collaborator_set(struct tx *tx, const struct actor *actor, i64 conversation_id, i64 agent_id,
                      bool invited, struct err *err) MUST_CHECK;

// ---- Handing over ----
// A summary for the next one as a note, and the conversation is theirs: one step.
bool together_hand_over(struct tx *tx, const struct actor *actor, i64 conversation_id, i64 agent_id,
                        i64 team_id, struct str summary, struct message *out, struct err *err) MUST_CHECK;
