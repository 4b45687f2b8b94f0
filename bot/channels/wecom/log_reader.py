"""Reads WeCom's message log page by page; the cursor moves on once a page is stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from bot.channels.base import NotDelivered
from bot.channels.wecom.adapter import CursorRefused, WeComAdapter
from bot.channels.wecom.inbound import NAME, Item, understand
from core.clock import now
from core.database import Base, Database, UtcDateTime
from core.redis_keys import channel_sync_lock

log = structlog.get_logger(__name__)
_HOLD_S = 120.0
_TRIES_S = (1, 2, 4, 8, 16, 32)

StorePage = Callable[[Sequence[Item]], Awaitable[None]]
"""Stores a page's items, each once however often it comes."""


class Cursor(Base):
    """How far a service account's log has been read."""

    __tablename__ = "channel_cursors"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    account: Mapped[str] = mapped_column(String(64), primary_key=True)
    cursor: Mapped[str] = mapped_column(String(512))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LogReader:
    """One reader a service account at a time, across processes."""

    def __init__(
        self, adapter: WeComAdapter, database: Database, redis: Redis, store: StorePage
    ) -> None:
        self._adapter = adapter
        self._database = database
        self._redis = redis
        self._store = store
        self._local: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def read(self, open_kfid: str, token: str = "") -> None:
        """Reads to the end of the log; tries again while the platform does not answer."""
        for wait in (*_TRIES_S, None):
            try:
                async with self._alone(open_kfid):
                    await self._to_the_end(open_kfid, token)
                return
            except NotDelivered as error:
                log.warning("wecom_log_not_read", reason=error.reason)
            if wait is None:
                return
            await asyncio.sleep(wait)

    async def read_all(self) -> None:
        """Catches up with every log read before, for what came while nobody listened."""
        query = select(Cursor.account).where(Cursor.channel == NAME)
        async with self._database.reading() as session:
            accounts = list((await session.execute(query)).scalars())
        for open_kfid in accounts:
            await self.read(open_kfid)

    async def _to_the_end(self, open_kfid: str, token: str) -> None:
        cursor, more = await self._cursor(open_kfid), True
        while more:
            # A short page says nothing: only has_more does.
            try:
                raw, following, more = await self._adapter.read_log(open_kfid, cursor, token)
            except CursorRefused:
                # From the oldest that there is; what was read before is known.
                log.error("wecom_cursor_refused", open_kfid=open_kfid)
                raw, following, more = await self._adapter.read_log(open_kfid, cursor := "", token)
            items = [item for one in raw if (item := understand(one, open_kfid)) is not None]
            await self._store(items)
            if following != cursor:
                await self._keep(open_kfid, following)
            elif more:
                log.error("wecom_log_does_not_move", open_kfid=open_kfid)
                return
            cursor = following

    async def _cursor(self, open_kfid: str) -> str:
        async with self._database.reading() as session:
            row = await session.get(Cursor, (NAME, open_kfid))
        return row.cursor if row else ""

    async def _keep(self, open_kfid: str, cursor: str) -> None:
        async with self._database.transaction() as session:
            row = await session.get(Cursor, (NAME, open_kfid), with_for_update=True)
            if row is None:
                session.add(
                    Cursor(channel=NAME, account=open_kfid, cursor=cursor, updated_at=now())
                )
            else:
                row.cursor, row.updated_at = cursor, now()

    @asynccontextmanager
    async def _alone(self, open_kfid: str) -> AsyncIterator[None]:
        lock = self._redis.lock(
            channel_sync_lock(f"{NAME}:{open_kfid}"), timeout=_HOLD_S, blocking_timeout=_HOLD_S
        )
        async with self._local[open_kfid]:
            try:
                held = await lock.acquire()
            except RedisError as error:
                log.warning("wecom_sync_lock_local_only", error=type(error).__name__)
                held = False
            try:
                yield
            finally:
                if held:
                    with contextlib.suppress(LockError, RedisError):
                        await lock.release()
