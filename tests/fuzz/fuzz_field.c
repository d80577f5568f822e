// SPDX-License-Identifier: AGPL-3.0-or-later
// A body that is taken by a table of every kind is written as JSON; one that is refused names why.
#include "base/arena.h"
#include "json/field.h"
#include <stdlib.h>

struct part {
    i64 id;
    struct str name;
};
struct thing {
    i64 count, due_at;
    bool on;
    struct str name, state, settings;
    struct part part;
    struct {
        struct part *items;
        size_t len, cap;
    } parts;
    struct str_list words;
    struct id_list ids;
};

static const char *const states[] = {"a", "b", NULL};
static const struct field part_fields[] = {
    FIELD(part, FIELD_I64, id, FIELD_REQUIRED),
    FIELD(part, FIELD_STR, name, FIELD_NULLABLE, .max = 5),
    FIELD_END,
};
static const struct type part_type = {"Part", part_fields, sizeof(struct part)};
static const struct field thing_fields[] = {
    FIELD(thing, FIELD_I64, count, FIELD_NULLABLE),
    FIELD(thing, FIELD_TIME, due_at, 0),
    FIELD(thing, FIELD_BOOL, on, 0),
    FIELD(thing, FIELD_STR, name, FIELD_REQUIRED, .max = 20),
    FIELD(thing, FIELD_ENUM, state, 0, .names = states),
    FIELD(thing, FIELD_JSON, settings, FIELD_OPTIONAL_OUT, .max = 100),
    FIELD(thing, FIELD_STRUCT, part, FIELD_NULLABLE, .type = &part_type),
    FIELD(thing, FIELD_LIST, parts, 0, .type = &part_type, .max = 3),
    FIELD(thing, FIELD_STRS, words, 0, .max = 3),
    FIELD(thing, FIELD_IDS, ids, 0, .max = 3),
    FIELD_END,
};
static const struct type thing_type = {"Thing", thing_fields, sizeof(struct thing)};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct thing thing = {};
    struct err err = {};
    field_set given;
    if (!json_decode((struct str){(const char *)data, size}, &thing_type, false, arena, &thing, &given,
                     &err)) {
        if ((err.code != ERR_INVALID && err.code != ERR_SYNTAX) || !err.text[0] ||
            !utf8_valid(str_from(err.text))) {
            abort();
        }
    } else {
        struct buf out;
        buf_init(&out, arena, 1 << 20);
        struct json_writer w = json_writer(&out);
        json_encode(&w, &thing_type, &thing);
        if (out.overflow || !json_parse(buf_str(&out), arena, &err)) {
            abort();
        }
    }
    arena_give(arena);
    return 0;
}
