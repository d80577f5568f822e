# SPDX-License-Identifier: AGPL-3.0-or-later
"""One click, one message out (A-ID1, A-ID2, A-ID3), and what networks answer (A-RE6)."""
import collections
import email.utils
import json
import random
import socket
import threading
import time
import uuid

from lib.heed import FULL, Channel, request, until


def conversation_on(api, channel, thread="t1", text="Hello"):
    channel.customer(text, thread=thread, author=f"u-{thread}")
    found = until(lambda: [c for c in api.conversations(f"channel:{channel.id}") if c["preview"] == text], 15, "the conversation")
    return found[0]["id"]


class Chaos:
    """A proxy that cuts the connection at a random byte of the request or the answer."""

    def __init__(self, target, seed):
        self.target, self.rng = target, random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client):
        cut_up = self.rng.randrange(20, 900) if self.rng.random() < 0.35 else None
        cut_down = self.rng.randrange(1, 900) if self.rng.random() < 0.35 else None
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        def pump(source, sink, limit):
            passed = 0
            try:
                while data := source.recv(4096):
                    if limit is not None and passed + len(data) >= limit:
                        sink.sendall(data[:limit - passed])
                        break
                    sink.sendall(data)
                    passed += len(data)
            except OSError:
                pass
            for s in (client, server):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        t = threading.Thread(target=pump, args=(client, server, cut_up), daemon=True)
        t.start()
        pump(server, client, cut_down)
        t.join(10)
        client.close()
        server.close()


def test_a_retried_post_with_the_same_key_sends_once(world):
    """A-ID1"""
    sends = 10_000 if FULL else 250
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    conversations = [conversation_on(api, channel, f"t{i}", f"hello {i}") for i in range(8)]
    chaos = Chaos(server.address, 11)
    tries = collections.Counter()

    def lane(numbers):
        for n in numbers:
            key = uuid.uuid4().hex
            body = {"kind": "reply", "text": f"answer {n}"}
            headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": key}
            for _ in range(60):
                tries[n] += 1
                try:
                    answer = request(chaos.address, "POST", f"/api/v1/conversations/{conversations[n % 8]}/messages", body, headers, timeout=10)
                except Exception:
                    continue
                if 200 <= answer.status < 300:
                    break
                time.sleep(0.05)
            else:
                raise AssertionError(f"answer {n} never accepted")

    threads = [threading.Thread(target=lane, args=(range(k, sends, 8),)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(tries.values()) > sends * 1.2, "the proxy did cut"
    until(lambda: len(receiver.sent()) >= sends, 120, "delivery of all")
    time.sleep(0.5)
    texts = collections.Counter(m["text"] for m in receiver.sent())
    assert {t: n for t, n in texts.items() if n != 1} == {}
    assert len(texts) == sends
    stored = collections.Counter(m["text"] for c in conversations for m in api.messages(c) if m["direction"] == "out")
    assert set(stored.values()) == {1} and len(stored) == sends
    chaos.listener.close()


def test_an_idempotency_key_means_one_thing(world):
    """A-ID2"""
    server = world()
    api = server.api()
    other = server.api("ben@example.com", "agent")
    channel = Channel(api)
    conversation = conversation_on(api, channel)
    path = f"conversations/{conversation}/messages"
    note = {"kind": "note", "text": "once"}
    first = api.post(path, note, headers={"Idempotency-Key": "k1"})
    again = api.post(path, note, headers={"Idempotency-Key": "k1"})
    assert again == first
    assert api.call("POST", path, {"kind": "note", "text": "other"}, {"Idempotency-Key": "k1"}).status == 422
    assert other.post(path, note, headers={"Idempotency-Key": "k1"})["id"] != first["id"], "another actor's key is its own"
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(api.call("POST", path, {"kind": "note", "text": "race"}, {"Idempotency-Key": "k2"}))) for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    good = [a for a in answers if a.status == 201]
    assert good and {a.status for a in answers} <= {201, 409}
    assert len({a.json["id"] for a in good}) == 1
    assert [m["text"] for m in api.messages(conversation)].count("race") == 1
    assert api.call("POST", path, note, {"Idempotency-Key": "x" * 300}).status in (400, 422)


def crash_and_count(world, rounds, idempotent):
    """kill -9 exactly between the receiver's answer and our mark."""
    receiver = world.receiver()
    seen = {}  # an idempotent receiver acts once per webhook-id

    def answer(request):
        if request["method"] == "GET":
            return (200, {}, "{}")
        seen.setdefault(request["headers"]["webhook-id"], 0)
        seen[request["headers"]["webhook-id"]] += 1
        if server.process.poll() is None and request["json"]["text"].startswith("crash"):
            crashed.append(request["json"]["text"])
            if seen[request["headers"]["webhook-id"]] == 1:
                posted.wait(10)  # a quick sender is here before the agent has the answer
                server.kill()
        return None

    receiver.answer = answer
    crashed, posted = [], threading.Event()
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url, idempotent=idempotent)
    conversation = conversation_on(api, channel)
    for n in range(rounds):
        posted.clear()
        sent = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": f"crash {n}"})
        posted.set()
        until(lambda: f"crash {n}" in crashed, 20, "the send that crashes")
        server.process.wait(10)
        server.start()
        if idempotent:
            until(lambda: state_of(api, conversation, sent["id"]) == "sent", 30, "sending again with the same id")
        else:
            until(lambda: state_of(api, conversation, sent["id"]) in ("in_doubt", "sent"), 30, "doubt or an answer read back")
    return api, channel, conversation, seen, receiver


