// SPDX-License-Identifier: AGPL-3.0-or-later
// The words of a query looked up in the messages themselves, conversation by conversation: exact, and for
// one conversation a tenth of what asking the full-text index costs. Private to query/.
#pragma once
#include "query/plan.h"

struct check_message {
    i64 id;
    struct str text;
    struct word_list words;
    bool cut;
};
struct check {
    struct conn *conn;
    i64 workspace_id;
    struct required terms;  // required terms with texts that the statement left out
    struct required leaves; // fields in them: columns from the fourth on
    struct arena *scratch;  // of the conversation at hand
    i64 loaded;
    struct {
        struct check_message *items;
        size_t len, cap;
    } messages;
    struct err *err;
    bool failed;
};
void check_begin(struct check *check, struct conn *conn, const struct plan *plan, i64 workspace_id,
                 struct arena *arena, struct err *err);
void check_end(struct check *check);
// Whether the conversation of the current row fits. Look at `failed` when done.
bool check_row(struct check *check, struct rows *rows, i64 conversation_id);
// Its newest message that has the text, 0 when none has.
i64 check_newest(struct check *check, i64 conversation_id, const struct node *term);
