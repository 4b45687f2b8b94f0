"""Signed posts between servers: HMAC-SHA256 over the moment and the body, so that neither can be changed or kept.

``X-Changda-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``. A receiver refuses posts that
are older than ``WINDOW_S``, compares in constant time, and knows a repetition by the event's id.
"""

from __future__ import annotations

import hashlib
import hmac
import re

HEADER = "X-Changda-Signature"
WINDOW_S = 300
"""A post signed longer ago than this (or so far ahead) is not taken."""
_PARTS = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def digest(secret: bytes, moment: int, body: bytes) -> str:
    """Hex HMAC-SHA256 of "<moment>.<body>"."""
    return hmac.new(secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def signature(secret: bytes, moment: int, body: bytes) -> str:
    """Our header's value."""
    return f"t={moment},v1={digest(secret, moment, body)}"


def holds(secret: bytes, moment: int, body: bytes, given: str, at: float) -> bool:
    """Whether ``given`` is the digest of a post that is fresh at the unix time ``at``."""
    fresh = abs(at - moment) <= WINDOW_S
    return fresh and hmac.compare_digest(digest(secret, moment, body).encode(), given.encode())


def verified(secret: bytes, header: str, body: bytes, at: float) -> bool:
    """Whether a post with our header is genuine and fresh at the unix time ``at``."""
    parts = _PARTS.fullmatch(header)
    return parts is not None and holds(secret, int(parts[1]), body, parts[2], at)
