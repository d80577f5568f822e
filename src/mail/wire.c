// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading believes nothing: the child may have been taken over by the mail it looked at. Lengths stay within
// the bytes, lists within their limits, text is UTF-8 without NUL, what is one line is one line.
#include "mail/wire.h"
#include "base/arena.h"
#include "base/buf.h"

enum {
    MAGIC = 0x4D414C31, // of this order of fields
    ADDRESSES_MAX = 600,
    IDS_MAX = 400,
    ATTACHMENTS_MAX = 520,
    BOUNCED_MAX = 50,
    ABSENT = -1,
};

enum kind {
    ONE_LINE, // text without control characters
    TEXT,     // lines
    BYTES,
    FILE_NAME,
};

struct wire {
    bool writing, bad;
    struct buf *out;
    struct str in;
    size_t at;
    struct arena *arena;
};

static void put(struct wire *wire, void *value, size_t len)
{
    if (wire->writing) {
        buf_add(wire->out, (struct str){value, len});
    } else if (wire->in.len - wire->at < len) {
        wire->bad = true;
        memset(value, 0, len);
    } else {
        memcpy(value, wire->in.ptr + wire->at, len);
        wire->at += len;
    }
}

static void wire_i64(struct wire *wire, i64 *value, i64 min, i64 max)
{
    put(wire, value, sizeof *value);
    if (*value < min || *value > max) {
        wire->bad = true;
        *value = min;
    }
}

static void wire_size(struct wire *wire, size_t *value, size_t max)
{
    i64 number = (i64)*value;
    wire_i64(wire, &number, 0, (i64)max);
    *value = (size_t)number;
}

static void wire_bool(struct wire *wire, bool *value)
{
    i64 number = *value;
    wire_i64(wire, &number, 0, 1);
    *value = number;
}

static bool is_sound(struct str s, enum kind kind)
{
    if (kind == BYTES) {
        return true;
    }
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.ptr[i];
        if (c == 0 || (kind != TEXT && (c < 0x20 || c == 0x7F)) ||
            (kind == FILE_NAME && (c == '/' || c == '\\'))) {
            return false;
        }
    }
    return utf8_valid(s) && (kind != FILE_NAME || (s.len && s.ptr[0] != '.'));
}

static void wire_str(struct wire *wire, struct str *value, enum kind kind)
{
    i64 len = value->ptr ? (i64)value->len : ABSENT;
    wire_i64(wire, &len, ABSENT, MAIL_RAW_MAX * 2);
    if (wire->writing) {
        buf_add(wire->out, *value);
        return;
    }
    *value = STR_NONE;
    if (wire->bad || len == ABSENT) {
        return;
    }
    if (wire->in.len - wire->at < (size_t)len) {
        wire->bad = true;
        return;
    }
    struct str slice = str_sub(wire->in, wire->at, wire->at + (size_t)len);
    wire->at += (size_t)len;
    wire->bad = !is_sound(slice, kind);
    *value = slice;
}

// For what the header promises to be there, at least empty.
static void wire_some(struct wire *wire, struct str *value, enum kind kind)
{
    if (wire->writing && !value->ptr) {
        *value = S("");
    }
    wire_str(wire, value, kind);
    if (!value->ptr) {
        wire->bad = wire->bad || !wire->writing;
        *value = S("");
    }
}

static void wire_address(struct wire *wire, struct mail_address *address)
{
    wire_some(wire, &address->name, ONE_LINE);
    wire_some(wire, &address->address, ONE_LINE);
}

// The length of a list; reading makes room for it. An item takes at least 8 bytes, so that no length costs
// more memory than the frame has.
#define WIRE_LIST(wire, list, max, type)                                                                     \
    ({                                                                                                       \
        wire_size((wire), &(list)->len, (max));                                                              \
        if (!(wire)->writing) {                                                                              \
            (list)->len = (wire)->bad ? 0 : (list)->len;                                                     \
            (list)->items = arena_array((wire)->arena, type, (list)->len);                                   \
            (list)->cap = (list)->len;                                                                       \
        }                                                                                                    \
    })

static void wire_addresses(struct wire *wire, struct mail_address_list *list)
{
    WIRE_LIST(wire, list, ADDRESSES_MAX, struct mail_address);
    for (size_t i = 0; list->items && i < list->len; i++) {
        wire_address(wire, &list->items[i]);
    }
}

static void wire_ids(struct wire *wire, struct mail_id_list *list)
{
    WIRE_LIST(wire, list, IDS_MAX, struct str);
    for (size_t i = 0; list->items && i < list->len; i++) {
        wire_some(wire, &list->items[i], ONE_LINE);
    }
}

