// SPDX-License-Identifier: AGPL-3.0-or-later
// See bulk.h: what people ask for.
#include "desk/bulk.h"
#include "desk/change.h"
#include "sql_gen.h"
#include "text/words.h"

enum { TAGS_MAX = 20, TAG_BYTES_MAX = 100, UNDO_FOR_MS = 24 * 3600 * 1000 };

static const char *const state_names[] = {"running", "done", "stopped", "failed", "undoing", "undone", NULL};

const struct type bulk_type = {
    "Bulk",
    (const struct field[]){
        FIELD(bulk, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(bulk, FIELD_STR, q, FIELD_READ_ONLY | FIELD_NULLABLE, .doc = "null: a selection."),
        FIELD(bulk, FIELD_JSON, change, FIELD_READ_ONLY, .doc = "What shall be different."),
        FIELD(bulk, FIELD_ENUM, state, FIELD_READ_ONLY, .names = state_names),
        FIELD(bulk, FIELD_BOOL, found_all, FIELD_READ_ONLY, .doc = "false: total still grows."),
        FIELD(bulk, FIELD_I64, total, FIELD_READ_ONLY),
        FIELD(bulk, FIELD_I64, done, FIELD_READ_ONLY, .doc = "While undoing: what is still changed."),
        FIELD(bulk, FIELD_I64, failed, FIELD_READ_ONLY),
        FIELD(bulk, FIELD_STR, error, FIELD_READ_ONLY, .doc = "The first failure, in words."),
        FIELD(bulk, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD(bulk, FIELD_TIME, finished_at, FIELD_READ_ONLY | FIELD_NULLABLE),
        FIELD_END,
    },
    sizeof(struct bulk),
};
static const struct type row_type = {
    // with what is nobody's outside
    "BulkRow",
    (const struct field[]){
        FIELD(bulk, FIELD_I64, id, 0),
        FIELD(bulk, FIELD_I64, workspace_id, 0),
        FIELD(bulk, FIELD_I64, agent_id, 0),
        FIELD(bulk, FIELD_STR, q, FIELD_NULLABLE),
        FIELD(bulk, FIELD_STR, change, 0),
        FIELD(bulk, FIELD_STR, state, 0),
        FIELD(bulk, FIELD_BOOL, found_all, 0),
        FIELD(bulk, FIELD_I64, found_to, 0),
        FIELD(bulk, FIELD_I64, total, 0),
        FIELD(bulk, FIELD_I64, done, 0),
        FIELD(bulk, FIELD_I64, failed, 0),
        FIELD(bulk, FIELD_STR, error, 0),
        FIELD(bulk, FIELD_I64, created_at, 0),
        FIELD(bulk, FIELD_I64, finished_at, 0),
        FIELD_END,
    },
    sizeof(struct bulk),
};
const struct type bulk_draft_type = {
    "BulkDraft",
    (const struct field[]){
        FIELD(bulk_draft, FIELD_STR, q, 0, .doc = "All that this finds; or ids."),
        FIELD(bulk_draft, FIELD_IDS, ids, 0, .max = BULK_IDS_MAX, .doc = "These; or q."),
        FIELD(bulk_draft, FIELD_ENUM, status, 0, .names = conversation_status_names),
        FIELD(bulk_draft, FIELD_I64, assignee_id, FIELD_NULLABLE, .doc = "null: nobody."),
        FIELD(bulk_draft, FIELD_I64, team_id, FIELD_NULLABLE, .doc = "null: no team."),
        FIELD(bulk_draft, FIELD_ENUM, priority, 0, .names = priority_names),
        FIELD(bulk_draft, FIELD_TIME, snoozed_until, FIELD_NULLABLE, .doc = "Required with status snoozed."),
        FIELD(bulk_draft, FIELD_BOOL, spam, 0),
        FIELD(bulk_draft, FIELD_BOOL, read, 0, .doc = "true: nothing is unread any more."),
        FIELD(bulk_draft, FIELD_STRS, add_tags, 0, .max = TAGS_MAX),
        FIELD(bulk_draft, FIELD_STRS, remove_tags, 0, .max = TAGS_MAX),
        FIELD_END,
    },
    sizeof(struct bulk_draft),
};

static bool given(field_set set, const char *name)
{
    return field_given(&bulk_draft_type, set, name);
}

// ---- What is asked ----

static bool check_tags(struct arena *arena, const struct str_list *tags, const char *field, struct err *err)
{
    for (size_t i = 0; i < tags->len; i++) {
        struct str name = text_clean_name(arena, tags->items[i]);
        if (name.len == 0)
            return err_field(err, field, "required", "A tag has a name.");
        if (name.len > TAG_BYTES_MAX)
            return err_field(err, field, "too_long", "A tag's name is at most %d bytes long.", TAG_BYTES_MAX);
    }
    return true;
}

static bool check_change(struct tx *tx, const struct actor *actor, const struct bulk_draft *draft,
                         field_set set, struct err *err)
{
    static const char *const changes[] = {"status", "assignee_id", "team_id",  "priority",
                                          "spam",   "read",        "add_tags", "remove_tags"};
    bool any = false, snoozes = given(set, "status") && str_eq(draft->status, S("snoozed"));
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        any = any || given(set, changes[i]);
    if (!any)
        return err_field(err, "status", "required", "Say what shall be different: status, assignee_id, …");
    if (snoozes && draft->snoozed_until <= tx->now)
        return err_field(err, "snoozed_until", draft->snoozed_until ? "in_the_past" : "required",
                         "A conversation is snoozed until a time in the future.");
    if (!snoozes && draft->snoozed_until)
        return err_field(err, "snoozed_until", "without_status",
                         "Only with status \"snoozed\" is there a time of return.");
    if (given(set, "read") && !draft->read)
        return err_field(err, "read", "only_true", "Read cannot be taken back.");
    return change_check_agent(tx, actor->workspace_id, draft->assignee_id, "assignee_id", err) &&
           change_check_team(tx, actor->workspace_id, draft->team_id, "team_id", err) &&
           check_tags(tx->arena, &draft->add_tags, "add_tags", err) &&
           check_tags(tx->arena, &draft->remove_tags, "remove_tags", err);
}

static bool check_which(struct tx *tx, const struct bulk_draft *draft, field_set set, struct err *err)
{
    const struct query *query;
    if (given(set, "q") == given(set, "ids"))
        return err_field(err, "ids", "one_of", "Give either ids or q.");
    if (given(set, "ids"))
        return draft->ids.len > 0 || err_field(err, "ids", "required", "Name at least one conversation.");
    return query_parse(draft->q, tx->arena, &query, err);
}

static void put_names(struct json_writer *w, const char *key, const struct str_list *names)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < names->len; i++)
        json_put_str(w, names->items[i]);
    json_close(w, ']');
}

