// SPDX-License-Identifier: AGPL-3.0-or-later
// The parsed tree and the table of fields, shared by the parts of query/ and by nobody else. A new
// field is one line in fields.c: parser, matcher, SQL, completion and manual follow.
#pragma once
#include "query/query.h"
#include "text/words.h"

enum {
    QUERY_MAX_BYTES = 4096,
    QUERY_MAX_DEPTH = 32,
    QUERY_MAX_TERMS = 200,
    QUERY_MAX_PHRASE = 128, // words; the PostgreSQL index overlaps its parts by as many
};

// What stands behind "field:" may be one of these.
enum value_kind {
    VALUE_ANY,    // the field has a value
    VALUE_NONE,   // it has none (assigned, team)
    VALUE_ME,     // the one who asks
    VALUE_WORD,   // one of the field's own words: is:open
    VALUE_NAME,   // free text, compared folded
    VALUE_NUMBER, // an id
    VALUE_AGO,    // 30m: a moment so long ago
    VALUE_AHEAD,  // +2h: a moment so far ahead
    VALUE_MOMENT, // a date or a time
};
#define TAKES(kind) (1u << (kind))
enum compare { COMPARE_EQ, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

struct query_word {
    const char *name;
    // A condition on one conversation c that is never NULL. "@now" and "@workspace" are bound.
    const char *sql;
    bool (*match)(const struct query_item *item, const struct query_context *context);
    bool clock; // depends on the time
    const char *doc;
};

enum query_field_id {
    QUERY_IS,
    QUERY_CHANNEL,
    QUERY_BRAND,
    QUERY_KIND,
    QUERY_VISIBILITY,
    QUERY_TAG,
    QUERY_ASSIGNED,
    QUERY_MENTIONS,
    QUERY_TEAM,
    QUERY_PRIORITY,
    QUERY_LANG,
    QUERY_FROM,
    QUERY_HAS,
    QUERY_WAITING,
    QUERY_DUE,
    QUERY_CREATED,
    QUERY_UPDATED,
    QUERY_ID,
};
struct query_value {
    enum value_kind kind;
    enum compare compare;
    const struct query_word *word; // VALUE_WORD
    i64 number;                    // id; length in ms; first ms of the moment
    i64 end;                       // VALUE_MOMENT: first ms behind it (a date is a whole day)
    struct str text;               // as written, without quotes
    struct str key;                // VALUE_NAME: folded (tag, channel, team, e-mail) or ASCII lower case
};
struct query_field {
    enum query_field_id id;
    const char *name;
    unsigned takes;                 // TAKES(kind) | …
    const struct query_word *words; // ends with name NULL
    const char *expected;           // after "expected": what would have fitted
    const char *column;             // of the numbers and moments, and of the plain words and names
    size_t offset;                  // of the same in struct query_item
    bool nullable;                  // the column may be NULL (0 in the item)
    bool folded;                    // names are compared folded; else ASCII lower case
    const char *doc;
};
extern const struct query_field query_fields[];
extern const size_t query_n_fields;
const struct query_field *query_field_find(struct str name);

enum node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_TEXT, NODE_FIELD };
struct node {
    enum node_kind kind;
    struct node *first, *next; // AND, OR: two or more; NOT: one
    // NODE_TEXT: consecutive words; none at all (only punctuation) matches nothing.
    struct word *words;
    size_t n_words;
    bool prefix;    // the last word, alphabetic, is the beginning of one
    int text_index; // number of this text term in the query
    // NODE_FIELD: any of the values
    const struct query_field *field;
    struct query_value *values;
    size_t n_values;
};
struct query {
    struct node *root; // never NULL
    bool clock, text;
    int n_texts;
};

// The moment or number range a value stands for: low <= x < high.
struct range_i64 {
    i64 low, high;
};
struct range_i64 query_value_range(const struct query_value *value, i64 now);
// True when the phrase of a text term stands somewhere in the words of one text.
bool query_text_in(const struct node *term, const struct word_list *words);
// Value of a VALUE_NAME or VALUE_NUMBER as ids of the field's own table; list in the arena.
void query_value_ids(const struct query_field *field, const struct query_value *value,
                     const struct query_context *context, struct arena *arena, struct id_list *out);
