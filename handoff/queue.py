"""The waiting line: SQL is the truth, Redis the fast order and the referee of claims.

One ZSET per skill group, all under one hash tag. Every script first looks for the epoch key: where it is
missing, Redis was wiped, and the line is rebuilt from SQL before anything else. While Redis is down every
operation is answered from SQL, and the line is rebuilt once Redis is back.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from core.redis_keys import QUEUE_CLAIMS, QUEUE_EPOCH, QUEUE_WAITING
from handoff.models import Handoff
from handoff.routing import SKILL_GROUPS
from handoff.states import State

log = structlog.get_logger(__name__)

_BAND = 2.0**42
"""One priority point outweighs any arrival time in milliseconds (exact in a double up to 2,047 points)."""
_TOP = 2047
_CLAIM_MS = 10_000
"""A claim that SQL never confirmed (the process died) is void after this."""
_CHUNK = 1000
_PAUSE_S = 1.0
"""After a failure Redis is left alone for this long, so that nobody waits for each failing call."""

_PUT = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
"""
_CLAIM = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HGET', KEYS[3], ARGV[1])
if held then
  local at, agent = string.match(held, '^(%d+) (.*)$')
  if agent ~= ARGV[2] and now - tonumber(at) < tonumber(ARGV[3]) then return 0 end