static void put_id(struct json_writer *w, const char *key, i64 id)
{
    json_key(w, key);
    if (id)
        json_put_i64(w, id);
    else
        json_put_null(w);
}

// As it is decoded again, step by step.
static struct str change_json(struct arena *arena, const struct bulk_draft *draft, field_set set)
{
    struct buf buf;
    buf_init(&buf, arena, 64 * 1024);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    if (given(set, "status")) {
        json_key(&w, "status");
        json_put_str(&w, draft->status);
    }
    if (given(set, "priority")) {
        json_key(&w, "priority");
        json_put_str(&w, draft->priority);
    }
    if (draft->snoozed_until) {
        json_key(&w, "snoozed_until");
        json_put_time(&w, draft->snoozed_until);
    }
    if (given(set, "assignee_id"))
        put_id(&w, "assignee_id", draft->assignee_id);
    if (given(set, "team_id"))
        put_id(&w, "team_id", draft->team_id);
    if (given(set, "spam")) {
        json_key(&w, "spam");
        json_put_bool(&w, draft->spam);
    }
    if (given(set, "read")) {
        json_key(&w, "read");
        json_put_bool(&w, true);
    }
    if (given(set, "add_tags"))
        put_names(&w, "add_tags", &draft->add_tags);
    if (given(set, "remove_tags"))
        put_names(&w, "remove_tags", &draft->remove_tags);
    json_close(&w, '}');
    return buf_str(&buf);
}

