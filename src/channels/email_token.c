// SPDX-License-Identifier: AGPL-3.0-or-later
// Tokens that prove that a mail answers one of ours. The number in them is no secret; the proof is the MAC,
// compared in constant time. Nothing about a subject or an address From proves anything.
#include "base/crypto.h"
#include "channels/email.h"

enum { MAC_BYTES = 16, MAC_TEXT = 26, NUMBER_TEXT = 13, LOCAL_MAX = 64 };
static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static void add_base32(struct buf *out, const u8 *bytes, size_t len)
{
    u32 bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xFFFFFF;
        for (n += 8; n >= 5; n -= 5)
            buf_add_char(out, letters[bits >> (n - 5) & 31]);
    }
    if (n > 0)
        buf_add_char(out, letters[bits << (5 - n) & 31]);
}

static void add_number(struct buf *out, i64 number)
{
    char text[NUMBER_TEXT];
    size_t n = 0;
    u64 rest = (u64)number;
    do
        text[n++] = letters[rest & 31];
    while ((rest >>= 5) > 0 && n < sizeof text);
    while (n > 0)
        buf_add_char(out, text[--n]);
}

struct str email_token_make(struct arena *arena, struct str key, char kind, i64 number)
{
    struct buf out;
    u8 mac[32];
    hmac_sha256(key, str_printf(arena, "mail:%c:%lld", kind, (long long)number), mac);
    buf_init(&out, arena, 64);
    buf_add_char(&out, kind);
    add_number(&out, number);
    buf_add_char(&out, '.');
    add_base32(&out, mac, MAC_BYTES);
    return buf_str(&out);
}

i64 email_token_read(struct str key, char kind, struct str token)
{
    char memory[64];
    struct str mac, head = str_cut(token, '.', &mac);
    u64 number = 0;
    if (!str_given(mac) || mac.len != MAC_TEXT || head.len < 2 || head.len > NUMBER_TEXT || key.len == 0 ||
        (head.ptr[0] | 32) != kind)
        return 0;
    for (size_t i = 1; i < head.len; i++) {
        const char *at =
            head.ptr[i]
                ? strchr(letters, head.ptr[i] >= 'A' && head.ptr[i] <= 'Z' ? head.ptr[i] | 32 : head.ptr[i])
                : NULL;
        if (!at)
            return 0;
        number = number << 5 | (u64)(at - letters);
    }
    if (number == 0 || number > INT64_MAX)
        return 0;
    struct arena *arena = arena_take();
    struct str made = email_token_make(arena, key, kind, (i64)number);
    size_t len = token.len < sizeof memory ? token.len : 0;
    for (size_t i = 0; i < len; i++)
        memory[i] = token.ptr[i] >= 'A' && token.ptr[i] <= 'Z' ? (char)(token.ptr[i] | 32) : token.ptr[i];
    bool same = secret_eq(made, (struct str){memory, len});
    arena_give(arena);
    return same ? (i64)number : 0;
}

struct str email_plus(struct arena *arena, struct str address, struct str token)
{
    struct str domain, local = str_cut(address, '@', &domain);
    if (!str_given(domain) || local.len + 1 + token.len > LOCAL_MAX)
        return STR_NONE;
    return str_printf(arena, STR_FMT "+" STR_FMT "@" STR_FMT, STR_ARG(local), STR_ARG(token),
                      STR_ARG(domain));
}

struct str email_plus_token(const struct email_settings *settings, struct str address)
{
    struct str domain, rest, local = str_cut(address, '@', &domain);
    if (!str_given(domain) || !email_is_ours(settings, address))
        return STR_NONE;
    str_cut(local, '+', &rest);
    return rest;
}

static struct str id_of(const struct channel_view *view, struct arena *arena,
                        const struct email_settings *settings, char kind, i64 number)
{
    struct str domain;
    str_cut(settings->address, '@', &domain);
    return str_printf(arena, STR_FMT "@" STR_FMT,
                      STR_ARG(email_token_make(arena, view->mac_key, kind, number)), STR_ARG(domain));
}

struct str email_message_id(const struct channel_view *view, struct arena *arena,
                            const struct email_settings *settings, i64 message_id)
{
    return id_of(view, arena, settings, 'm', message_id);
}

struct str email_notice_id(const struct channel_view *view, struct arena *arena,
                           const struct email_settings *settings, i64 notice_id)
{
    return id_of(view, arena, settings, 'n', notice_id);
}

bool email_is_notice(const struct channel_view *view, struct str id)
{
    struct str domain;
    return email_token_read(view->mac_key, 'n', str_cut(id, '@', &domain)) != 0;
}

i64 email_message_number(const struct channel_view *view, struct str id)
{
    struct str domain;
    return email_token_read(view->mac_key, 'm', str_cut(id, '@', &domain));
}