static void wire_attachments(struct wire *wire, struct mail_attachment_list *list)
{
    WIRE_LIST(wire, list, ATTACHMENTS_MAX, struct mail_attachment);
    for (size_t i = 0; list->items && i < list->len; i++) {
        struct mail_attachment *attachment = &list->items[i];
        wire_some(wire, &attachment->name, FILE_NAME);
        wire_some(wire, &attachment->mime, ONE_LINE);
        wire_some(wire, &attachment->content_id, ONE_LINE);
        wire_bool(wire, &attachment->is_inline);
        wire_some(wire, &attachment->bytes, BYTES);
        wire->bad = wire->bad || attachment->mime.len == 0 || attachment->mime.len > 127;
    }
}

static void wire_bounce(struct wire *wire, struct mail_bounce *bounce)
{
    i64 kind = bounce->kind;
    wire_i64(wire, &kind, MAIL_NO_BOUNCE, MAIL_BOUNCE_GUESSED);
    bounce->kind = (enum mail_bounce_kind)kind;
    WIRE_LIST(wire, &bounce->recipients, BOUNCED_MAX, struct mail_bounced);
    for (size_t i = 0; bounce->recipients.items && i < bounce->recipients.len; i++) {
        struct mail_bounced *bounced = &bounce->recipients.items[i];
        wire_some(wire, &bounced->recipient, ONE_LINE);
        wire_some(wire, &bounced->original, ONE_LINE);
        wire_some(wire, &bounced->action, ONE_LINE);
        wire_some(wire, &bounced->status, ONE_LINE);
        wire_some(wire, &bounced->diagnostic, ONE_LINE);
        wire_some(wire, &bounced->remote, ONE_LINE);
        wire_bool(wire, &bounced->hard);
    }
    wire_ids(wire, &bounce->ids);
}

static void wire_auth(struct wire *wire, struct mail_auth *auth)
{
    wire_str(wire, &auth->raw, ONE_LINE);
    wire_some(wire, &auth->server, ONE_LINE);
    wire_some(wire, &auth->dmarc, ONE_LINE);
    wire_some(wire, &auth->spf, ONE_LINE);
    wire_some(wire, &auth->dkim, ONE_LINE);
    wire_some(wire, &auth->dmarc_domain, ONE_LINE);
    wire_size(wire, &auth->below, 100000);
}

static void wire_mail(struct wire *wire, struct mail *mail)
{
    static const i64 last_date = 253402300799999; // the end of the year 9999
    i64 magic = MAGIC, automatic = mail->automatic;
    wire_i64(wire, &magic, MAGIC, MAGIC);
    wire_str(wire, &mail->message_id, ONE_LINE);
    wire_ids(wire, &mail->in_reply_to);
    wire_ids(wire, &mail->references);
    wire_address(wire, &mail->from);
    wire_size(wire, &mail->n_from, 1000000);
    wire_address(wire, &mail->sender);
    wire_addresses(wire, &mail->reply_to);
    wire_addresses(wire, &mail->to);
    wire_addresses(wire, &mail->cc);
    wire_addresses(wire, &mail->delivered_to);
    wire_str(wire, &mail->return_path, ONE_LINE);
    wire_some(wire, &mail->subject, ONE_LINE);
    wire_i64(wire, &mail->date_at, 0, last_date);
    wire_bool(wire, &mail->date_sane);
    wire_i64(wire, &mail->received_at, 0, last_date);
    wire_some(wire, &mail->text, TEXT);
    wire_size(wire, &mail->visible_len, mail->text.len);
    wire_bool(wire, &mail->text_from_html);
    wire_str(wire, &mail->html, TEXT);
    wire_attachments(wire, &mail->attachments);
    wire_i64(wire, &automatic, 0, 2 * MAIL_AUTO_OUT_OF_OFFICE - 1);
    mail->automatic = (unsigned)automatic;
    wire_bounce(wire, &mail->bounce);
    wire_auth(wire, &mail->auth);
    wire_str(wire, &mail->own_id, ONE_LINE);
    wire_some(wire, &mail->defects, ONE_LINE);
}

void wire_write(const struct mail *mail, struct buf *out)
{
    struct wire wire = {.writing = true, .out = out};
    struct mail copy = *mail;
    wire_mail(&wire, &copy);
}

bool wire_read(struct str bytes, struct arena *arena, struct mail *ret)
{
    struct wire wire = {.in = bytes, .arena = arena};
    struct mail mail = {};
    wire_mail(&wire, &mail);
    size_t cut = mail.visible_len;
    if (wire.bad || wire.at != bytes.len || mail.text.len > MAIL_TEXT_MAX || mail.html.len > MAIL_HTML_MAX ||
        (cut < mail.text.len && ((u8)mail.text.ptr[cut] & 0xC0) == 0x80)) {
        return false;
    }
    *ret = mail;
    return true;
}
