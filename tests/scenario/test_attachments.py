# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files both ways: pictures without what they tell about people, everything else as it came, and only for
those who may see the conversation."""
import base64
import contextlib
import hashlib
import json
import os
import signal
import threading
import time

from lib.heed import ROOT, Api, Channel, Receiver, request, until

PICTURES = ROOT / "tests/fixtures/pictures"
PLACE = (PICTURES / "place.jpg").read_bytes()


def tells_nothing(jpeg):
    """At most the orientation is left of what a camera noted: one entry, no place, no maker, no small picture."""
    start = jpeg.find(b"Exif\0\0")
    size = int.from_bytes(jpeg[start - 2:start], "big")
    return start < 0 or size <= 34 and not [c for c in (b"GPS", b"http://ns.adobe.com", b"Photoshop") if c in jpeg]


def serving(world, files):
    """A receiver that also gives out files."""
    def answer(seen):
        if seen["method"] == "GET" and seen["path"].split("?")[0] in files:
            file = files[seen["path"].split("?")[0]]
            return file if isinstance(file, (tuple, str)) else (200, {"Content-Type": "image/jpeg"}, file)
        return (404, {}, "") if seen["method"] == "GET" else None
    return world.receiver(answer)


def attachment(host, name, mime="image/jpeg", **more):
    return {"url": f"http://{host}/{name}", "mime": mime, "name": name, "size": 5, "alt": "a place", **more}


def test_a_customers_picture_is_kept_without_what_it_tells_about_them(world):
    assert b"Exif" in PLACE
    page = b"<html><script>alert(1)</script></html>"
    receiver = serving(world, {"/place.jpg": PLACE, "/page.jpg": page, "/broken.jpg": PLACE[:200], "/huge.jpg": (200, {}, b"\xff\xd8" + b"x" * (26 << 20)), "/moved.jpg": (302, {"Location": "http://127.0.0.1:9/"}, "")})
    server = world(allow=[receiver.host])
    api = server.api()
    other = server.api("hidden@example.com", "agent")
    api.patch(f"agents/{other.get('me')['id']}", {"all_channels": False, "channel_ids": []})
    channel = Channel(api, deliver_url=receiver.url)
    names = ["place.jpg", "broken.jpg", "huge.jpg", "gone.jpg", "moved.jpg"]
    channel.customer("look", attachments=[attachment(receiver.host, n) for n in [*names, "page.jpg"]])
    conversation = until(lambda: api.conversations())[0]["id"]

    def shown():
        return {a["name"]: a for m in api.messages(conversation) for a in m["attachments"]}
    until(lambda: shown()["place.jpg"]["state"] == "ready", 15, "the picture being ready")
    until(lambda: all(shown()[n]["state"] == "refused" for n in ("broken.jpg", "gone.jpg")), 15, f"refusals ({shown()})")
    assert all(shown()[n]["reason"] for n in ("broken.jpg", "gone.jpg"))
    # What says it is a picture and is a page is kept, as what it is, and never shown by a browser.
    until(lambda: shown()["page.jpg"]["state"] == "ready", 15, "the page being kept")
    assert shown()["page.jpg"]["mime"] == "text/plain"
    got = api.call("GET", shown()["page.jpg"]["url"])
    assert got.body == page and got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment;")
    for n in ("huge.jpg", "moved.jpg"):
        until(lambda: shown()[n]["state"] != "ready" , 5)
    place = shown()["place.jpg"]
    assert place["alt"] == "a place" and place["width"] > 0 and place["height"] > 0
    answer = api.call("GET", place["url"])
    assert answer.status == 200 and answer.headers["Content-Type"] == "image/jpeg"
    assert answer.body[:2] == b"\xff\xd8" and len(answer.body) == place["size"] < len(PLACE)
    assert tells_nothing(answer.body)
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer.headers["Content-Security-Policy"]
    assert request(server.address, "GET", place["url"]).status == 401
    assert other.call("GET", place["url"]).status == 404
    assert api.call("HEAD", place["url"]).status == 200
    for n in names[1:]:
        if shown()[n]["url"]:
            assert api.call("GET", shown()[n]["url"]).status == 404


def test_a_picture_goes_out_with_an_answer(world):
    files = {}
    receiver = serving(world, files)
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    channel.customer("show me")
    conversation = until(lambda: api.conversations())[0]["id"]

    def put(body, **headers):
        return api.call("PUT", "files?name=place.jpg", body, {"Content-Type": "application/octet-stream", **headers})
    made = put(PLACE)
    assert made.status == 201 and made.json["mime"] == "image/jpeg" and made.json["width"] > 0
    assert put(PLACE).json["sha256"] == made.json["sha256"], "the same bytes are one file"
    for bad in (b"", b"GIF89a", PLACE[:200], b"\x89PNG\r\n\x1a\n" + b"\x00" * 50):
        answer = put(bad)
        assert answer.status in (400, 415, 422), (bad[:20], answer)
    assert put(b"x" * (26 << 20)).status == 413
    draft = {"kind": "reply", "text": "here", "attachments": [{"sha256": made.json["sha256"], "name": "place.jpg", "alt": "the shop"}]}
    sent = api.post(f"conversations/{conversation}/messages", draft)
    out = until(receiver.sent)[0]
    assert out["attachments"][0]["alt"] == "the shop" and out["attachments"][0]["mime"] == "image/jpeg", out
    until(lambda: next(m for m in api.messages(conversation) if m["id"] == sent["id"])["send_state"] == "sent")
    shown = next(m for m in api.messages(conversation) if m["id"] == sent["id"])["attachments"][0]
    got = api.call("GET", shown["url"])
    assert got.status == 200 and hashlib.sha256(got.body).hexdigest() == made.json["sha256"] and tells_nothing(got.body)
    for wrong in ("0" * 64, "x", "../../etc/passwd"):
        answer = api.call("POST", f"conversations/{conversation}/messages", {**draft, "attachments": [{"sha256": wrong}]})
        assert answer.status == 422 and "attachments" in answer.json["errors"][0]["field"], answer


MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2mp41" + bytes(range(256)) * 8000  # 2 MB
KINDS = {
    "film.mp4": (MP4, "video/mp4", "video/mp4"),
    "voice.ogg": (b"OggS\x00\x02" + b"\x00" * 22 + b"\x01\x13OpusHead" + b"x" * 100, "audio/ogg", "audio/ogg"),
    "song.mp3": (b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"x" * 100, "audio/mpeg", "audio/mpeg"),
    "sound.wav": (b"RIFF\x24\x00\x00\x00WAVEfmt " + b"x" * 100, "audio/wav", "audio/wav"),
    "bill.pdf": (b"%PDF-1.7\n" + b"x" * 100, "application/pdf", "application/octet-stream"),
    "table.xlsx": (b"PK\x03\x04" + b"\x00" * 26 + b"xl/workbook.xml" + b"x" * 50, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain", "application/octet-stream"),
    "thing.bin": (b"\x00\x01\x02\x03", "application/octet-stream", "application/octet-stream"),
}


def test_files_of_every_kind_go_both_ways_as_what_their_bytes_say(world):
    files = {f"/{name}": body for name, (body, _, _) in KINDS.items()}
    receiver = serving(world, files)
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    # The sender lies about every type; the names are hostile.
    channel.customer("all of it", attachments=[attachment(receiver.host, name, "image/png") for name in KINDS])
    conversation = until(lambda: api.conversations())[0]["id"]
    until(lambda: all(a["state"] == "ready" for a in api.messages(conversation)[0]["attachments"]), 20, "all being here")
    for shown in api.messages(conversation)[0]["attachments"]:
        body, mime, served = KINDS[shown["name"]]
        assert (shown["mime"], shown["size"]) == (mime, len(body)), shown
        got = api.call("GET", shown["url"])
        assert got.body == body and got.headers["Content-Type"] == served, (shown, got.headers)
        assert got.headers["Content-Disposition"].startswith("inline" if served != "application/octet-stream" else "attachment")
        assert got.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in got.headers["Content-Security-Policy"]
    # And out: small ones in the message, large ones by an address that needs no session.
    sent = []
    for name, (body, mime, _) in KINDS.items():
        put = api.call("PUT", f"files?name={name}", body, {"Content-Type": "text/html"})
        assert put.status == 201 and put.json["mime"] == mime and put.json["name"] == name and put.json["size"] == len(body), put
        sent.append({"sha256": put.json["sha256"], "name": f"../..\u202e/{name}", "alt": ""})
    api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "", "attachments": sent})
    out = until(receiver.sent)[0]["attachments"]
    assert [a["name"] for a in out] == [f"_.._{name}" for name in KINDS], out
    for told, (body, mime, _) in zip(out, KINDS.values(), strict=True):
        assert told["mime"] == mime and told["size"] == len(body)
        if told["url"].startswith("data:"):
            assert base64.b64decode(told["url"].split(",", 1)[1]) == body
        else:
            assert len(body) > 1 << 20 and told["url"].startswith(server.url + "/api/v1/files/")
            assert request(server.address, "GET", told["url"].removeprefix(server.url)).body == body


def test_a_network_says_which_files_it_takes_and_an_answer_that_has_others_is_refused(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    kinds = {k["kind"]: k for k in api.get("channel-kinds")["items"]}
    assert kinds["bluesky"]["files"] == ["picture"] and kinds["bluesky"]["max_files"] == 4
    assert kinds["custom"]["files"] == ["picture", "video", "audio", "file"]
    channel = Channel(api, deliver_url=receiver.url)
    channel.customer("hello")
    conversation = until(lambda: api.conversations())[0]["id"]
    put = api.call("PUT", "files?name=a.txt", b"plain words", {"Content-Type": "text/plain"}).json
    answer = api.call("POST", f"conversations/{conversation}/messages", {"kind": "reply", "text": "x", "attachments": [{"sha256": put["sha256"], "name": "a"}] * 11})
    assert answer.status == 422 and answer.json["errors"][0]["field"] == "attachments", answer
    api.post(f"conversations/{conversation}/messages", {"kind": "note", "text": "see", "attachments": [{"sha256": put["sha256"], "name": "a.txt"}]})
    assert next(m for m in api.messages(conversation) if m["kind"] == "note")["attachments"][0]["mime"] == "text/plain"


def children(pid):
    """All descendants of a process."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(entry), *children(int(entry))]
    return found


