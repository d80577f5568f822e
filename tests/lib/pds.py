# SPDX-License-Identifier: AGPL-3.0-or-later
"""As much of a Bluesky server as the tests of trust need: sessions whose tokens run out when a test says
so, mentions, and posts. The real network is in tests/real; this one misbehaves on command."""
import json
import threading
import time
import urllib.parse
import uuid

from lib.heed import Receiver, iso

DID = "did:plc:brandbrandbrandbrandbran"


class Pds:
    def __init__(self):
        self.lock = threading.Lock()
        self.generation = 0            # raised by each refresh and by expire(); names the tokens that are good
        self.refresh_good = True       # False: refreshSession is refused
        self.password_good = True      # False: createSession is refused
        self.refreshing = self.most_refreshing = self.refreshes = self.log_ins = self.refused_access = 0
        self.posts, self.records = {}, []
        self.receiver = Receiver(self.answer)
        self.host, self.url = self.receiver.host, f"http://{self.receiver.host}"

    def expire(self):
        """The access token of now is good no more."""
        with self.lock:
            self.generation += 1

    def mention(self, text, author):
        did = "did:plc:" + (author + "a" * 24)[:24]
        uri = f"at://{did}/app.bsky.feed.post/{uuid.uuid4().hex[:13]}"
        with self.lock:
            self.posts[uri] = {"uri": uri, "cid": f"bafy{uuid.uuid4().hex}", "author": {"did": did, "handle": f"{author}.test", "displayName": author}, "reason": "mention",
                               "record": {"$type": "app.bsky.feed.post", "text": text, "createdAt": iso()}, "isRead": False, "indexedAt": iso()}
        return uri

    def settings(self):
        return {"identifier": "brand.test", "app_password": "abcd-efgh-ijkl-mnop", "service": self.url, "plc_url": self.url}

    def tokens(self):
        return json.dumps({"accessJwt": f"access.{self.generation}.x", "refreshJwt": f"refresh.{self.generation}.x", "did": DID, "handle": "brand.test",
                           "didDoc": {"id": DID, "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self.url}]}})

    def answer(self, request):
        method, _, query = request["path"].removeprefix("/xrpc/").partition("?")
        asked = urllib.parse.parse_qs(query)
        token = (request["headers"].get("authorization") or request["headers"].get("Authorization") or "").removeprefix("Bearer ")

        def refuse(name, status=400):
            return (status, {"Content-Type": "application/json"}, json.dumps({"error": name, "message": name}))

        def good(value):
            return (200, {"Content-Type": "application/json"}, value if isinstance(value, str) else json.dumps(value))
        if method == "com.atproto.server.createSession":
            with self.lock:
                self.log_ins += 1
                if not self.password_good:
                    return refuse("AuthenticationRequired", 401)
                self.generation += 1
                return good(self.tokens())
        if method == "com.atproto.server.refreshSession":
            with self.lock:
                self.refreshes += 1
                self.refreshing += 1
                self.most_refreshing = max(self.most_refreshing, self.refreshing)
            time.sleep(0.3)  # long enough for others to come too
            with self.lock:
                self.refreshing -= 1
                if not self.refresh_good:
                    return refuse("ExpiredToken")
                self.generation += 1
                return good(self.tokens())
        with self.lock:
            if token != f"access.{self.generation}.x":
                self.refused_access += 1
                return refuse("ExpiredToken")
            if method == "com.atproto.repo.createRecord":
                body = request["json"]
                self.records.append(body)
                return good({"uri": f"at://{DID}/{body['collection']}/{body['rkey']}", "cid": f"bafy{uuid.uuid4().hex}"})
            if method == "com.atproto.server.getSession":
                return good({"did": DID, "handle": "brand.test", "active": True})
            if method == "app.bsky.notification.listNotifications":
                return good({"notifications": sorted(self.posts.values(), key=lambda p: p["indexedAt"], reverse=True)})
            if method == "app.bsky.feed.getPosts":
                return good({"posts": [self.posts[uri] for uri in asked.get("uris", []) if uri in self.posts]})
            if method == "app.bsky.feed.getAuthorFeed":
                return good({"feed": []})
        return refuse("InvalidToken" if method.startswith("chat.") else "RecordNotFound")

    def close(self):
        self.receiver.close()