def state_of(api, conversation, message_id):
    return next(m for m in api.messages(conversation) if m["id"] == message_id)["send_state"]


def test_a_crash_after_the_network_accepted_never_sends_twice_silently(world, backend):
    """A-ID3 with a receiver that has no idempotency: 0 silent re-sends; read back, or shown in doubt."""
    rounds = (250 if FULL else 14) if backend == "sqlite" else (250 if FULL else 6)
    _, _, _, seen, _ = crash_and_count(world, rounds, idempotent=False)
    assert len(seen) == rounds
    assert set(seen.values()) == {1}, "no send was repeated without asking"


def test_a_crash_with_an_idempotent_receiver_is_repeated_with_the_same_id(world):
    rounds = 100 if FULL else 2
    _, _, _, seen, _ = crash_and_count(world, rounds, idempotent=True)
    assert len(seen) == rounds


def test_an_answer_in_doubt_waits_for_a_person(world):
    """The receiver cannot be asked either: the message stays in doubt, later ones wait, a person decides."""
    receiver = world.receiver()
    state = {"mode": "cut"}

    def answer(request):
        if request["method"] == "GET":
            return (500, {}, "cannot tell")
        return "cut" if state["mode"] == "cut" else None

    receiver.answer = answer
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url, idempotent=False)
    conversation = conversation_on(api, channel)
    first = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "first"})
    until(lambda: state_of(api, conversation, first["id"]) == "in_doubt", 20, "doubt")
    second = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "second"})
    state["mode"] = "ok"
    time.sleep(1.5)
    assert state_of(api, conversation, second["id"]) == "queued", "order within a conversation is kept"
    assert [m["text"] for m in receiver.sent()] == ["first"]
    api.post(f"messages/{first['id']}/resolve", {"decision": "send_again"}, expect=200)
    until(lambda: state_of(api, conversation, second["id"]) == "sent", 20, "both going out")
    assert [m["text"] for m in receiver.sent()] == ["first", "first", "second"]


def test_what_networks_answer_loses_no_send(world):
    """A-RE6: 429 with seconds and date, 500s, HTML, truncated JSON, reset, refusal, gone."""
    receiver = world.receiver()
    plan, hits = {}, collections.defaultdict(list)

    def answer(request):
        if request["method"] == "GET":
            return (404, {}, "{}")
        text = request["json"]["text"]
        hits[text].append(request["at"])
        steps = plan.get(text)
        return steps.pop(0) if steps else None

    receiver.answer = answer
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    date = email.utils.formatdate(time.time() + 3, usegmt=True)
    plan.update({
        "429 s": [(429, {"Retry-After": "2"}, "")],
        "429 date": [(429, {"Retry-After": date}, "")],
        "503": [(503, {"Retry-After": "1"}, "")],
        "500s": [(500, {}, "oops")] * 3,
        "502 html": [(502, {"Content-Type": "text/html"}, "<html><body>Bad gateway</body></html>")],
        "truncated": [(200, {"Content-Type": "application/json"}, '{"id":"r-tr')],
        "reset": ["cut"],
        "refused": [(422, {"Content-Type": "application/problem+json"}, json.dumps({"detail": "Too rude for us"}))],
        "fine": [],
    })
    sent = {}
    for text in plan.copy():
        conversation = conversation_on(api, channel, f"t-{text}", f"hello {text}")
        sent[text] = (conversation, api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": text})["id"])
    for text, (conversation, id) in sent.items():
        wanted = "failed" if text == "refused" else "sent"
        until(lambda: state_of(api, conversation, id) == wanted, 60, f"“{text}” becoming {wanted} (is {state_of(api, conversation, id)})")
    assert hits["429 s"][1] - hits["429 s"][0] >= 1.9
    assert hits["503"][1] - hits["503"][0] >= 0.9
    refused = next(m for m in api.messages(sent["refused"][0]) if m["id"] == sent["refused"][1])
    assert "Too rude for us" in refused["error"]
    assert api.get(f"conversations/{sent['refused'][0]}")["waiting_since"], "an answer that failed did not answer"

    plan["gone"] = [(410, {}, "")]
    conversation = conversation_on(api, channel, "t-gone", "hello gone")
    last = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "gone"})["id"]
    until(lambda: api.get(f"channels/{channel.id}")["state"] == "dead", 20, "the channel being called dead")
    assert api.get(f"channels/{channel.id}")["state_reason"]
    assert state_of(api, conversation, last) == "queued", "its queue is kept"


