"""One customer, one conversation: what happens to the threads when an account turns out to be a customer.

Accounts that last (WeChat, WeCom, the app) speak in their customer's one conversation, whatever channel it
began on. A browser's visit joins it too, but two visits stay apart: two open pages are two talks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.identity.models import ChannelAccount
from core.clock import new_id, now
from core.transcript import Conversation, Message
from handoff.models import Handoff, Ticket
from knowledge_base.models import Answered

VISIT = "web"
RESUMED_WITHIN = timedelta(days=90)
"""An older conversation stays an earlier one."""
OPEN_WITHIN = timedelta(hours=24)
_FOLLOWING: tuple[Any, ...] = (Handoff, Ticket, Answered)
"""Rows that name a conversation and move with its messages."""


async def conversation_for(
    session: AsyncSession, row: ChannelAccount, **fields: Any
) -> Conversation:
    """Where the account speaks: its own conversation, its customer's, or a new one with ``fields``."""
    if row.conversation_id:
        return await session.get_one(Conversation, row.conversation_id)
    found = await _home(session, row) if row.customer_id else None
    if found is None:
        return await _open(session, row, **fields)
    row.conversation_id = found.id
    return found


async def speaking_in(session: AsyncSession, row: ChannelAccount) -> Conversation | None:
    """The conversation in which the account has spoken, if it has."""
    if row.conversation_id is None:
        return None
    return await session.get(Conversation, row.conversation_id)


async def join(
    session: AsyncSession,
    row: ChannelAccount,
    here: Conversation | None,
    before: str | None,
    said_from: int | None = None,
) -> Conversation:
    """Moves the account to its customer's conversation, and what was just said with it.

    Args:
        row: with its new customer already set.
        here: where the account spoke until now; None = nowhere.
        before: the account's customer until now.
        said_from: see ``Identities.bind``.
    """
    there = await _home(session, row, here)
    if there is None:
        mine = here is not None and here.customer_id in (None, row.customer_id)
        there = here if here is not None and mine else await _open(session, row)
    if here is not None and there.id != here.id:
        guest = here.customer_id is None and before is None
        await carry(session, here, there, 0 if guest else said_from)
        if guest:
            await _follow(session, here, there)
    row.conversation_id = there.id
    for name, value in row.identity().items():
        setattr(there, name, value)
    there.profile = _profile(row, here, there)
    return there


async def open_talk(
    session: AsyncSession, row: ChannelAccount, here: Conversation
) -> Conversation | None:
    """Where a person waits for this customer, or they for a person, in another visit of today."""
    query = select(Conversation).where(
        Conversation.customer_id == row.customer_id,
        Conversation.id != here.id,
        Conversation.owner != "bot",
        Conversation.continued_in.is_(None),
        Conversation.updated_at > now() - OPEN_WITHIN,
    )
    newest = query.order_by(Conversation.updated_at.desc()).limit(1)
    return (await session.execute(newest)).scalar_one_or_none()


async def resume(
    session: AsyncSession, row: ChannelAccount, here: Conversation, there: Conversation
) -> None:
    """The visit goes on in the customer's open talk, with everything said in it."""
    await carry(session, here, there, 0)
    await _follow(session, here, there)
    row.conversation_id = there.id
    for name, value in row.identity().items():
        setattr(there, name, value)


def _profile(row: ChannelAccount, here: Conversation | None, there: Conversation) -> dict[str, Any]:
    """What the operator says of the customer; how they wish to be served, they say themselves."""
    profile = {**(there.profile or {}), **_told(row.profile)}
    for source in (there, here):
        wishes = (source.profile or {}) if source else {}
        if wishes.get("elderly_chosen"):
            profile |= {name: wishes[name] for name in ("elderly", "elderly_chosen")}
    return profile


async def _home(
    session: AsyncSession, row: ChannelAccount, here: Conversation | None = None
) -> Conversation | None:
    """The customer's conversation: one with a person in it first, then the newest."""
    if here is not None and here.customer_id == row.customer_id:
        return here
    recent = Conversation.updated_at > now() - RESUMED_WITHIN
    query = select(Conversation).where(
        Conversation.customer_id == row.customer_id, Conversation.continued_in.is_(None), recent
    )
    if row.channel == VISIT:
        query = query.where(_lasting())
    order = (case((Conversation.owner == "bot", 1), else_=0), Conversation.updated_at.desc())
    return (await session.execute(query.order_by(*order).limit(1))).scalar_one_or_none()


def _lasting() -> ColumnElement[bool]:
    return exists().where(
        ChannelAccount.conversation_id == Conversation.id, ChannelAccount.channel != VISIT
    )


async def _open(session: AsyncSession, row: ChannelAccount, **fields: Any) -> Conversation:
    moment = now()
    opened = Conversation(
        id=new_id("c"), channel=row.channel, channel_account=row.account, owner="bot", last_seq=0,
        assurance=0, profile=_told(row.profile), created_at=moment, updated_at=moment,
    )  # fmt: skip
    for name, value in (row.identity() | fields).items():
        setattr(opened, name, value)
    session.add(opened)
    await session.flush()
    row.conversation_id = opened.id
    return opened


async def carry(
    session: AsyncSession, source: Conversation, target: Conversation, since: int | None
) -> None:
    """Appends the words of one conversation from ``since`` on to another, with new numbers.

    The new numbers lie above those of both, so that whoever follows either by number misses nothing.
    """
    first = source.last_seq + 1 if since is None else since
    query = select(Message).where(Message.conversation_id == source.id, Message.seq >= first)
    moving = list((await session.execute(query.order_by(Message.seq))).scalars())
    highest = case(
        (Conversation.last_seq < source.last_seq, source.last_seq), else_=Conversation.last_seq
    )
    take = update(Conversation).where(Conversation.id == target.id)
    last = (
        await session.execute(
            take.values(last_seq=highest + len(moving), updated_at=now())
            .returning(Conversation.last_seq)
            .execution_options(synchronize_session=False)
        )
    ).scalar_one()
    known = select(Message.client_message_id).where(Message.conversation_id == target.id)
    taken = set((await session.execute(known)).scalars())
    for seq, message in enumerate(moving, last - len(moving) + 1):
        message.conversation_id, message.seq = target.id, seq
        if message.client_message_id in taken:
            message.client_message_id = None
    await session.flush()
    await session.refresh(target)


async def _follow(session: AsyncSession, source: Conversation, target: Conversation) -> None:
    """The guest's conversation ends in the customer's, with its handoffs, tickets and dialogue."""
    for table in _FOLLOWING:
        await session.execute(
            update(table)
            .where(table.conversation_id == source.id)
            .values(conversation_id=target.id)
        )
    source.continued_in = target.id
    if target.owner == "bot":
        # What is half done in this talk goes on; the other talk of the bot rests.
        target.dialogue_id = source.dialogue_id or source.id
    await session.execute(
        update(ChannelAccount)
        .where(ChannelAccount.conversation_id == source.id)
        .values(conversation_id=target.id)
    )


def _told(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (profile or {}).items() if value is not None}
