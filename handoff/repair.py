"""Makes Redis hold exactly what SQL says: after a wipe, after an outage, after damage."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import func, select

from core.database import Database
from core.redis_keys import (
    QUEUE_AGENTS,
    QUEUE_CLAIMS,
    QUEUE_FACTS,
    QUEUE_HELD,
    QUEUE_LOAD,
    QUEUE_OFFERS,
)
from core.staff import StaffAccount
from handoff.models import AgentPresence, Handoff
from handoff.queue import CLAIM_MS, WaitingLine, agent_card, score, waiting_key
from handoff.routing import SKILL_GROUPS
from handoff.scripts import RECOUNT
from handoff.states import State

log = structlog.get_logger(__name__)

_Place = tuple[str, int]
_CHUNK = 500
_PLACED = (State.WAITING, State.OFFERED, State.ACTIVE)
_OURS = Handoff.desk == "own"
_COLUMNS = (
    Handoff.id, Handoff.state, Handoff.skill_group, Handoff.agent_id, Handoff.ranked_at, Handoff.waiting_since,
    Handoff.preferred_agent, Handoff.reserved_for, Handoff.passed_over,
)  # fmt: skip


class LineRepair:
    """Rebuilds and checks the line.

    Args:
        capacity: of agents whose account names none.
    """

    def __init__(self, line: WaitingLine, database: Database, capacity: int) -> None:
        self._line = line
        self._redis = line.redis
        self._database = database
        self._capacity = capacity
        line.rebuild_with(self.rebuild)

    async def rebuild(self) -> None:
        """Brings everything that SQL knows into Redis.

        Only adds: a handoff that left the line meanwhile is a ghost which SQL refuses on claiming and
        ``reconcile`` removes, whereas deleting first could lose one that just came in.
        """
        rows, agents = await self._placed(), await self._online()
        taken = {row.id: row.agent_id for row in rows if _holder(row)}
        offers = {row.agent_id: row.id for row in rows if row.state == State.OFFERED}
        await self._add([row for row in rows if row.state == State.WAITING])
        for key, values in (
            (QUEUE_HELD, taken),
            (QUEUE_OFFERS, offers),
            (QUEUE_AGENTS, agents),
        ):
            await self._set_all(key, values)
        await self._line.evaluate(RECOUNT)
        log.info("waiting_line_rebuilt", placed=len(rows), agents=len(agents))

    async def check(self) -> int:
        """The cheap round: compares numbers, and everything only when they differ."""
        if await self._line.repair():
            return 0
        async with self._database.reading() as session:
            counts = select(Handoff.state, func.count()).group_by(Handoff.state)
            rows = await session.execute(counts.where(Handoff.state.in_(_PLACED), _OURS))
            stored = {row[0]: row[1] for row in rows}
        pipe = self._redis.pipeline(transaction=False)
        for group in SKILL_GROUPS:
            pipe.zcard(waiting_key(group))
        pipe.hlen(QUEUE_HELD)
        *waiting, held = await pipe.execute()
        taken = stored.get(State.OFFERED, 0) + stored.get(State.ACTIVE, 0)
        if (sum(waiting), held) == (stored.get(State.WAITING, 0), taken):
            return 0
        return await self.reconcile()

    async def reconcile(self) -> int:
        """Puts every handoff and agent where SQL says. Returns how many entries were wrong.

        Redis is read before SQL, and whatever differs is read once more before it is moved, so that a
        handoff on its way is not taken for a damaged one.
        """
        if await self._line.repair():
            return 0
        places, held, agents = await self._in_redis()
        rows = {row.id: row for row in await self._placed()}
        wrong = {member for member, place in places.items() if place != _place(rows.get(member))}
        wrong |= {h for h, agent in held.items() if agent != _holder(rows.get(h))}
        wrong |= {row.id for row in rows.values() if row.id not in places and row.id not in held}
        moved = [h for h in wrong if await self._mend(h)]
        return len(moved) + await self._mend_agents(agents)

    async def _mend(self, handoff_id: str) -> bool:
        if await self._claimed(handoff_id):
            return False
        async with self._database.reading() as session:
            handoff = await session.get(Handoff, handoff_id)
        if handoff is None:
            await self._line.drop(handoff_id)
        else:
            await self._line.place(handoff)
        return True

    async def _claimed(self, handoff_id: str) -> bool:
        # Claimed and not yet stored: void once the claim is too old to be still under way.
        claim = await self._redis.hget(QUEUE_CLAIMS, handoff_id)
        if claim is None:
            return False
        seconds, micros = await self._redis.time()
        age = seconds * 1000 + micros // 1000 - int(_text(claim).split(" ")[0])
        return 0 <= age < CLAIM_MS

    async def _mend_agents(self, known: Mapping[str, bytes]) -> int:
        online = await self._online()
        wrong = {agent for agent in {*known, *online} if known.get(agent) != online.get(agent)}
        for agent_id in wrong:
            await self._line.enter_as(agent_id, online.get(agent_id, b""))
        held = await self._redis.hvals(QUEUE_HELD)
        load = await self._redis.hgetall(QUEUE_LOAD)
        if Counter(map(_text, held)) != {_text(k): int(v) for k, v in load.items()}:
            await self._line.evaluate(RECOUNT)
        return len(wrong)

    async def _in_redis(self) -> tuple[dict[str, _Place], dict[str, str], dict[str, bytes]]:
        places: dict[str, _Place] = {}
        for group in SKILL_GROUPS:
            line: list[Any] = await self._redis.zrange(waiting_key(group), 0, -1, withscores=True)
            places |= {_text(member): (group, int(at)) for member, at in line}
            await asyncio.sleep(0)
        held = await self._redis.hgetall(QUEUE_HELD)
        agents: dict[Any, Any] = await self._redis.hgetall(QUEUE_AGENTS)
        return (
            places,
            {_text(h): _text(agent) for h, agent in held.items()},
            {_text(agent): card for agent, card in agents.items()},
        )

    async def _placed(self) -> Sequence[Any]:
        query = select(*_COLUMNS).where(Handoff.state.in_(_PLACED), _OURS)
        async with self._database.reading() as session:
            return (await session.execute(query)).all()

    async def _online(self) -> dict[str, bytes]:
        query = (
            select(StaffAccount.id, StaffAccount.roles, StaffAccount.skill_groups, StaffAccount.capacity)
            .join(AgentPresence, AgentPresence.agent_id == StaffAccount.id)
            .where(StaffAccount.active, AgentPresence.status == "online")
        )  # fmt: skip
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        return {
            row.id: agent_card(row.skill_groups, row.capacity or self._capacity)
            for row in rows
            if "agent" in row.roles
        }

    async def _add(self, rows: Sequence[Any]) -> None:
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            pipe = self._redis.pipeline(transaction=False)
            for group in {row.skill_group for row in part}:
                places = {row.id: score(row.ranked_at) for row in part if row.skill_group == group}
                pipe.zadd(waiting_key(group), places)
            pipe.hset(QUEUE_FACTS, mapping={row.id: self._line.facts(row) for row in part})
            await pipe.execute()

    async def _set_all(self, key: str, values: Mapping[str, Any]) -> None:
        items = list(values.items())
        for start in range(0, len(items), _CHUNK):
            await self._redis.hset(key, mapping=dict(items[start : start + _CHUNK]))


def _place(row: Any) -> _Place | None:
    waits = row is not None and row.state == State.WAITING
    return (row.skill_group, score(row.ranked_at)) if waits else None


def _holder(row: Any) -> str | None:
    return row.agent_id if row is not None and row.state != State.WAITING else None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
