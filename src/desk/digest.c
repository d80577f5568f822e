// SPDX-License-Identifier: AGPL-3.0-or-later
// See digest.h. Gathering, claiming and settling are each one write; what a person may not see any more is in
// no mail, and what they saw meanwhile makes a mail needless.
#include "desk/digest.h"
#include "desk/workspace.h"
#include "sql_gen.h"

enum { PEOPLE_AT_ONCE = 50, LINES_MAX = 100, LEASE_MS = 360000 };
enum { BACKOFF_MS = 60000, BACKOFF_MAX_MS = 3600000, LIFE_MS = 24 * 3600 * 1000 };

struct person {
    i64 workspace_id, agent_id;
};
struct person_list {
    struct person *items;
    size_t len, cap;
};
struct gathering {
    struct tx *tx;
    struct str public_url;
    struct workspace workspace; // of the one just now
    struct ping_people people;
};

static bool take(struct tx *tx, i64 workspace_id, i64 ping_id, i64 mail_id, struct err *err)
{
    return db_exec(tx->conn, &SQL_digest_take,
                   DB_ARGS(db_i64(mail_id), db_i64(workspace_id), db_i64(ping_id)), NULL, err);
}

// What they may see goes into the digest; the rest of the pings only ends its waiting.
static bool load_lines(struct gathering *g, const struct person *person, const struct ping_person *who,
                       struct digest *digest, struct id_list *hidden, struct err *err)
{
    struct arena *arena = g->tx->arena;
    struct rows *rows;
    if (!db_query(g->tx->conn, &SQL_digest_pings,
                  DB_ARGS(db_i64(person->workspace_id), db_i64(person->agent_id), db_i64(LINES_MAX)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        if (!who || !actor_sees(&who->sees, row_i64(rows, 8), row_i64(rows, 9))) {
            *list_push(hidden, arena) = row_i64(rows, 0);
            continue;
        }
        *list_push(digest, arena) = (struct digest_line){.id = row_i64(rows, 0),
                                                         .kind = row_str(rows, 1, arena),
                                                         .n = row_i64(rows, 2),
                                                         .conversation_id = row_i64(rows, 3),
                                                         .contact_name = row_str(rows, 4, arena),
                                                         .preview = row_str(rows, 5, arena),
                                                         .title = row_str(rows, 6, arena),
                                                         .by_name = row_str(rows, 7, arena)};
    }
    return rows_end(rows, err);
}

static bool load_address(struct tx *tx, const struct person *person, struct str *ret_address,
                         struct str *ret_language, struct err *err)
{
    struct rows *rows;
    *ret_address = STR_NONE;
    if (!db_query(tx->conn, &SQL_digest_person,
                  DB_ARGS(db_i64(person->workspace_id), db_i64(person->agent_id)), &rows, err)) {
        return false;
    }
    if (rows_next(rows)) {
        *ret_address = row_str(rows, 0, tx->arena);
        *ret_language = row_str(rows, 2, tx->arena);
    }
    return rows_end(rows, err);
}

static bool write_mail(struct gathering *g, const struct person *person, struct str address,
                       const struct digest *digest, struct err *err)
{
    struct tx *tx = g->tx;
    i64 id = 0;
    if (!db_one_i64(tx->conn, &SQL_mail_out_insert,
                    DB_ARGS(db_i64(person->workspace_id), db_i64(person->agent_id), db_str(address),
                            db_str(digest_subject(digest, tx->arena)), db_str(digest_text(digest, tx->arena)),
                            db_i64(tx->now)),
                    &id, err)) {
        return false;
    }
    for (size_t i = 0; i < digest->len; i++) {
        if (!take(tx, person->workspace_id, digest->items[i].id, id, err)) {
            return false;
        }
    }
    return true;
}

static bool enter(struct gathering *g, i64 workspace_id, struct err *err)
{
    return g->people.workspace_id == workspace_id ||
           (workspace_get(g->tx->conn, workspace_id, g->tx->arena, &g->workspace, err) &&
            ping_people_load(g->tx->conn, workspace_id, g->tx->now, g->tx->arena, &g->people, err));
}

static bool gather_one(struct gathering *g, const struct person *person, struct err *err)
{
    struct str address, language = S("");
    struct id_list hidden = {};
    struct tx *tx = g->tx;
    if (!enter(g, person->workspace_id, err) || !load_address(tx, person, &address, &language, err)) {
        return false;
    }
    const struct ping_person *who = ping_person_find(&g->people, person->agent_id);
    if (g->workspace.settings.mail_channel_id == 0 || !who || !str_given(address)) {
        return db_exec(tx->conn, &SQL_digest_drop,
                       DB_ARGS(db_i64(person->workspace_id), db_i64(person->agent_id), db_i64(tx->now)), NULL,
                       err);
    }
    struct digest digest = {.language = language,
                            .workspace = g->workspace.name,
                            .public_url = g->public_url,
                            .with_text = who->choice.push_text};
    if (!load_lines(g, person, who, &digest, &hidden, err)) {
        return false;
    }
    for (size_t i = 0; i < hidden.len; i++) {
        if (!take(tx, person->workspace_id, hidden.items[i], 0, err)) {
            return false;
        }
    }
    return digest.len == 0 || write_mail(g, person, address, &digest, err);
}

bool digest_gather(struct tx *tx, struct str public_url, i64 *ret_n, struct err *err)
{
    struct gathering g = {.tx = tx, .public_url = public_url};
    struct person_list list = {};
    struct rows *rows;
    if (!db_query(tx->conn, &SQL_digest_people, DB_ARGS(db_i64(tx->now), db_i64(PEOPLE_AT_ONCE)), &rows,
                  err)) {
        return false;
    }
    while (rows_next(rows)) {
        *list_push(&list, tx->arena) = (struct person){row_i64(rows, 0), row_i64(rows, 1)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    for (size_t i = 0; i < list.len; i++) {
        if (!gather_one(&g, &list.items[i], err)) {
            return false;
        }
    }
    *ret_n = (i64)list.len;
    return true;
}

// ---- One mail -------------------------------------------------------------------------------------------

bool mail_letter_claim(struct tx *tx, struct mail_letter *out, bool *ret_found, struct err *err)
{
    struct workspace workspace;
    struct rows *rows;
    i64 unseen = 0;
    if (!db_query(tx->conn, &SQL_mail_out_due, DB_ARGS(db_i64(tx->now), db_i64(1)), &rows, err)) {
        return false;
    }
    *ret_found = rows_next(rows);
    if (*ret_found) {
        *out = (struct mail_letter){.id = row_i64(rows, 0),
                                    .workspace_id = row_i64(rows, 1),
                                    .address = row_str(rows, 2, tx->arena),
                                    .subject = row_str(rows, 3, tx->arena),
                                    .text = row_str(rows, 4, tx->arena),
                                    .attempts = row_i64(rows, 5) + 1,
                                    .created_at = row_i64(rows, 6)};
    }
    if (!rows_end(rows, err)) {
        return false;
    }
    if (!*ret_found) {
        return true;
    }
    if (!workspace_get(tx->conn, out->workspace_id, tx->arena, &workspace, err) ||
        !db_one_i64(tx->conn, &SQL_mail_out_unseen, DB_ARGS(db_i64(out->workspace_id), db_i64(out->id)),
                    &unseen, err)) {
        return false;
    }
    out->channel_id = workspace.settings.mail_channel_id;
    out->needless = unseen == 0;
    return db_exec(tx->conn, &SQL_mail_out_claim,
                   DB_ARGS(db_i64(tx->now + LEASE_MS), db_i64(out->workspace_id), db_i64(out->id)), NULL,
                   err);
}

static bool set(struct tx *tx, const struct mail_letter *letter, const char *state, i64 next_at,
                struct str reason, struct err *err)
{
    return db_exec(tx->conn, &SQL_mail_out_set,
                   DB_ARGS(db_str(str_from(state)), db_i64(next_at),
                           db_str(str_given(reason) ? reason : S("")), db_i64(letter->workspace_id),
                           db_i64(letter->id)),
                   NULL, err);
}

static bool again(struct tx *tx, const struct mail_result *result, struct err *err)
{
    const struct mail_letter *letter = result->letter;
    i64 pause = BACKOFF_MS;
    for (i64 i = 1; i < letter->attempts && pause < BACKOFF_MAX_MS; i++) {
        pause *= 2;
    }
    i64 at = result->retry_at > tx->now ? result->retry_at : tx->now + pause;
    bool late = at >= letter->created_at + LIFE_MS; // a digest of yesterday helps nobody
    return set(tx, letter, late ? "failed" : "queued", at, result->reason, err);
}

bool mail_letter_settle(struct tx *tx, const struct mail_result *result, struct err *err)
{
    const struct mail_letter *letter = result->letter;
    switch (result->outcome) {
    case MAIL_NEEDLESS:
        return set(tx, letter, "done", tx->now, S("seen meanwhile"), err);
    case MAIL_TAKEN:
        return set(tx, letter, "done", tx->now, S(""), err) &&
               db_exec(tx->conn, &SQL_mail_out_reached,
                       DB_ARGS(db_i64(tx->now), db_i64(letter->workspace_id), db_i64(letter->id)), NULL, err);
    case MAIL_AGAIN:
        return again(tx, result, err);
    case MAIL_REFUSED:
        return set(tx, letter, "failed", tx->now, result->reason, err);
    }
    return true;
}
