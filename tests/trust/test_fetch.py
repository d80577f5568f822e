# SPDX-License-Identifier: AGPL-3.0-or-later
"""Heed dials only where it may (A-SF1). Where the kernel lets us, in a network of its own in which every inner
address is this machine and the names are answered by us, so that whatever is dialled is seen."""
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from lib.heed import ROOT, Channel, message, until

INSIDE = os.environ.get("HEED_TEST_NETWORK") == "own"
INNER = ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"]
INNER6 = ["fc00::1", "fd00::1", "2002:7f00:1::", "64:ff9b::7f00:1"]


def forms():
    hosts = ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
             "[0:0:0:0:0:ffff:7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::127.0.0.1]", "[fe80::1]", "[fc00::1]", "[fd00::1]", "[ff02::1]", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
             "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "255.255.255.255", "127.0.0.1.", "127.255.255.254", "①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1"]
    for host in hosts:
        for scheme in ("http", "HTTP", "https"):
            yield lambda port, h=host, s=scheme: f"{s}://{h}:{port}/"
        yield lambda port, h=host: f"http://user:pass@{h}:{port}/"
        yield lambda port, h=host: f"http://example.com@{h}:{port}/"
        yield lambda port, h=host: f"http://{h}/"
    for form in ("file:///etc/passwd", "gopher://127.0.0.1:{p}/", "dict://127.0.0.1:{p}/", "ftp://127.0.0.1:{p}/", "http://127.0.0.1:{p}#@example.com/", "http:127.0.0.1:{p}", "http:/127.0.0.1:{p}", "//127.0.0.1:{p}/", "http://127.0.0.1\\@example.com:{p}/", "http://127.0.0.1:{p}\t/"):
        yield lambda port, f=form: f.format(p=port)


# name -> what is answered to the first, the second, … question for an address of each family
NAMES = {
    "inner.test": (["127.0.0.1"], []), "ten.test": (["10.0.0.1"], []), "metadata.test": (["169.254.169.254"], []), "six.test": ([], ["::1"]), "mapped.test": ([], ["::ffff:127.0.0.1"]), "local6.test": ([], ["fd00::1"]),
    "mixed.test": (["93.184.216.34", "127.0.0.1"], []), "mixed6.test": (["93.184.216.34"], ["::1"]), "zero.test": (["0.0.0.0"], ["::"]), "nat64.test": ([], ["64:ff9b::7f00:1"]),
    "flip.test": ("flip", []), "flip6.test": (["93.184.216.34"], "flip6"),
}


