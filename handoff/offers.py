"""Offers: a waiting customer is put before the agent who suits best, for a limited time.

Redis brings the pairs together in one step (``WaitingLine.match``), SQL stores each offer as a move. What an
agent lets pass goes back to its old place and to the next agent. While Redis is away nothing is offered, and
agents take from the list.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from core.clock import now
from core.database import Database
from core.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from core.events import OFFER, LiveBus
from core.redis_keys import agent_channel
from core.settings import Settings
from core.staff import Staff
from handoff import routing
from handoff.agents import Presence
from handoff.checks import actor_of
from handoff.context import masked
from handoff.models import Handoff
from handoff.queue import WaitingLine
from handoff.states import Move, State
from handoff.steps import SYSTEM, Step, Steps

log = structlog.get_logger(__name__)

MAX_REASON = 100


class Offers:
    """Offers waiting customers to agents, and takes offers back."""

    def __init__(
        self,
        database: Database,
        bus: LiveBus,
        steps: Steps,
        line: WaitingLine,
        presence: Presence,
        settings: Settings,
    ) -> None:
        self._database = database
        self._bus = bus
        self._steps = steps
        self._line = line
        self._presence = presence
        self._seconds = settings.offer_s
        self._on = settings.offer_mode != "pull"
        self._matching: asyncio.Task[None] | None = None
        self._again = False
        self._seen: dict[tuple[str, datetime | None], float] = {}
        steps.on_room = presence.on_room = self.look

    def look(self) -> None:
        """Something changed: brings customers and agents together in the background."""
        if not self._on:
            return
        self._again = True
        if self._matching is None or self._matching.done():
            self._matching = asyncio.create_task(self._look(), name="offers")

    async def settle(self) -> None:
        """Waits for the matching under way."""
        while self._matching is not None and not self._matching.done():
            await asyncio.gather(self._matching, return_exceptions=True)

    async def refuse(self, handoff_id: str, staff: Staff, reason: str) -> Handoff:
        """The agent declines an offer; the next one is asked.

        Raises:
            InvalidInput: without a reason.
            NotAllowed: it is not on offer to this agent.
        """
        why = reason.strip()
        if not why or len(why) > MAX_REASON:
            raise InvalidInput(f"请说明拒绝的原因，不超过{MAX_REASON}字。")
        async with self._steps.step(handoff_id) as step:
            if step.handoff.state != State.OFFERED or step.handoff.agent_id != staff.id:
                raise NotAllowed("这个会话现在没有派给您，不用再拒绝。")
            step.move(Move.REFUSE, actor_of(staff), reason=why)
            _pass_over(step, staff.id)
            await self._presence.answered(step.session, staff.id)
        return step.handoff

    async def sweep(self) -> int:
        """Takes back every offer that ran out, whichever process made it; returns how many."""
        query = select(Handoff.id, Handoff.agent_id, Handoff.offer_until)
        async with self._database.reading() as session:
            rows = (await session.execute(query.where(Handoff.state == State.OFFERED))).all()
        steady, moment = time.monotonic(), now()
        # By the clock on the wall, or, should that be set back, by how long we have seen the offer.
        self._seen = {(row[0], row[2]): self._seen.get((row[0], row[2]), steady) for row in rows}
        late = [
            row
            for row in rows
            if row[2] is None
            or row[2] <= moment
            or steady - self._seen[row[0], row[2]] >= self._seconds
        ]
        return sum([await self._expire(row[0], row[1], row[2]) for row in late])

    async def _look(self) -> None:
        while self._again:
            self._again = False
            while pairs := await self._line.match():
                await asyncio.gather(*(self._offer(*pair) for pair in pairs))

    async def _offer(self, handoff_id: str, agent_id: str) -> None:
        try:
            async with self._steps.step(handoff_id) as step:
                handoff = step.handoff
                step.move(Move.OFFER, SYSTEM, agent_id=agent_id, seconds=self._seconds)
                handoff.agent_id, handoff.offered_at = agent_id, now()
                handoff.offer_until = handoff.offered_at + timedelta(seconds=self._seconds)
        except (IllegalMove, NotFound):
            # It left the line in this very moment.
            await self._line.free(handoff_id, agent_id)
            return
        except Exception as error:
            log.warning("offer_failed", handoff_id=handoff_id, error=repr(error))
            await self._line.free(handoff_id, agent_id)
            return
        await self._bus.publish(agent_channel(agent_id), OFFER, **offer_event(handoff))

    async def _expire(self, handoff_id: str, agent_id: str | None, until: datetime | None) -> bool:
        async with self._steps.step(handoff_id) as step:
            handoff = step.handoff
            same = handoff.agent_id == agent_id and handoff.offer_until == until
            if handoff.state != State.OFFERED or agent_id is None or not same:
                return False
            step.move(Move.EXPIRE, SYSTEM, agent_id=agent_id)
            _pass_over(step, agent_id)
        await self._presence.lapse(agent_id)
        return True


def offer_event(handoff: Handoff) -> dict[str, object]:
    """What the agent's screen shows at once, before it has read the rest."""
    customer = handoff.context.get("customer", {})
    shown = {
        "handoff_id": handoff.id,
        "conversation_id": handoff.conversation_id,
        "skill_group": handoff.skill_group,
        "skill_group_text": routing.GROUP_WORDS[handoff.skill_group],
        "request": handoff.request,
        "reason": routing.TRIGGER_WORDS.get(handoff.trigger, ""),
        "customer_name": customer.get("name"),
        "tier_text": routing.TIER_WORDS.get(customer.get("tier", ""), ""),
        "elderly": bool(customer.get("elderly")),
        "seconds": seconds_left(handoff),
    }
    return {name: masked(value) for name, value in shown.items()}


def seconds_left(handoff: Handoff) -> float | None:
    """Seconds until the offer lapses; null when there is none."""
    if handoff.state != State.OFFERED or handoff.offer_until is None:
        return None
    return max(0.0, round((handoff.offer_until - now()).total_seconds(), 1))


def _pass_over(step: Step, agent_id: str) -> None:
    handoff = step.handoff
    handoff.passed_over = {**(handoff.passed_over or {}), agent_id: now().isoformat()}
    handoff.agent_id = handoff.offered_at = handoff.offer_until = None
