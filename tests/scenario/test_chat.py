# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live chat, spoken to as the widget and apps of one's own do."""
import datetime
import pathlib

from lib.chat import Chat
from lib.heed import Events, until

PICTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "pictures"


def conversation_of(api, text):
    return until(lambda: api.conversations(f'"{text}"'), 10, f"a conversation with {text}")[0]


def answer(api, conversation, text):
    return api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": text})


def test_a_chat_goes_both_ways_live(world):
    server = world()
    api = server.api(name="Mari Tamm")
    chat = Chat(api, "Shop chat", title="Saltmarsh", greeting="Hello!")
    config = chat.call("GET", "config").json
    assert config["name"] == "Saltmarsh" and config["greeting"] == "Hello!" and config["online"] is False
    visitor = chat.visitor(language="et")
    assert visitor.session["verified"] is False
    screen, stream = Events(api), visitor.stream()
    said = visitor.say("Tere 👋 is the moss one in stock?", id="a1")
    frame = screen.wait(lambda f: f["event"] == "message" and "moss one" in f["json"]["text"])
    own = stream.wait(lambda f: f["event"] == "message")
    assert own["json"]["id"] == said == "ca1" and own["json"]["from"] == "visitor"
    conversation = api.get(f"conversations/{frame['json']['conversation_id']}")
    assert (conversation["kind"], conversation["visibility"], conversation["channel_kind"]) == ("dm", "private", "chat")
    assert conversation["contact"]["name"].startswith("Visitor ")
    api.post(f"conversations/{conversation['id']}/read", expect=204)
    stream.wait(lambda f: f["event"] == "seen")
    api.post("presence", {"conversation_id": conversation["id"], "typing": True}, expect=204)
    assert stream.wait(lambda f: f["event"] == "typing" and f["json"]["typing"])["json"]["name"] == "Mari"
    sent = answer(api, conversation, "It is, in M and L.")
    got = stream.wait(lambda f: f["event"] == "message" and f["json"]["from"] == "team")["json"]
    assert (got["text"], got["author"]) == ("It is, in M and L.", "Mari")
    assert visitor.call("POST", "receipts", {"state": "delivered", "ids": [got["id"]]}).status == 202
    screen.wait(lambda f: f["event"] == "message" and f["json"]["id"] == sent["id"] and f["json"]["send_state"] == "delivered")
    assert visitor.call("POST", "receipts", {"state": "read", "ids": [got["id"]]}).status == 202
    screen.wait(lambda f: f["event"] == "message" and f["json"]["id"] == sent["id"] and f["json"]["send_state"] == "read")
    assert visitor.call("POST", "typing", {"typing": True}).status == 204
    screen.wait(lambda f: f["event"] == "presence" and f["json"]["customer_typing"])
    assert visitor.call("POST", "typing", {"typing": False}).status == 204
    until(lambda: [f for f in screen.frames if f["event"] == "presence"][-1]["json"]["customer_typing"] is False)
    assert [m["text"] for m in visitor.messages()] == ["Tere 👋 is the moss one in stock?", "It is, in M and L."]
    assert chat.call("GET", "config").json["online"] is True  # the colleague's page is open
    api.post(f"conversations/{conversation['id']}/messages", {"kind": "note", "text": "a NOTE for colleagues"})
    answer(api, conversation, "Anything else?")
    stream.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "Anything else?")
    assert not any("NOTE" in f["data"] for f in stream.frames) and not any("NOTE" in m["text"] for m in visitor.messages())
    api.delete(f"messages/{sent['id']}", expect=200)
    gone = stream.wait(lambda f: f["event"] == "message" and f["json"]["id"] == got["id"] and f["json"]["deleted_at"])
    assert gone["json"]["text"] == ""
    screen.close()
    stream.close()


