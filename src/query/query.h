// SPDX-License-Identifier: AGPL-3.0-or-later
// The query language: one parser, one tree, two uses so far: compiled to SQL for both databases, and
// evaluated on one item in memory. Semantics: "Query semantics" in the manual (docs/query.md).
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "store/db.h"
#include "json/field.h"

struct query; // the parsed tree, lives in the arena

// Errors: ERR_SYNTAX with field "q", position (code points from 0) and expected. Limits: 4,096 bytes,
// depth 32, 200 terms.
bool query_parse(struct str text, struct arena *arena, const struct query **ret_query,
                 struct err *err) MUST_CHECK;
// Writes the tree back as text that parses to the same tree.
struct str query_format(const struct query *query, struct arena *arena);
// True when the outcome may change by time alone (waiting:>30m, due:<2h, updated:<1d).
bool query_uses_clock(const struct query *query);
bool query_uses_text(const struct query *query);
// True when it names channels, tags, teams or people, so that query_names_load is needed.
bool query_uses_names(const struct query *query);
// True when it depends on who asks (assigned:me).
bool query_uses_me(const struct query *query);
// True when it requires open conversations.
bool query_is_open(const struct query *query);

// Names resolved once per evaluation, so that SQL and memory see the same world.
struct query_names {
    struct {
        i64 id;
        struct str email_key;
    } * agents;
    size_t n_agents;
    struct {
        i64 id;
        struct str name_key;
    } * teams;
    size_t n_teams;
    struct {
        i64 id;
        struct str name_key;
    } * tags;
    size_t n_tags;
    struct {
        i64 id;
        struct str name_key;
        struct str kind;
        i64 brand_id; // 0: none
    } * channels;
    size_t n_channels;
    struct {
        i64 id;
        struct str name_key;
    } * brands;
    size_t n_brands;
};
struct query_context {
    i64 workspace_id;
    i64 now; // one per evaluation, ms UTC
    i64 me;  // agent for assigned:me, 0 none
    const struct query_names *names;
    // What the reader may see; all_*: everything.
    bool all_channels, all_teams;
    struct id_list channels, teams;
};
// The fields with their fixed values, as a JSON array of {name, kind, values, value_docs, doc}; kind is
// words, name, time or number.
void query_fields_describe(struct json_writer *w);
bool query_names_load(struct conn *conn, i64 workspace_id, struct arena *arena, struct query_names *out,
                      struct err *err) MUST_CHECK;

// One conversation with all its messages, for evaluation in memory.
struct query_item {
    i64 id;
    struct str status, kind, visibility, priority, channel_kind, language, handle;
    i64 channel_id, assignee_id, team_id;
    bool spam;
    i64 waiting_since, due_at, urgent_at, created_at, updated_at, last_message_at,
        snoozed_until; // 0: no value
    i64 unread;
    struct id_list tag_ids, mention_ids;
    bool merged;                              // it went into another one
    bool has_attachment, has_note, has_reply; // has:attachment, has:note, has:reply
    bool has_call;                            // has:call
    i64 callback_at;                          // has:callback
    struct str_list texts; // live texts of messages, replies, notes; not deleted ones nor old versions
};
// Reads a conversation as query_match sees it. ERR_NOT_FOUND when there is none.
bool query_item_load(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena, struct query_item *out,
                     struct err *err) MUST_CHECK;
// The same without its texts, for queries that ask for none.
bool query_item_fields(struct conn *conn, i64 workspace_id, i64 id, struct arena *arena,
                       struct query_item *out, struct err *err) MUST_CHECK;
bool query_match(const struct query *query, const struct query_context *context,
                 const struct query_item *item, struct arena *arena);

enum query_sort { SORT_URGENT, SORT_NEWEST, SORT_WAITING, SORT_CREATED, SORT_OLDEST };
// A statement that selects ids: "SELECT c.id, <sort key> FROM conversation c WHERE <workspace, rights,
// query> [AND key behind cursor] ORDER BY … LIMIT n". Values are always bound, never printed into it.
struct query_sql {
    struct str text;
    struct db_arg *args;
    size_t n_args;
};
struct query_page {
    enum query_sort sort;
    i64 after_key, after_id; // cursor; after_id 0: from the start
    i64 limit;
    i64 budget_ms; // 0: as long as a page may take; else less, and it may be cut short: ERR_UNAVAILABLE
};
bool query_to_sql(const struct query *query, const struct query_context *context,
                  const struct query_page *page, enum db_kind kind, struct arena *arena,
                  struct query_sql *out, struct err *err) MUST_CHECK;
// Runs it: ids with their sort keys, in order. The page may be short, even empty, when looking took too
// long. *ret_more: ask again with after_key = next_key and after_id = next_id.
// SORT_OLDEST: oldest newest message first.
// SORT_URGENT: most urgent first, those who do not wait last. SORT_WAITING: longest first. SORT_NEWEST:
// newest message first; when the query requires a word, the newest message that has it. SORT_CREATED:
// last come first.
struct query_hit {
    i64 id, key;
};
struct query_hits {
    struct query_hit *items;
    size_t len, cap;
    i64 next_key, next_id;
};
bool query_run(struct conn *conn, const struct query *query, const struct query_context *context,
               const struct query_page *page, struct arena *arena, struct query_hits *out, bool *ret_more,
               struct err *err) MUST_CHECK;
