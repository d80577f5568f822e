# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers are found by the beginning of a name's word, of a handle, of an e-mail address; only those one sees."""
import urllib.parse

from lib.heed import Channel, until


def find(api, q):
    return [c["name"] for c in api.get("contacts?" + urllib.parse.urlencode({"q": q}))["items"]]


def test_customers_are_found_by_name_handle_and_address(world):
    server = world()
    api = server.api()
    channel = Channel(api)
    people = [("u1", "Helen Okafor", "@helen.o"), ("u2", "박서연", "@seo"), ("u3", "Ünal İpek", "@UNAL"), ("u4", "Jean-Luc O'Brien", "@jl"), ("u5", "helena b", "@hb")]
    for n, (id, name, handle) in enumerate(people):
        channel.post({"type": "message.created", "id": f"m{n}", "thread": f"t{n}", "visibility": "private", "author": {"id": id, "name": name, "handle": handle},
                      "text": "hello", "created_at": "2026-01-01T00:00:00Z"})
    until(lambda: len(api.conversations("is:any")) == 5, 10)
    until(lambda: find(api, "helen") == ["Helen Okafor", "helena b"], 8, "the names being learnt")
    for q, wanted in (("HELEN oka", ["Helen Okafor"]), ("oka hel", ["Helen Okafor"]), ("okafor", ["Helen Okafor"]), ("박", ["박서연"]), ("서연", ["박서연"]), ("박서연", ["박서연"]),
                      ("luc", ["Jean-Luc O'Brien"]), ("@seo", ["박서연"]), ("unal", ["Ünal İpek"]), ("ünal", ["Ünal İpek"]), ("elen", []), ("", []), ("  ", []), ("%", []), ("helen nobody", [])):
        assert find(api, q) == wanted, q
    helen = next(c for c in api.get("contacts?q=helen")["items"] if c["name"] == "Helen Okafor")
    assert helen["conversation_id"] and helen["handle"] == "@helen.o" and helen["kind"] == "custom"
    api.patch(f"contacts/{helen['id']}", {"name": "Helen Adeyemi", "email": "H.Adeyemi@Example.org"})
    until(lambda: find(api, "adeyemi") == ["Helen Adeyemi"], 8, "the new name being learnt")
    assert find(api, "h.adeyemi@ex") == ["Helen Adeyemi"]
    for bad in ("contacts?q=" + "x" * 300, "contacts?q=a&limit=0", "contacts?query=a"):
        assert api.call("GET", bad).status == 400


def test_hidden_customers_are_not_found(world):
    server = world()
    admin = server.api("a@x.example", "owner")
    ours, hidden = Channel(admin, "Ours"), Channel(admin, "Hidden")
    ours.customer("hi", thread="t1", author="u1", name="Kim Seen")
    hidden.customer("hi", thread="t2", author="u2", name="Kim Hidden")
    until(lambda: sorted(find(admin, "kim")) == ["Kim Hidden", "Kim Seen"], 10)
    agent = server.api("b@x.example", "agent")
    admin.patch(f"agents/{agent.get('me')['id']}", {"all_channels": False, "channel_ids": [ours.id]})
    assert find(agent, "kim") == ["Kim Seen"] and find(agent, "hidden") == []
