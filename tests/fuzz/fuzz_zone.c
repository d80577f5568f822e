// SPDX-License-Identifier: AGPL-3.0-or-later
// Any bytes as a time zone's file: an offset within a week or nothing, whatever the moment.
#include "base/zone.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const i64 moments[] = {0, 1795513501983, 4102444800000, -8000000000000, 253402300799000};
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        i64 offset = zone_offset_of((struct str){(const char *)data, size}, moments[i]);
        if (offset < INT32_MIN || offset > INT32_MAX)
            abort();
    }
    return 0;
}
