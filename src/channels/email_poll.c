// SPDX-License-Identifier: AGPL-3.0-or-later
// Reading a mailbox: per folder what is kept is UIDVALIDITY and the last UID taken. Folders are opened with
// EXAMINE and bodies read with BODY.PEEK, so nothing changes there and flags mean nothing here: mail that
// somebody read elsewhere is taken all the same. What comes now goes first: the mail that was there before
// the channel is taken behind it, oldest first, and only while little waits to be read. Work per turn is
// bounded; the cursor moves in the write that stores the bytes, so a connection cut anywhere only means that
// the same is read again.
#include "base/clock.h"
#include "channels/email.h"
#include <stdlib.h>

enum {
    TURN_MAILS = 500,
    TURN_BYTES = 12 << 20,
    FETCH_MAILS = 100,
    FETCH_BYTES = 4 << 20,
    CHUNK = 1 << 20,     // of a mail that is larger
    MAIL_MAX = 24 << 20, // what is larger is taken without its end, and says so
    CUT_TO = 256 << 10,
    WAITING_MAX =
        1500, // raw events; with more of them older mail stays where it is, or new mail would wait long
    WAIT_MS = 1000,
    WINDOW = 20000, // UIDs of older mail looked at in one question
};
#define DAY_MS INT64_C(86400000)

enum phase { P_SIGN_IN, P_EXAMINE, P_SINCE, P_SEARCH, P_SIZES, P_BODIES, P_CHUNK };

struct place { // one folder
    struct str name;
    i64 validity, uid, since;
    i64 old, old_to; // of the mail that was there before: taken up to here, to be taken up to there
    bool known;
};
struct found {
    bool told, stored; // the server spoke of it; its text is kept
    i64 uid, size, at;
};
struct reading {
    struct place *places;
    size_t n_places, at;
    i64 validity, next_uid;
    struct {
        struct found *items;
        size_t len, cap;
    } found;            // of this folder, in order
    size_t done, asked; // of found: taken, asked for just now
    size_t turn_mails, turn_bytes;
    struct buf whole; // of a large mail
    bool more;
    bool older;     // the second pass: over what was there before
    i64 window_end; // of the last question
};

// ---- The cursor -----------------------------------------------------------------------------------
static void read_cursor(struct email *e, struct reading *r, struct str cursor)
{
    struct err ignored;
    const struct json *json = cursor.len ? json_parse(cursor, e->arena, &ignored) : NULL;
    const struct str_list *folders = &e->settings.folders;
    r->n_places = folders->len;
    r->places = arena_array(e->arena, struct place, folders->len);
    for (size_t i = 0; i < folders->len; i++) {
        const struct json *one = json_get(json_at(json, "folders"), folders->items[i]);
        r->places[i] = (struct place){.name = folders->items[i],
                                      .validity = json_i64(json_at(one, "validity")),
                                      .uid = json_i64(json_at(one, "uid")),
                                      .since = json_i64(json_at(one, "since")),
                                      .old = json_i64(json_at(one, "old")),
                                      .old_to = json_i64(json_at(one, "old_to")),
                                      .known = json_kind(one) == JSON_OBJECT};
    }
}

static struct str write_cursor(struct email *e, const struct reading *r)
{
    struct buf out;
    buf_init(&out, e->arena, 256 << 10);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "folders");
    json_open(&w, '{');
    for (size_t i = 0; i < r->n_places; i++) {
        if (!r->places[i].known)
            continue;
        json_key(&w, str_cstr(e->arena, r->places[i].name));
        json_open(&w, '{');
        json_key(&w, "validity");
        json_put_i64(&w, r->places[i].validity);
        json_key(&w, "uid");
        json_put_i64(&w, r->places[i].uid);
        json_key(&w, "since");
        json_put_i64(&w, r->places[i].since);
        if (r->places[i].old < r->places[i].old_to) {
            json_key(&w, "old");
            json_put_i64(&w, r->places[i].old);
            json_key(&w, "old_to");
            json_put_i64(&w, r->places[i].old_to);
        }
        json_close(&w, '}');
    }
    json_close(&w, '}');
    json_close(&w, '}');
    return buf_str(&out);
}

static enum step_result finish(struct email *e, struct reading *r)
{
    e->step->cursor = write_cursor(e, r);
    e->step->more = r->more;
    return STEP_DONE;
}

