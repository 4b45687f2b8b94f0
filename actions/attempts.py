"""Counts wrong SMS codes and codes asked for, so that nobody guesses their way in.

Per number, per channel account and per network address; the last two reach us as digests. The operator limits
each single code besides. A loopback address is nobody's, so the gateway does not pass it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actions.turn import Turn
from core.limits import AttemptLimiter
from core.redis_keys import attempts

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Limit:
    """So many within a time, then closed until it is over."""

    kind: str
    most: int
    window_s: int


WRONG = {
    "phone": (Limit("code_wrong", 15, 10 * _MINUTE), Limit("code_wrong_day", 50, _DAY)),
    "account": (Limit("code_wrong", 10, _HOUR),),
    "address": (Limit("code_wrong", 60, _HOUR),),
}
SENT = {
    "account": (Limit("code_sent", 12, _HOUR),),
    "address": (Limit("code_sent", 120, _HOUR),),
}
CLOSED = "验证码输错的次数有点多，为了保护您的账户，请{wait}后再试。着急的话，可以转人工核实身份。"
SENT_ENOUGH = "获取验证码的次数有点多了，请{wait}后再试。着急的话，可以转人工核实身份。"
Limits = Mapping[str, tuple[Limit, ...]]


class CodeAttempts:
    """Says politely when it is enough. Without Redis nothing is limited here."""

    def __init__(self, limiter: AttemptLimiter | None) -> None:
        self._limiter = limiter

    async def closed(self, phone: str, turn: Turn) -> str | None:
        """What to say instead of checking another code; None = go on."""
        return await self._over(WRONG, phone, turn, CLOSED)

    async def sending(self, phone: str, turn: Turn) -> str | None:
        """Counts a code about to be sent; words when it must not be."""
        words = await self.closed(phone, turn) or await self._over(SENT, phone, turn, SENT_ENOUGH)
        if words is None:
            await self._add(SENT, phone, turn)
        return words

    async def wrong(self, phone: str, turn: Turn) -> None:
        """Counts a wrong code."""
        await self._add(WRONG, phone, turn)

    async def right(self, phone: str, turn: Turn) -> None:
        """The number and the account begin afresh; an address does not, or one own number would clear it."""
        if self._limiter:
            for name, key, _ in _keys(WRONG, phone, turn):
                if name != "address":
                    await self._limiter.clear(key)

    async def _over(self, limits: Limits, phone: str, turn: Turn, words: str) -> str | None:
        if self._limiter is None:
            return None
        waits = [
            await self._limiter.left_s(key)
            for _, key, limit in _keys(limits, phone, turn)
            if await self._limiter.count(key) >= limit.most
        ]
        return words.format(wait=wait_words(max(waits))) if waits else None

    async def _add(self, limits: Limits, phone: str, turn: Turn) -> None:
        if self._limiter:
            for _, key, limit in _keys(limits, phone, turn):
                await self._limiter.add(key, limit.window_s)


def _keys(limits: Limits, phone: str, turn: Turn) -> list[tuple[str, str, Limit]]:
    subjects = {"phone": phone, "account": turn.account, "address": turn.address}
    return [
        (name, attempts(f"{limit.kind}_{name}", subjects[name]), limit)
        for name, several in limits.items()
        for limit in several
        if subjects[name]
    ]


def wait_words(seconds: int) -> str:
    """「10分钟」, 「2小时」, 「明天」."""
    minutes = max(1, -(-seconds // _MINUTE))
    if minutes < 60:
        return f"{minutes}分钟"
    hours = -(-minutes // 60)
    return f"{hours}小时" if hours <= 12 else "明天"
