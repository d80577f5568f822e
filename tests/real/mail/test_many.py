# SPDX-License-Identifier: AGPL-3.0-or-later
"""A-RE8: a mailbox with 100,000 mails (4,000 in check) is taken in, through a kill in the middle: each exactly once, in
bounded memory; mail that comes now goes first, and agents work on meanwhile."""
import contextlib
import pathlib
import re
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from lib.heed import FULL, Server, until  # noqa: E402
from lib.mail import Mail, letter  # noqa: E402

MAILS = 100_000 if FULL else 4_000
TOO_OLD = 50
MEMORY = 256 << 20  # of the program and the children that read mail
DAY = 86400


@pytest.fixture
def mail():
    system = Mail("desk:desk-pw", "customer:customer-pw")
    yield system
    system.close()


def stored(server, sql="SELECT count(*), count(DISTINCT external_id) FROM message WHERE direction = 'in'"):
    """(messages, different ones) as the database has them."""
    if server.backend != "sqlite":
        database, _, host = server.backend.partition("@/")[2].partition("?host=")
        out = subprocess.run(["psql", "-h", host, "-U", "postgres", "-d", database, "-XAtq", "-c", sql], capture_output=True, text=True, check=True).stdout
        return tuple(map(int, out.strip().split("|")))
    with contextlib.closing(sqlite3.connect(f"file:{server.data}/heed.db?mode=ro", uri=True, timeout=30)) as db:
        return db.execute(sql).fetchone()


def memory(pid):
    """Of the process and all below it."""
    total = 0
    with contextlib.suppress(OSError, AttributeError):
        total = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += sum(memory(int(child)) for child in (task / "children").read_text().split())
    return total


def grows_to(server, n, seconds):
    """Looks now and then: the look itself costs."""
    deadline = time.monotonic() + seconds
    while stored(server)[0] < n:
        assert time.monotonic() < deadline, f"{stored(server)} of {n} within {seconds} s"
        assert server.process.poll() is None, server.log()[-2000:]
        time.sleep(1 if FULL else 0.1)


class Watch:
    """Looks at memory, and works as an agent does, until it is closed."""

    def __init__(self, server, api):
        self.server, self.api, self.peak, self.took, self.failed, self.away = server, api, 0, [], [], threading.Event()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self._weigh, self._work)]
        for t in self.threads:
            t.start()

    def _weigh(self):
        while not self.over.wait(0.2):
            if not self.away.is_set():
                self.peak = max(self.peak, memory(self.server.process.pid))

    def _work(self):
        n = 0
        while not self.over.wait(0.1):
            began, n = time.monotonic(), n + 1
            try:
                found = self.api.call("GET", "conversations?q=is:unanswered&limit=50")
                ok = found.status == 200
                if ok and found.json["items"]:
                    id = found.json["items"][n % len(found.json["items"])]["id"]
                    ok = self.api.call("GET", f"conversations/{id}/messages?limit=50").status == 200
                    ok = ok and (n % 10 or self.api.call("POST", f"conversations/{id}/messages", {"kind": "note", "text": f"seen {n}"}).status == 201)
                if not ok and not self.away.is_set():
                    self.failed.append(n)
            except OSError as e:
                if not self.away.is_set():
                    self.failed.append((n, e))
                continue
            if not self.away.is_set():
                self.took.append(time.monotonic() - began)

    def close(self):
        self.over.set()
        for t in self.threads:
            t.join(60)

    def at(self, share):
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * share))] * 1000