static bool write_bulk(struct tx *tx, const struct bulk *bulk, struct err *err)
{
    return db_exec(tx->conn, &SQL_bulk_set,
                   DB_ARGS(db_str(bulk->state), db_i64(bulk->found_all), db_i64(bulk->found_to),
                           db_i64(bulk->total), db_i64(bulk->done), db_i64(bulk->failed), db_str(bulk->error),
                           db_opt(bulk->finished_at), db_i64(bulk->workspace_id), db_i64(bulk->id)),
                   NULL, err);
}

static bool add_items(struct tx *tx, struct bulk *bulk, const struct id_list *ids, struct err *err)
{
    for (size_t i = 0; i < ids->len; i++) {
        i64 added = 0;
        if (!db_exec(tx->conn, &SQL_bulk_item_add,
                     DB_ARGS(db_i64(bulk->workspace_id), db_i64(bulk->id), db_i64(ids->items[i])), &added,
                     err))
            return false;
        bulk->total += added;
    }
    return true;
}

bool bulk_create(struct tx *tx, const struct actor *actor, const struct bulk_draft *draft, field_set set,
                 struct bulk *out, struct err *err)
{
    bool selection = given(set, "ids");
    if (!actor_may(actor, MAY_TRIAGE))
        return err_set(err, ERR_DENIED, "Your role may not change conversations.");
    if (!check_which(tx, draft, set, err) || !check_change(tx, actor, draft, set, err))
        return false;
    struct bulk bulk = {.workspace_id = actor->workspace_id,
                        .agent_id = actor->agent_id,
                        .q = selection ? STR_NONE : draft->q,
                        .change = change_json(tx->arena, draft, set),
                        .state = S("running"),
                        .found_all = selection,
                        .error = S(""),
                        .created_at = tx->now};
    if (!db_one_i64(tx->conn, &SQL_bulk_insert,
                    DB_ARGS(db_i64(bulk.workspace_id), db_i64(bulk.agent_id), db_str(bulk.q),
                            db_str(bulk.change), db_i64(selection), db_i64(tx->now)),
                    &bulk.id, err) ||
        !add_items(tx, &bulk, &draft->ids, err) || !write_bulk(tx, &bulk, err))
        return false;
    *out = bulk;
    return true;
}

// ---- Watching, stopping, taking back ----

