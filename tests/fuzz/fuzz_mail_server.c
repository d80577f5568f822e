// SPDX-License-Identifier: AGPL-3.0-or-later
// What IMAP and SMTP servers say, whatever they say: all readers end, and an answer called whole is within
// what was received. The first byte picks the protocol.
#include "channels/email.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void read_imap(struct str bytes, struct arena *arena)
{
    struct imap_fetch fetch;
    struct imap_item item;
    struct str rest = bytes, line = S("");
    i64 number;
    if (imap_whole(bytes) > bytes.len || imap_greeting_whole(bytes) > bytes.len ||
        imap_idle_whole(bytes) > bytes.len)
        __builtin_trap();
    (void)imap_end(bytes);
    while (imap_fetch(&rest, &fetch))
        if (fetch.uid <= 0)
            __builtin_trap();
    rest = bytes;
    while (imap_search(&rest, &line, &number))
        if (number <= 0)
            __builtin_trap();
    rest = bytes;
    while (imap_line(&rest, &line))
        while (imap_item(&line, &item))
            (void)imap_text(&item, arena);
    (void)imap_code_number(bytes, S("UIDVALIDITY"));
    (void)imap_has_capability(bytes, S("IDLE"));
    (void)imap_date(bytes);
    (void)imap_quote(arena, bytes);
}

static void read_smtp(struct str bytes)
{
    struct str arguments;
    if (smtp_whole(bytes) > bytes.len)
        __builtin_trap();
    (void)smtp_reply(bytes);
    (void)smtp_offers(bytes, S("AUTH"), &arguments);
    (void)email_address_valid(bytes);
    (void)email_token_read(S("key"), 'c', bytes);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct arena *arena;
    if (!arena)
        arena = arena_create();
    if (size > 0 && data[0] % 2 == 0)
        read_imap((struct str){(const char *)data + 1, size - 1}, arena);
    else if (size > 0)
        read_smtp((struct str){(const char *)data + 1, size - 1});
    arena_reset(arena);
    return 0;
}
