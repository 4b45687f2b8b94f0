"""Signed posts: genuine and fresh, or refused."""

from __future__ import annotations

from core.signing import WINDOW_S, signature, verified


def test_signatures() -> None:
    header = signature(b"s", 1000, b"body")
    assert verified(b"s", header, b"body", 1000 + WINDOW_S)
    for secret, given, body, at in (
        (b"t", header, b"body", 1000), (b"s", header, b"bodz", 1000), (b"s", header, b"body", 1001 + WINDOW_S),
        (b"s", header, b"body", 999 - WINDOW_S), (b"s", header.replace("t=1000", "t=1001"), b"body", 1000),
        (b"s", "", b"body", 1000), (b"s", "v1=", b"body", 1000), (b"s", header + ",v1=x", b"body", 1000),
    ):  # fmt: skip
        assert not verified(secret, given, body, at)
