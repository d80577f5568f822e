// SPDX-License-Identifier: AGPL-3.0-or-later
// A message's row in a write, and what networks say about messages (edited, deleted, delivered, read).
// A mark is kept whether or not the message is here yet, and applied when both are: so any order of
// message, edit, deletion and receipts ends in the same state.
#pragma once
#include "desk/change.h"
#include "desk/message.h"

struct message_row {
    i64 id, workspace_id, conversation_id, channel_id;
    struct str external_id, direction, kind, visibility, origin;
    i64 identity_id, agent_id;
    struct str author_name, author_handle, text, language, reply_to, extra;
    i64 created_at, received_at, edited_at, deleted_at, version;
    struct str send_state, error;
    i64 liked_at;
    struct str like_external_id;
    i64 route_id, undo_until;
    struct str call_result; // STR_NONE: no call
};
extern const struct type message_row_type;

struct mark {
    i64 edited_at, deleted_at, receipt; // receipt: 0 none, 1 delivered, 2 read
    struct str edited_text;
};
enum { RECEIPT_DELIVERED = 1, RECEIPT_READ = 2 };
extern const struct type mark_type;

// ERR_NOT_FOUND when absent. The conversation is opened in the change first (the order of locks).
bool message_row_load(struct change *change, i64 id, struct message_row *out, struct edit **ret_edit,
                      struct err *err) MUST_CHECK;
// Brings one row up to what the mark says; conversation and events follow.
bool mark_apply(struct change *change, struct edit *edit, struct message_row *row, const struct mark *mark,
                struct err *err) MUST_CHECK;
// Empties the text; the conversation forgets what it showed of it.
bool message_row_delete(struct change *change, struct edit *edit, struct message_row *row, i64 at,
                        struct err *err) MUST_CHECK;
// The rule of message_set_state on a loaded row.
bool message_row_state(struct change *change, struct edit *edit, struct message_row *row, struct str state,
                       struct str error, struct err *err) MUST_CHECK;