end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 and not held then return 2 end
redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
return 1
"""
_DROP = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
"""
_RANK = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local rank = redis.call('ZRANK', KEYS[2], ARGV[1])
if rank then return rank + 1 end
return 0
"""


class Claim(StrEnum):
    """What Redis says to an agent who wants a handoff."""

    WON = "won"
    LOST = "lost"
    UNSURE = "unsure"
    """Redis does not know; SQL decides."""


def score(priority: int, queued_at: datetime) -> float:
    """Order in the line, lower is earlier: priority, then arrival."""
    return (_TOP - min(max(priority, 0), _TOP)) * _BAND + int(queued_at.timestamp() * 1000)


def _key(group: str) -> str:
    return QUEUE_WAITING + group


class WaitingLine:
    """Who waits, in which order."""

    def __init__(self, redis: Redis, database: Database) -> None:
        self._redis = redis
        self._database = database
        self._put = redis.register_script(_PUT)
        self._claim = redis.register_script(_CLAIM)
        self._drop = redis.register_script(_DROP)
        self._rank = redis.register_script(_RANK)
        # Set when an operation could not reach Redis: what Redis holds may be out of date.
        self._suspect = False
        self._try_again_at = 0.0
        self._repairing = asyncio.Lock()

    async def put(self, handoff: Handoff) -> None:
        """Puts a handoff that waits (in SQL) into the line; again is harmless."""
        group = handoff.skill_group
        keys = [QUEUE_EPOCH, _key(group), QUEUE_CLAIMS]
        args: list[str | float] = [handoff.id, score(handoff.priority, handoff.queued_at)]
        await self._run(lambda: self._put(keys=keys, args=args))

    async def claim(self, handoff_id: str, group: str, agent_id: str) -> Claim:
        """Takes a handoff out of the line for one agent: one winner among any number.

        The winner stores it in SQL and then calls ``drop``; who fails to store calls ``put``.
        """
        keys = [QUEUE_EPOCH, _key(group), QUEUE_CLAIMS]
        args: list[str | float] = [handoff_id, agent_id, _CLAIM_MS]
        answer = await self._run(lambda: self._claim(keys=keys, args=args))
        return {1: Claim.WON, 0: Claim.LOST}.get(-1 if answer is None else answer, Claim.UNSURE)

    async def drop(self, handoff_id: str, group: str) -> None:
        """Forgets a handoff which no longer waits."""
        keys = [_key(group), QUEUE_CLAIMS]
        await self._run(lambda: self._drop(keys=keys, args=[handoff_id]))

    async def position(self, handoff: Handoff) -> int:
        """Place in its group's line, from 1; 0 when it does not wait."""
        keys = [QUEUE_EPOCH, _key(handoff.skill_group)]
        answer = await self._run(lambda: self._rank(keys=keys, args=[handoff.id]))
        if answer:
            return int(answer)
        async with self._database.reading() as session:
            return await position_in(session, handoff)

    async def first(self, groups: Iterable[str], count: int = 20) -> list[str]:
        """The ids that are next over several groups, best first."""
        wanted = [group for group in SKILL_GROUPS if group in set(groups)]
        try:
            await self.repair()
            pipe = self._redis.pipeline(transaction=False)
            for group in wanted:
                pipe.zrange(_key(group), 0, count - 1, withscores=True)
            lines = await pipe.execute()
        except RedisError as error:
            self._note(error)
            return await self._first_from_sql(wanted, count)
        ranked = sorted((place, _text(member)) for line in lines for member, place in line)
        return [member for _, member in ranked[:count]]

    async def repair(self) -> bool:
        """Rebuilds the line when Redis was wiped or out of reach; cheap when all is well.

        Returns whether anything had to be rebuilt.
        """
        if not self._suspect and await self._redis.exists(QUEUE_EPOCH):
            return False
        async with self._repairing:
            if self._suspect or not await self._redis.exists(QUEUE_EPOCH):
                await self._rebuild()
        return True

    async def reconcile(self) -> int:
        """Makes Redis hold exactly what waits in SQL. Returns how many entries were wrong.

        Redis is read before SQL, so that a handoff entering meanwhile is never taken for a ghost.
        """
        if await self.repair():
            return 0
        held: dict[str, str] = {}
        for group in SKILL_GROUPS:
            for member in await self._redis.zrange(_key(group), 0, -1):
                held[_text(member)] = group
        claims = {_text(member) for member in await self._redis.hkeys(QUEUE_CLAIMS)}
        waiting = {row[0]: row for row in await self._waiting()}
        ghosts = {member for member, group in held.items() if member not in waiting}
        ghosts |= {m for m, row in waiting.items() if m in held and held[m] != row[1]}
        missing = [row for member, row in waiting.items() if held.get(member) != row[1]]
        for member in ghosts:
            await self._redis.zrem(_key(held[member]), member)
        for member in claims - set(waiting):
            await self._redis.hdel(QUEUE_CLAIMS, member)
        await self._add([row for row in missing if row[0] not in claims])
        await self._void_claims([row for row in missing if row[0] in claims])
        return len(ghosts) + len(missing)

    async def _void_claims(self, rows: list[tuple[str, str, int, datetime]]) -> None:
        # Claimed but never stored: put back once the claim is too old to be still under way.
        seconds, micros = await self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        for row in rows:
            held = await self._redis.hget(QUEUE_CLAIMS, row[0])
            if held is None or now_ms - int(_text(held).split(" ")[0]) >= _CLAIM_MS:
                await self._redis.hdel(QUEUE_CLAIMS, row[0])
                await self._add([row])

    async def _run(self, script: Callable[[], Awaitable[Any]]) -> int | None:
        """The script's answer; None when Redis is out of reach."""
        if self._suspect and time.monotonic() < self._try_again_at:
            return None
        try:
            if self._suspect:
                await self.repair()
            answer = int(await script())
            if answer == -1:
                await self.repair()
                answer = int(await script())
        except (RedisError, OSError) as error:
            self._note(error)
            return None
        return None if answer == -1 else answer

    async def _rebuild(self) -> None:
        # Only adds: a handoff that left the line meanwhile is a ghost which SQL refuses on claiming
        # and reconcile removes, whereas deleting first could lose one that just came in.
        rows = await self._waiting()
        await self._add(rows)
        await self._redis.set(QUEUE_EPOCH, 1)
        self._suspect = False
        log.info("waiting_line_rebuilt", waiting=len(rows))

    async def _add(self, rows: list[tuple[str, str, int, datetime]]) -> None:
        lines: dict[str, dict[str, float]] = defaultdict(dict)
        for handoff_id, group, points, queued_at in rows:
            lines[group][handoff_id] = score(points, queued_at)
        for group, members in lines.items():
            items = list(members.items())
            for start in range(0, len(items), _CHUNK):
                await self._redis.zadd(_key(group), dict(items[start : start + _CHUNK]))
                await asyncio.sleep(0)

    async def _waiting(self) -> list[tuple[str, str, int, datetime]]:
        query = select(Handoff.id, Handoff.skill_group, Handoff.priority, Handoff.queued_at)
        async with self._database.reading() as session:
            rows = await session.execute(query.where(Handoff.state == State.WAITING))
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def _first_from_sql(self, groups: list[str], count: int) -> list[str]:
        query = (
            select(Handoff.id)
            .where(Handoff.state == State.WAITING, Handoff.skill_group.in_(groups))
            .order_by(Handoff.priority.desc(), Handoff.queued_at, Handoff.id)
            .limit(count)
        )
        async with self._database.reading() as session:
            return list((await session.execute(query)).scalars())

    def _note(self, error: Exception) -> None:
        if not self._suspect:
            log.warning("waiting_line_without_redis", error=str(error))
        self._suspect = True
        self._try_again_at = time.monotonic() + _PAUSE_S


async def position_in(session: AsyncSession, handoff: Handoff) -> int:
    """Place in the group's line by SQL, from 1; the handoff itself need not be stored yet."""
    earlier = or_(
        Handoff.priority > handoff.priority,
        (Handoff.priority == handoff.priority) & (Handoff.queued_at < handoff.queued_at),
        (Handoff.priority == handoff.priority)
        & (Handoff.queued_at == handoff.queued_at)
        & (Handoff.id < handoff.id),
    )
    query = select(func.count()).where(
        Handoff.state == State.WAITING, Handoff.skill_group == handoff.skill_group, earlier
    )
    return int((await session.execute(query)).scalar_one()) + 1


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
