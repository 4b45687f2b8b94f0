"""What must happen without anybody asking: lost agents, lapsed offers, a damaged line, places, late replies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from itertools import groupby

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select

from core.clock import new_id
from core.database import Database
from core.errors import IllegalMove
from core.redis_keys import WATCH_LEASE
from core.transcript import Draft
from handoff import words
from handoff.agents import Presence
from handoff.escalation import Escalation
from handoff.estimate import WaitEstimator
from handoff.intake import Intake
from handoff.models import Handoff
from handoff.offers import Offers
from handoff.queue import WaitingLine, position_in
from handoff.repair import LineRepair
from handoff.states import IN_LINE, Move, State
from handoff.steps import SYSTEM, Steps

log = structlog.get_logger(__name__)

TICK_S = 1.0
PLACES_S = REPAIR_S = 3.0
"""Damage that changes a number is found, and customers hear of a new place, within this; a flushed Redis is
found with the next tick."""
RECONCILE_S = 30.0
"""Damage that changes no number is found within this."""
CLOCKS_S = 5.0
_LEASE_MS = 5000
_CHUNK = 200
_NEAR = 20
"""So far from the front every new place is told; further back only when it changed by a tenth."""


class Watch:
    """The room's heartbeat.

    Any number of processes may run one, since every act is a locked step; while Redis answers, one of them
    holds the lease and does the work.
    """

    def __init__(
        self,
        database: Database,
        steps: Steps,
        line: WaitingLine,
        repair: LineRepair,
        presence: Presence,
        estimator: WaitEstimator,
        intake: Intake,
        offers: Offers,
        escalation: Escalation,
        agent_lost_s: float,
    ) -> None:
        self._database = database
        self._steps = steps
        self._line = line
        self._presence = presence
        self._estimator = estimator
        self._intake = intake
        self._lost_after = agent_lost_s
        self._told: dict[str, tuple[int, int | None]] = {}
        self._name = new_id("w").encode()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._work: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (0.0, line.repair),
            (0.0, offers.sweep),
            (min(PLACES_S, agent_lost_s / 3), self.release_lost),
            (min(REPAIR_S, agent_lost_s / 3), repair.check),
            (RECONCILE_S, repair.reconcile),
            (PLACES_S, self._beside(self.tell_places)),
            (0.0, self._look_again),
            (CLOCKS_S, self._beside(escalation.sweep)),
        ]
        self._offers = offers

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Runs until ``stop`` is set or the task is cancelled; a failing round is logged, the next one
        tries again."""
        interval = min(TICK_S, self._lost_after / 3)
        stop = stop or asyncio.Event()
        due = [0.0] * len(self._work)
        try:
            while not stop.is_set():
                await self._round(due)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), interval)
        finally:
            for task in self._running.values():
                task.cancel()
        await self._give_up()

    async def _round(self, due: list[float]) -> None:
        leads = await self._leads()
        for number, (every_s, work) in enumerate(self._work):
            steady = time.monotonic()
            if leads and steady >= due[number]:
                due[number] = steady + every_s
                await _survive(work)

    async def _leads(self) -> bool:
        """Whether this process does the work; without Redis every process does."""
        try:
            if await self._line.redis.set(WATCH_LEASE, self._name, nx=True, px=_LEASE_MS):
                return True
            if await self._line.redis.get(WATCH_LEASE) != self._name:
                return False
            await self._line.redis.pexpire(WATCH_LEASE, _LEASE_MS)
        except (RedisError, OSError):
            return True
        return True

    async def _give_up(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            if await self._line.redis.get(WATCH_LEASE) == self._name:
                await self._line.redis.delete(WATCH_LEASE)

    async def _look_again(self) -> None:
        # Reservations and pauses run out, and helpers may help, without an event.
        self._offers.look()

    async def release_lost(self) -> list[str]:
        """Sends the customers of vanished agents back to their old places; returns the handoffs."""
        released: list[str] = []
        for agent_id in await self._presence.lost(self._lost_after):
            await self._presence.leave(agent_id)
            for handoff_id in await self._served_by(agent_id):
                if await self._release(handoff_id, agent_id):
                    released.append(handoff_id)
            log.warning("agent_lost", agent_id=agent_id)
        return released

    async def tell_places(self) -> None:
        """Tells waiting customers a place that changed since the last time."""
        query = (
            select(Handoff.id, Handoff.conversation_id, Handoff.skill_group)
            .where(Handoff.state.in_(IN_LINE), Handoff.desk == "own")
            .order_by(Handoff.skill_group, Handoff.ranked_at, Handoff.id)
        )
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        told: dict[str, tuple[int, int | None]] = {}
        for group, line in groupby(rows, key=lambda row: str(row.skill_group)):
            outlook = await self._estimator.outlook(group)
            for position, row in enumerate(line, start=1):
                before, place = self._told.get(row.id), (position, outlook.wait_s(position))
                told[row.id] = place
                if before is not None and not _worth_telling(before, place):
                    told[row.id] = before
                    continue
                await self._intake.tell_place(row.conversation_id, *place)
                if position % _CHUNK == 0:
                    await asyncio.sleep(0)
        self._told = told

    def _beside(self, work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
        """Work that takes seconds in a long line, and for which a flushed Redis must not wait."""
        name = work.__qualname__

        async def start() -> None:
            if name not in self._running or self._running[name].done():
                self._running[name] = asyncio.create_task(_survive(work), name=name)

        return start

    async def _served_by(self, agent_id: str) -> list[str]:
        query = select(Handoff.id).where(
            Handoff.agent_id == agent_id, Handoff.state.in_([State.ACTIVE, State.OFFERED])
        )
        async with self._database.reading() as session:
            return list((await session.execute(query)).scalars())

    async def _release(self, handoff_id: str, agent_id: str) -> bool:
        handoff = await self._intake.get(handoff_id)
        outlook = await self._estimator.outlook(handoff.skill_group)
        try:
            async with self._steps.step(handoff_id) as step:
                if step.handoff.agent_id != agent_id:
                    return False
                served = step.handoff.state == State.ACTIVE
                step.move(Move.AGENT_LOST, SYSTEM, agent_id=agent_id)
                step.handoff.agent_id = step.handoff.offer_until = None
                if not served:
                    return True  # An offer only: the customer never knew.
                step.handoff.owner, step.handoff.preferred_agent = None, agent_id
                await step.session.flush()
                position = await position_in(step.session, step.handoff)
                wait_s = outlook.wait_s(position)
                line = words.agent_lost(position, wait_s)
                await step.say(Draft("system", line, [words.CANCEL_BUTTON]))
                await step.give_to("waiting")
        except IllegalMove:
            return False  # Ended in the same moment.
        await self._intake.tell_place(step.handoff.conversation_id, position, wait_s)
        return True


async def _survive(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except Exception as error:  # the room's heart must not stop
        log.warning("handoff_watch", work=work.__qualname__, error=repr(error))


def _worth_telling(before: tuple[int, int | None], after: tuple[int, int | None]) -> bool:
    if after[0] <= _NEAR or (before[1] is None) != (after[1] is None):
        return before != after
    return abs(before[0] - after[0]) * 10 >= before[0]
