# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two conversations become one, one becomes two, links; whatever comes later finds where it now lives."""
import subprocess
import time

from lib.heed import BINARY, Channel, Events, iso, until


def by_thread(api, text):
    return next(c for c in api.conversations("is:any") if text in c["preview"])["id"]


def texts(api, id):
    return [m["text"] for m in api.messages(id)]


def two(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api(name="Ada")
    channel = Channel(api, deliver_url=receiver.url)
    channel.customer("first about alpha", id="a1", thread="ta", author="u1", name="Kim")
    channel.customer("second about beta", id="b1", thread="tb", author="u1", name="Kim")
    until(lambda: len(api.conversations("is:open")) == 2)
    return server, api, channel, receiver, by_thread(api, "alpha"), by_thread(api, "beta")


def test_merging_moves_everything_and_what_comes_later_follows(world):
    server, api, channel, receiver, a, b = two(world)
    screen = Events(api)
    api.post(f"conversations/{b}/messages", {"kind": "note", "text": "a note in beta"})
    api.patch(f"conversations/{b}", {"tags": ["beta"], "priority": "high"})
    into = api.call("POST", f"conversations/{a}/merge", {"from_id": b}, expect=200)
    assert into["id"] == a and into["tags"] == ["beta"] and into["priority"] == "high" and into["message_count"] == 2 and into["unread"] == 2
    assert texts(api, a) == ["first about alpha", "second about beta", "a note in beta"] and texts(api, b) == []
    gone = api.get(f"conversations/{b}")
    assert gone["merged_into"] == a and gone["status"] == "closed"
    assert [c["id"] for c in api.conversations("is:any")] == [a]
    counts = api.get("counts")
    assert (counts["open"], counts["closed"], counts["unanswered"]) == (1, 0, 1)
    screen.wait(lambda f: f["event"] == "conversation" and f["json"]["id"] == b and f["json"]["merged_into"] == a)
    screen.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "second about beta" and f["json"]["conversation_id"] == a)
    assert any(h["kind"] == "conversation.merged" and h["data"]["other"] == b and h["agent"]["name"] == "Ada" for h in api.get(f"conversations/{a}/happenings")["items"])
    # Found by its words where it now lives.
    until(lambda: [c["id"] for c in api.conversations("beta", sort="newest")] == [a], 8, "the index knowing")
    assert [c["id"] for c in api.conversations("has:note")] == [a]
    # What the customer writes in the old thread comes here, and the answer goes back by that way.
    channel.customer("more about beta", id="b2", thread="tb", author="u1", name="Kim")
    until(lambda: "more about beta" in texts(api, a), what="the later message here")
    api.post(f"conversations/{a}/messages", {"kind": "reply", "text": "answer to beta"})
    sent = until(lambda: receiver.sent())[0]
    assert sent["thread"] == "tb"
    channel.customer("and alpha again", id="a2", thread="ta", author="u1", name="Kim", at=time.time() + 1)
    until(lambda: "and alpha again" in texts(api, a))
    api.post(f"conversations/{a}/messages", {"kind": "reply", "text": "answer to alpha"})
    until(lambda: len(receiver.sent()) == 2)
    assert receiver.sent()[1]["thread"] == "ta"
    # Edits and receipts of the moved ones still find them.
    channel.post({"type": "message.edited", "id": "b1", "thread": "tb", "text": "second about gamma", "at": "2030-01-01T00:00:00Z"})
    until(lambda: "second about gamma" in texts(api, a))
    assert api.call("PATCH", f"conversations/{b}", {"status": "open"}).status == 409
    assert api.call("POST", f"conversations/{b}/messages", {"kind": "note", "text": "x"}).status == 409

    back = api.call("POST", f"conversations/{b}/unmerge", {}, expect=200)
    assert back["id"] == b and back["merged_into"] is None and back["status"] == "open" and back["tags"] == ["beta"] and back["priority"] == "high"
    assert sorted(texts(api, b)) == sorted(["second about gamma", "a note in beta", "more about beta", "answer to beta"])
    assert sorted(texts(api, a)) == sorted(["first about alpha", "and alpha again", "answer to alpha"])
    first = api.get(f"conversations/{a}")
    assert first["tags"] == [] and first["priority"] == "normal" and first["message_count"] == 3 and first["waiting_since"] is None
    assert api.get("counts")["open"] == 2
    channel.customer("beta for itself", id="b3", thread="tb", author="u1", name="Kim")
    until(lambda: "beta for itself" in texts(api, b))
    until(lambda: [c["id"] for c in api.conversations("gamma", sort="newest")] == [b], 8, "the index knowing")


