# SPDX-License-Identifier: AGPL-3.0-or-later
"""Data of earlier releases opens: a folder made by each schema that was ever landed, and a backup of it, in
tests/fixtures/data/NNNN (made with that program: what the API said of it is in expected.json)."""
import gzip
import json
import pathlib
import shutil
import tarfile

import pytest
from lib.heed import ROOT, Api, Channel, until

DATA = sorted((ROOT / "tests" / "fixtures" / "data").iterdir())


def shown(api):
    return [{"id": c["id"], "preview": c["preview"], "status": c["status"], "tags": c["tags"], "priority": c["priority"], "contact": c["contact"]["name"],
             "messages": [[m["external_id"], m["kind"], m["direction"], m["text"], m["send_state"]] for m in api.messages(c["id"])]}
            for c in sorted(api.conversations("is:any", limit=100), key=lambda c: c["id"])]


def goes_on(server, expected):
    """Everything is there, and everything still works."""
    api = Api(server, expected["token"])
    assert shown(api) == expected["conversations"]
    counts = api.get("counts")
    assert {k: counts[k] for k in expected["counts"]} == expected["counts"]
    until(lambda: len(api.conversations("is:any 배송이")) == 5, 20, "the old words being found")
    channel = Channel.__new__(Channel)
    channel.api, channel.server, channel.id, channel.secret = api, server, expected["channel"]["id"], expected["channel"]["secret"]
    channel.customer("new words in an old thread", thread="t0", author="u0", name="Customer 0", id="new")
    conversation = until(lambda: api.conversations('"new words in an old thread"'), 20)[0]
    api.post(f"conversations/{conversation['id']}/messages", {"kind": "note", "text": "after the upgrade"})
    api.patch(f"contacts/{conversation['contact']['id']}", {"email": "old@example.org", "tags": ["VIP"]})
    assert server.command("doctor").returncode == 0


@pytest.mark.only("sqlite")
@pytest.mark.parametrize("old", DATA, ids=lambda p: p.name)
def test_a_folder_of_an_earlier_release_opens(world, old, tmp_path):
    expected = json.loads((old / "expected.json").read_text())
    with tarfile.open(old / "data.tar.gz") as tar:
        tar.extractall(tmp_path / "data", filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(tmp_path / "data")
    server = world(data=str(tmp_path / "data"), allow=["127.0.0.1:9"])
    goes_on(server, expected)


@pytest.mark.parametrize("old", DATA, ids=lambda p: p.name)
def test_a_backup_of_an_earlier_release_is_restored_into_both_databases(world, old, tmp_path):
    expected = json.loads((old / "expected.json").read_text())
    backup = tmp_path / "backup.db"
    backup.write_bytes(gzip.decompress((old / "backup.db.gz").read_bytes()))
    server = world(start=False, allow=["127.0.0.1:9"])
    pathlib.Path(server.data).mkdir(exist_ok=True)
    with tarfile.open(old / "data.tar.gz") as tar, open(pathlib.Path(server.data) / "key", "wb") as key:
        shutil.copyfileobj(tar.extractfile("key"), key)
    (pathlib.Path(server.data) / "key").chmod(0o600)
    server.command("restore", str(backup))
    server.start()
    goes_on(server, expected)
