# SPDX-License-Identifier: AGPL-3.0-or-later
"""Several brands in one workspace, and customers who are asked over to a brand's support account."""
from lib.heed import Channel, until


def desk(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    ada = server.api(name="Ada")
    main, support = (Channel(ada, name=name, deliver_url=receiver.url) for name in ("Shop", "Shop help"))
    return server, ada, main, support, receiver


def brand(api, name, **more):
    return api.post("brands", {"name": name, **more})


def ids(api, q):
    return sorted(c["id"] for c in api.conversations(q))


def test_conversations_are_found_by_the_brand_of_their_channel(world):
    server, ada, main, support, _ = desk(world)
    third = Channel(ada, name="Other")
    made = brand(ada, "Salt & Marsh", mark="SM", colour="#1d4ed8", links=[{"title": "Help", "url": "https://help.example"}])
    other = brand(ada, "Nordic")
    assert (made["mark"], made["colour"], made["links"][0]["url"], made["steer_texts"]["en"]) == ("SM", "#1d4ed8", "https://help.example", "")
    for channel in (main, support):
        assert ada.patch(f"channels/{channel.id}", {"brand_id": made["id"]})["brand_id"] == made["id"]
    assert ada.get(f"channels/{third.id}")["brand_id"] is None
    places = {}
    for channel in (main, support, third):
        channel.customer("Hello", thread=f"t{channel.id}")
        places[channel.id] = until(lambda c=channel: ids(ada, f"channel:{c.id}"))[0]
    both = sorted((places[main.id], places[support.id]))
    assert ids(ada, 'brand:"salt & marsh"') == both and ids(ada, f"brand:{made['id']}") == both
    assert ids(ada, "brand:any") == both and ids(ada, "brand:none") == [places[third.id]]
    assert ids(ada, "-brand:any") == [places[third.id]] and ids(ada, "brand:nordic") == [] and ids(ada, "brand:nobody") == []
    folder = ada.post("folders", {"name": "Marsh", "q": "is:open brand:\"Salt & Marsh\"", "scope": "own", "icon": "star", "colour": ""}, raw=True, expect=None)
    assert folder.status in (201, 422), folder
    ada.patch(f"channels/{support.id}", {"brand_id": other["id"]})
    assert ids(ada, "brand:nordic") == [places[support.id]]
    # Rights stay with channels.
    mai = server.api("mai@example.com", "agent", name="Mai")
    ada.patch(f"agents/{mai.get('me')['id']}", {"all_channels": False, "channel_ids": [main.id]})
    assert ids(mai, "brand:any") == [places[main.id]] and len(mai.get("brands")["items"]) == 2
    assert mai.call("POST", "brands", {"name": "Mine"}).status == 403
    assert mai.call("DELETE", f"brands/{made['id']}").status == 403
    ada.delete(f"brands/{other['id']}")
    assert ada.get(f"channels/{support.id}")["brand_id"] is None and ids(ada, "brand:none") == sorted((places[support.id], places[third.id]))


def test_what_is_wrong_with_a_brand_is_said_by_field(world):
    _, ada, main, support, _ = desk(world)
    made = brand(ada, "Marsh")

    def refused(method, path, body, field, status=422):
        answer = ada.call(method, path, body)
        assert answer.status == status and answer.json["errors"][0]["field"] == field, answer

    refused("POST", "brands", {"name": " "}, "name")
    refused("POST", "brands", {"name": "MARSH"}, "name", 409)
    refused("POST", "brands", {"name": "A", "mark": "abc"}, "mark")
    refused("POST", "brands", {"name": "A", "colour": "blue"}, "colour")
    refused("POST", "brands", {"name": "A", "colour": "#12345g"}, "colour")
    refused("POST", "brands", {"name": "A", "links": [{"title": "x", "url": "javascript:alert(1)"}]}, "links.0.url")
    refused("PATCH", f"channels/{main.id}", {"brand_id": 999}, "brand_id")
    refused("PATCH", f"channels/{main.id}", {"steer_to": 999}, "steer_to")
    refused("PATCH", f"channels/{main.id}", {"steer_to": main.id}, "steer_to")
    form = ada.post("channels", {"kind": "form", "name": "Form", "settings": {}})
    refused("PATCH", f"channels/{main.id}", {"steer_to": form["id"]}, "steer_to")
    assert [b["name"] for b in ada.get("brands")["items"]] == ["Marsh"]
    assert ada.patch(f"brands/{made['id']}", {"name": "Salt"})["name"] == "Salt"
    assert ada.call("PATCH", "brands/999", {"name": "x"}).status == 404


def test_a_brands_signature_stands_in_for_those_who_have_none(world):
    _, ada, main, _, receiver = desk(world)
    made = brand(ada, "Marsh", signature="Your friends at Marsh")
    ada.patch(f"channels/{main.id}", {"brand_id": made["id"], "settings": {"signature": True}})
    main.customer("Hello")
    c = until(lambda: ids(ada, "is:open"))[0]
    ada.post(f"conversations/{c}/messages", {"kind": "reply", "text": "Hi"})
    assert until(lambda: receiver.sent())[0]["text"] == "Hi\n\nYour friends at Marsh"
    ada.patch("me", {"signature": "Ada"})
    ada.post(f"conversations/{c}/messages", {"kind": "reply", "text": "Again"})
    until(lambda: len(receiver.sent()) == 2)
    assert receiver.sent()[1]["text"] == "Again\n\nAda"


def test_a_customer_is_asked_over_comes_and_the_two_conversations_can_become_one(world):
    server, ada, main, support, receiver = desk(world)
    made = brand(ada, "Marsh", steer_texts={"en": "Ask {account}, they help."})
    ada.patch(f"channels/{main.id}", {"brand_id": made["id"]})
    main.customer("Where is my order? It has been five days and I have heard nothing from you.", author="k", handle="@kim.test", visibility="public")
    c = until(lambda: ids(ada, "is:open"))[0]
    assert ada.get(f"conversations/{c}/steering")["possible"] is False
    answer = ada.call("POST", f"conversations/{c}/messages", {"kind": "reply", "text": "x", "steer": True})
    assert answer.status == 422 and answer.json["errors"][0]["field"] == "steer"
    ada.patch(f"channels/{main.id}", {"steer_to": support.id})
    steering = ada.get(f"conversations/{c}/steering")
    assert (steering["possible"], steering["channel_id"], steering["text"]) == (True, support.id, "Ask Shop help, they help.")
    # Somebody else at the support account is not who was asked over.
    support.customer("Hi", thread="x", author="x", handle="@other.test", name="Kim")
    ada.post(f"conversations/{c}/messages", {"kind": "reply", "text": steering["text"], "steer": True})
    until(lambda: receiver.sent())
    asked = ada.get(f"conversations/{c}/steering")
    assert asked["asked_at"] and asked["to_id"] is None and asked["linked_at"] is None
    support.customer("Hello, I was sent here", thread="k2", author="k2", handle="Kim.Test", name="Kim")
    there = until(lambda: ada.get(f"conversations/{c}/steering")["to_id"], what="the link")
    assert ada.get(f"conversations/{there}")["channel_id"] == support.id
    assert ada.get(f"conversations/{there}")["preview"] == "Hello, I was sent here"
    assert [x["id"] for x in ada.get(f"conversations/{there}/links")["items"]] == [c]
    back = ada.get(f"conversations/{there}/steering")
    assert (back["from_id"], back["to_id"]) == (c, there)
    for place in (c, there):
        assert any(h["kind"] == "conversation.steered" for h in ada.get(f"conversations/{place}/happenings")["items"])
    ada.post(f"conversations/{there}/merge", {"from_id": c}, expect=200)
    assert len(ada.messages(there)) == 3
    # Heed's own words, in the customer's language.
    ada.patch(f"brands/{made['id']}", {"steer_texts": {}})
    main.customer("Tere! Kus mu tellimus on? Ootan juba viis päeva ja keegi ei vasta mulle midagi.", thread="et", author="m", handle="mari")
    other = until(lambda: ids(ada, "lang:et"))[0]
    assert "klienditugi" in ada.get(f"conversations/{other}/steering")["text"]
    # What one may not see is not told.
    mai = server.api("mai@example.com", "agent", name="Mai")
    ada.patch(f"agents/{mai.get('me')['id']}", {"all_channels": False, "channel_ids": [support.id]})
    assert mai.call("GET", f"conversations/{other}/steering").status == 404
    assert mai.get(f"conversations/{there}/steering")["from_id"] is None
