# SPDX-License-Identifier: AGPL-3.0-or-later
"""A provider of sign-ins (OAuth 2): gives access tokens for refresh tokens, and tells mail servers whose token it is, as
Google's tokeninfo does. What it gave can be taken back."""
import http.server
import json
import threading
import time
import urllib.parse


class Endpoint:
    """Answers on loopback with JSON: post(form) and get(query, agent) say (status, value)."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                self._say(*outer.post(fields(body)))

            def do_GET(self):
                self._say(*outer.get(fields(urllib.parse.urlsplit(self.path).query), self.headers.get("User-Agent", "")))

            def _say(self, status, value):
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        def fields(text):
            return {k: v[0] for k, v in urllib.parse.parse_qs(text).items()}

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class TokenEndpoint(Endpoint):
    """Gives access tokens for refresh tokens. answer(form, n) -> (status, value) decides; the default renews and keeps count."""

    def __init__(self, answer=None):
        self.asked = []
        self.answer = answer or (lambda form, n: (200, {"access_token": f"access-{n}", "expires_in": 3600, "token_type": "Bearer"}))
        super().__init__()
        self.url += "/token"

    def post(self, form):
        self.asked.append(form)
        return self.answer(form, len(self.asked))


class Provider(Endpoint):
    """A whole provider, with tokeninfo. refresh: refresh token -> the address it stands for. lasts: for how many seconds an
    access token holds; told: for how many it is said to. refusal: (status, value) instead of tokens."""

    def __init__(self, refresh, lasts=3600, told=3600):
        self.refresh, self.lasts, self.told, self.refusal = dict(refresh), lasts, told, None
        self.given, self.held, self.asked, self.looked = {}, {}, [], []
        self.lock = threading.Lock()
        super().__init__()

    def post(self, form):
        with self.lock:
            self.asked.append(form)
            who = self.refresh.get(form.get("refresh_token"))
            if self.refusal:
                return self.refusal
            if not who:
                return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            token = f"access-{len(self.given) + 1}"
            self.given[token] = who
            self.held[token] = time.monotonic() + self.lasts
            return 200, {"access_token": token, "expires_in": self.told, "token_type": "Bearer"}

    def get(self, query, agent):
        token = query.get("access_token", "")
        with self.lock:
            holds = self.held.get(token, 0) > time.monotonic()
            self.looked.append((agent.split("/")[0], token, holds))
            if not holds:
                return 400, {"error": "invalid_token", "error_description": "Invalid Value"}
            return 200, {"email": self.given[token], "email_verified": "true", "expires_in": str(int(self.held[token] - time.monotonic()))}

    def take_back(self):
        """What was given so far holds no more."""
        with self.lock:
            self.held.clear()
