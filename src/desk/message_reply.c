// SPDX-License-Identifier: AGPL-3.0-or-later
// Writing: a note for colleagues, or an answer that goes into the outbox in the same write. What the
// network would refuse is refused here, with the reason, before anything is stored.
#include "base/clock.h"
#include "channels/channel.h"
#include "desk/delivery.h"
#include "desk/events.h"
#include "desk/mail.h"
#include "desk/mark.h"
#include "desk/outbox.h"
#include "desk/route.h"
#include "desk/steering.h"
#include "desk/together.h"
#include "sql_gen.h"
#include "text/words.h"
#include <stdio.h>

enum { NOTE_BYTES_MAX = 64 * 1024, NOTE_FILES_MAX = 10 };

struct its_channel {
    struct str kind, name, state, state_reason, settings;
};
static const struct field its_channel_fields[] = {
    FIELD(its_channel, FIELD_STR, kind, 0),     FIELD(its_channel, FIELD_STR, name, 0),
    FIELD(its_channel, FIELD_STR, state, 0),    FIELD(its_channel, FIELD_STR, state_reason, 0),
    FIELD(its_channel, FIELD_STR, settings, 0), FIELD_END,
};
static const struct type its_channel_type = {"ItsChannel", its_channel_fields, sizeof(struct its_channel)};

struct file_row {
    struct str mime;
    i64 size, width, height;
};
static const struct field file_row_fields[] = {
    FIELD(file_row, FIELD_STR, mime, 0),
    FIELD(file_row, FIELD_I64, size, 0),
    FIELD(file_row, FIELD_I64, width, 0),
    FIELD(file_row, FIELD_I64, height, 0),
    FIELD_END,
};
static const struct type file_row_type = {"FileRow", file_row_fields, sizeof(struct file_row)};

struct writing { // one answer or note on its way into the database
    struct tx *tx;
    const struct actor *actor;
    const struct message_draft *draft;
    struct change change;
    struct edit *edit;
    struct way way;                      // by which it goes out
    const struct channel_driver *driver; // NULL for a note
    struct str text, reply_to;
    const struct json *settings; // of the way's channel
    struct file_row *files;      // one per attachment of the draft
    i64 message_id;
    struct mail_out mail;            // on channels of mail
    struct message_draft forwarding; // the draft with the files of what is passed on
    struct str forward_subject;
};

bool outbox_channel(struct tx *tx, i64 workspace_id, i64 channel_id, const struct channel_driver **ret_driver,
                    const struct json **ret_settings, struct err *err)
{
    struct its_channel channel = {};
    struct err ignored = {};
    if (!db_one(tx->conn, &SQL_message_channel, DB_ARGS(db_i64(workspace_id), db_i64(channel_id)),
                &its_channel_type, &channel, tx->arena, err)) {
        return false;
    }
    if (str_eq(channel.state, S("dead")) || str_eq(channel.state, S("disabled"))) {
        const char *what = str_eq(channel.state, S("dead")) ? "is dead" : "is switched off";
        return channel.state_reason.len > 0
                   ? err_set(err, ERR_CONFLICT, "The channel “" STR_FMT "” %s: " STR_FMT,
                             STR_ARG(channel.name), what, STR_ARG(channel.state_reason))
                   : err_set(err, ERR_CONFLICT, "The channel “" STR_FMT "” %s.", STR_ARG(channel.name), what);
    }
    const struct channel_driver *driver = channel_driver_find(channel.kind);
    if (!driver) {
        return err_set(err, ERR_CONFLICT, "This version does not know the network “" STR_FMT "”.",
                       STR_ARG(channel.kind));
    }
    *ret_driver = driver;
    if (ret_settings) {
        *ret_settings = json_parse(channel.settings, tx->arena, &ignored);
    }
    return true;
}

bool outbox_add(struct change *change, const struct outbox_order *order, struct err *err)
{
    return delivery_enqueue(change->tx, change->workspace_id, order, err);
}

// ---- Checks -----------------------------------------------------------------------------------------

static bool blank(struct str text)
{
    return str_trim(text).len == 0;
}

static const char *unit_name(enum text_unit unit)
{
    return unit == UNIT_BYTES ? "bytes" : "characters";
}

