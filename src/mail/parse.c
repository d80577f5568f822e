// SPDX-License-Identifier: AGPL-3.0-or-later
// The way of a mail: into a child, taken apart there, and back as bytes that our side believes nothing of.
#include "mail/parse.h"
#include "base/buf.h"
#include "mail/charset.h"
#include "mail/hook.h"
#include "mail/parts.h"
#include "mail/wire.h"

enum {
    DEFECTS_MAX = 2000,
    SUBJECT_MAX = 2000,
    RECEIVED_MAX = 20, // headers whose "for" is looked at
};
static const i64 DAY = 86400000;

static void read_addresses(struct reading *reading, const char *name, struct mail_address_list *list)
{
    const struct header_list *headers = &reading->parts.items[0].headers;
    for (size_t i = 0; i < headers->len && list->len < ADDRESSES_MAX; i++) {
        if (str_eq_nocase(headers->items[i].name, str_from(name)) &&
            !addresses_read(headers->items[i].value, reading->arena, list)) {
            reading_note(reading, "A header names more than 500 addresses; the rest was passed over.");
        }
    }
    if (list->len > ADDRESSES_MAX) {
        list->len = ADDRESSES_MAX;
        reading_note(reading, "A header names more than 500 addresses; the rest was passed over.");
    }
}

static void read_ids(struct reading *reading, struct mail *mail)
{
    struct arena *arena = reading->arena;
    const struct header_list *headers = &reading->parts.items[0].headers;
    struct mail_id_list own = {};
    for (size_t i = 0; i < headers->len; i++) {
        struct header header = headers->items[i];
        if (str_eq_nocase(header.name, S("Message-ID")) && own.len == 0) {
            ids_read(header.value, arena, &own);
        } else if (str_eq_nocase(header.name, S("In-Reply-To"))) {
            ids_read(header.value, arena, &mail->in_reply_to);
        } else if (str_eq_nocase(header.name, S("References"))) {
            ids_read(header.value, arena, &mail->references);
        }
    }
    mail->message_id = own.len ? own.items[0] : STR_NONE;
}

static bool is_listed(const struct mail_address_list *list, struct str address)
{
    for (size_t i = 0; i < list->len; i++) {
        if (str_eq(list->items[i].address, address)) {
            return true;
        }
    }
    return false;
}

// The address in "… for <a@b>; date".
static void read_received(struct str value, struct reading *reading, struct mail *mail, bool first)
{
    const char *semicolon = value.len ? memrchr(value.ptr, ';', value.len) : NULL;
    if (first && semicolon) {
        size_t at = (size_t)(semicolon - value.ptr) + 1;
        mail->received_at = date_read(str_sub(value, at, value.len));
    }
    struct mail_address_list list = {};
    i64 found = str_find(value, S(" for "));
    size_t start = found >= 0 ? (size_t)found + 5 : value.len;
    size_t end = semicolon && semicolon > value.ptr + start ? (size_t)(semicolon - value.ptr) : value.len;
    struct str rest = str_sub(value, start, end);
    if (rest.len && rest.len < 1000 && addresses_read(rest, reading->arena, &list) && list.len &&
        list.items[0].address.len && !is_listed(&mail->delivered_to, list.items[0].address)) {
        *list_push(&mail->delivered_to, reading->arena) = list.items[0];
    }
}

static void read_delivery(struct reading *reading, struct mail *mail)
{
    static const char *const names[] = {"Delivered-To",  "X-Original-To",  "Envelope-To",
                                        "X-Envelope-To", "X-Delivered-To", "X-Forwarded-To"};
    const struct header_list *headers = &reading->parts.items[0].headers;
    size_t received = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        read_addresses(reading, names[i], &mail->delivered_to);
    }
    for (size_t i = 0; i < headers->len && received < RECEIVED_MAX && mail->delivered_to.len < ADDRESSES_MAX;
         i++) {
        if (str_eq_nocase(headers->items[i].name, S("Received"))) {
            read_received(headers->items[i].value, reading, mail, received++ == 0);
        }
    }
    struct str path = headers_find(headers, "Return-Path");
    struct mail_address_list list = {};
    mail->return_path = STR_NONE;
    if (path.ptr) {
        bool whole = addresses_read(path, reading->arena, &list);
        mail->return_path = whole && list.len && list.items[0].address.len ? list.items[0].address : S("");
        if (!mail->return_path.len && !str_eq(str_trim(path), S("<>"))) {
            mail->return_path = STR_NONE; // unreadable is not empty
        }
    }
}

