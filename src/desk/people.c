// SPDX-License-Identifier: AGPL-3.0-or-later
// See people.h. Two writers that meet the same person in the same moment end with one identity and one
// contact: the unique key decides, the loser takes its contact back and looks again.
#include "desk/people.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

static struct author *remembered(struct author_list *known, struct str external_id)
{
    for (size_t i = 0; i < known->len; i++) {
        if (str_eq(known->items[i].external_id, external_id)) {
            return &known->items[i];
        }
    }
    return NULL;
}

static bool look_up(struct change *change, const struct author_place *place, struct str external_id,
                    struct author *out, struct err *err)
{
    struct arena *arena = change->tx->arena;
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_intake_identity,
                  DB_ARGS(db_i64(change->workspace_id), db_str(place->kind), db_str(place->scope),
                          db_str(external_id)),
                  &rows, err)) {
        return false;
    }
    *out = (struct author){.external_id = external_id};
    if (rows_next(rows)) {
        out->identity_id = row_i64(rows, 0);
        out->contact_id = row_i64(rows, 1);
        out->name = row_str(rows, 2, arena);
        out->handle = row_str(rows, 3, arena);
        out->told_at = row_i64(rows, 4);
        out->contact_name = row_str(rows, 5, arena);
    }
    return rows_end(rows, err);
}

static bool log_contact(struct change *change, const char *kind, i64 contact_id, struct err *err)
{
    struct event event = {.workspace_id = change->workspace_id,
                          .kind = str_from(kind),
                          .data =
                              str_printf(change->tx->arena, "{\"contact_id\":%lld}", (long long)contact_id)};
    return log_append(change->tx, &event, err);
}

