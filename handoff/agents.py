"""Who is at work: the status agents choose, their load, and what they may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from redis.asyncio import Redis
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.events import AGENT_STATUS, LiveBus
from core.redis_keys import STAFF_CHANNEL
from core.settings import Settings
from core.staff import StaffAccount
from handoff import words
from handoff.liveness import SignsOfLife
from handoff.models import AgentPresence, AgentStatus, Handoff, OutsideAgent
from handoff.queue import WaitingLine
from handoff.routing import Floor
from handoff.states import State

log = structlog.get_logger(__name__)

_RECENT_S = 1.0
_NAMES_S = 15.0
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
    """Conversations being served or on offer now."""
    since: datetime | None
    notice: str | None = None
    """Why the system changed the status."""

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
            "notice": self.notice,
        }


class Presence:
    """Statuses and signs of life of all agents.

    Args:
        settings: the rules in force: capacity, overflow, who may take what is on offer.
    """

    def __init__(
        self, redis: Redis, database: Database, bus: LiveBus, line: WaitingLine, settings: Settings
    ) -> None:
        self._database = database
        self._bus = bus
        self._line = line
        self._settings = settings
        life = SignsOfLife(redis, database)
        self.touch = life.touch
        self.lost = life.lost
        self.on_room: Callable[[], None] = _nothing
        """Called when somebody came online."""
        self._names: tuple[float, dict[str, str]] | None = None
        self._recent: tuple[float, list[AgentState]] | None = None
        self._reading: asyncio.Task[list[AgentState]] | None = None

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
            else:
                row.lapsed, row.notice = 0, None
                if changed:
                    row.status, row.changed_at, row.seen_at = chosen, moment, moment
            account = await session.get(StaffAccount, agent_id)
        await self.touch(agent_id)
        await self._tell(agent_id, chosen, account, changed)
        return chosen

    async def lapse(self, agent_id: str) -> str | None:
        """An offer ran out unanswered; returns the notice when that was one too many.

        The agent is then busy until they say otherwise: whoever does not look at the screen must not
        keep customers waiting.
        """
        limit = self._settings.offer_lapses
        async with self._database.transaction() as session:
            row = await session.get(AgentPresence, agent_id, with_for_update=True)
            if row is None or row.status != "online":
                return None
            row.lapsed += 1
            if row.lapsed < limit:
                return None
            notice = words.set_busy(row.lapsed)
            row.lapsed, row.status, row.changed_at, row.notice = 0, "busy", now(), notice
        await self._tell(agent_id, "busy", None, True, notice)
        return notice

    async def answered(self, session: AsyncSession, agent_id: str) -> None:
        """The agent answered an offer, one way or the other."""
        row = update(AgentPresence).where(AgentPresence.agent_id == agent_id)
        await session.execute(row.where(AgentPresence.lapsed > 0).values(lapsed=0))

    async def set_capacity(self, agent_id: str, capacity: int | None) -> int:
        """Gives an agent a capacity of their own, or takes it away; returns the one in force.

        Raises:
            NotFound: no such agent.
        """
        async with self._database.transaction() as session:
            account = await session.get(StaffAccount, agent_id, with_for_update=True)
            if account is None or "agent" not in account.roles:
                raise NotFound("没有找到这位客服。")
            account.capacity = capacity or 0
        self._forget()
        if await self.status(agent_id) == "online":
            await self._line.enter(agent_id, account.skill_groups, self.capacity_of(account))
            self.on_room()
        return self.capacity_of(account)

    def capacity_of(self, account: StaffAccount | None) -> int:
        """With how many conversations an agent is offered no more."""
        own = account.capacity if account else 0
        return own or self._settings.agent_capacity

    def limit_of(self, account: StaffAccount | None) -> int:
        """How many conversations an agent may take by hand."""
        own = account.capacity if account else 0
        return own or max(self._settings.agent_limit, self._settings.agent_capacity)

    async def _tell(
        self, agent_id: str, status: AgentStatus, account: StaffAccount | None, changed: bool,
        notice: str | None = None,
    ) -> None:  # fmt: skip
        self._forget()
        if status == "online" and account is not None and "agent" in account.roles:
            capacity = self.capacity_of(account)
            await self._line.enter(agent_id, account.skill_groups, capacity)
            self.on_room()
        else:
            await self._line.leave(agent_id)
        if changed:
            event = {"agent_id": agent_id, "status": status}
            if notice:
                event["notice"] = notice
            await self._bus.publish(STAFF_CHANNEL, AGENT_STATUS, **event)

    async def leave(self, agent_id: str) -> None:
        """The agent vanished: offline, without a sign of life."""
        row = update(AgentPresence).where(AgentPresence.agent_id == agent_id)
        async with self._database.transaction() as session:
            await session.execute(row.values(status="offline", changed_at=now()))
        await self._tell(agent_id, "offline", None, True)

    async def status(self, agent_id: str) -> AgentStatus:
        """What the agent chose last; offline if never."""
        async with self._database.reading() as session:
            row = await session.get(AgentPresence, agent_id)
        return row.status if row else "offline"

    async def floor(self) -> Floor:
        """Who is online and which groups that covers."""
        online = [agent for agent in await self.everyone() if agent.status == "online"]
        covered = {group for agent in online for group in agent.skill_groups}
        return Floor(
            frozenset(agent.id for agent in online),
            frozenset(covered),
            overflow_s=self._settings.overflow_s,
            strict=self._settings.offer_mode == "push",
        )

    async def everyone(self) -> list[AgentState]:
        """All agents with status and load, by id; up to a second old, since every opening asks."""
        if self._recent and time.monotonic() - self._recent[0] < _RECENT_S:
            return self._recent[1]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_everyone())
        elif self._recent:
            return self._recent[1]  # Somebody reads already; once is enough for a whole floor.
        reading = self._reading
        agents = await asyncio.shield(reading)
        if reading is self._reading:
            self._recent = (time.monotonic(), agents)
        return agents

    def _forget(self) -> None:
        self._recent = self._reading = None

    async def names(self) -> dict[str, str]:
        """Display names of all staff by id, supervisors, former colleagues and people of outside desks
        included."""
        if self._names and time.monotonic() - self._names[0] < _NAMES_S:
            return self._names[1]
        async with self._database.reading() as session:
            rows = await session.execute(select(StaffAccount.id, StaffAccount.display_name))
            outside = await session.execute(select(OutsideAgent.id, OutsideAgent.name))
            names = {row[0]: row[1] for row in [*outside, *rows]}
        self._names = (time.monotonic(), names)
        return names

    def forget_names(self) -> None:
        """Somebody new is here."""
        self._names = None

    async def supervisors(self) -> dict[str, str]:
        """Display names of the supervisors by id."""
        async with self._database.reading() as session:
            rows = await session.execute(select(StaffAccount).where(StaffAccount.active))
            return {
                account.id: account.display_name
                for account in rows.scalars()
                if "supervisor" in account.roles
            }

    async def _read_everyone(self) -> list[AgentState]:
        # Columns, not objects: a floor of a thousand is read every second.
        accounts = (
            select(
                StaffAccount.id, StaffAccount.display_name, StaffAccount.roles, StaffAccount.skill_groups,
                StaffAccount.capacity, AgentPresence.status, AgentPresence.changed_at, AgentPresence.notice,
            )
            .outerjoin(AgentPresence, AgentPresence.agent_id == StaffAccount.id)
            .where(StaffAccount.active)
            .order_by(StaffAccount.id)
        )  # fmt: skip
        loads = (
            select(Handoff.agent_id, func.count())
            .where(Handoff.state.in_([State.ACTIVE, State.OFFERED]))
            .group_by(Handoff.agent_id)
        )
        async with self._database.reading() as session:
            rows = (await session.execute(accounts)).all()
            load = {row[0]: row[1] for row in await session.execute(loads)}
        return [self._state(row, load) for row in rows if "agent" in row.roles]

    def _state(self, row: Any, load: Mapping[str | None, int]) -> AgentState:
        return AgentState(
            id=row.id,
            display_name=row.display_name,
            skill_groups=tuple(row.skill_groups),
            capacity=row.capacity or self._settings.agent_capacity,
            status=row.status or "offline",
            load=load.get(row.id, 0),
            since=row.changed_at,
            notice=row.notice,
        )


def _nothing() -> None:
    pass
