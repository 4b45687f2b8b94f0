"""One message of a conversation at a time, across processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError

from core.errors import Unavailable
from core.redis_keys import conversation_lock

log = structlog.get_logger(__name__)


class ConversationLocks:
    """Redis locks; while Redis is away, locks of this process only.

    Args:
        hold_s: a lock is released by itself after this, so that a killed process blocks nobody for long.
        wait_s: how long a second message waits for the first.
    """

    def __init__(self, redis: Redis, hold_s: float = 20.0, wait_s: float = 20.0) -> None:
        self._redis = redis
        self._hold_s = hold_s
        self._wait_s = wait_s
        self._local: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[None]:
        """Holds the conversation. Raises Unavailable when its turn does not come."""
        local = self._local.setdefault(conversation_id, asyncio.Lock())
        async with local:
            lock = self._redis.lock(
                conversation_lock(conversation_id),
                timeout=self._hold_s,
                sleep=0.02,
                blocking_timeout=self._wait_s,
            )
            try:
                acquired = await lock.acquire()
            except RedisError as error:
                log.warning("conversation_lock_local_only", error=str(error))
                yield
                return
            if not acquired:
                raise Unavailable("上一条消息还在处理中，请稍等一下再发。")
            try:
                yield
            finally:
                with contextlib.suppress(LockError, RedisError):
                    await lock.release()
