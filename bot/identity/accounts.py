"""Binding channel accounts to customers, and finding the conversation in which an account speaks.

For adapters: ``conversation_of(channel, account)`` before storing what somebody wrote, ``bind`` once an SMS
code or a signed token said who they are, ``unbind`` when they want to be nobody again, ``find`` to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.identity.joining import (
    VISIT,
    carry,
    conversation_for,
    join,
    open_talk,
    resume,
    speaking_in,
)
from bot.identity.models import BOUND, VERIFIED, ChannelAccount, Known, Number
from core.clock import now
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.transcript import Conversation, Message

MAX_ACCOUNT = 128
MAX_NUMBERS = 10
VERIFIED_FOR = timedelta(hours=12)
_SEEN_EVERY = timedelta(minutes=1)


class Identities:
    """One customer, many accounts; one account, one conversation at a time.

    Args:
        verified_for: how long an SMS code or an app token counts; then the account is only bound.
    """

    def __init__(self, database: Database, verified_for: timedelta = VERIFIED_FOR) -> None:
        self._database = database
        self._verified_for = verified_for

    async def find(self, channel: str, account: str) -> ChannelAccount | None:
        """The account as it is known, or None."""
        async with self._database.reading() as session:
            return await session.get(ChannelAccount, (channel, account))

    async def accounts_of(self, customer_id: str) -> Sequence[ChannelAccount]:
        """Every account that speaks for a customer now, the one seen last first."""
        query = select(ChannelAccount).where(ChannelAccount.customer_id == customer_id)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(ChannelAccount.seen_at.desc()))
            return rows.scalars().all()

    async def conversation_of(self, channel: str, account: str, **fields: Any) -> Conversation:
        """Where the account speaks: its customer's conversation, its own, or a new one.

        Args:
            fields: of a conversation that must be opened, e.g. ``profile``.
        """
        row = await self.find(channel, account)
        if row and row.conversation_id:
            async with self._database.reading() as session:
                return await session.get_one(Conversation, row.conversation_id)
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            return await conversation_for(session, row, **fields)

    async def attach(self, channel: str, account: str, conversation_id: str | None) -> None:
        """From now on the account speaks in this conversation (None: in a new one)."""
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            row.conversation_id = conversation_id

    async def bind(
        self, channel: str, account: str, known: Known, said_from: int | None = None,
        verified_until: datetime | None = None,
    ) -> Conversation:  # fmt: skip
        """The account has proved to be this customer; binding again renews the proof.

        The conversation it speaks in from now on is returned: a guest's words go along into the customer's
        conversation on other channels; another customer on the same device gets a conversation of their own.

        Args:
            said_from: where another customer spoke before, words from this number on go along.
            verified_until: end of the proof, if it is nearer than usual.
        """
        moment = now()
        until = moment + self._verified_for
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            before = row.customer_id
            row.customer_id, row.phone, row.profile = known.customer_id, known.phone, known.profile
            row.numbers = _with(row.numbers, known, moment)
            row.verified_until = min(until, verified_until) if verified_until else until
            here = await speaking_in(session, row)
            return await join(session, row, here, before, said_from)

    async def open_talk(self, channel: str, account: str) -> bool:
        """Whether this proven customer has an unfinished talk with a person in another visit."""
        async with self._database.reading() as session:
            row = await session.get(ChannelAccount, (channel, account))
            here = await speaking_in(session, row) if row else None
            if row is None or here is None or row.assurance < VERIFIED or here.owner != "bot":
                return False
            return await open_talk(session, row, here) is not None

    async def resume(self, channel: str, account: str) -> Conversation | None:
        """Goes on in that talk; None when it is over."""
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            here = await speaking_in(session, row)
            if here is None or row.assurance < VERIFIED or here.owner != "bot":
                return None
            there = await open_talk(session, row, here)
            if there is not None:
                await resume(session, row, here, there)
        return there

    async def outlived(self, row: ChannelAccount) -> bool:
        """Whether a browser's proof has run out while others speak in the same conversation.

        Whoever sits at that browser now must not read on what the customer says in the app.
        """
        if row.channel != VISIT or row.assurance != BOUND:
            return False
        others = select(ChannelAccount.account).where(
            ChannelAccount.conversation_id == row.conversation_id,
            ChannelAccount.account != row.account,
        )
        async with self._database.reading() as session:
            return (await session.execute(others.limit(1))).first() is not None

    async def use(self, channel: str, account: str, phone: str) -> ChannelAccount:
        """Speaks for another of the account's numbers. It counts as bound until proved again.

        Raises:
            NotFound: the account is not bound to that number.
        """
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            chosen = next((n for n in row.numbers or () if n["phone"] == phone), None)
            if chosen is None:
                raise NotFound("这个号码还没有绑定。")
            if chosen["customer_id"] != row.customer_id:
                row.conversation_id = None
            row.customer_id, row.phone = chosen["customer_id"], phone
            row.profile, row.verified_until = chosen["profile"], None
        return row

    async def lapse(self, channel: str, account: str) -> None:
        """Ends the account's proof; it stays bound."""
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            row.verified_until = None

    async def unbind(self, channel: str, account: str, phone: str | None = None) -> bool:
        """Forgets one number of the account, by default the one in use; False when there was none.

        With the number in use goes the conversation: the next word opens a new one, so that whoever holds
        the phone then sees nothing of it. Another bound number takes its place, as bound.
        """
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            gone = phone or row.phone
            left = [number for number in row.numbers or () if number["phone"] != gone]
            if gone is None or len(left) == len(row.numbers or ()):
                return False
            row.numbers = left
            if gone == row.phone:
                following: dict[str, Any] = left[-1] if left else {}
                row.customer_id, row.phone = following.get("customer_id"), following.get("phone")
                row.profile = following.get("profile") or {}
                row.conversation_id, row.verified_until = None, None
        return True

    async def speaks(self, channel: str, account: str, conversation_id: str) -> Conversation:
        """Notes that the account has just spoken: who is talking, how sure we are, where answers go."""
        async with self._database.reading() as session:
            known = await session.get(ChannelAccount, (channel, account))
            conversation = await session.get_one(Conversation, conversation_id)
        recent = known is not None and known.seen_at > now() - _SEEN_EVERY
        if recent and known and known.conversation_id and not _news(known, conversation):
            return conversation
        async with self._database.transaction() as session:
            row = await self._row(session, channel, account)
            row.seen_at = now()
            row.conversation_id = row.conversation_id or conversation_id
            conversation = await session.get_one(Conversation, conversation_id)
            for name, value in _news(row, conversation).items():
                setattr(conversation, name, value)
        return conversation

    async def followed(self, message_id: str) -> tuple[Message, Conversation]:
        """A message and its conversation as they are now, wherever they went meanwhile.

        A word that reached a guest's conversation just after it was joined is carried after it.
        """
        async with self._database.reading() as session:
            message = await session.get_one(Message, message_id)
            conversation = await session.get_one(Conversation, message.conversation_id)
        if conversation.continued_in is None:
            return message, conversation
        async with self._database.transaction() as session:
            left = await session.get_one(Conversation, conversation.id)
            joined = await session.get_one(Conversation, conversation.continued_in)
            await carry(session, left, joined, since=0)
            return await session.get_one(Message, message_id), joined

    async def _row(self, session: AsyncSession, channel: str, account: str) -> ChannelAccount:
        if not account or len(account) > MAX_ACCOUNT:
            raise InvalidInput("账号标识无效。")
        row = await session.get(ChannelAccount, (channel, account), with_for_update=True)
        if row is None:
            row = ChannelAccount(
                channel=channel, account=account, profile={}, numbers=[], seen_at=now()
            )
            session.add(row)
        return row


def _news(row: ChannelAccount, conversation: Conversation) -> dict[str, Any]:
    """What the conversation does not know yet of who speaks in it."""
    said = row.identity().items()
    return {name: value for name, value in said if getattr(conversation, name) != value}


def _with(numbers: list[Number] | None, known: Known, moment: datetime) -> list[Number]:
    """The bound numbers, this one last."""
    others = [number for number in numbers or () if number["phone"] != known.phone]
    this = {
        "phone": known.phone,
        "customer_id": known.customer_id,
        "profile": known.profile,
        "bound_at": moment.isoformat(),
    }
    return [*others, this][-MAX_NUMBERS:]
