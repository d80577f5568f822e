# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers' cards: what colleagues keep there, and one person under several contacts."""
from lib.heed import Channel, Events, until


def people(world, *who):
    """(thread, author, name, handle) -> server, api, channel, {thread: conversation}"""
    server = world(allow=["127.0.0.1:9"])
    api = server.api(name="Ada")
    channel = Channel(api)
    for thread, author, name, handle in who:
        channel.customer(f"hello from {thread}", thread=thread, author=author, name=name, handle=handle)
    until(lambda: len(api.conversations("is:any")) == len(who))
    return server, api, channel, by_thread(api)


def by_thread(api):
    return {c["preview"].rsplit(" ", 1)[-1]: c for c in api.conversations("is:any")}


def card(api, contact):
    return {k: v for k, v in api.get(f"contacts/{contact}").items()}


def test_what_a_colleague_knows_is_kept_and_bad_words_name_their_field(world):
    _, api, _, threads = people(world, ("a", "u1", "Kim", "@kim"))
    kim = threads["a"]["contact"]["id"]
    screen = Events(api)
    kept = api.patch(f"contacts/{kim}", {"email": " Kim@Example.org ", "phone": "+372 5555 0101", "time_zone": "Asia/Seoul", "language": "ko", "name": "김민준",
                                         "note": "Likes handwritten cards 💌", "consent": "given", "consent_note": "by phone", "tags": ["VIP", "vip", "Press"]})
    assert (kept["email"], kept["phone"], kept["time_zone"], kept["language"], kept["consent"], kept["consent_note"]) == \
        ("Kim@Example.org", "+372 5555 0101", "Asia/Seoul", "ko", "given", "by phone")
    assert kept["tags"] == ["Press", "VIP"] and kept["consent_at"]
    screen.wait(lambda f: f["event"] == "conversation" and f["json"]["contact"]["name"] == "김민준")
    again = api.patch(f"contacts/{kim}", {"consent_note": "in the shop", "tags": []})
    assert again["consent_at"] == kept["consent_at"] and again["tags"] == [] and again["email"] == kept["email"]
    for field, bad in (("email", "nobody"), ("email", "a@b@c"), ("email", "a b@c"), ("phone", "12"), ("time_zone", "Mars; DROP"), ("consent", "maybe"), ("name", "  "),
                       ("tags", "x"), ("email", 7)):
        answer = api.call("PATCH", f"contacts/{kim}", {field: bad})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == field, (field, bad, answer)
    assert api.call("PATCH", f"contacts/{kim}", {"tags": ["ok", " "]}).json["errors"][0]["field"] == "tags.1"
    assert card(api, kim)["tags"] == [], "a refused change changes nothing"


def test_the_same_person_is_suggested_with_the_reason_and_never_on_a_name_alone(world):
    _, api, _, threads = people(world, ("a", "u1", "Kim", "@kim"), ("b", "u2", "Kim", "@other"), ("c", "u3", "Mari", "@mari"))
    a, b, c = (threads[t]["contact"]["id"] for t in "abc")
    assert api.get(f"contacts/{a}/suggestions")["items"] == [], "the same name is no reason"
    api.patch(f"contacts/{a}", {"email": "kim@example.org"})
    api.patch(f"contacts/{b}", {"email": "KIM@example.org", "phone": "+82 2-555-0101"})
    api.patch(f"contacts/{c}", {"phone": "+8225550101"})
    of_a, of_b = (api.get(f"contacts/{x}/suggestions")["items"] for x in (a, b))
    assert [(s["id"], [(r["kind"], r["value"]) for r in s["reasons"]]) for s in of_a] == [(b, [("email", "kim@example.org")])]
    assert sorted((s["id"], s["reasons"][0]["kind"]) for s in of_b) == sorted([(a, "email"), (c, "phone")])
    assert api.call("POST", f"contacts/{a}/apart", {"contact_id": b}).status == 204
    assert api.get(f"contacts/{a}/suggestions")["items"] == []
    assert [s["id"] for s in api.get(f"contacts/{b}/suggestions")["items"]] == [c]


