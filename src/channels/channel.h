// SPDX-License-Identifier: AGPL-3.0-or-later
// What a network is: one file that ends in one `const struct channel_driver`. Pure functions from bytes
// to structs and back; a driver touches no socket, no database, no clock. What needs the network is
// returned as a request, and the driver is called again with the answer.
// The core owns raw storage, deduplication, outbox, budgets, retries, secrets.
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/sniff.h"
#include "json/field.h"
#include "json/json.h"
#include <stdatomic.h>

// What a driver is told about its channel. Secrets are opened for the call only.
struct channel_view {
    i64 id;
    struct str kind;
    struct str external_account_id, handle;
    const struct json *settings;
    const struct json *secret;  // what was sealed at creation
    const struct json *session; // what the driver last asked to keep; NULL at first
    struct str mac_key;         // of this channel alone, derived from the instance's key
    i64 now;                    // ms UTC
};

// ---- In -----------------------------------------------------------------------------------------
enum inbound_type {
    INBOUND_CREATED,
    INBOUND_EDITED,
    INBOUND_DELETED,
    INBOUND_DELIVERED,
    INBOUND_READ,
    INBOUND_BOUNCED, // an answer of ours (own_message) came back, or is late; text says why
};
struct inbound_attachment {
    struct str url, mime, name, alt;
    struct str sha256; // given: the file is kept here already (hex), there is nothing to fetch
    i64 size, width, height;
    struct str reason; // why they are not
};
struct inbound {
    enum inbound_type type;
    struct str external_id; // of the message
    struct str thread_key;
    struct str conversation_kind; // dm, thread, review, email
    struct str visibility;        // public, private
    bool out;                     // written by the brand elsewhere, or an echo
    bool context;                 // somebody else's post above: shown, never counted
    struct str author_id, author_name, author_handle;
    struct str text;
    struct str reply_to; // external id
    struct str extra;    // JSON the driver wants back when we answer this message
    struct str language;
    i64 at; // created, edited, deleted, receipt: ms UTC
    // Mail. What it belongs to: our conversation or message when it carries our proof, else messages its
    // headers name (these count only when the author has a part in their conversation).
    i64 own_conversation, own_message;
    struct str_list refs; // Message-IDs, nearest first
    struct str mail_id, subject, html;
    struct str details;      // JSON for the page: from, to, cc, what was checked
    struct str_list parties; // addresses that have a part in the conversation from here on
    bool claimed;            // nothing proves that the author wrote it (a mail's From)
    bool quiet;              // by a machine (out of office, lists): it reopens and times nothing
    bool hard;               // a bounce: it will not arrive
    struct {
        struct inbound_attachment *items;
        size_t len, cap;
    } attachments;
};
struct inbound_list {
    struct inbound *items;
    size_t len, cap;
};
// A part of a body that could not be read: kept in quarantine, never in the way of the others.
struct unreadable {
    struct str bytes;
    char reason[160];
};
struct unreadable_list {
    struct unreadable *items;
    size_t len, cap;
};

struct hook_request { // an incoming webhook, raw
    struct str method, query, body;
    struct str (*header)(const struct hook_request *, const char *name); // STR_NONE when absent or twice
    const void *http;
};

// ---- Requests to the network and their answers ----------------------------------------------------
struct net_header {
    struct str name, value;
};
struct net_request {
    struct str method; // GET, POST
    struct str url;
    struct {
        struct net_header *items;
        size_t len, cap;
    } headers;
    struct str body;
    int timeout_ms;            // 0: 30 s
    size_t max_answer;         // 0: 4 MiB
    const atomic_bool *cancel; // given: once it is true, within a second, there is no answer
    // With `whole` this is no HTTP but one turn of a talk over lines: url is imap://, imaps://, smtp:// or
    // smtps://, method is ignored. `body` (it may be empty) is written to the run's connection, which is
    // opened when there is none to this url; then it is read until whole(received) says how many bytes make
    // the answer (0: more is needed). The connection stands until the run ends.
    size_t (*whole)(struct str received);
    bool start_tls; // before writing: from here on TLS (the other side has just agreed)
    bool fresh;     // on a new connection, whatever is open
    bool patient;   // silence until the time is over is an answer too (`waited`); may be interrupted
};
struct net_answer {
    bool got_answer;     // false: refused, cut, timed out
    bool maybe_received; // with !got_answer: bytes may have reached the other side
    int status;
    bool secure, exempt; // a talk: it is encrypted; the operator allows this very host and port
    bool too_large;      // without an answer: it was larger than max_answer
    bool waited;         // a patient talk: nothing came, the connection still stands
    struct str body;
    struct {
        struct net_header *items;
        size_t len, cap;
    } headers;
    char error[160]; // transport error in words
};
struct str net_answer_header(const struct net_answer *answer, const char *name);
// Retry-After (seconds or HTTP date), RateLimit-Reset; 0 when none. ms UTC.
i64 net_answer_retry_at(const struct net_answer *answer, i64 now);