def names(stop):
    """A name server on port 53 with times to live of 0; flip.test is a public address first and an inner one from then on."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.settimeout(0.2)
    asked = {}
    while not stop.is_set():
        try:
            question, peer = server.recvfrom(2048)
        except OSError:
            continue
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", question[at + 1:at + 3])[0]
        answers = NAMES.get(name, ([], []))[0 if kind == 1 else 1] if kind in (1, 28) else []
        if isinstance(answers, str):
            asked[name, kind] = asked.get((name, kind), 0) + 1
            public, inner = ("93.184.216.34", "127.0.0.1") if kind == 1 else ("2606:2800:220:1::1", "::1")
            answers = [public if asked[name, kind] == 1 else inner]
        family = socket.AF_INET if kind == 1 else socket.AF_INET6
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(socket.inet_pton(family, a))) + socket.inet_pton(family, a) for a in answers)
        server.sendto(question[:2] + struct.pack(">HHHHH", 0x8180 if name in NAMES else 0x8183, 1, len(answers), 0, 0) + question[12:at + 5] + records, peer)


def own_network(test):
    """Runs the test again in namespaces of its own; returns False where the kernel does not allow them."""
    resolv = "/tmp/heed-resolv-%d" % os.getpid()
    with open(resolv, "w") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    addresses = "; ".join([f"ip addr add {a}/32 dev lo" for a in INNER] + [f"ip addr add {a}/128 dev lo nodad" for a in INNER6])
    script = (f"set -e; ip link set lo up; {addresses}; ip route add 93.184.216.34 via 10.0.0.1 dev lo 2>/dev/null || true; "
              f"mount --bind {resolv} /etc/resolv.conf; exec {sys.executable} -m pytest -q -p no:cacheprovider tests/trust/test_fetch.py -k {test}")
    try:
        if not shutil.which("unshare") or subprocess.run(["unshare", "-rnm", "true"], capture_output=True).returncode:
            return False
        done = subprocess.run(["unshare", "-rnm", "sh", "-c", script], cwd=ROOT, env={**os.environ, "HEED_TEST_NETWORK": "own"}, capture_output=True, text=True, timeout=300)
    finally:
        os.unlink(resolv)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return True


class Canary:
    """Listens on one port of every address there is and notes who comes."""

    def __init__(self):
        self.seen, self.sockets = [], []
        first = socket.create_server(("0.0.0.0", 0))
        self.port = first.getsockname()[1]
        self.sockets.append(first)
        try:
            six = socket.socket(socket.AF_INET6)
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            six.bind(("::", self.port))
            six.listen()
            self.sockets.append(six)
        except OSError:
            pass
        for s in self.sockets:
            threading.Thread(target=self.listen, args=(s,), daemon=True).start()

    def listen(self, s):
        while True:
            try:
                peer, _ = s.accept()
            except OSError:
                return
            self.seen.append(peer.getsockname())
            peer.close()

    def close(self):
        for s in self.sockets:
            s.close()


PASSES = "user:pass"


@pytest.mark.only("sqlite")
def test_no_form_of_an_inner_address_is_ever_dialled(world):
    if not INSIDE and own_network("test_no_form_of_an_inner_address_is_ever_dialled"):
        return
    canary = Canary()
    stop = threading.Event()
    hosts = []
    if INSIDE:
        threading.Thread(target=names, args=(stop,), daemon=True).start()
        hosts = list(NAMES)
        socket.create_connection(("10.0.0.1", canary.port)).close()
        assert socket.gethostbyname("ten.test") == "10.0.0.1"
        until(lambda: canary.seen, 5, "the canary seeing us")
        canary.seen.clear()
    receiver = world.receiver(lambda r: (302, {"Location": redirects[int(r["path"].split("/")[-1])]}, "") if "/to/" in r["path"] else None)
    server = world(allow=[receiver.host])
    api = server.api()
    port = canary.port
    urls = [form(port) for form in forms()] + [f"http://{host}:{port}/" for host in hosts] * 2
    redirects = [url for url in urls if url.isascii() and "\t" not in url]
    made = refused = 0
    for n, url in enumerate(urls):
        answer = api.call("POST", "channels", {"kind": "custom", "name": f"c{n}", "settings": {"deliver_url": url}})
        assert answer.status in (201, 422), (url, answer)
        if answer.status == 422:
            refused += 1
            assert answer.json["errors"][0]["field"] == "settings.deliver_url", answer
            continue
        made += 1
        test = api.call("POST", f"channels/{answer.json['id']}/test", {})
        assert test.status == 200 and test.json["ok"] is False, (url, test)
        assert PASSES not in json.dumps(test.json)
    assert made + refused >= 250
    # Other fetchers: pictures that customers name, their redirects, and answers.
    channel = Channel(api, "pictures", receiver.url)
    pictures = urls[::7] + [f"http://{host}:{port}/a.png" for host in hosts] + [f"http://{receiver.host}/to/{n}" for n in range(0, len(redirects), 5)]
    for n, url in enumerate(pictures):
        assert channel.post(message(f"pic{n}", "pictures", "picture", attachments=[{"url": url, "mime": "image/png", "name": "a.png", "size": 10, "alt": ""}])).status == 202
    redirecting = Channel(api, "redirecting", f"http://{receiver.host}/to/0")
    redirecting.customer("hello", thread="r")
    conversation = until(lambda: api.conversations(f"channel:{redirecting.id}"), 10)[0]["id"]
    api.post(f"conversations/{conversation}/messages", {"kind": "reply", "text": "never follow"})
    until(lambda: [r for r in receiver.requests if r["path"].endswith("/to/0")], 10, "the receiver that redirects being asked")
    wanted = len([u for u in pictures if "/to/" in u])
    until(lambda: len({r["path"] for r in receiver.requests if "/to/" in r["path"]}) >= wanted - 1, 60, "every picture that redirects being asked for")
    time.sleep(1)
    assert canary.seen == []
    canary.close()
    stop.set()
