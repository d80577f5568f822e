# SPDX-License-Identifier: AGPL-3.0-or-later
"""Logged telephone calls, and call-backs that bring a conversation back."""
import time

from lib.heed import Channel, Events, iso, until

MINUTE = 60_000


def desk(world, **options):
    server = world(**options)
    ada = server.api(name="Ada")
    phone = ada.post("channels", {"kind": "phone", "name": "Hotline", "settings": {"country": "EE"}})
    assert phone["state"] == "active", "nothing to connect"
    return server, ada, phone["id"]


def call(api, phone, number=None, direction="in", result="reached", **more):
    body = {"channel_id": phone, "direction": direction, "result": result, **more}
    if number:
        body["number"] = number
    return api.post("calls", body)


def of(api, conversation):
    return api.get(f"conversations/{conversation}")


def ago(minutes):
    return iso(time.time() - minutes * 60)


def at(ms):
    return iso(ms / 1000)


def later(server, ms):
    server.stop()
    server.env["HEED_TEST_CLOCK_MS"] = str(ms)
    server.start()


def pinged(api, kind="callback"):
    return [p for p in api.get("pings")["items"] if p["kind"] == kind and not p["seen_at"]]


def healthy(server):
    assert "broken" not in server.command("doctor").stdout.lower()


def test_one_number_is_one_customer_however_it_is_written(world):
    server, ada, phone = desk(world)
    first = call(ada, phone, "512 3456", name="Mari", text="Asked for an invoice", seconds=95)
    assert first["call"] == {"result": "reached", "number": "+3725123456", "seconds": 95}
    assert (first["author"]["kind"], first["author"]["name"]) == ("customer", "Mari")
    assert first["direction"] == "in" and first["send_state"] is None
    second = call(ada, phone, "+372 (0)512-3456", direction="out", result="missed")
    assert second["conversation_id"] == first["conversation_id"] and second["author"]["name"] == "Ada"
    c = of(ada, first["conversation_id"])
    assert (c["contact"]["name"], c["contact"]["handle"], c["channel_kind"]) == ("Mari", "+3725123456", "phone")
    assert c["assignee"]["name"] == "Ada", "who took a new customer's call has it"
    other = ada.post("channels", {"kind": "phone", "name": "Second line", "settings": {"country": "FI"}})["id"]
    third = call(ada, other, "00372 512 3456")
    assert third["conversation_id"] != first["conversation_id"], "another channel, another conversation"
    assert third["author"]["id"] == first["author"]["id"], "and the same person"
    identities = ada.get(f"contacts/{first['author']['id']}")["identities"]
    assert [(i["kind"], i["external_id"]) for i in identities] == [("phone", "+3725123456")]
    assert {c["id"] for c in ada.conversations("channel:phone has:call")} == {first["conversation_id"], third["conversation_id"]}
    assert ada.conversations("has:reply") == [], "a call is no written answer"
    server.stop()
    healthy(server)


def test_what_is_wrong_with_a_call_is_said_by_field(world):
    _, ada, phone = desk(world)
    custom = Channel(ada)

    def refused(field, code=None, **body):
        answer = ada.call("POST", "calls", {"channel_id": phone, "direction": "in", "result": "reached", "number": "5123456", **body})
        assert answer.status == 422, answer
        error = answer.json["errors"][0]
        assert error["field"] == field and code in (None, error["code"]), error

    refused("number", "invalid", number="5123x")
    refused("number", "invalid", number="112")
    refused("number", "required", number=" ")
    refused("number", "invalid", number="+0 123 456 789")
    refused("channel_id", "not_possible", channel_id=custom.id)
    refused("channel_id", "unknown", channel_id=99999)
    refused("direction", direction="sideways")
    refused("result", result="busy")
    refused("seconds", result="missed", seconds=4)
    refused("at", "in_the_future", at=iso(time.time() + 3600))
    refused("at", "too_old", at=iso(time.time() - 3 * 366 * 86400))
    refused("callback.due_at", "in_the_past", callback={"due_at": ago(5)})
    refused("callback.agent_id", "unknown", callback={"due_at": iso(time.time() + 3600), "agent_id": 999})
    refused("callback.team_id", "unknown", callback={"due_at": iso(time.time() + 3600), "team_id": 999})
    assert ada.conversations() == [], "nothing is left of what was refused"
    for settings, field in (({"country": "XX"}, "settings.country"), ({}, "settings.country"), ({"country": "EE", "number": "12"}, "settings.number")):
        answer = ada.call("POST", "channels", {"kind": "phone", "name": "X", "settings": settings})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == field, answer
    answer = ada.call("POST", f"conversations/{call(ada, phone, '5123456')['conversation_id']}/messages", {"kind": "reply", "text": "Hello"})
    assert answer.status == 409 and "log a call" in answer.json["detail"]


