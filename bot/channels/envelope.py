"""What the callbacks of WeChat and WeCom have in common: how fresh, how large, and never replayed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels import xml
from bot.channels.sealing import BadSeal, Sealer, check
from core.redis_keys import channel_nonce

log = structlog.get_logger(__name__)
MAX_BODY = 64 * 1024
FRESH_S = 300
"""A callback signed longer ago, or later than now by as much, is refused."""
_REMEMBERED_S = 2 * FRESH_S
_MAX_NONCE = 128


class Refused(Exception):
    """Not from the platform, or not for us; ``status`` is for the HTTP answer."""

    def __init__(self, why: str, status: int = 403) -> None:
        self.why = why
        self.status = status
        super().__init__(why)


class EnvelopeChecks:
    """Checks that do not depend on the platform.

    Args:
        name: of our account, such as ``wechat:wx123``.
        token: the callback's token.
        sealer: None where callbacks are not encrypted.
    """

    def __init__(self, redis: Redis, name: str, token: str, sealer: Sealer | None) -> None:
        self._redis = redis
        self._name = name
        self.token = token
        self.sealer = sealer

    def signed(self, query: Mapping[str, str], parameter: str, *parts: str) -> None:
        """Whether a parameter of the query is our token's signature, and a fresh one. Raises Refused."""
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Refused("no timestamp")
        if not nonce or len(nonce) > _MAX_NONCE:
            raise Refused("no nonce")
        try:
            check(query.get(parameter, ""), self.token, timestamp, nonce, *parts)
        except (BadSeal, UnicodeEncodeError) as error:
            raise Refused("wrong signature") from error
        if abs(time.time() - int(timestamp)) > FRESH_S:
            raise Refused("stale signature")

    def unsealed(self, sealed: str) -> bytes:
        """What is inside. Raises Refused."""
        if not sealed or self.sealer is None:
            raise Refused("not encrypted")
        try:
            return self.sealer.open(sealed)
        except BadSeal as error:
            raise Refused(str(error)) from error

    async def first_use(self, query: Mapping[str, str], body: bytes) -> None:
        """One signature goes with one content, which may come again. Raises Refused.

        A plain body is covered by no signature: whoever saw one could send another body with it.
        """
        digest = hashlib.sha256(body).hexdigest()
        # Hashed, because a nonce may hold anything.
        named = f"{query['timestamp']}\0{query['nonce']}".encode(errors="replace")
        key = channel_nonce(self._name, hashlib.sha256(named).hexdigest())
        try:
            if await self._redis.set(key, digest, nx=True, ex=_REMEMBERED_S):
                return
            before = await self._redis.get(key)
        except RedisError as error:
            log.warning("replay_check_off", error=type(error).__name__)
            return
        if before is not None and before != digest.encode():
            raise Refused("signature used for something else")


def fields_of(body: bytes) -> dict[str, str]:
    """The XML's fields. Raises Refused."""
    try:
        return xml.read(body)
    except xml.BadXml as error:
        raise Refused(str(error), 400) from error
