// SPDX-License-Identifier: AGPL-3.0-or-later
// See mail.h.
#include "desk/mail.h"
#include "base/buf.h"
#include "desk/events.h"
#include "sql_gen.h"
#include <stdio.h>

enum { RECIPIENTS_MAX = 100, SUBJECT_MAX = 900, DETAILS_MAX = 64 << 10 };

static struct str or_empty(struct str s)
{
    return str_given(s) ? s : S("");
}

// ---- Where it belongs -----------------------------------------------------------------------------
static bool has_part(struct tx *tx, i64 workspace_id, i64 conversation_id, struct str address, bool *ret,
                     struct err *err)
{
    i64 found = 0;
    if (!db_one_i64(tx->conn, &SQL_mail_has_part,
                    DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_str(address)), &found, err))
        return false;
    *ret = found != 0;
    return true;
}

struct target { // where a mail may go
    i64 conversation_id;
    struct str thread_key;
};

static bool find_target(struct tx *tx, i64 workspace_id, i64 channel_id, i64 conversation_id,
                        struct target *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_mail_conversation,
                  DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(channel_id)), &rows, err))
        return false;
    if (rows_next(rows))
        *out = (struct target){row_i64(rows, 1), row_str(rows, 0, tx->arena)};
    return rows_end(rows, err);
}

// What our own token names, when it is there (still) on this channel.
static bool find_proven(struct tx *tx, i64 workspace_id, i64 channel_id, const struct inbound *event,
                        struct target *out, struct err *err)
{
    struct rows *rows;
    i64 conversation_id = 0;
    if (event->own_conversation &&
        !find_target(tx, workspace_id, channel_id, event->own_conversation, out, err))
        return false;
    if (out->conversation_id || !event->own_message)
        return true;
    if (!db_query(tx->conn, &SQL_mail_own_message,
                  DB_ARGS(db_i64(workspace_id), db_i64(event->own_message), db_i64(channel_id)), &rows, err))
        return false;
    if (rows_next(rows))
        conversation_id = row_i64(rows, 0);
    return rows_end(rows, err) &&
           (!conversation_id || find_target(tx, workspace_id, channel_id, conversation_id, out, err));
}

