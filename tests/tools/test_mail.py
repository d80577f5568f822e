#!/usr/bin/python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mail from outside the parser: poison costs only itself (A-IS1, A-PA1, A-SB1), twice the input takes twice the time
(A-PA2), and real-shaped mail is read as Python's own email package reads it (A-FZ3). The argument is mail_show;
HEED_MAILS=20000 compares that many."""
import email
import email.message
import email.policy
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "fixtures" / "mail"))
import poison  # noqa: E402

SHOW = sys.argv.pop(1)
MAILS = int(os.environ.get("HEED_MAILS", "600"))
GOOD = b"From: Good <good@example.org>\r\nSubject: good\r\n\r\nGood day.\r\n"


def show(folder, mails, *options, env=None):
    """Each of `mails` (bytes) as mail_show tells it."""
    paths = []
    for i, raw in enumerate(mails):
        path = pathlib.Path(folder) / str(i)
        path.write_bytes(raw)
        paths.append(str(path))
    told = []
    for at in range(0, len(paths), 500):
        done = subprocess.run([SHOW, *options, *paths[at:at + 500]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True, env={**os.environ, **(env or {})})
        told += [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(mails)
    return told


class Poison(unittest.TestCase):
    def test_a_hundred_kinds_of_poison_cost_only_themselves(self):
        kinds = list(poison.kinds(big=False))
        self.assertGreaterEqual(len(kinds), 100)
        mails = [raw for _, poisoned, _ in kinds for raw in (poisoned, GOOD)]
        with tempfile.TemporaryDirectory() as folder:
            told = show(folder, mails, "--child", env={"HEED_TEST_MAIL": "hostile"})
        for i, (name, _, hostile) in enumerate(kinds):
            with self.subTest(name):
                self.assertEqual("died" in told[2 * i], hostile, told[2 * i])
                self.assertEqual(told[2 * i + 1].get("text"), "Good day.")

    def test_bombs_are_answered_within_a_second_of_processor(self):
        bombs = list(poison.bombs(True))
        with tempfile.TemporaryDirectory() as folder:
            told = show(folder, [raw for _, raw in bombs])
            again = show(folder, [raw for _, raw in bombs], "--child")
        for (name, raw), answer, in_child in zip(bombs, told, again):
            with self.subTest(name):
                self.assertLess(answer["cpu_us"], 1_000_000 * int(os.environ.get("HEED_SLOWED", "1")))
                self.assertLess(answer["memory"], 4 * len(raw) + (16 << 20))
                self.assertNotIn("died", in_child)

    def test_the_hook_sleeps_unless_the_server_was_started_for_tests(self):
        with tempfile.TemporaryDirectory() as folder:
            told = show(folder, [poison.plain("x", b"X-Heed-Test: crash\r\n")], "--child", env={"HEED_TEST_MAIL": "no"})
        self.assertEqual(told[0].get("text"), "Hello")


TOP = b"From: a@b.example\r\n"
HTML = TOP + b"Content-Type: text/html\r\n\r\n"
SHAPES = {
    "comments": (TOP + b"To: ", b"(", b"\r\n\r\nx"),
    "angles": (TOP + b"References: ", b"<", b"\r\n\r\nx"),
    "ids": (TOP + b"References: ", b"<a@b>", b"\r\n\r\nx"),
    "words": (TOP + b"Subject: ", b"=?", b"\r\n\r\nx"),
    "open words": (TOP + b"Subject: ", b"=?a?q?", b"\r\n\r\nx"),
    "whole words": (TOP + b"Subject: ", b"=?utf-8?q?a?= ", b"\r\n\r\nx"),
    "signs": (TOP + b"To: ", b"a@a@", b"\r\n\r\nx"),
    "addresses": (TOP + b"To: ", b"a@a,", b"\r\n\r\nx"),
    "groups": (TOP + b"To: ", b"a:;", b"\r\n\r\nx"),
    "quotes": (TOP + b"To: ", b'"', b"\r\n\r\nx"),
    "parameters": (TOP + b"Content-Type: text/plain", b";a=b", b"\r\n\r\nx"),
    "headers": (TOP, b"X: y\r\n", b"\r\nx"),
    "folds": (TOP + b"X: y\r\n", b" z\r\n", b"\r\nx"),
    "long folds": (TOP + b"Subject: y\r\n", b" " * 70 + b"\r\n", b"\r\nx"),
    "boundaries": (TOP + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--b\r\n", b""),
    "dashes": (TOP + poison.nested(40), b"--b\r\n", b""),
    "spaces": (TOP + b"\r\n", b" ", b"x"),
    "lines": (TOP + b"\r\n", b"\r\n", b"x"),
    "quoted lines": (TOP + b"\r\n", b"> a\r\nb\r\n", b"x"),
    "attributions": (TOP + b"\r\n", b"On 1 wrote:\r\n> a\r\n\r\n", b"x"),
    "colons": (TOP + b"\r\n", b"1 wrote\r\n", b"x"),
    "blocks": (TOP + b"\r\n", b"\r\nFrom: a\r\n", b"x"),
    "flowing": (TOP + b"Content-Type: text/plain; format=flowed\r\n\r\n", b"a \r\n", b"x"),
    "base64": (TOP + b"Content-Transfer-Encoding: base64\r\n\r\n", b"QUJD\r\n", b""),
    "quoted-printable": (TOP + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"= ", b""),
    "bad bytes": (TOP + b"Content-Type: text/plain; charset=euc-kr\r\n\r\n", b"\xff", b""),
    "tags": (HTML, b"<", b""),
    "open tags": (HTML, b"<a <a ", b""),
    "open strings": (HTML, b"<a href='", b""),
    "depth": (HTML, b"<div>", b"x"),
    "links": (HTML, b"<a href=http://a>b", b"x"),
    "comments in HTML": (HTML, b"<!--", b"x"),
    "declarations": (HTML, b"<!", b"x"),
    "scripts": (HTML, b"<script>", b"x"),
    "script ends": (HTML + b"<script>", b"</scrip", b"x"),
    "ampersands": (HTML, b"&", b"x"),
    "entities": (HTML, b"&amp;", b"x"),
    "styles": (HTML, b"<p style='display", b"x"),
    "hidden": (HTML, b"<div hidden>", b"x"),
    "quotations": (HTML, b"<blockquote>a", b"x"),
}


def doubles(took):
    return all(twice <= 2.5 * once + 20_000 for once, twice in zip(took, took[1:]))


class Doubling(unittest.TestCase):
    def test_twice_the_input_takes_about_twice_the_time(self):
        sizes = [1 << 20, 2 << 20, 4 << 20, 8 << 20]
        for name, (head, unit, tail) in SHAPES.items():
            mails = [head + unit * (size // len(unit)) + tail for size in sizes]
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                least = None
                # A busy machine may spoil a measurement, but not eight of them; what other programs do to the caches is not
                # ours, so neither a run alone nor the least of all has to hold when the other does.
                for _ in range(8):
                    took = [answer["cpu_us"] for answer in show(folder, mails)]
                    least = [min(pair) for pair in zip(least or took, took)]
                    if doubles(took) or doubles(least):
                        break
                else:
                    self.fail(f"twice the input took more than twice the time: {took}, at least {least}")


WORDS = ["Hello", "order", "4711", "Grüße", "näin", "주문", "返品", "заказ", "مرحبا", "😀", "it's", "a.b", "50%", "=?", "(x)"]
NAMES = ["Zoë Müller", "Smith, John", "김민수", "山田太郎", 'A "quoted" B', "O'Neil", "plain", ""]
# Explained: "big5" means Big5-HKSCS to us, as to browsers; Python reads Cyrillic in it by another table.
CHARSETS = ["utf-8", "iso-8859-1", "windows-1252", "koi8-r", "euc-kr", "shift_jis", "gb2312", "big5hkscs", "iso-2022-jp", "us-ascii"]


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


def invented(rng):
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    name = rng.choice(NAMES)
    mail["From"] = email.headerregistry.Address(name, "writer", "example.org")
    mail["To"] = [email.headerregistry.Address(rng.choice(NAMES), "u%d" % i, "shop.example") for i in range(rng.randint(1, 4))]
    mail["Subject"] = words(rng, rng.randint(1, 12)).strip()
    mail["Message-ID"] = "<%d@example.org>" % rng.getrandbits(40)
    mail["Date"] = email.utils.format_datetime(email.utils.localtime().fromtimestamp(rng.randint(10**9, 2 * 10**9), email.utils.localtime().tzinfo))
    text = "\n".join(words(rng, rng.randint(0, 30)) for _ in range(rng.randint(1, 8))) + "\n"
    charset = rng.choice(CHARSETS)
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
    encoding = rng.choice(["base64", "quoted-printable", "8bit"] if charset == "utf-8" else ["base64", "quoted-printable"])
    mail.set_content(text, charset=charset, cte=encoding)
    if rng.random() < 0.4:
        mail.add_alternative("<p>" + text.replace("<", "&lt;") + "</p>", subtype="html")
    for _ in range(rng.choice([0, 0, 1, 2])):
        mail.add_attachment(rng.randbytes(rng.randint(0, 2000)), maintype="application", subtype="pdf",
                            filename=words(rng, 2).replace("=?", "x").replace("%", "p") + ".pdf")
    return mail.as_bytes()


def one_line(text):
    """Explained: spaces within a line, which folding makes and eats, count as one."""
    return re.sub(r"\s+", " ", str(text)).strip()


def as_python_reads(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body else ""
    return {
        "subject": one_line(mail["Subject"]),
        "from": [one_line(mail["From"].addresses[0].display_name), mail["From"].addresses[0].addr_spec],
        "to": [a.addr_spec for a in mail["To"].addresses],
        "date_at": int(mail["Date"].datetime.timestamp()) * 1000,
        "message_id": str(mail["Message-ID"]).strip("<> "),
        # Explained: trailing spaces and line ends of the whole, which ours drops.
        "text": text.replace("\r\n", "\n").rstrip(),
        "attachments": [[one_line(part.get_filename()), len(part.get_content())] for part in mail.iter_attachments()],
    }


def as_heed_reads(told):
    return {
        "subject": one_line(told["subject"]),
        "from": [one_line(told["from"][0][0]), told["from"][0][1]],
        "to": [address for _, address in told["to"]],
        "date_at": told["date_at"],
        "message_id": told["message_id"],
        "text": told["text"],
        "attachments": [[a["name"], a["size"]] for a in told["attachments"]],
    }


class Differences(unittest.TestCase):
    def test_real_shaped_mail_is_read_as_python_reads_it(self):
        rng = random.Random(20261124)
        # Explained: Python's writer sometimes encodes the comma between two addresses, which then are one.
        mails = [raw for raw in (invented(rng) for _ in range(MAILS)) if b"=?utf-8?q?=2C?=" not in raw]
        with tempfile.TemporaryDirectory() as folder:
            told = show(folder, mails)
        for raw, answer in zip(mails, told):
            ours, theirs = as_heed_reads(answer), as_python_reads(raw)
            if ours != theirs:
                keys = [key for key in ours if ours[key] != theirs[key]]
                head = raw.split(b"\r\n\r\n")[0].decode("utf-8", "replace")
                self.fail("\n".join([head] + [f"{key}\n ours   {ours[key]!r}\n theirs {theirs[key]!r}" for key in keys]))


if __name__ == "__main__":
    import email.headerregistry
    import email.utils
    unittest.main()
