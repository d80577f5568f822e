// SPDX-License-Identifier: AGPL-3.0-or-later
// Talks over lines (IMAP, SMTP) for drivers that stay pure: one turn writes bytes and reads until the driver
// says that the answer is whole. TCP and OpenSSL in the calling thread; every wait has an end, and each
// address is judged by the guard when it is dialled.
#pragma once
#include "net/client.h"
#include "net/guard.h"

struct dialogs; // what all talks share: the guard, TLS settings, the way to interrupt
struct dialogs *dialogs_create(const struct guard *guard);
void dialogs_destroy(struct dialogs *dialogs);
// Patient turns end now; with all, every turn does.
void dialogs_interrupt(struct dialogs *dialogs, bool all);

struct dialog;
void dialog_turn(struct dialogs *dialogs, struct dialog **dialog, const struct net_request *request,
                 struct arena *arena, struct net_answer *ret_answer);
void dialog_close(struct dialog *dialog);

struct server_url { // imap://HOST:PORT and its like
    struct url url; // host, port, literal address
    bool imap;      // else smtp
    bool tls;       // from the first byte (imaps, smtps)
};
// ERR_INVALID with a sentence.
bool server_url_parse(struct arena *arena, struct str text, struct server_url *ret,
                      struct err *err) MUST_CHECK;
