# SPDX-License-Identifier: AGPL-3.0-or-later
"""Saved folders: whose they are, who changes them, and counts that are right on every open screen."""
import random
import time
import urllib.parse

from lib.heed import Channel, Events, until


def told(screen):
    """What a screen knows about its folders' counts."""
    now = {}
    for frame in list(screen.frames):
        if frame["event"] == "counts":
            now |= {int(k): v for k, v in frame["json"].get("folders", {}).items()}
    return now


def everything(api, q, sort="urgent"):
    seen, cursor = [], None
    while True:
        page = api.get("conversations?" + urllib.parse.urlencode({"q": q, "sort": sort, "limit": 100, **({"cursor": cursor} if cursor else {})}))
        seen += [c["id"] for c in page["items"]]
        cursor = page["next"]
        if not cursor:
            return seen


def test_a_folder_is_saved_changed_ordered_and_removed(world):
    server = world()
    api = server.api()
    screen = Events(api)
    made = api.post("folders", {"name": "  Refunds ", "q": "is:open refund", "icon": "star", "colour": "red", "sort": "oldest"})
    assert (made["name"], made["q"], made["whose"], made["icon"], made["colour"], made["sort"], made["may_change"]) == ("Refunds", "is:open refund", "own", "star", "red", "oldest", True)
    screen.wait(lambda f: f["event"] == "folders" and f["json"]["of_agent"] == api.get("me")["id"])
    second = api.post("folders", {"name": "Late", "q": "is:late"})
    assert [f["id"] for f in api.get("folders")["items"]] == [made["id"], second["id"]]
    assert api.call("POST", "folder-order", {"ids": [second["id"], made["id"]]}).status == 204
    assert [f["id"] for f in api.get("folders")["items"]] == [second["id"], made["id"]]
    changed = api.patch(f"folders/{made['id']}", {"q": "is:open refund,return", "name": "Money back"})
    assert changed["name"] == "Money back" and changed["icon"] == "star"
    assert api.get(f"folders/{made['id']}")["q"] == "is:open refund,return"
    assert api.call("DELETE", f"folders/{second['id']}").status == 204
    assert api.call("GET", f"folders/{second['id']}").status == 404
    # Taken back: made again in its place.
    again = api.post("folders", {"name": "Late", "q": "is:late", "position": second["position"]})
    assert len(api.get("folders")["items"]) == 2 and again["q"] == "is:late"


def test_bad_folders_are_refused_by_name(world):
    api = world().api()
    for body, status, field in (
        ({"q": "is:open"}, 422, "name"), ({"name": "x"}, 422, "q"), ({"name": " ", "q": "is:open"}, 422, "name"),
        ({"name": "x", "q": "is:opn"}, 400, "q"), ({"name": "x", "q": "(is:open"}, 400, "q"), ({"name": "x", "q": "is:open", "icon": "skull"}, 422, "icon"),
        ({"name": "x", "q": "is:open", "colour": "#fff"}, 422, "colour"), ({"name": "x", "q": "is:open", "sort": "up"}, 422, "sort"),
        ({"name": "x", "q": "is:open", "whose": "team"}, 422, "team_id"), ({"name": "x", "q": "is:open", "whose": "team", "team_id": 99999}, 422, "team_id"),
        ({"name": "x", "q": "is:open", "team_id": 1}, 422, "team_id"), ({"name": "x" * 101, "q": "is:open"}, 422, "name"), ({"name": "x", "q": "is:open", "more": 1}, 422, "more"),
    ):
        answer = api.call("POST", "folders", body)
        assert (answer.status, answer.json["errors"][0]["field"]) == (status, field), (body, answer)
    one = api.post("folders", {"name": "x", "q": "is:open"})["id"]
    assert api.call("PATCH", f"folders/{one}", {"q": "is:"}).status == 400
    assert api.call("POST", "folder-order", {"ids": [one, one]}).json["errors"][0]["field"] == "ids"
    assert api.call("POST", "folder-order", {"ids": [one, 987654]}).status == 404
    for n in range(99):
        api.post("folders", {"name": f"n{n}", "q": "is:open"})
    assert api.call("POST", "folders", {"name": "one too many", "q": "is:open"}).json["errors"][0]["code"] == "too_many"


