// SPDX-License-Identifier: AGPL-3.0-or-later
// See callback.h. A booked call-back lives in the conversation's row as callback_at, due_at and the snooze;
// callback_renew keeps the copies right whatever happened to the rows.
#include "desk/callback.h"
#include "desk/conversation.h"
#include "desk/events.h"
#include "sql_gen.h"

enum { AT_ONCE = 100, NOTE_MAX = 4000 };
static const i64 LONGEST_MS = (i64)366 * 24 * 3600 * 1000;

static const char *const state_names[] = {"booked", "done", "cancelled", NULL};
static const char *const end_names[] = {"done", "cancelled", NULL};
static const struct field ref_fields[] = {
    FIELD(name_ref, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(name_ref, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type ref_type = {"NameRef", ref_fields, sizeof(struct name_ref)};
static const struct field person_fields[] = {
    FIELD(person, FIELD_I64, id, FIELD_READ_ONLY | FIELD_OPTIONAL_OUT),
    FIELD(person, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD(person, FIELD_STR, handle, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type person_type = {"CallbackContact", person_fields, sizeof(struct person)};
enum { MAYBE = FIELD_READ_ONLY | FIELD_NULLABLE, NESTED = FIELD_READ_ONLY | FIELD_NULLABLE | FIELD_NO_ROW };
static const struct field callback_fields[] = {
    FIELD(callback, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(callback, FIELD_I64, conversation_id, FIELD_READ_ONLY),
    FIELD(callback, FIELD_STRUCT, contact, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &person_type,
          .doc = "Who is to be called."),
    FIELD(callback, FIELD_TIME, due_at, FIELD_READ_ONLY),
    FIELD(callback, FIELD_STRUCT, agent, NESTED, .type = &ref_type, .doc = "Who calls; null: the team."),
    FIELD(callback, FIELD_STRUCT, team, NESTED, .type = &ref_type),
    FIELD(callback, FIELD_STRUCT, booked_by, NESTED, .type = &ref_type),
    FIELD(callback, FIELD_STR, note, FIELD_READ_ONLY),
    FIELD(callback, FIELD_ENUM, state, FIELD_READ_ONLY, .names = state_names),
    FIELD(callback, FIELD_TIME, told_at, MAYBE, .doc = "When it was told that it is due."),
    FIELD(callback, FIELD_TIME, missed_at, MAYBE, .doc = "When it was told that nobody had called."),
    FIELD(callback, FIELD_I64, moves, FIELD_READ_ONLY, .doc = "How often it was put off."),
    FIELD(callback, FIELD_TIME, created_at, FIELD_READ_ONLY),
    FIELD(callback, FIELD_TIME, ended_at, MAYBE),
    FIELD(callback, FIELD_I64, version, FIELD_READ_ONLY),
    FIELD_END,
};
const struct type callback_type = {"Callback", callback_fields, sizeof(struct callback)};
#define WHO                                                                                                  \
    FIELD(callback_body, FIELD_I64, agent_id, FIELD_NULLABLE,                                                \
          .doc = "Who is to call; neither this nor a team: whoever books it."),                              \
        FIELD(callback_body, FIELD_I64, team_id, FIELD_NULLABLE, .doc = "The team that is to call."),        \
        FIELD(callback_body, FIELD_STR, note, 0, .max = NOTE_MAX, .doc = "What it is about.")
static const struct field body_fields[] = {
    FIELD(callback_body, FIELD_TIME, due_at, FIELD_REQUIRED, .doc = "In the future, within a year."),
    WHO,
    FIELD_END,
};
const struct type callback_body_type = {"CallbackBooking", body_fields, sizeof(struct callback_body)};
static const struct field patch_fields[] = {
    FIELD(callback_body, FIELD_TIME, due_at, 0, .doc = "Moves it: in the future, within a year."),
    WHO,
    FIELD(callback_body, FIELD_ENUM, state, 0, .names = end_names, .doc = "It is over."),
    FIELD_END,
};
const struct type callback_patch_type = {"CallbackPatch", patch_fields, sizeof(struct callback_body)};

// ---- Reading ----------------------------------------------------------------------------------------

static struct name_ref ref_at(struct rows *rows, int column, struct arena *arena)
{
    struct str name = row_str(rows, column + 1, arena);
    return name.len > 0 ? (struct name_ref){row_i64(rows, column), name} : (struct name_ref){0};
}

static bool query(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 id, i64 after_at,
                  i64 after_id, i64 limit, struct arena *arena, struct callback_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_callback_list,
                  DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(id), db_i64(after_at),
                          db_i64(after_id), db_i64(limit)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct callback *b = list_push(out, arena);
        row_fill(rows, &callback_type, b, arena);
        b->agent = ref_at(rows, 11, arena);
        b->team = ref_at(rows, 13, arena);
        b->booked_by = ref_at(rows, 15, arena);
        b->contact = (struct person){0, row_str(rows, 17, arena), row_str(rows, 18, arena)};
        b->channel_id = row_i64(rows, 19);
        b->conversation_team = row_i64(rows, 20);
    }
    return rows_end(rows, err);
}

static bool read_cursor(struct str cursor, i64 *ret_at, i64 *ret_id, struct err *err)
{
    struct str id;
    *ret_at = *ret_id = -1;
    if (!str_given(cursor)) {
        return true;
    }
    struct str at = str_cut(cursor, '.', &id);
    return (str_given(id) && str_to_i64(at, ret_at) && str_to_i64(id, ret_id)) ||
           err_field(err, "cursor", "invalid", "This cursor is none that was given here.");
}

bool callback_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct str cursor,
                   i64 limit, struct arena *arena, struct callback_list *out, struct str *ret_next,
                   struct err *err)
{
    struct callback_list found = {};
    i64 at, id;
    *ret_next = STR_NONE;
    if (!read_cursor(cursor, &at, &id, err) ||
        (conversation_id > 0 && !conversation_visible(conn, actor, conversation_id, err)) ||
        !query(conn, actor->workspace_id, conversation_id, 0, at, id, limit + 1, arena, &found, err)) {
        return false;
    }
    if ((i64)found.len > limit) {
        found.len = (size_t)limit;
        const struct callback *last = &found.items[found.len - 1];
        *ret_next = str_printf(arena, "%lld.%lld", (long long)last->due_at, (long long)last->id);
    }
    for (size_t i = 0; i < found.len; i++) {
        if (actor_sees(actor, found.items[i].channel_id, found.items[i].conversation_team)) {
            *list_push(out, arena) = found.items[i];
        }
    }
    return true;
}

static bool not_here(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "There is no such call-back.");
}

static bool get(struct tx *tx, i64 workspace_id, i64 id, struct callback *out, struct err *err)
{
    struct callback_list one = {};
    struct rows *rows;
    i64 conversation = 0;
    // Locked where locks are, before it is read with its names.
    if (!db_query(tx->conn, &SQL_callback_get, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        conversation = row_i64(rows, 2);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (conversation == 0) {
        return not_here(err);
    }
    if (!query(tx->conn, workspace_id, conversation, id, -1, -1, 1, tx->arena, &one, err)) {
        return false;
    }
    if (one.len == 0) {
        return not_here(err);
    }
    *out = one.items[0];
    return true;
}

// ---- Writing ----------------------------------------------------------------------------------------

static bool tell(struct change *change, const struct record *conversation, const struct callback *b,
                 const char *what, struct err *err)
{
    struct buf buf;
    buf_init(&buf, change->tx->arena, 1024);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_i64(&w, b->id);
    json_key(&w, "what");
    json_put_str(&w, str_from(what));
    json_key(&w, "due_at");
    json_put_time(&w, b->due_at);
    json_key(&w, "agent_id");
    json_put_i64(&w, b->agent.id);
    json_key(&w, "team_id");
    json_put_i64(&w, b->team.id);
    json_close(&w, '}');
    return change_log(change, EVENT_CONVERSATION_CALLBACK, conversation, 0, buf_str(&buf), err);
}

static bool save(struct change *change, const struct callback *b, struct err *err)
{
    return db_exec(change->tx->conn, &SQL_callback_set,
                   DB_ARGS(db_i64(b->agent.id), db_i64(b->team.id), db_str(b->note), db_i64(b->due_at),
                           db_str(b->state), db_opt(b->told_at), db_opt(b->missed_at), db_i64(b->moves),
                           db_opt(b->ended_at), db_i64(change->workspace_id), db_i64(b->id)),
                   NULL, err);
}

bool callback_renew(struct change *change, struct edit *edit, struct err *err)
{
    struct record *row = &edit->after;
    i64 was = row->callback_at;
    if (!db_one_i64(change->tx->conn, &SQL_callback_earliest,
                    DB_ARGS(db_i64(change->workspace_id), db_i64(row->id)), &row->callback_at, err)) {
        return false;
    }
    // Without a promise of another kind it is due when it is to be called.
    if (row->due_at == 0 || row->due_at == was) {
        row->due_at = row->callback_at;
    }
    return true;
}

// Until then nobody needs to look at it.
static void wait_for(struct change *change, struct edit *edit)
{
    struct record *row = &edit->after;
    if (row->callback_at > change->tx->now) {
        row->status = S("snoozed");
        row->snoozed_until = row->callback_at;
        row->closed_at = 0;
    }
}

static bool check_time(const struct change *change, i64 due_at, struct err *err)
{
    if (due_at <= change->tx->now) {
        return err_field(err, "due_at", "in_the_past", "A call-back is booked for a time in the future.");
    }
    return due_at <= change->tx->now + LONGEST_MS ||
           err_field(err, "due_at", "too_far", "A call-back is booked at most a year ahead.");
}

// Whose it is now, the conversation is too.
static bool give_to(struct change *change, struct edit *edit, struct callback *b, i64 agent_id, i64 team_id,
                    struct err *err)
{
    if (!change_check_agent(change->tx, change->workspace_id, agent_id, "agent_id", err) ||
        !change_check_team(change->tx, change->workspace_id, team_id, "team_id", err)) {
        return false;
    }
    b->agent.id = agent_id;
    b->team.id = team_id;
    edit->after.assignee_id = agent_id;
    edit->after.team_id = team_id > 0 ? team_id : edit->after.team_id;
    return true;
}

static bool move(struct change *change, struct callback *b, i64 due_at, struct err *err)
{
    if (!check_time(change, due_at, err)) {
        return false;
    }
    b->moves += due_at != b->due_at;
    b->due_at = due_at;
    b->told_at = b->missed_at = 0;
    return true;
}

bool callback_book_in(struct change *change, const struct actor *actor, struct edit *edit,
                      const struct callback_body *body, struct err *err)
{
    struct callback b = {.note = str_given(body->note) ? str_trim(body->note) : S(""), .state = S("booked")};
    i64 agent = body->agent_id > 0 || body->team_id > 0 ? body->agent_id : actor->agent_id, booked;
    struct tx *tx = change->tx;
    if (!check_time(change, body->due_at, err) ||
        !db_one_i64(tx->conn, &SQL_callback_booked_in,
                    DB_ARGS(db_i64(change->workspace_id), db_i64(edit->after.id)), &booked, err)) {
        return false;
    }
    if (booked > 0) { // one at a time: this is the new moment
        struct callback was;
        if (!get(tx, change->workspace_id, booked, &was, err) || !move(change, &was, body->due_at, err) ||
            !give_to(change, edit, &was, agent, body->team_id, err)) {
            return false;
        }
        was.note = b.note.len > 0 ? b.note : was.note;
        b = was;
        if (!save(change, &b, err)) {
            return false;
        }
    } else {
        b.due_at = body->due_at;
        if (!give_to(change, edit, &b, agent, body->team_id, err) ||
            !db_one_i64(tx->conn, &SQL_callback_insert,
                        DB_ARGS(db_i64(change->workspace_id), db_i64(edit->after.id), db_i64(b.agent.id),
                                db_i64(b.team.id), db_str(b.note), db_i64(b.due_at), db_i64(actor->agent_id),
                                db_i64(tx->now)),
                        &b.id, err)) {
            return false;
        }
    }
    if (!callback_renew(change, edit, err)) {
        return false;
    }
    wait_for(change, edit);
    edit->touched = true;
    return tell(change, &edit->after, &b, booked > 0 ? "moved" : "booked", err);
}

// A conversation that only waited for the call is to be looked at again.
static bool end(struct change *change, struct edit *edit, struct callback *b, const char *state,
                struct err *err)
{
    i64 was = edit->after.callback_at;
    b->state = str_from(state);
    b->ended_at = change->tx->now;
    if (!save(change, b, err) || !callback_renew(change, edit, err)) {
        return false;
    }
    if (str_eq(edit->after.status, S("snoozed")) && edit->after.snoozed_until == was) {
        change_reopen(edit);
        wait_for(change, edit);
    }
    edit->touched = true;
    return tell(change, &edit->after, b, state, err);
}

bool callback_settle(struct change *change, struct edit *edit, struct err *err)
{
    for (;;) {
        struct callback b;
        i64 booked;
        if (!db_one_i64(change->tx->conn, &SQL_callback_booked_in,
                        DB_ARGS(db_i64(change->workspace_id), db_i64(edit->after.id)), &booked, err)) {
            return false;
        }
        if (booked == 0) {
            return true;
        }
        if (!get(change->tx, change->workspace_id, booked, &b, err) || !end(change, edit, &b, "done", err)) {
            return false;
        }
    }
}

static bool open_conversation(struct change *change, const struct actor *actor, i64 id,
                              struct edit **ret_edit, struct err *err)
{
    if (!change_open(change, id, ret_edit, err)) {
        return false;
    }
    if (!actor_sees(actor, (*ret_edit)->before.channel_id, (*ret_edit)->before.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    if (!actor_may(actor, MAY_TRIAGE)) {
        return err_set(err, ERR_DENIED, "Your role may not book call-backs.");
    }
    return (*ret_edit)->before.merged_into == 0 ||
           err_set(err, ERR_CONFLICT, "This conversation went into number %lld.",
                   (long long)(*ret_edit)->before.merged_into);
}

bool callback_book(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct callback_body *body, struct callback *out, struct err *err)
{
    struct change change;
    struct edit *edit;
    i64 booked;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    return open_conversation(&change, actor, conversation_id, &edit, err) &&
           callback_book_in(&change, actor, edit, body, err) && change_finish(&change, err) &&
           db_one_i64(tx->conn, &SQL_callback_booked_in,
                      DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id)), &booked, err) &&
           get(tx, actor->workspace_id, booked, out, err);
}

static bool has(field_set given, const char *name)
{
    return field_given(&callback_patch_type, given, name);
}

static bool apply(struct change *change, struct edit *edit, struct callback *b,
                  const struct callback_body *patch, field_set given, struct err *err)
{
    i64 moves = b->moves;
    if (has(given, "due_at") && !move(change, b, patch->due_at, err)) {
        return false;
    }
    if ((has(given, "agent_id") || has(given, "team_id")) &&
        !give_to(change, edit, b, has(given, "agent_id") ? patch->agent_id : 0,
                 has(given, "team_id") ? patch->team_id : 0, err)) {
        return false;
    }
    b->note = has(given, "note") ? str_trim(patch->note) : b->note;
    if (has(given, "state")) {
        return end(change, edit, b, str_cstr(change->tx->arena, patch->state), err);
    }
    if (!save(change, b, err) || !callback_renew(change, edit, err)) {
        return false;
    }
    if (b->moves > moves) {
        wait_for(change, edit);
    }
    edit->touched = true;
    return tell(change, &edit->after, b, b->moves > moves ? "moved" : "booked", err);
}

bool callback_change(struct tx *tx, const struct actor *actor, i64 id, const struct callback_body *patch,
                     field_set given, struct callback *out, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct callback b;
    struct err why = {};
    i64 place;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    // Conversation first, then the row: the order of locks.
    if (!db_one_i64(tx->conn, &SQL_callback_place, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &place,
                    &why)) {
        *err = why;
        return why.code == ERR_NOT_FOUND ? not_here(err) : false;
    }
    if (!open_conversation(&change, actor, place, &edit, err)) {
        return err->code == ERR_NOT_FOUND ? not_here(err) : false;
    }
    if (!get(tx, actor->workspace_id, id, &b, err)) {
        return false;
    }
    if (b.conversation_id != place) {
        return err_retry(err, ERR_UNAVAILABLE, 1, "The conversation was merged in this moment.");
    }
    if (!str_eq(b.state, S("booked"))) {
        return err_set(err, ERR_CONFLICT, "This call-back is over. Book another one.");
    }
    return apply(&change, edit, &b, patch, given, err) && change_finish(&change, err) &&
           get(tx, actor->workspace_id, id, out, err);
}

// ---- The moment has come ----------------------------------------------------------------------------

static bool run_one(struct tx *tx, i64 workspace_id, i64 id, i64 conversation_id, struct err *err)
{
    struct change change;
    struct edit *edit;
    struct callback b;
    change_init(&change, tx, workspace_id, 0);
    change.reason = S("callback_due");
    if (!change_open(&change, conversation_id, &edit, err) || !get(tx, workspace_id, id, &b, err)) {
        return false;
    }
    if (!str_eq(b.state, S("booked")) || b.due_at > tx->now || b.conversation_id != conversation_id) {
        return true; // changed meanwhile
    }
    bool due = b.told_at == 0;
    if (due) {
        b.told_at = tx->now;
    } else if (b.missed_at == 0 && b.due_at <= tx->now - CALLBACK_MISSED_MS) {
        b.missed_at = tx->now;
    } else {
        return true;
    }
    if (!str_eq(edit->after.status, S("open"))) {
        change_reopen(edit);
    }
    edit->touched = true;
    return save(&change, &b, err) && tell(&change, &edit->after, &b, due ? "due" : "missed", err) &&
           change_finish(&change, err);
}

bool callback_run(struct tx *tx, i64 *ret_n, struct err *err)
{
    struct due {
        i64 workspace_id, id, conversation_id;
    };
    struct {
        struct due *items;
        size_t len, cap;
    } due = {};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_callback_due,
                  DB_ARGS(db_i64(tx->now), db_i64(tx->now - CALLBACK_MISSED_MS), db_i64(AT_ONCE)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&due, tx->arena) = (struct due){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < due.len; i++) {
        if (!run_one(tx, due.items[i].workspace_id, due.items[i].id, due.items[i].conversation_id, err)) {
            return false;
        }
    }
    *ret_n = (i64)due.len;
    return true;
}
