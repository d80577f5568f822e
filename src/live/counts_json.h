// SPDX-License-Identifier: AGPL-3.0-or-later
// The folders' counts as JSON, for GET /counts and for the feed:
// {"unanswered":3,…,"channels":{"7":2}}.
#pragma once
#include "desk/conversation.h"

struct counts_doc { // for the API document only
    i64 unanswered, mine, mentions, unassigned, open, snoozed, closed, spam;
    struct str channels;
};
extern const struct type counts_doc_type;
// without_own: for frames shared by several people. mentions: how many name the reader, -1: told apart from
// these (folders.c).
void counts_encode(struct json_writer *w, const struct folder_counts *counts, bool without_own, i64 mentions);
