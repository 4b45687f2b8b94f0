"""Agents' last signs of life: in Redis, in SQL while it is down."""

from __future__ import annotations

import time
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select, update

from core.clock import now
from core.database import Database
from core.redis_keys import AGENT_SEEN
from handoff.models import AgentPresence, Handoff
from handoff.states import State


class SignsOfLife:
    """Who was heard of when, and who should have been."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._redis = redis
        self._database = database
        # Which store the signs of life come from, and since when: see _settled.
        self._source: tuple[str, float] = ("", time.monotonic())

    async def touch(self, agent_id: str) -> None:
        """A sign of life."""
        try:
            await self._redis.zadd(AGENT_SEEN, {agent_id: time.time()})
        except (RedisError, OSError):
            change = update(AgentPresence).where(AgentPresence.agent_id == agent_id)
            async with self._database.transaction() as session:
                await session.execute(change.values(seen_at=now()))

    async def lost(self, after_s: float) -> list[str]:
        """Agents who should be here (a status other than offline, or a customer to serve) but gave no
        sign of life for ``after_s``."""
        expected = await self._expected()
        if not expected:
            return []
        try:
            silent, source = await self._silent(expected, time.time() - after_s), "redis"
        except (RedisError, OSError):
            silent, source = await self._silent_in_sql(expected, after_s), "sql"
        return silent if self._settled(source, after_s) else []

    def _settled(self, source: str, after_s: float) -> bool:
        # After a start or an outage the store holds old signs; agents get the full time to give a new one.
        if self._source[0] != source:
            self._source = (source, time.monotonic())
        return time.monotonic() - self._source[1] >= after_s

    async def _expected(self) -> list[str]:
        present = select(AgentPresence.agent_id).where(AgentPresence.status != "offline")
        serving = select(Handoff.agent_id).where(
            Handoff.state.in_([State.ACTIVE, State.OFFERED]),
            Handoff.agent_id.is_not(None),
            Handoff.desk == "own",  # Other desks look after their own people.
        )
        async with self._database.reading() as session:
            rows = [*(await session.execute(present)), *(await session.execute(serving))]
        return sorted({row[0] for row in rows})

    async def _silent(self, agent_ids: Sequence[str], since: float) -> list[str]:
        seen = await self._redis.zmscore(AGENT_SEEN, list(agent_ids))
        unknown = [agent for agent, at in zip(agent_ids, seen, strict=True) if at is None]
        if unknown:
            # After a wipe nobody's last sign is known: everybody gets the full time again.
            moment = time.time()
            await self._redis.zadd(AGENT_SEEN, dict.fromkeys(unknown, moment), nx=True)
        return [
            agent
            for agent, at in zip(agent_ids, seen, strict=True)
            if at is not None and float(at) < since
        ]

    async def _silent_in_sql(self, agent_ids: Sequence[str], after_s: float) -> list[str]:
        query = select(AgentPresence).where(AgentPresence.agent_id.in_(agent_ids))
        async with self._database.reading() as session:
            rows = list((await session.execute(query)).scalars())
        return [row.agent_id for row in rows if (now() - row.seen_at).total_seconds() > after_s]
