"""Who is at work: the status agents choose (SQL) and their last sign of life (Redis, SQL while it is down)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select, update

from core.clock import now
from core.database import Database
from core.errors import InvalidInput
from core.events import AGENT_STATUS, LiveBus
from core.redis_keys import AGENT_SEEN, STAFF_CHANNEL
from core.staff import StaffAccount
from handoff.models import AgentPresence, AgentStatus, Handoff
from handoff.routing import Floor
from handoff.states import State

log = structlog.get_logger(__name__)

_RECENT_S = 1.0
STATUSES: tuple[AgentStatus, ...] = ("online", "busy", "offline")


@dataclass(frozen=True)
class AgentState:
    """One agent as the floor sees them."""

    id: str
    display_name: str
    skill_groups: tuple[str, ...]
    capacity: int
    status: AgentStatus
    load: int
    """Conversations being served now."""
    since: datetime | None

    def shown(self) -> dict[str, Any]:
        """For desks and supervisors."""
        return {
            "id": self.id,
            "display_name": self.display_name,
            "skill_groups": list(self.skill_groups),
            "capacity": self.capacity,
            "status": self.status,
            "load": self.load,
            "since": self.since.isoformat() if self.since else None,
        }


class Presence:
    """Statuses and signs of life of all agents."""

    def __init__(self, redis: Redis, database: Database, bus: LiveBus) -> None:
        self._redis = redis
        self._database = database
        self._bus = bus
        # Which store the signs of life come from, and since when: see _settled.
        self._source: tuple[str, float] = ("", time.monotonic())
        self._recent: tuple[float, list[AgentState]] | None = None

    async def set_status(self, agent_id: str, status: str) -> AgentStatus:
        """Stores what the agent chose and tells the desks.

        Raises:
            InvalidInput: not a status.
        """
        chosen = next((known for known in STATUSES if known == status), None)
        if chosen is None:
            raise InvalidInput("状态只能是在线（online）、忙碌（busy）或离线（offline）。")
        moment = now()
        async with self._database.transaction() as session:
            row = await session.get(AgentPresence, agent_id, with_for_update=True)
            changed = row is None or row.status != chosen
            if row is None:
                session.add(
                    AgentPresence(
                        agent_id=agent_id, status=chosen, changed_at=moment, seen_at=moment
                    )
                )
            elif changed:
                row.status, row.changed_at, row.seen_at = chosen, moment, moment
        self._recent = None
        await self.touch(agent_id)
        if changed:
            await self._bus.publish(STAFF_CHANNEL, AGENT_STATUS, agent_id=agent_id, status=chosen)
        return chosen

    async def leave(self, agent_id: str) -> None:
        """The agent vanished: offline, without a sign of life."""
        row = update(AgentPresence).where(AgentPresence.agent_id == agent_id)
        async with self._database.transaction() as session:
            await session.execute(row.values(status="offline", changed_at=now()))
        self._recent = None
        await self._bus.publish(STAFF_CHANNEL, AGENT_STATUS, agent_id=agent_id, status="offline")

    async def status(self, agent_id: str) -> AgentStatus:
        """What the agent chose last; offline if never."""
        async with self._database.reading() as session:
            row = await session.get(AgentPresence, agent_id)
        return row.status if row else "offline"

    async def touch(self, agent_id: str) -> None:
        """A sign of life."""
        try:
            await self._redis.zadd(AGENT_SEEN, {agent_id: time.time()})
        except (RedisError, OSError):
            change = update(AgentPresence).where(AgentPresence.agent_id == agent_id)
            async with self._database.transaction() as session:
                await session.execute(change.values(seen_at=now()))

    async def floor(self) -> Floor:
        """Who is online and which groups that covers."""
        online = [agent for agent in await self.everyone() if agent.status == "online"]
        covered = {group for agent in online for group in agent.skill_groups}
        return Floor(frozenset(agent.id for agent in online), frozenset(covered))

    async def everyone(self) -> list[AgentState]:
        """All agents with status and load, by id; up to a second old, since every opening asks."""
        if self._recent and time.monotonic() - self._recent[0] < _RECENT_S:
            return self._recent[1]
        agents = await self._read_everyone()
        self._recent = (time.monotonic(), agents)
        return agents

    async def names(self) -> dict[str, str]:
        """Display names of all staff by id, supervisors and former colleagues included."""
        async with self._database.reading() as session:
            rows = await session.execute(select(StaffAccount.id, StaffAccount.display_name))
            return {row[0]: row[1] for row in rows}

    async def _read_everyone(self) -> list[AgentState]:
        accounts = select(StaffAccount, AgentPresence).outerjoin(
            AgentPresence, AgentPresence.agent_id == StaffAccount.id
        )
        loads = (
            select(Handoff.agent_id, func.count())
            .where(Handoff.state == State.ACTIVE)
            .group_by(Handoff.agent_id)
        )
        async with self._database.reading() as session:
            rows = await session.execute(
                accounts.where(StaffAccount.active).order_by(StaffAccount.id)
            )
            pairs = [(row[0], row[1]) for row in rows]
            load = {row[0]: row[1] for row in await session.execute(loads)}
        return [
            _state(account, row, load.get(account.id, 0))
            for account, row in pairs
            if "agent" in account.roles
        ]

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
            Handoff.state.in_([State.ACTIVE, State.OFFERED]), Handoff.agent_id.is_not(None)
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


def _state(account: StaffAccount, row: AgentPresence | None, load: int) -> AgentState:
    return AgentState(
        id=account.id,
        display_name=account.display_name,
        skill_groups=tuple(account.skill_groups),
        capacity=account.capacity,
        status=row.status if row else "offline",
        load=load,
        since=row.changed_at if row else None,
    )
