# SPDX-License-Identifier: AGPL-3.0-or-later
"""What happens to a conversation after its first message: edits, deletions, receipts, and what agents do with it."""
import subprocess
import threading
import time

from lib.heed import BINARY, Channel, Events, iso, until


def begun(world, text="Where is my order?", **kw):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api(name="Ada")
    channel = Channel(api, deliver_url=receiver.url)
    channel.customer(text, id="m1", **kw)
    conversation = until(lambda: api.conversations())[0]["id"]
    return server, api, channel, receiver, conversation


def one(api, conversation, external_id):
    return next((m for m in api.messages(conversation) if m["external_id"] == external_id), None)


def test_an_edit_and_a_deletion_are_shown_on_open_screens(world):
    _, api, channel, _, conversation = begun(world)
    screen = Events(api)

    channel.post({"type": "message.edited", "id": "m1", "thread": "t1", "text": "Where is order 77?", "at": iso()})
    screen.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "Where is order 77?" and f["json"]["edited_at"])
    assert api.get(f"conversations/{conversation}")["preview"] == "Where is order 77?"

    channel.post({"type": "message.deleted", "id": "m1", "thread": "t1", "at": iso()})
    gone = screen.wait(lambda f: f["event"] == "message" and f["json"]["deleted_at"])["json"]
    assert "77" not in gone["text"]
    assert "77" not in api.get(f"conversations/{conversation}")["preview"]

    channel.post({"type": "message.edited", "id": "m1", "thread": "t1", "text": "late edit", "at": iso()})
    channel.customer("a new one", id="m2")
    screen.wait(lambda f: f["event"] == "message" and f["json"]["external_id"] == "m2")
    assert "late edit" not in one(api, conversation, "m1")["text"], "what is deleted stays deleted"


def test_receipts_only_move_up(world):
    _, api, channel, receiver, conversation = begun(world)
    screen = Events(api)
    sent = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "On its way"})
    screen.wait(lambda f: f["event"] == "message" and f["json"]["id"] == sent["id"] and f["json"]["send_state"] == "sent")

    for receipt, state in (("delivered", "delivered"), ("read", "read"), ("delivered", "read")):
        channel.post({"type": f"receipt.{receipt}", "id": f"r-{sent['id']}", "thread": "t1", "at": iso()})
        if receipt != state:
            channel.customer("something later", id="m9")
            screen.wait(lambda f: f["event"] == "message" and f["json"]["external_id"] == "m9")
        until(lambda: next(m for m in api.messages(conversation) if m["id"] == sent["id"])["send_state"] == state, what=f"it being {state}")


def test_an_echo_of_our_own_answer_is_not_a_second_message(world):
    _, api, channel, receiver, conversation = begun(world)
    sent = api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "On its way"})
    until(lambda: receiver.sent())
    channel.customer("On its way", id=f"r-{sent['id']}", author="brand", name="Brand", direction="out")
    channel.customer("From my phone", id="elsewhere", author="brand", name="Brand", direction="out")
    until(lambda: one(api, conversation, "elsewhere"), what="a colleague's answer elsewhere")
    out = [m["text"] for m in api.messages(conversation) if m["direction"] == "out"]
    assert sorted(out) == ["From my phone", "On its way"]
    assert one(api, conversation, "elsewhere")["author"]["kind"] == "elsewhere"
    assert api.get(f"conversations/{conversation}")["waiting_since"] is None


def test_a_snooze_ends_by_itself(world):
    _, api, _, _, conversation = begun(world)
    screen = Events(api)
    assert api.patch(f"conversations/{conversation}", {"status": "snoozed", "snoozed_until": iso(time.time() + 2.5)})["status"] == "snoozed"
    assert api.get("counts")["snoozed"] == 1 and api.conversations("is:open") == [] and len(api.conversations("is:snoozed")) == 1
    begin = time.time()
    screen.wait(lambda f: f["event"] == "conversation" and f["json"]["status"] == "open", 10)
    assert 1.5 < time.time() - begin < 6
    assert api.get(f"conversations/{conversation}")["snoozed_until"] is None
    assert api.get("counts")["snoozed"] == 0


def test_a_customer_wakes_what_is_snoozed_and_reopens_what_is_closed(world):
    _, api, channel, _, conversation = begun(world)
    api.patch(f"conversations/{conversation}", {"status": "snoozed", "snoozed_until": iso(time.time() + 3600)})
    channel.customer("still there?", id="m2")
    until(lambda: api.get(f"conversations/{conversation}")["status"] == "open", what="waking")
    closed = api.patch(f"conversations/{conversation}", {"status": "closed"})
    assert closed["closed_at"] and closed["waiting_since"] is None
    channel.customer("and now?", id="m3")
    again = until(lambda: (c := api.get(f"conversations/{conversation}"))["status"] == "open" and c, what="reopening")
    assert again["waiting_since"] and again["closed_at"] is None
    for bad in ({"status": "snoozed"}, {"status": "snoozed", "snoozed_until": iso(time.time() - 60)}, {"status": "gone"}, {"snoozed_until": "tomorrow"}):
        answer = api.call("PATCH", f"conversations/{conversation}", bad)
        assert answer.status == 422 and answer.json["errors"][0]["field"] in ("snoozed_until", "status"), (bad, answer)


