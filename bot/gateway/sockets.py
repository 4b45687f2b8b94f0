"""Which conversations have an open page somewhere, so that a customer who looks is not called back."""

from __future__ import annotations

from collections import Counter

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.redis_keys import open_socket

log = structlog.get_logger(__name__)
ALIVE_S = 90
"""A page pings every 25 seconds; one that has not for so long is gone."""


class OpenSockets:
    """Counted in this process, told to the others by Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._here: Counter[str] = Counter()

    async def opened(self, conversation_id: str) -> None:
        self._here[conversation_id] += 1
        await self.alive(conversation_id)

    async def alive(self, conversation_id: str) -> None:
        """A sign of life of one socket."""
        try:
            await self._redis.set(open_socket(conversation_id), 1, ex=ALIVE_S)
        except RedisError as error:
            log.warning("socket_not_noted", error=type(error).__name__)

    async def closed(self, conversation_id: str) -> None:
        self._here[conversation_id] -= 1
        if self._here[conversation_id] > 0:
            return
        del self._here[conversation_id]
        try:
            # Should another process hold one, its next ping says so again.
            await self._redis.delete(open_socket(conversation_id))
        except RedisError as error:
            log.warning("socket_not_noted", error=type(error).__name__)

    async def any(self, conversation_id: str) -> bool:
        """Whether somebody may be looking; yes, while nobody can tell."""
        if self._here.get(conversation_id, 0) > 0:
            return True
        try:
            return bool(await self._redis.exists(open_socket(conversation_id)))
        except RedisError:
            return True
