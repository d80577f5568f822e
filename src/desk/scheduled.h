// SPDX-License-Identifier: AGPL-3.0-or-later
// Answers that go out at a moment of their own. Only then do they become messages, so that who waits, the
// order of the thread and the rights are those of that moment.
#pragma once
#include "desk/message.h"

struct scheduled {
    i64 id, conversation_id;
    struct name_ref agent;
    struct str text;
    struct draft_attachments attachments;
    struct draft_mail mail;
    i64 reply_to, route_id, send_at, seen_message_id, version, created_at;
    bool cancel_if_customer_writes;
    struct str state, error; // waiting, stopped (the customer wrote first), failed
};
struct scheduled_list {
    struct scheduled *items;
    size_t len, cap;
};
struct scheduled_body {
    struct str text;
    struct draft_attachments attachments;
    struct draft_mail mail;
    i64 reply_to, route_id, send_at, seen_message_id;
    bool cancel_if_customer_writes;
};
extern const struct type scheduled_type, scheduled_body_type;

bool scheduled_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                    struct scheduled_list *out, struct err *err) MUST_CHECK;
// Checked like an answer that goes out now.
bool scheduled_add(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct scheduled_body *body, struct scheduled *out, struct err *err) MUST_CHECK;
// Another text, moment or condition; what was stopped waits again.
bool scheduled_change(struct tx *tx, const struct actor *actor, i64 id, const struct scheduled_body *body,
                      field_set given, struct scheduled *out, struct err *err) MUST_CHECK;
bool scheduled_cancel(struct tx *tx, const struct actor *actor, i64 id, struct err *err) MUST_CHECK;
// Now instead of later.
bool scheduled_send_now(struct tx *tx, const struct actor *actor, i64 id, struct message *out,
                        struct err *err) MUST_CHECK;

// Its moment has come. All workspaces' are walked in order of their moments, one write each, so that one that
// cannot be written holds up nobody else's.
struct scheduled_due {
    i64 id, workspace_id, agent_id, conversation_id, send_at;
};
// The one after *due, whose id and send_at are 0 at first.
bool scheduled_due_next(struct conn *conn, i64 now, struct scheduled_due *due, bool *ret_found,
                        struct err *err) MUST_CHECK;
// Sends it in the name of who wrote it, or says on it why not; one that was changed meanwhile stays.
bool scheduled_send(struct tx *tx, const struct scheduled_due *due, struct err *err) MUST_CHECK;
