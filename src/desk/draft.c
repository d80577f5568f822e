// SPDX-License-Identifier: AGPL-3.0-or-later
// Drafts on the server: what somebody has begun to write, the same on all their devices, and for
// colleagues when it is shared. Screens hear that a draft changed, not what is in it.
#include "desk/events.h"
#include "desk/together.h"
#include "sql_gen.h"
#include "store/log.h"

enum { DRAFT_BYTES_MAX = 256 * 1024 };

static const char *const mode_names[] = {"reply", "note", NULL};
static const struct field agent_fields[] = {
    FIELD(name_ref, FIELD_I64, id, FIELD_READ_ONLY),
    FIELD(name_ref, FIELD_STR, name, FIELD_READ_ONLY),
    FIELD_END,
};
static const struct type agent_ref_type = {"NameRef", agent_fields, sizeof(struct name_ref)};
static const struct field draft_fields[] = {
    FIELD(draft, FIELD_STRUCT, agent, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &agent_ref_type),
    FIELD(draft, FIELD_ENUM, mode, FIELD_READ_ONLY, .names = mode_names),
    FIELD(draft, FIELD_STR, text, FIELD_READ_ONLY),
    FIELD(draft, FIELD_LIST, attachments, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &draft_attachment_type),
    FIELD(draft, FIELD_STRUCT, mail, FIELD_READ_ONLY | FIELD_NO_ROW, .type = &draft_mail_type,
          .doc = "As in POST messages."),
    FIELD(draft, FIELD_I64, reply_to, FIELD_READ_ONLY | FIELD_NULLABLE),
    FIELD(draft, FIELD_I64, route_id, FIELD_READ_ONLY, .doc = "-1: as the customer wrote last."),
    FIELD(draft, FIELD_BOOL, shared, FIELD_READ_ONLY, .doc = "Colleagues may open, take over and send it."),
    FIELD(draft, FIELD_I64, version, FIELD_READ_ONLY, .doc = "0: there is none (any more)."),
    FIELD(draft, FIELD_TIME, updated_at, FIELD_READ_ONLY | FIELD_NULLABLE),
    FIELD_END,
};
const struct type draft_type = {"Draft", draft_fields, sizeof(struct draft)};
static const struct field body_fields[] = {
    FIELD(draft_body, FIELD_STR, text, 0, .max = DRAFT_BYTES_MAX, .doc = "Empty: the draft goes."),
    FIELD(draft_body, FIELD_LIST, attachments, 0, .max = 20, .type = &draft_attachment_type),
    FIELD(draft_body, FIELD_STRUCT, mail, FIELD_NULLABLE, .type = &draft_mail_type,
          .doc = "As in POST messages; looked at when it is sent."),
    FIELD(draft_body, FIELD_I64, reply_to, FIELD_NULLABLE),
    FIELD(draft_body, FIELD_I64, route_id, 0),
    FIELD(draft_body, FIELD_BOOL, shared, 0, .doc = "Colleagues may open, take over and send it."),
    FIELD_END,
};
const struct type draft_body_type = {"DraftBody", body_fields, sizeof(struct draft_body)};

static void fill(struct rows *rows, struct draft *out, struct arena *arena)
{
    row_fill(rows, &draft_type, out, arena);
    out->agent = (struct name_ref){row_i64(rows, 0), row_str(rows, 1, arena)};
    draft_attachments_unpack(row_str(rows, 4, arena), arena, &out->attachments);
    draft_mail_unpack(row_str(rows, 5, arena), arena, &out->mail);
}