static bool find_named(struct tx *tx, i64 workspace_id, i64 channel_id, struct str mail_id,
                       struct id_list *out, struct err *err)
{
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_mail_named,
                  DB_ARGS(db_i64(workspace_id), db_i64(channel_id), db_str(mail_id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(out, tx->arena) = row_i64(rows, 0);
    return rows_end(rows, err);
}

static bool by_reference(struct tx *tx, i64 workspace_id, i64 channel_id, const struct inbound *event,
                         struct target *out, struct err *err)
{
    for (size_t i = 0; i < event->refs.len && !out->conversation_id; i++) {
        struct id_list named = {};
        if (!find_named(tx, workspace_id, channel_id, event->refs.items[i], &named, err))
            return false;
        for (size_t k = 0; k < named.len && !out->conversation_id; k++) {
            bool part = false;
            if (!has_part(tx, workspace_id, named.items[k], event->author_id, &part, err) ||
                (part && !find_target(tx, workspace_id, channel_id, named.items[k], out, err)))
                return false;
        }
    }
    return true;
}

bool mail_find_place(struct tx *tx, i64 workspace_id, i64 channel_id, const struct inbound *event,
                     struct mail_place *ret_place, struct err *err)
{
    struct target target = {};
    bool part = true;
    *ret_place = (struct mail_place){};
    if (!find_proven(tx, workspace_id, channel_id, event, &target, err))
        return false;
    if (!target.conversation_id) {
        if (!by_reference(tx, workspace_id, channel_id, event, &target, err))
            return false;
    } else if (!has_part(tx, workspace_id, target.conversation_id, event->author_id, &part, err)) {
        return false;
    }
    *ret_place = (struct mail_place){target.thread_key, !part, target.conversation_id && part};
    return true;
}

// ---- What is kept ---------------------------------------------------------------------------------
static bool keep_parties(struct tx *tx, i64 workspace_id, i64 message_id, const struct str_list *parties,
                         struct err *err)
{
    for (size_t i = 0; i < parties->len; i++)
        if (!db_exec(tx->conn, &SQL_mail_party_insert,
                     DB_ARGS(db_i64(workspace_id), db_i64(message_id), db_str(parties->items[i])), NULL, err))
            return false;
    return true;
}

static bool keep_written_parties(struct tx *tx, i64 workspace_id, i64 message_id, const struct inbound *event,
                                 const struct mail_place *place, struct err *err)
{
    struct str_list sender = {};
    if (place->stranger)
        return true;
    if (!event->claimed || place->part)
        return keep_parties(tx, workspace_id, message_id, &event->parties, err);
    for (size_t i = 0; i < event->parties.len; i++)
        if (str_eq(event->parties.items[i], event->author_id))
            *list_push(&sender, tx->arena) = event->author_id;
    return keep_parties(tx, workspace_id, message_id, &sender, err);
}

static bool set_subject(struct tx *tx, i64 workspace_id, i64 conversation_id, i64 message_id,
                        struct str subject, struct err *err)
{
    return subject.len == 0 ||
           (db_exec(tx->conn, &SQL_mail_subject_set,
                    DB_ARGS(db_str(subject), db_i64(workspace_id), db_i64(message_id)), NULL, err) &&
            db_exec(tx->conn, &SQL_mail_title_set,
                    DB_ARGS(db_str(subject), db_i64(workspace_id), db_i64(conversation_id)), NULL, err));
}

bool mail_store(struct change *change, const struct record *conversation, i64 channel_id, i64 message_id,
                const struct inbound *event, const struct mail_place *place, struct err *err)
{
    struct tx *tx = change->tx;
    i64 workspace_id = change->workspace_id;
    struct str details = event->details.len ? event->details : S("{}");
    return set_subject(tx, workspace_id, conversation->id, message_id, or_empty(event->subject), err) &&
           db_exec(tx->conn, &SQL_mail_insert,
                   DB_ARGS(db_i64(workspace_id), db_i64(message_id), db_i64(channel_id),
                           db_str(or_empty(event->mail_id)), db_str(details), db_str(event->html),
                           db_i64(place->stranger)),
                   NULL, err) &&
           keep_written_parties(tx, workspace_id, message_id, event, place, err);
}

// ---- Bounces --------------------------------------------------------------------------------------
static bool set_bounced(struct change *change, struct edit *edit, struct message_row *row, struct str reason,
                        struct err *err)
{
    struct buf data;
    if (!db_exec(change->tx->conn, &SQL_message_set_state,
                 DB_ARGS(db_str(S("failed")), db_str(reason), db_i64(change->workspace_id), db_i64(row->id)),
                 NULL, err))
        return false;
    edit->renew_waiting = true; // the customer has no answer after all
    edit->touched = true;
    buf_init(&data, change->tx->arena, 16 << 10);
    struct json_writer w = json_writer(&data);
    json_open(&w, '{');
    json_key(&w, "before");
    json_put_str(&w, row->send_state);
    json_key(&w, "after");
    json_put_str(&w, S("failed"));
    json_key(&w, "error");
    json_put_str(&w, reason);
    json_close(&w, '}');
    return change_log(change, EVENT_MESSAGE_STATE, &edit->after, row->id, buf_str(&data), err);
}

bool mail_bounced(struct change *change, i64 channel_id, const struct inbound *event, struct err *err)
{
    struct message_row row;
    struct edit *edit;
    struct err why = {};
    if (!message_row_load(change, event->own_message, &row, &edit, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return true; // erased meanwhile
        *err = why;
        return false;
    }
    if (row.channel_id != channel_id || !str_eq(row.origin, S("agent")) || !str_given(row.send_state))
        return true;
    if (event->hard)
        return str_eq(row.send_state, S("failed")) ||
               set_bounced(change, edit, &row, or_empty(event->text), err);
    if (str_eq(row.error, event->text))
        return true;
    edit->touched = true;
    return db_exec(change->tx->conn, &SQL_message_set_state,
                   DB_ARGS(db_str(row.send_state), db_str(or_empty(event->text)),
                           db_i64(change->workspace_id), db_i64(row.id)),
                   NULL, err) &&
           change_log(change, EVENT_MESSAGE_STATE, &edit->after, row.id, S("{\"late\":true}"), err);
}

// ---- Out ------------------------------------------------------------------------------------------
bool mail_address_valid(struct str address)
{
    struct str domain, local = str_cut(address, '@', &domain);
    if (!str_given(domain) || local.len == 0 || local.len > 64 || domain.len == 0 || domain.len > 253)
        return false;
    for (size_t i = 0; i < address.len; i++) {
        u8 c = (u8)address.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const char *others = i < local.len ? "!#$%&'*+-/=?^_`{|}~." : ".-";
        if (!letter && i != local.len && (c <= ' ' || c >= 0x7F || !strchr(others, c)))
            return false;
    }
    return true;
}

static bool check_list(const struct str_list *list, const char *name, struct err *err)
{
    if (list->len > RECIPIENTS_MAX) {
        char field[32];
        snprintf(field, sizeof field, "mail.%s", name);
        return err_field(err, field, "too_many", "A mail goes to at most %d addresses.", RECIPIENTS_MAX);
    }
    for (size_t i = 0; i < list->len; i++) {
        char field[48];
        snprintf(field, sizeof field, "mail.%s.%zu", name, i);
        if (!mail_address_valid(list->items[i]))
            return err_field(err, field, "invalid", "This is not a mail address.");
    }
    return true;
}

static void put_address(struct json_writer *w, struct mail_out *out, struct arena *arena, struct str name,
                        struct str address)
{
    json_open(w, '{');
    json_key(w, "name");
    json_put_str(w, or_empty(name));
    json_key(w, "address");
    json_put_str(w, address);
    json_close(w, '}');
    *list_push(&out->parties, arena) = str_lower_ascii(arena, address);
}

static void put_given(struct json_writer *w, const char *key, struct mail_out *out, struct arena *arena,
                      const struct str_list *list)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < list->len; i++)
        put_address(w, out, arena, STR_NONE, list->items[i]);
    json_close(w, ']');
}

static bool same_domain(struct str a, struct str b)
{
    struct str domain_a, domain_b;
    str_cut(a, '@', &domain_a);
    str_cut(b, '@', &domain_b);
    return str_given(domain_a) && str_given(domain_b) && str_eq_nocase(domain_a, domain_b);
}

// Where answers are wanted is believed of who is proven, or within their own domain; else anybody could have
// our words sent to themselves in another's name.
static bool is_wanted_there(const struct json *answered, struct str wanted)
{
    return str_given(wanted) && (str_eq(json_str(json_at(answered, "verified")), S("pass")) ||
                                 same_domain(wanted, json_str(json_at(answered, "from.address"))));
}

// Whom an answer goes to when nobody says: where the writer wants answers, else who wrote.
static bool put_default(struct json_writer *w, struct mail_out *out, struct arena *arena,
                        const struct json *answered, struct str address)
{
    const struct json *wanted = json_item(json_at(answered, "reply_to"), 0);
    const struct json *one =
        is_wanted_there(answered, json_str(json_at(wanted, "address"))) ? wanted : json_at(answered, "from");
    bool known = str_given(json_str(json_at(one, "address")));
    address = known ? json_str(json_at(one, "address")) : address;
    json_key(w, "to");
    json_open(w, '[');
    bool usable = str_given(address) && mail_address_valid(address);
    if (usable)
        put_address(w, out, arena, known ? json_str(json_at(one, "name")) : STR_NONE, address);
    json_close(w, ']');
    return usable;
}

static bool is_reply_subject(struct str subject)
{
    return subject.len >= 3 && str_eq_nocase(str_sub(subject, 0, 3), S("Re:"));
}

static struct str cut_subject(struct str text, size_t max)
{
    if (text.len > max) {
        text.len = max;
        while (text.len > 0 && ((u8)text.ptr[text.len] & 0xC0) == 0x80)
            text.len--;
    }
    return text;
}

// Nothing was said about it: the first line of the text.
static struct str subject_of_text(struct str text)
{
    struct str rest, line = str_trim(str_cut(str_trim(or_empty(text)), '\n', &rest));
    return cut_subject(line, 78);
}

static struct str subject_of(struct arena *arena, const struct mail_draft *draft, struct str answered,
                             struct str title)
{
    struct str about = str_given(draft->subject) ? draft->subject : answered.len ? answered : title;
    if (about.len == 0)
        return subject_of_text(draft->text);
    about = cut_subject(about, SUBJECT_MAX);
    if (str_given(draft->subject) || is_reply_subject(about))
        return about;
    return str_concat(arena, S("Re: "), about);
}

bool mail_prepare_out(struct tx *tx, const struct record *conversation, const struct mail_draft *draft,
                      struct str answered, struct mail_out *out, struct err *err)
{
    struct rows *rows;
    struct buf buf;
    struct str details = STR_NONE, subject = S(""), title = S("");
    struct err ignored = {};
    if (!check_list(&draft->to, "to", err) || !check_list(&draft->cc, "cc", err) ||
        !db_query(
            tx->conn, &SQL_mail_of_answered,
            DB_ARGS(db_i64(conversation->workspace_id), db_i64(conversation->id), db_str(or_empty(answered))),
            &rows, err))
        return false;
    if (rows_next(rows)) {
        details = row_str(rows, 0, tx->arena);
        subject = row_str(rows, 2, tx->arena);
        title = row_str(rows, 3, tx->arena);
    }
    if (!rows_end(rows, err))
        return false;
    const struct json *mail = details.len ? json_parse(details, tx->arena, &ignored) : NULL;
    buf_init(&buf, tx->arena, DETAILS_MAX);
    struct json_writer w = json_writer(&buf);
    json_open(&w, '{');
    if (draft->to.len)
        put_given(&w, "to", out, tx->arena, &draft->to);
    else if (!put_default(&w, out, tx->arena, mail, draft->address))
        return err_field(err, "mail.to", "required", "Say to whom this mail goes.");
    put_given(&w, "cc", out, tx->arena, &draft->cc);
    json_close(&w, '}');
    out->details = buf_str(&buf);
    out->subject = subject_of(tx->arena, draft, subject, title);
    return true;
}

bool mail_store_out(struct tx *tx, const struct record *conversation, i64 message_id,
                    const struct mail_out *out, struct err *err)
{
    i64 workspace_id = conversation->workspace_id;
    return set_subject(tx, workspace_id, conversation->id, message_id, out->subject, err) &&
           db_exec(tx->conn, &SQL_mail_insert,
                   DB_ARGS(db_i64(workspace_id), db_i64(message_id), db_i64(conversation->channel_id),
                           db_str(S("")), db_str(out->details), db_str(STR_NONE), db_i64(0)),
                   NULL, err) &&
           keep_parties(tx, workspace_id, message_id, &out->parties, err);
}

// The chain comes newest first; the one that is answered stands last.
static bool load_chain(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 message_id,
                       struct str answered, struct arena *arena, struct str_list *out, struct err *err)
{
    struct rows *rows;
    struct str_list newest = {};
    if (!db_query(conn, &SQL_mail_chain,
                  DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_i64(message_id)), &rows, err))
        return false;
    while (rows_next(rows))
        *list_push(&newest, arena) = row_str(rows, 0, arena);
    if (!rows_end(rows, err))
        return false;
    for (size_t i = newest.len; i > 0; i--)
        if (!str_eq(newest.items[i - 1], answered))
            *list_push(out, arena) = newest.items[i - 1];
    if (answered.len)
        *list_push(out, arena) = answered;
    return true;
}

bool mail_load_out(struct conn *conn, i64 workspace_id, i64 conversation_id, i64 message_id,
                   struct arena *arena, struct outbound *out, struct err *err)
{
    struct rows *rows;
    struct str answered = S("");
    if (!db_query(conn, &SQL_mail_of_outgoing, DB_ARGS(db_i64(workspace_id), db_i64(message_id)), &rows, err))
        return false;
    if (rows_next(rows)) {
        out->mail = row_str(rows, 0, arena);
        out->subject = row_str(rows, 1, arena);
    }
    if (!rows_end(rows, err))
        return false;
    if (!str_given(out->mail))
        return true; // no mail
    out->conversation_id = conversation_id;
    if (out->reply_to.len) {
        if (!db_query(conn, &SQL_mail_of_answered,
                      DB_ARGS(db_i64(workspace_id), db_i64(conversation_id), db_str(out->reply_to)), &rows,
                      err))
            return false;
        if (rows_next(rows))
            answered = row_str(rows, 1, arena);
        if (!rows_end(rows, err))
            return false;
    }
    return load_chain(conn, workspace_id, conversation_id, message_id, answered, arena, &out->refs, err);
}