// ---- Folder after folder --------------------------------------------------------------------------
static enum step_result examine(struct email *e, struct reading *r)
{
    struct str name = imap_mailbox(e->arena, r->places[r->at].name);
    if (!str_given(name))
        return email_say(e, STEP_REFUSED, "The folder's name cannot be said to the server.");
    e->phase = P_EXAMINE;
    r->found.len = r->done = r->asked = 0;
    return email_imap(e, str_concat(e->arena, S("EXAMINE "), name));
}

static bool has_older(const struct place *place)
{
    return place->known && place->old < place->old_to;
}

// The next folder of this pass; behind the first pass comes the one over older mail.
static enum step_result next_folder(struct email *e, struct reading *r)
{
    if (r->more)
        return finish(e, r);
    size_t at = r->at + 1;
    for (;;) {
        while (r->older && at < r->n_places && !has_older(&r->places[at]))
            at++;
        if (at < r->n_places) {
            r->at = at;
            return examine(e, r);
        }
        if (r->older)
            return finish(e, r);
        r->older = true;
        at = 0;
        if (e->step->waiting >= WAITING_MAX) {
            for (size_t i = 0; i < r->n_places; i++)
                if (has_older(&r->places[i]))
                    e->step->next_at = e->step->channel->now + WAIT_MS;
            return finish(e, r);
        }
    }
}

static enum step_result search(struct email *e, struct reading *r)
{
    e->phase = P_SEARCH;
    struct place *place = &r->places[r->at];
    return email_imap(e, str_printf(e->arena, "UID SEARCH UID %lld:*", (long long)place->uid + 1));
}

// A part of the older mail; UIDs may have large holes, so where a part is empty all of the rest is asked for.
static enum step_result search_older(struct email *e, struct reading *r, bool all)
{
    const struct place *place = &r->places[r->at];
    if (!has_older(place))
        return next_folder(e, r);
    if (r->turn_mails >= TURN_MAILS || r->turn_bytes >= TURN_BYTES) {
        r->more = true;
        return finish(e, r);
    }
    i64 end = place->old_to;
    if (!all && end - place->old > WINDOW)
        end = place->old + WINDOW;
    e->phase = P_SEARCH;
    r->window_end = end;
    r->found.len = r->done = r->asked = 0;
    return email_imap(
        e, str_printf(e->arena, "UID SEARCH UID %lld:%lld", (long long)place->old + 1, (long long)end));
}

// Everything from a day on: the lowest UID there begins the folder (anew).
static enum step_result search_since(struct email *e, struct reading *r)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char day[CLOCK_TEXT];
    struct place *place = &r->places[r->at];
    i64 month;
    clock_write(place->since, day); // 2026-11-24T…
    if (!str_to_i64((struct str){day + (day[5] == '0' ? 6 : 5), day[5] == '0' ? 1 : 2}, &month) ||
        month < 1 || month > 12)
        month = 1;
    e->phase = P_SINCE;
    return email_imap(e,
                      str_printf(e->arena, "UID SEARCH SINCE %.2s-%s-%.4s", day + 8, months[month - 1], day));
}

// Mail from this UID on is to be taken: what is there now behind what comes. A server that does not say where
// its next one goes is read in order.
static enum step_result begin_at(struct email *e, struct reading *r, i64 first)
{
    struct place *place = &r->places[r->at];
    if (r->next_uid <= 0) {
        place->uid = first - 1;
        return search(e, r);
    }
    place->uid = place->old_to = r->next_uid - 1;
    place->old = first - 1;
    return r->older ? search_older(e, r, false) : next_folder(e, r);
}

static enum step_result begin_folder(struct email *e, struct reading *r)
{
    struct place *place = &r->places[r->at];
    bool again =
        place->known; // UIDVALIDITY changed: all UIDs are new; what is here already is told by its id
    place->validity = r->validity;
    if (!again) {
        i64 days = e->settings.days_back;
        place->since = days < 0 ? 1 : e->step->channel->now - days * DAY_MS;
        place->known = true;
        if (days == 0 && r->next_uid > 0) {
            place->uid = r->next_uid - 1; // from now on
            return search(e, r);
        }
    }
    place->uid = place->old = place->old_to = 0;
    return place->since <= DAY_MS ? begin_at(e, r, 1) : search_since(e, r);
}

