# SPDX-License-Identifier: AGPL-3.0-or-later
"""If we answered 2xx, it is stored; one event in, one message shown (A-DU1, A-DU2, A-DU5, A-DU7, A-DU9, A-GS1, A-RE1, A-CK1)."""
import collections
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from lib import load, postgres, warm
from lib.heed import FULL, ROOT, Channel, Events, message, request, until


@contextlib.contextmanager
def loading(server, channel, journal, rate=500, seed=1, start=0, token=None):
    """The standard load; with a token agents and screens are part of it."""
    process = subprocess.Popen([sys.executable, str(ROOT / "tests/lib/load.py"), "--port", str(server.port), "--channel", str(channel.id),
                                "--secret", channel.secret, "--journal", journal, "--rate", str(rate), "--seed", str(seed), "--start", str(start), *(("--token", token) if token else ())])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def settle(api, channel_id, timeout=60):
    """Waits until nothing of the channel waits to be worked on."""
    until(lambda: api.get(f"channels/{channel_id}")["counts"]["waiting_in"] == 0, timeout, "the intake queue running empty")


def all_messages(api):
    return [m for c in api.conversations("is:any", sort="newest") if not c["contact"]["name"].startswith("Warm") for m in api.messages(c["id"])]


def each_answer_arrived_once(receiver, journal):
    """Every answer that was accepted reached the other side, under one id however often it was tried."""
    accepted = {key.removeprefix("sent:") for key, entry in load.read(journal).items() if key.startswith("sent:") and entry["accepted"]}

    def arrived():
        ids = collections.defaultdict(set)
        for sent in receiver.sent():
            ids[sent["text"][1:].split(">")[0]].add(sent["id"])
        return ids
    until(lambda: accepted <= set(arrived()), 60, "every accepted answer arriving")
    assert {text: ids for text, ids in arrived().items() if len(ids) > 1} == {}
    return len(accepted)


def integrity(server):
    done = server.command("doctor", check=False)
    assert done.returncode == 0, f"doctor: {done.stdout}{done.stderr}"


def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(world, backend, tmp_path):
    """A-DU1, over the warm store, with agents, answers and 50 screens."""
    kills = 200 if FULL else 10  # on each database
    rng = random.Random(7)
    receiver = world.receiver()
    server, api, channel = warm.server(world, backend, receiver.url, allow=[receiver.host])
    journal = str(tmp_path / "journal")
    ready = []
    with loading(server, channel, journal, token=api.token):
        for kill in range(kills):
            if kill % 10 == 9:
                time.sleep(rng.uniform(0.0, 0.05))  # during start-up
            else:
                time.sleep(rng.uniform(0.05, 1.5))
            server.kill()
            begin = time.monotonic()
            server.start(wait=kill % 10 != 8)
            ready.append(time.monotonic() - begin)
        server.wait_ready()
        time.sleep(1)
    load.redeliver(server.port, channel.id, channel.secret, journal, token=api.token)
    settle(api, channel.id)
    lost, doubled, accepted = load.compare(journal, all_messages(api))
    assert accepted > 50 * kills
    assert (lost, doubled) == ([], [])
    assert each_answer_arrived_once(receiver, journal) > kills // 2
    assert warm.unharmed(api) == warm.MESSAGES
    assert sorted(ready)[int(len(ready) * 0.99)] <= 2 + (0 if server.backend == "sqlite" else 1), ready
    integrity(server)


