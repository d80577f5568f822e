// SPDX-License-Identifier: AGPL-3.0-or-later
// See mail_in.h.
#include "jobs/mail_in.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/picture.h"
#include "desk/file.h"
#include "mail/parse.h"
#include "json/json.h"

enum { JSON_MAX = 32 << 20, FILES_MAX = 520 };

struct keeping { // one mail
    const struct jobs_settings *settings;
    i64 workspace_id;
    struct arena *arena;
    struct mail mail;
    struct json_writer w;
    struct buf fingerprint;
};

static void put(struct keeping *k, const char *key, struct str value)
{
    json_key(&k->w, key);
    json_put_str(&k->w, value);
}

static void put_number(struct keeping *k, const char *key, i64 value)
{
    json_key(&k->w, key);
    json_put_i64(&k->w, value);
}

static void put_person(struct keeping *k, const struct mail_address *person)
{
    json_open(&k->w, '{');
    put(k, "name", person->name);
    put(k, "address", person->address);
    json_close(&k->w, '}');
}

static void put_people(struct keeping *k, const char *key, const struct mail_address_list *list)
{
    json_key(&k->w, key);
    json_open(&k->w, '[');
    for (size_t i = 0; i < list->len; i++)
        put_person(k, &list->items[i]);
    json_close(&k->w, ']');
}

static void put_ids(struct keeping *k, const char *key, const struct mail_id_list *list)
{
    json_key(&k->w, key);
    json_open(&k->w, '[');
    for (size_t i = 0; i < list->len; i++)
        json_put_str(&k->w, list->items[i]);
    json_close(&k->w, ']');
}

static void put_bounce(struct keeping *k)
{
    const struct mail_bounce *bounce = &k->mail.bounce;
    json_key(&k->w, "bounce");
    json_open(&k->w, '{');
    put_number(k, "kind", bounce->kind);
    put_ids(k, "ids", &bounce->ids);
    json_key(&k->w, "recipients");
    json_open(&k->w, '[');
    for (size_t i = 0; i < bounce->recipients.len; i++) {
        const struct mail_bounced *one = &bounce->recipients.items[i];
        json_open(&k->w, '{');
        put(k, "recipient", one->original.len ? one->original : one->recipient);
        put(k, "action", one->action);
        put(k, "status", one->status);
        put(k, "diagnostic", one->diagnostic);
        json_key(&k->w, "hard");
        json_put_bool(&k->w, one->hard);
        json_close(&k->w, '}');
    }
    json_close(&k->w, ']');
    json_close(&k->w, '}');
}

static void put_auth(struct keeping *k)
{
    const struct mail_auth *auth = &k->mail.auth;
    json_key(&k->w, "auth");
    json_open(&k->w, '{');
    put(k, "server", auth->server);
    put(k, "dmarc", auth->dmarc);
    put(k, "dmarc_domain", auth->dmarc_domain);
    put_number(k, "below", (i64)auth->below);
    json_close(&k->w, '}');
}

// ---- Files ----------------------------------------------------------------------------------------
// A picture without what it tells about people; what is no picture after all stays a file to be saved.
static bool prepare_file(const struct keeping *k, const struct mail_attachment *a, struct file *file,
                         struct str *bytes)
{
    struct picture picture = {};
    struct err ignored = {};
    *file = (struct file){.mime = a->mime, .size = (i64)a->bytes.len};
    *bytes = a->bytes;
    if (!str_starts(a->mime, S("image/")))
        return true;
    if (picture_clean(k->settings->nursery, k->settings->picture_kind, a->bytes, k->arena, &picture,
                      &ignored) != CHILD_OK) {
        file->mime = S("application/octet-stream");
        return true;
    }
    *bytes = picture.bytes;
    *file = (struct file){.mime = picture.mime,
                          .size = (i64)picture.bytes.len,
                          .width = picture.width,
                          .height = picture.height};
    return true;
}

static bool put_attachment(struct keeping *k, const struct mail_attachment *a, struct err *err)
{
    struct file file;
    struct str bytes, reason = S("");
    if (a->bytes.len == 0) {
        file = (struct file){.mime = a->mime};
        reason = S("It is empty.");
    } else if (a->bytes.len > FILE_MAX) {
        file = (struct file){.mime = a->mime, .size = (i64)a->bytes.len};
        reason = S("It is too large to be kept here.");
    } else if (!prepare_file(k, a, &file, &bytes) ||
               !file_keep(k->settings->db, k->workspace_id, 0, bytes, &file, k->arena, err)) {
        return false;
    }
    json_open(&k->w, '{');
    put(k, "name", a->name);
    put(k, "mime", file.mime);
    put(k, "content_id", a->content_id);
    put_number(k, "size", file.size);
    put_number(k, "width", file.width);
    put_number(k, "height", file.height);
    put(k, "sha256", str_given(file.sha256) ? file.sha256 : S(""));
    put(k, "reason", reason);
    json_close(&k->w, '}');
    buf_add(&k->fingerprint, sha256_hex(k->arena, a->bytes));
    return true;
}

