# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writing together: drafts, undo, answers for later, mentions, who was asked in, ways out of a conversation."""
import time

from lib.heed import Api, Channel, Events, iso, until


def begun(world, **settings):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api(name="Ada")
    channel = Channel(api, deliver_url=receiver.url)
    if settings:
        api.patch(f"channels/{channel.id}", {"settings": settings})
    channel.customer("Where is my order?", id="m1")
    conversation = until(lambda: api.conversations())[0]["id"]
    return server, api, channel, receiver, conversation


def reply(api, conversation, text, **more):
    return api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": text, **more})


def state_of(api, conversation, message):
    return next(m for m in api.messages(conversation) if m["id"] == message)["send_state"]


def colleague(server, name, role="agent"):
    return server.api(f"{name.lower()}@example.com", role, name=name)


def test_an_answer_can_be_taken_back_while_it_waits_and_never_afterwards(world):
    _, api, _, receiver, conversation = begun(world)
    sent = reply(api, conversation, "Oops", undo_s=20)
    assert sent["send_state"] == "queued" and sent["undo_until"]
    assert api.get(f"conversations/{conversation}")["waiting_since"] is None

    draft = api.post(f"messages/{sent['id']}/undo", expect=200)
    assert draft["text"] == "Oops" and draft["kind"] == "reply"
    gone = next(m for m in api.messages(conversation) if m["id"] == sent["id"])
    assert gone["send_state"] == "cancelled" and gone["deleted_at"] and gone["text"] == ""
    assert api.get(f"conversations/{conversation}")["waiting_since"], "the customer waits again"
    assert api.call("POST", f"messages/{sent['id']}/undo").status == 409

    quick = reply(api, conversation, "On its way", undo_s=1)
    until(lambda: receiver.sent(), what="the answer leaving")
    assert [m["text"] for m in receiver.sent()] == ["On its way"]
    until(lambda: state_of(api, conversation, quick["id"]) == "sent")
    assert api.call("POST", f"messages/{quick['id']}/undo").status == 409
    assert [m["text"] for m in receiver.sent()] == ["On its way"]


def test_undo_and_the_sender_at_the_same_moment_end_in_one_of_the_two(world):
    _, api, channel, receiver, conversation = begun(world)
    outcomes = set()
    for turn in range(6):
        channel.customer("?", thread=f"race{turn}", id=f"race{turn}")
        place = until(lambda: [c for c in api.conversations("is:open") if c["preview"] == "?" and c["waiting_since"]])[0]["id"]
        sent = reply(api, place, f"race {turn}", undo_s=1)
        time.sleep(max(0, 0.9 + turn * 0.05))
        undone = api.call("POST", f"messages/{sent['id']}/undo").status == 200
        until(lambda: state_of(api, place, sent["id"]) in ("sent", "cancelled"), what="an end")
        if undone:
            time.sleep(0.3)
        left = any(m["text"] == f"race {turn}" for m in receiver.sent())
        assert left != undone, f"turn {turn}: left {left}, undone {undone}"
        outcomes.add(undone)
    assert outcomes, "nothing was tried"


def test_a_draft_is_the_same_on_all_devices_and_gone_once_sent(world):
    server, api, _, _, conversation = begun(world)
    screen = Events(api)
    kept = api.call("PUT", f"conversations/{conversation}/drafts/reply", {"text": "Dear Kim"}, expect=200)
    assert kept["version"] == 1 and kept["agent"]["name"] == "Ada"
    told = screen.wait(lambda f: f["event"] == "draft")["json"]
    assert told["conversation_id"] == conversation and told["version"] == 1 and "Dear" not in str(told)
    api.call("PUT", f"conversations/{conversation}/drafts/reply", {"text": "Dear Kim,"}, expect=200)
    assert [d["text"] for d in api.get(f"conversations/{conversation}/drafts")["items"]] == ["Dear Kim,"]

    ben = colleague(server, "Ben")
    assert ben.get(f"conversations/{conversation}/drafts")["items"] == [], "what is not shared is nobody's"
    reply(api, conversation, "Dear Kim, here it is")
    assert api.get(f"conversations/{conversation}/drafts")["items"] == []
    screen.wait(lambda f: f["event"] == "draft" and f["json"]["version"] == 0)
    api.call("PUT", f"conversations/{conversation}/drafts/poem", {"text": "x"}, expect=404)


