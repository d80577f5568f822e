// SPDX-License-Identifier: AGPL-3.0-or-later
// A mail that was taken apart (as JSON; the bytes themselves never come here) becomes an event. What it
// belongs to is proven by our tokens; everything else in it is a claim. From makes nobody a colleague.
#include "base/crypto.h"
#include "channels/email.h"
#include "mail/parse.h"

enum { PARTIES_MAX = 100, REFS_MAX = 60, DETAILS_MAX = 256 << 10, SUBJECT_MAX = 1000 };
enum {
    AUTO_REPORT = MAIL_AUTO_REPORT,
    AUTO_QUIET = MAIL_AUTO_SUBMITTED | MAIL_AUTO_LIST | MAIL_AUTO_BULK | MAIL_AUTO_REPLY | MAIL_AUTO_REPORT |
                 MAIL_AUTO_RECEIPT | MAIL_AUTO_OURS | MAIL_AUTO_COMPLAINT | MAIL_AUTO_OUT_OF_OFFICE,
};

struct letter {
    const struct channel_view *view;
    struct arena *arena;
    struct email_settings settings;
    const struct json *place, *mail;
    struct str from, hash;
    i64 at;
};

static struct str text_at(const struct json *json, const char *path)
{
    struct str text = json_str(json_at(json, path));
    return str_given(text) ? text : S("");
}

// ---- Whose it is ----------------------------------------------------------------------------------
// Reply addresses are looked for in every header that may name the one it was delivered to.
static i64 proven_number(const struct letter *l, char kind)
{
    static const char *const lists[] = {"delivered_to", "to", "cc"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct json *list = json_at(l->mail, lists[i]);
        for (size_t k = 0; k < json_len(list); k++) {
            struct str token = email_plus_token(&l->settings, text_at(json_item(list, k), "address"));
            i64 number = str_given(token) ? email_token_read(l->view->mac_key, kind, token) : 0;
            if (number)
                return number;
        }
    }
    return 0;
}

static void add_ref(struct letter *l, struct inbound *out, struct str id)
{
    if (id.len == 0 || id.len > 998 || out->refs.len >= REFS_MAX)
        return;
    if (!out->own_message)
        out->own_message = email_message_number(l->view, id);
    *list_push(&out->refs, l->arena) = id;
}

static void read_refs(struct letter *l, struct inbound *out)
{
    const struct json *replies = json_at(l->mail, "in_reply_to"), *refs = json_at(l->mail, "references");
    for (size_t i = 0; i < json_len(replies); i++)
        add_ref(l, out, json_str(json_item(replies, i)));
    for (size_t i = json_len(refs); i > 0; i--)
        add_ref(l, out, json_str(json_item(refs, i - 1)));
}

static void add_party(struct letter *l, struct inbound *out, struct str address)
{
    if (!address.len || out->parties.len >= PARTIES_MAX || email_is_ours(&l->settings, address))
        return;
    struct str lower = str_lower_ascii(l->arena, address);
    for (size_t i = 0; i < out->parties.len; i++)
        if (str_eq(out->parties.items[i], lower))
            return;
    *list_push(&out->parties, l->arena) = lower;
}

// ---- Bounces --------------------------------------------------------------------------------------
// Only those of mails that are proven to be ours; what else calls itself a bounce is a mail like any other.
static bool read_bounce(struct letter *l, struct inbound *out)
{
    const struct json *bounce = json_at(l->mail, "bounce"), *ids = json_at(bounce, "ids");
    const struct json *first = json_item(json_at(bounce, "recipients"), 0);
    i64 number = proven_number(l, 'b');
    if (!json_i64(json_at(bounce, "kind")) || !(json_i64(json_at(l->mail, "automatic")) & AUTO_REPORT))
        return false;
    for (size_t i = 0; i < json_len(ids) && !number; i++)
        number = email_message_number(l->view, json_str(json_item(ids, i)));
    if (!number)
        return false;
    struct str diagnostic = text_at(first, "diagnostic"), status = text_at(first, "status");
    struct str action = text_at(first, "action");
    if (str_eq(action, S("delivered")) || str_eq(action, S("relayed")) || str_eq(action, S("expanded")))
        out->type = INBOUND_DELIVERED;
    else
        out->type = INBOUND_BOUNCED;
    out->own_message = number;
    out->hard = json_bool(json_at(first, "hard")) || str_eq(action, S("failed"));
    out->external_id = email_message_id(l->view, l->arena, &l->settings, number);
    out->text = str_printf(
        l->arena, "%s" STR_FMT ": %.*s%s" STR_FMT,
        out->hard ? "It did not reach " : "It has not reached yet ",
        STR_ARG(text_at(first, "recipient").len ? text_at(first, "recipient") : S("the recipient")),
        (int)(diagnostic.len > 300 ? 300 : diagnostic.len), diagnostic.ptr,
        diagnostic.len && status.len ? ", " : "", STR_ARG(status));
    out->at = l->at;
    return true;
}