static bool put_attachments(struct keeping *k, struct err *err)
{
    json_key(&k->w, "attachments");
    json_open(&k->w, '[');
    for (size_t i = 0; i < k->mail.attachments.len && i < FILES_MAX; i++)
        if (!put_attachment(k, &k->mail.attachments.items[i], err))
            return false;
    json_close(&k->w, ']');
    return true;
}

// ---- The mail -------------------------------------------------------------------------------------
// Where the mail was delivered to may be said with or without a name; one list for all.
static void put_head(struct keeping *k)
{
    const struct mail *m = &k->mail;
    put(k, "message_id", m->message_id);
    put_ids(k, "in_reply_to", &m->in_reply_to);
    put_ids(k, "references", &m->references);
    json_key(&k->w, "from");
    put_person(k, &m->from);
    put_number(k, "n_from", (i64)m->n_from);
    put_people(k, "reply_to", &m->reply_to);
    put_people(k, "to", &m->to);
    put_people(k, "cc", &m->cc);
    put_people(k, "delivered_to", &m->delivered_to);
    put(k, "return_path", m->return_path);
    put(k, "subject", m->subject);
    put_number(k, "date_at", m->date_at);
    json_key(&k->w, "date_sane");
    json_put_bool(&k->w, m->date_sane);
    put_number(k, "received_at", m->received_at);
    put_number(k, "automatic", (i64)m->automatic);
    put(k, "own_id", m->own_id);
    put(k, "defects", m->defects);
    put_bounce(k);
    put_auth(k);
}

// Of what was said, by whom and when; not of the way it took.
static void add_fingerprint(struct keeping *k)
{
    const struct mail *m = &k->mail;
    buf_printf(&k->fingerprint, "|%lld|%zu|%zu|", (long long)m->date_at, m->text.len, m->html.len);
    buf_add(&k->fingerprint, m->from.address);
    buf_add_char(&k->fingerprint, '|');
    buf_add(&k->fingerprint, m->subject);
    buf_add_char(&k->fingerprint, '|');
    buf_add(&k->fingerprint, sha256_hex(k->arena, m->text));
    buf_add(&k->fingerprint, sha256_hex(k->arena, str_given(m->html) ? m->html : S("")));
}

static bool write_json(struct keeping *k, struct str place, struct str *ret_json, struct err *err)
{
    struct buf out;
    buf_init(&out, k->arena, JSON_MAX);
    buf_init(&k->fingerprint, k->arena, 1 << 20);
    k->w = json_writer(&out);
    json_open(&k->w, '{');
    json_key(&k->w, "place");
    json_put_raw(&k->w, place);
    json_key(&k->w, "mail");
    json_open(&k->w, '{');
    put_head(k);
    put(k, "text", k->mail.text);
    put_number(k, "visible_len", (i64)k->mail.visible_len);
    put(k, "html", k->mail.html);
    if (!put_attachments(k, err))
        return false;
    json_close(&k->w, '}');
    add_fingerprint(k);
    put(k, "hash", sha256_hex(k->arena, buf_str(&k->fingerprint)));
    json_close(&k->w, '}');
    *ret_json = buf_str(&out);
    return !out.overflow || err_set(err, ERR_TOO_LARGE, "The mail is too large once it is taken apart.");
}

enum child_result mail_in_read(const struct jobs_settings *settings, i64 workspace_id, struct str stored,
                               struct arena *arena, struct str *ret_json, struct err *err)
{
    struct keeping k = {.settings = settings, .workspace_id = workspace_id, .arena = arena};
    struct str raw, place = str_cut(stored, '\n', &raw);
    struct err ignored = {};
    if (!str_given(raw) || !json_parse(place, arena, &ignored)) {
        err_set(err, ERR_INVALID, "What was stored is no mail.");
        return CHILD_REFUSED;
    }
    if (!settings->nursery) {
        err_set(err, ERR_UNAVAILABLE,
                "Mail is read by the program's children only, and there are none here.");
        return CHILD_DIED;
    }
    enum child_result how = mail_take_apart(settings->nursery, settings->mail_kind, raw, arena, &k.mail, err);
    if (how != CHILD_OK)
        return how;
    return write_json(&k, place, ret_json, err) ? CHILD_OK
           : err->code == ERR_TOO_LARGE         ? CHILD_REFUSED
                                                : CHILD_DIED;
}
