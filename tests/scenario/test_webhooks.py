# SPDX-License-Identifier: AGPL-3.0-or-later
"""Outgoing webhooks: signed, once per event and endpoint, tried for days, never to a private address."""
import base64
import hashlib
import hmac
import json
import time

from lib.heed import Channel, Server, until

KINDS = ["conversation.created", "message.created", "message.state"]


def verified(seen, *secrets):
    """The event, when one of the secrets signed these bytes."""
    head = {k.lower(): v for k, v in seen["headers"].items()}
    content = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + seen["body"]
    given = head["webhook-signature"].split()
    assert abs(int(head["webhook-timestamp"]) - time.time()) < 3600 * 24 * 30
    for secret in secrets:
        mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), content, hashlib.sha256).digest()
        assert f"v1,{base64.b64encode(mac).decode()}" in given, "a signature is missing"
    assert len(given) == len(secrets)
    return json.loads(seen["body"])


def told(hook, kind=None):
    with hook.lock:
        seen = [r for r in hook.requests if r["method"] == "POST" and "webhook-id" in {k.lower() for k in r["headers"]}]
    return [r for r in seen if kind is None or r["json"]["type"] == kind]


def webhook(api, hook, kinds=KINDS, **more):
    return api.post("webhooks", {"name": "Shop system", "url": f"http://{hook.host}/heed", "kinds": kinds, **more})


def test_each_event_is_told_once_with_the_whole_item(world):
    hook, shop = world.receiver(lambda seen: (200, {}, "thank you")), world.receiver()
    server = world(allow=[hook.host, shop.host])
    api = server.api()
    channel = Channel(api, deliver_url=shop.url)
    channel.customer("before anybody listened", thread="t0")
    until(lambda: api.conversations())
    made = webhook(api, hook)
    assert made["secret"].startswith("whsec_") and "secret" not in api.get(f"webhooks/{made['id']}")
    channel.customer("where is it?", thread="t1")
    event = verified(until(lambda: told(hook, "message.created"), 10)[0], made["secret"])
    assert event["data"]["message"]["text"] == "where is it?"
    conversation = event["data"]["conversation"]
    assert conversation["id"] == event["data"]["message"]["conversation_id"]
    shown = api.get(f"conversations/{conversation['id']}")
    assert set(conversation) == set(shown), "as the API shows it"
    until(lambda: told(hook, "conversation.created"), 10)
    api.post(f"conversations/{conversation['id']}/messages", {"kind": "reply", "text": "on its way"})
    until(lambda: [r for r in told(hook, "message.state") if r["json"]["data"]["details"]["after"] == "sent"], 10)
    until(lambda: api.get(f"webhooks/{made['id']}")["waiting"] == 0, 10)
    ids = [{k.lower(): v for k, v in r["headers"].items()}["webhook-id"] for r in told(hook)]
    assert len(ids) == len(set(ids)) and not any("." in i for i in ids)
    assert not [r for r in told(hook) if "before anybody" in r["body"].decode()], "what was before is not told"
    log = api.get(f"webhooks/{made['id']}/deliveries")["items"]
    assert {d["message_key"] for d in log} == set(ids) and all(d["state"] == "done" and d["status"] == 200 for d in log)
    one = api.get(f"webhooks/{made['id']}/deliveries/{log[0]['id']}")
    assert one["tries"][0]["answer"] == "thank you" and json.loads(one["body"])["type"] == one["kind"]
    # Once more by hand: the same id and the same bytes.
    before = len(told(hook))
    api.post(f"webhooks/{made['id']}/deliveries/{log[-1]['id']}/replay", expect=202)
    again = until(lambda: told(hook)[before:], 10)[0]
    assert {k.lower(): v for k, v in again["headers"].items()}["webhook-id"] == log[-1]["message_key"]
    assert again["body"] in [r["body"] for r in told(hook)[:before]]


def test_a_new_secret_signs_beside_the_old_one(world):
    hook = world.receiver(lambda seen: (204, {}, ""))
    server = world(allow=[hook.host])
    api = server.api()
    made = webhook(api, hook)
    fresh = api.post(f"webhooks/{made['id']}/rotate-secret", expect=200)["secret"]
    test = api.post(f"webhooks/{made['id']}/test", expect=202)
    seen = until(lambda: told(hook), 10)[0]
    assert verified(seen, fresh, made["secret"])["type"] == "webhook.test"
    until(lambda: api.get(f"webhooks/{made['id']}/deliveries/{test['id']}")["state"] == "done", 10)