static bool check_text(const struct writing *w, struct err *err)
{
    bool public = str_eq(w->way.visibility, S("public"));
    struct text_limit limit = public ? w->driver->text_public : w->driver->text_private;
    if (text_fits(limit, w->text)) {
        return true;
    }
    if (limit.max > 0 && text_length(limit, w->text) > limit.max) {
        return err_field(err, "text", "too_long", "%s takes at most %zu %s; this text has %zu.",
                         w->driver->title, limit.max, unit_name(limit.unit), text_length(limit, w->text));
    }
    return err_field(err, "text", "too_long", "%s takes at most %zu bytes; this text has %zu.",
                     w->driver->title, limit.max_bytes, w->text.len);
}

static bool check_can(const struct writing *w, struct err *err)
{
    bool public = str_eq(w->way.visibility, S("public"));
    unsigned need = public ? CAN_PUBLIC : CAN_DM;
    if (w->driver->can & need) {
        return true;
    }
    if (w->driver->no_answer) {
        return err_set(err, ERR_CONFLICT, "%s", w->driver->no_answer);
    }
    return err_set(err, ERR_CONFLICT, "%s takes no %s answers.", w->driver->title,
                   public ? "public" : "private");
}

static bool check_files(const struct writing *w, struct err *err)
{
    size_t n = w->draft->attachments.len;
    size_t most = !w->driver ? NOTE_FILES_MAX : w->driver->files ? w->driver->max_files : 0;
    if (n <= most) {
        return true;
    }
    if (most == 0) {
        return err_field(err, "attachments", "not_possible", "%s takes no files.", w->driver->title);
    }
    return err_field(err, "attachments", "too_many", "At most %zu files go with one message.", most);
}

static bool check_file(const struct writing *w, const char *field, const struct file_row *file,
                       struct err *err)
{
    if (!w->driver) {
        return true;
    }
    enum file_kind kind = file_kind_of(file->mime);
    size_t limit = channel_file_limit(w->driver, kind);
    if (!(w->driver->files & kind)) {
        return w->driver->files == FILE_PICTURE
                   ? err_field(err, field, "not_possible", "%s takes pictures only.", w->driver->title)
                   : err_field(err, field, "not_possible", "%s does not take this kind of file (%s).",
                               w->driver->title, file_kind_name(kind));
    }
    if ((size_t)file->size > limit) {
        return err_field(err, field, "too_large",
                         "%s takes files of this kind of at most %zu bytes; this one has %lld.",
                         w->driver->title, limit, (long long)file->size);
    }
    return true;
}

static bool load_files(struct writing *w, struct err *err)
{
    size_t total = 0;
    w->files = arena_array(w->tx->arena, struct file_row, w->draft->attachments.len);
    for (size_t i = 0; i < w->draft->attachments.len; i++) {
        char field[48];
        struct err why = {};
        snprintf(field, sizeof(field), "attachments.%zu.sha256", i);
        if (!db_one(w->tx->conn, &SQL_message_file,
                    DB_ARGS(db_i64(w->actor->workspace_id), db_str(w->draft->attachments.items[i].sha256)),
                    &file_row_type, &w->files[i], w->tx->arena, &why)) {
            if (why.code == ERR_NOT_FOUND) {
                return err_field(err, field, "unknown", "There is no such file. Put it first.");
            }
            *err = why;
            return false;
        }
        if (!check_file(w, field, &w->files[i], err)) {
            return false;
        }
        total += (size_t)w->files[i].size;
    }
    if (w->driver && w->driver->max_total_bytes > 0 && total > w->driver->max_total_bytes) {
        return err_field(err, "attachments", "too_large",
                         "%s takes at most %zu bytes of files with one message; these have %zu.",
                         w->driver->title, w->driver->max_total_bytes, total);
    }
    return true;
}

