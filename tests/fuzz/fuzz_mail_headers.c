// SPDX-License-Identifier: AGPL-3.0-or-later
// What stands in headers: encoded words, parameters, addresses, ids, dates. The first byte picks.
#include "base/arena.h"
#include "mail/headers.h"
#include "mail/parts.h"
#include <stdlib.h>

static void check_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((u8)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F) {
            abort();
        }
    }
    if (!utf8_valid(s)) {
        abort();
    }
}

static void try_addresses(struct str value, struct arena *arena)
{
    struct mail_address_list list = {};
    if (!addresses_read(value, arena, &list) && list.len < ADDRESSES_MAX) {
        abort();
    }
    for (size_t i = 0; i < list.len; i++) {
        check_line(list.items[i].name);
        check_line(list.items[i].address);
        if (list.items[i].address.len && !memchr(list.items[i].address.ptr, '@', list.items[i].address.len)) {
            abort();
        }
    }
}

static void try_params(struct str value, struct arena *arena)
{
    struct params params = params_read(value, arena);
    struct str name = params_find(&params, "filename", arena);
    check_line(name);
    name = name_tidy(name.ptr ? name : S(""), S("text/plain"), arena);
    check_line(name);
    if (name.len == 0 || memchr(name.ptr, '/', name.len) || memchr(name.ptr, '\\', name.len) ||
        name.ptr[0] == '.') {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct arena *arena = arena_create();
    struct str value = {(const char *)data + 1, size - 1};
    struct mail_id_list ids = {};
    struct header_list headers = {};
    switch (data[0] % 6) {
    case 0:
        check_line(words_decode(value, arena));
        break;
    case 1:
        try_params(value, arena);
        break;
    case 2:
        try_addresses(value, arena);
        break;
    case 3:
        ids_read(value, arena, &ids);
        for (size_t i = 0; i < ids.len; i++) {
            check_line(ids.items[i]);
        }
        break;
    case 4:
        if (date_read(value) < 0) {
            abort();
        }
        break;
    default:
        if (headers_read(value, arena, &headers) > value.len) {
            abort();
        }
    }
    arena_destroy(arena);
    return 0;
}
