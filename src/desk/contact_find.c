// SPDX-License-Identifier: AGPL-3.0-or-later
// See contact_find.h.
#include "desk/contact_find.h"
#include "sql_gen.h"
#include "text/words.h"
#include <stdlib.h>

enum { WORDS_MAX = 40, QUERY_BYTES_MAX = 200, LOOKED_AT = 300 };

const struct type contact_hit_type = {
    "ContactFound",
    (const struct field[]){
        FIELD(contact_hit, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(contact_hit, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(contact_hit, FIELD_STR, email, FIELD_READ_ONLY),
        FIELD(contact_hit, FIELD_STR, handle, FIELD_READ_ONLY),
        FIELD(contact_hit, FIELD_STR, kind, FIELD_READ_ONLY, .doc = "The network of the handle."),
        FIELD(contact_hit, FIELD_I64, conversation_id, FIELD_READ_ONLY | FIELD_NO_ROW,
              .doc = "The newest conversation that you see."),
        FIELD(contact_hit, FIELD_TIME, last_message_at, FIELD_READ_ONLY | FIELD_NO_ROW | FIELD_NULLABLE),
        FIELD_END,
    },
    sizeof(struct contact_hit),
};

// ---- Words of a name ----

static void add_word(struct str_list *out, struct str word, struct arena *arena)
{
    for (size_t i = 0; i < out->len; i++) {
        if (str_eq(out->items[i], word))
            return;
    }
    if (word.len > 0 && out->len < WORDS_MAX)
        *list_push(out, arena) = word;
}

static struct str run_from(const struct word_list *words, size_t at, struct arena *arena)
{
    struct str run = words->items[at].text;
    for (size_t i = at + 1; i < words->len && words->items[i].joined; i++)
        run = str_concat(arena, run, words->items[i].text);
    return run;
}

// whole: as a query asks, one word for a run without spaces; else each character's rest, as names are kept.
static void words_of(struct str text, bool whole, struct arena *arena, struct str_list *out)
{
    struct word_list words = {};
    text_words(text, arena, &words);
    for (size_t i = 0; i < words.len; i++) {
        const struct word *word = &words.items[i];
        if (word->script == WORD_ALPHABETIC)
            add_word(out, word->text, arena);
        else if (!whole || !word->joined)
            add_word(out, run_from(&words, i, arena), arena);
    }
}

static bool names_of(struct conn *conn, i64 workspace_id, i64 contact_id, struct arena *arena,
                     struct str_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_contact_word_names, DB_ARGS(db_i64(workspace_id), db_i64(contact_id)), &rows,
                  err))
        return false;
    while (rows_next(rows))
        words_of(row_str(rows, 0, arena), false, arena, out);
    return rows_end(rows, err);
}

bool contact_learn(struct tx *tx, i64 workspace_id, i64 contact_id, struct err *err)
{
    struct str_list words = {};
    if (!names_of(tx->conn, workspace_id, contact_id, tx->arena, &words, err) ||
        !db_exec(tx->conn, &SQL_contact_word_clear, DB_ARGS(db_i64(workspace_id), db_i64(contact_id)), NULL,
                 err))
        return false;
    for (size_t i = 0; i < words.len; i++) {
        if (!db_exec(tx->conn, &SQL_contact_word_add,
                     DB_ARGS(db_i64(workspace_id), db_str(words.items[i]), db_i64(contact_id)), NULL, err))
            return false;
    }
    return true;
}

// ---- Finding ----

// Behind everything that begins with it: the highest code point at the end.
static struct str behind(struct arena *arena, struct str low)
{
    return str_printf(arena, "%.*s\xf4\x8f\xbf\xbf", STR_ARG(low));
}

static bool add_ids(struct conn *conn, const struct sql *sql, i64 workspace_id, struct str low,
                    struct arena *arena, struct id_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, sql, DB_ARGS(db_i64(workspace_id), db_str(low), db_str(behind(arena, low))), &rows,
                  err))
        return false;
    while (rows_next(rows) && out->len < LOOKED_AT)
        *list_push(out, arena) = row_i64(rows, 0);
    return rows_end(rows, err);
}

static bool has_beginning(const struct str_list *words, struct str wanted)
{
    for (size_t i = 0; i < words->len; i++) {
        if (str_starts(words->items[i], wanted))
            return true;
    }
    return false;
}