def test_a_shared_draft_can_be_taken_over_once(world):
    server, api, _, receiver, conversation = begun(world)
    ben, cleo = colleague(server, "Ben"), colleague(server, "Cleo")
    screen = Events(ben)
    api.call("PUT", f"conversations/{conversation}/drafts/reply", {"text": "Half of an answer", "shared": True}, expect=200)
    screen.wait(lambda f: f["event"] == "draft" and f["json"]["shared"])
    shared = ben.get(f"conversations/{conversation}/drafts")["items"]
    assert [(d["agent"]["name"], d["text"], d["shared"]) for d in shared] == [("Ada", "Half of an answer", True)]

    ben.call("PUT", f"conversations/{conversation}/drafts/reply", {"text": "my own"}, expect=200)
    me = shared[0]["agent"]["id"]
    refused = ben.call("POST", f"conversations/{conversation}/drafts/reply/take", {"agent_id": me})
    assert refused.status == 409 and refused.json["errors"][0]["code"] == "own_draft"
    taken = ben.post(f"conversations/{conversation}/drafts/reply/take", {"agent_id": me, "replace": True}, expect=200)
    assert taken["text"] == "Half of an answer" and taken["agent"]["name"] == "Ben" and not taken["shared"]
    assert cleo.call("POST", f"conversations/{conversation}/drafts/reply/take", {"agent_id": me}).status == 404
    assert api.get(f"conversations/{conversation}/drafts")["items"] == []


def test_an_answer_for_later_goes_out_at_its_moment(world):
    _, api, _, receiver, conversation = begun(world)
    screen = Events(api)
    made = api.post(f"conversations/{conversation}/scheduled", {"text": "Good morning", "send_at": iso(time.time() + 3)})
    assert made["state"] == "waiting"
    screen.wait(lambda f: f["event"] == "scheduled" and f["json"]["conversation_id"] == conversation)
    assert api.get(f"conversations/{conversation}")["waiting_since"], "it does not answer before it is sent"
    assert receiver.sent() == []
    until(lambda: receiver.sent(), what="the answer leaving")
    assert receiver.sent()[0]["text"] == "Good morning"
    assert api.get(f"conversations/{conversation}/scheduled")["items"] == []
    assert api.get(f"conversations/{conversation}")["waiting_since"] is None

    later = api.post(f"conversations/{conversation}/scheduled", {"text": "Later", "send_at": iso(time.time() + 3600)})
    changed = api.patch(f"scheduled/{later['id']}", {"text": "Later still", "send_at": iso(time.time() + 7200)})
    assert changed["text"] == "Later still" and changed["version"] == 2
    api.post(f"scheduled/{later['id']}/send")
    until(lambda: len(receiver.sent()) == 2)
    assert receiver.sent()[1]["text"] == "Later still"

    third = api.post(f"conversations/{conversation}/scheduled", {"text": "Never", "send_at": iso(time.time() + 3600)})
    api.delete(f"scheduled/{third['id']}")
    assert api.call("DELETE", f"scheduled/{third['id']}").status == 404
    past = api.call("POST", f"conversations/{conversation}/scheduled", {"text": "Past", "send_at": iso(time.time() - 10)})
    assert past.status == 422 and past.json["errors"][0]["field"] == "send_at"