def test_a_call_answers_what_waited_by_its_time_and_only_when_both_spoke(world):
    server, ada, phone = desk(world)
    channel = Channel(ada)
    channel.customer("Where is my order?", id="m1", at=time.time() - 3600)
    c = until(lambda: ada.conversations())[0]["id"]
    number = "+3725123456"
    call(ada, phone, number, direction="out", result="missed", conversation_id=c)
    assert of(ada, c)["waiting_since"], "nobody was reached"
    call(ada, phone, number, direction="out", result="voicemail", conversation_id=c)
    assert of(ada, c)["waiting_since"]
    call(ada, phone, direction="out", conversation_id=c, at=ago(90))
    assert of(ada, c)["waiting_since"], "that call was before the question"
    reached = call(ada, phone, direction="out", conversation_id=c, at=ago(10), text="It leaves tomorrow")
    assert reached["call"]["number"] == ""
    now = of(ada, c)
    assert now["waiting_since"] is None and now["preview"] == "It leaves tomorrow" and now["message_count"] == 5
    status = ada.get("status")
    assert status["answered"] == 1 and 49 * MINUTE <= status["median_first_response_ms"] <= 51 * MINUTE
    contact = ada.get(f"contacts/{now['contact']['id']}")
    assert {i["kind"] for i in contact["identities"]} == {"custom", "phone"}, "the number is theirs from now on"
    # Taking the record back brings the wait back; only who logged it may.
    server.user("mai@example.com", "agent", name="Mai")
    mai = server.sign_in("mai@example.com")
    assert mai.call("DELETE", f"messages/{reached['id']}").status == 403
    assert mai.call("PATCH", f"messages/{reached['id']}", {"text": "x"}).status == 403
    assert ada.patch(f"messages/{reached['id']}", {"text": "It leaves today"})["text"] == "It leaves today"
    ada.call("DELETE", f"messages/{reached['id']}", expect=200)
    assert of(ada, c)["waiting_since"]
    # An answer in writing goes out the written way, whatever calls there were since.
    assert [w["channel_kind"] for w in ada.get(f"conversations/{c}/ways")["items"]] == ["custom"]
    call(ada, phone, number, conversation_id=c, result="missed")
    assert ada.post(f"conversations/{c}/messages", {"kind": "reply", "text": "Hello"})["route_id"] == 0
    server.stop()
    healthy(server)


def test_a_missed_call_waits_and_opens_what_was_closed(world):
    server, ada, phone = desk(world)
    c = call(ada, phone, "5123456")["conversation_id"]
    ada.patch(f"conversations/{c}", {"status": "closed"})
    call(ada, phone, "5123456", direction="out", result="voicemail")
    assert of(ada, c)["status"] == "closed", "what we did does not open it"
    call(ada, phone, "5123456", result="voicemail", text="Please call me")
    now = of(ada, c)
    assert now["status"] == "open" and now["waiting_since"] and now["unread"] == 0
    assert ada.get("counts")["unanswered"] == 1
    call(ada, phone, "5123456", at=iso())
    assert of(ada, c)["waiting_since"] is None, "they called again and spoke to us"
    server.stop()
    healthy(server)


def test_calls_follow_rights(world):
    server, ada, phone = desk(world)
    custom = Channel(ada)
    custom.customer("Hello")
    c = until(lambda: ada.conversations())[0]["id"]
    server.user("eve@example.com", "viewer", name="Eve")
    eve = server.sign_in("eve@example.com")
    assert eve.call("POST", "calls", {"channel_id": phone, "number": "5123456", "direction": "in", "result": "reached"}).status == 403
    assert eve.call("POST", f"conversations/{c}/callbacks", {"due_at": iso(time.time() + 60)}).status == 403
    mai = server.api("mai@example.com", "agent", name="Mai")
    ada.patch(f"agents/{mai.get('me')['id']}", {"all_channels": False, "channel_ids": [phone]})
    body = {"channel_id": phone, "direction": "out", "result": "reached", "conversation_id": c}
    assert mai.call("POST", "calls", body).status == 404, "a conversation she does not see"
    booked = ada.post(f"conversations/{c}/callbacks", {"due_at": iso(time.time() + 600)})
    assert mai.get("callbacks")["items"] == []
    assert mai.call("PATCH", f"callbacks/{booked['id']}", {"state": "done"}).status == 404
    assert mai.call("GET", f"conversations/{c}/callbacks").status == 404
    mine = call(mai, phone, "5999999")
    ada.patch(f"agents/{mai.get('me')['id']}", {"channel_ids": [custom.id]})
    assert mai.call("POST", "calls", {"channel_id": phone, "number": "5999999", "direction": "in", "result": "reached"}).status == 422
    assert mai.call("GET", f"conversations/{mine['conversation_id']}").status == 404