def test_a_parser_that_dies_takes_nobody_with_it(world):
    """A-IS1: whatever kills the picture's child, the service goes on and the next picture is read by a new one."""
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)

    def put(out):
        out.append(api.call("PUT", "files?name=a.jpg", PLACE, {"Content-Type": "application/octet-stream"}))
    first = []
    put(first)
    assert first[0].status == 201
    for death in (signal.SIGSEGV, signal.SIGKILL):
        nursery = children(server.process.pid)[0]
        parsers = children(nursery)
        assert parsers, "a child waits for the next picture"
        for pid in parsers:
            os.kill(pid, signal.SIGSTOP)
        answers = []
        thread = threading.Thread(target=put, args=(answers,))
        thread.start()
        time.sleep(0.3)
        for pid in parsers:
            os.kill(pid, death)
            with contextlib.suppress(ProcessLookupError):  # a killed one needs no waking
                os.kill(pid, signal.SIGCONT)
        channel.customer(f"meanwhile {death}", thread=f"t{death}")
        until(lambda: api.conversations(f'"meanwhile {int(death)}"') or any(f"{death}" in c["preview"] for c in api.conversations()), 5, "everything else going on")
        thread.join(15)
        assert answers and answers[0].status in (201, 503), answers
        if answers[0].status == 503:
            assert answers[0].headers["Retry-After"]
        again = []
        put(again)
        assert again[0].status == 201, again
        assert not set(parsers) & set(children(nursery))
    assert server.process.poll() is None


def test_a_slow_host_does_not_hold_up_other_pictures(world):
    files = {f"/slow{n}.jpg": "hang" for n in range(8)}
    receiver, quick = serving(world, files), serving(world, {"/place.jpg": PLACE})
    server = world(allow=[receiver.host, quick.host])
    api = server.api()
    channel = Channel(api, deliver_url=receiver.url)
    for n in range(8):
        channel.customer(f"slow {n}", thread=f"s{n}", attachments=[attachment(receiver.host, f"slow{n}.jpg")])
    until(lambda: len([r for r in receiver.requests if r["path"].startswith("/slow")]) >= 1, 10)
    channel.customer("quick", thread="q", attachments=[attachment(quick.host, "place.jpg")])
    conversation = until(lambda: [c for c in api.conversations() if c["preview"] == "quick"], 10)[0]["id"]
    until(lambda: api.messages(conversation)[0]["attachments"][0]["state"] == "ready", 5, "the quick one being ready")