// What it answers: the message named, or the newest one of the customer.
static bool find_answered(struct writing *w, struct err *err)
{
    struct rows *rows;
    if (w->draft->reply_to > 0) {
        struct message_row row = {};
        struct edit *edit;
        struct err why = {};
        if (!message_row_load(&w->change, w->draft->reply_to, &row, &edit, &why)) {
            if (why.code != ERR_NOT_FOUND) {
                *err = why;
                return false;
            }
            row.conversation_id = 0;
        }
        if (row.conversation_id != w->edit->after.id) {
            return err_field(err, "reply_to", "unknown", "There is no such message in this conversation.");
        }
        if (row.route_id != w->way.route_id) {
            return err_field(err, "reply_to", "not_possible", "That message came by another way.");
        }
        if (!str_given(row.external_id) || row.deleted_at > 0) {
            return err_field(err, "reply_to", "not_possible",
                             "The network does not know that message (any more).");
        }
        w->reply_to = row.external_id;
        return true;
    }
    if (!db_query(w->tx->conn, &SQL_message_newest_in,
                  DB_ARGS(db_i64(w->actor->workspace_id), db_i64(w->edit->after.id), db_i64(w->way.route_id)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        w->reply_to = row_str(rows, 0, w->tx->arena);
    }
    return rows_end(rows, err);
}

// The way named, or the one the customer used last.
static bool find_way(struct writing *w, struct err *err)
{
    struct err why = {};
    if (w->draft->route_id < 0) {
        return way_of_customer(w->tx->conn, &w->edit->after, w->tx->arena, &w->way, err);
    }
    if (way_get(w->tx->conn, &w->edit->after, w->draft->route_id, w->tx->arena, &w->way, &why)) {
        return true;
    }
    if (why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return err_field(err, "route_id", "unknown", "There is no such way into this conversation.");
}

// Some networks let us answer only for a while after the customer's last words.
static bool check_window(const struct writing *w, struct err *err)
{
    i64 until;
    if (!way_reply_until(w->tx->conn, w->actor->workspace_id, w->edit->after.id, &w->way, w->driver,
                         w->settings, &until, err)) {
        return false;
    }
    if (until == 0 || until > w->tx->now) {
        return true;
    }
    err_field(err, "route_id", "window_closed",
              "%s takes answers only for a while after the customer wrote; that time is over. The customer "
              "has to write again.",
              w->driver->title);
    err->code = ERR_CONFLICT;
    return false;
}

// The writer's signature below the text, where the channel allows; never twice.
static bool sign(struct writing *w, struct err *err)
{
    struct rows *rows;
    struct str signature = S("");
    if (w->draft->without_signature || w->actor->agent_id == 0 || !channel_signs(w->driver, w->settings)) {
        return true;
    }
    if (!db_query(
            w->tx->conn, &SQL_compose_signature,
            DB_ARGS(db_i64(w->actor->workspace_id), db_i64(w->way.channel_id), db_i64(w->actor->agent_id)),
            &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        signature = str_trim(row_str(rows, 0, w->tx->arena));
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    struct str text = str_trim(w->text);
    if (signature.len > 0 && !str_ends(text, signature)) {
        w->text = str_printf(w->tx->arena, STR_FMT "%s" STR_FMT, STR_ARG(text), text.len > 0 ? "\n\n" : "",
                             STR_ARG(signature));
    }
    return true;
}

// Nobody shall be answered twice: who answered since the writer last looked?
static bool check_alone(const struct writing *w, struct err *err)
{
    struct rows *rows;
    struct str name = STR_NONE;
    if (w->draft->seen_message_id < 0 || w->draft->mail.forward) {
        return true;
    }
    if (!db_query(w->tx->conn, &SQL_compose_answered_since,
                  DB_ARGS(db_i64(w->actor->workspace_id), db_i64(w->edit->after.id),
                          db_i64(w->draft->seen_message_id), db_i64(w->actor->agent_id)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        name = row_str(rows, 1, w->tx->arena);
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (!str_given(name)) {
        return true;
    }
    err_field(err, "seen_message_id", "answered_meanwhile", STR_FMT " has just answered.",
              STR_ARG(name.len > 0 ? name : S("A colleague")));
    err->code = ERR_CONFLICT;
    return false;
}

static bool prepare_note(struct writing *w, struct err *err)
{
    if (!actor_may(w->actor, MAY_NOTE)) {
        return err_set(err, ERR_DENIED, "Your role may not write notes.");
    }
    if (!together_may_note(w->tx->conn, w->actor, w->edit->after.id, err)) {
        return false;
    }
    if (blank(w->text) && w->draft->attachments.len == 0 && !w->draft->mail.forward) {
        return err_field(err, "text", "required", "A note has a text.");
    }
    if (w->text.len > NOTE_BYTES_MAX) {
        return err_field(err, "text", "too_long", "A note has at most %d bytes.", NOTE_BYTES_MAX);
    }
    if (w->draft->steer) {
        return err_field(err, "steer", "not_possible", "A note asks nobody over.");
    }
    if (w->draft->reply_to > 0) {
        return err_field(err, "reply_to", "not_possible", "A note answers no message.");
    }
    return check_files(w, err) && load_files(w, err);
}

// ---- Passing a message on ---------------------------------------------------------------------------

static struct str mail_field(const struct json *mail, const char *path)
{
    struct str text = json_str(json_at(mail, path));
    return str_given(text) ? text : S("");
}

// The text with the message below, as people know it from their mail programs.
static void quote_forwarded(struct writing *w, const struct message *m)
{
    struct err ignored = {};
    char when[CLOCK_TEXT];
    const struct json *mail = str_given(m->mail) ? json_parse(m->mail, w->tx->arena, &ignored) : NULL;
    struct str name = str_given(m->author.name) ? m->author.name : S(""),
               subject = mail_field(mail, "subject");
    struct str address = mail_field(mail, "from.address");
    clock_write(m->created_at, when);
    w->text = str_printf(w->tx->arena,
                         STR_FMT "%s" FORWARD_LINE "\nFrom: " STR_FMT "%s" STR_FMT
                                 "%s\nDate: %.10s %.5s UTC\nSubject: " STR_FMT "\n\n" STR_FMT,
                         STR_ARG(str_trim(w->text)), blank(w->text) ? "" : "\n\n", STR_ARG(name),
                         address.len ? " <" : "", STR_ARG(address), address.len ? ">" : "", when, when + 11,
                         STR_ARG(subject), STR_ARG(m->text));
    w->forward_subject = str_concat(w->tx->arena, S("Fwd: "), subject);
}

static bool add_forwarded_files(struct writing *w, i64 message_id, struct err *err)
{
    struct rows *rows;
    struct arena *arena = w->tx->arena;
    struct draft_attachments own = {};
    for (size_t i = 0; i < w->draft->attachments.len; i++) {
        *list_push(&own, arena) = w->draft->attachments.items[i];
    }
    if (!db_query(w->tx->conn, &SQL_delivery_attachments,
                  DB_ARGS(db_i64(w->actor->workspace_id), db_i64(message_id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct str sha256 = row_str(rows, 0, arena);
        if (str_given(sha256) && sha256.len > 0) {
            *list_push(&own, arena) =
                (struct draft_attachment){sha256, row_str(rows, 2, arena), row_str(rows, 3, arena)};
        }
    }
    w->forwarding = *w->draft;
    w->forwarding.attachments = own;
    w->draft = &w->forwarding;
    return rows_end(rows, err);
}

static bool prepare_forward(struct writing *w, struct err *err)
{
    struct message original = {};
    struct err why = {};
    i64 id = w->draft->mail.forward;
    if (id == 0) {
        return true;
    }
    if (!(w->driver->can & CAN_MAIL)) {
        return err_field(err, "mail", "not_possible", "This channel sends no mail.");
    }
    if (w->draft->mail.to.len == 0) {
        return err_field(err, "mail.to", "required", "Say to whom it is passed on.");
    }
    bool found = message_get(w->tx->conn, w->actor, id, w->tx->arena, &original, &why);
    if (!found && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    if (!found || original.conversation_id != w->edit->after.id || original.deleted_at > 0 ||
        str_eq(original.kind, S("note"))) {
        return err_field(err, "mail.forward", "unknown",
                         "There is no such message of a customer or of ours in this conversation.");
    }
    quote_forwarded(w, &original);
    return add_forwarded_files(w, id, err);
}

// To whom it goes.
static bool prepare_mail(struct writing *w, struct err *err)
{
    const struct draft_mail *given = &w->draft->mail;
    if (!(w->driver->can & CAN_MAIL)) {
        return draft_mail_is_usual(given) ||
               err_field(err, "mail", "not_possible", "This channel sends no mail.");
    }
    struct mail_draft draft = {.to = given->to,
                               .cc = given->cc,
                               .subject = given->subject,
                               .address = w->way.address,
                               .text = w->text};
    if (given->forward && !str_given(draft.subject)) {
        draft.subject = w->forward_subject;
    }
    return mail_prepare_out(w->tx, &w->edit->after, &draft, w->reply_to, &w->mail, err);
}

static bool prepare_reply(struct writing *w, struct err *err)
{
    if (!actor_may(w->actor, MAY_REPLY)) {
        return err_set(err, ERR_DENIED, "Your role may not answer customers.");
    }
    if (blank(w->text) && w->draft->attachments.len == 0 && !w->draft->mail.forward) {
        return err_field(err, "text", "required", "An answer has a text or a file.");
    }
    if (w->draft->mentions.len > 0) {
        return err_field(err, "mentions", "not_possible", "Only a note names colleagues.");
    }
    return outbox_channel(w->tx, w->actor->workspace_id, w->way.channel_id, &w->driver, &w->settings, err) &&
           check_can(w, err) && check_window(w, err) && sign(w, err) && prepare_forward(w, err) &&
           check_text(w, err) && check_files(w, err) && load_files(w, err) && find_answered(w, err) &&
           check_alone(w, err) && prepare_mail(w, err);
}

// ---- Writing ----------------------------------------------------------------------------------------

static i64 undo_until(const struct writing *w)
{
    return w->driver && w->draft->undo_s > 0 ? w->tx->now + w->draft->undo_s * 1000 : 0;
}

static bool insert_message(struct writing *w, struct err *err)
{
    bool note = !w->driver;
    const struct record *row = &w->edit->after;
    i64 now = w->tx->now;
    return db_one_i64(
        w->tx->conn, &SQL_message_insert,
        DB_ARGS(db_i64(w->actor->workspace_id), db_i64(row->id), db_i64(w->way.channel_id), db_str(STR_NONE),
                db_str(S("out")), db_str(note ? S("note") : S("message")),
                db_str(note ? S("team") : w->way.visibility), db_str(S("agent")), db_i64(0),
                db_i64(w->actor->agent_id), db_str(str_given(w->actor->name) ? w->actor->name : S("")),
                db_str(S("")), db_str(w->text), db_str(S("")), db_str(w->reply_to), db_str(S("{}")),
                db_i64(now), db_i64(now), db_opt(0), db_opt(0), db_i64(1),
                db_str(note ? STR_NONE : S("queued")), db_i64(w->way.route_id), db_opt(undo_until(w))),
        &w->message_id, err);
}

static bool insert_files(struct writing *w, struct err *err)
{
    for (size_t i = 0; i < w->draft->attachments.len; i++) {
        const struct draft_attachment *draft = &w->draft->attachments.items[i];
        const struct file_row *file = &w->files[i];
        i64 here = 0;
        if (!db_exec(w->tx->conn, &SQL_file_touch,
                     DB_ARGS(db_i64(w->tx->now), db_i64(w->actor->workspace_id), db_str(draft->sha256)),
                     &here, err)) {
            return false;
        }
        if (here == 0) {
            return err_field(err, "attachments", "unknown",
                             "There is no such file (any more); put it again.");
        }
        if (!db_exec(w->tx->conn, &SQL_message_attach,
                     DB_ARGS(db_i64(w->actor->workspace_id), db_i64(w->message_id), db_i64((i64)i),
                             db_str(S("")), db_str(file->mime),
                             db_str(text_file_name(w->tx->arena, draft->name)),
                             db_str(str_given(draft->alt) ? draft->alt : S("")), db_i64(file->size),
                             db_i64(file->width), db_i64(file->height), db_str(draft->sha256),
                             db_str(S("ready")), db_str(S("")), db_i64(0)),
                     NULL, err)) {
            return false;
        }
    }
    return true;
}

static void conversation_heard(struct writing *w)
{
    struct record *row = &w->edit->after;
    i64 now = w->tx->now;
    w->edit->touched = true;
    if (!w->driver) {
        return;
    }
    row->message_count++;
    if (!w->draft->mail.forward) { // what is passed on answers nobody
        row->unread = 0;
        row->waiting_since = 0; // this answer is newer than all that came
        row->last_out_at = now > row->last_out_at ? now : row->last_out_at;
    }
    if (now > row->last_message_at) {
        struct str file = S("");
        if (w->draft->attachments.len > 0) {
            const struct draft_attachment *first = &w->draft->attachments.items[0];
            file = first->alt.len > 0 ? first->alt : str_given(first->name) ? first->name : S("");
        }
        row->last_message_at = now;
        row->preview = edit_preview(w->tx->arena, w->text, file);
    } else {
        w->edit->renew_preview = true;
    }
}

static bool order_send(struct writing *w, struct err *err)
{
    struct outbox_order order = {.channel_id = w->way.channel_id,
                                 .conversation_id = w->edit->after.id,
                                 .message_id = w->message_id,
                                 .action = S("send"),
                                 .not_before = undo_until(w)};
    return outbox_add(&w->change, &order, err);
}

static bool note_forward(struct writing *w, struct err *err)
{
    return db_exec(
        w->tx->conn, &SQL_mail_forward_set,
        DB_ARGS(db_i64(w->draft->mail.forward), db_i64(w->actor->workspace_id), db_i64(w->message_id)), NULL,
        err);
}

static bool write_it(struct writing *w, struct err *err)
{
    struct str data = w->driver ? S("{\"direction\":\"out\",\"kind\":\"message\",\"origin\":\"agent\"}")
                                : S("{\"direction\":\"out\",\"kind\":\"note\",\"origin\":\"agent\"}");
    bool mail = w->driver && w->driver->can & CAN_MAIL;
    if (!insert_message(w, err) || !insert_files(w, err) ||
        (mail && !mail_store_out(w->tx, &w->edit->after, w->message_id, &w->mail, err)) ||
        (w->draft->mail.forward && !note_forward(w, err)) || (w->driver && !order_send(w, err))) {
        return false;
    }
    conversation_heard(w);
    return change_log(&w->change, EVENT_MESSAGE_CREATED, &w->edit->after, w->message_id, data, err) &&
           together_mention(&w->change, w->actor, w->edit, w->message_id, &w->draft->mentions, err) &&
           (w->draft->keep_draft || draft_forget(w->tx, w->actor, w->edit->after.id, w->draft->kind, err)) &&
           (!w->draft->steer || steering_mark(&w->change, &w->edit->after, w->message_id, err)) &&
           change_finish(&w->change, err);
}

static bool prepare(struct writing *w, i64 conversation_id, struct err *err)
{
    const struct actor *actor = w->actor;
    change_init(&w->change, w->tx, actor->workspace_id, actor->agent_id);
    if (!change_open(&w->change, conversation_id, &w->edit, err)) {
        return false;
    }
    if (!actor_sees(actor, w->edit->before.channel_id, w->edit->before.team_id)) {
        return err_set(err, ERR_NOT_FOUND, "There is no such conversation.");
    }
    if (w->edit->before.merged_into) {
        return err_set(err, ERR_CONFLICT, "This conversation went into number %lld.",
                       (long long)w->edit->before.merged_into);
    }
    if (str_eq(w->draft->kind, S("note"))) {
        w->way = way_home(&w->edit->after);
        return prepare_note(w, err);
    }
    return find_way(w, err) && prepare_reply(w, err);
}

static struct writing begin(struct tx *tx, const struct actor *actor, const struct message_draft *draft)
{
    return (struct writing){
        .tx = tx, .actor = actor, .draft = draft, .text = str_given(draft->text) ? draft->text : S("")};
}

bool message_check(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct message_draft *draft, struct err *err)
{
    struct writing w = begin(tx, actor, draft);
    return prepare(&w, conversation_id, err);
}

bool message_reply(struct tx *tx, const struct actor *actor, i64 conversation_id,
                   const struct message_draft *draft, struct message *out, struct err *err)
{
    struct writing w = begin(tx, actor, draft);
    return prepare(&w, conversation_id, err) && write_it(&w, err) &&
           message_get(tx->conn, actor, w.message_id, tx->arena, out, err);
}