def test_sending_again_changes_nothing_and_nothing_is_lost_across_a_crash(world):
    server = world()
    api = server.api()
    chat = Chat(api)
    visitor = chat.visitor()
    stream = visitor.stream()
    for n in range(20):
        visitor.say(f"number {n}", id=f"n{n}")
        if n % 3 == 0:
            visitor.say(f"number {n}", id=f"n{n}")  # the answer was lost, the widget tries again
    until(lambda: len(visitor.messages()) == 20, 10)
    until(lambda: len(stream.texts()) >= 20)
    last = stream.last_id
    stream.close()
    conversation = conversation_of(api, "number 19")
    answer(api, conversation, "while you were away")
    visitor.say("last words", id="last")
    server.kill()
    server.start()
    assert visitor.say("last words", id="last") == "clast"
    again = visitor.stream(last)
    again.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "while you were away", 15)
    again.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "last words", 15)
    assert not [f for f in again.frames if f["event"] == "resync"]
    texts = [m["text"] for m in visitor.messages()]
    assert sorted(texts) == sorted([f"number {n}" for n in range(20)] + ["while you were away", "last words"])
    assert len(api.conversations()) == 1
    again.close()


def test_history_comes_in_pages(world):
    chat = Chat(world().api())
    visitor = chat.visitor()
    for n in range(12):
        visitor.say(f"line {n}")
    until(lambda: len(visitor.messages()) == 12)
    seen, cursor = [], ""
    while True:
        page = visitor.call("GET", f"messages?limit=5{cursor}").json
        seen = [m["text"] for m in page["items"]] + seen
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [f"line {n}" for n in range(12)]
    assert visitor.call("GET", "messages?cursor=x").status == 400


def test_what_is_asked_before_a_chat_and_labels_reach_the_agent(world):
    server = world()
    api = server.api()
    chat = Chat(api, ask_email=True, questions=[{"label": "Order number", "required": True}], offline="form")
    config = chat.call("GET", "config").json
    assert config["questions"][0]["label"] == "Order number" and config["offline"] == "form"
    visitor = chat.visitor()
    visitor.say("where is it?", name="Aino", email="aino@example.com", answers=[{"question": "Order number", "answer": "A-17"}])
    conversation = conversation_of(api, "where is it")
    assert api.messages(conversation["id"])[0]["text"] == "Order number: A-17\n\nwhere is it?"
    assert conversation["contact"]["name"] == "Aino"
    contact = api.get(f"contacts/{conversation['contact']['id']}")
    assert contact["identities"][0]["handle"] == "aino@example.com (unverified)"
    visitor.say("and another thing")
    until(lambda: len(api.messages(conversation["id"])) == 2)
    assert api.messages(conversation["id"])[1]["author"]["name"] == "Aino"


def test_files_travel_both_ways(world):
    server = world()
    api = server.api()
    chat = Chat(api)
    visitor, other = chat.visitor(), chat.visitor()
    png = next(PICTURES.glob("*.png")).read_bytes()
    kept = visitor.call("PUT", "files?name=jacket.png", png)
    assert kept.status == 201 and kept.json["mime"] == "image/png", kept
    text = visitor.call("PUT", "files?name=..%2Forder.txt", b"order A-17")
    assert text.status == 201 and "/" not in text.json["name"] and text.json["name"].endswith("order.txt")
    assert other.call("POST", "messages", {"id": "x", "files": [{"sha256": kept.json["sha256"]}]}).status == 422  # not theirs
    visitor.say("look", files=[{"sha256": kept.json["sha256"]}, {"sha256": text.json["sha256"]}])
    conversation = conversation_of(api, "look")
    files = api.messages(conversation["id"])[0]["attachments"]
    assert [f["state"] for f in files] == ["ready", "ready"]
    assert api.call("GET", f"attachments/{files[0]['id']}").headers["Content-Type"] == "image/png"
    download = api.call("GET", f"attachments/{files[1]['id']}")
    assert download.headers["Content-Disposition"].startswith("attachment") and download.body == b"order A-17"
    mine = until(visitor.messages)[0]["files"]
    assert visitor.call("GET", f"files/{mine[0]['id']}").status == 200
    assert other.call("GET", f"files/{mine[0]['id']}").status == 404
    up = api.call("PUT", "files?name=a.png", png)
    api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": "like this?", "attachments": [{"sha256": up.json["sha256"]}]})
    got = until(lambda: [m for m in visitor.messages() if m["from"] == "team"])[0]
    assert visitor.call("GET", f"files/{got['files'][0]['id']}").headers["Content-Type"] == "image/png"
    assert visitor.call("PUT", "files?name=a.png", b"\x89PNG\r\n\x1a\n broken").status == 422


