# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who is pinged for what, how they chose, and what happens to a ping that reaches nobody."""
import time

from lib.heed import Channel, Events, until

MINUTE = 60_000


def office(world, **options):
    """Ada owns it; Mai and Jaan work there, signed in; one conversation is here."""
    server = world(**options)
    ada = server.api(name="Ada")
    people = {}
    for name in ("mai", "jaan"):
        server.user(f"{name}@example.com", "agent", name=name.title())
        people[name] = server.sign_in(f"{name}@example.com")
    channel = Channel(ada)
    channel.customer("Where is my order?", id="m1")
    conversation = until(lambda: ada.conversations())[0]["id"]
    return server, ada, people["mai"], people["jaan"], channel, conversation


def unseen(api):
    return [p for p in api.get("pings")["items"] if not p["seen_at"]]


def pinged(api, kind, n=None, timeout=10):
    return until(lambda: next((p for p in unseen(api) if p["kind"] == kind and n in (None, p["n"])), None), timeout,
                 f"a ping “{kind}” ×{n or 1}")


def later(server, ms):
    """The same server, some time on."""
    server.stop()
    server.env["HEED_TEST_CLOCK_MS"] = str(ms)
    server.start()


def test_whoever_is_given_a_conversation_is_pinged_and_nobody_for_what_they_did_themselves(world):
    _, ada, mai, jaan, channel, conversation = office(world)
    screen = Events(mai)
    ada.patch(f"conversations/{conversation}", {"assignee_id": mai.get("me")["id"]})
    ping = pinged(mai, "assigned")
    assert (ping["conversation_id"], ping["by"]["name"], ping["contact_name"]) == (conversation, "Ada", "Kim")
    assert screen.wait(lambda f: f["event"] == "pings" and f["json"]["unseen"] == 1)
    mai.patch(f"conversations/{conversation}", {"assignee_id": jaan.get("me")["id"]})
    assert pinged(jaan, "handed_over")["by"]["name"] == "Mai"
    jaan.patch(f"conversations/{conversation}", {"priority": "high", "assignee_id": jaan.get("me")["id"]})
    until(lambda: not unseen(jaan), what="seen by doing")
    assert not unseen(ada)


def test_pings_of_one_conversation_are_one_and_looking_at_it_sees_them(world):
    _, ada, mai, jaan, channel, conversation = office(world)
    ada.patch(f"conversations/{conversation}", {"assignee_id": mai.get("me")["id"]})
    pinged(mai, "assigned")
    for i in range(3):
        channel.customer(f"Hello? {i}", id=f"again{i}")
    assert pinged(mai, "assigned", n=4)["preview"] == "Hello? 2"
    assert not unseen(jaan), "what is another's is not mine"
    mai.post(f"conversations/{conversation}/read", expect=204)
    until(lambda: not unseen(mai), what="seen by reading")
    channel.customer("And now?", id="later")
    assert pinged(mai, "mine")


def test_a_team_hears_of_what_nobody_has_taken_until_somebody_does(world):
    server, ada, mai, jaan, channel, conversation = office(world)
    team = ada.post("teams", {"name": "Orders"})["id"]
    mai_id = mai.get("me")["id"]
    for person in ada.get("agents")["items"]:
        if person["name"] in ("Mai", "Jaan"):
            ada.patch(f"agents/{person['id']}", {"team_ids": [team]})
    ada.patch(f"conversations/{conversation}", {"team_id": team})
    channel.customer("Anybody?", id="m2")
    pinged(mai, "team")
    pinged(jaan, "team")
    mai.patch(f"conversations/{conversation}", {"assignee_id": mai_id})
    until(lambda: not unseen(jaan), what="the others' pings lapsing")


def test_choices_hold_and_bad_ones_are_refused_by_name(world):
    _, ada, mai, jaan, channel, conversation = office(world)
    none = {"page": False, "push": False, "mail": False, "sound": False}
    choice = mai.get("me/pings")
    assert choice["mine"]["page"] and not choice["all"]["page"] and choice["time_zone"] == "UTC"
    changed = mai.patch("me/pings", {"assigned": none, "all": {**none, "page": True}})
    assert changed["mine"] == choice["mine"] and not changed["assigned"]["page"]
    ada.patch(f"conversations/{conversation}", {"assignee_id": jaan.get("me")["id"]})
    channel.customer("News?", id="m2")
    assert pinged(mai, "all")
    pinged(jaan, "assigned", n=2)
    for body, field in (({"time_zone": "Mars/Olympus"}, "time_zone"), ({"time_zone": "../../etc/passwd"}, "time_zone"),
                        ({"quiet_from": 1440}, "quiet_from"), ({"mail_minutes": 1}, "mail_minutes"),
                        ({"quiet": True, "quiet_from": 60, "quiet_to": 60}, "quiet_to"),
                        ({"mine": {"page": True}}, "mine.push"), ({"everything": True}, "everything")):
        errors = mai.patch("me/pings", body, expect=422)["errors"]
        assert errors[0]["field"] == field, (body, errors)
    assert mai.post("pings/seen", {}, expect=422)["errors"][0]["field"] == "ids"
    assert mai.get("me/pings") == changed


