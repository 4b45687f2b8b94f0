"""Conversations and their messages: written before anything else happens, read by everybody.

A message has a sequence number in its conversation; whoever reconnects asks for what came after the last
number seen. Sending the same ``client_message_id`` again finds the first message instead of storing another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import new_id, now
from core.database import Base, Database, UtcDateTime
from core.errors import NotFound
from core.events import MESSAGE, LiveBus
from core.outbox import PUSHED_CHANNELS, Delivery
from core.redis_keys import conversation_channel

Owner = Literal["bot", "waiting", "human"]
Sender = Literal["customer", "bot", "agent", "system"]
Audience = Literal["all", "staff"]
"""Who may see a message; ``staff`` never reaches the customer."""


class Conversation(Base):
    """One customer's thread. ``customer_id`` is the operator's own id once verified."""

    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    """Of the last message: where answers go."""
    channel_account: Mapped[str | None] = mapped_column(String(128))
    """Who wrote it there, e.g. an openid."""
    owner: Mapped[Owner] = mapped_column(String(10), default="bot")
    customer_id: Mapped[str | None] = mapped_column(String(40), index=True)
    phone: Mapped[str | None] = mapped_column(String(20))
    assurance: Mapped[int] = mapped_column(default=0)
    """Of who spoke last: 0 guest, 1 bound to an account, 2 verified by SMS code or app token of late."""
    profile: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What pages need to greet: {"name", "tier", "elderly"}."""
    last_seq: Mapped[int] = mapped_column(default=0)
    continued_in: Mapped[str | None] = mapped_column(String(40))
    """The conversation that took this one's messages in, once its customer was known."""
    dialogue_id: Mapped[str | None] = mapped_column(String(40))
    """Under which name the dialogue remembers it; NULL = its own id."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Message(Base):
    """One line of a transcript. ``understanding`` is what the NLU made of a customer's words."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_message_id"),
        Index(None, "in_reply_to"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    sender: Mapped[Sender] = mapped_column(String(10))
    agent_id: Mapped[str | None] = mapped_column(String(40))
    agent_name: Mapped[str | None] = mapped_column(String(40))
    """The name the staff member spoke under, so that a conversation of three tells who said what."""
    audience: Mapped[Audience] = mapped_column(String(10), default="all")
    text: Mapped[str] = mapped_column(Text)
    buttons: Mapped[list[dict[str, str]] | None] = mapped_column(JSON)
    card: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    client_message_id: Mapped[str | None] = mapped_column(String(64))
    in_reply_to: Mapped[str | None] = mapped_column(String(40))
    understanding: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    reply_ids: Mapped[list[str] | None] = mapped_column(JSON)
    """On a customer's message, once it is dealt with: what it was answered with. NULL until then."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def public(self) -> dict[str, Any]:
        """What the customer's page and the channel adapters receive."""
        shown: dict[str, Any] = {
            "message_id": self.id,
            "seq": self.seq,
            "sender": self.sender,
            "text": self.text,
            "created_at": self.created_at.isoformat(),
        }
        optional = {
            "buttons": self.buttons,
            "card": self.card,
            "client_message_id": self.client_message_id,
            "in_reply_to": self.in_reply_to,
            "agent_name": self.agent_name,
        }
        return shown | {name: value for name, value in optional.items() if value}

    def staff(self) -> dict[str, Any]:
        """What agents and supervisors receive."""
        return self.public() | {
            "audience": self.audience,
            "agent_id": self.agent_id,
            "understanding": self.understanding,
        }


@dataclass(frozen=True)
class Draft:
    """A message about to be appended."""

    sender: Sender
    text: str
    buttons: list[dict[str, str]] | None = None
    card: dict[str, Any] | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    audience: Audience = "all"
    client_message_id: str | None = None
    in_reply_to: str | None = None
    understanding: dict[str, Any] | None = None


class Transcript:
    """Append-only store of messages, publishing each to those who watch the conversation."""

    def __init__(self, database: Database, bus: LiveBus) -> None:
        self._database = database
        self._bus = bus
        self.watchers: list[Callable[[Sequence[Message]], None]] = []
        """Called, in the process that wrote, with messages just stored."""

    async def open(self, channel: str, **fields: Any) -> Conversation:
        """Creates a conversation owned by the bot."""
        moment = now()
        conversation = Conversation(
            id=new_id("c"), channel=channel, owner="bot", last_seq=0, assurance=0, profile={},
            created_at=moment, updated_at=moment,
        )  # fmt: skip
        for name, value in fields.items():
            setattr(conversation, name, value)
        async with self._database.transaction() as session:
            session.add(conversation)
        return conversation

    async def conversation(self, conversation_id: str) -> Conversation:
        """Raises NotFound."""
        async with self._database.reading() as session:
            found = await session.get(Conversation, conversation_id)
        if found is None:
            raise NotFound("没有找到这个会话。")
        return found

    async def change(self, conversation_id: str, **fields: Any) -> Conversation:
        """Updates fields of a conversation, e.g. its owner or identity."""
        async with self._database.transaction() as session:
            found = await session.get(Conversation, conversation_id)
            if found is None:
                raise NotFound("没有找到这个会话。")
            for name, value in fields.items():
                setattr(found, name, value)
            found.updated_at = now()
        return found

    async def append(self, conversation_id: str, *drafts: Draft) -> list[Message]:
        """Appends drafts in order, in one transaction, then announces them.

        A draft whose ``client_message_id`` is already stored yields the stored message, and nothing is
        announced for it.
        """
        try:
            async with self._database.transaction() as session:
                messages = [await append_in(session, conversation_id, d) for d in drafts]
        except IntegrityError:
            known = [d.client_message_id for d in drafts if d.client_message_id]
            found = await self.by_client_id(conversation_id, known[0]) if known else None
            if found is None:
                raise
            return [found]
        await self.announce(messages)
        return messages

    async def announce(self, messages: Sequence[Message]) -> None:
        """Tells watchers about stored messages (for writers that used ``append_in``)."""
        for watch in self.watchers:
            watch(messages)
        for message in messages:
            await self._bus.publish(
                conversation_channel(message.conversation_id), MESSAGE, message=message.staff()
            )

    async def by_client_id(self, conversation_id: str, client_message_id: str) -> Message | None:
        query = select(Message).where(
            Message.conversation_id == conversation_id,
            Message.client_message_id == client_message_id,
        )
        async with self._database.reading() as session:
            return (await session.execute(query)).scalar_one_or_none()

    async def with_ids(self, ids: Sequence[str]) -> list[Message]:
        """Messages by id, in the order of the conversation."""
        query = select(Message).where(Message.id.in_(ids)).order_by(Message.seq)
        async with self._database.reading() as session:
            return list((await session.execute(query)).scalars())

    async def settle(
        self, message: Message, replies: Sequence[Message], understanding: dict[str, Any] | None
    ) -> None:
        """Marks a customer's message as dealt with: what it was answered and how it was understood."""
        change = update(Message).where(Message.id == message.id)
        async with self._database.transaction() as session:
            await session.execute(
                change.values(
                    reply_ids=[reply.id for reply in replies], understanding=understanding
                )
            )

    async def understood(self, message_id: str, understanding: dict[str, Any]) -> None:
        """Stores what the NLU made of a customer's words after they were dealt with."""
        change = update(Message).where(Message.id == message_id)
        async with self._database.transaction() as session:
            await session.execute(change.values(understanding=understanding))

    async def messages(
        self, conversation_id: str, after: int = 0, audience: Audience = "staff", limit: int = 1000
    ) -> list[Message]:
        """Messages with a sequence number over ``after``; ``audience`` "all" hides staff lines."""
        query = select(Message).where(
            Message.conversation_id == conversation_id, Message.seq > after
        )
        if audience == "all":
            query = query.where(Message.audience == "all")
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(Message.seq).limit(limit))
            return list(rows.scalars())

    async def conversations_of(self, customer_id: str) -> list[Conversation]:
        """Every conversation of a customer on any channel, oldest first."""
        query = select(Conversation).where(Conversation.customer_id == customer_id)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(Conversation.created_at))
            return list(rows.scalars())