// A conversation with the network made of several requests: step() is called with the last answer (NULL
// at first) and either asks for one more request or ends. `state` is the driver's own, in the arena.
enum step_result {
    STEP_REQUEST, // do `request`, call again
    STEP_DONE,    // finished, see the outputs
    STEP_RETRY,   // try the whole again at retry_at (0: core's backoff); reason
    STEP_REAUTH,  // credentials refused for good: channel state reauth, reason; queue is kept
    STEP_REFUSED, // this thing will never go through; reason for a person
    STEP_DEAD,    // the channel is gone (410, account deleted); reason
    STEP_DOUBT,   // sending only: it may or may not have happened
    STEP_ABSENT,  // confirm only: the network says it did not happen, send again
};
struct step {
    const struct channel_view *channel;
    struct arena *arena;
    void *state;                     // kept between calls of one run
    const struct net_answer *answer; // NULL at first
    // outputs
    struct net_request request;
    char reason[240];
    i64 retry_at;
    struct str keep_session; // JSON to seal and keep (given: STR_GIVEN), also on failure
    // connect: what was found out
    struct str account_id, handle;
    // poll: raw bodies to store, each later given to receive() with its stream, and the new cursor
    struct {
        struct str *items;
        size_t len, cap;
    } raw;
    struct str cursor;
    bool more;      // poll again at once
    i64 next_at;    // 0: the driver's usual interval
    bool only_this; // with STEP_RETRY: the trouble is this thing's alone, others of the channel may go
    i64 waiting;    // poll of a mailbox (input): raw events of this channel that wait to be read, up to a few
                    // thousand
    // poll of the stream "watch" (input): external ids of messages in open conversations, newest first
    struct str_list watch;
    // With STEP_REQUEST: this request renews the session. Core lets one at a time do so per channel; when
    // another was quicker, the request is not made: channel->session is the new one, `renewed` is true,
    // `answer` is NULL. keep_session set afterwards is sealed and kept before the next request.
    bool renew;
    bool renewed;
    struct str facts; // JSON object merged into the channel's settings: what was found out
                      // and people should see ({"dm":"off: …"})
    // send, act, confirm
    struct str external_id;
    struct str extra; // JSON kept with our message
};

// ---- Out ------------------------------------------------------------------------------------------
struct outbound_attachment {
    struct str bytes, mime, name, alt;
    struct str url; // given instead of bytes, see address_above
    struct str sha256;
    i64 size, width, height;
};
struct outbound {
    enum { OUT_SEND, OUT_EDIT, OUT_DELETE, OUT_LIKE, OUT_UNLIKE } action;
    i64 message_id;
    struct str client_key; // the same on each attempt
    struct str thread_key, visibility, conversation_kind;
    struct str address; // whom it reaches, in a thread that began here; empty otherwise
    struct str text;
    struct str reply_to;    // external id of the message answered (newest customer message by default)
    struct str reply_extra; // its `extra`
    struct str target_id, target_extra; // delete, like, unlike: the message concerned
    struct str like_external_id;        // unlike
    struct {
        struct outbound_attachment *items;
        size_t len, cap;
    } attachments;
    i64 created_at;
    i64 doubt_since; // confirm: since when its fate is unknown
    i64 attempts;    // this one is counted
    // Mail:
    i64 conversation_id;
    struct str subject, mail; // mail: JSON with to, cc, …, as it was written
    struct str_list refs;     // Message-IDs before it, oldest first
};

