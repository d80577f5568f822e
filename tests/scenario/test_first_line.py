# SPDX-License-Identifier: AGPL-3.0-or-later
"""One question goes all the way: in by a signed webhook, onto a live screen, answered, out, closed."""
from lib.heed import Channel, Events, until


def test_a_question_reaches_an_open_screen_and_its_answer_the_customer(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    screen = Events(api)

    channel.customer("Where is my order? 주문이 어디 있나요?", name="박서연")

    frame = screen.wait(lambda f: f["event"] == "conversation" and "주문" in f["json"]["preview"])
    conversation = frame["json"]["id"]
    assert frame["json"]["contact"]["name"] == "박서연"
    assert frame["json"]["waiting_since"]
    listed = api.conversations("is:unanswered")
    assert [c["id"] for c in listed] == [conversation]
    assert api.get("counts")["unanswered"] == 1

    sent = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "On its way!"})
    assert sent["send_state"] in ("queued", "sending", "sent")
    delivered = until(receiver.sent, what="delivery")
    assert [d["text"] for d in delivered] == ["On its way!"]
    assert delivered[0]["id"] == str(sent["id"])
    screen.wait(lambda f: f["event"] == "message" and f["json"]["id"] == sent["id"] and f["json"]["send_state"] == "sent")
    assert api.conversations("is:unanswered") == []

    closed = api.patch(f"conversations/{conversation}", {"status": "closed"})
    assert closed["status"] == "closed"
    channel.customer("Thank you, one more thing", id="m2")
    until(lambda: api.get(f"conversations/{conversation}")["status"] == "open", what="reopening")


def test_notes_stay_inside(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    channel.customer("Hello")
    conversation = until(lambda: api.conversations())[0]["id"]

    note = api.post(f"conversations/{conversation}/messages", {"kind": "note", "text": "VIP, be kind"})

    assert note["kind"] == "note"
    assert api.get(f"conversations/{conversation}")["waiting_since"]
    api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "Hi"})
    until(receiver.sent)
    assert [d["text"] for d in receiver.sent()] == ["Hi"]
