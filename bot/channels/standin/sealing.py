"""The platform's side of signatures and encryption."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from hashlib import sha1
from xml.etree import ElementTree

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC


def signature(values: Iterable[str]) -> str:
    """SHA-1 over the sorted values."""
    return sha1("".join(sorted(values)).encode("utf-8")).hexdigest()  # noqa: S324 (prescribed)


class MessageCrypt:
    """Encrypts what the platform pushes and decrypts what it is answered."""

    def __init__(self, encoding_aes_key: str, receive_id: str) -> None:
        self.key = base64.b64decode(f"{encoding_aes_key}=")
        self.receive_id = receive_id

    def encrypt(self, text: str) -> str:
        body = text.encode("utf-8")
        data = os.urandom(16) + len(body).to_bytes(4, "big") + body + self.receive_id.encode()
        missing = 32 - len(data) % 32
        encryptor = Cipher(AES(self.key), CBC(self.key[:16])).encryptor()
        sealed = encryptor.update(data + bytes([missing] * missing)) + encryptor.finalize()
        return base64.b64encode(sealed).decode("ascii")

    def decrypt(self, sealed: str) -> str:
        """Raises ValueError when it is not for this account."""
        decryptor = Cipher(AES(self.key), CBC(self.key[:16])).decryptor()
        data = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
        data = data[: -data[-1]]
        end = 20 + int.from_bytes(data[16:20], "big")
        if data[end:].decode() != self.receive_id:
            raise ValueError("encrypted for another account")
        return data[20:end].decode("utf-8")


class Nested(str):
    """XML inside an element, as it is."""


def to_xml(fields: dict[str, object]) -> str:
    """The platform's XML: numbers bare, texts in CDATA."""
    root = ["<xml>"]
    for name, value in fields.items():
        bare = isinstance(value, int | float | Nested)
        inner = str(value) if bare else f"<![CDATA[{value}]]>"
        root.append(f"<{name}>{inner}</{name}>")
    return "\n".join([*root, "</xml>"])


def from_xml(text: str) -> dict[str, str]:
    """Fields of an answer. Raises ElementTree.ParseError, ValueError."""
    root = ElementTree.fromstring(text)  # noqa: S314 (our own system answers)
    if root.tag != "xml":
        raise ValueError("not an answer")
    return {child.tag: child.text or "" for child in root}
