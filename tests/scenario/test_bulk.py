# SPDX-License-Identifier: AGPL-3.0-or-later
"""One change to many conversations: a selection or a query; watched, stopped, taken back; within rights."""
import time
import uuid

from lib.heed import Channel, iso, until


def many(api, n, name="Shop"):
    channel = Channel(api, name)
    for begin in range(0, n, 100):
        channel.post([{"type": "message.created", "id": f"{name}{begin + k}", "thread": f"{name}{begin + k}", "author": {"id": f"{name}{begin + k}", "name": f"Kim {begin + k}"},
                       "text": "where is it", "created_at": "2026-01-01T00:00:00Z"} for k in range(min(100, n - begin))])
    until(lambda: api.get("counts")["channels"].get(str(channel.id)) == n, 30)
    return channel


def over(api, bulk):
    return until(lambda: (b := api.get(f"bulk/{bulk['id']}"))["state"] not in ("running", "undoing") and b, 30, "the change being over")


def test_a_selection_is_changed_and_taken_back(world):
    server = world()
    api = server.api("lead@x.example", "owner", name="Ada")
    many(api, 12)
    me = api.get("me")["id"]
    ids = [c["id"] for c in api.conversations("is:open")]
    marked, rest = ids[:5], ids[5:]
    api.patch(f"conversations/{marked[0]}", {"tags": ["vip", "old"], "priority": "high"})
    bulk = api.post("bulk", {"ids": marked + marked[:2], "assignee_id": me, "priority": "urgent", "add_tags": ["Late", "vip"], "remove_tags": ["OLD"]})
    assert bulk["total"] == 5 and bulk["found_all"]
    done = over(api, bulk)
    assert (done["state"], done["done"], done["failed"]) == ("done", 5, 0)
    for id in marked:
        c = api.get(f"conversations/{id}")
        assert c["assignee"]["id"] == me and c["priority"] == "urgent" and sorted(c["tags"]) == ["Late", "vip"]
    assert all(api.get(f"conversations/{id}")["assignee"] is None for id in rest)
    # In the log under the name of who asked.
    happened = api.get(f"conversations/{marked[1]}/happenings")["items"]
    assert any(h["kind"] == "conversation.updated" and h["agent"]["name"] == "Ada" for h in happened)
    # Somebody changes one again; taking back leaves that alone.
    api.patch(f"conversations/{marked[1]}", {"priority": "low"})
    undone = over(api, api.call("POST", f"bulk/{bulk['id']}/undo", {}).json)
    assert (undone["state"], undone["done"], undone["failed"]) == ("undone", 0, 0)
    first, second = (api.get(f"conversations/{id}") for id in marked[:2])
    assert (first["priority"], first["tags"], first["assignee"]) == ("high", ["old", "vip"], None)
    assert (second["priority"], second["tags"], second["assignee"]) == ("low", [], None)


def test_all_that_a_query_finds_is_changed_once(world):
    server = world()
    api = server.api("lead@x.example", "owner")
    many(api, 650)
    bulk = api.post("bulk", {"q": "is:unanswered", "status": "closed", "read": True})
    assert not bulk["found_all"]
    done = over(api, bulk)
    assert (done["state"], done["total"], done["done"], done["failed"]) == ("done", 650, 650, 0)
    counts = api.get("counts")
    assert counts["open"] == 0 and counts["closed"] == 650
    undone = over(api, api.call("POST", f"bulk/{bulk['id']}/undo", {}).json)
    assert undone["state"] == "undone"
    counts = api.get("counts")
    assert counts["open"] == 650 and counts["unanswered"] == 650 and counts["closed"] == 0
    # A repeat with the same key is the same change, not another one.
    key = str(uuid.uuid4())
    first = api.call("POST", "bulk", {"q": "is:open", "add_tags": ["once"]}, headers={"Idempotency-Key": key})
    again = api.call("POST", "bulk", {"q": "is:open", "add_tags": ["once"]}, headers={"Idempotency-Key": key})
    assert first.json["id"] == again.json["id"] and again.status == 201
    over(api, first.json)


def test_a_long_one_is_stopped_and_what_was_done_can_be_taken_back(world):
    server = world()
    api = server.api("lead@x.example", "owner")
    many(api, 900)
    bulk = api.post("bulk", {"q": "is:open", "priority": "low"})
    until(lambda: api.get(f"bulk/{bulk['id']}")["done"] > 0, 10)
    stopped = api.call("POST", f"bulk/{bulk['id']}/stop", {}).json
    assert stopped["state"] in ("stopped", "done")
    time.sleep(0.8)
    after = api.get(f"bulk/{bulk['id']}")
    low = len([1 for page in [api.conversations("priority:low", limit=100)] for _ in page])
    assert after["done"] == stopped["done"] and (after["done"] >= 100 or low == after["done"])
    assert over(api, api.call("POST", f"bulk/{bulk['id']}/undo", {}).json)["state"] == "undone"
    assert api.conversations("priority:low") == []


