# SPDX-License-Identifier: AGPL-3.0-or-later
"""Starts the real binary and speaks to it as the world does: API, signed webhooks, live events, and a
receiver that plays the other side of a custom channel."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("HEED_BINARY", str(ROOT / "build" / "release" / "heed"))
FULL = os.environ.get("HEED_TRUST") == "full"
PASSWORD = "correct horse battery staple"


def free_port():
    """Below those the kernel hands out itself: until it is used nobody else gets it, however many tests run beside."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(address, method, path, body=None, headers=None, timeout=30, source=None):
    """One request on a connection of its own. body: bytes, str or a value sent as JSON.
    source: an address of this machine to come from, such as 127.0.0.9; each has its own rate limit."""
    host, port = address
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    if isinstance(body, str):
        body = body.encode()
    connection = http.client.HTTPConnection(host, port, timeout=timeout, source_address=(source, 0) if source else None)
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: the answer says why
            connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


class Api:
    """An agent with a bearer token."""

    def __init__(self, server, token=None, cookie=None):
        self.server, self.token, self.cookie = server, token, cookie

    def call(self, method, path, body=None, headers=None, expect=None, raw=False, timeout=30):
        h = dict(headers or {})
        if self.token:
            h["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            h["Cookie"] = self.cookie
            if method not in ("GET", "HEAD"):
                h.setdefault("Origin", self.server.url)
                h.setdefault("Content-Type", "application/json")
        answer = request(self.server.address, method, path if path.startswith("/") else "/api/v1/" + path, body, h, timeout)
        if expect is not None and answer.status != expect:
            raise AssertionError(f"{method} {path}: expected {expect}, got {answer}")
        return answer if raw or expect is None else answer.json

    def get(self, path, **kw):
        return self.call("GET", path, expect=kw.pop("expect", 200), **kw)

    def post(self, path, body=None, **kw):
        return self.call("POST", path, body if body is not None else {}, expect=kw.pop("expect", 201), **kw)

    def patch(self, path, body, **kw):
        return self.call("PATCH", path, body, expect=kw.pop("expect", 200), **kw)

    def delete(self, path, **kw):
        return self.call("DELETE", path, expect=kw.pop("expect", 204), **kw)

    def conversations(self, q="is:any", **params):
        items, cursor = [], None
        while True:
            query = {"q": q, "limit": 100, **params}
            if cursor:
                query["cursor"] = cursor
            page = self.get("conversations?" + urllib.parse.urlencode(query))
            items += page["items"]
            cursor = page["next"]
            if not cursor:
                return items

    def messages(self, conversation, limit=100):
        pages, cursor = [], None
        while True:
            query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
            page = self.get(f"conversations/{conversation}/messages?" + urllib.parse.urlencode(query))
            pages.append(page["items"])
            cursor = page["next"]
            if not cursor:
                return [m for page in reversed(pages) for m in page]


class Server:
    """One running heed. backend: "sqlite" or a postgres URL."""

    def __init__(self, backend="sqlite", data=None, args=(), env=None, start=True, allow=(), binary=None, cpu=None):
        self.backend = backend
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="heed-data-")
        self.args, self.env, self.binary = list(args), dict(env or {}), binary or BINARY
        for host in ("127.0.0.1:9", *allow):  # nobody listens at port 9: where answers go that no test looks at
            self.args += ["--allow-host", host]
        self.port = free_port()
        self.process = None
        self.first_lines = []
        self.stderr_path = os.path.join(tempfile.gettempdir(), f"heed-log-{uuid.uuid4().hex[:8]}.txt")
        if start:
            self.start()

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def database_args(self):
        args = ["--data", self.data]
        if self.backend != "sqlite":
            args += ["--database", self.backend]
        return args

    def start(self, wait=True, timeout=20):
        self.stderr = open(self.stderr_path, "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", *self.database_args(), "--listen", f"127.0.0.1:{self.port}", *self.args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.stderr, text=True,
            env={**os.environ, **self.env})
        self.first_lines = []
        threading.Thread(target=self._read_stdout, args=(self.process,), daemon=True).start()
        if wait:
            self.wait_ready(timeout)
        return self

    def _read_stdout(self, process):
        for line in process.stdout:
            self.first_lines.append(line.rstrip("\n"))

    def wait_ready(self, timeout=20):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"heed ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            # It says so when the port is its own: until then another test's server may answer there.
            with contextlib.suppress(OSError, http.client.HTTPException):
                if any(line.startswith("Heed listens") for line in self.first_lines) and request(self.address, "GET", "/readyz", timeout=2).status == 200:
                    return
            time.sleep(0.01)
        raise AssertionError(f"heed was not ready in {timeout} s:\n{self.log()[-3000:]}")

    def log(self):
        return pathlib.Path(self.stderr_path).read_text(errors="replace")

    def line(self, prefix, timeout=5):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for line in self.first_lines:
                if line.startswith(prefix):
                    return line[len(prefix):].strip()
            time.sleep(0.02)
        raise AssertionError(f"no line “{prefix}…” on stdout: {self.first_lines}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=15):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("heed did not stop within its time") from None
        return self.process.returncode if self.process else None

    def destroy(self):
        with contextlib.suppress(Exception):
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(Exception):
            self.stderr.close()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def command(self, *args, input=None, check=True, database=True):
        done = subprocess.run([self.binary, *args[:1], *(args[1:2] if args[0] in ("workspace", "user", "token") else ()),
                               *(self.database_args() if database else ()),
                               *args[2 if args[0] in ("workspace", "user", "token") else 1:]],
                              input=input, capture_output=True, text=True, env={**os.environ, **self.env})
        if check and done.returncode:
            raise AssertionError(f"heed {' '.join(args)} failed ({done.returncode}): {done.stdout}{done.stderr}")
        return done

    # -- people ---------------------------------------------------------------------------------
    def workspace(self, name="Test"):
        return int(self.command("workspace", "add", "--name", name).stdout.strip().split()[-1])

    def user(self, email, role="agent", workspace=None, name=None, password=PASSWORD):
        args = ["user", "add", "--email", email, "--name", name or email.split("@")[0].title(), "--role", role]
        if workspace:
            args += ["--workspace", str(workspace)]
        if password:
            args += ["--password-stdin"]
        self.command(*args, input=password + "\n" if password else None)

    def token(self, email, scope=None):
        args = ["token", "add", "--email", email] + (["--scope", scope] if scope else [])
        return self.command(*args).stdout.strip()

    def api(self, email="owner@example.com", role="owner", workspace=None, name=None):
        """Makes the person and returns an Api with a token of theirs."""
        self.user(email, role, workspace, name)
        return Api(self, self.token(email))

    def sign_in(self, email, password=PASSWORD):
        answer = request(self.address, "POST", "/api/v1/session", {"email": email, "password": password}, {"Origin": self.url})
        if answer.status != 201:
            raise AssertionError(f"sign-in of {email}: {answer}")
        return Api(self, cookie=answer.headers["Set-Cookie"].split(";")[0])


# -- custom channel ---------------------------------------------------------------------------------
def sign(secret, webhook_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


def signed_headers(secret, body, webhook_id=None, timestamp=None):
    webhook_id = webhook_id or uuid.uuid4().hex
    timestamp = int(timestamp if timestamp is not None else time.time())
    return {"Content-Type": "application/json", "webhook-id": webhook_id, "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secret, webhook_id, timestamp, body)}


class Channel:
    """A custom channel, its secret, and what customers say on it."""

    def __init__(self, api, name=None, deliver_url="http://127.0.0.1:9/", idempotent=True):
        self.api, self.server = api, api.server
        made = api.post("channels", {"kind": "custom", "name": name or f"Shop {uuid.uuid4().hex[:6]}",
                                     "settings": {"deliver_url": deliver_url, "idempotent": idempotent}})
        self.id, self.secret = made["id"], made["secret"]

    def post(self, events, **kw):
        body = events if isinstance(events, bytes) else json.dumps(events, ensure_ascii=False).encode()
        headers = signed_headers(self.secret, body, kw.pop("webhook_id", None), kw.pop("timestamp", None))
        return request(self.server.address, "POST", f"/hooks/custom/{self.id}", body, headers, **kw)

    def customer(self, text, thread="t1", id=None, author="u1", name="Kim", at=None, **more):
        """A customer writes; returns the id of the message."""
        id = id or uuid.uuid4().hex
        answer = self.post(message(id, thread, text, author=author, name=name, at=at, **more))
        assert answer.status == 202, answer
        return id


def iso(at=None):
    at = time.time() if at is None else at
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def message(id, thread, text, author="u1", name="Kim", at=None, direction=None, visibility="private", handle=None, **more):
    event = {"type": "message.created", "id": id, "thread": thread, "visibility": visibility,
             "author": {"id": author, "name": name, **({"handle": handle} if handle else {})}, "text": text, "created_at": iso(at), **more}
    if direction:
        event["direction"] = direction
    return event


class Receiver:
    """The other side of a custom channel: an HTTP server whose answers a test decides.
    answer(request) -> (status, headers, body) | "hang" | "cut"; default 200 {"id": "r-<id>"}."""

    def __init__(self, answer=None):
        self.requests, self.answer = [], answer
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                seen = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body,
                        "json": json.loads(body) if body else None, "at": time.monotonic()}
                with outer.lock:
                    outer.requests.append(seen)
                decided = outer.answer(seen) if outer.answer else None
                if decided is None:
                    decided = (200, {}, json.dumps({"id": f"r-{seen['json']['id']}"}) if seen["json"] and "id" in seen["json"] else "{}")
                if decided == "hang":
                    time.sleep(120)
                    return
                if decided == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, headers, text = decided
                data = text.encode() if isinstance(text, str) else text
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET = handle_one

            def log_message(self, *args):
                pass

        class Threading(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *args):
                pass

        self.server = Threading(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/deliver"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def sent(self):
        with self.lock:
            return [r["json"] for r in self.requests if r["method"] == "POST" and r["json"] and r["json"].get("type") == "message.send"]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Events:
    """Reads /api/v1/events in a thread and keeps the frames."""

    def __init__(self, api, last_event_id=None):
        self.frames, self.last_id, self.closed, self.status = [], None, threading.Event(), None
        headers = {"Accept": "text/event-stream"}
        if api.token:
            headers["Authorization"] = f"Bearer {api.token}"
        if api.cookie:
            headers["Cookie"] = api.cookie
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.connection = http.client.HTTPConnection(*api.server.address, timeout=60)
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.response = self.connection.getresponse()
        self.status = self.response.status
        if self.status == 200:
            threading.Thread(target=self._read, daemon=True).start()
            self.wait(lambda f: f["event"] == "hello", 5)
        else:
            self.body = self.response.read()
            self.closed.set()

    def _read(self):
        frame = {"event": "message", "data": ""}
        with contextlib.suppress(Exception):
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if not line:
                    if frame.get("data") or frame["event"] != "message":
                        frame["at"] = time.time()
                        frame["json"] = json.loads(frame["data"]) if frame["data"] else None
                        self.frames.append(frame)
                    frame = {"event": "message", "data": ""}
                elif line.startswith("event:"):
                    frame["event"] = line[6:].strip()
                elif line.startswith("data:"):
                    frame["data"] += line[5:].strip()
                elif line.startswith("id:"):
                    frame["id"] = self.last_id = line[3:].strip()
        self.closed.set()

    def wait(self, test, timeout=5):
        deadline = time.monotonic() + timeout
        while True:
            for frame in list(self.frames):
                if test(frame):
                    return frame
            if time.monotonic() > deadline:
                raise AssertionError(f"no such frame within {timeout} s; had {[(f['event'], f['data'][:120]) for f in self.frames][-12:]}")
            time.sleep(0.005)

    def close(self):
        with contextlib.suppress(Exception):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()


def until(test, timeout=10, what="it"):
    """Waits until test() is true and returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(0.02)
