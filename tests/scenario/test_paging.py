# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages: nothing missing and nothing twice, also while new things arrive."""
import urllib.parse

import pytest
from lib.heed import Channel, until


@pytest.mark.parametrize("sort", ["newest", "urgent", "waiting", "created"])
def test_conversations_page_by_page_while_new_ones_arrive(world, sort):
    server = world()
    api = server.api()
    channel = Channel(api)
    for n in range(0, 60, 20):
        channel.post([{"type": "message.created", "id": f"m{n + k}", "thread": f"t{n + k}", "visibility": "private", "author": {"id": f"u{n + k}", "name": "Kim"},
                       "text": f"question {n + k}", "created_at": f"2026-01-01T00:{(n + k) // 7:02d}:00Z"} for k in range(20)])
    until(lambda: api.get("counts")["open"] == 60, 15)
    wanted = {c["id"] for c in api.conversations("is:open")}
    seen, cursor, pages = [], None, 0
    while True:
        page = api.get("conversations?" + urllib.parse.urlencode({"q": "is:open", "sort": sort, "limit": 7, **({"cursor": cursor} if cursor else {})}))
        seen += [c["id"] for c in page["items"]]
        assert len(page["items"]) <= 7
        pages += 1
        if pages in (2, 4):
            channel.customer("in between", thread=f"new{pages}", author=f"new{pages}")
            until(lambda: api.get("counts")["open"] == 60 + pages // 2, 10)
        cursor = page["next"]
        if not cursor:
            break
        assert pages < 100
    assert len(seen) == len(set(seen)), "none twice"
    assert wanted <= set(seen), "none missing"
    for bad in ("x", cursor or "AAAA", "%00", "9" * 400):
        assert api.call("GET", "conversations?" + urllib.parse.urlencode({"q": "is:open", "cursor": bad})).status in (200, 400)


def test_messages_page_back_in_time_while_new_ones_arrive(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    for n in range(0, 90, 30):
        channel.post([{"type": "message.created", "id": f"m{n + k}", "thread": "t", "visibility": "private", "author": {"id": "u", "name": "Kim"},
                       "text": f"{n + k}", "created_at": f"2026-01-01T00:{(n + k) // 5:02d}:00Z"} for k in range(30)])
    conversation = until(lambda: api.conversations(), 10)[0]["id"]
    until(lambda: api.get(f"conversations/{conversation}")["message_count"] == 90, 15)
    seen, cursor = [], None
    for number in range(50):
        page = api.get(f"conversations/{conversation}/messages?" + urllib.parse.urlencode({"limit": 13, **({"cursor": cursor} if cursor else {})}))
        times = [m["created_at"] for m in page["items"]]
        assert times == sorted(times), "each page in time order"
        seen = page["items"] + seen
        if number == 2:
            channel.customer("in between", id="new", thread="t", author="u")
            until(lambda: api.get(f"conversations/{conversation}")["message_count"] == 91, 10)
        cursor = page["next"]
        if not cursor:
            break
    assert sorted(int(m["text"]) for m in seen) == list(range(90))
    assert [m["created_at"] for m in seen] == sorted(m["created_at"] for m in seen)
    for limit in ("0", "101", "-1", "x", "1.5", ""):
        assert api.call("GET", f"conversations/{conversation}/messages?limit={limit}").status == 400


def test_messages_go_on_from_the_first_or_from_any_one(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    channel.post([{"type": "message.created", "id": f"m{k}", "thread": "t", "visibility": "private", "author": {"id": "u", "name": "Kim"},
                   "text": f"{k}", "created_at": f"2026-01-01T00:{k // 5:02d}:00Z"} for k in range(30)])
    conversation = until(lambda: api.conversations(), 10)[0]["id"]
    until(lambda: api.get(f"conversations/{conversation}")["message_count"] == 30, 15)
    path = f"conversations/{conversation}/messages?"
    seen, query = [], {"from": 0}
    for number in range(10):
        page = api.get(path + urllib.parse.urlencode({"limit": 7, **query}))
        seen += page["items"]
        if number == 1:
            channel.customer("in between", id="new", thread="t", author="u")
            until(lambda: api.get(f"conversations/{conversation}")["message_count"] == 31, 10)
        if not page["next"]:
            break
        query = {"cursor": page["next"]}
    assert [m["text"] for m in seen][-1] == "in between", "what comes meanwhile is on the last page"
    assert sorted(int(m["text"]) for m in seen[:-1]) == list(range(30))
    middle = seen[12]["id"]
    assert [m["id"] for m in api.get(path + f"from={middle}&limit=3")["items"]] == [m["id"] for m in seen[12:15]]
    assert [m["id"] for m in api.get(path + f"before={middle}&limit=3")["items"]] == [m["id"] for m in seen[9:12]]
    for bad, field in ((f"from={middle}&before={middle}", "from"), ("from=x", "from"), ("before=-1", "before"), ("before=999999", "before"), ("cursor=on.1", "cursor")):
        answer = api.call("GET", path + bad)
        assert answer.status == 400 and answer.json["errors"][0]["field"] == field, (bad, answer.status)
