// SPDX-License-Identifier: AGPL-3.0-or-later
// Telephone numbers from anybody: what is read is E.164, and reading it again anywhere gives the same. The
// first byte picks the country.
#include "channels/phone_number.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    size_t n = 0;
    struct err err = {};
    struct str number, again;
    if (size == 0)
        return 0;
    while (phone_countries[n])
        n++;
    struct str country = str_from(phone_countries[data[0] % n]);
    struct arena *arena = arena_take();
    if (phone_number_read((struct str){(const char *)data + 1, size - 1}, country, arena, &number, &err)) {
        if (number.ptr[0] != '+' || number.ptr[1] == '0' || number.len < 8 || number.len > 16)
            abort();
        for (size_t i = 1; i < number.len; i++)
            if (number.ptr[i] < '0' || number.ptr[i] > '9')
                abort();
        if (!phone_number_read(number, S(""), arena, &again, &err) || !str_eq(number, again))
            abort();
    } else if (err.code != ERR_INVALID)
        abort();
    arena_give(arena);
    return 0;
}