bool bulk_get(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena, struct bulk *out,
              struct err *err)
{
    struct bulk bulk = {};
    struct err why = {};
    if (!db_one(conn, &SQL_bulk_one, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &row_type, &bulk,
                arena, &why) &&
        why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    if (bulk.id == 0 || bulk.agent_id != actor->agent_id)
        return err_set(err, ERR_NOT_FOUND, "There is no such change.");
    *out = bulk;
    return true;
}

bool bulk_list(struct conn *conn, const struct actor *actor, struct arena *arena, struct bulk_list *out,
               struct err *err)
{
    return db_list(conn, &SQL_bulk_of, DB_ARGS(db_i64(actor->workspace_id), db_i64(actor->agent_id)),
                   &row_type, out, arena, err);
}

static bool lock_own(struct tx *tx, const struct actor *actor, i64 id, struct bulk *out, struct err *err)
{
    struct bulk bulk = {};
    struct err why = {};
    if (!db_one(tx->conn, &SQL_bulk_lock, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), &row_type, &bulk,
                tx->arena, &why) &&
        why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    if (bulk.id == 0 || bulk.agent_id != actor->agent_id)
        return err_set(err, ERR_NOT_FOUND, "There is no such change.");
    *out = bulk;
    return true;
}

bool bulk_stop(struct tx *tx, const struct actor *actor, i64 id, struct bulk *out, struct err *err)
{
    if (!lock_own(tx, actor, id, out, err))
        return false;
    if (str_eq(out->state, S("running")) || str_eq(out->state, S("undoing"))) {
        out->state = S("stopped");
        out->finished_at = tx->now;
        return write_bulk(tx, out, err);
    }
    return true; // it was over already
}

bool bulk_undo(struct tx *tx, const struct actor *actor, i64 id, struct bulk *out, struct err *err)
{
    if (!lock_own(tx, actor, id, out, err))
        return false;
    if (str_eq(out->state, S("undoing")) || str_eq(out->state, S("undone")))
        return true;
    if (out->finished_at && tx->now - out->finished_at > UNDO_FOR_MS)
        return err_set(err, ERR_CONFLICT, "It is too long ago to be taken back.");
    out->state = S("undoing");
    out->found_all = true;
    out->finished_at = 0;
    return write_bulk(tx, out, err);
}

// ---- Steps ----

bool bulk_under_way(struct conn *conn, struct arena *arena, struct bulk_keys *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(conn, &SQL_bulk_next, DB_NO_ARGS, &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, arena) = (struct bulk_key){row_i64(rows, 0), row_i64(rows, 1), row_i64(rows, 2)};
    return rows_end(rows, err);
}

enum { FIND_AT_ONCE = 200, CHANGE_AT_ONCE = 20 };

static struct query_context context_of(const struct actor *actor, const struct query_names *names, i64 now)
{
    return (struct query_context){.workspace_id = actor->workspace_id,
                                  .now = now,
                                  .me = actor->agent_id,
                                  .names = names,
                                  .all_channels = actor->all_channels,
                                  .all_teams = actor->all_teams,
                                  .channels = actor->channels,
                                  .teams = actor->teams};
}

bool bulk_find(struct conn *conn, const struct bulk_key *key, struct arena *arena, struct bulk_found *out,
               struct err *err)
{
    struct bulk bulk = {};
    struct actor actor;
    const struct query *query;
    struct query_names names = {};
    struct query_hits hits = {};
    bool more = false;
    *out = (struct bulk_found){.key = *key, .end = true};
    if (!db_one(conn, &SQL_bulk_one, DB_ARGS(db_i64(key->workspace_id), db_i64(key->id)), &row_type, &bulk,
                arena, err))
        return false;
    out->behind = out->to = bulk.found_to;
    if (bulk.found_all || !str_eq(bulk.state, S("running")))
        return true;
    struct err why = {};
    if (!actor_load(conn, key->agent_id, arena, &actor, &why) || !query_parse(bulk.q, arena, &query, &why)) {
        if (why.code == ERR_UNAUTHENTICATED || why.code == ERR_SYNTAX) {
            out->refused = str_printf(arena, "%s", why.text);
            return true;
        }
        *err = why;
        return false;
    }
    // In the order in which they began, so that what is changed meanwhile moves nothing.
    struct query_page page = {
        .sort = SORT_CREATED, .limit = FIND_AT_ONCE, .after_key = bulk.found_to, .after_id = bulk.found_to};
    struct query_context context = context_of(&actor, &names, bulk.created_at);
    if (!query_names_load(conn, key->workspace_id, arena, &names, err) ||
        !query_run(conn, query, &context, &page, arena, &hits, &more, err))
        return false;
    for (size_t i = 0; i < hits.len; i++)
        *list_push(&out->ids, arena) = hits.items[i].id;
    out->end = !more;
    out->to = more ? hits.next_id : out->to;
    return true;
}

static void tags_of(struct str joined, struct str_list *out, struct arena *arena)
{
    for (struct str rest = joined; str_given(rest) && rest.len > 0;)
        *list_push(out, arena) = str_cut(rest, '\x1f', &rest);
}

static struct str join_tags(const struct str_list *tags, struct arena *arena)
{
    struct str joined = S("");
    for (size_t i = 0; i < tags->len; i++)
        joined = i == 0 ? tags->items[0]
                        : str_printf(arena, "%.*s\x1f%.*s", STR_ARG(joined), STR_ARG(tags->items[i]));
    return joined;
}

static bool has_tag(const struct str_list *tags, struct str name, struct arena *arena)
{
    struct str key = text_fold(arena, text_clean_name(arena, name));
    for (size_t i = 0; i < tags->len; i++) {
        if (str_eq(text_fold(arena, text_clean_name(arena, tags->items[i])), key))
            return true;
    }
    return false;
}

// now, without those of `less`, with those of `more`.
static void mix_tags(const struct str_list *now, const struct str_list *less, const struct str_list *more,
                     struct arena *arena, struct str_list *out)
{
    for (size_t i = 0; i < now->len; i++) {
        if (!has_tag(less, now->items[i], arena))
            *list_push(out, arena) = now->items[i];
    }
    for (size_t i = 0; i < more->len; i++) {
        if (!has_tag(out, more->items[i], arena))
            *list_push(out, arena) = more->items[i];
    }
}

static const struct field *patch_field(const char *name, field_set *set)
{
    for (size_t i = 0; conversation_patch_type.fields[i].name; i++) {
        if (strcmp(conversation_patch_type.fields[i].name, name) == 0) {
            *set |= (field_set)1 << i;
            return &conversation_patch_type.fields[i];
        }
    }
    return NULL;
}

static bool mark_item(struct tx *tx, const struct bulk *bulk, i64 id, const char *state, struct err *err)
{
    return db_exec(tx->conn, &SQL_bulk_item_state,
                   DB_ARGS(db_str(str_from(state)), db_i64(bulk->workspace_id), db_i64(bulk->id), db_i64(id)),
                   NULL, err);
}

// What only concerns this one conversation is noted; anything else stops the step.
static bool fail_item(struct tx *tx, struct bulk *bulk, i64 id, const struct err *why, struct err *err)
{
    if (why->code != ERR_NOT_FOUND && why->code != ERR_DENIED && why->code != ERR_INVALID &&
        why->code != ERR_CONFLICT) {
        *err = *why;
        return false;
    }
    bulk->failed++;
    if (bulk->error.len == 0)
        bulk->error = str_printf(tx->arena, "%s", why->text);
    return mark_item(tx, bulk, id, "failed", err);
}

// Locked before it is read: tags are set as a whole, and what was before is kept for undoing.
static bool hold(struct tx *tx, const struct actor *actor, i64 id, struct conversation *out, struct err *err)
{
    struct change change;
    struct edit *edit;
    change_init(&change, tx, actor->workspace_id, actor->agent_id);
    return change_open(&change, id, &edit, err) && conversation_get(tx->conn, actor, id, tx->arena, out, err);
}

static bool change_one(struct tx *tx, struct bulk *bulk, const struct actor *actor,
                       const struct bulk_draft *change, field_set set, i64 id, struct err *err)
{
    struct conversation before = {}, after = {};
    struct conversation_patch patch = {.status = change->status,
                                       .assignee_id = change->assignee_id,
                                       .team_id = change->team_id,
                                       .priority = change->priority,
                                       .snoozed_until = change->snoozed_until,
                                       .spam = change->spam};
    static const char *const same[] = {"status",   "assignee_id",   "team_id",
                                       "priority", "snoozed_until", "spam"};
    field_set wanted = 0;
    struct err why = {};
    if (!hold(tx, actor, id, &before, &why))
        return fail_item(tx, bulk, id, &why, err);
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        if (given(set, same[i]))
            (void)patch_field(same[i], &wanted);
    }
    if (given(set, "add_tags") || given(set, "remove_tags")) {
        mix_tags(&before.tags, &change->remove_tags, &change->add_tags, tx->arena, &patch.tags);
        (void)patch_field("tags", &wanted);
    }
    // Read first: afterwards it may belong to a team the reader does not see.
    if (given(set, "read") && !conversation_mark_read(tx, actor, id, &why))
        return fail_item(tx, bulk, id, &why, err);
    if (wanted && !conversation_update(tx, actor, id, &patch, wanted, &after, &why))
        return fail_item(tx, bulk, id, &why, err);
    bulk->done++;
    return db_exec(tx->conn, &SQL_bulk_item_done,
                   DB_ARGS(db_str(S("done")), db_str(before.status), db_opt(before.snoozed_until),
                           db_i64(before.assignee.id), db_i64(before.team.id), db_str(before.priority),
                           db_i64(before.spam), db_str(join_tags(&before.tags, tx->arena)),
                           db_i64(bulk->workspace_id), db_i64(bulk->id), db_i64(id)),
                   NULL, err);
}