def test_what_fails_is_tried_again_and_a_long_failure_is_told(world):
    answers = {"status": 500}
    hook = world.receiver(lambda seen: (answers["status"], {"Retry-After": "1"} if answers["status"] == 429 else {}, "no"))
    server = world(allow=[hook.host])
    api = server.api()
    made = webhook(api, hook)
    api.post(f"webhooks/{made['id']}/test", expect=202)
    until(lambda: told(hook), 10)
    first = until(lambda: [d for d in api.get(f"webhooks/{made['id']}/deliveries")["items"] if d["attempts"] == 1 and d["status"] == 500], 10)[0]
    assert first["state"] == "waiting" and first["error"]
    assert api.get(f"webhooks/{made['id']}")["failing_since"]
    until(lambda: len(told(hook)) == 2, 15, "the second attempt about five seconds later")
    answers["status"] = 200

    def shift(hours):
        server.stop()
        server.env["HEED_TEST_CLOCK_MS"] = str(int(hours * 3600 * 1000))
        server.start()
    shift(1)
    until(lambda: api.get(f"webhooks/{made['id']}/deliveries")["items"][0]["state"] == "done", 15)
    assert api.get(f"webhooks/{made['id']}")["failing_since"] is None
    keys = {json.dumps([{k.lower(): v for k, v in r["headers"].items()}["webhook-id"], r["body"].decode()]) for r in told(hook)}
    assert len(keys) == 1, "the same id and bytes on each attempt"
    # Five days of nothing but failures.
    answers["status"] = 503
    api.post(f"webhooks/{made['id']}/test", expect=202)
    for hours in (1.5, 3, 8, 20, 40, 65, 95, 125):
        count = len(told(hook))
        shift(hours)
        until(lambda: len(told(hook)) > count, 15, f"an attempt after {hours} hours")
    until(lambda: api.get(f"webhooks/{made['id']}")["state"] == "disabled", 15)
    assert "five days" in api.get(f"webhooks/{made['id']}")["state_reason"]
    assert api.call("POST", f"webhooks/{made['id']}/test", {}).status == 409
    assert api.patch(f"webhooks/{made['id']}", {"enabled": True})["failing_since"] is None


def test_410_ends_it_at_once_and_redirects_are_not_followed(world):
    elsewhere = world.receiver()
    gone = world.receiver(lambda seen: (410, {}, "gone"))
    moved = world.receiver(lambda seen: (302, {"Location": elsewhere.url}, ""))
    server = world(allow=[gone.host, moved.host, elsewhere.host])
    api = server.api()
    first, second = webhook(api, gone), webhook(api, moved)
    for made in (first, second):
        api.post(f"webhooks/{made['id']}/test", expect=202)
    until(lambda: api.get(f"webhooks/{first['id']}")["state"] == "disabled", 10)
    assert api.get("status")["webhooks_given_up"] == 1
    assert server.api("lead@example.com", "lead").get("status")["webhooks_given_up"] == 0, "administrators alone are told"
    api.patch(f"webhooks/{second['id']}", {"enabled": False})
    assert api.get("status")["webhooks_given_up"] == 1, "what one did oneself is no news"
    api.patch(f"webhooks/{second['id']}", {"enabled": True})
    until(lambda: api.get(f"webhooks/{second['id']}/deliveries")["items"][0]["status"] == 302, 10)
    assert not elsewhere.requests


def test_a_dead_place_holds_up_nobody_else(world):
    dead = world.receiver(lambda seen: "hang")
    good = world.receiver(lambda seen: (200, {}, ""))
    server = world(allow=[dead.host, good.host])
    api = server.api()
    bad, fine = webhook(api, dead), webhook(api, good)
    for _ in range(6):
        api.post(f"webhooks/{bad['id']}/test", expect=202)
    until(lambda: told(dead), 10)
    api.post(f"webhooks/{fine['id']}/test", expect=202)
    until(lambda: told(good), 5, "the good one being told meanwhile")


