# SPDX-License-Identifier: AGPL-3.0-or-later
"""The warm store of the standard load: N conversations with M messages each, written straight into a fresh
database of ours (both kinds), with contacts, tags, counts and a log entry that makes the index learn it all.

  python3 fill.py DATA_DIR CONVERSATIONS MESSAGES_PER_CONVERSATION [POSTGRES_URL]
"""
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import time

LATIN = ("order parcel refund late broken thanks delivery where address invoice size colour return exchange warranty shipping tracking payment "
         "account password login charge twice missing wrong item shop question answer help please urgent today yesterday week").split()
OTHER = ["주문이 아직 안 왔어요", "환불은 언제 되나요", "배송 조회가 안 됩니다", "pesanan saya belum sampai", "mohon bantuannya kak", "kus mu tellimus on", "raha tagasi palun",
         "missä tilaukseni on", "paketti on hukassa", "我的包裹在哪里", "ส่งของเมื่อไหร่", "أين طلبي من فضلك", "где мой заказ"]
NOW = int(time.time() * 1000)
NEVER = 9007199254740991
ALLOWANCE = {"urgent": 15, "high": 60, "normal": 240, "low": 1440}


def rare_words():
    """20,000 words with a long tail, so that rare and bursty words exist."""
    rng = random.Random(4)
    return ["".join(rng.choices("bcdfghklmnprstvz", k=1) + rng.choices("aeiou", k=1) + rng.choices("bcdfghklmnprstvz", k=1) + rng.choices("aeiou", k=1) + rng.choices("klmnrst", k=1)) + str(i % 100)
            for i in range(20_000)]


def rows(conversations, per, channel, workspace, teams, tags):
    rng = random.Random(1)
    rare = rare_words()
    for i in range(1, conversations + 1):
        created = NOW - (conversations - i) * min(9_000, 80 * 86_400_000 // conversations) - rng.randrange(5_000)  # within the log's 90 days
        is_open = rng.random() < 0.08
        waiting = created + 60_000 if is_open and rng.random() < 0.8 else None
        priority = rng.choices(("urgent", "high", "normal", "low"), (1, 5, 84, 10))[0]
        team = rng.choice(teams) if rng.random() < 0.9 else 0
        urgent_at = waiting + ALLOWANCE[priority] * 60_000 if waiting else NEVER
        tag = rng.choice(tags) if rng.random() < 0.25 else None
        texts = []
        for m in range(per):
            if rng.random() < 0.2:
                text = rng.choice(OTHER) + f" {i}"
            else:
                text = " ".join(rng.choices(LATIN, k=14)) + " " + rng.choice(rare) + (f" burst{i // 2000}" if i % 2000 < 40 else "")
            texts.append((created + m * 30_000, m % 2 == 1, text))
        yield i, created, is_open, waiting, priority, team, urgent_at, tag, texts


def main():
    data, conversations, per = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    path = os.path.join(data, "heed.db")
    workspace = channel = 1
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL; PRAGMA cache_size=-400000; PRAGMA foreign_keys=OFF;")
    channel = db.execute("SELECT id FROM channel ORDER BY id LIMIT 1").fetchone()[0]
    workspace = db.execute("SELECT workspace_id FROM channel WHERE id = ?", (channel,)).fetchone()[0]
    agent = db.execute("SELECT id FROM agent WHERE workspace_id = ? LIMIT 1", (workspace,)).fetchone()[0]
    db.execute("BEGIN")
    teams = [db.execute("INSERT INTO team (workspace_id, name, name_key, created_at) VALUES (?, ?, ?, ?)", (workspace, f"Team {n}", f"team {n}", NOW)).lastrowid for n in range(20)]
    tags = [db.execute("INSERT INTO tag (workspace_id, name, name_key, created_at) VALUES (?, ?, ?, ?)", (workspace, f"tag{n}", f"tag{n}", NOW)).lastrowid for n in range(50)]
    cells, message_id = {}, db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
    base = db.execute("SELECT coalesce(max(id), 0) FROM conversation").fetchone()[0]
    batch = {"contact": [], "identity": [], "conversation": [], "tag": [], "message": [], "event": []}

    def flush():
        db.executemany("INSERT INTO contact (id, workspace_id, name, created_at, updated_at) VALUES (?,?,?,?,?)", batch["contact"])
        db.executemany("INSERT INTO identity (workspace_id, kind, scope, external_id, name, contact_id, updated_at) VALUES (?,?,?,?,?,?,?)", batch["identity"])
        db.executemany("INSERT INTO conversation (id, workspace_id, channel_id, channel_kind, kind, thread_key, visibility, status, contact_id, contact_name, team_id, priority, waiting_since, urgent_at, "
                       "last_message_at, last_in_at, preview, message_count, unread, created_at, updated_at) VALUES (?,?,?,'custom','dm',?,'private',?,?,?,?,?,?,?,?,?,?,?,?,?,?)", batch["conversation"])
        db.executemany("INSERT INTO conversation_tag (workspace_id, tag_id, conversation_id, open, urgent_at) VALUES (?,?,?,?,?)", batch["tag"])
        db.executemany("INSERT INTO message (id, workspace_id, conversation_id, channel_id, external_id, direction, kind, visibility, origin, identity_id, agent_id, author_name, text, created_at, received_at, send_state) "
                       "VALUES (?,?,?,?,?,?,'message','private',?,?,?,?,?,?,?,?)", batch["message"])
        db.executemany("INSERT INTO event (workspace_id, at, kind, conversation_id, message_id, channel_id) VALUES (?,?,'message.created',?,?,?)", batch["event"])
        for rows_ in batch.values():
            rows_.clear()

    for i, created, is_open, waiting, priority, team, urgent_at, tag, texts in rows(conversations, per, channel, workspace, teams, tags):
        id, contact = base + i, base + i
        name = f"Customer {i}"
        batch["contact"].append((contact, workspace, name, created, created))
        batch["identity"].append((workspace, "custom", str(channel), f"bench-u{i}", name, contact, created))
        last = texts[-1][0]
        status = "open" if is_open else "closed"
        batch["conversation"].append((id, workspace, channel, f"bench-t{i}", status, contact, name, team, priority, waiting, urgent_at, last, last, texts[-1][2][:120], per, 0, created, last))
        if tag:
            batch["tag"].append((workspace, tag, id, int(is_open), urgent_at))
        for at, ours, text in texts:
            message_id += 1
            batch["message"].append((message_id, workspace, id, channel, f"bench-m{message_id}", "out" if ours else "in", "agent" if ours else "customer", 0, agent if ours else 0, "" if ours else name, text, at, at,
                                     "sent" if ours else None))
            batch["event"].append((workspace, at, id, message_id, channel))
        for folder in (["open", "unassigned"] + (["unanswered"] if waiting else [])) if is_open else ["closed"]:
            cells[folder, team] = cells.get((folder, team), 0) + 1
        if i % 20_000 == 0:
            flush()
            print(f"\r  {i:,} of {conversations:,} conversations", end="", file=sys.stderr, flush=True)
    flush()
    for (folder, team), n in cells.items():
        db.execute("INSERT INTO count_cell (workspace_id, folder, channel_id, team_id, n) VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n", (workspace, folder, channel, team, n))
    db.execute("COMMIT")
    db.execute("ANALYZE")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    print("", file=sys.stderr)


if __name__ == "__main__":
    main()
    assert pathlib and subprocess
