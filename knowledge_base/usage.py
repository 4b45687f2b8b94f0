"""What becomes of answers: how often an entry was asked for, shown, found helpful or not, and followed
by a handoff. Counted from real events only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import LOCAL_ZONE, local_now, new_id, now
from core.database import Database
from core.errors import Conflict, NotFound
from core.security import mask
from core.transcript import Message
from knowledge_base.inbox import unhelpful
from knowledge_base.models import Answered

DAYS = 30
"""The window in which usage is counted."""
BLAMED_FOR = timedelta(minutes=30)
"""A handoff counts against the answers of this long before it; a WeChat conversation lasts years."""
MAX_TEXT = 500


@dataclass(frozen=True)
class FirstHit:
    """The entry that came first for a customer's question.

    ``message_id`` names the bot's message that showed its answer; None where the bot asked back.
    """

    entry_id: str
    score: float = 0.0
    message_id: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """One entry's figures of the last ``DAYS`` days."""

    asked: int = 0
    answered: int = 0
    helpful: int = 0
    unhelpful: int = 0
    handoffs: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class UsageDays(Usage):
    """The same with one figure a day, oldest first."""

    days: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


_NAMES = tuple(Usage().to_dict())


class UsageLog:
    """Records what customers were answered and how they took it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, conversation_id: str, asked_seq: int, query: str, hits: Sequence[FirstHit]
    ) -> None:
        """Remembers the first hits of one customer message, numbers in it masked."""
        rows = [
            Answered(
                id=new_id("ans"), message_id=hit.message_id, conversation_id=conversation_id,
                asked_seq=asked_seq, entry_id=hit.entry_id, query=mask(query)[:MAX_TEXT],
                score=hit.score, others=list(hit.others), at=now(),
            )
            for hit in hits
        ]  # fmt: skip
        async with self._database.transaction() as session:
            session.add_all(rows)

    async def react(self, conversation_id: str, message_id: str, helpful: bool) -> Answered:
        """Keeps the customer's word on one answer; the same word again changes nothing.

        Raises:
            NotFound: no knowledge answer of that conversation has that id.
            Conflict: the customer has said the opposite before.
        """
        query = select(Answered).where(
            Answered.message_id == message_id, Answered.conversation_id == conversation_id
        )
        async with self._database.transaction() as session:
            row = await session.scalar(query)
            if row is None:
                raise NotFound("没有找到这条回答。")
            if row.helpful is None:
                _react(session, row, helpful)
            elif row.helpful != helpful:
                raise Conflict("这条回答您已经评价过了。")
        return row

    async def react_to_last(self, conversation_id: str, seq: int, helpful: bool) -> Answered | None:
        """The same for words typed right after an answer.

        Args:
            seq: of the customer's words; they count only when they are the first after the answer.
        """
        before = select(func.max(Message.seq)).where(
            Message.conversation_id == conversation_id, Message.sender == "customer",
            Message.seq < seq,
        )  # fmt: skip
        last = select(Answered).where(
            Answered.conversation_id == conversation_id, Answered.message_id.is_not(None),
            Answered.helpful.is_(None), Answered.asked_seq == before.scalar_subquery(),
        )  # fmt: skip
        async with self._database.transaction() as session:
            row = await session.scalar(last.order_by(Answered.at.desc()).limit(1))
            if row is not None:
                _react(session, row, helpful)
        return row

    async def handed_over(self, conversation_id: str) -> None:
        """A person was called: what was answered just before did not settle it."""
        moment = now()
        async with self._database.transaction() as session:
            await session.execute(
                update(Answered)
                .where(
                    Answered.conversation_id == conversation_id, Answered.handoff_at.is_(None),
                    Answered.message_id.is_not(None), Answered.helpful.is_not(True),
                    Answered.at >= moment - BLAMED_FOR,
                )
                .values(handoff_at=moment)
            )  # fmt: skip

    async def of(self, entry_ids: Sequence[str]) -> dict[str, Usage]:
        """Figures of some entries; entries nobody asked for have zeros."""
        query = figures().where(Answered.entry_id.in_(entry_ids))
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        found = {row[0]: Usage(*(int(value or 0) for value in row[1:])) for row in rows}
        return {entry_id: found.get(entry_id, Usage()) for entry_id in entry_ids}

    async def by_day(self, entry_id: str) -> UsageDays:
        """One entry's figures with a figure for each local day."""
        query = select(Answered).where(Answered.entry_id == entry_id, Answered.at >= _since())
        async with self._database.reading() as session:
            rows = list((await session.scalars(query)).all())
        today = local_now().date()
        dates = [today - timedelta(days=back) for back in reversed(range(DAYS))]
        days = {date.isoformat(): Usage().to_dict() for date in dates}
        for row in rows:
            counts = days.get(row.at.astimezone(LOCAL_ZONE).date().isoformat())
            if counts is not None:
                for name, happened in _events(row).items():
                    counts[name] += happened
        totals = {name: sum(counts[name] for counts in days.values()) for name in _NAMES}
        return UsageDays(**totals, days=[{"day": day, **counts} for day, counts in days.items()])


def figures() -> Select[Any]:
    """(entry id, asked, answered, helpful, unhelpful, handoffs) of the last days, by entry."""

    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    return (
        select(
            Answered.entry_id.label("entry_id"),
            func.count().label("asked"),
            count(Answered.message_id.is_not(None)).label("answered"),
            count(Answered.helpful.is_(True)).label("helpful"),
            count(Answered.helpful.is_(False)).label("unhelpful"),
            count(Answered.handoff_at.is_not(None)).label("handoffs"),
        )
        .where(Answered.at >= _since())
        .group_by(Answered.entry_id)
    )


def _since() -> datetime:
    midnight = local_now().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=DAYS - 1)


def _events(row: Answered) -> dict[str, int]:
    return {
        "asked": 1,
        "answered": int(row.message_id is not None),
        "helpful": int(row.helpful is True),
        "unhelpful": int(row.helpful is False),
        "handoffs": int(row.handoff_at is not None),
    }


def _react(session: AsyncSession, row: Answered, helpful: bool) -> None:
    row.helpful, row.reacted_at = helpful, now()
    if not helpful:
        session.add(unhelpful(row))
