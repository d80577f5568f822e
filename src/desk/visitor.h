// SPDX-License-Identifier: AGPL-3.0-or-later
// Visitors: who writes on a channel whose network is Heed itself. A visitor has one session, opened by a
// bearer secret, and the session reads and writes one thread of one channel. Nothing else widens it: not a
// name or an address that somebody typed, not two contacts that were merged, not a conversation that was.
#pragma once
#include "channels/signed_identity.h"
#include "desk/channel.h"

enum { VISITOR_ONLINE_MS = 5 * 60 * 1000, VISITOR_TOUCH_MS = 10 * 60 * 1000 };
#define VISITOR_SLIDE_MS  ((i64)90 * 24 * 3600 * 1000) // a browser that was not here for so long is new
#define VISITOR_SIGNED_MS ((i64)24 * 3600 * 1000)      // the same for who was vouched for

struct visitor_channel {
    i64 id, workspace_id;
    struct str key, kind, name, state, sealed;
    const struct json *settings;
};
// By the public key in the address. ERR_NOT_FOUND when there is none or it is switched off.
bool visitor_channel_find(struct conn *conn, const char *kind, struct str key, struct arena *arena,
                          struct visitor_channel *out, struct err *err) MUST_CHECK;
// A setting as text, with the driver's default where it is not set.
struct str visitor_setting(const struct visitor_channel *channel, const char *name);
bool visitor_setting_on(const struct visitor_channel *channel, const char *name);
// The brand's name as customers see it.
struct str visitor_title(const struct visitor_channel *channel);
// The secrets that may sign an identity now.
bool visitor_secrets(const struct visitor_channel *channel, const struct key *key, i64 now,
                     struct arena *arena, struct identity_check *out, struct err *err) MUST_CHECK;

struct visitor {
    i64 id, workspace_id, channel_id, created_at, last_seen_at, expires_at;
    struct str thread_key, subject, name, email, language;
};
// ERR_UNAUTHENTICATED unless the secret opens a session of this very channel.
bool visitor_find(struct conn *conn, const struct visitor_channel *channel, struct str secret, i64 now,
                  struct arena *arena, struct visitor *out, struct err *err) MUST_CHECK;
// Makes a session. identity NULL: anonymous, with a thread of its own; else the thread of that customer, on
// every device the same. ERR_UNAUTHENTICATED when the identity was used before.
bool visitor_create(struct tx *tx, const struct visitor_channel *channel,
                    const struct signed_identity *identity, struct str language, struct str secret,
                    struct visitor *out, struct err *err) MUST_CHECK;
// Those of the given sessions whose streams may go on.
bool visitor_alive(struct conn *conn, const struct id_list *ids, i64 now, struct arena *arena,
                   struct id_list *ret_alive, struct err *err) MUST_CHECK;
// What the channel's opening hours say, in the workspace's time zone. *ret_opens_at: 0 while it is open, or
// never again.
bool visitor_hours(struct conn *conn, i64 workspace_id, i64 channel_id, i64 now, struct arena *arena,
                   bool *ret_open, i64 *ret_opens_at, struct err *err) MUST_CHECK;
bool visitor_touch(struct tx *tx, const struct visitor *visitor, struct err *err) MUST_CHECK;
bool visitor_set(struct tx *tx, const struct visitor *visitor, struct err *err) MUST_CHECK;
bool visitor_end(struct tx *tx, const struct visitor *visitor, struct err *err) MUST_CHECK;
// Hourly: what is over.
bool visitor_clean(struct tx *tx, struct err *err) MUST_CHECK;
// Takes what may be used once; ERR_UNAUTHENTICATED the second time.
bool visitor_once(struct tx *tx, i64 workspace_id, i64 channel_id, struct str what, i64 expires_at,
                  struct err *err) MUST_CHECK;
// Under which id the intake knows who wrote, and the handle colleagues see (it says when nobody vouched).
struct str visitor_author(const struct visitor *visitor, struct arena *arena);
struct str visitor_handle(const struct visitor *visitor, struct arena *arena);

// ---- What a visitor may read ------------------------------------------------------------------------
struct visitor_attachment {
    i64 message_id, id, size, width, height;
    struct str mime, name, alt, state;
};
struct visitor_message {
    i64 number, channel_id; // ours
    struct str thread;      // by its id
    struct str id, from, author, text;
    struct str origin, agent_name, direction, external_id;
    i64 created_at, edited_at, deleted_at;
    struct {
        struct visitor_attachment *items;
        size_t len, cap;
    } files;
};
struct visitor_message_list {
    struct visitor_message *items;
    size_t len, cap;
};
extern const struct type visitor_message_type;
// How colleagues are called: "first", "full" or "brand", and the brand.
struct visitor_naming {
    struct str how, brand;
};
struct str visitor_agent_name(struct visitor_naming naming, struct str name);
struct visitor_naming visitor_naming(const struct visitor_channel *channel);
// A page from the newest back, in time order.
bool visitor_messages(struct conn *conn, const struct visitor *visitor, struct visitor_naming naming,
                      struct str cursor, i64 limit, struct arena *arena, struct visitor_message_list *out,
                      struct str *ret_next, struct err *err) MUST_CHECK;
// One by its number, for live streams; ERR_NOT_FOUND when no visitor may see it. The author is not named yet.
bool visitor_message_load(struct conn *conn, i64 workspace_id, i64 number, struct arena *arena,
                          struct visitor_message *out, struct err *err) MUST_CHECK;
void visitor_message_name(struct visitor_message *message, struct visitor_naming naming);
struct visitor_place { // id 0: not a word yet
    i64 id, team_id;
    bool seen; // colleagues have read everything
};
bool visitor_place(struct conn *conn, i64 workspace_id, i64 channel_id, struct str thread,
                   struct visitor_place *out, struct err *err) MUST_CHECK;
// Colleagues who may answer, and whether one was here in the last minutes.
bool visitor_colleagues(struct conn *conn, i64 workspace_id, i64 channel_id, i64 now, struct arena *arena,
                        struct id_list *out, bool *ret_recent, struct err *err) MUST_CHECK;

// ---- Files --------------------------------------------------------------------------------------------
enum { VISITOR_FILE_MAX = 10 * 1024 * 1024 };
#define VISITOR_DAY_MAX     ((i64)50 * 1024 * 1024)   // of one visitor in a day
#define VISITOR_CHANNEL_MAX ((i64)1024 * 1024 * 1024) // of all visitors of a channel in a day
struct visitor_kept_file {
    struct str sha256, name, mime;
    i64 size, width, height;
};
// ERR_RATE_LIMITED when there is no room for so many bytes today.
bool visitor_file_room(struct conn *conn, const struct visitor *visitor, i64 size, i64 now,
                       struct err *err) MUST_CHECK;
bool visitor_file_note(struct tx *tx, const struct visitor *visitor, const struct visitor_kept_file *file,
                       struct err *err) MUST_CHECK;
// ERR_NOT_FOUND unless this visitor put it.
bool visitor_file_get(struct conn *conn, const struct visitor *visitor, struct str sha256,
                      struct arena *arena, struct visitor_kept_file *out, struct err *err) MUST_CHECK;
// A file in this visitor's thread.
bool visitor_attachment_get(struct conn *conn, const struct visitor *visitor, i64 id, struct arena *arena,
                            struct visitor_kept_file *out, struct err *err) MUST_CHECK;
