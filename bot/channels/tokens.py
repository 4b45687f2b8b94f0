"""One access token for all processes: fetched under a lock, kept in Redis, never logged."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError

from core.redis_keys import channel_token, channel_token_lock

log = structlog.get_logger(__name__)

Fetch = Callable[[], Awaitable[tuple[str, float]]]
"""Asks the platform: (token, seconds it lives). Raises NotDelivered."""
EARLY_S = 300.0
_LOCK_S = 15.0


class AccessTokens:
    """The token of one account of ours. While Redis is away every process keeps its own copy.

    Args:
        name: of the account, such as ``wechat:wx123``.
        fetch: asks the platform for the token.
    """

    def __init__(self, redis: Redis, name: str, fetch: Fetch) -> None:
        self._redis = redis
        self._name = name
        self._fetch = fetch
        self._local: tuple[str, float] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self, wrong: str | None = None) -> str:
        """A token that should work.

        Args:
            wrong: the one that was just refused: another is fetched, unless somebody has done so already.

        Raises:
            NotDelivered: the platform gives none.
        """
        known = await self._stored()
        if known and known != wrong:
            return known
        async with self._one_at_a_time, self._across_processes():
            known = await self._stored()
            if known and known != wrong:
                return known
            token, seconds = await self._fetch()
            await self._store(token, max(30.0, seconds - EARLY_S))
            return token

    async def _stored(self) -> str | None:
        try:
            found = await self._redis.get(channel_token(self._name))
        except RedisError:
            kept = self._local
            return kept[0] if kept and kept[1] > time.monotonic() else None
        if found is None:
            return None
        return found.decode() if isinstance(found, bytes) else str(found)

    async def _store(self, token: str, seconds: float) -> None:
        self._local = (token, time.monotonic() + seconds)
        try:
            await self._redis.set(channel_token(self._name), token, px=int(seconds * 1000))
        except RedisError as error:
            log.warning("token_kept_locally", error=type(error).__name__)

    @asynccontextmanager
    async def _across_processes(self) -> AsyncIterator[None]:
        lock = self._redis.lock(
            channel_token_lock(self._name), timeout=_LOCK_S, sleep=0.05, blocking_timeout=_LOCK_S
        )
        try:
            held = await lock.acquire()
        except RedisError:
            held = False
        try:
            yield
        finally:
            if held:
                with contextlib.suppress(LockError, RedisError):
                    await lock.release()