def test_a_change_to_many_keeps_to_rights_and_names_what_is_wrong(world):
    server = world()
    admin = server.api("lead@x.example", "owner")
    ours, hidden = many(admin, 3, "Ours"), many(admin, 2, "Hidden")
    agent = server.api("agent@x.example", "agent")
    viewer = server.api("viewer@x.example", "viewer")
    admin.patch(f"agents/{agent.get('me')['id']}", {"all_channels": False, "channel_ids": [ours.id]})
    secret = [c["id"] for c in admin.conversations(f"channel:{hidden.id}")]
    seen = [c["id"] for c in admin.conversations(f"channel:{ours.id}")]
    assert viewer.call("POST", "bulk", {"ids": seen, "status": "closed"}).status == 403
    done = over(agent, agent.post("bulk", {"ids": seen + secret + [987654], "status": "closed"}))
    assert (done["done"], done["failed"]) == (3, 3) and "no such conversation" in done["error"]
    assert all(admin.get(f"conversations/{id}")["status"] == "open" for id in secret)
    done = over(agent, agent.post("bulk", {"q": "is:any", "priority": "low"}))
    assert (done["total"], done["done"]) == (3, 3)
    assert all(admin.get(f"conversations/{id}")["priority"] == "normal" for id in secret)
    assert admin.call("GET", f"bulk/{done['id']}").status == 404 and admin.call("POST", f"bulk/{done['id']}/undo", {}).status == 404
    for body, status, field in (
        ({"status": "closed"}, 422, "ids"), ({"ids": [], "status": "closed"}, 422, "ids"), ({"ids": [1], "q": "is:open", "status": "closed"}, 422, "ids"),
        ({"q": "is:opn", "status": "closed"}, 400, "q"), ({"ids": [1]}, 422, "status"), ({"ids": [1], "status": "snoozed"}, 422, "snoozed_until"),
        ({"ids": [1], "status": "snoozed", "snoozed_until": iso(time.time() - 60)}, 422, "snoozed_until"), ({"ids": [1], "assignee_id": 99999}, 422, "assignee_id"),
        ({"ids": [1], "team_id": 99999}, 422, "team_id"), ({"ids": [1], "add_tags": [""]}, 422, "add_tags"), ({"ids": [1], "read": False}, 422, "read"),
        ({"ids": list(range(1, 1002)), "status": "closed"}, 422, "ids"), ({"ids": [1], "status": "gone"}, 422, "status"),
    ):
        answer = admin.call("POST", "bulk", body)
        assert (answer.status, answer.json["errors"][0]["field"]) == (status, field), (body, answer)


def test_a_change_goes_on_after_a_restart(world):
    server = world()
    api = server.api("lead@x.example", "owner")
    many(api, 800)
    bulk = api.post("bulk", {"q": "is:open", "add_tags": ["after"]})
    until(lambda: api.get(f"bulk/{bulk['id']}")["done"] > 0, 10)
    server.kill()
    server.start()
    done = over(api, bulk)
    assert (done["state"], done["done"], done["failed"]) == ("done", 800, 0)
    assert next(t for t in api.get("tags")["items"] if t["name"] == "after")["open_count"] == 800


def test_one_that_was_merged_meanwhile_stops_neither_this_change_nor_the_next(world):
    server = world()
    api = server.api("lead@x.example", "owner")
    many(api, 3)
    into, merged, other = [c["id"] for c in api.conversations("is:open")]
    api.call("POST", f"conversations/{into}/merge", {"from_id": merged}, expect=200)
    first = api.post("bulk", {"ids": [merged, other], "priority": "high"})
    second = api.post("bulk", {"ids": [into], "priority": "urgent"})
    done = over(api, first)
    assert (done["state"], done["done"], done["failed"]) == ("done", 1, 1)
    assert over(api, second)["done"] == 1
    assert api.get(f"conversations/{into}")["priority"] == "urgent"


def test_what_goes_out_of_sight_is_changed_whole_and_can_be_taken_back(world):
    server = world()
    owner = server.api("lead@x.example", "owner")
    channel = many(owner, 1)
    team = owner.post("teams", {"name": "Elsewhere"})["id"]
    agent = server.api("ben@x.example", "agent", name="Ben")
    owner.patch(f"agents/{agent.get('me')['id']}", {"all_teams": False, "team_ids": []})
    id = agent.conversations("is:open")[0]["id"]
    bulk = agent.post("bulk", {"ids": [id], "team_id": team, "read": True})
    done = over(agent, bulk)
    assert (done["done"], done["failed"]) == (1, 0) and channel
    assert owner.get(f"conversations/{id}")["team"]["id"] == team
