// SPDX-License-Identifier: AGPL-3.0-or-later
// A tool of the tests: each file named is taken apart and shown as one line of JSON; with --child first, in a
// sandboxed child, as the server does it.
#include "base/arena.h"
#include "base/buf.h"
#include "mail/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void add(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, ",\"%s\":", name);
    if (!value.ptr) {
        buf_add(out, S("null"));
        return;
    }
    buf_add_char(out, '"');
    buf_add_json(out, value);
    buf_add_char(out, '"');
}

static void add_addresses(struct buf *out, const char *name, const struct mail_address *items, size_t n)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s[\"", i ? "," : "");
        buf_add_json(out, items[i].name);
        buf_add(out, S("\",\""));
        buf_add_json(out, items[i].address);
        buf_add(out, S("\"]"));
    }
    buf_add_char(out, ']');
}

static void add_ids(struct buf *out, const char *name, const struct mail_id_list *ids)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < ids->len; i++) {
        buf_add(out, i ? S(",\"") : S("\""));
        buf_add_json(out, ids->items[i]);
        buf_add_char(out, '"');
    }
    buf_add_char(out, ']');
}

static u32 sum(struct str bytes) // FNV-1a
{
    u32 hash = 2166136261u;
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ (u8)bytes.ptr[i]) * 16777619u;
    }
    return hash;
}

static void add_attachments(struct buf *out, const struct mail_attachment_list *list)
{
    buf_add(out, S(",\"attachments\":["));
    for (size_t i = 0; i < list->len; i++) {
        const struct mail_attachment *a = &list->items[i];
        buf_printf(out, "%s{\"size\":%zu,\"sum\":%u,\"inline\":%s", i ? "," : "", a->bytes.len, sum(a->bytes),
                   a->is_inline ? "true" : "false");
        add(out, "name", a->name);
        add(out, "mime", a->mime);
        add(out, "content_id", a->content_id);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void add_bounce(struct buf *out, const struct mail_bounce *bounce)
{
    buf_printf(out, ",\"bounce\":{\"kind\":%d,\"recipients\":[", (int)bounce->kind);
    for (size_t i = 0; i < bounce->recipients.len; i++) {
        const struct mail_bounced *b = &bounce->recipients.items[i];
        buf_printf(out, "%s{\"hard\":%s", i ? "," : "", b->hard ? "true" : "false");
        add(out, "recipient", b->recipient);
        add(out, "action", b->action);
        add(out, "status", b->status);
        add(out, "diagnostic", b->diagnostic);
        add(out, "remote", b->remote);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    add_ids(out, "ids", &bounce->ids);
    buf_add_char(out, '}');
}

static void show(const struct mail *mail, struct buf *out)
{
    buf_printf(out,
               ",\"automatic\":%u,\"date_at\":%lld,\"date_sane\":%s,\"received_at\":%lld,\"n_from\":%zu,"
               "\"visible_len\":%zu,\"from_html\":%s",
               mail->automatic, (long long)mail->date_at, mail->date_sane ? "true" : "false",
               (long long)mail->received_at, mail->n_from, mail->visible_len,
               mail->text_from_html ? "true" : "false");
    add(out, "message_id", mail->message_id);
    add_ids(out, "in_reply_to", &mail->in_reply_to);
    add_ids(out, "references", &mail->references);
    add_addresses(out, "from", &mail->from, 1);
    add_addresses(out, "sender", &mail->sender, 1);
    add_addresses(out, "reply_to", mail->reply_to.items, mail->reply_to.len);
    add_addresses(out, "to", mail->to.items, mail->to.len);
    add_addresses(out, "cc", mail->cc.items, mail->cc.len);
    add_addresses(out, "delivered_to", mail->delivered_to.items, mail->delivered_to.len);
    add(out, "return_path", mail->return_path);
    add(out, "subject", mail->subject);
    add(out, "text", mail->text);
    add(out, "visible", str_sub(mail->text, 0, mail->visible_len));
    add(out, "html", mail->html);
    add_attachments(out, &mail->attachments);
    add_bounce(out, &mail->bounce);
    add(out, "auth", mail->auth.raw);
    add(out, "auth_server", mail->auth.server);
    add(out, "dmarc", mail->auth.dmarc);
    add(out, "defects", mail->defects);
}

static struct str read_all(const char *path, struct arena *arena)
{
    struct buf in;
    FILE *file = fopen(path, "rb");
    buf_init(&in, arena, 64 << 20);
    for (size_t n = 1; file && n > 0;) {
        char *room = buf_room(&in, 65536);
        n = fread(room, 1, 65536, file);
        in.len += n;
    }
    if (file) {
        fclose(file);
    }
    return buf_str(&in);
}

static struct nursery *nursery;

static bool take_apart(struct str raw, struct arena *arena, struct mail *mail, struct err *err)
{
    return nursery ? mail_take_apart(nursery, 0, raw, arena, mail, err) == CHILD_OK
                   : mail_parse(raw, arena, mail, err);
}

int main(int argc, char **argv)
{
    static child_job *const kinds[] = {mail_job};
    struct err failed = {};
    bool child = argc > 1 && strcmp(argv[1], "--child") == 0;
    mail_prepare();
    if (child && !nursery_start(kinds, 1, false, &nursery, &failed)) {
        fprintf(stderr, "%s\n", failed.text);
        return 1;
    }
    for (int i = child ? 2 : 1; i < argc; i++) {
        struct arena *arena = arena_create();
        struct mail mail;
        struct err err = {};
        struct buf out;
        struct timespec before, after;
        buf_init(&out, arena, 256 << 20);
        struct str raw = read_all(argv[i], arena);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
        bool read = take_apart(raw, arena, &mail, &err);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
        i64 us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
        buf_printf(&out, "{\"cpu_us\":%lld,\"memory\":%zu", (long long)us, arena_used(arena) - raw.len);
        if (read) {
            show(&mail, &out);
        } else {
            add(&out, err.code == ERR_UNAVAILABLE ? "died" : "refused", str_from(err.text));
        }
        printf("%.*s}\n", (int)out.len, out.ptr);
        arena_destroy(arena);
    }
    nursery_stop(nursery);
    return 0;
}
