// SPDX-License-Identifier: AGPL-3.0-or-later
// See contact.h. Where an identity and a conversation belong is written down at the first merge
// (identity.home_contact_id, conversation_home); a merge and its undoing then are a few updates.
#include "desk/contact.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"

enum { SUGGESTED_MAX = 5, HANDLE_BYTES_MIN = 5 }; // shorter handles are too common to mean anything

const struct type contact_ref_type = {
    "ContactRef",
    (const struct field[]){
        FIELD(contact_ref, FIELD_I64, contact_id, FIELD_REQUIRED, .max = (size_t)9007199254740991),
        FIELD_END,
    },
    sizeof(struct contact_ref),
};
static const char *const reason_kinds[] = {"email", "phone", "handle", NULL};
static const struct type reason_type = {
    "ContactReason",
    (const struct field[]){
        FIELD(contact_reason, FIELD_ENUM, kind, FIELD_READ_ONLY, .names = reason_kinds),
        FIELD(contact_reason, FIELD_STR, value, FIELD_READ_ONLY, .doc = "what both have"),
        FIELD_END,
    },
    sizeof(struct contact_reason),
};
const struct type contact_suggestion_type = {
    "ContactSuggestion",
    (const struct field[]){
        FIELD(contact_suggestion, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(contact_suggestion, FIELD_STR, name, FIELD_READ_ONLY),
        FIELD(contact_suggestion, FIELD_LIST, identities, FIELD_READ_ONLY, .type = &card_identity_type),
        FIELD(contact_suggestion, FIELD_LIST, reasons, FIELD_READ_ONLY, .type = &reason_type),
        FIELD_END,
    },
    sizeof(struct contact_suggestion),
};

// ---- Suggestions ------------------------------------------------------------------------------------

struct search {
    struct conn *conn;
    const struct actor *actor;
    struct arena *arena;
    const struct card *card;
    struct contact_suggestion_list *found;
};

static bool is_apart(const struct search *s, i64 other, bool *ret_apart, struct err *err)
{
    i64 low = s->card->id < other ? s->card->id : other, high = s->card->id < other ? other : s->card->id;
    i64 n;
    if (!db_one_i64(s->conn, &SQL_contact_is_apart,
                    DB_ARGS(db_i64(s->actor->workspace_id), db_i64(low), db_i64(high)), &n, err))
        return false;
    *ret_apart = n > 0;
    return true;
}

static struct contact_suggestion *found_before(const struct search *s, i64 id)
{
    for (size_t i = 0; i < s->found->len; i++) {
        if (s->found->items[i].id == id)
            return &s->found->items[i];
    }
    return NULL;
}

static bool add_one(struct search *s, i64 id, struct contact_reason reason, struct err *err)
{
    struct card other = {};
    struct err why = {};
    bool apart;
    if (id == s->card->id)
        return true;
    if (!card_get(s->conn, s->actor, id, s->arena, &other, &why)) {
        if (why.code == ERR_NOT_FOUND) // not theirs to see
            return true;
        *err = why;
        return false;
    }
    if (other.id == s->card->id) // shown under this one already
        return true;
    struct contact_suggestion *suggestion = found_before(s, other.id);
    if (!suggestion) {
        if (!is_apart(s, other.id, &apart, err))
            return false;
        if (apart || s->found->len >= SUGGESTED_MAX)
            return true;
        suggestion = list_push(s->found, s->arena);
        *suggestion = (struct contact_suggestion){.id = other.id, .name = other.name};
        for (size_t i = 0; i < other.identities.len; i++)
            *list_push(&suggestion->identities, s->arena) = other.identities.items[i];
    }
    for (size_t i = 0; i < suggestion->reasons.len; i++) {
        if (str_eq(suggestion->reasons.items[i].kind, reason.kind) &&
            str_eq(suggestion->reasons.items[i].value, reason.value))
            return true;
    }
    *list_push(&suggestion->reasons, s->arena) = reason;
    return true;
}

static bool add_all(struct search *s, const struct sql *sql, const struct db_arg *args, size_t n,
                    struct contact_reason reason, struct err *err)
{
    struct id_list ids = {};
    struct rows *rows;
    if (!db_query(s->conn, sql, args, n, &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&ids, s->arena) = row_i64(rows, 0);
    if (!rows_end(rows, err))
        return false;
    for (size_t i = 0; i < ids.len; i++) {
        if (!add_one(s, ids.items[i], reason, err))
            return false;
    }
    return true;
}

static bool by_email(struct search *s, struct str email, struct err *err)
{
    struct str key = text_fold(s->arena, email);
    return email.len == 0 ||
           add_all(s, &SQL_contact_by_email, DB_ARGS(db_i64(s->actor->workspace_id), db_str(key)),
                   (struct contact_reason){S("email"), email}, err);
}

static bool by_phone(struct search *s, struct str phone, struct err *err)
{
    struct str key = contact_phone_key(s->arena, phone);
    return key.len == 0 ||
           add_all(s, &SQL_contact_by_phone, DB_ARGS(db_i64(s->actor->workspace_id), db_str(key)),
                   (struct contact_reason){S("phone"), phone}, err);
}

// "@Kadri.example" and "kadri.example" are one handle.
static bool by_handle(struct search *s, const struct card_identity *identity, struct err *err)
{
    struct str handle = identity->handle;
    while (handle.len > 0 && handle.ptr[0] == '@')
        handle = str_sub(handle, 1, handle.len);
    if (handle.len < HANDLE_BYTES_MIN)
        return true;
    return add_all(s, &SQL_contact_by_handle,
                   DB_ARGS(db_i64(s->actor->workspace_id), db_str(str_lower_ascii(s->arena, handle)),
                           db_str(identity->kind)),
                   (struct contact_reason){S("handle"), handle}, err);
}

bool contact_suggest(struct conn *conn, const struct actor *actor, i64 id, struct arena *arena,
                     struct contact_suggestion_list *out, struct err *err)
{
    struct card card = {};
    struct contact_suggestion_list found = {};
    if (!card_get(conn, actor, id, arena, &card, err))
        return false;
    struct search s = {conn, actor, arena, &card, &found};
    if (!by_email(&s, card.email, err) || !by_phone(&s, card.phone, err))
        return false;
    for (size_t i = 0; i < card.parts.len; i++) {
        if (!by_email(&s, card.parts.items[i].email, err) || !by_phone(&s, card.parts.items[i].phone, err))
            return false;
    }
    for (size_t i = 0; i < card.identities.len; i++) {
        const struct card_identity *identity = &card.identities.items[i];
        bool mail = str_eq(identity->kind, S("email"));
        if (!(mail ? by_email(&s, identity->external_id, err) : by_handle(&s, identity, err)))
            return false;
    }
    *out = found;
    return true;
}

// ---- Merging ----------------------------------------------------------------------------------------

// In the order of their numbers, so that two merges of the same two do not wait for each other.
static bool lock_both(struct tx *tx, i64 workspace, i64 a, i64 b, i64 *ret_a_into, i64 *ret_b_into,
                      struct err *err)
{
    i64 first = a < b ? a : b, second = a < b ? b : a, first_into, second_into;
    if (!db_one_i64(tx->conn, &SQL_contact_merged_into, DB_ARGS(db_i64(workspace), db_i64(first)),
                    &first_into, err) ||
        !db_one_i64(tx->conn, &SQL_contact_merged_into, DB_ARGS(db_i64(workspace), db_i64(second)),
                    &second_into, err))
        return false;
    *ret_a_into = a < b ? first_into : second_into;
    *ret_b_into = a < b ? second_into : first_into;
    return true;
}

static bool log_merge(struct tx *tx, const struct actor *actor, const char *kind, i64 id, i64 part_id,
                      struct err *err)
{
    return log_append(tx,
                      &(struct event){.workspace_id = actor->workspace_id,
                                      .kind = str_from(kind),
                                      .agent_id = actor->agent_id,
                                      .data = str_printf(tx->arena, "{\"contact_id\":%lld,\"part_id\":%lld}",
                                                         (long long)id, (long long)part_id)},
                      err);
}

static bool move(struct tx *tx, const struct actor *actor, const struct card *whole, i64 part_id,
                 struct err *err)
{
    struct db_arg workspace = db_i64(actor->workspace_id), part = db_i64(part_id), target = db_i64(whole->id);
    return db_exec(tx->conn, &SQL_contact_merge_identities, DB_ARGS(target, workspace, part), NULL, err) &&
           db_exec(tx->conn, &SQL_contact_merge_homes, DB_ARGS(workspace, part), NULL, err) &&
           db_exec(tx->conn, &SQL_contact_merge_conversations,
                   DB_ARGS(target, db_str(whole->name), db_i64(tx->now), workspace, part), NULL, err) &&
           db_exec(
               tx->conn, &SQL_contact_set_merged,
               DB_ARGS(target, db_i64(tx->now), db_i64(actor->agent_id), db_i64(tx->now), workspace, part),
               NULL, err);
}

bool contact_merge(struct tx *tx, const struct actor *actor, i64 id, i64 part_id, struct err *err)
{
    struct card whole = {}, part = {};
    i64 into, part_into;
    if (!actor_may(actor, MAY_TRIAGE))
        return err_set(err, ERR_DENIED, "Your role does not merge customers.");
    if (!card_get(tx->conn, actor, id, tx->arena, &whole, err) ||
        !card_get(tx->conn, actor, part_id, tx->arena, &part, err))
        return false;
    if (whole.id == part.id)
        return err_field(err, "contact_id", id == part_id ? "same" : "merged",
                         id == part_id ? "This is the same customer." : "These two are merged already.");
    if (!lock_both(tx, actor->workspace_id, whole.id, part.id, &into, &part_into, err))
        return false;
    if (into != 0 || part_into != 0)
        return err_set(err, ERR_CONFLICT, "One of the two was merged in this moment; look again.");
    return move(tx, actor, &whole, part.id, err) &&
           log_merge(tx, actor, EVENT_CONTACT_MERGED, whole.id, part.id, err) &&
           card_tell(tx, actor, &part, err) && card_tell(tx, actor, &whole, err);
}

static bool has_part(const struct card *card, i64 part_id)
{
    for (size_t i = 0; i < card->parts.len; i++) {
        if (card->parts.items[i].id == part_id)
            return true;
    }
    return false;
}

static struct str part_name(const struct card *card, i64 part_id)
{
    for (size_t i = 0; i < card->parts.len; i++) {
        if (card->parts.items[i].id == part_id)
            return card->parts.items[i].name;
    }
    return S("");
}

static bool set_apart(struct tx *tx, const struct actor *actor, i64 a, i64 b, struct err *err)
{
    return db_exec(tx->conn, &SQL_contact_set_apart,
                   DB_ARGS(db_i64(actor->workspace_id), db_i64(a < b ? a : b), db_i64(a < b ? b : a),
                           db_i64(actor->agent_id), db_i64(tx->now)),
                   NULL, err);
}

bool contact_unmerge(struct tx *tx, const struct actor *actor, i64 id, i64 part_id, struct err *err)
{
    struct card whole = {};
    i64 into, part_into;
    if (!actor_may(actor, MAY_TRIAGE))
        return err_set(err, ERR_DENIED, "Your role does not take customers apart.");
    if (!card_get(tx->conn, actor, id, tx->arena, &whole, err))
        return false;
    if (!has_part(&whole, part_id))
        return err_field(err, "contact_id", "not_merged", "This customer is not merged into that one.");
    if (!lock_both(tx, actor->workspace_id, whole.id, part_id, &into, &part_into, err))
        return false;
    if (into != 0 || part_into == 0)
        return err_set(err, ERR_CONFLICT, "Somebody was quicker; look again.");
    struct db_arg workspace = db_i64(actor->workspace_id), part = db_i64(part_id), from = db_i64(whole.id);
    return db_exec(tx->conn, &SQL_contact_part_identities, DB_ARGS(part, workspace, from), NULL, err) &&
           db_exec(tx->conn, &SQL_contact_part_conversations,
                   DB_ARGS(part, db_str(part_name(&whole, part_id)), db_i64(tx->now), workspace, from), NULL,
                   err) &&
           db_exec(tx->conn, &SQL_contact_set_merged,
                   DB_ARGS(db_i64(0), db_opt(0), db_i64(0), db_i64(tx->now), workspace, part), NULL, err) &&
           set_apart(tx, actor, whole.id, part_id, err) &&
           log_merge(tx, actor, EVENT_CONTACT_UNMERGED, whole.id, part_id, err) &&
           card_tell(tx, actor, &whole, err);
}

bool contact_tell_apart(struct tx *tx, const struct actor *actor, i64 id, i64 other_id, struct err *err)
{
    struct card card = {}, other = {};
    if (!actor_may(actor, MAY_TRIAGE))
        return err_set(err, ERR_DENIED, "Your role does not tell customers apart.");
    if (!card_get(tx->conn, actor, id, tx->arena, &card, err) ||
        !card_get(tx->conn, actor, other_id, tx->arena, &other, err))
        return false;
    if (card.id == other.id)
        return err_field(err, "contact_id", "same", "This is the same customer.");
    return set_apart(tx, actor, card.id, other.id, err);
}
