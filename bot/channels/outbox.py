"""Works on the outbox's rows: who has which in hand, what arrived, what must wait, what never will."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.channels.contacts import Contact
from core.clock import now
from core.database import Database
from core.outbox import Delivery
from core.transcript import Message

BATCH = 20
_KEPT = timedelta(days=14)
_WAITING = ("pending", "held")


@dataclass(frozen=True)
class Parcel:
    """A message with its delivery. ``said`` is the message's public form."""

    delivery_id: int
    message_id: str
    conversation_id: str
    said: dict[str, Any]
    parts: int = 0
    attempts: int = 0
    bundle: str | None = None


Fit = Callable[[list[Parcel]], int]
"""How many of these parcels, from the first on, one passive answer can carry."""


class Outbox:
    """All methods are one transaction each; several processes may work at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, limit: int = 50) -> list[tuple[str, str]]:
        """Accounts (channel, account) with something to send now."""
        moment = now()
        query = (
            select(Delivery.channel, Delivery.account)
            .outerjoin(
                Contact,
                (Contact.channel == Delivery.channel) & (Contact.account == Delivery.account),
            )
            .where(
                Delivery.state == "pending",
                Delivery.due_at <= moment,
                or_(Delivery.claimed_until.is_(None), Delivery.claimed_until < moment),
                or_(Contact.passive_until.is_(None), Contact.passive_until < moment),
            )
            .distinct()
            .limit(limit)
        )
        async with self._database.reading() as session:
            return [(channel, account) for channel, account in await session.execute(query)]

    async def claim(self, channel: str, account: str, for_s: float) -> list[Parcel]:
        """Takes what must go out next, in order; empty when another has it, or it must wait.

        Args:
            for_s: after this another worker may take it, should this one die.
        """
        moment = now()
        async with self._database.transaction() as session:
            rows = await _waiting(session, channel, account)
            contact = await session.get(Contact, (channel, account))
            if contact and contact.passive_until and contact.passive_until > moment:
                return []
            if not rows or not _free(rows, moment):
                return []
            if rows[0][0].state == "held":
                # What came later waits behind it, or the order would be lost.
                _set([row for row, _ in rows], state="held")
                return []
            if rows[0][0].due_at > moment:
                return []
            taken = [(row, message) for row, message in rows if row.state == "pending"]
            for row, _ in taken:
                row.claimed_until = moment + timedelta(seconds=for_s)
            return [_parcel(row, message) for row, message in taken]

    async def carry(self, channel: str, account: str, receipt: str, fit: Fit) -> list[Parcel]:
        """What the answer to the callback ``receipt`` carries; the same again for its repetition.

        Taken and marked as sent in one step: a repetition either finds it waiting or finds it carried.
        """
        moment = now()
        async with self._database.transaction() as session:
            carried = select(Delivery, Message).join(Message, Message.id == Delivery.message_id)
            carried = carried.where(
                Delivery.channel == channel,
                Delivery.account == account,
                Delivery.receipt == receipt,
            )
            again = (await session.execute(carried.order_by(Delivery.id))).all()
            if again:
                return [_parcel(row, message) for row, message in again]
            rows = await _waiting(session, channel, account)
            if not rows or not _free(rows, moment) or rows[0][0].parts:
                return []
            parcels = [_parcel(row, message) for row, message in rows]
            count = fit(parcels)
            _set([row for row, _ in rows[:count]], state="sent", receipt=receipt, error=None)
            return parcels[:count]

    async def take_back(self, channel: str, account: str, receipt: str) -> None:
        """The answer to the callback ``receipt`` came too late: what it carried goes another way."""
        change = update(Delivery).where(
            Delivery.channel == channel,
            Delivery.account == account,
            Delivery.receipt == receipt,
            Delivery.state == "sent",
        )
        values = {"state": "pending", "receipt": None, "due_at": now(), "updated_at": now()}
        async with self._database.transaction() as session:
            await session.execute(change.values(**values))

    async def begin(self, parcels: Sequence[Parcel], bundle: str) -> None:
        """Notes an attempt before it is made."""
        values = {"bundle": bundle, "attempts": Delivery.attempts + 1}
        await self._change(parcels, **values)

    async def sent(self, parcels: Sequence[Parcel], receipt: str | None = None) -> None:
        """They have arrived at the platform."""
        await self._change(parcels, state="sent", receipt=receipt, error=None, claimed_until=None)

    async def progressed(self, parcel: Parcel, parts: int) -> None:
        """So many parts of a long message have arrived; the next one is a new attempt."""
        await self._change([parcel], parts=parts, attempts=0)

    async def later(self, parcels: Sequence[Parcel], seconds: float, error: str) -> None:
        """They go back and are due after a while."""
        due = now() + timedelta(seconds=seconds)
        await self._change(parcels, due_at=due, claimed_until=None, error=error[:200])

    async def hold(self, parcels: Sequence[Parcel], error: str) -> None:
        """They wait until the customer speaks."""
        await self._change(parcels, state="held", claimed_until=None, error=error[:200])

    async def fail(self, parcels: Sequence[Parcel], error: str) -> None:
        """They will not arrive."""
        await self._change(parcels, state="failed", claimed_until=None, error=error[:200])

    async def resume(self, channel: str, account: str) -> None:
        """The customer has spoken: what was held may go."""
        await self._move(channel, account, ("held",), state="pending", due_at=now())

    async def give_up(self, channel: str, account: str, error: str) -> list[Parcel]:
        """Nothing will reach this account any more; what is lost by that."""
        async with self._database.transaction() as session:
            rows = await _waiting(session, channel, account, limit=500)
            _set([row for row, _ in rows], state="failed", error=error, claimed_until=None)
            return [_parcel(row, message) for row, message in rows]

    async def bounced(self, receipt: str, error: str) -> list[Parcel]:
        """The platform says that what it had taken did not arrive."""
        query = select(Delivery, Message).join(Message, Message.id == Delivery.message_id)
        async with self._database.transaction() as session:
            rows = (await session.execute(query.where(Delivery.receipt == receipt))).all()
            _set([row for row, _ in rows], state="failed", error=error)
            return [_parcel(row, message) for row, message in rows]

    async def purge(self) -> None:
        """Drops rows that nobody will ask for."""
        old = delete(Delivery).where(
            Delivery.state.in_(("sent", "failed")), Delivery.updated_at < now() - _KEPT
        )
        async with self._database.transaction() as session:
            await session.execute(old)

    async def _change(self, parcels: Sequence[Parcel], **values: Any) -> None:
        ids = [parcel.delivery_id for parcel in parcels]
        change = update(Delivery).where(Delivery.id.in_(ids))
        async with self._database.transaction() as session:
            await session.execute(change.values(updated_at=now(), **values))

    async def _move(
        self, channel: str, account: str, states: tuple[str, ...], **values: Any
    ) -> None:
        change = update(Delivery).where(
            Delivery.channel == channel, Delivery.account == account, Delivery.state.in_(states)
        )
        async with self._database.transaction() as session:
            await session.execute(change.values(updated_at=now(), **values))


async def _waiting(
    session: AsyncSession, channel: str, account: str, limit: int = BATCH
) -> list[tuple[Delivery, Message]]:
    query = (
        select(Delivery, Message)
        .join(Message, Message.id == Delivery.message_id)
        .where(
            Delivery.channel == channel, Delivery.account == account, Delivery.state.in_(_WAITING)
        )
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(of=Delivery)
    )
    return [(row, message) for row, message in await session.execute(query)]


def _free(rows: Sequence[tuple[Delivery, Message]], moment: datetime) -> bool:
    return all(row.claimed_until is None or row.claimed_until < moment for row, _ in rows)


def _set(rows: Sequence[Delivery], **values: Any) -> None:
    for row in rows:
        row.updated_at = now()
        for name, value in values.items():
            setattr(row, name, value)


def _parcel(row: Delivery, message: Message) -> Parcel:
    return Parcel(
        row.id, message.id, message.conversation_id, message.public(), row.parts, row.attempts,
        row.bundle,
    )  # fmt: skip