def test_ones_own_is_ones_own_and_leads_make_the_others(world):
    server = world()
    admin = server.api("admin@x.example", "owner")
    lead, agent = server.api("lead@x.example", "lead"), server.api("agent@x.example", "agent")
    viewer, outsider = server.api("viewer@x.example", "viewer"), server.api("out@x.example", "agent")
    night, day = (lead.post("teams", {"name": n})["id"] for n in ("Night", "Day"))
    admin.patch(f"agents/{agent.get('me')['id']}", {"all_teams": False, "team_ids": [night]})
    admin.patch(f"agents/{outsider.get('me')['id']}", {"all_teams": False, "team_ids": [day]})
    own = agent.post("folders", {"name": "My own", "q": "assigned:me"})["id"]
    team = lead.post("folders", {"name": "Night", "q": "is:open team:night", "whose": "team", "team_id": night})["id"]
    shared = lead.post("folders", {"name": "All", "q": "is:open", "whose": "workspace"})["id"]
    names = lambda api: [f["name"] for f in api.get("folders")["items"]]
    assert names(agent) == ["My own", "Night", "All"] and names(outsider) == ["All"] and names(viewer) == ["Night", "All"] and names(lead) == ["Night", "All"]
    assert viewer.post("folders", {"name": "Looking", "q": "is:any"})["whose"] == "own"
    for whose in ("workspace", "team"):
        assert agent.call("POST", "folders", {"name": "x", "q": "is:open", "whose": whose, **({"team_id": night} if whose == "team" else {})}).status == 403
    for id in (team, shared):
        assert agent.call("PATCH", f"folders/{id}", {"name": "mine now"}).status == 403
        assert agent.call("DELETE", f"folders/{id}").status == 403
    for api in (lead, outsider):
        for method, path, body in (("GET", f"folders/{own}", None), ("PATCH", f"folders/{own}", {"name": "x"}), ("DELETE", f"folders/{own}", None), ("GET", f"folders/{own}/count", None)):
            assert api.call(method, path, body).status == 404
    assert outsider.call("GET", f"folders/{team}").status == 404
    assert agent.call("PATCH", f"folders/{own}", {"whose": "workspace"}).status == 403
    assert agent.call("POST", "folder-order", {"ids": [shared, own]}).status == 403
    # The team goes, and its folder with it.
    assert lead.call("DELETE", f"teams/{night}").status == 204
    assert names(lead) == ["All"]


def test_counts_equal_recounting_after_random_changes(world):
    """On every open screen, whatever happened: the number told is the number of conversations the folder's query finds."""
    seed = int(time.time())
    print("seed", seed)
    rnd = random.Random(seed)
    server = world()
    api = server.api("lead@x.example", "owner")
    ben = server.api("ben@x.example", "agent")
    channels = [Channel(api, f"Shop {n}") for n in range(2)]
    team = api.post("teams", {"name": "Night"})["id"]
    limited = server.api("limited@x.example", "agent")
    api.patch(f"agents/{limited.get('me')['id']}", {"all_channels": False, "channel_ids": [channels[0].id], "all_teams": False, "team_ids": []})

    me = {a: a.get("me")["id"] for a in (api, ben, limited)}
    queries = ["is:open", "is:open assigned:me", "tag:late", "is:open -tag:late team:night", "priority:urgent OR is:closed", "is:unanswered refund", "parcel -refund", "waiting:>1h",
               f"channel:{channels[1].id}", "assigned:none has:note", "is:spam", "updated:<3s"]
    shared = {api.post("folders", {"name": q[:90], "q": q, "whose": "workspace"})["id"]: q for q in queries}
    own = {a: {a.post("folders", {"name": q[:90], "q": q})["id"]: q for q in ("is:any assigned:me", "is:snoozed")} for a in (ben, limited)}
    screens = {a: Events(a) for a in (api, ben, limited)}
    words = ["parcel", "refund", "hello", "late again", "where is it"]
    for n in range(24):
        channels[n % 2].customer(rnd.choice(words), thread=f"t{n}", author=f"u{n}", at=time.time() - rnd.choice([60, 4000, 90000]))
    until(lambda: len(everything(api, "is:any")) == 24, 10)
    ids = everything(api, "is:any")
    for step in range(90):
        id = rnd.choice(ids)
        what = rnd.randrange(8)
        if what == 0:
            channels[rnd.randrange(2)].customer(rnd.choice(words), id=f"x{step}", thread=f"t{rnd.randrange(30)}", author=f"u{step}")
        elif what == 1:
            api.patch(f"conversations/{id}", {"status": rnd.choice(["open", "closed"])})
        elif what == 2:
            api.patch(f"conversations/{id}", {"assignee_id": rnd.choice([None, me[ben], me[limited], me[api]])})
        elif what == 3:
            api.patch(f"conversations/{id}", {"tags": rnd.sample(["late", "vip", "shop"], rnd.randrange(3))})
        elif what == 4:
            api.patch(f"conversations/{id}", {"priority": rnd.choice(["urgent", "low"]), "spam": rnd.random() < 0.2})
        elif what == 5:
            api.patch(f"conversations/{id}", {"team_id": rnd.choice([None, team])})
        elif what == 6:
            api.post(f"conversations/{id}/messages", {"kind": "note", "text": rnd.choice(words)})
        else:
            assert api.call("POST", f"conversations/{id}/read").status == 204
    time.sleep(0.5)

    def right():
        wrong = []
        for a, screen in screens.items():
            now = told(screen)
            for id, q in {**shared, **own.get(a, {})}.items():
                found = len(everything(a, q, "newest"))
                counted = a.get(f"folders/{id}/count")
                if now.get(id, {}).get("n") != found or counted != {"n": found, "about": False} or now[id]["about"]:
                    wrong.append((q, found, now.get(id), counted))
        return wrong
    until(lambda: not right(), 15, f"the counts being right: {right()}")
    # Nobody is told of what is somebody else's.
    for a, screen in screens.items():
        assert set(told(screen)) == {*shared, *own.get(a, {})}