// Contact and identity; identity_id 0: somebody else was first, the contact is one too many.
static bool insert_both(struct change *change, const struct author_place *place,
                        const struct author_word *word, struct author *out, struct err *err)
{
    struct conn *conn = change->tx->conn;
    i64 workspace = change->workspace_id;
    struct err why = {};
    if (!db_one_i64(conn, &SQL_intake_contact_insert,
                    DB_ARGS(db_i64(workspace), db_str(word->name), db_i64(change->tx->now)), &out->contact_id,
                    err)) {
        return false;
    }
    out->identity_id = 0;
    if (!db_one_i64(conn, &SQL_intake_identity_insert,
                    DB_ARGS(db_i64(workspace), db_str(place->kind), db_str(place->scope),
                            db_str(word->external_id), db_str(word->handle), db_str(word->name),
                            db_i64(out->contact_id), db_i64(word->at)),
                    &out->identity_id, &why) &&
        why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return true;
}

// The same in one round trip, where one costs something.
static bool insert_both_at_once(struct change *change, const struct author_place *place,
                                const struct author_word *word, struct author *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_intake_person_insert,
                  DB_ARGS(db_i64(change->workspace_id), db_str(word->name), db_i64(change->tx->now),
                          db_str(place->kind), db_str(place->scope), db_str(word->external_id),
                          db_str(word->handle), db_i64(word->at)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        out->contact_id = row_i64(rows, 0);
        out->identity_id = row_i64(rows, 1);
    }
    return rows_end(rows, err);
}

static bool make(struct change *change, const struct author_place *place, const struct author_word *word,
                 struct author *out, struct err *err)
{
    bool one_trip = db_kind(change->tx->db) == DB_POSTGRES;
    *out = (struct author){.external_id = word->external_id,
                           .contact_name = word->name,
                           .name = word->name,
                           .handle = word->handle,
                           .told_at = word->at};
    if (!(one_trip ? insert_both_at_once(change, place, word, out, err)
                   : insert_both(change, place, word, out, err))) {
        return false;
    }
    if (out->identity_id > 0) {
        return log_contact(change, EVENT_CONTACT_CREATED, out->contact_id, err);
    }
    return db_exec(change->tx->conn, &SQL_intake_contact_delete,
                   DB_ARGS(db_i64(change->workspace_id), db_i64(out->contact_id)), NULL, err);
}

static void rename_open_edits(struct change *change, const struct author *author, struct str old_handle,
                              bool renamed)
{
    for (size_t i = 0; i < change->edits.len; i++) {
        struct record *row = &change->edits.items[i]->after;
        if (row->contact_id == author->contact_id) {
            row->contact_name = renamed ? author->contact_name : row->contact_name;
            row->contact_handle =
                str_eq(row->contact_handle, old_handle) ? author->handle : row->contact_handle;
        }
    }
}

// The contact's name follows the network until a colleague gave another one.
static bool renew(struct change *change, const struct author_place *place, const struct author_word *word,
                  struct author *author, struct err *err)
{
    struct conn *conn = change->tx->conn;
    i64 workspace = change->workspace_id;
    struct str old_name = author->name;
    struct str old_handle = author->handle;
    bool follows = str_eq(author->contact_name, old_name) && !str_eq(old_name, word->name);
    author->name = word->name;
    author->handle = word->handle;
    author->told_at = word->at;
    if (!db_exec(conn, &SQL_intake_identity_set,
                 DB_ARGS(db_str(word->name), db_str(word->handle), db_i64(word->at), db_i64(workspace),
                         db_i64(author->identity_id)),
                 NULL, err)) {
        return false;
    }
    if (follows) {
        author->contact_name = word->name;
        if (!db_exec(conn, &SQL_intake_contact_rename,
                     DB_ARGS(db_str(word->name), db_i64(change->tx->now), db_i64(workspace),
                             db_i64(author->contact_id), db_str(old_name)),
                     NULL, err) ||
            !db_exec(conn, &SQL_conversation_rename_contact,
                     DB_ARGS(db_str(word->name), db_i64(workspace), db_i64(author->contact_id)), NULL, err) ||
            !log_contact(change, EVENT_CONTACT_UPDATED, author->contact_id, err)) {
            return false;
        }
    }
    if (!str_eq(old_handle, word->handle) &&
        !db_exec(conn, &SQL_conversation_rehandle_contact,
                 DB_ARGS(db_str(word->handle), db_i64(workspace), db_i64(author->contact_id),
                         db_str(place->kind), db_str(old_handle)),
                 NULL, err)) {
        return false;
    }
    rename_open_edits(change, author, old_handle, follows);
    return true;
}

// Of two words of the same moment the greater one stands, so that no order of arrival matters.
static bool is_newer(const struct author_word *word, const struct author *author)
{
    if (word->at == 0) {
        return false; // a claim
    }
    if (word->at != author->told_at) {
        return word->at > author->told_at;
    }
    int order = str_cmp(word->name, author->name);
    return order > 0 || (order == 0 && str_cmp(word->handle, author->handle) > 0);
}

static struct author_word clean(const struct author_word *word, struct arena *arena)
{
    struct author_word out = *word;
    out.handle = text_clean_name(arena, str_given(word->handle) ? word->handle : S(""));
    out.name = text_clean_name(arena, str_given(word->name) ? word->name : S(""));
    if (out.name.len == 0) {
        out.name = out.handle.len > 0 ? out.handle : text_clean_name(arena, word->external_id);
    }
    return out;
}

bool people_find(struct change *change, struct author_list *known, const struct author_place *place,
                 const struct author_word *told, struct author *out, struct err *err)
{
    struct author_word word = clean(told, change->tx->arena);
    struct author *author = remembered(known, word.external_id);
    if (!author) {
        struct author found = {};
        if ((!known->looked && !look_up(change, place, word.external_id, &found, err)) ||
            (found.identity_id == 0 && !make(change, place, &word, &found, err)) ||
            (found.identity_id == 0 && !look_up(change, place, word.external_id, &found, err))) {
            return false;
        }
        if (found.identity_id == 0) {
            return err_retry(err, ERR_UNAVAILABLE, 1, "The author changed in this moment.");
        }
        author = list_push(known, change->tx->arena);
        *author = found;
    }
    bool differs = !str_eq(word.name, author->name) || !str_eq(word.handle, author->handle);
    if (is_newer(&word, author)) {
        if (differs && !renew(change, place, &word, author, err)) {
            return false;
        }
        author->unsaved |= !differs; // told again: saved once at the end of the batch
        author->told_at = word.at;
    }
    *out = *author;
    return true;
}

bool people_look_ahead(struct change *change, struct author_list *known, const struct author_place *place,
                       struct str names_json, struct err *err)
{
    struct arena *arena = change->tx->arena;
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_intake_identities_many,
                  DB_ARGS(db_i64(change->workspace_id), db_str(place->kind), db_str(place->scope),
                          db_str(names_json)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(known, arena) = (struct author){.external_id = row_str(rows, 0, arena),
                                                   .identity_id = row_i64(rows, 1),
                                                   .contact_id = row_i64(rows, 2),
                                                   .name = row_str(rows, 3, arena),
                                                   .handle = row_str(rows, 4, arena),
                                                   .told_at = row_i64(rows, 5),
                                                   .contact_name = row_str(rows, 6, arena)};
    }
    known->looked = true;
    return rows_end(rows, err);
}

bool people_finish(struct change *change, struct author_list *known, struct err *err)
{
    for (size_t i = 0; i < known->len; i++) {
        const struct author *author = &known->items[i];
        if (author->unsaved &&
            !db_exec(change->tx->conn, &SQL_intake_identity_set,
                     DB_ARGS(db_str(author->name), db_str(author->handle), db_i64(author->told_at),
                             db_i64(change->workspace_id), db_i64(author->identity_id)),
                     NULL, err)) {
            return false;
        }
    }
    return true;
}
