#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measures the figures, each beside its limit in the same run, prints one table and keeps it in
docs/figures.md. Takes about a quarter of an hour; HEED_BENCH=full takes the store of a million conversations and
ten minutes of sustained load (about an hour and a half). `bench/run.py --quick` uses a small store and short
runs; names select figures."""
import contextlib
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
BUILD = ROOT / os.environ.get("HEED_BENCH_BUILD", "build/release")
os.environ["HEED_BINARY"] = str(BUILD / "heed")
from lib import postgres  # noqa: E402
from lib.heed import Channel, Server, request, until  # noqa: E402

FULL = os.environ.get("HEED_BENCH") == "full"
QUICK = "--quick" in sys.argv
KEEP = "--keep" in sys.argv  # write docs/figures.md though only some were measured
ONLY = [a for a in sys.argv[1:] if not a.startswith("-")]
BIN = BUILD / "bench"
# The API's limit for one person is far below what a load program asks; durability and logging stay as they are.
SERVER_ENV = {"HEED_RATE_LIMIT": "0"}
TABLE = []


def run(*command, timeout=1200):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def load(server, **options):
    return run(BIN / "bench_load", "--port", server.port, *[part for k, v in options.items() for part in (f"--{k}", v)])


def bare(*args):
    return run(BIN / "bench_bare", *args)


def row(figure, database, value, limit, ratio, goal, ok):
    TABLE.append((figure, database, value, limit, ratio, goal, ok))
    print(f"{'ok ' if ok else 'NOT'} {figure} [{database}]: {value}; limit {limit}; ratio {ratio}; goal {goal}", flush=True)


def collect_rows():
    """--keep: the rows of earlier parts of this measurement, in order, with this part's in their place."""
    path = BUILD / "figures.json"
    try:
        rows = json.loads(path.read_text()) if KEEP else []
    except OSError:
        rows = []
    for new in TABLE:
        rows = [r for r in rows if (r[0], r[1]) != (new[0], new[1])] + [list(new)]
    path.write_text(json.dumps(rows))
    return rows


def metrics(server):
    text = request(server.address, "GET", "/metrics").body.decode()
    return {m.group(1): float(m.group(2)) for m in re.finditer(r"^(\w+)(?:\{[^}]*\})? ([0-9.e+-]+)$", text, re.M)}


