# SPDX-License-Identifier: AGPL-3.0-or-later
"""A real mail system for tests: Dovecot and an SMTP server (tests/real/mail/start.py), and hands for both ends."""
import email
import email.message
import email.policy
import imaplib
import json
import os
import pathlib
import re
import smtplib
import ssl
import subprocess
import time

from lib.heed import ROOT, until


class Mail:
    """oauth: the address of a provider (lib/oauth.py) whose tokens both servers take. rawlog: talks() tells what was said."""

    def __init__(self, *accounts, oauth=None, rawlog=False):
        options = [*(("--oauth", oauth) if oauth else ()), *(("--rawlog",) if rawlog else ())]
        self.process = subprocess.Popen(["/usr/bin/python3", str(ROOT / "tests/real/mail/start.py"), *options, *accounts], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the mail system did not start")
        self.net = json.loads(line)
        self.context = ssl.create_default_context(cafile=self.net["cert"])
        self.env = {"SSL_CERT_FILE": self.net["cert"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait(300)  # a large mailbox takes its time to remove

    @property
    def hosts(self):
        return [f"localhost:{self.net[n]}" for n in ("imap", "imaps", "smtp", "submission", "smtps")]

    def account(self, name):
        return self.net["accounts"][name]

    def address(self, name):
        return self.account(name)["address"]

    def settings(self, name="desk", **more):
        account = self.account(name)
        return {"address": account["address"], "from_name": "Brand", "imap": f"imaps://localhost:{self.net['imaps']}",
                "smtp": f"smtps://localhost:{self.net['smtps']}", "login": account["login"], "password": account["password"], **more}

    def connect(self, api, name="desk", wait=True, **more):
        """A channel of this mailbox, active."""
        channel = api.post("channels", {"kind": "email", "name": f"mail of {name} {time.time_ns() % 10**6}", "settings": self.settings(name, **more)})
        if wait:
            until(lambda: api.get(f"channels/{channel['id']}")["state"] == "active", 20,
                  f"the channel being active ({api.get('channels/%d' % channel['id'])['state_reason']})")
            until(lambda: api.get(f"channels/{channel['id']}")["state"] == "active", 5)
        return channel

    @staticmethod
    def look_now(api, channel):
        """Off and on: every folder is looked at now, and not when its minute is over."""
        for on in (False, True):
            api.patch(f"channels/{channel}", {"enabled": on})
        until(lambda: api.get(f"channels/{channel}")["state"] == "active", 20, "the channel being active again")

    def deliver(self, raw, to="desk", sender="someone@elsewhere.test", address=None):
        """As another server would: on the SMTP port."""
        raw = raw.as_bytes(policy=email.policy.SMTP) if hasattr(raw, "as_bytes") else raw
        with smtplib.SMTP("localhost", self.net["smtp"]) as s:
            s.sendmail(sender, [address or self.address(to)], raw)

    def imap(self, name):
        account = self.account(name)
        box = imaplib.IMAP4_SSL("localhost", self.net["imaps"], ssl_context=self.context)
        box.login(account["login"], account["password"])
        return box

    def append(self, name, raws, folder="INBOX", flags=None):
        box = self.imap(name)
        for raw in raws:
            for _ in range(10):  # Dovecot mixes up a folder that was just deleted and made anew while somebody has it open
                ok, words = box.append(folder, flags, None, raw)
                if b"deleted under us" not in words[0]:
                    break
                time.sleep(0.3)
            assert ok == "OK", words
        box.logout()

    def talks(self, name):
        """What was said over IMAP, a list for each connection: (seconds since 1970, "C" or "S", line). Needs rawlog."""
        out = {}
        for path in sorted(pathlib.Path(self.net["folder"], "rawlog", name).glob("*.*")):
            who = {".in": "C", ".out": "S"}[path.suffix]
            for line in path.read_text(errors="replace").splitlines():
                at, _, words = line.partition(" ")
                if re.fullmatch(r"\d+\.\d+", at):
                    out.setdefault(path.stem, []).append((float(at), who, words))
        return [sorted(lines) for lines in out.values()]

    def fill(self, name, mails):
        """Puts (bytes, seconds since 1970) straight into the folder of incoming mail, as if they had come then."""
        self.mails(name)  # makes the folders
        folder = pathlib.Path(self.net["folder"], "home", name, "Maildir", "cur")
        for i, (raw, at) in enumerate(mails):
            path = folder / f"{int(at)}.M{i:06d}P1.test,S={len(raw)},W={len(raw) + raw.count(10)}:2,"
            path.write_bytes(raw)
            os.utime(path, (at, at))
            os.chown(path, self.net["uid"], self.net["gid"])

    def mails(self, name, folder="INBOX"):
        box = self.imap(name)
        ok, _ = box.select(folder, readonly=True)
        if ok != "OK":
            return []
        _, found = box.uid("SEARCH", "ALL")
        out = []
        for uid in found[0].split():
            _, data = box.uid("FETCH", uid, "(FLAGS BODY.PEEK[])")
            message = email.message_from_bytes(data[0][1], policy=email.policy.default)
            message.raw, message.flags = data[0][1], data[0][0].decode()
            out.append(message)
        box.logout()
        return out


def letter(sender, to, subject, text, **headers):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Date"] = email.utils.formatdate(localtime=False)
    m["Message-ID"] = headers.pop("message_id", f"<{time.time_ns()}.{os.getpid()}@elsewhere.test>")
    for key, value in headers.items():
        m[key.replace("_", "-")] = value
    m.set_content(text)
    return m
