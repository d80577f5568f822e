// SPDX-License-Identifier: AGPL-3.0-or-later
// Mail at the desk: which conversation an incoming one belongs to, what is kept of it beside its text, to
// whom an answer goes. An address From is a claim: it opens conversations, and joins only those it has a part
// in.
#pragma once
#include "channels/channel.h"
#include "desk/mark.h"

// Where it belongs. By our own proof (reply address, signed Message-ID) whoever wrote, *ret_stranger when the
// address had no part there until now; else by the Message-IDs it names, when the address has a part there;
// never by subject. STR_NONE: nowhere yet, it begins a conversation.
struct mail_place {
    struct str thread_key;
    bool stranger;
    bool part; // it joins a conversation in which the address has a part
};
bool mail_find_place(struct tx *tx, i64 workspace_id, i64 channel_id, const struct inbound *event,
                     struct mail_place *ret_place, struct err *err) MUST_CHECK;
// Subject, details, HTML and who has a part now: nobody by a stranger's mail; by one whose sender is only
// claimed and had none before the sender alone; else everybody it names.
bool mail_store(struct change *change, const struct record *conversation, i64 channel_id, i64 message_id,
                const struct inbound *event, const struct mail_place *place, struct err *err) MUST_CHECK;
// A bounce of an answer of ours: hard ones make it failed, whatever was thought before; others are noted.
bool mail_bounced(struct change *change, i64 channel_id, const struct inbound *event,
                  struct err *err) MUST_CHECK;

// An answer of ours that is a mail.
// Between one's own words and a mail that is passed on.
#define FORWARD_LINE "---------- Forwarded message ----------"
struct mail_out {
    struct str subject, details;
    struct str_list parties;
};
struct mail_draft {
    struct str_list to, cc; // empty to: whom the answered mail came from
    struct str subject;     // STR_NONE: Re: what it is about
    struct str address;     // whom the way reaches, when no mail is answered
    struct str text;        // its first line is the subject of what is about nothing yet
};
bool mail_prepare_out(struct tx *tx, const struct record *conversation, const struct mail_draft *draft,
                      struct str answered, struct mail_out *out, struct err *err) MUST_CHECK;
bool mail_store_out(struct tx *tx, const struct record *conversation, i64 message_id,
                    const struct mail_out *out, struct err *err) MUST_CHECK;
// What the sender is told: subject, recipients, the chain of Message-IDs.
bool mail_load_out(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 message_id,
                   struct arena *arena, struct outbound *out, struct err *err) MUST_CHECK;
// Fills `mail` of a page's messages. ids: their numbers as the database takes a list.
bool mail_load_view(struct conn *conn, i64 workspace_id, struct str ids, struct message_list *messages,
                    struct arena *arena, struct err *err) MUST_CHECK;
// The HTML of a message. ERR_NOT_FOUND: it has none, or is deleted.
bool mail_html_get(struct conn *conn, i64 workspace_id, const struct message *message, struct arena *arena,
                   struct str *ret_html, struct err *err) MUST_CHECK;
// local@domain, ASCII, nothing that could end a header or an envelope.
bool mail_address_valid(struct str address);
