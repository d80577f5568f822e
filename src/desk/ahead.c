// SPDX-License-Identifier: AGPL-3.0-or-later
// See ahead.h.
#include "desk/ahead.h"
#include "sql_gen.h"

static u64 hash_of(struct str s) // FNV-1a
{
    u64 hash = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (u8)s.ptr[i]) * 1099511628211u;
    }
    return hash ^ (hash >> 32);
}

// The id's slot, or the free one where it belongs: at most half are taken.
static struct seen *slot_of(const struct ahead *ahead, struct str external_id)
{
    for (size_t i = hash_of(external_id) & ahead->mask;; i = (i + 1) & ahead->mask) {
        struct seen *slot = &ahead->slots[i];
        if (!str_given(slot->external_id) || str_eq(slot->external_id, external_id)) {
            return slot;
        }
    }
}

struct seen *ahead_find(const struct ahead *ahead, struct str external_id)
{
    struct seen *slot = ahead->slots ? slot_of(ahead, external_id) : NULL;
    return slot && str_given(slot->external_id) ? slot : NULL;
}

// ---- Lists of names ---------------------------------------------------------------------------------

struct names {
    struct buf json;
    struct json_writer w;
    size_t n;
};

static void names_open(struct names *names, struct arena *arena)
{
    names->n = 0;
    buf_init(&names->json, arena, 8 * 1024 * 1024);
    names->w = json_writer(&names->json);
    json_open(&names->w, '[');
}

static void names_add(struct names *names, struct str name)
{
    json_put_str(&names->w, name);
    names->n++;
}

static struct str names_close(struct names *names)
{
    json_close(&names->w, ']');
    return buf_str(&names->json);
}

// ---- Looking up -------------------------------------------------------------------------------------

static struct str take_ids(struct ahead *ahead, const struct inbound_list *events, struct arena *arena)
{
    struct names names;
    size_t size = 16;
    while (size < 2 * events->len) {
        size *= 2;
    }
    ahead->slots = arena_array(arena, struct seen, size);
    ahead->mask = size - 1;
    names_open(&names, arena);
    for (size_t i = 0; i < events->len; i++) {
        struct str id = events->items[i].external_id;
        struct seen *slot = str_given(id) ? slot_of(ahead, id) : NULL;
        if (slot && !str_given(slot->external_id)) {
            slot->external_id = id;
            names_add(&names, id);
        }
    }
    return names_close(&names);
}

static bool load_seen(struct ahead *ahead, struct change *change, i64 channel_id, struct str names,
                      struct err *err)
{
    struct rows *rows;
    struct arena *arena = change->tx->arena;
    if (!db_query(change->tx->conn, &SQL_intake_seen_many,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(channel_id), db_str(names)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct seen *seen = ahead_find(ahead, row_str(rows, 0, arena));
        if (seen) {
            seen->message_id = row_i64(rows, 1);
            seen->kind = row_str(rows, 2, arena);
            seen->conversation_id = row_i64(rows, 3);
        }
    }
    return rows_end(rows, err);
}

static bool load_marks(struct ahead *ahead, struct change *change, i64 channel_id, struct str names,
                       struct err *err)
{
    struct rows *rows;
    struct arena *arena = change->tx->arena;
    if (!db_query(change->tx->conn, &SQL_intake_marks_many,
                  DB_ARGS(db_i64(change->workspace_id), db_i64(channel_id), db_str(names)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        struct seen *seen = ahead_find(ahead, row_str(rows, 0, arena));
        if (seen) {
            row_fill(rows, &mark_type, &seen->mark, arena);
        }
    }
    return rows_end(rows, err);
}

static bool load_authors(struct change *change, struct author_list *authors, const struct author_place *place,
                         const struct inbound_list *events, struct err *err)
{
    struct names names;
    struct str last = STR_NONE;
    names_open(&names, change->tx->arena);
    for (size_t i = 0; i < events->len; i++) {
        const struct inbound *event = &events->items[i];
        if (event->type == INBOUND_CREATED && !event->out && !event->context && event->author_id.len > 0 &&
            !str_eq(event->author_id, last)) {
            last = event->author_id;
            names_add(&names, last);
        }
    }
    struct str json = names_close(&names);
    return names.n == 0 || people_look_ahead(change, authors, place, json, err);
}

static bool load_threads(struct change *change, i64 channel_id, const struct inbound_list *events,
                         struct err *err)
{
    struct names names;
    struct str last = STR_NONE;
    names_open(&names, change->tx->arena);
    for (size_t i = 0; i < events->len; i++) {
        const struct inbound *event = &events->items[i];
        if (event->type == INBOUND_CREATED && event->thread_key.len > 0 && !str_eq(event->thread_key, last)) {
            last = event->thread_key;
            names_add(&names, last);
        }
    }
    struct str json = names_close(&names);
    return names.n == 0 || change_look_ahead(change, channel_id, json, err);
}

bool ahead_load(struct ahead *ahead, struct change *change, struct author_list *authors,
                const struct author_place *place, i64 channel_id, const struct inbound_list *events,
                struct err *err)
{
    struct str ids = take_ids(ahead, events, change->tx->arena);
    // Conversations first: locks are taken in the order conversation, message.
    return load_threads(change, channel_id, events, err) &&
           load_authors(change, authors, place, events, err) &&
           load_seen(ahead, change, channel_id, ids, err) && load_marks(ahead, change, channel_id, ids, err);
}