def memory(server):
    with open(f"/proc/{server.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024


def cpu(server):
    with open(f"/proc/{server.process.pid}/stat") as f:
        parts = f.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def threads(pid):
    """Seconds of processor by name of thread."""
    used = {}
    for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
            parts = rest.split()
            name = name.rstrip("0123456789-/")
            used[name] = used.get(name, 0) + (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
    return used


def machine():
    """(seconds of all processors that were in use, all there were), the machine over."""
    with open("/proc/stat") as f:
        ticks = [int(part) / os.sysconf("SC_CLK_TCK") for part in f.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


PROFILE = []


@contextlib.contextmanager
def profiled(server, figure, database):
    """Where the processors went meanwhile: the server's threads, and everybody else (load program, PostgreSQL, kernel)."""
    before, (busy, there), begin = threads(server.process.pid), machine(), time.monotonic()
    yield
    took = time.monotonic() - begin
    after, (busy_now, there_now) = threads(server.process.pid), machine()
    own = {name: (seconds - before.get(name, 0)) / took for name, seconds in after.items()}
    rest = (busy_now - busy) / took - sum(own.values())
    shares = ", ".join(f"{name} {share:.2f}" for name, share in sorted(own.items(), key=lambda item: -item[1]) if share >= 0.01)
    PROFILE[:] = [line for line in PROFILE if line[:2] != (figure, database)]
    PROFILE.append((figure, database, shares, f"{max(0, rest):.2f}", f"{(busy_now - busy) / took:.2f} of {(there_now - there) / took:.0f}"))
    print("  " + " | ".join(PROFILE[-1]), flush=True)


@contextlib.contextmanager
def serving(backend, **options):
    server = Server(backend if backend == "sqlite" else postgres.shared().database(), env=SERVER_ENV, **options)
    try:
        yield server
    finally:
        server.destroy()


def settle(api, channel):
    until(lambda: api.get(f"channels/{channel.id}")["counts"]["waiting_in"] == 0, 600, "intake running empty")


BACKENDS = ("sqlite", "postgres")
SECONDS = int(os.environ.get("HEED_BENCH_SECONDS", 2 if QUICK else 5))
ROUNDS = 1 if QUICK else 3


def intake():
    """Durable intake over HTTP, 64 connections, against a bare loop committing the same rows in the same groups."""
    for backend in BACKENDS:
        ratios, rates, limits, groups = [], [], [], []
        for n in range(ROUNDS):
            with serving(backend) as server:
                api = server.api()
                channel = Channel(api)
                before = metrics(server)
                with profiled(server, "durable intake over HTTP", backend):
                    got = load(server, seconds=SECONDS, connections=64, channel=channel.id, secret=channel.secret, prefix=f"r{n}-")
                after = metrics(server)
                group = max(1, round((after["heed_writes_total"] - before["heed_writes_total"]) / max(1, after["heed_write_groups_total"] - before["heed_write_groups_total"])))
                accepted = got["status"].get("202", 0) / got["seconds"]
                if backend == "sqlite":
                    limit = bare("commit", server.data, SECONDS, group, 330)["per_s"]
                else:
                    limit = pgbench_insert(server.backend, group)
                ratios.append(accepted / limit)
                rates.append(accepted)
                limits.append(limit)
                groups.append(group)
        ratio = statistics.median(ratios)
        row("durable intake over HTTP, 64 connections", backend, f"{statistics.median(rates):,.0f}/s in groups of {statistics.median(groups):.0f}", f"{statistics.median(limits):,.0f}/s bare commits",
            f"{ratio:.2f}", "≥ 0.8", ratio >= 0.8)


def pgbench_insert(url, group):
    """Rows a second of one multi-row INSERT per transaction on four connections, with PostgreSQL's own tool."""
    values = ",".join("(1,1,'webhook','',decode(repeat('78',330),'hex'),'done',1)" for _ in range(group))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"INSERT INTO inbound (workspace_id, channel_id, source, stream, body, state, received_at) VALUES {values};\n")
        script.flush()
        match = re.match(r"postgres://(\w+)@/(\w+)\?host=(.*)", url)
        done = subprocess.run([str(postgres.BIN / "pgbench"), "-n", "-h", match[3], "-U", match[1], "-c", "4", "-j", "1", "-M", "prepared", "-T", str(SECONDS), "-f", script.name, match[2]],
                              capture_output=True, text=True, check=True)
    return float(re.search(r"tps = ([0-9.]+)", done.stdout)[1]) * group


def alone():
    """One message alone, durable: one connection against append + fdatasync."""
    for backend in BACKENDS:
        ratios, values, limits = [], [], []
        for n in range(ROUNDS):
            with serving(backend) as server:
                channel = Channel(server.api())
                got = load(server, seconds=SECONDS, connections=1, channel=channel.id, secret=channel.secret, prefix=f"a{n}-")
                limit = bare("append", server.data, 1, 4096)["per_s"]  # a page, as the limits were measured
                accepted = got["status"].get("202", 0) / got["seconds"]
                ratios.append(accepted / limit)
                values.append(accepted)
                limits.append(limit)
        row("one message alone, durable", backend, f"{statistics.median(values):,.0f}/s", f"{statistics.median(limits):,.0f}/s append + fdatasync", f"{statistics.median(ratios):.2f}", "≥ 0.6", statistics.median(ratios) >= 0.6)


def whole_way():
    """Raw event to message, contact, conversation, counts and event, against the same statements in a bare loop."""
    for backend in BACKENDS:
        got = []
        for _ in range(ROUNDS):
            urls = [] if backend == "sqlite" else [part for _ in range(4) for part in ("--database", postgres.shared().database())]
            got.append(run(BIN / "bench_whole", "--events", 10_240 if QUICK or backend != "sqlite" else 40_960, *urls))
            print(f"  {got[-1]}", flush=True)
        ratio = statistics.median(g["ratio"] for g in got)
        row("the whole way, batches of 64", backend, f"{statistics.median(g['per_s'] for g in got):,.0f}/s", f"{statistics.median(g['bare_per_s'] for g in got):,.0f}/s same statements, bare", f"{ratio:.2f}", "≥ 0.8", ratio >= 0.8)
        if "search_cpu_ratio" in got[0]:
            search = statistics.median(g["search_cpu_ratio"] for g in got)
            row("… with search, processor time", backend, f"{search:.2f}x", "without search", f"{search:.2f}", "≤ 1.5", search <= 1.5)


class Screens:
    def __init__(self, server, token, n, seconds, every=1):
        self.process = subprocess.Popen([str(BIN / "bench_screens"), str(server.port), token, str(n), str(seconds), str(every)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while self.process.stderr.readline().strip() != "open":
            if self.process.poll() is not None:
                raise RuntimeError("screens did not open")

    def result(self):
        out, _ = self.process.communicate(timeout=120)
        return json.loads(out)


def live():
    """A message in, until it is on an agent's open screen, at 500 a second."""
    for backend in BACKENDS:
        p99s, p50s = [], []
        for n in range(ROUNDS):
            with serving(backend) as server:
                api = server.api()
                channel = Channel(api)
                # A shop that has been open for a while: PostgreSQL knows its tables, caches are warm.
                load(server, seconds=2, connections=32, rate=300, channel=channel.id, secret=channel.secret, prefix=f"w{n}-")
                settle(api, channel)
                time.sleep(4)
                screens = Screens(server, api.token, 1, SECONDS + 3)
                with profiled(server, "message in → on an open screen, 500/s", backend):
                    load(server, seconds=SECONDS, connections=32, rate=500, channel=channel.id, secret=channel.secret, prefix=f"l{n}-")
                got = screens.result()
                p99s.append(got["p99_us"] / 1000)
                p50s.append(got["p50_us"] / 1000)
        row("message in → on an open screen, 500/s", backend, f"p50 {statistics.median(p50s):.0f} ms, p99 {statistics.median(p99s):.0f} ms", "one 15 ms tick", f"{statistics.median(p99s) / 15:.1f}", "p99 ≤ 100 ms", statistics.median(p99s) <= 100)


def screens_1000():
    """1,000 screens x 1,000 events a second."""
    for backend in BACKENDS[:1] if QUICK else BACKENDS:
        with serving(backend) as server:
            api = server.api()
            channel = Channel(api)
            every = 20
            screens = Screens(server, api.token, 1000, SECONDS + 4, every)
            used = cpu(server)
            begin = time.monotonic()
            with profiled(server, "1,000 screens x 1,000 events/s", backend):
                sent = load(server, seconds=SECONDS, connections=32, rate=1000, channel=channel.id, secret=channel.secret, prefix="s-")
            took = time.monotonic() - begin
            used = (cpu(server) - used) / took
            got = screens.result()
            delivered = min(1, got["stamps"] / max(1, sent["status"].get("202", 1) * 1000 // every)) * min(1, got["least_part"])
            print(f"  {got['bytes'] / took / 1e6:,.0f} MB/s to the screens", flush=True)
            row("1,000 screens x 1,000 events/s", backend, f"{delivered:.1%} delivered, p50 {got['p50_us'] / 1000:.0f} ms, {used:.2f} cores with intake", "2 ticks of 15 ms", f"{got['p50_us'] / 15000:.1f} ticks",
                "all, ≤ 2 ticks, ≤ 0.5 core", delivered >= 0.999 and got["p50_us"] <= 30_000 and used <= 0.5)


def screens_10000():
    """10,000 open screens: memory over idle, and one event on all of them against one bare send() each."""
    from lib.heed import free_port
    n = 2000 if QUICK else 10_000
    with serving("sqlite") as server:
        api = server.api()
        channel = Channel(api)
        channel.customer("warm")
        time.sleep(1)
        idle_mb = memory(server)
        screens = Screens(server, api.token, n, 8)
        time.sleep(2)
        grown = memory(server) - idle_mb
        spreads = []
        channel.customer(f"@{int(time.time() * 1e6)}@ one for all")
        got = screens.result()
        row(f"{n:,} open screens", "sqlite", f"{grown:.0f} MB over idle", "", f"{grown / n * 1024:.1f} KB each", "≤ 40 MB", grown <= 40)
        port = free_port()
        bare_sends = subprocess.Popen([str(BIN / "bench_bare"), "sends", str(port), str(n), str(round(got["bytes"] / n))], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        limit = run(BIN / "bench_screens", port, "none", n, 8)
        bare_sends.wait()
        spreads = [got["max_us"] - got["min_us"], limit["max_us"] - limit["min_us"]]  # from the first screen to the last
        ratio = spreads[1] / max(1, spreads[0])
        row(f"one event on {n:,} screens", "sqlite", f"{spreads[0] / 1000:.0f} ms from the first screen to the last, {got['stamps']:,} seen", f"{spreads[1] / 1000:.0f} ms, one bare send() each", f"{ratio:.2f}", "≥ 0.8",
            ratio >= 0.8 and got["stamps"] >= n)


def sustained():
    """Ten minutes at full load."""
    seconds = int(os.environ.get("HEED_BENCH_SUSTAINED", 30 if QUICK else 600 if FULL else 120))
    with serving("sqlite") as server:
        api = server.api()
        channel = Channel(api)
        wal, stop = [0], threading.Event()

        def watch():
            while not stop.wait(1):
                with contextlib.suppress(OSError):
                    wal[0] = max(wal[0], os.path.getsize(server.data + "/heed.db-wal"))
        threading.Thread(target=watch, daemon=True).start()
        rates = []
        parts = 5 if QUICK else 10
        with profiled(server, "sustained", "sqlite"):
            for n in range(parts):
                got = load(server, seconds=seconds / parts, connections=64, channel=channel.id, secret=channel.secret, prefix=f"u{n}-")
                rates.append(got["status"].get("202", 0) / got["seconds"])
        stop.set()
        settle(api, channel)
        ratio = rates[-1] / rates[0]
        row(f"sustained {seconds // 60 or seconds} {'minutes' if seconds >= 60 else 's'}", "sqlite", f"{rates[-1]:,.0f}/s at the end, WAL at most {wal[0] / 1e6:.0f} MB", f"{rates[0]:,.0f}/s at first", f"{ratio:.2f}", "≥ 0.9, WAL ≤ 256 MB", ratio >= 0.9 and wal[0] <= 256e6)


# What the answers hold, in one statement: the row, the names of colleague and team, the tags.
VIEW = """SELECT c.contact_id, c.contact_name, c.contact_handle, c.assignee_id, a.name, c.team_id, t.name,
 (SELECT group_concat(name, char(31)) FROM (SELECT g.name FROM conversation_tag ct JOIN tag g ON g.workspace_id = ct.workspace_id AND g.id = ct.tag_id
   WHERE ct.workspace_id = c.workspace_id AND ct.conversation_id = c.id ORDER BY g.name_key)),
 c.id, c.channel_id, c.channel_kind, c.kind, c.visibility, c.status, c.spam, c.priority, c.language, c.waiting_since, c.due_at, c.urgent_at, c.snoozed_until,
 c.last_message_at, c.created_at, c.updated_at, c.closed_at, c.unread, c.message_count, c.version, c.preview
 FROM conversation c {hint} LEFT JOIN agent a ON a.id = c.assignee_id AND a.workspace_id = c.workspace_id LEFT JOIN team t ON t.id = c.team_id AND t.workspace_id = c.workspace_id
 WHERE c.workspace_id = 1 AND """
# The bare statement may use whichever index is best for it: the fastest one counts.
LISTS = [VIEW.replace("{hint}", hint) + "c.status = 'open' AND c.spam = 0 AND c.waiting_since IS NOT NULL ORDER BY c.urgent_at, c.id LIMIT 50" for hint in ("", "INDEXED BY conversation_urgent")]
ONES = [VIEW.replace("{hint}", "") + "c.id = 4711"]
SEARCHES = ["refund", "warranty", "주문이", "包裹", "เมื่อไหร่", "طلبي", '"order parcel"', "burst7", "burst7 tag:tag3", "pesanan belum", "refund is:open"]


@contextlib.contextmanager
def bare_http(size):
    from lib.heed import free_port
    port = free_port()
    process = subprocess.Popen([str(BIN / "bench_bare"), "http", str(port), str(size)])
    time.sleep(0.2)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def fill(data, conversations, per):
    begin = time.monotonic()
    subprocess.run([sys.executable, str(ROOT / "bench/fill.py"), data, str(conversations), str(per)], check=True, stderr=subprocess.DEVNULL)
    print(f"  store of {conversations:,} conversations written in {time.monotonic() - begin:.0f} s, {os.path.getsize(data + '/heed.db') / 1e6:,.0f} MB", flush=True)


def http_against_bare(server, token, figure, path, statements, goal):
    answer = request(server.address, "GET", path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200, answer
    ratios, values, limits, ways = [], [], [], []
    for _ in range(ROUNDS):
        with profiled(server, figure, "sqlite"):
            got = load(server, seconds=min(SECONDS, 3), connections=1, path=path, token=token)
        # The way through the threads alone: an answer that asks no database.
        ways.append(load(server, seconds=1, connections=1, path="/healthz")["p50_us"])
        statement = min(bare("query", server.data + "/heed.db", 1, sql)["p50_us"] for sql in statements)
        with bare_http(len(answer.body)) as port:
            empty = run(BIN / "bench_load", "--port", port, "--seconds", 1, "--connections", 1, "--path", "/")["p50_us"]
        limits.append(statement + empty)
        values.append(got["p50_us"])
        ratios.append(got["p50_us"] / (statement + empty))
    row(figure, "sqlite", f"p50 {statistics.median(values) / 1000:.2f} ms ({statistics.median(ways) / 1000:.2f} ms without the database)", f"{statistics.median(limits) / 1000:.2f} ms bare statement + bare answer", f"{statistics.median(ratios):.2f}",
        "≤ 1.5, p50 ≤ 1 ms", statistics.median(ratios) <= goal and statistics.median(values) <= 1000)


def search_all(server, token, figure, database, goal_ms):
    worst = worst_p50 = 0
    for q in SEARCHES:
        path = "/api/v1/conversations?" + urllib.parse.urlencode({"q": q, "sort": "newest"})
        got = load(server, seconds=1, connections=1, path=path, token=token)
        answer = request(server.address, "GET", path, headers={"Authorization": f"Bearer {token}"})
        found = len(answer.json["items"]) if answer.status == 200 else answer.status
        print(f"  {database} {q}: p50 {got['p50_us'] / 1000:.2f} ms, p99 {got['p99_us'] / 1000:.2f} ms, {found} on the first page", flush=True)
        worst, worst_p50 = max(worst, got["p99_us"] / 1000), max(worst_p50, got["p50_us"] / 1000)
    row(figure, database, f"p99 {worst:.1f} ms, p50 {worst_p50:.1f} ms (the worst of {len(SEARCHES)} queries each)", "", "", f"p99 ≤ {goal_ms} ms", worst <= goal_ms)


def newest_in_index(server):
    import sqlite3
    if server.backend != "sqlite":
        return int(postgres.shared().psql("SELECT coalesce(max(message_id), 0) FROM search_doc", re.search(r"/(\w+)\?", server.backend)[1]))
    db = sqlite3.connect(f"file:{server.data}/search.db?mode=ro", uri=True)
    try:
        return db.execute("SELECT coalesce(max(message_id), 0) FROM search_doc").fetchone()[0]
    finally:
        db.close()


def indexed(server, token, newest):
    """Waits until the index knows everything: it follows the log upwards, or is built anew from the newest down."""
    head = {"Authorization": f"Bearer {token}"}
    begin = time.monotonic()
    until(lambda: newest_in_index(server) >= newest and request(server.address, "GET", "/api/v1/status", headers=head).json["indexing"] is False, 3000, "the index learning the store")
    return time.monotonic() - begin


def big_store():
    """Lists, one conversation and search over the warm store. HEED_BENCH_STORE: a folder that fill.py filled, with the token in FOLDER.token."""
    kept = os.environ.get("HEED_BENCH_STORE")
    server = Server("sqlite", data=kept, env=SERVER_ENV, start=False)
    try:
        if kept:
            token = pathlib.Path(kept + ".token").read_text().strip()
        else:
            server.start()
            api = server.api()
            token = api.token
            Channel(api, "bench")
            server.stop()
            fill(server.data, *((20_000, 5) if QUICK else (1_000_000, 5) if FULL else (200_000, 5)))
        import sqlite3
        db = sqlite3.connect(server.data + "/heed.db")
        conversations, messages = (db.execute(f"SELECT max(id) FROM {table}").fetchone()[0] for table in ("conversation", "message"))
        db.close()
        begin = time.monotonic()
        server.start(timeout=60)
        print(f"  start with {conversations:,} conversations: {(time.monotonic() - begin) * 1000:.0f} ms, {memory(server):.0f} MB", flush=True)
        http_against_bare(server, token, f"first page of a folder over HTTP, {conversations:,} conversations", "/api/v1/conversations?q=is%3Aunanswered&sort=urgent", LISTS, 1.5)
        http_against_bare(server, token, f"one conversation over HTTP, {conversations:,} conversations", "/api/v1/conversations/4711", ONES, 1.5)
        took = indexed(server, token, messages)
        print(f"  indexed {messages:,} messages in {took:.0f} s", flush=True)
        search_all(server, token, f"search over {messages:,} messages", "sqlite", 5)
    finally:
        if kept:
            server.stop()
        else:
            server.destroy()


def index_size():
    """The index's size against unicode61's over the same texts, and search on PostgreSQL, restored from the same store."""
    import sqlite3
    conversations = 100_000 if FULL else 20_000
    with serving("sqlite") as server:
        api = server.api()
        Channel(api, "bench")
        server.stop()
        fill(server.data, conversations, 5)
        server.start(timeout=60)
        indexed(server, api.token, conversations * 5)
        server.stop()
        ours = sqlite3.connect(server.data + "/search.db")
        ours.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = ours.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
        ours.close()
        other = sqlite3.connect(server.data + "/unicode61.db")
        other.execute("CREATE VIRTUAL TABLE t USING fts5(text, content='', tokenize='unicode61')")
        other.execute("ATTACH ? AS heed", (server.data + "/heed.db",))
        for low in range(0, conversations * 5 + 1000, 2000):
            other.execute("INSERT INTO t (rowid, text) SELECT id, text FROM heed.message WHERE id > ? AND id <= ?", (low, low + 2000))
        other.commit()
        limit = os.path.getsize(server.data + "/unicode61.db")
        other.close()
        row(f"index of {conversations * 5:,} messages", "sqlite", f"{size / 1e6:.0f} MB, {size / conversations / 5:.0f} bytes a message", f"{limit / 1e6:.0f} MB, unicode61", f"{size / limit:.2f}", "≤ 1.25", size <= 1.25 * limit)
        copy = tempfile.mkdtemp(prefix="heed-data-")
        subprocess.run(["cp", server.data + "/key", copy], check=True)
        url = postgres.shared().database()
        for command in (["backup", "--data", server.data, copy + "/backup.heed"], ["restore", "--data", copy, "--database", url, copy + "/backup.heed"]):
            done = subprocess.run([os.environ["HEED_BINARY"], *command], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"heed {command[0]}: {done.stderr[-300:]}")
        moved = Server(url, data=copy, env=SERVER_ENV)
        moved.own_data = True
        try:
            took = indexed(moved, api.token, conversations * 5)
            print(f"  PostgreSQL indexed {conversations * 5:,} messages in {took:.0f} s", flush=True)
            search_all(moved, api.token, f"search over {conversations * 5:,} messages", "postgres", 25)
        finally:
            moved.destroy()


def idle():
    """Memory with the demo workspace, and the time from nothing to the first answer."""
    with serving("sqlite", args=["--demo"]) as server:
        time.sleep(8)
        resident = memory(server)
        children = subprocess.run(["ps", "-o", "rss=", "--ppid", str(server.process.pid)], capture_output=True, text=True).stdout.split()
        total = resident + sum(map(int, children)) / 1024
        row("idle with the demo workspace", "sqlite", f"{resident:.0f} MB ({total:.0f} MB with the parser children)", "", "", "≤ 40 MB", resident <= 40)
        server.stop()
        server.args.remove("--demo")
        times = []
        for _ in range(5):
            begin = time.monotonic()
            server.start()
            times.append((time.monotonic() - begin) * 1000)
            server.stop()
        row("cold start to first answer", "sqlite", f"{statistics.median(times):.0f} ms", "", "", "≤ 150 ms", statistics.median(times) <= 150)


FIGURES = {"intake": intake, "alone": alone, "whole": whole_way, "live": live, "screens": screens_1000, "screens10000": screens_10000, "sustained": sustained, "index": index_size, "big": big_store, "idle": idle}


def write_table():
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    head = (f"# Figures\n\nMeasured by `make bench` on {time.strftime('%Y-%m-%d')} at commit {commit}: {os.cpu_count()} x {model}, Debian 12, client and server on the same processors. "
            "Each figure stands beside its limit, measured in the same run; medians of several runs. The machine was shared and noisy: the ratios hold, the absolute numbers wander.\n\n"
            "| figure | database | measured | limit | ratio | goal | reached |\n|---|---|---|---|---|---|---|\n")
    lines = [f"| {f} | {d} | {v} | {lim} | {r} | {g} | {'yes' if ok else '**not yet**'} |" for f, d, v, lim, r, g, ok in collect_rows()]
    profile = "".join("| " + " | ".join(line) + " |\n" for line in PROFILE)
    if profile:
        profile = "\n## Where the processors went\n\nProcessors in use while the load ran, by thread of the server.\n\n| figure | database | the server's threads | load program, database and the rest | the machine |\n|---|---|---|---|---|\n" + profile
    return head + "\n".join(lines) + "\n" + profile


def main():
    # The programs are built beside the release binary.
    subprocess.run(["bash", "-c", f"[ -f {BUILD}/build.ninja ] || meson setup --buildtype=debugoptimized -Dhardened=true {BUILD}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    targets = ["heed", "bench/bench_load", "bench/bench_bare", "bench/bench_screens"] + (["bench/bench_whole"] if (ROOT / "bench/whole.c").exists() else [])
    subprocess.run(["ninja", "-C", str(BUILD), *targets], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for name, figure in FIGURES.items():
        if ONLY and name not in ONLY:
            continue
        print(f"── {figure.__doc__}", flush=True)
        try:
            figure()
        except KeyboardInterrupt:
            raise
        except Exception as problem:  # one figure that cannot be taken does not hide the others
            row(name, "-", f"could not be measured: {problem}"[:200], "", "", "", False)
    text = write_table()
    print("\n" + text)
    notes = ROOT / "docs" / "figures-notes.md"  # kept by hand
    if KEEP or (not QUICK and not ONLY):
        (ROOT / "docs" / "figures.md").write_text(text + ("\n" + notes.read_text() if notes.exists() else ""))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        sys.exit(130)
