# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live chat from outside: a chat channel, visitors as the widget or an app would be, signed identities."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import socket
import threading
import time
import uuid

from lib.heed import request


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def jwt(secret, claims, head=None, digest=hashlib.sha256):
    text = f"{b64(head or {'alg': 'HS256', 'typ': 'JWT'})}.{b64(claims)}"
    return f"{text}.{b64(hmac.new(secret.encode(), text.encode(), digest).digest())}"


class Chat:
    """A chat channel."""

    def __init__(self, api, name=None, kind="chat", **settings):
        self.api, self.server = api, api.server
        made = api.post("channels", {"kind": kind, "name": name or f"Chat {uuid.uuid4().hex[:6]}", "settings": settings})
        self.id, self.key, self.secret = made["id"], made["external_account_id"], made["secret"]
        assert made["state"] == "active"

    def call(self, method, path, body=None, token=None, origin=None, headers=None, **kw):
        h = dict(headers or {})
        if token:
            h["Authorization"] = f"Bearer {token}"
        if origin:
            h["Origin"] = origin
        return request(self.server.address, method, f"/api/chat/v1/{self.key}/{path}", body, h, **kw)

    def claims(self, subject="c-7", **more):
        return {"sub": subject, "aud": self.key, "exp": int(time.time()) + 300, "jti": uuid.uuid4().hex, **more}

    def identity(self, subject="c-7", **more):
        return jwt(self.secret, {k: v for k, v in self.claims(subject, **more).items() if v is not None})

    def visitor(self, identity=None, **more):
        return Visitor(self, identity, **more)


class Visitor:
    def __init__(self, chat, identity=None, language="en"):
        answer = chat.call("POST", "session", {"language": language, **({"identity": identity} if identity else {})})
        assert answer.status == 201, answer
        self.chat, self.session, self.token = chat, answer.json, answer.json["token"]

    def call(self, method, path, body=None, **kw):
        return self.chat.call(method, path, body, token=self.token, **kw)

    def say(self, text, id=None, **more):
        id = id or uuid.uuid4().hex
        answer = self.call("POST", "messages", {"id": id, "text": text, **more})
        assert answer.status == 202, answer
        return answer.json["id"]

    def messages(self, query="?limit=100"):
        answer = self.call("GET", f"messages{query}")
        assert answer.status == 200, answer
        return answer.json["items"]

    def stream(self, last_event_id=None):
        return Stream(self, last_event_id)


class Stream:
    """The visitor's live stream, its frames kept."""

    def __init__(self, visitor, last_event_id=None):
        self.frames, self.last_id, self.closed = [], last_event_id, threading.Event()
        headers = {"Authorization": f"Bearer {visitor.token}"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.connection = http.client.HTTPConnection(*visitor.chat.server.address, timeout=60)
        self.connection.request("GET", f"/api/chat/v1/{visitor.chat.key}/events", headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(lambda f: f["event"] == "hello")

    def _read(self):
        frame = {}
        with contextlib.suppress(Exception):
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if not line:
                    if "data" in frame:
                        self.frames.append({**frame, "json": json.loads(frame["data"])})
                    frame = {}
                elif ":" in line and not line.startswith(":"):
                    name, value = line.split(":", 1)
                    frame[name] = value.strip()
                    if name == "id":
                        self.last_id = frame["id"]
        self.closed.set()

    def wait(self, test, timeout=5):
        deadline = time.monotonic() + timeout
        while True:
            for frame in list(self.frames):
                if test(frame):
                    return frame
            assert time.monotonic() < deadline, f"no such frame; had {[(f.get('event'), f['data'][:100]) for f in self.frames]}"
            time.sleep(0.005)

    def texts(self):
        return [f["json"]["text"] for f in list(self.frames) if f["event"] == "message"]

    def close(self):
        with contextlib.suppress(Exception):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()