def test_pings_are_put_away_one_by_one_or_all_and_only_ones_own(world):
    _, ada, mai, jaan, channel, conversation = office(world)
    channel.customer("Me too", id="m2", thread="t2", author="u2", name="Lee")
    two = until(lambda: len(ada.conversations()) == 2 and ada.conversations())
    for c in two:
        ada.patch(f"conversations/{c['id']}", {"assignee_id": mai.get("me")["id"]})
    both = until(lambda: len(unseen(mai)) == 2 and unseen(mai))
    jaan.post("pings/seen", {"ids": [p["id"] for p in both]}, expect=204)
    assert len(unseen(mai)) == 2, "another's pings are not mine to put away"
    mai.post("pings/seen", {"ids": [both[0]["id"]]}, expect=204)
    assert [p["id"] for p in unseen(mai)] == [both[1]["id"]]
    mai.post("pings/seen", {"all": True}, expect=204)
    assert not unseen(mai) and len(mai.get("pings")["items"]) == 2


def test_a_customer_who_soon_waits_too_long_is_told_once(world):
    server, ada, mai, jaan, channel, conversation = office(world)
    ada.patch(f"conversations/{conversation}", {"assignee_id": mai.get("me")["id"]})
    pinged(mai, "assigned")
    mai.post("pings/seen", {"all": True}, expect=204)
    later(server, 236 * MINUTE)  # normal: four hours
    pinged(mai, "target", timeout=25)
    kinds = [h["kind"] for h in ada.get(f"conversations/{conversation}/happenings")["items"]]
    assert kinds.count("target.near") == 1
    server.stop()
    server.start()
    time.sleep(1)
    assert [h["kind"] for h in ada.get(f"conversations/{conversation}/happenings")["items"]].count("target.near") == 1
    assert unseen(mai)[0]["n"] == 1


def test_what_reaches_nobody_is_passed_on_and_told(world):
    server, ada, mai, jaan, channel, conversation = office(world)
    server.user("liis@example.com", "lead", name="Liis")
    liis = server.sign_in("liis@example.com")
    ada.patch(f"conversations/{conversation}", {"assignee_id": mai.get("me")["id"]})
    pinged(mai, "assigned")
    later(server, 16 * MINUTE)
    liis, jaan = server.sign_in("liis@example.com"), server.sign_in("jaan@example.com")
    passed = until(lambda: [p for api in (liis, jaan) for p in unseen(api) if p["kind"] == "passed_on"], 20, "it being passed on")
    assert passed[0]["from"]["name"] == "Mai"
    pinged(liis, "passed_on")
    told = [h for h in ada.get(f"conversations/{conversation}/happenings")["items"] if h["kind"] == "ping.passed"]
    assert len(told) == 1 and told[0]["data"]["kind"] == "assigned"


def test_what_somebody_saw_on_their_screen_is_not_passed_on(world):
    server, ada, mai, jaan, channel, conversation = office(world)
    ada.patch(f"conversations/{conversation}", {"assignee_id": mai.get("me")["id"]})
    mai.post("pings/shown", {"ids": [pinged(mai, "assigned")["id"]]}, expect=204)
    later(server, 16 * MINUTE)
    server.sign_in("jaan@example.com")
    time.sleep(4)
    assert not [h for h in ada.get(f"conversations/{conversation}/happenings")["items"] if h["kind"].startswith("ping.")]


def test_work_given_to_somebody_who_never_came_is_passed_on_at_once(world):
    server, ada, mai, jaan, channel, conversation = office(world)
    server.user("ghost@example.com", "agent", name="Ghost")
    ghost = next(a["id"] for a in ada.get("agents")["items"] if a["name"] == "Ghost")
    ada.patch(f"conversations/{conversation}", {"assignee_id": ghost})
    until(lambda: any(p["kind"] == "passed_on" and p["from"]["name"] == "Ghost" for api in (mai, jaan, ada) for p in unseen(api)), 15)


def test_a_ping_that_finds_nobody_at_all_says_so_on_the_conversation(world):
    server = world()
    ada = server.api(name="Ada")
    server.user("ghost@example.com", "agent", name="Ghost")
    channel = Channel(ada)
    channel.customer("Hello?", id="m1")
    conversation = until(lambda: ada.conversations())[0]["id"]
    ghost = next(a["id"] for a in ada.get("agents")["items"] if a["name"] == "Ghost")
    ada.patch(f"conversations/{conversation}", {"assignee_id": ghost})
    until(lambda: [h for h in ada.get(f"conversations/{conversation}/happenings")["items"] if h["kind"] == "ping.alone"], 15)
