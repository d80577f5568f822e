// SPDX-License-Identifier: AGPL-3.0-or-later
// Bodies of forms from anybody: fields are text, known once, without what could end a line of a header.
#include "api/form_body.h"
#include "base/arena.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct arena *arena = arena_take();
    struct form_fields fields = {};
    struct err err = {};
    bool read = form_body_parse((struct str){(const char *)data, size}, arena, &fields, &err);
    if (!read && err.code != ERR_SYNTAX)
        abort();
    for (size_t i = 0; read && i < fields.len; i++) {
        const struct form_field *field = &fields.items[i];
        if (field->name.len == 0 || !utf8_valid(field->name) || !utf8_valid(field->value))
            abort();
        for (size_t k = 0; k < field->value.len; k++) {
            if ((u8)field->value.ptr[k] < ' ' && field->value.ptr[k] != '\n' && field->value.ptr[k] != '\t')
                abort();
        }
        for (size_t k = 0; k < i; k++) {
            if (str_eq(fields.items[k].name, field->name))
                abort();
        }
    }
    arena_give(arena);
    return 0;
}