def test_what_waits_to_leave_moves_along_in_order(world):
    server, api, channel, receiver, a, b = two(world)
    receiver.answer = lambda *_: (503, b"{}")
    for n in range(3):
        api.post(f"conversations/{b}/messages", {"kind": "reply", "text": f"answer {n}"})
    api.call("POST", f"conversations/{a}/merge", {"from_id": b}, expect=200)
    receiver.answer = None
    until(lambda: len({s["text"] for s in receiver.sent()}) == 3 and all(m["send_state"] == "sent" for m in api.messages(a) if m["direction"] == "out"), 40, "all leaving")
    last = [s["text"] for s in receiver.sent()]
    assert [t for i, t in enumerate(last) if t not in last[:i]] == ["answer 0", "answer 1", "answer 2"]
    assert all(s["thread"] == "tb" for s in receiver.sent())
    assert api.get(f"conversations/{a}")["waiting_since"] is not None or api.get(f"conversations/{a}")["status"] == "open"


def test_splitting_begins_a_conversation_and_merging_takes_it_back(world):
    server, api, channel, receiver, a, b = two(world)
    now = time.time()
    for n, text in enumerate(["still alpha", "now the invoice", "invoice please"]):
        channel.customer(text, id=f"s{n}", thread="ta", author="u1", name="Kim", at=now + n)
    until(lambda: len(texts(api, a)) == 4)
    cut = next(m["id"] for m in api.messages(a) if m["text"] == "now the invoice")
    fresh = api.call("POST", f"conversations/{a}/split", {"message_id": cut}, expect=201)
    c = fresh["id"]
    assert texts(api, a) == ["first about alpha", "still alpha"] and texts(api, c) == ["now the invoice", "invoice please"]
    assert fresh["contact"]["name"] == "Kim" and fresh["status"] == "open" and fresh["waiting_since"] and fresh["message_count"] == 2 and fresh["unread"] == 2
    old = api.get(f"conversations/{a}")
    assert (old["message_count"], old["unread"]) == (2, 2) and old["preview"] == "still alpha"
    assert api.get("counts")["open"] == 3
    channel.customer("any news of the invoice?", id="s9", thread="ta", author="u1", name="Kim", at=now + 9)
    until(lambda: "any news of the invoice?" in texts(api, c), what="the new one getting what comes")
    api.post(f"conversations/{c}/messages", {"kind": "reply", "text": "here it is"})
    assert until(lambda: receiver.sent())[0]["thread"] == "ta"
    # Split once more, and the first part can still be answered.
    again = next(m["id"] for m in api.messages(c) if m["text"] == "any news of the invoice?")
    d = api.call("POST", f"conversations/{c}/split", {"message_id": again}, expect=201)["id"]
    api.post(f"conversations/{c}/messages", {"kind": "reply", "text": "about the first part"})
    until(lambda: len(receiver.sent()) == 2)
    assert receiver.sent()[1]["thread"] == "ta"
    for whole in (d, c):
        api.call("POST", f"conversations/{a}/merge", {"from_id": whole}, expect=200)
    assert len(texts(api, a)) == 7
    channel.customer("all together", id="s10", thread="ta", author="u1", name="Kim", at=now + 20)
    until(lambda: "all together" in texts(api, a))
    assert api.get("counts")["open"] == 2


def test_a_part_without_a_customer_is_answered_in_the_networks_thread_and_an_older_part_comes_back_whole(world):
    server, api, channel, receiver, a, b = two(world)
    note = api.post(f"conversations/{a}/messages", {"kind": "note", "text": "only a note"})["id"]
    c = api.call("POST", f"conversations/{a}/split", {"message_id": note}, expect=201)["id"]
    api.post(f"conversations/{c}/messages", {"kind": "reply", "text": "from the new part"})
    assert until(lambda: receiver.sent())[0]["thread"] == "ta"
    # The older part goes into the newer one and comes back: the newer one keeps its own and its thread.
    api.call("POST", f"conversations/{c}/merge", {"from_id": a}, expect=200)
    api.call("POST", f"conversations/{a}/unmerge", {}, expect=200)
    assert texts(api, a) == ["first about alpha"] and sorted(texts(api, c)) == ["from the new part", "only a note"]
    channel.customer("further", id="f1", thread="ta", author="u1", name="Kim", at=time.time() + 5)
    until(lambda: "further" in texts(api, c))
    api.post(f"conversations/{a}/messages", {"kind": "reply", "text": "from the old part"})
    assert until(lambda: len(receiver.sent()) == 2 and receiver.sent())[1]["thread"] == "ta"


