"""Working on tickets: one with its whole story, who has it, calls that did or did not reach the customer.

A call back is worked on here long after its conversation ended, so whoever has it reads what was said, sees
whom to call, and the customer hears in their conversation what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import now
from core.database import Database
from core.errors import IllegalMove, InvalidInput, NotAllowed
from core.events import LiveBus
from core.security import mask
from core.staff import Staff, StaffAccount
from core.transcript import Conversation, Draft, Message, Transcript, append_in
from handoff import tickets, words
from handoff.agents import Presence
from handoff.contact import hidden, tell_of, whom_to_call
from handoff.context import masked
from handoff.hours import day_words
from handoff.models import Ticket, TicketState
from handoff.routing import GROUP_WORDS
from handoff.tickets import OPEN, TicketBook
from handoff.views import DeskViews

Call = Literal["reached", "missed"]
MAX_NOTE = 500
MAX_AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class Work:
    """What somebody did on a ticket.

    Args:
        state: the state after it; the same one adds a step.
        text: what was done; the customer reads it when the case ends.
        call: whether a call reached the customer; None = nobody called.
        again_at: when the customer will be called again.
    """

    state: TicketState
    text: str
    reply: bool = False
    call: Call | None = None
    again_at: datetime | None = None


class Casework:
    """The people's side of tickets. Agents work on what they or their group own, supervisors on all."""

    def __init__(
        self,
        database: Database,
        book: TicketBook,
        views: DeskViews,
        presence: Presence,
        transcript: Transcript,
        bus: LiveBus,
    ) -> None:
        self._database = database
        self._book = book
        self._views = views
        self._presence = presence
        self._transcript = transcript
        self._bus = bus

    async def listed(self, staff: Staff, states: Sequence[TicketState]) -> list[dict[str, Any]]:
        """Rows: the most urgent first, of ended ones the newest."""
        groups = None if "supervisor" in staff.roles else staff.skill_groups
        found = await self._book.listed(states, groups, staff.id)
        ids = {ticket.conversation_id for ticket in found if ticket.conversation_id}
        query = select(Conversation).where(Conversation.id.in_(ids))
        async with self._database.reading() as session:
            talks = {row.id: row for row in (await session.execute(query)).scalars()}
        names = await self._presence.names()
        return [_row(ticket, talks.get(ticket.conversation_id or ""), names) for ticket in found]

    async def detail(self, ticket_id: str, staff: Staff) -> dict[str, Any]:
        """The row, the numbers one may call (masked), and the context package of its conversation as of
        now, without which the agent would ask everything again.

        Raises:
            NotFound, NotAllowed
        """
        ticket = await self._book.check_sight(ticket_id, staff)
        async with self._database.reading() as session:
            talk, numbers = await whom_to_call(session, ticket)
        row = _row(ticket, talk, await self._presence.names())
        context = await self._views.package(ticket.handoff_id) if ticket.handoff_id else None
        return row | {
            "numbers": [hidden(number) for number in numbers],
            "context": masked(context.model_dump(mode="json")) if context else None,
        }

    async def work(self, ticket_id: str, staff: Staff, done: Work) -> Ticket:
        """Stores what was done, makes who did it the owner, and tells the customer what concerns them.

        Raises:
            NotAllowed: somebody else's.
            IllegalMove: not from the present state.
            InvalidInput: another call in the past, or too far ahead.
        """
        _check_again(done)
        await self._book.check_sight(ticket_id, staff)
        said: list[Message] = []
        names = await self._presence.names()
        async with self._database.transaction() as session:
            ticket = await tickets.locked(session, ticket_id)
            _check_mine(ticket, staff, names)
            before, owner = ticket.state, ticket.owner
            tickets.advance_in(
                ticket, done.state, staff.id, done.text,
                reply=done.reply or done.call == "reached", call=done.call, again_at=done.again_at,
            )  # fmt: skip
            if "agent" not in staff.roles:
                ticket.owner = owner  # A supervisor's word takes nobody's case away.
            line = _line_for_customer(ticket, before, done)
            if line and ticket.conversation_id:
                draft = Draft("system", line, card=tickets.card(ticket), agent_id=staff.id)
                said.append(await append_in(session, ticket.conversation_id, draft))
        await self._transcript.announce(said)
        await self.tell(ticket, staff)
        return ticket

    async def assign(
        self, ticket_id: str, staff: Staff, owner: str | None, group: str | None, note: str = ""
    ) -> Ticket:
        """Gives a case to a colleague, or to a group. Its clocks run on.

        Raises:
            InvalidInput: to nobody, or to somebody without the skill.
            NotAllowed: somebody else's.
            IllegalMove: it is over.
        """
        if len(note) > MAX_NOTE:
            raise InvalidInput(f"备注不能超过{MAX_NOTE}字。")
        if not owner and not group:
            raise InvalidInput("请选择要转给的同事或技能组。")
        if group and group not in GROUP_WORDS:
            raise InvalidInput("没有这个技能组，请重新选择。")
        await self._book.check_sight(ticket_id, staff)
        names = await self._presence.names()
        async with self._database.transaction() as session:
            ticket = await tickets.locked(session, ticket_id)
            if ticket.state not in OPEN:
                raise IllegalMove("工单已经办结，不能再转给别人。", state=ticket.state)
            _check_mine(ticket, staff, names)
            if owner:
                await _check_skill(session, owner, group or ticket.skill_group)
            ticket.skill_group, ticket.owner = group or ticket.skill_group, owner
            goal = names.get(owner or "") or f"{GROUP_WORDS[ticket.skill_group]}组"
            line = "接手处理" if owner == staff.id else f"转给{goal}"
            line += f"：{note.strip()}" if note.strip() else ""
            step = tickets.staff_step(ticket.state, line, now()) | {"actor": staff.id}
            ticket.history = [*ticket.history, step]
        await self.tell(ticket, staff)
        return ticket

    async def tell(self, ticket: Ticket, by: Staff) -> None:
        """Desks read the lists again; a new owner hears whose work came to them."""
        await tell_of(self._bus, ticket, by=by.id, by_name=by.display_name)


