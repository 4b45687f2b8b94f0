"""Whom to call for a ticket: the numbers, who saw them, and what the customer told us of where and when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.errors import NotAllowed, NotFound
from core.events import TICKET, LiveBus
from core.redis_keys import STAFF_CHANNEL
from core.staff import Staff
from core.transcript import Conversation, Message
from handoff import tickets, words
from handoff.models import NumberReveal, Ticket
from handoff.supervising import REVEAL_S, check_reason
from handoff.tickets import OPEN, TicketBook

_MAX_NUMBERS = 4
_TEXT = 500
_NUMBER = re.compile(r"(?<!\d)(?:1[3-9]\d(?:[ -]?\d{4}){2}|0\d{2,3}[ -]?\d{7,8})(?!\d)")
"""Mobile and fixed numbers as people write them."""


class Contact:
    """Numbers of customers who are to be called."""

    def __init__(self, database: Database, book: TicketBook, bus: LiveBus) -> None:
        self._database = database
        self._book = book
        self._bus = bus

    async def reveal(self, ticket_id: str, staff: Staff, reason: str) -> dict[str, Any]:
        """The whole numbers, once the log has the row that says who asked and why.

        Raises:
            InvalidInput: no real reason.
            NotAllowed: not the owner of an open case, nor a supervisor.
            NotFound: the customer left no number.
        """
        why = check_reason(reason)
        await self._book.check_sight(ticket_id, staff)
        async with self._database.transaction() as session:
            ticket = await tickets.locked(session, ticket_id)
            own = ticket.owner == staff.id and ticket.state in OPEN
            if not own and "supervisor" not in staff.roles:
                raise NotAllowed("接手这个工单以后才能查看完整号码。")
            talk, numbers = await whom_to_call(session, ticket)
            if not numbers or talk is None or ticket.handoff_id is None:
                raise NotFound("客户没有留下电话，可以在原会话里联系。")
            session.add(
                NumberReveal(
                    handoff_id=ticket.handoff_id, conversation_id=talk.id, staff_id=staff.id,
                    masked_phone=hidden(numbers[0]), reason=why, at=now(),
                )
            )  # fmt: skip
        return {"phone": numbers[0], "numbers": numbers, "seconds": REVEAL_S}

    async def left(self, message: Message) -> str | None:
        """Notes where or when to call, when these are the customer's first words after we asked for that.

        Returns:
            What the customer hears; None = the words are about something else.
        """
        numbers = _numbers_in([message.text])
        if not numbers and not words.says_when(message.text):
            return None
        async with self._database.transaction() as session:
            ticket = await _asked_about(session, message)
            if ticket is None:
                return None
            step = tickets.staff_step(ticket.state, f"客户补充：{message.text}"[:_TEXT], now())
            ticket.history = [*ticket.history, step]
            mobile = next((number for number in numbers if number.startswith("1")), None)
            ticket.phone = ticket.phone or mobile
        await tell_of(self._bus, ticket)
        return words.contact_noted(ticket.id)


async def tell_of(bus: LiveBus, ticket: Ticket, **by: str) -> None:
    """Publishes how a ticket stands: identifiers only, desks read the rest."""
    await bus.publish(
        STAFF_CHANNEL, TICKET, ticket_id=ticket.id, state=ticket.state, owner=ticket.owner,
        skill_group=ticket.skill_group, **by,
    )  # fmt: skip


async def whom_to_call(
    session: AsyncSession, ticket: Ticket
) -> tuple[Conversation | None, list[str]]:
    """The conversation and whom to call: the number we know first, then what the customer wrote last."""
    if ticket.conversation_id is None:
        return None, [ticket.phone] if ticket.phone else []
    talk = await session.get(Conversation, ticket.conversation_id)
    query = select(Message.text).where(
        Message.conversation_id == ticket.conversation_id, Message.sender == "customer"
    )
    said = (await session.execute(query.order_by(Message.seq.desc()))).scalars()
    known = [ticket.phone, talk.phone if talk else None]
    return talk, _distinct([*known, *_numbers_in(said)])[:_MAX_NUMBERS]


async def _asked_about(session: AsyncSession, message: Message) -> Ticket | None:
    """The open call back that the line just before the message speaks of."""
    last = (
        select(Message)
        .where(
            Message.conversation_id == message.conversation_id,
            Message.seq < message.seq,
            Message.audience == "all",
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    line = (await session.execute(last)).scalar_one_or_none()
    if line is None or line.sender != "system":
        return None
    query = select(Ticket).where(
        Ticket.conversation_id == message.conversation_id,
        Ticket.kind == "callback",
        Ticket.state.in_(OPEN),
    )
    found = (await session.execute(query.with_for_update())).scalars()
    return next((ticket for ticket in found if ticket.id in line.text), None)


def _numbers_in(texts: Iterable[str]) -> list[str]:
    return [re.sub(r"[ -]", "", found) for text in texts for found in _NUMBER.findall(text)]


def _distinct(numbers: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(number for number in numbers if number))


def hidden(number: str) -> str:
    """138****0001, 010****5678."""
    return f"{number[:3]}****{number[-4:]}"