static enum step_result on_examine(struct email *e, struct reading *r)
{
    struct imap_end end = imap_end(e->answer);
    if (end.status != IMAP_OK)
        return email_say(e, STEP_REFUSED, "The folder “" STR_FMT "” cannot be opened: " STR_FMT,
                         STR_ARG(r->places[r->at].name), STR_ARG(end.text));
    r->validity = imap_code_number(e->answer, S("UIDVALIDITY"));
    r->next_uid = imap_code_number(e->answer, S("UIDNEXT"));
    const struct place *place = &r->places[r->at];
    if (!place->known || place->validity != r->validity)
        return begin_folder(e, r);
    if (r->older)
        return search_older(e, r, false);
    if (r->next_uid > 0 && r->next_uid <= place->uid + 1)
        return next_folder(e, r);
    return search(e, r);
}

static enum step_result on_since(struct email *e, struct reading *r)
{
    struct str rest = e->answer, line = S("");
    i64 uid, lowest = 0;
    if (imap_end(e->answer).status != IMAP_OK)
        return email_say(e, STEP_RETRY, "The mailbox cannot be searched: " STR_FMT,
                         STR_ARG(imap_end(e->answer).text));
    while (imap_search(&rest, &line, &uid))
        lowest = lowest == 0 || uid < lowest ? uid : lowest;
    if (lowest == 0 && r->next_uid > 0)
        lowest = r->next_uid;
    return begin_at(e, r, lowest > 0 ? lowest : 1);
}