// All words asked for begin a word of the names.
static bool fits(struct conn *conn, i64 workspace_id, i64 id, const struct str_list *wanted,
                 struct arena *arena, bool *ret_fits, struct err *err)
{
    struct str_list words = {};
    *ret_fits = true;
    if (wanted->len < 2)
        return true;
    if (!names_of(conn, workspace_id, id, arena, &words, err))
        return false;
    for (size_t i = 0; i < wanted->len; i++)
        *ret_fits = *ret_fits && has_beginning(&words, wanted->items[i]);
    return true;
}

static bool newest_seen(struct conn *conn, const struct actor *actor, struct contact_hit *hit,
                        struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_contact_word_places, DB_ARGS(db_i64(actor->workspace_id), db_i64(hit->id)),
                  &rows, err))
        return false;
    while (rows_next(rows)) {
        if (hit->conversation_id == 0 && actor_sees(actor, row_i64(rows, 1), row_i64(rows, 2))) {
            hit->conversation_id = row_i64(rows, 0);
            hit->last_message_at = row_i64(rows, 3);
        }
    }
    return rows_end(rows, err);
}

static const struct type row_type = {
    "ContactRow",
    (const struct field[]){
        FIELD(contact_hit, FIELD_I64, id, 0),
        FIELD(contact_hit, FIELD_STR, name, 0),
        FIELD(contact_hit, FIELD_STR, email, 0),
        FIELD(contact_hit, FIELD_STR, handle, 0),
        FIELD(contact_hit, FIELD_STR, kind, 0),
        FIELD(contact_hit, FIELD_I64, merged_into, 0),
        FIELD_END,
    },
    sizeof(struct contact_hit),
};

static bool load(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                 struct contact_hit *out, struct err *err)
{
    struct err why = {};
    // A customer that was merged into another is shown as that one.
    for (int hops = 0; id != 0 && hops < 8; hops++) {
        struct contact_hit hit = {};
        if (!db_one(conn, &SQL_contact_word_found, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)),
                    &row_type, &hit, arena, &why)) {
            if (why.code == ERR_NOT_FOUND)
                return true; // gone since
            *err = why;
            return false;
        }
        *out = hit;
        id = hit.merged_into;
    }
    return newest_seen(conn, actor, out, err);
}

static bool is_in(const struct contact_hits *hits, i64 id)
{
    for (size_t i = 0; i < hits->len; i++) {
        if (hits->items[i].id == id)
            return true;
    }
    return false;
}

bool contact_find(struct conn *conn, const struct actor *actor, struct str q, i64 limit, struct arena *arena,
                  struct contact_hits *out, struct err *err)
{
    struct str_list wanted = {};
    struct id_list named = {}, others = {};
    struct str plain = str_trim(q);
    if (plain.len > QUERY_BYTES_MAX) {
        err_field(err, "q", "too_long", "A customer is looked for by at most %d bytes.", QUERY_BYTES_MAX);
        err->code = ERR_SYNTAX;
        return false;
    }
    words_of(plain, true, arena, &wanted);
    if (wanted.len == 0)
        return true;
    struct str longest = wanted.items[0];
    for (size_t i = 1; i < wanted.len; i++)
        longest = wanted.items[i].len > longest.len ? wanted.items[i] : longest;
    struct str key = text_fold(arena, plain), handle = str_lower_ascii(arena, plain);
    while (str_starts(handle, S("@")))
        handle = str_sub(handle, 1, handle.len);
    if (!add_ids(conn, &SQL_contact_word_find, actor->workspace_id, longest, arena, &named, err) ||
        (handle.len > 0 &&
         !add_ids(conn, &SQL_contact_word_handle, actor->workspace_id, handle, arena, &others, err)) ||
        !add_ids(conn, &SQL_contact_word_email, actor->workspace_id, key, arena, &others, err))
        return false;
    for (size_t i = 0; i < named.len + others.len && (i64)out->len < limit; i++) {
        bool by_name = i < named.len, fit = true;
        i64 id = by_name ? named.items[i] : others.items[i - named.len];
        struct contact_hit hit = {};
        if ((by_name && !fits(conn, actor->workspace_id, id, &wanted, arena, &fit, err)) ||
            (fit && !load(conn, actor, id, arena, &hit, err)))
            return false;
        if (hit.conversation_id != 0 && !is_in(out, hit.id))
            *list_push(out, arena) = hit;
    }
    return true;
}
