// SPDX-License-Identifier: AGPL-3.0-or-later
// The instance key and what it seals. From the key in the file others are derived: to seal with, to
// sign with, and one that only names it, so that the name in the database says nothing about the key.
#include "base/arena.h"
#include "base/crypto.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEY_BYTES = 32,
    KEY_TEXT = 44, // base64
    ID_BYTES = 8,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    HEADER_BYTES = 1 + ID_BYTES + NONCE_BYTES,
    SEAL_VERSION = 1,
};

struct key {
    u8 seal[KEY_BYTES];
    u8 sign[KEY_BYTES];
    u8 id[ID_BYTES];
    char id_text[ID_BYTES * 2 + 1];
};

// The key lives in memory with guard pages that is locked, kept out of core dumps and wiped when freed.
static struct key *key_create(const u8 raw[KEY_BYTES])
{
    struct key *key = sodium_malloc(sizeof *key);
    if (!key) {
        die("out of memory for the key");
    }
    struct str root = {(const char *)raw, KEY_BYTES};
    u8 name[32];
    hmac_sha256(root, S("heed key name"), name);
    memcpy(key->id, name, ID_BYTES);
    sodium_bin2hex(key->id_text, sizeof key->id_text, key->id, ID_BYTES);
    hmac_sha256(root, S("heed key for sealing"), key->seal);
    hmac_sha256(root, S("heed key for signing"), key->sign);
    return key;
}

void crypto_key_destroy(struct key *key)
{
    sodium_free(key);
}

struct str crypto_key_id(const struct key *key)
{
    return str_from(key->id_text);
}

static bool decode_key(const char *text, size_t len, u8 raw[KEY_BYTES])
{
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    size_t got;
    const char *end;
    return sodium_base642bin(raw, KEY_BYTES, text, len, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) ==
               0 &&
           got == KEY_BYTES && end == text + len;
}

// Others must not be able to read it, nor to put another in its place.
static bool check_file(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "The key file %s is not a plain file.", path);
    }
    if (st.st_mode & 077) {
        return err_set(err, ERR_INVALID,
                       "The key file %s can be read by others (mode %03o). Make it yours alone: chmod 600 %s",
                       path, st.st_mode & 0777, path);
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        return err_set(err, ERR_INVALID, "The key file %s belongs to another user (%u).", path, st.st_uid);
    }
    return true;
}

bool crypto_key_load(const char *path, struct key **ret_key, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        enum err_code code = errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID;
        return err_set(err, code, "Cannot open the key file %s: %s.", path, strerror(errno));
    }
    char text[KEY_TEXT + 4];
    u8 raw[KEY_BYTES];
    bool ok = check_file(fd, path, err);
    if (ok) {
        ssize_t n = read(fd, text, sizeof text);
        ok = n > 0 && (size_t)n < sizeof text && decode_key(text, (size_t)n, raw);
        if (!ok) {
            err_set(err, ERR_INVALID, "The key file %s does not hold a key (32 bytes in base64).", path);
        }
    }
    close(fd);
    if (ok) {
        *ret_key = key_create(raw);
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(raw, sizeof raw);
    return ok;
}

// The name of a new file is only safe on the disk once its folder is.
static bool sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096] = ".";
    if (slash) {
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool write_new_file(const char *path, const char *text, size_t len, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        enum err_code code = errno == EEXIST ? ERR_CONFLICT : ERR_INVALID;
        return err_set(err, code, "Cannot make the key file %s: %s.", path, strerror(errno));
    }
    bool ok = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && sync_folder_of(path);
    if (!ok) {
        err_set(err, ERR_INVALID, "Cannot write the key file %s: %s.", path, strerror(errno));
        unlink(path);
    }
    return ok;
}

bool crypto_key_make(const char *path, struct key **ret_key, struct err *err)
{
    u8 raw[KEY_BYTES];
    char text[KEY_TEXT + 2];
    randombytes_buf(raw, sizeof raw);
    sodium_bin2base64(text, KEY_TEXT + 1, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
    text[KEY_TEXT] = '\n';
    bool ok = write_new_file(path, text, KEY_TEXT + 1, err);
    if (ok) {
        *ret_key = key_create(raw);
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(raw, sizeof raw);
    return ok;
}

void key_sign(const struct key *key, const char *purpose, struct str data, u8 out[32])
{
    u8 own[32];
    hmac_sha256((struct str){(const char *)key->sign, KEY_BYTES}, str_from(purpose), own);
    hmac_sha256((struct str){(const char *)own, sizeof own}, data, out);
    sodium_memzero(own, sizeof own);
}

struct str crypto_seal(const struct key *key, struct arena *arena, struct str place, struct str secret)
{
    u8 *out = arena_alloc(arena, HEADER_BYTES + secret.len + TAG_BYTES);
    out[0] = SEAL_VERSION;
    memcpy(out + 1, key->id, ID_BYTES);
    u8 *nonce = out + 1 + ID_BYTES;
    randombytes_buf(nonce, NONCE_BYTES);
    unsigned long long len;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEADER_BYTES, &len, (const u8 *)secret.ptr, secret.len,
                                               (const u8 *)place.ptr, place.len, NULL, nonce, key->seal);
    return (struct str){(const char *)out, HEADER_BYTES + (size_t)len};
}

bool crypto_open(const struct key *key, struct arena *arena, struct str place, struct str sealed,
                 struct str *ret_secret, struct err *err)
{
    const u8 *in = (const u8 *)sealed.ptr;
    if (sealed.len < HEADER_BYTES + TAG_BYTES || in[0] != SEAL_VERSION) {
        return err_set(err, ERR_INTERNAL, "A sealed value (" STR_FMT ") has no known form.", STR_ARG(place));
    }
    if (memcmp(in + 1, key->id, ID_BYTES) != 0) {
        char id[ID_BYTES * 2 + 1];
        sodium_bin2hex(id, sizeof id, in + 1, ID_BYTES);
        return err_set(err, ERR_INTERNAL, "A sealed value (" STR_FMT ") needs key %s; this key is %s.",
                       STR_ARG(place), id, key->id_text);
    }
    u8 *out = arena_alloc(arena, sealed.len - HEADER_BYTES);
    unsigned long long len;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &len, NULL, in + HEADER_BYTES,
                                                   sealed.len - HEADER_BYTES, (const u8 *)place.ptr,
                                                   place.len, in + 1 + ID_BYTES, key->seal) != 0) {
        return err_set(err, ERR_INTERNAL, "A sealed value (" STR_FMT ") was altered or moved.",
                       STR_ARG(place));
    }
    *ret_secret = (struct str){(const char *)out, (size_t)len};
    return true;
}
