// SPDX-License-Identifier: AGPL-3.0-or-later
// See brand.h.
#include "desk/brand.h"
#include "desk/channel.h"
#include "desk/events.h"
#include "sql_gen.h"
#include "store/log.h"
#include "text/words.h"
#include <stdio.h>

enum { BRANDS_MAX = 100, LINKS_MAX = 10, TEXT_MAX = 2000 };

static const struct type link_type = {
    "BrandLink",
    (const struct field[]){
        FIELD(brand_link, FIELD_STR, title, FIELD_REQUIRED, .max = 200),
        FIELD(brand_link, FIELD_STR, url, FIELD_REQUIRED, .max = 2000),
        FIELD_END,
    },
    sizeof(struct brand_link),
};
static const struct type texts_type = {
    "BrandTexts",
    (const struct field[]){
        FIELD(brand_texts, FIELD_STR, en, 0, .max = TEXT_MAX),
        FIELD(brand_texts, FIELD_STR, id, 0, .max = TEXT_MAX),
        FIELD(brand_texts, FIELD_STR, et, 0, .max = TEXT_MAX),
        FIELD(brand_texts, FIELD_STR, fi, 0, .max = TEXT_MAX),
        FIELD(brand_texts, FIELD_STR, ko, 0, .max = TEXT_MAX),
        FIELD_END,
    },
    sizeof(struct brand_texts),
};
#define OWN                                                                                                  \
    FIELD(brand, FIELD_STR, mark, 0, .max = 32,                                                              \
          .doc = "what stands in its sign: one or two characters; '' the first of the name"),                \
        FIELD(brand, FIELD_STR, colour, 0, .max = 7, .doc = "#rrggbb; '' none"),                             \
        FIELD(brand, FIELD_STR, signature, 0, .max = 4000,                                                   \
              .doc = "below answers of colleagues who have no signature of their own"),                      \
        FIELD(brand, FIELD_LIST, links, FIELD_NO_ROW, .max = LINKS_MAX, .type = &link_type,                  \
              .doc = "public pages of the brand"),                                                           \
        FIELD(brand, FIELD_STRUCT, steer_texts, FIELD_NO_ROW, .type = &texts_type,                           \
              .doc = "how customers are asked over to the support account, by language; {account} is its "   \
                     "handle; '' Heed's own words")
const struct type brand_type = {
    "Brand",
    (const struct field[]){
        FIELD(brand, FIELD_I64, id, FIELD_READ_ONLY),
        FIELD(brand, FIELD_STR, name, 0),
        OWN,
        FIELD(brand, FIELD_TIME, created_at, FIELD_READ_ONLY),
        FIELD_END,
    },
    sizeof(struct brand),
};
const struct type brand_draft_type = {
    "BrandDraft",
    (const struct field[]){
        FIELD(brand, FIELD_STR, name, FIELD_REQUIRED, .max = 200),
        OWN,
        FIELD_END,
    },
    sizeof(struct brand),
};
// ---- As kept ----------------------------------------------------------------------------------------

struct kept_links {
    typeof(((struct brand *)0)->links) links;
};
static const struct type kept_links_type = {
    "BrandLinks",
    (const struct field[]){
        FIELD(kept_links, FIELD_LIST, links, 0, .max = LINKS_MAX, .type = &link_type),
        FIELD_END,
    },
    sizeof(struct kept_links),
};

static struct str pack(struct arena *arena, const struct type *type, const void *value)
{
    struct buf buf;
    buf_init(&buf, arena, 64 * 1024);
    struct json_writer w = json_writer(&buf);
    json_encode(&w, type, value);
    return buf_str(&buf);
}

static struct str given_or_empty(struct str text)
{
    return str_given(text) ? text : S("");
}

static void fill(struct rows *rows, struct brand *out, struct arena *arena)
{
    struct kept_links kept = {};
    struct err ignored = {};
    *out = (struct brand){.id = row_i64(rows, 0),
                          .name = row_str(rows, 1, arena),
                          .mark = row_str(rows, 2, arena),
                          .colour = row_str(rows, 3, arena),
                          .signature = row_str(rows, 4, arena),
                          .created_at = row_i64(rows, 7)};
    if (json_decode(row_str(rows, 5, arena), &kept_links_type, false, arena, &kept, NULL, &ignored)) {
        out->links.items = kept.links.items;
        out->links.len = kept.links.len;
    }
    if (!json_decode(row_str(rows, 6, arena), &texts_type, false, arena, &out->steer_texts, NULL, &ignored)) {
        out->steer_texts = (struct brand_texts){};
    }
    struct brand_texts *t = &out->steer_texts;
    *t = (struct brand_texts){given_or_empty(t->en), given_or_empty(t->id), given_or_empty(t->et),
                              given_or_empty(t->fi), given_or_empty(t->ko)};
}

