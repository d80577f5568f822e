// SPDX-License-Identifier: AGPL-3.0-or-later
// SHA-1 is here for HMAC in one-time passwords alone, where its collisions do not matter; libsodium has none.
#include "base/totp.h"
#include "base/buf.h"
#include "base/crypto.h"
#include <stdio.h>

enum { BLOCK = 64, DIGEST = 20 };

static u32 rotate(u32 x, int n)
{
    return (x << n) | (x >> (32 - n));
}

static void sha1_block(u32 state[5], const u8 *block)
{
    u32 w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++) {
        w[i] = (u32)block[i * 4] << 24 | (u32)block[i * 4 + 1] << 16 | (u32)block[i * 4 + 2] << 8 |
               block[i * 4 + 3];
    }
    for (int i = 16; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (int i = 0; i < 80; i++) {
        u32 f = i < 20   ? ((b & c) | (~b & d))
                : i < 40 ? (b ^ c ^ d)
                : i < 60 ? ((b & c) | (b & d) | (c & d))
                         : (b ^ c ^ d);
        u32 k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        u32 next = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

// Of at most two blocks: all that HMAC over a short message needs.
static void sha1(const u8 *data, size_t len, u8 out[DIGEST])
{
    u32 state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    u8 tail[BLOCK] = {};
    size_t whole = len / BLOCK;
    for (size_t i = 0; i < whole; i++) {
        sha1_block(state, data + i * BLOCK);
    }
    memcpy(tail, data + whole * BLOCK, len % BLOCK);
    tail[len % BLOCK] = 0x80;
    u64 bits = (u64)len * 8; // the rest is always shorter than 56 bytes here
    for (int i = 0; i < 8; i++) {
        tail[BLOCK - 1 - i] = (u8)(bits >> (8 * i));
    }
    sha1_block(state, tail);
    for (int i = 0; i < DIGEST; i++) {
        out[i] = (u8)(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    secret_wipe(tail, sizeof tail);
}

static void hmac_sha1(struct str key, const u8 *message, size_t len, u8 out[DIGEST])
{
    u8 inner[BLOCK + 8], outer[BLOCK + DIGEST];
    memset(inner, 0x36, BLOCK);
    memset(outer, 0x5c, BLOCK);
    for (size_t i = 0; i < key.len && i < BLOCK; i++) {
        inner[i] ^= (u8)key.ptr[i];
        outer[i] ^= (u8)key.ptr[i];
    }
    memcpy(inner + BLOCK, message, len);
    sha1(inner, BLOCK + len, outer + BLOCK);
    sha1(outer, sizeof outer, out);
    secret_wipe(inner, sizeof inner);
    secret_wipe(outer, sizeof outer);
}

void totp_code(struct str key, i64 step, char out[7])
{
    u8 message[8], mac[DIGEST];
    for (int i = 0; i < 8; i++) {
        message[i] = (u8)((u64)step >> (56 - 8 * i));
    }
    hmac_sha1(key, message, sizeof message, mac);
    int at = mac[DIGEST - 1] & 15;
    u32 number = ((u32)mac[at] & 0x7f) << 24 | (u32)mac[at + 1] << 16 | (u32)mac[at + 2] << 8 | mac[at + 3];
    snprintf(out, 7, "%06u", number % 1000000);
}

i64 totp_step(struct str key, struct str code, i64 now_ms, i64 after)
{
    i64 now = now_ms / TOTP_STEP_MS, found = 0;
    for (i64 step = now - 1; step <= now + 1; step++) {
        char expected[7];
        totp_code(key, step, expected);
        if (secret_eq(str_from(expected), code) && step > after) {
            found = step;
        }
    }
    return found;
}

struct str base32_encode(struct arena *arena, struct str data)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct buf out;
    u32 bits = 0;
    int n = 0;
    buf_init(&out, arena, data.len * 2 + 8);
    for (size_t i = 0; i < data.len; i++) {
        bits = (bits << 8 | (u8)data.ptr[i]) & 0xfff;
        for (n += 8; n >= 5; n -= 5) {
            buf_add_char(&out, alphabet[bits >> (n - 5) & 31]);
        }
    }
    if (n > 0) {
        buf_add_char(&out, alphabet[bits << (5 - n) & 31]);
    }
    return buf_str(&out);
}