// ---- The driver ------------------------------------------------------------------------------------
enum channel_can {
    CAN_WEBHOOK = 1,
    CAN_POLL = 2,
    CAN_LIKE = 4,
    CAN_DELETE_OWN = 8,
    CAN_CONFIRM = 32,
    CAN_IDEMPOTENT = 64,
    CAN_DM = 128,
    CAN_PUBLIC = 256,
    CAN_MAIL = 65536,      // raw bodies are mails: taken apart in a child first; answers have recipients
    CAN_GLOBAL_IDS = 1024, // an author id means the same person on every channel of this kind
    CAN_EDIT_OWN = 8192,
    CAN_START = 16384,     // a conversation can begin here: start() says in which thread
    CAN_SIGNATURE = 32768, // below answers stands the writer's signature
    CAN_CALL = 131072,     // calls are logged here by colleagues; start() reads the number
    CAN_VISITORS = 2048,   // Heed itself is the network: the channel has a public key for visitors' addresses
                           // (external_account_id) and a secret of ours for signed identities
};
enum text_unit { UNIT_CODE_POINTS, UNIT_GRAPHEMES, UNIT_UTF16, UNIT_BYTES };
struct text_limit {
    enum text_unit unit;
    size_t max;
    size_t max_bytes;
};
struct channel_setting { // a field of the connect form and of the create body
    const char *name;
    // CHOICE: one of `choices`. JSON: a list or an object, looked at by the driver's check_settings.
    enum {
        SETTING_TEXT,
        SETTING_URL,
        SETTING_SECRET,
        SETTING_BOOL,
        SETTING_CHOICE,
        SETTING_JSON,
        SETTING_NUMBER
    } kind;
    bool required;
    const char *fallback;       // default as text, NULL none
    size_t max;                 // bytes; of a number: the highest
    const char *const *choices; // CHOICE: the words, ends with NULL
    bool dialled;               // an address that Heed itself connects to: judged when it is saved too
    bool bound;                 // says where the secrets go: whoever changes it gives them again
};
struct notice { // a mail of the installation itself, to a colleague
    struct str address, subject, text;
    i64 id; // the same on each attempt, unique in the installation
    i64 created_at, attempts;
};
struct started { // a conversation that we begin
    struct str thread_key, conversation_kind, visibility;
    struct str address;     // as it is written to
    struct str external_id; // who it is there; STR_NONE: not known before they answer
};
struct channel_driver {
    const char *kind;  // "custom", "bluesky"
    const char *title; // "Bluesky"
    unsigned can;
    struct text_limit text_public, text_private;
    // Files that go with one message: which kinds (enum file_kind; 0: none), how many, how large each
    // (0: FILE_MAX) and all together (0: no limit of its own). Pictures may have a smaller limit.
    unsigned files;
    size_t max_files;
    size_t max_file_bytes, max_picture_bytes, max_total_bytes;
    // The network fetches what is larger than this by a signed address; 0: it always gets the bytes.
    size_t address_above;
    const struct channel_setting *settings; // ends with name NULL
    const char *const *streams;             // polled streams, ends with NULL; NULL: none
    i64 poll_ms;                            // usual interval
    i64 reply_window_ms;   // how long after the customer's last words we may answer; 0: always
    const char *no_answer; // why nothing can be answered there; NULL: it can
    i64 sends_per_hour;    // budget of a channel; 0: none known
    // What the table cannot say about settings: forms of values. err's field is "settings.NAME". NULL:
    // nothing.
    bool (*check_settings)(const struct json *settings, struct err *err);
    // Is this webhook theirs? Over the raw bytes, before anything is parsed. ERR_UNAUTHENTICATED when not.
    bool (*verify)(const struct channel_view *, const struct hook_request *, struct arena *, struct err *);
    // Bytes (one stored raw body) -> events. What cannot be read goes to `bad`. False only when nothing
    // of the body can be read.
    bool (*receive)(const struct channel_view *, struct str stream, struct str body, struct arena *,
                    struct inbound_list *out, struct unreadable_list *bad, struct err *);
    // How many events the webhook holds, for the answer.
    size_t (*count)(struct str body);
    // Credentials -> session, account id and handle. NULL: nothing to find out, active at once.
    enum step_result (*connect)(struct step *);
    // One real call that shows whether the channel works; reason says what was seen.
    enum step_result (*health)(struct step *);
    enum step_result (*poll)(struct step *, struct str stream, struct str cursor);
    // Waits for news as long as the connection lasts; NULL: none. `more` after a call: poll now.
    enum step_result (*listen)(struct step *);
    enum step_result (*send)(struct step *, const struct outbound *);
    // What is still to be done once it is on record that a send arrived (a copy among the sent mail). Nothing
    // depends on it: a failure is logged, a crash before it loses it, and it never sends again. NULL:
    // nothing.
    enum step_result (*sent)(struct step *, const struct outbound *);
    // Mail to a colleague, outside of any conversation. What is in doubt may be sent again under the same id.
    enum step_result (*notify)(struct step *, const struct notice *);
    // A thread that begins with us. address: as people write it; unique: a text never used before.
    bool (*start)(const struct channel_view *, struct str address, struct str unique, struct arena *,
                  struct started *out, struct err *);
    // Did it arrive? DONE (external_id), ABSENT, or DOUBT (cannot tell).
    enum step_result (*confirm)(struct step *, const struct outbound *);
};
extern const struct channel_driver channel_custom, channel_bluesky, channel_chat, channel_form, channel_email,
    channel_phone;
// registry.c
const struct channel_driver *channel_driver_find(struct str kind); // NULL: unknown
extern const struct channel_driver *const channel_drivers[];       // ends with NULL
// How long after the customer's last words an answer is taken, by the driver or the channel's setting
// reply_window_hours; 0: always.
i64 channel_reply_window(const struct channel_driver *driver, const struct json *settings);
// Does the writer's signature go below answers: by the driver, or the channel's setting `signature`.
bool channel_signs(const struct channel_driver *driver, const struct json *settings);
// Length of a text in the unit of a limit.
size_t text_length(struct text_limit limit, struct str text);
bool text_fits(struct text_limit limit, struct str text);
// Bytes that one file of a kind may have there.
size_t channel_file_limit(const struct channel_driver *driver, enum file_kind kind);
