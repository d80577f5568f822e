// SPDX-License-Identifier: AGPL-3.0-or-later
// What people and time do to a conversation: status, assignee, team, priority, tags, spam, snoozes that
// run out. The status machine: snoozed needs a time in the future; closing ends waiting and
// taking it back brings that back; anything may be opened again; a customer's new message opens it too
// (intake.c).
#include "desk/change.h"
#include "desk/conversation.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"
#include <stdio.h>

enum { TAGS_MAX = 50, TAG_BYTES_MAX = 100, WAKE_AT_ONCE = 200 };
static const i64 SNOOZE_LONGEST_MS = (i64)366 * 24 * 3600 * 1000 * 5;

static const struct field patch_fields[] = {
    FIELD(conversation_patch, FIELD_ENUM, status, 0, .names = conversation_status_names),
    FIELD(conversation_patch, FIELD_I64, assignee_id, FIELD_NULLABLE, .doc = "null: nobody."),
    FIELD(conversation_patch, FIELD_I64, team_id, FIELD_NULLABLE, .doc = "null: no team."),
    FIELD(conversation_patch, FIELD_ENUM, priority, 0, .names = priority_names),
    FIELD(conversation_patch, FIELD_TIME, snoozed_until, FIELD_NULLABLE,
          .doc = "Required with status snoozed, in the future."),
    FIELD(conversation_patch, FIELD_STRS, tags, 0, .max = TAGS_MAX,
          .doc = "Replaces; unknown names are made."),
    FIELD(conversation_patch, FIELD_BOOL, spam, 0),
    FIELD_END,
};
const struct type conversation_patch_type = {"ConversationPatch", patch_fields,
                                             sizeof(struct conversation_patch)};

static bool given(field_set set, const char *name)
{
    return field_given(&conversation_patch_type, set, name);
}

// ---- Status -----------------------------------------------------------------------------------------

static bool snooze(struct change *change, struct edit *edit, i64 until, struct err *err)
{
    if (until <= change->tx->now) {
        return err_field(err, "snoozed_until", "in_the_past",
                         "A conversation is snoozed until a time in the future.");
    }
    if (until > change->tx->now + SNOOZE_LONGEST_MS) {
        return err_field(err, "snoozed_until", "too_far",
                         "A conversation is snoozed for at most five years.");
    }
    edit->after.status = S("snoozed");
    edit->after.snoozed_until = until;
    edit->after.closed_at = 0;
    return true;
}

static bool set_status(struct change *change, struct edit *edit, const struct conversation_patch *patch,
                       field_set set, struct err *err)
{
    bool has_time = given(set, "snoozed_until") && patch->snoozed_until > 0;
    struct str status = given(set, "status") ? patch->status : edit->after.status;
    if (str_eq(edit->before.status, S("closed")) && !str_eq(status, S("closed"))) {
        // Taking a closing back takes back what it answered; what an earlier one answered stays answered.
        edit->renew_waiting = true;
        if (!db_one_i64(change->tx->conn, &SQL_conversation_closed_before,
                        DB_ARGS(db_i64(change->workspace_id), db_i64(edit->after.id)),
                        &edit->after.answered_id, err)) {
            return false;
        }
    }
    if (str_eq(status, S("snoozed"))) {
        bool was = str_eq(edit->before.status, S("snoozed"));
        if (!given(set, "snoozed_until") && was) {
            return true;
        }
        if (!has_time) {
            return err_field(err, "snoozed_until", "required",
                             "A snoozed conversation needs the time at which it returns.");
        }
        return snooze(change, edit, patch->snoozed_until, err);
    }
    if (has_time) {
        return err_field(err, "snoozed_until", "without_status",
                         "Only with status \"snoozed\" is there a time of return.");
    }
    if (str_eq(status, edit->before.status)) {
        return true;
    }
    if (str_eq(status, S("closed"))) {
        return change_close(change, edit, err);
    }
    change_reopen(edit);
    return true;
}

// ---- People -----------------------------------------------------------------------------------------

static bool set_people(struct change *change, struct edit *edit, const struct conversation_patch *patch,
                       field_set set, struct err *err)
{
    struct record *row = &edit->after;
    if (given(set, "assignee_id") && patch->assignee_id != row->assignee_id) {
        if (!change_check_agent(change->tx, change->workspace_id, patch->assignee_id, "assignee_id", err)) {
            return false;
        }
        row->assignee_id = patch->assignee_id;
    }
    if (given(set, "team_id") && patch->team_id != row->team_id) {
        if (!change_check_team(change->tx, change->workspace_id, patch->team_id, "team_id", err)) {
            return false;
        }
        row->team_id = patch->team_id;
    }
    return true;
}

