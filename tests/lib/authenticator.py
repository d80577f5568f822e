# SPDX-License-Identifier: AGPL-3.0-or-later
"""A device that makes passkeys, and the browser in front of it, in software (Web Authentication Level 2). It does what
it is told, also what no real one would: another page's origin, a counter that goes backwards, broken bytes."""
import base64
import hashlib
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ES256, EDDSA, RS256 = -7, -8, -257
PRESENT, VERIFIED, CREDENTIAL, EXTENSIONS = 1, 4, 64, 128


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value):
    """Just what authenticators write: numbers, bytes, texts, lists, maps, true, false, null."""
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if n < 1 << 8 * size:
                return bytes([major << 5 | code]) + n.to_bytes(size, "big")
        raise ValueError(n)
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


class Passkey:
    """One key of one device for one person at one name."""

    def __init__(self, algorithm=ES256):
        self.id, self.algorithm, self.counter, self.user, self.rp_id = os.urandom(32), algorithm, 0, b"", ""
        if algorithm == ES256:
            self.private = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == EDDSA:
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = rsa.generate_private_key(65537, 2048)

    def cose(self):
        public = self.private.public_key()
        if self.algorithm == ES256:
            numbers = public.public_numbers()
            return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        if self.algorithm == EDDSA:
            return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes(Encoding.Raw, PublicFormat.Raw)}
        numbers = public.public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}

    def sign(self, data):
        if self.algorithm == ES256:
            return self.private.sign(data, ec.ECDSA(hashes.SHA256()))
        if self.algorithm == EDDSA:
            return self.private.sign(data)
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def data(self, flags, counter=None, rp_id=None, credential=b""):
        name = hashlib.sha256((rp_id or self.rp_id).encode()).digest()
        return name + bytes([flags]) + struct.pack(">I", self.counter if counter is None else counter) + credential

    def make(self, ask, origin, name="Laptop", flags=PRESENT | VERIFIED, rp_id=None, kind="webauthn.create", challenge=None,
             format="none", statement=None, cose=None, **more):
        """The body of POST /me/passkeys."""
        self.rp_id, self.user = ask["rp_id"], unb64(ask["user_id"])
        credential = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor(self.cose() if cose is None else cose)
        data = self.data(flags | CREDENTIAL, rp_id=rp_id, credential=credential)
        attestation = cbor({"fmt": format, "attStmt": statement or {}, "authData": data})
        return {"name": name, "client_data": b64(client_data(kind, challenge or ask["challenge"], origin, **more)), "attestation_object": b64(attestation)}

    def prove(self, ask, origin, flags=PRESENT | VERIFIED, rp_id=None, kind="webauthn.get", challenge=None, counter=None, user=None,
              token=None, signature=None, **more):
        """The body of POST /session/passkey."""
        if counter is None and self.counter:
            self.counter += 1
        client = client_data(kind, challenge or ask["challenge"], origin, **more)
        data = self.data(flags, counter, rp_id)
        signature = signature or self.sign(data + hashlib.sha256(client).digest())
        return {"id": b64(self.id), "client_data": b64(client), "authenticator_data": b64(data), "signature": b64(signature),
                "user_handle": b64(self.user if user is None else user), **({"token": token} if token else {})}


def client_data(kind, challenge, origin, **more):
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False, **more}).encode()
