// SPDX-License-Identifier: AGPL-3.0-or-later
// A read value as the text that is written of it.
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "json/json.h"

static struct str dumped(struct arena *arena, const struct json *value)
{
    struct buf out;
    buf_init(&out, arena, 64 << 20);
    json_dump(&out, value);
    return buf_str(&out);
}