// ---- Tags -------------------------------------------------------------------------------------------

static bool log_tag(struct change *change, i64 id, struct str name, struct err *err)
{
    struct buf buf;
    buf_init(&buf, change->tx->arena, 1024);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_i64(&w, id);
    json_key(&w, "name");
    json_put_str(&w, name);
    json_close(&w, '}');
    struct event event = {.workspace_id = change->workspace_id,
                          .kind = S(EVENT_TAG_CREATED),
                          .agent_id = change->agent_id,
                          .data = buf_str(&buf)};
    return log_append(change->tx, &event, err);
}

static bool find_tag(struct change *change, struct str key, struct name_ref *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_tag_find,
                  DB_ARGS(db_i64(change->workspace_id), db_str(key)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *out = (struct name_ref){row_i64(rows, 0), row_str(rows, 1, change->tx->arena)};
    }
    return rows_end(rows, err);
}

static bool find_or_make_tag(struct change *change, struct str name, struct name_ref *out, struct err *err)
{
    struct str key = text_fold(change->tx->arena, name);
    struct err none = {};
    if (!find_tag(change, key, out, err)) {
        return false;
    }
    if (out->id > 0) {
        return true;
    }
    *out = (struct name_ref){.name = name};
    if (db_one_i64(change->tx->conn, &SQL_conversation_tag_make,
                   DB_ARGS(db_i64(change->workspace_id), db_str(name), db_str(key), db_i64(change->tx->now)),
                   &out->id, &none)) {
        return log_tag(change, out->id, name, err);
    }
    if (none.code != ERR_NOT_FOUND) {
        *err = none;
        return false;
    }
    return find_tag(change, key, out, err) &&
           (out->id > 0 || err_set(err, ERR_CONFLICT, "The tag changed in this moment. Try again."));
}

static bool has_ref(const struct name_refs *refs, i64 id)
{
    for (size_t i = 0; i < refs->len; i++) {
        if (refs->items[i].id == id) {
            return true;
        }
    }
    return false;
}

bool change_tag_named(struct change *change, struct str name, const char *field, struct name_ref *ret_tag,
                      struct err *err)
{
    struct str clean = text_clean_name(change->tx->arena, name);
    if (clean.len == 0) {
        return err_field(err, field, "required", "A tag has a name.");
    }
    if (clean.len > TAG_BYTES_MAX) {
        return err_field(err, field, "too_long", "A tag's name is at most %d bytes long.", TAG_BYTES_MAX);
    }
    return find_or_make_tag(change, clean, ret_tag, err);
}