def test_an_answer_for_later_stops_when_the_customer_writes_first(world):
    _, api, channel, receiver, conversation = begun(world)
    made = api.post(f"conversations/{conversation}/scheduled",
                    {"text": "Are you there?", "send_at": iso(time.time() + 2), "cancel_if_customer_writes": True})
    channel.customer("It came!", id="m2")
    stopped = until(lambda: [s for s in api.get(f"conversations/{conversation}/scheduled")["items"] if s["state"] == "stopped"])
    assert stopped[0]["id"] == made["id"] and "customer" in stopped[0]["error"]
    assert receiver.sent() == []


def test_two_colleagues_do_not_answer_the_same_question_unwarned(world):
    server, api, _, receiver, conversation = begun(world)
    ben = colleague(server, "Ben")
    seen = api.messages(conversation)[-1]["id"]
    reply(ben, conversation, "It leaves today", seen_message_id=seen)
    refused = api.call("POST", f"conversations/{conversation}/messages", {"kind": "reply", "text": "Tomorrow!", "seen_message_id": seen})
    assert refused.status == 409 and refused.json["errors"][0]["code"] == "answered_meanwhile" and "Ben" in refused.json["detail"]
    reply(api, conversation, "Tomorrow, sorry")  # send anyway

    seen = api.messages(conversation)[-1]["id"]
    ben.post("presence", {"conversation_id": conversation, "typing": True}, expect=204)
    refused = api.call("POST", f"conversations/{conversation}/messages", {"kind": "reply", "text": "Hm", "seen_message_id": seen})
    assert refused.status == 409 and refused.json["errors"][0]["code"] == "being_answered"
    ben.post("presence", {"conversation_id": conversation, "typing": True, "kind": "note"}, expect=204)
    reply(api, conversation, "Hm", seen_message_id=seen)


def test_a_note_names_colleagues_and_is_found_by_them(world):
    server, api, _, _, conversation = begun(world)
    ben, carol = colleague(server, "Ben"), colleague(server, "Carol", "collaborator")
    ben_id, carol_id = ben.get("me")["id"], carol.get("me")["id"]
    assert carol.call("POST", f"conversations/{conversation}/messages", {"kind": "note", "text": "Hello"}).status == 403
    note = api.post(f"conversations/{conversation}/messages", {"kind": "note", "text": "@Ben @Carol look", "mentions": [ben_id, carol_id]})
    assert sorted(note["mentions"]) == sorted([ben_id, carol_id])
    assert [c["id"] for c in ben.conversations("mentions:me")] == [conversation]
    assert [c["id"] for c in api.conversations("mentions:ben@example.com")] == [conversation]
    assert api.conversations("mentions:me") == []
    assert carol.post(f"conversations/{conversation}/messages", {"kind": "note", "text": "I am in now"})["kind"] == "note"
    assert [c["agent"]["id"] for c in api.get(f"conversations/{conversation}/collaborators")["items"]] == [carol_id]

    unknown = api.call("POST", f"conversations/{conversation}/messages", {"kind": "note", "text": "@X", "mentions": [99999]})
    assert unknown.status == 422 and unknown.json["errors"][0]["field"] == "mentions.0"
    api.delete(f"messages/{note['id']}", expect=200)
    assert ben.conversations("mentions:me") == []


def test_collaborators_write_only_where_they_were_asked_in(world):
    server, api, channel, _, conversation = begun(world)
    channel.customer("Another", thread="t2", id="n1")
    other = until(lambda: [c["id"] for c in api.conversations() if c["id"] != conversation])[0]
    carol = colleague(server, "Carol", "collaborator")
    who = carol.get("me")["id"]
    api.post(f"conversations/{conversation}/collaborators", {"agent_id": who}, expect=204)
    carol.post(f"conversations/{conversation}/messages", {"kind": "note", "text": "Hello"})
    assert carol.call("POST", f"conversations/{other}/messages", {"kind": "note", "text": "Hello"}).status == 403
    assert carol.call("PUT", f"conversations/{other}/drafts/note", {"text": "Hello"}).status == 403
    assert carol.call("POST", f"conversations/{other}/collaborators", {"agent_id": who}).status == 403
    api.delete(f"conversations/{conversation}/collaborators/{who}")
    assert carol.call("POST", f"conversations/{conversation}/messages", {"kind": "note", "text": "Hello"}).status == 403