static bool find(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 agent_id, struct str mode,
                 struct arena *arena, struct draft *out, struct err *err)
{
    struct rows *rows;
    struct draft draft = {.mode = mode, .text = S("")};
    if (!db_query(conn, &SQL_draft_get,
                  DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(agent_id), db_str(mode)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        fill(rows, &draft, arena);
    }
    *out = draft;
    return rows_end(rows, err);
}

bool draft_list(struct conn *conn, const struct actor *actor, i64 conversation_id, struct arena *arena,
                struct draft_list *out, struct err *err)
{
    struct rows *rows;
    struct draft_list list = {};
    if (!conversation_visible(conn, actor, conversation_id, err) ||
        !db_query(conn, &SQL_draft_list,
                  DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(actor->agent_id)),
                  &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        fill(rows, list_push(&list, arena), arena);
    }
    *out = list;
    return rows_end(rows, err);
}

// Not about the conversation (its row did not change), so that nobody's lists are built anew for each key.
static bool tell(struct tx *tx, const struct actor *actor, i64 conversation_id, const struct draft *draft,
                 bool to_all, struct err *err)
{
    struct event event = {.workspace_id = actor->workspace_id,
                          .kind = S(EVENT_DRAFT_UPDATED),
                          .agent_id = draft->agent.id,
                          .data = str_printf(tx->arena,
                                             "{\"conversation_id\":%lld,\"mode\":\"" STR_FMT
                                             "\",\"agent_id\":%lld,\"version\":%lld,\"shared\":%s}",
                                             (long long)conversation_id, STR_ARG(draft->mode),
                                             (long long)draft->agent.id, (long long)draft->version,
                                             to_all ? "true" : "false")};
    return log_append(tx, &event, err);
}

static bool check(struct conn *conn, const struct actor *actor, i64 conversation_id, struct str mode,
                  struct err *err)
{
    bool note = str_eq(mode, S("note"));
    if (!note && !str_eq(mode, S("reply"))) {
        return err_set(err, ERR_NOT_FOUND, "A draft is a reply or a note.");
    }
    if (!conversation_visible(conn, actor, conversation_id, err)) {
        return false;
    }
    if (!actor_may(actor, note ? MAY_NOTE : MAY_REPLY)) {
        return err_set(err, ERR_DENIED, "Your role may not write that.");
    }
    return !note || together_may_note(conn, actor, conversation_id, err);
}

bool draft_put(struct tx *tx, const struct actor *actor, i64 conversation_id, struct str mode,
               const struct draft_body *body, struct draft *out, struct err *err)
{
    struct draft was, is;
    struct str text = str_given(body->text) ? body->text : S("");
    if (!check(tx->conn, actor, conversation_id, mode, err) ||
        !find(tx->conn, actor->workspace_id, conversation_id, actor->agent_id, mode, tx->arena, &was, err)) {
        return false;
    }
    if (text.len == 0 && body->attachments.len == 0) {
        *out = (struct draft){.mode = mode, .text = S(""), .agent = {actor->agent_id, actor->name}};
        return draft_forget(tx, actor, conversation_id, mode, err);
    }
    struct str files = draft_attachments_pack(tx->arena, &body->attachments);
    struct str mail = draft_mail_pack(tx->arena, &body->mail);
    if (was.version > 0 && str_eq(was.text, text) && was.shared == body->shared &&
        was.reply_to == body->reply_to && was.route_id == body->route_id &&
        str_eq(draft_attachments_pack(tx->arena, &was.attachments), files) &&
        str_eq(draft_mail_pack(tx->arena, &was.mail), mail)) {
        *out = was;
        return true;
    }
    if (!db_exec(tx->conn, &SQL_draft_put,
                 DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(actor->agent_id),
                         db_str(mode), db_str(text), db_str(files), db_str(mail), db_i64(body->reply_to),
                         db_i64(body->route_id), db_i64(body->shared), db_i64(tx->now)),
                 NULL, err) ||
        !find(tx->conn, actor->workspace_id, conversation_id, actor->agent_id, mode, tx->arena, &is, err) ||
        !tell(tx, actor, conversation_id, &is, is.shared || was.shared, err)) {
        return false;
    }
    *out = is;
    return true;
}

static bool lock(struct tx *tx, i64 workspace_id, i64 conversation_id, i64 agent_id, struct str mode,
                 struct err *err)
{
    struct err why = {};
    i64 version;
    if (db_one_i64(tx->conn, &SQL_draft_lock,
                   DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(agent_id), db_str(mode)),
                   &version, &why) ||
        why.code == ERR_NOT_FOUND) {
        return true;
    }
    *err = why;
    return false;
}

bool draft_take(struct tx *tx, const struct actor *actor, i64 conversation_id, struct str mode, i64 agent_id,
                bool replace, struct draft *out, struct err *err)
{
    struct draft theirs, own;
    i64 taken = 0;
    if (!check(tx->conn, actor, conversation_id, mode, err) ||
        !lock(tx, actor->workspace_id, conversation_id, agent_id, mode, err) ||
        !find(tx->conn, actor->workspace_id, conversation_id, agent_id, mode, tx->arena, &theirs, err) ||
        !find(tx->conn, actor->workspace_id, conversation_id, actor->agent_id, mode, tx->arena, &own, err)) {
        return false;
    }
    if (theirs.version == 0 || !theirs.shared || agent_id == actor->agent_id) {
        return err_set(err, ERR_NOT_FOUND, "There is no such shared draft (any more).");
    }
    if (own.version > 0 && !replace) {
        err_field(err, "replace", "own_draft", "You have begun to write yourself; say that it is replaced.");
        err->code = ERR_CONFLICT;
        return false;
    }
    struct draft gone = theirs;
    gone.version = 0;
    struct draft_body body = {theirs.text,     theirs.attachments, theirs.mail,
                              theirs.reply_to, theirs.route_id,    false};
    if (!db_exec(
            tx->conn, &SQL_draft_delete_shared,
            DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(agent_id), db_str(mode)),
            &taken, err)) {
        return false;
    }
    if (taken == 0) {
        return err_set(err, ERR_CONFLICT, "Somebody else has just taken it over.");
    }
    return tell(tx, actor, conversation_id, &gone, true, err) &&
           draft_put(tx, actor, conversation_id, mode, &body, out, err);
}

bool draft_forget(struct tx *tx, const struct actor *actor, i64 conversation_id, struct str mode,
                  struct err *err)
{
    struct draft was;
    if (!find(tx->conn, actor->workspace_id, conversation_id, actor->agent_id, mode, tx->arena, &was, err)) {
        return false;
    }
    if (was.version == 0) {
        return true;
    }
    bool shared = was.shared;
    was.version = 0;
    return db_exec(tx->conn, &SQL_draft_delete,
                   DB_ARGS(db_i64(actor->workspace_id), db_i64(conversation_id), db_i64(actor->agent_id),
                           db_str(mode)),
                   NULL, err) &&
           tell(tx, actor, conversation_id, &was, shared, err);
}
