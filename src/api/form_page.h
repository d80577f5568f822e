// SPDX-License-Identifier: AGPL-3.0-or-later
// The public form as a page that needs no script, in five languages.
#pragma once
#include "api/route.h"
#include "channels/visitor.h"
#include "desk/visitor.h"

enum form_ask { FORM_OFF, FORM_OPTIONAL, FORM_REQUIRED };
struct form_entry { // what was written, and what is wrong with it
    struct str name, email, subject, message, consent;
    struct str answers[VISITOR_MAX_QUESTIONS];
    const char *wrong_name, *wrong_email, *wrong_subject, *wrong_message,
        *wrong_consent; // words' names; NULL: fine
    const char *wrong_answers[VISITOR_MAX_QUESTIONS];
    bool again; // "please send it once more"
};
struct str form_language(const struct visitor_channel *channel, const struct request *req);
enum form_ask form_asks(const struct visitor_channel *channel, const char *setting);
// token: signed now. entry NULL: empty.
void form_page(struct reply *reply, const struct request *req, const struct visitor_channel *channel,
               struct str language, const struct form_entry *entry, struct str token);
void form_thanks(struct reply *reply, const struct request *req, const struct visitor_channel *channel,
                 struct str language);