struct item {
    i64 id;
    struct str status, priority;
    i64 snoozed_until, assignee_id, team_id;
    bool spam;
    struct str_list tags;
};
struct items {
    struct item *items;
    size_t len, cap;
};

static bool next_items(struct tx *tx, const struct bulk *bulk, const char *state, struct items *out,
                       struct err *err)
{
    struct rows *rows;
    struct arena *arena = tx->arena;
    if (!db_query(tx->conn, &SQL_bulk_items,
                  DB_ARGS(db_i64(bulk->workspace_id), db_i64(bulk->id), db_str(str_from(state)),
                          db_i64(CHANGE_AT_ONCE)),
                  &rows, err))
        return false;
    while (rows_next(rows)) {
        struct item *item = list_push(out, arena);
        *item = (struct item){.id = row_i64(rows, 0),
                              .status = row_str(rows, 1, arena),
                              .snoozed_until = row_i64(rows, 2),
                              .assignee_id = row_i64(rows, 3),
                              .team_id = row_i64(rows, 4),
                              .priority = row_str(rows, 5, arena),
                              .spam = row_i64(rows, 6) != 0};
        tags_of(row_str(rows, 7, arena), &item->tags, arena);
    }
    return rows_end(rows, err);
}

static void undo_status(struct tx *tx, const struct conversation *now, const struct bulk_draft *change,
                        const struct item *item, struct conversation_patch *patch, field_set *wanted)
{
    if (!str_eq(now->status, change->status) || str_eq(now->status, item->status))
        return;
    bool asleep = str_eq(item->status, S("snoozed")) && item->snoozed_until > tx->now + 1000;
    patch->status = str_eq(item->status, S("snoozed")) && !asleep ? S("open") : item->status;
    (void)patch_field("status", wanted);
    if (asleep) {
        patch->snoozed_until = item->snoozed_until;
        (void)patch_field("snoozed_until", wanted);
    }
}