def test_what_cannot_be_merged_or_split_is_refused(world):
    server, api, channel, receiver, a, b = two(world)
    other = api.messages(b)[0]["id"]
    viewer = server.api("viewer@example.com", "viewer")
    agent = server.api("agent@example.com", "agent")
    assert viewer.call("POST", f"conversations/{a}/merge", {"from_id": b}).status == 403
    assert api.call("POST", f"conversations/{a}/merge", {"from_id": a}).json["errors"][0]["field"] == "from_id"
    assert api.call("POST", f"conversations/{a}/merge", {"from_id": 987654}).status == 404
    assert api.call("POST", f"conversations/{a}/unmerge", {}).status == 409
    assert api.call("POST", f"conversations/{a}/split", {"message_id": other}).json["errors"][0]["field"] == "message_id"
    assert api.call("POST", f"conversations/{a}/split", {"message_id": api.messages(a)[0]["id"]}).json["errors"][0]["code"] == "first"
    hidden = Channel(api, "Hidden")
    hidden.customer("hidden", thread="th", author="u9")
    h = until(lambda: api.conversations(f"channel:{hidden.id}"))[0]["id"]
    api.patch(f"agents/{agent.get('me')['id']}", {"all_channels": False, "channel_ids": [channel.id]})
    for call in (("POST", f"conversations/{a}/merge", {"from_id": h}), ("POST", f"conversations/{h}/merge", {"from_id": a}), ("POST", f"conversations/{a}/links", {"conversation_id": h})):
        assert agent.call(*call).status == 404
    api.call("POST", f"conversations/{a}/merge", {"from_id": b}, expect=200)
    assert api.call("POST", f"conversations/{a}/merge", {"from_id": b}).status == 409
    # On into a third: backwards only in turn.
    api.call("POST", f"conversations/{h}/merge", {"from_id": a}, expect=200)
    assert api.call("POST", f"conversations/{b}/unmerge", {}).status == 409
    channel.customer("through two", id="z", thread="tb", author="u1")
    until(lambda: "through two" in texts(api, h))
    assert api.call("POST", f"conversations/{a}/unmerge", {}).status == 200
    assert api.call("POST", f"conversations/{b}/unmerge", {}).status == 200
    assert "through two" in texts(api, b) and texts(api, h) == ["hidden"]


def test_links_lead_both_ways(world):
    server, api, channel, receiver, a, b = two(world)
    for _ in range(2):
        assert api.call("POST", f"conversations/{a}/links", {"conversation_id": b}).status == 204
    assert [c["id"] for c in api.get(f"conversations/{a}/links")["items"]] == [b]
    assert [c["id"] for c in api.get(f"conversations/{b}/links")["items"]] == [a]
    assert [h["kind"] for h in api.get(f"conversations/{b}/happenings")["items"]].count("conversation.linked") == 1
    assert api.call("POST", f"conversations/{a}/links", {"conversation_id": a}).status == 422
    assert api.call("DELETE", f"conversations/{b}/links/{a}").status == 204
    assert api.get(f"conversations/{a}/links")["items"] == []


def test_answers_for_later_come_back_with_what_was_merged_by_mistake(world):
    server, api, channel, receiver, a, b = two(world)
    later = time.time() + 3600
    for conversation, text in ((a, "for alpha"), (b, "for beta")):
        for route in (0, -1):
            api.post(f"conversations/{conversation}/scheduled", {"text": f"{text} {route}", "send_at": iso(later), "route_id": route})
    planned = lambda id: sorted(s["text"] for s in api.get(f"conversations/{id}/scheduled")["items"])
    api.call("POST", f"conversations/{a}/merge", {"from_id": b}, expect=200)
    assert len(planned(a)) == 4 and planned(b) == []
    checked = subprocess.run([BINARY, "doctor", *server.database_args()], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    api.call("POST", f"conversations/{b}/unmerge", {}, expect=200)
    assert planned(a) == ["for alpha -1", "for alpha 0"] and planned(b) == ["for beta -1", "for beta 0"]
    for one in api.get(f"conversations/{b}/scheduled")["items"]:
        api.post(f"scheduled/{one['id']}/send")
    until(lambda: len(receiver.sent()) == 2)
    assert {s["thread"] for s in receiver.sent()} == {"tb"}