def test_handing_over_is_one_step_with_a_summary(world):
    server, api, _, _, conversation = begun(world)
    ben = colleague(server, "Ben")
    who = ben.get("me")["id"]
    note = api.post(f"conversations/{conversation}/hand-over", {"agent_id": who, "summary": "Wants a refund, has a receipt"})
    assert note["kind"] == "note" and note["text"].startswith("Wants a refund")
    assert api.get(f"conversations/{conversation}")["assignee"]["id"] == who
    refused = api.call("POST", f"conversations/{conversation}/hand-over", {"agent_id": 99999, "summary": "x"})
    assert refused.status == 422 and refused.json["errors"][0]["field"] in ("agent_id", "assignee_id")
    assert [m["text"] for m in api.messages(conversation) if m["kind"] == "note"] == ["Wants a refund, has a receipt"]


def test_a_signature_stands_below_once_and_only_where_the_channel_allows(world):
    _, api, channel, receiver, conversation = begun(world)
    api.patch("me", {"signature": "Ada, the shop"})
    assert reply(api, conversation, "Hello")["text"] == "Hello"
    api.patch(f"channels/{channel.id}", {"settings": {"signature": True}})
    assert reply(api, conversation, "Hello")["text"] == "Hello\n\nAda, the shop"
    assert reply(api, conversation, "Hello\n\nAda, the shop")["text"] == "Hello\n\nAda, the shop"
    assert reply(api, conversation, "Hello", without_signature=True)["text"] == "Hello"
    way = api.get(f"conversations/{conversation}/ways")["items"][0]
    assert way["signs"] and way["can_reply"] and way["current"]


def test_after_the_reply_window_an_answer_is_refused_with_the_reason(world):
    _, api, channel, _, conversation = begun(world, reply_window_hours=1)
    assert api.get(f"conversations/{conversation}/ways")["items"][0]["reply_until"]
    reply(api, conversation, "In time")
    channel.customer("Long ago", thread="old", id="o1", at=time.time() - 7200)
    old = until(lambda: [c["id"] for c in api.conversations() if c["preview"] == "Long ago"])[0]
    refused = api.call("POST", f"conversations/{old}/messages", {"kind": "reply", "text": "Too late"})
    assert refused.status == 409 and refused.json["errors"][0]["code"] == "window_closed"
    way = api.get(f"conversations/{old}/ways")["items"][0]
    assert not way["can_reply"] and way["problem"]
    bad = api.call("PATCH", f"channels/{channel.id}", {"settings": {"reply_window_hours": "x"}})
    assert bad.status == 422 and bad.json["errors"][0]["field"] == "settings.reply_window_hours"


def test_an_own_answer_is_edited_on_the_network_and_its_texts_are_kept(world):
    _, api, _, receiver, conversation = begun(world)
    sent = reply(api, conversation, "It leavs today")
    until(lambda: state_of(api, conversation, sent["id"]) == "sent")
    edited = api.patch(f"messages/{sent['id']}", {"text": "It leaves today"})
    assert edited["text"] == "It leaves today" and edited["edited_at"]
    order = until(lambda: [r["json"] for r in receiver.requests if r["json"] and r["json"]["type"] == "message.edit"])[0]
    assert order["target"] == f"r-{sent['id']}" and order["text"] == "It leaves today"
    assert [v["text"] for v in api.get(f"messages/{sent['id']}/versions")["items"]] == ["It leavs today"]

    receiver.answer = lambda r: (400, {}, '{"detail": "No edits here"}') if r["json"] and r["json"]["type"] == "message.edit" else None
    api.patch(f"messages/{sent['id']}", {"text": "Something else"})
    back = until(lambda: next((m for m in api.messages(conversation) if m["id"] == sent["id"] and m["text"] == "It leaves today" and m["error"]), None))
    assert "No edits here" in back["error"]
    theirs = api.messages(conversation)[0]["id"]
    assert api.call("PATCH", f"messages/{theirs}", {"text": "x"}).status == 403