def test_kill_in_between_loses_and_doubles_nothing(world):
    hook, shop = world.receiver(lambda seen: (200, {}, "")), world.receiver()
    server = world(allow=[hook.host, shop.host])
    api = server.api()
    made = webhook(api, hook, ["message.created"])
    channel = Channel(api, deliver_url=shop.url)
    for turn in range(4):
        for n in range(10):
            channel.customer(f"message {turn}/{n}", thread=f"t{n % 3}")
        time.sleep(0.05 * turn)
        server.kill()
        server.start()
    until(lambda: sum(c["message_count"] for c in api.conversations()) == 40, 30)

    def rows():
        items, cursor = [], ""
        while cursor is not None:
            page = api.get(f"webhooks/{made['id']}/deliveries?limit=100" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next"]
        return items
    until(lambda: len(rows()) == 40, 15, "one row per event and endpoint")
    # What was under way when it was killed goes out again when its lease is over, under the same id.
    server.stop()
    server.env["HEED_TEST_CLOCK_MS"] = "120000"
    server.start()
    until(lambda: all(d["state"] == "done" for d in rows()), 30)
    texts = {r["json"]["data"]["message"]["text"] for r in told(hook)}
    assert texts == {f"message {t}/{n}" for t in range(4) for n in range(10)} and len(rows()) == 40


def test_private_addresses_and_wrong_kinds_are_refused_when_saved(world):
    hook = world.receiver()
    server = world(allow=[hook.host])
    api = server.api()
    for url in ("http://127.0.0.1:1/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/x", "https://169.254.169.254/latest", "https://0x7f000001/",
                "https://localhost/", "ftp://example.com/", "http://example.com/", "not an address", "https://user:pass@192.168.0.1/", ""):
        answer = api.call("POST", "webhooks", {"url": url, "kinds": KINDS})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == "url", (url, answer)
    for kinds, field in (([], "kinds"), (["message.merged"], "kinds.0"), (["message.created", "agent.signed_in"], "kinds.1"), (["*"], "kinds.0")):
        answer = api.call("POST", "webhooks", {"url": f"http://{hook.host}/", "kinds": kinds})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == field, (kinds, answer)
    made = webhook(api, hook)
    answer = api.call("PATCH", f"webhooks/{made['id']}", {"url": "https://10.0.0.1/"})
    assert answer.status == 422 and answer.json["errors"][0]["field"] == "url"
    assert server.api("lead@example.com", "lead").call("GET", "webhooks").status == 403
    other = server.api("other@example.com", "owner", server.workspace("Other"))
    assert other.get("webhooks")["items"] == []
    for method, path in (("GET", f"webhooks/{made['id']}"), ("PATCH", f"webhooks/{made['id']}"), ("DELETE", f"webhooks/{made['id']}"),
                         ("POST", f"webhooks/{made['id']}/test"), ("POST", f"webhooks/{made['id']}/rotate-secret"), ("GET", f"webhooks/{made['id']}/deliveries")):
        assert other.call(method, path, {} if method in ("PATCH", "POST") else None).status == 404, (method, path)


def test_an_endpoint_ends_with_the_right_of_whoever_made_it(world):
    hook = world.receiver(lambda seen: (200, {}, ""))
    server = world(allow=[hook.host])
    owner, admin = server.api(), server.api("admin@example.com", "admin")
    made = webhook(admin, hook)
    owner.patch(f"agents/{admin.get('me')['id']}", {"role": "agent"})
    owner.post(f"webhooks/{made['id']}/test", expect=202)
    until(lambda: owner.get(f"webhooks/{made['id']}")["state"] == "disabled", 10)
    assert not told(hook)
    assert isinstance(server, Server)


def test_a_private_deliver_url_is_refused_when_saved(world):
    server = world()
    api = server.api()
    for url in ("http://127.0.0.1:1/", "https://10.0.0.1/x", "https://[::1]/", "https://169.254.169.254/"):
        answer = api.call("POST", "channels", {"kind": "custom", "name": "Shop", "settings": {"deliver_url": url}})
        assert answer.status == 422 and answer.json["errors"][0]["field"] == "settings.deliver_url", (url, answer)
    channel = Channel(api)
    answer = api.call("PATCH", f"channels/{channel.id}", {"settings": {"deliver_url": "https://192.168.1.1/"}})
    assert answer.status == 422 and answer.json["errors"][0]["field"] == "settings.deliver_url", answer