def test_a_known_customer_finds_their_talk_on_every_device(world):
    server = world()
    api = server.api()
    chat = Chat(api)
    laptop = chat.visitor(chat.identity("c-7", name="Kim Minji", email="kim@example.com"))
    assert laptop.session["verified"] is True
    laptop.say("from the laptop")
    conversation = conversation_of(api, "from the laptop")
    assert conversation["contact"]["name"] == "Kim Minji"
    phone = chat.visitor(chat.identity("c-7", name="Kim Minji"))
    assert [m["text"] for m in phone.messages()] == ["from the laptop"]
    phone.say("from the phone")
    until(lambda: len(api.messages(conversation["id"])) == 2)
    assert len(api.conversations()) == 1


def test_secrets_change_with_an_overlap_and_a_chat_can_be_closed(world):
    server = world()
    api = server.api()
    chat = Chat(api, require_identity=True)
    assert chat.call("POST", "session", {}).status == 401
    old = chat.secret
    fresh = api.post(f"channels/{chat.id}/rotate-secret", expect=200)["secret"]
    assert fresh.startswith("heedchat_") and fresh != old
    chat.visitor(chat.identity())
    chat.secret = fresh
    visitor = chat.visitor(chat.identity())
    stream = visitor.stream()
    api.patch(f"channels/{chat.id}", {"enabled": False})
    assert stream.closed.wait(4), "the stream of a closed channel ends"
    assert visitor.call("GET", "messages").status == 404 and chat.call("GET", "config").status == 404


def test_opening_hours_decide_who_is_there_and_say_when_again(world):
    server = world()
    api = server.api(name="Mari Tamm")
    api.patch("workspace", {"settings": {"time_zone": "Pacific/Kiritimati"}})
    chat = Chat(api, "Shop chat", title="Saltmarsh")
    screen, stream = Events(api), chat.visitor().stream()
    until(lambda: chat.call("GET", "config").json["online"], 10, "a colleague's page is open, and no hours are set")
    stream.wait(lambda f: f["event"] in ("hello", "online") and f["json"]["online"] and f["json"]["opens_at"] is None, 15)

    zone = datetime.timezone(datetime.timedelta(hours=14))
    now = datetime.datetime.now(zone)
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    tomorrow = now.date() + datetime.timedelta(days=1)

    def set_hours(hours, closed=()):
        api.patch(f"channels/{chat.id}", {"settings": {"hours": hours, "closed_days": list(closed)}})

    set_hours([{"days": [days[tomorrow.weekday()]], "from": "09:30", "to": "17:00"}])
    opens = datetime.datetime.combine(tomorrow, datetime.time(9, 30), zone).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M")
    config = chat.call("GET", "config").json
    assert config["online"] is False and config["opens_at"].startswith(opens), (config["opens_at"], opens)
    told = stream.wait(lambda f: f["event"] == "online" and f["json"]["online"] is False, 15)["json"]
    assert told["opens_at"].startswith(opens)
    set_hours([{"days": days, "from": "00:00", "to": "24:00"}])
    assert chat.call("GET", "config").json["online"] is True
    until(lambda: [f for f in stream.frames if f["event"] == "online"][-1]["json"]["online"], 15)
    set_hours([{"days": days, "from": "00:00", "to": "24:00"}], [str(now.date())])
    config = chat.call("GET", "config").json
    assert config["online"] is False and config["opens_at"].startswith(datetime.datetime.combine(tomorrow, datetime.time(0, 0), zone).astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M"))
    for settings, field in (({"hours": [{"days": ["monday"], "from": "09:00", "to": "17:00"}]}, "settings.hours.0"), ({"closed_days": ["24.12."]}, "settings.closed_days.0")):
        answer = api.call("PATCH", f"channels/{chat.id}", {"settings": settings})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == field
    screen.close()
    stream.close()
