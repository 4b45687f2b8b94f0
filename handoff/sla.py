"""Promises as clocks: first reply, next reply, resolution, writing up. They run in hours of service only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.settings import Settings
from core.transcript import Message
from handoff.hours import ServiceHours
from handoff.models import Handoff, Ticket
from handoff.states import IN_LINE, LIVE, State

ClockName = Literal["first_reply", "next_reply", "resolution", "wrap_up"]
ClockState = Literal["ok", "soon", "breached"]
CLOCK_WORDS: dict[ClockName, str] = {
    "first_reply": "首次回复",
    "next_reply": "回复客户",
    "resolution": "办结",
    "wrap_up": "填写小结",
}
_SOON = 0.25
"""The last share of the time counts as "soon"."""


@dataclass(frozen=True)
class Clock:
    """One promise. ``stopped_at`` is null while it runs."""

    name: ClockName
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None = None

    def state(self, moment: datetime) -> ClockState:
        """A stopped clock is "ok" or, when it stopped too late, "breached"."""
        end = self.stopped_at or moment
        if end > self.due_at:
            return "breached"
        left = (self.due_at - end).total_seconds()
        whole = (self.due_at - self.started_at).total_seconds()
        return "soon" if self.stopped_at is None and left <= whole * _SOON else "ok"

    def shown(self, moment: datetime) -> dict[str, Any]:
        """For desks."""
        return {
            "clock": self.name,
            "title": CLOCK_WORDS[self.name],
            "started_at": self.started_at.isoformat(),
            "due_at": self.due_at.isoformat(),
            "stopped_at": self.stopped_at.isoformat() if self.stopped_at else None,
            "state": self.state(moment),
        }


@dataclass(frozen=True)
class ServicePromise:
    """How fast customers are served.

    Args:
        first_s, next_s, resolve_s, wrap_up_s: seconds of service for each clock of a handoff.
    """

    hours: ServiceHours
    first_s: float
    next_s: float
    resolve_s: float
    wrap_up_s: float

    @classmethod
    def of(cls, settings: Settings, hours: ServiceHours) -> ServicePromise:
        """As the settings say."""
        return cls(
            hours, settings.sla_first_reply_s, settings.sla_next_reply_s,
            settings.sla_resolve_s, settings.sla_wrap_up_s,
        )  # fmt: skip

    def clocks(self, handoff: Handoff, unanswered: datetime | None = None) -> list[Clock]:
        """A handoff's clocks.

        Args:
            unanswered: when the customer said the first thing nobody has answered; see ``unanswered``.
        """
        opened, ended = handoff.opened_at, handoff.ended_at
        found = [self._clock("first_reply", opened, self.first_s, handoff.first_reply_at or ended)]
        if handoff.state in LIVE and handoff.first_reply_at is not None:
            # Back in the line, the customer waits for words again, whether or not they spoke last.
            back = handoff.waiting_since if handoff.state in IN_LINE else None
            start = min((at for at in (unanswered, back) if at), default=None)
            if start is not None:
                found.append(self._clock("next_reply", start, self.next_s))
        found.append(self._clock("resolution", opened, self.resolve_s, ended))
        if handoff.state == State.WRAP_UP and ended is not None:
            # What was promised while talking is kept for colleagues only once it is written down.
            found.append(self._clock("wrap_up", ended, self.wrap_up_s))
        return found

    def first_look(self, opened_at: datetime) -> datetime:
        """When the clocks of a new handoff need looking at for the first time."""
        return self.hours.add(opened_at, min(self.first_s, self.resolve_s))

    def _clock(
        self, name: ClockName, start: datetime, seconds: float, stopped: datetime | None = None
    ) -> Clock:
        return Clock(name, start, self.hours.add(start, seconds), stopped)


def ticket_clocks(ticket: Ticket) -> list[Clock]:
    """A ticket's clocks; its ends were fixed when it was created."""
    done = ticket.state in ("resolved", "closed")
    resolved = (ticket.resolved_at or _last_step(ticket)) if done else None
    return [
        Clock(
            "first_reply",
            ticket.created_at,
            ticket.first_reply_due,
            ticket.first_reply_at or resolved,
        ),
        Clock("resolution", ticket.created_at, ticket.resolve_due, resolved),
    ]


def shown(clocks: Iterable[Clock], moment: datetime) -> dict[str, Any]:
    """For desks: ``sla`` with the clocks and the worst state of those still running, and ``sla_left_s``,
    the seconds until the first of them is due (negative = overdue, null = none runs)."""
    every = list(clocks)
    running = [clock for clock in every if clock.stopped_at is None]
    states = {clock.state(moment) for clock in running}
    worst = next((state for state in ("breached", "soon") if state in states), "ok")
    due = min((clock.due_at for clock in running), default=None)
    return {
        "sla": {"state": worst, "clocks": [clock.shown(moment) for clock in every]},
        "sla_left_s": round((due - moment).total_seconds()) if due else None,
    }


async def unanswered(session: AsyncSession, handoffs: Sequence[Handoff]) -> Mapping[str, datetime]:
    """Conversation id → when the customer said the first thing that no person has answered.

    The order is that of sequence numbers, so a clock that jumps changes nothing but the time shown.
    """
    served = [h.conversation_id for h in handoffs if h.state in (State.ACTIVE, *IN_LINE)]
    answered = (
        select(Message.conversation_id, func.max(Message.seq).label("seq"))
        .where(
            Message.conversation_id.in_(served),
            Message.sender == "agent",
            Message.audience == "all",
        )
        .group_by(Message.conversation_id)
        .subquery()
    )
    query = (
        select(Message.conversation_id, func.min(Message.created_at))
        .join(answered, answered.c.conversation_id == Message.conversation_id)
        .where(Message.sender == "customer", Message.seq > answered.c.seq)
        .group_by(Message.conversation_id)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


def _last_step(ticket: Ticket) -> datetime:
    last = ticket.history[-1]["at"] if ticket.history else ticket.created_at.isoformat()
    return datetime.fromisoformat(last)