def test_one_dead_network_does_not_hold_up_the_others(world):
    dead, fine = world.receiver(lambda r: "hang"), world.receiver()
    server = world(allow=[dead.host, fine.host])
    api = server.api()
    slow = Channel(api, "slow", deliver_url=dead.url)
    quick = Channel(api, "quick", deliver_url=fine.url)
    for i in range(12):
        conversation = conversation_on(api, slow, f"s{i}", f"slow {i}")
        api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": f"slow answer {i}"})
    conversation = conversation_on(api, quick, "q", "quick hello")
    begin = time.monotonic()
    id = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "quick answer"})["id"]
    until(lambda: state_of(api, conversation, id) == "sent", 10, "the other network's send")
    assert time.monotonic() - begin < 8


def bluesky(world, pds):
    server = world(allow=[pds.host])
    api = server.api()
    channel = api.post("channels", {"kind": "bluesky", "name": "Sky", "settings": pds.settings()})["id"]
    until(lambda: api.get(f"channels/{channel}")["state"] == "active", 20, "connecting")
    return server, api, channel


def test_an_expired_token_is_renewed_once_whoever_meets_it_first(world):
    """A-RE6: many sends and the pollers meet an expired access token at once; one refresh at a time, no send lost or doubled."""
    sends = 100 if FULL else 40  # a channel's budget lets 60 through at once
    pds = world.pds()
    for n in range(sends):
        pds.mention(f"question {n}", f"user{n}")
    _, api, channel = bluesky(world, pds)
    conversations = until(lambda: (c := api.conversations(f"channel:{channel}")) and len(c) == sends and c, 60, "the mentions arriving")
    pds.expire()
    refreshes = pds.refreshes
    sent = {c["id"]: api.post(f"conversations/{c['id']}/messages", {"kind": "reply", "text": f"answer to {c['preview']}"})["id"] for c in conversations[:sends // 2]}
    until(lambda: pds.refreshes > refreshes, 20, "the first refresh")
    time.sleep(0.5)
    pds.expire()  # and once more in the middle of it
    sent |= {c["id"]: api.post(f"conversations/{c['id']}/messages", {"kind": "reply", "text": f"answer to {c['preview']}"})["id"] for c in conversations[sends // 2:]}
    until(lambda: all(state_of(api, c, m) == "sent" for c, m in sent.items()), 30 + (120 if FULL else 0), "all being sent")
    texts = collections.Counter(r["record"]["text"] for r in pds.records)
    assert len(texts) == sends and set(texts.values()) == {1}
    assert pds.refused_access >= 2, "expired tokens were met"
    assert pds.most_refreshing == 1, "one refresh at a time"
    assert 2 <= pds.refreshes - refreshes <= 4, "whoever waited used the new token"
    assert pds.log_ins == 1, "the app password was needed once"


def test_a_refused_refresh_asks_a_person_and_keeps_the_queue(world):
    """A-RE6: the session is revoked: the channel says so within a minute, nothing queued is lost, a new password sends it."""
    pds = world.pds()
    pds.mention("are you there?", "kim")
    _, api, channel = bluesky(world, pds)
    conversation = until(lambda: api.conversations(f"channel:{channel}"), 30, "the mention arriving")[0]["id"]
    pds.refresh_good = pds.password_good = False
    pds.expire()
    begin = time.monotonic()
    sent = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "we are"})["id"]
    until(lambda: api.get(f"channels/{channel}")["state"] == "reauth", 60, "the channel asking for a person")
    assert time.monotonic() - begin <= 60
    assert len(api.get(f"channels/{channel}")["state_reason"]) > 20
    until(lambda: state_of(api, conversation, sent) == "queued", 5, "the answer waiting in the queue")
    assert pds.records == []
    log_ins = pds.log_ins
    time.sleep(2)
    assert pds.log_ins == log_ins, "a refused password is not tried again and again"
    pds.refresh_good = pds.password_good = True
    api.patch(f"channels/{channel}", {"settings": {**pds.settings(), "app_password": "new1-new2-new3-new4"}})
    until(lambda: state_of(api, conversation, sent) == "sent", 30, "the queue going out")
    assert [r["record"]["text"] for r in pds.records] == ["we are"]
