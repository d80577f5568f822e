# SPDX-License-Identifier: AGPL-3.0-or-later
"""A-AZ5: bytes are given only to whoever may see the conversation or holds an address that was signed for
exactly these bytes, this name, this time and this way of showing them."""
import time
import urllib.parse

from lib.heed import Channel, request, until

BODY = bytes(range(256)) * 5000  # 1.28 MB: six parts
MP4 = b"\x00\x00\x00\x18ftypisom" + BODY


def put(api, body, name="thing.bin"):
    answer = api.call("PUT", "files?" + urllib.parse.urlencode({"name": name}), body, {"Content-Type": "application/octet-stream"})
    assert answer.status == 201, answer
    return answer.json


def changed(url, **values):
    path, query = url.split("?")
    params = {**dict(urllib.parse.parse_qsl(query, keep_blank_values=True)), **values}
    return path + "?" + urllib.parse.urlencode({k: v for k, v in params.items() if v is not None})


def test_an_address_holds_for_its_own_bytes_alone(world):
    server = world()
    api = server.api()
    other = server.api("other@example.com", "owner", server.workspace("Other"))
    mine, second = put(api, BODY, "Zoë & co.bin"), put(api, BODY + b"!")
    theirs = put(other, b"their words")
    get = lambda url, method="GET", **headers: request(server.address, method, url, headers=headers)  # noqa: E731
    good = get(mine["url"])
    assert good.status == 200 and good.body == BODY and good.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert good.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Zo%C3%AB%20%26%20co.bin"
    query = dict(urllib.parse.parse_qsl(mine["url"].split("?")[1]))
    signature = query["signature"]
    wrong = {
        "no signature": changed(mine["url"], signature=None),
        "an empty one": changed(mine["url"], signature=""),
        "an edited one": changed(mine["url"], signature=("A" if signature[0] != "A" else "B") + signature[1:]),
        "a cut one": changed(mine["url"], signature=signature[:-1]),
        "a longer one": changed(mine["url"], signature=signature + "A"),
        "another's": changed(mine["url"], signature=dict(urllib.parse.parse_qsl(second["url"].split("?")[1]))["signature"]),
        "other bytes": changed(mine["url"].replace(mine["sha256"], second["sha256"])),
        "another workspace": changed(mine["url"], workspace=str(int(query["workspace"]) + 1)),
        "a later time": changed(mine["url"], expires=str(int(query["expires"]) + 60000)),
        "no time": changed(mine["url"], expires=None),
        "a time far away": changed(mine["url"], expires="9" * 18),
        "the other disposition": changed(mine["url"], **{"as": "download"}),
        "another name": changed(mine["url"], name="other.html"),
        "their file by my signature": changed(mine["url"].replace(mine["sha256"], theirs["sha256"])),
    }
    for what, url in wrong.items():
        for method in ("GET", "HEAD"):
            answer = get(url, method)
            assert answer.status in (401, 403, 404), (what, method, answer)
            assert BODY[:64] not in answer.body, what
        ranged = get(url, Range="bytes=0-63")
        assert ranged.status in (401, 403, 404) and BODY[:64] not in ranged.body, (what, ranged)
    # Another's session opens nothing more.
    assert other.call("GET", changed(mine["url"], signature="x")).status == 403
    # The same file of another workspace is not there, whatever its number says.
    copy = put(other, BODY)
    assert copy["sha256"] == mine["sha256"] and copy["url"] != mine["url"]


def test_an_address_ends(world):
    server = world()
    api = server.api()
    made = put(api, BODY)
    left = int(dict(urllib.parse.parse_qsl(made["url"].split("?")[1]))["expires"]) / 1000 - time.time()
    assert 0 < left <= 300


def test_ranges_and_heads_tell_the_truth(world):
    server = world()
    api = server.api()
    made = put(api, MP4, "film.mp4")
    url = made["url"]
    get = lambda method="GET", **headers: request(server.address, method, url, headers={k.replace("_", "-"): v for k, v in headers.items()})  # noqa: E731
    whole = get()
    assert whole.status == 200 and whole.headers["Accept-Ranges"] == "bytes" and whole.headers["Content-Type"] == "video/mp4"
    assert whole.headers["Content-Disposition"].startswith("inline")
    head = get("HEAD")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) == len(MP4)
    size = len(MP4)
    for spec, first, last in (("0-0", 0, 0), ("0-99", 0, 99), ("262143-262144", 262143, 262144), ("5-", 5, size - 1), ("-7", size - 7, size - 1),
                              (f"{size - 1}-", size - 1, size - 1), (f"100-{size * 2}", 100, size - 1), (f"-{size * 2}", 0, size - 1)):
        part = get(Range=f"bytes={spec}")
        assert part.status == 206, (spec, part)
        assert part.body == MP4[first:last + 1], spec
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    for spec in (f"{size}-", f"{size + 5}-{size + 9}", "-0"):
        answer = get(Range=f"bytes={spec}")
        assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{size}", (spec, answer)
    for spec in ("bytes=0-1,5-6", "bytes=9-2", "bytes=a-b", "bytes=-", "lines=0-1", "bytes=--5", "bytes=0--5", "bytes=99999999999999999999-"):
        answer = get(Range=spec)
        assert answer.status == 200 and answer.body == MP4, spec
    tag = whole.headers["ETag"]
    assert get(If_None_Match=tag).status == 304
    assert get(Range="bytes=0-9", If_Range=tag).status == 206
    assert get(Range="bytes=0-9", If_Range='"other"').status == 200


def test_an_attachment_is_for_those_who_see_its_conversation(world):
    receiver = world.receiver()
    server = world(allow=[receiver.host])
    api = server.api()
    limited = server.api("limited@example.com", "agent")
    api.patch(f"agents/{limited.get('me')['id']}", {"all_channels": False, "channel_ids": []})
    other = server.api("other@example.com", "owner", server.workspace("Other"))
    channel = Channel(api, deliver_url=receiver.url)
    channel.customer("hello")
    conversation = until(lambda: api.conversations())[0]["id"]
    made = put(api, MP4, "film.mp4")
    api.post(f"conversations/{conversation}/messages", {"kind": "note", "text": "x", "attachments": [{"sha256": made["sha256"], "name": "film.mp4"}]})
    url = next(m for m in api.messages(conversation) if m["kind"] == "note")["attachments"][0]["url"]
    for method in ("GET", "HEAD"):
        for headers in ({}, {"Range": "bytes=0-9"}):
            assert request(server.address, method, url, headers=headers).status == 401
            assert limited.call(method, url, headers=headers).status == 404
            assert other.call(method, url, headers=headers).status == 404
    assert api.call("GET", url, headers={"Range": "bytes=0-9"}).body == MP4[:10]
    # The browser may keep it, and asks each time: after signing out, or when rights end, it shows nothing.
    shown = api.call("GET", url)
    assert shown.headers["Cache-Control"] == "private, no-cache"
    again = {"If-None-Match": shown.headers["ETag"]}
    assert api.call("GET", url, headers=again).status == 304
    assert limited.call("GET", url, headers=again).status == 404
    session = server.sign_in("limited@example.com")
    gone = session.call("DELETE", "session")
    assert gone.status == 204 and gone.headers["Clear-Site-Data"] == '"cache"'
    assert session.call("GET", url, headers=again).status == 401
    assert api.call("GET", url + "?as=download").headers["Content-Type"] == "application/octet-stream"
    assert api.call("GET", url + "?as=html").status == 400
    assert api.call("GET", f"files/{made['sha256']}").status == 403, "a session alone is no signature"
