// SPDX-License-Identifier: AGPL-3.0-or-later
// Messages of a conversation: theirs, ours, notes. Answers go into the outbox in the same write.
#pragma once
#include "desk/conversation.h"

struct attachment {
    i64 id;
    struct str mime, name, alt, state, reason, url;
    i64 size, width, height;
};
struct attachment_list {
    struct attachment *items;
    size_t len, cap;
};
struct message_author {
    i64 id;
    struct str name, handle, kind;
}; // kind: customer (id: contact), agent, elsewhere, automation
struct message {
    i64 id, conversation_id, channel_id;
    struct str external_id, direction, kind, visibility, origin, text, language, reply_to;
    struct message_author author;
    struct attachment_list attachments; // url: /api/v1/attachments/ID once ready
    i64 created_at, received_at, edited_at, deleted_at, liked_at, route_id, undo_until, forward_of;
    struct id_list mentions; // colleagues named in a note
    bool late;               // arrived after something newer was already here
    struct str send_state, error;
    struct str mail; // JSON: what it is as a mail; STR_NONE: it is none
    struct message_call {
        struct str result, number;
        i64 seconds;
    } call; // result STR_NONE: it is none
};
extern const char *const call_result_names[];
struct message_list {
    struct message *items;
    size_t len, cap;
};
extern const struct type message_type;
void message_encode(struct json_writer *w, const struct message *message);

struct draft_attachment {
    struct str sha256, name, alt;
};
struct draft_mail { // only on channels of mail
    struct str_list to, cc;
    struct str subject;
    i64 forward; // the message that is passed on; 0: none
};
struct draft_attachments {
    struct draft_attachment *items;
    size_t len, cap;
};
struct message_draft {
    struct str kind; // reply, note
    struct str text;
    i64 reply_to; // message id; 0: the newest customer message
    i64 route_id; // 0: the conversation's own thread; -1: by which the customer wrote last
    struct draft_mail mail;
    struct draft_attachments attachments; // files put before
    struct id_list mentions;              // colleagues named in a note
    i64 undo_s;                           // for so long the answer can be taken back, and waits
    i64 seen_message_id;                  // newest message the writer knew; -1: not told
    bool without_signature;
    bool keep_draft; // what the author is writing now is something else
    bool steer;      // the answer asks the customer over to the support account
};
extern const struct type message_draft_type, draft_attachment_type, draft_mail_type;
// The files of a draft as JSON text, to be kept, and back.
struct str draft_attachments_pack(struct arena *arena, const struct draft_attachments *list);
void draft_attachments_unpack(struct str text, struct arena *arena, struct draft_attachments *out);
// True when nobody said anything: it goes as it does by itself.
bool draft_mail_is_usual(const struct draft_mail *mail);
// Likewise; as it goes by itself is "".
struct str draft_mail_pack(struct arena *arena, const struct draft_mail *mail);
void draft_mail_unpack(struct str text, struct arena *arena, struct draft_mail *out);

bool message_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct message *out, struct err *err) MUST_CHECK;
// Where a page begins: at the end, unless one of these is given.
struct message_start {
    struct str cursor; // `next` of the page before, in its direction
    i64 before, from; // numbers of messages: what is before one, or one and what follows; -1: not asked, from
                      // 0: the first
};
// A page of messages, in time order: back from the end, or on from a message.
bool message_page(struct conn *conn, const struct actor *actor, i64 conversation_id,
                  const struct message_start *start, i64 limit, struct arena *arena, struct message_list *out,
                  struct str *ret_next, struct err *err) MUST_CHECK;
bool message_reply(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct message_draft *draft, struct message *out, struct err *err) MUST_CHECK;
// Everything message_reply would refuse, without writing.
bool message_check(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct message_draft *draft, struct err *err) MUST_CHECK;
// Takes an answer back that has not begun to leave; *out is what was written. ERR_CONFLICT when it has.
bool message_undo(struct tx *tx, const struct actor *actor, i64 id, struct message_draft *out,
                  struct err *err) MUST_CHECK;
// Another text for an own note or, where the network allows, an own answer.
bool message_edit(struct tx *tx, const struct actor *actor, i64 id, struct str text, struct message *out,
                  struct err *err) MUST_CHECK;
struct message_version {
    i64 version, replaced_at;
    struct str text;
};
struct message_versions {
    struct message_version *items;
    size_t len, cap;
};
extern const struct type message_version_type;
// The texts it had before, oldest first; none of a message that was deleted.
bool message_versions(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                      struct message_versions *out, struct err *err) MUST_CHECK;
bool message_like(struct tx *tx, const struct actor *actor, i64 id, bool like, struct message *out,
                  struct err *err) MUST_CHECK;
bool message_delete(struct tx *tx, const struct actor *actor, i64 id, struct message *out,
                    struct err *err) MUST_CHECK;
// A person says what became of an answer in doubt, or tries a failed one again: "sent" | "send_again" |
// "cancel".
bool message_resolve(struct tx *tx, const struct actor *actor, i64 id, struct str decision,
                     struct message *out, struct err *err) MUST_CHECK;

// --- For those who carry answers to the network (delivery.c) ---------------------------------------
// How far an answer has come. Never down from sent, delivered, read; does nothing then. Failed and
// cancelled answers do not answer: the customer waits again. Writes message.state.
bool message_set_state(struct tx *tx, i64 workspace_id, i64 id, struct str state, struct str error,
                       struct err *err) MUST_CHECK;
// The network's id (and the driver's extra, STR_NONE: as it was) of an answer of ours. An echo that came
// before our send returned is folded into ours; marks that came under this id are applied.
bool message_merge_echo(struct tx *tx, i64 workspace_id, i64 channel_id, i64 id, struct str external_id,
                        struct str extra, struct err *err) MUST_CHECK;
// The network refused an edit: the text before it stands again.
bool message_unedit(struct tx *tx, i64 workspace_id, i64 id, struct err *err) MUST_CHECK;
// It is gone from the network: text emptied, message.deleted.
bool message_set_deleted(struct tx *tx, i64 workspace_id, i64 id, i64 at, struct err *err) MUST_CHECK;
// Our like stands (liked_at > 0, with its own id there) or not (0).
bool message_set_like(struct tx *tx, i64 workspace_id, i64 id, i64 liked_at, struct str like_external_id,
                      struct err *err) MUST_CHECK;