@pytest.mark.only("sqlite")
def test_the_checker_sees_a_planted_loss_and_a_planted_duplicate(world, tmp_path):
    """A-CK1: without this no other figure counts."""
    server = world()
    api = server.api()
    channel = Channel(api)
    journal = str(tmp_path / "journal")
    with loading(server, channel, journal, rate=300):
        time.sleep(2)
    load.redeliver(server.port, channel.id, channel.secret, journal)
    settle(api, channel.id)
    assert load.compare(journal, all_messages(api))[:2] == ([], [])
    server.stop()
    path = os.path.join(server.data, "heed.db")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        ids = [row[0] for row in db.execute("SELECT id FROM message WHERE direction = 'in' ORDER BY id")]
        lost, doubled = ids[len(ids) // 3], ids[len(ids) // 2]
        columns = [row[1] for row in db.execute("PRAGMA table_info(message)") if row[1] not in ("id", "external_id")]
        db.execute("DELETE FROM message WHERE id = ?", (lost,))
        db.execute(f"INSERT INTO message (external_id, {', '.join(columns)}) SELECT external_id || '-again', {', '.join(columns)} FROM message WHERE id = ?", (doubled,))
        db.commit()
    server.start()
    lost_ids, doubled_ids, _ = load.compare(journal, all_messages(api))
    assert len(lost_ids) == 1
    assert len(doubled_ids) == 1


def test_a_graceful_stop_loses_nothing_and_is_quick(world, backend, tmp_path):
    """A-GS1"""
    stops = 100 if FULL else 3
    receiver = world.receiver()
    server, api, channel = warm.server(world, backend, receiver.url, allow=[receiver.host])
    journal = str(tmp_path / "journal")
    with loading(server, channel, journal, token=api.token):
        for _ in range(stops):
            time.sleep(1)
            screen = Events(api)
            begin = time.monotonic()
            assert server.stop(timeout=12) == 0
            assert time.monotonic() - begin <= 10
            assert screen.closed.wait(1) and [f for f in screen.frames if f["event"] == "hello"]
            server.start()
        time.sleep(1)
    load.redeliver(server.port, channel.id, channel.secret, journal, token=api.token)
    settle(api, channel.id)
    lost, doubled, accepted = load.compare(journal, all_messages(api))
    assert accepted > 100
    assert (lost, doubled) == ([], [])
    each_answer_arrived_once(receiver, journal)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a tmpfs")
@pytest.mark.only("sqlite")
def test_a_full_disk_is_answered_honestly_and_heals_by_itself(world, tmp_path):
    """A-DU2, on SQLite with an empty store on a 64 MiB tmpfs."""
    mount = tempfile.mkdtemp(prefix="heed-full-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", mount], check=True)
    server = None
    try:
        server = world(data=f"{mount}/data")
        api = server.api()
        channel = Channel(api)
        journal = str(tmp_path / "journal")
        filler = f"{mount}/filler"
        with loading(server, channel, journal, rate=200):
            time.sleep(1)
            free = os.statvfs(mount)
            with open(filler, "wb") as f:
                with contextlib.suppress(OSError):
                    f.write(b"x" * (free.f_bavail * free.f_frsize - 200_000))
                    f.flush()
                seen = []
                end = time.monotonic() + (30 if FULL else 8)
                while time.monotonic() < end:
                    with contextlib.suppress(OSError):
                        f.write(b"x" * 65536)
                        f.flush()
                    answer = channel.post(message(f"full{len(seen)}", "full", "x" * 4000))
                    seen.append(answer)
                    assert request(server.address, "GET", "/healthz").status == 200
                    assert api.call("GET", "conversations?q=is:open").status == 200, "reads go on"
                    time.sleep(0.05)
            assert any(a.status == 503 and a.headers["Retry-After"] for a in seen), [a.status for a in seen]
            assert {a.status for a in seen} <= {202, 503, 429}
            assert server.process.poll() is None, "a full disk ends no process"
            os.unlink(filler)
            begin = time.monotonic()
            until(lambda: channel.post(message("after", "full", "space again")).status == 202, 5, "accepting again")
            assert time.monotonic() - begin <= 5
        try:
            load.redeliver(server.port, channel.id, channel.secret, journal)
        except AssertionError as error:
            sizes = {name: os.path.getsize(f"{mount}/data/{name}") for name in os.listdir(f"{mount}/data")}
            free = os.statvfs(mount)
            raise AssertionError(f"{error}; {free.f_bavail * free.f_frsize} bytes free; {sizes}; {server.log()[-1500:]}") from error
        settle(api, channel.id)
        lost, doubled, _ = load.compare(journal, all_messages(api))
        assert (lost, doubled) == ([], [])
        integrity(server)
    finally:
        if server:
            server.destroy()
        subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(mount, ignore_errors=True)


def traced(server, n):
    """The n-th fsync from now on fails with EIO."""
    pid = server.process.pid
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:error=EIO:when={n}", "-p", str(pid)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def attached():
        with contextlib.suppress(OSError):
            return all(f"TracerPid:\t{tracer.pid}" in open(f"/proc/{pid}/task/{task}/status").read() for task in os.listdir(f"/proc/{pid}/task"))
        return server.process.poll() is not None
    until(attached, 10, "strace holding every thread")
    return tracer


