"""What happens when a promise is broken: owner, then supervisors, then priority; each level once per clock.

Level 1 when the clock runs out, level 2 half the promised time later, level 3 the whole of it later, all in
hours of service. Every level is stored with the handoff (an event) or the ticket (a step staff see).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import or_, select

from core.clock import now
from core.database import Database
from core.events import SLA, LiveBus
from core.redis_keys import STAFF_CHANNEL, agent_channel
from handoff.hours import ServiceHours
from handoff.models import Handoff, Ticket
from handoff.queue import WaitingLine, ranked
from handoff.sla import CLOCK_WORDS, Clock, ServicePromise, ticket_clocks, unanswered
from handoff.states import LIVE, OPEN, State
from handoff.steps import Steps
from handoff.tickets import staff_step

log = structlog.get_logger(__name__)

RAISED_POINTS = 20
"""What level 3 adds to the priority."""
LEVELS = 3
_DELAY = (0.0, 0.5, 1.0)
"""Share of the promised time after which each level comes."""
_BATCH = 200
_NEVER = timedelta(days=3650)
_LEVEL_WORDS = {1: "提醒负责人", 2: "提醒主管", 3: "提高优先级"}


class Escalation:
    """Looks at the clocks that may have run out."""

    def __init__(
        self,
        database: Database,
        bus: LiveBus,
        steps: Steps,
        line: WaitingLine,
        promise: ServicePromise,
        point_s: float,
    ) -> None:
        self._database = database
        self._bus = bus
        self._steps = steps
        self._line = line
        self._promise = promise
        self._point_s = point_s

    async def sweep(self) -> int:
        """Escalates what is overdue; returns how many levels were reached."""
        moment = now()
        reached = 0
        for handoff_id in {*await self._due(Handoff, moment), *await self._left_alone(moment)}:
            reached += await self._look_at(handoff_id)
        for ticket_id in await self._due(Ticket, moment):
            reached += await self._look_at_ticket(ticket_id)
        return reached

    async def _due(self, table: type[Handoff] | type[Ticket], moment: datetime) -> list[str]:
        alive = (
            Handoff.state.in_(OPEN)
            if table is Handoff
            else Ticket.state.in_(["open", "processing"])
        )
        query = select(table.id).where(
            alive, or_(table.escalate_at <= moment, table.escalate_at.is_(None))
        )
        async with self._database.reading() as session:
            return list((await session.execute(query.limit(_BATCH))).scalars())

    async def _left_alone(self, moment: datetime) -> list[str]:
        # No event says that a customer's words stay unanswered, so those served now are asked about.
        query = select(Handoff).where(
            Handoff.state == State.ACTIVE, Handoff.first_reply_at.is_not(None)
        )
        async with self._database.reading() as session:
            serving = list((await session.execute(query)).scalars())
            since = await unanswered(session, serving)
        return [
            handoff.id
            for handoff in serving
            if handoff.conversation_id in since
            and _to_reach(
                self._promise.clocks(handoff, since[handoff.conversation_id]),
                handoff.escalations,
                moment,
                self._promise.hours,
            )
        ]

    async def _look_at(self, handoff_id: str) -> int:
        async with self._steps.step(handoff_id) as step:
            handoff, moment = step.handoff, now()
            if handoff.state not in OPEN:
                return 0
            since = await unanswered(step.session, [handoff])
            clocks = self._promise.clocks(handoff, since.get(handoff.conversation_id))
            hours = self._promise.hours
            reached = _to_reach(clocks, handoff.escalations, moment, hours)
            handoff.escalations = _noted(handoff.escalations, reached)
            for clock, level in reached:
                step.escalated(clock=clock.name, level=level, due=clock.due_at.isoformat())
            if handoff.state in LIVE and any(level >= LEVELS for _, level in reached):
                self._raise(handoff)
            handoff.escalate_at = _next_look(clocks, handoff.escalations, moment, hours)
        if handoff.state == State.WAITING and reached:
            await self._line.place(handoff)
        for clock, level in reached:
            subject = {"subject": "handoff", "id": handoff.id, "skill_group": handoff.skill_group}
            # Nobody of an outside desk listens here: our supervisors hear of it at once.
            owner = handoff.owner if handoff.desk == "own" else None
            await self._tell(subject, owner, clock, level)
        return len(reached)

    async def _look_at_ticket(self, ticket_id: str) -> int:
        async with self._database.transaction() as session:
            ticket = await session.get_one(Ticket, ticket_id, with_for_update=True)
            moment, hours, clocks = now(), self._promise.hours, ticket_clocks(ticket)
            reached = _to_reach(clocks, ticket.escalations, moment, hours)
            ticket.escalations = _noted(ticket.escalations, reached)
            for clock, level in reached:
                words = f"{CLOCK_WORDS[clock.name]}超时，{_LEVEL_WORDS[level]}"
                ticket.history = [*ticket.history, staff_step(ticket.state, words, moment)]
                if level >= LEVELS:
                    ticket.grade = "high"
            ticket.escalate_at = _next_look(clocks, ticket.escalations, moment, hours)
        for clock, level in reached:
            subject = {"subject": "ticket", "id": ticket.id, "skill_group": ticket.skill_group}
            await self._tell(subject, ticket.owner, clock, level)
        return len(reached)

    def _raise(self, handoff: Handoff) -> None:
        handoff.priority += RAISED_POINTS
        handoff.priority_reasons = [*handoff.priority_reasons, f"超时升级 +{RAISED_POINTS}"]
        handoff.ranked_at = ranked(handoff.priority, handoff.queued_at, self._point_s)

    async def _tell(
        self, subject: dict[str, Any], owner: str | None, clock: Clock, level: int
    ) -> None:
        event = subject | {
            "owner": owner, "clock": clock.name, "title": CLOCK_WORDS[clock.name], "level": level,
            "due_at": clock.due_at.isoformat(),
        }  # fmt: skip
        log.warning("sla_breached", **event)
        # The owner alone at first; what its group owns, and what was not mended, everybody in charge.
        channel = agent_channel(owner) if owner and level == 1 else STAFF_CHANNEL
        await self._bus.publish(channel, SLA, **event)


def _to_reach(
    clocks: Sequence[Clock], known: dict[str, Any], moment: datetime, hours: ServiceHours
) -> list[tuple[Clock, int]]:
    """Clocks and the levels they have come to and which nobody was told of yet."""
    found = []
    for clock in clocks:
        if clock.stopped_at is not None:
            continue
        reached = sum(moment >= _threshold(clock, level, hours) for level in range(1, LEVELS + 1))
        found += [(clock, level) for level in range(_level(clock, known) + 1, reached + 1)]
    return found


def _threshold(clock: Clock, level: int, hours: ServiceHours) -> datetime:
    promised = hours.between(clock.started_at, clock.due_at)
    return hours.add(clock.due_at, promised * _DELAY[level - 1])


def _level(clock: Clock, known: dict[str, Any]) -> int:
    # Another silence of the same customer is another promise.
    entry: dict[str, Any] = (known or {}).get(clock.name) or {}
    return int(entry["level"]) if entry.get("since") == clock.started_at.isoformat() else 0


def _noted(known: dict[str, Any], reached: Sequence[tuple[Clock, int]]) -> dict[str, Any]:
    fresh: dict[str, Any] = {
        clock.name: {"since": clock.started_at.isoformat(), "level": level}
        for clock, level in reached
    }
    return {**(known or {}), **fresh}


def _next_look(
    clocks: Sequence[Clock], known: dict[str, Any], moment: datetime, hours: ServiceHours
) -> datetime:
    ahead = [
        _threshold(clock, _level(clock, known) + 1, hours)
        for clock in clocks
        if clock.stopped_at is None and _level(clock, known) < LEVELS
    ]
    return min(ahead, default=moment + _NEVER)