def test_above_a_thousand_it_says_more_than_a_thousand(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    folder = api.post("folders", {"name": "All", "q": "is:open", "whose": "workspace"})["id"]
    screen = Events(api)
    screen.wait(lambda f: f["event"] == "counts" and f["json"].get("folders", {}).get(str(folder)) == {"n": 0, "about": False})
    for part in range(3):
        channel.post([{"type": "message.created", "id": f"m{part}-{n}", "thread": f"t{part}-{n}", "author": {"id": f"u{n}", "name": "Kim"}, "text": "hi", "created_at": "2026-01-01T00:00:00Z"} for n in range(400)])
    until(lambda: api.get("counts")["open"] == 1200, 30)
    until(lambda: told(screen)[folder]["n"] == 1001, 10, "being told 1,001")
    # Asked for itself it is counted for a moment only, which may be short on a busy machine.
    until(lambda: api.get(f"folders/{folder}/count")["n"] == 1001, 15, "counting that far")
    # Back below: exact again.
    ids = everything(api, "is:open")
    for id in ids[:210]:
        api.patch(f"conversations/{id}", {"status": "closed"})
    until(lambda: told(screen)[folder] == {"n": 990, "about": False}, 15, "being told 990")


def test_every_order_reads_every_folder(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    now = time.time()
    for n in range(12):
        channel.customer(f"question {n}", thread=f"t{n}", author=f"u{n}", at=now - 60 * ((n * 7) % 12 + 1))
    until(lambda: len(api.conversations("is:open")) == 12, 10)
    me = api.get("me")["id"]
    ids = everything(api, "is:open")
    for id in ids[:5]:
        api.patch(f"conversations/{id}", {"assignee_id": me})
    for q, n in (("is:unanswered", 12), ("is:open assigned:me", 5), ("is:open -assigned:any", 7), (f"is:open channel:{channel.id}", 12), ("is:any", 12), ("is:open", 12)):
        by = {sort: [c for c in api.conversations(q, sort=sort)] for sort in ("urgent", "newest", "oldest", "waiting", "created")}
        assert all(len(v) == n for v in by.values()), (q, {k: len(v) for k, v in by.items()})
        at = [c["last_message_at"] for c in by["oldest"]]
        assert at == sorted(at) and [c["id"] for c in by["newest"]] == [c["id"] for c in by["oldest"]][::-1]
        waited = [c["waiting_since"] for c in by["waiting"]]
        assert waited == sorted(waited)
    answer = api.call("GET", "conversations?sort=up")
    assert answer.status == 400 and answer.json["errors"][0]["field"] == "sort"


def test_mentions_of_me_are_found_fast_and_by_me_alone(world):
    server = world()
    api = server.api("ada@x.example", "owner", name="Ada")
    ben = server.api("ben@x.example", "agent", name="Ben")
    channel = Channel(api)
    for n in range(3):
        channel.customer(f"question {n}", thread=f"t{n}", author=f"u{n}")
    ids = until(lambda: len(c := api.conversations("is:open")) == 3 and [x["id"] for x in c], 10)
    api.post(f"conversations/{ids[1]}/messages", {"kind": "note", "text": "@Ben please look", "mentions": [ben.get("me")["id"]]})
    for sort in ("newest", "urgent", "oldest", "waiting"):
        assert [c["id"] for c in ben.conversations("mentions:me", sort=sort)] == [ids[1]]
        assert api.conversations("mentions:me", sort=sort) == []


def test_the_count_of_mentions_is_ones_own_and_follows(world):
    server = world()
    api = server.api("ada@x.example", "owner", name="Ada")
    ben = server.api("ben@x.example", "agent", name="Ben")
    channel = Channel(api)
    for n in range(3):
        channel.customer(f"question {n}", thread=f"t{n}", author=f"u{n}")
    ids = until(lambda: len(c := api.conversations("is:open")) == 3 and [x["id"] for x in c], 10)
    screens = {"ben": Events(ben), "ada": Events(api)}

    def last(who):
        return next((f["json"]["mentions"] for f in reversed(screens[who].frames) if f["event"] == "counts" and "mentions" in f["json"]), None)

    until(lambda: last("ben") == 0 and last("ada") == 0, 10)
    note = {"kind": "note", "text": "@Ben please look", "mentions": [ben.get("me")["id"]]}
    for n in (0, 1, 1):
        api.post(f"conversations/{ids[n]}/messages", note)
    until(lambda: last("ben") == 2, 10, "two conversations name Ben, however often")
    assert ben.get("counts")["mentions"] == 2 and api.get("counts")["mentions"] == 0
    api.patch(f"conversations/{ids[0]}", {"status": "closed"})
    until(lambda: last("ben") == 1, 10, "what is closed is done")
    assert ben.get("counts")["mentions"] == 1 == len(ben.conversations("mentions:me -is:closed"))
    api.patch(f"conversations/{ids[0]}", {"status": "open"})
    until(lambda: last("ben") == 2, 10)
    assert last("ada") == 0


def test_many_folders_of_ones_own_are_all_told(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    channel.customer("hello", thread="t", author="u")
    until(lambda: len(api.conversations("is:open")) == 1, 10)
    ids = {api.post("folders", {"name": f"n{n}", "q": "is:open" if n % 2 else "is:closed"})["id"]: n % 2 for n in range(80)}
    screen = Events(api)
    until(lambda: {id: v["n"] for id, v in told(screen).items()} == ids, 10, "all counts being told")
    again = Events(api)
    until(lambda: {id: v["n"] for id, v in told(again).items()} == ids, 10, "all counts being told to a second screen")
    assert not any(f["event"] == "resync" for f in [*screen.frames, *again.frames])
    # Also while the folders are read anew because one of them changed.
    some = next(iter(ids))
    for n in range(12):
        api.patch(f"folders/{some}", {"name": f"again {n}"})
        another = Events(api)
        until(lambda s=another: {id: v["n"] for id, v in told(s).items()} == ids, 10, f"all counts being told to screen {n} more")
        assert not any(f["event"] == "resync" for f in another.frames)


def test_a_folder_that_goes_while_two_screens_of_a_person_are_open_takes_nothing_along(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    folder = api.post("folders", {"name": "Waits", "q": "waiting:>1s", "whose": "workspace"})["id"]
    first = Events(api)
    first.wait(lambda f: f["event"] == "counts" and str(folder) in f["json"].get("folders", {}))
    second = Events(api)
    second.wait(lambda f: f["event"] == "counts" and str(folder) in f["json"].get("folders", {}))
    api.delete(f"folders/{folder}")
    for n in range(5):
        channel.customer(f"still there? {n}", id=f"m{n}", thread=f"t{n}")
        first.wait(lambda f, n=n: f["event"] == "message" and f["json"]["text"] == f"still there? {n}")
    second.wait(lambda f: f["event"] == "message" and f["json"]["text"] == "still there? 4")
