# SPDX-License-Identifier: AGPL-3.0-or-later
"""Several processes over one PostgreSQL: nothing is done twice, and each shows what the others do."""
import collections
import os
import shutil

import pytest
from lib.chat import Chat
from lib.heed import Api, Channel, Events, Server, message, request, until


def beside(world, first, **options):
    """Another process on the same database, as if on another machine: a folder of its own with the same key."""
    second = world(backend=first.backend, start=False, **options)
    os.makedirs(second.data, exist_ok=True)
    shutil.copy(os.path.join(first.data, "key"), os.path.join(second.data, "key"))
    os.chmod(os.path.join(second.data, "key"), 0o600)
    second.start()
    return second


def elsewhere(channel, api):
    other = Channel.__new__(Channel)
    other.api, other.server, other.id, other.secret = api, api.server, channel.id, channel.secret
    return other


@pytest.mark.only("postgres")
def test_two_whole_processes_send_each_answer_once_and_show_each_other(world):
    receiver = world.receiver()
    first = world(allow=[receiver.host])
    api = first.api()
    second = beside(world, first, allow=[receiver.host])
    there = Api(second, api.token)
    channel = Channel(api, deliver_url=receiver.url)
    screens = [Events(api), Events(there)]
    for n in range(0, 60, 2):
        channel.customer(f"question {n}", thread=f"t{n}", author=f"u{n}")
        elsewhere(channel, there).customer(f"question {n + 1}", thread=f"t{n + 1}", author=f"u{n + 1}")
    conversations = until(lambda: (c := api.conversations()) and len(c) == 60 and c, 30)
    for screen in screens:
        until(lambda: len({f["json"]["id"] for f in list(screen.frames) if f["event"] == "conversation"}) == 60, 15, "both screens showing all")
    for n, c in enumerate(conversations * 2):
        (api, there)[n % 2].post(f"conversations/{c['id']}/messages", {"kind": "reply", "text": f"answer {n}"})
    until(lambda: len(receiver.sent()) >= 120, 60, "all answers arriving")
    until(lambda: api.get(f"channels/{channel.id}")["counts"]["queued_out"] == 0, 10)
    texts = collections.Counter(m["text"] for m in receiver.sent())
    assert len(texts) == 120 and set(texts.values()) == {1}
    order = collections.defaultdict(list)
    for m in receiver.sent():
        order[m["thread"]].append(int(m["text"].split()[1]))
    assert all(numbers == sorted(numbers) for numbers in order.values()), "in order within a conversation"
    for screen in screens:
        until(lambda: len({f["json"]["id"] for f in list(screen.frames) if f["event"] == "message" and f["json"]["send_state"] == "sent"}) == 120, 15, "both screens showing all sent")
    first.kill()
    elsewhere(channel, there).customer("are you still there?", thread="new", author="new")
    screens[1].wait(lambda f: f["event"] == "conversation" and "still there" in f["json"]["preview"], 15)


@pytest.mark.only("postgres")
def test_one_process_serves_and_another_works(world):
    receiver = world.receiver()
    web = world(args=["--role", "web"], allow=[receiver.host])
    api = web.api()
    channel = Channel(api, deliver_url=receiver.url)
    screen = Events(api)
    channel.customer("anybody?")
    assert api.get(f"channels/{channel.id}")["counts"]["waiting_in"] == 1, "accepted, and nobody works on it yet"
    work = beside(world, web, args=["--role", "work"], allow=[receiver.host])
    frame = screen.wait(lambda f: f["event"] == "conversation" and f["json"]["preview"] == "anybody?", 15)
    api.post(f"conversations/{frame['json']['id']}/messages", {"kind": "reply", "text": "yes"})
    screen.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "yes" and f["json"]["send_state"] == "sent", 15)
    assert [m["text"] for m in receiver.sent()] == ["yes"]
    until(lambda: api.conversations("anybody"), 10, "search")
    assert request(work.address, "GET", "/healthz").status == 200
    assert request(work.address, "GET", "/api/v1/me", headers={"Authorization": f"Bearer {api.token}"}).status in (404, 503)
    work.stop()
    channel.customer("and now?", thread="t2", author="u2")
    assert web.process.poll() is None


@pytest.mark.only("postgres")
def test_another_key_is_refused(world):
    first = world()
    first.api()
    other = Server("sqlite")
    other.stop()
    second = Server(first.backend, data=other.data, start=False)
    second.start(wait=False)
    second.process.wait(15)
    assert second.process.returncode == 1 and "key" in second.log().lower(), second.log()
    other.destroy()
    assert message


@pytest.mark.only("postgres")
def test_who_is_writing_is_seen_across_processes(world):
    first = world()
    api = first.api(name="Mari Tamm")
    second = beside(world, first)
    there = Api(second, api.token)
    chat = Chat(api, "Shop chat", title="Saltmarsh")
    visitor = chat.visitor(language="et")
    screen, stream = Events(there), visitor.stream()
    visitor.say("Tere, is anybody there?", id="a1")
    conversation = screen.wait(lambda f: f["event"] == "conversation" and "anybody there" in f["json"]["preview"], 15)["json"]
    # The visitor writes at the first process, the colleague looks at the second.
    assert visitor.call("POST", "typing", {"typing": True}).status == 204
    screen.wait(lambda f: f["event"] == "presence" and f["json"]["conversation_id"] == conversation["id"] and f["json"]["customer_typing"], 10)
    assert visitor.call("POST", "typing", {"typing": False}).status == 204
    until(lambda: [f for f in screen.frames if f["event"] == "presence"][-1]["json"]["customer_typing"] is False, 10)
    # The colleague writes at the second, the visitor's stream is at the first.
    there.post("presence", {"conversation_id": conversation["id"], "typing": True, "kind": "note"}, expect=204)
    there.post("presence", {"conversation_id": conversation["id"], "typing": True}, expect=204)
    assert stream.wait(lambda f: f["event"] == "typing" and f["json"]["typing"], 10)["json"]["name"] == "Mari"
    there.post("presence", {"conversation_id": conversation["id"], "typing": False}, expect=204)
    until(lambda: [f for f in stream.frames if f["event"] == "typing"][-1]["json"]["typing"] is False, 10)
    # What is told twice or is long over brings nobody back.
    assert visitor.call("POST", "typing", {"typing": True}).status == 204
    screen.wait(lambda f: f["event"] == "presence" and f["json"]["customer_typing"], 10)
    until(lambda: [f for f in screen.frames if f["event"] == "presence"][-1]["json"]["customer_typing"] is False, 20, "forgotten after ten seconds")
    screen.close()
    stream.close()