def test_a_call_back_brings_the_conversation_back_and_pings_who_is_to_call(world):
    start = int(time.time()) * 1000
    server, ada, phone = desk(world)
    mai = server.api("mai@example.com", "agent", name="Mai")
    mai_id = mai.get("me")["id"]
    due = start + 60 * MINUTE
    made = call(ada, phone, "5123456", result="voicemail", text="Call me after lunch",
                callback={"due_at": at(due), "agent_id": mai_id, "note": "Ask for Mari"})
    c = made["conversation_id"]
    now = of(ada, c)
    assert (now["status"], now["callback_at"], now["snoozed_until"], now["due_at"]) == ("snoozed", at(due), at(due), at(due))
    assert now["assignee"]["name"] == "Mai"
    listed = ada.get("callbacks")["items"]
    assert [(b["agent"]["name"], b["booked_by"]["name"], b["note"], b["state"], b["contact"]["handle"]) for b in listed] == \
        [("Mai", "Ada", "Ask for Mari", "booked", "+3725123456")]
    until(lambda: pinged(mai), what="Mai hears that she is to call")
    assert [x["id"] for x in ada.conversations("has:callback")] == [c] and ada.conversations("is:open") == []
    mai.post("pings/seen", {"all": True}, expect=204)

    later(server, 60 * MINUTE + 1000)
    until(lambda: of(ada, c)["status"] == "open", what="back when it is due")
    assert of(ada, c)["urgent_at"] and [x["id"] for x in ada.conversations("is:late")] == [c]
    until(lambda: pinged(mai), what="the ping at the moment")
    assert not pinged(ada)
    mai.post("pings/seen", {"all": True}, expect=204)

    later(server, 76 * MINUTE)
    until(lambda: pinged(ada), what="those who lead hear that it was missed")
    assert pinged(mai) and ada.get("callbacks")["items"][0]["missed_at"]
    kinds = [h["data"]["what"] for h in ada.get(f"conversations/{c}/happenings")["items"] if h["kind"] == "conversation.callback"]
    assert kinds == ["booked", "due", "missed"]

    reached = call(mai, phone, "5123456", direction="out", text="All settled")
    assert reached["conversation_id"] == c
    now = of(ada, c)
    assert (now["callback_at"], now["due_at"], now["waiting_since"], now["status"]) == (None, None, None, "open")
    assert ada.get("callbacks")["items"] == []
    assert [b["state"] for b in ada.get(f"conversations/{c}/callbacks")["items"]] == ["done"]
    server.stop()
    healthy(server)


def test_a_call_back_is_moved_given_on_and_called_off(world):
    server, ada, phone = desk(world)
    team = ada.post("teams", {"name": "Callers"})["id"]
    mai = server.api("mai@example.com", "agent", name="Mai")
    mai_id = mai.get("me")["id"]
    ada.patch(f"agents/{mai_id}", {"team_ids": [team]})
    c = call(ada, phone, "5123456")["conversation_id"]
    screen = Events(ada)
    soon, then = iso(time.time() + 3600), iso(time.time() + 7200)
    booked = ada.post(f"conversations/{c}/callbacks", {"due_at": soon, "team_id": team})
    assert (booked["agent"], booked["team"]["name"], booked["moves"]) == (None, "Callers", 0)
    until(lambda: pinged(mai), what="the team hears of it")
    assert of(ada, c)["assignee"] is None and of(ada, c)["team"]["name"] == "Callers"
    again = ada.post(f"conversations/{c}/callbacks", {"due_at": then, "agent_id": mai_id})
    assert (again["id"], again["moves"], again["agent"]["name"], again["team"]) == (booked["id"], 1, "Mai", None), "one at a time"
    assert screen.wait(lambda f: f["event"] == "conversation" and f["json"]["id"] == c and f["json"]["callback_at"] == then)
    answer = ada.call("PATCH", f"callbacks/{booked['id']}", {"due_at": ago(1)})
    assert answer.status == 422 and answer.json["errors"][0]["field"] == "due_at"
    moved = ada.patch(f"callbacks/{booked['id']}", {"due_at": soon, "note": "Ring twice"})
    assert (moved["moves"], moved["note"], moved["due_at"]) == (2, "Ring twice", soon)
    what = [h["data"]["what"] for h in ada.get(f"conversations/{c}/happenings")["items"] if h["kind"] == "conversation.callback"]
    assert what == ["booked", "moved", "moved"]
    over = ada.patch(f"callbacks/{booked['id']}", {"state": "cancelled"})
    assert over["state"] == "cancelled" and over["ended_at"]
    assert of(ada, c)["status"] == "open" and of(ada, c)["callback_at"] is None
    assert ada.call("PATCH", f"callbacks/{booked['id']}", {"due_at": then}).status == 409
    # Merging takes it along, taking that back returns it.
    ada.post(f"conversations/{c}/callbacks", {"due_at": then})
    other = call(ada, phone, "5999999")["conversation_id"]
    ada.post(f"conversations/{other}/merge", {"from_id": c}, expect=200)
    assert of(ada, other)["callback_at"] == then and of(ada, c)["callback_at"] is None
    ada.post(f"conversations/{c}/unmerge", expect=200)
    assert of(ada, c)["callback_at"] == then and of(ada, other)["callback_at"] is None and of(ada, other)["due_at"] is None
    server.stop()
    healthy(server)