static bool read_tags(struct change *change, i64 id, struct name_refs *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(change->tx->conn, &SQL_conversation_tags, DB_ARGS(db_i64(change->workspace_id), db_i64(id)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(out, change->tx->arena) =
            (struct name_ref){row_i64(rows, 0), row_str(rows, 1, change->tx->arena)};
    }
    return rows_end(rows, err);
}

// Kept in the order of folded names, as read_tags gives them, so that the same set compares as the same.
static void insert_tag(struct change *change, struct name_refs *tags, struct name_ref tag)
{
    struct arena *arena = change->tx->arena;
    struct str key = text_fold(arena, tag.name);
    (void)list_push(tags, arena);
    size_t at = tags->len - 1;
    while (at > 0 && str_cmp(text_fold(arena, tags->items[at - 1].name), key) > 0) {
        tags->items[at] = tags->items[at - 1];
        at--;
    }
    tags->items[at] = tag;
}

static bool set_tags(struct change *change, struct edit *edit, const struct str_list *names, struct err *err)
{
    edit->tags_given = true;
    if (!read_tags(change, edit->after.id, &edit->tags_before, err)) {
        return false;
    }
    for (size_t i = 0; i < names->len; i++) {
        char field[32];
        struct name_ref tag = {};
        snprintf(field, sizeof(field), "tags.%zu", i);
        if (!change_tag_named(change, names->items[i], field, &tag, err)) {
            return false;
        }
        if (!has_ref(&edit->tags_after, tag.id)) {
            insert_tag(change, &edit->tags_after, tag);
        }
    }
    return true;
}

// ---- The patch --------------------------------------------------------------------------------------

static bool apply_patch(struct change *change, struct edit *edit, const struct conversation_patch *patch,
                        field_set set, struct err *err)
{
    struct record *row = &edit->after;
    if (given(set, "priority")) {
        row->priority = patch->priority;
    }
    if (given(set, "spam")) {
        row->spam = patch->spam;
    }
    return set_status(change, edit, patch, set, err) && set_people(change, edit, patch, set, err) &&
           (!given(set, "tags") || set_tags(change, edit, &patch->tags, err));
}

bool conversation_update(struct tx *tx, const struct actor *actor, i64 id,
                         const struct conversation_patch *patch, field_set set, struct conversation *out,
                         struct err *err)
{
    struct change change;
    struct edit *edit;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!change_open(&change, id, &edit, err)) {
        return false;
    }
    if (!actor_sees(actor, edit->before.channel_id, edit->before.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    if (!actor_may(actor, MAY_TRIAGE)) {
        return err_set(err, ERR_DENIED, "Your role may not change conversations.");
    }
    if (edit->before.merged_into) {
        return err_set(err, ERR_CONFLICT, "This conversation went into number %lld.",
                       (long long)edit->before.merged_into);
    }
    if (!apply_patch(&change, edit, patch, set, err) || !change_finish(&change, err)) {
        return false;
    }
    // Whoever gives it to a team they are not in still gets the answer to what they just did.
    struct actor all = actor_system(actor->workspace_id);
    return conversation_get(tx->conn, &all, id, tx->arena, out, err);
}

bool conversation_mark_read(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    struct change change;
    struct edit *edit;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    if (!change_open(&change, id, &edit, err)) {
        return false;
    }
    if (!actor_sees(actor, edit->before.channel_id, edit->before.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    if (!actor_may(actor, MAY_TRIAGE)) {
        return true; // who only looks on leaves no trace
    }
    edit->after.unread = 0;
    return change_finish(&change, err);
}

// ---- Time and settings ------------------------------------------------------------------------------

struct due {
    i64 workspace_id, id;
};
struct due_list {
    struct due *items;
    size_t len, cap;
};

static bool wake_one(struct tx *tx, const struct due *due, bool *ret_woken, struct err *err)
{
    struct change change;
    struct edit *edit;
    change_init(&change, tx, due->workspace_id, 0);
    change.reason = S("snooze_over");
    if (!change_open(&change, due->id, &edit, err)) {
        return false;
    }
    *ret_woken = str_eq(edit->before.status, S("snoozed")) && edit->before.snoozed_until <= tx->now;
    if (!*ret_woken) {
        return true; // somebody was quicker
    }
    change_reopen(edit);
    return change_finish(&change, err);
}

bool conversation_wake(struct tx *tx, i64 *ret_n, struct err *err)
{
    struct due_list due = {};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_conversation_snoozed_due, DB_ARGS(db_i64(tx->now), db_i64(WAKE_AT_ONCE)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&due, tx->arena) = (struct due){row_i64(rows, 0), row_i64(rows, 1)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    i64 n = 0;
    for (size_t i = 0; i < due.len; i++) {
        bool woken = false;
        if (!wake_one(tx, &due.items[i], &woken, err)) {
            return false;
        }
        n += woken;
    }
    *ret_n = n;
    return true;
}

bool conversation_leave_team(struct tx *tx, i64 workspace_id, i64 team_id, struct err *err)
{
    struct count_deltas deltas = {};
    struct rows *rows;
    if (!db_exec(tx->conn, &SQL_conversation_leave_team,
                 DB_ARGS(db_i64(tx->now), db_i64(workspace_id), db_i64(team_id)), NULL, err) ||
        !db_query(tx->conn, &SQL_count_cells_of_team, DB_ARGS(db_i64(workspace_id), db_i64(team_id)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&deltas, tx->arena) =
            (struct count_delta){row_str(rows, 0, tx->arena), row_i64(rows, 1), 0, row_i64(rows, 2)};
    }
    return rows_end(rows, err) &&
           db_exec(tx->conn, &SQL_count_cells_drop_team, DB_ARGS(db_i64(workspace_id), db_i64(team_id)), NULL,
                   err) &&
           counts_apply(tx, workspace_id, &deltas, err);
}

bool conversation_renew_urgency(struct tx *tx, i64 workspace_id, struct err *err)
{
    struct rows *rows;
    struct allowance_table allowances = allowances_default;
    if (!db_query(tx->conn, &SQL_conversation_allowances, DB_ARGS(db_i64(workspace_id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        allowances = allowances_read(row_str(rows, 0, tx->arena), tx->arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    const i64 *ms = allowances.ms;
    return db_exec(tx->conn, &SQL_conversation_renew_urgency,
                   DB_ARGS(db_i64(ms[PRIORITY_URGENT]), db_i64(ms[PRIORITY_HIGH]), db_i64(ms[PRIORITY_LOW]),
                           db_i64(ms[PRIORITY_NORMAL]), db_i64(workspace_id)),
                   NULL, err) &&
           db_exec(tx->conn, &SQL_conversation_renew_tag_urgency, DB_ARGS(db_i64(workspace_id)), NULL, err);
}
