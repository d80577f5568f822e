# SPDX-License-Identifier: AGPL-3.0-or-later
"""A stolen database or backup holds no usable secret (A-TO1, A-TO2), and a backup is the whole house."""
import glob
import os
import shutil
import sqlite3
import subprocess

import pytest
from lib import postgres
from lib.heed import PASSWORD, Api, Channel, Server, request, until


def planted(server):
    """Makes one of each kind of secret and returns them all."""
    api = server.api()
    channel = Channel(api, deliver_url="http://127.0.0.1:9/")
    secrets = [PASSWORD, api.token, channel.secret, channel.secret.removeprefix("whsec_")]
    app_password = "abcd-efgh-ijkl-mnop"
    api.call("POST", "channels", {"kind": "bluesky", "name": "Sky", "settings": {"identifier": "shop.example", "app_password": app_password, "service": "http://127.0.0.1:9", "plc_url": "http://127.0.0.1:9"}})
    secrets.append(app_password)
    session = server.sign_in("owner@example.com")  # a token makes none with more scopes than its own
    for scope in ("read", "write", "admin", "metrics"):
        secrets.append(session.post("tokens", {"name": scope, "scopes": [scope]})["token"])
    agent = api.post("agents", {"name": "New", "email": "new@example.com", "role": "agent", "password": "planted password nine"})
    secrets += ["planted password nine"]
    if agent.get("sign_in_url"):
        secrets.append(agent["sign_in_url"].split("#")[1])
    secrets.append(session.cookie.split("=", 1)[1])
    rotated = api.post(f"channels/{channel.id}/rotate-secret", {}, expect=200)["secret"]
    secrets += [rotated, rotated.removeprefix("whsec_")]
    for answer in (request(server.address, "POST", "/api/v1/session", {"email": "owner@example.com", "password": "mistyped secret word"}, {"Origin": server.url}),
                   request(server.address, "GET", "/api/v1/me", None, {"Authorization": "Bearer heed_mistypedsecrettoken"}),
                   api.call("POST", "channels", {"kind": "bluesky", "name": "Sky", "settings": {"identifier": 7, "app_password": "wrong-place-word"}})):
        for word in ("mistyped secret word", "mistypedsecrettoken", "wrong-place-word"):
            assert word.encode() not in answer.body
    secrets += ["mistyped secret word", "mistypedsecrettoken", "wrong-place-word"]
    return api, channel, secrets


def test_no_secret_is_found_anywhere(world, tmp_path):
    """A-TO1: database files, WAL, backup, logs, API answers, metrics, environment."""
    server = world()
    api, channel, secrets = planted(server)
    assert len(secrets) >= 15
    backup = str(tmp_path / "backup.db")
    server.command("backup", backup)
    places = {}
    for path in [*glob.glob(server.data + "/*"), backup, server.stderr_path, f"/proc/{server.process.pid}/environ", f"/proc/{server.process.pid}/cmdline"]:
        if os.path.isfile(path) and not path.endswith("/key"):
            places[path] = open(path, "rb").read()
    if server.backend != "sqlite":
        done = subprocess.run(["pg_dump", "--data-only", server.backend], capture_output=True)
        assert done.returncode == 0, done.stderr
        places["pg_dump"] = done.stdout
    for path in ("me", "channels", f"channels/{channel.id}", "tokens", "agents", "sessions", "workspace", "conversations", "status"):
        places["GET " + path] = api.call("GET", path).body
    places["metrics"] = request(server.address, "GET", "/metrics").body
    places["stdout"] = "\n".join(line for line in server.first_lines if not line.startswith(("Set up", "Sign in"))).encode()
    found = [(place, secret) for place, data in places.items() for secret in secrets if secret.encode() in data]
    assert found == []


