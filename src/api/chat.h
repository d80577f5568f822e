// SPDX-License-Identifier: AGPL-3.0-or-later
// Shared by chat.c, chat_files.c and form.c.
#pragma once
#include "api/route.h"
#include "channels/visitor.h"

extern const struct type chat_file_type;
bool chat_file_prepare(struct request *req, struct err *err);
bool chat_file_put(struct request *req, struct tx *tx, struct reply *reply, struct err *err);
bool chat_file_get(struct request *req, struct conn *conn, struct reply *reply, struct err *err);
// Stores what a visitor of req->visit's channel said, as raw as a network's.
bool chat_store_raw(struct request *req, struct tx *tx, struct str body, struct err *err) MUST_CHECK;
// Something before and behind one @, a dot behind it, nothing that could end a header's line.
bool chat_email_plausible(struct str email);
