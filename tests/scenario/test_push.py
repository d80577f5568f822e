# SPDX-License-Identifier: AGPL-3.0-or-later
"""Browser pushes: what arrives at a browser, opened with its own keys; what becomes of those that do not arrive."""
import time

from lib import push
from lib.heed import Channel, until


def office(world, answer=None, **choice):
    service = push.Service(answer)
    server = world(allow=[service.host])
    ada = server.api(name="Ada")
    server.user("mai@example.com", "agent", name="Mai")
    mai = server.sign_in("mai@example.com")
    if choice:
        mai.patch("me/pings", choice)
    phone = push.Browser(service, "phone")
    device = mai.post("push/devices", phone.subscription())
    channel = Channel(ada)
    channel.customer("My secret order is 4711", id="m1")
    conversation = until(lambda: ada.conversations())[0]["id"]
    return service, server, ada, mai, phone, device, conversation


def give(ada, mai, conversation):
    ada.patch(f"conversations/{conversation}", {"assignee_id": mai.get("me")["id"]})


def test_a_push_opens_with_the_browsers_own_keys_and_says_nothing_of_the_customer(world):
    service, server, ada, mai, phone, device, conversation = office(world)
    give(ada, mai, conversation)
    until(lambda: service.pushes("phone"), 15, "the push")
    got = service.pushes("phone")[0]
    letter = phone.open(got["body"])
    assert letter["kind"] == "assigned" and letter["conversation"] == conversation
    assert "4711" not in str(letter) and "Kim" not in str(letter), "a locked screen shows no customer"
    assert b"4711" not in got["body"] and b"assigned" not in got["body"]
    headers = got["headers"]
    assert headers["Content-Encoding"] == "aes128gcm" and headers["Urgency"] == "high"
    assert 0 < int(headers["TTL"]) <= 4 * 3600 and headers["Topic"] == f"c{conversation}"
    claims = push.check_sender(got, mai.get("push")["public_key"], service.url)
    assert time.time() < claims["exp"] <= time.time() + 24 * 3600
    until(lambda: mai.get("push")["devices"][0]["last_ok_at"], what="the device is known to work")
    service.close()


def test_whoever_chose_so_gets_the_words_too(world):
    service, server, ada, mai, phone, device, conversation = office(world, push_text=True)
    give(ada, mai, conversation)
    letter = phone.open(until(lambda: service.pushes("phone"), 15)[0]["body"])
    assert (letter["name"], letter["text"], letter["by"]) == ("Kim", "My secret order is 4711", "Ada")
    service.close()


def test_whoever_looks_at_the_page_is_not_pushed(world):
    service, server, ada, mai, phone, device, conversation = office(world)
    give(ada, mai, conversation)
    ping = until(lambda: mai.get("pings")["items"])[0]
    mai.post("pings/shown", {"ids": [ping["id"]]}, expect=204)
    time.sleep(8)
    assert not service.pushes("phone")
    service.close()


def test_a_browser_that_is_gone_is_removed_and_its_ping_passed_on(world):
    service, server, ada, mai, phone, device, conversation = office(world, lambda name: 410 if name == "phone" else 201)
    server.user("jaan@example.com", "agent", name="Jaan")
    jaan = server.sign_in("jaan@example.com")
    give(ada, mai, conversation)
    until(lambda: not mai.get("push")["devices"], 15, "the device being removed")
    until(lambda: any(p["kind"] == "passed_on" and p["from"]["name"] == "Mai" for api in (jaan, ada) for p in api.get("pings")["items"]), 15, "passed on")
    told = [h for h in ada.get(f"conversations/{conversation}/happenings")["items"] if h["kind"] == "ping.passed"]
    assert told and len(service.pushes("phone")) == 1
    service.close()