def let_go(server, tracer):
    """Ends the tracer; returns whether the server ended by itself. A thread that died waits for its tracer."""
    tracer.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        tracer.wait(0.5)
    tracer.kill()
    tracer.wait()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(0.3)
    return server.process.poll() is not None


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.only("sqlite")
def test_a_failed_fsync_is_never_followed_by_an_acknowledgement(world, tmp_path):
    """A-DU5 (short): the n-th fsync fails; what was acknowledged is there after the restart."""
    failures = range(1, 201) if FULL else range(3, 40, 6)
    server = world()
    api = server.api()
    channel = Channel(api)
    server.stop()
    accepted = []
    ended = 0
    for n in failures:
        server.start()
        tracer = traced(server, n)
        for i in range(n + 3):
            id = f"f{n}x{i}"
            try:
                if channel.post(message(id, f"t{n}", f"<{id}> fsync")).status == 202:
                    accepted.append(id)
            except Exception:
                break
        time.sleep(0.05)
        died = let_go(server, tracer)
        ended += died
        if not died:
            server.stop()
    server.start()
    settle(api, channel.id)
    shown = [m["text"][1:].split(">")[0] for m in all_messages(api)]
    assert [id for id in accepted if shown.count(id) != 1] == []
    assert len(accepted) > len(failures)
    assert ended > 0, "a COMMIT that fails with an I/O error ends the process"


def test_copies_of_an_event_make_one_message_also_a_month_later(world):
    """A-DU7"""
    server = world()
    api = server.api()
    channel = Channel(api)
    events = [message(f"d{i}", f"t{i % 7}", f"<d{i}> copy") for i in range(200)]
    rng = random.Random(3)
    copies = [e for e in events for _ in range(rng.randint(1, 5))]
    rng.shuffle(copies)
    statuses = []

    def post(part):
        statuses.extend(channel.post(e).status for e in part)

    threads = [threading.Thread(target=post, args=(copies[i::8],)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(statuses) == {202}
    settle(api, channel.id)
    server.stop()
    server.env["HEED_TEST_CLOCK_MS"] = str(30 * 86400 * 1000)
    server.start()
    for e in events[:50]:
        assert channel.post(e, timestamp=time.time() + 30 * 86400).status == 202
    settle(api, channel.id)
    texts = [m["text"] for m in all_messages(api)]
    assert sorted(texts) == sorted(e["text"] for e in events)


def test_first_messages_of_one_contact_at_once_make_one_conversation(world):
    """A-DU9"""
    contacts, copies = (1000, 64) if FULL else (40, 64)
    server = world()
    api = server.api()
    channel = Channel(api)
    bad = []

    def post(lane):
        for contact in range(contacts):
            event = message(f"c{contact}m{lane}", f"c{contact}", f"<c{contact}m{lane}> hi", author=f"u{contact}", name=f"Contact {contact}")
            answer = channel.post(event)
            if answer.status != 202:
                bad.append(answer)

    threads = [threading.Thread(target=post, args=(lane,)) for lane in range(copies)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert bad == []
    settle(api, channel.id, 180)
    conversations = api.conversations("is:open")
    assert len(conversations) == contacts
    assert len({c["contact"]["id"] for c in conversations}) == contacts
    assert {c["message_count"] for c in conversations} == {copies}


@pytest.mark.only("postgres")
def test_postgres_restarts_lose_nothing(world, tmp_path):
    """A-RE1: `restart -m immediate` every 10 s."""
    seconds = 600 if FULL else 60
    cluster = postgres.Cluster(("fsync=on",))
    receiver = world.receiver()
    server = world(backend=cluster.database(), allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    journal = str(tmp_path / "journal")
    back, statuses = [], collections.Counter()
    with loading(server, channel, journal, rate=300, token=api.token):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(8)
            cluster.restart("immediate")
            begin = time.monotonic()
            event = message(f"re{begin}", "re", "<re> back")

            def accepted_again():
                answer = channel.post(event)
                statuses[answer.status] += 1
                assert answer.status == 202 or answer.status in (503, 429) and answer.headers["Retry-After"], answer
                return answer.status == 202
            until(accepted_again, 10, "accepting again")
            back.append(time.monotonic() - begin)
    load.redeliver(server.port, channel.id, channel.secret, journal, token=api.token)
    settle(api, channel.id, 120)
    lost, doubled, accepted = load.compare(journal, [m for m in all_messages(api) if not m["text"].startswith("<re>")])
    assert accepted > 20 * seconds
    assert (lost, doubled) == ([], [])
    each_answer_arrived_once(receiver, journal)
    assert sorted(back)[len(back) // 2] <= 1, back
    integrity(server)
