// SPDX-License-Identifier: AGPL-3.0-or-later
// Building a statement: text with places for values, and the values. Private to query/. Nothing that a
// person wrote is ever printed into the text; words of our own tables are.
#pragma once
#include "base/buf.h"
#include "query/tree.h"

#define URGENT_NEVER_SQL "9007199254740991" // conversation.urgent_at of who does not wait
enum { SQL_MAX_BYTES = 512 * 1024 };
#define URGENT_NEVER INT64_C(9007199254740991)

struct compile {
    enum db_kind kind;
    const struct query_context *context;
    struct arena *arena;
    struct buf text;
    struct {
        struct db_arg *items;
        size_t len, cap;
    } args;
    // By text_index, PostgreSQL only: this text is in so many messages that listing them first (which the
    // planner likes) costs more than looking at one conversation after the other. NULL: none is.
    const bool *common;
};
void compile_begin(struct compile *c, enum db_kind kind, const struct query_context *context,
                   struct arena *arena);
bool compile_end(struct compile *c, struct query_sql *out, struct err *err) MUST_CHECK;
// Text with "@workspace" and "@now" bound.
void put_sql(struct compile *c, const char *text);
void put_i64(struct compile *c, i64 value);
void put_str(struct compile *c, struct str value);
// "column IN (…)", or what is never true for no ids.
void put_in(struct compile *c, const char *column, const struct id_list *ids);
// " c.workspace_id = … " and what the reader may see.
void put_scope(struct compile *c);
// The condition of a node on conversation c; never NULL.
void put_node(struct compile *c, const struct node *node);
// What the index is asked for a text: an FTS5 expression or a tsquery.
void put_text_value(struct compile *c, const struct node *term);
// A set of (id, key) of the conversations that have a text, key the newest message with it:
// "SELECT … AS id, … AS key …"; message ids from low (inclusive) to high (exclusive). by_id (PostgreSQL):
// read the messages one by one instead of asking the index for the word.
void put_text_set(struct compile *c, const struct node *term, i64 low, i64 high, bool by_id);
// "d.words @@ …" on PostgreSQL; by_id: as a test that the index cannot answer.
void put_text_test(struct compile *c, const struct node *term, bool by_id);
// The newest message of conversation c with the text, or NULL; from message id `low` on.
void put_text_newest(struct compile *c, const struct node *term, i64 low);