def test_a_push_service_in_trouble_is_asked_again_when_it_says_so(world):
    tries = []

    def answer(name):
        tries.append(time.monotonic())
        return (429, {"Retry-After": "3"}) if len(tries) == 1 else 201

    service, server, ada, mai, phone, device, conversation = office(world, answer)
    give(ada, mai, conversation)
    until(lambda: len(tries) == 2, 25, "the second try")
    assert tries[1] - tries[0] >= 2.5
    assert mai.get("push")["devices"], "trouble of the service is no fault of the device"
    service.close()


def test_a_refused_push_says_why_and_keeps_the_device(world):
    service, server, ada, mai, phone, device, conversation = office(world, lambda name: 403)
    mai.post(f"push/devices/{device['id']}/test", expect=202)
    until(lambda: "403" in mai.get("push")["devices"][0]["error"], 15, "the reason")
    service.close()


def test_devices_are_ones_own_and_end_with_their_session(world):
    service, server, ada, mai, phone, device, conversation = office(world)
    server.user("jaan@example.com", "agent", name="Jaan")
    jaan = server.sign_in("jaan@example.com")
    assert not jaan.get("push")["devices"]
    jaan.delete(f"push/devices/{device['id']}", expect=404)
    jaan.post(f"push/devices/{device['id']}/test", expect=404)
    laptop = push.Browser(service, "laptop")
    again = server.sign_in("mai@example.com")
    made = again.post("push/devices", laptop.subscription())
    assert [d["current"] for d in again.get("push")["devices"]] == [False, True]
    mai.delete(f"push/devices/{device['id']}")
    again.call("DELETE", "session", expect=204)
    give(ada, mai, conversation)
    time.sleep(8)
    assert not service.got, "neither the removed nor the signed-out browser is pushed"
    assert made["id"] not in [d["id"] for d in mai.get("push")["devices"]]
    service.close()


def test_what_is_no_subscription_is_refused_by_name(world):
    service, server, ada, mai, phone, device, conversation = office(world)
    good = phone.subscription()
    for change, field in (({"endpoint": "http://push.example/x"}, "endpoint"), ({"endpoint": "https://127.0.0.1/x"}, "endpoint"),
                          ({"endpoint": "https://169.254.169.254/x"}, "endpoint"), ({"endpoint": "nonsense"}, "endpoint"),
                          ({"keys": {**good["keys"], "auth": "AAAA"}}, "keys.auth"),
                          ({"keys": {**good["keys"], "p256dh": push.b64(b"\x04" + bytes(64))}}, "keys.p256dh")):
        errors = mai.post("push/devices", {**good, **change}, expect=422)["errors"]
        assert errors[0]["field"] == field, (change, errors)
    assert ada.call("POST", "push/devices", good).status == 403, "a token is no browser"
    service.close()


def test_the_key_pair_stays_over_restarts_and_is_never_given_out(world):
    service, server, ada, mai, phone, device, conversation = office(world)
    before = mai.get("push")["public_key"]
    server.stop()
    server.start()
    assert mai.get("push")["public_key"] == before and len(push.unb64(before)) == 65
    assert "endpoint" not in str(mai.get("push")) and phone.name not in str(mai.get("push"))
    service.close()


def test_what_waits_is_not_sent_to_who_signed_out_or_may_no_longer_see_it(world):
    service, server, ada, mai, phone, device, conversation = office(world, lambda name: (503, {"Retry-After": "6"}))
    me = mai.get("me")["id"]
    give(ada, mai, conversation)
    until(lambda: len(service.got) == 1, 20, "the first try, which is put off")
    ada.patch(f"agents/{me}", {"all_channels": False, "channel_ids": []})
    time.sleep(10)
    assert len(service.got) == 1, "out of sight"
    ada.patch(f"agents/{me}", {"all_channels": True})
    ada.patch(f"conversations/{conversation}", {"assignee_id": None})
    give(ada, mai, conversation)
    until(lambda: len(service.got) == 2, 20, "the first try of the second")
    mai.call("DELETE", "session", expect=204)
    time.sleep(10)
    assert len(service.got) == 2, "signed out"
    service.close()