// ---- What the page is told ------------------------------------------------------------------------
static void put_people(struct json_writer *w, const char *key, const struct json *list)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < json_len(list) && i < PARTIES_MAX; i++) {
        const struct json *one = json_item(list, i);
        if (!text_at(one, "address").len)
            continue;
        json_open(w, '{');
        json_key(w, "name");
        json_put_str(w, text_at(one, "name"));
        json_key(w, "address");
        json_put_str(w, text_at(one, "address"));
        json_close(w, '}');
    }
    json_close(w, ']');
}

// pass and fail only from the mailbox's own server, nothing above it; else nobody knows.
static struct str verdict(const struct letter *l)
{
    struct str server = text_at(l->mail, "auth.server"), dmarc = text_at(l->mail, "auth.dmarc");
    bool believed = l->settings.server.len && str_eq_nocase(server, l->settings.server) &&
                    json_i64(json_at(l->mail, "auth.below")) <= 1 &&
                    json_i64(json_at(l->mail, "n_from")) == 1;
    if (!believed)
        return S("unknown");
    struct str from_domain, domain = text_at(l->mail, "auth.dmarc_domain");
    str_cut(l->from, '@', &from_domain);
    if (str_eq(dmarc, S("pass")))
        return str_given(from_domain) && str_eq_nocase(from_domain, domain) ? S("pass") : S("unknown");
    return str_eq(dmarc, S("fail")) ? S("fail") : S("unknown");
}

static void read_parties(struct letter *l, struct inbound *out)
{
    static const char *const lists[] = {"to", "cc"};
    add_party(l, out, l->from);
    // Who is only claimed makes nobody else a part of it. Where no server's checks are believed nothing can
    // be proven; there the desk decides by whether the sender has a part already.
    if (out->claimed && l->settings.server.len)
        return;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (size_t k = 0; k < json_len(json_at(l->mail, lists[i])); k++)
            add_party(l, out, text_at(json_item(json_at(l->mail, lists[i]), k), "address"));
}

// Which of the attachments the HTML means by cid:…, by position.
static void put_inline(struct json_writer *w, const struct json *list)
{
    json_key(w, "inline");
    json_open(w, '[');
    for (size_t i = 0; i < json_len(list); i++) {
        struct str id = text_at(json_item(list, i), "content_id");
        if (!id.len)
            continue;
        json_open(w, '{');
        json_key(w, "content_id");
        json_put_str(w, id);
        json_key(w, "position");
        json_put_i64(w, (i64)i);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static struct str write_details(struct letter *l)
{
    struct buf out;
    const struct json *mail = l->mail;
    buf_init(&out, l->arena, DETAILS_MAX);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "from");
    json_open(&w, '{');
    json_key(&w, "name");
    json_put_str(&w, text_at(mail, "from.name"));
    json_key(&w, "address");
    json_put_str(&w, l->from);
    json_close(&w, '}');
    put_people(&w, "reply_to", json_at(mail, "reply_to"));
    put_people(&w, "to", json_at(mail, "to"));
    put_people(&w, "cc", json_at(mail, "cc"));
    json_key(&w, "verified");
    json_put_str(&w, verdict(l));
    json_key(&w, "several_senders");
    json_put_bool(&w, json_i64(json_at(mail, "n_from")) != 1);
    json_key(&w, "from_us");
    json_put_bool(&w, email_is_ours(&l->settings, l->from));
    json_key(&w, "automatic");
    json_put_bool(&w, json_i64(json_at(mail, "automatic")) != 0);
    json_key(&w, "visible");
    json_put_i64(&w, json_i64(json_at(mail, "visible_len")));
    json_key(&w, "cut");
    json_put_bool(&w, json_bool(json_at(l->place, "cut")));
    put_inline(&w, json_at(mail, "attachments"));
    json_key(&w, "defects");
    json_put_str(&w, text_at(mail, "defects"));
    json_close(&w, '}');
    return out.overflow ? S("{}") : buf_str(&out);
}

// ---- The event ------------------------------------------------------------------------------------
static void read_attachments(struct letter *l, struct inbound *out)
{
    const struct json *list = json_at(l->mail, "attachments");
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *one = json_item(list, i);
        *list_push(&out->attachments, l->arena) = (struct inbound_attachment){
            .mime = text_at(one, "mime"),
            .name = text_at(one, "name"),
            .size = json_i64(json_at(one, "size")),
            .width = json_i64(json_at(one, "width")),
            .height = json_i64(json_at(one, "height")),
            .sha256 = text_at(one, "sha256"),
            .reason = text_at(one, "reason"),
        };
    }
}

