// SPDX-License-Identifier: AGPL-3.0-or-later
// First the mail is asked (in a child), then the net (through the guarded client), then a child cleans what
// came.
#include "jobs/remote_picture.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/picture.h"
#include "jobs/jobs.h"
#include "mail/pictures.h"

_Static_assert((int)REMOTE_PICTURE_URL_MAX == (int)PICTURE_URL_MAX, "one limit");

enum {
    FETCH_MS = 10000,
    BYTES_MAX = 4 * 1024 * 1024,
};

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_sub(s, 0, prefix.len), prefix);
}

// What has to be dialled: the missing scheme is https, and behind the host bytes that no address may hold are
// percent-encoded, as browsers do. The host stays as it is and is judged by net/.
static struct str dialled(struct str url, struct arena *arena)
{
    struct buf out;
    bool bare = str_starts(url, S("//"));
    i64 authority = str_find(url, S("//"));
    bool in_path = false;
    buf_init(&out, arena, url.len * 3 + 8);
    buf_add(&out, bare ? S("https:") : S(""));
    for (size_t i = 0; i < url.len; i++) {
        u8 c = (u8)url.ptr[i];
        in_path = in_path || ((i64)i > authority + 1 && strchr("/?#", c) && c != 0);
        bool odd =
            c <= ' ' || c >= 0x7F || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`';
        if (in_path && odd) {
            buf_printf(&out, "%%%02X", c);
        } else {
            buf_add_char(&out, (char)c);
        }
    }
    return buf_str(&out);
}

static bool fetch(const struct remote_picture_settings *settings, struct str url, struct arena *arena,
                  struct str *ret_bytes, struct err *err)
{
    struct net_request request = {.method = S("GET"),
                                  .url = dialled(url, arena),
                                  .timeout_ms = FETCH_MS,
                                  .max_answer = BYTES_MAX,
                                  .cancel = settings->stopping};
    struct net_answer answer = {};
    // The same for everybody: neither who asks nor which Heed it is.
    *list_push(&request.headers, arena) = (struct net_header){S("User-Agent"), S("Mozilla/5.0 (compatible)")};
    *list_push(&request.headers, arena) =
        (struct net_header){S("Accept"), S("image/webp,image/png,image/jpeg,image/gif")};
    client_fetch(settings->client, &request, FETCH_REDIRECTS, arena, &answer);
    if (answer.too_large) {
        return err_field(err, "url", "too_large", "The picture is larger than 4 MiB.");
    }
    if (!answer.got_answer) {
        return err_field(err, "url", "no_answer", "The picture did not come: %s", answer.error);
    }
    if (answer.status != 200) {
        return err_field(err, "url", "refused", "The other side does not give it out (HTTP %d).",
                         answer.status);
    }
    *ret_bytes = answer.body;
    return answer.body.len > 0 || err_field(err, "url", "bad_picture", "The other side gave an empty file.");
}

static bool clean(const struct remote_picture_settings *settings, struct str bytes, struct arena *arena,
                  struct remote_picture *ret, struct err *err)
{
    struct picture picture = {};
    struct err why = {};
    enum child_result how = picture_clean(settings->nursery, CHILD_PICTURE, bytes, arena, &picture, &why);
    if (how == CHILD_REFUSED) {
        return err_field(err, "url", "bad_picture", "%s", why.text);
    }
    if (how != CHILD_OK) {
        *err = why;
        return false;
    }
    *ret = (struct remote_picture){.mime = picture.mime,
                                   .width = picture.width,
                                   .height = picture.height,
                                   .size = (i64)picture.bytes.len};
    struct str head = str_printf(arena, "data:" STR_FMT ";base64,", STR_ARG(picture.mime));
    ret->data_url = str_concat(arena, head, base64_encode(arena, picture.bytes));
    return true;
}

bool remote_picture_get(const struct remote_picture_settings *settings, struct str html, struct str url,
                        struct arena *arena, struct remote_picture *ret, struct err *err)
{
    struct str plain = picture_url_plain(arena, url), bytes;
    if (!starts_nocase(plain, S("https://")) && !starts_nocase(plain, S("http://")) &&
        !str_starts(plain, S("//"))) {
        return err_field(err, "url", "not_allowed", "The address must begin with http://, https:// or //.");
    }
    if (atomic_load(settings->stopping)) {
        return err_retry(err, ERR_UNAVAILABLE, 5, "The program is stopping.");
    }
    return mail_names_picture(settings->nursery, CHILD_PICTURE_NAMED, html, plain, arena, err) &&
           fetch(settings, plain, arena, &bytes, err) && clean(settings, bytes, arena, ret, err);
}
