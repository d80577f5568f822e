# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open screens: many of them, slow ones, foreign ones, and links that would lead elsewhere."""
import contextlib
import json
import re
import selectors
import socket
import threading
import time

import pytest
from lib.heed import FULL, Channel, Events, request, until

STREAMS = 10_000 if FULL else 1_000
SECONDS = 30 if FULL else 5


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) * 1024


class Crowd:
    """Many screens read by one thread; a few of them are looked at closely."""

    def __init__(self, api, n, close=20):
        self.selector, self.sockets, self.seen, self.cut = selectors.DefaultSelector(), [], [{} for _ in range(close)], 0
        self.rest = [b""] * close
        for i in range(n):
            s = socket.create_connection(api.server.address)
            s.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {api.server.address[0]}:{api.server.address[1]}\r\nAuthorization: Bearer {api.token}\r\n\r\n".encode())
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ, i)
            self.sockets.append(s)
        self.running = True
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while self.running:
            for key, _ in self.selector.select(0.2):
                try:
                    data = key.fileobj.recv(1 << 18)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if not data:
                    self.selector.unregister(key.fileobj)
                    self.cut += 1
                elif key.data < len(self.seen):
                    now = time.monotonic()
                    *lines, self.rest[key.data] = (self.rest[key.data] + data).split(b"\n")
                    for line in lines:
                        for mark in re.findall(rb"mark-(\d+)", line):
                            self.seen[key.data].setdefault(int(mark), now)
                        if line.startswith(b"event: hello"):
                            self.seen[key.data]["hello"] = now

    def close(self):
        self.running = False
        self.thread.join()
        for s in self.sockets:
            s.close()


@pytest.mark.only("sqlite")
def test_many_open_screens_cost_little_and_all_hear_everything(world):
    """A-OV3"""
    server = world(allow=["127.0.0.1:9"])
    api = server.api(name="Ada")
    channel = Channel(api)
    channel.customer("mark-0", thread="t0")
    until(lambda: api.conversations("is:any"))
    before = rss(server.process.pid)
    crowd = Crowd(api, STREAMS)
    try:
        until(lambda: all("hello" in s for s in crowd.seen), 60, "all streams saying hello")
        each = (rss(server.process.pid) - before) / STREAMS
        sent = {}
        begin = time.monotonic()
        for n in range(1, 50 * SECONDS + 1):
            sent[n] = time.monotonic()
            channel.customer(f"mark-{n}", thread=f"t{n % 20}")
            time.sleep(max(0, begin + n / 50 - time.monotonic()))
        until(lambda: all(n in s for s in crowd.seen for n in sent), 60, "every screen having heard everything")
        late = sorted(s[n] - sent[n] for s in crowd.seen for n in sent)
        assert crowd.cut == 0, f"{crowd.cut} screens that read were cut off"
        assert each <= 40 * 1024, f"{each / 1024:.1f} KiB a stream"
        # Generous: this machine does other things too, and reads a thousand sockets in one Python thread. make bench measures.
        assert late[int(len(late) * 0.99)] <= 3, f"p99 {late[int(len(late) * 0.99)]:.2f} s"
    finally:
        crowd.close()


@pytest.mark.only("sqlite")
def test_a_screen_that_does_not_read_is_told_to_look_again_and_misses_nothing(world):
    """A-OV3: bounded memory for slow readers; whoever resumes has everything."""
    server = world(allow=["127.0.0.1:9"])
    api = server.api(name="Ada")
    channel = Channel(api)
    first = Events(api)
    channel.customer("before", thread="t0")
    first.wait(lambda f: f["event"] == "message")
    place = first.last_id
    first.close()

    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(server.address)
    slow.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {server.address[0]}:{server.address[1]}\r\nAuthorization: Bearer {api.token}\r\nLast-Event-ID: {place}\r\n\r\n".encode())
    time.sleep(0.3)
    before = rss(server.process.pid)
    for n in range(60):
        events = [json.loads(json.dumps({"type": "message.created", "id": f"big-{n}-{i}", "thread": f"t{i}", "visibility": "private",
                                         "author": {"id": f"u{i}", "name": "Kim"}, "text": f"big-{n}-{i} " + "x" * 4000,
                                         "created_at": "2026-01-01T10:00:00Z"})) for i in range(20)]
        assert channel.post(events).status == 202
    until(lambda: sum(c["message_count"] for c in api.conversations("is:any")) >= 1201, 60)
    assert rss(server.process.pid) - before < 64 << 20, "a screen that does not read must not fill the memory"
    # It is cut or told to look again; what it reads now is either.
    slow.settimeout(30)
    heard = b""
    with contextlib.suppress(OSError):
        while b"event: resync" not in heard and (data := slow.recv(1 << 16)):
            heard += data
    slow.close()
    # Whoever resumes where it was has it all, or is told to fetch anew.
    again = Events(api, last_event_id=place)
    again.wait(lambda f: f["event"] == "resync" or (f["event"] == "message" and f["json"]["text"].startswith("big-59-19 ")), 60)
    ids = {f["json"]["text"].split(" ")[0] for f in again.frames if f["event"] == "message"}
    assert any(f["event"] == "resync" for f in again.frames) or len(ids) == 1200
    again.close()


def test_a_stream_opens_for_its_own_page_only(world):
    """A-WS1, as far as server-sent events have it."""
    server = world(allow=["127.0.0.1:9"])
    api = server.api(name="Ada")
    for path in ("events?token=" + api.token, "events?access_token=" + api.token, "events?workspace=*", "events?channel=%25", "events?last_event_id=../../etc"):
        answer = request(server.address, "GET", f"/api/v1/{path}", headers={"Accept": "text/event-stream"}, timeout=3)
        assert answer.status in (400, 401), (path, answer)
    cookie = server.sign_in("owner@example.com")
    for origin in ("https://evil.example", "null", f"http://{server.address[0]}:1", f"{server.url}.evil.example"):
        answer = cookie.call("GET", "events", headers={"Origin": origin, "Accept": "text/event-stream"}, timeout=3)
        assert answer.status == 403 and "access-control-allow-origin" not in {k.lower() for k in answer.headers}, (origin, answer)
    for bad in ("x" * 5000, "🙂", "-1", "1;DROP", "%00", "9" * 400):
        # An unknown place: told to look again, never an error of ours.
        stream = Events(api, last_event_id=bad.encode("ascii", "ignore").decode() or "?")
        assert stream.status in (200, 400, 431), (bad, stream.status)
        stream.close()
