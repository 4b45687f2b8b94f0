"""The floor for supervisors: who waits, who serves, what is overdue. Read once a moment, pushed to all.

However many supervisors look, a process reads the floor once, right after something moved and every few
seconds besides (clocks run out without an event). Each desk gets it whole first and then what changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.events import LiveBus
from core.redis_keys import STAFF_CHANNEL
from core.staff import Staff
from handoff import tickets
from handoff.agents import Presence
from handoff.models import Handoff, Ticket
from handoff.routing import GROUP_WORDS
from handoff.states import IN_LINE, State
from handoff.views import DeskViews

log = structlog.get_logger(__name__)

Snapshot = dict[str, Any]
AskDesk = Callable[[], Awaitable[dict[str, Any] | None]]
"""How the outside desk fares; None when our own serves."""
CALM_S = 0.25
"""Moves that come together are read together."""
EVERY_S = 3.0
MAX_ROWS = 300
_MAX_TICKETS = 50
_ANYBODY = Staff("", "", ("supervisor",), ())
_DESK = ("reachable", "error", "dead", "customers_waiting")
_RUNNING = frozenset({"waiting_s", "sla_left_s", "offer_left_s"})
"""Fields that change by themselves; the page lets its own clock run."""


class FloorView:
    """Reads the floor as it stands."""

    def __init__(self, database: Database, views: DeskViews, presence: Presence) -> None:
        self._database = database
        self._views = views
        self._presence = presence
        self.ask_desk: AskDesk | None = None

    async def snapshot(self) -> Snapshot:
        """``rows`` (the most urgent ones), ``agents``, ``groups``, ``tickets`` (overdue), ``desk`` (how the
        outside desk fares that serves; empty when it is our own)."""
        rows = await self._views.rows(_ANYBODY, limit=MAX_ROWS)
        agents = await self._presence.everyone()
        names = await self._presence.names()
        async with self._database.reading() as session:
            lines = await _lines(session)
            late = await _overdue(session)
        groups = []
        for group, name in GROUP_WORDS.items():
            staff = [a for a in agents if group in a.skill_groups and a.status == "online"]
            waiting, since, active = lines.get(group, (0, None, 0))
            groups.append({
                "id": group, "name": name, "waiting": waiting, "active": active,
                "oldest_since": since.isoformat() if since else None, "online": len(staff),
                "free": sum(max(0, agent.capacity - agent.load) for agent in staff),
            })  # fmt: skip
        return {
            "rows": {row["handoff_id"]: row for row in rows},
            "agents": [agent.shown() for agent in agents],
            "groups": groups,
            "tickets": [_late_ticket(ticket, names) for ticket in late],
            "desk": await self._desk(),
        }

    async def _desk(self) -> dict[str, Any]:
        standing = await self.ask_desk() if self.ask_desk else None
        return {name: (standing or {})[name] for name in _DESK if standing}


class FloorFeed:
    """Hands snapshots to whoever looks."""

    def __init__(self, view: FloorView, bus: LiveBus) -> None:
        self._view = view
        self._bus = bus
        self._lookers: set[asyncio.Queue[Snapshot]] = set()
        self._latest: Snapshot | None = None
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def snapshots(self) -> AsyncIterator[asyncio.Queue[Snapshot]]:
        """A queue that holds the newest snapshot not yet taken."""
        queue: asyncio.Queue[Snapshot] = asyncio.Queue(1)
        self._lookers.add(queue)
        if self._task is None or self._task.done():
            self._latest = None
            self._task = asyncio.create_task(self._run(), name="floor")
        elif self._latest is not None:
            queue.put_nowait(self._latest)
        try:
            yield queue
        finally:
            self._lookers.discard(queue)
            if not self._lookers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        async with self._bus.listen(STAFF_CHANNEL) as events:
            while True:
                try:
                    self._latest = await self._view.snapshot()
                except Exception:
                    # The database may be away for a moment; the next round tries again.
                    log.exception("floor_not_read")
                else:
                    for queue in self._lookers:
                        _replace(queue, self._latest)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(events.get(), EVERY_S)
                    await asyncio.sleep(CALM_S)
                while not events.empty():
                    events.get_nowait()


class FloorChanges:
    """What one desk has been told, and so what is news to it."""

    def __init__(self, staff_id: str) -> None:
        self._staff_id = staff_id
        self._known: Snapshot | None = None

    def since_last(self, snapshot: Snapshot) -> dict[str, Any] | None:
        """The event to send: everything at first, then changed rows, ``gone`` ones, changed parts;
        None when nothing changed."""
        known, self._known = self._known, snapshot
        rows, before = snapshot["rows"], known["rows"] if known else {}
        changed = [
            self._mine(row) for key, row in rows.items() if _still(row) != _still(before.get(key))
        ]
        news: dict[str, Any] = {
            "rows": changed,
            "gone": [key for key in before if key not in rows],
        }
        for part in ("agents", "groups", "tickets", "desk"):
            if known is None or snapshot.get(part) != known.get(part):
                news[part] = snapshot.get(part)
        if known is not None and not any(news.values()):
            return None
        return {"type": "floor", "whole": known is None, **news}

    def _mine(self, row: Mapping[str, Any]) -> dict[str, Any]:
        own = next((g for g in row["guests"] if g["id"] == self._staff_id), None)
        role = {"joined": "guest", "invited": "invited"}.get(own["state"]) if own else None
        mine = row["agent_id"] == self._staff_id
        return {**row, "mine": mine, "role": "owner" if mine else role}


def _still(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return (
        None if row is None else {key: value for key, value in row.items() if key not in _RUNNING}
    )


def _replace(queue: asyncio.Queue[Snapshot], snapshot: Snapshot) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(snapshot)


async def _lines(session: AsyncSession) -> dict[str, tuple[int, datetime | None, int]]:
    """Per group: how many wait, since when the oldest does, how many are served."""
    query = (
        select(Handoff.skill_group, Handoff.state, func.count(), func.min(Handoff.waiting_since))
        .where(Handoff.state.in_([*IN_LINE, State.ACTIVE]))
        .group_by(Handoff.skill_group, Handoff.state)
    )
    found: dict[str, tuple[int, datetime | None, int]] = {}
    for group, state, count, since in await session.execute(query):
        waiting, oldest, active = found.get(group, (0, None, 0))
        if state == State.ACTIVE:
            found[group] = (waiting, oldest, active + count)
        else:
            found[group] = (waiting + count, min(filter(None, (oldest, since))), active)
    return found


async def _overdue(session: AsyncSession) -> list[Ticket]:
    moment = now()
    unanswered = and_(Ticket.first_reply_at.is_(None), Ticket.first_reply_due < moment)
    query = (
        select(Ticket)
        .where(Ticket.state.in_(["open", "processing"]))
        .where(or_(unanswered, Ticket.resolve_due < moment))
        .order_by(Ticket.first_reply_due)
        .limit(_MAX_TICKETS)
    )
    return list((await session.execute(query)).scalars())


def _late_ticket(ticket: Ticket, names: Mapping[str, str]) -> dict[str, Any]:
    reply = ticket.first_reply_at is None
    return tickets.shown(ticket) | {
        "late": "first_reply" if reply else "resolve",
        "late_since": (ticket.first_reply_due if reply else ticket.resolve_due).isoformat(),
        "owner_name": names.get(ticket.owner or ""),
    }
