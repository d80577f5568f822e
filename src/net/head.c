// SPDX-License-Identifier: AGPL-3.0-or-later
// Scanner for request heads, see head.h. It knows lines and bytes, not meanings: those are llhttp's and
// parse.c's. RFC 9112 sections 2.2, 3 and 5; where it leaves a choice the answer here is no.
#include "net/head.h"

enum scan_state {
    AT_START,
    AT_START_LF,
    IN_METHOD,
    IN_TARGET,
    IN_VERSION,
    AT_LINE_LF,
    AT_NAME,
    IN_NAME,
    IN_VALUE,
    AT_VALUE_LF,
    AT_END_LF,
};

bool head_is_token(u8 c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static int refuse(struct head_scan *scan, int status, const char *detail)
{
    scan->detail = detail;
    return status;
}

// The start: one empty line is forgiven (RFC 9112 section 2.2), not two.
static int scan_start(struct head_scan *scan, u8 c)
{
    if (scan->state == AT_START_LF) {
        scan->state = IN_METHOD;
        return c == '\n' ? 0 : refuse(scan, 400, "A carriage return must be followed by a line feed.");
    }
    if (c == '\r') {
        scan->state = AT_START_LF;
        return 0;
    }
    scan->state = IN_METHOD;
    scan->part = 1;
    return head_is_token(c) ? 0 : refuse(scan, 400, "The request line is not HTTP.");
}

static int scan_method(struct head_scan *scan, u8 c)
{
    if (c == ' ' && scan->part > 0) {
        scan->state = IN_TARGET;
        scan->part = 0;
        return 0;
    }
    if (!head_is_token(c)) {
        return refuse(scan, 400, "The request line is not HTTP.");
    }
    return ++scan->part <= 24 ? 0 : refuse(scan, 501, "This method is not known.");
}

static int scan_target(struct head_scan *scan, u8 c)
{
    if (c == ' ' && scan->part > 0) {
        scan->state = IN_VERSION;
        scan->part = 0;
        return 0;
    }
    if (c <= ' ' || c >= 0x7f) {
        return refuse(scan, 400, "The target holds a byte that must be percent-encoded.");
    }
    return ++scan->part <= HEAD_TARGET_MAX ? 0 : refuse(scan, 414, "The target is longer than 8192 bytes.");
}

static int scan_version(struct head_scan *scan, u8 c)
{
    if (c == '\r' && scan->part == 8) {
        scan->state = AT_LINE_LF;
        return 0;
    }
    if (c <= ' ' || c >= 0x7f || ++scan->part > 8) {
        return refuse(scan, 400, "The request line must end in one HTTP version.");
    }
    return 0;
}

static int scan_name(struct head_scan *scan, u8 c)
{
    if (scan->state == AT_NAME) {
        if (c == '\r') {
            scan->state = AT_END_LF;
            return 0;
        }
        if (c == ' ' || c == '\t') {
            return refuse(scan, 400, "A header line must not be folded.");
        }
        if (++scan->n_headers > HEAD_HEADER_COUNT_MAX) {
            return refuse(scan, 431, "There are more than 100 headers.");
        }
        scan->state = IN_NAME;
    } else if (c == ':') {
        scan->state = IN_VALUE;
        return 0;
    }
    return head_is_token(c) ? 0 : refuse(scan, 400, "A header name holds a byte that is not allowed.");
}

static int scan_value(struct head_scan *scan, u8 c)
{
    if (c == '\r') {
        scan->state = AT_VALUE_LF;
        return 0;
    }
    if ((c < ' ' && c != '\t') || c == 0x7f) {
        return refuse(scan, 400, "A header value holds a control character.");
    }
    return 0;
}

static int scan_lf(struct head_scan *scan, u8 c)
{
    if (c != '\n') {
        return refuse(scan, 400, "A carriage return must be followed by a line feed.");
    }
    if (scan->state == AT_END_LF) {
        return 200;
    }
    scan->state = AT_NAME;
    return 0;
}

static int scan_byte(struct head_scan *scan, u8 c)
{
    switch ((enum scan_state)scan->state) {
    case AT_START:
    case AT_START_LF:
        return scan_start(scan, c);
    case IN_METHOD:
        return scan_method(scan, c);
    case IN_TARGET:
        return scan_target(scan, c);
    case IN_VERSION:
        return scan_version(scan, c);
    case AT_NAME:
    case IN_NAME:
        return scan_name(scan, c);
    case IN_VALUE:
        return scan_value(scan, c);
    case AT_LINE_LF:
    case AT_VALUE_LF:
    case AT_END_LF:
        return scan_lf(scan, c);
    }
    return 400;
}

int head_scan(struct head_scan *scan, const char *bytes, size_t len)
{
    while (scan->at < len) {
        u8 c = (u8)bytes[scan->at++];

        if (scan->state >= AT_NAME && ++scan->headers > HEAD_HEADERS_MAX) {
            return refuse(scan, 431, "The headers are longer than 32768 bytes.");
        }
        int status = scan_byte(scan, c);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}
