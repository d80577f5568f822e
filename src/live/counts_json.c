// SPDX-License-Identifier: AGPL-3.0-or-later
// Counts as JSON: built-in folders by name, channels by id in an object of their own.
#include "live/counts_json.h"

const struct type counts_doc_type = {
    "Counts",
    (const struct field[]){
        FIELD(counts_doc, FIELD_I64, unanswered, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_I64, mine, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_I64, mentions, FIELD_READ_ONLY,
              .doc = "not closed, with a note that names one; 1,001: more than 1,000"),
        FIELD(counts_doc, FIELD_I64, unassigned, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_I64, open, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_I64, snoozed, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_I64, closed, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_I64, spam, FIELD_READ_ONLY),
        FIELD(counts_doc, FIELD_JSON, channels, FIELD_READ_ONLY, .doc = "open work by channel id"),
        FIELD_END,
    },
    sizeof(struct counts_doc),
};

static i64 count_of(const struct folder_counts *counts, const char *folder)
{
    for (size_t i = 0; i < counts->len; i++) {
        if (str_eq(counts->items[i].folder, str_from(folder)))
            return counts->items[i].n;
    }
    return 0; // a folder without a cell is empty
}

void counts_encode(struct json_writer *w, const struct folder_counts *counts, bool without_own, i64 mentions)
{
    static const char *const folders[] = {"unanswered", "mine",   "unassigned", "open",
                                          "snoozed",    "closed", "spam"};
    const struct str prefix = S("channel:");
    json_open(w, '{');
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (without_own && strcmp(folders[i], "mine") == 0)
            continue;
        json_key(w, folders[i]);
        json_put_i64(w, count_of(counts, folders[i]));
    }
    if (mentions >= 0) {
        json_key(w, "mentions");
        json_put_i64(w, mentions);
    }
    json_key(w, "channels");
    json_open(w, '{');
    for (size_t i = 0; i < counts->len; i++) {
        struct str folder = counts->items[i].folder;
        char id[24];
        size_t len = folder.len - prefix.len;
        if (!str_starts(folder, prefix) || len >= sizeof(id))
            continue;
        memcpy(id, folder.ptr + prefix.len, len);
        id[len] = 0;
        json_key(w, id);
        json_put_i64(w, counts->items[i].n);
    }
    json_close(w, '}');
    json_close(w, '}');
}