def test_what_an_agent_does_changes_lists_and_counts_of_others_live(world):
    server, api, channel, _, conversation = begun(world)
    ben = server.api("ben@example.com", "agent", name="Ben")
    me = ben.get("me")["id"]
    team = api.post("teams", {"name": "Night"})["id"]
    screen = Events(ben)

    def shown(test):
        screen.wait(lambda f: f["event"] == "conversation" and f["json"]["id"] == conversation and test(f["json"]), 3)

    def counted(**wanted):
        until(lambda: (lambda c: all(c[k] == v for k, v in wanted.items()))(ben.get("counts")), 3, f"counts {wanted} ({ben.get('counts')})")
        def on_screen():  # a frame holds only what changed
            now = {}
            for f in list(screen.frames):
                if f["event"] == "counts":
                    now |= f["json"]
            return all(now.get(k) == v for k, v in wanted.items())
        until(on_screen, 3, f"counts {wanted} on the screen")

    api.patch(f"conversations/{conversation}", {"assignee_id": me})
    shown(lambda c: c["assignee"] and c["assignee"]["id"] == me and c["assignee"]["name"] == "Ben")
    counted(mine=1, unassigned=0, open=1, unanswered=1)
    assert [c["id"] for c in ben.conversations("assigned:me")] == [conversation] and api.conversations("assigned:me") == []
    api.patch(f"conversations/{conversation}", {"tags": ["Refund", "late"], "priority": "urgent"})
    shown(lambda c: sorted(c["tags"]) == ["Refund", "late"] and c["priority"] == "urgent")
    assert [c["id"] for c in ben.conversations("tag:refund priority:urgent -tag:other")] == [conversation]
    assert {t["name"]: t["open_count"] for t in ben.get("tags")["items"]} == {"Refund": 1, "late": 1}
    api.patch(f"conversations/{conversation}", {"team_id": team})
    shown(lambda c: c["team"] and c["team"]["name"] == "Night")
    assert [c["id"] for c in ben.conversations('team:"Night"')] == [conversation]
    api.patch(f"conversations/{conversation}", {"assignee_id": None, "team_id": None, "tags": []})
    shown(lambda c: c["assignee"] is None and c["team"] is None and c["tags"] == [])
    counted(mine=0, unassigned=1)
    api.patch(f"conversations/{conversation}", {"status": "closed"})
    counted(open=0, closed=1, unanswered=0)
    api.patch(f"conversations/{conversation}", {"spam": True})
    counted(spam=1, closed=0)
    kinds = [h["kind"] for h in api.get(f"conversations/{conversation}/happenings")["items"]]
    assert len(kinds) >= 6 and len([h for h in api.get(f"conversations/{conversation}/happenings")["items"] if h["agent"] and h["agent"]["name"] == "Ada"]) >= 5
    for bad in ({"assignee_id": 999999}, {"team_id": 999999}, {"priority": "very"}, {"tags": "refund"}, {"tags": [""]}, {"tags": ["x" * 500]}):
        answer = api.call("PATCH", f"conversations/{conversation}", bad)
        assert answer.status == 422 and answer.json["errors"][0]["field"].startswith(list(bad)[0]), (bad, answer)


def test_most_urgent_first(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    now = time.time()
    for n, (priority, minutes) in enumerate([("normal", 10), ("urgent", 1), ("low", 300), ("high", 50), ("normal", 235)]):
        channel.customer(f"{priority} {minutes}", thread=f"t{n}", author=f"u{n}", at=now - minutes * 60)
    made = until(lambda: (c := api.conversations()) and len(c) == 5 and c)
    for c in made:
        api.patch(f"conversations/{c['id']}", {"priority": c["preview"].split()[0]})
    # allowances: urgent 15 min, high 1 h, normal 4 h, low 24 h
    assert [c["preview"] for c in api.conversations("is:open", sort="urgent")] == ["normal 235", "high 50", "urgent 1", "normal 10", "low 300"]
    assert [c["preview"] for c in api.conversations("is:open", sort="newest")] == ["urgent 1", "normal 10", "high 50", "normal 235", "low 300"]
    assert [c["preview"] for c in api.conversations("is:open waiting:>1h", sort="waiting")] == ["low 300", "normal 235"]
    api.patch("workspace", {"settings": {"allowance_min": {"urgent": 15, "high": 60, "normal": 600, "low": 1}}})
    until(lambda: [c["preview"] for c in api.conversations("is:open", sort="urgent")][0] == "low 300", 5, "the new allowances counting")


def test_a_team_that_goes_while_it_is_given_work_leaves_nobody_with_it(world):
    server = world()
    api = server.api(name="Ada")
    channel = Channel(api)
    for i in range(12):
        channel.customer("Anybody there?", thread=f"t{i}", id=f"m{i}")
    ids = [c["id"] for c in until(lambda: len(api.conversations()) == 12 and api.conversations())]
    for turn in range(5):
        team = api.post("teams", {"name": f"Team {turn}"})["id"]
        answers = []
        threads = [threading.Thread(target=lambda id=id: answers.append(api.call("PATCH", f"conversations/{id}", {"team_id": team}).status)) for id in ids]
        for thread in threads[:6]:
            thread.start()
        assert api.call("DELETE", f"teams/{team}").status == 204
        for thread in threads[6:]:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(answers) <= {200, 422}
        assert not [c["id"] for c in api.conversations("is:any") if c["team"]], "with a team that is gone"
        assert api.get("counts")["open"] == 12
    checked = subprocess.run([BINARY, "doctor", *server.database_args()], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
