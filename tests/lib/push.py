# SPDX-License-Identifier: AGPL-3.0-or-later
"""A push service and the browsers behind it: takes requests as RFC 8030 says, checks who sends (RFC 8292) and
opens what was sent (RFC 8291) with the browser's own keys. Nothing here is shared with the program."""
import base64
import http.server
import json
import os
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derive(salt, key, info, length):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


class Browser:
    """One browser's subscription, with its keys."""

    def __init__(self, service, name):
        self.name, self.auth = name, os.urandom(16)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.endpoint = f"{service.url}/push/{name}"

    def subscription(self):
        return {"endpoint": self.endpoint, "keys": {"p256dh": b64(self.point), "auth": b64(self.auth)}}

    def open(self, body):
        salt, size, id_len = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        assert size == 4096 and id_len == 65
        theirs, sealed = body[21:86], body[86:]
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        keying = derive(self.auth, shared, b"WebPush: info\0" + self.point + theirs, 32)
        key = derive(salt, keying, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derive(salt, keying, b"Content-Encoding: nonce\0", 12)
        plain = AESGCM(key).decrypt(nonce, sealed, None)
        assert plain[-1:] == b"\x02"
        return json.loads(plain[:-1])


class Service:
    """answer(name) -> status or (status, headers); default 201."""

    def __init__(self, answer=None):
        self.got, self.answer, self.lock = [], answer, threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                name = self.path.rsplit("/", 1)[1]
                with outer.lock:
                    outer.got.append({"name": name, "headers": dict(self.headers), "body": body})
                decided = (outer.answer(name) if outer.answer else None) or 201
                status, headers = decided if isinstance(decided, tuple) else (decided, {})
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pushes(self, name):
        with self.lock:
            return [p for p in self.got if p["name"] == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def check_sender(push, public_key, audience):
    """The claims of the VAPID header; the signature is checked with the key the page was given."""
    scheme, fields = push["headers"]["Authorization"].split(" ", 1)
    parts = dict(part.strip().split("=", 1) for part in fields.split(","))
    assert scheme == "vapid" and parts["k"] == public_key
    head, claims, signature = parts["t"].split(".")
    raw = unb64(signature)
    assert len(raw) == 64
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(public_key))
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    assert json.loads(unb64(head))["alg"] == "ES256"
    claims = json.loads(unb64(claims))
    assert claims["aud"] == audience and claims["sub"].startswith("mailto:")
    return claims
