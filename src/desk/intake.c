// SPDX-License-Identifier: AGPL-3.0-or-later
// Parsed events become messages, in named steps, each one small function: drop repeats → identity and
// contact → conversation → store message → marks → reopen → count, clock, language. Edits, deletions
// and receipts are marks, kept even before their message is here.
#include "desk/intake.h"
#include "desk/ahead.h"
#include "desk/events.h"
#include "desk/mail.h"
#include "desk/mark.h"
#include "desk/people.h"
#include "sql_gen.h"
#include "text/language.h"
#include "text/words.h"

struct intake { // one batch
    struct tx *tx;
    i64 workspace_id, channel_id;
    struct str channel_kind;
    struct author_place place;
    struct author_list authors;
    struct ahead ahead;
    struct change change;
};
struct arriving { // one created event on its way through the steps
    const struct inbound *event;
    i64 seen_id; // this message is here already; 0: it is new
    struct str seen_kind;
    i64 seen_conversation;
    struct mark mark;
    struct author author; // zero when it is ours or context
    struct edit *edit;
    i64 route_id; // 0: the conversation's own thread
    i64 message_id;
    struct str text, language;
    i64 edited_at, deleted_at;
    bool customer; // a customer's message, which counts
    bool mail;
    struct mail_place place;
};

static bool is(struct str a, const char *b)
{
    return str_eq(a, str_from(b));
}

static struct str or_empty(struct str s)
{
    return str_given(s) ? s : S("");
}

// ---- Drop repeats -----------------------------------------------------------------------------------

