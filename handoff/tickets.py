"""Tickets: cases that outlive a conversation, each with one owner and clocks until it is closed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import LOCAL_ZONE, now
from core.database import Database
from core.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from core.security import mask
from core.staff import Staff
from core.transcript import Conversation
from handoff import sla
from handoff.hours import ALWAYS, ServiceHours
from handoff.models import Grade, Ticket, TicketKind, TicketState
from handoff.routing import GROUP_WORDS

OPEN: tuple[TicketState, ...] = ("open", "processing")
"""Somebody still has to do something."""
DONE: tuple[TicketState, ...] = ("resolved", "closed")
KIND_WORDS: dict[TicketKind, str] = {
    "complaint": "投诉",
    "fault": "故障报修",
    "callback": "回访",
    "consultation": "咨询",
    "other": "其他",
}
STATE_WORDS: dict[TicketState, str] = {
    "open": "已受理",
    "processing": "处理中",
    "resolved": "已解决",
    "closed": "已关闭",
}
FIRST_REPLY_H: dict[Grade, float] = {"normal": 24, "high": 4}
"""Hours until somebody must have answered the customer."""
CALL_WORDS = {"reached": "已与客户通话", "missed": "回电没有接通"}
RESOLVE_H: dict[TicketKind, float] = {
    "complaint": 15 * 24,
    "fault": 48,
    "callback": 24,
    "consultation": 48,
    "other": 72,
}
"""Hours until the case must be resolved; complaints: the regulator's 15 days."""
HIGH_GRADE_SHARE = 1 / 3
"""A high grade leaves this share of the time to resolve."""

_TRANSITIONS: dict[TicketState, tuple[TicketState, ...]] = {
    "open": ("processing", "resolved", "closed"),
    "processing": ("processing", "resolved", "closed"),
    "resolved": ("processing", "closed"),
    "closed": (),
}
_TITLE_MAX, _TEXT_MAX = 100, 2000


def due_times(
    kind: TicketKind, grade: Grade, created: datetime, hours: ServiceHours = ALWAYS
) -> tuple[datetime, datetime]:
    """When the first reply and the resolution are due, in hours of service.

    The regulator's days for complaints are those of the calendar.
    """
    share = HIGH_GRADE_SHARE if grade == "high" else 1
    first = hours.add(created, FIRST_REPLY_H[grade] * 3600)
    if kind == "complaint":
        resolve = created + timedelta(hours=RESOLVE_H[kind] * share)
    else:
        resolve = hours.add(created, RESOLVE_H[kind] * share * 3600)
    return first, max(first, resolve)


class TicketBook:
    """Creates, lists and advances tickets."""

    def __init__(self, database: Database, hours: ServiceHours = ALWAYS) -> None:
        self._database = database
        self._hours = hours

    async def create(self, **fields: Any) -> Ticket:
        """Creates a ticket in a transaction of its own; fields as ``create_in``."""
        async with self._database.transaction() as session:
            return await create_in(session, hours=self._hours, **fields)

    async def get(self, ticket_id: str) -> Ticket:
        """Raises NotFound."""
        async with self._database.reading() as session:
            found = await session.get(Ticket, ticket_id)
        if found is None:
            raise NotFound("没有找到这个工单。")
        return found

    async def listed(
        self,
        states: Sequence[str] = OPEN,
        groups: Sequence[str] | None = None,
        owner: str | None = None,
        limit: int = 200,
    ) -> list[Ticket]:
        """Tickets, the one due first on top; of ended ones the newest.

        Args:
            groups: only what these skill groups own; None = all.
            owner: also what this person owns, whatever the group.
        """
        query = select(Ticket).where(Ticket.state.in_(states))
        if groups is not None:
            query = query.where(or_(Ticket.skill_group.in_(groups), Ticket.owner == owner))
        replied = Ticket.first_reply_at.is_not(None)
        due = case((replied, Ticket.resolve_due), else_=Ticket.first_reply_due)
        order = due if set(states) & set(OPEN) else Ticket.created_at.desc()
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(order, Ticket.id).limit(limit))
            return list(rows.scalars())

    async def check_sight(self, ticket_id: str, staff: Staff) -> Ticket:
        """The ticket, if it is this staff member's business; raises NotFound or NotAllowed."""
        ticket = await self.get(ticket_id)
        groups = {ticket.skill_group} & set(staff.skill_groups)
        if not groups and ticket.owner != staff.id and "supervisor" not in staff.roles:
            raise NotAllowed("这个工单不在您的技能组，您不能操作。")
        return ticket

    async def advance(
        self, ticket_id: str, state: TicketState, actor: str, text: str, reply: bool = False
    ) -> Ticket:
        """Moves a ticket on, or adds to it (same state), and makes the actor its owner.

        Args:
            text: what was done, for the customer's eyes too.
            reply: whether the customer was answered by this; stops the first-reply clock.

        Raises:
            IllegalMove: not from the present state.
        """
        async with self._database.transaction() as session:
            ticket = await locked(session, ticket_id)
            advance_in(ticket, state, actor, text, reply)
        return ticket


async def locked(session: AsyncSession, ticket_id: str) -> Ticket:
    """The ticket for a change within the caller's transaction; raises NotFound."""
    ticket = await session.get(Ticket, ticket_id, with_for_update=True)
    if ticket is None:
        raise NotFound("没有找到这个工单。")
    return ticket


