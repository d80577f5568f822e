// SPDX-License-Identifier: AGPL-3.0-or-later
// Pings that stayed unseen, gathered into one mail per person. The mail waits in mail_out and goes out
// through the e-mail channel that the workspace chose; its pings count as reached once that channel's server
// has it.
#pragma once
#include "desk/ping.h"

// Writes the mails that are due. *ret_n: how many people were looked at.
bool digest_gather(struct tx *tx, struct str public_url, i64 *ret_n, struct err *err) MUST_CHECK;

struct mail_letter { // one mail that is to go out now
    i64 id, workspace_id, attempts, created_at;
    i64 channel_id; // by which; 0: none is chosen any more
    struct str address, subject, text;
    bool needless; // all of it was seen meanwhile
};
bool mail_letter_claim(struct tx *tx, struct mail_letter *out, bool *ret_found, struct err *err) MUST_CHECK;
enum mail_outcome { MAIL_TAKEN, MAIL_AGAIN, MAIL_REFUSED, MAIL_NEEDLESS };
struct mail_result {
    const struct mail_letter *letter;
    enum mail_outcome outcome;
    i64 retry_at; // for MAIL_AGAIN; 0: our own backoff
    struct str reason;
};
bool mail_letter_settle(struct tx *tx, const struct mail_result *result, struct err *err) MUST_CHECK;

// ---- Its words (digest_text.c) ----
struct digest_line {
    i64 id, conversation_id, n;
    struct str kind, contact_name, preview, title, by_name;
};
struct digest {
    struct str language, workspace, public_url;
    bool with_text; // the customer's name and words too
    struct digest_line *items;
    size_t len, cap;
};
struct str digest_subject(const struct digest *digest, struct arena *arena);
struct str digest_text(const struct digest *digest, struct arena *arena);