@pytest.mark.only("sqlite")
def test_a_sealed_secret_opens_only_in_its_own_row(world):
    """A-TO2: row swap, bit flip, another key, no key, a key others can read."""
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    first, second = Channel(api, "first", receiver.url), Channel(api, "second", receiver.url)
    server.stop()
    path = os.path.join(server.data, "heed.db")
    original = dict(sqlite3.connect(path).execute("SELECT id, secret FROM channel").fetchall())

    def put(id, secret):
        with sqlite3.connect(path) as db:
            db.execute("UPDATE channel SET secret = ? WHERE id = ?", (secret, id))

    flipped = bytearray(original[first.id])
    flipped[-3] ^= 1
    for wrong in (original[second.id], bytes(flipped), b"", b"\x01" * 40):
        put(first.id, wrong)
        server.start()
        assert first.post({"type": "message.created"}).status in (401, 404, 503), "nobody can sign for it"
        state = api.get(f"channels/{first.id}")
        assert second.post(b"[]").status == 202, "the others go on"
        assert api.call("POST", f"channels/{first.id}/test", {}).json.get("ok") is not True, state
        server.stop()
    put(first.id, original[first.id])
    key = os.path.join(server.data, "key")
    saved = open(key, "rb").read()

    def refuses(word):
        done = subprocess.run([server.binary, "serve", "--data", server.data, "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        assert done.returncode != 0 and word in done.stderr.lower(), (done.returncode, done.stderr[-500:])

    os.chmod(key, 0o644)
    refuses("key")
    os.chmod(key, 0o600)
    os.unlink(key)
    refuses("key")
    other = Server("sqlite")
    other.stop()
    shutil.copy(os.path.join(other.data, "key"), key)
    other.destroy()
    refuses("key")
    with open(key, "wb") as f:
        f.write(saved)
    os.chmod(key, 0o600)
    server.start()
    assert first.post(b"[]").status == 202


def filled(world):
    receiver = world.receiver(lambda r: (503, {"Retry-After": "60"}, ""))
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, "Shop", receiver.url)
    for n in range(30):
        channel.customer(f"question {n} 주문 {n}", thread=f"t{n}", author=f"u{n}", name=f"Customer {n}")
    conversations = until(lambda: (c := api.conversations()) and len(c) == 30 and c, 20)
    for c in conversations[:5]:
        api.patch(f"conversations/{c['id']}", {"tags": ["refund"], "priority": "high"})
        api.post(f"conversations/{c['id']}/messages", {"kind": "note", "text": "a note"})
    api.post(f"conversations/{conversations[0]['id']}/messages", {"kind": "reply", "text": "not yet out"})
    return server, api, channel


def snapshot(api):
    return [(c["id"], c["preview"], c["status"], c["priority"], c["tags"], c["waiting_since"], [(m["id"], m["text"], m["kind"]) for m in api.messages(c["id"])])
            for c in sorted(api.conversations(), key=lambda c: c["id"])]


def test_a_backup_taken_while_running_restores_into_both_databases(world, tmp_path):
    server, api, channel = filled(world)
    backup = str(tmp_path / "backup.db")
    server.command("backup", backup)
    before, counts = snapshot(api), api.get("counts")
    assert os.stat(backup).st_mode & 0o077 == 0, "a backup is for its owner's eyes"
    assert server.command("backup", backup, check=False).returncode != 0, "a backup is not overwritten"
    server.stop()
    for target in ("sqlite", postgres.shared().database()):
        copy = world(backend=target, start=False)
        os.makedirs(copy.data, exist_ok=True)
        shutil.copy(os.path.join(server.data, "key"), os.path.join(copy.data, "key"))
        copy.command("restore", backup)
        assert copy.command("restore", backup, check=False).returncode != 0, "a restore needs an empty target"
        copy.start()
        again = Api(copy, api.token)
        assert snapshot(again) == before
        assert again.get("counts") == counts
        out = [m for c in again.conversations() for m in again.messages(c["id"]) if m["text"] == "not yet out"]
        assert out[0]["send_state"] in ("queued", "in_doubt"), "what waited to be sent waits for a person"
        until(lambda: again.conversations("주문"), 20, "the search index being built again")
        again.patch(f"conversations/{before[0][0]}", {"priority": "low"})
        hook = Channel.__new__(Channel)
        hook.api, hook.server, hook.id, hook.secret = again, copy, channel.id, channel.secret
        hook.customer("after the restore", thread="new")
        until(lambda: len(again.conversations()) == 31, 10)
        assert copy.command("doctor").returncode == 0


def test_the_doctor_names_damage(world):
    server, _, _ = filled(world)
    assert server.command("doctor").returncode == 0
    statement = "UPDATE count_cell SET n = n + 3 WHERE folder = 'open'"
    if server.backend == "sqlite":
        server.stop()
        with sqlite3.connect(os.path.join(server.data, "heed.db")) as db:
            db.execute(statement)
    else:
        subprocess.run(["psql", "-q", server.backend, "-c", statement], check=True)
    done = server.command("doctor", check=False)
    assert done.returncode != 0 and "open" in done.stdout + done.stderr, done
    if server.backend == "sqlite":
        path = os.path.join(server.data, "heed.db")
        with open(path, "r+b") as f:
            f.seek(os.path.getsize(path) // 2)
            f.write(b"\xff" * 8192)
        done = server.command("doctor", check=False)
        assert done.returncode != 0 and len(done.stdout + done.stderr) > 40


def test_a_channels_secrets_do_not_move_to_another_server(world):
    """Whoever may change a channel cannot have its sealed passwords sent to a server of their own."""
    server = world()
    api = server.api()
    mail = {"address": "desk@shop.example", "imap": "imaps://127.0.0.1:9", "smtp": "smtps://127.0.0.1:9", "password": "sealed word one", "smtp_password": "sealed word two"}
    box = api.post("channels", {"kind": "email", "name": "Mail", "settings": mail})["id"]
    sky = api.post("channels", {"kind": "bluesky", "name": "Sky", "settings": {"identifier": "shop.example", "app_password": "abcd-efgh-ijkl-mnop", "service": "http://127.0.0.1:9", "plc_url": "http://127.0.0.1:9"}})["id"]

    def refused(channel, **settings):
        answer = api.patch(f"channels/{channel}", {"settings": settings}, expect=422)
        return [(e["field"], e["code"]) for e in answer["errors"]]

    for moved in ({"imap": "imaps://evil.example"}, {"smtp": "smtp://evil.example"}, {"token_url": "https://evil.example/token"}):
        assert refused(box, **moved) == [("settings.password", "required")], moved
        assert refused(box, **moved, password="once more") == [("settings.smtp_password", "required")], moved
    assert refused(box, oauth="google", client_id="c", client_secret="s", refresh_token="r") == [("settings.password", "required")]
    assert refused(sky, service="http://127.0.0.1:9/elsewhere") == [("settings.app_password", "required")]
    # What says nothing of the server needs no password, nor does the same server again.
    assert api.patch(f"channels/{box}", {"settings": {"from_name": "Shop", "imap": mail["imap"], "token_url": ""}})["settings"]["from_name"] == "Shop"
    assert api.get(f"channels/{box}")["settings"]["imap"] == mail["imap"]
    given = {"imap": "imaps://127.0.0.1:9/x", "password": "once more", "smtp_password": None}
    assert api.patch(f"channels/{box}", {"settings": given})["settings"]["imap"] == given["imap"]
    assert refused(box, imap="imaps://evil.example") == [("settings.password", "required")], "what was taken away is not asked for"