def test_we_write_first_and_the_answer_comes_into_the_same_conversation(world):
    _, api, channel, receiver, _ = begun(world)
    made = api.post("conversations", {"channel_id": channel.id, "address": "u77", "name": "Nora New", "text": "Your parcel is back"})
    assert made["contact"]["name"] == "Nora New" and made["waiting_since"] is None and made["assignee"]["name"] == "Ada"
    order = until(lambda: receiver.sent())[-1]
    assert order["to"] == "u77" and order["thread"].startswith("heed-") and order["text"] == "Your parcel is back"
    channel.customer("Thanks, send it again", thread=order["thread"], id="n1", author="u77", name="Nora New")
    until(lambda: api.get(f"conversations/{made['id']}")["waiting_since"], what="the answer coming into it")
    assert [m["text"] for m in api.messages(made["id"])] == ["Your parcel is back", "Thanks, send it again"]
    assert len(api.get(f"conversations/{made['id']}/ways")["items"]) == 1
    for body, field in (({"channel_id": 99999, "address": "u", "text": "x"}, "channel_id"),
                        ({"channel_id": channel.id, "address": " ", "text": "x"}, "address")):
        refused = api.call("POST", "conversations", body)
        assert refused.status == 422 and refused.json["errors"][0]["field"] == field, refused


def test_a_conversation_moves_to_another_channel_and_stays_one(world):
    server, api, channel, receiver, conversation = begun(world)
    second = Channel(api, deliver_url=receiver.url)
    way = api.post(f"conversations/{conversation}/ways", {"channel_id": second.id, "address": "kim@example.com"})
    assert way["route_id"] > 0 and way["visibility"] == "private" and way["address"] == "kim@example.com"
    moved = reply(api, conversation, "Let us go on here", route_id=way["route_id"])
    assert moved["channel_id"] == second.id and moved["route_id"] == way["route_id"]
    order = until(lambda: receiver.sent())[-1]
    assert order["to"] == "kim@example.com"
    second.customer("Here I am", thread=order["thread"], id="k1", author="kim", name="Kim")
    until(lambda: any(m["text"] == "Here I am" for m in api.messages(conversation)), what="the answer in the same conversation")
    assert len(api.conversations()) == 1, "it stays one conversation"
    by_itself = reply(api, conversation, "Good")
    assert by_itself["route_id"] == way["route_id"], "an answer goes the way the customer wrote last"
    back = reply(api, conversation, "And here too", route_id=0)
    assert back["channel_id"] == channel.id
    until(lambda: {m["thread"] for m in receiver.sent() if m["text"] in ("Good", "And here too")} == {order["thread"], "t1"})
    until(lambda: state_of(api, conversation, by_itself["id"]) == "sent")
    second.post({"type": "receipt.read", "id": f"r-{by_itself['id']}", "thread": order["thread"], "at": iso()})
    until(lambda: state_of(api, conversation, by_itself["id"]) == "read", what="a receipt by that way")
    refused = api.call("POST", f"conversations/{conversation}/messages", {"kind": "reply", "text": "x", "route_id": 4711})
    assert refused.status == 422 and refused.json["errors"][0]["field"] == "route_id"


def test_what_the_clock_sends_leaves_alone_what_is_being_written(world):
    _, api, _, receiver, conversation = begun(world)
    api.post(f"conversations/{conversation}/scheduled", {"text": "Good morning", "send_at": iso(time.time() + 3)})
    api.call("PUT", f"conversations/{conversation}/drafts/reply", {"text": "Something else"}, expect=200)
    until(lambda: receiver.sent(), what="the answer leaving")
    assert [d["text"] for d in api.get(f"conversations/{conversation}/drafts")["items"]] == ["Something else"]