static bool ask_for_repeat(struct intake *in, struct arriving *a, struct err *err)
{
    struct rows *rows;
    if (!db_query(in->tx->conn, &SQL_intake_seen,
                  DB_ARGS(db_i64(in->workspace_id), db_i64(in->channel_id), db_str(a->event->external_id)),
                  &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        a->seen_id = row_i64(rows, 0);
        a->seen_kind = row_str(rows, 1, in->tx->arena);
        a->seen_conversation = row_i64(rows, 2);
        row_fill(rows, &mark_type, &a->mark, in->tx->arena);
    }
    return rows_end(rows, err);
}

static bool look_for_repeat(struct intake *in, struct arriving *a, struct err *err)
{
    const struct seen *seen = ahead_find(&in->ahead, a->event->external_id);
    if (!seen) {
        return ask_for_repeat(in, a, err);
    }
    a->seen_id = seen->message_id;
    a->seen_kind = seen->kind;
    a->seen_conversation = seen->conversation_id;
    a->mark = seen->mark;
    return true;
}

// A post that was only context above another one turns out to be meant for us: its context row goes,
// and it arrives now.
static bool drop_context(struct intake *in, const struct arriving *a, struct err *err)
{
    struct conn *conn = in->tx->conn;
    struct message_row row;
    struct edit *edit;
    if (!message_row_load(&in->change, a->seen_id, &row, &edit, err) ||
        !db_exec(conn, &SQL_message_versions_delete, DB_ARGS(db_i64(in->workspace_id), db_i64(row.id)), NULL,
                 err) ||
        !db_exec(conn, &SQL_message_attachments_delete, DB_ARGS(db_i64(in->workspace_id), db_i64(row.id)),
                 NULL, err) ||
        !db_exec(conn, &SQL_message_delete, DB_ARGS(db_i64(in->workspace_id), db_i64(row.id)), NULL, err)) {
        return false;
    }
    edit->touched = true;
    return change_log(&in->change, EVENT_MESSAGE_MERGED, &edit->after, row.id, S("{\"into\":0}"), err);
}

// Programs may name our answers by our own number (channels/custom.c): the echo or receipt of one.
static bool find_own(struct intake *in, const struct inbound *event, struct message_row *out, struct err *err)
{
    i64 number;
    struct err why = {};
    *out = (struct message_row){};
    if (!str_to_i64(event->external_id, &number) || number <= 0) {
        return true;
    }
    struct message_row row = {};
    if (db_one(in->tx->conn, &SQL_message_record_own,
               DB_ARGS(db_i64(in->workspace_id), db_i64(number), db_i64(in->channel_id),
                       db_str(or_empty(event->thread_key))),
               &message_row_type, &row, in->tx->arena, &why)) {
        *out = row;
        return true;
    }
    if (why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return true;
}

// Our own answer came back: it has arrived, whatever our send call still thinks.
static bool echo_of_own(struct intake *in, const struct inbound *event, bool *ret_echo, struct err *err)
{
    struct message_row own;
    struct edit *edit;
    *ret_echo = false;
    if (!event->out || !find_own(in, event, &own, err)) {
        return !event->out;
    }
    if (own.id == 0) {
        return true;
    }
    *ret_echo = true;
    return message_row_load(&in->change, own.id, &own, &edit, err) &&
           message_row_state(&in->change, edit, &own, S("sent"), STR_NONE, err);
}

// ---- Identity, conversation -------------------------------------------------------------------------

static bool find_author(struct intake *in, struct arriving *a, struct err *err)
{
    const struct inbound *event = a->event;
    if (event->out || event->context || event->author_id.len == 0) {
        a->author = (struct author){.contact_name = S(""), .handle = S(""), .name = S("")};
        return true;
    }
    // A claim may name somebody new; it never renames anybody.
    struct author_word word = {event->author_id, event->author_name, event->author_handle,
                               event->claimed ? 0 : event->at};
    return people_find(&in->change, &in->authors, &in->place, &word, &a->author, err);
}

static bool find_conversation(struct intake *in, struct arriving *a, struct err *err)
{
    const struct inbound *event = a->event;
    a->mail = str_given(event->mail_id);
    if (a->mail && !mail_find_place(in->tx, in->workspace_id, in->channel_id, event, &a->place, err)) {
        return false;
    }
    struct thread_place place = {
        .channel_id = in->channel_id,
        .channel_kind = in->channel_kind,
        .thread_key = str_given(a->place.thread_key) ? a->place.thread_key : event->thread_key,
        .kind = str_given(event->conversation_kind) ? event->conversation_kind : S("dm"),
        .visibility = str_given(event->visibility) ? event->visibility : S("private"),
    };
    return change_open_thread(&in->change, &place, &a->edit, &a->route_id, err);
}

// ---- Store ------------------------------------------------------------------------------------------

// What the marks say of it already holds when it comes in.
static void read_marks(struct arriving *a)
{
    a->text = or_empty(a->event->text);
    if (a->mark.edited_at > 0) {
        a->edited_at = a->mark.edited_at;
        a->text = or_empty(a->mark.edited_text);
    }
    if (a->mark.deleted_at > 0) {
        a->deleted_at = a->mark.deleted_at;
        a->text = S("");
    }
}

static struct str state_of(const struct arriving *a)
{
    if (!a->event->out || a->event->context) {
        return STR_NONE;
    }
    return a->mark.receipt == RECEIPT_READ        ? S("read")
           : a->mark.receipt == RECEIPT_DELIVERED ? S("delivered")
                                                  : S("sent");
}

static struct str shown_name(const struct arriving *a, struct arena *arena)
{
    struct str name = text_clean_name(arena, or_empty(a->event->author_name));
    return name.len > 0 ? name : or_empty(a->author.name);
}

// message_id stays 0 when another writer stored it in this moment.
static bool insert_message(struct intake *in, struct arriving *a, struct err *err)
{
    const struct inbound *event = a->event;
    struct arena *arena = in->tx->arena;
    struct err why = {};
    if (db_one_i64(
            in->tx->conn, &SQL_message_insert,
            DB_ARGS(db_i64(in->workspace_id), db_i64(a->edit->after.id), db_i64(in->channel_id),
                    db_str(event->external_id), db_str(event->out ? S("out") : S("in")),
                    db_str(event->context ? S("context") : S("message")),
                    db_str(str_given(event->visibility) ? event->visibility : a->edit->after.visibility),
                    db_str(event->out ? S("elsewhere") : S("customer")), db_i64(a->author.identity_id),
                    db_i64(0), db_str(shown_name(a, arena)),
                    db_str(text_clean_name(arena, or_empty(event->author_handle))), db_str(a->text),
                    db_str(a->language), db_str(event->reply_to.len > 0 ? event->reply_to : STR_NONE),
                    db_str(event->extra.len > 0 ? event->extra : S("{}")), db_i64(event->at),
                    db_i64(in->tx->now), db_opt(a->edited_at), db_opt(a->deleted_at), db_i64(1),
                    db_str(state_of(a)), db_i64(a->route_id), db_opt(0)),
            &a->message_id, &why)) {
        return true;
    }
    if (why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    a->message_id = 0;
    return true;
}

// For later events of this batch.
static void note_arrival(struct intake *in, const struct arriving *a)
{
    struct seen *seen = ahead_find(&in->ahead, a->event->external_id);
    if (seen) {
        seen->message_id = a->message_id;
        seen->kind = a->event->context ? S("context") : S("message");
        seen->conversation_id = a->edit->after.id;
    }
}

static bool insert_attachments(struct intake *in, const struct arriving *a, struct err *err)
{
    for (size_t i = 0; a->deleted_at == 0 && i < a->event->attachments.len; i++) {
        const struct inbound_attachment *file = &a->event->attachments.items[i];
        bool has_url = file->url.len > 0, is_here = file->sha256.len > 0;
        struct str state = is_here ? S("ready") : has_url ? S("waiting") : S("refused");
        struct str reason = is_here || has_url     ? S("")
                            : file->reason.len > 0 ? file->reason
                                                   : S("The network gave no address for it.");
        if (!db_exec(in->tx->conn, &SQL_message_attach,
                     DB_ARGS(db_i64(in->workspace_id), db_i64(a->message_id), db_i64((i64)i),
                             db_str(or_empty(file->url)), db_str(or_empty(file->mime)),
                             db_str(text_file_name(in->tx->arena, file->name)), db_str(or_empty(file->alt)),
                             db_i64(file->size), db_i64(file->width), db_i64(file->height),
                             db_str(is_here ? file->sha256 : STR_NONE), db_str(state), db_str(reason),
                             db_i64(in->tx->now)),
                     NULL, err)) {
            return false;
        }
    }
    return true;
}

static bool log_created(struct intake *in, const struct arriving *a, bool late, struct err *err)
{
    const struct inbound *event = a->event;
    struct str data = str_printf(in->tx->arena, "{\"direction\":\"%s\",\"kind\":\"%s\",\"origin\":\"%s\"%s}",
                                 event->out ? "out" : "in", event->context ? "context" : "message",
                                 event->out ? "elsewhere" : "customer", late ? ",\"late\":true" : "");
    return change_log(&in->change, EVENT_MESSAGE_CREATED, &a->edit->after, a->message_id, data, err);
}

// ---- Reopen, count, clock, language -----------------------------------------------------------------

static void reopen(const struct arriving *a)
{
    if (a->customer && !a->event->quiet && !is(a->edit->after.status, "open")) {
        change_reopen(a->edit);
    }
}

static void count(const struct arriving *a)
{
    a->edit->after.message_count++;
    if (a->customer && a->deleted_at == 0) {
        a->edit->after.unread++;
    }
}

static i64 later(i64 a, i64 b)
{
    return a > b ? a : b;
}

// waiting_since by the rule in change.h's renew_waiting, without asking the rows where they cannot say
// otherwise: a new customer message is newer by arrival than every answer of ours.
static void clock_waiting(const struct arriving *a)
{
    struct record *row = &a->edit->after;
    i64 at = a->event->at;
    if (a->deleted_at > 0 || a->event->quiet) {
        return;
    }
    if (a->customer && at > row->answered_at) {
        row->waiting_since = row->waiting_since == 0 || at < row->waiting_since ? at : row->waiting_since;
    }
    if (a->event->out && at > row->answered_at) {
        row->answered_at = at;
        a->edit->renew_waiting |= row->waiting_since > 0;
    }
}

static void clock_preview(struct intake *in, const struct arriving *a)
{
    struct record *row = &a->edit->after;
    if (a->event->at > row->last_message_at && a->deleted_at == 0) {
        struct str file = S("");
        if (a->event->attachments.len > 0) {
            const struct inbound_attachment *first = &a->event->attachments.items[0];
            file = first->alt.len > 0 ? first->alt : or_empty(first->name);
        }
        row->preview = edit_preview(in->tx->arena, a->text, file);
        a->edit->renew_preview = false; // whatever it was, this is newer
    } else if (a->deleted_at == 0) {
        a->edit->renew_preview = true;
    }
    row->last_message_at = later(row->last_message_at, a->event->at);
}

static void whose(const struct arriving *a)
{
    struct record *row = &a->edit->after;
    if (a->author.contact_id == 0 || a->author.contact_id == row->contact_id) {
        return;
    }
    if (row->contact_id == 0) {
        row->contact_id = a->author.contact_id;
        row->contact_name = a->author.contact_name;
        row->contact_handle = a->author.handle;
    } else if (a->event->at <= row->last_in_at) {
        a->edit->renew_contact = true; // perhaps the first one who wrote
    }
}

static void speak(const struct arriving *a)
{
    struct record *row = &a->edit->after;
    if (a->language.len == 0) {
        return;
    }
    if (a->event->at > row->last_in_at) {
        row->language = a->language;
        a->edit->renew_language = false;
    } else {
        a->edit->renew_language = true;
    }
}

static void clock_and_language(struct intake *in, const struct arriving *a)
{
    struct record *row = &a->edit->after;
    clock_waiting(a);
    clock_preview(in, a);
    if (a->customer) {
        whose(a);
        speak(a);
        row->last_in_at = later(row->last_in_at, a->event->at);
    } else {
        row->last_out_at = later(row->last_out_at, a->event->at);
    }
}

// ---- The steps in order -----------------------------------------------------------------------------

static bool arrive(struct intake *in, struct arriving *a, struct err *err)
{
    a->customer = !a->event->out && !a->event->context;
    read_marks(a);
    a->language = a->event->out                   ? S("")
                  : str_given(a->event->language) ? a->event->language
                                                  : language_guess(a->event->text);
    if (!find_author(in, a, err) || !find_conversation(in, a, err) || !insert_message(in, a, err)) {
        return false;
    }
    if (a->message_id == 0) {
        return true; // a repeat after all
    }
    note_arrival(in, a);
    bool late = a->event->at < a->edit->after.last_message_at;
    if (!insert_attachments(in, a, err) ||
        (a->mail && !mail_store(&in->change, &a->edit->after, in->channel_id, a->message_id, a->event,
                                &a->place, err)) ||
        !log_created(in, a, late, err)) {
        return false;
    }
    a->edit->touched = true;
    if (a->event->context) {
        return true;
    }
    reopen(a);
    count(a);
    clock_and_language(in, a);
    return true;
}

static bool apply_created(struct intake *in, const struct inbound *event, struct err *err)
{
    struct arriving a = {.event = event};
    bool echo;
    if (!look_for_repeat(in, &a, err)) {
        return false;
    }
    if (a.seen_id > 0) {
        if (event->context || !is(a.seen_kind, "context")) {
            return true;
        }
        return drop_context(in, &a, err) && arrive(in, &a, err);
    }
    if (!echo_of_own(in, event, &echo, err)) {
        return false;
    }
    return echo || arrive(in, &a, err);
}

// ---- Marks ------------------------------------------------------------------------------------------

// *ret_new false: a repeat, or older than what is known.
static bool keep_mark(struct intake *in, const struct inbound *event, struct mark *out, bool *ret_new,
                      struct err *err)
{
    struct err why = {};
    i64 workspace = in->workspace_id;
    bool kept;
    struct arena *arena = in->tx->arena;
    struct conn *conn = in->tx->conn;
    *out = (struct mark){};
    if (event->type == INBOUND_EDITED) {
        kept = db_one(conn, &SQL_message_mark_edit,
                      DB_ARGS(db_i64(workspace), db_i64(in->channel_id), db_str(event->external_id),
                              db_i64(event->at), db_str(or_empty(event->text))),
                      &mark_type, out, arena, &why);
    } else if (event->type == INBOUND_DELETED) {
        kept = db_one(
            conn, &SQL_message_mark_delete,
            DB_ARGS(db_i64(workspace), db_i64(in->channel_id), db_str(event->external_id), db_i64(event->at)),
            &mark_type, out, arena, &why);
    } else {
        i64 receipt = event->type == INBOUND_READ ? RECEIPT_READ : RECEIPT_DELIVERED;
        kept = db_one(
            conn, &SQL_message_mark_receipt,
            DB_ARGS(db_i64(workspace), db_i64(in->channel_id), db_str(event->external_id), db_i64(receipt)),
            &mark_type, out, arena, &why);
    }
    *ret_new = kept;
    struct seen *seen = ahead_find(&in->ahead, event->external_id);
    if (kept && seen) {
        seen->mark = *out;
    }
    if (!kept && why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return true;
}

static bool apply_to(struct intake *in, i64 message_id, const struct mark *mark, struct err *err)
{
    struct message_row row;
    struct edit *edit;
    return message_row_load(&in->change, message_id, &row, &edit, err) &&
           mark_apply(&in->change, edit, &row, mark, err);
}

static bool apply_mark(struct intake *in, const struct inbound *event, struct err *err)
{
    struct mark mark;
    bool new;
    struct arriving a = {.event = event};
    struct message_row own;
    if (!keep_mark(in, event, &mark, &new, err)) {
        return false;
    }
    if (!new) {
        return true;
    }
    if (!look_for_repeat(in, &a, err) || !find_own(in, event, &own, err)) {
        return false;
    }
    // Not seen when the batch began; the sender may have given one of our answers this id since, and keeping
    // the mark has waited for it (message_mark_hold).
    if (a.seen_id == 0 && ahead_find(&in->ahead, event->external_id) && !ask_for_repeat(in, &a, err)) {
        return false;
    }
    // Only what we sent has receipts, so there our own number comes before a customer's equal id.
    bool receipt = event->type == INBOUND_DELIVERED || event->type == INBOUND_READ;
    if (own.id > 0 && (receipt || a.seen_id == 0)) {
        return apply_to(in, own.id, &mark, err);
    }
    return a.seen_id == 0 || apply_to(in, a.seen_id, &mark, err);
}

// ---- Batches ----------------------------------------------------------------------------------------

static bool check(const struct inbound *event, struct err *err)
{
    if (event->external_id.len == 0) {
        return err_set(err, ERR_INVALID, "An event without the id of its message.");
    }
    if (event->type == INBOUND_CREATED && event->thread_key.len == 0) {
        return err_set(err, ERR_INVALID, "A message without a thread.");
    }
    return event->at >= 0 || err_set(err, ERR_INVALID, "An event from before 1970.");
}

static bool apply_one(struct intake *in, const struct inbound *event, struct err *err)
{
    switch (event->type) {
    case INBOUND_CREATED:
        return apply_created(in, event, err);
    case INBOUND_BOUNCED:
        return mail_bounced(&in->change, in->channel_id, event, err);
    default:
        return apply_mark(in, event, err);
    }
}

bool intake_apply(struct tx *tx, i64 workspace_id, i64 channel_id, struct str channel_kind,
                  const struct inbound_list *events, struct err *err)
{
    const struct channel_driver *driver = channel_driver_find(channel_kind);
    bool global = driver && driver->can & CAN_GLOBAL_IDS;
    struct intake in = {
        .tx = tx, .workspace_id = workspace_id, .channel_id = channel_id, .channel_kind = channel_kind};
    in.place.kind = channel_kind;
    in.place.scope = global ? S("") : str_printf(tx->arena, "%lld", (long long)channel_id);
    change_init(&in.change, tx, workspace_id, 0);
    // Where a question costs a round trip, a batch asks all at once.
    if (db_kind(tx->db) == DB_POSTGRES && events->len > 1 &&
        !ahead_load(&in.ahead, &in.change, &in.authors, &in.place, channel_id, events, err)) {
        return false;
    }
    for (size_t i = 0; i < events->len; i++) {
        const struct inbound *event = &events->items[i];
        if (!check(event, err) || !apply_one(&in, event, err)) {
            return false;
        }
    }
    return people_finish(&in.change, &in.authors, err) &&
           db_exec(tx->conn, &SQL_intake_heard,
                   DB_ARGS(db_i64(tx->now), db_i64(workspace_id), db_i64(channel_id)), NULL, err) &&
           change_finish(&in.change, err);
}
