"""Time and identifiers, in one place so that tests can hold the clock."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def now() -> datetime:
    """Now, aware, in UTC (what is stored)."""
    return datetime.now(UTC)


def local_now() -> datetime:
    """Now where the operator's customers are (what is said to people)."""
    return datetime.now(LOCAL_ZONE)


def new_id(prefix: str) -> str:
    """A sortable, unguessable identifier: prefix, milliseconds, 80 random bits (after ULID)."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    digits = []
    for _ in range(26):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"
