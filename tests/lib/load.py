# SPDX-License-Identifier: AGPL-3.0-or-later
"""The load of security tests: signed events at a given rate from a process of its own, and the journal of
what was answered, fsynced line by line. The journal is the truth the product is compared with.

  python3 load.py --port P --channel ID --secret whsec_… --journal FILE [--rate 500] [--connections 16] [--seed N]
                  [--token T --calls 20 --sends 5 --readers 50]

With a token, agents work too: calls of the API, answers (each with an idempotency key, journaled like the
events), and screens that read the live stream.

Runs until SIGTERM. An attempt that failed is repeated later (as networks do) until it is accepted or the
run ends; `redeliver` below repeats the rest afterwards."""
import argparse
import collections
import http.client
import json
import os
import pathlib
import queue
import random
import selectors
import signal
import socket
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lib.heed import iso, message, request, signed_headers  # noqa: E402

WORDS = ["order", "parcel", "refund", "주문", "배송", "pesanan", "tellimus", "tilaus", "late", "broken", "thanks", "🙂"]


class Journal:
    """Lines {"id", "status"}: status 0 means no answer came. event lines hold the bytes, for redelivery."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.lock = threading.Lock()

    def write(self, **line):
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        with self.lock:
            os.write(self.fd, data)
            os.fdatasync(self.fd)


def read(path):
    """Returns {id: {"event": …, "accepted": bool}} for message.created events, in order."""
    seen = collections.OrderedDict()
    for raw in pathlib.Path(path).read_bytes().split(b"\n"):
        if not raw:
            continue
        line = json.loads(raw)
        entry = seen.setdefault(line["key"], {"event": line.get("event"), "accepted": False})
        if "event" in line:
            entry["event"] = line["event"]
        if 200 <= line.get("status", 0) < 300:
            entry["accepted"] = True
    return seen


def make_events(seed, start=0):
    """An endless mix: 70 % messages, 20 % receipts, 5 % edits, 5 % duplicates. Each new message's text holds
    its own id once, so that a double is seen whatever the product made of it."""
    rng = random.Random(seed)
    recent = collections.deque(maxlen=200)
    number = start
    while True:
        number += 1
        kind = rng.random()
        if kind < 0.70 or not recent:
            id = f"s{seed}n{number}"
            thread = f"s{seed}t{rng.randrange(60)}"
            text = f"<{id}> " + " ".join(rng.choices(WORDS, k=8))
            event = message(id, thread, text, author=f"a-{thread}", name=f"Customer {thread}")
            recent.append(event)
            yield f"created:{id}", event
        elif kind < 0.90:
            old = rng.choice(recent)
            yield f"receipt:{number}", {"type": "receipt.read", "id": old["id"], "thread": old["thread"], "at": iso()}
        elif kind < 0.95:
            old = rng.choice(recent)
            yield f"edited:{number}", {"type": "message.edited", "id": old["id"], "thread": old["thread"],
                                       "text": f"<{old['id']}> edited {number}", "at": iso()}
        else:
            old = rng.choice(recent)
            yield f"created:{old['id']}", old


def sender(options, journal, work, stop):
    connection = None
    while not stop.is_set():
        try:
            key, event = work.get(timeout=0.1)
        except queue.Empty:
            continue
        body = json.dumps(event, ensure_ascii=False).encode()
        status = 0
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=10)
            connection.request("POST", f"/hooks/custom/{options.channel}", body, signed_headers(options.secret, body))
            response = connection.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException):
            if connection:
                connection.close()
            connection = None
        journal.write(key=key, status=status)
        if not 200 <= status < 300 and not stop.is_set():
            time.sleep(0.02)
            try:
                work.put_nowait((key, event))
            except queue.Full:
                pass


def answer(port, token, sent, timeout=10):
    """One answer of an agent; repeated with the same key it must stay one."""
    return request(("127.0.0.1", port), "POST", f"/api/v1/conversations/{sent['conversation']}/messages", {"kind": "reply", "text": sent["text"]},
                   {"Authorization": f"Bearer {token}", "Idempotency-Key": sent["key"]}, timeout=timeout).status


def agents(options, journal, stop):
    """20 calls a second, 5 of them answers, on the conversations of this load."""
    rng = random.Random(options.seed + 1)
    address, headers = ("127.0.0.1", options.port), {"Authorization": f"Bearer {options.token}"}
    conversations, unsure, number = [], [], 0
    while not stop.wait(1 / options.calls):
        number += 1
        try:
            if number % 10 == 1:
                page = request(address, "GET", "/api/v1/conversations?q=is:any&sort=newest&limit=60", None, headers, 5)
                conversations = [c["id"] for c in page.json["items"] if c["contact"]["name"].startswith("Customer")] if page.status == 200 else conversations
            elif conversations and rng.random() < options.sends / options.calls:
                if unsure and rng.random() < 0.5:
                    sent = unsure.pop()
                else:
                    sent = {"conversation": rng.choice(conversations), "text": f"<out{options.seed}n{number}> answer", "key": uuid.uuid4().hex}
                    journal.write(key=f"sent:out{options.seed}n{number}", event=sent)
                status = 0
                try:
                    status = answer(options.port, options.token, sent, 5)
                finally:
                    journal.write(key="sent:" + sent["text"][1:].split(">")[0], status=status)
                    if not 200 <= status < 300:
                        unsure.append(sent)
            elif conversations:
                id = rng.choice(conversations)
                if rng.random() < 0.3:
                    request(address, "PATCH", f"/api/v1/conversations/{id}", {"priority": rng.choice(["high", "normal", "low"])}, headers, 5)
                else:
                    request(address, "GET", f"/api/v1/conversations/{id}" + rng.choice(["", "/messages"]), None, headers, 5)
        except (OSError, http.client.HTTPException, ValueError):
            continue


def screens(options, stop):
    """Open live streams that read and forget; one that is closed comes back."""
    selector = selectors.DefaultSelector()
    head = f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nAuthorization: Bearer {options.token}\r\n\r\n".encode()
    open_ = 0
    while not stop.is_set():
        while open_ < options.readers:
            try:
                s = socket.create_connection(("127.0.0.1", options.port), timeout=1)
                s.sendall(head)
            except OSError:
                break
            s.setblocking(False)
            selector.register(s, selectors.EVENT_READ)
            open_ += 1
        for key, _ in selector.select(0.1) if open_ else ():
            try:
                data = key.fileobj.recv(1 << 18)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()
                open_ -= 1
        time.sleep(0.05)


def redeliver(port, channel, secret, journal_path, timeout=30, token=None):
    """What a network does after an outage: everything that was never accepted is sent again until it is; so does a page."""
    journal = Journal(journal_path)
    deadline = time.monotonic() + timeout
    for key, entry in read(journal_path).items():
        while not entry["accepted"]:
            body = json.dumps(entry["event"], ensure_ascii=False).encode()
            try:
                if key.startswith("sent:"):
                    status = answer(port, token, entry["event"])
                else:
                    status = request(("127.0.0.1", port), "POST", f"/hooks/custom/{channel}", body, signed_headers(secret, body)).status
            except (OSError, http.client.HTTPException):
                status = 0
            journal.write(key=key, status=status)
            entry["accepted"] = 200 <= status < 300
            if not entry["accepted"]:
                if time.monotonic() > deadline:
                    raise AssertionError(f"not accepted again within {timeout} s: {key}, last status {status}")
                time.sleep(0.05)


def compare(journal_path, messages):
    """The loss-and-duplicate checker. messages: every message of the channel as the API shows them.
    Returns (lost, doubled, acknowledged): accepted ids that are not there, and ids that are there twice."""
    shown = collections.Counter()
    for m in messages:
        text = m["text"] or ""
        if text.startswith("<"):
            shown[text[1:text.index(">")]] += 1
    wanted = {key.split(":", 1)[1]: entry for key, entry in read(journal_path).items() if key.startswith(("created:", "sent:"))}
    accepted = [id for id, entry in wanted.items() if entry["accepted"]]
    lost = [id for id in accepted if shown[id] == 0]
    doubled = [id for id, n in shown.items() if n > 1]
    return lost, doubled, len(accepted)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--token")
    parser.add_argument("--calls", type=float, default=20)
    parser.add_argument("--sends", type=float, default=5)
    parser.add_argument("--readers", type=int, default=50)
    options = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    journal = Journal(options.journal)
    work = queue.Queue(maxsize=2000)
    threads = [threading.Thread(target=sender, args=(options, journal, work, stop), daemon=True) for _ in range(options.connections)]
    if options.token:
        threads.append(threading.Thread(target=agents, args=(options, journal, stop), daemon=True))
        threads.append(threading.Thread(target=screens, args=(options, stop), daemon=True))
    for thread in threads:
        thread.start()
    begin, count = time.monotonic(), 0
    for key, event in make_events(options.seed, options.start):
        if stop.is_set():
            break
        due = begin + count / options.rate
        while (wait := due - time.monotonic()) > 0 and not stop.is_set():
            time.sleep(min(wait, 0.05))
        count += 1
        journal.write(key=key, event=event)
        try:
            work.put((key, event), timeout=0.5)
        except queue.Full:
            pass
    for thread in threads:
        thread.join(15)


if __name__ == "__main__":
    main()
