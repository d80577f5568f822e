# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail server that misbehaves on demand: a small IMAP and SMTP server whose certificates, sign-in and answers a test
decides, a token endpoint beside it, and a wire that can be cut. What a well-behaved server does is asked of Dovecot."""
import base64
import contextlib
import os
import re
import select
import socket
import ssl
import subprocess
import tempfile
import threading
import time


class Certificates:
    """An authority that the tested program trusts (`ca`), and servers' certificates, good and bad: (certificate, key)."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="heed-certs-")
        self.ca, self.ca_key = self._path("ca.pem"), self._path("ca.key")
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", "/CN=Test authority",
                  "-keyout", self.ca_key, "-out", self.ca)
        with open(self._path("ca.cnf"), "w") as f:
            f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self._path('index')}\nserial={self._path('serial')}\nnew_certs_dir={self.folder}\n"
                    "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
        open(self._path("index"), "w").close()
        with open(self._path("serial"), "w") as f:
            f.write("01\n")
        self.good = self._signed("good", "DNS:localhost,IP:127.0.0.1")
        self.wrong_name = self._signed("wrong", "DNS:mail.elsewhere.test")
        self.expired = self._signed("expired", "DNS:localhost", "200101000000Z", "200201000000Z")
        self.self_signed = (self._path("self.pem"), self._path("self.key"))
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost", "-keyout", self.self_signed[1], "-out", self.self_signed[0])

    def _path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def _run(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _signed(self, name, names, start=None, end=None):
        key, request, certificate, extra = (self._path(f"{name}.{x}") for x in ("key", "csr", "pem", "ext"))
        with open(extra, "w") as f:
            f.write(f"subjectAltName={names}\n")
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        dates = ["-startdate", start, "-enddate", end] if start else ["-days", "3"]
        self._run("ca", "-batch", "-config", self._path("ca.cnf"), "-cert", self.ca, "-keyfile", self.ca_key, "-in", request, "-out", certificate, "-notext",
                  "-extfile", extra, *dates)
        return certificate, key


class Line:
    """One connection, line by line, in the clear or inside TLS."""

    def __init__(self, connection):
        self.socket, self.rest = connection, b""

    def secure(self, context):
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def read(self):
        while b"\n" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.rstrip(b"\r")

    def waiting(self, seconds):
        return bool(self.rest) or isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0 or bool(select.select([self.socket], [], [], seconds)[0])

    def bytes(self, n):
        while len(self.rest) < n:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError
            self.rest += more
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def say(self, text):
        self.socket.sendall((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def cut(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        raise ConnectionError


class FakeMail:
    """tls: implicit, starttls or none. users: login -> password. bearers: the access tokens that hold.
    smtp(step, n) decides what SMTP answers at a step (greeting, ehlo, auth, mail, rcpt, data, body), the n-th time it comes
    there: None (the usual), a reply, "cut", "cut-before" (for body: before it was taken), or a number of seconds to wait."""

    def __init__(self, certificate, tls="implicit", users=None, bearers=()):
        self.tls, self.users, self.bearers = tls, users or {"desk": "desk-pw"}, set(bearers)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.box, self.sent, self.validity = [], [], 7
        self.mails, self.steps, self.signed_in, self.commands = [], {}, [], []
        self.smtp = lambda step, n: None
        self.imap_auth = None  # a reply instead of the verdict
        self.listeners = []
        self.imap_port = self._listen(self._imap)
        self.smtp_port = self._listen(self._smtp)

    def close(self):
        for listener in self.listeners:
            listener.close()

    @property
    def hosts(self):
        return [f"localhost:{self.imap_port}", f"localhost:{self.smtp_port}"]

    def settings(self, **more):
        s = "s" if self.tls == "implicit" else ""
        return {"address": "desk@fake.test", "login": "desk", "password": "desk-pw", "imap": f"imap{s}://localhost:{self.imap_port}",
                "smtp": f"smtp{s}://localhost:{self.smtp_port}", "days_back": "all", **more}

    def put(self, raw):
        self.box.append((self.box[-1][0] + 1 if self.box else 1, raw))

    def _listen(self, serve):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listeners.append(listener)

        def one(connection):
            with contextlib.suppress(OSError, ConnectionError, ssl.SSLError):
                line = Line(connection)
                if self.tls == "implicit":
                    line.secure(self.context)
                serve(line, self.tls == "implicit")
            with contextlib.suppress(OSError):
                connection.close()

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    def _bearer(self, encoded):
        parts = base64.b64decode(encoded).split(b"\1")
        user = parts[0].decode().removeprefix("user=")
        token = next((p.decode().removeprefix("auth=Bearer ") for p in parts if p.startswith(b"auth=")), "")
        self.signed_in.append((user, token))
        return token in self.bearers

    # -- IMAP -----------------------------------------------------------------------------------------
    def _imap(self, line, secure):
        line.say("* OK fake ready")
        while True:
            tag, _, rest = line.read().decode("utf-8", "replace").partition(" ")
            verb, _, args = rest.partition(" ")
            verb = verb.upper()
            self.commands.append(f"{verb} {args}" if verb not in ("LOGIN", "AUTHENTICATE") else verb)
            if verb == "CAPABILITY":
                more = " STARTTLS" if self.tls == "starttls" and not secure else " AUTH=PLAIN AUTH=XOAUTH2 SASL-IR"
                line.say(f"* CAPABILITY IMAP4rev1 IDLE{more}")
                line.say(f"{tag} OK")
            elif verb == "STARTTLS":
                line.say(f"{tag} OK begin")
                line.secure(self.context)
                secure = True
            elif verb == "AUTHENTICATE":
                self._imap_auth(line, tag, args)
            elif verb == "EXAMINE":
                line.say(f"* {len(self.box)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] x\r\n* OK [UIDNEXT {self.box[-1][0] + 1 if self.box else 1}] x")
                line.say(f"{tag} OK [READ-ONLY] done")
            elif verb == "UID":
                self._imap_uid(line, tag, args)
            elif verb == "APPEND":
                size = int(re.search(r"\{(\d+)\}$", args).group(1))
                line.say("+ go on")
                self.sent.append(line.bytes(size))
                line.read()
                line.say(f"{tag} OK kept")
            elif verb == "IDLE":
                line.say("+ idling")
                self._idle(line)
                line.say(f"{tag} OK done")
            else:
                line.say(f"{tag} BAD what is {verb}")

    def _idle(self, line):
        seen = len(self.box)
        while not line.waiting(0.1):
            if len(self.box) != seen:
                seen = len(self.box)
                line.say(f"* {seen} EXISTS")
        line.read()

    def _imap_auth(self, line, tag, args):
        mechanism, _, encoded = args.partition(" ")
        if self.imap_auth:
            line.say(f"{tag} {self.imap_auth}")
        elif mechanism == "XOAUTH2" and not self._bearer(encoded):
            line.say("+ " + base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"mail"}').decode())
            line.read()
            line.say(f"{tag} NO [AUTHENTICATIONFAILED] the token does not hold")
        elif mechanism == "PLAIN" and not self._plain(encoded):
            line.say(f"{tag} NO [AUTHENTICATIONFAILED] wrong password")
        else:
            line.say(f"{tag} OK signed in")

    def _plain(self, encoded):
        _, login, password = base64.b64decode(encoded).decode().split("\0")
        return self.users.get(login) == password

    def _imap_uid(self, line, tag, args):
        verb, _, rest = args.partition(" ")
        if verb == "SEARCH":
            found = [u for u, raw in self.box if self._found(rest, u, raw)]
            line.say("* SEARCH " + " ".join(map(str, found)))
        elif verb == "FETCH":
            for uid in (int(u) for u in rest.split(" ")[0].split(",")):
                raw = next((r for u, r in self.box if u == uid), None)
                if raw is None:
                    continue
                if "BODY.PEEK" in rest:
                    line.say(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)" % (uid, uid, len(raw), raw))
                else:
                    line.say(f'* {uid} FETCH (UID {uid} INTERNALDATE "24-Nov-2026 10:00:00 +0000" RFC822.SIZE {len(raw)})')
        line.say(f"{tag} OK done")

    @staticmethod
    def _found(search, uid, raw):
        header = re.match(r'HEADER Message-ID "(.*)"', search)
        span = re.match(r"UID (\d+):(\d+|\*)", search)
        return header.group(1).encode() in raw if header else True if not span else uid >= int(span.group(1)) and (span.group(2) == "*" or uid <= int(span.group(2)))

    # -- SMTP -----------------------------------------------------------------------------------------
    def _step(self, line, step):
        n = self.steps[step] = self.steps.get(step, 0) + 1
        decided = self.smtp(step, n)
        if isinstance(decided, (int, float)):
            time.sleep(decided)
            return None
        if decided == "cut":
            line.cut()
        if decided and decided != "cut-before":
            line.say(decided)
        return decided

    def _smtp(self, line, secure):
        if self._step(line, "greeting"):
            return
        line.say("220 fake ready")
        sender, recipients = None, []
        while True:
            said = line.read()
            verb = said.split(b" ")[0].upper().decode("ascii", "replace")
            if verb == "EHLO":
                if self._step(line, "ehlo"):
                    continue
                line.say("250-fake greets you\r\n250-SIZE 30000000\r\n" + ("250 STARTTLS" if self.tls == "starttls" and not secure else "250 AUTH PLAIN LOGIN XOAUTH2"))
            elif verb == "STARTTLS":
                line.say("220 begin")
                line.secure(self.context)
                secure = True
            elif verb == "AUTH":
                if not self._step(line, "auth"):
                    self._smtp_auth(line, said.decode())
            elif verb == "MAIL":
                sender, recipients = said.decode(), []
                self._step(line, "mail") or line.say("250 fine")
            elif verb == "RCPT":
                if not self._step(line, "rcpt"):
                    recipients.append(re.search(rb"<(.*)>", said).group(1).decode())
                    line.say("250 fine")
            elif verb == "DATA":
                if not self._step(line, "data"):
                    line.say("354 go on")
                    self._smtp_body(line, sender, recipients)
            else:
                line.say("500 what")

    def _smtp_auth(self, line, said):
        _, mechanism, encoded = (said.split(" ") + [""])[:3]
        if mechanism == "XOAUTH2" and not self._bearer(encoded):
            line.say("334 " + base64.b64encode(b'{"status":"401"}').decode())
            line.read()
            line.say("535 5.7.8 the token does not hold")
        elif mechanism == "PLAIN" and not self._plain(encoded):
            line.say("535 5.7.8 wrong password")
        else:
            line.say("235 signed in")

    def _smtp_body(self, line, sender, recipients):
        lines = []
        while (one := line.read()) != b".":
            lines.append(one[1:] if one.startswith(b".") else one)
        mail = {"from": sender, "to": recipients, "raw": b"\r\n".join(lines) + b"\r\n", "at": time.monotonic()}
        n = self.steps["body"] = self.steps.get("body", 0) + 1
        decided = self.smtp("body", n)
        if decided == "cut":  # taken, and the connection ends before the answer
            self.mails.append(mail)
            line.cut()
        if decided == "cut-before":
            line.cut()
        if isinstance(decided, str):
            line.say(decided)
            return
        if decided:
            time.sleep(decided)
        self.mails.append(mail)
        line.say("250 2.0.0 taken")


class Wire:
    """A wire to a real server, byte for byte. cuts: after how many bytes from the server each of the next connections breaks."""

    def __init__(self, port):
        self.target, self.cuts, self.done = port, [], 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port, self.host = self.listener.getsockname()[1], f"localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                left = self.cuts.pop(0) if self.cuts else None
                threading.Thread(target=self._pump, args=(near, far, None), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, left), daemon=True).start()

    def _pump(self, source, sink, left):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                if left is not None and len(data) >= left:
                    sink.sendall(data[:left])
                    self.done += 1
                    break
                if not data:
                    break
                left = None if left is None else left - len(data)
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