def test_a_merge_shows_one_person_and_its_undoing_restores_both_exactly(world):
    _, api, channel, threads = people(world, ("a", "u1", "Kim", "@kim"), ("b", "u2", "Min", "@min"), ("c", "u3", "Mari", "@mari"))
    a, b, c = (threads[t]["contact"]["id"] for t in "abc")
    api.patch(f"contacts/{a}", {"note": "note of a", "tags": ["one"], "email": "a@example.org"})
    api.patch(f"contacts/{b}", {"note": "note of b", "tags": ["two"]})
    before = card(api, a), card(api, b), card(api, c)
    screen = Events(api)

    merged = api.post(f"contacts/{a}/merge", {"contact_id": b}, expect=200)
    assert {c["preview"] for c in merged["conversations"]} == {"hello from a", "hello from b"}
    assert {i["handle"] for i in merged["identities"]} == {"@kim", "@min"}
    assert [(p["id"], p["name"], p["note"], p["merged_by"]) for p in merged["parts"]] == [(b, "Min", "note of b", "Ada")]
    assert merged["note"] == "note of a"
    screen.wait(lambda f: f["event"] == "conversation" and f["json"]["id"] == threads["b"]["id"] and f["json"]["contact"] == {**f["json"]["contact"], "id": a, "name": "Kim"})
    assert card(api, b) == card(api, a), "the old number leads to the card that shows it"

    # Three deep, and messages that come meanwhile.
    api.post(f"contacts/{c}/merge", {"contact_id": a}, expect=200)
    channel.customer("hello from d", thread="d", author="u2", name="Min", handle="@min")
    until(lambda: by_thread(api).get("d"))
    assert by_thread(api)["d"]["contact"]["id"] == c
    assert {p["id"] for p in card(api, c)["parts"]} == {a, b}

    for body, code in (({"contact_id": c}, "same"), ({"contact_id": a}, "merged")):
        answer = api.call("POST", f"contacts/{c}/merge", body)
        assert answer.status == 422 and answer.json["errors"][0] == {**answer.json["errors"][0], "field": "contact_id", "code": code}, answer
    assert api.call("POST", f"contacts/{c}/merge", {"contact_id": 999999}).status == 404

    # b out of the middle: it takes along what came meanwhile; then a.
    api.post(f"contacts/{c}/unmerge", {"contact_id": b}, expect=200)
    alone = card(api, b)
    assert {x["preview"] for x in alone["conversations"]} == {"hello from b", "hello from d"} and alone["tags"] == ["two"]
    api.post(f"contacts/{c}/unmerge", {"contact_id": a}, expect=200)
    assert (card(api, a), card(api, c)) == (before[0], before[2])
    assert {k: v for k, v in alone.items() if k != "conversations"} == {k: v for k, v in before[1].items() if k != "conversations"}
    now = by_thread(api)
    assert [now[t]["contact"]["id"] for t in "abcd"] == [a, b, c, b]
    assert [now[t]["contact"]["name"] for t in "abcd"] == ["Kim", "Min", "Mari", "Min"]
    answer = api.call("POST", f"contacts/{c}/unmerge", {"contact_id": a})
    assert answer.status == 422 and answer.json["errors"][0]["code"] == "not_merged"
    assert api.get(f"contacts/{a}/suggestions")["items"] == []


def test_who_sees_only_one_of_two_customers_merges_and_learns_nothing(world):
    server, api, _, threads = people(world, ("a", "u1", "Kim", "@kim"))
    other = Channel(api)
    other.customer("hello from b", thread="b", author="u9", name="Hidden", handle="@hidden")
    until(lambda: len(api.conversations("is:any")) == 2)
    a, b = threads["a"]["contact"]["id"], by_thread(api)["b"]["contact"]["id"]
    api.patch(f"contacts/{a}", {"email": "x@example.org"})
    api.patch(f"contacts/{b}", {"email": "x@example.org"})
    ben = server.api("ben@example.com", "agent", name="Ben")
    api.patch(f"agents/{ben.get('me')['id']}", {"all_channels": False, "channel_ids": [threads["a"]["channel_id"]]})
    vera = server.api("vera@example.com", "viewer", name="Vera")
    assert ben.get(f"contacts/{a}/suggestions")["items"] == []
    assert ben.call("POST", f"contacts/{a}/merge", {"contact_id": b}).status == 404
    assert ben.call("POST", f"contacts/{b}/merge", {"contact_id": a}).status == 404
    for what in ("merge", "unmerge", "apart"):
        assert vera.call("POST", f"contacts/{a}/{what}", {"contact_id": b}).status == 403
    assert [s["id"] for s in api.get(f"contacts/{a}/suggestions")["items"]] == [b]
