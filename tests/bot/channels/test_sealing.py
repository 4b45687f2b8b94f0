"""Signatures and encryption against the other side's, and against whoever tampers."""

from __future__ import annotations

import base64

import pytest

from bot.channels.sealing import BadSeal, Sealer, check, sign
from bot.channels.standin.sealing import MessageCrypt, signature

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@pytest.mark.parametrize("text", ["", "话费", "x" * 12, "畅" * 500])
def test_both_sides_agree(text: str) -> None:
    ours, theirs = Sealer(KEY, "wx1"), MessageCrypt(KEY, "wx1")
    assert ours.open(theirs.encrypt(text)).decode() == text
    assert theirs.decrypt(ours.seal(text.encode())) == text
    assert sign("token", "1", "n", text) == signature(["n", text, "token", "1"])


def test_for_another_account_is_refused() -> None:
    with pytest.raises(BadSeal):
        Sealer(KEY, "wx2").open(MessageCrypt(KEY, "wx1").encrypt("话费"))


def test_every_changed_byte_is_noticed_or_for_nobody() -> None:
    sealed = bytearray(base64.b64decode(MessageCrypt(KEY, "wx1").encrypt("话费" * 8)))
    ours, refused = Sealer(KEY, "wx1"), 0
    for place in range(len(sealed)):
        sealed[place] ^= 1
        try:
            ours.open(base64.b64encode(bytes(sealed)).decode())
        except BadSeal:
            refused += 1
        sealed[place] ^= 1
    # CBC alone does not authenticate the text itself: the signature over it does.
    assert refused >= 32


@pytest.mark.parametrize(
    "rubbish", ["", "!", "YQ==", "a" * 64, base64.b64encode(b"x" * 32).decode()]
)
def test_rubbish_is_refused(rubbish: str) -> None:
    with pytest.raises(BadSeal):
        Sealer(KEY, "wx1").open(rubbish)


def test_a_wrong_key_is_told_at_start() -> None:
    for key in ("short", "*" * 43):
        with pytest.raises(ValueError, match="EncodingAESKey"):
            Sealer(key, "wx1")


def test_signatures() -> None:
    check(sign("t", "1", "n"), "n", "t", "1")
    for wrong in ("", "0" * 40, "ä"):
        with pytest.raises(BadSeal):
            check(wrong, "t", "1", "n")