static void read_sender(struct reading *reading, struct mail *mail)
{
    struct mail_address_list from = {}, sender = {};
    const struct mail_address nobody = {.name = S(""), .address = S("")};
    read_addresses(reading, "From", &from);
    read_addresses(reading, "Sender", &sender);
    mail->from = from.len ? from.items[0] : nobody;
    mail->n_from = from.len;
    mail->sender = sender.len ? sender.items[0] : nobody;
    if (from.len != 1) {
        reading_note(reading, from.len ? "The mail names several senders." : "The mail names no sender.");
    } else if (!mail->from.address.len) {
        reading_note(reading, "The sender's address cannot be read.");
    }
}

static void read_headers(struct reading *reading, struct mail *mail)
{
    struct arena *arena = reading->arena;
    const struct header_list *headers = &reading->parts.items[0].headers;
    read_ids(reading, mail);
    read_sender(reading, mail);
    read_addresses(reading, "Reply-To", &mail->reply_to);
    read_addresses(reading, "To", &mail->to);
    read_addresses(reading, "Cc", &mail->cc);
    read_delivery(reading, mail);
    struct str subject = headers_find(headers, "Subject"), date = headers_find(headers, "Date");
    struct str own = headers_find(headers, "X-Heed-Id");
    mail->subject = charset_cut(words_decode(subject.ptr ? subject : S(""), arena), SUBJECT_MAX);
    mail->own_id = own.ptr ? charset_cut(words_decode(own, arena), 200) : STR_NONE;
    mail->date_at = date.ptr ? date_read(date) : 0;
    i64 seen = mail->received_at ? mail->received_at : mail->date_at;
    mail->date_sane = mail->date_at && mail->date_at >= seen - 30 * DAY && mail->date_at <= seen + DAY;
    mail->automatic = automatic_find(reading, mail);
    auth_read(reading, arena, &mail->auth);
}

bool mail_parse(struct str raw, struct arena *arena, struct mail *ret, struct err *err)
{
    struct reading reading = {.arena = arena};
    struct mail mail = {};
    if (raw.len > MAIL_RAW_MAX) {
        return err_field(err, "mail", "too_long", "The mail is larger than 25 MiB.");
    }
    if (str_trim(raw).len == 0) {
        return err_field(err, "mail", "bad_mail", "The mail is empty.");
    }
    buf_init(&reading.defects, arena, DEFECTS_MAX);
    parts_read(&reading, raw);
    read_headers(&reading, &mail);
    body_choose(&reading, &mail);
    bounce_read(&reading, &mail);
    mail.defects = buf_str(&reading.defects);
    *ret = mail;
    return true;
}

bool mail_job(struct str input, struct buf *output)
{
    struct arena *arena = arena_create();
    struct mail mail;
    struct err err = {};
    hook_run(input);
    bool ok = mail_parse(input, arena, &mail, &err);
    if (ok) {
        wire_write(&mail, output);
    } else {
        buf_add(output, str_from(err.text));
    }
    arena_destroy(arena);
    return ok;
}

enum child_result mail_take_apart(struct nursery *nursery, size_t kind, struct str raw, struct arena *arena,
                                  struct mail *ret, struct err *err)
{
    struct str answer = S("The mail is larger than 25 MiB.");
    enum child_result result =
        raw.len > MAIL_RAW_MAX ? CHILD_REFUSED : nursery_run(nursery, kind, raw, arena, &answer);
    if (result == CHILD_OK && wire_read(answer, arena, ret)) {
        return CHILD_OK;
    }
    if (result == CHILD_REFUSED) {
        answer = charset_cut(utf8_clean(arena, answer), 100);
        err_field(err, "mail", "bad_mail", STR_FMT, STR_ARG(answer));
        return CHILD_REFUSED;
    }
    err_retry(err, ERR_UNAVAILABLE, 5, "The mail could not be taken apart.");
    return result == CHILD_BUSY ? CHILD_BUSY : CHILD_DIED;
}

void mail_prepare(void)
{
    charset_prepare();
    hook_prepare();
}