static void undo_tags(const struct conversation *now, const struct bulk_draft *change,
                      const struct item *item, struct arena *arena, struct conversation_patch *patch,
                      field_set *wanted)
{
    struct str_list less = {}, more = {};
    for (size_t i = 0; i < change->add_tags.len; i++) {
        if (!has_tag(&item->tags, change->add_tags.items[i], arena))
            *list_push(&less, arena) = change->add_tags.items[i];
    }
    for (size_t i = 0; i < item->tags.len; i++) {
        if (has_tag(&change->remove_tags, item->tags.items[i], arena))
            *list_push(&more, arena) = item->tags.items[i];
    }
    mix_tags(&now->tags, &less, &more, arena, &patch->tags);
    (void)patch_field("tags", wanted);
}

static bool undo_one(struct tx *tx, struct bulk *bulk, const struct actor *actor,
                     const struct bulk_draft *change, field_set set, const struct item *item, struct err *err)
{
    struct conversation now = {}, after = {};
    struct conversation_patch patch = {};
    field_set wanted = 0;
    struct err why = {};
    bulk->done--;
    if (!hold(tx, actor, item->id, &now, &why))
        return fail_item(tx, bulk, item->id, &why, err);
    if (given(set, "status"))
        undo_status(tx, &now, change, item, &patch, &wanted);
    if (given(set, "assignee_id") && now.assignee.id == change->assignee_id) {
        patch.assignee_id = item->assignee_id;
        (void)patch_field("assignee_id", &wanted);
    }
    if (given(set, "team_id") && now.team.id == change->team_id) {
        patch.team_id = item->team_id;
        (void)patch_field("team_id", &wanted);
    }
    if (given(set, "priority") && str_eq(now.priority, change->priority)) {
        patch.priority = item->priority;
        (void)patch_field("priority", &wanted);
    }
    if (given(set, "spam") && now.spam == change->spam) {
        patch.spam = item->spam;
        (void)patch_field("spam", &wanted);
    }
    if (given(set, "add_tags") || given(set, "remove_tags"))
        undo_tags(&now, change, item, tx->arena, &patch, &wanted);
    if (wanted && !conversation_update(tx, actor, item->id, &patch, wanted, &after, &why))
        return fail_item(tx, bulk, item->id, &why, err);
    return mark_item(tx, bulk, item->id, "undone", err);
}

