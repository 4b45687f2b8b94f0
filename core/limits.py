"""Counting attempts in Redis; while Redis is away nothing is limited, and that is logged."""

from __future__ import annotations

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


class AttemptLimiter:
    """Counters that forget by themselves."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def count(self, key: str) -> int:
        try:
            return int(await self._redis.get(key) or 0)
        except RedisError as error:
            log.warning("limiter_off", error=str(error))
            return 0

    async def add(self, key: str, window_s: int) -> int:
        """Counts one attempt; the window begins with the first."""
        try:
            total = int(await self._redis.incr(key))
            if total == 1:
                await self._redis.expire(key, window_s)
        except RedisError as error:
            log.warning("limiter_off", error=str(error))
            return 0
        return total

    async def left_s(self, key: str) -> int:
        """Seconds until a counter forgets."""
        try:
            return max(0, int(await self._redis.ttl(key)))
        except RedisError as error:
            log.warning("limiter_off", error=str(error))
            return 0

    async def clear(self, key: str) -> None:
        try:
            await self._redis.delete(key)
        except RedisError as error:
            log.warning("limiter_off", error=str(error))
