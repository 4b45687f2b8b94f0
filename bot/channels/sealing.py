"""Tencent's signatures and encryption, as the official account and WeCom share them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 32
_HEAD = 20
"""16 random bytes and the length."""


class BadSeal(Exception):
    """A signature that does not fit, or something that is not encrypted for us."""


def sign(*parts: str) -> str:
    """Hex SHA-1 of the parts, sorted and joined with nothing."""
    # The platform prescribes SHA-1; the secret token among the parts is what makes it a signature.
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def check(signature: str, *parts: str) -> None:
    """Raises BadSeal unless the signature is that of the parts."""
    if not hmac.compare_digest(sign(*parts).encode(), signature.encode()):
        raise BadSeal("wrong signature")


class Sealer:
    """AES-256-CBC with PKCS#7 to blocks of 32 bytes; the receiver's id is part of the plaintext.

    Args:
        aes_key: EncodingAESKey, 43 characters.
        receiver: AppId or CorpId.

    Raises:
        ValueError: the key is not one.
    """

    def __init__(self, aes_key: str, receiver: str) -> None:
        try:
            self._key = base64.b64decode(aes_key + "=", validate=True)
        except binascii.Error as error:
            raise ValueError("EncodingAESKey is not base64") from error
        if len(self._key) != 32:
            raise ValueError("EncodingAESKey must have 43 characters")
        self._receiver = receiver.encode()

    def open(self, sealed: str) -> bytes:
        """The plaintext. Raises BadSeal."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadSeal("not base64") from error
        if not raw or len(raw) % 16:
            raise BadSeal("not whole blocks")
        decryptor = self._cipher().decryptor()
        plain = _unpadded(decryptor.update(raw) + decryptor.finalize())
        if len(plain) < _HEAD:
            raise BadSeal("too short")
        (length,) = struct.unpack(">I", plain[16:_HEAD])
        content, receiver = plain[_HEAD : _HEAD + length], plain[_HEAD + length :]
        if len(content) != length or not hmac.compare_digest(receiver, self._receiver):
            raise BadSeal("for somebody else")
        return content

    def seal(self, content: bytes) -> str:
        """The ciphertext, base64."""
        plain = secrets.token_bytes(16) + struct.pack(">I", len(content)) + content + self._receiver
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        raw = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(raw).decode()

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))


def _unpadded(plain: bytes) -> bytes:
    pad = plain[-1]
    if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise BadSeal("wrong padding")
    return plain[:-pad]