static bool end_bulk(struct tx *tx, struct bulk *bulk, const char *state, struct err *err)
{
    bulk->state = str_from(state);
    bulk->finished_at = tx->now;
    return write_bulk(tx, bulk, err);
}

bool bulk_step(struct tx *tx, const struct bulk_found *found, bool *ret_more, struct err *err)
{
    struct bulk bulk = {};
    struct bulk_draft change = {};
    struct actor actor;
    struct items items = {};
    field_set set = 0;
    struct err why = {};
    *ret_more = false;
    if (!db_one(tx->conn, &SQL_bulk_lock, DB_ARGS(db_i64(found->key.workspace_id), db_i64(found->key.id)),
                &row_type, &bulk, tx->arena, err))
        return false;
    bool undoing = str_eq(bulk.state, S("undoing"));
    if (!undoing && !str_eq(bulk.state, S("running")))
        return true; // stopped meanwhile
    if (!actor_load(tx->conn, bulk.agent_id, tx->arena, &actor, &why)) {
        if (why.code != ERR_UNAUTHENTICATED) {
            *err = why;
            return false;
        }
        bulk.error = str_printf(tx->arena, "%s", why.text);
        return end_bulk(tx, &bulk, "failed", err);
    }
    if (str_given(found->refused)) {
        bulk.error = found->refused;
        return end_bulk(tx, &bulk, "failed", err);
    }
    // Another process may have followed the query as far in the meantime.
    if (!undoing && !bulk.found_all && found->behind == bulk.found_to) {
        if (!add_items(tx, &bulk, &found->ids, err))
            return false;
        bulk.found_to = found->to;
        bulk.found_all = found->end;
    }
    if (!json_decode(bulk.change, &bulk_draft_type, false, tx->arena, &change, &set, err) ||
        !next_items(tx, &bulk, undoing ? "done" : "waiting", &items, err))
        return false;
    for (size_t i = 0; i < items.len; i++) {
        if (undoing ? !undo_one(tx, &bulk, &actor, &change, set, &items.items[i], err)
                    : !change_one(tx, &bulk, &actor, &change, set, items.items[i].id, err))
            return false;
    }
    if (items.len == 0 && bulk.found_all)
        return end_bulk(tx, &bulk, undoing ? "undone" : "done", err);
    *ret_more = true;
    return write_bulk(tx, &bulk, err);
}