def advance_in(
    ticket: Ticket,
    state: TicketState,
    actor: str,
    text: str,
    reply: bool = False,
    call: Literal["reached", "missed"] | None = None,
    again_at: datetime | None = None,
) -> None:
    """As ``TicketBook.advance``, on a locked ticket.

    Args:
        call: whether a call reached the customer.
        again_at: when they will be called again.
    """
    if state not in _TRANSITIONS[ticket.state]:
        raise IllegalMove(
            f"工单当前是“{STATE_WORDS[ticket.state]}”，不能改为“{STATE_WORDS[state]}”。"
        )
    moment = now()
    words = text.strip() or (CALL_WORDS[call] if call else STATE_WORDS[state])
    step = _step(state, words, actor, moment)
    step |= {"call": call} if call else {}
    step |= {"again_at": again_at.isoformat()} if again_at else {}
    ticket.state, ticket.owner = state, actor
    ticket.history = [*ticket.history, step]
    if (reply or state == "resolved") and ticket.first_reply_at is None:
        ticket.first_reply_at = moment
    ticket.resolved_at = moment if state == "resolved" else ticket.resolved_at


async def create_in(
    session: AsyncSession,
    *,
    kind: TicketKind,
    title: str,
    text: str,
    skill_group: str,
    conversation: Conversation | None = None,
    handoff_id: str | None = None,
    grade: Grade = "normal",
    owner: str | None = None,
    hours: ServiceHours = ALWAYS,
) -> Ticket:
    """Creates a ticket within the caller's transaction.

    Raises:
        InvalidInput: no title, or more text than allowed.
    """
    if not title.strip():
        raise InvalidInput("请填写工单标题。")
    if len(title) > _TITLE_MAX or len(text) > _TEXT_MAX:
        raise InvalidInput(f"工单标题不能超过{_TITLE_MAX}字，内容不能超过{_TEXT_MAX}字。")
    moment = now()
    first, resolve = due_times(kind, grade, moment, hours)
    ticket = Ticket(
        id=await _free_id(session, moment),
        kind=kind,
        grade=grade,
        state="open",
        title=title.strip(),
        text=text,
        skill_group=skill_group,
        owner=owner,
        conversation_id=conversation.id if conversation else None,
        handoff_id=handoff_id,
        customer_id=conversation.customer_id if conversation else None,
        phone=conversation.phone if conversation else None,
        history=[_step("open", f"{KIND_WORDS[kind]}已受理", owner, moment)],
        first_reply_due=first,
        resolve_due=resolve,
        escalate_at=min(first, resolve),
        escalations={},
        created_at=moment,
    )
    session.add(ticket)
    await session.flush()
    return ticket


def shown(ticket: Ticket) -> dict[str, Any]:
    """For staff: phone masked, clocks visible."""
    moment = now()
    late_reply = ticket.first_reply_at is None and moment > ticket.first_reply_due
    open_still = ticket.state in OPEN
    calls = [step for step in ticket.history if step.get("call")]
    return {
        "id": ticket.id,
        "kind": ticket.kind,
        "kind_text": KIND_WORDS[ticket.kind],
        "grade": ticket.grade,
        "state": ticket.state,
        "state_text": STATE_WORDS[ticket.state],
        "title": mask(ticket.title),
        "text": mask(ticket.text),
        "skill_group": ticket.skill_group,
        "skill_group_text": GROUP_WORDS[ticket.skill_group],
        "owner": ticket.owner,
        "calls_missed": sum(step["call"] == "missed" for step in calls),
        "again_at": calls[-1].get("again_at") if calls and open_still else None,
        "conversation_id": ticket.conversation_id,
        "handoff_id": ticket.handoff_id,
        "masked_phone": mask(ticket.phone) if ticket.phone else None,
        "first_reply_due": ticket.first_reply_due.isoformat(),
        "resolve_due": ticket.resolve_due.isoformat(),
        "overdue": open_still and (late_reply or moment > ticket.resolve_due),
        **sla.shown(sla.ticket_clocks(ticket), moment),
        "history": ticket.history,
        "created_at": ticket.created_at.isoformat(),
    }


def card(ticket: Ticket) -> dict[str, Any]:
    """The ticket card customers see; steps of staff alone are left out."""
    public = [step for step in ticket.history if not step.get("staff")]
    steps = [{"at": step["at"], "text": step["text"]} for step in public]
    return {
        "type": "ticket",
        "id": ticket.id,
        "title": ticket.title,
        "status": STATE_WORDS[ticket.state],
        "steps": steps,
    }


def staff_step(state: TicketState, text: str, at: datetime) -> dict[str, Any]:
    """A step of the history that customers never see."""
    return _step(state, text, None, at) | {"staff": True}


def _step(state: TicketState, text: str, actor: str | None, at: datetime) -> dict[str, Any]:
    return {"at": at.isoformat(), "state": state, "text": text, "actor": actor}


async def _free_id(session: AsyncSession, moment: datetime) -> str:
    # Digits only, short enough to be read out on the phone: date and six random ones.
    day = moment.astimezone(LOCAL_ZONE).strftime("%y%m%d")
    for _ in range(20):
        candidate = f"{day}{secrets.randbelow(10**6):06d}"
        if await session.get(Ticket, candidate) is None:
            return candidate
    raise RuntimeError("no free ticket number")