// The id is the Message-ID together with what was said: the same mail in two folders is one, another one
// under a used Message-ID is not lost.
static void name_it(struct letter *l, struct inbound *out)
{
    struct str id = text_at(l->mail, "message_id");
    bool usable = id.len > 0 && id.len <= 400;
    out->mail_id = usable ? id : str_printf(l->arena, "%.40s@local", l->hash.ptr);
    out->external_id = str_printf(l->arena, STR_FMT "#%.16s", STR_ARG(out->mail_id), l->hash.ptr);
    out->thread_key = out->external_id;
}

static i64 time_of(const struct letter *l)
{
    i64 at = json_i64(json_at(l->place, "at")), received = json_i64(json_at(l->mail, "received_at"));
    i64 date = json_bool(json_at(l->mail, "date_sane")) ? json_i64(json_at(l->mail, "date_at")) : 0;
    if (received > 0 && received < l->view->now + 86400000)
        return received;
    return at > 0 ? at : date > 0 ? date : 1;
}

// Our own mail came round (a copy to ourselves, a forwarding circle): it is here already.
static bool is_echo(const struct letter *l)
{
    return email_is_ours(&l->settings, l->from) &&
           (email_message_number(l->view, text_at(l->mail, "message_id")) ||
            email_is_notice(l->view, text_at(l->mail, "message_id")) ||
            email_token_read(l->view->mac_key, 'm', text_at(l->mail, "own_id")));
}

static void fill(struct letter *l, struct inbound *out)
{
    *out = (struct inbound){
        .type = INBOUND_CREATED, .conversation_kind = S("email"), .visibility = S("private")};
    struct str name = text_at(l->mail, "from.name");
    out->author_id = l->from.len ? str_lower_ascii(l->arena, l->from) : S("unknown sender");
    out->author_handle = l->from;
    out->author_name = name.len ? name : l->from.len ? l->from : S("Unknown sender");
    out->text = text_at(l->mail, "text");
    out->html = json_str(json_at(l->mail, "html"));
    out->subject = text_at(l->mail, "subject");
    if (out->subject.len > SUBJECT_MAX) {
        size_t n = SUBJECT_MAX;
        while (n > 0 && ((u8)out->subject.ptr[n] & 0xC0) == 0x80)
            n--;
        out->subject.len = n;
    }
    out->at = l->at;
    out->quiet = (json_i64(json_at(l->mail, "automatic")) & AUTO_QUIET) != 0;
    out->own_conversation = proven_number(l, 'c');
    out->claimed = !str_eq(verdict(l), S("pass"));
    read_refs(l, out);
    read_parties(l, out);
    read_attachments(l, out);
    name_it(l, out);
    out->details = write_details(l);
}

bool email_receive(const struct channel_view *view, struct str stream, struct str body, struct arena *arena,
                   struct inbound_list *out, struct unreadable_list *bad, struct err *err)
{
    const struct json *json = json_parse_lenient(body, arena, err);
    struct letter l = {
        .view = view, .arena = arena, .place = json_at(json, "place"), .mail = json_at(json, "mail")};
    (void)stream, (void)bad;
    if (!json)
        return false;
    if (json_kind(l.mail) != JSON_OBJECT)
        return err_set(err, ERR_INVALID, "This is no mail that was taken apart.");
    email_settings_read(view, arena, &l.settings);
    l.from = text_at(l.mail, "from.address");
    l.hash = text_at(json, "hash");
    if (l.hash.len != 64)
        return err_set(err, ERR_INVALID, "The mail's fingerprint is missing.");
    l.at = time_of(&l);
    if (is_echo(&l))
        return true;
    struct inbound event = {};
    if (!read_bounce(&l, &event))
        fill(&l, &event);
    *list_push(out, arena) = event;
    return true;
}