def the_mails():
    """Oldest first, over the last three hundred days; in front of them some that are older than is asked for."""
    now = time.time()
    for i in range(-TOO_OLD, MAILS):
        at = now - 500 * DAY + i if i < 0 else now - 300 * DAY + i * (299 * DAY / MAILS)
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(at))
        yield (f"From: Customer {i % 997} <c{i % 997}@elsewhere.test>\nTo: desk@mail.test\nSubject: number {i}\nDate: {date}\nMessage-ID: <{i}.many@elsewhere.test>\n"
               f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nmail number {i}\nWhere is my parcel?\n").encode(), at


def test_a_large_mailbox_is_taken_in_through_a_kill_each_mail_once(mail, backend):
    mail.fill("desk", the_mails())
    server = Server(backend, allow=mail.hosts, env=mail.env)
    try:
        api = server.api()
        idle = memory(server.process.pid)
        channel = mail.connect(api, days_back="365", wait=False)["id"]
        began = time.monotonic()
        grows_to(server, 1, 60)
        watch = Watch(server, api)
        grows_to(server, MAILS // 5, 1200)
        # Mail that comes now, and an answer that goes out now.
        mail.deliver(letter(mail.address("customer"), mail.address("desk"), "now", "mail of this minute"), sender=mail.address("customer"))
        sent = time.monotonic()
        some = api.get("conversations?q=is:unanswered&limit=1")["items"][0]["id"]
        reply = api.post(f"conversations/{some}/messages", {"kind": "reply", "text": "We look into it", "mail": {"to": [mail.address("customer")]}})["id"]
        until(lambda: next(m for m in api.messages(some) if m["id"] == reply)["send_state"] == "sent", 30, "the answer going out meanwhile")
        answered = time.monotonic() - sent
        # Killed in the middle.
        grows_to(server, MAILS * 2 // 5, 1200)
        watch.away.set()
        server.kill()
        killed_at = stored(server)[0]
        server.start()
        watch.away.clear()
        assert MAILS // 5 <= killed_at < MAILS
        while not [c for c in api.conversations('"mail of this minute"') if "mail of this minute" in c["preview"]]:
            time.sleep(0.2)
            assert time.monotonic() < sent + 1200, "the mail of this minute did not come"
        fresh, had = time.monotonic() - sent, stored(server)[0]
        grows_to(server, MAILS + 1, 2400)
        took = time.monotonic() - began
        watch.close()
        print(f"{backend.split(':')[0]}: {MAILS} mails in {took:.0f} s, {MAILS / took:.0f} a second, killed at {killed_at}; memory {idle >> 20} MB before, {watch.peak >> 20} MB at most; "
              f"an agent's look and note {watch.at(0.5):.0f} ms, 99th of 100 {watch.at(0.99):.0f} ms, longest {watch.at(1):.0f} ms of {len(watch.took)}; "
              f"an answer out after {answered:.1f} s, new mail shown after {fresh:.1f} s (with {had} stored)")
        until(lambda: api.get(f"channels/{channel}")["counts"]["waiting_in"] == 0, 60, "nothing waiting")
        time.sleep(3)
        assert stored(server) == (MAILS + 1, MAILS + 1), "each once"
        previews = [c["preview"].split("\n")[0] for c in api.conversations(sort="newest")]
        numbers = sorted(int(n) for p in previews for n in re.findall(r"mail number (-?\d+)", p))
        talked = MAILS + 1 - len(numbers)  # their newest words are ours: notes and the answer, and the mail of this minute
        assert len(previews) == MAILS + 1 and len(set(numbers)) == len(numbers) and numbers[0] >= 0 and talked <= len(watch.took) // 10 + 3
        assert api.get(f"channels/{channel}")["counts"]["quarantined"] == 0 and api.get(f"channels/{channel}")["state"] == "active"
        box = mail.imap("desk")
        box.select("INBOX", readonly=True)
        _, seen = box.uid("SEARCH", "SEEN")
        _, there = box.uid("SEARCH", "ALL")
        box.logout()
        assert not seen[0] and len(there[0].split()) == MAILS + TOO_OLD + 1, "nothing changed in the mailbox"
        behind, _ = stored(server, "SELECT count(*), 0 FROM message WHERE direction = 'in' AND id > (SELECT max(id) FROM message WHERE text LIKE 'mail of this minute%')")
        assert behind > 0 and (fresh < 60 or not FULL), f"new mail waited for old mail: {behind} behind it, shown after {fresh:.0f} s"
        assert took < 20 * 60 and watch.peak < MEMORY, (took, watch.peak)
        assert not watch.failed, watch.failed[:5]
        assert watch.at(0.5) < 250 and watch.at(0.99) < 1500
    finally:
        server.destroy()