async def append_in(session: AsyncSession, conversation_id: str, draft: Draft) -> Message:
    """Appends inside the caller's transaction; the caller announces after it committed."""
    moment = now()
    take = (
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(last_seq=Conversation.last_seq + 1, updated_at=moment)
        .returning(Conversation.last_seq, Conversation.channel, Conversation.channel_account)
    )
    taken = (await session.execute(take)).one_or_none()
    if taken is None:
        raise NotFound("没有找到这个会话。")
    seq, channel, account = taken
    message = Message(
        id=new_id("m"), conversation_id=conversation_id, seq=seq, created_at=moment,
        sender=draft.sender, text=draft.text, buttons=draft.buttons, card=draft.card,
        agent_id=draft.agent_id, agent_name=draft.agent_name, audience=draft.audience,
        in_reply_to=draft.in_reply_to,
        client_message_id=draft.client_message_id, understanding=draft.understanding,
    )  # fmt: skip
    session.add(message)
    await session.flush()
    if channel in PUSHED_CHANNELS and account and _for_customer(draft):
        session.add(
            Delivery(
                message_id=message.id, channel=channel, account=account, due_at=moment,
                created_at=moment, updated_at=moment,
            )
        )  # fmt: skip
    return message


def _for_customer(draft: Draft) -> bool:
    return draft.sender != "customer" and draft.audience == "all"
