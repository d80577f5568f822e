# SPDX-License-Identifier: AGPL-3.0-or-later
"""The warm store of the standard load: 4,000 conversations with 20,000 messages, built once for each database
and copied for each test that wants it."""
import atexit
import os
import shutil
import tempfile
import uuid

from lib import postgres
from lib.heed import FULL, Api, Channel, Server, message, until

MESSAGES = 100_000 if FULL else 20_000
built = {}


def build(kind):
    server = Server("sqlite" if kind == "sqlite" else postgres.shared().database())
    server.own_data = False
    atexit.register(shutil.rmtree, server.data, True)
    api = server.api()
    channel = Channel(api)
    for n in range(0, MESSAGES, 1000):
        batch = [message(f"w{i}", f"w{i // 5}", f"warm {i} order parcel 주문 배송", author=f"w{i // 5}", name=f"Warm {i // 5}", at=1_750_000_000 + i) for i in range(n, n + 1000)]
        assert channel.post(batch).status == 202
    until(lambda: api.get(f"channels/{channel.id}")["counts"]["waiting_in"] == 0, 300, "the warm store being read in")
    server.stop()
    return server, api.token, channel.id, channel.secret


def server(world, backend, deliver_url, **options):
    """A server over a copy of the warm store, an owner's Api and the channel."""
    kind = "sqlite" if backend == "sqlite" else "postgres"
    if kind not in built:
        built[kind] = build(kind)
    origin, token, channel_id, secret = built[kind]
    data = os.path.join(tempfile.mkdtemp(prefix="heed-data-"), "data")
    shutil.copytree(origin.data, data)
    if kind == "postgres":
        name = "heed_" + uuid.uuid4().hex[:12]
        postgres.shared().psql(f"CREATE DATABASE {name} TEMPLATE {origin.backend.split('/')[3].split('?')[0]}")
        backend = f"postgres://postgres@/{name}?host={postgres.shared().dir}"
    made = world(backend=backend, data=data, **options)
    made.own_data = True
    api = Api(made, token)
    channel = Channel.__new__(Channel)
    channel.api, channel.server, channel.id, channel.secret = api, made, channel_id, secret
    api.patch(f"channels/{channel_id}", {"settings": {"deliver_url": deliver_url, "idempotent": True}})
    return made, api, channel


def unharmed(api):
    """The messages of the warm store that are shown."""
    return sum(c["message_count"] for c in api.conversations("is:any") if c["contact"]["name"].startswith("Warm"))
