"""What a platform lets us say to a customer now: quotas, windows, and what the customer was offered last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import JSON, String, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.database import Base, Database, UtcDateTime

Act = Literal["said", "acted"]
"""``said``: wrote a message; ``acted``: clicked a menu, followed or scanned."""
ALLOWED: dict[Act, tuple[int, timedelta]] = {
    "said": (5, timedelta(hours=48)),
    "acted": (3, timedelta(minutes=1)),
}
_GRACE = timedelta(seconds=5)
"""Our clock and the platform's differ: nothing is sent in a window's last seconds."""


class Contact(Base):
    """A customer's account on a platform that counts what we send."""

    __tablename__ = "channel_contacts"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    account: Mapped[str] = mapped_column(String(128), primary_key=True)
    following: Mapped[bool] = mapped_column(default=True)
    said_left: Mapped[int] = mapped_column(default=0)
    said_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acted_left: Mapped[int] = mapped_column(default=0)
    acted_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    passive_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A callback waits for our answer; until then nothing goes out by the platform's API."""
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a template message last asked the customer to come back."""
    choices: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    """Buttons shown last, in order: {"title", "payload"}; a number picks one."""
    scene: Mapped[str | None] = mapped_column(String(64))
    """The code by which the customer came."""
    consents: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Subscription templates that the customer accepted and that were not used yet."""
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def allowance(self, moment: datetime) -> int:
        """Messages that may still be sent now."""
        said = self.said_left if _open(self.said_until, moment) else 0
        acted = self.acted_left if _open(self.acted_until, moment) else 0
        return said + acted

    def window_open(self, moment: datetime) -> bool:
        """Whether the customer spoke lately enough; the quota may still be used up."""
        return _open(self.said_until, moment) or _open(self.acted_until, moment)


def _open(until: datetime | None, moment: datetime) -> bool:
    return until is not None and until - _GRACE > moment


class Contacts:
    """Counts per customer and window. SQL is the truth, so every process counts alike."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, channel: str, account: str) -> Contact:
        """The contact; one nobody has heard of may be sent nothing."""
        async with self._database.reading() as session:
            found = await session.get(Contact, (channel, account))
        return found or _new(channel, account)

    async def heard(
        self, channel: str, account: str, act: Act | None, passive_until: datetime | None = None,
        **fields: Any,
    ) -> Contact:  # fmt: skip
        """The customer did something: new quota, and perhaps a callback that waits for an answer.

        Args:
            act: None when what happened allows nothing.
            passive_until: how long the callback waits.
            fields: columns to set besides.
        """
        moment = now()
        async with self._database.transaction() as session:
            contact = await _locked(session, channel, account)
            if act is not None:
                left, lasts = ALLOWED[act]
                setattr(contact, f"{act}_left", left)
                setattr(contact, f"{act}_until", moment + lasts)
            if passive_until is not None:
                contact.passive_until = passive_until
            for name, value in fields.items():
                setattr(contact, name, value)
            contact.updated_at = moment
        return contact

    async def answered(self, channel: str, account: str, waited_until: datetime) -> None:
        """The callback that waited until then has its answer; a later one goes on waiting."""
        change = update(Contact).where(
            Contact.channel == channel,
            Contact.account == account,
            Contact.passive_until == waited_until,
        )
        async with self._database.transaction() as session:
            await session.execute(change.values(passive_until=None))

    async def spend(self, channel: str, account: str) -> bool:
        """Counts one message before it is sent; False when none is allowed."""
        moment = now()
        async with self._database.transaction() as session:
            contact = await _locked(session, channel, account)
            if contact.acted_left > 0 and _open(contact.acted_until, moment):
                contact.acted_left -= 1
            elif contact.said_left > 0 and _open(contact.said_until, moment):
                contact.said_left -= 1
            else:
                return False
        return True

    async def refund(self, channel: str, account: str) -> None:
        """A counted message was refused by the platform."""
        limit = ALLOWED["said"][0]
        async with self._database.transaction() as session:
            contact = await _locked(session, channel, account)
            contact.said_left = min(limit, contact.said_left + 1)

    async def exhausted(self, channel: str, account: str) -> None:
        """The platform says that the quota is used up, whatever we counted."""
        await self.change(channel, account, said_left=0, acted_left=0)

    async def offer(self, channel: str, account: str, choices: Sequence[dict[str, str]]) -> None:
        """Remembers what a number would pick."""
        kept = [{"title": c["title"], "payload": c["payload"]} for c in choices]
        await self.change(channel, account, choices=kept)

    async def change(self, channel: str, account: str, **fields: Any) -> None:
        """Sets columns of a contact."""
        async with self._database.transaction() as session:
            contact = await _locked(session, channel, account)
            for name, value in fields.items():
                setattr(contact, name, value)


def _new(channel: str, account: str) -> Contact:
    return Contact(
        channel=channel, account=account, following=True, said_left=0, acted_left=0, choices=[],
        consents=[], updated_at=now(),
    )  # fmt: skip


async def _locked(session: AsyncSession, channel: str, account: str) -> Contact:
    contact = await session.get(Contact, (channel, account), with_for_update=True)
    if contact is None:
        contact = _new(channel, account)
        session.add(contact)
        await session.flush()
    return contact