static int by_uid(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

// ---- Sizes, then bodies ---------------------------------------------------------------------------
static struct str uid_list(struct email *e, const struct reading *r, size_t n)
{
    struct buf out;
    buf_init(&out, e->arena, n * 21 + 1);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%lld", i ? "," : "", (long long)r->found.items[r->done + i].uid);
    return buf_str(&out);
}

static enum step_result ask_sizes(struct email *e, struct reading *r)
{
    size_t left = r->found.len - r->done;
    if (left == 0 && r->older) {
        r->places[r->at].old = r->window_end;
        return search_older(e, r, r->found.len == 0);
    }
    if (left == 0)
        return next_folder(e, r);
    if (r->turn_mails >= TURN_MAILS || r->turn_bytes >= TURN_BYTES) {
        r->more = true;
        return finish(e, r);
    }
    r->asked = left < FETCH_MAILS ? left : FETCH_MAILS;
    e->phase = P_SIZES;
    return email_imap(e, str_printf(e->arena, "UID FETCH " STR_FMT " (UID INTERNALDATE RFC822.SIZE)",
                                    STR_ARG(uid_list(e, r, r->asked))));
}

static enum step_result on_search(struct email *e, struct reading *r)
{
    struct str rest = e->answer, line = S("");
    const struct place *place = &r->places[r->at];
    i64 uid;
    if (imap_end(e->answer).status != IMAP_OK)
        return email_say(e, STEP_RETRY, "The mailbox cannot be searched: " STR_FMT,
                         STR_ARG(imap_end(e->answer).text));
    i64 from = r->older ? place->old : place->uid, to = r->older ? r->window_end : INT64_MAX;
    while (imap_search(&rest, &line, &uid))
        if (uid > from && uid <= to) // "n:*" names the last one even when it is older
            *list_push(&r->found, e->arena) = (struct found){.uid = uid};
    if (r->found.len > 1)
        qsort(r->found.items, r->found.len, sizeof *r->found.items, by_uid);
    return ask_sizes(e, r);
}

static struct found *found_of(struct reading *r, i64 uid)
{
    for (size_t i = 0; i < r->asked; i++)
        if (r->found.items[r->done + i].uid == uid)
            return &r->found.items[r->done + i];
    return NULL;
}

static void store(struct email *e, struct reading *r, const struct found *mail, struct str bytes, bool cut)
{
    struct buf out;
    buf_init(&out, e->arena, bytes.len + 4096);
    struct json_writer w = json_writer(&out);
    json_open(&w, '{');
    json_key(&w, "folder");
    json_put_str(&w, r->places[r->at].name);
    json_key(&w, "validity");
    json_put_i64(&w, r->validity);
    json_key(&w, "uid");
    json_put_i64(&w, mail->uid);
    json_key(&w, "at");
    json_put_i64(&w, mail->at);
    json_key(&w, "size");
    json_put_i64(&w, mail->size);
    json_key(&w, "cut");
    json_put_bool(&w, cut);
    json_close(&w, '}');
    buf_add_char(&out, '\n');
    buf_add(&out, bytes);
    *list_push(&e->step->raw, e->arena) = buf_str(&out);
    r->turn_mails++;
    r->turn_bytes += bytes.len;
}

static enum step_result ask_chunk(struct email *e, struct reading *r)
{
    const struct found *mail = &r->found.items[r->done];
    i64 want = mail->size > MAIL_MAX ? CUT_TO : mail->size;
    i64 from = (i64)r->whole.len, n = want - from < CHUNK ? want - from : CHUNK;
    e->phase = P_CHUNK;
    enum step_result result =
        email_imap(e, str_printf(e->arena, "UID FETCH %lld (UID BODY.PEEK[]<%lld.%lld>)",
                                 (long long)mail->uid, (long long)from, (long long)(n > 0 ? n : 1)));
    e->step->request.timeout_ms = 60000;
    return result;
}

// The next of those asked for, as many as fit one answer; a large one alone, in pieces.
static enum step_result ask_bodies(struct email *e, struct reading *r)
{
    i64 bytes = 0;
    size_t n = 0;
    if (r->found.items[r->done].size > FETCH_BYTES) {
        buf_init(&r->whole, e->arena, MAIL_MAX + 1);
        return ask_chunk(e, r);
    }
    while (n < r->asked && bytes + r->found.items[r->done + n].size <= FETCH_BYTES)
        bytes += r->found.items[r->done + n++].size;
    r->asked = n;
    e->phase = P_BODIES;
    enum step_result result = email_imap(
        e, str_printf(e->arena, "UID FETCH " STR_FMT " (UID BODY.PEEK[])", STR_ARG(uid_list(e, r, n))));
    e->step->request.max_answer = FETCH_BYTES + (2 << 20);
    e->step->request.timeout_ms = 60000;
    return result;
}

static enum step_result on_sizes(struct email *e, struct reading *r)
{
    struct str rest = e->answer;
    struct imap_fetch fetch;
    if (imap_end(e->answer).status != IMAP_OK)
        return email_say(e, STEP_RETRY, "The mailbox cannot be read: " STR_FMT,
                         STR_ARG(imap_end(e->answer).text));
    while (imap_fetch(&rest, &fetch)) {
        struct found *mail = found_of(r, fetch.uid);
        if (mail) {
            mail->size = fetch.size;
            mail->at = fetch.at;
        }
    }
    return ask_bodies(e, r);
}

static void taken(struct reading *r, size_t n)
{
    i64 uid = r->found.items[r->done + n - 1].uid;
    if (r->older)
        r->places[r->at].old = uid;
    else
        r->places[r->at].uid = uid;
    r->done += n;
}

static enum step_result on_bodies(struct email *e, struct reading *r)
{
    struct str rest = e->answer;
    struct imap_fetch fetch;
    if (imap_end(e->answer).status != IMAP_OK)
        return email_say(e, STEP_RETRY, "The mailbox cannot be read: " STR_FMT,
                         STR_ARG(imap_end(e->answer).text));
    while (imap_fetch(&rest, &fetch)) {
        struct found *mail = found_of(r, fetch.uid);
        if (!mail)
            continue;
        mail->told = true;
        if (fetch.body.len > 0 && !mail->stored) {
            mail->stored = true;
            store(e, r, mail, fetch.body, false);
        }
    }
    // A mail that is there and whose text the server does not give goes on as empty bytes, which end in
    // quarantine for a person to see.
    for (size_t i = 0; i < r->asked; i++) {
        struct found *mail = &r->found.items[r->done + i];
        if (mail->told && !mail->stored)
            store(e, r, mail, S(""), false);
    }
    taken(r, r->asked); // one that did not come was deleted between the two questions
    return ask_sizes(e, r);
}

static enum step_result on_chunk(struct email *e, struct reading *r)
{
    struct str rest = e->answer;
    struct imap_fetch fetch;
    const struct found *mail = &r->found.items[r->done];
    if (imap_end(e->answer).status != IMAP_OK)
        return email_say(e, STEP_RETRY, "The mailbox cannot be read: " STR_FMT,
                         STR_ARG(imap_end(e->answer).text));
    struct str piece = S("");
    while (imap_fetch(&rest, &fetch))
        if (fetch.uid == mail->uid && str_given(fetch.body))
            piece = fetch.body;
    buf_add(&r->whole, piece);
    bool cut = mail->size > MAIL_MAX;
    size_t want = cut ? CUT_TO : (size_t)mail->size;
    if (piece.len > 0 && r->whole.len < want)
        return ask_chunk(e, r);
    // The server gave no more although it promised more: what came is kept, and said to be cut.
    if (r->whole.len > 0)
        store(e, r, mail, buf_str(&r->whole), cut || r->whole.len < want);
    taken(r, 1);
    return ask_sizes(e, r);
}

// ---- The operation --------------------------------------------------------------------------------
static enum step_result go_on(struct email *e, struct reading *r)
{
    if (!str_given(e->answer))
        return email_broke(e, "The mailbox could not be read");
    switch (e->phase) {
    case P_EXAMINE:
        return on_examine(e, r);
    case P_SINCE:
        return on_since(e, r);
    case P_SEARCH:
        return on_search(e, r);
    case P_SIZES:
        return on_sizes(e, r);
    case P_BODIES:
        return on_bodies(e, r);
    default:
        return on_chunk(e, r);
    }
}

enum step_result email_poll(struct step *step, struct str stream, struct str cursor)
{
    struct email *e = email_of(step);
    struct reading *r = e->op;
    (void)stream;
    if (!r) {
        e->op = r = arena_new(e->arena, struct reading);
        read_cursor(e, r, cursor);
    }
    if (e->phase == P_SIGN_IN) {
        enum step_result result = email_sign_in(e);
        return result == STEP_DONE ? examine(e, r) : result;
    }
    return go_on(e, r);
}

// ---- Waiting for news -----------------------------------------------------------------------------
enum { L_SIGN_IN, L_EXAMINE, L_IDLE, L_WAIT, L_DONE };
enum { IDLE_MS = 9 * 60 * 1000, NO_IDLE_MS = 30 * 60 * 1000 };

static enum step_result wait_for_news(struct email *e)
{
    e->phase = L_WAIT;
    enum step_result result = email_talk(e, e->settings.imap, S(""), imap_idle_whole);
    e->step->request.patient = true;
    e->step->request.timeout_ms = IDLE_MS;
    return result;
}

static enum step_result idle(struct email *e)
{
    e->phase = L_IDLE;
    return email_imap(e, S("IDLE"));
}

static enum step_result listen_on(struct email *e)
{
    struct imap_end end = imap_end(e->answer);
    switch (e->phase) {
    case L_EXAMINE:
        if (end.status != IMAP_OK)
            return email_say(e, STEP_REFUSED, "The folder cannot be opened: " STR_FMT, STR_ARG(end.text));
        return idle(e);
    case L_IDLE:
        if (end.status != IMAP_CONTINUE) {
            e->step->next_at = e->step->channel->now + NO_IDLE_MS;
            return STEP_DONE;
        }
        e->step->more = true; // what came before this was told to nobody
        return wait_for_news(e);
    case L_WAIT: // news, or nine minutes are over: behind some routers a silent connection dies
        e->step->more = !e->step->answer->waited;
        e->phase = L_DONE;
        return email_talk(e, e->settings.imap, S("DONE\r\n"), imap_whole);
    default:
        return idle(e);
    }
}

// Goes on until the connection breaks. `more` after a call: there is news, poll. DONE: the server knows no
// IDLE; ask again at next_at, until then the poll alone has to do.
enum step_result email_listen(struct step *step)
{
    struct email *e = email_of(step);
    enum step_result result;
    if (e->phase == L_SIGN_IN) {
        if ((result = email_sign_in(e)) != STEP_DONE)
            return result;
        struct str name = imap_mailbox(e->arena, e->settings.folders.items[0]);
        if (!str_given(name))
            return email_say(e, STEP_REFUSED, "The folder's name cannot be said to the server.");
        e->phase = L_EXAMINE;
        return email_imap(e, str_concat(e->arena, S("EXAMINE "), name));
    }
    bool silence = step->answer && step->answer->got_answer && step->answer->waited;
    if (!str_given(e->answer) && !silence)
        return email_broke(e, "Waiting for mail ended");
    return listen_on(e);
}
