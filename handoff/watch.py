"""What must happen without anybody asking: lost agents, a damaged line, places that changed."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from sqlalchemy import select

from core.database import Database
from core.errors import IllegalMove
from core.transcript import Draft
from handoff import words
from handoff.agents import Presence
from handoff.estimate import WaitEstimator
from handoff.intake import Intake
from handoff.models import Handoff
from handoff.queue import WaitingLine, position_in
from handoff.states import Move, State
from handoff.steps import SYSTEM, Steps

log = structlog.get_logger(__name__)

INTERVAL_S = 3.0
"""A flushed Redis is whole again, and customers hear of a new place, within this."""


class Watch:
    """The room's heartbeat; any number of processes may run one, since every act is a locked step."""

    def __init__(
        self,
        database: Database,
        steps: Steps,
        line: WaitingLine,
        presence: Presence,
        estimator: WaitEstimator,
        intake: Intake,
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

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Runs until ``stop`` is set or the task is cancelled; a failing round is logged, the next one
        tries again."""
        interval = min(INTERVAL_S, self._lost_after / 3)
        stop = stop or asyncio.Event()
        while not stop.is_set():
            for work in (self.release_lost, self._line.reconcile, self.tell_places):
                try:
                    await work()
                except Exception as error:  # the room's heart must not stop
                    log.warning("handoff_watch", work=work.__name__, error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), interval)

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
        """Tells every waiting customer a place that changed since the last time."""
        query = (
            select(Handoff)
            .where(Handoff.state == State.WAITING)
            .order_by(Handoff.skill_group, Handoff.priority.desc(), Handoff.queued_at, Handoff.id)
        )
        async with self._database.reading() as session:
            waiting = list((await session.execute(query)).scalars())
        told: dict[str, tuple[int, int | None]] = {}
        for group in {handoff.skill_group for handoff in waiting}:
            outlook = await self._estimator.outlook(group)
            line = [handoff for handoff in waiting if handoff.skill_group == group]
            for position, handoff in enumerate(line, start=1):
                told[handoff.id] = (position, outlook.wait_s(position))
                if self._told.get(handoff.id) != told[handoff.id]:
                    await self._intake.tell_place(handoff, *told[handoff.id])
        self._told = told

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
                step.move(Move.AGENT_LOST, SYSTEM, agent_id=agent_id)
                step.handoff.agent_id = None
                step.handoff.preferred_agent = agent_id
                await step.session.flush()
                position = await position_in(step.session, step.handoff)
                wait_s = outlook.wait_s(position)
                line = words.agent_lost(position, wait_s)
                await step.say(Draft("system", line, [words.CANCEL_BUTTON]))
                await step.give_to("waiting")
        except IllegalMove:
            return False  # Ended in the same moment.
        await self._intake.tell_place(step.handoff, position, wait_s)
        return True