bool brand_list(struct conn *conn, i64 workspace_id, struct arena *arena, struct brand_list *out,
                struct err *err)
{
    struct brand_list list = {};
    struct rows *rows;
    if (!db_query(conn, &SQL_brand_list, DB_ARGS(db_i64(workspace_id)), &rows, err)) {
        return false;
    }
    while (rows_next(rows)) {
        fill(rows, list_push(&list, arena), arena);
    }
    *out = list;
    return rows_end(rows, err);
}

static bool get(struct tx *tx, const struct sql *sql, i64 workspace_id, i64 id, struct brand *out,
                struct err *err)
{
    struct rows *rows;
    struct brand found = {};
    if (!db_query(tx->conn, sql, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        fill(rows, &found, tx->arena);
    }
    *out = found;
    return rows_end(rows, err) && (found.id > 0 || err_set(err, ERR_NOT_FOUND, "There is no such brand."));
}

// ---- Checks -----------------------------------------------------------------------------------------

static bool check_colour(struct str colour, struct err *err)
{
    bool fine = colour.len == 0 || (colour.len == 7 && colour.ptr[0] == '#');
    for (size_t i = 1; fine && i < colour.len; i++) {
        char c = colour.ptr[i];
        fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    return fine || err_field(err, "colour", "invalid", "A colour is written like #1d4ed8.");
}

static bool check(const struct brand *brand, struct err *err)
{
    if (text_graphemes(brand->mark) > 2) {
        return err_field(err, "mark", "too_long", "A sign has one or two characters.");
    }
    for (size_t i = 0; i < brand->links.len; i++) {
        if (!channel_url_valid(brand->links.items[i].url)) {
            char field[32];
            snprintf(field, sizeof(field), "links.%zu.url", i);
            return err_field(err, field, "invalid", "A link begins with http:// or https://.");
        }
    }
    return check_colour(brand->colour, err);
}

static bool clean_name(struct arena *arena, struct str name, struct str *ret, struct err *err)
{
    *ret = text_clean_name(arena, name);
    return ret->len > 0 || err_field(err, "name", "required", "A brand has a name.");
}

static bool name_taken(struct err *err)
{
    if (err->code == ERR_CONFLICT) {
        err_field(err, "name", "taken", "There is a brand of this name already.");
        err->code = ERR_CONFLICT;
    }
    return false;
}

static bool admin_only(const struct actor *actor, struct err *err)
{
    return actor_may(actor, MAY_ADMIN) || err_set(err, ERR_DENIED, "Only administrators change brands.");
}

// ---- Writing ----------------------------------------------------------------------------------------

static struct str links_text(struct tx *tx, const struct brand *brand)
{
    struct kept_links kept = {};
    kept.links.items = brand->links.items;
    kept.links.len = brand->links.len;
    return pack(tx->arena, &kept_links_type, &kept);
}

static struct brand whole(const struct brand *draft)
{
    struct brand brand = *draft;
    brand.mark = given_or_empty(draft->mark);
    brand.colour = given_or_empty(draft->colour);
    brand.signature = str_trim(given_or_empty(draft->signature));
    return brand;
}

bool brand_create(struct tx *tx, const struct actor *actor, const struct brand *draft, struct brand *out,
                  struct err *err)
{
    struct brand brand = whole(draft);
    i64 n, id;
    if (!admin_only(actor, err) || !clean_name(tx->arena, draft->name, &brand.name, err) ||
        !check(&brand, err) ||
        !db_one_i64(tx->conn, &SQL_brand_count, DB_ARGS(db_i64(actor->workspace_id)), &n, err)) {
        return false;
    }
    if (n >= BRANDS_MAX) {
        return err_set(err, ERR_CONFLICT, "A workspace has at most %d brands.", BRANDS_MAX);
    }
    if (!db_one_i64(tx->conn, &SQL_brand_insert,
                    DB_ARGS(db_i64(actor->workspace_id), db_str(brand.name),
                            db_str(text_fold(tx->arena, brand.name)), db_str(brand.mark),
                            db_str(brand.colour), db_str(brand.signature), db_str(links_text(tx, &brand)),
                            db_str(pack(tx->arena, &texts_type, &brand.steer_texts)), db_i64(tx->now)),
                    &id, err)) {
        return name_taken(err);
    }
    return actor_log(tx, actor, EVENT_BRAND_CREATED, "id", id, err) &&
           get(tx, &SQL_brand_one, actor->workspace_id, id, out, err);
}

static bool given_field(field_set set, const char *name)
{
    return field_given(&brand_draft_type, set, name);
}

bool brand_update(struct tx *tx, const struct actor *actor, i64 id, const struct brand *patch,
                  field_set given, struct brand *out, struct err *err)
{
    struct brand now;
    if (!admin_only(actor, err) || !get(tx, &SQL_brand_locked, actor->workspace_id, id, &now, err)) {
        return false;
    }
    struct brand brand = whole(patch);
    brand.name = given_field(given, "name") ? patch->name : now.name;
    brand.mark = given_field(given, "mark") ? brand.mark : now.mark;
    brand.colour = given_field(given, "colour") ? brand.colour : now.colour;
    brand.signature = given_field(given, "signature") ? brand.signature : now.signature;
    brand.links = given_field(given, "links") ? patch->links : now.links;
    brand.steer_texts = given_field(given, "steer_texts") ? patch->steer_texts : now.steer_texts;
    if (!clean_name(tx->arena, brand.name, &brand.name, err) || !check(&brand, err)) {
        return false;
    }
    if (!db_exec(tx->conn, &SQL_brand_set,
                 DB_ARGS(db_str(brand.name), db_str(text_fold(tx->arena, brand.name)), db_str(brand.mark),
                         db_str(brand.colour), db_str(brand.signature), db_str(links_text(tx, &brand)),
                         db_str(pack(tx->arena, &texts_type, &brand.steer_texts)),
                         db_i64(actor->workspace_id), db_i64(id)),
                 NULL, err)) {
        return name_taken(err);
    }
    return actor_log(tx, actor, EVENT_BRAND_UPDATED, "id", id, err) &&
           get(tx, &SQL_brand_one, actor->workspace_id, id, out, err);
}

bool brand_delete(struct tx *tx, const struct actor *actor, i64 id, struct err *err)
{
    struct brand gone;
    return admin_only(actor, err) && get(tx, &SQL_brand_locked, actor->workspace_id, id, &gone, err) &&
           db_exec(tx->conn, &SQL_brand_leave, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), NULL, err) &&
           db_exec(tx->conn, &SQL_brand_delete, DB_ARGS(db_i64(actor->workspace_id), db_i64(id)), NULL,
                   err) &&
           actor_log(tx, actor, EVENT_BRAND_DELETED, "id", id, err);
}

// ---- Channels ---------------------------------------------------------------------------------------

bool brand_place_get(struct conn *conn, i64 workspace_id, i64 channel_id, struct brand_place *out,
                     struct err *err)
{
    struct rows *rows;
    struct brand_place place = {};
    if (!db_query(conn, &SQL_brand_channel, DB_ARGS(db_i64(workspace_id), db_i64(channel_id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        place = (struct brand_place){row_i64(rows, 2), row_i64(rows, 3)};
    }
    *out = place;
    return rows_end(rows, err);
}

static bool kind_of(struct tx *tx, i64 workspace_id, i64 id, struct str *ret, struct err *err)
{
    struct rows *rows;
    *ret = STR_NONE;
    if (!db_query(tx->conn, &SQL_brand_channel, DB_ARGS(db_i64(workspace_id), db_i64(id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *ret = row_str(rows, 0, tx->arena);
    }
    return rows_end(rows, err);
}

static bool check_steer(struct tx *tx, i64 workspace_id, i64 channel_id, i64 to, struct err *err)
{
    struct str own, other;
    if (to == 0) {
        return true;
    }
    if (to == channel_id) {
        return err_field(err, "steer_to", "same", "A channel cannot steer to itself.");
    }
    if (!kind_of(tx, workspace_id, channel_id, &own, err) || !kind_of(tx, workspace_id, to, &other, err)) {
        return false;
    }
    if (!str_given(other)) {
        return err_field(err, "steer_to", "unknown", "There is no such channel.");
    }
    return str_eq(own, other) || err_field(err, "steer_to", "other_network",
                                           "Customers are steered to an account on the same network.");
}

static bool check_brand(struct tx *tx, i64 workspace_id, i64 id, struct err *err)
{
    struct brand found;
    struct err why = {};
    if (id == 0 || get(tx, &SQL_brand_locked, workspace_id, id, &found, &why)) {
        return true;
    }
    if (why.code != ERR_NOT_FOUND) {
        *err = why;
        return false;
    }
    return err_field(err, "brand_id", "unknown", "There is no such brand.");
}

bool brand_place_set(struct tx *tx, const struct actor *actor, i64 channel_id,
                     const struct brand_change *change, struct err *err)
{
    struct brand_place now;
    i64 workspace = actor->workspace_id;
    if (!admin_only(actor, err) || !brand_place_get(tx->conn, workspace, channel_id, &now, err)) {
        return false;
    }
    now.brand_id = change->brand ? change->place.brand_id : now.brand_id;
    now.steer_to = change->steer ? change->place.steer_to : now.steer_to;
    return (!change->brand || check_brand(tx, workspace, now.brand_id, err)) &&
           (!change->steer || check_steer(tx, workspace, channel_id, now.steer_to, err)) &&
           db_exec(tx->conn, &SQL_brand_channel_set,
                   DB_ARGS(db_i64(now.brand_id), db_i64(now.steer_to), db_i64(workspace), db_i64(channel_id)),
                   NULL, err);
}
