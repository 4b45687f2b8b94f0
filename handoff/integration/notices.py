"""The outbox: what a desk is still to be told, who has it in hand, what arrived, what never will."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update

from core.clock import now
from core.database import Database
from core.errors import Conflict, NotFound
from core.transcript import Conversation
from handoff.integration.desk import Lane, Notice
from handoff.integration.models import DeskLink, DeskNotice
from handoff.integration.recorder import gather
from handoff.models import DeskName, Handoff
from handoff.states import LIVE

DELAYS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300)
"""Pauses after each failure; the last one repeats."""
MOST_ATTEMPTS = 300
"""About a day."""
CLAIM = timedelta(seconds=90)
_KEPT = timedelta(days=14)
_MAX_ERROR = 200


class Notices:
    """All methods are one transaction each; any number of processes may work at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def collect(self, conversation_id: str | None = None) -> int:
        """Makes notices of what was said; returns how many.

        Args:
            conversation_id: where something was just said; None looks at every handoff at a desk.
        """
        behind = (
            select(DeskLink.handoff_id)
            .join(Handoff, Handoff.id == DeskLink.handoff_id)
            .join(Conversation, Conversation.id == Handoff.conversation_id)
            .where(
                DeskLink.live,
                Handoff.state.in_(LIVE),
                or_(
                    DeskLink.heard_seq != Conversation.last_seq,
                    Handoff.conversation_id != DeskLink.conversation_id,
                ),
            )
        )
        if conversation_id is not None:
            behind = behind.where(Handoff.live_conversation == conversation_id)
        async with self._database.reading() as session:
            ids = list((await session.execute(behind)).scalars())
        return sum([await self._collect(handoff_id) for handoff_id in ids])

    async def _collect(self, handoff_id: str) -> int:
        async with self._database.transaction() as session:
            # The handoff first, as every step does, so that nobody waits in a circle.
            handoff = await session.get_one(Handoff, handoff_id, with_for_update=True)
            link = await session.get_one(DeskLink, handoff_id, with_for_update=True)
            if not link.live or handoff.state not in LIVE:
                return 0
            return await gather(session, link, handoff)

    async def lanes(self, desks: Sequence[DeskName], limit: int = 100) -> list[str]:
        """Handoffs with something to tell or to ask now, which nobody has in hand."""
        moment = now()
        first = select(func.min(DeskNotice.id)).where(DeskNotice.state == "pending")
        telling = select(DeskNotice.handoff_id).where(
            DeskNotice.id.in_(first.group_by(DeskNotice.handoff_id)),
            DeskNotice.due_at <= moment,
            DeskNotice.desk.in_(desks),
        )
        query = select(DeskLink.handoff_id).where(
            DeskLink.desk.in_(desks),
            or_(DeskLink.handoff_id.in_(telling), DeskLink.look_at <= moment),
            or_(DeskLink.claimed_until.is_(None), DeskLink.claimed_until < moment),
        )
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(DeskLink.created_at).limit(limit))
            return list(rows.scalars())

    async def claim(self, handoff_id: str) -> tuple[DeskName, Lane] | None:
        """Takes a handoff in hand; None when another worker has it."""
        moment = now()
        free = or_(DeskLink.claimed_until.is_(None), DeskLink.claimed_until < moment)
        take = update(DeskLink).where(DeskLink.handoff_id == handoff_id, free)
        async with self._database.transaction() as session:
            taken = await session.execute(
                take.values(claimed_until=moment + CLAIM).returning(DeskLink.handoff_id)
            )
            if taken.scalar_one_or_none() is None:
                return None
            link = await session.get_one(DeskLink, handoff_id)
            return link.desk, Lane(handoff_id, link.outside_id, dict(link.progress))

    async def release(self, handoff_id: str) -> None:
        """Gives it out of hand."""
        await self._link(handoff_id, claimed_until=None)

    async def next(self, handoff_id: str) -> Notice | None:
        """The first thing to tell, if it is due; the claim begins anew."""
        query = (
            select(DeskNotice)
            .where(DeskNotice.handoff_id == handoff_id, DeskNotice.state == "pending")
            .order_by(DeskNotice.id)
            .limit(1)
        )
        async with self._database.transaction() as session:
            row = (await session.execute(query)).scalar_one_or_none()
            if row is None or row.due_at > now():
                return None
            row.attempts += 1
            held = update(DeskLink).where(DeskLink.handoff_id == handoff_id)
            await session.execute(held.values(claimed_until=now() + CLAIM))
            return Notice(row.event_id, row.kind, handoff_id, row.data, row.created_at)

    async def sent(self, event_id: str) -> None:
        """The desk has it."""
        await self._change(event_id, state="sent", error=None, settled_at=now())

    async def dead(self, event_id: str, error: str) -> None:
        """The desk will never have it, unless somebody sends it again."""
        await self._change(event_id, state="dead", error=error[:_MAX_ERROR], settled_at=now())

    async def later(self, event_id: str, error: str, wait_s: float) -> bool:
        """It failed; tried again after a growing pause. False when it was tried for long enough."""
        async with self._database.transaction() as session:
            query = select(DeskNotice).where(DeskNotice.event_id == event_id).with_for_update()
            row = (await session.execute(query)).scalar_one()
            row.error = error[:_MAX_ERROR]
            if row.attempts >= MOST_ATTEMPTS:
                row.state, row.settled_at = "dead", now()
                return False
            pause = DELAYS_S[min(row.attempts, len(DELAYS_S)) - 1]
            row.due_at = now() + timedelta(seconds=max(pause, wait_s))
        return True

    async def wake(self, desk: DeskName) -> None:
        """The desk answers again: what failed before is due now."""
        failed = update(DeskNotice).where(
            DeskNotice.desk == desk,
            DeskNotice.state == "pending",
            DeskNotice.error.is_not(None),
            DeskNotice.due_at > now(),
        )
        async with self._database.transaction() as session:
            await session.execute(failed.values(due_at=now()))

    async def retry(self, event_id: str, desk: str | None = None) -> DeskNotice:
        """Sends a given-up notice again, now.

        Raises:
            NotFound: no such notice (of this desk).
            Conflict: it is not given up.
        """
        async with self._database.transaction() as session:
            query = select(DeskNotice).where(DeskNotice.event_id == event_id).with_for_update()
            row = (await session.execute(query)).scalar_one_or_none()
            if row is None or desk not in (None, row.desk):
                raise NotFound("没有找到这条通知。")
            if row.state != "dead":
                raise Conflict("这条通知没有失败，不用重发。")
            row.state, row.due_at, row.settled_at, row.attempts = "pending", now(), None, 0
        return row

    async def save(self, lane: Lane) -> None:
        """Stores how far a lane's desk is; called before and after each act that must not be doubled."""
        await self._link(
            lane.handoff_id, outside_id=lane.outside_id, progress=dict(lane.progress),
            claimed_until=now() + CLAIM,
        )  # fmt: skip

    async def look_after(self, handoff_id: str, seconds: float | None) -> None:
        """When to ask next; None, and a handoff that is over: not until the desk says that there is news.
        What it said meanwhile (``look_now``) stands."""
        change = update(DeskLink).where(
            DeskLink.handoff_id == handoff_id,
            or_(DeskLink.look_at.is_(None), DeskLink.look_at > now()),
        )
        at = None if seconds is None else now() + timedelta(seconds=seconds)
        change = change if at is None else change.where(DeskLink.live)
        async with self._database.transaction() as session:
            await session.execute(change.values(look_at=at))

    async def begin_look(self, handoff_id: str) -> bool:
        """Whether to ask now. News that come from now on make another look due."""
        due = update(DeskLink).where(DeskLink.handoff_id == handoff_id, DeskLink.look_at <= now())
        async with self._database.transaction() as session:
            begun = await session.execute(
                due.values(look_at=now() + CLAIM).returning(DeskLink.handoff_id)
            )
            return begun.scalar_one_or_none() is not None

    async def look_now(self, desk: DeskName, outside_id: str) -> bool:
        """The desk says that something is new; False when it is about nothing of ours."""
        change = update(DeskLink).where(DeskLink.desk == desk, DeskLink.outside_id == outside_id)
        async with self._database.transaction() as session:
            found = await session.execute(
                change.values(look_at=now()).returning(DeskLink.handoff_id)
            )
            return found.scalars().first() is not None

    async def tell_delay(self, handoff_id: str) -> bool:
        """Whether the customer is still to hear of a delay; from now on they are not."""
        change = update(DeskLink).where(
            DeskLink.handoff_id == handoff_id, DeskLink.delay_told.is_(False)
        )
        async with self._database.transaction() as session:
            first = await session.execute(
                change.values(delay_told=True).returning(DeskLink.handoff_id)
            )
            return first.scalar_one_or_none() is not None

    async def listed(
        self, state: str | None, desk: str | None = None, limit: int = 100
    ) -> list[DeskNotice]:
        """Notices, newest first."""
        query = select(DeskNotice)
        if state:
            query = query.where(DeskNotice.state == state)
        if desk:
            query = query.where(DeskNotice.desk == desk)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(DeskNotice.id.desc()).limit(limit))
            return list(rows.scalars())

    async def standing(self, desk: str) -> dict[str, Any]:
        """{"reachable", "error", "pending", "oldest_s", "dead", "customers_waiting"} of a desk.

        It is out of reach while something that failed waits; ``customers_waiting`` are those the desk
        does not know of yet.
        """
        waiting = (DeskNotice.desk == desk) & (DeskNotice.state == "pending")
        count = select(func.count(), func.min(DeskNotice.created_at)).where(waiting)
        failed = (
            select(DeskNotice.error)
            .where(waiting, DeskNotice.error.is_not(None))
            .order_by(DeskNotice.id.desc())
            .limit(1)
        )
        unknown = select(func.count()).where(waiting, DeskNotice.kind == "handoff.requested")
        dead = select(func.count()).where(DeskNotice.desk == desk, DeskNotice.state == "dead")
        async with self._database.reading() as session:
            pending, oldest = (await session.execute(count)).one()
            error = (await session.execute(failed)).scalar_one_or_none()
            customers = (await session.execute(unknown)).scalar_one()
            given_up = (await session.execute(dead)).scalar_one()
        return {
            "reachable": error is None,
            "error": error,
            "pending": pending,
            "oldest_s": max(0, int((now() - oldest).total_seconds())) if oldest else 0,
            "dead": given_up,
            "customers_waiting": customers,
        }

    async def purge(self) -> None:
        """Drops what arrived long ago."""
        old = delete(DeskNotice).where(
            DeskNotice.state == "sent", DeskNotice.settled_at < now() - _KEPT
        )
        async with self._database.transaction() as session:
            await session.execute(old)

    async def _link(self, handoff_id: str, **values: Any) -> None:
        change = update(DeskLink).where(DeskLink.handoff_id == handoff_id)
        async with self._database.transaction() as session:
            await session.execute(change.values(**values))

    async def _change(self, event_id: str, **values: Any) -> None:
        change = update(DeskNotice).where(DeskNotice.event_id == event_id)
        async with self._database.transaction() as session:
            await session.execute(change.values(**values))