def _row(ticket: Ticket, talk: Conversation | None, names: dict[str, str]) -> dict[str, Any]:
    profile = (talk.profile if talk else None) or {}
    history = [
        step | {"text": mask(step["text"]), "actor_name": names.get(step.get("actor") or "")}
        for step in ticket.history
    ]
    return tickets.shown(ticket) | {
        "owner_name": names.get(ticket.owner or ""),
        "customer_name": masked(profile.get("name")),
        "tier": profile.get("tier") or "normal",
        "elderly": bool(profile.get("elderly")),
        "channel": talk.channel if talk else None,
        "history": history,
    }


def _check_mine(ticket: Ticket, staff: Staff, names: dict[str, str]) -> None:
    if ticket.owner in (None, staff.id) or "supervisor" in staff.roles:
        return
    raise NotAllowed(f"这个工单由{names.get(ticket.owner, ticket.owner)}负责，您不能操作。")


def _check_again(done: Work) -> None:
    if done.again_at is None:
        return
    if done.state not in OPEN:
        raise InvalidInput("工单办结后不需要再约时间。")
    if not now() < done.again_at <= now() + MAX_AHEAD:
        raise InvalidInput(f"再次联系的时间要在以后，并且不超过{MAX_AHEAD.days}天。")


async def _check_skill(session: AsyncSession, owner: str, group: str) -> None:
    found = await session.get(StaffAccount, owner)
    if found is None or not found.active or not {"agent", "supervisor"} & set(found.roles):
        raise InvalidInput("没有找到这位同事，请重新选择。")
    if group not in found.skill_groups and "supervisor" not in found.roles:
        words_ = GROUP_WORDS[group]
        raise InvalidInput(f"{found.display_name}没有“{words_}”技能，请换一位同事或转给技能组。")


def _line_for_customer(ticket: Ticket, before: TicketState, done: Work) -> str | None:
    if done.call == "missed" and ticket.state in OPEN:
        again = day_words(done.again_at) if done.again_at else None
        return words.call_missed(ticket.id, again)
    if before in OPEN and ticket.state not in OPEN:
        return words.case_done(ticket.id, done.text.strip(), solved=ticket.state == "resolved")
    return None
